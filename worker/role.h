/*
 * Roles: what role/write checks, and what a role becomes before requests are held against it. Pure functions.
 */
#ifndef CERTMILL_ROLE_H
#define CERTMILL_ROLE_H

#include "domain_set.h"
#include "ip.h"
#include "template.h"

/*
 * Makes a role as it is stored from the parameters of role/write or role/patch: what depends on other fields is filled in
 * (key_bits, signature_bits), contradictions and values that mean nothing are refused. ERR_ROLE_INVALID names the field.
 * Texts that it makes are in the arena.
 */
bool role_check(struct role *role, struct arena *a, struct err *e) MUST_USE;
/* Names in key_usage and ext_key_usage that there are not: refused where they are written, tolerated where they stand. */
bool role_check_usages(const struct role *role, struct err *e) MUST_USE;
/* Do its no_store and generate_lease exclude each other? no_store goes first. */
bool role_drops_lease(const struct role *role);

/* Parts of role_check. */
bool role_check_lists(struct role *role, struct arena *a, struct err *e) MUST_USE;

enum bound { BOUND_PERMIT, BOUND_FORBID, BOUND_LIMITED, BOUND_TIME };

struct other_rule {
	struct slice type_id; /* content octets of the OID */
	struct slice glob;
};

struct subject_attributes {
	struct slice_list country, organization, organizational_unit, locality, province,
	    street_address, postal_code;
};

/*
 * A role made ready: everything that can be parsed, sorted or encoded once is. Immutable; borrows from the role and the arena
 * that it was made in.
 */
struct role_rules {
	const struct role *role;
	struct domain_set domains;                      /* those without templates */
	struct slice_list templates;                    /* of allowed_domains */
	bool allow_email, allow_hostname, unchecked_cn; /* cn_validations */
	struct cidr *networks;
	size_t network_count;
	struct other_rule *others; /* those whose OID can be encoded: no other can be asked for */
	size_t other_count;
	bool any_other;
	struct subject_attributes subject;
	const char *subject_fault; /* a bound of RFC 5280 that the subject is over; NULL: none */
	bool any_key;
	enum key_type key_type; /* not any_key */
	unsigned key_usage, ext_key_usage;
	bool default_key_usage; /* nobody chose it: a certificate gets what its key may have */
	struct slice_list ext_key_usage_oids; /* content octets */
	bool odd_oids;                        /* some cannot be encoded, and are left out */
	struct slice policies;                /* certificatePolicies, DER; absent: none */
	enum bound not_before_bound, not_after_bound;
	bool begins, ends; /* the role says when */
	int64_t not_before, not_after, not_after_limit;
};

/* ERR_ROLE_INVALID where the role holds what role_check would have refused, but for names that just allow nothing. */
bool role_rules_make(
    const struct role *role, struct arena *a, struct role_rules *ret, struct err *e) MUST_USE;

/* ---- what both share ---- */
/* "oid;utf8:text". type_id is absent when the OID cannot be encoded. */
bool other_rule_parse(
    struct slice text, struct arena *a, struct other_rule *ret, const char **ret_fault) MUST_USE;
/* "email", "hostname" or "disabled", in whatever case it came; absent: none of them */
struct slice cn_validation(struct slice text);
/* Does ext_key_usage_oids hold one that cannot be encoded? */
bool role_has_odd_oids(const struct role *role);
/* OIDs, or JSON of them with qualifiers -> certificatePolicies, DER; absent for an empty list. */
bool policies_encode(const struct slice_list *identifiers, struct arena *a, struct slice *ret,
    struct err *e) MUST_USE;
/* OID of each policy in what policies_encode made. */
struct slice_list policies_oids(struct slice der, struct arena *a);
bool bound_parse(struct slice text, bool after, enum bound *ret, int64_t *ret_limit);

#endif
