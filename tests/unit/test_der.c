/* The DER writer against OpenSSL's encoder, the reader against tables of good and bad bytes. */
#include "der.h"
#include "scoped_openssl.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

static void
test_integers_are_openssls(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 255, 256, 32767, 32768, 0x7fffffff,
		0x80000000, INT64_MAX, UINT64_MAX };

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		SCOPED(ASN1_INTEGER) number = ASN1_INTEGER_new();
		uint8_t room[32], *expected = NULL;
		struct der d;
		int len;

		assert_true(ASN1_INTEGER_set_uint64(number, values[i]));
		len = i2d_ASN1_INTEGER(number, &expected);
		der_init(&d, room, sizeof(room));
		der_small(&d, values[i]);
		expect_bytes("integer", der_slice(&d), slice_of(expected, (size_t)len));
		OPENSSL_free(expected);
	}
}

static void
test_times_are_openssls(void **state)
{
	static const int64_t times[] = { -631152001, -631152000, -1, 0, 951782399, 951782400,
		1078012800, 1700000000, 1709164800, 2524607999, 2524608000, 4107542400,
		253402300799, -2208988800, -11644473600 };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		SCOPED(ASN1_TIME) time = ASN1_TIME_set(NULL, (time_t)times[i]);
		uint8_t room[32], *expected = NULL;
		struct der_reader r;
		struct der d;
		int64_t back;
		int len = i2d_ASN1_TIME(time, &expected);

		der_init(&d, room, sizeof(room));
		der_time(&d, times[i]);
		expect_bytes("time", der_slice(&d), slice_of(expected, (size_t)len));
		r = der_reader_of(der_slice(&d));
		assert_true(der_read_time(&r, &back));
		assert_int_equal(back, times[i]);
		assert_true(der_reader_done(&r));
		OPENSSL_free(expected);
	}
}

static void
test_every_day_reads_back(void **state)
{
	(void)state;
	for (int64_t day = -719528; day <= 2932896; day += 13) {
		int64_t time = day * 86400 + (day & 0xffff), back;
		struct der_reader r;
		uint8_t room[32];
		struct der d;

		der_init(&d, room, sizeof(room));
		der_time(&d, time);
		r = der_reader_of(der_slice(&d));
		if (!der_read_time(&r, &back) || back != time)
			fail_msg("day %lld does not read back", (long long)day);
	}
}

static void
test_times_outside_the_calendar(void **state)
{
	static const int64_t times[] = { INT64_MIN, INT64_MAX, 253402300800, -62167219201 };

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint8_t room[32];
		struct der d;

		der_init(&d, room, sizeof(room));
		der_time(&d, times[i]);
		assert_true(d.failed);
		assert_null(der_slice(&d).data);
	}
}

static void
test_lengths(void **state)
{
	static const struct {
		size_t content;
		const char *header;
		size_t header_len;
	} cases[] = {
		{ 0, "\x30\x00", 2 },
		{ 127, "\x30\x7f", 2 },
		{ 128, "\x30\x81\x80", 3 },
		{ 255, "\x30\x81\xff", 3 },
		{ 256, "\x30\x82\x01\x00", 4 },
		{ 65535, "\x30\x82\xff\xff", 4 },
		{ 65536, "\x30\x83\x01\x00\x00", 5 },
	};
	static uint8_t room[70000], content[65536];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct der_reader r;
		struct slice back;
		struct der d;

		der_init(&d, room, sizeof(room));
		der_tlv(&d, DER_SEQUENCE, slice_of(content, cases[i].content));
		assert_int_equal(der_slice(&d).len, cases[i].content + cases[i].header_len);
		assert_memory_equal(d.at, cases[i].header, cases[i].header_len);
		r = der_reader_of(der_slice(&d));
		assert_true(der_read(&r, DER_SEQUENCE, &back, NULL));
		assert_int_equal(back.len, cases[i].content);
		assert_true(der_reader_done(&r));
	}
}

static void
test_a_full_buffer_sticks(void **state)
{
	uint8_t room[4];
	struct der d;

	(void)state;
	der_init(&d, room, sizeof(room));
	der_raw(&d, SLICE_LITERAL("abc"));
	der_header(&d, DER_SEQUENCE, 3);
	assert_true(d.failed);
	der_raw(&d, SLICE_LITERAL("x"));
	der_wrap(&d, room + 4, DER_SEQUENCE);
	assert_null(der_slice(&d).data);
}

