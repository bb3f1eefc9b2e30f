#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual directories (SPEC section 9): tables over the parties of a project, and links to their folders."""
import csv
import errno
import io
import os
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
                T.equal(err(os.rename, os.path.join(at, spec), os.path.join(at, "x.yaml")), "EPERM", "renaming %s" % spec)
        T.equal(err(os.unlink, a.at("Demo/ssr/Acme.yaml")), "EPERM", "a party's row is not deleted")
        T.check("delete the party folder" in why(a) and "Demo/archive/Acme" in why(a), "the sentence says what to do", why(a))
        T.equal(err(os.rename, row, a.at("Demo/mdl/Acme__new.yaml")), "EPERM", "a row keeps its name")
        T.equal(err(os.rmdir, row), "ENOTDIR", "rmdir of a row")
        T.equal(err(os.link, row, a.at("Demo/mdl/x.yaml")), "EPERM", "hard link")
        return T.passed, T.failed

    T.passed, T.failed = as_user(DC, as_dc)
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


T.run(test_listing, test_rows, test_specs, test_links, test_refusals, test_party_names, test_changes_show)
T.finish()
