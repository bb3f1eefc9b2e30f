# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: one list of measures, each with how it is done at a place and in which unit its figure is."""
import json
import os
import shutil
import time

from places import ADMIN, DC, OPS, OUT, WORK, as_user, read, run

ALL = ("native", "bindfs", "hp", "none", "full")
LEDGER = ALL + ("noledger",)                    # what writes lines: with and without

PASS = ALL + ("nopass",)                        # what the kernel may do by itself


class Size:
    """How much of everything. Quick ones show that it works and about where things stand."""

    def __init__(self, quick):
        self.quick = quick
        self.rounds = 3 if quick else 5
        self.flat = 500 if quick else 2000      # files of 4 KiB in one folder
        self.many = 3000 if quick else 15000    # empty files in one folder
        self.tree = 5000 if quick else 100000   # empty files, 100 in each folder
        self.repo = 500 if quick else 4000      # files under git
        self.new = 200 if quick else 1000       # files made, renamed, deleted
        self.ms = 60 if quick else 400          # what leaves everything as it was goes on so long
        self.fio_ms = 200 if quick else 1000
        self.data = 32 if quick else 256        # MiB
        self.parties = 100 if quick else 1000   # of a table


def lay_down(place, size):
    """Behind the mount: the same everywhere, and belonging to who works there."""
    work = os.path.join(place.back, WORK)
    for folder, op, count in (("flat", "fill", size.flat), ("many", "empty", size.many), ("tree", "tree", size.tree), ("src", "fill", size.flat // 2)):
        os.mkdir(os.path.join(work, folder))
        run([OPS, op, os.path.join(work, folder), str(count), "0"])
    if shutil.which("git"):
        make_repository(os.path.join(work, "repo"), size.repo)
    for folder in ("new", "kept"):
        os.mkdir(os.path.join(work, folder))
    with open(os.path.join(work, "new/data"), "wb") as f:
        f.write(os.urandom(1 << 20) * size.data)
    run(["chown", "-R", "%d:%d" % (DC, DC), work])
    place.put(WORK + "/new/.zddc", "history: false\n")  # elsewhere in working/ what is overwritten or deleted becomes a version


def make_repository(repo, count):
    os.mkdir(repo)
    run([OPS, "tree", repo, str(count), "0"])
    for cmd in (["init", "-q"], ["add", "."], ["-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-qm", "x"]):
        run(["git", "-C", repo] + cmd, env=GIT)


GIT = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": "/nonexistent", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}


# ------------------------------------------------------------------------------------------------------ one operation, often

def operation(place, op, folder, count, ms=0):
    """(microseconds for one, how many)"""
    ns, done = map(int, place.run([OPS, op, place.work(folder), str(count), str(ms)]).split())
    return ns / done / 1000, done


def again(op, folder, count):
    """What leaves everything as it was: once to warm, then for a while. 'count' names a field of Size."""
    def warm(place, size):
        operation(place, op, folder, getattr(size, count))

    def measure(place, size):
        return operation(place, op, folder, getattr(size, count), size.ms)
    return warm, measure


def once(op, before=(), after=(), folder="new"):
    """What changes a folder: what has to be there is made before, what is left is removed after, neither timed."""
    def warm(place, size):
        for each in before:
            operation(place, each, folder, size.new)

    def measure(place, size):
        out = operation(place, op, folder, size.new)
        for each in after:
            place.after.append(lambda each=each: operation(place, each, folder, size.new))
        return out
    return warm, measure


def cold(op, folder, count):
    def warm(place, size):
        place.cold()

    def measure(place, size):
        return operation(place, op, folder, getattr(size, count))
    return warm, measure


# ------------------------------------------------------------------------------------------------------------------ whole tools

def inside(place, command):
    """What a shell command in the working folder printed; that is changed to by who may."""
    return place.run(["sh", "-c", 'cd "$0" && ' + command, place.work()], env=GIT)


def timed(place, command):
    """(milliseconds, 1) of a shell command in the working folder."""
    began = time.monotonic()
    inside(place, command)
    return (time.monotonic() - began) * 1000, 1


def tool(command, clean=None, is_cold=False):
    def warm(place, size):
        if is_cold:
            place.cold()
        elif not clean:
            timed(place, command)

    def measure(place, size):
        out = timed(place, command)
        if clean:
            place.after.append(lambda: timed(place, clean))
        return out
    return warm, measure


# ------------------------------------------------------------------------------------------------------------------------- data

def fio_or_dd(kind, block, engine):
    if shutil.which("fio"):
        return lambda place, size: fio(place, size, kind, block, engine)
    return lambda place, size: dd(place, size, kind, block)


def fio(place, size, kind, block, engine):
    cmd = ["fio", "--name=x", "--filename=" + place.work("new/data"), "--rw=" + kind, "--bs=" + block, "--ioengine=" + engine, "--size=%dM" % size.data,
           "--invalidate=0", "--time_based", "--runtime=%dms" % size.fio_ms, "--output-format=json", "--allow_file_create=0"]
    out = place.run(cmd)
    job = json.loads(out[out.index("{"):])["jobs"][0]
    side = job["write" if kind.endswith("write") else "read"]
    return side["bw_bytes"] / 1e6, max(1, side["total_ios"])


def dd(place, size, kind, block):
    """Sequential only."""
    path = place.work("new/data")
    ends = ["if=/dev/zero", "of=" + path, "conv=notrunc"] if kind == "write" else ["if=" + path, "of=/dev/null"]
    n = (size.data << 20) // (4096 if block == "4k" else 1 << 20)
    began = time.monotonic()
    place.run(["dd", "bs=" + block.upper().replace("4K", "4096"), "count=%d" % n, "status=none"] + ends)
    return size.data * 1.048576 / (time.monotonic() - began), n


def data(kind, block, engine="psync"):
    def warm(place, size):
        inside(place, "cat new/data > /dev/null")

    return warm, fio_or_dd(kind, block, engine)


# ------------------------------------------------------------------------------------------------------------------------ the list

class Measure:
    def __init__(self, group, name, unit, how, where=ALL, quick=True, needs=None):
        self.group, self.name, self.unit, self.where, self.quick, self.needs = group, name, unit, where, quick, needs
        self.warm, self.measure = how
        self.rate = unit == "MB/s"


MEASURES = [
    Measure("cold", "stat cold", "us", cold("stat", "flat", "flat")),
    Measure("cold", "list cold", "us", cold("list", "many", "many")),
    Measure("cold", "list attributes cold", "us", cold("list_l", "many", "many")),
    Measure("cold", "find cold", "ms", tool("find tree > /dev/null", is_cold=True)),
    Measure("metadata", "stat", "us", again("stat", "flat", "flat")),
    Measure("metadata", "stat by absolute path", "us", again("stat_abs", "flat", "flat")),
    Measure("metadata", "open read close", "us", again("open", "flat", "flat"), PASS),
    Measure("metadata", "list", "us", again("list", "many", "many")),
    Measure("metadata", "list attributes", "us", again("list_l", "many", "many")),
    Measure("metadata", "create write close", "us", once("create"), LEDGER),
    Measure("metadata", "rename", "us", once("rename"), LEDGER),
    Measure("metadata", "unlink", "us", once("unlink"), LEDGER),
    Measure("metadata", "unlink kept", "us", once("unlink", before=["create", "rename"], folder="kept")),
    Measure("metadata", "mkdir", "us", once("mkdir", after=["rmdir"]), LEDGER),
    Measure("data", "read 1M", "MB/s", data("read", "1M"), PASS),
    Measure("data", "write 1M", "MB/s", data("write", "1M"), PASS),
    Measure("data", "random read 4k", "MB/s", data("randread", "4k"), PASS, quick=False, needs="fio"),
    Measure("data", "mmap read 4k", "MB/s", data("randread", "4k", "mmap"), PASS, quick=False, needs="fio"),
    Measure("data", "write 4k", "MB/s", data("write", "4k"), PASS, quick=False),
    Measure("data", "random write 4k", "MB/s", data("randwrite", "4k"), PASS, needs="fio"),
    Measure("tools", "find", "ms", tool("find tree > /dev/null"), quick=False),
    Measure("tools", "du -s", "ms", tool("du -s flat many > /dev/null"), quick=False),
    Measure("tools", "ls -l", "ms", tool("ls -l many > /dev/null")),
    Measure("tools", "git status", "ms", tool("git -C repo status > /dev/null"), needs="git"),
    Measure("tools", "tar c", "ms", tool("tar -cf - src | cat > /dev/null"), PASS),
    Measure("tools", "cp -r", "ms", tool("cp -r src copy", clean="rm -r copy"), LEDGER),
    Measure("tools", "rsync -a", "ms", tool("rsync -a src/ copy/", clean="rm -r copy"), needs="rsync"),
]


def measures(size, missing):
    out = []
    for m in MEASURES:
        if size.quick and not m.quick:
            continue
        if m.needs and not shutil.which(m.needs):
            missing.append("%s: apt-get install %s" % (m.name, m.needs))
            continue
        out.append(m)
    return out


# ------------------------------------------------------------------------------------------- once in a run, and not compared

def decisions(_place, _size):
    """Of the smallest and the largest set of rules, the larger."""
    rows = json.loads(run([os.path.join(OUT, "tests/bench/bench_decide")]).strip().splitlines()[-1])["rows"]
    return {"decision " + k: (max(r[k + "_p50"] for r in rows), "ns") for k in ("cached", "uncached")}


def rollups(_place, size):
    os.environ["PARTIES"], os.environ["ROUNDS"] = str(size.parties), str(size.rounds)
    import rollup  # reads how much from the environment
    out = rollup.run(100)
    return {"rollup first": (out["first"], "ms"), "rollup warm": (out["ratio"], "x a plain folder"), "rollup new row": (out["new"], "ms"),
            "rollup table.csv": (out["csv"], "ms")}


def memory(place, size):
    """At rest; and for each inode that the kernel knows after a walk with attributes."""
    place.down()
    place.up()
    rest, before = place.rss(), place.status()["nodes"]
    timed(place, "find tree -printf %s > /dev/null")
    known = place.status()["nodes"] - before
    return {"memory at rest": (rest / (1 << 20), "MiB"), "memory per inode": ((place.rss() - rest) / max(1, known), "bytes")}


def policy_edit(place, _size):
    """After that walk: from opening a .zddc for writing to the end of close(2)."""
    path = place.path("Demo/archive/Acme/.zddc")
    text = as_user(ADMIN, read, path)
    return {"policy edit": (as_user(ADMIN, overwrite, path, text + "# edited\ntitle: Acme\n"), "ms")}


def overwrite(path, text):
    began = time.monotonic()
    with open(path, "w") as f:
        f.write(text)
    return (time.monotonic() - began) * 1000


def few_descriptors(place, size):
    """1: a walk over everything succeeds when the daemon may have 1024 descriptors."""
    place.down()
    place.up(prefix=["prlimit", "--nofile=1024:1024"])
    found = int(inside(place, "find tree -type f -size 0 | wc -l"))
    place.down()
    place.up()
    return {"walk with 1024 descriptors": (1 if found == size.tree else 2, "1: passes")}


ONCE = [decisions, rollups, memory, policy_edit, few_descriptors]
