#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of the table about somebody in particular: a controller who files other people's files, a controller who issues, a home that
its owner removes, and what a file manager is told."""
import os
import stat

from toolbox import ACME, DC, DC2, NAME, PT, PT2, Column, Row, T, World, asked, columns, err, eventually, line, names_behind, run_rows, try_open

OTHER = "123456-EL-SPC-2623_B (IFR) - Spec.pdf"
FOLDER = "2025-10-31_123456-EM-SUB-0001 (IFR) - General Arrangement for Review"


# ---------------------------------------------------------------------------------------------- a controller, somebody else's files

def controllers_places():
    """home: the controller's own; cr: a lane where even a controller has no more than c and r; zone: received/ and issued/."""
    all_of = [Column("home", DC, DC, ACME + "/working/dc", ""), Column("cr", DC, DC2, "P/lane", "EACCES"), Column("zone", DC, DC2, ACME + "/received", "EPERM"),
              Column("issued", DC, DC2, ACME + "/issued", "EPERM")]
    return [c for c in all_of if c.name in asked() or (c.name == "issued" and "zone" in asked())]


def theirs(name, **kw):
    """Sources that belong to an engineer, with that engineer's xattr and times."""
    return lambda src: {NAME: src.copy(name, **kw)}


OWNED = 'test "$(stat -c %%u "$S/a")" = %d; ' % PT
FILING = [
    Row("install of somebody else's file", OWNED + 'install -m 644 "$S/a" "$N"', makes=theirs("a"), named=True),
    Row("install -p -m 755 of somebody else's", OWNED + 'install -p -m 755 "$S/run" run', makes=lambda s: {"run": s.copy("run", times=True)}),
    Row("cp -a of somebody else's file", OWNED + 'cp -a "$S/a" "$N"', makes=theirs("a", times=True), named=True, xattr=(NAME, "user.color", "blue")),
    Row("cp -a of somebody else's tree", OWNED + 'cp -a "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("cp -p of somebody else's 0444 file", OWNED + 'cp -p "$S/ro" "$N"', makes=theirs("ro", times=True), named=True),
    Row("rsync -a of somebody else's tree, again", OWNED + 'rsync -a "$S/tree" .; rsync -a "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("tar c | tar x of somebody else's tree", OWNED + 'tar -C "$S" -cf - tree | tar -xpf -', makes=lambda s: s.tree("tree")),
]


# --------------------------------------------------------------------------------------------------------------------------- issuing

def run(uid, script, **env):
    return world.run(uid, script, **env)


def staged(name, data="issue me\n"):
    """A file that an engineer dropped into staging/ a moment ago."""
    r = run(PT, 'printf %%s "%s" > "$STAGING/%s"' % (data, name))
    assert r.status == 0 and not r.errors, r.errors
    return os.stat(world.archive.behind(ACME, "staging", name)).st_ino


def sealed(uid, *path):
    """"" when nobody may write, append to or remove it and it shows so."""
    path = world.archive.at(*path)
    got = world.worker(uid).call(tries, path)
    if got != ("EPERM",) * 4:
        return "not sealed: %s" % (got,)
    mode = lambda: stat.S_IMODE(world.worker(uid).call(os.lstat, path).st_mode)  # noqa: E731
    return "" if eventually(lambda: mode() & 0o222 == 0, 1) else "shown as %o" % mode()


def tries(path):
    return err(try_open, path, os.O_WRONLY), err(try_open, path, os.O_RDWR | os.O_APPEND), err(os.truncate, path, 0), err(os.unlink, path)


def issue_file():
    ino = staged(NAME)
    was = names_behind(world.archive.back)
    r = run(DC, 'strace -f -o "$HOME/trace" mv "$STAGING/$N" "$ISSUED/"')
    if r.status or r.errors:
        return "exit %d: %s" % (r.status, r.errors)
    calls = [c for c in run(DC, 'grep -E "rename|unlink|creat|O_WRONLY|O_RDWR" "$HOME/trace"').out.splitlines() if ("staging" in c or "issued" in c) and c.endswith("= 0")]
    if len(calls) != 1 or "rename" not in calls[0]:
        return "not one rename: %s" % calls
    now = names_behind(world.archive.back)
    if was - now != {ACME + "/staging/" + NAME} or now - was != {ACME + "/issued/" + NAME}:
        return "names: gone %s, new %s" % (was - now, now - was)
    if os.stat(world.archive.behind(ACME, "issued", NAME)).st_ino != ino:
        return "another inode"
    return sealed(DC, ACME, "issued", NAME) or sealed(PT, ACME, "issued", NAME)


def issue_over():
    staged(OTHER, "first\n")
    r = run(DC, 'mv "$STAGING/%s" "$ISSUED/"' % OTHER)
    if r.status or r.errors:
        return r.errors
    staged(OTHER, "second\n")
    r = run(DC, 'mv -f "$STAGING/%s" "$ISSUED/"' % OTHER)
    if r.status == 0:
        return "replaces what is issued"
    same = world.archive.text(ACME, "issued", OTHER) == b"first\n" and world.archive.text(ACME, "staging", OTHER) == b"second\n"
    return "" if same and ("File exists" in r.errors or "not permitted" in r.errors) else "says %r, bytes kept: %s" % (r.errors, same)


def issue_folder():
    r = run(PT, 'mkdir "$STAGING/%s"; cd "$STAGING/%s"; echo 1 > "%s"; echo 2 > "%s"' % (FOLDER, FOLDER, NAME, OTHER))
    if r.status or r.errors:
        return "staging: %s" % r.errors
    r = run(DC, 'mv "$STAGING/%s" "$ISSUED/"' % FOLDER)
    if r.status or r.errors:
        return "exit %d: %s" % (r.status, r.errors)
    if sorted(os.listdir(world.archive.behind(ACME, "issued", FOLDER))) != [NAME, OTHER] or os.path.exists(world.archive.behind(ACME, "staging", FOLDER)):
        return "the folder is not where it should be"
    return sealed(DC, ACME, "issued", FOLDER, NAME) or sealed(DC, ACME, "issued", FOLDER, OTHER)


def issue_by_engineer():
    name = NAME.replace("_A", "_C")
    staged(name)
    was = names_behind(world.archive.back)
    r = run(PT, 'mv "$STAGING/%s" "$ISSUED/"' % name)
    return "" if r.status and "Permission denied" in r.errors and names_behind(world.archive.back) == was else "exit %d: %s" % (r.status, r.errors)


def issue_bad_name():
    staged("random-document.pdf")
    was = names_behind(world.archive.back)
    r = run(DC, 'mv "$STAGING/random-document.pdf" "$ISSUED/"')
    return "" if r.status and ("Invalid argument" in r.errors or "subdirectory of itself" in r.errors) and names_behind(world.archive.back) == was else "exit %d: %s" % (r.status, r.errors)


# --------------------------------------------------------------------------------------------------------- the places themselves

TOPS = [
    ('cp -p "$S/a" "$P/%s"', "a"), ('rsync -a "$S/a" "$P/%s"', "a"), ('rsync -a --inplace "$S/a" "$P/%s"', "a"), ('gio copy -p "$S/a" "$P/%s"', "a"),
    ('cp "$S/big" "$P/%s"', "big"), ('cat "$S/a" > "$P/%s"', "a"), ('install "$S/a" "$P/%s"', "a"), ('touch "$P/%s"; cat "$S/a" > "$P/%s"', "a"),
    ('cp "$S/a" "$P/%s.part"; mv "$P/%s.part" "$P/%s"', "a"),
]


def at_the_top(column):
    """The same without a folder: straight into the home, the lane and the zone."""
    place = world.archive.at(column.place)
    for i, (script, source) in enumerate(TOPS):
        name = "123456-EL-SPC-%s%02d_A (IFR) - Top.pdf" % ({"home": 30, "cr": 31, "zone": 32, "issued": 33}[column.name], i)
        was = names_behind(world.archive.back)
        r = run(column.uid, script.replace("%s", name), P=place)
        if r.status or r.errors:
            return "%s: exit %d: %s" % (script, r.status, r.errors)
        new = names_behind(world.archive.back) - was
        if new != {os.path.join(column.place, name)}:
            return "%s: litter %s" % (script, new)
        if world.archive.text(column.place, name) != world.archive.text("../src", source):
            return "%s: other bytes" % script
    return ""


def own_home():
    """rm -r of one's own home: its .zddc goes last."""
    home = world.archive.at(ACME, "working/pt2")
    r = run(PT2, 'mkdir "$H"; test -e "$H/.zddc"; cp -a "$S/tree" "$S/a" "$H/"; mkdir "$H/sub"; echo 1 > "$H/sub/1"; ls -lA "$H" > "$HOME/ls"; rm -r "$H"; test ! -e "$H"', H=home)
    if r.status or r.errors:
        return "exit %d: %s" % (r.status, r.errors)
    return "left behind" if os.path.exists(world.archive.behind(ACME, "working/pt2")) else ""


def own_home_rf():
    home = world.archive.at(ACME, "working/pt2")
    r = run(PT2, 'mkdir "$H"; cp -a "$S/tree" "$H/"; cd "$STAGING"; rm -rf "$H"; mkdir "$H"; cp "$S/a" "$H/"; cmp "$S/a" "$H/a"; rm -rf "$H"', H=home)
    return "" if r.status == 0 and not r.errors else "exit %d: %s" % (r.status, r.errors)


# -------------------------------------------------------------------------------------------------------- what a file manager is told

def gio_info(uid, path):
    r = run(uid, 'gio info -a access::can-read,access::can-write,access::can-delete,access::can-rename,access::can-trash "$F" | sed -n "s/^  access::can-//p"', F=path)
    return dict(entry.split(": ") for entry in r.out.splitlines())


def greyed_out():
    """A sealed file: not writable for anybody, not to be deleted or renamed by any but its maker (whom GIO believes able to)."""
    path = world.archive.at(ACME, "received", "grey.pdf")
    r = run(DC, 'echo sealed > "$F"', F=path)
    if r.status:
        return r.errors
    for uid, who, must in ((DC, "its maker", ["write"]), (DC2, "another controller", ["write", "delete", "rename", "trash"]),
                           (PT, "an engineer", ["write", "delete", "rename", "trash"])):
        eventually(lambda: gio_info(uid, path).get("write") == "FALSE", 1)
        told = gio_info(uid, path)
        if told.get("read") != "TRUE" or any(told.get(k) != "FALSE" for k in must):
            return "%s is told %s" % (who, told)
    mode = world.worker(DC).call(os.lstat, world.archive.at(ACME, "received")).st_mode
    return "" if mode & stat.S_ISVTX else "the zone's folder is shown as %o" % mode


def home_free():
    path = world.archive.at(ACME, "working/pt/free.txt")
    run(PT, 'echo free > "$F"', F=path)
    told = gio_info(PT, path)
    return "" if all(told.get(k) == "TRUE" for k in ("read", "write", "delete", "rename")) else "the owner is told %s" % told


world = World()
for where, dirs, files in os.walk(world.src.dir):
    for each in dirs + files:
        os.chown(os.path.join(where, each), PT, PT, follow_symlinks=False)
if "home" in asked():
    world.worker(DC).call(os.mkdir, world.archive.at(ACME, "working/dc"))
run_rows(world, FILING, controllers_places())
for each in columns():
    if each.name != "native":
        line("%-6s straight into the place: cp, rsync, gio, install, touch" % each.name, at_the_top, each)
if "home" in asked():
    line("home   rm -r of one's own home", own_home)
    line("home   rm -rf of one's own home, and again", own_home_rf)
    line("home   gio info of one's own file", home_free)
if "zone" in asked():
    line("zone   mv staging/f issued/: one atomic rename that seals", issue_file)
    line("zone   mv staging/f issued/ over what is issued", issue_over)
    line("zone   mv staging/FOLDER issued/", issue_folder)
    line("zone   mv staging/f issued/ by an engineer", issue_by_engineer)
    line("zone   mv staging/random-document.pdf issued/", issue_bad_name)
    line("zone   gio info: a file manager greys out", greyed_out)
world.close()
T.finish()
