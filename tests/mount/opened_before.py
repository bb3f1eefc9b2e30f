#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""THREATS row 9: what comes to rest is not changed by any descriptor or mapping that was opened before. One user opens a file in every way
there is and writes for a while; another one lets it come to rest meanwhile, tries again while it is busy, and looks at the bytes the
moment that has worked. Whatever the first one then still does with what he has, the bytes stay. TRIES says how often (the row: 10000)."""
import ctypes
import hashlib
import mmap
import os
import random
import time

from harness import *  # noqa: F403
from harness import DC, DC2, Archive, T, Worker, _recv, _send, libc, project

TRIES = int(os.environ.get("TRIES", "0")) or scaled(300)
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
MDL = "P/archive/Acme/mdl"
ROW = "originator: ACME\nproject: '0007'\ndiscipline: EL\ntype: SPC\nsequence: '2623'\ntitle: number %d\n" + "# " + "." * 900
NAME = "ACME-0007-EL-SPC-2623.yaml"
POLICY = "acl: {permissions: {dc@example.com: rwcda, dc2@example.com: rwcd}}\n# number %d\n" + "# " + "." * 900
ZONE = "worm: [document_controller]\nnaming: off\nacl: {permissions: {document_controller: rc}}\n"
FREE = "acl: {permissions: {document_controller: rwcda}}\n"
EVIL = b"EVIL"
SIZE = 4096


# ------------------------------------------------------------------------------------------------------- who opened it before

class Opened:
    """A file, opened in one way: how it is written, and whether the way in stays open."""

    def __init__(self, path, kind):
        self.kind, self.map, self.more = kind, None, -1
        flags = {"read": os.O_RDONLY, "path": os.O_PATH, "append": os.O_WRONLY | os.O_APPEND, "write": os.O_WRONLY}.get(kind, os.O_RDWR)
        self.fd = os.open(path, flags)
        self.at = os.fstat(self.fd).st_size - 200  # within the comment at the end: the text stays valid
        if kind == "dup":
            self.more = os.dup(self.fd)
        if kind in ("map", "map alone", "map later"):
            size = os.fstat(self.fd).st_size
            self.map = mmap.mmap(self.fd, size, prot=mmap.PROT_READ | (0 if kind == "map later" else mmap.PROT_WRITE))
        if kind in ("map alone", "map later"):
            self.drop_fd()

    def drop_fd(self):
        os.close(self.fd)
        self.fd = -1

    def store(self):
        """One attempt, as the kind goes."""
        if self.kind == "map later":
            make_writable(self.at)
        elif self.map:
            self.map[self.at:self.at + 4] = EVIL
            err(self.map.flush)
        elif self.kind in ("read", "path"):
            err(reopened, self.fd)
        elif self.kind == "append":
            err(os.write, self.fd, EVIL)
        elif self.kind == "punch":
            err(fallocate, self.fd, self.at)
        elif self.kind == "truncate":
            err(os.ftruncate, self.fd, 1)
        elif self.kind == "copy":
            err(os.copy_file_range, self.fd, self.fd, 4, 0, self.at)
        else:
            err(os.pwrite, self.more if self.more >= 0 else self.fd, EVIL, self.at)

    def close(self):
        for fd in (self.fd, self.more):
            if fd >= 0:
                os.close(fd)
        if self.map:
            self.map.close()


KINDS = ("read", "path", "write", "append", "dup", "map", "map alone", "map later", "punch", "truncate", "copy")


def make_writable(at):
    """mprotect(2): the mapping was made for reading, of a descriptor that writes."""
    with open("/proc/self/maps") as f:
        for line in f:
            if "/mnt/" in line and line.split()[1].startswith("r--s"):
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                if libc.mprotect(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 3) == 0:
                    ctypes.memmove(start + at, EVIL, 4)
                    libc.msync(ctypes.c_void_p(start), ctypes.c_size_t(end - start), 4)


def fallocate(fd, at):
    if libc.fallocate(fd, 3, ctypes.c_long(at), ctypes.c_long(64)) != 0:  # punch a hole
        raise OSError(ctypes.get_errno(), "")


def reopened(fd):
    new = os.open("/proc/self/fd/%d" % fd, os.O_RDWR)
    try:
        os.write(new, EVIL)
    finally:
        os.close(new)


def open_and_store(path, kind, wait, hold):
    """Opens it after a while, stores to it for a while; what can still be open stays open: True if it was opened for writing and is not."""
    global held
    held = []
    for k in ("read", "path"):
        try:
            held.append(Opened(path, k))
        except OSError:
            pass
    time.sleep(wait)
    try:
        o = Opened(path, kind)
    except OSError:
        return False
    end = time.monotonic() + max(hold, 0)
    o.store()
    while time.monotonic() < end:
        time.sleep(0.0002)
        o.store()
    if hold < 0:
        held.append(o)  # to the very end
    else:
        o.close()
    return True


def store_again():
    """Whatever is still open."""
    for o in held:
        o.store()


def let_go():
    for o in held:
        o.store()
        o.close()
    held.clear()


# ------------------------------------------------------------------------------------------------------- who lets it come to rest

def read_now(path):
    with open(path, "rb") as f:
        return f.read()


def come_to_rest(act, src, dst, wait, most):
    """(how often it was busy, the last errno, the bytes the moment it had worked)."""
    time.sleep(wait)
    busy, end = 0, time.monotonic() + most
    while True:
        e = err(acts[act], src, dst)
        if e != "EBUSY" or time.monotonic() > end:
            break
        busy += 1
        time.sleep(0.0003)
    return busy, e, read_now(dst) if not e else b""


def seal(src, _dst):
    write_file(os.path.join(os.path.dirname(src), ".zddc.d/ctl"), "seal " + os.path.basename(src), os.O_WRONLY)


def rename_folder(src, dst):
    os.rename(os.path.dirname(src), os.path.dirname(dst))


acts = {"zone": os.rename, "folder": rename_folder, "seal": seal, "policy": os.rename, "record": os.rename}


class Round:
    """One try: where the file is made, and where it comes to rest."""

    def __init__(self, a, rnd, n):
        self.act = list(acts)[n % len(acts)]
        self.kind = rnd.choice(KINDS)
        self.src, self.dst = {"zone": ("free/f%d", "zone/f%d"), "folder": ("free/d%d/f", "zone/d%d/f"), "seal": ("free/s%d", "free/s%d"),
                              "policy": ("free/p%d", "pol/.zddc"), "record": (MDL + "/.r%d", MDL + "/" + NAME)}[self.act]
        self.src, self.dst = (x % n if "%" in x else x for x in (self.src, self.dst))
        self.data = (POLICY % n if self.act == "policy" else ROW % n if self.act == "record" else "document %d\n" % n + "." * SIZE).encode()
        self.hold = -1 if rnd.random() < 0.3 else rnd.random() * 0.002
        self.waits = rnd.random() * 0.001, rnd.random() * 0.002
        self.paths = a.at(self.src), a.at(self.dst)

    def __str__(self):
        return "%s, opened as %s, %s" % (self.act, self.kind, "held" if self.hold < 0 else "for %.1f ms" % (self.hold * 1000))


def run_round(a, r, dc, dc2):
    """What went wrong, or ''; whether it came to rest at last, and how often it was busy."""
    if r.act == "folder":
        dc.call(os.mkdir, os.path.dirname(r.paths[0]))
    dc.call(write_file, r.paths[0], r.data)
    _send(dc2.mine.fileno(), (open_and_store, (r.paths[0], r.kind, r.waits[0], r.hold)))
    _send(dc.mine.fileno(), (come_to_rest, (r.act, *r.paths, r.waits[1], 0.01 if r.hold < 0 else 1.0)))
    opened, (busy, e, seen) = _recv(dc2.mine.fileno())[1], _recv(dc.mine.fileno())[1]
    dc2.call(store_again)
    text = a.text(r.dst) if not e else b""
    dc2.call(let_go)
    after = a.text(r.dst) if not e else b""
    if not e and not (seen == text == after):
        return "changed afterwards: %r %r %r" % (seen[:20], text[:20], after[:20]), True, busy
    if not e and r.hold < 0 and opened and r.act in ("zone", "folder", "seal") and r.kind not in ("read", "path"):
        return "came to rest while it was open for writing", True, busy
    if e not in ("", "EBUSY", "EINVAL", "ENOENT"):
        return "refused: " + e, False, busy
    return "", not e, busy


def test_opened_before():
    a = Archive(project({"zone/.zddc": ZONE, "free/.zddc": FREE, "pol/.zddc": POLICY % 0, MDL + "/": None})).mount()
    rnd, wrong, rested, busy = random.Random(SEED), [], {}, 0
    dc, dc2 = Worker(DC), Worker(DC2)
    dc.call(write_file, a.at(MDL, "first.yaml"), ROW % 0)
    for n in range(TRIES):
        r = Round(a, rnd, n)
        why, rests, b = run_round(a, r, dc, dc2)
        wrong += [(n, str(r), why)] if why else []
        rested[r.act] = rested.get(r.act, 0) + rests
        busy += b
    dc.close()
    dc2.close()
    T.equal(wrong[:5], [], "bytes changed by what was opened before, in %d tries (seed %d)" % (TRIES, SEED))
    print("     %d tries, %d wrong; came to rest: %s; busy %d times" % (TRIES, len(wrong), rested, busy))
    T.check(all(rested.get(k, 0) > TRIES / 50 for k in acts) and busy > TRIES / 10, "each act worked, and met files that were open", (rested, busy))
    check_seals(a)


def check_seals(a):
    """What the daemon has hashed is what is there."""
    names = [n for n in os.listdir(a.behind("zone")) if n.startswith("f")]
    def sealed(n):
        return as_user(DC, os.getxattr, a.at("zone", n), "user.zddc.sha256").decode() if not err_as(DC, os.getxattr, a.at("zone", n), "user.zddc.sha256") else ""
    wrong = [n for n in names[-100:] if not eventually(lambda n=n: sealed(n) == hashlib.sha256(a.text("zone", n)).hexdigest(), 10)]
    T.check(len(names) > TRIES / 50 and not wrong, "sealed with the hash of its bytes", wrong[:5])


if __name__ == "__main__":
    T.run(test_opened_before)
    T.finish()
