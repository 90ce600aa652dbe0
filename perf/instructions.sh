#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Instructions for each message of 100 bytes, counted by callgrind: all of the
#   relay's, including libzmq's, and those in zrelay's own functions. Each relay
#   carries MESSAGES, and then twice as many: the difference is free of start
#   and end. The same without a relay is the clients' part, and is subtracted.
#
#       perf/instructions.sh [FOLDER [MESSAGES [RELAY...]]]
#
#   Run by `make perf`, in the folder of the build; FOLDER gets
#   instructions.csv.

folder=${1:-perf-results}
messages=${2:-10000}
if [ $# -gt 2 ]; then
    shift 2
else
    set -- zrelay loop zproxy zmq_proxy zrelay-look zrelay-zmsg zrelay-filter \
        zrelay-only zrelay-except zrelay-rename zrelay-rules
fi

rm -f "$folder/instructions.csv"
if ! command -v "${VALGRIND:-valgrind}" > /dev/null; then
    echo "instructions: skipped: there is no valgrind"
    exit 0
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
mkdir -p "$folder" || exit 1

#   count RELAY MESSAGES: prints all instructions, and those of zrelay
count () {
    #   shellcheck disable=SC2086 # a shell and its script
    ${LIBTOOL:-./libtool} --mode=execute "${VALGRIND:-valgrind}" \
        --tool=callgrind --callgrind-out-file="$work/out" \
        perf/instructions "$1" "$2" > "$work/log" 2>&1 || {
            cat "$work/log" >&2
            return 1
        }
    callgrind_annotate --auto=no --threshold=100 "$work/out" 2> "$work/log" |
        tr -d , | awk '
            /PROGRAM TOTALS/ { total = $1 }
            /src\/[a-z]*\/zrelay_[a-z_]*\.c:/ { own += $1 }
            END { printf "%.0f %.0f\n", total, own }'
}

#   each RELAY: prints both for one message
each () {
    once=$(count "$1" "$messages") || return 1
    twice=$(count "$1" $((2 * messages))) || return 1
    echo "$once $twice" | awk -v n="$messages" \
        '{ printf "%.1f %.1f\n", ($3 - $1) / n, ($4 - $2) / n }'
}

clients=$(each direct) || exit 1
echo "relay,instructions,of_zrelay" > "$work/csv"
for relay in "$@"; do
    figures=$(each "$relay") || exit 1
    echo "$figures ${clients%% *}" | awk -v relay="$relay" \
        '{ printf "%s,%.1f,%.1f\n", relay, $1 - $3, $2 }' >> "$work/csv"
done
mv "$work/csv" "$folder/instructions.csv"
floor=$(sed -n 's/^loop,\([^,]*\),.*/\1/p' "$folder/instructions.csv")
echo "Instructions for each message of 100 bytes, by inproc"
awk -F , -v floor="$floor" '
    NR == 1 { printf "%-16s %12s %12s %14s\n", $1, "all", "in zrelay",
              "to bare loop" }
    NR > 1 { printf "%-16s %12.1f %12.1f %14s\n", $1, $2, $3,
              floor? sprintf ("%.2f", $2 / floor): "-" }' \
    "$folder/instructions.csv"
awk -F , -v floor="$floor" '
    floor && $1 == "zrelay" {
        printf "%s  instructions of zrelay / loop %.2f, at most 1.10\n",
               $2 <= 1.1 * floor? "met": "missed", $2 / floor
    }
    floor && $1 == "zrelay-look" {
        printf "%s  instructions of zrelay-look / loop %.2f, at most 1.52\n",
               $2 <= 1.52 * floor? "met": "missed", $2 / floor
    }
    $1 == "zrelay" { pass = $2 }
    pass && $1 ~ /^zrelay-(only|except|rename|rules)$/ {
        printf "%s  instructions of %s / zrelay %.2f, at most 1.30\n",
               $2 <= 1.3 * pass? "met": "missed", $1, $2 / pass
    }' "$folder/instructions.csv"
