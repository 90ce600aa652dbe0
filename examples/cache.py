#!/usr/bin/env python3
"""Last values

Subscribes to a topic at a cache, and prints the last value of each topic at
once, and then the updates. With a third argument, it asks the cache for a
snapshot instead, at the endpoint of its LOOKUP, and ends.
Usage: cache.py [endpoint [topic [count]]]
       cache.py endpoint topic lookup
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5558"
topic = sys.argv[2] if len(sys.argv) > 2 else ""
count = sys.argv[3] if len(sys.argv) > 3 else "0"           # 0: forever

context = zmq.Context()


def show(name, body):
    print("%s: %s" % (name.decode(), body.decode()), flush=True)


def subscribe(count):
    subscriber = context.socket(zmq.SUB)
    subscriber.connect(endpoint)
    subscriber.subscribe(topic)
    received = 0
    while received < count or count == 0:
        show(*subscriber.recv_multipart())
        received += 1


def lookup():
    """A REQ gets everything in one message."""
    req = context.socket(zmq.REQ)
    req.connect(endpoint)
    req.send_multipart([b"ICANHAZ?", topic.encode()])
    frames = iter(req.recv_multipart())
    for frame in frames:
        if frame == b"KTHXBAI":
            return
        if frame == b"ERROR":
            sys.exit("cache.py: " + next(frames).decode())
        show(*[next(frames) for _ in range(int(frame))])


try:
    if count == "lookup":
        lookup()
    else:
        subscribe(int(count))
except KeyboardInterrupt:
    pass
