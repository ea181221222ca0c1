/* CSR intake: requests made by OpenSSL are verified; what is broken, forged or weak is refused. */
#include "csr.h"
#include "encode.h"
#include "scoped_openssl.h"

#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "csr_kit.h"

/* clang-format off */
static const struct {
	const char *name;
	EVP_PKEY **key;
	const EVP_MD *(*md)(void);
	int salt; /* of PSS; 0: no PSS */
	enum key_type type;
	int64_t bits;
	const char *message; /* NULL: taken */
} algorithms[] = {
	{ "RSA-2048, SHA-256", &kit.rsa, EVP_sha256, 0, KEY_RSA, 2048, NULL },
	{ "RSA-2048, SHA-384", &kit.rsa, EVP_sha384, 0, KEY_RSA, 2048, NULL },
	{ "RSA-4096, SHA-512", &kit.rsa4096, EVP_sha512, 0, KEY_RSA, 4096, NULL },
	{ "RSA-2048, PSS, SHA-256", &kit.rsa, EVP_sha256, 32, KEY_RSA, 2048, NULL },
	{ "RSA-2048, PSS, SHA-384, salt 20", &kit.rsa, EVP_sha384, 20, KEY_RSA, 2048, NULL },
	{ "RSA-2048, PSS, SHA-512", &kit.rsa, EVP_sha512, 64, KEY_RSA, 2048, NULL },
	{ "RSA-2048, PSS, SHA-1", &kit.rsa, EVP_sha1, 20, KEY_RSA, 2048, "RSA-PSS" },
	{ "RSA-2048, SHA-1", &kit.rsa, EVP_sha1, 0, KEY_RSA, 2048, "SHA-1" },
	{ "RSA-2048, MD5", &kit.rsa, EVP_md5, 0, KEY_RSA, 2048, "MD5" },
	{ "RSA-2048, SHA-224", &kit.rsa, EVP_sha224, 0, KEY_RSA, 2048, "SHA-224" },
	{ "RSA-2048, SHA3-256", &kit.rsa, EVP_sha3_256, 0, KEY_RSA, 2048, "is none of" },
	{ "P-224", &kit.p224, EVP_sha256, 0, KEY_EC, 224, NULL },
	{ "P-256", &kit.p256, EVP_sha256, 0, KEY_EC, 256, NULL },
	{ "P-256, SHA-512", &kit.p256, EVP_sha512, 0, KEY_EC, 256, NULL },
	{ "P-384", &kit.p384, EVP_sha384, 0, KEY_EC, 384, NULL },
	{ "P-521", &kit.p521, EVP_sha512, 0, KEY_EC, 521, NULL },
	{ "P-256, SHA-1", &kit.p256, EVP_sha1, 0, KEY_EC, 256, "SHA-1" },
	{ "P-256, SHA-224", &kit.p256, EVP_sha224, 0, KEY_EC, 256, "SHA-224" },
	{ "Ed25519", &kit.ed, NULL, 0, KEY_ED25519, 0, NULL },
};
/* clang-format on */

static void
sign(X509_REQ *req, size_t c)
{
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	const EVP_MD *md = algorithms[c].md == NULL ? NULL : algorithms[c].md();
	EVP_PKEY_CTX *pctx = NULL;

	assert_true(EVP_DigestSignInit(ctx, &pctx, md, NULL, *algorithms[c].key));
	if (algorithms[c].salt > 0) {
		EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
		EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, algorithms[c].salt);
	}
	assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
}

