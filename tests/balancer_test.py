#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The balancer, with the Guide's workers and clients in all their forms."""

import contextlib
import signal
import time

import zmq

from peers import (BALANCER_CLIENTS, BALANCER_WORKERS, BEAT, LIVENESS,
                   BareClient, Crew, DealerClient, PirateWorker, ReadyWorker,
                   ReqClient, SimplePirate, Yard, accounts, beat_while,
                   dropped, flood, join, prints, reverse, served, states,
                   workers)
from zrelay_testing import (DEADLINE, Relay, Steered, equal, main, sockets,
                            temp_dir, test, wait_until)

MEBIBYTE = 1024 * 1024
DEFAULTS = {
    "heartbeat": "1000", "liveness": "3", "retries": "1", "deadline": "0",
    "queue": "1000", "queue_bytes": "67108864", "overflow": "hold"
}


@contextlib.contextmanager
def balancer(**settings):
    """A relay, and make(), which makes sockets. At the end every request is
    accounted for."""
    with Steered("balancer", **settings) as relay, sockets() as make:
        yield relay, make
        accounts(relay)


#   --------------------------------------------------------------------------
#   Every form of worker with every form of client

def bodies(empty):
    """Bodies of 1 to 20 frames, small and large; with empty frames or
    not."""
    for count in range(1, 21):
        yield [b"%d" % index for index in range(count)]
    yield [b"x" * MEBIBYTE] * 3
    if empty:
        yield [b""]
        yield [b"", b"", b"after two that are empty"]
        yield [b"before one that is empty", b""]


def converse(client, empty):
    for body in bodies(empty):
        equal(client.ask(*body) == reverse(body), True,
              "%s: %d frames come back reversed"
              % (type(client).__name__, len(body)))


for _form in BALANCER_WORKERS:
    @test("%s serves clients of every form, near and far" % _form.__name__)
    def _(form=_form):
        with balancer() as (relay, make), Crew() as crew, \
             Relay("queue", backend=">" + relay.frontend) as near, \
             Relay("queue", backend=">" + near.frontend) as far:
            for _ in range(2):
                crew.add(form, relay.backend)
            for client in BALANCER_CLIENTS:
                converse(client(make, relay.frontend),
                         empty=client is not BareClient)
            for chain in (near, far):
                for client in (ReqClient, DealerClient):
                    converse(client(make, chain.frontend), empty=True)
            relay.counts(workers=2, workers_free=2, requests_in_hand=0)


@test("a ROUTER is a client, and a DEALER that carries others' addresses")
def router_client():
    with Steered("balancer", frontend=None) as relay, sockets() as make, \
         Crew() as crew:
        relay.do("SET", "FRONTEND", "identity", "balancer")
        relay.bind("FRONTEND")
        crew.add(PirateWorker, relay.backend)
        router = make(zmq.ROUTER, relay.frontend, router_mandatory=1)

        def sent():
            with contextlib.suppress(zmq.ZMQError):
                router.send_multipart(
                    [b"balancer", b"one", b"two", b"", b"1", b"2"])
                return True
        wait_until(sent)
        equal(router.recv_multipart(),
              [b"balancer", b"one", b"two", b"", b"2", b"1"], "reply")
        dealer = make(zmq.DEALER, relay.frontend)
        stack = [b"%d" % index for index in range(1, 17)]
        dealer.send_multipart([*stack, b"", b"body"])
        equal(dealer.recv_multipart(), [*stack, b"", b"body"], "reply")


@test("clients of all forms share workers of all forms")
def all_forms():
    count = 30
    with balancer() as (relay, make), Crew() as crew:
        for form in BALANCER_WORKERS:
            crew.add(form, relay.backend)
        clients = [form(make, relay.frontend)
                   for form in 3 * BALANCER_CLIENTS]
        for number in range(count):
            for which, client in enumerate(clients):
                client.send(b"%d" % which, b"%d" % number)
            for which, client in enumerate(clients):
                equal(client.recv(), [b"%d" % number, b"%d" % which],
                      "reply")
        equal(relay.stat("replies"), count * len(clients), "replies")


@test("a client sees which worker it was not: its reply has its own frames")
def worker_sees_no_difference():
    with balancer() as (relay, make):
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        for form in BALANCER_CLIENTS:
            client = form(make, relay.frontend, identity=b"me")
            client.send(b"body")
            #   Straight from the socket: no frame more, no frame less
            equal(worker.sock.recv_multipart(), [b"me", b"", b"body"],
                  "request of a %s" % form.__name__)
            worker.send(b"me", b"", b"reply")
            equal(client.recv(), [b"reply"], "reply")
            before = relay.stat("frontend.peers")
            client.close()
            wait_until(lambda: relay.stat("frontend.peers") < before,
                       what="the client has gone")


#   --------------------------------------------------------------------------
#   The least recently used worker first

@test("workers are used in the order in which they became free")
def least_recently_used():
    with balancer() as (relay, make):
        a = ReadyWorker(make, relay.backend)
        b = PirateWorker(make, relay.backend)
        c = SimplePirate(make, relay.backend)
        join(relay, a, b, c)
        client = DealerClient(make, relay.frontend)
        for number in (b"1", b"2", b"3"):
            client.send(number)
        requests = [worker.take() for worker in (a, b, c)]
        equal([request.body for request in requests],
              [[b"1"], [b"2"], [b"3"]], "requests in order of READY")
        for worker, place in ((c, 2), (a, 0), (b, 1)):
            worker.reply(requests[place], requests[place].body)
            equal(client.recv(), requests[place].body, "reply")
        #   A sign of life is not a new place in the line
        a_is_first = workers(relay)
        b.beat()
        wait_until(lambda: workers(relay) != a_is_first, what="heartbeat")
        for number in (b"4", b"5", b"6"):
            client.send(number)
        equal([worker.take().body for worker in (c, a, b)],
              [[b"4"], [b"5"], [b"6"]], "requests in order of replies")


