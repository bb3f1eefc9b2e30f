#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The write-once suite W1-W27, in a zone, by a document controller whom worm: lists. FULL=1 repeats W3, W17, W18, W20 and W26 200 times.

Rows marked BEFORE need no seal, only the zone's mask; they also run where TOOLS_COLUMNS has no zone."""
import ctypes
import errno
import fcntl
import hashlib
import mmap
import os
import random
import signal
import stat
import struct
import subprocess
import threading
import time

from toolbox import (ACME, ADMIN, AUD, COLUMNS, DC, DC2, EPERM, LOOPS, NAME, PT, Child, Row, T, World, Worker, asked, become, changes, err, eventually, libc, line,
                     names_behind, one, renameat2, snapshot, text, try_open)

ZONE = [c for c in COLUMNS if c.name == "zone"][0]
OTHER = "123456-EL-SPC-2623_C (IFR) - Spec.pdf"
OLD = 'echo old > "$N"'
BEFORE, AFTER = True, False
FAKETIME = ["/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketime.so.1"]
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
RANDOM = random.Random(SEED)


def kept(src, name="a"):
    return {NAME: src.copy(name, times=True)}


def py(code):
    return "/usr/bin/python3 - <<'END'\nimport os\nN = os.environ['N']\n%s\nEND" % code


TABLE = [
    ("W1 cp", Row("", 'cp "$S/big" "$N"', makes=lambda s: {NAME: s.copy("big")})),
    ("W2 cp -p", Row("", 'cp -p "$S/a" "$N"', makes=kept)),
    ("W4 mv in", Row("", 'cp -a "$S/a" "$W/a"; mv "$W/a" "$N"; test ! -e "$W/a"', makes=kept)),
    ("W5 tar x", Row("", 'tar -xf "$S/tree.tar"', makes=lambda s: s.tree("tree"))),
    ("W6 >", Row("", 'echo x > "$N"', makes={NAME: text("x\n")})),
    ("W7 >> refused", changes("", 'echo more >> "$N"', first=OLD)),
    ("W8 cp over refused", changes("", 'cp "$S/a" "$N"', first=OLD)),
    ("W8 cp -f over refused", changes("", 'cp -f "$S/a" "$N"', first=OLD)),
    ("W9 rm refused", changes("", 'rm "$N"', first=OLD)),
    ("W9 rm -rf refused", changes("", 'rm -rf dir', first='mkdir dir; echo old > dir/f')),
    ("W10 mv inside refused", changes("", 'mv "$N" "%s"' % OTHER, first=OLD)),
    ("W10 mv into a folder refused", changes("", 'mv "$N" dir/', first=OLD + "; mkdir dir")),
    ("W10 mv out refused", changes("", 'mv "$N" "$AWAY/"', first=OLD)),
    ("W10 mv out to another filesystem refused", changes("", 'mv "$N" "$W/"', first=OLD)),
    ("W10 mv of the folder out refused", changes("", 'mv dir "$AWAY/"', first="mkdir dir; echo old > dir/f")),
    ("W12 sed -i refused, no litter", changes("", 'sed -i s/old/new/ "$N"', first=OLD, zone=(EPERM, "EEXIST"))),
    ("W13 temp and rename, once", Row("", 'echo x > f.tmp; mv f.tmp "$N"', makes={NAME: text("x\n")})),
    ("W13 temp and rename, the second gets EEXIST", changes("", py(
        "open(N + '.tmp', 'w').write('new')\ntry:\n    os.rename(N + '.tmp', N)\nexcept OSError:\n    os.unlink(N + '.tmp')\n    raise"),
        first='echo x > f.tmp; mv f.tmp "$N"', zone="EEXIST")),
    ("W15 gio copy keeps mtime", Row("", 'gio copy "$S/a" "$N"', makes=kept)),
    ("W16 touch f; echo x > f", Row("", 'touch "$N"; echo x > "$N"', makes={NAME: text("x\n")})),
    ("W16 a third write is refused", changes("", 'echo y > "$N"', first='touch "$N"; echo x > "$N"')),
]


def table_row(row):
    return one(row, world.cell(ZONE))


def cell_path(cell, name=NAME):
    return os.path.join(cell.dir, name)


def behind(cell, name=NAME):
    return world.archive.behind(cell.rel, name)


