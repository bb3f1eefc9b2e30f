#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The .zddc file itself: who may touch it, writing as a transaction, guarded keys (SPEC sections 2, 4, 6, 8; THREATS rows 5, 9, 23, 33)."""
import mmap
import os
import subprocess
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

TEXT = "acl: {permissions: {alice@example.com: rwcda, bob@example.com: rwcd}}\n"
TREE = {".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "d/.zddc": TEXT, "d/f": "a file\n", "d/sub/": None,
        "e/.zddc": TEXT, "e/f": "a file\n", "bare/f": "x", "bare/sub/": None}


def last_error(a, uid, where=""):
    return as_user(uid, read_file, a.at(where, ".zddc.d/last-error")).decode(errors="replace")


# ----------------------------------------------------------------------------------------------- THREATS row 5: without 'a'

def tmpfile_link(dir_, path):
    fd = os.open(dir_, os.O_TMPFILE | os.O_RDWR, 0o644)
    os.link("/proc/self/fd/%d" % fd, path, follow_symlinks=True)


def namespace_operations(d):
    """Name -> a call that has .zddc of directory d as its target or source; d holds f and sub/."""
    z, f, sub, new = (os.path.join(d, n) for n in (".zddc", "f", "sub", "new"))
    o = os.open
    return {
        "create": lambda: o(z, os.O_CREAT | os.O_WRONLY, 0o644), "create exclusively": lambda: o(z, os.O_CREAT | os.O_EXCL | os.O_WRONLY),
        "open for writing": lambda: o(z, os.O_WRONLY), "open with O_TRUNC": lambda: o(z, os.O_RDWR | os.O_TRUNC), "truncate": lambda: os.truncate(z, 0),
        "mkdir": lambda: os.mkdir(z), "symlink": lambda: os.symlink("f", z), "mknod of a file": lambda: os.mknod(z, 0o100644),
        "mknod of a pipe": lambda: os.mkfifo(z), "hard link onto": lambda: os.link(f, z), "hard link from": lambda: os.link(z, new),
        "unlink": lambda: os.unlink(z), "rmdir": lambda: os.rmdir(z),
        "rename onto": lambda: os.rename(f, z), "rename away": lambda: os.rename(z, new), "rename a directory onto": lambda: os.rename(sub, z),
        "rename onto, NOREPLACE": lambda: renameat2(f, z, RENAME_NOREPLACE), "rename away, NOREPLACE": lambda: renameat2(z, new, RENAME_NOREPLACE),
        "exchange with": lambda: renameat2(f, z, RENAME_EXCHANGE), "exchange from": lambda: renameat2(z, f, RENAME_EXCHANGE),
        "rename into the folder below": lambda: os.rename(z, os.path.join(sub, ".zddc")),
        "rename up from below": lambda: os.rename(f, os.path.join(sub, ".zddc")), "O_TMPFILE and link": lambda: tmpfile_link(d, z),
        "chmod": lambda: os.chmod(z, 0o777), "setxattr": lambda: os.setxattr(z, "user.x", b"1"), "utimes": lambda: os.utime(z, (1, 1)),
    }


def try_all(d, other):
    got = {name: err(fn) for name, fn in namespace_operations(d).items()}
    got["rename to another directory's"] = err(os.rename, os.path.join(d, ".zddc"), os.path.join(other, ".zddc"))
    got["exchange with another directory's"] = err(lambda: renameat2(os.path.join(d, ".zddc"), os.path.join(other, ".zddc"), RENAME_EXCHANGE))
    got["rename a file onto another directory's"] = err(os.rename, os.path.join(d, "f"), os.path.join(other, ".zddc"))
    return got


