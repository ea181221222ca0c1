/* issue and sign: what is allowed is verified by OpenSSL, what is not is refused by code and field. */
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

static int
setup(void **state)
{
	struct world *w = world_new();

	world_sample(w);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
role(struct world *w, const char *name, const char *const *params)
{
	world_do(w, ASK("role/write", .role = name, .params = params));
}

static struct slice
root_pem(struct world *w)
{
	return data_text(world_do(w, ASK("ca/read")), "certificate");
}

static int64_t
end_of(const X509 *crt)
{
	struct tm tm;

	assert_int_equal(ASN1_TIME_to_tm(X509_get0_notAfter(crt), &tm), 1);
	return timegm(&tm);
}

static struct slice
serial_of(struct world *w, X509 *crt, char separator)
{
	const ASN1_INTEGER *serial = X509_get0_serialNumber(crt);
	struct buf text SCOPED_BUF = { 0 };

	buf_init(&text, 128);
	hex_add(&text, slice_of(serial->data, (size_t)serial->length), separator);
	return arena_copy(&w->arena, buf_slice(&text));
}

/* All that an answer with a certificate says of it must be what the certificate says. */
static void
check_leaf(struct world *w, const char *name, const struct answer *a, int64_t ttl)
{
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	struct slice_list chain = data_list(w, a, "ca_chain");

	assert_true(slice_eq(data_text(a, "issuing_ca"), root_pem(w)));
	assert_signed_by(data_text(a, "certificate"), data_text(a, "issuing_ca"));
	assert_int_equal(chain.count, 1);
	assert_true(slice_eq(chain.items[0], data_text(a, "issuing_ca")));
	assert_true(slice_eq(data_text(a, "serial_number"), serial_of(w, crt, ':')));
	assert_true(slice_eq(data_text(a, "serial"), data_text(a, "serial_number")));
	assert_true(data_int(a, "expiration") == end_of(crt));
	assert_true(data_int(a, "expiration") == WORLD_NOW + ttl);
	assert_true(data_int(a, "lease_duration") == ttl);
	assert_false(data_bool(a, "renewable"));
	assert_slice(name, data_text(a, "lease_id"),
	    arena_printf(&w->arena, "pki/%.*s/%.*s/%.*s", SLICE_FMT(a->rq.envelope.op),
		SLICE_FMT(a->rq.envelope.role), SLICE_FMT(serial_of(w, crt, '-'))));
	assert_true(slice_eq(a->rq.outcome.serial,
	    slice_of(
		X509_get0_serialNumber(crt)->data, (size_t)X509_get0_serialNumber(crt)->length)));
	assert_int_equal(a->rq.outcome.serial.len, SERIAL_SIZE);
	assert_true(a->rq.outcome.not_after == end_of(crt));
}

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

static struct slice
from_base64(struct world *w, struct slice text)
{
	struct buf der SCOPED_BUF = { 0 };

	buf_init(&der, (size_t)1 << 20);
	assert_true(base64_parse(text, &der));
	return arena_copy(&w->arena, buf_slice(&der));
}

static void
test_format_der(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "der")));
	SCOPED(X509) crt = test_x509_der(from_base64(w, data_text(a, "certificate")));
	SCOPED(X509) ca = test_x509_der(from_base64(w, data_text(a, "issuing_ca")));
	struct slice key_der = from_base64(w, data_text(a, "private_key"));
	const unsigned char *at = key_der.data;
	SCOPED(EVP_PKEY) key = d2i_AutoPrivateKey(NULL, &at, (long)key_der.len);
	struct slice_list chain = data_list(w, a, "ca_chain");

	assert_int_equal(X509_verify(crt, X509_get0_pubkey(ca)), 1);
	assert_non_null(key);
	assert_ptr_equal(at, key_der.data + key_der.len);
	assert_int_equal(X509_check_private_key(crt, key), 1);
	assert_int_equal(chain.count, 1);
	assert_true(slice_eq(chain.items[0], data_text(a, "issuing_ca")));
}

