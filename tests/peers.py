#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Workers and clients of the balancer and of majordomo, in every form.

They are written from the tables of the protocols (ZeroMQ RFC 6, 7 and 18), and
take each step when a test says so:

    worker = PirateWorker(make, relay.backend)
    worker.ready()
    request = worker.take()
    worker.reply(request, [b"done"])

make is what zrelay_testing.sockets() gives. serve() is the loop that the
tutorials' workers run, on a thread or in a process of its own: see Crew and
Yard.
"""

import collections
import contextlib
import ctypes
import multiprocessing
import os
import signal
import threading
import time

import zmq

from zrelay_testing import DEADLINE, Hang, equal, sockets, wait_until

#   A request as a worker sees it: the client's address, a list of frames, is
#   to be returned with the reply
Request = collections.namedtuple("Request", "address body")


def cut(frames):
    """What is before and behind the first empty frame."""
    place = frames.index(b"")
    return frames[:place], frames[place + 1:]


#   --------------------------------------------------------------------------
#   Workers

class Worker:
    """What workers of all forms do. REQUEST, HEARTBEAT and DISCONNECT are
    what next() can return."""

    REQUEST, HEARTBEAT, DISCONNECT = "request", "heartbeat", "disconnect"
    TYPE = zmq.DEALER
    #   True if the form has heartbeats
    BEATS = True

    def __init__(self, make, endpoint, service=b"echo", **options):
        self._make = make
        self._endpoint = endpoint
        self._options = dict(options, linger=0)
        self.service = service
        #   Heartbeats that came
        self.beats = 0
        self.sock = None
        self.open()

    def open(self):
        """Begin with a new socket: a tutorial's worker that has lost the
        relay does."""
        self.close()
        self.sock = self._make(self.TYPE, self._endpoint, **self._options)

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    def send(self, *frames):
        """Send frames that may be of no protocol."""
        self.sock.send_multipart(list(frames))

    def ready(self):
        raise NotImplementedError

    def beat(self):
        """Send a heartbeat, if the form has them."""

    def understand(self, frames):
        """Of a message that came: what it is, and the request."""
        raise NotImplementedError

    def next(self, seconds=DEADLINE):
        """The next message: what it is, and the request if it is one. None
        if there is none in so many seconds."""
        if not self.sock.poll(max(0, int(seconds * 1000))):
            return None
        what, request = self.understand(self.sock.recv_multipart())
        if what == self.HEARTBEAT:
            self.beats += 1
        return what, request

    def expect(self, expected, seconds=DEADLINE):
        """The next message that is not a heartbeat, which must be such."""
        ends = time.monotonic() + seconds
        while True:
            got = self.next(ends - time.monotonic())
            if got is None:
                raise Hang("%s: no %s in %s seconds" % (
                    type(self).__name__, expected, seconds))
            what, request = got
            if what == expected:
                return request
            equal(what, self.HEARTBEAT, "%s: message" % type(self).__name__)

    def take(self, seconds=DEADLINE):
        """The next request."""
        return self.expect(self.REQUEST, seconds)

    def idle(self, seconds=0.0):
        """True if there is no message but heartbeats for so long."""
        ends = time.monotonic() + seconds
        while True:
            got = self.next(ends - time.monotonic())
            if got is None:
                return True
            if got[0] != self.HEARTBEAT:
                return False

    def reply(self, request, body):
        raise NotImplementedError

    def echo(self, seconds=DEADLINE):
        """Serve one request, and return it."""
        request = self.take(seconds)
        self.reply(request, request.body)
        return request


class ReadyWorker(Worker):
    """The REQ worker of the Guide's load balancing broker."""
    TYPE = zmq.REQ
    BEATS = False
    READY = b"READY"

    def ready(self):
        self.send(self.READY)

    def understand(self, frames):
        return self.REQUEST, Request(*cut(frames))

    def reply(self, request, body):
        self.send(*request.address, b"", *body)


class SimplePirate(ReadyWorker):
    """The REQ worker of Simple Pirate."""
    READY = b"\x01"


