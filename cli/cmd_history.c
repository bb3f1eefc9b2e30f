/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * zddc history and zddc restore: the versions that the mount shows in .zddc.d/history/NAME of the file's directory. Restoring is an
 * ordinary write through the mount, which decides and keeps what is replaced.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/control.h"
#include "cli/out.h"
#include "cli/place.h"
#include "schemas/schemas.h"

enum { BLOCK = 65536, POINTER_MAX = 8192 };

/* One version, or the file as it is now (path of the file itself). */
struct version {
	struct history_name name; /* of the file as it is now: revision and email may be missing */
	char *path;
	off_t size;
	bool now;
};

/* The versions of one file with that name, oldest first. */
struct chain {
	char *ended; /* "TIME-EMAIL" of one that has ended, or NULL */
	char *from, *to; /* what the pointers say, or NULL */
	struct version *v;
	size_t n;
};

struct past {
	char *dir, *name; /* of the file */
	struct chain *chains; /* those that have ended, oldest first, then the live one */
	size_t n;
};

/* ------------------------------------------------------------------------------------------------ reading */

static void *grown(void *v, size_t n, size_t size)
{
	v = realloc(v, (n + 1) * size);
	if (!v)
		abort();
	return v;
}

static char *joined(const char *a, const char *b)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s/%s", a, b);
	return buf_steal(&path);
}

/* One line of a small file, or NULL. */
static char *read_line(const char *path)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[POINTER_MAX];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		return NULL;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strdup(text);
}

static int by_revision(const void *a, const void *b)
{
	const struct version *x = a, *y = b;

	if (x->name.revision != y->name.revision)
		return x->name.revision < y->name.revision ? -1 : 1;
	return x->name.time < y->name.time ? -1 : x->name.time > y->name.time;
}

static void add_version(struct chain *c, const char *dir, const char *name, const struct history_name *h)
{
	struct stat st;
	char *path = joined(dir, name);

	if (stat(path, &st) < 0) {
		free(path);
		return;
	}
	c->v = grown(c->v, c->n, sizeof(*c->v));
	c->v[c->n++] = (struct version){.name = *h, .path = path, .size = st.st_size};
}

static int by_time(const void *a, const void *b)
{
	const struct chain *x = a, *y = b;

	return x->ended && y->ended ? strcmp(x->ended, y->ended) : !x->ended - !y->ended;
}

static int read_chain(struct past *p, const char *path, const char *ended);

/* What an entry of the directory is: a version, a pointer, or a chain that has ended. */
static void read_entry(struct past *p, struct chain *c, const char *path, const char *name)
{
	struct history_name h;
	struct stat st;

	if (history_name_parse(name, &h)) {
		add_version(c, path, name, &h);
		return;
	}
	AUTO_FREE char *full = joined(path, name);

	if (!strcmp(name, "moved-from"))
		c->from = read_line(full);
	else if (!strcmp(name, "moved-to"))
		c->to = read_line(full);
	else if (!c->ended && stat(full, &st) == 0 && S_ISDIR(st.st_mode))
		read_chain(p, full, name);
}

