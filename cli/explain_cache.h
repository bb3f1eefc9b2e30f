/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc explain --cache: may the kernel keep the name, and which line makes it so. */
#ifndef CLI_EXPLAIN_CACHE_H
#define CLI_EXPLAIN_CACHE_H

struct cli;
struct place;

/* Of c's PATH, which 'at' has found. An exit status: yes for uniform. */
int explain_cache(const struct cli *c, const struct place *at);

#endif
