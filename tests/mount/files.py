#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system calls of SPEC section 4, one by one, and their errno table."""
import ctypes
import fcntl
import mmap
import os
import stat
import subprocess

from harness import *  # noqa: F403
from harness import Archive, Child, T

ROOT_TEXT = "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n"
TEXT = "acl: {permissions: {alice@example.com: rwcd, bob@example.com: r, pt@example.com: rc, pt2@example.com: rwc}}\n"
TREE = {".zddc": ROOT_TEXT, "d/.zddc": TEXT, "d/f": "text\n", "d/sub/g": "more\n", "e/.zddc": TEXT, "e/f": "e\n"}


def archive(extra=None):
    return Archive(dict(TREE, **(extra or {}))).mount()


def test_create_owner():
    a = archive()
    as_user(ALICE, lambda: (os.umask(0o027), os.close(os.open(a.at("d/new"), os.O_CREAT | os.O_WRONLY, 0o666)), os.mkdir(a.at("d/newdir"), 0o777), os.symlink("new", a.at("d/link"))))
    for name in ("new", "newdir", "link"):
        st = os.lstat(a.behind("d", name))
        T.equal((st.st_uid, st.st_gid), (ALICE, ALICE), "the caller owns %s on disk" % name)
    T.equal(stat.S_IMODE(os.lstat(a.behind("d/new")).st_mode) & 0o111, 0, "no execute bit")
    st = as_user(ALICE, os.stat, a.at("d/new"))
    T.equal(st.st_uid, ALICE, "shown as the caller's")


def test_rename_flags():
    a = archive()
    x, y, absent = a.at("d/f"), a.at("d/sub/g"), a.at("d/absent")
    T.equal(err_as(ALICE, lambda: renameat2(x, y, RENAME_NOREPLACE)), "EEXIST", "NOREPLACE onto what is there")
    T.equal(err_as(ALICE, lambda: renameat2(x, absent, RENAME_NOREPLACE)), "", "NOREPLACE onto a free name")
    T.equal(err_as(ALICE, lambda: renameat2(absent, y, RENAME_EXCHANGE)), "", "EXCHANGE")
    T.equal((a.text("d/absent"), a.text("d/sub/g")), (b"more\n", b"text\n"), "both traded places")
    T.equal((as_user(ALICE, read_file, absent), as_user(ALICE, read_file, y)), (b"more\n", b"text\n"), "through the mount too")
    T.equal(err_as(ALICE, lambda: renameat2(absent, a.at("d/none"), RENAME_EXCHANGE)), "ENOENT", "EXCHANGE with nothing")
    T.equal(err_as(ALICE, os.rename, absent, a.at("e/moved")), "", "to another directory")
    T.equal(err_as(ALICE, os.rename, a.at("d/sub"), a.at("d/sub/below")), "EINVAL", "a directory into itself")
    T.equal(err_as(BOB, os.rename, y, a.at("d/x")), "EACCES", "not without w")
    T.equal(err_as(PT2, os.rename, a.at("d/sub/g"), a.at("d/sub/h")), "", "w is enough within a directory")
    T.equal(err_as(PT2, os.rename, a.at("d/sub/h"), a.at("d/h")), "EACCES", "but d at the source is needed to move away")


def test_atomic_save_with_rwc():
    """An editor that writes a temporary file and renames it over the old one works with rwc."""
    a = archive()
    T.equal(err_as(PT2, lambda: (write_file(a.at("d/f.tmp1"), "saved\n"), os.rename(a.at("d/f.tmp1"), a.at("d/f")))), "", "write and rename over")
    T.equal(a.text("d/f"), b"saved\n", "saved")


def test_open_flags():
    a = archive()
    f = a.at("d/f")
    T.equal(err_as(BOB, os.open, f, os.O_RDONLY | os.O_TRUNC), "EACCES", "O_RDONLY|O_TRUNC truncates, and needs w")
    T.equal(a.text("d/f"), b"text\n", "unchanged")
    T.equal(err_as(ALICE, os.open, f, os.O_RDWR | os.O_TRUNC), "", "O_TRUNC")
    T.equal(a.text("d/f"), b"", "truncated")
    T.among(err_as(ALICE, os.open, a.at("d"), os.O_TMPFILE | os.O_RDWR, 0o600), ("EOPNOTSUPP", "ENOTSUP"), "O_TMPFILE is refused cleanly")
    T.equal(err_as(ALICE, os.open, f, os.O_CREAT | os.O_EXCL | os.O_WRONLY), "EEXIST", "O_EXCL")
    T.equal(err_as(ALICE, os.open, a.at("d"), os.O_WRONLY), "EISDIR", "a directory for writing")
    T.equal(err_as(ALICE, os.open, f + "/x", os.O_RDONLY), "ENOTDIR", "through a file")
    T.among(err_as(ALICE, os.open, f, os.O_RDONLY | os.O_DIRECT), ("", "EINVAL"), "O_DIRECT")
    T.equal(err_as(ALICE, lambda: append_twice(f)), "", "O_APPEND")
    T.equal(a.text("d/f"), b"onetwo", "appended")


