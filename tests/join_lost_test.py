#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What joined forwarders do after an outage: nothing comes twice, and what did
not come is counted."""

import contextlib
import struct
import zmq
from joining import (Other, Proxy, Server, Site, drain, need_nats, settle,
                     subscriber)
from zrelay_testing import equal, main, sockets, test, wait_until

#   Of which an answer has more bytes than a server may take
TOPICS = 10000

#   How often a relay comes back
ROUNDS = 25

#   What ends an answer: all is known, or at least so much
LEAST, KNOWN = 1, 2


def origin(server):
    """That of the relay which is called here."""
    [own] = [subject.rpartition(".")[2] for subject in
             server.connection("/here", subs=1)["subscriptions_list"]
             if subject.startswith("news.site.pub.")]
    return own


def row(topic, messages):
    """What an answer says of a topic."""
    return bytes([len(topic)]) + topic + struct.pack(">Q", messages)


def tell(server, other, asked, *parts):
    """Answer that, with rows in so many parts."""
    parts = [*parts, b""]
    at = 0
    for number, rows in enumerate(parts, 1):
        other.say("site.pub." + origin(server), [b"TELL", asked, struct.pack(
            ">BQ", KNOWN if number == len(parts) else 0, at), rows])
        at += len(rows)


def subscribe(sub, other):
    """Wait until what the other one publishes comes."""
    def reached():
        other.say("pub.41", [b"A", b"settle"])
        return sub.poll(10)
    wait_until(reached, what="subscription")


def reports(other, count):
    """Hear so many reports of the relay that is called here."""
    while count > 0:
        count -= other.hear_word(b"HERE")[1].endswith(b"/here")


def pass_time(relay, msecs):
    """Until what it has sent is not sent again, or it is older than others."""
    until = relay.stat("uptime_ms") + msecs
    wait_until(lambda: relay.stat("uptime_ms") >= until, what="time")


def without_settling(messages):
    return [frames for frames in messages
            if not frames[0].startswith(b"settle")]


@contextlib.contextmanager
def pair(here_url, there_url, *options, topics=(b"A",)):
    """Two relays, a publisher of the first and a subscriber of the other, whose
    options these are, when messages get from one to the other."""
    with Site("forwarder", "here", join=here_url + "/news") as here, \
            Site("forwarder", "there", *options,
                 join=there_url + "/news") as there, sockets() as make:
        for relay in (here, there):
            relay.wait_joined(1)
        pub = make(zmq.PUB, here.frontend, sndhwm=0)
        sub = subscriber(make, there, *topics)
        settle(pub, [sub])
        yield here, there, pub, sub


@test("what a site missed while it was cut off is counted there")
def _():
    need_nats()
    #   A server that takes no large answers
    with Server(config="max_payload: 131072") as server, \
            Proxy(server.url) as proxy, \
            pair(server.url, proxy.url, "-o", "backend.sndhwm=0",
                 topics=(b"A", b"0123456789abcdefX")) as (
                     here, there, pub, sub):
        wanted = (b"A", b"AB", b"0123456789abcdefX")
        sent = got = 0

        def publish(times, size):
            nonlocal sent
            before = here.stat("join.out")
            for _ in range(times):
                for topic in (*wanted, b"C", b""):
                    pub.send_multipart((topic, b"x" * size))
            wait_until(lambda: here.stat("join.out") == before + 5 * times
                       and here.stat("join.waiting") == 0, what="sent")
            sent += len(wanted) * times

        def all_there():
            nonlocal got
            got += len(without_settling(drain(sub)))
            return got + there.stat("join.lost") == sent

        publish(100, 10)
        wait_until(all_there, what="messages")
        equal(there.stat("join.lost"), 0)
        proxy.cut()
        wait_until(lambda: there.stat("join.ready") == 0, what="cut off")
        #   Many topics, and more than a relay sends again
        before = here.stat("join.out")
        for number in range(TOPICS):
            pub.send(b"A%06d" % number)
        wait_until(lambda: here.stat("join.out") == before + TOPICS,
                   what="sent")
        sent += TOPICS
        publish(60, 100000)
        proxy.cut(False)
        there.wait_joined(1)
        publish(10, 10)
        wait_until(all_there, what="messages, or their count")
        lost = there.stat("join.lost")
        assert 0 < lost < sent, lost
        line = there.expect(r"has lost (\d+) messages of \S+/here, which",
                            errors=True)
        assert 0 < int(line.group(1)) <= lost, line.group(0)
        #   And everything comes again
        publish(10, 10)
        wait_until(all_there, what="messages")
        equal(there.stat("join.lost"), lost)


@test("a site that comes back after long repeats nothing that others have")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            pair(proxy.url, server.url) as (here, there, pub, sub):
        sent = [[b"A %d" % number] for number in range(50)]
        for frames in sent:
            pub.send_multipart(frames)
        equal([sub.recv_multipart() for _ in sent], sent)
        #   What it sent last is what it will send again
        proxy.lead_to(None)
        proxy.break_off()
        there.wait_joined(0)
        proxy.lead_to(server.url)
        for relay in (here, there):
            relay.wait_joined(1)
        wait_until(lambda: there.stat("join.duplicates") >= 50,
                   what="what is sent again")
        pub.send(b"A over")
        equal(without_settling(drain(sub)), [[b"A over"]])
        equal(there.stat("join.lost"), 0)


@test("what had no room is counted, though reports came before and behind it")
def _():
    need_nats()
    with Server() as server, \
            pair(server.url, server.url, "-o", "relay.join_buffer=65536") as (
                here, there, pub, sub), Other(server.url) as other:
        there.do("PAUSE")
        reports(other, 2)
        sent = 0
        while there.stat("join.dropped") == 0:
            pub.send_multipart([b"A", b"x" * 10000])
            sent += 1
            wait_until(lambda: here.stat("join.waiting") == 0)
        reports(other, 2)
        there.do("RESUME")
        got = 0

        def all_there():
            nonlocal got
            got += len(without_settling(drain(sub)))
            return got + there.stat("join.lost") == sent
        wait_until(all_there, what="messages, or their count")
        assert there.stat("join.lost") > 0


@test("a site that is asked is not asked again until it had time to answer")
def _():
    need_nats()
    with Server() as server, Other(server.url) as other, \
            Site("forwarder", "here", join=server.url + "/news") as here, \
            sockets() as make:
        here.wait_joined()
        sub = subscriber(make, here, b"A")
        other.report(10)
        here.wait_joined(1)
        subscribe(sub, other)
        other.report(1000)
        assert not any(said[0] == b"ASK" for said in other.hear_until_here())
        #   Of a stretch that is not heard of, two come
        for number in (1, 2):
            other.say("pub.41", [b"A", b"%d" % number], sequence=1050 + number)
        other.report(2000, after=1100)
        other.report(2100)
        asked = other.hear_word(b"ASK")[1]
        equal(asked, struct.pack(">2Q", 1000, 2100))
        for number in range(10):
            other.report(2200 + number)
        said = [frames[0] for _ in range(3)
                for frames in other.hear_until_here()]
        equal([word for word in said if word != b"HERE"], [])
        first, second = row(b"A", 4) + row(b"B", 7), row(b"AB", 5)
        #   The second part does not come; then the whole answer, and again
        other.say("site.pub." + origin(server), [
            b"TELL", asked, struct.pack(">BQ", 0, 0), first])
        other.say("site.pub." + origin(server), [
            b"TELL", asked, struct.pack(">BQ", KNOWN, len(first + second)),
            b""])
        for _ in range(2):
            tell(server, other, asked, first, second)
        wait_until(lambda: here.stat("join.lost") > 0, what="the count")
        here.expect(r"has lost 7 messages of other, which", errors=True)
        #   Nothing was missed since
        other.report(3000)
        said = [frames[0] for _ in range(3)
                for frames in other.hear_until_here()]
        equal([word for word in said if word != b"HERE"], [])
        equal(here.stat("join.lost"), 7)


@test("what comes between a question and its answer is not missed later")
def _():
    need_nats()
    with Server() as server, Other(server.url) as other, \
            Site("forwarder", "here", join=server.url + "/news") as here, \
            sockets() as make:
        here.wait_joined()
        sub = subscriber(make, here, b"A")
        other.report(10)
        here.wait_joined(1)
        subscribe(sub, other)
        for upto in (1000, 1001):
            other.report(upto)
        other.report(2000, after=1100)
        other.report(2100)
        asked = other.hear_word(b"ASK")[1]
        for number in range(5):
            other.say("pub.41", [b"A", b"x"], sequence=2200 + number)
        tell(server, other, asked, row(b"A", 7))
        wait_until(lambda: here.stat("join.lost") == 7, what="the count")
        #   One report is clean, the next one tells of another loss
        other.report(3000)
        other.report(5000, after=4000)
        other.report(5100)
        asked = other.hear_word(b"ASK")[1]
        equal(asked, struct.pack(">2Q", 2100, 5100))
        tell(server, other, asked, row(b"A", 5 + 3))
        wait_until(lambda: here.stat("join.lost") > 7, what="the count")
        equal(here.stat("join.lost"), 10)


@test("what a site published that began while another was cut off is counted")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            Other(server.url) as other, \
            Site("forwarder", "there", join=proxy.url + "/news") as there, \
            sockets() as make:
        there.wait_joined()
        sub = subscriber(make, there, b"A")
        pass_time(there, 1000)
        proxy.lead_to(None)
        proxy.break_off()
        wait_until(lambda: there.stat("join.ready") == 0, what="cut off")
        with Site("forwarder", "here", join=server.url + "/news") as here:
            here.wait_joined()
            pub = make(zmq.PUB, here.frontend, sndhwm=0)
            wait_until(lambda: pub.send(b"begin")
                       or here.stat("join.out") > 0, what="publications")
            for number in range(500):
                pub.send(b"A%d" % number)
            pass_time(here, 3500)
            reports(other, 2)
            proxy.lead_to(server.url)
            there.wait_joined(1)
            wait_until(lambda: there.stat("join.lost") == 500,
                       what="the count")
            pub.send(b"A over")
            equal(sub.recv(), b"A over")


@test("what a silent connection of the publisher's site swallowed is counted")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            Other(server.url) as other, \
            pair(proxy.url, server.url) as (here, there, pub, sub):
        #   So long that reports are swallowed, and not that it is noticed
        reports(other, 2)
        proxy.swallow_words("HPUB")
        for number in range(100):
            pub.send(b"A%d" % number)
        pass_time(here, 4400)
        proxy.break_off()
        wait_until(lambda: here.stat("join.connects") == 2, what="back")
        wait_until(lambda: there.stat("join.lost") == 100, what="the count")
        pub.send(b"A over")
        equal(without_settling([sub.recv_multipart()]), [[b"A over"]])


@test("a site that leaves and joins again hears nothing twice")
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            pair(proxy.url, server.url) as (here, there, pub, sub):
        for number in range(50):
            pub.send(b"A%d" % number)
        equal(len([sub.recv() for _ in range(50)]), 50)
        there.do("LEAVE")
        equal(there.query("PEERS"), ["0"])
        there.do("JOIN", server.url + "/news")
        there.wait_joined()
        duplicates = there.stat("join.duplicates")
        proxy.break_off()
        wait_until(lambda: there.stat("join.duplicates") >= duplicates + 50,
                   what="what is sent again")
        equal(without_settling(drain(sub)), [])


@test("what was counted is not delivered, if it is sent again for others")
def _():
    need_nats()
    with Server() as server, \
            pair(server.url, server.url, "-o", "relay.join_buffer=65536",
                 "-o", "backend.sndhwm=0") as (here, there, pub, sub), \
            Other(server.url) as other:
        there.do("PAUSE")
        other.report(verb=b"NEW")
        reports(other, 1)
        sent = 0
        while there.stat("join.dropped") < 10:
            pub.send_multipart([b"A", b"x" * 10000])
            sent += 1
            wait_until(lambda: here.stat("join.waiting") == 0)
        there.do("RESUME")
        got = len(without_settling(drain(sub, 0.1)))
        for _ in range(3):
            other.report(verb=b"NEW")
            reports(other, 1)
        wait_until(lambda: there.stat("join.lost") > 0, what="lost")
        equal(got + there.stat("join.lost"), sent, "messages and their count")
        duplicates = there.stat("join.duplicates")
        other.report(verb=b"BACK")
        wait_until(lambda: there.stat("join.duplicates") > duplicates,
                   what="what is sent again")
        pub.send(b"A over")
        equal(without_settling(drain(sub)), [[b"A over"]])


@test("answers are for sites that report themselves, and are bounded")
def _():
    need_nats()
    #   Parts are as large as a server of small messages takes them
    for options, whole in (((), True),
                           (("-o", "relay.join_buffer=65536"), False)):
        with Server(config="max_payload: 16384") as server, \
                Other(server.url) as other, \
                Site("forwarder", "here", *options,
                     join=server.url + "/news") as here, \
                sockets() as make:
            here.wait_joined()
            pub = make(zmq.PUB, here.frontend, sndhwm=0)
            other.hear_word(b"HERE")
            before = here.stat("join.out")
            wait_until(lambda: pub.send(b"begin")
                       or here.stat("join.out") > before, what="publications")
            before = here.stat("join.out")
            for number in range(TOPICS):
                pub.send(b"A%06d" % number)
            wait_until(lambda: here.stat("join.out") >= before + TOPICS,
                       what="sent")
            other.hear_word(b"HERE")
            [upto] = struct.unpack_from(">Q", other.hear_word(b"HERE")[2], 8)
            own = origin(server)
            question = [b"ASK", struct.pack(">2Q", 0, upto)]

            def heard():
                """Rows of the answers, and what their last parts say."""
                parts = [frames for frames in other.hear_until_here()
                         if frames[0] == b"TELL"]
                return (sum(len(frames[3]) // (1 + 7 + 8) for frames in parts),
                        [frames[2][0] for frames in parts if frames[2][0]])
            #   Nobody knows it yet
            other.say("site.pub." + own, question)
            equal(heard(), (0, []))
            other.say("site.pub." + own, question)
            rows, ends = heard()
            equal(ends, [KNOWN if whole else LEAST])
            assert (rows >= TOPICS) == whole, rows
            #   As often as one likes
            for _ in range(200):
                other.say("site.pub." + own, question)
            answers = sum(len(heard()[1]) for _ in range(3))
            assert answers < (60 if whole else 4), answers


@test("a site that comes back says so, though it has no room", deadline=180)
def _():
    need_nats()
    with Server() as server, Proxy(server.url) as proxy, \
            Other(server.url) as other, \
            Site("forwarder", "here", "-o", "relay.join_patience=0",
                 "-o", "relay.join_buffer=4194304",
                 join=proxy.url + "/news") as here, sockets() as make:
        here.wait_joined()
        pub = make(zmq.PUB, here.frontend)
        #   There is none only until the connection takes some: in each round
        #   that is so with some luck
        for _ in range(ROUNDS):
            proxy.lead_to(None)
            proxy.break_off()
            wait_until(lambda: here.stat("join.ready") == 0, what="cut off")
            for size in (10000, 1):
                missed = here.stat("join.missed")
                while here.stat("join.missed") == missed:
                    for _ in range(10):
                        pub.send_multipart([b"A", b"x" * size])
            proxy.lead_to(server.url)
            other.hear_word(b"BACK")
            wait_until(lambda: here.stat("join.waiting") == 0, what="room")



if __name__ == "__main__":
    main()
