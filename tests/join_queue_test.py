#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Queues on many machines that NATS servers join: doc/join.md says what
holds, and this shows it."""

import contextlib
import time
import zmq
from joining import Proxy, Raw, Server, Site, cluster, need_nats, parcel
from zrelay_testing import DEADLINE, equal, main, sockets, test, wait_until


@contextlib.contextmanager
def sites(count, *options, url=None):
    """So many queues that have joined each other, and a function for
    sockets."""
    with contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        if not url:
            url = stack.enter_context(Server()).url
        relays = [stack.enter_context(Site(
            "queue", "site%d" % number, *options, join=url + "/work"))
            for number in range(count)]
        for relay in relays:
            relay.wait_joined(count - 1)
        yield relays, make


def workers(make, relay, count, kind=zmq.REP):
    """Workers that the relay knows of, and other sites as well soon."""
    before = relay.stat("backend.peers")
    made = [make(kind, relay.backend) for _ in range(count)]
    wait_until(lambda: relay.stat("backend.peers") == before + count)
    return made


def ask(make, relay, text):
    client = make(zmq.REQ, relay.frontend)
    client.send_string(text)
    return client


def is_told(make, relay, *workers):
    """Wait until the relay sends requests to workers elsewhere, which are the
    only ones that are free."""
    client = ask(make, relay, "hello")
    wait_until(lambda: any(worker.poll(0) for worker in workers))
    worker = next(worker for worker in workers if worker.poll(0))
    equal(worker.recv(), b"hello")
    worker.send(b"there")
    equal(client.recv(), b"there")


@test("a request stays at its site if a worker is free, else it goes elsewhere")
def _():
    need_nats()
    with sites(2) as ((here, there), make):
        far = workers(make, there, 2)
        is_told(make, here, *far)
        near = workers(make, here, 1)
        #   Nobody else is free
        clients = [ask(make, here, "one")]
        equal(near[0].recv(), b"one")
        for text in ("two", "three"):
            clients.append(ask(make, here, text))
            #   The far DEALER gives them in turn
            wait_until(lambda: any(worker.poll(0) for worker in far))
            worker = next(worker for worker in far if worker.poll(0))
            equal(worker.recv_string(), text)
            worker.send_string("far " + text)
            equal(clients.pop().recv_string(), "far " + text)
        near[0].send(b"near one")
        equal(clients[0].recv(), b"near one")
        #   It is free again
        before = here.stat("requests.there")
        for number in range(20):
            client = ask(make, here, "more")
            equal(near[0].recv(), b"more")
            near[0].send(b"near")
            equal(client.recv(), b"near")
        equal(here.stat("requests.there"), before, "sent elsewhere")
        wait_until(lambda: here.stat("requests.in_hand") == 0)


@test("replies find their way back, with any envelope, and to many at once")
def _():
    need_nats()
    with sites(3) as ((here, there, nowhere), make):
        far, = workers(make, there, 1, zmq.DEALER)
        clients = [make(zmq.DEALER, relay.frontend)
                   for relay in (here, nowhere, there)]
        for number in range(50):
            for place, client in enumerate(clients):
                client.send_multipart([b"hop", b"%d" % place, b"",
                                       b"%d" % number, b"x" * 3000])
        for _ in range(150):
            frames = far.recv_multipart()
            far.send_multipart(frames[:-1] + [b"reply"])
        for place, client in enumerate(clients):
            got = [client.recv_multipart() for _ in range(50)]
            equal(sorted(got), sorted(
                [b"hop", b"%d" % place, b"", b"%d" % number, b"reply"]
                for number in range(50)))
        for relay in (here, there, nowhere):
            equal(relay.stat("requests.in_hand"), 0)
            equal(relay.stat("join.undelivered"), 0)
        #   A reply that nobody waits for
        far.send_multipart([b"\0z" + bytes(8), b"", b"nothing"])
        wait_until(lambda: there.stat("return.dropped_late") == 1)


@test("while no site has a worker, requests wait")
def _():
    need_nats()
    with sites(2) as ((here, there), make):
        clients = [ask(make, here, "early") for _ in range(5)]
        wait_until(lambda: here.stat("requests.waiting") > 0)
        far, = workers(make, there, 1)
        for _ in clients:
            equal(far.recv(), b"early")
            far.send(b"late")
        for client in clients:
            equal(client.recv(), b"late")
        equal(here.stat("requests.waiting"), 0)


@test("a site that dies: others get its requests, as retries say")
def _():
    need_nats()
    with contextlib.ExitStack() as stack:
        clients = []
        groups = []
        for retries in (0, 1):
            relays, make = stack.enter_context(
                sites(3, "-o", "relay.retries=%d" % retries))
            here, there, other = relays
            far, = workers(make, there, 1)
            is_told(make, here, far)
            clients.append(ask(make, here, "again"))
            equal(far.recv(), b"again")
            there.kill()
            groups.append((here, workers(make, other, 1)[0]))
        #   It is missed after some seconds, in both groups at the same time
        here, third = groups[1]
        equal(third.recv(), b"again")
        third.send(b"done")
        equal(clients[1].recv(), b"done")
        equal(here.stat("requests.retried"), 1)
        here, third = groups[0]
        wait_until(lambda: here.stat("forward.dropped_given_up") == 1)
        assert not third.poll(0)


@test("a deadline, and a site that leaves in good order")
def _():
    need_nats()
    with sites(2, "-o", "relay.deadline=300") as ((here, there), make):
        far, = workers(make, there, 1)
        is_told(make, here, far)
        ask(make, here, "nobody answers")
        equal(far.recv(), b"nobody answers")
        wait_until(lambda: here.stat("forward.dropped_expired") == 1)
        far.send(b"too late")
        #   Each site has a deadline of its own
        wait_until(lambda: here.stat("return.dropped_late")
                   + there.stat("return.dropped_late") == 1)
        equal(here.stat("requests.in_hand") + there.stat("requests.in_hand"),
              0)
    with sites(2) as ((here, there), make):
        far, = workers(make, there, 1)
        is_told(make, here, far)
        client = ask(make, here, "stay")
        equal(far.recv(), b"stay")
        there.do("LEAVE")
        near, = workers(make, here, 1)
        equal(near.recv(), b"stay")
        near.send(b"here")
        equal(client.recv(), b"here")
        #   The other one's worker answers to nobody, and serves on
        far.send(b"too late")
        client = ask(make, there, "alone")
        equal(far.recv(), b"alone")
        far.send(b"good")
        equal(client.recv(), b"good")


@test("a queue that is not joined drains as ever, and one that is, too")
def _():
    need_nats()
    with Server() as server:
        for join in (None, server.url + "/work"):
            with Site("queue", "one", "--drain", "20000", join=join) as relay, \
                    sockets() as make:
                if join:
                    relay.wait_joined()
                worker, = workers(make, relay, 1)
                client = ask(make, relay, "last")
                equal(worker.recv(), b"last")
                drained = relay.start("DRAIN", 20000)
                assert not drained.poll(300)
                worker.send(b"reply")
                equal(client.recv(), b"reply")
                equal(drained.recv_multipart(), [b"0"])
                drained.close()


@test("what others send amiss is counted, and harms nothing")
def _():
    need_nats()
    with Server() as server, sites(2, url=server.url) as ((here, there), make):
        near, = workers(make, here, 1)
        own = next(name for name
                   in server.connection("site0", subs=1)["subscriptions_list"]
                   if ".req." in name)
        with Raw(server.url) as raw:
            for number, frames in enumerate((
                    [b""], [b"Q"], [b"Q" + bytes(8)], [b"A" + bytes(8), b"x"],
                    [b"N" + bytes(8)], [b"L" + bytes(8)], [b"A" + bytes(8)],
                    [b"?" + bytes(8), b"x"])):
                raw.parcel(own, parcel(frames), sequence=number + 1)
            for number, data in enumerate((b"", bytes(15), b"\xff" * 16)):
                raw.parcel("work.site.req", parcel([b"HERE", b"x", data]),
                           sequence=100 + number)
            raw.settle()
        client = ask(make, here, "still")
        equal(near.recv(), b"still")
        near.send(b"well")
        equal(client.recv(), b"well")


@test("one server of three, then a relay, then a whole site is lost: each"
      " request is answered once", deadline=2 * DEADLINE)
def _():
    need_nats()
    with cluster() as servers, Proxy(servers[2].url) as proxy, \
            contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        urls = [server.url for server in servers]
        joins = [",".join(urls[:2]) + "/work",
                 ",".join(urls[1::-1]) + "/work", proxy.url + "/work"]
        relays = [stack.enter_context(Site("queue", "site%d" % number,
                                           join=join))
                  for number, join in enumerate(joins)]
        for relay in relays:
            relay.wait_joined(2)
        #   Most workers are not where the clients are
        crews = [workers(make, relay, count)
                 for relay, count in zip(relays, (1, 3, 3))]
        clients = [make(zmq.DEALER, relays[place].frontend)
                   for place in (0, 0, 0, 2)]
        pending = [set() for _ in clients]
        answers = {}
        asked = 0

        def turn(places=(0, 1, 2)):
            """Workers answer what they have, clients count."""
            for place in places:
                for worker in crews[place]:
                    if worker.poll(0):
                        worker.send(worker.recv())
            for number, client in enumerate(clients):
                while client.poll(0):
                    text = client.recv_multipart()[-1]
                    pending[number].discard(text)
                    answers[text] = answers.get(text, 0) + 1
            time.sleep(0.001)

        def work(seconds, places=(0, 1, 2)):
            nonlocal asked
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                for number, client in enumerate(clients):
                    if len(pending[number]) < 3:
                        text = b"%d" % asked
                        asked += 1
                        pending[number].add(text)
                        client.send_multipart([b"", text])
                turn(places)

        def finish(places=(0, 1, 2)):
            wait_until(lambda: (turn(places), not any(pending))[1],
                       what="all answers")
            equal(set(answers.values()), {1}, "answers to each")
            equal(len(answers), asked, "answers")

        work(0.5)
        servers[0].kill()
        work(1.5)
        finish()
        work(0.1)
        relays[1].kill()
        work(0.5, (0, 2))
        finish((0, 2))
        proxy.cut()
        work(1, (0, 2))
        finish((0, 2))
        proxy.cut(False)
        relays[2].wait_joined(1)
        work(0.5, (0, 2))
        finish((0, 2))
        assert relays[0].stat("requests.there") > 0


if __name__ == "__main__":
    main()
