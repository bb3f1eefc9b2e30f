#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""THREATS, rows that have no suite of their own: 2, 3, 10-12, 16, 18, 19, 20, 21, 24, 26. (1, 4: races; 5, 9, 23, 33: policyfile;
6, 15, 16: names; 7, 17: leaks; 8: revoke; 25: crash.)"""
import os
import re
import resource
import signal
import stat
import subprocess
import threading
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

TEXT = "acl: {permissions: {alice@example.com: rwcd, bob@example.com: r}}\n"
TREE = {".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "d/.zddc": TEXT, "d/f": "text\n", "d/sub/g": "more\n",
        "home/.zddc": "acl: {inherit: false, permissions: {alice@example.com: rwcda}}\n", "home/secret": "alice's\n"}


# --------------------------------------------------------------------------------------------- row 2: no paths with a slash

PATH_CALLS = "open,openat,openat2,creat,stat,lstat,newfstatat,statx,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,mknod,mknodat,symlink,symlinkat," \
    "link,linkat,chmod,fchmodat,fchmodat2,chown,lchown,fchownat,utimensat,truncate,readlink,readlinkat,access,faccessat,faccessat2,setxattr,lsetxattr," \
    "getxattr,lgetxattr,removexattr,lremovexattr,listxattr,llistxattr,execve,execveat,chdir,statfs"


def busy(mnt):
    d = os.path.join(mnt, "d")
    for i in range(20):
        p = os.path.join(d, "file%d" % i)
        write_file(p, "x")
        os.chmod(p, 0o755)
        os.utime(p, (1, 1))
        os.setxattr(p, "user.a", b"1")
        os.getxattr(p, "user.a")
        os.listxattr(p)
        os.removexattr(p, "user.a")
        os.truncate(p, 0)
        os.rename(p, p + "r")
        read_file(p + "r")
        os.symlink("f", p + "l")
        os.readlink(p + "l")
        os.mkdir(p + "d")
        os.rmdir(p + "d")
        os.unlink(p + "r")
        os.unlink(p + "l")
        err(os.link, os.path.join(d, "f"), p + "h")
        err(write_file, os.path.join(d, ".zddc"), "x")
        os.listdir(d)
        os.statvfs(d)
        read_file(os.path.join(d, ".zddc.d/whoami"))
    return True


def test_no_paths():
    a = Archive(TREE).mount()
    as_user(ALICE, busy, a.mnt)
    as_user(ADMIN, write_file, a.at("d/.zddc"), TEXT + "# warm\n")
    trace = a.base + "/trace"
    p = subprocess.Popen(["strace", "-f", "-q", "-o", trace, "-e", "trace=" + ",".join("?" + c for c in PATH_CALLS.split(",")), "-p", str(a.pid)], stderr=subprocess.PIPE)
    if not eventually(lambda: tracer(a.pid) == p.pid, 10):
        p.kill()
        T.check(False, "strace attaches", p.stderr.read())
        return
    time.sleep(0.3)
    as_user(ALICE, busy, a.mnt)
    as_user(ADMIN, write_file, a.at("d/.zddc"), TEXT + "# again\n")
    time.sleep(1.3)
    p.send_signal(signal.SIGINT)
    p.wait()
    with open(trace) as f:
        lines = [x for x in f if "(" in x]
    T.check(len(lines) > 300, "the daemon was seen at work", len(lines))
    slashed = [x.strip() for x in lines if any("/" in s for s in given(x)) and not allowed_path(x)]
    T.check(not slashed, "path strings with a slash after start-up (of %d calls)" % len(lines), slashed[:5])
    T.check(not [x for x in lines if "execve" in x], "nothing is executed")


def given(line):
    """The strings that a call was given; what readlink and getxattr gave back does not count."""
    strings = re.findall(r'"((?:[^"\\]|\\.)*)"', line)
    return strings[:1] if re.search(r"\b(readlink|readlinkat|[l]?getxattr|[l]?listxattr|[l]?setxattr)\(", line) else strings


def allowed_path(line):
    """A symlink's target is data; the name service and malloc read the system's own files; of /proc/PID the ledger's exe and a dying task's stat."""
    return "symlinkat(" in line or re.search(r'"(/proc/[0-9]+/(exe|stat)"|/etc/(passwd|group|nsswitch.conf|gshadow|localtime|ld\.so)|/sys/devices/system/cpu/online|/run/systemd|/var/lib/sss|/var/run/nscd|/lib/|/usr/lib/|/usr/share/zoneinfo)', line)


def tracer(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"TracerPid:\s*(\d+)", f.read()).group(1))


# ------------------------------------------------------------------------------------------------------- row 3: hard links

def test_hard_links():
    a = Archive(TREE).mount()
    places = ["d/f", "d/sub/g", "home/secret", ".zddc"]
    targets = ["d/h", "d/sub/h", "home/h", "h"]
    tried = 0
    for uid in (ALICE, BOB, ADMIN, ANON, 0):
        for src in places:
            for dst in targets:
                e = err_as(uid, os.link, a.at(src), a.at(dst))
                tried += 1
                T.check(e in ("EPERM", "ENOENT", "EACCES"), "link %s -> %s by %d" % (src, dst, uid), e)
    T.check(all(os.stat(a.behind(p)).st_nlink == 1 for p in places), "no second link after %d tries" % tried)
    # made behind the mount: each name is under the policy of its own directory
    os.link(a.behind("home/secret"), a.behind("d/other-name"))
    T.equal(err_as(BOB, read_file, a.at("d/other-name")), "", "a second name is decided where it lies")
    T.equal(err_as(BOB, read_file, a.at("home/secret")), "ENOENT", "and the first where that lies")
    T.equal(err_as(BOB, write_file, a.at("d/other-name"), "x"), "EACCES", "each for itself")
    T.equal(err_as(ALICE, read_file, a.at("home/secret")), "", "for its owner")


# ---------------------------------------------------------------------------------------- rows 10, 11: set-id, devices, capabilities

def test_set_id():
    a = Archive(TREE).mount()
    as_user(ALICE, lambda: (write_file(a.at("d/tool"), "#!/bin/sh\nid -u\n"),))
    for mode in (0o4755, 0o2755, 0o6777, 0o1755):
        err_as(ALICE, os.chmod, a.at("d/tool"), mode)
        T.equal(os.stat(a.behind("d/tool")).st_mode & 0o7000, 0, "chmod %o never reaches the backing tree" % mode)
        err_as(ALICE, lambda: os.close(os.open(a.at("d/new%o" % mode), os.O_CREAT | os.O_WRONLY, mode)))
        err_as(ALICE, os.mkdir, a.at("d/dir%o" % mode), mode)
        for name in ("new%o" % mode, "dir%o" % mode):
            if os.path.exists(a.behind("d", name)):
                T.equal(os.stat(a.behind("d", name)).st_mode & 0o6000, 0, "nor at %s" % name)
    os.chmod(a.behind("d/f"), 0o6755)
    T.equal(as_user(ALICE, os.stat, a.at("d/f")).st_mode & 0o6000, 0, "set-id bits put there behind the mount are not shown")
    as_user(ALICE, append_one, a.at("d/f"))
    T.equal(os.stat(a.behind("d/f")).st_mode & 0o6000, 0, "and go with the first write")
    os.setxattr(a.behind("d/sub/g"), "security.capability", b"\x01\x00\x00\x02\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
    as_user(ALICE, append_one, a.at("d/sub/g"))
    T.check("security.capability" not in os.listxattr(a.behind("d/sub/g")), "a file capability goes with the first write")


def append_one(path):
    fd = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(fd, b"+")
    os.close(fd)


# ------------------------------------------------------------------------------------ row 12: every way to change, without w

def mutations(d):
    f = os.path.join(d, "f")
    o = os.open

    def with_fd(flags, fn):
        fd = o(f, flags)
        try:
            return fn(fd)
        finally:
            os.close(fd)

    return {
        "open O_WRONLY": lambda: o(f, os.O_WRONLY), "open O_RDWR": lambda: o(f, os.O_RDWR), "open O_TRUNC": lambda: o(f, os.O_RDONLY | os.O_TRUNC),
        "open O_APPEND": lambda: o(f, os.O_WRONLY | os.O_APPEND), "open O_CREAT": lambda: o(f, os.O_WRONLY | os.O_CREAT),
        "open O_CREAT|O_TRUNC": lambda: o(f, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "truncate": lambda: os.truncate(f, 0), "truncate longer": lambda: os.truncate(f, 100),
        "chmod": lambda: os.chmod(f, 0o711), "chown": lambda: os.chown(f, 1, 1), "utime": lambda: os.utime(f, (1, 1)), "utime now": lambda: os.utime(f),
        "setxattr": lambda: os.setxattr(f, "user.x", b"1"), "removexattr": lambda: os.removexattr(f, "user.x"), "unlink": lambda: os.unlink(f),
        "rename": lambda: os.rename(f, f + "2"), "rename away": lambda: os.rename(f, os.path.join(d, "sub/f")),
        "rename over": lambda: os.rename(os.path.join(d, "sub/g"), f), "noreplace": lambda: renameat2(f, f + "2", RENAME_NOREPLACE),
        "exchange": lambda: renameat2(f, os.path.join(d, "sub/g"), RENAME_EXCHANGE), "link": lambda: os.link(f, f + "2"),
        "ftruncate by a read descriptor": lambda: with_fd(os.O_RDONLY, lambda fd: os.ftruncate(fd, 0)),
        "reopen for writing": lambda: with_fd(os.O_RDONLY, lambda fd: o("/proc/self/fd/%d" % fd, os.O_WRONLY)),
        "fallocate": lambda: with_fd(os.O_RDONLY, lambda fd: os.posix_fallocate(fd, 0, 10)),
        "copy_file_range": lambda: with_fd(os.O_RDONLY, lambda fd: os.copy_file_range(fd, fd, 1, 0, 3)),
        "fchmod": lambda: with_fd(os.O_RDONLY, lambda fd: os.fchmod(fd, 0o700)), "futime": lambda: with_fd(os.O_RDONLY, lambda fd: os.utime(fd, (1, 1))),
        "fsetxattr": lambda: with_fd(os.O_RDONLY, lambda fd: os.setxattr(fd, "user.x", b"1")),
        "O_PATH chmod": lambda: with_fd(os.O_PATH, lambda fd: os.chmod("/proc/self/fd/%d" % fd, 0o700)),
        "O_PATH truncate": lambda: with_fd(os.O_PATH, lambda fd: os.truncate("/proc/self/fd/%d" % fd, 0)),
        "rmdir the parent": lambda: os.rmdir(d), "mkdir": lambda: os.mkdir(os.path.join(d, "new")), "create": lambda: o(os.path.join(d, "new"), os.O_CREAT | os.O_WRONLY),
        "symlink": lambda: os.symlink("f", os.path.join(d, "new")), "mknod": lambda: os.mknod(os.path.join(d, "new")),
    }


def mutate(d):
    return {name: err(fn) for name, fn in mutations(d).items()}


def test_mutations_without_w():
    tree = dict(TREE)
    tree.update({"zone/.zddc": "worm: [alice@example.com]\nacl: {permissions: {\"*@example.com\": rwcda}}\n", "zone/f": "text\n", "zone/sub/g": "more\n"})
    a = Archive(tree)
    os.setxattr(a.behind("d/f"), "user.x", b"0")
    os.setxattr(a.behind("zone/f"), "user.x", b"0")
    a.mount()
    for where, uids in (("d", (BOB, 0, ADMIN)), ("zone", (BOB, 0, ADMIN))):
        before = os.stat(a.behind(where, "f"))
        for uid in uids:
            got = as_user(uid, mutate, a.at(where))
            passed = [k for k, v in got.items() if v == ""]
            T.check(not passed, "%d ways to change %s/f by uid %d each give an error" % (len(got), where, uid), passed)
        after = os.stat(a.behind(where, "f"))
        T.equal((a.text(where, "f"), after.st_mode, after.st_uid, after.st_mtime_ns, after.st_nlink), (b"text\n", before.st_mode, before.st_uid, before.st_mtime_ns, 1),
                "%s/f is untouched" % where)
        T.equal(os.getxattr(a.behind(where, "f"), "user.x"), b"0", "and its attributes")
        T.equal(sorted(set(os.listdir(a.behind(where))) - {".zddc.d"}), [".zddc", "f", "sub"], "and its folder")


# ---------------------------------------------------------------------------------------- row 18: the caller is gone at once

def ask_and_die(paths):
    def work(path):
        try:
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
        except OSError:
            pass
    for p in paths:
        threading.Thread(target=work, args=(p,), daemon=True).start()
    os.kill(os.getpid(), signal.SIGKILL)


def test_caller_gone():
    """A caller that dies right after its request is never taken for somebody else, root's group included."""
    tree = dict(TREE)
    tree["g/.zddc"] = "acl: {inherit: false, permissions: {\"group:root\": rwcda, admin@example.com: rwcda}}\n"
    tree["g/f"] = "x"
    a = Archive(tree).mount()
    tries = 400 if not SANITIZED else 80
    for i in range(tries):
        c = Child(BOB, ask_and_die, [a.at("g/%d-%d" % (i, k)) for k in range(3)])
        try:
            c.wait()
        except EOFError:
            pass
    T.equal(sorted(set(os.listdir(a.behind("g"))) - {".zddc.d"}), [".zddc", "f"], "nothing was made in %d tries" % (3 * tries))
    T.equal(err_as(BOB, read_file, a.at("g/f"), groups=[0]), "ENOENT", "the process's own group 0 does not count")
    T.equal(err_as(0, read_file, a.at("g/f")), "", "a member by the name service does")