class PirateWorker(Worker):
    """Paranoid Pirate, RFC 6."""

    def ready(self):
        self.send(b"\x01")

    def beat(self):
        self.send(b"\x02")

    def understand(self, frames):
        if frames == [b"\x02"]:
            return self.HEARTBEAT, None
        return self.REQUEST, Request(*cut(frames))

    def reply(self, request, body):
        self.send(*request.address, b"", *body)


class Worker01(Worker):
    """Majordomo 0.1, RFC 7."""
    HEADER = [b"", b"MDPW01"]

    def command(self, command, *frames):
        self.send(*self.HEADER, command, *frames)

    def ready(self):
        self.command(b"\x01", self.service)

    def beat(self):
        self.command(b"\x04")

    def disconnect(self):
        self.command(b"\x05")

    def understand(self, frames):
        equal(frames[:2], self.HEADER, "header")
        if frames[2] == b"\x02":
            return self.REQUEST, Request(*cut(frames[3:]))
        return {b"\x04": self.HEARTBEAT,
                b"\x05": self.DISCONNECT}[frames[2]], None

    def reply(self, request, body):
        self.command(b"\x03", *request.address, b"", *body)


class Worker02(Worker):
    """Majordomo 0.2, RFC 18."""
    HEADER = [b"MDPW02"]

    def command(self, command, *frames):
        self.send(*self.HEADER, command, *frames)

    def ready(self):
        self.command(b"\x01", self.service)

    def beat(self):
        self.command(b"\x05")

    def disconnect(self):
        self.command(b"\x06")

    def understand(self, frames):
        equal(frames[:1], self.HEADER, "header")
        if frames[1] == b"\x02":
            return self.REQUEST, Request(*cut(frames[2:]))
        return {b"\x05": self.HEARTBEAT,
                b"\x06": self.DISCONNECT}[frames[1]], None

    def partial(self, request, body):
        self.command(b"\x03", *request.address, b"", *body)

    def reply(self, request, body):
        self.command(b"\x04", *request.address, b"", *body)


BALANCER_WORKERS = (ReadyWorker, SimplePirate, PirateWorker)
MAJORDOMO_WORKERS = (Worker01, Worker02)


#   --------------------------------------------------------------------------
#   Clients

class Client:
    """What clients of all forms do. A body is a list of frames."""
    TYPE = zmq.DEALER

    def __init__(self, make, endpoint, service=b"echo", **options):
        self._make = make
        self._endpoint = endpoint
        self._options = dict(options, linger=0)
        self.service = service
        self.sock = None
        self.open()

    def open(self):
        self.close()
        self.sock = self._make(self.TYPE, self._endpoint, **self._options)

    def close(self):
        if self.sock:
            self.sock.close()
            self.sock = None

    def wrap(self, body):
        return body

    def unwrap(self, frames):
        return frames

    def send(self, *body):
        self.sock.send_multipart(self.wrap(list(body)))

    def recv(self, seconds=DEADLINE):
        """The body of the next reply."""
        if not self.sock.poll(int(seconds * 1000)):
            raise Hang("%s: no reply in %s seconds" % (
                type(self).__name__, seconds))
        return self.unwrap(self.sock.recv_multipart())

    def silent(self, seconds=0.0):
        """True if no reply comes for so long."""
        return self.sock.poll(int(seconds * 1000)) == 0

    def ask(self, *body):
        self.send(*body)
        return self.recv()

    def ask_lazily(self, *body, seconds=1.0, retries=60):
        """As a Lazy Pirate: asks again, each time with a new socket."""
        for _ in range(retries):
            self.send(*body)
            if not self.silent(seconds):
                return self.recv()
            self.open()
        raise Hang("no reply to %d tries" % retries)


class ReqClient(Client):
    TYPE = zmq.REQ


class DealerClient(Client):
    """Makes the empty frame by hand."""

    def wrap(self, body):
        return [b"", *body]

    def unwrap(self, frames):
        equal(frames[0], b"", "first frame of the reply")
        return frames[1:]


