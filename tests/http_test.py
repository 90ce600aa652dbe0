#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The HTTP server of --metrics: metrics, health, who may steer, and what
strangers can do to it."""

import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time

import zmq

from http_testing import HERE, MISUSE, TOKEN, Server, find_program, \
    http_test, serving, sockets, steerable, write_secret
from zrelay_testing import DEADLINE, TOP_BUILDDIR, TOP_SRCDIR, ZRELAY, \
    Process, Relay, equal, main, temp_dir, wait_until

OWN = os.path.join(TOP_BUILDDIR, "tests", "own_program")
KINDS = ["queue", "forwarder", "streamer", "balancer", "majordomo", "cache"]
MEBIBYTE = 1024 * 1024


#   --------------------------------------------------------------------------
#   Helpers

def check_metrics(text):
    """promtool's opinion."""
    done = subprocess.run(
        [find_program("promtool", "prometheus"), "check", "metrics"],
        input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=DEADLINE)
    equal((done.returncode, done.stdout.decode()), (0, ""), "promtool")


def refusal(*options):
    """What the program says when it does not start."""
    done = subprocess.run(
        [ZRELAY, "queue", "-f", Relay.FREE_PORT, "-b", Relay.FREE_PORT,
         *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        timeout=DEADLINE)
    equal(done.returncode, MISUSE, "exit status")
    equal(len(done.stderr.splitlines()), 1, "lines of errors")
    return done.stderr.decode()


#   --------------------------------------------------------------------------
#   Metrics and health

@http_test("each kind's metrics have the names that are promised, and"
           " promtool finds no fault")
def _():
    for kind in KINDS:
        with serving(kind) as (_relay, server):
            names = {key.partition("{")[0] for key in server.metrics()}
            missing = {
                "zrelay_messages_total", "zrelay_bytes_total",
                "zrelay_dropped_total", "zrelay_stalled_seconds_total",
                "zrelay_peers", "zrelay_held_seconds_bucket",
                "zrelay_held_seconds_sum", "zrelay_held_seconds_count",
                "zrelay_up", "zrelay_build_info",
                "process_cpu_seconds_total", "process_open_fds",
                "process_max_fds", "process_start_time_seconds",
                "process_resident_memory_bytes",
                "process_virtual_memory_bytes"} - names
            equal(missing, set(), "metrics that %s lacks" % kind)
            equal(server.sample("zrelay_up", relay=kind), 1, "up")
            check_metrics(server.get("/metrics"))


@http_test("metrics count what passes, while it passes")
def _():
    with serving("streamer") as (relay, server), sockets(
            (zmq.PUSH, relay.frontend),
            (zmq.PULL, relay.backend)) as (source, sink):
        for count in range(1, 4):
            for _ in range(100):
                source.send(b"x" * 10)
            for _ in range(100):
                sink.recv()
            for side, direction in (("frontend", "in"), ("backend", "out")):
                for name, each in (("messages", 1), ("bytes", 10)):
                    equal(server.sample("zrelay_%s_total" % name, side=side,
                                        direction=direction),
                          count * 100 * each, name)
        equal(server.sample("zrelay_peers", side="backend"), 1, "peers")
        stats = json.loads(server.get("/stats.json"))["relays"]
        equal(stats[0]["frontend"]["in"]["messages"], 300, "JSON")


@http_test("a message that was held is in the histogram once it is not")
def _():
    with serving("streamer") as (relay, server), sockets(
            (zmq.PUSH, relay.frontend)) as (source,):
        source.send(b"held")
        wait_until(lambda: server.sample("zrelay_held_messages",
                                         flow="forward") == 1)
        equal(server.sample("zrelay_held_seconds_count", flow="forward"), 0,
              "held so far")
        with sockets((zmq.PULL, relay.backend)) as (sink,):
            sink.recv()
        wait_until(lambda: server.sample("zrelay_held_seconds_count",
                                         flow="forward") == 1)
        equal(server.sample("zrelay_held_seconds_bucket", flow="forward",
                            le="+Inf"), 1, "last bucket")
        held = server.sample("zrelay_held_seconds_sum", flow="forward")
        stalled = server.sample("zrelay_stalled_seconds_total",
                                flow="forward")
        equal(held, stalled, "the only hold, and the only stall")
        check_metrics(server.get("/metrics"))


@http_test("health and readiness: a relay that drains is not ready")
def _():
    with steerable("-o", "forward.overflow=hold") as (relay, server):
        equal(server.get("/healthz"), "ok\n", "health")
        equal(server.get("/readyz"), "ready\n", "readiness")
        with sockets((zmq.PUSH, relay.frontend)) as (source,):
            source.send(b"held")
            wait_until(lambda: server.sample("zrelay_held_messages",
                                             flow="forward") == 1)
            equal(server.steer("drain")[0], 202, "drain")
            status, body, _headers = server.ask("/readyz")
            equal((status, body), (503, "streamer is draining\n"),
                  "readiness")
            equal(server.get("/healthz"), "ok\n", "health")
            equal(server.steer("resume"), (200, "done\n"), "resume")
            equal(server.get("/readyz"), "ready\n", "readiness")


@http_test("one relay in detail: endpoints, peers by address, settings")
def _():
    with serving("balancer", "-o", "backend.sndhwm=77",
                 "-o", "relay.retries=5") as (relay, server), sockets(
            (zmq.DEALER, relay.frontend)):
        def detail():
            return json.loads(server.get("/relays/balancer.json"))
        wait_until(lambda: detail()["frontend"]["count"] == 1)
        shown = detail()
        equal(shown["frontend"]["endpoints"], [relay.frontend], "endpoints")
        equal(shown["backend"]["endpoints"], [relay.backend], "endpoints")
        equal([peer.rpartition(":")[0].rpartition("/")[2]
               for peer in shown["frontend"]["peers"]], ["127.0.0.1"],
              "peers")
        assert ["backend", "sndhwm", "77"] in shown["settings"]
        assert ["relay", "retries", "5"] in shown["settings"]
        equal(server.ask("/relays/other.json")[0], 404, "another relay")


@http_test("a relay that does not answer is reported, and delays no health"
           " check")
def _():
    with Process([OWN, "echo", "-f", Relay.FREE_PORT, "-n", "slow",
                  "--metrics", HERE]) as relay:
        endpoint = relay.expect(r"bound to (\S+)").group(1)
        server = Server(relay)
        with sockets((zmq.DEALER, endpoint)) as (client,):
            client.send(b"hello")
            equal(client.recv(), b"hello", "reply")
            client.send(b"sleep")
            wait_until(lambda: server.sample("zrelay_up", relay="slow") == 0)
            scrape = threading.Thread(target=server.get, args=("/metrics",))
            scrape.start()
            started = time.monotonic()
            for _ in range(10):
                equal(server.get("/healthz"), "ok\n", "health")
            took = time.monotonic() - started
            scrape.join()
            assert took < 0.9, "ten health checks took %.1f s" % took
            client.recv()
            equal(server.sample("zrelay_up", relay="slow"), 1, "up")


FILE = """version = 1.0
apps
    test
        devices
            orders
                type = queue
                sockets
                    frontend
                        bind = inproc://orders-f
                    backend
                        bind = inproc://orders-b
            news
                type = forwarder
                sockets
                    frontend
                        bind = inproc://news-f
                    backend
                        bind = inproc://news-b
"""


@http_test("zrelay run serves all relays of its file, each under its name")
def _():
    with temp_dir() as folder:
        path = os.path.join(folder, "relays.conf")
        control = "ipc://%s/control" % folder

        def write(text):
            with open(path, "w") as file:
                file.write(text)
        write(FILE)
        with Process([ZRELAY, "run", "--metrics", HERE, "--control", control,
                      path]) as process:
            server = Server(process)
            equal([server.sample("zrelay_up", relay=name)
                   for name in ("orders", "news")], [1, 1], "up")
            check_metrics(server.get("/metrics"))
            equal(server.get("/readyz"), "ready\n", "readiness")
            write(FILE + """            third
                type = streamer
                sockets
                    frontend
                        bind = inproc://third-f
                    backend
                        bind = inproc://third-b
""")
            process.signal(signal.SIGHUP)
            wait_until(lambda: [relay["name"] for relay in json.loads(
                server.get("/stats.json"))["relays"]]
                == ["orders", "news", "third"], what="the third relay")
            process.signal(signal.SIGTERM)
            equal(process.wait(), 0, "exit status")


@http_test("a real Prometheus scrapes it", deadline=3 * DEADLINE)
def _():
    program = find_program("prometheus", "prometheus")
    with serving("queue", "-n", "orders") as (relay, server), \
            temp_dir() as folder:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            own = "127.0.0.1:%d" % free.getsockname()[1]
        path = os.path.join(folder, "prometheus.yml")
        with open(path, "w") as file:
            file.write("""
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: zrelay
    static_configs: [{targets: ["%s:%d"]}]
""" % server.place)
        with Process([program, "--config.file=" + path,
                      "--storage.tsdb.path=" + folder,
                      "--web.listen-address=" + own]):
            address = own.split(":")

            def query(text):
                connection = http.client.HTTPConnection(*address, DEADLINE)
                with contextlib.closing(connection):
                    with contextlib.suppress(OSError):
                        connection.request(
                            "GET", "/api/v1/query?query=" + text)
                        answer = connection.getresponse()
                        if answer.status == 200:
                            return json.loads(answer.read())["data"]["result"]
                return None
            result = wait_until(lambda: query("zrelay_up"), 2 * DEADLINE)
            equal(result[0]["metric"]["relay"], "orders", "relay")
            equal(result[0]["value"][1], "1", "up")
            equal(query("up")[0]["value"][1], "1", "scrape")


@http_test("the alert rules react to what they should, and they and the"
           " dashboard name metrics that there are")
def _():
    folder = os.path.join(TOP_SRCDIR, "packaging")
    with serving("queue") as (_relay, server):
        there = {key.partition("{")[0] for key in server.metrics()}
    for name in ("prometheus-rules.yml", "grafana-dashboard.json"):
        with open(os.path.join(folder, name)) as file:
            text = file.read()
        if name.endswith(".json"):
            json.loads(text)
        named = set(re.findall(r"\b(?:zrelay|process)_[a-z_]+\b", text))
        assert len(named) >= 8, named
        equal(named - there, set(), "metrics that only %s knows" % name)
    for command in ("check rules prometheus-rules.yml",
                    "test rules prometheus-rules-test.yml"):
        done = subprocess.run(
            [find_program("promtool", "prometheus"), *command.split()],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=DEADLINE)
        equal(done.returncode, 0, done.stdout.decode())


#   --------------------------------------------------------------------------
#   Who may steer

@http_test("without --metrics-steer nobody steers")
def _():
    with serving("streamer") as (_relay, server):
        status, body = server.steer("pause")
        equal(status, 403, "status")
        assert "--metrics-steer" in body, body
        equal(server.state(), "active", "state")


@http_test("with the token: pause, resume, reset, drain; without it: nothing")
def _():
    with steerable() as (_relay, server):
        for token in (None, "", TOKEN[:-1], TOKEN + "x", TOKEN.upper()):
            equal(server.steer("pause", token=token)[0], 401, "status")
        for value in ("Basic " + TOKEN, TOKEN, "Bearer"):
            equal(server.steer("pause", {"Authorization": value}, None)[0],
                  401, "status")
        equal(server.state(), "active", "state")
        equal(server.steer("pause"), (200, "done\n"), "pause")
        equal(server.state(), "paused", "state")
        equal(server.steer("resume"), (200, "done\n"), "resume")
        equal(server.steer("reset"), (200, "done\n"), "reset")
        assert server.steer("drain")[0] in (200, 202)
        equal(server.steer("resume"), (200, "done\n"), "resume")
        equal(server.steer("explode")[0], 405, "another command")
        equal(server.ask("/relays/streamer/pause")[0], 405, "GET")
        equal(server.state(), "active", "state")


@http_test("pages of other origins do not steer, even with the token")
def _():
    with steerable() as (_relay, server):
        own = server.url.rstrip("/")
        for headers in ({"Origin": "http://evil.example"},
                        {"Origin": "null"},
                        {"Origin": own + "0"},
                        {"Sec-Fetch-Site": "cross-site"},
                        {"Sec-Fetch-Site": "same-site", "Origin": own}):
            equal(server.steer("pause", headers)[0], 403, headers)
        status, _body, headers = server.ask(
            "/relays/streamer/pause", "OPTIONS",
            {"Origin": "http://evil.example",
             "Access-Control-Request-Method": "POST"})
        equal(status, 405, "preflight")
        for name in headers:
            assert not name.lower().startswith("access-control"), name
        equal(server.state(), "active", "state")
        equal(server.steer("pause", {"Origin": own,
                                     "Sec-Fetch-Site": "same-origin"})[0],
              200, "own origin")


@http_test("a server of this machine alone has no other name")
def _():
    with serving("queue") as (_relay, server):
        for host in ("evil.example", "evil.example:%d" % server.place[1],
                     "localhost.evil.example"):
            equal(server.ask("/stats.json", headers={"Host": host})[0], 403,
                  host)
        for host in ("localhost", "localhost:1", "127.0.0.1", "[::1]:80"):
            equal(server.ask("/stats.json", headers={"Host": host})[0], 200,
                  host)


@http_test("the page cannot be framed, kept, or fetched by others")
def _():
    with serving("queue") as (_relay, server):
        for path in ("/", "/page.css", "/page.js", "/stats.json"):
            _status, _body, headers = server.ask(path)
            equal(headers["X-Content-Type-Options"], "nosniff", path)
            equal(headers["Cache-Control"], "no-store", path)
            equal(headers["Cross-Origin-Resource-Policy"], "same-origin",
                  path)
            policy = headers["Content-Security-Policy"]
            assert "frame-ancestors 'none'" in policy, policy
            assert "unsafe" not in policy, policy
        assert "http://" not in server.get("/").replace(
            "http://www.w3.org/", ""), "assets from outside"


@http_test("what cannot be served is refused with a sentence")
def _():
    for place in ("nonsense", "127.0.0.1", ":80", "127.0.0.1:", "::1:80",
                  "127.0.0.1:65536", "127.0.0.1:x", "127.0.0.1:-1"):
        assert "HOST:PORT" in refusal("--metrics", place), place
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = refusal("--metrics", "127.0.0.1:%d" % taken.getsockname()[1])
        assert "Address already in use" in text, text
    assert "--metrics" in refusal("--metrics-steer", "/dev/null")
    with temp_dir() as folder:
        path = os.path.join(folder, "token")
        steer = ("--metrics", HERE, "--metrics-steer", path)
        assert "cannot read" in refusal(*steer)
        for text in ("", "short\n", "two words of some length\n",
                     "x" * 257, "x" * 100000):
            write_secret(path, text)
            assert "one word" in refusal(*steer), text
        write_secret(path, TOKEN, 0o644)
        assert "chmod 600" in refusal(*steer)


#   --------------------------------------------------------------------------
#   Strangers

@http_test("paths lead nowhere else")
def _():
    with serving("queue") as (_relay, server):
        for path in ("/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd",
                     "//etc/passwd", "/page.css/../../secret", "/page",
                     "/relays/", "/relays/.json", "/relays/..%2fqueue.json",
                     "/relays/queue.json/", "/relays//queue.json",
                     "/relays/queue%00.json", "/metrics/",
                     "/relays/" + "x" * 1000 + ".json",
                     "/relays/%0d%0aX:%20y.json", "/index.html"):
            status, body, _headers = server.ask(path)
            equal(status, 404, path)
            assert "root:" not in body, path
        equal(server.ask("/metrics?x=1")[0], 200, "query")


def read_all(sock):
    """What comes until the connection ends."""
    data = b""
    with contextlib.suppress(ConnectionError):
        while True:
            part = sock.recv(65536)
            if not part:
                break
            data += part
    return data


@http_test("garbage, and requests of 10 MiB, end nothing but themselves")
def _():
    big = 10 * MEBIBYTE
    generator = random.Random(13)
    requests = [
        b"\x00" * 1000 + b"\r\n\r\n",
        b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000,
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: "
        b"99999999999999999999\r\n\r\n",
        b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"FFFFFFFFFFFFFFFF\r\n",
        b"GET /" + b"x" * big + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"y" * big + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (big // 6) + b"\r\n",
        b"POST /relays/streamer/pause HTTP/1.1\r\nHost: a\r\n"
        b"Content-Length: %d\r\n\r\n" % big + b"z" * big,
        b"POST /relays/streamer/pause HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"Transfer-Encoding: chunked\r\nAuthorization: Bearer "
        + TOKEN.encode() + b"\r\n\r\n"
        + b"10000\r\n" + b"z" * 65536 + b"\r\n0\r\n\r\n",
    ]
    requests += [bytes(generator.randrange(256) for _ in range(500))
                 for _ in range(50)]
    with steerable() as (relay, server):
        for request in requests:
            with server.connect() as sock:
                with contextlib.suppress(OSError):
                    sock.sendall(request)
                    sock.shutdown(socket.SHUT_WR)
                #   Where more could come, it waits for more
                sock.settimeout(1)
                with contextlib.suppress(TimeoutError):
                    read_all(sock)
            assert relay.running(), request[:80]
            server.is_prompt()
        equal(server.state(), "active", "state")
        #   A body that is announced is refused before it comes
        with server.connect() as sock:
            sock.sendall(b"POST /relays/streamer/pause HTTP/1.1\r\n"
                         b"Host: localhost\r\nContent-Length: %d\r\n\r\n"
                         % big)
            equal(sock.recv(12), b"HTTP/1.1 413", "status")


@http_test("1,000 connections at once, slow ones, and readers that do not"
           " read, keep neither the relay nor health checks waiting",
           deadline=2 * DEADLINE)
def _():
    with serving("streamer") as (relay, server), sockets(
            (zmq.PUSH, relay.frontend),
            (zmq.PULL, relay.backend)) as (source, sink), \
            contextlib.ExitStack() as stack:
        #   All ask at once, and nobody reads
        request = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        crowd = [stack.enter_context(server.connect()) for _ in range(1000)]
        for index, sock in enumerate(crowd):
            #   Some are slow to ask, some ask without end
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                sock.send(request[:-4] if index % 4 == 0 else
                          request * (1 + index % 4))
        slowest = 0
        for _ in range(20):
            started = time.monotonic()
            source.send(b"message")
            sink.recv()
            slowest = max(slowest, time.monotonic() - started)
        assert slowest < DEADLINE / 4, slowest
        server.is_prompt()
        #   Those that read get what they asked for
        served = 0
        for index, sock in enumerate(crowd):
            if index % 4:
                sock.settimeout(DEADLINE)
                served += sock.recv(15) == b"HTTP/1.1 200 OK"
        equal(served, 750, "answers")


@http_test("connections that are open do not hold up the end")
def _():
    with serving("queue") as (relay, server), contextlib.ExitStack() as stack:
        for text in (b"", b"GET /metrics HTTP/1.1\r\n",
                     b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            stack.enter_context(server.connect()).sendall(text)
        server.get("/healthz")
        started = time.monotonic()
        equal(relay.stop(), 0, "exit status")
        took = time.monotonic() - started
        assert took < 8, "the end took %.1f s" % took


if __name__ == "__main__":
    main()
