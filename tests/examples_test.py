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

from zrelay_testing import Relay, equal, example, main, need_store, \
    sockets, temp_dir, test, wait_until

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


def idle_workers(client_language, worker_language):
    count = 20
    with Relay("balancer") as relay, \
         example("lbworker", worker_language, relay.backend) as simple, \
         example("ppworker", worker_language, relay.backend) as paranoid, \
         example("lpclient", client_language, relay.frontend, count,
                 60000) as client:
        equal(client.succeed(),
              ["Received reply %d [World %d]" % (number, number)
               for number in range(1, count + 1)], "replies")
        #   Once both are there, they take turns
        for worker in simple, paranoid:
            while not worker.lines:
                ask_once("lpclient", relay.frontend)
            worker.expect(r"Received request \[Hello \d+\]")
        interrupt(simple)
        interrupt(paranoid)
        equal(relay.stop(), 0, "relay's exit status")


def lazy_client(client_language, worker_language):
    with Relay("balancer") as relay:
        with example("lpclient", client_language, relay.frontend, 1, 50,
                     2) as client:
            equal(client.wait(), 1, "exit status without workers")
            equal(client.lines, ["No reply to request 1 in 50 msec"] * 2,
                  "output")
            client.expect("^lpclient.*: giving up$", errors=True)
        #   A client that is patient gets its reply when a worker comes
        with example("lpclient", client_language, relay.frontend, 1, 50,
                     100000) as client:
            client.expect("No reply")
            with example("lbworker", worker_language, relay.backend):
                client.expect(r"Received reply 1 \[World 1\]")
                equal(client.wait(), 0, "exit status")
        equal(relay.stop(), 0, "relay's exit status")


def services(client_language, worker_language):
    count = 20
    with Relay("majordomo", backend=()) as relay, \
         example("mdclient", client_language, relay.frontend, "tea", count,
                 60000) as tea, \
         example("mdworker", worker_language, relay.frontend, "coffee"), \
         example("mdclient", client_language, relay.frontend, "coffee",
                 count, 60000) as coffee:
        #   These come in any order if there are several workers
        expected = ["Received reply [World %d]" % number
                    for number in range(1, count + 1)]
        equal(coffee.succeed(), expected, "replies")
        equal(tea.lines, [], "replies without a worker")
        for arguments, answer in ((["coffee"], ["200"]), (["tea"], ["404"]),
                                  ([], ["coffee"])):
            with example("mdlist", client_language, relay.frontend,
                         *arguments) as listing:
                equal(listing.succeed(), answer, "list of %s" % arguments)
        with example("mdworker", worker_language, relay.frontend,
                     "tea") as worker:
            equal(tea.succeed(), expected, "replies to what waited")
            interrupt(worker)
        with example("mdclient", client_language, relay.frontend, "milk", 2,
                     50) as milk:
            equal(milk.wait(), 1, "exit status without a worker")
            milk.expect("^mdclient.*: giving up, 0 of 2 answered$",
                        errors=True)
        equal(relay.stop(), 0, "relay's exit status")


for languages in PAIRS:
    for function, what in (
            (request_reply, "request-reply: client %s, server %s"),
            (publish_subscribe, "publish-subscribe: publisher %s,"
                                " subscriber %s"),
            (ventilator_sink, "tasks: ventilator and sink %s, workers %s"),
            (idle_workers, "idle workers: client %s, workers %s"),
            (lazy_client, "a client that gives up: client %s, worker %s"),
            (services, "services: clients %s, workers %s")):
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

        def snapshot(language):
            with example("cache", language, lookup, "", "lookup") as client:
                return client.succeed()

        expected = ["oslo: rain", "rome: sun"]
        wait_until(lambda: snapshot("c") == expected, what="all updates")
        for language in LANGUAGES:
            with example("cache", language, relay.backend, "rome",
                         2) as late:
                #   The replays may come while the last update is under way
                late.expect("rome: sun")
                publisher.send_multipart([b"rome", b"sun"])
                equal(late.succeed(), ["rome: sun"] * 2, "values")
            equal(snapshot(language), expected, "snapshot")
        equal(relay.stop(), 0, "relay's exit status")