class BareClient(Client):
    """A DEALER that sends no empty frame, and gets none."""


class Client01(ReqClient):
    """Majordomo 0.1: a REQ."""

    def wrap(self, body):
        return [b"MDPC01", self.service, *body]

    def unwrap(self, frames):
        equal(frames[:2], [b"MDPC01", self.service], "header of the reply")
        return frames[2:]


class DealerClient01(Client01):
    """Majordomo 0.1: a DEALER, with the empty frame made by hand."""
    TYPE = zmq.DEALER

    def wrap(self, body):
        return [b"", *super().wrap(body)]

    def unwrap(self, frames):
        equal(frames[0], b"", "first frame of the reply")
        return super().unwrap(frames[1:])


class Client02(Client):
    """Majordomo 0.2. recv() returns what FINAL brought."""
    PARTIAL, FINAL = b"\x02", b"\x03"

    def wrap(self, body):
        return [b"MDPC02", b"\x01", self.service, *body]

    def parse(self, frames):
        """The command of a reply, and its body."""
        equal([frames[0], frames[2]], [b"MDPC02", self.service],
              "header of the reply")
        return frames[1], frames[3:]

    def unwrap(self, frames):
        command, body = self.parse(frames)
        equal(command, self.FINAL, "command of the reply")
        return body

    def recv_partial(self):
        """The body of the next reply, which must be a PARTIAL."""
        command, body = self.parse(self.sock.recv_multipart())
        equal(command, self.PARTIAL, "command of the reply")
        return body


BALANCER_CLIENTS = (ReqClient, DealerClient, BareClient)
MAJORDOMO_CLIENTS = (Client01, DealerClient01, Client02)


#   --------------------------------------------------------------------------
#   Workers that run by themselves

def reverse(body):
    """Work that is seen to be done."""
    return body[::-1]


def serve(worker, work, ends, interval=1.0, liveness=3):
    """Serve until ends() is true, as the tutorials' workers do: with
    heartbeats, and with a new socket when the relay has fallen silent or
    says that it is over. interval is that of heartbeats, in seconds."""
    worker.ready()
    beat_at = time.monotonic() + interval
    heard_at = time.monotonic()
    while not ends():
        got = worker.next(min(0.05, interval / 4))
        now = time.monotonic()
        if got:
            heard_at = now
            if got[0] == worker.REQUEST:
                worker.reply(got[1], work(got[1].body))
                heard_at = now = time.monotonic()
        if worker.BEATS and now >= beat_at:
            beat_at = now + interval
            worker.beat()
        lost = worker.BEATS and now > heard_at + liveness * interval
        if lost or got and got[0] == worker.DISCONNECT:
            worker.open()
            worker.ready()
            heard_at = now


class Crew:
    """Workers on threads, each with a socket that its thread makes.

        with Crew() as crew:
            crew.add(PirateWorker, relay.backend)
    """

    def __init__(self):
        self._ends = threading.Event()
        self._threads = []
        self._failures = []

    def __enter__(self):
        return self

    def __exit__(self, kind, *_exception):
        self._ends.set()
        for thread in self._threads:
            thread.join(DEADLINE)
        if self._failures and kind is None:
            raise self._failures[0]

    def add(self, form, endpoint, work=reverse, interval=1.0, liveness=3,
            **options):
        """Add a worker; what it serves is work(body)."""
        def run():
            try:
                with sockets() as make:
                    serve(form(make, endpoint, **options), work,
                          self._ends.is_set, interval, liveness)
            except Exception as failure:
                self._failures.append(failure)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        self._threads.append(thread)


#   --------------------------------------------------------------------------
#   Workers in processes of their own, which can be killed

PR_SET_PDEATHSIG = 1


def _run_labourer(form, endpoint, log, msecs, interval, liveness, options):
    """In its process: note the number of each request that it begins, its
    first frame, in a file of its own; work for so many msecs."""
    #   Not left behind when the test is killed
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def work(body):
        os.write(file, body[0] + b"\n")
        time.sleep(msecs / 1000)
        return [b"done", *body]

    with sockets() as make:
        serve(form(make, endpoint, **options), work, lambda: False, interval,
              liveness)


