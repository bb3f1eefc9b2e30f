/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The parts of zddc audit: each takes the words behind its own and returns an exit status. */
#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include <stddef.h>
#include <stdint.h>

struct chains;
struct cli;
struct ledger_chain;

/* cmd_audit.c: filter and show. */
int audit_show(const struct cli *c, char *const *args, size_t n);
/* The time that an option (enum cli_opt) gives, a date or how long ago, in microseconds; 0 if it is not given. An exit status. */
int audit_time(const struct cli *c, int o, int64_t *us);
/* audit_verify.c */
int audit_verify(const struct cli *c, char *const *args, size_t n);
/* The same for another command: 'said' gets what is wrong, a sentence for each chain; nothing is printed. */
struct buf;
int audit_examine(const struct cli *c, const char *archive, struct buf *said);
int audit_accept(const struct cli *c, char *const *args, size_t n);
/* The end of the chain that begins at file 'from', verified; prints what is wrong with it. An exit status. */
int audit_chain_end(const struct chains *ch, size_t from, struct ledger_chain *end);
/* audit_sign.c */
int audit_checkpoint(const struct cli *c, char *const *args, size_t n);
int audit_prove(const struct cli *c, char *const *args, size_t n);
int audit_check(const struct cli *c, char *const *args, size_t n);
int audit_key(const struct cli *c, char *const *args, size_t n);

#endif