static int read_chain(struct past *p, const char *path, const char *ended)
{
	struct chain c = {.ended = ended ? strdup(ended) : NULL};
	DIR *dir = opendir(path);
	struct dirent *e;

	if (!dir) {
		free(c.ended);
		return -errno;
	}
	while ((e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			read_entry(p, &c, path, e->d_name);
	closedir(dir);
	if (c.n)
		qsort(c.v, c.n, sizeof(*c.v), by_revision);
	p->chains = grown(p->chains, p->n, sizeof(*p->chains));
	p->chains[p->n++] = c;
	return 0;
}

static void past_free(struct past *p)
{
	for (size_t i = 0; i < p->n; i++) {
		for (size_t k = 0; k < p->chains[i].n; k++)
			free(p->chains[i].v[k].path);
		free(p->chains[i].v);
		free(p->chains[i].ended);
		free(p->chains[i].from);
		free(p->chains[i].to);
	}
	free(p->chains);
	free(p->dir);
	free(p->name);
}

/* A row of a register of the whole project has its versions where the record itself is. */
static char *canonical(const char *path, const struct place *at)
{
	char rel[4096];
	ssize_t n = getxattr(path, "user.zddc.canonical", rel, sizeof(rel) - 1);

	if (n <= 0)
		return NULL;
	rel[n] = '\0';
	return strcmp(rel, at->rel) ? joined(at->root, rel) : NULL;
}

static int find(const struct cli *c, const char *path, struct past *p)
{
	AUTO_PLACE at = {0};
	int status = place_find(path, NULL, &at);

	if (status != ZDDC_YES)
		return status;
	AUTO_FREE char *elsewhere = at.exists ? canonical(path, &at) : NULL;

	if (elsewhere)
		return find(c, elsewhere, p);
	if (at.is_dir || !*at.rel)
		return out_fail(ZDDC_USAGE, "%s is no file: zddc %s %s", path, cli_cmds[c->cmd].name, cli_cmds[c->cmd].args);
	const char *name;
	AUTO_FREE char *parent = place_parent(at.rel, &name);

	p->name = strdup(name);
	p->dir = *parent ? joined(at.root, parent) : strdup(at.root);
	if (!place_has_control(p->dir))
		return out_fail(ZDDC_IO, "%s is not on a mount", path);
	return ZDDC_YES;
}

/* The file as it is now ends the live chain. */
static void add_now(struct past *p, struct chain *live)
{
	struct version v = {.path = joined(p->dir, p->name), .now = true};
	struct stat st;

	if (stat(v.path, &st) < 0 || !S_ISREG(st.st_mode)) {
		free(v.path);
		return;
	}
	v.size = st.st_size;
	v.name.time = st.st_mtim.tv_sec;
	live->v = grown(live->v, live->n, sizeof(*live->v));
	live->v[live->n++] = v;
}

static int read_past(struct past *p)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	buf_addf(&path, "%s/.zddc.d/history/%s", p->dir, p->name);
	r = read_chain(p, buf_str(&path), NULL);
	if (r == -ENOENT) {
		p->chains = grown(p->chains, p->n, sizeof(*p->chains));
		p->chains[p->n++] = (struct chain){0};
		r = 0;
	}
	if (r < 0)
		return out_fail(ZDDC_IO, "%s: %s", buf_str(&path), strerror(-r));
	qsort(p->chains, p->n, sizeof(*p->chains), by_time);
	add_now(p, &p->chains[p->n - 1]);
	return ZDDC_YES;
}

/* ------------------------------------------------------------------------------------------------ what is known of one version */

/* Of a record the text says it, of the rest only when it was written. */
static void know_now(struct version *v)
{
	AUTO_CLOSE int fd = open(v->path, O_RDONLY | O_CLOEXEC);
	AUTO_BUF text = BUF_INIT;
	struct record_stamped s;
	ssize_t n;

	if (fd < 0 || v->size > 1 << 20)
		return;
	do {
		buf_reserve(&text, BLOCK);
		n = read(fd, text.data + text.len, BLOCK);
		text.len += n > 0 ? (size_t)n : 0;
	} while (n > 0 && text.len <= 2 << 20);
	record_stamped_read(buf_str(&text), text.len, &s);
	v->name.revision = s.revision;
	v->name.time = s.updated_at ? s.updated_at : v->name.time;
	memcpy(v->name.email, s.updated_by, sizeof(v->name.email));
}

static void hash_file(const char *path, char hex[SHA256_HEX])
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO_FREE char *block = malloc(BLOCK);
	unsigned char sha[SHA256_LEN];
	struct sha256 *h = sha256_new();
	ssize_t n = 0;

	while (fd >= 0 && block && (n = read(fd, block, BLOCK)) > 0)
		sha256_add(h, block, (size_t)n);
	sha256_end(h, sha);
	sha256_hex(sha, hex);
	if (fd < 0 || n < 0)
		*hex = '\0';
}

/* ------------------------------------------------------------------------------------------------ showing */

static void show_version(const struct version *v, struct buf *out)
{
	char time[32], sha[SHA256_HEX];

	str_time_format(v->name.time, time);
	hash_file(v->path, sha);
	if (v->now && !v->name.revision)
		buf_addf(out, "%6s", "now");
	else
		buf_addf(out, "%6lu", v->name.revision);
	buf_addf(out, "  %s  %.16s  %10lld  ", time, *sha ? sha : "unreadable", (long long)v->size);
	out_name(out, *v->name.email ? v->name.email : "-");
	buf_adds(out, v->now && v->name.revision ? "  now\n" : "\n");
}

static void show_line(const char *what, const char *text, struct buf *out)
{
	if (!text)
		return;
	buf_addf(out, "%s ", what);
	out_name(out, text);
	buf_addc(out, '\n');
}

