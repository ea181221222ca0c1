#include "policy_cli.h"

#include "key.h"
#include "name.h"
#include "policy_json.h"
#include "timespan.h"

#include <stdlib.h>
#include <string.h>

#define SYSTEM_TTL ((int64_t)768 * 3600) /* a mount that says nothing */

/* What comes of a line. */
struct verdict {
	bool unsupported;
	struct err why;   /* code ERR_NONE: allowed */
	json_t *template; /* owned; NULL: none */
};

typedef bool op_fn(json_t *line, struct arena *a, struct verdict *ret, struct err *e);

/* Today's fields that a role of the source document has no word for, at the value that leaves them without effect. */
static const struct neutral role_neutral[] = {
	{ "allow_glob_domains", "false" },
	{ "allow_wildcard_certificates", "true" },
	{ "allowed_domains_template", "false" },
	{ "allowed_uri_sans", "[]" },
	{ "allowed_uri_sans_template", "false" },
	{ "allowed_other_sans", "[]" },
	{ "allowed_serial_numbers", "[]" },
	{ "allowed_user_ids", "[]" },
	{ "allowed_ip_sans_cidr", "[]" },
	{ "basic_constraints_valid_for_non_ca", "false" },
	{ "cn_validations", "[]" },
	{ "cn_validations", "[\"email\", \"hostname\"]" },
	{ "ext_key_usage", "[]" },
	{ "ext_key_usage_oids", "[]" },
	{ "generate_lease", "false" },
	{ "issuer_ref", "\"default\"" },
	{ "key_usage", "[\"DigitalSignature\", \"KeyAgreement\", \"KeyEncipherment\"]" },
	{ "no_store", "false" },
	{ "not_after_bound", "\"permit\"" },
	{ "not_before_bound", "\"permit\"" },
	{ "not_before_duration", "0" },
	{ "not_before_duration", "30" },
	{ "policy_identifiers", "[]" },
	{ "require_cn", "true" },
	{ "serial_number_source", "\"json-csr\"" },
	{ "signature_bits", "0" },
	{ "use_csr_sans", NULL }, /* sign looks at it */
	{ "use_pss", "false" },
	{ NULL, NULL },
};

static const struct neutral request_neutral[] = {
	{ "csr", NULL }, /* sign takes it apart */
	{ "exclude_cn_from_sans", "false" },
	{ "other_sans", "\"\"" },
	{ "uri_sans", "\"\"" },
	{ NULL, NULL },
};

static bool
unsupported(struct verdict *v, const char *what, const char *name)
{
	v->unsupported = true;
	snprintf(v->why.msg, sizeof(v->why.msg), "%s %s", what, name);
	return true;
}

static bool
is_current(const json_t *line)
{
	return !slice_is(json_slice(json_object_get(line, "role_defaults")), "0.4");
}

/* Today's defaults where nothing else is said; false with *ret_unknown set: a field that has no place in the struct. */
static bool
read_role(json_t *line, struct arena *a, struct role *ret, const char **ret_unknown, struct err *e)
{
	json_t *role = json_object_get(line, "role");

	*ret_unknown = json_unknown_field(role, &role_schema, role_neutral);
	if (*ret_unknown == NULL && slice_is(json_slice(json_object_get(role, "key_type")), "any"))
		*ret_unknown = "key_type any";
	role_defaults(ret);
	if (is_current(line))
		ret->enforce_hostnames = ret->use_csr_common_name = true;
	return *ret_unknown != NULL || json_decode(role, &role_schema, a, ret, e);
}

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
	ret->issuer_not_after = ret->now + integer_or(ca, "not_after_in", 2 * TIMESPAN_MAX);
	return not_after.data == NULL ||
	    time_parse_rfc3339(not_after, "not_after", &ret->issuer_not_after, e);
}

/* NULL, or the field that certmill does not know */
static const char *
read_csr(json_t *json, struct arena *a, struct csr *ret)
{
	static const char *const names[] = { "other", "serial_number", "user_ids" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const json_t *value = json_object_get(json, names[i]);

		if (json_array_size(value) > 0 || json_string_length(value) > 0)
			return names[i];
	}
	*ret = (struct csr){ .common_name = json_slice(json_object_get(json, "cn")),
		.dns = json_slices(json_object_get(json, "dns"), a),
		.emails = json_slices(json_object_get(json, "emails"), a),
		.ips = json_slices(json_object_get(json, "ips"), a),
		.uris = json_slices(json_object_get(json, "uris"), a),
		.key_bits = integer_or(json, "key_bits", 0) };
	return key_type_parse(json_slice(json_object_get(json, "key_type")), &ret->key_type)
	    ? NULL
	    : "key_type";
}

