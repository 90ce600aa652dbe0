#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Control sockets, and `zrelay ctl`, which speaks to them."""

import concurrent.futures
import contextlib
import json
import os
import re
import resource
import signal
import socket
import stat
import sys
import time

import zmq

from http_testing import HAS_HTTP, HERE, TOKEN, Server, write_secret
from zrelay_testing import (DEADLINE, TOP_BUILDDIR, TOP_SRCDIR, ZRELAY,
                            Process, Relay, Skip, equal, main, sockets,
                            temp_dir, test, wait_until)

#   Exit statuses of ctl
DONE, REFUSED, MISUSE, SILENCE = range(4)

#   Milliseconds that only a hang reaches
TIMEOUT = "%d" % (DEADLINE * 1000)


class Control:
    """A control socket, and ctl for it."""

    def __init__(self, endpoint, options=()):
        self.endpoint = endpoint
        self.options = ("--timeout", TIMEOUT, "--control", endpoint) + options

    def run(self, *words, status=DONE):
        """Run ctl; returns its output as a string."""
        process = Process((ZRELAY, "ctl") + self.options + words)
        found = process.wait()
        if found != status:
            raise AssertionError("%s: exit status %d\n%s" % (
                process, found, "\n".join(process.error_lines)))
        self.errors = "\n".join(process.error_lines)
        return "\n".join(process.lines)

    def json(self, *words, status=DONE):
        return json.loads(self.run("--json", *words, status=status))


@contextlib.contextmanager
def controlled(kind="queue", *options, **arguments):
    """A relay with a control socket, and that as a Control."""
    with temp_dir() as folder:
        endpoint = "ipc://%s/control" % folder
        with Relay(kind, "--control", endpoint, *options,
                   **arguments) as relay:
            relay.expect("^control: bound to %s$" % re.escape(endpoint))
            yield relay, Control(endpoint)


#   --------------------------------------------------------------------------
#   What ctl does

@test("list names the relay, its kind and its state")
def _():
    with controlled("queue", "-n", "orders") as (_, control):
        equal(control.run("list").split(), ["orders", "queue", "active"])
        control.run("orders", "PAUSE")
        equal(control.json("list"), [
            {"name": "orders", "kind": "queue", "state": "paused"}])


@test("stats for people and as JSON, of all relays and of one")
def _():
    with controlled("queue", "-n", "orders") as (relay, control), \
            sockets() as sock:
        client = sock(zmq.REQ, relay.frontend)
        worker = sock(zmq.REP, relay.backend)
        client.send(b"Hello")
        worker.send(worker.recv())
        client.recv()
        assert "queue orders: active" in control.run("stats")
        assert "queue orders: active" in control.run("stats", "orders")
        (every,) = control.json("stats")
        one = control.json("stats", "orders")
        for stats in (every, one):
            equal(stats["name"], "orders")
            equal(stats["frontend"]["in"]["messages"], 1)
            equal(stats["backend"]["in"]["messages"], 1)


@test("ready succeeds if every relay is attached and answers, and only then")
def _():
    with controlled() as (relay, control):
        equal(control.run("ready"), "ready")
        equal(control.json("ready"), {"ready": True})
        #   A relay that somebody paused is in order
        control.run("queue", "PAUSE")
        equal(control.run("ready"), "ready")
        control.run("queue", "RESUME")
        control.run("queue", "UNBIND", "FRONTEND", relay.frontend)
        equal(control.run("ready", status=REFUSED), "")
        equal(control.errors,
              "zrelay: ctl: queue is idle: a side is not attached")
        equal(control.json("ready", status=REFUSED), {"ready": False})
        #   And nobody is not ready
        relay.signal(signal.SIGKILL)
        relay.wait()
        control.options = ("--timeout", "50", "--control", control.endpoint)
        control.run("ready", status=SILENCE)


@test("a command, in letters of either case, and what it prints")
def _():
    with controlled() as (_, control):
        equal(control.run("queue", "PAUSE"), "")
        equal(control.run("queue", "state"), "paused")
        equal(control.json("queue", "state"),
              {"status": 0, "answer": ["paused"]})
        equal(control.run("queue", "set", "backend", "linger", "-1"), "")
        equal(control.run("queue", "GET", "BACKEND", "linger"), "-1")
        equal(control.json("queue", "RESUME"), {"status": 0, "answer": []})
        assert "  BIND side endpoint" in control.run("queue", "HELP")