@test("a worker has at most one request, and a heartbeat does not free it")
def one_in_hand():
    with balancer() as (relay, make):
        slow, quick = (PirateWorker(make, relay.backend) for _ in range(2))
        join(relay, slow)
        client = DealerClient(make, relay.frontend)
        client.send(b"long")
        request = slow.take()
        join(relay, quick)
        for number in range(40):
            slow.beat()
            client.send(b"%d" % number)
            equal(quick.echo().body, [b"%d" % number], "request")
            equal(client.recv(), [b"%d" % number], "reply")
        client.send(b"waits")
        equal(quick.take().body, [b"waits"], "request")
        equal(slow.idle(), True, "nothing for the one that works")
        slow.reply(request, [b"at last"])
        equal(client.recv(), [b"at last"], "reply")


@test("20 short requests are done while one of 3 s is under way")
def short_and_long():
    def work(body):
        time.sleep(3 if body == [b"long"] else 0.01)
        return body

    for form in BALANCER_WORKERS:
        with balancer() as (relay, make), Crew() as crew:
            for _ in range(2):
                crew.add(form, relay.backend, work)
            relay.counts(workers=2)
            longest = ReqClient(make, relay.frontend)
            longest.send(b"long")
            relay.counts(requests=1)
            clients = [ReqClient(make, relay.frontend) for _ in range(20)]
            started = time.monotonic()
            for client in clients:
                client.send(b"short")
            for client in clients:
                equal(client.recv(), [b"short"], "reply")
            print("#   %s: %.3f seconds"
                  % (form.__name__, time.monotonic() - started), flush=True)
            equal(longest.silent(), True, "the long one is not done yet")
            equal(longest.recv(), [b"long"], "the long one")


#   --------------------------------------------------------------------------
#   What WORKERS reports

@test("WORKERS: id, state, client, requests served, time since a message")
def workers_query():
    with balancer(retries=1) as (relay, make):
        equal(workers(relay), {}, "no workers")
        a = ReadyWorker(make, relay.backend, identity=b"a")
        b = PirateWorker(make, relay.backend, identity=b"\x01%b")
        join(relay, a, b)
        equal(states(relay), {"a": "free", "%01%25b": "free"}, "states")
        client = DealerClient(make, relay.frontend, identity=b"some one")
        client.send(b"1")
        a.echo()
        client.recv()
        client.send(b"2")
        request = b.take()
        rows = workers(relay)
        equal([rows["a"][name] for name in ("state", "client", "served")],
              ["free", "", "1"], "a")
        equal([rows["%01%25b"][name]
               for name in ("state", "client", "served")],
              ["busy", "some%20one", "0"], "b")
        wait_until(lambda: int(workers(relay)["%01%25b"]["seen"]) >= 100,
                   what="time since the last message")
        b.beat()
        wait_until(lambda: int(workers(relay)["%01%25b"]["seen"]) < 100,
                   what="a heartbeat is a sign of life")
        #   It gives its request up, which goes to the other
        b.ready()
        retried = a.take()
        equal(retried.body, [b"2"], "request")
        equal(states(relay)["a"], "busy", "state")
        b.reply(request, [b"late"])
        relay.counts(**{"return.dropped_late": 1})
        a.reply(retried, [b"done"])
        equal(client.recv(), [b"done"], "reply")
        a.close()
        wait_until(lambda: "a" not in workers(relay), what="a has gone")
        status, sentence = relay.give("WORKERS", "too", "many")
        equal((status, bool(sentence)), (2, True), "refusal")


@test("RESET: what is inside counts as having come since")
def reset():
    with balancer() as (relay, make):
        worker = PirateWorker(make, relay.backend, identity=b"w")
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        for _ in range(3):
            client.send(b"1")
        worker.echo()
        request = worker.take()
        relay.counts(requests_waiting=1, requests_in_hand=1, replies=1)
        relay.do("RESET")
        relay.counts(requests=2, replies=0, requests_waiting=1,
                     requests_in_hand=1, workers=1)
        accounts(relay)
        equal(workers(relay)["w"]["served"], "0", "served")
        worker.reply(request, [b"1"])
        worker.echo()
        relay.counts(requests=2, replies=2, workers_free=1)


#   --------------------------------------------------------------------------
#   Settings

@test("settings have the defaults that the header names")
def defaults():
    with balancer() as (relay, _):
        equal({name: relay.get(name) for name in DEFAULTS}, DEFAULTS,
              "defaults")


