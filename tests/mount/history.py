#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier versions of files where history: true holds (SPEC section 11)."""
import hashlib
import os
import re
import subprocess
import time

from harness import *  # noqa: F403
from harness import ADMIN, ALICE, AUD, BOB, DC, OBS, PT, Archive, Child, T
from records import MDL, NAME, ROW, RSK, fields, last_error, listing, mdl, run_as

KEEPS = """\
admins: [admin@example.com]
roles: {auditor: {members: [aud@example.com]}}
history: true
acl: {permissions: {alice@example.com: rwcd, bob@example.com: r, dc@example.com: rwcd, auditor: r}}
"""
VERSION = re.compile(r"(\d{8}T\d{6}Z)-(\d+)-([0-9a-f]{8})-(.+)")


def keeping(extra=None):
    a = Archive({".zddc": KEEPS, "d/f": "one\n", "d/sub/": None, "e/": None, **(extra or {})}, defaults="{}\n").mount()
    return a


def kept(a, where, name, place="history"):
    """What lies in the backing tree: [(revision, text)] in order; pointers as (name, text)."""
    top = a.behind(where, ".zddc.d", place, name)
    out = []
    for path, _, names in os.walk(top):
        for n in names:
            m = VERSION.fullmatch(n)
            with open(os.path.join(path, n), "rb") as f:
                text = f.read()
            out.append((int(m[2]) if m else n, text))
            if m:
                T.equal(hashlib.sha256(text).hexdigest()[:8], m[3], "the name %s has the hash of its bytes" % n)
    return sorted(out, key=str)


def test_in_place():
    """O_TRUNC, >>, a write in the middle, truncate, mmap: what was there before the first change of each open is kept."""
    a = keeping()
    f = a.at("d/f")
    T.equal(err_as(ALICE, write_file, f, "two\n"), "", "O_TRUNC")
    T.equal(kept(a, "d", "f"), [(1, b"one\n")], "keeps what it takes away")
    T.equal(err_as(ALICE, write_file, f, "three\n", os.O_WRONLY | os.O_APPEND), "", ">>")
    T.equal(kept(a, "d", "f")[1:], [(2, b"two\n")], "keeps what it adds to")

    def patch():
        fd = os.open(f, os.O_RDWR)
        os.pwrite(fd, b"T", 0)
        os.pwrite(fd, b"W", 1)
        os.ftruncate(fd, 3)
        os.close(fd)
    as_user(ALICE, patch)
    T.equal(kept(a, "d", "f")[2:], [(3, b"two\nthree\n")], "one version for each open")
    as_user(ALICE, os.truncate, f, 1)
    T.equal(kept(a, "d", "f")[3:], [(4, b"TWo")], "truncate by path")
    T.equal(a.text("d/f"), b"T", "and the file is what it should be")
    names = sorted(os.listdir(a.behind("d/.zddc.d/history/f")))
    T.check(names[1].endswith("-2-%s-alice@example.com" % hashlib.sha256(b"two\n").hexdigest()[:8]), "who wrote it", names)
    before = len(names)
    as_user(ALICE, write_file, f, "T")
    as_user(ALICE, write_file, f, "T")
    T.equal(len(os.listdir(a.behind("d/.zddc.d/history/f"))), before + 1, "identical bytes add nothing")
    T.equal(err_as(ALICE, try_close, f, os.O_RDWR), "", "an open without a change")
    T.equal(len(os.listdir(a.behind("d/.zddc.d/history/f"))), before + 1, "adds nothing")
    as_user(ALICE, write_file, a.at("d/new"), "x")
    T.check(not os.path.exists(a.behind("d/.zddc.d/history/new")), "a new file has no versions")
    as_user(ALICE, write_file, a.at("d/.x.swp"), "x")
    as_user(ALICE, write_file, a.at("d/.x.swp"), "y")
    T.check(not os.path.exists(a.behind("d/.zddc.d/history/.x.swp")), "temporary names have none")