def comes_back(kind, client, worker, language):
    """The relay is killed and started again, and its worker finds it."""
    with temp_dir() as folder, contextlib.ExitStack() as stack:
        ends = ["ipc://%s/%s" % (folder, side) for side in "fb"]
        sides = dict(frontend=ends[0],
                     backend=ends[1] if kind == "balancer" else ())
        options = ["-o", "relay.heartbeat=50"]
        if kind == "balancer":
            arguments = [ends[1], 50]
        else:
            arguments = [ends[0], "greeting", 50]
        with Relay(kind, *options, **sides) as relay:
            process = stack.enter_context(
                example(worker, language, *arguments))
            ask_once(client, ends[0])
            relay.kill()
        process.expect("(silent|lost), connecting again in 50 msec$")
        process.expect("(silent|lost), connecting again in 100 msec$")
        with Relay(kind, *options, **sides) as relay:
            ask_once(client, ends[0])
            interrupt(process)
            equal(relay.stop(), 0, "relay's exit status")


def ask_once(client, endpoint):
    arguments = ["greeting", 1] if client == "mdclient" else [1]
    with example(client, "c", endpoint, *arguments, 60000) as process:
        assert "[World 1]" in process.succeed()[0], process.lines


for language in LANGUAGES:
    for names in (("balancer", "lpclient", "ppworker"),
                  ("majordomo", "mdclient", "mdworker")):
        test("%s: %s finds it again, %s" % (names[0], names[2], language))(
            lambda names=names, language=language:
            comes_back(*names, language))


@test("mdclient prints the parts of a reply")
def partial_replies():
    for language in LANGUAGES:
        with Relay("majordomo", backend=()) as relay, sockets() as sock, \
             example("mdclient", language, relay.frontend, "news", 1,
                     60000) as client:
            worker = sock(zmq.DEALER, relay.frontend)
            worker.send_multipart([b"MDPW02", b"\x01", b"news"])
            _, _, *address, _ = worker.recv_multipart()
            for command, body in ((b"\x03", b"one"), (b"\x04", b"two")):
                worker.send_multipart([b"MDPW02", command, *address, body])
            equal(client.succeed(), ["Received part [one]",
                                     "Received reply [two]"], "output")


@test("two_brokers")
def two_brokers():
    with example("two_brokers", "c") as process:
        equal(process.succeed(), [
            "balancer",
            "    Ann is busy, requests served: 0",
            "    the client received World",
            "    Ann is free, requests served: 1",
            "majordomo",
            "    coffee: workers 1, waiting 0, served 0, failed 0",
            "    the client received from coffee: here you are",
            "    coffee: workers 1, waiting 0, served 1, failed 0",
        ], "output")


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


@test("ticlient leaves a request, fetches its reply and closes it")
def titanic():
    need_store()
    with temp_dir() as folder, \
         Relay("majordomo", "--titanic", folder + "/orders",
               frontend=FREE_PORT, backend=()) as relay:
        for language in LANGUAGES:
            def lines(*words):
                with example("ticlient", language, relay.frontend,
                             *words) as client:
                    return client.succeed()
            status, uuid = lines("request", "coffee", "Hello 7")
            equal(status, "200", "status of the request")
            equal(lines("reply", uuid), ["300"], "no reply yet")
            with example("mdworker", language, relay.frontend, "coffee"):
                wait_until(lambda: lines("reply", uuid) == ["200", "World 7"])
            equal(lines("close", uuid), ["200"], "status of close")
            equal(lines("reply", uuid), ["400"], "status once it is closed")


@test("examples refuse an endpoint that is none")
def bad_endpoint():
    for name in ("rrclient", "rrserver", "publisher", "subscriber",
                 "ventilator", "worker", "sink", "lbworker", "ppworker",
                 "lpclient", "mdworker", "mdclient", "mdlist",
                 "cache", "ticlient"):
        for language in LANGUAGES:
            with example(name, language, "nonsense://") as process:
                equal(process.wait(), 1, "%s: exit status" % process)


if __name__ == "__main__":
    main()
