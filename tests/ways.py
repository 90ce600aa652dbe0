#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The four ways into the engine, each of which makes a relay between two
sockets of any types: an actor, the program, the drop-in functions, and the
preload. See ways.c."""

import os

from zrelay_testing import (TOP_BUILDDIR, Process, Relay, preload,
                            without_wrapper)

WAYS_PROGRAM = without_wrapper(os.path.join(TOP_BUILDDIR, "tests", "ways"))


class Ways(Process):
    """A relay by a way of ways.c, ready when the constructor returns."""

    def __init__(self, way, frontend, backend, settings, env=None):
        super().__init__([WAYS_PROGRAM, way, frontend, backend, *settings],
                         env=env)
        pattern = r"^proxy: %s bound to (\S+)$"
        self.frontend = self.expect(pattern % "frontend").group(1)
        self.backend = self.expect(pattern % "backend").group(1)


def by_actor(frontend, backend, settings):
    return Ways("actor", frontend, backend, settings)


def by_function(frontend, backend, settings):
    return Ways("function", frontend, backend, settings)


def by_program(frontend, backend, settings):
    options = [word for value in settings for word in ("-o", value)]
    if frontend == "SUB":
        options += ["-s", ""]
    return Relay("proxy", *options,
                 frontend="%s@%s" % (frontend, Relay.FREE_PORT),
                 backend="%s@%s" % (backend, Relay.FREE_PORT))


def by_preload(frontend, backend, settings):
    process = Ways("libzmq", frontend, backend, settings, env=preload())
    process.expect("takes over zmq_proxy", errors=True)
    return process


WAYS = {"actor": by_actor, "program": by_program, "function": by_function,
        "preload": by_preload}
