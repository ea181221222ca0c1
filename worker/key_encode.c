#include "key_encode.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#include <assert.h>

#define SPKI_MAX       1200 /* RSA-8192: 1024 octets of modulus */
#define PRIVATE_MAX    8192 /* RSA-8192: n, d and five halves */
#define RSA_NUMBER_MAX 1024

void
leaf_key_init(struct leaf_key *k)
{
	*k = (struct leaf_key){ 0 };
	buf_init(&k->spki, SPKI_MAX);
	buf_init_secret(&k->private_der, PRIVATE_MAX);
}

void
leaf_key_done(struct leaf_key *k)
{
	buf_done(&k->spki);
	buf_done(&k->private_der);
}

/* Takes what was written at the end of a scratch buffer. */
static bool
take(struct buf *out, const struct der *d, struct err *e)
{
	buf_clear(out);
	buf_add_slice(out, der_slice(d));
	if (d->failed || out->failed)
		return err_set(e, ERR_INTERNAL, "the key's encoding is over its limit");
	return true;
}

/* A BIGNUM as OSSL_PARAM has it, in the machine's order (little-endian), becomes big-endian. */
static void
reverse(uint8_t *number, size_t len)
{
	for (size_t i = 0; i < len / 2; i++) {
		uint8_t swapped = number[i];

		number[i] = number[len - 1 - i];
		number[len - 1 - i] = swapped;
	}
}

/* RFC 5915: ECPrivateKey with the curve and the public key, as OpenSSL writes it. */
static void
write_sec1(struct der *d, const struct curve *c, struct slice private, struct slice point)
{
	const uint8_t *mark = der_mark(d), *inner;

	der_bit_string(d, point);
	der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(1));
	inner = der_mark(d);
	der_tlv(d, DER_OID, c->oid);
	der_wrap(d, inner, DER_CONTEXT_CONSTRUCTED(0));
	der_tlv(d, DER_OCTET_STRING, private);
	der_small(d, 1);
	der_wrap(d, mark, DER_SEQUENCE);
}

bool
key_encode_ec(const struct curve *c, struct slice private, struct slice point, struct leaf_key *ret,
    struct err *e)
{
	uint8_t scratch[SPKI_MAX];
	struct der d;
	bool ok;

	ret->type = KEY_EC;
	der_init(&d, scratch, sizeof(scratch));
	spki_write_ec(&d, c, point);
	ok = take(&ret->spki, &d, e);
	der_init(&d, scratch, sizeof(scratch));
	write_sec1(&d, c, private, point);
	ok = ok && take(&ret->private_der, &d, e);
	OPENSSL_cleanse(scratch, sizeof(scratch));
	return ok;
}

static bool
encode_ec(EVP_PKEY *key, const struct curve *c, struct leaf_key *ret, struct err *e)
{
	uint8_t private[CURVE_FIELD_MAX], point[CURVE_POINT_MAX];
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
		OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_PRIV_KEY, private, c->field),
		OSSL_PARAM_construct_end(),
	};
	bool ok = EVP_PKEY_get_params(key, params) > 0;
	struct slice public = slice_of(point, params[0].return_size);

	if (!ok || public.len != 1 + 2 * c->field || params[1].return_size > c->field) {
		OPENSSL_cleanse(private, sizeof(private));
		return err_openssl(e, "EVP_PKEY_get_params");
	}
	reverse(private, c->field);
	ok = key_encode_ec(c, slice_of(private, c->field), public, ret, e);
	OPENSSL_cleanse(private, sizeof(private));
	return ok;
}

/* RFC 8410 7: OneAsymmetricKey, version 1, the octet string inside an octet string. */
static bool
encode_ed25519(EVP_PKEY *key, struct leaf_key *ret, struct err *e)
{
	uint8_t private[32], public[32], scratch[64];
	size_t private_len = sizeof(private), public_len = sizeof(public);
	struct der d;
	bool ok = EVP_PKEY_get_raw_private_key(key, private, &private_len) > 0 &&
	    EVP_PKEY_get_raw_public_key(key, public, &public_len) > 0;

	if (!ok)
		return err_openssl(e, "EVP_PKEY_get_raw_private_key");
	der_init(&d, scratch, sizeof(scratch));
	spki_write_ed25519(&d, slice_of(public, sizeof(public)));
	ok = take(&ret->spki, &d, e);
	der_init(&d, scratch, sizeof(scratch));
	der_raw(&d, slice_of(private, sizeof(private)));
	der_raw(
	    &d, SLICE_LITERAL("\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20"));
	ok = ok && take(&ret->private_der, &d, e);
	OPENSSL_cleanse(private, sizeof(private));
	OPENSSL_cleanse(scratch, sizeof(scratch));
	return ok;
}

