#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passthrough (SPEC section 15, Data): which handles the kernel serves from the backing file itself, counted by the daemon's own figures; the
table of what may be open side by side; what is never passed through; what a change of policy does; set-id bits; fallbacks."""
import itertools
import json
import mmap
import os
import stat

from harness import *  # noqa: F403
from harness import ADMIN, ALICE, BOB, DC, Archive, T, Worker, as_user, err, read_file, write_file

ALL = "acl: {permissions: {alice@example.com: rwcd, bob@example.com: rwcd}}\n"
TREE = {
    ".zddc": "admins: [admin@example.com]\n" + "acl: {permissions: {\"*@example.com\": r}}\n",
    "free/.zddc": ALL, "free/f": "plain text\n",
    "kept/.zddc": "history: true\n" + ALL, "kept/f": "version one\n",
    "zone/.zddc": "worm: [\"*@example.com\"]\nnaming: off\nacl: {permissions: {alice@example.com: rc}}\n", "zone/old": "sealed long ago\n",
    "lane/.zddc": "acl: {permissions: {alice@example.com: rc, bob@example.com: rwcd}}\n",
    "frozen/.zddc": "freeze_until: 2100-01-01T00:00:00Z\n" + ALL, "frozen/f": "frozen\n",
    "when/.zddc": "acl: {permissions: {alice@example.com: rwcd}}\nwhen: {w: owner != bob@example.com}\n", "when/f": "conditional\n",
}
SIZE = 8192


def status(a):
    return json.loads(as_user(ADMIN, read_file, a.at(".zddc.d/status.json")))


def figures(a):
    s = status(a)
    return s["passthrough_opens"], s["passthrough_writable"]


def counts(a):
    """Requests that moved bytes through the daemon: of READ and WRITE."""
    ops = status(a)["operations"]
    return tuple(ops.get(k, {}).get("count", 0) for k in ("read", "write"))


def opened(path, flags):
    return os.open(path, flags)


def seen(a, fn):
    """What fn did: handles passed through, of them for writing, READs, WRITEs. Reading the figures costs READs of its own: as measured."""
    def once(f):
        before = figures(a) + counts(a)
        f()
        after = figures(a) + counts(a)
        return [y - x for x, y in zip(before, after)]
    idle = once(lambda: None)
    return tuple(x - y for x, y in zip(once(fn), idle))


def rw(path, data=b"0123456789abcdef" * 4):
    """Reads, writes, appends and maps one file: what is in it at the end."""
    with open(path, "r+b") as f:
        f.read(4)
        for i in range(8):
            os.pwrite(f.fileno(), data, 64 * i)
        os.ftruncate(f.fileno(), SIZE)
        m = mmap.mmap(f.fileno(), SIZE)
        m[4096:4100] = b"MAPP"
        m.flush()
        m.close()
    return os.stat(path).st_size


def test_passed():
    a = Archive(TREE).mount()
    T.equal(status(a)["passthrough"]["state"], "live", "passthrough is live")
    T.equal(seen(a, lambda: as_user(BOB, read_file, a.at("free/f"))), (1, 0, 0, 0), "reading: passed through, no READ arrives")
    T.equal(seen(a, lambda: as_user(ALICE, rw, a.at("free/f"))), (1, 1, 0, 0), "writing and mapping: no READ and no WRITE arrives")
    T.equal(a.text("free/f"), (b"0123456789abcdef" * 32).ljust(4096, b"\0") + b"MAPP".ljust(4096, b"\0"), "what was written is in the archive")
    T.equal(as_user(BOB, read_file, a.at("free/f")), a.text("free/f"), "and others read it")
    T.equal(seen(a, lambda: as_user(ALICE, write_file, a.at("free/new"), b"made")), (1, 1, 0, 0), "a new file is passed through as well")
    T.equal(a.text("free/new"), b"made", "its bytes")
    T.equal(seen(a, lambda: as_user(ALICE, read_file, a.at("zone/old"))), (1, 0, 0, 0), "a sealed file is passed through for reading")
    T.equal(seen(a, lambda: as_user(ALICE, read_file, a.at("kept/f"))), (1, 0, 0, 0), "where history is kept, reading is passed through")
    T.equal(status(a)["passthrough_inodes"], 0, "every backing file was given back")


def test_watched():
    a = Archive(TREE).mount()
    for name, user, what in (("zone/new", ALICE, "a zone"), ("lane/new", ALICE, "a lane"), ("kept/f", ALICE, "history: true"), ("when/f", ALICE, "a condition"), (".zddc", ADMIN, "policy")):
        text = TREE[".zddc"].encode() if name == ".zddc" else b"bytes"
        got = seen(a, lambda: as_user(user, write_file, a.at(name), text))
        T.equal(got[:2], (0, 0), "%s: nothing is passed through for writing" % what)
        T.check(got[3] >= 1, "%s: the daemon sees the write" % what, got)
    T.equal(seen(a, lambda: as_user(ALICE, read_file, a.at("frozen/f")))[:2], (0, 0), "frozen: read through the daemon")
    a.umount()
    a.mount("revoke=strict")
    T.equal(seen(a, lambda: as_user(ALICE, write_file, a.at("free/f"), b"late"))[:2], (0, 0), "revoke=strict: no writer is passed through")
    T.equal(seen(a, lambda: as_user(ALICE, read_file, a.at("zone/old")))[:2], (1, 0), "and a sealed file is read as before")
    a.umount()
    a.mount("passthrough=off")
    T.equal(status(a)["passthrough"], {"state": "off", "why": "passthrough=off"}, "passthrough=off says so")
    T.equal(seen(a, lambda: as_user(BOB, read_file, a.at("free/f")))[:2], (0, 0), "and passes nothing through")


# ------------------------------------------------------------------------------------------------------- what may be open side by side

WAYS = {"read": os.O_RDONLY, "write": os.O_WRONLY, "both": os.O_RDWR, "append": os.O_WRONLY | os.O_APPEND, "trunc": os.O_RDWR | os.O_TRUNC}


def mixed(path, first, second):
    """Opens it in both ways, writes with whichever can, reads with whichever can: what failed, and what each reader saw."""
    fds = [os.open(path, WAYS[first])]
    fds.append(os.open(path, WAYS[second]))
    bad = []
    for i, (fd, way) in enumerate(zip(fds, (first, second))):
        if way != "read":
            e = err(os.write if way == "append" else os.pwrite, *((fd, b"%d" % i) if way == "append" else (fd, b"%d" % i, i)))
            bad += [(way, e)] if e else []
    want = os.stat(path).st_size
    for fd, way in zip(fds, (first, second)):
        if way in ("read", "both", "trunc"):
            text = os.pread(fd, 4096, 0)
            bad += [] if len(text) == want else [(way, "reads %d of %d" % (len(text), want))]
            if want:
                with mmap.mmap(fd, want, prot=mmap.PROT_READ) as m:
                    bad += [] if m[:] == text else [(way, "the mapping differs")]
    for fd in fds:
        os.close(fd)
    return bad


def test_mixes():
    """Whoever comes first chooses; nobody is ever told EIO. Directories: passed through, kept (a writer is watched), without passthrough."""
    a = Archive(TREE).mount()
    for place in ("free", "kept"):
        for first, second in itertools.product(WAYS, WAYS):
            as_user(ALICE, write_file, a.at(place, "m"), b"twelve bytes")
            T.equal(as_user(ALICE, mixed, a.at(place, "m"), first, second), [], "%s: %s and then %s" % (place, first, second))
    T.equal(status(a)["passthrough_inodes"], 0, "nothing is left over")


def test_reader_stays():
    """A reader's file passed through, then a writer who must be watched: the writes arrive, and the version is kept."""
    a = Archive(TREE).mount()
    reader = Worker(BOB)
    fd = reader.call(opened, a.at("kept/f"), os.O_RDONLY)
    got = seen(a, lambda: as_user(ALICE, write_over, a.at("kept/f"), b"VERSION"))
    T.equal(got[:2], (0, 0), "the writer is not passed through")
    T.check(got[3] >= 1, "each write arrives", got)
    T.equal(reader.call(os.pread, fd, 100, 0), b"VERSION one\n", "the reader sees it at once")
    T.equal(as_user(ALICE, map_over, a.at("kept/f"), b"MAPPED_"), "", "and by a mapping")
    T.equal(reader.call(os.pread, fd, 100, 0), b"MAPPED_ one\n", "which the reader sees as well")
    versions = [f for f in os.listdir(a.behind("kept/.zddc.d/history/f"))]
    kept = {a.text("kept/.zddc.d/history/f", v) for v in versions}
    T.check(b"version one\n" in kept and b"VERSION one\n" in kept, "what was replaced is kept", kept)
    reader.close()


