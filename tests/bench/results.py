# SPDX-License-Identifier: GPL-3.0-or-later
"""Figures of all rounds: ratios of one round to another place of the same round, their median and spread, and the goals."""
from statistics import median

from goals import GOALS


class Results:
    def __init__(self):
        self.values = {}    # measure -> place -> [figure of each round]
        self.upcalls = {}   # measure -> {kind: for each operation}
        self.single = {}    # measure -> (figure, unit)
        self.failed = {}    # measure -> place -> what it said

    def add(self, measure, place, value):
        self.values.setdefault(measure, {}).setdefault(place, []).append(value)

    def fail(self, measure, place, text):
        self.failed.setdefault(measure, {})[place] = text

    def asked(self, measure, before, after, always, done):
        """The last round counts: 'always' is what looking costs."""
        each = {k: (after[k] - before.get(k, 0) - always.get(k, 0)) / done for k in after}
        self.upcalls[measure] = {k: round(v, 2) for k, v in each.items() if v >= 0.005}

    def ratios(self, measure, place, against):
        mine, theirs = (self.values.get(measure, {}).get(p, []) for p in (place, against))
        return [a / b for a, b in zip(mine, theirs) if b > 0] if len(mine) == len(theirs) else []

    def ratio(self, measure, place, against):
        """(median, least, most), or None where one of them is missing."""
        r = self.ratios(measure, place, against)
        return (median(r), min(r), max(r)) if r else None


def got(results, measure, against):
    """The figure that a goal is about, or None."""
    if against == "upcalls":
        return sum(results.upcalls[measure].values()) if measure in results.upcalls else None
    if against == "itself":
        return results.single[measure][0] if measure in results.single else None
    r = results.ratio(measure, "full", against)
    return r[0] if r else None


def verdicts(results, is_rate):
    """A row for each goal (the way to a folder is asked for once, and is rounded away): measure, against, wanted, figure, spread, verdict."""
    out = []
    for measure, against, limit in GOALS:
        figure = got(results, measure, against)
        rate = is_rate(measure) and against not in ("upcalls", "itself")
        met = None if figure is None else figure >= limit if rate else round(figure, 1 if against == "upcalls" else 2) <= limit
        spread = results.ratio(measure, "full", against)
        out.append({"measure": measure, "against": against, "wanted": "%s %g" % (">=" if rate else "<=", limit), "figure": figure,
                    "least": spread[1] if spread else None, "most": spread[2] if spread else None,
                    "verdict": "not measured" if met is None else "met" if met else "missed"})
    return out


def short(x):
    return "-" if x is None else "%.0f" % x if abs(x) >= 100 else "%.3g" % x


def print_table(results, measures, names):
    print("\n%-24s %12s   %s" % ("median of ratios (spread)", "native", "".join("%-22s" % n for n in names)))
    for m in measures:
        native = results.values.get(m.name, {}).get("native")
        cells = []
        for n in names:
            r = results.ratio(m.name, n, "native")
            cells.append("%-22s" % ("%s (%s-%s)" % tuple(map(short, r)) if r else "failed" if n in results.failed.get(m.name, {}) else "-"))
        print("%-24s %7s %-4s   %s" % (m.name, short(median(native)) if native else "-", m.unit, "".join(cells)))


def print_upcalls(results):
    print("\nwhat the daemon is asked, for each operation (tools: for a whole run)")
    for measure, kinds in results.upcalls.items():
        print("%-24s %8s   %s" % (measure, short(sum(kinds.values())), ", ".join("%s %s" % (k, short(v)) for k, v in sorted(kinds.items(), key=lambda x: -x[1])) or "nothing"))


def compared(results, switch):
    """The measures for which there is the place without that switch, and what the switch makes of them."""
    return [(m, r) for m in results.values for r in [results.ratio(m, "full", switch)] if r]


def print_rest(results, switches):
    for switch, meaning in switches.items():
        print("\n" + meaning)
        for measure, r in compared(results, switch):
            print("%-24s %s (%s-%s)" % ((measure,) + tuple(map(short, r))))
    print()
    for measure, (figure, unit) in results.single.items():
        print("%-24s %8s %s" % (measure, short(figure), unit))
    for measure, places in results.failed.items():
        for place, text in places.items():
            print("FAILED %s, %s: %s" % (measure, place, text))


def print_goals(rows):
    print("\ngoals")
    for r in rows:
        spread = " (%s-%s)" % (short(r["least"]), short(r["most"])) if r["least"] is not None and r["verdict"] != "not measured" and r["against"] != "upcalls" else ""
        print("%-12s %-26s / %-8s %-9s %s%s" % (r["verdict"], r["measure"], r["against"], r["wanted"], short(r["figure"]), spread))
    count = {v: sum(r["verdict"] == v for r in rows) for v in ("met", "missed", "not measured")}
    print("%(met)d met, %(missed)d missed, %(not measured)d not measured" % count)
