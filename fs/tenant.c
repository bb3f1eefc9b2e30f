/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/tenant.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/log.h"
#include "fs/back.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/opts.h"
#include "fs/policy.h"

static const char *tenant; /* NULL: all projects are shown */

int tenant_init(const struct options *o)
{
	struct stat st;

	if (!o->tenant)
		return 0;
	if (!*o->tenant || name_class(o->tenant) != NAME_ORDINARY || strchr(o->tenant, '/') || back_path_stat(o->tenant, &st) < 0 || !S_ISDIR(st.st_mode)) {
		log_err("tenant=%s is no project: name a folder at the top of the archive", o->tenant);
		return -EINVAL;
	}
	tenant = o->tenant;
	return 0;
}

bool tenant_is(void) { return tenant; }

static bool is_other(const char *name, size_t n)
{
	static const char *const own[] = {".zddc", ".zddc.d"};

	for (size_t i = 0; i < 2; i++)
		if (strlen(own[i]) == n && !memcmp(own[i], name, n))
			return false;
	return strlen(tenant) != n || memcmp(tenant, name, n) != 0;
}

bool tenant_hides(const char *path)
{
	return tenant && *path && strcmp(path, ".") != 0 && is_other(path, strcspn(path, "/"));
}

bool tenant_hides_in(const struct node *dir, const char *name)
{
	if (!tenant)
		return false;
	for (; dir->parent; dir = dir->parent)
		name = dir->name;
	return name && is_other(name, strlen(name));
}

void tenant_show(const struct node *n, struct stat *shown)
{
	if (!tenant || n->parent)
		return;
	shown->st_size = 4096;
	shown->st_blocks = 8;
	shown->st_atim = shown->st_mtim = shown->st_ctim = policy_began();
}

void tenant_statfs(struct statvfs *st)
{
	if (!tenant)
		return;
	st->f_blocks = st->f_bfree = st->f_bavail;
	st->f_files = st->f_ffree = st->f_favail;
}
