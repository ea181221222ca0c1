/* role/write, role/read, role/list, role/delete. */
#include "encode.h"
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
	const struct catalog_mount *m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("pki"));

	assert_non_null(m);
	return m;
}

static void
test_role_written(void **state)
{
	struct world *w = *state;
	const struct role *role;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	a = world_do(w,
	    ASK("role/write", .role = "example-dot-com",
		.params = PARAMS("allowed_base_domain", "example.com", "allow_subdomains", "true",
		    "max_ttl", "72h", "ttl", "1h30m")));
	assert_int_equal(a->data.len, 1);
	role = &catalog_find_role(pki(w), SLICE_LITERAL("example-dot-com"))->role;
	assert_int_equal(role->max_ttl, 72 * 3600);
	assert_int_equal(role->ttl, 5400);
	assert_true(role->allow_subdomains);
	assert_true(role->allow_localhost);
	assert_true(role->server_flag && role->client_flag && role->allow_ip_sans);
	assert_false(role->allow_any_name || role->enforce_hostnames || role->code_signing_flag);
	assert_slice("key_type", role->key_type, "rsa");
	assert_int_equal(role->key_bits, 2048);
	/* a second write replaces all of it */
	world_do(
	    w, ASK("role/write", .role = "example-dot-com", .params = PARAMS("key_type", "ec")));
	role = &catalog_find_role(pki(w), SLICE_LITERAL("example-dot-com"))->role;
	assert_int_equal(role->max_ttl, 0);
	assert_int_equal(role->allowed_domains.count, 0);
	assert_int_equal(role->key_bits, 256);
}

static void
test_role_read(void **state)
{
	struct world *w = *state;
	struct slice_list domains;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	world_do(w,
	    ASK("role/write", .role = "web",
		.params = PARAMS("allowed_domains", "example.com, example.org",
		    "allow_bare_domains", "true", "ttl", "6h", "max_ttl", "12h")));
	a = world_do(w, ASK("role/read", .role = "web"));
	assert_int_equal(data_int(a, "ttl"), 21600);
	assert_int_equal(data_int(a, "max_ttl"), 43200);
	assert_int_equal(data_int(a, "key_bits"), 2048);
	assert_slice("key_type", data_text(a, "key_type"), "rsa");
	assert_true(data_bool(a, "allow_localhost"));
	assert_false(data_bool(a, "allow_any_name"));
	domains = data_list(w, a, "allowed_domains");
	assert_int_equal(domains.count, 2);
	assert_slice("domain", domains.items[1], "example.org");
	/* the seed's names, too */
	assert_slice("seed", data_text(a, "allowed_base_domain"), "example.com,example.org");
	assert_true(data_bool(a, "allow_base_domain"));
}

/* What was read can be written. */
static void
test_role_round_trip(void **state)
{
	struct world *w = *state;
	struct role role;
	struct err e = { 0 };
	struct answer *a;
	uint64_t seen;

	world_do(w, ASK("mount/write"));
	world_do(w,
	    ASK("role/write", .role = "web",
		.params = PARAMS(
		    "allowed_domains", "example.com,example.org", "allow_bare_domains", "true")));
	a = world_do(w, ASK("role/read", .role = "web"));
	role_defaults(&role);
	if (!schema_decode(&role_schema, a->data, &w->arena, &role, &seen, &e))
		fail_msg("what role/read answers is not what role/write takes: %s", e.msg);
	assert_true(role.allow_bare_domains);
	assert_int_equal(role.allowed_domains.count, 2);
}

static void
test_role_refused(void **state)
{
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	world_refused(w, "a name", ASK("role/write", .role = "a/b"), "invalid_value", "role");
	world_refused(w, "ttl over max_ttl",
	    ASK("role/write", .role = "r", .params = PARAMS("ttl", "2h", "max_ttl", "1h")),
	    "role_invalid", "ttl");
	world_refused(w, "bits that rsa has not",
	    ASK("role/write", .role = "r", .params = PARAMS("key_bits", "1024")), "role_invalid",
	    "key_bits");
	world_refused(w, "a key type that is none",
	    ASK("role/write", .role = "r", .params = PARAMS("key_type", "dsa")), "role_invalid",
	    "key_type");
	world_refused(w, "an unknown field",
	    ASK("role/write", .role = "r", .params = PARAMS("nonsense", "1")), "unknown_field",
	    "nonsense");
	world_refused(w, "read of none", ASK("role/read", .role = "r"), "unknown_role", "role");
	assert_int_equal(pki(w)->role_count, 0);
}

