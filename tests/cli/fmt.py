#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc fmt: canonical text, comments kept, meaning kept, a second time nothing changes; files in place, trees, and what is refused."""
import glob
import json
import os
import subprocess

from tool import WORK, data, finish, one_line_error, run, text, tree
from harness import ROOT, T

UGLY = """# the archive
title:   "Archive"   # for people


admins:
- admin@example.com
acl: {permissions: { "*@example.com": 'r',   # everybody of ours
                     role:x: rw}}
# last word
"""
NICE = """# the archive
title: Archive  # for people

admins:
  - admin@example.com
acl:
  permissions:
    '*@example.com': r  # everybody of ours
    role:x: rw
# last word
"""


def policy_hash(top):
    return json.loads(text(run("whoami", top, "--as", "a@b.c", "--json")))["policy"]


def prints():
    top = tree({".zddc": UGLY})
    p = run("fmt", top + "/.zddc")
    T.equal((p.returncode, text(p), p.stderr), (0, NICE, b""), "canonical form on standard output")
    with open(top + "/.zddc", "rb") as f:
        T.equal(text(run("fmt", "-", stdin=f)), NICE, "of standard input too")
        f.seek(0)
        T.equal(f.read().decode(), UGLY, "the file is as it was")
    T.equal(text(run("fmt", cases(NICE))), NICE, "twice is once")
    T.equal(data(run("fmt", top, "--json"))["changed"][0]["text"], NICE, "--json of a tree")


def cases(body, name="p.yaml"):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(body)
    return path


def in_place():
    top = tree({".zddc": UGLY, "P/.zddc": "a:\n- b\n", "P/fine/.zddc": "title: fine\n", "P/other.yaml": "a:   b\n", "P/.zddc.d/.zddc": "a:    b\n"})
    p = run("fmt", "--check", top)
    T.equal((p.returncode, text(p)), (1, "%s/.zddc: is not in canonical form\n%s/P/.zddc: is not in canonical form\n" % (top, top)), "--check of a tree")
    os.chmod(top + "/.zddc", 0o640)
    before = policy_hash(top)
    T.equal(run("fmt", "--write", top).returncode, 0, "--write")
    with open(top + "/.zddc", encoding="utf-8") as f:
        T.equal(f.read(), NICE, "the file is canonical")
    T.equal(os.stat(top + "/.zddc").st_mode & 0o7777, 0o640, "its mode stays")
    T.equal(policy_hash(top), before, "and the policy hash")
    T.equal(sorted(os.listdir(top)), [".zddc", "P"], "nothing is left beside it")
    p = run("fmt", "--check", top)
    T.equal((p.returncode, text(p)), (0, ""), "then there is nothing to say")
    with open(top + "/P/other.yaml", encoding="utf-8") as f:
        T.equal(f.read(), "a:   b\n", "other files of a tree are none of its business")


def refuses():
    top = tree({".zddc": "a: [\n", "P/.zddc": "a:   b\n"})
    p = run("fmt", "--write", top)
    T.check(p.returncode == 3 and b".zddc:2:" in p.stderr, "what is no YAML is named", (p.returncode, p.stderr))
    with open(top + "/.zddc", encoding="utf-8") as f:
        T.equal(f.read(), "a: [\n", "and left alone")
    with open(top + "/P/.zddc", encoding="utf-8") as f:
        T.equal(f.read(), "a: b\n", "the others are written")
    one_line_error(run("fmt"), 2, "FILE or TREE")
    one_line_error(run("fmt", top), 2, "--check", "--write")
    one_line_error(run("fmt", "--write", "-"), 2, "--check")
    one_line_error(run("fmt", "--write", "--check", top), 2, "one of them")
    one_line_error(run("fmt", top + "/none"), 4, "none")


def ours():
    """Every YAML text of the project keeps its meaning and its comments, and a second time nothing changes."""
    files = [f for d in ("defaults", "schemas", "tests/policy") for f in glob.glob(os.path.join(ROOT, d, "*.yaml"))]
    T.check(len(files) > 15, "there are some")
    for f in files:
        once = run("fmt", f)
        T.equal(once.returncode, 0, "fmt " + f)
        T.equal(run("fmt", cases(text(once))).stdout, once.stdout, "twice: " + f)
        with open(f, encoding="utf-8") as before:
            kept = [l.strip() for l in before if l.lstrip().startswith("#")]
        T.check(all(l in text(once) for l in kept), "comments of " + f)
    file = cases(text(run("fmt", os.path.join(ROOT, "tests/policy/when.yaml"))))
    T.equal(subprocess.run([os.environ["ZDDC"], "test", file], stdout=subprocess.DEVNULL).returncode, 0, "tests of a formatted file pass")


finish(prints, in_place, refuses, ours)