for _name, _good, _bad in (
        ("heartbeat", ("0", "1", "3600000"), ("-1", "3600001", "1s", "")),
        ("liveness", ("1", "1000"), ("0", "-1", "1001", "many")),
        ("retries", ("0", "1000"), ("-1", "1001", "1.5")),
        ("deadline", ("0", "86400000"), ("-1", "86400001", " ")),
        ("queue", ("0", "4294967295"), ("-1", "4294967296", "0x10")),
        ("queue_bytes", ("0", "9223372036854775807"),
         ("-1", "9223372036854775808", "9" * 40)),
        ("overflow", ("drop-new", "drop-old", "hold"),
         ("", "0", "held", "drop", "drop-new "))):
    @test("SET RELAY %s takes what is allowed, and refuses the rest" % _name)
    def _(name=_name, good=_good, bad=_bad):
        with balancer() as (relay, _):
            for value in good:
                relay.do("SET", "RELAY", name, value)
                equal(relay.get(name), value, name)
            before = {other: relay.get(other) for other in DEFAULTS}
            for value in bad:
                status, sentence = relay.give("SET", "RELAY", name, value)
                equal(status, 2, "status of %s %r" % (name, value))
                equal(name in sentence and len(sentence) > 20, True,
                      "the sentence %r explains it" % sentence)
                equal(relay.query("ERROR"), ["SET: " + sentence], "ERROR")
                equal({other: relay.get(other) for other in DEFAULTS},
                      before, "nothing has changed")


@test("a setting of another kind is refused")
def foreign_setting():
    with balancer() as (relay, _):
        for name in ("service_queue", "ttl", "nonsense", ""):
            status, sentence = relay.give("SET", "RELAY", name, "1")
            equal((status, bool(sentence)), (2, True), "refusal")


#   --------------------------------------------------------------------------
#   The queue and its bounds

def serve_all(relay, make, client, numbers):
    """A worker comes, and gets just these of a client's requests."""
    equal(served(client, PirateWorker(make, relay.backend), len(numbers)),
          list(numbers), "requests")


@test("hold: too many requests wait in the sockets, and none is dropped")
def overflow_hold():
    count = 200
    with balancer(queue=5) as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, count)
        relay.counts(requests_waiting=5, requests=5)
        serve_all(relay, make, client, range(count))
        equal(relay.stat(dropped("queue_full")), 0, "dropped")


@test("hold: the relay reads on when the bound is raised")
def overflow_hold_raised():
    with balancer(queue=5) as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, 20)
        relay.counts(requests_waiting=5, requests=5)
        relay.do("SET", "RELAY", "queue", "10")
        relay.counts(requests_waiting=10, requests=10)
        relay.do("SET", "RELAY", "overflow", "drop-new")
        relay.counts(**{"requests_waiting": 10, "requests": 20,
                        dropped("queue_full"): 10})


@test("drop-new: the first requests stay")
def overflow_drop_new():
    with balancer(queue=5, overflow="drop-new") as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, 20)
        relay.counts(**{"requests_waiting": 5, "requests": 20,
                        dropped("queue_full"): 15})
        serve_all(relay, make, client, range(5))


@test("drop-old: the last requests stay")
def overflow_drop_old():
    with balancer(queue=5, overflow="drop-old") as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, 20)
        relay.counts(**{"requests_waiting": 5, "requests": 20,
                        dropped("queue_full"): 15})
        serve_all(relay, make, client, range(15, 20))


@test("queue_bytes bounds what waits, in each way")
def overflow_bytes():
    size, count = 10000, 20
    for overflow, left in (("drop-new", range(4)),
                           ("drop-old", range(count - 4, count))):
        with balancer(queue_bytes=5 * size, overflow=overflow) \
                as (relay, make):
            client = DealerClient(make, relay.frontend)
            flood(client, count, size)
            relay.counts(**{"requests": count, "requests_waiting": 4,
                            dropped("queue_full"): count - 4})
            equal(4 * size <= relay.stat("requests_waiting_bytes")
                  <= 5 * size, True, "bytes that wait")
            serve_all(relay, make, client, left)
            equal(relay.stat("requests_waiting_bytes"), 0, "bytes at the end")
    with balancer(queue_bytes=5 * size) as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, count, size)
        serve_all(relay, make, client, range(count))


@test("drop-old: a request that can never fit drops no others")
def overflow_too_large():
    with balancer(queue_bytes=1000, overflow="drop-old") as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, 3)
        client.send(b"too large", b"x" * 5000)
        relay.counts(**{"requests": 4, "requests_waiting": 3,
                        dropped("queue_full"): 1})
        serve_all(relay, make, client, range(3))


@test("queue 0: a request is taken only if a worker is free")
def no_queue():
    with balancer(queue=0, overflow="drop-new") as (relay, make):
        client = DealerClient(make, relay.frontend)
        client.send(b"nobody is there")
        relay.counts(**{"requests": 1, dropped("queue_full"): 1})
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        client.send(b"one")
        equal(worker.echo().body, [b"one"], "request")
        equal(client.recv(), [b"one"], "reply")


@test("a request that is larger than queue_bytes goes to a free worker")
def larger_than_queue():
    with balancer(queue_bytes=1000) as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        client.send(b"x" * 5000)
        equal(len(worker.echo().body[0]), 5000, "size of the request")
        equal(len(client.recv()[0]), 5000, "size of the reply")


@test("a client that goes frees the places of its requests")
def client_gone_waiting():
    with balancer(queue=3, overflow="drop-new") as (relay, make):
        gone, stays = (DealerClient(make, relay.frontend) for _ in range(2))
        flood(gone, 2)
        relay.counts(requests_waiting=2)
        stays.send(b"0")
        relay.counts(requests_waiting=3)
        gone.close()
        relay.counts(**{"requests_waiting": 1, dropped("client_gone"): 2})
        stays.send(b"1")
        stays.send(b"2")
        relay.counts(requests=5, requests_waiting=3)
        serve_all(relay, make, stays, range(3))


