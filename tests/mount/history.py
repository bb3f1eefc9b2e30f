#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Earlier versions of files where history: true holds (SPEC section 11)."""
import hashlib
import json
import os
import re
import subprocess
import time

from harness import *  # noqa: F403
from harness import ADMIN, ALICE, AUD, BOB, DC, OBS, PT, SLOW, Archive, Child, T
from records import MDL, NAME, ROW, RSK, fields, last_error, listing, mdl, run_as

KEEPS = """\
admins: [admin@example.com]
roles: {auditor: {members: [aud@example.com]}}
history: true
acl: {permissions: {alice@example.com: rwcd, bob@example.com: r, dc@example.com: rwcd, auditor: r}}
"""
VERSION = re.compile(r"(\d{8}T\d{6}Z)-(\d+)-([0-9a-f]{8})-(.+)")


def keeping(extra=None):
    a = Archive({".zddc": KEEPS, "d/f": "one\n", "d/sub/": None, "e/": None, **(extra or {})}, defaults="{}\n").mount()
    return a


def kept(a, where, name, place="history"):
    """What lies in the backing tree: [(revision, text)] in order; pointers as (name, text)."""
    top = a.behind(where, ".zddc.d", place, name)
    out = []
    for path, _, names in os.walk(top):
        for n in names:
            m = VERSION.fullmatch(n)
            with open(os.path.join(path, n), "rb") as f:
                text = f.read()
            out.append((int(m[2]) if m else n, text))
            if m:
                T.equal(hashlib.sha256(text).hexdigest()[:8], m[3], "the name %s has the hash of its bytes" % n)
    return sorted(out, key=str)


def test_in_place():
    """O_TRUNC, >>, a write in the middle, truncate, mmap: what was there before the first change of each open is kept."""
    a = keeping()
    f = a.at("d/f")
    T.equal(err_as(ALICE, write_file, f, "two\n"), "", "O_TRUNC")
    T.equal(kept(a, "d", "f"), [(1, b"one\n")], "keeps what it takes away")
    T.equal(err_as(ALICE, write_file, f, "three\n", os.O_WRONLY | os.O_APPEND), "", ">>")
    T.equal(kept(a, "d", "f")[1:], [(2, b"two\n")], "keeps what it adds to")

    def patch():
        fd = os.open(f, os.O_RDWR)
        os.pwrite(fd, b"T", 0)
        os.pwrite(fd, b"W", 1)
        os.ftruncate(fd, 3)
        os.close(fd)
    as_user(ALICE, patch)
    T.equal(kept(a, "d", "f")[2:], [(3, b"two\nthree\n")], "one version for each open")
    as_user(ALICE, os.truncate, f, 1)
    T.equal(kept(a, "d", "f")[3:], [(4, b"TWo")], "truncate by path")
    T.equal(a.text("d/f"), b"T", "and the file is what it should be")
    names = sorted(os.listdir(a.behind("d/.zddc.d/history/f")))
    T.check(names[1].endswith("-2-%s-alice@example.com" % hashlib.sha256(b"two\n").hexdigest()[:8]), "who wrote it", names)
    before = len(names)
    as_user(ALICE, write_file, f, "T")
    as_user(ALICE, write_file, f, "T")
    T.equal(len(os.listdir(a.behind("d/.zddc.d/history/f"))), before + 1, "identical bytes add nothing")
    T.equal(err_as(ALICE, try_close, f, os.O_RDWR), "", "an open without a change")
    T.equal(len(os.listdir(a.behind("d/.zddc.d/history/f"))), before + 1, "adds nothing")
    as_user(ALICE, write_file, a.at("d/new"), "")
    as_user(ALICE, os.unlink, a.at("d/new"))
    T.check(not os.path.exists(a.behind("d/.zddc.d/ended")), "an empty file leaves nothing")
    as_user(ALICE, write_file, a.at("d/new"), "x")
    T.check(not os.path.exists(a.behind("d/.zddc.d/history/new")), "a new file has no versions")
    as_user(ALICE, write_file, a.at("d/.x.swp"), "x")
    as_user(ALICE, write_file, a.at("d/.x.swp"), "y")
    T.check(not os.path.exists(a.behind("d/.zddc.d/history/.x.swp")), "temporary names have none")


