/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/audit_room.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "fs/back.h"

enum {
	SHARE = 16 << 10, /* of one request: a line has about one KiB */
	KEPT = 256 << 10, /* for refusals, and for what makes room */
	LAST = 64 << 10, /* of that, for refusals alone */
	STEP = 1 << 20, /* what is allocated at a time */
	GUESS = 4, /* without fallocate: what may be used of the space that is free is a quarter of it */
};

static struct {
	_Atomic bool open;
	_Atomic uint64_t end; /* of the file */
	_Atomic uint64_t ahead; /* blocks reach up to there */
	_Atomic uint64_t taken; /* shares */
} room;

static uint64_t wanted(bool frees, uint64_t shares)
{
	return shares * SHARE + (frees ? LAST : KEPT);
}

static bool suffices(bool frees, uint64_t shares)
{
	uint64_t end = atomic_load(&room.end), ahead = atomic_load(&room.ahead);

	return ahead >= end && ahead - end >= wanted(frees, shares);
}

int room_take(bool frees)
{
	if (!atomic_load(&room.open))
		return -EAGAIN;
	if (suffices(frees, atomic_fetch_add(&room.taken, 1) + 1))
		return 0;
	room_give();
	return -ENOSPC;
}

void room_give(void) { atomic_fetch_sub(&room.taken, 1); }
void room_used(uint64_t end) { atomic_store(&room.end, end); }
void room_close(void) { atomic_store(&room.open, false); }

/* How far the free space of a filesystem would reach that cannot allocate ahead. */
static int guess(uint64_t end, uint64_t size)
{
	struct statvfs st;
	uint64_t is_free;
	int r = back_statvfs(&st);

	if (r < 0)
		return r;
	is_free = (uint64_t)st.f_bavail * st.f_frsize / GUESS;
	if (is_free < size)
		return -ENOSPC;
	atomic_store(&room.ahead, end + size);
	return 0;
}

static int allocate(int fd, uint64_t size)
{
	uint64_t end = atomic_load(&room.end);
	int r = back_fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)end, (off_t)size);

	if (r == -EOPNOTSUPP)
		return guess(end, size);
	if (r == 0)
		atomic_store(&room.ahead, end + size);
	return r == -EDQUOT ? -ENOSPC : r;
}

/* A whole step, or on a disk that is nearly full what is needed. */
int room_refill(int fd)
{
	uint64_t shares = atomic_load(&room.taken) + 1;
	int r = allocate(fd, wanted(false, shares) + STEP);

	return r == -ENOSPC ? allocate(fd, wanted(false, shares)) : r;
}

int room_grow(int fd, bool frees)
{
	int r = room_refill(fd);

	atomic_store(&room.open, true);
	if (r < 0 && r != -ENOSPC)
		return r;
	return room_take(frees);
}

int room_begin(int fd, uint64_t end)
{
	int r;

	atomic_store(&room.end, end);
	atomic_store(&room.ahead, end);
	r = room_refill(fd);
	if (r == 0)
		atomic_store(&room.open, true);
	return r;
}
