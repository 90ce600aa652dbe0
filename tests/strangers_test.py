#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What strangers do to a relay, in one table: each attack is made on every kind,
at each side that it can reach, by each way into the engine that protects from
it. The relay goes on, and serves those who were there before.

    ids             a peer claims routing ids that the next clients will get
    old peers       first bytes of ZMTP 1.0 while a side is unbound, or closed
    endless         messages without an end, on sides with limits
    topics          more subscriptions than one peer may have
    connections     more peers than a side may have
    descriptors     more of them than the process has descriptors

Sockets that an application lends to the drop-in functions have protection from
the first attack only, see doc/security.md. Their socket for commands, which is
not the application's, has it from the second."""

import contextlib
import os
import signal
import socket
import struct
import sys
import time

import zmq

from peers import BareClient, Client01, ReadyWorker, Worker01
from ways import WAYS
from zrelay_testing import (DEADLINE, ZRELAY, Hang, Process, Relay, Skip, Steered,
                            equal, main, preload, sockets, test, wait_until)

#   Peers that claim ids, and clients that come then
CLAIMS = 20
CLIENTS = 10
#   Connections that speak ZMTP 1.0, and how often a side ends meanwhile
OLD_PEERS = 100
ROUNDS = 2
#   Where attacks give up
ENDLESS_BYTES = 30000000
TOPICS = 100000
#   Limits
MAXMSGSIZE = 1000
SUBSCRIPTIONS = 100
CONNECTIONS = 4
DESCRIPTORS = 150
#   Bytes of a message whose frames come one by one
BIT_BY_BIT = 2000000
#   Connections that are too many of them, and clients that come meanwhile
CROWD = 200
NEWCOMERS = 5
#   CPU seconds in a second that a relay without work may use
CPU_MOST = 0.2


#   --------------------------------------------------------------------------
#   Relays

class Kind:
    """A row of the table: a kind, with the types of its sockets where they
    have to be chosen, and the types of strangers at both sides."""

    def __init__(self, kind, peers, types=None):
        self.kind = kind
        self.peers = peers
        self.types = types
        self.sides = ("frontend", "backend")[:len(peers)]
        #   A PUB hears nothing of what subscribers send, and so cannot tell
        self.hearing = tuple(side for side, type_ in zip(
            self.sides, types or peers) if type_ != "PUB" or not types)

    def __str__(self):
        return " and ".join((self.kind,) if not self.types else self.types)


KINDS = [
    Kind("queue", ("DEALER", "DEALER")),
    Kind("forwarder", ("PUB", "SUB")),
    Kind("streamer", ("PUSH", "PULL")),
    Kind("balancer", ("DEALER", "DEALER")),
    Kind("majordomo", ("DEALER",)),
    Kind("cache", ("PUB", "SUB")),
    Kind("proxy", ("DEALER", "DEALER"), ("ROUTER", "DEALER")),
    Kind("proxy", ("DEALER", "DEALER"), ("DEALER", "ROUTER")),
    Kind("proxy", ("DEALER", "DEALER"), ("ROUTER", "ROUTER")),
    Kind("proxy", ("DEALER", "DEALER"), ("DEALER", "DEALER")),
    Kind("proxy", ("PUSH", "SUB"), ("PULL", "XPUB")),
    Kind("proxy", ("PUB", "SUB"), ("SUB", "PUB")),
    Kind("proxy", ("PUB", "PULL"), ("SUB", "PUSH")),
]


class Program(Process):
    """The program, whose counters can be asked for."""

    def __init__(self, kind, settings, descriptors=None):
        command = [ZRELAY, kind.kind, "--control",
                   "anybody " + Relay.FREE_PORT, *kind_options(kind)]
        for value in settings:
            command += ["-o", value]
        if descriptors:
            command = ["/bin/sh", "-c", 'ulimit -n %d; exec "$0" "$@"'
                       % descriptors, *command]
        super().__init__(command)
        self._client = None
        for side in kind.sides:
            setattr(self, side, self.expect(
                side + r" bound to (\S+)$").group(1))
        self.control = self.expect(r"^control: bound to (\S+)$").group(1)

    def count(self, make, counter):
        """One of the relay's counters."""
        self._client = self._client or make(zmq.REQ, self.control)
        self._client.send(b"STATS")
        frames = self._client.recv_multipart()[1:]
        return int(dict(zip(frames[1::2], frames[2::2]))[counter.encode()])


