/* CSR intake: what a request says and asks for, read from requests by OpenSSL and from ones written by hand. */
#include "csr.h"
#include "der.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "csr_kit.h"

#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
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

static const struct {
	const char *name;
	struct request_spec spec;
	const char *common_name; /* as UTF-8 */
	const char *dns[4], *emails[4], *uris[4];
	struct slice ips[3];
} contents[] = {
	{ "nothing", { NULL, 0, NULL, false }, NULL, { 0 }, { 0 }, { 0 }, { { 0 } } },
	{ "UTF-8", { "M\xc3\xbcnchen", MBSTRING_UTF8, NULL, false }, "M\xc3\xbcnchen", { 0 }, { 0 },
	    { 0 }, { { 0 } } },
	{ "printable", { "a.example.com", V_ASN1_PRINTABLESTRING, NULL, false }, "a.example.com",
	    { 0 }, { 0 }, { 0 }, { { 0 } } },
	{ "IA5", { "a@example.com", V_ASN1_IA5STRING, NULL, false }, "a@example.com", { 0 }, { 0 },
	    { 0 }, { { 0 } } },
	{ "Latin-1", { "M\xfcnchen", V_ASN1_T61STRING, NULL, false }, "M\xc3\xbcnchen", { 0 },
	    { 0 }, { 0 }, { { 0 } } },
	{ "a CA", { "ca", MBSTRING_UTF8, NULL, true }, "ca", { 0 }, { 0 }, { 0 }, { { 0 } } },
	{ "every kind of name",
	    { "x", MBSTRING_UTF8,
		"DNS:b.example.com,email:a@example.com,DNS:*.example.com,IP:10.0.0.1,URI:https://example.com/,"
		"RID:1.2.3.4,otherName:1.2.3.4;UTF8:someone,IP:2001:db8::1",
		true },
	    "x", { "b.example.com", "*.example.com" }, { "a@example.com" },
	    { "https://example.com/" },
	    { T("\x0a\x00\x00\x01"), T("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") } },
};

static void
expect_contents(size_t i, const struct csr *csr, X509_REQ *req)
{
	const char *name = contents[i].name;
	const uint8_t *subject;
	uint8_t *spki = NULL;
	size_t subject_len;
	int len = i2d_PUBKEY(kit.p256, &spki);

	if (contents[i].common_name == NULL)
		assert_null(csr->common_name.data);
	else
		expect_bytes(name, csr->common_name, slice_text(contents[i].common_name));
	expect_list(name, csr->dns, contents[i].dns);
	expect_list(name, csr->emails, contents[i].emails);
	expect_list(name, csr->uris, contents[i].uris);
	for (size_t n = 0; n < csr->ips.count; n++)
		expect_bytes(name, csr->ips.items[n], contents[i].ips[n]);
	assert_int_equal(csr->ips.count, contents[i].ips[0].data == NULL ? 0 : 2);
	assert_int_equal(csr->asks_for_ca, contents[i].spec.ca);
	expect_bytes("public key", csr->spki, slice_of(spki, (size_t)len));
	OPENSSL_free(spki);
	X509_NAME_get0_der(X509_REQ_get_subject_name(req), &subject, &subject_len);
	expect_bytes("subject", csr->subject, slice_of(subject, subject_len));
}

static void
test_contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(contents); i++) {
		SCOPED(X509_REQ) req = request_new(kit.p256, &contents[i].spec);
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;

		assert_true(X509_REQ_sign(req, kit.p256, EVP_sha256()) > 0);
		buf_init(&pem, 20000);
		request_pem(&pem, req);
		if (take(buf_slice(&pem), &a, &csr, &e) != ERR_NONE)
			fail_msg("%s: %s", contents[i].name, e.msg);
		expect_contents(i, &csr, req);
	}
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

#define SAN_A "\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x82\x01\x61"
/* clang-format off */
static const struct {
	const char *name;
	struct slice attributes;
	enum err_code code;
	size_t dns;
} attribute_cases[] = {
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
/* clang-format on */

static void
test_attributes(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(attribute_cases); i++) {
		struct buf SCOPED_BUF der;
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;

		buf_init(&der, 20000);
		buf_init(&pem, 20000);
		sign_by_hand(
		    &der, SLICE_LITERAL("\x30\x00"), attribute_cases[i].attributes, "\x02\x01\x00");
		pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
		if (take(buf_slice(&pem), &a, &csr, &e) != attribute_cases[i].code)
			fail_msg("%s: expected %s, got %s: %s", attribute_cases[i].name,
			    err_name(attribute_cases[i].code), err_name(e.code), e.msg);
		if (attribute_cases[i].code == ERR_NONE)
			assert_int_equal(csr.dns.count, attribute_cases[i].dns);
	}
	struct buf SCOPED_BUF der;
	struct err e;
	buf_init(&der, 20000);
	sign_by_hand(&der, SLICE_LITERAL("\x30\x00"), SLICE_LITERAL("\xa0\x00"), "\x02\x01\x01");
	assert_int_equal(take_der(buf_slice(&der), &e), ERR_CSR_INVALID);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contents),
		cmocka_unit_test(test_wide_names),
		cmocka_unit_test(test_attributes),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
