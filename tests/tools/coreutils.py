#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""coreutils, the shell and sed in the three places: making, copying, moving, changing and removing files."""
import stat

from toolbox import EPERM, NAME, Row, T, Want, World, anything, changes, folder, run_rows, text

OTHER = "123456-EL-SPC-2623_C (IFR) - Spec.pdf"
OLD = 'echo old > "$N"'


def copy_of(name, **kw):
    return lambda src: {NAME: src.copy(name, **kw)}


MAKING = [
    Row("touch new; : > new; echo x > new", 'touch "$N"; : > "$N"; echo x > "$N"', makes={NAME: text("x\n")}, named=True),
    Row("touch new", 'touch "$N"', makes={NAME: text("")}, named=True),
    Row("touch -d DATE new", 'touch -d 2020-02-02 "$N"', makes={NAME: text("")}, named=True),
    changes("a third write", 'echo y > "$N"', first='touch "$N"; : > "$N"; echo x > "$N"', makes={NAME: text("y\n")}, named=True),
    Row("echo x > new", 'echo x > "$N"', makes={NAME: text("x\n")}, named=True),
    Row("echo x >> new", 'echo x >> "$N"', makes={NAME: text("x\n")}, named=True),
    Row("(echo a; echo b; /bin/echo c) > new", '(echo a; echo b; /bin/echo c) > "$N"', makes={NAME: text("a\nb\nc\n")}, named=True),
    Row("set -C; echo x > new", 'set -C; echo x > "$N"', makes={NAME: text("x\n")}, named=True),
    Row("tee", 'echo x | tee "$N" > "$W/tee"', makes={NAME: text("x\n")}, named=True),
    Row("truncate -s 4096", 'truncate -s 4096 "$N"', makes={NAME: text(b"\0" * 4096)}, named=True),
    Row("fallocate -l 4096", 'fallocate -l 4096 "$N"', makes={NAME: text(b"\0" * 4096)}, named=True),
    Row("dd of=", 'dd if="$S/big" of="$N" bs=64k status=none', makes=copy_of("big", bits=False), named=True),
    Row("dd conv=excl,fsync", 'dd if="$S/big" of="$N" bs=7001 conv=excl,fsync status=none', makes=copy_of("big", bits=False), named=True),
    Row("split", 'split -b 100000 "$S/big" part-', makes={"part-aa": anything(), "part-ab": anything(), "part-ac": anything(), "part-ad": anything()}),
    Row("sort -o", 'sort -o "$N" "$S/a"', makes=copy_of("a"), named=True),
    Row("sed into a new file", 'sed s/alpha/beta/ "$S/a" > "$N"', makes={NAME: text("beta\n")}, named=True),
    Row("write x.tmp, mv to its name", 'echo x > x.tmp; mv x.tmp "$N"', makes={NAME: text("x\n")}, named=True),
    Row("ln -s", 'ln -s target link', makes={"link": Want(stat.S_IFLNK, "target")}),
    Row("mkdir, mkdir -p", 'mkdir one; mkdir -p two/three', makes={"one": folder(), "two": folder(), "two/three": folder()}),
    Row("rmdir of one's own new empty directory", 'mkdir one; rmdir one'),
    Row('"New folder", then its name', 'mkdir "New folder"; mv "New folder" 123456-EM-SUB-9999', makes={"123456-EM-SUB-9999": folder()}, named=True),
    Row("an empty file, then its name", 'touch "$N"; mv "$N" "%s"' % OTHER, makes={OTHER: text("")}, named=True),
    Row("an empty file, then its name, then its text", 'touch "$N"; mv "$N" "%s"; echo x > "%s"' % (OTHER, OTHER), makes={OTHER: text("x\n")}, named=True),
    Row("an empty file removed", 'touch "$N"; rm "$N"', named=True),
]

