#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write-once where no tool of tests/tools goes: time (grace, 10 minutes, 24 hours, 30 days, retention, restarts), transient names of
others, commands, adoption, old lives, the end of a mount, -o immutable. Times are moved by editing the record behind the mount."""
import json
import os
import subprocess
import time

from harness import *  # noqa: F403
from harness import ADMIN, DC, DC2, MNT_DETACH, OBS, PT, PT2, T, ZDDC, Archive, Child, as_user, err, err_as, eventually, project, read_file, umount2, write_file

ATTR = "user.zddc.seal"
DAY = 86400
ZONE = "worm: [document_controller]\nnaming: off\n%sacl:\n  permissions:\n    document_controller: rwcda\n    observer: r\n"
LANE = "naming: off\nacl:\n  permissions:\n    project_team: cr\n    document_controller: rwcda\n"
ISSUED, STAGING = "P/archive/Acme/issued", "P/archive/Acme/staging"
TRANSMITTAL = "2025-10-31_123456-EM-SUB-0001 (IFR) - Review"


def doc(n):
    return "123456-EL-SPC-%04d_A (IFR) - Spec.pdf" % n


def archive(options="", zone="", **mount):
    a = Archive(project({"Z/.zddc": ZONE % zone, "L/.zddc": LANE}))
    return a.mount(options, **mount)


def shell(uid, cmd, cwd):
    """(exit status, standard error) of a shell command of uid."""
    def run():
        p = subprocess.run(["bash", "-c", cmd], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        return p.returncode, p.stderr.decode()
    return as_user(uid, run)


def works(uid, cmd, cwd, name=None):
    return T.equal(shell(uid, cmd, cwd), (0, ""), name or cmd)


def refused(uid, cmd, cwd, word="not permitted"):
    code, text = shell(uid, cmd, cwd)
    return T.check(code != 0 and word in text, "refused: " + cmd, (code, text))


def attr(a, path, name="state", uid=DC):
    try:
        return as_user(uid, os.getxattr, a.at(path), "user.zddc." + name).decode()
    except OSError as e:
        return errno.errorcode[e.errno]  # noqa: F405


def rests(a, path, want="sealed"):
    return T.check(eventually(lambda: attr(a, path) == want, 8), "%s is %s" % (path, want), attr(a, path))


def record(a, path):
    text = os.getxattr(a.behind(path), ATTR).decode()
    return dict(line.split("=", 1) for line in text.split("\n") if "=" in line)


def set_record(a, path, **changes):
    r = record(a, path)
    r.update({k: str(v) for k, v in changes.items()})
    text = "zddc-seal 1\n" + "".join("%s=%s\n" % kv for kv in r.items())
    os.setxattr(a.behind(path), ATTR, text.ljust(576, "\n").encode())


def said(a, uid):
    return as_user(uid, lambda: read_file(a.at(".zddc.d/last-error")).decode())


def said_json(a, uid):
    return json.loads(as_user(uid, lambda: read_file(a.at(".zddc.d/last-error.json"))))


def command(a, uid, directory, line):
    return err_as(uid, write_file, a.at(directory, ".zddc.d/ctl"), line, os.O_WRONLY)


def names(a, uid, path):
    return set(as_user(uid, os.listdir, a.at(path)))


def now():
    return int(time.time())


# ------------------------------------------------------------------------------------------------------------------ transient names

def test_transient():
    a = archive()
    z, lane = a.at("Z"), a.at("L")
    mine = {".f.pdf.aB3dE9", ".~lock.f#", "x.part"}
    works(DC, "echo x > .f.pdf.aB3dE9; echo lock > '.~lock.f#'; echo p > x.part", z)
    T.equal(names(a, DC, "Z") & mine, mine, "the maker sees all of them")
    T.equal(names(a, OBS, "Z") & mine, {".~lock.f#"}, "others see lock names only")
    for what, fn in (("stat", os.stat), ("read", read_file), ("unlink", os.unlink)):
        T.equal(err_as(DC2, fn, a.at("Z/x.part")), "ENOENT", "%s of another's transient" % what)
    T.equal(err_as(DC2, write_file, a.at("Z/x.part"), "y"), "EACCES", "its name cannot be taken")
    T.equal(attr(a, "Z/x.part"), "transient", "its state")
    works(DC, "echo y >> x.part; mv .f.pdf.aB3dE9 .g.pdf.aB3dE9; mv .g.pdf.aB3dE9 f.pdf; rm '.~lock.f#'", z)
    rests(a, "Z/f.pdf")
    refused(DC, "python3 -c \"import os; os.rename('x.part', 'f.pdf')\"", z, "exists")
    refused(DC, "mv f.pdf f.part", z)
    works(DC, "mv x.part y.pdf", z)
    refused(DC, "mv y.pdf z.part", z)
    works(PT, "echo x > .h.aaaaaa; echo y >> .h.aaaaaa; mv .h.aaaaaa h", lane)
    refused(PT, "rm -f h", lane, "denied")
    works(PT, "echo x > t.tmp", lane)
    T.check("t.tmp" in names(a, DC, "L"), "holders of w see a transient")
    T.check("t.tmp" not in names(a, PT2, "L"), "others of the lane do not")
    T.equal(a.umount(), 0, "clean stop")


def test_quarantine():
    a = archive()
    works(PT, "echo x > t.tmp", a.at("L"))
    works(DC, "echo y > new.tmp", a.at("Z"))
    set_record(a, "L/t.tmp", made=now() - DAY - 9)
    a.umount()
    store = a.behind(".zddc.d/quarantine")
    os.makedirs(store, exist_ok=True)
    for days, name in ((31, "old"), (29, "young")):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now() - days * DAY))
        write_file(os.path.join(store, "%s-1-%s" % (stamp, name)), "x")
    a.mount()
    T.check(eventually(lambda: not os.path.exists(a.behind("L/t.tmp")), 5), "a transient of 24 hours leaves")
    T.check(eventually(lambda: not any(n.endswith("old") for n in os.listdir(store)), 5), "30 days are enough")
    T.equal(sorted(n.rsplit("-", 1)[1] for n in os.listdir(store)), ["t.tmp", "young"], "what is in quarantine")
    kept = [n for n in os.listdir(store) if n.endswith("t.tmp")][0]
    T.equal(os.getxattr(os.path.join(store, kept), "user.zddc.from"), b"L/t.tmp", "where it came from is kept")
    T.check(os.path.exists(a.behind("Z/new.tmp")), "a young one stays")
    T.equal(a.umount(), 0, "clean stop")


def test_policy_has_no_state():
    """The zone's own .zddc is no document: it never has a state, nor a hash."""
    a = archive()
    works(DC, "echo x > s", a.at("Z"))
    T.check(eventually(lambda: attr(a, "Z/s") == "sealed", 5), "a document has one")
    for path in ("Z/.zddc", "L/.zddc"):
        for name in ("state", "sha256"):
            T.equal(err_as(ADMIN, os.getxattr, a.at(path), "user.zddc." + name), "ENODATA", "user.zddc.%s of %s" % (name, path))


