#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""`zrelay run` and `zrelay check`: relays from a file, and the file again."""

import contextlib
import json
import os
import re
import resource
import signal
import socket
import stat
import subprocess
import threading

import zmq
import zmq.auth

from zrelay_testing import (DEADLINE, TOP_SRCDIR, ZRELAY, Process, Skip, equal,
                            main, need_store, sockets, temp_dir, test,
                            wait_until)

ASKED, FAILED, MISUSE = range(3)

HEAD = """version = 1.0
apps
    test
        devices
"""


def device(name, kind, *lines, frontend="inproc://%s-f", backend=None):
    """The section of one relay. Lines are below it, of four spaces a level."""
    backend = backend or frontend.replace("-f", "-b")
    text = ["            " + name,
            "                type = " + kind,
            "                sockets"]
    for side, endpoint in (("frontend", frontend), ("backend", backend)):
        if "%s" in endpoint:
            endpoint %= name
        text += ["                    " + side,
                 "                        bind = " + endpoint]
    text += ["                " + line for line in lines]
    return "\n".join(text) + "\n"


class Run:
    """A running `zrelay run`, with a file of its own."""

    def __init__(self, folder, text):
        self.file = os.path.join(folder, "relays.conf")
        self.control = "ipc://%s/control" % folder
        self.write(text)
        self.process = Process([ZRELAY, "run", "--control", self.control,
                                self.file])

    def write(self, text):
        with open(self.file, "w") as file:
            file.write(text)

    def ctl(self, *words, status=0):
        process = Process([ZRELAY, "ctl", "--timeout", str(DEADLINE * 1000),
                           "--control", self.control, *words])
        equal(process.wait(), status, "exit status of ctl %s: %s" % (
            words, process.error_lines))
        return process.lines

    def json(self, *words):
        return json.loads("\n".join(self.ctl("--json", *words)))

    def names(self):
        return [relay["name"] for relay in self.json("list")]

    def ready(self):
        self.process.expect("^control: bound to ")
        return self

    def endpoint(self, name, side):
        return self.ctl(name, "ENDPOINT", side)[0]


@contextlib.contextmanager
def running(text):
    with temp_dir() as folder:
        run = Run(folder, text)
        with run.process:
            yield run.ready()


def check(text, *, env=None, name="relays.conf"):
    """Run check; returns its exit status and the lines it printed."""
    with temp_dir() as folder:
        file = os.path.join(folder, name)
        with open(file, "w") as target:
            target.write(text)
        process = Process([ZRELAY, "check", file], env=env)
        status = process.wait()
        return status, [line.replace(file, name)
                        for line in process.error_lines]


#   --------------------------------------------------------------------------
#   Files

@test("a file with one relay of every kind is right, and starts")
def _():
    file = os.path.join(TOP_SRCDIR, "examples", "relays.conf")
    process = Process([ZRELAY, "check", file])
    equal(process.wait(), ASKED, "exit status: %s" % process.error_lines)
    equal(process.error_lines, [], "errors")
    #   Its ports may be in use here
    with open(file) as source:
        text = re.sub(r"(bind|lookup) = tcp://\S+", r"\1 = tcp://127.0.0.1:*",
                      source.read())
    with running(text) as run:
        equal({relay["kind"] for relay in run.json("list")},
              {"queue", "balancer", "majordomo", "forwarder", "cache",
               "streamer", "proxy"}, "kinds")
        equal(run.ctl("tasks", "GET", "RELAY", "retries"), ["2"])
        equal(run.ctl("orders", "GET", "FRONTEND", "sndhwm"), ["5000"])
        equal(run.ctl("orders", "GET", "FRONTEND", "rcvhwm"), ["5000"])
        equal(run.ctl("logs", "GET", "FORWARD", "overflow"), ["drop-old"])
        run.process.signal(signal.SIGTERM)
        equal(run.process.wait(), ASKED, "exit status")


