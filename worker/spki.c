#include "spki.h"

#define RSA_MAX_BITS 16384 /* beyond it nothing is computed, whatever the answer */

static const struct slice oid_rsa = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
static const struct slice oid_ec = DER_BYTES("\x2a\x86\x48\xce\x3d\x02\x01");
static const struct slice oid_ed25519 = DER_BYTES("\x2b\x65\x70");

/* clang-format off */
static const struct curve curves[CURVE_COUNT] = {
	{ 224, "secp224r1",  "P-224", DER_BYTES("\x2b\x81\x04\x00\x21"), 28 },
	{ 256, "prime256v1", "P-256", DER_BYTES("\x2a\x86\x48\xce\x3d\x03\x01\x07"), 32 },
	{ 384, "secp384r1",  "P-384", DER_BYTES("\x2b\x81\x04\x00\x22"), 48 },
	{ 521, "secp521r1",  "P-521", DER_BYTES("\x2b\x81\x04\x00\x23"), 66 },
};
/* clang-format on */

const struct curve *
curve_at(size_t i)
{
	return &curves[i];
}

const struct curve *
curve_find(int64_t bits)
{
	for (size_t i = 0; i < CURVE_COUNT; i++)
		if (curves[i].bits == bits)
			return &curves[i];
	return NULL;
}

size_t
curve_index(const struct curve *c)
{
	return (size_t)(c - curves);
}

static int64_t
magnitude_bits(struct slice n)
{
	int64_t bits = (int64_t)(n.len - 1) * 8;

	for (unsigned top = n.data[0]; top > 0; top >>= 1)
		bits++;
	return bits;
}

static bool
read_rsa(struct der_reader params, struct spki *k, struct err *e)
{
	struct der_reader outer = der_reader_of(k->key), inner;
	struct slice null;

	/* RFC 3279 2.3.1: the parameters are NULL */
	if (!der_read(&params, DER_NULL, &null, NULL) || null.len != 0 || !der_reader_done(&params))
		return err_set(e, ERR_MALFORMED, "the RSA key's algorithm parameters are not NULL");
	if (!der_enter(&outer, DER_SEQUENCE, &inner) || !der_reader_done(&outer) ||
	    !der_read_unsigned(&inner, &k->n) || !der_read_unsigned(&inner, &k->e) ||
	    !der_reader_done(&inner))
		return err_set(e, ERR_MALFORMED, "the RSA public key does not parse");
	k->type = KEY_RSA;
	k->bits = magnitude_bits(k->n);
	if (k->bits > RSA_MAX_BITS)
		return err_set(e, ERR_WEAK_KEY, "RSA keys over 8192 bits are not taken");
	return true;
}

static bool
read_ec(struct der_reader params, struct spki *k, struct err *e)
{
	struct slice oid;

	/* RFC 5480 2.1.1: a named curve, nothing else */
	if (!der_read(&params, DER_OID, &oid, NULL) || !der_reader_done(&params))
		return err_set(e, ERR_WEAK_KEY,
		    "the EC key names no curve: explicit parameters are not taken");
	for (size_t i = 0; i < CURVE_COUNT && k->curve == NULL; i++)
		if (slice_eq(oid, curves[i].oid))
			k->curve = &curves[i];
	if (k->curve == NULL)
		return err_set(
		    e, ERR_WEAK_KEY, "the EC key's curve is none of P-224, P-256, P-384, P-521");
	if (k->key.len > 0 && (k->key.data[0] == 2 || k->key.data[0] == 3))
		return err_set(e, ERR_WEAK_KEY, "compressed EC points are not taken");
	if (k->key.len != 1 + 2 * k->curve->field || k->key.data[0] != 4)
		return err_set(e, ERR_WEAK_KEY, "the EC point is not one of its curve");
	k->type = KEY_EC;
	k->bits = k->curve->bits;
	return true;
}

static bool
read_ed25519(struct der_reader params, struct spki *k, struct err *e)
{
	/* RFC 8410 3: no parameters */
	if (!der_reader_done(&params) || k->key.len != 32)
		return err_set(e, ERR_MALFORMED, "the Ed25519 public key does not parse");
	k->type = KEY_ED25519;
	k->bits = 0;
	return true;
}

bool
spki_read(struct slice der, struct spki *ret, struct err *e)
{
	struct der_reader outer = der_reader_of(der), info, algorithm;
	struct slice oid;

	*ret = (struct spki){ 0 };
	if (!der_enter(&outer, DER_SEQUENCE, &info) || !der_reader_done(&outer) ||
	    !der_enter(&info, DER_SEQUENCE, &algorithm) ||
	    !der_read(&algorithm, DER_OID, &oid, NULL) || !der_read_bit_string(&info, &ret->key) ||
	    !der_reader_done(&info))
		return err_set(e, ERR_MALFORMED, "the public key does not parse");
	if (slice_eq(oid, oid_ec))
		return read_ec(algorithm, ret, e);
	if (slice_eq(oid, oid_rsa))
		return read_rsa(algorithm, ret, e);
	if (slice_eq(oid, oid_ed25519))
		return read_ed25519(algorithm, ret, e);
	return err_set(e, ERR_WEAK_KEY, "the public key is none of RSA, EC and Ed25519");
}

void
spki_write_ec(struct der *d, const struct curve *c, struct slice point)
{
	const uint8_t *mark = der_mark(d), *algorithm;

	der_bit_string(d, point);
	algorithm = der_mark(d);
	der_tlv(d, DER_OID, c->oid);
	der_tlv(d, DER_OID, oid_ec);
	der_wrap(d, algorithm, DER_SEQUENCE);
	der_wrap(d, mark, DER_SEQUENCE);
}

void
spki_write_ed25519(struct der *d, struct slice key)
{
	const uint8_t *mark = der_mark(d), *algorithm;

	der_bit_string(d, key);
	algorithm = der_mark(d);
	der_tlv(d, DER_OID, oid_ed25519);
	der_wrap(d, algorithm, DER_SEQUENCE);
	der_wrap(d, mark, DER_SEQUENCE);
}

void
spki_write_rsa(struct der *d, struct slice n, struct slice e)
{
	const uint8_t *mark = der_mark(d), *inner;

	der_unsigned(d, e);
	der_unsigned(d, n);
	der_wrap(d, mark, DER_SEQUENCE);
	der_raw(d, SLICE_LITERAL("\0"));
	der_wrap(d, mark, DER_BIT_STRING);
	inner = der_mark(d);
	der_tlv(d, DER_NULL, SLICE_LITERAL(""));
	der_tlv(d, DER_OID, oid_rsa);
	der_wrap(d, inner, DER_SEQUENCE);
	der_wrap(d, mark, DER_SEQUENCE);
}
