#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mount tells its users: .zddc.d in every directory and the xattrs by name (SPEC sections 4, 8 and 16)."""
import json
import os
import re

from harness import *  # noqa: F403
from harness import Archive, T

TREE = project({"secret/.zddc": "# nobody but dc\nacl:\n  permissions:\n    dc@example.com: rwcda\n    nobody@example.com: c\n"})
ACME = "P/archive/Acme"


def ctl(a, uid, where, name):
    return as_user(uid, read_file, a.at(where, ".zddc.d", name)).decode()


def test_whoami():
    a = Archive(TREE).mount()
    for uid, mail, role in ((DC, "dc@example.com", "document_controller"), (PT, "pt@example.com", "project_team"), (OBS, "obs@example.com", "observer")):
        data = json.loads(ctl(a, uid, ACME, "whoami.json"))
        T.equal((data["email"], role in json.dumps(data["roles"])), (mail, True), "whoami of " + mail)
        T.check(mail in ctl(a, uid, ACME, "whoami"), "as text")
    T.equal(json.loads(ctl(a, DC, ACME, "whoami.json"))["verbs"], "rwcda", "verbs of a controller at a party")
    T.equal(json.loads(ctl(a, PT, ACME + "/staging", "whoami.json"))["verbs"].replace(" ", ""), "rc", "verbs of the team in staging")
    T.equal(json.loads(ctl(a, ADMIN, "", "whoami.json"))["admin"], True, "the administrator is told so")
    T.equal(err_as(ANON, read_file, a.at(ACME, ".zddc.d/whoami")), "ENOENT", "not for whoever may not enter")


def test_last_error():
    a = Archive(TREE).mount()
    T.among(ctl(a, PT, "", "last-error").strip(), ("",), "nothing to tell at first")
    f = ACME + "/staging/note.txt"
    T.equal(err_as(PT, write_file, a.at(f), "x"), "EACCES", "a refusal")
    for where in ("", ACME, ACME + "/working"):
        text = ctl(a, PT, where, "last-error")
        T.check("staging/note.txt" in text and re.search(r"defaults:\d+", text) and "w" in text, "last-error in any directory", text)
    data = json.loads(ctl(a, PT, "", "last-error.json"))
    T.equal((data["op"], data["path"], data["reason"], data["file"], data["errno"]), ("write", f, "missing-verb", "defaults", 13), "as JSON")
    text = ctl(a, PT, "", "last-error")
    T.check(text.splitlines()[0] and json.loads(text[text.index("{"):]), "a sentence, then JSON", text)
    T.check(data.get("hint"), "with the smallest change that would allow it", data)
    T.equal(ctl(a, OBS, "", "last-error").strip(), "", "each caller has their own")
    as_user(PT, err, os.stat, a.at("P/nothing"))
    T.equal(json.loads(ctl(a, PT, "", "last-error.json"))["path"], f, "a probe of what is not there is no refusal")
    T.equal(err_as(PT, os.link, a.at(f), a.at(f + "2")), "EPERM", "a hard link")
    T.equal(json.loads(ctl(a, PT, "", "last-error.json"))["reason"], "never", "is explained too")
    T.equal(as_user(PT, os.getxattr, a.at("P"), "user.zddc.last_error") != b"", True, "user.zddc.last_error")


def test_explain():
    a = Archive(TREE).mount()
    data = json.loads(ctl(a, DC, ACME + "/issued", "explain.unlink.json/123456-EL-SPC-2623_A (IFR) - Spec.pdf"))
    T.equal((data["allowed"], data["reason"], data["src"]["file"]), (False, "sealed", "defaults"), "explain.OP of a file in a zone: its state comes first")
    data = json.loads(ctl(a, PT, ACME + "/working", "explain.create.json/new.txt"))
    T.equal((data["allowed"], data["reason"]), (True, "grant"), "of a name that is not there")
    text = ctl(a, PT, ACME + "/staging", "explain/note.txt")
    T.check("allowed" in text and "denied" in text and re.search(r"defaults:\d+", text), "all operations as text", text)
    T.equal(err_as(PT, write_file, a.at(ACME, "staging/.zddc.d/explain/note.txt"), "x"), "EROFS", "explain is derived: EROFS")
    text = ctl(a, NOBODY, "secret", "explain/f")
    T.check("dc@example.com" not in text, "entries of a policy the caller cannot read are hidden", text)
    before = ctl(a, PT, "", "last-error")
    ctl(a, PT, ACME, "explain.unlink/x")
    T.equal(ctl(a, PT, "", "last-error"), before, "asking is not a refusal")


