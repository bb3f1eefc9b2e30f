#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual directories (SPEC section 9): tables over the parties of a project, and links to their folders."""
import csv
import errno
import io
import os
import random
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403

GUEST_ZDDC = PARTY_ZDDC + "    %s: r\n"  # a party that one more person may read
FENCED_ZDDC = PARTY_ZDDC + "  inherit: false\n"

MDL = """\
# kept by %(party)s
originator: %(party)s
project: '100'
discipline: EL
type: SPC
sequence: '%(n)04d'
title: Specification %(n)d of %(party)s
revision: 1
"""
RSK = """\
originator: %(party)s
project: '100'
discipline: EL
type: RSK
sequence: '0001'
row: '%(n)03d'
title: Risk %(n)d
likelihood: 2
"""


def record(party, n, text=MDL):
    return text % {"party": party, "n": n}


def mdl_name(party, n):
    return "%s-100-EL-SPC-%04d.yaml" % (party, n)


def tree(parties, records=2):
    """A project Demo with these parties ({name: text of its .zddc})."""
    t = {".zddc": ROOT_ZDDC, "Demo/archive/": None}
    for party, policy in parties.items():
        at = "Demo/archive/%s/" % party
        t[at + ".zddc"] = policy
        t[at + "ssr.yaml"] = "title: %s and Sons\nstatus: active\n" % party
        for n in range(1, records + 1):
            t[at + "mdl/" + mdl_name(party, n)] = record(party, n)
        t[at + "rsk/%s-100-EL-RSK-0001-001.yaml" % party] = record(party, 1, RSK)
        t[at + "working/"] = None
    return t


def project(**more):
    """Acme, which alice may read; Beta, which bob may; Hidden, fenced for the document controllers' personal address."""
    parties = {"Acme": GUEST_ZDDC % PEOPLE[ALICE], "Beta.Inc": GUEST_ZDDC % PEOPLE[BOB], "Hidden": FENCED_ZDDC}
    t = tree(parties)
    t["Demo/archive/_private/mdl/x.yaml"] = record("x", 1)  # no name of a party
    t.update(more)
    return Archive(t)


def listing(path):
    return sorted(os.listdir(path))


def read(path):
    with open(path, encoding="utf-8", newline="") as f:
        return f.read()


def stat_of(path):
    st = os.stat(path)
    return st.st_mode, st.st_uid, st.st_size, st.st_ino, st.st_mtime_ns, st.st_nlink


SPECS = ["form.yaml", "table.csv", "table.yaml"]


def rows_of(*parties):
    return sorted("%s__%s" % (p, mdl_name(p, n)) for p in parties for n in (1, 2))


# ---------------------------------------------------------------------------------------------------------------- reading

def test_listing():
    a = project().mount()
    mdl, ssr, rsk = a.at("Demo/mdl"), a.at("Demo/ssr"), a.at("Demo/rsk")
    who = {DC: ("Acme", "Beta.Inc", "Hidden"), PT: ("Acme", "Beta.Inc"), OBS: ("Acme", "Beta.Inc"), ALICE: ("Acme",), BOB: ("Beta.Inc",)}
    for uid, parties in who.items():
        name = PEOPLE[uid]
        T.equal(as_user(uid, listing, mdl), sorted(SPECS + rows_of(*parties)), "%s lists mdl/" % name)
        T.equal(as_user(uid, listing, ssr), sorted(SPECS + ["%s.yaml" % p for p in parties]), "%s lists ssr/" % name)
        T.equal(as_user(uid, listing, rsk), sorted(SPECS + ["%s__%s-100-EL-RSK-0001-001.yaml" % (p, p) for p in parties]), "%s lists rsk/" % name)
    for uid in (ANON, NOBODY):
        T.equal(err_as(uid, listing, mdl), "ENOENT", "%d may not know of mdl/" % uid)
    T.check("mdl" in as_user(ALICE, listing, a.at("Demo")), "mdl/ shows to whoever may know of the place of its rows")
    # what one may not see is as absent as what is not there
    for path in ("Hidden__%s" % mdl_name("Hidden", 1), "Acme__nothing.yaml", "Nobody__x.yaml", "_private__x.yaml", "x.yaml", "Acme.yaml"):
        for fn in (os.stat, read, os.listdir):
            T.equal(err_as(PT, fn, a.at("Demo/mdl", path)), "ENOENT", "%s of %s" % (fn.__name__, path))
    for path in ("Hidden.yaml", "Nobody.yaml", "Acme", "Acme__x.yaml"):
        T.equal(err_as(PT, os.stat, a.at("Demo/ssr", path)), "ENOENT", "stat of ssr/%s" % path)


def test_rows():
    a = project(**{"Demo/archive/Acme/mdl/odd.yaml": "party: Wrong\n'title': x\n", "Demo/archive/Acme/mdl/broken.yaml": "- [\n",
                   "Demo/archive/Acme/mdl/form.yaml": "type: object\n", "Demo/archive/Acme/mdl/.x.yaml": "a: 1\n",
                   "Demo/archive/Acme/mdl/notes.txt": "no record\n", "Demo/archive/Acme/mdl/sub.yaml/": None,
                   "Demo/archive/Acme/mdl/~$x.yaml": "lock\n"}).mount()
    row = a.at("Demo/mdl/Acme__%s" % mdl_name("Acme", 1))
    stored = record("Acme", 1)
    shown = as_user(PT, read, row)
    T.equal(shown.replace("party: Acme\n", "", 1), stored, "a row is the record, with its party")
    T.equal(a.text("Demo/archive/Acme/mdl", mdl_name("Acme", 1)).decode(), stored, "nothing of it is stored")
    T.equal(os.stat(row).st_size if False else as_user(PT, stat_of, row)[2], len(shown.encode()), "its size is what is read")
    for uid in (DC, OBS, ALICE):
        T.equal(as_user(uid, stat_of, row), as_user(PT, stat_of, row), "attributes do not depend on who asks")
    canonical = as_user(PT, stat_of, a.at("Demo/archive/Acme/mdl", mdl_name("Acme", 1)))
    T.check(canonical[3] != as_user(PT, stat_of, row)[3], "a row is another file than the record: cp would refuse to copy one to the other")
    T.equal(as_user(PT, read, a.at("Demo/mdl/Acme__odd.yaml")), "party: Acme\n'title': x\n", "a party that was stored is not believed")
    T.equal(as_user(PT, read, a.at("Demo/mdl/Acme__broken.yaml")), "- [\n", "what is no YAML is shown as it is")
    T.equal([n for n in as_user(PT, listing, a.at("Demo/mdl")) if n.startswith("Acme__")],
            sorted(["Acme__broken.yaml", "Acme__odd.yaml"] + rows_of("Acme")), "forms, dot names, locks, folders and other files are no rows")
    for name in ("form.yaml", ".x.yaml", "notes.txt", "sub.yaml", "~$x.yaml"):
        T.equal(err_as(PT, os.stat, a.at("Demo/mdl/Acme__" + name)), "ENOENT", "Acme__%s is not there" % name)
    T.equal(as_user(PT, read, a.at("Demo/ssr/Acme.yaml")), "name: Acme\ntitle: Acme and Sons\nstatus: active\n", "a party's row has its name")
    T.equal(as_user(PT, lambda: [e.inode() == os.stat(e.path).st_ino for e in os.scandir(a.at("Demo/mdl"))].count(False)), 0, "numbers of the listing are those of stat")
    # edited in place behind the mount
    a.put("Demo/archive/Acme/mdl/" + mdl_name("Acme", 1), stored + "notes: longer\n")
    T.equal(as_user(PT, read, row), "party: Acme\n".join(["# kept by Acme\n", ""]) + (stored + "notes: longer\n")[len("# kept by Acme\n"):] if
            as_user(PT, read, row).startswith("#") else "party: Acme\n" + stored + "notes: longer\n", "an edit behind the mount shows")
    T.equal(as_user(PT, stat_of, row)[2], len(as_user(PT, read, row).encode()), "and its size")


