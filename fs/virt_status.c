/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the mount says of itself (.zddc.d/status), whole or as much as anybody may know. */
#include "fs/virt_ask.h"

#include "base/json.h"
#include "fs/audit.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/index.h"
#include "fs/policy.h"
#include "fs/stats.h"
#include "fs/tenant.h"
#include "fs/watch.h"

#ifndef ZDDC_VERSION
#define ZDDC_VERSION "0.1"
#endif

/* Root administrators and auditors see all of it. */
bool ask_sees_all(const struct identity *who, struct node *dir)
{
	struct acl_policy *p = policy_of(dir);
	bool all = policy_none() || acl_is_root_admin(p, &who->who);

	acl_policy_unref(p);
	return (all || gate_is_auditor(who, dir)) && !tenant_is(); /* what is told there is of all projects */
}

struct figure {
	const char *name;
	uint64_t value;
};

static uint64_t uptime(void) { return (uint64_t)(gate_now() - policy_began().tv_sec); }

static size_t figures_all(struct figure *f)
{
	struct index_figures index = index_figures();
	struct watch_figures watch = watch_figures();
	struct gate_counters gate = gate_counters();
	struct pass_figures pass = pass_figures();
	size_t n = 0;

	f[n++] = (struct figure){"generation", policy_generation()};
	f[n++] = (struct figure){"decisions", gate.decisions};
	f[n++] = (struct figure){"refusals", gate.refusals};
	f[n++] = (struct figure){"nodes", nodes_count()};
	f[n++] = (struct figure){"handles", handles_count()};
	f[n++] = (struct figure){"open_dirs", back_open_dirs()};
	f[n++] = (struct figure){"requests", stats_total()};
	f[n++] = (struct figure){"index_directories", index.directories};
	f[n++] = (struct figure){"index_ready", index.ready};
	f[n++] = (struct figure){"index_walked", index.walked};
	f[n++] = (struct figure){"index_walk_ms", index.last_walk_ms};
	f[n++] = (struct figure){"watch_events", watch.events};
	f[n++] = (struct figure){"watch_changes", watch.changes};
	f[n++] = (struct figure){"watch_overflows", watch.overflows};
	f[n++] = (struct figure){"passthrough_opens", pass.opens};
	f[n++] = (struct figure){"passthrough_writable", pass.writable};
	f[n++] = (struct figure){"passthrough_inodes", pass.inodes};
	f[n++] = (struct figure){"passthrough_fallbacks", pass.fallbacks};
	return n;
}

static void pass_text(struct buf *out)
{
	struct pass_figures f = pass_figures();

	buf_addf(out, "passthrough %s%s%s\n", f.live ? "live" : "off", f.live ? "" : ": ", f.why);
}

static void overtaken_text(void *arg, const char *path, const char *who)
{
	buf_addf(arg, "overtaken %s is still open for writing by %s, whom policy does not let write any more\n", path, who);
}

static void pass_json(struct buf *out)
{
	struct pass_figures f = pass_figures();

	json_key(out, "passthrough");
	buf_addc(out, '{');
	json_kv(out, "state", f.live ? "live" : "off");
	json_kv(out, "why", f.live ? NULL : f.why);
	buf_addc(out, '}');
}

static void invalid_text(void *arg, const char *dir, const char *text)
{
	buf_addf(arg, "invalid policy in %s/:\n%s", *dir ? dir : ".", text);
}

static void place_json(struct buf *out, const char *path, const char *key, const char *value)
{
	json_sep(out);
	buf_addc(out, '{');
	json_kv(out, "path", path);
	json_kv(out, key, value);
	buf_addc(out, '}');
}

static void invalid_json(void *arg, const char *dir, const char *text) { place_json(arg, *dir ? dir : ".", "text", text); }

static void overtaken_json(void *arg, const char *path, const char *who) { place_json(arg, path, "who", who); }

static void ledger_text(struct buf *out)
{
	struct audit_figures f;

	audit_figures(&f);
	buf_addf(out, "ledger %s%s%s\n", f.state, *f.why ? ": " : "", f.why);
	buf_addf(out, "ledger_file %s\nledger_seq %llu\nledger_lines %llu\nledger_syncs %llu\nledger_folded %llu\n", f.file, (unsigned long long)f.seq,
		 (unsigned long long)f.lines, (unsigned long long)f.syncs, (unsigned long long)f.folded);
}