def write_over(path, data):
    fd = os.open(path, os.O_WRONLY)
    os.pwrite(fd, data, 0)
    os.close(fd)


def map_over(path, data):
    fd = os.open(path, os.O_RDWR)
    with mmap.mmap(fd, os.fstat(fd).st_size) as m:
        m[:len(data)] = data
    os.close(fd)
    return ""


# ------------------------------------------------------------------------------------------------------- policy, set-id, fallback

def test_overtaken():
    """Without revoke=strict a descriptor that is passed through keeps what it had at open: status says whose it is. With it, nothing is late."""
    a = Archive(TREE).mount()
    for options, want_late in (("", ""), ("revoke=strict", "EACCES")):
        if options:
            a.umount()
            a.mount(options)
        writer = Worker(ALICE)
        fd = writer.call(opened, a.at("free/f"), os.O_RDWR)
        T.equal(status(a)["overtaken"], [], "nobody is overtaken yet")
        as_user(ADMIN, write_file, a.at("free/.zddc"), b"acl: {permissions: {alice@example.com: r, bob@example.com: rwcd}}\n")
        late = writer.call(err, os.pwrite, fd, b"late", 0)
        T.equal(late, want_late, "a late write with '%s'" % options)
        T.equal(as_user(ALICE, err, os.open, a.at("free/f"), os.O_RDWR), "EACCES", "opening it again is refused")
        want = [] if options else [{"path": "free/f", "who": "alice@example.com"}]
        T.equal(status(a)["overtaken"], want, "status with '%s'" % options)
        writer.close()
        T.equal(status(a)["overtaken"], [], "until it is closed")
        as_user(ADMIN, write_file, a.at("free/.zddc"), ALL.encode())


