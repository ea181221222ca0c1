/*
 * schemas/json: a JSON Schema for each table, and for each operation one of its whole request and one of its whole
 * response. Each file stands alone: what it refers to is under its own $defs.
 */
#include "answers.h"
#include "document.h"
#include "envelope.h"
#include "ledger.h"
#include "messages.h"
#include "operation.h"
#include "scoped.h"
#include "warnings.h"

#include <jansson.h>

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

#define DRAFT     "https://json-schema.org/draft/2020-12/schema"
#define NAME_SIZE 64

DEFINE_SCOPED(json_t, json_decref)

/* A schema's name as a file and a definition have it: "mount-write.params". */
static const char *
plain_name(const char *name, char ret[static NAME_SIZE])
{
	assert(strlen(name) < NAME_SIZE);
	memcpy(ret, name, strlen(name) + 1);
	for (char *p = ret; (p = strchr(p, '/')) != NULL;)
		*p = '-';
	return ret;
}

/* ---- what a field may hold beyond what its row says ---- */

static void
list_add(json_t *list, const char *word)
{
	json_array_append_new(list, json_string(word));
}

static json_t *
error_codes(void)
{
	json_t *list = json_array();

	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++)
		list_add(list, err_name((enum err_code)code));
	return list;
}

static json_t *
audit_results(void)
{
	static const char *const others[] = { "ok", "replayed", "rerouted", "rejected" };
	json_t *list = error_codes();

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		list_add(list, others[i]);
	return list;
}

static json_t *
warning_codes(void)
{
	const struct warning_row *w;
	json_t *list = json_array();

	for (size_t i = 0; (w = warning_at(i)) != NULL; i++)
		list_add(list, w->code);
	return list;
}

static json_t *
operation_names(void)
{
	const struct operation *op;
	json_t *list = json_array();

	for (size_t i = 0; (op = operation_at(i)) != NULL; i++)
		list_add(list, op->contract->name);
	return list;
}

static const struct {
	const struct schema *table;
	const char *field;
	json_t *(*words)(void);
} word_lists[] = {
	{ &request_schema, "op", operation_names },
	{ &error_schema, "code", error_codes },
	{ &warning_schema, "code", warning_codes },
	{ &outcome_schema, "code", error_codes },
	{ &audit_entry_schema, "result", audit_results },
};

/* The limits of a text that may be any say nothing of one that may be a few. */
static void
property_settle(json_t *property, const char *keyword, json_t *value)
{
	static const char *const limits[] = { "minLength", "maxLength", "pattern", "enum" };

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		json_object_del(property, limits[i]);
	json_object_set_new(property, keyword, value);
}

static void
property_settle_words(json_t *property, const struct schema *s, const char *field)
{
	for (size_t i = 0; i < sizeof(word_lists) / sizeof(word_lists[0]); i++)
		if (word_lists[i].table == s && strcmp(word_lists[i].field, field) == 0)
			property_settle(property, "enum", word_lists[i].words());
}

/* ---- one table ---- */

static json_t *reference(json_t *defs, const struct schema *s);

/* What the field holds is of the inner table: the map itself, or nil, or each item of the list. */
static void
property_refer(json_t *property, const struct schema *inner, json_t *defs)
{
	const json_t *type = json_object_get(property, "type");
	SCOPED(json_t) ref = reference(defs, inner);

	if (json_is_array(type))
		json_object_set_new(
		    property, "anyOf", json_pack("[{s:s}, O]", "type", "null", ref));
	else if (strcmp(json_string_value(type), "array") == 0)
		json_object_set(property, "items", ref);
	else
		json_object_update(property, ref);
}

