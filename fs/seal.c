/* SPDX-License-Identifier: GPL-3.0-or-later */
/* States, the judgement, the predicate. The life of one file is in seal_life.c, moves in seal_move.c, the background in reap.c. */
#include "fs/seal.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/ynode.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/journal.h"
#include "fs/names.h"
#include "fs/node.h"
#include "fs/policy.h"
#include "fs/reap.h"
#include "fs/transient.h"

enum clock { ALWAYS, RELEASED, SINCE, GRACE };

static const struct {
	enum seal_state state;
	enum seal_act act;
	enum clock clock;
	int seconds;
} lets[] = {
#define SEAL_STATE(...)
#define MAY(state, act, clock, seconds) {SEAL_##state, ACT_##act, clock, seconds},
#include "fs/seal.def"
#undef SEAL_STATE
#undef MAY
};

static const char *const meanings[SEAL_STATES] = {
#define SEAL_STATE(id, word, meaning) [SEAL_##id] = meaning,
#define MAY(...)
#include "fs/seal.def"
#undef SEAL_STATE
#undef MAY
};

enum { EMPTY_FOR = 600, GRACE_MOST = 600, FLIGHTS_MOST = 100000 };

/* ------------------------------------------------------------------------------------------------ judging: pure */

long long seal_grace_end(const struct seal_record *rec, long long seal_grace)
{
	long long end = rec->released + seal_grace, most = rec->made + GRACE_MOST;

	if (rec->final || seal_grace <= 0 || !rec->released)
		return 0;
	return end < most ? end : most;
}

/* Closed by its writer. */
static enum seal_state at_rest(const struct seal_facts *f)
{
	if (f->rec->explicit)
		return SEAL_SEALED;
	return !f->zone || f->now < seal_grace_end(f->rec, f->seal_grace) ? SEAL_CLOSED : SEAL_SEALED;
}

static enum seal_state being_written(const struct seal_facts *f)
{
	if (f->killed || f->torn_here)
		return SEAL_TORN;
	return f->size ? SEAL_OPEN : SEAL_EMPTY;
}

static enum seal_state judge_open(const struct seal_facts *f)
{
	if (f->rec->boot != f->boot)
		return SEAL_TORN; /* the daemon that had it open died before the release */
	if (f->writers)
		return being_written(f);
	if (f->torn_here)
		return SEAL_TORN;
	return f->size ? at_rest(f) : SEAL_EMPTY; /* its release is on the way, or could not be written down */
}

static enum seal_state judge_empty(const struct seal_facts *f)
{
	if (f->writers)
		return being_written(f);
	if (f->size)
		return at_rest(f);
	return f->rec->released && f->now >= f->rec->released + EMPTY_FOR ? at_rest(f) : SEAL_EMPTY;
}

/* Without a hash yet, a size that is not the sealed one is what a power cut left; with one, somebody changed it behind the mount. */
static enum seal_state judge_sealed(const struct seal_facts *f)
{
	if (f->size != f->rec->size)
		return *f->rec->sha256 || f->rec->boot == f->boot ? SEAL_ALTERED : SEAL_TORN;
	return *f->rec->sha256 && f->mtime != f->rec->mtime ? SEAL_ALTERED : SEAL_SEALED;
}

enum seal_state seal_judge(const struct seal_facts *f)
{
	if (!f->recorded || (f->rec->zone != f->zone && !f->rec->explicit && !f->writers && !seal_record_bound(f->rec, f->now)))
		return f->zone ? SEAL_SEALED : SEAL_FREE;
	switch (f->rec->state) {
	case SEAL_OPEN:
		return judge_open(f);
	case SEAL_EMPTY:
		return judge_empty(f);
	case SEAL_TORN:
		return f->writers ? being_written(f) : SEAL_TORN;
	case SEAL_TRANSIENT:
		if (f->named)
			return SEAL_TRANSIENT;
		if (f->writers) /* its commit was interrupted before it was written down */
			return being_written(f);
		return f->size ? at_rest(f) : SEAL_EMPTY;
	case SEAL_CLOSED:
		return f->writers ? being_written(f) : at_rest(f);
	case SEAL_SEALED:
		return judge_sealed(f);
	case SEAL_ALTERED:
		return SEAL_ALTERED;
	case SEAL_FREE:
	case SEAL_STATES:
		break;
	}
	return f->zone ? SEAL_SEALED : SEAL_FREE;
}

