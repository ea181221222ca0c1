/*
 * JSON Schema of a message as JSON shows it: bin as base64 text. A closed table is what the decoder takes, an open one what
 * the encoder writes: one type a field, one name, no nil. Where a limit is in bytes and the keyword counts characters, the
 * schema takes at least what the worker takes.
 */
#include "schema_rows.h"

/* in dialects that Python, Go, Java and JavaScript have in common */
#define TEXT_PATTERN   "^[^\\\\x00]*$"
#define DIGITS_PATTERN "^-?[0-9]+$"
#define SPAN_PATTERN   "^([0-9]+|([0-9]+[dhms])+)?$"
#define BOOL_PATTERN   "^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$"
#define BASE64         "\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]*={0,2}$\""

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

static void
add_type(const struct field *f, const char *name, bool written, struct buf *out)
{
	bool null = !written && (f->flags & FIELD_NULLABLE) != 0;

	buf_printf(out, null ? "\"type\":[\"%s\",\"null\"]" : "\"type\":\"%s\"", name);
}

/* The same of what a person may also write as text of a pattern. */
static void
add_type_or_text(
    const struct field *f, const char *name, const char *pattern, bool written, struct buf *out)
{
	bool null = (f->flags & FIELD_NULLABLE) != 0;

	if (written)
		add_type(f, name, written, out);
	else
		buf_printf(out, "\"type\":[\"%s\",\"string\"%s],\"pattern\":\"%s\"", name,
		    null ? ",\"null\"" : "", pattern);
}

static void
add_limit(const char *keyword, int64_t limit, struct buf *out)
{
	buf_printf(out, ",\"%s\":%lld", keyword, (long long)limit);
}

/* JSON has larger numbers than int64: those are taken by no field, and what is written has none. */
static void
add_number_limits(const struct field *f, bool written, struct buf *out)
{
	if (!written || f->min > SCHEMA_ABSENT + 1)
		add_limit("minimum", f->min, out);
	if (!written || f->max < INT64_MAX)
		add_limit("maximum", f->max, out);
}

static void
add_item_limits(const struct field *f, struct buf *out)
{
	if (f->min > 0)
		add_limit("minItems", f->min, out);
	add_limit("maxItems", f->max, out);
}

static void
add_list(const struct field *f, bool written, struct buf *out)
{
	if ((f->flags & FIELD_LONG) != 0)
		add_type(f, "array", written, out);
	else
		add_type_or_text(f, "array", TEXT_PATTERN, written, out);
	add_item_limits(f, out);
	buf_printf(out,
	    ",\"items\":{\"type\":\"string\",\"maxLength\":%lld,\"pattern\":\"" TEXT_PATTERN "\"}",
	    (long long)field_item_max(f));
}

static void
add_value(const struct field *f, bool written, struct buf *out)
{
	switch (f->type) {
	case FIELD_TEXT:
		add_type(f, "string", written, out);
		if (f->min > 0)
			add_limit("minLength", (f->min + 3) / 4, out); /* of up to 4 bytes each */
		add_limit("maxLength", f->max, out);
		buf_add_text(out, ",\"pattern\":\"" TEXT_PATTERN "\"");
		break;
	case FIELD_BYTES:
		add_type(f, "string", written, out);
		add_limit("minLength", (f->min + 2) / 3 * 4, out);
		add_limit("maxLength", (f->max + 2) / 3 * 4, out);
		buf_add_text(out, "," BASE64);
		break;
	case FIELD_INT:
		add_type_or_text(f, "integer", DIGITS_PATTERN, written, out);
		add_number_limits(f, written, out);
		break;
	case FIELD_BOOL:
		add_type_or_text(f, "boolean", BOOL_PATTERN, written, out);
		break;
	case FIELD_SPAN:
		add_type_or_text(f, "integer", SPAN_PATTERN, written, out);
		add_number_limits(f, written, out);
		break;
	case FIELD_LIST:
		add_list(f, written, out);
		break;
	case FIELD_BLOBS:
		add_type(f, "array", written, out);
		add_item_limits(f, out);
		buf_add_text(out, ",\"items\":{\"type\":\"string\"," BASE64 "}");
		break;
	case FIELD_MAP:
		add_type(f, "object", written, out);
		break;
	case FIELD_RAWS:
		add_type(f, "array", written, out);
		add_item_limits(f, out);
		break;
	}
}

static void
add_property(const struct field *f, bool written, struct buf *out)
{
	add_string(f->name, out);
	buf_add_text(out, ":{");
	add_value(f, written, out);
	if ((f->flags & FIELD_ALIAS) != 0)
		buf_add_text(out, ",\"deprecated\":true");
	buf_add_text(out, ",\"description\":");
	add_string(f->help, out);
	buf_add_byte(out, '}');
}

static bool
has_alias(const struct schema *s, size_t row)
{
	return !s->open && row + 1 < s->count && (s->fields[row + 1].flags & FIELD_ALIAS) != 0;
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

static void
add_properties(const struct schema *s, struct buf *out)
{
	const char *comma = "";

	buf_add_text(out, ",\"properties\":{");
	for (size_t i = 0; i < s->count; i++) {
		if (s->open && (s->fields[i].flags & FIELD_ALIAS) != 0)
			continue;
		buf_add_text(out, comma);
		add_property(&s->fields[i], s->open, out);
		comma = ",";
	}
	buf_add_byte(out, '}');
}

void
schema_json(const struct schema *s, struct buf *out)
{
	buf_add_text(out, "{\"title\":");
	add_string(s->name, out);
	buf_add_text(out, ",\"type\":\"object\"");
	add_properties(s, out);
	add_required(s, out);
	add_required_names(s, out);
	buf_printf(out, ",\"additionalProperties\":%s}", s->open ? "true" : "false");
}
