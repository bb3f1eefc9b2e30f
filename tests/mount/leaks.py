#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two users: what one was shown is never shown to the other (SPEC section 15, first paragraph; THREATS rows 6, 7, 17)."""
import ctypes
import os
import select
import socket
import struct
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

HOME = "P/archive/Acme/working/alice"
TREE = project({
    ".zddc": ROOT_ZDDC.replace("pt2@example.com", "pt2@example.com, alice@example.com, bob@example.com"),
    HOME + "/.zddc": "created_by: alice@example.com\nacl:\n  inherit: false\n  permissions: {alice@example.com: rwcda}\n",
    HOME + "/secret.txt": "alice's secret\n",
    HOME + "/deep/er/file.txt": "deep secret\n",
    "Q/.zddc": "acl: {inherit: false, permissions: {alice@example.com: rwcda}}\n",
    "Q/plan.txt": "a project of alice\n",
    "drop/.zddc": "acl: {permissions: {alice@example.com: rwcd, nobody@example.com: c}}\n",
    "drop/there.txt": "in the box\n",
})
HIDDEN = [HOME, HOME + "/secret.txt", HOME + "/deep", HOME + "/deep/er", HOME + "/deep/er/file.txt", HOME + "/.zddc", "Q", "Q/plan.txt", "Q/.zddc"]


def archive():
    a = Archive(TREE)
    os.symlink("secret.txt", a.behind(HOME, "link"))
    os.setxattr(a.behind(HOME, "secret.txt"), "user.note", b"hidden")
    return a.mount()


def warm(mnt):
    """Everything a user can do to fill the kernel's caches."""
    for where, dirs, files in os.walk(mnt):
        os.stat(where)
        for name in dirs + files:
            path = os.path.join(where, name)
            os.lstat(path)
            if not os.path.islink(path) and os.path.isfile(path):
                read_file(path)
                os.listxattr(path)
    for path in HIDDEN:
        full = os.path.join(mnt, path)
        os.stat(full)
        os.close(os.open(full, os.O_PATH))
        os.access(full, os.R_OK)
        err(os.stat, full + ".absent")
    return True


def probes(mnt, path):
    """How each way of asking for 'path' ends."""
    full = os.path.join(mnt, path)
    return {
        "stat": err(os.stat, full), "lstat": err(os.lstat, full), "O_PATH": err(os.open, full, os.O_PATH),
        "O_PATH directory": err(os.open, full, os.O_PATH | os.O_DIRECTORY), "open": err(os.open, full, os.O_RDONLY),
        "open for writing": err(os.open, full, os.O_WRONLY), "chdir": err(os.chdir, full), "walk": err(os.stat, full + "/x"),
        "walk and up": err(os.stat, full + "/../note.txt"), "listdir": err(os.listdir, full), "truncate": err(os.truncate, full, 0),
        "chmod": err(os.chmod, full, 0o777), "chown": err(os.chown, full, 1, 1), "utime": err(os.utime, full),
        "unlink": err(os.unlink, full), "rmdir": err(os.rmdir, full), "rename": err(os.rename, full, full + "2"),
        "readlink": err(os.readlink, full), "getxattr": err(os.getxattr, full, "user.note"),
        "getxattr policy": err(os.getxattr, full, "user.zddc.policy"),
        "listxattr": err(os.listxattr, full), "setxattr": err(os.setxattr, full, "user.x", b"1"), "link": err(os.link, full, full + "2"),
        "control": err(read_file, full + "/.zddc.d/effective.yaml"), "statvfs": err(os.statvfs, full),
    }


def test_after_warm():
    a = archive()
    for uid in (BOB, DC, OBS, NOBODY, ANON, 0):
        as_user(ALICE, warm, a.mnt)
        for path in HIDDEN:
            got = as_user(uid, probes, a.mnt, path)
            bad = {k: v for k, v in got.items() if v not in ("ENOENT",)}
            T.check(not bad, "uid %d knows nothing of %s" % (uid, path), bad)
    T.equal(as_user(ALICE, read_file, a.at(HOME, "secret.txt")), b"alice's secret\n", "and alice still sees it")


