#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Elevation (SPEC 6), and what only elevated administrators do (SPEC 5.8, 5.9): who, in which session, how long, and what nobody may."""
import json
import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from harness import T, Archive, Worker  # noqa: E402

ACME = "P/archive/Acme"
DOC = "123456-EL-SPC-2623_A (IFR) - Spec.pdf"
SUB_ZDDC = PARTY_ZDDC + "admins: [alice@example.com]\n"  # noqa: F405
FENCED = "created_by: pt@example.com\nacl: {inherit: false, permissions: {pt@example.com: rwcda}}\n"


# ------------------------------------------------------------------------------------------------- run in the workers

def own_session():
    os.setsid()
    return os.getpid()


def ctl(path, line):
    """One command line, as the mount answers it."""
    fd = os.open(os.path.join(path, ".zddc.d/ctl"), os.O_WRONLY)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def session(uid):
    w = Worker(uid)
    w.call(own_session)
    return w


def elevate(w, path, how="--for 10m"):
    w.call(ctl, path, 'elevate %s --reason "a test"' % how)


def in_child(fn, new_session, *args):
    """fn in a forked process of the worker: its errno name."""
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            if new_session:
                os.setsid()
            os.write(w, (err(fn, *args) or "ok").encode())  # noqa: F405
        finally:
            os._exit(0)
    os.close(w)
    out = os.read(r, 100).decode()
    os.close(r)
    os.waitpid(pid, 0)
    return "" if out == "ok" else out


def got(w, fn, *args):
    return err(w.call, fn, *args)  # noqa: F405


def project_with_admins():
    return project({ACME + "/.zddc": SUB_ZDDC, ACME + "/working/pt/.zddc": FENCED, ACME + "/working/pt/secret.txt": "secret\n",  # noqa: F405
                    "P/archive/Beta/.zddc": PARTY_ZDDC, "P/archive/Beta/working/pt/.zddc": FENCED,  # noqa: F405
                    "P/archive/Beta/working/pt/secret.txt": "secret\n"})


# -------------------------------------------------------------------------------------------------------------- sessions

def test_session_binding():
    a = Archive(project_with_admins()).mount()
    one, two = session(ADMIN), session(ADMIN)
    secret = a.at(ACME, "working/pt/secret.txt")
    T.equal(got(one, read_file, secret), "ENOENT", "an administrator does not read a fenced home")
    elevate(one, a.mnt)
    T.equal(got(one, read_file, secret), "", "the elevated session does")
    T.equal(got(two, read_file, secret), "ENOENT", "another session of the same user does not")
    T.equal(one.call(in_child, read_file, False, secret), "", "a child in the session does")
    T.equal(one.call(in_child, read_file, True, secret), "ENOENT", "a child that leaves the session does not")
    T.equal(got(one, read_file, secret), "", "and the session still does")
    T.equal(json_of(one, a)["elevated"], True, "whoami says so")
    T.among(json_of(one, a)["elevated_seconds_left"], range(590, 601), "and for how long")
    T.equal(json_of(two, a)["elevated"], False, "and not to the other session")
    shown = json.loads(as_user(AUD, read_file, a.at(".zddc.d/status.json")))["elevated"]
    T.equal([(s["email"], s["reason"]) for s in shown], [("admin@example.com", "a test")], "auditors see in status who is elevated, and why")
    T.check("elevated" not in json.loads(as_user(PT, read_file, a.at(".zddc.d/status.json"))), "others do not")
    one.call(ctl, a.mnt, "elevate-end")
    T.equal(got(one, read_file, secret), "ENOENT", "ended")
    T.equal(got(one, ctl, a.mnt, "elevate-end"), "EINVAL", "what is not elevated cannot end")
    for w in (one, two):
        w.close()


def json_of(w, a):
    return json.loads(w.call(read_file, a.at(".zddc.d/whoami.json")))


def two_uids_in_one_session(secret, archive):
    """A session with processes of an administrator and of others: the pid's session is the same, the uid is not."""
    os.setsid()
    out = {}
    first = Worker(ADMIN)
    elevate(first, archive)
    for name, uid in (("admin", ADMIN), ("alice", ALICE), ("pt", PT2), ("root", 0)):
        w = Worker(uid)
        out[name] = got(w, read_file, secret)
        w.close()
    first.close()
    return out


