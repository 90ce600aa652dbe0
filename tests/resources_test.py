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
import shlex
import signal
import socket
import subprocess
import time

import zmq

from zrelay_testing import (DEADLINE, Relay, Skip, equal, main, temp_dir,
                            test, wait_until)

#   Descriptors that a relay gets in the test of their exhaustion, and
#   connections that take them all
DESCRIPTORS = 80
CONNECTIONS = 100

#   A clock of the day that jumps an hour at each look, forth and back
JUMPING_CLOCK = r"""
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long
s_jump (void)
{
    static unsigned looks = 0;
    return __sync_add_and_fetch (&looks, 1) % 2? 3600: -3600;
}

int
clock_gettime (clockid_t clock, struct timespec *now)
{
    int rc = (int) syscall (SYS_clock_gettime, clock, now);
    if (clock == CLOCK_REALTIME)
        now->tv_sec += s_jump ();
    return rc;
}

int
gettimeofday (struct timeval *now, void *zone)
{
    (void) zone;
    struct timespec precise;
    clock_gettime (CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t
time (time_t *now)
{
    struct timespec precise;
    clock_gettime (CLOCK_REALTIME, &precise);
    if (now)
        *now = precise.tv_sec;
    return precise.tv_sec;
}
"""


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


@test("descriptors run short: those who say nothing go, others come and are "
      "served")
def _():
    with Relay("queue") as relay, client_and_worker(relay) as (
            context, client, worker):
        ask(client, worker)
        resource.prlimit(relay.pid, resource.RLIMIT_NOFILE,
                         (DESCRIPTORS, DESCRIPTORS))
        host, port = relay.frontend[len("tcp://"):].split(":")
        strangers = [socket.create_connection((host, int(port)))
                     for _ in range(CONNECTIONS)]
        relay.expect("connections were cut", errors=True)
        ask(client, worker)
        late = context.socket(zmq.REQ)
        late.connect(relay.frontend)
        ask(late, worker)
        for stranger in strangers:
            stranger.close()
        ask(client, worker)
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


@test("the clock jumps: rates, counters and draining keep their time")
def _():
    if os.environ.get("ZRELAY_SANITIZE"):
        raise Skip("a sanitizer wants to be the first that is preloaded")
    with temp_dir() as folder:
        source, library = folder + "/clock.c", folder + "/clock.so"
        with open(source, "w") as file:
            file.write(JUMPING_CLOCK)
        subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-shared",
                        "-fPIC", "-o", library, source], check=True)
        with Relay("queue", "-o", "frontend.rate=50",
                   "-o", "frontend.rate_burst=1", "--drain", "30000",
                   env={"LD_PRELOAD": library}) as relay, \
                client_and_worker(relay) as (_context, client, worker):
            started = time.monotonic()
            for _ in range(20):
                ask(client, worker)
            took = time.monotonic() - started
            assert 0.3 < took < DEADLINE / 2, took
            relay.signal(signal.SIGUSR1)
            relay.expect(r"up 00:0", errors=True)
            client.send(b"last")
            assert worker.poll(DEADLINE * 1000), "no request"
            relay.signal(signal.SIGTERM)
            worker.recv()
            worker.send(b"answer")
            assert client.poll(DEADLINE * 1000), "no reply while draining"
            equal(relay.wait(), 0, "exit status")


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
