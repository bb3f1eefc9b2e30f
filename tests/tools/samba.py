#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samba over the mount: smbd with a configuration, users and ports of its own, and smbclient as two of those users. The mount decides
alone: the share ignores the modes that the mount shows (vfs acl_xattr), except that a sealed file is a read-only one."""
import os
import pwd
import signal
import socket
import subprocess
import time

from toolbox import DC, NAME, PEOPLE, PT, ROOT, SILENT, Accounts, Result, Row, T, World, changes, columns, folder, line, run_rows, text

USERS = {PT: "zddctpt", DC: "zddctdc"}
CONF = """\
[global]
    server role = standalone server
    map to guest = never
    passdb backend = tdbsam:%(dir)s/private/passdb.tdb
    private dir = %(dir)s/private
    lock directory = %(dir)s/lock
    state directory = %(dir)s/state
    cache directory = %(dir)s/cache
    pid directory = %(dir)s/pid
    ncalrpc dir = %(dir)s/ncalrpc
    log file = %(dir)s/log/%%m
    smb ports = %(port)d
    interfaces = lo
    bind interfaces only = yes
    disable netbios = yes
    disable spoolss = yes
    load printers = no
    printing = bsd
    printcap name = /dev/null
include = %(dir)s/share.conf
"""


class Samba:
    def __init__(self, world):
        self.dir, self.p = os.path.join(world.base, "samba"), None
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        for each in ("", "private", "lock", "state", "cache", "pid", "ncalrpc", "log"):
            os.mkdir(os.path.join(self.dir, each), 0o755)
        self.conf = os.path.join(self.dir, "smb.conf")
        with open(self.conf, "w") as f:
            f.write(CONF % {"dir": self.dir, "port": self.port})
        # the share as it is shipped
        with open(os.path.join(ROOT, "contrib/samba/zddc.conf")) as shipped, open(os.path.join(self.dir, "share.conf"), "w") as f:
            f.write(shipped.read().replace("/mnt/archive", world.archive.mnt))

    def start(self):
        for name in USERS.values():
            subprocess.run(["smbpasswd", "-c", self.conf, "-s", "-a", name], input=b"secret\nsecret\n", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        with open(os.path.join(self.dir, "log/start"), "wb") as log:
            self.p = subprocess.Popen(["smbd", "--foreground", "--no-process-group", "--configfile", self.conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                      start_new_session=True)
        end = time.monotonic() + 15
        while time.monotonic() < end and self.p.poll() is None:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("smbd does not listen: %s" % open(os.path.join(self.dir, "log/start")).read())

    def stop(self):
        """smbd and the processes that it made: its own session."""
        if not self.p:
            return
        for sig in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.p.pid, sig)
            except ProcessLookupError:
                break
            end = time.monotonic() + 3
            while time.monotonic() < end and self.alive():
                self.p.poll()
                time.sleep(0.05)
        self.p.wait()

    def alive(self):
        try:
            os.killpg(self.p.pid, 0)
        except ProcessLookupError:
            return False
        return True

    def client(self, cell, commands, uid=None):
        """smbclient in the cell's directory; Result.errors are the lines that say that something failed."""
        uid = uid or cell.uid
        where = cell.rel.replace("/", "\\")
        argv = ["smbclient", "-s", self.conf, "-p", str(self.port), "-U", USERS[uid] + "%secret", "//127.0.0.1/archive", "-D", where, "-c", commands]
        r = cell.run(argv, cwd=cell.work)
        said = (r.out + r.errors).splitlines()
        return Result(r.status, r.out, "\n".join(s for s in said if "NT_STATUS" in s or "rror" in s or "does not exist" in s))


def smb(commands, uid=None):
    """What the commands need lies in the client's own directory. %(n)s is the conforming name, quoted."""
    def script(cell):
        cell.run('cp "$S/a" "$S/big" "$S/run" .; cp -r "$S/tree" .; rm -f tree/link', cwd=cell.work)
        return samba.client(cell, commands.replace("NAME", '"%s"' % NAME).replace("OTHER", '"%s"' % OTHER), uid)
    return script


def fetched(cell):
    """get gives the bytes; ls shows name and size; the listing holds nothing else."""
    r = samba.client(cell, 'ls; get "%s" got' % NAME)
    with open(os.path.join(cell.work, "got"), "rb") as f:
        got = f.read()
    names = [s.split("  ")[1].strip() for s in r.out.splitlines() if s.startswith("  ")]
    if r.status or r.errors or got != b"old\n" or sorted(set(names) - {".", ".."}) != [NAME]:
        return "exit %d: %r %r %r" % (r.status, r.errors, got, names)
    return Result(0, "", "")


