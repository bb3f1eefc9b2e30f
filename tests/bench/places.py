# SPDX-License-Identifier: GPL-3.0-or-later
"""What is compared: the same tree, each on an ext4 of its own in a loop file, behind nothing, bindfs, passthrough_hp and zddcfs."""
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
from harness import ADMIN, DC, OUT, PARTY_ZDDC, ROOT, ROOT_ZDDC, ZDDCFS, as_user, eventually, identities, mounted, serving, umount2, MNT_DETACH, err  # noqa: E402

WORK = "Demo/archive/Acme/working/bench"  # where everything is measured: below the last mixed name
OPS = os.path.join(OUT, "tests/bench/bench_ops")


def run(cmd, **kw):
    return subprocess.run(cmd, check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **kw).stdout


def drop_caches():
    os.sync()
    with open("/proc/sys/vm/drop_caches", "w") as f:
        f.write("3")


class Place:
    """One of those compared. 'command' serves 'back' at 'mnt', in the foreground; None: there is nothing in between."""

    def __init__(self, base, name, meaning, command=None, gib=3):
        self.name, self.meaning, self.command, self.proc, self.after = name, meaning, command, None, []
        self.base, self.gib = os.path.join(base, name), gib
        self.back, self.mnt = os.path.join(self.base, "back"), os.path.join(self.base, "mnt")

    def make(self):
        """The filesystem; close() takes away what there is of it, however far this came."""
        os.makedirs(self.mnt)
        os.mkdir(self.back, 0o700)
        image = os.path.join(self.base, "disk.ext4")
        with open(image, "wb") as f:
            f.truncate(self.gib << 30)
        # all inode tables now: nothing is written behind the measurement's back
        run(["mkfs.ext4", "-q", "-N", "400000", "-E", "lazy_itable_init=0,lazy_journal_init=0", image])
        run(["mount", "-o", "loop", image, self.back])
        shutil.rmtree(os.path.join(self.back, "lost+found"))
        os.chmod(self.back, 0o700 if self.is_ours else 0o755)
        self.lay_down()

    def put(self, path, text):
        path = os.path.join(self.back, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)

    def lay_down(self):
        self.put(".zddc.d/identities.yaml", identities())
        self.put(".zddc", ROOT_ZDDC)
        self.put("Demo/archive/Acme/.zddc", PARTY_ZDDC)
        work = os.path.join(self.back, WORK)
        os.makedirs(work)
        for at in (work, os.path.dirname(work)):
            os.chown(at, DC, DC)

    # -------------------------------------------------------------------------------------------------------- mounted

    def run(self, cmd, **kw):
        """The output of a command that the archive's document controller runs. passthrough_hp makes everything root's: root, there."""
        uid = 0 if self.name == "hp" else DC
        return run(cmd, user=uid, group=uid, extra_groups=[], cwd="/", **kw)

    def path(self, *parts):
        return os.path.join(self.back if self.command is None else self.mnt, *parts)

    def work(self, *parts):
        return self.path(WORK, *parts)

    @property
    def is_ours(self):
        return self.command is not None and self.command[0] == ZDDCFS

    def up(self, prefix=()):
        if self.command is None or self.proc:
            return self
        with open(os.path.join(self.base, "daemon.log"), "ab") as log:
            self.proc = subprocess.Popen(list(prefix) + self.command + [self.back, self.mnt], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")
        if not eventually(lambda: self.proc.poll() is not None or self.answers(), 30) or self.proc.poll() is not None:
            with open(os.path.join(self.base, "daemon.log"), errors="replace") as log:
                raise RuntimeError("%s: no mount: %s" % (self.name, log.read()[-2000:]))
        if self.is_ours:
            eventually(lambda: self.status().get("index_ready"), 60, 0.05)
        return self

    def answers(self):
        return serving(self.mnt) if self.is_ours else mounted(self.mnt)

    def down(self):
        if self.proc is None:
            return
        if not eventually(lambda: not mounted(self.mnt) or err(umount2, self.mnt) == "", 5, 0.02):
            umount2(self.mnt, MNT_DETACH)
        try:
            self.proc.wait(15)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        self.proc = None

    def cold(self):
        self.down()
        self.up()
        drop_caches()

    def close(self):
        self.down()
        if mounted(self.back) and err(umount2, self.back):
            umount2(self.back, MNT_DETACH)
        shutil.rmtree(self.base, ignore_errors=True)

    # ------------------------------------------------------------------------------------------------ what the daemon says

    def status(self):
        return json.loads(as_user(ADMIN, read, self.path(".zddc.d/status.json")))

    def counts(self):
        """Requests by kind, without those that the kernel sends at times of its own choice."""
        ops = self.status()["operations"]
        return {k: v["count"] for k, v in ops.items() if k not in ("forget", "release", "releasedir", "interrupt")}

    def rss(self):
        """Bytes."""
        with open("/proc/%d/status" % self.proc.pid) as f:
            return int([line for line in f if line.startswith("VmRSS")][0].split()[1]) * 1024


def read(path):
    with open(path) as f:
        return f.read()


# ------------------------------------------------------------------------------------------------------- what there is here

def passthrough_hp(missing):
    """libfuse's own example: installed, or built from the source that `make deps` kept."""
    there = shutil.which("passthrough_hp")
    source, lib = (os.path.join(ROOT, ".deps/fuse", x) for x in ("example/passthrough_hp.cc", "lib"))
    if there:
        return there
    if not os.path.exists(source) or not shutil.which("g++"):
        missing.append("passthrough_hp: not installed, and no %s" % ("g++ to build it" if os.path.exists(source) else "source kept by make deps (.deps/fuse/example; delete .deps and run it again)"))
        return None
    out = os.path.join(OUT, "tests/bench/passthrough_hp")
    if not os.path.exists(out):
        flags = run(["pkg-config", "--static", "--cflags", "--libs", "fuse3"], env=dict(os.environ, PKG_CONFIG_PATH=lib + "/pkgconfig")).split()
        cmd = ["g++", "-O2", "-std=c++17", "-DFUSE_USE_VERSION=317", "-I", os.path.dirname(source), "-I", os.path.join(ROOT, ".deps/fuse/include/fuse3"),
               source, "-o", out] + flags
        made = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if made.returncode:
            missing.append("passthrough_hp: does not build: %s" % made.stdout.strip().splitlines()[-1:])
            return None
    return out


# what a switch costs or buys: the place without it, and what is asked
SWITCHES = {"noledger": "with the ledger, against without it", "nopass": "with passthrough, against without it (MB/s: of rates)"}


def places(base, missing):
    """Those that can be compared here; what cannot is told in 'missing'."""
    rows = [("native", "ext4", None)]
    if shutil.which("bindfs"):
        rows.append(("bindfs", "bindfs", ["bindfs", "-f"]))
    else:
        missing.append("bindfs: apt-get install bindfs")
    hp = passthrough_hp(missing)
    if hp:
        rows.append(("hp", "libfuse's passthrough_hp", [hp, "--foreground", "-o", "allow_other"]))
    ours = [ZDDCFS, "-f", "-o"]
    rows.append(("none", "zddcfs without policy and ledger", ours + ["insecure,policy=none,ledger=off"]))
    rows.append(("nopass", "zddcfs with passthrough=off", ours + ["passthrough=off"]))
    rows.append(("noledger", "zddcfs without ledger", ours + ["insecure,ledger=off"]))
    rows.append(("full", "zddcfs: policy, ledger, write-once", [ZDDCFS, "-f"]))
    return [Place(base, *row) for row in rows]
