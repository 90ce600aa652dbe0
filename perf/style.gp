#   The look of all pictures: no background, and text and colours that are
#   readable on a light page as well as on a dark one (a contrast of 3 or more
#   with white and with #0d1117).

set datafile separator ","
set terminal svg size 800,420 font "sans-serif,14"
set output sprintf ("%s/%s.svg", folder, name)
ink = "#7a7a7a"
set border 3 linecolor rgb ink
set tics nomirror textcolor rgb ink
set title textcolor rgb ink
set key textcolor rgb ink noenhanced
set grid linecolor rgb ink
set linetype 1 linecolor rgb "#2f7ed8" linewidth 2
set linetype 2 linecolor rgb "#d9730d" linewidth 2
set linetype 3 linecolor rgb "#2e9e6b" linewidth 2
set linetype 4 linecolor rgb "#b0559e" linewidth 2
set linetype 5 linecolor rgb "#8a8a2a" linewidth 2
set linetype 6 linecolor rgb "#cc4b4b" linewidth 2
