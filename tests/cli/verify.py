#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc verify: an archive and its mount pass; each check has a fault that makes exactly it fail."""
import errno
import glob
import json
import os
import shutil
import struct
import subprocess
import sys
import time

from tool import WORK, data, finish, one_line_error, run, text
from harness import ADMIN, DC, PT, ROOT_ZDDC, T, ZDDC, Archive, as_user, eventually, project, write_file

HOME = "created_by: pt@example.com\nacl:\n  inherit: false\n  permissions:\n    pt@example.com: rwcda\n"
GOOD = {"P/archive/Acme/working/pt/.zddc": HOME}


def archive(extra=None):
    return Archive(project(dict(GOOD, **(extra or {}))))


def results(*args, **more):
    p = run("verify", "--json", *args, **more)
    got = data(p)
    return p, {c["check"]: c for c in got.get("checks", [])}


def failing(a, *args):
    return sorted(c for c, r in results(a.back, *args)[1].items() if r["result"] == "fail")


def fault(check, extra, words, status=1):
    """An archive with these files fails exactly that check, and says these words."""
    a = archive(extra)
    p, by = results(a.back)
    T.equal(sorted(c for c, r in by.items() if r["result"] == "fail"), [check], "%s alone fails: %s" % (check, words))
    said = json.dumps(by.get(check, {}).get("findings"))
    T.check(words in said, "%s says %r" % (check, words), said)
    T.equal(p.returncode, status, "%s: status" % check)
    a.close()


def clean():
    a = archive().mount()
    as_user(DC, write_file, a.at("P/archive/Acme/issued/123456-EL-SPC-2623_B (IFR) - Spec.pdf"), b"a document")
    T.check(eventually(lambda: results(a.back, "--only", "H12")[1]["H12"]["result"] == "ok", 5), "sealed files are what was sealed")
    p, by = results(a.back, a.mnt)
    T.equal((p.returncode, p.stderr), (0, b""), "an archive and its mount: %s" % [r for r in by.values() if r["result"] == "fail"])
    T.equal(sorted(c for c, r in by.items() if r["result"] == "nothing"), ["H16", "R4", "S1", "S2", "S3", "S4", "S5"], "what there is nothing to check of")
    T.check("no controlled item" in by["S1"]["why"], "is said with its reason", by["S1"])
    T.equal(len(by), 5 + 13 + 17, "every check of the list")
    p, by = results(a.back)
    T.equal((p.returncode, by["H3"]["why"]), (0, "needs a mount"), "an archive alone")
    out = text(run("verify", a.back)).splitlines()
    T.equal(len(out), 36, "a line for each check, and a sum")
    T.check(any(l.startswith("ok    R12 ") for l in out) and out[-1].endswith("with nothing to check"), "as text", out)
    p = subprocess.run([ZDDC, "verify", a.mnt, "--json"], user=ADMIN, group=ADMIN, extra_groups=[], capture_output=True, cwd="/")
    by = {c["check"]: c for c in data(p)["checks"]}
    T.equal((p.returncode, by["R1"]["result"], by["H3"]["result"], by["H12"]["why"], by["H1"]["result"]), (0, "ok", "ok", "you see no sealed file", "nothing"),
            "a mount alone, as an administrator")
    p = subprocess.run([ZDDC, "verify", a.mnt, "--json"], user=DC, group=DC, extra_groups=[], capture_output=True, cwd="/")
    by = {c["check"]: c for c in data(p)["checks"]}
    T.equal((p.returncode, by["R1"]["why"], by["H8"]["result"], by["H12"]["result"]), (0, "you cannot read all of its policy", "ok", "ok"), "as somebody who may see sealed files, and not all policy")
    one_line_error(run("verify", a.mnt), 2, "you are nobody on that mount")
    one_line_error(run("verify", a.back, a.back), 2, "one archive and one mount")
    one_line_error(run("verify", "--only", "X9", a.back), 2, "no such check")
    T.equal(list(results(a.back, "--only", "R1,h13")[1]), ["R1", "H13"], "--only")
    new = os.path.join(WORK, "new")
    run("init", new, "--admin", "a@b.c")
    T.equal(run("verify", new).returncode, 0, "what init makes passes")


