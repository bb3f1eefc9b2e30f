#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting and stopping: SPEC section 14, and what a start must refuse."""
import glob
import os
import signal
import subprocess
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

TREE = {".zddc": OPEN_ZDDC, "d/f": "text\n"}


def run(*args, options=None, env=None, **kw):
    """zddcfs as a shell user would start it: (exit status, what it said)."""
    cmd = [ZDDCFS] + (["-o", options] if options else []) + list(args)
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, env=env, **kw)
    return p.returncode, p.stdout.decode(errors="replace")


def daemons(archive):
    """Pids that serve this archive."""
    out = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                if archive.mnt.encode() in f.read().split(b"\0"):
                    out.append(int(path.split("/")[2]))
        except OSError:
            pass
    return out


def refused(archive, name, *words, options=None, args=None, clean=True):
    """The start fails, says each of 'words', and leaves no mount and no process."""
    status, said = run(*(args or (archive.back, archive.mnt)), options=options)
    T.check(status != 0, name + ": exit status", status)
    for word in words:
        T.check(word.lower() in said.lower(), name + ": names " + word, said)
    if clean:
        T.check(not mounted(archive.mnt), name + ": no mount is left")
        T.check(eventually(lambda: not daemons(archive), 3), name + ": no process is left", daemons(archive))
    if mounted(archive.mnt):
        umount2(archive.mnt, 2)


def test_background():
    a = Archive(TREE)
    status, said = run(a.back, a.mnt)
    T.equal(status, 0, "the parent's exit status")
    T.check(mounted(a.mnt), "mounted when the parent has ended")
    T.equal(as_user(ALICE, read_file, a.at("d/f")), b"text\n", "serves when the parent has ended")
    pids = daemons(a)
    T.equal(len(pids), 1, "one daemon")
    for pid in pids:
        T.equal(os.readlink("/proc/%d/cwd" % pid), "/", "the daemon's working directory")
    p = subprocess.run(["umount", a.mnt], stderr=subprocess.PIPE)
    T.equal((p.returncode, p.stderr), (0, b""), "umount(8)")
    T.check(eventually(lambda: not daemons(a), 5), "the daemon ends after umount")
    T.check(len(said.splitlines()) <= 1, "a start that works says at most where it is mounted", said)


def test_mount_flags():
    a = Archive(TREE).mount("rw,nosuid,nodev,noatime,nofail,_netdev,x-systemd.automount,x-gvfs-show")
    with open("/proc/self/mountinfo") as f:
        line = [x for x in f if a.mnt in x][0]
    T.check("nosuid" in line and "nodev" in line, "nosuid,nodev", line)
    T.check("allow_other" in line, "allow_other when root mounts", line)
    T.check(" fuse" in line and "zddc" in line, "the type names us", line)
    T.equal(err_as(ALICE, write_file, a.at("d/new"), "x"), "", "and it is writable")
    T.equal(a.umount(), 0, "ends with 0")
    a = Archive(TREE).mount()
    with open("/proc/self/mountinfo") as f:
        line = [x for x in f if a.mnt in x][0]
    T.check("nosuid" in line and "nodev" in line, "nosuid,nodev by default", line)


def test_read_only():
    a = Archive(TREE).mount("ro")
    T.equal(as_user(ALICE, read_file, a.at("d/f")), b"text\n", "ro reads")
    T.equal(err_as(ALICE, write_file, a.at("d/new"), "x"), "EROFS", "ro does not write")


def hold_open(path, ready, stop):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    n = 0
    os.write(ready, b"r")
    try:
        while not os.path.exists(stop):
            os.write(fd, b"line %08d\n" % n)
            n += 1
    except OSError:
        pass
    return n


def test_sigterm_with_open_files():
    a = Archive(TREE).mount()
    r, w = os.pipe()
    child = Child(ALICE, hold_open, a.at("d/log"), w, a.base + "/stop")
    os.read(r, 1)
    time.sleep(0.3)
    began = time.monotonic()
    os.kill(a.pid, signal.SIGTERM)
    status = a.stopped(15)
    took = time.monotonic() - began
    T.equal(status, 0, "SIGTERM with open files: exit status")
    T.check(took < 5 * SLOW, "SIGTERM: ends within 5 s", "%.1f s" % took)
    T.check(eventually(lambda: not mounted(a.mnt), 2), "SIGTERM unmounts")
    open(a.base + "/stop", "w").close()
    lines = child.wait()
    kept = a.text("d/log")
    T.check(len(kept) >= lines * 14, "every acknowledged write is on disk", "%d of %d" % (len(kept), lines * 14))
    T.check(not os.listdir(a.mnt), "the mount point is empty again")