def sha(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def call(uid, fn, *args):
    if uid == ELEVATED and uid not in world.workers:
        world.workers[uid] = elevated_worker()
    return world.worker(uid).call(fn, *args)


def tries(path):
    """What write, append, truncate, unlink get."""
    return (err(try_open, path, os.O_WRONLY), err(try_open, path, os.O_RDWR | os.O_APPEND), err(os.truncate, path, 0), err(os.unlink, path))


def is_sealed(path, uids=(DC, DC2, PT)):
    for uid in uids:
        got = call(uid, tries, path)
        if got != (EPERM,) * 4:
            return "write, append, truncate, unlink by %d: %s" % (uid, got)
    if not eventually(lambda: call(DC, os.lstat, path).st_mode & 0o222 == 0, 1):
        return "shown as %o" % call(DC, os.lstat, path).st_mode
    return ""


def repeated(count, fn):
    """The first complaint of 'count' runs."""
    def run():
        for i in range(count):
            wrong = fn(i)
            if wrong:
                return "run %d of %d: %s" % (i + 1, count, wrong)
        return ""
    return run


def start(uid, argv, env, cwd):
    def prepare():
        for each in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):  # nohup and shells pass them on ignored
            signal.signal(each, signal.SIG_DFL)
        become(uid)
        os.chdir(cwd)
    return subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prepare)


# ------------------------------------------------------------------------------------------------------------------ W3, W11, W14

def w3_tree(_i):
    cell = world.cell(ZONE)
    return one(Row("", 'cp -a "$S/tree" .', makes=lambda s: s.tree("tree")), cell)


def touched(path, when):
    os.utime(path, (when, when))


def as_it_is(path):
    """Metadata calls that change nothing."""
    st = os.stat(path)
    os.chmod(path, stat.S_IMODE(st.st_mode))
    os.chown(path, st.st_uid, st.st_gid)
    os.chown(path, -1, -1)
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))


def w11_begin():
    cell = world.cell(ZONE)
    made = cell.run('echo old > "$N"; touch -d 2001-01-01 "$N"; rsync -a "$S/tree" .')
    return cell, made.errors, time.monotonic()


def w11_end(begun):
    cell, errors, since = begun
    if errors:
        return errors
    time.sleep(max(0, 61 - (time.monotonic() - since)))
    path = cell_path(cell)
    got = [err(call, DC, touched, path, 978307200 + 5), err(call, DC, os.chmod, path, 0o755), err(call, DC, os.setxattr, path, "user.x", b"1"),
           err(call, DC2, touched, path, 5), err(call, PT, touched, path, 5)]
    if got != [EPERM] * 5:
        return "touch, chmod +x, setxattr, touch by others after 60 s: %s" % got
    if cell.run('touch "$N"').status == 0:
        return "touch succeeds"
    quiet = [err(call, uid, as_it_is, path) for uid in (DC, DC2, PT)]
    if quiet != [""] * 3:
        return "calls that change nothing: %s" % quiet
    again = cell.run('rsync -a "$S/tree" .; chmod --reference="$N" "$N"')
    return again.errors or is_sealed(path)


def w14_vim():
    import editors
    rows = [r for r in editors.ROWS if r.name in ("vim: a new file, :wq", "vim: :wq on existing", "vim: :wq! on existing")]
    for row in rows:
        wrong = one(row, world.cell(ZONE))
        if wrong:
            return "%s: %s" % (row.name, wrong)
    return "" if len(rows) == 3 else "rows are missing"


# ------------------------------------------------------------------------------------------------------------- W17, W20: torn copies

class HalfCopy:
    """A real program of DC's that has copied a part of a file and cannot go on before the rest is fed to it."""

    PYTHON = "import os, sys\na, b = os.open(sys.argv[1], os.O_RDONLY), os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_EXCL)\nwhile os.write(b, os.read(a, 4096)): pass"
    PROGRAMS = [["cp", "FIFO", "DEST"], ["dd", "if=FIFO", "of=DEST", "bs=4096", "status=none"], ["sh", "-c", 'exec cat "$0" > "$1"', "FIFO", "DEST"],
                ["sh", "-c", 'exec tee "$1" < "$0"', "FIFO", "DEST"], ["/usr/bin/python3", "-c", PYTHON, "FIFO", "DEST"]]

    def __init__(self, cell, kind):
        self.cell, self.fifo, self.dest = cell, os.path.join(cell.work, "fifo"), cell_path(cell)
        os.mkfifo(self.fifo, 0o644)
        argv = [{"FIFO": self.fifo, "DEST": self.dest}.get(a, a.replace("=FIFO", "=" + self.fifo).replace("=DEST", "=" + self.dest)) for a in self.PROGRAMS[kind % 5]]
        self.p = start(DC, argv, cell.env(), cell.work)
        self.feed = os.open(self.fifo, os.O_WRONLY)
        os.write(self.feed, b"part " * 8000)
        if not eventually(lambda: os.path.exists(behind(cell)) and os.path.getsize(behind(cell)) > 0, 10, 0.001):
            self.kill(signal.SIGKILL)
            raise RuntimeError("%s does not begin" % argv)

    def kill(self, sig):
        os.kill(self.p.pid, sig)
        self.p.wait(10)
        os.close(self.feed)

    def end(self):
        os.close(self.feed)
        return self.p.wait(10)


