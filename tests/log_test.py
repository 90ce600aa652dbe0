#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What the program logs: peers, connections, oddities; and in which form."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess

import zmq

from zrelay_testing import (DEADLINE, ZRELAY, Process, Relay, equal, main,
                            sockets, temp_dir, test, wait_until)

ASKED = 0
PEER = r"peer (tcp://127\.0\.0\.1:\d+)"

#   A port that nobody listens to, and a name that nobody has (RFC 6761)
CLOSED = "tcp://127.0.0.1:1"
NOWHERE = "tcp://nowhere.invalid:5559"


@contextlib.contextmanager
def running(text, *options):
    """A running `zrelay run` with these options."""
    with temp_dir() as folder:
        file = os.path.join(folder, "relays.conf")
        with open(file, "w") as target:
            target.write(text)
        with Process([ZRELAY, "run", "--control",
                      "ipc://%s/control" % folder, *options, file]) as run:
            run.expect("^control: bound to ")
            yield run


def file_of(name, kind, frontend, backend):
    """A file of one relay; frontend and backend are lists of lines."""
    lines = ["version = 1.0", "apps", "    test", "        devices",
             "            " + name, "                type = " + kind,
             "                sockets"]
    for side, properties in ("frontend", frontend), ("backend", backend):
        lines.append(" " * 20 + side)
        lines += [" " * 24 + line for line in properties]
    return "\n".join(lines) + "\n"


BIND = ["bind = tcp://127.0.0.1:*"]


def each_form(*options):
    """A queue called orders that runs on its own, and one that runs from a
    file; each with the endpoint of its frontend."""
    with Relay("queue", "--name", "orders", *options) as relay:
        yield relay, relay.frontend
    with running(file_of("orders", "queue", BIND, BIND), *options) as run:
        yield run, run.expect("^orders: frontend at (.*)").group(1)


def check(text):
    """What check prints about a file in which nothing is wrong."""
    with temp_dir() as folder:
        file = os.path.join(folder, "relays.conf")
        with open(file, "w") as target:
            target.write(text)
        process = Process([ZRELAY, "check", file])
        equal(process.wait(), ASKED)
        return process.error_lines


def connect(endpoint):
    return socket.create_connection(
        endpoint.replace("tcp://", "").split(":"), DEADLINE)


#   What a peer with CURVE says first (ZMTP 3.0): a signature, the version, the
#   mechanism, and that it is a client
CURVE_GREETING = (b"\xff" + bytes(8) + b"\x7f\x03\x00"
                  + b"CURVE".ljust(20, b"\0") + bytes(32))


def refusals(process):
    return [line for line in process.error_lines if "was refused" in line]


def be_refused(process, endpoint):
    """Come with CURVE where there is none; returns the address of the peer
    that was refused. On a busy machine, the relay may look at a connection when
    it has already ended, and has no address; then come again."""
    while True:
        before = len(refusals(process))
        with connect(endpoint) as stranger:
            name = "tcp://127.0.0.1:%d" % stranger.getsockname()[1]
            stranger.sendall(CURVE_GREETING)
            wait_until(lambda: len(refusals(process)) > before,
                       what="is refused")
        if any("peer %s was" % name in line for line in refusals(process)):
            return name


@test("-v logs each peer that comes, goes or is refused, and why")
def _():
    for process, frontend in each_form("-v"):
        with sockets() as sock:
            client = sock(zmq.REQ, frontend)
            came = process.expect("orders: frontend: %s came to %s$" % (
                PEER, frontend), errors=True).group(1)
            client.close(0)
            process.expect("orders: frontend: peer %s left$" % came,
                           errors=True)
        with connect(frontend) as stranger:
            name = "tcp://127.0.0.1:%d" % stranger.getsockname()[1]
            process.expect("peer %s came to" % name, errors=True)
        process.expect("orders: frontend: peer %s left before its handshake"
                       " was over$" % name, errors=True)
        refused = be_refused(process, frontend)
        process.expect("orders: frontend: peer %s was refused: it has another"
                       " security mechanism$" % refused, errors=True)
        assert not any("%s left" % refused in line
                       for line in process.error_lines)


