/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Starts things, in order, and stops them in the other. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/sdnotify.h"
#include "fs/attrs.h"
#include "fs/audit.h"
#include "fs/back.h"
#include "fs/caller.h"
#include "fs/caps.h"
#include "fs/current.h"
#include "fs/gate.h"
#include "fs/handle.h"
#include "fs/identities.h"
#include "fs/ll.h"
#include "fs/node.h"
#include "fs/notify.h"
#include "fs/op.h"
#include "fs/opts.h"
#include "fs/passthrough.h"
#include "fs/policy.h"
#include "fs/seal.h"
#include "fs/session.h"
#include "fs/tenant.h"
#include "fs/virt.h"

#ifndef ZDDC_VERSION
#define ZDDC_VERSION "0.1"
#endif

static struct {
	struct options o;
	char mountpoint[PATH_MAX];
	int ready_fd; /* where the waiting parent listens; -1 in the foreground */
	struct fuse_session *session;
	pthread_t main_thread, signal_thread;
} run = {.ready_fd = -1};

/* ------------------------------------------------------------------------------------------------ privileges */

/*
 * What serving needs: act on files of every user and give them away; and SYS_PTRACE, without which /proc hides the exit code of a task
 * that is being killed, so that what it left half written would be sealed (seal_life.c). The daemon traces nobody.
 */
#define CAPS_SERVING (CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_SYS_PTRACE))
/* Kept aside, not in effect: for the unmount at the end, and for giving a file to the kernel (passthrough.c). */
#define CAPS_KEPT (CAPS_SERVING | CAP_BIT(CAP_SYS_ADMIN))

/* -o immutable sets a flag that only this capability may set. */
static uint64_t caps_serving(void)
{
	return CAPS_SERVING | (run.o.immutable ? CAP_BIT(CAP_LINUX_IMMUTABLE) : 0);
}

/*
 * With CAP_SYS_RESOURCE quotas would not hold. Before any thread is made: capabilities belong to threads. An ordinary user has none, and
 * needs the set-user-id fusermount3 at the end, so that no_new_privs is for root only.
 */
static int drop_privileges(void)
{
	uint64_t have = caps_get().permitted;

	if (geteuid() != 0)
		return 0;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!((CAPS_KEPT | caps_serving()) & CAP_BIT(cap)))
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return caps_set((struct caps){have & caps_serving(), have & (caps_serving() | CAPS_KEPT)});
}

static void raise_for_unmount(void)
{
	uint64_t have = caps_get().permitted;

	if (geteuid() == 0)
		caps_set((struct caps){have, have});
}

/* ------------------------------------------------------------------------------------------------ the mount point */

static void clean_as_user(const char *mountpoint)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("fusermount3", "fusermount3", "-u", "-z", "--", mountpoint, (char *)NULL);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

/* What a killed daemon left: every access says that nobody is connected. */
static void clean_dead_mount(const char *mountpoint)
{
	struct stat st;

	if (stat(mountpoint, &st) == 0 || (errno != ENOTCONN && errno != ECONNABORTED))
		return;
	log_notice("%s is a mount whose daemon has died: cleaning it up", mountpoint);
	if (geteuid() == 0)
		umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW);
	else
		clean_as_user(mountpoint);
}

