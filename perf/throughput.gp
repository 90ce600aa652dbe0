#   Throughput by size of messages: one curve for each relay, see plot.sh. The
#   columns are those of summary.csv: 4 size, 8 messages a second.

set title sprintf ("%s over tcp", work)
set logscale xy
set format "%.0s%c"
set xrange [8:2e6]
set xlabel "bytes in a message" textcolor rgb ink
set ylabel "messages a second" textcolor rgb ink
set key bottom left
plot for [relay in relays] sprintf ("%s/%s-%s.dat", folder, name, relay) \
    using 4:8:9:10 with yerrorlines title relay noenhanced
