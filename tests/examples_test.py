#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Every example, in C and in Python, does what it says through real relays."""

import contextlib
import signal
import tempfile

import zmq

from zrelay_testing import Relay, equal, example, main, sockets, test

FREE_PORT = Relay.FREE_PORT
LANGUAGES = ("c", "py")
#   Which language on which side of the relay
PAIRS = [(first, second) for first in LANGUAGES for second in LANGUAGES]


def interrupt(process):
    """End an example that runs until it is interrupted, as ^C would."""
    process.signal(signal.SIGINT)
    equal(process.wait(), 0, "%s: exit status" % process)


def request_reply(client_language, server_language):
    count = 20
    with Relay("queue") as relay, \
         example("rrserver", server_language, relay.backend) as server, \
         example("rrclient", client_language, relay.frontend,
                 count) as client:
        equal(client.succeed(),
              ["Received reply %d [World %d]" % (number, number)
               for number in range(1, count + 1)], "replies")
        server.expect(r"Received request \[Hello %d\]" % count)
        interrupt(server)
        equal(relay.stop(), 0, "relay's exit status")


def publish_subscribe(publisher_language, subscriber_language):
    count = 3
    with example("publisher", publisher_language, FREE_PORT, 0,
                 10) as publisher:
        endpoint = publisher.expect(r"Publishing on (\S+)").group(1)
        with Relay("forwarder", frontend=">" + endpoint) as relay, \
             example("subscriber", subscriber_language, relay.backend,
                     "weather", count) as weather, \
             example("subscriber", subscriber_language, relay.backend,
                     "news", count) as news:
            for subscriber, topic, rest in ((weather, "weather", 1),
                                            (news, "news", 0)):
                lines = subscriber.succeed()
                numbers = []
                for line in lines:
                    name, number, body = line.split(" ", 2)
                    equal(name, topic, "topic")
                    equal(body, "4 frames, 1048576 bytes", "body")
                    numbers.append(int(number.rstrip(":")))
                #   Every second message is of this topic, and none is missing
                equal(numbers, list(range(numbers[0],
                                          numbers[0] + 2 * count, 2)),
                      "numbers")
                equal(numbers[0] % 2, rest, "number of the first")
            equal(relay.stop(), 0, "relay's exit status")
        interrupt(publisher)


def ventilator_sink(ventilator_language, worker_language):
    count = 50
    with contextlib.ExitStack() as stack:
        sink = stack.enter_context(
            example("sink", ventilator_language, FREE_PORT, count))
        sink_endpoint = sink.expect(r"Collecting on (\S+)").group(1)
        relay = stack.enter_context(Relay("streamer"))
        for _ in range(2):
            stack.enter_context(example("worker", worker_language,
                                        relay.backend, sink_endpoint))
        ventilator = stack.enter_context(
            example("ventilator", ventilator_language, relay.frontend, count))
        #   Workloads of 1 to 10 milliseconds in turn
        work = 5 * sum(range(1, 11))
        equal(ventilator.succeed(),
              ["Sent %d tasks, %d msec of work" % (count, work)], "ventilator")
        last = sink.succeed()[-1]
        expected = "Received %d results, %d msec of work in " % (count, work)
        equal(last[:len(expected)], expected, "sink")
        equal(relay.stop(), 0, "relay's exit status")


for languages in PAIRS:
    for function, what in (
            (request_reply, "request-reply: client %s, server %s"),
            (publish_subscribe, "publish-subscribe: publisher %s,"
                                " subscriber %s"),
            (ventilator_sink, "tasks: ventilator and sink %s, workers %s")):
        test(what % languages)(
            lambda function=function, languages=languages:
            function(*languages))


@test("cache: last values, updates and a snapshot")
def last_values():
    with contextlib.ExitStack() as stack:
        lookup = "ipc://%s/lookup" % stack.enter_context(
            tempfile.TemporaryDirectory())
        relay = stack.enter_context(
            Relay("cache", "-o", "relay.lookup=" + lookup,
                  frontend="@" + FREE_PORT))
        sock = stack.enter_context(sockets())
        publisher = sock(zmq.XPUB, relay.frontend)
        equal(publisher.recv(), b"\x01", "what the cache wants")
        for topic, body in (("oslo", "rain"), ("rome", "wind"),
                            ("rome", "sun")):
            publisher.send_multipart([topic.encode(), body.encode()])
        for language in LANGUAGES:
            with example("cache", language, relay.backend, "rome",
                         2) as late:
                #   The replays may come while the last update is under way
                late.expect("rome: sun")
                publisher.send_multipart([b"rome", b"sun"])
                equal(late.succeed(), ["rome: sun"] * 2, "values")
            with example("cache", language, lookup, "", "lookup") as snapshot:
                equal(snapshot.succeed(), ["oslo: rain", "rome: sun"],
                      "snapshot")
        equal(relay.stop(), 0, "relay's exit status")


@test("three_relays")
def three_relays():
    with example("three_relays", "c") as process:
        equal(process.succeed(), [
            "queue",
            "    the worker received Hello",
            "    the client received World",
            "    orders: 1 messages forward, 1 returned",
            "forwarder",
            "    the publisher sees a subscription to weather",
            "    the subscriber received weather: sunny",
            "    feed: 1 messages forward, 1 returned",
            "streamer",
            "    it is paused: 0 tasks went through",
            "    the puller received task 1",
            "    the puller received task 2",
            "    tasks: 2 messages forward, 0 returned",
        ], "output")


@test("own_kind: the whole command line for a kind of one's own")
def own_kind():
    with example("own_kind", "c", "--help") as process:
        output = "\n".join(process.succeed())
        for word in ("answers the requests it has learnt", "relay.learn",
                     "ROUTER, for REQ and DEALER clients", "--curve"):
            equal(word in output, True, "help has '%s'" % word)
    with example("own_kind", "c", "-o", "relay.learn=nonsense") as process:
        equal(process.wait(), 2, "exit status")
    with contextlib.ExitStack() as stack:
        relay = stack.enter_context(example(
            "own_kind", "c", "-f", FREE_PORT, "-b", FREE_PORT,
            "-o", "relay.learn=colour=green", "-v"))
        frontend = relay.expect(r"frontend bound to (\S+)").group(1)
        backend = relay.expect(r"backend bound to (\S+)").group(1)
        sock = stack.enter_context(sockets())
        client, worker = sock(zmq.REQ, frontend), sock(zmq.REP, backend)
        client.send(b"colour")
        equal(client.recv(), b"green", "the relay's own answer")
        client.send(b"weather")
        equal(worker.recv(), b"weather", "what the worker is asked")
        worker.send(b"sunny")
        equal(client.recv(), b"sunny", "the worker's answer")
        interrupt(relay)
        relay.expect(r"answered: 1", errors=True)


@test("examples refuse an endpoint that is none")
def bad_endpoint():
    for name in ("rrclient", "rrserver", "publisher", "subscriber",
                 "ventilator", "worker", "sink", "cache"):
        for language in LANGUAGES:
            with example(name, language, "nonsense://") as process:
                equal(process.wait(), 1, "%s: exit status" % process)


if __name__ == "__main__":
    main()