static bool in_time(enum clock c, int seconds, const struct seal_record *rec, long long now, long long seal_grace)
{
	switch (c) {
	case ALWAYS:
		return true;
	case RELEASED:
		return !rec->released || now < rec->released + seconds;
	case SINCE:
		return !rec->since || now < rec->since + seconds;
	case GRACE:
		return now < seal_grace_end(rec, seal_grace);
	}
	return false;
}

bool seal_state_lets(enum seal_state s, enum seal_act act, const struct seal_record *rec, long long now, long long seal_grace)
{
	for (size_t i = 0; i < ARRAY_LEN(lets); i++)
		if (lets[i].state == s && lets[i].act == act && in_time(lets[i].clock, lets[i].seconds, rec, now, seal_grace))
			return true;
	return false;
}

/* ------------------------------------------------------------------------------------------------ looking */

long long seal_grace_of(const struct acl_policy *p)
{
	struct acl_value v = acl_get(p, ACL_KEY_SEAL_GRACE);
	long long s = 0;

	return v.node && v.node->kind == Y_SCALAR && str_duration(v.node->text, &s) ? s : 0;
}

/* Has it come to light here that the file is torn, while its record could not be rewritten? */
static bool known_torn(uint64_t ino)
{
	struct flight f;
	bool torn;

	if (!journal_get(ino, &f))
		return false;
	torn = f.state == SEAL_TORN;
	free(f.path);
	return torn;
}

static bool read_at(int dirfd, const char *name, struct seal_record *out)
{
	char text[SEAL_RECORD_MAX];
	ssize_t n = back_getxattr(dirfd, name, SEAL_RECORD_ATTR, text, sizeof(text));

	return n > 0 && seal_record_parse(text, (size_t)n, out);
}

static void ask_handles(struct node *n, uint64_t ino, struct seal_facts *f)
{
	if (n && !n->gone && n->kind == NODE_FILE && n->ref.ino == ino)
		handle_watchers(n, &f->writers, &f->killed);
}

int seal_look(struct acl_policy *p, int dirfd, const char *name, struct node *n, const struct identity *who, struct seal_view *out)
{
	struct seal_facts f = {.zone = acl_is_zone(p), .now = gate_now(), .seal_grace = seal_grace_of(p), .boot = seal_boot()};
	int r;

	*out = (struct seal_view){.zone = f.zone, .seal_grace = f.seal_grace};
	if (name_class(name) == NAME_POLICY || name_class(name) == NAME_CONTROL)
		return -ENOENT; /* the daemon's own have no such life */
	r = back_stat(dirfd, name, &out->st);
	if (r < 0)
		return r;
	if (!S_ISREG(out->st.st_mode))
		return -ENOENT;
	f.recorded = read_at(dirfd, name, &out->rec);
	f.rec = &out->rec;
	f.size = out->st.st_size;
	f.mtime = clock_ns(out->st.st_mtim);
	ask_handles(n, out->st.st_ino, &f);
	f.named = f.recorded && out->rec.state == SEAL_TRANSIENT && (out->rec.as == transient_hash(name) || transient_name(p, name));
	f.torn_here = f.recorded && out->rec.state == SEAL_OPEN && !f.writers && known_torn(out->st.st_ino);
	out->state = seal_judge(&f);
	out->recorded = f.recorded;
	out->writers = f.writers;
	out->mine = f.recorded && who && person_is(&out->rec.creator, who);
	return 0;
}

int seal_look_in(struct node *dir, const char *name, const struct identity *who, struct seal_view *out)
{
	struct acl_policy *p;
	struct node *n;
	int fd, r = dir->kind == NODE_DIR ? back_dir_get(dir, &fd) : -ENOENT;

	if (r < 0)
		return r;
	p = policy_of(dir);
	n = node_find(dir, name);
	r = seal_look(p, fd, name, n, who, out);
	node_put(n);
	acl_policy_unref(p);
	back_dir_put(dir, fd);
	return r;
}