def append_twice(path):
    for data in (b"one", b"two"):
        fd = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.write(fd, data)
        os.close(fd)


def ranges(x, y):
    """copy_file_range, fallocate, punch, lseek: what they gave."""
    out = {}
    with open(x, "wb") as f:
        f.write(os.urandom(300000))
        f.truncate(1 << 20)
    src, dst = os.open(x, os.O_RDWR), os.open(y, os.O_RDWR | os.O_CREAT, 0o644)
    done = 0
    while done < 1 << 20:
        n = os.copy_file_range(src, dst, (1 << 20) - done, done, done)
        if n == 0:
            break
        done += n
    out["copied"] = done
    out["data"] = os.lseek(src, 0, os.SEEK_DATA)
    out["hole"] = os.lseek(src, 0, os.SEEK_HOLE)
    out["past the end"] = err(os.lseek, src, 2 << 20, os.SEEK_DATA)
    out["posix_fallocate"] = err(os.posix_fallocate, dst, 0, 2 << 20)
    out["size"] = os.fstat(dst).st_size
    # FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
    r = libc.fallocate(dst, 3, ctypes.c_long(0), ctypes.c_long(4096))
    out["punch"] = "" if r == 0 else errno.errorcode[ctypes.get_errno()]
    out["zeroed"] = os.pread(dst, 4096, 0) == b"\0" * 4096
    out["rest"] = os.pread(dst, 1000, 8192) == os.pread(src, 1000, 8192)
    os.close(src)
    os.close(dst)
    return out


def test_ranges():
    a = archive()
    got = as_user(ALICE, ranges, a.at("d/x"), a.at("d/y"))
    T.equal(got["copied"], 1 << 20, "copy_file_range")
    T.equal((got["data"], got["past the end"]), (0, "ENXIO"), "lseek SEEK_DATA")
    T.check(300000 <= got["hole"] <= 1 << 20, "lseek SEEK_HOLE", got["hole"])
    T.equal((got["posix_fallocate"], got["size"]), ("", 2 << 20), "fallocate")
    T.equal((got["punch"], got["zeroed"], got["rest"]), ("", True, True), "punching a hole")
    T.check(as_user(ALICE, read_file, a.at("d/x")) == a.text("d/x"), "the same behind and through the mount")


def test_metadata():
    a = archive()
    f = a.at("d/f")
    T.equal(err_as(ALICE, os.chmod, f, 0o755), "", "chmod")
    T.equal(as_user(ALICE, os.stat, f).st_mode & 0o111, 0o111, "execute bits are kept")
    as_user(ALICE, lambda: err(os.chmod, f, 0o6777))
    T.equal(os.stat(a.behind("d/f")).st_mode & 0o6000, 0, "set-id bits never get to the backing tree")
    owner = os.stat(a.behind("d/f")).st_uid
    T.equal(err_as(ALICE, os.chown, f, BOB, BOB), "", "chown succeeds")
    T.equal(os.stat(a.behind("d/f")).st_uid, owner, "without effect")
    T.equal(as_user(ALICE, os.stat, f).st_uid, owner, "and is not pretended")
    T.equal(err_as(BOB, os.chown, f, BOB, BOB), "EACCES", "not without w")
    T.equal(err_as(ALICE, os.utime, f, (1000000000, 1000000000.5)), "", "utimens")
    T.equal(os.stat(a.behind("d/f")).st_mtime, 1000000000.5, "to the nanosecond behind the mount")
    T.equal(err_as(BOB, os.utime, f, (1, 1)), "EACCES", "not without w")
    T.equal(err_as(BOB, lambda: os.chmod(f, os.stat(f).st_mode & 0o777)), "", "a call that changes nothing succeeds")
    T.equal(err_as(PT, os.utime, a.at("d/sub"), (5, 5)), "", "a directory's times, with c: quiet")
    T.check(os.stat(a.behind("d/sub")).st_mtime != 5, "without effect")
    T.equal(err_as(PT, os.chmod, a.at("d/sub"), 0o700), "", "a directory's mode, with c: quiet")
    T.equal(err_as(BOB, os.chmod, a.at("d/sub"), 0o700), "EACCES", "not without c")
    as_user(PT, os.mkdir, a.at("d/mine"))
    T.equal(err_as(PT, os.utime, a.at("d/mine"), (1000000000, 1000000000)), "", "the maker of a directory sets its times")
    T.equal(os.stat(a.behind("d/mine")).st_mtime, 1000000000, "with effect")


