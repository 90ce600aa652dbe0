#!/bin/sh
#   Makes ./configure. Needed once in a clone of the repository; a release
#   already has it.

set -e
cd "$(dirname "$0")"

#   What to say when a tool is missing: its name, and Debian's package
need () {
    if ! command -v "$1" > /dev/null 2>&1; then
        echo "autogen.sh: $1 is missing; on Debian: apt-get install $2" >&2
        exit 1
    fi
}
need autoreconf autoconf
need automake automake
need libtoolize libtool
need pkg-config pkg-config

#   aclocal wants the folder to exist before libtoolize has filled it
mkdir -p m4
autoreconf --install --force --warnings=all "$@"
