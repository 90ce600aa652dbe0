#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   Is all there that `make perf-readme` needs in the end? Better to know before
#   it has measured for an hour.
#
#       perf/ready.sh SOURCES

refuse () {
    echo "perf-readme: $1; nothing was measured" >&2
    exit 1
}

for tool in gnuplot "${VALGRIND:-valgrind}"; do
    command -v "$tool" > /dev/null || refuse "there is no $tool"
done

#   Status 1 of git is a difference; others, that this is not a repository
git -C "$1" diff --quiet HEAD -- src include 2> /dev/null
[ $? -ne 1 ] ||
    refuse "src or include has changes that are not committed"
