#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The program zrelay: its command line, output, signals and exit status."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import time

import zmq

from zrelay_testing import DEADLINE, TOP_BUILDDIR, ZRELAY, Process, Relay, \
    Skip, main, test, wait_until

#   Programs with kinds of their own; the first argument says which
OWN = os.path.join(TOP_BUILDDIR, "tests", "own_program")

#   Exit statuses
ASKED, FAILED, MISUSE, UNDELIVERED = 0, 1, 2, 3

KINDS = ["queue", "forwarder", "streamer", "proxy", "balancer", "majordomo",
         "cache"]
DEFAULTS = {
    "queue": ("@tcp://127.0.0.1:5559", "@tcp://127.0.0.1:5560"),
    "forwarder": (">tcp://127.0.0.1:5556", "@tcp://127.0.0.1:8100"),
    "streamer": ("@tcp://127.0.0.1:5557", "@tcp://127.0.0.1:5558"),
    "balancer": ("@tcp://127.0.0.1:5555", "@tcp://127.0.0.1:5556"),
    "majordomo": ("@tcp://127.0.0.1:5555",),
    "cache": (">tcp://127.0.0.1:5557", "@tcp://127.0.0.1:5558"),
}
#   Kinds without a backend
ONE_SIDE = ("majordomo",)
OPTIONS = [
    "-f, --frontend", "-b, --backend", "-s, --subscribe", "-c, --capture",
    "-o, --set", "-n, --name", "-d, --drain", "-v, --verbose", "-q, --quiet",
    "--log-format", "--log-level",
    "-V, --version", "-h, --help",
]

FREE = "tcp://127.0.0.1:*"
#   Both sides of a relay, so that none of the fixed ports is used
SIDES = ["-f", FREE, "-b", FREE]
COLUMNS = 80


#   --------------------------------------------------------------------------
#   Helpers

def run(*command):
    """Run a program to its end."""
    return subprocess.run(command, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE)


def zrelay(*arguments):
    """Run zrelay to its end."""
    return run(ZRELAY, *arguments)


def own(*arguments):
    """Run a program with kinds of its own to its end."""
    return run(OWN, *arguments)


def shell(script, *arguments):
    """zrelay started by a shell; in the script it is "$0", and "$@" are its
    arguments."""
    return Process(["/bin/sh", "-c", script, ZRELAY, *arguments])


@contextlib.contextmanager
def sockets(*wanted):
    """Sockets, each of a type and an endpoint to connect to; where a message
    does not come, receiving fails after DEADLINE."""
    context = zmq.Context()
    made = []
    try:
        for kind, endpoint, *options in wanted:
            sock = context.socket(kind)
            sock.linger = 0
            sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
            for option, value in options:
                setattr(sock, option, value)
            sock.connect(endpoint)
            made.append(sock)
        yield made
    finally:
        context.destroy(linger=0)


def subscribe(subscriber, publisher, topic=b""):
    """Subscribe, and publish until it has effect, as a subscription takes its
    time to travel."""
    subscriber.subscribe(topic)

    def arrived():
        publisher.send(topic + b"?")
        return subscriber.poll(50)
    wait_until(arrived, what="subscription")
    #   Whatever was sent by now arrives before this
    publisher.send(topic + b"!")
    while subscriber.recv() != topic + b"!":
        pass


def statistics(relay, last="return"):
    """Ask a running relay for statistics; returns them as lines, once there is
    that of the last flow."""
    before = len(relay.error_lines)
    relay.signal(signal.SIGUSR1)

    def printed():
        assert relay.running()
        lines = relay.error_lines[before:]
        return any(line.startswith(last + " ") for line in lines) and lines
    return wait_until(printed, what="statistics")


def number_in(relay, side, column):
    """A number of a side's line "in"."""
    for line in statistics(relay):
        if line.startswith(side + " in"):
            return int(line.split()[column])
    raise AssertionError("no line of the %s" % side)


def received(relay):
    """Messages that the frontend has received."""
    return number_in(relay, "frontend", 2)


def clients(relay, side="frontend"):
    """Peers of a side."""
    return number_in(relay, side, 5)


def assert_one_line(output, pattern, program="zrelay"):
    """The output on standard error is one line that says what is wrong."""
    text = output.decode()
    assert text.startswith(program + ": "), text
    assert text.count("\n") == 1 and text.endswith("\n"), text
    assert re.search(pattern, text), (pattern, text)


def assert_help(text, options=OPTIONS):
    for line in text.splitlines():
        assert len(line) <= COLUMNS, line
        assert line == line.rstrip(), line
    for option in options:
        assert option in text, option


#   --------------------------------------------------------------------------
#   Help and version

for _option in ("-h", "--help"):
    @test("%s prints help about all kinds, with their defaults" % _option)
    def _(option=_option):
        result = zrelay(option)
        text = result.stdout.decode()
        assert (result.returncode, result.stderr) == (ASKED, b"")
        assert_help(text)
        for kind in KINDS:
            assert re.search("^  %s " % kind, text, re.MULTILINE), kind
            for endpoint in DEFAULTS.get(kind, ()):
                assert endpoint in text, endpoint

for _kind in KINDS:
    @test("%s -h prints help about that kind" % _kind)
    def _(kind=_kind):
        result = zrelay(kind, "-h")
        text = result.stdout.decode()
        assert (result.returncode, result.stderr) == (ASKED, b"")
        assert_help(text, [option for option in OPTIONS
                           if kind not in ONE_SIDE or "backend" not in option])
        assert text.startswith("Usage: zrelay %s " % kind)
        for endpoint in DEFAULTS.get(kind, ()):
            assert endpoint in text, endpoint

@test("libraries of other systems are loaded for those who need them only")
def _():
    def loads(*arguments):
        """Does it load the library for NATS, or look for that?"""
        done = subprocess.run((ZRELAY,) + arguments, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=DEADLINE,
                              env=dict(os.environ, LD_DEBUG="libs"))
        return b"libzrelay-nats" in done.stderr
    if b"libczmq" not in run("env", "LD_DEBUG=libs", ZRELAY, "-V").stderr:
        raise Skip("this loader does not say what it loads")
    for arguments in (["--version"], ["--help"], ["ctl", "--help"],
                      ["balancer", "--help"], ["nonsense"]):
        assert not loads(*arguments), arguments
    for kind in "queue", "forwarder", "streamer":
        assert loads(kind, "--help"), kind


