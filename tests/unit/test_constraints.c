/*
 * What a constrained CA permits: for names, path lengths and critical extensions the same that OpenSSL's X509_verify_cert
 * says of the certificate, once it is made.
 */
#include "certificate.h"
#include "key.h"
#include "ledger.h"
#include "scoped_openssl.h"

#include <openssl/err.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define T(text) \
	{ \
		(const uint8_t *)(text), sizeof(text) - 1 \
	}
#define START     1700000000
#define END       1800000000
#define CHAIN_MAX 3

/* One of a chain: its extensions in openssl's notation, in tests only. */
struct ca_spec {
	const char *name, *basic, *names, *purposes, *other;
};

/* ---- chains, made with OpenSSL ---- */

static EVP_PKEY *key; /* of everybody */

static void
add_text(X509 *x, const char *oid, const char *text)
{
	int nid = OBJ_txt2nid(oid);
	SCOPED(X509_EXTENSION) extension = NULL;

	if (text == NULL)
		return;
	extension = X509V3_EXT_conf_nid(NULL, NULL, nid, text);
	if (extension == NULL)
		fail_msg("%s: %s", oid, text);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
}

/* A critical extension that nobody knows. */
static void
add_unknown(X509 *x, const char *oid)
{
	SCOPED(ASN1_OBJECT) object = OBJ_txt2obj(oid, 1);
	SCOPED(ASN1_OCTET_STRING) value = ASN1_OCTET_STRING_new();
	SCOPED(X509_EXTENSION) extension = NULL;

	ASN1_OCTET_STRING_set(value, (const uint8_t *)"\x05\x00", 2);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, 1, value);
	assert_int_equal(X509_add_ext(x, extension, -1), 1);
}

static X509 *
ca_new(const struct ca_spec *spec, X509 *parent)
{
	X509 *x = X509_new();
	X509_NAME *name = X509_get_subject_name(x);

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	ASN1_TIME_set(X509_getm_notBefore(x), START);
	ASN1_TIME_set(X509_getm_notAfter(x), END);
	X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_ASC, (const uint8_t *)spec->name, -1, -1, 0);
	X509_set_issuer_name(x, parent == NULL ? name : X509_get_subject_name(parent));
	X509_set_pubkey(x, key);
	add_text(x, "basicConstraints", spec->basic);
	add_text(x, "keyUsage", "critical,keyCertSign,cRLSign");
	add_text(x, "nameConstraints", spec->names);
	add_text(x, "extendedKeyUsage", spec->purposes);
	if (spec->other != NULL)
		add_unknown(x, spec->other);
	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	return x;
}

struct chain {
	X509 *x509[CHAIN_MAX]; /* the issuer, then those above it */
	size_t count;
	struct issuer *issuer;
};

static struct slice
der_of(X509 *x)
{
	uint8_t *der = NULL;
	int len = i2d_X509(x, &der);

	assert_true(len > 0);
	return slice_of(der, (size_t)len);
}

/* specs: the issuer first. */
static void
chain_make(struct chain *c, const struct ca_spec specs[CHAIN_MAX])
{
	struct slice der[CHAIN_MAX];
	struct err e = { 0 };

	*c = (struct chain){ 0 };
	while (c->count < CHAIN_MAX && specs[c->count].name != NULL)
		c->count++;
	for (size_t i = c->count; i-- > 0;) {
		c->x509[i] = ca_new(&specs[i], i + 1 < c->count ? c->x509[i + 1] : NULL);
		der[i] = der_of(c->x509[i]);
	}
	c->issuer = issuer_new(der[0], &der[1], c->count - 1, key, &e);
	if (c->issuer == NULL)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < c->count; i++)
		OPENSSL_free((void *)(uintptr_t)der[i].data);
}

static void
chain_done(struct chain *c)
{
	for (size_t i = 0; i < c->count; i++)
		X509_free(c->x509[i]);
	issuer_free(c->issuer);
}

/* ---- what OpenSSL says ---- */

