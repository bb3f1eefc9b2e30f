/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that tools give to files they are still making (SPEC section 5.5). */
#include <string.h>

#include "acl/acl.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/ynode.h"
#include "defaults/defaults.h"

/* Of whatever list, those that everybody with r sees, because they tell others that a file is being edited. */
static const char *const locks[] = {"~$*", ".~lock.*#"};

static const char SPECIAL[] = "*?[\\";

/* Each name of each listing comes here: no pattern machine for globs that say how a name begins, or only how it ends. */
static bool matches(const char *glob, const char *name)
{
	if (*glob == '*' && !strpbrk(glob + 1, SPECIAL))
		return str_ends(name, glob + 1);
	if (*glob && !strchr(SPECIAL, *glob) && *glob != *name)
		return false;
	return str_glob(glob, name, GLOB_BYTE | GLOB_SET);
}

static bool in_list(const char *const *globs, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (matches(globs[i], name))
			return true;
	return false;
}

bool acl_is_transient(const struct acl_policy *p, const char *name)
{
	struct acl_value list = p ? acl_get(p, ACL_KEY_TRANSIENT) : (struct acl_value){0};

	if (!list.node)
		return in_list(defaults_transient, defaults_transient_len, name);
	if (list.node->kind == Y_SCALAR)
		return matches(list.node->text, name);
	ynode_each(glob, list.node)
		if (glob->kind == Y_SCALAR && matches(glob->text, name))
			return true;
	return false;
}

bool acl_is_transient_lock(const char *name)
{
	return in_list(locks, ARRAY_LEN(locks), name);
}
