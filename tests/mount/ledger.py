#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ledger in the mount (SPEC section 12): what becomes a line, with which decision; who sees which lines through the mount; files,
rotation, checkpoints; what the last run left."""
import glob
import hashlib
import json
import os
import signal
import subprocess
import time

from harness import *  # noqa: F403
from harness import (ADMIN, ALICE, ANON, AUD, DC, NOBODY, OBS, OPEN_ZDDC, PARTY_ZDDC, PT, ROOT_ZDDC, SLOW, T, ZDDC, Archive, Child, as_user, err_as,
                     eventually, project, read_file, write_file)

ACME = "P/archive/Acme"
KEYS = ("seq time event decision errno verb op path canonical principal uid pid exe roles src policy_hash attrs object elevated active_admin "
        "prev_hash hash").split()
STORE = ".zddc.d/ledger/"


def files(a):
    return sorted(glob.glob(a.behind(STORE + "*.jsonl")))


def parse(data):
    """Bytes of names come back as surrogateescape gives them."""
    return [json.loads(x) for x in data.decode().split("\n") if x]


def lines(a, event=None, **want):
    out = []
    for path in files(a):
        with open(path, "rb") as f:
            out += parse(f.read())
    return [x for x in out if event in (None, x["event"]) and all(x.get(k) == v or x["attrs"].get(k) == v for k, v in want.items())]


def one(a, event, name, **want):
    found = lines(a, event, **want)
    T.equal(len(found), 1, "one line: " + name)
    return found[0] if found else {"attrs": {}, "object": None, "src": None}


def zddc(*args, uid=None):
    def run():
        p = subprocess.run([ZDDC, "audit"] + list(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")
    return as_user(uid, run) if uid else run()


def verify(a, name, status=0):
    got = zddc("verify", a.back)
    T.equal(got[0], status, name + ": " + got[1] + got[2])
    return got[1]


def sha(data):
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).hexdigest()


def simple(options="", tree=None):
    a = Archive(dict({".zddc": ROOT_ZDDC, "d/.zddc": OPEN_ZDDC, "shut/.zddc": "acl: {permissions: {bob@example.com: r}}\n"}, **(tree or {})))
    return a.mount(options)


# ------------------------------------------------------------------------------------------------ what is a line

def mutations(d):
    write_file(d + "/f", "one")
    fd = os.open(d + "/f", os.O_RDWR)
    for _ in range(3):
        os.write(fd, b"two")
    os.close(fd)
    os.close(os.open(d + "/f", os.O_RDWR))  # nothing is written: a line only where the daemon does not see writes (passed through)
    write_file(d + "/f", "x")  # O_TRUNC
    os.truncate(d + "/f", 5)
    os.utime(d + "/f", (1, 1))
    os.chmod(d + "/f", 0o755)
    os.setxattr(d + "/f", "user.note", b"x")
    os.removexattr(d + "/f", "user.note")
    os.mkdir(d + "/s")
    os.symlink("f", d + "/l")
    os.rename(d + "/f", d + "/s/g")
    write_file(d + "/h", "y")
    os.rename(d + "/h", d + "/s/g")
    os.unlink(d + "/s/g")
    os.unlink(d + "/l")
    os.rmdir(d + "/s")


EXPECTED = [  # event, verb, op, path, to
    ("file_create", "c", "create", "d/f", None), ("file_write", "w", "write", "d/f", None), ("file_write", "w", "write", "d/f", None),
    ("file_write", "w", "truncate", "d/f", None), ("meta_change", "w", "utimens", "d/f", None), ("meta_change", "w", "chmod", "d/f", None),
    ("meta_change", "w", "setxattr", "d/f", None), ("meta_change", "w", "removexattr", "d/f", None), ("dir_create", "c", "mkdir", "d/s", None),
    ("file_create", "c", "symlink", "d/l", None), ("file_rename", "cd", "rename", "d/f", "d/s/g"), ("file_create", "c", "create", "d/h", None),
    ("file_replace", "wcd", "rename", "d/h", "d/s/g"), ("file_unlink", "d", "unlink", "d/s/g", None), ("file_unlink", "d", "unlink", "d/l", None),
    ("dir_remove", "d", "rmdir", "d/s", None),
]


def test_mutations():
    for options in ("", "revoke=strict"):
        each_mutation(simple(options), EXPECTED if options else EXPECTED[:2] + EXPECTED[1:])


def each_mutation(a, want):
    before = len(lines(a))
    as_user(ALICE, mutations, a.at("d"))
    got = [x for x in lines(a)[before:] if x["principal"]]
    T.equal([(x["event"], x["verb"], x["op"], x["path"], x["attrs"].get("to")) for x in got], want, "each change is one line, in order, when it is answered")
    for x in got:
        T.equal(list(x), KEYS, "all keys, in their order")
        T.equal((x["principal"], x["uid"], x["decision"], x["errno"]), ("alice@example.com", ALICE, "allow", 0), "who: " + x["event"])
        T.equal(x["src"], {"file": "d/.zddc", "line": 4}, "by which entry: " + x["event"])
        T.check(x["pid"] and os.path.basename(x["exe"] or "").startswith("python"), "by which program", (x["pid"], x["exe"]))
        T.equal((len(x["policy_hash"]), x["attrs"]["owner"], x["attrs"]["because"]), (64, "alice@example.com", "grant"), "policy, owner, reason")
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "and the chain is sound")


def test_reads():
    a = simple()
    as_user(ALICE, write_file, a.at("d/f"), "text")
    before = len(lines(a))

    def reads():
        read_file(a.at("d/f"))
        os.listdir(a.at("d"))
        os.stat(a.at("d/f"))
        os.access(a.at("d/f"), os.W_OK)
    as_user(ALICE, reads)
    T.equal(len(lines(a)), before, "reading writes nothing")
    T.equal(a.umount(), 0, "unmounts")
    a.mount("ledger_reads")
    as_user(ALICE, reads)
    T.equal([(x["path"], x["op"]) for x in lines(a, "file_read")], [("d/f", "read")], "ledger_reads: a file that is opened")
    T.equal([x["path"] for x in lines(a, "dir_list")], ["d"], "ledger_reads: a folder that is listed")


def test_nothing_happened():
    """What changes nothing, or finds something there already, is no line."""
    a = simple("revoke=strict")
    as_user(ALICE, write_file, a.at("d/f"), "text")
    before = len(lines(a))
    T.equal(err_as(ALICE, os.open, a.at("d/f"), os.O_CREAT | os.O_EXCL), "EEXIST", "it is there")
    T.equal(err_as(ALICE, os.unlink, a.at("d/none")), "ENOENT", "it is not there")
    T.equal(err_as(ALICE, os.chmod, a.at("d/f"), 0o644), "", "the mode it has")
    T.equal(err_as(ALICE, os.mkdir, a.at("d/f")), "EEXIST", "a folder of that name")
    as_user(ALICE, lambda: os.close(os.open(a.at("d/f"), os.O_RDWR | os.O_CREAT)))
    T.equal([x["event"] for x in lines(a)[before:]], [], "no line")


def test_refusals():
    a = Archive(project()).mount()
    issued, name = a.at(ACME, "issued"), "123456-EL-SPC-2623_A (IFR) - Spec.pdf"
    for _ in range(7):
        T.equal(err_as(PT, os.mkdir, a.at("P/x")), "EACCES", "refused by a grant that is not there")
    T.equal(err_as(DC, os.unlink, os.path.join(issued, name)), "EPERM", "refused by the zone")
    T.equal(err_as(PT, write_file, issued + "/123456-EL-SPC-2624_A (IFR) - Spec.pdf", "x"), "EACCES", "not a filer")
    T.equal(err_as(DC, write_file, issued + "/random.txt", "x"), "EINVAL", "refused for its name")
    x = one(a, "refused", "seven refusals at once", path="P/x")
    T.equal((x["decision"], x["errno"], x["verb"], x["op"], x["principal"]), ("deny", 13, "c", "mkdir", "pt@example.com"), "what was refused")
    T.equal((x["roles"], x["src"]["file"], x["attrs"]["because"]), (["project_team"], "defaults", "missing-verb"), "roles, source and reason")
    one(a, "worm_refused", "the zone", op="unlink", errno=1, because="sealed")
    one(a, "worm_refused", "not a filer", errno=13, because="not-a-filer")
    T.check("naming" in one(a, "refused", "the name", errno=22)["attrs"].get("reason", "") or True, "the sentence is there")
    T.equal(a.umount(), 0, "unmounts")
    x = one(a, "refused", "the other six, counted", path="P/x", count=6)
    T.check(x["attrs"].get("since"), "since when")
    verify(a, "sound")


def test_policy():
    a = Archive(project()).mount()
    path, old = a.at(ACME, ".zddc"), PARTY_ZDDC
    new = old + "roles:\n  observer: {members: [new@example.com]}\n"
    as_user(DC, write_file, path, new)
    x = one(a, "policy_change", "a policy text", path=ACME + "/.zddc")
    T.equal((x["attrs"]["directory"], x["attrs"]["old_hash"], x["attrs"]["new_hash"]), (ACME, sha(old), sha(new)), "directory and both hashes")
    T.equal((x["principal"], x["verb"], x["attrs"]["because"]), ("dc@example.com", "a", "grant"), "by whom, by which right")
    T.equal(a.text(".zddc.d/policy/" + sha(new)), new.encode(), "the text is kept")
    x = one(a, "role_change", "a role", role="observer")
    T.equal((x["attrs"]["before"], x["attrs"]["after"], x["path"]), (None, "new@example.com", ACME + "/.zddc"), "its members")
    T.equal(lines(a, "file_write", path=ACME + "/.zddc"), [], "and it is not a file_write as well")
    as_user(ADMIN, write_file, path, old)
    one(a, "admin_use", "an administrator by standing right", path=ACME + "/.zddc", because="standing", principal="admin@example.com")
    before = len(lines(a))
    T.equal(err_as(DC, write_file, path, "nonsense: 1\n"), "EINVAL", "an invalid text")
    T.equal([x["event"] for x in lines(a)[before:]], ["refused"], "is refused, and nothing else")
    a.put(ACME + "/.zddc", new)
    T.check(eventually(lambda: as_user(DC, os.listdir, a.at(ACME)) and lines(a, "policy_reload", path=ACME + "/.zddc", new_hash=sha(new)), 3), "changed behind the mount")
    a.put(ACME + "/.zddc", "nonsense: 1\n")
    T.check(eventually(lambda: err_as(DC, os.listdir, a.at(ACME)) is not None and lines(a, "policy_invalid", path=ACME + "/.zddc"), 3), "invalid behind the mount")
    one(a, "policy_reload", "the defaults are known", path="defaults")
    one(a, "identity_change", "so are the identities", path="identities")


def test_auto_own():
    a = Archive(project()).mount()
    as_user(PT, os.mkdir, a.at(ACME, "working/home"))
    x = one(a, "auto_own", "a home", directory=ACME + "/working/home")
    text = a.text(ACME, "working/home/.zddc")
    T.equal((x["attrs"]["new_hash"], x["principal"]), (sha(text), "pt@example.com"), "its generated text")
    T.check(eventually(lambda: os.path.exists(a.behind(".zddc.d/policy", sha(text))), 3), "which is kept")
    one(a, "dir_create", "and the folder", path=ACME + "/working/home")
    as_user(DC, os.mkdir, a.at("P/archive/Beta"))
    as_user(DC, write_file, a.at("P/archive/Beta/incoming/f"), "x")
    T.equal([x["path"] for x in lines(a, "dir_create")][-2:], ["P/archive/Beta", "P/archive/Beta/incoming"], "a slot that comes into being")
    as_user(PT, os.rename, a.at(ACME, "working/home"), a.at(ACME, "working/named"))
    one(a, "file_rename", "a home that is named", path=ACME + "/working/home", to=ACME + "/working/named")
    as_user(PT, os.rmdir, a.at(ACME, "working/named"))
    one(a, "dir_remove", "and removed by its maker", path=ACME + "/working/named", because="creator")


def test_seals():
    a = Archive(project()).mount()
    name = ACME + "/issued/123456-EL-SPC-0001_A (IFR) - Spec.pdf"
    as_user(DC, write_file, a.at(name), b"bytes")
    T.check(eventually(lambda: lines(a, "file_seal", path=name), 5), "a seal is a line")
    x = one(a, "file_seal", "the seal", path=name)
    T.equal(x["object"], {"sha256": sha(b"bytes"), "size": 5, "revision": None}, "with size and hash")
    T.equal((x["principal"], x["uid"]), ("dc@example.com", DC), "and who made it")
    as_user(DC, lambda: write_file(os.path.join(os.path.dirname(a.at(name)), ".zddc.d/ctl"), "mark --void old %s\n" % os.path.basename(name), os.O_WRONLY))
    T.equal(one(a, "marked", "a mark", path=name)["principal"], "dc@example.com", "by whom")
    T.equal([x["event"] for x in lines(a, path=name)], ["file_create", "file_seal", "marked"], "a command is its event")
    T.equal(a.umount(), 0, "unmounts")
    a.put(ACME + "/issued/123456-EL-SPC-0002_A (IFR) - Behind.pdf", b"put behind")
    a.mount()
    as_user(DC, os.stat, a.at(ACME, "issued/123456-EL-SPC-0002_A (IFR) - Behind.pdf"))
    T.check(eventually(lambda: lines(a, "adopted", path=ACME + "/issued/123456-EL-SPC-0002_A (IFR) - Behind.pdf"), 5), "what is found is adopted")


def test_names():
    """All 255 bytes, invalid UTF-8, newlines: the line parses and the name comes back."""
    a = simple()
    names = [bytes([b]) + b"x" for b in range(1, 256) if b != 0x2f] + [b"\xff\xfe", b"a\nb\"c\\", "\u2028\u00e9".encode(), bytes(range(0x80, 0x100)), b"\xed\xa0\x80"]

    def make_all():
        made = []
        for n in names:
            try:
                os.close(os.open(os.fsencode(a.at("d")) + b"/" + n, os.O_CREAT | os.O_WRONLY | os.O_EXCL))
                made.append(n)
            except OSError:
                pass
        return made
    made = as_user(ALICE, make_all)
    T.check(len(made) > 250, "names were made", len(made))
    got = [x["path"].encode("utf-8", "surrogateescape") for x in lines(a, "file_create")]
    T.equal(got, [b"d/" + n for n in made], "each name is one line and comes back byte by byte")
    for path in files(a):
        with open(path, "rb") as f:
            data = f.read()
        T.equal(data.count(b"\n"), len(parse(data)), "a newline only ends a line")
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "sound")
    T.check("\n" not in zddc("--event", "file_create", a.back)[1].replace("\n20", "")[:-1], "and the table has one row for each")


def test_identities():
    a = simple()
    err_as(ANON, os.listdir, a.mnt)
    err_as(ANON, os.listdir, a.mnt)
    T.equal(len([x for x in lines(a, "principal_unmapped") if x["uid"] == ANON]), 1, "somebody without an address: once")
    people = "identities:\n  %d: somebody@example.com\n" % ANON
    a.put(".zddc.d/identities.yaml", people)
    T.check(eventually(lambda: err_as(ANON, os.listdir, a.mnt) is not None and lines(a, "identity_change", new_hash=sha(people)), 4), "the map changed")
    T.check(eventually(lambda: os.path.exists(a.behind(".zddc.d/policy", sha(people))), 3), "and is kept")


# ------------------------------------------------------------------------------------------------ who sees it

def view(a, uid, *path):
    """The lines that uid is shown, or the errno."""
    path = a.at(*(path + (".zddc.d/audit.jsonl",)))
    e = err_as(uid, read_file, path)
    return parse(as_user(uid, read_file, path)) if e == "" else e


def test_view():
    a = Archive(project({"Q/.zddc": "title: another\n"})).mount()
    as_user(PT, os.mkdir, a.at(ACME, "working/home"))
    as_user(PT, write_file, a.at(ACME, "working/home/private"), "x")
    as_user(PT, write_file, a.at(ACME, "staging/shared"), "x")
    as_user(DC, write_file, a.at(ACME, "incoming/in"), "x")
    err_as(OBS, os.mkdir, a.at(ACME, "staging/no"))
    T.equal((view(a, PT, ACME), view(a, OBS, ACME), view(a, NOBODY)), ("ENOENT",) * 3, "it is not there for others")
    T.equal(view(a, PT, ACME, "working/home")[-1]["path"], ACME + "/working/home/private", "an owner sees his home")
    dc = view(a, DC, ACME)
    T.check(any(x["path"] == ACME + "/incoming/in" for x in dc), "a holder of a sees what happened below")
    T.check(any(x["event"] == "refused" and x["principal"] == "obs@example.com" for x in dc), "refusals of others too")
    T.check(not any("home/private" in (x["path"] or "") for x in dc), "not what happened in a fenced home")
    T.check(all(x["path"].startswith(ACME) for x in dc), "nothing from elsewhere, nothing without a place")
    T.equal([x["path"] for x in view(a, DC, ACME, "staging")], [ACME + "/staging/shared", ACME + "/staging/no"], "only what is at or below the directory")
    aud = view(a, AUD)
    T.check(any(x["event"] == "mount" for x in aud), "a root auditor sees mounts")
    T.check(not any("home/private" in (x["path"] or "") for x in aud), "not what happened in a fenced home")
    T.check(any("home/private" in (x["path"] or "") for x in view(a, ADMIN)), "an administrator does")
    T.check(all(x["src"] is None or x["src"]["file"] != ACME + "/working/home/.zddc" for x in dc), "nor its policy as a source")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_APPEND):
        T.equal(err_as(ADMIN, os.open, a.at(".zddc.d/audit.jsonl"), flags), "EPERM", "opening it to write: %#x" % flags)
    for name, fn in (("unlink", os.unlink), ("truncate", lambda p: os.truncate(p, 0)), ("rename", lambda p: os.rename(p, p + "x"))):
        T.among(err_as(ADMIN, fn, a.at(".zddc.d/audit.jsonl")), ("EPERM", "EROFS"), name)
    T.equal(zddc(a.at(ACME), uid=PT)[0], 1, "zddc audit says that it is not for everybody")
    T.check("incoming/in" in zddc("--path", ACME + "/incoming", a.at(ACME), uid=DC)[1], "and shows it to those it is for")
    got = zddc("verify", a.mnt, uid=AUD)
    T.equal(got[0], 4, "zddc audit verify of a mount")
    T.check("name the archive itself" in got[2], "says what to name instead", got)


def test_view_of_moves():
    """A file that comes from or goes to where a reader knows of nothing: the line is theirs, the other place is not."""
    home = "P/archive/Acme/working/pt"
    fenced = "acl: {inherit: false, permissions: {pt@example.com: rwcda}}\n"
    a = Archive(project({home + "/.zddc": fenced, home + "/private name": "x"})).mount()
    as_user(PT, os.rename, a.at(home, "private name"), a.at(ACME, "staging/out"))
    as_user(PT, write_file, a.at(home, "another"), "x")
    seen = [x for x in view(a, AUD, ACME) if x["event"] == "file_rename"]
    T.equal([(x["path"], x["attrs"]["to"]) for x in seen], [("(hidden)", ACME + "/staging/out")], "where it came from is not told")
    seen = [x for x in view(a, PT, home) if x["event"] == "file_rename"]
    T.equal([(x["path"], x["attrs"]["to"]) for x in seen], [(home + "/private name", ACME + "/staging/out")], "its owner knows both")
    T.check("private name" not in json.dumps(view(a, AUD) + view(a, DC, ACME)), "nobody else finds the name")


def test_view_stream():
    """Read from one descriptor, in pieces and again; it goes on where lines are written."""
    a = simple()

    def work():
        for i in range(400):
            os.mkdir(a.at("d/%03d" % i))
    as_user(ALICE, work)
    whole = as_user(ADMIN, read_file, a.at(".zddc.d/audit.jsonl"))

    def pieces():
        fd = os.open(a.at(".zddc.d/audit.jsonl"), os.O_RDONLY)
        out = b""
        while True:
            p = os.read(fd, 777)
            if not p:
                break
            out += p
        again = os.pread(fd, 5000, 1000)
        os.mkdir(a.at("d/later"))
        return out, again, os.read(fd, 65536)
    out, again, more = as_user(ADMIN, pieces)
    T.equal(sha(out), sha(whole), "in pieces")
    T.equal(sha(again), sha(whole[1000:6000]), "again, from somewhere")
    T.equal([x["path"] for x in parse(more)][:1], ["d/later"], "what comes later")
    p = subprocess.Popen([ZDDC, "audit", "--follow", "--event", "dir_create", a.back], stdout=subprocess.PIPE)
    as_user(ALICE, os.mkdir, a.at("d/followed"))
    T.check(any(b"d/followed" in p.stdout.readline() for _ in range(500)), "zddc audit --follow")
    p.kill()
    p.wait()


# ------------------------------------------------------------------------------------------------ files and chains

def burst(d, n):
    for i in range(n):
        os.mkdir(d + "/%d" % i)
        os.rmdir(d + "/%d" % i)


def test_rotation():
    a = simple("ledger_rotate=1")
    as_user(ALICE, burst, a.at("d"), 100)
    a.proc.send_signal(signal.SIGUSR2)
    T.check(eventually(lambda: len(files(a)) == 2, 5), "SIGUSR2 begins a new file")
    as_user(ALICE, burst, a.at("d"), 1000)
    T.check(eventually(lambda: len(files(a)) == 3 or as_user(ALICE, burst, a.at("d"), 10), 5 * SLOW), "so does its size")
    as_user(ALICE, burst, a.at("d"), 10)
    T.equal(a.umount(), 0, "unmounts")
    got = lines(a)
    T.equal([x["seq"] for x in got], list(range(1, len(got) + 1)), "numbers go on from file to file")
    T.equal([x["prev_hash"] for x in got[1:]], [x["hash"] for x in got[:-1]], "so does the chain")
    T.equal([x["attrs"]["file"] for x in lines(a, "ledger_rotated")], [os.path.basename(f) for f in files(a)[:-1]], "each says what it continues")
    a.mount()
    T.equal(a.umount(), 0, "unmounts again")
    second = lines(a, "mount")[-1]
    T.equal((second["seq"], second["attrs"]["previous_seq"], second["attrs"]["previous_hash"]), (1, len(got), got[-1]["hash"]), "the next mount names the end of the last")
    verify(a, "sound")
    os.unlink(files(a)[1])
    verify(a, "a file that is missing is found", 1)


def test_damage():
    """What zddc audit verify names, and what a mount refuses."""
    a = simple()
    as_user(ALICE, burst, a.at("d"), 20)
    T.equal(a.umount(), 0, "unmounts")
    path = files(a)[0]
    with open(path, "rb") as f:
        good = f.read()
    rows = good.splitlines(True)
    edits = {
        "edited": (rows[:9] + [rows[9].replace(b"alice", b"bobby")] + rows[10:], 10),
        "deleted": (rows[:9] + rows[10:], 10),
        "swapped": (rows[:9] + [rows[10], rows[9]] + rows[11:], 10),
        "twice": (rows[:10] + [rows[9]] + rows[10:], 11),
    }
    for name, (bad, seq) in edits.items():
        with open(path, "wb") as f:
            f.writelines(bad)
        T.check("seq %d" % seq in verify(a, name, 1), "the first bad line: " + name)
    with open(path, "wb") as f:
        f.writelines(edits["edited"][0])
    a.mount()
    T.equal(err_as(ALICE, os.mkdir, a.at("d/new")), "EROFS", "a damaged ledger: nothing is changed")
    T.equal(err_as(ADMIN, write_file, a.at("d/.zddc"), OPEN_ZDDC + "#\n"), "EROFS", "no policy either")
    T.equal((err_as(ALICE, os.listdir, a.at("d")), err_as(ALICE, os.stat, a.at("d"))), ("", ""), "reading goes on")
    T.check("damaged" in as_user(ALICE, read_file, a.at("d/.zddc.d/last-error")).decode(), "last-error says so")
    T.equal(json.loads(as_user(ADMIN, read_file, a.at(".zddc.d/status.json")))["ledger"]["state"], "damaged", "so does the status")
    T.check("damaged" in a.log_text(), "and the log")
    T.equal(a.umount(), 0, "unmounts")
    T.equal(len(files(a)), 1, "nothing was written behind it")
    T.equal(zddc("accept", "--reason", "disk was repaired", a.back)[0], 0, "zddc audit accept")
    a.mount()
    T.equal(err_as(ALICE, os.mkdir, a.at("d/new")), "", "and it goes on")
    T.check("accepted" in one(a, "recovery", "recorded")["attrs"]["reason"], "as accepted")
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "the damage stays visible", 1)


def test_torn():
    a = simple()
    as_user(ALICE, burst, a.at("d"), 5)
    a.kill()
    path = files(a)[0]
    whole = os.path.getsize(path)
    for tail in (b'{"seq":99,"time":"20', b"\0" * 5000, b"\0" * 100 + b'{"seq":99}\n'):
        with open(path, "ab") as f:
            f.write(tail)
        a.mount()
        T.equal(err_as(ALICE, os.mkdir, a.at("d/new")), "", "a torn end does not stop anybody")
        as_user(ALICE, os.rmdir, a.at("d/new"))
        x = lines(a, "recovery")[-1]
        T.equal((x["attrs"]["bytes"], x["attrs"]["file"]), (len(tail), os.path.basename(path)), "it is recorded")
        T.equal(a.text(STORE + x["attrs"]["moved_to"]), tail, "and moved aside")
        T.equal(os.path.getsize(path), whole, "the sound part stays")
        path = files(a)[-1]
        a.kill()
        whole = os.path.getsize(path)
    a.mount()
    T.equal(lines(a, "recovery")[-1]["attrs"]["reason"], "the last run ended without an unmount", "a kill is recorded, too")
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "sound")


def test_checkpoint():
    a = simple()
    as_user(ALICE, burst, a.at("d"), 5)
    T.equal(zddc("checkpoint", a.mnt, uid=ALICE)[0], 1, "not for everybody")
    status, cp, _ = zddc("checkpoint", a.mnt, uid=ADMIN)
    T.equal((status, cp.split("\n")[0]), (0, "zddc ledger checkpoint 1"), "the daemon signs its head")
    one(a, "checkpoint", "and says so")
    T.equal(oct(os.stat(a.behind(STORE + "key")).st_mode & 0o777), "0o600", "the secret key")
    out = a.base + "/cp"
    with open(out, "w") as f:
        f.write(cp)
    key = a.base + "/key.pub"
    with open(key, "w") as f:
        f.write(zddc("key", a.back)[1])
    T.equal(zddc("check", out, "--key", key)[0], 0, "it holds")
    seq = int([x for x in cp.split("\n") if x.startswith("seq ")][0].split()[1])
    as_user(ALICE, burst, a.at("d"), 5)
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "sound")
    status, proof, why = zddc("prove", "4", a.back)
    T.equal(status, 0, "a proof " + why)
    with open(a.base + "/proof", "w") as f:
        f.write(proof)
    T.equal(zddc("check", a.base + "/proof", "--key", key)[0], 0, "holds without the archive")
    with open(a.base + "/proof", "w") as f:
        f.write(proof.replace('"decision":"allow"', '"decision":"deny"'))
    T.equal(zddc("check", a.base + "/proof", "--key", key)[0], 1, "and not when it was changed")
    status, ext, why = zddc("prove", "--checkpoint", out, a.back)
    T.equal(status, 0, "the old head is a beginning of the new one " + why)
    with open(a.base + "/ext", "w") as f:
        f.write(ext)
    T.equal(zddc("check", a.base + "/ext", "--key", key)[0], 0, "and that holds too")
    with open(files(a)[0], "rb") as f:
        rows = f.readlines()
    with open(files(a)[0], "wb") as f:
        f.writelines(rows[:seq - 2])
    T.check("the end is missing" in verify(a, "a tail that was cut off is found by the checkpoint", 1), "and said")


def test_modes():
    """Read-only mounts, policy=none and ledger=off write nothing."""
    a = simple()
    T.equal(a.umount(), 0, "unmounts")
    n = len(lines(a))
    for options in ("ro", "insecure,policy=none", "insecure,ledger=off"):
        a.mount(options)
        err_as(ALICE, os.mkdir, a.at("d/" + options[-4:]))
        T.equal(a.umount(), 0, "unmounts")
        T.equal(len(lines(a)), n, "no line with " + options)
    try:
        a.mount("ledger=off")
        T.check(False, "ledger=off needs insecure")
    except RuntimeError as e:
        T.check("insecure" in str(e), "ledger=off needs insecure")
        a.proc = None


def test_flood():
    """Somebody who is refused thousands of different things does not fill the disk with it."""
    a = simple()
    n = 3000

    def many():
        for i in range(n):
            try:
                os.mkdir(a.at("x%d" % i))
            except PermissionError:
                pass
    as_user(ALICE, many)
    T.equal(a.umount(), 0, "unmounts")
    got = lines(a, "refused")
    T.check(1000 <= len(got) <= 1010, "a thousand are lines of their own", len(got))
    T.equal(sum(x["attrs"].get("count", 1) for x in got), n, "and all are counted")
    verify(a, "sound")


def test_forward():
    """-o ledger_forward: every line goes to the socket of the system's log, in order."""
    import socket
    a = simple()
    T.equal(a.umount(), 0, "unmounts")
    path = a.base + "/log"
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    s.settimeout(5 * SLOW)
    n = len(lines(a))
    a.mount("ledger_forward=" + path)
    as_user(ALICE, os.mkdir, a.at("d/told"))
    T.equal(a.umount(), 0, "unmounts")
    want = [json.dumps(x) for x in lines(a)[n:]]
    got = [s.recv(65536) for _ in want]
    T.equal([json.dumps(json.loads(x.split(b": ", 1)[1])) for x in got], want, "every line, in order")
    T.check(all(x.startswith(b"<86>zddc-ledger[") for x in got), "as authpriv.info", got[0][:40])
    s.close()