@test("a refusal is exit status 1, with the relay's sentence")
def _():
    with controlled() as (_, control):
        control.run("queue", "SET", "FRONTEND", "nonsense", "1",
                    status=REFUSED)
        assert "there is no option 'nonsense'" in control.errors
        answer = control.json("queue", "nonsense", status=REFUSED)
        equal(answer["status"], 1)
        assert "'NONSENSE'" in answer["error"]
        control.run("nobody", "STATE", status=REFUSED)
        assert "there is no relay 'nobody'" in control.errors
        #   What only its application may do
        for words in (("$TERM",), ("FILTER", "FORWARD", "x", "y")):
            control.run("queue", *words, status=REFUSED)


@test("silence is exit status 3, and says who was asked")
def _():
    with temp_dir() as folder:
        endpoint = "ipc://%s/nobody" % folder
        process = Process([ZRELAY, "ctl", "--control", endpoint,
                           "--timeout", "50", "list"])
        equal(process.wait(), SILENCE, "exit status")
        (line,) = process.error_lines
        assert endpoint in line and "within 50 ms" in line, line


@test("wrong usage is exit status 2, and names the way out")
def _():
    for words in ([], ["orders"], ["--nonsense"], ["--control"],
                  ["--timeout", "soon", "list"], ["--curve", "x", "list"],
                  ["--control", "tcp://127.0.0.1", "list"],
                  ["--control", "nonsense", "list"]):
        process = Process([ZRELAY, "ctl"] + words)
        equal(process.wait(), MISUSE, "exit status of %s" % words)
        equal(len(process.error_lines), 1, "lines about %s" % words)
    assert "ctl" in "\n".join(Process([ZRELAY, "ctl", "--help"]).succeed())


@test("DRAIN may take as long as it says")
def _():
    with controlled("streamer") as (relay, control), sockets() as sock:
        sink = sock(zmq.PULL, relay.backend, rcvhwm=1)
        source = sock(zmq.PUSH, relay.frontend)
        source.send(b"task")
        control.run("streamer", "DRAIN", "50000")
        equal(sink.recv(), b"task", "task")
        equal(control.run("streamer", "STATE"), "draining")


@test("ZRELAY_CONTROL means the same to the program and to ctl")
def _():
    with temp_dir() as folder:
        pattern = "ipc://%s/%%p-%%n" % folder
        with Process([ZRELAY, "queue", "-f", "tcp://127.0.0.1:*", "-b",
                      "tcp://127.0.0.1:*"],
                     env={"ZRELAY_CONTROL": pattern}) as relay:
            endpoint = relay.expect("^control: bound to (.*)$").group(1)
            equal(endpoint, "ipc://%s/%d-1" % (folder, relay.pid), "endpoint")
            ctl = Process([ZRELAY, "ctl", "queue", "STATE"],
                          env={"ZRELAY_CONTROL": endpoint})
            equal(ctl.succeed(), ["active"], "output")
            #   As at the functions' own, a command may stand alone
            with sockets() as sock:
                client = sock(zmq.REQ, endpoint)
                client.send(b"STATE")
                equal(client.recv_multipart(), [b"0", b"STATE", b"active"])
                client.send_multipart([b"GET", b"BACKEND", b"sndhwm"])
                equal(client.recv_multipart(), [b"0", b"GET", b"1000"])


#   --------------------------------------------------------------------------
#   What kinds have

