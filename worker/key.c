#include "key_ec.h"
#include "key_encode.h"
#include "scoped_openssl.h"
#include "timespan.h"

#include <openssl/ec.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

struct keymaker {
	struct key_pool *pool; /* borrowed, may be NULL */
	struct ec_maker *ec;   /* NULL where a provider that is not OpenSSL's own makes the keys */
	EVP_PKEY_CTX *curves[CURVE_COUNT];
	EVP_PKEY_CTX *ed25519;
};

/* clang-format off */
static const struct {
	const char *name, *pem_label, *openssl;
	int64_t default_bits;
} types[] = {
	[KEY_RSA]     = { "rsa",     "RSA PRIVATE KEY", "RSA",     2048 },
	[KEY_EC]      = { "ec",      "EC PRIVATE KEY",  "EC",      256 },
	[KEY_ED25519] = { "ed25519", "PRIVATE KEY",     "ED25519", 0 },
};
/* clang-format on */
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

bool
key_type_parse(struct slice text, enum key_type *ret)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (slice_is(text, types[i].name)) {
			*ret = (enum key_type)i;
			return true;
		}
	return false;
}

const char *
key_type_name(enum key_type type)
{
	return types[type].name;
}

const char *
key_pem_label(enum key_type type)
{
	return types[type].pem_label;
}

int64_t
key_default_bits(enum key_type type)
{
	return types[type].default_bits;
}

bool
key_bits_valid(enum key_type type, int64_t bits)
{
	switch (type) {
	case KEY_RSA:
		return bits == 2048 || bits == 3072 || bits == 4096 || bits == 8192;
	case KEY_EC:
		return curve_find(bits) != NULL;
	case KEY_ED25519:
		return bits == 0;
	}
	return false;
}

static const struct curve *
curve_of(EVP_PKEY *key)
{
	char group[64];

	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return NULL;
	for (size_t i = 0; i < CURVE_COUNT; i++)
		if (strcmp(group, curve_at(i)->group) == 0 || strcmp(group, curve_at(i)->nist) == 0)
			return curve_at(i);
	return NULL;
}

bool
key_identify(EVP_PKEY *key, enum key_type *ret_type, int64_t *ret_bits, struct err *e)
{
	for (size_t i = 0; i < TYPE_COUNT; i++) {
		if (EVP_PKEY_is_a(key, types[i].openssl) != 1)
			continue;
		*ret_type = (enum key_type)i;
		*ret_bits = i == KEY_RSA ? EVP_PKEY_get_bits(key) : 0;
		if (i == KEY_EC) {
			const struct curve *c = curve_of(key);

			if (c == NULL)
				return err_set(e, ERR_WEAK_KEY,
				    "the EC key's curve is none of P-224, P-256, P-384, P-521");
			*ret_bits = c->bits;
		}
		return true;
	}
	return err_set(e, ERR_WEAK_KEY, "the key is none of RSA, EC and Ed25519");
}

static EVP_PKEY_CTX *
generator_new(enum key_type type, int64_t bits, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_name(NULL, types[type].openssl, NULL);

	if (ctx == NULL || EVP_PKEY_keygen_init(ctx) <= 0)
		return err_openssl(e, "EVP_PKEY_keygen_init"), NULL;
	if (type == KEY_EC && EVP_PKEY_CTX_set_group_name(ctx, curve_find(bits)->group) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_group_name"), NULL;
	if (type == KEY_RSA && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) <= 0)
		return err_openssl(e, "EVP_PKEY_CTX_set_rsa_keygen_bits"), NULL;
	return TAKE(ctx);
}

static int
before_deadline(EVP_PKEY_CTX *ctx)
{
	const int64_t *deadline_us = EVP_PKEY_CTX_get_app_data(ctx);

	return time_monotonic_us() < *deadline_us;
}

EVP_PKEY *
key_generate(enum key_type type, int64_t bits, int64_t deadline_us, struct err *e)
{
	SCOPED(EVP_PKEY_CTX) ctx = NULL;
	SCOPED(EVP_PKEY) key = NULL;

	if (!key_bits_valid(type, bits))
		return err_set(e, ERR_INVALID_VALUE, "there are no %s keys of %lld bits",
			   key_type_name(type), (long long)bits),
		       NULL;
	ctx = generator_new(type, bits, e);
	if (ctx == NULL)
		return NULL;
	EVP_PKEY_CTX_set_app_data(ctx, &deadline_us);
	EVP_PKEY_CTX_set_cb(ctx, before_deadline);
	if (EVP_PKEY_generate(ctx, &key) > 0)
		return TAKE(key);
	err_openssl(e, "EVP_PKEY_generate");
	if (time_monotonic_us() >= deadline_us)
		err_set(
		    e, ERR_KEY_TIMEOUT, "no %lld-bit RSA key was made in time", (long long)bits);
	return NULL;
}

static const char *
provider_of(EVP_PKEY_CTX *generator)
{
	return OSSL_PROVIDER_get0_name(EVP_PKEY_CTX_get0_provider(generator));
}

struct keymaker *
keymaker_new(struct key_pool *pool, struct err *e)
{
	struct keymaker *m = calloc(1, sizeof(*m));
	bool ok = true;

	if (m == NULL)
		abort();
	m->pool = pool;
	for (size_t i = 0; ok && i < CURVE_COUNT; i++) {
		m->curves[i] = generator_new(KEY_EC, curve_at(i)->bits, e);
		ok = m->curves[i] != NULL;
	}
	if (ok &&
	    ec_maker_stands_for(
		provider_of(m->curves[0]), EVP_default_properties_is_fips_enabled(NULL))) {
		m->ec = ec_maker_new(e);
		ok = m->ec != NULL;
	}
	if (ok)
		m->ed25519 = generator_new(KEY_ED25519, 0, e);
	if (m->ed25519 == NULL) {
		keymaker_free(m);
		return NULL;
	}
	return m;
}

void
keymaker_free(struct keymaker *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < CURVE_COUNT; i++)
		EVP_PKEY_CTX_free(m->curves[i]);
	EVP_PKEY_CTX_free(m->ed25519);
	ec_maker_free(m->ec);
	free(m);
}

bool
keymaker_ready(const struct keymaker *m, enum key_type type, int64_t bits)
{
	return type != KEY_RSA || (m->pool != NULL && key_pool_ready(m->pool, bits));
}

static EVP_PKEY *
make_key(struct keymaker *m, enum key_type type, int64_t bits, int64_t deadline_us, struct err *e)
{
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx;

	if (type == KEY_RSA) {
		if (m->pool != NULL)
			key = key_pool_take(m->pool, bits);
		return key != NULL ? key : key_generate(type, bits, deadline_us, e);
	}
	ctx = type == KEY_EC ? m->curves[curve_index(curve_find(bits))] : m->ed25519;
	if (EVP_PKEY_generate(ctx, &key) <= 0)
		return err_openssl(e, "EVP_PKEY_generate"), NULL;
	return key;
}

bool
keymaker_make(struct keymaker *m, enum key_type type, int64_t bits, int64_t deadline_us,
    struct leaf_key *ret, struct err *e)
{
	SCOPED(EVP_PKEY) key = NULL;

	if (!key_bits_valid(type, bits))
		return err_set(e, ERR_INVALID_VALUE, "there are no %s keys of %lld bits",
		    key_type_name(type), (long long)bits);
	if (type == KEY_EC && m->ec != NULL)
		return ec_maker_make(m->ec, curve_find(bits), ret, e);
	key = make_key(m, type, bits, deadline_us, e);
	return key != NULL && key_encode(key, type, bits, ret, e);
}