#   Each line that begins with "!" is wrong
PLANTED = """!version = 2.0
!nonsense = 1
apps
    one
        context
!            iothreads = 0
!            verbose = perhaps
!            colour = red
        devices
            a
!                type = nonsense
!            b
                sockets
            c
                type = queue
                sockets
                    frontend
!                        type = PUB
!                        bind = tcp://127.0.0.1
!                        bind = nonsense
!                        bind = udp://127.0.0.1:5555
!                        connect = tcp://127.0.0.1:70000
                        option
!                            nonsense = 1
!                            sndhwm = many
!                            rcvtimeo = 5
!                    sideways
                set
                    forward
!                        overflow = perhaps
!                        nonsense = 1
                    relay
!                        spin = -1
!                    upward
!                drain = soon
            d
                type = forwarder
                sockets
                    frontend
                        bind = tcp://127.0.0.1:5600
                    backend
!                        bind = tcp://127.0.0.1:5600
                guard
!                    clients = /no/such/folder
!                    plain = /no/such/file
!                    allow = 10.0.0.0/99
!                    side = upside
                commands
!                    NONSENSE = 1
!            d
                type = queue
            e
                type = proxy
                sockets
!                    frontend
                        bind = inproc://e-f
                    backend
                        type = PUSH
                        bind = inproc://e-b
            f
                type = streamer
                type = queue
                set
                    relay
!                        spin = $ZRELAY_UNSET
!            h i
!  g
"""


@test("check finds more than thirty planted errors in one run, each with its "
      "line and path")
def _():
    lines = PLANTED.splitlines()
    wrong = {number for number, line in enumerate(lines, 1)
             if line.startswith("!")}
    #   This one is about what was given twice
    wrong.add(lines.index("                type = queue",
                          lines.index("            f")) + 1)
    assert len(wrong) >= 30, len(wrong)
    status, errors = check("\n".join(line.lstrip("!") for line in lines) + "\n")
    equal(status, FAILED, "exit status")
    found = {}
    for line in errors:
        match = re.match(r"zrelay: relays\.conf:(\d+): (.*)$", line)
        assert match, line
        found.setdefault(int(match.group(1)), []).append(match.group(2))
    missing = wrong - set(found)
    extra = set(found) - wrong
    assert not missing and not extra, "missing %s, extra %s:\n%s" % (
        sorted(missing), sorted(extra), "\n".join(errors))
    #   With the path in the tree
    number = lines.index("!                            sndhwm = many") + 1
    assert found[number][0].startswith(
        "apps/one/devices/c/sockets/frontend/option/sndhwm: "), found[number]


@test("run refuses a file that is wrong, with all of its errors")
def _():
    with temp_dir() as folder:
        run = Run(folder, HEAD + device("a", "nonsense")
                  + device("b", "queue", "colour = red"))
        equal(run.process.wait(), MISUSE, "exit status")
        equal(len(run.process.error_lines), 2, "errors")
    process = Process([ZRELAY, "run", "/no/such/file"])
    equal(process.wait(), MISUSE, "exit status")
    assert "cannot read /no/such/file" in process.error_lines[0]
    for words in (["run"], ["check"], ["run", "a", "b"], ["run", "--nonsense"],
                  ["check", "a", "b"]):
        process = Process([ZRELAY, *words])
        equal(process.wait(), MISUSE, "exit status of %s" % words)
        equal(len(process.error_lines), 1, "lines about %s" % words)


@test("values come from the environment, with a default or without")
def _():
    text = HEAD + device("a", "queue", "set", "    forward",
                         "        overflow = ${HOW:-drop-old}",
                         "        queue = $ZRELAY_MANY")
    status, errors = check(text, env={"ZRELAY_MANY": "50"})
    equal((status, errors), (ASKED, []), "check")
    status, errors = check(text, env={"ZRELAY_MANY": "50", "HOW": "perhaps"})
    equal(status, FAILED, "check of another value")
    status, errors = check(text)
    equal(status, FAILED, "check without the variable")
    assert "the environment has no variable ZRELAY_MANY" in errors[0], errors