static X509 *
leaf_new(const struct chain *c, const struct template *t)
{
	static const uint8_t serial[SERIAL_SIZE] = { 1 };
	struct certificate_input in = { .template = t,
		.serial = slice_of(serial, sizeof(serial)),
		.issuer_subject = c->issuer->subject,
		.issuer_key_id = c->issuer->key_id };
	SCOPED(EVP_PKEY) other = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct buf SCOPED_BUF der;
	struct err e = { 0 };
	struct signer *s = signer_new(key, &e);
	uint8_t *spki = NULL;
	const uint8_t *at;
	X509 *x;

	in.spki.len = (size_t)i2d_PUBKEY(other, &spki);
	in.spki.data = spki;
	buf_init(&der, CERTIFICATE_MAX);
	assert_true(certificate_build(&in, s, &der, &e));
	at = der.data;
	x = d2i_X509(NULL, &at, (long)der.len);
	assert_non_null(x);
	signer_free(s);
	OPENSSL_free(spki);
	return x;
}

/* X509_V_OK, or what is wrong. */
static int
verify(const struct chain *c, const struct template *t)
{
	SCOPED(X509) x = leaf_new(c, t);
	SCOPED(X509_STORE) store = X509_STORE_new();
	SCOPED(X509_STORE_CTX) ctx = X509_STORE_CTX_new();
	STACK_OF(X509) *untrusted = sk_X509_new_null();
	int verdict;

	X509_STORE_add_cert(store, c->x509[c->count - 1]);
	for (size_t i = 0; i + 1 < c->count; i++)
		sk_X509_push(untrusted, c->x509[i]);
	assert_int_equal(X509_STORE_CTX_init(ctx, store, x, untrusted), 1);
	X509_STORE_CTX_set_time(ctx, 0, START + 1);
	verdict = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	sk_X509_free(untrusted);
	return verdict;
}

/* ---- the cases ---- */

#define ROOT \
	{ \
		"Root", "critical,CA:TRUE", NULL, NULL, NULL \
	}
#define PLAIN \
	{ \
		"Sub", "critical,CA:TRUE", NULL, NULL, NULL \
	}
#define LIMIT(n) \
	{ \
		"Limited", "critical,CA:TRUE,pathlen:" n, NULL, NULL, NULL \
	}
#define NAMES(text) \
	{ \
		"Named", "critical,CA:TRUE", "critical," text, NULL, NULL \
	}
#define PURPOSES(text) \
	{ \
		"Purposes", "critical,CA:TRUE", NULL, text, NULL \
	}
#define UNKNOWN \
	{ \
		"Unknown", "critical,CA:TRUE", NULL, NULL, "1.2.3.4.5" \
	}

#define DATES .not_before = START, .not_after = END - 1
#define CA \
	.is_ca = true, .key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN, .max_path_length = -1, \
	DATES
#define LEAF .max_path_length = -1, DATES
#define LIST(name) \
	{ \
		name, COUNT(name) \
	}

static struct slice inside[] = { T("www.example.com") };
static struct slice apex[] = { T("example.com") };
static struct slice upper[] = { T("WWW.Example.COM") };
static struct slice outside[] = { T("www.example.org") };
static struct slice similar[] = { T("www.notexample.com") };
static struct slice wildcard[] = { T("*.example.com") };
static struct slice both[] = { T("www.example.com"), T("www.example.org") };
static struct slice hidden[] = { T("a.secret.example.com") };
static struct slice mail_inside[] = { T("a@example.com") };
static struct slice mail_outside[] = { T("a@example.org") };
static struct slice ip_inside[] = { T("\x0a\x01\x02\x03") };
static struct slice ip_outside[] = { T("\x0b\x01\x02\x03") };
static struct slice ip6_inside[] = { T("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") };
static struct slice uri_inside[] = { T("https://www.example.com/x") };
static struct slice uri_outside[] = { T("https://www.example.org/x") };
static struct slice acme[] = { T("Acme") };
static struct other_name some_other[] = { { T("\x2a\x03\x04"), T("someone") } };
/* a verbatim subjectAltName of DNS:www.example.org, and extendedKeyUsages */
static struct slice san_outside[] = { T(
    "\x30\x1a\x06\x03\x55\x1d\x11\x04\x13\x30\x11\x82\x0fwww.example.org") };
