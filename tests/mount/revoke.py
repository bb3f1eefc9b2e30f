#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A right that was taken back is gone at once: opens and writes (SPEC section 4, THREATS row 8)."""
import json
import mmap
import os
import signal
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

OPENS = scaled(10000)
TOGGLES = 100 if not SANITIZED else 20


def grants(bob):
    return "admins: [admin@example.com]\nacl: {permissions: {admin@example.com: rwcda, alice@example.com: rwcd%s}}\n" % (
        ", bob@example.com: %s" % bob if bob is not None else "")


def archive(bob="rwcd"):
    a = Archive({".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "d/.zddc": grants(bob), "d/f": "text\n",
                 "d/sub/deep/f": "deep\n", "e/.zddc": grants(None), "e/f": "other\n"})
    return a.mount("revoke=strict")  # what is passed through for writing keeps what it had at open: passthrough.py


def toggle_and_open(mnt, counter, opens, toggles, uid):
    """Run as root: admin revokes, then bob opens; nothing is cached between. Returns opens that came too late."""
    admin, bob = Worker(ADMIN), Worker(uid)
    late = done = 0
    path = os.path.join(mnt, "d/.zddc")
    for i in range(toggles):
        admin.call(write_file, path, grants("rwcd"))
        if bob.call(open_many, mnt, 1) != 0:
            return "granted, and still refused", done
        admin.call(write_file, path, grants('""'))
        late += opens // toggles - bob.call(open_many, mnt, opens // toggles)
        done += opens // toggles
    admin.close()
    bob.close()
    return late, done


