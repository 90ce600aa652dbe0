#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What doc/migration.md claims: its programs run, before and after; what they
differ in; and where the preload does not reach."""

import contextlib
import os
import re
import shlex
import signal
import struct
import subprocess
import sys

import zmq

from zrelay_testing import (DEADLINE, TOP_BUILDDIR, TOP_SRCDIR, ZRELAY,
                            Process, Skip, equal, main, temp_dir, test,
                            wait_until)

LIBRARIES = os.path.join(TOP_BUILDDIR, "src", ".libs")
PRELOAD = os.path.join(LIBRARIES, "libzrelay-preload.so")
COMPILER = shlex.split(os.environ.get("CC", "cc"))
SANITIZE = os.environ.get("ZRELAY_SANITIZE", "").split()
SILENCE = 300                   # Msecs in which nothing may come
CONTROLS = "/run/user/1000/relays"

with open(os.path.join(TOP_SRCDIR, "doc", "migration.md")) as _file:
    GUIDE = _file.read()


#   --------------------------------------------------------------------------
#   The guide's blocks

def block(section, language, number=0):
    """The n-th block of that language below the section's heading."""
    text = GUIDE.partition("\n## %s\n" % section)[2].partition("\n## ")[0]
    blocks = re.findall(r"^```%s\n(.*?)^```$" % language, text, re.M | re.S)
    assert len(blocks) > number, "%s: no block %d" % (section, number)
    return blocks[number]


def patched(program, diff):
    """The program with its lines that start with - replaced."""
    for hunk in diff.split("@@\n"):
        lines = hunk.splitlines(True)
        old = "".join(line[1:] for line in lines if line[0] != "+")
        new = "".join(line[1:] for line in lines if line[0] != "-")
        equal(program.count(old), 1, "places for %r" % old)
        program = program.replace(old, new)
    return program


def at(text, folder):
    """The same at endpoints in a folder of the test's own."""
    text = re.sub(r"tcp://127\.0\.0\.1:(\d+)", r"ipc://%s/\1" % folder, text)
    return text.replace(CONTROLS, folder)


def compiled(text, folder, libraries):
    source = os.path.join(folder, "relay.c")
    program = os.path.join(folder, "relay")
    with open(source, "w") as file:
        file.write(at(text, folder))
    subprocess.run(
        [*COMPILER, *SANITIZE, "-Wall", "-Wextra",
         "-I", os.path.join(TOP_SRCDIR, "include"), source, "-o", program,
         "-L", LIBRARIES, *libraries], check=True)
    return program


def in_c(text, folder, libraries, **environment):
    #   What such a program has not freed when it is killed is no leak
    return Process([compiled(text, folder, libraries)],
                   env=dict({"LD_LIBRARY_PATH": LIBRARIES,
                             "ASAN_OPTIONS": "detect_leaks=0"},
                            **environment))


def in_python(text, folder, **environment):
    program = os.path.join(folder, "program.py")
    with open(program, "w") as file:
        file.write(at(text, folder))
    return Process([sys.executable, program], env=environment)


ZMQ = ["-lzmq"]
CZMQ = ["-lczmq", "-lzmq"]
ZRELAY_LIBS = ["-lzrelay", "-lczmq", "-lzmq"]


def preload(**more):
    """The environment of a program with the preload."""
    if SANITIZE:
        raise Skip("a sanitizer has to be preloaded, too; see preload_test")
    if not os.path.exists(PRELOAD):
        raise Skip("configured with --disable-shared")
    return dict({"LD_PRELOAD": PRELOAD, "ZRELAY_LOG": "1",
                 "PYTHONUNBUFFERED": "1"}, **more)


def told(process, text):
    return sum(text in line for line in process.error_lines)


#   --------------------------------------------------------------------------
#   Peers

@contextlib.contextmanager
def sockets(folder):
    """A function that makes sockets, all of them closed at the end."""
    context = zmq.Context()

    def make(kind, port, **options):
        sock = context.socket(kind)
        sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
        for name, value in options.items():
            setattr(sock, name, value)
        sock.connect("ipc://%s/%s" % (folder, port))
        return sock
    try:
        yield make
    finally:
        context.destroy(linger=0)


def requests(sock):
    client, server = sock(zmq.REQ, 5559), sock(zmq.REP, 5560)
    client.send_multipart([b"Hello", b""])
    equal(server.recv_multipart(), [b"Hello", b""], "request")
    server.send(b"World")
    equal(client.recv(), b"World", "reply")


