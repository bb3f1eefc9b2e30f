# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the zddc tool share: running it, trees in a temporary directory, a terminal."""
import html.parser
import json
import os
import pty
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
from harness import T, ZDDC  # noqa: E402

WORK = tempfile.mkdtemp(prefix="zddc-cli-")


def run(*args, cwd=None, env=None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **more):
    clean = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR",)}
    clean.update(env or {})
    return subprocess.run([ZDDC, *args], cwd=cwd or WORK, env=clean, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, timeout=60, **more)


def text(p):
    return p.stdout.decode("utf-8", "surrogateescape")


def one_line_error(p, status, *words):
    """The command failed with this status and said so in one line on standard error that holds these words."""
    said = p.stderr.decode("utf-8", "replace")
    name = " ".join(p.args[1:])
    T.equal(p.returncode, status, "status of %s (%s)" % (name, said.strip()))
    T.check(said.count("\n") == 1 and said.endswith("\n") and said.startswith("zddc: "), "one line of error: " + name, said)
    for word in words:
        T.check(word in said, "%s says %r" % (name, word), said)


def tree(files):
    """An archive in a new directory: path -> text, a path with a slash at its end is a directory."""
    top = tempfile.mkdtemp(dir=WORK)
    for path, body in files.items():
        full = os.path.join(os.fsencode(top), os.fsencode(path))
        os.makedirs(full if full.endswith(b"/") else os.path.dirname(full), exist_ok=True)
        if not full.endswith(b"/"):
            with open(full, "wb") as f:
                f.write(body if isinstance(body, bytes) else body.encode())
    return top


def on_terminal(*args, answer=b"", env=None):
    """Output of a command that believes it talks to a person."""
    out = b""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("NO_COLOR", None)
        os.environ["TERM"] = "xterm"
        os.environ.update(env or {})
        os.execv(ZDDC, [ZDDC, *args])
    if answer:
        os.write(fd, answer)
    while True:
        try:
            piece = os.read(fd, 65536)
        except OSError:
            break
        if not piece:
            break
        out += piece
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out


def data(p):
    """What it said as JSON."""
    try:
        return json.loads(p.stdout.decode())
    except ValueError:
        T.check(False, "JSON of %s" % " ".join(map(os.fsdecode, p.args[1:])), (p.returncode, p.stdout, p.stderr))
        return {}


class Page(html.parser.HTMLParser):
    """A page that zddc wrote: its text, its links, and whether it needs anything but itself."""

    def __init__(self, source):
        super().__init__()
        self.source, self.text, self.links, self.ids, self.tags = source, "", [], set(), set()
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            if name == "href":
                self.links.append(value)
            if name == "id":
                T.check(value not in self.ids, "an id is there once", value)
                self.ids.add(value)
            T.check(not name.startswith("on") and name not in ("src", "srcset"), "no attribute that loads or runs", (tag, name))

    def handle_data(self, data):
        self.text += data

    def self_contained(self):
        T.check(self.source.startswith("<!DOCTYPE html>") and self.source.rstrip().endswith("</html>"), "a whole page")
        T.check(not self.tags & {"script", "link", "img", "iframe", "object", "embed", "form"}, "nothing that loads or runs", self.tags)
        T.check("url(" not in self.source and "@import" not in self.source, "a style that loads nothing")
        lost = [l for l in self.links if not l.startswith("#") or l[1:] not in self.ids]
        T.check(not lost, "every link leads to a place of the page", lost[:5])
        for wanted in ("prefers-color-scheme:dark", "@media print", "name=\"viewport\"", "default-src 'none'", "lang=\"en\""):
            T.check(wanted in self.source, "the page has " + wanted)


def finish(*functions):
    """Runs the scenarios in WORK, which is removed then, and exits."""
    os.chdir(WORK)
    T.run(*functions)
    os.chdir("/")
    shutil.rmtree(WORK, ignore_errors=True)
    T.finish()