static json_t *
table_json(const struct schema *s, json_t *defs)
{
	struct buf text SCOPED_BUF = { 0 };
	json_t *table, *property;
	const char *field;

	buf_init(&text, (size_t)1 << 20);
	schema_json(s, &text);
	table = json_loadb((const char *)text.data, text.len, 0, NULL);
	assert(table != NULL);
	json_object_foreach(json_object_get(table, "properties"), field, property)
	{
		const struct schema *inner = message_inner(s, field);

		if (inner != NULL)
			property_refer(property, inner, defs);
		property_settle_words(property, s, field);
	}
	return table;
}

/* {"$ref": ...} to the table's definition, which is made where there is none yet. */
static json_t *
reference(json_t *defs, const struct schema *s)
{
	char name[NAME_SIZE];

	plain_name(s->name, name);
	if (json_object_get(defs, name) == NULL)
		json_object_set_new(defs, name, table_json(s, defs));
	return json_pack("{s:s+}", "$ref", "#/$defs/", name);
}

/* ---- an operation's request ---- */

/* The envelope under the operation's name; without one the envelope of any. */
static json_t *
envelope_json(
    const struct schema *envelope, const struct operation *op, const char *kind, json_t *defs)
{
	SCOPED(json_t) table = table_json(envelope, defs);
	json_t *named, *name;

	if (op == NULL)
		return TAKE(table);
	named = json_pack("{s:s++, s:s}", "title", op->contract->name, ".", kind, "description",
	    op->contract->help);
	json_object_update_missing(named, table);
	name = json_object_get(json_object_get(named, "properties"), "op");
	property_settle(name, "const", json_string(op->contract->name));
	return named;
}

/* A field that the envelope leaves free, and this operation needs. */
static void
field_demand(json_t *whole, const char *field)
{
	json_t *property = json_object_get(json_object_get(whole, "properties"), field);
	const json_t *types = json_object_get(property, "type");

	json_object_set(property, "type", json_array_get(types, 0));
	list_add(json_object_get(whole, "required"), field);
}

static bool
has_required(const struct schema *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->fields[i].need == REQUIRED)
			return true;
	return false;
}

static json_t *
request_json(const struct operation *op, json_t *defs)
{
	json_t *whole = envelope_json(&request_schema, op, "request", defs);
	json_t *properties = json_object_get(whole, "properties");

	/* the row lets every number through, so that another version is told apart from a wrong number */
	json_object_update_new(json_object_get(properties, "v"),
	    json_pack("{s:i, s:i, s:s}", "minimum", 1, "maximum", 1, "pattern", "^0*1$"));
	if (op == NULL)
		return whole;
	if (op->contract->needs_role)
		field_demand(whole, "role");
	if (has_required(op->contract->params))
		field_demand(whole, "params");
	property_refer(json_object_get(properties, "params"), op->contract->params, defs);
	if (!op->contract->makes_key) {
		json_object_set_new(properties, "seal_to", json_pack("{s:s}", "type", "null"));
		json_object_del(defs, jwk_schema.name);
	}
	return whole;
}

/* ---- an operation's response ---- */

/* The answer to a dry_run has none of what the operation's answer must have, but for the fields of its own table. */
static json_t *
dry_run_json(const struct operation *op, json_t *defs)
{
	json_t *dry = reference(defs, &dry_run_answer_schema), *absent = json_object();

	for (size_t i = 0; i < op->contract->data->count; i++)
		if (op->contract->data->fields[i].need == REQUIRED)
			json_object_set_new(
			    absent, op->contract->data->fields[i].name, json_false());
	for (size_t i = 0; i < dry_run_answer_schema.count; i++)
		json_object_del(absent, dry_run_answer_schema.fields[i].name);
	json_object_set_new(dry, "properties", absent);
	if (op->signs)
		json_object_set_new(dry, "required", json_pack("[s]", "expiration"));
	return dry;
}

static void
table_extend(json_t *table, const struct schema *more, json_t *defs)
{
	SCOPED(json_t) added = table_json(more, defs);

	json_object_update(
	    json_object_get(table, "properties"), json_object_get(added, "properties"));
	json_array_extend(json_object_get(table, "required"), json_object_get(added, "required"));
}

