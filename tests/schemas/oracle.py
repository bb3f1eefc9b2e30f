#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""oracle.py < CASES: one line of JSON, [schema, data], for each case; prints 1 (valid) or 0 for each, by the jsonschema package."""
import json
import sys

from jsonschema import Draft202012Validator

for line in sys.stdin:
    schema, data = json.loads(line)
    print(1 if Draft202012Validator(schema).is_valid(data) else 0)