/* ------------------------------------------------------------------------------------------------ saying it */

static void add_time(struct buf *out, const char *before, long long at)
{
	char text[32];

	if (!at)
		return;
	str_time_format(at, text);
	buf_addf(out, "%s%s", before, text);
}

static void describe_sealed(const struct seal_view *v, struct buf *out)
{
	add_time(out, " since ", v->rec.since ? v->rec.since : v->rec.released);
	if (v->recorded) {
		buf_adds(out, ", made by ");
		person_show(&v->rec.creator, out);
	} else {
		buf_adds(out, " (it was there when nobody called it anything else)");
	}
	if (*v->rec.filer.email) {
		buf_adds(out, ", filed by ");
		person_show(&v->rec.filer, out);
	}
	if (v->rec.retain == RETAIN_FOREVER)
		buf_adds(out, ", kept for ever");
	else
		add_time(out, ", kept until ", v->rec.retain);
	add_time(out, ", on legal hold since ", v->rec.hold);
}

static void describe_rest(const struct seal_view *v, struct buf *out)
{
	if (!v->recorded)
		return;
	buf_adds(out, ", made by ");
	person_show(&v->rec.creator, out);
	add_time(out, " at ", v->rec.made);
	add_time(out, ", released ", v->rec.released);
}

void seal_describe(const struct seal_view *v, const char *path, struct buf *out)
{
	buf_addf(out, "%s is %s", path, seal_state_word(v->state));
	if (v->state == SEAL_SEALED || v->state == SEAL_ALTERED)
		describe_sealed(v, out);
	else
		describe_rest(v, out);
	buf_addf(out, ": %s", meanings[v->state]);
}

/* Which rule stands in the way. */
static const char *rule_for(const struct seal_view *v)
{
	switch (v->state) {
	case SEAL_OPEN:
		return "only the handle that made a file writes it, from the create on";
	case SEAL_EMPTY:
		return "for 10 minutes an empty file is its creator's alone";
	case SEAL_TORN:
		return "for 24 hours a torn file is its creator's, to remove or write again";
	case SEAL_TRANSIENT:
		return "a temporary file is its creator's";
	case SEAL_CLOSED:
		if (v->zone && seal_grace_end(&v->rec, v->seal_grace) > gate_now())
			return "seal_grace: for a short time its creator may still change it, nobody else";
		return "a closed file stays as it is for whoever holds no w or d here; for 60 seconds after the release its creator may "
		       "still set times and mode";
	case SEAL_SEALED:
	case SEAL_ALTERED:
		return v->zone ? "a file in a write-once place is sealed when it is closed; for 60 seconds its creator may still set times and mode"
			       : "the file was sealed by hand";
	case SEAL_FREE:
	case SEAL_STATES:
		break;
	}
	return "policy";
}

static const char *instead_of(const struct seal_view *v)
{
	switch (v->state) {
	case SEAL_OPEN:
	case SEAL_EMPTY:
		return "wait until it is written, then file a new revision under its own name";
	case SEAL_TORN:
		return "its creator writes it again; or somebody who files here keeps it with \"zddc accept\"";
	case SEAL_TRANSIENT:
		return "use another name";
	case SEAL_CLOSED:
	case SEAL_SEALED:
	case SEAL_ALTERED:
	case SEAL_FREE:
	case SEAL_STATES:
		break;
	}
	return "file a new revision under its own name";
}

/* Its state refuses everybody, not only those who hold no verb. */
static bool for_everybody(const struct seal_view *v)
{
	return v->zone || v->rec.explicit || seal_record_bound(&v->rec, gate_now());
}

