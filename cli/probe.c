/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/probe.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "acl/idmap.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/limits.h"
#include "cli/tree.h"
#include "cli/vec.h"
#include "cli/verify.h"

enum { MOST_DIRS = 2000, MOST_USERS = 6, NOBODYS_UID = 65533 };

/* ------------------------------------------------------------------------------------------------ whom to ask, about what */

struct asking {
	struct probes *p;
	bool root_known;
};

static void add(struct probes *p, uid_t uid, const char *who)
{
	p->v = vec_room(p->v, p->n, sizeof *p->v);
	p->v[p->n++] = (struct probe){.uid = uid, .who = vec_str(who)};
}

static void add_user(void *arg, const char *user, unsigned long uid, const char *email)
{
	struct asking *a = arg;
	const struct passwd *known = user ? getpwnam(user) : NULL;

	if (user && !known)
		return;
	uid = user ? known->pw_uid : uid;
	a->root_known |= uid == 0;
	if (uid == 0 || a->p->n < MOST_USERS)
		add(a->p, (uid_t)uid, email);
}

static void list_users(struct verify *v, struct probes *p)
{
	struct asking a = {.p = p};
	AUTO_BUF text = BUF_INIT;
	AUTO_DIAGS ignored = DIAGS_INIT;
	struct idmap *map = NULL;

	if (tree_read(v->tree->e.tree, ".zddc.d/identities.yaml", LIMIT_DOC_BYTES, &text) == 0 &&
	    idmap_parse("identities", buf_str(&text), text.len, &ignored, &map) == 0)
		idmap_each(map, add_user, NULL, &a);
	idmap_free(map);
	add(p, NOBODYS_UID, "anonymous");
	if (!a.root_known)
		add(p, 0, "anonymous");
}

static void list_dirs(struct verify *v, struct probes *p)
{
	for (size_t i = 1; i < v->n && p->n_dirs < MOST_DIRS; i++)
		if (v->v[i].how == PLACE_ON_DISK) {
			p->dirs = vec_room(p->dirs, p->n_dirs, sizeof *p->dirs);
			p->dirs[p->n_dirs++] = vec_str(v->v[i].path);
		}
}

/* ------------------------------------------------------------------------------------------------ as another user */

