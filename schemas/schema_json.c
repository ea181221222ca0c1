/*
 * JSON Schema of a message as JSON shows it: bin as base64 text. Where a limit is in bytes and the keyword counts
 * characters, the schema takes at least what the worker takes.
 */
#include "schema_rows.h"

#define DIGITS_PATTERN "^-?[0-9]+$"
#define SPAN_PATTERN   "^([0-9]+|([0-9]+[dhms])+)?$"
#define BOOL_PATTERN   "^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$"
#define BASE64_ITEM    "{\"type\":\"string\",\"contentEncoding\":\"base64\"}"

static void
add_string(const char *text, struct buf *out)
{
	buf_add_byte(out, '"');
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '"' || *p == '\\')
			buf_add_byte(out, '\\');
		buf_add_byte(out, (uint8_t)*p);
	}
	buf_add_byte(out, '"');
}

/* "type": one name, or two where a person's text is taken too; "null" where nil is. */
static void
add_type(const struct field *f, const char *first, const char *second, struct buf *out)
{
	bool null = (f->flags & FIELD_NULLABLE) != 0;

	buf_add_text(out, "\"type\":");
	if (second == NULL && !null) {
		add_string(first, out);
		return;
	}
	buf_printf(out, "[\"%s\"", first);
	if (second != NULL)
		buf_printf(out, ",\"%s\"", second);
	buf_printf(out, "%s]", null ? ",\"null\"" : "");
}

static void
add_limit(const char *keyword, int64_t limit, struct buf *out)
{
	buf_printf(out, ",\"%s\":%lld", keyword, (long long)limit);
}

static void
add_number_limits(const struct field *f, struct buf *out)
{
	if (f->min > SCHEMA_ABSENT + 1)
		add_limit("minimum", f->min, out);
	if (f->max < INT64_MAX)
		add_limit("maximum", f->max, out);
}

static void
add_array(const struct field *f, const char *second, struct buf *out)
{
	add_type(f, "array", second, out);
	if (f->min > 0)
		add_limit("minItems", f->min, out);
	add_limit("maxItems", f->max, out);
}

static void
add_value(const struct field *f, struct buf *out)
{
	switch (f->type) {
	case FIELD_TEXT:
		add_type(f, "string", NULL, out);
		add_limit("minLength", (f->min + 3) / 4, out); /* a character has up to 4 bytes */
		add_limit("maxLength", f->max, out);
		break;
	case FIELD_BYTES:
		add_type(f, "string", NULL, out);
		buf_add_text(out, ",\"contentEncoding\":\"base64\"");
		add_limit("minLength", (f->min + 2) / 3 * 4, out);
		add_limit("maxLength", (f->max + 2) / 3 * 4, out);
		break;
	case FIELD_INT:
		add_type(f, "integer", "string", out);
		add_number_limits(f, out);
		buf_add_text(out, ",\"pattern\":\"" DIGITS_PATTERN "\"");
		break;
	case FIELD_BOOL:
		add_type(f, "boolean", "string", out);
		buf_add_text(out, ",\"pattern\":\"" BOOL_PATTERN "\"");
		break;
	case FIELD_SPAN:
		add_type(f, "integer", "string", out);
		add_number_limits(f, out);
		buf_add_text(out, ",\"pattern\":\"" SPAN_PATTERN "\"");
		break;
	case FIELD_LIST:
		add_array(f, (f->flags & FIELD_LONG) != 0 ? NULL : "string", out);
		buf_printf(out, ",\"items\":{\"type\":\"string\",\"maxLength\":%lld}",
		    (long long)field_item_max(f));
		break;
	case FIELD_BLOBS:
		add_array(f, NULL, out);
		buf_add_text(out, ",\"items\":" BASE64_ITEM);
		break;
	case FIELD_MAP:
		add_type(f, "object", NULL, out);
		break;
	case FIELD_RAWS:
		add_array(f, NULL, out);
		break;
	}
}

static void
add_property(const struct field *f, struct buf *out)
{
	add_string(f->name, out);
	buf_add_text(out, ":{");
	add_value(f, out);
	if ((f->flags & FIELD_ALIAS) != 0)
		buf_add_text(out, ",\"deprecated\":true");
	buf_add_text(out, ",\"description\":");
	add_string(f->help, out);
	buf_add_byte(out, '}');
}

static bool
has_alias(const struct schema *s, size_t row)
{
	return row + 1 < s->count && (s->fields[row + 1].flags & FIELD_ALIAS) != 0;
}

static bool
is_required(const struct schema *s, size_t row)
{
	return s->fields[row].need == REQUIRED && (s->fields[row].flags & FIELD_ALIAS) == 0;
}

static void
add_required(const struct schema *s, struct buf *out)
{
	const char *comma = "";

	buf_add_text(out, ",\"required\":[");
	for (size_t i = 0; i < s->count; i++) {
		if (!is_required(s, i) || has_alias(s, i))
			continue;
		buf_add_text(out, comma);
		add_string(s->fields[i].name, out);
		comma = ",";
	}
	buf_add_byte(out, ']');
}

/* A required field with other names: one of them must stand. */
static void
add_one_of_names(const struct schema *s, size_t row, struct buf *out)
{
	buf_add_text(out, "{\"anyOf\":[");
	for (size_t i = row; i < s->count && schema_main_row(s, i) == row; i++)
		buf_printf(out, "%s{\"required\":[\"%s\"]}", i > row ? "," : "", s->fields[i].name);
	buf_add_text(out, "]}");
}

static void
add_required_names(const struct schema *s, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < s->count; i++) {
		if (!is_required(s, i) || !has_alias(s, i))
			continue;
		buf_add_text(out, any ? "," : ",\"allOf\":[");
		add_one_of_names(s, i, out);
		any = true;
	}
	if (any)
		buf_add_byte(out, ']');
}

void
schema_json(const struct schema *s, struct buf *out)
{
	buf_add_text(
	    out, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\",\"title\":");
	add_string(s->name, out);
	buf_add_text(out, ",\"type\":\"object\",\"properties\":{");
	for (size_t i = 0; i < s->count; i++) {
		buf_add_text(out, i > 0 ? "," : "");
		add_property(&s->fields[i], out);
	}
	buf_add_byte(out, '}');
	add_required(s, out);
	add_required_names(s, out);
	buf_printf(out, ",\"additionalProperties\":%s}", s->open ? "true" : "false");
}
