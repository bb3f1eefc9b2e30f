#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""rsync, gio and python's shutil in the three places."""
from toolbox import EPERM, FAILS, NAME, PT, DC, Row, Session, T, World, changes, folder, run_rows, text

OTHER = "123456-EL-SPC-2623_C (IFR) - Spec.pdf"
OLD = 'echo old > "$N"'
REPLACED = (EPERM, "EEXIST")
TRASHES = 'ls -A "$TOP" | grep -i trash && exit 7; ls -A "$HOME/.local/share/Trash/files" 2> /dev/null | grep . && exit 8; true'


def a_kept(src):
    return {NAME: src.copy("a", times=True)}


def ro_kept(src):
    return {NAME: src.copy("ro", times=True)}


def py(code):
    return "/usr/bin/python3 - <<'END'\nimport mmap, os, shutil, tempfile\nS, W, N = (os.environ[k] for k in 'SWN')\n%s\nEND" % code


PYTHON = [
    Row("python open().write()", py("open(N, 'w').write('x\\n')"), makes={NAME: text("x\n")}, named=True),
    Row("python shutil.copy2", py("shutil.copy2(S + '/a', N)"), makes=a_kept, named=True, xattr=(NAME, "user.color", "blue")),
    Row("python shutil.copy2 of a 0444 source", py("shutil.copy2(S + '/ro', N)"), makes=ro_kept, named=True),
    Row("python shutil.copytree", py("shutil.copytree(S + '/tree', 'tree', symlinks=True)"), makes=lambda s: s.tree("tree")),
    Row("python shutil.move in", "cp -a \"$S/a\" \"$W/a\"\n" + py("shutil.move(W + '/a', N)"), makes=a_kept, named=True),
    Row("python write temp, fsync, rename", py(
        "f = tempfile.NamedTemporaryFile('w', dir='.', suffix='.tmp', delete=False)\n"
        "f.write('x\\n')\nf.flush()\nos.fsync(f.fileno())\nf.close()\nos.replace(f.name, N)"), makes={NAME: text("x\n")}, named=True),
    Row("python copy_file_range, seek, write back", py(
        "a, b = os.open('source', os.O_RDONLY), os.open(N, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)\n"
        "size = os.fstat(a).st_size\nwhile os.copy_file_range(a, b, size):\n    pass\n"
        "first = os.pread(b, 1, 0)\nos.pwrite(b, b'#', 0)\nos.pwrite(b, first, 0)\nos.close(b)"), first='cp "$S/big" source', makes=lambda s: {NAME: s.copy("big", bits=False)}),
    Row("python mmap of a new file", py(
        "f = open(N, 'x+b')\nf.truncate(8192)\nm = mmap.mmap(f.fileno(), 8192)\nm[:] = b'm' * 8192\nm.flush()\nm.close()\nf.close()"),
        makes={NAME: text(b"m" * 8192)}, named=True),
    changes("python write temp and rename, over", py(
        "with open(N + '.tmp', 'w') as f:\n    f.write('x\\n')\ntry:\n    os.replace(N + '.tmp', N)\nexcept OSError:\n    os.unlink(N + '.tmp')\n    raise"),
        first=OLD, makes={NAME: text("x\n")}, zone=REPLACED, named=True),
    changes("python mmap of an existing file", py("f = open(N, 'r+b')\nm = mmap.mmap(f.fileno(), 0)\nm[0:1] = b'O'\nm.close()"), first=OLD,
            makes={NAME: text("Old\n")}, named=True),
]

RSYNC = [
    Row("rsync -a", 'rsync -a "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("rsync -a, again", 'rsync -a "$S/tree" .; rsync -a "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("rsync -aX, again", 'rsync -aX "$S/a" "$S/tree" .; rsync -aX "$S/a" "$S/tree" .', makes=lambda s: dict(s.tree("tree"), a=s.copy("a", times=True)),
        xattr=("a", "user.color", "blue")),
    Row("rsync -a --inplace, again", 'rsync -a --inplace "$S/tree" .; rsync -a --inplace "$S/tree" .', makes=lambda s: s.tree("tree")),
    Row("rsync -a of one file, again", 'rsync -a "$S/a" "$N"; rsync -a "$S/a" "$N"', makes=a_kept, named=True),
    Row("rsync -a --inplace of one file, again", 'rsync -a --inplace "$S/a" "$N"; rsync -a --inplace "$S/a" "$N"', makes=a_kept, named=True),
    changes("rsync -a over", 'rsync -a "$S/a" "$N"', first=OLD, makes=a_kept, zone=REPLACED, named=True),
    changes("rsync -a --inplace over", 'rsync -a --inplace "$S/a" "$N"', first=OLD, makes=a_kept, named=True),
    changes("rsync -a --delete", 'mkdir "$W/none"; rsync -a --delete "$W/none/" .', first=OLD, gone=[NAME], named=True),
]

GIO = [
    Row("gio copy", 'gio copy "$S/a" "$N"', makes=a_kept, named=True),
    Row("gio copy -p", 'gio copy -p "$S/a" "$N"', makes=a_kept, named=True),
    Row("gio copy -p of a 0444 source", 'gio copy -p "$S/ro" "$N"', makes=ro_kept, named=True),
    Row("gio copy -p of an executable", 'gio copy -p "$S/run" run', makes=lambda s: {"run": s.copy("run", times=True)}),
    Row("gio copy of 300 kB", 'gio copy "$S/big" "$N"', makes=lambda s: {NAME: s.copy("big", times=True)}, named=True),
    Row("gio save of a new file", 'echo x | gio save "$N"', makes={NAME: text("x\n")}, named=True),
    Row("gio move in", 'cp -a "$S/a" "$W/a"; gio move "$W/a" "$N"; test ! -e "$W/a"', makes=a_kept, named=True),
    Row("gio mkdir", 'gio mkdir one', makes={"one": folder()}),
    changes("gio save over", 'echo x | gio save "$N"', first=OLD, makes={NAME: text("x\n")}, zone=REPLACED, named=True),
    changes("gio save over, somebody else's", 'echo x | gio save "$N"', first=OLD, by_other=True, zone=REPLACED, named=True),
    changes("gio rename", 'gio rename "$N" "%s" > "$W/out"' % OTHER, first=OLD, gone=[NAME], makes={OTHER: text("old\n")}, named=True),
    changes("gio remove", 'gio remove "$N"', first=OLD, gone=[NAME], named=True),
    # no trash on the mount: refused without litter, then the file manager offers to delete permanently
    Row("gio trash", 'gio trash "$N"', first=OLD, home=FAILS, cr=FAILS, zone=FAILS, native=False, named=True, after=TRASHES),
    changes("gio trash, then delete permanently", 'gio trash "$N" 2> "$W/out" || gio remove "$N"', first=OLD, gone=[NAME], native=False, named=True, after=TRASHES),
]

if __name__ == "__main__":
    world = World()
    sessions = [Session(world, uid) for uid in (PT, DC)]
    run_rows(world, PYTHON + RSYNC + GIO)
    for session in sessions:
        session.close()
    world.close()
    T.finish()