def kind_options(kind):
    options = []
    for index, side in enumerate(kind.sides):
        prefix = kind.types[index] + "@" if kind.types else "@"
        options += ["--" + side, prefix + Relay.FREE_PORT]
    return options + (["-s", ""] if kind.types and "SUB" in kind.types
                      else [])


class Actor(Steered):
    """An actor, with the same."""

    def __init__(self, kind, settings, domain=False):
        super().__init__(kind.kind, frontend=None, backend=None)
        for value in settings:
            place, _, option = value.partition(".")
            self.do("SET", place, *option.split("="))
        for index, side in enumerate(kind.sides):
            if domain:
                self.do("DOMAIN", side, "any")
            self.open(kind, index)

    def open(self, kind, index):
        side = kind.sides[index]
        if kind.types:
            what = kind.types[index]
            self.do(side.upper(), what, "@" + Relay.FREE_PORT,
                    *([""] if what == "SUB" else []))
            setattr(self, side, self.query("ENDPOINT", side)[0])
        else:
            self.bind(side.upper())

    def count(self, _make, counter):
        return self.stat(counter)


STARTS = {"program": Program, "actor": Actor}


#   --------------------------------------------------------------------------
#   Those who were there before. Each returns a function that fails unless
#   something passes.

def requests(make, relay):
    """Requests of a DEALER to a DEALER, as no other peer answers them."""
    client = make(zmq.DEALER, relay.frontend, routing_id=b"honest client")
    worker = make(zmq.DEALER, relay.backend, routing_id=b"honest worker")
    count = [0]

    def passes():
        count[0] += 1
        body = b"%d" % count[0]

        def arrives():
            #   Some go to strangers, who do not answer
            client.send_multipart([b"honest worker", body])
            while worker.poll(20):
                worker.send_multipart(worker.recv_multipart())
            while client.poll(20):
                if client.recv_multipart()[-1] == body:
                    return True
            return False
        wait_until(arrives, what="reply")
    return passes


def addressed(make, relay):
    """Messages from one who is known by name to another."""
    client = make(zmq.DEALER, relay.frontend, routing_id=b"honest client")
    worker = make(zmq.DEALER, relay.backend, routing_id=b"honest worker")

    def passes():
        def arrives():
            client.send_multipart([b"honest worker", b"question"])
            return worker.poll(20) and worker.recv_multipart()
        wait_until(arrives, what="message")
    return passes


def tasks(make, relay):
    """Tasks, of which strangers have some."""
    source = make(zmq.PUSH, relay.frontend)
    sink = make(zmq.PULL, relay.backend)

    def passes():
        def arrives():
            source.send(b"task")
            return sink.poll(20) and sink.recv()
        wait_until(arrives, what="task")
    return passes


def publications(make, relay, source=zmq.PUB, sink=zmq.SUB):
    publisher = make(source, relay.frontend)
    reader = make(sink, relay.backend,
                  **({"subscribe": b""} if sink == zmq.SUB else {}))

    def passes():
        def arrives():
            publisher.send(b"news")
            return reader.poll(20) and reader.recv()
        wait_until(arrives, what="publication")
    return passes


def answered(worker, client):
    """A client of a kind whose workers say when they are ready."""
    worker.ready()

    def passes():
        client.send(b"question")
        worker.echo()
        equal(client.recv(), [b"question"], "reply")
    return passes


def balanced(make, relay):
    return answered(ReadyWorker(make, relay.backend),
                    BareClient(make, relay.frontend))


def brokered(make, relay):
    return answered(Worker01(make, relay.frontend),
                    Client01(make, relay.frontend))


