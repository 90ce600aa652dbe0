#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Workers are killed at random, under load, and started again.

What each worker began is in a log of its own, which outlives it. The number of
requests is KILLED_REQUESTS in the environment; the whole is KILLED_REQUESTS=
10000, and takes some minutes.
"""

import collections
import os
import random
import time

import zmq

from peers import (Client01, Client02, DealerClient, DealerClient01,
                   PirateWorker, ReadyWorker, ReqClient, SimplePirate,
                   Worker01, Worker02, Yard, accounts, dropped)
from zrelay_testing import (DEADLINE, Steered, comment, equal, main,
                            sockets, temp_dir, test)

REQUESTS = int(os.environ.get("KILLED_REQUESTS", "2000"))
WORKERS = 20
CLIENTS = 50
#   Seconds between two that are killed
KILL_IVL = 0.2
#   Msecs that a request takes; with so many clients, all workers are busy
WORK = 20
#   Seconds between heartbeats, and how many may be missed
BEAT, LIVENESS = 0.5, 10
#   Seconds after which a client gives up a request, where workers that are
#   killed take requests with them
PATIENCE = 3

#   What is killed, by the relay's kind, and who asks. Clients that get a reply
#   to each request need not ask twice; DEALERs would see two replies.
CREWS = {
    "REQ workers, without heartbeats":
        ("balancer", (ReadyWorker, SimplePirate), (DealerClient, ReqClient)),
    "Paranoid Pirate workers":
        ("balancer", (PirateWorker,), (DealerClient, ReqClient)),
    "Majordomo workers of both versions":
        ("majordomo", (Worker01, Worker02),
         (DealerClient01, Client02, Client01)),
}


class Crowd:
    """Workers of which one is killed, and another started, every now and
    then."""

    def __init__(self, yard, forms, endpoint):
        self._start = lambda number: yard.start(
            forms[number % len(forms)], endpoint, msecs=WORK, interval=BEAT,
            liveness=LIVENESS)
        self._crew = [self._start(number) for number in range(WORKERS)]
        self._random = random.Random(1)
        self._next = time.monotonic() + KILL_IVL
        self.killed = 0

    def wait(self):
        """Seconds until the next is to be killed."""
        return max(0.0, self._next - time.monotonic())

    def kill_on_time(self):
        if self.wait() > 0:
            return
        number = self._random.randrange(WORKERS)
        self._crew[number].kill()
        self._crew[number] = self._start(number)
        self.killed += 1
        self._next = time.monotonic() + KILL_IVL


class Load:
    """Clients that ask one request after the other, numbered from 0."""

    def __init__(self, make, forms, endpoint, may_give_up):
        self.clients = [forms[which % len(forms)](make, endpoint)
                        for which in range(CLIENTS)]
        self._may_give_up = may_give_up
        self._patience = PATIENCE if may_give_up else DEADLINE
        self._poller = zmq.Poller()
        for client in self.clients:
            self._poller.register(client.sock, zmq.POLLIN)
        self._by_sock = {client.sock: client for client in self.clients}
        #   Of each client that waits: the number, and when it gives up
        self._asked = {}
        self._next = 0
        #   How often each number was answered
        self.answers = collections.Counter()
        self.given_up = set()

    def _ask(self, client):
        if self._next < REQUESTS:
            client.send(b"%d" % self._next)
            self._asked[client] = (self._next,
                                   time.monotonic() + self._patience)
            self._next += 1
        else:
            self._asked.pop(client, None)

    def _hear(self, client):
        done, number = client.recv()
        equal(done, b"done", "reply")
        self.answers[int(number)] += 1
        if self._asked.get(client, (None,))[0] == int(number):
            self._ask(client)

    def _give_up(self):
        now = time.monotonic()
        for client, (number, ends) in list(self._asked.items()):
            if now > ends:
                equal(self._may_give_up, True, "request %d has no reply in %d"
                      " seconds; a client may give up" % (number,
                                                          self._patience))
                self.given_up.add(number)
                self._ask(client)

    def run(self, crowd):
        for client in self.clients:
            self._ask(client)
        while self._asked:
            crowd.kill_on_time()
            ready = self._poller.poll(min(crowd.wait(), 0.1) * 1000)
            for sock, _ in ready:
                self._hear(self._by_sock[sock])
            self._give_up()

    def finish(self):
        """All that is still to come has come when each client's last request
        is answered."""
        for client in self.clients:
            client.send(b"end")
            while True:
                done, number = client.recv()
                equal(done, b"done", "reply")
                if number == b"end":
                    break
                self.answers[int(number)] += 1


def kill_workers(what, retries, check):
    kind, worker_forms, client_forms = CREWS[what]
    if not retries:
        #   A REQ would have to give up its socket, and a reply that is late
        client_forms = [form for form in client_forms
                        if form.TYPE == zmq.DEALER]
    started = time.monotonic()
    with temp_dir() as folder, Yard(folder) as yard, sockets() as make, \
         Steered(kind, backend=None if kind == "majordomo" else
                 "tcp://127.0.0.1:*", retries=retries,
                 heartbeat=int(BEAT * 1000), liveness=LIVENESS) as relay:
        crowd = Crowd(yard, worker_forms,
                      getattr(relay, "backend", relay.frontend))
        relay.counts(workers=WORKERS)
        load = Load(make, client_forms, relay.frontend,
                    may_give_up=not retries)
        load.run(crowd)
        relay.counts(requests_waiting=0, requests_in_hand=0)
        stats = relay.stats()
        load.finish()
        accounts(relay)
        runs = yard.runs()
        runs.pop(b"end", None)
        comment("%d requests in %.1f s; killed %d workers, %d retried, %d ran"
                " twice, %d without a reply" % (
                    REQUESTS, time.monotonic() - started, crowd.killed,
                    stats["requests_retried"],
                    sum(1 for count in runs.values() if count > 1),
                    REQUESTS - len(load.answers)))
        equal(stats["requests"], REQUESTS, "requests that the relay counted")
        equal([number for number, count in load.answers.items()
               if count != 1], [], "requests that were answered twice")
        equal([number for number in load.answers
               if not runs[b"%d" % number]], [],
              "requests that were answered, but never ran")
        equal(crowd.killed > 0, True, "workers were killed")
        check(stats, load, runs)


def each_once(stats, load, runs):
    """With retries."""
    equal(sorted(load.answers), list(range(REQUESTS)), "requests answered")
    equal(stats["requests_retried"] > 0, True, "workers had work in hand")
    again = sum(count - 1 for count in runs.values())
    equal(again <= stats["requests_retried"], True,
          "%d runs more than requests, %d retried"
          % (again, stats["requests_retried"]))


def never_twice(stats, load, runs):
    """Without."""
    equal([number for number, count in runs.items() if count > 1], [],
          "requests that ran twice")
    equal(stats["requests_retried"], 0, "retried")
    equal(stats[dropped("retries")] > 0, True,
          "workers had work in hand")
    equal(REQUESTS - len(load.answers), stats[dropped("retries")],
          "requests without an answer are counted")
    equal(set(range(REQUESTS)) - set(load.answers) <= load.given_up, True,
          "a client heard nothing of these")


for _what in CREWS:
    @test("%s are killed, retries 10: each request has one reply" % _what,
          deadline=10 * DEADLINE)
    def _(what=_what):
        kill_workers(what, 10, each_once)

    @test("%s are killed, retries 0: no request runs twice" % _what,
          deadline=10 * DEADLINE)
    def _(what=_what):
        kill_workers(what, 0, never_twice)


if __name__ == "__main__":
    main()
