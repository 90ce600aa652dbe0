#   Copyright (c) the Contributors as noted in the AUTHORS file.
#   This file is part of zrelay, the relay for ZeroMQ.
#
#   This Source Code Form is subject to the terms of the Mozilla Public
#   License, v. 2.0. If a copy of the MPL was not distributed with this
#   file, You can obtain one at http://mozilla.org/MPL/2.0/.

"""The container file, without a container: what it copies into the image is
copied into a folder, and its entry point and health check run from there.

With CONTAINER_BUILD=1 the program is configured and built as the file says,
which takes some minutes; else what is built already is installed.
"""

import fnmatch
import glob
import json
import os
import re
import shlex
import shutil
import signal
import subprocess

from zrelay_testing import TOP_BUILDDIR, TOP_SRCDIR, Process, Skip, equal, \
    main, temp_dir, test, wait_until

SLOWLY = bool(os.environ.get("CONTAINER_BUILD"))

#   Where the build installs, by the folder of the container file
INSTALLED = {
    "/installed/usr/bin": os.environ.get("INSTALLED_BINDIR", "/usr/local/bin"),
    "/installed/usr/lib": os.environ.get("INSTALLED_LIBDIR", "/usr/local/lib"),
}

#   Packages that every image of Debian has
BASE = ("libc6", "libgcc-s1", "libtinfo6", "libasan8", "libubsan1", "libtsan2")

RELAYS = """version = 1.0
apps
    shop
        devices
            orders
                type = queue
                sockets
                    frontend
                        bind = tcp://127.0.0.1:*
                    backend
                        bind = tcp://127.0.0.1:*
"""


def instructions():
    """The stages of the file, each a list of pairs (instruction, rest)."""
    with open(os.path.join(TOP_SRCDIR, "packaging", "Containerfile")) as file:
        text = re.sub(r"^ *#.*\n", "", file.read(), flags=re.M)
    stages = []
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        word, _, rest = line.partition(" ")
        if word == "FROM":
            stages.append([])
        stages[-1].append((word, " ".join(rest.split())))
    return stages


BUILD, IMAGE = instructions()


def all_of(stage, word):
    return [rest for name, rest in stage if name == word]


def only(stage, word):
    (rest,) = all_of(stage, word)
    return rest


def packages(stage):
    """What apt-get installs."""
    found = re.search(r"apt-get install((?: +[^ &\n]+)*)",
                      "\n".join(all_of(stage, "RUN"))).group(1).split()
    return [word for word in found if not word.startswith("-")]


class Image:
    """A folder with what the image has of zrelay. Its paths are below root."""

    def __init__(self, root):
        self.root = root
        for line in all_of(IMAGE, "COPY"):
            self.copy(*line.split()[1:])
        for line in all_of(IMAGE, "RUN"):
            found = re.search(r"install -d(?: -[og] \w+)*((?: /[^ &]+)+)", line)
            for folder in found.group(1).split() if found else ():
                os.makedirs(self.path(folder))
        name, _, value = only(IMAGE, "ENV").partition("=")
        self.env = {
            "PATH": self.path("/usr/bin"), name: self.within(value),
            "LD_LIBRARY_PATH": self.path("/usr/lib")}

    def path(self, path):
        return self.root + path

    def within(self, word):
        """A word of the file, with its paths in this folder."""
        return re.sub(r"^(ipc://)?(/(?:etc|run|var|usr)/)",
                      lambda found: (found.group(1) or "") + self.root
                      + found.group(2), word)

    def copy(self, source, target):
        folder, name = os.path.split(source)
        there = self.root + ".stage" + (folder if SLOWLY else
                                        INSTALLED[folder])
        os.makedirs(self.path(target), exist_ok=True)
        if ".so" in name and not glob.glob(os.path.join(there, "*.so.*")):
            raise Skip("configured with --disable-shared")
        found = [path for path in glob.glob(os.path.join(there, "*"))
                 if fnmatch.fnmatch(os.path.basename(path), name)]
        assert found, "%s is not installed in %s" % (name, there)
        for path in found:
            shutil.copy(path, self.path(target), follow_symlinks=False)

    def process(self, words):
        return Process([os.path.join(self.env["PATH"], words[0]),
                        *map(self.within, words[1:])], env=self.env,
                       cwd=self.within(only(IMAGE, "WORKDIR")))

    def health(self):
        """The exit status of the health check."""
        words = json.loads(only(IMAGE, "HEALTHCHECK").partition("CMD ")[2])
        with self.process(words) as check:
            return check.wait()


def run(words, **arguments):
    """Make's own variables are those of the `make check` that runs this."""
    env = {name: value for name, value in os.environ.items()
           if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "TESTS")}
    result = subprocess.run(words, stdout=subprocess.PIPE, env=env,
                            stderr=subprocess.STDOUT, **arguments)
    assert result.returncode == 0, result.stdout.decode("utf-8", "replace")


