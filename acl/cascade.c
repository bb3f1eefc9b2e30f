/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Compiles policies level by level (SPEC section 3). Each source file (the defaults, each .zddc above) is one thread: the body that its
 * paths: selected last. A step down one directory moves every thread on; what it selects lands on the new level, and the
 * directory's own .zddc lands last, as the strongest source.
 */
#include <stdlib.h>
#include <string.h>

#include "acl/policy.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/table.h"

struct interned {
	struct hash128 key;
	struct acl_policy *policy;
	UT_hash_handle hh;
};

struct acl *acl_new(struct zddc_doc *defaults, bool strict)
{
	struct acl *acl = calloc(1, sizeof(*acl));
	if (!acl)
		abort();
	pthread_mutex_init(&acl->lock, NULL);
	pthread_mutex_init(&acl->class_lock, NULL);
	acl->defaults = zddc_ref(defaults);
	acl->strict = strict;
	return acl;
}

void acl_free(struct acl *acl)
{
	if (!acl)
		return;
	zddc_unref(acl->defaults);
	pthread_mutex_destroy(&acl->lock);
	pthread_mutex_destroy(&acl->class_lock);
	free(acl);
}

void acl_set_defaults(struct acl *acl, struct zddc_doc *defaults)
{
	struct zddc_doc *old;

	pthread_mutex_lock(&acl->lock);
	old = acl->defaults;
	acl->defaults = zddc_ref(defaults);
	pthread_mutex_unlock(&acl->lock);
	zddc_unref(old);
}

/* Counted. */
static struct zddc_doc *defaults_now(struct acl *acl)
{
	struct zddc_doc *d;

	pthread_mutex_lock(&acl->lock);
	d = acl->defaults ? zddc_ref(acl->defaults) : NULL;
	pthread_mutex_unlock(&acl->lock);
	return d;
}

static void *room(size_t n, size_t size)
{
	void *v = calloc(n ? n : 1, size);
	if (!v)
		abort();
	return v;
}

/* ---- what lands on a new level ---- */

struct build {
	struct acl_policy *p; /* being made */
	const struct acl_policy *parent;
	size_t first; /* contribution of the new level */
};

/* Fences are tried from the root down: the first that stops a contribution hides it from its level on. */
static void fence_off(struct contrib *c, const struct fence *f)
{
	bool spared = c->depth == f->spare && c->level >= f->level;
	if (c->hidden_from == INT16_MAX && c->depth < f->level && !spared)
		c->hidden_from = f->level;
}

static struct contrib *add(struct build *b, const struct body *body, int depth, bool cut)
{
	struct contrib *c = &b->p->c[b->p->n++];
	*c = (struct contrib){.body = body, .depth = (int16_t)depth, .level = (int16_t)b->p->level, .hidden_from = INT16_MAX, .cut = cut};
	for (size_t i = 0; i < b->p->n_fences && c->hidden_from == INT16_MAX; i++)
		fence_off(c, &b->p->fences[i]);
	return c;
}

static void land_threads(struct build *b, const char *segment)
{
	for (size_t i = 0; i < b->parent->n_threads; i++) {
		const struct thread *t = &b->parent->threads[i];
		const struct body *body = body_step(t->body, segment);
		if (body)
			add(b, body, t->depth, t->cut);
	}
}

static void land_own(struct build *b, const struct acl_own *own)
{
	struct acl_policy *p = b->p;
	if (!own || (!own->doc && !own->invalid))
		return;
	if (own->invalid && p->invalid_level < 0) {
		p->invalid_level = p->level;
		p->invalid = (struct acl_src){own->file, own->line};
	}
	if (!own->doc)
		return;
	struct contrib *c = add(b, own->doc->top, p->level, false);
	c->own = true;
	if (own->invalid)
		c->level = LEVEL_LAST_ROOT;
	p->own = zddc_ref(own->doc);
}

