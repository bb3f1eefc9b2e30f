#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc identity (SPEC 13): who is which address, addresses that are retired for ever, homes that get an heir."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from harness import T, Archive  # noqa: E402
from elevate import ACME, ctl, elevate, got, has, ledger, session  # noqa: E402

NEW = 61020


def email(a, uid):
    return json.loads(as_user(uid, read_file, a.at(".zddc.d/whoami.json")))["email"]


def open_archive(**kw):
    """Everybody may enter the root, so that anybody can be asked who he is."""
    return Archive(project({".zddc": ROOT_ZDDC + 'acl: {permissions: {"*": r, anonymous: r}}\n'}), **kw)


def test_set():
    a = open_archive().mount()
    w = session(ADMIN)
    T.equal(email(a, NEW), None, "a uid that is not listed")
    T.equal(got(w, ctl, a.mnt, "identity-set --user %d --email New@example.com" % NEW), "EACCES", "only an elevated root administrator changes that")
    elevate(w, a.mnt)
    T.equal(got(w, ctl, a.mnt, "identity-set --user %d --email New@example.com" % NEW), "", "set")
    T.equal(email(a, NEW), "new@example.com", "at once")
    T.equal(got(w, ctl, a.mnt, "identity-set --user %d --email other@example.com" % NEW), "", "set again")
    T.equal(email(a, NEW), "other@example.com", "at once")
    T.equal(got(w, ctl, a.mnt, "identity-remove --user %d" % NEW), "", "removed")
    T.equal(email(a, NEW), None, "at once")
    for line in ("identity-set --user %d" % NEW, "identity-set --email x@example.com", "identity-set --user %d --email nonsense" % NEW, "identity-remove --user 61999",
                 "identity-set --user 'a b' --email x@example.com", "identity-set --user %d --email x@example.com" % ADMIN, "identity-remove --user %d" % ADMIN,
                 "identity-retire --email admin@example.com", "identity-retire", "identity-retire --email pt@example.com --heir pt@example.com", "identity-set x"):
        T.equal(got(w, ctl, a.mnt, line), "EINVAL", "ctl: " + line)
    T.equal(email(a, ADMIN), "admin@example.com", "the administrator is who he was")
    a.put(".zddc.d/identities.yaml", identities() + "  %d: behind@example.com\n" % NEW)
    T.check(eventually(lambda: email(a, NEW) == "behind@example.com", 3), "a change behind the mount takes effect within a second or two")
    w.close()


def test_comments_stay():
    a = open_archive()
    a.put(".zddc.d/identities.yaml", "# who is who\n" + identities().replace("  %d:" % PT, "  # the team\n  %d:" % PT))
    a.mount()
    w = session(ADMIN)
    elevate(w, a.mnt)
    w.call(ctl, a.mnt, "identity-set --user newcomer --email new@example.com")
    w.call(ctl, a.mnt, "identity-retire --email bob@example.com")
    text = a.text(".zddc.d/identities.yaml").decode()
    for part in ("# who is who\n", "  # the team\n", "  newcomer: new@example.com\n", "retired:\n  bob@example.com: null\n"):
        T.check(part in text, "the file has %r" % part, text)
    w.close()


def test_retire():
    a = open_archive().mount("domain=example.com")
    home = a.at(ACME, "working/draft")
    as_user(PT, os.mkdir, home)
    as_user(PT, write_file, os.path.join(home, "mine.txt"), "mine\n")
    T.equal(err_as(PT2, read_file, os.path.join(home, "mine.txt")), "ENOENT", "a private home")
    w = session(ADMIN)
    elevate(w, a.mnt)
    T.equal(got(w, ctl, a.mnt, "identity-retire --email PT@example.com --heir pt2@example.com"), "", "retired")
    T.equal(email(a, PT), None, "the address is nobody's: who had it is anonymous")
    T.among(err_as(PT, read_file, os.path.join(home, "mine.txt")), ("ENOENT", "EACCES"), "and sees nothing of his own")
    T.equal(err_as(PT2, write_file, a.at(ACME, "staging/by-pt2"), "x"), "", "the project team files")
    T.equal(err_as(PT, write_file, a.at(ACME, "staging/by-pt"), "x"), "EACCES", "he is no longer in it")
    T.equal(as_user(PT2, read_file, os.path.join(home, "mine.txt")), b"mine\n", "the heir has the home")
    T.equal(err_as(PT2, write_file, os.path.join(home, "mine.txt"), "heir\n"), "", "to write as well")
    text = a.text(ACME, "working/draft/.zddc").decode()
    T.check("pt@example.com" not in text and "created_by: pt2@example.com" in text, "its .zddc names the heir", text)
    for line in ("identity-set --user %d --email pt@example.com" % NEW, "identity-retire --email pt@example.com", "identity-retire --email obs@example.com --heir pt@example.com"):
        T.equal(got(w, ctl, a.mnt, line), "EINVAL", "for ever: " + line)
    w.call(write_file, a.at("P/.zddc"), 'acl: {permissions: {pt@example.com: rwcd, "pt@*": rwcd}}\n')
    T.equal(err_as(PT, write_file, a.at("P/by-pt"), "x"), "EACCES", "a grant to it matches nobody")
    w.close()
    a.umount()
    lines = ledger(a)
    has(lines, "the retirement", event="identity_change", act="retire", retired="PT@example.com", heir="pt2@example.com", homes=1, principal="admin@example.com")
    has(lines, "the home that was given", event="policy_change", path=ACME + "/working/draft/.zddc", principal="admin@example.com")
    a.mount()
    T.equal(email(a, PT), None, "retired also after a remount")


