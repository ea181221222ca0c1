#include "oid.h"

#include <inttypes.h>

/* Decimal digits up to the next dot, which is taken, too. */
static bool
arc_next(struct slice *rest, uint64_t *ret)
{
	size_t i = 0;

	*ret = 0;
	for (; i < rest->len && rest->data[i] != '.'; i++) {
		unsigned digit = (unsigned)(rest->data[i] - '0');

		if (digit > 9 || (i == 1 && rest->data[0] == '0') ||
		    __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, digit, ret))
			return false;
	}
	if (i == 0 || *ret > INT64_MAX || i + 1 == rest->len)
		return false;
	i += i < rest->len;
	*rest = slice_of(rest->data + i, rest->len - i);
	return true;
}

bool
oid_is_dotted(struct slice text)
{
	uint64_t arc;
	size_t count = 0;

	if (text.len > OID_TEXT_MAX)
		return false;
	while (text.len > 0)
		if (count++ == OID_ARCS_MAX || !arc_next(&text, &arc))
			return false;
	return count >= 2;
}

/* Base 128, big end first, the high bit on all octets but the last. */
static size_t
arc_write(uint64_t arc, uint8_t *out)
{
	size_t len = 1;

	for (uint64_t rest = arc >> 7; rest > 0; rest >>= 7)
		len++;
	for (size_t i = 0; i < len; i++)
		out[len - 1 - i] = (uint8_t)((arc >> 7 * i & 0x7f) | (i > 0 ? 0x80 : 0));
	return len;
}

bool
oid_parse(struct slice text, struct arena *a, struct slice *ret)
{
	uint64_t arcs[OID_ARCS_MAX];
	uint8_t content[OID_ARCS_MAX * 10];
	size_t count = 0, len;

	if (text.len > OID_TEXT_MAX)
		return false;
	while (text.len > 0)
		if (count == OID_ARCS_MAX || !arc_next(&text, &arcs[count++]))
			return false;
	if (count < 2 || arcs[0] > 2 || (arcs[0] < 2 && arcs[1] > 39) || arcs[1] > INT64_MAX - 80)
		return false;
	len = arc_write(arcs[0] * 40 + arcs[1], content);
	for (size_t i = 2; i < count; i++)
		len += arc_write(arcs[i], content + len);
	*ret = arena_copy(a, slice_of(content, len));
	return true;
}

static bool
arc_read(struct slice *rest, uint64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < rest->len && *ret <= UINT64_MAX >> 7; i++) {
		*ret = *ret << 7 | (rest->data[i] & 0x7f);
		if ((rest->data[i] & 0x80) == 0) {
			*rest = slice_of(rest->data + i + 1, rest->len - i - 1);
			return true;
		}
	}
	return false;
}

struct slice
oid_text(struct slice content, struct arena *a)
{
	uint64_t arc, first;
	const char *text;

	if (!arc_read(&content, &arc))
		return SLICE_LITERAL("");
	first = arc < 80 ? arc / 40 : 2;
	text = arena_printf(a, "%" PRIu64 ".%" PRIu64, first, arc - first * 40);
	while (content.len > 0) {
		if (!arc_read(&content, &arc))
			return SLICE_LITERAL("");
		text = arena_printf(a, "%s.%" PRIu64, text, arc);
	}
	return slice_text(text);
}
