#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Races: symlinks swapped behind the mount (THREATS row 1), rename and policy against decide (row 4)."""
import mmap
import os
import re
import signal
import subprocess
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

OPERATIONS = scaled(100000)
SECONDS = float(os.environ.get("RACE_SECONDS", "0")) or 2.0
TOGGLES = 150 if not SANITIZED else 30


def swap_archive():
    a = Archive({".zddc": OPEN_ZDDC.replace("rwcd", "rwcda"), "w/d/canary": "inside\n", "w/d/f": "inside\n", "w/f": "inside\n"})
    outside = a.base + "/outside"
    os.mkdir(outside, 0o700)
    with open(outside + "/canary", "w") as f:
        f.write("outside secret\n")
    os.setxattr(outside + "/canary", "user.secret", b"outside")
    os.symlink(outside, a.behind("w/l"))
    os.symlink(outside + "/canary", a.behind("w/g"))
    return a.mount(), outside


def swap(a, outside, operations):
    """Runs swap.c and judges; gives what it counted."""
    uids = [str(u) for u in (ALICE, BOB, PT, DC)]
    p = subprocess.run([OUT + "/tests/mount/swap", a.at("w"), a.behind("w"), outside, str(operations)] + uids, stdout=subprocess.PIPE, cwd="/")
    said = p.stdout.decode()
    print("     " + said.strip())
    n = dict((k, int(v)) for k, v in re.findall(r"(\w+) (\d+)", said))
    T.check(n.get("operations", 0) >= operations * 0.99, "all operations ran", said)
    T.check(n.get("swaps", 0) > operations / 100, "the swapper ran", said)
    T.check(n.get("done", 0) > operations / 50 and n.get("refused", 0) > operations / 50, "some succeeded and some met a symlink", said)
    T.check(p.returncode == 0 and n.get("escapes") == 0, "0 escapes of %d" % operations, said)
    with open(outside + "/canary") as f:
        T.equal(f.read(), "outside secret\n", "the file outside is unchanged")
    T.equal(os.listdir(outside), ["canary"], "nothing was made outside")


def test_symlink_swap():
    swap(*swap_archive(), OPERATIONS)


def test_symlink_swap_slowed_down():
    """The same with the daemon held up before each open: whatever it looked at before has been swapped by then."""
    a, outside = swap_archive()
    slow = slow_down(a, ("openat2",), 1)
    try:
        swap(a, outside, scaled(6000))
    finally:
        slow.send_signal(signal.SIGINT)
        slow.wait()


def act_in(fd_path, shared):
    """Works by descriptor in a directory that is moved around. Returns how often it worked."""
    done = refused = 0
    fd = os.open(fd_path, os.O_PATH | os.O_DIRECTORY)
    i = 0
    while not shared[0]:
        i += 1
        name = "n%d" % (i % 8)
        ops = (lambda: os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)), lambda: os.unlink(name, dir_fd=fd),
               lambda: os.mkdir("d" + name, dir_fd=fd), lambda: os.rmdir("d" + name, dir_fd=fd),
               lambda: os.rename(name, name + "r", src_dir_fd=fd, dst_dir_fd=fd), lambda: append(name + "r", fd))
        if err(ops[i % len(ops)]):
            refused += 1
        else:
            done += 1
    return done, refused


def append(name, dirfd):
    fd = os.open(name, os.O_WRONLY | os.O_APPEND, dir_fd=dirfd)
    try:
        os.write(fd, b"+")
    finally:
        os.close(fd)


def picture(path):
    """What the directory holds, behind the mount. (Two levels down: the kernel itself locks a directory that is moved.)"""
    out = []
    for e in sorted(os.scandir(path), key=lambda e: e.name):
        st = e.stat(follow_symlinks=False)
        out.append((e.name, st.st_size, st.st_ino))
    return out


def slow_down(a, calls, ms, when="delay_enter"):
    """Holds up each of these system calls of the daemon (or what it does next: delay_exit), so that what is decided and what is done lie far apart."""
    cmd = ["strace", "-f", "-q", "-o", "/dev/null", "-e", "trace=" + ",".join(calls)]
    for call in calls:
        cmd += ["-e", "inject=%s:%s=%d" % (call, when, ms * 1000)]
    p = subprocess.Popen(cmd + ["-p", str(a.pid)], stderr=subprocess.PIPE)
    if not eventually(lambda: traced(a.pid), 10):
        p.kill()
        raise RuntimeError("strace does not attach: %s" % p.stderr.read())
    time.sleep(0.2)
    return p


