#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the daemon while records and files with history are written: no acknowledged revision is lost, chains are whole, row numbers
are unique and without gaps. KILLS is how often (12; FULL=1: 200), SEED repeats the moments."""
import hashlib
import os
import sys
import random
import re
import time

from lab import *  # noqa: F403
from lab import DC, SANITIZED, Archive, Child, SmallArchive, T, as_user, err, err_as, eventually

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mount"))
from harness import project, write_file  # noqa: E402

FULL = os.environ.get("FULL", "") not in ("", "0")
KILLS = int(os.environ.get("KILLS", "0")) or (200 if FULL else 4 if SANITIZED else 12)
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
RND = random.Random(SEED)
ACME = "P/archive/Acme"
RISK = "originator: ACME\nproject: '0007'\ndiscipline: EL\nsequence: '0001'\ntitle: %s\n"
ROW = "originator: ACME\nproject: '0007'\ndiscipline: EL\ntype: SPC\nsequence: '%04d'\ntitle: %s\n"
VERSION = re.compile(r"(\d{8}T\d{6}Z)-(\d+)-([0-9a-f]{8})-(.+)")


def acknowledge(fd, token):
    os.write(fd, (token + "\n").encode())


def risks(a, who, life, fd):
    for i in range(10000):
        token = "risk-%d-%d-%d" % (life, who, i)
        write_file(a.at(ACME, "rsk/typed-%d.yaml" % who), RISK % token)
        acknowledge(fd, token)


def revisions(a, who, life, fd):
    path = a.at(ACME, "mdl/ACME-0007-EL-SPC-%04d.yaml" % who)
    for i in range(10000):
        token = "revision-%d-%d-%d" % (life, who, i)
        if not os.path.exists(path):
            write_file(a.at(ACME, "mdl/typed-%d.yaml" % who), ROW % (who, token))
        elif i % 3:
            write_file(path, ROW % (who, token))
        else:
            write_file(path + ".tmp", ROW % (who, token))
            os.rename(path + ".tmp", path)
        acknowledge(fd, token)


def files(a, who, life, fd):
    path = a.at(ACME, "working/f%d" % who)
    for i in range(10000):
        token = "file-%d-%d-%d" % (life, who, i)
        if i % 5 == 4:
            os.unlink(path)
        write_file(path, token * 1000)
        acknowledge(fd, token)


def until_it_dies(fn, *args):
    try:
        fn(*args)
    except OSError:
        pass


def all_texts(a):
    """Everything that is there, live or kept."""
    out = {}
    for slot in ("mdl", "rsk", "working"):
        for top, _dirs, names in os.walk(a.behind(ACME, slot)):
            if "/rows" not in top:
                out.update((os.path.join(top, n), a.text(os.path.relpath(os.path.join(top, n), a.back))) for n in names)
    return out


def field(text, name):
    m = re.search(rb"^%s: *'?([^'\n]*)'?$" % name, text, re.M)
    return m[1].decode() if m else None


def check_chain(a, name, text):
    """Every revision names the one before it, back to the first."""
    versions = {}
    folder = a.behind(ACME, "mdl/.zddc.d/history", name)
    for v in os.listdir(folder) if os.path.isdir(folder) else []:
        m = VERSION.fullmatch(v)
        if m:
            versions[int(m[2])] = a.text(ACME, "mdl/.zddc.d/history", name, v)
    revision = int(field(text, b"revision"))
    while revision > 1:
        before = versions.get(revision - 1)
        if before is None or hashlib.sha256(before).hexdigest() != field(text, b"previous_sha"):
            return "revision %d of %s: the one before it is %s" % (revision, name, "missing" if before is None else "another")
        text, revision = before, revision - 1
    return ""


def check_life(a, acknowledged, life):
    texts = all_texts(a)
    every = b"\0".join(texts.values())
    lost = [t for t in acknowledged if t.encode() not in every]
    T.equal(lost[:5], [], "life %d: of %d acknowledged, lost" % (life, len(acknowledged)))
    live = {n: a.text(ACME, "mdl", n) for n in os.listdir(a.behind(ACME, "mdl")) if n.endswith(".yaml")}
    T.equal([w for w in (check_chain(a, n, t) for n, t in live.items()) if w], [], "life %d: chains" % life)
    T.check(eventually(lambda: not os.listdir(a.behind(".zddc.d/tmp")), 5), "life %d: no litter" % life, os.listdir(a.behind(".zddc.d/tmp")))
    as_user(DC, write_file, a.at(ACME, "rsk/last.yaml"), RISK % ("after-%d" % life))
    rows = sorted(int(n[:-5].split("-")[-1]) for n in os.listdir(a.behind(ACME, "rsk")) if n.endswith(".yaml"))
    T.equal(rows, list(range(1, len(rows) + 1)), "life %d: row numbers" % life)


def acknowledged_in(path):
    with open(path) as f:
        return f.read().split()


def live_and_die(lives):
    """One archive, killed so often. How many revisions were acknowledged."""
    a = Archive(project({ACME + "/mdl/": None, ACME + "/rsk/": None}))
    acks = os.path.join(a.base, "acks")
    fd = os.open(acks, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for life in range(lives):
        a.mount()
        if life:
            check_life(a, acknowledged_in(acks), life)
        writers = [Child(DC, until_it_dies, fn, a, who, life, fd) for who, fn in enumerate((risks, risks, revisions, revisions, files))]
        time.sleep(RND.uniform(0.01, 0.15) * (3 if SANITIZED else 1))
        a.kill()
        for w in writers:
            w.wait()
    a.mount()
    check_life(a, acknowledged_in(acks), lives)
    os.close(fd)
    count = len(acknowledged_in(acks))
    a.close()
    return count


def test_kill():
    count = sum(live_and_die(4) for _ in range((KILLS + 3) // 4))
    T.check(count > 10 * KILLS // (4 if SANITIZED else 1), "enough was written", count)
    print("%d kills, %d acknowledged revisions, seed %d" % (KILLS, count, SEED))


def test_full():
    """A full disk: the record stays as it was, the refusal says why, no number is lost, and it goes on when there is room."""
    a = SmallArchive(project({ACME + "/mdl/": None, ACME + "/rsk/": None}), megabytes=16)
    a.mount()
    path = a.at(ACME, "mdl/ACME-0007-EL-SPC-0001.yaml")
    as_user(DC, write_file, a.at(ACME, "mdl/x.yaml"), ROW % (1, "before"))
    as_user(DC, write_file, a.at(ACME, "rsk/x.yaml"), RISK % "before")
    before = a.text(ACME, "mdl/ACME-0007-EL-SPC-0001.yaml")
    filler = a.behind("filler")
    with open(filler, "wb", buffering=0) as f:
        for size in (1 << 20, 1 << 12, 1 << 9):
            while not err(f.write, b"x" * size) and os.statvfs(a.back).f_bavail:
                pass
    big = (ROW % (1, "after")) + "notes: %s\n" % ("y" * 3000)
    T.among(err_as(DC, write_file, path, big), ("ENOSPC", "EROFS"), "a revision on a full disk")
    T.among(err_as(DC, write_file, a.at(ACME, "rsk/x.yaml"), RISK % "after" + "notes: %s\n" % ("y" * 3000)), ("ENOSPC", "EROFS"), "a new record on a full disk")
    T.equal(a.text(ACME, "mdl/ACME-0007-EL-SPC-0001.yaml"), before, "what was there stays")
    os.unlink(filler)
    T.check(eventually(lambda: err_as(DC, write_file, path, big) == "", 10, 0.2), "with room again")
    T.check(eventually(lambda: err_as(DC, write_file, a.at(ACME, "rsk/x.yaml"), RISK % "after") == "", 10, 0.2), "a new one too")
    rows = sorted(n for n in os.listdir(a.behind(ACME, "rsk")) if n.endswith(".yaml"))
    T.equal([n[-8:-5] for n in rows], ["001", "002"], "no number is lost")


if __name__ == "__main__":
    T.run(test_full, test_kill)
    T.finish()
