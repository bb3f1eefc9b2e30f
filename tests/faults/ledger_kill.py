#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 of the daemon under load: everything that was answered is in the ledger, every chain is sound, and the next start says what
happened. KILLS and SEED from the environment."""
import json
import random
import subprocess
import time

from lab import *  # noqa: F403
from lab import ADMIN, ALICE, BOB, LAB, PT, SANITIZED, Archive, Child, T, hashlib, mounted, umount2
from harness import MNT_DETACH, ZDDC
import os

KILLS = int(os.environ.get("KILLS", "0")) or (6 if not SANITIZED else 3)
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
RND = random.Random(SEED)


def make_dirs(base, told, tag):
    """Until the daemon is gone; what was answered goes into a file of its own, one line each."""
    with open(told, "a") as f:
        for i in range(1 << 30):
            try:
                os.mkdir("%s/%s-%d" % (base, tag, i))
            except OSError:
                return
            f.write("dir_create P/free/%s-%d\n" % (tag, i))
            f.flush()


def commit(path, told, tag):
    with open(told, "a") as f:
        for i in range(1 << 30):
            text = "acl: {permissions: {alice@example.com: r}}\n# %s %d\n" % (tag, i)
            try:
                fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
                try:
                    os.write(fd, text.encode())
                finally:
                    os.close(fd)
            except OSError:
                return
            f.write("policy_change %s\n" % hashlib.sha256(text.encode()).hexdigest())
            f.flush()


def recorded(a):
    out = set()
    where = a.behind(".zddc.d/ledger")
    for name in os.listdir(where):
        if not name.endswith(".jsonl"):
            continue
        with open(os.path.join(where, name), "rb") as f:
            for x in f.read().decode().split("\n"):
                e = json.loads(x) if x else {"event": ""}
                if e["event"] == "dir_create":
                    out.add("dir_create " + e["path"])
                if e["event"] == "policy_change":
                    out.add("policy_change " + e["attrs"]["new_hash"])
    return out


def test_kills():
    a = Archive(LAB)
    os.mkdir(a.base + "/told", 0o777)
    os.chmod(a.base + "/told", 0o777)
    answered = 0
    for n in range(KILLS):
        a.mount()
        jobs = [(ALICE, make_dirs, a.at("P/free")), (BOB, make_dirs, a.at("P/free")), (PT, make_dirs, a.at("P/free")), (ADMIN, commit, a.at("P/pol/.zddc"))]
        kids = [Child(uid, fn, where, "%s/told/%d-%d" % (a.base, n, i), "%d-%d" % (n, i)) for i, (uid, fn, where) in enumerate(jobs)]
        time.sleep(0.05 + RND.random() * 0.3)
        a.kill()
        for k in kids:
            k.wait()
        while mounted(a.mnt):
            umount2(a.mnt, MNT_DETACH)
        told = set()
        for name in os.listdir(a.base + "/told"):
            with open(os.path.join(a.base, "told", name)) as f:
                told |= set(f.read().split("\n")) - {""}
        missing = told - recorded(a)
        T.check(not missing, "kill %d: everything that was answered is in the ledger (%d)" % (n, len(told)), sorted(missing)[:5])
        answered = len(told)
    a.mount()
    T.equal(a.umount(), 0, "ends cleanly")
    p = subprocess.run([ZDDC, "audit", "verify", a.back], stdout=subprocess.PIPE)
    T.equal((p.returncode, p.stdout.count(b"\n")), (0, KILLS + 2), "every chain is sound: " + p.stdout.decode())
    p = subprocess.run([ZDDC, "audit", "--event", "recovery", a.back], stdout=subprocess.PIPE)
    T.equal(p.stdout.count(b"ended without an unmount") + p.stdout.count(b"moved aside"), KILLS, "every kill is recorded at the next start")
    T.check(answered > 50 * KILLS, "there was work", answered)
    print("     %d kills, %d answered changes, seed %d" % (KILLS, answered, SEED))


if __name__ == "__main__":
    T.run(test_kills)
    T.finish()
