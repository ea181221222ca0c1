/* What tests of the catalog share: its records, and a world without any. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_CATALOG_KIT_H
#define CERTMILL_TEST_CATALOG_KIT_H

#include "ca_key.h"
#include "scoped_openssl.h"
#include "world.h"

static inline struct slice
mount_record(struct world *w, struct slice issuer)
{
	const struct mount_state state = { .v = 1,
		.default_ttl = 3600,
		.max_ttl = 7200,
		.description = SLICE_LITERAL("for tests"),
		.issuer = issuer,
		.created = 1000 };

	return world_encode(w, &mount_state_schema, &state);
}

static inline struct slice
role_record(struct world *w, int64_t ttl)
{
	struct role role;

	role_defaults(&role);
	role.ttl = ttl;
	role.key_bits = 2048;
	return world_encode(w, &role_schema, &role);
}

/* The record of ca in that mount, its key sealed for `bound` and under the sealer. */
static inline struct slice
issuer_record(struct world *w, const struct test_ca *ca, struct sealer *sealer, const char *bound,
    struct slice id, EVP_PKEY *key)
{
	struct issuer_state state = {
		.v = 1, .id = id, .certificate = ca->der, .crl_shards = 1, .created = 1000
	};
	struct err e = { 0 };

	assert_true(ca_key_seal(sealer, slice_text(bound), id, key, &w->arena, &state.key, &e));
	return world_encode(w, &issuer_state_schema, &state);
}

static inline struct slice
good_issuer(struct world *w, const struct test_ca *ca)
{
	return issuer_record(w, ca, w->cx.ca_sealer, "pki", ca->id, ca->key);
}

static inline const char *
issuer_key(struct world *w, const struct test_ca *ca)
{
	return arena_printf(&w->arena, "issuer/pki/%.*s", SLICE_FMT(ca->id));
}

static inline void
put(struct world *w, const char *key, struct slice value)
{
	struct err e = { 0 };

	if (!world_state(w, key, value, &e))
		fail_msg("%s: %s", key, e.msg);
}

static inline const struct catalog_mount *
mount_named(struct world *w, const char *name)
{
	return catalog_find_mount(w->cx.catalog, slice_text(name));
}

static inline int
setup(void **state)
{
	*state = world_new();
	return 0;
}

static inline int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

#endif
