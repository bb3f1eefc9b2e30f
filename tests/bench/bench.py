#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""make bench: the mount beside the native filesystem, bindfs and passthroughs without policy, in turn in each round. bench.py [--quick] [OUT]

Only ratios of one round count; a machine that does other things makes their spread wide. Writes OUT/bench.json and OUT/bench.html.
Names of measures in ONLY (separated by commas) leave the others out; ROUNDS is how many.
"""
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import page  # noqa: E402
import results as res  # noqa: E402
from measures import MEASURES, ONCE, Size, lay_down, measures  # noqa: E402
from places import OUT, SWITCHES, places  # noqa: E402


def said(e):
    return (getattr(e, "stderr", None) or str(e)).strip().splitlines()[0]


def one(m, place, size, results, always):
    """One measure at one place in one round."""
    try:
        m.warm(place, size)
        before = place.counts() if place.name == "full" else None
        value, done = m.measure(place, size)
        if before is not None:
            results.asked(m.name, before, place.counts(), always, done)
        results.add(m.name, place.name, value)
        for each in place.after:
            each()
    except (subprocess.CalledProcessError, OSError) as e:
        results.fail(m.name, place.name, said(e))
        place.down()  # one that ran out of descriptors would fail at all that follows
        place.up()
    place.after = []


def looking(place):
    """What reading the counters adds to them."""
    place.counts()
    a = place.counts()
    b = place.counts()
    return {k: b[k] - a.get(k, 0) for k in b}


def all_rounds(there, chosen, size, results):
    for place in there:
        place.up()
    for n in range(size.rounds):
        began = time.monotonic()
        for i, m in enumerate(chosen):
            shift = (n + i) % len(there)
            for place in there[shift:] + there[:shift]:
                if place.name in m.where and place.name not in results.failed.get(m.name, {}):
                    always = looking(place) if place.name == "full" else None
                    one(m, place, size, results, always)
        print("round %d of %d: %.0f s, load %.1f" % (n + 1, size.rounds, time.monotonic() - began, os.getloadavg()[0]), flush=True)


def singles(there, size, results, only):
    full = there[-1]
    for fn in ONCE:
        if only and fn.__name__ not in only:
            continue
        try:
            results.single.update(fn(full, size))
        except (subprocess.CalledProcessError, OSError, RuntimeError, KeyError) as e:
            results.fail(fn.__name__, "full", said(e))


def run(quick, only, missing):
    size, results = Size(quick), res.Results()
    size.rounds = int(os.environ.get("ROUNDS") or size.rounds)
    chosen = [m for m in measures(size, missing) if not only or m.name in only]
    with tempfile.TemporaryDirectory(prefix="zddcfs-bench-", ignore_cleanup_errors=True) as base:
        os.chmod(base, 0o755)
        there = places(base, missing)
        try:
            for place in there:
                place.make()
                lay_down(place, size)
            print("trees laid down; load %.1f" % os.getloadavg()[0], flush=True)
            all_rounds(there, chosen, size, results)
            singles(there, size, results, only)
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for place in there:
                place.close()
    return results, chosen, [(p.name, p.meaning) for p in there], size


def main():
    if os.geteuid():
        sys.exit("make bench mounts, and drops caches: run it as root")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is mounted is unmounted
    args = [a for a in sys.argv[1:] if a != "--quick"]
    quick, missing, began = "--quick" in sys.argv, [], time.time()
    only = [x for x in os.environ.get("ONLY", "").split(",") if x]
    results, chosen, names, size = run(quick, only, missing)
    rows = res.verdicts(results, lambda name: any(m.rate for m in MEASURES if m.name == name))
    rows = [r for r in rows if not only or r["figure"] is not None]
    about = {"quick": quick, "rounds": size.rounds, "seconds": round(time.time() - began), "load": os.getloadavg()[0], "kernel": platform.release(),
             "processors": os.cpu_count(), "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "missing": missing}
    res.print_table(results, chosen, [n for n, _ in names if n != "native" and n not in SWITCHES])
    res.print_upcalls(results)
    res.print_rest(results, SWITCHES)
    res.print_goals(rows)
    for each in missing:
        print("missing: " + each)
    out = args[0] if args else OUT
    whole = {"about": about, "places": dict(names), "units": {m.name: m.unit for m in chosen}, "values": results.values, "upcalls": results.upcalls,
             "single": results.single, "failed": results.failed, "goals": rows}
    with open(os.path.join(out, "bench.json"), "w") as f:
        json.dump(whole, f, indent=1)
    with open(os.path.join(out, "bench.html"), "w") as f:
        f.write(page.make(about, results, chosen, names, rows, SWITCHES))
    print("%d s; %s/bench.json, %s/bench.html" % (about["seconds"], out, out))
    return 1 if any(p in ("full", "native") for x in results.failed.values() for p in x) else 0


if __name__ == "__main__":
    sys.exit(main())