# ----------------------------------------------------------------------------------------------------------- row 19: pid reuse

def test_pid_reuse():
    a = Archive(TREE).mount()
    times = scaled(10000)
    p = subprocess.run([OUT + "/tests/mount/pidreuse", a.mnt, a.at("home/secret"), str(times), str(ALICE), "alice@example.com", str(BOB), "bob@example.com"],
                       stdout=subprocess.PIPE, cwd="/")
    said = p.stdout.decode().strip()
    print("     " + said)
    same = int(re.search(r"same pid (\d+)", said).group(1))
    T.check(p.returncode == 0 and "wrong 0" in said, "no wrong identity of %d" % times, said)
    T.check(same > times // 2, "the same pid really came again", said)


# ------------------------------------------------------------------------------------------------------ row 20: user namespaces

NS_SCRIPT = """
id -u
cat %(m)s/home/secret 2>&1
echo 'admins: [bob@example.com]' 2>&1 > %(m)s/.zddc
chown 0:0 %(m)s/d/f 2>&1
echo x 2>&1 > %(m)s/d/f
mkdir %(m)s/d/made 2>&1
cat %(m)s/.zddc.d/whoami
cat %(m)s/d/f
"""


def test_user_namespace():
    a = Archive(TREE).mount()
    for args in (["unshare", "-U", "-r"], ["unshare", "-U"], ["unshare", "-U", "-r", "-m"]):
        p = subprocess.run(args + ["sh", "-c", NS_SCRIPT % {"m": a.mnt}], user=BOB, group=BOB, extra_groups=[], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = p.stdout.decode()
        name = " ".join(args)
        if "unshare:" in said:
            T.check(False, name + " could not run", said)
            continue
        T.check("alice's" not in said, name + ": root inside reads no home", said)
        T.check("bob@example.com" in said, name + ": is still bob", said)
        T.check("text" in said, name + ": reads what bob may", said)
    T.equal(a.text(".zddc"), TREE[".zddc"].encode(), "policy is untouched")
    T.equal(a.text("d/f"), b"text\n", "and the file")
    T.check(not os.path.exists(a.behind("d/made")), "nothing was made")
    T.check(os.stat(a.behind("d/f")).st_uid == 0, "nor chowned")


# ------------------------------------------------------------------------------------------------------- rows 21, 26: the daemon

def test_daemon():
    a = Archive(TREE).mount()
    as_user(ALICE, busy, a.mnt)
    with open("/proc/%d/status" % a.pid) as f:
        status = f.read()
    caps = int(re.search(r"CapEff:\s*(\w+)", status).group(1), 16)
    kept = {0: "CHOWN", 1: "DAC_OVERRIDE", 2: "DAC_READ_SEARCH", 3: "FOWNER", 19: "SYS_PTRACE"}  # 19: how a writer died (torn files)
    extra = [i for i in range(64) if caps >> i & 1 and i not in kept]
    T.check(not extra, "capabilities beyond those needed", extra)
    T.check(not caps >> 24 & 1, "CAP_SYS_RESOURCE is dropped (quotas)")
    T.equal(os.readlink("/proc/%d/cwd" % a.pid), "/", "its working directory is not on the mount")
    on_mount = [os.readlink("/proc/%d/fd/%s" % (a.pid, fd)) for fd in os.listdir("/proc/%d/fd" % a.pid)]
    T.check(not [x for x in on_mount if x.startswith(a.mnt)], "it never touches its own mount", on_mount)
    flags = []
    for fd in os.listdir("/proc/%d/fdinfo" % a.pid):
        with open("/proc/%d/fdinfo/%s" % (a.pid, fd)) as f:
            if int(fd) > 2 and not int(re.search(r"flags:\s*(\d+)", f.read()).group(1), 8) & 0o2000000:
                flags.append(fd + " " + os.readlink("/proc/%d/fd/%s" % (a.pid, fd)))
    T.check(not flags, "all its descriptors are close-on-exec", flags)


# ---------------------------------------------------------------------------------------------------------- row 24: exhaustion

def open_until_refused(path, most, ready, go):
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most + 50, 20000), min(most + 50, 20000)))
    fds, stopped = [], ""
    for i in range(most):
        try:
            fds.append(os.open(path, os.O_RDONLY))
        except OSError as e:
            stopped = errno.errorcode[e.errno]
            break
    os.write(ready, b"r")
    os.read(go, 1)
    return len(fds), stopped


