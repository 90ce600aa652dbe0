#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""Who gets in: the program's security options, and its certificates."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import zmq

from zrelay_testing import DEADLINE, ZRELAY, Relay, Skip, equal, main, \
    temp_dir, test, wait_until

MISUSE = 2
#   Milliseconds after which a peer that got nothing is taken to be kept out;
#   the relay's count of failed hand-shakes is what is really looked at
PATIENCE = 300


#   --------------------------------------------------------------------------
#   Helpers

def keygen(path):
    """Make a certificate; returns the public key."""
    done = subprocess.run([ZRELAY, "keygen", path], stdout=subprocess.PIPE,
                          timeout=DEADLINE, check=True)
    return done.stdout.decode().strip()


def keys(path):
    """The public and the secret key of a certificate's secret file."""
    with open(path + "_secret") as file:
        text = file.read()
    return [re.search(r'%s-key = "(.*)"' % part, text).group(1).encode()
            for part in ("public", "secret")]


@contextlib.contextmanager
def sockets(*types):
    """Sockets that are gone at the end."""
    context = zmq.Context()
    made = [context.socket(type_) for type_ in types]
    try:
        yield made if len(made) > 1 else made[0]
    finally:
        context.destroy(linger=0)


def as_curve(socket, own, server_key):
    socket.curve_publickey, socket.curve_secretkey = keys(own)
    socket.curve_serverkey = server_key.encode()


def as_plain(socket, name, password):
    socket.plain_username, socket.plain_password = name, password


@contextlib.contextmanager
def upstream(certificate):
    """A PUSH that is a CURVE server, a PULL, and the endpoint of the first
    for a relay's frontend that connects."""
    with sockets(zmq.PUSH, zmq.PULL) as (server, puller):
        server.curve_server = True
        server.curve_publickey, server.curve_secretkey = keys(certificate)
        port = server.bind_to_random_port("tcp://127.0.0.1")
        yield server, puller, ">tcp://127.0.0.1:%d" % port


def arrives(puller):
    return puller.poll(DEADLINE * 1000) and puller.recv() == b"hello"


def passes(socket, relay, puller):
    """Push something; true if it arrives."""
    socket.connect(relay.frontend)
    socket.send(b"hello")
    return arrives(puller)


def carries(server, relay, puller):
    """The same with such a server, and a relay that connects to it."""
    puller.connect(relay.backend)
    server.send(b"hello")
    return arrives(puller)


def kept_out(socket, relay, puller):
    """Push something; true if libzmq tells that the hand-shake failed and
    nothing arrives."""
    monitor = socket.get_monitor_socket(
        zmq.EVENT_HANDSHAKE_FAILED_AUTH | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL | zmq.EVENT_DISCONNECTED)
    socket.connect(relay.frontend)
    socket.send(b"let me in")
    told = monitor.poll(DEADLINE * 1000)
    socket.disable_monitor()
    return told and not puller.poll(PATIENCE)


def refused(word, *options, sides=("-f", Relay.FREE_PORT,
                                   "-b", Relay.FREE_PORT)):
    """Run a streamer with options that it must refuse with that word."""
    done = subprocess.run([ZRELAY, "streamer", *sides, *options],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE)
    errors = done.stderr.decode()
    equal(done.returncode, MISUSE, "exit status of %s" % (options,))
    equal(errors.count("\n"), 1, "lines of %r" % errors)
    assert word in errors, "%r not in %r" % (word, errors)


#   --------------------------------------------------------------------------
#   Certificates

@test("keygen writes a pair, the secret one for its owner only")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "relay.cert")
        public_key = keygen(path)
        equal(len(public_key), 40, "length of the key")
        equal(os.stat(path + "_secret").st_mode & 0o077, 0, "mode")
        equal(keys(path)[0].decode(), public_key, "public key")
        with open(path) as file:
            assert keys(path)[1].decode() not in file.read()


@test("keygen overwrites nothing, and says when it cannot write")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "relay.cert")
        keygen(path)
        before = keys(path)
        for arguments, word in (
                ([path], "exists"),
                ([os.path.join(folder, "none", "cert")], "cannot write"),
                (["/dev/full/cert"], "cannot write"),
                ([folder + "/" + "x" * 300], "too long"),
                ([], "name of a file"), ([""], "name of a file"),
                (["--force", path], "name of a file")):
            done = subprocess.run([ZRELAY, "keygen", *arguments],
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=DEADLINE)
            equal(done.returncode, MISUSE, "exit status of %s" % arguments)
            assert word in done.stderr.decode(), done.stderr
        equal(keys(path), before, "keys")


