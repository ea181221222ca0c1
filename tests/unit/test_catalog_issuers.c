/* Issuers and versions in the catalog. */
#include "scoped_openssl.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "catalog_kit.h"

static void
refuse_issuer(struct world *w, const char *name, const char *key, struct slice value)
{
	struct err e = { 0 };

	if (world_state(w, key, value, &e))
		fail_msg("%s: is taken", name);
	assert_int_not_equal(e.code, ERR_NONE);
	if (mount_named(w, "pki")->issuer_count != 0 || mount_named(w, "pki")->issuer != NULL)
		fail_msg("%s: is in the catalog", name);
}

static void
test_issuers_refused(void **state)
{
	struct world *w = *state;
	struct err e = { 0 };
	struct secret *other_kek = secret_random(&e);
	struct sealer *other = sealer_new(other_kek, "ca key", &e);
	struct sealer *other_purpose = sealer_new(w->kek, "replay key", &e);
	struct test_ca ca, second;
	const char *key;

	test_ca_make(w, "One", &ca);
	test_ca_make(w, "Two", &second);
	key = issuer_key(w, &ca);
	put(w, "mount/pki/", mount_record(w, ca.id));
	refuse_issuer(w, "wrong KEK", key, issuer_record(w, &ca, other, "pki", ca.id, ca.key));
	refuse_issuer(
	    w, "wrong purpose", key, issuer_record(w, &ca, other_purpose, "pki", ca.id, ca.key));
	refuse_issuer(w, "another mount's box", key,
	    issuer_record(w, &ca, w->cx.ca_sealer, "pki2", ca.id, ca.key));
	refuse_issuer(w, "another key", key,
	    issuer_record(w, &ca, w->cx.ca_sealer, "pki", ca.id, second.key));
	refuse_issuer(w, "another id in the record", key, good_issuer(w, &second));
	refuse_issuer(w, "another certificate", key,
	    issuer_record(w, &second, w->cx.ca_sealer, "pki", ca.id, second.key));
	put(w, key, good_issuer(w, &ca));
	assert_non_null(mount_named(w, "pki")->issuer);
	sealer_free(other);
	sealer_free(other_purpose);
	secret_free(other_kek);
}

static void
test_which_issuer_signs(void **state)
{
	struct world *w = *state;
	struct test_ca one, two;

	test_ca_make(w, "One", &one);
	test_ca_make(w, "Two", &two);
	put(w, "mount/pki/", mount_record(w, two.id));
	put(w, issuer_key(w, &one), good_issuer(w, &one));
	assert_null(mount_named(w, "pki")->issuer);
	assert_int_equal(mount_named(w, "pki")->issuer_count, 1);
	put(w, issuer_key(w, &two), good_issuer(w, &two));
	assert_int_equal(mount_named(w, "pki")->issuer_count, 2);
	assert_slice("signs", slice_text(mount_named(w, "pki")->issuer->issuer->id),
	    (const char *)two.id.data);
	put(w, "mount/pki/", mount_record(w, one.id));
	assert_slice("signs", slice_text(mount_named(w, "pki")->issuer->issuer->id),
	    (const char *)one.id.data);
	put(w, issuer_key(w, &one), SLICE_NONE);
	assert_null(mount_named(w, "pki")->issuer);
}

/* A version stands for as long as somebody holds it, and shares what did not change with the next. */
static void
test_versions(void **state)
{
	struct world *w = *state;
	struct test_ca ca;
	const struct catalog *first;
	const struct catalog_mount *before;

	test_ca_make(w, "Root", &ca);
	put(w, "mount/pki/", mount_record(w, ca.id));
	put(w, "mount/other/", mount_record(w, SLICE_NONE));
	put(w, issuer_key(w, &ca), good_issuer(w, &ca));
	put(w, "role/pki/web", role_record(w, 60));
	put(w, "role/pki/db", role_record(w, 30));
	first = catalog_builder_version(w->builder);
	before = catalog_find_mount(first, SLICE_LITERAL("pki"));
	put(w, "role/pki/web", role_record(w, 90));
	put(w, "role/pki/db", SLICE_NONE);
	assert_int_equal(first->offset, 4);
	assert_int_equal(before->role_count, 2);
	assert_int_equal(catalog_find_role(before, SLICE_LITERAL("web"))->role.ttl, 60);
	assert_int_equal(catalog_find_role(before, SLICE_LITERAL("db"))->role.ttl, 30);
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
	assert_int_equal(mount_named(w, "pki")->roles[0]->role.ttl, 90);
	assert_ptr_equal(mount_named(w, "pki")->issuer->issuer, before->issuer->issuer);
	assert_ptr_equal(
	    mount_named(w, "other"), catalog_find_mount(first, SLICE_LITERAL("other")));
	put(w, "mount/pki/", SLICE_NONE);
	put(w, issuer_key(w, &ca), SLICE_NONE);
	assert_slice("name", before->name, "pki");
	assert_int_equal(EVP_PKEY_eq(before->issuer->issuer->key, ca.key), 1);
	catalog_release(first);
	catalog_release(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issuers_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_which_issuer_signs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
