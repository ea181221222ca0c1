/* PEM bundles that are no usable CA with its key, each refused for its reason. */
#include "issuer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bundle_kit.h"

static void
test_sealed_refused(void **state)
{
	struct buf SCOPED_BUF text;
	struct buf SCOPED_BUF clear;
	struct arena SCOPED_ARENA a = { 0 };
	struct bundle b;
	struct err e = { 0 };

	(void)state;
	buf_init(&text, 100000);
	buf_init(&clear, 100000);
	add_key(&clear, kit.root.key, PKCS8);
	add_certificate(&text, &kit.root);
	seal(&text, buf_slice(&clear));
	assert_false(bundle_parse(buf_slice(&text), NOW, NULL, NULL, &a, &b, &e));
	assert_int_equal(e.code, ERR_SEAL_INVALID);
	uint8_t *tag = text.data + text.len - 8, was = *tag;
	*tag = was == 'A' ? 'B' : 'A';
	expect("a broken seal", &text, &a, &b, ERR_SEAL_INVALID, "");
	*tag = was;
	add_key(&text, kit.root.key, PKCS8);
	expect("a sealed key and one in clear", &text, &a, &b, ERR_CA_INVALID, "two private keys");
	buf_clear(&text);
	add_key(&clear, kit.root.key, PKCS8);
	add_certificate(&text, &kit.root);
	seal(&text, buf_slice(&clear));
	expect("two keys in one seal", &text, &a, &b, ERR_CA_INVALID, "no single private key");
	buf_clear(&text);
	add_certificate(&text, &kit.root);
	seal(&text, SLICE_LITERAL("no key at all"));
	expect("no key in the seal", &text, &a, &b, ERR_CA_INVALID, "no private key");
}

/* clang-format off */
static const struct {
	const char *name;
	const struct pki_ca *certificates[4];
	EVP_PKEY **keys[2];
	enum form form;
	const char *behind, *message;
} refused[] = {
	{ "nothing", { 0 }, { 0 }, PKCS8, "", "no private key" },
	{ "no key", { &kit.root }, { 0 }, PKCS8, "", "no private key" },
	{ "no certificate", { 0 }, { &kit.root.key }, PKCS8, "", "no certificate" },
	{ "two keys", { &kit.root }, { &kit.root.key, &kit.sub.key }, PKCS8, "",
	    "two private keys" },
	{ "another's key", { &kit.root }, { &kit.stranger.key }, PKCS8, "",
	    "no certificate of the bundle" },
	{ "a key of another type", { &kit.root }, { &kit.rsa.key }, PKCS8, "",
	    "no certificate of the bundle" },
	{ "a leaf", { &kit.leaf }, { &kit.leaf.key }, PKCS8, "", "no CA's" },
	{ "an expired CA", { &kit.expired }, { &kit.expired.key }, PKCS8, "", "expired" },
	{ "KeyUsage without keyCertSign", { &kit.no_sign }, { &kit.no_sign.key }, PKCS8, "",
	    "keyCertSign" },
	{ "a stranger", { &kit.sub, &kit.stranger }, { &kit.sub.key }, PKCS8, "",
	    "not in the CA's chain" },
	{ "what is below", { &kit.root, &kit.sub }, { &kit.root.key }, PKCS8, "",
	    "not in the CA's chain" },
	{ "a gap", { &kit.subsub, &kit.root }, { &kit.subsub.key }, PKCS8, "",
	    "not in the CA's chain" },
	{ "two certificates of one key", { &kit.root, &kit.cross }, { &kit.root.key }, PKCS8,
	    "", "two certificates" },
	{ "a path length of 0 above", { &kit.below_zero, &kit.zero },
	    { &kit.below_zero.key }, PKCS8, "", "path length" },
	{ "a password", { &kit.root }, { &kit.root.key }, ENCRYPTED, "",
	    "encrypted with a password" },
	{ "a password of old", { &kit.root }, { &kit.root.key }, ENCRYPTED_TRADITIONAL, "",
	    "encrypted with a password" },
	{ "a CSR", { &kit.root }, { &kit.root.key }, PKCS8,
	    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
	    "neither certificate nor key" },
	{ "a block cut short", { &kit.root }, { &kit.root.key }, PKCS8,
	    "-----BEGIN CERTIFICATE-----\nAAAA\n", "cut short" },
	{ "a certificate that is none", { &kit.root }, { &kit.root.key }, PKCS8,
	    "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
	    "does not parse" },
	{ "a block that is no base64", { &kit.root }, { &kit.root.key }, PKCS8,
	    "-----BEGIN CERTIFICATE-----\n#\n-----END CERTIFICATE-----\n", "broken" },
	{ "a label cut short", { &kit.root }, { &kit.root.key }, PKCS8, "-----BEGIN ",
	    "cut short" },
	{ "a key of another kind", { &kit.root }, { 0 }, PKCS8,
	    "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n",
	    "PKCS#8" },
};
/* clang-format on */

