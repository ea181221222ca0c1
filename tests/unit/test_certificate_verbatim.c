/* Extensions that a template takes over as they are: which stand in a certificate, where, and which never do. */
#include "certificate.h"
#include "ledger.h"
#include "scoped_openssl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

/* By their OIDs' last numbers: basicConstraints 19, keyUsage 15, extKeyUsage 37, SKI 14, AKI 35, SAN 17, policies 32, CDP 31. */
#define BASIC T("\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01\xff")
/* keyCertSign and cRLSign: the certificate then says that it is no CA's */
#define KEY_USAGE  T("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x01\x06")
#define PURPOSES   T("\x30\x0e\x06\x03\x55\x1d\x25\x04\x07\x30\x05\x06\x03\x2a\x03\x04")
#define KEY_ID     T("\x30\x09\x06\x03\x55\x1d\x0e\x04\x02\x04\x00")
#define ISSUER_ID  T("\x30\x09\x06\x03\x55\x1d\x23\x04\x02\x30\x00")
#define ALT_NAMES  T("\x30\x0c\x06\x03\x55\x1d\x11\x04\x05\x30\x03\x82\x01\x61")
#define POLICIES   T("\x30\x0e\x06\x03\x55\x1d\x20\x04\x07\x30\x05\x30\x03\x06\x01\x2a")
#define CRL_POINTS T("\x30\x09\x06\x03\x55\x1d\x1f\x04\x02\x30\x00")
#define ACCESS     T("\x30\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01\x04\x02\x30\x00")
#define FURTHER_A  T("\x30\x0c\x06\x03\x2a\x03\x09\x01\x01\xff\x04\x02\x05\x00")
#define FURTHER_B  T("\x30\x09\x06\x03\x2a\x03\x08\x04\x02\x05\x00")

static struct slice a_name[] = { T("www.example.com") };
static struct slice a_url[] = { T("http://example.com/") };
static const struct certificate_urls urls = {
	.issuing_certificates = { a_url, 1 },
	.crl_distribution_points = { a_url, 1 },
};

#define MADE (-1) /* an extension that is the builder's own */

static struct slice backwards[] = { FURTHER_A, CRL_POINTS, POLICIES, ALT_NAMES, ACCESS, ISSUER_ID,
	KEY_ID, PURPOSES, KEY_USAGE, BASIC, FURTHER_B };
static struct slice plain_usage[] = { T("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x05\xa0") };
static struct slice odd_usage[] = { T("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x00\x06") };
static struct slice only_further[] = { FURTHER_B, FURTHER_A };

#define DATES .not_before = 1700000000, .not_after = 1700086400, .max_path_length = -1
#define EVERYTHING \
	.common_name = T("x"), .dns = { a_name, 1 }, .key_usage = USAGE_KEY_AGREEMENT, \
	.ext_key_usage = PURPOSE_CLIENT_AUTH, .policies = T("\x30\x05\x30\x03\x06\x01\x2b")

/* clang-format off */
static const struct {
	const char *name;
	struct template template;
	const struct certificate_urls *urls;
	struct {
		const char *oid;
		int verbatim; /* its place in the list, or MADE */
	} expected[12];
} cases[] = {
	{ "none", { EVERYTHING, DATES }, &urls, { { "2.5.29.15", MADE }, { "2.5.29.37", MADE }, { "2.5.29.14", MADE }, { "2.5.29.35", MADE },
	    { "1.3.6.1.5.5.7.1.1", MADE }, { "2.5.29.17", MADE }, { "2.5.29.32", MADE }, { "2.5.29.31", MADE } } },
	{ "of further kinds", { EVERYTHING, .extensions = { only_further, 2 }, DATES }, NULL, { { "2.5.29.15", MADE }, { "2.5.29.37", MADE },
	    { "2.5.29.14", MADE }, { "2.5.29.35", MADE }, { "2.5.29.17", MADE }, { "2.5.29.32", MADE }, { "1.2.3.8", 0 }, { "1.2.3.9", 1 } } },
	{ "in the place of what would be made", { EVERYTHING, .extensions = { backwards, 11 }, DATES }, &urls, { { "2.5.29.19", MADE }, { "2.5.29.15", 8 },
	    { "2.5.29.37", 7 }, { "2.5.29.14", MADE }, { "2.5.29.35", MADE }, { "1.3.6.1.5.5.7.1.1", MADE }, { "2.5.29.17", 3 },
	    { "2.5.29.32", 2 }, { "2.5.29.31", MADE }, { "1.2.3.9", 0 }, { "1.2.3.8", 10 } } },
	{ "where nothing would be made", { .common_name = T("x"), .extensions = { backwards, 11 }, DATES }, NULL, { { "2.5.29.19", MADE }, { "2.5.29.15", 8 },
	    { "2.5.29.37", 7 }, { "2.5.29.14", MADE }, { "2.5.29.35", MADE }, { "1.3.6.1.5.5.7.1.1", 4 }, { "2.5.29.17", 3 },
	    { "2.5.29.32", 2 }, { "2.5.29.31", 1 }, { "1.2.3.9", 0 }, { "1.2.3.8", 10 } } },
	{ "a usage of keys", { .common_name = T("x"), .extensions = { plain_usage, 1 }, DATES }, NULL, { { "2.5.29.15", 0 },
	    { "2.5.29.14", MADE }, { "2.5.29.35", MADE } } },
	{ "a usage that nobody understands", { .common_name = T("x"), .extensions = { odd_usage, 1 }, DATES }, NULL, { { "2.5.29.19", MADE },
	    { "2.5.29.15", 0 }, { "2.5.29.14", MADE }, { "2.5.29.35", MADE } } },
	{ "and basicConstraints of the template", { .common_name = T("x"), .basic_constraints = true, .extensions = { backwards, 11 }, DATES },
	    &urls, { { "2.5.29.19", MADE }, { "2.5.29.15", 8 }, { "2.5.29.37", 7 }, { "2.5.29.14", MADE }, { "2.5.29.35", MADE },
	    { "1.3.6.1.5.5.7.1.1", MADE }, { "2.5.29.17", 3 }, { "2.5.29.32", 2 }, { "2.5.29.31", MADE }, { "1.2.3.9", 0 }, { "1.2.3.8", 10 } } },
};
/* clang-format on */