def publications(sock):
    publisher, subscriber = sock(zmq.XPUB, 5556), sock(zmq.SUB, 8100)
    subscriber.subscribe("weather")
    equal(publisher.recv(), b"\x01weather", "subscription")
    publisher.send_multipart([b"news", b"none"])
    publisher.send_multipart([b"weather", b"rain"])
    equal(subscriber.recv_multipart(), [b"weather", b"rain"], "publication")


def tasks(sock):
    source, sink = sock(zmq.PUSH, 5557), sock(zmq.PULL, 5558)
    source.send_multipart([b"task", b"1"])
    equal(sink.recv_multipart(), [b"task", b"1"], "task")


def both_run(section, exchange, before=ZMQ, ends=False):
    """The program of that section, before and after; ends if SIGINT does."""
    old = block(section, "c")
    for text, libraries in ((old, before),
                            (patched(old, block(section, "diff")),
                             ZRELAY_LIBS)):
        with temp_dir() as folder, sockets(folder) as sock, \
             in_c(text, folder, libraries) as process:
            exchange(sock)
            equal(process.running(), True, "still there")
            if ends:
                process.signal(signal.SIGINT)
                process.succeed()


test("zmq_device and zrelay_device, as shown", deadline=120)(
    lambda: both_run("zmq_device", requests))
test("zmq_proxy and zrelay_run, as shown", deadline=120)(
    lambda: both_run("zmq_proxy", publications))
test("zmq_proxy_steerable and zrelay_steer, as shown", deadline=120)(
    lambda: both_run("zmq_proxy_steerable", tasks))
test("zproxy and zrelay_proxy, as shown", deadline=120)(
    lambda: both_run("zproxy", requests, before=CZMQ, ends=True))


#   --------------------------------------------------------------------------
#   What differs

@test("a REP that steers: libzmq does not answer PAUSE, zrelay does",
      deadline=120)
def steer():
    old = block("zmq_proxy_steerable", "c")
    new = patched(old, block("zmq_proxy_steerable", "diff"))
    for text, libraries, ours in ((old, ZMQ, False), (new, ZRELAY_LIBS, True)):
        with temp_dir() as folder, sockets(folder) as sock, \
             in_c(text, folder, libraries) as process:
            tasks(sock)
            control = sock(zmq.REQ, 5561, req_relaxed=1)
            control.send(b"STATISTICS")
            values = [struct.unpack("=Q", frame)[0]
                      for frame in control.recv_multipart()]
            equal(values, [1, 5, 0, 0, 0, 0, 1, 5], "one message of 5 bytes")
            control.send(b"PAUSE")
            equal(bool(control.poll(DEADLINE * 1000 if ours else SILENCE)),
                  ours, "answer to PAUSE")
            if not ours:
                #   It would have to answer before it can receive
                control.send(b"RESUME")
                sock(zmq.PUSH, 5557).send(b"task")
                equal(sock(zmq.PULL, 5558).poll(SILENCE), 0,
                      "what passes after RESUME")
                continue
            for word in (b"RESUME", b"nonsense", b"TERMINATE"):
                equal(control.recv(), b"", "answer")
                control.send(word)
            equal(control.recv(), b"", "answer to TERMINATE")
            process.succeed()


def statistics(ask):
    status, name, *pairs = ask("STATS")
    equal((status, name), ("0", "STATS"), "answer to STATS")
    return dict(zip(pairs[::2], pairs[1::2]))


@contextlib.contextmanager
def steered(text):
    """A program in Python with the preload, sockets, and a function that asks
    its relay."""
    with temp_dir() as folder, sockets(folder) as sock, \
         in_python(text, folder, **preload(
             ZRELAY_CONTROL="ipc://%s/control" % folder)) as process:
        control = sock(zmq.REQ, "control")

        def ask(*words):
            control.send_multipart([word.encode() for word in words])
            return [frame.decode() for frame in control.recv_multipart()]
        yield process, sock, ask


PROXY = """
import zmq
context = zmq.Context()
frontend, backend = context.socket(zmq.%s), context.socket(zmq.%s)
%s
frontend.bind("tcp://127.0.0.1:5559")
backend.bind("tcp://127.0.0.1:5560")
zmq.proxy(frontend, backend)
"""


