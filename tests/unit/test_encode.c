#include "encode.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUND_MAX 300

static void
expect_slice(const char *name, struct slice want, struct slice came)
{
	if (!slice_eq(want, came))
		fail_msg(
		    "%s: expected \"%.*s\", came \"%.*s\"", name, SLICE_FMT(want), SLICE_FMT(came));
}

static void
hex_writes(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init(&b, 100);
	hex_add(&b, SLICE_LITERAL("\x00\x9f\xa0\xff"), 0);
	buf_add_byte(&b, ' ');
	hex_add(&b, SLICE_LITERAL("\x0a\xbc"), ':');
	buf_add_byte(&b, ' ');
	hex_add(&b, SLICE_LITERAL("\x01"), '-');
	hex_add(&b, SLICE_NONE, ':');
	expect_slice("hex", SLICE_LITERAL("009fa0ff 0a:bc 01"), buf_slice(&b));
	buf_done(&b);
	buf_init(&b, 3);
	hex_add(&b, SLICE_LITERAL("ab"), 0);
	assert_true(b.failed);
}

static void
hex_reads(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "00", "\x00" },
		{ "09afAF", "\x09\xaf\xaf" },
		{ "01:02:ff", "\x01\x02\xff" },
		{ "01-02-FF", "\x01\x02\xff" },
		{ "0102030405060708", "\x01\x02\x03\x04\x05\x06\x07\x08" },
		{ "01:02:03:04:05:06:07:08", "\x01\x02\x03\x04\x05\x06\x07\x08" },
		{ "", NULL },
		{ "0", NULL },
		{ "012", NULL },
		{ "01:", NULL },
		{ ":01", NULL },
		{ "01:02-03", NULL },
		{ "01:0203", NULL },
		{ "0102:03", NULL },
		{ "01::02", NULL },
		{ "01 02", NULL },
		{ "0g", NULL },
		{ "0x01", NULL },
		{ "01\n", NULL },
		{ "010203040506070809", NULL },
		{ "01:02:03:04:05:06:07:08:09", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint8_t came[8];
		size_t len = 0;
		bool done = hex_parse(slice_text(cases[i].text), came, sizeof(came), &len);
		size_t octets = 0;

		for (const char *c = cases[i].text; *c != '\0'; c++)
			octets += *c != ':' && *c != '-';
		if (done != (cases[i].want != NULL))
			fail_msg("\"%s\": expected %s", cases[i].text,
			    cases[i].want != NULL ? "octets" : "a refusal");
		if (!done)
			continue;
		assert_int_equal(len, octets / 2);
		assert_memory_equal(came, cases[i].want, len);
	}
}

/* RFC 4648 section 10, and what must be refused. */
static const struct {
	const char *bytes, *text, *url; /* bytes NULL: the text is refused */
} base64_cases[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/", "-_-_" },
	{ NULL, "Z", "Z" },
	{ NULL, "Zg", "Zg==" },
	{ NULL, "Zg=", "Zg=" },
	{ NULL, "Z===", "Zm9vY" },
	{ NULL, "====", "=" },
	{ NULL, "Zh==", "Zh" },
	{ NULL, "Zm9=", "Zm9" },
	{ NULL, "Zg==Zg==", "Zg.Zg" },
	{ NULL, "Zm9v\n", "Zm9v\n" },
	{ NULL, " Zm9v", "Zm 9v" },
	{ NULL, "Zm=v", "Zm=v" },
	{ NULL, "-_-_", "+/+/" },
	{ NULL, "Zm9\xc3", "Zm9\x80" },
};