@test("a client goes while a worker has its request: the worker goes on")
def client_gone_in_hand():
    for form in BALANCER_WORKERS:
        with balancer() as (relay, make):
            worker = form(make, relay.backend)
            join(relay, worker)
            gone = DealerClient(make, relay.frontend)
            gone.send(b"1")
            request = worker.take()
            gone.close()
            wait_until(lambda: relay.stat("frontend.peers") == 0,
                       what="the client has gone")
            worker.reply(request, [b"for nobody"])
            relay.counts(workers_free=1, requests_in_hand=0)
            client = DealerClient(make, relay.frontend)
            client.send(b"2")
            equal(worker.echo().body, [b"2"], "request")
            equal(client.recv(), [b"2"], "reply")


@test("a client goes while a worker has its request, which dies: nobody gets"
      " that again")
def client_and_worker_gone():
    with balancer() as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        gone = DealerClient(make, relay.frontend)
        gone.send(b"1")
        worker.take()
        gone.close()
        wait_until(lambda: relay.stat("frontend.peers") == 0,
                   what="the client has gone")
        worker.close()
        relay.counts(**{"workers_lost": 1, "requests_waiting": 0,
                        "requests_in_hand": 0, dropped("client_gone"): 1})


#   --------------------------------------------------------------------------
#   Deadlines

@test("deadline: a request that waits too long is dropped, unanswered")
def deadline_waiting():
    with balancer(deadline=100) as (relay, make):
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        relay.counts(**{"requests": 1, "requests_waiting": 0,
                        dropped("deadline"): 1})
        relay.do("SET", "RELAY", "deadline", "0")
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        client.send(b"2")
        equal(worker.echo().body, [b"2"], "the first request that comes")
        equal(client.recv(), [b"2"], "the first reply that comes")


@test("deadline: also for a request in hand; its late reply is dropped")
def deadline_in_hand():
    for form in BALANCER_WORKERS:
        with balancer(deadline=100) as (relay, make):
            worker = form(make, relay.backend, identity=b"w")
            join(relay, worker)
            client = DealerClient(make, relay.frontend)
            client.send(b"1")
            request = worker.take()
            relay.counts(**{"requests_in_hand": 0, dropped("deadline"): 1,
                            "workers": 1, "workers_free": 0})
            equal(states(relay), {"w": "owing"}, "state")
            relay.do("SET", "RELAY", "deadline", "0")
            #   It still works on that, and gets no more before its answer
            client.send(b"2")
            relay.counts(requests_waiting=1)
            equal(worker.idle(), True, "no second request")
            worker.reply(request, [b"late"])
            equal(worker.echo().body, [b"2"], "the next request")
            equal(client.recv(), [b"2"], "the only reply")
            relay.counts(**{"return.dropped_late": 1, "replies": 1})


@test("deadline: an old request ends, a new one does not")
def deadline_each_its_own():
    with balancer(deadline=2000) as (relay, make):
        client = DealerClient(make, relay.frontend)
        client.send(b"old")
        relay.counts(requests=1)
        wait_until(lambda: client.silent(1.0))
        client.send(b"new")
        relay.counts(**{"requests": 2, "requests_waiting": 1,
                        dropped("deadline"): 1})
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        equal(worker.echo().body, [b"new"], "request")
        equal(client.recv(), [b"new"], "reply")


@test("deadline: a Lazy Pirate asks again and is answered")
def deadline_lazy():
    with balancer(deadline=100) as (relay, make), Crew() as crew:
        client = ReqClient(make, relay.frontend)
        client.send(b"1")
        relay.counts(**{dropped("deadline"): 1})
        equal(client.silent(), True, "the client hears nothing")
        relay.do("SET", "RELAY", "deadline", "0")
        crew.add(ReadyWorker, relay.backend)
        client.open()
        equal(client.ask_lazily(b"1"), [b"1"], "reply")


#   --------------------------------------------------------------------------
#   Workers that are lost

