#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""How long a good client waits at the gate, with many certificates, alone and
while strangers come with wrong keys.

    perf/gate.py [CERTIFICATES [WRONG_KEYS_A_SECOND [CLIENTS]]]

ZRELAY names the program; the defaults are 10000, 500 and 50. Prints medians,
and fails if the second is more than twice the first.
"""

import os
import re
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
#   Sockets of strangers that are open at a time, and how many keys they have
STRANGERS = 400
WRONG_KEYS = 300

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
    """The attack is a process of its own, which a signal ends."""
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    attack(endpoint, server_key.encode(), rate, ended)


def read_until(stream, pattern):
    for line in stream:
        found = re.search(pattern, line)
        if found:
            return found
    sys.exit("the relay ended")


def measure(folder, certificates, rate, clients):
    clients_folder = os.path.join(folder, "clients")
    os.mkdir(clients_folder)
    own = write_certificates(clients_folder, certificates)
    cert = os.path.join(folder, "relay.cert")
    server_key = subprocess.run([ZRELAY, "keygen", cert], check=True,
                                stdout=subprocess.PIPE).stdout.strip()
    started = time.monotonic()
    relay = subprocess.Popen(
        [ZRELAY, "streamer", "-f", "tcp://127.0.0.1:*", "-b",
         "tcp://127.0.0.1:*", "--curve", cert, "--clients", clients_folder,
         "--guard", "frontend"], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, universal_newlines=True)
    attacker = None
    try:
        endpoint = read_until(relay.stdout, r"frontend bound to (\S+)").group(1)
        print("ready after %.2f s with %d certificates"
              % (time.monotonic() - started, certificates))
        context = zmq.Context()
        times = [[let_in_after(context, endpoint, own, server_key)
                  for _ in range(clients)]]
        attacker = subprocess.Popen([sys.executable, __file__, "attack",
                                     endpoint, server_key.decode(), str(rate)])
        time.sleep(WARM_UP)
        attacked = time.monotonic()
        refused = count_refused(relay)
        times.append([let_in_after(context, endpoint, own, server_key)
                      for _ in range(clients)])
        #   As long as the refusals can be counted
        time.sleep(max(0, 5 - (time.monotonic() - attacked)))
        seconds = time.monotonic() - attacked
        refused = (count_refused(relay) - refused) / seconds
        context.destroy(linger=0)
    finally:
        if attacker:
            attacker.terminate()
            attacker.wait()
        relay.kill()
        relay.communicate()
    return times, refused


def count_refused(relay):
    relay.send_signal(signal.SIGUSR1)
    return int(read_until(relay.stderr, r"^gate:.*refused_key (\d+)").group(1))


def main():
    numbers = [int(word) for word in sys.argv[1:]] + [10000, 500, 50][
        len(sys.argv) - 1:]
    certificates, rate, clients = numbers
    folder = tempfile.mkdtemp(prefix="zrelay-gate-")
    try:
        times, refused = measure(folder, certificates, rate, clients)
    finally:
        shutil.rmtree(folder)
    medians = [statistics.median(some) * 1000 for some in times]
    for name, median, some in zip(("alone", "with wrong keys"), medians,
                                  times):
        print("%s: median %.1f ms, longest %.1f ms"
              % (name, median, max(some) * 1000))
    print("%.0f wrong keys a second were refused; the ratio is %.2f"
          % (refused, medians[1] / medians[0]))
    return 0 if medians[1] <= 2 * medians[0] else 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["attack"]:
        as_attacker(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        sys.exit(main())
