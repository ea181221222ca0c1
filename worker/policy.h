/*
 * Policy: role + request + now -> certificate template, or the refusal and its reason. A pure function of its inputs: no
 * clock, no network, no globals. Every name must pass; the first bad one refuses the whole request, and the error names the
 * parameter it came in.
 */
#ifndef CERTMILL_POLICY_H
#define CERTMILL_POLICY_H

#include "arena.h"
#include "csr.h"
#include "envelope.h"
#include "params.h"
#include "role.h"
#include "template.h"
#include "validity.h"

struct policy_input {
	const struct role_rules *rules; /* NULL: sign-verbatim without a role */
	const struct leaf_params *request;
	const struct csr *csr;                /* sign, sign-verbatim; NULL for issue */
	const struct identity_body *identity; /* NULL: nobody is known */
	bool says_basic_constraints;          /* sign-verbatim: the request does */
	int64_t mount_default_ttl, mount_max_ttl;
	int64_t issuer_not_before, issuer_not_after;
	enum outlive outlive; /* of a certificate that would outlive the issuer */
	int64_t now;          /* seconds */
};

/* Everything *ret points to is in the arena or in the input. */
bool policy_decide(
    const struct policy_input *in, struct arena *a, struct template *ret, struct err *e) MUST_USE;
/*
 * sign-verbatim: the CSR's subject, names and extensions as they are, but never a CA. Of a role only ttl, max_ttl,
 * not_before_duration and basic_constraints_valid_for_non_ca count here.
 */
bool policy_decide_verbatim(
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

/* The digest that signature_bits stands for with an RSA issuer: 256, 384 or 512. */
int64_t policy_signature_bits(int64_t asked);
/* Role, mount and issuer names in keys and paths: letters, digits, '_', with '-' and '.' inside; at most 64. */
bool name_of_object_valid(struct slice name);

#endif
