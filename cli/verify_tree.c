/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of the archive itself, behind any mount: H1, H6 to H14, and S1 to S5. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/ynode.h"
#include "cli/audit.h"
#include "cli/cli.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"
#include "cli/walk.h"

enum { SOON = 300, SEAL_MAX = 4096 };

/* ------------------------------------------------------------------------------------------------ everything that lies there */

typedef void entry_fn(struct verify *v, const char *path, int fd, const struct stat *st);

struct entries {
	struct verify *v;
	entry_fn *each;
};

static void entry(void *arg, const char *dir, const char *name, bool is_dir)
{
	struct entries *e = arg;
	AUTO_BUF path = BUF_INIT;
	struct stat st;

	(void)is_dir;
	tree_join(&path, dir, name);
	AUTO_CLOSE int fd = tree_fd(e->v->tree->e.tree, buf_str(&path), 0);
	if (fd >= 0 && fstat(fd, &st) == 0)
		e->each(e->v, buf_str(&path), fd, &st);
}

/* Each file and folder of the archive; .zddc.d, which is the daemon's own, is left out. */
static void each_entry(struct verify *v, entry_fn *each)
{
	walk_tree(v->tree->e.tree, "", &(struct walk){.entry = entry, .arg = &(struct entries){v, each}});
}

/* The value of an attribute as text; false if there is none. */
static bool attribute(int fd, const char *name, char *out, size_t room)
{
	char self[64];
	ssize_t n;

	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	n = getxattr(self, name, out, room - 1);
	if (n < 0)
		return false;
	out[n] = 0;
	return true;
}

/* ------------------------------------------------------------------------------------------------ S1 to S5 */

static void items_below(struct verify *v, size_t *n)
{
	for (size_t i = 0; i < v->n; i++)
		*n += v->v[i].how == PLACE_ON_DISK && v->v[i].parent && acl_get(v->v[i].parent->policy, ACL_KEY_LIFECYCLE).node;
}

void check_items(struct verify *v)
{
	size_t n = 0;

	items_below(v, &n);
	if (n)
		verify_nothing(v, "this version does not check the %zu controlled item%s of the archive", n, n == 1 ? "" : "s");
	else
		verify_nothing(v, "there is no controlled item");
}

/* ------------------------------------------------------------------------------------------------ H1 */

/* The first directory on the way down that lets neither group nor others pass, cuts them off. */
static bool cut_off(const char *root, mode_t bit)
{
	AUTO_FREE char *path = vec_str(root);

	for (;;) {
		struct stat st;
		char *slash = strrchr(path, '/');

		if (stat(path, &st) == 0 && !(st.st_mode & bit))
			return true;
		if (!slash || !path[1])
			return false;
		slash[slash == path] = 0;
	}
}

void check_reach(struct verify *v)
{
	const char *root = v->tree->at.root;
	struct stat st;

	if (stat(root, &st) < 0)
		return;
	if (!cut_off(root, S_IXOTH))
		verify_find(v, root, 0, "everybody on this machine can enter the archive behind the mount: chmod 700");
	else if (st.st_gid != 0 && !cut_off(root, S_IXGRP))
		verify_find(v, root, 0, "its group can enter the archive behind the mount: chmod 700");
}

/* ------------------------------------------------------------------------------------------------ H6 */

static void fill(struct buf *out, const char *piece, size_t times)
{
	for (size_t i = 0; i < times; i++)
		buf_adds(out, piece);
}

/* Each must be refused, and soon. */
static void try_bomb(struct verify *v, const char *name, const struct buf *text)
{
	AUTO_DIAGS d = DIAGS_INIT;
	struct zddc_doc *doc = NULL;
	struct timespec a, b;
	double ms;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	if (zddc_parse("bomb", buf_str(text), text->len, false, &d, &doc) == 0)
		verify_find(v, NULL, 0, "%s is accepted", name);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ms = (double)(b.tv_sec - a.tv_sec) * 1000 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
	if (ms > 500)
		verify_find(v, NULL, 0, "%s is refused after %.0f ms only", name, ms);
	zddc_unref(doc);
}

