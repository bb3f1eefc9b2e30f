/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/files.h"
#include "cli/out.h"

enum { MOST = 4 << 20 }; /* no answer is longer; whatever poses as a mount shall not fill our memory */

int control_read(const char *dir, const char *name, struct buf *out)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s/.zddc.d/%s", dir, name);
	AUTO_CLOSE int fd = open(buf_str(&path), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -errno;
	return file_read_fd(fd, MOST, out);
}

struct json_t *control_json(const struct buf *text)
{
	AUTO_BUF copy = BUF_INIT;

	buf_add(&copy, buf_str(text), text->len);
	for (size_t i = 0; i + 6 <= copy.len; i += copy.data[i] == '\\' ? 2 : 1)
		if (!strncmp(copy.data + i, "\\udc", 4))
			memcpy(copy.data + i, "??????", 6);
	return json_loadb(buf_str(&copy), copy.len, 0, NULL);
}

void control_name(const struct cli *c, const char *base, const char *entry, struct buf *out)
{
	buf_addf(out, "%s%s", base, cli_has(c, OPT_JSON) ? ".json" : "");
	if (entry)
		buf_addf(out, "/%s", entry);
}

void control_print(const struct cli *c, const struct buf *text)
{
	AUTO_BUF clean = BUF_INIT;

	if (cli_has(c, OPT_JSON))
		buf_add(&clean, buf_str(text), text->len);
	else
		out_engine(&clean, buf_str(text));
	if (clean.len && clean.data[clean.len - 1] != '\n')
		buf_addc(&clean, '\n');
	out_put(&clean);
}
