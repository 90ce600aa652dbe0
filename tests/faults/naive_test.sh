#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   A test that no relay can fail proves nothing. Runs each of the tests in
#   this folder against the naive relay, which has to fail, for the reason that
#   the test is about. Prints TAP. Run by `make check`, which says where things
#   are; names of tests may be given as arguments.

#   Seconds for each test. The naive relay may hang for good.
deadline=120

#   The tests, each with
#   - the naive relay's style (see naive.h);
#   - what shows that it was caught: words of a result that is "not ok", or
#     "crash" and words of its last ones if it ends the process;
#   - what it does wrong.
table='
01_backend_never_reads|wait|answers at once|waits in a send, where no command reaches it
02_one_client_never_reads|wait|are counted|loses replies and does not say so
02_one_client_never_reads|insist|are served when one never reads|waits until that one reads
02_one_client_never_reads|hesitate|are not slowed|waits for that one each time
03_capture_never_read|wait|the relay is not slowed|waits for the reader of the capture
04_no_consumer_no_cpu|spin|of a core|asks again and again
05_peers_come_and_go|wait|while paused|does not look at a socket that it does not read
06_endpoints_that_fail|wait|crash rc != -1|asserts that it can bind
07_subscriptions|wait|subscriptions of one peer|loses what is above a high-water mark
08_worker_killed_in_reply|frames|half requests|goes on with a message of which a frame was refused
09_worker_comes_back|wait|in its absence are counted|loses requests and does not say so
10_consumer_stopped|wait|answers at once meanwhile|waits in a send, where no command reaches it
11_raw_bytes|trust|crash s_look_at_subscription|asserts that a subscriber sends subscriptions
12_threads|share|each answer is right|counts the messages of all relays together
14_unwelcome_peers|wait|a denied address does not pass|sets no domain, so that nobody asks for an address
16_endless_message|wait|small frames without end are cut|leaves messages that never end to libzmq
17_too_many_peers|wait|have their replies|lets idle connections take all descriptors
19_log_never_read|wait|answers each|waits for the reader of its log
'

#   Less of everything than what a relay must stand
FAULTS_PEERS=2000
FAULTS_ROUNDS=200
FAULTS_MESSAGES=10000
FAULTS_TOPICS=100000
FAULTS_SECONDS=1
#   Bytes are thrown at random until some hit, at the latest
FAULTS_RAW_SECONDS=60
FAULTS_STOPPED=1000
FAULTS_RELAYS=40
FAULTS_TARGET=0
export FAULTS_ROUNDS FAULTS_MESSAGES FAULTS_TOPICS FAULTS_SECONDS
export FAULTS_STOPPED FAULTS_PEERS FAULTS_RELAYS FAULTS_RAW_SECONDS
export FAULTS_TARGET

count=0
status=0
pid=
folder=$(mktemp -d) || exit 1
#   What crashes leaves its files behind
TMPDIR=$folder
export TMPDIR
trap 'stop; rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM
#   It crashes on purpose, so leave no core where the shell can prevent that
#   shellcheck disable=SC3045
ulimit -c 0 2> /dev/null || true

stop () {
    if [ -n "$pid" ]; then
        kill -KILL "$pid"
        wait "$pid"
        pid=
    fi 2> /dev/null
}

#   running: is the test still there? If not, remembers how it ended.
running () {
    if kill -0 "$pid" 2> /dev/null; then
        return 0
    fi
    wait "$pid" 2> /dev/null
    ended=$?
    pid=
    return 1
}

#   caught EVIDENCE: does the output show it? A crash counts when the test has
#   been ended by a signal.
caught () {
    case $1 in
        crash*) [ $ended -gt 128 ] && grep -q "${1#crash }" "$folder/output" ;;
        *) grep -q "^not ok .*$1" "$folder/output" ;;
    esac
}

#   skipped EVIDENCE: could the test not find it out, as with sanitizers?
skipped () {
    grep -q "^ok .*$1.* # SKIP" "$folder/output"
}

#   attempt NAME STYLE EVIDENCE: run the test until it shows the evidence, or
#   ends, or there is no time left. Ten looks a second.
attempt () {
    ended=0
    : > "$folder/output"
    ZRELAY_NAIVE=$2 "$TOP_BUILDDIR/tests/faults/$1" \
        > "$folder/output" 2>&1 &
    pid=$!
    while running && [ $looks -lt $((deadline * 10)) ] && ! caught "$3"; do
        looks=$((looks + 1))
        sleep 0.1
    done
    stop
    looks=$((looks + 10))
}

#   expect_failure NAME STYLE EVIDENCE WHY
expect_failure () {
    count=$((count + 1))
    looks=0
    attempt "$1" "$2" "$3"
    #   Whether a fault shows is a matter of chance
    until caught "$3" || skipped "$3" || [ $looks -ge $((deadline * 10)) ]; do
        attempt "$1" "$2" "$3"
    done
    if caught "$3"; then
        echo "ok $count - $1 catches that the naive relay $4"
    elif skipped "$3"; then
        echo "ok $count - $1 # SKIP it cannot tell here"
    else
        tail -n 20 "$folder/output" | sed 's/^/#   /'
        echo "#   exit status $ended"
        echo "not ok $count - $1 catches that the naive relay $4"
        status=1
    fi
}

chosen () {
    [ -z "$wanted" ] || case " $wanted " in
        *" $1 "*) true ;;
        *) false ;;
    esac
}

wanted=$*
printf '%s' "$table" > "$folder/table"
while IFS='|' read -r name style evidence why; do
    if [ -n "$name" ] && chosen "$name"; then
        expect_failure "$name" "$style" "$evidence" "$why"
    fi
done < "$folder/table"
echo "1..$count"
exit $status
