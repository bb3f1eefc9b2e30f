#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc without a mount: the command line, plain archive trees, exit statuses, JSON, and what is generated from cmds.def."""
import json
import os
import re
import subprocess
import tempfile
import time

from tool import WORK, finish, on_terminal, one_line_error, run, text, tree
from harness import PARTY_ZDDC, ROOT, ROOT_ZDDC, SLOW, T, ZDDC

DECIDE = ["explain", "whoami", "check", "test", "access", "diff", "report", "verify"]  # they ask the engine about a tree
with open(os.path.join(ROOT, "cli/cmds.def"), encoding="utf-8") as rows:
    COMMANDS = re.findall(r'^CMD\(\w+, \w+, "([a-z-]+)"', rows.read(), re.M)
def sample():
    return tree({".zddc": ROOT_ZDDC, "P/archive/Acme/.zddc": PARTY_ZDDC, "P/archive/Acme/issued/x.pdf": "x", "P/archive/Bolt/": None,
                 ".zddc.d/identities.yaml": "identities: {%d: dc@example.com}\n" % os.getuid()})


# ------------------------------------------------------------------------------------------------------------ command line

def usage():
    p = run()
    T.equal(p.returncode, 2, "no command")
    T.check(b"zddc COMMAND" in p.stderr and not p.stdout, "no command: the overview on standard error")
    for flag in ("--help", "-h"):
        p = run(flag)
        T.equal(p.returncode, 0, flag)
        for command in COMMANDS:
            T.check(re.search(r"^  %s " % command, text(p), re.M), "%s lists %s" % (flag, command))
    one_line_error(run("explian", "x"), 2, "explian", "did you mean \"explain\"")
    one_line_error(run("frobnicate"), 2, "frobnicate", "--help")
    one_line_error(run("explain", ".", "--opp", "read"), 2, "--opp", "did you mean --op")
    one_line_error(run("explain", ".", "--zzzzzzz"), 2, "--zzzzzzz", "zddc explain --help")
    one_line_error(run("check", "--here"), 2, "--here")
    one_line_error(run("why", "-x"), 2, "-x")
    one_line_error(run("explain"), 2, "PATH")
    one_line_error(run("explain", "a", "b"), 2, "\"b\"")
    one_line_error(run("show-defaults", "a"), 2, "\"a\"")
    one_line_error(run("explain", ".", "--op"), 2, "--op OP")
    one_line_error(run("explain", ".", "--elevated=yes"), 2, "--elevated")
    one_line_error(run("explain", ".", "--op", "unlik"), 2, "unlik", "did you mean \"unlink\"")
    one_line_error(run("explain", ".", "--op=frobnicate"), 2, "frobnicate", "create")
    one_line_error(run("help", "nothing"), 2, "nothing")
    one_line_error(run("help", "--completion", "tcsh"), 2, "tcsh", "bash, zsh or fish")


def help_texts():
    table = json.loads(text(run("help", "--json")))
    T.equal([c["command"] for c in table], COMMANDS, "help --json lists the commands")
    for row in table:
        p = run(row["command"], "--help")
        T.equal(p.returncode, 0, row["command"] + " --help")
        T.check(not p.stderr, "quiet: %s --help" % row["command"])
        for option in row["options"]:
            T.check("--" + option["name"] in text(p), "%s --help names --%s" % (row["command"], option["name"]))
        T.check(any(o["name"] == "json" for o in row["options"]), row["command"] + " has --json")
        T.check(max(map(len, text(p).splitlines())) <= 100, row["command"] + " --help fits the screen")
        T.check("Exit status" in text(p), row["command"] + " --help has the exit statuses")
        T.equal(text(run("help", row["command"])), text(p), "help %s is the same text" % row["command"])
        T.check(row["command"] not in DECIDE or {"defaults", "strict"} <= {o["name"] for o in row["options"]}, row["command"] + " has --defaults and --strict")


