/* Requests against the same ones built through OpenSSL's X509_REQ API, byte for byte, and taken in again. */
#include "certificate.h"
#include "csr.h"

#include <openssl/rsa.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "csr_kit.h"
#include "template_reference.h"

#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}

static struct slice one_value[] = { T("Acme") };
static struct slice two_values[] = { T("a"), T("b") };
static struct slice one_country[] = { T("DE") };
static struct slice dns[] = { T("ca.example.com"), T("*.example.com") };
static struct slice emails[] = { T("ca@example.com") };
static struct slice ips[] = { T("\x0a\x00\x00\x01") };
static struct slice uris[] = { T("https://example.com/ca") };
static struct other_name others[] = { { T("\x2a\x03\x04"), T("M\xc3\xbcnchen") } };
static struct slice extensions[] = { T("\x30\x09\x06\x03\x2a\x03\x04\x04\x02\x05\x00") };

/* clang-format off */
static const struct {
	const char *name;
	struct template template;
} cases[] = {
	{ "a common name", { .common_name = T("Sub CA"), .is_ca = true, .max_path_length = -1 } },
	{ "nothing", { .max_path_length = -1 } },
	{ "a whole subject", { .country = { one_country, 1 }, .organization = { two_values, 2 }, .organizational_unit = { one_value, 1 },
	    .locality = { one_value, 1 }, .province = { one_value, 1 }, .street_address = { one_value, 1 }, .postal_code = { one_value, 1 },
	    .common_name = T("Sub CA"), .serial_number = T("42"), .user_ids = { one_value, 1 }, .is_ca = true, .max_path_length = 3 } },
	{ "a subject as it is", { .subject = T("\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02\x44\x45") } },
	{ "every kind of name", { .common_name = T("x"), .dns = { dns, 2 }, .emails = { emails, 1 }, .ips = { ips, 1 },
	    .uris = { uris, 1 }, .others = { others, 1 } } },
	{ "names and no subject", { .dns = { dns, 2 } } },
	{ "a CA that says so", { .common_name = T("Sub CA"), .is_ca = true, .basic_constraints = true, .max_path_length = -1 } },
	{ "a CA with path length and names", { .common_name = T("Sub CA"), .dns = { dns, 1 }, .is_ca = true, .basic_constraints = true,
	    .max_path_length = 0 } },
	{ "an end entity that says so", { .common_name = T("x"), .basic_constraints = true } },
	{ "what a request does not hold", { .common_name = T("x"), .key_usage = USAGE_KEY_CERT_SIGN, .ext_key_usage = 3,
	    .policies = T("\x30\x00"), .extensions = { extensions, 1 }, .not_after = 1 } },
};
/* clang-format on */

static void
extensions_free(X509_EXTENSIONS *list)
{
	sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
}
DEFINE_SCOPED(X509_EXTENSIONS, extensions_free)

static void
ask(X509_EXTENSIONS *list, int nid, void *value, bool critical)
{
	assert_int_equal(X509V3_add1_i2d(&list, nid, value, critical, X509V3_ADD_APPEND), 1);
}

static X509_REQ *
reference(const struct template *t, EVP_PKEY *key)
{
	SCOPED(X509_NAME) name = reference_name(t);
	SCOPED(GENERAL_NAMES) names = reference_alt_names(t);
	SCOPED(BASIC_CONSTRAINTS) basic = reference_basic_constraints(t);
	SCOPED(X509_EXTENSIONS) asked = sk_X509_EXTENSION_new_null();
	X509_REQ *req = X509_REQ_new();

	X509_REQ_set_version(req, X509_REQ_VERSION_1);
	X509_REQ_set_subject_name(req, name);
	X509_REQ_set_pubkey(req, key);
	if (t->basic_constraints)
		ask(asked, NID_basic_constraints, basic, true);
	if (sk_GENERAL_NAME_num(names) > 0)
		ask(asked, NID_subject_alt_name, names, X509_NAME_entry_count(name) == 0);
	if (sk_X509_EXTENSION_num(asked) > 0)
		assert_int_equal(X509_REQ_add_extensions(req, asked), 1);
	return req;
}

struct requester {
	const char *name;
	EVP_PKEY **key;
	struct signer_choice choice;
	bool deterministic;
};

static const struct requester requesters[] = {
	{ "RSA", &kit.rsa, { 0, false }, true },
	{ "RSA, SHA-512", &kit.rsa, { 512, false }, true },
	{ "RSA, PSS", &kit.rsa, { 384, true }, false },
	{ "P-224", &kit.p224, { 0, false }, false },
	{ "P-256", &kit.p256, { 0, false }, false },
	{ "P-384", &kit.p384, { 0, false }, false },
	{ "P-521", &kit.p521, { 0, false }, false },
	{ "Ed25519", &kit.ed, { 0, false }, true },
};

