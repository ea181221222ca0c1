#include "decision.h"
#include "key.h"

/* key_bits 0 or absent: the type's usual size. */
static bool
decide_key(const struct ca_generate_params *rq, struct template *t, struct err *e)
{
	struct slice type = rq->key_type.data == NULL ? SLICE_LITERAL("rsa") : rq->key_type;

	if (!key_type_parse(type, &t->key_type))
		return err_field(e, ERR_KEY_NOT_ALLOWED, "key_type",
		    "key_type \"%.*s\" is none of rsa, ec and ed25519", SLICE_FMT(type));
	t->key_bits = rq->key_bits == 0 || rq->key_bits == SCHEMA_ABSENT
	    ? key_default_bits(t->key_type)
	    : rq->key_bits;
	if (!key_bits_valid(t->key_type, t->key_bits))
		return err_field(e, ERR_KEY_NOT_ALLOWED, "key_bits",
		    "there are no %s keys of %lld bits", key_type_name(t->key_type),
		    (long long)t->key_bits);
	return true;
}

static bool
decide_path_length(const struct ca_generate_params *rq, struct template *t, struct err *e)
{
	t->max_path_length = rq->max_path_length == SCHEMA_ABSENT ? -1 : rq->max_path_length;
	if (t->max_path_length < -1)
		return err_field(e, ERR_INVALID_VALUE, "max_path_length",
		    "max_path_length %lld is under -1, which means no limit",
		    (long long)t->max_path_length);
	return true;
}

bool
policy_decide_ca(
    const struct policy_ca_input *in, struct arena *a, struct template *ret, struct err *e)
{
	static const struct rule rules[] = {
		{ "common_name", rule_common_name },
		{ "alt_names", rule_alt_names },
		{ "ip_sans", rule_ip_sans },
		{ "validity", rule_validity },
	};
	/* a CA is named by the operator who makes it: the grammar holds, no role does */
	static const struct role role = { .allow_any_name = true,
		.allow_wildcard_certificates = true,
		.require_cn = true,
		.allow_ip_sans = true };
	static const struct role_rules role_rules = {
		.role = &role, .allow_email = true, .allow_hostname = true
	};
	const struct leaf_params names = { .common_name = in->request->common_name,
		.alt_names = in->request->alt_names,
		.ip_sans = in->request->ip_sans };
	struct decision d = { .rules = &role_rules,
		.role = &role,
		.request = &names,
		.validity = { .asked = in->request->ttl,
		    .mount_default_ttl = in->mount_default_ttl,
		    .mount_max_ttl = in->mount_max_ttl,
		    .self_signed = true,
		    .now = in->now },
		.arena = a,
		.ret = ret };

	*ret = (struct template){ .is_ca = true,
		.key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN };
	return decision_run(&d, rules, sizeof(rules) / sizeof(rules[0]), e) &&
	    decide_key(in->request, ret, e) && decide_path_length(in->request, ret, e);
}
