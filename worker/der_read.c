#include "der.h"

struct der_reader
der_reader_of(struct slice bytes)
{
	static const uint8_t nothing[1];

	if (bytes.data == NULL)
		bytes = slice_of(nothing, 0);
	return (struct der_reader){ .at = bytes.data, .end = bytes.data + bytes.len };
}

bool
der_reader_done(const struct der_reader *r)
{
	return r->at == r->end;
}

/* X.690 10.1: the definite form, in the fewest octets. Moves *at behind the length. */
static bool
read_length(const uint8_t **at, const uint8_t *end, size_t *ret)
{
	size_t octets, len = 0;

	if (*at == end)
		return false;
	octets = *(*at)++;
	if (octets < 0x80) {
		*ret = octets;
		return true;
	}
	octets &= 0x7f;
	if (octets == 0 || octets > 4 || octets > (size_t)(end - *at) || **at == 0)
		return false;
	for (; octets > 0; octets--)
		len = len << 8 | *(*at)++;
	*ret = len;
	return len >= 0x80;
}

bool
der_read_any(
    struct der_reader *r, uint8_t *ret_tag, struct slice *ret_content, struct slice *ret_whole)
{
	const uint8_t *at = r->at;
	uint8_t tag;
	size_t len;

	if (at == r->end)
		return false;
	tag = *at++;
	if ((tag & 0x1f) == 0x1f || !read_length(&at, r->end, &len) || len > (size_t)(r->end - at))
		return false;
	if (ret_tag != NULL)
		*ret_tag = tag;
	if (ret_content != NULL)
		*ret_content = slice_of(at, len);
	if (ret_whole != NULL)
		*ret_whole = slice_of(r->at, (size_t)(at - r->at) + len);
	r->at = at + len;
	return true;
}

bool
der_read(struct der_reader *r, uint8_t tag, struct slice *ret_content, struct slice *ret_whole)
{
	return r->at != r->end && *r->at == tag && der_read_any(r, NULL, ret_content, ret_whole);
}

bool
der_read_oid(struct der_reader *r, struct slice *ret_content)
{
	struct slice oid;
	bool first = true; /* octet of an arc */

	if (!der_read(r, DER_OID, &oid, NULL))
		return false;
	for (size_t i = 0; i < oid.len; i++) {
		if (first && oid.data[i] == 0x80)
			return false;
		first = oid.data[i] < 0x80;
	}
	*ret_content = oid;
	return oid.len > 0 && first;
}

bool
der_read_optional(struct der_reader *r, uint8_t tag, struct slice *ret_content)
{
	if (ret_content != NULL)
		*ret_content = SLICE_NONE;
	if (r->at == r->end || *r->at != tag)
		return true;
	return der_read_any(r, NULL, ret_content, NULL);
}

bool
der_enter(struct der_reader *r, uint8_t tag, struct der_reader *ret_inside)
{
	struct slice content;

	if (!der_read(r, tag, &content, NULL))
		return false;
	*ret_inside = der_reader_of(content);
	return true;
}

bool
der_read_unsigned(struct der_reader *r, struct slice *ret_magnitude)
{
	struct slice content;

	if (!der_read(r, DER_INTEGER, &content, NULL) || content.len == 0 ||
	    content.data[0] >= 0x80)
		return false;
	if (content.data[0] == 0) {
		content.data++;
		content.len--;
		/* zero is not over zero; a sign octet must be needed */
		if (content.len == 0 || content.data[0] < 0x80)
			return false;
	}
	*ret_magnitude = content;
	return true;
}

bool
der_read_bit_string(struct der_reader *r, struct slice *ret_octets)
{
	struct slice content;

	if (!der_read(r, DER_BIT_STRING, &content, NULL) || content.len == 0 ||
	    content.data[0] != 0)
		return false;
	*ret_octets = slice_of(content.data + 1, content.len - 1);
	return true;
}

bool
der_read_named_bits(struct der_reader *r, unsigned *ret)
{
	struct slice content;
	unsigned unused, last;

	*ret = 0;
	if (!der_read(r, DER_BIT_STRING, &content, NULL) || content.len == 0 || content.len > 5)
		return false;
	unused = content.data[0];
	if (content.len == 1)
		return unused == 0;
	last = content.data[content.len - 1];
	if (unused > 7 || (last & ((2U << unused) - 1)) != 1U << unused)
		return false;
	for (unsigned i = 0; i < 8 * (content.len - 1); i++)
		*ret |= ((unsigned)content.data[1 + i / 8] >> (7 - i % 8) & 1U) << i;
	return true;
}

bool
der_read_bool(struct der_reader *r, bool *ret)
{
	struct slice content;

	*ret = false;
	if (!der_read_optional(r, DER_BOOLEAN, &content))
		return false;
	if (content.data == NULL)
		return true;
	if (content.len != 1 || (content.data[0] != 0 && content.data[0] != 0xff))
		return false;
	*ret = content.data[0] == 0xff;
	return true;
}
