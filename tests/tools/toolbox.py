# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tool tests share: the three places of the acceptance table, rows, and what must hold after each.

A row is one line of the table: a shell script (or a function) run as a real user in a directory of its own, once for each column:

  home    the caller's own auto-owned directory             (rwcda)
  cr      a drop lane: staging/, in a directory of others   (c and r)
  zone    write-once, the caller listed in worm:            (received/ with naming: off, a directory that somebody else made)
  issued  the same in issued/ as it ships, where names must conform: rows marked "named" (runs with zone)

After a row that must work: exit status 0, nothing on standard error, exactly the promised names (through the mount, and behind it
outside .zddc.d), bytes, execute bits and times, shown modes, and in lanes and zones the new files refuse their maker. After a row
that must be refused: non-zero, the right error text, and nothing at all has changed, in either view.

TOOLS_COLUMNS=home,cr,zone picks columns; "native" is a plain directory without any mount: it proves the expectations themselves.
"""
import hashlib
import os
import signal
import stat
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "mount"))

from harness import (ADMIN, AUD, DC, DC2, PARTY_ZDDC, PEOPLE, PT, PT2, ROOT, ROOT_ZDDC, Accounts, Archive, Child, T, Worker, become,  # noqa: E402, F401
                     err, eventually, libc, renameat2, umount2)

# the columns that run when nothing is asked for
DEFAULT_COLUMNS = "home,cr,zone"
LOOPS = 200 if os.environ.get("FULL", "") not in ("", "0") else 20

ACME = "P/archive/Acme"
NAME = "123456-EL-SPC-2623_A (IFR) - Spec.pdf"
EXEC = 0o111
SILENT = object()
OK, EACCES, EPERM, FAILS = "", "EACCES", "EPERM", "fails"
TEXTS = {"EACCES": "Permission denied", "EPERM": "Operation not permitted", "EEXIST": "File exists"}
TREE = {
    ".zddc": ROOT_ZDDC, ACME + "/.zddc": PARTY_ZDDC, ACME + "/staging/": None, ACME + "/working/": None, ACME + "/incoming/": None,
    ACME + "/received/.zddc": "naming: \"off\"\n", ACME + "/issued/": None,
    "P/lane/.zddc": "acl: {permissions: {\"*@example.com\": cr}}\n",
}


class Column:
    def __init__(self, name, uid, maker, place, refused):
        self.name, self.uid, self.maker, self.place, self.refused = name, uid, maker, place, refused

    @property
    def key(self):
        """The column of the table: what is expected."""
        return {"issued": "zone", "native": "home"}.get(self.name, self.name)


COLUMNS = [
    Column("native", PT, PT, None, OK),
    Column("home", PT, PT, ACME + "/working/pt", OK),
    Column("cr", PT, DC, ACME + "/staging", EACCES),
    Column("zone", DC, DC2, ACME + "/received", EPERM),
    Column("issued", DC, DC2, ACME + "/issued", EPERM),
]


# where each caller may put what they take away: nothing there forbids it
AWAYS = {PT: ACME + "/working/pt/away", DC: ACME + "/incoming/away"}


def asked():
    return (os.environ.get("TOOLS_COLUMNS") or DEFAULT_COLUMNS).split(",")


def columns():
    want = asked()
    return [c for c in COLUMNS if c.name in want or (c.name == "issued" and "zone" in want)]


# ------------------------------------------------------------------------------------------------------------- what a place holds

class Entry:
    """One name of a snapshot. 'data' is the SHA-256 of a file or the target of a symlink."""

    def __init__(self, path, st):
        self.kind, self.mode, self.size, self.mtime = stat.S_IFMT(st.st_mode), stat.S_IMODE(st.st_mode), st.st_size, st.st_mtime_ns
        self.data, self.ino = None, st.st_ino
        if stat.S_ISLNK(st.st_mode):
            self.data = os.readlink(path)
        elif stat.S_ISREG(st.st_mode):
            with open(path, "rb") as f:
                self.data = hashlib.sha256(f.read()).hexdigest()

    def same(self, other):
        """Nothing about the entry changed; times and sizes of directories are not the entry's own."""
        mine = (self.kind, self.mode, self.data) + (() if self.kind == stat.S_IFDIR else (self.mtime, self.size))
        theirs = (other.kind, other.mode, other.data) + (() if other.kind == stat.S_IFDIR else (other.mtime, other.size))
        return mine == theirs


