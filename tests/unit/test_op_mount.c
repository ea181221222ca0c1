/* mount/write, mount/list, and what all of configuration has in common. */
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
test_mount_ttls(void **state)
{
	static const struct {
		const char *mount, *default_ttl, *max_ttl;
		int64_t expect_default, expect_max;
	} cases[] = {
		{ "none", NULL, NULL, 2764800, 2764800 },
		{ "default", "1h", NULL, 3600, 2764800 },
		{ "lower-max", NULL, "24h", 86400, 86400 },
		{ "higher-max", NULL, "8760h", 2764800, 31536000 },
		{ "both", "1h", "2h", 3600, 7200 },
		{ "equal", "7200", "2h", 7200, 7200 },
		{ "zero", "0", "0", 2764800, 2764800 },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *params[5] = { NULL };
		size_t n = 0;
		const struct catalog_mount *m;

		if (cases[i].default_ttl != NULL) {
			params[n++] = "default_ttl";
			params[n++] = cases[i].default_ttl;
		}
		if (cases[i].max_ttl != NULL) {
			params[n++] = "max_ttl";
			params[n++] = cases[i].max_ttl;
		}
		world_do(w, ASK("mount/write", .mount = cases[i].mount, .params = params));
		m = catalog_find_mount(w->cx.catalog, slice_text(cases[i].mount));
		if (m->state.default_ttl != cases[i].expect_default ||
		    m->state.max_ttl != cases[i].expect_max)
			fail_msg("%s: ttls are %lld and %lld", cases[i].mount,
			    (long long)m->state.default_ttl, (long long)m->state.max_ttl);
	}
}

static void
test_mount_role_defaults(void **state)
{
	struct world *w = *state;
	const struct catalog_mount *m;

	world_do(w, ASK("mount/write", .mount = "seed"));
	world_do(w,
	    ASK("mount/write", .mount = "today",
		.params = PARAMS("role_defaults", "current", "trust_identity", "true")));
	m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("seed"));
	assert_slice("seed", m->state.role_defaults, "0.4");
	assert_false(m->state.trust_identity);
	m = catalog_find_mount(w->cx.catalog, SLICE_LITERAL("today"));
	assert_slice("today", m->state.role_defaults, "current");
	assert_true(m->state.trust_identity);
	world_refused(w, "defaults of tomorrow",
	    ASK("mount/write", .mount = "x", .params = PARAMS("role_defaults", "0.5")),
	    "invalid_value", "role_defaults");
}

static void
test_mount_written(void **state)
{
	struct world *w = *state;
	struct answer *a = world_do(w,
	    ASK("mount/write",
		.params = PARAMS("description", "first", "allow_clear_keys", "true")));

	assert_memory_equal(a->data.data, "\x80", 1);
	assert_int_equal(a->data.len, 1);
	assert_slice("description", pki(w)->state.description, "first");
	assert_true(pki(w)->state.allow_clear_keys);
	assert_false(pki(w)->state.allow_slow_keys);
	assert_true(pki(w)->state.created == WORLD_NOW * 1000 + 250);
	assert_null(pki(w)->issuer);
}

static void
test_mount_refused(void **state)
{
	static const char *const names[] = { "a/b", "a b", "-a", "a-", ".", "a\xc3\xa9" };
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	world_refused(w, "twice", ASK("mount/write"), "mount_exists", "mount");
	world_refused(w, "default over max",
	    ASK("mount/write", .mount = "b",
		.params = PARAMS("default_ttl", "3h", "max_ttl", "2h")),
	    "invalid_value", "default_ttl");
	world_refused(w, "default over the system's max",
	    ASK("mount/write", .mount = "b", .params = PARAMS("default_ttl", "769h")),
	    "invalid_value", "default_ttl");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		world_refused(
		    w, names[i], ASK("mount/write", .mount = names[i]), "invalid_value", "mount");
}

