#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Ordinary ZeroMQ programs talk through the program zrelay."""

import contextlib
import hashlib
import itertools
import os
import random

import zmq

from zrelay_testing import (DEADLINE, TOP_BUILDDIR, Process, Relay, equal,
                            example, main, temp_dir, test)

LANGUAGES = ("c", "py")
TASKS = os.path.join(TOP_BUILDDIR, "tests", "tasks")


@contextlib.contextmanager
def sockets():
    """A function that makes sockets, all of them closed at the end."""
    context = zmq.Context()

    def make(kind, **options):
        sock = context.socket(kind)
        #   What hangs is to fail, with the line that shows where
        sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
        for name, value in options.items():
            setattr(sock, name, value)
        return sock
    try:
        yield make
    finally:
        context.destroy(linger=0)


#   --------------------------------------------------------------------------
#   Queue

def clients_and_servers(order):
    """Two REQ clients and two REP servers of each language. The endpoints are
    files, which may be connected to before the relay is there."""
    count = 50
    with temp_dir() as folder, contextlib.ExitStack() as stack:
        frontend = "ipc://%s/frontend" % folder
        backend = "ipc://%s/backend" % folder
        clients = []
        for what in order:
            if what == "relay":
                stack.enter_context(
                    Relay("queue", frontend=frontend, backend=backend))
            for language in 2 * LANGUAGES:
                if what == "servers":
                    stack.enter_context(example("rrserver", language, backend))
                if what == "clients":
                    clients.append(stack.enter_context(
                        example("rrclient", language, frontend, count)))
        for client in clients:
            equal(client.succeed(),
                  ["Received reply %d [World %d]" % (number, number)
                   for number in range(1, count + 1)], "%s: replies" % client)


for started in itertools.permutations(("relay", "clients", "servers")):
    test("queue: REQ and REP, two in C and two in Python, started in the"
         " order %s, %s, %s" % started)(
        lambda started=started: clients_and_servers(started))


@test("queue: two DEALER clients with 1000 requests in flight each")
def dealers():
    count = 1000
    with Relay("queue") as relay, sockets() as sock, \
         contextlib.ExitStack() as stack:
        clients = [sock(zmq.DEALER, sndhwm=0, rcvhwm=0) for _ in range(2)]
        for client in clients:
            client.connect(relay.frontend)
        #   All are under way before anybody can answer the first
        for number in range(count):
            for which, client in enumerate(clients):
                client.send_multipart(
                    [b"", b"Hello %d/%d" % (which, number)])
        for language in LANGUAGES:
            stack.enter_context(example("rrserver", language, relay.backend))
        for which, client in enumerate(clients):
            replies = [client.recv_multipart() for _ in range(count)]
            equal(sorted(replies),
                  sorted([b"", b"World %d/%d" % (which, number)]
                         for number in range(count)), "replies")


@test("queue: a request of many frames comes back frame for frame")
def frames():
    with Relay("queue") as relay, sockets() as sock:
        client, server = sock(zmq.REQ), sock(zmq.REP)
        client.connect(relay.frontend)
        server.connect(relay.backend)
        for size in (1, 2, 20, 300):
            request = [b"%d" % index * index for index in range(size)]
            client.send_multipart(request)
            equal(server.recv_multipart(), request, "request")
            server.send_multipart(request[::-1])
            equal(client.recv_multipart(), request[::-1], "reply")


#   --------------------------------------------------------------------------
#   Forwarder

MEBIBYTE = 1024 * 1024


@contextlib.contextmanager
def forwarder(sock, *options):
    """A forwarder that connects to a publisher, and that publisher: an XPUB,
    which sees what is subscribed to, and else is a PUB."""
    publisher = sock(zmq.XPUB, sndhwm=0)
    publisher.bind("tcp://127.0.0.1:*")
    endpoint = publisher.last_endpoint.decode()
    with Relay("forwarder", *options, frontend=">" + endpoint) as relay:
        yield relay, publisher


def subscribe(sock, relay, topic):
    """A subscriber to one topic."""
    subscriber = sock(zmq.SUB, rcvhwm=0)
    subscriber.connect(relay.backend)
    subscriber.subscribe(topic)
    return subscriber


@test("forwarder: 1 to 20 frames arrive whole, frame for frame")
def forward_frames():
    shapes = random.Random(1)
    with sockets() as sock, forwarder(sock) as (relay, publisher):
        subscriber = subscribe(sock, relay, "")
        equal(publisher.recv(), b"\x01", "subscription")
        messages = [[bytes([number]) * shapes.choice((0, 1, 30, 200, 70000))
                     for _ in range(number)]
                    for number in range(1, 21)]
        for message in messages:
            publisher.send_multipart(message)
        for message in messages:
            equal(subscriber.recv_multipart() == message, True,
                  "%d frames arrive as they were sent" % len(message))


@test("forwarder: messages of up to 64 MiB arrive whole",
      deadline=4 * DEADLINE)
def forward_large():
    with sockets() as sock, forwarder(sock) as (relay, publisher):
        subscriber = subscribe(sock, relay, "large")
        equal(publisher.recv(), b"\x01large", "subscription")
        for frames, size in ((1, 64 * MEBIBYTE), (4, 16 * MEBIBYTE),
                             (20, 3 * MEBIBYTE), (1, 1)):
            #   Every frame differs from every other
            body = [bytes([index + 1]) * size for index in range(frames)]
            publisher.send_multipart([b"large", *body], copy=False)
            topic, *received = subscriber.recv_multipart()
            equal(topic, b"large", "topic")
            equal([hashlib.sha1(frame).digest() for frame in received],
                  [hashlib.sha1(frame).digest() for frame in body],
                  "%d frames of %d bytes" % (frames, size))


