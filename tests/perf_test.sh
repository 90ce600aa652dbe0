#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   The benchmark measures: a little of each sort of work gives figures where
#   there should be some, whatever they are. Run by `make check`, which says
#   where things are.

#   shellcheck disable=SC2317 # functions are called by result
#   shellcheck disable=SC2016 # conditions are for awk

count=0
status=0
stage=$(mktemp -d) || exit 1
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM

#   result DESCRIPTION COMMAND...: the command's success is the result
result () {
    description=$1
    shift
    count=$((count + 1))
    if "$@" > "$stage/output" 2>&1; then
        echo "ok $count - $description"
    else
        sed 's/^/#   /' "$stage/output"
        echo "not ok $count - $description"
        status=1
    fi
}

bench () {
    "$TOP_BUILDDIR/perf/bench" --rounds 1 --load 0.001 --output "$stage" "$@"
}

#   column NAME: its number in runs.csv
column () {
    head -n 1 "$stage/runs.csv" | tr , '\n' | grep -n -x "$1" | cut -d : -f 1
}

#   runs NUMBER: so many, each with all columns, a rate and no error
runs () {
    cat "$stage/runs.csv"
    awk -F , -v runs="$1" -v rate="$(column messages_s)" \
        -v error="$(column error)" '
        NR == 1 { columns = NF; next }
        NF != columns || !($rate > 0) || $error != "" { bad++ }
        END { exit bad || NR != runs + 1 }' "$stage/runs.csv"
}

#   always COLUMN CONDITION: of those lines of runs.csv where the condition, in
#   awk's words, is true there are some, and each has a number there
always () {
    cat "$stage/runs.csv"
    awk -F , -v column="$(column "$1")" "
        NR > 1 && ($2) { seen++; if (\$column !~ /^[0-9]/) bad++ }
        END { exit bad || !seen }" "$stage/runs.csv"
}

#   messages WORK NUMBER: measured after the warm-up
messages () {
    awk -F , -v column="$(column messages)" -v work="$1" -v number="$2" '
        $1 == work { print; seen++; if ($column != number) bad++ }
        END { exit bad || !seen }' "$stage/runs.csv"
}

nothing_left () {
    ls -A "$TMPDIR"
    [ -z "$(ls -A "$TMPDIR")" ]
}

#   What the README tells was made from the figures beside it, and there are
#   some
readme () {
    figures=$TOP_SRCDIR/doc/performance
    sh "$TOP_SRCDIR/perf/table.sh" "$figures" > "$stage/told" || return 1
    sed -n 's/^commit *//p; s/^processor *//p' "$figures/about.txt" \
        >> "$stage/told" || return 1
    while IFS= read -r line; do
        echo "$line"
        grep -q -F -e "$line" "$TOP_SRCDIR/README.md" || return 1
    done < "$stage/told"
}

mkdir "$stage/tmp"
TMPDIR=$stage/tmp
export TMPDIR
relays=zrelay,zrelay_run,zmq_proxy,zproxy,loop,direct
number=54
#   Not by inproc
if [ -n "$PYTHON" ]; then
    relays=$relays,pyzmq
    number=60
fi
result "measures every relay over every transport" \
    bench --work streamer-1,forwarder-10,queue-200 --relays $relays \
        --transport tcp,ipc,inproc
result "all runs have figures" runs $number
result "messages of a streamer are those that were sent" \
    messages streamer-1 360
result "messages of a forwarder are those that arrived" \
    messages forwarder-10 540
result "relays use CPU time" always cpu_ns '$6 != "direct"'
result "and know that of libzmq's own thread" \
    always io_ns '$6 != "direct" && $3 != "inproc"'
result "round trips are timed" always p99_us '$2 == "queue"'
result "processes have memory" always resident_kib \
    '$6 != "direct" && $3 != "inproc"'
result "measures those that look at messages" \
    bench --work looked-at --relays 'zrelay*,zmq_proxy-capture' --frames 10
result "all of these have figures" runs 6
result "a capture is read" always captured_percent '$6 ~ /capture/'
result "measures what grows" \
    bench --work 'peers-10,busy-10,topics-10,relays-10,stats-10' \
        --relays zrelay
result "all of these have figures too" runs 5
result "says where the figures come from" grep -q '^libzmq' "$stage/about.txt"
result "the README's tables are of the figures in doc/performance" readme
result "leaves nothing behind" nothing_left
echo "1..$count"
exit $status
