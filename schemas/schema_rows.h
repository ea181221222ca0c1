/* What the parts of the schema engine share: rows and the members they stand for. */
#ifndef CERTMILL_SCHEMA_ROWS_H
#define CERTMILL_SCHEMA_ROWS_H

#include "schema.h"

#define FIELD_ITEM_MAX      1024
#define FIELD_LONG_ITEM_MAX 65536

/* The row that an alias stands for, or the row itself. */
static inline size_t
schema_main_row(const struct schema *s, size_t row)
{
	while (row > 0 && (s->fields[row].flags & FIELD_ALIAS) != 0)
		row--;
	return row;
}

static inline int64_t
field_item_max(const struct field *f)
{
	return (f->flags & (FIELD_LONG | FIELD_JSON)) != 0 ? FIELD_LONG_ITEM_MAX : FIELD_ITEM_MAX;
}

/* One decoded value, before it goes into its member. */
struct field_value {
	struct arena *arena; /* where the items of a list go: set by the caller */
	struct slice slice;
	struct slice_list list;
	int64_t number;
	bool flag;
};

/* Reads a value that cursor_skip has passed: its bytes are whole. Checks type and range; the error names the field. */
bool field_read(
    const struct field *f, struct cursor *c, struct field_value *ret, struct err *e) MUST_USE;

/* The words of the manual. */
extern const char *const field_type_names[];                   /* by enum field_type */
void field_limits_add(const struct field *f, struct buf *out); /* "1 to 64 bytes", or nothing */

#endif