@test("without -v, peers are not logged")
def _():
    for process, frontend in each_form():
        with connect(frontend):
            pass
        process.signal(signal.SIGUSR1)
        process.expect("orders: active", errors=True)
        assert not any("peer tcp" in line for line in process.error_lines)


@test("-v logs who is cut off, and whom the gate refuses")
def _():
    with Relay("queue", "-v", "--deny", "127.0.0.0/8",
               "--guard", "frontend") as relay, sockets() as sock:
        sock(zmq.REQ, relay.frontend)
        relay.expect("gate: .*frontend: 127.0.0.1.*refused", errors=True)
        relay.expect("queue: frontend: %s (was refused: .*|left.*)$" % PEER,
                     errors=True)
    with Relay("queue", "-v", "-o", "frontend.connections=1") as relay:
        with connect(relay.frontend) as first, connect(relay.frontend):
            relay.expect("queue: frontend: %s is cut off: there are too many"
                         " connections$" % PEER, errors=True)
            name = "tcp://127.0.0.1:%d" % first.getsockname()[1]
            assert not any("peer %s is cut" % name in line
                           for line in relay.error_lines)


#   --------------------------------------------------------------------------
#   Connections that relays make

@test("connecting to, and then connected to; and what is in the way")
def _():
    with sockets() as sock:
        there = sock(zmq.PUB, "inproc://unused")
        port = there.bind_to_random_port("tcp://127.0.0.1")
        endpoint = "tcp://localhost:%d" % port
        text = file_of("ticks", "forwarder", [
            "connect = " + where for where in (endpoint, CLOSED, NOWHERE)],
            BIND)
        options = []
        for where in (endpoint, CLOSED, NOWHERE):
            options += ["-f", ">" + where]
        with Process([ZRELAY, "forwarder", "-n", "ticks", *options,
                      "-b", "tcp://127.0.0.1:*"]) as single, \
                running(text) as run:
            for process in single, run:
                process.expect("^ticks: frontend connected to %s$" % endpoint)
                process.expect("ticks: frontend to %s: nobody answers there"
                               " yet" % CLOSED, errors=True)
                process.expect("^W: .*ticks: frontend to %s: there is no host"
                               " of that name" % NOWHERE, errors=True)
                at = process.lines.index(
                    "ticks: frontend connecting to " + endpoint)
                assert at < process.lines.index(
                    "ticks: frontend connected to " + endpoint)
                for other in CLOSED, NOWHERE:
                    assert ("ticks: frontend connected to " + other
                            not in process.lines)


#   --------------------------------------------------------------------------
#   Subscriptions

SILENT = "is a SUB socket that has subscribed to nothing"


def subscriber(*lines):
    return file_of("ticks", "proxy", ["type = SUB", *BIND, *lines],
                   ["type = PUB", *BIND])


@test("a SUB side that has subscribed to nothing is reported, once")
def _():
    sides = ["-f", "SUB@tcp://127.0.0.1:*", "-b", "PUB@tcp://127.0.0.1:*"]
    with Process([ZRELAY, "proxy", *sides]) as relay:
        relay.expect("zrelay: warning: the frontend %s.* --subscribe ''"
                     % SILENT, errors=True)
        relay.signal(signal.SIGTERM)
        equal(relay.wait(), ASKED)
        equal(len(relay.error_lines), 1, "lines")
    with Process([ZRELAY, "proxy", *sides, "-s", ""]) as relay:
        relay.expect("backend bound")
        relay.signal(signal.SIGTERM)
        equal(relay.wait(), ASKED)
        equal(relay.error_lines, [])
    with running(subscriber()) as run:
        run.signal(signal.SIGHUP)
        run.expect("was read again", errors=True)
        found = [line for line in run.error_lines if SILENT in line]
        equal(len(found), 1, "warnings: %s" % run.error_lines)
        assert "relays.conf:10: apps/test/devices/ticks/sockets/frontend" \
            in found[0], found
    equal([SILENT in line for line in check(subscriber())], [True])
    equal(check(subscriber("option", "    subscribe = a")), [])