/* The changes from a to b (NULL: from nothing), by diff(1), straight to standard output. */
static void show_diff(const struct version *a, const struct version *b)
{
	const char *from = a ? a->path : "/dev/null";
	pid_t pid = fork();

	if (pid == 0) {
		execlp("diff", "diff", "-u", "--", from, b->path, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void put(struct buf *out)
{
	out_put(out);
	buf_reset(out);
}

static void show_chain(const struct cli *c, const struct chain *chain, struct buf *out)
{
	show_line("moved from", chain->from, out);
	for (size_t i = 0; i < chain->n; i++) {
		show_version(&chain->v[i], out);
		if (!cli_has(c, OPT_DIFF) || !i)
			continue;
		put(out);
		fflush(stdout);
		show_diff(&chain->v[i - 1], &chain->v[i]);
	}
	show_line("ended", chain->ended, out);
	show_line("moved to", chain->to, out);
	put(out);
}

static void json_version(const struct version *v, struct buf *out)
{
	char time[32], sha[SHA256_HEX];

	str_time_format(v->name.time, time);
	hash_file(v->path, sha);
	json_sep(out);
	buf_addc(out, '{');
	json_kv_bool(out, "now", v->now);
	if (v->name.revision)
		json_kv_int(out, "revision", (long long)v->name.revision);
	json_kv(out, "time", time);
	json_kv(out, "who", *v->name.email ? v->name.email : NULL);
	json_kv(out, "sha256", *sha ? sha : NULL);
	json_kv_int(out, "size", (long long)v->size);
	json_kv(out, "path", v->path);
	buf_addc(out, '}');
}

static void json_past(const struct past *p, struct buf *out)
{
	buf_addc(out, '{');
	json_kv(out, "name", p->name);
	json_key(out, "chains");
	buf_addc(out, '[');
	for (size_t i = 0; i < p->n; i++) {
		json_sep(out);
		buf_addc(out, '{');
		json_kv(out, "ended", p->chains[i].ended);
		json_kv(out, "moved_from", p->chains[i].from);
		json_kv(out, "moved_to", p->chains[i].to);
		json_key(out, "versions");
		buf_addc(out, '[');
		for (size_t k = 0; k < p->chains[i].n; k++)
			json_version(&p->chains[i].v[k], out);
		buf_adds(out, "]}");
	}
	buf_adds(out, "]}\n");
}

static int show(const struct cli *c, struct past *p)
{
	AUTO_BUF out = BUF_INIT;
	size_t versions = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->chains[i].n; k++, versions++)
			if (p->chains[i].v[k].now)
				know_now(&p->chains[i].v[k]);
	if (!versions)
		return out_fail(ZDDC_NO, "%s/%s is not there, and there are no versions of it that you may see", p->dir, p->name);
	if (cli_has(c, OPT_JSON)) {
		json_past(p, &out);
		out_put(&out);
		return ZDDC_YES;
	}
	for (size_t i = 0; i < p->n; i++)
		show_chain(c, &p->chains[i], &out);
	return ZDDC_YES;
}

int cmd_history(const struct cli *c)
{
	struct past p = {0};
	int status = find(c, c->arg, &p);

	if (status == ZDDC_YES)
		status = read_past(&p);
	if (status == ZDDC_YES)
		status = show(c, &p);
	past_free(&p);
	return status;
}

/* ------------------------------------------------------------------------------------------------ restoring */

/* By number ("3"), by the beginning of the hash, or by the whole name; the newest that fits, the live chain first. */
static bool is_meant(const struct version *v, const char *what)
{
	const char *name = strrchr(v->path, '/') + 1;
	char *end;
	unsigned long n = strtoul(what, &end, 10);

	if (v->now)
		return false;
	return !strcmp(name, what) || (*what && !*end && v->name.revision == n) || (strlen(what) >= 4 && str_starts(v->name.sha8, what));
}

static const struct version *meant(const struct past *p, const char *what)
{
	for (size_t i = p->n; i-- > 0;)
		for (size_t k = p->chains[i].n; k-- > 0;)
			if (is_meant(&p->chains[i].v[k], what))
				return &p->chains[i].v[k];
	return NULL;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n) {
		ssize_t w = write(fd, data, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -errno;
		data += w;
		n -= (size_t)w;
	}
	return 0;
}

static int pour(int in, int out)
{
	AUTO_FREE char *block = malloc(BLOCK);
	ssize_t n = 0;
	int r = block ? 0 : -ENOMEM;

	while (r == 0 && (n = read(in, block, BLOCK)) > 0)
		r = write_all(out, block, (size_t)n);
	return r == 0 && n < 0 ? -errno : r;
}

/* close(2) says whether a record was accepted. */
static int write_back(const struct past *p, const struct version *v)
{
	AUTO_FREE char *path = joined(p->dir, p->name);
	AUTO_CLOSE int in = open(v->path, O_RDONLY | O_CLOEXEC);
	int out = in < 0 ? -1 : open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
	int r = in < 0 || out < 0 ? -errno : pour(in, out);

	if (out >= 0 && close(out) < 0 && r == 0)
		r = -errno;
	return r;
}

int cmd_restore(const struct cli *c)
{
	struct past p = {0};
	const struct version *v = NULL;
	int status = find(c, c->arg, &p);

	if (status == ZDDC_YES)
		status = read_past(&p);
	if (status == ZDDC_YES && !(v = meant(&p, c->args[1])))
		status = out_fail(ZDDC_NO, "%s has no version %s that you may see: \"zddc history\" lists them", c->arg, c->args[1]);
	if (status == ZDDC_YES)
		status = control_answer(c, p.dir, c->arg, write_back(&p, v));
	past_free(&p);
	return status;
}
