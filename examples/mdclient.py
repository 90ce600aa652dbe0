#!/usr/bin/env python3
"""Majordomo client (protocol 0.2, ZeroMQ RFC 18)

Sends all its requests to a service at once, and prints the replies as they
come. With several workers, that is in any order. A worker may send partial
replies before the final one. Gives up when nothing comes for a while.
Usage: mdclient.py [endpoint [service [count [msecs to wait]]]]
"""

import sys

import zmq

PROTOCOL = b"MDPC02"
REQUEST = b"\x01"
PARTIAL = b"\x02"

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
service = sys.argv[2] if len(sys.argv) > 2 else "greeting"
count = int(sys.argv[3]) if len(sys.argv) > 3 else 10
msecs = int(sys.argv[4]) if len(sys.argv) > 4 else 10000

context = zmq.Context()
client = context.socket(zmq.DEALER)
client.linger = 0
client.connect(endpoint)

for number in range(1, count + 1):
    client.send_multipart([PROTOCOL, REQUEST, service.encode(),
                           b"Hello %d" % number])
answered = 0
while answered < count:
    if not client.poll(msecs):
        sys.exit("mdclient.py: giving up, %d of %d answered"
                 % (answered, count))
    _, command, _, body = client.recv_multipart()
    print("Received %s [%s]" % ("part" if command == PARTIAL else "reply",
                                body.decode()), flush=True)
    answered += command != PARTIAL
