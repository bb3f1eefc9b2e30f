#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attributes on the mount (SPEC 13): what a session declares, what the mount says, what a condition sees; -o require_attributes."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from harness import T, Archive  # noqa: E402
from elevate import ctl, got, has, in_child, json_of, ledger, run, session  # noqa: E402

GRANTS = 'acl: {permissions: {"*@example.com": rwcd}}\n'
TICKET = "https://tickets.example.com/4711"


def tree():
    return {".zddc": OPEN_ZDDC,
            "ticket/.zddc": GRANTS + 'when: {w: provenance matches "https://tickets.example.com/*"}\n', "ticket/f": "f\n",
            "calm/.zddc": GRANTS + "when: {d: risk_score <= 60, w: risk_score <= 40}\n", "calm/f": "f\n", "calm/f.gone": "f\n",
            "prod/.zddc": GRANTS + "environment: prod\nwhen: {d: risk_score <= 60}\n", "prod/f": "f\n"}


def test_declared():
    a = Archive(tree()).mount()
    w, other = session(ALICE), session(ALICE)
    T.equal(got(w, write_file, a.at("ticket/f"), "x"), "EACCES", "nothing declared")
    T.check(b"provenance" in w.call(read_file, a.at(".zddc.d/last-error")), "the refusal says what the condition saw")
    w.call(ctl, a.mnt, "with --provenance " + TICKET)
    T.equal(got(w, write_file, a.at("ticket/f"), "x"), "", "declared for the session")
    T.equal(got(other, write_file, a.at("ticket/f"), "x"), "EACCES", "another session of the same user has declared nothing")
    T.equal(w.call(in_child, write_file, False, a.at("ticket/f"), "y"), "", "a child in the session has")
    T.equal(w.call(in_child, write_file, True, a.at("ticket/f"), "y"), "EACCES", "a child that leaves it has not")
    me = json_of(w, a)
    T.equal((me["provenance"], me["provenance_declared"], me["risk_declared"]), (TICKET, True, -1), "whoami says it")
    T.equal(got(w, os.unlink, a.at("calm/f")), "", "a delete is 60")
    w.call(ctl, a.mnt, "with --risk 41")
    T.equal(got(w, write_file, a.at("calm/g"), "x"), "", "create is not conditioned")
    T.equal(got(w, write_file, a.at("calm/g"), "x", os.O_WRONLY), "EACCES", "a declared risk of 41 is too much for a write")
    T.equal(got(w, os.unlink, a.at("calm/g")), "", "and lowers no other")
    T.equal(json_of(w, a)["provenance"], TICKET, "what was declared before stays")
    for line in ("with", "with --risk 101", "with --risk -1", "with --risk x", "with --provenance x", 'with --provenance "urn:a b"', "with --provenance 7:x",
                 'with --provenance "urn:%s"' % ("x" * 2001), "with --owner bob@example.com", "with --environment dev", "with --risk 1 file"):
        T.equal(got(w, ctl, a.mnt, line), "EINVAL", "ctl: " + line[:40])
    long = "urn:%s" % ("x" * 1900)
    first = [got(w, ctl, a.mnt, "with --provenance %s%d" % (long, i)) for i in range(40)]
    T.check(first[20] == "" and first[-1] == "EBUSY", "a session declares so much that differs, and no more", first)
    T.equal(got(w, ctl, a.mnt, "with --provenance %s1" % long), "", "the same again is no more")
    for s in (w, other):
        s.close()


def test_owner_is_never_settable():
    """H16: what somebody writes into a ctl that another opened is that other's word, for that other alone."""
    a = Archive(tree()).mount()
    T.equal(as_user(None, by_alices_descriptor, a.at(".zddc.d/ctl"), a.at("ticket/f")), ("", "EACCES", ""),
            "bob writes what he likes into a descriptor of alice's: it declares nothing for bob, and for her in his session at most")


def by_alices_descriptor(path, file):
    os.setsid()
    os.setresgid(ALICE, ALICE, 0)
    os.setresuid(ALICE, ALICE, 0)
    fd = os.open(path, os.O_WRONLY)
    os.setresuid(0, 0, 0)
    os.setresgid(0, 0, 0)
    written = err_as(BOB, os.write, fd, ("with --provenance " + TICKET).encode())
    return written, err_as(BOB, write_file, file, "x"), err_as(ALICE, write_file, file, "x")


def test_default_provenance():
    """Host, mount and program: a rule may name the program."""
    a = Archive({".zddc": OPEN_ZDDC})
    cat = os.path.realpath(shutil.which("tee"))
    rule = GRANTS + 'when: {w: provenance matches "zddc://*%s?exe=%s"}\n' % (a.mnt, cat)
    a.put("byprogram/.zddc", rule)
    a.put("byprogram/f", "f\n")
    a.mount()
    said = json.loads(as_user(ALICE, read_file, a.at(".zddc.d/whoami.json")))["provenance"]
    T.check(said.startswith("zddc://") and ("%s?exe=%s" % (a.mnt, os.path.realpath(sys.executable))) in said, "whoami says where it comes from", said)
    T.equal(err_as(ALICE, write_file, a.at("byprogram/f"), "x", os.O_WRONLY), "EACCES", "another program")
    T.equal(as_user(ALICE, run, ["sh", "-c", "echo y | tee f"], a.at("byprogram"))[0], 0, "the program that the rule names")


