#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc access: who holds what in a directory, what one person holds in a tree, the matrix as text, CSV, JSON and page; on a mount too."""
import csv
import io
import json
import os
import subprocess

from tool import Page, WORK, data, finish, one_line_error, run, text, tree
from harness import ADMIN, PARTY_ZDDC, PT, ROOT_ZDDC, SANITIZED, SLOW, T, ZDDC, Archive

HOME = "created_by: %s\nacl:\n  inherit: false\n  permissions:\n    %s: rwcda\n"
FILES = {
    ".zddc": ROOT_ZDDC,
    "P/archive/Acme/.zddc": PARTY_ZDDC, "P/archive/Bolt/.zddc": PARTY_ZDDC, "P/archive/Chem/.zddc": PARTY_ZDDC,
    "P/archive/Acme/incoming/.zddc": "acl:\n  permissions:\n    vic@vendor.example: rc\n    '*@client.example': r\n    group:crew: rc\n    eve@example.com: ''\n",
    "P/archive/Acme/working/pt/.zddc": HOME % (("pt@example.com",) * 2), "P/archive/Acme/working/pt2/.zddc": HOME % (("pt2@example.com",) * 2),
    "F/.zddc": "freeze_until: 2099-01-01\nwhen:\n  d: owner == bob@example.com\nacl:\n  permissions:\n    '*': rd\n    bob@example.com: rd\n", "F/archive/": None,
}


def holders(top, place, *args):
    p = run("access", os.path.join(top, place), "--json", *args)
    got = data(p)["places"][0]
    return got, {h["who"]: h for h in got["holders"]}


def directory():
    top = tree(FILES)
    place, by = holders(top, "P/archive/Acme/incoming")
    T.equal((place["path"], place["zone"], place["fenced"], place["freeze_until"]), ("P/archive/Acme/incoming", False, False, None), "the place")
    T.equal({w: by[w]["verbs"] for w in by}, {
        "admin@example.com": "", "aud@example.com": "r", "both@example.com": "rwcd", "dc@example.com": "rwcd", "dc2@example.com": "rwcd", "obs@example.com": "r",
        "pt@example.com": "r", "pt2@example.com": "r", "vic@vendor.example": "rc", "eve@example.com": "", "*@client.example": "r", "group:crew": "rc"}, "who holds what")
    T.equal((by["eve@example.com"]["denied"], by["admin@example.com"]["admin"], by["admin@example.com"]["admin_by"]), (True, True, {"file": ".zddc", "line": 2}), "denied; administers")
    T.equal((by["vic@vendor.example"]["grant"], by["dc@example.com"]["role"]), ({"file": "P/archive/Acme/incoming/.zddc", "line": 3}, "document_controller"), "which line, which role")
    for who in by:
        if by[who]["kind"] == "person":
            got = json.loads(text(run("explain", top + "/P/archive/Acme/incoming", "--json", "--as", who)))
            T.equal(got["verbs"], by[who]["verbs"], "explain says the same of " + who)
    place, by = holders(top, "P/archive/Acme/issued")
    T.equal((place["zone"], by["dc@example.com"]["verbs"], by["dc@example.com"]["filer"]), (True, "rc", True), "a write-once place")
    place, by = holders(top, "F")
    T.equal((place["freeze_until"], by["*"]["verbs"], by["*"]["conditional"], by["*"]["condition"]), ("2099-01-01T00:00:00Z", "r", "d", "owner == bob@example.com"), "conditions")
    T.equal((by["bob@example.com"]["verbs"], by["bob@example.com"]["conditional"]), ("rd", ""), "the owner whom one names")
    out = text(run("access", top + "/P/archive/Acme/issued/x.pdf", top + "/F"))
    for line in ("P/archive/Acme/issued  write-once  defaults:", "files by worm:  defaults:", "F  frozen until 2099-01-01T00:00:00Z", "  r(d)    *  ", "role observer"):
        T.check(line in out, "as text: " + line, out)
    p = run("access", tree({".zddc": "title: x\n"}))
    T.check(p.returncode == 1 and "nobody holds any verb here" in text(p), "nobody is status 1", (p.returncode, p.stdout))


def person():
    top = tree(FILES)
    got = data(run("access", top, "--who", "PT@example.com", "--json"))
    verbs = {p["path"]: p["holders"][0]["verbs"] for p in got["places"]}
    T.equal({p: verbs[p] for p in (".", "P", "P/archive/Acme/working", "P/archive/Acme/working/pt", "P/archive/Acme/working/pt2")},
            {".": "", "P": "r", "P/archive/Acme/working": "rc", "P/archive/Acme/working/pt": "rwcda", "P/archive/Acme/working/pt2": ""}, "where their verbs change")
    T.check("P/archive" not in verbs and "P/archive/Acme/issued" not in verbs, "and nowhere else", verbs)
    named = {(n["file"], n["line"], n["as"], n["what"]) for n in got["named"]}
    T.equal(named, {(".zddc", 5, "member of", "project_team"), ("P/archive/Acme/working/pt/.zddc", 1, "home, made by them", None),
                    ("P/archive/Acme/working/pt/.zddc", 5, "grants", "rwcda")}, "every line that names them")
    out = text(run("access", top, "--who", "role:observer"))
    T.check("P\n  r       role:observer" in out and ".zddc:6  member of" not in out, "a role", out)
    T.check("incoming/.zddc:4  grants r" in text(run("access", top, "--who", "*@client.example")), "a pattern")
    p = run("access", top, "--who", "none@example.com")
    T.check(p.returncode == 0 and "F  frozen" in text(p) and text(p).endswith("named by policy as none@example.com:\n  nowhere\n"), "whom nobody names", text(p))
    T.equal(run("access", top + "/P", "--who", "none@example.com").returncode, 1, "who holds nothing is status 1")
    one_line_error(run("access", top, "--who", "bob"), 2, "e-mail")
    one_line_error(run("access", top, top, "--who", "a@b.c"), 2, "one tree too many")