def snapshot(base):
    """name -> Entry of everything below 'base', as the caller sees it."""
    out, todo = {}, [""]
    while todo:
        where = todo.pop()
        for name in os.listdir(os.path.join(base, where)):
            rel = os.path.join(where, name)
            st = os.lstat(os.path.join(base, rel))
            out[rel] = Entry(os.path.join(base, rel), st)
            if stat.S_ISDIR(st.st_mode):
                todo.append(rel)
    return out


def names_behind(back):
    """Every name of the backing tree outside .zddc.d."""
    out = set()
    for where, dirs, files in os.walk(back):
        dirs[:] = [d for d in dirs if d != ".zddc.d"]
        out.update(os.path.relpath(os.path.join(where, n), back) for n in dirs + files)
    return out


def mkdir_in(path):
    os.mkdir(path)


def try_open(path, flags):
    os.close(os.open(path, flags))


def try_refused(path):
    """(errno of opening for writing, of appending, of unlinking): what the maker of a finished file gets."""
    return (err(try_open, path, os.O_WRONLY), err(try_open, path, os.O_WRONLY | os.O_APPEND), err(os.unlink, path))


# ---------------------------------------------------------------------------------------------------------------------- wanted

class Want:
    """What a new name must be. None: not looked at."""

    def __init__(self, kind=stat.S_IFREG, data=None, size=None, mtime=None, exec_bits=None, any_data=False):
        self.kind, self.data, self.size, self.mtime, self.exec_bits, self.any_data = kind, data, size, mtime, exec_bits, any_data

    def wrong(self, got):
        if got.kind != self.kind:
            return "is of kind %o" % got.kind
        if not self.any_data and self.data is not None and got.data != self.data:
            return "has other bytes (%d)" % got.size
        if self.mtime is not None and got.mtime != self.mtime:
            return "mtime %s, want %s" % (got.mtime / 1e9, self.mtime / 1e9)
        if self.exec_bits is not None and self.kind == stat.S_IFREG and got.mode & EXEC != self.exec_bits:
            return "mode %o, want execute bits %o" % (got.mode, self.exec_bits)
        return ""


def text(data):
    data = data if isinstance(data, bytes) else data.encode()
    return Want(data=hashlib.sha256(data).hexdigest(), size=len(data), exec_bits=0)


def folder(mtime=None):
    return Want(kind=stat.S_IFDIR, mtime=mtime)


def anything():
    return Want(any_data=True)


def _want(entry, times, bits):
    mtime = entry.mtime if times else None
    return Want(entry.kind, entry.data, entry.size, mtime, entry.mode & EXEC if bits else None)


