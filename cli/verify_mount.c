/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Checks of a live mount: H2 to H5, H8, H9, H11, H12, H15 to H17. What is tried changes nothing where it is refused. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/memtree.h"
#include "cli/probe.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"

#define PROBE_NAME ".zddc-verify-probe"

/* ------------------------------------------------------------------------------------------------ H2 */

/* A number behind "Name:" in /proc/PID/status; false if it is not there. */
static bool status_number(const char *text, const char *name, int base, unsigned long long *out)
{
	const char *at = strstr(text, name);

	if (!at)
		return false;
	*out = strtoull(at + strlen(name), NULL, base);
	return true;
}

static bool proc_text(const char *pid, const char *name, char *out, size_t room)
{
	AUTO_BUF path = BUF_INIT;
	ssize_t n;

	buf_addf(&path, "/proc/%s/%s", pid, name);
	AUTO_CLOSE int fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, out, room - 1);
	if (n < 0)
		return false;
	for (ssize_t i = 0; i < n; i++)
		out[i] = out[i] ? out[i] : '\n'; /* the words of cmdline */
	out[n] = 0;
	return true;
}

/* A daemon that was told to serve this mount point. */
static bool serves(const char *pid, const char *point)
{
	char comm[64], line[8192];

	if (!proc_text(pid, "comm", comm, sizeof comm) || (strcmp(comm, "zddcfs\n") != 0 && strcmp(comm, "mount.zddc\n") != 0))
		return false;
	if (!proc_text(pid, "cmdline", line, sizeof line))
		return false;
	for (char *save = NULL, *word = strtok_r(line, "\n", &save); word; word = strtok_r(NULL, "\n", &save)) {
		AUTO_FREE char *real = *word == '/' ? realpath(word, NULL) : NULL;

		if (!strcmp(word, point) || (real && !strcmp(real, point)))
			return true;
	}
	return false;
}

static void check_caps(struct verify *v, const char *pid, const char *status)
{
	/* CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, LINUX_IMMUTABLE, SYS_PTRACE; aside: SYS_ADMIN, for the unmount */
	const unsigned long long needed = 1ull << 0 | 1ull << 1 | 1ull << 2 | 1ull << 3 | 1ull << 9 | 1ull << 19, aside = 1ull << 21;
	unsigned long long uid = 0, effective = 0, permitted = 0, no_new = 0;

	status_number(status, "Uid:", 10, &uid);
	status_number(status, "CapEff:", 16, &effective);
	status_number(status, "CapPrm:", 16, &permitted);
	status_number(status, "NoNewPrivs:", 10, &no_new);
	if (effective & ~needed)
		verify_find(v, NULL, 0, "process %s has capabilities it does not need (%llx)", pid, effective & ~needed);
	if (permitted & ~(needed | aside))
		verify_find(v, NULL, 0, "process %s can take capabilities it does not need (%llx)", pid, permitted & ~(needed | aside));
	if (uid == 0 && !no_new)
		verify_find(v, NULL, 0, "process %s can gain privileges by running a program (no no_new_privs)", pid);
}

void check_daemon(struct verify *v)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	char status[8192];
	size_t found = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && serves(e->d_name, v->mount->at.root) &&
		    proc_text(e->d_name, "status", status, sizeof status)) {
			found++;
			check_caps(v, e->d_name, status);
		}
	if (d)
		closedir(d);
	if (!found)
		verify_nothing(v, "its process is not among those that you can see");
}

/* ------------------------------------------------------------------------------------------------ H3 */

void check_mount_flags(struct verify *v)
{
	struct statvfs st;

	if (statvfs(v->mount->at.root, &st) < 0)
		verify_find(v, v->mount->at.root, 0, "%s", strerror(errno));
	else if (!(st.f_flag & ST_NOSUID) || !(st.f_flag & ST_NODEV))
		verify_find(v, v->mount->at.root, 0, "is mounted without %s", st.f_flag & ST_NOSUID ? "nodev" : "nosuid");
}

/* ------------------------------------------------------------------------------------------------ H4, H15, H17: other users */

static void say_probe(struct verify *v, const struct probe *p, bool leaks)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct probe_answer *a = &p->answers[i];

		if (leaks && a->seen && !a->may_see)
			verify_find(v, p->dirs[i], 0, "%s sees it and may not", p->who);
		if (leaks && a->listed && !a->may_list)
			verify_find(v, p->dirs[i], 0, "%s finds it in a listing and may not", p->who);
		if (!leaks && !a->may_see && a->differs)
			verify_find(v, p->dirs[i], 0, "to %s it answers otherwise than a name that is not there", p->who);
	}
}

static void probe_users(struct verify *v, bool leaks)
{
	struct probes all;
	const char *why = probes_run(v, &all);

	for (size_t i = 0; !why && i < all.n; i++)
		if (all.v[i].uid != 0)
			say_probe(v, &all.v[i], leaks);
	if (why)
		verify_nothing(v, "%s", why);
	probes_free(&all);
}

void check_leaks(struct verify *v)
{
	probe_users(v, true);
}

void check_hidden(struct verify *v)
{
	probe_users(v, false);
}

void check_root_user(struct verify *v)
{
	struct probes all;
	const char *why = probes_run(v, &all);

	for (size_t i = 0; !why && i < all.n; i++)
		if (all.v[i].uid == 0)
			say_probe(v, &all.v[i], true);
	if (why)
		verify_nothing(v, "%s", why);
	probes_free(&all);
}

void check_ctl(struct verify *v)
{
	verify_nothing(v, "nothing can be tried without speaking for somebody; the tests of the mount do");
}

/* ------------------------------------------------------------------------------------------------ H5 */

