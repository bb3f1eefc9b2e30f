/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schemas/embedded.h"

#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "schemas/schemas.h"

static const struct {
	const char *file, *text;
	const size_t *len;
} embedded[] = {
#define EMBEDDED(symbol, file) {file, symbol, &symbol##_len},
#include "schemas/embedded.def"
#undef EMBEDDED
};

const char *schemas_embedded(const char *file, size_t *len)
{
	for (size_t i = 0; i < sizeof(embedded) / sizeof(embedded[0]); i++)
		if (!strcmp(embedded[i].file, file)) {
			*len = *embedded[i].len;
			return embedded[i].text;
		}
	return NULL;
}

const char *schemas_embedded_name(size_t i) { return i < sizeof(embedded) / sizeof(embedded[0]) ? embedded[i].file : NULL; }

void schemas_rollup_file(const char *form, const char *kind, struct buf *out)
{
	static const char prefix[] = "default-";
	size_t start = out->len, len;
	if (str_starts(form, prefix)) {
		buf_addf(out, "%sproject-%s.%s.yaml", prefix, form + sizeof(prefix) - 1, kind);
		if (schemas_embedded(buf_str(out) + start, &len))
			return;
		out->len = start;
		out->data[start] = '\0';
	}
	buf_addf(out, "%s.%s.yaml", form, kind);
}
