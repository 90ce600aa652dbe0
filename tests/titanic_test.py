#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Titanic, RFC 9: clients, workers and brokers are killed at random points,
the machine loses its power, disks are full, and requests are nonsense.

TITANIC_KILLS in the environment says how often something is killed; the whole
is TITANIC_KILLS=100.
"""

import collections
import contextlib
import ctypes
import multiprocessing
import os
import random
import shutil
import signal
import time

import zmq

from peers import (PR_SET_PDEATHSIG, Client01, Client02, Crew, DealerClient01,
                   Worker01, Worker02, Yard)
from zrelay_testing import (DEADLINE, TOP_BUILDDIR, ZRELAY, Hang, Process,
                            Relay, Skip, comment, equal, main, need_store,
                            sockets, temp_dir, test, wait_until)

KILLS = int(os.environ.get("TITANIC_KILLS", "20"))

#   The most seconds from one kill to the next
LIFE = 0.15

#   Heartbeats of relay and workers, in msecs, and how many may be missed
BEAT, LIVENESS = 200, 5

POWER_CUT = os.path.join(TOP_BUILDDIR, "tests", ".libs", "libpower_cut.so")

OK, PENDING, UNKNOWN, FAILED = b"200", b"300", b"400", b"500"

#   A program that is to start again whenever it was killed has one of these
FORKS = multiprocessing.get_context("forkserver")


class Place:
    """A folder with a broker's endpoint and store."""

    def __init__(self, folder):
        self.folder = folder
        self.endpoint = "ipc://%s/broker" % folder
        self.control = "ipc://%s/control" % folder
        self.store = os.path.join(folder, "store")

    def command(self, *options):
        words = [ZRELAY, "majordomo", "-f", self.endpoint,
                 "--titanic", self.store, "--control", self.control,
                 "-o", "relay.heartbeat=%d" % BEAT,
                 "-o", "relay.liveness=%d" % LIVENESS]
        for option in options:
            words += ["-o", "relay." + option]
        return words

    def start(self, *options, env=None):
        broker = Process(self.command(*options), env=env)
        broker.expect("frontend bound")
        return broker

    def ask(self, *words):
        """A command to the relay: its status, and what follows."""
        context = zmq.Context()
        sock = context.socket(zmq.REQ)
        sock.rcvtimeo = DEADLINE * 1000
        sock.connect(self.control)
        sock.send_multipart([b"RELAY", b"majordomo",
                             *(word.encode() for word in words)])
        frames = sock.recv_multipart()
        context.destroy(linger=0)
        return frames

    def stats(self):
        frames = self.ask("STATS")
        equal(frames[0], b"0", "status of STATS")
        words = [frame.decode() for frame in frames[2:]]
        return dict(zip(words[::2], words[1::2]))

    def stat(self, name):
        return int(self.stats()[name])

    def reaches(self, **counts):
        """Wait until these counters of Titanic have these values."""
        def reached():
            stats = self.stats()
            return all(int(stats["titanic." + name]) == count
                       for name, count in counts.items())
        wait_until(reached, what=str(counts))


@contextlib.contextmanager
def place():
    need_store()
    with temp_dir() as folder:
        yield Place(folder)


