#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names: all byte values, lookalikes of .zddc, the reserved names by guessing (THREATS rows 6, 15, 16)."""
import json
import os
import subprocess

from harness import *  # noqa: F403
from harness import Archive, T

TEXT = "acl: {permissions: {alice@example.com: rwcda, bob@example.com: rwcd, pt@example.com: r}}\n"
TREE = {".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": r}}\n", "d/.zddc": TEXT, "d/f": "x"}


def all_names():
    out = [b"x" + bytes([b]) + b"y" for b in range(1, 256) if b != 0x2f]
    out += [b"a b (c)", b" leading", b"trailing ", b"new\nline", b"tab\t", b"\xff\xfe\x80", b"\xc0\xaf", b"L" * 255, "é".encode() * 127, b"-rf", b"*", b"?",
            b"%s%n", b"$(x)", b"'\"", b"con", b"...", b"a\\b", b"\xe2\x80\xae", bytes(range(1, 47)) + bytes(range(48, 255))]
    return out


def make_all(d):
    bad = []
    for name in all_names():
        path = os.path.join(os.fsencode(d), name)
        e = err(write_file, path, name)
        if e or read_file(path) != name:
            bad.append((name, e))
    return bad


def use_all(d):
    bad = []
    listed = set(os.listdir(os.fsencode(d)))
    for name in all_names():
        path = os.path.join(os.fsencode(d), name)
        if name not in listed:
            bad.append((name, "not listed"))
        for fn, args in ((os.stat, (path,)), (os.setxattr, (path, "user.n", name)), (os.truncate, (path, 1)), (os.rename, (path, path[:-1] + b"~" if len(name) > 250 else path + b"~")),):
            e = err(fn, *args)
            if e:
                bad.append((name, fn.__name__, e))
        path = path[:-1] + b"~" if len(name) > 250 else path + b"~"
        e = err(os.unlink, path)
        if e:
            bad.append((name, "unlink", e))
        e = err(os.mkdir, path) or err(os.rmdir, path)
        if e:
            bad.append((name, "mkdir, rmdir", e))
    return bad


def refused_all(mnt, d):
    """Each refusal's last-error must parse and give the name back."""
    bad = []
    for name in all_names():
        path = os.path.join(os.fsencode(d), name)
        if err(os.mkdir, path) != "EACCES":
            bad.append((name, "not refused"))
            continue
        text = read_file(os.path.join(mnt, ".zddc.d/last-error.json"))
        try:
            data = json.loads(text)
        except ValueError as e:
            bad.append((name, "JSON", str(e), text[:200]))
            continue
        if os.fsencode(data["path"]) != b"d/" + name:
            bad.append((name, "name is lost", text[:300]))
    return bad


def test_all_bytes():
    a = Archive(TREE).mount()
    d = a.at("d")
    T.check(not as_user(ALICE, make_all, d), "made and read", as_user(ALICE, make_all, d)[:3])
    behind = set(os.listdir(os.fsencode(a.behind("d"))))
    T.check(set(all_names()) <= behind, "byte for byte behind the mount", set(all_names()) - behind)
    bad = as_user(ALICE, use_all, d)
    T.check(not bad, "listed, changed, renamed, removed", bad[:3])
    bad = as_user(PT, refused_all, a.mnt, d)
    T.check(not bad, "refused: last-error parses and names round-trip (%d names)" % len(all_names()), bad[:3])


def test_too_long():
    a = Archive(TREE).mount()
    d = a.at("d")
    for fn in (lambda p: write_file(p, "x"), os.mkdir, os.stat, lambda p: os.symlink("x", p), lambda p: os.rename(a.at("d/f"), p)):
        T.equal(err_as(ALICE, fn, os.path.join(d, "L" * 256)), "ENAMETOOLONG", "256 bytes")
    deep = d
    for i in range(14):
        deep = os.path.join(deep, "D" * 250)
        T.equal(err_as(ALICE, os.mkdir, deep), "", "a deep tree of long names, level %d" % i)
    T.equal(err_as(ALICE, write_file, os.path.join(deep, "f"), "x"), "", "a file at its end")


LOOKALIKES = [".ZDDC", ".Zddc", ".zddC", ".zddc ", ".zddc.", ".zddc. .", ".zddc\u200b", ".\u200bzddc", ".ZDDC.D", ".zddc.D", ".zddc.d ", ".zddc.d.", "\ufeff.zddc"]


def every_way(d, name, source):
    path = os.path.join(d, name)
    return {"create": err(write_file, path, "admins: [bob@example.com]\n"), "mkdir": err(os.mkdir, path), "symlink": err(os.symlink, "f", path),
            "mknod": err(os.mknod, path), "rename": err(os.rename, source, path), "noreplace": err(lambda: renameat2(source, path, RENAME_NOREPLACE))}