def table(path):
    return list(csv.reader(io.StringIO(read(path), newline="")))


def test_specs():
    a = project(**{"Demo/archive/Acme/mdl/formula.yaml": "title: '=1+1'\nnotes: \"a, \\\"b\\\"\\nc\"\noriginator: Größe\n"}).mount()
    for place, form, first in (("mdl", "default-project-mdl", "party"), ("rsk", "default-project-rsk", "party"), ("ssr", "default-ssr", "name")):
        at = a.at("Demo", place)
        for what in ("form", "table"):
            with open(os.path.join(ROOT, "schemas", "%s.%s.yaml" % (form, what))) as f:
                T.equal(as_user(PT, read, os.path.join(at, what + ".yaml")), f.read(), "%s/%s.yaml" % (place, what))
        rows = as_user(PT, table, os.path.join(at, "table.csv"))
        T.equal(rows[0][0], first, "%s/table.csv begins with %s" % (place, first))
        T.equal(as_user(PT, stat_of, os.path.join(at, "table.csv"))[2], len(as_user(PT, read, os.path.join(at, "table.csv")).encode()), "its size is what is read")
    rows = as_user(PT, table, a.at("Demo/mdl/table.csv"))
    by = {r[0]: r for r in rows[1:]}
    T.equal(sorted(by), ["Acme", "Beta.Inc"], "the table holds what its reader may see")
    T.equal(len(rows), 1 + 5, "one line for each row")
    T.equal(sorted(r[0] for r in as_user(ALICE, table, a.at("Demo/mdl/table.csv"))[1:]), ["Acme"] * 3, "and nothing else")
    odd = [r for r in rows if "Größe" in r][0]
    T.check("'=1+1" in odd and 'a, "b"\nc' in odd, "cells are safe and whole", odd)
    T.equal(as_user(BOB, stat_of, a.at("Demo/mdl/table.csv"))[2], len(as_user(BOB, read, a.at("Demo/mdl/table.csv")).encode()), "its size tells nothing of other rows")
    a.put("Demo/archive/mdl.table.yaml", "columns: [title, party]\n")
    T.equal(as_user(PT, read, a.at("Demo/mdl/table.yaml")), "columns: [title, party]\n", "the archive's own table, beside the parties")
    T.check(eventually(lambda: as_user(PT, table, a.at("Demo/mdl/table.csv"))[0] == ["title", "party"], 3), "and its columns")


def test_links():
    a = project(**{"Demo/archive/Acme/working/.zddc": "acl: {inherit: false, permissions: {alice@example.com: r}}\n"}).mount()
    for place in ("working", "staging", "reviewing"):
        at = a.at("Demo", place)
        want = ["Acme", "Beta.Inc"] if place != "working" else ["Beta.Inc"]
        T.equal(as_user(PT, listing, at), want, "%s/ lists a link for each party" % place)
        T.equal(as_user(PT, os.readlink, os.path.join(at, "Beta.Inc")), "../archive/Beta.Inc/%s" % place, "which is relative")
        T.check(as_user(PT, os.path.isdir, os.path.join(at, "Beta.Inc")), "and leads somewhere")
        T.equal(as_user(PT, lambda: os.lstat(os.path.join(at, "Beta.Inc")).st_size), len("../archive/Beta.Inc/%s" % place), "its size is that of the target")
    T.equal(as_user(ALICE, listing, a.at("Demo/working")), ["Acme"], "alice sees where she may go")
    for name in ("Acme", "Hidden", "Nobody", "_private"):
        T.equal(err_as(PT, os.lstat, a.at("Demo/working", name)), "ENOENT", "PT sees no link %s" % name)
    T.equal(as_user(PT, lambda: os.path.samefile(a.at("Demo/staging/Acme"), a.at("Demo/archive/Acme/staging"))), True, "the link leads to the folder itself")
    for uid in (DC, ADMIN):
        for fn, args in ((os.mkdir, ()), (os.symlink, ("y",)), (open, ("w",))):
            path = a.at("Demo/working/new")
            call = (lambda: os.symlink("y", path)) if fn is os.symlink else (lambda: fn(path, *args))
            T.equal(err_as(uid, call), "EPERM", "%s in working/" % fn.__name__)
    T.equal(err_as(DC, os.unlink, a.at("Demo/staging/Acme")), "EPERM", "links stay")
    T.equal(err_as(DC, os.rename, a.at("Demo/staging/Acme"), a.at("Demo/staging/B")), "EPERM", "and keep their names")


def why(a, place="Demo/mdl"):
    return read(a.at(place, ".zddc.d/last-error"))