for _option in ("-V", "--version"):
    @test("%s prints the versions" % _option)
    def _(option=_option):
        result = zrelay(option)
        assert (result.returncode, result.stderr) == (ASKED, b"")
        assert re.fullmatch(r"zrelay \d+\.\d+\.\d+ \(CZMQ [\d.]+, "
                            r"libzmq [\d.]+\)\n", result.stdout.decode())

for _option in ("-h", "-V"):
    @test("%s fails if standard output is full" % _option)
    def _(option=_option):
        with shell('exec "$0" "$@" > /dev/full', option) as process:
            assert process.wait() == FAILED
            assert len(process.error_lines) == 1
            assert "cannot write" in process.error_lines[0]


#   --------------------------------------------------------------------------
#   Wrong use: told in one line, before anything is started

WRONG_USE = [
    ((), "which kind"),
    (("--",), "which kind"),
    (("-q",), "which kind"),
    (("",), "no kind of relay ''"),
    (("quene",), "no kind of relay 'quene'.*queue.*proxy"),
    (("quene", "-h"), "no kind of relay"),
    (("Queue",), "no kind of relay"),
    (("-q", "quene"), "no kind of relay"),
    (("run\nfile",), r"'run\?file'"),
    (("queue", "more"), "'more' is one word too many"),
    (("queue", "-q", "more", "words"), "'more' is one word too many"),
    (("queue", ""), "'' is one word too many"),
    (("queue", "-x"), "no option -x"),
    (("queue", "-vx"), "no option -x"),
    (("queue", "--front-end", FREE), "no option --front-end"),
    (("queue", "--verbose=yes"), "--verbose takes no argument"),
    (("queue", "-v", "-q"), "contradict"),
    (("queue", "-f"), "--frontend needs an argument"),
    (("queue", "-b"), "--backend needs an argument"),
    (("queue", "-s"), "--subscribe needs an argument"),
    (("queue", "-c"), "--capture needs an argument"),
    (("queue", "-o"), "--set needs an argument"),
    (("queue", "-n"), "--name needs an argument"),
    (("queue", "--drain"), "--drain needs an argument"),
    (("queue", "-f", ""), "--frontend needs an endpoint"),
    (("queue", "-f", "@"), "--frontend needs an endpoint"),
    (("queue", "-f", ">"), "--frontend needs an endpoint"),
    (("queue", "-b", "DEALER@"), "--backend needs an endpoint"),
    (("proxy", "-f", "PULL@inproc://a,inproc://b"), "takes one endpoint"),
    (("queue", "-f", "tcp://127.0.0.1:*,tcp://127.0.0.1:*"),
     "takes one endpoint"),
    (("queue", "-c", ""), "--capture needs an argument that is not empty"),
    (("queue", "-c", "inproc://a", "-c", "inproc://b"), "given twice"),
    (("queue", "-c", "PUB@"), "--capture needs an endpoint"),
    (("queue", "--capture-prefixes", "a,b"), "say with --capture where"),
    (("queue", "-c", "PUB@" + FREE, "--capture-prefixes", "a"),
     "takes two words with a comma"),
    (("queue", "-n", ""), "--name needs an argument that is not empty"),
    (("queue", "-n", "a", "-n", "b"), "given twice"),
    (("queue", "-n", "a\nb"), r"--name takes letters, .* not 'a\?b'"),
    (("queue", "-n", "a b"), "--name takes letters, .* not 'a b'"),
    (("queue", "-n", "caf\u00e9"), "--name takes letters, "),
    (("queue", "-n", "a" * 128), "--name takes .*at most 127"),
    (("queue", "-d", ""), "--drain needs an argument that is not empty"),
    (("queue", "-d", "1", "-d", "1"), "given twice"),
    (("queue", "-d", "1s"), "milliseconds"),
    (("queue", "-d", "-1"), "milliseconds"),
    (("queue", "-d", "86400001"), "milliseconds"),
    (("queue", "-d", "9" * 30), "milliseconds"),
    (("queue", "-o", ""), "SIDE.OPTION=VALUE"),
    (("queue", "-o", "sndhwm=1"), "SIDE.OPTION=VALUE"),
    (("queue", "-o", "frontend.sndhwm"), "SIDE.OPTION=VALUE"),
    (("queue", "-o", ".sndhwm=1"), "SIDE.OPTION=VALUE"),
    (("queue", "-o", "frontend.=1"), "SIDE.OPTION=VALUE"),
    (("queue", "-o", "frontend=1.0"), "SIDE.OPTION=VALUE"),
    (("queue", "-o", "forward.queue=5"),
     "forward.queue does nothing by itself; add --set forward.overflow"),
    (("queue", "--io-threads", "0"), "--io-threads takes a number from 1"),
    (("queue", "--io-threads", "65"), "--io-threads takes .* to 64"),
    (("queue", "--io-threads", "1", "--io-threads", "1"), "given twice"),
    (("proxy",), "needs the type of its frontend.*PAIR.*XPUB or XSUB"),
    (("proxy", *SIDES), "needs the type of its frontend"),
    (("proxy", "-f", "PULL@" + FREE), "needs the type of its backend"),
]

for _arguments, _pattern in WRONG_USE:
    @test("wrong use: %s" % ascii(" ".join(_arguments)))
    def _(arguments=_arguments, pattern=_pattern):
        result = zrelay(*arguments)
        assert (result.returncode, result.stdout) == (MISUSE, b"")
        assert_one_line(result.stderr, pattern)


#   --------------------------------------------------------------------------
#   What the relay refuses: told in one line, with the option it is about

