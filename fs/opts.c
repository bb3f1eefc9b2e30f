/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/opts.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"

enum opt_kind { OPT_KIND_TEXT, OPT_KIND_FLAG, OPT_KIND_KERNEL, OPT_KIND_PLAIN, OPT_KIND_LATER };

static const struct opt {
	const char *name;
	enum opt_kind kind;
	size_t field; /* offset in struct options */
	const char *argument, *meaning;
} table[] = {
#define OPT_TEXT(name, field, argument, meaning) {name, OPT_KIND_TEXT, offsetof(struct options, field), argument, meaning},
#define OPT_FLAG(name, field, meaning) {name, OPT_KIND_FLAG, offsetof(struct options, field), NULL, meaning},
#define OPT_KERNEL(name, field, meaning) {name, OPT_KIND_KERNEL, offsetof(struct options, field), NULL, meaning},
#define OPT_PLAIN(name, meaning) {name, OPT_KIND_PLAIN, 0, NULL, meaning},
#define OPT_LATER(name, meaning) {name, OPT_KIND_LATER, 0, NULL, meaning},
#include "fs/opts.def"
#undef OPT_TEXT
#undef OPT_FLAG
#undef OPT_KERNEL
#undef OPT_PLAIN
#undef OPT_LATER
};

/* The row of that name; "defaults" is two rows, told apart by whether it has a value. */
static const struct opt *find(const char *name, bool has_value)
{
	const struct opt *found = NULL;

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (!strcmp(table[i].name, name) && (!found || (table[i].kind == OPT_KIND_TEXT) == has_value))
			found = &table[i];
	return found;
}

static int unknown(const char *name)
{
	const char *names[ARRAY_LEN(table)];

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		names[i] = table[i].name;
	const char *near = str_nearest(name, names, ARRAY_LEN(table));

	if (near)
		log_err("unknown option \"%s\": did you mean \"%s\"? (zddcfs --help lists all)", name, near);
	else
		log_err("unknown option \"%s\" (zddcfs --help lists all)", name);
	return -EINVAL;
}

static bool for_mount_tools(const char *name)
{
	return str_starts(name, "x-") || str_starts(name, "X-") || !*name;
}

static int set(const struct opt *opt, const char *value, struct options *o)
{
	void *field = (char *)o + opt->field;

	switch (opt->kind) {
	case OPT_KIND_TEXT:
		if (!value || !*value) {
			log_err("option \"%s\" needs a value: %s=%s", opt->name, opt->name, opt->argument);
			return -EINVAL;
		}
		*(const char **)field = value;
		return 0;
	case OPT_KIND_FLAG:
	case OPT_KIND_KERNEL:
		*(bool *)field = true;
		break;
	case OPT_KIND_PLAIN:
		return 0;
	case OPT_KIND_LATER:
		log_err("option \"%s\" is not available in this version (%s)", opt->name, opt->meaning);
		return -EINVAL;
	}
	if (value) {
		log_err("option \"%s\" takes no value", opt->name);
		return -EINVAL;
	}
	return 0;
}

/* "a,b=c": cut in place. */
static int parse_list(char *list, struct options *o)
{
	for (char *word; (word = strsep(&list, ","));) {
		char *value = strchr(word, '=');
		const struct opt *opt;
		int r;

		if (for_mount_tools(word))
			continue;
		if (value)
			*value++ = 0;
		opt = find(word, value != NULL);
		r = opt ? set(opt, value, o) : o->sloppy ? 0 : unknown(word);
		if (r < 0)
			return r;
	}
	return 0;
}

/* False after a sentence. */
static bool only_value(const char *name, const char *value, const char *only)
{
	if (!value || !strcmp(value, only))
		return true;
	log_err("option \"%s\": the only value is \"%s\"", name, only);
	return false;
}

