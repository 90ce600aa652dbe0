#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Programs that know nothing of zrelay, with libzrelay-preload.so."""

import contextlib
import importlib.util
import os
import re
import shutil
import signal
import stat
import sys
import time

import zmq

from zrelay_testing import (DEADLINE, PRELOAD, TOP_BUILDDIR, ZRELAY, Process,
                            Skip, comment, equal, main, preload, sockets,
                            temp_dir, test, wait_until)

LIBS = os.path.join(TOP_BUILDDIR, "src", ".libs")
PROXIES = os.path.join(TOP_BUILDDIR, "tests", "proxies")

#   pyzmq's own tests of what calls libzmq's functions, and how many calls of
#   each they make at least. Its monitored queue is a loop of its own.
PYZMQ_TESTS = {
    "test_device": {"zmq_proxy": 1},
    "test_monqueue": {},
    "test_proxy_steerable": {"zmq_proxy_steerable": 2}}

#   Seconds for which a relay without work is watched, and its CPU time
WATCHED = 1
CPU_MOST = 0.1


def python(program, *arguments, library=PRELOAD, **variables):
    """Start a program in Python with the library."""
    return Process([sys.executable, "-c", program, *arguments],
                   env=preload(library, **variables))


def told(process, text):
    """How many lines of its log have that text."""
    return sum(text in line for line in process.error_lines)


#   --------------------------------------------------------------------------
#   pyzmq's own tests

def pyzmq(name):
    if importlib.util.find_spec("pytest") is None:
        raise Skip("there is no pytest (python3-pytest)")
    if importlib.util.find_spec("zmq.tests") is None:
        raise Skip("pyzmq came without its tests")
    with Process([sys.executable, "-m", "pytest", "-q", "-s",
                  "-p", "no:cacheprovider", "--pyargs", "zmq.tests." + name],
                 env=preload()) as process:
        process.succeed(4 * DEADLINE)
        log = [line for line in process.lines + process.error_lines
               if "zrelay: " in line]
        for function, least in PYZMQ_TESTS[name].items():
            calls = sum(line.endswith("takes over " + function)
                        for line in log)
            comment("%s was called %d times" % (function, calls))
            equal(calls >= least, True, "calls of %s by zrelay" % function)
        carried = sum(int(number) for number in re.findall(
            r"carried (\d+) messages", "\n".join(log)))
        equal(carried > 0, bool(PYZMQ_TESTS[name]), "zrelay carried messages")


for _name in PYZMQ_TESTS:
    test("pyzmq: %s passes" % _name, deadline=4 * DEADLINE)(
        lambda name=_name: pyzmq(name))


#   --------------------------------------------------------------------------
#   A device in Python, as old programs have it

DEVICE = """
import sys, threading, zmq
context = zmq.Context()
frontend = context.socket(zmq.XREP)
backend = context.socket(zmq.XREQ)
print(frontend.bind_to_random_port("tcp://127.0.0.1"))
print(backend.bind_to_random_port("tcp://127.0.0.1"))

def end():
    sys.stdin.read()
    context.term()
if len(sys.argv) > 1:
    threading.Thread(target=end).start()
try:
    zmq.device(zmq.QUEUE, frontend, backend)
except zmq.ContextTerminated:
    print("terminated")
except KeyboardInterrupt:
    print("interrupted")
frontend.close(0)
backend.close(0)
"""


class Device:
    """Such a program, and where it is bound."""

    def __init__(self, *arguments, **variables):
        self.process = python(DEVICE, *arguments, **variables)
        ports = wait_until(lambda: self.process.lines[:2]
                           if len(self.process.lines) >= 2 else None,
                           what="ports")
        self.frontend, self.backend = (
            "tcp://127.0.0.1:%s" % port for port in ports)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.process.kill()

    def works(self):
        with sockets() as sock:
            client = sock(zmq.REQ, self.frontend)
            server = sock(zmq.REP, self.backend)
            for number in range(20):
                client.send_multipart([b"request", b"%d" % number])
                equal(server.recv_multipart(), [b"request", b"%d" % number],
                      "request")
                server.send_multipart([b"reply", b"%d" % number])
                equal(client.recv_multipart(), [b"reply", b"%d" % number],
                      "reply")