OTHER = "123456-EL-SPC-2623_C (IFR) - Spec.pdf"
OLD = 'echo old > "$N"'
DENIED = ["NT_STATUS_ACCESS_DENIED", "NT_STATUS_CANNOT_DELETE", "NT_STATUS_MEDIA_WRITE_PROTECTED", "NT_STATUS_OBJECT_NAME_COLLISION"]
OVER = {"says": DENIED, "named": True, "first": OLD}
# smbd unlinks at the client's close, and smbclient does not look at what that answers: the file must stay, whatever is said
DEL = dict(OVER, says=SILENT)
ROWS = [
    Row("smbclient put", smb("put a NAME"), makes=lambda s: {NAME: s.copy("a")}, named=True),
    Row("smbclient put of 300 kB", smb("put big NAME"), makes=lambda s: {NAME: s.copy("big")}, named=True),
    Row("smbclient put of two files", smb('put a NAME; put big OTHER'), makes=lambda s: {NAME: s.copy("a"), OTHER: s.copy("big")}, named=True),
    Row("smbclient ls, get", fetched, first=OLD, makes={NAME: text("old\n")}, named=True),
    Row("smbclient ls, get of somebody else's", fetched, first=OLD, by_other=True, makes={NAME: text("old\n")}, named=True),
    Row("smbclient mkdir, rmdir", smb('mkdir one; rmdir one')),
    Row('smbclient mkdir "New folder", rename', smb('mkdir "New folder"; rename "New folder" 123456-EM-SUB-9999'), makes={"123456-EM-SUB-9999": folder()}, named=True),
    Row("smbclient mput of a tree", smb('recurse on; prompt off; mput tree'),
        makes=lambda s: {n: w for n, w in s.tree("tree", times=False, bits=False).items() if n != "tree/link"}),
    changes("smbclient put over", smb("put a NAME"), makes=lambda s: {NAME: s.copy("a")}, **OVER),
    changes("smbclient rename", smb("rename NAME OTHER"), makes={OTHER: text("old\n")}, gone=[NAME], **OVER),
    changes("smbclient rename of somebody else's", smb("rename NAME OTHER"), by_other=True, **OVER),
    changes("smbclient del", smb("del NAME"), gone=[NAME], **DEL),
    changes("smbclient del of somebody else's", smb("del NAME"), by_other=True, **DEL),
    changes("smbclient put over somebody else's", smb("put a NAME"), by_other=True, **OVER),
    # the other user of the share: policy, not Samba, says no
    Row("smbclient as an engineer: put into a zone", smb("put a NAME", PT), home=None, cr=None, zone="EACCES", says=DENIED, named=True),
    Row("smbclient as an engineer: del in a zone", smb("del NAME", PT), home=None, cr=None, zone="EACCES", **DEL),
    Row("smbclient as a controller: into somebody's home", smb("put a NAME", DC), home="EACCES", cr=None, zone=None, native=False,
        says=DENIED + ["NT_STATUS_OBJECT_PATH_NOT_FOUND", "NT_STATUS_OBJECT_NAME_NOT_FOUND"]),
    Row("smbclient as a controller: put, rename, del in a lane", smb("put a NAME; rename NAME OTHER; del OTHER", DC), home=None, zone=None, named=True),
]


def unmapped_root():
    """smbd looks at the share's path as root before it serves anybody: the mount's own root exists for everybody."""
    plain = World()
    try:
        os.stat(plain.archive.mnt)
        got = subprocess.run(["mountpoint", "-q", plain.archive.mnt]).returncode
        return "mountpoint: exit %d" % got if got else ""
    finally:
        plain.close()


def no_users():
    """Forced: userdel refuses while any process of that uid runs, of another test too. They have no home. "" or who is left."""
    for name in USERS.values():
        subprocess.run(["userdel", "-f", name], stderr=subprocess.DEVNULL)
    return ", ".join(u.pw_name for u in pwd.getpwall() if u.pw_name in USERS.values())


no_users()  # of a run that was killed
line("home   the mount's root, seen by unmapped root", unmapped_root)
world = World(people={**PEOPLE, 0: "smbd@example.com"})
samba, accounts = Samba(world), None
try:
    accounts = Accounts({name: (uid, []) for uid, name in USERS.items()})
    samba.start()
    run_rows(world, ROWS, [c for c in columns() if c.name != "native"])
finally:
    samba.stop()
    world.close()
    if accounts:
        accounts.close()
    line("no test user is left", no_users)
T.finish()
