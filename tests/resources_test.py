#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What the relay does when the system runs out of something, or interrupts."""

import contextlib
import os
import resource
import signal
import socket
import time

import zmq

from zrelay_testing import DEADLINE, Relay, Skip, equal, main, test, wait_until

#   Descriptors that a relay gets in the test of their exhaustion, and
#   connections that take them all
DESCRIPTORS = 80
CONNECTIONS = 100


@contextlib.contextmanager
def client_and_worker(relay):
    context = zmq.Context()
    client, worker = context.socket(zmq.REQ), context.socket(zmq.REP)
    client.connect(relay.frontend)
    worker.connect(relay.backend)
    try:
        yield context, client, worker
    finally:
        context.destroy(linger=0)


def ask(client, worker, question=b"question"):
    """One request and its reply through the relay."""
    client.send(question)
    assert worker.poll(DEADLINE * 1000), "no request"
    equal(worker.recv(), question, "request")
    worker.send(b"answer")
    assert client.poll(DEADLINE * 1000), "no reply"
    equal(client.recv(), b"answer", "reply")


@test("descriptors run out: told, served on, and over when peers leave")
def _():
    with Relay("queue") as relay, client_and_worker(relay) as (
            context, client, worker):
        ask(client, worker)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE,
                         (DESCRIPTORS, DESCRIPTORS))
        host, port = relay.frontend[len("tcp://"):].split(":")
        strangers = [socket.create_connection((host, int(port)))
                     for _ in range(CONNECTIONS)]
        relay.expect("no descriptors left", errors=True)
        ask(client, worker)
        for stranger in strangers:
            stranger.close()
        relay.expect("descriptors again", errors=True)
        late = context.socket(zmq.REQ)
        late.connect(relay.frontend)
        ask(late, worker)
        equal(relay.stop(), 0, "exit status")


@test("stopped and continued, and signalled a thousand times: goes on")
def _():
    with Relay("queue") as relay, client_and_worker(relay) as (
            _context, client, worker):
        for round_ in range(10):
            relay.signal(signal.SIGSTOP)
            client.send(b"while stopped")
            wait_until(lambda: open("/proc/%d/stat" % relay.pid).read()
                       .rpartition(")")[2].split()[0] == "T", what="stopped")
            relay.signal(signal.SIGCONT)
            assert worker.poll(DEADLINE * 1000), "round %d" % round_
            worker.recv()
            worker.send(b"answer")
            assert client.poll(DEADLINE * 1000), "round %d" % round_
            client.recv()
        for number in range(1000):
            relay.signal(signal.SIGUSR1)
            if number % 100 == 0:
                ask(client, worker)
        ask(client, worker)
        equal(relay.stop(), 0, "exit status")


@test("what it logs cannot be written: goes on")
def _():
    if not os.path.exists("/dev/full"):
        raise Skip("there is no /dev/full")
    for redirection in ("2>/dev/full", "2>&-"):
        with Relay("queue", "-v", redirection=redirection) as relay, \
                client_and_worker(relay) as (_context, client, worker):
            for _ in range(3):
                relay.signal(signal.SIGUSR1)
                ask(client, worker)
            equal(relay.stop(), 0, "exit status with " + redirection)


@test("a relay uses no CPU when it has nothing to do")
def _():
    with Relay("queue") as relay, client_and_worker(relay) as (
            _context, client, worker):
        ask(client, worker)
        before = relay.cpu_time()
        #   A span of time is what is measured here
        time.sleep(2)
        assert relay.cpu_time() - before < 0.05, relay.cpu_time() - before


if __name__ == "__main__":
    main()
