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
#
#   With PACKAGE_MIRROR=http://deb.debian.org/debian it also installs them on a
#   fresh system, which debootstrap makes; this needs root.

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
trap 'rm -rf --one-file-system "$stage"' EXIT
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
    for package in zrelay libzrelay2 libzrelay-store2 libzrelay-nats2 \
        libzrelay-dev zrelay-dbgsym libzrelay2-dbgsym libzrelay-store2-dbgsym \
        libzrelay-nats2-dbgsym
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
        "$stage"/libzrelay-store2_*.deb "$stage"/libzrelay-nats2_*.deb \
        "$stage"/libzrelay-dev_*.deb
}

libdir () {
    echo "$root/usr/lib/$(dpkg-architecture --query DEB_HOST_MULTIARCH)"
}

run () {
    LD_LIBRARY_PATH=$(libdir) "$@"
}

#   await PID PATTERN: until the process has written such a line
await () {
    tries=0
    until grep -qs "$2" "$stage/lines" || [ "$tries" -ge 300 ]; do
        kill -0 "$1" 2> /dev/null || break
        sleep 0.1
        tries=$((tries + 1))
    done
    grep -q "$2" "$stage/lines"
}

#   ends_well PID PATTERN: it writes such a line, and ends when it is asked to
ends_well () {
    await "$1" "$2"
    awaited=$?
    kill "$1"
    wait "$1" && [ "$awaited" -eq 0 ]
}

program_runs () {
    run "$root/usr/bin/zrelay" --version | tee "$stage/version"
    grep -q "$VERSION" "$stage/version" || return 1
    rm -f "$stage/lines"
    LD_LIBRARY_PATH=$(libdir) timeout 60 "$root/usr/bin/zrelay" queue \
        -f 'tcp://127.0.0.1:*' -b 'tcp://127.0.0.1:*' > "$stage/lines" &
    ends_well $! 'backend bound'
}

#   A file of relays for the unit zrelay@orders
write_relays () {
    cat > "$1/etc/zrelay/orders.conf" <<'END'
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
}

unit_command () {
    sed -n 's/^ExecStart=//p' "$1/lib/systemd/system/zrelay@.service" |
        sed 's/%i/orders/g'
}

#   The unit's own command line, with a file of relays
unit_runs () {
    mkdir -p "$root/etc/zrelay"
    write_relays "$root"
    rm -f "$stage/lines"
    command=$(unit_command "$root" | sed "s| /| $root/|g; s|^/|$root/|")
    echo "$command"
    #   shellcheck disable=SC2086 # a command line
    XDG_RUNTIME_DIR=$stage LD_LIBRARY_PATH=$(libdir) timeout 60 $command \
        > "$stage/lines" &
    ends_well $! 'queue: backend at'
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
    scratch_dpkg --purge zrelay libzrelay-dev libzrelay-store2 \
        libzrelay-nats2 libzrelay2 || return 1
    contents > "$stage/after"
    diff "$stage/before" "$stage/after"
}

#   ------------------------------------------------------------------------
#   The same on a fresh system, with the packages that these depend on

fresh=$stage/fresh

#   What a user of the packages has besides
fresh_tools="man-db bash-completion pkg-config gcc libc6-dev"

#   A command there, as a program, so that signals reach what it runs. /proc is
#   mounted for this command alone.
make_in_fresh () {
    cat > "$stage/in_fresh" <<END
#!/bin/sh
exec unshare --mount sh -c 'mount -t proc proc "\$0/proc" &&
    exec chroot "\$0" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "\$@"' "$fresh" "\$@"
END
    chmod +x "$stage/in_fresh"
}

in_fresh () {
    "$stage/in_fresh" "$@"
}

make_fresh () {
    make_in_fresh
    #   shellcheck disable=SC1091 # of this machine
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    debootstrap --variant=minbase "$suite" "$fresh" "$PACKAGE_MIRROR" &&
        printf 'path-include=/usr/share/man/*\n' \
            > "$fresh/etc/dpkg/dpkg.cfg.d/pages" || return 1
    #   shellcheck disable=SC2086 # a list of words
    in_fresh apt-get --quiet update && in_fresh apt-get --quiet --yes \
        --no-install-recommends install $fresh_tools
}

