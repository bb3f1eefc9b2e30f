#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the daemon at random points of 500 copies into a zone: no sealed file has other bytes than its source, nothing is left
that its maker cannot take away. SEED repeats a run; FULL=1 makes 5,000 copies."""
import random
import signal
import shutil
import subprocess
import time

from lab import *  # noqa: F403
from lab import DC, DC2, LAB, SANITIZED, Archive, T, Worker, become, err, eventually, judged, sha
import os

COPIES = 200 if SANITIZED else 5000 if os.environ.get("FULL", "") not in ("", "0") else 500
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
RND = random.Random(SEED)
SIZES = (0, 1, 4096, 100_000, 1 << 20, 2 << 20)
TRANSIENT = (".", "~")

# Each copies $1 to $2, as people do; the shell's own exit status does not matter.
WAYS = {
    "cp": 'cp "$1" "$2"',
    "cp -p": 'cp -p "$1" "$2"',
    "rsync": 'rsync -a "$1" "$2"',
    "mv in": 'cp "$1" "$1.moving" && mv "$1.moving" "$2"',
    "rename in": 'cp "$1" "$4/$3" && mv "$4/$3" "$2"',
    "touch; echo": 'touch "$2" && cat "$1" > "$2"',
    "slowly": '{ head -c 1000 "$1"; sleep 0.05; tail -c +1001 "$1"; } > "$2"',
    "temp and rename": 'cp "$1" "$2.tmp" && mv "$2.tmp" "$2"',
}


class Copy:
    def __init__(self, number, lab):
        self.name, self.way = "doc-%05d" % number, RND.choice(sorted(WAYS) + ["slowly"])
        self.source = os.path.join(lab.sources, self.name)
        size = RND.choice(SIZES)
        with open(self.source, "wb") as f:
            f.write(RND.randbytes(RND.randrange(size + 1) if size > 1 else size))
        os.chown(self.source, DC, DC)
        self.sha, self.size = sha(self.source), os.path.getsize(self.source)

    def line(self, lab):
        return 'set -- "%s" "%s" "%s" "%s"; %s' % (self.source, lab.archive.at("P/zone", self.name), self.name, lab.archive.at("P/free"), WAYS[self.way])


def look(directory):
    """What one of DC sees there: name -> what is judged of it."""
    return {name: judged(os.path.join(directory, name)) for name in os.listdir(directory) if name not in ("old", ".zddc")}


def remade(path, source, by_removal):
    """Its maker takes it away or writes it anew. Returns what it is then."""
    if by_removal:
        os.unlink(path)
        shutil.copyfile(source, path)
    else:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(fd, "wb") as out, open(source, "rb") as f:
            out.write(f.read())
    return judged(path)


def tries(path):
    return [err(os.close, os.open(path, os.O_RDONLY)), err(os.unlink, path), err(os.truncate, path, 0)]


class Lab:
    def __init__(self):
        self.archive = Archive(LAB)
        self.sources = os.path.join(self.archive.base, "sources")
        os.mkdir(self.sources, 0o755)
        os.chown(self.sources, DC, DC)
        self.dc, self.dc2 = Worker(DC), Worker(DC2)
        self.known = {}  # sealed: name -> SHA-256
        self.count = {"copies": 0, "lives": 0, "sealed": 0, "torn": 0, "empty": 0, "other": 0, "absent": 0, "finished lives": 0}

    def close(self):
        self.dc.close()
        self.dc2.close()

    def shell(self, copies):
        def prepare():
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            become(DC)
        script = "\n".join("( %s )" % c.line(self) for c in copies)
        return subprocess.Popen(["sh", "-c", script], cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prepare)

    def life(self, copies):
        """One daemon: two shells copy, it is killed somewhere among that."""
        self.archive.mount()
        shells = [self.shell(copies[0::2]), self.shell(copies[1::2])]
        time.sleep(0.003 + RND.random() * 0.08)
        if all(s.poll() is not None for s in shells):
            self.count["finished lives"] += 1
        self.archive.kill()
        for s in shells:
            s.wait(30)
        self.archive.mount()
        self.count["lives"] += 1
        self.count["copies"] += len(copies)

    def check(self, copies):
        zone = self.archive.at("P/zone")
        seen = self.dc.call(look, zone)
        litter = [n for n in self.dc2.call(os.listdir, zone) if n != ".zddc" and (n.startswith(TRANSIENT) or n.endswith(".tmp"))]
        T.check(not litter, "nobody else sees temporary files", litter)
        changed = [(n, seen.get(n)) for n, want in self.known.items() if seen.get(n) is None or seen[n][0] not in ("sealed", "hashing") or seen[n][2] != want]
        T.check(not changed, "sealed before, and still the same", changed[:3])
        for c in copies:
            self.judge(c, seen.pop(c.name, None))
        for name in set(seen) - set(self.known):
            got = err(self.dc.call, os.unlink, os.path.join(zone, name))
            T.equal(got, "", "its maker removes what a dead copy left as %s, %s" % (name, seen[name]))
        self.known.update({c.name: c.sha for c in copies})

    def judge(self, c, found):
        """found: None, or (state, told, bytes)."""
        path = self.archive.at("P/zone", c.name)
        what = "%s by %s (%d bytes): %s" % (c.name, c.way, c.size, found)
        if found is None:
            self.count["absent"] += 1
            self.dc.call(shutil.copyfile, c.source, path)
        elif found[0] in ("sealed", "hashing"):  # refused alike; the hash is on its way
            self.count["sealed"] += 1
            T.check(found[2] == c.sha, "sealed has the bytes of its source", what)
            self.told(path, c.sha, what)
            T.equal(self.dc.call(tries, path), ["", "EPERM", "EPERM"], "sealed stays: %s" % what)
        else:
            self.count[found[0] if found[0] in self.count else "other"] += 1
            T.check(found[0] in ("torn", "empty"), "a file that is not sealed is torn or empty", what)
            T.check(set(self.dc2.call(tries, path)[1:]) <= {"EPERM", "EACCES"}, "nobody else changes it", what)
            got = err(self.dc.call, remade, path, c.source, RND.random() < 0.5)
            T.equal(got, "", "its maker makes it again: %s" % what)
        self.end(c, path, what)

    def told(self, path, want, what):
        """A hash may still be on its way (SPEC 5.10); what is told is never another one."""
        eventually(lambda: self.dc.call(judged, path)[1] != "", 3)
        T.equal(self.dc.call(judged, path)[1], want, "the seal tells the hash of the source: %s" % what)

    def end(self, c, path, what):
        """Copied again, or copied well: sealed with the right bytes, or empty and its maker's for 10 minutes."""
        want = "sealed" if c.size else "empty"
        eventually(lambda: self.dc.call(judged, path)[0] in (want, "sealed"), 3)
        got = self.dc.call(judged, path)
        T.check(got[0] in (want, "sealed") and got[2] == c.sha, "copying again works", (what, got))
        if got[0] == "empty":
            T.equal(err(self.dc.call, os.unlink, path), "", "an empty file can be taken away: %s" % what)
            c.sha = None


def test_killed_copies():
    print("     seed %d" % SEED)
    lab = Lab()
    try:
        number = 0
        while number < COPIES:
            copies = [Copy(number + i, lab) for i in range(min(RND.randrange(6, 12), COPIES - number))]
            number += len(copies)
            lab.life(copies)
            lab.check(copies)
            lab.known = {n: s for n, s in lab.known.items() if s}
            T.equal(lab.archive.umount(), 0, "clean stop")
        lab.archive.mount()
        left = lambda: [os.path.join(d, f) for d, _, files in os.walk(lab.archive.behind(".zddc.d", "tmp")) for f in files]
        T.check(eventually(lambda: not left(), 5), "a start cleans what killed daemons left", left())
        count = lab.count
        print("     %s" % ", ".join("%d %s" % (v, k) for k, v in count.items()))
        T.check(count["torn"] >= COPIES // 100 and count["sealed"] > COPIES // 10, "kills fell into copies, and between them", count)
    finally:
        lab.close()


if __name__ == "__main__":
    T.run(test_killed_copies)
    T.finish()