@test("forwarder: subscriptions reach the publisher, each topic once")
def subscriptions():
    with sockets() as sock, forwarder(sock) as (relay, publisher):
        first = subscribe(sock, relay, "weather")
        equal(publisher.recv(), b"\x01weather", "first subscription")
        second = subscribe(sock, relay, "weather")
        second.subscribe("news")
        #   Nothing in between: there is a subscription to weather already
        equal(publisher.recv(), b"\x01news", "second subscription")
        first.close()
        second.unsubscribe("news")
        equal(publisher.recv(), b"\x00news", "one subscription ends")
        second.close()
        equal(publisher.recv(), b"\x00weather", "the last one ends")


@test("forwarder: a publisher sends nothing that nobody is subscribed to")
def nothing_unwanted():
    with sockets() as sock:
        #   The capture shows all that the relay received
        capture = sock(zmq.PULL)
        capture.bind("tcp://127.0.0.1:*")
        with forwarder(sock, "-c", capture.last_endpoint.decode()) \
                as (relay, publisher):
            publisher.send_multipart([b"news", b"before anybody is there"])
            subscriber = subscribe(sock, relay, "weather")
            equal(capture.recv_multipart(), [b"\x01weather"], "subscription")
            equal(publisher.recv(), b"\x01weather", "subscription")
            for number in range(100):
                publisher.send_multipart([b"news", b"%d" % number])
            publisher.send_multipart([b"weather", b"sunny"])
            equal(subscriber.recv_multipart(), [b"weather", b"sunny"],
                  "publication")
            equal(capture.recv_multipart(), [b"weather", b"sunny"],
                  "the relay has received first")
            subscriber.unsubscribe("weather")
            equal(publisher.recv(), b"\x00weather", "unsubscription")
            publisher.send_multipart([b"weather", b"rainy"])
            subscriber.subscribe("end")
            equal(publisher.recv(), b"\x01end", "subscription")
            publisher.send_multipart([b"end"])
            equal([capture.recv_multipart() for _ in range(3)],
                  [[b"\x00weather"], [b"\x01end"], [b"end"]],
                  "the relay has received next")


@test("forwarder: --subscribe works without any subscriber")
def own_subscriptions():
    with sockets() as sock:
        capture = sock(zmq.PULL)
        capture.bind("tcp://127.0.0.1:*")
        with forwarder(sock, "--capture", capture.last_endpoint.decode(),
                       "--subscribe", "weather", "--subscribe", "news") \
                as (_, publisher):
            equal(sorted([publisher.recv(), publisher.recv()]),
                  [b"\x01news", b"\x01weather"], "subscriptions")
            publisher.send_multipart([b"sports", b"unwanted"])
            publisher.send_multipart([b"weather", b"sunny"])
            publisher.send_multipart([b"news", b"none"])
            equal([capture.recv_multipart() for _ in range(2)],
                  [[b"weather", b"sunny"], [b"news", b"none"]],
                  "the relay has received")


@test("forwarder: many publishers, many subscribers, all by connecting")
def many_to_many():
    with sockets() as sock, Relay("forwarder") as relay:
        topics = [b"topic %d;" % index for index in range(3)]
        publishers = [sock(zmq.XPUB, sndhwm=0) for _ in range(3)]
        for publisher in publishers:
            publisher.connect(relay.frontend)
        subscribers = [subscribe(sock, relay, topic.decode())
                       for topic in topics]
        for publisher in publishers:
            equal(sorted(publisher.recv() for _ in topics),
                  [b"\x01" + topic for topic in topics], "subscriptions")
        for which, publisher in enumerate(publishers):
            for topic in topics:
                publisher.send_multipart([topic, b"%d" % which])
        for topic, subscriber in zip(topics, subscribers):
            equal(sorted(subscriber.recv_multipart() for _ in publishers),
                  [[topic, b"%d" % which] for which in range(3)],
                  "publications")


#   --------------------------------------------------------------------------
#   Streamer

MILLION = 1000000


def stream(pushers, workers, count):
    """Push tasks 0 to count - 1 and see that each arrives once; and in order,
    since each pusher's are numbered in order."""
    with Relay("streamer") as relay, contextlib.ExitStack() as stack:
        puller = stack.enter_context(Process(
            [TASKS, "pull", relay.backend, count, workers]))
        share = count // pushers
        for pusher in range(pushers):
            stack.enter_context(Process(
                [TASKS, "push", relay.frontend, pusher * share, share]))
        order = "" if pushers > 1 else ", out of order 0"
        line = puller.succeed(4 * DEADLINE)[0]
        expected = ("received %d, twice 0, unknown 0, missing 0" % count
                    + order)
        equal(line[:len(expected)], expected, "tasks")


@test("streamer: a million tasks, each once and in order for one worker",
      deadline=4 * DEADLINE)
def stream_in_order():
    stream(pushers=1, workers=1, count=MILLION)


@test("streamer: a million tasks from four pushers to five workers, each once",
      deadline=4 * DEADLINE)
def stream_many():
    stream(pushers=4, workers=5, count=MILLION)


@test("streamer: tasks pushed before there is a worker are not lost")
def stream_late_worker():
    count = 500
    with Relay("streamer") as relay:
        with Process([TASKS, "push", relay.frontend, 0, count]) as pusher:
            pusher.succeed()
        with Process([TASKS, "pull", relay.backend, count, 1]) as puller:
            equal(puller.succeed(), [
                "received %d, twice 0, unknown 0, missing 0, out of order 0"
                % count], "tasks")


if __name__ == "__main__":
    main()
