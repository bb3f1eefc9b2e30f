#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""tar and zip in the three places: unpacking, packing, and packing up what is there."""
import stat

from toolbox import Row, T, Want, World, anything, changes, folder, run_rows


def tree(src):
    return src.tree("tree")


def no_links(src):
    """unzip makes a symlink by way of a file that it removes again, which a lane or a zone cannot let it: none in the zip."""
    return {n: w for n, w in tree(src).items() if n != "tree/link"}


def link_of_today(src):
    return dict(tree(src), **{"tree/link": Want(stat.S_IFLNK, "sub/two two")})


def one_member(src):
    """The folders above it are made on the way, with the time of today."""
    return dict({n: w for n, w in tree(src).items() if n.startswith("tree/sub/deep")}, **{"tree": folder(), "tree/sub": folder()})


FULL = 'mkdir tree; echo old > tree/one'
ROWS = [
    Row("tar x", 'tar -xf "$S/tree.tar"', makes=tree),
    Row("tar xz", 'tar -xzf "$S/tree.tar.gz"', makes=tree),
    Row("tar xp", 'tar -xpf "$S/tree.tar"', makes=tree),
    Row("tar x of one member", 'tar -xf "$S/tree.tar" tree/sub/deep', makes=one_member),
    Row("tar c | tar x", 'tar -C "$S" -cf - tree | tar -xf -', makes=tree),
    Row("tar x from a slow pipe", '(head -c 3000 "$S/tree.tar"; sleep 0.2; tail -c +3001 "$S/tree.tar") | tar -xf -', makes=tree),
    Row("tar c of what is there", 'tar -xf "$S/tree.tar"; tar -cf made.tar tree; tar -tf made.tar > "$W/list"', makes=lambda s: dict(tree(s), **{"made.tar": anything()})),
    Row("unzip", 'unzip -q "$S/tree.zip"', makes=no_links),
    Row("unzip -o", 'unzip -qo "$S/tree.zip"', makes=no_links),
    Row("zip of what is there, to elsewhere", 'tar -xf "$S/tree.tar"; zip -qr "$W/made.zip" tree; unzip -tq "$W/made.zip" > "$W/list"', makes=tree),
    Row("python tarfile", "/usr/bin/python3 -c 'import os, tarfile; tarfile.open(os.environ[\"S\"] + \"/tree.tar\").extractall()'", makes=link_of_today),
    changes("tar x over", 'tar -xf "$S/tree.tar" tree/one', first=FULL, makes=lambda s: {"tree/one": s.copy("tree/one", times=True)}, says="tree/one: Cannot"),
    changes("tar x --overwrite", 'tar -xf "$S/tree.tar" --overwrite tree/one', first=FULL, makes=lambda s: {"tree/one": s.copy("tree/one", times=True)}),
    changes("unzip -o over", 'unzip -qo "$S/tree.zip" tree/one < /dev/null', first=FULL, makes=lambda s: {"tree/one": s.copy("tree/one", times=True)}, says="cannot"),
    changes("tar r (append to an archive)", 'echo more > "$W/more"; tar -C "$W" -rf a.tar more', first='tar -C "$S" -cf a.tar a', makes={"a.tar": anything()}, says="a.tar: Cannot"),
    changes("tar c over an archive", 'tar -C "$S" -cf a.tar run', first='tar -C "$S" -cf a.tar a', makes={"a.tar": anything()}),
]

if __name__ == "__main__":
    world = World()
    run_rows(world, ROWS)
    world.close()
    T.finish()
