#   Copyright(c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What tests in Python are made of.

    from zrelay_testing import Relay, main, test

    @test("a queue answers", deadline=30)
    def _():
        with Relay("queue") as relay:
            client.connect(relay.frontend)
            ...

    if __name__ == "__main__":
        main()

Each function marked with @test is one line of TAP; it fails if it raises
or outlasts its deadline, and may raise Skip. Arguments on the command line
choose tests whose description holds one of them.

Nothing here depends on how fast the machine is: what has to be waited for is
waited for, with deadlines that only a hang reaches.
"""

import contextlib
import faulthandler
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

#   Seconds after which something that should take a moment is called a hang;
#   generous, because under sanitizers and on busy machines all is slow
DEADLINE = 60

TOP_SRCDIR = os.environ.get(
    "TOP_SRCDIR", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOP_BUILDDIR = os.environ.get(
    "TOP_BUILDDIR", os.path.join(TOP_SRCDIR, "build"))


def without_wrapper(path):
    """The program behind libtool's shell script, if path is one: a signal
    that comes early is to meet the program, not the shell."""
    folder, name = os.path.split(path)
    folder = os.path.join(folder, ".libs")
    if not os.path.exists(os.path.join(folder, name)):
        return path
    #   What else the script does: the library of this build comes first
    os.environ["LD_LIBRARY_PATH"] = os.pathsep.join(
        [folder, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])])
    return os.path.join(folder, name)


ZRELAY = without_wrapper(os.environ.get(
    "ZRELAY", os.path.join(TOP_BUILDDIR, "src", "zrelay")))


#   --------------------------------------------------------------------------
#   Tests and TAP

class Skip(Exception):
    """Raised by a test that cannot run here; says why."""


def have_store():
    return bool(os.environ.get("HAVE_STORE", "1"))


def need_store():
    if not have_store():
        raise Skip("configured without LMDB")


@contextlib.contextmanager
def sockets():
    """A function that makes sockets, all of them closed at the end."""
    import zmq
    context = zmq.Context()
    #   One that is forgotten would be closed at once
    made = []

    def make(kind, endpoint, **options):
        sock = context.socket(kind)
        made.append(sock)
        sock.rcvtimeo = sock.sndtimeo = DEADLINE * 1000
        for name, value in options.items():
            setattr(sock, name, value)
        sock.connect(endpoint)
        return sock
    try:
        yield make
    finally:
        context.destroy(linger=0)


class Hang(Exception):
    """Raised in a test, or by wait_until(), whose time is over."""


_tests = []


def test(description, deadline=DEADLINE):
    """Mark a function as a test. deadline is in seconds."""
    def mark(function):
        _tests.append((description, deadline, function))
        return function
    return mark


def _on_alarm(_number, _frame):
    raise Hang("the test's time is over")


def _on_signal(number, _frame):
    """Told to end: so must be what was started here."""
    _kill_processes()
    os._exit(128 + number)


def _give_up():
    """Last resort, if a test's time is over and it cannot be interrupted."""
    faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
    print("Bail out! a test hangs", flush=True)
    _kill_processes()
    os._exit(1)


def comment(text):
    """Print text as TAP comments."""
    for line in str(text).splitlines():
        print("#   " + line, flush=True)


def main():
    """Run the tests of this file, print TAP, exit."""
    chosen = [entry for entry in _tests
              if not sys.argv[1:]
              or any(word in entry[0] for word in sys.argv[1:])]
    signal.signal(signal.SIGALRM, _on_alarm)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _on_signal)
    print("1..%d" % len(chosen), flush=True)
    failed = 0
    for number, (description, deadline, function) in enumerate(chosen, 1):
        guard = threading.Timer(deadline + DEADLINE, _give_up)
        guard.daemon = True
        guard.start()
        result, note = "ok", ""
        started = time.monotonic()
        try:
            signal.alarm(deadline)
            try:
                function()
            finally:
                signal.alarm(0)
        except Skip as reason:
            note = " # SKIP %s" % reason
        except Exception:
            result = "not ok"
            failed += 1
            comment(traceback.format_exc())
        finally:
            guard.cancel()
            _kill_processes()
        if note == "":
            comment("%.1f seconds" % (time.monotonic() - started))
        print("%s %d - %s%s" % (result, number, description, note), flush=True)
    #   Sockets that a failed test left behind must not hold up the end
    sys.stdout.flush()
    os._exit(1 if failed else 0)


