/* Reading answers. */
#include "world_internal.h"

/* Puts the cursor on the member's value. */
static bool
data_find(const struct answer *a, const char *name, struct cursor *ret)
{
	uint32_t pairs;
	struct slice key, value;

	*ret = cursor_of(a->data);
	if (a->data.data == NULL || !cursor_map(ret, &pairs))
		return false;
	while (cursor_text(ret, &key)) {
		if (slice_is(key, name))
			return true;
		if (!cursor_skip(ret, &value))
			return false;
	}
	return false;
}

static struct cursor
data_member(const struct answer *a, const char *name)
{
	struct cursor c;

	if (!data_find(a, name, &c))
		fail_msg("the answer to %.*s has no \"%s\"", SLICE_FMT(a->rq.envelope.op), name);
	return c;
}

bool
data_has(const struct answer *a, const char *name)
{
	struct cursor c;

	return data_find(a, name, &c);
}

struct slice
data_text(const struct answer *a, const char *name)
{
	struct cursor c = data_member(a, name);
	struct slice text = SLICE_NONE;

	if (!cursor_text(&c, &text))
		fail_msg("\"%s\" is no text", name);
	return text;
}

int64_t
data_int(const struct answer *a, const char *name)
{
	struct cursor c = data_member(a, name);
	int64_t number = 0;

	if (!cursor_int(&c, &number))
		fail_msg("\"%s\" is no integer", name);
	return number;
}

bool
data_bool(const struct answer *a, const char *name)
{
	struct cursor c = data_member(a, name);
	bool flag = false;

	if (!cursor_bool(&c, &flag))
		fail_msg("\"%s\" is no bool", name);
	return flag;
}

struct slice_list
data_list(struct world *w, const struct answer *a, const char *name)
{
	struct cursor c = data_member(a, name);
	struct slice_list list = { 0 };
	uint32_t count = 0;

	if (!cursor_array(&c, &count))
		fail_msg("\"%s\" is no array", name);
	list.items = arena_array(&w->arena, count, sizeof(struct slice));
	for (list.count = 0; list.count < count; list.count++)
		if (!cursor_text(&c, &list.items[list.count]))
			fail_msg("\"%s\"[%zu] is no text", name, list.count);
	return list;
}

bool
has_warning(const struct answer *a, const char *code)
{
	struct arena memory SCOPED_ARENA = { 0 };

	for (size_t i = 0; i < a->warnings.count; i++) {
		struct warning_body warning = { 0 };
		uint64_t seen;
		struct err e = { 0 };

		MUST(schema_decode(
		    &warning_schema, a->warnings.items[i], &memory, &warning, &seen, &e));
		if (slice_is(warning.code, code))
			return true;
	}
	return false;
}

void
assert_slice(const char *name, struct slice is, const char *should)
{
	if (!slice_is(is, should))
		fail_msg("%s: should be \"%s\", is \"%.*s\"", name, should, SLICE_FMT(is));
}
