/* The catalog, folded from records. */
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

static struct slice
urls_record(struct world *w, const char *url)
{
	struct slice urls[] = { slice_text(url) };
	const struct urls_state state = { .v = 1, .crl_distribution_points = { urls, 1 } };

	return world_encode(w, &urls_state_schema, &state);
}

static struct slice
crl_record(struct world *w, const char *expiry)
{
	const struct crl_state state = { .v = 1, .expiry = slice_text(expiry) };

	return world_encode(w, &crl_state_schema, &state);
}

static void
test_empty(void **state)
{
	struct world *w = *state;

	assert_int_equal(w->cx.catalog->offset, -1);
	assert_int_equal(w->cx.catalog->mount_count, 0);
	assert_int_equal(w->cx.catalog->topics.v, 0);
	assert_null(mount_named(w, "pki"));
}

static void
test_mount_alone(void **state)
{
	struct world *w = *state;
	const struct catalog_mount *m;

	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	m = mount_named(w, "pki");
	assert_non_null(m);
	assert_int_equal(w->cx.catalog->offset, 0);
	assert_slice("name", m->name, "pki");
	assert_int_equal(m->state.default_ttl, 3600);
	assert_int_equal(m->state.max_ttl, 7200);
	assert_slice("description", m->state.description, "for tests");
	assert_null(m->issuer);
	assert_int_equal(m->issuer_count, 0);
	assert_int_equal(m->role_count, 0);
	assert_slice("expiry", m->crl_expiry_text, "72h");
	assert_int_equal(m->crl_expiry, 72 * 3600);
	assert_null(mount_named(w, "pk"));
	assert_null(mount_named(w, "pkj"));
	assert_null(mount_named(w, ""));
}

/* Everything that a mount can have; `order` says in which order it came. */
static void
check_whole_mount(struct world *w, const char *order, const struct test_ca *ca)
{
	const struct catalog_mount *m = mount_named(w, "pki");

	if (m == NULL || m->issuer == NULL || m->role_count != 2)
		fail_msg("%s: the mount is not whole", order);
	assert_slice(order, slice_text(m->issuer->issuer->id), (const char *)ca->id.data);
	assert_ptr_equal(catalog_find_issuer(m, ca->id), m->issuer);
	assert_null(catalog_find_issuer(m, SLICE_LITERAL("0123")));
	assert_int_equal(m->issuer->crl_shards, 1);
	assert_int_equal(EVP_PKEY_eq(m->issuer->issuer->key, ca->key), 1);
	assert_slice(order, m->roles[0]->name, "db");
	assert_slice(order, m->roles[1]->name, "web");
	assert_int_equal(catalog_find_role(m, SLICE_LITERAL("web"))->role.ttl, 60);
	assert_int_equal(catalog_find_role(m, SLICE_LITERAL("db"))->role.ttl, 30);
	assert_null(catalog_find_role(m, SLICE_LITERAL("we")));
	assert_int_equal(m->urls.crl_distribution_points.count, 1);
	assert_slice(order, m->urls.crl_distribution_points.items[0], "http://a/crl");
	assert_slice(order, m->crl_expiry_text, "48h");
	assert_int_equal(m->crl_expiry, 48 * 3600);
}

/* What compaction leaves of a mount that was deleted and of the one that took its name: the roles of both, the last record. */
static void
test_name_again(void **state)
{
	struct world *w = *state;
	struct mount_state again = { .v = 1, .default_ttl = 60, .max_ttl = 60, .since = 4 };
	const struct catalog_mount *m;
	struct test_ca ca;

	test_ca_make(w, "Old", &ca);
	put(w, "role/pki/old", role_record(w, 60));
	put(w, issuer_key(w, &ca), good_issuer(w, &ca));
	put(w, "urls/pki/", urls_record(w, "http://old"));
	put(w, "crl/pki/", crl_record(w, "48h"));
	put(w, "role/pki/new", role_record(w, 30)); /* at offset 4 */
	put(w, "mount/pki/", world_encode(w, &mount_state_schema, &again));
	m = mount_named(w, "pki");
	assert_int_equal(m->role_count, 1);
	assert_slice("role", m->roles[0]->name, "new");
	assert_int_equal(m->urls.crl_distribution_points.count, 0);
	assert_slice("expiry", m->crl_expiry_text, "72h");
	assert_int_equal(m->issuer_count, 1);
	assert_null(m->issuer);
	put(w, "crl/pki/", crl_record(w, "5h"));
	put(w, "role/pki/old", role_record(w, 10));
	m = mount_named(w, "pki");
	assert_slice("expiry", m->crl_expiry_text, "5h");
	assert_int_equal(m->role_count, 2);
	again.deleted = 5000;
	again.since = 100;
	put(w, "mount/pki/", world_encode(w, &mount_state_schema, &again));
	m = mount_named(w, "pki");
	assert_true(catalog_mount_deleted(m));
	assert_int_equal(m->role_count, 0);
	assert_slice("the CRLs go on", m->crl_expiry_text, "5h");
}

