#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Power cuts while the ledger is written by many: the next start goes on from what is sound, moves a torn end aside and records that, and
takes it for no damage; elevations and policies that were answered are in it. (power.py looks at single commits.) CUTS and SEED."""
import json
import subprocess
import time

from lab import *  # noqa: F403
from lab import ADMIN, ALICE, PT, SANITIZED, Archive, Child, T, as_user, err, err_as, hashlib, run
from power import POLICY, RND, SEED, CutArchive, put
from harness import ZDDC, read_file
import os

CUTS = int(os.environ.get("CUTS", "0")) or (10 if not SANITIZED else 4)


def work(base, stop):
    n = 0
    while not os.path.exists(stop):
        path = os.path.join(base, "w%d-%d" % (os.getpid(), n))
        if err(os.mkdir, path) or err(os.rmdir, path):
            return  # the disk is full
        time.sleep(0.004)  # the disk is small
        n += 1


def commits(path, told, stop):
    n = 0
    with open(told, "a") as f:
        while not os.path.exists(stop):
            text = (POLICY % n).encode()
            put(path, text)
            f.write(hashlib.sha256(text).hexdigest() + "\n")
            f.flush()
            time.sleep(0.08)
            n += 1


def events(where):
    out = []
    for name in sorted(os.listdir(where)):
        if name.endswith(".jsonl"):
            with open(os.path.join(where, name), "rb") as f:
                for x in f.read().split(b"\n"):
                    try:
                        out.append(json.loads(x.decode()))
                    except ValueError:
                        pass  # zddc audit verify has looked at it
    return out


def next_start(after):
    """What the next daemon makes of it: (state, errno of a change, its events)."""
    b = Archive({})
    try:
        run("mount", "--bind", after, b.back)
        b.mount()
        state = json.loads(as_user(ADMIN, read_file, b.at(".zddc.d/status.json")))["ledger"]
        changed = err_as(ALICE, os.mkdir, b.at("P/free/after"))
        b.umount()
        p = subprocess.run([ZDDC, "audit", "verify", b.back], stdout=subprocess.PIPE)
        if p.returncode and os.environ.get("KEEP"):
            subprocess.run(["cp", "-r", b.behind(".zddc.d/ledger"), os.environ["KEEP"]])
            print(p.stdout.decode())
        return state["state"] + (state["why"] or ""), changed, p.returncode, events(b.behind(".zddc.d/ledger"))
    finally:
        b.close()


def test_cuts():
    a = CutArchive().mount()
    stop, told = os.path.join(a.base, "stop"), os.path.join(a.base, "told")
    put(told, b"")
    os.chmod(told, 0o666)
    kids = [Child(ALICE, work, a.at("P/free"), stop), Child(PT, work, a.at("P/free"), stop), Child(ADMIN, commits, a.at("P/pol/.zddc"), told, stop)]
    wrong, missing, aside, total = [], [], 0, 0
    for i in range(10 * CUTS):
        if i >= CUTS and a.lost + aside > 0 and total > CUTS:
            break  # enough cuts, and some had something to lose
        time.sleep(0.05 + RND.random() * 0.1)
        with open(told) as f:
            answered = set(f.read().split("\n")[:-1])
        with a.cut() as after:
            got = next_start(after)
        have = {x["attrs"].get("new_hash") for x in got[3] if x["event"] == "policy_change"}
        missing += sorted(answered - have)[:2]
        aside += any(x["event"] == "recovery" and "moved aside" in x["attrs"]["reason"] for x in got[3])
        total = len(answered)
        if got[:3] != ("good", "", 0):
            wrong.append((i,) + got[:3])
    put(stop, b"")
    for k in kids:
        k.wait()
    T.check(not wrong, "every cut is survived: the ledger goes on and is sound", wrong[:3])
    T.check(not missing, "every policy that was answered is in it", missing[:3])
    T.check(total > CUTS and a.lost + aside > 0, "there was work, and something to lose", (i, total, a.lost, aside))
    print("     %d cuts, %d lost something, %d torn ends moved aside, %d answered commits, seed %d" % (i, a.lost, aside, total, SEED))


if __name__ == "__main__":
    T.run(test_cuts)
    T.finish()