#   --------------------------------------------------------------------------
#   CURVE

@contextlib.contextmanager
def curve_relay(folder, clients):
    path = os.path.join(folder, "relay.cert")
    server_key = keygen(path)
    with Relay("streamer", "--curve", path, "--clients", clients,
               "--guard", "frontend") as relay:
        yield relay, server_key


@test("CURVE: who has a certificate in the directory gets in, others do not")
def _():
    with temp_dir() as folder:
        clients = os.path.join(folder, "clients")
        os.mkdir(clients)
        known = os.path.join(folder, "known")
        unknown = os.path.join(folder, "unknown")
        keygen(known)
        keygen(unknown)
        shutil.copy(known, clients)
        with curve_relay(folder, clients) as (relay, server_key), sockets(
                zmq.PULL, zmq.PUSH, zmq.PUSH, zmq.PUSH, zmq.PUSH) as made:
            puller, good, bad, wrong, plain = made
            puller.connect(relay.backend)
            as_curve(bad, unknown, server_key)
            assert kept_out(bad, relay, puller), "no certificate"
            as_curve(wrong, known, keys(unknown)[0].decode())
            assert kept_out(wrong, relay, puller), "wrong server key"
            assert kept_out(plain, relay, puller), "no key at all"
            as_curve(good, known, server_key)
            assert passes(good, relay, puller)


@test("CURVE: a certificate that was removed does not get in again")
def _():
    with temp_dir() as folder:
        clients = os.path.join(folder, "clients")
        os.mkdir(clients)
        for name in ("one", "other"):
            keygen(os.path.join(folder, name))
            shutil.copy(os.path.join(folder, name), clients)
        with curve_relay(folder, clients) as (relay, server_key), sockets(
                zmq.PULL, zmq.PUSH, zmq.PUSH) as (puller, first, second):
            puller.connect(relay.backend)
            as_curve(first, os.path.join(folder, "one"), server_key)
            assert passes(first, relay, puller)
            first.close()
            os.unlink(os.path.join(clients, "one"))
            #   zcertstore sees a change by the folder's time, in seconds
            os.utime(clients, (0, 0))
            as_curve(second, os.path.join(folder, "one"), server_key)
            assert kept_out(second, relay, puller)


@test("CURVE: any lets in whoever has a key")
def _():
    with temp_dir() as folder:
        keygen(os.path.join(folder, "client"))
        with curve_relay(folder, "any") as (relay, server_key), sockets(
                zmq.PULL, zmq.PUSH, zmq.PUSH) as (puller, good, plain):
            puller.connect(relay.backend)
            assert kept_out(plain, relay, puller)
            as_curve(good, os.path.join(folder, "client"), server_key)
            assert passes(good, relay, puller)


@test("CURVE: a side that connects is a client of --server")
def _():
    with temp_dir() as folder:
        server_cert = os.path.join(folder, "server")
        relay_cert = os.path.join(folder, "relay")
        keygen(server_cert)
        keygen(relay_cert)
        with upstream(server_cert) as (server, puller, endpoint):
            with Relay("streamer", "--curve", relay_cert, "--server",
                       server_cert, "--guard", "frontend",
                       frontend=endpoint) as relay:
                assert carries(server, relay, puller)


@test("CURVE: --server alone is enough, as a key or as a file with one")
def _():
    with temp_dir() as folder:
        server_cert = os.path.join(folder, "server")
        key = keygen(server_cert)
        key_file = os.path.join(folder, "key")
        with open(key_file, "w") as file:
            file.write(key + "\n")
        for word in (key, key_file, server_cert):
            with upstream(server_cert) as (server, puller, endpoint):
                #   The other side is as open as without --server
                with Relay("streamer", "--server", word,
                           frontend=endpoint) as relay:
                    assert carries(server, relay, puller), word


@test("CURVE: a known client with a plain local side needs no --guard")
def _():
    with temp_dir() as folder:
        server_cert = os.path.join(folder, "server")
        relay_cert = os.path.join(folder, "relay")
        keygen(server_cert)
        keygen(relay_cert)
        with upstream(server_cert) as (server, puller, endpoint):
            options = ["--curve", relay_cert, "--server", server_cert]
            with Relay("streamer", *options, frontend=endpoint,
                       backend=["ipc", "tcp://127.0.0.1:*"]) as relay:
                assert carries(server, relay, puller)
            #   To the network it may be meant as that of a server
            refused("lets peers in", *options, "-f", endpoint, "-b",
                    "tcp://0.0.0.0:*", sides=[])
            refused("lets peers in", *options, "--guard", "backend", "-f",
                    endpoint, "-b", "ipc://" + folder + "/backend", sides=[])


