/* SPDX-License-Identifier: GPL-3.0-or-later */
/* libFuzzer on names: what parses is written back byte for byte; what is refused says why; comparing is an order. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "schemas/docname.h"

#define must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

static void document(const char *name, struct docname *n, bool *valid)
{
	struct docname_error why = {.text = ""};
	AUTO_BUF again = BUF_INIT;

	*valid = docname_parse(name, n, &why) == 0;
	must(*valid == !docname_check_file(name, NULL));
	if (!*valid) {
		must(why.text[0] && !strchr(why.text, '\n') && why.part < DOCPART_COUNT);
		return;
	}
	docname_format(n, &again);
	must(!strcmp(buf_str(&again), name));
	must(docname_cmp(n, n) == 0 && docrev_cmp(&n->revision, &n->revision) == 0);
	must(docname_tracking_check(n->tracking, NULL) == 0);
}

static void directory(const char *name)
{
	struct transmittal t;
	struct docname_error why = {.text = ""};
	AUTO_BUF again = BUF_INIT;

	if (docname_check_dir(name, &why)) {
		must(why.text[0] && !strchr(why.text, '\n') && why.part < DOCPART_COUNT);
		must(transmittal_parse(name, &t, NULL) && docname_tracking_check(name, NULL));
	}
	if (transmittal_parse(name, &t, NULL))
		return;
	transmittal_format(&t, &again);
	must(!strcmp(buf_str(&again), name) && !docname_check_dir(name, NULL));
}

static void revisions(const struct docrev *a, const struct docrev *b)
{
	AUTO_BUF x = BUF_INIT, y = BUF_INIT;
	struct docrev again;
	int c = docrev_cmp(a, b), d = docrev_cmp(b, a);

	docrev_format(a, &x);
	docrev_format(b, &y);
	must((c < 0) == (d > 0) && (c > 0) == (d < 0));
	must((c == 0) == !strcmp(buf_str(&x), buf_str(&y)));
	must(docrev_parse(buf_str(&x), &again, NULL) == 0 && docrev_cmp(a, &again) == 0);
}

/* Up to three names or revisions, one a line. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct docrev rev[6];
	size_t n = 0;
	char *text = malloc(size + 1), *save = NULL;

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	for (char *line = strtok_r(text, "\n", &save); line && n + 1 < 6; line = strtok_r(NULL, "\n", &save)) {
		struct docname name;
		bool valid;
		document(line, &name, &valid);
		directory(line);
		if (valid)
			rev[n++] = name.revision;
		n += docrev_parse(line, &rev[n], NULL) == 0;
	}
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			revisions(&rev[i], &rev[j]);
			for (size_t k = 0; k < n; k++)
				must(!(docrev_cmp(&rev[i], &rev[j]) < 0 && docrev_cmp(&rev[j], &rev[k]) < 0) ||
				     docrev_cmp(&rev[i], &rev[k]) < 0);
		}
	free(text);
	return 0;
}
