/*
 * Policy: role + request + now -> certificate template, or the refusal and its reason. A pure function of its inputs: no
 * clock, no network, no globals. Every name must pass; the first bad one refuses the whole request, and the error names the
 * parameter it came in.
 */
#ifndef CERTMILL_POLICY_H
#define CERTMILL_POLICY_H

#include "arena.h"
#include "csr.h"
#include "params.h"
#include "states.h"
#include "template.h"
#include "validity.h"

struct policy_input {
	const struct role *role;
	const struct leaf_params *request;
	const struct csr *csr;     /* sign; NULL for issue */
	struct slice display_name; /* absent: unknown */
	int64_t mount_default_ttl, mount_max_ttl;
	int64_t issuer_not_before, issuer_not_after;
	enum outlive outlive; /* of a certificate that would outlive the issuer */
	int64_t now;          /* seconds */
};

/* Everything *ret points to is in the arena or in the input. */
bool policy_decide(
    const struct policy_input *in, struct arena *a, struct template *ret, struct err *e) MUST_USE;

/*
 * A CA's certificate or request: subject, names, validity; keyCertSign and cRLSign. It is named by the operator who makes it,
 * so the grammar of names holds, and no role does.
 */
struct policy_ca_input {
	const struct ca_params *request;
	const struct csr *csr; /* NULL: the key is made here, and signs the certificate */
	int64_t mount_default_ttl, mount_max_ttl, now;
	/* of the CA that signs a CSR; one that would outlive it ends with it */
	int64_t issuer_not_before, issuer_not_after;
	int64_t issuer_path_length; /* -1: no limit */
};
bool policy_decide_ca(const struct policy_ca_input *in, struct arena *a, struct template *ret,
    struct err *e) MUST_USE;

/*
 * Makes a role as it is stored from the parameters of role/write: default key bits filled in, contradictions refused
 * (ttl over max_ttl, key_bits that the type does not have, a domain that is none). ERR_ROLE_INVALID names the field.
 */
bool role_check(struct role *role, struct err *e) MUST_USE;
/* The key usage bits that the role gives, before those go that the subject's key cannot have. */
unsigned role_key_usage(const struct role *role);
/* Role, mount and issuer names in keys and paths: letters, digits, '_', with '-' and '.' inside; at most 64. */
bool name_of_object_valid(struct slice name);

#endif
