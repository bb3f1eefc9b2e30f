#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Registers: records through plain files (SPEC section 10), with the tools that people use."""
import hashlib
import json
import mmap
import os
import re
import subprocess
import time

from harness import *  # noqa: F403
from harness import DC, DC2, NOBODY, OBS, PT, ROOT, VARIANT, Archive, Child, T

MDL, RSK = "P/archive/Acme/mdl", "P/archive/Acme/rsk"
ROW = """\
# what we deliver
originator: ACME
project: '0007'
discipline: EL   # electrical
type: SPC
sequence: '2623'
title: Specification for switchgear
"""
NAME = "ACME-0007-EL-SPC-2623.yaml"
RISK = """\
originator: ACME
project: '0007'
discipline: EL
sequence: '0001'
title: %s
"""
STAMPS = ("created_at", "created_by", "updated_at", "updated_by", "revision", "previous_sha")


def fields(text):
    """The top-level plain fields of a record."""
    return dict(re.findall(r"^([a-z_A-Z]+): *'?([^'#\n]*?)'? *(?:#.*)?$", text.decode() if isinstance(text, bytes) else text, re.M))


def last_error(a, uid, where):
    return as_user(uid, read_file, a.at(where, ".zddc.d/last-error")).decode(errors="replace")


def listing(a, where):
    return sorted(n for n in as_user(DC, os.listdir, a.at(where)) if n not in (".zddc", "form.yaml", "table.yaml"))


def mdl(extra=None):
    a = Archive(project({MDL + "/": None, RSK + "/": None, **(extra or {})})).mount()
    for slot in (MDL, RSK):
        os.chmod(a.behind(slot), 0o777)
    return a


# ---------------------------------------------------------------------------------------------------------------- a record's life

def test_new():
    a = mdl()
    T.equal(err_as(DC, write_file, a.at(MDL, "typed.yaml"), ROW), "", "a new record under any name")
    T.equal(listing(a, MDL), [NAME], "is stored under the name its fields make")
    text = a.text(MDL, NAME)
    f = fields(text)
    T.check(text.startswith(ROW.encode()), "comments and order of what was written stay", text)
    T.equal((f["revision"], f["created_by"], f["updated_by"], f["created_at"] == f["updated_at"], "previous_sha" in f),
            ("1", PEOPLE[DC], PEOPLE[DC], True, False), "it is stamped")
    T.check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", f["created_at"]), "in UTC", f["created_at"])
    T.equal(as_user(DC, read_file, a.at(MDL, ".zddc.d/last-created")), ("%s/%s\n" % (MDL, NAME)).encode(), "last-created names it")
    T.equal(err_as(DC, os.stat, a.at(MDL, "typed.yaml")), "ENOENT", "the typed name is gone")
    T.equal(as_user(OBS, read_file, a.at(MDL, NAME)), text, "others read it")
    T.equal(err_as(DC, write_file, a.at(MDL, "again.yaml"), ROW), "EEXIST", "its name is taken")
    T.check("is there already" in last_error(a, DC, MDL), "and last-error says so", last_error(a, DC, MDL))
    T.equal(err_as(PT, write_file, a.at(MDL, "mine.yaml"), ROW), "EACCES", "who may not create")