static void
test_algorithms(void **state)
{
	(void)state;
	/* twice: the contexts are used again, also behind a refusal */
	for (size_t i = 0; i < 2 * COUNT(algorithms); i++) {
		size_t c = i % COUNT(algorithms);
		const char *message = algorithms[c].message;
		SCOPED(X509_REQ)
		req = request_new(*algorithms[c].key,
		    &(struct request_spec){ "a.example.com", MBSTRING_UTF8, NULL, false });
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;
		enum err_code code;

		sign(req, c);
		buf_init(&pem, 20000);
		request_pem(&pem, req);
		code = take(buf_slice(&pem), &a, &csr, &e);
		if (message == NULL && code != ERR_NONE)
			fail_msg("%s: refused: %s", algorithms[c].name, e.msg);
		if (message != NULL && (code != ERR_CSR_INVALID || strstr(e.msg, message) == NULL))
			fail_msg("%s: expected \"%s\", got %s: %s", algorithms[c].name, message,
			    err_name(code), e.msg);
		assert_int_equal(csr.key_type, algorithms[c].type);
		assert_int_equal(csr.key_bits, algorithms[c].bits);
	}
}

/* ---- what is refused ---- */

static struct slice
whole_request(struct buf *out, EVP_PKEY *key, const EVP_MD *md)
{
	SCOPED(X509_REQ)
	req = request_new(key,
	    &(struct request_spec){
		"a.example.com", MBSTRING_UTF8, "DNS:a.example.com,IP:10.0.0.1", true });
	uint8_t *der = NULL;
	int len;

	assert_true(X509_REQ_sign(req, key, md) > 0);
	len = i2d_X509_REQ(req, &der);
	buf_add(out, der, (size_t)len);
	OPENSSL_free(der);
	return buf_slice(out);
}

/* No octet of a request can be changed: either it no longer parses, or its signature no longer verifies. */
static void
test_every_octet_counts(void **state)
{
	const struct {
		EVP_PKEY *key;
		const EVP_MD *md;
	} cases[] = { { kit.p256, EVP_sha256() }, { kit.ed, NULL }, { kit.rsa, EVP_sha256() } };

	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct buf SCOPED_BUF der;
		struct err e;

		buf_init(&der, 20000);
		whole_request(&der, cases[c].key, cases[c].md);
		assert_int_equal(take_der(buf_slice(&der), &e), ERR_NONE);
		for (size_t i = 0; i < der.len; i++)
			for (unsigned bit = 0; bit < 8; bit += 7) {
				der.data[i] ^= (uint8_t)(1U << bit);
				if (take_der(buf_slice(&der), &e) == ERR_NONE)
					fail_msg("case %zu: octet %zu can be changed", c, i);
				der.data[i] ^= (uint8_t)(1U << bit);
			}
		for (size_t len = 0; len < der.len; len++)
			if (take_der(slice_of(der.data, len), &e) != ERR_CSR_INVALID)
				fail_msg("case %zu: %zu octets: %s", c, len, err_name(e.code));
		buf_add_byte(&der, 0);
		assert_int_equal(take_der(buf_slice(&der), &e), ERR_CSR_INVALID);
	}
}

static void
test_another_key(void **state)
{
	/* signed by one key, names another of its type, or of another type */
	const struct {
		EVP_PKEY *named, *signer;
		const EVP_MD *md;
	} cases[] = { { kit.rsa, kit.rsa4096, EVP_sha256() }, { kit.p256, kit.rsa, EVP_sha256() },
		{ kit.ed, kit.p256, EVP_sha256() }, { kit.p256, kit.p384, EVP_sha256() },
		{ kit.p256, kit.ed, NULL } };
	SCOPED(EVP_PKEY) other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");

	(void)state;
	for (size_t i = 0; i <= COUNT(cases); i++) {
		EVP_PKEY *named = i == COUNT(cases) ? kit.p256 : cases[i].named;
		EVP_PKEY *signer = i == COUNT(cases) ? other : cases[i].signer;
		SCOPED(X509_REQ)
		req = request_new(named, &(struct request_spec){ "x", MBSTRING_UTF8, NULL, false });
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;

		assert_true(
		    X509_REQ_sign(req, signer, i == COUNT(cases) ? EVP_sha256() : cases[i].md) > 0);
		buf_init(&pem, 20000);
		request_pem(&pem, req);
		if (take(buf_slice(&pem), &a, &csr, &e) != ERR_CSR_INVALID)
			fail_msg("case %zu: %s", i, err_name(e.code));
	}
}

