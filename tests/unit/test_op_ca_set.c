/* ca/set: the CA is brought as a bundle. */
#include "ca_key.h"
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
	*state = world_new();
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static const struct catalog_mount *
pki(struct world *w)
{
	return catalog_find_mount(w->cx.catalog, SLICE_LITERAL("pki"));
}

static const char *
joined(struct world *w, const char *first, const char *second)
{
	return arena_printf(&w->arena, "%s\n%s", first, second);
}

static bool
holds(struct slice haystack, struct slice needle)
{
	return memmem(haystack.data, haystack.len, needle.data, needle.len) != NULL;
}

/* The private key's own octets, which must be nowhere in clear. */
static struct slice
private_octets(struct world *w, EVP_PKEY *key)
{
	SCOPED(BIGNUM) number = NULL;
	uint8_t octets[66];
	int len;

	assert_int_equal(EVP_PKEY_get_bn_param(key, "priv", &number), 1);
	len = BN_bn2bin(number, octets);
	return arena_copy(&w->arena, slice_of(octets, (size_t)len));
}

static void
check_set(struct world *w, const char *name, const struct test_ca *ca, const struct answer *a)
{
	const struct catalog_mount *m = pki(w);

	if (m->issuer == NULL || !slice_is(ca->id, m->issuer->issuer->id))
		fail_msg("%s: the CA does not sign", name);
	assert_int_equal(a->data.len, 1);
	assert_true(a->rq.outcome.rotate);
	assert_true(slice_eq(a->rq.outcome.issuer, ca->id));
	assert_int_equal(a->rq.outcome.changes.count, 2);
	assert_int_equal(EVP_PKEY_eq(m->issuer->issuer->key, ca->key), 1);
	assert_int_equal(m->issuer->crl_shards, 1);
	for (size_t i = 0; i < 2; i++)
		if (holds(a->rq.outcome.changes.items[i], private_octets(w, ca->key)))
			fail_msg("%s: a record holds the private key in clear", name);
}

static void
test_set_sealed(void **state)
{
	(void)state;
	for (size_t order = 0; order < 2; order++) {
		struct world *w = world_new();
		const char *key, *bundle;
		struct test_ca ca;

		test_ca_make(w, "Brought", &ca);
		key = test_sealed(w, ca.key_pem);
		bundle = order == 0 ? joined(w, (const char *)ca.pem.data, key)
				    : joined(w, key, (const char *)ca.pem.data);
		world_do(w, ASK("mount/write", .params = PARAMS("description", "kept")));
		check_set(w, order == 0 ? "certificate first" : "key first", &ca,
		    world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle))));
		assert_slice("description", pki(w)->state.description, "kept");
		world_free(w);
	}
}

static void
test_set_clear(void **state)
{
	struct world *w = *state;
	struct test_ca ca;
	const char *bundle;

	test_ca_make(w, "Brought", &ca);
	bundle = joined(w, (const char *)ca.pem.data, (const char *)ca.key_pem.data);
	world_do(w, ASK("mount/write"));
	world_refused(w, "a key in clear", ASK("ca/set", .params = PARAMS("pem_bundle", bundle)),
	    "key_in_clear", "pem_bundle");
	assert_null(pki(w)->issuer);
	world_do(
	    w, ASK("mount/write", .mount = "open", .params = PARAMS("allow_clear_keys", "true")));
	world_do(w, ASK("ca/set", .mount = "open", .params = PARAMS("pem_bundle", bundle)));
	assert_non_null(catalog_find_mount(w->cx.catalog, SLICE_LITERAL("open"))->issuer);
}

static void
test_set_again(void **state)
{
	struct world *w = *state;
	struct test_ca ca, other;
	const char *bundle;
	struct answer *a;

	test_ca_make(w, "Brought", &ca);
	test_ca_make(w, "Other", &other);
	bundle = joined(w, (const char *)ca.pem.data, test_sealed(w, ca.key_pem));
	world_do(w, ASK("mount/write"));
	world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle)));
	a = world_do(w, ASK("ca/set", .params = PARAMS("pem_bundle", bundle)));
	assert_int_equal(a->rq.outcome.changes.count, 0);
	assert_false(a->rq.outcome.rotate);
	bundle = joined(w, (const char *)other.pem.data, test_sealed(w, other.key_pem));
	world_refused(w, "another CA", ASK("ca/set", .params = PARAMS("pem_bundle", bundle)),
	    "issuer_exists", "mount");
	world_refused(w, "and one that is made",
	    ASK("ca/generate/root", .params = PARAMS("common_name", "New")), "issuer_exists",
	    "mount");
	assert_slice("still", ca.id, pki(w)->issuer->issuer->id);
}

