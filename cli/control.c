/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cli/control.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
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

void control_quote(struct buf *out, const char *text)
{
	buf_addc(out, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_addc(out, '\\');
		if (*text == '\n')
			buf_adds(out, "\\n");
		else
			buf_addc(out, *text);
	}
	buf_addc(out, '"');
}

void control_option(struct buf *out, const char *word, const char *value)
{
	if (!value)
		return;
	buf_addf(out, " --%s ", word);
	control_quote(out, value);
}

int control_run(const char *dir, const struct buf *line)
{
	AUTO_BUF path = BUF_INIT;

	buf_addf(&path, "%s/.zddc.d/ctl", dir);
	AUTO_CLOSE int fd = open(buf_str(&path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, line->data, line->len) < 0 ? -errno : 0;
}

/* Why it was refused, as the mount says it. */
static void refusal(const char *dir, int err, struct buf *out)
{
	AUTO_BUF json = BUF_INIT;
	json_t *root = control_read(dir, "last-error.json", &json) == 0 ? control_json(&json) : NULL;
	const char *said = json_string_value(json_object_get(root, "sentence"));

	if (said && json_integer_value(json_object_get(root, "errno")) == -err)
		buf_adds(out, said);
	else
		buf_adds(out, strerror(-err));
	json_decref(root);
}

int control_answer(const struct cli *c, const char *dir, const char *about, int err)
{
	AUTO_BUF why = BUF_INIT, out = BUF_INIT;

	if (err)
		refusal(dir, err, &why);
	if (cli_has(c, OPT_JSON)) {
		buf_addc(&out, '{');
		json_kv(&out, "command", cli_cmds[c->cmd].name);
		json_kv(&out, "path", about);
		json_kv_bool(&out, "done", !err);
		json_kv_int(&out, "errno", -err);
		json_kv(&out, "why", err ? buf_str(&why) : NULL);
		buf_adds(&out, "}\n");
		out_put(&out);
		return err ? ZDDC_NO : ZDDC_YES;
	}
	return err ? out_fail(ZDDC_NO, "%s", buf_str(&why)) : ZDDC_YES;
}
