/* Serial numbers: their form, that the ordinal is in them, and that it does not show. */
#include "scoped_openssl.h"
#include "serial.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint64_t
ordinal_of(const uint8_t serial[static SERIAL_SIZE], const struct secret *kek, struct slice mount)
{
	struct err e = { 0 };
	struct secret *key = secret_derive(kek, "certmill serial", mount, &e);
	SCOPED(EVP_CIPHER_CTX) aes = EVP_CIPHER_CTX_new();
	uint8_t block[16];
	uint64_t ordinal = 0;
	int len;

	assert_true(EVP_DecryptInit_ex2(aes, EVP_aes_128_ecb(), secret_bytes(key), NULL, NULL));
	EVP_CIPHER_CTX_set_padding(aes, 0);
	assert_true(EVP_DecryptUpdate(aes, block, &len, serial + 4, 16));
	secret_free(key);
	for (size_t i = 0; i < 8; i++)
		ordinal = ordinal << 8 | block[i];
	return ordinal;
}

static void
test_serials(void **state)
{
	static const uint64_t firsts[] = { 0, 1, UINT32_MAX, (uint64_t)1 << 63 };
	struct err e = { 0 };
	struct secret *kek = secret_random(&e);
	struct slice mount = SLICE_LITERAL("pki");
	struct serial_source *s = serial_source_new(kek, mount, &e);
	uint8_t serial[SERIAL_SIZE], first_octets[256] = { 0 };

	(void)state;
	assert_non_null(s);
	for (size_t i = 0; i < COUNT(firsts); i++) {
		serial_source_lease(s, firsts[i], 500);
		for (uint64_t n = 0; n < 500; n++) {
			assert_int_equal(serial_source_left(s), 500 - n);
			assert_true(serial_next(s, serial, &e));
			assert_in_range(serial[0], 0x01, 0x7f);
			first_octets[serial[0]] = 1;
			assert_int_equal(ordinal_of(serial, kek, mount), firsts[i] + n);
		}
		assert_false(serial_next(s, serial, &e));
		assert_int_equal(e.code, ERR_INTERNAL);
	}
	/* 2000 draws of 127 values: that one of them never came has a chance of 2e-5 */
	for (size_t i = 1; i < 128; i++)
		if (first_octets[i] == 0)
			fail_msg("no serial began with %02zx", i);
	serial_source_free(s);
	secret_free(kek);
}

static void
test_the_same_ordinal_gives_other_serials(void **state)
{
	struct err e = { 0 };
	struct secret *kek = secret_random(&e);
	struct serial_source *s = serial_source_new(kek, SLICE_LITERAL("pki"), &e);
	struct serial_source *other = serial_source_new(kek, SLICE_LITERAL("pki2"), &e);
	uint8_t a[SERIAL_SIZE], b[SERIAL_SIZE];

	(void)state;
	serial_source_lease(s, 7, 1);
	assert_true(serial_next(s, a, &e));
	serial_source_lease(s, 7, 1);
	assert_true(serial_next(s, b, &e));
	assert_memory_not_equal(a + 4, b + 4, 16);
	/* another mount has another key */
	serial_source_lease(other, 7, 1);
	assert_true(serial_next(other, b, &e));
	assert_int_not_equal(ordinal_of(b, kek, SLICE_LITERAL("pki")), 7);
	assert_int_equal(ordinal_of(b, kek, SLICE_LITERAL("pki2")), 7);
	serial_source_free(other);
	serial_source_free(s);
	secret_free(kek);
}

static void
test_text(void **state)
{
	static const uint8_t serial[] = { 0x5e, 0x62, 0x00, 0xff };
	struct arena SCOPED_ARENA a = { 0 };

	(void)state;
	expect_bytes(
	    "colons", serial_text(&a, slice_of(serial, 4), ':'), SLICE_LITERAL("5e:62:00:ff"));
	expect_bytes(
	    "hyphens", serial_text(&a, slice_of(serial, 4), '-'), SLICE_LITERAL("5e-62-00-ff"));
	expect_bytes("nothing", serial_text(&a, slice_of(serial, 4), 0), SLICE_LITERAL("5e6200ff"));
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: refused */
	} cases[] = {
		{ "5e:62:00:ff", 4 },
		{ "5E-62-00-FF", 4 },
		{ "5e6200ff", 4 },
		{ "7f", 1 },
		{ "01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14", 20 },
		{ "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14", 0 },
		{ "", 0 },
		{ "5", 0 },
		{ "5e:", 0 },
		{ "5e:6", 0 },
		{ "5g", 0 },
		{ "5e 62", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct err e = { 0 };
		struct slice serial = SLICE_NONE;
		bool ok = serial_parse(slice_text(cases[i].text), "serial_number", &a, &serial, &e);

		if (ok != (cases[i].len > 0) || serial.len != cases[i].len)
			fail_msg("\"%s\": expected %zu octets, got %zu", cases[i].text,
			    cases[i].len, serial.len);
		if (!ok) {
			assert_int_equal(e.code, ERR_INVALID_VALUE);
			assert_string_equal(e.field, "serial_number");
		} else if (serial.len == 4) {
			expect_bytes(cases[i].text, serial, SLICE_LITERAL("\x5e\x62\x00\xff"));
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_serials),
		cmocka_unit_test(test_the_same_ordinal_gives_other_serials),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
