/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "fs/caps.h"

#include <errno.h>

/* In libc; their declarations come with libcap, of which nothing else is needed. */
extern int capset(cap_user_header_t head, const cap_user_data_t data);
extern int capget(cap_user_header_t head, cap_user_data_t data);

struct caps caps_get(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {0};

	if (capget(&head, data) < 0)
		return (struct caps){0};
	return (struct caps){
		.effective = data[0].effective | (uint64_t)data[1].effective << 32,
		.permitted = data[0].permitted | (uint64_t)data[1].permitted << 32,
	};
}

int caps_set(struct caps c)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.effective = (uint32_t)c.effective, .permitted = (uint32_t)c.permitted},
		{.effective = (uint32_t)(c.effective >> 32), .permitted = (uint32_t)(c.permitted >> 32)},
	};

	return capset(&head, data) < 0 ? -errno : 0;
}