static void
test_pending(void **state)
{
	struct world *w = *state;
	const struct pending_state pending = {
		.v = 1, .id = SLICE_LITERAL("ab"), .key = SLICE_LITERAL("box"), .created = 1
	};

	put(w, "pending/pki/", world_encode(w, &pending_state_schema, &pending));
	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	assert_slice("id", mount_named(w, "pki")->pending->id, "ab");
	put(w, "pending/pki/", SLICE_NONE);
	assert_null(mount_named(w, "pki")->pending);
}

/* Compaction may leave a mount's own record behind those of what belongs to it. */
static void
test_order(void **state)
{
	static const char *const orders[] = { "mrswuci", "icuwsrm", "wmiscur", "mcuiwsr" };

	(void)state;
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		struct world *w = world_new();
		struct test_ca ca;

		test_ca_make(w, "Order", &ca);
		for (const char *c = orders[i]; *c != '\0'; c++) {
			if (*c == 'm')
				put(w, "mount/pki/", mount_record(w, ca.id));
			if (*c == 'w')
				put(w, "role/pki/web", role_record(w, 60));
			if (*c == 's')
				put(w, "role/pki/db", role_record(w, 30));
			if (*c == 'u')
				put(w, "urls/pki/", urls_record(w, "http://a/crl"));
			if (*c == 'c')
				put(w, "crl/pki/", crl_record(w, "48h"));
			if (*c == 'i')
				put(w, issuer_key(w, &ca), good_issuer(w, &ca));
		}
		check_whole_mount(w, orders[i], &ca);
		world_free(w);
	}
}

static void
test_last_record_wins(void **state)
{
	struct world *w = *state;

	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	put(w, "role/pki/web", role_record(w, 60));
	put(w, "role/pki/web", role_record(w, 90));
	put(w, "crl/pki/", crl_record(w, "48h"));
	put(w, "crl/pki/", crl_record(w, "24h"));
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
	assert_int_equal(mount_named(w, "pki")->roles[0]->role.ttl, 90);
	assert_int_equal(mount_named(w, "pki")->crl_expiry, 24 * 3600);
}

static void
test_tombstones(void **state)
{
	struct world *w = *state;

	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	put(w, "role/pki/web", role_record(w, 60));
	put(w, "role/pki/db", role_record(w, 60));
	put(w, "urls/pki/", urls_record(w, "http://a/crl"));
	put(w, "crl/pki/", crl_record(w, "48h"));
	put(w, "role/pki/web", SLICE_NONE);
	put(w, "role/pki/never", SLICE_NONE);
	put(w, "urls/pki/", SLICE_NONE);
	put(w, "crl/pki/", SLICE_NONE);
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
	assert_null(catalog_find_role(mount_named(w, "pki"), SLICE_LITERAL("web")));
	assert_int_equal(mount_named(w, "pki")->urls.crl_distribution_points.count, 0);
	assert_slice("expiry", mount_named(w, "pki")->crl_expiry_text, "72h");
	put(w, "mount/pki/", SLICE_NONE);
	assert_null(mount_named(w, "pki"));
	assert_int_equal(w->cx.catalog->mount_count, 0);
	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	assert_int_equal(mount_named(w, "pki")->role_count, 1);
}

static void
test_mounts_sorted(void **state)
{
	static const char *const names[] = { "m", "a", "z", "b", "aa", "y", "A" };
	static const char *const sorted[] = { "A", "a", "aa", "b", "m", "y", "z" };
	struct world *w = *state;

	for (size_t i = 0; i < 7; i++)
		put(w, arena_printf(&w->arena, "mount/%s/", names[i]), mount_record(w, SLICE_NONE));
	assert_int_equal(w->cx.catalog->mount_count, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_slice("mount", w->cx.catalog->mounts[i]->name, sorted[i]);
		assert_ptr_equal(mount_named(w, sorted[i]), w->cx.catalog->mounts[i]);
	}
}