@test("the commands of kinds: WORKERS, SERVICES, TOPICS, SAVE")
def _():
    with controlled("balancer") as (relay, control), sockets() as sock:
        worker = sock(zmq.REQ, relay.backend, routing_id=b"one")
        worker.send(b"READY")
        wait_until(lambda: "one" in control.run("balancer", "WORKERS"))
    with controlled("majordomo", backend=[]) as (relay, control), \
            sockets() as sock:
        worker = sock(zmq.DEALER, relay.frontend)
        worker.send_multipart([b"", b"MDPW01", b"\x01", b"coffee"])
        wait_until(lambda: "coffee" in control.run("majordomo", "SERVICES"))
    with controlled("cache") as (relay, control), sockets() as sock, \
            temp_dir() as folder:
        source = sock(zmq.PUB, relay.frontend)

        def published():
            source.send_multipart([b"price", b"7"])
            return "price" in control.run("cache", "TOPICS")
        wait_until(published)
        saved = os.path.join(folder, "saved")
        control.run("cache", "SAVE", saved)
        assert os.path.getsize(saved) > 0


#   --------------------------------------------------------------------------
#   Together

def ten_lines():
    """The Python in doc/control.md."""
    with open(os.path.join(TOP_SRCDIR, "doc", "control.md")) as file:
        script = re.search("```python\n(.*?)```", file.read(), re.S).group(1)
    assert len(script.splitlines()) <= 10
    return script


@test("the ten lines of Python in doc/control.md, and ctl, see the same")
def _():
    script = ten_lines()
    with controlled() as (_, control):
        def python(*words):
            process = Process([sys.executable, "-c", script, control.endpoint,
                               *words])
            return process.wait(), process.lines
        equal(python("queue", "PAUSE"), (0, [""]), "PAUSE")
        equal(control.run("queue", "STATE"), "paused")
        control.run("queue", "RESUME")
        equal(python("queue", "STATE"), (0, ["STATE", "active"]), "STATE")
        status, lines = python("queue", "nonsense")
        equal(status, 1, "status")
        assert "'nonsense'" in lines[0]


@test("COUNTERS reports in one frame what STATS does")
def _():
    with controlled("balancer") as (relay, control), sockets() as sock:
        client, worker, asker = (
            sock(zmq.REQ, relay.frontend),
            sock(zmq.DEALER, relay.backend, routing_id=b"one"),
            sock(zmq.DEALER, control.endpoint))
        worker.send_multipart([b"", b"READY"])
        client.send(b"x" * 300)
        worker.send_multipart(worker.recv_multipart())
        client.recv()

        def ask(word):
            asker.send_multipart([b"1", b"", b"RELAY", b"balancer", word])
            number, empty, status, name, *frames = asker.recv_multipart()
            equal((number, empty, status, name), (b"1", b"", b"0", word))
            return frames

        def pairs(frames):
            assert len(frames) % 2 == 0, frames
            values = dict(zip(frames[::2], frames[1::2]))
            values.pop(b"uptime_ms")
            return values
        stats = pairs(ask(b"STATS"))
        block, = ask(b"COUNTERS")
        equal(block[-1:], b"\0", "end")
        equal(pairs(block[:-1].split(b"\0")), stats, "COUNTERS")
        equal(stats[b"frontend.in.messages"], b"1", "messages")
        #   Arguments are refused for STATS, not for COUNTERS
        asker.send_multipart([b"", b"RELAY", b"balancer", b"STATS", b"x"])
        _, status, sentence = asker.recv_multipart()
        equal(status, b"2", "status")
        assert sentence.endswith(b"it is STATS"), sentence
        #   Nobody who has gone before the answer does harm
        for _ in range(10):
            with sockets() as gone:
                gone(zmq.DEALER, control.endpoint).send_multipart(
                    [b"", b"RELAY", b"balancer", b"STATS"])
        equal(pairs(ask(b"STATS"))[b"frontend.in.messages"], b"1", "messages")


class Steerers:
    """Ways to steer a relay named queue: each a function that takes the words
    of a command and returns the lines of its answer."""

    def __init__(self, control, server):
        self.control = control
        self.server = server
        self.script = ten_lines()
        self.ways = [self.python, self.c, self.ctl, self.page]

    def python(self, *words):
        return Process([sys.executable, "-c", self.script,
                        self.control.endpoint, "queue", *words]).succeed()

    def c(self, *words):
        return Process([os.path.join(TOP_BUILDDIR, "tests", "steer"),
                        self.control.endpoint, "queue", *words]).succeed()

    def ctl(self, *words):
        return Process([ZRELAY, "ctl", "--control", self.control.endpoint,
                        "--timeout", str(DEADLINE * 1000), "queue",
                        *words]).succeed()

    def page(self, *words):
        """What the page asks of the server, see src/program/page.js."""
        word, = words
        if word == "STATE":
            return [self.server.state()]
        equal(self.server.steer(word.lower()), (200, "done\n"), word)
        return []

    def must_see(self, state):
        for way in self.ways:
            equal(way("STATE")[-1], state, "state, by %s" % way.__name__)