static const struct role *
role_of(struct world *w, const char *name)
{
	const struct catalog_role *r = catalog_find_role(pki(w), slice_text(name));

	assert_non_null(r);
	return &r->role;
}

/* Only what is given changes; the whole is checked again. */
static void
test_role_patch(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	world_refused(w, "none yet", ASK("role/patch", .role = "r"), "unknown_role", "role");
	world_do(w,
	    ASK("role/write", .role = "r",
		.params = PARAMS("allowed_domains", "a.b,c.d", "ttl", "1h", "max_ttl", "2h",
		    "key_type", "ec", "ou", "x", "allow_subdomains", "true")));
	world_do(w, ASK("role/patch", .role = "r", .params = PARAMS("max_ttl", "3h", "ou", "y,z")));
	assert_int_equal(role_of(w, "r")->ttl, 3600);
	assert_int_equal(role_of(w, "r")->max_ttl, 10800);
	assert_int_equal(role_of(w, "r")->allowed_domains.count, 2);
	assert_int_equal(role_of(w, "r")->ou.count, 2);
	assert_int_equal(role_of(w, "r")->key_bits, 256);
	assert_true(role_of(w, "r")->allow_subdomains);
	world_do(w, ASK("role/patch", .role = "r", .params = PARAMS("allowed_base_domain", "")));
	assert_int_equal(role_of(w, "r")->allowed_domains.count, 0);
	world_refused(w, "against what stands",
	    ASK("role/patch", .role = "r", .params = PARAMS("ttl", "4h")), "role_invalid", "ttl");
	world_refused(w, "the key's size is of another type",
	    ASK("role/patch", .role = "r", .params = PARAMS("key_type", "rsa")), "role_invalid",
	    "key_bits");
	world_do(w,
	    ASK("role/patch", .role = "r", .params = PARAMS("key_type", "rsa", "key_bits", "0")));
	assert_int_equal(role_of(w, "r")->key_bits, 2048);
	world_refused(w, "a usage that there is not",
	    ASK("role/patch", .role = "r", .params = PARAMS("key_usage", "Sign")), "role_invalid",
	    "key_usage");
	a = world_do(w, ASK("role/patch", .role = "r"));
	assert_int_equal(a->warnings.count, 0);
	/* writing replaces */
	world_do(w, ASK("role/write", .role = "r"));
	assert_int_equal(role_of(w, "r")->ou.count, 0);
	assert_int_equal(role_of(w, "r")->ttl, 0);
}

/* What was stored with a name that nobody knows stays, and does not stand in the way. */
static void
test_role_patch_tolerates(void **state)
{
	struct world *w = *state;
	struct slice usage = SLICE_LITERAL("DigitialSignature");
	struct role role;
	struct err e;

	world_do(w, ASK("mount/write"));
	role_defaults(&role);
	role.key_usage = (struct slice_list){ &usage, 1 };
	assert_true(world_state(w, "role/pki/r", world_encode(w, &role_schema, &role), &e));
	world_do(w, ASK("role/patch", .role = "r", .params = PARAMS("ttl", "1h")));
	assert_slice("kept", role_of(w, "r")->key_usage.items[0], "DigitialSignature");
	world_do(w, ASK("role/patch", .role = "r", .params = PARAMS("key_usage", "CRLSign")));
	assert_slice("written", role_of(w, "r")->key_usage.items[0], "CRLSign");
}