def torn_then_copied(cell, how):
    """A torn file: only its maker may take it away or write it anew; then it is a copy like any other."""
    path = cell_path(cell)
    # the release that makes it torn comes a moment after the death of its writer
    eventually(lambda: call(DC, state, path) == "torn", 2)
    if call(DC, state, path) != "torn":
        return "is %s, not torn" % call(DC, state, path)
    other = call(DC2, tries, path)
    if "" in other:
        return "somebody else may change the torn file: %s" % (other,)
    script = 'rm "$N"; test ! -e "$N"; cp "$S/big" "$N"' if how % 2 == 0 else 'cp "$S/big" "$N"'
    r = cell.run(script)
    if r.status or r.errors:
        return "%s: exit %d: %s" % (script, r.status, r.errors)
    if sha(behind(cell)) != world.src.all["big"].data:
        return "other bytes after copying again"
    if sorted(cell.see()) != [NAME]:
        return "litter %s" % sorted(cell.see())
    return is_sealed(path)


def state(path):
    try:
        return os.getxattr(path, "user.zddc.state").decode().split()[0]
    except OSError as e:
        return errno.errorcode[e.errno]


def w17_killed(i):
    cell = world.cell(ZONE)
    half = HalfCopy(cell, i)
    # dd catches SIGINT and closes its file: that is a normal end
    half.kill(signal.SIGKILL if i % 5 == 1 else (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)[i % 4])
    return torn_then_copied(cell, i)


def w17_real_cp(i):
    """cp of a large file, killed at a random moment: torn, or whole and sealed, or not begun."""
    cell = world.cell(ZONE)
    p = start(DC, ["cp", world.large, cell_path(cell)], cell.env(), cell.work)
    eventually(lambda: os.path.exists(behind(cell)), 5, 0.0005)
    time.sleep(RANDOM.random() * 0.02)
    p.send_signal(signal.SIGKILL)
    whole = p.wait(10) == 0
    if whole:
        return "" if sha(behind(cell)) == world.large_sha else "cp says 0, other bytes"
    if not os.path.exists(behind(cell)) or os.path.getsize(behind(cell)) == 0:
        r = cell.run('rm -f "$N"; cp "$S/a" "$N"')
        return r.errors
    if os.path.getsize(behind(cell)) == os.path.getsize(world.large):  # killed after its last write
        r = cell.run('rm -f "$N" 2> /dev/null || cmp "$N" "%s"' % world.large)
        return r.errors
    return torn_then_copied(cell, i)


def w20_daemon_killed(i):
    cell = world.cell(ZONE)
    sealed = cell.run('cp "$S/a" before').errors
    half = HalfCopy(cell, i)
    world.archive.kill()
    try:
        os.write(half.feed, b"more " * 2000)
    except BrokenPipeError:
        pass  # it has died of the dead mount already
    half.end()
    world.archive.mount()
    if sealed or is_sealed(cell_path(cell, "before")):
        return "what was sealed before: %s" % (sealed or is_sealed(cell_path(cell, "before")))
    wrong = torn_then_copied_beside(cell, i)
    return wrong


def torn_then_copied_beside(cell, how):
    path = cell_path(cell)
    if call(DC, state, path) != "torn":
        return "is %s after the remount, not torn" % call(DC, state, path)
    r = cell.run('rm "$N"; cp "$S/big" "$N"' if how % 2 == 0 else 'cp "$S/big" "$N"')
    if r.status or r.errors:
        return "copying again: exit %d: %s" % (r.status, r.errors)
    return is_sealed(path) if sha(behind(cell)) == world.src.all["big"].data else "other bytes after copying again"


def restart(env=None):
    """A clean stop, and the next daemon."""
    status = world.archive.umount()
    if status:
        raise RuntimeError("stopping the daemon: %s" % status)
    world.archive.mount(env=env)


# ----------------------------------------------------------------------------------------------------------------- W18: two makers

def create_at(path, moment, data):
    while time.monotonic() < moment:
        pass
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, data)
    os.close(fd)
    return True