@test("Python, a client in C, ctl and the page steer a relay at the same time",
      deadline=4 * DEADLINE)
def _():
    if not HAS_HTTP:
        raise Skip("zrelay was built without libmicrohttpd")
    with temp_dir() as folder:
        token = os.path.join(folder, "token")
        write_secret(token, TOKEN + "\n")
        with controlled("queue", "--metrics", HERE, "--metrics-steer",
                        token) as (relay, control):
            steerers = Steerers(control, Server(relay))
            #   What one of them does, all of them see
            for way in steerers.ways:
                way("PAUSE")
                steerers.must_see("paused")
                way("RESUME")
                steerers.must_see("active")
            #   All at once: each command is done, and they agree afterwards
            with concurrent.futures.ThreadPoolExecutor(
                    len(steerers.ways)) as pool:
                done = [pool.submit(way, word)
                        for word in ("PAUSE", "RESUME", "RESET") * 4
                        for way in steerers.ways]
                for future in done:
                    future.result(DEADLINE)
            state = steerers.python("STATE")[-1]
            assert state in ("active", "paused"), state
            steerers.must_see(state)


@test("who stops the only relay ends the program, as SIGTERM does")
def _():
    for milliseconds in (), ("1000",):
        with controlled() as (relay, control):
            control.run("stop", "nobody", status=REFUSED)
            assert "there is no relay 'nobody'" in control.errors
            equal(control.json("stop", "queue", *milliseconds),
                  {"status": 0, "answer": []})
            equal(relay.wait(), DONE, "exit status")
            path = control.endpoint.replace("ipc://", "")
            assert not os.path.exists(path), "the socket is left"
    with controlled("queue", "-v") as (relay, control):
        control.run("stop", "queue")
        equal(relay.wait(), DONE, "exit status")
        assert any("queue: stopped, by a command" in line
                   for line in relay.error_lines), relay.error_lines


#   --------------------------------------------------------------------------
#   Who may steer

@test("a path of ipc is for this user alone, whatever the umask")
def _():
    umask = os.umask(0)
    try:
        with controlled() as (_, control):
            path = control.endpoint[len("ipc://"):]
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
            if os.geteuid() != 0:
                raise Skip("only root can be another user")
            os.chmod(os.path.dirname(path), 0o755)
            code = ("import os, socket, sys\n"
                    "os.setuid(65534)\n"
                    "try:\n"
                    "    socket.socket(socket.AF_UNIX).connect(sys.argv[1])\n"
                    "except PermissionError:\n"
                    "    sys.exit(7)\n")
            process = Process([sys.executable, "-c", code, path])
            equal(process.wait(), 7, "exit status of another user")
    finally:
        os.umask(umask)


@test("the path is gone at the end, and one that is in use is not taken")
def _():
    with controlled() as (relay, control):
        path = control.endpoint[len("ipc://"):]
        other = Process([ZRELAY, "queue", "-f", "tcp://127.0.0.1:*", "-b",
                         "tcp://127.0.0.1:*", "--control", control.endpoint])
        equal(other.wait(), MISUSE, "exit status")
        assert "in use" in other.error_lines[0], other.error_lines
        equal(control.run("queue", "STATE"), "active")
        relay.stop()
        assert not os.path.exists(path)


