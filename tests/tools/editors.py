#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""vim and nano on a terminal in the three places: a new file, an existing one, and what they leave behind."""
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

from toolbox import NAME, Result, Row, T, World, become, changes, run_rows, text

OLD = 'echo old > "$N"'
ESC, ENTER, CTRL_O, CTRL_X = "\x1b", "\r", "\x0f", "\x18"


class Terminal:
    """A program of the cell's user on a pseudo terminal of 24 x 100."""

    def __init__(self, cell, argv):
        self.screen, self.seen, self.ended = "", 0, False
        env = cell.env()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                become(cell.uid)
                os.chdir(cell.dir)
                os.execvpe(argv[0], argv, env)
            finally:
                os._exit(127)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))

    def read(self, seconds):
        """What comes within 'seconds'; notes the end of the program."""
        if not self.ended and select.select([self.fd], [], [], seconds)[0]:
            try:
                piece = os.read(self.fd, 65536)
            except OSError as e:
                piece = b""
                if e.errno != errno.EIO:
                    raise
            self.ended = not piece
            self.screen += piece.decode(errors="replace")

    def wait_for(self, pattern, seconds=10):
        """True when the pattern shows in what is new on the screen; False when the program has ended first. Raises on silence."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.screen[self.seen:])
            if found:
                self.seen += found.end()
                return True
            if self.ended:
                return False
            self.read(0.2)
        raise RuntimeError("no %r on the screen: %r" % (pattern, self.screen[self.seen:]))

    def send(self, keys):
        if not self.ended:
            os.write(self.fd, keys.encode())

    def close(self):
        """The exit status."""
        end = time.monotonic() + 10
        while not self.ended and time.monotonic() < end:
            self.read(0.2)
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def drive(cell, argv, steps):
    """Each step is (pattern to wait for or None, keys). Result.errors is what the program complained of on its screen."""
    t = Terminal(cell, argv)
    try:
        for pattern, keys in steps:
            if pattern and not t.wait_for(pattern):
                break
            t.send(keys)
    finally:
        status = t.close()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>78]", "", t.screen)
    errors = "\n".join(re.findall(r"E\d+: [^\r\n]*|Error (?:writing|opening|reading)[^\r\n\]]*|is unwritable|is not writable", plain))
    return Result(status, plain, errors)


def vim(*steps, options=()):
    """The answer to each command line is awaited: what was written, or an error, or the end."""
    return lambda cell: drive(cell, ["vim"] + list(options) + [NAME], steps)


def nano(*steps):
    return lambda cell: drive(cell, ["nano", NAME], steps)


STARTED, READ, ANSWER = r"\[New\]", r"\d+B", r"E\d+:|written"
NANO, WROTE = r"GNU nano", r"Wrote \d|Error writing"
CANNOT = ["E45: ", "E212: ", "E505: ", "E166: ", "E504: ", "E509: ", "E510: "]
NANO_CANNOT = ["Error writing"]
HELLO = {NAME: text("hello\n")}
ADDED = {NAME: text("hello\nold\n")}
ROWS = [
    Row("vim: a new file, :wq", vim((STARTED, "ihello" + ESC + ":wq" + ENTER)), makes=HELLO, named=True),
    Row("vim: a new file, :x", vim((STARTED, "ihello" + ESC + ":x" + ENTER)), makes=HELLO, named=True),
    Row("vim: a new file, :w, then :q", vim((STARTED, "ihello" + ESC + ":w" + ENTER), (ANSWER, ":q" + ENTER)), makes=HELLO, named=True),
    Row("vim: a new file, :q! without writing", vim((STARTED, "ihello" + ESC + ":q!" + ENTER)), named=True),
    Row("vim: 4000 lines into a new file (swap grows)", vim((STARTED, "ihello" + ESC + "yy3999p:preserve" + ENTER), (r"reserved|E\d+:", ":wq" + ENTER)),
        makes={NAME: text("hello\n" * 4000)}, named=True),
    Row("vim: reading", vim((READ, ":q" + ENTER)), first='echo old > "$N"', makes={NAME: text("old\n")}, named=True),
    Row("vim -R of somebody else's", vim((READ, ":q" + ENTER), options=["-R"]), first='echo old > "$N"', by_other=True, makes={NAME: text("old\n")}, named=True),
    Row("nano: a new file", nano((NANO, "hello"), ("hello", CTRL_O), ("Write", ENTER), (WROTE, CTRL_X)), makes=HELLO, named=True),
    Row("nano: a new file, ^X, yes", nano((NANO, "hello"), ("hello", CTRL_X), ("Save modified", "y"), ("Write", ENTER)), makes=HELLO, named=True),
    Row("nano: nothing written", nano((NANO, "hello"), ("hello", CTRL_X), ("Save modified", "n")), named=True),
]
for other in (False, True):
    whose = ", somebody else's" if other else ""
    kw = {"first": OLD, "by_other": other, "named": not other, "interactive": True}
    quit_vim = (ANSWER, ":q!" + ENTER)
    ROWS += [
        changes("vim: :wq on existing" + whose, vim((READ, "Ohello" + ESC + ":wq" + ENTER), quit_vim), makes=ADDED, says=CANNOT, **kw),
        changes("vim: :wq! on existing" + whose, vim((READ, "Ohello" + ESC + ":wq!" + ENTER), quit_vim), makes=ADDED, says=CANNOT, **kw),
        changes("vim: :w! with backupcopy=yes" + whose, vim((READ, "Ohello" + ESC + ":set backupcopy=yes" + ENTER + ":w!" + ENTER), quit_vim), makes=ADDED,
                says=CANNOT, **kw),
        changes("nano: writing over" + whose, nano((NANO, "hello" + ENTER), (None, CTRL_O), ("Write", ENTER), (WROTE, CTRL_X), ("Save modified", "n")), makes=ADDED,
                says=NANO_CANNOT, **kw),
    ]
ROWS.append(changes("vim: a second :w of a new file", vim((STARTED, "ihello" + ESC + ":w" + ENTER), ("written", "oagain" + ESC + ":w!" + ENTER), (ANSWER, ":q!" + ENTER)),
                    makes={NAME: text("hello\nagain\n")}, cr=None, zone=None, named=True, interactive=True))

if __name__ == "__main__":
    world = World()
    run_rows(world, ROWS)
    world.close()
    T.finish()
