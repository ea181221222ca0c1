#include "certificate_ext.h"
#include "scoped.h"
#include "signer.h"
#include "spki.h"

#include <assert.h>

/*
 * The subject's attributes, in the order of the Name. Each is a RelativeDistinguishedName of its own, a UTF8String
 * (RFC 5280 4.1.2.4).
 */
static const struct {
	struct slice oid;
	size_t offset; /* of a struct slice in struct template */
} attributes[] = {
	{ DER_BYTES("\x55\x04\x03"), offsetof(struct template, common_name) },
};
#define ATTRIBUTE_COUNT (sizeof(attributes) / sizeof(attributes[0]))

static struct slice
attribute_value(const struct template *t, size_t i)
{
	struct slice value;

	memcpy(&value, (const char *)t + attributes[i].offset, sizeof(value));
	return value;
}

static bool
subject_is_empty(const struct template *t)
{
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		if (attribute_value(t, i).len > 0)
			return false;
	return true;
}

static size_t
subject_bound(const struct template *t)
{
	size_t bound = 16;

	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++)
		bound += attribute_value(t, i).len + 32;
	return bound;
}

static void
write_subject(struct der *d, const struct template *t)
{
	const uint8_t *end = der_mark(d);

	for (size_t i = ATTRIBUTE_COUNT; i-- > 0;) {
		struct slice value = attribute_value(t, i);
		const uint8_t *mark = der_mark(d);

		if (value.len == 0)
			continue;
		der_tlv(d, DER_UTF8_STRING, value);
		der_tlv(d, DER_OID, attributes[i].oid);
		der_wrap(d, mark, DER_SEQUENCE);
		der_wrap(d, mark, DER_SET);
	}
	der_wrap(d, end, DER_SEQUENCE);
}

/* TBSCertificate (RFC 5280 4.1.2), from its end to its start. */
static void
write_tbs(struct der *d, const struct certificate_input *in, const struct certificate_extensions *x,
    struct slice algorithm)
{
	const struct template *t = in->template;
	const uint8_t *end = der_mark(d), *mark;

	certificate_extensions_write(d, x);
	der_raw(d, in->spki);
	write_subject(d, t);
	mark = der_mark(d);
	der_time(d, t->not_after);
	der_time(d, t->not_before);
	der_wrap(d, mark, DER_SEQUENCE);
	if (in->issuer_subject.data != NULL)
		der_raw(d, in->issuer_subject);
	else
		write_subject(d, t);
	der_raw(d, algorithm);
	der_unsigned(d, in->serial);
	mark = der_mark(d);
	der_small(d, 2); /* v3 */
	der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(0));
	der_wrap(d, end, DER_SEQUENCE);
}

/* Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signatureValue } */
static bool
append_signed(struct slice tbs, struct signer *s, struct buf *out, struct err *e)
{
	struct slice algorithm = signer_algorithm(s), whole;
	uint8_t signature[SIGNATURE_MAX];
	size_t signature_len, room_len;
	const uint8_t *mark;
	struct der d;
	uint8_t *room;

	if (!signer_sign_into(s, tbs, signature, &signature_len, e))
		return false;
	room_len = tbs.len + algorithm.len + signature_len + 32;
	room = buf_reserve(out, room_len);
	if (room == NULL)
		return err_set(e, ERR_TOO_LARGE, "the certificate is over its limit");
	der_init(&d, room, room_len);
	mark = der_mark(&d);
	der_bit_string(&d, slice_of(signature, signature_len));
	der_raw(&d, algorithm);
	der_raw(&d, tbs);
	der_wrap(&d, mark, DER_SEQUENCE);
	assert(!d.failed);
	whole = der_slice(&d);
	memmove(room, whole.data, whole.len);
	out->len += whole.len;
	return true;
}

bool
certificate_build(
    const struct certificate_input *in, struct signer *s, struct buf *out, struct err *e)
{
	uint8_t key_id[KEY_ID_SIZE];
	struct certificate_extensions x = {
		.template = in->template,
		.urls = in->urls,
		.subject_key_id = slice_of(key_id, sizeof(key_id)),
		.subject_is_empty = subject_is_empty(in->template),
	};
	struct spki spki;
	struct der d;
	size_t bound;

	if (!spki_read(in->spki, &spki, e) || !signer_key_id(s, spki.key, key_id, e))
		return false;
	x.authority_key_id = in->issuer_key_id.data != NULL ? in->issuer_key_id : x.subject_key_id;
	bound = 256 + in->spki.len + in->serial.len + in->issuer_subject.len +
	    2 * subject_bound(in->template) + certificate_extensions_bound(&x);
	SCOPED_FREE uint8_t *scratch = malloc(bound);
	if (scratch == NULL)
		abort();
	der_init(&d, scratch, bound);
	write_tbs(&d, in, &x, signer_algorithm(s));
	if (d.failed)
		return err_set(
		    e, ERR_INTERNAL, "the certificate's dates are outside the years 0 to 9999");
	return append_signed(der_slice(&d), s, out, e);
}
