/*
 * Bad input of the operations on CAs, mounts, URLs and CRLs: each parameter with a wrong type, an empty value, one that is
 * too long and absurd ones. A refusal names the field; nothing is signed, and nothing is half-written.
 */
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "ca_kit.h"
#include "encode.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define LONG_TEXT    70000

static int
setup(void **state)
{
	*state = two_mounts(ROOT_PARAMS);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* In the notation %s stands for a long text. code NULL: as the operation says of a common name that is empty. */
struct bad {
	const char *name, *notation, *code, *field;
};

/* What a case is asked of, and what stands around its notation. */
struct target {
	const char *op, *mount;
	const char *csr; /* NULL: none is added */
	const char *empty_code;
};

static const char *
long_text(struct world *w)
{
	char *text = arena_alloc(&w->arena, LONG_TEXT + 1);

	memset(text, 'a', LONG_TEXT);
	return text;
}

static const char *
filled(struct world *w, const struct target *t, const char *notation)
{
	const char *at = strstr(notation, "%s");

	if (at != NULL)
		notation = arena_printf(
		    &w->arena, "%.*s%s%s", (int)(at - notation), notation, long_text(w), at + 2);
	return t->csr == NULL ? notation
			      : arena_printf(&w->arena, "{'csr': '%s', %s", t->csr, notation + 1);
}

static void
expect_refused(struct world *w, const struct target *t, const struct bad *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct answer *a = world_refused(w,
		    arena_printf(&w->arena, "%s: %s", t->op, cases[i].name),
		    ASK(t->op, .mount = t->mount, .notation = filled(w, t, cases[i].notation)),
		    cases[i].code == NULL ? t->empty_code : cases[i].code, cases[i].field);

		assert_null(a->rq.record.data);
		assert_int_equal(a->rq.outcome.changes.count, 0);
		assert_false(a->rq.has_leaf);
	}
}

/* clang-format off */
/* What both ways of making a CA, and signing one, have in common. */
static const struct bad names[] = {
	{ "a name of nothing", "{'common_name': ''}", NULL, "common_name" },
	{ "a name that is a number", "{'common_name': 5}", "wrong_type", "common_name" },
	{ "a name too long", "{'common_name': '%s'}", "out_of_range", "common_name" },
	{ "a name with a newline", "{'common_name': <a3 41 0a 42>}", "invalid_value", "common_name" },
	{ "a name with a NUL", "{'common_name': <a3 41 00 42>}", "invalid_value", "common_name" },
	{ "a name of dots", "{'common_name': '...'}", "invalid_value", "common_name" },
	{ "two @", "{'common_name': 'a@b@c'}", "invalid_value", "common_name" },
	{ "alt_names, a map", "{'common_name': 'R', 'alt_names': {}}", "wrong_type", "alt_names" },
	{ "alt_names, no host", "{'common_name': 'R', 'alt_names': 'a b'}", "invalid_value", "alt_names" },
	{ "alt_names, a newline", "{'common_name': 'R', 'alt_names': [<a3 41 0a 42>]}", "invalid_value", "alt_names" },
	{ "alt_names, too long", "{'common_name': 'R', 'alt_names': '%s'}", "out_of_range", "alt_names" },
	{ "ip_sans, no address", "{'common_name': 'R', 'ip_sans': '10.0.0'}", "invalid_value", "ip_sans" },
	{ "ip_sans, a number", "{'common_name': 'R', 'ip_sans': 5}", "wrong_type", "ip_sans" },
	{ "uri_sans, no URI", "{'common_name': 'R', 'uri_sans': 'example.com'}", "invalid_value", "uri_sans" },
	{ "uri_sans, a newline", "{'common_name': 'R', 'uri_sans': [<a9 75 72 6e 3a 61 3a 62 0a 63>]}", "invalid_value", "uri_sans" },
	{ "uri_sans, a bool", "{'common_name': 'R', 'uri_sans': true}", "wrong_type", "uri_sans" },
	{ "other_sans, no OID", "{'common_name': 'R', 'other_sans': 'x;utf8:y'}", "invalid_value", "other_sans" },
	{ "other_sans, another type", "{'common_name': 'R', 'other_sans': '1.2.3;ia5:y'}", "invalid_value", "other_sans" },
	{ "exclude_cn_from_sans", "{'common_name': 'R', 'exclude_cn_from_sans': 'maybe'}", "wrong_type", "exclude_cn_from_sans" },
	{ "a country of three letters", "{'common_name': 'R', 'country': 'DEU'}", "invalid_value", "country" },
	{ "a country of digits", "{'common_name': 'R', 'country': '49'}", "invalid_value", "country" },
	{ "a country of one letter", "{'common_name': 'R', 'country': 'D'}", "invalid_value", "country" },
	{ "an organization with a newline", "{'common_name': 'R', 'organization': [<a3 41 0a 42>]}", "invalid_value", "organization" },
	{ "an organization of 65 characters", "{'common_name': 'R', 'organization': ['aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa']}", "invalid_value", "organization" },
	{ "an organization of nothing", "{'common_name': 'R', 'organization': ['']}", "invalid_value", "organization" },
	{ "17 units", "{'common_name': 'R', 'ou': 'a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q'}", "out_of_range", "ou" },
	{ "a locality, true", "{'common_name': 'R', 'locality': true}", "wrong_type", "locality" },
	{ "a province with a DEL", "{'common_name': 'R', 'province': [<a3 41 7f 42>]}", "invalid_value", "province" },
	{ "a street too long", "{'common_name': 'R', 'street_address': '%s'}", "out_of_range", "street_address" },
	{ "a postal code of lists", "{'common_name': 'R', 'postal_code': [[]]}", "wrong_type", "postal_code" },
	{ "signature_bits", "{'common_name': 'R', 'signature_bits': 224}", "invalid_value", "signature_bits" },
	{ "signature_bits under 0", "{'common_name': 'R', 'signature_bits': -1}", "out_of_range", "signature_bits" },
	{ "use_pss", "{'common_name': 'R', 'use_pss': 2}", "wrong_type", "use_pss" },
	{ "a format", "{'common_name': 'R', 'format': 'p12'}", "invalid_value", "format" },
	{ "a format of nothing", "{'common_name': 'R', 'format': ''}", "out_of_range", "format" },
	{ "what is no parameter", "{'common_name': 'R', 'name_constraints': 'x'}", "unknown_field", "name_constraints" },
};