#   --------------------------------------------------------------------------
#   Forms

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"


def logged(process, frontend):
    """Everything on standard error, after a peer has come and one that was
    refused, and statistics."""
    be_refused(process, frontend)
    process.signal(signal.SIGUSR1)
    process.expect("active, up", errors=True)
    process.signal(signal.SIGTERM)
    equal(process.wait(), ASKED)
    return process.error_lines


@test("--log-format json: an object in each line, with time and level")
def _():
    for process, frontend in each_form("-v", "--log-format", "json"):
        lines = [json.loads(line) for line in logged(process, frontend)]
        for line in lines:
            equal(sorted(line), ["level", "message", "time"])
            assert re.fullmatch(TIME, line["time"]), line
        levels = {line["level"] for line in lines}
        equal(levels, {"info", "warning"})
        assert any(line["level"] == "warning"
                   and re.match("orders: frontend: peer .* refused",
                                line["message"]) for line in lines), lines
        #   Statistics have several lines, and are one message
        assert any(line["message"].count("\n") > 3 for line in lines), lines


@test("--log-format journal: the level of syslog before each line")
def _():
    for process, frontend in each_form("-v", "--log-format", "journal"):
        lines = logged(process, frontend)
        assert all(re.match("<[346]>", line) for line in lines), lines
        assert any(re.match("<4>orders: frontend: peer .* refused", line)
                   for line in lines), lines
        assert any(line.startswith("<6>orders: ") for line in lines), lines


@test("--log-format text: a letter and a time")
def _():
    for process, frontend in each_form("-v", "--log-format", "text"):
        lines = logged(process, frontend)
        assert any(re.match(r"W: \d\d-\d\d-\d\d \d\d:\d\d:\d\d orders:"
                            " frontend: peer .* refused", line)
                   for line in lines), lines


@test("--log-level leaves out what matters less")
def _():
    for process, frontend in each_form("-v", "--log-level", "warning"):
        lines = logged(process, frontend)
        assert not any(line.startswith("I: ") for line in lines), lines
        assert any(line.startswith("W: ") for line in lines), lines
    for process, frontend in each_form("-v", "--log-level", "error"):
        with connect(frontend):
            pass
        process.signal(signal.SIGUSR1)
        process.expect("active, up", errors=True)
        assert not any(re.match("[IW]: ", line)
                       for line in process.error_lines), process.error_lines


@test("failures have the form too, once it is known")
def _():
    process = Process([ZRELAY, "queue", "--log-format", "json",
                       "-f", "tcp://127.0.0.1:x"])
    equal(process.wait(), 2)
    line, = process.error_lines
    equal(json.loads(line)["level"], "error")
    assert json.loads(line)["message"].startswith("zrelay: "), line
    for option in ("--log-format", "xml"), ("--log-level", "loud"):
        for words in (("queue",), ("run", "file"), ("check", "file")):
            process = Process([ZRELAY, words[0], *option, *words[1:]])
            equal(process.wait(), 2)
            line, = process.error_lines
            assert "%s takes " % option[0] in line, line


@test("peers are served while nobody reads the log")
def _():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    with temp_dir() as folder:
        sides = ["ipc://%s/%s" % (folder, side) for side in "fb"]
        process = subprocess.Popen(
            [ZRELAY, "queue", "-v", "--log-format", "json", "-f", sides[0],
             "-b", sides[1]], stdout=subprocess.DEVNULL, stderr=writing)
        os.close(writing)
        try:
            with sockets() as sock:
                worker = sock(zmq.REP, sides[1])
                for number in range(300):
                    client = sock(zmq.REQ, sides[0])
                    client.send(b"%d" % number)
                    worker.send(worker.recv())
                    equal(client.recv(), b"%d" % number)
                    client.close(0)
            process.send_signal(signal.SIGTERM)
            equal(process.wait(DEADLINE), ASKED)
        finally:
            process.kill()
            process.wait()
            os.close(reading)


if __name__ == "__main__":
    main()
