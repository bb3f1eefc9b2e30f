#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A disk that answers EIO (disk.py): the first one is final. The writer is told, the old policy stays in force, nothing is tried again
and nothing is changed any more until the archive is mounted anew."""
from lab import *  # noqa: F403
from lab import ADMIN, ALICE, BOB, DC, LAB, T, as_user, err, err_as, eventually, mounted
from power import CutArchive, After, put, read
import os

OLD = b"acl: {permissions: {alice@example.com: rwcd}}\n# old\n"
NEW = b"acl: {permissions: {bob@example.com: rwcd}}\n# new\n" + b"# padding\n" * 2000
GONE = ("EIO", "EROFS")


def judge(fail_writes, fail_flushes, how):
    a = CutArchive().mount()
    path = a.at("P/pol/.zddc")
    T.equal(err_as(ADMIN, put, path, OLD), "", "%s: a policy while the disk is well" % how)
    T.equal(err_as(ALICE, put, a.at("P/pol/before"), b"x"), "", "%s: which is in force" % how)
    a.disk.fail(fail_writes, fail_flushes)
    T.among(err_as(ADMIN, put, path, NEW), GONE, "%s: the writer is told" % how)
    failed = a.disk.fail(False, False)
    T.check(failed > 0, "%s: the disk did fail" % how, failed)
    after_it(a, how)
    restarted(a, how)


def after_it(a, how):
    """The disk is well again, which is when a second fsync would succeed for nothing."""
    path = a.at("P/pol/.zddc")
    T.equal(as_user(ADMIN, read, path), OLD, "%s: the old text is shown" % how)
    T.equal(read(a.behind("P/pol/.zddc")), OLD, "%s: and lies there" % how)
    T.equal(err_as(BOB, os.listdir, a.at("P/pol")) in ("EACCES", "ENOENT"), True, "%s: the old policy is in force" % how)
    T.equal(err_as(ALICE, os.listdir, a.at("P/pol")), "", "%s: for reading too" % how)
    for i in range(5):
        T.among(err_as(ADMIN, put, path, NEW), GONE, "%s: no second try" % how)
    T.among(err_as(ALICE, put, a.at("P/pol/after"), b"x"), GONE, "%s: nobody changes anything" % how)
    T.among(err_as(DC, put, a.at("P/zone/after"), b"x"), GONE, "%s: nor in the zone" % how)
    T.among(err_as(ALICE, os.unlink, a.at("P/pol/before")), GONE, "%s: nor removes" % how)
    T.equal(as_user(ALICE, read, a.at("P/pol/before")), b"x", "%s: reading goes on" % how)
    told = as_user(ALICE, read, a.at("P/pol/.zddc.d/last-error")) or b""
    T.check(b"disk" in told.lower() or b"EIO" in told, "%s: last-error names the disk" % how, told)
    T.check("EIO" in a.log_text(), "%s: so does the log" % how, a.log_text()[-500:])


def restarted(a, how):
    """The administrator has looked at the disk."""
    T.equal(a.umount(), 0, "%s: clean stop" % how)
    a.detach()
    a.attach()
    a.mount()
    T.equal(as_user(ADMIN, read, a.at("P/pol/.zddc")), OLD, "%s: after a restart the old text" % how)
    T.equal(err_as(ADMIN, put, a.at("P/pol/.zddc"), NEW), "", "%s: then a commit works" % how)
    T.equal(err_as(BOB, put, a.at("P/pol/bob"), b"x"), "", "%s: and is in force" % how)


def test_writes_fail():
    judge(True, False, "writes fail")


def test_flushes_fail():
    judge(False, True, "flushes fail")


def test_everything_fails():
    judge(True, True, "the disk is dead")


def test_homes():
    """Auto-own: an EIO leaves no home without its .zddc."""
    a = CutArchive().mount()
    a.disk.fail(True, True)
    made = err_as(DC, os.mkdir, a.at("P/homes/one"))
    a.disk.fail(False, False)
    T.among(made, ("EIO", "EROFS"), "mkdir is told")
    a.umount()
    a.detach()
    a.attach()
    bare = [d for d in os.listdir(a.behind("P/homes")) if d[0] != "." and not os.path.exists(a.behind("P/homes", d, ".zddc"))]
    T.check(not bare, "no home without its .zddc", bare)


if __name__ == "__main__":
    T.run(test_writes_fail, test_flushes_fail, test_everything_fails, test_homes)
    T.finish()
