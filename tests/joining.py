#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""NATS servers, and relays that they join, for tests."""

import base64
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import urllib.request
import zmq
from zrelay_testing import (DEADLINE, TOP_BUILDDIR, Process, Relay, Skip,
                            equal, sockets, wait_until)

LIBRARY = os.path.join(TOP_BUILDDIR, "src", ".libs", "libzrelay-nats.so")


def need_nats():
    """Skip where there is nothing to test, or nothing to test it with."""
    if not os.path.exists(LIBRARY):
        raise Skip("configured without NATS, or with --disable-shared")
    if not shutil.which("nats-server"):
        raise Skip("there is no nats-server")


class Server(Process):
    """A nats-server on free ports of the loopback address.

    url is where clients connect, and route where other servers do.
    """

    def __init__(self, *options, routes=(), cluster=False, name="one",
                 config=None):
        self._folder = tempfile.mkdtemp(prefix="zrelay-nats-")
        command = ["nats-server", "-a", "127.0.0.1", "-p", "-1", "-m", "-1",
                   "--ports_file_dir", self._folder, "-n", name,
                   "--store_dir", os.path.join(self._folder, "js")]
        if config:
            path = os.path.join(self._folder, "server.conf")
            with open(path, "w") as file:
                file.write(config)
            command += ["-c", path]
        if cluster:
            #   Clients use only the servers that they were told of
            command += ["--no_advertise", "--cluster_name", "test",
                        "--cluster", "nats://127.0.0.1:-1"]
        if routes:
            command += ["--routes", ",".join(routes)]
        super().__init__([*command, *options])
        ports = self._read_ports()
        self.url = ports["nats"][0].replace("localhost", "127.0.0.1")
        self.port = int(self.url.rpartition(":")[2])
        self.route = ports.get("cluster", [None])[0]
        self.monitoring = ports["monitoring"][0]

    def _read_ports(self):
        def read():
            if not self.running():
                self.wait()
                raise AssertionError("\n".join(self.error_lines))
            for path in glob.glob(self._folder + "/*.ports"):
                with contextlib.suppress(ValueError), open(path) as file:
                    return json.load(file)
            return None
        return wait_until(read, what="nats-server")

    def ask(self, path):
        with urllib.request.urlopen("%s/%s" % (self.monitoring, path),
                                    timeout=DEADLINE) as answer:
            return json.load(answer)

    def connection(self, name, subs=0):
        """What the server knows of a client."""
        for known in self.ask("connz?subs=%d" % subs)["connections"]:
            if known.get("name", "").endswith(name):
                return known
        return None

    def streams(self):
        """What it keeps for JetStream, by names of streams."""
        accounts = self.ask("jsz?streams=1&config=1&consumers=1").get(
            "account_details", [])
        return {stream["name"]: stream for account in accounts
                for stream in account.get("stream_detail", [])}

    def stop(self):
        """It is there, but does nothing, until go()."""
        self.signal(signal.SIGSTOP)

        def stands():
            with open("/proc/%d/stat" % self.pid) as file:
                return file.read().rpartition(")")[2].split()[0] == "T"
        wait_until(stands, what="the server stands still")

    def go(self):
        self.signal(signal.SIGCONT)

    def kill(self):
        super().kill()
        shutil.rmtree(self._folder, ignore_errors=True)


@contextlib.contextmanager
def cluster(*options):
    """Three servers, each of which knows both others."""
    with contextlib.ExitStack() as stack:
        #   With JetStream, the first server needs a route, too
        nowhere = stack.enter_context(Proxy())
        servers = []
        for number in range(3):
            servers.append(stack.enter_context(Server(
                *options, cluster=True, name="server%d" % number,
                routes=[server.route for server in servers] or [nowhere.url])))
        for server in servers:
            wait_until(lambda: server.ask("routez")["num_routes"] >= 2,
                       what="routes")
        if "-js" in options:
            wait_until(lambda: all(_leads(server) for server in servers),
                       what="JetStream")
        yield servers


def _leads(server):
    """It knows who leads JetStream, and that all are there."""
    meta = server.ask("jsz").get("meta_cluster", {})
    return meta.get("leader") and meta.get("cluster_size") == 3


