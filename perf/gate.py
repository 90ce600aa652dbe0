#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""How long a good client waits at the gate, with many certificates, alone and
while strangers come with wrong keys; and whether messages go on meanwhile. The
strangers come to another relay first: what a client waits then is not the
gate's doing.

    perf/gate.py [CERTIFICATES [WRONG_KEYS_A_SECOND [CLIENTS]]]

ZRELAY names the program; the defaults are 10000, 500 and 50. Prints medians,
and fails if a client waits more than twice as long while strangers come, or if
less than nine tenths of the messages pass. It takes about a minute, and
two cores of their own: the strangers alone use most of one.
"""

import os
import re
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import zmq
import zmq.utils.z85
from zmq.utils.monitor import recv_monitor_message

ZRELAY = os.environ.get("ZRELAY", "zrelay")
#   Seconds for one client, and before the attack is measured
PATIENCE = 60
WARM_UP = 3
#   Seconds in which messages and refusals are counted, at least
COUNTED = 5
#   Sockets of strangers that are open at a time, and how many keys they have
STRANGERS = 400
WRONG_KEYS = 300
#   Messages a second that one more good client sends all the time
RATE = 2000
#   Least part of them that passes during the attack
PASS_LEAST = 0.9

CERT = 'metadata\n    name = "client-%d"\ncurve\n    public-key = "%s"\n'


def write_certificates(folder, count):
    """Fill a folder; returns the keys of the last client."""
    public, secret = zmq.curve_keypair()
    for number in range(count):
        if number % 10 == 0:
            public, secret = zmq.curve_keypair()
        key = public if number == count - 1 else os.urandom(32)
        text = key.decode() if number == count - 1 else \
            zmq.utils.z85.encode(key).decode()
        with open(os.path.join(folder, "client-%d" % number), "w") as file:
            file.write(CERT % (number, text))
    return public, secret


def let_in_after(context, endpoint, own, server_key):
    """Seconds until a client with these keys is let in."""
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    socket.curve_publickey, socket.curve_secretkey = own
    socket.curve_serverkey = server_key
    monitor = socket.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    started = time.monotonic()
    socket.connect(endpoint)
    if not monitor.poll(PATIENCE * 1000):
        sys.exit("a good client was not let in within %d s" % PATIENCE)
    recv_monitor_message(monitor)
    seconds = time.monotonic() - started
    socket.disable_monitor()
    monitor.close()
    socket.close()
    return seconds


def attack(endpoint, server_key, rate, ended):
    """Come with wrong keys, at that rate, until told to end."""
    context = zmq.Context()
    context.max_sockets = 4 * STRANGERS
    wrong = [zmq.curve_keypair() for _ in range(WRONG_KEYS)]
    sockets = []
    started = time.monotonic()
    count = 0
    while not ended.is_set():
        ahead = started + count / rate - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)
        socket = context.socket(zmq.PUSH)
        socket.linger = 0
        #   Each comes once: libzmq would try ten times a second
        socket.reconnect_ivl = -1
        own = wrong[count % WRONG_KEYS]
        socket.curve_publickey, socket.curve_secretkey = own
        socket.curve_serverkey = server_key
        socket.connect(endpoint)
        sockets.append(socket)
        count += 1
        if len(sockets) > STRANGERS:
            sockets.pop(0).close()
    context.destroy(linger=0)


def as_attacker(endpoint, server_key, rate):
    """The attack is a process of its own, which a signal ends. Its sockets
    take several descriptors each."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    attack(endpoint, server_key.encode(), rate, ended)


def as_traffic(frontend, backend, public, secret, server_key):
    """Messages go through the relay, RATE a second."""
    context = zmq.Context()
    pusher, puller = context.socket(zmq.PUSH), context.socket(zmq.PULL)
    pusher.curve_publickey, pusher.curve_secretkey = (
        public.encode(), secret.encode())
    pusher.curve_serverkey = server_key.encode()
    pusher.connect(frontend)
    puller.connect(backend)
    started = time.monotonic()
    count = 0
    while True:
        while count < RATE * (time.monotonic() - started):
            pusher.send(b"message")
            count += 1
        while puller.poll(1):
            puller.recv()


