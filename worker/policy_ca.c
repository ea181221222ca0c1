#include "decision.h"
#include "key.h"
#include "subject.h"
#include "usage.h"

/* ---- subject and names ---- */

/* Upper bounds in characters: RFC 5280 A.1; of street and postal code X.520's. */
/* clang-format off */
#define ATTRIBUTE(name, from, to, max) { name, offsetof(struct ca_params, from), offsetof(struct template, to), max }
static const struct attribute {
	const char *field;
	size_t from, to; /* a struct slice_list each */
	size_t max;
} attributes[] = {
	ATTRIBUTE("country", country, country, 2),
	ATTRIBUTE("organization", organization, organization, 64),
	ATTRIBUTE("ou", ou, organizational_unit, 64),
	ATTRIBUTE("locality", locality, locality, 128),
	ATTRIBUTE("province", province, province, 128),
	ATTRIBUTE("street_address", street_address, street_address, 128),
	ATTRIBUTE("postal_code", postal_code, postal_code, 40),
};
/* clang-format on */
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

static bool
is_country(struct slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((text.data[i] | 0x20) < 'a' || (text.data[i] | 0x20) > 'z')
			return false;
	return text.len == 2;
}

/* A value that is there already is passed over. The list has room. */
static bool
attribute_take(const struct attribute *a, struct slice text, struct slice_list *list, struct err *e)
{
	if ((text.len == 0 || text_has_control(text)))
		return err_field(e, ERR_INVALID_VALUE, a->field,
		    "a value of %s is empty or holds control characters", a->field);
	if (text_characters(text) > a->max || (a->max == 2 && !is_country(text)))
		return err_field(e, ERR_INVALID_VALUE, a->field, "%s " NAME_QUOTED " is %s",
		    a->field, NAME_FMT(text),
		    a->max == 2 ? "not a country's two letters"
				: "too long for a subject (RFC 5280)");
	for (size_t i = 0; i < list->count; i++)
		if (slice_eq(list->items[i], text))
			return true;
	list->items[list->count++] = text;
	return true;
}

static bool
take_subject(struct decision *d, const struct ca_params *rq, struct err *e)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		const struct attribute *a = &attributes[i];
		const struct slice_list *given = (const void *)((const char *)rq + a->from);
		struct slice_list *list = (void *)((char *)d->ret + a->to);

		list->items = arena_array(d->arena, given->count, sizeof(*list->items));
		for (size_t k = 0; k < given->count; k++)
			if (!attribute_take(a, given->items[k], list, e))
				return false;
	}
	return true;
}

static bool
take_names(struct decision *d, const struct ca_params *rq, struct err *e)
{
	static const struct rule rules[] = {
		{ "common_name", rule_common_name },
		{ "alt_names", rule_alt_names },
		{ "ip_sans", rule_ip_sans },
		{ "uri_sans", rule_uri_sans },
		{ "other_sans", rule_other_sans },
	};

	return decision_run(d, rules, sizeof(rules) / sizeof(rules[0]), e) &&
	    take_subject(d, rq, e);
}

/* ---- what the CSR says, where that is asked for ---- */

static bool
csr_names_plain(const struct slice_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct slice name = list->items[i];

		if (name.len == 0 || text_has_control(name) ||
		    memchr(name.data, ' ', name.len) != NULL)
			return false;
	}
	return true;
}

static bool
names_given(const struct ca_params *rq)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		const struct slice_list *given = (const void *)((const char *)rq +
		    attributes[i].from);

		if (given->count > 0)
			return true;
	}
	return rq->common_name.len > 0 || rq->alt_names.count > 0 || rq->ip_sans.count > 0 ||
	    rq->uri_sans.count > 0 || rq->other_sans.count > 0;
}

/* The source document: names verbatim, and key usages beside those of a CA. Other extensions are not taken over. */
static bool
take_csr_values(
    struct decision *d, const struct ca_params *rq, const struct csr *csr, struct err *e)
{
	static const uint8_t empty_name[] = { 0x30, 0x00 };
	struct template *t = d->ret;