#   --------------------------------------------------------------------------
#   PLAIN, addresses

@test("PLAIN: the right password gets in, others do not")
def _():
    with temp_dir() as folder:
        path = password_file(folder)
        with Relay("streamer", "--plain", path, "--guard", "frontend") \
                as relay, sockets(zmq.PULL, zmq.PUSH, zmq.PUSH, zmq.PUSH,
                                  zmq.PUSH) as made:
            puller, good, wrong, stranger, silent = made
            puller.connect(relay.backend)
            as_plain(wrong, b"admin", b"secret")
            assert kept_out(wrong, relay, puller), "wrong password"
            as_plain(stranger, b"nobody", b"s3cret")
            assert kept_out(stranger, relay, puller), "wrong name"
            assert kept_out(silent, relay, puller), "no password"
            as_plain(good, b"admin", b"s3cret")
            assert passes(good, relay, puller)


@test("addresses: only those allowed, and not those denied")
def _():
    for options, welcome in ((["--allow", "127.0.0.1"], True),
                             (["--allow", "127.0.0.9"], False),
                             (["--deny", "127.0.0.9"], True),
                             (["--deny", "127.0.0.1"], False),
                             (["--allow", "127.0.0.0/8"], True),
                             (["--allow", "::1", "--allow", "127.0.0.1"],
                              True),
                             (["--allow", "10.0.0.0/8"], False),
                             (["--deny", "126.0.0.0/7"], False),
                             (["--allow", "127.0.0.0/8", "--deny",
                               "127.0.0.1"], False)):
        with Relay("streamer", *options, "--guard", "frontend") as relay, \
                sockets(zmq.PULL, zmq.PUSH) as (puller, pusher):
            puller.connect(relay.backend)
            try_it = passes if welcome else kept_out
            assert try_it(pusher, relay, puller), options


@test("addresses: IPv4 peers of a side with ipv6 are IPv4 peers")
def _():
    for options, welcome in ((["--allow", "127.0.0.1"], True),
                             (["--deny", "127.0.0.1"], False),
                             (["--deny", "127.0.0.0/8"], False),
                             (["--deny", "::ffff:127.0.0.1"], False)):
        with Relay("streamer", "-o", "frontend.ipv6=1", *options, "--guard",
                   "frontend") as relay, \
                sockets(zmq.PULL, zmq.PUSH) as (puller, pusher):
            puller.connect(relay.backend)
            pusher.ipv6 = True
            try_it = passes if welcome else kept_out
            assert try_it(pusher, relay, puller), options


#   --------------------------------------------------------------------------
#   Guesses

def password_file(folder, text="admin=s3cret\n"):
    path = os.path.join(folder, "passwords")
    replacement = path + ".new"
    with open(replacement, "w", newline="") as file:
        file.write(text)
    os.chmod(replacement, 0o600)
    os.rename(replacement, path)
    return path


@test("guesses of passwords take longer and longer, for who makes them")
def _():
    with temp_dir() as folder:
        path = password_file(folder, "admin=s3cret\nguest=welcome\n")
        with Relay("streamer", "--plain", path, "--guard", "frontend") \
                as relay, sockets(zmq.PULL, *[zmq.PUSH] * 6) as made:
            puller, guest, *guessers = made
            puller.connect(relay.backend)
            started = time.monotonic()
            for number, guesser in enumerate(guessers):
                as_plain(guesser, b"admin", b"guess %d" % number)
                assert kept_out(guesser, relay, puller)
            #   0, 100, 200, 400 and 800 ms
            took = time.monotonic() - started - len(guessers) * PATIENCE / 1000
            assert took >= 1.4, took
            as_plain(guest, b"guest", b"welcome")
            assert passes(guest, relay, puller)


@test("refusals are logged with address and count, at most once a second")
def _():
    with Relay("streamer", "--deny", "127.0.0.1", "--guard", "frontend") \
            as relay, sockets(*[zmq.PUSH] * 50) as pushers:
        started = time.monotonic()
        for pusher in pushers:
            pusher.connect(relay.frontend)

        def logged():
            return [line for line in relay.error_lines if "refused" in line]

        def total():
            return sum(int(count) for line in logged() for count in
                       re.findall(r"127\.0\.0\.1 \(address\) (\d+) time", line))
        wait_until(lambda: total() >= 50, what="50 refusals in the log")
        seconds = time.monotonic() - started
        assert len(logged()) <= seconds + 2, logged()


