#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""What README.md claims: its program compiles and runs, its command lines are
understood, its links lead somewhere."""

import os
import re
import shlex
import signal
import subprocess

from zrelay_testing import TOP_BUILDDIR, TOP_SRCDIR, ZRELAY, Process, equal, \
    main, temp_dir, test

with open(os.path.join(TOP_SRCDIR, "README.md")) as file:
    README = file.read()


def text_between(start, end):
    return README.partition(start)[2].partition(end)[0]


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


@test("the command lines in README.md are understood")
def _():
    lines = re.findall(r"^    (zrelay .*)$",
                       text_between("## The program", "\n## "), re.M)
    assert len(lines) >= 5, lines
    with temp_dir() as folder:
        subprocess.run([ZRELAY, "keygen", os.path.join(folder, "relay.cert")],
                       check=True, stdout=subprocess.DEVNULL)
        os.mkdir(os.path.join(folder, "clients"))
        for line in lines:
            words = shlex.split(line, comments=True)[1:]
            #   The same, but on ports that are free
            words = [re.sub(r"tcp://127\.0\.0\.1:(\d+)",
                            r"ipc://%s/\1" % folder, word) for word in words]
            for option in ("-f", "-b"):
                if option not in words:
                    words += [option, "tcp://127.0.0.1:*"]
            with Process([ZRELAY, *words], cwd=folder) as relay:
                relay.expect("^%s: backend bound" % words[0])
                relay.signal(signal.SIGTERM)
                equal(relay.wait(), 0, "exit status of %s" % line)


@test("what README.md and doc/ name is there")
def _():
    for folder, name in (("", "README.md"), ("doc", "security.md"),
                         ("doc", "migration.md"), ("", "CONTRIBUTING.md")):
        with open(os.path.join(TOP_SRCDIR, folder, name)) as file:
            text = file.read()
        for link in re.findall(r"\]\(([^):#]+)(?:#[^)]*)?\)", text):
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


if __name__ == "__main__":
    main()