class Titan:
    """The tutorial's client: Majordomo 0.1 over a REQ, which asks again, with
    a new socket, if there is no reply in time."""

    def __init__(self, make, endpoint, seconds=1.0):
        self._make = make
        self._endpoint = endpoint
        self._seconds = seconds
        self._sock = None

    def call(self, service, *body):
        for _ in range(DEADLINE):
            if not self._sock:
                self._sock = self._make(zmq.REQ, self._endpoint, linger=0,
                                        reconnect_ivl=10)
            self._sock.send_multipart([b"MDPC01", service, *body])
            if self._sock.poll(int(self._seconds * 1000)):
                frames = self._sock.recv_multipart()
                equal(frames[:2], [b"MDPC01", service], "header of the reply")
                return frames[2], frames[3:]
            self._sock.close()
            self._sock = None
        raise Hang("no reply of %s" % service)

    def request(self, service, *body):
        """The UUID."""
        status, rest = self.call(b"titanic.request", service, *body)
        equal(status, OK, "status of titanic.request")
        equal(len(rest), 1, "frames behind the status")
        assert len(rest[0]) == 32 and int(rest[0], 16) >= 0, rest
        return rest[0]

    def status(self, service, *body):
        status, rest = self.call(service, *body)
        equal(rest, [], "frames behind the status")
        return status

    def reply(self, uuid):
        """The body of the reply, when it is there."""
        def fetched():
            status, rest = self.call(b"titanic.reply", uuid)
            if status == PENDING:
                equal(rest, [], "frames behind the status")
                return None
            equal(status, OK, "status of titanic.reply")
            return [rest]
        return wait_until(fetched)[0]

    def close(self, uuid):
        equal(self.status(b"titanic.close", uuid), OK,
              "status of titanic.close")


@contextlib.contextmanager
def titan(here):
    with sockets() as make:
        yield Titan(make, here.endpoint)


#   --------------------------------------------------------------------------
#   The life of a request

@test("a request outlives brokers, and its reply is there until it is closed")
def _():
    with place() as here, titan(here) as client:
        with here.start() as broker:
            uuid = client.request(b"echo", b"1", b"", b"x" * 100000)
            equal(client.status(b"titanic.reply", uuid), PENDING, "status")
            broker.kill()
        with here.start() as broker, Crew() as crew:
            equal(client.status(b"titanic.reply", uuid), PENDING, "status")
            here.reaches(requests=1, replies=0)
            crew.add(Worker01, here.endpoint)
            body = [b"x" * 100000, b"", b"1"]
            equal(client.reply(uuid), body, "reply")
            broker.kill()
        #   There are no workers now
        with here.start() as broker:
            for _ in range(3):
                equal(client.reply(uuid), body, "reply")
            equal(client.reply(uuid.lower()), body, "reply")
            client.close(uuid)
            equal(client.status(b"titanic.reply", uuid), UNKNOWN, "status")
            client.close(uuid)
            broker.kill()
        with here.start() as broker:
            equal(client.status(b"titanic.reply", uuid), UNKNOWN, "status")
            broker.signal(signal.SIGTERM)
            equal(broker.wait(), 0, "exit status")


@test("clients and workers of both versions, each of many services in order")
def _():
    services = [b"service %d" % number for number in range(20)]
    with place() as here, sockets() as make:
        with here.start() as broker:
            client = Client02(make, here.endpoint, b"titanic.request")
            uuids = []
            for number in range(200):
                status, uuid = client.ask(services[number % 20],
                                          b"%d" % number)
                equal(status, OK, "status")
                uuids.append(uuid)
            equal(len(set(uuids)), 200, "different UUIDs")
            broker.kill()
        seen = []
        with here.start(), Crew() as crew:
            def work(body):
                seen.append(int(body[0]))
                return body
            for number, service in enumerate(services):
                crew.add((Worker01, Worker02)[number % 2], here.endpoint, work,
                         service=service)
            here.reaches(replies=200, requests=0)
            fetcher = DealerClient01(make, here.endpoint, b"titanic.reply")
            for number, uuid in enumerate(uuids):
                equal(fetcher.ask(uuid), [OK, b"%d" % number], "reply")
        equal(sorted(seen), list(range(200)), "requests that were executed")
        for first in range(20):
            mine = [number for number in seen if number % 20 == first]
            equal(mine, sorted(mine), "order of a service")


@test("the broker knows its services, and no worker can have them")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start():
            for name in (b"titanic.request", b"titanic.reply",
                         b"titanic.close"):
                equal(client.status(b"mmi.service", name), OK, name)
                worker = Worker01(make, here.endpoint, name)
                worker.ready()
                worker.expect(worker.DISCONNECT)
            equal(client.status(b"mmi.service", b"titanic.x"), b"404", "mmi")
            equal(client.status(b"titanic.x", b""), b"501", "status")
            equal(client.call(b"mmi.services", b"")[1],
                  [b"titanic.request", b"titanic.reply", b"titanic.close"],
                  "services")
            worker = Worker01(make, here.endpoint, b"echo")
            worker.ready()
            wait_until(lambda: client.status(b"mmi.service", b"echo") == OK)


