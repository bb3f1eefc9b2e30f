#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""-o tenant=PROJECT (SPEC 13): one project, and nothing of any other, for nobody: names, listings, errors, control files, ledger, statfs."""
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from harness import T, Archive  # noqa: E402
from elevate import ACME, DOC, ctl, elevate, got, session  # noqa: E402

OTHER = "Q/archive/Acme"


def two_projects():
    tree = project({".zddc": ROOT_ZDDC + 'acl: {permissions: {"*": rwcd}}\n', "root.txt": "at the top\n", OTHER + "/.zddc": PARTY_ZDDC, OTHER + "/staging/secret.txt": "s\n",
                    OTHER + "/issued/" + DOC: "d\n", "Q/bad/.zddc": "nonsense: ["})
    return Archive(tree)


def refused(fn, *args):
    return err(fn, *args)


def test_names():
    a = two_projects().mount("tenant=P")
    admin = session(ADMIN)
    elevate(admin, a.mnt)
    for who, call in (("an elevated root administrator", admin.call), ("a controller", lambda fn, *args: as_user(DC, fn, *args))):
        T.equal([n for n in call(os.listdir, a.mnt) if n != ".zddc"], ["P"], who + " sees one project")
        for hidden, absent in (("Q", "Z"), ("root.txt", "nope.txt"), (OTHER + "/staging/secret.txt", "Z/archive/Acme/staging/secret.txt"), ("Q/.zddc", "Z/.zddc"), ("Q/.zddc.d/whoami", "Z/.zddc.d/whoami")):
            for fn, args in ((os.stat, ()), (os.listdir, ()), (read_file, ()), (os.unlink, ()), (os.rmdir, ()), (os.mkdir, ()), (write_file, ("x",)), (os.chmod, (0o755,)), (os.getxattr, ("user.x",)),
                             (os.rename, (a.at("P/archive/y"),)), (os.access, (os.F_OK,))):
                one, two = (call(refused, fn, a.at(p), *args) for p in (hidden, absent))
                T.equal(one, two, "%s: %s of %s answers as if it were not there" % (who, fn.__name__, hidden))
        T.equal(call(refused, os.rename, a.at(ACME, "staging/note.txt"), a.at("out.txt")), "EACCES", who + " moves nothing to the top")
        T.among(call(refused, os.symlink, "../Q", a.at("P/link")), ("EPERM", "EACCES"), who + " links nothing outside")
    T.equal(admin.call(read_file, a.at(ACME, "staging/note.txt")), b"text in staging\n", "the project itself is there")
    T.equal(admin.call(refused, write_file, a.at(ACME, "staging/new"), "x"), "", "and can be worked in")
    T.equal(got(admin, ctl, a.mnt, "identity-set --user 61999 --email x@example.com"), "EACCES", "identities are for all projects")
    admin.close()
    T.check(a.text("root.txt") == b"at the top\n" and sorted(os.listdir(a.back)) == [".zddc", ".zddc.d", "P", "Q", "root.txt"], "nothing was changed outside")


def test_figures():
    a = two_projects().mount()
    as_user(DC, write_file, a.at(OTHER, "staging/told.txt"), "x")
    as_user(DC, write_file, a.at(ACME, "staging/mine.txt"), "x")
    a.umount()
    a.mount("tenant=P")
    admin = session(ADMIN)
    elevate(admin, a.mnt)
    for w, call in (("administrator", admin.call), ("auditor", lambda fn, *args: as_user(AUD, fn, *args))):
        for name in call(os.listdir, a.at(".zddc.d")):
            text = b"" if call(os.path.isdir, a.at(".zddc.d", name)) else call(read_file, a.at(".zddc.d", name))
            T.check(b"told.txt" not in text and b"Q/" not in text and b"secret" not in text, "%s: .zddc.d/%s tells nothing of another project" % (w, name), text[:400])
        for name in ("identities", "checkpoint"):
            T.equal(call(refused, read_file, a.at(".zddc.d", name)), "ENOENT", "%s: no %s" % (w, name))
        lines = call(read_file, a.at(".zddc.d/audit.jsonl")).decode()
        paths = [json.loads(line).get("path") for line in lines.splitlines()]
        T.check(all(p == ".zddc" or p and p.startswith("P") for p in paths) and ACME + "/staging/mine.txt" in paths, "%s: the ledger has this project's lines only" % w, paths)
    st = os.statvfs(a.mnt)
    T.check(st.f_blocks == st.f_bavail == st.f_bfree and st.f_files == st.f_ffree, "statfs says what is free, not what others use", st)
    before = os.stat(a.mnt)
    a.put("R/x", "another project")
    after = os.stat(a.mnt)
    T.equal((before.st_mtime_ns, before.st_size, before.st_nlink), (after.st_mtime_ns, after.st_size, after.st_nlink), "a new project does not show in the root's times")
    admin.close()


def test_options():
    a = two_projects()
    for bad in ("tenant=Z", "tenant=", "tenant=P/archive", "tenant=..", "tenant=.zddc.d", "tenant=root.txt"):
        try:
            a.mount(bad)
            T.check(False, "-o %s mounts" % bad)
            a.umount()
        except RuntimeError as e:
            a.proc = None
            T.check("tenant" in str(e), "-o %s is refused" % bad, e)
    a.close()


if __name__ == "__main__":
    T.run(test_names, test_figures, test_options)
    T.finish()