/* RFC 8017 A.1.2, in the order of the structure. */
static const char *const rsa_names[] = {
	OSSL_PKEY_PARAM_RSA_N,
	OSSL_PKEY_PARAM_RSA_E,
	OSSL_PKEY_PARAM_RSA_D,
	OSSL_PKEY_PARAM_RSA_FACTOR1,
	OSSL_PKEY_PARAM_RSA_FACTOR2,
	OSSL_PKEY_PARAM_RSA_EXPONENT1,
	OSSL_PKEY_PARAM_RSA_EXPONENT2,
	OSSL_PKEY_PARAM_RSA_COEFFICIENT1,
};
#define RSA_NUMBERS (sizeof(rsa_names) / sizeof(rsa_names[0]))

struct rsa_numbers {
	uint8_t bytes[RSA_NUMBERS][RSA_NUMBER_MAX];
	struct slice number[RSA_NUMBERS];
};

static bool
rsa_read(EVP_PKEY *key, struct rsa_numbers *r, struct err *e)
{
	OSSL_PARAM params[RSA_NUMBERS + 1];

	for (size_t i = 0; i < RSA_NUMBERS; i++)
		params[i] = OSSL_PARAM_construct_BN(rsa_names[i], r->bytes[i], RSA_NUMBER_MAX);
	params[RSA_NUMBERS] = OSSL_PARAM_construct_end();
	if (EVP_PKEY_get_params(key, params) <= 0)
		return err_openssl(e, "EVP_PKEY_get_params");
	for (size_t i = 0; i < RSA_NUMBERS; i++) {
		size_t len = params[i].return_size;

		if (!OSSL_PARAM_modified(&params[i]) || len > RSA_NUMBER_MAX)
			return err_set(e, ERR_CRYPTO, "the RSA key has no %s", rsa_names[i]);
		reverse(r->bytes[i], len);
		r->number[i] = slice_of(r->bytes[i], len);
	}
	return true;
}

static bool
encode_rsa(EVP_PKEY *key, struct leaf_key *ret, struct err *e)
{
	struct rsa_numbers r;
	uint8_t scratch[PRIVATE_MAX];
	const uint8_t *mark;
	struct der d;
	bool ok = rsa_read(key, &r, e);

	if (ok) {
		der_init(&d, scratch, sizeof(scratch));
		spki_write_rsa(&d, r.number[0], r.number[1]);
		ok = take(&ret->spki, &d, e);
	}
	if (ok) {
		der_init(&d, scratch, sizeof(scratch));
		mark = der_mark(&d);
		for (size_t i = RSA_NUMBERS; i-- > 0;)
			der_unsigned(&d, r.number[i]);
		der_small(&d, 0);
		der_wrap(&d, mark, DER_SEQUENCE);
		ok = take(&ret->private_der, &d, e);
	}
	OPENSSL_cleanse(&r, sizeof(r));
	OPENSSL_cleanse(scratch, sizeof(scratch));
	return ok;
}

bool
key_encode(EVP_PKEY *key, enum key_type type, int64_t bits, struct leaf_key *ret, struct err *e)
{
	ret->type = type;
	switch (type) {
	case KEY_RSA:
		return encode_rsa(key, ret, e);
	case KEY_EC:
		return encode_ec(key, curve_find(bits), ret, e);
	case KEY_ED25519:
		return encode_ed25519(key, ret, e);
	}
	return err_set(e, ERR_INTERNAL, "no such key type");
}

/* The AlgorithmIdentifier of PKCS#8. SEC 1 says in [0] which curve it is (RFC 5915 3). */
static void
write_algorithm(struct der *d, const struct leaf_key *key)
{
	static const struct slice rsa = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
	static const struct slice ec = DER_BYTES("\x2a\x86\x48\xce\x3d\x02\x01");
	struct der_reader outer = der_reader_of(buf_slice(&key->private_der)), inside;
	const uint8_t *mark = der_mark(d);
	struct slice content, whole, curve;
	uint8_t tag;

	if (key->type == KEY_RSA) {
		der_tlv(d, DER_NULL, SLICE_NONE);
		der_tlv(d, DER_OID, rsa);
	} else {
		bool found = der_enter(&outer, DER_SEQUENCE, &inside) &&
		    der_read_any(&inside, &tag, &content, &whole) &&
		    der_read_any(&inside, &tag, &content, &whole) &&
		    der_read(&inside, DER_CONTEXT_CONSTRUCTED(0), &curve, &whole);

		assert(found);
		der_raw(d, curve);
		der_tlv(d, DER_OID, ec);
	}
	der_wrap(d, mark, DER_SEQUENCE);
}

void
key_pkcs8_add(const struct leaf_key *key, struct buf *out_secret)
{
	struct slice own = buf_slice(&key->private_der);
	uint8_t prefix[128];
	struct der d;

	if (key->type == KEY_ED25519) {
		buf_add_slice(out_secret, own);
		return;
	}
	der_init(&d, prefix, sizeof(prefix));
	der_header(&d, DER_OCTET_STRING, own.len);
	write_algorithm(&d, key);
	der_small(&d, 0);
	der_header(&d, DER_SEQUENCE, der_slice(&d).len + own.len);
	buf_add_slice(out_secret, der_slice(&d));
	buf_add_slice(out_secret, own);
}