static void
build(struct buf *out, const struct template *t, const struct requester *by)
{
	struct err e = { 0 };
	struct signer *s = signer_new_choice(*by->key, by->choice, &e);
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(*by->key, &spki);

	assert_non_null(s);
	if (!csr_build(t, slice_of(spki, (size_t)len), s, out, &e))
		fail_msg("%s", e.msg);
	signer_free(s);
	OPENSSL_free(spki);
}

/* Signed by OpenSSL with the same key: what is the same whenever the signature is. */
static void
expect_same(
    const char *name, const struct template *t, const struct requester *by, struct slice got)
{
	SCOPED(X509_REQ) req = reference(t, *by->key);
	const uint8_t *at = got.data;
	SCOPED(X509_REQ) back = d2i_X509_REQ(NULL, &at, (long)got.len);
	uint8_t *der = NULL, *info = NULL;
	int len;

	if (back == NULL || at != got.data + got.len || X509_REQ_verify(back, *by->key) != 1)
		fail_msg("%s: OpenSSL does not verify the request", name);
	if (by->deterministic) {
		const EVP_MD *md = EVP_PKEY_is_a(*by->key, "ED25519") ? NULL
		    : by->choice.bits == 512                          ? EVP_sha512()
								      : EVP_sha256();

		assert_true(X509_REQ_sign(req, *by->key, md) > 0);
		len = i2d_X509_REQ(req, &der);
		expect_bytes(name, got, slice_of(der, (size_t)len));
	} else {
		len = i2d_re_X509_REQ_tbs(req, &der);
		assert_int_equal(i2d_re_X509_REQ_tbs(back, &info), len);
		expect_bytes(name, slice_of(info, (size_t)len), slice_of(der, (size_t)len));
		/* and not only as OpenSSL reads it: the info stands in it byte for byte */
		if (memmem(got.data, 16 + (size_t)len, der, (size_t)len) == NULL)
			fail_msg("%s: the info is encoded in another way", name);
	}
	OPENSSL_free(der);
	OPENSSL_free(info);
}

static void
test_requests_are_openssls(void **state)
{
	(void)state;
	for (size_t k = 0; k < COUNT(requesters); k++)
		for (size_t i = 0; i < COUNT(cases); i++) {
			struct buf SCOPED_BUF out;
			char name[120];

			snprintf(name, sizeof(name), "%s, %s", cases[i].name, requesters[k].name);
			buf_init(&out, CSR_MAX);
			buf_add_text(&out, "before");
			build(&out, &cases[i].template, &requesters[k]);
			expect_same(name, &cases[i].template, &requesters[k],
			    slice_of(out.data + 6, out.len - 6));
		}
}

static void
expect_text(const char *name, struct slice got, struct slice asked)
{
	if (got.len + asked.len > 0)
		expect_bytes(name, got, asked);
}

/* What is written is what intake reads. */
static void
test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct template *t = &cases[i].template;
		struct buf SCOPED_BUF der;
		struct buf SCOPED_BUF pem;
		struct arena SCOPED_ARENA a = { 0 };
		struct csr csr;
		struct err e;

		buf_init(&der, CSR_MAX);
		buf_init(&pem, CSR_MAX);
		build(&der, t, &requesters[4]);
		pem_add(&pem, "CERTIFICATE REQUEST", buf_slice(&der));
		if (take(buf_slice(&pem), &a, &csr, &e) != ERR_NONE)
			fail_msg("%s: %s", cases[i].name, e.msg);
		expect_text(cases[i].name, csr.common_name, t->common_name);
		assert_int_equal(csr.dns.count, t->dns.count);
		assert_int_equal(csr.emails.count, t->emails.count);
		assert_int_equal(csr.ips.count, t->ips.count);
		assert_int_equal(csr.uris.count, t->uris.count);
		assert_int_equal(csr.asks_for_ca, t->is_ca && t->basic_constraints);
	}
}

static void
test_limit(void **state)
{
	struct err e = { 0 };
	struct signer *s = signer_new(kit.ed, &e);
	const struct template t = { .common_name = SLICE_LITERAL("x") };
	struct buf SCOPED_BUF out;
	uint8_t *spki = NULL;
	int len = i2d_PUBKEY(kit.ed, &spki);

	(void)state;
	buf_init(&out, 40);
	assert_false(csr_build(&t, slice_of(spki, (size_t)len), s, &out, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	OPENSSL_free(spki);
	signer_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_are_openssls),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, make_kit, free_kit);
}
