/* issue, sign and sign_verbatim of `certmill-worker policy`. */
#include "identity.h"
#include "key.h"
#include "policy_question.h"
#include "timespan.h"

#include <string.h>

#define SYSTEM_TTL ((int64_t)768 * 3600) /* a mount that says nothing */

static const struct neutral request_neutral[] = {
	{ "csr", NULL }, /* taken apart by itself */
	{ NULL, NULL },
};

static int64_t
integer_or(const json_t *object, const char *name, int64_t absent)
{
	const json_t *value = json_object_get(object, name);

	return json_is_integer(value) ? json_integer_value(value) : absent;
}

static bool
read_ca(const json_t *ca, struct policy_input *ret, struct err *e)
{
	struct slice outlive = json_slice(json_object_get(ca, "leaf_not_after_behavior"));
	struct slice not_after = json_slice(json_object_get(ca, "not_after"));

	ret->mount_default_ttl = integer_or(ca, "mount_default_ttl", SYSTEM_TTL);
	ret->mount_max_ttl = integer_or(ca, "mount_max_ttl", SYSTEM_TTL);
	ret->outlive = slice_is(outlive, "truncate") ? OUTLIVE_TRUNCATE
	    : slice_is(outlive, "permit")            ? OUTLIVE_PERMIT
						     : OUTLIVE_REFUSE;
	ret->issuer_not_before = VALIDITY_FIRST;
	ret->issuer_not_after = ret->now + integer_or(ca, "not_after_in", 2 * TIMESPAN_MAX);
	return not_after.data == NULL ||
	    time_parse_rfc3339(not_after, "not_after", &ret->issuer_not_after, e);
}

static struct slice_list
csr_ips(const json_t *array, struct arena *a, bool *ok)
{
	struct slice_list ips = json_slices(array, a);

	for (size_t i = 0; i < ips.count; i++) {
		struct ip ip;

		*ok = *ok && ip_parse(ips.items[i], &ip);
		if (*ok)
			ips.items[i] = arena_copy(a, slice_of(ip.octets, ip.len));
	}
	return ips;
}

static struct other_names
csr_others(const json_t *array, struct arena *a, bool *ok)
{
	struct slice_list texts = json_slices(array, a);
	struct other_names others = { arena_array(a, texts.count, sizeof(struct other_name)),
		texts.count };
	struct other_rule parsed = { 0 };
	const char *fault;

	for (size_t i = 0; i < texts.count; i++) {
		*ok = *ok && other_rule_parse(texts.items[i], a, &parsed, &fault);
		others.items[i] = (struct other_name){ parsed.type_id, parsed.glob };
	}
	return others;
}

/* NULL, or the field that certmill does not know, or cannot read */
static const char *
read_csr(json_t *json, struct arena *a, struct csr *ret)
{
	static const char *const names[] = { "cn", "dns", "emails", "ips", "uris", "other",
		"serial_number", "user_ids", "key_type", "key_bits" };
	const char *name;
	json_t *value;
	bool ok = true;

	json_object_foreach(json, name, value)
	{
		size_t i = 0;

		while (i < sizeof(names) / sizeof(names[0]) && strcmp(names[i], name) != 0)
			i++;
		if (i == sizeof(names) / sizeof(names[0]))
			return name;
	}
	*ret = (struct csr){ .common_name = json_slice(json_object_get(json, "cn")),
		.serial_number = json_slice(json_object_get(json, "serial_number")),
		.user_ids = json_slices(json_object_get(json, "user_ids"), a),
		.dns = json_slices(json_object_get(json, "dns"), a),
		.emails = json_slices(json_object_get(json, "emails"), a),
		.ips = csr_ips(json_object_get(json, "ips"), a, &ok),
		.uris = json_slices(json_object_get(json, "uris"), a),
		.others = csr_others(json_object_get(json, "other"), a, &ok),
		.key_bits = integer_or(json, "key_bits", 0) };
	if (!ok)
		return "ips or other";
	return key_type_parse(json_slice(json_object_get(json, "key_type")), &ret->key_type)
	    ? NULL
	    : "key_type";
}