#   The example of ZDCF's document, in essence, with ports that are free
ZDCF = {"version": 1.0, "apps": {"listener": {
    "context": {"iothreads": 1, "verbose": True},
    "devices": {"main": {"type": "zmq_queue", "sockets": {
        "frontend": {"type": "SUB",
                     "option": {"hwm": 1000, "swap": 25000000,
                                "subscribe": "#2"},
                     "bind": "tcp://127.0.0.1:*"},
        "backend": {"bind": ["tcp://127.0.0.1:*", "inproc://device"]}}}}}}}

ZDCF_ZPL = """#   Notice that indentation is always 4 spaces
version = 1.0
apps
    listener
        context
            iothreads = 1
            verbose = 1     #   Ask for a trace
        devices
            main
                type = zmq_queue
                sockets
                    frontend
                        type = SUB
                        option
                            hwm = 1000
                            swap = 25000000     #   25MB
                            subscribe = "#2"
                        bind = tcp://127.0.0.1:*
                    backend
                        bind = tcp://127.0.0.1:*
                        bind = inproc://device
"""


def has_json():
    with temp_dir() as folder:
        file = os.path.join(folder, "x")
        with open(file, "w") as target:
            target.write("{}")
        process = Process([ZRELAY, "check", file])
        process.wait()
        return not any("without jansson" in line
                       for line in process.error_lines)


@test("ZDCF's example runs, in ZPL and in JSON, with a warning about swap")
def _():
    texts = [ZDCF_ZPL]
    if has_json():
        texts.append(json.dumps(ZDCF, indent=4))
    for text in texts:
        #   As Windows writes it
        status, errors = check("\ufeff" + text.replace("\n", "\r\n"))
        equal(status, ASKED, "exit status: %s" % errors)
        status, errors = check(text)
        equal(status, ASKED, "exit status: %s" % errors)
        line = next(number for number, part in enumerate(text.splitlines(), 1)
                    if "swap" in part)
        assert any(re.match("zrelay: warning: relays.conf:%d: apps/listener/"
                            "devices/main/sockets/frontend/option/swap: "
                            % line, error) for error in errors), errors
        with running(text) as run, sockets() as sock:
            equal(run.json("list")[0]["kind"], "proxy")
            source = sock(zmq.PUB, run.endpoint("main", "frontend"))
            sink = sock(zmq.SUB, run.endpoint("main", "backend"))
            sink.subscribe = b""
            sink.rcvtimeo = 50

            def arrives():
                source.send(b"#1 no")
                source.send(b"#2 yes")
                try:
                    return sink.recv()
                except zmq.Again:
                    return None
            equal(wait_until(arrives), b"#2 yes", "message")


@test("mistakes in JSON have their line, too")
def _():
    if not has_json():
        raise Skip("built without jansson")
    wrong = json.loads(json.dumps(ZDCF))
    main_device = wrong["apps"]["listener"]["devices"]["main"]
    main_device["colour"] = "red"
    main_device["sockets"]["frontend"]["option"]["nonsense"] = 1
    text = json.dumps(wrong, indent=1)
    status, errors = check(text)
    equal(status, FAILED, "exit status")
    for word in ("colour", "nonsense"):
        line = next(number for number, part in enumerate(text.splitlines(), 1)
                    if word in part)
        assert any("relays.conf:%d: " % line in error and word in error
                   for error in errors), (word, line, errors)
    status, errors = check('{\n"version": 1.0,\n"apps": [\n')
    equal(status, FAILED, "exit status of a truncated file")
    assert errors[0].startswith("zrelay: relays.conf:"), errors