@test("a caller's ROUTER keeps its ZMQ_ROUTER_MANDATORY")
def mandatory():
    for option, dropped in (("", "0"),
                            ("frontend.router_mandatory = 1", "1")):
        with steered(PROXY % ("ROUTER", "DEALER", option)) as (_, sock, ask):
            server = sock(zmq.DEALER, 5560)
            server.send_multipart([b"nobody", b"", b"reply"])
            stats = wait_until(
                lambda: (lambda stats: stats if
                         stats["backend.in.messages"] == "1"
                         and (stats["frontend.out.messages"] == "1"
                              or stats["return.dropped"] == "1")
                         else None)(statistics(ask)), what="the reply")
            equal(stats["return.dropped_unroutable"], dropped, "counted")


@test("a topic of more than 4096 bytes goes no further, counted")
def topics():
    with steered(PROXY % ("XSUB", "XPUB", "")) as (_, sock, ask):
        publisher, subscriber = sock(zmq.XPUB, 5559), sock(zmq.SUB, 5560)
        subscriber.subscribe(b"x" * 4097)
        subscriber.subscribe(b"x" * 4096)
        equal(publisher.recv(), b"\x01" + b"x" * 4096, "subscription")
        equal(statistics(ask)["return.dropped_size"], "1", "counted")


#   --------------------------------------------------------------------------
#   The preload

def masked(line, pid, folder):
    """The line as the guide has it, whatever digits the process id has."""
    line = re.sub(r"(?<=process )%d(?=:)|(?<=/)%d(?=-1\b)" % (pid, pid), "4711",
                  line)
    line = re.sub(r"ipc://%s/(5\d+)\b" % folder, r"tcp://127.0.0.1:\1", line)
    return line.replace(folder, CONTROLS)


@test("a process id that looks like a port is masked as any other")
def pids():
    for pid in (4, 12, 127, 555, 5559, 55591, 54321):
        equal(masked("zrelay: process %d: proxy: ipc:///tmp/x/5559 at "
                     "ipc:///tmp/x/%d-1" % (pid, pid), pid, "/tmp/x"),
              "zrelay: process 4711: proxy: tcp://127.0.0.1:5559 at "
              "ipc://%s/4711-1" % CONTROLS, "masked, %d" % pid)


def session(process, sock, folder):
    """The guide's session, with the program that it is for."""
    process.expect("steered at", errors=True)
    one_request(sock)
    log = [masked(line, process.pid, folder) for line in process.error_lines
           if "capture is a PUB" not in line]
    equal("\n".join(log) + "\n", block("The preload", "text"), "log")
    asker = in_python(block("The preload", "python").replace(
        "4711", str(process.pid)), folder)
    output = [masked(line, process.pid, folder) for line in asker.succeed()]
    equal("\n".join(output) + "\n", block("The preload", "text", 1),
          "output")


def one_request(sock):
    client, server = sock(zmq.REQ, 5559), sock(zmq.REP, 5560)
    client.send(b"Hello")
    equal(server.recv(), b"Hello", "request")
    server.send(b"World")
    equal(client.recv(), b"World", "reply")
    #   The relay counts a reply a moment after the client has it
    client.close()
    server.close()


@test("the preload: pyzmq's device, the log and the session, as shown")
def preloaded_python():
    with temp_dir() as folder, sockets(folder) as sock, \
         in_python(block("pyzmq's devices", "python"), folder, **preload(
             ZRELAY_CONTROL="ipc://%s/%%p-%%n" % folder)) as process:
        session(process, sock, folder)


@test("the preload: a program in C, the log and the session, as shown")
def preloaded_c():
    text = block("zmq_device", "c").replace(
        "zmq_device (ZMQ_QUEUE, frontend, backend)",
        "zmq_proxy (frontend, backend, NULL)")
    environment = preload()
    with temp_dir() as folder, sockets(folder) as sock, \
         in_c(text, folder, ZMQ, ZRELAY_CONTROL="ipc://%s/%%p-%%n" % folder,
              **environment) as process:
        session(process, sock, folder)


@test("the preload: Device, ThreadDevice, ProcessDevice and steerable ones",
      deadline=240)
