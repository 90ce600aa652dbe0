#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Majordomo, with workers and clients of both versions."""

import contextlib
import itertools
import signal
import time

import zmq

from peers import (BEAT, LIVENESS, MAJORDOMO_CLIENTS, MAJORDOMO_WORKERS,
                   Client01, Client02, Crew, DealerClient01, Worker01,
                   Worker02, Yard, accounts, beat_while, dropped, flood, join,
                   prints, reverse, served, states, workers)
from zrelay_testing import (DEADLINE, Relay, Steered, equal, main, sockets,
                            temp_dir, test, wait_until)

MEBIBYTE = 1024 * 1024
DEFAULTS = {
    "heartbeat": "1000", "liveness": "3", "retries": "1", "deadline": "0",
    "queue": "10000", "queue_bytes": "268435456", "service_queue": "1000",
    "service_bytes": "67108864"
}
SERVICE = ("name", "workers", "waiting", "served", "failed", "mean", "most")


@contextlib.contextmanager
def broker(**settings):
    """A relay, and make(), which makes sockets. At the end every request is
    accounted for."""
    with Steered("majordomo", backend=None, **settings) as relay, \
         sockets() as make:
        yield relay, make
        accounts(relay)


def services(relay):
    return {row["name"]: row for row in relay.rows("SERVICES", SERVICE)}


def gone(relay, peers):
    """Wait until there are no more than so many peers."""
    wait_until(lambda: relay.stat("frontend.peers") <= peers,
               what="peers have gone")


#   --------------------------------------------------------------------------
#   Both versions, alone and mixed

def bodies():
    """Bodies of 1 to 20 frames, small, empty and large."""
    for count in range(1, 21):
        yield [b"%d" % index for index in range(count)]
    yield [b""]
    yield [b"", b"", b"after two that are empty"]
    yield [b"before one that is empty", b""]
    yield [b"x" * MEBIBYTE] * 3


for _worker, _client in itertools.product(MAJORDOMO_WORKERS,
                                          MAJORDOMO_CLIENTS):
    @test("%s serves %s" % (_worker.__name__, _client.__name__))
    def _(worker=_worker, client=_client):
        with broker() as (relay, make), Crew() as crew:
            crew.add(worker, relay.frontend)
            asks = client(make, relay.frontend)
            for body in bodies():
                equal(asks.ask(*body) == reverse(body), True,
                      "%d frames come back reversed" % len(body))
            relay.counts(workers_free=1, requests_in_hand=0)


@test("a request and its replies have the frames of their protocol, no more")
def exact_frames():
    with broker() as (relay, make):
        frames = {
            Worker01: [b"", b"MDPW01", b"\x02", b"me", b"", b"a", b"b"],
            Worker02: [b"MDPW02", b"\x02", b"me", b"", b"a", b"b"],
            Client01: [b"MDPC01", b"echo", b"b", b"a"],
            DealerClient01: [b"", b"MDPC01", b"echo", b"b", b"a"],
            Client02: [b"MDPC02", b"\x03", b"echo", b"b", b"a"],
        }
        for form in MAJORDOMO_WORKERS:
            worker = form(make, relay.frontend)
            join(relay, worker)
            for client in MAJORDOMO_CLIENTS:
                asks = client(make, relay.frontend, identity=b"me")
                asks.send(b"a", b"b")
                wait_until(lambda worker=worker: worker.sock.poll(1000))
                request = worker.sock.recv_multipart()
                equal(request, frames[form], "request to %s" % form.__name__)
                worker.reply(worker.understand(request)[1], [b"b", b"a"])
                equal(asks.sock.recv_multipart(), frames[client],
                      "reply to %s" % client.__name__)
                asks.close()
                gone(relay, 1)
            worker.disconnect()
            relay.counts(workers=0)
            worker.close()
            gone(relay, 0)


@test("PARTIAL and FINAL: a 0.2 client gets both, a 0.1 client only FINAL")
def partial():
    with broker() as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        for form in MAJORDOMO_CLIENTS:
            for parts in (0, 1, 10):
                client = form(make, relay.frontend)
                client.send(b"1")
                request = worker.take()
                for part in range(parts):
                    worker.partial(request, [b"part", b"%d" % part])
                worker.reply(request, [b"end", b""])
                if form is Client02:
                    for part in range(parts):
                        equal(client.recv_partial(),
                              [b"part", b"%d" % part], "partial reply")
                equal(client.recv(), [b"end", b""], "final reply")
                equal(client.silent(), True, "that is all")
        relay.counts(replies=9, requests=9, workers_free=1)


@test("partial replies arrive while the worker still works")
def partial_at_once():
    with broker() as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        client = Client02(make, relay.frontend)
        client.send(b"1")
        client.send(b"2")
        request = worker.take()
        worker.partial(request, [b"so far"])
        equal(client.recv_partial(), [b"so far"], "partial reply")
        relay.counts(requests_in_hand=1, requests_waiting=1, replies=0)
        equal(worker.idle(), True, "a partial reply does not free it")
        worker.reply(request, [b"end"])
        equal(client.recv(), [b"end"], "final reply")
        worker.echo()
        equal(client.recv(), [b"2"], "reply")