def test_without_a():
    a = Archive(TREE, defaults="{}\n").mount()
    never = ("hard link onto", "hard link from", "mknod of a pipe", "O_TMPFILE and link")
    # where the caller may see the name, the kernel itself answers these before the daemon is asked
    kernel = {"create exclusively": "EEXIST", "mkdir": "EEXIST", "symlink": "EEXIST", "mknod of a file": "EEXIST", "mknod of a pipe": "EEXIST",
              "hard link onto": "EEXIST", "rename onto, NOREPLACE": "EEXIST", "rmdir": "ENOTDIR", "rename a directory onto": "ENOTDIR"}
    for d, absent in (("d", False), ("bare", True)):
        for uid in (BOB, OBS, 0):
            got = as_user(uid, try_all, a.at(d), a.at("e"))
            for name, e in got.items():
                want = ["EACCES"]
                if name in never:
                    want += ["EPERM", "EOPNOTSUPP", "ENOTSUP"]
                if name in kernel and not absent:
                    want.append(kernel[name])
                if absent or uid in (OBS, 0):
                    # nothing there to act on, or not known to be there
                    want += ["ENOENT"]
                if uid == BOB and name == "rename up from below" and not absent:
                    want = ["EACCES"]
                T.check(e in want, "%s of .zddc in %s/ by uid %d" % (name, d, uid), "%s, want %s" % (e or "success", want))
        T.equal(a.text("d/.zddc"), TEXT.encode(), "d/.zddc is untouched")
        T.equal(a.text("e/.zddc"), TEXT.encode(), "e/.zddc is untouched")
        T.check(not os.path.exists(a.behind("bare/.zddc")) and not os.path.exists(a.behind("d/sub/.zddc")), "none was made")
    T.check("d/.zddc" in last_error(a, BOB) or "e/.zddc" in last_error(a, BOB) or ".zddc" in last_error(a, BOB), "and last-error explains", last_error(a, BOB))


def test_rm_r_without_a():
    """An owner of files, not of policy: rm -r leaves .zddc and says so."""
    a = Archive(TREE, defaults="{}\n").mount()
    p = subprocess.run(["rm", "-r", a.at("d/sub")], user=BOB, group=BOB, extra_groups=[], stderr=subprocess.PIPE)
    T.equal(p.returncode, 0, "rm -r of a folder without .zddc")


# ------------------------------------------------------------------------------------------------------------ a transaction

def write_two_steps(path, first, second):
    """Two writes and a close: the errno of each."""
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    out = [err(os.write, fd, first.encode()), err(os.write, fd, second.encode())]
    return out + [err(os.close, fd)]


def write_then_fsync(path, text):
    fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    out = [err(os.write, fd, text.encode()), err(os.fsync, fd)]
    return out + [err(os.close, fd)]


def test_transaction():
    a = Archive(TREE, defaults="{}\n").mount()
    z = a.at("d/.zddc")
    ino = os.stat(a.behind("d/.zddc")).st_ino
    T.equal(err_as(ALICE, write_file, z, TEXT.replace("rwcd}", "r}")), "", "a valid text")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "EACCES", "is in force when close returns")
    T.check(os.stat(a.behind("d/.zddc")).st_ino != ino, "a commit puts a new inode in place")
    T.equal(as_user(ALICE, write_two_steps, z, "acl: {permissions: {alice@example.com: rwcda, bob@exa", "mple.com: rwc}}\n"), ["", "", ""], "nothing is judged half written")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "", "in force")
    T.equal(as_user(ALICE, write_then_fsync, z, TEXT), ["", "", ""], "fsync commits")
    T.equal(a.text("d/.zddc"), TEXT.encode(), "the text is kept byte for byte")
    T.equal(as_user(ALICE, read_file, z), TEXT.encode(), "and read back")
    T.equal(err_as(ALICE, write_file, a.at("d/sub/.zddc"), "title: new\n"), "", "a new .zddc")
    T.equal(a.text("d/sub/.zddc"), b"title: new\n", "is there")