REFUSED = [
    ("an endpoint that is none", ("queue", "-f", "nonsense"),
     "cannot bind the frontend to 'nonsense'.*--frontend"),
    ("an endpoint without a port", ("queue", "-f", "tcp://127.0.0.1"),
     "cannot bind the frontend.*--frontend"),
    ("an unknown transport", ("queue", "-f", FREE, "-b", ">smtp://a:1"),
     "cannot connect the backend.*transport.*--backend"),
    ("a name to bind", ("queue", "-f", "tcp://localhost:*"),
     r"names cannot be bound; write 127.0.0.1, or \[::1\].*--frontend"),
    ("another name to bind", ("queue", "-f", "tcp://example.invalid:5555"),
     "names cannot be bound; write an address of this machine.*--frontend"),
    ("a transport that would end the process",
     ("forwarder", "-f", ">norm://no-such-interface;239.1.1.1:5556"),
     "would end the process|no such transport"),
    ("a foreign address", ("queue", "-f", "tcp://192.0.2.1:1"),
     "cannot bind the frontend.*--frontend"),
    ("a folder that is not there", ("queue", "-f", "ipc:///no/such/folder"),
     "cannot bind the frontend.*--frontend"),
    ("a path that is too long", ("queue", "-f", "ipc:///tmp/" + "x" * 200),
     "cannot bind the frontend.*--frontend"),
    ("two marks", ("queue", "-f", "@@" + FREE), "cannot bind the frontend"),
    ("an endpoint twice",
     ("queue", "-f", "inproc://a", "-f", "inproc://a", "-b", FREE),
     "'inproc://a' already.*--frontend"),
    ("a capture that is none", ("queue", *SIDES, "-c", "nonsense"),
     "cannot connect the capture.*--capture"),
    ("an unknown side", ("queue", *SIDES, "-o", "front.sndhwm=1"),
     "--set front.sndhwm: .*FRONTEND"),
    ("an unknown option", ("queue", *SIDES, "-o", "frontend.hwm=1"),
     "--set frontend.hwm: there is no option 'hwm'"),
    ("an option's value", ("queue", *SIDES, "-o", "backend.sndhwm=many"),
     "--set backend.sndhwm: 'many' is not a value"),
    ("an option without a value", ("queue", *SIDES, "-o", "backend.sndhwm="),
     "--set backend.sndhwm: '' is not a value"),
    ("an option that must stay",
     ("queue", *SIDES, "-o", "frontend.router_mandatory=0"),
     "--set frontend.router_mandatory: "),
    ("a flow's option", ("queue", *SIDES, "-o", "forward.overflow=never"),
     "--set forward.overflow: .*drop-old"),
    ("a subscription of a queue", ("queue", *SIDES, "-s", "news"),
     "--subscribe: .*only SUB and XSUB"),
    ("a subscription of a proxy that has no SUB",
     ("proxy", "-f", "PULL@" + FREE, "-b", "PUSH@" + FREE, "-s", ""),
     "--subscribe: .*only SUB and XSUB"),
    ("a type that a kind has not", ("queue", "-f", "REP@" + FREE),
     "cannot be a 'REP' socket; it can be ROUTER"),
    ("a type that does not exist",
     ("proxy", "-f", "pull@" + FREE, "-b", "SHOVE@" + FREE),
     "cannot be a 'SHOVE' socket"),
    ("a pair through which nothing flows",
     ("proxy", "-f", "PULL@" + FREE, "-b", "SUB@" + FREE), "makes no relay"),
    ("a second type for one side",
     ("proxy", "-f", "PULL@" + FREE, "-f", "SUB@" + FREE,
      "-b", "PUSH@" + FREE), "in use as a PULL socket"),
]

for _what, _arguments, _pattern in REFUSED:
    @test("refused: %s" % _what)
    def _(arguments=_arguments, pattern=_pattern):
        result = zrelay(*arguments)
        assert (result.returncode, result.stdout) == (MISUSE, b"")
        assert_one_line(result.stderr, pattern)


@test("refused: an address that is in use")
def _():
    with Relay("queue") as relay:
        for side in ("frontend", "backend"):
            result = zrelay("queue", *SIDES, "--" + side, relay.frontend)
            assert (result.returncode, result.stdout) == (MISUSE, b"")
            assert_one_line(result.stderr, "cannot bind the %s.*in use.*--%s"
                            % (side, side))


@test("refused: too few files that may be open")
def _():
    with shell('ulimit -n 32; exec "$0" "$@"', "queue", *SIDES) as process:
        assert process.wait() == MISUSE
        assert (len(process.lines), len(process.error_lines)) == (0, 1)
        assert "ulimit -n" in process.error_lines[0]


@test("a secret is not repeated in an error")
def _():
    result = zrelay("queue", *SIDES, "-o", "frontend.curve_secretkey=hush")
    assert result.returncode == MISUSE
    assert_one_line(result.stderr, "curve_secretkey")
    assert b"hush" not in result.stderr


#   --------------------------------------------------------------------------
#   Relays

@test("a queue carries requests and replies")
def _():
    with Relay("queue") as relay, \
            sockets((zmq.REQ, relay.frontend),
                    (zmq.REP, relay.backend)) as (client, worker):
        for number in range(100):
            request = b"request %d" % number
            client.send_multipart([request, b"", request])
            assert worker.recv_multipart() == [request, b"", request]
            worker.send(b"reply")
            assert client.recv() == b"reply"
        assert relay.stop() == ASKED
        assert relay.lines == [
            "queue: frontend bound to " + relay.frontend,
            "queue: backend bound to " + relay.backend]
        assert relay.error_lines == []


@test("a forwarder carries what is subscribed to")
def _():
    with Relay("forwarder") as relay, \
            sockets((zmq.PUB, relay.frontend),
                    (zmq.SUB, relay.backend)) as (publisher, subscriber):
        subscribe(subscriber, publisher, b"news")
        publisher.send(b"weather")
        publisher.send(b"news of the day")
        assert subscriber.recv() == b"news of the day"
        assert relay.stop() == ASKED


@test("a streamer carries tasks")
def _():
    with Relay("streamer") as relay, \
            sockets((zmq.PUSH, relay.frontend),
                    (zmq.PULL, relay.backend)) as (pusher, puller):
        for number in range(100):
            pusher.send(b"%d" % number)
        for number in range(100):
            assert puller.recv() == b"%d" % number
        assert relay.stop() == ASKED


@test("a proxy carries from a SUB to a PUSH; types in either case")
def _():
    with Relay("proxy", "-s", "news", "--subscribe", "",
               frontend="sub@" + FREE, backend="PUSH@" + FREE) as relay, \
            sockets((zmq.PUB, relay.frontend),
                    (zmq.PULL, relay.backend)) as (publisher, puller):
        def arrived():
            publisher.send(b"anything")
            return puller.poll(50)
        wait_until(arrived)
        assert puller.recv() == b"anything"
        assert relay.stop() == ASKED


@test("a proxy's second endpoint needs no type")
def _():
    with Relay("proxy", frontend=["PULL@" + FREE, FREE, "PULL@" + FREE],
               backend="PUSH@" + FREE) as relay:
        assert len(set(relay.frontends)) == 3
        with sockets((zmq.PULL, relay.backend),
                     *((zmq.PUSH, endpoint) for endpoint in relay.frontends)
                     ) as (puller, *pushers):
            for pusher in pushers:
                pusher.send(b"task")
                assert puller.recv() == b"task"
        assert relay.stop() == ASKED