@test("a file of any bytes is refused or read, and no more")
def _():
    for data in (b"", b"\0", b"\n" * 1000, b"{", b"a\n" * 10000,
                 b"".join(b" " * 4 * n + b"x\n" for n in range(40)),
                 b"version = 1\napps\n    a\n        devices\n            "
                 + b"n" * 5000 + b"\n                type = queue\n",
                 os.urandom(5000)):
        with temp_dir() as folder:
            file = os.path.join(folder, "file")
            with open(file, "wb") as target:
                target.write(data)
            equal(Process([ZRELAY, "check", file]).wait(), FAILED,
                  "exit status for %r" % data[:20])


@test("security of a file: certificates, passwords and networks")
def _():
    with temp_dir() as folder:
        def keygen(name):
            path = os.path.join(folder, name)
            Process([ZRELAY, "keygen", path]).succeed()
            return path
        cert, client = keygen("relay"), keygen("client")
        clients = os.path.join(folder, "clients")
        os.mkdir(clients, 0o700)
        subprocess.run(["cp", client, clients], check=True)
        text = HEAD + device(
            "a", "queue", "guard", "    curve = " + cert,
            "    clients = " + clients, "    side = frontend",
            frontend="tcp://127.0.0.1:*", backend="tcp://127.0.0.1:*")
        with running(text) as run, sockets() as sock:
            public, secret = zmq.auth.load_certificate(client + "_secret")
            server, _ = zmq.auth.load_certificate(cert)
            other_public, other_secret = zmq.curve_keypair()
            frontend = run.endpoint("a", "frontend")
            worker = sock(zmq.REP, run.endpoint("a", "backend"))
            stranger = sock(zmq.REQ, frontend, curve_publickey=other_public,
                            curve_secretkey=other_secret,
                            curve_serverkey=server, rcvtimeo=300)
            stranger.send(b"no")
            good = sock(zmq.REQ, frontend, curve_publickey=public,
                        curve_secretkey=secret, curve_serverkey=server)
            good.send(b"yes")
            equal(worker.recv(), b"yes", "request")
            worker.send(b"reply")
            equal(good.recv(), b"reply", "reply")
            #   One that is taken off the list is cut off
            os.unlink(os.path.join(clients, "client"))
            wait_until(lambda: run.ctl("a", "PEERS", "frontend")[0] == "0",
                       what="the end of the connection")


#   --------------------------------------------------------------------------
#   Control and signals

@test("by default the control socket is in the runtime directory, for this "
      "user alone")
def _():
    with temp_dir() as folder:
        os.chmod(folder, 0o700)
        env = {"XDG_RUNTIME_DIR": folder}
        file = os.path.join(folder, "relays.conf")
        with open(file, "w") as target:
            target.write(HEAD + device("a", "queue"))
        with Process([ZRELAY, "run", file], env=env) as run:
            path = run.expect("^control: bound to ipc://(.*)$").group(1)
            equal(os.path.dirname(path), folder, "directory")
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
            ctl = Process([ZRELAY, "ctl", "list"], env=env)
            equal(ctl.succeed()[0].split(), ["a", "queue", "active"], "list")


@test("a service manager hears when all relays are ready, and when they stop")
def _():
    with temp_dir() as folder, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        path = os.path.join(folder, "notify")
        notify.bind(path)
        notify.settimeout(DEADLINE)
        file = os.path.join(folder, "relays.conf")
        with open(file, "w") as target:
            target.write(HEAD + device("a", "queue"))
        pid_file = os.path.join(folder, "pid")
        with Process([ZRELAY, "run", "--control", "ipc://%s/c" % folder,
                      "--pid-file", pid_file, file],
                     env={"NOTIFY_SOCKET": path,
                          "WATCHDOG_USEC": "200000"}) as run:
            assert b"READY=1" in notify.recv(4096)
            with open(pid_file) as source:
                equal(int(source.read()), run.pid, "process id")
            for _ in range(2):
                equal(notify.recv(4096), b"WATCHDOG=1", "watchdog")
            run.signal(signal.SIGTERM)
            while b"STOPPING=1" not in notify.recv(4096):
                pass
            equal(run.wait(), ASKED, "exit status")
            assert not os.path.exists(pid_file)