def test_refused_text():
    a = Archive(TREE, defaults="{}\n").mount()
    z = a.at("d/.zddc")
    bad = "title: x\nacl:\n  permisions: {alice@example.com: r}\n"
    T.equal(err_as(ALICE, write_file, z, bad), "EINVAL", "an invalid text is refused by close")
    T.equal(a.text("d/.zddc"), TEXT.encode(), "the old text stays")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "", "and in force")
    said = last_error(a, ALICE, "d")
    T.check("d/.zddc:3" in said and "permissions" in said, "last-error has file, line and what was meant", said)
    T.equal(as_user(ALICE, read_file, a.at("d/.zddc.d/rejected")), bad.encode(), "the text is kept as rejected")
    T.check(err_as(BOB, read_file, a.at("d/.zddc.d/rejected")) != "", "for its writer only")
    T.equal(as_user(ALICE, write_then_fsync, z, bad)[1], "EINVAL", "fsync refuses it too")
    for text, why in (("a: [\n", "syntax"), ("title: &a x\n", "an anchor"), ("title: !!str x\n", "a tag"), ("title: x\ntitle: y\n", "a duplicate"),
                      ("acl: {permissions: {a@b.c: rq}}\n", "an unknown verb"), ("acl: {permissions: {A@b.c: r, a@B.c: rw}}\n", "keys that are equal after folding"),
                      ("roles: {Team: {members: []}, team: {members: []}}\n", "roles that are equal after folding"),
                      ("paths: {X: {}, x: {}}\n", "segments that are equal after folding"), ("acl: {allow: []}\n", "acl.allow"), ("\xff", "not UTF-8"),
                      ("x" * 5000 + ": 1\n", "a long scalar")):
        data = text.encode("latin-1") if text == "\xff" else text.encode()
        T.equal(err_as(ALICE, write_file, z, data), "EINVAL", "refused: " + why)
    T.equal(a.text("d/.zddc"), TEXT.encode(), "still the old text")
    T.equal(err_as(ALICE, write_file, z, TEXT), "", "a good text still works")
    T.equal(err_as(ALICE, write_file, a.at("d/sub/.zddc"), bad), "EINVAL", "a new .zddc that is invalid")
    T.check(not os.path.exists(a.behind("d/sub/.zddc")), "is not made")
    T.equal(err_as(ALICE, os.stat, a.at("d/sub/.zddc")), "ENOENT", "nor shown")


def test_atomic_save():
    a = Archive(TREE, defaults="{}\n").mount()
    z, tmp = a.at("d/.zddc"), a.at("d/.zddc.tmp1")
    as_user(ALICE, write_file, tmp, TEXT.replace("rwcd}", "r}"))
    T.equal(err_as(ALICE, os.rename, tmp, z), "", "rename onto .zddc")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "EACCES", "commits it")
    as_user(ALICE, write_file, tmp, "acl: nonsense\n")
    T.equal(err_as(ALICE, os.rename, tmp, z), "EINVAL", "rename of an invalid text")
    T.equal(a.text("d/.zddc"), TEXT.replace("rwcd}", "r}").encode(), "the old text stays")
    T.check(os.path.exists(a.behind("d/.zddc.tmp1")), "and the file stays where it was")
    T.equal(err_as(BOB, os.rename, a.at("d/f"), z), "EACCES", "not without a")


def writer_before(path, data, ready, go):
    """A descriptor and a mapping opened before: what they do later."""
    fd = os.open(path, os.O_RDWR)
    os.write(ready, b"r")
    os.read(go, 1)
    out = [err(os.pwrite, fd, data, 0)]
    return out + [err(os.close, fd)]


def test_descriptor_opened_before():
    """THREATS row 9: what was opened before a commit does not change the text in force, except by its own commit."""
    a = Archive(TREE, defaults="{}\n").mount()
    tmp = a.at("d/next")
    as_user(ALICE, write_file, tmp, TEXT + "# renamed into place\n")
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    child = Child(BOB, writer_before, tmp, b"acl: {permissions: {bob@example.com: rwcda}}\n#", w1, r2)
    os.read(r1, 1)
    T.among(err_as(ALICE, os.rename, tmp, a.at("d/.zddc")), ("", "EBUSY"), "renaming a file onto .zddc while bob has it open")
    os.write(w2, b"g")
    child.wait()
    T.among(a.text("d/.zddc"), ((TEXT + "# renamed into place\n").encode(), TEXT.encode()), "bob's descriptor does not write policy")
    T.check(err_as(BOB, write_file, a.at("d/.zddc"), "title: x\n") == "EACCES", "bob has gained nothing")


def map_and_store(path, ready, go):
    fd = os.open(path, os.O_RDWR)
    try:
        m = mmap.mmap(fd, 0)
    except OSError as e:
        os.write(ready, b"r")
        return errno.errorcode[e.errno]
    os.write(ready, b"r")
    os.read(go, 1)
    m[0:3] = b"a#b"
    try:
        m.flush()
    except OSError as e:
        return errno.errorcode[e.errno]
    return ""


