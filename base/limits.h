/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Every bound on what a document may cost, in one place (SPEC section 2). */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

#define LIMIT_DOC_BYTES (1024u * 1024u) /* a policy file or a record */
#define LIMIT_DOC_DEPTH 32u		/* nested collections */
#define LIMIT_DOC_EVENTS 100000u	/* YAML events */
#define LIMIT_SCALAR_BYTES 4096u	/* one scalar */
#define LIMIT_DIAGS 50u			/* errors reported of one document */
#define LIMIT_DIR_DEPTH 256u		/* levels of a cascade: deeper directories are refused */
#define LIMIT_MOVE_ENTRIES 1000000u	/* in a folder that moves nearer to the root or farther from it */
#define LIMIT_NAME_BYTES 255u		/* NAME_MAX of every filesystem we serve */
#define LIMIT_UNDISPLAYED 20000u	/* declared directories not on disk that one "may they see it?" looks at */
#define LIMIT_PAIRS 500000u		/* bodies or patterns that an edited document is compared with */

#endif