def wait_until(condition, deadline=DEADLINE, what="condition"):
    """Call condition until it returns something true, and return that.

    For what can only be looked at again and again; what can be waited for,
    such as a message or the end of a process, needs no wait_until().
    """
    ends = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > ends:
            raise Hang("%s: not in %s seconds" % (what, deadline))
        time.sleep(0.005)


def equal(actual, expected, what="value"):
    """Fail unless both are equal, and show both."""
    if actual != expected:
        raise AssertionError("%s: expected %r, got %r"
                              % (what, expected, actual))


@contextlib.contextmanager
def temp_dir():
    """A fresh folder, gone at the end."""
    path = tempfile.mkdtemp(prefix="zrelay-")
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


#   --------------------------------------------------------------------------
#   Processes

_processes = []


def _kill_processes():
    """End what this file's tests started and left running."""
    while _processes:
        process = _processes.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


class Process:
    """A program whose output is read line by line while it runs.

    lines and error_lines grow as the program prints. Used with "with", it is
    killed at the end if it still runs.
    """

    def __init__(self, command, env=None, cwd=None, pass_fds=()):
        self.command = [str(word) for word in command]
        self.lines = []
        self.error_lines = []
        self._popen = subprocess.Popen(
            self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, cwd=cwd, pass_fds=pass_fds,
            env=dict(os.environ, **(env or {})))
        _processes.append(self._popen)
        self._readers = [
            self._start_reader(self._popen.stdout, self.lines),
            self._start_reader(self._popen.stderr, self.error_lines)]

    @staticmethod
    def _start_reader(stream, lines):
        def read():
            with stream:
                for line in stream:
                    lines.append(line.decode("utf-8", "replace")
                                  .rstrip("\n"))
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.kill()

    @property
    def pid(self):
        return self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def wait(self, deadline=DEADLINE):
        """Wait for its end; returns the exit status, -N for signal N. All
        output is in lines and error_lines then."""
        try:
            status = self._popen.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Hang("%s: does not end" % self) from None
        for reader in self._readers:
            reader.join(DEADLINE)
        return status

    def succeed(self, deadline=DEADLINE):
        """Wait for its end, with status 0. Returns the lines of its output."""
        status = self.wait(deadline)
        if status != 0:
            raise AssertionError("%s: exit status %d\n%s" % (
                self, status, "\n".join(self.lines + self.error_lines)))
        return self.lines

    def signal(self, number):
        self._popen.send_signal(number)

    def kill(self):
        if self.running():
            self._popen.kill()
        self.wait()

    def expect(self, pattern, deadline=DEADLINE, errors=False):
        """Wait until a line of its output(or its errors) matches, and return
        the match."""
        lines = self.error_lines if errors else self.lines

        def found():
            #   Looked at first: what it printed before its end must be seen
            running = self.running()
            if not running:
                self.wait()
            for line in list(lines):
                match = re.search(pattern, line)
                if match:
                    return match
            if not running:
                raise AssertionError(
                    "%s: ended with status %d before printing %r\n%s" % (
                        self, self.wait(), pattern,
                        "\n".join(self.lines + self.error_lines)))
            return None
        return wait_until(found, deadline, "%s: output %r" % (self, pattern))

    def cpu_time(self):
        """Seconds of CPU it has used so far, all threads, user and system."""
        with open("/proc/%d/stat" % self.pid) as file:
            #   The name, second, may hold anything and ends at the last ")";
            #   utime and stime are fields 14 and 15, see proc(5)
            fields = file.read().rpartition(")")[2].split()
        return ((int(fields[11]) + int(fields[12]))
                / os.sysconf("SC_CLK_TCK"))

    def __str__(self):
        return " ".join(self.command)


