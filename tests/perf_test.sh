#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   The benchmark measures: a little of each sort of work gives figures where
#   there should be some, whatever they are. It notices a busy machine, and then
#   gives none for the README, whose tables are those of the figures beside it.
#   Run by `make check`, which says where things are.

#   shellcheck disable=SC2317 # functions are called by result
#   shellcheck disable=SC2086 # statuses and numbers are single words
#   shellcheck disable=SC2012 # names of results are simple
#   shellcheck disable=SC2016 # conditions are for awk

count=0
status=0
stage=$(mktemp -d) || exit 1
spinners=
#   shellcheck disable=SC2086 # a list of processes
trap '[ -z "$spinners" ] || kill $spinners; rm -rf "$stage"' EXIT
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

#   bench ARGUMENT...: whether the machine is busy does not matter here
bench () {
    "$TOP_BUILDDIR/perf/bench" --rounds 1 --load 0.001 --output "$stage" \
        --busy ignore "$@"
}

#   misuses ARGUMENT...: the benchmark measures nothing, and says why
misuses () {
    bench --work streamer-1 --relays zrelay "$@"
    [ $? -eq 2 ]
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

#   crews PROGRAM NUMBER COLUMN ARGUMENT...: so many runs of crews, all without
#   an error, and with a figure in that column, unless it is one of heartbeats
#   and there are none
crews () {
    program=$1
    number=$2
    column=$3
    shift 3
    rm -f "$stage/crews.csv"
    "$TOP_BUILDDIR/perf/$program" --rounds 1 --csv "$stage/crews.csv" "$@" ||
        return 1
    cat "$stage/crews.csv"
    awk -F , -v number="$number" -v name="$column" '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; columns = NF; next }
        NF != columns || $at["error"] != "" { bad++ }
        !($at[name] > 0 || $at["heartbeat"] == 0 && name ~ /beats/) { bad++ }
        END { exit bad || NR != number + 1 }' "$stage/crews.csv"
}

#   Where workers sent heartbeats, the relay did too
beats_return () {
    cat "$stage/crews.csv"
    awk -F , '
        NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
        ($at["beats_in_s"] > 0) != ($at["beats_out_s"] > 0) { bad++ }
        $at["beats_out_s"] > 0 { seen++ }
        END { exit bad || seen != 2 }' "$stage/crews.csv"
}

#   Instructions can be compared: by valgrind, as optimised code is
countable () {
    command -v "${VALGRIND:-valgrind}" > /dev/null && [ -z "$ZRELAY_SANITIZE" ] &&
        grep -q '^CFLAGS =.* -O[23]' "$TOP_BUILDDIR/Makefile"
}

#   Targets of instructions.sh: to pass on, to look, and rules. On a busy machine
#   relays and clients wait for each other more often, which only adds to what is
#   counted, so a miss is counted again.
counts_few () {
    for _ in 1 2 3; do
        (cd "$TOP_BUILDDIR" &&
            sh "$TOP_SRCDIR/perf/instructions.sh" "$stage/instructions" 2000 \
                loop zrelay zrelay-look zrelay-rules
        ) > "$stage/counted"
        cat "$stage/counted"
        [ "$(grep -c '^met' "$stage/counted")" -eq 3 ] && return 0
    done
    return 1
}

#   Some of what work_instructions.sh counts
steps () {
    "$TOP_BUILDDIR/perf/instructions" majordomo-0.2 100 10 20 5
}

nothing_left () {
    ls -A "$TMPDIR"
    [ -z "$(ls -A "$TMPDIR")" ]
}

#   figures STATUS BUSY FACTS: a little of work on a machine that is said to be
#   as quiet as FACTS, where the others are within their bounds, ends with that
#   status. Its output is in $stage/said.
within=load=0,others=0,stolen=0,spin_spread=1,spin_drift=1,trip_spread=1
within=$within,trip_drift=1
figures () {
    rm -rf "$stage/figures"
    "$TOP_BUILDDIR/perf/bench" --rounds 1 --load 0.001 --work streamer-1 \
        --relays zrelay,loop --output "$stage/figures" --busy "$2" \
        --pretend "$within,$3" > "$stage/said" 2>&1
    got=$?
    cat "$stage/said"
    [ $got -eq "$1" ]
}

#   files NAME...: these are the results
files () {
    for name in "$@"; do
        echo "$name"
    done > "$stage/wanted"
    ls "$stage/figures" | diff - "$stage/wanted"
}

#   says WORDS: the benchmark did, just now
says () {
    cat "$stage/said"
    grep -q -e "$1" "$stage/said"
}

#   refuses FACT: one that is out of bounds is enough in the end, and named; the
#   results of single runs are kept
refuses () {
    figures 1 refuse "$1=1000" || return 1
    files about.txt quiet.csv runs.csv || return 1
    grep -q "^$1,1000,.*,busy" "$stage/figures/quiet.csv" || return 1
    grep -q '^busy  *1000.000  at most' "$stage/said"
}

#   refuses_start FACT: one that is known early keeps it from starting
refuses_start () {
    figures 1 refuse "$1=1000" || return 1
    [ ! -d "$stage/figures" ] || return 1
    grep -q '^busy  *1000.000  at most' "$stage/said"
}

#   Facts that are not pretended are measured, and none is left unknown
measures_pace () {
    rm -rf "$stage/figures"
    "$TOP_BUILDDIR/perf/bench" --rounds 1 --load 0.3 --work streamer-1 \
        --relays loop --output "$stage/figures" --busy warn || return 1
    cat "$stage/figures/quiet.csv"
    awk -F , 'NR > 1 { seen++; if ($2 !~ /^[0-9]/) bad++ }
        END { exit bad || seen < 7 }' "$stage/figures/quiet.csv"
}

#   Processes that never rest take more than the bound, on machines with many
#   cores too
notices_others () {
    for core in $(seq 1 8 "$(getconf _NPROCESSORS_ONLN)"); do
        echo "$core"
        sh -c 'while :; do :; done' &
        spinners="$spinners $!"
    done
    measures_pace
    measured=$?
    kill $spinners
    wait $spinners 2> /dev/null
    spinners=
    [ $measured -eq 0 ] && grep -q '^others,.*,busy$' "$stage/figures/quiet.csv"
}

#   copy_sources: of all that perf/publish.sh needs and changes
copy_sources () {
    rm -rf "$stage/sources"
    mkdir -p "$stage/sources/doc" "$stage/sources/perf" &&
        cp "$TOP_SRCDIR/README.md" "$stage/sources" &&
        cp -R "$TOP_SRCDIR/doc/performance" "$stage/sources/doc" &&
        cp "$TOP_SRCDIR/perf/table.sh" "$stage/sources/perf" &&
        chmod -R u+w "$stage/sources"
}

publish () {
    sh "$TOP_SRCDIR/perf/publish.sh" "$stage/sources" "$@"
}

#   Tables that are made again are those that are there
tables_fit () {
    copy_sources && publish || return 1
    diff "$TOP_SRCDIR/README.md" "$stage/sources/README.md" &&
        diff "$TOP_SRCDIR/doc/performance/README.md" \
            "$stage/sources/doc/performance/README.md"
}

#   table DOCUMENT NAME LINES: it has that table, with so many lines below the
#   head at least, and no figure is missing
table () {
    sed -n "/^<!-- perf\/table.sh $2 -->$/,/^<!-- end -->$/p" "$1" |
        tee "$stage/table"
    awk -v least="$3" '
        /^\|/ { lines++ }
        / - / { bad++ }
        END { exit bad || lines < least + 2 }' "$stage/table"
}

tables_are_there () {
    details=$TOP_SRCDIR/doc/performance/README.md
    table "$TOP_SRCDIR/README.md" ratios 3 && table "$details" ratios 3 &&
        table "$details" throughput 14 && table "$details" trips 3 &&
        table "$details" libzmq 3 && table "$details" instructions 5 &&
        table "$details" targets 10 && table "$details" about 1
}

#   Where the README's figures come from is told in it
origin_is_told () {
    for label in commit processor; do
        value=$(sed -n "s/^$label *//p" \
            "$TOP_SRCDIR/doc/performance/about.txt")
        echo "$label: $value"
        [ -n "$value" ] &&
            grep -q -F -e "$value" "$TOP_SRCDIR/README.md" || return 1
    done
}

links_lead_somewhere () {
    sed -n 's/.*](\([^):#]*\)).*/\1/p' "$TOP_SRCDIR/doc/performance/README.md" \
        > "$stage/links"
    cat "$stage/links"
    [ -s "$stage/links" ] || return 1
    while IFS= read -r link; do
        [ -e "$TOP_SRCDIR/doc/performance/$link" ] || return 1
    done < "$stage/links"
}

#   make_results VERDICT: results to be published, where the throughput of the
#   streamer is 7.77 times that of its peers
make_results () {
    rm -rf "$stage/results"
    copy_sources && cp -R "$TOP_SRCDIR/doc/performance" "$stage/results" &&
        chmod -R u+w "$stage/results" || return 1
    printf 'fact,value,most,verdict\nload,0.1,0.25,%s\nworst,0.1,,\n' "$1" \
        > "$stage/results/quiet.csv"
    awk -F , '
        BEGIN { OFS = "," }
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i }
        NR > 1 && $1 == "streamer-1" {
            $column["zrelay_to_it_messages_s"] = 7.77
        }
        { print }' "$TOP_SRCDIR/doc/performance/summary.csv" \
        > "$stage/results/summary.csv"
}