def open_many(mnt, times):
    """How many of 'times' opens were refused."""
    refused = 0
    names = ("d/f", "d/sub/deep/f", "d", "d/sub")
    flags = (os.O_RDONLY, os.O_WRONLY, os.O_RDWR | os.O_CREAT, os.O_WRONLY | os.O_TRUNC)
    for i in range(times):
        name = names[i % 4]
        flag = os.O_RDONLY if name in ("d", "d/sub") else flags[i // 4 % 4]
        try:
            os.close(os.open(os.path.join(mnt, name), flag))
        except OSError:
            refused += 1
    return refused


def test_next_open_fails():
    a = archive()
    late, done = toggle_and_open(a.mnt, None, OPENS, TOGGLES, BOB)
    T.equal(late, 0, "late opens of %d after %d revocations" % (done, TOGGLES))


def spin(mnt, shared, end):
    """Opens without pause; counts those that began after a revocation was answered and before the next grant began, and succeeded."""
    late = n = 0
    while not shared[end]:
        before = shared[0:8]
        revoked = before[0] == 1
        ok = not err(lambda: os.close(os.open(os.path.join(mnt, "d/f"), os.O_RDONLY)))
        n += 1
        if ok and revoked and shared[0:8] == before:
            late += 1
    return late, n


def test_opens_across_the_revocation():
    a = archive()
    shared = mmap.mmap(-1, 4096)
    children = [Child(BOB, spin, a.mnt, shared, 100) for _ in range(2)]
    admin = Worker(ADMIN)
    for i in range(TOGGLES):
        shared[0] = 0
        shared[1:5] = (i + 1).to_bytes(4, "little")
        admin.call(write_file, a.at("d/.zddc"), grants("rwcd"))
        time.sleep(0.005)
        admin.call(write_file, a.at("d/.zddc"), grants('""'))
        shared[0] = 1
        time.sleep(0.005)
    shared[100] = 1
    admin.close()
    results = [c.wait() for c in children]
    T.equal(sum(r[0] for r in results), 0, "late opens of %d while rights came and went" % sum(r[1] for r in results))


def write_again(path, ready, go, times):
    """Opens for writing, waits for 'go', then writes: the errnos."""
    fd = os.open(path, os.O_RDWR)
    first = err(os.pwrite, fd, b"before", 0)
    os.write(ready, b"r")
    os.read(go, 1)
    got = {}
    for i in range(times):
        e = err(os.pwrite, fd, b"late", 0)
        got[e] = got.get(e, 0) + 1
    return first, got, err(os.ftruncate, fd, 0), err(os.pread, fd, 4, 0), err(os.posix_fallocate, fd, 0, 8192)


def overtaken(a, change, times, path="d/f"):
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    child = Child(BOB, write_again, a.at(path), w1, r2, times)
    os.read(r1, 1)
    change()
    os.write(w2, b"g")
    return child.wait()


def test_writes_decided_again():
    a = archive()
    times = OPENS
    first, got, trunc, read, falloc = overtaken(a, lambda: as_user(ADMIN, write_file, a.at("d/.zddc"), grants("r")), times)
    T.equal(first, "", "writing while allowed")
    T.equal(got, {"EACCES": times}, "late writes on a descriptor opened before the revocation")
    T.equal((trunc, falloc), ("EACCES", "EACCES"), "truncate and fallocate on it")
    T.equal(read, "", "reading on it goes on")
    T.equal(a.text("d/f")[:6], b"before", "the content is that of before")
    as_user(ADMIN, write_file, a.at("d/.zddc"), grants("rw"))
    T.equal(err_as(BOB, write_file, a.at("d/f"), "after"), "", "granted again")


def test_file_moved_elsewhere():
    a = archive()
    first, got, trunc, read, falloc = overtaken(a, lambda: as_user(ADMIN, os.rename, a.at("d/f"), a.at("e/moved")), 10)
    T.equal((first, got, trunc), ("", {"EACCES": 10}, "EACCES"), "a file that was moved where the writer has no w")
    T.equal(a.text("e/moved")[:6], b"before", "unchanged there")
    a.close()
    a = archive()
    first, got, trunc, read, falloc = overtaken(a, lambda: as_user(ADMIN, os.rename, a.at("d/sub/deep"), a.at("e/deep")), 10, "d/sub/deep/f")
    T.equal((got, trunc), ({"EACCES": 10}, "EACCES"), "a folder above it was moved")


def stay(path, ready, go):
    """Works in a directory and holds it by descriptor; then it is taken away."""
    os.chdir(path)
    fd = os.open(".", os.O_PATH)
    before = [err(os.stat, "."), err(os.stat, "f"), err(os.fstat, fd), err(os.listdir, ".")]
    os.write(ready, b"r")
    os.read(go, 1)
    return before, [err(os.stat, "."), err(os.stat, "f"), err(os.open, "f", os.O_RDONLY), err(os.fstat, fd), err(os.stat, "sub", dir_fd=fd), err(os.open, "f", os.O_PATH, dir_fd=fd),
                    err(os.listdir, "."), err(os.access, "f", os.R_OK), err(write_file, "new", "x")]


def hold_open(path, ready, go):
    fd = os.open(path, os.O_RDWR)
    os.write(ready, b"r")
    os.read(go, 1)
    return err(os.pwrite, fd, b"EVIL", 0), err(os.ftruncate, fd, 0)


def test_missing_name():
    """A file whose name is gone is decided as where it was, as long as it is a file anywhere; only a deleted one is free."""
    for what, take_away, want in (("moved behind the mount", lambda a: os.rename(a.behind("d/f"), a.behind("e/moved")), ("EACCES", "EACCES")),
                                  ("deleted", lambda a: as_user(ALICE, os.unlink, a.at("d/f")), ("", ""))):
        a = archive()
        (r1, w1), (r2, w2) = os.pipe(), os.pipe()
        bob = Child(BOB, hold_open, a.at("d/f"), w1, r2)
        os.read(r1, 1)
        take_away(a)
        T.equal(err_as(ALICE, os.stat, a.at("d/f")), "ENOENT", "the name is gone: " + what)
        as_user(ADMIN, write_file, a.at("d/.zddc"), grants("r"))
        os.write(w2, b"g")
        T.equal(bob.wait(), want, "writes by a descriptor from before the revocation: " + what)
        if want[0]:
            T.equal(a.text("e/moved"), b"text\n", "its bytes")


def test_place_has_changed():
    """A descriptor from before a place became write-once, or a file a record, changes nothing there: not even that of who made the file."""
    rule = "admins: [admin@example.com]\nnaming: off\nacl: {permissions: {alice@example.com: rwcd, bob@example.com: rwcd, admin@example.com: rwcda}}\n%s\n"
    for what, added, want in (("write-once", "worm: [bob@example.com]", "EPERM"), ("a record", "records: {'*.yaml': {}}", "EBUSY")):
        a = archive()
        a.put("d/.zddc", rule % "")
        time.sleep(1.1)
        (r1, w1), (r2, w2), path = os.pipe(), os.pipe(), a.at("d/x.yaml")
        made = Child(BOB, hold_new, path, w1, r2)
        os.read(r1, 1)
        mapped = Mapper(ALICE)
        mapped.call(_map, path)
        T.equal(err_as(ADMIN, write_file, a.at("d/.zddc"), rule % added), "", "the place changes: " + what)
        T.check(mapped.store(8, b"EVIL"), "a mapping from before: " + what)
        os.write(w2, b"g")
        T.equal(made.wait(), (want, want), "the descriptor that made the file: " + what)
        mapped.call(_unmap)
        mapped.close()
        T.equal(a.text("d/x.yaml"), b"a: b\n" * 1000, "its bytes: " + what)


def hold_new(path, ready, go):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, b"a: b\n" * 1000)
    os.write(ready, b"r")
    os.read(go, 1)
    return err(os.pwrite, fd, b"EVIL", 0), err(os.ftruncate, fd, 0)


class Mapper(Worker):
    """Keeps one file mapped for writing."""

    def store(self, offset, data, sync=True):
        return self.call(_store, offset, data, sync)