# ------------------------------------------------------------------------------------------------------------------------------ time

def test_time():
    a = archive()
    z = a.at("Z")
    works(DC, "touch e; echo x > s; touch -d 2020-01-01 s; chmod +x s", z)
    rests(a, "Z/s")
    set_record(a, "Z/s", released=now() - 61)
    refused(DC, "touch s", z)
    refused(DC, "chmod -x s", z)
    works(DC, "chmod u=rwx,go=rx s; touch -d 2020-01-01 s", z, "calls that change nothing succeed")
    set_record(a, "Z/e", released=now() - 601)
    refused(DC, "echo x > e", z)
    refused(DC, "rm -f e", z)
    works(DC, "touch e2", z)
    set_record(a, "Z/e2", released=now() - 601)
    a.umount()
    a.mount()
    rests(a, "Z/e2")
    T.equal(a.umount(), 0, "clean stop")


def test_clock_of_last_run():
    a = archive()
    works(DC, "touch e; echo x > s", a.at("Z"))
    rests(a, "Z/s")
    T.equal(a.umount(), 0, "clean stop")
    a.put(".zddc.d/clock", "%d\n" % (now() + 3600))
    a.mount()
    refused(DC, "echo x > e", a.at("Z"))
    refused(DC, "touch s", a.at("Z"))
    T.check("behind the archive's" in a.log_text(), "the log says that the clock was set back")
    T.equal(a.umount(), 0, "clean stop")


