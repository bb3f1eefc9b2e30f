/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zddc init: a new archive that explains itself. Nothing that exists is ever overwritten. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "acl/idmap.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/yemit.h"
#include "cli/cli.h"
#include "cli/engine.h"
#include "cli/ledgerkey.h"
#include "cli/files.h"
#include "cli/out.h"

#define PROJECT "Project-1"

/* In each text: %1$s the administrator, %2$s the Unix user. */
static const char root_text[] =
	"# The policy of this archive: it holds here and in every directory below. A .zddc deeper down adds to it.\n"
	"# After a change:    zddc check                     says what is wrong, with line and column\n"
	"#                    zddc explain PATH --as WHO     says what somebody may do there, and which line decides\n"
	"#                    zddc show-defaults             is what holds before any .zddc: folders, roles, write-once zones\n"
	"title: Project archive\n"
	"\n"
	"# Administrators may read and change every .zddc. To do more than the grants below give them they elevate.\n"
	"admins:\n"
	"  - %1$s\n"
	"\n"
	"# Grants name an e-mail address, a pattern (\"*@example.com\"), a Unix group (group:NAME) or a role, and verbs:\n"
	"# r read and list, w overwrite, c create, d delete, a write .zddc. None includes another, \"\" denies.\n"
	"# The deepest directory that has an entry for somebody decides alone.\n"
	"#\n"
	"# acl:\n"
	"#   permissions:\n"
	"#     \"*@example.com\": r\n";

static const char project_text[] =
	"# The people of this project. Members are e-mail addresses, patterns (\"*@example.com\") or groups (group:NAME).\n"
	"title: Example project\n"
	"roles:\n"
	"  # runs the archive: adds parties, files what was received and issued\n"
	"  document_controller:\n"
	"    members:\n"
	"      - %1$s\n"
	"  # prepares documents in working/, hands them over in staging/ and reviewing/\n"
	"  # project_team:\n"
	"  #   members: [engineer@example.com]\n"
	"  # reads\n"
	"  # observer:\n"
	"  #   members: [\"*@client.example.com\"]\n";

static const char identities_text[] =
	"# Which Unix user is which e-mail address: user name or number, then the address. Who is not listed is anonymous,\n"
	"# unless the archive is mounted with -o domain=.\n"
	"identities:\n"
	"  %2$s: %1$s\n";

/* USER@DOMAIN from what this machine calls itself, or "". */
static void guess(char *out, size_t size)
{
	const struct passwd *user = getpwuid(getuid());
	struct addrinfo hints = {.ai_flags = AI_CANONNAME}, *found = NULL;
	char host[256] = "";
	const char *dot = NULL;

	*out = 0;
	gethostname(host, sizeof host - 1);
	if (!strchr(host, '.') && getaddrinfo(host, NULL, &hints, &found) == 0 && found->ai_canonname)
		snprintf(host, sizeof host, "%s", found->ai_canonname);
	if (found)
		freeaddrinfo(found);
	dot = strchr(host, '.');
	if (user && dot && dot[1])
		snprintf(out, size, "%s@%s", user->pw_name, dot + 1);
}

/* Asks at the terminal; the guess is only what an empty answer means, and is shown. */
static int ask(char *out, size_t size)
{
	char proposed[256];

	guess(proposed, sizeof proposed);
	if (!isatty(STDIN_FILENO))
		return out_fail(ZDDC_USAGE, "who administers the archive? Give your e-mail address: --admin %s",
				*proposed ? proposed : "you@example.com");
	fprintf(stderr, "Your e-mail address, as administrator of the archive%s%s%s: ", *proposed ? " [" : "", proposed,
		*proposed ? "]" : "");
	if (!fgets(out, (int)size, stdin))
		return out_fail(ZDDC_USAGE, "no address was given: use --admin you@example.com");
	out[strcspn(out, "\n")] = 0;
	if (!*out)
		snprintf(out, size, "%s", proposed);
	return ZDDC_YES;
}

static int administrator(const struct cli *c, char *out, size_t size)
{
	int status = ZDDC_YES;

	if (cli_has(c, OPT_ADMIN))
		snprintf(out, size, "%s", c->opt[OPT_ADMIN]);
	else
		status = ask(out, size);
	str_lower(out);
	if (status == ZDDC_YES && !idmap_email_ok(out))
		return out_fail(ZDDC_USAGE, "\"%s\" is no e-mail address: it should look like you@example.com", out);
	return status;
}

/* A directory with nothing in it, or none: 1. -errno if it cannot be read. */
static int is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int found = 0;

	if (!d)
		return errno == ENOENT ? 1 : -errno;
	while (!found && (e = readdir(d)))
		found = strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	closedir(d);
	return !found;
}

static int make_dir(const char *dir, const char *name)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s%s%s", dir, *name ? "/" : "", name);
	if (mkdir(buf_str(&path), 0700) == 0 || errno == EEXIST)
		return ZDDC_YES;
	return out_fail(ZDDC_IO, "%s cannot be made: %s", buf_str(&path), strerror(errno));
}

static const char *unix_user(void)
{
	static char number[24];
	const struct passwd *user = getpwuid(getuid());

	snprintf(number, sizeof number, "%lu", (unsigned long)getuid());
	return user ? user->pw_name : number;
}