static int check(struct options *o)
{
	if (!only_value("policy", o->policy, "none") || !only_value("ledger", o->ledger, "off") || !only_value("revoke", o->revoke, "strict") ||
	    !only_value("passthrough", o->passthrough, "off"))
		return -EINVAL;
	o->policy_none = o->policy != NULL;
	if (o->policy_none && !o->insecure) {
		log_err("policy=none lets every user do everything: add the option \"insecure\" if that is meant");
		return -EINVAL;
	}
	o->ledger_off = o->ledger != NULL;
	if (o->ledger_off && !o->insecure) {
		log_err("ledger=off keeps no record of what is done: add the option \"insecure\" if that is meant");
		return -EINVAL;
	}
	if (o->ledger_rotate && (o->ledger_rotate[strspn(o->ledger_rotate, "0123456789")] || strlen(o->ledger_rotate) > 6)) {
		log_err("option \"ledger_rotate\" is a number of MiB");
		return -EINVAL;
	}
	if (geteuid() == 0)
		o->allow_other = true;
	return 0;
}

/* One letter; 'helper' when we run as mount.zddc, where -f means "do everything but mount". */
static int letter(int c, bool helper, struct options *o)
{
	switch (c) {
	case 'f':
		*(helper ? &o->fake : &o->foreground) = true;
		return 0;
	case 'd':
		o->debug = o->foreground = true;
		return 0;
	case 'V':
		o->version = true;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	case 's':
		o->sloppy = true;
		return 0;
	case 'n':
	case 'v':
	case 't':
	case 'N':
		return 0; /* mount(8) says these to its helpers */
	case 'o':
		return parse_list(optarg, o); /* argv stays: the values point into it */
	}
	log_err("see zddcfs --help");
	return -EINVAL;
}

static bool is_helper(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	return str_starts(slash ? slash + 1 : argv0, "mount.");
}

/* getopt(3) knows only letters. */
static void long_words(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--help"))
			argv[i] = (char *)(uintptr_t) "-h";
		if (!strcmp(argv[i], "--version"))
			argv[i] = (char *)(uintptr_t) "-V";
	}
}

int options_parse(int argc, char **argv, struct options *o)
{
	int c, r;

	*o = (struct options){0};
	long_words(argc, argv);
	while ((c = getopt(argc, argv, "fdVhsnvo:t:N:")) != -1) {
		r = letter(c, is_helper(argv[0]), o);
		if (r < 0)
			return r;
	}
	if (o->version || o->help)
		return 0;
	if (argc - optind != 2) {
		log_err("usage: zddcfs [-f] [-d] [-V] [-h] [-o OPTIONS] ARCHIVE MOUNTPOINT");
		return -EINVAL;
	}
	o->archive = argv[optind];
	o->mountpoint = argv[optind + 1];
	return check(o);
}

static void help_row(struct buf *out, const struct opt *opt)
{
	AUTO_BUF word = BUF_INIT;

	buf_adds(&word, opt->name);
	if (opt->argument)
		buf_addf(&word, "=%s", opt->argument);
	buf_addf(out, "  %-20s %s\n", buf_str(&word), opt->meaning);
}

void options_help(struct buf *out)
{
	buf_adds(out, "usage: zddcfs [-f] [-d] [-V] [-h] [-o OPTIONS] ARCHIVE MOUNTPOINT\n\n"
		      "Mounts the project archive ARCHIVE at MOUNTPOINT; every operation is decided by its .zddc files for the calling user.\n\n"
		      "  -f   stay in the foreground     -V   version\n"
		      "  -d   ... and show each request  -h   this help\n\nOptions (-o a,b=c):\n");
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].kind != OPT_KIND_PLAIN && table[i].kind != OPT_KIND_LATER)
			help_row(out, &table[i]);
	buf_adds(out, "\nOrdinary mount options are accepted as well:");
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].kind == OPT_KIND_PLAIN)
			buf_addf(out, " %s", table[i].name);
	buf_adds(out, " x-*\n");
}

char *options_for_kernel(const struct options *o)
{
	struct buf out = BUF_INIT;

	buf_adds(&out, "fsname=zddc,subtype=zddcfs,nosuid,nodev");
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (table[i].kind == OPT_KIND_KERNEL && *(const bool *)((const char *)o + table[i].field))
			buf_addf(&out, ",%s", table[i].name);
	return buf_steal(&out);
}