class Proxy:
    """Passes on what comes for another port, until it is cut. Without one,
    it ends each connection."""

    def __init__(self, url=None):
        self._target = None
        self.lead_to(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "nats://127.0.0.1:%d" % self._listener.getsockname()[1]
        self._pairs = {}
        self._cut = False
        self._cut_before = None
        self._swallows = lambda data, answers: False
        self._answering = set()
        self._over = False
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def lead_to(self, url):
        """From now on, connections lead there."""
        self._target = int(url.rpartition(":")[2]) if url else None

    def _accept(self):
        one = self._listener.accept()[0]
        if not self._target:
            one.close()
            return
        try:
            other = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            one.close()
            return
        self._pairs[one] = other
        self._pairs[other] = one
        self._answering.add(other)

    def _pass_on(self, one):
        other = self._pairs[one]
        try:
            if self._cut_before and one not in self._answering:
                self._cut = self._cut_before in one.recv(65536,
                                                         socket.MSG_PEEK)
                if self._cut:
                    return
            data = one.recv(65536)
            if data:
                if not self._swallows(data, one in self._answering):
                    other.sendall(data)
                return
        except OSError:
            pass
        for end in (one, other):
            self._pairs.pop(end, None)
            self._answering.discard(end)
            end.close()

    def _run(self):
        while not self._over:
            #   While it is cut, nothing is read, and nobody is told
            ends = [] if self._cut else [self._listener, *self._pairs]
            for end in select.select([self._woken, *ends], [], [])[0]:
                if self._cut and end is not self._woken:
                    continue
                if end is self._woken:
                    self._woken.recv(1)
                elif end is self._listener:
                    self._accept()
                elif end in self._pairs:
                    self._pass_on(end)
        for end in (*self._pairs, self._listener):
            end.close()

    def swallow(self):
        """From now on, what comes is taken, and goes nowhere."""
        self._swallows = lambda data, answers: True

    def swallow_answers(self):
        """The same of what the server says only."""
        self._swallows = lambda data, answers: answers

    def swallow_words(self, words):
        """The same of what has these words in it."""
        self._swallows = lambda data, answers: words.encode() in data

    def break_off(self):
        """End all connections. Later ones are as at first."""
        for end in list(self._pairs):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._swallows = lambda data, answers: False

    def cut_before(self, words):
        """Be cut when a client says these words, and before they arrive."""
        self._cut_before = words.encode()

    def cut(self, cut=True):
        self._cut_before = None
        self._cut = cut
        self._wake.send(b"x")

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._over = True
        self._wake.send(b"x")
        self._thread.join(DEADLINE)


class Site(Relay):
    """A relay of the program that can be joined, and steered."""

    def __init__(self, kind, name, *options, join=None, **keywords):
        self._home = tempfile.mkdtemp(prefix="zrelay-")
        self.control = "ipc://%s/control" % self._home
        self._context = zmq.Context()
        self.name = name
        if join:
            options += ("--join", join)
        super().__init__(kind, "-n", name, "--control", self.control,
                         *options, **keywords)

    def start(self, *words):
        """Give a command; returns the socket that will have its answer."""
        sock = self._context.socket(zmq.REQ)
        sock.linger = 0
        sock.connect(self.control)
        sock.send_multipart([str(word).encode()
                             for word in ("RELAY", self.name, *words)])
        return sock

    def give(self, *words, deadline=DEADLINE):
        """Give a command; returns its status and the frames."""
        with self.start(*words) as sock:
            if not sock.poll(deadline * 1000):
                raise AssertionError("%s: no answer" % words[0])
            status, *frames = [frame.decode("utf-8", "replace")
                               for frame in sock.recv_multipart()]
        return int(status), frames

    def do(self, *words):
        equal(self.give(*words), (0, []), " ".join(map(str, words)))

    def query(self, *words):
        status, frames = self.give(*words)
        equal(status, 0, " ".join(map(str, [*words, *frames])))
        return frames[1:]

    def stats(self):
        frames = self.query("STATS")
        return {name: int(value) if value.isdigit() else value
                for name, value in zip(frames[::2], frames[1::2])}

    def stat(self, name):
        return self.stats()[name]

    def wait_joined(self, sites=None):
        """Wait until it is connected, and knows so many others."""
        wait_until(lambda: self.stat("join.ready")
                   and (sites is None or self.stat("join.sites") == sites),
                   what="%s: joined" % self.name)

    def kill(self):
        super().kill()
        self._context.destroy(linger=0)
        shutil.rmtree(self._home, ignore_errors=True)


class Raw:
    """A client that says to a server what no library would."""

    def __init__(self, url):
        host, _, port = url.rpartition("/")[2].partition(":")
        self._sock = socket.create_connection((host, int(port)), DEADLINE)
        self._file = self._sock.makefile("rb")
        self._file.readline()
        self._say(b'CONNECT {"verbose":false,"headers":true,"echo":false,'
                  b'"no_responders":true}\r\n')
        self.settle()

    def _say(self, data):
        self._sock.sendall(data)

    def settle(self):
        """All that was said has been heard."""
        self._say(b"PING\r\n")
        while True:
            line = self._file.readline()
            if line.startswith(b"PONG"):
                return
            if line.startswith(b"-ERR") or not line:
                raise AssertionError(line)

    def publish(self, subject, payload, headers=None):
        subject = subject.encode()
        if headers is None:
            self._say(b"PUB %s %d\r\n%s\r\n"
                      % (subject, len(payload), payload))
            return
        self._say(b"HPUB %s %d %d\r\n%s%s\r\n" % (
            subject, len(headers), len(headers) + len(payload), headers,
            payload))

    def request(self, subject, payload):
        """What the server answers."""
        self._say(b"SUB answer 1\r\n")
        self._say(b"PUB %s answer %d\r\n%s\r\n"
                  % (subject.encode(), len(payload), payload))
        while not self._file.readline().startswith(b"MSG answer"):
            pass
        answer = self._file.readline()
        self._say(b"UNSUB 1\r\n")
        return answer

    def parcel(self, subject, payload, origin="%016x" % 7, sequence=1):
        self.publish(subject, payload, (
            "NATS/1.0\r\nZrelay-Origin: %s\r\nZrelay-Sequence: %s\r\n\r\n"
            % (origin, sequence if isinstance(sequence, str)
               else "%016x" % sequence)).encode())

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self._file.close()
        self._sock.close()


class Other(Raw):
    """A site that a test plays: it says and hears what sites do."""

    def __init__(self, url, name="news", origin=7):
        super().__init__(url)
        self._name = name
        self._origin = "%016x" % origin
        self._sequence = self._upto = 0
        self._messages = []
        self.own = "%s.site.pub.%s" % (name, self._origin)
        self._say(b"SUB %s.site.pub 1\r\nSUB %s 2\r\n"
                  % (name.encode(), self.own.encode()))
        self.settle()

    def say(self, subject, *messages, sequence=None):
        """In a parcel of that number, or of the next one."""
        self._sequence = sequence or self._sequence + 1
        self.parcel("%s.%s" % (self._name, subject), parcel(*messages),
                    self._origin, self._sequence)

    def report(self, upto=None, after=None, verb=b"HERE", age=1 << 40):
        """That stretch ends with parcel upto; it follows the last one. age is
        how old the site is, in msecs."""
        after = self._upto if after is None else after
        self._upto = self._upto if upto is None else upto
        self.say("site.pub", [verb, b"other", struct.pack(
            ">4Q", after, self._upto, 1, age)],
            sequence=max(self._sequence, self._upto) + 1)

    def hear(self):
        """The frames of the next message."""
        while not self._messages:
            words = self._file.readline().split()
            if not words:
                raise AssertionError("the server has gone")
            if words[0] == b"PING":
                self._say(b"PONG\r\n")
            if words[0] == b"HMSG":
                head, size = map(int, words[-2:])
                body = self._file.read(size + 2)[head:-2]
                self._messages += unpacked(body)
        return self._messages.pop(0)

    def hear_word(self, word):
        """The next message that begins with that one."""
        while True:
            frames = self.hear()
            if frames[0] == word:
                return frames

    def hear_until_here(self):
        """What a site says until it has answered a question of now."""
        self.report(verb=b"NEW")
        said = []
        while not said or said[-1][0] != b"HERE":
            said.append(self.hear())
        return said[:-1]


def parcel(*messages):
    """Messages, each of them a list of frames, as they cross."""
    return b"".join(
        struct.pack(">%dI" % (1 + len(frames)), len(frames),
                    *map(len, frames)) + b"".join(frames)
        for frames in messages)


def unpacked(data):
    """The messages of a parcel."""
    messages, at = [], 0
    while at < len(data):
        [count] = struct.unpack_from(">I", data, at)
        sizes = struct.unpack_from(">%dI" % count, data, at + 4)
        at += 4 + 4 * count
        frames = []
        for size in sizes:
            frames.append(data[at:at + size])
            at += size
        messages.append(frames)
    return messages


#   What NATS makes keys of: bits of a type, and the letter that these give
OPERATOR, ACCOUNT, USER, SEED = (number << 3 for number in (14, 0, 20, 18))


def _check(data):
    """The checksum that ends a key: CRC-16 as XMODEM has it."""
    value = 0
    for byte in data:
        value ^= byte << 8
        for _bit in range(8):
            value = (value << 1 ^ (0x1021 if value & 0x8000 else 0)) & 0xffff
    return struct.pack("<H", value)


def _encoded(data):
    return base64.b32encode(data + _check(data)).decode().rstrip("=")


def _token(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


class Key:
    """A key pair in NATS's form, made with openssl in a folder."""

    def __init__(self, folder, kind):
        self._path = os.path.join(folder, "%d-%d.pem" % (kind, id(self)))
        self._openssl("genpkey", "-algorithm", "ed25519", "-out", self._path)
        raw = self._openssl("pkey", "-in", self._path, "-outform", "DER")[-32:]
        self.seed = _encoded(
            bytes([SEED | kind >> 5, (kind & 31) << 3]) + raw)
        public = self._openssl("pkey", "-in", self._path, "-pubout",
                               "-outform", "DER")[-32:]
        self.public = _encoded(bytes([kind]) + public)

    @staticmethod
    def _openssl(*words):
        return subprocess.run(["openssl", *words], check=True,
                              stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL).stdout

    def sign(self, subject, claims):
        """A token by which this key vouches for a public key."""
        parts = [{"typ": "JWT", "alg": "ed25519-nkey"},
                 {"jti": subject, "iat": 1, "iss": self.public,
                  "sub": subject, "name": "test",
                  "nats": {"version": 2, **claims}}]
        text = b".".join(_token(json.dumps(part).encode()) for part in parts)
        with open(self._path + ".text", "wb") as file:
            file.write(text)
        signature = self._openssl("pkeyutl", "-sign", "-inkey", self._path,
                                  "-rawin", "-in", self._path + ".text")
        return (text + b"." + _token(signature)).decode()


def credentials(folder, account):
    """A file of a user's credentials for an account, as nsc makes it."""
    user = Key(folder, USER)
    token = account.sign(user.public, {
        "type": "user", "pub": {}, "sub": {}, "subs": -1, "data": -1,
        "payload": -1})
    path = os.path.join(folder, user.public + ".creds")
    with open(path, "w") as file:
        file.write("-----BEGIN NATS USER JWT-----\n%s\n"
                   "------END NATS USER JWT------\n\n"
                   "-----BEGIN USER NKEY SEED-----\n%s\n"
                   "------END USER NKEY SEED------\n" % (token, user.seed))
    return path


def operator(folder, account):
    """Configuration of a server that knows this account, and no other."""
    key = Key(folder, OPERATOR)
    limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports",
                            "conn", "leaf"), -1)
    return 'operator: "%s"\nresolver: MEMORY\nresolver_preload: {%s: "%s"}\n' % (
        key.sign(key.public, {"type": "operator"}), account.public,
        key.sign(account.public, {
            "type": "account", "limits": {**limits, "wildcards": True}}))


