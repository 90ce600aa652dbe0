#!/usr/bin/env python3
"""Load-balanced worker

A REQ socket says READY, and then answers "Hello N" with "World N", until it is
interrupted. Run several of them: a request goes to one that is free. It sends
no heartbeats, so it does not notice that the relay was started again; ppworker
does.
Usage: lbworker.py [endpoint]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"

context = zmq.Context()
worker = context.socket(zmq.REQ)
worker.connect(endpoint)

try:
    worker.send_string("READY")
    while True:
        # The last frame is the request. The client's address is before it, and
        # returns with the reply.
        *address, body = worker.recv_multipart()
        request = body.decode()
        print("Received request [%s]" % request, flush=True)

        # A real worker would do its work here
        reply = request.replace("Hello", "World")
        worker.send_multipart([*address, reply.encode()])
except KeyboardInterrupt:
    pass
