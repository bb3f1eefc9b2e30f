# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a bench: one file, no scripts, nothing from elsewhere; light and dark, and on paper."""
import math
from html import escape

from results import compared, short

LEFT, WIDTH, ROW, TOP = 170, 860, 38, 26
LEAST, MOST = 0.1, 100  # of the axis: times native
SHOWN = ("bindfs", "hp", "none", "full")
STYLE = """
:root { color-scheme: light dark; --page: #fcfcfb; --ink: #0b0b0b; --soft: #52514e; --line: #dddcd8;
  --bindfs: #b8860b; --hp: #7a6fd0; --none: #1b9e77; --full: #2a6fd6; --met: #006300; --missed: #c0272d; }
@media (prefers-color-scheme: dark) { :root { --page: #1a1a19; --ink: #ffffff; --soft: #c3c2b7; --line: #3a3a38;
  --bindfs: #d9a520; --hp: #9d94ea; --none: #35c193; --full: #5b9bf3; --met: #4cc24c; --missed: #ff7d7d; } }
@media print { :root { color-scheme: light; --page: #fff; --ink: #000; --soft: #444; --line: #ccc;
  --bindfs: #b8860b; --hp: #7a6fd0; --none: #1b9e77; --full: #2a6fd6; --met: #006300; --missed: #c0272d; } figure, tr { break-inside: avoid } }
body { background: var(--page); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; max-width: 900px; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .3rem } p { color: var(--soft); margin: .3rem 0 }
figure { margin: 0; overflow-x: auto } svg { width: 100%; min-width: 640px; height: auto; display: block }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif } svg .soft { fill: var(--soft); font-size: 12px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums } .wide { overflow-x: auto }
td, th { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line); font-weight: normal }
th { color: var(--soft) } td.n, th.n { text-align: right } .met { color: var(--met) } .missed { color: var(--missed); font-weight: 600 }
.key span { margin-right: 1.2rem; white-space: nowrap } .key svg { width: 14px; min-width: 0; height: 14px; display: inline; vertical-align: -2px }
"""
# a shape for each place, so that colour is not all that tells them apart
SHAPE = {
    "bindfs": '<rect x="-4.5" y="-4.5" width="9" height="9"/>',
    "hp": '<path d="M0-6L6 5H-6Z"/>',
    "none": '<path d="M0-6L6 0L0 6L-6 0Z"/>',
    "full": '<circle r="5.5"/>',
}


def x_of(ratio):
    at = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + at * (WIDTH - LEFT - 20)


def mark(place, x, y, tip, extra=""):
    return '<g transform="translate(%.1f %.1f)" fill="var(--%s)" stroke="var(--page)" stroke-width="1"%s>%s<title>%s</title></g>' % (
        x, y, place, extra, SHAPE[place], escape(tip))


def slower(results, m, place):
    """How many times as long as native: (median, least, most); a rate turned round."""
    r = results.ratio(m.name, place, "native")
    if not r or min(r) <= 0:
        return None
    return (1 / r[0], 1 / r[2], 1 / r[1]) if m.rate else r


def axis(height):
    out = []
    for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100):
        x = x_of(tick)
        out.append('<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="var(%s)" stroke-width="%s"/>' % (x, x, TOP - 6, height, "--soft" if tick == 1 else "--line", 1))
        out.append('<text class="soft" x="%.1f" y="%d" text-anchor="middle">%s</text>' % (x, TOP - 11, "native" if tick == 1 else "%g" % tick))
    return "".join(out)


def line(results, m, y):
    out = ['<text x="0" y="%d">%s</text>' % (y + 4, escape(m.name))]
    for place in SHOWN:
        r = slower(results, m, place)
        if r:
            lane = y + (SHOWN.index(place) - 1.5) * 7.5
            out.append('<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" stroke="var(--%s)" stroke-width="1.5"/>' % (x_of(r[1]), x_of(r[2]), lane, lane, place))
            out.append(mark(place, x_of(r[0]), lane, "%s, %s: %s times native (%s to %s)" % ((m.name, place) + tuple(map(short, r)))))
    return "".join(out)