int seal_refuse(struct op *op, enum acl_op what, struct node *dir, const char *name, const struct seal_view *v)
{
	AUTO_FREE char *path = node_path_in(dir, name);
	AUTO_BUF text = BUF_INIT, since = BUF_INIT, by = BUF_INIT;
	struct gate_state s = {.state = seal_state_word(v->state), .rule = rule_for(v), .instead = instead_of(v)};

	seal_describe(v, path, &text);
	add_time(&since, "", v->rec.since ? v->rec.since : v->rec.released ? v->rec.released : v->rec.made);
	person_show(*v->rec.filer.email ? &v->rec.filer : &v->rec.creator, &by);
	s.text = buf_str(&text);
	s.since = buf_str(&since);
	s.by = buf_str(&by);
	return gate_refuse_state(op, what, dir, name, for_everybody(v) ? ACL_SEALED : 0, &s);
}

/* ------------------------------------------------------------------------------------------------ the predicate */

static enum seal_act act_of(enum acl_op what)
{
	switch (what) {
	case ACL_OP_UNLINK:
	case ACL_OP_RENAME_OVER:
		return ACT_UNLINK;
	case ACL_OP_RENAME:
		return ACT_RENAME;
	case ACL_OP_RENAME_FROM:
		return ACT_MOVE;
	case ACL_OP_UTIMENS:
	case ACL_OP_CHMOD:
	case ACL_OP_CHOWN:
	case ACL_OP_SETXATTR:
	case ACL_OP_REMOVEXATTR:
		return ACT_META;
	case ACL_OP_WRITE:
	case ACL_OP_TRUNCATE:
	case ACL_OP_FALLOCATE:
	case ACL_OP_ENTER:
	case ACL_OP_STATDIR:
	case ACL_OP_LIST:
	case ACL_OP_STAT:
	case ACL_OP_READ:
	case ACL_OP_READLINK:
	case ACL_OP_GETXATTR:
	case ACL_OP_CREATE:
	case ACL_OP_MKDIR:
	case ACL_OP_SYMLINK:
	case ACL_OP_RMDIR:
	case ACL_OP_RENAME_TO:
	case ACL_OP_LINK:
	case ACL_OP_MKNOD:
	case ACL_OP_COUNT:
		break;
	}
	return ACT_WRITE;
}

enum answer {
	BY_VERBS, /* as gate_check says; no state is in the way */
	BY_STATE, /* its creator may, in this state */
	NO, /* the state refuses */
};

static bool is_sealed(const struct seal_view *v)
{
	return v->state == SEAL_SEALED || v->state == SEAL_ALTERED;
}

/* Nothing that was ever filed. */
static bool is_no_record(const struct seal_view *v)
{
	return (v->state == SEAL_TORN || v->state == SEAL_TRANSIENT) && !v->writers;
}

/* An ordinary place, and verbs are enough: only what was sealed by hand stands in the way, and that is not writable on disk either. */
static bool verbs_suffice(const struct identity *who, enum acl_op what, struct node *dir, const char *name)
{
	struct acl_policy *p = policy_of(dir);
	bool zone = acl_is_zone(p);
	struct stat st;
	int fd;

	acl_policy_unref(p);
	if (policy_none())
		return true;
	if (zone || !gate_may(who, what, dir, name, 0) || dir->kind != NODE_DIR || back_dir_get(dir, &fd) < 0)
		return false;
	bool plain = back_stat(fd, name, &st) < 0 || !S_ISREG(st.st_mode) || (st.st_mode & S_IWUSR);
	back_dir_put(dir, fd);
	return plain;
}

static enum answer judge_request(const struct identity *who, enum acl_op what, struct node *dir, const char *name, struct seal_view *v)
{
	if (verbs_suffice(who, what, dir, name) || seal_look_in(dir, name, who, v) < 0)
		return BY_VERBS;
	if (!v->zone && !is_sealed(v) && gate_may(who, what, dir, name, 0))
		return BY_VERBS;
	if (v->state == SEAL_FREE)
		return BY_VERBS;
	if (is_no_record(v) && act_of(what) == ACT_UNLINK && gate_may(who, what, dir, name, 0))
		return BY_VERBS; /* in a write-once place only an elevated administrator holds d */
	if (v->mine && seal_state_lets(v->state, act_of(what), &v->rec, gate_now(), v->seal_grace))
		return gate_may(who, ACL_OP_CREATE, dir, name, 0) ? BY_STATE : BY_VERBS;
	return NO;
}