static struct jwk_body
seal_key_of(struct world *w, const struct answer *a)
{
	struct mount_list_answer list = { 0 };
	struct jwk_body jwk = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	assert_true(schema_decode(&mount_list_answer_schema, a->data, &w->arena, &list, &seen, &e));
	assert_true(schema_decode(&jwk_schema, list.seal_key, &w->arena, &jwk, &seen, &e));
	return jwk;
}

static void
test_mount_list(void **state)
{
	struct world *w = *state;
	struct mount_list_answer list = { 0 };
	struct mount_entry entry = { 0 };
	struct err e = { 0 };
	struct answer *a;
	uint64_t seen;

	assert_true(world_do(w, ASK("mount/list"))->ok);
	world_do(w, ASK("mount/write", .mount = "zeta"));
	world_sample(w);
	a = world_do(w, ASK("mount/list"));
	assert_true(schema_decode(&mount_list_answer_schema, a->data, &w->arena, &list, &seen, &e));
	assert_int_equal(list.mounts.count, 2);
	assert_true(
	    schema_decode(&mount_entry_schema, list.mounts.items[0], &w->arena, &entry, &seen, &e));
	assert_slice("mount", entry.mount, "pki");
	assert_slice("issuer", entry.issuer, pki(w)->issuer->issuer->id);
	assert_int_equal(entry.max_ttl, 87600 * 3600);
	entry = (struct mount_entry){ 0 };
	assert_true(
	    schema_decode(&mount_entry_schema, list.mounts.items[1], &w->arena, &entry, &seen, &e));
	assert_slice("mount", entry.mount, "zeta");
	assert_null(entry.issuer.data);
}

/* The key that is shown is the key that opens. */
static void
test_seal_key(void **state)
{
	struct world *w = *state;
	struct jwk_body jwk = seal_key_of(w, world_do(w, ASK("mount/list")));
	struct buf x SCOPED_BUF = { 0 };
	struct buf token SCOPED_BUF = { 0 };
	struct buf clear SCOPED_BUF = { 0 };
	struct buf own SCOPED_BUF = { 0 };
	struct err e = { 0 };

	assert_slice("kty", jwk.kty, "OKP");
	assert_slice("crv", jwk.crv, "X25519");
	buf_init(&x, 64);
	buf_init(&token, 4096);
	buf_init_secret(&clear, 4096);
	buf_init(&own, 4096);
	assert_true(base64url_parse(jwk.x, &x));
	assert_true(jwe_seal(buf_slice(&x), jwk.kid, SLICE_LITERAL("hello"), &token, &e));
	assert_true(jwe_open(w->cx.fleet_key, buf_slice(&token), &clear, &e));
	assert_slice("opened", buf_slice(&clear), "hello");
	/* the thumbprint is the one that seal.c makes */
	jwk_add(&own, w->cx.fleet_key, true);
	assert_non_null(memmem(own.data, own.len, jwk.kid.data, jwk.kid.len));
	assert_int_equal(jwk.kid.len, 43);
}

static void
test_dry_runs_change_nothing(void **state)
{
	struct world *w = *state;
	const struct ask *const asks[] = {
		ASK("mount/write", .mount = "other", .dry_run = true),
		ASK("role/write", .role = "new", .dry_run = true),
		ASK("role/delete", .role = "web", .dry_run = true),
		ASK("urls/write", .params = PARAMS("ocsp_servers", "http://o"), .dry_run = true),
		ASK("crl/write", .params = PARAMS("expiry", "2h"), .dry_run = true),
		ASK("crl/rotate", .dry_run = true),
	};

	world_sample(w);
	for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
		struct answer *a = world_do(w, asks[i]);

		if (a->data.len != 1 || a->data.data[0] != 0x80)
			fail_msg("%s: a dry run has data", asks[i]->op);
		if (a->rq.outcome.changes.count != 0 || a->rq.outcome.rotate)
			fail_msg("%s: a dry run changes something", asks[i]->op);
	}
	world_refused(w, "a dry run is decided", ASK("mount/write", .dry_run = true),
	    "mount_exists", "mount");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_mount_ttls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_role_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_runs_change_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