def devices():
    text = block("pyzmq's devices", "python")
    for name, arguments in (
            ("Device", "zmq.QUEUE, zmq.ROUTER, zmq.DEALER"),
            ("ThreadDevice", "zmq.QUEUE, zmq.ROUTER, zmq.DEALER"),
            ("ProcessDevice", "zmq.QUEUE, zmq.ROUTER, zmq.DEALER"),
            ("ThreadProxySteerable",
             "zmq.ROUTER, zmq.DEALER, zmq.PUB, zmq.PAIR")):
        program = text.replace("(zmq.ROUTER, zmq.DEALER)",
                               "(%s)" % arguments)
        program = program.replace("ThreadProxy", name)
        function = ("zmq_proxy_steerable" if "Steerable" in name
                    else "zmq_proxy")
        with temp_dir() as folder, sockets(folder) as sock, \
             in_python(program, folder, **preload()) as process:
            requests(sock)
            relay = int(process.expect(r"process (\d+): ", errors=True)[1])
            equal([line for line in process.error_lines
                   if "takes over" in line],
                  ["zrelay: takes over " + function], "%s: log" % name)
            equal(relay != process.pid, name == "ProcessDevice",
                  "a process of its own")
            #   A process of its own does not end with the one that made it
            if relay != process.pid:
                os.kill(relay, signal.SIGKILL)


CALL = """
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>
int main (void)
{
    printf ("%d %d\\n", (int) geteuid (), zmq_proxy (NULL, NULL, NULL));
    return 0;
}
"""


@test("the preload does not reach libzmq when that is linked statically")
def static():
    folder = subprocess.run(
        [*shlex.split(os.environ.get("PKG_CONFIG", "pkg-config")),
         "--variable=libdir", "libzmq"],
        stdout=subprocess.PIPE, check=False).stdout.decode().strip()
    archive = os.path.join(folder, "libzmq.a")
    if not os.path.exists(archive):
        raise Skip("there is no libzmq.a")
    environment = preload()
    #   It needs the libraries that the shared one needs
    needed = subprocess.run(
        ["ldd", os.path.join(folder, "libzmq.so")],
        stdout=subprocess.PIPE, check=True).stdout.decode()
    with temp_dir() as folder:
        try:
            program = compiled(CALL, folder, [
                archive, *re.findall(r"=> (/\S+)", needed)])
        except subprocess.CalledProcessError:
            raise Skip("libzmq.a cannot be linked") from None
        with Process([program], env=environment) as process:
            equal(process.succeed()[0].split()[1], "-1", "libzmq's answer")
            equal(process.error_lines, [], "log")


@test("the preload does not reach what is looked up in libzmq itself")
def looked_up():
    for library, reached in (("None", 1), ("'libzmq.so.5'", 0)):
        with temp_dir() as folder, in_python(
                "import ctypes\nimport zmq\n"
                "ctypes.CDLL(%s).zmq_proxy(None, None, None)" % library,
                folder, **preload(LD_LIBRARY_PATH="")) as process:
            process.succeed()
            equal(told(process, "takes over zmq_proxy"),
                  reached, "calls through %s" % library)


@test("the preload does not reach setuid programs")
def setuid():
    if os.geteuid() != 0:
        raise Skip("only root can make one here")
    environment = preload(LD_LIBRARY_PATH="")
    nobody = 65534
    with temp_dir() as folder:
        os.chmod(folder, 0o755)
        program = compiled(CALL, folder, ZMQ)
        for mode, uid, reached in ((0o755, nobody, 1), (0o4755, 0, 0)):
            os.chmod(program, mode)
            result = subprocess.run(
                [program], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                user=nobody, env=dict(os.environ, **environment), check=True)
            if result.stdout.split()[0] != b"%d" % uid:
                raise Skip("setuid has no effect in %s" % folder)
            log = result.stderr.decode()
            if reached and "cannot be preloaded" in log:
                raise Skip("others cannot read the build tree")
            equal(log.count("takes over"), reached, "mode %o" % mode)


#   --------------------------------------------------------------------------
#   pyzmq's MonitoredQueue

def monitored(folder, sock, kind, tells):
    """What a monitor sees of one request; the client's routing id is
    masked."""
    monitor = sock(kind, 5562)
    if kind == zmq.SUB:
        monitor.subscribe("")
    client, server = sock(zmq.REQ, 5559), sock(zmq.REP, 5560)
    seen = []
    while len(seen) < 2:
        #   What comes before the subscription is not seen
        client.send(b"Hello")
        equal(server.recv(), b"Hello", "request")
        server.send(b"World")
        equal(client.recv(), b"World", "reply")
        while monitor.poll(SILENCE) and len(seen) < 2:
            frames = monitor.recv_multipart()
            if seen or frames[-1] == b"Hello":
                seen.append([b"id" if len(frame) == 5 and frame[0] == 0
                             else frame for frame in frames])
    equal(seen, [[b"in"] * tells + [b"id", b"", b"Hello"],
                 [b"out"] * tells + [b"id", b"", b"World"]], "copies")