def test_lookalikes():
    a = Archive(TREE).mount()
    for name in LOOKALIKES:
        as_user(BOB, write_file, a.at("d/source"), "acl: {permissions: {bob@example.com: rwcda}}\n")
        got = as_user(BOB, every_way, a.at("d"), name, a.at("d/source"))
        T.check(all(v == "EINVAL" for v in got.values()), "a lookalike of .zddc: %a" % name, got)
        T.check(not os.path.lexists(a.behind("d", name)), "is not made: %a" % name)
    T.equal(err_as(BOB, write_file, a.at("d/.zddc"), "x"), "EACCES", "bob has gained nothing")
    for name in LOOKALIKES:
        a.put("d/sub/" + name, "admins: [bob@example.com]\n") if not name.startswith((".zddc.d", ".ZDDC.D")) else None
    T.equal(err_as(BOB, write_file, a.at("d/sub/.zddc"), "x"), "EACCES", "one put behind the mount is never policy")
    for name in (".zddcx", "x.zddc", "zddc", "..zddc", ".zddc.bak", ".zddc.yaml", ".zdd"):
        T.equal(err_as(BOB, write_file, a.at("d", name), "x"), "", "an ordinary name: " + name)


def test_unicode_forms():
    a = Archive(TREE).mount()
    nfc, nfd = "é.txt", "e\u0301.txt"
    T.equal(err_as(ALICE, write_file, a.at("d", nfc), "c"), "", "NFC")
    T.among(err_as(ALICE, write_file, a.at("d", nfd), "d"), ("", "EEXIST"), "NFD: its own name, or refused")
    T.equal(as_user(ALICE, read_file, a.at("d", nfc)), b"c", "byte-exact")


# ------------------------------------------------------------------------------------------------- reserved names by guessing

RESERVED = ["tmp", "policy", "ledger", "identities.yaml", "index", "history", "history/f", "versions", "withdrawn", "removed", "quarantine", "seals", "lease", "lock",
            "..", "../..", "./identities.yaml", "explain/../identities.yaml", "tmp/x", "policy/x", "no-such-name"]


def guess(mnt, d, name):
    path = os.path.join(mnt, d, ".zddc.d", name)
    return {"create": err(os.open, path, os.O_CREAT | os.O_WRONLY), "write": err(os.open, path, os.O_WRONLY), "trunc": err(os.open, path, os.O_RDWR | os.O_TRUNC),
            "mkdir": err(os.mkdir, path + "/new"), "unlink": err(os.unlink, path), "rmdir": err(os.rmdir, path), "symlink": err(os.symlink, "x", path + "new"),
            "rename away": err(os.rename, path, os.path.join(mnt, "d/stolen")), "rename onto": err(os.rename, os.path.join(mnt, "d/f"), path),
            "exchange": err(lambda: renameat2(os.path.join(mnt, "d/f"), path, RENAME_EXCHANGE)), "link": err(os.link, path, os.path.join(mnt, "d/stolen")),
            "chmod": err(os.chmod, path, 0o777), "truncate": err(os.truncate, path, 0), "setxattr": err(os.setxattr, path, "user.x", b"1"), "utime": err(os.utime, path)}


def test_reserved():
    a = Archive(TREE).mount()
    eventually(lambda: os.path.exists(a.behind(".zddc.d/index")), 5)
    before = tree_of(a.behind(".zddc.d"))
    for where in ("", "d"):
        for name in RESERVED:
            if name in ("..", "../.."):
                continue
            for uid in (BOB, ADMIN, 0):
                got = as_user(uid, guess, a.mnt, where, name)
                bad = {k: v for k, v in got.items() if v not in ("ENOENT", "EACCES", "EPERM", "EROFS", "EXDEV", "ENOTDIR", "EINVAL", "EISDIR")}
                T.check(not bad, "%s/.zddc.d/%s by uid %d" % (where, name, uid), bad)
    after = tree_of(a.behind(".zddc.d"))
    T.check(set(before) <= set(after) and not [x for x in after if x.startswith("tmp/")], "the daemon's store is untouched", set(before) ^ set(after))
    for uid in (BOB, ALICE, ADMIN):
        for path in ("identities.yaml", "tmp", "policy"):
            T.equal(err_as(uid, os.stat, a.at(".zddc.d", path)), "ENOENT", "what the daemon stores is reached by nobody: %s by %d" % (path, uid))
    T.check(not os.path.exists(a.behind("d/stolen")), "nothing was carried out")


def tree_of(path):
    out = []
    for where, dirs, files in os.walk(path):
        out += [os.path.relpath(os.path.join(where, n), path) for n in files if os.path.basename(where) != "tmp" or n in ("x", "new")]
    return sorted(out)


