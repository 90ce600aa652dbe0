#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What people reported about other proxies, tried as they would try it here:
with the program, or with their own program and the preload library. Each test
names the report, as project and number. Reports with a test elsewhere, such as
those of full outputs, are not repeated."""

import contextlib
import signal
import socket
import sys
import threading

import zmq

from zrelay_testing import (DEADLINE, Process, Relay, Skip, equal, main,
                            preload, sockets, test, wait_until)

FREE = "tcp://127.0.0.1:*"
LOCALHOST = "tcp://127.0.0.1"


@contextlib.contextmanager
def bound(kind, **options):
    """A socket that listens, and its endpoint."""
    context = zmq.Context()
    sock = context.socket(kind)
    sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
    for name, value in options.items():
        setattr(sock, name, value)
    port = sock.bind_to_random_port(LOCALHOST)
    try:
        yield sock, "%s:%d" % (LOCALHOST, port)
    finally:
        context.destroy(linger=0)


def statistics(relay):
    """What SIGUSR1 prints."""
    relay.signal(signal.SIGUSR1)
    relay.expect("^return ", errors=True)
    return "\n".join(relay.error_lines)


#   --------------------------------------------------------------------------
#   Requests and replies

@test("pyzmq 170: with immediate, no request waits for a worker that is absent")
def _():
    #   Nobody listens where somebody has listened
    with bound(zmq.REP) as (_, absent):
        pass
    with bound(zmq.REP) as (worker, endpoint), \
            Relay("queue", "-o", "backend.immediate=1",
                  backend=[">" + endpoint, ">" + absent]) as relay, \
            sockets() as sock:
        relay.expect("backend connected to")
        client = sock(zmq.DEALER, relay.frontend)
        for number in range(10):
            client.send_multipart([b"", b"%d" % number])
        for number in range(10):
            worker.send(worker.recv())
            equal(client.recv_multipart(), [b"", b"%d" % number], "reply")


@test("malamute 316: two clients of one name, with router_handover")
def _():
    with Relay("queue", "-o", "frontend.router_handover=1") as relay, \
            sockets() as sock:
        worker = sock(zmq.DEALER, relay.backend)
        for turn in (b"first", b"second"):
            client = sock(zmq.DEALER, relay.frontend, identity=b"alice")
            client.send(turn)
            equal(worker.recv_multipart(), [b"alice", turn], "request")
        worker.send_multipart([b"alice", b"reply"])
        equal(client.recv(), b"reply", "reply, to the second")


@test("zeromq.js 277: three queues in a chain, and a REQ that asks again")
def _():
    with Relay("queue") as last, \
            Relay("queue", backend=">" + last.frontend) as middle, \
            Relay("queue", backend=">" + middle.frontend) as first, \
            sockets() as sock:
        client = sock(zmq.REQ, first.frontend, req_relaxed=1,
                      req_correlate=1)
        worker = sock(zmq.REP, last.backend)
        for number in range(20):
            if number % 3 == 0:
                client.send(b"given up")
            request = [b"", b"%d" % number, b""]
            client.send_multipart(request)
            got = None
            while got != request:
                got = worker.recv_multipart()
                worker.send_multipart([b"reply", *got])
            equal(client.recv_multipart(), [b"reply", *request], "reply")


@test("czmq 343: a relay with a routing id of its own, and a source address")
def _():
    with bound(zmq.ROUTER) as (server, endpoint), \
            Relay("queue", "-o", "backend.routing_id=relay",
                  backend=">tcp://127.0.0.2:0;" + endpoint[6:]) as relay, \
            sockets() as sock:
        client = sock(zmq.REQ, relay.frontend)
        client.send(b"request")
        name, *rest = frames = server.recv_multipart(copy=False)
        equal((name.bytes, rest[-1].bytes), (b"relay", b"request"), "request")
        equal(rest[-1].get("Peer-Address"), "127.0.0.2", "address")
        server.send_multipart(frames)
        equal(client.recv(), b"request", "reply")


@test("peers with ZMQ_PROBE_ROUTER")
def _():
    with Relay("queue") as relay, sockets() as sock:
        context = zmq.Context()
        client, worker = (context.socket(zmq.DEALER) for _ in range(2))
        for peer, endpoint in ((client, relay.frontend),
                               (worker, relay.backend)):
            peer.rcvtimeo = DEADLINE * 1000
            peer.probe_router = 1
            peer.connect(endpoint)
        *_, probe = worker.recv_multipart()
        equal(probe, b"", "the client's probe")
        client.send_multipart([b"", b"request"])
        worker.send_multipart(worker.recv_multipart())
        equal(client.recv_multipart(), [b"", b"request"], "reply")
        #   The worker's probe leads to no client
        assert "unroutable 1" in statistics(relay), relay.error_lines
        context.destroy(linger=0)


@test("a proxy's types by the names of ZeroMQ 2")
def _():
    with Relay("proxy", frontend="XREP@" + FREE,
               backend="XREQ@" + FREE) as relay, sockets() as sock:
        client = sock(zmq.REQ, relay.frontend)
        worker = sock(zmq.REP, relay.backend)
        client.send(b"request")
        worker.send(worker.recv())
        equal(client.recv(), b"request", "reply")


#   --------------------------------------------------------------------------
#   Publications

@test("libzmq 2258: a publisher restarts, and the relay has 5000 topics")
def _():
    count = 5000
    expected = {b"\1%d" % number for number in range(count)}
    with Relay("forwarder", frontend=FREE) as relay, sockets() as sock:
        subscriber = sock(zmq.SUB, relay.backend, sndhwm=0)
        for number in range(count):
            subscriber.subscribe(b"%d" % number)
        for _ in range(2):
            publisher = sock(zmq.XPUB, relay.frontend, rcvhwm=0)
            got = set()
            while got != expected:
                got.add(publisher.recv())
            publisher.close(linger=0)


@test("libzmq 4921: a slow subscriber holds back a publisher with xpub_nodrop")
def _():
    count = 5000
    with Relay("forwarder", "-o", "backend.xpub_nodrop=1",
               frontend=FREE) as relay, sockets() as sock:
        subscriber = sock(zmq.SUB, relay.backend, rcvhwm=10)
        subscriber.subscribe(b"")
        publisher = sock(zmq.XPUB, relay.frontend, sndhwm=10)
        publisher.setsockopt(zmq.XPUB_NODROP, 1)
        equal(publisher.recv(), b"\1", "subscription")

        def publish():
            for number in range(count):
                publisher.send(b"%d " % number + b"x" * 4000)
        thread = threading.Thread(target=publish)
        thread.start()
        for number in range(count):
            equal(subscriber.recv().split()[0], b"%d" % number, "message")
        thread.join()


@test("libzmq 1597: a subscriber that publishes by the same full forwarder")
def _():
    count = 1000
    with Relay("forwarder", "-o", "backend.xpub_nodrop=1", "-o",
               "backend.sndhwm=5", "-o", "frontend.rcvhwm=5",
               frontend=FREE) as relay, sockets() as sock:
        source, result = (sock(zmq.XPUB, relay.frontend, sndhwm=5)
                          for _ in range(2))
        orders, end = (sock(zmq.SUB, relay.backend, rcvhwm=5)
                       for _ in range(2))
        orders.subscribe(b"order")
        end.subscribe(b"done")
        for publisher in (source, result):
            publisher.setsockopt(zmq.XPUB_NODROP, 1)
            equal({publisher.recv(), publisher.recv()},
                  {b"\1order", b"\1done"}, "subscriptions")

        def work():
            for _ in range(count):
                result.send(b"done" + orders.recv()[5:])

        def publish():
            for number in range(count):
                source.send(b"order%d" % number)
        threads = [threading.Thread(target=function)
                   for function in (work, publish)]
        for thread in threads:
            thread.start()
        for number in range(count):
            equal(end.recv(), b"done%d" % number, "message")
        for thread in threads:
            thread.join()


@test("ZMQ_INVERT_MATCHING, on both sides as at both ends")
def _():
    with Relay("forwarder", "-o", "frontend.invert_matching=1", "-o",
               "backend.invert_matching=1", frontend=FREE) as relay, \
            sockets() as sock:
        subscriber = sock(zmq.SUB, relay.backend, invert_matching=1)
        subscriber.subscribe(b"debug")
        publisher = sock(zmq.XPUB, relay.frontend, invert_matching=1)
        equal(publisher.recv(), b"\1debug", "subscription")
        for topic in (b"debug 1", b"error 1", b"debug 2", b"error 2"):
            publisher.send(topic)
        equal([subscriber.recv(), subscriber.recv()],
              [b"error 1", b"error 2"], "messages")


def carry(one, other):
    with contextlib.suppress(OSError):
        data = one.recv(4096)
        while data:
            other.sendall(data)
            data = one.recv(4096)


def serve_socks(listener, port, asked):
    """SOCKS 5 (RFC 1928) for one connection, which leads to a port."""
    client, _ = listener.accept()
    client.recv(100)
    client.sendall(b"\5\0")
    asked.append(client.recv(300))
    server = socket.create_connection(("127.0.0.1", port), DEADLINE)
    client.sendall(b"\5\0\0\1\x7f\0\0\1\0\0")
    threading.Thread(target=carry, args=(client, server), daemon=True).start()
    carry(server, client)


@test("pyzmq 437: through a SOCKS proxy, which finds the host")
def _():
    asked = []
    with bound(zmq.XPUB) as (publisher, endpoint), \
            socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(endpoint.rsplit(":", 1)[1])
        threading.Thread(target=serve_socks, args=(listener, port, asked),
                         daemon=True).start()
        with Relay("forwarder", "-s", "news", "-o",
                   "frontend.socks_proxy=127.0.0.1:%d"
                   % listener.getsockname()[1],
                   frontend=">tcp://feed.invalid:5556") as relay:
            equal(publisher.recv(), b"\1news", "subscription")
            #   libzmq reports the address of that proxy
            relay.expect("frontend connected to ")
    assert b"feed.invalid" in asked[0], asked


#   --------------------------------------------------------------------------
#   Programs in Python, with the preload library. Each prints "right" at its
#   end.

START = """
import os, socket, threading, time, zmq
context = zmq.Context()
def bind(kind, endpoint):
    sock = context.socket(kind)
    sock.linger = 0
    sock.rcvtimeo = %d
    if endpoint:
        sock.bind(endpoint)
    return sock
