#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Offline on a tree and live on a mount zddc explain gives the same answer: each test of tests/policy is asked of both, as its user."""
import glob
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "policy"))
import run as policy  # noqa: E402
from harness import ROOT, SANITIZED, T, ZDDC, as_user, err  # noqa: E402


def zddc(*args, **more):
    p = subprocess.run([ZDDC, *args], cwd="/", stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **more)
    try:
        return p.returncode, json.loads(p.stdout.decode() or "null")
    except ValueError:
        return p.returncode, None


def tree_args(case, archive):
    args = ["--strict"] if case.strict else []
    args += ["--" + o for o in case.spec.get("options", []) if o.startswith("environment=")]
    return args + (["--defaults", os.path.join(archive.base, "defaults.yaml")] if case.defaults != "builtin" else [])


def visible(uid, groups, path):
    return as_user(uid, err, os.stat, path, groups=groups) == ""


def compare(case, archive, people, test):
    email, groups = test.who
    uid = people.uid(test.who)
    gids = [policy.h.grp_gid(g) for g in groups] if groups and hasattr(policy.h, "grp_gid") else []
    as_them = {"user": uid, "group": uid, "extra_groups": gids}
    live, m = zddc("explain", os.path.join(archive.mnt, test.path), "--op", test.op, "--json", **as_them)
    away, t = zddc("explain", os.path.join(archive.back, test.path), "--root", archive.back, "--op", test.op, "--json", "--as", email or "anonymous",
                   *(["--groups", ",".join(groups)] if groups else []), *tree_args(case, archive))
    if live == 4 or not m:  # the mount says nothing of places that this user does not see
        parent = os.path.join(archive.mnt, os.path.dirname(test.path))
        T.check(not visible(uid, gids, parent) or not visible(uid, gids, archive.mnt + "/.zddc.d") or not test.allow, "only what is not seen has no answer: " + test.name, live)
        return False
    same = {k: (m.get(k), (t or {}).get(k)) for k in ("allowed", "reason", "needs", "src", "mask")}
    if same["reason"] == ("sealed", "write-once") or (m.get("src") or {}).get("file") == "(hidden)":
        same = {"allowed": same["allowed"]}  # on a mount a file has a state, and some policy is hidden
    if (m.get("mask") or {}).get("file") == "(hidden)":
        same.pop("mask", None)
    T.check(live == away and all(a == b for a, b in same.values()), "mount and tree say the same: " + test.name, (live, away, same))
    return True


def one_case(case, people):
    archive = case.build(people)
    asked = 0
    tests = [t for t in case.tests if t.sides == ["engine", "mount"]]
    explicit = tests[:len(case.spec.get("tests", []))]
    table = tests[len(explicit)::97]  # of the tables of verbs, one in some
    if SANITIZED:
        explicit = explicit[::3]
    archive.mount(case.mount_options(archive))
    for test in explicit + table:
        asked += compare(case, archive, people, test)
    archive.close()
    return asked


def all_cases():
    people = policy.People()
    cases = [c for c in policy.load(sorted(glob.glob(os.path.join(ROOT, "tests/policy/*.yaml")))) if not c.spec.get("break")]
    people.prepare(cases)
    asked = sum(one_case(case, people) for case in cases)
    people.close()
    print("asked twice: %d" % asked)
    T.check(asked > (80 if SANITIZED else 200), "enough was asked", asked)


T.run(all_cases)
T.finish()