def roles():
    fault("R1", {"P/.zddc": "acl:\n  permissions:\n    estimators: r\n"}, "there is no role estimators")
    fault("R2", {"P/x/.zddc": "roles: {planners: {members: []}}\nacl:\n  permissions:\n    planners: rwcd\n"}, "only role planners holds cd, and it has no member")
    fault("R3", {"P/.zddc": "roles:\n  one: {members: [role:two]}\n  two: {members: [role:one]}\n"}, "is a member of it")
    both = "roles:\n  maker: {members: [x@y.z, '*@q.r'], exclusive: [checker]}\n  checker: {members: ['%s']}\n"
    fault("R4", {"P/.zddc": both % "x@y.z"}, "x@y.z holds maker and checker")
    fault("R4", {"P/.zddc": both % "b@y.z", "P/deep/.zddc": "roles: {checker: {members: [x@y.z]}}\n"}, "in P/deep")
    a = archive({"P/.zddc": both % "b@y.z"})
    T.equal(results(a.back)[1]["R4"]["result"], "ok", "two people for two roles")
    fault("R5", {".zddc.d/identities.yaml": "identities: {root: x@y.z, 0: b@y.z}\n"}, "uid 0 is listed twice")
    fault("R6", {"P/.zddc": "roles: {crew: {members: [x@y.z, X@y.z]}}\n"}, "stands in this list already, in line 1")
    fault("R6", {"P/archive/Acme/Staging/x": ""}, "the same declared place")
    fault("R7", {"P/x/.zddc": "acl:\n  permissions:\n    x@y.z: rwx\n"}, "there is no verb \\\"x\\\"", 3)
    fault("R8", {"P/.zddc": "admins: [x@y.z]\n"}, "x@y.z administers P")
    fault("R9", {".zddc": ROOT_ZDDC.replace("[admin@example.com]", "[role:nobodies]") + "  nobodies: {}\n"}, "nobody administers this archive")


def places():
    fault("R10", {"P/archive/Acme/.zddc": "created_by: dc@example.com\nacl:\n  permissions:\n    dc@example.com: rwcda\n    document_controller: rwcd\n"},
          "role document_controller has only \\\"rwcd\\\"")
    fault("R10", {"P/archive/Acme/working/pt/.zddc": HOME.replace("rwcda", "rwcd")}, "its maker, pt@example.com, has only \\\"rwcd\\\"")
    fault("R11", {"P/archive/Acme/working/pt/.zddc": HOME.replace("  inherit: false\n", "")}, "has no fence any more")
    fault("R12", {"P/archive/Acme/incoming/.zddc": "acl:\n  permissions:\n    project_team: rw\n"}, "role project_team holds w beyond the table's \\\"r\\\"")
    fault("R13", {"P/x/.zddc": "acl:\n  permissions:\n    '*@example.com': rw\n"}, "gives w to whoever matches")
    fault("R13", {"P/archive/Acme/issued/.zddc": "acl:\n  permissions:\n    x@y.z: wd\n"}, "gives nothing: the place is write-once")
    fault("R13", {"P/x/.zddc": "acl:\n  permissions:\n    x@y.z: rw\n    '*@y.z': ''\n"}, "another entry of this level denies them")
    fault("R13", {"P/x/.zddc": "worm: [anonymous, dc@example.com]\n"}, "can never file anything")


def behind():
    a = archive()

    def seeded(check, words, undo):
        by = results(a.back)[1]
        T.equal(sorted(c for c, r in by.items() if r["result"] == "fail"), [check], "%s alone fails: %s" % (check, words))
        T.check(words in json.dumps(by[check]["findings"]), "%s says %r" % (check, words), by[check])
        undo()
        T.equal(results(a.back)[1][check]["result"], "ok", "%s passes again" % check)
    note = a.behind("P/archive/Acme/staging/note.txt")
    os.chmod(a.back, 0o755)
    seeded("H1", "everybody on this machine", lambda: os.chmod(a.back, 0o700))
    for target in ("/etc/passwd", "../../../../Other/x"):
        os.symlink(target, a.behind("P/archive/Acme/staging/link"))
        seeded("H7", "out of its project", lambda: os.unlink(a.behind("P/archive/Acme/staging/link")))
    os.symlink("../incoming/note.txt", a.behind("P/archive/Acme/staging/link"))
    T.equal(results(a.back)[1]["H7"]["result"], "ok", "a link inside its project is one")
    os.unlink(a.behind("P/archive/Acme/staging/link"))
    os.link(note, note + "2")
    seeded("H8", "has 2 names", lambda: os.unlink(note + "2"))
    os.mkfifo(note + "3")
    seeded("H9", "is a pipe", lambda: os.unlink(note + "3"))
    os.chmod(note, 0o4755)
    seeded("H10", "has mode 4755", lambda: os.chmod(note, 0o644))
    os.setxattr(note, "security.capability", struct.pack("<5I", 0x02000000, 1, 0, 0, 0))
    seeded("H11", "security.capability", lambda: os.removexattr(note, "security.capability"))
    os.setxattr(note, "user.zddc.creator", b"%d dc@example.com %d" % (DC, time.time() + 86400))
    seeded("H14", "at a time to come", lambda: os.removexattr(note, "user.zddc.creator"))
    a.put("P/x/.zddc", "# " + "x" * (2 << 20))
    p, by = results(a.back)
    T.equal((p.returncode, [c for c, r in by.items() if r["result"] == "fail"]), (3, ["H6"]), "a bomb that lies there")


