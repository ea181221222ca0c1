/* sign. */
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
		cmocka_unit_test_setup_teardown(test_sign, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_takes_csr_name, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sign_dry_run, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
