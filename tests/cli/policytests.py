#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc test: what passes, what fails and how it says so, rule coverage, wrong files, and how long 100,000 tests take."""
import os
import resource
import subprocess

from tool import WORK, data, finish, one_line_error, run, text, tree
from harness import PARTY_ZDDC, ROOT_ZDDC, SANITIZED, SLOW, T, ZDDC

PEOPLE = "people: {dc: dc@example.com, pt: PT@example.com, anon: anonymous}\n"
TREE = {".zddc": ROOT_ZDDC, "P/archive/Acme/.zddc": PARTY_ZDDC}


def cases(body, name="t.yaml"):
    path = os.path.join(WORK, name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(body)
    return path


def in_file(body):
    """A file with a tree of its own."""
    return cases(PEOPLE + "tree:\n  .zddc: |\n" + "".join("    %s\n" % l for l in ROOT_ZDDC.splitlines()) + body)


def counts(p):
    got = data(p)
    return got.get("passed"), got.get("failed")


def passes():
    p = run("test", in_file("tests:\n"
                            "- {as: dc, op: mkdir, path: P/archive/Acme, expect: allow}\n"
                            "- {as: pt, op: mkdir, path: P/archive/Acme, expect: deny, reason: missing-verb}\n"
                            "- {as: pt@example.com, op: create, path: P/archive/Acme/staging/x, expect: allow, by: defaults}\n"
                            "- {as: anon, op: enter, path: ., expect: deny}\n"
                            "- {as: admin@example.com, op: write, path: P/.zddc, expect: allow, reason: standing, by: '.zddc:2'}\n"
                            "- {as: admin@example.com, op: mkdir, path: P, elevated: true, expect: allow}\n"
                            "- {as: dc, op: read, path: x, on: mount, expect: allow}\n"))
    T.equal((p.returncode, text(p).split(";")[0]), (0, "6 tests: 6 passed, 0 failed"), "a file of tests: " + p.stderr.decode())
    top = tree(TREE)
    f = cases(PEOPLE + "tests:\n- {as: dc, op: write, path: P/archive/Acme/.zddc, expect: allow, by: P/archive/Acme/.zddc:4}\n")
    T.equal(run("test", f, "--tree", top).returncode, 0, "about an archive")
    T.equal(run("test", f, f, "--tree", top, "--json").returncode, 0, "several files")
    T.equal(counts(run("test", f, f, "--tree", top, "--json")), (2, 0), "are counted together")
    with open(f, "rb") as stdin:
        T.equal(run("test", "-", "--tree", top, stdin=stdin).returncode, 0, "standard input")


def attributes():
    spec = ("tree: {.zddc: 'acl: {permissions: {a@b.c: rw, group:crew: rd}}\n\n  freeze_until: 2030-01-01\n\n"
            "  when: {w: risk_score < 50 and environment != prod and provenance matches \"x*\"}'}\ndefaults: none\ntests:\n")
    base = "as: a@b.c, op: write, path: f, time: 2031-01-01T00:00:00Z"
    for more, verdict in (("environment: dev, provenance: xy, risk: 20", "allow"), ("environment: dev, provenance: xy, risk: 60", "deny"),
                          ("environment: prod, provenance: xy, risk: 20", "deny"), ("environment: dev, provenance: z, risk: 20", "deny"), ("risk: 2", "deny")):
        T.equal(run("test", cases(spec + "- {%s, %s, expect: %s}\n" % (base, more, verdict))).returncode, 0, "conditions: " + more)
    p = run("test", cases(spec + "- {as: a@b.c, op: write, path: f, time: 2029-01-01, environment: dev, provenance: xy, risk: 1, expect: deny, reason: frozen}\n"
                          "- {as: x@y.z, op: unlink, path: f, groups: [Crew], time: 2031-01-01, expect: allow}\n"
                          "- {as: x@y.z, op: unlink, path: f, groups: crew, time: 2031-01-01, expect: allow}\n"
                          "- {as: x@y.z, op: unlink, path: f, time: 2031-01-01, expect: deny}\n"))
    T.equal(p.returncode, 0, "time and groups: " + text(p))
    strict = "tree: {.zddc: 'acl: {permissions: {a@b.c: \"\"}}', 'd/.zddc': 'acl: {permissions: {a@b.c: r}}'}\noptions: strict\n"
    T.equal(run("test", cases(strict + "tests: [{as: a@b.c, op: read, path: d/f, expect: deny, reason: strict-denied}]\n")).returncode, 0, "strict")


def tables():
    p = run("test", in_file("holds:\n- {path: P/archive/Acme/issued, who: {dc: rc, pt: r, anon: ''}}\n"), "--json")
    ops = {t["op"] for t in data(p).get("tests", [])}
    T.equal(p.returncode, 0, "a table of verbs")
    T.check({"list", "read", "write", "create", "mkdir", "unlink", "rmdir", "rename-to", "enter", "link"} <= ops, "tries every operation", ops)
    p = run("test", in_file("holds:\n- {path: P/archive/Acme/issued, who: {dc: rcd}}\n"))
    T.equal(p.returncode, 1, "a wrong one fails")
    T.check("expected allow, got deny because write-once (defaults:" in text(p), "and says why", text(p))
    bodies = "cases:\n" + "".join("- tree: {.zddc: 'acl: {permissions: {a@b.c: %s}}'}\n  tests: [{as: a@b.c, op: write, path: f, expect: %s}]\n" % c
                                  for c in (("r", "deny"), ("w", "allow")))
    T.equal(counts(run("test", cases(bodies), "--json")), (2, 0), "several cases, each with its tree")


def failures():
    body = in_file("tests:\n- {about: the ratchet, as: pt, op: unlink, path: P/archive/Acme/staging/x, expect: allow}\n")
    p = run("test", body)
    line = text(p).splitlines()[0]
    T.equal(p.returncode, 1, "a failed test is status 1")
    T.check(line.startswith("FAIL %s:12: the ratchet: pt unlink P/archive/Acme/staging/x: expected allow, got deny because missing-verb (defaults:" % body),
            "says where, what, and what decided", line)
    for wrong in ("reason: grant", "by: .zddc", "by: 'defaults:1'"):
        p = run("test", in_file("tests:\n- {as: pt, op: unlink, path: P/archive/Acme/staging/x, expect: deny, %s}\n" % wrong))
        T.equal(p.returncode, 1, "the right verdict for another reason fails: " + wrong)
    got = data(run("test", in_file("tests:\n- {as: pt, op: unlink, path: P/archive/Acme/staging/x, expect: allow}\n"), "--json"))["tests"][0]
    T.equal((got["ok"], got["expect"], got["got"], got["reason"], got["by"], got["line"]), (False, "allow", "deny", "missing-verb", "defaults", 12), "as JSON")
    move = "tests:\n- {as: dc, op: rename-from, path: P/archive/Acme/incoming/x, to: %s/x, expect: %s}\n"
    for to, verdict in (("P/archive/Acme/issued", "allow"), ("P/archive/Acme/staging", "allow"), ("P", "deny")):
        T.equal(run("test", in_file(move % (to, verdict))).returncode, 0, "both ends of a move count: " + to)


def coverage():
    body = PEOPLE + ("tree:\n  .zddc: |\n    admins: [admin@example.com]\n    acl:\n      permissions:\n        dc@example.com: rw\n        pt@example.com: r\n"
                     "        crew: r\n    roles: {crew: {members: [x@y.z, '*@q.r']}}\n  zone/.zddc: |\n    worm: [dc@example.com]\ndefaults: none\ntests:\n")
    p = run("test", cases(body + "- {as: dc, op: read, path: f, expect: allow}\n"))
    T.check("reached 1 of 7 rules (--coverage lists" in text(p), "one grant was reached", text(p))
    p = run("test", cases(body + "- {as: dc, op: read, path: f, expect: allow}\n- {as: x@y.z, op: read, path: f, expect: allow}\n"
                          "- {as: dc, op: unlink, path: zone/f, expect: deny}\n"), "--coverage")
    out = text(p)
    T.check("reached 4 of 7 rules\n" in out, "a role reaches the grant and the member; the mask the zone", out)
    for miss in (".zddc:1: no test reaches admins admin@example.com", ".zddc:5: no test reaches grant pt@example.com", ".zddc:7: no test reaches member *@q.r"):
        T.check(miss in out, "lists " + miss, out)
    T.check("dc@example.com" not in out and "zone/.zddc" not in out, "and nothing that was reached", out)
    own = cases("tree: {.zddc: 'title: x'}\ndefaults: 'acl: {permissions: {a@b.c: r}}'\ntests: [{as: a@b.c, op: read, path: f, expect: allow}]\n")
    T.check("reached 1 of 1 rules" in text(run("test", own)), "own defaults count, built-in ones do not", text(run("test", own)))


def wrong_files():
    for body, word in (("tests: [{as: x, op: read, path: f, expect: allow}]", "\"x\" is no e-mail address"), ("testz: []", "did you mean \"tests\""),
                       ("tests: [{as: a@b.c, op: raed, path: f, expect: allow}]", "no operation \"raed\""),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: maybe}]", "allow or deny"), ("tests: [{as: a@b.c, op: read, expect: allow}]", "path: is missing"),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: allow, reason: because}]", "no reason"),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: allow, risk: 200}]", "0 to 100"),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: allow, elevated: 1}]", "true or false"),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: allow, time: noon}]", "a time like"),
                       ("tests: [{as: a@b.c, op: read, path: f, expect: allow, pth: f}]", "did you mean \"path\""), ("tests: {a: b}", "tests is a list"),
                       ("holds: [{path: f, who: {a@b.c: rx}}]", "no verb \"x\""), ("holds: [{path: f}]", "who: is missing"), ("options: quick\ntree: {}", "strict"),
                       ("defaults: none", "belong to a tree"), ("tree: {.zddc: {a: b}}", "text of the file"), ("tests: [{as: a@b.c, op: read, path: a/../b, expect: allow}]", "no \"..\""), ("tests: [{as: a@b.c, op: read, path: /a, expect: allow}]", "from the root of the archive"), ("- 1", "is a map"), ("tests: [1]", "a map"), ("tests: [", "not YAML")):
        p = run("test", cases(body + "\n"))
        T.check(p.returncode == 3 and word in p.stderr.decode() and "t.yaml:" in p.stderr.decode(), "%s: %s" % (body, word), (p.returncode, p.stderr))
    one_line_error(run("test", cases("about: nothing\n")), 3, "no test in it")
    one_line_error(run("test", cases("tests: [{as: a@b.c, op: read, path: f, expect: allow}]\n")), 2, "--tree")
    one_line_error(run("test", os.path.join(WORK, "none.yaml")), 4, "none.yaml")
    one_line_error(run("test"), 2, "FILE")
    one_line_error(run("test", cases("tests: []\n"), "--tree", "/nowhere"), 4, "/nowhere")
    p = run("test", cases("tests: [{as: a@b.c, op: read, path: f, expect: deny}]\n"), "--tree", tree({".zddc": "titel: x\n"}))
    T.check(p.returncode == 3 and b"title" in p.stderr, "an invalid archive is status 3", (p.returncode, p.stderr))
    p = run("test", cases("defaults: 'nonsense: 1'\ntree: {}\ntests: [{as: a@b.c, op: read, path: f, expect: deny}]\n"))
    T.check(p.returncode == 3 and b"defaults:1:1" in p.stderr, "and invalid defaults", p.stderr)


def many():
    """100,000 tests in seconds (SPEC section 16)."""
    n = 100000 // (10 if SANITIZED else 1)
    ops = ("read", "create", "unlink", "write", "mkdir")
    with open(in_file("tests:\n"), "a", encoding="utf-8") as f:
        for i in range(n):
            who = "dc" if i % 2 else "pt"
            verdict = "allow" if who == "dc" or i % 5 in (0, 1, 4) else "deny"
            f.write("- {as: %s, op: %s, path: P%d/archive/Acme%d/staging/f%d, expect: %s}\n" % (who, ops[i % 5], i % 10, i % 1000, i, verdict))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    p = subprocess.run([ZDDC, "test", f.name], stdout=subprocess.PIPE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print("zddc test: %d tests in %.2f s of processor time" % (n, used))
    T.check(p.returncode == 0 and b"%d passed" % n in p.stdout, "%d tests" % n, p.stdout)
    T.check(used < 3 * SLOW, "take seconds", used)


finish(passes, attributes, tables, failures, coverage, wrong_files, many)