def test_xattrs():
    a = archive()
    f = a.at("d/f")
    T.equal(err_as(ALICE, os.setxattr, f, "user.note", b"hello"), "", "setxattr user.*")
    T.equal(os.getxattr(a.behind("d/f"), "user.note"), b"hello", "is on disk")
    T.equal(as_user(BOB, os.getxattr, f, "user.note"), b"hello", "getxattr with r")
    T.equal(err_as(BOB, os.setxattr, f, "user.note", b"x"), "EACCES", "setxattr without w")
    T.equal(err_as(BOB, os.removexattr, f, "user.note"), "EACCES", "removexattr without w")
    T.equal(as_user(BOB, os.listxattr, f), ["user.note"], "listxattr shows that and nothing of ours")
    T.equal(err_as(ALICE, os.setxattr, f, "user.note", b"x", os.XATTR_CREATE), "EEXIST", "XATTR_CREATE")
    T.equal(err_as(ALICE, os.setxattr, f, "user.other", b"x", os.XATTR_REPLACE), "ENODATA", "XATTR_REPLACE")
    T.equal(err_as(ALICE, os.removexattr, f, "user.note"), "", "removexattr")
    for name in ("security.capability", "security.selinux", "trusted.x", "system.x"):
        T.among(err_as(ALICE, os.setxattr, f, name, b"\x01"), ("EPERM", "EOPNOTSUPP", "ENOTSUP", "EINVAL"), "setxattr " + name)
        T.among(err_as(ALICE, os.getxattr, f, name), ("ENODATA", "EOPNOTSUPP", "ENOTSUP", "EPERM"), "getxattr " + name)
    T.among(err(os.setxattr, f, "security.capability", b"\x01" * 20), ("EPERM", "EACCES", "ENOENT", "EINVAL", "EOPNOTSUPP", "ENOTSUP"), "security.* by root")
    for name in ("user.zddc.effective", "user.zddc.seal", "user.zddc.creator", "user.zddc.x"):
        T.check(err_as(ALICE, os.setxattr, f, name, b"x") in ("EPERM", "EACCES", "EINVAL"), "our own namespace is not writable: " + name, err_as(ALICE, os.setxattr, f, name, b"x"))
    T.equal([x for x in os.listxattr(a.behind("d/f")) if not x.startswith("user.zddc")], [], "nothing is left on disk")
    acl = b"\x02\x00\x00\x00\x01\x00\x06\x00\xff\xff\xff\xff\x04\x00\x04\x00\xff\xff\xff\xff\x20\x00\x04\x00\xff\xff\xff\xff"
    as_user(ALICE, write_file, a.at("d/own"), "x")
    T.among(err_as(ALICE, os.setxattr, a.at("d/own"), "system.posix_acl_access", acl), ("",), "a POSIX ACL by the shown owner: quiet")
    T.check("system.posix_acl_access" not in os.listxattr(a.behind("d/own")), "without effect")


def test_links():
    a = archive({"d/P/x": "x"})
    for target in ("/etc/passwd", "../../outside", "../../../etc/passwd", "/"):
        T.check(err_as(ALICE, os.symlink, target, a.at("d/bad")) in ("EPERM", "EACCES", "EINVAL"), "a symlink that leaves the project: " + target,
                err_as(ALICE, os.symlink, target, a.at("d/bad")))
        T.check(not os.path.lexists(a.behind("d/bad")), "is not made")
    T.equal(err_as(ALICE, os.symlink, "sub/g", a.at("d/good")), "", "a relative one")
    T.equal(as_user(BOB, os.readlink, a.at("d/good")), "sub/g", "readlink with r")
    T.equal(as_user(BOB, read_file, a.at("d/good")), b"more\n", "followed by the kernel")
    for uid in (ALICE, BOB, ADMIN, 0):
        for src, dst in (("d/f", "d/hard"), ("d/f", "e/hard"), ("d/f", "d/sub/hard")):
            e = err_as(uid, os.link, a.at(src), a.at(dst))
            T.check(e == "EPERM" or (uid == 0 and e in ("ENOENT", "EACCES")), "hard link %s -> %s by uid %d" % (src, dst, uid), e)
    T.equal(os.stat(a.behind("d/f")).st_nlink, 1, "no link was made")