def sealed_and_ledger():
    name = "P/archive/Acme/issued/123456-EL-SPC-2623_B (IFR) - Spec.pdf"
    a = archive().mount()
    as_user(DC, write_file, a.at(name), b"a document")
    T.check(eventually(lambda: b"sha256=" in seal_of(a, name) and b"sha256=\n" not in seal_of(a, name), 5), "it is sealed")
    a.umount()
    with open(a.behind(name), "r+b") as f:
        f.write(b"A")
    T.equal(failing(a), ["H12"], "a sealed file that was changed behind the mount")
    with open(a.behind(name), "r+b") as f:
        f.write(b"a")
    T.equal(failing(a), [], "and back")
    ledger = sorted(glob.glob(a.behind(".zddc.d/ledger/*.jsonl")))
    T.check(ledger, "there is a ledger")
    with open(ledger[-1], "rb") as f:
        lines = f.read()
    with open(ledger[-1], "wb") as f:
        f.write(lines.replace(b"dc@example.com", b"xx@example.com", 1))
    T.equal(failing(a), ["H13"], "a line of the ledger that was changed")


def seal_of(a, name):
    try:
        return os.getxattr(a.behind(name), "user.zddc.seal")
    except OSError as e:
        if e.errno not in (errno.ENODATA, errno.ENOENT):
            raise
        return b""


def mount():
    a = archive().mount()
    subprocess.run(["mount", "-o", "remount,bind,suid,nodev", a.mnt], check=True)
    T.equal(failing(a, a.mnt), ["H3"], "a mount that was made suid")
    subprocess.run(["mount", "-o", "remount,bind,nosuid,nodev", a.mnt], check=True)
    T.equal(failing(a, a.mnt), [], "and back")
    # a process of that name that says it serves this mount, with all of root's capabilities
    fake = os.path.join(WORK, "zddcfs")
    shutil.copy(sys.executable, fake)
    proc = subprocess.Popen([fake, "-c", "import time; time.sleep(60)", a.back, a.mnt])
    T.check(eventually(lambda: failing(a, a.mnt) == ["H2"], 5), "a daemon with capabilities that it does not need", failing(a, a.mnt))
    proc.kill()
    proc.wait()
    open_mount = archive().mount("policy=none,insecure")
    bad = failing(open_mount, open_mount.mnt)
    T.check({"H4", "H17"} <= set(bad), "a mount that decides nothing shows everybody everything", bad)
    said = results(open_mount.back, open_mount.mnt)[1]
    T.check("sees it and may not" in json.dumps(said["H4"]["findings"]), "H4 says who sees what", said["H4"]["findings"][:2])


def invalid():
    """Invalid policy: on a mount that decides, nobody sees the place; on one that does not, H5 says who does."""
    bad = {"P/bad/.zddc": "titel: x\n", "P/bad/f": "x"}
    a = archive(bad).mount()
    p, by = results(a.back, a.mnt)
    T.equal((p.returncode, [c for c, r in by.items() if r["result"] == "fail"]), (3, []), "invalid policy is status 3 and fails closed")
    a = archive(bad).mount("policy=none,insecure")
    T.check("H5" in failing(a, a.mnt), "H5 on a mount that does not decide", failing(a, a.mnt))


finish(clean, roles, places, behind, sealed_and_ledger, mount, invalid)