@test("a request that was answered in part is not given again")
def partial_and_lost():
    with broker(retries=5) as (relay, make):
        first, second = (Worker02(make, relay.frontend) for _ in range(2))
        join(relay, first, second)
        client = Client02(make, relay.frontend)
        client.send(b"1")
        request = first.take()
        first.partial(request, [b"part"])
        equal(client.recv_partial(), [b"part"], "partial reply")
        first.close()
        relay.counts(**{dropped("retries"): 1, "requests_in_hand": 0,
                        "requests_retried": 0})
        client.send(b"2")
        equal(second.echo().body, [b"2"], "the next request")
        equal(client.recv(), [b"2"], "reply")


@test("0.1 clients behind one queue, and behind two")
def chained():
    with broker() as (relay, make), Crew() as crew, \
         Relay("queue", backend=">" + relay.frontend) as near, \
         Relay("queue", backend=">" + near.frontend) as far:
        for form in MAJORDOMO_WORKERS:
            crew.add(form, relay.frontend)
        relay.counts(workers=2)
        for chain in (near, far):
            clients = [form(make, chain.frontend)
                       for form in (Client01, DealerClient01)]
            for body in bodies():
                for client in clients:
                    client.send(*body)
                for client in clients:
                    equal(client.recv() == reverse(body), True,
                          "%d frames come back reversed" % len(body))


@test("clients of all forms share workers of both versions")
def all_forms():
    count = 30
    with broker() as (relay, make), Crew() as crew:
        for form in 2 * MAJORDOMO_WORKERS:
            crew.add(form, relay.frontend)
        clients = [form(make, relay.frontend)
                   for form in 3 * MAJORDOMO_CLIENTS]
        for number in range(count):
            for which, client in enumerate(clients):
                client.send(b"%d" % which, b"%d" % number)
            for which, client in enumerate(clients):
                equal(client.recv(), [b"%d" % number, b"%d" % which],
                      "reply")
        relay.counts(replies=count * len(clients))