def test_special_files():
    a = archive()
    for name, mode in (("fifo", stat.S_IFIFO), ("sock", stat.S_IFSOCK)):
        T.equal(err_as(ALICE, os.mknod, a.at("d", name), mode | 0o644), "EPERM", "mknod of a " + name)
    for kind in (stat.S_IFCHR, stat.S_IFBLK):
        T.among(err(os.mknod, a.at("d/dev"), kind | 0o644, os.makedev(1, 3)), ("EPERM", "EACCES", "ENOENT"), "mknod of a device by root")
    T.equal(err_as(ALICE, os.mknod, a.at("d/reg"), stat.S_IFREG | 0o644), "", "mknod of a file is a create")
    T.equal(err_as(BOB, os.mknod, a.at("d/reg2"), stat.S_IFREG | 0o644), "EACCES", "and needs c")
    T.equal(sorted(set(os.listdir(a.behind("d"))) - {".zddc.d"}), [".zddc", "f", "reg", "sub"], "nothing else was made")
    os.mkfifo(a.behind("d/fifo"))
    os.mknod(a.behind("d/null"), stat.S_IFCHR | 0o666, os.makedev(1, 3))
    for name in ("fifo", "null"):
        e = run_with_timeout(ALICE, os.open, a.at("d", name), os.O_RDWR | os.O_NONBLOCK)
        T.check(e not in ("", "hang"), "a %s put there behind the mount is not opened" % name, e)


def run_with_timeout(uid, fn, *args, seconds=5):
    child = Child(uid, lambda: err(fn, *args))
    import select
    if not select.select([child.r], [], [], seconds)[0]:
        child.kill()
        return "hang"
    return child.wait()


def access_bits(path):
    return "".join(c for c, m in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK)) if os.access(path, m, effective_ids=False))


def test_access():
    a = archive()
    os.chmod(a.behind("d/f"), 0o644)
    want = {ALICE: ("rw", "rwx"), BOB: ("r", "rx"), PT: ("r", "rwx")}
    for uid, (on_file, on_dir) in want.items():
        T.equal(as_user(uid, access_bits, a.at("d/f")), on_file, "access(2) on a file by uid %d" % uid)
        T.equal(as_user(uid, access_bits, a.at("d")), on_dir, "access(2) on a directory by uid %d" % uid)
    T.equal(as_user(ANON, os.access, a.at("d"), os.F_OK), False, "and F_OK of what is hidden")
    T.equal(as_user(0, os.access, a.at("d/f"), os.W_OK), False, "root is nobody")


def test_errnos():
    """The table of SPEC section 4, as far as this stage has the causes."""
    a = archive({"z/.zddc": "worm: [alice@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "z/f": "x",
                 "frozen/.zddc": TEXT + "freeze_until: 2999-01-01T00:00:00Z\n", "frozen/f": "x",
                 "slots/.zddc": TEXT + "paths:\n  slot:\n    acl: {permissions: {alice@example.com: rwcd}}\n"})
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "EACCES", "EACCES: no such verb")
    T.equal(err_as(ALICE, os.link, a.at("d/f"), a.at("d/g")), "EPERM", "EPERM: nobody may")
    T.equal(err_as(ALICE, os.rename, a.at("slots/slot"), a.at("slots/other")), "EPERM", "EPERM: a declared slot")
    T.among(err_as(ALICE, os.open, a.at("d/.zddc.d/explain/f"), os.O_WRONLY), ("EROFS",), "EROFS: explain")
    T.equal(err_as(ANON, os.stat, a.at("d/f")), "ENOENT", "ENOENT: may not be known")
    T.equal(err_as(ADMIN, write_file, a.at("d/.zddc"), "nonsense: 1\n"), "EINVAL", "EINVAL: content refused")
    T.equal(err_as(ALICE, write_file, a.at("slots/SLOT"), "x"), "EEXIST", "EEXIST: a slot in another case")
    T.equal(err_as(ALICE, write_file, a.at("frozen/f"), "x"), "EBUSY", "EBUSY: frozen")
    T.equal(err_as(ALICE, os.unlink, a.at("frozen/f")), "EBUSY", "EBUSY: frozen")
    T.equal(err_as(ALICE, os.unlink, a.at("d")), "EISDIR", "unlink of a directory")
    T.equal(err_as(ALICE, os.rmdir, a.at("d/f")), "ENOTDIR", "rmdir of a file")
    T.equal(err_as(ALICE, os.rmdir, a.at("d/sub")), "ENOTEMPTY", "rmdir of what is not empty")
    T.equal(err_as(ALICE, os.stat, a.at("d/none")), "ENOENT", "what is not there")
    T.equal(err_as(ALICE, os.mkdir, a.at("d/sub")), "EEXIST", "mkdir of what is there")


