#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manual pages and the README say what the tables and the programs say: nothing is missing, nothing is stale, every example is run."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
from harness import ROOT, T, ZDDC, ZDDCFS  # noqa: E402

PAGES = ["zddc.1", "zddc.5", "zddcfs.8", "mount.zddc.8", "zddcfs-threats.7"]
WORK = tempfile.mkdtemp(prefix="zddc-manual-")


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def page(name):
    return read("contrib", "man", name)


def plain(troff):
    """What a reader sees, roughly: no macros, fonts or escapes."""
    out = []
    for line in troff.splitlines():
        if line.startswith(".\\\""):
            continue
        m = re.match(r"\.(B|I|BR|BI|RB|IR|IB|SH|SS)\s+(.*)", line)
        if m:
            words = [a or b for a, b in re.findall(r'"([^"]*)"|((?:\\ |\S)+)', m.group(2))]
            line = (" " if m.group(1) in ("B", "I", "SH", "SS") else "").join(words)
        elif line.startswith("."):
            line = ""
        out.append(line)
    text = re.sub(r"\\f[BIRP]", "", "\n".join(out))
    for escape, char in (("\\(dq", '"'), ("\\(lq", '"'), ("\\(rq", '"'), ("\\(bu", "*"), ("\\-", "-"), ("\\&", ""), ("\\e", "\\"), ("\\ ", " ")):
        text = text.replace(escape, char)
    return text


def section(troff, title):
    """From .SH title to the next .SH."""
    m = re.search(r"^\.SH %s\n(.*?)(?=^\.SH |\Z)" % re.escape(title), troff, re.M | re.S)
    T.check(m, "there is a section " + title)
    return m.group(1) if m else ""