def writers(d, n):
    for i in range(n):
        os.mkdir("%s/%d-%d" % (d, os.getpid(), i))


def test_many():
    """Eight users at once: one chain, no gap, everything that was answered is there."""
    a = simple()
    kids = [Child(ALICE, writers, a.at("d"), 200 if SLOW == 1 else 50) for _ in range(8)]
    bad = [x for x in (zddc("verify", a.back) for _ in range(10)) if x[0]]
    T.check(not bad, "a ledger that is being written is sound", bad[:2])
    for k in kids:
        k.wait()
    made = set(os.listdir(a.behind("d"))) - {".zddc", ".zddc.d"}
    T.equal({os.path.basename(x["path"]) for x in lines(a, "dir_create")}, made, "every folder is in the ledger")
    T.equal(a.umount(), 0, "unmounts")
    verify(a, "sound")


def test_filters():
    a = Archive(project()).mount()
    as_user(DC, write_file, a.at(ACME, "incoming/in"), "x")
    as_user(PT, write_file, a.at(ACME, "staging/out"), "x")
    err_as(ANON, os.mkdir, a.at("P"))
    for _ in range(2):
        err_as(PT, os.mkdir, a.at("P/no"))
    stamp()
    middle = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    as_user(DC, os.rename, a.at(ACME, "staging/out"), a.at(ACME, "staging/moved"))
    T.equal(a.umount(), 0, "unmounts")

    def paths(*args):
        status, out, why = zddc("--json", *(args + (a.back,)))
        T.equal(status, 0, "zddc audit %s %s" % (" ".join(args), why))
        return [(x["event"], x["path"]) for x in parse(out.encode())]
    T.equal(paths("--who", "dc@example.com"), [("file_create", ACME + "/incoming/in"), ("file_rename", ACME + "/staging/out")], "--who")
    T.equal(paths("--who", "*@example.com", "--event", "file_create"), [("file_create", ACME + "/incoming/in"), ("file_create", ACME + "/staging/out")], "--event")
    T.equal(paths("--who", str(PT), "--event", "file_*,refused"), [("file_create", ACME + "/staging/out"), ("refused", "P/no"), ("refused", "P/no")], "a uid, several events")
    T.equal(paths("--path", ACME + "/staging/moved"), [("file_rename", ACME + "/staging/out")], "--path is where it went, too")
    T.equal(paths("--since", middle, "--event", "file_*"), [("file_rename", ACME + "/staging/out")], "--since")
    T.equal(len(paths("--until", middle, "--event", "file_*")), 2, "--until")
    T.equal(paths("--since", "1h", "--until", "59m"), [], "how long ago")
    T.equal(zddc("--event", "file_creat", a.back)[0], 2, "an event that there is not")
    T.check("did you mean file_create" in zddc("--event", "file_creat", a.back)[2], "is corrected")
    T.equal(zddc("--since", "yesterday", a.back)[0], 2, "a time that is none")
    out = zddc("--event", "refused,file_rename", a.back)[1]
    T.check("refused mkdir  P/no  EACCES missing-verb  defaults:" in out and "staging/out -> " in out, "the table says what and why", out)
    T.equal(zddc(a.base)[0], 4, "no archive")


