/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The bytes that defaults/embed.sh makes of schemas/default-*.yaml, each followed by one NUL that the length does not count. */
#ifndef SCHEMAS_EMBEDDED_H
#define SCHEMAS_EMBEDDED_H

#include <stddef.h>

#define EMBEDDED(symbol, file) \
	extern const char symbol[]; \
	extern const size_t symbol##_len;
#include "schemas/embedded.def"
#undef EMBEDDED

#endif