@test("zmq.device (zmq.QUEUE, XREP, XREQ): REQ clients and REP servers")
def device_works():
    with Device() as device:
        device.works()
        equal(told(device.process, "takes over zmq_device")
              + told(device.process, "takes over zmq_proxy"), 1, "calls")


#   Ids that a hostile worker claims, and clients that come then
CLAIMS = 30
CLIENTS = 10


@test("zmq.device: a worker cannot claim the id of the next client")
def claimed():
    with Device() as device, sockets() as sock:
        worker = sock(zmq.DEALER, device.backend)
        client = sock(zmq.DEALER, device.frontend)
        client.send(b"first")
        seen = worker.recv_multipart()[0]
        worker.send_multipart([seen, b"reply"])
        equal(client.recv(), b"reply", "reply")
        #   A zero and a counter, where it is libzmq's own
        number = int.from_bytes(seen[1:], "big")
        for claim in range(1, CLAIMS + 1):
            claimer = sock(zmq.DEALER, device.frontend, identity=seen[:1]
                           + (number + claim & 0xffffffff).to_bytes(4, "big"))
            claimer.send(b"claim")
            worker.recv_multipart()
        for _ in range(CLIENTS):
            client = sock(zmq.DEALER, device.frontend)
            client.send(b"request")
            worker.send_multipart(worker.recv_multipart())
            equal(client.recv(), b"request", "reply")
        assert device.process.running()


@test("zmq.device: no CPU is used while there is no server")
def device_idle():
    with Device() as device, sockets() as sock:
        client = sock(zmq.REQ, device.frontend)
        client.send(b"request")
        device.process.expect("backend is", errors=True)
        before = device.process.cpu_time()
        time.sleep(WATCHED)
        used = device.process.cpu_time() - before
        equal(used < CPU_MOST, True, "%.2f seconds of CPU are few" % used)
        server = sock(zmq.REP, device.backend)
        equal(server.recv(), b"request", "request")


@test("zmq.device: ends when its context is terminated")
def device_ends():
    #   Its standard input is empty, so this is at once
    with Device("end") as device:
        device.process.succeed()
        equal(device.process.lines[2:], ["terminated"], "its last word")


@test("signals: Ctrl-C arrives as Python's KeyboardInterrupt")
def interrupt():
    with Device() as device:
        device.works()
        #   One that comes while its clients leave ends no poll, as in libzmq
        device.process.signal(signal.SIGINT)
        ends = time.monotonic() + DEADLINE / 2
        while device.process.lines[2:] == [] and time.monotonic() < ends:
            time.sleep(WATCHED / 2)
            if device.process.lines[2:] == []:
                device.process.signal(signal.SIGINT)
        device.process.succeed()
        equal(device.process.lines[2:], ["interrupted"], "its last word")


@test("signals: SIGTERM ends the program as ever")
def terminate():
    with Device() as device:
        device.works()
        device.process.signal(signal.SIGTERM)
        equal(device.process.wait(), -signal.SIGTERM, "exit status")


#   --------------------------------------------------------------------------
#   ZRELAY_CONTROL

@contextlib.contextmanager
def controlled():
    """A device, its control socket, and a function that asks there."""
    with temp_dir() as folder, sockets() as sock:
        pattern = "ipc://%s/%%p-%%n" % folder
        with Device(ZRELAY_CONTROL=pattern) as device:
            endpoint = "ipc://%s/%d-1" % (folder, device.process.pid)
            steerer = sock(zmq.REQ, endpoint)

            def ask(*words):
                steerer.send_multipart([word.encode() for word in words])
                return [frame.decode() for frame in steerer.recv_multipart()]
            yield device, endpoint, ask, sock


def stats(ask):
    status, name, *rest = ask("STATS")
    equal((status, name), ("0", "STATS"), "answer to STATS")
    return dict(zip(rest[::2], rest[1::2]))


