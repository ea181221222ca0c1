#include "cursor.h"

/* What a format byte says: the type, how many length bytes follow, how many payload bytes come beside that length. */
struct format {
	enum cursor_type type;
	uint8_t length_bytes, payload;
};

/* clang-format off */
static const struct format formats[] = { /* c0 to df */
	{ CURSOR_NIL, 0, 0 },   { CURSOR_END, 0, 0 },   { CURSOR_BOOL, 0, 0 },  { CURSOR_BOOL, 0, 0 },
	{ CURSOR_BYTES, 1, 0 }, { CURSOR_BYTES, 2, 0 }, { CURSOR_BYTES, 4, 0 },
	{ CURSOR_EXT, 1, 1 },   { CURSOR_EXT, 2, 1 },   { CURSOR_EXT, 4, 1 },
	{ CURSOR_FLOAT, 0, 4 }, { CURSOR_FLOAT, 0, 8 },
	{ CURSOR_INT, 0, 1 },   { CURSOR_INT, 0, 2 },   { CURSOR_INT, 0, 4 },   { CURSOR_INT, 0, 8 },
	{ CURSOR_INT, 0, 1 },   { CURSOR_INT, 0, 2 },   { CURSOR_INT, 0, 4 },   { CURSOR_INT, 0, 8 },
	{ CURSOR_EXT, 0, 2 },   { CURSOR_EXT, 0, 3 },   { CURSOR_EXT, 0, 5 },   { CURSOR_EXT, 0, 9 },
	{ CURSOR_EXT, 0, 17 },
	{ CURSOR_TEXT, 1, 0 },  { CURSOR_TEXT, 2, 0 },  { CURSOR_TEXT, 4, 0 },
	{ CURSOR_ARRAY, 2, 0 }, { CURSOR_ARRAY, 4, 0 }, { CURSOR_MAP, 2, 0 },   { CURSOR_MAP, 4, 0 },
};
/* clang-format on */
_Static_assert(sizeof(formats) / sizeof(formats[0]) == 0xe0 - 0xc0, "one row a format byte");

/* The front of an object. */
struct head {
	enum cursor_type type;
	uint8_t byte;
	uint32_t count;       /* elements of an array, pairs of a map */
	struct slice payload; /* of everything else */
};

/* The format of a byte; *ret_inline is the count or length that stands in the byte itself. */
static struct format
format_of(uint8_t byte, uint32_t *ret_inline)
{
	*ret_inline = 0;
	if (byte < 0x80 || byte >= 0xe0)
		return (struct format){ .type = CURSOR_INT };
	if (byte >= 0xc0)
		return formats[byte - 0xc0];
	*ret_inline = byte & (byte < 0xa0 ? 0x0f : 0x1f);
	if (byte < 0x90)
		return (struct format){ .type = CURSOR_MAP };
	return (struct format){ .type = byte < 0xa0 ? CURSOR_ARRAY : CURSOR_TEXT };
}

static uint64_t
big_endian(const uint8_t *p, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | p[i];
	return value;
}

static bool
fail(struct cursor *c)
{
	c->failed = true;
	return false;
}

static bool
is_container(const struct head *head)
{
	return head->type == CURSOR_ARRAY || head->type == CURSOR_MAP;
}

/* Reads an object's front and its payload; of a container the front alone. */
static bool
head_take(struct cursor *c, struct head *ret)
{
	size_t left = (size_t)(c->end - c->at), size;
	struct format format;
	uint32_t length;

	if (c->failed || left == 0)
		return fail(c);
	ret->byte = *c->at;
	format = format_of(ret->byte, &length);
	left--;
	if (format.type == CURSOR_END || left < format.length_bytes)
		return fail(c);
	if (format.length_bytes > 0)
		length = (uint32_t)big_endian(c->at + 1, format.length_bytes);
	left -= format.length_bytes;
	ret->type = format.type;
	ret->count = 0;
	size = (size_t)format.payload + length;
	if (is_container(ret)) {
		/* an element is at least one byte, a pair two */
		if (length > (format.type == CURSOR_MAP ? left / 2 : left))
			return fail(c);
		ret->count = length;
		size = 0;
	}
	if (size > left)
		return fail(c);
	ret->payload = slice_of(c->at + 1 + format.length_bytes, size);
	c->at = ret->payload.data + size;
	return true;
}

static bool
take(struct cursor *c, enum cursor_type type, struct head *ret)
{
	if (c->failed || cursor_peek(c) != type)
		return fail(c);
	return head_take(c, ret);
}

struct cursor
cursor_of(struct slice bytes)
{
	const uint8_t *at = bytes.data == NULL ? (const uint8_t *)"" : bytes.data;

	return (struct cursor){ .at = at, .end = at + (bytes.data == NULL ? 0 : bytes.len) };
}