@test("tcp needs CURVE, and lets in those whose certificates it knows")
def _():
    options = ["-f", "tcp://127.0.0.1:*", "-b", "tcp://127.0.0.1:*"]
    with temp_dir() as folder:
        def keygen(name):
            Process([ZRELAY, "keygen", os.path.join(folder, name)]).succeed()
            return os.path.join(folder, name)
        relay_cert, operator, stranger = (
            keygen(name) for name in ("relay", "operator", "stranger"))
        clients = os.path.join(folder, "operators")
        os.mkdir(clients, 0o700)
        with open(operator) as source, \
                open(os.path.join(clients, "one"), "w") as target:
            target.write(source.read())
        os.chmod(os.path.join(clients, "one"), 0o600)

        refused = Process([ZRELAY, "queue", *options, "--control",
                           "tcp://127.0.0.1:*"])
        equal(refused.wait(), MISUSE, "exit status without CURVE")
        assert "certificate" in refused.error_lines[0]

        with Process([ZRELAY, "queue", *options,
                      "--control", "tcp://127.0.0.1:*",
                      "--control-curve", relay_cert,
                      "--control-clients", clients]) as relay:
            endpoint = relay.expect("^control: bound to (.*)$").group(1)
            control = Control(endpoint, ("--curve", operator,
                                         "--server", relay_cert))
            equal(control.run("queue", "STATE"), "active")
            for keys in ((), ("--curve", stranger, "--server", relay_cert),
                         ("--curve", operator, "--server", stranger)):
                Control(endpoint, keys + ("--timeout", "200")).run(
                    "queue", "STATE", status=SILENCE)
            equal(control.run("queue", "STATE"), "active")


#   --------------------------------------------------------------------------
#   What a control socket survives

@test("a thousand connections at the same time")
def _():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < 3000:
        raise Skip("too few descriptors")
    try:
        with controlled() as (_, control), contextlib.ExitStack() as stack:
            path = control.endpoint[len("ipc://"):]
            for _ in range(1000):
                peer = stack.enter_context(socket.socket(socket.AF_UNIX))
                #   There is a queue of them, which takes some time
                wait_until(lambda: peer.connect_ex(path) == 0)
            equal(control.run("queue", "STATE"), "active")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


#   ZMTP 3.0 by hand: a greeting and READY of a DEALER; and the empty frame that
#   ends an envelope, with more to come
GREETING = (b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0")
            + bytes(32))
READY = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER"
SHAKE = GREETING + b"\x04" + bytes([len(READY)]) + READY
DELIMITER = b"\x01\x00"
#   A frame with more to come, and bytes after which an attack gives up
FRAME = 60000
ENDLESS = b"\x03" + FRAME.to_bytes(8, "big") + bytes(FRAME)
GIVES_UP = 100 << 20


def cuts(relay):
    return [line for line in relay.error_lines if "connections were cut" in line]


def bring_without_end(relay, sock, frame):
    """Send a message that never ends; returns how many bytes were taken until
    the connection was cut. The system may leave its sender waiting then."""
    before = len(cuts(relay))
    sock.settimeout(DEADLINE)
    sock.sendall(SHAKE)
    heard = b""
    while b"Socket-Type" not in heard:
        heard += sock.recv(1000)
    sock.sendall(DELIMITER)
    sock.settimeout(0.1)
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < GIVES_UP and len(cuts(relay)) == before:
            #   A frame may go in parts, but to the end
            part = frame
            while part and len(cuts(relay)) == before:
                with contextlib.suppress(socket.timeout):
                    part = part[sock.send(part):]
            sent += len(frame)
    wait_until(lambda: len(cuts(relay)) > before, what="it is cut")
    return sent


@test("a message without an end is cut off, and honest peers are not")
def _():
    with Relay("queue", "--control", "anybody tcp://127.0.0.1:*") as relay, \
            sockets() as sock:
        endpoint = relay.expect("^control: bound to (.*)").group(1)
        honest = sock(zmq.DEALER, endpoint)
        port = int(endpoint.rpartition(":")[2])
        #   Large frames, small ones, and empty ones
        for frame in ENDLESS, (b"\x01\x64" + bytes(100)) * 1000, \
                b"\x01\x00" * 10000:
            with socket.create_connection(("127.0.0.1", port)) as attacker:
                sent = bring_without_end(relay, attacker, frame)
            assert sent < GIVES_UP, "%d bytes were taken" % sent
            assert "from tcp://127.0.0.1:" in cuts(relay)[-1] \
                and "(endless)" in cuts(relay)[-1], cuts(relay)
            #   As large as a command may be, many times
            for _ in range(20):
                honest.send_multipart([b"", b"RELAY", b"queue", b"PING"]
                                      + [bytes(60000)] * 4)
                equal(honest.recv_multipart()[1], b"2", "status")
            honest.send_multipart([b"", b"RELAY", b"queue", b"STATE"])
            equal(honest.recv_multipart(), [b"", b"0", b"STATE", b"active"])
        with controlled() as (local, control), \
                socket.socket(socket.AF_UNIX) as attacker:
            attacker.connect(control.endpoint[len("ipc://"):])
            assert bring_without_end(local, attacker, ENDLESS) < GIVES_UP
            equal(control.run("queue", "STATE"), "active")


