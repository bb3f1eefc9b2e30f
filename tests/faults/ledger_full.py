#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk without room for the ledger: nothing is changed that cannot be recorded, reading and refusing go on, deleting makes room, and it
recovers by itself. A disk that fails."""
import json
import subprocess

from lab import *  # noqa: F403
from lab import ADMIN, ALICE, BOB, DC, LAB, Loop, SmallArchive, T, as_user, err_as, eventually
from disk import Disk
from full import ballast
from harness import ZDDC, read_file, write_file
import os


def lines(a, event):
    where, out = a.behind(".zddc.d/ledger"), []
    for name in sorted(os.listdir(where)):
        if name.endswith(".jsonl"):
            with open(os.path.join(where, name), "rb") as f:
                out += [json.loads(x) for x in f.read().decode().split("\n") if x]
    return [x for x in out if x["event"] == event]


def state(a):
    return json.loads(as_user(ADMIN, read_file, a.at(".zddc.d/status.json")))["ledger"]["state"]


def verify(a):
    p = subprocess.run([ZDDC, "audit", "verify", a.back], stdout=subprocess.PIPE)
    T.equal(p.returncode, 0, "the chain is sound: " + p.stdout.decode())


def use_up(base, tag):
    """Changes until one is refused: its errno, and how many there were."""
    for i in range(200000):
        try:
            os.setxattr(base, "user.n", b"%d" % i)
        except OSError as e:
            return e.errno, i
    return 0, i


def test_no_room():
    a = SmallArchive(LAB).mount()
    as_user(ALICE, write_file, a.at("P/free/kept"), "x")
    as_user(ALICE, write_file, a.at("P/free/goes"), "x")
    ballast(a)
    number, n = as_user(ALICE, use_up, a.at("P/free/kept"), "a")
    T.equal(number, 28, "when its room is used up, changes are ENOSPC (after %d)" % n)
    T.equal(state(a), "full", "the status says so")
    T.check("ledger" in as_user(ALICE, read_file, a.at("P/free/.zddc.d/last-error")).decode(), "so does last-error")
    before = sorted(os.listdir(a.behind("P/free")))
    for name, fn in (("mkdir", lambda: os.mkdir(a.at("P/free/d"))), ("create", lambda: write_file(a.at("P/free/new"), "x")),
                     ("rename", lambda: os.rename(a.at("P/free/kept"), a.at("P/free/moved"))), ("truncate", lambda: os.truncate(a.at("P/free/kept"), 0)),
                     ("open to write", lambda: os.close(os.open(a.at("P/free/kept"), os.O_WRONLY)))):
        T.equal(err_as(ALICE, fn), "ENOSPC", name)
    T.equal(err_as(ADMIN, write_file, a.at("P/pol/.zddc"), LAB["P/pol/.zddc"] + "#\n"), "ENOSPC", "a policy")
    T.equal(sorted(os.listdir(a.behind("P/free"))), before, "and nothing of it was done")
    T.equal(a.text("P/pol/.zddc").decode(), LAB["P/pol/.zddc"], "nor the policy changed")
    T.equal((as_user(ALICE, read_file, a.at("P/free/kept")), err_as(ALICE, os.listdir, a.at("P"))), (b"x", ""), "reading goes on")
    refused = len(lines(a, "refused"))
    T.equal(err_as(BOB, os.link, a.at("P/free/kept"), a.at("P/free/linked")), "EPERM", "a refusal")
    T.check(len(lines(a, "refused")) > refused, "is recorded all the same")
    T.equal(err_as(ALICE, os.unlink, a.at("P/free/goes")), "", "deleting goes on, for it makes room")
    T.equal(len([x for x in lines(a, "file_unlink") if x["path"] == "P/free/goes"]), 1, "and is recorded")
    os.unlink(a.behind("ballast"))
    T.check(eventually(lambda: err_as(ALICE, os.mkdir, a.at("P/free/d2")) == "", 5), "with room it goes on by itself")
    T.equal(state(a), "good", "and says so")
    T.equal(a.umount(), 0, "unmounts")
    verify(a)


def test_mounted_full():
    a = SmallArchive(LAB)
    a.mount()
    T.equal(a.umount(), 0, "a store is there")
    ballast(a)
    a.mount()
    T.equal(err_as(ALICE, os.mkdir, a.at("P/free/d")), "ENOSPC", "an archive without room for a ledger is mounted: nothing is changed")
    T.equal(err_as(ALICE, os.listdir, a.at("P/free")), "", "it is read")
    os.unlink(a.behind("ballast"))
    T.check(eventually(lambda: err_as(ALICE, os.mkdir, a.at("P/free/d")) == "", 5), "until there is room")
    T.equal(a.umount(), 0, "unmounts")
    T.equal(len(lines(a, "mount")), 2, "the mount is in the ledger")
    with open(a.behind(".zddc.d/ledger", sorted(n for n in os.listdir(a.behind(".zddc.d/ledger")) if n.endswith(".jsonl"))[-1]), "ab") as f:
        f.write(b'{"seq":')
    ballast(a)
    a.mount()
    T.equal(err_as(ALICE, os.mkdir, a.at("P/free/e")), "ENOSPC", "no room to move a torn end aside: nothing is changed")
    os.unlink(a.behind("ballast"))
    T.check(eventually(lambda: err_as(ALICE, os.mkdir, a.at("P/free/e")) == "", 5), "until there is room")
    T.equal([x["attrs"]["bytes"] for x in lines(a, "recovery") if "bytes" in x["attrs"]], [7], "then it is moved, and recorded")
    T.equal(a.umount(), 0, "unmounts")
    verify(a)


def test_disk_fails():
    disk = Disk(16)
    try:
        a = SmallArchive(LAB, device=disk.loop).mount()
        as_user(ALICE, write_file, a.at("P/free/kept"), "x")
        disk.fail(True, True)
        T.among(err_as(ADMIN, write_file, a.at("P/pol/.zddc"), LAB["P/pol/.zddc"] + "#\n"), ("EIO", "EROFS"), "a policy on a disk that fails")
        T.among(err_as(ALICE, os.mkdir, a.at("P/free/d")), ("EIO", "EROFS"), "nothing is changed any more")
        disk.fail(False, False)
        T.among(err_as(ALICE, os.mkdir, a.at("P/free/d")), ("EIO", "EROFS"), "not even when it seems to work again")
        T.equal(err_as(ALICE, os.listdir, a.at("P/free")), "", "reading goes on")
        a.umount()
        a.close()
    finally:
        disk.close()


if __name__ == "__main__":
    T.run(test_no_room, test_mounted_full, test_disk_fails)
    T.finish()