def test_environment():
    a = Archive(tree()).mount("environment=test")
    T.equal(json.loads(as_user(ALICE, read_file, a.at(".zddc.d/whoami.json")))["environment"], "test", "of the mount")
    T.equal(json.loads(as_user(ALICE, read_file, a.at("prod/.zddc.d/whoami.json")))["environment"], "prod", "raised by policy")
    T.equal(err_as(ALICE, os.unlink, a.at("calm/f")), "", "a delete is 60 there")
    T.equal(err_as(ALICE, os.unlink, a.at("prod/f")), "EACCES", "and 70 in prod")
    a.umount()
    for bad in ("environment=", "environment=PROD", "environment=a b"):
        T.equal(mount_error(a, bad), True, "-o " + bad)


def mount_error(a, options):
    try:
        a.mount(options)
    except RuntimeError as e:
        a.proc = None
        return "environment" in str(e)
    return False


def changes(path, side):
    return (("create", write_file, side, "x"), ("write", write_file, path, "x", os.O_WRONLY), ("truncate", os.truncate, path, 0), ("mkdir", os.mkdir, side + "d"),
            ("utimens", os.utime, path), ("chmod", os.chmod, path, 0o755), ("setxattr", os.setxattr, path, "user.x", b"1"), ("symlink", os.symlink, "f", side + "l"),
            ("rename", os.rename, path, path + "2"), ("unlink", os.unlink, path + ".gone"))


def test_required():
    a = Archive(tree()).mount("require_attributes")
    w = session(ALICE)
    for name, fn, *args in changes(a.at("calm/f"), a.at("calm/new")):
        T.equal(got(w, fn, *args), "EINVAL", "without a provenance: " + name)
    T.check(b"zddc with --provenance" in w.call(read_file, a.at(".zddc.d/last-error")), "last-error says how to declare one")
    T.equal(got(w, read_file, a.at("calm/f")), "", "reading goes on")
    T.equal(got(w, os.access, a.at("calm/f"), os.W_OK), "", "access(2) does not fail")
    T.equal(w.call(os.access, a.at("calm/f"), os.W_OK), False, "and says what a write would get")
    w.call(ctl, a.mnt, "with --risk 1")
    T.equal(got(w, write_file, a.at("calm/f"), "x", os.O_WRONLY), "EINVAL", "a risk is no provenance")
    w.call(ctl, a.mnt, "with --provenance urn:job:1")
    for name, fn, *args in changes(a.at("calm/f"), a.at("calm/new")):
        T.equal(got(w, fn, *args), "", "with one: " + name)
    w.close()
    admin = session(ADMIN)
    T.equal(got(admin, write_file, a.at("calm/.zddc"), GRANTS), "EINVAL", "administrators declare it as well")
    admin.call(ctl, a.mnt, 'elevate --reason "a test"')
    T.equal(got(admin, write_file, a.at("calm/.zddc"), GRANTS), "EINVAL", "elevated or not")
    admin.call(ctl, a.mnt, 'elevate --reason "a test" --provenance urn:job:2')
    T.equal(got(admin, write_file, a.at("calm/.zddc"), GRANTS), "", "in one go with the elevation")
    admin.close()
    a.umount()
    has(ledger(a), "the provenance of a change", event="file_create", path="calm/new", provenance="urn:job:1", risk_score=10, owner="alice@example.com")


def test_tool():
    a = Archive(tree()).mount()

    def z(*args):
        return as_user(ALICE, run, [ZDDC] + list(args), a.mnt)
    T.equal(z("with", "--provenance", TICKET, "--", "sh", "-c", "echo x > ticket/f")[0], 0, "a command with a provenance")
    T.check(z("with", "--provenance", TICKET, "--", "sh", "-c", "echo x > calm/f; exit 7")[0] == 7, "its exit status is the answer")
    T.check(as_user(ALICE, run, ["sh", "-c", "echo x > ticket/f"], a.mnt)[0] != 0, "it ended with the command")
    T.check("risk    at least 90 (declared)" in z("with", "--risk", "90", "--", ZDDC, "whoami")[1], "whoami shows it")
    T.equal(z("with", "--", "true")[0], 2, "nothing declared is a wrong command line")
    T.equal(z("with", "--risk", "1")[0], 2, "and so is no command")
    T.equal(z("with", "--risk", "1000", "--", "true")[0], 1, "the mount refuses a wrong risk")


if __name__ == "__main__":
    T.run(test_declared, test_owner_is_never_settable, test_default_provenance, test_environment, test_required, test_tool)
    T.finish()
