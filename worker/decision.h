/*
 * What the rules of policy share: an ordered table of them turns a request into a template, and the first that fails is
 * the refusal. Private to policy*.c and decision*.c.
 */
#ifndef CERTMILL_DECISION_H
#define CERTMILL_DECISION_H

#include "policy.h"
#include "validity.h"

/* What a CSR may bring is held to the limits that a request's own parameters have. */
#define DECISION_NAMES_MAX 1024
#define DECISION_CN_MAX    1024 /* octets */

struct decision {
	const struct role_rules *rules;
	const struct role *role; /* rules->role */
	const struct leaf_params *request;
	const struct csr *csr;                /* NULL: the key is made here */
	const struct identity_body *identity; /* NULL: nobody is known */
	struct validity_input validity;
	struct arena *arena;
	struct template *ret;
};

typedef bool rule_fn(struct decision *d, struct err *e);
struct rule {
	const char *name;
	rule_fn *apply;
};

struct validity_input decision_validity(const struct policy_input *in, const struct role *role);
bool decision_run(
    struct decision *d, const struct rule *rules, size_t count, struct err *e) MUST_USE;
/* Once for each code, however many names give rise to it. */
void decision_warn(struct decision *d, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The alternative names come from the CSR, and not from the request. */
bool decision_csr_sans(const struct decision *d);
/* Adds to a list that has room for `room` items once. */
void decision_add(struct decision *d, struct slice_list *list, size_t room, struct slice item);

/* Rules that leaf and CA certificates have in common. */
bool rule_common_name(struct decision *d, struct err *e) MUST_USE;
bool rule_alt_names(struct decision *d, struct err *e) MUST_USE;
bool rule_ip_sans(struct decision *d, struct err *e) MUST_USE;
bool rule_validity(struct decision *d, struct err *e) MUST_USE;

/* Rules of leaf certificates. */
bool rule_uri_sans(struct decision *d, struct err *e) MUST_USE;
bool rule_other_sans(struct decision *d, struct err *e) MUST_USE;
bool rule_subject(struct decision *d, struct err *e) MUST_USE;
bool rule_key(struct decision *d, struct err *e) MUST_USE;
bool rule_usage(struct decision *d, struct err *e) MUST_USE;
bool rule_csr(struct decision *d, struct err *e) MUST_USE;
bool rule_form(struct decision *d, struct err *e) MUST_USE;

/* The key that a request asks for; bits 0 or absent: the type's usual size. ERR_KEY_NOT_ALLOWED */
bool decision_key(struct slice type, int64_t bits, struct template *ret, struct err *e) MUST_USE;
/* signature_bits (0: none are asked for) and use_pss of a request. ERR_INVALID_VALUE */
bool decision_signature(int64_t bits, bool use_pss, struct template *ret, struct err *e) MUST_USE;
/* Cuts the template's key usages to what its key may have, or warns of those that somebody chose. */
void decision_fit_key_usage(struct decision *d, bool chosen);
/* Warns of what RFC 5280 forbids in the finished template. */
void decision_review(struct decision *d);

#endif
