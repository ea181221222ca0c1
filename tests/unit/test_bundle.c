/* PEM bundles: every form of the key, every order. */
#include "issuer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bundle_kit.h"
#include "bytes.h"

static void
test_forms(void **state)
{
	struct {
		const char *name;
		struct pki_ca *ca;
		enum form form;
	} cases[] = {
		{ "EC, SEC1", &kit.root, TRADITIONAL },
		{ "EC, PKCS#8", &kit.root, PKCS8 },
		{ "RSA, PKCS#1", &kit.rsa, TRADITIONAL },
		{ "RSA, PKCS#8", &kit.rsa, PKCS8 },
		{ "Ed25519", &kit.ed, PKCS8 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int key_first = 0; key_first < 2; key_first++) {
			struct buf SCOPED_BUF text;
			struct arena SCOPED_ARENA a = { 0 };
			struct bundle b;

			buf_init(&text, 100000);
			buf_add_text(&text, "some words in front\r\n");
			if (key_first)
				add_key(&text, cases[i].ca->key, cases[i].form);
			add_certificate(&text, cases[i].ca);
			if (!key_first)
				add_key(&text, cases[i].ca->key, cases[i].form);
			expect(cases[i].name, &text, &a, &b, ERR_NONE, NULL);
			expect_bytes(cases[i].name, b.certificate, buf_slice(&cases[i].ca->der));
			assert_int_equal(b.chain.count, 0);
			assert_int_equal(EVP_PKEY_eq(b.key, cases[i].ca->key), 1);
			assert_false(b.key_was_sealed);
			assert_null(b.warning);
			bundle_done(&b);
		}
}

static void
test_every_order(void **state)
{
	const struct pki_ca *all[] = { &kit.root, &kit.sub, &kit.subsub };

	(void)state;
	for (size_t order = 0; order < 24; order++) {
		struct buf SCOPED_BUF text;
		struct arena SCOPED_ARENA a = { 0 };
		struct bundle b;
		size_t left = order, there = 4;
		size_t parts[4] = { 0, 1, 2, 3 };

		buf_init(&text, 100000);
		for (; there > 0; there--) {
			size_t pick = left % there, part = parts[pick];

			left /= there;
			memmove(
			    parts + pick, parts + pick + 1, (there - pick - 1) * sizeof(parts[0]));
			if (part == 3)
				add_key(&text, kit.subsub.key, TRADITIONAL);
			else
				add_certificate(&text, all[part]);
		}
		expect("an order", &text, &a, &b, ERR_NONE, NULL);
		expect_bytes("own", b.certificate, buf_slice(&kit.subsub.der));
		assert_int_equal(b.chain.count, 2);
		expect_bytes("parent", b.chain.items[0], buf_slice(&kit.sub.der));
		expect_bytes("root", b.chain.items[1], buf_slice(&kit.root.der));
		bundle_done(&b);
	}
}

static void
test_sealed(void **state)
{
	static const char *const line_ends[] = { "\n", "\r\n", "" };
	struct buf clear[5];
	uint8_t *der = NULL;
	int len;

	(void)state;
	for (size_t i = 0; i < COUNT(clear); i++)
		buf_init(&clear[i], 20000);
	add_key(&clear[0], kit.root.key, TRADITIONAL);
	add_key(&clear[1], kit.root.key, PKCS8);
	buf_add_text(&clear[2],
	    "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n");
	add_key(&clear[2], kit.root.key, TRADITIONAL);
	PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(kit.root.key);
	len = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
	PKCS8_PRIV_KEY_INFO_free(info);
	buf_add(&clear[3], der, (size_t)len);
	buf_add_text(&clear[4], "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
	for (size_t i = 0; i < COUNT(clear); i++)
		for (size_t end = 0; end < COUNT(line_ends); end++) {
			struct buf SCOPED_BUF text;
			struct arena SCOPED_ARENA a = { 0 };
			struct bundle b;

			buf_init(&text, 100000);
			add_certificate(&text, &kit.root);
			seal(&text, buf_slice(&clear[i]));
			buf_add_text(&text, line_ends[end]);
			expect("a sealed key", &text, &a, &b, ERR_CA_INVALID,
			    i == 4 ? "does not parse" : NULL);
			if (i == 4)
				continue;
			assert_true(b.key_was_sealed);
			assert_int_equal(EVP_PKEY_eq(b.key, kit.root.key), 1);
			bundle_done(&b);
		}
	for (size_t i = 0; i < COUNT(clear); i++)
		buf_done(&clear[i]);
	OPENSSL_free(der);
}

static void
test_taken(void **state)
{
	struct buf SCOPED_BUF text;
	struct arena SCOPED_ARENA a = { 0 };
	struct bundle b;

	(void)state;
	buf_init(&text, 100000);
	add_certificate(&text, &kit.no_usage);
	add_certificate(&text, &kit.no_usage); /* the same twice is one */
	add_key(&text, kit.no_usage.key, PKCS8);
	expect("no KeyUsage", &text, &a, &b, ERR_NONE, NULL);
	assert_string_equal(b.warning, "ca_no_key_usage");
	assert_int_equal(b.chain.count, 0);
	bundle_done(&b);
	buf_clear(&text);
	add_certificate(&text, &kit.no_crl);
	add_key(&text, kit.no_crl.key, PKCS8);
	expect("no cRLSign", &text, &a, &b, ERR_NONE, NULL);
	assert_string_equal(b.warning, "ca_no_crl_sign");
	bundle_done(&b);
	buf_clear(&text);
	add_key(&text, kit.subsub.key, PKCS8);
	add_certificate(&text, &kit.subsub); /* without what is above it */
	expect("no chain", &text, &a, &b, ERR_NONE, NULL);
	bundle_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