def generated_files():
    for args, path in ((("--man",), "contrib/man/zddc.1"), (("--completion", "bash"), "contrib/completions/zddc.bash"),
                       (("--completion", "zsh"), "contrib/completions/_zddc"), (("--completion", "fish"), "contrib/completions/zddc.fish")):
        with open(os.path.join(ROOT, path), encoding="utf-8") as f:
            T.check(f.read() == text(run("help", *args)), path + " is what cmds.def says: write it with contrib/man/generate.sh")
    bash = text(run("help", "--completion", "bash"))
    T.equal(subprocess.run(["bash", "-n"], input=bash.encode()).returncode, 0, "the bash completion is bash")

    def complete(*words):
        script = bash + "\nCOMP_WORDS=(%s); COMP_CWORD=%d; compopt() { :; }; _zddc; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
            " ".join("'%s'" % w for w in words), len(words) - 1)
        return subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE).stdout.decode().split()
    T.equal(complete("zddc", "ex"), ["explain"], "bash completes a command")
    T.equal(complete("zddc", "explain", "--op", "unl"), ["unlink"], "bash completes an operation")
    T.check("--strict" in complete("zddc", "check", "--"), "bash completes options")
    T.check("--op" not in complete("zddc", "check", "--"), "only those of the command")
    man = text(run("help", "--man"))
    for command in COMMANDS:
        T.check("\n.SS %s\n" % command.replace("-", "\\-") in man, "zddc(1) has " + command)
    T.check("\\-\\-elevated" in man and ".SH EXIT STATUS" in man, "zddc(1) has options and exit statuses")


# -------------------------------------------------------------------------------------------------------------------- init

def init():
    top = os.path.join(WORK, "new archive")
    p = run("init", top, "--admin", "Alice@Example.com")
    T.equal(p.returncode, 0, "init: " + p.stderr.decode())
    T.equal(os.stat(top).st_mode & 0o7777, 0o700, "the archive is closed to others")
    for name in (".zddc", ".zddc.d/identities.yaml", "Project-1/.zddc"):
        with open(os.path.join(top, name), encoding="utf-8") as f:
            body = f.read()
        T.check("alice@example.com" in body and "#" in body, name + " names the administrator and explains itself")
        T.equal(os.stat(os.path.join(top, name)).st_mode & 0o077, 0, name + " is closed to others")
    T.check(os.path.isdir(os.path.join(top, "Project-1/archive")), "an example project")
    p = run("check", top)
    T.equal((p.returncode, text(p)), (0, "2 documents: clean\n"), "what init wrote is clean")
    me = json.loads(text(run("whoami", "--json", top)))
    T.equal((me["email"], me["admin"], me["root_admin"]), ("alice@example.com", True, True), "I administer it")
    T.equal(run("explain", top + "/Project-1/archive/Acme", "--op", "mkdir").returncode, 0, "and can add a party in the example")
    T.equal(run("explain", top + "/Project-1/archive/Acme", "--op", "mkdir", "--as", "eve@example.com").returncode, 1, "nobody else can")
    one_line_error(run("init", top, "--admin", "a@b.c"), 1, "archive already")
    one_line_error(run("init", top, "--here", "--admin", "a@b.c"), 1, "archive already")
    nested = json.loads(text(run("init", os.path.join(WORK, "j"), "--admin", "a@b.c", "--json")))
    T.equal((nested["admin"], nested["archive"]), ("a@b.c", os.path.join(WORK, "j")), "init --json")


def init_refuses():
    busy = tree({"keep.txt": "mine", "Project-1/.zddc": "title: mine\n"})
    before = sorted(os.listdir(busy))
    one_line_error(run("init", busy, "--admin", "a@b.c"), 1, "not empty", "--here")
    T.equal(sorted(os.listdir(busy)), before, "a refused init leaves nothing")
    p = run("init", busy, "--here", "--admin", "a@b.c")
    T.equal(p.returncode, 0, "--here")
    with open(os.path.join(busy, "Project-1/.zddc"), encoding="utf-8") as f:
        T.equal(f.read(), "title: mine\n", "--here overwrites nothing")
    empty = tempfile.mkdtemp(dir=WORK)
    os.chmod(empty, 0o755)
    T.equal(run("init", empty, "--admin", "a@b.c").returncode, 0, "an empty directory will do")
    T.equal(os.stat(empty).st_mode & 0o777, 0o700, "and is closed to others")
    for bad in ("", "alice", "a@b@c", "*@example.com", "a b@c.d", "role:x", "@", "a@", "x@y\nadmins: [z@w]", "a\"@b.c"):
        one_line_error(run("init", os.path.join(WORK, "never"), "--admin", bad), 2, "e-mail")
    one_line_error(run("init", os.path.join(WORK, "never")), 2, "--admin")
    one_line_error(run("init", "/dev/null", "--admin", "a@b.c"), 4, "/dev/null")
    one_line_error(run("init", "/proc/no/such", "--admin", "a@b.c"), 4, "cannot be made")
    T.check(not os.path.exists(os.path.join(WORK, "never")), "nothing was made")


