#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk of 24 MB: copies into a zone and a lane are torn and can be taken away, a policy is the old one, a home is there whole or
not at all, and space that comes back is used at once, without a restart."""
from lab import *  # noqa: F403
from lab import ADMIN, ALICE, DC, LAB, OUT, PT, SmallArchive, T, as_user, err, err_as, eventually, judged
import os

RETRY = 75 if os.environ.get("FULL", "") not in ("", "0") else 0  # seconds: a minute between two tries of the daemon
CHUNK = os.urandom(256 << 10)
POLICY = "acl: {permissions: {alice@example.com: %s}}\n# %s\n" + "# padding that needs blocks\n" * 2000
OLD, NEW = POLICY % ("r", "old"), POLICY % ("rc", "new")


def copy_in(path, megabytes):
    """As cp does it: errno of the first thing that fails, and what was written until then."""
    fd, done = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), 0
    try:
        while done < megabytes << 20:
            done += os.write(fd, CHUNK)
    except OSError as e:
        os.close(fd)
        return os.strerror(e.errno), done
    os.close(fd)
    return "", done


def put(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        data = text.encode()
        while data:
            data = data[os.write(fd, data):]
    finally:
        os.close(fd)


def read(path):
    with open(path) as f:
        return f.read()


def ballast(a, name="ballast"):
    """Behind the mount: the rest of the disk, to the last block."""
    fd = os.open(a.behind(name), os.O_WRONLY | os.O_CREAT, 0o600)
    for size in (1 << 20, 64 << 10, 4096):
        while not err(os.write, fd, b"x" * size):
            pass
        err(os.fsync, fd)
    while not err(os.write, fd, b"x" * 1024):
        pass
    os.close(fd)
    os.sync()


def free_blocks(a):
    return os.statvfs(a.back).f_bavail


def test_copies_into_a_zone():
    full(SmallArchive(LAB).mount(), "P/zone", DC)


def test_copies_into_a_lane():
    full(SmallArchive(LAB).mount(), "P/lane", PT)


def full(a, place, uid):
    """The copy that fills it is torn; its maker frees the space; the next one is good."""
    ends = "sealed" if place == "P/zone" else "closed"
    small, large = a.at(place, "small"), a.at(place, "large")
    T.equal(as_user(uid, copy_in, small, 1)[0], "", "%s: a copy while there is room" % place)
    before = free_blocks(a)
    for i in range(3):
        got, done = as_user(uid, copy_in, large, 64)
        T.equal(got, "No space left on device", "%s: the copy is told" % place)
        T.check(done < 24 << 20, "%s: and stops" % place, done)
        T.check(eventually(lambda: as_user(uid, judged, large)[0] == "torn", 3), "%s: it is torn" % place, as_user(uid, judged, large)[0])
        T.among(err_as(PT if uid == DC else ALICE, os.unlink, large), ("EACCES", "EPERM"), "%s: somebody else does not remove it" % place)
        T.equal(as_user(uid, judged, small)[0], ends, "%s: what was there is %s" % (place, ends))
        T.equal(err_as(uid, os.truncate if i == 1 else os.unlink, large, *([0] if i == 1 else [])), "", "%s: its maker frees the space" % place)
        T.equal(err_as(uid, os.unlink, large) if i == 1 else "", "", "%s: and removes what is left" % place)
        T.check(eventually(lambda: free_blocks(a) >= before - 64, 5), "%s: the space comes back" % place, (before, free_blocks(a)))
    T.equal(as_user(uid, copy_in, large, 4), ("", 4 << 20), "%s: then a copy is good" % place)
    T.check(eventually(lambda: as_user(uid, judged, large)[0] == ends, 5), "%s: and %s" % (place, ends), as_user(uid, judged, large))
    T.check(err_as(uid, os.unlink, large) in ("EPERM", "EACCES"), "%s: for good" % place)
    no_litter(a, place)


def no_litter(a, place):
    seen = set(os.listdir(a.behind(place)))
    T.check(seen <= {".zddc", ".zddc.d", "old", "small", "large"}, "%s: no partial file" % place, seen)
    temporary = [f for f in os.listdir(a.behind(".zddc.d/tmp"))] if os.path.isdir(a.behind(".zddc.d/tmp")) else []
    T.check(not temporary, "nothing is left in the daemon's own directory", temporary)


def test_policy():
    a = SmallArchive(LAB).mount()
    path = a.at("P/pol/.zddc")
    T.equal(err_as(ADMIN, put, path, OLD), "", "a policy while there is room")
    ballast(a)
    for i in range(20):
        T.equal(err_as(ADMIN, put, path, NEW), "ENOSPC", "a commit on a full disk is told")
    T.check(a.text("P/pol/.zddc") == OLD.encode(), "the old text stays, whole")
    T.equal(as_user(ADMIN, read, path), OLD, "and is shown")
    T.among(err_as(ALICE, put, a.at("P/pol/f"), "x"), ("EACCES",), "and is in force")
    told = as_user(ADMIN, read, a.at("P/pol/.zddc.d/last-error"))
    T.check("space" in told.lower() or "full" in told.lower(), "last-error names the full disk", told)
    os.unlink(a.behind("ballast"))
    os.sync()
    T.equal(err_as(ADMIN, put, path, NEW), "", "with space again it commits, without a restart")
    T.check(a.text("P/pol/.zddc") == NEW.encode(), "the new text")
    T.equal(err_as(ALICE, put, a.at("P/pol/f"), "x"), "", "which is in force")
    no_litter(a, "P/zone")


def test_homes():
    """Auto-own: each mkdir that is refused leaves nothing, each that succeeds has its .zddc."""
    a = SmallArchive(LAB).mount()
    T.equal(err_as(PT, os.mkdir, a.at("P/homes/first")), "", "a home while there is room")
    ballast(a)
    made = [err_as(PT, os.mkdir, a.at("P/homes/h%d" % i)) for i in range(30)]
    T.check("ENOSPC" in made and set(made) <= {"", "ENOSPC"}, "mkdir is told", made)
    for i, e in enumerate(made):
        whole(a, "h%d" % i, e)
    no_litter(a, "P/zone")
    os.unlink(a.behind("ballast"))
    os.sync()
    T.equal(err_as(PT, os.mkdir, a.at("P/homes/after")), "", "with space again it works, without a restart")
    whole(a, "after", "")


def whole(a, name, failed):
    here = os.path.isdir(a.behind("P/homes", name))
    T.equal(here, not failed, "a home is there when mkdir says so: %s" % name)
    if here:
        T.check(b"pt@example.com" in a.text("P/homes", name, ".zddc"), "with its whole .zddc: %s" % name)


def test_moved_in():
    """Into a zone by rename, and the explicit states: nothing is lost when the record finds no room."""
    a = SmallArchive(LAB).mount()
    for i in range(5):
        T.equal(err_as(DC, put, a.at("P/free/doc%d" % i), "a document %d\n" % i), "", "ordinary files")
    ballast(a)
    got = [err_as(DC, os.rename, a.at("P/free/doc%d" % i), a.at("P/zone/doc%d" % i)) for i in range(5)]
    T.check(set(got) <= {"", "ENOSPC"}, "a move on a full disk works or is told", got)
    for i, e in enumerate(got):
        where, other = ("P/free", "P/zone") if e else ("P/zone", "P/free")
        T.check(os.path.exists(a.behind(where, "doc%d" % i)) and not os.path.exists(a.behind(other, "doc%d" % i)), "it is in one place: doc%d" % i)
        T.equal(a.text(where, "doc%d" % i), b"a document %d\n" % i, "with its bytes")
        if not e:
            T.equal(err_as(DC, os.unlink, a.at("P/zone/doc%d" % i)), "EPERM", "sealed")
    os.unlink(a.behind("ballast"))
    os.sync()
    for i, e in enumerate(got):
        T.equal(e and err_as(DC, os.rename, a.at("P/free/doc%d" % i), a.at("P/zone/doc%d" % i)), "", "with space again all are in")
        T.equal(err_as(DC, os.unlink, a.at("P/zone/doc%d" % i)), "EPERM", "and sealed, with or without a hash yet")
    if not RETRY:
        return
    # what could not be written is tried again once a minute
    left = lambda: [n for n in os.listdir(a.behind("P/zone")) if n.startswith("doc") and as_user(DC, judged, a.at("P/zone", n))[0] != "sealed"]
    T.check(eventually(lambda: not left(), RETRY, 0.2), "the hashes are written when there is space again, without a restart", left())


if __name__ == "__main__":
    T.run(test_copies_into_a_zone, test_copies_into_a_lane, test_policy, test_homes, test_moved_in)
    T.finish()