for _form in BALANCER_WORKERS:
    @test("%s whose connection is lost: another gets its request, first"
          % _form.__name__)
    def _(form=_form):
        with balancer() as (relay, make):
            first, second = (form(make, relay.backend) for _ in range(2))
            join(relay, first)
            client = DealerClient(make, relay.frontend)
            client.send(b"1")
            equal(first.take().body, [b"1"], "request")
            client.send(b"2")
            client.send(b"3")
            relay.counts(requests_waiting=2)
            first.close()
            relay.counts(requests_waiting=3, requests_in_hand=0,
                         workers=0, workers_lost=1)
            second.ready()
            for number in (b"1", b"2", b"3"):
                equal(second.echo().body, [number], "request")
                equal(client.recv(), [number], "reply")
            relay.counts(requests_retried=1, replies=3)

    @test("%s that is idle when its connection is lost is given nothing"
          % _form.__name__)
    def _(form=_form):
        with balancer(retries=0) as (relay, make):
            first, second = (form(make, relay.backend) for _ in range(2))
            join(relay, first, second)
            first.close()
            relay.counts(workers=1, workers_free=1, workers_lost=1)
            client = DealerClient(make, relay.frontend)
            client.send(b"1")
            equal(second.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")

    for _retries in (0, 1, 3):
        @test("%s: a request that ends its workers is dropped after %d"
              " retries" % (_form.__name__, _retries))
        def _(form=_form, retries=_retries):
            with balancer(retries=retries) as (relay, make):
                client = DealerClient(make, relay.frontend)
                client.send(b"poison")
                for _ in range(retries + 1):
                    worker = form(make, relay.backend)
                    worker.ready()
                    equal(worker.take().body, [b"poison"], "request")
                    worker.close()
                relay.counts(**{
                    dropped("retries"): 1, "requests_retried": retries,
                    "workers_lost": retries + 1, "workers": 0,
                    "requests_waiting": 0, "requests_in_hand": 0})
                worker = form(make, relay.backend)
                worker.ready()
                client.send(b"sane")
                equal(worker.echo().body, [b"sane"], "request")
                equal(client.recv(), [b"sane"], "the only reply")


@test("a worker says READY again: another gets its request, and it gets work")
def ready_again():
    with balancer() as (relay, make):
        first, second = (PirateWorker(make, relay.backend) for _ in range(2))
        join(relay, first, second)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        equal(first.take().body, [b"1"], "request")
        first.ready()
        equal(second.take().body, [b"1"], "request, given again")
        client.send(b"2")
        equal(first.echo().body, [b"2"], "request")
        equal(client.recv(), [b"2"], "reply")
        relay.counts(workers=2, requests_retried=1)


@test("a worker says READY twice before any work: it has one place")
def ready_twice():
    with balancer() as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        worker.ready()
        worker.ready()
        relay.counts(**{"backend.in.messages": 3})
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        client.send(b"2")
        request = worker.take()
        relay.counts(workers=1, requests_waiting=1, requests_in_hand=1)
        equal(worker.idle(), True, "no second request")
        worker.reply(request, [b"1"])
        worker.echo()
        equal([client.recv(), client.recv()], [[b"1"], [b"2"]], "replies")


@test("a worker that reconnects under its own id is a new worker")
def same_identity():
    for form in BALANCER_WORKERS:
        with balancer() as (relay, make):
            worker = form(make, relay.backend, identity=b"w")
            join(relay, worker)
            client = DealerClient(make, relay.frontend)
            for number in range(10):
                client.send(b"%d" % number)
                equal(worker.take().body, [b"%d" % number], "request")
                worker.close()
                relay.counts(workers=0, requests_waiting=1)
                worker = form(make, relay.backend, identity=b"w")
                worker.ready()
                equal(worker.echo().body, [b"%d" % number],
                      "request, given again")
                equal(client.recv(), [b"%d" % number], "reply")
                relay.counts(workers=1)


@test("a REQ worker that answers wrongly has given up its request")
def wrong_reply():
    for form in (ReadyWorker, SimplePirate):
        for wrong in ((b"another", b"", b"false"), (b"nonsense",)):
            with balancer() as (relay, make):
                first, second = (form(make, relay.backend) for _ in range(2))
                join(relay, first)
                client = DealerClient(make, relay.frontend)
                client.send(b"1")
                first.take()
                join(relay, second)
                first.send(*wrong)
                equal(second.echo().body, [b"1"], "request, given again")
                equal(client.recv(), [b"1"], "reply")
                client.send(b"2")
                equal(first.echo().body, [b"2"], "the next request")
                equal(client.recv(), [b"2"], "reply")


@test("replies to no request, and to another worker's, are dropped")
def foreign_replies():
    with balancer() as (relay, make):
        honest, liar = (PirateWorker(make, relay.backend) for _ in range(2))
        join(relay, honest)
        clients = [DealerClient(make, relay.frontend, identity=name)
                   for name in (b"c1", b"c2")]
        clients[0].send(b"1")
        request = honest.take()
        join(relay, liar)
        #   It has nothing in hand
        liar.send(b"c1", b"", b"false")
        liar.send(b"c2", b"", b"false")
        liar.send(b"unknown", b"", b"false")
        relay.counts(**{"return.dropped_late": 3, "workers_free": 1})
        #   It has the other's request
        clients[1].send(b"2")
        other = liar.take()
        liar.send(b"c1", b"", b"false")
        liar.send(b"c2", b"more", b"", b"false")
        relay.counts(**{"return.dropped_late": 5, "requests_in_hand": 2})
        honest.reply(request, [b"true"])
        liar.reply(other, [b"true"])
        for client in clients:
            equal(client.recv(), [b"true"], "the first reply")
        #   It answers twice
        liar.reply(other, [b"again"])
        relay.counts(**{"return.dropped_late": 6, "replies": 2})
        equal([client.silent() for client in clients], [True, True],
              "no second reply")


@test("messages that are not of the protocol are counted, and do no harm")
def invalid():
    with balancer() as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        stranger = make(zmq.DEALER, relay.backend)
        for number, message in enumerate((
                [b""], [b"HELLO"], [b"READY"], [b"\x03"], [b"\x01", b"\x01"],
                [b"client", b"body"], [b"", b""], [b"", b"HELLO"],
                [b"", b"", b""], [b"a"] * 100), 1):
            stranger.send_multipart(message)
            relay.counts(**{"return.dropped_invalid": number})
            equal(relay.stat("workers"), 1,
                  "workers: %r does not make one" % message)
        make(zmq.DEALER, relay.frontend).send(b"")
        relay.counts(**{dropped("invalid"): 1})
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        equal(worker.echo().body, [b"1"], "request")
        equal(client.recv(), [b"1"], "reply")
        equal(relay.query("STATE"), ["active"], "state")


#   --------------------------------------------------------------------------
#   Heartbeats

@test("the relay sends heartbeats to workers that understand them")
def relay_beats():
    with balancer(heartbeat=50) as (relay, make):
        pirate = PirateWorker(make, relay.backend)
        simple = [ReadyWorker(make, relay.backend),
                  SimplePirate(make, relay.backend)]
        join(relay, pirate, *simple)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        request = pirate.take()
        before = pirate.beats

        def beaten():
            equal(pirate.idle(0.01), True, "no request")
            return pirate.beats >= before + 5
        wait_until(beaten, what="heartbeats to one that works")
        for worker in simple:
            equal(worker.sock.poll(0), 0, "no heartbeats to a REQ")
        pirate.reply(request, [b"1"])
        equal(client.recv(), [b"1"], "reply")
        relay.do("SET", "RELAY", "heartbeat", "0")
        pirate.idle()
        before = pirate.beats
        equal(pirate.idle(0.5), True, "no request")
        equal(pirate.beats <= before + 1, True, "heartbeats ended")


@test("a worker that never sent a heartbeat is not lost for its silence")
def never_beat():
    with balancer(heartbeat=BEAT, liveness=1) as (relay, make):
        crew = [form(make, relay.backend) for form in BALANCER_WORKERS]
        join(relay, *crew)
        #   One that did is, meanwhile
        pirate = PirateWorker(make, relay.backend)
        join(relay, pirate)
        pirate.beat()
        relay.counts(workers_lost=1, workers=3, workers_free=3)
        #   And again, after it was back
        pirate.beat()
        relay.counts(workers_lost=2, workers=3)
        client = DealerClient(make, relay.frontend)
        for worker in crew:
            client.send(b"1")
            worker.echo()
            client.recv()


@test("busy for longer than its heartbeat allows, but beating: not lost")
def busy_and_beating():
    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
        busy = PirateWorker(make, relay.backend, identity=b"busy")
        silent = PirateWorker(make, relay.backend)
        join(relay, busy)
        #   From its first heartbeat on it can be lost
        busy.beat()
        wait_until(lambda: relay.stat("backend.in.messages") == 2,
                   what="heartbeat")
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        request = busy.take()
        join(relay, silent)
        silent.beat()
        #   The time after which a silent one is lost, three times
        for lost in (1, 2, 3):
            beat_while(lambda lost=lost: relay.stat("workers_lost") == lost,
                       busy)
            silent.open()
            join(relay, silent)
            silent.beat()
        equal(states(relay)["busy"], "busy", "state")
        #   One request for the other, one that waits, none for the busy one
        client.send(b"2")
        client.send(b"3")
        beat_while(lambda: relay.stat("workers_lost") == 4, busy)
        equal(busy.idle(), True, "no more work")
        busy.reply(request, [b"1"])
        equal(client.recv(), [b"1"], "reply")
        relay.counts(requests_retried=1)


@test("the relay stands still for a while: those who kept beating are not"
      " lost")
def relay_stands_still():
    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make), \
         Crew() as crew:
        for _ in range(3):
            #   They shall not give the relay up
            crew.add(PirateWorker, relay.backend, interval=BEAT / 1000,
                     liveness=1000)
        wait_until(lambda: relay.stat("backend.in.messages") >= 6,
                   what="heartbeats")
        for _ in range(3):
            relay.signal(signal.SIGSTOP)
            ends = time.monotonic() + 2 * LIVENESS * BEAT / 1000
            wait_until(lambda ends=ends: time.monotonic() > ends)
            relay.signal(signal.SIGCONT)
            before = relay.stat("backend.in.messages")
            wait_until(lambda before=before:
                       relay.stat("backend.in.messages") >= before + 6,
                       what="heartbeats")
        relay.counts(workers=3, workers_free=3, workers_lost=0)