def init_asks():
    top = os.path.join(WORK, "asked")
    status, out = on_terminal("init", top, answer=b"Bob@Example.com\n")
    T.equal(status, 0, "init on a terminal")
    T.check(b"Your e-mail address" in out, "it asks", out)
    with open(os.path.join(top, ".zddc"), encoding="utf-8") as f:
        T.check("  - bob@example.com\n" in f.read(), "and takes the answer")
    status, out = on_terminal("init", os.path.join(WORK, "asked2"), answer=b"nonsense\n")
    T.equal(status, 2, "and refuses nonsense")
    T.check(not os.path.exists(os.path.join(WORK, "asked2")), "before it makes anything")


# ----------------------------------------------------------------------------------------------------------------- explain

def explain_one():
    top = sample()
    path = top + "/P/archive/Bolt/issued/x.pdf"
    p = run("explain", path, "--op", "unlink")
    T.equal(p.returncode, 1, "a controller does not delete what was issued")
    lines = text(p).splitlines()
    T.check(re.match(r"denied\s+unlink\s+P/archive/Bolt/issued/x\.pdf\s+dc@example\.com \(document_controller\)$", lines[0]), "the sample of SPEC 16", lines[0])
    T.check(re.match(r"  needs\s+d\s+has\s+rc$", lines[1]), "needs d, has rc", lines[1])
    T.check(any(re.match(r"  grant .*defaults:\d+$", line) for line in lines), "the grant and its line", text(p))
    T.check(any(re.match(r"  mask .*defaults:\d+$", line) for line in lines), "the mask and its line", text(p))
    T.check(lines[-1].startswith("hint: "), "a hint", lines[-1])
    got = json.loads(text(run("explain", path, "--op", "unlink", "--json")))
    T.equal((got["allowed"], got["op"], got["needs"], got["has"], got["zone"]), (False, "unlink", "d", "rc", True), "the same as JSON")
    shown = text(run("show-defaults")).splitlines()
    T.check("worm:" in shown[got["mask"]["line"] - 1], "the mask's line is that of worm: in show-defaults")
    T.check("document_controller" in shown[got["grant"]["line"] - 1], "the grant's line names the role")
    got = json.loads(text(run("explain", path, "--op", "read", "--json")))
    T.equal((got["role"], got["role_src"]["file"]), ("document_controller", ".zddc"), "membership stands in the root .zddc")
    T.check("dc@example.com" in ROOT_ZDDC.splitlines()[got["role_src"]["line"] - 1], "at this line")
    for op, status in (("read", 0), ("create", 0), ("write", 1), ("truncate", 1), ("rename", 1), ("rename-from", 1), ("stat", 0), ("list", 0),
                       ("enter", 0), ("mkdir", 0), ("rmdir", 1), ("link", 1), ("mknod", 1)):
        T.equal(run("explain", path, "--op", op).returncode, status, "issued: " + op)
    T.equal(run("explain", path, "--op", "read", "--as", "eve@example.com").returncode, 1, "a stranger reads nothing")
    T.equal(run("explain", path, "--op", "read", "--as", "OBS@example.com").returncode, 0, "an observer does, in any case")
    T.equal(run("explain", path, "--op", "unlink", "--as", "admin@example.com").returncode, 1, "an administrator does not delete")
    T.equal(run("explain", path, "--op", "unlink", "--as", "admin@example.com", "--elevated").returncode, 0, "but does when elevated")
    T.equal(run("explain", path, "--op", "unlink", "--elevated").returncode, 1, "to a controller elevation gives nothing")


def explain_verbs():
    top = sample()
    got = json.loads(text(run("explain", top + "/P/archive/Acme/issued", "--json")))
    T.equal((got["path"], got["principal"], got["verbs"]), ("P/archive/Acme/issued", "dc@example.com", "rc"), "verb by verb")
    T.equal([(d["needs"], d["allowed"]) for d in got["decisions"]],
            [("r", True), ("w", False), ("c", True), ("d", False), ("a", False)], "each verb has its decision")
    p = run("explain", top + "/P/archive/Acme/issued/x.pdf")
    T.equal((p.returncode, text(p).splitlines()[-1]), (0, "verbs  rc"), "as text, for a file")
    p = run("explain", top + "/P", "--as", "eve@example.com")
    T.equal((p.returncode, text(p).splitlines()[-1]), (1, "verbs  none"), "who holds nothing gets status 1")
    party = json.loads(text(run("explain", top + "/P/archive/Acme/", "--json")))
    T.equal(party["verbs"], "rwcda", "the party's own .zddc gives everything")
    T.check(all(d["allowed"] for d in party["decisions"]), "and each decision agrees")


