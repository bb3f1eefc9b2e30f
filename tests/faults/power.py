#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts on a disk with a volatile cache (disk.py): what was acknowledged and has to last is there, in every order of what was not
flushed; and nothing that was not whole is shown as whole. SEED repeats a run."""
import random
import time

from lab import *  # noqa: F403
from lab import ADMIN, ALICE, DC, LAB, PT, Archive, Child, Loop, SANITIZED, SmallArchive, T, Worker, as_user, err, err_as, eventually, judged, run, umount2
from disk import Disk
import os

CUTS = int(os.environ.get("CUTS", "0")) or (100 if not SANITIZED else 60)  # THREATS row 30: 1000
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
RND = random.Random(SEED)
PARTS = (0.0, 0.5, 0.9)
POLICY = "acl: {permissions: {alice@example.com: r, admin@example.com: rwcda}}\n# number %06d\n"


def put(path, data, sync=False):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view):]
        if sync:
            os.fsync(fd)
    finally:
        os.close(fd)


def rename_new(path, data):
    put(path + ".new", data)
    os.rename(path + ".new", path)


class CutArchive(SmallArchive):
    """On a disk that can be cut off; 'after' is where what is left of it is looked at."""

    def __init__(self, tree=None):
        self.disk = Disk(16)
        super().__init__(tree or LAB, device=self.disk.loop)
        self.image, self.after = os.path.join(self.room, "cut"), os.path.join(self.room, "after")
        os.mkdir(self.after, 0o700)
        self.lost = 0

    def cut(self, part=None):
        """A power cut now (this one goes on); returns a context in which 'after' is the disk as found at the next start."""
        self.lost += self.disk.cut(self.image, RND.randrange(1 << 30), RND.choice(PARTS) if part is None else part) > 0
        return After(self)

    def close(self):
        super().close()
        self.disk.close()


class After:
    def __init__(self, archive):
        self.a = archive

    def __enter__(self):
        self.loop = Loop(self.a.image)
        run("mount", "-t", "ext4", self.loop.dev, self.a.after)
        return self.a.after

    def __exit__(self, *_):
        umount2(self.a.after)
        self.loop.close()


def read(*path):
    try:
        with open(os.path.join(*path), "rb") as f:
            return f.read()
    except FileNotFoundError:
        return None


def test_the_disk():
    """It does lose what was not synced, and keeps what was: else nothing below means anything."""
    a = CutArchive()
    put(a.behind("synced"), b"kept", True)
    put(a.behind("unsynced"), b"lost")
    with a.cut(0.0) as after:
        T.equal(read(after, "synced"), b"kept", "a file that was synced is there")
        T.among(read(after, "unsynced"), (None, b""), "a file that was not synced is lost")


def file_away(free, zone, data):
    put(free, data)
    os.rename(free, zone)


def ledger(after):
    where = os.path.join(after, ".zddc.d/ledger")
    return b"".join(read(where, n) or b"" for n in os.listdir(where))


def test_acknowledged():
    """What was acknowledged by close, fsync or rename is there in any order of what was not flushed: policy commits, with their line in the
    ledger, and files that were renamed into a zone, whole, though nobody synced them."""
    a = CutArchive().mount()
    admin, dc, path, lost = Worker(ADMIN), Worker(DC), a.at("P/pol/.zddc"), []
    try:
        for i in range(CUTS):
            text = (POLICY % i + "# padding\n" * RND.randrange(200)).encode()
            how = ("close", "fsync", "rename", "zone")[i % 4]
            if how == "zone":
                dc.call(file_away, a.at("P/free/f%d" % i), a.at("P/zone/f%d" % i), text)
            else:
                admin.call(*{"close": (put, path, text), "fsync": (put, path, text, True), "rename": (rename_new, path, text)}[how])
            with a.cut() as after:
                found = read(after, "P/zone/f%d" % i if how == "zone" else "P/pol/.zddc")
                told = how == "zone" or sha_of(text).encode() in ledger(after)
                if found != text or not told:
                    lost.append((i, how, (found or b"")[-60:], told))
        T.equal(lost[:3], [], "%d of %d acknowledged operations are lost (%d cuts lost something)" % (len(lost), CUTS, a.lost))
        T.check(a.lost > 0, "there was something to lose", a.lost)
        print("     %d acknowledged operations, %d lost, %d cuts lost something" % (CUTS, len(lost), a.lost))
    finally:
        admin.close()
        dc.close()


def commit_for_ever(path, stop):
    n = 0
    while not os.path.exists(stop):
        put(path, (POLICY % n + "# padding\n" * (n * 37 % 300) + "# end\n").encode())
        time.sleep(0.004)  # each text is kept, and the disk is small
        n += 1
    return n


def homes_for_ever(base, stop):
    n = 0
    while not os.path.exists(stop):
        os.mkdir(os.path.join(base, "home%d" % n))
        time.sleep(0.004)
        n += 1
    return n


def test_cut_in_the_middle():
    """Cuts at any moment of commits and homes: a policy is a whole one, a home has its .zddc."""
    a = CutArchive().mount()
    stop = os.path.join(a.base, "stop")
    put(a.behind("P/pol/.zddc"), (POLICY % 0 + "# end\n").encode(), True)
    children = [Child(ADMIN, commit_for_ever, a.at("P/pol/.zddc"), stop), Child(PT, homes_for_ever, a.at("P/homes"), stop)]
    torn, bare, homes = [], [], 0
    for i in range(CUTS // 2):
        time.sleep(RND.random() * 0.02)
        with a.cut() as after:
            text = read(after, "P/pol/.zddc") or b""
            if not text.startswith(b"acl:") or not text.endswith(b"# end\n"):
                torn.append((i, len(text), text[:60]))
            names = [d for d in os.listdir(os.path.join(after, "P/homes")) if d.startswith("home")]
            homes = len(names)
            bare += [(i, d) for d in names if b"pt@example.com" not in (read(after, "P/homes", d, ".zddc") or b"")]
    put(stop, b"")
    made = [c.wait() for c in children]
    T.check(not torn, "a policy is a whole one", torn[:3])
    T.check(not bare, "a home has its .zddc", bare[:3])
    T.check(homes > 5 and min(made) > 20 and a.lost > 0, "there was work at each cut, and something to lose", (homes, made, a.lost))
    print("     %d commits, %d homes, %d of %d cuts lost something" % (made[0], made[1], a.lost, CUTS // 2))


def test_acknowledged_homes():
    a = CutArchive().mount()
    pt, gone = Worker(PT), []
    try:
        for i in range(CUTS // 2):
            pt.call(os.mkdir, a.at("P/homes/h%d" % i))
            with a.cut() as after:
                here = os.path.isdir(os.path.join(after, "P/homes/h%d" % i))
                if here and b"pt@example.com" not in (read(after, "P/homes/h%d" % i, ".zddc") or b""):
                    gone.append(i)
        T.check(not gone, "no home without its .zddc after mkdir returned", gone)
    finally:
        pt.close()


def served(a, after):
    """The zone of a cut disk as the next daemon shows it."""
    b = Archive({})
    try:
        run("mount", "--bind", after, b.back)
        b.mount()
        zone = b.at("P/zone")
        return as_user(DC, lambda: {n: judged(os.path.join(zone, n)) + (err(os.unlink, os.path.join(zone, n)),) for n in os.listdir(zone) if n[0] != "."})
    finally:
        b.close()


def test_files_in_a_zone():
    """Files that were synced by their maker are sealed and whole; of the others none is sealed with other bytes than it had."""
    a = CutArchive().mount()
    dc, data, wrong, missing, states = Worker(DC), {"old": LAB["P/zone/old"].encode()}, [], [], {}
    try:
        for i in range(12 if not SANITIZED else 3):
            for k, kind in enumerate(RND.sample(("synced", "plain", "plain", "plain", "moved", "syncedmove"), 6)):
                name = "%s-%d-%d" % (kind, i, k)
                data[name] = RND.randbytes(RND.randrange(1, RND.choice((5000, 200000))))
                where = a.at("P/free" if "move" in kind else "P/zone", name)
                dc.call(put, where, data[name], kind.startswith("synced"))
                if "move" in kind:
                    dc.call(os.rename, where, a.at("P/zone", name))
            time.sleep(RND.choice((0, 0, 0.01, 0.1)))
            with a.cut() as after:
                found = served(a, after)
            for name, (state, told, _, removed) in found.items():
                was, now = sha_of(data[name]), found[name][2]
                states[state] = states.get(state, 0) + 1
                if state in ("sealed", "hashing") and now != was:
                    wrong.append((i, name, state, removed, told == was, len(data[name])))
            states["absent"] = states.get("absent", 0) + len(set(data) - set(found))
            missing += [(i, n, found.get(n)) for n in data if n.startswith("synced-") and (n not in found or found[n][2] != sha_of(data[n]))]
        T.check(not wrong, "nothing is sealed with other bytes", (len(wrong), wrong[:4]))
        T.check(not missing, "what its maker synced is there", (len(missing), missing[:4]))
        print("     states after the cuts: %s" % states)
        T.check(states.get("sealed", 0) > 5, "there was something sealed", states)
    finally:
        dc.close()


def sha_of(data):
    import hashlib
    return hashlib.sha256(data).hexdigest()


if __name__ == "__main__":
    print("seed %d" % SEED)
    T.run(test_the_disk, test_acknowledged, test_cut_in_the_middle, test_acknowledged_homes, test_files_in_a_zone)
    T.finish()