/* How many PEM blocks of that label the text holds. */
static size_t
blocks(struct slice text, const char *label)
{
	struct arena memory SCOPED_ARENA = { 0 };
	struct slice name, der;
	struct err e = { 0 };
	size_t count = 0;

	while (pem_next(&text, &memory, &name, &der, &e))
		count += slice_is(name, label);
	assert_int_equal(e.code, ERR_NONE);
	return count;
}

static void
test_format_bundle(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "pem_bundle")));
	struct slice bundle = data_text(a, "certificate");
	struct slice key = data_text(a, "private_key");
	const uint8_t *crt = memmem(bundle.data, bundle.len, "-----BEGIN CERT", 15);
	size_t ca = data_text(a, "issuing_ca").len;

	assert_int_equal(blocks(bundle, "EC PRIVATE KEY"), 1);
	assert_int_equal(blocks(bundle, "CERTIFICATE"), 2);
	assert_memory_equal(bundle.data, key.data, key.len);
	assert_ptr_equal(crt, bundle.data + key.len);
	assert_memory_equal(bundle.data + bundle.len - ca, data_text(a, "issuing_ca").data, ca);
	check_pair("bundle", slice_of(crt, bundle.len - key.len - ca), key);
}

/* ---- refusals ---- */

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

/* ---- dry runs and replays ---- */

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

/* The same id gets the same answer, to the byte. */
static void
test_replay(void **state)
{
	static const char *const formats[] = { "pem", "der", "pem_bundle" };
	struct world *w = *state;

	for (size_t i = 0; i < 3; i++) {
		struct answer *first = world_do(w,
		    ASK("issue", .role = "web",
			.params = PARAMS("common_name", "a.example.com", "format", formats[i])));
		struct answer *again;

		w->cx.now_ms += 300 * 1000;
		again = world_replay(w, first, false);
		if (!slice_eq(again->data, first->data))
			fail_msg("%s: the replay differs", formats[i]);
	}
}

static void
test_replay_without_key(void **state)
{
	struct world *w = *state;
	struct answer *first = world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "format", "pem_bundle")));
	struct answer *again = world_replay(w, first, true);

	assert_true(again->ok);
	assert_false(data_has(again, "private_key"));
	assert_true(has_warning(again, "private_key_withheld"));
	assert_false(has_warning(first, "private_key_withheld"));
	assert_int_equal(blocks(data_text(again, "certificate"), "EC PRIVATE KEY"), 0);
	assert_int_equal(blocks(data_text(again, "certificate"), "CERTIFICATE"), 2);
	assert_true(slice_eq(data_text(again, "serial"), data_text(first, "serial")));
	assert_true(memmem(again->bytes.data, again->bytes.len, "PRIVATE KEY-----", 16) == NULL);
}

/* ---- seal_to ---- */

static struct slice
jwk_of(struct world *w, struct slice x, const char *kid)
{
	const struct jwk_body jwk = { .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("X25519"),
		.x = x,
		.kid = slice_text(kid) };

	return world_encode(w, &jwk_schema, &jwk);
}

static struct slice
jwk_of_key(struct world *w, EVP_PKEY *key, const char *kid)
{
	uint8_t x[32];
	size_t len = sizeof(x);
	struct buf text SCOPED_BUF = { 0 };

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, x, &len), 1);
	buf_init(&text, 64);
	base64url_add(&text, slice_of(x, len));
	return jwk_of(w, arena_copy(&w->arena, buf_slice(&text)), kid);
}