def test_mapping():
    a = Archive(TREE, defaults="{}\n").mount()
    as_user(ALICE, write_file, a.at("d/next"), TEXT + "# mapped\n")
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    child = Child(BOB, map_and_store, a.at("d/next"), w1, r2)
    os.read(r1, 1)
    moved = err_as(ALICE, os.rename, a.at("d/next"), a.at("d/.zddc"))
    os.write(w2, b"g")
    child.wait()
    T.among(moved, ("", "EBUSY"), "renaming a mapped file onto .zddc")
    T.among(a.text("d/.zddc"), ((TEXT + "# mapped\n").encode(), TEXT.encode()), "a store through the old mapping does not reach it")


def test_moved_away():
    """Editors rename .zddc away to keep a backup: the old text stays in force until a new one is written or 10 s pass."""
    a = Archive(TREE, defaults="{}\n").mount()
    z, backup = a.at("d/.zddc"), a.at("d/.zddc~")
    T.equal(err_as(ALICE, os.rename, z, a.at("d/backup")), "", "rename away")
    T.equal(err_as(ALICE, os.stat, z), "ENOENT", "its name is gone")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "", "the old text is in force")
    T.equal(err_as(CAROL, write_file, a.at("d/f"), "x"), "EACCES", "for the others too")
    T.equal(err_as(ALICE, write_file, z, TEXT.replace("rwcd}", "r}")), "", "the editor writes the new one")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "EACCES", "it counts")
    T.equal(as_user(ALICE, read_file, a.at("d/backup")), TEXT.encode(), "the backup is an ordinary file")
    T.equal(err_as(ALICE, os.rename, z, a.at("d/backup2")), "", "again, and then nothing")
    T.check(eventually(lambda: err_as(ALICE, os.stat, z) == "", 13, 0.2), "after 10 s it is put back")
    T.equal(a.text("d/.zddc"), TEXT.replace("rwcd}", "r}").encode(), "with its text")
    T.check(err_as(BOB, os.rename, z, backup) == "EACCES", "not without a")


CAROL = NOBODY


def test_last_and_busy():
    a = Archive(TREE, defaults="{}\n").mount()
    T.equal(err_as(ALICE, os.unlink, a.at("d/.zddc")), "EBUSY", "unlink while other entries remain")
    names = as_user(ALICE, os.listdir, a.at("d"))
    T.equal(names[-1], ".zddc", ".zddc is listed last")
    ino = as_user(ALICE, lambda: os.lstat(a.at("d/.zddc")).st_ino)
    others = as_user(ALICE, lambda: [os.lstat(a.at("d", n)).st_ino for n in names[:-1]])
    T.check(ino >= 1 << 62 and all(o < 1 << 62 for o in others), "with the largest inode number", (ino, others))
    entry = as_user(ALICE, lambda: {e.name: e.inode() for e in os.scandir(a.at("d"))})
    T.equal(entry[".zddc"], ino, "the listing has the same number")
    p = subprocess.run("rm -r %s/*; ls -A %s" % (a.at("d"), a.at("d")), shell=True, user=ALICE, group=ALICE, extra_groups=[], stdout=subprocess.PIPE)
    T.equal(p.stdout, b".zddc\n", "rm -r * leaves it")
    T.equal(err_as(ALICE, os.unlink, a.at("d/.zddc")), "", "alone it may be removed")
    T.check(not os.path.exists(a.behind("d/.zddc")), "and is gone")
    T.equal(err_as(BOB, write_file, a.at("d/new"), "x"), "EACCES", "and its grants")


# ----------------------------------------------------------------------------------------------------------- guarded keys

GUARDED = {
    "inherit": "inherit: false", "admins": "admins: [other@example.com]", "worm": "worm: [alice@example.com]", "worm_mode": "worm_mode: compliance",
    "seal_grace": "seal_grace: 5m", "retention": "retention: {default: 1y}", "transient": "transient: ['*.x']", "auto_own": "auto_own: true",
    "auto_own_fenced": "auto_own_fenced: true", "auto_own_roles": "auto_own_roles: [team]", "virtual": "virtual: true", "history": "history: true",
    "naming": "naming: enforce", "lifecycle": "lifecycle: {freeze: 12h}", "freeze_until": "freeze_until: 2001-01-01T00:00:00Z",
    "when": "when: {w: owner == bob}", "environment": "environment: prod", "risk": "risk: {delete: 50}",
}