#   --------------------------------------------------------------------------
#   Files that change

@contextlib.contextmanager
def standing(folder, *options):
    """A relay with a connection of a PLAIN client."""
    path = password_file(folder, "admin=s3cret\nother=o\n")
    with Relay("streamer", "--plain", path, "--guard", "frontend",
               *options) as relay, sockets(zmq.PULL, zmq.PUSH) as made:
        puller, pusher = made
        puller.connect(relay.backend)
        as_plain(pusher, b"admin", b"s3cret")
        assert passes(pusher, relay, puller)
        monitor = pusher.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        yield path, pusher, puller, monitor
        pusher.disable_monitor()


@test("a peer whose password is removed or changed is cut")
def _():
    for text in ("other=o\n", "admin=new\nother=o\n", None):
        with temp_dir() as folder, standing(folder) as (path, _, _, monitor):
            if text is None:
                os.unlink(path)
            else:
                password_file(folder, text)
            assert monitor.poll(DEADLINE * 1000), text


@test("other changes of a password file cut nobody")
def _():
    for text, options in (("admin=s3cret\n", ()), ("admin\n", ()),
                          ("other=o\n", ("--revoke-cuts", "off"))):
        with temp_dir() as folder, standing(folder, *options) as (
                _, pusher, puller, monitor):
            password_file(folder, text)
            #   Longer than between two looks at the file
            assert not monitor.poll(1500), text
            pusher.send(b"still here")
            assert puller.poll(DEADLINE * 1000), text
            equal(puller.recv(), b"still here", "message")


@test("a peer whose certificate is removed is cut")
def _():
    with temp_dir() as folder:
        clients = os.path.join(folder, "clients")
        os.mkdir(clients)
        for name in ("one", "other"):
            keygen(os.path.join(folder, name))
            shutil.copy(os.path.join(folder, name), clients)
        with curve_relay(folder, clients) as (relay, server_key), sockets(
                zmq.PULL, zmq.PUSH) as (puller, pusher):
            puller.connect(relay.backend)
            as_curve(pusher, os.path.join(folder, "one"), server_key)
            assert passes(pusher, relay, puller)
            monitor = pusher.get_monitor_socket(zmq.EVENT_DISCONNECTED)
            os.unlink(os.path.join(clients, "one"))
            assert monitor.poll(DEADLINE * 1000)
            pusher.disable_monitor()


@test("a password file that is gone or wrong lets in nobody")
def _():
    for text in (None, "admin=s3cret\r\n", ""):
        with temp_dir() as folder:
            path = password_file(folder)
            with Relay("streamer", "--plain", path, "--guard", "frontend") \
                    as relay, sockets(zmq.PULL, zmq.PUSH) as (puller, pusher):
                puller.connect(relay.backend)
                if text is None:
                    os.unlink(path)
                else:
                    password_file(folder, text)
                as_plain(pusher, b"admin", b"s3cret")
                assert kept_out(pusher, relay, puller), text
                wait_until(lambda: any("passwords" in line for line
                                       in relay.error_lines),
                           what="a line about the file")


#   --------------------------------------------------------------------------
#   Files that cannot be trusted

@test("a wrong line of a password file is refused with its number")
def _():
    for text, words in (("a=b\nc=d\r\n", "line 2"), ("\ufeffa=b\n", "line 1"),
                        ("a=b\n\nsecret\n", "line 3"), ("a = b\n", "line 1"),
                        ("a=b \n", "line 1"), ("a=\n", "line 1"),
                        ("# nobody\n", "no line")):
        with temp_dir() as folder:
            refused(words, "--plain", password_file(folder, text))


