#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   The completion for bash offers what the program has, and nothing else.

if ! command -v bash > /dev/null; then
    echo "1..0 # SKIP there is no bash"
    exit 0
fi
exec bash -c '
    source "$TOP_SRCDIR/packaging/zrelay.bash" || exit 1
    count=0
    failed=0
    folder=$(mktemp -d) || exit 1
    trap '\''rm -rf "$folder"'\'' EXIT
    mkdir "$folder/keys"
    touch "$folder/key one"

    #   offers WORD...: what is offered for the last of these words, in order
    offers () {
        COMP_WORDS=(zrelay "$@")
        COMP_CWORD=$#
        _zrelay "$ZRELAY" "${COMP_WORDS[$#]}" "${COMP_WORDS[$# - 1]}"
        printf "%s\n" "${COMPREPLY[@]}" | sort -u
    }

    #   equal DESCRIPTION EXPECTED ACTUAL
    equal () {
        count=$((count + 1))
        if [ "$2" = "$3" ] && [ -n "$2" ]; then
            echo "ok $count - $1"
        else
            diff <(echo "$2") <(echo "$3") | sed "s/^/#   /"
            echo "not ok $count - $1"
            failed=1
        fi
    }

    lines () { printf "%s\n" "$@" | sort -u; }

    help=$("$ZRELAY" --help)
    long=$(grep -o "^ .*" <<< "$help" | grep -o "^ *\(-., \)\?--[a-z0-9-]*" |
        grep -o -- "--.*" | sort -u)
    equal "all long options" "$long" "$(offers queue --)"
    equal "all options of a kind" \
        "$("$ZRELAY" cache --help | grep -o "^ *\(-., \)\?--[a-z0-9-]*" |
           grep -o -- "--.*" | sort -u)" "$(offers cache --)"
    for command in run ctl top; do
        equal "all options of $command" \
            "$("$ZRELAY" $command --help | grep -o "^ *\(-., \)\?--[a-z0-9-]*" |
               grep -o -- "--.*" | sort -u)" "$(offers $command --)"
    done
    equal "the words of ctl" "$(lines list ready reload stats stop)" \
        "$(offers ctl --json "")"
    equal "the options that begin like this" \
        "$(lines --permit --pid-file --plain)" "$(offers queue --p)"
    for kind in queue forwarder streamer proxy balancer majordomo cache; do
        equal "the kind $kind" "$kind" "$(offers "${kind:0:3}")"
    done
    equal "the commands of the synopsis" \
        "$(grep -o "^\(Usage:\)\? *zrelay [a-z]*" <<< "$help" |
           grep -o "[a-z]*$" | sort -u)" \
        "$(offers "" | grep -vx \
           "queue\|forwarder\|streamer\|proxy\|balancer\|majordomo\|cache")"
    equal "the words of an argument" "$(lines on off)" \
        "$(offers queue --revoke-cuts "")"
    equal "a side" "$(lines frontend backend)" "$(offers queue --guard "")"
    equal "what can be set" \
        "$(lines backend. frontend. forward. return. relay.)" \
        "$(offers queue -o "")"
    equal "directories" "$folder/keys" "$(offers queue --clients "$folder/k")"
    equal "files, with spaces in their names" \
        "$(lines "$folder/keys" "$folder/key one")" \
        "$(offers queue --curve "$folder/k")"
    equal "files for a command" \
        "$(lines "$folder/keys" "$folder/key one")" \
        "$(offers keygen "$folder/k")"
    echo "1..$count"
    exit $failed
'
