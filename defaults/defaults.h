/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The built-in policy (SPEC section 8), compiled in from defaults/defaults.zddc.yaml by defaults/embed.sh. */
#ifndef ZDDC_DEFAULTS_DEFAULTS_H
#define ZDDC_DEFAULTS_DEFAULTS_H

#include <stddef.h>

/* The bytes of the file, followed by one NUL that the length does not count. Read only, any thread, never freed. */
extern const char defaults_zddc_yaml[];
extern const size_t defaults_zddc_yaml_len;

/* Its transient: list alone, for where policy says nothing of it (defaults/list.sh). */
extern const char *const defaults_transient[];
extern const size_t defaults_transient_len;

#endif
