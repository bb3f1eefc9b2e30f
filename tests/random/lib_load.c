/* SPDX-License-Identifier: GPL-3.0-or-later */
/* YAML text into the model: the defaults and generated documents, for tests that start from the real policy. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <yaml.h>

#include "tests/random/lib_yaml.h"

struct load {
	struct pool *pool;
	yaml_document_t doc;
};

static yaml_node_t *node_at(struct load *l, int index) { return yaml_document_get_node(&l->doc, index); }

static const char *text_of(struct load *l, yaml_node_t *n)
{
	if (!n || n->type != YAML_SCALAR_NODE)
		abort();
	return pool_strdup(l->pool, (const char *)n->data.scalar.value);
}

/* A key of a map, or NULL. */
static yaml_node_t *get(struct load *l, yaml_node_t *map, const char *key)
{
	if (!map || map->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top; p++)
		if (strcmp((const char *)node_at(l, p->key)->data.scalar.value, key) == 0)
			return node_at(l, p->value);
	return NULL;
}

static enum tri load_bool(struct load *l, yaml_node_t *n) { return !n ? UNSET : strcmp(text_of(l, n), "true") == 0 ? YES : NO; }

static void load_list(struct load *l, yaml_node_t *n, struct list *to)
{
	if (!n || n->type != YAML_SEQUENCE_NODE)
		return;
	to->present = true;
	for (yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
		yaml_node_t *item = node_at(l, *i);
		if (to->n == MAX_ITEMS)
			abort();
		to->line[to->n] = (int)item->start_mark.line + 1;
		to->item[to->n++] = text_of(l, item);
	}
}

/* Calls for each pair of a map, at most MAX_ITEMS of them. */
#define each_pair(l, map, key, value)                                                                                   \
	for (yaml_node_pair_t *p_ = (map) && (map)->type == YAML_MAPPING_NODE ? (map)->data.mapping.pairs.start : NULL; \
		p_ && p_ < (map)->data.mapping.pairs.top; p_++)                                                         \
		for (yaml_node_t *key = node_at(l, p_->key), *value = node_at(l, p_->value); key; key = NULL)

static void load_acl(struct load *l, yaml_node_t *acl, struct body *b)
{
	b->acl_inherit = load_bool(l, get(l, acl, "inherit"));
	yaml_node_t *perms = get(l, acl, "permissions");
	each_pair(l, perms, key, value)
	{
		if (b->n_perms == MAX_ITEMS)
			abort();
		b->perm[b->n_perms++] =
			(struct perm){.key = text_of(l, key), .verbs = text_of(l, value), .line = (int)key->start_mark.line + 1};
	}
}

static void load_roles(struct load *l, yaml_node_t *roles, struct body *b)
{
	each_pair(l, roles, key, value)
	{
		if (b->n_roles == MAX_ITEMS)
			abort();
		struct role *r = &b->role[b->n_roles++];
		*r = (struct role){.name = text_of(l, key), .reset = load_bool(l, get(l, value, "reset"))};
		load_list(l, get(l, value, "members"), &r->members);
	}
}

static int64_t load_time(struct load *l, yaml_node_t *n)
{
	struct tm tm = {0};
	if (!n || !strptime(text_of(l, n), "%Y-%m-%dT%H:%M:%SZ", &tm))
		return 0;
	return timegm(&tm);
}

static struct body *load_body(struct load *l, yaml_node_t *map)
{
	struct body *b = body_new(l->pool);
	load_acl(l, get(l, map, "acl"), b);
	load_roles(l, get(l, map, "roles"), b);
	b->inherit = load_bool(l, get(l, map, "inherit"));
	b->auto_own = load_bool(l, get(l, map, "auto_own"));
	b->auto_own_fenced = load_bool(l, get(l, map, "auto_own_fenced"));
	b->history = load_bool(l, get(l, map, "history"));
	load_list(l, get(l, map, "auto_own_roles"), &b->auto_own_roles);
	load_list(l, get(l, map, "admins"), &b->admins);
	load_list(l, get(l, map, "worm"), &b->worm);
	b->freeze_until = load_time(l, get(l, map, "freeze_until"));
	if (get(l, map, "when"))
		abort(); /* conditions are generated, never read: say so rather than ignore one */
	yaml_node_t *paths = get(l, map, "paths");
	each_pair(l, paths, key, value)
	{
		if (b->n_paths == MAX_ITEMS)
			abort();
		b->path[b->n_paths++] = (struct path){text_of(l, key), load_body(l, value)};
	}
	return b;
}

struct body *body_load(struct pool *p, const char *text, size_t len)
{
	yaml_parser_t parser;
	struct load l = {.pool = p};
	struct body *b = NULL;
	if (!yaml_parser_initialize(&parser))
		abort();
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, len);
	if (yaml_parser_load(&parser, &l.doc)) {
		b = load_body(&l, yaml_document_get_root_node(&l.doc));
		yaml_document_delete(&l.doc);
	}
	yaml_parser_delete(&parser);
	return b;
}