static int find_mountpoint(void)
{
	struct stat st;

	clean_dead_mount(run.o.mountpoint);
	if (!realpath(run.o.mountpoint, run.mountpoint) || stat(run.mountpoint, &st) < 0) {
		log_err("mount point %s: %s", run.o.mountpoint, strerror(errno));
		return -errno;
	}
	if (!S_ISDIR(st.st_mode)) {
		log_err("mount point %s is not a directory", run.mountpoint);
		return -ENOTDIR;
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------------ becoming a daemon */

static void detach_from_terminal(void)
{
	int null = open("/dev/null", O_RDWR);

	log_to_syslog();
	for (int fd = 0; null >= 0 && fd < 3; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

/* The kernel has said hello: from now on every request is answered. */
static void serving(void)
{
	log_notice("%s is mounted at %s", back_archive(), run.mountpoint);
	sd_notify_state("READY=1");
	if (run.ready_fd < 0)
		return;
	if (write(run.ready_fd, "1", 1) != 1)
		log_warn("whoever started the mount is gone");
	close(run.ready_fd);
	run.ready_fd = -1;
	detach_from_terminal();
}

/* The parent stays until the child serves or has said why it does not. */
static int wait_for_child(int fd)
{
	char word;
	ssize_t n;

	do
		n = read(fd, &word, 1);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : 1;
}

/* In the child: 0. In the parent: -1, and *status is what to exit with. */
static int go_to_background(int *status)
{
	int fds[2];
	pid_t pid;

	if (run.o.foreground)
		return 0;
	*status = 1;
	if (pipe2(fds, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
		log_err("cannot become a daemon: %s", strerror(errno));
		return -1;
	}
	if (pid == 0) {
		close(fds[0]);
		run.ready_fd = fds[1];
		setsid();
		return 0;
	}
	close(fds[1]);
	*status = wait_for_child(fds[0]);
	return -1;
}

/* ------------------------------------------------------------------------------------------------ signals */

static void wake_up(int sig)
{
	(void)sig;
}

static void reload(void)
{
	log_notice("reading identities and policy again");
	identities_reload();
	policy_reload();
}

static void *watch_signals(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	while (sigwait(&set, &sig) == 0) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
		if (sig == SIGHUP) {
			reload();
		} else if (sig == SIGUSR2) {
			audit_rotate();
		} else {
			fuse_session_exit(run.session);
			pthread_kill(run.main_thread, SIGUSR1); /* an older library does not wake its loop by itself */
		}
		pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	}
	return arg;
}

/* Before the first thread, so that all of them leave these to watch_signals(). */
static void block_signals(void)
{
	struct sigaction wake = {.sa_handler = wake_up};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGUSR1, &wake, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static int start_signal_thread(void)
{
	return -pthread_create(&run.signal_thread, NULL, watch_signals, NULL);
}

static void stop_signal_thread(void)
{
	pthread_cancel(run.signal_thread);
	pthread_join(run.signal_thread, NULL);
}

/* ------------------------------------------------------------------------------------------------ the archive */

static int open_archive(void)
{
	size_t most = back_raise_limits();
	struct back_ref ref;
	struct stat st;
	int r = back_init(run.o.archive, run.mountpoint);

	if (r < 0)
		return r;
	handles_init(most / 2);
	r = back_root_ref(&ref, &st);
	if (r == 0)
		r = nodes_init(&ref, st.st_ino);
	if (r == 0)
		r = policy_init(&run.o);
	if (r == 0)
		r = audit_init(&run.o);
	if (r == 0)
		r = seal_init(&run.o);
	return r < 0 ? r : callers_init(&run.o);
}

static struct {
	struct handle **v;
	size_t n;
} left; /* handles that are open when the kernel has gone */

static void collect_handles(struct node *n)
{
	for (struct handle *h = n->handles; h; h = h->next) {
		left.v = realloc(left.v, (left.n + 1) * sizeof(*left.v));
		if (!left.v)
			abort();
		left.v[left.n++] = h;
		node_ref(n);
	}
}

/*
 * What a RELEASE would have done: a draft that is complete takes effect. A write-once file whose descriptors were all closed is closed (its
 * RELEASE was still on the way); one that was being written when the mount ended is torn.
 */
static void release_all(void)
{
	nodes_each(collect_handles);
	for (size_t i = 0; i < left.n; i++) {
		struct op op = {.id = OP_RELEASE, .caller = {.uid = left.v[i]->who->uid, .id = identity_ref(left.v[i]->who)}};

		if (!left.v[i]->flushed)
			left.v[i]->failed = true;
		current_begin(&op);
		audit_reply(&op, op_release(&op, left.v[i]));
		current_end();
		identity_put(op.caller.id);
	}
	free(left.v);
}

static void close_archive(void)
{
	release_all();
	seal_stop();
	sessions_stop();
	policy_stop();
	virt_exit();
	nodes_free();
	seal_exit();
	audit_stop();
	policy_exit();
	callers_free();
	gate_free();
	back_exit();
}

/* ------------------------------------------------------------------------------------------------ the session */

static struct fuse_session *new_session(void)
{
	AUTO_FREE char *kernel = options_for_kernel(&run.o);
	char *argv[] = {(char *)(uintptr_t) "zddcfs", (char *)(uintptr_t) "-o", kernel, (char *)(uintptr_t) "-d", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(run.o.debug ? 4 : 3, argv);
	struct fuse_session *se = fuse_session_new(&args, &ll_ops, sizeof(ll_ops), NULL);

	fuse_opt_free_args(&args);
	return se;
}

static int mount_it(void)
{
	run.session = new_session();
	if (!run.session)
		return -EINVAL;
	if (fuse_session_mount(run.session, run.mountpoint) == 0)
		return 0;
	log_err("cannot mount at %s", run.mountpoint);
	fuse_session_destroy(run.session);
	run.session = NULL;
	return -EIO;
}

static void unmount(void)
{
	bool quiet = notify_stop();

	raise_for_unmount();
	fuse_session_unmount(run.session);
	if (quiet)
		fuse_session_destroy(run.session);
}

static int loop(void)
{
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	int r;

	fuse_loop_cfg_set_clone_fd(config, 0);
	fuse_loop_cfg_set_max_threads(config, 32);
	r = fuse_session_loop_mt(run.session, config);
	fuse_loop_cfg_destroy(config);
	return r < 0 ? r : 0;
}

/* Threads begin here, each with what is left of our privileges. */
static int start_threads(void)
{
	int r = drop_privileges();

	if (r < 0)
		log_err("cannot drop privileges: %s", strerror(-r));
	else
		pass_init(&run.o, fuse_session_fd(run.session));
	if (r == 0)
		r = policy_start();
	if (r == 0)
		r = notify_start(run.session);
	if (r == 0)
		r = audit_start(run.mountpoint);
	if (r == 0)
		r = seal_start();
	if (r == 0)
		r = sessions_start();
	return r < 0 ? r : start_signal_thread();
}

/* We work from /, so that no directory is kept busy: what was named relatively is named absolutely. */
static void make_absolute(const char **name)
{
	char *path = *name ? realpath(*name, NULL) : NULL; /* kept for as long as we live */

	if (path)
		*name = path;
}

static void leave_working_dir(void)
{
	make_absolute(&run.o.archive);
	make_absolute(&run.o.identities);
	make_absolute(&run.o.defaults);
	if (chdir("/") < 0)
		log_warn("/: %s", strerror(errno));
}

static int serve(void)
{
	leave_working_dir();
	int r = open_archive();

	if (r == 0)
		r = attrs_init(&run.o, run.mountpoint);
	if (r == 0)
		r = tenant_init(&run.o);
	if (r < 0) {
		audit_stop();
		return r;
	}
	ll_when_ready(serving);
	r = mount_it();
	if (r == 0) {
		r = start_threads();
		if (r == 0) {
			r = loop();
			stop_signal_thread();
		}
		sd_notify_state("STOPPING=1");
		unmount();
	}
	close_archive();
	if (r == 0)
		log_notice("%s is unmounted", run.mountpoint);
	return r;
}

static void print_help(void)
{
	AUTO_BUF text = BUF_INIT;

	options_help(&text);
	fputs(buf_str(&text), stdout);
}

int main(int argc, char **argv)
{
	int status = 0;

	log_init("zddcfs", LOG_LVL_NOTICE);
	if (options_parse(argc, argv, &run.o) < 0)
		return 2;
	if (run.o.help || run.o.version) {
		if (run.o.help)
			print_help();
		else
			printf("zddcfs %s (libfuse %s)\n", ZDDC_VERSION, fuse_pkgversion());
		return 0;
	}
	if (run.o.debug)
		log_init("zddcfs", LOG_LVL_DEBUG);
	if (find_mountpoint() < 0)
		return 1;
	if (run.o.fake)
		return 0;
	if (go_to_background(&status) < 0)
		return status;
	umask(077);
	block_signals();
	run.main_thread = pthread_self();
	return serve() < 0 ? 1 : 0;
}
