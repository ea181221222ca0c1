#include "crl.h"

#include "certificate_ext.h"
#include "crl_entries.h"
#include "extension.h"
#include "signer.h"

#include <assert.h>

#define HEADER_MAX 16 /* tag and length, with room */
#define TAIL_GUESS \
	128 /* algorithm and signature of an EC key; another length costs a move at a border of lengths */
#define CONTEXT_0 DER_CONTEXT_CONSTRUCTED(0)

/* ---- reasons (RFC 5280 5.3.1) ---- */

/* clang-format off */
static const char *const reasons[] = {
	[0] = "unspecified", [1] = "keyCompromise", [2] = "cACompromise", [3] = "affiliationChanged", [4] = "superseded",
	[5] = "cessationOfOperation", [6] = "certificateHold", [8] = "removeFromCRL", [9] = "privilegeWithdrawn",
	[10] = "aACompromise",
};
/* clang-format on */
#define REASON_COUNT    ((int64_t)(sizeof(reasons) / sizeof(reasons[0])))
#define REMOVE_FROM_CRL 8

/* Without regard to case, and to the '_' and '-' of other spellings. */
static bool
reason_named(struct slice text, const char *name)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '_' || c == '-')
			continue;
		if (*name == '\0' || ((c | 0x20) != (*name | 0x20)))
			return false;
		name++;
	}
	return *name == '\0';
}

static bool
reason_number(struct slice text, int64_t *ret)
{
	int64_t number = 0;

	if (text.len == 0 || text.len > 2)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		number = number * 10 + (text.data[i] - '0');
	}
	*ret = number;
	return number < REASON_COUNT && reasons[number] != NULL;
}

bool
crl_reason_parse(struct slice text, int64_t *ret, struct err *e)
{
	bool found = text.data == NULL;
	int64_t reason = 0;

	if (!found)
		found = reason_number(text, &reason);
	for (int64_t i = 0; !found && i < REASON_COUNT; i++)
		if (reasons[i] != NULL && reason_named(text, reasons[i])) {
			reason = i;
			found = true;
		}
	if (!found)
		return err_field(e, ERR_INVALID_VALUE, "reason",
		    "no reason of RFC 5280 5.3.1, such as keyCompromise or superseded");
	if (reason == REMOVE_FROM_CRL)
		return err_field(
		    e, ERR_INVALID_VALUE, "reason", "removeFromCRL stands in delta CRLs only");
	*ret = reason;
	return true;
}

/* ---- the list ---- */

/* [0] crlExtensions: authorityKeyIdentifier, cRLNumber, issuingDistributionPoint (RFC 5280 5.2) */
static void
write_extensions(struct der *d, const struct crl_input *in)
{
	static const struct slice authority = DER_BYTES("\x55\x1d\x23");
	static const struct slice number = DER_BYTES("\x55\x1d\x14");
	static const struct slice distribution_point = DER_BYTES("\x55\x1d\x1c");
	const uint8_t *end = der_mark(d), *mark;

	if (in->shard_uri.data != NULL) {
		mark = der_mark(d);
		distribution_point_name_write(d, &in->shard_uri, 1);
		der_wrap(d, mark, DER_SEQUENCE);
		extension_wrap(d, mark, distribution_point, true);
	}
	mark = der_mark(d);
	der_small(d, (uint64_t)in->number);
	extension_wrap(d, mark, number, false);
	mark = der_mark(d);
	der_tlv(d, DER_CONTEXT(0), in->issuer->key_id);
	der_wrap(d, mark, DER_SEQUENCE);
	extension_wrap(d, mark, authority, false);
	der_wrap(d, end, DER_SEQUENCE);
	der_wrap(d, end, CONTEXT_0);
}

