/* The forms of the answer to issue: formats, replays, sealed keys. */
#include "encode.h"
#include "scoped_openssl.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "sample_kit.h"

static void
check_pair(const char *name, struct slice certificate, struct slice private_key)
{
	SCOPED(X509) crt = test_x509_pem(certificate);
	SCOPED(EVP_PKEY) key = test_private_key(private_key);

	if (X509_check_private_key(crt, key) != 1)
		fail_msg("%s: the private key is not the certificate's", name);
}

static struct slice
from_base64(struct world *w, struct slice text)
{
	struct buf der SCOPED_BUF = { 0 };

	buf_init(&der, (size_t)1 << 20);
	assert_true(base64_parse(text, &der));
	return arena_copy(&w->arena, buf_slice(&der));
}

static void
test_format_der(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "der")));
	SCOPED(X509) crt = test_x509_der(from_base64(w, data_text(a, "certificate")));
	SCOPED(X509) ca = test_x509_der(from_base64(w, data_text(a, "issuing_ca")));
	struct slice key_der = from_base64(w, data_text(a, "private_key"));
	const unsigned char *at = key_der.data;
	SCOPED(EVP_PKEY) key = d2i_AutoPrivateKey(NULL, &at, (long)key_der.len);
	struct slice_list chain = data_list(w, a, "ca_chain");

	assert_int_equal(X509_verify(crt, X509_get0_pubkey(ca)), 1);
	assert_non_null(key);
	assert_ptr_equal(at, key_der.data + key_der.len);
	assert_int_equal(X509_check_private_key(crt, key), 1);
	assert_int_equal(chain.count, 1);
	assert_true(slice_eq(chain.items[0], data_text(a, "issuing_ca")));
}

/* How many PEM blocks of that label the text holds. */
static size_t
blocks(struct slice text, const char *label)
{
	struct arena memory SCOPED_ARENA = { 0 };
	struct slice name, der;
	struct err e = { 0 };
	size_t count = 0;

	while (pem_next(&text, &memory, &name, &der, &e))
		count += slice_is(name, label);
	assert_int_equal(e.code, ERR_NONE);
	return count;
}

static void
test_format_bundle(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "pem_bundle")));
	struct slice bundle = data_text(a, "certificate");
	struct slice key = data_text(a, "private_key");
	const uint8_t *crt = memmem(bundle.data, bundle.len, "-----BEGIN CERT", 15);
	size_t ca = data_text(a, "issuing_ca").len;

	assert_int_equal(blocks(bundle, "EC PRIVATE KEY"), 1);
	assert_int_equal(blocks(bundle, "CERTIFICATE"), 2);
	assert_memory_equal(bundle.data, key.data, key.len);
	assert_ptr_equal(crt, bundle.data + key.len);
	assert_memory_equal(bundle.data + bundle.len - ca, data_text(a, "issuing_ca").data, ca);
	check_pair("bundle", slice_of(crt, bundle.len - key.len - ca), key);
}

/* The same id gets the same answer, to the byte. */
static void
test_replay(void **state)
{
	static const char *const formats[] = { "pem", "der", "pem_bundle" };
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		struct answer *first = world_do(w,
		    ASK("issue", .role = "web",
			.params = PARAMS("common_name", "a.example.com", "format", formats[i])));
		struct answer *again;

		w->cx.now_ms += 300 * 1000;
		again = world_replay(w, first, false);
		if (!slice_eq(again->data, first->data))
			fail_msg("%s: the replay differs", formats[i]);
	}
}

static void
test_replay_without_key(void **state)
{
	struct world *w = *state;
	struct answer *first = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "pem_bundle")));
	struct answer *again = world_replay(w, first, true);

	assert_true(again->ok);
	assert_false(data_has(again, "private_key"));
	assert_true(has_warning(again, "private_key_withheld"));
	assert_false(has_warning(first, "private_key_withheld"));
	assert_int_equal(blocks(data_text(again, "certificate"), "EC PRIVATE KEY"), 0);
	assert_int_equal(blocks(data_text(again, "certificate"), "CERTIFICATE"), 2);
	assert_true(slice_eq(data_text(again, "serial"), data_text(first, "serial")));
	assert_true(memmem(again->bytes.data, again->bytes.len, "PRIVATE KEY-----", 16) == NULL);
}

static struct slice
jwk_of(struct world *w, struct slice x, const char *kid)
{
	const struct jwk_body jwk = { .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("X25519"),
		.x = x,
		.kid = slice_text(kid) };

	return world_encode(w, &jwk_schema, &jwk);
}

static void
test_seal_to(void **state)
{
	static const char *const formats[] = { "pem", "der", "pem_bundle" };
	struct world *w = *state;
	SCOPED(EVP_PKEY) mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct slice jwk = test_jwk(w, mine, "my-key");

	for (size_t i = 0; i < 3; i++) {
		struct answer *a = world_do(w,
		    ASK("issue", .role = "web", .seal_to = jwk,
			.params = PARAMS("common_name", "a.example.com", "format", formats[i])));
		struct slice sealed = data_text(a, "private_key");
		struct buf clear SCOPED_BUF = { 0 };
		struct err e = { 0 };

		assert_true(jwe_is(sealed));
		buf_init_secret(&clear, 65536);
		if (!jwe_open(mine, sealed, &clear, &e))
			fail_msg("%s: the sealed key does not open: %s", formats[i], e.msg);
		if (i == 1)
			(void)from_base64(w, buf_slice(&clear));
		else
			assert_int_equal(blocks(buf_slice(&clear), "EC PRIVATE KEY"), 1);
		if (i == 0)
			check_pair("sealed", data_text(a, "certificate"), buf_slice(&clear));
		if (memmem(a->bytes.data, a->bytes.len, "PRIVATE KEY-----", 16) != NULL)
			fail_msg("%s: the answer holds a key in clear", formats[i]);
		assert_slice("type", data_text(a, "private_key_type"), "ec");
	}
}

static void
test_seal_to_refused(void **state)
{
	static const uint8_t x25519[32] = { 9 };
	struct world *w = *state;
	struct buf text SCOPED_BUF = { 0 };
	const struct jwk_body ed = { .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("Ed25519"),
		.x = SLICE_LITERAL("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") };
	struct slice zero = SLICE_LITERAL("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	const struct {
		const char *name;
		struct slice jwk;
	} cases[] = {
		{ "empty", SLICE_LITERAL("\x80") },
		{ "another curve", world_encode(w, &jwk_schema, &ed) },
		{ "too short", jwk_of(w, SLICE_LITERAL("AAAA"), NULL) },
		{ "no base64url",
		    jwk_of(w, SLICE_LITERAL("+++++++++++++++++++++++++++++++++++++++++++"), NULL) },
		{ "low order", jwk_of(w, zero, NULL) },
	};

	buf_init(&text, 64);
	base64url_add(&text, slice_of(x25519, 32));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_refused(w, cases[i].name,
		    ASK("issue", .role = "web", .seal_to = cases[i].jwk,
			.params = PARAMS("common_name", "a.example.com")),
		    "seal_invalid", "seal_to");

		assert_false(a->rq.has_leaf);
	}
	world_do(w,
	    ASK("issue", .role = "web", .seal_to = jwk_of(w, buf_slice(&text), NULL),
		.params = PARAMS("common_name", "a.example.com")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_format_der, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format_bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay_without_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_to_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