/* Today `sign` takes the CSR's alternative names and leaves the request's; the source document's never does. */
static bool
wants_csr_sans(json_t *line, const struct csr *csr, const struct leaf_params *request)
{
	const json_t *wanted = json_object_get(json_object_get(line, "role"), "use_csr_sans");
	size_t names = csr->dns.count + csr->emails.count + csr->ips.count + csr->uris.count +
	    request->alt_names.count + request->ip_sans.count;

	return names > 0 && (wanted == NULL ? is_current(line) : json_is_true(wanted));
}

static bool
decide_leaf(
    json_t *line, struct arena *a, const struct csr *csr, struct verdict *ret, struct err *e)
{
	json_t *request_json = json_object_get(line, "request");
	const json_t *identity = json_object_get(line, "identity");
	struct role role;
	struct leaf_params request = { .ttl = SCHEMA_ABSENT };
	struct policy_input in = { .role = &role,
		.request = &request,
		.csr = csr,
		.display_name = json_slice(json_object_get(identity, "display_name")),
		.now = time_now_ms() / 1000 };
	struct template t = { 0 };
	const char *unknown;
	bool ok;

	if (!read_role(line, a, &role, &unknown, e))
		return false;
	if (unknown != NULL)
		return unsupported(ret, "role:", unknown);
	unknown = json_unknown_field(request_json, &issue_params_schema, request_neutral);
	if (unknown != NULL)
		return unsupported(ret, "request:", unknown);
	if (!json_decode(request_json, &issue_params_schema, a, &request, e) ||
	    !read_ca(json_object_get(line, "ca"), &in, e))
		return false;
	if (csr != NULL && wants_csr_sans(line, csr, &request))
		return unsupported(ret, "role:", "use_csr_sans");
	ok = policy_decide(&in, a, &t, e);
	ret->template = json_of_template(&t, role_key_usage(&role), in.now);
	return ok;
}

static bool
op_issue(json_t *line, struct arena *a, struct verdict *ret, struct err *e)
{
	return decide_leaf(line, a, NULL, ret, e);
}

static bool
op_sign(json_t *line, struct arena *a, struct verdict *ret, struct err *e)
{
	json_t *csr_json = json_object_get(json_object_get(line, "request"), "csr");
	struct csr csr;
	const char *unknown;

	if (!json_is_object(csr_json))
		return err_field(
		    e, ERR_MISSING_FIELD, "csr", "sign needs a csr, given as an object");
	unknown = read_csr(csr_json, a, &csr);
	if (unknown != NULL)
		return unsupported(ret, "csr:", unknown);
	return decide_leaf(line, a, &csr, ret, e);
}

static bool
op_role_write(json_t *line, struct arena *a, struct verdict *ret, struct err *e)
{
	struct role role;
	const char *unknown;

	if (!read_role(line, a, &role, &unknown, e))
		return false;
	if (unknown != NULL)
		return unsupported(ret, "role:", unknown);
	if (!role_check(&role, e))
		return false;
	ret->template = json_of_role(&role);
	return true;
}

static bool
op_hostname_match(json_t *line, struct arena *a, struct verdict *ret, struct err *e)
{
	struct slice name = json_slice(json_object_get(json_object_get(line, "request"), "name"));
	bool matches = name.data != NULL && name_is_hostname(name);

	(void)a;
	ret->template = json_pack("{s:b}", "matches", matches);
	return matches ||
	    err_field(e, ERR_INVALID_VALUE, "name", NAME_QUOTED " is no host name", NAME_FMT(name));
}

static const struct {
	const char *name;
	op_fn *decide;
} ops[] = {
	{ "issue", op_issue },
	{ "sign", op_sign },
	{ "role_write", op_role_write },
	{ "hostname_match", op_hostname_match },
};

static void
line_decide(json_t *line, struct arena *a, struct verdict *ret)
{
	struct slice op = json_slice(json_object_get(line, "op"));

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (slice_is(op, ops[i].name)) {
			if (!ops[i].decide(line, a, ret, &ret->why))
				return;
			ret->why.code = ERR_NONE;
			return;
		}
	unsupported(ret, "op:", op.data == NULL ? "none" : arena_text(a, op));
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
	bool is_object = json_is_object(line);

	if (is_object)
		line_decide(line, &a, &v);
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
