#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""git in the three places: everything works at home; in a lane and a zone it fails cleanly."""
import os

from toolbox import DC, PT, T, World, columns, line

CONFIG = "[user]\n\tname = Somebody\n\temail = somebody@example.com\n[init]\n\tdefaultBranch = main\n"
REPO = 'git init -q repo; cd repo; cp -a "$S/tree" .; git add -A; git commit -qm one'
MADE = 'git init -q "$W/repo"; cd "$W/repo"; cp -a "$S/tree" .; git add -A; git commit -qm one'
DAY = """
%s
cp "$S/big" big; git add big; git commit -qm two
git checkout -q -b side; echo 2 >> tree/one; git commit -qam three; git checkout -q main; git merge -q --no-edit side
git mv tree/one tree/uno; git rm -q big; git commit -qm four
git stash list; git tag -a v1 -m v1
""" % REPO
CLEAN = """
cd repo; test -z "$(git status --porcelain)"; git fsck --strict --no-progress; test "$(git rev-list --count HEAD)" = 4
git cat-file -p HEAD~2:big | cmp - "$S/big"; ! find .git -name '*.lock' -o -name 'tmp_*' | grep .
"""


def good(name, column, script, check):
    def run():
        cell = world.cell(column)
        r = cell.run(script)
        if r.status or r.errors:
            return "exit %d: %s" % (r.status, r.errors)
        litter = [n for n in cell.see() if n.split("/")[0] not in ("repo", "clone")]
        r = cell.run(check)
        return "litter %s" % litter if litter else "" if r.status == 0 else "afterwards: exit %d: %s%s" % (r.status, r.out, r.errors)
    line("%-6s %s" % (column.name, name), run)


def refused(name, column, script):
    """Not 0, a reason on standard error, nothing outside the repository's folder, and no process that hangs. git cannot take away what
    it wrote itself (nobody can, here): what it leaves inside that folder is not looked at."""
    def run():
        cell = world.cell(column)
        was = cell.behind()
        r = cell.run(script, timeout=20)
        if r.status == 0 or r.status < 0:
            return "exit %d: %s" % (r.status, r.errors)
        if not any(word in r.errors for word in ("ermission denied", "not permitted", "Invalid argument")):  # the last: naming: enforce
            return "says %r" % r.errors
        litter = [n for n in cell.see() if n.split("/")[0] != "repo"]
        litter += [n for n in cell.behind() - was if not n.startswith(cell.rel + "/repo")]
        return "litter %s" % litter if litter else ""
    line("%-6s %s" % (column.name, name), run)


def home(column):
    good("git init, add, commit, branch, merge, mv, rm, tag", column, DAY, CLEAN)
    good("git clone, commit, pull, push", column, REPO + """
        cd ..; git clone -q repo clone; cd clone; git checkout -q -b side; echo 2 > tree/two; git add -A; git commit -qm two; git push -q origin side
        cd ../repo; git merge -q side; cd ../clone; git pull -q origin main""", 'cd clone; git fsck --no-progress; test "$(git rev-list --count HEAD)" = 2; diff -r -x hollow tree ../repo/tree')
    good("git clone from elsewhere", column, MADE + '; cd "$D"; git clone -q "$W/repo" clone', 'cd clone; git fsck --no-progress; diff -r -x hollow "$S/tree" tree')
    good("git gc, repack, prune", column, DAY + "git repack -qad; git gc -q --prune=now; git pack-refs --all", CLEAN + "ls .git/objects/pack | grep -q pack$")
    good("git checkout of files, reset, clean", column, DAY + "echo x > tree/uno; git checkout -q tree/uno; echo y > new; git clean -qf; git reset -q --hard HEAD~1; git reset -q --hard HEAD@{1}",
         CLEAN)
    good("git worktree, stash, rebase", column, REPO + """
        echo 2 > two; git add two; git stash -q; git stash pop -q; git commit -qm two; git checkout -q -b side HEAD~1; echo 3 > three; git add three; git commit -qm three
        git rebase -q main""", 'cd repo; git fsck --no-progress; test "$(git rev-list --count HEAD)" = 3; test -z "$(git status --porcelain)"')
    good("rm -rf of a repository", column, REPO + '; cd ..; rm -rf repo', 'test ! -e repo')


def main():
    for column in columns():
        if column.key == "home":
            home(column)
            continue
        refused("git init fails cleanly", column, "git init -q repo")
        refused("git clone fails cleanly", column, MADE + '; cd "$D"; git clone -q "$W/repo" repo')


world = World()
for uid in (PT, DC):
    with open(os.path.join(world.home(uid), ".gitconfig"), "w") as f:
        f.write(CONFIG)
main()
world.close()
T.finish()