@test("stored requests and others share the workers")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start(), Crew() as crew:
            for number in range(20):
                client.request(b"echo", b"%d" % number)
            #   Others wait all the time
            other = DealerClient01(make, here.endpoint, b"echo")
            for number in range(10):
                other.send(b"other")
            crew.add(Worker01, here.endpoint)
            others = 0
            while others % 100 or here.stat("titanic.replies") < 20:
                other.recv()
                other.send(b"other")
                others += 1
            comment("%d others were answered meanwhile" % others)


#   --------------------------------------------------------------------------
#   Kills

class Sheet:
    """What a client knows of its requests, in a file, so that it is known to
    the client that comes after it was killed."""

    def __init__(self, path):
        self._path = path
        self.left, self.fetched, self.closing, self.closed = {}, set(), set(), \
            set()
        self.last = -1
        with contextlib.suppress(FileNotFoundError), open(path) as file:
            for line in file:
                self._take(*line.split())

    def _take(self, word, number, uuid="-"):
        number = int(number)
        self.last = max(self.last, number)
        if word == "left":
            self.left[number] = uuid.encode()
        elif word != "begun":
            getattr(self, word).add(number)

    def note(self, word, number, uuid="-"):
        """In one write, which a kill cannot tear."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                       0o600)
        os.write(file, b"%s %d %s\n" % (word.encode(), number,
                                        uuid.encode()))
        os.close(file)
        self._take(word, number, uuid)

    def open(self):
        return sorted(set(self.left) - self.closed)


def answer_of(number):
    """What the workers of Yard reply."""
    return [b"done", b"%d" % number, b"body of %d" % number]


def run_client(endpoint, path, ends, failures):
    """In its process: leaves requests, fetches each reply twice, closes it;
    after ends exists, only the last two, until all is closed."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sheet = Sheet(path)
    try:
        with sockets() as make:
            client = Titan(make, endpoint, 0.3)
            while True:
                last_round = os.path.exists(ends)
                if not last_round:
                    leave_some(client, sheet)
                for number in sheet.open():
                    look_at(client, sheet, number)
                if last_round and not sheet.open():
                    return
    except Exception as failure:
        with open(failures, "a") as file:
            file.write("%r\n" % failure)
        raise


def leave_some(client, sheet):
    for _ in range(5):
        if len(sheet.open()) >= 30:
            return
        number = sheet.last + 1
        #   Another client must not take the same number
        sheet.note("begun", number)
        uuid = client.request(b"echo", b"%d" % number, b"body of %d" % number)
        sheet.note("left", number, uuid.decode())


def look_at(client, sheet, number):
    uuid = sheet.left[number]
    if number not in sheet.closing:
        status, body = client.call(b"titanic.reply", uuid)
        if status == PENDING and number not in sheet.fetched:
            return
        #   It is there until it is closed
        equal((status, body), (OK, answer_of(number)),
              "reply to %d" % number)
        if number not in sheet.fetched:
            sheet.note("fetched", number)
            return
    sheet.note("closing", number)
    client.close(uuid)
    equal(client.status(b"titanic.reply", uuid), UNKNOWN, "after close")
    sheet.note("closed", number)


class Lives:
    """Processes of one function, one after the other."""

    def __init__(self, function, *args):
        self._function = function
        self._args = args
        self._process = None
        self.start()

    def start(self):
        self._process = FORKS.Process(target=self._function, args=self._args,
                                      daemon=True)
        self._process.start()

    def kill(self):
        self._process.kill()
        self._process.join()

    def wait(self):
        self._process.join(DEADLINE)
        equal(self._process.exitcode, 0, "exit status of the client")


@test("whatever is killed, each request is executed, and each reply is there",
      deadline=DEADLINE + 3 * KILLS)
