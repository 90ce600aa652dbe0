#!/usr/bin/env python3
"""Task sink

Binds a PULL socket and collects the results of a batch.
Usage: sink.py [endpoint [count]]
"""

import sys
import time

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5561"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100

context = zmq.Context()
receiver = context.socket(zmq.PULL)
receiver.bind(endpoint)
print("Collecting on %s" % receiver.LAST_ENDPOINT.decode(), flush=True)

total = 0
for number in range(count):
    result = receiver.recv_string()
    if number == 0:
        started = time.monotonic()
    total += int(result)
if count:
    print("Received %d results, %d msec of work in %d msec" % (
        count, total, (time.monotonic() - started) * 1000))
