#include "csr_algorithm.h"

#include "der.h"

#define SALT_MAX 64

/* clang-format off */
static const struct {
	struct slice oid;
	enum key_type type;
	enum digest digest;
} algorithms[] = {
	{ DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x02"), KEY_EC, DIGEST_SHA256 }, /* RFC 5758 */
	{ DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x03"), KEY_EC, DIGEST_SHA384 },
	{ DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x04"), KEY_EC, DIGEST_SHA512 },
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b"), KEY_RSA, DIGEST_SHA256 }, /* RFC 4055 */
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c"), KEY_RSA, DIGEST_SHA384 },
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d"), KEY_RSA, DIGEST_SHA512 },
	{ DER_BYTES("\x2b\x65\x70"), KEY_ED25519, DIGEST_NONE }, /* RFC 8410 */
};

static const struct slice hashes[DIGEST_COUNT] = {
	DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x02\x01"),
	DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x02\x02"),
	DER_BYTES("\x60\x86\x48\x01\x65\x03\x04\x02\x03"),
};

static const struct { struct slice oid; const char *name; } refused[] = {
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05"), "SHA-1" },
	{ DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x01"), "SHA-1" },
	{ DER_BYTES("\x2b\x0e\x03\x02\x1d"), "SHA-1" },
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04"), "MD5" },
	{ DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e"), "SHA-224" },
	{ DER_BYTES("\x2a\x86\x48\xce\x3d\x04\x03\x01"), "SHA-224" },
};
/* clang-format on */
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* NULL, or nothing (RFC 4055 2.1: both are to be taken). */
static bool
no_parameters(struct der_reader *r, bool null_allowed)
{
	struct slice null = SLICE_NONE;

	if (null_allowed && (!der_read_optional(r, DER_NULL, &null) || null.len != 0))
		return false;
	return der_reader_done(r);
}

/* A hash's AlgorithmIdentifier, in the place of r. */
static bool
read_hash(struct der_reader *r, enum digest *ret)
{
	struct der_reader algorithm;
	struct slice oid;

	if (!der_enter(r, DER_SEQUENCE, &algorithm) || !der_read(&algorithm, DER_OID, &oid, NULL) ||
	    !no_parameters(&algorithm, true))
		return false;
	for (size_t i = 0; i < DIGEST_COUNT; i++)
		if (slice_eq(oid, hashes[i])) {
			*ret = (enum digest)i;
			return true;
		}
	return false;
}

static bool
read_mask(struct der_reader *r, enum digest *ret)
{
	static const struct slice mgf1 = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08");
	struct der_reader algorithm;
	struct slice oid;

	return der_enter(r, DER_SEQUENCE, &algorithm) &&
	    der_read(&algorithm, DER_OID, &oid, NULL) && slice_eq(oid, mgf1) &&
	    read_hash(&algorithm, ret) && der_reader_done(&algorithm);
}

static bool
read_small(struct der_reader *r, int max, int *ret)
{
	struct slice content;

	if (!der_read(r, DER_INTEGER, &content, NULL) || content.len != 1 || content.data[0] > max)
		return false;
	*ret = content.data[0];
	return true;
}

/*
 * RSASSA-PSS-params (RFC 4055 3.1): the defaults of hash and mask are SHA-1, so both must stand there, and be the same; the
 * trailer is 1 wherever it stands.
 */
static bool
read_pss(struct der_reader *r, struct signature_algorithm *ret)
{
	struct der_reader params, inside;
	struct slice salt, trailer;
	enum digest mask;
	int one = 1;

	if (!der_enter(r, DER_SEQUENCE, &params) || !der_reader_done(r) ||
	    !der_enter(&params, DER_CONTEXT_CONSTRUCTED(0), &inside) ||
	    !read_hash(&inside, &ret->digest) || !der_reader_done(&inside) ||
	    !der_enter(&params, DER_CONTEXT_CONSTRUCTED(1), &inside) ||
	    !read_mask(&inside, &mask) || !der_reader_done(&inside) || mask != ret->digest ||
	    !der_read_optional(&params, DER_CONTEXT_CONSTRUCTED(2), &salt) ||
	    !der_read_optional(&params, DER_CONTEXT_CONSTRUCTED(3), &trailer) ||
	    !der_reader_done(&params))
		return false;
	ret->salt_len = 20;
	inside = der_reader_of(salt);
	if (salt.data != NULL &&
	    (!read_small(&inside, SALT_MAX, &ret->salt_len) || !der_reader_done(&inside)))
		return false;
	inside = der_reader_of(trailer);
	if (trailer.data != NULL && (!read_small(&inside, 1, &one) || !der_reader_done(&inside)))
		return false;
	return one == 1;
}

static bool
refuse(struct slice oid, struct err *e)
{
	for (size_t i = 0; i < COUNT(refused); i++)
		if (slice_eq(oid, refused[i].oid))
			return err_set(e, ERR_CSR_INVALID,
			    "the request is signed with %s: SHA-256 or better is taken",
			    refused[i].name);
	return err_set(e, ERR_CSR_INVALID,
	    "the request's signature algorithm is none of ECDSA and RSA with SHA-256, SHA-384 or SHA-512, and Ed25519");
}

bool
signature_algorithm_read(struct slice der, struct signature_algorithm *ret, struct err *e)
{
	static const struct slice pss = DER_BYTES("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a");
	struct der_reader outer = der_reader_of(der), inner;
	struct slice oid;

	*ret = (struct signature_algorithm){ 0 };
	if (!der_enter(&outer, DER_SEQUENCE, &inner) || !der_read(&inner, DER_OID, &oid, NULL))
		return err_set(
		    e, ERR_CSR_INVALID, "the request's signature algorithm does not parse");
	if (slice_eq(oid, pss)) {
		ret->type = KEY_RSA;
		ret->pss = true;
		if (!read_pss(&inner, ret))
			return err_set(e, ERR_CSR_INVALID,
			    "the request's RSA-PSS parameters are not SHA-256, SHA-384 or SHA-512 with MGF1 of the same");
		return true;
	}
	for (size_t i = 0; i < COUNT(algorithms); i++) {
		if (!slice_eq(oid, algorithms[i].oid))
			continue;
		ret->type = algorithms[i].type;
		ret->digest = algorithms[i].digest;
		if (!no_parameters(&inner, ret->type == KEY_RSA))
			return err_set(
			    e, ERR_CSR_INVALID, "the request's signature algorithm has parameters");
		return true;
	}
	return refuse(oid, e);
}