def w18_two_makers(_i):
    cell = world.cell(ZONE)
    moment, got = time.monotonic() + 0.004, {}
    def make(uid, data):
        got[uid] = err(call, uid, create_at, cell_path(cell), moment, data)
    threads = [threading.Thread(target=make, args=(uid, data)) for uid, data in ((DC, b"one\n"), (DC2, b"two\n"))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if sorted(got.values()) != ["", "EEXIST"]:
        return "%s" % got
    with open(behind(cell), "rb") as f:
        data = f.read()
    winner = [uid for uid in got if not got[uid]][0]
    return is_sealed(cell_path(cell)) if data == {DC: b"one\n", DC2: b"two\n"}[winner] else "holds %r" % data


# --------------------------------------------------------------------------------------------------------------- W19: root, by hand

def w19_root():
    cell = world.cell(ZONE)
    cell.run('echo old > "$N"; mkdir dir; echo old > dir/f')
    before, was = sha(behind(cell)), names_behind(world.archive.back)
    for script in ('echo x > "$F"', 'echo x >> "$F"', ': > "$F"', 'rm "$F"', 'rm -r "$D"', 'mv "$F" "$F.x"', 'mv "$F" /tmp/', 'mv "$D" "$D.x"', 'chmod 777 "$F"', 'chown 0:0 "$F"',
                   'touch -d 2001-01-01 "$F"', 'truncate -s 0 "$F"', 'cp /etc/passwd "$F"', 'ln "$F" "$F.x"', 'sed -i s/o/x/ "$F"', 'echo x > "$D/new"', 'mkdir "$D/new"',
                   'setfattr -n user.x -v 1 "$F"', 'chattr +i "$F"', 'chattr -i "$F"'):
        r = world.run(0, script, F=cell_path(cell), D=cell.dir)
        if r.status == 0:
            return "%s: exit 0" % script
        if sha(behind(cell)) != before or names_behind(world.archive.back) != was:
            return "%s: changed" % script
    return is_sealed(cell_path(cell))


# ------------------------------------------------------------------------------------------------------ W21, W22: while it is written

class Holder:
    """fn(path, ready, go) in a child of 'uid': it says when it is ready, step by step, and goes on when it is told."""

    def __init__(self, uid, fn, path):
        self.ready, ready = os.pipe()
        go, self.go = os.pipe()
        self.child = Child(uid, fn, path, ready, go)
        os.close(ready)
        os.close(go)

    def wait_ready(self):
        if not os.read(self.ready, 1):
            self.end()
            raise RuntimeError("the child has ended")

    def step(self):
        try:
            os.write(self.go, b"g")
        except BrokenPipeError:
            pass

    def end(self):
        """It finishes; its exception is raised here."""
        self.step()
        os.close(self.go)
        os.close(self.ready)
        self.child.wait()


def mapped_writer(path, ready, go):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    os.ftruncate(fd, 8192)
    m = mmap.mmap(fd, 8192)
    os.close(fd)
    os.write(ready, b"r")
    os.read(go, 1)
    m[4096:4101] = b"later"
    m.close()


def w21_mapped(_i):
    cell = world.cell(ZONE)
    path = cell_path(cell)
    holder = Holder(DC, mapped_writer, path)
    holder.wait_ready()
    try:
        got = call(DC2, tries, path), call(DC, tries, path)
        if "" in got[0] or "" in got[1]:
            return "while mapped, changes by somebody else and by its maker: %s" % (got,)
        if call(DC, state, path) == "sealed":
            return "sealed while it is mapped for writing"
    finally:
        holder.end()
    want = b"\0" * 4096 + b"later" + b"\0" * (4096 - 5)
    if not eventually(lambda: call(DC, state, path) == "sealed", 2):
        return "is %s afterwards" % call(DC, state, path)
    with open(behind(cell), "rb") as f:
        if f.read() != want:
            return "what was written by the mapping is lost"
    return is_sealed(path)


def slow_writer(path, ready, go):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    for piece in range(4):
        os.write(fd, b"%d" % piece * 1000)
        os.write(ready, b"r")
        os.read(go, 1)
    os.close(fd)


def read_all(path):
    with open(path, "rb") as f:
        return f.read()


def inflight(place):
    return read_all(os.path.join(place, ".zddc.d/inflight")).decode()


def w22_reader():
    cell = world.cell(ZONE)
    path = cell_path(cell)
    holder, seen, wrong = Holder(DC, slow_writer, path), [], ""
    try:
        for piece in range(4):
            holder.wait_ready()
            data = call(PT, read_all, path)
            seen.append((len(data), call(PT, os.stat, path).st_size, data[-1:]))
            if NAME not in call(AUD, inflight, cell.dir):
                wrong = "inflight does not list what is being written: %r" % call(AUD, inflight, cell.dir)
            if call(DC, state, path) != "open":
                wrong = "is %s while it is being written" % call(DC, state, path)
            holder.step()
    finally:
        holder.end()
    if seen != [((n + 1) * 1000, (n + 1) * 1000, b"%d" % n) for n in range(4)]:
        return "the reader saw %s" % seen
    if not wrong and not eventually(lambda: NAME not in call(AUD, inflight, cell.dir), 3):
        wrong = "inflight still lists it: %r" % call(AUD, inflight, cell.dir)
    return wrong or is_sealed(path)


# -------------------------------------------------------------------------------------------------------------------- W23: the clock

def w23_clock():
    """The daemon under libfaketime, its clock moved by a file: two hours on, then three back."""
    library = [p for p in FAKETIME if os.path.exists(p)]
    if not library:
        return "libfaketime is not installed"
    clock = os.path.join(world.base, "clock")

    def set_clock(offset):
        with open(clock + ".new", "w") as f:
            f.write("%+ds\n" % offset)
        os.rename(clock + ".new", clock)
    set_clock(0)
    env = dict(os.environ, LD_PRELOAD=library[0], FAKETIME_TIMESTAMP_FILE=clock, FAKETIME_NO_CACHE="1", FAKETIME_DONT_FAKE_MONOTONIC="1")
    restart(env)
    try:
        cell = world.cell(ZONE)
        path, empty = cell_path(cell), cell_path(cell, "empty")
        r = cell.run('echo old > "$N"; touch empty; touch -d 2001-01-01 "$N"')
        if r.errors:
            return r.errors
        set_clock(7200)
        late = err(call, DC, touched, path, 5), err(call, DC, try_open, empty, os.O_WRONLY), err(call, DC, os.unlink, empty)
        if late != (EPERM,) * 3:
            return "two hours on, touch, write of the empty one, unlink of it: %s" % (late,)
        set_clock(-3600)
        back = err(call, DC, touched, path, 5), err(call, DC, try_open, empty, os.O_WRONLY), err(call, DC, os.unlink, empty)
        if back != (EPERM,) * 3:
            return "an hour back, touch, write of the empty one, unlink of it: %s" % (back,)
        if is_sealed(path):
            return is_sealed(path)
        restart(env)
        again = err(call, DC, touched, path, 5), err(call, DC, try_open, empty, os.O_WRONLY), err(call, DC, os.unlink, empty)
        return "" if again == (EPERM,) * 3 else "an hour back and mounted again: %s" % (again,)
    finally:
        restart()


# ---------------------------------------------------------------------------------------------------- W24: every mutating request

def with_fd(flags, fn):
    def run(path, side):
        fd = os.open(path, flags)
        try:
            fn(fd, path, side)
        finally:
            os.close(fd)
    return run


def by_proc(path, side):
    """Opened for reading, opened again for writing by way of /proc."""
    with open(path, "rb") as f:
        fd = os.open("/proc/self/fd/%d" % f.fileno(), os.O_RDWR)
        os.write(fd, b"x")
        os.close(fd)


def by_path_fd(path, side):
    at = os.open(path, os.O_PATH)
    try:
        fd = os.open("/proc/self/fd/%d" % at, os.O_WRONLY)
        os.write(fd, b"x")
        os.close(fd)
    finally:
        os.close(at)


def mapped_write(path, side):
    with open(path, "rb") as f:
        mmap.mmap(f.fileno(), 1, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


def set_flags(path, side):
    """FS_IOC_SETFLAGS: immutable, append-only, no-copy-on-write."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, 0x40086602, struct.pack("l", 0x20))
    finally:
        os.close(fd)


def clone_into(path, side):
    into, source = os.open(path, os.O_RDWR), os.open(side, os.O_RDONLY)
    fcntl.ioctl(into, 0x40049409, source)


def range_into(path, side):
    into, source = os.open(path, os.O_RDWR), os.open(side, os.O_RDONLY)
    os.copy_file_range(source, into, 4)


def temporary_linked_over(path, side):
    fd = os.open(os.path.dirname(path), os.O_TMPFILE | os.O_RDWR, 0o644)
    os.write(fd, b"new")
    os.link("/proc/self/fd/%d" % fd, path, follow_symlinks=True)


def punch(fd, path, side):
    if libc.fallocate(fd, 3, ctypes.c_long(0), ctypes.c_long(4096)):
        e = ctypes.get_errno()
        raise OSError(e, os.strerror(e))


def direct_write(path, side):
    fd = os.open(path, os.O_WRONLY | os.O_DIRECT)
    os.pwrite(fd, mmap.mmap(-1, 4096), 0)


def acl(path, side):
    os.setxattr(path, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", t, p, 0xFFFFFFFF) for t, p in ((1, 7), (4, 7), (32, 7))))


def rename_over(path, side):
    os.rename(side, path)


def plain_write(fd, path, side):
    os.write(fd, b"x")


MUTATING = {
    "open O_WRONLY, write": with_fd(os.O_WRONLY, plain_write),
    "open O_RDWR, write": with_fd(os.O_RDWR, plain_write),
    "open O_APPEND, write": with_fd(os.O_WRONLY | os.O_APPEND, plain_write),
    "open O_WRONLY|O_TRUNC": lambda p, s: try_open(p, os.O_WRONLY | os.O_TRUNC),
    "open O_RDONLY|O_TRUNC": lambda p, s: try_open(p, os.O_RDONLY | os.O_TRUNC),
    "open O_CREAT|O_TRUNC": lambda p, s: try_open(p, os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
    "open O_CREAT|O_EXCL": lambda p, s: try_open(p, os.O_WRONLY | os.O_CREAT | os.O_EXCL),
    "open O_DIRECT, write": direct_write,
    "open again by /proc/self/fd": by_proc,
    "open by O_PATH and /proc/self/fd": by_path_fd,
    "mmap shared, writable": mapped_write,
    "truncate to 0": lambda p, s: os.truncate(p, 0),
    "truncate longer": lambda p, s: os.truncate(p, 1 << 20),
    "ftruncate": with_fd(os.O_RDWR, lambda fd, p, s: os.ftruncate(fd, 0)),
    "fallocate": with_fd(os.O_RDWR, lambda fd, p, s: os.posix_fallocate(fd, 0, 1 << 20)),
    "fallocate punch hole": with_fd(os.O_RDWR, punch),
    "copy_file_range into": range_into,
    "FICLONE into": clone_into,
    "O_TMPFILE and link over": temporary_linked_over,
    "utimens": lambda p, s: os.utime(p, (5, 5)),
    "utimens now": lambda p, s: os.utime(p),
    "chmod": lambda p, s: os.chmod(p, 0o777),
    "chown": lambda p, s: os.chown(p, 61099, 61099),
    "setxattr user.*": lambda p, s: os.setxattr(p, "user.x", b"1"),
    "setxattr user.zddc.state": lambda p, s: os.setxattr(p, "user.zddc.state", b"open"),
    "removexattr user.zddc.sha256": lambda p, s: os.removexattr(p, "user.zddc.sha256"),
    "removexattr user.*": lambda p, s: os.removexattr(p, "user.color"),
    "setxattr of an access ACL": acl,
    "FS_IOC_SETFLAGS": set_flags,
    "unlink": lambda p, s: os.unlink(p),
    "rename in its folder": lambda p, s: os.rename(p, p + ".x"),
    "rename to a transient name": lambda p, s: os.rename(p, p + ".tmp"),
    "rename elsewhere": lambda p, s: os.rename(p, s + ".away"),
    "rename over it": rename_over,
    "rename over it, NOREPLACE": lambda p, s: renameat2(s, p, 1),
    "rename EXCHANGE with it": lambda p, s: renameat2(p, s, 2),
    "rename EXCHANGE from the other side": lambda p, s: renameat2(s, p, 2),
    "link": lambda p, s: os.link(p, p + ".x"),
    "link over it": lambda p, s: os.link(s, p),
    "symlink over it": lambda p, s: os.symlink("x", p),
    "mknod over it": lambda p, s: os.mknod(p),
    "mkdir over it": lambda p, s: os.mkdir(p),
    "rmdir of its folder": lambda p, s: os.rmdir(os.path.dirname(p)),
    "rename of its folder": lambda p, s: os.rename(os.path.dirname(p), os.path.dirname(p) + "x"),
}
# a session that elevated on this mount; what it may with a folder above a sealed file is W25's and tests/mount/elevate.py's
ELEVATED = "elevated"
WHO = {"its maker": DC, "another controller": DC2, "an engineer": PT, "an un-elevated administrator": ADMIN, "root": 0}


def elevated_worker():
    w = Worker(ADMIN)
    w.call(os.setsid)
    w.call(elevate_here, world.archive.mnt)
    return w


def elevate_here(mnt):
    fd = os.open(os.path.join(mnt, ".zddc.d/ctl"), os.O_WRONLY)
    os.write(fd, b"elevate --for 60m --reason W24")
    os.close(fd)


def mutate(name, path, side):
    MUTATING[name](path, side)


def w24_begin():
    cell = world.cell(ZONE)
    made = cell.run('cp -a "$S/a" "$N"')
    return cell, made.errors, time.monotonic()


def w24_every_request(begun, age):
    """The maker last: for 60 s it may change times, mode and attributes, which the others would see."""
    cell, errors, since = begun or w24_begin()
    if errors:
        return errors
    if age:
        time.sleep(max(0, age - (time.monotonic() - since)))
    path, wrong = cell_path(cell), []
    want = snapshot(world.archive.behind(cell.rel))
    for who, uid in [("an elevated administrator", ELEVATED)] + list(reversed(WHO.items())):
        side = os.path.join(cell.dir, "side.tmp") if uid in (DC, DC2, ELEVATED) else os.path.join(world.base, "side-%d" % uid)
        err(call, uid, put, side)
        wrong += tried(cell, path, side, uid, who, want, GRACE if uid == DC and not age else ())
        err(call, uid, os.unlink, side)
    return "; ".join(wrong)


def put(path):
    with open(path, "w") as f:
        f.write("from the side\n")


# what the maker may set for 60 s; the bytes are out of reach at once
GRACE = ("utimens", "utimens now", "chmod", "chown", "setxattr user.*", "removexattr user.*", "setxattr of an access ACL")


# success without effect, for the shown owner, for ever
QUIET = ("setxattr of an access ACL",)


def tried(cell, path, side, uid, who, want, may):
    wrong = []
    for name in MUTATING:
        if uid == ELEVATED and name == "rename of its folder":
            continue
        got = err(call, uid, mutate, name, path, side)
        if not got and name not in may and not (uid == DC and name in QUIET):
            wrong.append("%s, %s: succeeds" % (who, name))
        now = snapshot(world.archive.behind(cell.rel))
        now.pop("side.tmp", None)
        bytes_same = set(now) == set(want) and all(now[n].data == want[n].data for n in want)
        if not bytes_same or not (may or all(now[n].same(want[n]) for n in want)):
            wrong.append("%s, %s (%s): changed %s" % (who, name, got, sorted(now)))
            return wrong
    return wrong


# --------------------------------------------------------------------------------------------------------------- W25: its ancestors

def w25_ancestors():
    cell = world.cell(ZONE)
    r = cell.run('mkdir -p one/two/three; echo old > one/two/three/f')
    if r.errors:
        return r.errors
    wrong = []
    for depth in ("one/two/three", "one/two", "one", "."):
        wrong += moves(os.path.normpath(os.path.join(cell.dir, depth)))
    for place in (ACME + "/received", ACME, "P/archive", "P"):
        wrong += moves(world.archive.at(place))
    return "; ".join(wrong)


def moves(path):
    """Nobody moves it to another parent, wherever that is; where it goes there is always a folder of theirs."""
    wrong = []
    was = names_behind(world.archive.back)
    for who, uid in WHO.items():
        for target in (world.archive.at(ACME, "incoming/away", "moved"), world.archive.at(ACME, "working/pt/away", "moved"), world.archive.at(ACME, "staging", "moved"),
                       world.archive.at(ACME, "issued", "123456-EM-SUB-9998"), world.archive.at("P/lane/moved"), world.archive.at("moved")):
            if not (target + "/").startswith(path + "/") and os.path.dirname(target) != os.path.dirname(path) and not err(call, uid, os.rename, path, target):
                wrong.append("%s moves %s to %s" % (who, path, target))
    return wrong if names_behind(world.archive.back) == was else wrong + ["%s: names changed" % path]


# ------------------------------------------------------------------------------------------------------------------ W26: still open

def hold_descriptor(path, ready, go):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, b"held\n")
    os.write(ready, b"r")
    os.read(go, 1)
    os.close(fd)


def hold_dup(path, ready, go):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    other = os.dup(fd)
    os.write(fd, b"held\n")
    os.close(fd)
    os.write(ready, b"r")
    os.read(go, 1)
    os.close(other)


def hold_fork(path, ready, go):
    """A child of the writer holds it, the writer has closed it."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, b"held\n")
    pid = os.fork()
    if pid == 0:
        os.read(go, 1)
        os._exit(0)
    os.close(fd)
    os.write(ready, b"r")
    os.waitpid(pid, 0)


def hold_mapping(path, ready, go):
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
    os.write(fd, b"held\n")
    m = mmap.mmap(fd, 5)
    os.close(fd)
    os.write(ready, b"r")
    os.read(go, 1)
    m[0:4] = b"held"
    m.close()


HOLDERS = [hold_descriptor, hold_dup, hold_fork, hold_mapping]


def w26_busy(i):
    """One after the other: each way of holding it, alone and in a folder."""
    holder, in_folder = HOLDERS[i % 4], i // 4 % 2
    staging, name = world.archive.at(ACME, "staging"), "busy-%d" % i
    if in_folder:
        call(PT, os.mkdir, os.path.join(staging, name))
    path = os.path.join(staging, name, "deep" if in_folder else "")
    path = path.rstrip("/")
    target = world.archive.at(ACME, "received", name)
    held = Holder(PT, holder, path)
    held.wait_ready()
    try:
        got = err(call, DC, os.rename, os.path.join(staging, name), target)
        told = call(DC, read_all, world.archive.at(".zddc.d/last-error")).decode()
    finally:
        held.end()
    if got != "EBUSY":
        return "%s, %s: %r" % (holder.__name__, "in a folder" if in_folder else "alone", got)
    if not told.strip():
        return "last-error is silent"
    late = []
    if not eventually(lambda: not late.append(err(call, DC, os.rename, os.path.join(staging, name), target)) and not late[-1], 2, 0.005):
        return "after the release: %s" % late[-1]
    return is_sealed(os.path.join(target, "deep") if in_folder else target)


# ------------------------------------------------------------------------------------------------------------ W27: not torn, however

THREADED = """
import os, sys, threading, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
os.write(fd, b"whole\\n")
for _ in range(8):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
%s
"""
NORMAL = {
    "a threaded program that exits without closing": THREADED % "os._exit(0)",
    "the same, with another exit status": THREADED % "os._exit(3)",
    "the same, exiting from another thread": THREADED % "threading.Thread(target=os._exit, args=(0,)).start()\ntime.sleep(60)",
    "the same, by sys.exit": THREADED % "sys.exit(0)",
    "threads that write": THREADED % ("ts = [threading.Thread(target=os.pwrite, args=(fd, b'whole\\n', 0)) for _ in range(8)]\n"
                                      "[t.start() for t in ts]\n[t.join() for t in ts]\nos._exit(0)"),
}


def w27_normal(_i):
    for name, code in NORMAL.items():
        cell = world.cell(ZONE)
        r = cell.run(["/usr/bin/python3", "-c", code, cell_path(cell)])
        if r.errors:
            return r.errors
        wrong = finished(cell, b"whole\n")
        if wrong:
            return "%s: %s" % (name, wrong)
    return ""


def finished(cell, data):
    if not eventually(lambda: call(DC, state, cell_path(cell)) == "sealed", 2):
        return "is %s, not sealed" % call(DC, state, cell_path(cell))
    with open(behind(cell), "rb") as f:
        got = f.read()
    return is_sealed(cell_path(cell)) if got == data else "holds %r" % got


def w27_subshell(_i):
    cell = world.cell(ZONE)
    r = cell.run('mkfifo "$W/fifo"; exec 9<> "$W/fifo"; (timeout 1 cat < "$W/fifo" || true; echo done) > "$N"')
    return r.errors or finished(cell, b"done\n")


def w27_killed_child(_i):
    """A child that inherited the descriptor is killed; the one that made the file ends well, later."""
    cell = world.cell(ZONE)
    r = cell.run('(echo a; sh -c "kill -9 \\$\\$" || true; echo b) > "$N"')
    return (r.errors if "Killed" not in r.errors else "") or finished(cell, b"a\nb\n")


# --------------------------------------------------------------------------------------------------------------------------- the suite

SUITE = [(name, table_row, (row,), AFTER) for name, row in TABLE] + [
    ("W3 cp -a of a tree, %d times" % LOOPS, repeated(LOOPS, w3_tree), (), AFTER),
    ("W14 vim", w14_vim, (), AFTER),
    ("W17 a copy killed midway is torn, %d times" % LOOPS, repeated(LOOPS, w17_killed), (), AFTER),
    ("W17 cp killed at random, %d times" % LOOPS, repeated(LOOPS, w17_real_cp), (), AFTER),
    ("W18 two processes make one name, %d times" % LOOPS, repeated(LOOPS, w18_two_makers), (), AFTER),
    ("W19 as root every change is refused", w19_root, (), AFTER),
    ("W20 the daemon killed during a copy, %d times" % LOOPS, repeated(LOOPS, w20_daemon_killed), (), AFTER),
    ("W21 a mapped writer that closed its descriptor", repeated(5, w21_mapped), (), AFTER),
    ("W22 a reader during the write", w22_reader, (), AFTER),
    ("W23 the clock set back", w23_clock, (), AFTER),
    ("W24 %d requests by %d callers, just sealed" % (len(MUTATING), len(WHO) + 1), w24_every_request, (None, 0), AFTER),
    ("W25 an ancestor to another parent", w25_ancestors, (), BEFORE),
    ("W26 still open for writing is EBUSY, %d times" % LOOPS, repeated(LOOPS, w26_busy), (), AFTER),
    ("W27 normal exits are not torn", repeated(3, w27_normal), (), AFTER),
    ("W27 (timeout 1 cat; echo done) > f", repeated(2, w27_subshell), (), AFTER),
    ("W27 a killed child of the writer", repeated(3, w27_killed_child), (), AFTER),
]

world = World()
world.large = os.path.join(world.base, "large")
with open(world.large, "wb") as large:
    large.write(os.urandom(24 << 20))
os.chmod(world.large, 0o644)
world.large_sha = sha(world.large)
print("seed %d" % SEED)
sealing = "zone" in asked()
slow = (w11_begin(), w24_begin()) if sealing else None
for title, test, given, before in SUITE:
    if sealing or before == BEFORE:
        line(title, test, *given)
if sealing:
    line("W11 touch after 60 s", w11_end, slow[0])
    line("W24 %d requests by %d callers, sealed for 60 s" % (len(MUTATING), len(WHO) + 1), w24_every_request, slow[1], 61)
world.close()
T.finish()