@test("SIGUSR1 prints statistics of all relays, SIGTERM drains them")
def _():
    text = HEAD + device("a", "streamer", frontend="tcp://127.0.0.1:*",
                         backend="tcp://127.0.0.1:*") + device("b", "queue")
    with running(text) as run, sockets() as sock:
        source = sock(zmq.PUSH, run.endpoint("a", "frontend"))
        sink = sock(zmq.PULL, run.endpoint("a", "backend"))
        for number in range(100):
            source.send(b"%d" % number)
        wait_until(lambda: run.json("stats", "a")["frontend"]["in"]["messages"]
                   == 100)
        run.process.signal(signal.SIGUSR1)
        run.process.expect("^streamer a: active", errors=True)
        run.process.expect("^queue b: active", errors=True)
        run.process.signal(signal.SIGTERM)
        for number in range(100):
            equal(sink.recv(), b"%d" % number, "task")
        equal(run.process.wait(), ASKED, "exit status")


#   --------------------------------------------------------------------------
#   The file again

@test("a long file: relays that need more sockets than a context has unasked")
def _():
    count = 140
    text = HEAD + "".join(device("relay%d" % number, "streamer")
                          for number in range(count))
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 20 * count:
        raise Skip("a process may not have as many descriptors")
    with running(text) as run:
        equal(len(run.names()), count, "relays")
        run.process.signal(signal.SIGTERM)
        equal(run.process.wait(), ASKED, "exit status")


@test("SIGHUP and ctl reload apply what changed: relays come, change and go")
def _():
    first = HEAD + device("stays", "queue") + device("goes", "queue") \
        + device("changes", "streamer") + device("turns", "queue")
    second = HEAD + device("stays", "queue") \
        + device("changes", "streamer", "set", "    forward",
                 "        burst = 7") \
        + device("turns", "streamer") + device("comes", "streamer")
    with running(first) as run:
        run.ctl("stays", "SET", "FORWARD", "burst", "5")
        run.ctl("changes", "SET", "FORWARD", "queue", "99")
        run.write(second)
        run.ctl("reload")
        equal(set(run.names()), {"stays", "changes", "turns", "comes"})
        #   What was not touched is as somebody left it
        equal(run.ctl("stays", "GET", "FORWARD", "burst"), ["5"])
        equal(run.ctl("changes", "GET", "FORWARD", "burst"), ["7"])
        equal({relay["name"]: relay["kind"] for relay in run.json("list")}
              ["turns"], "streamer")
        run.write(first)
        run.process.signal(signal.SIGHUP)
        run.process.expect("was read again", errors=True)
        equal(set(run.names()), {"stays", "goes", "changes", "turns"})
        equal(run.ctl("stays", "GET", "FORWARD", "burst"), ["5"])


@test("check leaves a spool alone, and so does reload until it is its turn")
def _():
    need_store()
    with temp_dir() as folder:
        spool = os.path.join(folder, "spool")

        def file(name, most):
            return HEAD + device(
                name, "streamer", "set", "    forward",
                "        overflow = spool", "        spool = " + spool,
                "        spool_messages = %d" % most)

        with open(os.path.join(folder, "relays.conf"), "w") as conf:
            conf.write(file("a", 1))
        process = Process([ZRELAY, "check", conf.name])
        equal(process.wait(), 0, "exit status of check")
        assert not os.path.exists(spool)
        with running(file("a", 1)) as run:
            #   The same relay, with its spool in use, and then another one
            for name, most in (("a", 2), ("b", 3)):
                run.write(file(name, most))
                process = Process([ZRELAY, "check", run.file])
                equal(process.wait(), 0, "exit status of check")
                run.ctl("reload")
                equal(run.names(), [name])
                equal(run.ctl(name, "GET", "FORWARD", "spool_messages"),
                      [str(most)])


