/* cursor_*: what cursor_skip passes over can be read piece by piece to the same end, and nothing else can. */
#include "cursor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
require(bool condition)
{
	if (!condition)
		abort();
}

/* NOLINTBEGIN(misc-no-recursion): walk stops at CURSOR_DEPTH_MAX */
static bool walk(struct cursor *c, unsigned depth);

static bool
walk_items(struct cursor *c, unsigned depth, size_t count)
{
	while (count > 0 && walk(c, depth + 1))
		count--;
	return count == 0;
}

/* Text that is not UTF-8 is passed over: only its reader minds. */
static bool
walk_text(struct cursor *c)
{
	struct cursor before = *c;
	struct slice text;

	if (cursor_text(c, &text)) {
		require(memchr(text.data, '\0', text.len) == NULL);
		return true;
	}
	*c = before;
	return cursor_skip(c, &text);
}

static bool
walk_int(struct cursor *c)
{
	struct cursor before = *c;
	struct slice raw;
	int64_t number;

	if (cursor_int(c, &number))
		return true;
	*c = before; /* over INT64_MAX */
	return cursor_skip(c, &raw) && raw.data[0] == 0xcf && raw.data[1] >= 0x80;
}

static bool
walk(struct cursor *c, unsigned depth)
{
	struct slice s;
	uint32_t count;
	bool flag;

	switch (cursor_peek(c)) {
	case CURSOR_NIL:
		return cursor_nil(c);
	case CURSOR_BOOL:
		return cursor_bool(c, &flag);
	case CURSOR_INT:
		return walk_int(c);
	case CURSOR_TEXT:
		return walk_text(c);
	case CURSOR_BYTES:
		return cursor_bytes(c, &s);
	case CURSOR_ARRAY:
		return depth < CURSOR_DEPTH_MAX && cursor_array(c, &count) &&
		    walk_items(c, depth, count);
	case CURSOR_MAP:
		return depth < CURSOR_DEPTH_MAX && cursor_map(c, &count) &&
		    walk_items(c, depth, 2 * (size_t)count);
	case CURSOR_FLOAT:
	case CURSOR_EXT:
		return cursor_skip(c, &s);
	case CURSOR_END:
		break;
	}
	return false;
}
/* NOLINTEND(misc-no-recursion) */

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cursor skipping = cursor_of(slice_of(data, size)), walking = skipping;
	struct slice raw;
	bool good = cursor_skip(&skipping, &raw);

	require(walk(&walking, 0) == good);
	if (good) {
		require(raw.data == data && raw.len > 0 && raw.len <= size);
		require(walking.at == skipping.at && skipping.at == data + raw.len);
		require(cursor_check(raw));
	}
	require(cursor_check(slice_of(data, size)) == (good && raw.len == size));
	return 0;
}
