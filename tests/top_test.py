#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The command top: its text, and its screen in a real terminal (tmux)."""

import os
import re
import shlex
import shutil
import subprocess
import threading
import time

import zmq

from zrelay_testing import DEADLINE, ZRELAY, Process, Relay, Skip, equal, \
    main, temp_dir, test, wait_until

ASKED, MISUSE, SILENCE = 0, 2, 3
TITLES = ["NAME", "KIND", "STATE", "PEERS", "FWD/s", "RET/s", "BYTES/s",
          "STALL%", "HELD", "DROP/s", "DROPPED", "MESSAGES", "UP"]


#   --------------------------------------------------------------------------
#   Relays whose numbers are known

class Host:
    """A control endpoint of relays that are not there. Each is a dictionary:
    its counts, and how much they grow in a second. A relay that is None does
    not answer."""

    NAMES = ["frontend.in.messages", "frontend.in.bytes",
             "frontend.out.messages", "frontend.out.bytes", "frontend.peers",
             "backend.out.messages", "backend.peers", "forward.held",
             "forward.stalled_ms", "forward.dropped", "return.held",
             "return.stalled_ms", "return.dropped"]

    def __init__(self, **relays):
        self.relays = relays
        self.began = time.monotonic()
        self.context = zmq.Context()
        self.sock = self.context.socket(zmq.ROUTER)
        self.sock.linger = 0
        port = self.sock.bind_to_random_port("tcp://127.0.0.1")
        self.endpoint = "tcp://127.0.0.1:%d" % port
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ends.is_set():
            if self.sock.poll(20):
                frames = self.sock.recv_multipart()
                split = frames.index(b"") + 1
                answer = self.answer([word.decode()
                                      for word in frames[split:]])
                if answer:
                    self.sock.send_multipart(
                        frames[:split] + [word.encode() for word in answer])
        self.sock.close()

    def answer(self, words):
        if words == ["LIST"]:
            answer = ["0", "LIST"]
            for name in self.relays:
                answer += [name, "streamer"]
            return answer
        name, query, *arguments = words[1:]
        if self.relays[name] is None:
            return None
        if query == "COUNTERS":
            return ["0", query, "\0".join([*self.stats(name), ""])]
        if query == "PEERS":
            return ["0", "PEERS", "1", "tcp://10.0.0.%d:99" % len(
                arguments[0])]
        return ["0", query, "tcp://10.0.0.1:5557"]

    def stats(self, name):
        msecs = int(1000 * (time.monotonic() - self.began)) + 1000
        relay = self.relays[name]
        answer = ["kind", "streamer", "name", name,
                  "state", relay.get("state", "active"),
                  "uptime_ms", str(msecs)]
        for count in self.NAMES:
            first, growth = relay.get(count, (0, 0))
            answer += [count, str(first + growth * msecs // 1000)]
        return answer

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.ends.set()
        self.thread.join()
        self.context.term()


BUSY = {"frontend.in.messages": (0, 20000), "frontend.in.bytes": (0, 2000000),
        "backend.out.messages": (0, 20000), "frontend.peers": (3, 0),
        "backend.peers": (4, 0)}
STALLED = {"forward.stalled_ms": (5000, 1000), "forward.held": (1, 0),
           "frontend.in.messages": (41, 0)}
DROPPING = {"forward.dropped": (0, 500), "state": "paused"}


def top(host, *options):
    """What `top --once` prints: rows of cells."""
    done = subprocess.run(
        [ZRELAY, "top", "--control", host.endpoint, "--once", *options],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, timeout=DEADLINE)
    equal((done.returncode, done.stderr), (ASKED, b""), "top")
    return [line.split() for line in done.stdout.decode().splitlines()]


def refusal(status, *options):
    with temp_dir() as folder:
        environment = dict(os.environ, XDG_RUNTIME_DIR=folder)
        environment.pop("ZRELAY_CONTROL", None)
        done = subprocess.run([ZRELAY, "top", *options], env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=DEADLINE)
    equal(done.returncode, status, "exit status of top %s" % (options,))
    equal(len(done.stderr.splitlines()), 1, "lines of errors")
    return done.stderr.decode()


def near(text, expected):
    """Rates depend on when the two looks were taken."""
    value = float(text.rstrip("kM")) * (1000 if text.endswith("k") else 1)
    assert 0.8 * expected <= value <= 1.2 * expected, text


#   --------------------------------------------------------------------------
#   Text

@test("--once prints the numbers of each relay, and its rates")
def _():
    with Host(busy=BUSY, stalled=STALLED, dropping=DROPPING) as host:
        titles, *rows = top(host)
        equal(titles, TITLES, "titles")
        rows = {row[0]: dict(zip(TITLES, row)) for row in rows}
        equal(sorted(rows), ["busy", "dropping", "stalled"], "rows")
        equal(rows["busy"]["PEERS"], "7", "peers")
        equal(rows["busy"]["STATE"], "active", "state")
        near(rows["busy"]["FWD/s"], 20000)
        near(rows["busy"]["BYTES/s"].replace("M", "000k"), 2000000)
        equal(rows["stalled"]["HELD"], "1", "held")
        equal(rows["stalled"]["MESSAGES"], "41", "messages")
        near(rows["stalled"]["STALL%"], 100)
        near(rows["dropping"]["DROP/s"], 500)
        equal(rows["dropping"]["STATE"], "paused", "state")
        equal(rows["dropping"]["RET/s"], "0", "no rate")


@test("rows are sorted by the column that is asked for")
def _():
    with Host(busy=BUSY, stalled=STALLED, dropping=DROPPING) as host:
        def order(*options):
            return [row[0] for row in
                    top(host, "--interval", "0.2", *options)[1:]]
        equal(order(), ["busy", "dropping", "stalled"], "by name")
        equal(order("--reverse"), ["stalled", "dropping", "busy"], "reversed")
        equal(order("--sort", "fwd/s")[0], "busy", "by rate")
        equal(order("--sort", "DROPPED")[0], "dropping", "by drops")
        equal(order("--sort", "STALL%")[0], "stalled", "by stalls")
        equal(order("--sort", "STATE")[-1], "dropping", "by state")


@test("a relay that does not answer is silent, and the others are shown")
def _():
    with Host(mute=None, busy=BUSY) as host:
        rows = top(host, "--interval", "0.1")[1:]
        equal([row[:3] for row in rows],
              [["busy", "streamer", "active"], ["mute", "streamer", "silent"]],
              "rows")
        equal(set(rows[1][3:]), {"-"}, "numbers of one that is silent")


@test("what top cannot do is refused with a sentence")
def _():
    assert "not a terminal" in refusal(MISUSE)
    assert "belong together" in refusal(MISUSE, "--once", "--curve", "file")
    assert "cannot connect" in refusal(MISUSE, "--once", "--control", "x")
    assert "no column" in refusal(MISUSE, "--sort", "size")
    for interval in ("0", "-1", "x", "", "1x", "1e9", "nan"):
        assert "--interval" in refusal(MISUSE, "--interval", interval)
    assert "no option" in refusal(MISUSE, "--nonsense")
    assert "one word" in refusal(MISUSE, "word")
    #   The default is where zrelay run would be
    text = refusal(SILENCE, "--once")
    assert "ipc://" in text and "did not take LIST" in text, text
    with Process([ZRELAY, "top", "--help"]) as process:
        lines = process.succeed()
        assert max(map(len, lines)) <= 80, "help is too wide"
        equal(" ".join(lines[-2:]).split(), TITLES, "columns")


@test("top shows a real relay's numbers, while traffic flows and while it"
      " stalls", deadline=2 * DEADLINE)
def _():
    with temp_dir() as folder:
        control = "ipc://%s/control" % folder
        with Relay("streamer", "-n", "orders",
                   "--control", control) as relay:
            context = zmq.Context()
            source = context.socket(zmq.PUSH)
            source.connect(relay.frontend)
            sink = context.socket(zmq.PULL)
            sink.connect(relay.backend)

            class Endpoint:
                endpoint = control

            def shown():
                rows = top(Endpoint, "--interval", "0.2")[1:]
                equal([row[0] for row in rows], ["orders"], "rows")
                return dict(zip(TITLES, rows[0]))

            def stats():
                client = context.socket(zmq.REQ)
                client.connect(control)
                client.send_multipart([b"RELAY", b"orders", b"STATS"])
                frames = client.recv_multipart()
                client.close(0)
                equal(frames[0], b"0", "status of STATS")
                names = frames[2:] if frames[1] == b"STATS" else frames[1:]
                return dict(zip(names[::2], names[1::2]))
            for number in range(300):
                source.send(b"x" * 10)
                equal(sink.recv(), b"x" * 10, "message %d" % number)
            row = shown()
            equal(row["MESSAGES"], stats()[b"frontend.in.messages"].decode(),
                  "messages")
            equal((row["MESSAGES"], row["PEERS"], row["STATE"], row["HELD"]),
                  ("300", "2", "active", "0"), "row")
            sink.close(0)
            wait_until(lambda: stats()[b"backend.peers"] == b"0")
            source.send(b"held")
            wait_until(lambda: stats()[b"forward.held"] == b"1")
            row = shown()
            equal((row["HELD"], row["PEERS"]), ("1", "1"), "stalled row")
            near(row["STALL%"], 100)
            context.destroy(0)


#   --------------------------------------------------------------------------
#   The screen

class Terminal:
    """top in a terminal of tmux, which has a server of its own."""

    def __init__(self, host, *options, size=(120, 20), term=None, env=None):
        self.tmux = shutil.which("tmux")
        if not self.tmux:
            raise Skip("no tmux")
        done = subprocess.run([ZRELAY, "top", "--control", host.endpoint],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        equal(done.returncode, MISUSE, "without a terminal")
        self.folder = temp_dir()
        self.socket = os.path.join(self.folder.__enter__(), "tmux")
        words = [ZRELAY, "top", "--control", host.endpoint, *options]
        settings = {"LC_ALL": "C.UTF-8", **(env or {})}
        if term:
            settings["TERM"] = term
        #   The shell stays when its program is interrupted
        command = "trap : INT; env %s %s; echo status $?; cat" % (
            " ".join("%s=%s" % pair for pair in settings.items()),
            " ".join(map(shlex.quote, words)))
        width, height = size
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(width),
                 "-y", str(height), "/bin/sh -c %s" % shlex.quote(command))

        if any("built without ncurses" in line for line in wait_until(
                lambda: list(filter(str.strip, self.lines())))):
            self.__exit__()
            raise Skip("zrelay was built without ncurses")

    def run(self, *words):
        done = subprocess.run([self.tmux, "-S", self.socket, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              timeout=DEADLINE)
        equal((done.returncode, done.stderr), (0, b""), "tmux " + words[0])
        return done.stdout.decode()

    def lines(self, *options):
        return self.run("capture-pane", "-p", *options).splitlines()

    def keys(self, *names):
        self.run("send-keys", *names)

    def expect(self, condition, what):
        """Wait until the screen's lines meet a condition."""
        seen = []

        def met():
            seen[:] = self.lines()
            return condition(seen)
        try:
            wait_until(met, DEADLINE / 4, what)
        except Exception:
            print("\n".join("#   | " + line for line in seen), flush=True)
            raise
        return list(seen)

    def rows(self, lines=None):
        """Names of the relays that are shown."""
        return [line.split()[0] for line in (lines or self.lines())[2:-1]
                if line.strip()]

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.run("kill-server")
        self.folder.__exit__(None, None, None)


@test("the screen shows a table, sorts it by keys, and ends")
def _():
    with Host(busy=BUSY, stalled=STALLED, dropping=DROPPING) as host, \
            Terminal(host) as terminal:
        lines = terminal.expect(
            lambda seen: terminal.rows(seen) == ["busy", "dropping",
                                                 "stalled"], "three rows")
        equal(lines[0], "zrelay top: 3 relays", "title")
        equal(lines[1].split(), TITLES, "titles")
        #   Rates come with the second look
        terminal.expect(lambda seen: re.search(r" (19|20|21)\.\dk ", seen[2]),
                        "a rate")
        terminal.keys("r")
        terminal.expect(lambda seen: terminal.rows(seen) == [
            "stalled", "dropping", "busy"], "reversed rows")
        terminal.keys("r", *["Right"] * TITLES.index("DROPPED"))
        terminal.expect(lambda seen: terminal.rows(seen)[0] == "dropping",
                        "rows by drops")
        terminal.keys("Left", "Left", "Left")
        terminal.expect(lambda seen: terminal.rows(seen)[0] == "stalled",
                        "rows by held messages")
        terminal.keys("q")
        terminal.expect(lambda seen: "status 0" in seen, "the end")


@test("the screen shows one relay in detail, with its peers")
def _():
    with Host(busy=BUSY, stalled=STALLED) as host, \
            Terminal(host, size=(100, 30)) as terminal:
        terminal.expect(lambda seen: len(terminal.rows(seen)) == 2, "rows")
        terminal.keys("Down", "Enter")
        lines = terminal.expect(
            lambda seen: any("10.0.0.8:99" in line for line in seen),
            "the peers")
        equal(lines[0], "zrelay top: stalled", "title")
        assert any(line.startswith("frontend in") and " 41 " in line
                   for line in lines), lines
        terminal.keys("Escape")
        terminal.expect(lambda seen: seen[0] == "zrelay top: 2 relays",
                        "the table")


@test("many relays scroll, and any size of the terminal will do")
def _():
    relays = {"relay-%03d" % number: BUSY for number in range(60)}
    with Host(**relays) as host, Terminal(host, size=(80, 12)) as terminal:
        lines = terminal.expect(lambda seen: len(terminal.rows(seen)) == 9,
                                "9 rows")
        titles = lines[1].split()
        equal(titles, TITLES[:len(titles)], "whole columns")
        assert 8 <= len(titles) < len(TITLES), titles
        terminal.keys(*["Down"] * 30)
        terminal.expect(lambda seen: terminal.rows(seen)[-1] == "relay-030",
                        "scrolled rows")
        for width, height in ((200, 50), (20, 5), (5, 2), (1, 1), (120, 20)):
            terminal.run("resize-window", "-x", str(width), "-y", str(height))
            #   Columns and rows that do not fit are left out
            wait_until(lambda: len(terminal.lines()) == height)
            assert all(len(line) <= width for line in terminal.lines())
        terminal.expect(lambda seen: len(terminal.rows(seen)) == 17
                        and "relay-030" in terminal.rows(seen), "17 rows")
        terminal.keys("q")
        terminal.expect(lambda seen: "status 0" in seen, "the end")


@test("colours where there are some, and other signs where there are none")
def _():
    def look(**options):
        with Host(dropping=DROPPING, mute=None) as host, \
                Terminal(host, **options) as terminal:
            terminal.expect(lambda seen: any("silent" in line
                                             for line in seen), "rows")
            return "\n".join(terminal.lines("-e"))
    text = look(term="screen-256color")
    assert re.search(r"\x1b\[(\d+;)?33m", text), "no yellow"
    assert re.search(r"\x1b\[(\d+;)?31m", text), "no red"
    for options in ({"term": "vt100"}, {"term": "screen-256color",
                                        "env": {"NO_COLOR": "1"}}):
        text = look(**options)
        assert not re.search(r"\x1b\[[\d;]*3[1-7]", text), "colours"
        assert re.search(r"\x1b\[(\d+;)*1m", text), "nothing is bold"


@test("a terminal that is unknown is named, and a host that comes later is"
      " waited for")
def _():
    with Host(busy=BUSY) as host, \
            Terminal(host, term="nonsense") as terminal:
        terminal.expect(lambda seen: any("'nonsense' is unknown" in line
                                         for line in seen), "a sentence")
    with temp_dir() as folder:
        class Nobody:
            endpoint = "ipc://%s/control" % folder
        with Terminal(Nobody) as terminal:
            terminal.expect(lambda seen: "did not take LIST" in seen[0],
                            "a reason")
            terminal.keys("C-c")
            terminal.expect(lambda seen: "status 0" in seen, "the end")


if __name__ == "__main__":
    main()