def on_control_itself(mnt, d):
    z = os.path.join(mnt, d, ".zddc.d")
    other = os.path.join(mnt, d, "f")
    return {"mkdir": err(os.mkdir, z), "create": err(os.open, z, os.O_CREAT | os.O_WRONLY), "rmdir": err(os.rmdir, z), "unlink": err(os.unlink, z),
            "rename": err(os.rename, z, z + "x"), "rename onto": err(os.rename, other, z), "symlink": err(os.symlink, "x", z), "exchange": err(lambda: renameat2(other, z, RENAME_EXCHANGE)),
            "mknod": err(os.mknod, z)}


def test_control_name():
    a = Archive(TREE).mount()
    for uid in (BOB, ALICE):
        got = as_user(uid, on_control_itself, a.mnt, "d")
        T.check(all(v != "" for v in got.values()), "nobody makes, removes or renames .zddc.d (uid %d)" % uid, got)
    T.check(".zddc.d" not in as_user(ALICE, os.listdir, a.at("d")) and ".zddc.d" not in as_user(ADMIN, os.listdir, a.mnt), ".zddc.d is never listed")
    T.check(not os.path.exists(a.behind("d/.zddc.d/f")) , "nothing was put there")


def test_trash():
    """Trash directories are refused without litter, so that file managers delete or say so."""
    a = Archive({".zddc": "admins: [admin@example.com]\nacl: {permissions: {\"*@example.com\": rwcd}}\n"}).mount()
    T.check(err_as(ALICE, os.mkdir, a.at(".Trash-%d" % ALICE)) != "", ".Trash-UID at the root is refused")
    T.check(not os.path.exists(a.behind(".Trash-%d" % ALICE)), "without litter")


def test_log():
    """Names in the log are escaped: nobody writes lines of it, or drives the terminal that shows it."""
    a = Archive({".zddc": TREE[".zddc"], "d/.zddc": TEXT + "naming: warn\n"}).mount()
    names = [b"x\nzddcfs: all is well.pdf", b"x\033[2J\r.pdf", b"\xff\xc2\x9b.pdf", b"\xe2\x80\xaefdp.exe", b"new: \xc3\xa9.pdf"]
    before = a.log_text().count("\n")
    for name in names:
        as_user(ALICE, write_file, os.path.join(os.fsencode(a.at("d")), name), b"x")
    with open(a.log, "rb") as f:
        log = f.read()
    T.check(log.count(b"\n") == before + len(names) and not any(c in log for c in b"\r\033\xff"), "each name is one line of plain text in the log", log[-1500:])
    for shown in ("x\\x0azddcfs: all is well.pdf", "x\\x1b[2J\\x0d.pdf", "\\xff\\xc2\\x9b.pdf", "\\xe2\\x80\\xaefdp.exe", "new: é.pdf"):
        T.check(shown in log.decode(), "shown as " + shown, log[-1500:])


def test_last_error():
    """The same for what is said of a refusal: a name adds no lines to it."""
    a = Archive({".zddc": TREE[".zddc"], "d/.zddc": TEXT + "naming: enforce\n", "n/.zddc": TEXT, "n/folder/": None}).mount()
    evil = b"x\nhint: run this\033[1m"
    T.equal(err_as(ALICE, os.mkdir, os.path.join(os.fsencode(a.at("d")), evil)), "EINVAL", "a name that naming: enforce refuses")
    as_user(ALICE, write_file, os.path.join(os.fsencode(a.at("n/folder")), evil), b"x")
    said = [as_user(ALICE, read_file, a.at("d/.zddc.d/last-error"))]
    T.equal(err_as(ALICE, os.rename, a.at("n/folder"), a.at("d/2025-10-31_123456-EM-SUB-0001 (IFR) - Review")), "EINVAL", "a folder with such a name in it")
    said.append(as_user(ALICE, read_file, a.at("d/.zddc.d/last-error")))
    for text in said:
        T.check(b"\\x0ahint: run this\\x1b[1m" in text and b"\nhint: run" not in text and b"\033" not in text, "is escaped in last-error", text)


def test_tools_quote():
    """ls, find and tar carry awkward names through."""
    a = Archive(TREE).mount()
    as_user(ALICE, make_all, a.at("d"))
    p = subprocess.run("cd %s && find . -path ./mdl -prune -o -path ./rsk -prune -o -path ./ssr -prune -o -type f ! -name .zddc -print0 | sort -z | sha256sum" % a.at("d"), shell=True, stdout=subprocess.PIPE, user=ALICE, group=ALICE,
                       extra_groups=[])
    q = subprocess.run("cd %s && find . -type f ! -name .zddc ! -path './.zddc.d/*' -print0 | sort -z | sha256sum" % a.behind("d"), shell=True, stdout=subprocess.PIPE)
    T.equal(p.stdout.splitlines()[0], q.stdout.splitlines()[0], "find through the mount lists the same names as behind it")


if __name__ == "__main__":
    T.run(test_all_bytes, test_too_long, test_lookalikes, test_unicode_forms, test_reserved, test_control_name, test_trash, test_log, test_last_error, test_tools_quote)
    T.finish()
