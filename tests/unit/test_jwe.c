/* The JWE half of seal.h. */
#include "concat_kdf.h"
#include "encode.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Bob's key of RFC 8037 A.6 and RFC 7748 6.1. */
#define BOB   "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_X "3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"
#define CLEAR SLICE_LITERAL("a key that travels")

struct fixture {
	EVP_PKEY *bob;
	uint8_t x[32];
	struct buf token, out;
};

static int
setup(void **state)
{
	static struct fixture f;
	uint8_t bytes[32];
	size_t len;

	assert_true(hex_parse(SLICE_LITERAL(BOB), bytes, sizeof(bytes), &len));
	f.bob = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, bytes, len);
	assert_non_null(f.bob);
	assert_int_equal(EVP_PKEY_get_raw_public_key(f.bob, f.x, &len), 1);
	buf_init(&f.token, 20000);
	buf_init_secret(&f.out, 10000);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	EVP_PKEY_free(f->bob);
	buf_done(&f->token);
	buf_done(&f->out);
	return 0;
}

/* RFC 7518 appendix C. */
static void
concat_kdf_vector(void **state)
{
	static const uint8_t z[] = { 158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191,
		132, 38, 156, 251, 49, 110, 163, 218, 128, 106, 72, 246, 218, 167, 121, 140, 254,
		144, 196 };
	struct fixture *f = *state;
	uint8_t key[16];

	concat_kdf(slice_of(z, sizeof(z)), "A128GCM", SLICE_LITERAL("Alice"), SLICE_LITERAL("Bob"),
	    key, sizeof(key));
	base64url_add(&f->out, slice_of(key, sizeof(key)));
	assert_true(slice_is(buf_slice(&f->out), "VqqN6vgjbSBcIijNcacQGg"));
}

/* Made by jwcrypto 1.5 for Bob's key: one plain, one with apu, apv, kid, cty and typ. */
static void
jwe_opens_anothers_tokens(void **state)
{
	static const char *const tokens[] = {
		"eyJhbGciOiJFQ0RILUVTIiwiZW5jIjoiQTI1NkdDTSIsImVwayI6eyJjcnYiOiJYMjU1MTkiLCJrdHkiOiJPS1AiLCJ4IjoiNFJid0cySy00SzU4enBISTRfOHZ"
		"ZQzZOc285SVpyWVVRR1BYV3pmSWdocyJ9fQ..SMr_ASjDit7XBl2f.pSv-ZgmBRAJy5G84sPbE1w_Z.wEsfDjGzHMMfJ7Rl6rT6Wg",
		"eyJhbGciOiJFQ0RILUVTIiwiYXB1IjoiUVd4cFkyVSIsImFwdiI6IlFtOWkiLCJjdHkiOiJ0ZXh0L3BsYWluIiwiZW5jIjoiQTI1NkdDTSIsImVwayI6eyJjcnY"
		"iOiJYMjU1MTkiLCJrdHkiOiJPS1AiLCJ4Ijoicy01TWk1OWRkU1VGSjJVV1h4THd4OFFRdk9Ob2pwd3g1LTNfZGstbUlUWSJ9LCJraWQiOiJCb2IiLCJ0eXAiOi"
		"JKV0UifQ..gFhE5rBE5OWaMGJ6.EAslE6ZQml0BVRKwgHvao5lJ.Wzg18vCz_zwN3Z5Ydd3dLQ",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		struct err e;

		buf_clear(&f->out);
		assert_true(jwe_is(slice_text(tokens[i])));
		if (!jwe_open(f->bob, slice_text(tokens[i]), &f->out, &e))
			fail_msg("token %zu: expected the text, came %s", i, e.msg);
		assert_true(slice_eq(buf_slice(&f->out), CLEAR));
	}
}