@test("a relay connects with >, and several times")
def _():
    context = zmq.Context()
    publishers = []
    for _ in range(2):
        publishers.append(context.socket(zmq.XPUB))
        publishers[-1].rcvtimeo = DEADLINE * 1000
        publishers[-1].bind(FREE)
    endpoints = [publisher.last_endpoint.decode().strip("\0")
                 for publisher in publishers]
    try:
        with Relay("forwarder", "--subscribe", "news",
                   frontend=[">" + endpoint for endpoint in endpoints]) \
                as relay:
            assert relay.frontends == endpoints
            assert relay.lines[0] == ("forwarder: frontend connecting to "
                                      + endpoints[0]), relay.lines
            for endpoint in endpoints:
                relay.expect("^forwarder: frontend connected to %s$" % endpoint)
            #   The relay's own subscription arrives without a subscriber
            for publisher in publishers:
                assert publisher.recv() == b"\x01news"
            assert relay.stop() == ASKED
    finally:
        context.destroy(linger=0)


@test("a relay uses ipc, with @ or without")
def _():
    with tempfile.TemporaryDirectory() as folder:
        frontend = "ipc://%s/frontend" % folder
        backend = "ipc://%s/backend" % folder
        with Relay("streamer", frontend="@" + frontend,
                   backend=backend) as relay, \
                sockets((zmq.PUSH, frontend),
                        (zmq.PULL, backend)) as (pusher, puller):
            assert (relay.frontend, relay.backend) == (frontend, backend)
            pusher.send(b"task")
            assert puller.recv() == b"task"
            assert relay.stop() == ASKED


def has_ipv6():
    with contextlib.suppress(OSError), \
            socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@test("IPv6 needs no option, and tcp://* remains IPv4")
def _():
    if not has_ipv6():
        raise Skip("no IPv6 on this machine")
    with Relay("streamer", frontend=["tcp://[::1]:*", "tcp://*:*"]) as first:
        assert first.frontends[0].startswith("tcp://[::1]:")
        assert first.frontends[1].startswith("tcp://0.0.0.0:")
        #   One way to write a name that has only this address
        for host in ("[::1]", "::1"):
            port = first.frontends[0].rpartition(":")[2]
            with Relay("streamer", backend=">tcp://%s:%s" % (host, port)) \
                    as second, \
                    sockets((zmq.PUSH, second.frontend),
                            (zmq.PULL, first.backend)) as (pusher, puller):
                pusher.send(b"task")
                assert puller.recv() == b"task"
    with Relay("streamer", "-o", "frontend.ipv6=1",
               frontend="tcp://*:*") as relay:
        assert relay.frontend.startswith("tcp://[::]:"), relay.frontend


@test("a host that does not exist is connecting, and never connected")
def _():
    with Relay("forwarder", frontend=">tcp://nobody.invalid:5556") as relay:
        relay.expect("frontend to tcp://nobody.invalid:5556: there is no host "
                     "of that name", errors=True)
        assert not any("connected" in line for line in relay.lines)


@test("a closed port is connecting, and connected once it is open")
def _():
    with Relay("queue") as nobody:
        port = nobody.frontend.rpartition(":")[2]
    for host in ("127.0.0.1", "localhost"):
        endpoint = "tcp://%s:%s" % (host, port)
        with Relay("forwarder", frontend=">" + endpoint) as relay:
            relay.expect("%s: nobody answers there" % endpoint, errors=True)
            assert not any("connected" in line for line in relay.lines)
            with Relay("forwarder", backend="tcp://127.0.0.1:" + port) as up:
                relay.expect("^forwarder: frontend connected to %s$" % endpoint)
                assert up.stop() == ASKED
            relay.expect("%s: the connection has ended" % endpoint,
                         errors=True)
            assert sum("connected" in line for line in relay.lines) == 1
            assert relay.stop() == ASKED


@test("a wrong key is told, and is not connected")
def _():
    with tempfile.TemporaryDirectory() as folder:
        key = zrelay("keygen", folder + "/cert").stdout.decode().strip()
        other = zrelay("keygen", folder + "/other").stdout.decode().strip()
        with Relay("forwarder", "--curve", folder + "/cert", "--clients",
                   "any", "--guard", "backend") as server:
            with Relay("forwarder", "--server", key,
                       frontend=">" + server.backend) as relay:
                relay.expect("^forwarder: frontend connected to ")
                assert relay.stop() == ASKED
            for options in (["--server", other], []):
                with Relay("forwarder", *options,
                           frontend=">" + server.backend) as relay:
                    relay.expect(r"W: .*%s: the handshake" % server.backend,
                                 errors=True)
                    assert len(relay.lines) == 2


@test("two relays of one chain, one connected to the other")
def _():
    with Relay("queue") as first, \
            Relay("queue", frontend=">" + first.backend) as second, \
            sockets((zmq.REQ, first.frontend),
                    (zmq.REP, second.backend)) as (client, worker):
        client.send(b"request")
        assert worker.recv() == b"request"
        worker.send(b"reply")
        assert client.recv() == b"reply"
        assert (second.stop(), first.stop()) == (ASKED, ASKED)


#   --------------------------------------------------------------------------
#   Options

@test("--name names the relay in output and statistics")
def _():
    with Relay("queue", "--name", "orders-2_b.c") as relay:
        assert relay.lines[0].startswith("orders-2_b.c: frontend bound to ")
        assert statistics(relay)[0].startswith(
            "queue orders-2_b.c: active, up ")
        assert relay.stop() == ASKED
    longest = "x" * 127
    with Relay("queue", "--name", longest) as relay:
        assert relay.lines[0].startswith(longest + ": frontend bound to ")
        assert relay.stop() == ASKED


@test("--verbose logs commands, and prints statistics at the end")
def _():
    with Relay("queue", "--verbose") as relay:
        relay.expect("queue: BIND", errors=True)
        assert relay.stop() == ASKED
        assert len(relay.lines) == 2
        assert any(line.startswith("queue: draining, up ")
                   for line in relay.error_lines)


@test("--quiet prints nothing")
def _():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/frontend"
        with Process([ZRELAY, "streamer", "--quiet", "-d", "1",
                      "-f", "ipc://" + path, "-b", FREE]) as process, \
                sockets((zmq.PUSH, "ipc://" + path)) as (pusher,):
            #   This one is lost, and of that, too, it says nothing
            pusher.send(b"task")
            wait_until(lambda: os.path.exists(path), what="relay")
            wait_until(lambda: received(process) == 1)
            shown = len(process.error_lines)
            process.signal(signal.SIGTERM)
            assert process.wait() == UNDELIVERED
            assert process.lines == []
            assert len(process.error_lines) == shown