def traced(pid):
    with open("/proc/%d/status" % pid) as f:
        return re.search(r"TracerPid:\s*([1-9]\d*)", f.read())


def race(a, path, shut, reopen, where_shut, toggles=TOGGLES, still=0.004):
    """While 'shut' holds, nothing may change: bob works, the picture behind the mount must stand still."""
    shared = mmap.mmap(-1, 4096)
    children = [Child(BOB, act_in, path, shared) for _ in range(2)]
    time.sleep(0.2)
    acts = 0
    for _ in range(toggles):
        shut()
        before = picture(where_shut)
        time.sleep(still)
        acts += before != picture(where_shut)
        reopen()
        time.sleep(0.002)
    shared[0] = 1
    results = [c.wait() for c in children]
    return acts, sum(r[0] for r in results), sum(r[1] for r in results)


def test_rename_against_decide():
    a = Archive({".zddc": "admins: [admin@example.com]\nacl: {permissions: {alice@example.com: rwcda}}\n",
                 "open/.zddc": "acl: {permissions: {alice@example.com: rwcda, bob@example.com: rwcd}}\n", "open/x/deep/keep": "x",
                 "shut/.zddc": "acl: {permissions: {alice@example.com: rwcda}}\n"}).mount()
    alice = Worker(ALICE)
    acts, done, refused = race(a, a.at("open/x/deep"), lambda: alice.call(os.rename, a.at("open/x"), a.at("shut/x")),
                               lambda: alice.call(os.rename, a.at("shut/x"), a.at("open/x")), a.behind("shut/x/deep"))
    alice.close()
    T.check(done > TOGGLES and refused > TOGGLES, "bob worked when he might and tried when he might not", (done, refused))
    T.equal(acts, 0, "acts in a directory that had been moved out of reach (%d renames, %d acts)" % (TOGGLES * 2, done))


def test_policy_against_decide():
    text = "acl: {permissions: {alice@example.com: rwcda, bob@example.com: %s}}\n"
    a = Archive({".zddc": "admins: [admin@example.com]\n", "p/.zddc": text % "rwcd", "p/x/keep": "x"}).mount()
    alice = Worker(ALICE)
    acts, done, refused = race(a, a.at("p/x"), lambda: alice.call(write_file, a.at("p/.zddc"), text % "r"),
                               lambda: alice.call(write_file, a.at("p/.zddc"), text % "rwcd"), a.behind("p/x"))
    alice.close()
    T.check(done > TOGGLES and refused > TOGGLES, "bob worked when he might and tried when he might not", (done, refused))
    T.equal(acts, 0, "acts after a revocation was answered (%d commits, %d acts)" % (TOGGLES * 2, done))


def test_slowed_down():
    """The same with the daemon held up between deciding and acting: the move has to wait for what was decided before it."""
    a = Archive({".zddc": "admins: [admin@example.com]\nacl: {permissions: {alice@example.com: rwcda}}\n",
                 "open/.zddc": "acl: {permissions: {alice@example.com: rwcda, bob@example.com: rwcd}}\n", "open/x/deep/keep": "x",
                 "shut/.zddc": "acl: {permissions: {alice@example.com: rwcda}}\n"}).mount()
    text = "acl: {permissions: {alice@example.com: rwcda, bob@example.com: %s}}\n"
    for name, shut, reopen, where in (
            ("renames", lambda: alice.call(os.rename, a.at("open/x"), a.at("shut/x")), lambda: alice.call(os.rename, a.at("shut/x"), a.at("open/x")), "shut/x/deep"),
            ("policy commits", lambda: alice.call(write_file, a.at("open/.zddc"), text % "r"), lambda: alice.call(write_file, a.at("open/.zddc"), text % "rwcd"), "open/x/deep")):
        alice = Worker(ALICE)
        slow = slow_down(a, ("openat2", "unlinkat", "mkdirat"), 6)
        try:
            acts, done, refused = race(a, a.at("open/x/deep"), shut, reopen, a.behind(where), 12, 0.03)
        finally:
            slow.send_signal(signal.SIGINT)
            slow.wait()
            alice.close()
        T.check(done > 0 and refused > 5, "bob worked, and was refused: " + name, (done, refused))
        T.equal(acts, 0, "acts after the answer, %s slowed down (%d acts)" % (name, done))