@test("a worker that hangs is lost; its late reply is dropped and counted")
def hangs():
    with temp_dir() as folder, Yard(folder) as yard, \
         balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
        labourer = yard.start(PirateWorker, relay.backend, msecs=500,
                              interval=BEAT / 1000, identity=b"hangs",
                              #   It shall not give the relay up itself
                              liveness=1000)
        #   Its first heartbeat: READY, and one message more
        wait_until(lambda: relay.stat("backend.in.messages") >= 2,
                   what="its heartbeat")
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        wait_until(lambda: yard.runs()[b"1"] == 1, what="it has begun")
        labourer.stop()
        relay.counts(workers_lost=1, workers=0, requests_waiting=1)
        equal(states(relay)["hangs"], "silent", "state")
        other = PirateWorker(make, relay.backend, identity=b"other")
        join(relay, other)
        retried = other.take()
        equal(retried.body, [b"1"], "request, given again")
        labourer.go_on()
        beat_while(lambda: relay.stat("return.dropped_late") == 1, other)
        equal(client.silent(), True, "no late reply")
        other.reply(retried, [b"of the other"])
        equal(client.recv(), [b"of the other"], "reply")
        #   It is awake, and has paid what it owed
        beat_while(lambda: relay.stat("workers_free") == 2, other)
        client.send(b"2")
        equal(client.recv(), [b"done", b"2"], "reply of the one that hung")
        relay.counts(requests_retried=1, workers_lost=1, replies=2)


@test("retries 0: a request that a hanging worker has is never run again")
def hangs_without_retries():
    with balancer(heartbeat=BEAT, liveness=LIVENESS, retries=0) \
            as (relay, make):
        worker, other = (PirateWorker(make, relay.backend) for _ in range(2))
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        request = worker.take()
        worker.beat()
        relay.counts(**{"workers_lost": 1, dropped("retries"): 1,
                        "requests_waiting": 0, "requests_in_hand": 0})
        join(relay, other)
        equal(other.idle(0.1), True, "it goes to no other")
        worker.reply(request, [b"late"])
        relay.counts(**{"return.dropped_late": 1, "workers": 2,
                        "workers_free": 2})
        equal(client.silent(), True, "no late reply")