/* A document of the archive that is none because it is over a bound. */
static void lying_bombs(struct verify *v)
{
	for (size_t i = 0; i < v->n; i++) {
		AUTO_BUF file = BUF_INIT;
		struct stat st;

		if (!v->v[i].invalid)
			continue;
		tree_join(&file, v->v[i].path, ".zddc");
		AUTO_CLOSE int fd = tree_fd(v->tree->e.tree, buf_str(&file), 0);
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > (off_t)LIMIT_DOC_BYTES)
			verify_find(v, buf_str(&file), 0, "has %lld bytes: it is refused, but somebody put it there", (long long)st.st_size);
	}
}

void check_bombs(struct verify *v)
{
	AUTO_BUF deep = BUF_INIT, wide = BUF_INIT, alias = BUF_INIT;

	fill(&deep, "[", 20000);
	fill(&wide, "a: b\n", 150000);
	buf_adds(&alias, "a: &a [x, x, x]\n");
	fill(&alias, "b: [*a, *a, *a]\n", 100);
	try_bomb(v, "a document of 20,000 levels", &deep);
	try_bomb(v, "a document of 150,000 lines", &wide);
	try_bomb(v, "a document that repeats itself", &alias);
	lying_bombs(v);
}

/* ------------------------------------------------------------------------------------------------ H7 */

/* Does a relative target leave the first part of the link's own path? */
static bool leaves(const char *link, const char *target)
{
	int depth = 0;

	for (const char *s = link; (s = strchr(s, '/')); s++)
		depth++;
	for (const char *s = target; *s; s += strcspn(s, "/"), s += *s == '/') {
		size_t n = strcspn(s, "/");

		if (n == 2 && !strncmp(s, "..", 2))
			depth--;
		else if (n && !(n == 1 && *s == '.'))
			depth++;
		if (depth < 1)
			return true;
	}
	return false;
}

static void link_entry(struct verify *v, const char *path, int fd, const struct stat *st)
{
	char target[PATH_MAX + 1];
	ssize_t n;

	if (!S_ISLNK(st->st_mode) || (n = readlinkat(fd, "", target, PATH_MAX)) < 0)
		return;
	target[n] = 0;
	if (*target == '/' || leaves(path, target))
		verify_find(v, path, 0, "is a link to %s, out of its project", target);
}

void check_links(struct verify *v)
{
	each_entry(v, link_entry);
}

/* ------------------------------------------------------------------------------------------------ H8, H9, H10, H11 */

static void named_twice(struct verify *v, const char *path, int fd, const struct stat *st)
{
	(void)fd;
	if (S_ISREG(st->st_mode) && st->st_nlink > 1)
		verify_find(v, path, 0, "has %lu names: two policies cannot hold for one file", (unsigned long)st->st_nlink);
}

void tree_hard_links(struct verify *v)
{
	each_entry(v, named_twice);
}

static void special(struct verify *v, const char *path, int fd, const struct stat *st)
{
	(void)fd;
	if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode) && !S_ISLNK(st->st_mode))
		verify_find(v, path, 0, "is a %s", S_ISFIFO(st->st_mode) ? "pipe" : S_ISSOCK(st->st_mode) ? "socket" : "device");
}

void tree_nodes(struct verify *v)
{
	each_entry(v, special);
}

static void privileged(struct verify *v, const char *path, int fd, const struct stat *st)
{
	(void)fd;
	if (!S_ISLNK(st->st_mode) && st->st_mode & (S_ISUID | S_ISGID | S_ISVTX))
		verify_find(v, path, 0, "has mode %04o", (unsigned)(st->st_mode & 07777));
}

void check_modes(struct verify *v)
{
	each_entry(v, privileged);
}

static bool gives_privileges(const char *name)
{
	return !strcmp(name, "security.capability") || (str_starts(name, "trusted.") && !str_starts(name, "trusted.overlay."));
}

