#!/usr/bin/env python3
"""Titanic client (ZeroMQ RFC 9, over Majordomo 0.1)

Leaves a request with a broker that keeps it on disk, fetches the reply later,
and closes the request. Prints the status, and what follows it.
Usage: ticlient.py [endpoint [request service body ... | reply uuid |
                    close uuid]]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
words = sys.argv[2:] if len(sys.argv) > 3 else ["request", "greeting", "Hello"]

context = zmq.Context()
client = context.socket(zmq.REQ)
client.linger = 0
client.connect(endpoint)
client.send_multipart([b"MDPC01", b"titanic." + words[0].encode(),
                       *(word.encode() for word in words[1:])])
if not client.poll(10000):
    sys.exit("ticlient.py: no reply")
#   Protocol and service precede the status
for frame in client.recv_multipart()[2:]:
    print(frame.decode())