class Labourer:
    """A worker in a process of its own; see Yard."""

    def __init__(self, process):
        self._process = process

    def kill(self):
        """With SIGKILL; returns when it is gone."""
        self._process.kill()
        self._process.join()

    def stop(self):
        """With SIGSTOP: it hangs, and its connection stays."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self):
        os.kill(self._process.pid, signal.SIGCONT)


class Yard:
    """Starts workers in processes of their own, quickly: each is a fork of
    one that has done its imports, and has no threads.

        with Yard(folder) as yard:
            labourer = yard.start(ReadyWorker, relay.backend)
            labourer.kill()
            yard.runs()
    """

    def __init__(self, folder):
        self._folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["peers"])
        self._started = []

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        for labourer in self._started:
            labourer.kill()

    def start(self, form, endpoint, msecs=0, interval=1.0, liveness=3,
              **options):
        """A worker that takes msecs for each request, whose first frame is
        its number."""
        log = os.path.join(self._folder, "%d.log" % len(self._started))
        process = self._context.Process(
            target=_run_labourer, daemon=True,
            args=(form, endpoint, log, msecs, interval, liveness, options))
        process.start()
        labourer = Labourer(process)
        self._started.append(labourer)
        return labourer

    def runs(self):
        """How often each request was begun, from the logs of all workers,
        those that were killed too."""
        runs = collections.Counter()
        for name in os.listdir(self._folder):
            with contextlib.suppress(FileNotFoundError), \
                 open(os.path.join(self._folder, name), "rb") as file:
                runs.update(file.read().split())
        return runs


#   --------------------------------------------------------------------------
#   Relays that have workers; relay is a Steered

#   Reasons to drop a request
DROPS = ("queue_full", "deadline", "retries", "client_gone")

#   Msecs between heartbeats, and how many may be missed. Long enough that only
#   a worker that says nothing is silent, even on a busy machine.
BEAT, LIVENESS = 200, 5


def dropped(reason):
    """The counter of messages to workers that were dropped."""
    return "forward.dropped_" + reason


def accounts(relay):
    """Each request is answered, still here, or dropped for a reason."""
    stats = relay.stats()
    parts = ["replies", "requests_waiting", "requests_in_hand",
             *map(dropped, DROPS)]
    equal(sum(stats[part] for part in parts), stats["requests"],
          "sum of %s" % {part: stats[part] for part in parts})


def prints(program, line):
    """Wait until a running program reports a line among its statistics."""
    def printed():
        program.signal(signal.SIGUSR1)
        return line in program.error_lines
    wait_until(printed, what="statistics with %r" % line)


def workers(relay, *service):
    """The answer to WORKERS, by their ids."""
    rows = relay.rows("WORKERS", ("id", "state", "client", "served", "seen"),
                      *service)
    return {row["id"]: row for row in rows}


def states(relay, *service):
    """What each worker does."""
    return {name: row["state"]
            for name, row in workers(relay, *service).items()}


def join(relay, *crew):
    """Let workers say READY, one after the other."""
    for worker in crew:
        before = relay.stat("workers")
        worker.ready()
        relay.counts(workers=before + 1)


def beat_while(condition, *crew):
    """Let workers send heartbeats until a condition holds."""
    def look():
        for worker in crew:
            worker.beat()
        if condition():
            return True
        time.sleep(BEAT / 4000)
        return False
    wait_until(look, what="condition, while others send heartbeats")


def flood(client, count, size=0):
    """Send so many requests, with their numbers in front."""
    for number in range(count):
        client.send(b"%d" % number, b"x" * size)


def served(client, worker, count):
    """The numbers of the next requests, which a worker serves; there must be
    no more than these."""
    worker.ready()
    numbers = []
    for _ in range(count):
        worker.echo()
        numbers.append(int(client.recv()[0]))
    client.send(b"end")
    equal(worker.echo().body, [b"end"], "the next request")
    equal(client.recv(), [b"end"], "the next reply")
    return numbers
