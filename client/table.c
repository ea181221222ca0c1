#include "table.h"

#include "columns.h"
#include "slice.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The lease stands first, under the names of the source document's sample. */
static const struct {
	const char *name, *shown;
} lease[] = {
	{ "lease_id", "lease_id" },
	{ "lease_duration", "lease_duration" },
	{ "renewable", "lease_renewable" },
};

static bool
is_lease(const char *name)
{
	for (size_t i = 0; i < sizeof(lease) / sizeof(lease[0]); i++)
		if (strcmp(lease[i].name, name) == 0)
			return true;
	return false;
}

/* `serial` is the API samples' name for what the quick start calls `serial_number`: people see it once. */
static bool
is_repeated(const json_t *data, const char *name)
{
	return strcmp(name, "serial") == 0 && json_object_get(data, "serial_number") != NULL;
}

/* C0 and DEL, and the C1 controls in UTF-8 (c2 80 to c2 9f). */
static bool
is_control(const char *text, size_t len, size_t i)
{
	unsigned char c = (unsigned char)text[i];
	unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;

	if (c < 0x20)
		return c != '\n' && c != '\t';
	return c == 0x7f || (c == 0xc2 && next >= 0x80 && next < 0xa0);
}

static void
text_print(FILE *out, const char *text, size_t len, bool one_line)
{
	for (size_t i = 0; i < len; i++) {
		if (is_control(text, len, i) || (one_line && text[i] == '\n'))
			fprintf(out, "\\x%02x", (unsigned char)text[i]);
		else
			fputc(text[i], out);
	}
}

/* Texts with lines end in a newline of their own, which the table adds itself. */
static void
string_print(FILE *out, const json_t *value)
{
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	while (len > 0 && text[len - 1] == '\n')
		len--;
	text_print(out, text, len, false);
}

static bool
has_lines(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);

		if (json_is_string(item) && strchr(json_string_value(item), '\n') != NULL)
			return true;
	}
	return false;
}

static void value_print(FILE *out, const json_t *value);

static void
list_print(FILE *out, const json_t *list)
{
	char between = has_lines(list) ? '\n' : ',';

	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i > 0)
			fputc(between, out);
		value_print(out, json_array_get(list, i));
	}
}

static void
compact_print(FILE *out, const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

	if (text == NULL)
		abort();
	fputs(text, out);
	free(text);
}

static void
value_print(FILE *out, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		string_print(out, value);
		return;
	case JSON_ARRAY:
		list_print(out, value);
		return;
	case JSON_OBJECT:
	case JSON_INTEGER:
	case JSON_REAL:
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NULL:
		compact_print(out, value);
		return;
	}
}

static void
row_print(FILE *out, int width, const char *name, const json_t *value)
{
	text_print(out, name, strlen(name), true);
	fprintf(out, "%*s", width + 2 - (int)strlen(name), "");
	value_print(out, value);
	fputc('\n', out);
}

static int
column_width(json_t *data)
{
	size_t width = strlen("Key");
	const char *name;
	json_t *value;

	json_object_foreach(data, name, value)
	{
		size_t len = strcmp(name, "renewable") == 0 ? strlen("lease_renewable")
							    : strlen(name);

		if (!is_repeated(data, name) && len > width)
			width = len;
	}
	return (int)width;
}

void
table_print(FILE *out, json_t *data)
{
	int width = column_width(data);
	const char *name;
	json_t *value;

	fprintf(out, "%-*s  %s\n", width, "Key", "Value");
	for (size_t i = 0; i < sizeof(lease) / sizeof(lease[0]); i++) {
		value = json_object_get(data, lease[i].name);
		if (value != NULL)
			row_print(out, width, lease[i].shown, value);
	}
	json_object_foreach(data, name, value) if (!is_lease(name) && !is_repeated(data, name))
	    row_print(out, width, name, value);
}

void
table_text(FILE *out, const char *text, size_t len)
{
	text_print(out, text, len, true);
}

const char *
table_cell(const json_t *row, const char *name, char ret[static CELL_MAX])
{
	const json_t *value = json_object_get(row, name);

	ret[0] = '\0';
	if (json_is_string(value))
		(void)snprintf(ret, CELL_MAX, "%s", json_string_value(value));
	else if (json_is_integer(value))
		(void)snprintf(ret, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return ret;
}

void
table_mounts(FILE *out, const json_t *data)
{
	static const char *const head[] = { "Path", "Type", "Default TTL", "Max TTL",
		"Description" };
	const json_t *mounts = json_object_get(data, "mounts");
	struct columns table SCOPED_COLUMNS;

	columns_init(&table, head, sizeof(head) / sizeof(head[0]));
	for (size_t i = 0; i < json_array_size(mounts); i++) {
		const json_t *mount = json_array_get(mounts, i);
		char text[CELL_MAX];

		columns_add(&table, "%s/", table_cell(mount, "mount", text));
		columns_add(&table, "pki");
		columns_add(&table, "%s", table_cell(mount, "default_ttl", text));
		columns_add(&table, "%s", table_cell(mount, "max_ttl", text));
		columns_add(&table, "%s", table_cell(mount, "description", text));
	}
	columns_print(out, &table);
}

static void
raw_print(FILE *out, const json_t *value)
{
	if (json_is_string(value))
		(void)fwrite(json_string_value(value), 1, json_string_length(value), out);
	else
		compact_print(out, value);
}

bool
table_field(FILE *out, const json_t *data, const char *name)
{
	const json_t *value = json_object_get(data, name);

	for (size_t i = 0; value == NULL && i < sizeof(lease) / sizeof(lease[0]); i++)
		if (strcmp(name, lease[i].shown) == 0)
			value = json_object_get(data, lease[i].name);
	if (value == NULL)
		return false;
	if (!json_is_array(value))
		raw_print(out, value);
	for (size_t i = 0; i < json_array_size(value); i++) {
		if (i > 0)
			fputc('\n', out);
		raw_print(out, json_array_get(value, i));
	}
	return true;
}
