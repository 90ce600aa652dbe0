#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Puts the results of `make perf-readme` into the sources: the files of
#   doc/performance, and the tables of README.md and doc/performance/README.md.
#
#       perf/publish.sh SOURCES [RESULTS]
#
#   A table stands between these two lines, and perf/table.sh prints it:
#
#       <!-- perf/table.sh NAME -->
#       <!-- end -->
#
#   Refuses results that were measured on a busy machine, and those that are
#   not complete. Without RESULTS it only makes the tables again.

sources=$1
results=$2
figures=$sources/doc/performance
files="about.txt instructions.csv latency.svg quiet.csv ratios.svg summary.csv
    targets.csv throughput.svg"

refuse () {
    echo "publish: $1; nothing was changed" >&2
    exit 1
}

if [ -n "$results" ]; then
    for file in $files; do
        [ -s "$results/$file" ] || refuse "there is no $results/$file"
    done
    #   Each fact with a bound is within it, was not made up, and there are some
    awk -F , 'NR > 1 && $3 != "" { seen++; if ($4 != "quiet") { print; bad++ } }
        END { exit bad || !seen }' "$results/quiet.csv" >&2 ||
        refuse "the machine was not quiet, see $results/quiet.csv"
fi

stage=$(mktemp -d) || exit 1
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM

#   fill DOCUMENT: print it, with tables of the figures in $stage
fill () {
    table=
    while IFS= read -r line; do
        case $line in
        '<!-- perf/table.sh '*' -->')
            echo "$line"
            table=${line#'<!-- perf/table.sh '}
            table=${table%' -->'}
            sh "$sources/perf/table.sh" "$stage" "$table" || return 1
            ;;
        '<!-- end -->')
            echo "$line"
            table=
            ;;
        *)
            [ -n "$table" ] || printf '%s\n' "$line"
            ;;
        esac
    done < "$1"
    [ -z "$table" ]
}

#   All is made before anything is changed
for file in $files; do
    if [ -f "${results:-$figures}/$file" ]; then
        cp "${results:-$figures}/$file" "$stage" || exit 1
    fi
done
fill "$sources/README.md" > "$stage/README.md" ||
    refuse "a table of README.md cannot be made"
fill "$figures/README.md" > "$stage/performance.md" ||
    refuse "a table of doc/performance/README.md cannot be made"

cat "$stage/README.md" > "$sources/README.md" || exit 1
cat "$stage/performance.md" > "$figures/README.md" || exit 1
for file in $files; do
    if [ -f "$stage/$file" ]; then
        cp "$stage/$file" "$figures" || exit 1
    fi
done
echo "publish: README.md and doc/performance have been renewed; check that" \
    "their sentences still fit the figures"