static bool
build(const struct template *t, const struct certificate_urls *own, struct buf *out, struct err *e)
{
	static const uint8_t serial[SERIAL_SIZE] = { 1 };
	SCOPED(EVP_PKEY) key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct signer *s = signer_new(key, e);
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(key, &spki);
	const struct certificate_input in = { .template = t,
		.urls = own,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = slice_of(spki, (size_t)len) };
	bool good = certificate_build(&in, s, out, e);

	signer_free(s);
	OPENSSL_free(spki);
	return good;
}

static void
expect_extension(size_t c, int place, X509_EXTENSION *x)
{
	const char *oid = cases[c].expected[place].oid;
	int verbatim = cases[c].expected[place].verbatim;
	char text[64];
	uint8_t *der = NULL;
	int len = i2d_X509_EXTENSION(x, &der);
	struct slice got = slice_of(der, (size_t)len);

	OBJ_obj2txt(text, sizeof(text), X509_EXTENSION_get_object(x), 1);
	if (oid == NULL || strcmp(text, oid) != 0)
		fail_msg("%s: extension %d is %s", cases[c].name, place, text);
	if (verbatim != MADE)
		expect_bytes(cases[c].name, got, cases[c].template.extensions.items[verbatim]);
	for (size_t i = 0; verbatim == MADE && i < cases[c].template.extensions.count; i++)
		assert_false(slice_eq(got, cases[c].template.extensions.items[i]));
	OPENSSL_free(der);
}

static void
test_places(void **state)
{
	(void)state;
	for (size_t c = 0; c < COUNT(cases); c++) {
		struct buf SCOPED_BUF out;
		struct err e = { 0 };
		int count = 0;

		buf_init(&out, CERTIFICATE_MAX);
		if (!build(&cases[c].template, cases[c].urls, &out, &e))
			fail_msg("%s: %s", cases[c].name, e.msg);
		const uint8_t *at = out.data;
		SCOPED(X509) x = d2i_X509(NULL, &at, (long)out.len);
		assert_non_null(x);
		while (cases[c].expected[count].oid != NULL)
			count++;
		if (X509_get_ext_count(x) != count)
			fail_msg("%s: %d extensions", cases[c].name, X509_get_ext_count(x));
		for (int i = 0; i < count; i++)
			expect_extension(c, i, X509_get_ext(x, i));
		assert_int_equal(X509_check_ca(x), 0);
	}
}

/* Whoever makes a template takes over extensions that parse; a mistake there becomes no certificate. */
static void
test_broken(void **state)
{
	static struct slice broken[] = {
		T(""),
		T("\x30\x00"),
		T("\x30\x07\x06\x03\x2a\x03\x04\x05\x00"),
		T("\x30\x09\x06\x03\x2a\x03\x84\x04\x02\x05\x00"),
		T("\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00\x05\x00"),
		T("\x30\x0b\x06\x03\x2a\x03\x04\x04\x02\x05\x00\x05\x00"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		const struct template t = { .extensions = { &broken[i], 1 }, DATES };
		struct buf SCOPED_BUF out;
		struct err e = { 0 };

		buf_init(&out, CERTIFICATE_MAX);
		assert_false(build(&t, NULL, &out, &e));
		assert_int_equal(e.code, ERR_INTERNAL);
		assert_int_equal(out.len, 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
