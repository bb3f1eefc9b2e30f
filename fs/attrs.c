/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/attrs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "fs/current.h"
#include "fs/gate.h"
#include "fs/opts.h"
#include "fs/session.h"

enum { URI_MOST = 2000 };

static struct {
	const char *environment; /* NULL: not said */
	bool required;
	char origin[URI_MOST]; /* "zddc://HOST/MOUNT/POINT"; "" if that is too long */
} mine;

/* Appends in URI form, or says that there is no room. */
static bool add_escaped(char *out, size_t size, const char *text)
{
	static const char plain[] = "-._~/@+,=:";
	size_t n = strlen(out);

	for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
		bool letter = (*c | 32) >= 'a' && (*c | 32) <= 'z', digit = *c >= '0' && *c <= '9';

		if (n + 4 > size)
			return false;
		n += (size_t)snprintf(out + n, size - n, letter || digit || strchr(plain, *c) ? "%c" : "%%%02X", *c);
	}
	return true;
}

/* Conditions compare to the byte, so there is one spelling. */
static bool environment_ok(const char *s)
{
	return *s && s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.")] == '\0';
}

int attrs_init(const struct options *o, const char *mountpoint)
{
	char host[256] = "localhost";

	if (o->environment && !environment_ok(o->environment)) {
		log_err("environment=%s: write small letters and digits, as dev, test, staging or prod", o->environment);
		return -EINVAL;
	}
	mine.environment = o->environment;
	mine.required = o->require_attributes;
	gethostname(host, sizeof(host) - 1);
	snprintf(mine.origin, sizeof(mine.origin), "zddc://");
	if (!add_escaped(mine.origin, sizeof(mine.origin), host) || !add_escaped(mine.origin, sizeof(mine.origin), mountpoint))
		mine.origin[0] = '\0';
	return 0;
}

const char *attrs_provenance(const struct identity *who)
{
	static _Thread_local char text[URI_MOST + PATH_MAX];
	const char *declared = identity_provenance(who), *exe = current_exe();

	if (declared || !*mine.origin)
		return declared;
	snprintf(text, sizeof(text), "%s%s", mine.origin, exe ? "?exe=" : "");
	return !exe || add_escaped(text, sizeof(text), exe) ? text : NULL;
}

static const char *ask_provenance(const void *who) { return attrs_provenance(who); }

struct acl_attrs attrs_of(const struct identity *who)
{
	return (struct acl_attrs){
		.now = gate_now(),
		.environment = mine.environment,
		.provenance = identity_provenance(who),
		.ask_provenance = ask_provenance,
		.arg = who,
		.risk_score = identity_risk(who),
	};
}

void attrs_keep(struct acl_attrs *a, const struct identity *who, bool asked)
{
	const char *provenance = asked ? attrs_provenance(who) : NULL;

	a->provenance = provenance ? strdup(provenance) : NULL;
	a->ask_provenance = NULL;
}

bool attrs_missing(const struct identity *who) { return mine.required && !identity_provenance(who); }

bool attrs_provenance_ok(const char *uri)
{
	size_t n = strlen(uri), scheme = strspn(uri, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-.");

	if (n > URI_MOST || !scheme || uri[scheme] != ':' || !uri[scheme + 1] || (uri[0] | 32) < 'a' || (uri[0] | 32) > 'z')
		return false;
	for (const unsigned char *c = (const unsigned char *)uri; *c; c++)
		if (*c <= ' ' || *c >= 0x7f || strchr("<>\"{}|\\^`", *c))
			return false;
	return true;
}
