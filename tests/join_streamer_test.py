#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Streamers on many machines that share their tasks by way of JetStream:
doc/join.md says what holds, and this shows it."""

import collections
import contextlib
import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
import zmq
from joining import (Proxy, Raw, Server, Site, cluster, drain, need_nats,
                     parcel)
from zrelay_testing import (DEADLINE, comment, equal, main, sockets, temp_dir,
                            test, wait_until)

STREAM = "zrelay-work"

#   Seconds for which a site is cut off. With ten or more, the test also takes
#   the time that servers need when the one that leads them is lost.
CUT = float(os.environ.get("ZRELAY_JOIN_CUT", "1.5"))


def site(name, join, *options, **keywords):
    """A streamer, whose tasks go to others soon if it is lost."""
    return Site("streamer", name, "-o", "relay.join_ack_wait=1000", *options,
                join=join, **keywords)


@contextlib.contextmanager
def sites(count, *options, url=None, **keywords):
    """So many streamers that have joined each other, and a function for
    sockets."""
    with contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        if not url:
            url = stack.enter_context(Server("-js")).url
        relays = [stack.enter_context(site("site%d" % number, url + "/work",
                                           *options, **keywords))
                  for number in range(count)]
        for relay in relays:
            relay.wait_joined(count - 1)
        yield relays, make


def collect(pulls, count, got=None, deadline=DEADLINE):
    """How often each task came, once so many different ones have come."""
    got = collections.Counter() if got is None else got
    poller = zmq.Poller()
    for pull in pulls:
        poller.register(pull, zmq.POLLIN)

    def enough():
        for pull, _event in poller.poll(50):
            with contextlib.suppress(zmq.Again):
                while True:
                    got[pull.recv(zmq.NOBLOCK)] += 1
        return len(got) >= count
    wait_until(enough, deadline, "%d tasks" % count)
    return got


def tasks(count, word=b"task"):
    return [b"%s %d" % (word, number) for number in range(count)]


def push(sock, messages):
    for message in messages:
        sock.send(message)


def is_stored(relay, count):
    wait_until(lambda: relay.stat("join.out") == count
               and relay.stat("join.waiting") == 0,
               what="%s: %d tasks stored" % (relay.name, count))


def is_empty(server):
    wait_until(lambda: server.streams()[STREAM]["state"]["messages"] == 0,
               what="nothing left at the server")


def lead(server, does):
    """Make server0 the one that leads the stream, or not."""
    def leads():
        leader = server.streams()[STREAM]["cluster"].get("leader")
        if leader and (leader == "server0") == does:
            return True
        with Raw(server.url) as raw:
            raw.request("$JS.API.STREAM.LEADER.STEPDOWN." + STREAM, b"")
        return False
    wait_until(leads, what="the stream's leader")


@test("the pullers of all sites share the tasks of all sites, each task once")
def _():
    need_nats()
    with Server("-js") as server, sites(3, url=server.url) as (relays, make):
        #   The third site has no puller
        pulls = [make(zmq.PULL, relay.backend) for relay in relays[:2]]
        pushes = [make(zmq.PUSH, relay.frontend) for relay in relays]
        expected = []
        for number, sock in enumerate(pushes):
            mine = tasks(300, b"%d" % number)
            push(sock, mine)
            expected += mine
        got = collect(pulls, 900)
        equal(got, collections.Counter(expected))
        pushes[2].send_multipart([b"with", b"", b"frames" * 1000])
        wait_until(lambda: any(pull.poll(0) for pull in pulls))
        pull = next(pull for pull in pulls if pull.poll(0))
        equal(pull.recv_multipart(), [b"with", b"", b"frames" * 1000])
        is_stored(relays[2], 301)
        equal(sum(relay.stat("join.in") for relay in relays), 901)
        assert all(relay.stat("join.in") > 0 for relay in relays[:2])
        equal(relays[2].stat("join.in"), 0)
        is_empty(server)
        settings = server.streams()[STREAM]["config"]
        equal([settings[name] for name in ("retention", "discard", "storage",
                                           "num_replicas")],
              ["workqueue", "new", "file", 1])
        #   PEERS of no side has the sites
        equal(relays[0].query("PEERS")[0], "2")


@test("tasks wait at the servers for a puller, wherever that comes, and use no"
      " time")
def _():
    need_nats()
    with Server("-js") as server, sites(2, url=server.url) as (
            (here, there), make):
        push(make(zmq.PUSH, here.frontend), tasks(500))
        is_stored(here, 500)
        before = here.cpu_time() + there.cpu_time()
        time.sleep(1)
        assert here.cpu_time() + there.cpu_time() - before < 0.2, "it spins"
        equal(here.stat("join.returned") + there.stat("join.returned"), 0)
        equal(server.streams()[STREAM]["state"]["messages"], 500)
        equal(collect([make(zmq.PULL, there.backend)], 500),
              collections.Counter(tasks(500)))
        is_empty(server)


@test("what a site's pullers have no room for, goes to another site")
def _():
    need_nats()
    with sites(2, "-o", "backend.sndhwm=1", "-o", "backend.sndbuf=4096") as (
            (here, there), make):
        #   It takes what fits into its buffers, and no more
        stuck = make(zmq.PULL, here.backend, rcvhwm=1, rcvbuf=4096)
        messages = [b"%d" % number + bytes(50000) for number in range(400)]
        push(make(zmq.PUSH, here.frontend), messages[:200])
        is_stored(here, 200)
        wait_until(lambda: here.stat("join.returned") > 0)
        taken = here.stat("join.in")
        assert 0 < taken < 200, taken
        got = collect([make(zmq.PULL, there.backend)], 200 - taken)
        got = collect([stuck], 200, got)
        equal(set(got.values()), {1}, "how often each came")


@test("a relay that is killed loses no task that was stored")
def _():
    need_nats()
    with sites(3) as (relays, make):
        count = 6000
        survivor = make(zmq.PULL, relays[0].backend, rcvhwm=0)
        pusher = make(zmq.PUSH, relays[0].frontend)
        thread = threading.Thread(target=push, args=(pusher, tasks(count)))
        others = [make(zmq.PULL, relay.backend, rcvhwm=0)
                  for relay in relays[1:]]
        thread.start()
        #   They die in the middle of their work
        got = collections.Counter()
        for share, relay in zip((3, 2), relays[1:]):
            collect([survivor, *others], count // share, got)
            wait_until(lambda: relay.stat("join.in") > 0)
            relay.kill()
        collect([survivor, *others], count, got)
        thread.join()
        equal(set(got), set(tasks(count)))
        comment("%d of %d came twice" % (sum(got.values()) - count, count))


@test("a relay that ends in good order drains: every task comes once")
def _():
    need_nats()
    with Server("-js") as server, sites(2, url=server.url) as (
            (here, there), make):
        pulls = [make(zmq.PULL, relay.backend) for relay in (here, there)]
        push(make(zmq.PUSH, here.frontend), tasks(2000))
        got = collect(pulls, 500)
        equal(here.give("DRAIN", 20000), (0, []))
        equal(here.stat("join.waiting"), 0)
        equal(here.stop(), 0)
        collect(pulls, 2000, got)
        equal(got, collections.Counter(tasks(2000)))
        is_empty(server)


@test("a paused relay gets no tasks, and goes on; one that leaves is alone")
def _():
    need_nats()
    with Server("-js") as server, sites(2, url=server.url) as (
            (here, there), make):
        pull = make(zmq.PULL, there.backend)
        pusher = make(zmq.PUSH, here.frontend)
        push(pusher, tasks(1))
        collect([pull], 1)
        there.do("PAUSE")
        push(pusher, tasks(100))
        is_stored(here, 101)
        assert not pull.poll(100)
        there.do("RESUME")
        equal(len(collect([pull], 100)), 100)
        near = make(zmq.PULL, here.backend)
        here.do("LEAVE")
        push(pusher, tasks(100))
        equal(len(collect([near], 100)), 100)
        assert not pull.poll(0)
        equal(here.stat("join.out"), 101)
        #   While no server answers, LEAVE gives what waits to the own pullers
        here.do("JOIN", server.url + "/work")
        here.wait_joined()
        server.stop()
        push(pusher, tasks(50, b"back"))
        wait_until(lambda: here.stat("join.waiting") == 50)
        here.do("LEAVE")
        got = collections.Counter(
            task for task in collect([near], 50) if task.startswith(b"back"))
        equal(len(got), 50)
        server.go()


@test("what others put into the stream amiss is ended, counted, and harms"
      " nothing")
def _():
    need_nats()
    with Server("-js") as server, sites(1, url=server.url) as ((relay,), make):
        pull = make(zmq.PULL, relay.backend)
        pusher = make(zmq.PUSH, relay.frontend)
        good = parcel([b"A", b"good"])
        choose = random.Random(5)
        with Raw(server.url) as raw:
            bad = [b"", b"x", good[:-1], good + b"\0", b"\0" * 8,
                   b"\xff" * 12, b"\0\1\0\1" + bytes(4 * 65537),
                   b"\0\0\0\2\xff\xff\xff\xff\0\0\0\2ab"]
            for _round in range(300):
                data = bytearray(good)
                for _change in range(choose.randrange(1, 4)):
                    data[choose.randrange(12)] = choose.randrange(1, 256)
                bad.append(bytes(data))
            for number, payload in enumerate(bad):
                raw.parcel("work.task", payload, sequence=number + 1)
            headers = (
                None, b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: B\r\n\r\n",
                b"NATS/1.0\r\nZrelay-Origin: 7\r\nZrelay-Sequence: 1\r\n\r\n",
                b"NATS/1.0\r\nZrelay-Origin\r\n\r\n", b"NATS/1.0 503\r\n\r\n",
                b"NATS/1.0 408 Request Timeout\r\n\r\n")
            for header in headers:
                raw.publish("work.task", good, header)
            raw.parcel("work.task", good, origin="Z" * 16)
            raw.parcel("work.task", good, origin="0" * 16)
            raw.parcel("work.task", good, sequence="-00000000000001")
            wrong = len(bad) + len(headers) + 3
            wait_until(lambda: relay.stat("join.invalid") == wrong,
                       what="all are invalid")
            is_empty(server)
            #   Two in one, as a relay might send them; and letters of a site
            raw.parcel("work.task", good + good, sequence=1000)
            equal([pull.recv_multipart() for _ in range(2)],
                  [[b"A", b"good"]] * 2)
            #   The same once more
            raw.parcel("work.task", good, sequence=1000)
            wait_until(lambda: relay.stat("join.duplicates") == 1)
            raw.parcel("work.site.task", parcel([b"HERE"]), sequence=1001)
            wait_until(lambda: relay.stat("join.invalid") == wrong + 1)
            #   Answers that nobody gave
            inbox = next(name[:-2] for name in server.connection(
                "site0", subs=1)["subscriptions_list"]
                if name.startswith("_INBOX.") and name.endswith(".>")
                and name.count(".") == 2)
            for word in (".a.0000000000000001", ".a.x", ".p.1", ".x"):
                for payload in (b"", b"{}", b'{"seq":1}', b'{"error":{}}',
                                b'{"error":{"description":"' + b"x" * 500):
                    raw.publish(inbox + word, payload)
            raw.settle()
        push(pusher, tasks(10))
        equal(collect([pull], 10), collections.Counter(tasks(10)))


@test("what keeps a relay from sharing tasks is said, and it goes on alone")
def _():
    need_nats()
    def alone(relay, sentence):
        #   Its own pullers get its tasks
        wait_until(lambda: sentence in relay.query("JOINED")[2],
                   what=sentence)
        equal(relay.query("JOINED")[1], "0")
        with sockets() as make:
            push(make(zmq.PUSH, relay.frontend), tasks(10))
            equal(collect([make(zmq.PULL, relay.backend)], 10),
                  collections.Counter(tasks(10)))
        equal(relay.stat("join.ready"), 0)

    with Server() as server, site(
            "one", server.url + "/work", "--metrics", "127.0.0.1:0") as relay:
        alone(relay, "JetStream is not enabled")
        relay.expect("joined to work, but: .*JetStream is not", errors=True)
        metrics = relay.expect(r"http://(\S+?)/").group(1)
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen("http://%s/readyz" % metrics)
            raise AssertionError("it is ready")
    with Server("-js", "--user", "me", "--pass", "secret") as server, site(
            "one", server.url.replace("//", "//me:wrong@") + "/work") as relay:
        alone(relay, "uthorization")
    config = {"name": STREAM, "subjects": ["work.task"], "storage": "file",
              "retention": "workqueue", "discard": "new"}
    with Server("-js") as server, Raw(server.url) as raw:
        for change, sentence in (
                ({"retention": "limits"}, "retention"),
                ({"subjects": ["work.other"]}, "subject"),
                ({"max_msgs": 10, "discard": "old"}, "discards"),
                ({"max_age": 10 ** 12}, "expire"),
                ({"storage": "memory"}, "files"),
                ({"name": "other"}, "overlap")):
            made = {**config, **change}
            raw.request("$JS.API.STREAM.CREATE." + made["name"],
                        json.dumps(made).encode())
            with site("one", server.url + "/work") as relay:
                alone(relay, sentence)
                raw.request("$JS.API.STREAM.DELETE." + made["name"], b"")
                if sentence == "retention":
                    #   It looks again
                    relay.wait_joined()
                    relay.do("LEAVE")
                    raw.request("$JS.API.STREAM.DELETE." + STREAM, b"")
        raw.request("$JS.API.STREAM.CREATE." + STREAM,
                    json.dumps(config).encode())
        raw.request("$JS.API.CONSUMER.DURABLE.CREATE.%s.pullers" % STREAM,
                    json.dumps({"stream_name": STREAM, "config": {
                        "durable_name": "pullers", "ack_policy": "explicit",
                        "max_deliver": 3}}).encode())
        with site("one", server.url + "/work", "-o",
                  "relay.join_replicas=1") as relay:
            alone(relay, "gives up")


@test("a stream that is deleted is made again, and no task is lost with it that"
      " was not stored")
def _():
    need_nats()
    with Server("-js") as server, sites(1, url=server.url) as ((relay,), make):
        pull = make(zmq.PULL, relay.backend)
        pusher = make(zmq.PUSH, relay.frontend)
        push(pusher, tasks(10))
        collect([pull], 10)
        is_empty(server)
        with Raw(server.url) as raw:
            raw.request("$JS.API.STREAM.DELETE." + STREAM, b"")
        push(pusher, tasks(100, b"more"))
        equal(collect([pull], 100), collections.Counter(tasks(100, b"more")))
        relay.wait_joined()


@test("a server that stands still holds nobody up, as overflow says")
def _():
    need_nats()
    with Server("-js") as server, temp_dir() as folder:
        for overflow in ("hold", "drop-new", "drop-old", "spool", "durable"):
            options = ("-o", "relay.join_window=100", "-o",
                       "forward.queue=50", "-o",
                       "forward.overflow="
                       + overflow.replace("durable", "spool"))
            spools = overflow in ("spool", "durable")
            if spools:
                #   One of its own: a killed relay sends some again
                options += ("-o", "forward.spool=%s/%s" % (folder, overflow),
                            "-o", "forward.durable=%d"
                            % (overflow == "durable"))
            with sites(1, *options, url=server.url) as ((relay,), make):
                pusher = make(zmq.PUSH, relay.frontend, sndhwm=10000)
                pull = make(zmq.PULL, relay.backend)
                push(pusher, tasks(1))
                collect([pull], 1)
                server.stop()
                try:
                    push(pusher, tasks(1000))
                    kept = 101 if overflow == "hold" else \
                        1000 if spools else 150
                    wait_until(lambda: relay.stat("join.waiting") == 100
                               and relay.stat("forward.held") == kept - 100)
                    if overflow.startswith("drop"):
                        equal(relay.stat("forward.dropped_overflow"), 850)
                    before = relay.cpu_time()
                    equal(relay.give("PING"), (0, ["PING"]))
                    time.sleep(0.3)
                    assert relay.cpu_time() - before < 0.2, "it spins"
                finally:
                    server.go()
                count = 150 if overflow.startswith("drop") else 1000
                got = collect([pull], count)
                equal(set(got.values()), {1}, "how often each came")
                expected = tasks(1000)
                if overflow == "drop-new":
                    expected = expected[:150]
                elif overflow == "drop-old":
                    expected = expected[:100] + expected[950:]
                equal(set(got), set(expected))
                is_empty(server)


@test("a task that is too large for the servers stays at its site")
def _():
    need_nats()
    with Server("-js") as server, sites(2, url=server.url) as (
            (here, there), make):
        pusher = make(zmq.PUSH, here.frontend)
        far = make(zmq.PULL, there.backend)
        for size in (2 ** 20 - 300, 2 ** 20, 3 * 2 ** 20):
            push(pusher, [bytes(size)])
        equal(len(far.recv()), 2 ** 20 - 300)
        #   There is no puller yet, and the second one waits
        near = make(zmq.PULL, here.backend)
        equal([len(near.recv()) for _ in range(2)], [2 ** 20, 3 * 2 ** 20])
        equal(here.stat("join.missed"), 2)


@test("what a connection had taken when it broke comes all the same, once")
def _():
    need_nats()
    with Server("-js") as server, Proxy(server.url) as proxy, \
            site("here", proxy.url + "/work") as here, \
            site("there", server.url + "/work") as there, sockets() as make:
        for relay in (here, there):
            relay.wait_joined(1)
        pusher = make(zmq.PUSH, here.frontend)
        pull = make(zmq.PULL, there.backend)
        push(pusher, tasks(1))
        collect([pull], 1)
        #   Tasks get through, but the answers do not
        proxy.swallow_answers()
        push(pusher, tasks(100, b"lost"))
        got = collect([pull], 100)
        equal(here.stat("join.waiting"), 100)
        proxy.break_off()
        is_stored(here, 101)
        assert here.stat("join.repeated") >= 100
        equal(drain(pull), [], "more")
        equal(set(got.values()), {1}, "how often each came")


@test("acknowledgements that a connection took when it broke are given again")
def _():
    need_nats()
    with Server("-js") as server, Proxy(server.url) as proxy, \
            sockets() as make, Site(
                "streamer", "here", "-o", "relay.join_ack_wait=600000",
                join=proxy.url + "/work") as here, Site(
                "streamer", "there", "-o", "relay.join_ack_wait=600000",
                join=server.url + "/work") as there:
        for relay in (here, there):
            relay.wait_joined(1)
        pull = make(zmq.PULL, here.backend)
        push(make(zmq.PUSH, there.frontend), tasks(100))
        proxy.swallow_words("+ACK")
        collect([pull], 100)
        wait_until(lambda: here.stat("join.unsettled") == 0)
        assert server.streams()[STREAM]["state"]["messages"] > 0
        proxy.break_off()
        #   Long before another site would get them
        is_empty(server)


@test("one server of three, then a relay, then a whole site is lost",
      deadline=3 * DEADLINE)
def _():
    need_nats()
    with cluster("-js") as servers, Proxy(servers[2].url) as proxy, \
            contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        urls = [server.url for server in servers]
        #   Each has a server next to it; the third has only this one
        joins = [",".join(urls[:2]) + "/work",
                 ",".join(urls[1::-1]) + "/work", proxy.url + "/work"]
        relays = [stack.enter_context(site("site%d" % number, join))
                  for number, join in enumerate(joins)]
        for relay in relays:
            relay.wait_joined(2)
        equal(servers[0].streams()[STREAM]["config"]["num_replicas"], 3)
        pushes = [make(zmq.PUSH, relay.frontend, sndhwm=0)
                  for relay in relays]
        pulls = [make(zmq.PULL, relay.backend, rcvhwm=0) for relay in relays]
        sent = [0, 0, 0]
        got = collections.Counter()

        def carry(seconds, places):
            """Push steadily everywhere, and pull."""
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                for place in places:
                    pushes[place].send(b"%d %d" % (place, sent[place]))
                    sent[place] += 1
                collect(pulls, 0, got)

        def finish(what):
            collect(pulls, sum(sent), got, 2 * DEADLINE)
            equal(set(got), {b"%d %d" % (place, number) for place in range(3)
                             for number in range(sent[place])})
            comment("%s: %d tasks, %d came twice"
                    % (what, sum(sent), sum(got.values()) - sum(sent)))

        carry(0.5, (0, 1, 2))
        lead(servers[0], CUT >= 10)
        servers[0].kill()
        carry(1, (0, 1, 2))
        finish("a server is lost")

        #   A relay: what it had taken from its pushers must be stored, for no
        #   relay can promise more of a PUSH socket
        carry(0.3, (0, 1, 2))
        is_stored(relays[1], sent[1])
        for place in (0, 2):
            push(pushes[place], [b"%d %d" % (place, sent[place] + number)
                                 for number in range(500)])
            sent[place] += 500
        wait_until(lambda: relays[1].stat("join.in") > 0)
        relays[1].kill()
        carry(0.5, (0, 2))
        finish("a relay is lost")

        proxy.cut()
        carry(CUT, (0, 2))
        assert relays[2].stat("join.waiting") > 0
        proxy.cut(False)
        carry(0.5, (0, 2))
        finish("a site was cut off")
        equal(sum(relay.stat("join.missed") for relay in relays[::2]), 0)


if __name__ == "__main__":
    main()