/* "%1$s" and "%2$s" of our own texts, each as a YAML scalar; the texts know no other directive. */
static void fill_in(struct buf *out, const char *text, const char *admin)
{
	for (; *text; text++) {
		if (strncmp(text, "%1$s", 4) != 0 && strncmp(text, "%2$s", 4) != 0) {
			buf_addc(out, *text);
			continue;
		}
		yemit_scalar(out, text[1] == '1' ? admin : unix_user());
		text += 3;
	}
}

static int make_file(const char *dir, const char *name, const char *text, const char *admin)
{
	AUTO_BUF path = BUF_INIT, bytes = BUF_INIT;
	int err;

	buf_addf(&path, "%s/%s", dir, name);
	fill_in(&bytes, text, admin);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST && strcmp(name, ".zddc") != 0)
		return ZDDC_YES; /* with --here: what is there stays */
	if (fd < 0)
		return out_fail(ZDDC_IO, "%s cannot be made: %s", buf_str(&path), strerror(errno));
	err = file_write_fd(fd, &bytes);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (err)
		return out_fail(ZDDC_IO, "%s cannot be written: %s", buf_str(&path), strerror(-err));
	return ZDDC_YES;
}

/* An empty directory that was there already: closed to others, as a new one is. Others are left, and a warning says so. */
static int make_private(const char *dir, bool was_empty)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return out_fail(ZDDC_IO, "%s: %s", dir, strerror(errno));
	if (!(st.st_mode & 077))
		return ZDDC_YES;
	if (was_empty && chmod(dir, 0700) == 0)
		return ZDDC_YES;
	out_fail(0, "%s can be reached by others past the mount: \"chmod 700\" closes it", dir);
	return ZDDC_YES;
}

/* What signs the heads of the ledger (zddc audit checkpoint). */
static int make_key(const char *dir)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	buf_addf(&path, "%s/.zddc.d/ledger", dir);
	r = ledgerkey_make(buf_str(&path));
	return r < 0 ? out_fail(ZDDC_IO, "%s/key cannot be made: %s", buf_str(&path), strerror(-r)) : ZDDC_YES;
}

/* The root .zddc comes last: until it is there, nothing takes the directory for an archive. */
static int make_archive(const char *dir, bool was_empty, const char *admin)
{
	static const struct {
		const char *name, *text; /* text NULL: a directory */
	} parts[] = {
		{"", NULL},
		{".zddc.d", NULL},
		{".zddc.d/identities.yaml", identities_text},
		{PROJECT, NULL},
		{PROJECT "/archive", NULL},
		{PROJECT "/.zddc", project_text},
		{".zddc", root_text},
	};
	int status = ZDDC_YES;

	for (size_t i = 0; i < ARRAY_LEN(parts) && status == ZDDC_YES; i++)
		status = parts[i].text ? make_file(dir, parts[i].name, parts[i].text, admin) : make_dir(dir, parts[i].name);
	if (status == ZDDC_YES)
		status = make_key(dir);
	return status == ZDDC_YES ? make_private(dir, was_empty) : status;
}

static int suitable(const struct cli *c)
{
	int empty = is_empty(c->arg);
	AUTO_BUF policy = BUF_INIT;

	if (empty == -ENOTDIR)
		return out_fail(ZDDC_IO, "%s is there and is no directory: give another place", c->arg);
	if (empty < 0)
		return out_fail(ZDDC_IO, "%s: %s", c->arg, strerror(-empty));
	buf_addf(&policy, "%s/.zddc", c->arg);
	if (access(buf_str(&policy), F_OK) == 0)
		return out_fail(ZDDC_NO, "%s is an archive already: it has a .zddc", c->arg);
	if (!empty && !cli_has(c, OPT_HERE))
		return out_fail(ZDDC_NO, "%s is not empty: choose another place, or add --here to make it an archive as it is", c->arg);
	return ZDDC_YES;
}

static void report(const struct cli *c, const char *admin)
{
	AUTO_BUF out = BUF_INIT;

	if (cli_has(c, OPT_JSON)) {
		buf_addc(&out, '{');
		json_kv(&out, "archive", c->arg);
		json_kv(&out, "admin", admin);
		json_kv(&out, "user", unix_user());
		json_kv(&out, "project", PROJECT);
		buf_adds(&out, "}\n");
	} else {
		out_name(&out, c->arg);
		buf_addf(&out, " is an archive, administered by %s (Unix user %s).\n", admin, unix_user());
		buf_adds(&out, "  its policy   .zddc and " PROJECT "/.zddc: read and change them, then run zddc check\n"
			       "  mount it     zddcfs ");
		out_name(&out, c->arg);
		buf_adds(&out, " MOUNTPOINT\n");
	}
	out_put(&out);
}

int cmd_init(const struct cli *c)
{
	char admin[256];
	int status = suitable(c);

	if (status == ZDDC_YES)
		status = administrator(c, admin, sizeof admin);
	if (status == ZDDC_YES)
		status = make_archive(c->arg, is_empty(c->arg) == 1, admin);
	if (status == ZDDC_YES)
		report(c, admin);
	return status;
}