static void
base64_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(base64_cases) / sizeof(base64_cases[0]); i++) {
		struct slice text = slice_text(base64_cases[i].text),
			     url = slice_text(base64_cases[i].url);
		struct slice bytes = slice_text(base64_cases[i].bytes);
		struct buf SCOPED_BUF b = { 0 };

		buf_init(&b, 100);
		if (base64_parse(text, &b) != (bytes.data != NULL))
			fail_msg("\"%s\": expected %s", base64_cases[i].text,
			    bytes.data != NULL ? "bytes" : "a refusal");
		expect_slice(base64_cases[i].text, bytes, buf_slice(&b));
		buf_clear(&b);
		if (base64url_parse(url, &b) != (bytes.data != NULL))
			fail_msg("url \"%s\": expected %s", base64_cases[i].url,
			    bytes.data != NULL ? "bytes" : "a refusal");
		expect_slice(base64_cases[i].url, bytes, buf_slice(&b));
		if (bytes.data == NULL)
			continue;
		buf_clear(&b);
		base64_add(&b, bytes);
		expect_slice(base64_cases[i].text, text, buf_slice(&b));
		buf_clear(&b);
		base64url_add(&b, bytes);
		expect_slice(base64_cases[i].url, url, buf_slice(&b));
	}
}

static void
fill(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 167 + len * 31);
}

/* Each length against OpenSSL, and back. The buffers are exactly large enough. */
static void
base64_as_openssl(void **state)
{
	(void)state;
	for (size_t len = 0; len < ROUND_MAX; len++) {
		uint8_t bytes[ROUND_MAX], want[ROUND_MAX * 2];
		struct buf SCOPED_BUF text = { 0 };
		struct buf SCOPED_BUF back = { 0 };

		fill(bytes, len);
		buf_init(&text, (len + 2) / 3 * 4);
		buf_init(&back, len);
		base64_add(&text, slice_of(bytes, len));
		assert_false(text.failed);
		expect_slice("encoded",
		    slice_of(want, (size_t)EVP_EncodeBlock(want, bytes, (int)len)),
		    buf_slice(&text));
		assert_true(base64_parse(buf_slice(&text), &back));
		assert_true(slice_eq(buf_slice(&back), slice_of(bytes, len)));
		buf_clear(&text);
		buf_clear(&back);
		base64url_add(&text, slice_of(bytes, len));
		assert_true(base64url_parse(buf_slice(&text), &back));
		assert_true(slice_eq(buf_slice(&back), slice_of(bytes, len)));
	}
}

static void
base64_respects_maximum(void **state)
{
	struct buf SCOPED_BUF b = { 0 };

	(void)state;
	buf_init(&b, 7);
	base64_add(&b, SLICE_LITERAL("abcd"));
	assert_true(b.failed);
	assert_int_equal(b.len, 0);
	buf_clear(&b);
	assert_false(base64_parse(SLICE_LITERAL("AAAAAAAAAAAA"), &b));
	assert_int_equal(b.len, 0);
}

/* Each length against PEM_write_bio, and back. */
static void
pem_as_openssl(void **state)
{
	(void)state;
	for (size_t len = 1; len < ROUND_MAX; len++) {
		uint8_t bytes[ROUND_MAX];
		struct arena SCOPED_ARENA a = { 0 };
		struct buf SCOPED_BUF pem = { 0 };
		struct slice label, der, text;
		struct err e;
		BIO *bio = BIO_new(BIO_s_mem());
		char *want;
		long want_len;

		fill(bytes, len);
		assert_true(PEM_write_bio(bio, "X509 CRL", "", bytes, (long)len) > 0);
		want_len = BIO_get_mem_data(bio, &want);
		buf_init(&pem, 1000);
		pem_add(&pem, "X509 CRL", slice_of(bytes, len));
		expect_slice("PEM", slice_of(want, (size_t)want_len), buf_slice(&pem));
		BIO_free(bio);
		text = buf_slice(&pem);
		if (!pem_next(&text, &a, &label, &der, &e))
			fail_msg("%zu bytes: expected a block, came %s", len, e.msg);
		assert_true(slice_is(label, "X509 CRL"));
		assert_true(slice_eq(der, slice_of(bytes, len)));
		assert_int_equal(text.len, 0);
		assert_false(pem_next(&text, &a, &label, &der, &e));
		assert_int_equal(e.code, ERR_NONE);
	}
}

