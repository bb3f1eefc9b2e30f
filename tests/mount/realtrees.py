#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real input: files of this system (REAL_FILES of them, 5,000) copied in by cp -a, rsync -a and tar as three users at the same time, then compared
byte for byte through the mount and behind it."""
import hashlib
import os
import subprocess
import time

from harness import *  # noqa: F403
from harness import Archive, Child, T

WANTED = int(os.environ.get("REAL_FILES") or 5000)
MOST_BYTES = 400 << 20
SOURCES = ["/usr/include", "/usr/share/perl", "/usr/share/doc", "/usr/share/man", "/usr/share/locale", "/usr/share/zoneinfo", "/usr/share/vim", "/usr/share/mime",
           "/usr/share/bash-completion", "/usr/share/icons", "/usr/share/python3", "/usr/share/perl5", "/usr/share/terminfo", "/usr/share/misc", "/usr/share", "/usr/lib/python3"]
ACME = "P/archive/Acme/working"


def inside(root, path, target):
    """A relative symlink that stays inside the tree."""
    if os.path.isabs(target):
        return False
    where = os.path.normpath(os.path.join(os.path.relpath(os.path.dirname(path), root), target))
    return not where.startswith("..")


def pick():
    """Names of real files, about WANTED and a bit: regular with one link, and symlinks that stay where they are allowed."""
    names, seen, total = [], 0, 0
    done = set()
    for source in SOURCES:
        for where, dirs, files in os.walk(source):
            dirs.sort()
            for name in sorted(files):
                path = os.path.join(where, name)
                st = os.lstat(path)
                if path in done or name.lower().rstrip(". ") in (".zddc", ".zddc.d"):
                    continue
                if os.path.islink(path):
                    if inside("/", path, os.readlink(path)):
                        names.append(path)
                        done.add(path)
                elif st.st_nlink == 1 and st.st_size < 2 << 20 and total + st.st_size < MOST_BYTES:
                    names.append(path)
                    done.add(path)
                    seen, total = seen + 1, total + st.st_size
                    if seen >= WANTED + 200:
                        return names, seen, total
    return names, seen, total


def make_source(base):
    names, seen, total = pick()
    src = os.path.join(base, "src")
    os.mkdir(src)
    listing = "\0".join(n.lstrip("/") for n in names)
    tar = subprocess.run("tar -C / -c --null -T - -f - | tar -C %s -x -f -" % src, shell=True, input=listing.encode("utf-8", "surrogateescape"))
    T.equal(tar.returncode, 0, "the source tree")
    subprocess.run(["chmod", "-R", "a+rX", src])
    if seen < WANTED:  # a small system: what it has, twice
        twice = os.path.join(base, "again")
        T.equal(subprocess.run(["cp", "-a", src, twice]).returncode, 0, "the source tree again")
        os.rename(twice, os.path.join(src, "again"))
        seen, total = 2 * seen, 2 * total
    print("     %d files, %d MiB, %d names" % (seen, total >> 20, len(names)), flush=True)
    T.check(seen >= WANTED, "enough real files on this system", seen)
    return src


def copy(command):
    began = time.monotonic()
    p = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
    return p.returncode, p.stdout.decode(errors="replace")[:2000], time.monotonic() - began


def digest(root, top):
    """Everything that has to be the same, in one hash for each name."""
    out = {}
    base = os.path.join(root, top) if top else root
    for where, dirs, files in os.walk(os.fsencode(base)):
        rel = os.path.relpath(where, os.fsencode(base))
        dirs[:] = [d for d in dirs if d != b".zddc.d"]
        for name in dirs + files:
            path = os.path.join(where, name)
            st = os.lstat(path)
            key = os.path.join(rel, name)
            if key == b"./.zddc":
                continue
            if os.path.islink(path):
                out[key] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                out[key] = ("dir",)
            else:
                with open(path, "rb") as f:
                    out[key] = ("file", hashlib.blake2b(f.read(), digest_size=16).digest(), st.st_size, int(st.st_mtime), st.st_mode & 0o111)
    return out


def differences(a, b):
    return [(k, a.get(k), b.get(k)) for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)][:5]


def test_three_tools():
    a = Archive(project({".zddc": ROOT_ZDDC.replace("pt2@example.com", "pt2@example.com, alice@example.com")})).mount()
    src = make_source(a.base)
    users = {PT: "cp", PT2: "rsync", ALICE: "tar"}
    commands = {
        PT: "cp -a %s/. %s/" % (src, a.at(ACME, "cp")),
        PT2: "rsync -a %s/ %s/" % (src, a.at(ACME, "rsync")),
        ALICE: "tar -C %s -c -f - . | tar -C %s -x -f -" % (src, a.at(ACME, "tar")),
    }
    for uid, name in users.items():
        T.equal(err_as(uid, os.mkdir, a.at(ACME, name)), "", "a home for " + name)
    children = {uid: Child(uid, copy, command) for uid, command in commands.items()}
    for uid, child in children.items():
        status, said, took = child.wait()
        T.equal((status, said), (0, ""), "%s as uid %d: exit status and noise" % (users[uid], uid))
        print("     %-6s %.1f s" % (users[uid], took), flush=True)
    began = time.monotonic()
    want = digest(src, "")
    print("     source read in %.1f s" % (time.monotonic() - began), flush=True)
    readers = {uid: Child(uid, digest, a.at(ACME), name) for uid, name in users.items()}
    for uid, name in users.items():
        got = readers[uid].wait()
        T.check(got == want, "%s: %d names are the same through the mount" % (name, len(want)), differences(got, want))
        print("     %-6s compared after %.1f s" % (name, time.monotonic() - began), flush=True)
        behind = digest(a.behind(ACME), name)
        T.check(behind == want, "%s: and behind it" % name, differences(behind, want))
        owners = subprocess.run(["find", a.behind(ACME, name), "-name", ".zddc.d", "-prune", "-o", "!", "-uid", str(uid), "-print"], stdout=subprocess.PIPE).stdout
        T.check(owners == b"", "%s: everything belongs to its user" % name, owners[:200])
    print("     all compared after %.1f s" % (time.monotonic() - began), flush=True)
    status, said, took = as_user(PT2, copy, "rsync -a --itemize-changes %s/ %s/" % (src, a.at(ACME, "rsync")))
    changes = [x for x in said.splitlines() if not x.startswith(".d")]
    T.equal((status, changes), (0, []), "a second rsync -a finds nothing to do")
    print("     second rsync %.1f s" % took, flush=True)
    T.equal(err_as(PT2, os.listdir, a.at(ACME, "cp")), "ENOENT", "nobody sees the other's")
    began = time.monotonic()
    p = subprocess.run(["rm", "-r", a.at(ACME, "tar")], user=ALICE, group=ALICE, extra_groups=[], stderr=subprocess.PIPE, cwd="/")
    T.equal((p.returncode, p.stderr[:300]), (0, b""), "rm -r of the whole")
    print("     rm -r %.1f s" % (time.monotonic() - began), flush=True)
    T.check(not os.path.exists(a.behind(ACME, "tar")), "it is gone")


if __name__ == "__main__":
    T.run(test_three_tools)
    T.finish()