/* inherit: false (SPEC section 2): the most specific source that says it counts; all others from above stop here. */
static void apply_inherit(struct build *b)
{
	struct acl_policy *p = b->p;
	for (size_t i = p->n; i-- > b->first;) {
		if (p->c[i].cut || p->c[i].level < 0 || p->c[i].body->inherit < 0)
			continue;
		if (p->c[i].body->inherit)
			return;
		for (size_t j = b->first; j < p->n; j++)
			if (p->c[j].depth < p->level && p->c[j].depth != p->c[i].depth)
				p->c[j].cut = true;
		return;
	}
}

static void apply_fence(struct build *b)
{
	struct acl_policy *p = b->p;
	for (size_t i = p->n; i-- > b->first;) {
		const struct contrib *c = &p->c[i];
		if (c->cut || c->level < 0 || c->body->acl_inherit < 0)
			continue;
		if (c->body->acl_inherit)
			return;
		p->fences[p->n_fences++] = (struct fence){(int16_t)p->level, c->depth};
		for (size_t j = 0; j < p->n; j++)
			fence_off(&p->c[j], &p->fences[p->n_fences - 1]);
		return;
	}
}

bool contrib_visible(const struct contrib *c, int level) { return !c->cut && c->level >= 0 && level < c->hidden_from; }

bool grant_overridden(const struct acl_policy *p, size_t i, const char *key, bool seen_only)
{
	for (size_t j = i + 1; j < p->n && p->c[j].level == p->c[i].level; j++)
		if ((p->c[j].seen || !seen_only) && body_grant(p->c[j].body, key))
			return true;
	return false;
}

const struct contrib *own_level(const struct acl_policy *p, enum acl_key key)
{
	for (size_t i = p->n; i-- > 0 && p->c[i].level == p->level;)
		if (!p->c[i].cut && p->c[i].body->value[key])
			return &p->c[i];
	return NULL;
}

static void apply_auto_own(struct acl_policy *p)
{
	const struct contrib *on = own_level(p, ACL_KEY_AUTO_OWN), *roles = own_level(p, ACL_KEY_AUTO_OWN_ROLES);
	p->auto_own = on && on->body->auto_own;
	if (p->auto_own && roles && p->n && p->c[p->n - 1].own && p->c[p->n - 1].level == p->level)
		p->c[p->n - 1].mandated = &roles->body->auto_own_roles;
}

/* The root has nothing beside it to show. */
static void apply_virtual(struct acl_policy *p)
{
	const struct contrib *on = p->level ? own_level(p, ACL_KEY_VIRTUAL) : NULL;
	if (on)
		p->virt = on->body->virt;
}

static uint32_t key_line(const struct body *b, enum acl_key key)
{
	const struct ynode *v = b->value[key];
	return v && v->key ? v->key->line : 0;
}

/* What every decision asks, worked out once. */
static void summarise(struct acl_policy *p)
{
	for (size_t i = 0; i < p->n; i++) {
		struct contrib *c = &p->c[i];
		const struct body *b = c->body;
		c->seen = contrib_visible(c, p->level);
		if (c->level < 0)
			continue;
		p->has_reset |= b->has_reset;
		if (b->freeze_until && (!p->freeze.file || b->freeze_until >= p->freeze_until)) {
			p->freeze_until = b->freeze_until;
			p->freeze = (struct acl_src){b->doc->file, key_line(b, ACL_KEY_FREEZE_UNTIL)};
		}
		if (c->cut)
			continue;
		p->has_when |= b->n_when > 0;
		if (b->worm.set) {
			p->zone = true;
			p->zone_src = (struct acl_src){b->doc->file, b->worm.line};
		}
	}
}

static void keep_threads(struct build *b)
{
	struct acl_policy *p = b->p;
	for (size_t i = b->first; i < p->n; i++) {
		const struct contrib *c = &p->c[i];
		if (c->level >= 0 && (c->body->n_paths || c->body->star))
			p->threads[p->n_threads++] = (struct thread){c->body, c->depth, c->cut};
	}
}

