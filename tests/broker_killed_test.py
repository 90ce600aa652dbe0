#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The relay itself is killed, or hangs: the tutorials' workers and clients
recover, as their protocols say."""

import signal
import time

from peers import (Client01, Client02, Crew, DealerClient, PirateWorker,
                   ReadyWorker, ReqClient, SimplePirate, Worker01, Worker02)
from zrelay_testing import (DEADLINE, Relay, equal, main, sockets, test,
                            wait_until)

#   Seconds between heartbeats, and how many a worker misses before it takes a
#   new socket
BEAT, LIVENESS = 0.2, 5
#   How often the relay is killed
TIMES = 3

CREWS = {
    "Paranoid Pirate": ("balancer", (PirateWorker,), ReqClient),
    "Majordomo 0.1": ("majordomo", (Worker01,), Client01),
    "Majordomo 0.2": ("majordomo", (Worker02,), Client02),
    "Majordomo of both versions":
        ("majordomo", (Worker01, Worker02), Client01),
}


def start(kind, frontend="tcp://127.0.0.1:*", backend="tcp://127.0.0.1:*"):
    """The program, on the endpoints of one that was killed."""
    return Relay(kind, "-o", "relay.heartbeat=%d" % (BEAT * 1000),
                 "-o", "relay.liveness=%d" % LIVENESS, frontend=frontend,
                 backend=() if kind == "majordomo" else backend)


def again(relay):
    """The same relay, started again."""
    return start(relay.kind, relay.frontend, relay.backend)


for _what in CREWS:
    @test("%s: workers and Lazy Pirates recover when the relay is killed"
          % _what, deadline=4 * DEADLINE)
    def _(what=_what):
        kind, worker_forms, client_form = CREWS[what]
        relay = start(kind)
        with sockets() as make, Crew() as crew:
            for form in 2 * worker_forms:
                crew.add(form, relay.backend or relay.frontend,
                         interval=BEAT, liveness=LIVENESS)
            clients = [client_form(make, relay.frontend) for _ in range(5)]
            for number in range(TIMES):
                for client in clients:
                    equal(client.ask_lazily(b"%d" % number, b"before"),
                          [b"before", b"%d" % number], "reply")
                relay.signal(signal.SIGKILL)
                equal(relay.wait(), -signal.SIGKILL, "exit status")
                #   Asked of nobody
                clients[0].send(b"lost")
                relay = again(relay)
                clients[0].open()
                for client in clients:
                    equal(client.ask_lazily(b"%d" % number, b"after"),
                          [b"after", b"%d" % number], "reply")
            equal(relay.stop(), 0, "exit status")

    @test("%s: workers and Lazy Pirates recover when the relay hangs" % _what,
          deadline=4 * DEADLINE)
    def _(what=_what):
        kind, worker_forms, client_form = CREWS[what]
        opened = []

        def watched(form):
            class Watched(form):
                def open(self):
                    super().open()
                    opened.append(self)
            return Watched

        with start(kind) as relay, sockets() as make, Crew() as crew:
            crew_size = 0
            for form in 2 * worker_forms:
                crew.add(watched(form), relay.backend or relay.frontend,
                         interval=BEAT, liveness=LIVENESS)
                crew_size += 1
            client = client_form(make, relay.frontend)
            equal(client.ask_lazily(b"1", b"before"), [b"before", b"1"],
                  "reply")
            relay.signal(signal.SIGSTOP)
            wait_until(lambda: len(opened) >= 2 * crew_size,
                       what="workers give the relay up")
            relay.signal(signal.SIGCONT)
            equal(client.ask_lazily(b"1", b"after"), [b"after", b"1"],
                  "reply")
            equal(relay.stop(), 0, "exit status")

    @test("%s: a request is lost with the relay that had it, and asked again"
          % _what, deadline=4 * DEADLINE)
    def _(what=_what):
        kind, worker_forms, client_form = CREWS[what]
        ran = []

        def work(body):
            ran.append(body)
            if body == [b"slow"] and len(ran) == 1:
                relays[0].signal(signal.SIGKILL)
                relays[0].wait()
            return body

        relays = [start(kind)]
        with sockets() as make, Crew() as crew:
            crew.add(worker_forms[0], relays[0].backend or relays[0].frontend,
                     work, interval=BEAT, liveness=LIVENESS)
            client = client_form(make, relays[0].frontend)
            client.send(b"slow")
            wait_until(lambda: not relays[0].running(),
                       what="it is killed while a worker has the request")
            relays.append(again(relays[0]))
            client.open()
            equal(client.ask_lazily(b"slow"), [b"slow"], "reply")
            equal(relays[1].stop(), 0, "exit status")


for _form in (ReadyWorker, SimplePirate):
    @test("%s that works while the relay is killed goes on with its reply"
          % _form.__name__)
    def _(form=_form):
        #   Of these workers the Guide's brokers take any message as READY. One
        #   that has nothing to send cannot know that the relay was lost.
        relay = start("balancer")
        with sockets() as make:
            worker = form(make, relay.backend)
            worker.ready()
            client = DealerClient(make, relay.frontend)
            client.send(b"1")
            request = worker.take()
            relay.signal(signal.SIGKILL)
            relay.wait()
            relay = again(relay)
            worker.reply(request, [b"of the old relay"])
            client.open()
            client.send(b"2")
            equal(worker.echo().body, [b"2"], "request")
            equal(client.recv(), [b"2"], "reply")
            equal(relay.stop(), 0, "exit status")


@test("killed under load: each Lazy Pirate is answered in the end",
      deadline=4 * DEADLINE)
def under_load():
    def work(body):
        time.sleep(0.005)
        return body

    for kind, worker_form, client_form in (
            ("balancer", PirateWorker, ReqClient),
            ("majordomo", Worker02, Client01)):
        relay = start(kind)
        with sockets() as make, Crew() as crew:
            for _ in range(4):
                crew.add(worker_form, relay.backend or relay.frontend, work,
                         interval=BEAT, liveness=LIVENESS)
            clients = [client_form(make, relay.frontend) for _ in range(20)]
            for number in range(TIMES):
                for client in clients:
                    client.send(b"%d" % number)
                equal(clients[0].recv(), [b"%d" % number], "reply")
                relay.signal(signal.SIGKILL)
                relay.wait()
                relay = again(relay)
                for client in clients:
                    client.open()
                    equal(client.ask_lazily(b"%d" % number),
                          [b"%d" % number], "reply")
            equal(relay.stop(), 0, "exit status")


if __name__ == "__main__":
    main()
