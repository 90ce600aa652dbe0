#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""One table of cases, run through all four ways into the engine: an actor, the
program, the drop-in functions, and the preload. Whoever finds a case that one
way gets wrong adds a row to CASES; the other ways are tried with it."""

import zmq

from ways import WAYS
from zrelay_testing import DEADLINE, equal, main, sockets, test, wait_until

MESSAGES = 100
SILENCE = 200                   # Msecs in which nothing may come


#   --------------------------------------------------------------------------
#   Cases: what peers do, and see

def requests(make, relay, client=zmq.REQ, server=zmq.REP):
    """Requests go one way, replies the other."""
    one, other = make(client, relay.frontend), make(server, relay.backend)
    for number in range(MESSAGES):
        one.send_multipart([b"request", b"", b"%d" % number])
        equal(other.recv_multipart(), [b"request", b"", b"%d" % number],
              "request")
        other.send_multipart([b"", b"reply %d" % number])
        equal(one.recv_multipart(), [b"", b"reply %d" % number], "reply")


def reversed_requests(make, relay):
    """The same where the backend is asked."""
    class Other:
        frontend, backend = relay.backend, relay.frontend
    requests(make, Other)


def pairs(make, relay):
    requests(make, relay, zmq.PAIR, zmq.PAIR)


def dealers(make, relay):
    requests(make, relay, zmq.DEALER, zmq.DEALER)


def tasks(make, relay):
    """Messages of any shape arrive whole and in order."""
    source, sink = make(zmq.PUSH, relay.frontend), make(zmq.PULL, relay.backend)
    shapes = [[b""], [b"", b""], [b"x" * 100000], [b"frame"] * 40, [b"\0\1"]]
    for number in range(MESSAGES):
        for shape in shapes:
            source.send_multipart(shape + [b"%d" % number])
    for number in range(MESSAGES):
        for shape in shapes:
            equal(sink.recv_multipart(), shape + [b"%d" % number], "message")


def settle(publisher, subscriber):
    """Until the first messages arrive, which are lost before that."""
    def arrives():
        publisher.send(b"settle")
        return subscriber.poll(10)
    wait_until(arrives)
    publisher.send(b"settled")
    while subscriber.recv() != b"settled":
        pass


def publications(make, relay, source=zmq.PUB):
    """Publications arrive at those who want them."""
    publisher = make(source, relay.frontend)
    every = make(zmq.SUB, relay.backend, subscribe=b"")
    settle(publisher, every)
    for number in range(MESSAGES):
        publisher.send_multipart([b"topic", b"", b"%d" % number])
        equal(every.recv_multipart(), [b"topic", b"", b"%d" % number],
              "publication")


def published_tasks(make, relay):
    publications(make, relay, zmq.PUSH)


def subscribed_tasks(make, relay):
    """Publications become tasks."""
    publisher = make(zmq.PUB, relay.frontend)
    sink = make(zmq.PULL, relay.backend)
    settle(publisher, sink)
    publisher.send_multipart([b"topic", b"body"])
    equal(sink.recv_multipart(), [b"topic", b"body"], "task")


def heard(publisher, count):
    return [publisher.recv() for _ in range(count)]


def subscriptions(make, relay):
    """The first subscription and the last cancellation reach publishers."""
    publisher = make(zmq.XPUB, relay.frontend)
    subscribers = [make(zmq.SUB, relay.backend, subscribe=b"T")]
    equal(heard(publisher, 1), [b"\1T"], "first subscription")
    subscribers.append(make(zmq.SUB, relay.backend, subscribe=b"T"))
    subscribers[1].subscribe(b"U")
    equal(heard(publisher, 1), [b"\1U"], "the second one is known already")
    subscribers[0].close(0)
    subscribers[1].unsubscribe(b"U")
    equal(heard(publisher, 1), [b"\0U"], "cancellation of another topic")
    subscribers[1].close(0)
    equal(heard(publisher, 1), [b"\0T"], "last cancellation")


def verbose_subscriptions(make, relay):
    """Each subscription and the last cancellation do (libzmq 1478)."""
    publisher = make(zmq.XPUB, relay.frontend)
    publisher.xpub_verbose = 1
    for round_ in range(3):
        subscribers = []
        for number in range(3):
            subscribers.append(make(zmq.SUB, relay.backend, subscribe=b"T"))
            equal(heard(publisher, 1), [b"\1T"], "subscription %d" % number)
        for subscriber in subscribers:
            equal(publisher.poll(0), 0, "a cancellation that comes early")
            subscriber.close(0)
        equal(heard(publisher, 1), [b"\0T"], "cancellation %d" % round_)


def upstream(make, relay):
    """What subscribers send passes, too, if it is no subscription."""
    publisher = make(zmq.XPUB, relay.frontend)
    subscriber = make(zmq.XSUB, relay.backend)
    subscriber.send(b"\1T")
    equal(publisher.recv(), b"\1T", "subscription")
    subscriber.send(b"hello")
    equal(publisher.recv(), b"hello", "message")


def addressed(make, relay):
    """A client names its worker, and the worker its client."""
    client = make(zmq.DEALER, relay.frontend, routing_id=b"client")
    other = make(zmq.DEALER, relay.frontend)
    worker = make(zmq.DEALER, relay.backend, routing_id=b"worker")

    #   A ROUTER knows its peers only some time after they have connected
    def arrives():
        client.send_multipart([b"worker", b"", b"settle"])
        return worker.poll(10)
    wait_until(arrives)
    client.send_multipart([b"worker", b"", b"settled"])
    while worker.recv_multipart()[-1] != b"settled":
        pass
    worker.send_multipart([b"client", b"", b"reply"])
    equal(client.recv_multipart(), [b"worker", b"", b"reply"], "reply")
    client.send_multipart([b"nobody", b"", b"lost"])
    client.send(b"worker")
    equal(worker.recv_multipart(), [b"client"], "what names only its worker")

    #   A peer without a name is known by that under which it was heard
    other.send_multipart([b"worker", b"question"])
    name, question = worker.recv_multipart()
    equal(question, b"question", "from a peer without a name")
    worker.send_multipart([name, b"answer"])
    equal(other.recv_multipart(), [b"worker", b"answer"], "answer")
    equal(client.poll(SILENCE), 0, "messages that the client gets")


#   What it is, the types of the sockets, their settings, and what is done
CASES = [
    ("requests", "ROUTER", "DEALER", [], requests),
    ("requests to the backend", "DEALER", "ROUTER", [], reversed_requests),
    ("requests by turns", "REP", "REQ", [], requests),
    ("two of a kind", "PAIR", "PAIR", [], pairs),
    ("two DEALERs", "DEALER", "DEALER", [], dealers),
    ("tasks", "PULL", "PUSH", [], tasks),
    ("publications", "XSUB", "XPUB", [], publications),
    ("publications from a SUB", "SUB", "XPUB", [], publications),
    ("published tasks", "PULL", "XPUB", [], published_tasks),
    ("subscribed tasks", "SUB", "PUSH", [], subscribed_tasks),
    ("subscriptions", "XSUB", "XPUB", [], subscriptions),
    ("verbose subscriptions", "XSUB", "XPUB", ["backend.xpub_verbose=1"],
     verbose_subscriptions),
    ("messages from subscribers", "XSUB", "XPUB", [], upstream),
    ("messages with a receiver", "ROUTER", "ROUTER", [], addressed),
]


def add(case, way):
    name, frontend, backend, settings, play = case

    @test("%s: %s and %s: %s" % (way, frontend, backend, name),
          deadline=DEADLINE)
    def _():
        with WAYS[way](frontend, backend, settings) as relay, \
                sockets() as make:
            play(make, relay)


for _case in CASES:
    for _way in WAYS:
        add(_case, _way)

if __name__ == "__main__":
    main()