def test_seal_grace():
    a = archive(zone="seal_grace: 4s\nretention: {default: 1d, min: 1h, max: 10d}\n")
    z = a.at("Z")
    works(DC, "echo a > f; echo b > f; echo c >> f; mv f g; cp /etc/passwd g; touch h; echo x > h; rm h", z, "the creator may do anything")
    refused(DC2, "echo q > g", z)
    rests(a, "Z/g")
    refused(DC, "echo q > g", z)
    T.check(abs(int(record(a, "Z/g")["retain"]) - now() - DAY) < 20, "the default retention", record(a, "Z/g"))
    works(DC, "echo a > k; touch -a -d '+3 days' k; chmod a-w k", z)
    refused(DC, "echo b > k", z)
    rests(a, "Z/k")
    T.equal(a.umount(), 0, "clean stop")


def test_retention():
    a = archive(zone="retention: {default: 1d, min: 1h, max: 10d}\n")
    z = a.at("Z")

    def days():
        return round((int(record(a, "Z/k")["retain"]) - time.time()) / DAY)
    works(DC, "echo a > k; touch -a -d '+3 days' k; chmod a-w k", z)
    rests(a, "Z/k")
    T.equal(days(), 3, "touch -a, chmod a-w")
    works(DC, "touch -a -d '+5 days' k", z)
    T.equal(days(), 5, "lengthened")
    set_record(a, "Z/k", released=now() - 100)
    refused(DC, "touch -a -d '+2 days' k", z)
    T.check("never shortened" in said(a, DC), "why", said(a, DC))
    works(DC2, "touch -a -d '+8 days' k", z, "whoever files here lengthens")
    works(DC2, "touch -a -d '+80 days' k", z)
    T.equal(days(), 10, "within the policy's bounds")
    refused(OBS, "touch -a -d '+9 days' k", z)
    T.equal(attr(a, "Z/k"), "sealed", "still sealed")
    T.equal(a.umount(), 0, "clean stop")


# ------------------------------------------------------------------------------------------------------------------- what is found

def test_adoption():
    a = archive()
    z = a.at("Z")
    a.put("Z/found", "text")
    rests(a, "Z/found")
    refused(DC, "rm -f found", z)
    T.equal(record(a, "Z/found").get("creator"), None, "nobody made it through the mount")
    with open(a.behind("Z/found"), "a") as f:
        f.write("more")
    T.equal(attr(a, "Z/found"), "altered", "its bytes are not those that were sealed")
    T.equal(as_user(DC, os.stat, a.at("Z/found")).st_mode & 0o777, 0o644, "and it is not shown as sealed")
    refused(DC, "rm -f found", z)
    works(DC, "echo x > s", z)
    rests(a, "Z/s")
    os.utime(a.behind("Z/s"), (1, 1))
    # another time is not believed: hashed again, and sealed again as the bytes are those that were sealed
    T.check(attr(a, "Z/s") in ("altered", "sealed"), "another time: looked at again", attr(a, "Z/s"))
    rests(a, "Z/s")
    as_user(DC, os.stat, a.at("Z/s"))
    rests(a, "Z/s")  # until its bytes have been compared
    T.equal(a.umount(), 0, "clean stop")