enum cursor_type
cursor_peek(const struct cursor *c)
{
	uint32_t length;

	return c->failed || c->at == c->end ? CURSOR_END : format_of(*c->at, &length).type;
}

bool
cursor_nil(struct cursor *c)
{
	struct head head;

	return take(c, CURSOR_NIL, &head);
}

bool
cursor_bool(struct cursor *c, bool *ret)
{
	struct head head;

	if (!take(c, CURSOR_BOOL, &head))
		return false;
	*ret = head.byte == 0xc3;
	return true;
}

bool
cursor_int(struct cursor *c, int64_t *ret)
{
	struct head head;
	uint64_t value;

	if (!take(c, CURSOR_INT, &head))
		return false;
	if (head.payload.len == 0) {
		*ret = head.byte < 0x80 ? head.byte : (int64_t)head.byte - 0x100;
		return true;
	}
	value = big_endian(head.payload.data, head.payload.len);
	if (head.byte >= 0xd0) { /* signed: extend the sign of what is shorter than 64 bits */
		unsigned shift = (unsigned)(64 - 8 * head.payload.len);

		*ret = (int64_t)(value << shift) >> shift;
		return true;
	}
	if (value > INT64_MAX)
		return fail(c);
	*ret = (int64_t)value;
	return true;
}

/* RFC 3629 section 4: the length of the well-formed sequence at p, 0 when there is none. NUL is none. */
static size_t
utf8_sequence(const uint8_t *p, size_t left)
{
	uint8_t first = p[0], low = 0x80, high = 0xbf;
	size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

	if (first < 0x80)
		return first != 0;
	if (first < 0xc2 || first > 0xf4 || left < len)
		return 0;
	if (first == 0xe0)
		low = 0xa0; /* else overlong */
	else if (first == 0xed)
		high = 0x9f; /* else a surrogate */
	else if (first == 0xf0)
		low = 0x90; /* else overlong */
	else if (first == 0xf4)
		high = 0x8f; /* else above U+10FFFF */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

/* Eight octets from 01 to 7f? Where all are below 80, taking 1 from each borrows only from a NUL. */
static bool
ascii_word(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return ((word | (word - 0x0101010101010101U)) & 0x8080808080808080U) == 0;
}

static bool
utf8_valid(struct slice text)
{
	size_t step;

	for (size_t i = 0; i < text.len; i += step) {
		if (text.len - i >= 8 && ascii_word(text.data + i)) {
			step = 8;
			continue;
		}
		step = utf8_sequence(text.data + i, text.len - i);
		if (step == 0)
			return false;
	}
	return true;
}

bool
cursor_text(struct cursor *c, struct slice *ret)
{
	struct head head;

	if (!take(c, CURSOR_TEXT, &head))
		return false;
	if (!utf8_valid(head.payload))
		return fail(c);
	*ret = head.payload;
	return true;
}

bool
cursor_bytes(struct cursor *c, struct slice *ret)
{
	struct head head;

	if (!take(c, CURSOR_BYTES, &head))
		return false;
	*ret = head.payload;
	return true;
}

bool
cursor_array(struct cursor *c, uint32_t *ret_count)
{
	struct head head;

	if (!take(c, CURSOR_ARRAY, &head))
		return false;
	*ret_count = head.count;
	return true;
}

bool
cursor_map(struct cursor *c, uint32_t *ret_count)
{
	struct head head;

	if (!take(c, CURSOR_MAP, &head))
		return false;
	*ret_count = head.count;
	return true;
}

/* Enters a container: how many objects it holds goes on the stack. */
static bool
container_open(struct cursor *c, const struct head *head, size_t *left, unsigned *depth)
{
	if (c->depth + *depth >= CURSOR_DEPTH_MAX) {
		c->too_deep = true;
		return fail(c);
	}
	left[(*depth)++] = (size_t)head->count * (head->type == CURSOR_MAP ? 2 : 1);
	return true;
}

bool
cursor_skip(struct cursor *c, struct slice *ret_raw)
{
	const uint8_t *start = c->at;
	size_t left[CURSOR_DEPTH_MAX]; /* objects to come, of each open container */
	unsigned depth = 0;
	struct head head;

	do {
		if (!head_take(c, &head))
			return false;
		if (depth > 0)
			left[depth - 1]--;
		if (is_container(&head) && !container_open(c, &head, left, &depth))
			return false;
		while (depth > 0 && left[depth - 1] == 0)
			depth--;
	} while (depth > 0);
	*ret_raw = slice_of(start, (size_t)(c->at - start));
	return true;
}

bool
cursor_at_end(const struct cursor *c)
{
	return !c->failed && c->at == c->end;
}

bool
cursor_check(struct slice bytes)
{
	struct cursor c = cursor_of(bytes);
	struct slice raw;

	return cursor_skip(&c, &raw) && cursor_at_end(&c);
}
