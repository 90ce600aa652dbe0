#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Forwarders on many machines that NATS servers join: doc/join.md says what
holds, and this shows it."""

import contextlib
import os
import random
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
import zmq
from joining import (ACCOUNT, USER, Key, Other, Proxy, Raw, Server, Site,
                     cluster, credentials, drain, need_nats, operator, parcel,
                     settle, sites, subscriber)
from zrelay_testing import (DEADLINE, ZRELAY, Process, Skip, equal, main,
                            sockets, temp_dir, test, wait_until)


def rss(relay):
    with open("/proc/%d/statm" % relay.pid) as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@test("a message reaches the sites that asked for it, once, and no other")
def _():
    need_nats()
    with Server() as server, sites(3, url=server.url) as (relays, make):
        here, there, nobody = relays
        pub = make(zmq.PUB, here.frontend, sndhwm=0)
        subs = [subscriber(make, here, b"A"), subscriber(make, there, b"A"),
                subscriber(make, there, b"A", b"AB")]
        settle(pub, subs)
        before = server.connection("site2")["out_msgs"]
        parcels = there.stat("join.in")
        duplicates = there.stat("join.duplicates")
        for number in range(1000):
            pub.send_multipart([b"ABC", b"%d" % number])
            pub.send_multipart([b"B", b"not wanted"])
        expected = [[b"ABC", b"%d" % number] for number in range(1000)]
        for sub in subs:
            equal([sub.recv_multipart() for _ in expected], expected)
            equal(drain(sub), [], "more")
        #   Once to a site, whatever the number of its subscribers
        equal(there.stat("join.in") - parcels, 1000, "crossed")
        equal(there.stat("join.duplicates"), duplicates, "crossed twice")
        equal(nobody.stat("join.in"), 0, "crossed to nobody")
        #   But for reports, of which each site sends one in two seconds
        assert server.connection("site2")["out_msgs"] - before < 100


@test("three sites that all publish hear each message once: no circle")
def _():
    need_nats()
    with sites(3) as (relays, make):
        pubs = [make(zmq.PUB, relay.frontend, sndhwm=0) for relay in relays]
        subs = [subscriber(make, relay, b"") for relay in relays]
        for number, pub in enumerate(pubs):
            settle(pub, subs, b"settle%d" % number)
        for number in range(300):
            for place, pub in enumerate(pubs):
                pub.send(b"%d %d" % (place, number))
        for sub in subs:
            got = [sub.recv().split() for _ in range(900)]
            for place in range(3):
                equal([int(number) for origin, number in got
                       if int(origin) == place], list(range(300)))
            equal(drain(sub), [], "more")


def random_topic(choose, longest=20):
    """Of few different bytes, so that one is often another's beginning."""
    return bytes(choose.choice(b"\x00A.\xff*>")
                 for _ in range(choose.randrange(longest)))


@test("subscriptions follow ZeroMQ's rule of prefixes, for any bytes")
def _():
    need_nats()
    choose = random.Random(7)
    with sites(2) as (relays, make):
        pub = make(zmq.PUB, relays[0].frontend, sndhwm=0)
        for _round in range(3):
            wanted = [random_topic(choose) for _ in range(12)] + [
                b"0123456789abcdefX", b"0123456789abcdef"[:choose.choice(
                    (15, 16))]]
            wanted = [topic for topic in wanted if topic]
            sub = subscriber(make, relays[1], *wanted)
            settle(pub, [sub])
            sent = [random_topic(choose) for _ in range(400)] + [
                b"0123456789abcde", b"0123456789abcdef",
                b"0123456789abcdefX", b"0123456789abcdefXY"]
            for topic in sent:
                pub.send_multipart([topic, b"x"])
            pub.send(b"settle")
            expected = [topic for topic in sent
                        if any(topic.startswith(want) for want in wanted)]
            got = []
            while True:
                frames = sub.recv_multipart()
                if frames == [b"settle"]:
                    break
                got.append(frames[0])
            equal(got, expected)
            sub.close()


