#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""zrelay run is killed at any moment, and started again: what it and its kinds
promise to keep is there, and what it left behind is in nobody's way.

    ZRELAY_KILLS    how often it is killed (default 20)
    ZRELAY_SEED     makes the moments the same again
"""

import hashlib
import os
import random
import signal
import struct
import threading
import time

import zmq

from zrelay_testing import (DEADLINE, ZRELAY, Process, comment, equal, main,
                            temp_dir, test, wait_until)

KILLS = int(os.environ.get("ZRELAY_KILLS", 20))
SEED = int(os.environ.get("ZRELAY_SEED", time.time_ns() & 0xffffffff))

#   Seconds, at most, until it is killed: from its start, and once it is ready
STARTING, WORKING = 0.1, 0.4
#   Milliseconds after which a client asks again
PATIENCE = 250
#   Topics that are published at a time, and bytes of each, so that it takes some
#   time to save them
BURST = 4
SIZE = 10000

FILL = bytes(SIZE)

FILE = """version = 1.0
apps
    test
        devices
            orders
                type = queue
                sockets
                    frontend
                        bind = ipc://{folder}/orders-f
                    backend
                        bind = ipc://{folder}/orders-b
                set
                    relay
                        spin = {spin}
            feed
                type = cache
                sockets
                    frontend
                        bind = ipc://{folder}/feed-f
                    backend
                        bind = ipc://{folder}/feed-b
                commands
                    LOAD = {folder}/feed.cache
"""


class Load(threading.Thread):
    """Runs a function again and again, until it is told to stop."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function = function
        self.ends = False
        self.error = None
        self.start()

    def run(self):
        try:
            while not self.ends:
                self.function()
        except Exception as error:      # pylint: disable=broad-except
            self.error = error

    def stop(self):
        self.ends = True
        self.join(DEADLINE)
        if self.error:
            raise self.error


class Work:
    """Clients, a worker and a publisher that know nothing of kills."""

    def __init__(self, folder):
        self.folder = folder
        self.context = zmq.Context()
        self.answered = 0
        self.published = 0
        self.client = None
        self.worker = self.connect(zmq.REP, "orders-b")
        self.publisher = self.connect(zmq.PUB, "feed-f")
        self.threads = [Load(self.ask), Load(self.serve), Load(self.publish)]

    def connect(self, kind, name, **options):
        sock = self.context.socket(kind)
        sock.linger = 0
        sock.reconnect_ivl = 10
        sock.rcvtimeo = PATIENCE
        for option, value in options.items():
            setattr(sock, option, value)
        sock.connect("ipc://%s/%s" % (self.folder, name))
        return sock

    def ask(self):
        """A Lazy Pirate, see the ZeroMQ Guide."""
        if not self.client:
            self.client = self.connect(zmq.REQ, "orders-f")
        question = b"%d" % self.answered
        self.client.send(question)
        try:
            equal(self.client.recv(), question, "answer")
            self.answered += 1
        except zmq.Again:
            self.client.close()
            self.client = None

    def serve(self):
        try:
            self.worker.send(self.worker.recv())
        except zmq.Again:
            pass

    def publish(self):
        """Each topic is published once, so nobody could mend its loss."""
        for _ in range(BURST):
            self.publisher.send_multipart([b"%08d" % self.published, FILL])
            self.published += 1
        time.sleep(0.01)

    def stop(self):
        for thread in self.threads:
            thread.stop()
        self.context.destroy(linger=0)


class Watch:
    """What the cache of one life of the program shows."""

    def __init__(self, work):
        self.seen = set()
        self.sock = work.connect(zmq.SUB, "feed-b", rcvhwm=0, subscribe=b"")

    def look(self):
        while self.sock.poll(0):
            topic, value = self.sock.recv_multipart()
            equal(len(value), SIZE, "size of a value")
            self.seen.add(topic)
        return self.seen