def served(mnt, times):
    slowest = 0
    for i in range(times):
        began = time.monotonic()
        if read_file(os.path.join(mnt, "d/f")) != b"text\n":
            return "wrong"
        os.listdir(os.path.join(mnt, "d/sub"))
        slowest = max(slowest, time.monotonic() - began)
    return slowest


def many_opens(a, most, clients=1):
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    hogs = [Child(ALICE, open_until_refused, a.at("d/sub/g"), most, w1, r2) for _ in range(clients)]
    for _ in hogs:
        os.read(r1, 1)
    bob = err_as(BOB, served, a.mnt, 50)
    writes = err_as(ALICE, os.stat, a.at("d/f"))
    os.write(w2, b"g" * clients)
    return [h_.wait() for h_ in hogs], bob, writes


def test_many_opens():
    """50,000 opens by A, three processes at once: B is served."""
    a = Archive(TREE).mount()
    most = 16700 if not SANITIZED else 2000
    got, bob, stat_ = many_opens(a, most, 3)
    T.equal(bob, "", "B is served while A holds %d files open" % sum(g[0] for g in got))
    T.equal(stat_, "", "A's own stat too")
    T.check(all(g[1] in ("", "EMFILE", "ENFILE") for g in got), "A is told EMFILE if anything", got)
    fds = len(os.listdir("/proc/%d/fd" % a.pid))
    T.check(eventually(lambda: len(os.listdir("/proc/%d/fd" % a.pid)) < 400, 5 * SLOW), "descriptors are given back (%d at the end)" % fds)
    print("     %s" % got)