def test_big_directory():
    a = archive()
    count = 5000 if not SANITIZED else 1000
    for i in range(count):
        a.put("d/big/file-%05d" % i, "")
    names = as_user(ALICE, os.listdir, a.at("d/big"))
    T.equal((len(names), len(set(names))), (count, count), "every name once")
    T.equal(as_user(ALICE, seek_dir, a.at("d/big")), True, "telldir and seekdir")
    os.unlink(a.behind("d/big/file-00000"))
    T.equal(len(as_user(ALICE, os.listdir, a.at("d/big"))), count - 1, "a listing after a change behind the mount")
    T.equal(as_user(ALICE, remove_while_reading, a.at("d/big")), count - 1, "removing while reading misses none")
    T.equal(os.listdir(a.behind("d/big")), [], "all removed")


def seek_dir(path):
    libc.opendir.restype = ctypes.c_void_p
    libc.readdir64.restype = ctypes.c_void_p
    libc.telldir.restype = ctypes.c_long
    for fn in (libc.readdir64, libc.telldir, libc.rewinddir, libc.closedir):
        fn.argtypes = [ctypes.c_void_p]
    libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
    d = libc.opendir(path.encode())

    def name():
        e = libc.readdir64(d)
        return ctypes.string_at(e + 19) if e else None

    seen, marks = [], []
    while True:
        marks.append(libc.telldir(d))
        n = name()
        if n is None:
            break
        seen.append(n)
    ok = True
    for i in range(0, len(seen), 97):
        libc.seekdir(d, marks[i])
        ok = ok and name() == seen[i]
    libc.rewinddir(d)
    ok = ok and name() == seen[0]
    libc.closedir(d)
    return ok


def remove_while_reading(path):
    n = 0
    with os.scandir(path) as it:
        for e in it:
            os.unlink(e.path)
            n += 1
    return n


def test_mmap_and_locks():
    a = archive()
    T.equal(as_user(ALICE, store_shared, a.at("d/f")), "", "a shared mapping")
    T.equal(a.text("d/f")[:4], b"MMAP", "reaches the disk")
    T.equal(as_user(ALICE, locks, a.at("d/f")), ("", "", "EAGAIN"), "flock, fcntl, and a second locker")
    T.equal(as_user(BOB, map_private, a.at("d/f")), b"MMAP", "a private mapping with r")
    T.equal(err_as(BOB, store_shared, a.at("d/f")), "EACCES", "no shared writable mapping without w")


def store_shared(path):
    fd = os.open(path, os.O_RDWR)
    m = mmap.mmap(fd, 0)
    m[0:4] = b"MMAP"
    m.flush()
    m.close()
    os.close(fd)
    return ""


def map_private(path):
    fd = os.open(path, os.O_RDONLY)
    m = mmap.mmap(fd, 0, mmap.MAP_PRIVATE, mmap.PROT_READ)
    return m[0:4]


def locks(path):
    fd = os.open(path, os.O_RDWR)
    out = [err(fcntl.flock, fd, fcntl.LOCK_EX), err(fcntl.lockf, fd, fcntl.LOCK_EX | fcntl.LOCK_NB)]
    pid = os.fork()
    if pid == 0:
        other = os.open(path, os.O_RDWR)
        os._exit(0 if err(fcntl.lockf, other, fcntl.LOCK_EX | fcntl.LOCK_NB) == "EAGAIN" else 1)
    out.append("EAGAIN" if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0 else "")
    return tuple(out)


