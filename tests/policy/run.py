#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests/policy/*.yaml twice: through the engine (zddc test), and as real system calls of real uids on a mount.

    run.py [--engine] [--mount] [-v] [FILE.yaml...]

A file is one case, or has a list "cases:". Keys of a case:
    about     what it shows
    tree      path: text of a file; a path that ends in "/" is a directory; .zddc files are the policy
    defaults  "builtin" (the default), "none", or the text of own defaults
    options   mount options: [strict, environment=NAME]
    people    short: e-mail, or "anonymous"; short names for as: and who:
    groups    {e-mail or short: [Unix groups]}; real accounts and groups are made for them and removed again
    free      a directory where everybody holds everything: the other end of moves
    last      the last valid text of the root .zddc
    tests     a list of {as:, op:, path:, expect: allow or deny} and optionally
              by: FILE:LINE (or FILE)   what decides         reason: a word of acl/reasons.def
              errno: NAME or [NAMES]    on the mount         to: the other path of a rename (decided too)
              groups:, on: engine or mount, about:
              elevated:, provenance:, risk: (on the mount as a session that has declared it)
              time:, environment: (engine only)
              bytes: "true"             %XX in the path is one byte
    break     path: text that is written behind the mount once it serves
    holds     a list of {path:, who: {short: VERBS}}: in that directory each of them holds exactly these verbs; every operation that
              needs each verb is tried. pass: [shorts] may pass without any verb; file:, dir: names for what is made;
              zone: "true" in a zone a later refusal may be EPERM; only: [ops]; on: engine or mount
