#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Folders that belong to whoever makes them, and slots that come into being (SPEC sections 7 and 8)."""
import os
import subprocess
import time

import yaml
from harness import *  # noqa: F403
from harness import Archive, Child, T

ACME = "P/archive/Acme"
ONLY_PARTY = {".zddc": ROOT_ZDDC, "P/": None, ACME + "/.zddc": PARTY_ZDDC}
SLOTS = ["incoming", "issued", "mdl", "received", "reviewing", "rsk", "staging", "working"]


def doc(a, path):
    return yaml.safe_load(a.text(path, ".zddc"))


def verbs(a, uid, path):
    """What the mount says uid holds in path."""
    try:
        return as_user(uid, os.getxattr, a.at(path), "user.zddc.effective").decode().strip()
    except OSError as e:
        return errno.errorcode[e.errno]


def test_home():
    a = Archive(project()).mount()
    home = ACME + "/working/mine"
    T.equal(err_as(PT, os.mkdir, a.at(home)), "", "mkdir in working/")
    d = doc(a, home)
    T.equal(d, {"created_by": "pt@example.com", "acl": {"inherit": False, "permissions": {"pt@example.com": "rwcda"}}}, "the generated .zddc")
    T.equal(err_as(PT, write_file, a.at(home, "f"), "x"), "", "the owner works there")
    for uid in (DC, PT2, OBS, AUD, BOTH):
        T.equal(err_as(uid, os.stat, a.at(home)), "ENOENT", "uid %d does not see it" % uid)
    T.equal(err_as(PT2, os.mkdir, a.at(home)), "EACCES", "nor makes it a second time")
    T.equal(err_as(PT, os.mkdir, a.at(home)), "EEXIST", "the owner gets EEXIST")
    T.equal(err_as(PT, os.mkdir, a.at(home, "sub")), "", "a folder in it")
    T.check(not os.path.exists(a.behind(home, "sub/.zddc")), "is an ordinary one")
    st = os.stat(a.behind(home))
    T.equal((st.st_uid, st.st_gid), (PT, PT), "it belongs to its maker on disk too")
    T.equal(err_as(PT, write_file, a.at(home, ".zddc"), "created_by: pt@example.com\nacl: {permissions: {pt@example.com: rwcda, pt2@example.com: r}}\n"), "", "the owner opens it")
    T.equal(err_as(PT2, read_file, a.at(home, "f")), "", "to a colleague")
    p = subprocess.run(["rm", "-r", a.at(home)], user=PT, group=PT, extra_groups=[], stderr=subprocess.PIPE)
    T.equal((p.returncode, p.stderr), (0, b""), "rm -r of one's own home")
    T.check(not os.path.exists(a.behind(home)), "it is gone")


def test_party():
    a = Archive(project()).mount()
    T.equal(err_as(DC, os.mkdir, a.at("P/archive/Beta")), "", "a controller makes a party")
    T.equal(doc(a, "P/archive/Beta"), {"created_by": "dc@example.com", "acl": {"permissions": {"dc@example.com": "rwcda", "document_controller": "rwcda"}}},
            "the generated .zddc: creator and mandated role, no fence")
    T.equal(err_as(DC2, write_file, a.at("P/archive/Beta/notes.txt"), "x"), "", "the other controller works there")
    T.equal(err_as(PT, read_file, a.at("P/archive/Beta/notes.txt")), "", "the team reads")
    T.equal(err_as(PT, write_file, a.at("P/archive/Beta/notes.txt"), "x"), "EACCES", "and does not write")
    T.equal(sorted(n for n in as_user(PT, os.listdir, a.at("P/archive/Beta")) if n not in (".zddc", "notes.txt")), SLOTS, "its slots are there at once")
    T.equal(err_as(PT, os.mkdir, a.at("P/archive/Gamma")), "EACCES", "the team makes no party")
    T.equal(err_as(ANON, os.mkdir, a.at("P/archive/Gamma")), "ENOENT", "nor the unmapped")


