#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What README.md and doc/kinds.md claim: the program compiles and runs, the
command lines are understood, sessions print what is shown, links lead
somewhere. The manual page of the program has what its help has."""

import os
import re
import shlex
import signal
import subprocess
import textwrap

from zrelay_testing import TOP_BUILDDIR, TOP_SRCDIR, ZRELAY, Process, Relay, \
    equal, have_store, main, temp_dir, test


def text_of(*path):
    with open(os.path.join(TOP_SRCDIR, *path)) as file:
        return file.read()


README = text_of("README.md")
KINDS = text_of("doc", "kinds.md")


def text_between(start, end):
    return README.partition(start)[2].partition(end)[0]


@test("the program, NEWS and Debian's changelog have the same version")
def _():
    output = Process([ZRELAY, "--version"]).succeed()[0]
    version = re.match(r"zrelay (\d+\.\d+\.\d+) ", output).group(1)
    equal(text_of("NEWS").split()[1], version, "version in NEWS")
    changelog = text_of("packaging", "debian", "changelog")
    equal(re.match(r"zrelay \((.*)-\d+\)", changelog).group(1), version,
          "version in packaging/debian/changelog")


@test("the program in README.md compiles, and prints what it carried",
      deadline=120)
def _():
    with temp_dir() as folder:
        source = os.path.join(folder, "hello.c")
        with open(source, "w") as file:
            file.write(text_between("```c\n", "```"))
        program = os.path.join(folder, "hello")
        libraries = os.path.join(TOP_BUILDDIR, "src", ".libs")
        compiler = os.environ.get("CC", "cc").split()
        #   A library with a sanitizer is of use to a program with it only
        flags = os.environ.get("ZRELAY_SANITIZE", "").split()
        subprocess.run(
            [*compiler, *flags, "-I", os.path.join(TOP_SRCDIR, "include"),
             source, "-o", program, "-L", libraries,
             "-lzrelay", "-lczmq", "-lzmq"], check=True)
        with Process([program], env={"LD_LIBRARY_PATH": libraries}) as hello:
            output = "\n".join(hello.succeed())
        assert "orders" in output, output
        assert re.search(r"^frontend in +1 +2 ", output, re.M), output


def move(text, folder):
    """The same text, but with sockets in a folder instead of fixed ports."""
    return re.sub(r"(?:tcp|ws)://(?:127\.0\.0\.1|\[::1\]):(\d+)",
                  r"ipc://%s/\1" % folder, text)


@test("the command lines in README.md and doc/kinds.md are understood")
def _():
    lines = re.findall(r"^    (zrelay .*)$",
                       text_between("## The program", "\n## ") + KINDS, re.M)
    assert len(lines) >= 10, lines
    with temp_dir() as folder:
        subprocess.run([ZRELAY, "keygen", os.path.join(folder, "relay.cert")],
                       check=True, stdout=subprocess.DEVNULL)
        os.mkdir(os.path.join(folder, "clients"))
        for line in lines:
            if "spool" in line and not os.environ.get("HAVE_STORE"):
                continue
            #   Without its library there is no such option
            if "--join" in line and not os.path.exists(os.path.join(
                    TOP_BUILDDIR, "src", ".libs", "libzrelay-nats.so")):
                continue
            words = shlex.split(line, comments=True)[1:]
            words = [move(word, folder) for word in words]
            for option, endpoint in defaults(words[0]):
                if option not in words:
                    words += [option, "tcp://127.0.0.1:*"]
            with Process([ZRELAY, *words], cwd=folder) as relay:
                relay.expect("^%s: (front|back)end bound" % words[0])
                relay.signal(signal.SIGTERM)
                equal(relay.wait(), 0, "exit status of %s" % line)


def defaults(kind):
    """The options that a kind needs if they are not given, and what it takes
    instead; only for sides that it has."""
    with Process([ZRELAY, kind, "--help"]) as process:
        text = "\n".join(process.succeed())
    return [("-" + side[0], endpoint) for side, endpoint in re.findall(
        r"^(frontend|backend) .*\n +(?:default (\S+))?", text, re.M)]


#   Numbers in the output of examples that are others each time
VARYING = re.compile(r"(?<=^weather )\d+")


class Session:
    """A session with a shell that a page shows: commands after "$", and what
    they print; "..." stands for lines that are left out."""

    def __init__(self, text):
        self.steps = []
        for line in text.splitlines():
            if line.startswith("$ "):
                self.steps.append((line[2:], []))
            elif line != "...":
                self.steps[-1][1].append(line)
        self.jobs = {}

    def play(self, folder):
        for command, shown in self.steps:
            words = shlex.split(command)
            shown = [move(line, folder) for line in shown]
            if words[0] == "kill":
                self.kill(words[1:], shown)
            else:
                self.run(words, shown, folder)

    def run(self, words, shown, folder):
        background = words[-1] == "&"
        words = [word for word in words if word not in ("&", ">", "/dev/null")]
        process = Process([move(word, folder) for word in complete(words)])
        if background:
            #   As a shell numbers them
            self.jobs[max(self.jobs, default=0) + 1] = process
            for line in shown:
                process.expect("^%s$" % re.escape(line))
            return
        process.wait()
        equal([VARYING.sub("N", line)
               for line in process.lines + process.error_lines],
              [VARYING.sub("N", line) for line in shown], process)

    def kill(self, words, shown):
        number = signal.SIGTERM
        if words[0].startswith("-"):
            number = getattr(signal, "SIG" + words.pop(0)[1:])
        for word in words:
            job = self.jobs[int(word[1:])]
            job.signal(number)
            for line in shown:
                job.expect("^%s$" % re.escape(line), errors=True)
            if number != signal.SIGUSR1:
                job.wait()
                del self.jobs[int(word[1:])]


def complete(words):
    """A command with the endpoints that it would take by itself."""
    if words[0] == "zrelay":
        for option, endpoint in defaults(words[1]):
            if option not in words:
                words = [*words, option, endpoint]
        return [ZRELAY, *words[1:]]
    endpoints = re.findall(r'\? *argv .*: "(tcp:[^"]+)"',
                           text_of(words[0] + ".c"))
    return [os.path.join(TOP_BUILDDIR, words[0]), *words[1:],
            *endpoints[len(words) - 1:]]


@test("the sessions in doc/kinds.md print what the page shows", deadline=120)
def _():
    sections = re.split(r"^## ", KINDS, flags=re.M)[1:]
    played = 0
    for section in sections:
        blocks = re.findall(r"(?:^    .*\n)+", section, re.M)
        lines = "".join(block for block in blocks
                        if block.startswith("    $ "))
        #   All blocks of a section are one session
        with temp_dir() as folder:
            Session(textwrap.dedent(lines)).play(folder)
        played += bool(lines)
    assert played >= 5, played


@test("what README.md and doc/ name is there")
def _():
    for folder, name in (("", "README.md"), ("doc", "security.md"),
                         ("doc", "migration.md"), ("doc", "kinds.md"),
                         ("", "CONTRIBUTING.md")):
        for link in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)",
                               text_of(folder, name)):
            path = os.path.join(TOP_SRCDIR, folder, link)
            assert os.path.exists(path), "%s: %s" % (name, link)


@test("the quickstart in README.md shows what quickstart prints")
def _():
    with open(os.path.join(TOP_SRCDIR, "quickstart")) as file:
        script = file.read()
    shown = re.findall(r"^    ==> (.*)$", README, re.M)
    assert len(shown) >= 4, shown
    for line in shown:
        words = line.replace("building build", "building $folder")
        assert 'say "%s' % words in script, line


@test("and the statistics there have the lines that a queue prints")
def _():
    #   With -v it prints them at its end, too
    with Relay("queue", "-v") as relay:
        equal(relay.stop(), 0)
        printed = [line[:14].strip() for line in relay.error_lines
                   if not line.startswith("I: ")]
    shown = text_between("prints on SIGUSR1\n", "    ==>").splitlines()
    shown = [line[4:18].strip() for line in shown]
    #   But for the first line, which has the state and the time
    equal(shown[1:], printed[printed.index("frontend in") - 1:])


#   Those that are no test, and what runs libzmq's own
NO_TESTS = ("libzmq",)


def is_test(name):
    if name.startswith("zrelay_"):
        return '{ "%s", ' % name in text_of("selftest", "zrelay_selftest.c")
    if "/" in name:
        return os.path.exists(os.path.join(TOP_SRCDIR, name))
    return any(os.path.exists(os.path.join(TOP_SRCDIR, "tests", path))
               and "tests/" + path.replace(".c", "") in text_of("Makefile.am")
               for path in (name + ".py", name + ".c",
                            os.path.join("faults", name + ".c")))


@test("each row of doc/security.md names tests that exist")
def _():
    table = text_of("doc", "security.md").partition("| attack |")[2]
    rows = table.partition("\n\n")[0].splitlines()[2:]
    assert len(rows) > 20, rows
    named = set()
    for row in rows:
        last = row.rstrip(" |").rpartition("|")[2].strip()
        names = re.findall(r"`([^`]+)`", last) or [last]
        assert names, row
        for name in names:
            assert name in NO_TESTS or is_test(name), (name, row)
        named.update(names)
    #   And each fault from strangers is in it
    for number in (1, 2, 3, 4, 5, 8, 10, 11, *range(14, 22)):
        assert any(name.startswith("%02d_" % number) for name in named), number
    assert not is_test("99_no_such_test") and not is_test("zrelay_nothing")


#   --------------------------------------------------------------------------
#   The manual page of the program

PAGE = text_of("doc", "zrelay.1").replace("\\-", "-")
#   Kinds with settings of their own
SETTLED = ("balancer", "majordomo", "cache")


def help_of(*words):
    with Process([ZRELAY, *words, "--help"]) as process:
        return "\n".join(process.succeed())


#   Only where the store was built
SPOOL = [("spool",)] if have_store() else []


@test("zrelay(1) has the options of each --help, and no others")
def _():
    in_help = set()
    for words in ((), ("run",), ("check",), ("ctl",), ("top",), ("keygen",),
                  *SPOOL):
        for short, option in re.findall(
                r"^ +(?:(-[a-zA-Z]), )?(--[a-z0-9-]+)", help_of(*words), re.M):
            in_help.add(option)
            assert not short or '%s ", " %s' % (short, option) in PAGE, short
    assert len(in_help) > 40, in_help
    if not SPOOL:
        in_help.update(("--count", "--dump", "--queue", "--remove"))
    equal(sorted(set(re.findall(r"--[a-z][a-z0-9-]*", PAGE))),
          sorted(in_help), "options of zrelay(1)")


@test("the synopsis of zrelay(1) has the commands of --help")
def _():
    page = PAGE.partition(".SH SYNOPSIS")[2].partition(".SH")[0]
    equal(sorted(re.findall(r"^\.B zrelay ([a-z]+)$", page, re.M)),
          sorted(re.findall(r"^ +zrelay ([a-z]+)", help_of(), re.M)),
          "commands")
    words = re.findall(r"^(?:Usage:)? +zrelay ctl \[options\] ([a-z]+)",
                       help_of("ctl"), re.M)
    assert len(words) >= 5, words
    (line,) = re.findall(r"^ +zrelay ctl .*", help_of(), re.M)
    for word in words:
        assert re.search(r"\b%s\b" % word, line), (word, line)
        assert re.search(r"\b%s\b" % word, page), (word, page)


def assert_on_page(name, value):
    """The page has that name of an option, and soon after it the default."""
    places = [place.end() for place in
              re.finditer(r"^\.BR? %s\b" % name, PAGE, re.M)]
    assert places, "zrelay(1) does not name %s" % name
    after = ["\n".join(PAGE[place:].split("\n")[:4]) for place in places]
    assert not value or any(re.search(r"\b%s\b" % value, text)
                            for text in after), (name, value, after)


@test("the defaults of settings in --help are those of HELP, and in zrelay(1)")
def _():
    with temp_dir() as folder:
        control = "ipc://%s/control" % folder
        for kind in SETTLED:
            words = [word for side in ("-f", "-b")[:1 + (kind != "majordomo")]
                     for word in (side, "tcp://127.0.0.1:*")]
            with Process([ZRELAY, kind, *words, "--control", control]) as relay:
                relay.expect("^control: ")
                with Process([ZRELAY, "ctl", "--control", control, kind,
                              "HELP", "SET"]) as ctl:
                    text = "\n".join(ctl.succeed())
            relay_options = text.partition("Options of a flow")[0]
            in_help = dict(re.findall(r"^  -o relay\.(\w+)=(\S+)",
                                      help_of(kind), re.M))
            assert len(in_help) >= 7, in_help
            for name, value in in_help.items():
                value = "" if value == "VALUE" else value
                found = re.search(r"^    %s: .*?(?:; default (.*))?$" % name,
                                  relay_options, re.M)
                equal(found.group(1) or "", value, "%s of %s" % (name, kind))
                assert_on_page(name, value)
            for name in re.findall(r"^    (\w+): ", text, re.M):
                assert_on_page(name, "")


if __name__ == "__main__":
    main()
