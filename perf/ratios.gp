#   zrelay relative to its peers, as bars: a group for each work, a bar for each
#   peer. plot.sh makes the columns of the data: both parts of the work's name,
#   and zrelay's speed divided by that of each peer.

set title "Speed of zrelay relative to its peers: 100 bytes, tcp; higher is better"
set style data histograms
set style histogram clustered gap 1
set style fill solid 0.9 noborder
set boxwidth 0.9
set bmargin 3.5
set yrange [0:*]
set grid ytics
set xtics scale 0 noenhanced font ",11"
set key outside top center horizontal width 2
set arrow from graph 0, first 1 to graph 1, first 1 nohead front \
    linecolor rgb ink linewidth 2
plot for [i = 1:words (relays)] sprintf ("%s/%s.dat", folder, name) \
    using (column (i + 2)):xtic (strcol (1)."\n".strcol (2)) \
    title sprintf ("to %s", word (relays, i)) linetype i
