#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that move nearer to the root or farther from it: the limit of levels (THREATS row 24) and what links below may point at (SPEC
section 4) hold there too, also while somebody works in the folder."""
import json
import mmap
import os
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

LEVELS = 256
SECONDS = float(os.environ.get("RACE_SECONDS", "0")) or 2.5  # of each race


def archive():
    return Archive({".zddc": OPEN_ZDDC, "P/a/": None, "Q/a/": None}).mount()


def down(levels, name="d"):
    return "/".join([name] * levels)


def make_chain(base, levels, name="d"):
    """Folders below base, one in the other: '' or the errno that ended it."""
    for n in range(1, levels + 1):
        e = err(os.mkdir, os.path.join(base, down(n, name)))
        if e:
            return e
    return ""


def deepest(top):
    most = 0
    for where, dirs, _ in os.walk(top):
        if ".zddc.d" in dirs:
            dirs.remove(".zddc.d")
        most = max(most, os.path.relpath(where, top).count("/") + 1)
    return most


def last(a, uid):
    return json.loads(as_user(uid, read_file, a.at("P/.zddc.d/last-error.json")))


def refused(a, want, words, src, dst, flags=0):
    """BOB's rename is refused, says why, and nothing has moved."""
    got = err_as(BOB, renameat2, a.at(src), a.at(dst), flags)
    T.equal(got, want, "%s -> %s" % (src[-40:], dst[-40:]))
    said = last(a, BOB)
    T.check(said["error"] == want and all(w in said["sentence"] for w in words), "last-error says why", said)
    T.check(os.path.isdir(a.behind(src)), "and nothing has moved", src)


def works(a, src, dst, flags=0):
    T.equal(err_as(BOB, renameat2, a.at(src), a.at(dst), flags), "", "%s -> %s" % (src[-40:], dst[-40:]))


# -------------------------------------------------------------------------------------------------------------------------- levels

def test_levels():
    a = archive()
    T.equal(as_user(BOB, make_chain, a.at("P/a"), LEVELS - 2), "", "%d levels" % LEVELS)
    T.equal(err_as(BOB, os.mkdir, a.at("P/a", down(LEVELS - 2), "x")), "ENAMETOOLONG", "one more by mkdir")
    T.check("%d levels" % LEVELS in last(a, BOB)["sentence"], "last-error says so", last(a, BOB))
    T.equal(as_user(BOB, make_chain, a.at("Q/a"), 200, "x"), "", "a folder with 199 levels below it")
    fits = LEVELS - 200 - 2  # of d below P/a, so that its last folder lies at the limit
    refused(a, "ENAMETOOLONG", ["257 levels"], "Q/a/x", "P/a/%s/x" % down(fits + 1))
    works(a, "Q/a/x", "P/a/%s/x" % down(fits))
    T.equal(deepest(a.back), LEVELS, "at the limit")
    works(a, "P/a/%s/x" % down(fits), "Q/a/x")
    os.mkdir(a.behind("Q/a/other"))
    deep = "P/a/%s/x" % down(fits + 1)
    as_user(BOB, os.mkdir, a.at(deep))
    refused(a, "ENAMETOOLONG", ["257 levels"], "Q/a/x", deep, RENAME_EXCHANGE)
    refused(a, "ENAMETOOLONG", ["257 levels"], deep, "Q/a/x", RENAME_EXCHANGE)
    refused(a, "ENAMETOOLONG", ["257 levels"], "Q/a/x", deep)
    works(a, "Q/a/x", "Q/x")
    works(a, "Q/a/other", deep, RENAME_EXCHANGE)


def climb(mnt):
    """Makes folders in folders with mv, as long as that goes."""
    base, other = os.path.join(mnt, "P/a"), os.path.join(mnt, "Q/a")
    done = refusals = 0
    for turn in range(12):
        make_chain(base, 40, "s")
        e = err(os.rename, os.path.join(other, "s"), os.path.join(base, down(40, "s"), "s")) if turn else ""
        e = e or err(os.rename, os.path.join(base, "s"), os.path.join(other, "s"))
        done, refusals = done + (not e), refusals + (e == "ENAMETOOLONG")
    return done, refusals


def test_attack():
    a = archive()
    done, refusals = as_user(BOB, climb, a.mnt)
    T.check(done >= 5 and refusals >= 5, "moves worked up to the limit", (done, refusals))
    T.check(deepest(a.back) <= LEVELS, "%d levels made by mv" % deepest(a.back))


def test_policy_at_the_limit():
    """A .zddc in the last level there can be is known after a restart as well."""
    a = archive()
    T.equal(as_user(BOB, make_chain, a.at("P/a"), LEVELS - 2), "", "%d levels" % LEVELS)
    a.put(os.path.join("P/a", down(LEVELS - 2), ".zddc"), "title: last\n")
    a.umount()
    a.mount()
    T.equal(err_as(BOB, os.rename, a.at("P/a/d"), a.at("Q/a/d")), "EACCES", "who holds no a does not carry it elsewhere")
    T.check(".zddc" in last(a, BOB)["sentence"], "last-error says why", last(a, BOB))


def test_made_behind():
    """What somebody made deeper behind the mount is not served: the index of policy does not reach there."""
    a = archive()
    fd = os.open(a.behind("P/a"), os.O_RDONLY)
    for _ in range(LEVELS + 50):
        os.mkdir("d", dir_fd=fd)
        fd, old = os.open("d", os.O_RDONLY, dir_fd=fd), fd
        os.close(old)
    os.close(fd)
    T.equal(err_as(BOB, os.listdir, a.at("P/a", down(LEVELS - 2))), "", "at the limit")
    T.equal(err_as(BOB, os.listdir, a.at("P/a", down(LEVELS - 1))), "ENAMETOOLONG", "below it")
    T.check("%d levels" % LEVELS in last(a, BOB)["sentence"], "last-error says so", last(a, BOB))
    T.among(err_as(BOB, os.rename, a.at("P/a/d"), a.at("P/d")), ("ENAMETOOLONG", "EBUSY"), "nor is it moved to where less of it is too deep")


