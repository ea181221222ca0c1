#include "decision.h"
#include "key.h"

/*
 * The bits that a key of the type may not have beside others in a leaf: RFC 3279 2.3.1 (RSA does not agree on keys), RFC
 * 8813 3 (EC does not encipher), RFC 8410 5 (Ed25519 only signs).
 */
static unsigned
key_usage_allowed(enum key_type type)
{
	const unsigned signs = USAGE_DIGITAL_SIGNATURE | USAGE_CONTENT_COMMITMENT |
	    USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN;

	switch (type) {
	case KEY_RSA:
		return signs | USAGE_KEY_ENCIPHERMENT | USAGE_DATA_ENCIPHERMENT;
	case KEY_EC:
		return signs | USAGE_KEY_AGREEMENT | USAGE_ENCIPHER_ONLY | USAGE_DECIPHER_ONLY;
	case KEY_ED25519:
		return signs;
	}
	return 0;
}

/* Without a CSR the worker makes the key that the role says; a CSR must bring one of that type, and no shorter. */
static bool
rule_key(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;
	struct template *t = d->ret;

	if (!key_type_parse(d->role->key_type, &t->key_type))
		return err_field(e, ERR_ROLE_INVALID, "key_type",
		    "the role's key_type \"%.*s\" is unknown", SLICE_FMT(d->role->key_type));
	t->key_bits = d->role->key_bits != 0 ? d->role->key_bits : key_default_bits(t->key_type);
	if (csr == NULL)
		return true;
	if (csr->key_type != t->key_type)
		return err_field(e, ERR_KEY_NOT_ALLOWED, "csr",
		    "the role takes keys of type %s, the CSR has one of type %s",
		    key_type_name(t->key_type), key_type_name(csr->key_type));
	if (csr->key_bits < t->key_bits)
		return err_field(e, ERR_KEY_NOT_ALLOWED, "csr",
		    "the role takes keys of at least %lld bits, the CSR's has %lld",
		    (long long)t->key_bits, (long long)csr->key_bits);
	t->key_bits = csr->key_bits;
	return true;
}

static bool
rule_usage(struct decision *d, struct err *e)
{
	const struct role *role = d->role;
	struct template *t = d->ret;

	(void)e;
	t->key_usage = role_key_usage(role) & key_usage_allowed(t->key_type);
	t->ext_key_usage = (role->server_flag ? PURPOSE_SERVER_AUTH : 0U) |
	    (role->client_flag ? PURPOSE_CLIENT_AUTH : 0U) |
	    (role->code_signing_flag ? PURPOSE_CODE_SIGNING : 0U) |
	    (role->email_protection_flag ? PURPOSE_EMAIL_PROTECTION : 0U);
	return true;
}

/* What the CSR asks for and does not get. */
static bool
rule_csr(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;

	(void)e;
	if (csr == NULL)
		return true;
	if (csr->asks_for_ca)
		decision_warn(d, "basic_constraints_ignored",
		    "the CSR asks for a CA certificate: it gets one of an end entity");
	if (csr->dns.count + csr->emails.count + csr->ips.count + csr->uris.count > 0)
		decision_warn(d, "csr_sans_ignored",
		    "the CSR's alternative names are not used: alt_names and ip_sans of the request are");
	return true;
}

bool
policy_decide(const struct policy_input *in, struct arena *a, struct template *ret, struct err *e)
{
	static const struct rule rules[] = {
		{ "common_name", rule_common_name },
		{ "alt_names", rule_alt_names },
		{ "ip_sans", rule_ip_sans },
		{ "validity", rule_validity },
		{ "key", rule_key },
		{ "usage", rule_usage },
		{ "csr", rule_csr },
	};
	struct decision d = { .role = in->role,
		.request = in->request,
		.csr = in->csr,
		.display_name = in->display_name,
		.validity = { .asked = in->request->ttl,
		    .role_ttl = in->role->ttl,
		    .role_max_ttl = in->role->max_ttl,
		    .mount_default_ttl = in->mount_default_ttl,
		    .mount_max_ttl = in->mount_max_ttl,
		    .issuer_not_before = in->issuer_not_before,
		    .issuer_not_after = in->issuer_not_after,
		    .outlive = in->outlive,
		    .now = in->now },
		.arena = a,
		.ret = ret };

	*ret = (struct template){ .max_path_length = -1 };
	return decision_run(&d, rules, sizeof(rules) / sizeof(rules[0]), e);
}
