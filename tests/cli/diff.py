#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc diff: gains, losses, conditions, administrators, freezes and other keys; trees, files in their archive, bare texts; statuses."""
import os
import shutil
import subprocess
import tempfile

from tool import WORK, data, finish, one_line_error, run, text, tree
from harness import ADMIN, DC, PARTY_ZDDC, PT, ROOT_ZDDC, T, ZDDC, Archive

A = "admins: [admin@example.com]\n"
ACME = "P/archive/Acme/.zddc"


def policy(body):
    fd, path = tempfile.mkstemp(dir=WORK, suffix=".yaml")
    os.write(fd, body.encode())
    os.close(fd)
    return path


def places(p):
    """{path: {who: what}}, {path: {key: (was, is)}}"""
    got = data(p)
    return ({x["path"]: {w["who"]: w for w in x["who"]} for x in got["places"]},
            {x["path"]: {k["key"]: (k["was"], k["is"]) for k in x["keys"]} for x in got["places"]})


def change(old, new):
    """What changes at the root of an archive that has this policy, as JSON."""
    p = run("diff", policy(old), policy(new), "--json")
    who, keys = places(p)
    return p.returncode, who.get(".", {}), keys.get(".", {})


def perms(**more):
    return A + "acl:\n  permissions:\n" + "".join("    %s@b.c: '%s'\n" % kv for kv in more.items())


def verbs():
    status, who, _ = change(perms(a="rw", b="r", d="r"), perms(a="r", b="rwd", d="r"))
    T.equal(status, 1, "somebody gains")
    T.equal({w: (who[w]["gains"], who[w]["loses"]) for w in who}, {"a@b.c": ("", "w"), "b@b.c": ("wd", "")}, "who gains, who loses, and nobody else")
    T.equal((who["b@b.c"]["by_line"], who["a@b.c"]["was_line"]), (5, 4), "by which line")
    T.equal(change(perms(a="rw"), perms(a="r"))[0], 0, "losses only: status 0")
    T.equal(change(perms(a="rw"), perms(a="rw")), (0, {}, {}), "nothing")
    T.equal(change(perms(a="r"), "# more words\n" + perms(a="r")), (0, {}, {}), "comments are nothing")
    T.equal(text(run("diff", policy(perms(a="r")), policy(perms(a="r")))), "nothing changes for anybody\n", "and it says so")
    status, who, _ = change(perms(a="rw"), "admins: [admin@example.com, x@y.z]\n")
    T.equal((status, who["x@y.z"]["becomes_admin"], who["a@b.c"]["loses"]), (1, True, "rw"), "an administrator more")
    status, who, _ = change("admins: [admin@example.com, x@y.z]\n", A)
    T.equal((status, who["x@y.z"]["no_longer_admin"]), (0, True), "an administrator less")
    status, who, _ = change(perms(a="rwcd"), perms(a="rwcd") + "worm: [b@b.c]\n")
    T.equal((status, who["a@b.c"]["loses"], who["b@b.c"]["gains"]), (1, "wcd", "rc"), "a place becomes write-once")


def conditions():
    plain, low, high = perms(a="rw"), perms(a="rw") + "when: {w: risk_score < 5}\n", perms(a="rw") + "when: {w: risk_score < 6}\n"
    status, who, _ = change(plain, low)
    T.equal((status, who["a@b.c"]["loses"], who["a@b.c"]["gains_conditional"]), (0, "w", "w"), "a condition is a loss")
    status, who, _ = change(low, plain)
    T.equal((status, who["a@b.c"]["gains"]), (1, "w"), "without it: a gain")
    status, who, _ = change(low, high)
    T.equal((status, who["a@b.c"]["conditions_changed"]), (1, "w"), "another condition may be a gain")


def keys():
    for old, new, status, key, said in (("freeze_until: 2099-01-01", "", 1, "freeze_until", ("2099-01-01T00:00:00Z", None)),
                                        ("", "freeze_until: 2099-01-01", 0, "freeze_until", (None, "2099-01-01T00:00:00Z")),
                                        ("worm_mode: compliance", "worm_mode: governance", 1, "worm_mode", ('"compliance"', '"governance"')),
                                        ("naming: enforce", "naming: off", 0, "naming", ('"enforce"', '"off"')),
                                        ("history: true", "", 0, "history", ("true", "not set"))):
        got, _, what = change(A + old + "\n", A + new + "\n")
        T.equal((got, what.get(key)), (status, said), "%s -> %s" % (old, new))


