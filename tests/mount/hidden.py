#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A name that the caller may not know of answers like one that is not there: every operation on names, as source and as target, errno and
last-error alike. Only where the same on an absent name would succeed must it be refused (EACCES), and nothing may have changed."""
import json
import os
import stat

from harness import *  # noqa: F403
from harness import DC, PT, Archive, T, project

FENCED = "{inherit: false, permissions: {alice@example.com: rwcda}}"
DIR = "history: true\npaths: {slot: {}, slot-disk: {}, hid-slot: {acl: %s}, hid-slot-disk: {acl: %s}}\nacl: {permissions: {alice@example.com: rwcda, bob@example.com: %%s}}\n" % (FENCED, FENCED)
# directory -> what bob holds there, and what is hidden from him in it
PLACES = {"C": ("rwcd", ["hid-fence", "hid-empty", "hid-slot", "hid-slot-disk"]), "R": ("r", ["hid-fence", "hid-empty", "hid-slot", "hid-slot-disk"]),
          "W": ("wcd", ["hid-fence", "hid-slot-disk", "hid-file", "hid-link"]), "L": ("rc", ["hid-fence", "hid.part"])}
FLAGS = {"": 0, " noreplace": RENAME_NOREPLACE, " exchange": RENAME_EXCHANGE}
COPIES = 60
FREE = ("mkdir other case",)  # is another name, and free unless a slot is declared


def tree():
    out = {".zddc": "admins: [admin@example.com]\n"}
    for place, (verbs, hidden) in PLACES.items():
        out[place + "/.zddc"] = (DIR % verbs).replace("alice@example.com: rwcda, bob", "alice@example.com: %s, bob" % ("rc" if place == "L" else "rwcda"))
        out[place + "/slot-disk/"] = None
        for name in hidden:
            if name in ("hid-fence", "hid-empty"):
                out["%s/%s/.zddc" % (place, name)] = "acl: %s\n" % FENCED
            elif name == "hid-slot-disk":
                out["%s/%s/" % (place, name)] = None
            elif name == "hid-file":
                out["%s/%s" % (place, name)] = "secret\n"
        out[place + "/hid-fence/f"] = "secret\n"
        for n in range(COPIES):
            out["%s/src-f%d" % (place, n)] = "mine\n"
            out["%s/src-d%d/" % (place, n)] = None
    return out


# ------------------------------------------------------------------------------------------------------------ the operations

def fd_of(path, flags):
    os.close(os.open(path, flags, 0o644))


def on_one_name():
    """What takes one name: (word, function of its path)."""
    ops = [("open " + n, lambda p, f=f: fd_of(p, f)) for n, f in (
        ("r", os.O_RDONLY), ("w", os.O_WRONLY), ("trunc", os.O_WRONLY | os.O_TRUNC), ("path", os.O_PATH), ("dir", os.O_DIRECTORY), ("creat", os.O_WRONLY | os.O_CREAT),
        ("excl", os.O_WRONLY | os.O_CREAT | os.O_EXCL), ("creat trunc", os.O_RDWR | os.O_CREAT | os.O_TRUNC), ("creat nofollow", os.O_CREAT | os.O_NOFOLLOW),
        ("tmpfile", os.O_TMPFILE | os.O_RDWR))]
    ops += [("mknod", lambda p: os.mknod(p, stat.S_IFREG | 0o644)), ("fifo", os.mkfifo), ("symlink", lambda p: os.symlink("src-f0", p)),
            ("symlink out", lambda p: os.symlink("/etc", p)), ("link to", lambda p: os.link(os.path.join(os.path.dirname(p), "src-f0"), p)),
            ("link from", lambda p: os.link(p, p + "-new")), ("truncate", lambda p: os.truncate(p, 0)), ("chown", lambda p: os.chown(p, 1, 1)),
            ("utime", lambda p: os.utime(p, (1, 1))), ("chmod", lambda p: os.chmod(p, 0o755)), ("getxattr", lambda p: os.getxattr(p, "user.a")),
            ("state", lambda p: os.getxattr(p, "user.zddc.state")), ("setxattr", lambda p: os.setxattr(p, "user.a", b"1")), ("access", access)]
    ops += [(fn.__name__, fn) for fn in (os.lstat, os.listdir, os.mkdir, os.rmdir, os.unlink, os.readlink, os.chdir, os.statvfs, os.listxattr)]
    ops += [("inside " + name, lambda p, name=name: os.lstat(os.path.join(p, name))) for name in ("f", "nothing", ".zddc", ".zddc.d", ".zddc.d/whoami")]
    ops += [("history " + fn.__name__, lambda p, fn=fn: fn(os.path.join(os.path.dirname(p), ".zddc.d/history", os.path.basename(p)))) for fn in (os.listdir, os.lstat, os.rmdir)]
    ops += [("mkdir inside", lambda p: os.mkdir(os.path.join(p, "new"))), ("unlink slash", lambda p: os.unlink(p + "/")), ("mkdir other case", lambda p: os.mkdir(upper(p)))]
    for word in ("seal", "accept", "withdraw", "mark", "hold"):
        ops.append(("ctl " + word, lambda p, word=word: write_file(os.path.join(os.path.dirname(p), ".zddc.d/ctl"), "%s %s" % (word, os.path.basename(p)), os.O_WRONLY)))
    for op in ("", ".read", ".list", ".enter", ".unlink", ".mkdir", ".rename"):
        ops.append(("explain" + op, lambda p, op=op: explain(p, op)))
    return ops


class Said(Exception):
    """What a control file said: to be equal as well."""


def explain(p, op):
    raise Said(read_file(os.path.join(os.path.dirname(p), ".zddc.d/explain" + op, os.path.basename(p))).decode())


def access(p):
    if not os.access(p, os.F_OK):
        raise FileNotFoundError(errno.ENOENT, "")  # noqa: F405


def upper(p):
    return os.path.join(os.path.dirname(p), os.path.basename(p).upper())


def on_two_names(mnt, n):
    """Renames with the name at one end: (word, function of its path). 'n' picks sources that nobody has used."""
    ops = []
    for what, flag in FLAGS.items():
        for place in PLACES:
            at = os.path.join(mnt, place)
            for src in ("src-f%d" % n, "src-d%d" % n, "slot", "slot-disk", ".zddc", ".zddc.d", "nothing", ".ZDDC", ".zddc.d/whoami"):
                ops.append(("rename %s/%s to%s" % (place, src, what), lambda p, s=os.path.join(at, src), f=flag: renameat2(s, p, f)))
            for dst in ("new%d" % n, "src-f%d" % n, "src-d%d" % n, "slot", "slot-disk", ".zddc", ".zddc.d", "hid-fence", ".ZDDC", "x" * 256):
                ops.append(("rename from, to %s/%s%s" % (place, dst, what), lambda p, d=os.path.join(at, dst), f=flag: renameat2(p, d, f)))
    return ops


def outcome(fn, path):
    try:
        fn(path)
    except OSError as e:
        return errno.errorcode[e.errno]  # noqa: F405
    except Said as e:
        return str(e)
    return ""


def last_error(place):
    said = json.loads(read_file(os.path.join(place, ".zddc.d/last-error.json")))
    said.pop("time")
    return said, read_file(os.path.join(place, ".zddc.d/last-error")).decode().split("{")[0]


def answer(place, fn, path):
    """What the caller is told: the errno ('' for success), and all of it, with what last-error says, if that is not what it said before."""
    err(write_file, os.path.join(place, ".zddc.d/ctl"), "nonsense", os.O_WRONLY)
    before = last_error(place)
    try:
        got = err(fn, path)
    except Said as said:
        got = str(said)
    after = last_error(place)
    text = got + (" " + json.dumps(after) if after != before else "")
    for name in (path, upper(path)):
        text = text.replace(os.path.basename(name), "NAME").replace(os.path.basename(name).split("__")[0].replace(".yaml", ""), "PARTY")
    return got, text


def picture(top):
    out = []
    for where, dirs, files in os.walk(top):
        if where == top:
            dirs.remove(".zddc.d")
        out += [(os.path.relpath(where, top), n) for n in dirs + files if "hid" in where or "hid" in n]
    return sorted(out)


def compare(mnt, places, operations):
    """places: what is hidden in each of them. operations(n) gives the n-th set of them. What is not alike, and how often an absent name succeeded."""
    wrong, count, free = [], 0, 0
    n = 0
    for place, hide in places.items():
        for hidden in hide:
            n += 1
            for i, (word, fn) in enumerate(operations(n)):
                where, absent = os.path.join(mnt, place), "absent%s%d" % (word[:3], i) + hidden[3:]
                x, y = answer(where, fn, os.path.join(where, hidden)), answer(where, fn, os.path.join(where, absent))
                count += 1
                free += y[0] == ""
                if x[1] != y[1] and (y[0] or x[0] != "EACCES") and not (word in FREE and x[0] == ""):
                    wrong.append((place, hidden, word, x[1], y[1]))
    return wrong, count, free


def check_alike(a, uid, places, operations, name):
    wrong, count, free = as_user(uid, compare, a.mnt, places, operations)
    for w in wrong[:40]:
        T.check(False, "%s/%s: %s" % w[:3], "hidden: %s\n     absent: %s" % w[3:])
    T.check(not wrong, "%s: hidden and absent are alike in %d operations (%d succeed on an absent name)" % (name, count, free), len(wrong))
    T.check(count - free > count / 2, "most are refused", (count, free))


def test_alike():
    a = Archive(tree(), defaults="{}\n").mount()
    as_user(ALICE, write_file, a.at("L/hid.part"), "half")
    as_user(ALICE, os.symlink, "src-f0", a.at("W/hid-link"))
    as_user(ALICE, write_file, a.at("W/hid-file"), "another version\n")
    T.check(as_user(ALICE, os.listdir, a.at("W/.zddc.d/history/hid-file")), "it has earlier versions")
    for place, (_, hidden) in PLACES.items():
        T.equal([h for h in hidden if h in as_user(BOB, os.listdir, a.at(place)) or err_as(BOB, os.lstat, a.at(place, h)) != "ENOENT"], [], "hidden in " + place)
    before = picture(a.back)
    for name, operations in (("one name", lambda n: on_one_name()), ("renames", lambda n: on_two_names(a.mnt, n))):
        check_alike(a, BOB, {place: hidden for place, (_, hidden) in PLACES.items()}, operations, name)
    T.equal(picture(a.back), before, "nothing hidden has changed")


RECORD = "originator: S\nproject: '0007'\ndiscipline: EL\ntype: SPC\nsequence: '0001'\ntitle: top secret\n"
SECRET = "acl: {inherit: false, permissions: {dc@example.com: rwcda}}\n"
ROWS = {"P/mdl": ["Secret__S-0007-EL-SPC-0001.yaml"], "P/ssr": ["Secret.yaml"], "P/working": ["Secret"], "P/staging": ["Secret"], "P/archive": ["Secret"]}


def test_rows():
    """Tables show the rows of each party to those who may read them; to all others a party that they may not know of has none."""
    a = Archive(project({"P/archive/.zddc": "acl: {permissions: {alice@example.com: rwcd}}\n", "P/archive/Secret/.zddc": SECRET, "P/archive/Secret/ssr.yaml": "title: secret\n", "P/archive/Secret/mdl/S-0007-EL-SPC-0001.yaml": RECORD,
                         "P/archive/Secret/working/": None, "P/archive/Secret/staging/": None, "P/archive/Acme/ssr.yaml": "title: Acme\n"})).mount()
    for place, rows in ROWS.items():
        T.equal([r for r in rows if err_as(DC, os.lstat, a.at(place, r))], [], "its own people see it in " + place)
    for uid in (PT, ALICE):
        check_alike(a, uid, ROWS, lambda n: on_one_name(), PEOPLE[uid])
        for path in ("P/mdl/table.csv", "P/ssr/table.csv"):
            T.check(b"ecret" not in as_user(uid, read_file, a.at(path)), "not in " + path)
    T.equal(a.text("P/archive/Secret/ssr.yaml"), b"title: secret\n", "and nothing of it has changed")


if __name__ == "__main__":
    T.run(test_alike, test_rows)
    T.finish()