def test_old_life():
    """Records from a zone that was lifted do not count in the next one."""
    a = Archive(project({"A/.zddc": ZONE % "", "B/.zddc": ZONE % ""})).mount()
    works(DC, "echo x > s; mkdir d; echo y > d/s", a.at("A"))
    rests(a, "A/s")
    rests(a, "A/d/s")
    set_record(a, "A/d/s", state="torn", since=now())
    a.put("A/.zddc", LANE)
    T.check(eventually(lambda: shell(DC, "echo longer > s", a.at("A"))[0] == 0, 3), "the zone is lifted")
    works(DC, "mv s d ../B/", a.at("A"))
    rests(a, "B/s")
    rests(a, "B/d/s")
    refused(DC, "rm -f d/s", a.at("B"))
    T.equal(record(a, "B/s")["size"], "7", "sealed as it came")
    T.equal(a.umount(), 0, "clean stop")


# ------------------------------------------------------------------------------------------------------------------------ commands

def test_commands():
    a = archive()
    works(DC, "echo x > s; touch e", a.at("Z"))
    rests(a, "Z/s")
    T.equal(command(a, DC2, "Z", "seal e\n"), "", "whoever files here seals an empty file")
    rests(a, "Z/e")
    T.equal(command(a, DC, "Z", 'mark --void "wrong \\"rev\\"" s'), "", "mark")
    T.check('void: wrong "rev"' in attr(a, "Z/s"), "the note shows", attr(a, "Z/s"))
    T.equal(command(a, OBS, "Z", "mark --void x s"), "EACCES", "an observer marks nothing")
    for line, want in (("hold --on court s", "EACCES"), ("withdraw --reason x s", "EPERM"), ("accept s", "EPERM"), ("mark s", "EINVAL"),
                       ("seal", "EINVAL"), ("bogus s", "EINVAL"), ("seal none", "ENOENT"), ("seal .zddc", "ENOENT"), ("seal ../L", "ENOENT"),
                       ('seal "s', "EINVAL"), ("mark --void " + "x" * 2000 + " s", "EINVAL"), ("x" * 9000, "EINVAL")):
        T.equal(command(a, DC, "Z", line), want, "ctl: " + line[:40])
    T.check("elevated root administrator" in (command(a, DC, "Z", "hold --on x s"), said(a, DC))[1], "what needs elevation says so")
    for args, want in ((["seal", a.at("Z/e")], 0), (["mark", a.at("Z/s"), "--void", "t"], 0), (["accept", a.at("Z/s")], 1), (["mark", a.at("Z/s")], 2),
                       (["hold", a.at("Z/s"), "on", "--reason", "x"], 1), (["withdraw", a.at("Z/s"), "--reason", "x"], 1), (["seal", "/etc/passwd"], 4)):
        got = as_user(DC, lambda: subprocess.run([ZDDC] + args, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).returncode)
        T.equal(got, want, "zddc " + args[0])
    T.equal(a.umount(), 0, "clean stop")


def test_accept():
    a = archive()

    def half():
        os.write(os.open(a.at("Z/torn"), os.O_WRONLY | os.O_CREAT | os.O_EXCL), b"half")
        time.sleep(60)
    child = Child(DC, half)
    T.check(eventually(lambda: attr(a, "Z/torn") == "open", 5), "open", attr(a, "Z/torn"))
    T.check(b"Z/torn" in as_user(ADMIN, lambda: read_file(a.at(".zddc.d/inflight"))), "in flight")
    T.equal(command(a, DC2, "Z", "accept torn"), "EPERM", "an open file is not torn")
    child.kill()
    T.equal(attr(a, "Z/torn"), "torn", "killed")
    T.equal(err_as(DC2, os.unlink, a.at("Z/torn")), "EPERM", "others cannot remove it")
    T.equal(command(a, OBS, "Z", "accept torn"), "EACCES", "an observer accepts nothing")
    T.equal(command(a, DC2, "Z", "accept torn"), "", "somebody who files here keeps it")
    rests(a, "Z/torn")
    T.equal(record(a, "Z/torn")["filer"].split()[1], "dc2@example.com", "and is named")
    T.check(eventually(lambda: as_user(ADMIN, lambda: read_file(a.at(".zddc.d/inflight"))) == b"", 5), "nothing is in flight")
    T.equal(err_as(OBS, read_file, a.at(".zddc.d/inflight")), "ENOENT", "which is not for everybody")
    T.equal(a.umount(), 0, "clean stop")