def test_iteration():
    a = Archive(project()).mount()
    it = ACME + "/reviewing/123456-EM-SUB-0001"
    T.equal(err_as(PT, os.mkdir, a.at(it)), "", "an iteration by the team")
    T.equal(doc(a, it)["acl"]["permissions"]["pt@example.com"], "rwcda", "is its maker's")
    T.equal(err_as(PT2, write_file, a.at(it, "comment.txt"), "x"), "", "others may add")
    T.equal(err_as(PT, os.unlink, a.at(it, "comment.txt")), "", "the maker may remove")
    T.equal(err_as(DC, write_file, a.at(it, "dc.txt"), "x"), "", "the controller has all")


def test_mandated():
    a = Archive(project()).mount()
    as_user(DC, os.mkdir, a.at("P/archive/Beta"))
    z = a.at("P/archive/Beta/.zddc")
    good = "created_by: dc@example.com\nacl:\n  permissions:\n    dc@example.com: rwcda\n    document_controller: rwcda\n"
    attempts = {
        "dropping the role": good.replace("    document_controller: rwcda\n", ""),
        "giving it less": good.replace("document_controller: rwcda", "document_controller: rwc"),
        "denying it": good.replace("document_controller: rwcda", "document_controller: \"\""),
        "denying a member": good + "    dc2@example.com: \"\"\n",
        "denying everybody of the domain": good + "    \"*@example.com\": \"\"\n",
        "another role of the same name": good + "roles: {document_controller: {members: [dc@example.com], reset: true}}\n",
        "a fence without it": "created_by: dc@example.com\nacl:\n  inherit: false\n  permissions:\n    dc@example.com: rwcda\n",
        "an empty text": "",
    }
    for name, text in attempts.items():
        # nothing was written into an emptied file when close flushes it: that one is refused on release
        T.equal(err_as(DC, write_file, z, text), "EINVAL" if text else "", name)
    T.equal(a.text("P/archive/Beta/.zddc").count(b"document_controller"), 1, "the file is as it was")
    T.equal(err_as(DC2, write_file, a.at("P/archive/Beta/f"), "x"), "", "the other controller still works")
    T.equal(err_as(DC, write_file, z, good + "title: Beta\n"), "", "an edit that takes nothing away")
    T.equal(err_as(DC2, write_file, z, good.replace("    dc@example.com: rwcda\n", "")), "", "the creator's own grant may go")
    T.equal(err_as(ADMIN, write_file, z, good), "", "an administrator edits")
    as_user(DC, os.unlink, a.at("P/archive/Beta/f"))
    T.equal(err_as(DC, os.unlink, z), "EINVAL", "removing the file")
    T.check(os.path.exists(a.behind("P/archive/Beta/.zddc")), "it is there")


def test_by_rename():
    a = Archive(project()).mount()
    stage, work = a.at(ACME, "staging"), a.at(ACME, "working")
    as_user(DC, os.mkdir, stage + "/folder")
    as_user(DC, write_file, stage + "/folder/f", "x")
    T.equal(err_as(DC, os.rename, stage + "/folder", work + "/folder"), "", "a folder moved into an auto-owned place")
    T.equal(doc(a, ACME + "/working/folder"), {"created_by": "dc@example.com", "acl": {"inherit": False, "permissions": {"dc@example.com": "rwcda"}}}, "gets its .zddc, the mover's")
    T.equal(err_as(PT, os.stat, work + "/folder"), "ENOENT", "fenced")
    T.equal(as_user(DC, read_file, work + "/folder/f"), b"x", "and its files")
    as_user(DC, os.mkdir, stage + "/second")
    T.equal(err_as(PT, os.rename, stage + "/second", work + "/second"), "EACCES", "a refused move")
    T.check(not os.path.exists(a.behind(ACME, "staging/second/.zddc")), "leaves nothing behind")
    as_user(DC, os.mkdir, work + "/third")
    T.among(err_as(DC, os.rename, stage + "/second", work + "/third"), ("ENOTEMPTY", "EEXIST"), "onto a home that is there")
    T.check(not os.path.exists(a.behind(ACME, "staging/second/.zddc")), "leaves nothing behind")
    as_user(DC, os.mkdir, stage + "/with")
    as_user(DC, write_file, stage + "/with/.zddc", "created_by: somebody@example.com\nacl: {permissions: {dc@example.com: rwcda, pt@example.com: r}}\n")
    T.equal(err_as(DC, os.rename, stage + "/with", work + "/with"), "", "one that has a .zddc")
    T.check(b"somebody@" in a.text(ACME, "working/with/.zddc"), "keeps it")


