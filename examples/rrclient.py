#!/usr/bin/env python3
"""Request-reply client

Connects a REQ socket, sends "Hello" and expects "World" back.
Usage: rrclient.py [endpoint [count]]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5559"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 10

context = zmq.Context()
client = context.socket(zmq.REQ)
client.connect(endpoint)

for number in range(1, count + 1):
    client.send_string("Hello %d" % number)
    reply = client.recv_string()
    print("Received reply %d [%s]" % (number, reply))