def chart(results, group):
    height = TOP + ROW * len(group)
    rows = "".join(line(results, m, TOP + ROW * i + ROW // 2) for i, m in enumerate(group))
    return '<figure><svg viewBox="0 0 %d %d" role="img" aria-label="times native">%s%s</svg></figure>' % (WIDTH, height, axis(height), rows)


def table(head, rows, numbers=()):
    def cells(tag, row):
        return "".join("<%s%s>%s</%s>" % (tag, ' class="n"' if i in numbers else "", c, tag) for i, c in enumerate(row))
    return '<div class="wide"><table><tr>%s</tr>%s</table></div>' % (cells("th", head), "".join("<tr>%s</tr>" % cells("td", r) for r in rows))


def key(names):
    out = ['<span><svg viewBox="-7 -7 14 14">%s</svg> %s</span>' % (mark(n, 0, 0, n), escape(meaning)) for n, meaning in names if n in SHOWN]
    return '<p class="key">%s</p>' % "".join(out)


def figure(x, r):
    if x["figure"] is None:
        return "-"
    return short(x["figure"]) + (" (%s-%s)" % (short(x["least"]), short(x["most"])) if r and x["least"] is not None else "")


def against(r, single):
    if r["against"] == "itself":
        return single[r["measure"]][1] if r["measure"] in single else ""
    return "upcalls" if r["against"] == "upcalls" else "/ " + r["against"]


def goals(rows, single):
    body = [('<span class="%s">%s</span>' % (r["verdict"], r["verdict"]), escape(r["measure"]), against(r, single),
             escape(r["wanted"]), figure(r, r["against"] not in ("itself", "upcalls"))) for r in rows]
    return table(("goal", "measure", "", "wanted", "figure (spread)"), body, (3, 4))


def all_figures(results, measures, names):
    def cell(m, n):
        r = results.ratio(m.name, n, "native")
        return "%s (%s-%s)" % tuple(map(short, r)) if r else "failed" if n in results.failed.get(m.name, {}) else "-"

    def native(m):
        v = sorted(results.values.get(m.name, {}).get("native", []))
        return "%s %s" % (short(v[len(v) // 2]), m.unit) if v else "-"
    others = [n for n, _ in names if n != "native"]
    return table(["measure", "native"] + others, [[escape(m.name), native(m)] + [cell(m, n) for n in others] for m in measures], range(1, 9))


def make(about, results, measures, names, rows, switches):
    count = {v: sum(r["verdict"] == v for r in rows) for v in ("met", "missed", "not measured")}
    out = ["<!DOCTYPE html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>zddcfs bench</title><style>%s</style>" % STYLE,
           "<h1>zddcfs beside the native filesystem</h1>",
           "<p>%(time)s, kernel %(kernel)s, %(processors)d processors, %(rounds)d rounds in %(seconds)d s, load %(load).1f at the end" % about,
           ". Each point is the median of per-round ratios, its line the spread. More to the left is better; what is a rate is turned round.</p>",
           "<p>Goals: %(met)d met, %(missed)d missed, %(not measured)d not measured.</p>" % count]
    if about["quick"]:
        out.append("<p>A quick run: few rounds, small trees. It shows that all works, not how fast it is.</p>")
    out += ["<p>Missing: %s</p>" % escape(x) for x in about["missing"]] + [key(names)]
    for group in dict.fromkeys(m.group for m in measures):
        out += ["<h2>%s: times native</h2>" % group.capitalize(), chart(results, [m for m in measures if m.group == group])]
    out += ["<h2>Goals</h2>", goals(rows, results.single), "<h2>Figures: ratios to native (MB/s: of rates)</h2>", all_figures(results, measures, names)]
    out += ["<h2>What the daemon is asked, for each operation</h2>",
            table(("measure", "upcalls", "of which"), [(escape(k), short(sum(v.values())), ", ".join("%s %s" % (a, short(b)) for a, b in sorted(v.items(), key=lambda x: -x[1])))
                                                       for k, v in results.upcalls.items()], (1,))]
    for switch, meaning in switches.items():
        rows = [(escape(k), "%s (%s-%s)" % tuple(map(short, r))) for k, r in compared(results, switch)]
        out += ["<h2>%s</h2>" % escape(meaning.capitalize()), table(("measure", "ratio"), rows, (1,))]
    out += ["<h2>And</h2>", table(("measure", "figure"), [(escape(k), "%s %s" % (short(v), u)) for k, (v, u) in results.single.items()], (1,))]
    return "".join(out) + "\n"