def test_refusals():
    a = project().mount()
    row = a.at("Demo/mdl/Acme__%s" % mdl_name("Acme", 1))

    def as_dc():
        for place in ("mdl", "rsk", "ssr"):
            at = a.at("Demo", place)
            T.equal(err(os.mkdir, os.path.join(at, "new")), "EPERM", "mkdir in %s/" % place)
            T.check("not on disk" in why(a), "it is said why", why(a))
            T.equal(err(os.symlink, "x", os.path.join(at, "new")), "EPERM", "symlink in %s/" % place)
            T.equal(err(os.rmdir, at), "", "rmdir of a declared folder does nothing")
            for spec in SPECS:
                T.equal(err(os.unlink, os.path.join(at, spec)), "EPERM", "unlink of %s" % spec)
                T.equal(err(open, os.path.join(at, spec), "r+"), "EROFS", "writing %s" % spec)
                T.check("change the records" in why(a) and spec in why(a), "and what to do instead", why(a))
                T.equal(err(os.rename, os.path.join(at, spec), os.path.join(at, "x.yaml")), "EPERM", "renaming %s" % spec)
        T.equal(err(os.unlink, a.at("Demo/ssr/Acme.yaml")), "EPERM", "a party's row is not deleted")
        T.check("delete the party folder" in why(a) and "Demo/archive/Acme" in why(a), "the sentence says what to do", why(a))
        T.equal(err(os.rename, row, a.at("Demo/mdl/Acme__new.yaml")), "EPERM", "a row keeps its name")
        T.equal(err(os.rmdir, row), "ENOTDIR", "rmdir of a row")
        T.equal(err(os.link, row, a.at("Demo/mdl/x.yaml")), "EPERM", "hard link")
        return T.passed, T.failed

    T.passed, T.failed = as_user(DC, as_dc)
    T.equal(as_user(PT, os.getxattr, row, "user.zddc.canonical"), b"Demo/archive/Acme/mdl/" + mdl_name("Acme", 1).encode(), "user.zddc.canonical names the record")
    T.equal(as_user(PT, os.getxattr, row, "user.zddc.location"), b"Demo/mdl/Acme__" + mdl_name("Acme", 1).encode(), "user.zddc.location the row")
    T.equal((as_user(PT, os.getxattr, row, "user.zddc.effective"), as_user(DC, os.getxattr, row, "user.zddc.effective")), (b"r", b"rwcda"), "verbs are those at the record")
    T.equal(as_user(PT, os.listxattr, row), [], "none is listed")
    T.equal(err_as(DC, os.setxattr, row, "user.x", b"1"), "ENOTSUP", "and none is stored")
    text = as_user(PT, read, a.at("Demo/mdl/.zddc.d/explain.unlink/Acme__" + mdl_name("Acme", 1)))
    T.check("Demo/archive/Acme/mdl/" + mdl_name("Acme", 1) in text, "explain/NAME answers for the record", text)
    T.equal(err_as(PT, os.unlink, row), "EACCES", "PT may not delete")
    text = as_user(PT, why, a)
    T.check("Demo/archive/Acme/mdl/" + mdl_name("Acme", 1) in text, "the refusal names the record", text)
    T.equal(err_as(DC, os.unlink, row), "", "DC may")
    T.check(not os.path.exists(a.behind("Demo/archive/Acme/mdl", mdl_name("Acme", 1))), "the record is gone")
    T.equal(err_as(DC, os.stat, row), "ENOENT", "and so is the row")


def test_party_names():
    a = project().mount()
    ssr = a.at("Demo/ssr")
    T.equal(err_as(PT, os.rename, ssr + "/Acme.yaml", ssr + "/Apex.yaml"), "EACCES", "PT may not rename a party")
    T.equal(err_as(DC, os.rename, ssr + "/Acme.yaml", ssr + "/A_pex.yaml"), "EINVAL", "names of parties")
    T.equal(err_as(DC, os.rename, ssr + "/Acme.yaml", ssr + "/Beta.Inc.yaml"), "EEXIST", "a party of that name")
    T.equal(err_as(DC, os.rename, ssr + "/Acme.yaml", ssr + "/Apex.yaml"), "", "DC renames a party")
    T.check(os.path.isdir(a.behind("Demo/archive/Apex/mdl")) and not os.path.exists(a.behind("Demo/archive/Acme")), "its folder has the name")
    T.equal(as_user(DC, read, ssr + "/Apex.yaml").split("\n")[0], "name: Apex", "and so has the row")
    T.equal([n for n in as_user(DC, listing, a.at("Demo/mdl")) if n.startswith("A")], ["Apex__" + mdl_name("Acme", n) for n in (1, 2)], "and its records")


def test_changes_show():
    a = project().mount()
    mdl = a.at("Demo/mdl")
    count = lambda uid=PT: len(as_user(uid, listing, mdl)) - len(SPECS)  # noqa: E731
    T.equal(count(), 4, "before")
    a.put("Demo/archive/Acme/mdl/behind.yaml", record("Acme", 9))
    T.equal(count(), 5, "a record that appears behind the mount")
    a.put("Demo/archive/New/mdl/x.yaml", record("New", 1))
    T.equal(count(), 6, "a party that does")
    os.unlink(a.behind("Demo/archive/New/mdl/x.yaml"))
    T.equal(count(), 5, "a record that goes")
    os.rename(a.behind("Demo/archive/Acme"), a.behind("Demo/archive/Apex"))
    T.check(eventually(lambda: any(n.startswith("Apex__") for n in as_user(PT, listing, mdl)), 2), "a party renamed behind the mount")
    T.check(eventually(lambda: not any(n.startswith("Acme__") for n in as_user(PT, listing, mdl)), 2), "and not under its old name")
    shutil.rmtree(a.behind("Demo/archive/Apex"))
    T.check(eventually(lambda: count() == 2, 2), "a party that goes")
    a.put("Demo/archive/Beta.Inc/.zddc", FENCED_ZDDC)
    T.check(eventually(lambda: count() == 0, 2), "policy that takes sight away")
    T.equal(count(DC), 4, "from one, not from the other")


# ---------------------------------------------------------------------------------------------------------------- writing

NEW = """\
# a comment
party: %(party)s
originator: %(party)s
project: '100'
discipline: EL
type: SPC
sequence: '%(n)04d'
title: New specification
"""


