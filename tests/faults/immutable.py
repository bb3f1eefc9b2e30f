#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""-o immutable: root itself cannot change or remove the backing file of a sealed document, behind the mount or after it."""
import fcntl
import struct
import subprocess

from lab import *  # noqa: F403
from lab import DC, LAB, SmallArchive, T, as_user, err, err_as, eventually, judged
import os

GETFLAGS, SETFLAGS = 0x80086601, 0x40086602
IMMUTABLE = 0x10
TEXT = b"a document\n" * 3000


def immutable(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        return bool(struct.unpack("l", fcntl.ioctl(fd, GETFLAGS, struct.pack("l", 0)))[0] & IMMUTABLE)
    finally:
        os.close(fd)


def put(path, data=TEXT):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, data)
    os.close(fd)


def move_in(free, zone):
    put(free)
    os.rename(free, zone)


def rename_over(path):
    with open(path + ".side", "w") as f:
        f.write("other")
    try:
        os.rename(path + ".side", path)
    finally:
        if os.path.exists(path + ".side"):
            os.unlink(path + ".side")


# what root tries with the backing file
BEHIND = {
    "open for writing": lambda p: os.close(os.open(p, os.O_WRONLY)),
    "append": lambda p: os.close(os.open(p, os.O_WRONLY | os.O_APPEND)),
    "truncate": lambda p: os.truncate(p, 0),
    "unlink": os.unlink,
    "rename": lambda p: os.rename(p, p + ".x"),
    "rename over": rename_over,
    "link": lambda p: os.link(p, p + ".x"),
    "chmod": lambda p: os.chmod(p, 0o777),
    "chown": lambda p: os.chown(p, 0, 0),
    "utime": lambda p: os.utime(p, (5, 5)),
    "setxattr of the record": lambda p: os.setxattr(p, "user.zddc.seal", b"state=open\n"),
    "removexattr of the record": lambda p: os.removexattr(p, "user.zddc.seal"),
}


def locked(a, name):
    path = a.behind("P/zone", name)
    if not T.check(eventually(lambda: immutable(path), 5), "the sealed file gets the flag: %s" % name):
        return
    before = (os.stat(path).st_mtime_ns, os.stat(path).st_mode, os.getxattr(path, "user.zddc.seal"))
    for what, fn in BEHIND.items():
        T.equal(err(fn, path), "EPERM", "behind the mount, root, %s: %s" % (what, name))
    T.equal(a.text("P/zone", name), TEXT, "its bytes: %s" % name)
    T.equal((os.stat(path).st_mtime_ns, os.stat(path).st_mode, os.getxattr(path, "user.zddc.seal")), before, "its times, mode and record: %s" % name)


def test_immutable():
    a = SmallArchive(LAB)
    a.mount("immutable")
    T.equal(err_as(DC, put, a.at("P/zone/made")), "", "made")
    T.equal(err_as(DC, move_in, a.at("P/free/moved"), a.at("P/zone/moved")), "", "moved in")
    T.equal(err_as(DC, put, a.at("P/free/ordinary")), "", "an ordinary file")
    for name in ("made", "moved"):
        locked(a, name)
        T.equal(as_user(DC, judged, a.at("P/zone", name))[0], "sealed", "the mount shows it")
        T.equal(err_as(DC, os.unlink, a.at("P/zone", name)), "EPERM", "and refuses")
    T.check(not immutable(a.behind("P/free/ordinary")), "a file outside the zone has no flag")
    for path in ("P/zone/.zddc", "P/zone"):
        T.check(not immutable(a.behind(path)), "nor has %s" % path)
    in_grace(a)
    T.equal(a.umount(), 0, "clean stop")
    for name in ("made", "moved"):
        locked(a, name)
    again(a)


def in_grace(a):
    """The metadata grace of 60 s goes through the mount; the flag is back afterwards."""
    path = a.at("P/zone/made")
    T.equal(err_as(DC, os.utime, path, (1000000000, 1000000000)), "", "its maker sets times within 60 s")
    T.equal(os.stat(a.behind("P/zone/made")).st_mtime, 1000000000.0, "and they are set")
    T.check(eventually(lambda: immutable(a.behind("P/zone/made")), 3), "the flag is back")
    locked(a, "made")


def again(a):
    """Another life of the disk and of the daemon."""
    a.detach()
    a.attach()
    a.mount("immutable")
    for name in ("made", "moved"):
        locked(a, name)
        T.equal(as_user(DC, judged, a.at("P/zone", name))[0], "sealed", "after a remount it is sealed")
    a.kill()
    a.mount("immutable")
    locked(a, "made")
    T.equal(err_as(DC, put, a.at("P/zone/after")), "", "work goes on")
    locked(a, "after")
    T.equal(a.umount(), 0, "clean stop")
    for name in os.listdir(a.behind("P/zone")):
        subprocess.run(["chattr", "-i", a.behind("P/zone", name)], stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    T.run(test_immutable)
    T.finish()