static void attributes(struct verify *v, const char *path, int fd, const struct stat *st)
{
	char self[64], names[8192];
	ssize_t n;

	if (S_ISLNK(st->st_mode))
		return;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	n = listxattr(self, names, sizeof names);
	for (ssize_t i = 0; i < n; i += (ssize_t)strlen(names + i) + 1)
		if (gives_privileges(names + i))
			verify_find(v, path, 0, "has the attribute %s", names + i);
}

void tree_xattrs(struct verify *v)
{
	each_entry(v, attributes);
}

/* ------------------------------------------------------------------------------------------------ H12, H14: seals */

/* The value of "key=" in the lines of a seal; "" if it is not there. */
static const char *seal_value(const char *seal, const char *key, char out[256])
{
	size_t n = strlen(key);

	*out = 0;
	for (const char *s = seal; s && *s; s = strchr(s, '\n'), s = s ? s + 1 : NULL)
		if (!strncmp(s, key, n) && s[n] == '=') {
			snprintf(out, 256, "%.*s", (int)strcspn(s + n + 1, "\n"), s + n + 1);
			break;
		}
	return out;
}

static bool hash_of(struct verify *v, const char *path, char out[SHA256_HEX])
{
	AUTO_CLOSE int fd = tree_fd(v->tree->e.tree, path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
	unsigned char sum[SHA256_LEN];
	AUTO_FREE char *block = malloc(1 << 20);
	struct sha256 *h;
	ssize_t n;

	if (fd < 0 || !block)
		return false;
	h = sha256_new();
	while ((n = read(fd, block, 1 << 20)) > 0)
		sha256_add(h, block, (size_t)n);
	sha256_end(h, sum);
	sha256_hex(sum, out);
	return n == 0;
}

static void seal_entry(struct verify *v, const char *path, int fd, const struct stat *st)
{
	char seal[SEAL_MAX], state[256], want[256], got[SHA256_HEX];

	if (!S_ISREG(st->st_mode) || !attribute(fd, "user.zddc.seal", seal, sizeof seal))
		return;
	seal_value(seal, "state", state);
	if (!strcmp(state, "altered"))
		verify_find(v, path, 0, "was changed behind the mount: the mount found it");
	if (strcmp(state, "sealed") != 0 || !*seal_value(seal, "sha256", want))
		return;
	if (!hash_of(v, path, got))
		verify_find(v, path, 0, "is sealed and cannot be read");
	else if (strcmp(got, want) != 0)
		verify_find(v, path, 0, "is not what was sealed (SHA-256 %.8s..., now %.8s...)", want, got);
}

void tree_sealed(struct verify *v)
{
	each_entry(v, seal_entry);
}

static void time_entry(struct verify *v, const char *path, int fd, const struct stat *st)
{
	static const char *const keys[] = {"made", "released", "since"};
	char seal[SEAL_MAX], creator[1024], value[256];
	const char *last;

	if (S_ISLNK(st->st_mode))
		return;
	for (size_t i = 0; i < ARRAY_LEN(keys) && attribute(fd, "user.zddc.seal", seal, sizeof seal); i++)
		if (strtoll(seal_value(seal, keys[i], value), NULL, 10) > v->now + SOON)
			verify_find(v, path, 0, "its seal says %s at a time to come", keys[i]);
	if (attribute(fd, "user.zddc.creator", creator, sizeof creator) && (last = strrchr(creator, ' ')) && strtoll(last + 1, NULL, 10) > v->now + SOON)
		verify_find(v, path, 0, "was made at a time to come");
}

void check_clock(struct verify *v)
{
	each_entry(v, time_entry);
}

/* ------------------------------------------------------------------------------------------------ H13 */

void check_ledger(struct verify *v)
{
	AUTO_BUF said = BUF_INIT, dir = BUF_INIT;

	buf_addf(&dir, "%s/.zddc.d/ledger", v->tree->at.root);
	if (access(buf_str(&dir), F_OK) < 0)
		verify_nothing(v, "there is no ledger yet");
	else if (audit_examine(v->c, v->tree->at.root, &said) != ZDDC_YES)
		verify_find(v, ".zddc.d/ledger", 0, "cannot be read");
	else if (said.len)
		verify_find(v, ".zddc.d/ledger", 0, "%s", buf_str(&said));
}