def write(path, text, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    fd = os.open(path, flags, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def new_row(party, n):
    return NEW % {"party": party, "n": n}


def test_create():
    a = project().mount()
    mdl = a.at("Demo/mdl")
    want = "Acme__" + mdl_name("Acme", 7)
    T.equal(err_as(DC, write, mdl + "/row.yaml", new_row("Acme", 7)), "", "DC makes a row")
    T.equal(as_user(DC, read, mdl + "/.zddc.d/last-created"), "Demo/mdl/%s\n" % want, "last-created names it")
    T.check(want in as_user(DC, listing, mdl) and "row.yaml" not in as_user(DC, listing, mdl), "it has the name its fields make, and only that")
    T.equal(err_as(DC, os.stat, mdl + "/row.yaml"), "ENOENT", "the typed name is gone")
    stored = a.text("Demo/archive/Acme/mdl", mdl_name("Acme", 7)).decode()
    T.check("party" not in stored and "created_by: dc@example.com" in stored and stored.startswith("# a comment"), "party is not stored", stored)
    shown = as_user(PT, read, mdl + "/" + want)
    T.check("party: Acme" in shown, "and is shown", shown)
    T.equal(as_user(PT, stat_of, mdl + "/" + want)[2], len(shown.encode()), "with its size")
    for text, what, word in ((new_row("Acme", 7).replace("party: Acme\n", ""), "no party", "party"), (new_row("Nobody", 8), "an unknown party", "ssr/"),
                             (new_row("_private", 8), "no name of a party", "cannot be a party"), (new_row("Acme", 8).replace("title", "titel"), "a wrong field", "titel"),
                             ("party: [", "no YAML", "YAML")):
        T.equal(err_as(DC, write, mdl + "/row.yaml", text), "EINVAL", what)
        said = as_user(DC, why, a)
        T.check(word in said and "row.yaml" in said, "%s: it is said what is wrong" % what, said)
        T.equal(as_user(DC, read, mdl + "/.zddc.d/rejected"), text, "%s: the text is kept" % what)
        T.equal(err_as(DC, os.stat, mdl + "/row.yaml"), "ENOENT", "%s: nothing is left" % what)
    T.equal(err_as(DC, write, mdl + "/row.yaml", new_row("Acme", 7)), "EEXIST", "a record of that name is there")
    # who may not
    T.equal(err_as(PT, write, mdl + "/row.yaml", new_row("Acme", 9)), "EACCES", "PT may create nowhere: refused at open")
    T.check("Demo/archive/Acme/mdl" in as_user(PT, why, a), "naming a place where a row would be kept", as_user(PT, why, a))
    for uid in (ANON, NOBODY):
        T.equal(err_as(uid, write, mdl + "/row.yaml", new_row("Acme", 9)), "ENOENT", "%d may not even know of mdl/" % uid)
    for name in ("row.txt", "photo.jpg", ".hidden.yaml", "form.yaml2"):
        T.equal(err_as(DC, write, mdl + "/" + name, new_row("Acme", 9)), "EINVAL", "%s is no record" % name)
    T.equal(err_as(DC, write, mdl + "/table.yaml", "x: 1\n"), "EROFS", "nor is table.yaml")


def test_create_where_one_may():
    """alice may create in Acme only: at open that is enough; the party of the text decides."""
    t = {"Demo/archive/Acme/mdl/.zddc": "acl: {permissions: {alice@example.com: rc}}\n"}
    a = project(**t).mount()
    mdl = a.at("Demo/mdl")
    T.equal(err_as(ALICE, write, mdl + "/row.yaml", new_row("Acme", 7)), "", "alice makes a row of Acme")
    T.equal(err_as(ALICE, write, mdl + "/row.yaml", new_row("Beta.Inc", 7)), "EINVAL", "of a party she does not know of: as if it were not there")
    said = as_user(ALICE, why, a)
    T.equal(err_as(ALICE, write, mdl + "/row.yaml", new_row("Gamma", 7)), "EINVAL", "which is not there")
    T.equal(as_user(ALICE, why, a).replace("Gamma", "Beta.Inc").split("\n")[0], said.split("\n")[0], "in the same words")
    T.equal(err_as(ALICE, write, mdl + "/Acme__" + mdl_name("Acme", 1), record("Acme", 1)), "EACCES", "rc: she may not change one")
    T.equal(err_as(BOB, write, mdl + "/row.yaml", new_row("Beta.Inc", 7)), "EACCES", "bob may only read")


def test_typed_names():
    a = project().mount()
    mdl = a.at("Demo/mdl")
    w, other = Worker(DC), Worker(DC2)
    w.call(hold_open, mdl + "/typed.yaml", new_row("Acme", 11)[:10])
    T.equal(w.call(size_of, mdl + "/typed.yaml"), 10, "the writer sees the name, with what they wrote")
    T.equal(err(other.call, size_of, mdl + "/typed.yaml"), "ENOENT", "nobody else does")
    T.equal(err(other.call, os.unlink, mdl + "/typed.yaml"), "ENOENT", "nor can they remove it")
    other.call(hold_open, mdl + "/typed.yaml", new_row("Acme", 12))
    other.call(let_go)
    T.check("Acme__" + mdl_name("Acme", 12) in as_user(DC, listing, mdl), "another's file of the same name is another row")
    w.call(go_on, new_row("Acme", 11)[10:])
    T.equal(w.call(held_xattr, "user.zddc.location"), "Demo/mdl/Acme__" + mdl_name("Acme", 11), "the descriptor knows where it went")
    w.call(let_go)
    T.check("Acme__" + mdl_name("Acme", 11) in as_user(DC, listing, mdl), "stored when synced")
    w.call(hold_open, mdl + "/typed.yaml", "nothing")
    T.equal(err(w.call, os.unlink, mdl + "/typed.yaml"), "", "the writer removes it again")
    w.call(let_go)
    T.equal(len(as_user(DC, listing, mdl)), len(SPECS) + 6 + 2, "and nothing is made")
    for x in (w, other):
        x.close()


HELD = []


def hold_open(path, text):
    HELD.append(os.open(path, os.O_RDWR | os.O_CREAT))
    os.write(HELD[-1], text.encode())


def go_on(text):
    os.write(HELD[-1], text.encode())
    os.fsync(HELD[-1])


def let_go():
    os.close(HELD.pop())


def held_xattr(name):
    return os.getxattr(HELD[-1], name).decode()


def size_of(path):
    return os.stat(path).st_size


def test_edit():
    a = project().mount()
    row = a.at("Demo/mdl/Acme__" + mdl_name("Acme", 1))
    stored = a.behind("Demo/archive/Acme/mdl", mdl_name("Acme", 1))
    text = as_user(DC, read, row)
    T.equal(err_as(DC, write, row, text.replace("Specification 1", "Changed")), "", "DC writes a row")
    now = open(stored).read()
    T.check("title: Changed of Acme" in now and "party" not in now and "revision: 2" in now and "updated_by: dc@example.com" in now, "it is the record that changes", now)
    T.check(now.startswith("# kept by Acme\n"), "comments stay", now)
    before = os.stat(stored).st_ino
    T.equal(err_as(DC, write, row, as_user(DC, read, row)), "", "writing what is there")
    T.equal(os.stat(stored).st_ino, before, "changes nothing")
    T.equal(err_as(DC, write, row, as_user(DC, read, row).replace("party: Acme", "party: Beta.Inc")), "EINVAL", "a row stays with its party")
    T.check("Beta.Inc" in as_user(DC, why, a) and "Acme" in as_user(DC, why, a), "it is said", as_user(DC, why, a))
    T.equal(err_as(DC, write, row, record("Acme", 1)), "", "party may be left out")
    T.equal(err_as(DC, write, row, record("Acme", 2)), "EINVAL", "a row keeps its name")
    T.equal(err_as(PT, write, row, text), "EACCES", "PT may not write")
    T.check("Demo/archive/Acme/mdl/" + mdl_name("Acme", 1) in as_user(PT, why, a), "the refusal names the record", as_user(PT, why, a))
    T.equal(err_as(DC, append_to, row, "notes: more\n"), "", "appending")
    T.check("notes: more" in open(stored).read(), "works")
    T.equal(err_as(DC, os.truncate, row, 0), "EINVAL", "an empty text is no record")
    T.equal(err_as(DC, lambda: (os.utime(row), os.chmod(row, 0o600), os.chown(row, DC, DC))), "", "cp -p is quiet")
    T.equal(err_as(PT, os.utime, row), "EACCES", "others may not")
    T.equal(as_user(DC, lambda: [os.access(row, m) for m in (os.R_OK, os.W_OK, os.X_OK)]), [True, True, False], "access(2) for DC")
    T.equal(as_user(PT, lambda: [os.access(row, m) for m in (os.R_OK, os.W_OK)]), [True, False], "and for PT")


def test_moved_in():
    """mv of a file of the same mount into a table is a row, or nothing."""
    a = project(**{"Demo/archive/Acme/incoming/good.yaml": new_row("Acme", 31), "Demo/archive/Acme/incoming/bad.yaml": new_row("Nobody", 32),
                   "Demo/archive/Acme/incoming/over.yaml": record("Acme", 1).replace("Specification", "Moved"), "Demo/archive/Acme/incoming/folder/": None}).mount()
    inc, mdl = a.at("Demo/archive/Acme/incoming"), a.at("Demo/mdl")
    T.equal(err_as(PT, os.rename, inc + "/good.yaml", mdl + "/good.yaml"), "EACCES", "PT may not take it away")
    T.equal(err_as(DC, os.rename, inc + "/good.yaml", mdl + "/good.yaml"), "", "DC moves a file in")
    T.check("Acme__" + mdl_name("Acme", 31) in as_user(DC, listing, mdl), "it is a row")
    T.equal(err_as(DC, os.rename, inc + "/bad.yaml", mdl + "/bad.yaml"), "EINVAL", "one that is none")
    T.equal(err_as(DC, os.rename, inc + "/over.yaml", mdl + "/Acme__" + mdl_name("Acme", 1)), "", "over a row")
    T.check("Moved 1" in a.text("Demo/archive/Acme/mdl", mdl_name("Acme", 1)).decode(), "is an edit")
    T.equal(err_as(DC, os.rename, inc + "/folder", mdl + "/folder.yaml"), "EINVAL", "a folder is no row")
    T.equal(err_as(DC, os.rename, mdl + "/Acme__" + mdl_name("Acme", 2), inc + "/x.yaml"), "EPERM", "rows are not moved out")
    T.equal(sorted(os.listdir(a.behind("Demo/archive/Acme/incoming"))), ["bad.yaml", "folder"], "what was refused stays, what was taken is gone")


def append_to(path, text):
    write(path, text, os.O_WRONLY | os.O_APPEND)


def test_parties():
    a = project().mount()
    ssr = a.at("Demo/ssr")
    T.equal(err_as(PT, write, ssr + "/New.yaml", "title: x\n"), "EACCES", "PT makes no party")
    T.check("Demo/archive" in as_user(PT, why, a, "Demo/ssr"), "for want of c in archive/", as_user(PT, why, a, "Demo/ssr"))
    T.equal(err_as(DC, write, ssr + "/New.yaml", "# c\nname: Other\ntitle: New and Sons\n"), "", "DC makes one")
    new = a.behind("Demo/archive/New")
    T.equal(sorted(os.listdir(new)), [".zddc", "ssr.yaml"], "a folder with its policy and its record")
    text = a.text("Demo/archive/New/ssr.yaml").decode()
    T.check("name" not in text and "title: New and Sons" in text and "created_by: dc@example.com" in text and text.startswith("# c"), "the record", text)
    T.check("document_controller: rwcda" in a.text("Demo/archive/New/.zddc").decode() and "created_by: dc@example.com" in a.text("Demo/archive/New/.zddc").decode(),
            "the policy is the generated one", a.text("Demo/archive/New/.zddc"))
    T.equal(as_user(DC, read, ssr + "/.zddc.d/last-created"), "Demo/ssr/New.yaml\n", "last-created")
    T.check("New.yaml" in as_user(PT, listing, ssr), "everybody sees it")
    T.equal(as_user(PT, listing, a.at("Demo/archive/New/incoming")), [], "and its folders")
    T.equal(err_as(DC, write, a.at("Demo/mdl/x.yaml"), new_row("New", 1)), "", "and it takes rows at once")
    T.equal(err_as(DC, write, ssr + "/Bad.yaml", "titel: x\n"), "EINVAL", "a text that is no party")
    T.check("titel" in as_user(DC, why, a, "Demo/ssr"), "is explained", as_user(DC, why, a, "Demo/ssr"))
    T.check(not os.path.exists(a.behind("Demo/archive/Bad")), "and makes nothing")
    for name in ("_x.yaml", "a_b.yaml", "x.txt", "x"):
        T.equal(err_as(DC, write, ssr + "/" + name, "title: x\n"), "EINVAL", "%s names no party" % name)
    os.mkdir(a.behind("Demo/archive/Bare"))
    T.equal(err_as(PT, write, ssr + "/Bare.yaml", "title: x\n"), "EACCES", "a folder without record: c is wanted in it")
    T.check("Demo/archive/Bare" in as_user(PT, why, a, "Demo/ssr"), "and that is said")
    T.equal(err_as(DC, write, ssr + "/Bare.yaml", "title: x\n"), "", "then the record is made")
    T.equal(err_as(DC, write, ssr + "/Acme.yaml", "title: Acme Limited\n"), "", "a party's row is written")
    T.check("Acme Limited" in a.text("Demo/archive/Acme/ssr.yaml").decode(), "in its folder")
    T.equal(err_as(DC2, write, ssr + "/Hidden.yaml", "title: x\n"), "", "a controller may, whoever made it")
    a.put("Demo/archive/Secret/.zddc", "acl: {inherit: false, permissions: {bob@example.com: r}}\n")
    T.check(eventually(lambda: err_as(DC, write, ssr + "/Secret.yaml", "title: x\n") == "EACCES", 2), "one that is not to be known")
    T.equal(os.listdir(a.behind("Demo/archive/Secret")), [".zddc"], "is left alone")


def test_first_party():
    """A project in which nothing is on disk yet."""
    a = Archive({".zddc": ROOT_ZDDC, "Demo/": None}).mount()
    T.equal(as_user(DC, listing, a.at("Demo/ssr")), SPECS, "no party")
    T.equal(err_as(DC, write, a.at("Demo/mdl/x.yaml"), new_row("New", 1)), "EACCES", "no place for a row")
    T.equal(err_as(DC, write, a.at("Demo/ssr/New.yaml"), "title: x\n"), "", "the first party")
    T.equal(sorted(os.listdir(a.behind("Demo/archive/New"))), [".zddc", "ssr.yaml"], "and with it the archive")
    T.equal(err_as(DC, write, a.at("Demo/mdl/x.yaml"), new_row("New", 1)), "", "its first row")
    T.equal(as_user(DC, listing, a.at("Demo/mdl")), sorted(SPECS + ["New__" + mdl_name("New", 1)]), "is there")
    T.equal(as_user(DC, listing, a.at("Demo/staging")), ["New"], "and the links")


def test_own_form():
    """A form that the policy spells out: the rollup's asks for the party as well, and its table has all fields."""
    rule = "{schema: {type: object, required: [what], additionalProperties: false, properties: {what: {type: string}, much: {type: integer}}}}"
    a = Archive({".zddc": ROOT_ZDDC + "paths: {Demo: {paths: {costs: {virtual: {kind: rows}}, archive: {paths: {'*': {paths: {costs: {records: {'*.yaml': %s}}}}}}}}}\n" % rule,
                 "Demo/archive/Acme/.zddc": PARTY_ZDDC, "Demo/archive/Acme/costs/a.yaml": "what: x\nmuch: 3\n"}).mount()
    at = a.at("Demo/costs")
    T.equal(as_user(DC, listing, at), ["Acme__a.yaml"] + SPECS, "rows, form and table")
    form = as_user(DC, read, at + "/form.yaml")
    T.check("party:" in form and form.index("- party") < form.index("- what"), "the form asks for the party", form)
    T.equal(as_user(DC, table, at + "/table.csv"), [["party", "what", "much"], ["Acme", "x", "3"]], "the table has the fields of the form")
    T.equal(err_as(DC, write, at + "/b.yaml", "party: Acme\nwhat: y\n"), "", "a row")
    T.equal(err_as(DC, write, at + "/c.yaml", "party: Acme\nwhich: y\n"), "EINVAL", "one that the form does not have")
    T.equal([n for n in as_user(DC, listing, at) if n not in SPECS], ["Acme__a.yaml", "Acme__b.yaml"], "keeps its name where no format makes one")


def test_dated():
    """Without any rule in scope a row is named by date and writer."""
    a = Archive({".zddc": ROOT_ZDDC + "paths: {Demo: {paths: {notes: {virtual: {kind: rows, from: 'places/*/notes'}}}}}\n",
                 "Demo/places/.zddc": "acl: {permissions: {dc@example.com: rwcd}}\n", "Demo/places/Here/notes/old.yaml": "a: 1\n"}).mount()
    at = a.at("Demo/notes")
    T.equal(as_user(DC, listing, at), ["Here__old.yaml"], "no form, no table")
    today = time.strftime("%Y-%m-%d", time.gmtime())
    for want in ("Here__%s-dc@example.com.yaml", "Here__%s-dc@example.com-2.yaml"):
        T.equal(err_as(DC, write, at + "/x.yaml", "party: Here\nb: 2\n"), "", "DC makes a row")
        T.check(want % today in as_user(DC, listing, at), want % today, as_user(DC, listing, at))


# ---------------------------------------------------------------------------------------------------------------- tools

def tool(uid, cmd, cwd, **env):
    e = dict(os.environ, TERM="dumb", LANG="C.UTF-8", **env)
    p = subprocess.run("cd %s && %s" % (cwd, cmd), shell=True, user=uid, group=uid, extra_groups=[], env=e, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=120)
    return p.returncode, p.stdout.decode(errors="replace")


def test_tools():
    a = project().mount()
    mdl, name = a.at("Demo/mdl"), "Acme__" + mdl_name("Acme", 1)
    src = os.path.join(a.base, "src")
    os.mkdir(src)
    for n in (21, 22, 23, 24):
        with open("%s/row%d.yaml" % (src, n), "w") as f:
            f.write(new_row("Acme", n))
    os.chmod(a.base, 0o755)

    def has(text, what, row=name):
        got = as_user(DC, read, os.path.join(mdl, row))
        T.check(text in got, what, got)

    def clean(what):
        left = [n for n in as_user(DC, listing, mdl) if "__" not in n and n not in SPECS]
        T.equal(left, [], "%s leaves nothing behind" % what)

    def runs(cmd, what, quiet=True):
        code, out = tool(DC, cmd, mdl)
        T.check(code == 0 and (not quiet or not out.strip()), what, "%d: %s" % (code, out))
        clean(what)

    runs("cp %s/row21.yaml ." % src, "cp row.yaml mdl/")
    has("sequence: '0021'", "cp", "Acme__" + mdl_name("Acme", 21))
    runs("cp -p %s/row22.yaml ." % src, "cp -p")
    runs("rsync -a %s/row23.yaml ." % src, "rsync -a")
    has("sequence: '0023'", "rsync", "Acme__" + mdl_name("Acme", 23))
    runs("gio copy %s/row24.yaml ./row24.yaml" % src, "gio copy")
    has("sequence: '0024'", "gio", "Acme__" + mdl_name("Acme", 24))
    runs("sed -i 's/^title:.*/title: By sed/' %s" % name, "sed -i")
    has("title: By sed", "sed")
    runs("vim -es -u NONE -c 'set nocp' -c '%%s/By sed/By vim/' -c 'x' %s" % name, "vim")
    has("title: By vim", "vim")
    runs("vim -es -u NONE -c 'set backup writebackup backupcopy=no' -c '%%s/By vim/By renaming/' -c 'x' %s; rm -f *~" % name, "vim that renames")
    has("title: By renaming", "vim that renames")
    runs("python3 -c \"p='%s'; s=open(p).read(); open(p,'w').write(s.replace('By renaming', 'By python'))\"" % name, "python")
    has("title: By python", "python")
    runs("echo 'notes: appended' >> %s" % name, "the shell appends")
    has("notes: appended", "shell")
    code, out = tool(DC, "ls -l . && cat %s && head -c 10 table.csv && grep -l 'By python' *.yaml && tar cf /dev/null . && wc -c *.yaml table.csv" % name, mdl)
    T.check(code == 0, "ls -l, cat, grep, tar, wc", out)
    code, out = tool(DC, "stat -c '%s %n' *.yaml table.csv; for f in *.yaml table.csv; do echo $(cat $f | wc -c) $f; done", mdl)
    lines = out.strip().split("\n")
    T.equal(lines[:len(lines) // 2], lines[len(lines) // 2:], "sizes are what cat gives")
    runs("cp %s ../archive/Acme/mdl/%s" % (name, name.split("__")[1]), "a row copied over its record") if False else None
    runs("rm -f Acme__%s" % mdl_name("Acme", 24), "rm")
    T.check(not os.path.exists(a.behind("Demo/archive/Acme/mdl", mdl_name("Acme", 24))), "removes the record")
    code, out = tool(DC, "rm -rf ../mdl", mdl)
    T.check(code != 0 and "form.yaml" in out, "rm -r of a table fails where it should", out)


def test_rm_project():
    """An archive in which somebody may delete a whole project: rm -r ends well."""
    a = project(**{"Demo/.zddc": "acl: {permissions: {dc@example.com: rwcd}}\n", ".zddc": ROOT_ZDDC + "acl: {permissions: {dc@example.com: rwcd}}\n"})
    for party in ("Acme", "Beta.Inc", "Hidden"):
        os.unlink(a.behind("Demo/archive/%s/.zddc" % party))
        a.put("Demo/archive/%s/.zddc" % party, PARTY_ZDDC)
    a.put("Demo/archive/.zddc", "acl: {permissions: {dc@example.com: rwcda}}\n")
    shutil.rmtree(a.behind("Demo/archive/_private"))
    a.mount()
    code, out = tool(DC, "rm -r Demo/mdl Demo/rsk Demo/working && ls Demo/mdl", a.mnt)
    T.check(code == 0, "rm -r of tables removes their rows, and is quiet about what is not on disk", out)
    T.equal([n for n in as_user(DC, listing, a.at("Demo/archive/Acme/mdl")) if n not in SPECS], [], "the records went")
    T.equal(as_user(DC, listing, a.at("Demo/mdl")), SPECS, "the table stays")


# ---------------------------------------------------------------------------------------------------------------- many at once

WRITERS, ROWS = 8, scaled(20)
ROUNDS = 5 if SANITIZED else 20


def make_rows(mdl, party, first, count):
    """With numbers of its own in mdl/, all of one group in rsk/. How many were refused."""
    refused = []
    for n in range(first, first + count):
        for place, text in (("mdl", new_row(party, n)), ("rsk", "party: %s\n" % party + record("Acme", n, RSK))):
            try:
                write("%s/%s/row.yaml" % (mdl, place), text)
            except OSError as e:
                refused.append((place, n, errno.errorcode[e.errno]))
    return refused


def test_writers():
    a = project().mount()
    children = [Child((DC, DC2)[i % 2], make_rows, a.at("Demo"), ("Acme", "Beta.Inc")[i % 2], 100 + i * ROWS, ROWS) for i in range(WRITERS)]
    T.equal(sum([c.wait() for c in children], []), [], "%d writers with one typed name each make %d rows" % (WRITERS, 2 * WRITERS * ROWS))
    rows = as_user(DC, listing, a.at("Demo/mdl"))
    T.equal(len(rows), len(SPECS) + 6 + WRITERS * ROWS, "all of them are there")
    for party in ("Acme", "Beta.Inc"):
        names = sorted(n for n in os.listdir(a.behind("Demo/archive/%s/rsk" % party)) if n.endswith(".yaml"))
        own = [n for n in names if n.startswith("Acme-100-EL-RSK-0001-")]
        first = 1
        T.equal([int(n[:-5].rsplit("-", 1)[1]) for n in own], list(range(first, first + len(own))), "row numbers of %s are unique and without gaps" % party)


def look_around(demo, until):
    """Lists and reads for a while: what a party that comes and goes may answer, and nothing else."""
    odd, looks = [], 0
    while time.monotonic() < until:
        for place in ("mdl", "ssr", "working"):
            at = os.path.join(demo, place)
            for name in os.listdir(at):
                if "Hidden" in name:
                    odd.append(name)
            looks += 1
        for name in os.listdir(demo + "/mdl"):
            try:
                text = read(os.path.join(demo, "mdl", name))
                if "__" in name and not text.startswith(("#", "party: ")):
                    odd.append((name, text[:40]))
            except OSError as e:
                if e.errno != errno.ENOENT:
                    odd.append((name, errno.errorcode[e.errno]))
    return odd, looks


def test_parties_that_come_and_go():
    a = project().mount()
    until = time.monotonic() + 3
    children = [Child(uid, look_around, a.at("Demo"), until) for uid in (PT, PT2, OBS)]
    n = 0
    while time.monotonic() < until:
        for behind in (True, False):
            src = tree({"Come": PARTY_ZDDC})
            for path, text in src.items():
                if "Come" in path:
                    a.put(path, text)
            time.sleep(0.03)
            if behind:
                os.rename(a.behind("Demo/archive/Come"), a.behind("Demo/archive/Gone"))
                time.sleep(0.01)
                shutil.rmtree(a.behind("Demo/archive/Gone"))
            else:
                as_user(DC, os.rename, a.at("Demo/ssr/Come.yaml"), a.at("Demo/ssr/Went.yaml"))
                time.sleep(0.01)
                shutil.rmtree(a.behind("Demo/archive/Went"))
            n += 1
    for c in children:
        odd, looks = c.wait()
        T.check(not odd and looks > 3, "listing while parties come and go", odd[:5])
    T.equal(as_user(PT, listing, a.at("Demo/mdl")), sorted(SPECS + rows_of("Acme", "Beta.Inc")), "after %d of them all is as before" % n)


def make_parties(ssr, first):
    """Until the mount dies: how many were acknowledged."""
    n = 0
    try:
        while True:
            write("%s/P%d.yaml" % (ssr, first + n), "title: Party %d\n" % (first + n))
            n += 1
    except OSError:
        return n


def test_killed():
    """SIGKILL anywhere: a party is there with all that belongs to it, or not at all."""
    seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
    rnd = random.Random(seed)
    a, first, total = project(), 0, 0
    for i in range(ROUNDS):
        a.mount()
        children = [Child(DC, make_parties, a.at("Demo/ssr"), first + k * 100000) for k in range(2)]
        time.sleep(0.02 + rnd.random() * 0.1)
        a.kill()
        made = [c.wait() for c in children]
        half = [d for d in os.listdir(a.behind("Demo/archive")) if d.startswith("P") and sorted(os.listdir(a.behind("Demo/archive", d))) != [".zddc", "ssr.yaml"]]
        T.check(not half, "no half party (seed %d)" % seed, half)
        torn = [d for d in os.listdir(a.behind("Demo/archive")) if d.startswith("P") and b"created_by: dc@" not in a.text("Demo/archive", d, "ssr.yaml")]
        T.check(not torn, "no torn record (seed %d)" % seed, torn)
        lost = [first + k * 100000 + n for k in range(2) for n in range(made[k]) if not os.path.isdir(a.behind("Demo/archive/P%d" % (first + k * 100000 + n)))]
        T.check(not lost, "every acknowledged party is there (seed %d)" % seed, lost)
        total += sum(made)
        first += max(made) + 1
    a.mount()
    T.check(total > ROUNDS, "parties were made: %d" % total)
    T.equal(len([n for n in as_user(DC, listing, a.at("Demo/ssr")) if n.startswith("P")]), len([d for d in os.listdir(a.behind("Demo/archive")) if d.startswith("P")]),
            "all of them show")


def test_cost():
    """What may not grow: a listing beside a plain directory of as many names, the way of one row into it, the whole table."""
    parties, rows = 100, 50
    a = Archive(tree({"Party%03d" % p: PARTY_ZDDC for p in range(parties)}, rows))
    os.mkdir(a.behind("Demo/plain"))
    for p in range(parties):
        for n in range(1, rows + 1):
            os.close(os.open(a.behind("Demo/plain/Party%03d__%s" % (p, mdl_name("Party%03d" % p, n))), os.O_CREAT | os.O_WRONLY))
    a.mount()

    def took(fn, *args):
        began = time.monotonic()
        fn(*args)
        return time.monotonic() - began

    def look():
        mdl, plain = a.at("Demo/mdl"), a.at("Demo/plain")
        first = took(os.listdir, mdl)
        T.equal(len(os.listdir(mdl)), parties * rows + len(SPECS), "all rows")
        warm, beside = (min(took(os.listdir, d) for _ in range(5)) for d in (mdl, plain))
        write(mdl + "/x.yaml", new_row("Party007", 900))
        seen = took(os.stat, mdl + "/Party007__" + mdl_name("Party007", 900))
        return first, warm, beside, seen, took(read, mdl + "/table.csv")

    first, warm, beside, seen, whole = as_user(DC, look)
    print("     %d rows: first %.0f ms, warm %.1f ms, plain %.1f ms, a new row %.1f ms, table.csv %.0f ms" % ((parties * rows,) + tuple(1000 * x for x in (first, warm, beside, seen, whole))))
    T.check(first <= 1.0 * SLOW, "first listing", first)
    T.check(warm <= 2 * beside + 0.01 * SLOW, "warm listing beside a plain directory", (warm, beside))
    T.check(seen <= 0.1 * SLOW, "a new row is there at once", seen)
    T.check(whole <= 2.0 * SLOW, "table.csv", whole)


def test_office():
    """LibreOffice opens table.csv, locks it by a name of its own, and converts what it has read."""
    a = project().mount()
    out = os.path.join(a.base, "out")
    os.mkdir(out)
    os.chmod(out, 0o777)
    T.equal(err_as(DC, write, a.at("Demo/mdl/.~lock.table.csv#"), ",dc,host,;"), "", "a lock is made")
    T.equal(as_user(DC2, read, a.at("Demo/mdl/.~lock.table.csv#")), ",dc,host,;", "and read by others")
    T.equal(err_as(DC2, os.unlink, a.at("Demo/mdl/.~lock.table.csv#")), "EACCES", "who cannot take it away")
    T.equal(err_as(DC2, write, a.at("Demo/mdl/.~lock.table.csv#"), "x", os.O_WRONLY | os.O_CREAT | os.O_EXCL), "EEXIST", "or hold it as well")
    T.equal(err_as(PT, write, a.at("Demo/mdl/.~lock.x.yaml#"), "x"), "EACCES", "who may write no row locks none")
    T.equal(err_as(DC, os.unlink, a.at("Demo/mdl/.~lock.table.csv#")), "", "its maker does")
    code, text = tool(PT, "HOME=%s soffice --headless -env:UserInstallation=file://%s/profile "
                      "--convert-to 'csv:Text - txt - csv (StarCalc):59,34,76,1' --outdir %s table.csv" % (out, out, out), a.at("Demo/mdl"))
    T.check(code == 0 and os.path.exists(out + "/table.csv"), "soffice --convert-to", text)
    with open(out + "/table.csv", encoding="utf-8") as f:
        rows = list(csv.reader(f, delimiter=";"))
    want = as_user(PT, table, a.at("Demo/mdl/table.csv"))
    T.equal(rows[0], want[0], "the columns")
    T.equal(sorted(r[0] for r in rows[1:]), sorted(r[0] for r in want[1:]), "the rows")


T.run(test_create, test_create_where_one_may, test_typed_names, test_edit, test_moved_in, test_parties, test_first_party, test_own_form, test_dated, test_tools, test_rm_project, test_writers, test_parties_that_come_and_go, test_killed, test_cost, test_office)
T.run(test_listing, test_rows, test_specs, test_links, test_refusals, test_party_names, test_changes_show)
T.finish()