unchanged () {
    diff -r "$TOP_SRCDIR/doc/performance" "$stage/sources/doc/performance" &&
        diff "$TOP_SRCDIR/README.md" "$stage/sources/README.md"
}

publishes () {
    make_results quiet && publish "$stage/results" || return 1
    grep -q -F '| 7.77 | 7.77 | 7.77 |' "$stage/sources/README.md" &&
        grep -q -F '| 7.77 | 7.77 | 7.77 |' \
            "$stage/sources/doc/performance/README.md" &&
        cmp "$stage/results/summary.csv" \
            "$stage/sources/doc/performance/summary.csv" &&
        cmp "$stage/results/quiet.csv" \
            "$stage/sources/doc/performance/quiet.csv"
}

#   keeps VERDICT: results of that verdict are refused, and change nothing
keeps () {
    make_results "$1" || return 1
    ! publish "$stage/results" && unchanged
}

#   keeps_without FILE: likewise when one is missing
keeps_without () {
    make_results quiet && rm "$stage/results/$1" || return 1
    ! publish "$stage/results" && unchanged
}

mkdir "$stage/tmp"
TMPDIR=$stage/tmp
export TMPDIR
relays=zrelay,zrelay_device_run,zmq_proxy,zproxy,loop,direct
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
result "all of these have figures" runs 12
result "messages that are looked at arrive" messages looked-at 180
result "a capture is read" always captured_percent '$6 ~ /capture/'
result "measures those that look at what is published" \
    bench --work looked-at-topics --size 10240 \
        --relays zrelay,zrelay-look,zrelay-zmsg,zrelay-filter