/* As Go names what an issuer of that key signs with; RSA where the line does not say. */
static const char *
signature_algorithm(const json_t *ca, const struct template *t)
{
	static const char *const rsa[2][3] = {
		{ "SHA256-RSA", "SHA384-RSA", "SHA512-RSA" },
		{ "SHA256-RSAPSS", "SHA384-RSAPSS", "SHA512-RSAPSS" },
	};
	struct slice type = json_slice(json_object_get(ca, "key_type"));
	int64_t bits = integer_or(ca, "key_bits", 256);

	if (slice_is(type, "ed25519"))
		return "Ed25519";
	if (slice_is(type, "ec"))
		return bits == 521 ? "ECDSA-SHA512" : bits == 384 ? "ECDSA-SHA384" : "ECDSA-SHA256";
	return rsa[t->use_pss][t->signature_bits == 512 ? 2 : t->signature_bits == 384];
}

static bool
read_identity(
    struct question *q, struct identity_body *body, struct policy_input *in, struct err *e)
{
	json_t *identity = json_object_get(q->line, "identity");

	if (!json_is_object(identity))
		return true;
	in->identity = body;
	return identity_read(json_pack_map(identity, q->arena), q->arena, body, e);
}

static void
answer_leaf(
    struct question *q, const struct role_rules *rules, const struct template *t, bool verbatim)
{
	const struct role *role = rules->role;
	json_t *o = json_of_template(
	    t, verbatim ? t->key_usage : rules->key_usage, q->now, q->arena);

	json_object_set_new(o, "lease", json_boolean(role->generate_lease && !role->no_store));
	json_object_set_new(o, "signature_algorithm",
	    json_string(signature_algorithm(json_object_get(q->line, "ca"), t)));
	q->verdict->template = o;
}

static bool
decide_leaf(struct question *q, const struct csr *csr, bool verbatim, struct err *e)
{
	const struct schema *params = verbatim ? &sign_verbatim_params_schema
	    : csr == NULL                      ? &issue_params_schema
					       : &sign_params_schema;
	json_t *request_json = json_object_get(q->line, "request");
	struct identity_body body;
	struct role role;
	struct role_rules rules;
	struct leaf_params request;
	struct policy_input in = {
		.rules = &rules, .request = &request, .csr = csr, .now = q->now
	};
	struct template t = { 0 };
	const char *unknown;
	uint64_t seen;
	bool ok;

	if (!question_role(q, &role, &seen, &unknown, e))
		return false;
	if (unknown == NULL && !slice_is(role.issuer_ref, "default"))
		unknown = "issuer_ref";
	if (unknown != NULL)
		return question_unsupported(q, "role:", unknown);
	question_resolve_times(q, request_json);
	unknown = json_unknown_field(request_json, params, request_neutral);
	if (unknown != NULL)
		return question_unsupported(q, "request:", unknown);
	leaf_params_defaults(&request);
	if (!role_rules_make(&role, q->arena, &rules, e) ||
	    !json_decode(request_json, params, q->arena, &request, &seen, e) ||
	    !read_ca(json_object_get(q->line, "ca"), &in, e) || !read_identity(q, &body, &in, e))
		return false;
	in.says_basic_constraints = verbatim &&
	    schema_seen(params, seen, "basic_constraints_valid_for_non_ca");
	ok = verbatim ? policy_decide_verbatim(&in, q->arena, &t, e)
		      : policy_decide(&in, q->arena, &t, e);
	answer_leaf(q, &rules, &t, verbatim);
	return ok;
}

bool
policy_op_issue(struct question *q, struct err *e)
{
	return decide_leaf(q, NULL, false, e);
}

/* The CSR is given as fields; the table of sign wants its PEM, so that one is put there which nobody reads. */
static bool
decide_csr(struct question *q, bool verbatim, struct err *e)
{
	json_t *request = json_object_get(q->line, "request");
	json_t *csr_json = json_incref(json_object_get(request, "csr"));
	struct csr csr;
	const char *unknown;
	bool ok;

	if (!json_is_object(csr_json)) {
		json_decref(csr_json);
		return err_field(
		    e, ERR_MISSING_FIELD, "csr", "sign needs a csr, given as an object");
	}
	unknown = read_csr(csr_json, q->arena, &csr);
	json_object_set_new(request, "csr", json_string("-"));
	ok = unknown != NULL ? question_unsupported(q, "csr:", unknown)
			     : decide_leaf(q, &csr, verbatim, e);
	json_decref(csr_json);
	return ok;
}

bool
policy_op_sign(struct question *q, struct err *e)
{
	return decide_csr(q, false, e);
}

bool
policy_op_sign_verbatim(struct question *q, struct err *e)
{
	return decide_csr(q, true, e);
}