def explain_cache():
    top = sample()
    for path, status, why in (("P", 1, "lets everybody into the root"), ("P/archive/Acme/issued", 0, "everybody who may enter"),
                              ("P/archive/Acme/issued/x.pdf", 1, "admin@example.com (.zddc:"), ("P/archive/Acme/staging/.zddc", 1, "whoever may read policy"),
                              ("P/archive/Acme/staging/x.tmp", 1, "temporary"), ("P/mdl/x.yaml", 1, "virtual")):
        p = run("explain", "--cache", os.path.join(top, path))
        got = json.loads(text(run("explain", "--cache", "--json", os.path.join(top, path))))
        T.equal((p.returncode, got["path"], got["class"]), (status, path, "mixed" if status else "uniform"), "--cache " + path)
        T.check(why in text(p) and why in got["why"], "and why", text(p))
    one_line_error(run("explain", "--cache", top), 2, "root")


def explain_places():
    top = sample()
    T.equal(json.loads(text(run("explain", "x.pdf", "--op", "read", "--json", cwd=top + "/P/archive/Acme/issued")))["path"],
            "P/archive/Acme/issued/x.pdf", "a relative path")
    T.equal(json.loads(text(run("explain", ".", "--op", "list", "--json", cwd=top)))["path"], ".", "the root is a dot")
    got = json.loads(text(run("explain", top + "/P/archive/New/incoming/a/b.pdf", "--op", "create", "--json")))
    T.check(got["allowed"] and got["path"].endswith("New/incoming/a/b.pdf"), "nothing of the path need exist")
    slot = json.loads(text(run("explain", top + "/P/archive/New/incoming", "--json")))
    T.check(slot["decisions"][0]["op"] == "list", "a declared slot is a directory")
    T.equal(json.loads(text(run("explain", top + "/P/archive/Acme/issued", "--op", "create", "--json")))["path"], "P/archive/Acme/issued/",
            "creating a directory that is there means creating in it")
    inner = json.loads(text(run("explain", top + "/P/archive", "--op", "mkdir", "--root", top + "/P", "--as", "dc@example.com", "--json")))
    T.equal((inner["path"], inner["allowed"]), ("archive/", False), "--root is obeyed: nobody is named below P itself")
    one_line_error(run("explain", top, "--root", top + "/P"), 2, "not below")
    one_line_error(run("explain", top, "--root", top + "/none"), 4, "none")
    one_line_error(run("explain", "/usr/bin"), 4, "/usr/bin", "zddc init")
    one_line_error(run("explain", top + "/no/../../x"), 2, "..")
    os.symlink("/etc/passwd", top + "/P/link")
    got = json.loads(text(run("explain", top + "/P/link", "--op", "readlink", "--json")))
    T.equal(got["path"], "P/link", "a link is asked about itself")
    os.symlink(top + "/P", os.path.join(WORK, "way in"))
    got = json.loads(text(run("explain", os.path.join(WORK, "way in") + "/archive/Acme", "--op", "list", "--json")))
    T.equal(got["path"], "P/archive/Acme", "a link on the way is followed")


def explain_who():
    top = tree({".zddc": "acl:\n  permissions:\n    group:draughtsmen: rw\n    anonymous: r\n    a@b.c: rc\n"})
    T.equal(run("explain", top + "/x", "--op", "write", "--as", "x@y.z", "--groups", "Draughtsmen,other").returncode, 0, "--groups")
    T.equal(run("explain", top + "/x", "--op", "write", "--as", "x@y.z", "--groups", "draughts").returncode, 1, "another group")
    T.equal(run("explain", top + "/x", "--op", "read", "--as", "anonymous").returncode, 0, "anonymous")
    T.equal(run("explain", top + "/x", "--op", "create", "--as", "anonymous").returncode, 1, "anonymous may not")
    got = json.loads(text(run("explain", top + "/x", "--op", "read", "--json")))
    T.equal(got["principal"], None, "without identities.yaml one is anonymous")
    for bad in ("bob", "*@b.c", "role:x", "a@b@c", ""):
        one_line_error(run("explain", top, "--as", bad), 2, "e-mail")
    by_name = tree({".zddc": "acl: {permissions: {'group:%s': r}}\n" % "root", ".zddc.d/identities.yaml": "identities: {root: r@b.c}\n"})
    T.equal(run("explain", by_name + "/x", "--op", "read", "--as", "r@b.c").returncode, 0, "the groups of the Unix user behind an address")
    broken = tree({".zddc": "title: x\n", ".zddc.d/identities.yaml": "identities: [1]\n"})
    p = run("explain", broken)
    T.equal(p.returncode, 3, "identities.yaml is invalid")
    T.check(b"identities.yaml:1:" in p.stderr, "and the place is named", p.stderr)