def build(stage):
    """The commands of the file, with stage instead of / where they write."""
    if not SLOWLY:
        run([os.environ.get("MAKE", "make"), "-C", TOP_BUILDDIR,
             "install", "DESTDIR=" + stage])
        return
    folder = only(BUILD, "WORKDIR")
    os.makedirs(stage + folder)
    for line in all_of(BUILD, "RUN")[2:]:
        line = line.replace("/source/", TOP_SRCDIR + "/")
        line = line.replace("DESTDIR=/", "DESTDIR=%s/" % stage)
        run(["sh", "-c", line], cwd=stage + folder)


@test("the packages that it builds with are those of quickstart")
def _():
    with open(os.path.join(TOP_SRCDIR, "quickstart")) as file:
        wanted = re.search('^packages="([^"]+)"', file.read(), re.M).group(1)
    equal(sorted(packages(BUILD)), sorted(
        word for word in wanted.split() if not word.startswith("python")))


@test("its commands end with the check, and nothing runs as root")
def _():
    words = [name for name, _ in IMAGE]
    assert words.index("USER") < words.index("ENTRYPOINT"), words
    assert only(IMAGE, "USER") not in ("root", "0")
    equal(set(words), {"FROM", "RUN", "COPY", "USER", "WORKDIR", "ENV",
                       "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"})
    equal({name for name, _ in BUILD}, {"FROM", "COPY", "RUN", "WORKDIR"})


def check_file(self):
    """The command that the image has by itself, which runs a file."""
    with open(self.path("/etc/zrelay/zrelay.conf"), "w") as file:
        file.write(RELAYS)
    words = json.loads(only(IMAGE, "ENTRYPOINT"))
    command = [*words, *json.loads(only(IMAGE, "CMD"))]
    ctl = [*words, "ctl", "orders"]
    assert self.health() != 0, "healthy before it runs"
    with self.process(command) as relay:
        wait_until(lambda: self.health() == 0, what="health")
        #   Not ready, and ready again
        endpoint = self.process([*ctl, "ENDPOINT", "FRONTEND"]).succeed()[0]
        self.process([*ctl, "UNBIND", "FRONTEND", endpoint]).succeed()
        assert self.health() != 0, "healthy without a frontend"
        self.process([*ctl, "BIND", "FRONTEND", endpoint]).succeed()
        equal(self.health(), 0, "health")
        #   One that hangs does not answer
        relay.signal(signal.SIGSTOP)
        assert self.health() != 0, "healthy while it is stopped"
        relay.signal(signal.SIGCONT)
        equal(self.health(), 0, "health")
        relay.signal(signal.SIGKILL)
        relay.wait()
    assert self.health() != 0, "healthy after it was killed"
    #   It starts again where it was killed
    with self.process(command) as relay:
        wait_until(lambda: self.health() == 0, what="health")


def check_single(self):
    """A relay of a command line, and how the container is stopped."""
    words = json.loads(only(IMAGE, "ENTRYPOINT"))
    with self.process([*words, "queue", "-f", "tcp://127.0.0.1:*",
                       "-b", "tcp://127.0.0.1:*"]) as relay:
        wait_until(lambda: self.health() == 0, what="health")
        relay.signal(getattr(signal, only(IMAGE, "STOPSIGNAL")))
        equal(relay.wait(), 0, "exit status")
    assert self.health() != 0, "healthy after it ended"


def libraries_of(self, path):
    """The libraries that a program or library is linked with, by name."""
    env = {**os.environ, **self.env, "PATH": os.environ["PATH"]}
    output = [subprocess.run([*words, path], check=True, env=env,
                             stdout=subprocess.PIPE).stdout.decode()
              for words in (["objdump", "-p"], ["ldd"])]
    places = dict(re.findall(r"(\S+) => (/\S+)", output[1]))
    return {name: places[name]
            for name in re.findall(r"NEEDED +(\S+)", output[0])}


def owners_of(path):
    """The packages of a library; none if it is of no package."""
    result = subprocess.run(
        ["dpkg-query", "--search",
         "*/" + os.path.basename(os.path.realpath(path))],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return {line.partition(":")[0]
            for line in result.stdout.decode().splitlines()}


def check_libraries(self):
    """The packages of the image have all libraries that it needs."""
    needed = {}
    for path in glob.glob(self.path("/usr/*/*zrelay*")):
        needed.update(libraries_of(self, path))
    assert any("libczmq" in name for name in needed), needed
    for name, place in needed.items():
        owners = owners_of(place)
        if not place.startswith(self.root) and owners:
            assert owners & {*packages(IMAGE), *BASE}, (name, owners)


@test("what it copies runs, has its libraries, and is healthy while relays are"
      " ready", deadline=1800 if SLOWLY else 180)
def _():
    with temp_dir() as folder:
        root = os.path.join(os.path.realpath(folder), "image")
        build(root + ".stage")
        self = Image(root)
        os.makedirs(self.path("/etc/zrelay"))
        check_file(self)
        check_single(self)
        if all(map(shutil.which, ("dpkg-query", "ldd", "objdump"))):
            check_libraries(self)


if __name__ == "__main__":
    main()