def test_exec_and_inheritance():
    a = archive()
    for name, mode in (("tool", 0o755), ("data", 0o644)):
        as_user(ALICE, lambda: (write_file(a.at("d", name), "#!/bin/sh\necho ran; echo more >&3\n"), os.chmod(a.at("d", name), mode)))
    p = subprocess.run("exec 3>>%s; %s" % (a.at("d/log"), a.at("d/tool")), shell=True, user=ALICE, group=ALICE, extra_groups=[], stdout=subprocess.PIPE)
    T.equal((p.stdout, a.text("d/log")), (b"ran\n", b"more\n"), "a script is run, and writes to a descriptor it inherited")
    p = subprocess.run([a.at("d/tool")], user=BOB, group=BOB, extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, pass_fds=(), close_fds=True)
    T.equal(p.stdout, b"ran\n", "with r alone as well")
    T.equal(err_as(ALICE, os.execv, a.at("d/data"), ["data"]), "EACCES", "not without the execute bit")
    with open("/bin/true", "rb") as f:
        binary = f.read()
    as_user(ALICE, lambda: (write_all(a.at("d/true"), binary), os.chmod(a.at("d/true"), 0o755)))
    T.equal(subprocess.run([a.at("d/true")], user=ALICE, group=ALICE, extra_groups=[]).returncode, 0, "a program from the mount")
    p = subprocess.run("exec 4>%s; for i in 1 2 3 4 5 6 7 8 9; do (echo $i >&4) & done; wait" % a.at("d/forked"), shell=True, user=ALICE, group=ALICE, extra_groups=[])
    T.equal(sorted(a.text("d/forked").split()), [b"%d" % i for i in range(1, 10)], "nine children write to one descriptor")


def write_all(path, data):
    with open(path, "wb") as f:
        f.write(data)


def test_big_file():
    a = archive()
    size = 64 << 20
    script = "dd if=/dev/urandom of=%s bs=1M count=64 status=none && cmp %s %s" % (a.at("d/big"), a.at("d/big"), a.at("d/big"))
    T.equal(subprocess.run(script, shell=True, user=ALICE, group=ALICE, extra_groups=[]).returncode, 0, "64 MiB written and read")
    T.equal(os.stat(a.behind("d/big")).st_size, size, "its size")
    as_user(ALICE, lambda: sparse(a.at("d/sparse")))
    st = as_user(ALICE, os.stat, a.at("d/sparse"))
    T.check(st.st_size == (5 << 30) + 1 and st.st_blocks * 512 < 1 << 20, "a sparse file over 4 GiB", (st.st_size, st.st_blocks))


def sparse(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.pwrite(fd, b"x", 5 << 30)
    assert os.pread(fd, 1, 5 << 30) == b"x"
    os.close(fd)


def test_statfs():
    a = archive()
    real, shown = os.statvfs(a.back), as_user(ALICE, os.statvfs, a.at("d"))
    T.equal((shown.f_blocks * shown.f_frsize, shown.f_namemax), (real.f_blocks * real.f_frsize, 255), "statfs is the backing filesystem's")


def test_unlinked_while_open():
    a = archive()
    T.equal(as_user(ALICE, unlinked, a.at("d/gone")), (b"still here", ""), "a file that was unlinked is read and written by its descriptor")
    T.equal([n for n in os.listdir(a.behind("d")) if "gone" in n or "fuse" in n], [], "no litter")


def unlinked(path):
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    os.write(fd, b"still here")
    os.unlink(path)
    got = os.pread(fd, 100, 0)
    e = err(os.write, fd, b" and more") or err(os.fstat, fd) or err(os.ftruncate, fd, 3)
    os.close(fd)
    return got, e


def test_many_writers():
    """8 appenders: every line whole and once."""
    a = archive()
    as_user(ALICE, write_file, a.at("d/log"), "")
    each = 500 if not SANITIZED else 100
    children = [Child(ALICE, append_lines, a.at("d/log"), k, each) for k in range(8)]
    for c in children:
        c.wait()
    lines = a.text("d/log").splitlines()
    T.equal((len(lines), len(set(lines))), (8 * each, 8 * each), "lines of 8 appenders")


def append_lines(path, k, n):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    for i in range(n):
        os.write(fd, b"writer %d line %06d %s\n" % (k, i, b"." * 40))
    os.close(fd)


if __name__ == "__main__":
    T.run(test_create_owner, test_rename_flags, test_atomic_save_with_rwc, test_open_flags, test_ranges, test_metadata, test_xattrs, test_links,
          test_special_files, test_access, test_errnos, test_big_directory, test_mmap_and_locks, test_exec_and_inheritance, test_big_file, test_statfs,
          test_unlinked_while_open, test_many_writers)
    T.finish()
