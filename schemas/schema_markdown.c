#include "schema_rows.h"

const char *const field_type_names[] = {
	[FIELD_TEXT] = "text",
	[FIELD_BYTES] = "bytes",
	[FIELD_INT] = "integer",
	[FIELD_BOOL] = "bool",
	[FIELD_SPAN] = "duration",
	[FIELD_LIST] = "list of texts",
	[FIELD_BLOBS] = "list of bytes",
	[FIELD_MAP] = "map",
	[FIELD_RAWS] = "list",
};

static const char *const units[] = {
	[FIELD_TEXT] = " bytes",
	[FIELD_BYTES] = " bytes",
	[FIELD_INT] = "",
	[FIELD_BOOL] = "",
	[FIELD_SPAN] = " seconds",
	[FIELD_LIST] = " items",
	[FIELD_BLOBS] = " items",
	[FIELD_MAP] = " bytes",
	[FIELD_RAWS] = " items",
};

void
field_limits_add(const struct field *f, struct buf *out)
{
	bool floor = f->min > SCHEMA_ABSENT + 1, ceiling = f->max < INT64_MAX;

	if (f->type == FIELD_BOOL || (!floor && !ceiling))
		return;
	if (f->min == f->max)
		buf_printf(out, "%lld%s", (long long)f->min, units[f->type]);
	else if (!ceiling)
		buf_printf(out, "at least %lld%s", (long long)f->min, units[f->type]);
	else if (!floor)
		buf_printf(out, "at most %lld%s", (long long)f->max, units[f->type]);
	else
		buf_printf(
		    out, "%lld to %lld%s", (long long)f->min, (long long)f->max, units[f->type]);
}

/* A table's cell: a bar would end it. */
static void
add_cell(const char *text, struct buf *out)
{
	for (const char *p = text; *p != '\0'; p++) {
		if (*p == '|')
			buf_add_byte(out, '\\');
		buf_add_byte(out, (uint8_t)*p);
	}
}

static void
add_row(const struct schema *s, size_t row, struct buf *out)
{
	const struct field *f = &s->fields[row];

	buf_printf(out, "| `%s` | %s | %s | ", f->name, field_type_names[f->type],
	    (f->flags & FIELD_ALIAS) != 0 ? "alias"
		: f->need == REQUIRED     ? "required"
					  : "optional");
	field_limits_add(f, out);
	buf_add_text(out, " | ");
	add_cell(f->help, out);
	if ((f->flags & FIELD_SECRET) != 0)
		buf_add_text(out, " Secret.");
	buf_add_text(out, " |\n");
}

void
schema_markdown(const struct schema *s, struct buf *out)
{
	buf_printf(out, "### %s\n\n", s->name);
	if (s->count == 0) {
		buf_add_text(out, "No fields.\n");
		return;
	}
	buf_add_text(
	    out, "| field | type | need | limits | meaning |\n| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < s->count; i++)
		add_row(s, i, out);
}