static void
jwe_opens_what_it_sealed(void **state)
{
	struct fixture *f = *state;
	struct slice kids[] = { SLICE_NONE, SLICE_LITERAL(""),
		SLICE_LITERAL("a\"\\\n kid \xc3\xa9") };
	struct err e;

	for (size_t len = 0; len < 2000; len += 143) {
		uint8_t clear[2000];

		memset(clear, (int)len + 1, len);
		buf_clear(&f->token);
		buf_clear(&f->out);
		assert_true(jwe_seal(
		    slice_of(f->x, 32), kids[len % 3], slice_of(clear, len), &f->token, &e));
		assert_true(jwe_is(buf_slice(&f->token)));
		if (!jwe_open(f->bob, buf_slice(&f->token), &f->out, &e))
			fail_msg("%zu bytes: expected the text, came %s", len, e.msg);
		assert_true(slice_eq(buf_slice(&f->out), slice_of(clear, len)));
	}
}

static void
expect_refused(
    struct fixture *f, const char *name, EVP_PKEY *key, struct slice token, const char *why)
{
	struct err e = { 0 };

	buf_clear(&f->out);
	if (jwe_open(key, token, &f->out, &e) || e.code != ERR_SEAL_INVALID ||
	    strstr(e.msg, why) == NULL)
		fail_msg("%s: expected seal_invalid with \"%s\", came %s \"%s\"", name, why,
		    err_name(e.code), e.msg);
	if (f->out.len != 0)
		fail_msg("%s: something was written", name);
}

/* Any other character anywhere, any cut and any addition. */
static void
jwe_refuses_changes(void **state)
{
	struct fixture *f = *state;
	char name[32];
	struct err e;

	assert_true(jwe_seal(slice_of(f->x, 32), SLICE_NONE, CLEAR, &f->token, &e));
	for (size_t i = 0; i < f->token.len; i++) {
		uint8_t was = f->token.data[i];

		snprintf(name, sizeof(name), "character %zu", i);
		f->token.data[i] = was == 'A' ? 'B' : 'A';
		expect_refused(f, name, f->bob, buf_slice(&f->token), "");
		f->token.data[i] = was == '_' ? '-' : '_';
		expect_refused(f, name, f->bob, buf_slice(&f->token), "");
		f->token.data[i] = was;
		snprintf(name, sizeof(name), "%zu characters", i);
		expect_refused(f, name, f->bob, slice_of(f->token.data, i), "");
	}
	buf_add_text(&f->token, "A");
	expect_refused(f, "a character more", f->bob, buf_slice(&f->token), "");
	expect_refused(f, "absent", f->bob, SLICE_NONE, "five parts");
}

static void
jwe_needs_the_right_key(void **state)
{
	struct fixture *f = *state;
	SCOPED(EVP_PKEY) eve = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct err e;

	assert_true(jwe_seal(slice_of(f->x, 32), SLICE_NONE, CLEAR, &f->token, &e));
	expect_refused(f, "Eve's key", eve, buf_slice(&f->token), "does not open");
}

#define GOOD_EPK "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" BOB_X "\"}"
#define GOOD     "\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":" GOOD_EPK

