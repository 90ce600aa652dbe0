#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Control sockets, and `zrelay ctl`, which speaks to them."""

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

from zrelay_testing import (DEADLINE, TOP_SRCDIR, ZRELAY, Process, Relay, Skip,
                            equal, main, sockets, temp_dir, test, wait_until)

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

@test("the ten lines of Python in doc/control.md, a client in C, and ctl see "
      "the same")
def _():
    with open(os.path.join(TOP_SRCDIR, "doc", "control.md")) as file:
        script = re.search("```python\n(.*?)```", file.read(), re.S).group(1)
    assert len(script.splitlines()) <= 10
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
        equal(control.run("queue", "STATE"), "active")
        #   A prompt answer, in spite of them
        client = sock(zmq.REQ, control.endpoint)
        begin = time.monotonic()
        for _ in range(100):
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


if __name__ == "__main__":
    main()