def _():
    seed = int(os.environ.get("TITANIC_SEED", "1"))
    generator = random.Random(seed)
    FORKS.set_forkserver_preload(["peers", "titanic_test"])
    killed = collections.Counter()
    with place() as here:
        ends = os.path.join(here.folder, "ends")
        failures = os.path.join(here.folder, "failures")
        paths = [os.path.join(here.folder, "sheet %d" % number)
                 for number in range(2)]
        logs = os.path.join(here.folder, "logs")
        os.mkdir(logs)
        broker = here.start()
        with Yard(logs) as yard:
            def hire():
                return yard.start(generator.choice((Worker01, Worker02)),
                                  here.endpoint, msecs=generator.choice((0, 5)),
                                  interval=BEAT / 1000, liveness=LIVENESS,
                                  reconnect_ivl=10)
            workers = [hire() for _ in range(3)]
            clients = [Lives(run_client, here.endpoint, path, ends, failures)
                       for path in paths]
            for _ in range(KILLS):
                time.sleep(generator.random() * LIFE)
                victim = generator.choice(("client", "worker", "broker"))
                killed[victim] += 1
                if victim == "client":
                    one = generator.choice(clients)
                    one.kill()
                    one.start()
                elif victim == "worker":
                    index = generator.randrange(len(workers))
                    workers[index].kill()
                    workers[index] = hire()
                else:
                    broker.kill()
                    broker = here.start()
            open(ends, "w").close()
            for client in clients:
                client.wait()
            #   Those whose UUIDs were lost with a client
            wait_until(lambda: here.stat("titanic.requests") == 0,
                       what="all are executed")
            lost = here.stat("titanic.replies")
            runs = yard.runs()
        broker.signal(signal.SIGTERM)
        equal(broker.wait(), 0, "exit status")
        assert not os.path.exists(failures), open(failures).read()
        sheets = [Sheet(path) for path in paths]
        left = [number for sheet in sheets for number in sheet.left]
        for sheet in sheets:
            equal(sheet.closed, set(sheet.left), "requests that were closed")
            missing = [number for number in sheet.left
                       if runs[b"%d" % number] < 1]
            equal(missing, [], "requests that were not executed")
        comment("killed: %s" % dict(killed))
        comment("%d requests, %d runs; %d more lost their clients" % (
            len(left), sum(runs.values()), lost))
        assert len(left) > KILLS, "hardly any requests"


@test("killed amid a burst, the broker has all that it had answered",
      deadline=2 * DEADLINE)
def _():
    answered = 0
    with place() as here, sockets() as make, titan(here) as client:
        for _ in range(5):
            with here.start() as broker:
                burst = DealerClient01(make, here.endpoint, b"titanic.request")
                for number in range(1000):
                    burst.send(b"echo", b"%d" % number, b"x" * 1000)
                replies = [burst.recv()]
                broker.kill()
                while burst.sock.poll(100):
                    replies.append(burst.recv())
                burst.close()
            with here.start():
                for status, uuid in replies:
                    equal(status, OK, "status of titanic.request")
                    equal(client.status(b"titanic.reply", uuid), PENDING,
                          "status of what was stored")
            answered += len(replies)
        comment("%d requests were answered" % answered)


@test("always: a loss of power costs nothing that was answered")
def _():
    if not os.path.exists(POWER_CUT):
        raise Skip("there is no shared library to preload")
    if os.environ.get("ZRELAY_SANITIZE"):
        raise Skip("a sanitizer's library must be the first")
    with place() as here, titan(here) as client:
        kept = os.path.join(here.folder, "kept")
        run = os.path.join(here.folder, "run")
        os.mkdir(kept)
        with open(run, "w") as file:
            file.write("first")
        env = {"LD_PRELOAD": POWER_CUT, "POWER_CUT_FROM": here.store,
               "POWER_CUT_TO": kept, "POWER_CUT_RUN": run}
        with here.start("titanic_sync=always", env=env) as broker:
            uuids = [client.request(b"echo", b"%d" % number)
                     for number in range(30)]
            client.close(uuids.pop())
            broker.kill()
        #   All that was not synced is gone
        shutil.rmtree(here.store)
        os.rename(kept, here.store)
        with open(run, "w") as file:
            file.write("second")
        env = {"LD_PRELOAD": POWER_CUT, "POWER_CUT_RUN": run}
        with here.start(env=env), Crew() as crew:
            here.reaches(requests=29)
            crew.add(Worker01, here.endpoint)
            for number, uuid in enumerate(uuids):
                equal(client.reply(uuid), [b"%d" % number], "reply")


