#include "policy_cli.h"

#include "glob.h"
#include "identity.h"
#include "key.h"
#include "policy_json.h"
#include "timespan.h"
#include "usage.h"

#include <stdlib.h>
#include <string.h>

#define SYSTEM_TTL ((int64_t)768 * 3600) /* a mount that says nothing */

/* What comes of a line. */
struct verdict {
	bool unsupported;
	struct err why;   /* code ERR_NONE: allowed */
	json_t *template; /* owned; NULL: none */
};

/* A line on its way to its verdict. */
struct question {
	json_t *line;
	int64_t now;
	struct arena *arena;
	struct verdict *verdict;
};

typedef bool op_fn(struct question *q, struct err *e);

/* Fields of today that certmill has no word for, at the value that leaves them without effect. */
static const struct neutral role_neutral[] = {
	{ "no_store_metadata", "false" },
	{ NULL, NULL },
};

static const struct neutral request_neutral[] = {
	{ "csr", NULL }, /* taken apart by itself */
	{ NULL, NULL },
};

static bool
unsupported(struct question *q, const char *what, const char *name)
{
	struct verdict *v = q->verdict;

	v->unsupported = true;
	snprintf(v->why.msg, sizeof(v->why.msg), "%s %s", what, name);
	return true;
}

/* ---- roles ---- */

/* "now-3h", "now+2h": times as vectors have them. */
static void
resolve_time(struct question *q, json_t *object, const char *name)
{
	struct slice text = json_slice(json_object_get(object, name));
	struct err ignored;
	char time[32];
	int64_t span;

	if (text.len < 5 || memcmp(text.data, "now", 3) != 0 ||
	    !timespan_parse(slice_of(text.data + 4, text.len - 4), name, &span, &ignored))
		return;
	time_format_rfc3339(q->now + (text.data[3] == '-' ? -span : span), time);
	json_object_set_new(object, name, json_string(time));
}

static void
resolve_times(struct question *q, json_t *object)
{
	resolve_time(q, object, "not_before");
	resolve_time(q, object, "not_after");
	resolve_time(q, object, "not_after_bound");
}

/* Today's defaults where nothing else is said; false with *ret_unknown set: a field that has no place in the struct. */
static bool
read_role(struct question *q, struct role *ret, uint64_t *ret_seen, const char **ret_unknown,
    struct err *e)
{
	json_t *role = json_object_get(q->line, "role");

	resolve_times(q, role);
	*ret_unknown = json_unknown_field(role, &role_schema, role_neutral);
	if (slice_is(json_slice(json_object_get(q->line, "role_defaults")), ROLE_DEFAULTS_SEED))
		role_defaults(ret);
	else
		role_defaults_current(ret);
	return *ret_unknown != NULL || json_decode(role, &role_schema, q->arena, ret, ret_seen, e);
}

/* The only one of its mount's issuers that a line knows is the default. Warnings are codes, and here their texts, too. */
static json_t *
role_answer(const struct role *role)
{
	json_t *o = json_of_role(role);
	json_t *warnings = json_array();

	if (role_has_odd_oids(role))
		json_array_append_new(warnings, json_string("oid_left_out"));
	if (!slice_is(role->issuer_ref, "default")) {
		json_array_append_new(warnings, json_string("unknown_issuer_ref"));
		json_array_append_new(warnings, json_string("no issuer with that name"));
	}
	json_object_set_new(o, "read_back", json_of_role(role));
	json_object_set_new(o, "warnings", warnings);
	return o;
}

static bool
op_role_write(struct question *q, struct err *e)
{
	struct role role;
	const char *unknown;
	uint64_t seen;

	if (!read_role(q, &role, &seen, &unknown, e))
		return false;
	if (unknown != NULL)
		return unsupported(q, "role:", unknown);
	if (!role_check_usages(&role, e) || !role_check(&role, q->arena, e))
		return false;
	q->verdict->template = role_answer(&role);
	return true;
}

static bool
op_role_patch(struct question *q, struct err *e)
{
	json_t *request = json_object_get(q->line, "request");
	struct role role, patch;
	const char *unknown;
	uint64_t seen;

	if (!read_role(q, &role, &seen, &unknown, e))
		return false;
	resolve_times(q, request);
	if (unknown == NULL)
		unknown = json_unknown_field(request, &role_schema, role_neutral);
	if (unknown != NULL)
		return unsupported(q, "role:", unknown);
	role_defaults(&patch);
	if (!json_decode(request, &role_schema, q->arena, &patch, &seen, e) ||
	    !role_check_usages(&patch, e))
		return false;
	schema_merge(&role_schema, seen, &patch, &role);
	if (!role_check(&role, q->arena, e))
		return false;
	q->verdict->template = role_answer(&role);
	return true;
}

