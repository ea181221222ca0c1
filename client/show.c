#include "show.h"

#include "encode.h"
#include "fleet.h"
#include "json.h"
#include "table.h"

#include <unistd.h>

static bool
options_want_json(const struct options *o)
{
	return strcmp(o->format, "json") == 0;
}

bool
show_check(const struct options *o, struct err *e)
{
	if (!options_want_json(o) && strcmp(o->format, "table") != 0)
		return err_set(
		    e, ERR_INVALID_VALUE, "-format is table or json, not \"%.80s\"", o->format);
	if (options_want_json(o) && o->field != NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "-field prints one value, -format=json all: give one of them");
	return true;
}

static enum status
failed(const char *what)
{
	fprintf(stderr, "certmill: %s\n", what);
	return STATUS_FAILED;
}

/* Was everything written? A full disk behind `>` is found out here. */
static enum status
finished(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		return failed("standard output does not take what there is to print");
	return STATUS_OK;
}

static void
show_warnings(const struct certmill_answer *a)
{
	for (size_t i = 0; i < a->warning_count; i++)
		fprintf(stderr, "Warning: %.*s (code %.*s)\n", SLICE_FMT(a->warnings[i].message),
		    SLICE_FMT(a->warnings[i].code));
}

static enum status
json_show(const json_t *object)
{
	if (json_dumpf(object, stdout, JSON_INDENT(2)) != 0 || putchar('\n') == EOF)
		return failed("standard output does not take the answer");
	return finished();
}

static enum status
show_json(const struct certmill_answer *a, json_t *data)
{
	json_t *SCOPED_JSON object = json_reply(a, data);

	return json_show(object);
}

enum status
show_refusal(const struct options *o, const struct certmill_answer *a)
{
	struct err e = { 0 };

	if (options_want_json(o)) {
		json_t *SCOPED_JSON object = json_answer(a, &e);

		if (object == NULL || json_show(object) != STATUS_OK)
			return failed("there is no showing the refusal");
	}
	fprintf(stderr, "Error: %.*s (code %.*s", SLICE_FMT(a->message), SLICE_FMT(a->code));
	if (a->field.data != NULL && a->field.len > 0)
		fprintf(stderr, ", field %.*s", SLICE_FMT(a->field));
	fprintf(stderr, ")\n");
	show_warnings(a);
	return STATUS_REFUSED;
}

static enum status
show_field(const json_t *data, const char *name)
{
	if (!table_field(stdout, data, name)) {
		fprintf(stderr, "certmill: the answer has no field \"%s\"\n", name);
		return STATUS_FAILED;
	}
	if (isatty(STDOUT_FILENO))
		putchar('\n');
	return finished();
}

/* The paths that the source document calls bare: the bytes alone. */
static enum status
show_bytes(const struct route *r, const json_t *data)
{
	const json_t *value = json_object_get(data, r->field);
	struct buf SCOPED_BUF bytes = { 0 };
	struct slice text;

	if (!json_is_string(value))
		return failed("the answer holds no such bytes");
	text = slice_of(json_string_value(value), json_string_length(value));
	buf_init(&bytes, text.len + 1);
	if (r->show == SHOW_PEM)
		buf_add_slice(&bytes, text);
	else if (isatty(STDOUT_FILENO))
		return failed(
		    "that is DER, not for a terminal: redirect it, or add /pem to the path");
	else if (!base64_parse(text, &bytes))
		return failed("the answer's base64 is broken");
	(void)fwrite(bytes.data, 1, bytes.len, stdout);
	return finished();
}

static enum status
show_data(const struct options *o, const struct route *r, const char *done, json_t *data)
{
	if (o->field != NULL)
		return show_field(data, o->field);
	if (r->show == SHOW_PEM || r->show == SHOW_DER)
		return show_bytes(r, data);
	if (r->show == SHOW_STATUS)
		fleet_print(stdout, data);
	else if (r->show == SHOW_MOUNTS)
		table_mounts(stdout, data);
	else if (r->show == SHOW_SUCCESS || json_object_size(data) == 0)
		printf("%s\n", done);
	else
		table_print(stdout, data);
	return finished();
}

enum status
show_answer(const struct options *o, const struct route *r, const char *done,
    const struct certmill_answer *a, json_t *data)
{
	if (options_want_json(o))
		return show_json(a, data);
	show_warnings(a);
	return show_data(o, r, done, data);
}

static json_t *
list_data(json_t *keys, const char *next)
{
	json_t *data = json_object();

	if (json_object_set(data, "keys", keys) != 0 ||
	    (next != NULL && json_object_set_new(data, "next", json_string(next)) != 0))
		abort();
	return data;
}

enum status
show_list(const struct options *o, const struct certmill_answer *a, json_t *keys, const char *next)
{
	json_t *SCOPED_JSON data = list_data(keys, next);

	if (options_want_json(o))
		return show_json(a, data);
	show_warnings(a);
	if (o->field != NULL)
		return show_field(data, o->field);
	printf("Keys\n");
	for (size_t i = 0; i < json_array_size(keys); i++)
		if (json_is_string(json_array_get(keys, i)))
			printf("%s\n", json_string_value(json_array_get(keys, i)));
	if (next != NULL)
		fprintf(stderr, "There are more: after=%s\n", next);
	return finished();
}