def test_names():
    """unlink, rename, rename over, exchange, move."""
    a = keeping({"d/g": "g one\n", "e/h": "h\n"})
    f, g = a.at("d/f"), a.at("d/g")
    as_user(ALICE, write_file, f, "two\n")
    T.equal(err_as(ALICE, os.rename, f, a.at("d/f2")), "", "a rename in the directory")
    T.equal((kept(a, "d", "f"), kept(a, "d", "f2")), ([], [(1, b"one\n")]), "carries versions along")
    T.equal(err_as(ALICE, os.rename, g, a.at("d/f2")), "", "a rename over another file")
    T.equal(kept(a, "d", "f2"), [(1, b"one\n"), (2, b"two\n")], "keeps what was replaced")
    T.equal(a.text("d/f2"), b"g one\n", "the new text is there")
    T.equal(err_as(ALICE, os.unlink, a.at("d/f2")), "", "removal")
    T.equal((kept(a, "d", "f2"), [v[1] for v in kept(a, "d", "f2", "ended")]), ([], [b"one\n", b"two\n", b"g one\n"]), "ends the chain")
    as_user(ALICE, write_file, a.at("d/f2"), "again\n")
    as_user(ALICE, write_file, a.at("d/f2"), "and again\n")
    T.equal(kept(a, "d", "f2"), [(1, b"again\n")], "a later file of that name starts a new one")
    T.equal(err_as(ALICE, os.rename, a.at("d/f2"), a.at("e/f3")), "", "a move")
    gone = kept(a, "d", "f2", "ended")
    T.check((2, b"and again\n") in gone and dict(gone)["moved-to"].endswith(b" e/f3\n"), "leaves its bytes and a pointer", gone)
    T.check(dict(kept(a, "e", "f3"))["moved-from"].endswith(b" alice@example.com d/f2\n"), "both ways", kept(a, "e", "f3"))
    pointer = as_user(ALICE, read_file, a.at("e/.zddc.d/history/f3/moved-from"))
    T.check(pointer.endswith(b" d/f2\n"), "who reads the other place reads the pointer", pointer)
    a.put("d/.zddc", "acl: {permissions: {bob@example.com: '', alice@example.com: rwcd}}\n")
    T.check(eventually(lambda: as_user(BOB, read_file, a.at("e/.zddc.d/history/f3/moved-from")).endswith(b" (hidden)\n"), 5), "nobody else is told the path")
    os.unlink(a.behind("d/.zddc"))
    T.check(eventually(lambda: not err_as(BOB, os.listdir, a.at("d")), 5), "(the policy of before)")
    as_user(ALICE, write_file, a.at("e/f3"), "later\n")
    T.equal(kept(a, "d", "f2", "ended"), gone, "and is not what the moved file becomes")
    T.equal(err_as(ALICE, renameat2, a.at("e/f3"), a.at("e/h"), RENAME_EXCHANGE), "", "an exchange")
    T.check((1, b"and again\n") in kept(a, "e", "h") and kept(a, "e", "f3") == [], "exchanges versions", kept(a, "e", "h"))
    as_user(ALICE, write_file, a.at("d/sub/x"), "1")
    as_user(ALICE, write_file, a.at("d/sub/x"), "2")
    as_user(ALICE, os.unlink, a.at("d/sub/x"))
    T.equal(err_as(ALICE, os.rmdir, a.at("d/sub")), "", "rmdir")
    removed = os.listdir(a.behind("d/.zddc.d/removed"))
    T.check(len(removed) == 1 and re.fullmatch(r"\d{8}T\d{6}Z-sub-alice@example.com", removed[0]), "goes to the parent's removed/", removed)
    T.equal(sorted(os.listdir(a.behind("d/.zddc.d/removed", removed[0]))), ["ended", "history"], "with its versions")


