#include "key_ec.h"

#include "key_encode.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/objects.h>

struct ec_maker {
	EC_GROUP *groups[CURVE_COUNT];
	EC_POINT *points[CURVE_COUNT];
	BIGNUM *private;
};

bool
ec_maker_stands_for(const char *provider, bool fips_demanded)
{
	return strcmp(provider, "default") == 0 && !fips_demanded;
}

struct ec_maker *
ec_maker_new(struct err *e)
{
	struct ec_maker *m = calloc(1, sizeof(*m));
	bool ok;

	if (m == NULL)
		abort();
	m->private = BN_secure_new();
	ok = m->private != NULL;
	for (size_t i = 0; ok && i < CURVE_COUNT; i++) {
		m->groups[i] = EC_GROUP_new_by_curve_name(OBJ_sn2nid(curve_at(i)->group));
		m->points[i] = m->groups[i] == NULL ? NULL : EC_POINT_new(m->groups[i]);
		ok = m->points[i] != NULL;
	}
	if (!ok) {
		ec_maker_free(m);
		return err_openssl(e, "EC_GROUP_new_by_curve_name"), NULL;
	}
	return m;
}

void
ec_maker_free(struct ec_maker *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < CURVE_COUNT; i++) {
		EC_POINT_free(m->points[i]);
		EC_GROUP_free(m->groups[i]);
	}
	BN_clear_free(m->private);
	free(m);
}

/* A private key and its public one: octets of the field's length, and an uncompressed point. */
static bool
make_pair(struct ec_maker *m, const struct curve *c, BN_CTX *scratch, uint8_t *private,
    uint8_t *point, struct err *e)
{
	const EC_GROUP *group = m->groups[curve_index(c)];
	EC_POINT *public = m->points[curve_index(c)];
	size_t point_len = 1 + 2 * c->field;

	do {
		if (BN_priv_rand_range_ex(m->private, EC_GROUP_get0_order(group), 0, scratch) != 1)
			return err_openssl(e, "BN_priv_rand_range_ex");
	} while (BN_is_zero(m->private));
	if (EC_POINT_mul(group, public, m->private, NULL, NULL, scratch) != 1)
		return err_openssl(e, "EC_POINT_mul");
	if (EC_POINT_point2oct(group, public, POINT_CONVERSION_UNCOMPRESSED, point, point_len,
		scratch) != point_len)
		return err_openssl(e, "EC_POINT_point2oct");
	if (BN_bn2binpad(m->private, private, (int)c->field) < 0)
		return err_openssl(e, "BN_bn2binpad");
	return true;
}

/* The scratch is a key's own: for some curves OpenSSL leaves numbers in it that tell the private key. */
bool
ec_maker_make(struct ec_maker *m, const struct curve *c, struct leaf_key *ret, struct err *e)
{
	uint8_t private[CURVE_FIELD_MAX], point[CURVE_POINT_MAX];
	BN_CTX *scratch = BN_CTX_secure_new();
	bool ok = make_pair(m, c, scratch, private, point, e) &&
	    key_encode_ec(
		c, slice_of(private, c->field), slice_of(point, 1 + 2 * c->field), ret, e);

	BN_CTX_free(scratch);
	BN_clear(m->private);
	OPENSSL_cleanse(private, sizeof(private));
	return ok;
}