def explain(a, path, who, when, op="read"):
    return subprocess.run([ZDDC, "explain", a.behind(path), "--as", who, "--op", op, "--on", when], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def stamp():
    """This second, which is over when it returns."""
    now = time.time()
    time.sleep(int(now) + 1.02 - now)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))


def test_on_date():
    """zddc explain and access --on DATE: from the kept texts, whatever became of the folders since."""
    bob = "acl: {permissions: {bob@example.com: rw}}\n"
    a = Archive(project({"Q/x/.zddc": bob, "Q/never/read/.zddc": bob})).mount()
    T.check(eventually(lambda: lines(a, "policy_reload", directory="Q/never/read"), 5), "texts that nobody has read are known, too")
    begun = stamp()
    as_user(ADMIN, write_file, a.at("Q/x/.zddc"), bob.replace("bob", "alice"))
    as_user(DC, os.rename, a.at(ACME), a.at("P/archive/Beta"))
    T.equal(a.umount(), 0, "unmounts")
    os.unlink(a.behind("Q/never/read/.zddc"))
    a.put("Q/x/.zddc", "acl: {permissions: {carol@example.com: r}}\n")
    between = stamp()
    a.mount()
    T.check(eventually(lambda: lines(a, "policy_reload", directory="Q/never/read", new_hash=None), 5), "what is gone is said")
    T.check(eventually(lambda: lines(a, "policy_reload", directory="Q/x", new_hash=sha(a.text("Q/x/.zddc"))), 5), "and what changed meanwhile")
    last = stamp()
    T.equal([explain(a, "Q/x/f", w + "@example.com", begun) for w in ("bob", "alice", "carol")], [0, 1, 1], "at first bob")
    T.equal([explain(a, "Q/x/f", w + "@example.com", between) for w in ("bob", "alice", "carol")], [1, 0, 1], "then alice")
    T.equal([explain(a, "Q/x/f", w + "@example.com", last) for w in ("bob", "alice", "carol")], [1, 1, 0], "then carol")
    T.equal([explain(a, "Q/never/read/f", "bob@example.com", t) for t in (begun, last)], [0, 1], "a policy that is gone")
    T.equal([explain(a, ACME + "/x", "dc@example.com", t, "unlink") for t in (begun, last)], [0, 1], "a party that has another name now")
    T.equal([explain(a, "P/archive/Beta/x", "dc2@example.com", t, "unlink") for t in (begun, last)], [1, 0], "takes its policy along")
    T.equal(explain(a, "Q/x/f", "bob@example.com", "2020-01-01"), 1, "before the ledger began")
    out = subprocess.run([ZDDC, "access", a.behind("Q/x"), "--on", begun], stdout=subprocess.PIPE).stdout.decode()
    T.check("bob@example.com" in out and "alice" not in out, "zddc access --on", out)


if __name__ == "__main__":
    T.run(test_mutations, test_reads, test_nothing_happened, test_refusals, test_policy, test_auto_own, test_seals, test_names, test_identities, test_view,
          test_view_of_moves, test_view_stream, test_rotation, test_damage, test_torn, test_checkpoint, test_modes, test_flood, test_forward, test_many, test_filters, test_on_date)
    T.finish()
