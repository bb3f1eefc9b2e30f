# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mount tests share: archives in a temporary directory, mounts, and code run as other users.

Every test program runs as root: it needs real uids and real mounts. Nothing is mocked. Uids have no accounts (identities.yaml
maps them by number) except those that Accounts makes for Unix groups.
"""
import atexit
import ctypes
import errno
import fcntl
import os
import pickle
import pwd
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
import traceback

ROOT = os.environ.get("ROOT") or os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
VARIANT = os.environ.get("VARIANT", "release")
_B = os.path.join(ROOT, os.environ.get("B", "build"))
OUT = os.environ.get("OUT") or (_B if VARIANT == "release" else os.path.join(_B, VARIANT))
ZDDCFS = os.environ.get("ZDDCFS") or os.path.join(OUT, "zddcfs")
ZDDC = os.environ.get("ZDDC") or os.path.join(OUT, "zddc")
# FULL=1 runs the largest numbers; sanitizers make everything 5 to 20 times slower, so loops shrink there
FULL = os.environ.get("FULL", "") not in ("", "0")
SANITIZED = VARIANT in ("asan", "tsan")
SLOW = 4.0 if SANITIZED else 1.0

libc = ctypes.CDLL(None, use_errno=True)
O_PATH = os.O_PATH
AT_FDCWD = -100
RENAME_NOREPLACE, RENAME_EXCHANGE = 1, 2
MNT_DETACH = 2

# who is who in the test archives
ADMIN, DC, DC2, PT, PT2, OBS, AUD, BOTH, NOBODY, ALICE, BOB = range(61001, 61012)
ANON = 61099
PEOPLE = {
    ADMIN: "admin@example.com", DC: "dc@example.com", DC2: "dc2@example.com", PT: "pt@example.com", PT2: "pt2@example.com",
    OBS: "obs@example.com", AUD: "aud@example.com", BOTH: "both@example.com", NOBODY: "nobody@example.com",
    ALICE: "alice@example.com", BOB: "bob@example.com",
}
ROOT_ZDDC = """\
title: Test archive
admins: [admin@example.com]
roles:
  document_controller: {members: [dc@example.com, dc2@example.com, both@example.com]}
  project_team: {members: [pt@example.com, pt2@example.com, both@example.com]}
  observer: {members: [obs@example.com]}
  auditor: {members: [aud@example.com]}
"""
PARTY_ZDDC = """\
created_by: dc@example.com
acl:
  permissions:
    dc@example.com: rwcda
    document_controller: rwcda
"""
OPEN_ZDDC = """\
admins: [admin@example.com]
acl:
  permissions:
    "*@example.com": rwcd