def test_guarded():
    a = Archive(TREE, defaults="{}\n").mount()
    z = a.at("d/.zddc")
    for key, text in GUARDED.items():
        T.equal(err_as(ALICE, write_file, z, TEXT + text + "\n"), "EINVAL", "a mere holder of a adds " + key)
        said = last_error(a, ALICE, "d")
        T.check(key in said and "d/.zddc:2" in said, "last-error names %s and its line" % key, said)
        body = TEXT + "paths:\n  x:\n    paths:\n      '*':\n        %s\n" % text
        T.equal(err_as(ALICE, write_file, z, body), "EINVAL", "in a paths: body: " + key)
    T.equal(a.text("d/.zddc"), TEXT.encode(), "nothing of it was written")
    for key, text in GUARDED.items():
        if key in ("freeze_until", "lifecycle", "virtual", "inherit", "when", "worm", "worm_mode", "retention"):
            continue
        T.equal(err_as(ADMIN, write_file, z, TEXT + text + "\n"), "", "an administrator may: " + key)
        T.equal(err_as(ALICE, write_file, z, TEXT + text + "\ntitle: x\n"), "", "the holder keeps it and edits the rest: " + key)
        T.equal(err_as(ALICE, write_file, z, TEXT), "EINVAL", "but does not remove it: " + key)
    T.equal(err_as(ADMIN, write_file, z, TEXT), "", "an administrator removes it")
    tmp = a.at("d/t")
    as_user(ALICE, write_file, tmp, TEXT + "admins: [alice@example.com]\n")
    T.equal(err_as(ALICE, os.rename, tmp, z), "EINVAL", "nor by rename onto .zddc")
    T.equal(err_as(ALICE, write_file, a.at("d/sub/.zddc"), "admins: [alice@example.com]\n"), "EINVAL", "nor in a new .zddc")
    T.equal(err_as(ALICE, os.mkdir, a.at("d/k")), "", "a folder")


def test_guarded_removal():
    """Taking a whole .zddc with guarded keys away is a change of them."""
    tree = dict(TREE)
    tree["g/.zddc"] = TEXT + "history: true\n"
    a = Archive(tree, defaults="{}\n").mount()
    T.equal(err_as(ALICE, os.unlink, a.at("g/.zddc")), "EINVAL", "unlink of a .zddc with a guarded key")
    T.among(err_as(ALICE, os.rename, a.at("g/.zddc"), a.at("g/old")), ("", "EINVAL", "EACCES"), "renaming it away")
    T.check(b"history" in a.text("g/.zddc"), "it is still in force")


def test_root_admins():
    a = Archive(TREE, defaults="{}\n").mount()
    z = a.at(".zddc")
    T.equal(err_as(ADMIN, write_file, z, "title: no admins\n"), "EINVAL", "the last root administrator stays")
    T.equal(err_as(ADMIN, write_file, z, "admins: [bob@example.com]\n"), "EINVAL", "and oneself")
    T.equal(err_as(ADMIN, write_file, z, "admins: [admin@example.com, bob@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n"), "", "adding one")
    T.equal(err_as(BOB, write_file, z, "admins: [bob@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n"), "", "who may remove the first")
    T.equal(err_as(ADMIN, write_file, z, "admins: [admin@example.com]\n"), "EACCES", "who then has no right")
    T.check(err_as(BOB, os.unlink, z) in ("EBUSY", "EINVAL", "EPERM"), "the root .zddc cannot be removed")


def test_kept_texts():
    a = Archive(TREE, defaults="{}\n").mount()
    as_user(ALICE, write_file, a.at("d/.zddc"), TEXT + "# kept\n")
    import hashlib
    for text in (TREE[".zddc"].encode(), (TEXT + "# kept\n").encode()):
        name = hashlib.sha256(text).hexdigest()
        path = a.behind(".zddc.d/policy", name)
        T.check(os.path.exists(path) and open(path, "rb").read() == text, "each text that took effect is kept under .zddc.d/policy", name)


# ------------------------------------------------------------------------------------------------------------------- bombs