static void
test_many_roles(void **state)
{
	struct world *w = *state;
	const struct catalog_mount *m;

	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	for (size_t i = 0; i < 500; i++) {
		struct err e = { 0 };
		const char *key = arena_printf(&w->arena, "role/pki/r%03zu", i * 37 % 500);

		assert_true(catalog_builder_put(
		    w->builder, slice_text(key), role_record(w, (int64_t)i), w->offset++, &e));
	}
	put(w, "role/pki/r250", SLICE_NONE);
	m = mount_named(w, "pki");
	assert_int_equal(m->role_count, 499);
	for (size_t i = 1; i < m->role_count; i++)
		assert_true(slice_cmp(m->roles[i - 1]->name, m->roles[i]->name) < 0);
	assert_int_equal(catalog_find_role(m, SLICE_LITERAL("r037"))->role.ttl, 1);
}

/* What stood before stands after, and is what a later good record replaces. */
static void
test_bad_records(void **state)
{
	static const struct {
		const char *name, *key, *value;
		size_t len;
	} cases[] = {
		{ "no slash", "mount", "\x80", 1 },
		{ "one slash", "mount/pki", "\x80", 1 },
		{ "a mount without a name", "mount//", "\x80", 1 },
		{ "a mount with an object", "mount/pki/x", "\x80", 1 },
		{ "a role without a name", "role/pki/", "\x80", 1 },
		{ "a role of no mount", "role//web", "\x80", 1 },
		{ "a role with a slash", "role/pki/a/b", "\x80", 1 },
		{ "a role with a space", "role/pki/a b", "\x80", 1 },
		{ "topics of a mount", "topics/pki/", "\x80", 1 },
		{ "no msgpack", "mount/pki/", "\xc1", 1 },
		{ "empty", "mount/pki/", "", 0 },
		{ "a map that lies", "mount/pki/", "\xdf\xff\xff\xff\xff", 5 },
		{ "fields missing", "mount/pki/", "\x80", 1 },
		{ "trailing bytes", "role/pki/web", "\x80\x80", 2 },
		{ "a role that contradicts itself", "role/pki/web",
		    "\x82\xa3ttl\x09\xa7max_ttl\x03", 14 },
		{ "an unknown field", "role/pki/web", "\x81\xa1x\x01", 4 },
		{ "an expiry that is none", "crl/pki/",
		    "\x82\xa1v\x01\xa6"
		    "expiry\xa1x",
		    13 },
	};
	struct world *w = *state;

	put(w, "mount/pki/", mount_record(w, SLICE_NONE));
	put(w, "role/pki/web", role_record(w, 60));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		int64_t offset = w->offset;

		if (world_state(w, cases[i].key, slice_of(cases[i].value, cases[i].len), &e))
			fail_msg("%s: is taken", cases[i].name);
		if (e.code == ERR_NONE || e.msg[0] == '\0')
			fail_msg("%s: says nothing", cases[i].name);
		if (w->cx.catalog->offset != offset)
			fail_msg("%s: its offset does not count", cases[i].name);
		assert_int_equal(mount_named(w, "pki")->state.max_ttl, 7200);
		assert_int_equal(mount_named(w, "pki")->roles[0]->role.ttl, 60);
		assert_int_equal(mount_named(w, "pki")->crl_expiry, 72 * 3600);
	}
}

static void
test_unknown_kind(void **state)
{
	struct world *w = *state;

	put(w, "client/pki/someone", SLICE_LITERAL("\xc1"));
	assert_int_equal(w->cx.catalog->offset, 0);
	assert_int_equal(w->cx.catalog->mount_count, 0);
}

static void
test_topics(void **state)
{
	struct world *w = *state;
	const struct topics_state topics = {
		.v = 1, .issue = 6, .sign = 5, .query = 4, .revoke = 3, .config = 2
	};

	put(w, "topics//", world_encode(w, &topics_state_schema, &topics));
	assert_memory_equal(&w->cx.catalog->topics, &topics, sizeof(topics));
	assert_int_equal(w->cx.catalog->mount_count, 0);
	put(w, "topics//", SLICE_NONE);
	assert_int_equal(w->cx.catalog->topics.v, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_name_again, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pending, setup, teardown),
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_record_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tombstones, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mounts_sorted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_kind, setup, teardown),
		cmocka_unit_test_setup_teardown(test_topics, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