@test("overlapping subscriptions come and go, and nothing comes twice")
def _():
    need_nats()
    with sites(2) as (relays, make):
        pub = make(zmq.PUB, relays[0].frontend, sndhwm=0)
        sub = subscriber(make, relays[1], b"AB")
        settle(pub, [sub])
        over = threading.Event()

        def change():
            context = zmq.Context()
            with context, context.socket(zmq.SUB) as other:
                other.linger = 0
                other.connect(relays[1].backend)
                while not over.wait(0.002):
                    for topic in (b"", b"A", b"ABC"):
                        other.subscribe(topic)
                    for topic in (b"A", b"", b"ABC"):
                        other.unsubscribe(topic)
        changer = threading.Thread(target=change)
        changer.start()
        for number in range(4000):
            pub.send_multipart([b"ABCD", b"%d" % number])
            if number % 20 == 0:
                time.sleep(0.005)
        equal([int(sub.recv_multipart()[1]) for _ in range(4000)],
              list(range(4000)))
        over.set()
        changer.join()
        equal(drain(sub), [], "more")


@test("a thousand topics, and a thousand changes a second, stay right")
def _():
    need_nats()
    with Server() as server, sites(3, url=server.url) as (relays, make):
        pub = make(zmq.PUB, relays[0].frontend, sndhwm=0)
        kept = [b"topic%04d" % number for number in range(0, 1000, 2)]
        subs = [subscriber(make, relay, *kept) for relay in relays[1:]]
        settle(pub, subs)
        changing = [make(zmq.SUB, relay.backend, sndhwm=0)
                    for relay in relays[1:]]
        memory = None
        started = time.monotonic()
        for turn in range(12):
            for number in range(1, 500, 2):
                topic = b"topic%04d" % ((number + 100 * turn) % 1000)
                changing[turn % 2].subscribe(topic)
                changing[turn % 2].unsubscribe(topic)
            if turn == 3:
                memory = [rss(relay) for relay in relays]
            time.sleep(max(0, started + 0.25 * (turn + 1) - time.monotonic()))
        for number in range(1000):
            pub.send(b"topic%04d" % number)
        for sub in subs:
            equal([sub.recv() for _ in kept], kept)
            equal(drain(sub), [], "more")
        #   A sanitizer keeps what was freed
        keeps = os.environ.get("ZRELAY_SANITIZE")
        for before, relay in zip(memory, relays):
            assert keeps or rss(relay) < before + 8 * 1024 * 1024, "grows"
        #   The server is asked for what is wanted, and for nothing else: two
        #   subjects for each topic, one for reports, and its own
        for name in ("site1", "site2"):
            wait_until(lambda: server.connection(name)["subscriptions"]
                       == 2 * (len(kept) + 1) + 2, what="subscriptions")


@test("without a server a relay goes on alone, counts, and joins later")
def _():
    need_nats()
    with Proxy() as proxy, Site(
            "forwarder", "early", "--metrics", "127.0.0.1:0",
            join=proxy.url + "/news") as relay, sockets() as make:
        pub = make(zmq.PUB, relay.frontend)
        sub = subscriber(make, relay, b"A")
        settle(pub, [sub])
        pub.send(b"A here")
        equal(sub.recv(), b"A here")
        assert relay.stat("join.missed") > 0
        equal(relay.query("JOINED")[:2], ["news", "0"])
        metrics = relay.expect(r"http://(\S+?)/").group(1)
        with contextlib.suppress(urllib.error.HTTPError):
            urllib.request.urlopen("http://%s/readyz" % metrics)
            raise AssertionError("it is ready")
        relay.expect("goes on alone", errors=True)
        with Server() as server:
            proxy.lead_to(server.url)
            relay.wait_joined()
            with urllib.request.urlopen(
                    "http://%s/readyz" % metrics) as answer:
                equal(answer.read(), b"ready\n")
            before = relay.stat("join.out")
            pub.send(b"A there")
            wait_until(lambda: relay.stat("join.out") == before + 1)
        wait_until(lambda: relay.stat("join.ready") == 0)


@test("a relay is ready when the server has its subscriptions")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            Other(server.url) as other:
        proxy.cut_before("SUB news.")
        with Site("forwarder", "here", join=proxy.url + "/news") as here:
            here.expect("has joined news", errors=True)
            equal(here.stat("join.ready"), 0)
            proxy.cut(False)
            here.wait_joined()
            other.report()
            here.wait_joined(1)


