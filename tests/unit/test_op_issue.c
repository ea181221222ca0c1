/* issue: what is made is verified by OpenSSL, what is not is refused by code and field. */
#include "encode.h"
#include "scoped_openssl.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "leaf_kit.h"

static void
check_pair(const char *name, struct slice certificate, struct slice private_key)
{
	SCOPED(X509) crt = test_x509_pem(certificate);
	SCOPED(EVP_PKEY) key = test_private_key(private_key);

	if (X509_check_private_key(crt, key) != 1)
		fail_msg("%s: the private key is not the certificate's", name);
}

static void
test_issue_keys(void **state)
{
	static const struct {
		const char *name, *key_type, *key_bits, *label;
		int bits;
	} cases[] = {
		{ "rsa-2048", "rsa", "2048", "-----BEGIN RSA PRIVATE KEY-----\n", 2048 },
		{ "ec-224", "ec", "224", "-----BEGIN EC PRIVATE KEY-----\n", 224 },
		{ "ec-256", "ec", "256", "-----BEGIN EC PRIVATE KEY-----\n", 256 },
		{ "ec-384", "ec", "384", "-----BEGIN EC PRIVATE KEY-----\n", 384 },
		{ "ec-521", "ec", "521", "-----BEGIN EC PRIVATE KEY-----\n", 521 },
		{ "ed25519", "ed25519", "0", "-----BEGIN PRIVATE KEY-----\n", 256 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a;
		struct slice key;

		role(w, cases[i].name,
		    PARAMS("allow_any_name", "true", "key_type", cases[i].key_type, "key_bits",
			cases[i].key_bits, "ttl", "1h"));
		a = world_do(
		    w, ASK("issue", .role = cases[i].name, .params = PARAMS("common_name", "a.b")));
		check_leaf(w, cases[i].name, a, 3600);
		key = data_text(a, "private_key");
		check_pair(cases[i].name, data_text(a, "certificate"), key);
		assert_slice(cases[i].name, data_text(a, "private_key_type"), cases[i].key_type);
		if (memcmp(key.data, cases[i].label, strlen(cases[i].label)) != 0)
			fail_msg("%s: the key is not labelled %s", cases[i].name, cases[i].label);
		SCOPED(EVP_PKEY) private_key = test_private_key(key);
		assert_int_equal(EVP_PKEY_get_bits(private_key), cases[i].bits);
	}
}

/* Subject, names and usages come from the request and the role. */
static void
test_issue_content(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "alt_names", "b.example.com",
		    "ip_sans", "10.0.0.1", "ttl", "2h")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	char name[64];

	check_leaf(w, "content", a, 7200);
	assert_true(
	    X509_NAME_get_text_by_NID(X509_get_subject_name(crt), NID_commonName, name, 64) > 0);
	assert_string_equal(name, "a.example.com");
	assert_int_equal(X509_check_host(crt, "b.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(crt, "a.example.com", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(crt, "c.example.com", 0, 0, NULL), 0);
	assert_int_equal(X509_check_ip_asc(crt, "10.0.0.1", 0), 1);
	assert_int_equal(X509_check_purpose(crt, X509_PURPOSE_SSL_SERVER, 0), 1);
	assert_int_equal(X509_check_ca(crt), 0);
}

static void
test_record(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	SCOPED(X509) recorded = NULL;
	struct certificate_record r = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	assert_true(
	    schema_decode(&certificate_record_schema, a->rq.record, &w->arena, &r, &seen, &e));
	recorded = test_x509_der(r.certificate);
	assert_int_equal(X509_cmp(crt, recorded), 0);
	assert_true(slice_eq(r.serial, a->rq.outcome.serial));
	assert_slice("mount", r.mount, "pki");
	assert_slice("role", r.role, "web");
	assert_true(slice_eq(r.issuer, a->rq.outcome.issuer));
	assert_true(slice_eq(r.request, a->rq.envelope.id));
	assert_true(slice_eq(r.source, a->rq.source));
	assert_true(r.issued == WORLD_NOW * 1000 + 250);
	assert_true(r.not_after == end_of(crt));
	assert_true(memmem(a->rq.record.data, a->rq.record.len, "PRIVATE", 7) == NULL);
}

static void
test_issue_refused(void **state)
{
	struct world *w = *state;
	const struct {
		const char *name, *role;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "no such role", "none", PARAMS("common_name", "a.example.com"), "unknown_role",
		    "role" },
		{ "a name", "web", PARAMS("common_name", "a.example.org"), "name_not_allowed",
		    "common_name" },
		{ "an alternative name", "web",
		    PARAMS("common_name", "a.example.com", "alt_names", "x.org"),
		    "name_not_allowed", "alt_names" },
		{ "no IP address", "web",
		    PARAMS("common_name", "a.example.com", "ip_sans", "10.0.0.300"),
		    "invalid_value", "ip_sans" },
		{ "a format", "web", PARAMS("common_name", "a.example.com", "format", "jks"),
		    "invalid_value", "format" },
		{ "no name at all", "web", NULL, "missing_field", "common_name" },
		{ "longer than the CA", "long", PARAMS("common_name", "a.b", "ttl", "87601h"),
		    "ttl_not_allowed", "ttl" },
		{ "a slow key", "slow", PARAMS("common_name", "a.b"), "slow_key", "role" },
	};

	role(w, "slow", PARAMS("allow_any_name", "true", "key_bits", "8192"));
	role(w, "long", PARAMS("allow_any_name", "true", "key_type", "ec", "max_ttl", "90000h"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_refused(w, cases[i].name,
		    ASK("issue", .role = cases[i].role, .params = cases[i].params), cases[i].code,
		    cases[i].field);

		if (a->rq.record.data != NULL || a->rq.outcome.serial.data != NULL)
			fail_msg("%s: something was signed", cases[i].name);
	}
}

static void
test_no_issuer(void **state)
{
	struct world *w = *state;

	world_do(w, ASK("mount/write", .mount = "empty"));
	world_refused(
	    w, "issue", ASK("issue", .mount = "empty", .role = "web"), "no_issuer", "mount");
	world_refused(w, "sign",
	    ASK("sign", .mount = "empty", .role = "web", .params = PARAMS("csr", "x")), "no_issuer",
	    "mount");
}

static void
test_no_serial_left(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	struct err e = { 0 };

	/* as if it came again, in a lane that has no serial numbers and no Redis */
	leaf_key_done(&a->rq.leaf);
	assert_false(a->rq.operation->decide(&w->cx, &a->rq, &e));
	assert_int_equal(e.code, ERR_STORE);
}

static void
test_key_deadline(void **state)
{
	struct world *w = *state;

	role(w, "rsa", PARAMS("allow_any_name", "true", "key_bits", "4096"));
	w->cx.key_deadline_us = 1;
	world_refused(w, "a key that is not made in time",
	    ASK("issue", .role = "rsa", .params = PARAMS("common_name", "a.b")), "key_timeout",
	    NULL);
}

static void
test_would_wait(void **state)
{
	struct world *w = *state;
	const struct operation *op = operation_find(SLICE_LITERAL("issue"));
	struct request rq = { .envelope = {
				  .mount = SLICE_LITERAL("pki"), .role = SLICE_LITERAL("web") } };

	role(w, "rsa", PARAMS("key_type", "rsa"));
	assert_false(op->would_wait(&w->cx, &rq));
	rq.envelope.role = SLICE_LITERAL("rsa");
	assert_true(op->would_wait(&w->cx, &rq));
	rq.envelope.role = SLICE_LITERAL("none");
	assert_false(op->would_wait(&w->cx, &rq));
	rq.envelope.mount = SLICE_LITERAL("none");
	assert_false(op->would_wait(&w->cx, &rq));
}

static void
test_dry_run(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "ttl", "1h"), .dry_run = true));

	assert_true(data_int(a, "expiration") == WORLD_NOW + 3600);
	assert_false(data_has(a, "certificate"));
	assert_false(data_has(a, "private_key"));
	assert_false(a->rq.has_leaf);
	assert_null(a->rq.outcome.serial.data);
	assert_null(a->rq.record.data);
	world_refused(w, "a dry run is decided",
	    ASK("issue", .role = "web", .params = PARAMS("common_name", "x.org"), .dry_run = true),
	    "name_not_allowed", "common_name");
}

