#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The daemon killed at any point: nothing is half made (SPEC section 7; THREATS row 25 as far as this goes)."""
import os
import random
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

ROUNDS = 12 if not SANITIZED else 4
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
TREE = project()
OLD = "acl: {permissions: {alice@example.com: r}}\n# old\n" + "# padding\n" * 50
NEW = "acl: {permissions: {alice@example.com: rw}}\n# new\n" + "# padding\n" * 80


def make_homes(base, first):
    """mkdir until the mount dies: how many were acknowledged."""
    n = 0
    try:
        while True:
            os.mkdir(os.path.join(base, "home%d" % (first + n)))
            n += 1
    except OSError:
        return n


def rewrite(path):
    n = 0
    try:
        while True:
            write_file(path, NEW if n % 2 else OLD)
            n += 1
    except OSError:
        return n


def save_atomically(base):
    n = 0
    try:
        while True:
            tmp = os.path.join(base, "doc.new")
            write_file(tmp, b"%06d\n" % n * 300)
            os.rename(tmp, os.path.join(base, "doc"))
            n += 1
    except OSError:
        return n


def check_homes(a, made, first):
    base = a.behind("P/archive/Acme/working")
    bare = [d for d in os.listdir(base) if d.startswith("home") and not os.path.exists(os.path.join(base, d, ".zddc"))]
    T.check(not bare, "no home without its .zddc", bare)
    empty = [d for d in os.listdir(base) if d.startswith("home") and b"pt@example.com" not in a.text(base, d, ".zddc")]
    T.check(not empty, "no home with half a .zddc", empty)
    missing = [i for i in range(first, first + made) if not os.path.isdir(os.path.join(base, "home%d" % i))]
    T.check(not missing, "every acknowledged home is there", missing)


def test_killed_anywhere():
    print("     seed %d" % SEED)
    rnd = random.Random(SEED)
    tree = dict(TREE)
    tree["pol/.zddc"] = OLD
    a = Archive(tree)
    first = total = commits = 0
    for i in range(ROUNDS):
        a.mount()
        base = a.at("P/archive/Acme/working")
        children = [Child(PT, make_homes, base, first), Child(ADMIN, rewrite, a.at("pol/.zddc")), Child(DC, save_atomically, a.at("P/archive/Acme/staging"))]
        time.sleep(0.1 + rnd.random() * 0.5)
        a.kill()
        made, wrote, saved = [c.wait() for c in children]
        check_homes(a, made, first)
        T.among(a.text("pol/.zddc"), (OLD.encode(), NEW.encode()), "a policy is the old or the new one, whole")
        doc = a.behind("P/archive/Acme/staging/doc")
        if os.path.exists(doc):
            T.equal(os.path.getsize(doc), 2100, "a file saved by rename is whole")
        first += made + 1
        total, commits = total + made, commits + wrote
    a.mount()
    left = os.listdir(a.behind(".zddc.d/tmp")) if os.path.isdir(a.behind(".zddc.d/tmp")) else []
    T.check(not left, "a start cleans what a killed daemon left", left)
    T.check(total > ROUNDS and commits > ROUNDS, "there was work at each kill", (total, commits))
    T.equal(err_as(PT, os.mkdir, a.at("P/archive/Acme/working/last")), "", "work goes on")
    print("     %d kills, %d homes, %d policy commits" % (ROUNDS, total, commits))


def test_clients_of_a_dead_daemon():
    a = Archive(TREE).mount()
    fd_child = Child(PT, hold_and_read, a.at("P/archive/Acme/working/note.txt"))
    time.sleep(0.3)
    a.kill()
    T.among(fd_child.wait(), ("ENOTCONN", "ECONNABORTED", "EIO"), "an open descriptor gets an error, not a hang")
    a.mount()
    T.equal(err_as(PT, read_file, a.at("P/archive/Acme/working/note.txt")), "", "the next daemon serves")


def hold_and_read(path):
    fd = os.open(path, os.O_RDONLY)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        e = err(os.fstat, fd) or err(os.pread, fd, 10, 0) or err(os.stat, path)
        if e:
            return e
        time.sleep(0.01)
    return "no error"


if __name__ == "__main__":
    T.run(test_killed_anywhere, test_clients_of_a_dead_daemon)
    T.finish()