static void become(const struct probe *p)
{
	const struct passwd *user = getpwuid(p->uid);

	if (p->uid == 0)
		return;
	if ((user ? initgroups(user->pw_name, user->pw_gid) : setgroups(0, NULL)) < 0 || setresgid(user ? user->pw_gid : p->uid, user ? user->pw_gid : p->uid,
	    user ? user->pw_gid : p->uid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)
		_exit(1);
}

static bool listed_in(const char *parent, const char *name)
{
	DIR *d = opendir(parent);
	const struct dirent *e;
	bool found = false;

	while (d && !found && (e = readdir(d)))
		found = !strcmp(e->d_name, name);
	if (d)
		closedir(d);
	return found;
}

/* What several ways to ask about a path answer, as one number. */
static uint64_t ways(const char *path)
{
	AUTO_BUF below = BUF_INIT;
	uint64_t all = 0;
	struct stat st;
	char value[8];
	int fd;

	buf_addf(&below, "%s/.zddc", path);
	all = lstat(path, &st) < 0 ? (uint64_t)errno : 0;
	all = all << 8 | (access(path, F_OK) < 0 ? (uint64_t)errno : 0);
	all = all << 8 | (getxattr(path, "user.zddc.policy", value, 0) < 0 ? (uint64_t)errno : 0);
	all = all << 8 | (lstat(buf_str(&below), &st) < 0 ? (uint64_t)errno : 0);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	all = all << 8 | (fd < 0 ? (uint64_t)errno : 0);
	if (fd >= 0)
		close(fd);
	return all;
}

static void ask_one(const char *root, const char *dir, struct probe_answer *a)
{
	AUTO_BUF path = BUF_INIT, parent = BUF_INIT, absent = BUF_INIT;
	const char *slash = strrchr(dir, '/');
	uint64_t here;

	buf_addf(&path, "%s/%s", root, dir);
	buf_addf(&parent, "%s/%.*s", root, slash ? (int)(slash - dir) : 0, dir);
	buf_addf(&absent, "%s/no such name", buf_str(&parent));
	here = ways(buf_str(&path));
	a->seen = here >> 32 == 0;
	a->listed = listed_in(buf_str(&parent), slash ? slash + 1 : dir);
	a->differs = here != ways(buf_str(&absent));
}

static void child(const char *root, const struct probe *p, int out)
{
	become(p);
	for (size_t i = 0; i < p->n; i++) {
		struct probe_answer a = {0};

		ask_one(root, p->dirs[i], &a);
		if (write(out, &a, sizeof a) != (ssize_t)sizeof a)
			_exit(1);
	}
	_exit(0);
}

/* False if not every answer came. */
static bool ask(const char *root, struct probe *p)
{
	int fds[2];
	size_t got = 0;
	pid_t pid;

	if (pipe(fds) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		close(fds[0]);
		child(root, p, fds[1]);
	}
	close(fds[1]);
	while (pid > 0 && got < p->n * sizeof *p->answers) {
		ssize_t n = read(fds[0], (char *)p->answers + got, p->n * sizeof *p->answers - got);

		if (n <= 0)
			break;
		got += (size_t)n;
	}
	close(fds[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return got == p->n * sizeof *p->answers;
}

/* ------------------------------------------------------------------------------------------------ what they may */

static void judge(struct verify *v, struct probe *p)
{
	const struct subject *who = strcmp(p->who, "anonymous") ? subject_get(v->people, ACL_PERSON, p->who) : subject_get(v->people, ACL_ANONYMOUS, "anonymous");
	const struct acl_attrs attrs = {.now = v->now, .risk_score = -1};

	for (size_t i = 0; i < p->n; i++) {
		struct acl_request rq = acl_request_for(ACL_OP_ENTER, NULL, &who->p, &attrs, 0);
		struct acl_sight sight = {0};
		struct acl_policy *policy = acl_snap_policy(v->rules->e.snap, p->dirs[i]);

		if (acl_snap_sight(v->rules->e.snap, p->dirs[i], &rq, &sight) < 0)
			sight = (struct acl_sight){true, true, true};
		p->answers[i].may_see = sight.enter;
		p->answers[i].may_list = sight.listed;
		p->answers[i].broken = acl_is_invalid(policy);
		acl_policy_unref(policy);
	}
}

const char *probes_run(struct verify *v, struct probes *out)
{
	*out = (struct probes){0};
	if (!v->mount || !v->tree || geteuid() != 0)
		return "needs root, and the archive beside its mount: zddc verify ARCHIVE MOUNT";
	list_users(v, out);
	list_dirs(v, out);
	for (size_t i = 0; i < out->n; i++) {
		out->v[i].n = out->n_dirs;
		out->v[i].dirs = out->dirs;
		out->v[i].answers = calloc(out->n_dirs + 1, sizeof *out->v[i].answers);
		if (!out->v[i].answers)
			abort();
	}
	/* once to fill the caches, once to look */
	for (size_t i = 0; i < 2 * out->n; i++)
		if (!ask(v->mount->at.root, &out->v[i % out->n]))
			return "a user could not be asked";
	for (size_t i = 0; i < out->n; i++)
		judge(v, &out->v[i]);
	return out->n_dirs ? NULL : "there is no directory to ask about";
}

void probes_free(struct probes *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].who);
		free(p->v[i].answers);
	}
	for (size_t i = 0; i < p->n_dirs; i++)
		free(p->dirs[i]);
	free(p->dirs);
	free(p->v);
	*p = (struct probes){0};
}
