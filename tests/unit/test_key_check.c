/* Weak keys are refused, each for its reason, and others are not. */
#include "key.h"
#include "scoped_openssl.h"
#include "spki.h"
#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MINUTE_US    ((int64_t)60 * 1000 * 1000)

DEFINE_SCOPED(BN_CTX, BN_CTX_free)

static struct slice
rsa_spki(uint8_t room[static 2048], const BIGNUM *n, const BIGNUM *e)
{
	uint8_t n_bytes[1500], e_bytes[64];
	struct der d;

	der_init(&d, room, 2048);
	spki_write_rsa(&d, slice_of(n_bytes, (size_t)BN_bn2bin(n, n_bytes)),
	    slice_of(e_bytes, (size_t)BN_bn2bin(e, e_bytes)));
	assert_false(d.failed);
	return der_slice(&d);
}

static void
expect_weak(const char *name, const BIGNUM *n, unsigned long exponent, const char *message)
{
	SCOPED(BIGNUM) e_number = BN_new();
	uint8_t room[2048];
	enum key_type type;
	struct err e = { 0 };
	int64_t bits;

	BN_set_word(e_number, exponent);
	if (key_check_spki(rsa_spki(room, n, e_number), &type, &bits, &e)) {
		if (message != NULL)
			fail_msg("%s: was taken for a good key", name);
	} else if (message == NULL || e.code != ERR_WEAK_KEY || strstr(e.msg, message) == NULL) {
		fail_msg("%s: expected \"%s\", got \"%s\"", name,
		    message == NULL ? "none" : message, e.msg);
	}
}

static BIGNUM *
prime(int bits, const BIGNUM *add, const BIGNUM *rem)
{
	BIGNUM *p = BN_new();

	assert_true(BN_generate_prime_ex(p, bits, 0, add, rem, NULL));
	return p;
}

static BIGNUM *
product(const BIGNUM *p, const BIGNUM *q)
{
	SCOPED(BN_CTX) ctx = BN_CTX_new();
	BIGNUM *n = BN_new();

	assert_true(BN_mul(n, p, q, ctx));
	return n;
}

static void
test_exponents_and_sizes(void **state)
{
	SCOPED(BIGNUM) p = prime(1024, NULL, NULL);
	SCOPED(BIGNUM) q = prime(1024, NULL, NULL);
	SCOPED(BIGNUM) short_q = prime(1016, NULL, NULL);
	SCOPED(BIGNUM) odd_q = prime(1025, NULL, NULL);
	SCOPED(BIGNUM) n = product(p, q);
	SCOPED(BIGNUM) short_n = product(p, short_q);
	SCOPED(BIGNUM) odd_n = product(p, odd_q);
	SCOPED(BIGNUM) even = BN_dup(n);

	(void)state;
	expect_weak("a good key", n, 65537, NULL);
	expect_weak("exponent 3", n, 3, NULL);
	expect_weak("exponent 1", n, 1, "under 3");
	expect_weak("an even exponent", n, 65536, "even");
	expect_weak("2040 bits", short_n, 65537, "under 2048 bits");
	expect_weak("2049 bits", odd_n, 65537, "multiple of 8");
	BN_clear_bit(even, 0);
	expect_weak("an even modulus", even, 65537, "even");
}

static void
test_small_factors(void **state)
{
	static const unsigned long factors[] = { 3, 5, 167, 173, 743, 751 };

	(void)state;
	for (size_t i = 0; i < COUNT(factors); i++) {
		SCOPED(BIGNUM) n = BN_new();
		char expected[32];

		do
			BN_generate_prime_ex(
			    n, 2056 - BN_num_bits_word(factors[i]), 0, NULL, NULL, NULL);
		while (!BN_mul_word(n, factors[i]) || BN_num_bits(n) != 2056);
		snprintf(expected, sizeof(expected), "factor %lu", factors[i]);
		expect_weak("a small factor", n, 65537, expected);
	}
}

