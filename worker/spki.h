/*
 * A SubjectPublicKeyInfo (RFC 5280 4.1.2.7) of the kinds that are certified here, read from DER and written as DER, and the
 * curves. Whether the key is a good one is key_check's question.
 */
#ifndef CERTMILL_SPKI_H
#define CERTMILL_SPKI_H

#include "der.h"
#include "template.h"

struct curve {
	int64_t bits;
	const char *group; /* OpenSSL's name */
	const char *nist;  /* the other name that OpenSSL may answer with */
	struct slice oid;  /* content octets */
	size_t field;      /* octets of a coordinate, and of the private key */
};

#define CURVE_COUNT     4
#define CURVE_FIELD_MAX 66
#define CURVE_POINT_MAX (1 + 2 * CURVE_FIELD_MAX)

const struct curve *curve_at(size_t i);       /* i < CURVE_COUNT */
const struct curve *curve_find(int64_t bits); /* NULL: none */
size_t curve_index(const struct curve *c);

struct spki {
	enum key_type type;
	int64_t bits;              /* 0 for Ed25519 */
	const struct curve *curve; /* EC */
	struct slice
	    key; /* the BIT STRING's octets: EC point (uncompressed), Ed25519 key, RSAPublicKey */
	struct slice n, e; /* RSA, big-endian without leading zeros */
};

/* ERR_WEAK_KEY names what is not taken; ERR_MALFORMED what does not parse. */
bool spki_read(struct slice der, struct spki *ret, struct err *e) MUST_USE;
void spki_write_ec(struct der *d, const struct curve *c, struct slice point);
void spki_write_ed25519(struct der *d, struct slice key);
void spki_write_rsa(struct der *d, struct slice n, struct slice e);

#endif