static void
test_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct buf SCOPED_BUF text;
		struct arena SCOPED_ARENA a = { 0 };
		struct bundle b;

		buf_init(&text, 100000);
		for (size_t n = 0; n < 4 && refused[i].certificates[n] != NULL; n++)
			add_certificate(&text, refused[i].certificates[n]);
		for (size_t n = 0; n < 2 && refused[i].keys[n] != NULL; n++)
			add_key(&text, *refused[i].keys[n], refused[i].form);
		buf_add_text(&text, refused[i].behind);
		expect(refused[i].name, &text, &a, &b, ERR_CA_INVALID, refused[i].message);
		assert_null(b.key);
	}
}

static void
test_trailing_bytes(void **state)
{
	struct buf SCOPED_BUF text;
	struct buf SCOPED_BUF der;
	struct arena SCOPED_ARENA a = { 0 };
	struct bundle b;
	uint8_t *key = NULL;
	int len = i2d_PrivateKey(kit.root.key, &key);

	(void)state;
	buf_init(&text, 100000);
	buf_init(&der, 100000);
	buf_add_slice(&der, buf_slice(&kit.root.der));
	buf_add_byte(&der, 0);
	pem_add(&text, "CERTIFICATE", buf_slice(&der));
	add_key(&text, kit.root.key, PKCS8);
	expect("bytes behind the certificate", &text, &a, &b, ERR_CA_INVALID, "bytes behind");
	buf_clear(&text);
	buf_clear(&der);
	buf_add(&der, key, (size_t)len);
	buf_add_byte(&der, 0);
	add_certificate(&text, &kit.root);
	pem_add(&text, "EC PRIVATE KEY", buf_slice(&der));
	expect("bytes behind the key", &text, &a, &b, ERR_CA_INVALID, "does not parse");
	OPENSSL_free(key);
}

static void
test_weak_key(void **state)
{
	SCOPED(EVP_PKEY) weak = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	struct buf SCOPED_BUF text;
	struct arena SCOPED_ARENA a = { 0 };
	struct pki_ca ca;
	struct bundle b;

	(void)state;
	pki_make(&ca, &(struct pki_spec){ .name = "weak", .key = weak });
	buf_init(&text, 100000);
	add_certificate(&text, &ca);
	add_key(&text, weak, PKCS8);
	expect("1024 bits", &text, &a, &b, ERR_WEAK_KEY, "under 2048");
	pki_done(&ca);
}

/* A SEC1 key whose public half is another's. */
static void
test_no_pair(void **state)
{
	struct buf SCOPED_BUF text;
	struct arena SCOPED_ARENA a = { 0 };
	struct bundle b;
	struct err e = { 0 };
	uint8_t *own = NULL, *other = NULL;
	int own_len = i2d_PrivateKey(kit.root.key, &own);
	int other_len = i2d_PrivateKey(kit.stranger.key, &other);

	(void)state;
	assert_int_equal(own_len, other_len);
	memcpy(own + 7, other + 7, 32);
	buf_init(&text, 100000);
	add_certificate(&text, &kit.root);
	pem_add(&text, "EC PRIVATE KEY", slice_of(own, (size_t)own_len));
	assert_false(bundle_parse(buf_slice(&text), NOW, kit.fleet, NULL, &a, &b, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	OPENSSL_free(own);
	OPENSSL_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sealed_refused),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_weak_key),
		cmocka_unit_test(test_no_pair),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