/* ---- leaves ---- */

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

	if (!read_role(q, &role, &seen, &unknown, e))
		return false;
	if (unknown == NULL && !slice_is(role.issuer_ref, "default"))
		unknown = "issuer_ref";
	if (unknown != NULL)
		return unsupported(q, "role:", unknown);
	resolve_times(q, request_json);
	unknown = json_unknown_field(request_json, params, request_neutral);
	if (unknown != NULL)
		return unsupported(q, "request:", unknown);
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

static bool
op_issue(struct question *q, struct err *e)
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
	ok = unknown != NULL ? unsupported(q, "csr:", unknown) : decide_leaf(q, &csr, verbatim, e);
	json_decref(csr_json);
	return ok;
}

static bool
op_sign(struct question *q, struct err *e)
{
	return decide_csr(q, false, e);
}

static bool
op_sign_verbatim(struct question *q, struct err *e)
{
	return decide_csr(q, true, e);
}

/* ---- names by themselves ---- */

static bool
op_hostname_match(struct question *q, struct err *e)
{
	struct slice name = json_slice(
	    json_object_get(json_object_get(q->line, "request"), "name"));
	bool matches = name.data != NULL && name_is_hostname(name);

	q->verdict->template = json_pack("{s:b}", "matches", matches);
	return matches ||
	    err_field(e, ERR_INVALID_VALUE, "name", NAME_QUOTED " is no host name", NAME_FMT(name));
}

static bool
op_glob(struct question *q, struct err *e)
{
	const json_t *request = json_object_get(q->line, "request");
	struct slice pattern = json_slice(json_object_get(request, "pattern"));
	struct slice subject = json_slice(json_object_get(request, "subject"));

	return glob_match(pattern, subject) ||
	    err_field(e, ERR_INVALID_VALUE, "subject", NAME_QUOTED " does not match " NAME_QUOTED,
		NAME_FMT(subject), NAME_FMT(pattern));
}

static const struct {
	const char *name;
	op_fn *decide;
} ops[] = {
	{ "issue", op_issue },
	{ "sign", op_sign },
	{ "sign_verbatim", op_sign_verbatim },
	{ "role_write", op_role_write },
	{ "role_patch", op_role_patch },
	{ "hostname_match", op_hostname_match },
	{ "glob", op_glob },
};

/* ---- lines ---- */

static void
line_decide(struct question *q)
{
	struct slice op = json_slice(json_object_get(q->line, "op"));

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (slice_is(op, ops[i].name)) {
			if (!ops[i].decide(q, &q->verdict->why))
				return;
			q->verdict->why.code = ERR_NONE;
			return;
		}
	unsupported(q, "op:", op.data == NULL ? "none" : arena_text(q->arena, op));
}

static void
line_answer(const json_t *line, const struct verdict *v, FILE *out)
{
	bool denied = v->why.code != ERR_NONE;
	json_t *answer = json_object();

	json_object_set(answer, "id", json_object_get(line, "id"));
	json_object_set_new(answer, "decision",
	    json_string(v->unsupported ? "unsupported"
		    : denied           ? "deny"
				       : "allow"));
	if (denied) {
		json_object_set_new(answer, "code", json_string(err_name(v->why.code)));
		json_object_set_new(answer, "field", json_string(v->why.field));
	}
	if (denied || v->unsupported)
		json_object_set_new(answer, "message", json_string(v->why.msg));
	if (v->template != NULL)
		json_object_set(answer, "template", v->template);
	json_dumpf(answer, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(answer);
}

static bool
line_run(const char *text, size_t len, FILE *out)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct verdict v = { 0 };
	json_error_t reason;
	json_t *line = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &reason);
	struct question q = { line, time_now_ms() / 1000, &a, &v };
	bool is_object = json_is_object(line);

	if (is_object)
		line_decide(&q);
	else
		err_set(&v.why, ERR_MALFORMED, "no JSON object: %s",
		    line == NULL ? reason.text : "another value");
	line_answer(line, &v, out);
	json_decref(v.template);
	json_decref(line);
	return is_object;
}

int
policy_main(FILE *in, FILE *out)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t len;
	int status = 0;

	while ((len = getline(&text, &size, in)) >= 0)
		if (strspn(text, " \t\r\n") < (size_t)len && !line_run(text, (size_t)len, out))
			status = 1;
	free(text);
	return fflush(out) == 0 && !ferror(in) ? status : 1;
}