@test("a request that ends its workers is tried again, after others")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start("retries=0"):
            bad = client.request(b"echo", b"bad")
            good = client.request(b"echo", b"good")
            for _ in range(2):
                worker = Worker01(make, here.endpoint)
                worker.ready()
                request = worker.take()
                while request.body == [b"good"]:
                    worker.reply(request, request.body)
                    request = worker.take()
                worker.close()
            here.reaches(returned=2)
            equal(client.reply(good), [b"good"], "reply")
            stats = here.stats()
            equal(stats["forward.dropped_retries"], "0", "drops")
            worker = Worker01(make, here.endpoint)
            worker.ready()
            worker.echo()
            equal(client.reply(bad), [b"bad"], "reply")


@test("what is closed is not executed, and a reply to it is ignored")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start():
            worker = Worker01(make, here.endpoint)
            first = client.request(b"echo", b"1")
            second = client.request(b"echo", b"2")
            third = client.request(b"echo", b"3")
            worker.ready()
            request = worker.take()
            equal(request.body, [b"1"], "request")
            client.close(first)
            client.close(second)
            worker.reply(request, [b"late"])
            equal(worker.echo().body, [b"3"], "request")
            equal(client.reply(third), [b"3"], "reply")
            #   Nor is one for which workers have been asked already
            other = DealerClient01(make, here.endpoint, b"echo")
            other.send(b"other")
            busy = worker.take()
            fourth = client.request(b"echo", b"4")
            wait_until(lambda: here.stat("requests_waiting") == 1)
            client.close(fourth)
            equal(here.stat("requests_waiting"), 0, "requests_waiting")
            worker.reply(busy, busy.body)
            equal(other.recv(), [b"other"], "reply")
            assert worker.idle(0.1)
            here.reaches(requests=0, replies=1, closed=3)
            equal(client.status(b"titanic.reply", first), UNKNOWN, "status")


#   --------------------------------------------------------------------------
#   The relay's states

@test("PAUSE keeps requests in the store, and an end does not wait for them")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start() as broker:
            worker = Worker01(make, here.endpoint)
            worker.ready()
            wait_until(lambda: client.status(b"mmi.service", b"echo") == OK)
            equal(here.ask("PAUSE")[0], b"0", "status")
            uuid = client.request(b"echo", b"1")
            client.request(b"none", b"2")
            equal(here.stat("requests_waiting"), 0, "requests_waiting")
            assert worker.idle(0.1)
            equal(here.ask("RESUME")[0], b"0", "status")
            request = worker.take()
            broker.signal(signal.SIGTERM)
            #   The drain waits for what is in hand
            worker.reply(request, request.body)
            equal(broker.wait(), 0, "exit status")
            equal([line for line in broker.error_lines if "lost" in line], [],
                  "lost requests")
        with here.start():
            equal(client.reply(uuid), [b"1"], "reply")
            here.reaches(requests=1, replies=1)


@test("without the option, workers may serve the names")
def _():
    with Relay("majordomo", backend=[]) as relay, sockets() as make:
        worker = Worker01(make, relay.frontend, b"titanic.request")
        worker.ready()
        client = Client01(make, relay.frontend, b"titanic.request")
        client.send(b"1")
        worker.echo()
        equal(client.recv(), [b"1"], "reply")