def _map(path):
    global mapping
    fd = os.open(path, os.O_RDWR)
    mapping = mmap.mmap(fd, 4096)
    os.close(fd)  # the mapping keeps the descriptor's file


def _store(offset, data, sync):
    mapping[offset:offset + len(data)] = data
    return err(mapping.flush) if sync else ""


def _unmap():
    mapping.close()


def test_mapped_pages():
    """What is stored through a mapping comes with any descriptor of the file: one who lost w stores nothing, whoever else has it mapped."""
    for first, sync in ((BOB, True), (BOB, False), (ALICE, True), (ALICE, False)):
        a = archive()
        a.put("d/f", b"." * 4096)
        bob, alice = Mapper(BOB), Mapper(ALICE)
        for who in (bob, alice) if first == BOB else (alice, bob):
            who.call(_map, a.at("d/f"))
        T.equal((bob.store(0, b"bob"), alice.store(10, b"alice")), ("", ""), "both may")
        T.equal(a.text("d/f")[:16], b"bob.......alice.", "and their stores land")
        as_user(ADMIN, write_file, a.at("d/.zddc"), grants("r"))
        refused = bob.store(100, b"EVIL", sync)
        T.check(refused or not sync, "msync tells that it failed")
        T.check(alice.store(200, b"LOST"), "nobody's stores land meanwhile: they cannot be told apart")
        said = json.loads(as_user(ALICE, read_file, a.at("d/.zddc.d/last-error.json")))
        T.check("bob@example.com" in said["sentence"], "last-error names who is in the way", said)
        bob.store(300, b"EVIL", False)
        bob.call(_unmap)
        T.check(eventually(lambda: alice.store(400, b"alice") == "", 3 * SLOW), "once he has closed it hers land again")
        alice.call(_unmap)
        text = a.text("d/f")
        T.equal((text.count(b"EVIL"), text[400:405]), (0, b"alice"), "not a byte of his, %s mapped first%s" % (PEOPLE[first], "" if sync else ", no msync"))
        bob.close()
        alice.close()


def test_standing_in_it():
    """Who stands in a directory that is taken away sees nothing more of it: GETATTR is decided too."""
    a = archive()
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    child = Child(BOB, stay, a.at("d"), w1, r2)
    os.read(r1, 1)
    as_user(ADMIN, write_file, a.at("d/.zddc"), grants('""'))
    os.write(w2, b"g")
    before, after = child.wait()
    T.equal(before, [""] * 4, "at first all works")
    T.check(all(e in ("ENOENT", "EACCES") for i, e in enumerate(after) if i != 7), "nothing afterwards", after)


def test_sizes_are_true():
    """Attributes are never old: what changes behind the mount shows at once."""
    a = archive()
    wrong = []
    for i in range(1, 30):
        a.put("d/f", "x" * i)
        size = as_user(BOB, lambda: os.stat(a.at("d/f")).st_size)
        wrong += [(i, size)] if size != i else []
    T.check(not wrong, "sizes", wrong)
    T.equal(as_user(BOB, watch_size, a.at("d/f"), a.behind("d/f")), [], "by a descriptor as well")


def watch_size(path, _behind):
    fd = os.open(path, os.O_RDWR)
    other = os.open(path, os.O_RDWR)
    wrong = []
    for i in range(1, 30):
        os.ftruncate(other, i)
        if os.fstat(fd).st_size != i or os.stat(path).st_size != i:
            wrong.append(i)
    return wrong


def test_group_revoked():
    accounts = Accounts({"ztrevoke": (61300, ["ztrevoke-g"])}, ["ztrevoke-g"])
    try:
        people = dict(PEOPLE)
        people[61300] = "grouped@example.com"
        a = Archive({".zddc": "admins: [admin@example.com]\n", "g/.zddc": "acl: {permissions: {\"group:ztrevoke-g\": rw}}\n", "g/f": "x"}, people).mount()
        T.equal(err_as(61300, read_file, a.at("g/f")), "", "a member by the name service")
        T.equal(err_as(ALICE, read_file, a.at("g/f"), groups=[os.stat("/").st_gid]), "ENOENT", "not by the process's own groups")
        people[61300] = "else@example.com"
        a.put(".zddc.d/identities.yaml", identities(people))
        os.kill(a.pid, signal.SIGHUP)
        whoami = a.at("g/.zddc.d/whoami")
        T.check(eventually(lambda: b"else@" in as_user(61300, read_file, whoami), 3 * SLOW), "a change of identity takes effect")
        a.close()
    finally:
        accounts.close()


if __name__ == "__main__":
    T.run(test_next_open_fails, test_opens_across_the_revocation, test_writes_decided_again, test_file_moved_elsewhere, test_missing_name, test_place_has_changed, test_mapped_pages, test_standing_in_it,
          test_sizes_are_true, test_group_revoked)
    T.finish()
