/* mount/tune and mount/delete, and a mount that takes the name of one that was deleted. */
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

static int
setup(void **state)
{
	*state = world_new();
	world_sample(*state);
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static void
test_tune(void **state)
{
	static const struct {
		const char *name;
		const char *const params[9];
		int64_t default_ttl, max_ttl; /* hours */
		bool slow, clear;
		const char *description;
	} cases[] = {
		{ "nothing", { NULL }, 10, 100, false, false, "first" },
		{ "default", { "default_ttl", "20h" }, 20, 100, false, false, "first" },
		{ "the seed's names", { "default_lease_ttl", "5h", "max_lease_ttl", "50h" }, 5, 50,
		    false, false, "first" },
		{ "max", { "max_ttl", "10h" }, 10, 10, false, false, "first" },
		{ "back to the system's", { "max_ttl", "0", "default_ttl", "0" }, 768, 768, false,
		    false, "first" },
		{ "flags", { "allow_slow_keys", "true", "allow_clear_keys", "true" }, 10, 100, true,
		    true, "first" },
		{ "description", { "description", "second" }, 10, 100, false, false, "second" },
		{ "no description", { "description", "" }, 10, 100, false, false, "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *mount = arena_printf(&w->arena, "m%zu", i);
		const struct mount_state *s;

		world_do(w,
		    ASK("mount/write", .mount = mount,
			.params = PARAMS("default_lease_ttl", "10h", "max_ttl", "100h",
			    "description", "first")));
		world_do(w, ASK("mount/tune", .mount = mount, .params = cases[i].params));
		s = &mount_named(w, mount)->state;
		if (s->default_ttl != cases[i].default_ttl * 3600 ||
		    s->max_ttl != cases[i].max_ttl * 3600 || s->allow_slow_keys != cases[i].slow ||
		    s->allow_clear_keys != cases[i].clear)
			fail_msg("%s: came %lld and %lld", cases[i].name, (long long)s->default_ttl,
			    (long long)s->max_ttl);
		assert_slice(cases[i].name, s->description, cases[i].description);
		assert_true(s->created == WORLD_NOW * 1000 + 250);
	}
}

/* The CA, its roles and everything else stay. */
static void
test_tune_keeps(void **state)
{
	struct world *w = *state;
	const struct catalog_issuer *issuer = mount_named(w, "pki")->issuer;

	world_do(w, ASK("mount/tune", .params = PARAMS("max_ttl", "1h", "default_ttl", "1h")));
	assert_true(
	    slice_is(slice_text(issuer->issuer->id), mount_named(w, "pki")->issuer->issuer->id));
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
}

static void
test_tune_refused(void **state)
{
	struct world *w = *state;
	const struct {
		const char *name, *notation, *code, *field;
	} cases[] = {
		{ "default over max", "{'default_ttl': '87601h'}", "invalid_value", "default_ttl" },
		{ "max under default", "{'max_ttl': '700h'}", "invalid_value", "max_ttl" },
		{ "both, crossed", "{'max_ttl': 10, 'default_ttl': 11}", "invalid_value",
		    "default_ttl" },
		{ "two names that disagree", "{'max_ttl': 10, 'max_lease_ttl': 11}",
		    "duplicate_field", "max_lease_ttl" },
		{ "negative", "{'max_ttl': -1}", "out_of_range", "max_ttl" },
		{ "over 100 years", "{'default_lease_ttl': '880000h'}", "out_of_range",
		    "default_lease_ttl" },
		{ "no span", "{'max_ttl': 'long'}", "invalid_value", "max_ttl" },
		{ "a list", "{'max_ttl': []}", "wrong_type", "max_ttl" },
		{ "no bool", "{'allow_slow_keys': 'perhaps'}", "wrong_type", "allow_slow_keys" },
		{ "a number", "{'description': 5}", "wrong_type", "description" },
		{ "what is no setting", "{'issuer': 'x'}", "unknown_field", "issuer" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		world_refused(w, cases[i].name, ASK("mount/tune", .notation = cases[i].notation),
		    cases[i].code, cases[i].field);
	world_refused(
	    w, "no such mount", ASK("mount/tune", .mount = "x"), "unknown_mount", "mount");
}

static struct answer *
issued(struct world *w)
{
	return world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
}

static void
test_delete(void **state)
{
	static const struct {
		const char *op, *role;
		const char *const params[5];
	} stopped[] = {
		{ "issue", "web", { "common_name", "a.example.com" } },
		{ "sign", "web", { "csr", "x" } },
		{ "role/write", "web", { NULL } },
		{ "role/read", "web", { NULL } },
		{ "role/list", NULL, { NULL } },
		{ "urls/write", NULL, { NULL } },
		{ "urls/read", NULL, { NULL } },
		{ "crl/write", NULL, { "expiry", "2h" } },
		{ "ca/set", NULL, { "pem_bundle", "x" } },
		{ "ca/generate/root", NULL, { "common_name", "x" } },
		{ "ca/generate/intermediate", NULL, { "common_name", "x" } },
		{ "ca/sign", NULL, { "csr", "x" } },
		{ "mount/tune", NULL, { NULL } },
		{ "mount/delete", NULL, { NULL } },
	};
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct answer *a;

	world_do(w, ASK("crl/write", .params = PARAMS("expiry", "5h")));
	world_do(w,
	    ASK("ca/generate/intermediate",
		.params = PARAMS("common_name", "I", "key_type", "ec")));
	a = world_do(w, ASK("mount/delete"));
	assert_int_equal(a->rq.outcome.changes.count, 2);
	assert_int_equal(mount_named(w, "pki")->role_count, 0);
	assert_null(mount_named(w, "pki")->pending);
	assert_int_equal(mount_named(w, "pki")->crl_expiry, 5 * 3600);
	for (size_t i = 0; i < sizeof(stopped) / sizeof(stopped[0]); i++)
		world_refused(w, stopped[i].op,
		    ASK(stopped[i].op, .role = stopped[i].role, .params = stopped[i].params),
		    "unknown_mount", "mount");
	/* what it signed lives on */
	assert_true(slice_eq(world_replay(w, leaf, false)->data, leaf->data));
	world_do(w, ASK("ca/read"));
	world_do(w, ASK("cert/read", .params = PARAMS("serial", member(w, leaf, "serial"))));
	world_do(w, ASK("crl/rotate"));
	a = world_do(w, ASK("revoke", .params = PARAMS("lease_id", member(w, leaf, "lease_id"))));
	assert_slice("state", data_text(a, "state"), "revoked");
	assert_null(memmem(world_do(w, ASK("mount/list"))->data.data, 40, "pki", 3));
}

static void
test_name_again(void **state)
{
	struct world *w = *state;
	struct answer *leaf = issued(w);
	struct slice old = arena_copy(
	    &w->arena, slice_text(mount_named(w, "pki")->issuer->issuer->id));
	struct answer *a;

	world_do(w, ASK("urls/write", .params = PARAMS("ocsp_servers", "http://old")));
	world_do(w, ASK("crl/write", .params = PARAMS("expiry", "5h")));
	world_do(w, ASK("mount/delete"));
	a = world_do(w, ASK("mount/write", .params = PARAMS("description", "again")));
	assert_true(has_warning(a, "mount_was_deleted"));
	assert_null(mount_named(w, "pki")->issuer);
	assert_int_equal(mount_named(w, "pki")->issuer_count, 1);
	assert_int_equal(mount_named(w, "pki")->role_count, 0);
	assert_int_equal(mount_named(w, "pki")->urls.ocsp_servers.count, 0);
	assert_int_equal(mount_named(w, "pki")->crl_expiry, 72 * 3600);
	world_refused(w, "the old role", ASK("role/read", .role = "web"), "unknown_role", "role");
	world_refused(w, "once more", ASK("mount/write"), "mount_exists", "mount");
	/* roles of now stay, through changes of the mount's record */
	world_do(w,
	    ASK("role/write", .role = "new",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec")));
	world_do(w, ASK("mount/tune", .params = PARAMS("description", "tuned")));
	world_do(
	    w, ASK("ca/generate/root", .params = PARAMS("common_name", "New", "key_type", "ec")));
	a = world_do(w, ASK("issue", .role = "new", .params = PARAMS("common_name", "a.b")));
	assert_false(slice_eq(a->rq.outcome.issuer, old));
	/* the old CA signs nothing, whoever refers to it */
	world_do(w,
	    ASK("role/write", .role = "back",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec", "issuer_ref",
		    arena_text(&w->arena, old))));
	world_refused(w, "a role that refers to it",
	    ASK("issue", .role = "back", .params = PARAMS("common_name", "a.b")), "no_issuer",
	    "role");
	world_refused(w, "its certificate alone",
	    ASK("ca/set",
		.params = PARAMS("pem_bundle", member(w, leaf, "issuing_ca"), "replace", "true")),
	    "ca_invalid", "pem_bundle");
	/* its certificates can be revoked, on its own CRL */
	a = world_do(w, ASK("revoke", .params = PARAMS("serial", member(w, leaf, "serial"))));
	assert_true(slice_eq(a->rq.outcome.issuer, old));
	world_do(w, ASK("mount/delete"));
	assert_int_equal(mount_named(w, "pki")->role_count, 0);
	assert_int_equal(mount_named(w, "pki")->issuer_count, 2);
}

static void
test_delete_refused(void **state)
{
	struct world *w = *state;

	world_refused(
	    w, "no such mount", ASK("mount/delete", .mount = "x"), "unknown_mount", "mount");
	world_refused(w, "a parameter", ASK("mount/delete", .params = PARAMS("force", "true")),
	    "unknown_field", "force");
	assert_int_equal(
	    world_do(w, ASK("mount/delete", .dry_run = true))->rq.outcome.changes.count, 0);
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tune_keeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tune_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_delete_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
