#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   What `make install` installs is enough to build a kind of one's own, and
#   `make uninstall` leaves nothing behind. Run by `make check`, which says
#   where things are.

#   shellcheck disable=SC2317 # functions are called by result

count=0
status=0
bindir=$INSTALLED_BINDIR
libdir=$INSTALLED_LIBDIR
mandir=$INSTALLED_MANDIR
datadir=$INSTALLED_DATADIR
unitdir=$INSTALLED_UNITDIR
pkgconfigdir=$INSTALLED_PKGCONFIGDIR
stage=$(mktemp -d) || exit 1
trap 'rm -rf "$stage"' EXIT
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

#   skip DESCRIPTION REASON
skip () {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

#   Installs as packagers do, into a folder that stands for the root. Make's
#   own variables are those of the `make check` that runs this, and not ours.
destdir=$stage/root
run_make () {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u TESTS \
        "$MAKE" -C "$TOP_BUILDDIR" "$@" DESTDIR="$destdir"
}

files_left () {
    find "$destdir" ! -type d -print
    [ -z "$(find "$destdir" ! -type d -print)" ]
}

#   offered HEADER...: the functions that these headers declare
offered () {
    sed -n '/\/\//!s/^    .*\(zrelay_[a-z_]*\) (.*[,;)]$/\1/p' "$@" | sort -u
}

#   symbols_fit LIBRARY HEADER...: every function that the headers offer is
#   there, and nothing else
symbols_fit () {
    library=$1
    shift
    offered "$@" > "$stage/offered"
    nm -D --defined-only "$destdir$libdir/$library" |
        sed -n 's/.* [TDBR] //p' | sort -u > "$stage/defined"
    diff "$stage/offered" "$stage/defined"
}

library_fits () {
    #   shellcheck disable=SC2046 # a list of words
    symbols_fit libzrelay.so \
        $(find "$(includedir)" -name 'zrelay*.h' ! -name zrelay_main.h \
            ! -name zrelay_store.h ! -name zrelay_spool.h \
            ! -name zrelay_titanic.h ! -name zrelay_nats.h)
}

store_library_fits () {
    symbols_fit libzrelay-store.so "$(includedir)/zrelay_store.h" \
        "$(includedir)/zrelay_spool.h" "$(includedir)/zrelay_titanic.h"
}

#   needs_only LIBRARY NAME...: it is linked with these, and with the compiler's
#   and the system's own
needs_only () {
    library=$1
    shift
    readelf -d "$destdir$libdir/$library" |
        sed -n 's/.*(NEEDED).*\[\(.*\)\.so.*\]/\1/p' > "$stage/needed"
    cat "$stage/needed"
    grep -q . "$stage/needed" || return 1
    for name in "$@" libc libm libdl libpthread librt libgcc_s ld-linux-x86-64 \
        libasan libubsan libtsan; do
        sed -i "/^$name\$/d" "$stage/needed"
    done
    [ ! -s "$stage/needed" ]
}

main_library_fits () {
    symbols_fit libzrelay-main.so "$(includedir)/zrelay_main.h"
}

nats_library_fits () {
    symbols_fit libzrelay-nats.so "$(includedir)/zrelay_nats.h"
}

#   Each header can be included by itself, also by a C++ compiler
headers_compile () {
    for header in "$(includedir)"/zrelay*.h; do
        echo "#include <$(basename "$header")>" > "$stage/one.c"
        #   shellcheck disable=SC2046 # a list of words
        $CC -std=c99 -Wall -Wextra -Werror -fsyntax-only "$stage/one.c" \
            $(pkg_config --cflags libzrelay) || return 1
        cp "$stage/one.c" "$stage/one.cc"
        if command -v c++ > /dev/null; then
            #   shellcheck disable=SC2046 # a list of words
            c++ -Wall -Wextra -Werror -fsyntax-only "$stage/one.cc" \
                $(pkg_config --cflags libzrelay) || return 1
        fi
    done
}

#   A kind in C++17, filled in as zrelay_engine.h says
kind_in_cpp17 () {
    command -v c++ > /dev/null || return 0
    {
        echo '#include <zrelay.h>'
        echo 'int main () {'
        sed -n '/^\/\/ *zrelay_kind_t kind = {};/,/spawn/s/^\/\/ *//p' \
            "$(includedir)/zrelay_engine.h"
        echo 'zactor_destroy (&relay); }'
    } > "$stage/kind.cc"
    grep -q spawn "$stage/kind.cc" || return 1
    #   shellcheck disable=SC2046,SC2086 # lists of words
    c++ -std=c++17 -pedantic -Wall -Wextra -Werror $ZRELAY_SANITIZE \
        "$stage/kind.cc" -o "$stage/kind" $(pkg_config --cflags libzrelay) \
        $(pkg_config --libs libzrelay) &&
        LD_LIBRARY_PATH=$(pkg_config --variable=libdir libzrelay) "$stage/kind"
}

#   The folder's libzrelay.pc, told where it is now
pkg_config () {
    PKG_CONFIG_PATH=$stage/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH} \
        ${PKG_CONFIG:-pkg-config} "$@"
}