def test_revision():
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    first = a.text(MDL, NAME)
    ino = os.stat(a.behind(MDL, NAME)).st_ino
    T.equal(err_as(DC, write_file, a.at(MDL, NAME), first.replace(b"switchgear", b"big switchgear")), "", "a second revision")
    second = a.text(MDL, NAME)
    f = fields(second)
    T.equal((f["revision"], f["previous_sha"], f["created_at"]), ("2", hashlib.sha256(first).hexdigest(), fields(first)["created_at"]), "follows the first")
    T.check(os.stat(a.behind(MDL, NAME)).st_ino != ino, "in another inode")
    T.equal(as_user(OBS, read_file, a.at(MDL, NAME)), second, "is what is read")
    T.equal(err_as(DC, write_file, a.at(MDL, NAME), second), "", "the same bytes again")
    T.equal(a.text(MDL, NAME), second, "make no revision")
    T.equal(err_as(DC, write_file, a.at(MDL, NAME), second.replace(b"revision: 2", b"revision: 77").replace(b"dc@example.com", b"x@y.z")), "", "stamps of a client")
    T.equal((fields(a.text(MDL, NAME))["revision"], fields(a.text(MDL, NAME))["created_by"]), ("3", PEOPLE[DC]), "count for nothing")
    T.equal(err_as(DC, write_file, a.at(MDL, NAME), second.replace(b"2623", b"2624")), "EINVAL", "it keeps its name")
    T.check("keeps its name" in last_error(a, DC, MDL), "and last-error says so", last_error(a, DC, MDL))
    T.equal(err_as(OBS, write_file, a.at(MDL, NAME), first), "EACCES", "who may not write")


def test_refused():
    a = mdl({MDL + "/.zddc": "field_codes:\n  discipline: {kind: enum, codes: [EL, ME]}\n"})
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    before = a.text(MDL, NAME)
    for text, says in ((ROW.replace("EL ", "XX "), (":4:", "discipline", "EL, ME", MDL + "/.zddc:2")), (ROW + "colour: red\n", (":8:", "colour", "additionalProperties")),
                       (ROW.replace("title:", "titel:"), ("title", "required")), ("- a list\n", ("a record is a YAML mapping",)),
                       (ROW + "title: twice\n", (":8:", "title")), (ROW.replace("'2623'", "2623"), (":6:", "sequence")),
                       (ROW.replace("ACME", "-rf"), (":2:", "originator", "pattern")), ("", ("title", "required")),
                       (ROW + "notes: &a x\n", (":8:", "anchor")), ("# " + "x" * 300 + "\n" + ROW + "plannedDate: soon\n", (":9:", "plannedDate"))):
        for name in (NAME, "new.yaml"):
            if not text and name == "new.yaml":
                continue
            e = err_as(DC, write_file, a.at(MDL, name), text) if text else err_as(DC, os.truncate, a.at(MDL, name), 0)
            said = last_error(a, DC, MDL)
            T.equal(e, "EINVAL", "close of %r" % text[-40:])
            T.check(all(word in said for word in says), "the refusal of %r names field, line and rule" % text[-40:], said)
            if text:
                T.equal(as_user(DC, read_file, a.at(MDL, ".zddc.d/rejected")), text.encode(), "the text is kept for its writer")
    T.equal((listing(a, MDL), a.text(MDL, NAME)), ([NAME], before), "what was there stays")
    T.equal(err_as(PT, os.stat, a.at(MDL, ".zddc.d/rejected")), "ENOENT", "nobody else sees it")
    T.equal(err_as(DC, write_file, a.at(MDL, NAME), b"# " + b"y" * (1 << 20) + b"\n" + before), "EFBIG", "over 1 MiB")
    T.equal(a.text(MDL, NAME), before, "what was there stays")


