#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Spools: relays are killed under load, the machine loses its power, disks are
full, and stores are damaged.

SPOOL_KILLS and SPOOL_CUTS in the environment say how often; the whole is
SPOOL_KILLS=100 SPOOL_CUTS=30, and takes some minutes.
"""

import contextlib
import hashlib
import os
import random
import re
import shutil
import threading
import time

import zmq

from zrelay_testing import (DEADLINE, TOP_BUILDDIR, ZRELAY, Process, Relay,
                            Skip, comment, equal, main, need_store, temp_dir,
                            test, wait_until)

KILLS = int(os.environ.get("SPOOL_KILLS", "8"))
CUTS = int(os.environ.get("SPOOL_CUTS", "3"))

#   The most time, in seconds, that a relay runs before it is killed
LIFE = 0.3

#   Parts of a disk that are written as one, in bytes
SECTOR = 512

POWER_CUT = os.path.join(TOP_BUILDDIR, "tests", ".libs", "libpower_cut.so")


#   --------------------------------------------------------------------------
#   Messages: a number, and a body that follows from it

def body(number):
    digest = hashlib.md5(b"%d" % number).digest()
    return digest * (number % 23)


def number_of(frames):
    """The number of a message, which is as it was sent."""
    number = int(frames[0])
    equal(len(frames), 2, "frames of message %d" % number)
    equal(frames[1], body(number), "body of message %d" % number)
    return number


class Pusher:
    """Pushes messages 0, 1, 2 ... to an endpoint as fast as they are taken."""

    def __init__(self, endpoint):
        self._endpoint = endpoint
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        context = zmq.Context()
        sock = context.socket(zmq.PUSH)
        sock.reconnect_ivl = 10
        sock.sndtimeo = 50
        sock.connect(self._endpoint)
        number = 0
        while not self._ends.is_set():
            try:
                sock.send_multipart([b"%d" % number, body(number)])
                number += 1
            except zmq.Again:
                pass
        context.destroy(linger=0)

    def stop(self):
        self._ends.set()
        self._thread.join(DEADLINE)


@contextlib.contextmanager
def pusher(endpoint):
    pushing = Pusher(endpoint)
    try:
        yield
    finally:
        pushing.stop()


class Place:
    """A folder with the endpoints of a relay and its spool."""

    def __init__(self, folder):
        self.folder = folder
        self.frontend = "ipc://%s/in" % folder
        self.backend = "ipc://%s/out" % folder
        self.control = "ipc://%s/control" % folder
        self.spool = os.path.join(folder, "spool")

    def options(self, *settings):
        words = ["--control", self.control]
        for setting in ("forward.overflow=spool", *settings,
                        "forward.spool=" + self.spool):
            words += ["-o", setting]
        return words

    def relay(self, *settings, env=None):
        return Relay("streamer", *self.options(*settings),
                     frontend=self.frontend, backend=self.backend, env=env)

    def stats(self):
        """STATS of the relay, or None if it has gone."""
        context = zmq.Context()
        sock = context.socket(zmq.REQ)
        sock.rcvtimeo = DEADLINE * 1000
        sock.connect(self.control)
        sock.send_multipart([b"RELAY", b"streamer", b"STATS"])
        frames = sock.recv_multipart()
        context.destroy(linger=0)
        equal(frames[0], b"0", "status of STATS")
        words = [frame.decode() for frame in frames[2:]]
        return dict(zip(words[::2], words[1::2]))

    def stat(self, name):
        return int(self.stats()["forward." + name])

    def receive(self, count, deadline=DEADLINE):
        """The numbers of so many messages that the relay sends."""
        context = zmq.Context()
        sock = context.socket(zmq.PULL)
        sock.rcvtimeo = deadline * 1000
        sock.connect(self.backend)
        try:
            return [number_of(sock.recv_multipart()) for _ in range(count)]
        finally:
            context.destroy(linger=0)

    def push(self, *numbers):
        context = zmq.Context()
        sock = context.socket(zmq.PUSH)
        sock.connect(self.frontend)
        for number in numbers:
            sock.send_multipart([b"%d" % number, body(number)])
        sock.close(linger=DEADLINE * 1000)
        context.term()

    def count(self):
        """Messages in the spool, as zrelay spool reports them."""
        with Process([ZRELAY, "spool", self.spool]) as process:
            lines = process.succeed()
        return sum(int(line.split()[1]) for line in lines
                   if line.startswith("forward: "))


@contextlib.contextmanager
def place():
    need_store()
    with temp_dir() as folder:
        yield Place(folder)


def ascending(numbers, gaps):
    """All in order, none twice, and no more gaps than that."""
    steps = [later - sooner for sooner, later in zip(numbers, numbers[1:])]
    equal([step for step in steps if step <= 0], [], "steps back")
    found = len([step for step in steps if step > 1])
    assert found <= gaps, "%d gaps, not %d" % (found, gaps)


#   --------------------------------------------------------------------------
#   The life of a spool

@test("messages survive an end and a start, and go before later ones")
def _():
    with place() as here:
        with here.relay() as relay:
            here.push(*range(1000))
            wait_until(lambda: here.stat("spooled") == 1000)
            equal(here.stat("held"), 1000, "held")
            #   Nobody takes them, so it does not wait for that
            equal(relay.stop(), 0, "exit status")
        equal(here.count(), 1000, "messages in the spool")
        with here.relay() as relay:
            here.push(*range(1000, 1100))
            wait_until(lambda: here.stat("spooled") == 1100)
            equal(here.receive(1100), list(range(1100)), "messages")
            wait_until(lambda: here.stat("held") == 0)
            here.push(1, 2)
            equal(here.receive(2), [1, 2], "messages")
            equal(relay.stop(), 0, "exit status")
        equal(here.count(), 0, "messages in the spool")


@test("the spool of a relay that was killed is there when it starts again",
      deadline=DEADLINE + 5 * KILLS)
def _():
    generator = random.Random(1)
    with place() as here, pusher(here.frontend):
        spooled = 0
        for kill in range(KILLS):
            with here.relay() as relay:
                found = here.stat("spooled")
                assert found >= spooled, "%d of %d are there" % (found,
                                                                 spooled)
                ends = time.monotonic() + generator.random() * LIFE
                spooled = found
                while time.monotonic() < ends:
                    spooled = here.stat("spooled")
                    time.sleep(generator.random() * 0.02)
                relay.kill()
        with here.relay():
            found = here.stat("spooled")
            assert found >= spooled, "%d of %d are there" % (found, spooled)
            numbers = here.receive(found)
        comment("%d messages of %d relays" % (found, KILLS))
        ascending(numbers, KILLS)


@test("a consumer sees no message of a relay out of order, or torn",
      deadline=DEADLINE + 5 * KILLS)
def _():
    generator = random.Random(2)
    with place() as here, pusher(here.frontend):
        context = zmq.Context()
        sock = context.socket(zmq.PULL)
        sock.reconnect_ivl = 10
        sock.rcvtimeo = 2000
        sock.connect(here.backend)
        found = set()
        count = 0
        for kill in range(KILLS):
            with here.relay("forward.durable=1") as relay:
                sooner = -1
                ends = time.monotonic() + generator.random() * LIFE

                def receive():
                    number = number_of(sock.recv_multipart())
                    assert number > sooner, "%d after %d" % (number, sooner)
                    found.add(number)
                    return number
                while time.monotonic() < ends:
                    sooner = receive()
                    count += 1
                relay.kill()
            #   What it had sent is still to be read
            with contextlib.suppress(zmq.Again):
                sock.rcvtimeo = 100
                while True:
                    sooner = receive()
                    count += 1
            sock.rcvtimeo = DEADLINE * 1000
        comment("%d messages of %d relays, %d of them twice" % (
            count, KILLS, count - len(found)))
        ascending(sorted(found), KILLS)
        context.destroy(linger=0)


class Consumer:
    """Receives on a thread, one message after another, as slowly as told."""

    def __init__(self, endpoint, delay):
        self.numbers = []
        self._endpoint = endpoint
        self._delay = delay
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        context = zmq.Context()
        sock = context.socket(zmq.PULL)
        sock.rcvhwm = 1
        sock.reconnect_ivl = 10
        sock.rcvtimeo = 50
        sock.connect(self._endpoint)
        while not self._ends.is_set():
            with contextlib.suppress(zmq.Again):
                self.numbers.append(number_of(sock.recv_multipart()))
                if self._delay:
                    self._ends.wait(self._delay)
        context.destroy(linger=0)

    def hurry(self):
        self._delay = 0

    def stop(self):
        self._ends.set()
        self._thread.join(DEADLINE)


def live_and_die(here, generator, *settings):
    """A relay that is killed. Returns how many messages it says that it had
    read."""
    with here.relay(*settings) as relay:
        read = 0
        ends = time.monotonic() + generator.random() * LIFE
        while time.monotonic() < ends:
            read = int(here.stats()["frontend.in.messages"])
            time.sleep(generator.random() * 0.02)
        relay.kill()
    return read


def steady(function):
    """The result of a function when it no longer changes."""
    before, now = None, function()
    while now != before:
        time.sleep(0.5)
        before, now = now, function()
    return now


def settled(consumer, count=0):
    """What it has received, at least so many messages, when no more comes."""
    wait_until(lambda: len(set(consumer.numbers)) >= count,
               what="%d messages" % count)
    return steady(lambda: list(consumer.numbers))


def all_left(here):
    stats = here.stats()
    return stats["forward.held"] == stats["forward.spool_sent"] == "0"


@test("what a killed relay had read is not lost on the way to a slow consumer",
      deadline=DEADLINE + 5 * KILLS)
def _():
    generator = random.Random(3)
    with place() as here:
        consumer = Consumer(here.backend, 0.0002)
        with pusher(here.frontend):
            read = sum(live_and_die(here, generator, "forward.durable=1",
                                    "backend.sndhwm=50")
                       for kill in range(KILLS))
        consumer.hurry()
        with here.relay("forward.durable=1"):
            wait_until(lambda: all_left(here))
            settled(consumer, read)
            consumer.stop()
        numbers = consumer.numbers
        found = sorted(set(numbers))
        comment("%d relays had read %d messages; %d came, %d of them twice" % (
            KILLS, read, len(found), len(numbers) - len(found)))
        assert len(found) >= read, "%d of %d came" % (len(found), read)
        ascending(found, KILLS)


class Sleeper:
    """A consumer that takes what its socket takes, and no more."""

    def __init__(self, endpoint):
        self._context = zmq.Context()
        self._sock = self._context.socket(zmq.PULL)
        self._sock.rcvhwm = 1
        self._sock.rcvbuf = 4096
        self._sock.connect(endpoint)

    def leave(self):
        self._context.destroy(linger=0)


def stuck(here, count):
    """True if the relay has read so many messages, and has sent those that go
    into the queue of a consumer that takes nothing."""
    stats = here.stats()
    return (int(stats["frontend.in.messages"]) == count
            and int(stats["forward.spool_sent"]) > 0)


@test("what waits for a consumer that hangs is not lost with the relay")
def _():
    with place() as here:
        here.backend = "tcp://127.0.0.1:*"
        with here.relay("forward.durable=1",
                        "backend.sndhwm=100") as relay:
            sleeper = Sleeper(relay.backend)
            here.push(*range(20000))
            wait_until(lambda: stuck(here, 20000))
            awake = Consumer(relay.backend, 0)
            wait_until(lambda: here.stat("held") == 0)
            settled(awake)
            relay.kill()
            awake.stop()
            sleeper.leave()
        found = awake.numbers
        with here.relay() as relay:
            here.backend = relay.backend
            kept = here.stat("spooled")
            again = here.receive(kept)
        comment("%d messages had come, %d come when it starts again" % (
            len(found), kept))
        equal(len(set(found) | set(again)), 20000, "messages")


@test("a durable spool sends again what a consumer may not have got")
def _():
    with place() as here:
        with here.relay("forward.durable=1", "backend.sndhwm=100"):
            sleeper = Sleeper(here.backend)
            here.push(*range(5000))
            wait_until(lambda: stuck(here, 5000))
            kept = steady(lambda: here.stat("spooled"))
            sleeper.leave()
            wait_until(lambda: here.stat("spool_resent") > 0)
            #   It stays until all is known to have arrived there
            consumer = Consumer(here.backend, 0)
            wait_until(lambda: all_left(here))
            equal(settled(consumer, kept), list(range(5000 - kept, 5000)),
                  "messages")
            consumer.stop()
            equal(here.stat("dropped"), 0, "drops")
            wait_until(lambda: here.stat("spooled") == 0)


@test("each message goes through a durable spool, and on at once")
def _():
    with place() as here:
        for sync in ("always", "second", "never"):
            with here.relay("forward.durable=1", "forward.spool_sync=" + sync):
                consumer = Consumer(here.backend, 0)
                here.push(*range(2000))
                wait_until(lambda: len(consumer.numbers) == 2000
                           and all_left(here))
                equal(consumer.numbers, list(range(2000)), "messages")
                consumer.stop()
                equal(here.stat("spool_resent"), 0, "messages sent again")
                equal(here.stat("dropped"), 0, "drops")


@test("a durable spool has each message, even if somebody waits for it")
def _():
    with place() as here, here.relay("forward.durable=1"):
        context = zmq.Context()
        sock = context.socket(zmq.PULL)
        sock.rcvtimeo = DEADLINE * 1000
        sock.connect(here.backend)
        #   From the first on, there is a peer
        for number in range(100):
            here.push(number)
            equal(number_of(sock.recv_multipart()), number, "message")
        wait_until(lambda: here.stat("held") == 0)
        equal(here.stat("holds"), 100, "messages that were held")
        context.destroy(linger=0)


#   --------------------------------------------------------------------------
#   Bounds

def bounded(full, expected, dropped):
    with place() as here:
        with here.relay("forward.spool_messages=10",
                        "forward.spool_full=" + full):
            here.push(*range(100))
            wait_until(lambda: here.stat("spooled") == 10
                       and here.stat("dropped_overflow") == dropped)
            equal(here.receive(len(expected)), expected, "messages")


@test("a full spool stops the reading, and drops nothing")
def _():
    bounded("hold", list(range(100)), 0)


@test("a full spool drops what comes")
def _():
    bounded("drop-new", list(range(10)), 90)


@test("a full spool drops what has waited longest")
def _():
    bounded("drop-old", list(range(90, 100)), 90)


@test("bytes bound a spool as well")
def _():
    with place() as here:
        with here.relay("forward.spool_bytes=3000",
                        "forward.spool_full=drop-old"):
            here.push(*range(200))
            wait_until(lambda: here.stat("dropped_overflow") > 0
                       and here.stat("spooled") + here.stat("dropped") == 200)
            assert here.stat("spooled_bytes") <= 3000
            kept = here.stat("spooled")
            equal(here.receive(kept), list(range(200 - kept, 200)), "messages")


@test("where the disk is full, the relay holds, says so once, and goes on")
def _():
    with place() as here:
        command = [ZRELAY, "streamer", *here.options(),
                   "-f", here.frontend, "-b", here.backend]
        #   In units of 512 or 1024 bytes, as the shell has it
        with Process(["/bin/sh", "-c", 'ulimit -f 1000; exec "$0" "$@"',
                      *command]) as relay:
            relay.expect("backend bound")
            with pusher(here.frontend):
                relay.expect("the disk is full", errors=True)
                equal(here.stat("spool_failed"), 1, "spool_failed")

                def read():
                    return int(here.stats()["frontend.in.messages"])

                #   It tries again every second, and a batch may still have room
                def stands():
                    before = read()
                    time.sleep(2.5)
                    return read() == before
                wait_until(stands, what="it reads no more")
                taken = read()
            equal(here.receive(taken), list(range(taken)), "messages")
            #   It may be told that there is room before it is asked
            wait_until(lambda: here.stat("spool_failed") == 0)
            #   A batch for which there was room is worth a line, too
            said = ["full" if "the disk is full" in line else "room"
                    for line in relay.error_lines
                    if "the disk is full" in line
                    or "the spool takes messages again" in line]
            equal(said, ["full", "room"] * (len(said) // 2), "log")


#   --------------------------------------------------------------------------
#   What is refused

def refused(here, *words):
    with Process([ZRELAY, "streamer", "-f", here.frontend + "2", "-b",
                  here.backend + "2", "-o", "forward.overflow=spool", "-o",
                  "forward.spool=" + here.spool]) as process:
        equal(process.wait(), 2, "exit status")
        text = "\n".join(process.error_lines)
    for word in words:
        assert word in text, text


def files(folder):
    found = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found


@test("a second relay is refused, and zrelay spool looks on")
def _():
    with place() as here:
        with here.relay() as relay:
            here.push(*range(10))
            wait_until(lambda: here.stat("spooled") == 10)
            refused(here, "process %d uses it" % relay.pid)
            equal(here.count(), 10, "messages")
            with Process([ZRELAY, "spool", here.spool, "--remove"]) as remover:
                equal(remover.wait(), 1, "exit status")
                remover.expect("process %d uses" % relay.pid, errors=True)
            equal(here.receive(10), list(range(10)), "messages")


def keys(path):
    """The keys of a certificate that zrelay keygen makes: public, secret."""
    with Process([ZRELAY, "keygen", path]) as process:
        process.succeed()
    with open(path + "_secret") as file:
        found = re.findall(r'(?:public|secret)-key = "(.*)"', file.read())
    return [key.encode() for key in found]


@test("a stranger at a control socket cannot set a spool")
def _():
    with place() as here:
        here.control = "tcp://127.0.0.1:*"
        clients = os.path.join(here.folder, "clients")
        os.mkdir(clients)
        certificate = os.path.join(here.folder, "relay.cert")
        server = keys(certificate)
        client = keys(os.path.join(clients, "client"))
        with Relay("streamer", *here.options(), "--control-curve", certificate,
                   "--control-clients", clients, frontend=here.frontend,
                   backend=here.backend) as relay:
            control = relay.expect("^control: bound to (.*)").group(1)
            context = zmq.Context()
            sock = context.socket(zmq.REQ)
            sock.rcvtimeo = DEADLINE * 1000
            sock.curve_serverkey = server[0]
            sock.curve_publickey, sock.curve_secretkey = client
            sock.connect(control)

            def status_of(option, value):
                sock.send_multipart([b"RELAY", b"streamer", b"SET",
                                     b"FORWARD", option, value])
                return sock.recv_multipart()[0]
            other = here.folder + "/other"
            equal(status_of(b"Spool", other.encode()), b"1", "status")
            equal(status_of(b"spool_full", b"drop-new"), b"0", "status")
            context.destroy(linger=0)
            assert not os.path.exists(other)


@test("damaged, foreign and later stores are refused, and left alone")
def _():
    with place() as here:
        with here.relay() as relay:
            here.push(*range(500))
            wait_until(lambda: here.stat("spooled") == 500)
            equal(relay.stop(), 0, "exit status")
        whole = files(here.spool)
        anchor, data = whole["zrelay.store"], whole["data.mdb"]
        cases = {
            "damaged": ("data.mdb", data.replace(body(321), body(1) * 22)),
            "cut off": ("data.mdb", data[:len(data) // 2]),
            "not a store": ("zrelay.store", b"my diary"),
            "later version": ("zrelay.store",
                              anchor[:8] + b"\0\0\0\2" + anchor[12:])}
        for words, (name, content) in cases.items():
            for other, before in whole.items():
                with open(os.path.join(here.spool, other), "wb") as file:
                    file.write(content if other == name else before)
            refused(here, "the store in '%s'" % here.spool, words)
            equal(files(here.spool)[name], content, "the file")
        for other, before in whole.items():
            with open(os.path.join(here.spool, other), "wb") as file:
                file.write(before)
        os.unlink(os.path.join(here.spool, "zrelay.store"))
        refused(here, "not zrelay's")
        shutil.rmtree(here.spool)
        with open(here.spool, "w") as file:
            file.write("a file")
        refused(here, "Not a directory")
        here.spool += "/no/such/place"
        refused(here, "cannot make the directory")


@test("zrelay spool shows, dumps and removes messages")
def _():
    with place() as here:
        with Process([ZRELAY, "spool", here.spool]) as process:
            equal(process.wait(), 1, "exit status where there is none")
        with here.relay() as relay:
            here.push(*range(25))
            wait_until(lambda: here.stat("spooled") == 25)
            equal(relay.stop(), 0, "exit status")

        def spool(*words, status=0):
            with Process([ZRELAY, "spool", here.spool, *words]) as process:
                equal(process.wait(), status, "exit status")
                return process.lines
        lines = spool("--dump", "--count", "2")
        equal(lines[2], "  [1] 0", "first frame")
        equal(len(lines), 7, "lines")
        spool("--remove", "--count", "20")
        equal(here.count(), 5, "messages")
        assert "[2] 20" in spool("-d")[2]
        spool("--queue", "return", status=1)
        spool("--count", "many", status=2)
        spool("--remove")
        equal(here.count(), 0, "messages")


#   --------------------------------------------------------------------------
#   Power cuts

def cut(kept, written, target, generator):
    """A disk after a power cut: what was synced is there, and of what was
    written later, any parts."""
    os.mkdir(target)
    safe, all_of_it = files(kept), files(written)
    for name in sorted(set(safe) | set(all_of_it)):
        if name.endswith(".part"):
            continue
        if name not in all_of_it:
            content = safe[name]
        elif name not in safe:
            if generator.random() < 0.5:
                continue
            content = all_of_it[name]
        else:
            content = mixture(safe[name], all_of_it[name], generator)
        with open(os.path.join(target, name), "wb") as file:
            file.write(content)


def mixture(safe, later, generator):
    size = generator.choice((len(safe), len(later)))
    share = generator.random()
    parts = []
    for place_ in range(0, max(size, len(safe)), SECTOR):
        old = safe[place_:place_ + SECTOR]
        new = later[place_:place_ + SECTOR]
        part = new if new != old and generator.random() < share else old
        parts.append(part or b"\0" * SECTOR)
    return b"".join(parts)[:max(size, len(safe))]


def lose_power(sync, must_keep):
    if not os.path.exists(POWER_CUT):
        raise Skip("there is no shared library to preload")
    if os.environ.get("ZRELAY_SANITIZE"):
        raise Skip("a sanitizer's library must be the first")
    generator = random.Random(sync)
    lost = 0
    with place() as here, pusher(here.frontend):
        kept = os.path.join(here.folder, "kept")
        run = os.path.join(here.folder, "run")
        for number in range(CUTS):
            shutil.rmtree(kept, ignore_errors=True)
            os.mkdir(kept)
            if os.path.exists(here.spool):
                for name in os.listdir(here.spool):
                    shutil.copy(os.path.join(here.spool, name), kept)
            with open(run, "w") as file:
                file.write("run %d\n" % number)
            env = {"LD_PRELOAD": POWER_CUT, "POWER_CUT_FROM": here.spool,
                   "POWER_CUT_TO": kept, "POWER_CUT_RUN": run}
            with here.relay("forward.spool_sync=" + sync, env=env) as relay:
                spooled = here.stat("spooled")
                ends = time.monotonic() + generator.random() * 4 * LIFE
                while time.monotonic() < ends:
                    spooled = here.stat("spooled")
                relay.kill()
            target = os.path.join(here.folder, "cut")
            cut(kept, here.spool, target, generator)
            shutil.rmtree(here.spool)
            os.rename(target, here.spool)
            with open(run, "w") as file:
                file.write("after %d\n" % number)
            with here.relay(env={"LD_PRELOAD": POWER_CUT,
                                 "POWER_CUT_RUN": run}) as relay:
                found = here.stat("spooled")
                relay.kill()
            lost += max(0, spooled - found)
            assert found >= spooled or not must_keep, (
                "%d of %d are there" % (found, spooled))
        with open(run, "w") as file:
            file.write("last\n")
        with here.relay():
            numbers = here.receive(found)
        comment("%d messages after %d power cuts, %d lost" % (
            len(numbers), CUTS, lost))
        ascending(numbers, 3 * CUTS)


@test("always survives power cuts with all that was reported as spooled",
      deadline=DEADLINE + 30 * CUTS)
def _():
    lose_power("always", True)


@test("second and never survive power cuts with a sound store", deadline=DEADLINE + 30 * CUTS)
def _():
    lose_power("second", False)
    lose_power("never", False)


if __name__ == "__main__":
    main()
