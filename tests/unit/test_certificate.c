/* Certificates against the same ones built through OpenSSL's X509 API, byte for byte. */
#include "certificate.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"
#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "x509_reference.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define MINUTE_US    ((int64_t)60 * 1000 * 1000)

/* ---- the cases ---- */

#define TEXTS(...) \
	{ \
		.items = (struct slice[]){ __VA_ARGS__ }, \
		.count = sizeof((struct slice[]){ __VA_ARGS__ }) / sizeof(struct slice) \
	}
#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define LONG_LABEL "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg."
#define LONG_NAME \
	LONG_LABEL LONG_LABEL LONG_LABEL "hhhhhhhhhhiiiiiiiiiijjjjjjjjjjkkkkkkkkkk.example.com"
#define YEAR_2050 2524608000

static struct slice forty[40];
static char forty_text[40][64];

static struct slice one_dns[] = { T("www.example.com") };
static struct slice three_dns[] = { T("*.example.com"), T("example.com"), T(LONG_NAME) };
static struct slice two_emails[] = { T("a@example.com"), T("b+c@mail.example.com") };
static struct slice three_ips[] = { T("\x7f\x00\x00\x01"),
	T("\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"),
	T("\x0a\x00\x00\xff") };
static struct slice one_url[] = { T("http://ca.example.com/ca.der") };
static struct slice two_urls[] = {
	T("http://crl.example.com/pki.crl"),
	T("http://crl2.example.com/a-rather-long-path/that-makes/the-length-grow/over/one-hundred-and-twenty-seven/octets/so-that/it-needs-two.crl")
};

static struct slice one_value[] = { T("Acme") };
static struct slice two_values[] = { T("M\xc3\xbcller & S\xc3\xb6hne"), T("B") };
static struct slice with_empty[] = { T(""), T("z"), T(""), T("a") };
static struct slice countries[] = { T("DE"), T("\xc3\x96sterreich") };
static struct slice two_uris[] = { T("spiffe://example.com/a"), T("https://example.com/?q=a,b") };
static struct other_name two_others[] = {
	{ T("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03"), T("someone@example.com") },
	{ T("\x2a\x03\x04"), T("\xe2\x82\xac") },
};
static struct slice two_purposes[] = { T("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x02"),
	T("\x2a\x03\x04\x05") };
static struct slice time_stamping[] = { T("\x2b\x06\x01\x05\x05\x07\x03\x08") };
/* anyPolicy, and one with a CPS pointer */
#define POLICIES \
	"\x30\x26\x30\x06\x06\x04\x55\x1d\x20\x00\x30\x1c\x06\x03\x2a\x03\x04\x30\x15\x30\x13" \
	"\x06\x08\x2b\x06\x01\x05\x05\x07\x02\x01\x16\x07http://"
/* one RelativeDistinguishedName of two attributes, of odd string types */
#define RAW_SUBJECT \
	"\x30\x1c\x31\x1a\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\x00\x43\x00\x41\x30\x0b\x06\x03\x55\x04\x0a" \
	"\x14\x04\x41\x43\x45\xe9"

static const struct certificate_urls no_urls = { 0 };
static const struct certificate_urls all_urls = {
	.issuing_certificates = { one_url, 1 },
	.crl_distribution_points = { two_urls, 2 },
	.ocsp_servers = { two_urls, 2 },
};
static const struct certificate_urls crl_url = { .crl_distribution_points = { one_url, 1 } };

#define TLS \
	.key_usage = USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT, \
	.ext_key_usage = PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH
#define NOW  .not_before = 1700000000, .not_after = 1700086400
#define LEAF .max_path_length = -1

