/* What the parts of `certmill-worker policy` share. Private to policy_cli*.c. */
#ifndef CERTMILL_POLICY_QUESTION_H
#define CERTMILL_POLICY_QUESTION_H

#include "policy_json.h"

/* What comes of a line. */
struct verdict {
	bool unsupported;
	struct err why;   /* code ERR_NONE: allowed */
	json_t *template; /* owned; NULL: none */
};

/* A line on its way to its verdict. */
struct question {
	json_t *line;
	int64_t now;
	struct arena *arena;
	struct verdict *verdict;
};

typedef bool op_fn(struct question *q, struct err *e);

/* True, with the verdict that certmill has no word for it. */
bool question_unsupported(struct question *q, const char *what, const char *name);
/* "now-3h", "now+2h" in the object's times become RFC 3339. */
void question_resolve_times(struct question *q, json_t *object);
/* The line's role, unchecked. *ret_unknown: a field of it that has no place in the struct, NULL: none. */
bool question_role(struct question *q, struct role *ret, uint64_t *ret_seen,
    const char **ret_unknown, struct err *e) MUST_USE;

bool policy_op_issue(struct question *q, struct err *e) MUST_USE;
bool policy_op_sign(struct question *q, struct err *e) MUST_USE;
bool policy_op_sign_verbatim(struct question *q, struct err *e) MUST_USE;

#endif