/* Under a header that is taken, the text (which nobody sealed) "does not open"; the others are refused before. */
static void
jwe_header_table(void **state)
{
	static const struct {
		const char *name, *header, *want;
	} cases[] = {
		{ "good", "{" GOOD "}", "does not open" },
		{ "good, with all that may be",
		    "{" GOOD
		    ",\"kid\":\"k\",\"cty\":\"c\",\"typ\":\"t\",\"apu\":\"QQ\",\"apv\":\"\"}",
		    "does not open" },
		{ "white space", " { " GOOD " } ", "does not open" },
		{ "zip", "{" GOOD ",\"zip\":\"DEF\"}", "holds more" },
		{ "crit", "{" GOOD ",\"crit\":[\"exp\"]}", "holds more" },
		{ "b64", "{" GOOD ",\"b64\":false}", "holds more" },
		{ "jwk", "{" GOOD ",\"jwk\":{}}", "holds more" },
		{ "unknown", "{" GOOD ",\"x\":\"y\"}", "holds more" },
		{ "kid no text", "{" GOOD ",\"kid\":7}", "holds more" },
		{ "apu no text", "{" GOOD ",\"apu\":null}", "holds more" },
		{ "alg twice", "{\"alg\":\"dir\"," GOOD "}", "no JSON object" },
		{ "kid twice", "{" GOOD ",\"kid\":\"a\",\"kid\":\"a\"}", "no JSON object" },
		{ "epk's x twice",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\",\"x\":\"" BOB_X
		    "\"}}",
		    "no JSON object" },
		{ "a second object", "{" GOOD "}{}", "no JSON object" },
		{ "an array", "[{" GOOD "}]", "no JSON object" },
		{ "not whole", "{" GOOD, "no JSON object" },
		{ "empty", "", "no JSON object" },
		{ "no alg", "{\"enc\":\"A256GCM\",\"epk\":" GOOD_EPK "}", "alg is not" },
		{ "dir", "{\"alg\":\"dir\",\"enc\":\"A256GCM\",\"epk\":" GOOD_EPK "}",
		    "alg is not" },
		{ "key wrap",
		    "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\",\"epk\":" GOOD_EPK "}",
		    "alg is not" },
		{ "lower case", "{\"alg\":\"ecdh-es\",\"enc\":\"A256GCM\",\"epk\":" GOOD_EPK "}",
		    "alg is not" },
		{ "no enc", "{\"alg\":\"ECDH-ES\",\"epk\":" GOOD_EPK "}", "alg is not" },
		{ "A128GCM", "{\"alg\":\"ECDH-ES\",\"enc\":\"A128GCM\",\"epk\":" GOOD_EPK "}",
		    "alg is not" },
		{ "no epk", "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\"}", "epk is no" },
		{ "epk a text", "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":\"x\"}",
		    "epk is no" },
		{ "epk of a curve",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" BOB_X
		    "\"}}",
		    "epk is no" },
		{ "epk X448",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X448\",\"x\":\"" BOB_X
		    "\"}}",
		    "epk is no" },
		{ "epk private",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" BOB_X
		    "\",\"d\":\"AA\"}}",
		    "epk is no" },
		{ "no x",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"}}",
		    "no X25519 key" },
		{ "x a number",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":1}}",
		    "epk is no" },
		{ "x short",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA\"}}",
		    "no X25519 key" },
		{ "x long",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AAAA" BOB_X
		    "\"}}",
		    "too long" },
		{ "x padded",
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" BOB_X
		    "=\"}}",
		    "no base64url" },
		{ "apu no base64url", "{" GOOD ",\"apu\":\"!\"}", "no base64url" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&f->token);
		base64url_add(&f->token, slice_text(cases[i].header));
		buf_add_text(&f->token, "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA");
		expect_refused(f, cases[i].name, f->bob, buf_slice(&f->token), cases[i].want);
	}
}