static void
test_text(void **state)
{
	struct buf SCOPED_BUF der;
	struct buf SCOPED_BUF good;
	struct buf SCOPED_BUF text;
	struct arena SCOPED_ARENA a = { 0 };
	struct csr csr;
	struct err e;

	(void)state;
	buf_init(&der, 20000);
	buf_init(&good, 20000);
	buf_init(&text, 200000);
	whole_request(&der, kit.p256, EVP_sha256());
	pem_add(&good, "CERTIFICATE REQUEST", buf_slice(&der));
	const struct {
		const char *name, *front, *behind;
		int copies;
		enum err_code code;
	} cases[] = {
		{ "as it is", "", "", 1, ERR_NONE },
		{ "white space around", "\n \n", "\r\n \t\n", 1, ERR_NONE },
		{ "openssl's text in front", "Certificate Request:\n    Data:\n", "", 1, ERR_NONE },
		{ "twice", "", "", 2, ERR_CSR_INVALID },
		{ "text behind", "", "x", 1, ERR_CSR_INVALID },
		{ "nothing", "", "", 0, ERR_CSR_INVALID },
		{ "no PEM", "hello", "", 0, ERR_CSR_INVALID },
		{ "a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
		    "", 0, ERR_CSR_INVALID },
		{ "broken base64",
		    "-----BEGIN CERTIFICATE REQUEST-----\nA\n-----END CERTIFICATE REQUEST-----\n",
		    "", 0, ERR_CSR_INVALID },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		buf_clear(&text);
		buf_add_text(&text, cases[i].front);
		for (int n = 0; n < cases[i].copies; n++)
			buf_add_slice(&text, buf_slice(&good));
		buf_add_text(&text, cases[i].behind);
		if (take(buf_slice(&text), &a, &csr, &e) != cases[i].code)
			fail_msg("%s: got %s: %s", cases[i].name, err_name(e.code), e.msg);
	}
	buf_clear(&text);
	while (text.len <= CSR_MAX)
		buf_add_byte(&text, '\n');
	buf_add_slice(&text, buf_slice(&good));
	assert_int_equal(take(buf_slice(&text), &a, &csr, &e), ERR_CSR_INVALID);
	assert_int_equal(take(SLICE_NONE, &a, &csr, &e), ERR_CSR_INVALID);
}

/* ---- weak keys ---- */

static void
test_weak_keys(void **state)
{
	SCOPED(EVP_PKEY) small = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024);
	SCOPED(EVP_PKEY) k1 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "secp256k1");
	EVP_PKEY *keys[] = { small, k1 };
	struct err e;

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		struct buf SCOPED_BUF der;

		buf_init(&der, 20000);
		whole_request(&der, keys[i], EVP_sha256());
		if (take_der(buf_slice(&der), &e) != ERR_WEAK_KEY)
			fail_msg("key %zu: got %s: %s", i, err_name(e.code), e.msg);
	}
	/* a point off its curve, whatever the signature */
	struct buf SCOPED_BUF der;
	struct buf SCOPED_BUF pem;
	struct arena SCOPED_ARENA a = { 0 };
	struct csr csr;
	buf_init(&der, 20000);
	buf_init(&pem, 20000);
	whole_request(&der, kit.p256, EVP_sha256());
	pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
	assert_true(csr_parse(buf_slice(&pem), &a, &csr, &e));
	uint8_t spki[91];
	memcpy(spki, csr.spki.data, sizeof(spki));
	spki[90] ^= 1;
	csr.spki = slice_of(spki, sizeof(spki));
	assert_false(csr_verify(kit.verifier, &csr, &e));
	assert_int_equal(e.code, ERR_WEAK_KEY);
	/* and the template is as good as before */
	assert_int_equal(take(buf_slice(&pem), &a, &csr, &e), ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_every_octet_counts),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_weak_keys),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