static void
test_named_bits(void **state)
{
	static const struct {
		unsigned bits;
		const char *der;
		size_t len;
	} cases[] = {
		{ 0, "\x03\x01\x00", 3 },
		{ 1, "\x03\x02\x07\x80", 4 },
		{ 1 << 7, "\x03\x02\x00\x01", 4 },
		{ 1 << 8, "\x03\x03\x07\x00\x80", 5 },
		{ 1 << 5 | 1 << 6, "\x03\x02\x01\x06", 4 },
		{ 0x1ff, "\x03\x03\x07\xff\x80", 5 },
		{ 1 | 1 << 2 | 1 << 4, "\x03\x02\x03\xa8", 4 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t room[16];
		struct der_reader r;
		unsigned back;
		struct der d;

		der_init(&d, room, sizeof(room));
		der_named_bits(&d, cases[i].bits);
		expect_bytes("named bits", der_slice(&d), slice_of(cases[i].der, cases[i].len));
		r = der_reader_of(der_slice(&d));
		assert_true(der_read_named_bits(&r, &back));
		assert_true(der_reader_done(&r));
		assert_int_equal(back, cases[i].bits);
	}
}

static void
test_reader_refuses(void **state)
{
	static const struct {
		const char *name, *der;
		size_t len;
	} cases[] = {
		{ "nothing", "", 0 },
		{ "no length", "\x30", 1 },
		{ "content cut short", "\x30\x02\x05", 3 },
		{ "indefinite length", "\x30\x80\x00\x00", 4 },
		{ "long form for a short length", "\x30\x81\x01\x00", 4 },
		{ "length with a leading zero", "\x30\x82\x00\x80", 4 },
		{ "length of five octets", "\x30\x85\x01\x00\x00\x00\x00", 7 },
		{ "length over the end", "\x30\x84\xff\xff\xff\xff\x00", 7 },
		{ "length cut short", "\x30\x82\x01", 3 },
		{ "tag of two octets", "\x3f\x21\x00", 3 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct der_reader r = der_reader_of(slice_of(cases[i].der, cases[i].len));

		if (der_read_any(&r, NULL, NULL, NULL))
			fail_msg("%s: was read", cases[i].name);
		assert_ptr_equal(r.at, cases[i].der);
	}
}

static void
test_values_refused(void **state)
{
	static const struct {
		const char *name, *der;
		size_t len;
	} integers[] = {
		{ "zero", "\x02\x01\x00", 3 },
		{ "negative", "\x02\x01\x80", 3 },
		{ "empty", "\x02\x00", 2 },
		{ "not minimal", "\x02\x02\x00\x7f", 4 },
	}, times[] = {
		{ "no seconds", "\x17\x0b" "2301010000Z", 13 },
		{ "an offset", "\x17\x11" "230101000000+0100", 19 },
		{ "30 February", "\x17\x0d" "230230000000Z", 15 },
		{ "29 February 2023", "\x17\x0d" "230229000000Z", 15 },
		{ "month 13", "\x17\x0d" "231301000000Z", 15 },
		{ "month 0", "\x17\x0d" "230001000000Z", 15 },
		{ "hour 24", "\x17\x0d" "230101240000Z", 15 },
		{ "second 60", "\x17\x0d" "230101000060Z", 15 },
		{ "a fraction", "\x18\x11" "20230101000000.1Z", 19 },
		{ "an octet string", "\x04\x0d" "230101000000Z", 15 },
		{ "a letter", "\x17\x0d" "23010100000aZ", 15 },
	}, bools[] = {
		{ "one", "\x01\x01\x01", 3 },
		{ "two octets", "\x01\x02\xff\xff", 4 },
	}, bits[] = {
		{ "unused bits", "\x03\x02\x01\x80", 4 },
		{ "empty", "\x03\x00", 2 },
	}, named[] = {
		{ "empty", "\x03\x00", 2 },
		{ "unused bits of nothing", "\x03\x01\x01", 3 },
		{ "a zero bit behind", "\x03\x02\x00\xa0", 4 },
		{ "a zero octet behind", "\x03\x03\x00\xa1\x00", 5 },
		{ "an unused bit that is set", "\x03\x02\x06\xa0", 4 },
		{ "eight unused bits", "\x03\x02\x08\x80", 4 },
		{ "over 32", "\x03\x06\x00\xff\xff\xff\xff\x01", 8 },
		{ "an octet string", "\x04\x02\x05\xa0", 4 },
	}, oids[] = {
		{ "empty", "\x06\x00", 2 },
		{ "a first arc that is padded", "\x06\x02\x80\x2a", 4 },
		{ "an arc that is padded", "\x06\x04\x2a\x03\x80\x01", 6 },
		{ "an arc without an end", "\x06\x03\x2a\x03\x84", 5 },
		{ "an integer", "\x02\x01\x2a", 3 },
	};
	unsigned set;
	struct slice octets;
	int64_t time;
	bool flag;

	(void)state;
#define REFUSED(table, call) \
	for (size_t i = 0; i < sizeof(table) / sizeof((table)[0]); i++) { \
		struct der_reader r = der_reader_of(slice_of((table)[i].der, (table)[i].len)); \
		if (call) \
			fail_msg(#table ": %s was read", (table)[i].name); \
	}
	REFUSED(integers, der_read_unsigned(&r, &octets));
	REFUSED(times, der_read_time(&r, &time));
	REFUSED(bools, der_read_bool(&r, &flag));
	REFUSED(bits, der_read_bit_string(&r, &octets));
	REFUSED(named, der_read_named_bits(&r, &set));
	REFUSED(oids, der_read_oid(&r, &octets));
}

static void
test_optional(void **state)
{
	struct der_reader r = der_reader_of(SLICE_LITERAL("\x02\x01\x05"));
	struct slice content;

	(void)state;
	assert_true(der_read_optional(&r, DER_BOOLEAN, &content));
	assert_null(content.data);
	assert_true(der_read_optional(&r, DER_INTEGER, &content));
	assert_int_equal(content.len, 1);
	assert_true(der_read_optional(&r, DER_INTEGER, &content));
	assert_null(content.data);
	r = der_reader_of(SLICE_LITERAL("\x02\x05\x05"));
	assert_false(der_read_optional(&r, DER_INTEGER, &content));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers_are_openssls),
		cmocka_unit_test(test_times_are_openssls),
		cmocka_unit_test(test_every_day_reads_back),
		cmocka_unit_test(test_times_outside_the_calendar),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_a_full_buffer_sticks),
		cmocka_unit_test(test_named_bits),
		cmocka_unit_test(test_reader_refuses),
		cmocka_unit_test(test_values_refused),
		cmocka_unit_test(test_optional),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