class Relay(Process):
    """A running `zrelay KIND`, ready when the constructor returns.

    frontend and backend are one endpoint or a list, as for -f and -b; the
    default is a free port of the loopback address, "ipc" a socket file in a
    folder of its own. None gives no option, so that the kind's defaults hold.
    redirection is a shell's, such as "2>/dev/full".
    As attributes, frontend and backend are the endpoint to connect to, and
    frontends and backends the lists of all.
    """

    #   One line for each endpoint, printed when all are there
    READY = re.compile(
        r"^(\S+): (frontend|backend) (bound|connecting) to (\S+)$")
    FREE_PORT = "tcp://127.0.0.1:*"

    def __init__(self, kind, *options, frontend=FREE_PORT, backend=FREE_PORT,
                  env=None, redirection=None):
        self.kind = kind
        self._folder = None
        arguments, expected = [], 0
        for option, endpoints in (("-f", frontend), ("-b", backend)):
            if endpoints is None:
                expected += 1
                continue
            if isinstance(endpoints, str):
                endpoints = [endpoints]
            for endpoint in endpoints:
                if endpoint == "ipc":
                    endpoint = self._ipc_endpoint(option)
                arguments += [option, endpoint]
                expected += 1
        command = [ZRELAY, kind, *arguments, *options]
        if redirection:
            command = ["/bin/sh", "-c", 'exec "$0" "$@" ' + redirection,
                       *command]
        super().__init__(command, env=env)
        try:
            self._wait_ready(expected)
        except BaseException:
            self.kill()
            raise

    def _ipc_endpoint(self, option):
        self._folder = self._folder or tempfile.mkdtemp(prefix="zrelay-")
        return "ipc://%s/%s" % (self._folder, option.strip("-"))

    def _wait_ready(self, expected):
        def ready():
            running = self.running()
            if not running:
                self.wait()
            matches = [match for match in map(self.READY.match, self.lines)
                       if match]
            if len(matches) >= expected:
                return matches
            if not running:
                raise AssertionError("%s: ended with status %d\n%s" % (
                    self, self.wait(),
                    "\n".join(self.lines + self.error_lines)))
            return None
        self.frontends, self.backends = [], []
        for match in wait_until(ready, what="%s: ready" % self):
            side = (self.frontends if match.group(2) == "frontend"
                    else self.backends)
            side.append(match.group(4))
        self.frontend = self.frontends[0] if self.frontends else None
        self.backend = self.backends[0] if self.backends else None

    def stop(self, number=signal.SIGTERM, deadline=DEADLINE):
        """Ask it to end; returns its exit status."""
        if self.running():
            self.signal(number)
        return self.wait(deadline)

    def kill(self):
        super().kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


#   --------------------------------------------------------------------------
#   Programs with the preload library

PRELOAD = os.path.join(TOP_BUILDDIR, "src", ".libs", "libzrelay-preload.so")
SANITIZE = os.environ.get("ZRELAY_SANITIZE", "")


def preload(library=PRELOAD, **variables):
    """The environment of a program with the library. A sanitizer's runtime
    has to come before everything else."""
    if not os.path.exists(PRELOAD):
        raise Skip("configured with --disable-shared")
    libraries = [library]
    for word, runtime in (("address", "libasan.so"), ("thread", "libtsan.so")):
        if word in SANITIZE:
            path = subprocess.run(
                [*shlex.split(os.environ.get("CC", "cc")),
                 "-print-file-name=" + runtime],
                stdout=subprocess.PIPE, check=True).stdout.decode().strip()
            if not os.path.isabs(path):
                raise Skip("the compiler does not tell where its %s is"
                           % runtime)
            libraries.insert(0, os.path.realpath(path))
    environment = {"LD_PRELOAD": " ".join(libraries), "ZRELAY_LOG": "1",
                   "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1",
                   #   What Python keeps to its end is no leak, and libzmq
                   #   asks for as much as a frame is said to hold
                   "ASAN_OPTIONS": "detect_leaks=0:"
                                   "allocator_may_return_null=1:"
                                   "max_allocation_size_mb=1024"}
    environment.update(variables)
    return environment


