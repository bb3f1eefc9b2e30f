# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fault tests share: an archive with a zone and a lane, disks that are files, and how a file is judged."""
import atexit
import hashlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "mount"))
from harness import ADMIN, ALICE, BOB, DC, DC2, OUT, PEOPLE, PT, ROOT_ZDDC, SANITIZED, Archive, Child, T, Worker, as_user, become, err, err_as, eventually, identities, libc, mounted, umount2, _recv, _send  # noqa: E402,F401

LAB = {
    ".zddc": ROOT_ZDDC,
    "P/zone/.zddc": "worm: [document_controller]\nacl: {permissions: {\"*@example.com\": r}}\n",
    "P/zone/old": "sealed long ago\n",
    "P/lane/.zddc": "acl: {permissions: {\"*@example.com\": rc}}\n",
    "P/free/.zddc": "acl: {permissions: {\"*@example.com\": rwcd}}\n",
    "P/homes/.zddc": "acl: {permissions: {\"*@example.com\": rc}}\npaths: {\"*\": {auto_own: true}}\n",
    "P/pol/.zddc": "acl: {permissions: {alice@example.com: r}}\n",
}


def sha(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def attr(path, name):
    try:
        return os.getxattr(path, "user.zddc." + name).decode().split("\n")[0].split(" ")[0]
    except OSError:
        return ""


def judged(path):
    """(state, SHA-256 as the mount tells it, SHA-256 of the bytes)."""
    return attr(path, "state"), attr(path, "sha256"), sha(path)


def run(*argv):
    return subprocess.run([str(a) for a in argv], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout.decode().strip()


class Loop:
    """A loop device on a file; gone at the end whatever happens."""

    def __init__(self, path, *options):
        self.dev = run("losetup", "--find", "--show", *options, path)
        atexit.register(self.close)

    def close(self):
        if self.dev:
            subprocess.run(["losetup", "-d", self.dev], stderr=subprocess.DEVNULL)
            self.dev = None


class SmallArchive(Archive):
    """An archive whose backing tree is a small ext4 of its own."""

    def __init__(self, tree, megabytes=24, device=None):
        self.loop = device
        self.room = tempfile.mkdtemp(prefix="zddcfs-lab-")
        super().__init__({})
        if self.loop is None:
            image = os.path.join(self.room, "image")
            with open(image, "wb") as f:
                f.truncate(megabytes << 20)
            self.loop = Loop(image)
        run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.loop.dev)
        self.attach()
        self.put(".zddc.d/identities.yaml", identities(None))
        for path, text in tree.items():
            self.put(path, text)
        os.sync()

    def attach(self):
        run("mount", "-t", "ext4", "-o", "noatime", self.loop.dev, self.back)
        os.chmod(self.back, 0o700)

    def detach(self):
        umount2(self.back)

    def close(self):
        super().close()
        self.loop.close()
        subprocess.run(["rm", "-rf", "--one-file-system", self.room])