@test("control: STATS, GET, SET, PAUSE, RESUME, DRAIN, ERROR, HELP")
def control():
    with controlled() as (device, _, ask, sock):
        equal(ask("PING"), ["0", "PING"], "PING")
        #   Before there are peers: libzmq 4.3.4 may end the process if it sets
        #   a high-water mark just when a peer leaves
        equal(ask("GET", "BACKEND", "sndhwm"), ["0", "GET", "1000"], "GET")
        equal(ask("SET", "BACKEND", "sndhwm", "7"), ["0"], "SET")
        equal(ask("GET", "BACKEND", "sndhwm"), ["0", "GET", "7"], "GET")
        device.works()
        values = stats(ask)
        equal(values["frontend.in.messages"], "20", "messages")
        equal(values["frontend.out.messages"], "20", "replies")
        equal(ask("PAUSE"), ["0"], "PAUSE")
        equal(ask("STATE"), ["0", "STATE", "paused"], "STATE")
        client, server = (sock(zmq.REQ, device.frontend),
                          sock(zmq.REP, device.backend))
        client.send(b"request")
        equal(server.poll(200), 0, "what passes a relay that is paused")
        equal(ask("RESUME"), ["0"], "RESUME")
        equal(server.recv(), b"request", "request")
        equal(ask("DRAIN", "10")[0], "3", "DRAIN with a request under way")
        equal("1 reply that no worker has given" in ask("ERROR")[-1], True,
              "ERROR")
        server.send(b"reply")
        equal(client.recv(), b"reply", "reply")
        equal(ask("DRAIN", "10000"), ["0"], "DRAIN")
        equal(ask("RESUME"), ["0"], "RESUME")
        equal(ask("HELP")[:2], ["0", "HELP"], "HELP")
        #   With the same peers: a request may go to one that has just left
        client.send(b"another")
        equal(server.recv(), b"another", "request after RESUME")
        server.send(b"reply")
        equal(client.recv(), b"reply", "reply after RESUME")
        equal(stats(ask)["backend.out.messages"], "22", "requests")


@test("control: FILTER, $TERM and CAPTURE to an endpoint are refused")
def control_refused():
    with controlled() as (device, _, ask, _sock):
        for words in (("FILTER", "forward", "12345678", "12345678"),
                      ("$TERM",), ("$FLAG",), ("NONSENSE",), ("",),
                      ("CAPTURE", "inproc://capture"),
                      ("CAPTURE", "tcp://127.0.0.1:*", "PUB")):
            answer = ask(*words)
            equal((answer[0] != "0", len(answer)), (True, 2),
                  "%s is refused, with a reason" % words[0])
        equal(ask("CAPTURE"), ["0"], "end of capturing")
        device.works()


@test("control: strangers that leave cost nobody the answer")
def control_answers():
    with controlled() as (_device, endpoint, ask, sock):
        for number in range(200):
            #   What a REP throws away, perhaps when its sender has gone
            stranger = sock(zmq.DEALER, endpoint)
            stranger.send(b"LIST")
            stranger.send_multipart([b"a", b"b", b"PAUSE"])
            stranger.close(100)
            equal(ask("PING"), ["0", "PING"], "PING %d" % number)


@test("control: a DRAIN that is under way holds up nobody")
def control_drains():
    with controlled() as (device, endpoint, ask, sock):
        client, server = (sock(zmq.REQ, device.frontend),
                          sock(zmq.REP, device.backend))
        client.send(b"request")
        equal(server.recv(), b"request", "request")
        patient = sock(zmq.REQ, endpoint)
        patient.send_multipart([b"DRAIN", b"600000"])
        wait_until(lambda: ask("STATE")[-1] == "draining",
                   what="others see that it drains")
        server.send(b"reply")
        equal(client.recv(), b"reply", "reply")
        equal(patient.recv_multipart(), [b"0"], "answer to DRAIN")


@test("control: hostile bytes and clients that leave do not disturb")
def control_hostile():
    with controlled() as (device, endpoint, ask, sock):
        for number in range(50):
            dealer = sock(zmq.DEALER, endpoint, linger=100)
            dealer.send_multipart([b"no empty frame"])
            dealer.send_multipart([b"a", b"b", b"PING"])
            dealer.send_multipart([b"", b"\xff\0PAUSE\0", os.urandom(99)])
            dealer.send_multipart([b"", b"PAUSE\0"])
            dealer.send_multipart([b""] * 100)
            dealer.send_multipart([b"", b"GET", b"%s%n" * 1000, b"\0"])
            if number % 10 == 0:
                dealer.send_multipart([b"", b"x" * 10 ** 6])
            dealer.send_multipart([b"", b"PING"])
            if number % 2:
                while dealer.recv_multipart() != [b"", b"0", b"PING"]:
                    pass
            dealer.close()
        equal(ask("STATE"), ["0", "STATE", "active"], "STATE")
        device.works()


