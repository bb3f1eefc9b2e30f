/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Private to schemas/: numbers as they are written, compared exactly. Binary fractions would call 0.3 no multiple of 0.1. */
#ifndef SCHEMAS_DECIMAL_H
#define SCHEMAS_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/limits.h"

struct ynode;
struct buf;

/* 0.DIGITS times ten to the power of 'point', digits without zeros at either end; none at all for zero. */
struct decimal {
	bool negative;
	size_t n;
	long long point;
	char digits[LIMIT_SCALAR_BYTES + 1];
};

/* False if the node is no number, or .inf or .nan, or its exponent has more than 9 digits. */
bool decimal_of(const struct ynode *n, struct decimal *out);
int decimal_cmp(const struct decimal *a, const struct decimal *b);
bool decimal_whole(const struct decimal *a);
/* Is a a whole multiple of by? 'by' is over 0 and has at most 18 digits. */
bool decimal_multiple(const struct decimal *a, const struct decimal *by);
/* One text for one value: "-12e-3"; "0". */
void decimal_canonical(const struct decimal *a, struct buf *out);

#endif