Something is planted for each operation that needs something there, under a name of its own, before the mount; a path that stands in
the tree is used as it is.
"""
import glob
import json
import os
import subprocess
import sys
import time
import urllib.parse

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "mount"))
import harness as h  # noqa: E402
from harness import T  # noqa: E402

DIR_OPS = {"enter", "statdir", "list"}
MAKES = {"create", "mkdir", "symlink", "mknod", "rename-to"}
OPS_OF = {
    "r": ["list", "read", "stat", "getxattr", "readlink"],
    "w": ["write", "truncate", "fallocate", "utimens", "chmod", "chown", "setxattr", "removexattr", "rename"],
    "c": ["create", "mkdir", "symlink", "rename-to"],
    "d": ["unlink", "rmdir", "rename-from"],
    "a": ["write-policy"],
}
VERB_ORDER = "rwcda"
FIRST_UID = 62001


def parse_args(argv):
    sides = [s for s in ("engine", "mount") if "--" + s in argv] or ["engine", "mount"]
    files = [a for a in argv if not a.startswith("-")]
    files = files or sorted(glob.glob(os.path.join(HERE, "*.yaml")))
    return sides, files, "-v" in argv


# ------------------------------------------------------------------------------------------------------------- people

class People:
    """A uid for each (e-mail, groups); those with groups are real accounts."""

    def __init__(self):
        self.uids, self.workers, self.sessions, self.accounts = {}, {}, {}, None

    def uid(self, who):
        return self.uids.setdefault(who, FIRST_UID + len(self.uids))

    def prepare(self, cases):
        for case in cases:
            for test in case.tests:
                self.uid(test.who)
        users = {"zt-%d" % uid: (uid, who[1]) for who, uid in self.uids.items() if who[1]}
        groups = sorted({g for who in self.uids for g in who[1]})
        if users:
            self.accounts = h.Accounts(users, groups)

    def worker(self, who):
        uid = self.uid(who)
        if uid not in self.workers:
            self.workers[uid] = h.Worker(uid)
        return self.workers[uid]

    def session(self, test, archive):
        """A worker in a session of its own that has declared what the test says, on this mount."""
        key = (self.uid(test.who), archive.mnt, test.declares)
        if key not in self.sessions:
            w = self.sessions[key] = h.Worker(key[0])
            w.call(os.setsid)
            declare(w, test, archive)
        return self.sessions[key]

    def end_sessions(self):
        for w in self.sessions.values():
            w.close()
        self.sessions = {}

    def close(self):
        for w in self.workers.values():
            w.close()
        if self.accounts:
            self.accounts.close()


def command(path, line):
    fd = os.open(path, os.O_WRONLY)
    try:
        os.write(fd, line.encode())
    finally:
        os.close(fd)


def declare(worker, test, archive):
    """Into the ctl of the place itself or of what is above it: one elevates where one administers. Who administers nothing is not elevated."""
    said = dict(test.declares)
    words = "".join(' --%s "%s"' % (k, said[k]) for k in ("provenance", "risk") if k in said)
    line = "elevate --for 60m --reason test" + words if "elevated" in said else "with" + words
    place = test.path
    while place:
        place = os.path.dirname(place)
        if not h.err(worker.call, command, os.path.join(archive.mnt, place, ".zddc.d/ctl"), line):
            return


# -------------------------------------------------------------------------------------------------------------- tests

class Test:
    def __init__(self, case, number, spec):
        self.case, self.spec = case, spec
        self.op, self.path = spec["op"], spec["path"].rstrip("/")
        if spec.get("bytes"):
            self.path = os.fsdecode(urllib.parse.unquote_to_bytes(self.path))
        self.allow = {"allow": True, "deny": False}[spec["expect"]]
        self.who = case.principal(spec)
        self.sides = [spec["on"]] if "on" in spec else ["engine", "mount"]
        if spec.keys() & {"time", "environment"}:
            self.sides = ["engine"]
        self.declares = tuple((k, spec[k]) for k in ("elevated", "provenance", "risk") if spec.get(k, "false") != "false")
        self.number = number
        self.other = None
        self.name = "%s: %s %s %s as %s%s" % (case.name, spec["expect"], self.op, self.path, spec["as"],
                                              " (%s)" % spec["about"] if spec.get("about") else "")

    @property
    def by(self):
        """(file, line) that is expected; line 0 is any."""
        if "by" not in self.spec:
            return None
        file, _, line = self.spec["by"].rpartition(":")
        return (file, int(line)) if file and line.isdigit() else (self.spec["by"], 0)

    def split(self):
        if self.op in DIR_OPS:
            return self.path, "-"
        return os.path.dirname(self.path), os.path.basename(self.path)

    def own_name(self, path, tag):
        """A name that no other test uses, with the extension kept."""
        stem, dot, ext = path.rpartition(".")
        if not dot or "/" in ext:
            return "%s t%d%s" % (path, self.number, tag)
        return "%s t%d%s.%s" % (stem, self.number, tag, ext)

    def plant(self, back):
        """Puts what the operation needs behind the mount, and fixes the paths."""
        if self.op in DIR_OPS:
            return self.plant_marker(back)
        exact = os.path.lexists(os.path.join(back, self.path)) or self.spec.get("bytes")
        free = self.case.spec.get("free", "free")
        policy = os.path.basename(self.path) == ".zddc"
        if not exact and not policy:
            self.path = self.own_name(self.path, "")
        if self.op not in MAKES and not policy and not os.path.lexists(os.path.join(back, self.path)):
            self.make(back, self.path, self.op)
        if "to" in self.spec:
            self.other = self.spec["to"]
        elif self.op == "rename":
            self.other = self.own_name(self.path, "r")
        elif self.op == "rename-from":
            self.other = os.path.join(free, "from%d" % self.number)
        elif self.op in ("rename-to", "rename-over"):
            self.other = os.path.join(free, "to%d" % self.number)
            self.make(back, self.other, "read")
        elif self.op == "link":
            self.other = self.own_name(self.path, "l")
        return None

    def plant_marker(self, back):
        full = os.path.join(back, self.path)
        if self.op == "list" and os.path.isdir(full):
            self.make(back, os.path.join(self.path, "marker"), "read")

    @staticmethod
    def make(back, path, op):
        full = os.path.join(back, path)
        if op == "rmdir":
            os.makedirs(full, exist_ok=True)
            return
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if op == "readlink":
            os.symlink("target", full)
            return
        with open(full, "w") as f:
            f.write("planted\n")
        os.chmod(full, 0o644)
        os.setxattr(full, "user.planted", b"1")

    def errnos(self):
        """The errnos that a refusal may have on the mount."""
        given = self.spec.get("errno")
        if given is not None:
            return given if isinstance(given, list) else [given]
        if self.op in ("enter", "statdir"):
            return ["ENOENT"]
        if self.op in ("link", "mknod") or self.spec.get("reason") in ("never", "sealed", "reserved"):
            return ["EPERM"]
        if self.spec.get("reason") == "frozen":
            return ["EBUSY"]
        if self.spec.get("reason") == "write-once":
            return ["EPERM", "EACCES"]
        if self.op == "list":
            return ["FILTERED", "ENOENT"]
        return ["EACCES"]


class Case:
    def __init__(self, file, index, spec):
        self.spec = spec
        self.name = os.path.basename(file) + ("[%d]" % index if index is not None else "")
        self.strict = "strict" in spec.get("options", [])
        self.defaults = spec.get("defaults", "builtin")
        specs = list(spec.get("tests", []))
        for hold in spec.get("holds", []):
            specs += self.expand(hold)
        self.tests = [Test(self, i, s) for i, s in enumerate(specs)]

    def principal(self, spec):
        people = self.spec.get("people", {})
        short = spec["as"]
        email = people.get(short, short)
        groups = spec.get("groups") or self.spec.get("groups", {}).get(short) or self.spec.get("groups", {}).get(email, [])
        return ("" if email == "anonymous" else email, tuple(sorted(groups)))

    # ---- holds: one line of a table becomes every operation of every verb

    def expand(self, hold):
        out = []
        for short, verbs in hold["who"].items():
            common = {"as": short, "about": hold.get("about", "")}
            sees = bool(verbs) or short in hold.get("pass", [])
            out.append(dict(common, op="enter", path=hold["path"], expect="allow" if sees else "deny"))
            for verb in VERB_ORDER:
                for op in OPS_OF[verb]:
                    out += self.expand_op(hold, common, op, verb in verbs, sees)
            if sees and "only" not in hold:
                out += [dict(common, op=op, path=hold["path"] + "/node.bin", expect="deny", errno=["EPERM"] if "r" in verbs or op == "mknod" else ["EPERM", "ENOENT"])
                        for op in ("link", "mknod")]
        if "on" in hold:
            out = [dict(s, on=hold["on"]) for s in out]
        return [s for s in out if s["op"] in hold.get("only", [s["op"]])]

    def expand_op(self, hold, common, op, held, sees):
        path = os.path.join(hold["path"], hold.get("dir", "folder") if op in ("mkdir", "rmdir") else hold.get("file", "file.txt"))
        spec = dict(common, op=op, path=path, expect="allow" if held else "deny")
        if op == "list":
            spec["path"] = hold["path"]
        if op == "write-policy":
            spec.update(op="write", path=os.path.join(hold["path"], ".zddc"))
            if spec["path"] not in self.spec["tree"]:
                spec.update(on="engine")
        if not held:
            spec["errno"] = self.expected_errnos(hold, op, common["as"], sees)
        return [spec]

    @staticmethod
    def expected_errnos(hold, op, short, sees):
        if not sees:
            return ["ENOENT"]
        if op == "list":
            return ["FILTERED"]
        masked = ["EPERM"] if hold.get("zone") else []
        # without r a name may not be known: not there, or refused
        unseen = ["ENOENT"] if "r" not in hold["who"][short] else []
        return ["EACCES"] + masked + unseen

    # ---- the tree on disk

    def build(self, people):
        tree = {}
        for path, text in self.spec.get("tree", {}).items():
            tree[path] = text
        mapped = {people.uid(t.who): t.who[0] for t in self.tests if t.who[0]}
        mapped[61000] = "unused@example.com"
        archive = h.Archive(tree, mapped)
        for test in self.tests:
            test.plant(archive.back)
        if self.defaults not in ("builtin", "none"):
            archive.put("../defaults.yaml", self.defaults)
        elif self.defaults == "none":
            archive.put("../defaults.yaml", "{}\n")
        return archive

    def mount_options(self, archive):
        options = list(self.spec.get("options", []))
        if self.defaults != "builtin":
            options.append("defaults=" + os.path.join(archive.base, "defaults.yaml"))
        return ",".join(options)


# ------------------------------------------------------------------------------------------------------- the engine's side

def run_engine(files):
    """The same files, read and decided by the tool that people use for theirs."""
    out = subprocess.run([h.ZDDC, "test", "--json", *files], stdout=subprocess.PIPE)
    T.among(out.returncode, (0, 1), "zddc test: exit status")
    tests = json.loads(out.stdout or b"{}").get("tests", [])
    T.check(len(tests) >= len(files), "zddc test: finds tests")
    for t in tests:
        T.check(t["ok"], "engine: %s:%d: %s %s %s" % (os.path.basename(t["file"]), t["line"], t["as"], t["op"], t["path"]), t)


def wanted(test):
    text = "".join(", want %s %s" % (k, test.spec[k]) for k in ("reason", "by") if k in test.spec)
    return text


# -------------------------------------------------------------------------------------------------------- the mount's side

def decision_of(data):
    """(reason, file, line) of one decision as the mount writes it in JSON."""
    if isinstance(data, list):
        data = data[0] if data else {}
    if "decisions" in data:
        return decision_of(data["decisions"])
    src = data.get("src") or {}
    file = src.get("file", data.get("file")) or "-"
    return data.get("reason"), file, src.get("line", data.get("line")) or 0


def last_error(path):
    return json.loads(h.read_file(path) or b"{}")


def mount_paths(test, archive):
    other = test.other and os.path.join(archive.mnt, test.other)
    path = os.path.join(archive.mnt, test.path)
    return (other, path) if test.op in ("rename-to", "rename-over") else (path, other)


def outcome(test, archive, worker):
    """errno name, '' or FILTERED."""
    path, other = mount_paths(test, archive)
    got, listing = worker.call(h.errno_of_op, test.op, path, other)
    if test.op == "list" and not got:
        shown = "marker" in listing
        present = os.path.exists(os.path.join(archive.back, test.path, "marker"))
        got = "" if shown or not present else "FILTERED"
    return got


def check_mount(test, archive, people):
    worker = people.session(test, archive) if test.declares else people.worker(test.who)
    got = outcome(test, archive, worker)
    ok = got == "" if test.allow else got in test.errnos()
    if not T.check(ok, "mount: " + test.name, "got %s, want %s" % (got or "success", "success" if test.allow else "/".join(test.errnos()))):
        return
    if "reason" in test.spec or "by" in test.spec:
        check_why(test, archive, worker, got)


def check_why(test, archive, worker, got):
    """The reason and the source line as the mount tells them."""
    if got in ("ENOENT", "FILTERED"):
        return
    where, name = test.split()
    if got:
        path = os.path.join(archive.mnt, ".zddc.d/last-error.json")
    elif test.op in DIR_OPS:
        return
    else:
        path = os.path.join(archive.mnt, where, ".zddc.d/explain.%s.json" % test.op, name)
    try:
        reason, file, line = decision_of(worker.call(last_error, path))
    except (OSError, ValueError) as e:
        T.check(False, "mount says why: " + test.name, "%s: %s" % (path, e))
        return
    want = test.spec.get("reason", reason)
    # the engine answers for verbs; the mount knows the file itself, which in a write-once place is sealed (SPEC 3, fine print)
    ok = reason == want or (reason, want) == ("sealed", "write-once")
    if test.by:
        hidden = file == "(hidden)"
        ok = ok and (hidden or (file == test.by[0] and test.by[1] in (0, line)))
    T.check(ok, "mount says why: " + test.name, "%s %s:%s%s" % (reason, file, line, wanted(test)))


def run_mount(case, archive, people):
    if not any("mount" in t.sides for t in case.tests):
        return
    try:
        archive.mount(case.mount_options(archive))
    except RuntimeError as e:
        T.check(False, "mount: " + case.name, e)
        archive.proc = None
        return
    if case.spec.get("break"):
        for path, text in case.spec["break"].items():
            archive.put(path, text)
        time.sleep(1.2)  # the promise for changes behind the mount is 1 s
    for test in case.tests:
        if "mount" in test.sides:
            check_mount(test, archive, people)
    people.end_sessions()


def load(files):
    for file in files:
        with open(file) as f:
            data = yaml.load(f, Loader=yaml.BaseLoader)
        if "cases" in data:
            for i, spec in enumerate(data["cases"]):
                yield Case(file, i, spec)
        else:
            yield Case(file, None, data)


def main():
    sides, files, verbose = parse_args(sys.argv[1:])
    people = People()
    cases = list(load(files))
    people.prepare(cases)
    built = [(case, case.build(people)) for case in cases]
    if "engine" in sides:
        run_engine(files)
    for case, archive in built:
        before = T.passed, T.failed
        if "mount" in sides:
            run_mount(case, archive, people)
        if verbose:
            print("%s: %d passed, %d failed" % (case.name, T.passed - before[0], T.failed - before[1]))
        archive.close()
    people.close()
    T.finish()


if __name__ == "__main__":
    main()