def test_sealed_by_hand():
    a = archive()
    s = a.at(STAGING)
    works(DC, "echo x > f; mkdir d; echo y > d/g", s)
    T.equal(command(a, PT, STAGING, "seal f"), "EACCES", "without w nobody seals")
    T.equal(command(a, DC, STAGING, "seal f"), "", "seal")
    T.equal(command(a, DC, STAGING + "/d", 'seal "g"'), "", "seal below")
    rests(a, STAGING + "/f")
    for restarted in (False, True):
        for cmd in ("echo y > f", "rm -f f", "mv f k", "mv f ../incoming/", "mv d ../incoming/", "rm -rf d"):
            refused(DC, cmd, s)
        T.equal(as_user(DC, os.stat, a.at(STAGING, "f")).st_mode & 0o777, 0o444, "shown as sealed")
        if not restarted:
            a.umount()
            a.mount()
    works(DC, "mv d e", s, "a folder with a sealed file is renamed where it is")
    refused(DC, "mv e ../incoming/", s)
    T.equal(a.umount(), 0, "clean stop")


# --------------------------------------------------------------------------------------------------------------------------- moving

def test_into_a_zone():
    a = archive()
    s, z = a.at(STAGING), a.at(ISSUED)
    works(PT, "mkdir '%s' && cd '%s' && echo 1 > '%s' && echo 3 > bad.pdf && touch '%s'" % (TRANSMITTAL, TRANSMITTAL, doc(2), doc(3)), s)
    T.check(shell(DC, "mv '%s' ../issued/" % TRANSMITTAL, s)[0] != 0, "all or nothing")
    T.check("bad.pdf" in said(a, DC) and said_json(a, DC)["error"] == "EINVAL", "the offenders are listed", said(a, DC))
    works(DC, "rm '%s/bad.pdf'" % TRANSMITTAL, s)
    works(DC, "mv '%s' ../issued/" % TRANSMITTAL, s)
    for n in (2, 3):
        path = "%s/%s/%s" % (ISSUED, TRANSMITTAL, doc(n))
        rests(a, path)
        T.equal([record(a, path)[k].split()[1] for k in ("creator", "filer")] if n == 2 else record(a, path)["filer"].split()[1],
                ["pt@example.com", "dc@example.com"] if n == 2 else "dc@example.com", "who made and who filed it")
    refused(PT, "rm -rf '%s'" % TRANSMITTAL, z)
    refused(DC, "mv '%s' ../staging/" % TRANSMITTAL, z)
    works(DC, "mkdir 'New folder' && touch 'New Text Document.txt' && mv 'New Text Document.txt' '%s'" % doc(20), z)
    refused(DC, "echo x > 'New text.txt'", z, "Invalid")
    refused(DC, "echo x > 'New folder/%s'" % doc(30), z, "Invalid")
    refused(DC, "echo x > random-document.pdf", z, "Invalid")
    works(DC, "mv Acme Acme2", a.at("P/archive"), "a party is renamed where it is")
    T.equal(attr(a, "P/archive/Acme2/issued/%s/%s" % (TRANSMITTAL, doc(2))), "sealed", "its sealed files move along")
    T.equal(a.umount(), 0, "clean stop")