static void
test_role_defaults(void **state)
{
	struct world *w = *state;
	const struct catalog_mount *m;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	world_do(w, ASK("role/write", .role = "r"));
	assert_false(role_of(w, "r")->enforce_hostnames || role_of(w, "r")->use_csr_sans);
	assert_true(role_of(w, "r")->generate_lease);
	world_do(
	    w, ASK("mount/write", .mount = "new", .params = PARAMS("role_defaults", "current")));
	world_do(w, ASK("role/write", .mount = "new", .role = "r"));
	world_do(w,
	    ASK("role/write", .mount = "new", .role = "s",
		.params = PARAMS("enforce_hostnames", "false", "generate_lease", "true")));
	m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("new"));
	assert_true(m->roles[0]->role.enforce_hostnames && m->roles[0]->role.use_csr_sans &&
	    m->roles[0]->role.use_csr_common_name);
	assert_false(m->roles[0]->role.generate_lease);
	assert_false(m->roles[1]->role.enforce_hostnames);
	assert_true(m->roles[1]->role.generate_lease && m->roles[1]->role.use_csr_sans);
	/* all of it is read */
	a = world_do(w, ASK("role/read", .mount = "new", .role = "r"));
	for (size_t i = 0; i < role_schema.count; i++)
		if (!data_has(a, role_schema.fields[i].name))
			fail_msg("role/read does not say %s", role_schema.fields[i].name);
	assert_int_equal(data_int(a, "not_before_duration"), 30);
	assert_int_equal(data_int(a, "signature_bits"), 256);
	assert_slice("not_after", data_text(a, "not_after"), "");
	assert_int_equal(data_list(w, a, "key_usage").count, 3);
}

static void
test_role_warnings(void **state)
{
	static const struct {
		const char *name, *value, *warning;
	} cases[] = {
		{ "issuer_ref", "nobody", "unknown_issuer_ref" },
		{ "issuer_ref", "default", NULL },
		{ "ext_key_usage_oids", "4.3.2.1", "oid_left_out" },
		{ "no_store", "true", NULL },
		{ "generate_lease", "true", NULL },
	};
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct answer *a = world_do(w,
		    ASK("role/write", .role = "r",
			.params = PARAMS(cases[i].name, cases[i].value)));

		assert_int_equal(a->warnings.count, cases[i].warning != NULL);
		if (cases[i].warning != NULL)
			assert_true(has_warning(a, cases[i].warning));
	}
	assert_true(
	    has_warning(world_do(w,
			    ASK("role/write", .role = "r",
				.params = PARAMS("no_store", "true", "generate_lease", "true"))),
		"no_store_without_lease"));
	assert_false(role_of(w, "r")->generate_lease);
}

static void
test_role_delete(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_sample(w);
	world_do(w, ASK("role/delete", .role = "web"));
	assert_int_equal(pki(w)->role_count, 0);
	a = world_do(w, ASK("role/delete", .role = "web"));
	assert_int_equal(a->rq.outcome.changes.count, 0);
}

static void
assert_page(
    const char *name, struct world *w, const struct answer *a, const char *keys, const char *next)
{
	struct slice_list list = data_list(w, a, "keys");
	char *joined = arena_printf(&w->arena, "%s", "");

	for (size_t i = 0; i < list.count; i++)
		joined = arena_printf(
		    &w->arena, "%s%s%.*s", joined, i == 0 ? "" : " ", SLICE_FMT(list.items[i]));
	if (strcmp(joined, keys) != 0)
		fail_msg("%s: the page is \"%s\", not \"%s\"", name, joined, keys);
	if (next == NULL && data_has(a, "next"))
		fail_msg("%s: has a next page", name);
	if (next != NULL)
		assert_slice(name, data_text(a, "next"), next);
}

static void
test_role_list(void **state)
{
	static const char *const names[] = { "d", "b", "e", "a", "c" };
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	assert_page("empty", w, world_do(w, ASK("role/list")), "", NULL);
	for (size_t i = 0; i < 5; i++)
		world_do(w, ASK("role/write", .role = names[i]));
	assert_page("all", w, world_do(w, ASK("role/list")), "a b c d e", NULL);
	assert_page(
	    "first", w, world_do(w, ASK("role/list", .params = PARAMS("limit", "2"))), "a b", "b");
	assert_page("second", w,
	    world_do(w, ASK("role/list", .params = PARAMS("limit", "2", "after", "b"))), "c d",
	    "d");
	assert_page("third", w,
	    world_do(w, ASK("role/list", .params = PARAMS("limit", "2", "after", "d"))), "e", NULL);
	assert_page("exactly full", w,
	    world_do(w, ASK("role/list", .params = PARAMS("limit", "5"))), "a b c d e", NULL);
	assert_page("behind one that is gone", w,
	    world_do(w, ASK("role/list", .params = PARAMS("after", "bb"))), "c d e", NULL);
	assert_page("behind the last", w,
	    world_do(w, ASK("role/list", .params = PARAMS("after", "e"))), "", NULL);
	world_refused(w, "no page", ASK("role/list", .params = PARAMS("limit", "0")),
	    "out_of_range", "limit");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_role_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_patch, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_patch_tolerates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_warnings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_list, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
