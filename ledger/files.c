/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the files of a ledger are called. */
#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"

void ledger_chain_name(const char *host, unsigned run, char name[LEDGER_NAME_MAX + 1])
{
	snprintf(name, LEDGER_NAME_MAX + 1, "%.64s-%06u", host, run);
}

void ledger_file_name(const char *host, unsigned run, unsigned part, char name[LEDGER_NAME_MAX + 1])
{
	snprintf(name, LEDGER_NAME_MAX + 1, "%.64s-%06u-%04u.jsonl", host, run, part);
}

/* The hyphen before the last n of them, or NULL. */
static const char *hyphen(const char *name, int n)
{
	const char *at = name + strlen(name);
	while (at > name)
		if (*--at == '-' && !n--)
			return at;
	return NULL;
}

bool ledger_file_parse(const char *name, struct ledger_file *out)
{
	const char *end = hyphen(name, 1);
	char again[LEDGER_NAME_MAX + 1];
	struct ledger_file f = {0};
	if (!end || end == name || (size_t)(end - name) >= sizeof(f.host) || sscanf(end, "-%u-%u", &f.run, &f.part) != 2)
		return false;
	memcpy(f.host, name, (size_t)(end - name));
	ledger_file_name(f.host, f.run, f.part, again);
	if (strcmp(name, again) != 0)
		return false;
	*out = f;
	return true;
}

int ledger_file_cmp(const struct ledger_file *a, const struct ledger_file *b)
{
	int host = strcmp(a->host, b->host);
	if (host)
		return host;
	if (a->run != b->run)
		return a->run < b->run ? -1 : 1;
	return a->part == b->part ? 0 : a->part < b->part ? -1 : 1;
}
