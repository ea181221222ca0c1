/* schema_decode with every table there is: the first line names it. What is taken comes back the same when it is encoded. */
#include "messages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* A record where everything is absent. */
static void *
record_new(const struct schema *s, struct arena *a)
{
	uint8_t *record = arena_alloc(a, s->size);

	for (size_t i = 0; i < s->count; i++)
		if (s->fields[i].type == FIELD_INT || s->fields[i].type == FIELD_SPAN)
			*(int64_t *)(void *)(record + s->fields[i].offset) = SCHEMA_ABSENT;
	return record;
}

static void
encode(const struct schema *s, const void *record, struct buf *out)
{
	struct writer w = { out };

	buf_init(out, (size_t)64 << 20);
	schema_encode(s, record, &w);
	require(!out->failed);
}

static void
check_again(const struct schema *s, const void *record, struct arena *a)
{
	struct buf first SCOPED_BUF;
	struct buf second SCOPED_BUF;
	void *again = record_new(s, a);
	uint64_t seen;
	struct err e;

	encode(s, record, &first);
	require(schema_decode(s, buf_slice(&first), a, again, &seen, &e));
	encode(s, again, &second);
	require(slice_eq(buf_slice(&first), buf_slice(&second)));
}

static const struct schema *
schema_named(struct slice name)
{
	const struct schema *s = NULL;

	for (size_t i = 0; (s = message_schema(i)) != NULL; i++)
		if (slice_is(name, s->name))
			break;
	return s;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena SCOPED_ARENA = { 0 };
	const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
	size_t name = end == NULL ? size : (size_t)(end - data);
	const struct schema *s = end == NULL ? NULL : schema_named(slice_of(data, name));
	struct err e = { .code = ERR_NONE };
	uint64_t seen;
	void *record;

	if (s == NULL)
		return 0;
	record = record_new(s, &arena);
	if (schema_decode(s, slice_of(end + 1, size - name - 1), &arena, record, &seen, &e))
		check_again(s, record, &arena);
	else
		require(e.code != ERR_NONE && e.msg[0] != '\0');
	return 0;
}