/* clang-format off */
static const struct {
	const char *name;
	struct template template;
	const struct certificate_urls *urls;
	bool self_signed;
} cases[] = {
	{ "a plain leaf", { .common_name = T("www.example.com"), .dns = { one_dns, 1 }, TLS, NOW, LEAF }, NULL, false },
	{ "no names at all", { NOW, LEAF }, &no_urls, false },
	{ "no subject", { .dns = { one_dns, 1 }, TLS, NOW, LEAF }, NULL, false },
	{ "an empty common name", { .common_name = T(""), .emails = { two_emails, 2 }, NOW, LEAF }, NULL, false },
	{ "every kind of name", { .common_name = T("example.com"), .dns = { three_dns, 3 }, .emails = { two_emails, 2 },
	    .ips = { three_ips, 3 }, .key_usage = USAGE_DIGITAL_SIGNATURE, .ext_key_usage = 0xf, NOW, LEAF }, &all_urls, false },
	{ "addresses only", { .ips = { three_ips, 3 }, NOW, LEAF }, &crl_url, false },
	{ "forty names", { .common_name = T("0.example.com"), .dns = { forty, 40 }, TLS, NOW, LEAF }, &all_urls, false },
	{ "a common name that is not ASCII", { .common_name = T("M\xc3\xbcnchen \xe2\x82\xac"), NOW, LEAF }, NULL, false },
	{ "a long common name", { .common_name = T(LONG_NAME), .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "every key usage", { .common_name = T("ku"), .key_usage = 0x1ff, NOW, LEAF }, NULL, false },
	{ "the last key usage", { .common_name = T("ku"), .key_usage = USAGE_DECIPHER_ONLY, NOW, LEAF }, NULL, false },
	{ "the first key usage", { .common_name = T("ku"), .key_usage = USAGE_DIGITAL_SIGNATURE, NOW, LEAF }, NULL, false },
	{ "one purpose", { .common_name = T("eku"), .ext_key_usage = PURPOSE_EMAIL_PROTECTION, NOW, LEAF }, NULL, false },
	{ "over the border of 2050", { .common_name = T("t"), .not_before = YEAR_2050 - 1, .not_after = YEAR_2050, LEAF }, NULL, false },
	{ "behind the border of 2050", { .common_name = T("t"), .not_before = YEAR_2050, .not_after = 253402300799, LEAF }, NULL, false },
	{ "before 1970", { .common_name = T("t"), .not_before = -86400, .not_after = 0, LEAF }, NULL, false },
	{ "the last second", { .common_name = T("t"), .not_before = YEAR_2050 + 1, .not_after = 253402300799, LEAF }, NULL, false },
	{ "the whole subject", { .country = { countries, 1 }, .organization = { one_value, 1 }, .organizational_unit = { one_value, 1 },
	    .locality = { one_value, 1 }, .province = { one_value, 1 }, .street_address = { one_value, 1 }, .postal_code = { one_value, 1 },
	    .common_name = T("cn"), .serial_number = T("1-2 (3)"), .user_ids = { one_value, 1 }, .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "several values", { .country = { countries, 2 }, .organization = { two_values, 2 }, .organizational_unit = { with_empty, 4 },
	    .locality = { two_values, 2 }, .province = { two_values, 2 }, .street_address = { with_empty, 4 }, .postal_code = { two_values, 2 },
	    .user_ids = { with_empty, 4 }, NOW, LEAF }, NULL, false },
	{ "a serial number that does not print", { .serial_number = T("a*b_c"), NOW, LEAF }, NULL, false },
	{ "no subject but empty values", { .organization = { with_empty, 1 }, .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "only an organization", { .organization = { one_value, 1 }, .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "a subject as it is", { .subject = T(RAW_SUBJECT), .common_name = T("not this"), .organization = { one_value, 1 },
	    .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "an empty subject as it is", { .subject = T("\x30\x00"), .common_name = T("not this"), .dns = { one_dns, 1 }, NOW, LEAF }, NULL, false },
	{ "URIs", { .uris = { two_uris, 2 }, NOW, LEAF }, NULL, false },
	{ "other names", { .common_name = T("x"), .others = { two_others, 2 }, NOW, LEAF }, NULL, false },
	{ "really every kind of name", { .dns = { three_dns, 3 }, .emails = { two_emails, 2 }, .ips = { three_ips, 3 },
	    .uris = { two_uris, 2 }, .others = { two_others, 2 }, NOW, LEAF }, NULL, false },
	{ "every purpose", { .common_name = T("eku"), .ext_key_usage = (1 << TEMPLATE_PURPOSES) - 1,
	    .ext_key_usage_oids = { two_purposes, 2 }, NOW, LEAF }, NULL, false },
	{ "a time stamper", { .common_name = T("eku"), .ext_key_usage = PURPOSE_TIME_STAMPING, NOW, LEAF }, NULL, false },
	{ "a time stamper by its OID", { .common_name = T("eku"), .ext_key_usage_oids = { time_stamping, 1 }, NOW, LEAF }, NULL, false },
	{ "a purpose of one's own", { .common_name = T("eku"), .ext_key_usage_oids = { two_purposes, 2 }, NOW, LEAF }, NULL, false },
	{ "policies", { .common_name = T("x"), .policies = T(POLICIES), NOW, LEAF }, &all_urls, false },
	{ "no CA, and it says so", { .common_name = T("x"), .basic_constraints = true, TLS, NOW, LEAF }, NULL, false },
	{ "no CA with path length", { .common_name = T("x"), .basic_constraints = true, NOW, .max_path_length = 3 }, NULL, false },
	{ "a CA of an organization", { .common_name = T("Root"), .organization = { one_value, 1 }, .country = { countries, 1 }, .is_ca = true,
	    .basic_constraints = true, .key_usage = USAGE_KEY_CERT_SIGN, NOW, .max_path_length = -1 }, &all_urls, true },
	{ "a root", { .common_name = T("Root"), .is_ca = true, .key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN, NOW,
	    .max_path_length = -1 }, &no_urls, true },
	{ "a root with path length", { .common_name = T("Root"), .is_ca = true, .key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN,
	    NOW, .max_path_length = 0, .dns = { one_dns, 1 } }, &all_urls, true },
	{ "an intermediate", { .common_name = T("Sub"), .is_ca = true, .key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN, NOW,
	    .max_path_length = 300 }, &crl_url, false },
};

static const struct kind {
	const char *name;
	enum key_type type;
	int64_t bits;
} kinds[] = {
	{ "RSA-2048", KEY_RSA, 2048 }, { "P-224", KEY_EC, 224 }, { "P-256", KEY_EC, 256 },
	{ "P-384", KEY_EC, 384 }, { "P-521", KEY_EC, 521 }, { "Ed25519", KEY_ED25519, 0 },
};

static const struct {
	size_t kind;
	struct signer_choice choice;
	bool deterministic;
} signers[] = {
	{ 0, { 0, false }, true }, { 0, { 256, false }, true }, { 0, { 384, false }, true }, { 0, { 512, false }, true },
	{ 0, { 0, true }, false }, { 0, { 256, true }, false }, { 0, { 384, true }, false }, { 0, { 512, true }, false },
	{ 1, { 0, false }, false }, { 2, { 0, false }, false }, { 2, { 512, true }, false }, { 3, { 256, true }, false },
	{ 4, { 0, false }, false }, { 5, { 0, false }, true }, { 5, { 384, true }, true },
};

/* RFC 5280 4.1.2.4: an issuer's name is taken as it is, whatever its string types */
static const uint8_t issuer_name[] =
	"\x30\x2a\x31\x0b\x30\x09\x06\x03\x55\x04\x06\x13\x02\x44\x45\x31\x0c\x30\x0a\x06\x03\x55\x04\x0a"
	"\x14\x03\x41\x43\x45\x31\x0d\x30\x0b\x06\x03\x55\x04\x03\x1e\x04\x00\x43\x00\x41";
/* clang-format on */

struct issuer_kit {
	EVP_PKEY *key;
	struct signer *signer;
	struct signer_choice choice;
	bool deterministic;
};

static struct slice
tbs_of(struct slice der)
{
	long len;
	int tag, class;
	const uint8_t *at = der.data;
	const uint8_t *start;

	ASN1_get_object(&at, &len, &tag, &class, (long)der.len);
	start = at;
	ASN1_get_object(&at, &len, &tag, &class, (long)(der.data + der.len - at));
	return slice_of(start, (size_t)(at + len - start));
}

static void
expect_same(const char *name, const struct certificate_input *in, const struct issuer_kit *issuer)
{
	struct buf SCOPED_BUF out;
	struct err e = { 0 };
	SCOPED(X509) expected = x509_reference(in, issuer->key, issuer->choice);
	uint8_t *der = NULL;
	int len;

	buf_init(&out, CERTIFICATE_MAX);
	buf_add_text(&out, "what stands before");
	if (!certificate_build(in, issuer->signer, &out, &e))
		fail_msg("%s: %s", name, e.msg);
	struct slice got = slice_of(out.data + 18, out.len - 18);
	len = i2d_X509(expected, &der);
	if (issuer->deterministic)
		expect_bytes(name, got, slice_of(der, (size_t)len));
	else
		expect_bytes(name, tbs_of(got), tbs_of(slice_of(der, (size_t)len)));
	OPENSSL_free(der);
	const uint8_t *at = got.data;
	SCOPED(X509) back = d2i_X509(NULL, &at, (long)got.len);
	if (back == NULL || at != got.data + got.len || X509_verify(back, issuer->key) != 1)
		fail_msg("%s: OpenSSL does not verify the certificate", name);
	der = NULL;
	assert_int_equal(i2d_re_X509_tbs(back, &der), tbs_of(got).len);
	assert_memory_equal(der, tbs_of(got).data, tbs_of(got).len);
	OPENSSL_free(der);
}

static EVP_PKEY *
make(const struct kind *kind)
{
	struct err e = { 0 };
	EVP_PKEY *key = key_generate(kind->type, kind->bits, time_monotonic_us() + MINUTE_US, &e);

	if (key == NULL)
		fail_msg("%s: %s", kind->name, e.msg);
	return key;
}

static struct slice
spki_of(EVP_PKEY *key, uint8_t room[static 2048])
{
	uint8_t *at = room;

	return slice_of(room, (size_t)i2d_PUBKEY(key, &at));
}

/* Every case, the subjects' keys in turn. */
static void
expect_cases(const struct issuer_kit *issuer, size_t kind, EVP_PKEY *const keys[])
{
	static uint8_t serials[][SERIAL_SIZE] = {
		{ 0x01, 0x02 },
		{ 0x7f, 0xff, 0xff },
		{ 0x00, 0x80, 1 },
		{ 0x00, 0x00, 0x01, 1 },
	};
	static const uint8_t key_id[20] = "01234567890123456789";

	for (size_t c = 0; c < COUNT(cases); c++) {
		uint8_t spki[2048];
		size_t subject = cases[c].self_signed ? kind : (kind + c) % COUNT(kinds);
		char name[160];
		struct certificate_input in = {
			.template = &cases[c].template,
			.urls = cases[c].urls,
			.serial = slice_of(serials[c % COUNT(serials)], SERIAL_SIZE),
			.spki = spki_of(keys[subject], spki),
		};

		if (!cases[c].self_signed) {
			in.issuer_subject = slice_of(issuer_name, sizeof(issuer_name) - 1);
			in.issuer_key_id = slice_of(key_id, sizeof(key_id));
		}
		snprintf(name, sizeof(name), "%s, key %s, signed with %s, %lld bits%s",
		    cases[c].name, kinds[subject].name, kinds[kind].name,
		    (long long)issuer->choice.bits, issuer->choice.pss ? ", PSS" : "");
		expect_same(name, &in, issuer);
	}
}

static void
test_certificates_are_openssls(void **state)
{
	EVP_PKEY *keys[COUNT(kinds)];

	(void)state;
	for (size_t i = 0; i < COUNT(kinds); i++)
		keys[i] = make(&kinds[i]);
	for (size_t i = 0; i < COUNT(signers); i++) {
		EVP_PKEY *key = keys[signers[i].kind];
		struct err e = { 0 };
		struct issuer_kit issuer = { key, signer_new_choice(key, signers[i].choice, &e),
			signers[i].choice, signers[i].deterministic };

		assert_non_null(issuer.signer);
		expect_cases(&issuer, signers[i].kind, keys);
		signer_free(issuer.signer);
	}
	for (size_t i = 0; i < COUNT(kinds); i++)
		EVP_PKEY_free(keys[i]);
}

static void
test_choices(void **state)
{
	static const int64_t wrong[] = { 1, 224, 255, 521, -256, INT64_MAX };
	SCOPED(EVP_PKEY) rsa = make(&kinds[0]);
	SCOPED(EVP_PKEY) pss = EVP_PKEY_Q_keygen(NULL, NULL, "RSA-PSS", (size_t)2048);
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(wrong); i++) {
		assert_null(signer_new_choice(
		    rsa, (struct signer_choice){ .bits = wrong[i], .pss = i % 2 == 0 }, &e));
		assert_int_equal(e.code, ERR_INVALID_VALUE);
		assert_string_equal(e.field, "signature_bits");
	}
	assert_null(signer_new(pss, &e));
	assert_int_equal(e.code, ERR_WEAK_KEY);
}

static void
test_limits(void **state)
{
	static uint8_t serial[SERIAL_SIZE] = { 1 };
	SCOPED(EVP_PKEY) key = make(&kinds[5]);
	struct err e = { 0 };
	struct signer *s = signer_new(key, &e);
	uint8_t room[2048];
	struct template t = { .common_name = T("x"), NOW, LEAF };
	struct certificate_input in = { .template = &t,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = spki_of(key, room) };
	struct buf SCOPED_BUF out;

	(void)state;
	buf_init(&out, 100);
	assert_false(certificate_build(&in, s, &out, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	buf_done(&out);
	buf_init(&out, CERTIFICATE_MAX);
	t.not_after = INT64_MAX;
	assert_false(certificate_build(&in, s, &out, &e));
	assert_int_equal(e.code, ERR_INTERNAL);
	in.spki = SLICE_LITERAL("\x30\x00");
	assert_false(certificate_build(&in, s, &out, &e));
	assert_int_equal(e.code, ERR_MALFORMED);
	assert_int_equal(out.len, 0);
	signer_free(s);
}

static void
test_read(void **state)
{
	static uint8_t serial[SERIAL_SIZE] = { 0x5e, 0x62 };
	SCOPED(EVP_PKEY) key = make(&kinds[2]);
	struct err e = { 0 };
	struct signer *s = signer_new(key, &e);
	uint8_t room[2048];
	struct template t = {
		.common_name = T("x"), .not_before = 1, .not_after = YEAR_2050, LEAF
	};
	struct certificate_input in = { .template = &t,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = spki_of(key, room),
		.issuer_subject = slice_of(issuer_name, sizeof(issuer_name) - 1) };
	struct certificate_facts facts;
	struct buf SCOPED_BUF out;

	(void)state;
	buf_init(&out, CERTIFICATE_MAX);
	assert_true(certificate_build(&in, s, &out, &e));
	assert_true(certificate_read(buf_slice(&out), &facts, &e));
	expect_bytes("serial", facts.serial, in.serial);
	expect_bytes("issuer", facts.issuer, in.issuer_subject);
	expect_bytes("spki", facts.spki, in.spki);
	assert_int_equal(facts.not_before, 1);
	assert_int_equal(facts.not_after, YEAR_2050);
	for (size_t len = 0; len < out.len; len++)
		if (certificate_read(slice_of(out.data, len), &facts, &e))
			fail_msg("%zu of %zu octets were read", len, out.len);
	buf_add_byte(&out, 0);
	assert_false(certificate_read(buf_slice(&out), &facts, &e));
	assert_int_equal(e.code, ERR_CERTIFICATE_INVALID);
	signer_free(s);
}

static int
fill_forty(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forty); i++) {
		snprintf(
		    forty_text[i], sizeof(forty_text[i]), "%zu.a-name-among-others.example.com", i);
		forty[i] = slice_text(forty_text[i]);
	}
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_certificates_are_openssls),
		cmocka_unit_test(test_choices),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_read),
	};

	return cmocka_run_group_tests(tests, fill_forty, NULL);
}
