#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Rules about topics: --only, --except, --rename, RULE and RULES."""

import contextlib
import re
import signal
import subprocess

import zmq

from zrelay_testing import DEADLINE, ZRELAY, Relay, Steered, equal, main, \
    test, wait_until

MISUSE = 2


@contextlib.contextmanager
def peers(relay, publisher, *subscribers):
    """Sockets that are connected to a relay. An XPUB in the place of a
    publisher shows what the relay asks for."""
    context = zmq.Context()
    made = []
    try:
        for kind, endpoint in [(publisher, relay.frontend)] + [
                (kind, relay.backend) for kind in subscribers]:
            sock = context.socket(kind)
            sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
            sock.connect(endpoint)
            made.append(sock)
        yield made
    finally:
        context.destroy(linger=0)


def asked(publisher, *expected):
    """The next subscriptions are these, in any order."""
    got = sorted(publisher.recv() for _ in expected)
    equal(got, sorted(expected), "subscriptions")


#   --------------------------------------------------------------------------
#   Messages

@test("--only and --except: what passes a forwarder, and what is asked for")
def _():
    with Relay("forwarder", "--only", "orders.", "--only", "news",
               "--except", "orders.test.") as relay, \
            peers(relay, zmq.XPUB, zmq.SUB) as (publisher, subscriber):
        subscriber.subscribe(b"")
        asked(publisher, b"\1orders.", b"\1news")
        for topic in (b"orders.test.1", b"other", b"news", b"orders.1"):
            publisher.send_multipart([topic, b"body", b""])
        equal(subscriber.recv_multipart(), [b"news", b"body", b""], "first")
        equal(subscriber.recv_multipart(), [b"orders.1", b"body", b""],
              "second")
        #   Nobody asks for what would not pass, or only for that part
        for topic in (b"weather", b"orders.test.2", b"orders.uk"):
            subscriber.subscribe(topic)
        asked(publisher, b"\1orders.uk")
        subscriber.unsubscribe(b"orders.uk")
        asked(publisher, b"\0orders.uk")
        subscriber.unsubscribe(b"")
        asked(publisher, b"\0orders.", b"\0news")
        equal(relay.stop(), 0, "exit status")


@test("topics that lead to the same one are asked for until the last goes")
def _():
    for options in ([], ["-o", "backend.xpub_verbose=1"]):
        with Relay("forwarder", "--only", "orders.", *options) as relay, \
                peers(relay, zmq.XPUB, zmq.SUB, zmq.SUB) as (
                    publisher, one, other):
            one.subscribe(b"o")
            asked(publisher, b"\1orders.")
            other.subscribe(b"")
            other.subscribe(b"end")

            def arrives():
                publisher.send(b"orders.1")
                return other.poll(50)
            wait_until(arrives, what="the other one's subscription")
            one.unsubscribe(b"o")
            one.subscribe(b"orders.last")
            #   Whatever was cancelled would come before this
            got = publisher.recv()
            while got != b"\1orders.last":
                equal(got, b"\1orders.", "subscription")
                got = publisher.recv()
            while other.poll(0):
                other.recv()
            publisher.send(b"orders.2")
            equal(other.recv(), b"orders.2", "message")
            other.unsubscribe(b"")
            asked(publisher, b"\0orders.")


@test("--rename: subscribers ask for new names, publishers get the old ones")
def _():
    with Relay("forwarder", "--rename", "orders.=uk.", "--rename",
               "a=b=c=longer than before") as relay, \
            peers(relay, zmq.XPUB, zmq.SUB) as (publisher, subscriber):
        subscriber.subscribe(b"uk.1")
        asked(publisher, b"\1uk.1", b"\1orders.1")
        subscriber.subscribe(b"orders.")
        subscriber.subscribe(b"longer")
        asked(publisher, b"\1longer", b"\1a=b=c")
        publisher.send_multipart([b"orders.1", b"body"])
        equal(subscriber.recv_multipart(), [b"uk.1", b"body"], "message")
        publisher.send_multipart([b"uk.1"])
        equal(subscriber.recv_multipart(), [b"uk.1"], "message")
        publisher.send(b"a=b=cd")
        equal(subscriber.recv(), b"longer than befored", "message")
        subscriber.unsubscribe(b"uk.1")
        asked(publisher, b"\0uk.1", b"\0orders.1")


@test("--rename with nothing on its left names a site")
def _():
    with Relay("forwarder", "--rename", "=london.") as relay, \
            peers(relay, zmq.XPUB, zmq.SUB) as (publisher, subscriber):
        subscriber.subscribe(b"paris.")
        subscriber.subscribe(b"london.orders")
        asked(publisher, b"\1orders")
        publisher.send(b"orders.1" + b"x" * 10000)
        equal(subscriber.recv(), b"london.orders.1" + b"x" * 10000, "message")