@test("a server that stands still holds nobody up, as overflow says")
def _():
    need_nats()
    with Server() as server:
        for overflow, patience in (("hold", 60000), ("hold", 300),
                                   ("drop-new", 0), ("drop-old", 0)):
            with sites(1, "-o", "relay.join_buffer=65536", "-o",
                       "relay.join_patience=%d" % patience, "-o",
                       "forward.overflow=" + overflow,
                       url=server.url) as ((relay,), make):
                pub = make(zmq.PUB, relay.frontend, sndhwm=0)
                sub = subscriber(make, relay, b"A")
                settle(pub, [sub])
                server.stop()
                try:
                    #   More than any buffer of the kernel takes
                    for _ in range(400):
                        pub.send(b"A" + bytes(65000))
                    holds = patience == 60000
                    if holds:
                        wait_until(lambda: relay.stat("join.waiting") > 0)
                    else:
                        wait_until(lambda: relay.stat("join.missed") > 0)
                        for _ in range(400):
                            sub.recv()
                    before = relay.cpu_time()
                    started = time.monotonic()
                    equal(relay.give("PING"), (0, ["PING"]))
                    assert time.monotonic() - started < 5
                    time.sleep(0.3)
                    assert relay.cpu_time() - before < 0.2, "it spins"
                    assert relay.stat("join.waiting_bytes") < 300000
                finally:
                    server.go()
                if holds:
                    for _ in range(400):
                        sub.recv()
                    equal(relay.stat("join.missed"), 0, "missed")
                wait_until(lambda: relay.stat("join.waiting") == 0)
                equal(relay.stat("join.out") + relay.stat("join.missed")
                      >= 400, True)


@test("what others send amiss is counted, and harms nothing")
def _():
    need_nats()
    with Server() as server, sites(2, url=server.url) as (relays, make):
        sub = subscriber(make, relays[1], b"")
        pub = make(zmq.PUB, relays[0].frontend)
        settle(pub, [sub])
        equal(relays[1].stat("join.invalid"), 0)
        duplicates = relays[1].stat("join.duplicates")
        with Raw(server.url) as raw:
            good = parcel([b"A", b"good"])
            for number, payload in enumerate((
                    b"", b"x", good[:-1], good + b"\0", b"\0" * 8,
                    b"\xff" * 12, b"\0\1\0\1" + bytes(4 * 65537),
                    b"\0\0\0\2\xff\xff\xff\xff\0\0\0\2ab")):
                raw.parcel("news.pub.41", payload, sequence=number + 1)
            for headers in (
                    None, b"NATS/1.0\r\n\r\n", b"NATS/1.0\r\nA: B\r\n\r\n",
                    b"NATS/1.0\r\nZrelay-Origin: 7\r\n"
                    b"Zrelay-Sequence: 1\r\n\r\n", b"NATS", b"\0\0\0\0\r\n",
                    b"NATS/1.0\r\nZrelay-Origin\r\n\r\n"):
                raw.publish("news.pub.41", good, headers)
            raw.parcel("news.pub.41", good, origin="Z" * 16)
            raw.parcel("news.pub.41", good, sequence="-00000000000001")
            raw.parcel("news.site.pub", parcel([b"HERE"]), sequence=100)
            raw.parcel("news.site.pub", parcel([b"HERE", b"x" * 300]),
                       sequence=101)
            raw.parcel("news.site.pub", parcel([b"HERE", b"a", b"x" * 31]),
                       sequence=102)
            #   What only one site hears
            [own] = [subject for subject in
                     server.connection("site1", subs=1)["subscriptions_list"]
                     if subject.startswith("news.site.pub.")]
            numbers = bytes(16)
            for number, frames in enumerate((
                    [b"ASK"], [b"ASK", b""], [b"ASK", numbers, b""],
                    [b"TELL", numbers], [b"TELL", numbers, b"", b""],
                    [b"TELL", numbers, b"\3", b""],
                    [b"TELL", numbers, b"\2", b"\0" * 8],
                    [b"TELL", numbers, b"\2", b"\x11" + bytes(17 + 8)])):
                raw.parcel(own, parcel(frames), sequence=103 + number)
            raw.settle()
            #   A report without a name, and all above
            wait_until(lambda: relays[1].stat("join.invalid")
                       == 8 + 7 + 2 + 3 + 8, what="what is invalid")
            #   An answer that nobody asked for, and questions that nobody needs
            raw.parcel(own, parcel([b"TELL", numbers, b"\2",
                                    b"\1A" + bytes(7) + b"\5"]), sequence=120)
            raw.parcel(own, parcel([b"ASK", numbers]), sequence=121)
            raw.parcel(own, parcel([b"ASK", b"\xff" * 16]), sequence=122)
            #   The same twice; and a name with control characters
            raw.parcel("news.site.pub", parcel([b"HERE", b"a\nb", bytes(32)]),
                       sequence=123)
            raw.parcel("news.pub.41", good, sequence=200)
            raw.parcel("news.pub.41", good, sequence=200)
            raw.settle()
        equal(sub.recv_multipart(), [b"A", b"good"])
        wait_until(lambda: relays[1].stat("join.duplicates")
                   == duplicates + 1)
        assert "a?b" in relays[1].query("PEERS")
        pub.send(b"A still")
        equal(sub.recv(), b"A still")
        equal(relays[1].stat("join.lost"), 0)


