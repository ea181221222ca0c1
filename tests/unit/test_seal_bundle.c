#include "seal_bundle.h"

#include "encode.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "notation.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define CERT  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define EC    "-----BEGIN EC PRIVATE KEY-----\nBBBB\n-----END EC PRIVATE KEY-----"
#define PKCS8 "-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----"

static EVP_PKEY *fleet;
static struct jwk_body jwk;
static char jwk_x[64];

static int
fleet_make(void **state)
{
	struct buf SCOPED_BUF text = { 0 };
	uint8_t x[32];
	size_t len = sizeof(x);

	(void)state;
	fleet = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	assert_non_null(fleet);
	assert_int_equal(EVP_PKEY_get_raw_public_key(fleet, x, &len), 1);
	buf_init(&text, sizeof(jwk_x));
	base64url_add(&text, slice_of(x, sizeof(x)));
	memcpy(jwk_x, text.data, text.len);
	jwk = (struct jwk_body){ .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("X25519"),
		.x = slice_of(jwk_x, text.len),
		.kid = SLICE_LITERAL("fleet-1") };
	return 0;
}

static int
fleet_free(void **state)
{
	(void)state;
	EVP_PKEY_free(fleet);
	return 0;
}

/* In `want` every ~ is a line with a token, which opens to the keys in turn. */
static const struct {
	const char *name, *bundle, *want;
	const char *keys[2];
} goods[] = {
	/* clang-format off */
	{ "certificate first", CERT EC "\n", CERT "~\n", { EC "\n" } },
	{ "key first", PKCS8 "\n" CERT, "~\n" CERT, { PKCS8 "\n" } },
	{ "no newline at the end", CERT PKCS8, CERT "~\n", { PKCS8 "\n" } },
	{ "carriage returns", "x\r\n" PKCS8 "\r\n" CERT, "x\r\n~\r\n" CERT, { PKCS8 "\n" } },
	{ "text before it on the line", "key: " PKCS8 "\n", "key: \n~\n", { PKCS8 "\n" } },
	{ "two keys", EC "\n" CERT PKCS8 "\n", "~\n" CERT "~\n", { EC "\n", PKCS8 "\n" } },
	{ "parameters stay", "-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n" EC "\n",
	    "-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n~\n", { EC "\n" } },
	{ "no key", CERT CERT, CERT CERT, { NULL } },
	{ "empty", "", "", { NULL } },
	/* clang-format on */
};

static void
token_opens(const char *name, struct slice token, const char *key)
{
	struct buf SCOPED_BUF clear = { 0 };
	struct err e = { 0 };

	buf_init_secret(&clear, 4096);
	if (!jwe_open(fleet, token, &clear, &e))
		fail_msg("%s: %s", name, e.msg);
	expect_bytes(name, buf_slice(&clear), slice_text(key));
}

static struct slice
line_at(struct slice text)
{
	size_t len = 0;

	while (len < text.len && text.data[len] != '\n' && text.data[len] != '\r')
		len++;
	return slice_of(text.data, len);
}

static void
sealed_is(const char *name, struct slice sealed, const char *want, const char *const *keys)
{
	size_t key = 0;

	for (const char *at = want; *at != '\0'; at++) {
		if (*at == '~') {
			struct slice token = line_at(sealed);

			token_opens(name, token, keys[key++]);
			sealed = slice_of(sealed.data + token.len, sealed.len - token.len);
			continue;
		}
		if (sealed.len == 0 || sealed.data[0] != (uint8_t)*at)
			fail_msg("%s: expected \"%s\", came \"%.*s\"", name, at, SLICE_FMT(sealed));
		sealed = slice_of(sealed.data + 1, sealed.len - 1);
	}
	if (sealed.len > 0)
		fail_msg("%s: behind the end: \"%.*s\"", name, SLICE_FMT(sealed));
}

static void
keys_are_sealed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(goods); i++) {
		struct buf SCOPED_BUF out = { 0 };
		struct err e = { 0 };

		if (bundle_has_key(slice_text(goods[i].bundle)) != (goods[i].keys[0] != NULL))
			fail_msg("%s: bundle_has_key", goods[i].name);
		buf_init_secret(&out, 65536);
		if (!bundle_seal(slice_text(goods[i].bundle), &jwk, &out, &e))
			fail_msg("%s: %s", goods[i].name, e.msg);
		if (memmem(out.data, out.len, "PRIVATE", 7) != NULL)
			fail_msg("%s: a key stayed", goods[i].name);
		sealed_is(goods[i].name, buf_slice(&out), goods[i].want, goods[i].keys);
	}
}

static const struct {
	const char *bundle, *words;
} bads[] = {
	{ "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
	    "passphrase" },
	{ "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----\n",
	    "passphrase" },
	{ CERT "-----BEGIN PRIVATE KEY-----\nAAAA\n", "no end line" },
	{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n", "no end line" },
};

static void
bad_bundles_are_not_sent(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bads); i++) {
		struct buf SCOPED_BUF out = { 0 };
		struct err e = { 0 };

		assert_true(bundle_has_key(slice_text(bads[i].bundle)));
		buf_init_secret(&out, 65536);
		if (bundle_seal(slice_text(bads[i].bundle), &jwk, &out, &e))
			fail_msg("sealed: %s", bads[i].bundle);
		if (e.code != ERR_SEAL_INVALID || strstr(e.msg, bads[i].words) == NULL)
			fail_msg("expected \"%s\", came \"%s\" for %s", bads[i].words, e.msg,
			    bads[i].bundle);
	}
}

static const struct {
	const char *list;
	bool good;
} lists[] = {
	/* clang-format off */
	{ "{'mounts' [], 'seal_key' {'kty' 'OKP', 'crv' 'X25519', 'x' 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA', 'kid' 'k'}}", true },
	{ "{'mounts' []}", false },
	{ "{'mounts' [], 'seal_key' {'kty' 'RSA', 'crv' 'X25519', 'x' 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}}", false },
	{ "{'mounts' [], 'seal_key' {'kty' 'OKP', 'crv' 'P-256', 'x' 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA'}}", false },
	/* clang-format on */
};

static void
the_fleets_key_is_read(void **state)
{
	struct buf SCOPED_BUF bytes = { 0 };

	(void)state;
	buf_init(&bytes, 4096);
	for (size_t i = 0; i < COUNT(lists); i++) {
		struct arena SCOPED_ARENA a = { 0 };
		struct jwk_body key;
		struct err e = { 0 };

		if (seal_key_read(notation_pack(&bytes, lists[i].list), &a, &key, &e) !=
		    lists[i].good)
			fail_msg("%s: %s", lists[i].list, lists[i].good ? e.msg : "was taken");
	}
}

/* A key that is none: nothing is sealed to it, and nothing goes out. */
static void
a_broken_fleet_key_seals_nothing(void **state)
{
	static const char *const xs[] = { "AAAA", "!!",
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* all zero */ };

	(void)state;
	for (size_t i = 0; i < COUNT(xs); i++) {
		struct jwk_body bad = jwk;
		struct buf SCOPED_BUF out = { 0 };
		struct err e = { 0 };

		bad.x = slice_text(xs[i]);
		buf_init_secret(&out, 65536);
		if (bundle_seal(SLICE_LITERAL(PKCS8 "\n"), &bad, &out, &e))
			fail_msg("sealed to %s", xs[i]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_sealed),
		cmocka_unit_test(bad_bundles_are_not_sent),
		cmocka_unit_test(the_fleets_key_is_read),
		cmocka_unit_test(a_broken_fleet_key_seals_nothing),
	};

	return cmocka_run_group_tests(tests, fleet_make, fleet_free);
}