def read_until(stream, pattern):
    for line in stream:
        found = re.search(pattern, line)
        if found:
            return found
    sys.exit("the relay ended")


def guarded_relay(cert, clients_folder):
    """A relay, and its endpoints."""
    relay = subprocess.Popen(
        [ZRELAY, "streamer", "-f", "tcp://127.0.0.1:*", "-b",
         "tcp://127.0.0.1:*", "--curve", cert, "--clients", clients_folder,
         "--guard", "frontend"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True)
    return (relay, *(
        read_until(relay.stdout, side + r" bound to (\S+)").group(1)
        for side in ("frontend", "backend")))


def measure(folder, certificates, rate, clients):
    clients_folder = os.path.join(folder, "clients")
    os.mkdir(clients_folder)
    own = write_certificates(clients_folder, certificates)
    cert = os.path.join(folder, "relay.cert")
    server_key = subprocess.run([ZRELAY, "keygen", cert], check=True,
                                stdout=subprocess.PIPE).stdout.strip()
    started = time.monotonic()
    relay, endpoint, backend = guarded_relay(cert, clients_folder)
    print("ready after %.2f s with %d certificates"
          % (time.monotonic() - started, certificates))
    other, elsewhere, _ = guarded_relay(cert, clients_folder)
    others = []
    try:
        context = zmq.Context()

        def start(role, *arguments):
            others.append(subprocess.Popen(
                [sys.executable, __file__, role, *arguments]))
            time.sleep(WARM_UP)
            return others[-1]

        def attacked(place):
            attacker = start("attack", place, server_key.decode(), str(rate))
            result = let_in()
            attacker.terminate()
            attacker.wait()
            return result

        def let_in():
            """Times of clients, and what passes and is refused a second."""
            before, started = counts(relay), time.monotonic()
            times = [let_in_after(context, endpoint, own, server_key)
                     for _ in range(clients)]
            time.sleep(max(0, COUNTED - (time.monotonic() - started)))
            seconds = time.monotonic() - started
            return (times, *((after - count) / seconds for count, after
                             in zip(before, counts(relay))))
        start("traffic", endpoint, backend, *(key.decode() for key in own),
              server_key.decode())
        runs = let_in(), attacked(elsewhere), attacked(endpoint)
        context.destroy(linger=0)
    finally:
        for process in others:
            process.terminate()
            process.wait()
        for process in relay, other:
            process.kill()
            process.communicate()
    return runs


def counts(relay):
    """Messages that passed and keys that were refused, so far."""
    relay.send_signal(signal.SIGUSR1)
    return tuple(int(read_until(relay.stderr, pattern).group(1))
                 for pattern in (r"^backend out +(\d+)",
                                 r"^gate:.*refused_key (\d+)"))


def main():
    numbers = [int(word) for word in sys.argv[1:]] + [10000, 500, 50][
        len(sys.argv) - 1:]
    certificates, rate, clients = numbers
    folder = tempfile.mkdtemp(prefix="zrelay-gate-")
    try:
        runs = measure(folder, certificates, rate, clients)
    finally:
        shutil.rmtree(folder)
    medians = [statistics.median(times) * 1000 for times, _, _ in runs]
    for name, median, (times, passed, refused) in zip(
            ("alone", "with wrong keys for another relay",
             "with wrong keys"), medians, runs):
        print("%s: median %.1f ms, longest %.1f ms; %.0f messages passed and "
              "%.0f keys were refused a second"
              % (name, median, max(times) * 1000, passed, refused))
    ratio = medians[2] / medians[0]
    part = runs[2][1] / runs[0][1]
    print("a client waits %.2f times as long (%.2f times that with strangers "
          "elsewhere), and %.0f %% of the messages pass"
          % (ratio, medians[2] / medians[1], part * 100))
    if runs[2][2] < rate * PASS_LEAST:
        print("the strangers came too slowly, so this shows nothing")
    return 0 if ratio <= 2 and part >= PASS_LEAST else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        as_attacker(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    elif sys.argv[1:2] == ["traffic"]:
        as_traffic(*sys.argv[2:])
    else:
        sys.exit(main())