# --------------------------------------------------------------------------------------------------------------------------- links

def test_links_below():
    a = archive()
    as_user(BOB, os.makedirs, a.at("P/a/b/c/d"))
    as_user(BOB, os.symlink, "../../../x", a.at("P/a/b/c/l"))  # to P/x
    for dst in ("P/b", "Q/b", "P/c"):
        refused(a, "EPERM", ["P/a/b/c/l", "inside its project"], "P/a/b", dst)
    refused(a, "EPERM", ["P/a/b/c/l"], "P/a/b/c", "P/c")
    refused(a, "EPERM", ["P/a/b/c/l"], "P/a/b", "b")
    as_user(BOB, os.mkdir, a.at("Q/b"))
    refused(a, "EPERM", ["P/a/b/c/l"], "P/a/b", "Q/b", RENAME_EXCHANGE)
    refused(a, "EPERM", ["P/a/b/c/l"], "Q/b", "P/a/b", RENAME_EXCHANGE)
    works(a, "P/a/b", "Q/a/b")  # as deep as before: it leads to Q/x
    works(a, "Q/a/b", "P/a/b")
    as_user(BOB, os.makedirs, a.at("P/a/e/f"))
    works(a, "P/a/b", "P/a/e/f/b")
    works(a, "P/a/e/f/b", "P/a/b")
    as_user(BOB, os.unlink, a.at("P/a/b/c/l"))
    as_user(BOB, os.symlink, "../c/./d", a.at("P/a/b/c/l"))
    works(a, "P/a/b", "P/b")  # it stays within the folder
    works(a, "P/b", "b")
    T.equal(err_as(BOB, os.stat, a.at("b/c/l")), "", "the link leads where it did")
    T.equal(err_as(BOB, os.symlink, "../x", a.at("b/top")), "EPERM", "a link out of the project")


# --------------------------------------------------------------------------------------------------------------------------- races

def back_and_forth(base, up, low, shared):
    """Moves up/x to low/x and back. How often it worked, and how often it was refused."""
    done = no = 0
    while not (shared[1] and shared[2]):
        time.sleep(0.01)
    while not shared[0]:
        for src, dst in ((up, low), (low, up)):
            e = err(os.rename, os.path.join(base, src, "x"), os.path.join(base, dst, "x"))
            done, no = done + (not e), no + (e in ("ENAMETOOLONG", "EPERM", "EBUSY"))
    return done, no


def work_inside(path, k, make, undo, shared):
    fd, n = os.open(path, os.O_PATH), 0
    shared[k] = 1
    while not shared[0]:
        if not err(make, fd):
            n += 1
            err(undo, fd)
    return n


def race(a, inside, make, undo, up, low, look):
    """Somebody moves a folder, somebody else makes in it what must not be there at one of its places. 'look' tells how often it is."""
    shared = mmap.mmap(-1, 4096)
    children = [Child(BOB, back_and_forth, a.mnt, up, low, shared), Child(ALICE, work_inside, a.at(inside), 1, make, undo, shared),
                Child(PT, work_inside, a.at(inside), 2, make, undo, shared)]
    wrong, end = [], time.monotonic() + SECONDS * min(SLOW, 2)
    while time.monotonic() < end:
        wrong += look()
        time.sleep(0.0003)
    shared[0] = 1
    (moved, no), *made = [c.wait() for c in children]
    print("     %d moves, %d refused, %d made below" % (moved, no, sum(made)))
    T.check(min(moved, no) > (5 if not SANITIZED else 1) and min(made) > 20, "all of them worked, and some were in the way", (moved, no, made))
    return wrong


def in_both(a, path, found):
    """Found at a place where it must not be: twice, since behind the mount one may look at a folder on the move."""
    return [path] if found(a.behind(path)) and found(a.behind(path)) else []


def test_race_of_levels():
    """A folder whose last level is at the limit at the lower place, while somebody makes another level at its end."""
    a = archive()
    T.equal(as_user(BOB, make_chain, a.at("P/a"), 100), "", "the lower place")
    low = "P/a/" + down(100)
    os.makedirs(a.behind("P/a/x", down(LEVELS - 103)))
    wrong = race(a, "P/a/x/" + down(LEVELS - 103), lambda fd: os.mkdir("over", dir_fd=fd), lambda fd: os.rmdir("over", dir_fd=fd), "P/a", low,
                 lambda: in_both(a, low + "/x/" + down(LEVELS - 103) + "/over", os.path.isdir))
    T.equal(wrong, [], "folders below the limit of levels")


def test_race_of_links():
    """A folder that goes up one level, while somebody makes a link in it that is only possible at the lower place."""
    a = archive()
    os.makedirs(a.behind("P/a/x/y/z"))
    wrong = race(a, "P/a/x/y/z", lambda fd: os.symlink("../../../../out", "l", dir_fd=fd), lambda fd: os.unlink("l", dir_fd=fd), "P/a", "P",
                 lambda: in_both(a, "P/x/y/z/l", os.path.islink))
    T.equal(wrong, [], "links out of their project")


if __name__ == "__main__":
    T.run(test_levels, test_attack, test_policy_at_the_limit, test_made_behind, test_links_below, test_race_of_levels, test_race_of_links)
    T.finish()
