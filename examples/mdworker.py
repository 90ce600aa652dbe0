#!/usr/bin/env python3
"""Majordomo worker (protocol 0.2, ZeroMQ RFC 18)

Serves one service, here by answering "Hello N" with "World N", until it is
interrupted. Worker and broker send each other heartbeats. When the broker
falls silent, or disconnects, the worker connects again, after a pause that
doubles each time.
Usage: mdworker.py [endpoint [service [msecs between heartbeats]]]
"""

import sys
import time

import zmq

PROTOCOL = b"MDPW02"
READY = b"\x01"
REQUEST = b"\x02"
FINAL = b"\x04"
HEARTBEAT = b"\x05"
DISCONNECT = b"\x06"

# Heartbeats missed until the broker counts as lost, and the longest pause
LIVENESS = 3
PAUSE_MOST = 32

endpoint = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5555"
service = sys.argv[2] if len(sys.argv) > 2 else "greeting"
heartbeat = int(sys.argv[3]) / 1000 if len(sys.argv) > 3 else 1

context = zmq.Context()


def connect():
    worker = context.socket(zmq.DEALER)
    worker.linger = 0
    worker.connect(endpoint)
    worker.send_multipart([PROTOCOL, READY, service.encode()])
    return worker


def work(body):
    """Return the reply to a request. This worker sends no heartbeats while it
    works. If that takes longer than the broker waits, let a thread do the
    work, or another worker gets the request as well."""
    request = body.decode()
    print("Received request [%s]" % request, flush=True)

    # A real worker would do its work here
    return request.replace("Hello", "World").encode()


def serve(worker, pause):
    """Serve until the broker is lost. Returns the next pause, which begins
    anew when the broker has work or heartbeats for us."""
    heard_at = time.monotonic()
    beat_at = heard_at + heartbeat
    while time.monotonic() < heard_at + LIVENESS * heartbeat:
        left = beat_at - time.monotonic()
        if worker.poll(max(0, left * 1000)):
            _, command, *rest = worker.recv_multipart()
            if command == DISCONNECT:
                break
            heard_at = time.monotonic()
            pause = heartbeat
            if command == REQUEST:
                # The client's address and an empty frame return with the reply
                *address, body = rest
                worker.send_multipart([PROTOCOL, FINAL, *address, work(body)])
        if time.monotonic() >= beat_at:
            worker.send_multipart([PROTOCOL, HEARTBEAT])
            beat_at = time.monotonic() + heartbeat
    return pause


worker = connect()
pause = heartbeat
try:
    while True:
        pause = serve(worker, pause)
        print("The broker is lost, connecting again in %d msec"
              % (pause * 1000), flush=True)
        worker.close()
        time.sleep(pause)
        pause = min(pause * 2, PAUSE_MOST)
        worker = connect()
except KeyboardInterrupt:
    pass
