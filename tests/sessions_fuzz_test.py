#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Raw bytes and mutated sessions of ZMTP 1, 2 and 3 for each socket that
listens: of the program with every kind and every way to guard it, with its
control, its capture and the cache's lookup; of the gate behind these, and of
the preload library's control. FUZZ_SECONDS says for how long, and FUZZ_SEED
repeats a run. Built with sanitizers it finds more.

The sessions are described in ZeroMQ RFC 13 (1.0), 15 (2.0), 23 (3.0), 24
(PLAIN) and 26 (CURVE)."""

import collections
import contextlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import time

import zmq

from zrelay_testing import (ZRELAY, Process, Relay, comment, equal, main,
                            preload, sockets, temp_dir, test, wait_until)

SECONDS = float(os.environ.get("FUZZ_SECONDS") or 6)
SEED = int(os.environ.get("FUZZ_SEED") or time.time())
#   Sessions for one target at a time
ROUND = 50
#   Seconds that a session waits for what the other end says
PATIENCE = 0.005

#   A program ended as asked, or so, with messages that nobody took
ENDED = (0, 3)

SIGNATURE = b"\xff\0\0\0\0\0\0\0\1\x7f"
TYPES = (b"DEALER", b"ROUTER", b"REQ", b"REP", b"SUB", b"PUB", b"XSUB",
         b"XPUB", b"PUSH", b"PULL", b"PAIR", b"CLIENT")
MUTATIONS = 4


#   --------------------------------------------------------------------------
#   Sessions, as lists of pieces that are sent one after the other

def frame(data, flags=0):
    if len(data) < 256:
        return bytes((flags, len(data))) + data
    return bytes((flags | 2,)) + struct.pack(">Q", len(data)) + data


def named(name, data=b""):
    """A command of ZMTP 3."""
    return frame(bytes((len(name),)) + name + data, 4)


def properties(kind):
    pairs = ((b"Socket-Type", kind), (b"Identity", b"fuzz"), (b"X-Key", b"1"))
    return b"".join(bytes((len(key),)) + key + struct.pack(">I", len(value))
                    + value for key, value in pairs)


def greeting(mechanism, minor=0, server=0):
    return (SIGNATURE + bytes((3, minor)) + mechanism.ljust(20, b"\0")
            + bytes((server,)) + bytes(31))


def messages():
    """What peers of all kinds say."""
    some = [
        frame(b"", 1) + frame(b"request"),
        frame(b"", 1) + frame(b"MDPC01", 1) + frame(b"echo", 1) + frame(b"x"),
        frame(b"", 1) + frame(b"MDPW01", 1) + frame(b"\1", 1) + frame(b"echo"),
        frame(b"", 1) + frame(b"MDPW02", 1) + frame(b"\4"),
        frame(b"", 1) + frame(b"READY"), frame(b"\1"), frame(b"\2"),
        frame(b"\1topic"), frame(b"\0topic"), frame(b"\1"), frame(b"\0"),
        frame(b"x" * 300), frame(b"", 1) * 30 + frame(b"end"),
        named(b"SUBSCRIBE", b"topic"), named(b"CANCEL", b"topic"),
        named(b"PING", b"\0\1context"), named(b"PONG", b"context"),
        frame(b"STATS"), frame(b"PING"), frame(b"", 1) + frame(b"HELP"),
        frame(b"", 1) + frame(b"LIST"), frame(b"", 1) + frame(b"ERROR"),
        frame(b"", 1) + frame(b"RELAY", 1) + frame(b"cache", 1)
        + frame(b"PEERS", 1) + frame(b"FRONTEND"),
        frame(b"ICANHAZ?", 1) + frame(b""),
        frame(b"", 1) + frame(b"ICANHAZ?", 1) + frame(b"topic"),
        frame(b"", 1) + frame(b"SET", 1) + frame(b"FRONTEND", 1)
        + frame(b"maxframes", 1) + frame(b"3"),
    ]
    return random.choices(some, k=random.randrange(1, 6))


def zmtp_1():
    """A length before the flags; no greeting but an identity."""
    def old(data, more=0):
        if len(data) < 254:
            return bytes((len(data) + 1, more)) + data
        return b"\xff" + struct.pack(">Q", len(data) + 1) + bytes((more,)) \
            + data
    return [old(b"fuzz"), old(b"", 1) + old(b"request"), old(b"\1topic"),
            old(b"x" * 300)]


def zmtp_2():
    return [SIGNATURE, bytes((1, random.randrange(10))), frame(b"fuzz"),
            *messages()]


def zmtp_null():
    return [greeting(b"NULL", random.randrange(2)),
            named(b"READY", properties(random.choice(TYPES))), *messages()]


def zmtp_plain():
    password = random.choice((b"s3cret", b"wrong", b""))
    hello = b"\5admin" + bytes((len(password),)) + password
    return [greeting(b"PLAIN"), named(b"HELLO", hello),
            named(b"INITIATE", properties(random.choice(TYPES))), *messages()]


def zmtp_curve():
    return [greeting(b"CURVE"),
            named(b"HELLO", b"\1\0" + bytes(72) + os.urandom(32)
                  + os.urandom(8) + os.urandom(80)),
            named(b"INITIATE", os.urandom(300)),
            named(b"MESSAGE", os.urandom(40))]


def raw():
    return [os.urandom(random.randrange(1, 400))]


SESSIONS = (zmtp_1, zmtp_2, zmtp_null, zmtp_null, zmtp_plain, zmtp_curve, raw)


def flip(data):
    place = random.randrange(len(data))
    data[place] ^= 1 << random.randrange(8)


def put(data):
    place = random.randrange(len(data))
    data[place] = random.choice((0, 1, 2, 3, 4, 6, 0x7f, 0x80, 0xfe, 0xff))


def cut(data):
    del data[random.randrange(len(data)):]


def leave_out(data):
    place = random.randrange(len(data))
    del data[place:place + random.randrange(1, 9)]


def insert(data):
    place = random.randrange(len(data) + 1)
    data[place:place] = os.urandom(random.randrange(1, 9))


def repeat(data):
    place = random.randrange(len(data))
    data[place:place] = data[place:place + random.randrange(1, 40)]


def enlarge(data):
    """A size of eight bytes that is too large."""
    place = random.randrange(len(data))
    data[place:place + 8] = struct.pack(
        ">Q", random.choice((2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)))


def mutated(pieces):
    pieces = [bytearray(piece) for piece in pieces]
    for _ in range(random.randrange(MUTATIONS)):
        piece = random.choice(pieces)
        if piece:
            random.choice((flip, put, cut, leave_out, insert, repeat,
                           enlarge))(piece)
    return pieces


#   --------------------------------------------------------------------------
#   Targets

class Target:
    """A socket that listens: tcp://ADDRESS:PORT or ipc://PATH. What it must
    answer, if anything, is a function of a REQ socket."""

    def __init__(self, name, process, endpoint, answers=None):
        self.name = name
        self.process = process
        self.endpoint = endpoint
        self.answers = answers
        self.sessions = 0

    def connect(self):
        if self.endpoint.startswith("ipc://"):
            sock = socket.socket(socket.AF_UNIX)
            place = self.endpoint[len("ipc://"):]
        else:
            sock = socket.socket()
            host, _, port = self.endpoint[len("tcp://"):].rpartition(":")
            place = (host, int(port))
        #   A full backlog is no fault
        sock.settimeout(10)
        sock.connect(place)
        return sock

    def attack(self):
        """One session; returns the bytes that were sent."""
        sent = 0
        self.sessions += 1
        with self.connect() as sock:
            sock.settimeout(PATIENCE)
            for piece in mutated(random.choice(SESSIONS)()):
                try:
                    sock.sendall(piece)
                    sent += len(piece)
                    if random.randrange(2):
                        sock.recv(4096)
                except socket.timeout:
                    continue
                except OSError:
                    break
            if random.randrange(4) == 0:
                #   The other end sees a reset
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                struct.pack("ii", 1, 0))
        return sent


#   Kinds with the sides that they bind
KINDS = ("queue", "forwarder", "streamer", "proxy", "balancer", "majordomo",
         "cache")

CONTROL = r"^control: bound to (\S+)$"
CAPTURE = r"^\S+: capture bound to (\S+)$"
LOOKUP = (b"GET", b"RELAY", b"lookup")


def answers_ping(client):
    client.send(b"PING")
    return client.poll(1000) and client.recv_multipart()[0] == b"0"


def answers_lookup(client):
    client.send_multipart((b"ICANHAZ?", b""))
    return client.poll(1000) and client.recv_multipart()[-5] == b"KTHXBAI"


#   Where a program listens besides its sides: the kinds and guards with which
#   it does, the options for that, the line that it prints or the query at its
#   control that says where, and what it must answer
Place = collections.namedtuple("Place", "name kinds guards options where"
                               " answers")
ALL = ("curve", "limited", "open", "plain", "zmtp1")
PLACES = (
    Place("control", KINDS, ("limited", "open"),
          ("--control", "anybody " + Relay.FREE_PORT), CONTROL, answers_ping),
    Place("control by ipc", KINDS, ("plain", "zmtp1"),
          ("--control", "ipc://{folder}/control-%p"), CONTROL, answers_ping),
    Place("control with CURVE", KINDS, ("curve",),
          ("--control", Relay.FREE_PORT, "--control-curve",
           "{folder}/relay.cert", "--control-clients", "any"), CONTROL, None),
    Place("capture PUSH", ("forwarder", "balancer"), ALL,
          ("-c", "PUSH@" + Relay.FREE_PORT), CAPTURE, None),
    Place("capture PUB", ("queue", "majordomo", "cache"), ALL,
          ("-c", "PUB@" + Relay.FREE_PORT), CAPTURE, None),
    Place("capture PAIR", ("streamer", "proxy"), ALL,
          ("-c", "PAIR@" + Relay.FREE_PORT), CAPTURE, None),
    Place("lookup", ("cache",), ("open",),
          ("-o", "relay.lookup=" + Relay.FREE_PORT), LOOKUP, answers_lookup),
    Place("lookup by ipc", ("cache",), ("limited",),
          ("-o", "relay.lookup=ipc://{folder}/lookup"), LOOKUP,
          answers_lookup),
)


def find(process, where):
    """The endpoint of a place."""
    if isinstance(where, str):
        return process.expect(where).group(1)
    with sockets() as make:
        client = make(zmq.REQ, find(process, CONTROL))
        client.send_multipart(where)
        return client.recv_multipart()[-1].decode()


@contextlib.contextmanager
def relays(folder):
    """All targets that are programs."""
    cert = os.path.join(folder, "relay.cert")
    passwords = os.path.join(folder, "passwords")
    subprocess.run([ZRELAY, "keygen", cert], check=True,
                   stdout=subprocess.DEVNULL)
    with open(os.open(passwords, os.O_CREAT | os.O_WRONLY, 0o600),
              "w") as file:
        file.write("admin=s3cret\n")
    guards = {"open": [], "zmtp1": ["--zmtp1"],
              "plain": ["--plain", passwords],
              "curve": ["--curve", cert, "--clients", "any"],
              "limited": ["-o", "frontend.maxmsgsize=1000", "-o",
                          "frontend.maxframes=10"]}
    with contextlib.ExitStack() as stack:
        targets = []
        for number, kind in enumerate(KINDS):
            #   Each kind is open, and has one of the guards
            for guard in ("open", sorted(guards)[number % len(guards)]):
                places = [place for place in PLACES
                          if kind in place.kinds and guard in place.guards]
                options = guards[guard] + [
                    word.replace("{folder}", folder)
                    for place in places for word in place.options]
                front = Relay.FREE_PORT
                back = None if kind == "majordomo" else Relay.FREE_PORT
                if kind == "proxy":
                    front, back = "ROUTER@" + front, "DEALER@" + back
                if kind == "queue" and guard == "open":
                    front = "ipc"
                relay = stack.enter_context(
                    Relay(kind, *options, frontend=front, backend=back)
                    if back else OneSided(kind, front, options))
                name = "%s, %s" % (kind, guard)
                for endpoint in relay.frontends + relay.backends:
                    targets.append(Target(name, relay, endpoint))
                for place in places:
                    targets.append(Target(
                        "%s: %s" % (name, place.name), relay,
                        find(relay, place.where), place.answers))
        yield targets


class OneSided(Process):
    """A majordomo, which has one socket."""

    def __init__(self, kind, endpoint, options):
        super().__init__([ZRELAY, kind, "-f", endpoint, *options])
        self.frontends = [self.expect(r"frontend bound to (\S+)").group(1)]
        self.backends = []

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.wait()


DEVICE = """
import zmq
context = zmq.Context()
frontend, backend = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
frontend.bind_to_random_port("tcp://127.0.0.1")
backend.bind_to_random_port("tcp://127.0.0.1")
zmq.proxy(frontend, backend)
"""


@contextlib.contextmanager
def controlled(folder):
    """The control socket of a program with the preload library."""
    path = os.path.join(folder, "control")
    process = Process([sys.executable, "-c", DEVICE], env=preload(
        ZRELAY_CONTROL="ipc://" + path))
    with process:
        wait_until(lambda: os.path.exists(path), what="control socket")
        yield Target("control of the preload library", process,
                     "ipc://" + path, answers_ping)


def asks(target):
    """The socket still answers. One that is a REP may lose a request after a
    broken one (libzmq)."""
    def answered():
        assert target.process.running(), "\n".join(target.process.error_lines)
        with sockets() as make:
            return target.answers(make(zmq.REQ, target.endpoint))
    wait_until(answered, what="%s: answer" % target.name)


def has_finding(process):
    """Lines that tell of one. Too large a frame is none: libzmq is told that
    there is no memory for it, and ends the connection."""
    return [line for line in process.error_lines
            if "ERROR: " in line or "runtime error" in line
            or "Assertion" in line]


@test("sessions of all sorts, raw and mutated, hurt nobody",
      deadline=int(SECONDS * 2) + 120)
def _():
    random.seed(SEED)
    comment("seed %d" % SEED)
    count = sent = 0
    with temp_dir() as folder, relays(folder) as targets, \
            controlled(folder) as control:
        targets.append(control)
        ends = time.monotonic() + SECONDS
        while time.monotonic() < ends:
            target = random.choice(targets)
            for _ in range(ROUND):
                try:
                    sent += target.attack()
                except OSError as error:
                    raise AssertionError("%s: %s: %s\n%s" % (
                        target.name, target.endpoint, error,
                        "\n".join(target.process.error_lines[-20:]))
                    ) from None
                count += 1
            assert target.process.running(), target.name
            if target.answers:
                asks(target)
        comment("%d sessions with %d bytes to %d sockets in %.0f s"
                % (count, sent, len(targets), SECONDS))
        for word in ("control", "capture", "lookup"):
            some = [target for target in targets if word in target.name]
            comment("of these, %d to %d sockets: %s" % (
                sum(target.sessions for target in some), len(some), word))
        for process in {target.process for target in targets}:
            equal(has_finding(process), [], str(process))
            if process is not control.process:
                assert process.stop() in ENDED, process
                equal(has_finding(process), [], str(process))


if __name__ == "__main__":
    main()