@test("--quiet tells failures all the same")
def _():
    result = zrelay("queue", "--quiet", "-f", "nonsense")
    assert result.returncode == MISUSE
    assert_one_line(result.stderr, "nonsense")


@test("--set sets options of sides and flows")
def _():
    with Relay("streamer", "-o", "frontend.maxframes=1",
               "--set", "backend.sndhwm=5", "--set=forward.overflow=drop-new",
               "-oforward.queue=7") as relay, \
            sockets((zmq.PUSH, relay.frontend)) as (pusher,):
        pusher.send_multipart([b"too", b"many"])
        for _ in range(10):
            pusher.send(b"task")
        wait_until(lambda: received(relay) == 11)
        text = "\n".join(statistics(relay))
        assert re.search(r"forward +\d+ +\d+ +7 +4\n", text), text
        assert "dropped: overflow 3, frames 1" in text, text
        assert relay.stop() == UNDELIVERED


@test("--set has the last word about linger, and values may hold = and .")
def _():
    with Relay("queue", "-o", "frontend.linger=0",
               "-o", "frontend.zap_domain=a=b.c") as relay:
        assert relay.stop() == ASKED


@test("--capture copies what passes")
def _():
    context = zmq.Context()
    reader = context.socket(zmq.PULL)
    reader.rcvtimeo = DEADLINE * 1000
    reader.bind(FREE)
    endpoint = reader.last_endpoint.decode().strip("\0")
    try:
        with Relay("streamer", "--capture", endpoint) as relay, \
                sockets((zmq.PUSH, relay.frontend),
                        (zmq.PULL, relay.backend)) as (pusher, puller):
            pusher.send_multipart([b"a", b"task"])
            assert puller.recv_multipart() == [b"a", b"task"]
            assert reader.recv_multipart() == [b"a", b"task"]
            assert relay.stop() == ASKED
    finally:
        context.destroy(linger=0)


@test("--capture PUB@: each of three loggers sees everything, and tells which")
def _():
    with Relay("queue", "-c", "PUB@" + FREE, "--capture-prefixes",
               "request,reply") as relay:
        endpoint = relay.expect("^queue: capture bound to (.*)$").group(1)
        with sockets((zmq.REQ, relay.frontend), (zmq.REP, relay.backend),
                     *[(zmq.SUB, endpoint)] * 3) as (client, worker, *loggers):
            for logger, topic in zip(loggers, (b"", b"request", b"reply")):
                logger.subscribe(topic)

            def exchange():
                client.send(b"question")
                assert worker.recv() == b"question"
                worker.send(b"answer")
                assert client.recv() == b"answer"
                return all(logger.poll(50) for logger in loggers)
            wait_until(exchange, what="loggers")
            for logger in loggers:
                while logger.poll(100):
                    logger.recv_multipart()
            exchange()
            seen = [[loggers[0].recv_multipart() for _ in range(2)],
                    [loggers[1].recv_multipart()],
                    [loggers[2].recv_multipart()]]
            kinds = [[(frames[0], frames[-1]) for frames in messages]
                     for messages in seen]
            assert kinds == [[(b"request", b"question"), (b"reply", b"answer")],
                             [(b"request", b"question")],
                             [(b"reply", b"answer")]], kinds
        assert relay.stop() == ASKED


@test("options may come before the kind, and long ones be shortened")
def _():
    with Process([ZRELAY, "--front", FREE, "-b", FREE, "--", "queue"]) \
            as process:
        process.expect("^queue: backend bound to ")
        process.signal(signal.SIGINT)
        assert process.wait() == ASKED


@test("options are read where POSIXLY_CORRECT is set")
def _():
    with Relay("queue", env={"POSIXLY_CORRECT": "1"}) as relay:
        assert relay.stop() == ASKED


#   --------------------------------------------------------------------------
#   Signals

for _signal in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    @test("%s ends every kind" % _signal.name)
    def _(number=_signal):
        for kind in KINDS:
            typed = kind == "proxy"
            backend = [] if kind in ONE_SIDE else (
                "PUSH@" if typed else "") + FREE
            with Relay(kind, frontend=("PULL@" if typed else "") + FREE,
                       backend=backend) as relay:
                assert relay.stop(number) == ASKED
                assert relay.error_lines == []


@test("a relay that has nothing to pass on ends at once")
def _():
    for kind in ("queue", "forwarder", "streamer", "cache"):
        #   Less than the second in which the relay looks after idle sockets
        with Relay(kind, "--drain", "500") as relay:
            assert relay.stop() == ASKED
            assert relay.error_lines == []


@test("SIGINT ends it also where a shell had it ignored")
def _():
    with shell("trap '' INT; exec \"$0\" \"$@\"", "queue", *SIDES) as process:
        process.expect("backend bound")
        process.signal(signal.SIGINT)
        assert process.wait() == ASKED


@test("SIGHUP drains, unless nohup has it ignored")
def _():
    with Relay("streamer", "--drain", "%d000" % DEADLINE) as relay, \
            sockets((zmq.PUSH, relay.frontend)) as (pusher,):
        pusher.send(b"task")
        wait_until(lambda: received(relay) == 1)
        relay.signal(signal.SIGHUP)
        with sockets((zmq.PULL, relay.backend)) as (puller,):
            assert puller.recv() == b"task"
        assert relay.wait() == ASKED
    with shell("trap '' HUP; exec \"$0\" \"$@\"", "queue", *SIDES) as process:
        process.expect("backend bound")
        process.signal(signal.SIGHUP)
        assert not catches(process.pid, signal.SIGHUP)
        process.signal(signal.SIGTERM)
        assert process.wait() == ASKED


def catches(pid, number):
    """True if a process blocks or catches a signal; see proc(5)."""
    with open("/proc/%d/status" % pid) as file:
        masks = re.findall(r"^Sig(?:Blk|Cgt):\s*([0-9a-f]+)$", file.read(),
                           re.MULTILINE)
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


@test("a signal that arrives during the start is not missed")
def _():
    for number in [signal.SIGINT, signal.SIGTERM] * 10:
        with Process([ZRELAY, "queue", *SIDES]) as process:
            #   As early as it can be without ending the process before main
            while process.running() and not catches(process.pid, number):
                pass
            process.signal(number)
            assert process.wait() == ASKED


@test("SIGUSR1 prints statistics, any number of times")
def _():
    with Relay("queue") as relay, \
            sockets((zmq.REQ, relay.frontend),
                    (zmq.REP, relay.backend)) as (client, worker):
        for number in range(1, 4):
            client.send(b"request")
            worker.recv()
            worker.send(b"reply")
            client.recv()
            assert received(relay) == number
        assert len(relay.lines) == 2
        for line in relay.error_lines:
            assert len(line) <= COLUMNS, line
        assert relay.stop() == ASKED


