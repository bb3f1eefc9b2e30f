#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""contrib/presets: each is mounted with its accounts, and its table of who may do what is tried, as decisions and as system calls."""
import glob
import json
import os
import subprocess
import sys

import yaml

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import *  # noqa: E402,F403
from harness import ROOT, T, ZDDC, Accounts, Archive  # noqa: E402

PRESETS = os.path.join(ROOT, "contrib", "presets")
FENCED = "created_by: pt@example.com\nacl: {inherit: false, permissions: {pt@example.com: rwcda}}\n"
OWNED = "created_by: operator@example.com\nacl: {permissions: {operator@example.com: rwcda, admin: rwcda}}\n"
# what the tables speak of, beside the preset itself
TREE = {"P/archive/Acme/issued/": None, "P/archive/Acme/staging/": None, "P/archive/Acme/working/pt/.zddc": FENCED, "P/archive/Acme/working/pt/secret.txt": "s\n",
        "free/.zddc": 'acl: {permissions: {"*": rwcd}}\n', "P/core/prd/": None, "P/extensions/lint/": None, "P/controlled/": None, "P/work/": None, "live/.zddc": "environment: prod\n", "live/core/": None}


def presets():
    return sorted(os.path.basename(p)[:-len(".zddc")] for p in glob.glob(os.path.join(PRESETS, "*.zddc")))


def text(name):
    with open(os.path.join(PRESETS, name)) as f:
        return f.read()


def tree_of(preset):
    return dict(TREE, **{".zddc": text(preset + ".zddc")}, **({"P/work/mine/.zddc": OWNED} if preset == "ladder" else {}))


def test_tables():
    """tests/policy/run.py asks the engine, then real users on a mount."""
    for preset in presets():
        case = yaml.load(text(preset + ".test.yaml"), Loader=yaml.BaseLoader)
        case["tree"] = {path: content or "" for path, content in tree_of(preset).items()}
        a = Archive()
        file = a.put("../%s.yaml" % preset, yaml.dump(case))
        p = subprocess.run([sys.executable, os.path.join(ROOT, "tests/policy/run.py"), file], capture_output=True, text=True, timeout=120)
        print(p.stdout, end="")
        T.check(p.returncode == 0 and int(p.stdout.split()[-4]) > 30, preset + ": its table of who may do what", p.stdout[-2000:] + p.stderr[-500:])


def test_tool():
    """What the README says to run."""
    for preset in presets():
        a = Archive(tree_of(preset))
        p = subprocess.run([ZDDC, "check", a.back], capture_output=True, text=True)
        T.check(p.returncode in (0, 1) and ": 0 errors" in p.stdout, preset + ": zddc check", p.stdout + p.stderr)
        p = subprocess.run([ZDDC, "test", "--tree", a.back, os.path.join(PRESETS, preset + ".test.yaml")], capture_output=True, text=True)
        T.equal(p.returncode, 0, preset + ": zddc test, " + p.stdout[-600:] + p.stderr)


def email(mnt):
    return json.loads(read_file(os.path.join(mnt, ".zddc.d/whoami.json")))["email"]


def test_accounts():
    """The example accounts are who the preset says."""
    for preset in presets():
        people = yaml.safe_load(text(preset + ".identities.yaml"))["identities"]
        users = {"zp-" + name: (61201 + i, []) for i, name in enumerate(people)}
        accounts = Accounts(users)
        a = Archive(tree_of(preset))
        a.put(".zddc", tree_of(preset)[".zddc"].replace("\nroles:", "\nacl: {permissions: {'*': r}}\nroles:") if preset == "ladder" else tree_of(preset)[".zddc"].replace("    system_observer: r\n\npaths", "    '*': r\n\npaths"))
        # the accounts of the test have a name of their own, so that none of this machine is touched
        a.put(".zddc.d/identities.yaml", text(preset + ".identities.yaml").replace("\n  ", "\n  zp-"))
        a.mount()
        for i, (name, address) in enumerate(people.items()):
            T.equal(as_user(61201 + i, email, a.mnt), address, "%s: the account %s" % (preset, name))
        a.close()
        accounts.close()


if __name__ == "__main__":
    T.run(test_tables, test_tool, test_accounts)
    T.finish()