def test_umount_busy():
    a = Archive(TREE).mount()
    r, w = os.pipe()
    child = Child(ALICE, hold_open, a.at("d/log"), w, a.base + "/stop")
    os.read(r, 1)
    T.equal(err(umount2, a.mnt), "EBUSY", "umount while a file is open")
    T.equal(as_user(BOB, read_file, a.at("d/f")), b"text\n", "it serves on after EBUSY")
    open(a.base + "/stop", "w").close()
    child.wait()
    T.equal(a.umount(), 0, "umount when it is closed")


def test_dead_mount():
    a = Archive(TREE).mount()
    a.kill()
    T.check(mounted(a.mnt), "a killed daemon leaves its mount")
    T.among(err_as(ALICE, os.stat, a.at("d")), ("ENOTCONN", "ECONNABORTED"), "clients see a dead mount")
    status, said = run(a.back, a.mnt)
    T.equal(status, 0, "the next start cleans up (%s)" % said.strip())
    T.equal(as_user(ALICE, read_file, a.at("d/f")), b"text\n", "and serves")
    with open("/proc/self/mountinfo") as f:
        T.equal(sum(a.mnt in line for line in f), 1, "one mount, not two")
    pids = daemons(a)
    umount2(a.mnt)
    T.check(eventually(lambda: not daemons(a), 5), "stops", pids)


def test_options():
    a = Archive(TREE)
    refused(a, "an unknown option", "domian", "domain", options="domian=example.com")
    refused(a, "another", "stict", "strict", options="stict")
    refused(a, "policy=none", "insecure", options="policy=none")
    refused(a, "a missing identities file", "nowhere.yaml", options="identities=/nonexistent/nowhere.yaml")
    refused(a, "a missing defaults file", "nowhere.yaml", options="defaults=/nonexistent/nowhere.yaml")
    status, said = run("-h")
    T.equal(status, 0, "-h")
    T.check("domain" in said and "strict" in said, "-h lists the options", said[:200])
    status, said = run("-V")
    T.check(status == 0 and "zddcfs" in said, "-V", said)
    T.check(run()[0] not in (0,), "no arguments is an error")


def test_refusals():
    a = Archive({"d/f": "x"})
    refused(a, "no root .zddc", "zddc init", ".zddc")
    a.put(".zddc", "admins: [admin@example.com]\nacl:\n  permisions: {}\n")
    refused(a, "an invalid root policy", ".zddc:3", "permissions")
    a.put(".zddc", OPEN_ZDDC)
    a.put(".zddc.d/identities.yaml", "identities:\n  61001: [no, list]\n")
    refused(a, "invalid identities", "identities.yaml:2")
    a.put(".zddc.d/identities.yaml", identities())
    refused(a, "a missing archive", "nowhere", args=(a.back + "/nowhere", a.mnt))
    refused(a, "an archive that is a file", "director", args=(a.back + "/d/f", a.mnt))
    refused(a, "a missing mount point", "nomount", args=(a.back, a.base + "/nomount"), clean=False)
    os.makedirs(a.base + "/m/inside", exist_ok=True)
    with open(a.base + "/m/inside/.zddc", "w") as f:
        f.write(OPEN_ZDDC)
    refused(a, "an archive inside its mount point", "inside", args=(a.base + "/m/inside", a.base + "/m"))
    a.put("../bad.yaml", "acl: {permissions: {x@y: rq}}\n")
    refused(a, "invalid defaults", "1:", options="defaults=%s/bad.yaml" % a.base)


def test_insecure():
    a = Archive({"d/f": "x"}).mount("insecure")
    T.equal(a.umount(), 0, "insecure starts without a root .zddc")
    a = Archive({"d/f": "x"}).mount("insecure,policy=none")
    T.equal(as_user(NOBODY, read_file, a.at("d/f")), b"x", "policy=none decides nothing")


def test_second_mount():
    a = Archive(TREE).mount()
    other = a.base + "/other"
    os.mkdir(other)
    status, said = run(a.back, other)
    T.check(status != 0, "a second mount of the archive is refused", said)
    T.check(a.back in said or "mounted" in said or "lease" in said or "use" in said, "and says why", said)
    T.check(not mounted(other), "no second mount")
    T.equal(as_user(ALICE, read_file, a.at("d/f")), b"text\n", "the first serves on")
    a.kill()
    umount2(a.mnt, 2)
    T.equal(run(a.back, other)[0], 0, "a crash releases the lease")
    umount2(other)


