/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "schemas/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "base/ynode.h"

static const char digit_set[] = "0123456789";

/* Zeros at both ends say nothing but where the point is. */
static void normalise(struct decimal *d)
{
	size_t lead = strspn(d->digits, "0");
	if (lead) {
		memmove(d->digits, d->digits + lead, d->n - lead + 1);
		d->n -= lead;
		d->point -= (long long)lead;
	}
	while (d->n && d->digits[d->n - 1] == '0')
		d->digits[--d->n] = '\0';
	if (!d->n) {
		d->negative = false;
		d->point = 0;
	}
}

static void add_digits(struct decimal *d, const char **s)
{
	size_t n = strspn(*s, digit_set);
	memcpy(d->digits + d->n, *s, n);
	d->n += n;
	d->digits[d->n] = '\0';
	*s += n;
}

/* "e-12"; a text of digits that long is no number anybody means. */
static bool add_exponent(struct decimal *d, const char *s)
{
	if (!*s)
		return true;
	s++;
	bool minus = *s == '-';
	s += *s == '-' || *s == '+';
	s += strspn(s, "0");
	if (strlen(s) > 9)
		return false;
	long long e = *s ? strtoll(s, NULL, 10) : 0;
	d->point += minus ? -e : e;
	return true;
}

/* 0x1F and 0o17 of YAML 1.2; over 64 bits they count as the largest that fits. */
static void other_base(struct decimal *d, const char *s)
{
	unsigned long long v = strtoull(s + 2, NULL, s[1] == 'x' ? 16 : 8);
	d->n = (size_t)snprintf(d->digits, sizeof(d->digits), "%llu", v);
	d->point = (long long)d->n;
}

bool decimal_of(const struct ynode *n, struct decimal *d)
{
	if (n->kind != Y_SCALAR || (n->type != Y_INT && n->type != Y_FLOAT) || n->len > LIMIT_SCALAR_BYTES)
		return false;
	const char *s = n->text;
	*d = (struct decimal){.negative = *s == '-'};
	s += *s == '-' || *s == '+';
	if (str_starts(s, "0x") || str_starts(s, "0o")) {
		other_base(d, s);
	} else {
		add_digits(d, &s);
		d->point = (long long)d->n;
		if (*s == '.') {
			s++;
			add_digits(d, &s);
		}
		if (!d->n || (*s && *s != 'e' && *s != 'E') || !add_exponent(d, s))
			return false; /* .inf, .nan */
	}
	normalise(d);
	return true;
}

static int magnitude_cmp(const struct decimal *a, const struct decimal *b)
{
	if (!a->n || !b->n)
		return (a->n > 0) - (b->n > 0);
	if (a->point != b->point)
		return a->point < b->point ? -1 : 1;
	return strcmp(a->digits, b->digits); /* the shorter one that is a beginning of the other is less, as it should be */
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	if (a->negative != b->negative)
		return a->negative ? -1 : 1;
	int c = magnitude_cmp(a, b);
	return a->negative ? -c : c;
}

bool decimal_whole(const struct decimal *a) { return a->point >= (long long)a->n; }

static unsigned long long mod_of_digits(const struct decimal *a, unsigned long long by)
{
	unsigned __int128 r = 0;
	for (size_t i = 0; i < a->n; i++)
		r = (r * 10 + (unsigned)(a->digits[i] - '0')) % by;
	return (unsigned long long)r;
}

/* 10 to the power of e, modulo by. */
static unsigned long long power_of_ten(long long e, unsigned long long by)
{
	unsigned __int128 result = 1 % by, base = 10 % by;
	for (; e; e >>= 1) {
		if (e & 1)
			result = result * base % by;
		base = base * base % by;
	}
	return (unsigned long long)result;
}

bool decimal_multiple(const struct decimal *a, const struct decimal *by)
{
	/* a = A * 10^e, by = B * 10^f with whole A and B that do not end in 0 */
	long long e = a->point - (long long)a->n, f = by->point - (long long)by->n;
	if (!a->n)
		return true;
	if (e < f)
		return false; /* A would have to be divisible by ten */
	unsigned long long b = strtoull(by->digits, NULL, 10);
	unsigned __int128 r = (unsigned __int128)mod_of_digits(a, b) * power_of_ten(e - f, b);
	return r % b == 0;
}

void decimal_canonical(const struct decimal *a, struct buf *out)
{
	if (!a->n)
		buf_addc(out, '0');
	else
		buf_addf(out, "%s%se%lld", a->negative ? "-" : "", a->digits, a->point - (long long)a->n);
}