/* Labels and contents of the blocks in a text, as "label=content;", and "!" where it is broken. */
static void
pem_table(void **state)
{
	static const struct {
		const char *name, *text, *want;
	} cases[] = {
		{ "nothing", "", "" },
		{ "only text", "hello\nworld\n", "" },
		{ "one", "-----BEGIN A-----\nZm9v\n-----END A-----\n", "A=foo;" },
		{ "no last line end", "-----BEGIN A-----\nZm9v\n-----END A-----", "A=foo;" },
		{ "CRLF", "-----BEGIN A-----\r\nZm9v\r\n-----END A-----\r\n", "A=foo;" },
		{ "white space", "-----BEGIN A----- \t\n Zm\t9v \n\n-----END A----- \n", "A=foo;" },
		{ "uneven lines", "-----BEGIN A-----\nZ\nm9vYm\nFy\n-----END A-----\n",
		    "A=foobar;" },
		{ "two words",
		    "-----BEGIN EC PRIVATE KEY-----\nZg==\n-----END EC PRIVATE KEY-----\n",
		    "EC PRIVATE KEY=f;" },
		{ "text around",
		    "subject=x\n-----BEGIN A-----\nZm9v\n-----END A-----\nissuer\n-----BEGIN B-----\nZm8=\n-----END B-----\nbye",
		    "A=foo;B=fo;" },
		{ "a stray end", "-----END A-----\n-----BEGIN A-----\nZm9v\n-----END A-----\n",
		    "A=foo;" },
		{ "not at the line's start", "x-----BEGIN A-----\nZm9v\n-----END A-----\n", "" },
		{ "no end", "-----BEGIN A-----\nZm9v\n", "!" },
		{ "cut in the end", "-----BEGIN A-----\nZm9v\n-----END A----", "!" },
		{ "other end", "-----BEGIN A-----\nZm9v\n-----END B-----\n", "!" },
		{ "begin in a block",
		    "-----BEGIN A-----\nZm9v\n-----BEGIN A-----\nZm9v\n-----END A-----\n", "!" },
		{ "empty", "-----BEGIN A-----\n-----END A-----\n", "!" },
		{ "headers", "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\n\nZm9v\n-----END A-----\n",
		    "!" },
		{ "padding inside", "-----BEGIN A-----\nZg==\nZg==\n-----END A-----\n", "!" },
		{ "no base64", "-----BEGIN A-----\nZm9*\n-----END A-----\n", "!" },
		{ "good, then broken",
		    "-----BEGIN A-----\nZm9v\n-----END A-----\n-----BEGIN B-----\n", "A=foo;!" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct buf SCOPED_BUF came = { 0 };
		struct slice text = slice_text(cases[i].text), label, der;
		struct err e;

		buf_init(&came, 1000);
		while (pem_next(&text, &a, &label, &der, &e))
			buf_printf(&came, "%.*s=%.*s;", SLICE_FMT(label), SLICE_FMT(der));
		if (e.code != ERR_NONE)
			buf_add_text(&came, "!");
		assert_true(e.code == ERR_NONE || e.code == ERR_MALFORMED);
		expect_slice(cases[i].name, slice_text(cases[i].want), buf_slice(&came));
	}
}

static void
pem_in_two_steps(void **state)
{
	struct slice text = SLICE_LITERAL("-----BEGIN A-----\nZm9v\nYmFy\n-----END A-----\nrest"),
		     label, body;
	struct buf SCOPED_BUF out = { 0 };
	struct err e;

	(void)state;
	assert_true(pem_find(&text, &label, &body, &e));
	assert_true(slice_is(label, "A"));
	assert_true(slice_is(body, "Zm9v\nYmFy\n"));
	assert_true(slice_is(text, "rest"));
	buf_init_secret(&out, 7);
	buf_add_text(&out, "x");
	assert_true(pem_decode(body, &out));
	expect_slice("appended", SLICE_LITERAL("xfoobar"), buf_slice(&out));
	assert_false(pem_decode(body, &out));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex_writes),
		cmocka_unit_test(hex_reads),
		cmocka_unit_test(base64_table),
		cmocka_unit_test(base64_as_openssl),
		cmocka_unit_test(base64_respects_maximum),
		cmocka_unit_test(pem_as_openssl),
		cmocka_unit_test(pem_table),
		cmocka_unit_test(pem_in_two_steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