def test_writer_open():
    """A file that somebody has open when its name goes: what he writes afterwards is in no version."""
    a = keeping()

    def late(how):
        fd = os.open(a.at("d/f"), os.O_RDWR)
        os.write(fd, b"mine")
        if how == "unlink":
            os.unlink(a.at("d/f"))
        else:
            write_file(a.at("d/tmp1"), "other\n")
            os.rename(a.at("d/tmp1"), a.at("d/f"))
        os.pwrite(fd, b"late", 0)
        os.close(fd)
    as_user(ALICE, late, "rename")
    T.equal(kept(a, "d", "f"), [(1, b"one\n"), (2, b"mine")], "replaced while open")
    as_user(ALICE, late, "unlink")
    T.equal([v[1] for v in kept(a, "d", "f", "ended")], [b"one\n", b"mine", b"other\n", b"miner\n"], "removed while open")


def test_records():
    a = mdl()
    as_user(DC, write_file, a.at(MDL, "x.yaml"), ROW)
    texts = [a.text(MDL, NAME)]
    for i in range(3):
        as_user(DC, write_file, a.at(MDL, NAME), texts[-1].replace(b"title: ", b"title: %d " % i))
        texts.append(a.text(MDL, NAME))
    T.equal(kept(a, MDL, NAME), [(i + 1, t) for i, t in enumerate(texts[:-1])], "every revision of a record")
    for i in range(1, 4):
        T.equal(fields(texts[i])["previous_sha"], hashlib.sha256(texts[i - 1]).hexdigest(), "each names the one before it")
    T.equal(err_as(DC, os.unlink, a.at(MDL, NAME)), "", "removed")
    T.equal([v[1] for v in kept(a, MDL, NAME, "ended")], texts, "nothing is lost")


def shown(a, uid, where, name):
    return sorted(as_user(uid, os.listdir, a.at(where, ".zddc.d/history", name)))


def try_to_change(a, where, name):
    """Every way to change a version: the errno of each."""
    top = a.at(where, ".zddc.d/history", name)
    v = os.path.join(top, sorted(os.listdir(top))[0])
    calls = (("write", lambda: os.open(v, os.O_WRONLY)), ("truncate", lambda: os.truncate(v, 0)), ("O_TRUNC", lambda: os.open(v, os.O_RDONLY | os.O_TRUNC)),
             ("unlink", lambda: os.unlink(v)), ("rename", lambda: os.rename(v, v + "x")), ("rename out", lambda: os.rename(v, a.at(where, "out"))),
             ("rename in", lambda: os.rename(a.at(where, name), v)), ("create", lambda: os.open(os.path.join(top, "new"), os.O_WRONLY | os.O_CREAT)),
             ("mkdir", lambda: os.mkdir(os.path.join(top, "new"))), ("symlink", lambda: os.symlink("x", os.path.join(top, "new"))),
             ("chmod", lambda: os.chmod(v, 0o600)), ("utime", lambda: os.utime(v, (1, 1))), ("rmdir", lambda: os.rmdir(top)))
    return {what: err(call) for what, call in calls}