def explain_attributes():
    top = tree({".zddc": "acl: {permissions: {a@b.c: rw}}\nwhen: {w: risk_score < 50 and environment != prod}\n"})
    base = ["explain", top + "/x", "--op", "write", "--as", "a@b.c"]
    T.equal(run(*base, "--risk", "20", "--environment", "dev").returncode, 0, "when: holds")
    T.equal(run(*base, "--risk", "60", "--environment", "dev").returncode, 1, "risk too high")
    T.equal(run(*base, "--risk", "20", "--environment", "prod").returncode, 1, "wrong environment")
    T.equal(run(*base).returncode, 1, "an unset attribute fails its condition")
    for bad in ("101", "-1", "x", ""):
        one_line_error(run(*base, "--risk", bad), 2, "0 to 100")
    frozen = tree({".zddc": "acl: {permissions: {a@b.c: rw}}\nfreeze_until: 2999-01-01\n"})
    got = json.loads(text(run("explain", frozen + "/x", "--op", "write", "--as", "a@b.c", "--json")))
    T.equal((got["allowed"], got["reason"]), (False, "frozen"), "a freeze is seen")


def explain_invalid():
    top = tree({".zddc": ROOT_ZDDC, "P/.zddc": "titel: x\n", "Q/": None})
    p = run("explain", top + "/P/x", "--op", "read", "--as", "dc@example.com")
    T.equal(p.returncode, 3, "invalid policy")
    T.check(b"P/.zddc:1:1: error:" in p.stderr and b"title" in p.stderr, "is named with line, column and a guess", p.stderr)
    T.check(text(p).startswith("denied"), "and denies")
    T.equal(run("explain", top + "/Q/x", "--op", "read", "--as", "dc@example.com").returncode, 0, "beside it nothing changes")
    if os.getuid() == 0:
        hidden = tree({".zddc": ROOT_ZDDC, "P/.zddc": "title: x\n"})
        for name in (WORK, hidden, hidden + "/P"):
            os.chmod(name, 0o755)
        os.chmod(hidden + "/P/.zddc", 0o600)
        p = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", ZDDC, "explain", hidden + "/P/x", "--op", "read",
                            "--as", "dc@example.com"], stdin=subprocess.DEVNULL, capture_output=True)
        T.equal((p.returncode, p.stdout), (4, b""), "no answer where policy cannot be read")
        T.check(b"P/.zddc cannot be read" in p.stderr, "and it says so", p.stderr)
        os.chmod(WORK, 0o700)


def strict_and_defaults():
    top = tree({".zddc": "acl: {permissions: {a@b.c: ''}}\n", "P/.zddc": "acl: {permissions: {a@b.c: rw}}\n"})
    base = ["explain", top + "/P/x", "--op", "read", "--as", "a@b.c"]
    T.equal(run(*base).returncode, 0, "the deepest entry decides")
    T.equal(run(*base, "--strict").returncode, 1, "--strict: a denial above is absolute")
    other = os.path.join(WORK, "other.yaml")
    with open(other, "w", encoding="utf-8") as f:
        f.write("acl: {permissions: {z@b.c: r}}\n")
    plain = tree({".zddc": "title: x\n"})
    T.equal(run("explain", plain + "/x", "--op", "read", "--as", "z@b.c", "--defaults", other).returncode, 0, "--defaults FILE")
    T.equal(run("explain", plain + "/x", "--op", "read", "--as", "z@b.c").returncode, 1, "and without")
    T.equal(text(run("show-defaults", "--defaults", other)), "acl: {permissions: {z@b.c: r}}\n", "show-defaults --defaults")
    with open(other, "w", encoding="utf-8") as f:
        f.write("nonsense: 1\n")
    p = run("explain", plain + "/x", "--defaults", other)
    T.equal(p.returncode, 3, "invalid defaults")
    T.check(b"defaults:1:1: error:" in p.stderr, "are named", p.stderr)
    one_line_error(run("explain", plain, "--defaults", "/no/such"), 4, "/no/such")


# ------------------------------------------------------------------------------------------------------------------ whoami

