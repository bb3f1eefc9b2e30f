#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""zddc report: what the page says, that it needs nothing but itself, what changed since a day, and who could read a path on a day."""
import os
import subprocess
import time

from tool import Page, WORK, finish, one_line_error, run, text, tree
from harness import ADMIN, DC, PARTY_ZDDC, PT, ROOT_ZDDC, T, ZDDC, Archive, as_user, project, write_file

HOME = "created_by: pt@example.com\nacl:\n  inherit: false\n  permissions:\n    pt@example.com: rwcda\n"


def page_of(p):
    T.equal((p.returncode, p.stderr), (0, b""), "a report")
    page = Page(text(p))
    page.self_contained()
    return page


def plain():
    nasty = "<i>&\"'"
    top = tree({".zddc": ROOT_ZDDC.replace("Test archive", nasty), "P/archive/Acme/.zddc": PARTY_ZDDC, "P/archive/Bolt/.zddc": PARTY_ZDDC, "P/archive/Acme/working/pt/.zddc": HOME})
    page = page_of(run("report", top))
    for words in (nasty, "Who is in which role", "Who holds which verbs where", "From working to issued", "document_controller", "admin@example.com", ".zddc:2", "write-once", "fence",
                  "There is no ledger here", "P/archive/Acme", "issued/", "built-in defaults"):
        T.check(words in page.text, "the page says " + words)
    T.check("<i>&" not in page.source and "step zone" in page.source and "&rarr;" in page.source, "escaped; the strip ends in what is write-once")
    way = page.text[page.text.index("From working to issued"):page.text.index("What changed")]
    T.check(way.index("working/") < way.index("staging/") < way.index("reviewing/") < way.index("issued/"), "in the order of the way", way)
    out = os.path.join(WORK, "page.html")
    p = run("report", top, "-o", out)
    T.equal((p.returncode, p.stdout), (0, b""), "-o FILE")
    with open(out, encoding="utf-8") as f:
        Page(f.read()).self_contained()
    T.equal(os.stat(out).st_mode & 0o77, 0, "the page is not for everybody")
    page = page_of(run("report", top + "/P/archive/Acme", "--path", "P/archive/Acme/issued/x.pdf"))
    T.check("Who can read it" in page.text and "P/archive/Bolt" not in page.text, "of a part, and a path")
    readers = page.text[page.text.index("Who can read it"):page.text.index("Policy files")]
    T.check("obs@example.com" in readers and "observer" in readers and "admin@example.com" not in readers, "who reads it, by which role", readers)
    one_line_error(run("report", top, "--json"), 2, "zddc access --matrix --json")
    one_line_error(run("report", "/nowhere"), 4, "nowhere")
    one_line_error(run("report", top, "-o"), 2, "-o FILE")
    one_line_error(run("report", top, "-o", "/proc/no/such"), 4, "/proc/no/such")
    T.equal(run("report", tree({".zddc": "titel: x\n"})).returncode, 3, "invalid policy is status 3")


def moment():
    """A time between what was before and what comes: the ledger asks for whole seconds."""
    time.sleep(1.1)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    time.sleep(1.1)
    return at


def history():
    a = Archive(project()).mount()
    as_user(DC, os.listdir, a.at("P/archive/Acme"))
    before = moment()
    as_user(DC, write_file, a.at("P/archive/Acme/.zddc"), PARTY_ZDDC + "    vic@vendor.example: rc\n    obs@example.com: ''\n")
    moment()
    page = page_of(run("report", a.back, "--since", before, "--path", "P/archive/Acme/note.pdf"))
    changed = page.text[page.text.index("What changed"):page.text.index("What was done")]
    T.check("vic@vendor.example" in changed and "gains rc" in changed, "who gained", changed)
    T.check("obs@example.com" in changed and "loses r" in changed, "who lost", changed)
    done = page.text[page.text.index("What was done"):page.text.index("Who can read it")]
    T.check("a policy was changed" in done and "dc@example.com" in done and "P/archive/Acme/.zddc" in done, "what was done, by whom, where", done)
    now = page.text[page.text.index("Who can read it"):page.text.index("Policy files")]
    T.check("vic@vendor.example" in now and "obs@example.com" not in now, "who can read it now", now)
    page = page_of(run("report", a.back, "--on", before, "--path", "P/archive/Acme/note.pdf"))
    then = page.text[page.text.index("Who can read it"):page.text.index("Policy files")]
    T.check("vic@vendor.example" not in then and "obs@example.com" in then and "as of" in page.text, "who could read it then", then)
    page = page_of(run("report", a.back))
    T.check("The last 30 days" in page.text and "a policy was changed" in page.text, "without --since: the last events")
    quiet = page_of(run("report", a.back, "--since", moment()))
    T.check("Nobody gained or lost anything" in quiet.text, "nothing since")
    p = run("report", a.back, "--since", "2020-01-01")
    T.check(p.returncode == 0 and "does not reach back" in text(p), "before the ledger began", (p.returncode, p.stderr))
    one_line_error(run("report", a.back, "--since", "noon"), 2, "--since")

    def zddc(uid, *args):
        return subprocess.run([ZDDC, *args], cwd="/", user=uid, group=uid, extra_groups=[], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    page = page_of(zddc(ADMIN, "report", a.mnt))
    T.check("Who holds which verbs" in page.text and "behind the mount" in page.text, "on a mount, by an administrator")
    T.equal(zddc(PT, "report", a.mnt).returncode, 4, "not by those who cannot read its policy")


finish(plain, history)
