#!/usr/bin/env python3
"""Majordomo management (protocol 0.1 and MMI, ZeroMQ RFC 7 and 8)

Asks the broker which services have workers, and prints their names; or, if a
service is named, whether it has any: 200 if so, else 404. Clients of protocol
0.1 are this short, as a REQ socket adds the empty frame.
Usage: mdlist.py [endpoint [service]]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
service = sys.argv[2] if len(sys.argv) > 2 else None

context = zmq.Context()
client = context.socket(zmq.REQ)
client.linger = 0
client.connect(endpoint)

client.send_multipart([b"MDPC01",
                       b"mmi.service" if service else b"mmi.services",
                       service.encode() if service else b""])
if not client.poll(10000):
    sys.exit("mdlist.py: no reply")
_, _, status, *services = client.recv_multipart()
for word in [status] if service else services:
    print(word.decode())