def def_rows(path, macro):
    """The arguments of each row of a .def file: strings unquoted, words as they are. One row may stand on several lines."""
    text = re.sub(r"/\*.*?\*/", "", read(path), flags=re.S)
    text = re.sub(r"^#.*$", "", text, flags=re.M)
    rows = []
    for m in re.finditer(r"^%s\(((?:[^()\"]|\"(?:[^\"\\]|\\.)*\"|\([^()]*\))*)\)" % macro, text, re.M):
        fields = re.findall(r'((?:"(?:[^"\\]|\\.)*"\s*)+|[^,"]+)(?:,|$)', m.group(1))
        rows.append(["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', f)) if '"' in f else f.strip() for f in fields])
    T.check(rows, "%s has rows %s" % (path, macro))
    return rows


def tags(troff):
    """The words of all .TP entries."""
    return "\n".join(plain(m) for m in re.findall(r"^\.TP\n(.*)$", troff, re.M)) + "\n"


# ------------------------------------------------------------------------------------------------------------- nothing is missing

def keys():
    entries = re.findall(r"^\.TP\n(.*)\n(.*)$", section(page("zddc.5"), "KEYS"), re.M)
    shown = {plain(tag): plain(text) for tag, text in entries}
    for _id, name, _type, _overlay, _inherit, guarded, meaning in def_rows("acl/keys.def", "KEY"):
        tag = name + (" (G)" if guarded == "1" else "")
        T.check(tag in shown, "zddc(5) has the key " + tag)
        T.check(meaning in shown.get(tag, ""), "zddc(5) says what %s means" % name, shown.get(tag))


def operations_and_reasons():
    shown = tags(section(page("zddc.5"), "OPERATIONS"))
    for row in def_rows("acl/ops.def", "ACL_OP"):
        T.check("\n%s\n" % row[1] in "\n" + shown, "zddc(5) has the operation " + row[1])
    shown = tags(section(page("zddc.5"), "REASONS"))
    for _id, word, err, _text in def_rows("acl/reasons.def", "REASON"):
        T.check("\n%s%s\n" % (word, "" if err == "0" else " (%s)" % err) in "\n" + shown, "zddc(5) has the reason " + word)


def options():
    man = page("zddcfs.8")
    here, later = tags(section(man, "OPTIONS")), tags(section(man, "NOT IN THIS VERSION"))
    usage = subprocess.run([ZDDCFS, "-h"], capture_output=True, text=True, timeout=60).stdout
    for name, _field, argument, _meaning in def_rows("fs/opts.def", "OPT_TEXT"):
        T.check("\n%s=%s\n" % (name, argument) in "\n" + here, "zddcfs(8) has %s=" % name)
        T.check("%s=%s " % (name, argument) in usage, "zddcfs -h has %s=" % name)
    for macro in ("OPT_FLAG", "OPT_KERNEL", "OPT_PLAIN"):
        for row in def_rows("fs/opts.def", macro):
            T.check("\n%s\n" % row[0] in "\n" + here, "zddcfs(8) has the option " + row[0])
            T.check(re.search(r"(^|\s)%s\s" % row[0], usage), "zddcfs -h has " + row[0])
    for name, _meaning in def_rows("fs/opts.def", "OPT_LATER"):
        T.check("\n%s\n" % name in "\n" + later, "zddcfs(8) says that %s comes later" % name)
        T.check("\n%s\n" % name not in "\n" + here, "and does not offer it")


def control_files():
    text = section(page("zddcfs.8"), "CONTROL FILES")
    shown = re.split(r"[\s,]+", tags(text))
    pattern = {"FILE": ".zddc.d/%s", "NAMES": ".zddc.d/%s/NAME", "LISTED": ".zddc.d/%s/NAME", "KEPT": ".zddc.d/%s/NAME"}
    for _id, name, kind, _where, form, _make in def_rows("fs/virt.def", "CTL"):
        if kind == "OPS":
            want = ".zddc.d/%sOP%s/NAME" % (name, ".json" if form == "JSON" else "")
        else:
            want = pattern.get(kind, ".zddc.d/%s") % name
        T.check(want in shown, "zddcfs(8) has the control file " + want, shown)
    for name, _make in def_rows("fs/virt.def", "CTL_XATTR"):
        T.check(re.search(r"user\.zddc\.%s\b" % name, plain(text)), "zddcfs(8) has the attribute user.zddc." + name)


def commands():
    man = page("zddc.1")
    for row in def_rows("cli/cmds.def", "CMD"):
        T.check("\n.SS %s\n" % row[2].replace("-", "\\-") in man, "zddc(1) has the command " + row[2])
    for row in def_rows("cli/cmds.def", "OPT"):
        T.check("--" + row[1] in plain(man), "zddc(1) has --" + row[1])


# ------------------------------------------------------------------------------------------------------------- nothing is stale

def tables():
    subprocess.run(["sh", os.path.join(ROOT, "contrib", "man", "generate.sh"), "--tables", WORK], check=True, timeout=60)
    for name in ("zddc.5", "zddcfs.8"):
        with open(os.path.join(WORK, name), encoding="utf-8") as f:
            T.check(f.read() == page(name), "the tables of %s are what the .def files say: write them with contrib/man/generate.sh" % name)


def formatters():
    """Each way to complain about a page that this machine has."""
    have = []
    if shutil.which("groff"):
        have.append(lambda path: ["groff", "-man", "-ww", "-t", "-z", "-Tutf8", path])
    if shutil.which("mandoc"):
        have.append(lambda path: ["mandoc", "-T", "lint", "-W", "warning", path])
    return have


def no_warnings():
    have = formatters()
    T.check(have, "there is a formatter to check the pages with: install groff (Debian: groff or groff-base) or mandoc")
    for name in PAGES:
        for command in have:
            command = command(os.path.join(ROOT, "contrib", "man", name))
            p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            T.check(not p.stdout.strip() and p.returncode == 0, "%s gives no warning with %s" % (name, command[0]), p.stdout.decode())


def sources():
    """What formatters let pass: letters outside ASCII, em-dashes, bare minus signs in fixed text, examples left open."""
    for name in PAGES:
        text = page(name)
        T.check(text.isascii(), name + " is ASCII: use escapes")
        T.equal(text.count("\n.EX"), text.count("\n.EE"), name + ": every example ends")
        bare = [l for l in text.splitlines() if re.match(r"\.(B|BR|BI) .*(?<!\\)-", l)]
        T.check(name == "zddc.1" or not bare, name + ": minus signs in bold text are escaped", bare)
        for other, number in re.findall(r"(zddc|zddcfs|mount\.zddc) ?\((\d)\)", plain(text)):
            T.check("%s.%s" % (other, number) in PAGES, "%s refers to %s(%s), which is there" % (name, other, number))


# ------------------------------------------------------------------------------------------------------------- examples hold

def explain(tree, who, op, path):
    p = subprocess.run([ZDDC, "explain", os.path.join(tree, path), "--as", who, "--op", op, "--root", tree, "--json"],
                       capture_output=True, text=True, timeout=60)
    return p.returncode, p.stdout, p.stderr


def example(name, text, asks):
    tree = tempfile.mkdtemp(dir=WORK)
    files = re.findall(r'^\.\\" file (\S+)\n.*?^\.EX\n(.*?)^\.EE', text, re.M | re.S)
    T.check(len(files) > 1, "the example %s has files" % name)
    for path, body in files:
        full = os.path.join(tree, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(plain(body) + "\n")
    p = subprocess.run([ZDDC, "check", tree], capture_output=True, text=True, timeout=60)
    T.check(p.returncode in (0, 1), "the example %s is valid policy" % name, p.stdout + p.stderr)
    T.check(len(asks) >= 3, "the example %s says what it means" % name)
    for who, op, path, verdict in asks:
        status, out, err = explain(tree, who, op, path)
        T.equal(status, 0 if verdict == "allowed" else 1, "example %s: %s %s %s is %s %s%s" % (name, who, op, path, verdict, out, err))


def examples():
    text = page("zddc.5")
    found = re.findall(r'^\.\\" example (\S+)\n(.*?)^\.\\" end example\n(.*?)(?=^\.SS|^\.SH)', text, re.M | re.S)
    T.equal(len(found), 2, "zddc(5) has two worked examples of the cascade")
    for name, files, says in found:
        example(name, files, re.findall(r'^\.\\" ask (\S+) (\S+) (\S+) (allowed|denied)$', says, re.M))


def other_blocks():
    """The examples that are not worked ones parse as what they show."""
    tree = tempfile.mkdtemp(dir=WORK)
    policy = os.path.join(tree, ".zddc")
    blocks = [plain(b) for b in re.findall(r"^\.EX\n(.*?)^\.EE", page("zddc.5"), re.M | re.S)]
    for block in blocks:
        with open(policy, "w", encoding="utf-8") as f:
            f.write(block + "\n")
        p = subprocess.run([ZDDC, "check", "--json", policy], capture_output=True, text=True, timeout=60)
        T.check(p.returncode in (0, 1), "an example of zddc(5) is valid policy", block + p.stdout + p.stderr)


# ------------------------------------------------------------------------------------------------------------- README

def readme_commands():
    text = read("README.md")
    rows = {c["command"]: c for c in json.loads(subprocess.run([ZDDC, "help", "--json"], capture_output=True, timeout=60).stdout)}
    code = "\n".join(re.findall(r"^    .*$", text, re.M) + re.findall(r"`([^`\n]+)`", text))
    used = re.findall(r"\bzddc ((?!is\b)[a-z][a-z-]*)([^\n]*)", code)
    T.check(len(used) >= 8, "the README shows commands", used)
    for command, rest in used:
        T.check(command in rows, "README: there is a command zddc " + command)
        known = {"--" + o["name"] for o in rows.get(command, {"options": []})["options"]}
        for option in re.findall(r"--[a-z-]+", rest.split("#")[0].split("`")[0]):
            T.check(option in known, "README: zddc %s has %s" % (command, option))
    for command in rows:
        T.check("`zddc %s" % command in text or command == "help", "README lists zddc " + command)
    targets = read("Makefile")
    for target in re.findall(r"\bmake ([a-z][a-z-]*)", code):
        T.check(re.search(r"^%s\b[^=\n]*:" % target, targets, re.M), "README: there is a target make " + target)
    options = {r[0] for m in ("OPT_TEXT", "OPT_FLAG", "OPT_KERNEL", "OPT_PLAIN") for r in def_rows("fs/opts.def", m)}
    for given in re.findall(r"(?:-o |\szddc  )([a-z_=.,]+)", code):
        for option in given.split(","):
            T.check(option.split("=")[0] in options, "README: there is an option " + option)


def threats_tests():
    """zddcfs-threats(7) names the tests that try each class: they are there."""
    named = re.findall(r"\b[a-z]+/[a-z_]+\.(?:py|c)\b", plain(page("zddcfs-threats.7")))
    T.check(len(named) > 20, "zddcfs-threats(7) names tests", named)
    for name in named:
        T.check(os.path.exists(os.path.join(ROOT, "tests", name)), "zddcfs-threats(7): there is tests/" + name)


def readme_links():
    text = read("README.md")
    for name in re.findall(r"`((?:contrib|tests|acl|fs|cli|base|defaults)/[\w./-]+|[A-Z]+(?:\.md)?)`", text):
        T.check(os.path.exists(os.path.join(ROOT, name)), "README: there is a file " + name)


def readme_lines():
    """defaults:N in the transcript is still the line that it was."""
    lines = read("defaults", "defaults.zddc.yaml").splitlines()
    found = re.findall(r'"([a-z_]+)" \(defaults:(\d+)\)', read("README.md"))
    T.check(found, "the README shows a refusal with its line")
    for word, number in found:
        T.check(word in lines[int(number) - 1], "README: defaults:%s is about %s (run make demo and copy its output)" % (number, word),
                lines[int(number) - 1])


os.chdir(WORK)
T.run(keys, operations_and_reasons, options, control_files, commands, tables, no_warnings, sources, threats_tests, examples, other_blocks, readme_commands,
      readme_links, readme_lines)
os.chdir("/")
shutil.rmtree(WORK, ignore_errors=True)
T.finish()