includedir () {
    pkg_config --variable=includedir libzrelay
}

#   build SOURCE PROGRAM PACKAGE SCRIPT: with what pkg-config says, changed by
#   sed's script, which makes the libraries static, so that they need others
build () {
    #   shellcheck disable=SC2046,SC2086 # lists of words
    $CC $ZRELAY_SANITIZE "$TOP_SRCDIR/$1" -o "$2" \
        $(pkg_config --cflags "$3") $(pkg_config --libs "$3" | sed "$4") \
        ${4:+$(pkg_config --variable=private_libs "$3")}
}

run () {
    LD_LIBRARY_PATH=$destdir$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} "$@"
}

run_relays () {
    run "$1" > "$stage/answers" || return 1
    cat "$stage/answers"
    grep -q 'the worker received Hello' "$stage/answers" &&
        grep -q 'the client received World' "$stage/answers"
}

run_own_kind () {
    run "$1" --help > "$stage/help" || return 1
    cat "$stage/help"
    grep -q 'relay.learn' "$stage/help"
}

run_own_program () {
    run "$1" stamp --help > "$stage/help" || return 1
    cat "$stage/help"
    grep -q '^Usage: stamp ' "$stage/help"
}

run_program () {
    run "$destdir$bindir/zrelay" --version > "$stage/version" || return 1
    cat "$stage/version"
    grep -q "$(pkg_config --modversion libzrelay)" "$stage/version"
}

#   Each header has a page, which shows its functions, and that zrelay(7) names
headers_have_pages () {
    for header in "$(includedir)"/zrelay_*.h; do
        class=$(basename "$header" .h)
        page=$destdir$mandir/man3/$class.3
        grep -q "^$class \\\\- ." "$page" || return 1
        grep -q "$class (3)" "$destdir$mandir/man7/zrelay.7" ||
            { echo "zrelay(7) does not name $class"; return 1; }
        sed -n '/SYNOPSIS/,/DESCRIPTION/p' "$page" > "$stage/synopsis"
        for name in $(offered "$header"); do
            grep -q "[ *]$name (" "$stage/synopsis" ||
                { echo "$name is not in $page"; return 1; }
        done
    done
    #   One page for each header and no more
    [ "$(find "$destdir$mandir/man3" -name '*.3' | wc -l)" -eq \
        "$(find "$(includedir)" -name 'zrelay_*.h' | wc -l)" ]
}

#   Each page can be read and found
pages_are_sound () {
    find "$destdir$mandir" -type f | sort > "$stage/pages"
    while read -r page; do
        LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -l "$page" \
            > "$stage/page" 2> "$stage/warnings" || return 1
        lexgrog "$page" || return 1
        if [ -s "$stage/warnings" ]; then
            cat "$stage/warnings"
            return 1
        fi
        grep -q SYNOPSIS "$stage/page" || grep -q DESCRIPTION "$stage/page" ||
            return 1
    done < "$stage/pages"
}

#   units_are_sound: the units run the program that is installed, and systemd
#   understands them
units_are_sound () {
    mkdir "$stage/units"
    for unit in zrelay.service zrelay@.service; do
        grep -q "^ExecStart=$bindir/zrelay run [^@]*\.conf$" \
            "$destdir$unitdir/$unit" || return 1
        sed "s|^ExecStart=/|ExecStart=$destdir/|" "$destdir$unitdir/$unit" \
            > "$stage/units/$unit"
    done
    cp "$stage/units/zrelay@.service" "$stage/units/zrelay@orders.service"
    if command -v systemd-analyze > /dev/null; then
        systemd-analyze verify --man=no "$stage/units/zrelay.service" \
            "$stage/units/zrelay@orders.service" > "$stage/verified" 2>&1 ||
            { cat "$stage/verified"; return 1; }
        #   It warns of what it does not know, and goes on
        if grep "$stage" "$stage/verified"; then
            return 1
        fi
    fi
}