def connect(kind, endpoint):
    sock = bind(kind, None)
    sock.connect(endpoint)
    return sock
def start(*arguments):
    threading.Thread(target=zmq.proxy, args=arguments, daemon=True).start()
""" % (DEADLINE * 1000)

END = """
print("right", flush=True)
os._exit(0)
"""

PROGRAMS = {
    "pyzmq 1172: sockets of zmq.asyncio": """
import asyncio, zmq.asyncio
context = zmq.asyncio.Context()
start(bind(zmq.ROUTER, "inproc://front"), bind(zmq.DEALER, "inproc://back"))
async def main():
    client = connect(zmq.REQ, "inproc://front")
    worker = connect(zmq.REP, "inproc://back")
    for number in range(20):
        await client.send(b"%d" % number)
        await worker.send(await worker.recv())
        assert await client.recv() == b"%d" % number
asyncio.new_event_loop().run_until_complete(main())
""",
    "libzmq 3261: a monitor of the program's own goes on": """
from zmq.utils.monitor import recv_monitor_message
front = bind(zmq.ROUTER, None)
monitor = front.get_monitor_socket()
monitor.rcvtimeo = front.rcvtimeo
port = front.bind_to_random_port("tcp://127.0.0.1")
start(front, bind(zmq.DEALER, "inproc://back"))
worker = connect(zmq.REP, "inproc://back")
seen = 0
while seen < 3:
    client = connect(zmq.REQ, "tcp://127.0.0.1:%d" % port)
    client.send(b"request")
    worker.send(worker.recv())
    client.recv()
    client.close()
    while recv_monitor_message(monitor)["event"] != zmq.EVENT_DISCONNECTED:
        pass
    seen += 1