def whoami():
    top = sample()
    p = run("whoami", top + "/P/archive")
    T.equal(p.returncode, 0, "whoami")
    for word in ("dc@example.com", "document_controller  .zddc:4", "rwc in P/archive"):
        T.check(word in text(p), "whoami says " + word, text(p))
    got = json.loads(text(run("whoami", "--json", cwd=top + "/P/archive/Acme")))
    T.equal((got["email"], got["verbs"], got["path"], got["admin"]), ("dc@example.com", "rwcda", "P/archive/Acme", False), "whoami --json here")
    T.equal(got["roles"], [{"role": "document_controller", "file": ".zddc", "line": 4}], "roles with file and line")
    admin = json.loads(text(run("whoami", top, "--as", "admin@example.com", "--json")))
    T.equal((admin["admin"], admin["root_admin"], admin["admin_file"]), (True, True, ".zddc"), "an administrator")
    p = run("whoami", tree({".zddc": "title: x\n"}))
    T.equal(p.returncode, 1, "anonymous is status 1")
    T.check("anonymous" in text(p), "and says so")
    one_line_error(run("whoami", "/usr"), 4, "/usr")
    one_line_error(run("why", top), 4, "not on a mount")
    one_line_error(run("why", cwd=top), 4, "not on a mount")


# ------------------------------------------------------------------------------------------------------------------- check

def findings(top, *args):
    p = run("check", top, "--json", *args)
    got = json.loads(text(p))
    T.equal(got["errors"] + got["warnings"] == 0, p.returncode == 0, "status and counts agree")
    return p.returncode, [(d["file"], d["line"], d["level"], d["text"]) for d in got["diagnostics"]]


def expect(files, status, *wants):
    """Each want is (file, line, level, part of the text); there is nothing else."""
    got = findings(tree(files))
    T.equal(got[0], status, "status for %r: %r" % (files, got[1]))
    T.equal(len(got[1]), len(wants), "number of findings: %r" % (got[1],))
    for file, line, level, part in wants:
        T.check(any(d[:3] == (file, line, level) and part in d[3] for d in got[1]), "%s:%d: %s: %s" % (file, line, level, part), got[1])


A = "admins: [a@b.c]\n"


def check_tree():
    expect({".zddc": ROOT_ZDDC, "P/archive/Acme/.zddc": PARTY_ZDDC}, 0)
    expect({".zddc": A + "titel: x\n"}, 3, (".zddc", 2, "error", "title"))
    expect({".zddc": A, "P/.zddc": "acl:\n  permisions: {}\n", "P/Q/.zddc": "x: 1\n"}, 3,
           ("P/.zddc", 2, "error", "permissions"), ("P/Q/.zddc", 1, "error", "x"))
    expect({".zddc": "title: x\n"}, 1, (".zddc", 0, "warning", "nobody administers"))
    expect({".zddc": A + "acl:\n  permissions:\n    role:document_controller: r\n"}, 1, (".zddc", 4, "warning", "document_controller has no member"))
    expect({".zddc": A + "acl:\n  permissions:\n    documentcontroller: r\n"}, 1, (".zddc", 4, "warning", "did you mean document_controller"))
    expect({".zddc": A + "acl:\n  permissions:\n    estimators: r\n"}, 1, (".zddc", 4, "warning", "estimators is no role"))
    expect({".zddc": A + "roles:\n  estimators: {members: [e@b.c]}\nacl:\n  permissions:\n    Estimators: r\n"}, 0)
    expect({".zddc": A + "worm: [nobodies]\n"}, 1, (".zddc", 2, "warning", "nobodies"))
    expect({".zddc": A + "auto_own: true\nauto_own_roles:\n- observer\n"}, 1, (".zddc", 4, "warning", "observer has no member"))
    # a role that is named above the places where its members stand
    star = A + "paths:\n  '*':\n    acl:\n      permissions:\n        planners: r\n"
    expect({".zddc": star, "P/.zddc": "roles: {planners: {members: [p@b.c]}}\n"}, 0)
    expect({".zddc": star}, 1, (".zddc", 6, "warning", "planners"))
    expect({".zddc": A + "paths:\n  P:\n    acl:\n      permissions:\n        planners: r\n", "Q/.zddc": "roles: {planners: {members: [p@b.c]}}\n"}, 1,
           (".zddc", 6, "warning", "planners"))
    # fences hide members
    expect({".zddc": A + "roles: {planners: {members: [p@b.c]}}\n", "P/.zddc": "acl:\n  inherit: false\n  permissions:\n    planners: r\n"}, 1,
           ("P/.zddc", 4, "warning", "role planners is not seen here"))
    # but not from worm:, admins: and the grants that auto-own has written
    own = "paths:\n  '*': {auto_own: true, auto_own_fenced: true, auto_own_roles: [planners]}\n"
    expect({".zddc": A + "roles: {planners: {members: [p@b.c]}}\n" + own, "P/.zddc": "acl:\n  inherit: false\n  permissions:\n    planners: rwcda\nworm: [planners]\nadmins: [planners]\n"}, 1,
           ("P/.zddc", 4, "warning", "can never work"))
    expect({".zddc": A + "roles: {planners: {members: [p@b.c]}}\n" + own, "P/.zddc": "acl:\n  inherit: false\n  permissions:\n    planners: rwcda\n"}, 0)
    # reset lets nobody in from above
    expect({".zddc": A + "roles: {planners: {members: [p@b.c]}}\n", "P/.zddc": "roles: {planners: {reset: true}}\nacl:\n  permissions:\n    planners: r\n"}, 1,
           ("P/.zddc", 4, "warning", "planners has no member"))
    # roles do not nest
    for name in ("estimators", "role:estimators"):
        expect({".zddc": A + "roles:\n  estimators: {members: [e@b.c]}\n  planners:\n    members:\n    - p@b.c\n    - " + name + "\n"}, 1,
               (".zddc", 7, "warning", "roles do not nest"))