"""


def scaled(count):
    """A number of loops: as named in release, a tenth under a sanitizer, ten times with FULL=1."""
    if SANITIZED:
        return max(1, count // 10)
    return count * 10 if FULL else count


# ---------------------------------------------------------------------------------------------------------------- counting

class Tests:
    """Counts checks; finish() prints the last line that tests/run.sh reads and exits."""

    def __init__(self):
        self.passed = self.failed = 0

    def check(self, ok, name, detail=""):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
            print("FAIL %s%s" % (name, ": %s" % (detail,) if detail != "" else ""), flush=True)
        return bool(ok)

    def equal(self, got, want, name):
        return self.check(got == want, name, "got %r, want %r" % (got, want))

    def among(self, got, wants, name):
        return self.check(got in wants, name, "got %r, want one of %r" % (got, wants))

    def run(self, *functions):
        """Each function is a scenario; an exception in one is a failure, and the others still run."""
        only = [a for a in sys.argv[1:] if not a.startswith("-")]
        for fn in functions:
            if only and fn.__name__ not in only:
                continue
            began = time.monotonic()
            before = self.failed
            try:
                fn()
            except Exception:
                self.check(False, fn.__name__, traceback.format_exc())
            finally:
                Archive.close_all()
            print("%s %s (%.1f s)" % ("ok  " if self.failed == before else "BAD ", fn.__name__, time.monotonic() - began), flush=True)

    def finish(self):
        Archive.close_all()
        print("%d passed, %d failed" % (self.passed, self.failed), flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)


T = Tests()


def err(fn, *args, **kw):
    """'' if fn(...) succeeds, else the name of its errno."""
    try:
        fn(*args, **kw)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno))
    return ""


def eventually(fn, seconds, step=0.01):
    """True as soon as fn() is; False after 'seconds'."""
    end = time.monotonic() + seconds
    while True:
        if fn():
            return True
        if time.monotonic() > end:
            return False
        time.sleep(step)


# ------------------------------------------------------------------------------------------------------------- other users

def become(uid, gid=None, groups=()):
    os.setgroups(list(groups))
    gid = uid if gid is None else gid
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(0o022)


class Refused(Exception):
    pass


def _send(fd, obj):
    data = pickle.dumps(obj)
    os.write(fd, struct.pack("I", len(data)))
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]


def _recv(fd):
    def exactly(n):
        out = b""
        while len(out) < n:
            piece = os.read(fd, n - len(out))
            if not piece:
                raise EOFError("the child died")
            out += piece
        return out
    return pickle.loads(exactly(struct.unpack("I", exactly(4))[0]))


class Child:
    """fn(*args) in a forked process as 'uid'; wait() gives its result or raises its exception."""

    def __init__(self, uid, fn, *args, gid=None, groups=()):
        self.r, w = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            code = 0
            try:
                os.close(self.r)
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                try:
                    if uid is not None:
                        become(uid, gid, groups)
                    out = (True, fn(*args))
                except BaseException as e:  # noqa: the parent raises it again
                    if not isinstance(e, OSError):
                        traceback.print_exc()
                    out = (False, e if isinstance(e, OSError) else RuntimeError(repr(e)))
                _send(w, out)
            except BaseException:
                code = 1
            os._exit(code)
        os.close(w)

    def wait(self):
        try:
            ok, value = _recv(self.r)
        finally:
            os.close(self.r)
            self.status = os.waitpid(self.pid, 0)[1]
        if not ok:
            raise value
        return value

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.close(self.r)
        os.waitpid(self.pid, 0)


def as_user(uid, fn, *args, **kw):
    return Child(uid, fn, *args, **kw).wait()


def err_as(uid, fn, *args, **kw):
    return err(as_user, uid, fn, *args, **kw)


class Worker:
    """A process of 'uid' that stays, for many calls: functions must be module-level. call() returns or raises."""

    def __init__(self, uid):
        self.mine, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self.mine.close()
            os.closerange(3, theirs.fileno())
            os.closerange(theirs.fileno() + 1, 64)
            become(uid)
            self.serve(theirs.fileno())
        theirs.close()

    @staticmethod
    def serve(fd):
        while True:
            try:
                fn, args = _recv(fd)
            except BaseException:
                os._exit(0)
            try:
                out = (True, fn(*args))
            except OSError as e:
                out = (False, e)
            except BaseException as e:
                out = (False, RuntimeError(repr(e)))
            _send(fd, out)

    def call(self, fn, *args):
        _send(self.mine.fileno(), (fn, args))
        ok, value = _recv(self.mine.fileno())
        if not ok:
            raise value
        return value

    def close(self):
        self.mine.close()
        os.waitpid(self.pid, 0)


class Accounts:
    """Real accounts and Unix groups, removed again on close() or exit. One program at a time has them."""

    def __init__(self, users, groups=()):
        self.lock = open("/run/lock/zddcfs-test-accounts", "w")
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self.users, self.groups = dict(users), list(groups)
        atexit.register(self.close)
        self.remove()  # what a killed run left
        for group in self.groups:
            subprocess.run(["groupadd", "-f", group], check=True)
        for name, (uid, member_of) in self.users.items():
            args = ["useradd", "-M", "-N", "-u", str(uid), "-s", "/usr/sbin/nologin"]
            args += ["-G", ",".join(member_of)] if member_of else []
            subprocess.run(args + [name], check=True, stderr=subprocess.DEVNULL)

    def remove(self):
        for name in self.users:
            subprocess.run(["userdel", "-f", name], stderr=subprocess.DEVNULL)  # also while something still runs as that uid
        for group in self.groups:
            subprocess.run(["groupdel", group], stderr=subprocess.DEVNULL)

    def close(self):
        self.remove()
        self.users, self.groups = {}, []
        self.lock.close()


# ------------------------------------------------------------------------------------------------------------------ mounts

def mounted(path):
    path = os.fsencode(os.path.realpath(path)) if not isinstance(path, bytes) else path
    with open("/proc/self/mountinfo", "rb") as f:
        return any(line.split(b" ")[4] == path for line in f)


def serving(path):
    """Does a live daemon answer there? Nothing else does: not the cache of a dead mount, and not the bare directory below it, which
    shows for a moment while a daemon takes the dead mount away."""
    return err(os.getxattr, path, "user.zddc.principal") not in ("ENOTCONN", "ECONNABORTED", "ENODATA", "EOPNOTSUPP", "ENOTSUP")


def umount2(path, flags=0):
    if libc.umount2(os.fsencode(path), flags) != 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e), path)


def renameat2(src, dst, flags):
    if libc.renameat2(AT_FDCWD, os.fsencode(src), AT_FDCWD, os.fsencode(dst), flags) != 0:
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e), src)


def identities(people=None):
    return "identities:\n" + "".join("  %d: %s\n" % kv for kv in (people or PEOPLE).items())


class Archive:
    """A backing tree ('back', mode 0700), a mount point ('mnt') and at most one daemon. 'tree' maps a path to its text, or a path
    that ends in a slash to None. 'defaults' are own defaults instead of the built-in ones."""

    live = []
    overlay = False  # True: the backing tree lies on overlayfs, which gives no file handles

    def __init__(self, tree=None, people=None, defaults=None):
        self.base = tempfile.mkdtemp(prefix="zddcfs-")
        os.chmod(self.base, 0o755)
        self.back, self.mnt = os.path.join(self.base, "back"), os.path.join(self.base, "mnt")
        self.log = os.path.join(self.base, "daemon.log")
        os.mkdir(self.back, 0o700)
        os.mkdir(self.mnt, 0o755)
        if Archive.overlay:
            self.mount_overlay()
        self.proc, self.options = None, []
        Archive.live.append(self)
        if defaults is not None:
            self.put("../defaults.yaml", defaults)
            self.options = ["defaults=%s/defaults.yaml" % self.base]
        self.put(".zddc.d/identities.yaml", identities(people))
        for path, text in (tree or {}).items():
            self.put(path, text)

    def mount_overlay(self):
        where = {d: os.path.join(self.base, d) for d in ("lower", "upper", "work")}
        for d in where.values():
            os.mkdir(d, 0o700)
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%(lower)s,upperdir=%(upper)s,workdir=%(work)s" % where, self.back], check=True)

    def put(self, path, text):
        """Writes behind the mount, in place."""
        full = os.path.join(os.fsencode(self.back), os.fsencode(path))
        if full.endswith(b"/"):
            os.makedirs(full, exist_ok=True)
            return full
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as f:
            f.write(text if isinstance(text, bytes) else (text or "").encode())
        return full

    def behind(self, *path):
        return os.path.join(self.back, *path)

    def at(self, *path):
        return os.path.join(self.mnt, *path)

    def text(self, *path):
        with open(self.behind(*path), "rb") as f:
            return f.read()

    def mount(self, options="", wait=30.0, env=None, prefix=()):
        """The daemon in the foreground; returns when it serves, raises with its log if it does not."""
        options = ",".join(self.options + ([options] if options else []))
        cmd = list(prefix) + [ZDDCFS, "-f"] + (["-o", options] if options else []) + [self.back, self.mnt]
        with open(self.log, "ab") as log:
            self.proc = subprocess.Popen(cmd, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, cwd="/")
        end = time.monotonic() + wait
        while not serving(self.mnt):
            if self.proc.poll() is not None or time.monotonic() > end:
                raise RuntimeError("no mount (exit %r): %s" % (self.proc.poll(), self.log_text()))
            time.sleep(0.004)
        return self

    def log_text(self):
        with open(self.log, "rb") as f:
            return f.read().decode(errors="replace")

    @property
    def pid(self):
        return self.proc.pid

    def umount(self, wait=15.0):
        """Unmounts and returns the daemon's exit status, or a string that says what went wrong."""
        status = None
        if mounted(self.mnt):
            for _ in range(100):
                if err(umount2, self.mnt) in ("", "EINVAL"):
                    break
                time.sleep(0.02)
            else:
                umount2(self.mnt, MNT_DETACH)
                status = "busy: unmounted lazily"
        return self.stopped(wait) if status is None else status

    def stopped(self, wait=15.0):
        if self.proc is None:
            return 0
        try:
            status = self.proc.wait(wait)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
            status = "did not end within %d s" % wait
        self.proc = None
        return status

    def kill(self):
        self.proc.kill()
        self.proc.wait()
        self.proc = None

    def close(self):
        if self in Archive.live:
            Archive.live.remove(self)
        if self.proc and self.proc.poll() is not None:
            T.check(False, "the daemon ended by itself (%r)" % self.proc.poll(), self.log_text()[-3000:])
            self.proc = None
        if self.proc:
            T.equal(self.umount(), 0, "clean stop of the daemon")
        for path in (self.mnt, self.back):
            while mounted(path):
                umount2(path, MNT_DETACH)
        shutil.rmtree(self.base, ignore_errors=True)

    @classmethod
    def close_all(cls):
        for a in list(cls.live):
            a.close()


