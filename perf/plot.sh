#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Pictures of the results of perf/bench, next to its summary.csv: zrelay
#   relative to its peers, throughput by size of messages, and round trips by
#   percentile.
#
#       perf/plot.sh SOURCES FOLDER

sources=$1
folder=$2

rm -f "$folder/ratios.svg" "$folder/throughput.svg" "$folder/latency.svg"
if ! command -v gnuplot > /dev/null; then
    echo "plot: skipped: there is no gnuplot (apt-get install gnuplot-nox)"
    exit 0
fi

#   draw NAME WORK RELAYS: a picture of the data that was prepared
draw () {
    gnuplot -e "folder='$folder'; name='$1'; work='$2'; relays='$3'" \
        "$sources/style.gp" "$sources/$1.gp" && echo "plot: $folder/$1.svg"
}

#   lines WORK RELAY: those of one curve, by tcp, in messages of one frame
lines () {
    awk -F , -v work="$1" -v relay="$2" \
        '$1 == work && $3 == "tcp" && $5 == 1 && $6 == relay' \
        "$folder/summary.csv"
}

#   curves NAME WORK: a curve for each relay that was measured
curves () {
    relays=
    for relay in zrelay zmq_proxy zproxy loop direct pyzmq; do
        lines "$2" "$relay" > "$folder/$1-$relay.dat"
        if [ -s "$folder/$1-$relay.dat" ]; then
            relays="$relays $relay"
        fi
    done
    [ -z "$relays" ] || draw "$1" "$2" "$relays"
    rm -f "$folder/$1"-*.dat
}

#   ratios: the speed of zrelay divided by that of each peer, for each work at
#   100 bytes; for a queue that is the reverse of the ratio of round trips
ratios () {
    awk -F , '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["transport"] == "tcp" && $column["frames"] == 1 &&
        $column["size"] == 100 &&
        $column["work"] ~ /^(streamer|forwarder|queue)-/ {
            work = $column["work"]
            value = $column["zrelay_to_it_messages_s"]
            if ($column["kind"] == "queue")
                value = $column["zrelay_to_it_p50_us"]
            if (value == "" || value == 0) next
            if (!(work in seen)) order[++works] = work
            seen[work] = 1
            speed[work, $column["relay"]] = \
                $column["kind"] == "queue" ? 1 / value : value
        }
        function line(work, kind, rest) {
            kind = rest = work
            sub(/-.*/, "", kind)
            sub(/^[a-z]*-/, "", rest)
            print kind "," rest "," speed[work, "zmq_proxy"] "," \
                speed[work, "zproxy"] "," speed[work, "loop"]
        }
        END {
            count = split("streamer forwarder queue", kinds, " ")
            for (k = 1; k <= count; k++)
                for (w = 1; w <= works; w++)
                    if (index(order[w], kinds[k]) == 1) line(order[w])
        }' "$folder/summary.csv" > "$folder/ratios.dat"
    [ ! -s "$folder/ratios.dat" ] || draw ratios "" "zmq_proxy zproxy loop"
    rm -f "$folder/ratios.dat"
}

ratios
curves throughput streamer-1
curves latency queue-200
