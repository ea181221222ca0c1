#include "schema_rows.h"

#include <assert.h>
#include <stdio.h>

struct decoder {
	const struct schema *schema;
	struct arena *arena;
	uint8_t *out;
	uint64_t came;    /* rows whose name stood in the map, aliases apart */
	uint64_t seen;    /* rows that have a value */
	struct err *e;    /* the first error */
	struct err spare; /* those behind it */
	bool failed;
};

/* Where the error that is being found goes: the first one is kept. */
static struct err *
sink(struct decoder *d)
{
	struct err *e = d->failed ? &d->spare : d->e;

	d->failed = true;
	return e;
}

static size_t
find_row(const struct schema *s, struct slice name)
{
	size_t i = 0;

	while (i < s->count && !slice_is(name, s->fields[i].name))
		i++;
	return i;
}

static void
value_store(const struct field *f, void *member, const struct field_value *v)
{
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_MAP:
		*(struct slice *)member = v->slice;
		break;
	case FIELD_INT:
	case FIELD_SPAN:
		*(int64_t *)member = v->number;
		break;
	case FIELD_BOOL:
		*(bool *)member = v->flag;
		break;
	case FIELD_LIST:
	case FIELD_BLOBS:
	case FIELD_RAWS:
		*(struct slice_list *)member = v->list;
		break;
	}
}

static bool
list_equal(const struct slice_list *a, const struct slice_list *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (!slice_eq(a->items[i], b->items[i]))
			return false;
	return true;
}

static bool
value_equal(const struct field *f, const void *member, const struct field_value *v)
{
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_MAP:
		return slice_eq(*(const struct slice *)member, v->slice);
	case FIELD_INT:
	case FIELD_SPAN:
		return *(const int64_t *)member == v->number;
	case FIELD_BOOL:
		return *(const bool *)member == v->flag;
	case FIELD_LIST:
	case FIELD_BLOBS:
	case FIELD_RAWS:
		return list_equal(member, &v->list);
	}
	return false;
}

static void
decode_value(struct decoder *d, size_t row, struct slice raw)
{
	const struct field *f = &d->schema->fields[row];
	const uint64_t main_bit = (uint64_t)1 << schema_main_row(d->schema, row);
	struct cursor c = cursor_of(raw);
	struct field_value value = { .arena = d->arena };
	struct err bad;

	if ((f->flags & FIELD_NULLABLE) != 0 && cursor_peek(&c) == CURSOR_NIL)
		return;
	if (!field_read(f, &c, &value, &bad)) {
		*sink(d) = bad;
	} else if ((d->seen & main_bit) == 0) {
		value_store(f, d->out + f->offset, &value);
		d->seen |= main_bit;
	} else if (!value_equal(f, d->out + f->offset, &value)) {
		(void)err_field(sink(d), ERR_DUPLICATE_FIELD, f->name,
		    "%s stands under two of its names with different values", f->name);
	}
}

static void
decode_field(struct decoder *d, struct slice name, struct slice raw)
{
	const size_t row = find_row(d->schema, name);
	const uint64_t bit = (uint64_t)1 << (row & 63);
	char shown[sizeof(d->e->field)];

	if (row == d->schema->count) {
		if (d->schema->open)
			return;
		snprintf(shown, sizeof(shown), "%.*s", SLICE_FMT(name));
		(void)err_field(sink(d), ERR_UNKNOWN_FIELD, shown, "%s has no field \"%s\"",
		    d->schema->name, shown);
		return;
	}
	if ((d->came & bit) != 0) {
		(void)err_field(sink(d), ERR_DUPLICATE_FIELD, d->schema->fields[row].name,
		    "%s stands twice", d->schema->fields[row].name);
		return;
	}
	d->came |= bit;
	decode_value(d, row, raw);
}

/* False when the bytes are broken and nothing more can be read. */
static bool
decode_pair(struct decoder *d, struct cursor *c)
{
	struct slice key, value, name;
	struct cursor k;

	if (!cursor_skip(c, &key) || !cursor_skip(c, &value))
		return false;
	k = cursor_of(key);
	if (cursor_text(&k, &name))
		decode_field(d, name, value);
	else
		(void)err_set(
		    sink(d), ERR_MALFORMED, "a key in %s is not text in UTF-8", d->schema->name);
	return true;
}

static void
decode_map(struct decoder *d, struct slice map)
{
	struct cursor c = cursor_of(map);
	uint32_t pairs = 0;

	if (cursor_peek(&c) != CURSOR_MAP) {
		(void)err_set(sink(d), ERR_MALFORMED, "%s is not a msgpack map", d->schema->name);
		return;
	}
	if (cursor_map(&c, &pairs))
		c.depth = 1;
	while (pairs > 0 && decode_pair(d, &c))
		pairs--;
	if (c.too_deep)
		(void)err_set(sink(d), ERR_MALFORMED, "%s: containers are nested deeper than %d",
		    d->schema->name, CURSOR_DEPTH_MAX);
	else if (c.failed)
		(void)err_set(sink(d), ERR_MALFORMED, "%s is cut short, or is not valid msgpack",
		    d->schema->name);
	else if (!cursor_at_end(&c))
		(void)err_set(
		    sink(d), ERR_MALFORMED, "bytes follow the map of %s", d->schema->name);
}

static void
check_missing(struct decoder *d)
{
	for (size_t i = 0; i < d->schema->count && !d->failed; i++) {
		const struct field *f = &d->schema->fields[i];

		if (f->need == REQUIRED && (f->flags & FIELD_ALIAS) == 0 && (d->seen >> i & 1) == 0)
			(void)err_field(
			    sink(d), ERR_MISSING_FIELD, f->name, "%s is missing", f->name);
	}
}

bool
schema_decode(const struct schema *s, struct slice map, struct arena *a, void *out,
    uint64_t *ret_seen, struct err *e)
{
	struct decoder d = { .schema = s, .arena = a, .out = out, .e = e };

	assert(s->count <= 64);
	decode_map(&d, map);
	check_missing(&d);
	*ret_seen = d.seen;
	return !d.failed;
}