""",
    "libzmq 854: a STREAM, for peers that speak no ZeroMQ": """
front = bind(zmq.STREAM, None)
port = front.bind_to_random_port("tcp://127.0.0.1")
start(front, bind(zmq.DEALER, "inproc://back"))
worker = connect(zmq.DEALER, "inproc://back")
peer = socket.create_connection(("127.0.0.1", port))
peer.sendall(b"question")
data = b""
while not data:
    name, data = worker.recv_multipart()
assert data == b"question"
worker.send_multipart([name, b"answer"])
worker.send_multipart([name, b""])
assert peer.recv(100) == b"answer" and peer.recv(100) == b""
""",
    "pyzmq 1553: CURVE on both sides, with pyzmq's authenticator": """
import zmq.auth
from zmq.auth.thread import ThreadAuthenticator
authenticator = ThreadAuthenticator(context)
authenticator.start()
authenticator.configure_curve(domain="*", location=zmq.auth.CURVE_ALLOW_ANY)
public, secret = zmq.curve_keypair()
sides = [bind(kind, None) for kind in (zmq.XSUB, zmq.XPUB)]
for side in sides:
    side.curve_server = True
    side.curve_secretkey = secret
ports = [side.bind_to_random_port("tcp://127.0.0.1") for side in sides]
start(*sides)
peers = [bind(kind, None) for kind in (zmq.PUB, zmq.SUB)]
for peer, port in zip(peers, ports):
    peer.curve_publickey, peer.curve_secretkey = zmq.curve_keypair()
    peer.curve_serverkey = public
    peer.connect("tcp://127.0.0.1:%d" % port)
publisher, subscriber = peers
subscriber.subscribe(b"")
while not subscriber.poll(20):
    publisher.send(b"news")
assert subscriber.recv() == b"news"
"""}


def program(text):
    with Process([sys.executable, "-c", START + text + END],
                 env=preload()) as process:
        lines = process.succeed()
        equal(lines, ["right"], "output")
        assert any("takes over zmq_proxy" in line
                   for line in process.error_lines), process.error_lines


for _name, _text in PROGRAMS.items():
    @test(_name)
    def _(name=_name, text=_text):
        if "CURVE" in name and not zmq.has("curve"):
            raise Skip("libzmq has no CURVE")
        program(text)


if __name__ == "__main__":
    main()