def make_probes(mnt, path):
    full = os.path.join(mnt, path)
    return {"create": err(os.open, full, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "create or open": err(os.open, full, os.O_CREAT | os.O_WRONLY),
            "mkdir": err(os.mkdir, full), "symlink": err(os.symlink, "x", full), "mknod": err(os.mknod, full)}


def test_creating_a_hidden_name():
    a = archive()
    as_user(ALICE, warm, a.mnt)
    for uid in (BOB, DC):
        got = as_user(uid, make_probes, a.mnt, HOME)
        T.check(all(v == "EACCES" for v in got.values()), "uid %d making a hidden name" % uid, got)
    T.equal(err_as(ALICE, os.mkdir, a.at(HOME)), "EEXIST", "who may see it gets EEXIST")
    T.equal(err_as(BOB, os.rename, a.at("P/archive/Acme/staging/note.txt"), a.at(HOME)), "EACCES", "renaming onto a hidden name")


def test_guessing():
    """What exists and what does not look alike to somebody who may not know."""
    a = archive()
    as_user(ALICE, warm, a.mnt)
    for uid, there, absent in ((BOB, HOME, HOME + "x"), (BOB, HOME + "/secret.txt", HOME + "x/secret.txt"), (BOB, "Q", "R"),
                               (NOBODY, "drop/there.txt", "drop/absent.txt")):
        x, y = as_user(uid, probes, a.mnt, there), as_user(uid, probes, a.mnt, absent)
        different = {k: (x[k], y[k]) for k in x if x[k] != y[k]}
        T.check(not different, "%s looks like %s" % (there, absent), different)
    T.equal(err_as(NOBODY, write_file, a.at("drop/new.txt"), "dropped"), "", "c alone is enough to drop a file")
    T.equal(a.text("drop/new.txt"), b"dropped", "and it is there")
    T.equal(err_as(NOBODY, os.open, a.at("drop/there.txt"), os.O_CREAT | os.O_EXCL | os.O_WRONLY), "EACCES", "a hidden file of that name")
    T.equal(err_as(NOBODY, os.open, a.at("drop/there.txt"), os.O_CREAT | os.O_WRONLY | os.O_TRUNC), "EACCES", "nor O_TRUNC on it")
    T.equal(a.text("drop/there.txt"), b"in the box\n", "unchanged")
    T.check(not {"there.txt", "new.txt", ".zddc"} & set(as_user(NOBODY, os.listdir, a.at("drop"))), "nothing of it is listed")


def test_listings():
    a = archive()
    for _ in range(20):
        T.check("alice" in as_user(ALICE, os.listdir, a.at("P/archive/Acme/working")), "alice sees her home")
        for uid in (BOB, DC, OBS):
            names = as_user(uid, os.listdir, a.at("P/archive/Acme/working"))
            T.check("alice" not in names and "note.txt" in names, "uid %d does not" % uid, names)
    T.check("Q" in as_user(ALICE, os.listdir, a.mnt), "alice sees her project")
    T.check("Q" not in as_user(BOB, os.listdir, a.mnt), "bob does not")
    for uid in (ANON, 0):
        T.among(err_as(uid, os.listdir, a.mnt), ("ENOENT", "EACCES"), "uid %d sees no mount" % uid)
    T.equal(as_user(NOBODY, os.listdir, a.mnt), ["drop"], "only the way to what is granted")
    T.among(as_user(AUD, lambda: sorted(x for x in os.listdir(a.mnt) if not x.startswith("."))), (["P", "drop"],), "the auditor sees projects")


def loop_warm(mnt, seconds):
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        warm(mnt)
        n += 1
    return n


def loop_probe(mnt, seconds):
    end, n, leaks = time.monotonic() + seconds, 0, []
    base = os.path.join(mnt, "P/archive/Acme/working")
    parent = os.open(base, os.O_RDONLY)
    while time.monotonic() < end:
        for path in HIDDEN:
            got = probes(mnt, path)
            n += len(got)
            leaks += ["%s %s" % (k, path) for k, v in got.items() if v != "ENOENT"]
        for got in (err(os.stat, "alice", dir_fd=parent), err(os.open, "alice", os.O_PATH, dir_fd=parent)):
            leaks += ["relative"] if got != "ENOENT" else []
        leaks += ["listing"] if "alice" in os.listdir(base) or "alice" in os.listdir(parent) else []
    return n, leaks


def test_together():
    """Both at once, for seconds."""
    a = archive()
    seconds = 6 if not SANITIZED else 3
    children = [Child(ALICE, loop_warm, a.mnt, seconds), Child(BOB, loop_probe, a.mnt, seconds), Child(NOBODY, loop_hidden, a.mnt, seconds)]
    warmed = children[0].wait()
    n, leaks = children[1].wait()
    T.check(warmed > 0 and n > 500, "both worked", (warmed, n))
    T.check(not leaks, "no leak in %d probes while alice warmed everything %d times" % (n, warmed), leaks[:5])
    n, leaks = children[2].wait()
    T.check(not leaks and n > 100, "nor to somebody with nothing (%d probes)" % n, leaks[:5])


def loop_hidden(mnt, seconds):
    end, n, leaks = time.monotonic() + seconds, 0, []
    while time.monotonic() < end:
        for path in ("P", "Q", "P/archive/Acme/working/note.txt", "free", ".zddc", HOME):
            n += 1
            got = err(os.stat, os.path.join(mnt, path))
            leaks += [path] if got not in ("ENOENT", "EACCES") else []
    return n, leaks


def test_negative():
    """What one is told to be absent is not absent for the other."""
    a = archive()
    for i in range(50):
        T.equal(err_as(BOB, os.stat, a.at(HOME)), "ENOENT", "bob asks first")
        T.equal(err_as(ALICE, os.stat, a.at(HOME)), "", "alice is told the truth")
        name = a.at(HOME, "new%d" % i)
        if i % 10 == 0:
            err_as(BOB, os.stat, name)
            err_as(ALICE, os.stat, name)
            as_user(ALICE, write_file, name, "x")
            T.equal(err_as(ALICE, os.stat, name), "", "a name that was absent is there once it is made")
            shared = a.at("P/archive/Acme/staging/neg%d" % i)
            T.equal(err_as(BOB, os.stat, shared), "ENOENT", "absent")
            as_user(ALICE, write_file, shared, "x")
            T.equal(err_as(BOB, os.stat, shared), "", "a name another made is there at once")


def send_fd(sock, path, flags):
    fd = os.open(path, flags)
    socket.send_fds(sock, [b"x"], [fd])
    return True


def use_fd(sock, flags_list):
    _, fds, _, _ = socket.recv_fds(sock, 1, 1)
    path = "/proc/self/fd/%d" % fds[0]
    return [err(os.open, path, flags) for flags in flags_list] + [os.read(fds[0], 5)]


def test_reopen_by_proc():
    """THREATS row 7: a descriptor that was handed over is reopened under the opener's own identity."""
    a = archive()
    for path, uid, want in ((HOME + "/secret.txt", BOB, ("EACCES", "ENOENT")), (HOME + "/secret.txt", 0, ("EACCES", "ENOENT"))):
        x, y = socket.socketpair()
        giver, taker = Child(ALICE, send_fd, x, a.at(path), os.O_RDONLY), Child(uid, use_fd, y, [os.O_RDWR, os.O_WRONLY, os.O_RDONLY, os.O_WRONLY | os.O_TRUNC])
        giver.wait()
        got = taker.wait()
        T.check(all(g in want for g in got[:4]), "uid %d reopens a descriptor of alice" % uid, got)
        T.equal(got[4], b"alice", "reading on the descriptor itself goes on, as on any Unix")
        x.close()
        y.close()
    x, y = socket.socketpair()
    giver, taker = Child(ALICE, send_fd, x, a.at("P/archive/Acme/staging/note.txt"), os.O_RDONLY), Child(OBS, use_fd, y, [os.O_RDWR, os.O_RDONLY])
    giver.wait()
    T.equal(taker.wait()[:2], ["EACCES", ""], "an observer reopens for reading only")
    T.equal(a.text(HOME, "secret.txt"), b"alice's secret\n", "nothing was truncated")


def file_handle(path):
    """name_to_handle_at: (type, bytes), or the errno's name."""
    buf = ctypes.create_string_buffer(struct.pack("Ii", 128, 0) + b"\0" * 128)
    mount_id = ctypes.c_int()
    if libc.name_to_handle_at(AT_FDCWD, path.encode(), buf, ctypes.byref(mount_id), 0) != 0:
        return errno.errorcode[ctypes.get_errno()]
    return buf.raw


def open_by_handle(mnt, handle):
    fd = os.open(mnt, os.O_PATH | os.O_DIRECTORY)
    real = os.open("/", os.O_RDONLY)
    for at in (fd, real):
        buf = ctypes.create_string_buffer(handle)
        got = libc.open_by_handle_at(at, buf, os.O_RDONLY)
        if got >= 0:
            return os.read(got, 10)
    return errno.errorcode[ctypes.get_errno()]


def test_file_handles():
    """open_by_handle_at gives an OPEN without a path walk: root outside is nobody inside."""
    a = archive()
    handle = as_user(ALICE, file_handle, a.at(HOME, "secret.txt"))
    got = handle if isinstance(handle, str) else as_user(0, open_by_handle, a.mnt, handle)
    T.check(isinstance(got, str), "a file handle opened by root gives nothing", got)


def watch(path, seconds):
    fd = libc.inotify_init1(os.O_CLOEXEC)
    if libc.inotify_add_watch(fd, path.encode(), 0xfff) < 0:
        return errno.errorcode[ctypes.get_errno()]
    r = select.select([fd], [], [], seconds)[0]
    return os.read(fd, 4096) if r else b""


def test_inotify():
    """A watch needs the directory: none on what is hidden."""
    a = archive()
    as_user(ALICE, warm, a.mnt)
    T.equal(as_user(BOB, watch, a.at(HOME), 0.1), "ENOENT", "no watch on a hidden directory")
    T.equal(as_user(BOB, watch, a.at(HOME, "secret.txt"), 0.1), "ENOENT", "nor on a file in it")


if __name__ == "__main__":
    T.run(test_after_warm, test_creating_a_hidden_name, test_guessing, test_listings, test_together, test_negative, test_reopen_by_proc,
          test_file_handles, test_inotify)
    T.finish()