static void
test_seal_to(void **state)
{
	static const char *const formats[] = { "pem", "der", "pem_bundle" };
	struct world *w = *state;
	SCOPED(EVP_PKEY) mine = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	struct slice jwk = jwk_of_key(w, mine, "my-key");

	for (size_t i = 0; i < 3; i++) {
		struct answer *a = world_do(w,
		    ASK("issue", .role = "web", .seal_to = jwk,
			.params = PARAMS("common_name", "a.example.com", "format", formats[i])));
		struct slice sealed = data_text(a, "private_key");
		struct buf clear SCOPED_BUF = { 0 };
		struct err e = { 0 };

		assert_true(jwe_is(sealed));
		buf_init_secret(&clear, 65536);
		if (!jwe_open(mine, sealed, &clear, &e))
			fail_msg("%s: the sealed key does not open: %s", formats[i], e.msg);
		if (i == 1)
			(void)from_base64(w, buf_slice(&clear));
		else
			assert_int_equal(blocks(buf_slice(&clear), "EC PRIVATE KEY"), 1);
		if (i == 0)
			check_pair("sealed", data_text(a, "certificate"), buf_slice(&clear));
		if (memmem(a->bytes.data, a->bytes.len, "PRIVATE KEY-----", 16) != NULL)
			fail_msg("%s: the answer holds a key in clear", formats[i]);
		assert_slice("type", data_text(a, "private_key_type"), "ec");
	}
}

static void
test_seal_to_refused(void **state)
{
	static const uint8_t x25519[32] = { 9 };
	struct world *w = *state;
	struct buf text SCOPED_BUF = { 0 };
	const struct jwk_body ed = { .kty = SLICE_LITERAL("OKP"),
		.crv = SLICE_LITERAL("Ed25519"),
		.x = SLICE_LITERAL("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") };
	struct slice zero = SLICE_LITERAL("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	const struct {
		const char *name;
		struct slice jwk;
	} cases[] = {
		{ "empty", SLICE_LITERAL("\x80") },
		{ "another curve", world_encode(w, &jwk_schema, &ed) },
		{ "too short", jwk_of(w, SLICE_LITERAL("AAAA"), NULL) },
		{ "no base64url",
		    jwk_of(w, SLICE_LITERAL("+++++++++++++++++++++++++++++++++++++++++++"), NULL) },
		{ "low order", jwk_of(w, zero, NULL) },
	};

	buf_init(&text, 64);
	base64url_add(&text, slice_of(x25519, 32));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_refused(w, cases[i].name,
		    ASK("issue", .role = "web", .seal_to = cases[i].jwk,
			.params = PARAMS("common_name", "a.example.com")),
		    "seal_invalid", "seal_to");

		assert_false(a->rq.has_leaf);
	}
	world_do(w,
	    ASK("issue", .role = "web", .seal_to = jwk_of(w, buf_slice(&text), NULL),
		.params = PARAMS("common_name", "a.example.com")));
}

/* ---- URLs in certificates ---- */

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

/* ---- sign ---- */

static void
test_sign(void **state)
{
	static const char *const formats[] = { "pem", "pem_bundle" };
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	struct slice csr = test_csr(w, key, "ignored.example.com");

	for (size_t i = 0; i < 2; i++) {
		struct answer *a = world_do(w,
		    ASK("sign", .role = "web",
			.params = PARAMS("csr", (const char *)csr.data, "common_name",
			    "a.example.com", "ttl", "1h", "format", formats[i])));
		struct slice crt = data_text(a, "certificate");

		assert_false(data_has(a, "private_key"));
		assert_false(data_has(a, "private_key_type"));
		assert_false(has_warning(a, "private_key_withheld"));
		assert_int_equal(blocks(crt, "CERTIFICATE"), i + 1);
		if (i == 1)
			continue;
		check_leaf(w, "sign", a, 3600);
		SCOPED(X509) parsed = test_x509_pem(crt);
		assert_int_equal(EVP_PKEY_eq(X509_get0_pubkey(parsed), key), 1);
		assert_int_equal(X509_check_host(parsed, "a.example.com", 0, 0, NULL), 1);
		assert_int_equal(X509_check_host(parsed, "ignored.example.com", 0, 0, NULL), 0);
		assert_true(slice_eq(world_replay(w, a, true)->data, a->data));
		assert_false(has_warning(world_replay(w, a, true), "private_key_withheld"));
	}
}