SEVERAL = """
import threading, zmq
ends = []
for number in range(3):
    context = zmq.Context()
    frontend = context.socket(zmq.PULL)
    backend = context.socket(zmq.PUSH)
    print(frontend.bind_to_random_port("tcp://127.0.0.1"),
          backend.bind_to_random_port("tcp://127.0.0.1"))
    def run(frontend=frontend, backend=backend):
        try:
            zmq.proxy(frontend, backend)
        except zmq.ContextTerminated:
            frontend.close(0)
            backend.close(0)
    thread = threading.Thread(target=run)
    thread.start()
    ends.append((context, thread))
input_done = threading.Event()
try:
    input_done.wait()
except KeyboardInterrupt:
    pass
for context, thread in ends:
    context.term()
    thread.join()
print("done")
"""


@test("control: zrelay ctl steers it as it does a host's relay")
def control_ctl():
    with controlled() as (_, endpoint, ask, _):
        #   It depends on pyzmq which of libzmq's functions was called
        status, query, name, kind = ask("LIST")
        equal((status, query, kind), ("0", "LIST", name), "LIST")
        equal(ask("RELAY", name, "PAUSE"), ["0"], "PAUSE")
        equal(ask("RELAY", "nobody", "PAUSE"),
              ["2", "there is one relay here, " + name],
              "answer for another name")
        ctl = Process([ZRELAY, "ctl", "--control", endpoint, "list"])
        equal(ctl.succeed()[0].split(), [name, kind, "paused"], "list")


@test("control: several relays in threads of one process, by %p and %n")
def several():
    with temp_dir() as folder, sockets() as sock, \
         python(SEVERAL, ZRELAY_CONTROL="ipc://%s/%%p-%%n" % folder) \
            as process:
        wait_until(lambda: told(process, "steered at") == 3, what="relays")
        for line in list(process.lines):
            first, second = line.split()
            source = sock(zmq.PUSH, "tcp://127.0.0.1:" + first)
            sink = sock(zmq.PULL, "tcp://127.0.0.1:" + second)
            source.send(b"task")
            equal(sink.recv(), b"task", "task")
        for number in (1, 2, 3):
            steerer = sock(zmq.REQ, "ipc://%s/%d-%d" % (
                folder, process.pid, number))
            steerer.send(b"STATS")
            answer = steerer.recv_multipart()
            where = answer.index(b"frontend.in.messages")
            equal(answer[where + 1], b"1", "messages of relay %d" % number)
        process.signal(signal.SIGINT)
        process.succeed()
        equal(process.lines[-1], "done", "last word")
        equal(told(process, "forward carried 1 messages"), 3, "logs")


@test("control: an endpoint that is taken, or none, is only logged")
def control_taken():
    with temp_dir() as folder:
        taken = zmq.Context.instance().socket(zmq.REP)
        taken.bind("tcp://127.0.0.1:*")
        for endpoint in ("anybody " + taken.last_endpoint.decode(), "nonsense",
                         "ipc://%s/no/such/folder" % folder):
            with Device(ZRELAY_CONTROL=endpoint) as device:
                device.works()
                device.process.expect("cannot be steered at", errors=True)
        taken.close()


@test("control: a path is for its user alone, whatever the umask")
def control_private():
    umask = os.umask(0)
    try:
        with controlled() as (device, endpoint, ask, _):
            path = endpoint[len("ipc://"):]
            equal(ask("STATE")[0], "0", "status")
            equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
    finally:
        os.umask(umask)


@test("control: for anybody only where the user says so")
def control_anybody():
    name = "zrelay-test-%d" % os.getpid()
    for endpoint in ("tcp://127.0.0.1:*", "ipc://@" + name):
        with Device(ZRELAY_CONTROL=endpoint) as device:
            device.works()
            device.process.expect("anybody who can connect", errors=True)
        with Device(ZRELAY_CONTROL="anybody " + endpoint) as device:
            device.works()
            device.process.expect(": steered at", errors=True)


#   --------------------------------------------------------------------------
#   Programs that never ask for a proxy