static struct slice san_inside[] = { T(
    "\x30\x1a\x06\x03\x55\x1d\x11\x04\x13\x30\x11\x82\x0fwww.example.com") };
static struct slice eku_client[] = { T(
    "\x30\x13\x06\x03\x55\x1d\x25\x04\x0c\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02") };
static struct slice own_purpose[] = { T("\x2a\x03\x04") };
static struct slice other_purpose[] = { T("\x2a\x03\x05") };

/* clang-format off */
static const struct {
	const char *name;
	struct ca_spec chain[CHAIN_MAX]; /* the issuer first */
	struct template template;
	const char *refused; /* a part of the message; NULL: permitted */
	bool alone; /* OpenSSL does not ask this */
} cases[] = {
	{ "nothing is constrained", { PLAIN, ROOT }, { .common_name = T("x"), .dns = LIST(outside), LEAF }, NULL, false },
	{ "nothing is constrained, a CA", { PLAIN, ROOT }, { .common_name = T("x"), CA }, NULL, false },

	{ "path length 0 and a leaf", { LIMIT("0"), ROOT }, { .common_name = T("x"), LEAF }, NULL, false },
	{ "path length 0 and a CA", { LIMIT("0"), ROOT }, { .common_name = T("x"), CA }, "path length", true },
	{ "path length 1 and a CA", { LIMIT("1"), ROOT }, { .common_name = T("x"), CA }, NULL, false },
	{ "path length 1 above and a CA", { PLAIN, LIMIT("1"), ROOT }, { .common_name = T("x"), CA }, "path length", true },
	{ "path length 2 above and a CA", { PLAIN, LIMIT("2"), ROOT }, { .common_name = T("x"), CA }, NULL, false },
	{ "path length 1 above and a leaf", { PLAIN, LIMIT("1"), ROOT }, { .common_name = T("x"), LEAF }, NULL, false },
	{ "path length 0 above and a leaf", { PLAIN, LIMIT("0"), ROOT }, { .common_name = T("x"), LEAF }, "path length", false },
	{ "path length of a root", { PLAIN, { "Root", "critical,CA:TRUE,pathlen:0", NULL, NULL, NULL } },
	    { .common_name = T("x"), LEAF }, "path length", false },
	{ "a self-issued CA does not count", { PLAIN, PLAIN, { "Sub", "critical,CA:TRUE,pathlen:0", NULL, NULL, NULL } },
	    { .common_name = T("x"), LEAF }, NULL, false },

	{ "a critical extension", { UNKNOWN, ROOT }, { .common_name = T("x"), LEAF }, "critical extension", false },
	{ "a critical extension above", { PLAIN, UNKNOWN, ROOT }, { .common_name = T("x"), LEAF }, "critical extension", false },

	{ "a name inside", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(inside), LEAF }, NULL, false },
	{ "the domain itself", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(apex), LEAF }, NULL, false },
	{ "a name in upper case", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(upper), LEAF }, NULL, false },
	{ "a wildcard inside", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(wildcard), LEAF }, NULL, false },
	{ "a name outside", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(outside), LEAF }, "permitted subtree", false },
	{ "a name that only ends so", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(similar), LEAF }, "permitted subtree", false },
	{ "one of two outside", { NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(both), LEAF }, "permitted subtree", false },
	{ "a name that is left out", { NAMES("permitted;DNS:example.com,excluded;DNS:secret.example.com"), ROOT },
	    { .dns = LIST(hidden), LEAF }, "excluded subtree", false },
	{ "a name of a kind that is free", { NAMES("permitted;DNS:example.com"), ROOT }, { .emails = LIST(mail_outside), LEAF }, NULL, false },
	{ "constrained above", { PLAIN, NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(outside), LEAF }, "permitted subtree", false },
	{ "constrained above, a name inside", { PLAIN, NAMES("permitted;DNS:example.com"), ROOT }, { .dns = LIST(inside), LEAF }, NULL, false },
	{ "constrained twice", { NAMES("permitted;DNS:example.com"), NAMES("permitted;DNS:example.org"), ROOT },
	    { .dns = LIST(inside), LEAF }, "permitted subtree", false },
	{ "a common name outside", { NAMES("permitted;DNS:example.com"), ROOT }, { .common_name = T("www.example.org"), LEAF }, "permitted subtree", false },
	{ "a common name inside", { NAMES("permitted;DNS:example.com"), ROOT }, { .common_name = T("www.example.com"), LEAF }, NULL, false },
	{ "a common name that is no host's", { NAMES("permitted;DNS:example.com"), ROOT }, { .common_name = T("Some One"), LEAF }, NULL, false },
	{ "a common name outside beside a DNS name", { NAMES("permitted;DNS:example.com"), ROOT },
	    { .common_name = T("www.example.org"), .dns = LIST(inside), LEAF }, NULL, false },
	{ "a common name outside beside a verbatim DNS name", { NAMES("permitted;DNS:example.com"), ROOT },
	    { .common_name = T("www.example.org"), .extensions = LIST(san_inside), LEAF }, NULL, false },
	{ "a CA's common name", { NAMES("permitted;DNS:example.com"), ROOT }, { .common_name = T("www.example.org"), CA }, NULL, true },
	{ "a CA's name outside", { NAMES("permitted;DNS:example.com"), ROOT }, { .common_name = T("x"), .dns = LIST(outside), CA },
	    "permitted subtree", true },
	{ "a verbatim name outside", { NAMES("permitted;DNS:example.com"), ROOT }, { .extensions = LIST(san_outside), LEAF }, "permitted subtree", false },
	{ "an address inside", { NAMES("permitted;email:example.com"), ROOT }, { .emails = LIST(mail_inside), LEAF }, NULL, false },
	{ "an address outside", { NAMES("permitted;email:example.com"), ROOT }, { .emails = LIST(mail_outside), LEAF }, "permitted subtree", false },
	{ "an IP address inside", { NAMES("permitted;IP:10.0.0.0/255.0.0.0"), ROOT }, { .ips = LIST(ip_inside), LEAF }, NULL, false },
	{ "an IP address outside", { NAMES("permitted;IP:10.0.0.0/255.0.0.0"), ROOT }, { .ips = LIST(ip_outside), LEAF }, "permitted subtree", false },
	{ "an IPv6 address where IPv4 is permitted", { NAMES("permitted;IP:10.0.0.0/255.0.0.0"), ROOT }, { .ips = LIST(ip6_inside), LEAF },
	    "permitted subtree", false },
	{ "a URI inside", { NAMES("permitted;URI:.example.com"), ROOT }, { .uris = LIST(uri_inside), LEAF }, NULL, false },
	{ "a URI outside", { NAMES("permitted;URI:.example.com"), ROOT }, { .uris = LIST(uri_outside), LEAF }, "permitted subtree", false },
	{ "another name where one is constrained", { NAMES("permitted;otherName:1.2.3.4;UTF8:x"), ROOT }, { .others = { some_other, 1 }, LEAF },
	    "name constraint", false },
	{ "an organization, and DNS is constrained", { NAMES("permitted;DNS:example.com"), ROOT },
	    { .organization = LIST(acme), .dns = LIST(inside), LEAF }, NULL, false },

	{ "purposes inside", { PURPOSES("serverAuth,clientAuth"), ROOT },
	    { .common_name = T("x"), .ext_key_usage = PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, LEAF }, NULL, true },
	{ "one purpose outside", { PURPOSES("serverAuth"), ROOT },
	    { .common_name = T("x"), .ext_key_usage = PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, LEAF }, "TLS Web Client Authentication", true },
	{ "no purposes under some", { PURPOSES("serverAuth"), ROOT }, { .common_name = T("x"), LEAF }, NULL, true },
	{ "any purpose under any", { PURPOSES("serverAuth,anyExtendedKeyUsage"), ROOT },
	    { .common_name = T("x"), .ext_key_usage = PURPOSE_CODE_SIGNING | PURPOSE_ANY, LEAF }, NULL, true },
	{ "any purpose under one", { PURPOSES("serverAuth"), ROOT }, { .common_name = T("x"), .ext_key_usage = PURPOSE_ANY, LEAF }, "Any Extended", true },
	{ "an answerer's purpose", { PURPOSES("serverAuth"), ROOT }, { .common_name = T("x"), .ext_key_usage = PURPOSE_OCSP_SIGNING, LEAF }, NULL, true },
	{ "a purpose by its numbers", { PURPOSES("1.2.3.4"), ROOT }, { .common_name = T("x"), .ext_key_usage_oids = LIST(own_purpose), LEAF }, NULL, true },
	{ "another by its numbers", { PURPOSES("1.2.3.4"), ROOT }, { .common_name = T("x"), .ext_key_usage_oids = LIST(other_purpose), LEAF },
	    "1.2.3.5", true },
	{ "a purpose outside above", { PLAIN, PURPOSES("serverAuth"), ROOT }, { .common_name = T("x"), .ext_key_usage = PURPOSE_CLIENT_AUTH, LEAF },
	    "Client", true },
	{ "a verbatim purpose outside", { PURPOSES("serverAuth"), ROOT },
	    { .common_name = T("x"), .ext_key_usage = PURPOSE_SERVER_AUTH, .extensions = LIST(eku_client), LEAF }, "Client", true },
	{ "purposes and names", { { "Both", "critical,CA:TRUE", "permitted;DNS:example.com", "serverAuth", NULL }, ROOT },
	    { .dns = LIST(outside), .ext_key_usage = PURPOSE_SERVER_AUTH, LEAF }, "permitted subtree", false },
};
/* clang-format on */