def test_sighup():
    a = Archive(TREE).mount()
    T.equal(err_as(ANON, read_file, a.at("d/f")), "ENOENT", "an unmapped uid")
    people = dict(PEOPLE)
    people[ANON] = "new@example.com"
    a.put(".zddc.d/identities.yaml", identities(people))
    os.kill(a.pid, signal.SIGHUP)
    T.check(eventually(lambda: err_as(ANON, read_file, a.at("d/f")) == "", 2 * SLOW), "SIGHUP reads identities.yaml again")
    a.put(".zddc.d/identities.yaml", "identities: [broken")
    os.kill(a.pid, signal.SIGHUP)
    time.sleep(0.5)
    T.equal(err_as(ANON, read_file, a.at("d/f")), "", "an invalid file keeps the old map")
    T.check("identities" in a.log_text(), "and is reported in the log", a.log_text())


def test_sighup_defaults():
    """SIGHUP reads the file of defaults= again; an invalid one leaves the old one in force."""
    grants = "paths: {d: {acl: {permissions: {\"%s\": r}}}}\n"
    a = Archive({".zddc": "admins: [admin@example.com]\n", "d/f": "text\n"}, defaults=grants % "alice@example.com").mount()
    def readers():
        return [u for u in (ALICE, BOB) if not err_as(u, read_file, a.at("d/f"))]
    T.equal(readers(), [ALICE], "the defaults grant")
    a.put("../defaults.yaml", grants % "bob@example.com")
    time.sleep(0.3)
    T.equal(readers(), [ALICE], "until SIGHUP they are not read again")
    for text, want in ((grants % "bob@example.com", [BOB]), ("paths: {d: {acl: {permissions: [broken", [BOB]), (grants % "*", [ALICE, BOB])):
        a.put("../defaults.yaml", text)
        os.kill(a.pid, signal.SIGHUP)
        T.check(eventually(lambda: readers() == want, 2 * SLOW), "after SIGHUP: " + text.strip(), (readers(), want))
        time.sleep(0.2)
        T.equal(readers(), want, "and it stays so")
    T.check("stay in force" in a.log_text() and "broken" not in a.log_text(), "what is invalid is logged", a.log_text())
    T.check(as_user(ADMIN, read_file, a.at("d/.zddc.d/effective.yaml")).count(b"*") > 0, "effective.yaml shows the new text")


def test_domain():
    accounts = Accounts({"ztdomain": (61200, [])})
    try:
        a = Archive(TREE).mount("domain=example.com")
        T.equal(err_as(61200, read_file, a.at("d/f")), "", "domain= gives an unlisted account NAME@DOMAIN")
        T.equal(err_as(61201, read_file, a.at("d/f")), "ENOENT", "a uid without an account stays anonymous")
        who = as_user(61200, read_file, a.at(".zddc.d/whoami")).decode()
        T.check("ztdomain@example.com" in who, "whoami says so", who)
        a.close()
    finally:
        accounts.close()


def start_as_owner(back, mnt):
    p = subprocess.Popen([ZDDCFS, "-f", back, mnt], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
    eventually(lambda: mounted(mnt) or p.poll() is not None, 10)
    if p.poll() is not None:
        return "did not start: " + p.stdout.read().decode()
    try:
        said = [read_file(mnt + "/d/f"), err(write_file, mnt + "/d/new", "mine"), err(os.mkdir, mnt + "/d/dir"), err(os.rename, mnt + "/d/new", mnt + "/d/dir/new")]
    finally:
        subprocess.run(["fusermount3", "-u", mnt])
    return said + [p.wait(10)]


def test_ordinary_user():
    accounts = Accounts({"ztowner": (ALICE, [])})
    try:
        ordinary_user()
    finally:
        Archive.close_all()
        accounts.close()


def ordinary_user():
    mode = os.stat("/dev/fuse").st_mode
    a = Archive(TREE)
    for where, dirs, files in os.walk(a.base):
        for name in [where] + [os.path.join(where, f) for f in files]:
            os.chown(name, ALICE, ALICE)
    os.chmod("/dev/fuse", 0o666)
    try:
        got = as_user(ALICE, start_as_owner, a.back, a.mnt)
    finally:
        os.chmod("/dev/fuse", mode & 0o7777)
    T.equal(got, [b"text\n", "", "", "", 0], "an ordinary user's own mount")
    T.equal(os.path.exists(a.behind("d/dir/new")), True, "and its work is on disk")


if __name__ == "__main__":
    T.run(test_background, test_mount_flags, test_read_only, test_sigterm_with_open_files, test_umount_busy, test_dead_mount,
          test_options, test_refusals, test_insecure, test_second_mount, test_sighup, test_sighup_defaults, test_domain, test_ordinary_user)
    T.finish()