@test("SIGUSR1 during the start ends nothing")
def _():
    with Process([ZRELAY, "queue", *SIDES]) as process:
        while process.running() and not catches(process.pid, signal.SIGUSR1):
            pass
        process.signal(signal.SIGUSR1)
        process.expect("^queue: active", errors=True)
        process.signal(signal.SIGTERM)
        assert process.wait() == ASKED


#   Enough to fill what kernels buffer between two sockets
TASK = b"x" * 10000
TASKS = 2000

#   Enough topics to keep libzmq busy for seconds
FLOOD = 60000


def take_all(puller, count):
    for number in range(count):
        assert puller.recv() == TASK, number


@test("the end comes after what waits has been passed on")
def _():
    with Relay("streamer", "--drain", "%d000" % DEADLINE,
               "-o", "backend.sndhwm=5") as relay, \
            sockets((zmq.PUSH, relay.frontend, ("sndhwm", TASKS)),
                    (zmq.PULL, relay.backend, ("rcvhwm", 1),
                     ("rcvbuf", 4096))) as (pusher, puller):
        #   As many as the socket holds for the relay while that is stalled
        for _ in range(500):
            pusher.send(TASK)
        wait_until(lambda: received(relay) > 5)
        assert clients(relay) == 1
        #   The last ones may still be under way to the relay, which sees the
        #   end of the connection when it has them all
        pusher.close(linger=DEADLINE * 1000)
        wait_until(lambda: clients(relay) == 0)
        relay.signal(signal.SIGTERM)
        take_all(puller, 500)
        assert relay.wait() == ASKED
        assert not any("drain" in line for line in relay.error_lines)


@test("the end comes after what was passed on has left")
def _():
    with Relay("streamer", "--drain", "%d000" % DEADLINE,
               "-o", "backend.sndhwm=%d" % TASKS) as relay, \
            sockets((zmq.PUSH, relay.frontend, ("sndhwm", TASKS)),
                    (zmq.PULL, relay.backend, ("rcvhwm", 1),
                     ("rcvbuf", 4096))) as (pusher, puller):
        for _ in range(TASKS):
            pusher.send(TASK)
        wait_until(lambda: received(relay) == TASKS)
        relay.signal(signal.SIGTERM)
        take_all(puller, TASKS)
        assert relay.wait() == ASKED


@test("the end comes after replies to requests that passed")
def _():
    with Relay("queue", "--drain", "%d000" % DEADLINE) as relay, \
            sockets((zmq.REQ, relay.frontend),
                    (zmq.REP, relay.backend)) as (client, worker):
        client.send(b"request")
        assert worker.recv() == b"request"
        relay.signal(signal.SIGTERM)
        worker.send(b"reply")
        assert client.recv() == b"reply"
        assert relay.wait() == ASKED


@test("--drain limits the time for the end, and loss is told")
def _():
    with Relay("streamer", "--drain", "100") as relay, \
            sockets((zmq.PUSH, relay.frontend)) as (pusher,):
        pusher.send(b"task")
        wait_until(lambda: received(relay) == 1)
        assert relay.stop() == UNDELIVERED
        assert any("--drain" in line for line in relay.error_lines)


@test("--drain 0 ends at once")
def _():
    for tasks, status in ((0, ASKED), (1, UNDELIVERED)):
        with Relay("streamer", "--drain", "0") as relay, \
                sockets((zmq.PUSH, relay.frontend)) as (pusher,):
            for _ in range(tasks):
                pusher.send(b"task")
            wait_until(lambda: received(relay) == tasks)
            assert relay.stop() == status
            assert any("time ran out" in line
                       for line in relay.error_lines) == (tasks > 0)


@test("messages that cannot leave the sockets give a status of their own")
def _():
    with Relay("streamer", "--drain", "500") as relay, \
            sockets((zmq.PUSH, relay.frontend, ("sndhwm", TASKS)),
                    (zmq.PULL, relay.backend, ("rcvhwm", 1),
                     ("rcvbuf", 4096))) as (pusher, puller):
        #   The relay is rid of them, but its socket is not
        for _ in range(500):
            pusher.send(TASK)
        wait_until(lambda: received(relay) == 500)
        assert relay.stop() == UNDELIVERED
        assert any("left its sockets" in line for line in relay.error_lines)
        #   All have left: the same relay ends with status 0
    with Relay("streamer", "--drain", "%d000" % DEADLINE) as relay, \
            sockets((zmq.PUSH, relay.frontend),
                    (zmq.PULL, relay.backend)) as (pusher, puller):
        pusher.send(TASK)
        take_all(puller, 1)
        assert relay.stop() == ASKED


@test("a flood of subscriptions does not delay the end")
def _():
    #   Without the bounds that would cut the flooder
    with Relay("forwarder", "--drain", "500",
               "-o", "backend.subscriptions=0",
               "-o", "backend.subscriptions_bytes=0") as relay, \
            sockets((zmq.XSUB, relay.backend, ("sndhwm", 0))) as (flooder,):
        for number in range(FLOOD):
            flooder.send(b"\1%d " % number + b"topic" * 40)
        wait_until(lambda: clients(relay, "backend") == 1)
        started = time.monotonic()
        #   It may not have got round to say that there is nothing to deliver
        assert relay.stop() in (ASKED, UNDELIVERED)
        #   Half a second to drain, and as much again for a busy machine
        assert time.monotonic() - started < 1.5, time.monotonic() - started


for _end in ("SIGTERM", "SIGHUP"):
    @test("%s leaves no file of an ipc socket" % _end)
    def _(end=_end):
        with tempfile.TemporaryDirectory() as folder:
            with Relay("streamer", frontend="ipc://%s/frontend" % folder,
                       backend="ipc://%s/backend" % folder) as relay:
                assert len(os.listdir(folder)) == 2
                assert relay.stop(signal.Signals[end]) == ASKED
                assert os.listdir(folder) == []


@test("the end leaves a file that another program has made meanwhile")
def _():
    with tempfile.TemporaryDirectory() as folder:
        path = folder + "/frontend"
        with Relay("streamer", frontend="ipc://" + path) as relay:
            os.unlink(path)
            with open(path, "w") as file:
                file.write("mine")
            assert relay.stop() == ASKED
            assert os.listdir(folder) == ["frontend"]