@test("the option and the file say where requests are")
def _():
    with place() as here:
        with Process([ZRELAY, "queue", "--titanic", here.store]) as process:
            equal(process.wait(), 2, "exit status")
            assert "a majordomo can" in process.error_lines[0]
        with Process([ZRELAY, "majordomo", "--titanic", ""]) as process:
            equal(process.wait(), 2, "exit status")
        path = os.path.join(here.folder, "relays.conf")
        with open(path, "w") as file:
            file.write("""version = 1.0
apps
    app
        devices
            desk
                type = majordomo
                titanic = "%s"
                sockets
                    frontend
                        bind = "%s"
                set
                    relay
                        titanic_expiry = 5000
""" % (here.store + " of mine", here.endpoint))
        with Process([ZRELAY, "check", path]) as process:
            process.succeed()
        assert not os.path.exists(here.store + " of mine")
        with Process([ZRELAY, "run", path]) as process, titan(here) as client:
            process.expect("frontend at")
            client.request(b"echo", b"1")
            assert os.path.exists(here.store + " of mine")


#   --------------------------------------------------------------------------
#   Bounds

@test("requests and replies expire")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start("titanic_expiry=1500") as broker:
            worker = Worker01(make, here.endpoint)
            worker.ready()
            replied = client.request(b"echo", b"1")
            waits = client.request(b"none", b"2")
            worker.echo()
            equal(client.reply(replied), [b"1"], "reply")
            here.reaches(requests=0, replies=0, expired=2)
            for uuid in (replied, waits):
                equal(client.status(b"titanic.reply", uuid), UNKNOWN, "status")
            client.request(b"none", b"3")
            broker.kill()
        #   Also while there was no broker
        with here.start("titanic_expiry=1"):
            here.reaches(requests=0, expired=1)


@test("no more requests are stored than the bounds allow")
def _():
    with place() as here, titan(here) as client, sockets() as make:
        with here.start("titanic_requests=10", "titanic_bytes=5000"):
            uuids = [client.request(b"echo", b"%d" % number)
                     for number in range(10)]
            equal(client.status(b"titanic.request", b"echo", b"x"), FAILED,
                  "status")
            client.close(uuids.pop())
            uuids.append(client.request(b"echo", b"9"))
            client.close(uuids.pop())
            equal(client.status(b"titanic.request", b"echo", b"x" * 5000),
                  FAILED, "status")
            here.reaches(refused=2, requests=9)
            #   Where replies have no more room, they wait
            worker = Worker01(make, here.endpoint)
            worker.ready()
            for _ in range(2):
                worker.reply(worker.take(), [b"r" * 2500])
            here.reaches(replies=2, requests=7)
            assert worker.idle(0.2)
            equal(client.reply(uuids[0]), [b"r" * 2500], "reply")
            client.close(uuids[0])
            equal(worker.echo().body, [b"2"], "request")


@test("where the disk is full, requests are refused, and all else goes on",
      deadline=2 * DEADLINE)
def _():
    with place() as here, titan(here) as client, sockets() as make:
        #   In units of 512 or 1024 bytes, as the shell has it
        with Process(["/bin/sh", "-c", 'ulimit -f 2000; exec "$0" "$@"',
                      *here.command()]) as broker:
            broker.expect("frontend bound")
            uuids = []
            while True:
                status, rest = client.call(b"titanic.request", b"echo",
                                           b"%d" % len(uuids), b"x" * 10000)
                if status != OK:
                    break
                uuids += rest
            equal(status, FAILED, "status")
            comment("%d requests before the disk was full" % len(uuids))
            broker.expect("the disk is full", errors=True)
            assert here.stat("titanic.failed") > 0
            #   A reply that finds no room is kept until there is some, and no
            #   worker gets more to do before
            worker = Worker01(make, here.endpoint)
            worker.ready()
            request = worker.take()
            equal(request.body[0], b"0", "request")
            worker.reply(request, [b"r" * 200000])
            first = uuids.pop(0)
            assert worker.take().body[0] == b"1"
            wait_until(lambda: here.stat("titanic.failing"))
            equal(client.status(b"titanic.reply", first), PENDING, "status")
            for uuid in uuids:
                wait_until(lambda: client.status(b"titanic.close", uuid) == OK,
                           what="it can be closed")
            equal(client.reply(first), [b"r" * 200000], "reply")
            client.request(b"other", b"x" * 10000)
            broker.expect("requests are stored again", errors=True)