def matrix():
    top = tree(FILES)
    out = text(run("access", top, "--matrix"))
    lines = {l.split()[0]: l.split() for l in out.splitlines() if l.strip()}
    T.check("Bolt/ (+1)" in out and "Chem/" not in out, "folders that are alike share a row", out)
    T.check("pt/ (+1)" in out, "homes too", out)
    T.equal(lines["issued/"][:6], ["issued/", "W", "r", "rc", "r", "r"], "a row: write-once, then the roles")
    rows = list(csv.DictReader(io.StringIO(text(run("access", top, "--csv")))))
    by = {r["path"]: r for r in rows}
    acme = by["P/archive/Acme/incoming"]
    T.equal((acme["role:document_controller"], acme["role:project_team"], acme["group:crew"], acme["*@client.example"], acme["people"]), ("rwcd", "r", "rc", "r", "vic@vendor.example rc"), "CSV")
    T.equal((by["P/archive/Acme/issued"]["write_once"], by["P/archive/Acme/working/pt"]["fenced"], by["F"]["frozen_until"]), ("yes", "yes", "2099-01-01T00:00:00Z"), "CSV: signs of a place")
    T.equal(by["F"]["*"], "r(d)", "CSV: conditions")
    rows = data(run("access", top, "--matrix", "--json"))["rows"]
    cell = next(c for r in rows if r["path"] == "P/archive/Acme/issued" for c in r["cells"] if c["who"] == "role:document_controller")
    shown = text(run("show-defaults")).splitlines()
    file, line = cell["by"]["c"].split(":")
    T.equal((file, "worm:" in shown[int(line) - 1]), ("defaults", True), "c in a write-once place comes from worm:")
    T.equal(cell["by"]["r"], "P/archive/Acme/.zddc:5", "r from the grant")
    empty = text(run("access", tree({".zddc": ROOT_ZDDC, "New/archive/": None}), "--matrix"))
    T.check("(any)/" in empty and "issued/" in empty, "what a new party would get, where there is none", empty)
    odd = text(run("access", tree({".zddc": "acl:\n  permissions:\n    \"=cmd@b.c\": r\n", "=x/.zddc": "acl: {permissions: {a@b.c: rw}}\n"}), "--csv"))
    T.check("'=x" in odd and "'=cmd@b.c r" in odd, "a spreadsheet gets no formula", odd)
    one_line_error(run("access", top, top, "--matrix"), 2, "one tree too many")
    one_line_error(run("access", top, "--csv", "--who", "a@b.c"), 2, "--who")


def page():
    nasty = "<b>x</b>&\"'"
    top = tree(dict(FILES, **{"P/archive/%s/.zddc" % nasty.replace("/", "|"): "title: '<script>alert(1)</script>'\nacl:\n  permissions:\n    x@y.z: r\n"}))
    html = text(run("access", top, "--html"))
    p = Page(html)
    p.self_contained()
    T.check(len(p.links) > 100, "each verb is a link", len(p.links))
    T.check("<script" not in html and "<b>x" not in html, "names are escaped")
    T.check("title: '<script>alert(1)</script>'" in p.text, "and still there to read")
    for words in ("write-once", "fence", "frozen until 2099-01-01T00:00:00Z", "+1 alike", "its owner", "built-in defaults", "group:crew"):
        T.check(words in p.text, "the page says " + words)
    T.check("class=\"zone" in html and "fence-top" in html and "fence-end" in html, "zones and fences have their marks")


def on_a_mount():
    a = Archive({f: t for f, t in FILES.items() if "/working/" not in f}).mount()  # an administrator lists no homes

    def zddc(uid, *args):
        return subprocess.run([ZDDC, *args], cwd="/", user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    for args in (("--json",), ("--matrix", "--csv"), ("--who", "pt@example.com")):
        mount, behind = zddc(ADMIN, "access", a.at("P/archive/Acme"), *args), subprocess.run([ZDDC, "access", a.behind("P/archive/Acme"), *args], capture_output=True)
        T.equal((mount.returncode, mount.stdout), (behind.returncode, behind.stdout), "an administrator sees on the mount what the tree says: %s %s" % (args, mount.stderr))
    one_line_error(zddc(PT, "access", a.at("P/archive/Acme/incoming")), 4, "cannot read all the policy")


def large():
    """Thousands of directories in a moment."""
    n = 3000 // (3 if SANITIZED else 1)
    top = os.path.join(WORK, "large")
    for i in range(n // 100):
        for k in range(99):
            os.makedirs("%s/P/archive/Party%03d/staging/d%02d" % (top, i, k))
        with open("%s/P/archive/Party%03d/.zddc" % (top, i), "w", encoding="utf-8") as f:
            f.write(PARTY_ZDDC)
    with open(top + "/.zddc", "w", encoding="utf-8") as f:
        f.write(ROOT_ZDDC)
    before = os.times()
    out = text(run("access", top, "--matrix"))
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    print("access --matrix: %d directories in %.2f s of processor time" % (n, used))
    T.check("Party000/ (+%d)" % (n // 100 - 1) in out, "parties in one row", out)
    T.check(used < SLOW, "takes a moment", used)


finish(directory, person, matrix, page, on_a_mount, large)