static void
test_sign_takes_csr_name(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	struct slice csr = test_csr(w, key, "from-csr.example.com");
	struct answer *a;

	role(w, "csr",
	    PARAMS("allowed_domains", "example.com", "allow_subdomains", "true", "key_type", "ec",
		"use_csr_common_name", "true"));
	a = world_do(
	    w, ASK("sign", .role = "csr", .params = PARAMS("csr", (const char *)csr.data)));
	SCOPED(X509) crt = test_x509_pem(data_text(a, "certificate"));
	assert_int_equal(X509_check_host(crt, "from-csr.example.com", 0, 0, NULL), 1);
}

/* The last but one octet of the signature, changed. */
static struct slice
spoilt(struct world *w, struct slice csr)
{
	struct slice rest = csr, label, der;
	struct buf pem SCOPED_BUF = { 0 };
	struct err e = { 0 };
	uint8_t *octets;

	assert_true(pem_next(&rest, &w->arena, &label, &der, &e));
	octets = (uint8_t *)arena_text(&w->arena, der);
	octets[der.len - 2] ^= 1;
	buf_init(&pem, 65536);
	pem_add(&pem, "CERTIFICATE REQUEST", slice_of(octets, der.len));
	return arena_copy(&w->arena, buf_slice(&pem));
}

static void
test_sign_refused(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	SCOPED(EVP_PKEY) rsa = EVP_RSA_gen(2048);
	const char *csr = (const char *)test_csr(w, key, "a.example.com").data;
	const char *rsa_csr = (const char *)test_csr(w, rsa, "a.example.com").data;
	const char *bad = (const char *)spoilt(w, slice_text(csr)).data;
	const struct {
		const char *name, *role;
		const char *const *params;
		const char *code, *field;
	} cases[] = {
		{ "no CSR", "web", PARAMS("common_name", "a.example.com"), "missing_field", "csr" },
		{ "no PEM", "web", PARAMS("csr", "hello"), "csr_invalid", "csr" },
		{ "a bad signature", "web", PARAMS("csr", bad, "common_name", "a.example.com"),
		    "csr_invalid", "csr" },
		{ "a key of another type", "web",
		    PARAMS("csr", rsa_csr, "common_name", "a.example.com"), "key_not_allowed",
		    "csr" },
		{ "a name", "web", PARAMS("csr", csr, "common_name", "x.org"), "name_not_allowed",
		    "common_name" },
		{ "no such role", "none", PARAMS("csr", csr), "unknown_role", "role" },
		{ "a format", "web",
		    PARAMS("csr", csr, "common_name", "a.example.com", "format", "x"),
		    "invalid_value", "format" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		world_refused(w, cases[i].name,
		    ASK("sign", .role = cases[i].role, .params = cases[i].params), cases[i].code,
		    cases[i].field);
}

static void
test_sign_dry_run(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	const char *csr = (const char *)test_csr(w, key, "a.example.com").data;
	struct answer *a = world_do(w,
	    ASK("sign", .role = "web", .dry_run = true,
		.params = PARAMS("csr", csr, "common_name", "a.example.com", "ttl", "1h")));

	assert_true(data_int(a, "expiration") == WORLD_NOW + 3600);
	assert_null(a->rq.record.data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issue_keys, setup, teardown),
		cmocka_unit_test_setup_teardown(test_issue_content, setup, teardown),
		cmocka_unit_test_setup_teardown(test_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format_der, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format_bundle, setup, teardown),
		cmocka_unit_test_setup_teardown(test_issue_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_issuer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_serial_left, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(test_would_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replay_without_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_to, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_to_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_takes_csr_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_dry_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
