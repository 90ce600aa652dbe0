#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Pictures of what perf/bench has measured, next to its summary.csv:
#   throughput by size of messages, and latency by percentile.
#
#       perf/plot.sh SOURCES FOLDER

sources=$1
folder=$2

if ! command -v gnuplot > /dev/null; then
    echo "plot: skipped: there is no gnuplot (apt-get install gnuplot-nox)"
    exit 0
fi

#   lines WORK RELAY: those of one curve, by tcp, in messages of one frame
lines () {
    awk -F , -v work="$1" -v relay="$2" \
        '$1 == work && $3 == "tcp" && $5 == 1 && $6 == relay' \
        "$folder/summary.csv"
}

#   plot NAME WORK: a picture with a curve for each relay that was measured
plot () {
    curves=
    for relay in zrelay zmq_proxy zproxy loop direct pyzmq; do
        lines "$2" "$relay" > "$folder/$1-$relay.dat"
        if [ -s "$folder/$1-$relay.dat" ]; then
            curves="$curves $relay"
        fi
    done
    if [ -n "$curves" ]; then
        gnuplot -e "folder='$folder'; name='$1'; work='$2';
                    relays='$curves'" "$sources/$1.gp" &&
            echo "plot: $folder/$1.svg"
    fi
    rm -f "$folder/$1"-*.dat
}

plot throughput streamer-1
plot latency queue-200