def bombs():
    return {
        "nested flow brackets": "title: " + "[" * 10000 + "\n",
        "nested flow maps": "title: " + "{a: " * 5000 + "\n",
        "nested block maps": "".join(" " * i + "a:\n" for i in range(3000)),
        "aliases": "a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        "events": "title: [" + "a, " * 200000 + "a]\n",
        "a huge scalar": "title: " + "x" * 900000 + "\n",
        "too big": "# " + "x" * (1 << 21) + "\n",
        "duplicate keys": "".join("k%d: 1\n" % (i % 2) for i in range(50000)),
    }


def rss(pid):
    with open("/proc/%d/status" % pid) as f:
        return [int(line.split()[1]) for line in f if line.startswith("VmHWM")][0]


def write_all(path, data):
    """Writes everything; gives the first errno, at the latest that of close."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC)
    except OSError as e:
        return errno.errorcode[e.errno]
    view = memoryview(data)
    first = ""
    while view and not first:
        try:
            view = view[os.write(fd, view):]
        except OSError as e:
            first = errno.errorcode[e.errno]
    return err(os.close, fd) or first


def test_bombs():
    a = Archive(TREE, defaults="{}\n").mount()
    as_user(ALICE, write_file, a.at("d/.zddc"), TEXT)
    before = rss(a.pid)
    for name, text in bombs().items():
        began = time.monotonic()
        got = as_user(ALICE, write_all, a.at("d/.zddc"), text.encode())
        took = time.monotonic() - began
        T.among(got, ("EINVAL", "EFBIG"), "bomb through the mount: " + name)
        T.check(took < 1.0 * SLOW, "refused quickly: " + name, "%.3f s" % took)
        T.equal(a.text("d/.zddc"), TEXT.encode(), "old text after " + name)
    T.check(rss(a.pid) - before < 32 * 1024 * SLOW, "without eating memory", "%d KiB more" % (rss(a.pid) - before))
    for name, text in bombs().items():
        a.put("d/.zddc", text)
        T.check(eventually(lambda: err_as(BOB, read_file, a.at("d/f")) == "ENOENT", 2 * SLOW), "bomb behind the mount fails closed: " + name)
        T.equal(err_as(BOB, read_file, a.at("e/f")), "", "and the neighbour is served")
        a.put("d/.zddc", TEXT)
        T.check(eventually(lambda: err_as(BOB, read_file, a.at("d/f")) == "", 2 * SLOW), "repaired")


def open_drafts(path, count):
    """Opens the policy for writing again and again: how often it went, and the errno that ended it. The last ones are written and closed."""
    fds, e = [], ""
    while len(fds) < count and not e:
        try:
            fds.append(os.open(path, os.O_RDWR))
        except OSError as ex:
            e = errno.errorcode[ex.errno]
    os.close(fds.pop())
    again = err(try_close, path, os.O_RDWR)
    return len(fds) + 1, e, again, fds


def test_many_drafts():
    """THREATS row 24: the texts of open drafts are kept in memory, so that each user has 64; who has them all is in nobody else's way."""
    a = Archive(TREE, defaults="{}\n").mount()
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()

    def hold():
        got = open_drafts(a.at("d/.zddc"), 100)
        os.write(w1, b"g")
        os.read(r2, 1)
        return got[:3], err(read_file, a.at("d/.zddc"))
    child = Child(ALICE, hold)
    os.read(r1, 1)
    T.equal(err_as(ADMIN, write_file, a.at("d/.zddc"), TEXT + "# by somebody else\n"), "", "another user writes the same policy")
    T.equal(err_as(ALICE, try_close, a.at("d/.zddc"), os.O_RDWR), "", "one was closed")
    T.equal(err_as(ALICE, write_file, a.at("d/f2"), "x"), "", "files are no drafts")
    os.write(w2, b"g")
    T.equal(child.wait(), ((64, "EMFILE", ""), ""), "64 drafts, then EMFILE; one less, one more; reading goes on")
    T.equal(as_user(ALICE, open_drafts, a.at("d/.zddc"), 64)[:2], (64, ""), "all of them come back")


# ------------------------------------------------------------------------------------------------------------------- churn