@test("links, FIFOs and what others can write are refused")
def _():
    with temp_dir() as folder:
        def path(name):
            return os.path.join(folder, name)
        cert = path("relay.cert")
        keygen(cert)
        passwords = password_file(folder)
        os.mkdir(path("clients"))
        os.mkfifo(path("fifo"), 0o600)
        os.symlink(passwords, path("link"))
        os.symlink(cert + "_secret", path("certlink"))
        os.mkdir(path("open"))
        os.chmod(path("open"), 0o777)
        for options in (("regular", "--plain", path("fifo")),
                        ("regular", "--curve", path("fifo"), "--clients",
                         "any"),
                        ("symbolic", "--plain", path("link")),
                        ("symbolic", "--curve", path("certlink"), "--clients",
                         "any"),
                        ("regular", "--server", path("fifo"), "-f",
                         ">tcp://127.0.0.1:9", "-b", Relay.FREE_PORT),
                        ("go-w", "--curve", cert, "--clients", path("open")),
                        ("folder", "--curve", cert, "--clients",
                         path("fifo")),
                        ("on or off", "--plain", passwords, "--revoke-cuts",
                         "never")):
            refused(*options)
        os.chmod(cert + "_secret", 0o620)
        refused("go-w", "--curve", cert, "--clients", "any")
        os.chmod(passwords, 0o602)
        refused("go-w", "--plain", passwords)


@test("permit: users send what a line permits; wrong files are refused")
def _():
    with temp_dir() as folder:
        passwords = os.path.join(folder, "passwords")
        permits = os.path.join(folder, "permits")
        for path, text in ((passwords, "good=good\nbad=bad\n"),
                           (permits, "user good publish\nanybody reply\n")):
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o600)
        with Relay("streamer", "--plain", passwords, "--permit", permits,
                   "--guard", "frontend") as relay, \
                sockets(zmq.PULL, zmq.PUSH, zmq.PUSH) as made:
            puller, good, bad = made
            puller.connect(relay.backend)
            as_plain(bad, b"bad", b"bad")
            bad.connect(relay.frontend)
            bad.send(b"dropped")
            relay.expect("refused 127.0.0.1 user bad .publish.",
                         errors=True)
            as_plain(good, b"good", b"good")
            assert passes(good, relay, puller)
        refused("No such file", "--permit", os.path.join(folder, "none"))
        with open(permits, "a") as file:
            file.write("user good\n")
        refused("line 3 is too short", "--permit", permits)
        os.chmod(permits, 0o602)
        refused("go-w", "--permit", permits)


@test("keygen follows no link, not even one to nowhere")
def _():
    with temp_dir() as folder:
        target = os.path.join(folder, "target")
        for name in ("cert", "other_secret"):
            os.symlink(target, os.path.join(folder, name))
        for name in ("cert", "other"):
            done = subprocess.run([ZRELAY, "keygen",
                                   os.path.join(folder, name)],
                                  stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=DEADLINE)
            equal(done.returncode, MISUSE, "exit status of %s" % name)
            assert b"exists" in done.stderr, done.stderr
        assert not os.path.exists(target)
        equal(sorted(os.listdir(folder)), ["cert", "other_secret"], "files")


#   --------------------------------------------------------------------------
#   Core files