def test_names():
    """unlink, rename, rename over, exchange, move."""
    a = keeping({"d/g": "g one\n", "e/h": "h\n"})
    f, g = a.at("d/f"), a.at("d/g")
    as_user(ALICE, write_file, f, "two\n")
    T.equal(err_as(ALICE, os.rename, f, a.at("d/f2")), "", "a rename in the directory")
    T.equal((kept(a, "d", "f"), kept(a, "d", "f2")), ([], [(1, b"one\n")]), "carries versions along")
    T.equal(err_as(ALICE, os.rename, g, a.at("d/f2")), "", "a rename over another file")
    T.equal(kept(a, "d", "f2"), [(1, b"one\n"), (2, b"two\n")], "keeps what was replaced")
    T.equal(a.text("d/f2"), b"g one\n", "the new text is there")
    T.equal(err_as(ALICE, os.unlink, a.at("d/f2")), "", "removal")
    T.equal((kept(a, "d", "f2"), [v[1] for v in kept(a, "d", "f2", "ended")]), ([], [b"one\n", b"two\n", b"g one\n"]), "ends the chain")
    as_user(ALICE, write_file, a.at("d/f2"), "again\n")
    as_user(ALICE, write_file, a.at("d/f2"), "and again\n")
    T.equal(kept(a, "d", "f2"), [(1, b"again\n")], "a later file of that name starts a new one")
    T.equal(err_as(ALICE, os.rename, a.at("d/f2"), a.at("e/f3")), "", "a move")
    gone = kept(a, "d", "f2", "ended")
    T.check((2, b"and again\n") in gone and dict(gone)["moved-to"].endswith(b" e/f3\n"), "leaves its bytes and a pointer", gone)
    T.check(dict(kept(a, "e", "f3"))["moved-from"].endswith(b" alice@example.com d/f2\n"), "both ways", kept(a, "e", "f3"))
    as_user(ALICE, write_file, a.at("e/f3"), "later\n")
    T.equal(kept(a, "d", "f2", "ended"), gone, "and is not what the moved file becomes")
    T.equal(err_as(ALICE, renameat2, a.at("e/f3"), a.at("e/h"), RENAME_EXCHANGE), "", "an exchange")
    T.check((1, b"and again\n") in kept(a, "e", "h") and kept(a, "e", "f3") == [], "exchanges versions", kept(a, "e", "h"))
    as_user(ALICE, write_file, a.at("d/sub/x"), "1")
    as_user(ALICE, write_file, a.at("d/sub/x"), "2")
    as_user(ALICE, os.unlink, a.at("d/sub/x"))
    T.equal(err_as(ALICE, os.rmdir, a.at("d/sub")), "", "rmdir")
    removed = os.listdir(a.behind("d/.zddc.d/removed"))
    T.check(len(removed) == 1 and re.fullmatch(r"\d{8}T\d{6}Z-sub-alice@example.com", removed[0]), "goes to the parent's removed/", removed)
    T.equal(sorted(os.listdir(a.behind("d/.zddc.d/removed", removed[0]))), ["ended", "history"], "with its versions")


def test_writer_open():
    """A file that somebody has open when its name goes: what he writes afterwards is in no version."""
    a = keeping()

    def late(how):
        fd = os.open(a.at("d/f"), os.O_RDWR)
        os.write(fd, b"mine")
        if how == "unlink":
            os.unlink(a.at("d/f"))
        else:
            write_file(a.at("d/tmp1"), "other\n")
            os.rename(a.at("d/tmp1"), a.at("d/f"))
        os.pwrite(fd, b"late", 0)
        os.close(fd)
    as_user(ALICE, late, "rename")
    T.equal(kept(a, "d", "f"), [(1, b"one\n"), (2, b"mine")], "replaced while open")
    as_user(ALICE, late, "unlink")
    T.equal([v[1] for v in kept(a, "d", "f", "ended")], [b"one\n", b"mine", b"other\n", b"miner\n"], "removed while open")


def test_records():
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    texts = [a.text(MDL, NAME)]
    for i in range(3):
        as_user(DC, write_file, a.at(MDL, NAME), texts[-1].replace(b"title: ", b"title: %d " % i))
        texts.append(a.text(MDL, NAME))
    T.equal(kept(a, MDL, NAME), [(i + 1, t) for i, t in enumerate(texts[:-1])], "every revision of a record")
    for i in range(1, 4):
        T.equal(fields(texts[i])["previous_sha"], hashlib.sha256(texts[i - 1]).hexdigest(), "each names the one before it")
    T.equal(err_as(DC, os.unlink, a.at(MDL, NAME)), "", "removed")
    T.equal([v[1] for v in kept(a, MDL, NAME, "ended")], texts, "nothing is lost")


if __name__ == "__main__":
    T.run(test_in_place, test_names, test_writer_open, test_records)
    T.finish()
