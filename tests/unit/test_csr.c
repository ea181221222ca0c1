/* CSR intake: requests made by OpenSSL are read and verified; what is broken, forged or weak is refused. */
#include "csr.h"
#include "der.h"
#include "encode.h"
#include "key.h"
#include "scoped_openssl.h"
#include "timespan.h"

#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static struct {
	EVP_PKEY *rsa, *rsa4096, *p224, *p256, *p384, *p521, *ed;
	struct csr_verifier *verifier;
} kit;

/* ---- requests, by OpenSSL ---- */

struct request_spec {
	const char *common_name;
	int cn_type;
	const char *alt_names; /* openssl's notation; in tests only */
	bool ca;
};

static X509_REQ *
request_new(EVP_PKEY *key, const struct request_spec *spec)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	STACK_OF(X509_EXTENSION) *extensions = sk_X509_EXTENSION_new_null();

	X509_NAME_add_entry_by_txt(
	    name, "O", MBSTRING_ASC, (const unsigned char *)"Acme", -1, -1, 0);
	if (spec->common_name != NULL)
		X509_NAME_add_entry_by_txt(
		    name, "CN", spec->cn_type, (const unsigned char *)spec->common_name, -1, -1, 0);
	X509_REQ_set_pubkey(req, key);
	if (spec->alt_names != NULL)
		sk_X509_EXTENSION_push(extensions,
		    X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, spec->alt_names));
	if (spec->ca)
		sk_X509_EXTENSION_push(extensions,
		    X509V3_EXT_conf_nid(
			NULL, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:3"));
	if (sk_X509_EXTENSION_num(extensions) > 0)
		X509_REQ_add_extensions(req, extensions);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return req;
}

static void
request_pem(struct buf *out, X509_REQ *req)
{
	uint8_t *der = NULL;
	int len = i2d_X509_REQ(req, &der);

	assert_true(len > 0);
	pem_add(out, "CERTIFICATE REQUEST", slice_of(der, (size_t)len));
	OPENSSL_free(der);
}

/* Parses and verifies; the code of the refusal, or ERR_NONE. */
static enum err_code
take(struct slice pem, struct arena *a, struct csr *csr, struct err *e)
{
	*e = (struct err){ 0 };
	if (csr_parse(pem, a, csr, e) && csr_verify(kit.verifier, csr, e))
		return ERR_NONE;
	assert_int_not_equal(e->code, ERR_NONE);
	assert_string_not_equal(e->msg, "");
	return e->code;
}

static void
test_algorithms(void **state)
{
	const struct {
		const char *name;
		EVP_PKEY *key;
		const EVP_MD *md;
		int salt; /* of PSS; 0: no PSS */
		enum key_type type;
		int64_t bits;
		const char *message; /* NULL: taken */
	} cases[] = {
		{ "RSA-2048, SHA-256", kit.rsa, EVP_sha256(), 0, KEY_RSA, 2048, NULL },
		{ "RSA-2048, SHA-384", kit.rsa, EVP_sha384(), 0, KEY_RSA, 2048, NULL },
		{ "RSA-4096, SHA-512", kit.rsa4096, EVP_sha512(), 0, KEY_RSA, 4096, NULL },
		{ "RSA-2048, PSS, SHA-256", kit.rsa, EVP_sha256(), 32, KEY_RSA, 2048, NULL },
		{ "RSA-2048, PSS, SHA-384, salt 20", kit.rsa, EVP_sha384(), 20, KEY_RSA, 2048,
		    NULL },
		{ "RSA-2048, PSS, SHA-512", kit.rsa, EVP_sha512(), 64, KEY_RSA, 2048, NULL },
		{ "RSA-2048, PSS, SHA-1", kit.rsa, EVP_sha1(), 20, KEY_RSA, 2048, "RSA-PSS" },
		{ "RSA-2048, SHA-1", kit.rsa, EVP_sha1(), 0, KEY_RSA, 2048, "SHA-1" },
		{ "RSA-2048, MD5", kit.rsa, EVP_md5(), 0, KEY_RSA, 2048, "MD5" },
		{ "RSA-2048, SHA-224", kit.rsa, EVP_sha224(), 0, KEY_RSA, 2048, "SHA-224" },
		{ "RSA-2048, SHA3-256", kit.rsa, EVP_sha3_256(), 0, KEY_RSA, 2048, "is none of" },
		{ "P-224", kit.p224, EVP_sha256(), 0, KEY_EC, 224, NULL },
		{ "P-256", kit.p256, EVP_sha256(), 0, KEY_EC, 256, NULL },
		{ "P-256, SHA-512", kit.p256, EVP_sha512(), 0, KEY_EC, 256, NULL },
		{ "P-384", kit.p384, EVP_sha384(), 0, KEY_EC, 384, NULL },
		{ "P-521", kit.p521, EVP_sha512(), 0, KEY_EC, 521, NULL },
		{ "P-256, SHA-1", kit.p256, EVP_sha1(), 0, KEY_EC, 256, "SHA-1" },
		{ "P-256, SHA-224", kit.p256, EVP_sha224(), 0, KEY_EC, 256, "SHA-224" },
		{ "Ed25519", kit.ed, NULL, 0, KEY_ED25519, 0, NULL },
	};

	(void)state;
	/* twice: the contexts are used again, also behind a refusal */
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		size_t c = i % COUNT(cases);
		SCOPED(X509_REQ)
		req = request_new(cases[c].key,
		    &(struct request_spec){ "a.example.com", MBSTRING_UTF8, NULL, false });
		SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
		EVP_PKEY_CTX *pctx = NULL;
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;
		enum err_code code;

		assert_true(EVP_DigestSignInit(ctx, &pctx, cases[c].md, NULL, cases[c].key));
		if (cases[c].salt > 0) {
			EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
			EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, cases[c].salt);
		}
		assert_true(X509_REQ_sign_ctx(req, ctx) > 0);
		buf_init(&pem, 20000);
		request_pem(&pem, req);
		code = take(buf_slice(&pem), &a, &csr, &e);
		if (cases[c].message == NULL && code != ERR_NONE)
			fail_msg("%s: refused: %s", cases[c].name, e.msg);
		if (cases[c].message != NULL &&
		    (code != ERR_CSR_INVALID || strstr(e.msg, cases[c].message) == NULL))
			fail_msg("%s: expected \"%s\", got %s: %s", cases[c].name, cases[c].message,
			    err_name(code), e.msg);
		assert_int_equal(csr.key_type, cases[c].type);
		assert_int_equal(csr.key_bits, cases[c].bits);
	}
}