def typed_life(path):
    """What the writer of a new record sees until the first commit."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    out = {"size": os.stat(path).st_size}
    os.write(fd, ROW.encode())
    out["written"], out["fstat"], out["read"] = os.stat(path).st_size, os.fstat(fd).st_size, os.pread(fd, 9, 2)
    out["end"] = os.lseek(fd, 0, os.SEEK_END)
    out["times"] = [err(os.utime, fd, (1, 1)), err(os.fchmod, fd, 0o600)]
    yield fd, out
    out["fsync"] = err(os.fsync, fd)
    out["after"], out["still"] = err(os.stat, path), os.fstat(fd).st_size
    os.write(fd, b"notes: more\n")
    out["close"] = err(os.close, fd)


def test_typed_name():
    """Until the first commit only the writer sees the name; the descriptor goes on to write the record."""
    a = mdl()
    path = a.at(MDL, "typed.yaml")

    def life():
        it = typed_life(path)
        fd, out = next(it)
        for _ in it:
            pass
        return out
    out = as_user(DC, life)
    n = len(ROW)
    T.equal((out["size"], out["written"], out["fstat"], out["read"], out["end"]), (0, n, n, ROW[2:11].encode(), n), "its writer sees what they have written")
    T.equal(out["times"], ["", ""], "cp -p is quiet")
    T.equal((out["fsync"], out["after"], out["close"]), ("", "ENOENT", ""), "fsync commits")
    T.equal(fields(a.text(MDL, NAME)).get("notes"), "more", "and the descriptor writes the record from then on")
    T.equal(fields(a.text(MDL, NAME))["revision"], "2", "as its second revision")

    def cancel():
        fd = os.open(a.at(MDL, "other.yaml"), os.O_WRONLY | os.O_CREAT)
        os.write(fd, ROW.replace("2623", "9999").encode())
        os.unlink(a.at(MDL, "other.yaml"))
        return err(os.close, fd)
    T.equal(as_user(DC, cancel), "", "a name removed again by its writer")
    T.equal(listing(a, MDL), [NAME], "makes no record")

    def seen_by_others():
        fd = os.open(a.at(MDL, "third.yaml"), os.O_WRONLY | os.O_CREAT)
        got = Child(None, lambda: None).wait()  # (a fork more: FLUSH of the inherited descriptor)
        time.sleep(0.5)
        os.close(fd)
        return got
    writer = Child(DC, seen_by_others)
    time.sleep(0.2)
    T.equal(err_as(OBS, os.stat, a.at(MDL, "third.yaml")), "ENOENT", "others do not see a typed name")
    T.check("third.yaml" not in as_user(OBS, os.listdir, a.at(MDL)), "nor is it listed")
    writer.wait()


def test_ways_to_write():
    """>>, truncate, O_TRUNC, O_APPEND, r+, mmap, dd."""
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    path = a.at(MDL, NAME)
    T.equal(err_as(DC, write_file, path, "notes: first\n", os.O_WRONLY | os.O_APPEND), "", ">>")
    T.equal(fields(a.text(MDL, NAME))["notes"], "first", "appends to what is there")

    def patch():
        with open(path, "r+b") as f:
            text = f.read()
            f.seek(text.index(b"first"))
            f.write(b"third")
    T.equal(err_as(DC, patch), "", "r+")
    T.equal(fields(a.text(MDL, NAME))["notes"], "third", "changes bytes in place")

    def mapped(prot):
        fd = os.open(path, os.O_RDWR)
        try:
            with mmap.mmap(fd, 0, flags=mmap.MAP_SHARED, prot=prot) as m:
                return bytes(m[:4])
        finally:
            os.close(fd)
    T.equal(err_as(DC, mapped, mmap.PROT_READ | mmap.PROT_WRITE), "ENODEV", "a shared mapping of a private copy is refused")

    def private():
        fd = os.open(path, os.O_RDONLY)
        with mmap.mmap(fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as m:
            return bytes(m)
    T.equal(as_user(DC, private), a.text(MDL, NAME), "a private one reads")
    before = a.text(MDL, NAME)
    T.equal(err_as(DC, os.truncate, path, 10), "EINVAL", "truncate by path is a whole edit")
    T.equal(a.text(MDL, NAME), before, "and is refused as such")

    def reader_keeps_its_revision():
        fd = os.open(path, os.O_RDONLY)
        write_file(path, before.replace(b"third", b"a much longer note than before"))
        old, new = os.read(fd, 1 << 16), read_file(path)
        os.close(fd)
        return old, new
    old, new = as_user(DC, reader_keeps_its_revision)
    T.equal((old, new), (before, a.text(MDL, NAME)), "an open descriptor reads its revision, a new one the next")


def test_rows():
    a = mdl()
    for i in range(3):
        T.equal(err_as(DC, write_file, a.at(RSK, "new.yaml"), RISK % ("risk %d" % i)), "", "a risk")
    base = "ACME-0007-EL-RSK-0001-"
    T.equal(listing(a, RSK), ["%s%03d.yaml" % (base, i) for i in (1, 2, 3)], "rows count within their group")
    T.equal([fields(a.text(RSK, n))["row"] for n in listing(a, RSK)], ["001", "002", "003"], "and know their number")
    T.equal(fields(a.text(RSK, base + "001.yaml"))["type"], "RSK", "defaults are filled in")
    T.equal(err_as(DC, write_file, a.at(RSK, "new.yaml"), (RISK % "x").replace("'0001'", "'0002'")), "", "another group")
    T.check("ACME-0007-EL-RSK-0002-001.yaml" in listing(a, RSK), "counts for itself", listing(a, RSK))
    T.equal(err_as(DC, write_file, a.at(RSK, "new.yaml"), RISK % "x" + "type: SPC\n"), "EINVAL", "type is locked")
    T.check("locked" in last_error(a, DC, RSK), "and last-error says so", last_error(a, DC, RSK))
    T.equal(err_as(DC, os.unlink, a.at(RSK, base + "003.yaml")), "", "the last one goes")
    as_user(DC, write_file, a.at(RSK, "new.yaml"), RISK % "after")
    T.check(base + "004.yaml" in listing(a, RSK) and base + "003.yaml" not in listing(a, RSK), "a number is never used twice", listing(a, RSK))
    a.umount()
    a.mount()
    as_user(DC, write_file, a.at(RSK, "new.yaml"), RISK % "after a remount")
    T.check(base + "005.yaml" in listing(a, RSK), "not even after a remount", listing(a, RSK))


def test_rows_again():
    """A register that was removed and made again goes on with its numbers."""
    a = mdl()
    for n in range(3):
        as_user(DC, write_file, a.at(RSK, "r.yaml"), RISK % ("Risk %d" % n))
    for name in listing(a, RSK):
        as_user(DC, os.unlink, a.at(RSK, name))
    T.equal(err_as(DC, os.rmdir, a.at(RSK)), "", "(an empty register is removed)")
    T.check(not os.path.exists(a.behind(RSK)), "(from the disk too)")
    as_user(DC, write_file, a.at(RSK, "r.yaml"), RISK % "another")
    T.equal(listing(a, RSK), ["ACME-0007-EL-RSK-0001-004.yaml"], "its numbers are not given again")


def write_rows(path, who, n):
    for i in range(n):
        write_file(os.path.join(path, "typed-%d.yaml" % who), RISK % ("writer %d, row %d" % (who, i)))


def test_parallel_rows():
    """8 writers in one group: unique, without gaps, nothing lost. FULL: 500 rows each."""
    a = mdl()
    each = 500 if os.environ.get("FULL") else 25 if VARIANT == "release" else 5
    began = time.monotonic()
    writers = [Child(DC, write_rows, a.at(RSK), who, each) for who in range(8)]
    for w in writers:
        w.wait()
    took = time.monotonic() - began
    rows = sorted(int(n[-8:-5]) if n[-9] == "-" else int(n.split("-")[-1][:-5]) for n in listing(a, RSK))
    T.equal(rows, list(range(1, 8 * each + 1)), "%d rows of 8 writers (%.1f s)" % (8 * each, took))
    titles = {fields(a.text(RSK, n))["title"] for n in listing(a, RSK)}
    T.equal(len(titles), 8 * each, "each of them is there")


# --------------------------------------------------------------------------------------------------------------------- tools

def run_as(uid, *cmd, **kw):
    kw.setdefault("env", {**os.environ, "HOME": "/tmp", "TERM": "dumb", "LC_ALL": "C.UTF-8"})
    p = subprocess.run(cmd, user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    return p.returncode, p.stdout.decode(errors="replace")


def edit(a, *cmd):
    """Status and what was said; the listing and the record afterwards."""
    status, said = run_as(DC, *cmd)
    return status, said, listing(a, MDL), fields(a.text(MDL, NAME))


def test_tools():
    a = mdl()
    outside = os.path.join(a.base, "row.yaml")
    with open(outside, "w") as f:
        f.write(ROW)
    path, new = a.at(MDL, NAME), a.at(MDL, "row.yaml")
    for cmd in (("cp", outside, new), ("cp", "-p", outside, new), ("cp", "-a", outside, a.at(MDL)), ("sh", "-c", "cat '%s' > '%s'" % (outside, new)),
                ("gio", "copy", outside, new), ("dd", "status=none", "if=" + outside, "of=" + new),
                ("tee", new), ("vim", "-es", "-N", "-u", "NONE", "-c", "r " + outside, "-c", "1d", "-c", "w! " + new, "-c", "q!"),
                ("python3", "-c", "open('%s', 'w').write(open('%s').read())" % (new, outside))):
        status, said = run_as(DC, *cmd) if cmd[0] != "tee" else run_as(DC, "sh", "-c", "tee '%s' < '%s' > /dev/null" % (new, outside))
        T.equal((status, said, listing(a, MDL)), (0, "", [NAME]), "%s makes a record" % " ".join(cmd[:2]))
        os.unlink(a.behind(MDL, NAME))
    status, said = run_as(DC, "install", "-m", "640", outside, new)
    T.check(status == 1 and "No such file" in said and listing(a, MDL) == [NAME], "install makes one too, but then looks for the typed name", said)
    revision = 1
    for cmd in (("sed", "-i", "s/switchgear/sed/", path), ("vim", "-es", "-N", "-u", "NONE", "-c", "%s/sed/vim/", "-c", "wq", path),
                ("vim", "-es", "-N", "-u", "NONE", "-c", "set backupcopy=no", "-c", "%s/vim/vimrename/", "-c", "wq", path),
                ("vim", "-es", "-N", "-u", "NONE", "-c", "set backupcopy=yes", "-c", "%s/vimrename/vimcopy/", "-c", "wq", path),
                ("perl", "-pi", "-e", "s/vimcopy/perl/", path),
                ("sh", "-c", "sed 's/perl/gio/' '%s' | gio save '%s'" % (path, path)),
                ("python3", "-c", "import os; p='%s'; t=open(p).read().replace('gio','atomic'); q=p+'.tmp'; open(q,'w').write(t); os.replace(q,p)" % path)):
        status, said, names, f = edit(a, *cmd)
        revision += 1
        T.equal((status, said, names), (0, "", [NAME]), "%s edits a record, no litter" % " ".join(cmd[:1] + cmd[5:7]))
        T.equal((f["revision"], f["created_by"]), (str(revision), PEOPLE[DC]), "as its next revision")
    T.check("atomic" in f["title"], "the last text is there", f)
    status, said, names, f = edit(a, "sed", "-i", "s/^discipline: EL/discipline: 7/", path)
    T.check(status != 0 and names == [NAME] and f["revision"] == str(revision), "a bad edit by sed -i fails, and leaves nothing", (status, said, names))


def test_moves():
    a = mdl({"P/archive/Bolt/.zddc": PARTY_ZDDC, "P/archive/Bolt/mdl/": None})
    bolt = "P/archive/Bolt/mdl"
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    path = a.at(MDL, NAME)
    T.equal(err_as(DC, os.rename, path, a.at(MDL, "other.yaml")), "EINVAL", "mv to a name that its fields do not make")
    T.check("its fields make" in last_error(a, DC, MDL), "last-error says which", last_error(a, DC, MDL))
    T.equal(err_as(DC, os.rename, path, a.at(MDL, "other.txt")), "EINVAL", "nor to one that is no record's")
    T.equal(err_as(DC, os.rename, path, a.at(bolt, "other.yaml")), "EINVAL", "nor in another register")
    T.equal(err_as(DC, os.rename, path, a.at(bolt, NAME)), "", "mv to another register")
    f = fields(a.text(bolt, NAME))
    T.equal((listing(a, MDL), listing(a, bolt), f["revision"]), ([], [NAME], "2"), "goes on as the same record")
    T.equal(err_as(DC, os.rename, a.at(bolt, NAME), a.at("P/archive/Acme/staging/row.txt")), "", "out of the register")
    T.equal(err_as(DC, os.rename, a.at("P/archive/Acme/staging/row.txt"), a.at(MDL, "typed.yaml")), "", "and into one again")
    T.equal((listing(a, MDL), err_as(DC, os.stat, a.at("P/archive/Acme/staging/row.txt"))), ([NAME], "ENOENT"), "under the name its fields make")
    a.put("P/archive/Acme/staging/bad.yaml", "title: 1\n")
    T.equal(err_as(DC, os.rename, a.at("P/archive/Acme/staging/bad.yaml"), a.at(MDL, "bad.yaml")), "EINVAL", "what is no record does not get in")
    T.equal(a.text("P/archive/Acme/staging/bad.yaml"), b"title: 1\n", "and stays where it was")
    T.equal(err_as(DC, renameat2, path, a.at("P/archive/Acme/staging/bad.yaml"), RENAME_EXCHANGE), "EPERM", "records do not change places")
    T.equal(err_as(PT, os.rename, a.at("P/archive/Acme/staging/bad.yaml"), a.at(MDL, "bad.yaml")), "EACCES", "who may not")
    T.equal(err_as(OBS, os.unlink, path), "EACCES", "who may not delete")
    T.equal(err_as(DC, os.unlink, path), "", "who may")


def test_forms():
    """form.yaml and table.yaml of each register, and an archive's own."""
    a = mdl({"P/archive/Acme/issued/": None})
    with open(os.path.join(ROOT, "schemas/default-rsk.form.yaml"), "rb") as f:
        want = f.read()
    for slot in (MDL, RSK, "P/archive/Acme/rsk"):
        T.equal([n for n in as_user(OBS, os.listdir, a.at(slot)) if n.endswith("m.yaml") or n == "table.yaml"], ["form.yaml", "table.yaml"], "listed in " + slot)
    T.equal(as_user(OBS, read_file, a.at(RSK, "form.yaml")), want, "the form")
    T.equal(as_user(OBS, os.stat, a.at(RSK, "form.yaml")).st_size, len(want), "its size")
    T.check(not any(n.endswith(".yaml") for n in as_user(DC, os.listdir, a.at("P/archive/Acme"))), "not where there is no register")
    T.equal(err_as(NOBODY, os.stat, a.at(RSK, "form.yaml")), "ENOENT", "who may not see the register")
    form = a.at(MDL, "form.yaml")
    for what, call in (("write", lambda: os.open(form, os.O_WRONLY)), ("O_TRUNC", lambda: os.open(form, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)), ("truncate", lambda: os.truncate(form, 0)),
                       ("rename", lambda: os.rename(form, a.at(MDL, "other"))), ("setxattr", lambda: os.setxattr(form, "user.x", b"y")), ("chmod", lambda: os.chmod(form, 0o777))):
        T.equal(err_as(DC, call), "EROFS", "%s of a form that is not on disk" % what)
    T.equal(err_as(PT, os.unlink, form), "EACCES", "unlink without d")
    own = "type: object\nproperties:\n  title: {type: string, maxLength: 5}\n"
    as_user(DC, write_file, a.at(MDL, "mine"), own)
    T.equal(err_as(DC, os.rename, a.at(MDL, "mine"), form), "", "an own form is put there by a rename")
    T.equal((as_user(OBS, read_file, form), a.text(MDL, "form.yaml")), (own.encode(), own.encode()), "it is what is shown")
    T.equal(err_as(DC, write_file, a.at(MDL, "x.yaml"), ROW), "EINVAL", "and what counts")
    T.check(MDL + "/form.yaml:3" in last_error(a, DC, MDL), "refusals name it", last_error(a, DC, MDL))
    T.equal(err_as(DC, write_file, form, "type: object\nunheard: of\n"), "", "a form that is none")
    T.equal(err_as(DC, write_file, a.at(MDL, "x.yaml"), ROW), "EINVAL", "lets no record pass")
    T.check("unheard" in last_error(a, DC, MDL), "and the refusal says what is wrong with it", last_error(a, DC, MDL))
    as_user(DC, os.unlink, form)
    T.equal(err_as(DC, write_file, a.at(MDL, "x.yaml"), ROW), "", "without it the built-in one is there again")
    p = subprocess.run(["rm", "-r", a.at(MDL)], user=DC, group=DC, extra_groups=[], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    T.equal((p.returncode, p.stderr), (0, b""), "rm -r of a register does not stumble over it")
    written = mdl({MDL + "/.zddc": "records:\n  '*.yaml':\n    schema: {type: object, properties: {title: {type: string}}}\n"})
    T.check(b"title" in as_user(OBS, read_file, written.at(MDL, "form.yaml")), "a form that is written out in policy")


def lines(a):
    """The ledger so far: (event, last part of the path, principal, revision)."""
    out = []
    for name in sorted(os.listdir(a.behind(".zddc.d/ledger"))):
        if name.endswith(".jsonl"):
            for line in a.text(".zddc.d/ledger", name).splitlines():
                e = json.loads(line)
                out.append((e["event"], (e["path"] or "").split("/")[-1], e["principal"], (e["object"] or {}).get("revision"), e["errno"], (e["object"] or {}).get("sha256")))
    return out


def test_ledger():
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    first = a.text(MDL, NAME)
    as_user(DC, write_file, a.at(MDL, NAME), first.replace(b"switchgear", b"cable"))
    as_user(DC, write_file, a.at(MDL, NAME), a.text(MDL, NAME))
    err_as(DC, write_file, a.at(MDL, "y.yaml"), "no: record\n")
    as_user(DC, write_file, a.at(RSK, "x.yaml"), RISK % "one")
    as_user(DC, os.unlink, a.at(MDL, NAME))
    got = [e for e in lines(a) if e[2] == PEOPLE[DC]]
    risk = "ACME-0007-EL-RSK-0001-001.yaml"
    T.equal([e[:4] for e in got if e[0] != "refused"], [("record_create", NAME, PEOPLE[DC], "1"), ("record_update", NAME, PEOPLE[DC], "2"), ("record_rejected", "y.yaml", PEOPLE[DC], None),
            ("sequence_assigned", risk, PEOPLE[DC], None), ("record_create", risk, PEOPLE[DC], "1"), ("record_delete", NAME, PEOPLE[DC], None)], "what the ledger says")
    T.equal(got[0][5], hashlib.sha256(first).hexdigest(), "with the hash of the revision")


def test_rights():
    """c without w: rows can be added, not changed. c alone: what is there is not told. Who loses a right while writing."""
    a = mdl({RSK + "/.zddc": "acl: {permissions: {pt@example.com: rc}}\n", MDL + "/.zddc": "acl: {permissions: {nobody@example.com: c}}\n"})
    name = "ACME-0007-EL-RSK-0001-001.yaml"
    T.equal(err_as(PT, write_file, a.at(RSK, "x.yaml"), RISK % "mine"), "", "c adds a row")
    T.equal(fields(a.text(RSK, name))["created_by"], PEOPLE[PT], "of one's own")
    T.equal(err_as(PT, write_file, a.at(RSK, name), RISK % "changed"), "EACCES", "and does not change it")
    T.equal(err_as(PT, os.unlink, a.at(RSK, name)), "EACCES", "nor delete it")
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    T.equal(err_as(NOBODY, write_file, a.at(MDL, "x.yaml"), ROW), "EACCES", "c alone does not tell that a name is taken")
    T.equal(err_as(NOBODY, write_file, a.at(MDL, "x.yaml"), ROW.replace("2623", "1")), "", "and makes a record")

    writer = Child(DC, slow_write, a.at(RSK, name), RISK % "too late", 0.8)
    time.sleep(0.3)
    a.put(RSK + "/.zddc", "acl: {permissions: {document_controller: r}}\n")
    T.equal(err(writer.wait), "EACCES", "who loses w while writing does not commit")
    T.equal(fields(a.text(RSK, name))["title"], "mine", "what was there stays")


def slow_write(path, text, seconds):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    os.write(fd, text.encode())
    time.sleep(seconds)
    os.close(fd)


def test_slots():
    """A register that is declared and not on disk comes into being with its first record; so do several at once."""
    a = Archive(project()).mount()
    T.check(not os.path.exists(a.behind(MDL)), "(it is not on disk)")
    T.equal(as_user(OBS, os.listdir, a.at(MDL)), ["form.yaml", "table.yaml"], "it shows its form")
    T.equal(err_as(DC, write_file, a.at(MDL, "bad.yaml"), "title: 1\n"), "EINVAL", "a text that is refused")
    T.check(not os.path.exists(a.behind(MDL)) or os.listdir(a.behind(MDL)) == [], "makes no record")
    writers = [Child(DC, write_file, a.at(MDL, "typed.yaml"), ROW.replace("2623", str(i))) for i in range(6)]
    T.equal([err(w.wait) for w in writers], [""] * 6, "six first records at once, typed alike")
    T.equal(len(listing(a, MDL)), 6, "are six records")


def test_two_writers():
    """Two people write one record: each gets a revision, nothing is lost."""
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)

    def many(who):
        for i in range(15):
            write_file(a.at(MDL, NAME), ROW.replace("switchgear", "%d of %d" % (i, who)))
    for w in [Child(uid, many, n) for n, uid in enumerate((DC, DC2, DC, DC2))]:
        w.wait()
    T.equal(fields(a.text(MDL, NAME))["revision"], "61", "60 revisions of 4 writers")
    kept = os.listdir(a.behind(MDL, ".zddc.d/history", NAME))
    T.equal(sorted(int(n.split("-")[1]) for n in kept), list(range(1, 61)), "all are kept")


