/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The JSON Schema (draft 2020-12) of a policy document, made from acl/keys.def and its neighbours. */
#ifndef CLI_POLICY_SCHEMA_H
#define CLI_POLICY_SCHEMA_H

struct buf;

/* Appends it as YAML. It refuses nothing that a mount accepts; a mount looks closer. */
void policy_schema(struct buf *out);

#endif