def churn(d, k, seconds):
    """Changes policy in every way there is, and works in between."""
    end = time.monotonic() + seconds
    n = slowest = 0
    z, tmp, away = os.path.join(d, ".zddc"), os.path.join(d, "tmp%d" % k), os.path.join(d, "away%d" % k)
    text = TEXT.replace("bob", "user%d" % k)
    acts = (lambda: write_file(z, text), lambda: (write_file(tmp, text), os.rename(tmp, z)), lambda: os.rename(z, away), lambda: os.unlink(z),
            lambda: write_file(os.path.join(d, "sub%d" % (k % 3), ".zddc"), "title: %d\n" % n), lambda: os.unlink(os.path.join(d, "sub%d" % (k % 3), ".zddc")),
            lambda: os.mkdir(os.path.join(d, "sub%d" % (k % 3))), lambda: os.rmdir(os.path.join(d, "sub%d" % (k % 3))), lambda: os.listdir(d),
            lambda: os.unlink(away), lambda: os.stat(z), lambda: renameat2(z, os.path.join(d, "f%d" % k), RENAME_EXCHANGE))
    while time.monotonic() < end:
        began = time.monotonic()
        err(acts[(n * 7 + k) % len(acts)])
        slowest = max(slowest, time.monotonic() - began)
        n += 1
    return n, slowest


def test_churn():
    """THREATS row 33: 8 clients change the policy of one directory."""
    tree = dict(TREE)
    tree.update({"d/f%d" % k: TEXT for k in range(8)})
    a = Archive(tree, defaults="{}\n").mount()
    seconds = 60 if FULL else 5
    children = [Child(ALICE, churn, a.at("d"), k, seconds) for k in range(8)]
    results = [c.wait() for c in children]
    n, slowest = sum(r[0] for r in results), max(r[1] for r in results)
    print("     %d changes, slowest %.3f s" % (n, slowest))
    T.check(n > 200, "all clients worked", results)
    T.check(slowest < 5 * SLOW, "no hang", "%.3f s" % slowest)
    T.equal(err_as(ADMIN, write_file, a.at("d/.zddc"), TEXT), "", "policy can be written afterwards")
    T.equal(err_as(BOB, write_file, a.at("d/f"), "x"), "", "and counts")


def test_policy_directory_moved():
    """SPEC section 4: a directory that carries .zddc goes to another parent only with a there; not into a zone below its top."""
    text = "acl: {permissions: {alice@example.com: rwcda, bob@example.com: rwcd}}\n"
    tree = {".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "from/.zddc": text, "to/.zddc": text,
            "from/carry/.zddc": "acl: {permissions: {bob@example.com: rwcda, alice@example.com: rwcda}}\n", "from/carry/f": "x",
            "from/nested/x/.zddc": "title: t\n", "from/plain/f": "x",
            "zone/.zddc": "worm: [alice@example.com, bob@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n"}
    a = Archive(tree, defaults="{}\n").mount()
    T.equal(err_as(BOB, os.rename, a.at("from/carry"), a.at("to/carry")), "EACCES", "bob, without a at the destination")
    T.equal(err_as(BOB, os.rename, a.at("from/nested"), a.at("to/nested")), "EACCES", "nor with a .zddc further down")
    T.equal(err_as(BOB, os.rename, a.at("from/plain"), a.at("to/plain")), "", "a directory without policy may go")
    T.equal(err_as(ALICE, os.rename, a.at("from/carry"), a.at("to/carry")), "", "alice has a there")
    T.check(err_as(ALICE, os.rename, a.at("from/nested"), a.at("zone/nested")) in ("EACCES", "EPERM"), "none below its top into a zone")
    T.equal(err_as(ALICE, os.rename, a.at("to/carry"), a.at("zone/carry")), "", "into a zone with one at the top")
    kept = a.text("zone/carry/.zddc") if os.path.exists(a.behind("zone/carry/.zddc")) else b""
    T.check(b"permissions" not in kept and b"rwcda" not in kept, "which keeps only title, created_by, received_path", kept)
    T.check(err_as(BOB, os.unlink, a.at("zone/carry/f")) in ("EACCES", "EPERM"), "no right was carried into the zone")


if __name__ == "__main__":
    T.run(test_without_a, test_rm_r_without_a, test_transaction, test_refused_text, test_atomic_save, test_descriptor_opened_before, test_mapping,
          test_moved_away, test_last_and_busy, test_guarded, test_guarded_removal, test_root_admins, test_kept_texts, test_bombs, test_many_drafts, test_churn,
          test_policy_directory_moved)
    T.finish()
