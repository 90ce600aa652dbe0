#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""WebSocket: every kind of relay serves peers that speak ZWS 2.0 (ZeroMQ RFC
45), such as those in browsers. The peers here are written from the RFC and use
bare sockets of the system, not libzmq."""

import base64
import contextlib
import ctypes
import hashlib
import os
import re
import signal
import socket
import struct

import zmq

from zrelay_testing import DEADLINE, Relay, Skip, Steered, equal, main, test, \
    wait_until

WS = "ws://127.0.0.1:*"

#   RFC 6455, section 1.3
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
FINAL, MASKED = 0x80, 0x80

#   RFC 45: the first byte of each frame
LAST, MORE, COMMAND = 0, 1, 2


class Refused(Exception):
    """The other end does not accept the connection."""


class Peer:
    """A peer of a socket type that connects by ZWS2.0/NULL."""

    def __init__(self, endpoint, socket_type):
        host, port, path = re.fullmatch(r"ws://([^:/]+):(\d+)(/.*)?",
                                        endpoint).groups()
        self._socket = socket.create_connection((host, int(port)), DEADLINE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bytes = b""
        self._upgrade(host, path or "/")
        self._send(COMMAND, command("READY", {"Socket-Type": socket_type,
                                              "Identity": ""}))
        flags, body = self._recv()
        equal(flags, COMMAND, "flags of the first frame")
        if body.startswith(b"\x05ERROR"):
            raise Refused(body[7:].decode())
        assert body.startswith(b"\x05READY"), body

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        self._socket.close()

    def _upgrade(self, host, path):
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall((
            "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Key: %s\r\n"
            "Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n" % (path, host, key)).encode())
        while b"\r\n\r\n" not in self._bytes:
            self._more()
        head, _, self._bytes = self._bytes.partition(b"\r\n\r\n")
        status, *lines = head.decode().split("\r\n")
        assert " 101 " in status, status
        headers = {name.lower(): value for name, value in
                   (line.split(": ", 1) for line in lines)}
        accept = hashlib.sha1((key + GUID).encode()).digest()
        equal(headers["sec-websocket-accept"],
              base64.b64encode(accept).decode(), "accept")
        equal(headers["sec-websocket-protocol"], "ZWS2.0/NULL", "protocol")

    def _more(self):
        data = self._socket.recv(65536)
        if not data:
            raise Refused("the other end has closed the connection")
        self._bytes += data

    def _take(self, size):
        while len(self._bytes) < size:
            self._more()
        data, self._bytes = self._bytes[:size], self._bytes[size:]
        return data

    def _send(self, flags, body, opcode=BINARY):
        """A client masks what it sends."""
        payload = (bytes([flags]) if opcode == BINARY else b"") + body
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", FINAL | opcode, MASKED | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", FINAL | opcode, MASKED | 126, size)
        else:
            head = struct.pack("!BBQ", FINAL | opcode, MASKED | 127, size)
        mask = os.urandom(4)
        self._socket.sendall(head + mask + bytes(
            byte ^ mask[index % 4] for index, byte in enumerate(payload)))

    def _recv(self):
        """The next frame, with its flags."""
        while True:
            opcode, size = struct.unpack("!BB", self._take(2))
            if size == 126:
                size, = struct.unpack("!H", self._take(2))
            elif size == 127:
                size, = struct.unpack("!Q", self._take(8))
            payload = self._take(size)
            if opcode & 0xf == PING:
                self._send(0, payload, PONG)
            elif opcode & 0xf == CLOSE:
                raise Refused("the other end closes the connection")
            elif opcode & 0xf == BINARY:
                return payload[0], payload[1:]

    def send(self, *frames):
        for index, frame in enumerate(frames):
            self._send(MORE if index < len(frames) - 1 else LAST, frame)

    def recv(self):
        """The frames of the next message."""
        frames, more = [], True
        while more:
            flags, body = self._recv()
            more = flags & MORE
            frames.append(body)
        return frames

    def waits(self, seconds):
        """True if nothing comes in that time."""
        self._socket.settimeout(seconds)
        try:
            return not self._bytes and not self._socket.recv(1)
        except socket.timeout:
            return True
        finally:
            self._socket.settimeout(DEADLINE)


def command(name, properties):
    """A command of ZMTP, whose frames ZWS has, too."""
    body = bytes([len(name)]) + name.encode()
    for key, value in properties.items():
        body += (bytes([len(key)]) + key.encode()
                 + struct.pack("!I", len(value)) + value.encode())
    return body


def library_has(transport):
    """Does the libzmq of the relay have it?"""
    libzmq = ctypes.CDLL("libzmq.so.5")
    return bool(libzmq.zmq_has(transport.encode()))


def ws_test(description):
    def register(function):
        @test(description)
        def _():
            if not library_has("WS"):
                raise Skip("libzmq has no WebSocket")
            function()
        return function
    return register


def published(publisher, subscriber, *frames):
    """Publish until it arrives, as a subscription takes its time."""
    def arrives():
        publisher.send(*frames)
        return not subscriber.waits(0.05)
    wait_until(arrives, what="subscription")


#   --------------------------------------------------------------------------
#   Kinds

@ws_test("queue: a client and a worker by ws")
def _():
    with Relay("queue", frontend=WS, backend=WS) as relay, \
            Peer(relay.frontend, "REQ") as client, \
            Peer(relay.backend, "REP") as worker:
        for size in (1, 100, 200, 70000):
            client.send(b"", b"x" * size, b"")
            *envelope, empty, body, last = worker.recv()
            equal((empty, body, last), (b"", b"x" * size, b""), "request")
            worker.send(*envelope, b"", body, b"reply")
            equal(client.recv(), [b"", body, b"reply"], "reply")
        equal(relay.stop(), 0, "exit status")


@ws_test("queue: a client by ws, a worker by tcp")
def _():
    with Relay("queue", frontend=[WS, Relay.FREE_PORT]) as relay:
        context = zmq.Context()
        worker = context.socket(zmq.REP)
        worker.rcvtimeo = DEADLINE * 1000
        worker.connect(relay.backend)
        with Peer(relay.frontend, "REQ") as client:
            client.send(b"", b"request")
            equal(worker.recv(), b"request", "request")
            worker.send(b"reply")
            equal(client.recv(), [b"", b"reply"], "reply")
        context.destroy(linger=0)


for _kind in ("forwarder", "cache"):
    @ws_test("%s: a publisher and a subscriber by ws" % _kind)
    def _(kind=_kind):
        with Relay(kind, frontend=WS, backend=WS) as relay, \
                Peer(relay.frontend, "PUB") as publisher, \
                Peer(relay.backend, "SUB") as subscriber:
            subscriber.send(b"\1orders")
            #   What a publisher gets is a subscription
            _, body = publisher._recv()
            assert body.endswith(b"" if kind == "cache" else b"orders"), body
            published(publisher, subscriber, b"orders", b"1")
            subscriber._bytes = b""


@ws_test("cache: a late subscriber by ws gets the last value")
def _():
    with Relay("cache", frontend=WS, backend=WS) as relay, \
            Peer(relay.frontend, "PUB") as publisher:
        publisher.send(b"orders", b"1")
        publisher.send(b"orders", b"2")
        with Peer(relay.backend, "SUB") as subscriber:
            subscriber.send(b"\1orders")
            while subscriber.recv() != [b"orders", b"2"]:
                pass


@ws_test("streamer: a pusher and a puller by ws")
def _():
    with Relay("streamer", frontend=WS, backend=WS) as relay, \
            Peer(relay.frontend, "PUSH") as pusher, \
            Peer(relay.backend, "PULL") as puller:
        for number in range(1000):
            pusher.send(b"task", b"%d" % number)
        for number in range(1000):
            equal(puller.recv(), [b"task", b"%d" % number], "task")
        equal(relay.stop(), 0, "exit status")


@ws_test("proxy: from a pusher by ws to subscribers by ws")
def _():
    with Relay("proxy", frontend="PULL@" + WS, backend="PUB@" + WS) as relay, \
            Peer(relay.frontend, "PUSH") as pusher, \
            Peer(relay.backend, "SUB") as subscriber:
        subscriber.send(b"\1")
        published(pusher, subscriber, b"news")


@ws_test("balancer: a client and a worker by ws")
def _():
    with Relay("balancer", frontend=WS, backend=WS) as relay, \
            Peer(relay.frontend, "REQ") as client, \
            Peer(relay.backend, "REQ") as worker:
        worker.send(b"", b"READY")
        client.send(b"", b"request")
        empty, *envelope, body = worker.recv()
        equal((empty, body), (b"", b"request"), "request")
        worker.send(b"", *envelope, b"reply")
        equal(client.recv(), [b"", b"reply"], "reply")


@ws_test("majordomo: a client and a worker by ws")
def _():
    with Relay("majordomo", frontend=WS, backend=[]) as relay, \
            Peer(relay.frontend, "DEALER") as worker, \
            Peer(relay.frontend, "REQ") as client:
        worker.send(b"", b"MDPW01", b"\1", b"echo")
        client.send(b"", b"MDPC01", b"echo", b"request")
        frames = worker.recv()
        while frames[2] != b"\2":       # Heartbeats
            frames = worker.recv()
        *head, address, empty, body = frames
        equal(body, b"request", "request")
        worker.send(b"", b"MDPW01", b"\3", address, empty, b"reply")
        equal(client.recv(), [b"", b"MDPC01", b"echo", b"reply"], "reply")


#   --------------------------------------------------------------------------
#   What holds for tcp

@ws_test("two relays, joined by ws")
def _():
    with Relay("streamer", backend=WS) as first, \
            Relay("streamer", frontend=">" + first.backend,
                  backend=WS) as second, \
            Peer(second.backend, "PULL") as puller:
        context = zmq.Context()
        pusher = context.socket(zmq.PUSH)
        pusher.connect(first.frontend)
        pusher.send(b"task")
        equal(puller.recv(), [b"task"], "task")
        context.destroy(linger=0)


@ws_test("peers by ws are counted, guarded, limited and cut")
def _():
    with Relay("streamer", "--deny", "127.0.0.1", frontend=WS) as relay:
        try:
            Peer(relay.frontend, "PUSH")
            raise AssertionError("it was let in")
        except (Refused, ConnectionError):
            pass
    with Steered("streamer", frontend=WS, backend=WS) as relay:
        relay.do("SET", "FRONTEND", "maxframes", "1")
        with Peer(relay.frontend, "PUSH") as pusher, \
                Peer(relay.backend, "PULL") as puller:
            relay.counts(**{"frontend.peers": 1, "backend.peers": 1})
            pusher.send(b"too", b"many")
            pusher.send(b"task")
            equal(puller.recv(), [b"task"], "task")
            relay.do("CUT", "FRONTEND", "127.0.0.1")
            relay.counts(**{"frontend.peers": 0})
            relay.do("UNBIND", "BACKEND", relay.backend)
            relay.counts(**{"backend.peers": 0})


@ws_test("bytes that are not WebSocket end nothing")
def _():
    with Relay("queue", frontend=WS) as relay:
        port = int(re.search(r":(\d+)", relay.frontend).group(1))
        for data in (b"", b"GET", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 10000,
                     b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
                     b"Connection: upgrade\r\nSec-WebSocket-Key: x\r\n"
                     b"Sec-WebSocket-Protocol: ZWS2.0/NULL\r\n\r\n"
                     b"\x82\x85\0\0\0\0\0\0\0\0\0",
                     b"GET / HTTP/1.1\r\n" + b"a" * 5000 + b": b\r\n\r\n",
                     b"\xff" + b"\0" * 8 + b"\x7f\3" + b"\0" * 53):
            #   It may have been ended before all is said
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", port)) as peer:
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                peer.settimeout(0.2)
                with contextlib.suppress(socket.timeout):
                    while peer.recv(1000):
                        pass
        with Peer(relay.frontend, "REQ"):
            assert relay.running()
        equal(relay.stop(signal.SIGINT), 0, "exit status")


if __name__ == "__main__":
    main()