static void
jwe_body_table(void **state)
{
	static const struct {
		const char *name, *body, *want;
	} cases[] = {
		{ "as it should be", "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		    "does not open" },
		{ "no text", "..AAAAAAAAAAAAAAAA..AAAAAAAAAAAAAAAAAAAAAA", "does not open" },
		{ "an encrypted key", ".AAAA.AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA",
		    "second is empty" },
		{ "short nonce", "..AAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", "nonce" },
		{ "long nonce", "..AAAAAAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", "nonce" },
		{ "short tag", "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAA", "nonce" },
		{ "no tag", "..AAAAAAAAAAAAAAAA.AAAA.", "nonce" },
		{ "text no base64url", "..AAAAAAAAAAAAAAAA.AA+A.AAAAAAAAAAAAAAAAAAAAAA", "nonce" },
		{ "four parts", ".AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA", "five parts" },
		{ "six parts", "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA.", "five parts" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&f->token);
		base64url_add(&f->token, SLICE_LITERAL("{" GOOD "}"));
		buf_add_text(&f->token, cases[i].body);
		expect_refused(f, cases[i].name, f->bob, buf_slice(&f->token), cases[i].want);
	}
}

/* Each point whose shared secret is zero, whoever has the other key; and with the bit that X25519 ignores. */
static void
jwe_refuses_points_of_low_order(void **state)
{
	static const char *const points[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2 * sizeof(points) / sizeof(points[0]); i++) {
		const char *name = points[i / 2];
		struct buf SCOPED_BUF header = { 0 };
		uint8_t x[32];
		struct err e = { 0 };
		size_t len;

		assert_true(hex_parse(slice_text(name), x, sizeof(x), &len));
		x[31] |= i % 2 == 0 ? 0 : 0x80;
		buf_clear(&f->token);
		if (jwe_seal(slice_of(x, 32), SLICE_NONE, CLEAR, &f->token, &e) ||
		    e.code != ERR_SEAL_INVALID)
			fail_msg("sealing to %s: expected seal_invalid, came %s", name,
			    err_name(e.code));
		assert_int_equal(f->token.len, 0);
		buf_init(&header, 1000);
		buf_add_text(&header,
		    "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\",\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"");
		base64url_add(&header, slice_of(x, 32));
		buf_add_text(&header, "\"}}");
		base64url_add(&f->token, buf_slice(&header));
		buf_add_text(&f->token, "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA");
		expect_refused(f, name, f->bob, buf_slice(&f->token), "low order");
	}
}

static void
jwe_seal_refuses(void **state)
{
	struct fixture *f = *state;
	struct buf SCOPED_BUF small = { 0 };
	static uint8_t big[4000];
	struct err e;

	assert_false(jwe_seal(slice_of(f->x, 31), SLICE_NONE, CLEAR, &f->token, &e));
	assert_int_equal(e.code, ERR_SEAL_INVALID);
	assert_false(jwe_seal(SLICE_NONE, SLICE_NONE, CLEAR, &f->token, &e));
	assert_int_equal(e.code, ERR_SEAL_INVALID);
	assert_false(jwe_seal(slice_of(f->x, 32), SLICE_LITERAL("\xff"), CLEAR, &f->token, &e));
	assert_int_equal(e.code, ERR_SEAL_INVALID);
	memset(big, 'k', sizeof(big));
	assert_false(
	    jwe_seal(slice_of(f->x, 32), slice_of(big, sizeof(big)), CLEAR, &f->token, &e));
	assert_int_equal(e.code, ERR_SEAL_INVALID);
	assert_int_equal(f->token.len, 0);
	buf_init(&small, 200);
	assert_false(jwe_seal(slice_of(f->x, 32), SLICE_NONE, CLEAR, &small, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
}

static void
jwe_is_table(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "e30....", true },
		{ "e30.AA.AA.AA.AA", true },
		{ "e30...", false },
		{ "e30.....", false },
		{ "....", false },
		{ "W10....", false },
		{ "e3....", false },
		{ "e30..!..", false },
		{ "e30 ....", false },
		{ "-----BEGIN PRIVATE KEY-----\nMC4=\n-----END PRIVATE KEY-----\n", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (jwe_is(slice_text(cases[i].text)) != cases[i].want)
			fail_msg("\"%s\": expected %s", cases[i].text,
			    cases[i].want ? "a JWE" : "no JWE");
}

/* The thumbprint is jwcrypto's. */
static void
jwk_has_its_form(void **state)
{
	struct fixture *f = *state;

	jwk_add(&f->token, f->bob, false);
	assert_true(slice_is(buf_slice(&f->token), GOOD_EPK));
	buf_clear(&f->token);
	jwk_add(&f->token, f->bob, true);
	assert_true(slice_is(buf_slice(&f->token),
	    "{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" BOB_X
	    "\",\"kid\":\"giQqigT_IKcuzHl0FVJ3k5ts3_TWNAxvsC08UZsfcM8\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(concat_kdf_vector),
		TEST(jwe_opens_anothers_tokens),
		TEST(jwe_opens_what_it_sealed),
		TEST(jwe_refuses_changes),
		TEST(jwe_needs_the_right_key),
		TEST(jwe_header_table),
		TEST(jwe_body_table),
		TEST(jwe_refuses_points_of_low_order),
		TEST(jwe_seal_refuses),
		TEST(jwe_is_table),
		TEST(jwk_has_its_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