def test_shown():
    a = keeping()
    for text in ("two\n", "three\n"):
        as_user(ALICE, write_file, a.at("d/f"), text)
    v = shown(a, BOB, "d", "f")
    T.equal(v, sorted(os.listdir(a.behind("d/.zddc.d/history/f"))), "versions are shown to whoever reads the file")
    T.equal([as_user(BOB, read_file, a.at("d/.zddc.d/history/f", n)) for n in v], [b"one\n", b"two\n"], "and read")
    st = as_user(BOB, os.stat, a.at("d/.zddc.d/history/f", v[1]))
    T.equal((st.st_size, st.st_mode & 0o777), (4, 0o444), "with their size")
    T.equal(as_user(BOB, os.listdir, a.at("d/.zddc.d/history")), ["f"], "history/ lists names")
    T.equal(err_as(NOBODY, os.stat, a.at("d/.zddc.d/history/f", v[0])), "ENOENT", "nobody else sees them")
    T.equal(err_as(BOB, os.stat, a.at("d/.zddc.d/history/../../../d")), "", "(a path that leads back)")
    for name in ("nothing", ".zddc.d", ".zddc", "..", "f/../../ended"):
        T.check(err_as(ADMIN, os.listdir, a.at("d/.zddc.d/history", name)) in ("ENOENT", "") or name == "..", "no way out by %s" % name)
    T.equal(err_as(ALICE, os.stat, a.at("d/.zddc.d/rows")), "ENOENT", "the daemon's other files are nobody's")
    for who in (ALICE, ADMIN):
        got = as_user(ALICE, try_to_change, a, "d", "f")
        T.equal({k: e for k, e in got.items() if e not in ("EROFS",) and not (k == "rename in" and e == "EROFS")}, {}, "EROFS for every change")
    T.equal(kept(a, "d", "f"), [(1, b"one\n"), (2, b"two\n")], "nothing has changed")
    as_user(ALICE, os.unlink, a.at("d/f"))
    T.equal(err_as(BOB, os.listdir, a.at("d/.zddc.d/history/f")), "ENOENT", "an ended chain is not for everybody")
    for who, sees in ((ALICE, True), (AUD, True), (BOB, False)):
        names = as_user(who, os.listdir, a.at("d/.zddc.d/history"))
        T.equal(names, ["f"] if sees else [], "ended chains in the list for %s" % PEOPLE[who])
    ended = shown(a, AUD, "d", "f")
    T.check(len(ended) == 1 and ended[0].endswith("-alice@example.com"), "it shows when it ended, and by whom", ended)
    T.equal(len(as_user(AUD, os.listdir, a.at("d/.zddc.d/history/f", ended[0]))), 3, "with every version")
    as_user(ALICE, write_file, a.at("d/f"), "new\n")
    as_user(ALICE, write_file, a.at("d/f"), "newer\n")
    T.equal(len(shown(a, BOB, "d", "f")), 1, "a new file's versions are everybody's again")
    T.equal(len(shown(a, ALICE, "d", "f")), 2, "beside the ended ones")
    as_user(ALICE, write_file, a.at("d/sub/x"), "1")
    as_user(ALICE, write_file, a.at("d/sub/x"), "2")
    as_user(ALICE, os.unlink, a.at("d/sub/x"))
    as_user(ALICE, os.rmdir, a.at("d/sub"))
    T.equal(err_as(ADMIN, os.listdir, a.at("d/.zddc.d/removed")), "ENOENT", "removed/ is not even an administrator's, not elevated")


    def elevated():
        p = subprocess.run([ZDDC, "elevate", "--reason", "test", "--at", a.mnt, "--", "sh", "-c", "find '%s/d/.zddc.d/removed' -type f -exec cat {} +" % a.mnt],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, start_new_session=True)
        return p.returncode, p.stdout, p.stderr
    status, out, said = as_user(ADMIN, elevated)
    T.check(status == 0 and b"1" in out and b"2" in out, "but an elevated one's", (status, out, said))
    a.put(".zddc", KEEPS.replace("history: true", "history: false"))
    T.check(eventually(lambda: b"history: false" in as_user(ALICE, read_file, a.at("d/.zddc.d/effective.yaml")), 5), "history is switched off")
    T.equal(len(shown(a, BOB, "d", "f")), 1, "what was kept is still shown")
    as_user(ALICE, write_file, a.at("d/f"), "newest\n")
    T.equal(len(shown(a, BOB, "d", "f")), 1, "and nothing more is kept")
    as_user(ALICE, os.rename, a.at("d/f"), a.at("d/g"))
    T.equal(len(shown(a, BOB, "d", "g")), 1, "a rename still carries it along")