def test_one_uid_only():
    a = Archive(project_with_admins()).mount()
    others = [session(uid) for uid in (ALICE, PT2)]
    for w in others:  # so that they are looked up as well
        w.call(ctl, a.mnt, "with --risk 0")
    out = as_user(None, two_uids_in_one_session, a.at(ACME, "working/pt/secret.txt"), a.mnt)
    for w in others:
        w.close()
    T.equal(out.pop("admin"), "", "the administrator, in the session that he elevated")
    T.equal(set(out.values()), {"ENOENT"}, "nobody else gains by it: %s" % out)


def test_expiry():
    a = Archive(project_with_admins()).mount()
    w = session(ADMIN)
    secret, file = a.at(ACME, "working/pt/secret.txt"), a.at(ACME, "staging/note.txt")
    elevate(w, a.mnt, "--for 1s")
    began = time.monotonic()
    T.equal(got(w, read_file, secret), "", "within its second")
    w.call(keep_open, file)
    T.equal(w.call(write_kept, b"in time"), "", "a handle opened meanwhile writes")
    time.sleep(max(0, 1.05 - (time.monotonic() - began)))
    T.equal(got(w, read_file, secret), "ENOENT", "afterwards it is over")
    T.check(eventually(lambda: w.call(write_kept, b"late") == "EACCES", 2), "the handle's writes are decided again")
    T.check(b"late" not in a.text(ACME, "staging/note.txt")[7:], "and nothing lands")
    T.equal(json_of(w, a)["elevated_seconds_left"], 0, "nothing is left")
    w.close()


kept = {}


def keep_open(path):
    kept["fd"] = os.open(path, os.O_RDWR)


def write_kept(data):
    return err(os.pwrite, kept["fd"], data, 0)


def leader_and_member(secret, mnt, pipe):
    """The leader elevates and exits; a member of its session stays."""
    os.setsid()
    ctl(mnt, 'elevate --reason "a test"')
    before = err(read_file, secret)
    if os.fork():
        os._exit(0)
    leader = os.getsid(0)
    end = time.monotonic() + 10
    while os.path.exists("/proc/%d" % leader) and time.monotonic() < end:
        time.sleep(0.01)
    os.write(pipe, ("%s %s %s" % (before or "ok", err(read_file, secret) or "ok", err(ctl, mnt, 'elevate --reason "again"') or "ok")).encode())
    os._exit(0)


def test_leader_exit():
    a = Archive(project_with_admins()).mount()
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        become(ADMIN)
        leader_and_member(a.at(ACME, "working/pt/secret.txt"), a.mnt, w)
    os.close(w)
    os.waitpid(pid, 0)
    T.equal(os.read(r, 100).decode(), "ok ENOENT EINVAL", "elevated, ended with the leader, and no leader no elevation")
    os.close(r)


def take_pid(pid, fn, *args, then=None):
    """fn in a process with that number, the leader of a session of its own: its result, or None if the number could not be had."""
    for _ in range(50):
        with open("/proc/sys/kernel/ns_last_pid", "w") as f:
            f.write(str(pid - 1))
        r, w = os.pipe()
        child = os.fork()
        if child == 0:
            if os.getpid() == pid:
                become(ADMIN)
                os.setsid()
                os.write(w, (fn(*args) or "ok").encode())
            os._exit(0)
        os.close(w)
        if then and child == pid:
            time.sleep(0.2)
            then()
        out = os.read(r, 100).decode()
        os.close(r)
        os.waitpid(child, 0)
        if out:
            return out
    return None


