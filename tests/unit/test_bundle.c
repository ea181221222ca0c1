/* PEM bundles: every form of the key, every order, and what is refused. */
#include "issuer.h"
#include "seal.h"

#include <openssl/pem.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "pki.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NOW          (PKI_START + 1000)

static struct {
	struct pki_ca root, sub, subsub, stranger, leaf, expired, no_usage, no_sign, rsa, ed, cross,
	    zero, below_zero;
	EVP_PKEY *fleet;
} kit;

enum form { TRADITIONAL, PKCS8, ENCRYPTED, ENCRYPTED_TRADITIONAL };

static void
add_key(struct buf *out, EVP_PKEY *key, enum form form)
{
	SCOPED(BIO) bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	int ok = 0;

	switch (form) {
	case TRADITIONAL:
		ok = PEM_write_bio_PrivateKey_traditional(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case PKCS8:
		ok = PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL);
		break;
	case ENCRYPTED:
		ok = PEM_write_bio_PKCS8PrivateKey(
		    bio, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL);
		break;
	case ENCRYPTED_TRADITIONAL:
		ok = PEM_write_bio_PrivateKey_traditional(
		    bio, key, EVP_aes_128_cbc(), (const unsigned char *)"secret", 6, NULL, NULL);
		break;
	}
	assert_true(ok);
	len = BIO_get_mem_data(bio, &text);
	buf_add(out, text, (size_t)len);
}

static void
add_certificate(struct buf *out, const struct pki_ca *ca)
{
	pem_add(out, "CERTIFICATE", buf_slice(&ca->der));
}

/* Parses the text; *ret is filled on success. NULL in `message`: it must be taken. */
static void
expect(const char *name, const struct buf *text, struct arena *a, struct bundle *ret,
    enum err_code code, const char *message)
{
	struct err e = { 0 };

