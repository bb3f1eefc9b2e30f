/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Names that mean something, and names that only look so. */
#include "fs/names.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

enum { NAME_BYTES = 255 };
enum how { EXACT, DIGITS };

static const struct {
	enum name_class class;
	enum how how;
	const char *text;
} reserved[] = {
#define RESERVED(class, how, text) {NAME_##class, how, text},
#define INVISIBLE(first, last)
#define LOOKS(code, like)
#include "fs/names.def"
#undef RESERVED
#undef INVISIBLE
};

static const struct {
	uint32_t first, last;
} invisible[] = {
#define RESERVED(class, how, text)
#define INVISIBLE(first, last) {first, last},
#include "fs/names.def"
#undef INVISIBLE
#undef LOOKS
};

static const struct {
	uint32_t code;
	char like;
} looks[] = {
#define INVISIBLE(first, last)
#define LOOKS(code, like) {code, like},
#include "fs/names.def"
#undef RESERVED
#undef INVISIBLE
#undef LOOKS
};

/* The code point at s and its length in bytes; a byte that is no UTF-8 stands for itself. */
static uint32_t code_at(const char *s, size_t *len)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc0 ? 2 : 1;
	uint32_t code;

	*len = 1;
	if (n == 1 || strnlen(s, n) < n || !str_utf8_valid(s, n))
		return u[0];
	*len = n;
	code = u[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (u[i] & 0x3f);
	return code;
}

static bool is_invisible(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(invisible); i++)
		if (code >= invisible[i].first && code <= invisible[i].last)
			return true;
	return false;
}

/* What a person takes it for: one ASCII byte, or 0 for anything that is in neither name. */
static char seen_as(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_LEN(looks); i++)
		if (code == looks[i].code)
			return looks[i].like;
	return code < 0x80 ? str_lower_c((char)code) : 0;
}

/* Does it read as ".zddc" or ".zddc.d", with dots or nothing behind it? Each name of each listing comes here: most differ at once. */
static bool looks_reserved(const char *name)
{
	static const char begin[] = ".zddc";
	char seen[NAME_BYTES + 1];
	size_t n = 0, len;

	for (; *name; name += len) {
		uint32_t code = code_at(name, &len);

		if (is_invisible(code))
			continue;
		seen[n] = seen_as(code);
		if (!seen[n] || (n < strlen(begin) && seen[n] != begin[n]))
			return false;
		n++;
	}
	while (n > 1 && seen[n - 1] == '.')
		n--;
	seen[n] = '\0';
	return !strcmp(seen, ".zddc") || !strcmp(seen, ".zddc.d");
}

static bool matches(enum how how, const char *text, const char *name)
{
	size_t n = strlen(text);

	switch (how) {
	case EXACT:
		return !strcmp(name, text);
	case DIGITS:
		return !strncmp(name, text, n) && name[n] && !name[n + strspn(name + n, "0123456789")];
	}
	return false;
}

enum name_class name_class(const char *name)
{
	size_t n = strlen(name);

	if (!n || n > NAME_BYTES || !strcmp(name, ".") || !strcmp(name, "..") || strchr(name, '/'))
		return NAME_INVALID;
	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		if (matches(reserved[i].how, reserved[i].text, name))
			return reserved[i].class;
	return looks_reserved(name) ? NAME_LOOKALIKE : NAME_ORDINARY;
}