static void
test_close_primes(void **state)
{
	static const struct {
		const char *name;
		int apart; /* about 2^apart; -1: the same prime */
		const char *message;
	} cases[] = {
		{ "the same prime twice", -1, "too close" },
		{ "next primes", 12, "too close" },
		{ "half the bits alike", 512, "too close" },
		{ "2^600 apart", 600, NULL },
	};
	SCOPED(BN_CTX) ctx = BN_CTX_new();

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED(BIGNUM) p = prime(1024, NULL, NULL);
		SCOPED(BIGNUM) q = BN_dup(p);
		SCOPED(BIGNUM) n = NULL;
		SCOPED(BIGNUM) step = BN_new();

		if (cases[i].apart >= 0) {
			BN_set_bit(step, cases[i].apart);
			BN_add(q, q, step);
			while (BN_check_prime(q, ctx, NULL) != 1)
				BN_add_word(q, 2);
		}
		n = product(p, q);
		expect_weak(cases[i].name, n, 65537, cases[i].message);
	}
}

/* A modulus with the fingerprint: 65537^a modulo the product of the primes up to 167, and no small factor. */
static void
test_roca(void **state)
{
	SCOPED(BN_CTX) ctx = BN_CTX_new();
	SCOPED(BIGNUM) m = BN_new();
	SCOPED(BIGNUM) base = BN_new();
	SCOPED(BIGNUM) power = BN_new();
	SCOPED(BIGNUM) p = NULL;
	SCOPED(BIGNUM) q = NULL;
	SCOPED(BIGNUM) n = NULL;

	(void)state;
	BN_set_word(base, 65537);
	BN_set_word(power, 12345);
	BN_one(m);
	for (unsigned long i = 2; i <= 167; i++) {
		bool is_prime = true;

		for (unsigned long k = 2; k < i; k++)
			is_prime = is_prime && i % k != 0;
		if (is_prime)
			BN_mul_word(m, i);
	}
	assert_true(BN_mod_exp(power, base, power, m, ctx));
	do {
		BN_free(p);
		BN_free(q);
		BN_free(n);
		p = prime(1024, m, power);
		q = prime(1024, m, power);
		n = product(p, q);
	} while (BN_num_bits(n) != 2048);
	expect_weak("ROCA", n, 65537, "ROCA");
}

static void
test_points(void **state)
{
	static const struct {
		const char *name, *message;
		size_t at, len; /* of the point: the octet that changes, the length that is kept */
		uint8_t change;
	} cases[] = {
		{ "off the curve", "not on its curve", 64, 65, 1 },
		{ "short", "not one of its curve", 0, 64, 0 },
		{ "compressed", "compressed", 0, 33, 4 ^ 2 },
		{ "hybrid", "not one of its curve", 0, 65, 4 ^ 6 },
		{ "at infinity", "not one of its curve", 0, 1, 4 },
	};
	struct err e = { 0 };
	SCOPED(EVP_PKEY) key = key_generate(KEY_EC, 256, time_monotonic_us() + MINUTE_US, &e);
	uint8_t point[65], room[256];
	enum key_type type;
	size_t len;
	int64_t bits;

	(void)state;
	assert_true(key_check(key, &type, &bits, &e));
	EVP_PKEY_get_octet_string_param(key, "pub", point, sizeof(point), &len);
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t changed[65];
		struct der d;

		memcpy(changed, point, sizeof(point));
		changed[cases[i].at] ^= cases[i].change;
		der_init(&d, room, sizeof(room));
		spki_write_ec(&d, curve_find(256), slice_of(changed, cases[i].len));
		if (key_check_spki(der_slice(&d), &type, &bits, &e))
			fail_msg("%s: was taken for a good key", cases[i].name);
		if (e.code != ERR_WEAK_KEY || strstr(e.msg, cases[i].message) == NULL)
			fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].name, cases[i].message,
			    e.msg);
	}
}

static void
test_kinds_not_taken(void **state)
{
	static const char *const kinds[] = { "X25519", "ED448", "DH" };
	enum key_type type;
	struct err e = { 0 };
	int64_t bits;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		SCOPED(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, kinds[i]);

		assert_non_null(key);
		assert_false(key_check(key, &type, &bits, &e));
		assert_int_equal(e.code, ERR_WEAK_KEY);
	}
	SCOPED(EVP_PKEY) k1 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	assert_non_null(k1);
	assert_false(key_check(k1, &type, &bits, &e));
	assert_int_equal(e.code, ERR_WEAK_KEY);
	assert_false(key_check_spki(SLICE_LITERAL("\x30\x00"), &type, &bits, &e));
	assert_int_equal(e.code, ERR_MALFORMED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exponents_and_sizes),
		cmocka_unit_test(test_small_factors),
		cmocka_unit_test(test_close_primes),
		cmocka_unit_test(test_roca),
		cmocka_unit_test(test_points),
		cmocka_unit_test(test_kinds_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
