#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Debian's packages: they are built from a release, pass lintian, work where
#   they are installed, and leave nothing when they are removed. Run by
#   `make package-check`. It takes some minutes, and needs dpkg-dev, debhelper
#   and lintian.

#   shellcheck disable=SC2317 # functions are called by result

for tool in dpkg-buildpackage dh lintian; do
    if ! command -v $tool > /dev/null; then
        echo "1..0 # SKIP there is no $tool: apt-get install dpkg-dev" \
            "debhelper lintian"
        exit 0
    fi
done

count=0
status=0
stage=$(mktemp -d) || exit 1
root=$stage/root
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
        tail -n 40 "$stage/output" | sed 's/^/#   /'
        echo "not ok $count - $description"
        status=1
    fi
}

#   skip DESCRIPTION REASON
skip () {
    count=$((count + 1))
    echo "ok $count - $1 # SKIP $2"
}

run_make () {
    env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL "$MAKE" -C "$TOP_BUILDDIR" "$@"
}

#   ------------------------------------------------------------------------
#   Building

#   A release, as its makers would give it to Debian
unpack_release () {
    release=zrelay-$VERSION
    run_make dist-gzip || return 1
    mv "$TOP_BUILDDIR/$release.tar.gz" "$stage/zrelay_$VERSION.orig.tar.gz"
    tar -C "$stage" -xzf "$stage/zrelay_$VERSION.orig.tar.gz"
    source=$stage/$release
    cp -R "$source/packaging/debian" "$source/debian"
}

versions_agree () {
    packaged=$(cd "$source" && dpkg-parsechangelog --show-field Version)
    echo "the changelog has $packaged, and the library is $VERSION"
    [ "${packaged%-*}" = "$VERSION" ]
}

build_packages () {
    (cd "$source" && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL \
        dpkg-buildpackage --build=full --no-sign)
}

packages_are_there () {
    for package in zrelay libzrelay2 libzrelay-store2 libzrelay-dev \
        zrelay-dbgsym libzrelay2-dbgsym libzrelay-store2-dbgsym
    do
        ls "$stage/${package}_$VERSION"-*.deb || return 1
    done
}

lint () {
    lintian --allow-root --fail-on error "$stage"/*.changes
}

#   ------------------------------------------------------------------------
#   Using. The packages that these depend on are those of this machine.

scratch_dpkg () {
    dpkg --root="$root" --force-not-root --force-depends \
        --force-script-chrootless --log=/dev/null "$@"
}

#   /var/lib/systemd is systemd's own
make_root () {
    mkdir -p "$root/var/lib/systemd"
    mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" \
        "$root/var/lib/dpkg/triggers"
    touch "$root/var/lib/dpkg/status" "$root/var/lib/dpkg/available"
}

#   What is there, besides the records of dpkg
contents () {
    find "$root" -path "$root/var/lib/dpkg" -prune -o -print | sort
}

install_packages () {
    contents > "$stage/before"
    scratch_dpkg --install "$stage"/zrelay_*.deb "$stage"/libzrelay2_*.deb \
        "$stage"/libzrelay-store2_*.deb "$stage"/libzrelay-dev_*.deb
}

libdir () {
    echo "$root/usr/lib/$(dpkg-architecture --query DEB_HOST_MULTIARCH)"
}

run () {
    LD_LIBRARY_PATH=$(libdir) "$@"
}

program_runs () {
    run "$root/usr/bin/zrelay" --version | tee "$stage/version"
    grep -q "$VERSION" "$stage/version" || return 1
    LD_LIBRARY_PATH=$(libdir) timeout 60 "$root/usr/bin/zrelay" queue \
        -f 'tcp://127.0.0.1:*' -b 'tcp://127.0.0.1:*' > "$stage/lines" &
    queue=$!
    tries=0
    until grep -q 'backend bound' "$stage/lines" || [ "$tries" -ge 300 ]; do
        sleep 0.1
        tries=$((tries + 1))
    done
    kill "$queue"
    wait "$queue"
}

#   The unit's own command line, with a file of relays
unit_runs () {
    mkdir -p "$root/etc/zrelay"
    cat > "$root/etc/zrelay/orders.conf" <<'END'
version = 1.0
apps
    orders
        devices
            queue
                type = queue
                sockets
                    frontend
                        bind = tcp://127.0.0.1:*
                    backend
                        bind = tcp://127.0.0.1:*
END
    command=$(sed -n 's/^ExecStart=//p' \
        "$root/lib/systemd/system/zrelay@.service" |
        sed "s|%i|orders|g; s| /| $root/|g; s|^/|$root/|")
    echo "$command"
    #   shellcheck disable=SC2086 # a command line
    XDG_RUNTIME_DIR=$stage LD_LIBRARY_PATH=$(libdir) timeout 60 $command \
        > "$stage/lines" &
    relays=$!
    tries=0
    until grep -q 'queue: backend at' "$stage/lines" || [ "$tries" -ge 300 ]; do
        kill -0 "$relays" 2> /dev/null || break
        sleep 0.1
        tries=$((tries + 1))
    done
    kill "$relays"
    wait "$relays"
    ended=$?
    rm "$root/etc/zrelay/orders.conf"
    return "$ended"
}

pages_are_found () {
    for page in zrelay.1 zrelay.7 zrelay_proxy.3 zrelay_engine.3; do
        MANPATH=$root/usr/share/man man "${page##*.}" "${page%.*}" |
            grep -q DESCRIPTION || return 1
    done
}

completion_works () {
    bash -c '. "$1"; COMP_WORDS=(zrelay queu) COMP_CWORD=1
        _zrelay "$2" queu zrelay; [ "${COMPREPLY[0]}" = queue ]' - \
        "$root/usr/share/bash-completion/completions/zrelay" \
        "$ZRELAY"
}

program_builds () {
    flags=$(PKG_CONFIG_PATH=$(libdir)/pkgconfig \
        ${PKG_CONFIG:-pkg-config} --cflags --libs libzrelay |
        sed "s|-I/usr/include|-I$root/usr/include|")
    #   shellcheck disable=SC2086 # lists of words
    $CC "$TOP_SRCDIR/examples/three_relays.c" -o "$stage/three_relays" \
        -I"$root/usr/include" -L"$(libdir)" $flags || return 1
    run "$stage/three_relays" > "$stage/answers" || return 1
    grep -q 'the client received World' "$stage/answers"
}

preload_library_is_there () {
    [ -f "$(libdir)/libzrelay-preload.so" ]
}

remove_packages () {
    scratch_dpkg --purge zrelay libzrelay-dev libzrelay-store2 libzrelay2 ||
        return 1
    contents > "$stage/after"
    diff "$stage/before" "$stage/after"
}

make_root
result "a release can be made" unpack_release
result "its version is that of the package" versions_agree
result "dpkg-buildpackage builds the packages" build_packages
result "library, -dev, program and debug symbols are there" packages_are_there
result "lintian finds no error" lint
result "the packages install" install_packages
result "the program runs" program_runs
if run "$root/usr/bin/zrelay" --help | grep -q 'zrelay run '; then
    result "the unit's command line starts relays" unit_runs
else
    skip "the unit's command line starts relays" "there is no zrelay run"
fi
result "man finds the pages" pages_are_found
result "the completion works" completion_works
result "a program builds through pkg-config, and runs" program_builds
result "the library to preload is there" preload_library_is_there
result "nothing is left when the packages are removed" remove_packages
echo "1..$count"
exit $status
