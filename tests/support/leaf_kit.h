/* What tests of issue and sign share: the sample world, and what every answer with a certificate must say. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_LEAF_KIT_H
#define CERTMILL_TEST_LEAF_KIT_H

#include "encode.h"
#include "sample_kit.h"
#include "scoped_openssl.h"

static inline void
role(struct world *w, const char *name, const char *const *params)
{
	world_do(w, ASK("role/write", .role = name, .params = params));
}

static inline struct slice
root_pem(struct world *w)
{
	return data_text(world_do(w, ASK("ca/read")), "certificate");
}

static inline int64_t
end_of(const X509 *crt)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(crt), &tm), 1);
	return timegm(&tm);
}

static inline struct slice
serial_of(struct world *w, X509 *crt, char separator)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(crt);
	struct buf text SCOPED_BUF = { 0 };

	buf_init(&text, 128);
	hex_add(&text, slice_of(serial->data, (size_t)serial->length), separator);
	return arena_copy(&w->arena, buf_slice(&text));
}

/* All that an answer with a certificate says of it must be what the certificate says. */
static inline void
check_leaf(struct world *w, const char *name, const struct answer *a, int64_t ttl)
{
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	struct slice_list chain = data_list(w, a, "ca_chain");

	assert_true(slice_eq(data_text(a, "issuing_ca"), root_pem(w)));
	assert_signed_by(data_text(a, "certificate"), data_text(a, "issuing_ca"));
	assert_int_equal(chain.count, 1);
	assert_true(slice_eq(chain.items[0], data_text(a, "issuing_ca")));
	assert_true(slice_eq(data_text(a, "serial_number"), serial_of(w, crt, ':')));
	assert_true(slice_eq(data_text(a, "serial"), data_text(a, "serial_number")));
	assert_true(data_int(a, "expiration") == end_of(crt));
	assert_true(data_int(a, "expiration") == WORLD_NOW + ttl);
	assert_true(data_int(a, "lease_duration") == ttl);
	assert_false(data_bool(a, "renewable"));
	assert_slice(name, data_text(a, "lease_id"),
	    arena_printf(&w->arena, "pki/%.*s/%.*s/%.*s", SLICE_FMT(a->rq.envelope.op),
		SLICE_FMT(a->rq.envelope.role), SLICE_FMT(serial_of(w, crt, '-'))));
	assert_true(slice_eq(a->rq.outcome.serial,
	    slice_of(
		X509_get0_serialNumber(crt)->data, (size_t)X509_get0_serialNumber(crt)->length)));
	assert_int_equal(a->rq.outcome.serial.len, SERIAL_SIZE);
	assert_true(a->rq.outcome.not_after == end_of(crt));
}

#endif
