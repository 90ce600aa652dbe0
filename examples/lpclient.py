#!/usr/bin/env python3
"""Lazy Pirate client

Sends "Hello" and expects "World" back, but does not wait forever: without a
reply in time it sends the request again, from a new socket, and in the end
gives up. A request that was sent twice may also be done twice.
Usage: lpclient.py [endpoint [count [msecs to wait [tries]]]]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
count = int(sys.argv[2]) if len(sys.argv) > 2 else 10
msecs = int(sys.argv[3]) if len(sys.argv) > 3 else 10000
tries = int(sys.argv[4]) if len(sys.argv) > 4 else 3

context = zmq.Context()


def connect():
    client = context.socket(zmq.REQ)
    client.linger = 0
    client.connect(endpoint)
    return client


client = connect()
for number in range(1, count + 1):
    for _ in range(tries):
        client.send_string("Hello %d" % number)
        if client.poll(msecs):
            break
        print("No reply to request %d in %d msec" % (number, msecs),
              flush=True)

        # A REQ that waits for a reply cannot send, and a late reply to it must
        # not be taken for that to the next request
        client.close()
        client = connect()
    else:
        sys.exit("lpclient.py: giving up")
    print("Received reply %d [%s]" % (number, client.recv_string()),
          flush=True)