def test_same_answer():
    """explain says what then happens."""
    a = Archive(TREE).mount()
    wrong = []
    for uid in (DC, PT, OBS, BOTH):
        for slot in ("incoming", "working", "staging", "reviewing"):
            for op in ("read", "write", "truncate", "chmod", "create", "mkdir", "setxattr"):
                name = "note.txt" if op not in ("create", "mkdir") else "%s-%d" % (op, uid)
                said = json.loads(ctl(a, uid, ACME + "/" + slot, "explain.%s.json/%s" % (op, name)))["allowed"]
                if op == "chmod":
                    os.chmod(a.behind(ACME, slot, "note.txt"), 0o644)
                did = as_user(uid, errno_of_op, op, a.at(ACME, slot, name))[0] == ""
                if said != did:
                    wrong.append((uid, slot, op, said, did))
    T.check(not wrong, "explain and the system call agree", wrong)


def test_effective():
    a = Archive(TREE).mount()
    text = ctl(a, PT, ACME + "/staging", "effective.yaml")
    T.check("defaults:" in text and "permissions" in text, "effective.yaml has keys with file and line", text[:300])
    text = ctl(a, NOBODY, "secret", "effective.yaml")
    T.check("dc@example.com" not in text, "grants of a file one cannot read are left out", text)
    T.check("dc@example.com" in ctl(a, DC, "secret", "effective.yaml"), "who reads it sees them")
    T.check("permissions" in ctl(a, ADMIN, "secret", "effective.yaml"), "so do administrators")


def test_xattrs():
    a = Archive(TREE).mount()
    for path, uid in ((ACME, PT), (ACME + "/staging/note.txt", PT)):
        T.equal(as_user(uid, os.listxattr, a.at(path)), [], "listxattr shows nothing of ours: " + path)
    T.check(as_user(PT, os.getxattr, a.at(ACME), "user.zddc.principal").startswith(b"pt@example.com"), "user.zddc.principal")
    x, y = as_user(PT, os.getxattr, a.at(ACME, "staging"), "user.zddc.policy"), as_user(DC, os.getxattr, a.at(ACME, "staging"), "user.zddc.policy")
    T.check(re.fullmatch(rb"[0-9a-f]{64}", x) and x == y, "user.zddc.policy is the policy hash, the same for all", x)
    T.check(as_user(PT, os.getxattr, a.at(ACME, "staging/note.txt"), "user.zddc.explain"), "user.zddc.explain")
    T.equal(err_as(PT, os.getxattr, a.at(ACME), "user.zddc.nonsense"), "ENODATA", "an unknown one")
    T.equal(err_as(PT, os.getxattr, a.at(ACME, ".zddc.d/whoami"), "user.x"), "ENODATA", "xattr calls in .zddc.d")
    as_user(DC, write_file, a.at(ACME, ".zddc"), PARTY_ZDDC + "title: changed\n")
    T.check(as_user(PT, os.getxattr, a.at(ACME, "staging"), "user.zddc.policy") != x, "an edit changes the hash")


def test_status():
    a = Archive(TREE).mount()
    text, data = ctl(a, ADMIN, "", "status"), json.loads(ctl(a, ADMIN, "", "status.json"))
    T.check(text and data, "status at the root", text)
    T.equal(err_as(ADMIN, read_file, a.at("P/.zddc.d/status")), "ENOENT", "nowhere else")
    T.check(len(ctl(a, PT, "", "status")) < len(text), "others see less")


def test_reading_nothing_changes():
    a = Archive(TREE).mount()
    before = sorted(os.listdir(a.behind(ACME)))
    for name in ("whoami", "last-error", "effective.yaml", "access"):
        T.equal(err_as(PT, write_file, a.at(ACME, ".zddc.d", name), "x") in ("EROFS", "EACCES", "EPERM"), True, name + " is read-only")
        T.check(err_as(PT, os.unlink, a.at(ACME, ".zddc.d", name)) != "", name + " is not removed")
    T.equal(sorted(os.listdir(a.behind(ACME))), before, "nothing is stored")


if __name__ == "__main__":
    T.run(test_whoami, test_last_error, test_explain, test_same_answer, test_effective, test_xattrs, test_status, test_reading_nothing_changes)
    T.finish()