/* A table that requests and answers share is closed for requests; answers are open, all of them. */
static json_t *
data_json(const struct operation *op, json_t *defs)
{
	const struct schema *beside = message_beside(op->contract->data);
	struct schema answer = *op->contract->data;
	char name[NAME_SIZE], plain[NAME_SIZE];
	json_t *ref;

	if (!answer.open) {
		(void)snprintf(name, sizeof(name), "%s.data", op->contract->name);
		answer.name = name;
		answer.open = true;
	}
	ref = reference(defs, &answer);
	if (beside != NULL)
		table_extend(json_object_get(defs, plain_name(answer.name, plain)), beside, defs);
	return op->claims ? json_pack("{s:[o, o]}", "anyOf", ref, dry_run_json(op, defs)) : ref;
}

static json_t *
response_json(const struct operation *op, json_t *defs)
{
	json_t *whole = envelope_json(&response_schema, op, "response", defs);
	json_t *properties = json_object_get(whole, "properties");

	if (op != NULL && op->contract->data != NULL)
		json_object_update_new(json_object_get(properties, "data"), data_json(op, defs));
	json_object_set_new(whole, "oneOf",
	    json_pack("[{s:{s:{s:s}, s:b}, s:[s, s, s]}, {s:{s:{s:s}, s:b}, s:[s]}]", "properties",
		"status", "const", "ok", "error", 0, "required", "op", "mount", "data",
		"properties", "status", "const", "error", "data", 0, "required", "error"));
	return whole;
}

/* ---- files ---- */

static MUST_USE bool
file_write(const char *path, const json_t *body, struct err *e)
{
	SCOPED(FILE) file = fopen(path, "w");

	if (file == NULL || json_dumpf(body, file, JSON_INDENT(2)) != 0 ||
	    fputc('\n', file) == EOF || fflush(file) != 0)
		return err_errno(e, path);
	return true;
}

static MUST_USE bool
schema_write(const char *folder, json_t *body, json_t *defs, struct err *e)
{
	const char *name = json_string_value(json_object_get(body, "title"));
	char plain[NAME_SIZE], path[PATH_MAX];
	SCOPED(json_t)
	root = json_pack("{s:s, s:s+}", "$schema", DRAFT, "$id", "urn:certmill:", name);

	json_object_update(root, body);
	if (json_object_size(defs) > 0)
		json_object_set(root, "$defs", defs);
	(void)snprintf(path, sizeof(path), "%s/%s.json", folder, plain_name(name, plain));
	return file_write(path, root, e);
}

static MUST_USE bool
table_write(const char *folder, const struct schema *s, struct err *e)
{
	SCOPED(json_t) defs = json_object();
	SCOPED(json_t) body = table_json(s, defs);

	return schema_write(folder, body, defs, e);
}

static MUST_USE bool
envelope_write(const char *folder, const struct operation *op,
    json_t *(*make)(const struct operation *op, json_t *defs), struct err *e)
{
	SCOPED(json_t) defs = json_object();
	SCOPED(json_t) body = make(op, defs);

	return schema_write(folder, body, defs, e);
}

static MUST_USE bool
envelopes_write(const char *folder, const struct operation *op, struct err *e)
{
	return envelope_write(folder, op, request_json, e) &&
	    envelope_write(folder, op, response_json, e);
}

bool
document_schemas(const char *folder, struct err *e)
{
	const struct operation *op;
	const struct schema *s;

	if (mkdir(folder, 0777) != 0 && errno != EEXIST)
		return err_errno(e, folder);
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++)
		if (s != &request_schema && s != &response_schema && !table_write(folder, s, e))
			return false;
	for (size_t i = 0; (op = operation_at(i)) != NULL; i++)
		if (!envelopes_write(folder, op, e))
			return false;
	return envelopes_write(folder, NULL, e);
}