@test("heartbeat 0: a silent worker is not forgotten, nor what it owes")
def silent_without_heartbeats():
    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        request = worker.take()
        worker.beat()
        relay.counts(workers_lost=1, workers=0, requests_waiting=1)
        relay.do("SET", "RELAY", "heartbeat", "0")
        #   A timer that had been set before is over after so long
        other = PirateWorker(make, relay.backend)
        join(relay, other)
        equal(other.take().body, [b"1"], "request, given again")
        equal(other.idle(BEAT * LIVENESS / 1000), True, "no more")
        #   A heartbeat alone must not make it look free: it has a request
        client.send(b"2")
        relay.counts(requests_waiting=1)
        worker.beat()
        relay.counts(workers=2, workers_free=0, requests_waiting=1)
        equal(worker.idle(0.1), True, "no second request")
        worker.reply(request, [b"late"])
        equal(worker.take().body, [b"2"], "request, now that it is free")


@test("a worker that is silent for very long is forgotten, and welcome again")
def forgotten():
    with balancer(heartbeat=20, liveness=1) as (relay, make):
        worker = PirateWorker(make, relay.backend, identity=b"w")
        join(relay, worker)
        worker.beat()
        relay.counts(workers_lost=1)
        wait_until(lambda: workers(relay) == {}, what="it is forgotten")
        equal(relay.stat("workers_lost"), 1, "it is lost once")
        relay.do("SET", "RELAY", "heartbeat", "1000")
        worker.beat()
        relay.counts(workers=1, workers_free=1)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        equal(worker.echo().body, [b"1"], "request")
        equal(client.recv(), [b"1"], "reply")


@test("a worker that hung wakes before its request was given again: its reply"
      " counts")
def hung_alone():
    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        request = worker.take()
        worker.beat()
        relay.counts(workers=0, workers_lost=1, requests_waiting=1)
        #   Alive, but it still has that request and gets no other
        client.send(b"2")
        worker.beat()
        beat_while(lambda: relay.stat("workers") == 1, worker)
        equal(relay.stat("workers_free"), 0, "free workers")
        equal(worker.idle(), True, "no more work")
        worker.reply(request, [b"1"])
        equal(client.recv(), [b"1"], "reply")
        equal(worker.echo().body, [b"2"], "the next request")
        equal(client.recv(), [b"2"], "reply")
        relay.counts(**{"return.dropped_late": 0, "replies": 2})


#   --------------------------------------------------------------------------
#   PAUSE and DRAIN

@test("PAUSE of ten heartbeats under load: nobody is lost, and no request")
def pause():
    count = 400
    opened = []

    class Watched(PirateWorker):
        def open(self):
            super().open()
            opened.append(self)

    def work(body):
        time.sleep(0.005)
        return body

    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make), \
         Crew() as crew:
        for _ in range(4):
            crew.add(Watched, relay.backend, work, interval=BEAT / 1000,
                     liveness=LIVENESS)
        for form in (ReadyWorker, SimplePirate):
            crew.add(form, relay.backend, work)
        relay.counts(workers=6)
        clients = [DealerClient(make, relay.frontend) for _ in range(10)]
        for number in range(count):
            clients[number % 10].send(b"%d" % number)
        wait_until(lambda: relay.stat("replies") >= 20, what="replies")
        relay.do("PAUSE")
        relay.counts(requests_in_hand=0)
        replies = relay.stat("replies")
        ends = time.monotonic() + 10 * BEAT / 1000
        #   More load meanwhile
        for number in range(count, 2 * count):
            clients[number % 10].send(b"%d" % number)
        wait_until(lambda: time.monotonic() > ends)
        stats = relay.stats()
        equal((stats["workers"], stats["workers_free"],
               stats["workers_lost"]), (6, 6, 0), "workers")
        equal(stats["replies"], replies, "no request was given out")
        equal(len(opened), 4, "no worker has given the relay up")
        relay.do("RESUME")
        received = [int(clients[number % 10].recv()[0])
                    for number in range(2 * count)]
        equal(sorted(received), list(range(2 * count)), "replies")
        relay.counts(replies=2 * count, requests_retried=0,
                     workers_lost=0)


@test("while the relay is paused a worker may come, go, and say READY")
def pause_and_workers():
    with balancer() as (relay, make):
        stays, goes = (ReadyWorker(make, relay.backend) for _ in range(2))
        join(relay, goes)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        equal(goes.take().body, [b"1"], "request")
        relay.do("PAUSE")
        goes.close()
        relay.counts(workers=0)
        join(relay, stays)
        relay.counts(workers=1, requests_waiting=1)
        equal(stays.idle(0.1), True, "nothing is given out")
        relay.do("RESUME")
        equal(stays.echo().body, [b"1"], "request")
        equal(client.recv(), [b"1"], "reply")