/* What stands before the entries, and the header of their sequence, which is absent when there are none. */
static void
write_front(struct der *d, const struct crl_input *in, struct slice algorithm, size_t entries)
{
	if (entries > 0)
		der_header(d, DER_SEQUENCE, entries);
	der_time(d, in->next_update);
	der_time(d, in->this_update);
	der_raw(d, in->issuer->subject);
	der_raw(d, algorithm);
	der_small(d, 1); /* v2 */
}

/* Writes a SEQUENCE's header forwards; returns its length. */
static size_t
put_header(uint8_t to[static HEADER_MAX], size_t content_len)
{
	struct der d;
	size_t len;

	der_init(&d, to, HEADER_MAX);
	der_header(&d, DER_SEQUENCE, content_len);
	len = der_slice(&d).len;
	memmove(to, d.at, len);
	return len;
}

/*
 * The TBSCertList, in its place: behind as much room as the outermost header is going to need. The entries are copied once,
 * into what is hashed and sent.
 */
static struct slice
place_tbs(uint8_t *room, const struct crl_input *in, struct slice front, struct slice extensions)
{
	size_t entries = in->entries == NULL ? 0 : crl_entries_bytes(in->entries);
	size_t content = front.len + entries + extensions.len;
	uint8_t header[HEADER_MAX], *start, *at;
	size_t header_len = put_header(header, content);

	start = room + put_header(room, header_len + content + TAIL_GUESS);
	memcpy(start, header, header_len);
	at = start + header_len;
	memcpy(at, front.data, front.len);
	at += front.len;
	if (entries > 0)
		crl_entries_copy(in->entries, at);
	at += entries;
	memcpy(at, extensions.data, extensions.len);
	return slice_of(start, header_len + content);
}

/* The signature behind the TBSCertList and the outermost header in front of it. */
static bool
finish(struct buf *out, uint8_t *room, struct slice tbs, struct signer *s, struct err *e)
{
	uint8_t signature[SIGNATURE_MAX], scratch[SIGNATURE_MAX + 64], header[HEADER_MAX];
	size_t signature_len, header_len;
	struct slice tail;
	struct der d;

	if (!signer_sign_into(s, tbs, signature, &signature_len, e))
		return false;
	der_init(&d, scratch, sizeof(scratch));
	der_bit_string(&d, slice_of(signature, signature_len));
	der_raw(&d, signer_algorithm(s));
	tail = der_slice(&d);
	header_len = put_header(header, tbs.len + tail.len);
	if (room + header_len != tbs.data)
		memmove(room + header_len, tbs.data, tbs.len);
	memcpy(room, header, header_len);
	memcpy(room + header_len + tbs.len, tail.data, tail.len);
	out->len += header_len + tbs.len + tail.len;
	return true;
}

bool
crl_build(const struct crl_input *in, struct signer *s, struct buf *out, struct err *e)
{
	size_t entries = in->entries == NULL ? 0 : crl_entries_bytes(in->entries);
	size_t front_max = in->issuer->subject.len + 128;
	size_t extensions_max = in->issuer->key_id.len + in->shard_uri.len + 128;
	struct buf SCOPED_BUF scratch = { 0 };
	struct der front, extensions;
	uint8_t *room;

	assert(in->number >= 0);
	buf_init(&scratch, front_max + extensions_max);
	room = buf_reserve(&scratch, front_max + extensions_max);
	der_init(&front, room, front_max);
	der_init(&extensions, room + front_max, extensions_max);
	write_front(&front, in, signer_algorithm(s), entries);
	write_extensions(&extensions, in);
	if (front.failed || extensions.failed)
		return err_set(e, ERR_INTERNAL, "the CRL's dates are outside the years 0 to 9999");
	room = buf_reserve(
	    out, 2 * HEADER_MAX + front_max + entries + extensions_max + SIGNATURE_MAX + 64);
	if (room == NULL)
		return err_set(e, ERR_TOO_LARGE, "the CRL is over its limit");
	return finish(
	    out, room, place_tbs(room, in, der_slice(&front), der_slice(&extensions)), s, e);
}