def make_new(d, missing):
    """The name as a new file; what is missing to its maker goes to the list: by descriptor nothing of it may ever be."""
    fd = os.open(os.path.join(d, "a"), os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644)
    for fn in (lambda: os.ftruncate(fd, 1), lambda: os.setxattr(fd, "user.n", b"1"), lambda: os.utime(fd, (1, 1)), lambda: os.getxattr(fd, "user.n"),
               lambda: os.close(os.open("/proc/self/fd/%d" % fd, os.O_RDWR))):
        missing.append(err(fn))
    os.close(fd)


def use_new_names(d, shared):
    """Makes, moves and removes a name for ever, each time something new is made of that name."""
    missing, n, a, b = [], 0, os.path.join(d, "a"), os.path.join(d, "b")
    while not shared[0]:
        make_new(d, missing)
        os.rename(a, b)
        make_new(d, missing)
        os.unlink(a)
        make_new(d, missing)
        os.unlink(a)
        os.unlink(b)
        n += 1
    return [e for e in missing if e], n


def ask_for_names(d, shared):
    found = gone = 0
    while not shared[0]:
        for name in ("a", "b"):
            if err(os.stat, os.path.join(d, name)):
                gone += 1
            else:
                found += 1
    return found, gone


def taken_names(seconds, slowed):
    a = Archive({".zddc": OPEN_ZDDC, "d/": None}).mount()
    shared = mmap.mmap(-1, 4096)
    slow = slow_down(a, ("statx",), 2, "when=1+3:delay_exit") if slowed else None
    try:
        children = [Child(ALICE, use_new_names, a.at("d"), shared), Child(BOB, ask_for_names, a.at("d"), shared), Child(BOB, ask_for_names, a.at("d"), shared),
                    Child(PT, ask_for_names, a.at("d"), shared)]
        time.sleep(seconds)
        shared[0] = 1
        (missing, rounds), *asked = [c.wait() for c in children]
    finally:
        if slow:
            slow.send_signal(signal.SIGINT)
            slow.wait()
    found, gone = sum(x[0] for x in asked), sum(x[1] for x in asked)
    T.check(rounds > 5 and found > 20 and gone > 20, "names came and went while others asked for them", (rounds, found, gone))
    T.equal(missing[:5], [], "what had just been made was missing to its maker (%d rounds, %d look-ups%s)" % (rounds, found + gone, ", slowed down" if slowed else ""))


def test_taken_names():
    """A name that is missing to one request is not taken from another that has just made it anew."""
    taken_names(SECONDS / 2, False)
    taken_names(SECONDS * 2, True)


def exchange(mnt, shared):
    n = 0
    while not shared[0]:
        renameat2(os.path.join(mnt, "open/x"), os.path.join(mnt, "shut/x"), RENAME_EXCHANGE)
        n += 1
    return n


def read_names(mnt, shared):
    """Reads through the open path: what it gets must be from the open directory's tree or nothing at all."""
    wrong = n = 0
    while not shared[0]:
        try:
            text = read_file(os.path.join(mnt, "shut/x/f"))
            wrong += 1 if text else 0
        except OSError:
            pass
        n += 1
    return wrong, n


def test_exchange_against_walk():
    """Two directories trade places for ever: bob never reads by the name that is shut."""
    a = Archive({".zddc": "admins: [admin@example.com]\nacl: {permissions: {alice@example.com: rwcda}}\n",
                 "open/.zddc": "acl: {permissions: {bob@example.com: r}}\n", "open/x/f": "one", "shut/x/f": "two"}).mount()
    shared = mmap.mmap(-1, 4096)
    children = [Child(ALICE, exchange, a.mnt, shared), Child(BOB, read_names, a.mnt, shared), Child(BOB, read_names, a.mnt, shared)]
    time.sleep(3)
    shared[0] = 1
    swaps = children[0].wait()
    results = [c.wait() for c in children[1:]]
    T.check(swaps > 50, "exchanges", swaps)
    T.equal(sum(r[0] for r in results), 0, "reads by a shut name (%d tries, %d exchanges)" % (sum(r[1] for r in results), swaps))


if __name__ == "__main__":
    T.run(test_symlink_swap, test_symlink_swap_slowed_down, test_rename_against_decide, test_policy_against_decide, test_slowed_down, test_taken_names, test_exchange_against_walk)
    T.finish()