int seal_check(struct op *op, enum acl_op what, struct node *dir, const char *name)
{
	struct seal_view v;

	switch (judge_request(op->caller.id, what, dir, name, &v)) {
	case BY_STATE:
		gate_allow_why(op, what, dir, name, BECAUSE_CREATOR);
		return 0;
	case NO:
		return seal_refuse(op, what, dir, name, &v);
	case BY_VERBS:
		break;
	}
	return gate_check(op, what, dir, name, 0);
}

int seal_ask(const struct identity *who, enum acl_op what, struct node *dir, const char *name)
{
	struct seal_view v;

	switch (judge_request(who, what, dir, name, &v)) {
	case BY_STATE:
		return 0;
	case NO:
		return for_everybody(&v) ? -EPERM : -EACCES;
	case BY_VERBS:
		break;
	}
	return gate_may(who, what, dir, name, 0) ? 0 : -EACCES;
}

static bool asks_for_change(enum acl_op what)
{
	return acl_ops[what].change && what != ACL_OP_CREATE && what != ACL_OP_MKDIR && what != ACL_OP_SYMLINK && what != ACL_OP_LINK &&
	       what != ACL_OP_MKNOD && what != ACL_OP_RENAME_TO && what != ACL_OP_RMDIR;
}

int seal_explain(const struct identity *who, enum acl_op what, struct node *dir, const char *name, unsigned *flags, bool *by_state,
		 struct buf *text)
{
	AUTO_FREE char *path = node_path_in(dir, name);
	struct seal_view v;
	enum answer a;

	if (policy_none() || !asks_for_change(what) || !gate_may(who, ACL_OP_READ, dir, name, 0) || seal_hides(who, dir, name))
		return 0;
	if (seal_look_in(dir, name, who, &v) < 0 || v.state == SEAL_FREE)
		return 0;
	a = judge_request(who, what, dir, name, &v);
	if (a == BY_VERBS)
		return 0;
	*by_state = a == BY_STATE;
	*flags = a == NO && for_everybody(&v) ? ACL_SEALED : 0;
	seal_describe(&v, path, text);
	return 1;
}

/* ------------------------------------------------------------------------------------------------ transient names */

/* A name of that kind here, and a file that was made under one. */
static bool is_transient(const struct identity *who, struct node *dir, const char *name, struct seal_view *v)
{
	struct acl_policy *p;
	bool named;

	if (policy_none() || (dir->kind != NODE_DIR))
		return false;
	p = policy_of(dir);
	named = transient_name(p, name);
	acl_policy_unref(p);
	return named && seal_look_in(dir, name, who, v) == 0 && v->state == SEAL_TRANSIENT;
}

bool seal_hides(const struct identity *who, struct node *dir, const char *name)
{
	struct seal_view v;

	if (transient_is_lock(name) || !is_transient(who, dir, name, &v) || v.mine)
		return false;
	return !(gate_verbs(who, dir).effective & (V_W | V_D));
}

bool seal_own_transient(const struct identity *who, struct node *dir, const char *name)
{
	struct seal_view v;

	return is_transient(who, dir, name, &v) && v.mine && gate_may(who, ACL_OP_CREATE, dir, name, 0);
}

int seal_check_read(struct op *op, struct node *dir, const char *name)
{
	struct seal_view v;

	if (!is_transient(op->caller.id, dir, name, &v))
		return gate_check(op, ACL_OP_READ, dir, name, 0);
	if (v.mine && gate_may(op->caller.id, ACL_OP_CREATE, dir, name, 0))
		return 0;
	return seal_hides(op->caller.id, dir, name) ? -ENOENT : gate_check(op, ACL_OP_READ, dir, name, 0);
}

/* ------------------------------------------------------------------------------------------------ what is shown */

/* Never 0. */
static uint64_t stamp_of(const struct stat *st)
{
	return ((uint64_t)clock_ns(st->st_mtim) * 0x9e3779b97f4a7c15ull ^ (uint64_t)st->st_size) | 1;
}