@test("several endpoints: workers and clients meet, wherever they connect")
def endpoints():
    with broker() as (relay, make), temp_dir() as folder:
        relay.do("BIND", "FRONTEND", "ipc://%s/broker" % folder)
        relay.do("BIND", "FRONTEND", "tcp://127.0.0.1:*")
        ends = relay.query("ENDPOINT", "FRONTEND")
        ends = ends[0].split(",") if len(ends) == 1 else ends
        equal(len(ends), 3, "endpoints")
        for worker_end, client_end in itertools.product(ends, ends):
            worker = Worker02(make, worker_end)
            join(relay, worker)
            client = Client01(make, client_end)
            client.send(b"1")
            equal(worker.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")
            worker.disconnect()
            relay.counts(workers=0)


#   --------------------------------------------------------------------------
#   Services

@test("each service has its own workers, least recently used first")
def own_workers():
    with broker() as (relay, make):
        crew = {(name, number): form(make, relay.frontend, service=name)
                for name in (b"tea", b"coffee", b"te")
                for number, form in enumerate(MAJORDOMO_WORKERS)}
        join(relay, *crew.values())
        clients = {name: Client02(make, relay.frontend, service=name)
                   for name in (b"coffee", b"te", b"tea")}
        requests = {}
        for number in (0, 1):
            for name, client in clients.items():
                client.send(b"%d" % number)
                requests[name, number] = crew[name, number].take()
                equal(requests[name, number].body, [b"%d" % number],
                      "request")
        for name, client in clients.items():
            #   A third waits, though workers of others are free
            client.send(b"2")
        relay.counts(requests_waiting=3)
        for name in (b"tea", b"te"):
            crew[name, 1].reply(requests[name, 1], [b"1"])
            equal(clients[name].recv(), [b"1"], "reply")
            equal(crew[name, 1].take().body, [b"2"], "request")
        equal([crew[b"coffee", number].idle() for number in (0, 1)],
              [True, True], "the others' requests")


@test("a service's name may have any bytes, and up to 255")
def names():
    with broker() as (relay, make):
        for name in (b"\x00\xff\x01 %s", b"x", b"x" * 255, b"mmi", b"MMI.x"):
            worker = Worker01(make, relay.frontend, service=name)
            join(relay, worker)
            client = Client02(make, relay.frontend, service=name)
            client.send(b"1")
            equal(worker.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")
            worker.disconnect()
            relay.counts(workers=0)
        invalid = relay.stat(dropped("invalid"))
        Worker01(make, relay.frontend, service=b"x" * 256).ready()
        Client02(make, relay.frontend, service=b"x" * 256).send(b"1")
        relay.counts(**{dropped("invalid"): invalid + 2, "workers": 0})


@test("requests for a service without workers wait for one")
def service_without_workers():
    with broker() as (relay, make):
        clients = [form(make, relay.frontend) for form in MAJORDOMO_CLIENTS]
        for number, client in enumerate(clients, 1):
            client.send(b"1")
            relay.counts(requests_waiting=number)
        worker = Worker02(make, relay.frontend)
        worker.ready()
        for client in clients:
            worker.echo()
            equal(client.recv(), [b"1"], "reply")


@test("SERVICES: name, workers, waiting, served, failed, mean and most time")
def services_query():
    with broker() as (relay, make):
        equal(services(relay), {}, "no services")
        tea = Worker01(make, relay.frontend, service=b"green tea")
        join(relay, tea, Worker02(make, relay.frontend, service=b"green tea"),
             Worker02(make, relay.frontend, service=b"coffee"))
        client = Client02(make, relay.frontend, service=b"green tea")
        client.send(b"slow")
        request = tea.take()
        ends = time.monotonic() + 0.1
        wait_until(lambda: time.monotonic() > ends)
        tea.reply(request, [b"1"])
        equal(client.recv(), [b"1"], "reply")
        nobody = Client02(make, relay.frontend, service=b"nobody")
        nobody.send(b"1")
        relay.counts(requests_waiting=1)
        rows = services(relay)
        equal({name: [row[column] for column in SERVICE[1:5]]
               for name, row in rows.items()},
              {"green%20tea": ["2", "0", "1", "0"],
               "coffee": ["1", "0", "0", "0"],
               "nobody": ["0", "1", "0", "0"]}, "counts")
        row = rows["green%20tea"]
        equal(row["mean"] == row["most"] and int(row["most"]) >= 100000,
              True, "time of one request: %s" % row)


@test("SERVICES counts requests that failed, and the mean of times")
def services_failed():
    with broker(retries=0) as (relay, make):
        client = Client02(make, relay.frontend)
        for _ in range(3):
            worker = Worker02(make, relay.frontend)
            join(relay, worker)
            client.send(b"1")
            worker.take()
            worker.close()
            relay.counts(workers=0)
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        for seconds in (0.2, 0.0):
            client.send(b"1")
            request = worker.take()
            ends = time.monotonic() + seconds
            wait_until(lambda ends=ends: time.monotonic() >= ends)
            worker.reply(request, [b"1"])
            client.recv()
        row = services(relay)["echo"]
        equal([row[column] for column in SERVICE[1:5]],
              ["1", "0", "2", "3"], "counts")
        equal(0 < int(row["mean"]) < int(row["most"])
              and int(row["most"]) >= 200000, True, "times: %s" % row)


@test("WORKERS: of one service, or of all")
def workers_query():
    with broker() as (relay, make):
        join(relay, Worker01(make, relay.frontend, b"tea", identity=b"t1"),
             Worker02(make, relay.frontend, b"tea", identity=b"t2"))
        coffee = Worker02(make, relay.frontend, b"coffee", identity=b"c")
        join(relay, coffee)
        equal(states(relay), {"t1": "free", "t2": "free", "c": "free"},
              "all workers")
        equal(sorted(states(relay, "tea")), ["t1", "t2"], "workers of one")
        client = Client01(make, relay.frontend, b"coffee", identity=b"me")
        client.send(b"1")
        request = coffee.take()
        row = workers(relay, "coffee")["c"]
        equal((row["state"], row["client"], row["served"]),
              ("busy", "me", "0"), "the busy one")
        coffee.reply(request, [b"1"])
        client.recv()
        row = workers(relay, "coffee")["c"]
        equal((row["state"], row["client"], row["served"]),
              ("free", "", "1"), "when it is free")


@test("names are percent-encoded in answers, and plain as an argument")
def names_encoded():
    with broker() as (relay, make):
        name = b"a b%\xff"
        join(relay, Worker01(make, relay.frontend, name, identity=b"w\x01"))
        equal(list(services(relay)), ["a%20b%25%FF"], "SERVICES")
        equal(states(relay, name), {"w%01": "free"}, "WORKERS")


@test("RESET: what is inside counts as having come since")
def reset():
    with broker() as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        client = Client02(make, relay.frontend)
        for _ in range(3):
            client.send(b"1")
        worker.echo()
        request = worker.take()
        relay.counts(requests_waiting=1, requests_in_hand=1, replies=1)
        relay.do("RESET")
        relay.counts(requests=2, replies=0, requests_waiting=1,
                     requests_in_hand=1, workers=1)
        accounts(relay)
        equal([services(relay)["echo"][column] for column in SERVICE[1:]],
              ["1", "1", "0", "0", "0", "0"], "SERVICES")
        worker.reply(request, [b"1"])
        worker.echo()
        relay.counts(requests=2, replies=2, workers_free=1)


#   --------------------------------------------------------------------------
#   MMI

@test("mmi.service answers 200 or 404, other mmi. services 501")
def mmi():
    with broker() as (relay, make):
        join(relay, Worker01(make, relay.frontend, service=b"tea"))
        for form in MAJORDOMO_CLIENTS:
            asks = form(make, relay.frontend, service=b"mmi.service")
            equal(asks.ask(b"tea"), [b"200"], "a service that is there")
            equal(asks.ask(b"coffee"), [b"404"], "one that is not")
            equal(asks.ask(b"te"), [b"404"], "the beginning of one")
            equal(asks.ask(b"mmi.service"), [b"404"], "the broker's own")
            for name in (b"mmi.", b"mmi.servic", b"mmi.services2", b"mmi.x"):
                asks = form(make, relay.frontend, service=name)
                equal(asks.ask(b"tea"), [b"501"], name.decode())


@test("mmi.service: a service without workers is 404, though requests wait")
def mmi_gone():
    with broker() as (relay, make):
        client = Client02(make, relay.frontend, service=b"tea")
        client.send(b"waits")
        relay.counts(requests_waiting=1)
        asks = Client01(make, relay.frontend, service=b"mmi.service")
        equal(asks.ask(b"tea"), [b"404"], "before a worker comes")
        worker = Worker02(make, relay.frontend, service=b"tea")
        join(relay, worker)
        equal(asks.ask(b"tea"), [b"200"], "while it is busy")
        worker.disconnect()
        relay.counts(workers=0)
        equal(asks.ask(b"tea"), [b"404"], "after it has left")


@test("mmi.services answers 200 and the services that have workers")
def mmi_services():
    with broker() as (relay, make):
        names = [b"tea", b"coffee", b"\x00%"]
        for form in MAJORDOMO_CLIENTS:
            asks = form(make, relay.frontend, service=b"mmi.services")
            equal(asks.ask(b""), [b"200"], "none")
        client = Client02(make, relay.frontend, service=b"no worker")
        client.send(b"waits")
        crew = [Worker02(make, relay.frontend, service=name)
                for name in names]
        join(relay, *crew, Worker01(make, relay.frontend, service=b"tea"))
        for form in MAJORDOMO_CLIENTS:
            asks = form(make, relay.frontend, service=b"mmi.services")
            status, *answer = asks.ask(b"")
            equal((status, sorted(answer)), (b"200", sorted(names)), "all")
        crew[1].disconnect()
        relay.counts(workers=3)
        equal(sorted(asks.ask(b"")), sorted([b"200", b"tea", b"\x00%"]),
              "after one has left")


for _form in MAJORDOMO_WORKERS:
    @test("%s that registers an mmi. service is disconnected"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            for name in (b"mmi.x", b"mmi.service", b"mmi.services", b"mmi."):
                worker = form(make, relay.frontend, service=name)
                worker.ready()
                worker.expect(worker.DISCONNECT)
                equal(relay.stat("workers"), 0, "workers")
                asks = Client01(make, relay.frontend, service=b"mmi.service")
                equal(asks.ask(name), [b"404"], "it is not there")
            equal(services(relay), {}, "services")


#   --------------------------------------------------------------------------
#   Commands that are not expected, and messages that are none

for _form in MAJORDOMO_WORKERS:
    @test("%s that is ready twice is disconnected, and told so once"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            worker = form(make, relay.frontend)
            join(relay, worker)
            worker.ready()
            worker.expect(worker.DISCONNECT)
            relay.counts(workers=0)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            relay.counts(requests_waiting=1)
            equal(worker.sock.poll(100), 0, "nothing more is sent to it")
            #   As the tutorials do: with a new socket
            worker.open()
            worker.ready()
            equal(worker.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")

    @test("%s that is ready twice while it works: another gets its request"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            worker, other = (form(make, relay.frontend) for _ in range(2))
            join(relay, worker)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            request = worker.take()
            worker.ready()
            worker.expect(worker.DISCONNECT)
            join(relay, other)
            retried = other.take()
            equal(retried.body, [b"1"], "request")
            worker.reply(request, [b"of one that was disconnected"])
            worker.expect(worker.DISCONNECT)
            other.reply(retried, [b"1"])
            equal(client.recv(), [b"1"], "the only reply")
            equal(client.silent(), True, "no second reply")

    @test("%s that the broker does not know is disconnected" % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            client = Client02(make, relay.frontend, identity=b"c")
            client.send(b"1")
            relay.counts(requests=1)
            for say in (lambda worker: worker.beat(),
                        lambda worker: worker.reply(
                            FalseRequest(b"c"), [b"false"]),
                        lambda worker: worker.command(b"\x02", b"c", b"",
                                                      b"x")):
                worker = form(make, relay.frontend)
                say(worker)
                worker.expect(worker.DISCONNECT)
            relay.counts(requests_waiting=1, workers=0)
            equal(client.silent(), True, "no false reply")

    @test("%s that disconnects leaves, and another gets its request"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            leaves, stays = (form(make, relay.frontend) for _ in range(2))
            join(relay, leaves)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            leaves.take()
            leaves.disconnect()
            relay.counts(workers=0, requests_waiting=1)
            join(relay, stays)
            equal(stays.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")
            client.send(b"2")
            equal(stays.echo().body, [b"2"], "request")
            #   On the same socket it may come back
            join(relay, leaves)
            client.send(b"3")
            equal(leaves.echo().body, [b"3"], "request")

    @test("%s that answers another's client is disconnected, the reply is"
          " dropped" % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            honest, liar = (form(make, relay.frontend) for _ in range(2))
            join(relay, honest)
            client = Client02(make, relay.frontend, identity=b"c")
            client.send(b"1")
            request = honest.take()
            join(relay, liar)
            liar.reply(request, [b"false"])
            liar.expect(liar.DISCONNECT)
            relay.counts(workers=1, requests_in_hand=1)
            equal(client.silent(0.05), True, "no false reply")
            honest.reply(request, [b"true"])
            equal(client.recv(), [b"true"], "the only reply")


class FalseRequest:
    """A request that nobody made, of a client with this id."""

    def __init__(self, client):
        self.address = [client]


#   What comes from a worker: frames behind its header
BROKEN = ([], [b""], [b"\x01"], [b"\x07"], [b"\x00"], [b"\x01\x01", b"echo"],
          [b"\x03"], [b"\x04", b"too", b"much"], [b"\x01", b"a", b"b"],
          [b"\x03", b"client"], [b"\x03", b"client", b"body"], [b"READY"])

for _form in MAJORDOMO_WORKERS:
    @test("%s that sends what is not of the protocol is disconnected"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            good = form(make, relay.frontend, service=b"good")
            join(relay, good)
            for frames in BROKEN:
                worker = form(make, relay.frontend)
                join(relay, worker)
                worker.send(*worker.HEADER, *frames)
                worker.expect(worker.DISCONNECT)
                equal(relay.stat("workers"), 1, "workers after %r" % frames)
            equal(relay.stat(dropped("invalid")) > 0, True, "invalid")
            client = Client02(make, relay.frontend, service=b"good")
            client.send(b"1")
            equal(good.echo().body, [b"1"], "request")
            equal(client.recv(), [b"1"], "reply")


@test("messages of no protocol are counted, and do no harm")
def invalid():
    messages = (
        [b""], [b"", b""], [b"HELLO"], [b"MDPC01"], [b"", b"MDPC01"],
        [b"", b"MDPC01", b"echo"], [b"MDPC01", b"echo", b"body"],
        [b"MDPC02"], [b"MDPC02", b"\x01"], [b"MDPC02", b"\x01", b"echo"],
        [b"MDPC02", b"\x02", b"echo", b"body"],
        [b"MDPC02", b"\x03", b"echo", b"body"],
        [b"", b"MDPC02", b"\x01", b"echo", b"body"],
        [b"", b"MDPC03", b"echo", b"body"], [b"", b"mdpc01", b"echo", b"b"],
        [b"MDPC0", b"\x01", b"echo", b"body"],
        [b"MDPC022", b"\x01", b"echo", b"body"], [b"", b"MDPW03", b"\x01"],
        [b"", b"", b"MDPC01", b"echo", b"body"], [b"x"] * 100)
    with broker() as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        stranger = make(zmq.DEALER, relay.frontend)
        for number, message in enumerate(messages, 1):
            stranger.send_multipart(message)
            wait_until(
                lambda number=number: relay.stat(dropped("invalid")) == number,
                DEADLINE / 4, "%r is counted as invalid" % message)
        relay.counts(requests=0, workers=1)
        client = Client01(make, relay.frontend)
        client.send(b"1")
        equal(worker.echo().body, [b"1"], "request")
        equal(client.recv(), [b"1"], "reply")


#   --------------------------------------------------------------------------
#   Settings

@test("settings have the defaults that the header names")
def defaults():
    with broker() as (relay, _):
        equal({name: relay.get(name) for name in DEFAULTS}, DEFAULTS,
              "defaults")


for _name, _good, _bad in (
        ("heartbeat", ("0", "1", "3600000"), ("-1", "3600001", "1s", "")),
        ("liveness", ("1", "1000"), ("0", "-1", "1001", "many")),
        ("retries", ("0", "1000"), ("-1", "1001", "1.5")),
        ("deadline", ("0", "86400000"), ("-1", "86400001", " ")),
        ("queue", ("0", "4294967295"), ("-1", "4294967296", "0x10")),
        ("queue_bytes", ("0", "9223372036854775807"), ("-1", "9" * 40)),
        ("service_queue", ("0", "4294967295"), ("-1", "4294967296", "")),
        ("service_bytes", ("0", "9223372036854775807"), ("-1", "9" * 40))):
    @test("SET RELAY %s takes what is allowed, and refuses the rest" % _name)
    def _(name=_name, good=_good, bad=_bad):
        with broker() as (relay, _):
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


@test("a setting of another kind, and the backend, are refused")
def foreign_setting():
    with broker() as (relay, _):
        for words in (("SET", "RELAY", "overflow", "hold"),
                      ("SET", "RELAY", "ttl", "1"),
                      ("WORKERS", "a", "b"), ("SERVICES", "a")):
            status, sentence = relay.give(*words)
            equal((status, bool(sentence)), (2, True), " ".join(words))
        status, sentence = relay.give("BIND", "BACKEND",
                                         "tcp://127.0.0.1:*")
        equal(status != 0 and bool(sentence), True, "BIND BACKEND")


#   --------------------------------------------------------------------------
#   Bounds and deadlines

@test("service_queue bounds what waits for one service, not for others")
def service_queue():
    with broker(service_queue=5) as (relay, make):
        tea = Client02(make, relay.frontend, service=b"tea")
        flood(tea, 20)
        relay.counts(**{"requests_waiting": 5, "requests": 20,
                        dropped("queue_full"): 15})
        coffee = Client02(make, relay.frontend, service=b"coffee")
        flood(coffee, 3)
        relay.counts(requests_waiting=8)
        equal(served(tea, Worker02(make, relay.frontend, b"tea"), 5),
              list(range(5)), "the first requests stay")
        equal(served(coffee, Worker01(make, relay.frontend, b"coffee"), 3),
              list(range(3)), "those of the other service")


@test("service_bytes bounds the bytes of one service")
def service_bytes():
    size = 10000
    with broker(service_bytes=5 * size) as (relay, make):
        tea = Client02(make, relay.frontend, service=b"tea")
        flood(tea, 20, size)
        relay.counts(**{"requests_waiting": 4, "requests": 20,
                        dropped("queue_full"): 16})
        coffee = Client02(make, relay.frontend, service=b"coffee")
        flood(coffee, 3, size)
        relay.counts(requests_waiting=7)
        equal(served(tea, Worker02(make, relay.frontend, b"tea"), 4),
              list(range(4)), "requests")
        equal(served(coffee, Worker02(make, relay.frontend, b"coffee"), 3),
              list(range(3)), "requests")
        equal(relay.stat("requests_waiting_bytes"), 0, "bytes at the end")


@test("queue and queue_bytes bound what waits for all services together")
def queue_bounds():
    size = 10000
    for settings, kept in (({"queue": 5}, 5), ({"queue_bytes": 5 * size}, 4)):
        with broker(**settings) as (relay, make):
            clients = [Client02(make, relay.frontend, service=b"%d" % number)
                       for number in range(10)]
            for number, client in enumerate(clients, 1):
                client.send(b"0", b"x" * size)
                relay.counts(requests=number)
            relay.counts(**{"requests_waiting": kept,
                            dropped("queue_full"): 10 - kept})
            for client in clients[:kept]:
                worker = Worker01(make, relay.frontend, client.service)
                equal(served(client, worker, 1), [0], "requests")


@test("too many requests do not touch a worker's replies")
def bounds_and_replies():
    with broker(queue=1) as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        client = Client02(make, relay.frontend)
        flood(client, 50)
        relay.counts(**{"requests": 50, "requests_waiting": 1,
                        "requests_in_hand": 1, dropped("queue_full"): 48})
        equal(worker.echo().body[0], b"0", "request")
        equal(worker.echo().body[0], b"1", "request")
        equal([client.recv()[0], client.recv()[0]], [b"0", b"1"], "replies")


@test("a client that goes frees the places of its requests")
def client_gone_waiting():
    with broker(service_queue=3) as (relay, make):
        leaves, stays = (Client02(make, relay.frontend) for _ in range(2))
        flood(leaves, 2)
        relay.counts(requests_waiting=2)
        stays.send(b"0")
        relay.counts(requests_waiting=3)
        leaves.close()
        relay.counts(**{"requests_waiting": 1, dropped("client_gone"): 2})
        stays.send(b"1")
        stays.send(b"2")
        relay.counts(requests=5, requests_waiting=3)
        equal(served(stays, Worker01(make, relay.frontend), 3), [0, 1, 2],
              "requests")


@test("a client goes while a worker has its request: the worker goes on")
def client_gone_in_hand():
    for form in MAJORDOMO_WORKERS:
        with broker() as (relay, make):
            worker = form(make, relay.frontend)
            join(relay, worker)
            leaves = Client01(make, relay.frontend)
            leaves.send(b"1")
            request = worker.take()
            leaves.close()
            gone(relay, 1)
            worker.reply(request, [b"for nobody"])
            relay.counts(workers=1, workers_free=1, requests_in_hand=0)
            client = Client01(make, relay.frontend)
            client.send(b"2")
            equal(worker.echo().body, [b"2"], "request")
            equal(client.recv(), [b"2"], "reply")


@test("deadline: a request that waits too long expires")
def deadline_waiting():
    with broker(deadline=100) as (relay, make):
        client = Client02(make, relay.frontend)
        client.send(b"1")
        relay.counts(**{"requests": 1, "requests_waiting": 0,
                        dropped("deadline"): 1})
        relay.do("SET", "RELAY", "deadline", "0")
        client.send(b"2")
        worker = Worker01(make, relay.frontend)
        worker.ready()
        equal(worker.echo().body, [b"2"], "the first request that comes")
        equal(client.recv(), [b"2"], "the first reply that comes")


@test("deadline: also for a request in hand; its late reply does no harm")
def deadline_in_hand():
    for form in MAJORDOMO_WORKERS:
        with broker(deadline=100) as (relay, make):
            worker = form(make, relay.frontend, identity=b"w")
            join(relay, worker)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            request = worker.take()
            relay.counts(**{"requests_in_hand": 0, dropped("deadline"): 1,
                            "workers": 1, "workers_free": 0})
            equal(states(relay), {"w": "owing"}, "state")
            relay.do("SET", "RELAY", "deadline", "0")
            client.send(b"2")
            relay.counts(requests_waiting=1)
            equal(worker.idle(), True, "no second request")
            if form is Worker02:
                worker.partial(request, [b"late"])
                equal(worker.idle(0.05), True, "a part does not free it")
            worker.reply(request, [b"late"])
            equal(worker.echo().body, [b"2"], "the next request")
            equal(client.recv(), [b"2"], "the only reply")
            relay.counts(**{dropped("late"): 2 if form is Worker02 else 1,
                            "replies": 1})


@test("a client goes while a worker has its request, which dies: nobody gets"
      " that again")
def client_and_worker_gone():
    with broker() as (relay, make):
        worker = Worker02(make, relay.frontend)
        join(relay, worker)
        leaves = Client02(make, relay.frontend)
        leaves.send(b"1")
        worker.take()
        leaves.close()
        gone(relay, 1)
        worker.close()
        relay.counts(**{"workers_lost": 1, "requests_waiting": 0,
                        "requests_in_hand": 0, dropped("client_gone"): 1})


#   --------------------------------------------------------------------------
#   Workers that are lost

for _form in MAJORDOMO_WORKERS:
    @test("%s whose connection is lost: another gets its request, first"
          % _form.__name__)
    def _(form=_form):
        with broker() as (relay, make):
            first, second = (form(make, relay.frontend) for _ in range(2))
            join(relay, first)
            client = DealerClient01(make, relay.frontend)
            client.send(b"1")
            equal(first.take().body, [b"1"], "request")
            client.send(b"2")
            client.send(b"3")
            relay.counts(requests_waiting=2)
            first.close()
            relay.counts(requests_waiting=3, requests_in_hand=0, workers=0,
                         workers_lost=1)
            second.ready()
            for number in (b"1", b"2", b"3"):
                equal(second.echo().body, [number], "request")
                equal(client.recv(), [number], "reply")
            relay.counts(requests_retried=1, replies=3)

    for _retries in (0, 1, 3):
        @test("%s: a request that ends its workers is dropped after %d"
              " retries" % (_form.__name__, _retries))
        def _(form=_form, retries=_retries):
            with broker(retries=retries) as (relay, make):
                client = Client02(make, relay.frontend)
                client.send(b"poison")
                for _ in range(retries + 1):
                    worker = form(make, relay.frontend)
                    worker.ready()
                    equal(worker.take().body, [b"poison"], "request")
                    worker.close()
                relay.counts(**{
                    dropped("retries"): 1, "requests_retried": retries,
                    "workers_lost": retries + 1, "workers": 0,
                    "requests_waiting": 0, "requests_in_hand": 0})
                worker = form(make, relay.frontend)
                worker.ready()
                client.send(b"sane")
                equal(worker.echo().body, [b"sane"], "request")
                equal(client.recv(), [b"sane"], "the only reply")


#   --------------------------------------------------------------------------
#   Heartbeats

@test("the broker sends heartbeats to workers, in their version")
def broker_beats():
    with broker(heartbeat=50) as (relay, make):
        crew = [form(make, relay.frontend) for form in MAJORDOMO_WORKERS]
        join(relay, *crew)

        def beaten():
            for worker in crew:
                worker.beat()
                equal(worker.idle(0.01), True, "no request")
            return min(worker.beats for worker in crew) >= 5
        wait_until(beaten, what="heartbeats")


@test("busy for longer than its heartbeat allows, but beating: not lost")
def busy_and_beating():
    for form in MAJORDOMO_WORKERS:
        with broker(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
            busy = form(make, relay.frontend, identity=b"busy")
            silent = form(make, relay.frontend)
            join(relay, busy)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            request = busy.take()
            #   The time after which a silent one is lost, twice
            for lost in (1, 2):
                busy.beat()
                join(relay, silent)
                silent.beat()
                beat_while(lambda lost=lost:
                           relay.stat("workers_lost") == lost, busy)
                silent.open()
            equal(states(relay)["busy"], "busy", "state")
            client.send(b"2")
            beat_while(lambda: relay.stat("requests_waiting") == 1, busy)
            equal(busy.idle(), True, "no more work")
            busy.reply(request, [b"1"])
            equal(client.recv(), [b"1"], "reply")
            equal(busy.echo().body, [b"2"], "the next request")
            relay.counts(requests_retried=0)


@test("a worker that hangs is lost; when it wakes, its late reply is dropped")
def hangs():
    for form in MAJORDOMO_WORKERS:
        with temp_dir() as folder, Yard(folder) as yard, \
             broker(heartbeat=BEAT, liveness=LIVENESS) as (relay, make):
            #   It shall not give the broker up itself
            labourer = yard.start(form, relay.frontend, msecs=500,
                                  interval=BEAT / 1000, liveness=1000)
            relay.counts(workers=1)
            client = Client02(make, relay.frontend)
            client.send(b"1")
            wait_until(lambda: yard.runs()[b"1"] == 1, what="it has begun")
            labourer.stop()
            relay.counts(workers=0, workers_lost=1)
            other = form(make, relay.frontend, identity=b"other")
            join(relay, other)
            retried = other.take()
            equal(retried.body, [b"1"], "request, given again")
            labourer.go_on()
            beat_while(lambda: relay.stat(dropped("late")) == 1, other)
            equal(client.silent(), True, "no late reply")
            other.reply(retried, [b"of the other"])
            equal(client.recv(), [b"of the other"], "reply")
            #   It has recovered, in one way or another
            beat_while(lambda: relay.stat("workers_free") == 2, other)
            client.send(b"2")
            other.close()
            equal(client.recv(), [b"done", b"2"], "reply of the one that hung")
            relay.counts(replies=2)


#   --------------------------------------------------------------------------
#   PAUSE and DRAIN

@test("PAUSE of ten heartbeats under load: nobody is lost, and no request")
def pause():
    count = 400
    opened = []

    def watched(form):
        class Watched(form):
            def open(self):
                super().open()
                opened.append(self)
        return Watched

    def work(body):
        time.sleep(0.005)
        return body

    with broker(heartbeat=BEAT, liveness=LIVENESS) as (relay, make), \
         Crew() as crew:
        for form in 2 * MAJORDOMO_WORKERS:
            crew.add(watched(form), relay.frontend, work,
                     interval=BEAT / 1000, liveness=LIVENESS)
        relay.counts(workers=4)
        clients = [Client02(make, relay.frontend) for _ in range(10)]
        for number in range(count):
            clients[number % 10].send(b"%d" % number)
        wait_until(lambda: relay.stat("replies") >= 20, what="replies")
        relay.do("PAUSE")
        relay.counts(requests_in_hand=0)
        replies = relay.stat("replies")
        ends = time.monotonic() + 10 * BEAT / 1000
        for number in range(count, 2 * count):
            clients[number % 10].send(b"%d" % number)
        wait_until(lambda: time.monotonic() > ends)
        stats = relay.stats()
        equal((stats["workers"], stats["workers_free"],
               stats["workers_lost"]), (4, 4, 0), "workers")
        equal(stats["replies"], replies, "no request was given out")
        equal(len(opened), 4, "no worker has given the broker up")
        relay.do("RESUME")
        received = [int(clients[number % 10].recv()[0])
                    for number in range(2 * count)]
        equal(sorted(received), list(range(2 * count)), "replies")
        relay.counts(replies=2 * count, requests_retried=0, workers_lost=0)


@test("DRAIN ends when requests that wait, are in hand and are given again"
      " are answered")
def drain():
    with broker() as (relay, make):
        dies, stays = (Worker02(make, relay.frontend) for _ in range(2))
        join(relay, dies, stays)
        client = Client02(make, relay.frontend)
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
            stays.partial(request, [b"part"])
            equal(client.recv_partial(), [b"part"], "partial reply")
            equal(answer(0.05), None, "DRAIN has not ended")
            stays.reply(request, request.body)
            equal(client.recv(), [number], "reply")
            if number != b"4":
                request = stays.take()
        equal(answer(), (0, []), "answer to DRAIN")
        relay.counts(replies=4)
        equal(stays.idle(), True, "no more is given out")
        relay.do("RESUME")
        equal(stays.echo().body, [b"after the DRAIN"], "request")
        equal(client.recv(), [b"after the DRAIN"], "reply")


@test("DRAIN ends under load, and every request is answered in the end")
def drain_under_load():
    with broker() as (relay, make), Crew() as crew:
        for form in MAJORDOMO_WORKERS:
            crew.add(form, relay.frontend)
        relay.counts(workers=2)
        clients = [Client02(make, relay.frontend) for _ in range(20)]
        asked = replies = 0
        answer = ended = None
        while ended is None:
            if asked < 500:
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


@test("DRAIN in vain: nobody serves what waits")
def drain_in_vain():
    with broker() as (relay, make):
        client = Client02(make, relay.frontend)
        client.send(b"1")
        relay.counts(requests_waiting=1)
        status, sentence = relay.give("DRAIN", 100)
        equal((status, bool(sentence)), (3, True), "DRAIN in vain")
        relay.do("RESUME")
        worker = Worker02(make, relay.frontend)
        worker.ready()
        equal(worker.echo().body, [b"1"], "request")
        equal(client.recv(), [b"1"], "reply")


@test("20 short requests are done while one of 3 s is under way")
def short_and_long():
    def work(body):
        time.sleep(3 if body == [b"long"] else 0.01)
        return body

    for form in MAJORDOMO_WORKERS:
        with broker() as (relay, make), Crew() as crew:
            #   While they work the tutorials' workers send no heartbeats
            for _ in range(2):
                crew.add(form, relay.frontend, work, liveness=10)
            relay.do("SET", "RELAY", "liveness", 10)
            relay.counts(workers=2)
            longest = Client01(make, relay.frontend)
            longest.send(b"long")
            relay.counts(requests=1)
            clients = [Client01(make, relay.frontend) for _ in range(20)]
            started = time.monotonic()
            for client in clients:
                client.send(b"short")
            for client in clients:
                equal(client.recv(), [b"short"], "reply")
            print("#   %s: %.3f seconds"
                  % (form.__name__, time.monotonic() - started), flush=True)
            equal(longest.silent(), True, "the long one is not done yet")
            equal(longest.recv(), [b"long"], "the long one")


@test("the program is a broker, and ends after the last reply")
def program():
    with Relay("majordomo", "-o", "relay.retries=0", "-d", "60000",
               backend=()) as relay, sockets() as make:
        worker = Worker01(make, relay.frontend)
        worker.ready()
        client = Client02(make, relay.frontend)
        client.send(b"1")
        client.send(b"2")
        request = worker.take()
        asks = Client01(make, relay.frontend, service=b"mmi.service")
        equal(asks.ask(b"echo"), [b"200"], "mmi.service")
        prints(relay, "requests: 2")
        relay.signal(signal.SIGTERM)
        for number in (b"1", b"2"):
            equal(request.body, [number], "request")
            worker.reply(request, request.body)
            equal(client.recv(), [number], "reply")
            if number != b"2":
                request = worker.take()
        equal(relay.wait(), 0, "exit status")


if __name__ == "__main__":
    main()