def test_retire_without_heir():
    a = open_archive().mount()
    home = a.at(ACME, "working/draft")
    as_user(PT, os.mkdir, home)
    before = a.text(ACME, "working/draft/.zddc")
    w = session(ADMIN)
    elevate(w, a.mnt)
    w.call(ctl, a.mnt, "identity-retire --email pt@example.com")
    T.equal(a.text(ACME, "working/draft/.zddc"), before, "without an heir a home is left alone")
    T.equal(err_as(PT2, os.listdir, home), "ENOENT", "and stays closed")
    w.close()


def test_outside_file():
    a = open_archive()
    a.put("../who.yaml", identities())
    a.mount("identities=%s/who.yaml" % a.base)
    w = session(ADMIN)
    elevate(w, a.mnt)
    T.equal(got(w, ctl, a.mnt, "identity-set --user %d --email x@example.com" % NEW), "EINVAL", "a file outside of the archive is not ours to write")
    w.close()


def keep_writing(path, pipe, go):
    """Opens once, and writes whenever it is told to; nothing else of this user asks the mount."""
    fd = os.open(path, os.O_WRONLY)
    os.write(pipe, b"o")
    out = []
    while os.read(go, 1) == b"w":
        out.append(err(os.pwrite, fd, b"x", 0))
        os.write(pipe, b"d")
    return out


def test_groups():
    """A group that somebody left: within a minute, for what he has open as well. Takes that minute: FULL=1."""
    if not FULL:
        return
    accounts = Accounts({"zi-member": (61120, ["zi-team"])}, ["zi-team"])
    a = Archive({".zddc": OPEN_ZDDC, "g/.zddc": "acl: {permissions: {'group:zi-team': rw}}\n", "g/f": "f\n"}, people={61120: "member@elsewhere.org"}).mount()
    (r, w), (r2, w2) = os.pipe(), os.pipe()
    child = Child(61120, keep_writing, a.at("g/f"), w, r2)
    os.read(r, 1)
    os.write(w2, b"w")
    os.read(r, 1)
    subprocess.run(["gpasswd", "-d", "zi-member", "zi-team"], check=True, stdout=subprocess.DEVNULL)
    time.sleep(62)
    os.write(w2, b"w")
    os.read(r, 1)
    os.write(w2, b"q")
    T.equal(child.wait(), ["", "EACCES"], "writes of a handle whose opener left the group")
    accounts.close()


def test_tool():
    a = open_archive().mount()

    def z(uid, *args):
        p = as_user(uid, run_zddc, list(args), a.at("P"))
        return p[0], p[1]
    T.equal(z(PT, "identity")[0], 1, "an engineer does not see who is who")
    code, out = z(ADMIN, "identity", "--json")
    T.check(code == 0 and {"uid": PT, "email": "pt@example.com"} in json.loads(out)["identities"], "a root administrator does", out)
    T.equal(z(AUD, "identity")[0], 0, "and an auditor")
    T.equal(z(ADMIN, "identity", "set", str(NEW), "new@example.com")[0], 1, "not elevated")
    T.equal(z(ADMIN, "elevate", "--reason", "r", "--", ZDDC, "identity", "set", str(NEW), "new@example.com")[0], 0, "elevated")
    T.equal(z(ADMIN, "elevate", "--reason", "r", "--", ZDDC, "identity", "retire", "new@example.com", "--heir", "pt@example.com")[0], 0, "retired")
    T.check("new@example.com, heir pt@example.com" in z(ADMIN, "identity", "list")[1], "the list says so")
    for args in (["identity", "set", "x"], ["identity", "forget", "x"], ["identity", "retire"]):
        T.equal(z(ADMIN, *args)[0], 2, "zddc " + " ".join(args))


def run_zddc(args, cwd):
    p = subprocess.run([ZDDC] + args, cwd=cwd, capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout + p.stderr


if __name__ == "__main__":
    T.run(test_set, test_comments_stay, test_retire, test_retire_without_heir, test_outside_file, test_groups, test_tool)
    T.finish()
