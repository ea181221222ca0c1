/* Keys: their encodings against OpenSSL's, the time that making one may take, the pool. */
#include "key.h"
#include "key_ec.h"
#include "scoped_openssl.h"
#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MINUTE_US    ((int64_t)60 * 1000 * 1000)

static void
expect_encodings(const char *name, const struct leaf_key *k)
{
	const uint8_t *at = k->private_der.data;
	SCOPED(EVP_PKEY) key = d2i_AutoPrivateKey(NULL, &at, (long)k->private_der.len);
	uint8_t *expected = NULL;
	int len;

	if (key == NULL)
		fail_msg("%s: OpenSSL does not read the private key", name);
	SCOPED(EVP_PKEY_CTX) ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (EVP_PKEY_pairwise_check(ctx) != 1)
		fail_msg("%s: the private key and the public key are no pair", name);
	len = i2d_PrivateKey(key, &expected);
	expect_bytes(name, buf_slice(&k->private_der), slice_of(expected, (size_t)len));
	OPENSSL_free(expected);
	expected = NULL;
	len = i2d_PUBKEY(key, &expected);
	expect_bytes(name, buf_slice(&k->spki), slice_of(expected, (size_t)len));
	OPENSSL_free(expected);
}

static void
test_encodings_are_openssls(void **state)
{
	static const struct {
		const char *name;
		enum key_type type;
		int64_t bits;
		int rounds; /* so that short numbers come up too */
	} cases[] = {
		{ "P-224", KEY_EC, 224, 20 },
		{ "P-256", KEY_EC, 256, 600 },
		{ "P-384", KEY_EC, 384, 20 },
		{ "P-521", KEY_EC, 521, 20 },
		{ "Ed25519", KEY_ED25519, 0, 20 },
		{ "RSA-2048", KEY_RSA, 2048, 2 },
	};
	struct err e = { 0 };
	struct keymaker *m = keymaker_new(NULL, &e);

	(void)state;
	assert_non_null(m);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct leaf_key k;

		leaf_key_init(&k);
		for (int round = 0; round < cases[i].rounds; round++) {
			enum key_type type;
			int64_t bits;

			if (!keymaker_make(m, cases[i].type, cases[i].bits,
				time_monotonic_us() + MINUTE_US, &k, &e))
				fail_msg("%s: %s", cases[i].name, e.msg);
			expect_encodings(cases[i].name, &k);
			if (!key_check_spki(buf_slice(&k.spki), &type, &bits, &e))
				fail_msg("%s: a new key is refused: %s", cases[i].name, e.msg);
			assert_int_equal(type, cases[i].type);
			assert_int_equal(bits, cases[i].bits);
		}
		leaf_key_done(&k);
	}
	keymaker_free(m);
}

static void
test_no_two_keys_are_the_same(void **state)
{
	struct err e = { 0 };
	struct keymaker *m = keymaker_new(NULL, &e);
	struct leaf_key k;
	uint8_t before[256];
	size_t before_len = 0;

	(void)state;
	assert_non_null(m);
	leaf_key_init(&k);
	for (int round = 0; round < 20; round++) {
		struct slice is;

		assert_true(keymaker_make(m, KEY_EC, 256, INT64_MAX, &k, &e));
		is = buf_slice(&k.private_der);
		assert_false(slice_eq(is, slice_of(before, before_len)));
		memcpy(before, is.data, is.len);
		before_len = is.len;
	}
	leaf_key_done(&k);
	keymaker_free(m);
}

static void
test_providers_are_not_gone_around(void **state)
{
	static const struct {
		const char *provider;
		bool fips_demanded, expected;
	} cases[] = {
		{ "default", false, true },
		{ "default", true, false },
		{ "fips", false, false }, /* activated, and not demanded: fips_module(7) */
		{ "fips", true, false },
		{ "tpm2", false, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (ec_maker_stands_for(cases[i].provider, cases[i].fips_demanded) !=
		    cases[i].expected)
			fail_msg("%s, FIPS demanded %d", cases[i].provider, cases[i].fips_demanded);
}

static void
test_sizes(void **state)
{
	static const struct {
		enum key_type type;
		int64_t bits;
		bool valid;
	} cases[] = {
		{ KEY_RSA, 2048, true },
		{ KEY_RSA, 3072, true },
		{ KEY_RSA, 4096, true },
		{ KEY_RSA, 8192, true },
		{ KEY_RSA, 1024, false },
		{ KEY_RSA, 2047, false },
		{ KEY_RSA, 16384, false },
		{ KEY_RSA, 0, false },
		{ KEY_EC, 224, true },
		{ KEY_EC, 521, true },
		{ KEY_EC, 512, false },
		{ KEY_EC, 0, false },
		{ KEY_ED25519, 0, true },
		{ KEY_ED25519, 256, false },
	};
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (key_bits_valid(cases[i].type, cases[i].bits) != cases[i].valid)
			fail_msg("%s %lld: expected %d", key_type_name(cases[i].type),
			    (long long)cases[i].bits, cases[i].valid);
	assert_null(key_generate(KEY_EC, 255, MINUTE_US, &e));
	assert_int_equal(e.code, ERR_INVALID_VALUE);
}

static void
test_names(void **state)
{
	enum key_type type;

	(void)state;
	assert_true(key_type_parse(SLICE_LITERAL("ed25519"), &type));
	assert_int_equal(type, KEY_ED25519);
	assert_false(key_type_parse(SLICE_LITERAL("RSA"), &type));
	assert_false(key_type_parse(SLICE_NONE, &type));
	assert_string_equal(key_pem_label(KEY_EC), "EC PRIVATE KEY");
	assert_int_equal(key_default_bits(KEY_RSA), 2048);
}

/* ---- time and the pool ---- */

static void
test_deadline(void **state)
{
	struct err e = { 0 };
	int64_t start = time_monotonic_us();
	EVP_PKEY *key = key_generate(KEY_RSA, 8192, start + 50000, &e);
	int64_t took = time_monotonic_us() - start;

	(void)state;
	if (key != NULL) { /* luck, once in a few hundred runs */
		EVP_PKEY_free(key);
		return;
	}
	assert_int_equal(e.code, ERR_KEY_TIMEOUT);
	if (took > 20 * 1000 * 1000)
		fail_msg("stopped %lld us after the start, not after 50000", (long long)took);
}

static void
test_pool(void **state)
{
	struct err e = { 0 };
	struct key_pool *p = key_pool_start(2, 2, &e);
	struct keymaker *m = keymaker_new(p, &e);
	int64_t deadline = time_monotonic_us() + MINUTE_US, took;
	EVP_PKEY *key;

	(void)state;
	assert_non_null(p);
	assert_false(key_pool_ready(p, 2048));
	assert_null(key_pool_take(p, 2056)); /* a size that is never kept */
	while (!keymaker_ready(m, KEY_RSA, 2048) && time_monotonic_us() < deadline)
		usleep(10000);
	key = key_pool_take(p, 2048);
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_bits(key), 2048);
	EVP_PKEY_free(key);
	assert_true(keymaker_ready(m, KEY_EC, 256));
	/* stopping does not wait for a key that takes 10-20 s */
	assert_false(key_pool_ready(p, 8192));
	usleep(200000);
	took = time_monotonic_us();
	keymaker_free(m);
	key_pool_stop(p);
	took = time_monotonic_us() - took;
	if (took > 10 * 1000 * 1000)
		fail_msg("stopping took %lld us", (long long)took);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encodings_are_openssls),
		cmocka_unit_test(test_no_two_keys_are_the_same),
		cmocka_unit_test(test_providers_are_not_gone_around),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