HONEST = {
    "queue": requests, "balancer": balanced, "majordomo": brokered,
    "forwarder": publications, "cache": publications, "streamer": tasks,
    "ROUTER and DEALER": requests, "DEALER and ROUTER": requests,
    "ROUTER and ROUTER": addressed, "DEALER and DEALER": requests,
    "PULL and XPUB":
        lambda make, relay: publications(make, relay, source=zmq.PUSH),
    "SUB and PUB": publications,
    "SUB and PUSH":
        lambda make, relay: publications(make, relay, sink=zmq.PULL),
}
#   A worker that waits is not silent
PATIENT = {"majordomo": ["relay.heartbeat=0"]}


#   --------------------------------------------------------------------------
#   Strangers, who speak ZMTP (RFC 13 and 23) by hand

def connect(endpoint):
    host, _, port = endpoint[len("tcp://"):].rpartition(":")
    return socket.create_connection((host, int(port)), DEADLINE)


def frame(data, flags=0):
    if len(data) < 256:
        return bytes((flags, len(data))) + data
    return bytes((flags | 2,)) + struct.pack(">Q", len(data)) + data


def hello(kind):
    """The greeting, and READY, of a socket of that type."""
    ready = b"\5READY\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
    return (b"\xff" + bytes(8) + b"\x7f\3\0" + b"NULL".ljust(20, b"\0")
            + bytes(32) + frame(ready, 4))


def is_open(sock):
    """Reads what there is; false if the other end has closed."""
    sock.settimeout(0)
    try:
        while sock.recv(65536):
            pass
        return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def shake(endpoint, kind):
    """A stranger behind its handshake, or None if there was none."""
    sock = connect(endpoint)
    try:
        sock.sendall(hello(kind.encode()))
        got = b""
        while b"READY" not in got:
            data = sock.recv(4096)
            if not data:
                raise ConnectionResetError
            got += data
        return sock
    except OSError:
        sock.close()
        return None


def pour(sock, data, most):
    """Send the same again and again until the connection ends. False if it
    does not."""
    sent = 0
    while sent < most:
        if not is_open(sock):
            return True
        sock.settimeout(0.2)
        try:
            sent += sock.send(data)
        except socket.timeout:
            continue
        except OSError:
            return True
    with contextlib.suppress(Hang):
        wait_until(lambda: not is_open(sock), 5)
        return True
    return False


#   --------------------------------------------------------------------------
#   Attacks

def must_be_well(relay):
    """It runs, and sanitizers have found nothing."""
    found = [line for line in relay.error_lines
             if "ERROR: " in line or "runtime error" in line]
    assert relay.running() and not found, "\n".join(relay.error_lines)


def next_ids(seen):
    """Those that follow an id of libzmq's own: a zero, and a counter."""
    number = int.from_bytes(seen[1:], "big")
    return [seen[:1] + (number + claim & 0xffffffff).to_bytes(4, "big")
            for claim in range(1, CLAIMS + 1)]


def claim(make, relay, ask):
    """ask() has a socket's request answered, and returns the id with which
    the worker saw it."""
    first = make(zmq.DEALER, relay.clients)
    seen = ask(first)
    equal((len(seen), seen[0]), (5, 0), "an id of libzmq's own")
    claimers = [make(zmq.DEALER, relay.clients, routing_id=routing_id)
                for routing_id in next_ids(seen)]
    for claimer in claimers:
        ask(claimer)
    for _ in range(CLIENTS):
        ask(make(zmq.DEALER, relay.clients))
    equal(ask(first), seen, "the first client's id")
    must_be_well(relay)


def claim_forward(make, relay):
    """The frontend is a ROUTER, workers are at the backend."""
    worker = make(zmq.DEALER, relay.backend, routing_id=b"worker")
    relay.clients = relay.frontend

    def ask(client):
        client.send_multipart([b"worker", b"question"])
        frames = worker.recv_multipart()
        worker.send_multipart(frames)
        equal(client.recv_multipart()[-1], b"question", "reply")
        return frames[0]
    claim(make, relay, ask)


