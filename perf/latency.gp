#   Round trips by percentile: one curve for each relay, see plot.sh, for the
#   message of 100 bytes. The columns are those of summary.csv: 4 size, 17, 20
#   and 23 the percentiles.

set title sprintf ("%s over tcp, messages of 100 bytes", work)
set logscale y
set xrange [-0.5:2.5]
set xtics ("p50" 0, "p99" 1, "p99.9" 2)
set ylabel "round trip, usecs" textcolor rgb ink
set key top left
plot for [relay in relays] \
    "< awk -F , '$4 == 100 { print 0 \",\" $17; print 1 \",\" $20; \
        print 2 \",\" $23 }' " . sprintf ("%s/%s-%s.dat", folder, name, relay) \
    using 1:2 with linespoints title relay noenhanced
