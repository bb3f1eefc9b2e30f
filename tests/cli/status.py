#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc status: what a mount says to whom, of which mounts; and --doctor on filesystems that keep their promises, and one that does not."""
import json
import os
import signal
import subprocess
import tempfile
import time

from tool import WORK, data, finish, one_line_error, on_terminal, run, text
from harness import ADMIN, ANON, PT, T, ZDDC, Archive, err_as, eventually, project


def zddc(uid, *args, cwd="/"):
    return subprocess.run(["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, ZDDC, *args], user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=60)


def mount():
    a = Archive(project()).mount()
    p = zddc(ADMIN, "status", a.at("P/archive"))
    out = p.stdout.decode()
    T.equal(p.returncode, 0, "an administrator: %s" % p.stderr)
    for words in (a.mnt + "  zddcfs ", "mount options", "nosuid,nodev", "your decisions", "watch", "lookup"):
        T.check(words in out, "reads " + words, out)
    mine = zddc(PT, "status", cwd=a.at("P")).stdout.decode()
    T.check("your decisions" in mine and "watch" not in mine and "lookup" not in mine, "others read their own figures, where they are", mine)
    got = data(zddc(PT, "status", a.mnt, "--json"))
    T.equal((len(got), got[0]["mount"], set(got[0]["status"])), (1, a.mnt, {"version", "uptime", "counters"}), "as JSON")
    T.check({"watch", "invalid", "operations"} <= set(data(zddc(ADMIN, "status", a.mnt, "--json"))[0]["status"]), "an administrator's JSON")
    T.check(a.mnt + "  zddcfs" in zddc(ADMIN, "status").stdout.decode(), "without a place: every mount")
    os.kill(a.pid, signal.SIGSTOP)
    began = time.monotonic()
    p = zddc(ADMIN, "status")
    os.kill(a.pid, signal.SIGCONT)
    T.check(p.returncode == 4 and b"%s: the mount does not answer" % a.mnt.encode() in p.stderr and time.monotonic() - began < 50, "a daemon that hangs holds nobody for long", p.stderr)
    one_line_error(zddc(ANON, "status", a.mnt), 4, "no mount that you can see")
    one_line_error(run("status", WORK), 4, "no mount")
    a.put("Q/.zddc", "titel: x\n")

    def found():  # the mount reads policy when somebody comes by
        err_as(ADMIN, os.listdir, a.at("Q"))
        return zddc(ADMIN, "status", a.mnt).returncode == 1
    T.check(eventually(found, 5), "invalid policy is status 1")
    T.check("Q/.zddc" in zddc(ADMIN, "status", a.mnt).stdout.decode(), "and named")
    T.equal(zddc(PT, "status", a.mnt).returncode, 0, "for those who may know of it")
    status, out = on_terminal("status", a.mnt)
    T.check(status == 4 and out.count(b"\n") == 1, "root is nobody there", out)


def doctor():
    p = run("status", "--doctor", WORK, "--json")
    rows = {r["promise"]: r for r in data(p)}
    T.equal(p.returncode, 0, "this filesystem will do: %s" % p.stdout)
    T.check(all(r["holds"] for r in rows.values() if r["required"]) and len(rows) > 12, "it keeps what is required", rows)
    T.equal([f for f in os.listdir(WORK) if "doctor" in f], [], "nothing is left behind")
    T.equal(text(run("status", "--doctor", WORK)).count("\n"), len(rows), "a line for each promise")
    where = tempfile.mkdtemp(dir=WORK)
    subprocess.run(["mount", "-t", "ramfs", "ramfs", where], check=True)
    try:
        p = run("status", "--doctor", where)
        T.equal(p.returncode, 1, "one without user attributes will not")
        T.check("FAIL  user attributes" in text(p) and text(p).count("FAIL") == 1, "and that is what fails", text(p))
        T.equal(os.listdir(where), [], "nothing is left behind there")
        own = {r["promise"]: r for r in json.loads(text(run("status", "--doctor", where, "--json")))}
        T.equal((own["file handles"]["holds"], own["file handles"]["required"]), (False, False), "what it can do without is no failure")
    finally:
        subprocess.run(["umount", where], check=True)
    one_line_error(run("status", "--doctor", "/proc"), 4, "no scratch directory")
    a = Archive(project()).mount()
    one_line_error(zddc(ADMIN, "status", "--doctor", a.mnt), 2, "on a mount")


finish(mount, doctor)
