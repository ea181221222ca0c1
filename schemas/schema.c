#include "schema.h"

#include "schema_rows.h"

#include <assert.h>

bool
schema_seen(const struct schema *s, uint64_t seen, const char *name)
{
	size_t row = 0;

	while (row < s->count && strcmp(s->fields[row].name, name) != 0)
		row++;
	assert(row < s->count);
	return (seen >> schema_main_row(s, row) & 1) != 0;
}

static size_t
member_size(enum field_type type)
{
	switch (type) {
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_MAP:
		return sizeof(struct slice);
	case FIELD_INT:
	case FIELD_SPAN:
		return sizeof(int64_t);
	case FIELD_BOOL:
		return sizeof(bool);
	case FIELD_LIST:
	case FIELD_BLOBS:
	case FIELD_RAWS:
		return sizeof(struct slice_list);
	}
	return 0;
}

void
schema_merge(const struct schema *s, uint64_t seen, const void *from, void *to)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct field *f = &s->fields[i];

		if ((seen >> i & 1) != 0)
			memcpy((uint8_t *)to + f->offset, (const uint8_t *)from + f->offset,
			    member_size(f->type));
	}
}

static bool
is_absent(const struct field *f, const void *member)
{
	switch (f->type) {
	case FIELD_TEXT:
	case FIELD_BYTES:
	case FIELD_MAP:
		return ((const struct slice *)member)->data == NULL;
	case FIELD_INT:
	case FIELD_SPAN:
		return *(const int64_t *)member == SCHEMA_ABSENT;
	case FIELD_LIST:
	case FIELD_BLOBS:
	case FIELD_RAWS:
		return ((const struct slice_list *)member)->items == NULL && f->need == OPTIONAL;
	case FIELD_BOOL:
		break;
	}
	return false;
}

static void
encode_list(
    const struct slice_list *list, void (*item)(struct writer *w, struct slice s), struct writer *w)
{
	writer_array(w, list->count);
	for (size_t i = 0; i < list->count; i++)
		item(w, list->items[i]);
}

static void
encode_value(const struct field *f, const void *member, struct writer *w)
{
	switch (f->type) {
	case FIELD_TEXT:
		writer_text(w, *(const struct slice *)member);
		break;
	case FIELD_BYTES:
		writer_bytes(w, *(const struct slice *)member);
		break;
	case FIELD_MAP:
		writer_raw(w, *(const struct slice *)member);
		break;
	case FIELD_INT:
	case FIELD_SPAN:
		writer_int(w, *(const int64_t *)member);
		break;
	case FIELD_BOOL:
		writer_bool(w, *(const bool *)member);
		break;
	case FIELD_LIST:
		encode_list(member, writer_text, w);
		break;
	case FIELD_BLOBS:
		encode_list(member, writer_bytes, w);
		break;
	case FIELD_RAWS:
		encode_list(member, writer_raw, w);
		break;
	}
}

void
schema_encode(const struct schema *s, const void *in, struct writer *w)
{
	bool stands[64];
	size_t pairs = 0;

	assert(s->count <= 64);
	for (size_t i = 0; i < s->count; i++) {
		const struct field *f = &s->fields[i];
		bool absent = is_absent(f, (const uint8_t *)in + f->offset);

		stands[i] = !absent && (f->flags & FIELD_ALIAS) == 0;
		pairs += stands[i];
		assert(!absent || f->need == OPTIONAL || (f->flags & FIELD_ALIAS) != 0);
	}
	writer_map(w, pairs);
	for (size_t i = 0; i < s->count; i++) {
		if (!stands[i])
			continue;
		writer_cstr(w, s->fields[i].name);
		encode_value(&s->fields[i], (const uint8_t *)in + s->fields[i].offset, w);
	}
}