/* What makes two policies the same: the parent's key and what lands here. */
static void make_key(struct build *b)
{
	struct acl_policy *p = b->p;
	AUTO_BUF bytes = BUF_INIT;
	int numbers[4] = {p->level, p->invalid_level, (int)p->invalid.line, b->parent != NULL};
	if (b->parent)
		buf_add(&bytes, &b->parent->key, sizeof(b->parent->key));
	buf_add(&bytes, numbers, sizeof(numbers));
	if (p->invalid.file)
		buf_add(&bytes, p->invalid.file, strlen(p->invalid.file) + 1);
	for (size_t i = b->first; i < p->n; i++) {
		const struct contrib *c = &p->c[i];
		int which[4] = {(int)c->body->id, c->depth, c->cut, c->level < 0};
		buf_add(&bytes, c->body->doc->identity, SHA256_LEN);
		buf_add(&bytes, which, sizeof(which));
	}
	p->key = hash128(bytes.data, bytes.len);
}

/* ---- interning ---- */

static void policy_free(struct acl_policy *p)
{
	zddc_unref(p->own);
	zddc_unref(p->defaults);
	policy_class_free(p->class);
	free((char *)p->invalid.file);
	free(p->c);
	free(p->fences);
	free(p->threads);
	free(p);
}

/* The hash of all contributing documents, each once, in the order of their sources. */
static void hash_documents(struct acl_policy *p)
{
	unsigned char sum[SHA256_LEN];
	struct sha256 *h = sha256_new();
	const struct zddc_doc **at = room((size_t)p->level + 2, sizeof(const struct zddc_doc *)); /* by depth, the defaults first */
	for (size_t i = 0; i < p->n; i++)
		at[p->c[i].depth - DEPTH_DEFAULTS] = p->c[i].body->doc;
	for (int i = 0; i < p->level + 2; i++)
		if (at[i]) {
			sha256_add(h, at[i]->file, strlen(at[i]->file) + 1);
			sha256_add(h, at[i]->sha256, SHA256_LEN);
		}
	free(at);
	if (p->invalid.file)
		sha256_add(h, p->invalid.file, strlen(p->invalid.file) + 1);
	sha256_end(h, sum);
	sha256_hex(sum, p->hash);
}

/* The one there is, counted, in the place of p; NULL: there is none, and p is it from now on if 'add'. */
static struct acl_policy *intern_or(struct acl *acl, struct acl_policy *p, bool add)
{
	struct interned *found;
	WITH_MUTEX(&acl->lock);
	HASH_FIND(hh, acl->interned, &p->key, sizeof(p->key), found);
	if (found || !add)
		return found ? acl_policy_ref(found->policy) : NULL;
	found = room(1, sizeof(*found));
	found->key = p->key;
	found->policy = p;
	p->handle = found;
	HASH_ADD(hh, acl->interned, key, sizeof(found->key), found);
	return NULL;
}

/* The hash of a policy of many documents takes time: nobody waits for it. */
static struct acl_policy *intern(struct acl *acl, struct acl_policy *p)
{
	struct acl_policy *same = intern_or(acl, p, false);
	if (!same) {
		hash_documents(p);
		same = intern_or(acl, p, true);
	}
	if (!same)
		return p;
	struct acl_policy *parent = p->parent;
	policy_free(p);
	acl_policy_unref(parent);
	return same;
}