/* A grant above, an invalid document below: the engine that everything here asks must deny. */
static void deny_below_invalid(struct verify *v)
{
	static const char grant[] = "acl: {permissions: {'*': rwcda, anonymous: rwcda}}\n", broken[] = "acl: {permissions: {'*': rwcdx}}\n";
	const struct subject *anybody = subject_get(v->people, ACL_EVERYONE, "*");
	struct memtree *t = memtree_new();
	struct engine e = {0};
	struct acl_policy *p;
	struct acl_decision d;

	memtree_doc(t, "", grant, strlen(grant));
	memtree_doc(t, "below", broken, strlen(broken));
	engine_over(memtree_source(t), NULL, false, &e);
	p = acl_snap_policy(e.snap, "below/deeper");
	d = subject_decide(anybody, p, 0, v->now);
	if (d.effective || d.allowed)
		verify_find(v, NULL, 0, "the engine grants something below an invalid document");
	acl_policy_unref(p);
	engine_close(&e);
	memtree_free(t);
}

void check_fails_closed(struct verify *v)
{
	struct probes all;
	const char *why = probes_run(v, &all);

	deny_below_invalid(v);
	for (size_t i = 0; !why && i < all.n; i++)
		for (size_t k = 0; k < all.v[i].n; k++)
			if (all.v[i].answers[k].seen && all.v[i].answers[k].broken && !all.v[i].answers[k].may_see)
				verify_find(v, all.v[i].dirs[k], 0, "its policy is invalid, and %s sees it", all.v[i].who);
	probes_free(&all);
}

/* ------------------------------------------------------------------------------------------------ H8, H9, H11, H12: attempts */

/* The first files that one sees on the mount, sealed ones only or any. */
struct finding {
	const char *root;
	char *path;
	bool sealed;
	unsigned looked;
};

static bool is_sealed(const char *path)
{
	char state[256];
	ssize_t n = getxattr(path, "user.zddc.state", state, sizeof state - 1);

	if (n < 0)
		return false;
	state[n] = 0;
	return str_starts(state, "sealed");
}

static void find_file(struct finding *f, const char *dir, unsigned depth)
{
	DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && !f->path && f->looked < 3000 && (e = readdir(d))) {
		AUTO_BUF path = BUF_INIT;
		struct stat st;

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || str_starts(e->d_name, ".zddc"))
			continue;
		f->looked++;
		buf_addf(&path, "%s/%s", dir, e->d_name);
		if (lstat(buf_str(&path), &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 32)
			find_file(f, buf_str(&path), depth + 1);
		else if (S_ISREG(st.st_mode) && (!f->sealed || is_sealed(buf_str(&path))))
			f->path = buf_steal(&path);
	}
	if (d)
		closedir(d);
}

static char *some_file(struct verify *v, bool sealed)
{
	struct finding f = {.root = v->mount->at.root, .sealed = sealed};

	find_file(&f, f.root, 0);
	return f.path;
}

/* Below the mount's root, as finding name it. */
static const char *shown(const struct verify *v, const char *path)
{
	return path + strlen(v->mount->at.root) + 1;
}

static void try_link(struct verify *v)
{
	AUTO_FREE char *file = some_file(v, false);
	AUTO_BUF name = BUF_INIT;

	if (!file)
		return;
	buf_addf(&name, "%.*s/" PROBE_NAME, (int)(strrchr(file, '/') - file), file);
	if (link(file, buf_str(&name)) == 0) {
		unlink(buf_str(&name));
		verify_find(v, shown(v, file), 0, "the mount gave it a second name");
	}
}

void check_hard_links(struct verify *v)
{
	if (v->tree)
		tree_hard_links(v);
	if (v->mount)
		try_link(v);
}

static void try_node(struct verify *v)
{
	AUTO_BUF name = BUF_INIT;

	buf_addf(&name, "%s/" PROBE_NAME, v->mount->at.root);
	if (mkfifo(buf_str(&name), 0600) == 0) {
		unlink(buf_str(&name));
		verify_find(v, v->mount->at.root, 0, "the mount made a pipe");
	}
}

void check_nodes(struct verify *v)
{
	if (v->tree)
		tree_nodes(v);
	if (v->mount)
		try_node(v);
}

static void try_attribute(struct verify *v)
{
	static const char *const names[] = {"trusted.zddc-verify", "security.zddc-verify"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (setxattr(v->mount->at.root, names[i], "x", 1, 0) == 0) {
			removexattr(v->mount->at.root, names[i]);
			verify_find(v, v->mount->at.root, 0, "the mount took the attribute %s", names[i]);
		}
}

void check_xattrs(struct verify *v)
{
	if (v->tree)
		tree_xattrs(v);
	if (v->mount)
		try_attribute(v);
}

/* What would change a sealed file. Removal is not tried, for it could not be undone, nor attributes, which its creator has a grace for. */
static void try_sealed(struct verify *v)
{
	AUTO_FREE char *file = some_file(v, true);
	AUTO_BUF name = BUF_INIT;

	if (!file) {
		if (!v->tree)
			verify_nothing(v, "you see no sealed file");
		return;
	}
	AUTO_CLOSE int fd = open(file, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0)
		verify_find(v, shown(v, file), 0, "is sealed and can be opened for writing");
	buf_addf(&name, "%.*s/" PROBE_NAME, (int)(strrchr(file, '/') - file), file);
	if (rename(file, buf_str(&name)) == 0) {
		rename(buf_str(&name), file);
		verify_find(v, shown(v, file), 0, "is sealed and can be renamed");
	}
}

void check_sealed(struct verify *v)
{
	if (v->tree)
		tree_sealed(v);
	if (v->mount)
		try_sealed(v);
}
