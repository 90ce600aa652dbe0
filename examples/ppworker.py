#!/usr/bin/env python3
"""Paranoid Pirate worker (ZeroMQ RFC 6)

Answers "Hello N" with "World N", until it is interrupted. Worker and relay
send each other heartbeats. When the relay falls silent, the worker connects
again, after a pause that doubles each time.
Usage: ppworker.py [endpoint [msecs between heartbeats]]
"""

import sys
import time

import zmq

READY = b"\x01"
HEARTBEAT = b"\x02"

# Heartbeats missed until the relay counts as lost, and the longest pause
LIVENESS = 3
PAUSE_MOST = 32

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
heartbeat = int(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 1

context = zmq.Context()


def connect():
    worker = context.socket(zmq.DEALER)
    worker.linger = 0
    worker.connect(endpoint)
    worker.send(READY)
    return worker


def work(body):
    """Return the reply to a request. This worker sends no heartbeats while it
    works. If that takes longer than the relay waits, let a thread do the
    work, or another worker gets the request as well."""
    request = body.decode()
    print("Received request [%s]" % request, flush=True)

    # A real worker would do its work here
    return request.replace("Hello", "World").encode()


def serve(worker, pause):
    """Serve until the relay is silent. Returns the next pause, which begins
    anew when the relay was heard."""
    heard_at = time.monotonic()
    beat_at = heard_at + heartbeat
    while time.monotonic() < heard_at + LIVENESS * heartbeat:
        left = beat_at - time.monotonic()
        if worker.poll(max(0, left * 1000)):
            # The client's address and an empty frame, which return with the
            # reply, and the request; or, in one frame, a heartbeat
            *address, body = worker.recv_multipart()
            heard_at = time.monotonic()
            pause = heartbeat
            if address:
                worker.send_multipart([*address, work(body)])
        if time.monotonic() >= beat_at:
            worker.send(HEARTBEAT)
            beat_at = time.monotonic() + heartbeat
    return pause


worker = connect()
pause = heartbeat
try:
    while True:
        pause = serve(worker, pause)
        print("The relay is silent, connecting again in %d msec"
              % (pause * 1000), flush=True)
        worker.close()
        time.sleep(pause)
        pause = min(pause * 2, PAUSE_MOST)
        worker = connect()
except KeyboardInterrupt:
    pass
