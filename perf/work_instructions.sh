#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Instructions for each request of 100 bytes in the thread of a relay that
#   knows its workers, libzmq's part included, counted by callgrind. Each relay
#   serves REQUESTS, and then twice as many: the difference is free of start and
#   end. A row is FORM,WINDOW,WORKERS,SERVICES; the first one is what the others
#   are compared with.
#
#       perf/work_instructions.sh [FOLDER [REQUESTS [ROW...]]]
#
#   Run by `make perf-work`, in the folder of the build; FOLDER gets
#   work_instructions.csv.

folder=${1:-perf-results}
requests=${2:-3200}
if [ $# -gt 2 ]; then
    shift 2
else
    set -- queue,32,32,1 bare,32,32,1 bare-majordomo,32,32,1 \
        balancer-req,32,32,1 balancer-ppp,32,32,1 majordomo-0.1,32,32,1 \
        majordomo-0.2,32,32,1 \
        guide,32,32,1 balancer-ppp,8,10,1 balancer-ppp,8,1000,1 \
        majordomo-0.1,8,10,1 majordomo-0.1,8,1000,1 majordomo-0.1,8,1000,1000
fi

rm -f "$folder/work_instructions.csv"
if ! command -v "${VALGRIND:-valgrind}" > /dev/null; then
    echo "work_instructions: skipped: there is no valgrind"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$folder" || exit 1

#   On one core, and without being interrupted, the clients get all requests of a
#   batch out before the relay wakes: it does the same each time
calmly="taskset -c 0 chrt -b 0"
$calmly true 2> "$work/log" || calmly=

#   count FORM REQUESTS WINDOW WORKERS SERVICES: prints the instructions of the
#   relay's thread, which is the last one that was started, and has the last
#   file
count () {
    rm -f "$work"/out*
    #   shellcheck disable=SC2086 # a shell and its script
    $calmly ${LIBTOOL:-./libtool} --mode=execute "${VALGRIND:-valgrind}" \
        --tool=callgrind --separate-threads=yes \
        --callgrind-out-file="$work/out" \
        perf/instructions "$@" > "$work/log" 2>&1 || {
            cat "$work/log" >&2
            return 1
        }
    for file in "$work"/out-*; do
        last=$file
    done
    sed -n 's/^totals: *//p' "$last"
}

echo "form,window,workers,services,instructions" > "$work/csv"
for row in "$@"; do
    form=${row%%,*}
    numbers=$(echo "${row#*,}" | tr , ' ')
    #   shellcheck disable=SC2086 # three numbers
    once=$(count "$form" "$requests" $numbers) || exit 1
    #   shellcheck disable=SC2086
    twice=$(count "$form" $((2 * requests)) $numbers) || exit 1
    echo "$row $once $twice" | awk -v n="$requests" \
        '{ printf "%s,%.1f\n", $1, ($3 - $2) / n }' >> "$work/csv"
done
mv "$work/csv" "$folder/work_instructions.csv"
echo "Instructions of the relay's thread for each request, by inproc"
awk -F , '
    NR == 1 { printf "%-16s %8s %8s %8s %12s %12s\n", $1, $2, $3, $4, $5,
              "to the first" }
    NR == 2 { first = $5 }
    NR > 1 { printf "%-16s %8d %8d %8d %12.1f %12.2f\n", $1, $2, $3, $4, $5,
             $5 / first }' "$folder/work_instructions.csv"