def roles():
    members = "roles: {crew: {members: [a@b.c, b@b.c, d@b.c]}}\nacl: {permissions: {crew: %s, d@b.c: rw}}\n"
    p = run("diff", policy(A + members % "r"), policy(A + members % "rw"))
    T.check("  + role:crew %s gains w  by .zddc:3  (2 people)" % (" " * 23) in text(p) and "a@b.c" not in text(p), "a role for all its members", text(p))
    p = run("diff", policy(A + members % "r"), policy(A + members % "rw" + "strict: true\n"))
    T.check(p.returncode == 3 and b"strict" in p.stderr, "an invalid text", p.stderr)
    one_line = p.stderr.decode().splitlines()[-1]
    T.check("no valid policy" in one_line, "is said to be one", one_line)


def in_its_archive():
    top = tree({".zddc": ROOT_ZDDC, ACME: PARTY_ZDDC, "P/archive/Acme/working/x/.zddc": "acl:\n  inherit: false\n  permissions:\n    x@y.z: rwcda\n"})
    new = policy(PARTY_ZDDC + "    eve@example.com: r\n    project_team: rw\n")
    p = run("diff", os.path.join(top, ACME), new)
    lines = text(p).splitlines()
    T.equal(p.returncode, 1, "a file of an archive and what would take its place")
    T.equal(lines[0], "P/archive/Acme", "only from there on")
    T.check("  + eve@example.com                   gains r  by P/archive/Acme/.zddc:6" in lines, "who gains", lines)
    T.check(any("role:project_team" in l and "gains w" in l for l in lines), "a role", lines)
    T.check(lines[lines.index("P/archive/Acme/staging") + 1].startswith("  = role:project_team"), "a deeper place that decides itself", lines)
    T.check(lines[lines.index("P/archive/Acme/working/x") + 1].startswith("  = eve@example.com"), "and a fence", lines)
    T.equal(text(run("diff", os.path.dirname(os.path.join(top, ACME)), new)), text(p), "its directory means the same")
    T.equal(run("diff", new, os.path.join(top, ACME)).returncode, 0, "the other way round nobody gains")
    with open(new, "rb") as f:
        T.equal(text(run("diff", os.path.join(top, ACME), "-", stdin=f)), text(p), "from standard input")
    T.check("x@y.z" in text(run("diff", os.path.join(top, "P/archive/Acme/working/x/.zddc"), "/dev/null")), "as if it were not there")
    copy = os.path.join(WORK, "copy")
    shutil.copytree(top, copy)
    T.equal(text(run("diff", top, copy)), "nothing changes for anybody\n", "two trees")
    shutil.copy(new, os.path.join(copy, ACME))
    T.check("P/archive/Acme\n  + eve@example.com" in text(run("diff", top, copy)), "two trees: where they differ")
    T.equal(run("diff", top + "/P", copy + "/P").returncode, 1, "a part of two trees")
    one_line_error(run("diff", top + "/P", copy), 2, "same place")
    one_line_error(run("diff", top, "/nowhere"), 4, "/nowhere")
    one_line_error(run("diff", top), 2, "OLD NEW")
    defaults = policy(text(run("show-defaults")))
    other = policy(text(run("show-defaults")).replace("project_team: cr", "project_team: rwc"))
    out = text(run("diff", defaults, other))
    T.check("*/archive/*/staging\n  + role:project_team" in out and "gains w" in out, "defaults: what any project would get", out)


def on_a_mount():
    a = Archive({".zddc": ROOT_ZDDC, ACME: PARTY_ZDDC}).mount()
    new = policy(PARTY_ZDDC + "    eve@example.com: r\n")
    os.chmod(WORK, 0o711)
    os.chmod(new, 0o644)

    def zddc(uid, *args):
        return subprocess.run([ZDDC, *args], cwd="/", user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    p = zddc(ADMIN, "diff", a.at(ACME), new)
    T.equal((p.returncode, p.stdout), (1, run("diff", a.behind(ACME), new).stdout), "before somebody saves it on the mount: %s" % p.stderr)
    p = zddc(PT, "diff", a.at(ACME), new)
    T.check(p.returncode == 4 and b"cannot read all the policy" in p.stderr, "not for those who cannot read policy", (p.returncode, p.stderr))
    T.equal(zddc(DC, "diff", a.at(ACME), new).returncode, 4, "nor the root's")


finish(verbs, conditions, keys, roles, in_its_archive, on_a_mount)
