#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Relays that serve HTTP, for the tests of what they serve."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time

import zmq

from zrelay_testing import DEADLINE, ZRELAY, Process, Relay, Skip, \
    equal, temp_dir, test

HERE = "127.0.0.1:0"
TOKEN = "0123456789abcdef-token"
MISUSE = 2


def has_http():
    """Whether the program was built with libmicrohttpd."""
    done = subprocess.run(
        [ZRELAY, "queue", "-f", Relay.FREE_PORT, "-b", Relay.FREE_PORT,
         "--metrics", "nonsense"], stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, timeout=DEADLINE)
    equal(done.returncode, MISUSE, "exit status")
    return b"libmicrohttpd" not in done.stderr


HAS_HTTP = has_http()


def http_test(description, deadline=DEADLINE):
    """A test that needs the server, or says why it is skipped."""
    def mark(function):
        def run():
            if not HAS_HTTP:
                raise Skip("zrelay was built without libmicrohttpd")
            function()
        return test(description, deadline)(run)
    return mark


class Server:
    """The HTTP server of a relay that runs."""

    def __init__(self, process):
        self.process = process
        match = process.expect(
            r"^metrics: served at (http://([\d.]+):(\d+)/)$")
        self.url = match.group(1)
        self.place = (match.group(2), int(match.group(3)))

    def ask(self, path, method="GET", headers=None, body=None):
        """Status, body and headers."""
        connection = http.client.HTTPConnection(*self.place, DEADLINE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), answer.headers
        finally:
            connection.close()

    def get(self, path):
        """The body of an answer that must be 200."""
        status, body, _headers = self.ask(path)
        equal(status, 200, "%s: %s" % (path, body))
        return body

    def metrics(self):
        """All samples, by name and labels."""
        return {name: float(value) for name, value in re.findall(
            r"^([^#\n]*) (\S+)$", self.get("/metrics"), re.M)}

    def sample(self, name, **labels):
        """The only sample of that name that has these labels."""
        wanted = ['%s="%s"' % label for label in labels.items()]
        found = [value for key, value in self.metrics().items()
                 if key.partition("{")[0] == name
                 and all(label in key for label in wanted)]
        equal(len(found), 1, "samples of %s %s" % (name, labels))
        return found[0]

    def state(self):
        return json.loads(self.get("/stats.json"))["relays"][0]["state"]

    def steer(self, command, headers=None, token=TOKEN):
        """Status and body."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        name = json.loads(self.get("/stats.json"))["relays"][0]["name"]
        return self.ask("/relays/%s/%s" % (name, command), "POST",
                        headers)[:2]

    def connect(self):
        return socket.create_connection(self.place, DEADLINE)

    def is_prompt(self):
        """It answers while others do what they do."""
        started = time.monotonic()
        equal(self.get("/healthz"), "ok\n", "health")
        self.metrics()
        return time.monotonic() - started


@contextlib.contextmanager
def serving(kind, *options):
    """A relay with a server: the two of them."""
    if kind == "majordomo":
        relay = Process([ZRELAY, kind, "-f", Relay.FREE_PORT,
                         "--metrics", HERE, *options])
    else:
        relay = Relay(kind, "--metrics", HERE, *options)
    with relay:
        yield relay, Server(relay)


@contextlib.contextmanager
def steerable(*options):
    """The same with a token."""
    with temp_dir() as folder:
        path = os.path.join(folder, "token")
        write_secret(path, TOKEN + "\n")
        with serving("streamer", "--metrics-steer", path,
                     *options) as (relay, server):
            yield relay, server


def write_secret(path, text, mode=0o600):
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)


@contextlib.contextmanager
def sockets(*wanted):
    """Sockets, each of a type and an endpoint to connect to."""
    context = zmq.Context()
    made = []
    try:
        for kind, endpoint in wanted:
            sock = context.socket(kind)
            sock.linger = 0
            sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
            sock.connect(endpoint)
            made.append(sock)
        yield made
    finally:
        context.destroy(linger=0)


def find_program(name, package):
    path = shutil.which(name)
    if not path:
        raise Skip("no %s (%s)" % (name, package))
    return path