static const struct bad keys[] = {
	{ "no name", "{}", "missing_field", "common_name" },
	{ "a key type", "{'common_name': 'R', 'key_type': 'dsa'}", "key_not_allowed", "key_type" },
	{ "a key type, any", "{'common_name': 'R', 'key_type': 'any'}", "key_not_allowed", "key_type" },
	{ "a key type of nothing", "{'common_name': 'R', 'key_type': ''}", "out_of_range", "key_type" },
	{ "one bit", "{'common_name': 'R', 'key_bits': 1}", "key_not_allowed", "key_bits" },
	{ "a weak key", "{'common_name': 'R', 'key_bits': 1024}", "key_not_allowed", "key_bits" },
	{ "bits that no curve has", "{'common_name': 'R', 'key_type': 'ec', 'key_bits': 2048}", "key_not_allowed", "key_bits" },
	{ "bits of ed25519", "{'common_name': 'R', 'key_type': 'ed25519', 'key_bits': 256}", "key_not_allowed", "key_bits" },
	{ "bits under 0", "{'common_name': 'R', 'key_bits': -2048}", "out_of_range", "key_bits" },
	{ "bits over all", "{'common_name': 'R', 'key_bits': 16384}", "out_of_range", "key_bits" },
	{ "bits, a word", "{'common_name': 'R', 'key_bits': 'many'}", "wrong_type", "key_bits" },
	{ "a slow key", "{'common_name': 'R', 'key_bits': 8192}", "slow_key", "key_bits" },
	{ "private_key_format", "{'common_name': 'R', 'private_key_format': 'jwk'}", "invalid_value", "private_key_format" },
	{ "exported", "{'common_name': 'R', 'exported': 'existing'}", "invalid_value", "exported" },
	{ "exported, true", "{'common_name': 'R', 'exported': true}", "wrong_type", "exported" },
};

