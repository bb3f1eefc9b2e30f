/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/ledgerkey.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/sign.h"
#include "cli/files.h"
#include "ledger/ledger.h"

static int write_new(const char *dir, const char *name, const struct buf *text)
{
	AUTO_BUF path = BUF_INIT;
	int r;

	buf_addf(&path, "%s/%s", dir, name);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write_fd(fd, text);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r < 0)
		unlink(buf_str(&path));
	return r;
}

int ledgerkey_make(const char *dir)
{
	unsigned char seed[SIGN_SEED_LEN], pub[SIGN_PUBLIC_LEN];
	AUTO_BUF secret = BUF_INIT, public = BUF_INIT;
	int r;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	r = sign_seed_new(seed);
	if (r < 0)
		return r;
	sign_public(seed, pub);
	ledger_key_format_secret(seed, &secret);
	ledger_key_format_public(pub, &public);
	sign_forget(seed, sizeof(seed));
	r = write_new(dir, "key", &secret);
	sign_forget(secret.data, secret.len);
	if (r == -EEXIST)
		return 0;
	return r < 0 ? r : write_new(dir, "key.pub", &public);
}