@test("MonitoredQueue, and a queue whose capture has prefixes, as shown",
      deadline=120)
def monitored_queue():
    section = "pyzmq's MonitoredQueue"
    with temp_dir() as folder, sockets(folder) as sock, \
         in_python(block(section, "python"), folder):
        monitored(folder, sock, zmq.SUB, True)
    with temp_dir() as folder, sockets(folder) as sock, \
         in_c(block(section, "c"), folder, ZRELAY_LIBS) as process:
        monitored(folder, sock, zmq.SUB, True)
        process.signal(signal.SIGINT)
        process.succeed()
    with temp_dir() as folder, sockets(folder) as sock, \
         Process(command(block(section, "sh"), folder)) as process:
        monitored(folder, sock, zmq.SUB, True)


@test("the preload does not reach MonitoredQueue")
def monitored_queue_unreached():
    text = block("pyzmq's MonitoredQueue", "python")
    with temp_dir() as folder, sockets(folder) as sock, \
         in_python(text, folder, **preload()) as process:
        requests(sock)
        equal(process.error_lines, [], "log")


#   --------------------------------------------------------------------------
#   The Guide's loops

def command(line, folder):
    """A command line of the guide."""
    words = shlex.split(at(line, folder))
    equal(words[0], "zrelay", "program")
    return [ZRELAY, *words[1:]]


@test("the Guide's loops: a loop, the command lines and the actor, as shown",
      deadline=180)
def loops():
    section = "The Guide's loops"
    with temp_dir() as folder, sockets(folder) as sock, \
         in_c(block(section, "c"), folder, ZMQ):
        requests(sock)
    lines = block(section, "sh").splitlines()
    equal(len(lines), 3, "command lines")
    for line, exchange in zip(lines, (requests, None, tasks)):
        with temp_dir() as folder, sockets(folder) as sock:
            publisher = zmq.Context.instance().socket(zmq.XPUB)
            publisher.bind("ipc://%s/5556" % folder)
            with Process(command(line, folder)) as process:
                if exchange:
                    exchange(sock)
                else:
                    subscriber = sock(zmq.SUB, 8100)
                    subscriber.subscribe("weather")
                    equal(publisher.recv(), b"\x01weather", "subscription")
                    publisher.send(b"weather: rain")
                    equal(subscriber.recv(), b"weather: rain", "publication")
                process.signal(signal.SIGTERM)
                process.succeed()
            publisher.close(0)
    with temp_dir() as folder, sockets(folder) as sock, \
         in_c(block(section, "c", 1), folder, ZRELAY_LIBS) as process:
        requests(sock)
        process.signal(signal.SIGINT)
        process.succeed()


@test("a client that is gone: the loop drops its reply silently, a relay"
      " counts it")
def gone():
    with temp_dir() as folder, sockets(folder) as sock, \
         Process(command(block("The Guide's loops", "sh").splitlines()[0],
                         folder)) as process:
        server = sock(zmq.DEALER, 5560)
        server.send_multipart([b"nobody", b"", b"reply"])
        client = sock(zmq.REQ, 5559)
        client.send(b"Hello")
        server.send_multipart(server.recv_multipart())
        equal(client.recv(), b"Hello", "reply")
        process.signal(signal.SIGUSR1)
        process.expect(r"^return( +0){3} +1$", errors=True)


@test("the links of doc/migration.md lead to its sections")
def links():
    headings = re.findall(r"^## (.*)$", GUIDE, re.M)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
               for heading in headings}
    linked = re.findall(r"\]\(#([^)]*)\)", GUIDE)
    assert len(linked) >= 8, linked
    for anchor in linked:
        assert anchor in anchors, anchor
    with open(os.path.join(TOP_SRCDIR, "doc", "security.md")) as file:
        security = file.read()
    anchors = {heading.lower().replace(" ", "-")
               for heading in re.findall(r"^## (.*)$", security, re.M)}
    for anchor in re.findall(r"\]\(security\.md#([^)]*)\)", GUIDE):
        assert anchor in anchors, anchor


if __name__ == "__main__":
    main()
