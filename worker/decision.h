/*
 * What the rules of policy share: an ordered table of them turns a request into a template, and the first that fails is
 * the refusal. Private to policy*.c.
 */
#ifndef CERTMILL_DECISION_H
#define CERTMILL_DECISION_H

#include "policy.h"
#include "validity.h"

struct decision {
	const struct role *role;
	const struct leaf_params *request;
	const struct csr *csr; /* NULL: the key is made here */
	struct slice display_name;
	struct validity_input validity;
	struct arena *arena;
	struct template *ret;
};

typedef bool rule_fn(struct decision *d, struct err *e);
struct rule {
	const char *name;
	rule_fn *apply;
};

bool decision_run(
    struct decision *d, const struct rule *rules, size_t count, struct err *e) MUST_USE;
/* Once for each code, however many names give rise to it. */
void decision_warn(struct decision *d, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Of UTF-8. */
size_t count_characters(struct slice utf8);
/* The bits that a key of the type may have. */
unsigned key_usage_allowed(enum key_type type);

/* Rules that leaf and CA certificates have in common. */
bool rule_common_name(struct decision *d, struct err *e) MUST_USE;
bool rule_alt_names(struct decision *d, struct err *e) MUST_USE;
bool rule_ip_sans(struct decision *d, struct err *e) MUST_USE;
bool rule_validity(struct decision *d, struct err *e) MUST_USE;

#endif