@test("nothing is loaded by programs that call no proxy")
def bystanders():
    environment = preload()
    for command in (["/bin/true"], ["/bin/cat", "/proc/self/maps"],
                    [sys.executable, "-c", "import zmq; zmq.Context().term();"
                     "print(open('/proc/self/maps').read())"]):
        with Process(command, env=environment) as process:
            lines = process.succeed()
            equal([line for line in lines if re.search(
                r"libzrelay\.so", line)], [], "%s has mapped" % command[0])
            if len(command) > 1:
                equal(any("libzrelay-preload" in line for line in lines), True,
                      "the library was preloaded into %s" % command[0])
            equal(process.error_lines, [], "%s has logged" % command[0])


@test("ZRELAY_LOG: without it nothing is written, and never to stdout")
def log():
    for value, logs in (("1", True), ("0", False), ("", False)):
        with Device("end", ZRELAY_LOG=value) as device:
            device.process.succeed()
            equal(bool(told(device.process, "zrelay:")), logs,
                  "log with ZRELAY_LOG=%r" % value)
            equal(any("zrelay" in line for line in device.process.lines),
                  False, "log on standard output")


FORKS = """
import os, sys, threading, zmq

def relay():
    context = zmq.Context()
    frontend = context.socket(zmq.PULL)
    backend = context.socket(zmq.PUSH)
    frontend.bind("inproc://frontend")
    backend.bind("inproc://backend")
    def run():
        try:
            zmq.proxy(frontend, backend)
        except zmq.ContextTerminated:
            frontend.close(0)
            backend.close(0)
    thread = threading.Thread(target=run)
    thread.start()
    source = context.socket(zmq.PUSH)
    source.connect("inproc://frontend")
    sink = context.socket(zmq.PULL)
    sink.connect("inproc://backend")
    return context, thread, source, sink

def works(context, thread, source, sink):
    for number in range(100):
        source.send(b"%d" % number)
        assert sink.poll(30000) and sink.recv() == b"%d" % number

def end(context, thread, source, sink):
    source.close(0)
    sink.close(0)
    context.term()
    thread.join()

def in_child(before):
    child = os.fork()
    if child == 0:
        mine = relay()
        works(*mine)
        end(*mine)
        sys.stdout.flush()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

in_child(None)
mine = relay()
works(*mine)
in_child(mine)
works(*mine)
end(*mine)
in_child(None)
print("done")
"""


@test("programs that fork before, during and after a proxy")
def forks():
    with python(FORKS) as process:
        equal(process.succeed(), ["done"], "output")
        equal(told(process, "takes over zmq_proxy"), 4, "calls")


#   --------------------------------------------------------------------------
#   Other copies of libzmq, and a libzrelay that is missing

def own_libzmq():
    """The file of libzmq that programs here use."""
    with open("/proc/self/maps") as maps:
        for line in maps:
            match = re.search(r"(/\S*/libzmq\.so\S*)", line)
            if match:
                return match.group(1)
    raise Skip("this Python does not use a libzmq of the system")


def proxies(library, *libraries, **variables):
    """Run all three functions of a libzmq that was opened by its path."""
    with Process([PROXIES, *libraries],
                 env=preload(library, **variables)) as process:
        equal(process.succeed(), ["zmq_device works", "zmq_proxy works",
                                  "zmq_proxy_steerable works"], "output")
        return process


@test("another libzmq: its sockets go back to it")
def other_libzmq():
    with open(own_libzmq(), "rb") as file:
        image = file.read()
    with temp_dir() as folder:
        #   Another name within it as well, or it would pass for the same
        path = os.path.join(folder, "libqmz.so.5")
        with open(path, "wb") as file:
            file.write(image.replace(b"\0libzmq.so.5\0", b"\0libqmz.so.5\0"))
        process = proxies(PRELOAD, path)
        equal(told(process, "go back to " + path), 3, "calls that went back")
        equal(told(process, "takes over"), 0, "calls that were taken over")
    process = proxies(PRELOAD, own_libzmq())
    equal(told(process, "takes over"), 3, "calls that were taken over")


@test("libzrelay is missing: libzmq's own functions are used, with a word")
def missing():
    preload()                   # Skips where there is none
    with temp_dir() as folder:
        alone = os.path.join(folder, "libzrelay-preload.so")
        shutil.copy(PRELOAD, alone)
        #   Not to be found elsewhere either
        process = proxies(alone, own_libzmq(), LD_LIBRARY_PATH="/nonexistent")
        if told(process, "takes over"):
            raise Skip("libzrelay is installed in this system")
        equal(told(process, "libzmq's own proxy is used") > 0, True, "log")


if __name__ == "__main__":
    main()
