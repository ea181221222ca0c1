/* Rules about keys, what they may be used for, and how the certificate is made. */
#include "decision.h"

#include "key.h"
#include "usage.h"

#define RSA_BITS_LEAST 2048
#define EC_BITS_LEAST  224

/* ---- the key ---- */

/* Ed25519 has one size, whatever the role says. */
static int64_t
role_key_bits(const struct role *role, enum key_type type)
{
	return role->key_bits == 0 || type == KEY_ED25519 ? key_default_bits(type) : role->key_bits;
}

/* The size that a CSR's key must have: the role's, and in any case one that is safe. */
static int64_t
least_bits(const struct decision *d, enum key_type type)
{
	int64_t least = type == KEY_RSA ? RSA_BITS_LEAST : type == KEY_EC ? EC_BITS_LEAST : 0;
	int64_t wanted = role_key_bits(d->role, type);

	return d->rules->any_key || wanted < least ? least : wanted;
}

static MUST_USE bool
take_csr_key(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;
	struct template *t = d->ret;
	int64_t least = least_bits(d, csr->key_type);

	if (!d->rules->any_key && csr->key_type != d->rules->key_type)
		return err_field(e, ERR_KEY_NOT_ALLOWED, "csr",
		    "the role takes keys of type %s, the CSR has one of type %s",
		    key_type_name(d->rules->key_type), key_type_name(csr->key_type));
	if (csr->key_bits < least)
		return err_field(e, ERR_KEY_NOT_ALLOWED, "csr",
		    "the role takes keys of at least %lld bits, the CSR's has %lld",
		    (long long)least, (long long)csr->key_bits);
	t->key_type = csr->key_type;
	t->key_bits = csr->key_bits;
	return true;
}

bool
decision_key(struct slice type, int64_t bits, struct template *ret, struct err *e)
{
	if (!key_type_parse(type, &ret->key_type))
		return err_field(e, ERR_KEY_NOT_ALLOWED, "key_type",
		    "key_type \"%.*s\" is none of rsa, ec and ed25519", SLICE_FMT(type));
	ret->key_bits = bits == 0 || bits == SCHEMA_ABSENT ? key_default_bits(ret->key_type) : bits;
	if (!key_bits_valid(ret->key_type, ret->key_bits))
		return err_field(e, ERR_KEY_NOT_ALLOWED, "key_bits",
		    "there are no %s keys of %lld bits", key_type_name(ret->key_type),
		    (long long)ret->key_bits);
	return true;
}

static MUST_USE bool
choose_key(struct decision *d, struct err *e)
{
	const struct leaf_params *rq = d->request;

	if (rq->key_type.len == 0)
		return err_field(e, ERR_MISSING_FIELD, "key_type",
		    "the role has key_type any: the request must say which key is to be made");
	return decision_key(rq->key_type, rq->key_bits, d->ret, e);
}

bool
rule_key(struct decision *d, struct err *e)
{
	const struct leaf_params *rq = d->request;
	struct template *t = d->ret;

	if (d->csr != NULL)
		return take_csr_key(d, e);
	if (d->rules->any_key)
		return choose_key(d, e);
	t->key_type = d->rules->key_type;
	t->key_bits = role_key_bits(d->role, t->key_type);
	if (rq->key_type.len > 0 || (rq->key_bits != 0 && rq->key_bits != SCHEMA_ABSENT))
		decision_warn(d, "key_choice_ignored",
		    "key_type and key_bits of the request are not used: the role says which key is made");
	return true;
}

/* ---- what it may be used for ---- */

/* The usages that the certificate's purposes go with: of OIDs that have no name here, nothing is known. */
static unsigned
usages_of_purposes(const struct template *t)
{
	return t->ext_key_usage_oids.count > 0 ? ~0U : key_usage_of_purposes(t->ext_key_usage);
}

/* What nobody chose is cut to what key and purposes go with; what somebody chose is issued, with a warning. */
void
decision_fit_key_usage(struct decision *d, bool chosen)
{
	struct template *t = d->ret;
	unsigned allowed = key_usage_of_type(t->key_type);

	if ((t->key_usage & ~allowed) == 0)
		return;
	if (chosen) {
		decision_warn(d, "key_usage_unusual",
		    "the certificate has key usages that RFC 3279, 8813 or 8410 forbid for keys of type %s",
		    key_type_name(t->key_type));
		return;
	}
	t->key_usage &= allowed & usages_of_purposes(t);
	decision_warn(d, "key_usage_not_for_key_type",
	    "the default key usages that a key of type %s may not have, or that go with no purpose of the certificate, are left out",
	    key_type_name(t->key_type));
}

bool
rule_usage(struct decision *d, struct err *e)
{
	struct template *t = d->ret;

	(void)e;
	t->key_usage = d->rules->key_usage;
	t->ext_key_usage = d->rules->ext_key_usage;
	t->ext_key_usage_oids = d->rules->ext_key_usage_oids;
	decision_fit_key_usage(d, !d->rules->default_key_usage);
	if (d->rules->odd_oids)
		decision_warn(d, "oid_left_out",
		    "the role has OIDs in ext_key_usage_oids that cannot be encoded");
	return true;
}

/* ---- the rest ---- */

bool
rule_form(struct decision *d, struct err *e)
{
	struct template *t = d->ret;

	(void)e;
	t->policies = d->rules->policies;
	t->basic_constraints = d->role->basic_constraints_valid_for_non_ca;
	t->signature_bits = policy_signature_bits(d->role->signature_bits);
	t->use_pss = d->role->use_pss;
	decision_review(d);
	return true;
}

/* What the CSR asks for and does not get. */
bool
rule_csr(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;

	(void)e;
	if (csr == NULL)
		return true;
	if (csr->asks_for_ca)
		decision_warn(d, "basic_constraints_ignored",
		    "the CSR asks for a CA certificate: it gets one of an end entity");
	if (d->role->use_csr_sans && csr->passed_over)
		decision_warn(d, "csr_names_passed_over",
		    "the CSR has alternative names of kinds that are not issued: the certificate goes without them");
	if (!d->role->use_csr_sans &&
	    csr->dns.count + csr->emails.count + csr->ips.count + csr->uris.count +
		    csr->others.count >
		0)
		decision_warn(d, "csr_sans_ignored",
		    "the CSR's alternative names are not used: alt_names and ip_sans of the request are");
	return true;
}

bool
decision_signature(int64_t bits, bool use_pss, struct template *ret, struct err *e)
{
	if (bits != 0 && bits != 256 && bits != 384 && bits != 512)
		return err_field(e, ERR_INVALID_VALUE, "signature_bits",
		    "signature_bits %lld is none of 256, 384 and 512", (long long)bits);
	ret->signature_bits = bits;
	ret->use_pss = use_pss;
	return true;
}

int64_t
policy_signature_bits(int64_t asked)
{
	switch (asked) {
	case 384:
		return 384;
	case 512:
	case 521: /* P-521's word for SHA-512 */
		return 512;
	default:
		return 256;
	}
}
