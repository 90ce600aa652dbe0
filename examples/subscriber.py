#!/usr/bin/env python3
"""Subscriber

Connects a SUB socket, and prints what it receives on one topic.
Usage: subscriber.py [endpoint [topic [count]]]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:8100"
topic = sys.argv[2] if len(sys.argv) > 2 else "weather"
count = int(sys.argv[3]) if len(sys.argv) > 3 else 0        # 0: forever

context = zmq.Context()
subscriber = context.socket(zmq.SUB)
subscriber.connect(endpoint)
subscriber.subscribe(topic)

received = 0
try:
    while received < count or count == 0:
        name, number, *body = subscriber.recv_multipart()
        received += 1
        print("%s %s: %d frames, %d bytes" % (
            name.decode(), number.decode(), len(body),
            sum(len(frame) for frame in body)), flush=True)
except KeyboardInterrupt:
    pass