/* What the CA's own certificate forbids is not signed, whatever the role allows, and a dry run says so. */
static void
test_constrained_ca(void **state)
{
	struct world *w = *state;
	struct test_ca ca;
	const char *bundle;

	test_ca_make_constrained(w, "Narrow", "critical,permitted;DNS:example.com", &ca);
	bundle = arena_printf(&w->arena, "%.*s%.*s", SLICE_FMT(ca.key_pem), SLICE_FMT(ca.pem));
	world_do(
	    w, ASK("mount/write", .mount = "narrow", .params = PARAMS("allow_clear_keys", "true")));
	world_do(w, ASK("ca/set", .mount = "narrow", .params = PARAMS("pem_bundle", bundle)));
	world_do(w,
	    ASK("role/write", .mount = "narrow", .role = "any",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec")));
	world_do(w,
	    ASK("issue", .mount = "narrow", .role = "any",
		.params = PARAMS("common_name", "a.example.com")));
	for (int dry = 0; dry < 2; dry++)
		world_refused(w, "a name that the CA may not certify",
		    ASK("issue", .mount = "narrow", .role = "any", .dry_run = dry,
			.params = PARAMS("common_name", "a.example.com", "alt_names", "b.org")),
		    "ca_constrained", NULL);
}

static bool
der_holds(X509 *crt, const char *text)
{
	unsigned char *der = NULL;
	int len = i2d_X509(crt, &der);
	bool found = memmem(der, (size_t)len, text, strlen(text)) != NULL;

	OPENSSL_free(der);
	return found;
}

static void
test_urls(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w,
	    ASK("urls/write",
		.params = PARAMS("crl_distribution_points", "http://h/{{issuer}}-{{shard}}.crl",
		    "issuing_certificates", "http://h/ca", "ocsp_servers",
		    "http://{{issuer}}.h/{{issuer}}")));
	a = world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	const char *id = arena_text(&w->arena, a->rq.outcome.issuer);

	assert_true(der_holds(crt, "http://h/ca"));
	assert_true(der_holds(crt, arena_printf(&w->arena, "http://h/%s-0.crl", id)));
	assert_true(der_holds(crt, arena_printf(&w->arena, "http://%s.h/%s", id, id)));
	assert_false(der_holds(crt, "{{"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issue_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_issue_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_issue_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_issuer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_serial_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_would_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_constrained_ca, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