@test("JOIN and LEAVE refuse with a sentence, and can be given at any time")
def _():
    need_nats()
    with Server("--user", "me", "--pass", "secret") as server, \
            sockets() as make, Site("forwarder", "one") as relay:
        for address in ("", "nats://one", "http://one/news", "nats://one/a.b",
                        "nats://one/" + "x" * 65):
            status, sentence = relay.give("JOIN", address)
            equal(status, 2, address)
            assert "JOIN takes nats://" in sentence[0], sentence
        equal(relay.give("LEAVE")[0], 3)
        equal(relay.query("PEERS"), ["0"])
        equal(relay.query("PEERS", "BACKEND"), ["0"])
        assert "it can be FRONTEND" in relay.give("PEERS", "NOWHERE")[1][0]
        equal(relay.query("JOINED"), [])
        pub = make(zmq.PUB, relay.frontend)
        #   Before JOIN: such subscriptions count as well
        sub = subscriber(make, relay, b"A")
        settle(pub, [sub])
        peers = relay.query("PEERS", "BACKEND")
        equal(peers[0], "1")
        assert peers[1].startswith("tcp://127.0.0.1:"), peers
        #   Wrong credentials: it says so, goes on alone, and gives no secret
        relay.do("JOIN", server.url.replace("//", "//me:wrong@") + "/news")
        relay.expect("is not joined to news: .*uthorization", errors=True)
        assert "wrong" not in "".join(relay.error_lines + relay.query("JOINED"))
        equal(relay.give("JOIN", server.url + "/news")[0], 3)
        pub.send(b"A alone")
        equal(sub.recv(), b"A alone")
        relay.do("LEAVE")
        right = server.url.replace("//", "//me:secret@") + "/news"
        relay.do("JOIN", right)
        relay.wait_joined()
        with Site("forwarder", "two", join=right) as other:
            other.wait_joined(1)
            far = make(zmq.PUB, other.frontend)
            settle(far, [sub])
            far.send(b"A far")
            equal(sub.recv(), b"A far")
            relay.do("LEAVE")
            #   It says goodbye, and hears no more
            wait_until(lambda: other.stat("join.sites") == 0)
            far.send(b"A too late")
            pub.send(b"A near")
            equal(sub.recv(), b"A near")
            equal(relay.stat("join.ready"), 1)


def text_of(relay):
    """A relay's statistics for people."""
    with Process([ZRELAY, "ctl", "--control", relay.control, "stats",
                  relay.name]) as process:
        return "\n".join(process.succeed())


@test("statistics for people tell of joining once a relay has joined")
def _():
    need_nats()
    with Server("-js") as server:
        for kind in ("queue", "forwarder", "streamer"):
            with Site(kind, "one") as relay:
                assert "\nforward " in text_of(relay)
                assert "join." not in text_of(relay), text_of(relay)
                assert "requests." not in text_of(relay), text_of(relay)
                assert relay.stats().keys() > {"join.ready", "join.out"}
                relay.do("JOIN", server.url + "/" + kind)
                relay.wait_joined()
                assert "\njoin.sites: 0\n" in text_of(relay), text_of(relay)
                #   What it did stays
                relay.do("LEAVE")
                assert "\njoin.connects: 1\n" in text_of(relay)
                relay.do("RESET")
                assert "join." not in text_of(relay), text_of(relay)


def certificate(folder, name):
    """A certificate that is its own authority, and its key."""
    paths = [os.path.join(folder, name + end) for end in (".pem", ".key")]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "1", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=IP:127.0.0.1,DNS:localhost", "-out", paths[0],
         "-keyout", paths[1]],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return paths


