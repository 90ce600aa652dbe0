#!/usr/bin/env python3
"""Task worker

Takes tasks from a PULL socket, works, and pushes the results to the sink,
until it is interrupted. Run several of them to share the work.
Usage: worker.py [endpoint [sink endpoint]]
"""

import sys
import time

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5558"
sink_endpoint = sys.argv[2] if len(sys.argv) > 2 else "tcp://127.0.0.1:5561"

context = zmq.Context()
receiver = context.socket(zmq.PULL)
receiver.connect(endpoint)
sender = context.socket(zmq.PUSH)
sender.connect(sink_endpoint)

try:
    while True:
        task = receiver.recv_string()
        time.sleep(int(task) / 1000)
        sender.send_string(task)
except KeyboardInterrupt:
    pass