def check_more():
    expect({".zddc": A, "P/archive/Acme/issued/.zddc": "acl:\n  permissions:\n    b@b.c: rwd\n"}, 1,
           ("P/archive/Acme/issued/.zddc", 3, "warning", "\"wd\" can never work"))
    expect({".zddc": A, "P/archive/Bad party/": None, "P/archive/Good-1.x/": None, "P/archive/_x/": None}, 1,
           ("P/archive/Bad party", 0, "warning", "no register"), ("P/archive/_x", 0, "warning", "no register"))
    expect({".zddc": A, "P/.ZDDC": "x", "P/.zddc ": "x", "Q/.Zddc.d/": None}, 1, ("P/.ZDDC", 0, "warning", "looks like policy"),
           ("P/.zddc ", 0, "warning", "looks like policy"), ("Q/.Zddc.d", 0, "warning", "looks like policy"))
    expect({".zddc": A, "P/.zddc/": None}, 3, ("P/.zddc", 0, "error", "no regular file"))
    expect({".zddc": A, ".zddc.d/identities.yaml": "identities:\n  x: nonsense\n"}, 3, (".zddc.d/identities.yaml", 2, "error", "nonsense"))
    expect({".zddc": A, "P/.zddc.d/.zddc": "nonsense: 1\n"}, 0)
    link = tree({".zddc": A, "P/": None, "real": A})
    os.symlink("../real", link + "/P/.zddc")
    T.equal(findings(link)[0], 3, "a link in place of policy is an error")
    p = run("check", tree({".zddc": A, "P/.zddc": "acl:\n  permissions:\n    ? a\n    : r\n    b@b.c: rz\n"}))
    T.equal(p.returncode, 3, "text output")
    T.check(re.search(r"^P/\.zddc:5:\d+: error: ", text(p), re.M), "file:line:col: error:", text(p))
    T.check(re.search(r"^2 documents: 1 error, \d+ warning", text(p), re.M), "and a sum", text(p))


def check_parts():
    top = tree({".zddc": ROOT_ZDDC, "P/.zddc": "acl: {permissions: {observer: r}}\n", "Q/.zddc": "x: 1\n"})
    T.equal(findings(top + "/P")[0], 0, "a part of a tree, with the roles of the whole")
    T.equal(findings(top + "/Q")[0], 3, "another part")
    p = run("check", top + "/Q/.zddc")
    T.equal(p.returncode, 3, "one file")
    T.check(text(p).startswith(top + "/Q/.zddc:1:1: error: "), "named as it was given", text(p))
    T.equal(run("check", "Q/.zddc", cwd=top).returncode, 3, "one file, relative")
    T.equal(run("check", ".zddc", cwd=top + "/P").returncode, 0, "one file, here")
    T.equal(run("check", cwd=top + "/P").returncode, 0, "here")
    one_line_error(run("check", top + "/none"), 4, "none")
    one_line_error(run("check", "/usr"), 4, "/usr")
    fifo = tree({".zddc": A, "P/": None})
    os.mkfifo(fifo + "/P/.zddc")
    T.equal(findings(fifo)[0], 3, "a pipe in place of policy neither hangs nor passes")


# ------------------------------------------------------------------------------------------------------------------ output