def may_dump(path, *options):
    """True if a relay of an ordinary user could leave a core file. /proc shows
    it by the owner of what is in there, which is then root."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} \
        if os.geteuid() == 0 else {}
    owner = 65534 if user else os.geteuid()
    if user:
        os.chown(os.path.dirname(path), owner, owner)
        os.chown(path, owner, owner)
    try:
        process = subprocess.Popen(
            [ZRELAY, "streamer", "-f", Relay.FREE_PORT, "-b", Relay.FREE_PORT,
             "--plain", path, *options],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **user)
    except PermissionError:
        raise Skip("another user cannot start the program") from None
    try:
        line = process.stdout.readline()
        if not line:
            raise Skip("another user cannot run the program: %r"
                       % process.stderr.read())
        return os.stat("/proc/%d/environ" % process.pid).st_uid == owner
    finally:
        process.kill()
        process.communicate()


@test("a relay with secrets leaves no core file, unless told otherwise")
def _():
    with temp_dir() as folder:
        path = password_file(folder)
        assert not may_dump(path)
        assert may_dump(path, "--core")


def old_peer(relay):
    """The connection of a peer that speaks ZMTP 1.0: an id of four bytes, and
    then a message."""
    host, port = relay.frontend[len("tcp://"):].split(":")
    peer = socket.create_connection((host, int(port)), DEADLINE)
    peer.sendall(b"\x05\x00abcd\x06\x00hello")
    return peer


def is_closed(peer):
    try:
        while True:
            if not peer.recv(100):
                return True
    except ConnectionResetError:
        return True
    except socket.timeout:
        return False


@test("ZMTP 1.0 is refused where the relay binds, unless told otherwise")
def _():
    with Relay("streamer") as relay, \
         sockets(zmq.PUSH, zmq.PULL) as (pusher, puller):
        puller.connect(relay.backend)
        with old_peer(relay) as peer:
            equal(is_closed(peer), True, "the connection is closed")
        #   And nothing came of it
        assert passes(pusher, relay, puller)
        equal(relay.stop(), 0, "exit status")
    with Relay("streamer", "--zmtp1") as relay, sockets(zmq.PULL) as puller:
        puller.connect(relay.backend)
        with old_peer(relay):
            assert puller.poll(DEADLINE * 1000), "no message"
            equal(puller.recv(), b"hello", "message")
        equal(relay.stop(), 0, "exit status")


@test("a capture that binds is guarded as its relay is, unless told otherwise")
def _():
    for options, spies in (((), False),
                           (("-o", "relay.capture_security=none"), True)):
        with temp_dir() as folder, \
             sockets(zmq.PUSH, zmq.PULL, zmq.PULL, zmq.PULL) as (
                 pusher, puller, friend, spy):
            passwords = os.path.join(folder, "passwords")
            with open(passwords, "w") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write("ann=secret\n")
            copies = "ipc://%s/copies" % folder
            with Relay("streamer", "--plain", passwords, "-c", "@" + copies,
                       *options) as relay:
                for sock in (pusher, puller) + (() if spies else (friend,)):
                    as_plain(sock, b"ann", b"secret")
                puller.connect(relay.backend)
                friend.connect(copies)
                spy.connect(copies)
                pusher.connect(relay.frontend)
                heard = {friend: 0, spy: 0}
                for number in range(20):
                    pusher.send(b"%d" % number)
                    assert puller.poll(DEADLINE * 1000)
                    puller.recv()
                wait_until(lambda: drain(heard) and heard[friend] > 0,
                           what="copies")
                equal(heard[spy] > 0, spies, "a stranger has copies")


def drain(heard):
    for sock in heard:
        while sock.poll(20):
            sock.recv()
            heard[sock] += 1
    return True


@test("failed hand-shakes are counted by reason")
def _():
    with Relay("streamer", "--deny", "127.0.0.1", "--guard", "frontend") \
            as relay, sockets(zmq.PULL, zmq.PUSH) as (puller, pusher):
        puller.connect(relay.backend)
        assert kept_out(pusher, relay, puller)

        def counted():
            relay.signal(signal.SIGUSR1)
            return re.search(r"handshakes failed.*auth",
                             "\n".join(relay.error_lines))
        wait_until(counted, what="a count of failed hand-shakes")


#   --------------------------------------------------------------------------
#   Wrong use

@test("a secret that others can read is refused")
def _():
    with temp_dir() as folder:
        cert = os.path.join(folder, "relay.cert")
        keygen(cert)
        os.chmod(cert + "_secret", 0o640)
        refused("chmod 600", "--curve", cert, "--clients", "any")
        plain = os.path.join(folder, "passwords")
        with open(plain, "w") as file:
            file.write("admin=s3cret\n")
        os.chmod(plain, 0o604)
        refused("chmod 600", "--plain", plain)


@test("options that cannot be meant are refused")
def _():
    with temp_dir() as folder:
        cert = os.path.join(folder, "relay.cert")
        keygen(cert)
        public_only = os.path.join(folder, "public.cert")
        shutil.copy(cert, public_only)
        os.chmod(public_only, 0o600)
        nothing = os.path.join(folder, "nothing")
        upstream = ">tcp://127.0.0.1:9"
        for options in (
                ("--clients", "--curve", cert),
                ("no directory", "--curve", cert, "--clients", nothing),
                ("secret key", "--curve", public_only, "--clients", "any"),
                ("cannot read", "--curve", nothing, "--clients", "any"),
                ("cannot read", "--plain", nothing),
                ("no side does", "--server", cert),
                ("--clients needs", "--clients", "any"),
                ("one mechanism", "--curve", cert, "--clients", "any",
                 "--plain", nothing),
                ("IP address", "--allow", "localhost"),
                ("IP address", "--deny", "127.0.0.1/8"),
                ("frontend or backend", "--guard", "both"),
                ("does nothing", "--guard", "backend"),
                ("twice", "--curve", cert, "--curve", cert),
                ("empty", "--curve", ""),
                ("both bind and be", "--server", cert, "-f", upstream)):
            refused(*options)
        for word, server in (("neither a file nor", nothing),
                             ("neither a file nor", "x" * 39),
                             ("neither a file nor", "x" * 39 + "\\"),
                             ("not a certificate", __file__)):
            refused(word, "--server", server,
                    sides=["-f", upstream, "-b", Relay.FREE_PORT])


if __name__ == "__main__":
    main()