static void
expect_list(const char *name, struct slice_list got, const char *const expected[])
{
	size_t count = 0;

	while (expected[count] != NULL)
		count++;
	if (got.count != count)
		fail_msg("%s: expected %zu names, got %zu", name, count, got.count);
	for (size_t i = 0; i < count; i++)
		expect_bytes(name, got.items[i], slice_text(expected[i]));
}

static void
test_contents(void **state)
{
	static const struct {
		const char *name;
		struct request_spec spec;
		const char *common_name; /* as UTF-8 */
		const char *dns[4], *emails[4], *uris[4];
		struct slice ips[3];
	} cases[] = {
		{ "nothing", { NULL, 0, NULL, false }, NULL, { 0 }, { 0 }, { 0 }, { { 0 } } },
		{ "UTF-8", { "M\xc3\xbcnchen", MBSTRING_UTF8, NULL, false }, "M\xc3\xbcnchen",
		    { 0 }, { 0 }, { 0 }, { { 0 } } },
		{ "printable", { "a.example.com", V_ASN1_PRINTABLESTRING, NULL, false },
		    "a.example.com", { 0 }, { 0 }, { 0 }, { { 0 } } },
		{ "IA5", { "a@example.com", V_ASN1_IA5STRING, NULL, false }, "a@example.com", { 0 },
		    { 0 }, { 0 }, { { 0 } } },
		{ "Latin-1", { "M\xfcnchen", V_ASN1_T61STRING, NULL, false }, "M\xc3\xbcnchen",
		    { 0 }, { 0 }, { 0 }, { { 0 } } },
		{ "a CA", { "ca", MBSTRING_UTF8, NULL, true }, "ca", { 0 }, { 0 }, { 0 },
		    { { 0 } } },
		{ "every kind of name",
		    { "x", MBSTRING_UTF8,
			"DNS:b.example.com,email:a@example.com,DNS:*.example.com,IP:10.0.0.1,URI:https://example.com/,"
			"RID:1.2.3.4,otherName:1.2.3.4;UTF8:someone,IP:2001:db8::1",
			true },
		    "x", { "b.example.com", "*.example.com" }, { "a@example.com" },
		    { "https://example.com/" },
		    { T("\x0a\x00\x00\x01"), T("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED(X509_REQ) req = request_new(kit.p256, &cases[i].spec);
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		uint8_t *spki = NULL;
		struct csr csr;
		struct err e;
		int len;

		assert_true(X509_REQ_sign(req, kit.p256, EVP_sha256()) > 0);
		buf_init(&pem, 20000);
		request_pem(&pem, req);
		if (take(buf_slice(&pem), &a, &csr, &e) != ERR_NONE)
			fail_msg("%s: %s", cases[i].name, e.msg);
		if (cases[i].common_name == NULL)
			assert_null(csr.common_name.data);
		else
			expect_bytes(
			    cases[i].name, csr.common_name, slice_text(cases[i].common_name));
		expect_list(cases[i].name, csr.dns, cases[i].dns);
		expect_list(cases[i].name, csr.emails, cases[i].emails);
		expect_list(cases[i].name, csr.uris, cases[i].uris);
		for (size_t n = 0; n < csr.ips.count; n++)
			expect_bytes(cases[i].name, csr.ips.items[n], cases[i].ips[n]);
		assert_int_equal(csr.ips.count, cases[i].ips[0].data == NULL ? 0 : 2);
		assert_int_equal(csr.asks_for_ca, cases[i].spec.ca);
		len = i2d_PUBKEY(kit.p256, &spki);
		expect_bytes("public key", csr.spki, slice_of(spki, (size_t)len));
		OPENSSL_free(spki);
		const uint8_t *subject;
		size_t subject_len;
		X509_NAME_get0_der(X509_REQ_get_subject_name(req), &subject, &subject_len);
		expect_bytes("subject", csr.subject, slice_of(subject, subject_len));
	}
}

static void
sign_by_hand(struct buf *out, struct slice subject, struct slice attributes, const char *version)
{
	uint8_t room[4096], signature[128], *spki = NULL;
	size_t signature_len = sizeof(signature);
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	int spki_len = i2d_PUBKEY(kit.ed, &spki);
	struct slice info;
	struct der d;

	der_init(&d, room, sizeof(room));
	der_raw(&d, attributes);
	der_raw(&d, slice_of(spki, (size_t)spki_len));
	der_raw(&d, subject);
	der_raw(&d, slice_of(version, 3));
	der_wrap(&d, room + sizeof(room), DER_SEQUENCE);
	info = der_slice(&d);
	assert_true(EVP_DigestSignInit(ctx, NULL, NULL, NULL, kit.ed));
	assert_true(EVP_DigestSign(ctx, signature, &signature_len, info.data, info.len));
	uint8_t whole[8192];
	der_init(&d, whole, sizeof(whole));
	der_bit_string(&d, slice_of(signature, signature_len));
	der_raw(&d, SLICE_LITERAL("\x30\x05\x06\x03\x2b\x65\x70"));
	der_raw(&d, info);
	der_wrap(&d, whole + sizeof(whole), DER_SEQUENCE);
	buf_add_slice(out, der_slice(&d));
	OPENSSL_free(spki);
}

static void
test_wide_names(void **state)
{
	static const struct {
		const char *name;
		uint8_t tag;
		struct slice value;
		const char *expected; /* NULL: refused */
	} cases[] = {
		{ "BMPString", DER_BMP_STRING, T("\x00M\x00\xfc\x20\xac"),
		    "M\xc3\xbc\xe2\x82\xac" },
		{ "BMPString, odd", DER_BMP_STRING, T("\x00M\x00"), NULL },
		{ "BMPString, surrogate", DER_BMP_STRING, T("\xd8\x00\x00\x41"), NULL },
		{ "UniversalString", DER_UNIVERSAL_STRING, T("\x00\x01\xf6\x00"),
		    "\xf0\x9f\x98\x80" },
		{ "UniversalString, too high", DER_UNIVERSAL_STRING, T("\x00\x11\x00\x00"), NULL },
		{ "UTF8String, overlong", DER_UTF8_STRING, T("\xc0\xaf"), NULL },
		{ "UTF8String, overlong, three", DER_UTF8_STRING, T("\xe0\x80\xaf"), NULL },
		{ "UTF8String, surrogate", DER_UTF8_STRING, T("\xed\xa0\x80"), NULL },
		{ "UTF8String, cut short", DER_UTF8_STRING, T("a\xe2\x82"), NULL },
		{ "UTF8String, too high", DER_UTF8_STRING, T("\xf4\x90\x80\x80"), NULL },
		{ "UTF8String, four octets", DER_UTF8_STRING, T("\xf4\x8f\xbf\xbf"),
		    "\xf4\x8f\xbf\xbf" },
		{ "PrintableString, Latin-1", DER_PRINTABLE_STRING, T("\xfc"), NULL },
		{ "an octet string", DER_OCTET_STRING, T("a"), NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t name[64];
		struct buf SCOPED_BUF der;
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;
		enum err_code code;
		struct der d;

		der_init(&d, name, sizeof(name));
		der_tlv(&d, cases[i].tag, cases[i].value);
		der_raw(&d, SLICE_LITERAL("\x06\x03\x55\x04\x03"));
		der_wrap(&d, name + sizeof(name), DER_SEQUENCE);
		der_wrap(&d, name + sizeof(name), DER_SET);
		der_wrap(&d, name + sizeof(name), DER_SEQUENCE);
		buf_init(&der, 20000);
		buf_init(&pem, 20000);
		sign_by_hand(&der, der_slice(&d), SLICE_LITERAL("\xa0\x00"), "\x02\x01\x00");
		pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
		code = take(buf_slice(&pem), &a, &csr, &e);
		if ((code == ERR_NONE) != (cases[i].expected != NULL))
			fail_msg("%s: got %s: %s", cases[i].name, err_name(code), e.msg);
		if (code == ERR_NONE)
			expect_bytes(cases[i].name, csr.common_name, slice_text(cases[i].expected));
		else
			assert_int_equal(code, ERR_CSR_INVALID);
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

static enum err_code
take_der(struct slice der, struct err *e)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF pem;
	struct csr csr;

	buf_init(&pem, 100000);
	pem_add(&pem, "NEW CERTIFICATE REQUEST", der);
	return take(buf_slice(&pem), &a, &csr, e);
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
				der.data[i] ^= (uint8_t)(1u << bit);
				if (take_der(buf_slice(&der), &e) == ERR_NONE)
					fail_msg("case %zu: octet %zu can be changed", c, i);
				der.data[i] ^= (uint8_t)(1u << bit);
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

/* ---- attributes, written by hand and signed ---- */

#define EXTENSION_REQUEST "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x0e"
#define MICROSOFT         "\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x0e"

static void
test_attributes(void **state)
{
#define SAN_A "\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x82\x01\x61"
	static const struct {
		const char *name;
		struct slice attributes;
		enum err_code code;
		size_t dns;
	} cases[] = {
		{ "none at all", T(""), ERR_NONE, 0 },
		{ "an empty set", T("\xa0\x00"), ERR_NONE, 0 },
		{ "an unknown one", T("\xa0\x09\x30\x07\x06\x03\x55\x04\x03\x31\x00"), ERR_NONE,
		    0 },
		{ "one name", T("\xa0\x1f\x30\x1d" EXTENSION_REQUEST "\x31\x10\x30\x0e" SAN_A),
		    ERR_NONE, 1 },
		{ "one name, for Microsoft",
		    T("\xa0\x20\x30\x1e" MICROSOFT "\x31\x10\x30\x0e" SAN_A), ERR_NONE, 1 },
		{ "no extension", T("\xa0\x11\x30\x0f" EXTENSION_REQUEST "\x31\x02\x30\x00"),
		    ERR_NONE, 0 },
		{ "no value", T("\xa0\x0f\x30\x0d" EXTENSION_REQUEST "\x31\x00"), ERR_CSR_INVALID,
		    0 },
		{ "two values", T("\xa0\x13\x30\x11" EXTENSION_REQUEST "\x31\x04\x30\x00\x30\x00"),
		    ERR_CSR_INVALID, 0 },
		{ "two requests",
		    T("\xa0\x22\x30\x0f" EXTENSION_REQUEST
		      "\x31\x02\x30\x00\x30\x0f" EXTENSION_REQUEST "\x31\x02\x30\x00"),
		    ERR_CSR_INVALID, 0 },
		{ "two subjectAltNames",
		    T("\xa0\x2d\x30\x2b" EXTENSION_REQUEST "\x31\x1e\x30\x1c" SAN_A SAN_A),
		    ERR_CSR_INVALID, 0 },
		{ "an empty subjectAltName",
		    T("\xa0\x1c\x30\x1a" EXTENSION_REQUEST
		      "\x31\x0d\x30\x0b\x30\x09\x06\x03\x55\x1d\x11\x04\x02\x30\x00"),
		    ERR_CSR_INVALID, 0 },
		{ "a name over the end",
		    T("\xa0\x1f\x30\x1d" EXTENSION_REQUEST
		      "\x31\x10\x30\x0e\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x82\x02\x61"),
		    ERR_CSR_INVALID, 0 },
		{ "bytes behind the names",
		    T("\xa0\x21\x30\x1f" EXTENSION_REQUEST
		      "\x31\x12\x30\x10\x30\x0e\x06\x03\x55\x1d\x11\x04\x07\x30\x03\x82\x01\x61\x05\x00"),
		    ERR_CSR_INVALID, 0 },
		{ "a name that is not ASCII",
		    T("\xa0\x1f\x30\x1d" EXTENSION_REQUEST
		      "\x31\x10\x30\x0e\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x82\x01\xe1"),
		    ERR_CSR_INVALID, 0 },
		{ "an address of three octets",
		    T("\xa0\x21\x30\x1f" EXTENSION_REQUEST
		      "\x31\x12\x30\x10\x30\x0e\x06\x03\x55\x1d\x11\x04\x07\x30\x05\x87\x03\x01\x02\x03"),
		    ERR_CSR_INVALID, 0 },
		{ "a name of no kind",
		    T("\xa0\x1f\x30\x1d" EXTENSION_REQUEST
		      "\x31\x10\x30\x0e\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x89\x01\x61"),
		    ERR_CSR_INVALID, 0 },
		{ "bytes behind the attributes", T("\xa0\x00\x05\x00"), ERR_CSR_INVALID, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct buf SCOPED_BUF der;
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;

		buf_init(&der, 20000);
		buf_init(&pem, 20000);
		sign_by_hand(&der, SLICE_LITERAL("\x30\x00"), cases[i].attributes, "\x02\x01\x00");
		pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
		if (take(buf_slice(&pem), &a, &csr, &e) != cases[i].code)
			fail_msg("%s: expected %s, got %s: %s", cases[i].name,
			    err_name(cases[i].code), err_name(e.code), e.msg);
		if (cases[i].code == ERR_NONE)
			assert_int_equal(csr.dns.count, cases[i].dns);
	}
	struct buf SCOPED_BUF der;
	struct err e;
	buf_init(&der, 20000);
	sign_by_hand(&der, SLICE_LITERAL("\x30\x00"), SLICE_LITERAL("\xa0\x00"), "\x02\x01\x01");
	assert_int_equal(take_der(buf_slice(&der), &e), ERR_CSR_INVALID);
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

static int
make_kit(void **state)
{
	struct err e = { 0 };

	(void)state;
	kit.rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	kit.rsa4096 = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)4096);
	kit.p224 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-224");
	kit.p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	kit.p384 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	kit.p521 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
	kit.ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	kit.verifier = csr_verifier_new(&e);
	return kit.verifier == NULL;
}

static int
free_kit(void **state)
{
	EVP_PKEY *keys[] = { kit.rsa, kit.rsa4096, kit.p224, kit.p256, kit.p384, kit.p521, kit.ed };

	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++)
		EVP_PKEY_free(keys[i]);
	csr_verifier_free(kit.verifier);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_algorithms),
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_wide_names),
		cmocka_unit_test(test_every_octet_counts),
		cmocka_unit_test(test_another_key),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_weak_keys),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