static void ledger_json(struct buf *out)
{
	struct audit_figures f;

	audit_figures(&f);
	json_key(out, "ledger");
	buf_addc(out, '{');
	json_kv(out, "state", f.state);
	json_kv(out, "why", *f.why ? f.why : NULL);
	json_kv(out, "chain", f.chain);
	json_kv(out, "file", f.file);
	json_kv_int(out, "seq", (long long)f.seq);
	json_kv_int(out, "bytes", (long long)f.bytes);
	json_kv_int(out, "lines", (long long)f.lines);
	json_kv_int(out, "batches", (long long)f.batches);
	json_kv_int(out, "syncs", (long long)f.syncs);
	json_kv_int(out, "folded", (long long)f.folded);
	json_kv_int(out, "lost", (long long)f.lost);
	buf_addc(out, '}');
}

static void status_text(const struct ask *a, bool all, struct buf *out)
{
	struct figure f[32];
	size_t n = all ? figures_all(f) : 0;

	buf_addf(out, "version %s\nuptime %llu\n", ZDDC_VERSION, (unsigned long long)uptime());
	buf_addf(out, "your decisions %llu\nyour refusals %llu\n",
		 (unsigned long long)__atomic_load_n(&a->who->decisions, __ATOMIC_RELAXED),
		 (unsigned long long)__atomic_load_n(&a->who->refusals, __ATOMIC_RELAXED));
	if (!all)
		return;
	buf_addf(out, "watch %s\n", watch_figures().kind);
	pass_text(out);
	ledger_text(out);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, "%s %llu\n", f[i].name, (unsigned long long)f[i].value);
	elevated_text(out);
	policy_invalid_each(invalid_text, out);
	pass_overtaken_each(overtaken_text, out);
	stats_format(out);
}

static void status_ops(struct buf *out)
{
	json_key(out, "operations");
	buf_addc(out, '{');
	for (int i = 0; i < OP_COUNT; i++) {
		struct stats_row row = stats_row((enum op_id)i);

		if (!row.count)
			continue;
		json_key(out, stats_name((enum op_id)i));
		buf_addc(out, '{');
		json_kv_int(out, "count", (long long)row.count);
		json_kv_int(out, "errors", (long long)row.errors);
		json_kv_int(out, "p50_us", (long long)row.p50_us);
		json_kv_int(out, "p99_us", (long long)row.p99_us);
		buf_addc(out, '}');
	}
	buf_addc(out, '}');
}

static void status_json(const struct ask *a, bool all, struct buf *out)
{
	struct figure f[32];
	size_t n = all ? figures_all(f) : 0;

	buf_addc(out, '{');
	json_kv(out, "version", ZDDC_VERSION);
	json_kv_int(out, "uptime", (long long)uptime());
	json_key(out, "counters");
	buf_addc(out, '{');
	json_kv_int(out, "decisions", (long long)__atomic_load_n(&a->who->decisions, __ATOMIC_RELAXED));
	json_kv_int(out, "refusals", (long long)__atomic_load_n(&a->who->refusals, __ATOMIC_RELAXED));
	buf_addc(out, '}');
	if (all) {
		json_kv(out, "watch", watch_figures().kind);
		pass_json(out);
		ledger_json(out);
		elevated_json(out);
		for (size_t i = 0; i < n; i++)
			json_kv_int(out, f[i].name, (long long)f[i].value);
		json_key(out, "invalid");
		buf_addc(out, '[');
		policy_invalid_each(invalid_json, out);
		buf_addc(out, ']');
		json_key(out, "overtaken");
		buf_addc(out, '[');
		pass_overtaken_each(overtaken_json, out);
		buf_addc(out, ']');
		status_ops(out);
	}
	buf_adds(out, "}\n");
}

void make_status(const struct ask *a, struct buf *out)
{
	bool all = ask_sees_all(a->who, a->dir);

	if (a->format == ACL_JSON)
		status_json(a, all, out);
	else
		status_text(a, all, out);
}