	assert_false(text->failed);
	if (bundle_parse(buf_slice(text), NOW, kit.fleet, a, ret, &e)) {
		if (message != NULL)
			fail_msg("%s: was taken", name);
	} else if (message == NULL || e.code != code || strstr(e.msg, message) == NULL) {
		fail_msg("%s: expected \"%s\", got %s: %s", name,
		    message == NULL ? "success" : message, err_name(e.code), e.msg);
	}
}

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
seal(struct buf *out, struct slice clear)
{
	uint8_t x[32];
	size_t len = sizeof(x);
	struct err e = { 0 };

	assert_true(EVP_PKEY_get_raw_public_key(kit.fleet, x, &len));
	if (!jwe_seal(slice_of(x, len), SLICE_NONE, clear, out, &e))
		fail_msg("jwe_seal: %s", e.msg);
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
	assert_false(bundle_parse(buf_slice(&text), NOW, NULL, &a, &b, &e));
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

static void
test_refused(void **state)
{
	struct {
		const char *name;
		const struct pki_ca *certificates[4];
		EVP_PKEY *keys[2];
		enum form form;
		const char *behind, *message;
	} cases[] = {
		{ "nothing", { 0 }, { 0 }, PKCS8, "", "no private key" },
		{ "no key", { &kit.root }, { 0 }, PKCS8, "", "no private key" },
		{ "no certificate", { 0 }, { kit.root.key }, PKCS8, "", "no certificate" },
		{ "two keys", { &kit.root }, { kit.root.key, kit.sub.key }, PKCS8, "",
		    "two private keys" },
		{ "another's key", { &kit.root }, { kit.stranger.key }, PKCS8, "",
		    "no certificate of the bundle" },
		{ "a key of another type", { &kit.root }, { kit.rsa.key }, PKCS8, "",
		    "no certificate of the bundle" },
		{ "a leaf", { &kit.leaf }, { kit.leaf.key }, PKCS8, "", "no CA's" },
		{ "an expired CA", { &kit.expired }, { kit.expired.key }, PKCS8, "", "expired" },
		{ "KeyUsage without keyCertSign", { &kit.no_sign }, { kit.no_sign.key }, PKCS8, "",
		    "keyCertSign" },
		{ "a stranger", { &kit.sub, &kit.stranger }, { kit.sub.key }, PKCS8, "",
		    "not in the CA's chain" },
		{ "what is below", { &kit.root, &kit.sub }, { kit.root.key }, PKCS8, "",
		    "not in the CA's chain" },
		{ "a gap", { &kit.subsub, &kit.root }, { kit.subsub.key }, PKCS8, "",
		    "not in the CA's chain" },
		{ "two certificates of one key", { &kit.root, &kit.cross }, { kit.root.key }, PKCS8,
		    "", "two certificates" },
		{ "a path length of 0 above", { &kit.below_zero, &kit.zero },
		    { kit.below_zero.key }, PKCS8, "", "path length" },
		{ "a password", { &kit.root }, { kit.root.key }, ENCRYPTED, "",
		    "encrypted with a password" },
		{ "a password of old", { &kit.root }, { kit.root.key }, ENCRYPTED_TRADITIONAL, "",
		    "encrypted with a password" },
		{ "a CSR", { &kit.root }, { kit.root.key }, PKCS8,
		    "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n",
		    "neither certificate nor key" },
		{ "a block cut short", { &kit.root }, { kit.root.key }, PKCS8,
		    "-----BEGIN CERTIFICATE-----\nAAAA\n", "cut short" },
		{ "a certificate that is none", { &kit.root }, { kit.root.key }, PKCS8,
		    "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
		    "does not parse" },
		{ "a block that is no base64", { &kit.root }, { kit.root.key }, PKCS8,
		    "-----BEGIN CERTIFICATE-----\n#\n-----END CERTIFICATE-----\n", "broken" },
		{ "a label cut short", { &kit.root }, { kit.root.key }, PKCS8, "-----BEGIN ",
		    "cut short" },
		{ "a key of another kind", { &kit.root }, { 0 }, PKCS8,
		    "-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n",
		    "PKCS#8" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf SCOPED_BUF text;
		struct arena SCOPED_ARENA a = { 0 };
		struct bundle b;

		buf_init(&text, 100000);
		for (size_t n = 0; n < 4 && cases[i].certificates[n] != NULL; n++)
			add_certificate(&text, cases[i].certificates[n]);
		for (size_t n = 0; n < 2 && cases[i].keys[n] != NULL; n++)
			add_key(&text, cases[i].keys[n], cases[i].form);
		buf_add_text(&text, cases[i].behind);
		expect(cases[i].name, &text, &a, &b, ERR_CA_INVALID, cases[i].message);
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
	add_key(&text, kit.subsub.key, PKCS8);
	add_certificate(&text, &kit.subsub); /* without what is above it */
	expect("no chain", &text, &a, &b, ERR_NONE, NULL);
	bundle_done(&b);
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
	assert_false(bundle_parse(buf_slice(&text), NOW, kit.fleet, &a, &b, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	OPENSSL_free(own);
	OPENSSL_free(other);
}

#define EC256         .type = KEY_EC, .bits = 256
#define MAKE(ca, ...) pki_make(&kit.ca, &(struct pki_spec){ __VA_ARGS__ })

static int
make_kit(void **state)
{
	(void)state;
	MAKE(root, .name = "Root", EC256);
	MAKE(sub, .name = "Sub", .type = KEY_EC, .bits = 384, .parent = &kit.root);
	MAKE(subsub, .name = "Subsub", EC256, .parent = &kit.sub);
	MAKE(stranger, .name = "Root", EC256); /* the same name, another key */
	MAKE(leaf, .name = "leaf", EC256, .leaf = true, .key_usage = USAGE_DIGITAL_SIGNATURE);
	MAKE(expired, .name = "Expired", EC256, .not_after = NOW);
	MAKE(no_usage, .name = "No usage", EC256, .key_usage = PKI_NO_USAGE);
	MAKE(no_sign, .name = "No sign", EC256, .key_usage = USAGE_CRL_SIGN);
	MAKE(rsa, .name = "RSA", .type = KEY_RSA, .bits = 2048);
	MAKE(ed, .name = "Ed", .type = KEY_ED25519);
	MAKE(cross, .name = "Root", .key = kit.root.key, .parent = &kit.stranger);
	MAKE(zero, .name = "Zero", EC256, .path_length = 0 + 1);
	MAKE(below_zero, .name = "Below", EC256, .parent = &kit.zero);
	kit.fleet = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	return kit.fleet == NULL;
}

static int
free_kit(void **state)
{
	struct pki_ca *all[] = { &kit.root, &kit.sub, &kit.subsub, &kit.stranger, &kit.leaf,
		&kit.expired, &kit.no_usage, &kit.no_sign, &kit.rsa, &kit.ed, &kit.cross, &kit.zero,
		&kit.below_zero };

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		pki_done(all[i]);
	EVP_PKEY_free(kit.fleet);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_every_order),
		cmocka_unit_test(test_sealed),
		cmocka_unit_test(test_sealed_refused),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_weak_key),
		cmocka_unit_test(test_no_pair),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