def test_comes_to_rest():
    """A place does not become write-once while the kernel writes to a file in it; nor does a file become a record."""
    for what, want in (("worm: [bob@example.com]", "EPERM"), ("records: {'*.yaml': {}}", ""), ("freeze_until: 2100-01-01T00:00:00Z", "EBUSY"),
                       ("paths: {sub: {worm: [bob@example.com]}}", "EPERM")):
        a, name = Archive(TREE).mount(), "free/sub/x.yaml" if "paths" in what else "free/x.yaml"
        a.put(name, "a: b\n")
        writer = Worker(ALICE)
        fd = writer.call(opened, a.at(name), os.O_RDWR)
        text = ("naming: off\n" + what + "\n" + ALL).encode()
        T.equal(as_user(ADMIN, err, write_file, a.at("free/.zddc"), text), "EBUSY", "somebody writes there: " + what)
        said = json.loads(as_user(ADMIN, read_file, a.at("free/.zddc.d/last-error.json")))["sentence"]
        T.check("alice@example.com" in said and name in said, "last-error says who and what: " + what, said)
        T.equal(a.text("free/.zddc"), ALL.encode(), "the old policy is in place: " + what)
        T.equal(writer.call(err, os.pwrite, fd, b"a: c", 0), "", "and she writes on: " + what)
        T.equal(as_user(ALICE, err, write_file, a.at("free/other"), b"more"), "", "there as well: " + what)
        writer.call(os.close, fd)
        T.equal(as_user(ADMIN, err, write_file, a.at("free/.zddc"), text), "", "once it is closed: " + what)
        T.equal(as_user(ALICE, err, opened, a.at(name), os.O_WRONLY), want, "it is in force: " + what)
        writer.close()
        a.close()


def test_ledger():
    """The daemon sees no write: the open is the line."""
    a = Archive(TREE).mount()
    as_user(ALICE, write_over, a.at("free/f"), b"PLAIN")
    writer = Worker(ALICE)
    writer.call(opened, a.at("free/new"), os.O_RDWR | os.O_CREAT)
    T.equal(as_user(ADMIN, err, write_file, a.at("free/.zddc"), ("worm: [bob@example.com]\n" + ALL).encode()), "EBUSY", "a policy that is taken back")
    writer.close()
    a.umount()
    lines = [json.loads(x) for f in os.listdir(a.behind(".zddc.d/ledger")) if f.endswith(".jsonl") for x in a.text(".zddc.d/ledger", f).splitlines()]
    T.equal([x["event"] for x in lines if x["path"] == "free/f"], ["file_write"], "one line for the file")
    policy = [x for x in lines if x["path"] == "free/.zddc"]
    T.equal([x["event"] for x in policy], ["policy_reload"] * 3 + ["refused"], "the text that was tried, the one from before again, and the refusal")
    T.equal(policy[0]["attrs"]["new_hash"], policy[2]["attrs"]["new_hash"], "which is the same")


def test_set_id():
    a = Archive(TREE).mount()
    path = a.behind("free/f")
    for flags, what in ((os.O_WRONLY, "opening for writing"), (os.O_RDWR, "for both"), (os.O_WRONLY | os.O_TRUNC, "with O_TRUNC")):
        os.chmod(path, 0o6755)
        as_user(ALICE, lambda: os.close(os.open(a.at("free/f"), flags)))
        T.equal(oct(stat.S_IMODE(os.stat(path).st_mode)), "0o755", "set-id bits from behind the mount go: " + what)
    writer = Worker(ALICE)
    fd = writer.call(opened, a.at("free/f"), os.O_WRONLY)
    os.chmod(path, 0o6755)
    writer.call(os.pwrite, fd, b"x", 0)
    T.equal(os.stat(path).st_mode & 0o6000, 0, "and with a write that is passed through")
    T.equal(seen(a, lambda: [writer.call(os.pwrite, fd, b"x", i) for i in range(50)])[2:], (0, 0), "50 writes cost no upcall")
    writer.close()


def test_fallback():
    """A backing filesystem that the kernel does not stack upon: the same answers, through the daemon."""
    Archive.overlay = True
    try:
        a = Archive(TREE).mount()
    finally:
        Archive.overlay = False
    T.equal(as_user(ALICE, rw, a.at("free/f")), SIZE, "writing and mapping")
    T.equal(as_user(BOB, read_file, a.at("free/f"))[4096:4100], b"MAPP", "and reading")
    s = status(a)
    T.equal((s["passthrough_opens"], s["passthrough_fallbacks"] > 0), (0, True), "nothing was passed through")


if __name__ == "__main__":
    T.run(test_passed, test_watched, test_mixes, test_reader_stays, test_overtaken, test_comes_to_rest, test_ledger, test_set_id, test_fallback)
    T.finish()