static const struct bad limits[] = {
	{ "ttl -1", "{'common_name': 'R', 'ttl': -1}", "out_of_range", "ttl" },
	{ "ttl over 100 years", "{'common_name': 'R', 'ttl': '880000h'}", "out_of_range", "ttl" },
	{ "ttl, words", "{'common_name': 'R', 'ttl': 'ten years'}", "invalid_value", "ttl" },
	{ "ttl, a list", "{'common_name': 'R', 'ttl': [1]}", "wrong_type", "ttl" },
	{ "max_path_length -2", "{'common_name': 'R', 'max_path_length': -2}", "out_of_range", "max_path_length" },
	{ "max_path_length, absurd", "{'common_name': 'R', 'max_path_length': 1001}", "out_of_range", "max_path_length" },
	{ "max_path_length, a word", "{'common_name': 'R', 'max_path_length': 'none'}", "wrong_type", "max_path_length" },
};

static const struct bad intermediates[] = {
	{ "whoever signs says the ttl", "{'common_name': 'R', 'ttl': 60}", "unknown_field", "ttl" },
	{ "and the path length", "{'common_name': 'R', 'max_path_length': 1}", "unknown_field", "max_path_length" },
};

static const struct bad signs[] = {
	{ "no name", "{}", "missing_field", "common_name" },
	{ "use_csr_values", "{'common_name': 'R', 'use_csr_values': 'no way'}", "wrong_type", "use_csr_values" },
	{ "no key is made", "{'common_name': 'R', 'key_type': 'ec'}", "unknown_field", "key_type" },
	{ "nor exported", "{'common_name': 'R', 'exported': 'internal'}", "unknown_field", "exported" },
};

static const struct bad csrs[] = {
	{ "no csr", "{'common_name': 'R'}", "missing_field", "csr" },
	{ "a csr of nothing", "{'common_name': 'R', 'csr': ''}", "out_of_range", "csr" },
	{ "a csr that is none", "{'common_name': 'R', 'csr': 'x'}", "csr_invalid", "csr" },
	{ "a csr of octets", "{'common_name': 'R', 'csr': b'x'}", "wrong_type", "csr" },
	{ "a csr too long", "{'common_name': 'R', 'csr': '%s'}", "out_of_range", "csr" },
};

static const struct bad bundles[] = {
	{ "no bundle", "{}", "missing_field", "pem_bundle" },
	{ "nothing", "{'pem_bundle': ''}", "out_of_range", "pem_bundle" },
	{ "octets", "{'pem_bundle': b'x'}", "wrong_type", "pem_bundle" },
	{ "no PEM", "{'pem_bundle': 'hello'}", "ca_invalid", "pem_bundle" },
	{ "long, and no PEM", "{'pem_bundle': '%s'}", "ca_invalid", "pem_bundle" },
	{ "replace", "{'pem_bundle': 'x', 'replace': 'it'}", "wrong_type", "replace" },
	{ "what is no parameter", "{'pem_bundle': 'x', 'pem': 'x'}", "unknown_field", "pem" },
};

static const struct bad crls[] = {
	{ "nothing", "{}", "missing_field", "expiry" },
	{ "an empty one", "{'expiry': ''}", "out_of_range", "expiry" },
	{ "a number", "{'expiry': 3600}", "wrong_type", "expiry" },
	{ "words", "{'expiry': 'soon'}", "invalid_value", "expiry" },
	{ "a negative one", "{'expiry': '-1h'}", "invalid_value", "expiry" },
	{ "zero", "{'expiry': '0'}", "out_of_range", "expiry" },
	{ "a second", "{'expiry': '1s'}", "out_of_range", "expiry" },
	{ "over 100 years", "{'expiry': '880000h'}", "out_of_range", "expiry" },
	{ "too long", "{'expiry': '%s'}", "out_of_range", "expiry" },
};

static const struct bad mounts[] = {
	{ "ttl -1", "{'default_ttl': -1}", "out_of_range", "default_ttl" },
	{ "max over 100 years", "{'max_lease_ttl': '880000h'}", "out_of_range", "max_lease_ttl" },
	{ "names that disagree", "{'default_ttl': 5, 'default_lease_ttl': 6}", "duplicate_field", "default_lease_ttl" },
	{ "clear keys", "{'allow_clear_keys': 'a little'}", "wrong_type", "allow_clear_keys" },
	{ "description, too long", "{'description': '%s'}", "out_of_range", "description" },
	{ "what is no setting", "{'deleted': 5}", "unknown_field", "deleted" },
};
/* clang-format on */