def free_pid():
    with open("/proc/sys/kernel/pid_max") as f:
        most = int(f.read())
    pid = os.getpid()
    while pid < 1000 or os.path.exists("/proc/%d" % pid):
        pid = (pid + most // 2 + 7) % most
    return pid


def elevate_and_end(secret, mnt):
    ctl(mnt, 'elevate --for 60m --reason "a test"')
    return err(read_file, secret)


def twice(a, secret, stopped):
    """What the first and the second session with one number see; None where somebody else got the number."""
    pid = free_pid()
    first = take_pid(pid, elevate_and_end, secret, a.mnt)
    if not first:
        return None, None
    return first, stop_and_take(a, secret) if stopped else take_pid(pid, err, read_file, secret)


def test_reused_session_id():
    """The number of an elevated session, used again for another one by the same user, also while the daemon could not see the first end."""
    a = Archive(project_with_admins()).mount()
    secret = a.at(ACME, "working/pt/secret.txt")
    for stopped in (False, True):
        for _ in range(10):
            out = twice(a, secret, stopped)
            if None not in out:
                break
        T.equal(out, ("ok", "ENOENT"), "the first session with a number is elevated, the second is not%s" % (", with a daemon that was stopped meanwhile" if stopped else ""))


def stop_and_take(a, secret):
    """The first leader is killed while the daemon sleeps."""
    def wake():
        os.kill(a.pid, signal.SIGCONT)
    r, w = os.pipe()
    first = os.fork()
    if first == 0:
        become(ADMIN)
        os.setsid()
        ctl(a.mnt, 'elevate --for 60m --reason "a test"')
        os.write(w, b"x")
        signal.pause()
    os.read(r, 1)
    os.kill(a.pid, signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    os.waitpid(first, 0)
    try:
        return take_pid(first, err, read_file, secret, then=wake)
    finally:
        wake()


# ------------------------------------------------------------------------------------------------------------------ who, where

def outcomes(w, a, party):
    """What one session may do in a party: errno names."""
    at = lambda *p: a.at(party, *p)  # noqa: E731
    name = "x%d-%d" % (w.pid, time.monotonic_ns())
    return {
        "read a fenced home": got(w, read_file, at("working/pt/secret.txt")),
        "list it": got(w, os.listdir, at("working/pt")),
        "create": got(w, write_file, at("staging", name), "x"),
        "delete": got(w, os.unlink, at("staging", name)),
        "mkdir": got(w, os.mkdir, at("working", name)),
        "rename it": got(w, os.rename, at("working", name), at("working", name + "r")),
        "rmdir": got(w, os.rmdir, at("working", name + "r")),
        "read .zddc": got(w, read_file, at(".zddc")),
        "write .zddc": got(w, rewrite, at(".zddc")),
    }


def rewrite(path):
    write_file(path, read_file(path), os.O_WRONLY | os.O_TRUNC)


STANDING = {"read a fenced home": "ENOENT", "list it": "", "create": "EACCES", "delete": "ENOENT", "mkdir": "EACCES", "rename it": "ENOENT", "rmdir": "ENOENT",
            "read .zddc": "", "write .zddc": ""}


def all_allowed(out):
    return all(v == "" for v in out.values())


def nothing_changes(out):
    return all(out[k] for k in ("read a fenced home", "create", "delete", "mkdir", "rename it", "rmdir"))


def test_who_and_where():
    a = Archive(project_with_admins()).mount()
    root, sub, pt = session(ADMIN), session(ALICE), session(PT2)
    T.check(nothing_changes(outcomes(root, a, ACME)), "a root administrator, not elevated", outcomes(root, a, ACME))
    T.check(nothing_changes(outcomes(sub, a, ACME)), "a subtree's, not elevated", outcomes(sub, a, ACME))
    before = outcomes(sub, a, "P/archive/Beta")
    elevate(root, a.mnt)
    elevate(sub, a.at(ACME))
    for party in (ACME, "P/archive/Beta"):
        T.check(all_allowed(outcomes(root, a, party)), "a root administrator, elevated, everywhere", outcomes(root, a, party))
    T.check(all_allowed(outcomes(sub, a, ACME)), "a subtree's, elevated, inside", outcomes(sub, a, ACME))
    T.equal(outcomes(sub, a, "P/archive/Beta"), before, "and outside nothing more")
    T.among(got(sub, write_file, a.at("P/new.txt"), "x"), ("EACCES", "ENOENT"), "nor above")
    T.among(got(sub, rewrite, a.at(".zddc")), ("EACCES", "ENOENT"), "nor the root's policy")
    T.equal(got(sub, ctl, a.mnt, 'elevate --reason "a test"'), "EACCES", "and cannot elevate where others administer")
    T.equal(got(pt, ctl, a.at(ACME), 'elevate --reason "a test"'), "EACCES", "an engineer cannot elevate at all")
    T.among(err_as(0, ctl, a.mnt, 'elevate --reason "a test"'), ("EACCES", "ENOENT"), "uid 0 is nobody special")
    for w in (root, sub, pt):
        w.close()


def test_no_longer_administrator():
    a = Archive(project_with_admins()).mount()
    root, sub = session(ADMIN), session(ALICE)
    elevate(root, a.mnt)
    elevate(sub, a.at(ACME))
    T.check(all_allowed(outcomes(sub, a, ACME)), "elevated")
    root.call(write_file, a.at(ACME, ".zddc"), PARTY_ZDDC)
    T.check(nothing_changes(outcomes(sub, a, ACME)), "whoever is no longer named loses it at once", outcomes(sub, a, ACME))
    T.equal(got(root, write_file, a.at(".zddc"), ROOT_ZDDC.replace("admins: [admin@example.com]\n", "")), "EINVAL", "the last root administrator stays")
    T.equal(got(root, write_file, a.at(".zddc"), ROOT_ZDDC.replace("admin@example.com", "alice@example.com")), "EINVAL", "and oneself")
    T.equal(got(root, write_file, a.at(".zddc"), ROOT_ZDDC.replace("[admin@", "[alice@example.com, admin@")), "", "others may join")
    for w in (root, sub):
        w.close()


def test_command_lines():
    a = Archive(project_with_admins()).mount()
    w = session(ADMIN)
    for line, want in (("elevate", "EINVAL"), ("elevate --reason", "EINVAL"), ('elevate --reason ""', "EINVAL"), ('elevate --reason x --for 61m', "EINVAL"),
                       ("elevate --reason x --for 0s", "EINVAL"), ("elevate --reason x --for soon", "EINVAL"), ("elevate --reason x --until y", "EINVAL"),
                       ("elevate --reason x P", "EINVAL"), ("elevate-end", "EINVAL"), ('elevate --reason "%s"' % ("x" * 1001), "EINVAL"),
                       ("elevate --reason x --risk 101", "EINVAL"), ("elevate --reason x --provenance nonsense", "EINVAL"),
                       ("elevate --reason \xe4\x01".encode("latin-1").decode("latin-1"), ""), ("elevate --reason x --for 60m", "")):
        T.equal(got(w, ctl, a.mnt, line), want, "ctl: %r" % line)
    w.call(ctl, a.mnt, "elevate-end")
    w.close()


def test_freeze():
    a = Archive(project_with_admins() | {"P/frozen/.zddc": "freeze_until: 2099-01-01\n", "P/frozen/f": "f\n"}).mount()
    w = session(ADMIN)
    T.among(got(w, write_file, a.at("P/frozen/f"), "x"), ("EBUSY", "EACCES", "ENOENT"), "frozen")
    T.equal(got(w, rewrite, a.at("P/frozen/.zddc")), "EBUSY", "standing right does not lift it")
    elevate(w, a.mnt)
    T.equal(got(w, write_file, a.at("P/frozen/f"), "thawed"), "", "an elevated administrator overrides it")
    T.equal(got(w, rewrite, a.at("P/frozen/.zddc")), "", "for .zddc as well")
    w.close()


def up_and_down(mnt, secret, times):
    """In a session of its own: elevated it reads, and otherwise not, whatever other sessions of the same user do meanwhile."""
    os.setsid()
    wrong = []
    for i in range(times):
        ctl(mnt, 'elevate --reason "round %d" --provenance urn:round:%d' % (i, i % 50))
        up = err(read_file, secret)
        ctl(mnt, "elevate-end")
        down = err(read_file, secret)
        if (up, down) != ("", "ENOENT"):
            wrong.append((i, up, down))
    return wrong


def only_declares(mnt, file, times):
    os.setsid()
    wrong = []
    for i in range(times):
        ctl(mnt, "with --risk %d" % (i % 101))
        if err(read_file, file) or json.loads(read_file(os.path.join(mnt, ".zddc.d/whoami.json")))["risk_declared"] != i % 101:
            wrong.append(i)
    return wrong


def test_side_by_side():
    a = Archive(project_with_admins()).mount()
    secret, times = a.at(ACME, "working/pt/secret.txt"), scaled(100)
    children = [Child(ADMIN, up_and_down, a.mnt, secret, times) for _ in range(3)] + [Child(DC, only_declares, a.mnt, a.at(ACME, "staging/note.txt"), times) for _ in range(2)]
    for c in children:
        T.equal(c.wait(), [], "sessions side by side: each its own")
    T.check(eventually(lambda: json.loads(as_user(ADMIN, read_file, a.at(".zddc.d/status.json")))["elevated"] == [], 5), "nobody is elevated when all have ended")


def test_another_mount():
    """On that mount only."""
    a, b = Archive(project_with_admins()).mount(), Archive(project_with_admins()).mount()
    w = session(ADMIN)
    elevate(w, a.mnt)
    T.equal(got(w, read_file, a.at(ACME, "working/pt/secret.txt")), "", "elevated there")
    T.equal(got(w, read_file, b.at(ACME, "working/pt/secret.txt")), "ENOENT", "not here")
    a.umount()
    a.mount()
    T.equal(got(w, read_file, a.at(ACME, "working/pt/secret.txt")), "ENOENT", "nor after the mount has ended")
    w.close()


# ------------------------------------------------------------------------------------------------------------------- sealed files

def changes(path, side):
    """Requests that would change a sealed file or its name (all 25 kinds are in tests/tools, W24)."""
    return [("write", write_file, path, "x", os.O_WRONLY), ("append", write_file, path, "x", os.O_WRONLY | os.O_APPEND), ("truncate", os.truncate, path, 0),
            ("utimens", os.utime, path, (5, 5)), ("chmod", os.chmod, path, 0o777), ("setxattr", os.setxattr, path, "user.x", b"1"), ("unlink", os.unlink, path),
            ("rename", os.rename, path, path + ".x"), ("rename away", os.rename, path, side), ("rename over", os.rename, side, path), ("link", os.link, path, path + "l")]


def test_sealed_stays():
    a = Archive(project_with_admins()).mount()
    root, sub = session(ADMIN), session(ALICE)
    path, side = a.at(ACME, "issued", DOC), a.at(ACME, "staging/side")
    elevate(root, a.mnt)
    elevate(sub, a.at(ACME))
    for who, w in (("root", root), ("subtree", sub)):
        w.call(write_file, side, "side")
        for name, fn, *args in changes(path, side):
            T.check(got(w, fn, *args) in ("EPERM", "EEXIST"), "elevated %s administrator: %s of a sealed file" % (who, name), got(w, fn, *args))
    T.equal(a.text(ACME, "issued", DOC), b"a document\n", "its bytes")
    T.equal(sorted(n for n in os.listdir(a.behind(ACME, "issued")) if n != ".zddc.d"), [DOC], "and its name stay")
    for w in (root, sub):
        w.close()


def test_ancestors():
    """Rename of what is above a sealed file: elevated root administrators, in governance mode."""
    extra = {"P/zones/.zddc": "worm: [dc@example.com]\n", "P/zones/a/f": "f\n", "P/strict/.zddc": "worm: [dc@example.com]\nworm_mode: compliance\n",
             "P/strict/a/f": "f\n", "P/box/zone/.zddc": "worm: []\n", "P/box/zone/f": "f\n", "P/hard/zone/.zddc": "worm: []\nworm_mode: compliance\n", "P/hard/zone/f": "f\n"}
    a = Archive(project_with_admins() | extra).mount()
    w = session(ADMIN)
    places = ("P/zones/a", "P/strict/a", "P/box", "P/hard")
    for place in places:
        T.check(got(w, os.rename, a.at(place), a.at("P/archive/moved")) in ("EPERM", "EACCES", "ENOENT"), "not elevated: " + place)
    elevate(w, a.mnt)
    for place in places:
        want = "EPERM" if place in ("P/strict/a", "P/hard") else ""
        T.equal(got(w, os.rename, a.at(place), a.at("P/archive", "moved-" + os.path.basename(place))), want, "elevated: " + place)
    T.equal(a.text("P/archive/moved-a/f"), b"f\n", "it has moved")
    w.close()


def test_torn_is_no_record():
    """Elevated inside the subtree: what was never filed can be cleaned away."""
    a = Archive(project({"P/zone/.zddc": "worm: [dc@example.com]\nadmins: [alice@example.com]\n"})).mount()
    dc, sub = session(DC), session(ALICE)
    dc.call(keep_new, a.at("P/zone/a.part"))
    dc.call(close_kept)
    T.among(got(sub, os.unlink, a.at("P/zone/a.part")), ("EPERM", "EACCES", "ENOENT"), "somebody's temporary file, not elevated")
    elevate(sub, a.at("P/zone"))
    T.equal(got(sub, os.unlink, a.at("P/zone/a.part")), "", "elevated")
    for w in (dc, sub):
        w.close()


def keep_new(path):
    kept["fd"] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(kept["fd"], b"part")


def close_kept():
    os.close(kept["fd"])


def sealed(w, path):
    """The state of a file, once its seal is complete."""
    eventually(lambda: w.call(os.getxattr, path, "user.zddc.state") != b"hashing", 5)
    return w.call(os.getxattr, path, "user.zddc.state").decode()


def test_withdraw():
    a = Archive(project_with_admins()).mount()
    root, sub, dc, pt, stranger = session(ADMIN), session(ALICE), session(DC), session(PT), session(NOBODY)
    issued = a.at(ACME, "issued")
    line = 'withdraw --reason "the wrong drawing" --moved-to "P/archive/Beta" ' + DOC
    T.equal(sealed(dc, os.path.join(issued, DOC)), "sealed", "a sealed file")
    for who, w in (("its filer", dc), ("an engineer", pt)):
        T.equal(got(w, ctl, issued, line), "EPERM", who + " does not withdraw it")
    T.equal(got(root, ctl, issued, line), "ENOENT", "nor a root administrator who has not elevated (and sees no file)")
    elevate(sub, a.at(ACME))
    T.equal(got(sub, ctl, issued, line), "EPERM", "nor an elevated administrator of the subtree")
    elevate(root, a.mnt)
    T.equal(got(root, ctl, issued, "withdraw " + DOC), "EINVAL", "without a reason it is refused")
    seal = os.getxattr(a.behind(ACME, "issued", DOC), "user.zddc.seal")
    T.equal(got(root, ctl, issued, line), "", "an elevated root administrator does")
    T.equal(got(dc, os.stat, os.path.join(issued, DOC)), "ENOENT", "it is gone from the place")
    where = a.behind(ACME, "issued/.zddc.d/withdrawn")
    kept_as = [n for n in os.listdir(where) if not n.endswith(".card")]
    T.equal(len(kept_as), 1, "and kept in the archive")
    T.equal(read_file(os.path.join(where, kept_as[0])), b"a document\n", "byte for byte")
    T.equal(os.getxattr(os.path.join(where, kept_as[0]), "user.zddc.seal"), seal, "with its seal")
    cards(issued, dc, pt, stranger)
    T.equal(got(dc, write_file, os.path.join(issued, DOC), "the right drawing\n"), "", "the name is free again")
    T.equal(got(root, ctl, issued, line), "", "and can be withdrawn again")
    T.equal(len(dc.call(os.listdir, os.path.join(issued, ".zddc.d/withdrawn"))), 2, "beside the first")
    T.equal(got(root, os.rmdir, issued), "ENOTEMPTY", "a folder that keeps withdrawn files is not removed")
    T.equal(got(root, ctl, a.at(ACME, "staging"), "withdraw --reason x note.txt"), "EPERM", "a file that is not sealed is not withdrawn")
    for w in (root, sub, dc, pt, stranger):
        w.close()


def cards(issued, dc, pt, stranger):
    place = os.path.join(issued, ".zddc.d/withdrawn")
    names = dc.call(os.listdir, place)
    T.equal(len(names), 1, "readers see that something was withdrawn")
    text = pt.call(read_file, os.path.join(place, names[0])).decode()
    for part in (DOC, "admin@example.com", "the wrong drawing", "P/archive/Beta", "withdrawn  20", "sha256"):
        T.check(part in text, "the card says %s" % part, text)
    T.check(got(stranger, os.listdir, place) == "ENOENT", "who cannot read the place sees nothing of it")
    T.check(got(dc, os.unlink, os.path.join(place, names[0])) in ("EPERM", "EACCES", "EROFS"), "nobody changes a card")
    T.equal(got(dc, os.stat, os.path.join(place, "nothing")), "ENOENT", "and there is no other")


def test_hold():
    a = Archive(project_with_admins()).mount()
    root, sub, dc = session(ADMIN), session(ALICE), session(DC)
    issued = a.at(ACME, "issued")
    path = os.path.join(issued, DOC)
    T.equal(sealed(dc, path), "sealed", "a sealed file")
    elevate(sub, a.at(ACME))
    elevate(root, a.mnt)
    received = a.at(ACME, "received")  # laid down behind the mount, and nobody has looked at it
    T.equal(got(root, ctl, received, 'hold --on "a court" ' + DOC), "", "a file whose seal nobody has written yet")
    T.equal(got(root, ctl, received, 'withdraw --reason "too late" ' + DOC), "EPERM", "is held")
    T.equal(sealed(dc, os.path.join(received, DOC)), "sealed", "and sealed like every other")
    T.equal(got(root, ctl, received, 'withdraw --reason "too late" ' + DOC), "EPERM", "and held still")
    T.equal(got(dc, ctl, issued, 'hold --on "a court" ' + DOC), "EACCES", "its filer sets no hold")
    T.equal(got(sub, ctl, issued, 'hold --on "a court" ' + DOC), "EACCES", "nor an administrator of the subtree")
    T.equal(got(root, ctl, issued, "hold " + DOC), "EINVAL", "on or off must be said, and why")
    T.equal(got(root, ctl, issued, 'hold --on "a court" ' + DOC), "", "an elevated root administrator does")
    T.equal(got(root, ctl, issued, 'withdraw --reason "too late" ' + DOC), "EPERM", "then nobody withdraws it")
    T.check(b"legal hold" in root.call(read_file, a.at(".zddc.d/last-error")), "and last-error says why")
    root.call(write_file, a.at("P/.zddc"), "paths: {archive: {paths: {Acme: {paths: {issued: {inherit: false, acl: {permissions: {dc@example.com: rwcd}}}}}}}}\n")
    T.equal(got(dc, write_file, os.path.join(issued, "free.txt"), "x"), "", "the place is write-once no longer")
    T.equal(got(dc, os.unlink, os.path.join(issued, "free.txt")), "", "truly")
    T.equal(got(dc, write_file, path, "x", os.O_WRONLY), "EPERM", "and the held file stays sealed")
    T.equal(got(dc, os.unlink, path), "EPERM", "and in its place")
    T.equal(got(root, ctl, issued, 'hold --off "settled" ' + DOC), "", "until it is lifted")
    T.equal(got(dc, os.unlink, path), "", "then policy decides")
    for w in (root, sub, dc):
        w.close()


COMPLIANCE = "worm: [dc@example.com]\nworm_mode: compliance\n"


def test_compliance():
    a = Archive(project({"P/forever/.zddc": COMPLIANCE, "P/short/.zddc": COMPLIANCE + "retention: 2s\n", "P/lifted/.zddc": COMPLIANCE + "retention: 1h\n"})).mount()
    root, dc = session(ADMIN), session(DC)
    elevate(root, a.mnt)
    for place in ("forever", "short", "lifted"):
        dc.call(write_file, a.at("P", place, "f"), "kept\n")
    sealed_at = time.monotonic()
    for place in ("forever", "lifted"):
        T.equal(sealed(dc, a.at("P", place, "f")), "sealed", "sealed in compliance mode")
        T.equal(got(root, ctl, a.at("P", place), "withdraw --reason x f"), "EPERM", "nobody withdraws it")
    T.equal(got(root, ctl, a.at("P/short"), "withdraw --reason x f"), "EPERM", "not before its retention has ended")
    lifted = "acl: {permissions: {dc@example.com: rwcd}}\n"
    T.equal(got(root, write_file, a.at("P/lifted/.zddc"), lifted), "", "the zone is lifted by policy")
    T.equal(got(dc, write_file, a.at("P/lifted/g"), "x"), "", "which works for what is new")
    for name, fn, *args in (("write", write_file, a.at("P/lifted/f"), "x", os.O_WRONLY), ("unlink", os.unlink, a.at("P/lifted/f")), ("rename", os.rename, a.at("P/lifted/f"), a.at("P/lifted/h"))):
        T.equal(got(dc, fn, *args), "EPERM", "but not %s for what was sealed" % name)
        T.equal(got(root, fn, *args), "EPERM", "elevated or not")
    T.equal(got(root, ctl, a.at("P/lifted"), "withdraw --reason x f"), "EPERM", "nor can it be withdrawn")
    time.sleep(max(0, 3.1 - (time.monotonic() - sealed_at)))
    T.equal(got(root, ctl, a.at("P/short"), "withdraw --reason x f"), "", "after its retention it can")
    for w in (root, dc):
        w.close()


# -------------------------------------------------------------------------------------------------------------------- the ledger

def ledger(a):
    """Every line that the daemon has written."""
    lines = []
    for name in sorted(os.listdir(a.behind(".zddc.d/ledger"))):
        if name.endswith(".jsonl"):
            lines += [json.loads(line) for line in a.text(".zddc.d/ledger", name).splitlines()]
    return lines


def test_recorded():
    """Each elevation with its reason, its end, and every use, reads included."""
    a = Archive(project_with_admins() | {"P/frozen/.zddc": "freeze_until: 2099-01-01\n", "P/frozen/f": "f\n"}).mount()
    w = session(ADMIN)
    w.call(ctl, a.mnt, 'elevate --for 2m --reason "to look, \\"quoted\\""')
    w.call(read_file, a.at(ACME, "working/pt/secret.txt"))
    w.call(write_file, a.at(ACME, "staging/made"), "x")
    w.call(write_file, a.at("P/frozen/f"), "x")
    T.equal(sealed(w, a.at(ACME, "issued", DOC)), "sealed", "a document")
    w.call(ctl, a.at(ACME, "issued"), 'hold --on "a court" ' + DOC)
    w.call(ctl, a.at(ACME, "issued"), 'hold --off "settled" ' + DOC)
    w.call(ctl, a.at(ACME, "issued"), 'withdraw --reason "wrong" --moved-to there ' + DOC)
    w.call(ctl, a.mnt, "elevate-end")
    w.call(got_here, write_file, a.at(ACME, "staging/late"), "x")
    w.close()
    a.umount()
    lines = ledger(a)
    has(lines, "an elevation", event="session_elevated", principal="admin@example.com", uid=ADMIN, active_admin=True, reason='to look, "quoted"', seconds=120)
    has(lines, "a read that only elevation allows", event="admin_use", path=ACME + "/working/pt/secret.txt", elevated=True, active_admin=True)
    has(lines, "a change", event="file_create", path=ACME + "/staging/made", elevated=True, active_admin=True)
    has(lines, "a freeze that was overridden", event="freeze_override", path="P/frozen/f", active_admin=True)
    has(lines, "a hold", event="hold", on=True, reason="a court", active_admin=True)
    has(lines, "its end", event="hold", on=False, reason="settled")
    has(lines, "a withdrawal", event="withdrawn", path=ACME + "/issued/" + DOC, reason="wrong", moved_to="there", active_admin=True)
    has(lines, "the end of it", event="session_ended", how="by its user", principal="admin@example.com")
    has(lines, "and what was refused afterwards", event="refused", path=ACME + "/staging/late", active_admin=False)


def got_here(fn, *args):
    return err(fn, *args)


def has(lines, what, **want):
    def fits(line):
        merged = dict(line.get("attrs") or {}, **{k: v for k, v in line.items() if k != "attrs"})
        return all(merged.get(k) == v for k, v in want.items())
    T.check(any(fits(line) for line in lines), "the ledger has " + what, [line for line in lines if line["event"] == want["event"]])


# ---------------------------------------------------------------------------------------------------------------------- the tool

def run(argv, cwd):
    p = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=60, start_new_session=True)
    return p.returncode, p.stdout + p.stderr


def test_tool():
    a = Archive(project_with_admins()).mount()
    z = lambda *args: as_user(ADMIN, run, [ZDDC] + list(args), a.at("P"))  # noqa: E731
    T.equal(z("elevate", "--reason", "r", "--", "cat", a.at(ACME, "working/pt/secret.txt")), (0, "secret\n"), "a command is elevated")
    T.equal(z("elevate", "--reason", "r", "--", "sh", "-c", "exit 42")[0], 42, "its exit status is the answer")
    T.equal(z("elevate", "--reason", "r", "--", "sh", "-c", "kill -TERM $$")[0], 128 + signal.SIGTERM, "a signal as the shell says it")
    T.equal(z("elevate", "--reason", "r", "--", "/nonexistent")[0], 127, "a command that is not there")
    T.equal(z("elevate", "--", "true")[0], 2, "without a reason it is a wrong command line")
    T.equal(z("elevate", "--for", "2h", "--reason", "r", "--", "true")[0], 1, "more than 60 minutes the mount refuses")
    T.equal(as_user(ADMIN, run, [ZDDC, "elevate", "--reason", "r"], "/")[0], 4, "outside of a mount there is nothing to elevate")
    T.equal(as_user(ADMIN, run, [ZDDC, "elevate", "--at", a.mnt, "--reason", "r", "--", "ls", a.at(ACME, "working")], "/"), (0, "note.txt\npt\n"), "--at names the mount")
    T.equal(z("hold", a.at(ACME, "issued", DOC), "on", "--reason", "r")[0], 1, "hold, not elevated")
    T.equal(z("hold", a.at(ACME, "issued", DOC), "maybe", "--reason", "r")[0], 2, "hold maybe")
    script = '%s elevate --reason r >/dev/null && %s whoami && %s elevate --end && %s whoami' % ((ZDDC,) * 4)
    code, out = as_user(ADMIN, run, ["sh", "-c", script], a.mnt)
    T.equal(code, 0, "elevate, whoami, --end in one shell")
    T.equal(out.count("elevated for "), 1, "whoami shows it while it lasts")


if __name__ == "__main__":
    T.run(test_session_binding, test_one_uid_only, test_expiry, test_leader_exit, test_reused_session_id, test_who_and_where, test_no_longer_administrator,
          test_command_lines, test_freeze, test_side_by_side, test_another_mount, test_sealed_stays, test_ancestors, test_torn_is_no_record, test_withdraw, test_hold,
          test_compliance, test_recorded, test_tool)
    T.finish()
