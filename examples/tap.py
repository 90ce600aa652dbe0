#!/usr/bin/env python3
"""Tap

Prints what a relay's capture sees, one line for each message: the time, and
the frames, with the prefix first if the capture has prefixes.
Usage: tap.py [endpoint [count]]
"""

import datetime
import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5561"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 0

context = zmq.Context()
capture = context.socket(zmq.SUB)
capture.subscribe(b"")
capture.connect(endpoint)

seen = 0
while count == 0 or seen < count:
    frames = capture.recv_multipart()
    print(datetime.datetime.now().isoformat(timespec="milliseconds"),
          *(repr(frame)[1:] for frame in frames), flush=True)
    seen += 1