static void
test_generate(void **state)
{
	const struct target root = { "ca/generate/root", "pki", NULL, "out_of_range" };
	const struct target below = { "ca/generate/intermediate", "pki", NULL, "out_of_range" };
	struct world *w = *state;

	expect_refused(w, &root, names, COUNT(names));
	expect_refused(w, &root, keys, COUNT(keys));
	expect_refused(w, &root, limits, COUNT(limits));
	expect_refused(w, &below, names, COUNT(names));
	expect_refused(w, &below, keys, COUNT(keys));
	expect_refused(w, &below, intermediates, COUNT(intermediates));
	assert_null(mount_named(w, "pki")->issuer);
	assert_null(mount_named(w, "pki")->pending);
}

static void
test_sign(void **state)
{
	struct world *w = *state;
	const char *csr = member(w, request_made(w), "csr");
	const struct target with = { "ca/sign", "root", csr, "missing_field" };
	const struct target without = { "ca/sign", "root", NULL, "missing_field" };

	expect_refused(w, &with, names, COUNT(names));
	expect_refused(w, &with, limits, COUNT(limits));
	expect_refused(w, &with, signs, COUNT(signs));
	expect_refused(w, &without, csrs, COUNT(csrs));
	world_refused(w, "a mount without a CA",
	    ASK("ca/sign", .params = PARAMS("csr", csr, "common_name", "R")), "no_issuer", "mount");
}

/* ---- requests that are broken on purpose ---- */

static const char *
as_pem(struct world *w, struct slice der, const char *label)
{
	struct buf pem SCOPED_BUF = { 0 };

	buf_init(&pem, 100000);
	pem_add(&pem, label, der);
	return (const char *)arena_copy(&w->arena, buf_slice(&pem)).data;
}

static void
refuse_csr(struct world *w, const char *name, const char *csr, const char *code)
{
	struct answer *a = world_refused(w, name,
	    ASK("ca/sign", .mount = "root", .params = PARAMS("csr", csr, "common_name", "R")), code,
	    "csr");

	assert_null(a->rq.record.data);
	assert_null(a->rq.outcome.serial.data);
}

static void
test_sign_csrs(void **state)
{
	static const char label[] = "CERTIFICATE REQUEST";
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	SCOPED(EVP_PKEY) weak = EVP_RSA_gen(1024);
	SCOPED(X509_REQ) req = request_of(slice_text(request_asking(w, key, "I", NULL)));
	uint8_t der[4096], *end = der;
	size_t len = (size_t)i2d_X509_REQ(req, &end);
	const char *good = as_pem(w, slice_of(der, len), label);

	der[len] = 0;
	refuse_csr(w, "trailing bytes", as_pem(w, slice_of(der, len + 1), label), "csr_invalid");
	refuse_csr(w, "cut short", as_pem(w, slice_of(der, len - 1), label), "csr_invalid");
	refuse_csr(w, "another label", as_pem(w, slice_of(der, len), "CERTIFICATE"), "csr_invalid");
	refuse_csr(w, "two of them", joined(w, good, good), "csr_invalid");
	der[len - 1] ^= 1;
	refuse_csr(w, "a broken signature", as_pem(w, slice_of(der, len), label), "csr_invalid");
	refuse_csr(w, "a weak key", request_asking(w, weak, "I", NULL), "weak_key");
}

static const char *
organization_with_newline(struct world *w, X509_REQ *req, EVP_PKEY *key)
{
	X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(req), "O", MBSTRING_UTF8,
	    (const unsigned char *)"Ac\nme", -1, -1, 0);
	assert_true(X509_REQ_sign(req, key, EVP_sha256()) > 0);
	return (const char *)request_text(w, req).data;
}

/* A name of the CSR that would go into the certificate as it is. */
static void
test_sign_csr_values(void **state)
{
	static const struct asked address[] = { { NID_subject_alt_name, "email:a b@example.com" },
		{ 0, NULL } };
	static const struct asked host[] = { { NID_subject_alt_name, "DNS:a\nb" }, { 0, NULL } };
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	SCOPED(X509_REQ) req = request_of(slice_text(request_asking(w, key, "A", NULL)));
	const char *const broken[] = { request_asking(w, key, "A\nB", NULL),
		request_asking(w, key, "A", address), request_asking(w, key, "A", host),
		organization_with_newline(w, req, key) };

	for (size_t i = 0; i < COUNT(broken); i++)
		world_refused(w, arena_printf(&w->arena, "request %zu", i),
		    ASK("ca/sign", .mount = "root",
			.params = PARAMS("csr", broken[i], "use_csr_values", "true")),
		    "csr_invalid", "csr");
}

