#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

#   How old the README's figures are: has the library changed since?
#
#       perf/age.sh SOURCES

cd "$1" || exit 1
commit=$(sed -n 's/^commit *//p' doc/performance/about.txt)
printf '\nREADME: figures of commit %s' "$commit"
if ! changes=$(git log --format=%h "$commit.." -- src include 2> /dev/null)
then
    echo "; without git it is not known whether the library has changed since"
elif [ -z "$changes" ] && git diff --quiet HEAD -- src include; then
    echo ", and the library has not changed since"
else
    echo ", but the library has changed since: $(echo "$changes" | wc -w)" \
        "commits"
fi