@test("a second signal ends at once")
def _():
    with Relay("streamer", "--drain", "86400000") as relay, \
            sockets((zmq.PUSH, relay.frontend)) as (pusher,):
        pusher.send(b"task")
        wait_until(lambda: received(relay) == 1)
        relay.signal(signal.SIGTERM)
        #   The relay drains, so statistics come before the end
        wait_until(lambda: statistics(relay)[0].startswith(
            "streamer: draining, "))
        assert relay.running()
        assert relay.stop(signal.SIGINT) == UNDELIVERED


@test("a second signal ends at once also what lingers")
def _():
    #   A port where nobody is: reserved, but not listened to
    context = zmq.Context()
    reserved = context.socket(zmq.PULL)
    reserved.bind(FREE)
    endpoint = reserved.last_endpoint.decode().strip("\0")
    reserved.unbind(endpoint)
    try:
        with Relay("streamer", "--drain", "86400000",
                   backend=">" + endpoint) as relay, \
                sockets((zmq.PUSH, relay.frontend)) as (pusher,):
            pusher.send(b"task")
            wait_until(lambda: received(relay) == 1)
            relay.signal(signal.SIGTERM)
            time.sleep(0.5)
            assert relay.running()
            assert relay.stop() == UNDELIVERED
    finally:
        context.destroy(linger=0)


@test("subscriptions to a publisher that is not there do not delay the end")
def _():
    with Relay("queue") as nobody:
        endpoint = nobody.frontend
    with Relay("forwarder", "-s", "", "--drain", "86400000",
               frontend=">" + endpoint) as relay:
        assert relay.stop() == ASKED


@test("SIGUSR1 just before the end still prints statistics")
def _():
    for _ in range(10):
        with Relay("queue") as relay:
            relay.signal(signal.SIGUSR1)
            assert relay.stop() == ASKED
            assert any(line.startswith("queue: ")
                       for line in relay.error_lines), relay.error_lines


#   --------------------------------------------------------------------------
#   Programs with kinds of their own, see own_program.c

@contextlib.contextmanager
def stamper(*arguments):
    """A running stamper, with a PUSH before it and a PULL behind it."""
    with Process([OWN, "stamp", *arguments, *SIDES]) as relay:
        frontend, backend = (
            relay.expect("^stamper: %s bound to (.*)$" % side).group(1)
            for side in ("frontend", "backend"))
        with sockets((zmq.PUSH, frontend), (zmq.PULL, backend)) as made:
            yield (relay, *made)


@test("own program: the only kind needs no name, and gives the help")
def _():
    for words in (("-h",), ("--help",), ("stamper", "-h")):
        result = own("stamp", *words)
        text = result.stdout.decode()
        assert (result.returncode, result.stderr) == (ASKED, b"")
        assert_help(text)
        assert text.startswith("Usage: stamp [-f ENDPOINT]... "
                               "[-b ENDPOINT]... [options]\n"), text
        for part in ("appends a digit to each message", "stamp keygen FILE",
                     "PULL, for PUSH sockets", "PUSH, for PULL sockets",
                     "default @tcp://127.0.0.1:5557",
                     "default @tcp://127.0.0.1:5558"):
            assert part in text, part
        for part in ("KIND", "queue"):
            #   A flow's option has that name, too
            assert part not in text.replace("overflow, queue or spool", "")


@test("own program: help lists the kind's own settings")
def _():
    for words in (("stamp", "-h"), ("both", "stamper", "-h")):
        assert re.search(r"^  -o relay\.x=0 +digit that is appended, "
                         r"0 to 9$", own(*words).stdout.decode(),
                         re.MULTILINE), words
    assert "relay.x" not in own("both", "echo", "-h").stdout.decode()


@test("own program: several kinds have names, and each its help")
def _():
    text = own("both", "-h").stdout.decode()
    assert_help(text)
    assert text.startswith("Usage: both KIND ")
    for kind in ("stamper", "echo"):
        assert re.search("^  %s" % kind, text, re.MULTILINE), kind
        assert own("both", kind, "-h").stdout.decode().startswith(
            "Usage: both %s " % kind)


@test("own program: help about a kind with one side names no other")
def _():
    text = own("echo", "-h").stdout.decode()
    assert_help(text, [option for option in OPTIONS
                       if option != "-b, --backend"])
    assert text.startswith("Usage: echo [-f ENDPOINT]... [options]\n"), text
    assert "frontend  ROUTER\n" in text, text
    for part in ("backend", "-b"):
        assert part not in text, part


@test("own program: it runs with and without the kind's name")
def _():
    for words in ((), ("stamper",), ("-d", "500", "stamper")):
        with stamper(*words) as (relay, pusher, puller):
            pusher.send_multipart([b"a", b"task"])
            assert puller.recv_multipart() == [b"a", b"task", b"0"]
            assert statistics(relay)[0].startswith("stamper: active")
            relay.signal(signal.SIGTERM)
            assert relay.wait() == ASKED
            assert len(relay.lines) == 2


@test("own program: the kind's own setting is set")
def _():
    with stamper("-o", "relay.x=7") as (relay, pusher, puller):
        pusher.send(b"task")
        assert puller.recv_multipart() == [b"task", b"7"]
        relay.signal(signal.SIGTERM)
        assert relay.wait() == ASKED


@test("own program: wrong use")
def _():
    for words, pattern in (
            (("stamp", "queue"), "'queue' is one word too many"),
            (("stamp", "stamper", "stamper"), "'stamper' is one word too"),
            (("stamp", "-x"), "no option -x; see stamp --help"),
            (("stamp", "-o", "relay.x=10", *SIDES), "--set relay.x: .*'10'"),
            (("stamp", "-o", "relay.x=-1", *SIDES), "--set relay.x: .*'-1'"),
            (("stamp", "-o", "relay.x=", *SIDES), "--set relay.x: "),
            (("stamp", "-o", "relay.y=1", *SIDES), "--set relay.y: .*x"),
            (("stamp", "keygen"), "such as stamp keygen "),
            (("both",), "which kind"),
            (("both", "queue"), "the kinds are stamper, echo$"),
            (("echo",), "needs an endpoint for its frontend"),
            (("echo", *SIDES), "'echo' has no backend; leave out --backend"),
            (("echo", "-f", FREE, "--guard", "backend", "--deny", "::1"),
             "'echo' has no backend; leave out --guard"),
            (("echo", "-f", FREE, "-o", "backend.sndhwm=1"),
             "--set backend.sndhwm: ")):
        result = own(*words)
        assert (result.returncode, result.stdout) == (MISUSE, b""), words
        assert_one_line(result.stderr, pattern, words[0])