@test("a connection can be encrypted, both ends known by certificates")
def _():
    need_nats()
    if not shutil.which("openssl"):
        raise Skip("there is no openssl to make certificates with")
    with temp_dir() as folder:
        server_cert, server_key = certificate(folder, "server")
        cert, key = certificate(folder, "relay")
        config = """tls { cert_file: "%s", key_file: "%s", ca_file: "%s",
            verify: true }""" % (server_cert, server_key, cert)
        with Server(config=config) as server, Site("forwarder", "one") as one:
            address = "tls://127.0.0.1:%d/news" % server.port
            for name, value in (("ca", server_cert), ("cert", cert)):
                one.do("SET", "RELAY", "join_" + name, value)
            equal(one.give("JOIN", address), (
                3, ["join_cert and join_key are needed both, or neither"]))
            one.do("SET", "RELAY", "join_key", key)
            one.do("JOIN", address)
            one.wait_joined()
            one.do("LEAVE")
            #   What is missing is said, and so is whom it does not trust
            for name, value in (("ca", folder + "/none"), ("ca", cert)):
                one.do("SET", "RELAY", "join_" + name, value)
                one.do("JOIN", address)
                wait_until(lambda: "no answer" not in one.query("JOINED")[2])
                equal(one.query("JOINED")[1], "0")
                one.do("LEAVE")


@test("a file of credentials lets a relay in, and no other does")
def _():
    need_nats()
    if not shutil.which("openssl"):
        raise Skip("there is no openssl to make keys with")
    with temp_dir() as folder:
        known, unknown = Key(folder, ACCOUNT), Key(folder, ACCOUNT)
        right = credentials(folder, known)
        wrong = credentials(folder, unknown)
        with open(right) as file:
            seed = next(line for line in file.read().splitlines()
                        if line.startswith("SU"))
        #   The token of one user, the key of another
        torn = os.path.join(folder, "torn.creds")
        with open(torn, "w") as file, open(right) as other:
            file.write(other.read().replace(seed, Key(folder, USER).seed))
        with Server(config=operator(folder, known)) as server, \
                Site("forwarder", "one") as relay:
            for path, sentence in (("", "uthorization"),
                                   (wrong, "uthorization"),
                                   (torn, "uthorization"),
                                   (folder + "/none.creds", "none.creds")):
                relay.do("SET", "RELAY", "join_creds", path)
                relay.do("JOIN", server.url + "/news")
                wait_until(lambda: sentence in relay.query("JOINED")[2],
                           what=sentence)
                equal(relay.query("JOINED")[1], "0")
                relay.do("LEAVE")
            relay.do("SET", "RELAY", "join_creds", right)
            relay.do("JOIN", server.url + "/news")
            relay.wait_joined()
            equal(relay.query("GET", "RELAY", "join_creds"), [right])
            assert seed not in "".join(relay.error_lines)


@test("what cannot be joined is refused at the start")
def _():
    need_nats()
    for words, sentence in (
            (["proxy", "-f", "PULL@tcp://127.0.0.1:*", "-b",
              "PUSH@tcp://127.0.0.1:*", "--join", "nats://one/x"],
             "cannot be joined"),
            (["forwarder", "-f", "@tcp://127.0.0.1:*", "-b",
              "@tcp://127.0.0.1:*", "--join", "one"], "JOIN takes")):
        with Process([ZRELAY, *words]) as process:
            equal(process.wait(), 2)
            assert sentence in process.error_lines[0], process.error_lines


@test("a file joins relays with its commands")
def _():
    need_nats()
    with Server() as server, temp_dir() as folder:
        path = os.path.join(folder, "relays.conf")
        with open(path, "w") as file:
            file.write("""\
version = 1
apps
    main
        devices
            one
                type = forwarder
                sockets
                    frontend
                        bind = "tcp://127.0.0.1:*"
                    backend
                        bind = "tcp://127.0.0.1:*"
                join = "%s/news"
""" % server.url)
        Process([ZRELAY, "check", path]).succeed()
        with Process([ZRELAY, "run", path]) as process:
            process.expect("has joined news", errors=True)


