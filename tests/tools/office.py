#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""LibreOffice, headless, in the three places: a new document, saving again, opening what is finished, converting."""
import os
import shutil
import signal
import subprocess
import zipfile

from toolbox import Row, T, World, anything, become, changes, columns, line, run_rows

BASE = "123456-EL-SPC-2623_A (IFR) - Spec."
KINDS = ("odt", "docx", "ods", "csv")


class Office:
    """One running LibreOffice of one user; started again should it have died."""

    def __init__(self, world, uid):
        self.world, self.uid, self.pipe, self.p = world, uid, "zddc%d-%d" % (os.getpid(), uid), None
        self.start()

    def start(self):
        argv = ["soffice", "--headless", "--nologo", "--norestore", "--nodefault", "--accept=pipe,name=%s;urp" % self.pipe,
                "-env:UserInstallation=file://%s/office" % self.world.home(self.uid)]

        def prepare():
            become(self.uid)
            os.chdir("/")
        with open(os.path.join(self.world.base, "office-%d.log" % self.uid), "ab") as log:
            self.p = subprocess.Popen(argv, env=self.world.env(self.uid), stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare, start_new_session=True)

    def drive(self, cell, command, name):
        if self.p.poll() is not None:
            self.start()
        r = cell.run(["/usr/bin/python3", "-B", DRIVER, self.pipe, command, os.path.join(cell.dir, name)], timeout=40)
        if "DisposedException" in r.errors or "took longer" in r.errors:
            self.end()
        return r

    def end(self):
        try:
            os.killpg(self.p.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.p.wait()

    def close(self):
        if self.p.poll() is None:
            self.world.run(self.uid, '/usr/bin/python3 -B "%s" "%s" quit || true' % (DRIVER, self.pipe), timeout=20)
        try:
            self.p.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.end()
        for name in os.listdir("/tmp"):  # what a killed one leaves
            path = os.path.join("/tmp", name)
            if name.startswith("OSL_PIPE_") and os.lstat(path).st_uid == self.uid:
                os.unlink(path)


def office(command, ending):
    return lambda cell: offices[cell.uid].drive(cell, command, BASE + ending)


def opens(ending):
    def script(cell):
        r = offices[cell.uid].drive(cell, "open", BASE + ending)
        want = "read-only" if cell.column.refused else "editable"
        return r if r.out.strip() == want else "opens %s, want %s: %s" % (r.out.strip() or "not at all", want, r.errors)
    return script


def words(path, ending):
    """The text of a document on disk."""
    if ending == "csv":
        with open(path) as f:
            return f.read()
    inner = {"odt": "content.xml", "ods": "content.xml", "docx": "word/document.xml"}[ending]
    with zipfile.ZipFile(path) as z:
        return z.read(inner).decode()


def twice(column, ending):
    """Saved as a new document, then saved again: both at home; the second is refused elsewhere and the first stays."""
    cell = world.cell(column)
    was = cell.behind()
    r = offices[cell.uid].drive(cell, "twice", BASE + ending)
    if (r.status == 0) != (not column.refused):
        return "saving again: exit %d: %s" % (r.status, r.errors)
    if sorted(cell.see()) != [BASE + ending] or cell.behind() - was != {os.path.join(cell.rel, BASE + ending)}:
        return "litter: %s" % sorted(cell.see())
    found = words(os.path.join(world.archive.back if column.place else world.native, cell.rel, BASE + ending), ending)
    if "first" not in found or ("second" in found) == bool(column.refused):
        return "holds %r" % found[-400:]
    return ""


def convert(again):
    script = 'soffice --headless "-env:UserInstallation=file://$HOME/convert" --convert-to ods --outdir "$D" "$W/%scsv" > "$W/out" 2> "$W/err"' % BASE
    script = 'printf "first\\n" > "$W/%scsv"; ' % BASE + script + ('; ' + script if again else "") + '; grep -v javaldx "$W/err" >&2 || true'
    return script


ROWS = []
for kind in KINDS:
    made = office("new", kind)
    ROWS += [
        Row("LibreOffice: a new document, %s" % kind, made, makes={BASE + kind: anything()}, named=kind == "odt"),
        Row("LibreOffice: opens what is finished, %s" % kind, opens(kind), first='cp "$W/../../ready.%s" "%s"' % (kind, BASE + kind), makes={BASE + kind: anything()},
            named=kind == "odt", holds=False),
        changes("LibreOffice: edits what is there, %s" % kind, office("edit", kind), first='cp "$W/../../ready.%s" "%s"' % (kind, BASE + kind),
                makes={BASE + kind: anything()}, says=["opens read-only"], named=kind == "odt"),
        changes("LibreOffice: saves as, over, %s" % kind, office("over", kind), first='cp "$W/../../ready.%s" "%s"' % (kind, BASE + kind),
                makes={BASE + kind: anything()}, says=["Exception"], named=kind == "odt"),
    ]
ROWS.append(Row("soffice --convert-to ods", convert(False), makes={BASE + "ods": anything()}))

world = World()
DRIVER = os.path.join(world.base, "office_driver.py")  # users run it, and may not be able to reach the project
shutil.copyfile(os.path.join(os.path.dirname(os.path.realpath(__file__)), "office_driver.py"), DRIVER)
os.chmod(DRIVER, 0o644)
offices = {}
try:
    chosen = columns()
    for user in sorted({c.uid for c in chosen}):
        offices[user] = Office(world, user)
    for kind in KINDS:  # finished documents to begin with
        path = os.path.join(world.home(chosen[0].uid), "ready." + kind)
        r = world.run(chosen[0].uid, '/usr/bin/python3 -B "%s" "%s" new "%s"' % (DRIVER, offices[chosen[0].uid].pipe, path), timeout=90)
        if not T.check(r.status == 0 and os.path.exists(path), "LibreOffice starts and writes %s" % kind, r.errors):
            break
        with open(path, "rb") as one, open(os.path.join(world.base, "ready." + kind), "wb") as other:
            other.write(one.read())
    else:
        run_rows(world, ROWS, chosen)
        for each in chosen:
            for kind in KINDS if each.name != "issued" else KINDS[:1]:
                line("%-6s LibreOffice: a new document, saved again, %s" % (each.name, kind), twice, each, kind)
finally:
    for each in offices.values():
        each.close()
    world.close()
T.finish()