class Steered(Process):
    """A relay that is steered by commands while it runs, see steered.c.

    The sides are bound, frontend and backend as for Relay; backend=None if
    the kind has none. Other keywords are settings, made before.
    """

    def __init__(self, kind, frontend=Relay.FREE_PORT,
                 backend=Relay.FREE_PORT, **settings):
        import zmq
        self._context = zmq.Context()
        super().__init__([without_wrapper(
            os.path.join(TOP_BUILDDIR, "tests", "steered")), kind])
        try:
            self.control = self.expect("^control (.*)").group(1)
            for name, value in settings.items():
                self.do("SET", "RELAY", name, value)
            for side, endpoint in (("FRONTEND", frontend),
                                   ("BACKEND", backend)):
                if endpoint:
                    self.bind(side, endpoint)
        except BaseException:
            self.kill()
            raise

    def bind(self, side, endpoint=Relay.FREE_PORT):
        """Bind a side, whose endpoint becomes the attribute."""
        self.do("BIND", side, endpoint)
        setattr(self, side.lower(), self.query("ENDPOINT", side)[0])

    def start(self, *words):
        """Give a command. Returns a function that returns its answer, the
        status and then the frames as strings; or None, after a number of
        seconds."""
        import zmq
        sock = self._context.socket(zmq.REQ)
        sock.linger = 0
        sock.connect(self.control)
        sock.send_multipart([word if isinstance(word, bytes)
                             else str(word).encode() for word in words])

        def answer(deadline=DEADLINE):
            if not sock.poll(int(deadline * 1000)):
                return None
            status, *frames = [frame.decode("utf-8", "replace")
                               for frame in sock.recv_multipart()]
            sock.close()
            return int(status), frames
        return answer

    def give(self, *words):
        """Give a command; returns its status and sentence."""
        answer = self.start(*words)()
        if answer is None:
            raise Hang("%s: no answer to %s" % (self, words[0]))
        status, frames = answer
        return status, (frames[0] if frames and status else "")

    def do(self, *words):
        """Give a command that must succeed."""
        equal(self.give(*words), (0, ""), " ".join(map(str, words)))

    def query(self, *words):
        """The frames of a query's answer, without its name."""
        status, frames = self.start(*words)()
        equal(status, 0, "%s: status" % words[0])
        return frames[1:]

    def get(self, name):
        """One of the relay's own settings."""
        return self.query("GET", "RELAY", name)[-1]

    def stats(self):
        """All counters, by their names."""
        frames = self.query("STATS")
        return {name: int(value) if value.isdigit() else value
                for name, value in zip(frames[::2], frames[1::2])}

    def stat(self, name):
        """One counter."""
        return self.stats()[name]

    def counts(self, **expected):
        """Wait until counters have these values."""
        seen = {}

        def reached():
            stats = self.stats()
            seen.update({name: stats[name] for name in expected})
            return seen == expected
        try:
            wait_until(reached, DEADLINE / 4)
        except Hang:
            equal(seen, expected, "counters")

    def rows(self, query, names, *words):
        """The rows of a query that answers with a table, as a list of
        dictionaries."""
        frames = self.query(query, *words)
        equal(len(frames) % len(names), 0, "%s: frames left" % query)
        return [dict(zip(names, frames[first:first + len(names)]))
                for first in range(0, len(frames), len(names))]

    def kill(self):
        super().kill()
        self._context.destroy(linger=0)


def example(name, language, *arguments):
    """Start an example; language is "c" or "py"."""
    if language == "c":
        command = [os.path.join(TOP_BUILDDIR, "examples", name)]
    else:
        command = [sys.executable, os.path.join(
            TOP_SRCDIR, "examples", "%s.%s" % (name, language))]
    return Process([*command, *arguments])
