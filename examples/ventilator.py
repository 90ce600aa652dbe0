#!/usr/bin/env python3
"""Task ventilator

Connects a PUSH socket and sends a batch of tasks. Each task is a number, the
milliseconds of work that it takes.
Usage: ventilator.py [endpoint [count]]
"""

import sys

import zmq

LONGEST_TASK = 10

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5557"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 100

context = zmq.Context()
sender = context.socket(zmq.PUSH)
sender.connect(endpoint)

total = 0
for number in range(count):
    workload = number % LONGEST_TASK + 1
    sender.send_string("%d" % workload)
    total += workload
# The program must not end before all is sent, and this waits for it
sender.close()
context.term()
print("Sent %d tasks, %d msec of work" % (count, total))