def test_anonymous():
    a = Archive({".zddc": "admins: [admin@example.com]\n", "in/.zddc": "acl: {permissions: {anonymous: rwc, \"*\": rwc}}\npaths: {\"*\": {auto_own: true}}\n"}).mount()
    T.equal(err_as(ANON, os.mkdir, a.at("in/x")), "EACCES", "an anonymous mkdir in an auto-owned place")
    said = as_user(ANON, read_file, a.at("in/.zddc.d/last-error")).decode()
    T.check("auto-own" in said or "anonymous" in said, "says why", said)
    T.check(not os.path.exists(a.behind("in/x")), "makes nothing")
    T.equal(err_as(ANON, write_file, a.at("in/f"), "x"), "", "a file it may make")
    T.equal(err_as(ALICE, os.mkdir, a.at("in/y")), "", "others may")


def make_same(base, barrier):
    won = []
    for i in range(60):
        while not os.path.exists(barrier + str(i)):
            pass
        if not err(os.mkdir, os.path.join(base, "h%d" % i)):
            won.append(i)
    return won


def test_one_winner():
    """Two make the same home at the same time: one gets it, whole."""
    a = Archive(project()).mount()
    base, barrier = a.at(ACME, "working"), a.base + "/go"
    children = {uid: Child(uid, make_same, base, barrier) for uid in (PT, PT2)}
    for i in range(60):
        open(barrier + str(i), "w").close()
        time.sleep(0.01)
    won = {uid: c.wait() for uid, c in children.items()}
    T.equal(sorted(won[PT] + won[PT2]), list(range(60)), "each home has exactly one maker")
    wrong = [i for uid, mail in ((PT, "pt@example.com"), (PT2, "pt2@example.com")) for i in won[uid] if doc(a, ACME + "/working/h%d" % i)["created_by"] != mail]
    T.check(not wrong, "and its .zddc is the maker's", wrong)


def seen_bare(base, seconds):
    """Homes of others that were visible for a moment."""
    end, seen, n = time.monotonic() + seconds, set(), 0
    while time.monotonic() < end:
        n += 1
        seen |= {x for x in os.listdir(base) if x.startswith("s")}
        for i in range(0, 300, 7):
            if not err(os.stat, os.path.join(base, "s%d" % i)):
                seen.add(i)
    return seen, n


def make_many(base, seconds):
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        os.mkdir(os.path.join(base, "s%d" % n))
        n += 1
    return n


def test_never_bare():
    """A fenced home is never visible to others, not for a moment."""
    a = Archive(project()).mount()
    base = a.at(ACME, "working")
    maker, seer = Child(PT, make_many, base, 3), Child(PT2, seen_bare, base, 3)
    made = maker.wait()
    seen, n = seer.wait()
    T.check(made > 50 and n > 10, "both worked", (made, n))
    T.check(not seen, "no home of %d was seen bare in %d looks" % (made, n), seen)


# -------------------------------------------------------------------------------------------------------------------- slots