static void
test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *refused = cases[i].refused;
		struct err e = { 0 };
		struct chain chain;
		bool permitted;

		chain_make(&chain, cases[i].chain);
		permitted = issuer_permits(chain.issuer, &cases[i].template, &e);
		if (permitted != (refused == NULL))
			fail_msg("%s: %s", cases[i].name, permitted ? "permitted" : e.msg);
		if (!permitted && (e.code != ERR_CA_CONSTRAINED || strstr(e.msg, refused) == NULL))
			fail_msg("%s: %s: %s", cases[i].name, err_name(e.code), e.msg);
		if (!cases[i].alone) {
			int verdict = verify(&chain, &cases[i].template);

			if ((verdict == X509_V_OK) != permitted)
				fail_msg("%s: OpenSSL says %s", cases[i].name,
				    X509_verify_cert_error_string(verdict));
		}
		assert_int_equal(ERR_peek_error(), 0);
		chain_done(&chain);
	}
}

/* What costs nothing for most: an issuer of an unconstrained chain keeps nothing. */
static void
test_unconstrained(void **state)
{
	static const struct ca_spec specs[CHAIN_MAX] = { PLAIN, ROOT };
	struct chain chain;

	(void)state;
	chain_make(&chain, specs);
	assert_null(chain.issuer->constraints);
	chain_done(&chain);
}

static void
test_chain_that_does_not_parse(void **state)
{
	static const struct ca_spec spec = PLAIN;
	SCOPED(X509) x = ca_new(&spec, NULL);
	struct slice der = der_of(x), broken = SLICE_LITERAL("\x30\x03\x02\x01\x01");
	struct err e = { 0 };

	(void)state;
	assert_null(issuer_new(der, &broken, 1, key, &e));
	assert_int_equal(e.code, ERR_CA_INVALID);
	OPENSSL_free((void *)(uintptr_t)der.data);
}

static int
make_key(void **state)
{
	(void)state;
	key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return key == NULL;
}

static int
free_key(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_unconstrained),
		cmocka_unit_test(test_chain_that_does_not_parse),
	};

	return cmocka_run_group_tests(tests, make_key, free_key);
}
