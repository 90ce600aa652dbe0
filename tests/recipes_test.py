#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The recipes in doc/recipes.md do what they say. Each is run as it stands
there, with other addresses."""

import contextlib
import grp
import os
import re
import shlex
import signal
import stat
import subprocess
import sys

import zmq

from zrelay_testing import DEADLINE, TOP_SRCDIR, ZRELAY, Process, Skip, \
    equal, main, temp_dir, test, wait_until

FREE = "tcp://127.0.0.1:*"
RECIPES = 15

with open(os.path.join(TOP_SRCDIR, "doc", "recipes.md")) as _file:
    _sections = re.split(r"^## (\d+)\. .*$", _file.read(), flags=re.M)[1:]
COMMANDS = {
    int(number): re.findall(r"^    (zrelay .*)$", text, re.M)
    for number, text in zip(_sections[::2], _sections[1::2])}


class Recipe:
    """The relay of a recipe, and sockets for it. replaced has what the test
    uses in the place of words, or parts of them, in the command line."""

    def __init__(self, number, *extra, cwd=None, **replaced):
        (line,) = COMMANDS[number]
        for word, other in replaced.pop("words", {}).items():
            assert word in line, (word, line)
            line = line.replace(word, other)
        #   No fixed ports; defaults are fixed ports, too
        words = [re.sub(r"^(\w*@?)tcp://(127\.0\.0\.1|0\.0\.0\.0):\d+$",
                        r"\1" + FREE, word) for word in shlex.split(line)]
        words = [re.sub(r"^tcp://\[::1\]:\d+$", "tcp://[::1]:*",
                        re.sub(r"^ws://127.*", "ws://127.0.0.1:*", word))
                 for word in words]
        words = [ZRELAY, *words[1:], *extra]
        for option in ("-f", "-b"):
            if option not in words:
                words += [option, FREE]
        self.process = Process(words, cwd=cwd)
        self.context = zmq.Context()

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.context.destroy(linger=0)
        self.process.kill()

    def at(self, side):
        """Where a side, or the capture, is bound."""
        return self.process.expect(r"^\S+: %s bound to (\S+)$" % side).group(1)

    def socket(self, type_, place, **options):
        """A socket that is connected to a side, or to an endpoint."""
        sock = self.context.socket(type_)
        sock.linger = 0
        sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
        for name, value in options.items():
            setattr(sock, name, value)
        sock.connect(place if ":" in place else self.at(place))
        return sock

    def ends(self):
        self.process.signal(signal.SIGTERM)
        equal(self.process.wait(), 0, "exit status")


def upstream(context, type_, **options):
    """A socket that is bound, where the relay is to connect, and its port."""
    sock = context.socket(type_)
    sock.linger = 0
    sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
    for name, value in options.items():
        setattr(sock, name, value)
    return sock, "127.0.0.1:%d" % sock.bind_to_random_port("tcp://127.0.0.1")


@contextlib.contextmanager
def fed(number, place, *extra, type_=zmq.XPUB, cwd=None, words=None,
        **options):
    """A recipe that connects to a server, in the place of the address in its
    command line, and that server."""
    context = zmq.Context()
    try:
        server, address = upstream(context, type_, **options)
        with Recipe(number, *extra, cwd=cwd,
                    words=dict(words or {}, **{place: address})) as relay:
            yield relay, server
    finally:
        context.destroy(linger=0)


def keygen(folder, name):
    """Make a certificate; returns both keys."""
    path = os.path.join(folder, name)
    subprocess.run([ZRELAY, "keygen", path], check=True,
                   stdout=subprocess.DEVNULL)
    with open(path + "_secret") as file:
        text = file.read()
    return [re.search('%s-key = "(.*)"' % part, text).group(1).encode()
            for part in ("public", "secret")]


def until(send, receive, message):
    """Send until it arrives, as subscriptions take their time."""
    def arrives():
        send()
        return receive.poll(50)
    wait_until(arrives, what="subscription")
    equal(receive.recv_multipart(), message, "message")


def exchange(client, worker):
    client.send(b"request")
    equal(worker.recv(), b"request", "request")
    worker.send(b"reply")
    equal(client.recv(), b"reply", "reply")


@test("there are fifteen recipes, each with one command line")
def _():
    equal(sorted(COMMANDS), list(range(1, RECIPES + 1)), "recipes")
    for number, lines in COMMANDS.items():
        equal(len(lines), 1, "command lines of recipe %d" % number)


@test("1: thirty publishers")
def _():
    with Recipe(1) as relay:
        subscriber = relay.socket(zmq.SUB, "backend")
        subscriber.subscribe(b"")
        publishers = [relay.socket(zmq.PUB, "frontend") for _ in range(30)]
        missing = set(b"%d" % number for number in range(30))

        def all_heard():
            for number, publisher in enumerate(publishers):
                publisher.send(b"%d" % number)
            while subscriber.poll(50):
                missing.discard(subscriber.recv())
            return not missing
        wait_until(all_heard, what="thirty publishers")
        relay.ends()


@test("2: a Zeek cluster, whose nodes publish and subscribe")
def _():
    with Recipe(2) as relay:
        nodes = [(relay.socket(zmq.XPUB, "frontend", xpub_nodrop=True),
                  relay.socket(zmq.XSUB, "backend")) for _ in range(3)]
        for _, xsub in nodes:
            xsub.send(b"\1zeek.event.")
        for xpub, _ in nodes:
            equal(xpub.recv(), b"\1zeek.event.", "subscription")
        for number, (xpub, _) in enumerate(nodes):
            xpub.send_multipart([b"zeek.event.x", b"%d" % number])
        for _, xsub in nodes:
            equal(sorted(xsub.recv_multipart()[1] for _ in nodes),
                  [b"0", b"1", b"2"], "events")
        relay.ends()


@test("3: some topics of a Bitcoin node, encrypted")
def _():
    with temp_dir() as folder:
        key, _ = keygen(folder, "feed.cert")
        public, secret = zmq.curve_keypair()
        with fed(3, "127.0.0.1:28332", cwd=folder) as (relay, node):
            client = relay.socket(
                zmq.SUB, "backend", curve_serverkey=key,
                curve_publickey=public, curve_secretkey=secret)
            stranger = relay.socket(zmq.SUB, "backend")
            for sock in (client, stranger):
                sock.subscribe(b"")
            equal(sorted([node.recv(), node.recv()]),
                  [b"\1hashblock", b"\1hashtx"], "what the node is asked for")
            #   The end of each message tells how many there were
            node.send_multipart([b"rawtx", b"x" * 300, b"\0\0\0\0"])
            node.send_multipart([b"hashblock", b"x" * 32, b"\1\0\0\0"])
            equal(client.recv_multipart(),
                  [b"hashblock", b"x" * 32, b"\1\0\0\0"], "message")
            assert not stranger.poll(100)
            relay.ends()


@test("4: an encrypted feed for programs that cannot encrypt")
def _():
    with temp_dir() as folder:
        key, secret = keygen(folder, "server")
        with open(os.path.join(folder, "feed.key"), "wb") as file:
            file.write(key + b"\n")
        for words in ({}, {"feed.key": shlex.quote(key.decode())}):
            with fed(4, "feed.example.com:5556", cwd=folder, words=words,
                     curve_server=True, curve_publickey=key,
                     curve_secretkey=secret) as (relay, server):
                subscriber = relay.socket(zmq.SUB, "backend")
                subscriber.subscribe(b"news")
                equal(server.recv(), b"\1news", "subscription")
                server.send(b"news")
                equal(subscriber.recv(), b"news", "message")
                relay.process.expect("frontend connected to ")
                relay.ends()


@test("5: IPv6")
def _():
    if not os.path.exists("/proc/net/if_inet6"):
        raise Skip("no IPv6 on this machine")
    with Recipe(5) as relay:
        exchange(relay.socket(zmq.REQ, "frontend", ipv6=True),
                 relay.socket(zmq.REP, "backend", ipv6=True))
        relay.ends()


@test("6: a tap to a file")
def _():
    with Recipe(6) as relay:
        client = relay.socket(zmq.REQ, "frontend")
        worker = relay.socket(zmq.REP, "backend")
        with Process([sys.executable,
                      os.path.join(TOP_SRCDIR, "examples", "tap.py"),
                      relay.at("capture")]) as tap:
            def seen():
                exchange(client, worker)
                return any("'reply'" in line for line in tap.lines)
            wait_until(seen, what="a line of the tap")
            tap.expect(r"^\S+ 'request' .* 'request'$")
            tap.expect(r"^\S+ 'reply' .* 'reply'$")
        relay.ends()


@test("7: a local socket for a group")
def _():
    group = grp.getgrgid(os.getgid()).gr_name
    with temp_dir() as folder, Recipe(7, words={
            "/run/orders": folder, "group=orders": "group=" + group}) as relay:
        exchange(relay.socket(zmq.REQ, "frontend"),
                 relay.socket(zmq.REP, "backend"))
        for name in ("clients", "workers"):
            mode = os.stat(os.path.join(folder, name)).st_mode
            equal(stat.S_IMODE(mode), 0o660, "mode")
        relay.ends()
        equal(os.listdir(folder), [], "files left")


@test("8: publishing from cron")
def _():
    (line,) = re.findall(r"^    0 3 \* \* \* +(.*)$", _sections[15], re.M)
    with Recipe(8) as relay:
        subscriber = relay.socket(zmq.SUB, "backend")
        subscriber.subscribe(b"")
        pusher = relay.socket(zmq.PUSH, "frontend")
        until(lambda: pusher.send(b"?"), subscriber, [b"?"])
        while subscriber.poll(50):
            subscriber.recv()
        command = shlex.split(line.replace("tcp://127.0.0.1:5557",
                                           relay.at("frontend")))
        subprocess.run([sys.executable, *command[1:]], check=True,
                       timeout=DEADLINE)
        equal(subscriber.recv_multipart(), [b"backup", b"done"], "message")
        relay.ends()


@test("9: two sites, of which one can only connect outwards")
def _():
    with Recipe(1) as hub, Recipe(9, words={
            "tcp://hub.example.com:5556": hub.at("frontend")}) as site:
        listener = hub.socket(zmq.SUB, "backend")
        listener.subscribe(b"london.orders")
        publisher = site.socket(zmq.PUB, "frontend")
        until(lambda: publisher.send_multipart([b"orders.1", b"x"]),
              listener, [b"london.orders.1", b"x"])
        site.ends()


@test("10: a public feed, without what nobody here needs")
def _():
    with fed(10, "pubsub.example.org:7658") as (relay, feed):
        subscriber = relay.socket(zmq.SUB, "backend")
        subscriber.subscribe(b"")
        equal(feed.recv(), b"\1/RIG/KV6", "what the feed is asked for")
        for topic in (b"/GOVI/KV8", b"/RIG/KV6/test", b"/RIG/KV6posinfo"):
            feed.send_multipart([topic, b"xml"])
        equal(subscriber.recv_multipart(), [b"positionsposinfo", b"xml"],
              "message")
        relay.ends()


@test("11: publications for browsers")
def _():
    #   websocket_test.py has peers that speak it
    with fed(11, "127.0.0.1:5556") as (relay, publisher):
        if not relay.at("backend").startswith("ws://"):
            raise AssertionError("not bound by ws")
        subscriber = relay.socket(zmq.SUB, relay.process.expect(
            r"^\S+: backend bound to (tcp://\S+)$").group(1))
        subscriber.subscribe(b"news")
        equal(publisher.recv(), b"\1news", "subscription")
        publisher.send(b"news")
        equal(subscriber.recv(), b"news", "message")
        relay.ends()


@test("12: dashboards that show something at once")
def _():
    with fed(12, "127.0.0.1:5557") as (relay, publisher):
        equal(publisher.recv(), b"\1", "subscription")
        publisher.send_multipart([b"room", b"21"])
        late = relay.socket(zmq.SUB, "backend")
        late.subscribe(b"room")
        equal(late.recv_multipart(), [b"room", b"21"], "message")
        relay.ends()
    #   And the greeting of a plain forwarder
    with Recipe(1, "-o", "backend.xpub_welcome_msg=welcome") as relay:
        subscriber = relay.socket(zmq.SUB, "backend")
        subscriber.subscribe(b"welcome")
        equal(subscriber.recv(), b"welcome", "greeting")


@test("13: fresh tasks first")
def _():
    with Recipe(13, "-o", "backend.sndhwm=1") as relay:
        pusher = relay.socket(zmq.PUSH, "frontend", sndhwm=0)
        for number in range(6000):
            pusher.send(b"%d" % number)

        def received():
            relay.process.signal(signal.SIGUSR1)
            relay.process.expect(r"^frontend in +6000 ", errors=True,
                                 deadline=1)
            return True
        wait_until(lambda: _quietly(received), what="6000 tasks")
        puller = relay.socket(zmq.PULL, "backend")
        equal(puller.recv(), b"1000", "the first that is left")


def _quietly(function):
    try:
        return function()
    except Exception:
        return None


@test("14: publications become tasks, at most a hundred in a second")
def _():
    with fed(14, "127.0.0.1:5556") as (relay, publisher):
        puller = relay.socket(zmq.PULL, "backend")
        equal(publisher.recv(), b"\1orders.", "subscription")
        for number in range(150):
            publisher.send(b"orders.%d" % number)
        for number in range(150):
            equal(puller.recv(), b"orders.%d" % number, "task")
        relay.process.signal(signal.SIGUSR1)
        #   The last ones had to wait
        match = relay.process.expect(r"^frontend in .* (\d+)$", errors=True)
        assert int(match.group(1)) > 0, match.group(0)
        relay.ends()


@test("15: workers that lose power")
def _():
    with Recipe(15) as relay:
        client = relay.socket(zmq.REQ, "frontend")
        #   libzmq is stopped and the connection stays open: no power
        script = (
            "import sys, zmq; s = zmq.Context().socket(zmq.REQ); "
            "s.connect(sys.argv[1]); s.send(b'READY'); s.recv_multipart(); "
            "print('taken', flush=True); import time; time.sleep(1000)")
        with Process([sys.executable, "-c", script, relay.at("backend")]) \
                as worker:
            client.send(b"request")
            worker.expect("taken")
            worker.signal(signal.SIGSTOP)
            other = relay.socket(zmq.REQ, "backend")
            other.send(b"READY")
            address, empty, body = other.recv_multipart()
            equal(body, b"request", "request")
            other.send_multipart([address, empty, b"reply"])
            equal(client.recv(), b"reply", "reply")
            worker.signal(signal.SIGCONT)


if __name__ == "__main__":
    main()
