#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Runs each class's own test, the test of threads, and some tests of the
#   program, under ThreadSanitizer, and prints TAP. First it makes sure that what
#   is suppressed would not hide a race of our own: tests/tsan_race has some,
#   which must be found. Called by `make tsan`, which says where things are.

case $ZRELAY_SANITIZE in
    *thread*) ;;
    *)  echo "make tsan needs a build of its own, such as" >&2
        echo "  ../configure --enable-sanitizers=thread && make tsan" >&2
        exit 1 ;;
esac

number=0
failed=0
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' HUP INT TERM

#   CZMQ ends some functions by a jump to pthread_mutex_unlock (), which then
#   seems to be called by us, of what was never locked. Races of what zrelay's
#   own locks guard are reported all the same.
TSAN_OPTIONS="report_mutex_bugs=0 $TSAN_OPTIONS"
TSAN_OPTIONS="suppressions=$TOP_SRCDIR/tests/tsan.supp $TSAN_OPTIONS"
export TSAN_OPTIONS
#   Everything takes several times as long
FAULTS_ROUNDS=${FAULTS_ROUNDS:-2}
export FAULTS_ROUNDS

#   result STATUS DESCRIPTION
result () {
    number=$((number + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $number - $2"
    else
        failed=$((failed + 1))
        echo "not ok $number - $2"
    fi
}

#   judge STATUS DESCRIPTION: of what has ended so, and printed the output
judge () {
    status=$1
    races=$(grep -Ec '^(WARNING|FATAL): ThreadSanitizer' "$folder/output")
    if [ "$status" -ne 0 ] || [ "$races" -ne 0 ]; then
        sed 's/^/#   /' "$folder/output"
        echo "#   exit status $status, $races reports"
        status=1
    fi
    result "$status" "$2"
}

#   check DESCRIPTION COMMAND ...: no race is reported, and the test passes
check () {
    description=$1
    shift
    "$@" > "$folder/output" 2>&1
    judge $? "$description"
}

#   check_found WORD DESCRIPTION COMMAND ...: a race is reported, in a function
#   of that name
check_found () {
    word=$1
    description=$2
    shift 2
    "$@" > "$folder/output" 2>&1
    grep -q "^SUMMARY: ThreadSanitizer: data race .* in $word" \
        "$folder/output" && ! grep -q FATAL "$folder/output"
    status=$?
    if [ $status -ne 0 ]; then
        sed 's/^/#   /' "$folder/output"
    fi
    result $status "$description"
}

#   check_program NAME: no race is reported by the program's processes in the
#   tests of that file, at least one of which runs to its end. Some of these
#   depend on how fast the program is, so `make check` has to show that they
#   pass.
check_program () {
    TSAN_OPTIONS="log_path=$folder/report exitcode=0 $TSAN_OPTIONS" \
        "$PYTHON" "$TOP_SRCDIR/tests/$1.py" > "$folder/output" 2>&1
    grep '^ok ' "$folder/output" | grep -qv '# SKIP'
    status=$?
    cat "$folder"/report.* >> "$folder/output" 2> /dev/null
    rm -f "$folder"/report.*
    judge $status "no race in the program, by $1"
}

race=$TOP_BUILDDIR/tests/tsan_race
check_found s_tick "a race in code of a relay is found" "$race" number
check_found s_tick "a race by way of libc is found" "$race" text
check "and none where there is none" "$race" nothing

selftest=$TOP_BUILDDIR/selftest/zrelay_selftest
for class in ${CLASSES:-$("$selftest" --list)}; do
    check "no race in $class" "$selftest" --test "$class"
done
check "no race with relays steered from many threads" \
    "$TOP_BUILDDIR/tests/faults/12_threads"
#   What has threads besides the relays': bridges, and the store
for test in $TSAN_TESTS; do
    check_program "$test"
done

echo "1..$number"
[ $failed -eq 0 ]
