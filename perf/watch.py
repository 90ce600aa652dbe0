#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What it costs to watch a relay of the program under full load: a scrape of
/metrics every 100 ms, at most 2 % of throughput; and COUNTERS and STATS at its
control socket, 1,000 times a second, as CPU of each message. What these cost by
the pipe, with zrelay_client_stats (), perf/bench measures.

    ZRELAY=build/src/zrelay TOP_BUILDDIR=$PWD/build perf/watch.py [ROUNDS]

Each round measures without and with, by turns, so that a machine that gets
slower hurts both; medians are printed, of scrapes with the quartiles. The load
is a process of its own, perf/stream; so is whoever watches. Run it on a quiet
machine."""

import http.client
import multiprocessing
import os
import statistics
import sys
import time

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "tests"))
from zrelay_testing import TOP_BUILDDIR, Process, Relay, temp_dir  # noqa: E402

SECONDS = 2


def scrape(address):
    """A connection remains, as that of Prometheus does."""
    connection = http.client.HTTPConnection(address)

    def ask():
        connection.request("GET", "/metrics")
        assert b"zrelay_messages_total" in connection.getresponse().read()
    return ask


def query(control, word):
    sock = zmq.Context().socket(zmq.REQ)
    sock.connect(control)

    def ask():
        sock.send_multipart([word])
        frames = sock.recv_multipart()
        assert frames[0] == b"0", frames
        return frames
    return ask


def repeat(make, args, every):
    """Do something every so many seconds, for ever."""
    action = make(*args)
    due = time.monotonic()
    while True:
        action()
        due += every
        time.sleep(max(0, due - time.monotonic()))


class Watched:
    """A streamer under load."""

    def __init__(self, relay, control):
        self._relay = relay
        self._stats = query(control, b"STATS")

    def _count(self):
        names = self._stats()[2:]
        return int(names[names.index(b"frontend.in.messages") + 1])

    def measure(self, *watching):
        """Messages a second, and seconds of CPU for each."""
        watcher = None
        if watching:
            watcher = multiprocessing.get_context("spawn").Process(
                target=repeat, args=watching, daemon=True)
            watcher.start()
            time.sleep(0.5)
        count, cpu = self._count(), self._relay.cpu_time()
        began = time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - began
        cpu = self._relay.cpu_time() - cpu
        count = self._count() - count
        if watcher:
            watcher.kill()
            watcher.join()
        return count / seconds, cpu / count


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    ratios = {"scrape": [], "COUNTERS": [], "STATS": []}
    with temp_dir() as folder:
        control = "ipc://%s/control" % folder
        with Relay("streamer", "--control", control,
                   "--metrics", "127.0.0.1:0") as relay, \
                Process([os.path.join(TOP_BUILDDIR, "perf", "stream"),
                         relay.frontend, relay.backend]):
            address = relay.expect(r"^metrics: .* http://([^/]+)/").group(1)
            watched = Watched(relay, control)
            watched.measure()
            for _ in range(rounds):
                rate, cpu = watched.measure()
                ratios["scrape"].append(
                    watched.measure(scrape, (address,), 0.1)[0] / rate)
                for word in ("COUNTERS", "STATS"):
                    ratios[word].append(watched.measure(
                        query, (control, word.encode()), 0.001)[1] / cpu)
    low, scraped, high = statistics.quantiles(ratios["scrape"])
    print("%s  throughput with a scrape every 100 ms: %.3f (%.3f to %.3f), at"
          " least 0.98" % ("met   " if scraped >= .98 else "missed", scraped,
                           low, high))
    for word in ("COUNTERS", "STATS"):
        print("        CPU of a message with 1,000 %s a second: %.2f"
              % (word, statistics.median(ratios[word])))


if __name__ == "__main__":
    main()