for _signals in ([signal.SIGTERM], [signal.SIGTERM, signal.SIGINT]):
    @test("own program: a kind with one side runs, and ends on %s"
          % " and ".join(number.name for number in _signals))
    def _(numbers=_signals):
        with Process([OWN, "echo", "-f", FREE, "-v"]) as relay:
            endpoint = relay.expect("^echo: frontend bound to (.*)$").group(1)
            with sockets((zmq.REQ, endpoint)) as (client,):
                client.send(b"request")
                assert client.recv() == b"request"
            assert any(line.startswith("echo: active, up ")
                       for line in statistics(relay, "forward"))
            for number in numbers:
                relay.signal(number)
            assert relay.wait() == ASKED
            assert len(relay.lines) == 1


@test("own program: security and the version are those of zrelay")
def _():
    assert own("stamp", "-V").stdout == zrelay("-V").stdout
    with tempfile.TemporaryDirectory() as folder:
        assert own("stamp", "keygen", folder + "/cert").returncode == ASKED
        assert os.path.exists(folder + "/cert_secret")


#   --------------------------------------------------------------------------
#   Standard streams, and rest

for _what, _script in (("is closed", 'exec "$0" "$@" >&-'),
                       ("is full", 'exec "$0" "$@" > /dev/full')):
    @test("a relay runs where standard output %s, and tells so" % _what)
    def _(script=_script):
        with shell(script, "queue", *SIDES) as process:
            process.expect("^zrelay: cannot write to standard output",
                           errors=True)
            assert statistics(process)[0].startswith("queue: active")
            process.signal(signal.SIGTERM)
            assert process.wait() == ASKED


@test("a relay runs where nobody reads standard output, and tells so")
def _():
    reading, writing = os.pipe()
    os.close(reading)
    process = subprocess.Popen([ZRELAY, "queue", *SIDES], stdout=writing,
                               stderr=subprocess.PIPE)
    os.close(writing)
    try:
        line = process.stderr.readline().decode()
        assert line.startswith("zrelay: cannot write to standard output"), line
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE) == ASKED
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def full_pipe():
    """A pipe that takes nothing more: its two ends."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"x" * 4096)
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    return reading, writing


@contextlib.contextmanager
def unread(folder, *arguments):
    """A queue that says much and whose output nobody reads: the process, a
    client and a worker of it, and the reading end of its errors."""
    ends = [full_pipe() for _ in range(2)]
    sides = ["ipc://%s/%s" % (folder, side) for side in ("front", "back")]
    process = subprocess.Popen(
        [ZRELAY, "queue", "-v", "-f", sides[0], "-b", sides[1], *arguments],
        stdout=ends[0][1], stderr=ends[1][1])
    for _, writing in ends:
        os.close(writing)
    try:
        with sockets((zmq.REQ, sides[0]), (zmq.REP, sides[1])) as pair:
            yield process, *pair, ends[1][0]
    finally:
        process.kill()
        process.wait()
        for reading, _ in ends:
            os.close(reading)


def round_trip(client, worker):
    client.send(b"request")
    worker.send(worker.recv() + b", answered")
    assert client.recv() == b"request, answered"


def ask_statistics(process):
    """Send SIGUSR1, and wait until the program has got it."""
    process.send_signal(signal.SIGUSR1)
    bit = 1 << (signal.SIGUSR1 - 1)

    def pending():
        with open("/proc/%d/status" % process.pid) as file:
            return [int(line.split()[1], 16) for line in file
                    if line.startswith("ShdPnd:")][0] & bit
    wait_until(lambda: not pending())


#   How often statistics are asked for, so that they are more than the program
#   keeps
ASKED_OFTEN = 600

for _name in ("SIGTERM", "SIGINT", "SIGHUP"):
    @test("a relay works and %s ends it while nobody reads its output" % _name)
    def _(number=getattr(signal, _name)):
        with tempfile.TemporaryDirectory() as folder, \
                unread(folder) as (process, client, worker, _errors):
            round_trip(client, worker)
            for _ in range(20):
                ask_statistics(process)
                round_trip(client, worker)
            process.send_signal(number)
            assert process.wait(DEADLINE) in (ASKED, -signal.SIGHUP)


@test("lines that nobody read in time are counted, and the next are printed")
def _():
    with tempfile.TemporaryDirectory() as folder, \
            unread(folder) as (process, client, worker, errors):
        round_trip(client, worker)
        for _ in range(ASKED_OFTEN):
            ask_statistics(process)
        round_trip(client, worker)
        process.send_signal(signal.SIGUSR1)
        with open(errors, closefd=False) as lines:
            lost = next(line for line in lines if "lines lost" in line)
            assert int(lost.rpartition(":")[2]) > 100, lost
            process.send_signal(signal.SIGUSR1)
            assert next(line for line in lines if "active, up" in line)
            process.send_signal(signal.SIGTERM)
            assert lines.read()
        assert process.wait(DEADLINE) == ASKED


@test("a relay works with all standard streams closed")
def _():
    with tempfile.TemporaryDirectory() as folder:
        frontend = "ipc://%s/frontend" % folder
        backend = "ipc://%s/backend" % folder
        with shell('exec "$0" "$@" <&- >&- 2>&-', "streamer",
                   "-f", frontend, "-b", backend) as process, \
                sockets((zmq.PUSH, frontend),
                        (zmq.PULL, backend)) as (pusher, puller):
            pusher.send(b"task")
            assert puller.recv() == b"task"
            process.signal(signal.SIGTERM)
            assert process.wait() == ASKED


#   Seconds of rest, and CPU that is allowed in it: a tenth, where spinning
#   would take all
REST = 2.0
REST_CPU = REST / 10

for _kind in ("queue", "forwarder", "streamer", "cache"):
    @test("an idle %s uses no CPU" % _kind)
    def _(kind=_kind):
        with Relay(kind) as relay:
            before = relay.cpu_time()
            time.sleep(REST)
            assert relay.cpu_time() - before < REST_CPU
            assert relay.stop() == ASKED


@test("a relay that waits for the end of its work uses no CPU")
def _():
    with Relay("streamer", "--drain", "86400000") as relay, \
            sockets((zmq.PUSH, relay.frontend)) as (pusher,):
        pusher.send(b"task")
        wait_until(lambda: received(relay) == 1)
        relay.signal(signal.SIGTERM)
        before = relay.cpu_time()
        time.sleep(REST)
        assert relay.running()
        assert relay.cpu_time() - before < REST_CPU
        assert relay.stop() == UNDELIVERED


if __name__ == "__main__":
    main()