def odd_names():
    name = b"a\nb\xff\x1b[31m \xe2\x80\xae"
    top = tree({".zddc": ROOT_ZDDC, b"P/archive/" + name + b"/.zddc": "x: 1\n"})
    path = os.fsencode(top) + b"/P/archive/" + name + b"/f"
    p = subprocess.run([ZDDC, b"explain", path, b"--op", b"read", b"--as", b"obs@example.com"], capture_output=True)
    T.equal(p.returncode, 3, "an odd name")
    for said in (p.stdout, p.stderr):
        T.check(b"\x1b" not in said and b"\xff" not in said and b"\xe2\x80\xae" not in said, "nothing unprintable reaches the terminal", said)
    T.check(b"a\\x0ab\\xff\\x1b[31m" in p.stdout, "the name can be recognised", p.stdout)
    p = subprocess.run([ZDDC, b"explain", path, b"--op", b"read", b"--as", b"obs@example.com", b"--json"], capture_output=True)
    T.equal(os.fsencode(json.loads(p.stdout.decode())["path"]), b"P/archive/" + name + b"/f", "JSON holds every byte of it")
    p = run("check", top)
    T.check(b"\x1b" not in p.stdout and b"\xff" not in p.stdout, "check escapes too", p.stdout)
    T.equal(len(text(p).splitlines()), 3, "and a newline in a name makes no new line")
    p = run("check", top, "--json")
    T.check(any("\udcff" in d["file"] for d in json.loads(text(p))["diagnostics"]), "check --json keeps the bytes")
    one_line_error(run("frob\x1b[31mnicate\n"), 2, "\\x1b")


def colour():
    top = sample()
    path = top + "/P/archive/Acme/issued/x.pdf"
    status, out = on_terminal("explain", path, "--op", "unlink")
    T.equal(status, 1, "on a terminal")
    T.check(b"\x1b[31mdenied\x1b[0m" in out, "a terminal gets colour", out)
    T.check(b"\x1b" not in on_terminal("explain", path, "--op", "unlink", env={"NO_COLOR": "1"})[1], "NO_COLOR")
    T.check(b"\x1b" not in on_terminal("explain", path, "--op", "unlink", env={"TERM": "dumb"})[1], "a dumb terminal")
    T.check(b"\x1b" not in on_terminal("explain", path, "--op", "unlink", "--json")[1], "JSON has none")
    T.check(b"\x1b" not in run("explain", path, "--op", "unlink").stdout, "a pipe has none")


def pipes():
    top = sample()
    for args in (["show-defaults"], ["explain", top + "/P"], ["check", top], ["help", "--man"]):
        r, w = os.pipe()
        os.close(r)
        p = subprocess.run([ZDDC, *args], stdout=w, stderr=subprocess.PIPE)
        os.close(w)
        T.equal((p.stderr, p.returncode in (0, 1)), (b"", True), "a closed pipe is quiet: %s" % args[0])
    with open("/dev/full", "wb") as full:
        one_line_error(run("show-defaults", stdout=full), 4, "No space left")


def defaults():
    p = run("show-defaults")
    with open(os.path.join(ROOT, "defaults/defaults.zddc.yaml"), "rb") as f:
        T.equal(p.stdout, f.read(), "show-defaults is the file")
    got = json.loads(text(run("show-defaults", "--json")))
    T.equal(got["policy"]["paths"]["*"]["paths"]["archive"]["paths"]["*"]["paths"]["issued"]["worm"], ["document_controller"], "and its data")
    T.equal(len(got["sha256"]), 64, "with its hash")
    file = os.path.join(WORK, "defaults.yaml")
    with open(file, "wb") as f:
        f.write(p.stdout)
    T.equal(run("check", file).returncode, 0, "the defaults are clean by themselves")


def schema():
    """What editors use is what the tables say. (That it accepts what the engine accepts: tests/unit/test_policy_schema.c.)"""
    with open(os.path.join(ROOT, "schemas/zddc.schema.yaml"), encoding="utf-8") as f:
        T.check(f.read() == text(run("show-schema")), "schemas/zddc.schema.yaml is what acl/keys.def says: write it with contrib/man/generate.sh")
    got = json.loads(text(run("show-schema", "--json")))
    T.check({"acl", "worm", "paths"} <= set(got["$defs"]["body"]["properties"]), "the same as JSON")
    T.equal(got["$defs"]["risk"]["properties"]["read"]["maximum"], 100, "numbers are numbers")


def quick():
    """A person at a prompt waits for nothing."""
    top = sample()
    times = []
    for _ in range(31):
        began = time.monotonic()
        run("explain", top + "/P/archive/Acme/issued/x.pdf", "--op", "unlink")
        times.append(time.monotonic() - began)
    times.sort()
    print("explain: median %.1f ms with the start of the process" % (times[15] * 1000))
    T.check(times[15] < 0.030 * SLOW * SLOW, "explain takes a few milliseconds", times[15])


finish(usage, help_texts, generated_files, init, init_refuses, init_asks, explain_one, explain_verbs, explain_cache, explain_places, explain_who,
       explain_attributes, explain_invalid, strict_and_defaults, whoami, check_tree, check_more, check_parts, odd_names, colour, pipes, defaults, schema,
       quick)