#   Names of all files but the records of dpkg, apt and logs
fresh_contents () {
    (cd "$fresh" && find . \( -path ./var/lib/dpkg -o -path ./var/lib/apt \
        -o -path ./var/cache -o -path ./var/log -o -path ./tmp \) -prune \
        -o -print) | sort
}

fresh_installs () {
    fresh_contents > "$stage/before"
    rm -rf "$fresh/tmp/debs"
    mkdir "$fresh/tmp/debs" && cp "$stage"/*.deb "$fresh/tmp/debs" &&
        rm "$fresh"/tmp/debs/*-dbgsym_*.deb || return 1
    in_fresh sh -c 'apt-get --quiet --yes --no-install-recommends install \
        /tmp/debs/*.deb'
}

fresh_unit_runs () {
    write_relays "$fresh"
    rm -f "$stage/lines"
    #   shellcheck disable=SC2046 # a command line
    "$stage/in_fresh" XDG_RUNTIME_DIR=/run timeout 60 \
        $(unit_command "$fresh") > "$stage/lines" &
    ends_well $! 'queue: backend at'
    ended=$?
    rm "$fresh/etc/zrelay/orders.conf"
    return "$ended"
}

fresh_pages_are_found () {
    for page in 'zrelay' 'zrelay.conf' '7 zrelay' 'zrelay_proxy'; do
        #   shellcheck disable=SC2086 # a section and a page
        in_fresh man $page | grep -q DESCRIPTION || return 1
    done
}

#   As a shell of the user's loads it
fresh_completion_works () {
    in_fresh bash -c '. /usr/share/bash-completion/bash_completion
        _completion_loader zrelay; complete -p zrelay
        COMP_WORDS=(zrelay majo) COMP_CWORD=1
        _zrelay zrelay majo zrelay; [ "${COMPREPLY[0]}" = majordomo ]'
}

fresh_program_builds () {
    cp "$TOP_SRCDIR/examples/three_relays.c" "$fresh/tmp" || return 1
    in_fresh sh -c 'cd /tmp && gcc three_relays.c -o three_relays \
        $(pkg-config --cflags --libs libzrelay) && ./three_relays' \
        > "$stage/answers" || return 1
    grep -q 'the client received World' "$stage/answers"
}

fresh_removal () {
    in_fresh apt-get --quiet --yes --autoremove purge zrelay '^libzrelay' ||
        return 1
    fresh_contents > "$stage/after"
    diff "$stage/before" "$stage/after"
}

fresh_checks () {
    result "fresh system: debootstrap makes it" make_fresh
    result "fresh system: apt-get installs the packages" fresh_installs
    result "fresh system: the unit's command line starts relays" \
        fresh_unit_runs
    result "fresh system: man finds the pages" fresh_pages_are_found
    result "fresh system: bash loads the completion" fresh_completion_works
    result "fresh system: a program builds through pkg-config, and runs" \
        fresh_program_builds
    result "fresh system: nothing is left when the packages are removed" \
        fresh_removal
}

#   No container is needed for this
container_builds () {
    CONTAINER_BUILD=1 "$PYTHON" "$TOP_SRCDIR/tests/container_test.py"
}

make_root
result "a release can be made" unpack_release
result "its version is that of the package" versions_agree
result "dpkg-buildpackage builds the packages" build_packages
result "library, -dev, program and debug symbols are there" packages_are_there
result "lintian finds no error" lint
result "the packages install" install_packages
result "the program runs" program_runs
result "the unit's command line starts relays" unit_runs
result "man finds the pages" pages_are_found
result "the completion works" completion_works
result "a program builds through pkg-config, and runs" program_builds
result "the library to preload is there" preload_library_is_there
result "nothing is left when the packages are removed" remove_packages
if [ -n "$PYTHON" ]; then
    result "the container file builds what runs and is healthy" \
        container_builds
else
    skip "the container file builds what runs and is healthy" \
        "there is no Python with pyzmq"
fi
if [ -z "$PACKAGE_MIRROR" ]; then
    skip "fresh system" "PACKAGE_MIRROR names none to take it from"
elif [ "$(id -u)" -ne 0 ] || ! command -v debootstrap > /dev/null; then
    skip "fresh system" "this needs root and debootstrap"
else
    fresh_checks
fi
echo "1..$count"
exit $status