@test("those who do not read, garbage, and 10 MiB")
def _():
    with controlled() as (relay, control), sockets() as sock:
        path = control.endpoint[len("ipc://"):]
        #   It asks and never reads: its answers wait, up to a limit
        slow = sock(zmq.DEALER, control.endpoint, rcvhwm=1)
        for _ in range(3000):
            slow.send_multipart([b"", b"RELAY", b"queue", b"HELP"])
        huge = sock(zmq.DEALER, control.endpoint)
        huge.send_multipart([b"", b"LIST", bytes(10 << 20)])
        many = sock(zmq.DEALER, control.endpoint)
        many.send_multipart([b""] + [b"x" * 1024] * 10240)
        for frames in ([b""], [b"", b""], [b"LIST"], [b"", b"\0\xff", b""],
                       [b"", b"RELAY"], [b"", b"RELAY", b"\0", b"STATE"],
                       [b"", b"START", b"x"], [b"", b"CONTROL", b"x"],
                       [b"", b"RELAY", b"queue", b"\xff\0"]):
            many.send_multipart(frames)
        with socket.socket(socket.AF_UNIX) as raw:
            raw.connect(path)
            raw.sendall(os.urandom(4096))
        #   A prompt answer, in spite of them
        client = sock(zmq.REQ, control.endpoint)
        begin = time.monotonic()
        for _ in range(100):
            client.send_multipart([b"RELAY", b"queue", b"STATE"])
            equal(client.recv_multipart(), [b"0", b"STATE", b"active"])
            client.send(b"LIST")
            equal(client.recv_multipart(), [b"0", b"LIST", b"queue", b"queue"])
        assert time.monotonic() - begin < DEADLINE / 2
        with open("/proc/%d/statm" % relay.pid) as file:
            pages = int(file.read().split()[1])
        assert pages * resource.getpagesize() < 200 << 20, "memory"
        #   Who asked for too much was cut off, not answered, and who did not
        #   read has lost answers
        equal(huge.poll(100), 0, "answers to 10 MiB in a frame")
        answers = 0
        while slow.poll(300):
            slow.recv_multipart()
            answers += 1
        assert answers < 2500, answers


@test("a peer that awaits many answers is refused, and others are not")
def _():
    with controlled() as (_, control), sockets() as sock:
        honest = sock(zmq.DEALER, control.endpoint)
        peers = [sock(zmq.DEALER, control.endpoint) for _ in range(10)]
        #   Nobody is answered before the relay ends, except by a refusal
        for peer in peers:
            for _ in range(101):
                peer.send_multipart([b"", b"WAIT", b"queue"])
        sentences = []
        for peer in peers:
            _, status, sentence = peer.recv_multipart()
            equal(status, b"3", "status")
            sentences.append(sentence.split()[0])
        #   The program itself waits, so they may also have taken all places
        assert b"100" in sentences, sentences
        #   There is a place for one command of each of the others, and for all
        #   that need not wait
        honest.send_multipart([b"", b"WAIT", b"queue"])
        for _ in range(3):
            honest.send_multipart([b"", b"RELAY", b"queue", b"STATE"])
            equal(honest.recv_multipart(), [b"", b"0", b"STATE", b"active"])
        control.run("stop", "queue")
        equal(honest.recv_multipart(), [b"", b"0"], "answer to WAIT")


if __name__ == "__main__":
    main()