def test_slots_shown():
    a = Archive(ONLY_PARTY).mount()
    for uid in (DC, PT, OBS):
        names = [n for n in as_user(uid, os.listdir, a.at(ACME)) if n != ".zddc"]
        T.equal(sorted(names), SLOTS, "uid %d sees the declared slots" % uid)
    T.check(not os.path.exists(a.behind(ACME, "incoming")), "nothing of it is on disk")
    T.equal(as_user(PT, os.listdir, a.at(ACME, "working")), [], "a slot is an empty directory")
    st = as_user(PT, os.stat, a.at(ACME, "working"))
    T.check((st.st_mode & 0o170000) == 0o040000, "it is a directory")
    T.equal(err_as(NOBODY, os.stat, a.at(ACME, "working")), "ENOENT", "not for those who may not see it")
    T.equal(err_as(PT, os.chdir, a.at(ACME, "staging")), "", "one may go there")


def test_slots_mkdir_rmdir():
    a = Archive(ONLY_PARTY).mount()
    for name in ("incoming", "Incoming", "INCOMING"):
        T.equal(err_as(DC, os.mkdir, a.at(ACME, name)), "EEXIST", "mkdir %s" % name)
    T.equal(err_as(DC, write_file, a.at(ACME, "Staging"), "x"), "EEXIST", "a file that differs from a slot only in case")
    T.equal(err_as(DC, os.symlink, "x", a.at(ACME, "WORKING")), "EEXIST", "a symlink")
    as_user(DC, write_file, a.at(ACME, "note"), "x")
    T.equal(err_as(DC, os.rename, a.at(ACME, "note"), a.at(ACME, "rEceived")), "EEXIST", "a rename")
    T.equal(err_as(DC, os.rmdir, a.at(ACME, "incoming")), "", "rmdir of one that is not on disk")
    T.check("incoming" in as_user(DC, os.listdir, a.at(ACME)), "has no effect")
    T.equal(err_as(DC, os.rename, a.at(ACME, "incoming"), a.at(ACME, "other")), "EPERM", "a slot cannot be renamed")
    T.check(not os.path.exists(a.behind(ACME, "incoming")), "still nothing on disk")
    T.equal(err_as(DC, os.unlink, a.at(ACME, "note")), "", "(tidy)")


def test_slots_materialise():
    a = Archive(ONLY_PARTY).mount()
    T.equal(err_as(DC, write_file, a.at(ACME, "incoming/in.txt"), "x"), "", "the first write below makes it real")
    T.equal(a.text(ACME, "incoming/in.txt"), b"x", "on disk")
    T.equal(err_as(PT, write_file, a.at(ACME, "received/x.pdf"), "x"), "EACCES", "a refused write")
    T.check(not os.path.exists(a.behind(ACME, "received")), "makes nothing")
    T.equal(err_as(PT, os.mkdir, a.at(ACME, "working/home")), "", "mkdir below a slot")
    T.check(os.path.exists(a.behind(ACME, "working/home/.zddc")), "with auto-own")
    T.check(not os.path.exists(a.behind(ACME, "working/.zddc")), "but none of its own")
    T.equal(err_as(DC, os.symlink, "../incoming", a.at(ACME, "staging/link")), "", "symlink below a slot")
    as_user(DC, write_file, a.at(ACME, "incoming/move"), "x")
    T.equal(err_as(DC, os.rename, a.at(ACME, "incoming/move"), a.at(ACME, "reviewing/move")), "", "rename into a slot")
    names = sorted(n for n in as_user(DC, os.listdir, a.at(ACME)) if n != ".zddc")
    T.equal(names, SLOTS, "each is shown once")
    T.equal(sorted(n for n in os.listdir(a.behind(ACME)) if not n.startswith(".")), ["incoming", "reviewing", "staging", "working"], "what is on disk")


def test_slots_reuse_spelling():
    tree = dict(ONLY_PARTY)
    tree[ACME + "/Incoming/old.txt"] = "old"
    a = Archive(tree).mount()
    names = sorted(n for n in as_user(DC, os.listdir, a.at(ACME)) if n.lower() == "incoming")
    T.equal(names, ["Incoming"], "the spelling on disk is shown")
    T.equal(err_as(DC, write_file, a.at(ACME, "Incoming/new.txt"), "x"), "", "its policy is the slot's")
    T.equal(err_as(DC, os.mkdir, a.at(ACME, "incoming")), "EEXIST", "no second spelling")
    T.check(not os.path.exists(a.behind(ACME, "incoming")), "no second directory")


