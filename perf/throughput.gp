#   Throughput by size of messages: one curve for each relay, see plot.sh. The
#   columns are those of summary.csv: 4 size, 8 messages a second.

set datafile separator ","
set terminal svg size 800,500 background "white"
set output sprintf ("%s/%s.svg", folder, name)
set title sprintf ("%s over tcp", work)
set logscale xy
set format "%.0s%c"
set xrange [8:2e6]
set xlabel "bytes in a message"
set ylabel "messages a second"
set grid
set key bottom left
plot for [relay in relays] sprintf ("%s/%s-%s.dat", folder, name, relay) \
    using 4:8:9:10 with yerrorlines title relay noenhanced