class Sources:
    """Files to copy from: readable by all, owned by root, with times of long ago (even seconds: zip keeps no more)."""

    FILES = {
        "a": (b"alpha\n", 0o644), "big": (None, 0o640), "run": (b"#!/bin/sh\necho run\n", 0o755), "ro": (b"read only\n", 0o444),
        "empty": (b"", 0o644), "tree/one": (b"one\n", 0o644), "tree/run": (b"#!/bin/sh\n", 0o755), "tree/ro": (b"ro\n", 0o444),
        "tree/none": (b"", 0o600), "tree/sub/two two": (b"22\n", 0o640), "tree/sub/deep/thr\u00e9\u00e9": (None, 0o664),
    }

    def __init__(self, base):
        self.dir = os.path.join(base, "src")
        os.makedirs(os.path.join(self.dir, "tree/sub/deep"))
        os.mkdir(os.path.join(self.dir, "tree/hollow"))
        for i, (name, (data, mode)) in enumerate(sorted(self.FILES.items())):
            self._file(os.path.join(self.dir, name), os.urandom(300000 + i * 4099) if data is None else data, mode)
        os.symlink("sub/two two", os.path.join(self.dir, "tree/link"))
        os.setxattr(os.path.join(self.dir, "a"), "user.color", b"blue")
        for where, dirs, files in os.walk(self.dir):
            os.chmod(where, 0o755)
            for name in dirs + files:
                when = 1577836800 + 2 * len(name) + 3600 * len(where)
                os.utime(os.path.join(where, name), (when + 2, when), follow_symlinks=False)
        subprocess.run(["chmod", "a+r", "-R", self.dir], check=True)
        for args in (["tar", "-cf", "tree.tar", "tree"], ["tar", "-czf", "tree.tar.gz", "tree"], ["zip", "-qr", "tree.zip", "tree", "-x", "tree/link"]):
            subprocess.run(args, cwd=self.dir, check=True)
        self.all = snapshot(self.dir)

    @staticmethod
    def _file(path, data, mode):
        with open(path, "wb") as f:
            f.write(data)
        os.chmod(path, mode)

    def copy(self, name, times=False, bits=True):
        return _want(self.all[name], times, bits)

    def tree(self, into, name="tree", times=True, bits=True):
        """Wants for a copied tree under the new name 'into' ("" for its contents only)."""
        out = {into: _want(self.all[name], times, False)} if into else {}
        for rel, entry in self.all.items():
            if rel.startswith(name + "/"):
                out[os.path.join(into, rel[len(name) + 1:])] = _want(entry, times, bits)
        return out


# ------------------------------------------------------------------------------------------------------------------------ cells

class Result:
    def __init__(self, status, out, errors):
        self.status, self.out, self.errors = status, out, errors


class Cell:
    """One row in one column: its directory 'dir', a private directory 'work' outside the mount, and run()."""

    def __init__(self, world, column, number):
        self.world, self.column, self.uid, self.src = world, column, column.uid, world.src
        self.rel = os.path.join(column.place or "", "123456-EM-SUB-%04d" % number)
        self.dir = os.path.join(world.root(column), self.rel)
        self.work = os.path.join(world.base, "work", "%s-%d" % (column.name, number))
        # a folder of the caller's own, elsewhere in the archive
        self.away = os.path.join(AWAYS[self.uid], "%s-%d" % (column.name, number))
        os.makedirs(self.work)
        os.chown(self.work, self.uid, self.uid)
        world.worker(column.maker).call(mkdir_in, self.dir)
        world.worker(self.uid).call(mkdir_in, world.archive.at(self.away))

    def env(self):
        return self.world.env(self.uid, S=self.src.dir, W=self.work, N=NAME, D=self.dir, TOP=self.world.root(self.column), AWAY=self.world.archive.at(self.away),
                              STAGING=self.world.archive.at(ACME, "staging"), ISSUED=self.world.archive.at(ACME, "issued"))

    def run(self, script, uid=None, timeout=60, stdin=b"", cwd=None):
        argv = ["/bin/sh", "-ec", script] if isinstance(script, str) else script
        return run_as(uid or self.uid, argv, self.env(), cwd or self.dir, timeout, stdin)

    def see(self):
        return self.world.worker(self.uid).call(snapshot, self.dir)

    def behind(self):
        return names_behind(self.world.archive.back if self.column.place else self.world.native)


def run_as(uid, argv, env, cwd, timeout=60, stdin=b""):
    def prepare():
        become(uid)
        os.chdir(cwd)
    p = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=prepare, start_new_session=True)
    try:
        out, errors = p.communicate(stdin, timeout)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, errors = p.communicate()
        errors += b"(took longer than %d s)" % timeout
    return Result(p.returncode, out.decode(errors="replace"), errors.decode(errors="replace"))