def claim_return(make, relay):
    class Other:
        """The same where the backend is asked."""
        frontend, backend = relay.backend, relay.frontend
        running, error_lines = relay.running, relay.error_lines
    claim_forward(make, Other)


def claim_mutually(make, relay):
    """Both are ROUTERs: a client names its worker, and is named by it."""
    worker = make(zmq.DEALER, relay.backend, routing_id=b"worker")
    relay.clients = relay.frontend

    count = [0]

    def ask(client):
        count[0] += 1
        body = b"%d" % count[0]
        seen = []

        def arrives():
            #   A ROUTER that is lent drops what is for one not known yet
            client.send_multipart([b"worker", body])
            while worker.poll(20):
                frames = worker.recv_multipart()
                if frames[-1] == body:
                    seen.append(frames[0])
                worker.send_multipart(frames)
            return client.poll(20) and client.recv_multipart()[-1] == body
        wait_until(arrives, what="reply")
        return seen[-1]
    claim(make, relay, ask)


def claim_balanced(make, relay):
    worker = ReadyWorker(make, relay.backend)
    worker.ready()
    relay.clients = relay.frontend

    def ask(client):
        client.send_multipart([b"", b"question"])
        request = worker.echo()
        equal(client.recv_multipart(), [b"", b"question"], "reply")
        return request.address[0]
    claim(make, relay, ask)


def claim_brokered(make, relay):
    worker = Worker01(make, relay.frontend)
    worker.ready()
    relay.clients = relay.frontend

    def ask(client):
        client.send_multipart([b"", b"MDPC01", b"echo", b"question"])
        request = worker.echo()
        equal(client.recv_multipart()[-1], b"question", "reply")
        return request.address[0]
    claim(make, relay, ask)


CLAIMED = {
    "queue": claim_forward, "balancer": claim_balanced,
    "majordomo": claim_brokered, "ROUTER and DEALER": claim_forward,
    "DEALER and ROUTER": claim_return, "ROUTER and ROUTER": claim_mutually,
}


def must_refuse_old(endpoint):
    """A peer of ZMTP 1.0 is not let in, so that it cannot do harm later. That
    it does harm is a matter of chance."""
    with connect(endpoint) as sock:
        sock.sendall(b"\5\0abcd\6\0hello")
        wait_until(lambda: not is_open(sock), DEADLINE / 4,
                   "%s: ZMTP 1.0 is refused" % endpoint)


def speak_old(endpoints, end):
    """Begin to speak ZMTP 1.0, and go on when the sockets are being closed."""
    for endpoint in endpoints:
        must_refuse_old(endpoint)
    crowd = [connect(endpoint) for endpoint in endpoints
             for _ in range(OLD_PEERS)]
    try:
        for sock in crowd:
            sock.sendall(b"\5\0")
        end()
        for endpoint in endpoints:
            with contextlib.suppress(OSError):
                while True:
                    connect(endpoint).close()
        for sock in crowd:
            with contextlib.suppress(OSError):
                sock.sendall(b"abcd")
    finally:
        for sock in crowd:
            sock.close()


def end_among_old(start, *sockets_of_it):
    """A program ends well, though old peers talk to all of its sockets."""
    for _ in range(ROUNDS):
        with start() as process:
            speak_old([getattr(process, name) for name in sockets_of_it],
                      lambda: process.signal(signal.SIGTERM))
            equal(process.wait(), 0, "exit status")


def unbind_among_old(kind):
    """An actor goes on, though they talk to a side that it unbinds."""
    with Actor(kind, [], domain=True) as relay:
        for side in kind.sides * ROUNDS:
            endpoint = getattr(relay, side)
            speak_old([endpoint], lambda: relay.do("UNBIND", side, endpoint))
            relay.bind(side.upper())
        must_be_well(relay)


