#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Relays that are connected in a circle, which no single one of them sees:
what doc/security.md says about them."""

import contextlib
import time
import zmq
from zrelay_testing import Steered, equal, main, sockets, test, wait_until

#   Hops after which a request ends
HOPS = 20
#   Messages a second that a relay takes
RATE = 100
#   What each site publishes
MESSAGES = 500


@contextlib.contextmanager
def circle(kind):
    """Two relays, each of which sends to the other."""
    with Steered(kind) as one, Steered(kind) as two:
        yield one, two


def close_circle(one, two):
    """Now they do: the side that connects depends on the kind."""
    for relay, other in ((one, two), (two, one)):
        if relay.command[-1] == "forwarder":
            relay.do("CONNECT", "FRONTEND", other.backend)
        else:
            relay.do("CONNECT", "BACKEND", other.frontend)


def total(relays, counter):
    return sum(relay.stat(counter) for relay in relays)


def rests(relays):
    """No message moves for half a second."""
    before = total(relays, "frontend.in.messages")
    time.sleep(0.5)
    return total(relays, "frontend.in.messages") == before


@test("a request between two queues ends after maxframes hops")
def _():
    with circle("queue") as relays, sockets() as make:
        for relay in relays:
            relay.do("SET", "FRONTEND", "maxframes", HOPS)
        close_circle(*relays)
        client = make(zmq.DEALER, relays[0].frontend)
        client.send_multipart([b"", b"request"])
        wait_until(lambda: total(relays, "forward.dropped_frames") == 1)
        #   It came to the first with two frames, and each hop adds one
        equal(total(relays, "frontend.in.messages"), HOPS, "hops")
        assert rests(relays)


@test("without that it goes round until somebody stops it")
def _():
    with circle("queue") as relays, sockets() as make:
        close_circle(*relays)
        client = make(zmq.DEALER, relays[0].frontend)
        client.send_multipart([b"", b"request"])
        wait_until(lambda: total(relays, "frontend.in.messages") > 10 * HOPS)
        relays[0].do("DISCONNECT", "BACKEND", relays[1].frontend)
        wait_until(lambda: rests(relays))


@test("a rate bounds what goes round between two forwarders")
def _():
    with circle("forwarder") as relays, sockets() as make:
        for relay in relays:
            relay.do("SET", "FRONTEND", "rate", RATE)
        close_circle(*relays)
        publisher = make(zmq.PUB, relays[0].frontend)
        subscriber = make(zmq.SUB, relays[0].backend, subscribe=b"")

        def goes_round():
            publisher.send(b"news")
            return total(relays, "frontend.in.messages") > 5
        wait_until(goes_round)
        assert subscriber.recv() == b"news"
        before = total(relays, "frontend.in.messages")
        time.sleep(1)
        moved = total(relays, "frontend.in.messages") - before
        #   Twice, as the second may have been a longer one
        assert 0 < moved <= 2 * len(relays) * RATE, moved


@test("two forwarders for each site carry each message once")
def _():
    with contextlib.ExitStack() as stack, sockets() as make:
        #   Publishers connect to the first, subscribers to both
        leaves = [stack.enter_context(Steered("forwarder")) for _ in "ab"]
        comes = [stack.enter_context(Steered("forwarder")) for _ in "ab"]
        comes[0].do("CONNECT", "FRONTEND", leaves[1].backend)
        comes[1].do("CONNECT", "FRONTEND", leaves[0].backend)
        publishers = [make(zmq.PUB, relay.frontend, sndhwm=0)
                      for relay in leaves]
        subscribers = []
        for site in range(2):
            subscriber = make(zmq.SUB, leaves[site].backend, rcvhwm=0,
                              subscribe=b"")
            subscriber.connect(comes[site].backend)
            subscribers.append(subscriber)

        #   Every publisher reaches every subscriber first
        reached = set()

        def all_reached():
            for site, publisher in enumerate(publishers):
                publisher.send(b"?%d" % site)
            for place, subscriber in enumerate(subscribers):
                while subscriber.poll(10):
                    reached.add((place, subscriber.recv()))
            return len(reached) == 4
        wait_until(all_reached)
        for number in range(MESSAGES):
            for site, publisher in enumerate(publishers):
                publisher.send(b"%d %d" % (site, number))
        for site, publisher in enumerate(publishers):
            publisher.send(b"end %d" % site)
        expected = sorted(b"%d %d" % (site, number) for site in range(2)
                          for number in range(MESSAGES))
        for subscriber in subscribers:
            heard, ends = [], 0
            while ends < 2:
                message = subscriber.recv()
                ends += message.startswith(b"end")
                if message[:1] in b"01":
                    heard.append(message)
            equal(sorted(heard), expected, "messages")
            assert not subscriber.poll(100)


if __name__ == "__main__":
    main()