class World:
    """The archive, its mount, the sources, homes and workers of one test program."""

    def __init__(self, extra=None, people=None, env=None):
        self.archive = Archive(dict(TREE, **(extra or {})), people)
        self.base = self.archive.base
        self.src = Sources(self.base)
        self.native = os.path.join(self.base, "native")
        self.workers, self.number, self.extra_env = {}, 0, {}
        os.mkdir(self.native)
        os.chmod(self.native, 0o777)
        os.mkdir(os.path.join(self.base, "work"))
        self.archive.mount(env=env)
        self.worker(PT).call(mkdir_in, self.archive.at(ACME, "working/pt"))
        self.worker(PT).call(mkdir_in, self.archive.at(AWAYS[PT]))
        self.worker(DC).call(mkdir_in, self.archive.at(AWAYS[DC]))

    def root(self, column):
        return self.archive.mnt if column.place else self.native

    def worker(self, uid):
        if uid not in self.workers:
            self.workers[uid] = Worker(uid)
        return self.workers[uid]

    def home(self, uid):
        """A home outside the archive, for the programs' own settings."""
        path = os.path.join(self.base, "home-%d" % uid)
        if not os.path.isdir(path):
            for each in (path, path + "/run", path + "/tmp"):
                os.mkdir(each, 0o700)
                os.chown(each, uid, uid)
        return path

    def env(self, uid, **more):
        home = self.home(uid)
        out = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home, "XDG_RUNTIME_DIR": home + "/run", "TMPDIR": home + "/tmp", "LC_ALL": "C.UTF-8",
               "TERM": "vt100", "USER": "u%d" % uid, "LOGNAME": "u%d" % uid, "GVFS_DISABLE_FUSE": "1"}
        out.update(self.extra_env.get(uid, {}))
        out.update(more)
        return out

    def run(self, uid, script, timeout=60, **env):
        """A script outside any row, from the root directory."""
        more = dict(S=self.src.dir, N=NAME, STAGING=self.archive.at(ACME, "staging"), ISSUED=self.archive.at(ACME, "issued"), RECEIVED=self.archive.at(ACME, "received"))
        return run_as(uid, ["/bin/sh", "-ec", script], self.env(uid, **dict(more, **env)), "/", timeout)

    def cell(self, column):
        self.number += 1
        return Cell(self, column, self.number)

    def close(self):
        for worker in self.workers.values():
            worker.close()
        self.workers = {}
        Archive.close_all()


# ------------------------------------------------------------------------------------------------------------------------- rows

class Row:
    """One line of the table.

    script  what runs: shell, or a function of the cell that returns a Result (or a string that says what is wrong)
    first   shell that makes what is there before, run by the caller; 'by_other' runs it as the maker of the directory instead
    makes   name -> Want, or a function of the sources that gives that. Names that are there before and change are named too
    gone    names that are there before and must not be afterwards
    home, cr, zone   OK, the errno of a refusal, FAILS, a tuple of errnos, or None where the table says nothing
    named   every name in it conforms to the convention: also runs in issued/
    says    checks the error text of a refusal instead of the errno's own words; SILENT: the tool may keep quiet, only the files count
    xattr   (file, name, value) that a new file must carry
    after   shell that must exit 0 after the row, whatever was expected of it
    interactive   a refusal shows on its screen (Result.errors), not in the exit status
    elsewhere   the script leaves something in $AWAY, another folder of the mount that the caller owns
    """

    def __init__(self, name, script, first="", makes=None, gone=(), home=OK, cr=OK, zone=OK, named=False, says=None, xattr=None, after="", by_other=False,
                 holds=True, native=True, elsewhere=False, interactive=False):
        self.name, self.script, self.first, self.makes, self.gone = name, script, first, makes or {}, set(gone)
        self.expect = {"home": home, "cr": cr, "zone": zone}
        self.named, self.says, self.xattr, self.after, self.by_other = named, says, xattr, after, by_other
        self.holds, self.native, self.interactive = holds, native and not elsewhere, interactive

    def runs_in(self, column):
        if self.expect[column.key] is None or (column.name == "native" and not self.native):
            return False
        if self.by_other and column.key == "home":
            return False
        return column.name != "issued" or self.named