/* Somebody has to attend to it: it is not sealed on disk yet although it counts as sealed, or nothing in memory knows of its state. */
static void note_unfinished(struct node *n, const struct seal_view *v)
{
	bool sealed_on_disk = v->recorded && v->rec.state == SEAL_SEALED && *v->rec.sha256;
	struct flight f = {.ino = v->st.st_ino, .state = v->state, .who = v->rec.creator};

	if (seal_read_only() || v->writers || v->state == SEAL_FREE || (v->state == SEAL_SEALED && sealed_on_disk))
		return;
	if ((v->state == SEAL_CLOSED && !v->zone) || (v->state == SEAL_ALTERED && v->rec.state == SEAL_ALTERED))
		return;
	if (journal_has(f.ino) || journal_count() > FLIGHTS_MOST)
		return;
	f.path = node_path(n);
	journal_put(&f, v->state != SEAL_SEALED && v->state != SEAL_ALTERED);
	free(f.path);
}

/* Is the file shown as sealed? Remembered by size and time, so that it is not read again for each stat. */
static bool shows_sealed(struct node *n, bool zone, const struct stat *backing)
{
	struct seal_view v;

	if (n->gone || (!zone && (backing->st_mode & S_IWUSR)))
		return false;
	if (__atomic_load_n(&n->sealed, __ATOMIC_ACQUIRE) == stamp_of(backing))
		return true;
	if (seal_look_in(n->parent, n->name, NULL, &v) < 0 || v.st.st_ino != n->ref.ino)
		return false;
	note_unfinished(n, &v);
	if (v.state == SEAL_SEALED && v.recorded && v.rec.state == SEAL_SEALED && *v.rec.sha256)
		__atomic_store_n(&n->sealed, stamp_of(&v.st), __ATOMIC_RELEASE);
	return v.state == SEAL_SEALED;
}

void seal_show(struct node *n, const struct stat *backing, struct stat *shown)
{
	struct acl_policy *p;
	bool zone;

	if (policy_none() || (n->kind != NODE_DIR && n->kind != NODE_SLOT && n->kind != NODE_FILE))
		return;
	p = policy_of(n->kind == NODE_FILE ? n->parent : n);
	zone = acl_is_zone(p);
	acl_policy_unref(p);
	if (n->kind != NODE_FILE)
		shown->st_mode |= zone ? S_ISVTX : 0;
	else if (shows_sealed(n, zone, backing))
		shown->st_mode &= ~(mode_t)0222;
}

/* ------------------------------------------------------------------------------------------------ what lands */

/* Who is behind it, where no request is: whoever filed it, or made it. */
static void tell_ledger(enum ledger_event event, const char *how, const char *path, const struct seal_record *rec, const char *detail)
{
	const struct person *p = *rec->filer.email ? &rec->filer : &rec->creator;
	const struct ledger_attr attrs[] = {LEDGER_ATTR_TEXT("how", how), LEDGER_ATTR_TEXT("reason", detail)};
	struct audit_event e = {.event = event, .path = path, .attrs = attrs, .n_attrs = detail ? 2 : 1, AUDIT_EVENT_INIT};

	if (*rec->sha256)
		e.object = (struct ledger_object){.sha256 = rec->sha256, .size = rec->size};
	if (!audit_in_request() && *p->email) {
		e.principal = strcmp(p->email, "-") ? p->email : LEDGER_ANONYMOUS;
		e.uid = p->uid;
	}
	audit_event(&e);
}

void seal_landed(enum seal_event what, const char *path, const struct seal_record *rec, const char *detail)
{
	static const struct {
		const char *word;
		int event; /* -1: none */
	} rows[] = {
#define LEDGER_NONE (-1)
#define SEAL_EVENT(id, word, event) {word, LEDGER_##event},
#include "fs/seal_event.def"
#undef SEAL_EVENT
#undef LEDGER_NONE
	};
	enum log_level level = what == SEAL_EV_ALTERED ? LOG_LVL_ERR : LOG_LVL_INFO;

	if (rows[what].event >= 0)
		tell_ledger((enum ledger_event)rows[what].event, rows[what].word, path, rec, detail);
	log_msg(level, "%s %s%s%s (%s)", rows[what].word, path, detail ? ": " : "", detail ? detail : "", *rec->sha256 ? rec->sha256 : "no hash yet");
}
