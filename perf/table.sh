#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Tables for README.md and for doc/performance/README.md, made from the
#   results of perf/bench: medians by tcp, in messages of one frame.
#
#       perf/table.sh FOLDER [NAME...]
#
#   Prints the tables of these names, or all of them. perf/publish.sh puts them
#   into their places.

#   ratios: zrelay's figure divided by the peer's, in the most important cases
ratios () {
    awk -F , '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        $column["transport"] == "tcp" && $column["frames"] == 1 &&
        $column["size"] == 100 {
            place = $column["work"] SUBSEP $column["relay"]
            rate[place] = $column["zrelay_to_it_messages_s"]
            trip[place] = $column["zrelay_to_it_p50_us"]
        }
        function shown(value) {
            return value == "" ? "-" : sprintf("%.2f", value)
        }
        function line(title, ratio, work, better, i, text) {
            text = "| " title
            for (i = 1; i <= count; i++)
                text = text " | " shown(ratio[work, peers[i]])
            print text " | " better " |"
        }
        END {
            count = split("zmq_proxy,zproxy,loop", peers, ",")
            print "| zrelay, messages of 100 bytes | to `zmq_proxy` |" \
                " to `zproxy` | to a bare loop | better |"
            print "| --- | ---: | ---: | ---: | --- |"
            line("streamer, throughput", rate, "streamer-1", "higher")
            line("forwarder, throughput", rate, "forwarder-1", "higher")
            line("queue, round trip", trip, "queue-1", "lower")
        }' "$folder/summary.csv"
}

#   figures TITLE WORKS SIZES FIGURE UNIT FIGURE UNIT [RELAYS]: a line for each
#   work and size, with both figures of each relay
figures () {
    awk -F , -v title="$1" -v works="$2" -v sizes="$3" -v one="$4" \
        -v one_unit="$5" -v two="$6" -v two_unit="$7" \
        -v names="${8:-zrelay,zmq_proxy,zproxy,loop}" '
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
            count = split(names, relays, ",")
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

throughput () {
    figures "thousand messages a second, usecs of CPU for each" \
        streamer-1,streamer-4,forwarder-1,forwarder-10,forwarder-100 \
        10,100,1024,65536 messages_s 1000 cpu_ns 1000
}

libzmq () {
    figures "usecs of CPU for each message, of them in libzmq's I/O thread" \
        streamer-1,forwarder-1,queue-200 100 cpu_ns 1000 io_ns 1000
}

looks () {
    figures "thousand messages a second, usecs of CPU for each" \
        looked-at,looked-at-topics 100,10240 messages_s 1000 cpu_ns 1000 \
        zrelay,zrelay-look,zrelay-zmsg,zrelay-filter
}

trips () {
    figures "round trip in usecs: median, 99th percentile" \
        queue-1,queue-200,queue-100-clients 100 p50_us 1 p99_us 1
}

#   instructions: all for each message, and those in zrelay's own functions
instructions () {
    awk -F , '
        NR == 1 {
            print "| instructions for each message of 100 bytes, by inproc |" \
                " all | in zrelay |"
            print "| --- | ---: | ---: |"
            next
        }
        { printf "| %s | %.0f | %.0f |\n", $1, $2, $3 }' \
        "$folder/instructions.csv"
}

#   targets: in how many cells each target was met
targets () {
    awk -F , '
        NR == 1 { for (i = 1; i <= NF; i++) column[$i] = i; next }
        {
            peer = $column["peer_work"]
            if (peer == "") peer = $column["peer"]
            line = $column["what"] " | " $column["relay"] " to " peer " | " \
                "at " $column["relation"] " " $column["bound"]
            if (!(line in seen)) order[++lines] = line
            seen[line] = 1
            verdicts[line, $column["verdict"]]++
        }
        END {
            print "| target | ratio | bound | met | unclear | missed |"
            print "| --- | --- | --- | ---: | ---: | ---: |"
            for (l = 1; l <= lines; l++)
                printf "| %s | %d | %d | %d |\n", order[l],
                    verdicts[order[l], "met"], verdicts[order[l], "unclear"],
                    verdicts[order[l], "missed"]
        }' "$folder/targets.csv"
}

#   about: where the figures come from
about () {
    awk '
        { label = $1; $1 = ""; sub(/^ /, ""); value[label] = $0 }
        END {
            print "| commit | date | libzmq | CZMQ | cores | processor |" \
                " system | rounds | quiet |"
            print "| --- | --- | --- | --- | ---: | --- | --- | --- | --- |"
            printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s |\n",
                value["commit"], value["date"], value["libzmq"],
                value["CZMQ"], value["cores"], value["processor"],
                value["system"], value["rounds"],
                "quiet" in value ? value["quiet"] : "not checked"
        }' "$folder/about.txt"
}

#   origin: the same in one sentence
origin () {
    awk '
        { label = $1; $1 = ""; sub(/^ /, ""); value[label] = $0 }
        END {
            state["yes"] = "was quiet"
            state["no"] = "was busy"
            quiet = value["quiet"]
            printf "Measured at commit %s with libzmq %s on %s cores (%s)," \
                " on a machine that %s.\n", value["commit"],
                value["libzmq"], value["cores"], value["processor"],
                quiet in state ? state[quiet] : "may have been busy"
        }' "$folder/about.txt"
}

tables="ratios throughput libzmq looks trips instructions targets about origin"
folder=$1
shift
#   shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $tables
for name in "$@"; do
    case " $tables " in
    *" $name "*)
        "$name" || exit 1
        ;;
    *)
        echo "table: no table '$name'; there are: $tables" >&2
        exit 2
        ;;
    esac
    [ $# -eq 1 ] || echo
done