result "all of these have figures as well" runs 4
result "measures what grows" \
    bench --work 'peers-10,busy-10,topics-10,relays-10,stats-10' \
        --relays zrelay
result "all of these have figures too" runs 5
for words in "--relays zrelay,nobody" "--work looked-at,nothing"; do
    #   shellcheck disable=SC2086 # an option and its value
    result "refuses what it does not know: $words" misuses $words
done
result "says where the figures come from" grep -q '^libzmq' "$stage/about.txt"

result "relays that know their workers serve all requests by tcp" \
    crews work 7 cpu_ns --requests 2000 --forms \
    queue,bare,balancer-req,balancer-ppp,majordomo-0.1,majordomo-0.2,guide \
    --idle ""
result "and beside idle workers, who cost time" \
    crews work 7 cpu_ns --requests 2000 --transport inproc --idle 0,50 \
    --forms queue,majordomo-0.1,guide
result "workers and services can be many" \
    crews scale 8 cpu_ns --what workers,services --workers 10,200 \
    --services 1,100 --window 4 \
    --requests 2000 --forms queue,balancer-ppp,majordomo-0.2
result "workers without work send heartbeats" \
    crews scale 4 beats_in_s --what idle --workers 100 --msecs 1500 \
    --forms balancer-ppp,majordomo-0.2
result "and receive them" beats_return
result "their instructions can be counted" steps
if countable; then
    result "a message takes few instructions" counts_few
else
    count=$((count + 1))
    echo "ok $count - a message takes few instructions # SKIP not comparable"
fi

result "gives figures if the machine was quiet" figures 0 refuse load=0
result "writes all of them, and what it knows of the machine" \
    files about.txt quiet.csv runs.csv summary.csv targets.csv
for fact in others stolen spin_drift trip_drift; do
    result "gives no figures if the machine was busy: $fact" refuses $fact
done
for fact in load spin_spread trip_spread; do
    result "does not start if the machine is busy: $fact" refuses_start $fact
done
result "gives figures of a busy machine where it is told to" \
    figures 0 warn others=1000
result "but warns" says '^bench: warning: the machine was busy'
result "refuses to pretend what does not exist" figures 2 refuse wind=1
result "measures the pace of the machine" measures_pace
result "notices a process that takes CPU time" notices_others

result "the tables in the README and in doc/performance fit the figures" \
    tables_fit
result "all tables are there, and have figures" tables_are_there
result "the README tells where its figures come from" origin_is_told
result "links in doc/performance lead somewhere" links_lead_somewhere
result "publishes figures of a quiet machine" publishes
for verdict in busy unknown "quiet (pretended)"; do
    result "publishes none if it was: $verdict" keeps "$verdict"
done
for file in quiet.csv ratios.svg instructions.csv; do
    result "publishes none without $file" keeps_without $file
done
result "leaves nothing behind" nothing_left
echo "1..$count"
exit $status