def test_small_limit():
    """The daemon under RLIMIT_NOFILE 1024: a walk of many directories, and a user who opens all that can be opened."""
    tree = dict(TREE)
    a = Archive(tree)
    dirs = 3000 if not SANITIZED else 1200
    for i in range(dirs):
        a.put("d/w/%d/%d/f" % (i % 60, i), "x")
    a.mount(prefix=["prlimit", "--nofile=1024:1024"])
    count = as_user(BOB, lambda: sum(len(f) for _, _, f in os.walk(a.at("d/w"))))
    T.equal(count, dirs, "a walk of %d directories" % dirs)
    count = as_user(BOB, lambda: sum(read_file(os.path.join(w, x)) == b"x" for w, _, f in os.walk(a.at("d/w")) for x in f))
    T.equal(count, dirs, "and reading every file")
    got, bob, stat_ = many_opens(a, 3000)
    T.check(got[0][1] in ("EMFILE", "ENFILE"), "A runs into the limit", got)
    T.equal(bob, "", "B is served")
    T.equal(err_as(ALICE, write_file, a.at("d/after"), "x"), "", "and A again afterwards")


def lookups(mnt, n):
    for i in range(n):
        try:
            os.stat(os.path.join(mnt, "d/none%d" % (i % 1000) if i % 2 else "d/sub/g"))
        except FileNotFoundError:
            pass
    return n