@test("the relay's own subscriptions ask for no more either")
def _():
    for options, expected in (
            (["-s", ""], [b"\1orders."]),
            (["-s", "orders.1", "-s", "news"], [b"\1orders.1"])):
        with Relay("forwarder", "--only", "orders.", *options) as relay, \
                peers(relay, zmq.XPUB, zmq.SUB) as (publisher, _):
            asked(publisher, *expected)
    with Relay("proxy", "--only", "orders.", "-s", "", "--rename",
               "orders.=", frontend="SUB@" + Relay.FREE_PORT,
               backend="PUSH@" + Relay.FREE_PORT) as relay, \
            peers(relay, zmq.XPUB, zmq.PULL) as (publisher, puller):
        asked(publisher, b"\1orders.")
        publisher.send(b"orders.1")
        equal(puller.recv(), b"1", "message")


@test("a proxy that subscribes on its backend has rules for that flow")
def _():
    with Relay("proxy", "--only", "orders.",
               frontend="XPUB@" + Relay.FREE_PORT,
               backend="XSUB@" + Relay.FREE_PORT) as relay:
        relay.frontend, relay.backend = relay.backend, relay.frontend
        with peers(relay, zmq.XPUB, zmq.SUB) as (publisher, subscriber):
            subscriber.subscribe(b"")
            asked(publisher, b"\1orders.")


@test("cache: a late subscriber gets the last value under its new name")
def _():
    with Relay("cache", "--only", "orders.", "--rename", "orders.=uk.") \
            as relay, peers(relay, zmq.XPUB, zmq.SUB) as (publisher, late):
        asked(publisher, b"\1orders.")
        for value in (b"1", b"2"):
            publisher.send_multipart([b"orders.a", value])
        late.subscribe(b"uk.")
        while late.recv_multipart() != [b"uk.a", b"2"]:
            pass


@test("streamer: rules, limits, a capture and an overflow together")
def _():
    for options in ([], ["-o", "frontend.maxframes=3"],
                    ["-o", "forward.overflow=drop-old"],
                    ["-c", "PUB@tcp://127.0.0.1:*"]):
        with Relay("streamer", "--except", "t", "--rename", "a=b", *options) \
                as relay, peers(relay, zmq.PUSH, zmq.PULL) as (pusher, puller):
            for number in range(300):
                for topic in (b"a", b"t", b"c"):
                    pusher.send_multipart([topic, b"%d" % number, b""])
            for number in range(300):
                for topic in (b"b", b"c"):
                    equal(puller.recv_multipart(),
                          [topic, b"%d" % number, b""], "message")
            equal(relay.stop(), 0, "exit status")


#   --------------------------------------------------------------------------
#   Counts and refusals

@test("RULE, RULES and the count of each rule")
def _():
    with Steered("streamer", frontend=None, backend=None) as relay:
        for rule in (("only", "a"), ("only", "b c"), ("except", "ab"),
                     ("rename", "a", "x"), ("rename", "", "y")):
            relay.do("RULE", "FORWARD", *rule)
        relay.bind("FRONTEND")
        relay.bind("BACKEND")
        with peers(relay, zmq.PUSH, zmq.PULL) as (pusher, puller):
            for topic in (b"a", b"a", b"ab", b"b c", b"c"):
                pusher.send(topic)
            for topic in (b"x", b"x", b"yb c"):
                equal(puller.recv(), topic, "message")
            relay.counts(**{
                "forward.only{topic=a}": 2, "forward.only{topic=b%20c}": 1,
                "forward.except{topic=ab}": 1, "forward.rename{topic=a}": 2,
                "forward.rename{topic=%2A}": 1, "forward.dropped_filter": 2})
        rows = relay.rows("RULES", ("rule", "topic", "to", "count"), "FORWARD")
        equal([tuple(row.values()) for row in rows], [
            ("only", "a", "", "2"), ("only", "b c", "", "1"),
            ("except", "ab", "", "1"), ("rename", "a", "x", "2"),
            ("rename", "", "y", "1")], "rules")
        relay.do("RESET")
        relay.counts(**{"forward.only{topic=a}": 0})
        status, sentence = relay.give("RULE", "FORWARD", "none")
        equal(status, 3, "status")
        assert "attached already" in sentence, sentence


@test("rules are printed with the statistics")
def _():
    with Relay("streamer", "--only", "orders.") as relay:
        relay.signal(signal.SIGUSR1)
        relay.expect(r"^forward.only\{topic=orders\.\}: 0$", errors=True)


@test("rules that make no sense are refused")
def _():
    sides = ["-f", Relay.FREE_PORT, "-b", Relay.FREE_PORT]
    for words, pattern in (
            (["forwarder", "--only", ""], "--only takes TOPIC, not ''"),
            (["forwarder", "--rename", "a"], "--rename takes FROM=TO"),
            (["forwarder", "--except", "x" * 5000, *sides],
             "--except: .*too long"),
            (["queue", "--only", "a", *sides], "--only: .*no topics"),
            (["proxy", "--only", "a", "-f", "ROUTER@" + Relay.FREE_PORT, "-b",
              "DEALER@" + Relay.FREE_PORT],
             "messages from a ROUTER have none")):
        done = subprocess.run([ZRELAY, *words], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, timeout=DEADLINE)
        equal(done.returncode, MISUSE, "exit status of %s" % words)
        assert re.search(pattern, done.stderr.decode()), done.stderr


if __name__ == "__main__":
    main()
