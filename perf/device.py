#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""pyzmq's device as a process of its own: device.py KIND FRONT BACK

Prints "ready" and what it has bound, as perf/relay does.
"""

import sys

import zmq

#   Types of the sockets and their high-water mark, as in relays.c
KINDS = {
    "streamer": (zmq.PULL, zmq.PUSH, 1000),
    "forwarder": (zmq.XSUB, zmq.XPUB, 100000),
    "queue": (zmq.ROUTER, zmq.DEALER, 1000),
}


def bind(context, kind, hwm, endpoint):
    """Make one of the device's sockets; return it and where it is bound"""
    socket = context.socket(kind)
    socket.set_hwm(hwm)
    socket.bind(endpoint)
    return socket, socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b"\0").decode()


def main():
    kind, front, back = sys.argv[1:4]
    front_type, back_type, hwm = KINDS[kind]
    context = zmq.Context()
    frontend, front = bind(context, front_type, hwm, front)
    backend, back = bind(context, back_type, hwm, back)
    print("ready", front, back, "-", flush=True)
    zmq.device(zmq.QUEUE, frontend, backend)


if __name__ == "__main__":
    main()
