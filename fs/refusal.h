/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The last refusal of each uid (SPEC section 4, "Every refusal is explained"), between gate.c, which decides, and refusal.c, which
 * remembers and tells. What the operations call stands in gate.h. Any thread.
 */
#ifndef FS_REFUSAL_H
#define FS_REFUSAL_H

#include <stdint.h>

#include "acl/acl.h"

struct gate_state;
struct identity;
struct node;

/*
 * Remembers a refused decision as the last of its uid and returns its -errno. Cheap: policy and identity are counted, nothing is rendered
 * before somebody asks. 's' (or NULL): what the state of a file adds.
 */
int refusal_decided(const struct identity *who, enum acl_op what, struct node *dir, const char *name, struct acl_policy *p,
		    const struct acl_request *rq, const struct acl_decision *d, const struct gate_state *s);
/* Takes out of a decision what stands in policy files that the caller cannot read (gate.c). */
void gate_hide(const struct identity *who, struct acl_decision *d);
uint64_t refusal_count(void);
void refusals_free(void);

#endif
