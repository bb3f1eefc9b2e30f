#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc with arguments by chance: it never crashes or hangs, its status is one of five, what it says to people is short and clean.

ARGUMENTS_SEED and ARGUMENTS_COUNT change what is tried."""
import json
import os
import random
import subprocess

from tool import WORK, finish, run, text, tree
from harness import PARTY_ZDDC, ROOT_ZDDC, SANITIZED, T, ZDDC

SEED = int(os.environ.get("ARGUMENTS_SEED", random.randrange(1 << 32)))
COUNT = int(os.environ.get("ARGUMENTS_COUNT", 60 if SANITIZED else 250))
RUNS_COMMANDS = {"with", "elevate"}  # they would start whatever word comes


def values(top):
    return [b"", b"x", b"-", b"--", b"-1", b"0", b"99999999999999999999", b"a@b.c", b"*@b.c", b"anonymous", b"role:observer", b"group:x", b"read", b"unlink", b"2026-01-31",
            b"7d", b"2026-13-45T99:99:99Z", b"\xff\xfe\x1b[31m", b"%s%n%d", b"A" * 5000, b"../../../..", b"/", b"/dev/null", b"/proc/self/mem", b"R1,H3,", b"a,b,,c", b"rwcda",
            top, top + b"/P", top + b"/.zddc", top + b"/P/archive/Acme/.zddc", top + b"/P/archive/Acme/issued/none", top + b"/" + b"x" * 300, top + b"//P/./archive/"]


def one(rng, commands, top):
    row = rng.choice(commands)
    pool = values(top)
    args = [row["command"].encode()]
    for _ in range(rng.randrange(5)):
        if row["options"] and rng.random() < 0.6:
            o = rng.choice(row["options"])
            args.append(b"--" + o["name"].encode() + (b"=" + rng.choice(pool) if rng.random() < 0.2 else b""))
            if o["argument"] and rng.random() < 0.9:
                args.append(rng.choice(pool))
        else:
            args.append(rng.choice(pool + [b"--nonsense", b"-z", b"-o", b"--json"]))
    p = subprocess.run([os.fsencode(ZDDC), *args], cwd=WORK, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    name = b" ".join(args)[:300]
    T.check(0 <= p.returncode <= 4, "a status of five: %r" % name, (p.returncode, p.stderr[-2000:]))
    T.check(b"\x1b" not in p.stderr and b"\x1b" not in p.stdout, "nothing reaches the terminal: %r" % name)
    if p.returncode == 2:
        T.check(p.stderr.startswith(b"zddc") and p.stderr.count(b"\n") == 1 and not p.stdout, "a wrong line is told in one line: %r" % name, p.stderr[:500])


def by_chance():
    rng = random.Random(SEED)
    top = os.fsencode(tree({".zddc": ROOT_ZDDC, "P/archive/Acme/.zddc": PARTY_ZDDC, "P/archive/Acme/issued/x": "x"}))
    commands = [c for c in json.loads(text(run("help", "--json"))) if c["command"] not in RUNS_COMMANDS]
    print("ARGUMENTS_SEED=%d ARGUMENTS_COUNT=%d" % (SEED, COUNT))
    for _ in range(COUNT):
        one(rng, commands, top)


finish(by_chance)