def test_many_lookups():
    a = Archive(TREE).mount()
    n = (200000 if FULL else 60000) if not SANITIZED else 5000
    began = time.monotonic()
    children = [Child(ALICE, lookups, a.mnt, n // 2) for _ in range(2)]
    slowest = 0
    while time.monotonic() - began < 1:
        slowest = max(slowest, as_user(BOB, served, a.mnt, 20))
    for c in children:
        c.wait()
    T.check(slowest < 1.0 * SLOW, "B is served during %d look-ups of A" % n, "%.3f s" % slowest)
    with open("/proc/%d/status" % a.pid) as f:
        rss = int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))
    T.check(rss < 100 * 1024 or SANITIZED, "memory stays small", "%d KiB" % rss)


# --------------------------------------------------------------------------------------- a policy that grants, changes and moves

def test_case_of_names():
    """Row 15: grants follow bytes; slots and bodies are case-blind, files are not."""
    a = Archive(dict(TREE, **{"D/f": "other"})).mount()
    T.equal(err_as(ALICE, write_file, a.at("D/f"), "x"), "EACCES", "D is not d")
    T.equal(err_as(ALICE, write_file, a.at("d/f"), "x"), "", "d is")


if __name__ == "__main__":
    T.run(test_no_paths, test_hard_links, test_set_id, test_mutations_without_w, test_caller_gone, test_pid_reuse, test_user_namespace, test_daemon,
          test_many_opens, test_small_limit, test_many_lookups, test_case_of_names)
    T.finish()
