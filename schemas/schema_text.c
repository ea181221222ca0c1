#include "schema_rows.h"

#define LINE_MAX_WIDTH 79
#define INDENT         8

static size_t
word_length(const char *text)
{
	return strcspn(text, " ");
}

/* One paragraph, indented and broken at spaces. */
static void
add_paragraph(const char *text, struct buf *out)
{
	size_t column = 0;

	while (*text != '\0') {
		size_t word = word_length(text);

		if (column == 0 || column + 1 + word > LINE_MAX_WIDTH) {
			buf_printf(out, "%s%*s", column == 0 ? "" : "\n", INDENT, "");
			column = INDENT;
		} else {
			buf_add_byte(out, ' ');
			column++;
		}
		buf_add(out, text, word);
		column += word;
		text += word;
		text += strspn(text, " ");
	}
	buf_add_byte(out, '\n');
}

void
schema_text(const struct schema *s, size_t row, struct buf *out)
{
	const struct field *f = &s->fields[row];
	struct buf SCOPED_BUF limits = { 0 };

	buf_init(&limits, 128);
	if (!s->open) /* what was answered kept them */
		field_limits_add(f, &limits);
	buf_printf(out, "    %s (%s%s%s%.*s)\n", f->name, field_type_names[f->type],
	    f->need == REQUIRED && !s->open ? ", required" : "", limits.len > 0 ? ", " : "",
	    SLICE_FMT(buf_slice(&limits)));
	add_paragraph(f->help, out);
}
