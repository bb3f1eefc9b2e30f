#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a table over all parties costs (PERFORMANCE): 1,000 parties x 100 rows laid down behind the mount, beside a plain directory of as many
names in the same run; and the same with ten times fewer rows. PARTIES and ROUNDS say otherwise."""
import os
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "mount"))
from harness import DC, PARTY_ZDDC, ROOT_ZDDC, Archive, T, as_user  # noqa: E402

PARTIES, ROUNDS = int(os.environ.get("PARTIES", "1000")), int(os.environ.get("ROUNDS", "7"))
ROW = "originator: %s\nproject: '100'\ndiscipline: EL\ntype: SPC\nsequence: '%04d'\ntitle: Specification %d\nrevision: 1\n"


def party(p):
    return "Party%04d" % p


def record(p, r):
    return "%s-100-EL-SPC-%04d.yaml" % (party(p), r)


def lay_down(rows):
    """Records in folders of their own; and empty files of the same names in one folder."""
    a = Archive({".zddc": ROOT_ZDDC, "Demo/plain/": None})
    for p in range(PARTIES):
        a.put("Demo/archive/%s/.zddc" % party(p), PARTY_ZDDC)
        a.put("Demo/archive/%s/ssr.yaml" % party(p), "title: x\n")
        folder = a.put("Demo/archive/%s/mdl/" % party(p), None)
        for r in range(rows):
            with open(os.path.join(folder, os.fsencode(record(p, r))), "w") as f:
                f.write(ROW % (party(p), r, r))
            with open(a.behind("Demo/plain/%s__%s" % (party(p), record(p, r))), "w"):
                pass
    return a


def ms(fn, *args):
    began = time.monotonic()
    fn(*args)
    return (time.monotonic() - began) * 1000


def names(path):
    return sum(1 for _ in os.scandir(path))


def rss(a):
    with open("/proc/%d/status" % a.pid) as f:
        return int([line for line in f if line.startswith("VmRSS")][0].split()[1]) / 1024


def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def new_row(mdl, n):
    """From close(2) of a new row to its being there, in the table and in a listing of its party's folder."""
    write(mdl + "/new.yaml", "party: %s\n" % party(7) + ROW % (party(7), n, n))
    return ms(os.stat, "%s/%s__%s" % (mdl, party(7), record(7, n)))


def read(path):
    with open(path) as f:
        return f.read()


def figures(mnt, count):
    mdl, plain = mnt + "/Demo/mdl", mnt + "/Demo/plain"
    out = {"first": ms(names, mdl), "plain first": ms(names, plain)}
    pairs = [(ms(names, mdl), ms(names, plain)) for _ in range(ROUNDS)]
    out["warm"], out["plain"] = (statistics.median(x) for x in zip(*pairs))
    out["ratio"] = statistics.median(x / y for x, y in pairs)
    out["new"] = statistics.median(new_row(mdl, 5000 + n) for n in range(ROUNDS))
    out["after"] = ms(names, mdl)
    out["csv"] = ms(read, mdl + "/table.csv")
    assert names(mdl) == count + 3 + ROUNDS, "all rows are listed"
    return out


def run(rows):
    a = lay_down(rows)
    a.mount()
    before = rss(a)
    out = as_user(DC, figures, a.mnt, PARTIES * rows)
    out["memory"] = rss(a) - before
    a.close()
    print("%d parties x %d rows: first %.0f ms, warm %.0f ms (plain %.0f ms, ratio %.2f), a new row %.1f ms, listing after it %.0f ms, table.csv %.0f ms, %.0f MB more"
          % (PARTIES, rows, out["first"], out["warm"], out["plain"], out["ratio"], out["new"], out["after"], out["csv"], out["memory"]), flush=True)
    return out


def main():
    few, many = run(10), run(100)
    T.check(many["first"] <= 1000, "first listing of 100,000 rows <= 1 s", "%.0f ms" % many["first"])
    T.check(many["ratio"] <= 2, "warm listing <= 2x a plain directory", "%.2f" % many["ratio"])
    T.check(many["new"] <= 10, "a new row is there in <= 10 ms", "%.1f ms" % many["new"])
    T.check(many["csv"] <= 2000, "table.csv <= 2 s", "%.0f ms" % many["csv"])
    for what in ("first", "warm", "csv"):
        print("%s: %.1fx at 10x the rows" % (what, many[what] / few[what]))
    T.finish()


if __name__ == "__main__":
    main()
