#include "policy_cli.h"

#include "glob.h"
#include "policy_question.h"
#include "timespan.h"

#include <stdlib.h>
#include <string.h>

/* Fields of today that certmill has no word for, at the value that leaves them without effect. */
static const struct neutral role_neutral[] = {
	{ "no_store_metadata", "false" },
	{ NULL, NULL },
};

bool
question_unsupported(struct question *q, const char *what, const char *name)
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
	int64_t span = 0;

	if (!slice_is(text, "now") &&
	    (text.len < 5 || memcmp(text.data, "now", 3) != 0 ||
		(text.data[3] != '+' && text.data[3] != '-') ||
		!timespan_parse(slice_of(text.data + 4, text.len - 4), name, &span, &ignored)))
		return;
	time_format_rfc3339(q->now + (text.len > 3 && text.data[3] == '-' ? -span : span), time);
	json_object_set_new(object, name, json_string(time));
}

void
question_resolve_times(struct question *q, json_t *object)
{
	resolve_time(q, object, "not_before");
	resolve_time(q, object, "not_after");
	resolve_time(q, object, "not_after_bound");
}

/* Today's defaults where nothing else is said; false with *ret_unknown set: a field that has no place in the struct. */
bool
question_role(struct question *q, struct role *ret, uint64_t *ret_seen, const char **ret_unknown,
    struct err *e)
{
	json_t *role = json_object_get(q->line, "role");

	question_resolve_times(q, role);
	*ret_unknown = json_unknown_field(role, &role_schema, role_neutral);
	if (slice_is(json_slice(json_object_get(q->line, "role_defaults")), ROLE_DEFAULTS_SEED))
		role_defaults(ret);
	else
		role_defaults_current(ret);
	return *ret_unknown != NULL || json_decode(role, &role_schema, q->arena, ret, ret_seen, e);
}

/* The only one of its mount's issuers that a line knows is the default. Warnings are codes, and here their texts, too. */
static bool
role_answer(struct question *q, struct role *role, struct err *e)
{
	bool drops_lease = role_drops_lease(role);
	json_t *warnings;

	if (!role_check(role, q->arena, e))
		return false;
	warnings = json_array();
	if (drops_lease)
		json_array_append_new(warnings, json_string("no_store_without_lease"));
	if (role_has_odd_oids(role))
		json_array_append_new(warnings, json_string("oid_left_out"));
	if (!slice_is(role->issuer_ref, "default")) {
		json_array_append_new(warnings, json_string("unknown_issuer_ref"));
		json_array_append_new(warnings, json_string("no issuer with that name"));
	}
	q->verdict->template = json_of_role(role);
	json_object_set_new(q->verdict->template, "read_back", json_of_role(role));
	json_object_set_new(q->verdict->template, "warnings", warnings);
	return true;
}

static bool
op_role_write(struct question *q, struct err *e)
{
	struct role role;
	const char *unknown;
	uint64_t seen;

	if (!question_role(q, &role, &seen, &unknown, e))
		return false;
	if (unknown != NULL)
		return question_unsupported(q, "role:", unknown);
	return role_check_usages(&role, e) && role_answer(q, &role, e);
}

static bool
op_role_patch(struct question *q, struct err *e)
{
	json_t *request = json_object_get(q->line, "request");
	struct role role, patch;
	const char *unknown;
	uint64_t seen;

	if (!question_role(q, &role, &seen, &unknown, e))
		return false;
	question_resolve_times(q, request);
	if (unknown == NULL)
		unknown = json_unknown_field(request, &role_schema, role_neutral);
	if (unknown != NULL)
		return question_unsupported(q, "role:", unknown);
	role_defaults(&patch);
	if (!json_decode(request, &role_schema, q->arena, &patch, &seen, e) ||
	    !role_check_usages(&patch, e))
		return false;
	schema_merge(&role_schema, seen, &patch, &role);
	return role_answer(q, &role, e);
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
	{ "issue", policy_op_issue },
	{ "sign", policy_op_sign },
	{ "sign_verbatim", policy_op_sign_verbatim },
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
	question_unsupported(q, "op:", op.data == NULL ? "none" : arena_text(q->arena, op));
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
