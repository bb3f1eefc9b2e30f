#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place in the system: make install, the systemd units, mount(8) and fstab, as they are shipped."""
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile

from harness import *  # noqa: F403
from harness import Archive, T, as_user, err, eventually, mounted, read_file, write_file

TREE = {".zddc": OPEN_ZDDC, "d/f": "text\n"}
SYSTEMD = os.path.join(ROOT, "contrib/systemd")
UNIT = os.path.join(SYSTEMD, "zddcfs@.service")


def settings(path):
    """Key and value of each line of a unit."""
    with open(path) as f:
        return dict(line.rstrip("\n").split("=", 1) for line in f if "=" in line and not line.startswith("#"))


def test_install():
    """Everything lies where Debian looks for it, and the unit starts the program that was installed."""
    where = tempfile.mkdtemp(prefix="zddcfs-", dir=os.environ.get("TMPDIR"))
    made = subprocess.run(["make", "-s", "-C", ROOT, "install", "DESTDIR=" + where, "PREFIX=/usr"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")})
    T.equal(made.returncode, 0, "make install: %s" % made.stdout.decode()[-400:])
    for name in ("usr/bin/zddcfs", "usr/bin/zddc", "usr/share/man/man8/zddcfs.8", "usr/share/man/man5/zddc.5", "usr/share/man/man1/zddc.1",
                 "usr/lib/systemd/system/zddcfs@.service", "usr/lib/tmpfiles.d/zddcfs.conf", "usr/share/zddcfs/samba/zddc.conf", "usr/share/zddcfs/zddc.schema.json",
                 "usr/share/bash-completion/completions/zddc"):
        T.check(os.path.isfile(os.path.join(where, name)), "installed: " + name)
    T.equal(os.readlink(os.path.join(where, "usr/sbin/mount.zddc")), "/usr/bin/zddcfs", "the mount helper")
    unit = settings(os.path.join(where, "usr/lib/systemd/system/zddcfs@.service"))
    T.equal(unit["ExecStart"].split()[0], "/usr/bin/zddcfs", "what the unit starts")
    shutil.rmtree(where)


def test_units_are_good():
    """systemd's own opinion, with the program at the place that the unit names."""
    where = tempfile.mkdtemp(prefix="zddcfs-", dir=os.environ.get("TMPDIR"))
    with open(UNIT) as f:
        text = f.read().replace("/usr/bin/zddcfs", ZDDCFS).replace("man:zddcfs(8) man:zddc(5)", "https://example.com")
    for name, text in [("zddcfs@x.service", text)] + [(n, open(os.path.join(SYSTEMD, n)).read().replace("man:mount.zddc(8)", "https://example.com"))
                                                      for n in ("mnt-archive.mount", "mnt-archive.automount")]:
        with open(os.path.join(where, name), "w") as f:
            f.write(text)
        said = subprocess.run(["systemd-analyze", "verify", os.path.join(where, name)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        mine = [line for line in said.stdout.decode().splitlines() if name in line and "Failed to create" not in line]
        T.equal(mine, [], "systemd-analyze verify " + name)
    shutil.rmtree(where)


class Manager:
    """What systemd does for a service of Type=notify, as far as it matters here: the unit's command line, its capabilities, its socket."""

    def __init__(self, a, options):
        unit = settings(UNIT)
        self.address = os.path.join(a.base, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.address)
        self.socket.settimeout(10)
        words = {"OPTIONS": options, "ARCHIVE": a.back, "MOUNTPOINT": a.mnt}
        argv = [re.sub(r"\$\{(\w+)\}", lambda m: words[m.group(1)], w) for w in shlex.split(unit["ExecStart"])]
        caps = ",".join("+" + c[4:].lower() for c in unit["CapabilityBoundingSet"].split())
        log = open(a.log, "ab")
        self.p = subprocess.Popen(["setpriv", "--bounding-set=-all," + caps, "--no-new-privs", ZDDCFS] + argv[1:], stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, cwd="/", env=dict(os.environ, NOTIFY_SOCKET=self.address))
        log.close()
        a.proc = self.p

    def said(self):
        return self.socket.recv(4096).decode()


def test_service():
    """The unit's own command line with no more capabilities than it grants: ready, reload, stop."""
    a = Archive(TREE)
    m = Manager(a, "domain=example.com")
    T.equal(m.said(), "READY=1", "it says when it serves")
    T.check(mounted(a.mnt), "and then the mount is there")
    T.equal(as_user(ALICE, read_file, a.at("d/f")), b"text\n", "it serves")
    T.equal(err_as(ALICE, write_file, a.at("d/new"), "mine"), "", "it writes")
    T.equal(os.stat(a.behind("d/new")).st_uid, ALICE, "as who wrote")
    a.put("d/.zddc", "acl: {permissions: {'*': r}}\n")
    subprocess.run(["kill", "-HUP", str(m.p.pid)])
    T.check(eventually(lambda: err_as(ALICE, write_file, a.at("d/new"), "more") == "EACCES", 3), "reload")
    m.p.terminate()
    T.equal(m.said(), "STOPPING=1", "it says that it stops")
    T.equal(a.stopped(), 0, "and ends well")
    T.check(not mounted(a.mnt), "nothing is left mounted")


# In a mount namespace of its own, where mount(8) finds the helpers in /usr/sbin and the programs in the path.
BY_MOUNT = r"""
set -e
mkdir "$BASE/up" "$BASE/work"
mount -t overlay overlay -o "lowerdir=/usr/sbin,upperdir=$BASE/up,workdir=$BASE/work" /usr/sbin
ln -s "$ZDDCFS" /usr/sbin/mount.zddc
ln -s "$ZDDCFS" /usr/sbin/zddcfs
PATH=/usr/sbin:$PATH
mount --fstab "$BASE/fstab" "$MNT"
findmnt -n -o FSTYPE "$MNT"
setpriv --reuid="$OWNER" --regid="$OWNER" --clear-groups cat "$MNT/d/f"
umount "$MNT"
for i in $(seq 100); do pgrep -f "$MNT" > /dev/null || break; sleep 0.05; done
"""


def test_fstab():
    """The lines of the shipped example, each mounted by mount(8)."""
    with open(os.path.join(SYSTEMD, "fstab.example")) as f:
        lines = [line.split() for line in f if line.strip() and not line.startswith("#")]
    T.equal([line[2] for line in lines], ["zddc", "fuse.zddcfs"], "both types are in the example")
    for line in lines:
        a = Archive(TREE)
        with open(os.path.join(a.base, "fstab"), "w") as f:
            f.write(" ".join([a.back, a.mnt] + line[2:]) + "\n")
        env = dict(os.environ, BASE=a.base, MNT=a.mnt, ZDDCFS=ZDDCFS, OWNER=str(ALICE))
        got = subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", BY_MOUNT], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        T.equal((got.returncode, got.stdout.decode().splitlines()[1:]), (0, ["fuse.zddcfs", "text"]), "fstab, type " + line[2])


if __name__ == "__main__":
    T.run(test_install, test_units_are_good, test_service, test_fstab)
    T.finish()
