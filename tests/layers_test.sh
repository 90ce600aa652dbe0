#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   The layers: dependencies between classes have no circle, each folder needs no
#   other include paths than those that it may use, only one file sees the
#   engine's struct, and asserts hold under -DNDEBUG. Run by `make check`, which
#   says where things are.

#   shellcheck disable=SC2317 # functions are called by result

count=0
status=0
stage=$(mktemp -d) || exit 1
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' HUP INT TERM
src=$TOP_SRCDIR/src

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

#   arrows: a line "CLASS CLASS" for each header that a class includes, whether
#   in its own header or in its source. A class and its _internal header are one.
arrows () {
    for file in "$src"/*/*.[ch] "$TOP_SRCDIR"/include/*.h; do
        class=$(basename "$file" | sed 's/\.[ch]$//; s/_internal$//')
        sed -n 's/^#include "\(zrelay_[a-z_]*\)\.h".*/\1/p' "$file" |
            sed 's/_internal$//' |
            while read -r other; do
                [ "$other" = "$class" ] || echo "$class $other"
            done
    done | sort -u
}

no_circle () {
    arrows > "$stage/arrows"
    #   There must be something to look at
    [ "$(wc -l < "$stage/arrows")" -gt 50 ] || return 1
    tsort "$stage/arrows" > "$stage/order"
}

#   It is found if there is one
finds_circle () {
    arrows > "$stage/arrows"
    echo "zrelay_number zrelay_engine" >> "$stage/arrows"
    ! tsort "$stage/arrows" > "$stage/order"
}

#   compiles FOLDER [FOLDER...]: each source of the first with include/ and the
#   paths of all of these; kinds and bridges with include/ alone.
compiles () {
    folder=$1
    paths=
    for path in "$@"; do
        paths="$paths -I$src/$path"
    done
    case $folder in
        kinds|bridges) paths= ;;
    esac
    for source in "$src/$folder"/*.c; do
        #   shellcheck disable=SC2086 # lists of words
        $CC -std=gnu99 -Wall -Wextra -Werror -fsyntax-only \
            -DZRELAY_SONAME='""' -DZRELAY_SOVERSION='""' \
            -DZRELAY_LIBDIR='""' -I"$TOP_SRCDIR/include" $paths $ZMQ_CFLAGS \
            "$source" || return 1
    done
}

#   A path with folders would need no include path
no_way_around () {
    ! grep '^# *include "[^"]*/' "$src"/kinds/*.[ch] "$src"/bridges/*.[ch]
}

struct_hidden () {
    [ "$(grep -l 'struct _zrelay_engine_t {' "$src"/*/*.[ch])" = \
        "$src/engine/zrelay_engine.c" ]
}

#   Each source that has asserts still calls what they call
asserts_hold () {
    for source in "$src"/*/*.c; do
        grep -q '^ *assert (' "$source" || continue
        case $source in
            */bridges/*) [ "$WITH_NATS" = yes ] || continue ;;
        esac
        folder=$(basename "$(dirname "$source")")
        [ "$folder" != store ] || [ -n "$HAVE_STORE" ] || continue
        #   shellcheck disable=SC2086 # lists of words
        $CC -std=gnu99 -DNDEBUG $KEEP_ASSERTS -DZRELAY_SOVERSION='""' \
            -DZRELAY_LIBDIR='""' -I"$TOP_SRCDIR/include" \
            -I"$src/engine" -I"$src/pipe" -I"$src/gate" -I"$src/plan" \
            -I"$src/$folder" $ZMQ_CFLAGS \
            -S -o "$stage/code.s" "$source" || return 1
        if ! grep -q '__assert' "$stage/code.s"; then
            echo "$source: no assert is left"
            return 1
        fi
    done
}

result "dependencies have no circle" no_circle
result "a circle would be found" finds_circle
result "kinds need nothing but include/" compiles kinds
result "kinds and bridges know no way around that" no_way_around
[ "$WITH_NATS" != yes ] ||
    result "bridges need nothing but include/" compiles bridges
result "stats are a leaf" compiles stats
result "the engine does not need the pipe" compiles engine
result "the pipe needs engine and gate" compiles pipe engine gate
result "the client needs nothing but include/" compiles client
result "the gate needs nothing but include/" compiles gate
result "plans need nothing but include/" compiles plan
result "the program needs plans" compiles program plan
result "the functions need pipe and engine" compiles device pipe engine
result "the host needs plans and leaves of the engine" compiles host plan engine
if [ -n "$HAVE_STORE" ]; then
    result "the store needs nothing but include/" compiles store
fi
result "one file sees the engine's struct" struct_hidden
result "asserts hold under -DNDEBUG" asserts_hold

echo "1..$count"
exit $status
