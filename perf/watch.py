#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What it costs to watch a relay under full load: a scrape of /metrics every
100 ms (at most 2 % of throughput), and 1,000 times a second what
zrelay_client_stats () asks for, COUNTERS (at most 1.1 times the CPU for each
message), or STATS, whose answer has a frame for each name and number.

    ZRELAY=build/src/zrelay TOP_BUILDDIR=$PWD/build perf/watch.py [ROUNDS]

Each round measures without and with, by turns, so that a machine that gets
slower hurts both; medians are printed. Run it on a quiet machine."""

import contextlib
import os
import statistics
import sys
import threading
import time
import urllib.request

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tests"))
from zrelay_testing import Relay, temp_dir  # noqa: E402

SECONDS = 3
SIZE, BATCH = 100, 1000


def load(relay, ends):
    """A sender and a receiver, as fast as they can."""
    context = zmq.Context(2)
    source, sink = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    source.linger = 0
    source.connect(relay.frontend)
    sink.connect(relay.backend)
    sink.rcvtimeo = source.sndtimeo = 100

    def push():
        payload = b"x" * SIZE
        with contextlib.suppress(zmq.ZMQError):
            while not ends.is_set():
                with contextlib.suppress(zmq.Again):
                    for _ in range(BATCH):
                        source.send(payload, copy=True)

    def pull():
        with contextlib.suppress(zmq.ZMQError):
            while not ends.is_set():
                with contextlib.suppress(zmq.Again):
                    for _ in range(BATCH):
                        sink.recv()
    threads = [threading.Thread(target=run) for run in (push, pull)]
    for thread in threads:
        thread.start()
    return context, threads


def repeat(action, every, ends):
    """Do something every so many seconds."""
    due = time.monotonic()
    while not ends.wait(max(0, due - time.monotonic())):
        action()
        due += every


def stats(client):
    client.send_multipart([b"STATS"])
    frames = client.recv_multipart()
    names = frames[2:]
    return dict(zip(names[::2], names[1::2]))


def counters(client):
    client.send_multipart([b"COUNTERS"])
    assert client.recv_multipart()[0] == b"0"


def measure(relay, client, action=None, every=0):
    """Messages a second, and seconds of CPU for a million."""
    ends = threading.Event()
    helper = threading.Thread(target=repeat, args=(action, every, ends))
    if action:
        helper.start()
    count = int(stats(client)[b"frontend.in.messages"])
    cpu, began = relay.cpu_time(), time.monotonic()
    time.sleep(SECONDS)
    seconds = time.monotonic() - began
    cpu = relay.cpu_time() - cpu
    count = int(stats(client)[b"frontend.in.messages"]) - count
    ends.set()
    if action:
        helper.join()
    return count / seconds, cpu / count * 1e6


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    with temp_dir() as folder:
        control = "ipc://%s/control" % folder
        with Relay("streamer", "--control", control,
                   "--metrics", "127.0.0.1:0") as relay:
            url = relay.expect(r"^metrics: .* (http\S+)").group(1) + "metrics"
            ends = threading.Event()
            context, threads = load(relay, ends)
            client, other = (context.socket(zmq.REQ) for _ in range(2))
            client.connect(control)
            other.connect(control)
            ratios = {"scrape": [], "COUNTERS": [], "STATS": []}
            for _ in range(rounds):
                plain = measure(relay, client)
                scraped = measure(
                    relay, client,
                    lambda: urllib.request.urlopen(url).read(), 0.1)
                ratios["scrape"].append(scraped[0] / plain[0])
                for query, ask in (("COUNTERS", counters), ("STATS", stats)):
                    asked = measure(relay, client, lambda: ask(other), 0.001)
                    ratios[query].append(asked[1] / plain[1])
            ends.set()
            for thread in threads:
                thread.join()
            context.destroy(0)
    scrape = statistics.median(ratios["scrape"])
    print("%s  throughput with a scrape every 100 ms: %.3f, at least 0.98"
          % ("met   " if scrape >= .98 else "missed", scrape))
    for query in ("COUNTERS", "STATS"):
        cost = statistics.median(ratios[query])
        print("%s  CPU of a message with 1,000 %s a second: %.2f, at most 1.10"
              % ("met   " if cost <= 1.1 else "missed", query, cost))


main()