completion_works () {
    bash -c '. "$1"; COMP_WORDS=(zrelay queu) COMP_CWORD=1
        _zrelay "$2" queu zrelay; echo "${COMPREPLY[0]}"' - \
        "$destdir$datadir/bash-completion/completions/zrelay" \
        "$stage/zrelay" > "$stage/completed" || return 1
    cat "$stage/completed"
    grep -qx queue "$stage/completed"
}

result "make install" run_make install
printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' \
    "$destdir$libdir" "$destdir$bindir/zrelay" > "$stage/zrelay"
chmod +x "$stage/zrelay"
mkdir -p "$stage/pkgconfig"
for package in libzrelay libzrelay-main ${HAVE_STORE:+libzrelay-store}; do
    sed "s|^\([a-z_]*\)=/|\1=$destdir/|" \
        "$destdir$pkgconfigdir/$package.pc" > "$stage/pkgconfig/$package.pc"
done

result "the installed program runs" run_program
result "the units of systemd are sound" units_are_sound
if command -v bash > /dev/null; then
    result "the completion works" completion_works
else
    skip "the completion works" "there is no bash"
fi
result "each installed header compiles alone" headers_compile
result "each has a manual page" headers_have_pages
if command -v man > /dev/null && command -v lexgrog > /dev/null; then
    result "the manual pages can be read" pages_are_sound
else
    skip "the manual pages can be read" "there is no man"
fi
result "a kind is filled in in C++17 as the header says" kind_in_cpp17
if [ -e "$destdir$libdir/libzrelay.so" ]; then
    result "the library has what the headers offer, and no other symbol" \
        library_fits
    result "so has the library of the program" main_library_fits
    result "the library needs CZMQ and libzmq, and nothing else" \
        needs_only libzrelay.so libczmq libzmq
    if [ -n "$HAVE_STORE" ]; then
        result "the library of the store has what its headers offer" \
            store_library_fits
        result "and needs LMDB beside them" \
            needs_only libzrelay-store.so libzrelay libczmq libzmq liblmdb
    else
        skip "the library of the store" "configured without LMDB"
    fi
    if [ "$WITH_NATS" = yes ]; then
        result "the library for NATS has what its header offers" \
            nats_library_fits
        result "and needs libnats beside them" \
            needs_only libzrelay-nats.so libzrelay libczmq libzmq libnats
    else
        skip "the library for NATS" "configured without libnats"
    fi
    result "a program with relays builds through pkg-config" \
        build examples/three_relays.c "$stage/shared" libzrelay ''
    result "and runs" run_relays "$stage/shared"
    result "a kind of one's own builds through pkg-config" \
        build examples/own_kind.c "$stage/shared_kind" libzrelay-main ''
    result "and runs" run_own_kind "$stage/shared_kind"
    result "a program of one's own builds through pkg-config" \
        build tests/own_program.c "$stage/shared_program" libzrelay-main ''
    result "and runs" run_own_program "$stage/shared_program"
else
    skip "with the shared library" "configured with --disable-shared"
fi
if [ -e "$destdir$libdir/libzrelay.a" ]; then
    static='s/-lzrelay\(-main\)\{0,1\}/-l:libzrelay\1.a/g'
    result "a program with relays builds with the static library" \
        build examples/three_relays.c "$stage/static" libzrelay "$static"
    result "and runs" run_relays "$stage/static"
    result "a kind of one's own builds with the static libraries" \
        build examples/own_kind.c "$stage/static_kind" libzrelay-main "$static"
    result "and runs" run_own_kind "$stage/static_kind"
    result "a program of one's own builds with the static libraries" \
        build tests/own_program.c "$stage/static_program" libzrelay-main \
        "$static"
    result "and runs" run_own_program "$stage/static_program"
else
    skip "with the static library" "configured with --disable-static"
fi
result "make uninstall" run_make uninstall
result "no file is left" files_left
echo "1..$count"
exit $status