class Program:
    """One life of it."""

    def __init__(self, work):
        self.work = work
        folder = work.folder
        self.process = Process([
            ZRELAY, "run", "--pid-file", folder + "/pid", "--runtime-dir",
            folder + "/runtime", "--control",
            "ipc://%s/runtime/control" % folder, folder + "/relays.conf"])
        self.control = None
        self.watch = None

    def ready(self, saved):
        """Wait until it is, and look that everything is there."""
        self.process.expect("^control: bound to ")
        with open(self.work.folder + "/pid") as file:
            equal(int(file.read()), self.process.pid, "PID")
        self.control = self.work.connect(zmq.REQ, "runtime/control")
        self.control.send(b"LIST")
        assert self.control.poll(DEADLINE * 1000), "no answer to LIST"
        equal(self.control.recv_multipart(),
              [b"0", b"LIST", b"orders", b"queue", b"feed", b"cache"])
        self.watch = Watch(self.work)
        wait_until(lambda: saved <= self.watch.look(),
                   what="the saved topics are there again")
        before = self.work.answered
        wait_until(lambda: self.work.answered > before,
                   what="clients are answered again")

    def save(self, until):
        """SAVE again and again until that time. Returns the topics that the
        file must have by then, or None if nothing was confirmed."""
        saved = None
        while True:
            topics = set(self.watch.look())
            self.control.send_multipart([
                b"RELAY", b"feed", b"SAVE",
                (self.work.folder + "/feed.cache").encode()])
            left = until - time.monotonic()
            if left <= 0 or not self.control.poll(left * 1000):
                return saved
            equal(self.control.recv_multipart(), [b"0"], "answer to SAVE")
            saved = topics

    def kill(self):
        self.process.signal(signal.SIGKILL)
        equal(self.process.wait(), -signal.SIGKILL, "%s\n" % (
            self.process.error_lines))
        for sock in self.control, self.watch and self.watch.sock:
            if sock:
                sock.close()


def write_file(folder, spin=0):
    path = folder + "/relays.conf"
    with open(path + ".new", "w") as file:
        file.write(FILE.format(folder=folder, spin=spin))
    os.rename(path + ".new", path)


def write_empty_cache(path):
    """As zrelay_cache.h describes it: version 1, without topics."""
    text = b"ZRELAYLV" + struct.pack(">IIQ", 1, 0, 0)
    with open(path, "wb") as file:
        file.write(text + hashlib.sha1(text).digest())


def one_life(work, saved, dice, number):
    """Returns the topics that must be there in the next one."""
    program = Program(work)
    if number % 4 == 3:
        #   In the middle of its start
        time.sleep(dice.uniform(0, STARTING))
        program.kill()
        return saved
    program.ready(saved)
    if number % 4 == 1:
        #   In the middle of a reload, perhaps
        write_file(work.folder, dice.randrange(2))
        program.process.signal(signal.SIGHUP)
    newer = program.save(time.monotonic() + dice.uniform(0, WORKING))
    program.kill()
    return saved if newer is None else newer


@test("killed %d times under load, everything promised is there" % KILLS,
      deadline=DEADLINE + 10 * KILLS)
def _():
    comment("ZRELAY_SEED=%d" % SEED)
    dice = random.Random(SEED)
    with temp_dir() as folder:
        write_file(folder)
        write_empty_cache(folder + "/feed.cache")
        work = Work(folder)
        saved = set()
        try:
            for number in range(KILLS):
                saved = one_life(work, saved, dice, number)
            last = Program(work)
            last.ready(saved)
            comment("%d answers, %d topics of %d saved" % (
                work.answered, len(saved), work.published))
            assert saved, "nothing was ever saved"
        finally:
            work.stop()
        last.process.signal(signal.SIGTERM)
        equal(last.process.wait(), 0, "exit status")
        left = sorted(os.listdir(folder))
        equal([name for name in left if name.startswith("feed.cache")
               or name in ("runtime", "pid", "relays.conf")],
              [name for name in ("feed.cache", "feed.cache.part",
                                 "relays.conf", "runtime")
               if name in left])
        equal(os.listdir(folder + "/runtime"), [])


if __name__ == "__main__":
    main()