def test_explained():
    a = archive()
    works(DC, "echo x > s; touch e", a.at("Z"))
    rests(a, "Z/s")
    for name, op, want, reason in (("s", "unlink", False, "sealed"), ("s", "write", False, "sealed"), ("s", "utimens", True, "creator"),
                                   ("e", "unlink", True, "creator"), ("e", "write", True, "creator")):
        got = json.loads(as_user(DC, lambda: read_file(a.at("Z/.zddc.d/explain.%s.json" % op, name))))
        T.equal((got["allowed"], got["reason"]), (want, reason), "explain %s %s" % (op, name))
    refused(DC, "echo y > s", a.at("Z"))
    told = said_json(a, DC)
    T.equal([told[k] for k in ("reason", "state", "by", "error", "instead")], ["sealed", "sealed", "dc@example.com", "EPERM", "file a new revision under its own name"],
            "which rule, by whom, what to do")
    T.check(told["since"] and told["rule"], "since when, and the rule", told)
    T.equal(a.umount(), 0, "clean stop")


# ------------------------------------------------------------------------------------------------------------------ ends of a mount

def test_sigterm():
    a = archive()

    def half():
        os.write(os.open(a.at("Z/half"), os.O_WRONLY | os.O_CREAT | os.O_EXCL), b"half")
        time.sleep(60)
    child = Child(DC, half)
    T.check(eventually(lambda: attr(a, "Z/half") == "open", 5), "open")
    works(DC, "cp /etc/passwd whole", a.at("Z"))
    a.proc.terminate()
    T.equal(a.stopped(), 0, "SIGTERM with an open file")
    child.kill()
    err(umount2, a.mnt, MNT_DETACH)
    a.mount()
    T.equal(attr(a, "Z/half"), "torn", "what was being written is torn")
    rests(a, "Z/whole")
    for i in range(10):
        works(DC, "cp /etc/passwd q%d" % i, a.at("Z"))
        T.equal(a.umount(), 0, "umount right behind")
        a.mount()
        rests(a, "Z/q%d" % i)
    T.equal(a.umount(), 0, "clean stop")


def flags(path):
    return subprocess.run(["lsattr", path], stdout=subprocess.PIPE).stdout.split()[0]


def test_immutable():
    a = archive("immutable")
    try:
        works(DC, "cp -p /etc/passwd f; echo x > g", a.at("Z"))
        rests(a, "Z/f")
        rests(a, "Z/g")
        T.check(b"i" in flags(a.behind("Z/f")), "the flag is set")
        for what, fn in (("write", lambda: write_file(a.behind("Z/f"), "x")), ("unlink", lambda: os.unlink(a.behind("Z/f"))),
                         ("rename", lambda: os.rename(a.behind("Z/f"), a.behind("Z/h"))), ("setxattr", lambda: os.setxattr(a.behind("Z/f"), ATTR, b"x"))):
            T.equal(err(fn), "EPERM", "root behind the mount: " + what)
        works(DC, "touch -d 2020-01-01 g; chmod +x g; setfattr -n user.q -v 1 g", a.at("Z"), "the metadata grace")
        T.check(b"i" in flags(a.behind("Z/g")), "the flag is back")
        T.equal(command(a, DC, "Z", "mark --void x g"), "", "a note")
        T.check(b"i" in flags(a.behind("Z/g")), "the flag is back again")
        T.equal(a.umount(), 0, "clean stop")
    finally:
        subprocess.run(["chattr", "-R", "-i", a.back], stderr=subprocess.DEVNULL)


T.run(test_transient, test_policy_has_no_state, test_quarantine, test_time, test_clock_of_last_run, test_seal_grace, test_retention, test_adoption, test_old_life, test_commands,
      test_accept, test_sealed_by_hand, test_into_a_zone, test_explained, test_sigterm, test_immutable)
T.finish()