#   --------------------------------------------------------------------------
#   What is refused

def files(folder):
    found = {}
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found


def refused(here, *words):
    with Process([ZRELAY, "majordomo", "-f", here.endpoint + "2", "--titanic",
                  here.store]) as process:
        equal(process.wait(), 2, "exit status")
        text = "\n".join(process.error_lines)
    for word in words:
        assert word in text, text


@test("a second broker is refused, and so are damaged and foreign stores")
def _():
    with place() as here, titan(here) as client:
        with here.start() as broker:
            client.request(b"echo", b"body of the request")
            refused(here, "process %d uses it" % broker.pid)
            broker.signal(signal.SIGTERM)
            equal(broker.wait(), 0, "exit status")
        whole = files(here.store)
        damaged = whole["data.mdb"].replace(b"body of the request",
                                            b"body of a requesT!!")
        with open(os.path.join(here.store, "data.mdb"), "wb") as file:
            file.write(damaged)
        refused(here, "the store in '%s'" % here.store, "damaged")
        equal(files(here.store)["data.mdb"], damaged, "the file")
        with open(os.path.join(here.store, "data.mdb"), "wb") as file:
            file.write(whole["data.mdb"])
        with here.start() as broker:
            here.reaches(requests=1)
            with Process([ZRELAY, "spool", here.store]) as process:
                equal(process.succeed(),
                      ["titanic: 1 requests without a reply, 0 replies"],
                      "what zrelay spool shows")
            broker.kill()
        os.unlink(os.path.join(here.store, "zrelay.store"))
        refused(here, "not zrelay's")
        shutil.rmtree(here.store)
        with open(here.store, "w") as file:
            file.write("a file")
        refused(here, "Not a directory")


@test("nonsense in requests does no harm", deadline=2 * DEADLINE)
def _():
    generator = random.Random(4)
    frames = [b"", b"\0", b"echo", b"A" * 31, b"A" * 32, b"a" * 33,
              b"\xff" * 32, b"F" * 100000, b"titanic.request", b"mmi.service",
              b"x" * 255, b"x" * 256, b"\0" * 255]
    statuses = {OK, PENDING, UNKNOWN, FAILED}
    with place() as here, sockets() as make, titan(here) as client:
        with here.start("titanic_requests=100") as broker:
            uuids = []
            for service in (b"titanic.request", b"titanic.reply",
                            b"titanic.close"):
                for form in (DealerClient01, Client02):
                    fuzzer = form(make, here.endpoint, service)
                    bodies = [[b""] * 1000, [b"echo"] + [b""] * 1000,
                              [b"", b""], [b"echo", b""], [b"A" * 10000000]]
                    bodies += [[generator.choice(frames + uuids)
                                for _ in range(generator.randrange(1, 5))]
                               for _ in range(100)]
                    for body in bodies:
                        fuzzer.send(*body)
                    for body in bodies:
                        status, *rest = fuzzer.recv()
                        assert status in statuses, (status, body[:3])
                        if service == b"titanic.request" and status == OK:
                            uuids.append(rest[0])
            #   Without a body it is no request of Majordomo's
            fuzzer.send()
            equal(client.status(b"titanic.reply", b"x"), UNKNOWN, "status")
            assert here.stat("titanic.accepted") > 10
            assert broker.running()
            with Crew() as crew:
                crew.add(Worker02, here.endpoint)
                uuid = client.request(b"echo", b"sense") \
                    if here.stat("titanic.requests") < 100 else None
                if uuid:
                    equal(client.reply(uuid), [b"sense"], "reply")
            broker.signal(signal.SIGTERM)
            equal(broker.wait(), 0, "exit status")


if __name__ == "__main__":
    main()