def test_slots_of_a_project():
    """archive/ of a new project, and a party in it, from nothing on disk."""
    a = Archive({".zddc": ROOT_ZDDC, "P/": None}).mount()
    T.check("archive" in as_user(DC, os.listdir, a.at("P")), "archive/ shows in a bare project")
    T.equal(err_as(DC, os.mkdir, a.at("P/archive/Acme")), "", "a party in it")
    T.check(os.path.exists(a.behind(ACME, ".zddc")), "on disk with its .zddc")
    T.equal(err_as(PT, write_file, a.at(ACME, "staging/f"), "x"), "", "and a slot below at once")


def test_empty_party_goes():
    """Undisplayed slots and the generated .zddc do not keep a directory from being removed."""
    a = Archive(ONLY_PARTY).mount()
    as_user(DC, os.mkdir, a.at("P/archive/Beta"))
    as_user(DC, write_file, a.at("P/archive/Beta/incoming/f"), "x")
    T.equal(err_as(DC, os.rmdir, a.at("P/archive/Beta")), "ENOTEMPTY", "a party that holds something")
    as_user(DC, os.unlink, a.at("P/archive/Beta/incoming/f"))
    as_user(DC, os.rmdir, a.at("P/archive/Beta/incoming"))
    T.equal(err_as(DC, os.rmdir, a.at("P/archive/Beta")), "", "its creator removes it when it is empty")
    T.check(not os.path.exists(a.behind("P/archive/Beta")), "gone")


def test_creators_undo():
    """SPEC section 4: in a lane one may remove or rename the empty folder one has just made."""
    a = Archive(project()).mount()
    stage = a.at(ACME, "staging")
    as_user(PT, os.mkdir, stage + "/New folder")
    T.equal(err_as(PT2, os.rename, stage + "/New folder", stage + "/x"), "EACCES", "another of the team")
    T.equal(err_as(PT, os.rename, stage + "/New folder", stage + "/Named"), "", "New folder, then its name")
    T.equal(err_as(PT2, os.rmdir, stage + "/Named"), "EACCES", "another may not remove it")
    T.equal(err_as(PT, os.rmdir, stage + "/Named"), "", "its maker may")
    as_user(PT, os.mkdir, stage + "/full")
    as_user(PT, write_file, stage + "/full/f", "x")
    T.equal(err_as(PT, os.rename, stage + "/full", stage + "/other"), "EACCES", "not when it holds something")
    T.among(err_as(PT, os.rmdir, stage + "/full"), ("EACCES", "ENOTEMPTY"), "nor removes it")
    T.equal(err_as(PT, os.mkdir, a.at(ACME, "working/mine")), "", "an auto-owned one")
    T.equal(err_as(PT, os.rmdir, a.at(ACME, "working/mine")), "", "is empty with its generated .zddc")
    T.check(not os.path.exists(a.behind(ACME, "working/mine")), "and gone")


def test_effective():
    a = Archive(project()).mount()
    T.check("r" in verbs(a, PT, ACME) and "w" not in verbs(a, PT, ACME), "user.zddc.effective of a reader", verbs(a, PT, ACME))
    T.check("rwcda" in verbs(a, DC, ACME), "and of a controller", verbs(a, DC, ACME))


if __name__ == "__main__":
    T.run(test_home, test_party, test_iteration, test_mandated, test_by_rename, test_anonymous, test_one_winner, test_never_bare, test_slots_shown,
          test_slots_mkdir_rmdir, test_slots_materialise, test_slots_reuse_spelling, test_slots_of_a_project, test_empty_party_goes,
          test_creators_undo, test_effective)
    T.finish()