atexit.register(Archive.close_all)


def _ended(signum, _frame):
    sys.exit(128 + signum)


signal.signal(signal.SIGTERM, _ended)
if os.getuid() != 0:
    print("these tests need root: real uids, real mounts")
    print("0 passed, 1 failed")
    sys.exit(1)


def project(extra=None):
    """A project with one party, owned by dc@example.com, all slots on disk, and a file in each."""
    tree = {".zddc": ROOT_ZDDC, "P/": None, "P/archive/Acme/.zddc": PARTY_ZDDC}
    for slot in ("incoming", "working", "staging", "reviewing"):
        tree["P/archive/Acme/%s/note.txt" % slot] = "text in %s\n" % slot
    for slot in ("received", "issued"):
        tree["P/archive/Acme/%s/123456-EL-SPC-2623_A (IFR) - Spec.pdf" % slot] = "a document\n"
    tree.update(extra or {})
    return tree


# ------------------------------------------------------------------------------------------------- one operation, by its name

def read_file(path):
    fd = os.open(path, os.O_RDONLY)
    try:
        out = b""
        while True:
            piece = os.read(fd, 65536)
            if not piece:
                return out
            out += piece
    finally:
        os.close(fd)


def write_file(path, data, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    """open, write, close: an error of close counts."""
    fd = os.open(path, flags, 0o644)
    try:
        os.write(fd, data if isinstance(data, bytes) else data.encode())
    except OSError:
        os.close(fd)
        raise
    os.close(fd)


def try_close(path, flags, data=b""):
    fd = os.open(path, flags, 0o644)
    try:
        if data:
            os.write(fd, data)
    finally:
        os.close(fd)


def _chdir(path):
    os.chdir(path)
    os.chdir("/")


def _fallocate(path):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.posix_fallocate(fd, 0, 8192)
    finally:
        os.close(fd)


def is_policy(path):
    return os.path.basename(os.fsencode(path)) == b".zddc"


def do_op(op, path, other=None):
    """The system call that acl/ops.def calls 'op'. 'other' is the second path of a rename. Raises OSError."""
    if op == "enter":
        _chdir(path)
    elif op == "statdir":
        os.lstat(path)
    elif op == "list":
        return os.listdir(path)
    elif op == "stat":
        os.lstat(path)
    elif op == "read":
        read_file(path)
    elif op == "readlink":
        os.readlink(path)
    elif op == "getxattr":
        os.getxattr(path, "user.planted", follow_symlinks=False)
    elif op == "create":
        try_close(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, b"" if is_policy(path) else b"made\n")
    elif op == "mkdir":
        os.mkdir(path)
    elif op == "symlink":
        os.symlink(other or "target", path)
    elif op == "write":
        try_close(path, os.O_WRONLY, b"" if is_policy(path) else b"written\n")
    elif op == "truncate":
        os.truncate(path, 1)
    elif op == "fallocate":
        _fallocate(path)
    elif op == "utimens":
        os.utime(path, (1000000000, 1000000000))
    elif op == "chmod":
        os.chmod(path, 0o755)
    elif op == "chown":
        os.chown(path, 61999, 61999)
    elif op == "setxattr":
        os.setxattr(path, "user.mine", b"1")
    elif op == "removexattr":
        os.removexattr(path, "user.planted")
    elif op == "unlink":
        os.unlink(path)
    elif op == "rmdir":
        os.rmdir(path)
    elif op in ("rename", "rename-from", "rename-to", "rename-over"):
        os.rename(path, other)
    elif op == "link":
        os.link(path, other)
    elif op == "mknod":
        os.mkfifo(path)
    else:
        raise ValueError("no such operation: %s" % op)
    return None


def errno_of_op(op, path, other=None):
    """(errno name or '', result of the operation)."""
    try:
        return "", do_op(op, path, other)
    except OSError as e:
        return errno.errorcode.get(e.errno, str(e.errno)), None


def fs_ioctl(fd, request, arg):
    return fcntl.ioctl(fd, request, arg)


def same_bytes(a, b):
    with open(a, "rb") as x, open(b, "rb") as y:
        return x.read() == y.read()


__all__ = [n for n in dir() if not n.startswith("_")]