def zddc(uid, *args):
    p = subprocess.run([ZDDC, *args], cwd="/", user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")


def test_commands():
    """zddc history, zddc restore."""
    a = keeping()
    for text in ("two\n", "three\n"):
        as_user(ALICE, write_file, a.at("d/f"), text)
    status, out, said = zddc(BOB, "history", a.at("d/f"))
    lines = out.splitlines()
    T.equal((status, len(lines), said), (0, 3, ""), "history")
    for line, rev, text, who in zip(lines, ("1", "2", "now"), ("one\n", "two\n", "three\n"), ("anonymous", "alice@example.com", "-")):
        T.check(line.split()[0] == rev and hashlib.sha256(text.encode()).hexdigest()[:16] in line and line.split()[-1] == who, "who, when, hash", line)
    status, out, said = zddc(BOB, "history", "--diff", a.at("d/f"))
    T.check(status == 0 and "\n-two\n+three\n" in out, "--diff", out)
    got = json.loads(zddc(BOB, "history", "--json", a.at("d/f"))[1])
    T.equal([v["sha256"] for v in got["chains"][0]["versions"]], [hashlib.sha256(t).hexdigest() for t in (b"one\n", b"two\n", b"three\n")], "--json")
    T.equal(zddc(NOBODY, "history", a.at("d/f"))[0] in (1, 4), True, "who may not see the file")
    T.equal(zddc(ALICE, "restore", a.at("d/f"), "1"), (0, "", ""), "restore")
    T.equal((a.text("d/f"), kept(a, "d", "f")[-1]), (b"one\n", (3, b"three\n")), "writes the old bytes, and keeps the others")
    status, out, said = zddc(BOB, "restore", a.at("d/f"), "2")
    T.check(status == 1 and "needs w" in said.replace("`", ""), "who may not write", (status, said))
    T.equal(zddc(ALICE, "restore", a.at("d/f"), "77")[0], 1, "a version that is not there")
    T.equal(zddc(ALICE, "restore", a.at("d/f"), hashlib.sha256(b"two\n").hexdigest()[:6])[0], 0, "by its hash")
    T.equal(a.text("d/f"), b"two\n", "is the one that is meant")
    as_user(ALICE, os.unlink, a.at("d/f"))
    status, out, said = zddc(ALICE, "history", a.at("d/f"))
    T.check(status == 0 and "ended" in out, "of a removed file", out)
    T.equal(zddc(ALICE, "restore", a.at("d/f"), "1")[0], 0, "a removed file comes back")
    T.equal(a.text("d/f"), b"one\n", "with the version one wants")
    m = mdl()
    as_user(DC, write_file, m.at(MDL, "x.yaml"), ROW)
    first = m.text(MDL, NAME)
    as_user(DC, write_file, m.at(MDL, NAME), first.replace(b"switchgear", b"nothing"))
    T.equal(zddc(DC, "restore", m.at(MDL, NAME), "1"), (0, "", ""), "a record")
    f = fields(m.text(MDL, NAME))
    T.check(f["revision"] == "3" and "switchgear" in f["title"], "is a new revision with the old fields", f)
    status, out, said = zddc(DC, "history", m.at(MDL, NAME))
    T.equal([line.split()[0] for line in out.splitlines()], ["1", "2", "3"], "revisions as they count")
    row = m.at("P/mdl", "Acme__" + NAME)
    T.equal(zddc(DC, "history", row)[1], out, "the same of its row in the project's table")
    T.equal(zddc(DC, "restore", row, "2")[0], 0, "which is restored as well")
    T.equal(fields(m.text(MDL, NAME))["revision"], "4", "as the record's next revision")
    command = "sed -i s/nothing/admin/ '%s' && rm '%s'" % (m.at(MDL, NAME), m.at(MDL, NAME))
    T.equal(as_user(ADMIN, subprocess.call, [ZDDC, "elevate", "--reason", "test", "--at", m.mnt, "--", "sh", "-c", command]), 0, "an elevated administrator")
    T.equal(dict(kept(m, MDL, NAME, "ended"))[5].count(b"updated_by: admin@example.com"), 1, "writes revisions as himself")


def moment():
    """The second that has been; what comes is in another."""
    second = int(time.time())
    time.sleep(second + 1.01 - time.time())
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def then(a, uid, at, where="d"):
    """What was there, as this user sees it."""
    top = a.at(where, ".zddc.d/at", at)
    return {n: as_user(uid, read_file, os.path.join(top, n)) for n in as_user(uid, os.listdir, top)}


def test_at():
    """.zddc.d/at/DATE: by today's policy and that day's."""
    a = keeping({"d/g": "g\n"})
    old = moment()
    as_user(ALICE, write_file, a.at("d/f"), "two\n")
    as_user(ALICE, os.unlink, a.at("d/g"))
    as_user(ALICE, write_file, a.at("d/new"), "new\n")
    second = moment()
    as_user(ALICE, write_file, a.at("d/f"), "three\n")
    as_user(ALICE, os.rename, a.at("d/new"), a.at("e/new"))
    T.equal(then(a, BOB, old), {"f": b"one\n", "g": b"g\n"}, "as it was at first")
    T.equal(then(a, BOB, second), {"f": b"two\n", "new": b"new\n"}, "and later")
    T.equal(then(a, BOB, second, "e"), {}, "what came here since is not shown here")
    T.equal(a.text("d/f"), b"three\n", "(now)")
    T.equal(err_as(BOB, os.listdir, a.at("d/.zddc.d/at/2999-01-01")), "ENOENT", "nothing of the future")
    T.equal(err_as(BOB, os.listdir, a.at("d/.zddc.d/at/yesterday")), "ENOENT", "a time that is none")
    T.equal(then(a, BOB, "2001-01-01"), {}, "before there was a ledger nobody can say who might read")
    T.equal(err_as(ALICE, write_file, a.at("d/.zddc.d/at", old, "f"), "x"), "EROFS", "the past is not written")
    T.equal(then(a, NOBODY, old) if not err_as(NOBODY, os.listdir, a.at("d")) else {}, {}, "who may not read today")
    as_user(ADMIN, write_file, a.at(".zddc"), KEEPS.replace("bob@example.com: r", "bob@example.com: ''"))
    T.equal(err_as(BOB, os.listdir, a.at("d/.zddc.d/at", old)), "ENOENT", "who lost the right to read")
    closed = moment()
    as_user(ADMIN, write_file, a.at(".zddc"), KEEPS)
    T.equal(then(a, BOB, closed), {}, "who might not then, sees nothing of that day")
    T.equal(then(a, ALICE, closed), {"f": b"three\n"}, "who might, does")
    T.equal(then(a, BOB, second), {"f": b"two\n", "new": b"new\n"}, "other days are theirs again")
    days = [moment() for _ in range(4)]  # with those before more than are kept: the first policies go, for all threads
    T.equal([then(a, BOB, day) for day in days + [old, second]][-1], {"f": b"two\n", "new": b"new\n"}, "however many days are asked for")
    T.equal(a.umount(), 0, "nothing holds on to the policies of a day that went")


def test_at_before_the_ledger():
    """A day of which nothing is known costs no more than another, however often policy has changed."""
    a = keeping({"d/%03d" % n: "x\n" for n in range(200)})
    for n in range(80):
        as_user(ADMIN, write_file, a.at(".zddc"), KEEPS + "# %d\n" % n)
    now = moment()

    def took(day):
        began = time.monotonic()
        as_user(BOB, os.listdir, a.at("d/.zddc.d/at", day))
        return time.monotonic() - began
    known, unknown = min(took(now) for _ in range(3)), min(took("2001-01-0%d" % n) for n in range(1, 4))
    T.check(unknown < 3 * known + 0.01 * SLOW, "listing a day before the ledger", "%.0f ms, %.0f ms for a known one" % (1000 * unknown, 1000 * known))


if __name__ == "__main__":
    T.run(test_at, test_at_before_the_ledger, test_in_place, test_names, test_writer_open, test_records, test_shown, test_commands)
    T.finish()