@test("a worker that falls silent during a PAUSE is lost all the same")
def pause_and_silence():
    with balancer(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
        worker = PirateWorker(make, relay.backend)
        join(relay, worker)
        worker.beat()
        relay.do("PAUSE")
        relay.counts(workers=0, workers_lost=1)
        relay.do("RESUME")


@test("DRAIN ends when requests that wait, are in hand and are given again"
      " are answered")
def drain():
    with balancer() as (relay, make):
        dies, stays = (ReadyWorker(make, relay.backend) for _ in range(2))
        join(relay, dies, stays)
        client = DealerClient(make, relay.frontend)
        for number in (b"1", b"2", b"3", b"4"):
            client.send(number)
        equal(dies.take().body, [b"1"], "request")
        request = stays.take()
        equal(request.body, [b"2"], "request")
        dies.close()
        relay.counts(requests_waiting=3, requests_in_hand=1,
                     workers_lost=1)
        answer = relay.start("DRAIN", 1000 * DEADLINE)
        wait_until(lambda: relay.query("STATE") == ["draining"])
        client.send(b"after the DRAIN")
        for number in (b"2", b"1", b"3", b"4"):
            equal(request.body, [number], "request")
            equal(answer(0.05), None, "DRAIN has not ended")
            stays.reply(request, request.body)
            equal(client.recv(), [number], "reply")
            if number != b"4":
                request = stays.take()
        equal(answer(), (0, []), "answer to DRAIN")
        relay.counts(replies=4, requests=4, requests_waiting=0)
        relay.do("RESUME")
        equal(stays.echo().body, [b"after the DRAIN"], "request")
        equal(client.recv(), [b"after the DRAIN"], "reply")


@test("DRAIN also serves what waits in the socket of a relay that holds")
def drain_held():
    count = 50
    with balancer(queue=2) as (relay, make):
        client = DealerClient(make, relay.frontend)
        flood(client, count)
        relay.counts(requests_waiting=2)
        answer = relay.start("DRAIN", 1000 * DEADLINE)
        wait_until(lambda: relay.query("STATE") == ["draining"])
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        for number in range(count):
            equal(answer(0), None, "DRAIN has not ended")
            equal(int(worker.echo().body[0]), number, "request")
            equal(int(client.recv()[0]), number, "reply")
        equal(answer(), (0, []), "answer to DRAIN")


@test("DRAIN ends under load, and every request is answered in the end")
def drain_under_load():
    with balancer() as (relay, make), Crew() as crew:
        for form in BALANCER_WORKERS:
            crew.add(form, relay.backend)
        relay.counts(workers=3)
        clients = [DealerClient(make, relay.frontend) for _ in range(20)]
        asked = replies = 0
        answer = ended = None
        while ended is None:
            for client in clients:
                client.send(b"%d" % asked)
                asked += 1
            if answer is None:
                answer = relay.start("DRAIN", 1000 * DEADLINE)
            for client in clients:
                while not client.silent():
                    client.recv()
                    replies += 1
            ended = answer(0)
        equal(ended, (0, []), "answer to DRAIN")
        relay.do("RESUME")
        for _ in range(asked - replies):
            wait_until(lambda: any(not client.silent() for client in clients))
            next(client for client in clients if not client.silent()).recv()
        relay.counts(replies=asked, requests=asked)


@test("a relay that waits uses no CPU")
def no_spinning():
    def idles(relay, what):
        ends = time.monotonic() + 1
        before = relay.cpu_time()
        wait_until(lambda: time.monotonic() > ends)
        used = relay.cpu_time() - before
        equal(used < 0.3, True, "%s: used %.2f s of CPU in a second"
              % (what, used))

    with balancer(queue=2) as (relay, make):
        idles(relay, "idle")
        client = DealerClient(make, relay.frontend)
        flood(client, 100)
        relay.counts(requests_waiting=2)
        idles(relay, "holding requests")
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        worker.take()
        relay.do("PAUSE")
        idles(relay, "paused")
        answer = relay.start("DRAIN", 1000 * DEADLINE)
        wait_until(lambda: relay.query("STATE") == ["draining"])
        idles(relay, "draining")
        equal(answer(0), None, "DRAIN has not ended")


@test("DRAIN of requests that die, and of those that nobody serves")
def drain_without_end():
    with balancer(retries=0) as (relay, make):
        worker = ReadyWorker(make, relay.backend)
        join(relay, worker)
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        worker.take()
        answer = relay.start("DRAIN", 1000 * DEADLINE)
        wait_until(lambda: relay.query("STATE") == ["draining"])
        worker.close()
        equal(answer(), (0, []), "answer to DRAIN")
        relay.counts(**{dropped("retries"): 1})
        relay.do("RESUME")
        client.send(b"2")
        relay.counts(requests_waiting=1)
        status, sentence = relay.give("DRAIN", 100)
        equal((status, bool(sentence)), (3, True), "DRAIN in vain")
        relay.do("RESUME")
        worker = ReadyWorker(make, relay.backend)
        worker.ready()
        equal(worker.echo().body, [b"2"], "request")
        equal(client.recv(), [b"2"], "reply")


@test("the program ends after the last reply when it is told to")
def program_drains():
    with Relay("balancer", "-d", "60000") as relay, sockets() as make:
        worker = ReadyWorker(make, relay.backend)
        worker.ready()
        client = DealerClient(make, relay.frontend)
        client.send(b"1")
        client.send(b"2")
        request = worker.take()
        client.send(b"3")
        prints(relay, "requests: 3")
        relay.signal(signal.SIGTERM)
        for number in (b"1", b"2", b"3"):
            equal(request.body, [number], "request")
            worker.reply(request, request.body)
            equal(client.recv(), [number], "reply")
            if number != b"3":
                request = worker.take()
        equal(relay.wait(), 0, "exit status")


@test("the program takes the settings, and refuses wrong ones in one line")
def program_settings():
    with Relay("balancer", "-o", "relay.heartbeat=50", "-o",
               "relay.overflow=drop-new", "-o", "relay.queue=1") as relay, \
         sockets() as make:
        worker = PirateWorker(make, relay.backend)
        worker.ready()
        wait_until(lambda: worker.idle(0.01) and worker.beats >= 3,
                   what="heartbeats")
        equal(relay.stop(), 0, "exit status")


if __name__ == "__main__":
    main()
