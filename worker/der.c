#include "der.h"

#include <assert.h>

void
der_init(struct der *d, uint8_t *buffer, size_t size)
{
	*d = (struct der){ .start = buffer, .at = buffer + size, .end = buffer + size };
}

struct slice
der_slice(const struct der *d)
{
	return d->failed ? SLICE_NONE : slice_of(d->at, (size_t)(d->end - d->at));
}

const uint8_t *
der_mark(const struct der *d)
{
	return d->at;
}

static uint8_t *
der_room(struct der *d, size_t len)
{
	if (d->failed || (size_t)(d->at - d->start) < len) {
		d->failed = true;
		return NULL;
	}
	d->at -= len;
	return d->at;
}

static void
der_byte(struct der *d, unsigned byte)
{
	uint8_t *room = der_room(d, 1);

	if (room != NULL)
		*room = (uint8_t)byte;
}

void
der_raw(struct der *d, struct slice bytes)
{
	uint8_t *room = der_room(d, bytes.len);

	if (room != NULL && bytes.len > 0)
		memcpy(room, bytes.data, bytes.len);
}

void
der_header(struct der *d, uint8_t tag, size_t content_len)
{
	unsigned octets = 0;

	if (content_len < 0x80) {
		der_byte(d, (unsigned)content_len);
	} else {
		for (size_t rest = content_len; rest > 0; rest >>= 8, octets++)
			der_byte(d, rest & 0xff);
		der_byte(d, 0x80 | octets);
	}
	der_byte(d, tag);
}

void
der_wrap(struct der *d, const uint8_t *mark, uint8_t tag)
{
	assert(d->failed || mark >= d->at);
	if (!d->failed)
		der_header(d, tag, (size_t)(mark - d->at));
}

void
der_tlv(struct der *d, uint8_t tag, struct slice content)
{
	der_raw(d, content);
	der_header(d, tag, content.len);
}

void
der_unsigned(struct der *d, struct slice big_endian)
{
	const uint8_t *mark = der_mark(d);

	while (big_endian.len > 0 && big_endian.data[0] == 0) {
		big_endian.data++;
		big_endian.len--;
	}
	der_raw(d, big_endian);
	/* a sign octet, and zero itself */
	if (big_endian.len == 0 || big_endian.data[0] >= 0x80)
		der_byte(d, 0);
	der_wrap(d, mark, DER_INTEGER);
}

void
der_small(struct der *d, uint64_t value)
{
	uint8_t octets[8];

	for (size_t i = 0; i < sizeof(octets); i++)
		octets[i] = (uint8_t)(value >> (56 - 8 * i));
	der_unsigned(d, slice_of(octets, sizeof(octets)));
}

void
der_bool_true(struct der *d)
{
	der_raw(d, SLICE_LITERAL("\x01\x01\xff"));
}

void
der_bit_string(struct der *d, struct slice octets)
{
	der_raw(d, octets);
	der_byte(d, 0);
	der_header(d, DER_BIT_STRING, octets.len + 1);
}

/* X.690 11.2.2: a named bit list has no trailing zero bits. The first bit is the highest of the first octet. */
void
der_named_bits(struct der *d, unsigned bits)
{
	const uint8_t *mark = der_mark(d);
	unsigned last = 0, octet = 0;

	for (unsigned rest = bits; rest > 1; rest >>= 1)
		last++;
	if (bits == 0) {
		der_tlv(d, DER_BIT_STRING, SLICE_LITERAL("\0"));
		return;
	}
	for (unsigned i = last + 1; i-- > 0;) {
		octet |= (bits >> i & 1) << (7 - i % 8);
		if (i % 8 == 0) {
			der_byte(d, octet);
			octet = 0;
		}
	}
	der_byte(d, 7 - last % 8);
	der_wrap(d, mark, DER_BIT_STRING);
}