@contextlib.contextmanager
def sites(count, *options, url=None, **keywords):
    """So many forwarders that have joined each other, and a function for
    sockets. A PUB drops at its mark what a subscriber has no time for, and
    tests count what comes, so there is no mark."""
    with contextlib.ExitStack() as stack:
        make = stack.enter_context(sockets())
        if not url:
            url = stack.enter_context(Server()).url
        relays = [stack.enter_context(Site(
            "forwarder", "site%d" % number, "-o", "backend.sndhwm=0", *options,
            join=url + "/news",
            **keywords)) for number in range(count)]
        for relay in relays:
            relay.wait_joined(count - 1)
        yield relays, make


def settle(pub, subs, topic=b"settle"):
    """Wait until what pub sends reaches all subs, then forget it."""
    waiting = list(subs)

    def reached():
        pub.send(topic)
        time.sleep(0.01)
        for sub in list(waiting):
            if sub.poll(0):
                waiting.remove(sub)
        return not waiting
    wait_until(reached, what="subscriptions")
    pub.send(topic + b" over")
    for sub in subs:
        while sub.recv() != topic + b" over":
            pass


def subscriber(make, relay, *topics):
    sub = make(zmq.SUB, relay.backend, rcvhwm=0)
    for topic in (b"settle", *topics):
        sub.subscribe(topic)
    return sub


def drain(sock, seconds=0.3):
    """What has come, and comes while something does."""
    messages = []
    while sock.poll(seconds * 1000):
        messages.append(sock.recv_multipart())
    return messages