struct acl_policy *acl_policy_ref(struct acl_policy *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

/* True if the last reference went: the table no longer finds it. Whoever revives one does so under the lock. */
static bool drop(struct acl_policy *p)
{
	int n = atomic_load(&p->refs);
	while (n > 1)
		if (atomic_compare_exchange_weak(&p->refs, &n, n - 1))
			return false;
	struct acl *acl = p->acl;
	pthread_mutex_lock(&acl->lock);
	bool last = atomic_fetch_sub(&p->refs, 1) == 1;
	if (last) {
		HASH_DEL(acl->interned, p->handle);
		free(p->handle);
	}
	pthread_mutex_unlock(&acl->lock);
	return last;
}

void acl_policy_unref(struct acl_policy *p)
{
	while (p && drop(p)) {
		struct acl_policy *parent = p->parent;
		policy_free(p);
		p = parent;
	}
}

/* ---- compiling ---- */

static struct acl_policy *policy_new(struct acl *acl, struct acl_policy *parent)
{
	struct acl_policy *p = room(1, sizeof(*p));
	size_t above = parent ? parent->n : 0, threads = parent ? parent->n_threads : 0, fences = parent ? parent->n_fences : 0;
	atomic_init(&p->refs, 1);
	p->acl = acl;
	p->parent = parent ? acl_policy_ref(parent) : NULL;
	p->level = parent ? parent->level + 1 : 0;
	p->invalid_level = -1;
	p->c = room(above + threads + 2, sizeof(*p->c));
	p->fences = room(fences + 1, sizeof(*p->fences));
	p->threads = room(threads + 2, sizeof(*p->threads));
	if (!parent)
		return p;
	memcpy(p->c, parent->c, above * sizeof(*p->c));
	p->n = above;
	memcpy(p->fences, parent->fences, fences * sizeof(*p->fences));
	p->n_fences = fences;
	p->invalid_level = parent->invalid_level;
	p->invalid = parent->invalid;
	return p;
}

static struct acl_policy *finish(struct build *b)
{
	struct acl_policy *p = b->p;
	apply_inherit(b);
	apply_fence(b);
	apply_auto_own(p);
	apply_virtual(p);
	keep_threads(b);
	summarise(p);
	p->invalid.file = p->invalid.file ? strdup(p->invalid.file) : NULL;
	make_key(b);
	return intern(p->acl, p);
}

struct acl_policy *acl_root(struct acl *acl, const struct acl_own *own)
{
	struct build b = {.p = policy_new(acl, NULL)};
	b.p->defaults = defaults_now(acl);
	if (b.p->defaults)
		add(&b, b.p->defaults->top, DEPTH_DEFAULTS, false);
	land_own(&b, own);
	return finish(&b);
}

struct acl_policy *acl_child(struct acl *acl, struct acl_policy *parent, const char *segment, const struct acl_own *own)
{
	struct build b = {.p = policy_new(acl, parent), .parent = parent, .first = parent->n};
	land_threads(&b, segment);
	land_own(&b, own);
	return finish(&b);
}

static bool same_body(const struct body *a, const struct body *b)
{
	return a == b || (a->id == b->id && !memcmp(a->doc->sha256, b->doc->sha256, SHA256_LEN));
}

bool acl_policy_same_rules(const struct acl_policy *a, const struct acl_policy *b)
{
	if (a == b)
		return true;
	if (a->level != b->level || a->n != b->n || a->n_threads != b->n_threads || a->invalid_level != b->invalid_level)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		const struct contrib *x = &a->c[i], *y = &b->c[i];
		if (!same_body(x->body, y->body) || x->level != y->level || x->depth != y->depth || x->cut != y->cut)
			return false;
	}
	return true;
}

int acl_policy_level(const struct acl_policy *p) { return p->level; }
const char *acl_policy_hash(const struct acl_policy *p) { return p->hash; }
bool acl_is_zone(const struct acl_policy *p) { return p->zone; }

bool acl_zone_below(const struct acl_policy *p)
{
	for (size_t i = 0; i < p->n_threads; i++)
		if (p->threads[i].body->zone_below)
			return true;
	return false;
}
bool acl_is_invalid(const struct acl_policy *p) { return p->invalid_level >= 0; }
bool acl_auto_own(const struct acl_policy *p) { return p->auto_own; }
long long acl_freeze_until(const struct acl_policy *p) { return p->freeze_until; }

bool acl_is_fenced(const struct acl_policy *p) { return p->n_fences && p->fences[p->n_fences - 1].level == p->level; }