def changes(name, script, **kw):
    """A row that changes or removes what is there: free at home, EACCES in a lane, EPERM in a zone."""
    return Row(name, script, **dict({"cr": EACCES, "zone": EPERM}, **kw))


def started(row, cell):
    """Runs the row's script: (Result, "") or (None, what went wrong)."""
    if row.first:
        made = cell.run(row.first, uid=cell.column.maker if row.by_other else None)
        if made.status or made.errors:
            return None, "preparing: exit %d: %s" % (made.status, made.errors)
    return True, ""


def complain_mode(cell, name, entry):
    """Files are shown rw-r--r-- plus their execute bits; sealed ones r--r--r--."""
    if entry.kind != stat.S_IFREG or cell.column.name == "native":
        return ""
    base = 0o444 if cell.column.key == "zone" and entry.size else 0o644
    want = base | (entry.mode & EXEC)
    path = os.path.join(cell.dir, name)
    # the seal follows the release, which the kernel sends after close() has returned
    if entry.mode == want or eventually(lambda: stat.S_IMODE(cell.world.worker(cell.uid).call(os.lstat, path).st_mode) == want, 1):
        return ""
    return "%s is shown as %o, want %o" % (name, entry.mode, want)


def complain_holds(cell, makes, after):
    """Finished files in lanes and zones refuse their maker."""
    if not cell.column.refused:
        return ""
    for name in makes:
        if after[name].kind == stat.S_IFREG and after[name].size:
            got = cell.world.worker(cell.uid).call(try_refused, os.path.join(cell.dir, name))
            if any(each != cell.column.refused for each in got):
                return "%s is not finished: write, append, unlink by its maker give %s" % (name, got)
    return ""


def complain_xattr(cell, name, key, value):
    got = cell.world.worker(cell.uid).call(os.getxattr, os.path.join(cell.dir, name), key)
    return "" if got == value.encode() else "%s of %s is %r" % (key, name, got)


def complain_names(row, cell, makes, before, after):
    want = (set(before) - row.gone) | set(makes)
    if set(after) != want:
        return "litter %s, missing %s" % (sorted(set(after) - want), sorted(want - set(after)))
    for name in set(before) & set(after):
        if name not in makes and not before[name].same(after[name]):
            return "%s has changed" % name
    for name, wanted in makes.items():
        wrong = wanted.wrong(after[name])
        if wrong:
            return "%s %s" % (name, wrong)
    return ""


def complain_behind(cell, before, was, after):
    """What is new in the backing tree is exactly what is new through the mount; what a row took to $AWAY is not looked at."""
    new = {os.path.join(cell.rel, n) for n in set(after) - set(before)}
    old = {os.path.join(cell.rel, n) for n in set(before) - set(after)}
    now = {n for n in cell.behind() if not n.startswith(cell.away + "/")}
    if now - was != new:
        return "behind the mount: litter %s" % sorted((now - was) ^ new)
    if was - now != old:
        return "behind the mount: gone %s" % sorted((was - now) ^ old)
    return ""


def complain_ok(row, cell, result, before, was):
    if result.status != 0:
        return "exit %d: %s" % (result.status, result.errors.strip())
    if result.errors:
        return "noise: %s" % result.errors.strip()
    makes = row.makes(cell.src) if callable(row.makes) else row.makes
    after = cell.see()
    wrong = complain_names(row, cell, makes, before, after) or complain_behind(cell, before, was, after)
    for name in makes:
        wrong = wrong or complain_mode(cell, name, after[name])
    if not wrong and row.xattr:
        wrong = complain_xattr(cell, *row.xattr)
    if not wrong and row.holds:
        wrong = complain_holds(cell, makes, after)
    return wrong


