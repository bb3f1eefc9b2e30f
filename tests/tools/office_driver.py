# SPDX-License-Identifier: GPL-3.0-or-later
"""Drives a running LibreOffice over its pipe: office_driver.py PIPE COMMAND FILE. Run by the system's python3, which has uno.

  new FILE     a new document with the text "first", saved as FILE, closed
  twice FILE   the same, then "second" is added and saved over it
  open FILE    opens FILE: prints "editable" or "read-only"; closes it
  edit FILE    opens FILE, adds "second", saves, closes
  over FILE    a new document saved as FILE, which exists
Exit status 0, or 1 with the error on standard error; 3 if the document opens read-only and so cannot be saved.
"""
import os
import sys
import time

import uno
from com.sun.star.beans import PropertyValue
from com.sun.star.connection import NoConnectException

FILTERS = {"odt": ("swriter", None), "docx": ("swriter", "MS Word 2007 XML"), "ods": ("scalc", None), "csv": ("scalc", "Text - txt - csv (StarCalc)"),
           "xlsx": ("scalc", "Calc MS Excel 2007 XML")}


def option(name, value):
    p = PropertyValue()
    p.Name, p.Value = name, value
    return p


def desktop(pipe):
    local = uno.getComponentContext()
    resolver = local.ServiceManager.createInstanceWithContext("com.sun.star.bridge.UnoUrlResolver", local)
    end = time.monotonic() + 30
    while True:
        try:
            context = resolver.resolve("uno:pipe,name=%s;urp;StarOffice.ComponentContext" % pipe)
            return context.ServiceManager.createInstanceWithContext("com.sun.star.frame.Desktop", context)
        except NoConnectException:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def write(document, words):
    if document.supportsService("com.sun.star.text.TextDocument"):
        document.Text.insertString(document.Text.getEnd(), words, False)
    else:
        sheet = document.Sheets.getByIndex(0)
        row = 0
        while sheet.getCellByPosition(0, row).String:
            row += 1
        sheet.getCellByPosition(0, row).String = words


def save_as(document, url, ending):
    name = FILTERS[ending][1]
    document.storeAsURL(url, (option("FilterName", name),) if name else ())


def fresh(desk, ending):
    document = desk.loadComponentFromURL("private:factory/" + FILTERS[ending][0], "_blank", 0, (option("Hidden", True),))
    write(document, "first")
    return document


def run(desk, command, path):
    url, ending = uno.systemPathToFileUrl(path), path.rsplit(".", 1)[1]
    if command in ("new", "twice", "over"):
        document = fresh(desk, ending)
    else:
        document = desk.loadComponentFromURL(url, "_blank", 0, (option("Hidden", True),))
        if document is None:
            raise RuntimeError("does not open")
    try:
        if command in ("new", "twice", "over"):
            save_as(document, url, ending)
        if command == "open":
            print("read-only" if document.isReadonly() else "editable")
        if command == "edit" and document.isReadonly():
            print("opens read-only", file=sys.stderr)
            return 3
        if command in ("twice", "edit"):
            write(document, "second")
            document.store()
    finally:
        document.setModified(False) if not document.isReadonly() else None
        document.close(True)
    return 0


def main():
    desk = desktop(sys.argv[1])
    if sys.argv[2] == "quit":
        desk.terminate()
        return 0
    try:
        return run(desk, sys.argv[2], sys.argv[3])
    except Exception as e:
        print("%s: %s" % (type(e).__name__, e), file=sys.stderr)
        return 1


status = main()
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # the bridge sometimes crashes where python takes it down