COPYING = [
    Row("cp", 'cp "$S/a" "$N"', makes=copy_of("a"), named=True),
    Row("cp of 300 kB", 'cp "$S/big" "$N"', makes=copy_of("big"), named=True),
    Row("cp of an executable", 'cp "$S/run" run', makes=lambda s: {"run": s.copy("run")}),
    Row("cp of an empty file", 'cp "$S/empty" "$N"', makes=copy_of("empty"), named=True),
    Row("cp of a 0444 source", 'cp "$S/ro" "$N"', makes=copy_of("ro"), named=True),
    Row("cp of two files into .", 'cp "$S/a" "$S/big" .', makes=lambda s: {"a": s.copy("a"), "big": s.copy("big")}),
    Row("cp -p", 'cp -p "$S/a" "$N"', makes=copy_of("a", times=True), named=True),
    Row("cp -p of an empty file", 'cp -p "$S/empty" "$N"', makes=copy_of("empty", times=True), named=True),
    Row("cp -p of a 0444 source", 'cp -p "$S/ro" "$N"', makes=copy_of("ro", times=True), named=True),
    Row("cp -a", 'cp -a "$S/a" "$N"', makes=copy_of("a", times=True), named=True, xattr=(NAME, "user.color", "blue")),
    Row("cp -a of an executable", 'cp -a "$S/run" run', makes=lambda s: {"run": s.copy("run", times=True)}),
    Row("cp --reflink=auto", 'cp --reflink=auto "$S/big" "$N"', makes=copy_of("big"), named=True),
    Row("cp -a of a tree", 'cp -a "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("cp -r of a tree", 'cp -r "$S/tree" .', makes=lambda s: s.tree("tree", times=False)),
    Row("mv from another filesystem", 'cp -a "$S/a" "$W/a"; mv "$W/a" "$N"; test ! -e "$W/a"', makes=copy_of("a", times=True), named=True),
    Row("mv of an executable from there", 'cp -a "$S/run" "$W/run"; mv "$W/run" .; test ! -e "$W/run"', makes=lambda s: {"run": s.copy("run", times=True)}),
    Row("mv of a tree from there", 'cp -a "$S/tree" "$W/tree"; mv "$W/tree" .; test ! -e "$W/tree"', makes=lambda s: s.tree("tree")),
    Row("install -m 640", 'install -m 640 "$S/a" "$N"', makes=copy_of("a"), named=True),
    Row("install -m 755", 'install -m 755 "$S/run" run', makes=lambda s: {"run": s.copy("run")}),
    Row("install -p of a 0444 source", 'install -m 444 -p "$S/ro" "$N"', makes=copy_of("ro", times=True), named=True),
    Row("install -d", 'install -d one/two', makes={"one": folder(), "one/two": folder()}),
    Row("ls -la, du, find of what one made", 'cp "$S/big" "$N"; ls -la > "$W/l"; du -a . > "$W/u"; find . -type f > "$W/f"; grep -q Spec.pdf "$W/l"; grep -q Spec.pdf "$W/f"',
        makes=copy_of("big"), named=True),
    Row("cat, cmp, sha256sum of what one made", 'cp "$S/big" "$N"; cat "$N" | cmp - "$S/big"; cmp "$N" "$S/big"; sha256sum "$N" > "$W/sum"',
        makes=copy_of("big"), named=True),
    Row("touch -d, chmod +x by path right after", 'touch -d 2001-02-03T00:00Z "$N"; chmod a+x "$N"', first=OLD,
        makes={NAME: Want(mtime=981158400 * 10**9, exec_bits=0o111)}, named=True),
    Row("chmod that changes nothing, somebody else's", 'chmod --reference="$N" "$N"', first=OLD, by_other=True, makes={NAME: text("old\n")}, named=True),
]


def over(name, script, **kw):
    """Changes an existing file: one that the caller made a moment ago, and one that somebody else made."""
    kw = dict({"named": True}, **kw)
    return [changes(name, script, first=OLD, **kw), changes(name + ", somebody else's", script, first=OLD, by_other=True, **kw)]


REPLACED = (EPERM, "EEXIST")  # a rename onto a sealed file: SPEC section 4 has EEXIST for it, the table EPERM
CHANGING = sum((
    over("echo >> existing", 'echo more >> "$N"', makes={NAME: text("old\nmore\n")}),
    over("echo > existing", 'echo other > "$N"', makes={NAME: text("other\n")}),
    over("tee -a existing", 'echo more | tee -a "$N" > "$W/tee"', makes={NAME: text("old\nmore\n")}),
    over("cp over", 'cp "$S/a" "$N"', makes=copy_of("a")),
    over("cp -f over", 'cp -f "$S/a" "$N"', makes=copy_of("a")),
    over("cp --remove-destination", 'cp --remove-destination "$S/a" "$N"', makes=copy_of("a")),
    over("cp -b over (a backup name~)", 'cp -b "$S/a" "$N"', makes=lambda s: {NAME: s.copy("a"), NAME + "~": text("old\n")}),
    over("install over", 'install -m 644 "$S/a" "$N"', makes=copy_of("a")),
    over("dd of= existing", 'dd if="$S/a" of="$N" status=none', makes=copy_of("a")),
    over("truncate -s 0 existing", 'truncate -s 0 "$N"', makes={NAME: text("")}),
    over("sed -i", 'sed -i s/old/new/ "$N"', makes={NAME: text("new\n")}, zone=REPLACED),
    over("mv over from another filesystem", 'cp -a "$S/a" "$W/a"; mv -f "$W/a" "$N"', makes=copy_of("a", times=True), zone=REPLACED),
    over("rm", 'rm "$N"', gone=[NAME]),
    over("rm -f", 'rm -f "$N"', gone=[NAME]),
    over("shred -u", 'shred -u -n 1 "$N"', gone=[NAME]),
    over("mv to another name", 'mv "$N" "%s"' % OTHER, gone=[NAME], makes={OTHER: text("old\n")}),
    over("mv away to another filesystem", 'mv "$N" "$W/away"', gone=[NAME]),
    over("mv away to another folder of the mount", 'mv "$N" "$AWAY/"', gone=[NAME], elsewhere=True),
    over("touch -d of an existing file", 'touch -d 2001-01-01 "$N"', makes={NAME: text("old\n")})[1:],
    over("chmod +x of an existing file", 'chmod +x "$N"', makes={NAME: Want(exec_bits=0o111)})[1:],
), []) + [
    changes("rm -rf of a tree", 'rm -rf tree', first='mkdir -p tree/sub; echo 1 > tree/one; echo 2 > tree/sub/two',
            gone=["tree", "tree/sub", "tree/one", "tree/sub/two"]),
    changes("rm -r of a tree, somebody else's", 'rm -r tree', first='mkdir -p tree/sub; echo 1 > tree/one; echo 2 > tree/sub/two', by_other=True,
            gone=["tree", "tree/sub", "tree/one", "tree/sub/two"]),
    changes("mv of a tree to another name", 'mv tree other', first='mkdir tree; echo 1 > tree/one', gone=["tree", "tree/one"],
            makes={"other": folder(), "other/one": text("1\n")}),
    changes("mv of a file into a folder", 'mv "$N" sub/', first='mkdir sub; echo old > "$N"', gone=[NAME], makes={"sub/" + NAME: text("old\n")}),
    Row("ln", 'ln "$N" other', first=OLD, home=EPERM, cr=EPERM, zone=EPERM, native=False, named=True),
    Row("mkfifo", 'mkfifo pipe', home=EPERM, cr=EPERM, zone=EPERM, native=False, named=True),
    Row("chmod u+s", 'chmod u+s "$N"', first=OLD, home=EPERM, cr=EPERM, zone=EPERM, native=False, named=True),
]

if __name__ == "__main__":
    world = World()
    run_rows(world, MAKING + COPYING + CHANGING)
    world.close()
    T.finish()
