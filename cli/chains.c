/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/chains.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"
#include "cli/place.h"

enum { CHUNK = 1 << 20, SMALL = 65536 };

static int by_order(const void *a, const void *b) { return ledger_file_cmp(a, b); }

static void add_file(struct chains *c, const char *name)
{
	struct ledger_file f;

	if (!ledger_file_parse(name, &f))
		return;
	c->v = realloc(c->v, (c->n + 1) * sizeof(*c->v));
	if (!c->v)
		abort();
	c->v[c->n++] = f;
}

/* The files of the ledger are nobody's on a mount, and where nothing was mounted there are none: each wants another next step. */
static int no_ledger(const char *archive)
{
	if (place_has_control(archive))
		return out_fail(ZDDC_IO,
				"%s is on a mount, which shows no files of the ledger: name the archive itself (findmnt says where it lies), or ask "
				"whoever keeps it; \"zddc audit %s\" lists what you may know",
				archive, archive);
	return out_fail(ZDDC_IO, "%s has no ledger: give the directory of an archive that was mounted, or a directory of a mount", archive);
}

int chains_find(const char *archive, struct chains *out)
{
	AUTO_BUF path = BUF_INIT;
	const struct dirent *e;
	DIR *d;

	*out = (struct chains){0};
	buf_addf(&path, "%s/.zddc.d/ledger", archive);
	out->dir = buf_steal(&path);
	d = opendir(out->dir);
	if (!d && errno == ENOENT)
		return no_ledger(archive);
	if (!d)
		return out_fail(ZDDC_IO, "%s: %s", out->dir, strerror(errno));
	while ((e = readdir(d)))
		add_file(out, e->d_name);
	closedir(d);
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), by_order);
	return ZDDC_YES;
}

void chains_free(struct chains *c)
{
	free(c->dir);
	free(c->v);
}

size_t chains_end(const struct chains *c, size_t from)
{
	size_t i = from;

	while (i < c->n && c->v[i].run == c->v[from].run && !strcmp(c->v[i].host, c->v[from].host))
		i++;
	return i;
}

void chains_name(const struct chains *c, size_t file, char name[LEDGER_NAME_MAX + 1])
{
	ledger_chain_name(c->v[file].host, c->v[file].run, name);
}

static int open_file(const struct chains *c, size_t file)
{
	char name[LEDGER_NAME_MAX + 1];
	AUTO_BUF path = BUF_INIT;

	ledger_file_name(c->v[file].host, c->v[file].run, c->v[file].part, name);
	buf_addf(&path, "%s/%s", c->dir, name);
	return open(buf_str(&path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
}

int chains_read(const struct chains *c, size_t file, unsigned long long from, int (*each)(void *arg, const void *p, size_t n), void *arg,
		unsigned long long *to)
{
	AUTO_FREE char *chunk = malloc(CHUNK);
	AUTO_CLOSE int fd = open_file(c, file);
	ssize_t n = 1;
	int r = 0;

	if (fd < 0 || !chunk)
		return fd < 0 ? -errno : -ENOMEM;
	while (r == 0 && n > 0) {
		n = pread(fd, chunk, CHUNK, (off_t)from);
		if (n < 0)
			return -errno;
		from += (unsigned long long)n;
		r = n ? each(arg, chunk, (size_t)n) : 0;
	}
	if (to)
		*to = from;
	return r;
}

/* ------------------------------------------------------------------ which one is the latest */

struct first_line {
	struct ledger_lines cut;
	int64_t time;
};

static int take_time(void *arg, const char *line, size_t n)
{
	struct first_line *f = arg;
	struct ledger_entry e;
	struct arena a = ARENA_INIT;

	f->time = ledger_entry_parse(line, n, &a, &e) == 0 ? e.time_us : 0;
	arena_free(&a);
	return 1;
}

static int feed_first(void *arg, const void *p, size_t n)
{
	struct first_line *f = arg;

	return ledger_lines_feed(&f->cut, p, n, take_time, f);
}

static int64_t begins_at(const struct chains *c, size_t file)
{
	struct first_line f = {0};

	chains_read(c, file, 0, feed_first, &f, NULL);
	buf_free(&f.cut.rest);
	return f.time;
}

size_t chains_named(const struct chains *c, const char *name)
{
	char is[LEDGER_NAME_MAX + 1];
	int64_t latest = -1;
	size_t found = c->n;

	for (size_t i = 0; i < c->n; i = chains_end(c, i)) {
		int64_t at = name ? 0 : begins_at(c, i);

		chains_name(c, i, is);
		if (name ? !strcmp(name, is) : at >= latest) {
			found = i;
			latest = at;
		}
	}
	return found;
}

/* ------------------------------------------------------------------ what else lies there */

int chains_store(const struct chains *c, const char *name, struct buf *out)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s/%s", c->dir, name);
	return file_read(buf_str(&path), SMALL, out);
}

int chains_store_new(const struct chains *c, const char *name, const struct buf *text)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	buf_addf(&path, "%s/%s", c->dir, name);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write_fd(fd, text);
	return r == 0 && fsync(fd) < 0 ? -errno : r;
}

static int by_seq(const void *a, const void *b)
{
	const struct ledger_checkpoint *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

struct ledger_checkpoint *chains_checkpoints(const struct chains *c, const char *chain, size_t *n)
{
	struct ledger_checkpoint *v = NULL, one;
	DIR *d = opendir(c->dir);
	const struct dirent *e;

	*n = 0;
	while (d && (e = readdir(d))) {
		AUTO_BUF text = BUF_INIT;

		if (!str_ends(e->d_name, ".checkpoint") || chains_store(c, e->d_name, &text) != 0)
			continue;
		if (ledger_checkpoint_parse(buf_str(&text), text.len, &one) != 0 || strcmp(one.chain, chain) != 0)
			continue;
		v = realloc(v, (*n + 1) * sizeof(*v));
		if (!v)
			abort();
		v[(*n)++] = one;
	}
	if (d)
		closedir(d);
	if (*n)
		qsort(v, *n, sizeof(*v), by_seq);
	return v;
}
