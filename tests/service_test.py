#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The program zrelay under a service manager: what it reports, whose user it
is, and the files that it makes."""

import contextlib
import os
import pwd
import signal
import socket
import stat
import subprocess
import threading
import time

import zmq

from zrelay_testing import DEADLINE, ZRELAY, Process, Skip, comment, main, \
    temp_dir, test, wait_until

FREE = "tcp://127.0.0.1:*"
SIDES = ["-f", FREE, "-b", FREE]
MISUSE = 2


#   This test may run in a service itself
for variable in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"):
    os.environ.pop(variable, None)


class Manager:
    """A socket that hears what a service reports."""

    def __init__(self, name):
        self.name = name
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(name.replace("@", "\0", 1)
                         if name.startswith("@") else name)
        self.socket.settimeout(DEADLINE)

    def hear(self):
        """The next message, as a dictionary."""
        text = self.socket.recv(4096).decode()
        return dict(line.split("=", 1) for line in text.split("\n"))

    def silent(self, seconds):
        """True if nothing comes for so long."""
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(4096)
            return False
        except (socket.timeout, BlockingIOError):
            return True
        finally:
            self.socket.settimeout(DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.socket.close()


@contextlib.contextmanager
def relay(*options, **variables):
    """A queue that is ready."""
    with Process([ZRELAY, "queue", *SIDES, *options],
                 env=variables) as process:
        process.expect(r"^queue: frontend bound to ")
        process.expect(r"^queue: backend bound to ")
        yield process


def refused(*options):
    """What the program says about options that it refuses."""
    done = subprocess.run([ZRELAY, "queue", *SIDES, *options],
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=DEADLINE)
    assert done.returncode == MISUSE, done
    assert done.stdout == b"", done
    return done.stderr.decode()


def only_root():
    if os.geteuid() != 0:
        raise Skip("only root can become another user")


def readable_by_all(path):
    """Can another user run what is there?"""
    while path != "/":
        if not os.stat(path).st_mode & stat.S_IXOTH:
            raise Skip("another user cannot run %s" % ZRELAY)
        path = os.path.dirname(path)


#   --------------------------------------------------------------------------
#   Reports

@test("the service is ready when its endpoints are, and says that it stops")
def _():
    with temp_dir() as folder, \
            Manager(os.path.join(folder, "notify")) as manager, \
            relay(NOTIFY_SOCKET=manager.name) as process:
        report = manager.hear()
        assert report["READY"] == "1", report
        assert report["MAINPID"] == str(process.pid), report
        assert report["STATUS"] == "queue runs", report
        process.signal(signal.SIGTERM)
        report = manager.hear()
        assert report["STOPPING"] == "1", report
        #   Twice the default of --drain, and something for the end
        assert int(report["EXTEND_TIMEOUT_USEC"]) >= 2000000, report
        assert process.wait() == 0


@test("the manager's socket may have a name outside of the file system")
def _():
    with Manager("@zrelay-test-%d" % os.getpid()) as manager, \
            relay(NOTIFY_SOCKET=manager.name):
        assert manager.hear()["READY"] == "1"


@test("a service that cannot start is never ready")
def _():
    with temp_dir() as folder, \
            Manager(os.path.join(folder, "notify")) as manager:
        done = subprocess.run(
            [ZRELAY, "queue", "-f", "tcp://192.0.2.1:5559", "-b", FREE],
            env=dict(os.environ, NOTIFY_SOCKET=manager.name),
            timeout=DEADLINE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        assert done.returncode == MISUSE
        assert manager.silent(0)


@test("a manager's socket that is wrong or full does no harm")
def _():
    for name in ("", "relative", "/no/such/socket", "/" + "x" * 200, "@"):
        with relay(NOTIFY_SOCKET=name) as process:
            process.signal(signal.SIGTERM)
            assert process.wait() == 0, name


@test("the watchdog hears from the relay, again and again")
def _():
    with temp_dir() as folder, \
            Manager(os.path.join(folder, "notify")) as manager, \
            relay(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="200000"):
        assert manager.hear()["READY"] == "1"
        for _ in range(5):
            assert manager.hear() == {"WATCHDOG": "1"}


@test("and nothing if it is the watchdog of another process")
def _():
    with temp_dir() as folder, \
            Manager(os.path.join(folder, "notify")) as manager, \
            relay(NOTIFY_SOCKET=manager.name, WATCHDOG_USEC="100000",
                  WATCHDOG_PID="1"):
        assert manager.hear()["READY"] == "1"
        assert manager.silent(0.5)


#   --------------------------------------------------------------------------
#   Files and users

@test("--pid-file has the number of the process while that runs")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "pid")
        with relay("--pid-file", path) as process:
            with open(path) as file:
                assert file.read() == "%d\n" % process.pid
            said = refused("--pid-file", path)
            assert "another process that runs has the PID file" in said, said
            with open(path) as file:
                assert file.read() == "%d\n" % process.pid
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
        assert not os.path.exists(path)


@test("a PID file that was left behind is replaced")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "pid")
        with relay("--pid-file", path) as process:
            process.kill()
        assert os.path.exists(path)
        with open(path, "w") as file:
            file.write("12345678901234567890\n")
        with relay("--pid-file", path) as process:
            with open(path) as file:
                assert file.read() == "%d\n" % process.pid


@test("--pid-file follows no link, and needs a folder")
def _():
    with temp_dir() as folder:
        link = os.path.join(folder, "link")
        os.symlink(os.path.join(folder, "target"), link)
        assert "cannot write the PID file" in refused("--pid-file", link)
        assert os.listdir(folder) == ["link"]
        path = os.path.join(folder, "missing", "pid")
        assert "No such file" in refused("--pid-file", path)


@test("--runtime-dir makes a folder, and removes it if it is empty")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "run")
        pid = os.path.join(path, "pid")
        with relay("--runtime-dir", path, "--pid-file", pid,
                   "-f", "ipc://" + os.path.join(path, "in")) as process:
            assert sorted(os.listdir(path)) == ["in", "pid"]
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
        assert not os.path.exists(path)
        #   One that was there before remains
        os.mkdir(path)
        with relay("--runtime-dir", path) as process:
            process.signal(signal.SIGTERM)
            assert process.wait() == 0
        assert os.path.isdir(path)
        os.rmdir(path)
        os.symlink(folder, path)
        assert "cannot make the directory" in refused("--runtime-dir", path)


@test("--user becomes that user, for good and in all threads")
def _():
    only_root()
    user = pwd.getpwnam("nobody")
    #   The program inherits groups that it has to give up
    os.setgroups([0])
    readable_by_all(ZRELAY)
    with temp_dir() as folder:
        os.chmod(folder, 0o755)
        path = os.path.join(folder, "run")
        with relay("--user", "nobody", "--runtime-dir", path, "--pid-file",
                   os.path.join(path, "pid")) as process:
            wait_until(lambda: len(os.listdir(
                "/proc/%d/task" % process.pid)) > 2)
            for thread in os.listdir("/proc/%d/task" % process.pid):
                with open("/proc/%d/task/%s/status"
                          % (process.pid, thread)) as file:
                    status = dict(line.split(":", 1) for line in file)
                assert status["Uid"].split() == [str(user.pw_uid)] * 4
                assert status["Gid"].split() == [str(user.pw_gid)] * 4
                assert "0" not in status["Groups"].split(), status["Groups"]
                assert int(status["CapEff"], 16) == 0
            assert os.stat(path).st_uid == user.pw_uid


@test("--user refuses whom it does not know, and whom it may not become")
def _():
    for name in ("no-such-user", "root:no-such-group", ":", ":root"):
        assert "there is no such user or group" in refused("--user", name)
    if os.geteuid() != 0:
        assert "cannot become the user" in refused("--user", "root")


#   --------------------------------------------------------------------------
#   Socket activation: this test is the service manager, and its sockets listen
#   all the time

RESTARTS = 5
CLIENTS = 6
#   Seconds after which a client asks again, on a new socket
RETRY = 1.0


def listen(folder):
    """A socket of tcp, one of ipc, and another one of tcp, that listen."""
    listeners = [socket.socket(socket.AF_INET), socket.socket(socket.AF_UNIX),
                 socket.socket(socket.AF_INET)]
    listeners[0].bind(("127.0.0.1", 0))
    listeners[1].bind(os.path.join(folder, "clients"))
    listeners[2].bind(("127.0.0.1", 0))
    for listener in listeners:
        listener.listen(1000)
    return listeners


def endpoint_of(listener):
    address = listener.getsockname()
    return ("tcp://%s:%d" % address if isinstance(address, tuple)
            else "ipc://" + address)


def activated(listeners, activates=True):
    """Start a queue with these sockets, as a service manager does."""
    #   The descriptors 3, 4 ... have to be those, and the variable LISTEN_PID
    #   has to name the process
    moves = " ".join("%d<&%d" % (10 + index, listener.fileno())
                     for index, listener in enumerate(listeners))
    places = " ".join("%d<&%d" % (3 + index, 10 + index)
                      for index in range(len(listeners)))
    script = "exec %s; exec %s; LISTEN_PID=$$ exec \"$0\" \"$@\"" \
        % (moves, places)
    for listener in listeners:
        listener.set_inheritable(True)
    endpoints = [endpoint_of(listener) for listener in listeners]
    return Process(
        ["bash", "-c", script, ZRELAY, "queue", "-f", endpoints[0], "-f",
         endpoints[1], "-b", endpoints[2]],
        env={"LISTEN_FDS": str(len(listeners))} if activates else {},
        pass_fds=[listener.fileno() for listener in listeners])


def ready(process):
    for _ in range(3):
        process.expect(r"^queue: (frontend|backend) bound to ")
    wait_until(lambda: len(process.lines) == 3, what="three endpoints")


class Worker(threading.Thread):
    """Answers requests until it is told to end."""

    def __init__(self, endpoint):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.ended = False
        self.start()

    def run(self):
        with zmq.Context() as context, context.socket(zmq.REP) as replier:
            replier.linger = 0
            replier.connect(self.endpoint)
            while not self.ended:
                if replier.poll(50):
                    replier.send(b"re:" + replier.recv())


class Client(threading.Thread):
    """Asks, and asks again if there is no answer, until it is told to end."""

    def __init__(self, endpoint, number):
        super().__init__(daemon=True)
        self.endpoint = endpoint
        self.number = number
        self.answers = 0
        self.retries = 0
        self.wrong = 0
        self.ended = False
        self.start()

    def ask(self, context):
        request = b"%d.%d" % (self.number, self.answers)
        #   Each request is a new connection
        with context.socket(zmq.REQ) as asker:
            asker.linger = 0
            asker.connect(self.endpoint)
            asker.send(request)
            if not asker.poll(RETRY * 1000):
                self.retries += 1
                return
            self.wrong += asker.recv() != b"re:" + request
            self.answers += 1

    def run(self):
        with zmq.Context() as context:
            while not self.ended:
                self.ask(context)


class Prober(threading.Thread):
    """Connects all the time, and counts how often it is refused."""

    def __init__(self, listener):
        super().__init__(daemon=True)
        self.family = listener.family
        self.address = listener.getsockname()
        self.connected = 0
        self.refused = 0
        self.ended = False
        self.start()

    def run(self):
        while not self.ended:
            with socket.socket(self.family) as prober:
                try:
                    prober.connect(self.address)
                    self.connected += 1
                except OSError:
                    self.refused += 1
            time.sleep(0.002)


@test("restarts under socket activation refuse no connection", 100)
def _():
    with temp_dir() as folder:
        listeners = listen(folder)
        worker = Worker(endpoint_of(listeners[2]))
        probers = [Prober(listener) for listener in listeners[:2]]
        clients = [Client(endpoint_of(listeners[number % 2]), number)
                   for number in range(CLIENTS)]
        for _ in range(RESTARTS):
            #   Requests may come before there is anybody to take them
            process = activated(listeners)
            ready(process)
            before = [client.answers for client in clients]
            wait_until(lambda: all(client.answers > count + 3 for client, count
                                   in zip(clients, before)),
                       what="answers for every client")
            process.signal(signal.SIGTERM)
            assert process.wait() in (0, 3), process.error_lines
        process = activated(listeners)
        ready(process)
        before = [client.answers for client in clients]
        wait_until(lambda: all(client.answers > count for client, count
                               in zip(clients, before)),
                   what="answers for every client")
        for thread in clients + probers:
            thread.ended = True
        for thread in clients + probers:
            thread.join(DEADLINE)
        worker.ended = True
        worker.join(DEADLINE)
        process.kill()
        comment("%d answers, %d retries, %d connections" % (
            sum(client.answers for client in clients),
            sum(client.retries for client in clients),
            sum(prober.connected for prober in probers)))
        assert not any(client.wrong for client in clients)
        assert [prober.refused for prober in probers] == [0, 0]
        assert all(prober.connected for prober in probers)
        #   The file is the service manager's
        assert os.path.exists(listeners[1].getsockname())
        for listener in listeners:
            listener.close()


@test("sockets that are passed to another process are not touched")
def _():
    with temp_dir() as folder:
        listeners = listen(folder)
        process = activated(listeners, activates=False)
        assert process.wait() == MISUSE
        assert any("in use" in line for line in process.error_lines)
        for listener in listeners:
            listener.close()


if __name__ == "__main__":
    main()