def never_end(make, relay, kind):
    """Some kinds of frames, each of which is never the last."""
    passes = HONEST[str(kind)](make, relay)
    passes()
    for side, peer in zip(kind.hearing, kind.peers):
        for size in (0, 30, 900):
            stranger = shake(getattr(relay, side), peer)
            data = frame(b"\2" * size, 1)
            ended = pour(stranger, data * (100000 // len(data)),
                         ENDLESS_BYTES)
            stranger.close()
            assert ended, "%s: frames of %d bytes without end" % (side, size)
        #   To an XPUB they may look like too many subscriptions
        wait_until(lambda: relay.count(make, side + ".cut") >= 3,
                   what="cut of the " + side)
    passes()


def subscribe_to_all(make, relay, kind):
    """More topics than are allowed."""
    passes = HONEST[str(kind)](make, relay)
    passes()
    stranger = shake(relay.backend, "SUB")
    for first in range(0, TOPICS, 1000):
        topics = b"".join(frame(b"\1%010d" % number)
                          for number in range(first, first + 1000))
        if pour(stranger, topics, 1) or not is_open(stranger):
            break
    else:
        raise AssertionError("nobody was cut")
    stranger.close()
    wait_until(lambda: relay.count(make, "backend.cut_subscriptions") == 1,
               what="cut_subscriptions")
    passes()


def come_in_numbers(make, relay, kind):
    """More peers than a side may have; the first remain."""
    passes = HONEST[str(kind)](make, relay)
    passes()
    for side, peer in zip(kind.sides, kind.peers):
        crowd = [shake(getattr(relay, side), peer)
                 for _ in range(3 * CONNECTIONS)]
        crowd = [sock for sock in crowd if sock]

        def few():
            crowd[:] = [sock for sock in crowd if is_open(sock)]
            return len(crowd) < CONNECTIONS
        wait_until(few, what="%s: most are cut" % side)
        assert relay.count(make, side + ".cut_connections") > 0
        passes()
        for sock in crowd:
            sock.close()


def take_descriptors(relay, kind):
    """Strangers that say nothing and come back; newcomers are let in."""
    crowd = {}
    for side, peer in zip(kind.sides, kind.peers):
        crowd[side] = []

        def fill():
            crowd[side][:] = [sock for sock in crowd[side] if is_open(sock)]
            while len(crowd[side]) < CROWD:
                sock = connect(getattr(relay, side))
                if len(crowd[side]) % 2:
                    sock.sendall(hello(peer.encode()))
                crowd[side].append(sock)

        def comes():
            newcomer = shake(getattr(relay, side), peer)
            if newcomer:
                newcomer.close()
            return newcomer
        for _ in range(NEWCOMERS):
            fill()
            wait_until(comes, what="%s: a newcomer is let in" % side)
    must_be_well(relay)

    def rests():
        before = relay.cpu_time()
        time.sleep(1)
        return relay.cpu_time() - before < CPU_MOST
    for side in kind.sides:
        for sock in crowd[side]:
            sock.close()
    wait_until(rests, what="the relay is quiet")


#   --------------------------------------------------------------------------
#   The table

def add(name, play):
    test(name, deadline=2 * DEADLINE)(play)


def attack(name, way, kind, settings, play):
    def run():
        with STARTS[way](kind, settings + PATIENT.get(kind.kind, [])) \
                as relay, sockets() as make:
            play(make, relay, kind)
            must_be_well(relay)
    add("%s: %s: %s" % (name, way, kind), run)


def on_each_side(kind, settings):
    return ["%s.%s" % (side, setting) for side in kind.sides
            for setting in settings]


for _kind in KINDS:
    _ways = STARTS if not _kind.types else WAYS
    for _way in _ways if str(_kind) in CLAIMED else ():
        def _claim(kind=_kind, way=_way):
            with (WAYS[way](*kind.types, []) if kind.types
                  else STARTS[way](kind, PATIENT.get(kind.kind, []))) \
                    as relay, sockets() as make:
                CLAIMED[str(kind)](make, relay)
        add("ids: %s: %s" % (_way, _kind), _claim)

    add("old peers: program: %s" % _kind,
        lambda kind=_kind: end_among_old(lambda: Program(kind, []),
                                         *kind.sides))
    add("old peers: actor with a domain: %s" % _kind,
        lambda kind=_kind: unbind_among_old(kind))

    for _way in STARTS:
        attack("endless", _way, _kind, on_each_side(
            _kind, ("maxmsgsize=%d" % MAXMSGSIZE, "maxframes=10")), never_end)
        if _kind.peers[-1] == "SUB" and len(_kind.hearing) == 2:
            attack("topics", _way, _kind,
                   ["backend.subscriptions=%d" % SUBSCRIPTIONS],
                   subscribe_to_all)
        attack("connections", _way, _kind, on_each_side(
            _kind, ("connections=%d" % CONNECTIONS,)), come_in_numbers)

    def _crowd(kind=_kind):
        settings = on_each_side(kind, ("handshake_ivl=500",))
        with Program(kind, settings, DESCRIPTORS) as relay:
            take_descriptors(relay, kind)
    #   Of each kind, one
    if _kind.kind not in [kind.kind for kind in KINDS[:KINDS.index(_kind)]]:
        add("descriptors: program: %s" % _kind, _crowd)


#   --------------------------------------------------------------------------
#   What else binds

@test("old peers: program: the control socket")
def _():
    end_among_old(lambda: Program(KINDS[0], []), "control")


#   The sides only connect, so that none of them has a domain
AWAY = ("-f", ">tcp://127.0.0.1:9", "-b", ">tcp://127.0.0.1:9")


@test("old peers: program: a capture that binds")
def _():
    class Capturing(Process):
        def __init__(self):
            super().__init__([ZRELAY, "streamer", *AWAY,
                              "-c", "PUB@" + Relay.FREE_PORT])
            self.capture = self.expect(r"capture bound to (\S+)$").group(1)
    end_among_old(Capturing, "capture")


@test("old peers: program: the cache's socket for snapshots")
def _():
    class Cache(Process):
        def __init__(self):
            super().__init__([
                ZRELAY, "cache", *AWAY,
                "-o", "relay.lookup=" + Relay.FREE_PORT,
                "--control", "anybody " + Relay.FREE_PORT])
            control = self.expect(r"^control: bound to (\S+)$").group(1)
            self.expect("backend")
            with sockets() as make:
                client = make(zmq.REQ, control)
                client.send_multipart([b"GET", b"RELAY", b"lookup"])
                self.lookup = client.recv_multipart()[-1].decode()
    end_among_old(Cache, "lookup")


@test("frames that come one by one take the memory that their sizes say")
def _():
    def memory():
        with open("/proc/%d/statm" % relay.pid) as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    if os.environ.get("ZRELAY_SANITIZE"):
        raise Skip("sanitizers take memory of their own for each frame")
    with Relay("streamer", "-o",
               "frontend.maxmsgsize=%d" % BIT_BY_BIT) as relay:
        stranger = shake(relay.frontend, "PUSH")
        stranger.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        before = memory()
        data = frame(b"x" * 100, 1)
        for _count in range(BIT_BY_BIT // 200):
            stranger.sendall(data)
        #   All of them have been read, and the message may still end well
        reply = zmq.Context.instance().socket(zmq.PULL)
        reply.connect(relay.backend)
        stranger.sendall(frame(b"end"))
        assert reply.poll(DEADLINE * 1000)
        grown = memory() - before
        reply.close(0)
        stranger.close()
    assert grown < 4 * BIT_BY_BIT, "%d bytes for one message" % grown


DEVICE = """
import signal, threading, zmq
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
context = zmq.Context()
frontend, backend = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
def end():
    signal.sigwait([signal.SIGTERM])
    context.term()
threading.Thread(target=end, daemon=True).start()
try:
    zmq.proxy(frontend, backend)
except zmq.ContextTerminated:
    pass
frontend.close(0)
backend.close(0)
"""


@test("old peers: preload: the socket for commands")
def _():
    class Device(Process):
        def __init__(self):
            super().__init__(
                [sys.executable, "-c", DEVICE],
                env=preload(ZRELAY_CONTROL="anybody " + Relay.FREE_PORT))
            self.control = self.expect(r"steered at (\S+)$",
                                       errors=True).group(1)
    end_among_old(Device, "control")


if __name__ == "__main__":
    main()
