#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   The README's tables, from what perf/bench has measured: medians by tcp, in
#   messages of one frame.
#
#       perf/table.sh FOLDER

#   table TITLE WORKS SIZES FIGURE UNIT FIGURE UNIT: a line for each work and
#   size, with both figures of each relay
table () {
    awk -F , -v title="$1" -v works="$2" -v sizes="$3" -v one="$4" \
        -v one_unit="$5" -v two="$6" -v two_unit="$7" '
        function known(list, word) { return index("," list ",", "," word ",") }
        function shown(value) {
            if (value == "") return "-"
            return sprintf(value < 100 ? "%.2f" : "%.0f", value)
        }
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["transport"] == "tcp" && $column["frames"] == 1 &&
        known(works, $column["work"]) && known(sizes, $column["size"]) {
            line = $column["work"] " | " $column["size"]
            if (!(line in seen)) order[++lines] = line
            seen[line] = 1
            first[line, $column["relay"]] = $column[one] / one_unit
            second[line, $column["relay"]] = $column[two] / two_unit
        }
        END {
            count = split("zrelay,zmq_proxy,zproxy,loop", relays, ",")
            head = "| " title " | bytes"
            rule = "| --- | ---:"
            for (i = 1; i <= count; i++) {
                head = head " | " relays[i]
                rule = rule " | ---:"
            }
            print head " |"
            print rule " |"
            for (l = 1; l <= lines; l++) {
                text = "| " order[l]
                for (i = 1; i <= count; i++)
                    text = text " | " shown(first[order[l], relays[i]]) \
                        ", " shown(second[order[l], relays[i]])
                print text " |"
            }
        }' "$folder/summary.csv"
}

folder=$1
table "thousand messages a second, usecs of CPU for each" \
    streamer-1,streamer-4,forwarder-1,forwarder-10,forwarder-100 \
    10,100,1024,65536 messages_s 1000 cpu_ns 1000
echo
table "usecs of CPU for each message, of them in libzmq's I/O thread" \
    streamer-1,forwarder-1,queue-200 100 cpu_ns 1000 io_ns 1000
echo
table "round trip in usecs: half, 99 of 100" \
    queue-1,queue-200,queue-100-clients 100 p50_us 1 p99_us 1