def complain_refused(row, cell, result, before, was, expect):
    if row.says is SILENT:
        return complain_unchanged(cell, before, was)
    wants = expect if isinstance(expect, tuple) else (expect,)
    if result.status == 0 and not row.interactive:
        return "succeeds"
    said = row.says if row.says else [TEXTS[e] for e in wants if e in TEXTS]
    said = [said] if isinstance(said, str) else said
    if said and not any(each in result.errors for each in said):
        return "says %r, want %s" % (result.errors.strip(), " or ".join(said))
    if not result.errors:
        return "fails without a word"
    return complain_unchanged(cell, before, was)


def complain_unchanged(cell, before, was):
    after = cell.see()
    if set(after) != set(before):
        return "litter %s, gone %s" % (sorted(set(after) - set(before)), sorted(set(before) - set(after)))
    changed = [n for n in after if not after[n].same(before[n])]
    if changed:
        return "changed: %s" % changed
    return complain_behind(cell, before, was, after)


def one(row, cell):
    expect = row.expect[cell.column.key]
    ready, wrong = started(row, cell)
    if not ready:
        return wrong
    before, was = cell.see(), cell.behind()
    result = row.script(cell) if callable(row.script) else cell.run(row.script)
    if isinstance(result, str):
        return result
    judge = complain_ok(row, cell, result, before, was) if expect == OK else complain_refused(row, cell, result, before, was, expect)
    return judge or complain_after(row, cell)


def complain_after(row, cell):
    if not row.after:
        return ""
    r = cell.run(row.after)
    return "" if r.status == 0 else "afterwards: exit %d: %s%s" % (r.status, r.out, r.errors)


def run_rows(world, rows, picked=None):
    """Runs every row in every column that is asked for; one line each."""
    only = [a for a in sys.argv[1:] if not a.startswith("-")]
    for column in picked or columns():
        for row in rows:
            if row.runs_in(column) and (not only or any(o in row.name for o in only)):
                report(world, row, column)


def report(world, row, column):
    began = time.monotonic()
    try:
        wrong = one(row, world.cell(column))
    except Exception:
        wrong = traceback.format_exc()
    name = "%-6s %s" % (column.name, row.name)
    took = time.monotonic() - began
    if T.check(not wrong, name, wrong):
        print("ok   %s (%.2f s)" % (name, took), flush=True)


def line(name, fn, *args):
    """A row that is not of the table's shape: fn returns "" (or None) or what is wrong."""
    only = [a for a in sys.argv[1:] if not a.startswith("-")]
    if only and not any(o in name for o in only):
        return
    began = time.monotonic()
    try:
        wrong = fn(*args)
    except Exception:
        wrong = traceback.format_exc()
    if T.check(not wrong, name, wrong):
        print("ok   %s (%.2f s)" % (name, time.monotonic() - began), flush=True)


# ------------------------------------------------------------------------------------------------------------------- a D-Bus session

class Session:
    """A private D-Bus session of one user for the time of a test program (dbus-run-session ends with its standard input)."""

    def __init__(self, world, uid):
        def prepare():
            become(uid)
            os.chdir("/")
        self.p = subprocess.Popen(["dbus-run-session", "--", "sh", "-c", "echo $DBUS_SESSION_BUS_ADDRESS; read end || true"], env=world.env(uid),
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=prepare, start_new_session=True)
        world.extra_env[uid] = {"DBUS_SESSION_BUS_ADDRESS": self.p.stdout.readline().decode().strip()}

    def close(self):
        self.p.stdin.close()
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.p.pid, signal.SIGKILL)
            self.p.wait()
        self.p.stdout.close()


__all__ = [n for n in dir() if not n.startswith("_")]
