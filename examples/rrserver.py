#!/usr/bin/env python3
"""Request-reply server

Connects a REP socket and answers "Hello N" with "World N", until it is
interrupted. Run several of them: the queue shares out the requests.
Usage: rrserver.py [endpoint]
"""

import sys

import zmq

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5560"

context = zmq.Context()
server = context.socket(zmq.REP)
server.connect(endpoint)

try:
    while True:
        request = server.recv_string()
        print("Received request [%s]" % request, flush=True)

        # A real server would do its work here
        server.send_string(request.replace("Hello", "World"))
except KeyboardInterrupt:
    pass
