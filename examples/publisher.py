#!/usr/bin/env python3
"""Publisher

Binds a PUB socket and publishes in turn on the topics "weather" and "news".
A message has several frames: the topic, its number, and a large body in
parts.
Usage: publisher.py [endpoint [count [msecs between messages]]]
"""

import itertools
import sys
import time

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 0        # 0: forever
interval = int(sys.argv[3]) if len(sys.argv) > 3 else 100

context = zmq.Context()
publisher = context.socket(zmq.PUB)
publisher.bind(endpoint)
print("Publishing on %s" % publisher.LAST_ENDPOINT.decode(), flush=True)

body = [letter * (256 * 1024) for letter in (b"a", b"b", b"c", b"d")]
numbers = range(1, count + 1) if count else itertools.count(1)
try:
    for number in numbers:
        topic = b"weather" if number % 2 else b"news"
        publisher.send_multipart([topic, b"%d" % number, *body])
        time.sleep(interval / 1000)
except KeyboardInterrupt:
    pass