def test_away():
    """An editor's backup: the record is hidden and stays in force (that it comes back, policyfile.py shows for the same code)."""
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    text = a.text(MDL, NAME)
    path = a.at(MDL, NAME)
    T.equal(err_as(DC, os.rename, path, path + "~"), "", "to a temporary name")
    T.equal((err_as(DC, os.stat, path), as_user(DC, read_file, path + "~")), ("ENOENT", text), "the name is gone, the text is there")
    T.equal((a.text(MDL, NAME), listing(a, MDL)), (text, [NAME + "~"]), "the record stays where it is")
    T.equal(err_as(DC, write_file, path, text.replace(b"switchgear", b"cable")), "", "the new text")
    T.equal(fields(a.text(MDL, NAME))["revision"], "2", "is the next revision")
    as_user(DC, os.rename, path, path + ".tmp")
    T.equal(err_as(DC, os.rename, path + ".tmp", path), "", "and back again")
    T.equal(fields(a.text(MDL, NAME))["revision"], "2", "is no revision")


if __name__ == "__main__":
    T.run(test_ledger, test_rights, test_slots, test_two_writers, test_away, test_new, test_revision, test_refused, test_typed_name, test_ways_to_write, test_tools, test_moves, test_forms, test_rows, test_rows_again, test_parallel_rows)
    T.finish()