/* ---- ca/set ---- */

static void
refuse_bundle(struct world *w, const char *name, const char *bundle, const char *code)
{
	world_refused(
	    w, name, ASK("ca/set", .params = PARAMS("pem_bundle", bundle)), code, "pem_bundle");
	assert_null(mount_named(w, "pki")->issuer);
}

static void
test_set(void **state)
{
	const struct target set = { "ca/set", "pki", NULL, NULL };
	struct world *w = *state;
	struct test_ca ca, other;
	const char *bundle, *key, *certificate;
	char *spoilt;

	expect_refused(w, &set, bundles, COUNT(bundles));
	test_ca_make(w, "CA", &ca);
	test_ca_make(w, "Other", &other);
	key = test_sealed(w, ca.key_pem);
	certificate = (const char *)ca.pem.data;
	bundle = joined(w, certificate, key);
	spoilt = arena_text(&w->arena, slice_text(key));
	spoilt[strlen(spoilt) - 3] = spoilt[strlen(spoilt) - 3] == 'A' ? 'B' : 'A';
	refuse_bundle(
	    w, "two keys", joined(w, bundle, test_sealed(w, other.key_pem)), "ca_invalid");
	refuse_bundle(w, "a certificate of another chain",
	    joined(w, bundle, (const char *)other.pem.data), "ca_invalid");
	refuse_bundle(w, "a key alone", key, "ca_invalid");
	refuse_bundle(w, "a certificate alone", certificate, "ca_invalid");
	refuse_bundle(w, "a seal that is broken", joined(w, certificate, spoilt), "seal_invalid");
	refuse_bundle(w, "a key in clear", joined(w, certificate, (const char *)ca.key_pem.data),
	    "key_in_clear");
	w->cx.now_ms += (int64_t)3651 * DAY * 1000;
	refuse_bundle(w, "an expired CA", bundle, "ca_invalid");
}

/* ---- URLs, CRLs, mounts ---- */

static void
test_urls(void **state)
{
	static const char *const fields[] = { "issuing_certificates", "crl_distribution_points",
		"ocsp_servers" };
	static const struct {
		const char *name, *value, *code;
	} values[] = {
		{ "no scheme", "'example.com/ca'", "invalid_value" },
		{ "no host", "'http:///ca'", "invalid_value" },
		{ "a space", "'http://h/a b'", "invalid_value" },
		{ "a newline", "[<ab 68 74 74 70 3a 2f 2f 68 2f 0a 61>]", "invalid_value" },
		{ "not ASCII", "[<ab 68 74 74 70 3a 2f 2f 68 2f c3 a4>]", "invalid_value" },
		{ "an unknown template", "'http://h/{{mount}}'", "invalid_value" },
		{ "a number", "7", "wrong_type" },
		{ "a list of numbers", "[7]", "wrong_type" },
		{ "one too long", "['%s']", "out_of_range" },
	};
	const struct target urls = { "urls/write", "pki", NULL, NULL };
	struct world *w = *state;

	for (size_t i = 0; i < COUNT(fields); i++)
		for (size_t k = 0; k < COUNT(values); k++) {
			const struct bad one = { values[k].name,
				arena_printf(&w->arena, "{'%s': %s}", fields[i], values[k].value),
				values[k].code, fields[i] };

			expect_refused(w, &urls, &one, 1);
		}
	assert_int_equal(mount_named(w, "pki")->urls.v, 0);
}

static void
test_crl(void **state)
{
	struct world *w = *state;

	expect_refused(w, &(struct target){ "crl/write", "pki", NULL, NULL }, crls, COUNT(crls));
	world_do(w, ASK("crl/write", .params = PARAMS("expiry", "1h30m")));
	assert_slice("echo", data_text(world_do(w, ASK("crl/config/read")), "expiry"), "1h30m");
}

static void
test_mount_write(void **state)
{
	struct world *w = *state;

	expect_refused(
	    w, &(struct target){ "mount/write", "new", NULL, NULL }, mounts, COUNT(mounts));
	assert_null(catalog_find_mount(w->cx.catalog, SLICE_LITERAL("new")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_generate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_csrs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_csr_values, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_write, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
