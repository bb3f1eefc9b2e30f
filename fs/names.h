/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What kind of name is this? Rows of names.def. Byte-exact: ".ZDDC" is not policy, and is refused so that nobody takes it for one. */
#ifndef FS_NAMES_H
#define FS_NAMES_H

enum name_class {
	NAME_ORDINARY,
	NAME_POLICY, /* .zddc */
	NAME_CONTROL, /* .zddc.d */
	NAME_LOOKALIKE, /* differs from .zddc or .zddc.d only in case, trailing blanks or dots, or invisible characters: EINVAL */
	NAME_TRASH, /* /.Trash-UID and .Trash: refused without litter */
	NAME_INVALID, /* "", ".", "..", a slash or NUL inside, over 255 bytes */
};

enum name_class name_class(const char *name);

#endif
