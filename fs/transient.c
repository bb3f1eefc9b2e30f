/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/transient.h"

#include <string.h>

#include "base/hash.h"

uint64_t transient_hash(const char *name)
{
	uint64_t h = hash64(name, strlen(name));

	return h ? h : 1;
}
