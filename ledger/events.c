/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The vocabulary of the ledger as a table. */
#include <string.h>

#include "ledger/ledger.h"

#define ALWAYS LEDGER_ALWAYS
#define FOLDED LEDGER_FOLDED
#define READS LEDGER_READS

const struct ledger_event_info ledger_events[LEDGER_EVENT_COUNT] = {
#define EVENT(id, name, when, synced, text) {name, when, synced, text},
#include "ledger/events.def"
#undef EVENT
};

bool ledger_event_find(const char *name, size_t n, enum ledger_event *out)
{
	for (int i = 0; i < LEDGER_EVENT_COUNT; i++)
		if (!strncmp(ledger_events[i].name, name, n) && !ledger_events[i].name[n]) {
			*out = (enum ledger_event)i;
			return true;
		}
	return false;
}
