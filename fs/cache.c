/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/cache.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/caller.h"
#include "fs/gate.h"
#include "fs/node.h"
#include "fs/policy.h"

void cache_explain(const struct identity *who, struct node *dir, const char *name, bool is_dir, enum acl_format format, struct buf *out)
{
	AUTO_FREE char *path = node_path(dir), *shown = node_path_in(dir, name);
	AUTO_BUF why = BUF_INIT;
	struct acl_view view = gate_view(who);
	enum acl_class class = acl_snap_class_of(policy_snap(), path, name, is_dir, &view, &why);

	acl_class_show(class, shown, buf_str(&why), format, out);
}