@test("a change that is not possible leaves the old state, and says why")
def _():
    taken = zmq.Context.instance().socket(zmq.REP)
    port = taken.bind_to_random_port("tcp://127.0.0.1")
    first = HEAD + device("a", "queue") + device("b", "queue") \
        + device("c", "streamer", "set", "    forward", "        burst = 5")
    with running(first) as run:
        before = run.json("list")
        #   What is wrong with the file
        run.write(first.replace("type = queue", "type = nonsense", 1))
        run.ctl("reload", status=1)
        run.process.signal(signal.SIGHUP)
        run.process.expect("relays.conf:6: apps/test/devices/a/type: there is"
                           " no kind of relay 'nonsense'", errors=True)
        run.process.expect("the relays are as they were", errors=True)
        equal(run.json("list"), before, "relays")
        #   What the system refuses, behind a relay that was replaced, one that
        #   went, and one that came
        run.write(HEAD + device("new", "queue") + device("a", "streamer")
                  + device("c", "streamer", "set", "    forward",
                           "        burst = 9")
                  + device("d", "queue",
                           frontend="tcp://127.0.0.1:%d" % port,
                           backend="inproc://d-b"))
        process = Process([ZRELAY, "ctl", "--control", run.control,
                           "--timeout", "60000", "reload"])
        equal(process.wait(), 1, "exit status")
        assert re.search(r"relays\.conf:\d+: apps/test/devices/d/sockets/"
                         r"frontend/bind: .*in use", process.error_lines[0]), \
            process.error_lines
        equal(sorted(relay["name"] for relay in run.json("list")),
              ["a", "b", "c"], "relays")
        equal({relay["name"]: relay["kind"] for relay in run.json("list")},
              {relay["name"]: relay["kind"] for relay in before}, "kinds")
        equal(run.ctl("c", "GET", "FORWARD", "burst"), ["5"])
        #   And the right file still can be loaded
        run.write(first + device("d", "queue"))
        run.ctl("reload")
        equal(len(run.names()), 4, "relays")
    taken.close()


@test("a hundred reloads under load: untouched relays deliver each message "
      "exactly once", deadline=180)
def _():
    steady = device("steady", "streamer", frontend="tcp://127.0.0.1:*",
                    backend="tcp://127.0.0.1:*")
    with running(HEAD + steady) as run, sockets() as sock:
        source = sock(zmq.PUSH, run.endpoint("steady", "frontend"))
        sink = sock(zmq.PULL, run.endpoint("steady", "backend"))
        over = threading.Event()
        sent_all = threading.Event()
        sent = [0]

        def send():
            while not over.is_set():
                source.send(b"%d" % sent[0])
                sent[0] += 1
            #   What the receiver is to wait for
            source.send(b"end")
            sent_all.set()
        received = []

        def receive():
            message = sink.recv()
            while message != b"end":
                received.append(int(message))
                message = sink.recv()
        threads = [threading.Thread(target=target, daemon=True)
                   for target in (send, receive)]
        for thread in threads:
            thread.start()
        control = sock(zmq.REQ, run.control)
        for number in range(100):
            others = [device("other%d" % (number + index), kind, "set",
                             "    forward", "        burst = %d" % (number + 1),
                             "drain = 0")
                      for index, kind in enumerate(
                          ("queue", "streamer", "forwarder")[:number % 4])]
            changing = device("changing", "queue", "set", "    forward",
                              "        burst = %d" % (number + 1))
            run.write(HEAD + "".join(others) + steady + changing)
            control.send(b"LOAD")
            equal(control.recv_multipart(), [b"0"], "reload %d" % number)
        control.send(b"LIST")
        equal(len(control.recv_multipart()), 2 + 2 * (2 + 99 % 4), "relays")
        over.set()
        for thread in threads:
            thread.join(DEADLINE)
        assert sent_all.is_set() and sent[0] > 100, "messages"
        assert received == list(range(sent[0])), \
            "%d messages were sent, and %d received" % (sent[0], len(received))


if __name__ == "__main__":
    main()