@test("what a connection had taken when it broke comes all the same, once")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            Site("forwarder", "here", join=proxy.url + "/news") as here, \
            Site("forwarder", "there", join=server.url + "/news") as there, \
            sockets() as make:
        for relay in (here, there):
            relay.wait_joined(1)
        pubs = [make(zmq.PUB, relay.frontend) for relay in (here, there)]
        subs = [subscriber(make, relay, b"A") for relay in (here, there)]
        for number, pub in enumerate(pubs):
            settle(pub, subs, b"settle%d" % number)
        before = [relay.stat("join.out") for relay in (here, there)]
        proxy.swallow()
        for number in range(50):
            for place, pub in enumerate(pubs):
                pub.send(b"A %d %d" % (place, number))
        for count, relay in zip(before, (here, there)):
            wait_until(lambda: relay.stat("join.out") == count + 50
                       and relay.stat("join.waiting") == 0)
        proxy.break_off()
        expected = sorted(b"A %d %d" % (place, number)
                          for number in range(50) for place in range(2))
        #   What was sent before the servers knew of a subscription may come now
        for sub in subs:
            got = []
            while len(got) < len(expected):
                message = sub.recv()
                if not message.startswith(b"settle"):
                    got.append(message)
            equal(sorted(got), expected)
            equal([frames for frames in drain(sub)
                   if not frames[0].startswith(b"settle")], [], "more")


@test("one server of three, then a relay, then a whole site is lost",
      deadline=2 * DEADLINE)
def _():
    need_nats()
    with cluster() as servers, Proxy(servers[2].url) as proxy, \
            contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        urls = [servers[0].url, servers[1].url, servers[2].url]
        #   Each has a server next to it; the third has only this one
        joins = [",".join(urls[:2]) + "/news",
                 ",".join(urls[1::-1]) + "/news", proxy.url + "/news"]
        relays = [stack.enter_context(Site(
            "forwarder", "site%d" % number, join=join))
            for number, join in enumerate(joins)]
        for relay in relays:
            relay.wait_joined(2)
        pubs = [make(zmq.PUB, relay.frontend, sndhwm=0) for relay in relays]
        subs = [subscriber(make, relay, b"") for relay in relays]
        for number, pub in enumerate(pubs):
            settle(pub, subs, b"settle%d" % number)
        sent = [0, 0, 0]
        got = [{}, {}, {}]

        def carry(seconds, places):
            """Publish and hear, steadily."""
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                for place in places:
                    pubs[place].send(b"%d %d" % (place, sent[place]))
                    sent[place] += 1
                hear(0.005, places)

        def hear(seconds, places):
            for place in places:
                while subs[place].poll(0):
                    message = subs[place].recv()
                    if not message.startswith(b"settle"):
                        got[place][message] = got[place].get(message, 0) + 1
            time.sleep(seconds)

        def all_heard(places):
            hear(0.01, places)
            return all(len(got[place]) >= sum(sent) for place in places)

        carry(0.5, (0, 1, 2))
        servers[0].kill()
        carry(1.5, (0, 1, 2))
        wait_until(lambda: all_heard((0, 1, 2)), what="all after a server")
        for place in range(3):
            equal(set(got[place].values()), {1}, "how often each came")

        #   A relay: the other two do not notice
        relays[1].kill()
        carry(0.3, (0, 2))
        wait_until(lambda: all_heard((0, 2)), what="all after a relay")
        wait_until(lambda: relays[0].stat("join.sites") == 1, what="gone")

        #   A site: it goes on alone, and what it sent comes later
        proxy.cut()
        before = sum(sent)
        carry(1, (0, 2))
        wait_until(lambda: relays[2].stat("join.ready") == 0, what="cut off")
        carry(0.5, (0, 2))
        wait_until(lambda: (hear(0.01, (2,)), sent[2] == sum(
            message.startswith(b"2 ") for message in got[2]))[1],
                   what="the site's own")
        proxy.cut(False)
        relays[2].wait_joined(1)
        after = len(got[2])
        wait_until(lambda: (hear(0.01, (0, 2)), len(got[0]) >= sum(sent))[1],
                   what="what the site sent")
        carry(0.3, (0, 2))
        wait_until(lambda: (hear(0.01, (0, 2)), len(got[0]) >= sum(sent))[1],
                   what="what the site sent")
        assert after > before / 2
        for place in (0, 2):
            equal(set(got[place].values()), {1}, "how often each came")
        #   What it missed meanwhile is counted there
        wait_until(lambda: (hear(0.01, (2,)), sent[0]
                            == relays[2].stat("join.lost") + sum(
                                message.startswith(b"0 ")
                                for message in got[2]))[1],
                   what="count of what was missed")
        equal(relays[0].stat("join.lost"), 0)


if __name__ == "__main__":
    main()