static void
test_set_refused(void **state)
{
	struct world *w = *state;
	struct test_ca ca, other;

	test_ca_make(w, "Brought", &ca);
	test_ca_make(w, "Other", &other);
	world_do(w, ASK("mount/write"));
	world_refused(w, "no bundle", ASK("ca/set"), "missing_field", "pem_bundle");
	world_refused(w, "no PEM", ASK("ca/set", .params = PARAMS("pem_bundle", "hello")),
	    "ca_invalid", "pem_bundle");
	world_refused(w, "no key",
	    ASK("ca/set", .params = PARAMS("pem_bundle", (const char *)ca.pem.data)), "ca_invalid",
	    "pem_bundle");
	world_refused(w, "another's key",
	    ASK("ca/set",
		.params = PARAMS("pem_bundle",
		    joined(w, (const char *)ca.pem.data, test_sealed(w, other.key_pem)))),
	    "ca_invalid", "pem_bundle");
}

static void
test_set_dry_run(void **state)
{
	struct world *w = *state;
	struct test_ca ca;
	struct answer *a;

	test_ca_make(w, "Brought", &ca);
	world_do(w, ASK("mount/write"));
	a = world_do(w,
	    ASK("ca/set", .dry_run = true,
		.params = PARAMS("pem_bundle",
		    joined(w, (const char *)ca.pem.data, test_sealed(w, ca.key_pem)))));
	assert_int_equal(a->rq.outcome.changes.count, 0);
	assert_false(a->rq.outcome.rotate);
	assert_null(pki(w)->issuer);
}

/* What was brought signs. */
static void
test_set_signs(void **state)
{
	struct world *w = *state;
	struct test_ca ca;
	struct answer *a;

	test_ca_make(w, "Brought", &ca);
	world_do(w, ASK("mount/write"));
	world_do(w,
	    ASK("ca/set",
		.params = PARAMS("pem_bundle",
		    joined(w, (const char *)ca.pem.data, test_sealed(w, ca.key_pem)))));
	world_do(w,
	    ASK("role/write", .role = "any",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec")));
	a = world_do(w, ASK("issue", .role = "any", .params = PARAMS("common_name", "a.b")));
	assert_signed_by(data_text(a, "certificate"), ca.pem);
	assert_true(slice_eq(data_text(a, "issuing_ca"), ca.pem));
}

static void
test_ca_key(void **state)
{
	struct world *w = *state;
	SCOPED(EVP_PKEY) key = EVP_EC_gen("P-256");
	SCOPED(EVP_PKEY) again = NULL;
	struct slice box, id = SLICE_LITERAL("00112233445566778899aabbccddeeff");
	struct err e = { 0 };
	uint8_t *spoilt;

	assert_true(
	    ca_key_seal(w->cx.ca_sealer, SLICE_LITERAL("pki"), id, key, &w->arena, &box, &e));
	assert_false(holds(box, private_octets(w, key)));
	again = ca_key_open(w->cx.ca_sealer, SLICE_LITERAL("pki"), id, box, &e);
	assert_non_null(again);
	assert_int_equal(EVP_PKEY_eq(key, again), 1);
	assert_null(ca_key_open(w->cx.ca_sealer, SLICE_LITERAL("pki2"), id, box, &e));
	assert_null(
	    ca_key_open(w->cx.ca_sealer, SLICE_LITERAL("pki"), SLICE_LITERAL("x"), box, &e));
	spoilt = (uint8_t *)arena_text(&w->arena, box);
	spoilt[box.len / 2] ^= 1;
	assert_null(
	    ca_key_open(w->cx.ca_sealer, SLICE_LITERAL("pki"), id, slice_of(spoilt, box.len), &e));
	assert_null(ca_key_open(w->cx.ca_sealer, SLICE_LITERAL("pki"), id, SLICE_NONE, &e));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_set_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_clear, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_dry_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_signs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ca_key, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