	if (slice_eq(csr->subject, slice_of(empty_name, sizeof(empty_name))))
		return err_field(e, ERR_CSR_INVALID, "csr",
		    "the request has no subject, and a CA needs one (RFC 5280 4.1.2.6)");
	if (!csr_names_plain(&csr->dns) || !csr_names_plain(&csr->emails) ||
	    !csr_names_plain(&csr->uris) || subject_has_control(csr->subject))
		return err_field(e, ERR_CSR_INVALID, "csr",
		    "a name of the request is empty or holds control characters");
	t->subject = csr->subject;
	t->dns = csr->dns;
	t->emails = csr->emails;
	t->ips = csr->ips;
	t->uris = csr->uris;
	t->others = csr->others;
	t->key_usage |= csr->key_usage & key_usage_of_type(csr->key_type);
	if ((csr->key_usage & ~key_usage_of_type(csr->key_type)) != 0)
		decision_warn(d, "key_usage_not_for_key_type",
		    "the CSR asks for key usages that its key's type may not have: they are left out");
	if (names_given(rq))
		decision_warn(d, "names_ignored",
		    "the names in the parameters are not used: use_csr_values takes those of the CSR");
	return true;
}

static bool
take_csr_key(struct decision *d, const struct csr *csr)
{
	d->ret->key_type = csr->key_type;
	d->ret->key_bits = csr->key_bits;
	if (d->ret->subject.data == NULL &&
	    csr->dns.count + csr->emails.count + csr->ips.count + csr->uris.count > 0)
		decision_warn(d, "csr_sans_ignored",
		    "the CSR's alternative names are not used: use_csr_values would take them");
	return true;
}

/* ---- key, path length, signature ---- */

static bool
decide_key(const struct ca_params *rq, struct template *t, struct err *e)
{
	struct slice type = rq->key_type.data == NULL ? SLICE_LITERAL("rsa") : rq->key_type;

	return decision_key(type, rq->key_bits, t, e);
}

/* A CA below another one is below its limit; where it asks for none of its own, it gets what is left. */
static bool
decide_path_length(const struct policy_ca_input *in, struct template *t, struct err *e)
{
	int64_t limit = in->csr == NULL ? -1 : in->issuer_path_length;
	int64_t asked = in->request->max_path_length;

	if (limit == 0)
		return err_field(e, ERR_INVALID_VALUE, "mount",
		    "the mount's CA has a path length of 0: no CA may be under it");
	t->max_path_length = asked == SCHEMA_ABSENT ? -1 : asked;
	if (t->max_path_length < -1)
		return err_field(e, ERR_INVALID_VALUE, "max_path_length",
		    "max_path_length %lld is under -1, which means no limit",
		    (long long)t->max_path_length);
	if (limit > 0 && t->max_path_length >= limit)
		return err_field(e, ERR_INVALID_VALUE, "max_path_length",
		    "max_path_length %lld is not under the signing CA's, %lld",
		    (long long)t->max_path_length, (long long)limit);
	if (limit > 0 && t->max_path_length == -1)
		t->max_path_length = limit - 1;
	return true;
}

bool
policy_decide_ca(
    const struct policy_ca_input *in, struct arena *a, struct template *ret, struct err *e)
{
	static struct slice any[] = { SLICE_INIT("*") };
	static const struct role role = { .allow_any_name = true,
		.allow_wildcard_certificates = true,
		.require_cn = true,
		.allow_ip_sans = true,
		.allowed_uri_sans = { any, 1 } };
	static const struct role_rules role_rules = {
		.role = &role, .allow_email = true, .allow_hostname = true, .any_other = true
	};
	const struct ca_params *rq = in->request;
	const struct leaf_params names = { .common_name = rq->common_name,
		.alt_names = rq->alt_names,
		.ip_sans = rq->ip_sans,
		.uri_sans = rq->uri_sans,
		.other_sans = rq->other_sans,
		.exclude_cn_from_sans = rq->exclude_cn_from_sans };
	struct decision d = { .rules = &role_rules,
		.role = &role,
		.request = &names,
		.validity = { .asked = rq->ttl,
		    .mount_default_ttl = in->mount_default_ttl,
		    .mount_max_ttl = in->mount_max_ttl,
		    .issuer_not_before = in->issuer_not_before,
		    .issuer_not_after = in->issuer_not_after,
		    .self_signed = in->csr == NULL,
		    .outlive = OUTLIVE_TRUNCATE,
		    .now = in->now },
		.arena = a,
		.ret = ret };
	bool verbatim = in->csr != NULL && rq->use_csr_values;

	*ret = (struct template){ .is_ca = true,
		.key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN };
	return (verbatim ? take_csr_values(&d, rq, in->csr, e) : take_names(&d, rq, e)) &&
	    rule_validity(&d, e) &&
	    (in->csr != NULL ? take_csr_key(&d, in->csr) : decide_key(rq, ret, e)) &&
	    decide_path_length(in, ret, e) &&
	    decision_signature(rq->signature_bits, rq->use_pss, ret, e);
}
