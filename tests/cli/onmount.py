#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc on a live mount, as real users: it asks the daemon, and what it says is what the engine says of the tree behind."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
from harness import (ADMIN, ANON, AUD, DC, NOBODY, OBS, PARTY_ZDDC, PEOPLE, PT, ROOT_ZDDC, T, ZDDC, Archive, as_user, err_as)  # noqa: E402

ODD = b"a\nb\xff (IFR).pdf"
TREE = {".zddc": ROOT_ZDDC, "P/archive/Acme/.zddc": PARTY_ZDDC, "P/archive/Acme/issued/x.pdf": "x", "P/archive/Acme/staging/s.txt": "s",
        b"P/archive/Acme/incoming/" + ODD: "odd", "P/archive/Acme/working/": None,
        "P/closed/.zddc": "acl:\n  inherit: false\n  permissions:\n    dc@example.com: rw\n", "P/closed/f": "f"}


def archive(options=""):
    a = Archive()
    for path, text in TREE.items():
        a.put(path if isinstance(path, bytes) else path, text)
    return a.mount(options)


def zddc(uid, *args, cwd="/"):
    # the shell changes directory as that user: the parent may not enter
    return subprocess.run(["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, ZDDC, *args], cwd="/", user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=60)


def data(p):
    try:
        return json.loads(p.stdout.decode())
    except ValueError:
        T.check(False, "JSON of %s" % " ".join(map(str, p.args[1:])), (p.returncode, p.stdout, p.stderr))
        return {}


def one_line_error(p, status, *words):
    said = p.stderr.decode("utf-8", "replace")
    T.equal((p.returncode, said.count("\n")), (status, 1), "status and one line: %s: %s" % (" ".join(map(str, p.args[1:])), said))
    for word in words:
        T.check(word in said, "says %r" % word, said)


def whoami():
    a = archive()
    p = zddc(DC, "whoami", a.at("P/archive"))
    T.equal(p.returncode, 0, "whoami on a mount: %s" % p.stderr)
    T.check(b"dc@example.com" in p.stdout and b"document_controller" in p.stdout, "names address and role", p.stdout)
    got = data(zddc(DC, "whoami", "--json", cwd=a.at("P/archive")))
    T.equal((got.get("email"), got.get("verbs"), got.get("path"), got.get("strict")), ("dc@example.com", "rwc", "P/archive", False), "as JSON, here")
    T.equal(data(zddc(DC, "whoami", "--json", a.at("P/archive/Acme/issued/x.pdf"))).get("path"), "P/archive/Acme/issued", "of a file: its directory")
    T.equal(data(zddc(ADMIN, "whoami", "--json", a.mnt)).get("admin"), True, "an administrator")
    p = zddc(ANON, "whoami", a.mnt)
    T.equal(p.returncode, 1 if not err_as(ANON, os.stat, a.at(".zddc.d/whoami")) else 4, "anonymous")
    one_line_error(zddc(DC, "whoami", a.mnt, "--as", "x@y.z"), 2, "zddc explain")
    tree = json.loads(subprocess.run([ZDDC, "whoami", "--json", "--as", PEOPLE[PT], a.behind("P/archive/Acme")], stdout=subprocess.PIPE).stdout)
    mount = data(zddc(PT, "whoami", "--json", a.at("P/archive/Acme")))
    for key in ("email", "verbs", "path", "admin", "policy"):
        T.equal(mount.get(key), tree[key], "whoami says the same of mount and tree: " + key)


def why():
    a = archive()
    p = zddc(DC, "why", a.mnt)
    T.equal((p.returncode, b"nothing was refused" in p.stdout), (0, True), "nothing refused yet: %s" % p.stderr)
    T.equal(zddc(DC, "why", "--json", a.mnt).stdout, b"{}\n", "as JSON")
    T.equal(err_as(DC, os.unlink, a.at("P/archive/Acme/issued/x.pdf")), "EPERM", "a controller does not delete what was issued")
    for where in (a.mnt, a.at("P/archive/Acme/staging")):
        p = zddc(DC, "why", where)
        T.equal(p.returncode, 1, "the refusal is status 1")
        T.check(b"P/archive/Acme/issued/x.pdf" in p.stdout and b"defaults:" in p.stdout, "names the path and the line", p.stdout)
        T.check(b"{" not in p.stdout, "and shows people no JSON", p.stdout)
    p = zddc(DC, "why", cwd=a.at("P"))
    T.equal(p.returncode, 1, "where one is")
    got = data(zddc(DC, "why", "--json", a.mnt))
    T.equal((got.get("op"), got.get("path"), got.get("verb")), ("unlink", "P/archive/Acme/issued/x.pdf", "d"), "why --json")
    T.equal(zddc(OBS, "why", a.mnt).returncode, 0, "another's refusals are not shown")
    T.equal(err_as(PT, open, a.at("P/archive/Acme/staging/s.txt"), "a"), "EACCES", "the ratchet")
    T.check(b"staging/s.txt" in zddc(PT, "why", a.mnt).stdout, "each has their own")
    one_line_error(zddc(DC, "why", "/usr"), 4, "not on a mount")


CASES = [("P/archive/Acme/issued/x.pdf", "unlink"), ("P/archive/Acme/issued/x.pdf", "read"), ("P/archive/Acme/issued/new.pdf", "create"),
         ("P/archive/Acme/staging/s.txt", "write"), ("P/archive/Acme/staging/new", "mkdir"), ("P/archive/Acme/staging/s.txt", "rename"),
         ("P/archive/New", "mkdir"), ("P/archive/Acme/incoming/" + os.fsdecode(ODD), "unlink"), ("P/archive/Acme/.zddc", "write"),
         ("P/archive/Acme/.zddc", "read"), ("P/closed/f", "read"), ("P/archive/Acme/issued/x.pdf", "link")]


def explain_as_the_tree():
    """Whatever is asked, of the mount by that user or of the tree behind about that user: the same decision."""
    a = archive()
    for uid in (DC, PT, OBS, ADMIN):
        for path, op in CASES:
            mount = zddc(uid, "explain", a.at(path), "--op", op, "--json")
            if mount.returncode == 4:  # a place that this user does not see
                T.check(err_as(uid, os.stat, a.at(os.path.dirname(path))) != "", "no answer only of what one does not see: %s %s" % (path, op), mount.stderr)
                continue
            tree = subprocess.run([ZDDC, "explain", a.behind(path), "--op", op, "--json", "--as", PEOPLE[uid]], stdout=subprocess.PIPE)
            T.equal(mount.returncode, tree.returncode, "status of %s %s for %s" % (op, path, PEOPLE[uid]))
            m, t = data(mount), json.loads(tree.stdout)
            for key in ("allowed", "op", "path", "principal", "reason", "needs", "has", "src", "mask", "role"):
                if m.get("src", {}) and (m["src"] or {}).get("file") == "(hidden)" and key in ("src",):
                    continue
                if (key, m.get(key), t.get(key)) == ("reason", "sealed", "write-once"):
                    continue  # on a mount the state of a file comes before the verbs
                T.equal(m.get(key), t.get(key), "%s of %s %s for %s" % (key, op, path, PEOPLE[uid]))
            T.equal(err_as(uid, os.stat, a.at("P/closed/f")) == "", uid == DC, "the fence holds meanwhile")


def explain_verbs():
    a = archive()
    for place in ("P/archive/Acme/issued", "P/archive/Acme", "P", ""):
        got = data(zddc(DC, "explain", a.at(place), "--json"))
        ops = {(d["op"], d["needs"]): d["allowed"] for d in got.get("decisions", [])}
        tree = json.loads(subprocess.run([ZDDC, "explain", a.behind(place), "--json", "--as", PEOPLE[DC]], stdout=subprocess.PIPE).stdout)
        for d in tree["decisions"]:
            T.equal(ops.get((d["op"], d["needs"])), d["allowed"], "%s in %s" % (d["op"], place or "."))
    p = zddc(DC, "explain", a.at("P/archive/Acme/issued/x.pdf"))
    T.equal(p.returncode, 0, "verb by verb of a file")
    T.check(b"denied" in p.stdout and b"allowed" in p.stdout and b"unlink" in p.stdout, "as text", p.stdout)
    p = zddc(DC, "explain", a.at("P/archive/Acme/issued"), "--op", "create", "--json")
    T.equal((p.returncode, data(p).get("allowed")), (0, True), "to create in a directory")
    T.equal(zddc(DC, "explain", a.at("P/archive/Acme/issued"), "--op", "unlink").returncode, 1, "to delete in it")
    T.equal(zddc(DC, "explain", a.at("P/archive/Acme"), "--op", "rmdir").returncode, 1, "to remove the directory itself")
    T.equal(zddc(OBS, "explain", a.at("P/archive/Acme"), "--op", "list").returncode, 0, "to list it")
    p = zddc(DC, "explain", os.path.join(a.at("P/archive/Acme/incoming"), os.fsdecode(ODD)), "--op", "unlink")
    T.check(p.returncode == 0 and b"\xff" not in p.stdout and p.stdout.startswith(b"allowed"), "an odd name", (p.returncode, p.stdout, p.stderr))
    one_line_error(zddc(DC, "explain", a.mnt, "--elevated"), 2, "--as")
    one_line_error(zddc(DC, "explain", a.at("P/none/deeper/x"), "--op", "create"), 4, "does not exist")
    one_line_error(zddc(PT, "explain", a.at("P/closed/f"), "--op", "read"), 4)


def explain_cache():
    """As in the tree behind; whoever cannot read a policy is not told what stands in it."""
    a = archive()
    for path in ("P", "P/archive", "P/archive/Acme/issued/x.pdf", "P/closed", "P/closed/f", "P/archive/Acme/staging/x.tmp", "P/archive/Acme/reviewing"):
        tree = json.loads(subprocess.run([ZDDC, "explain", "--cache", "--json", a.behind(path)], stdout=subprocess.PIPE).stdout)
        p = zddc(ADMIN, "explain", "--cache", "--json", a.at(path))
        got = data(p)
        T.equal((got, p.returncode), (tree, 1 if tree["class"] == "mixed" else 0), "the class of " + path)
    said = zddc(PT, "explain", "--cache", a.at("P/closed")).stdout
    T.equal(said, zddc(PT, "explain", "--cache", a.at("P/absent")).stdout.replace(b"absent", b"closed"), "a hidden folder is told like an absent name")
    T.check(b"admin@example.com (.zddc:" not in zddc(PT, "explain", "--cache", a.at("P/archive/Acme/issued/x.pdf")).stdout, "the root's policy is not readable")


def explain_as_another():
    a = archive()
    path = a.at("P/archive/Acme/issued/x.pdf")
    T.equal(zddc(ADMIN, "explain", path, "--op", "read", "--as", PEOPLE[PT]).returncode, 0, "an administrator asks about another")
    T.equal(zddc(ADMIN, "explain", path, "--op", "read", "--as", PEOPLE[NOBODY]).returncode, 1, "who may not")
    p = zddc(PT, "explain", path, "--op", "read", "--as", PEOPLE[OBS])
    T.check(p.returncode == 4 and b"cannot read all the policy" in p.stderr, "who may not read policy gets no answer", (p.returncode, p.stdout, p.stderr))
    for args in ((), ("--op", "write"), ("--op", "list")):
        place = a.at("P/archive/Acme/staging")
        mine = zddc(DC, "explain", place, "--as", PEOPLE[PT], "--json", *args)  # holds a there, and cannot read the root's policy
        own = zddc(PT, "explain", place, "--json", *args)
        T.equal(mine.returncode, own.returncode, "the daemon tells holders of a about another: %s %s" % (args, mine.stderr))
        say = {(d["op"], d["needs"]): (d["allowed"], d["has"]) for d in data(mine).get("decisions", [data(mine)])}
        for d in data(own).get("decisions", [data(own)]):
            T.equal(say.get((d["op"], d["needs"])), (d["allowed"], d["has"]), "as it tells them: %s" % d["op"])
    T.check(b".zddc:5" not in mine.stdout and b"(hidden)" in zddc(DC, "explain", a.at("P/archive/Acme/staging"), "--as", PEOPLE[PT], "--op", "read").stdout,
            "what they cannot read stays hidden")
    T.equal(zddc(AUD, "explain", path, "--op", "read", "--as", PEOPLE[NOBODY]).returncode, 1, "and auditors")
    T.equal(zddc(DC, "explain", a.at("P/archive/Acme/staging"), "--as", "anonymous", "--op", "list").returncode, 1, "about anonymous")
    T.equal(zddc(OBS, "explain", a.at("P/archive/Acme/staging"), "--as", PEOPLE[PT], "--op", "read").returncode, 4, "nobody else")
    strict = archive("strict")
    one_line_error(zddc(ADMIN, "explain", strict.at("P/archive/Acme/issued/x.pdf"), "--op", "read", "--as", PEOPLE[PT]), 2, "--strict")
    T.equal(zddc(ADMIN, "explain", strict.at("P/archive/Acme/issued/x.pdf"), "--op", "read", "--as", PEOPLE[PT], "--strict").returncode, 0, "by the mount's rules")


def check():
    a = archive()
    got = data(zddc(ADMIN, "check", "--json", a.at("P/archive")))
    T.equal((got.get("documents"), got.get("errors"), got.get("warnings"), got.get("partial")), (1, 0, 0, False), "check on a mount, by an administrator")
    p = zddc(PT, "check", "--json", a.at("P/archive"))
    T.equal((p.returncode, data(p).get("documents"), data(p).get("partial")), (0, 1, True), "check by somebody who may read some of it")
    T.check(b"hidden from you" in zddc(PT, "check", a.at("P/archive")).stdout, "and it says so")
    bad = a.at("P/archive/Acme/.zddc")
    before = as_user(ADMIN, lambda: open(bad, "rb").read())
    T.equal(err_as(DC, write, bad, b"titel: x\n"), "EINVAL", "the mount refuses an invalid text")
    p = zddc(DC, "why", a.mnt)
    T.check(p.returncode == 1 and b".zddc" in p.stdout and b"title" in p.stdout, "and why says what is wrong with it", p.stdout)
    T.equal(as_user(ADMIN, lambda: open(bad, "rb").read()), before, "the old policy stays")


def write(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        os.write(fd, text)
    finally:
        os.close(fd)


def fmt():
    """--write goes through the mount: its owner may, a stranger may not, and what it wrote is in force."""
    a = archive()
    path = a.at("P/archive/Acme/.zddc")
    T.equal(err_as(DC, write, path, PARTY_ZDDC.replace("rwcda", "'rwcda'").encode()), "", "an untidy policy")
    one_line_error(zddc(PT, "fmt", "--write", path), 4, "left as it was", "zddc why")
    p = zddc(DC, "fmt", "--write", path)
    T.equal((p.returncode, a.text("P/archive/Acme/.zddc").decode()), (0, PARTY_ZDDC), "formatted through the mount: %s" % p.stderr)
    T.equal(zddc(DC, "fmt", "--check", a.at("P/archive")).returncode, 0, "a tree, as far as one sees it")


T.run(fmt, whoami, why, explain_as_the_tree, explain_verbs, explain_cache, explain_as_another, check)
T.finish()
