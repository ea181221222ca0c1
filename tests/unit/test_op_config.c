/* mount, role, urls and crl: what is written, and read again. */
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

/* ---- mounts ---- */

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

/* ---- roles ---- */

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

/* ---- urls ---- */

static void
test_urls(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 0);
	world_do(w,
	    ASK("urls/write",
		.params = PARAMS("issuing_certificates", "http://a/ca, http://b/ca",
		    "crl_distribution_points", "http://a/{{issuer}}/{{shard}}.crl")));
	world_do(w, ASK("urls/write", .params = PARAMS("ocsp_servers", "http://o")));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 2);
	assert_slice("second", data_list(w, a, "issuing_certificates").items[1], "http://b/ca");
	assert_slice("as written", data_list(w, a, "crl_distribution_points").items[0],
	    "http://a/{{issuer}}/{{shard}}.crl");
	assert_slice("ocsp", data_list(w, a, "ocsp_servers").items[0], "http://o");
	world_do(w, ASK("urls/write", .params = PARAMS("issuing_certificates", "")));
	a = world_do(w, ASK("urls/read"));
	assert_int_equal(data_list(w, a, "issuing_certificates").count, 0);
	assert_int_equal(data_list(w, a, "ocsp_servers").count, 1);
}

static void
test_urls_refused(void **state)
{
	static const char *const bad[] = { "example.com/ca", "http://", "http:///ca", "http://?x",
		"://host", "1http://host", "ht tp://host", "http://ho st/", "http://host/\x01",
		"http://h\xc3\xb6st/", "http://host/\"x\"", "http://host/{{other}}",
		"http://host/{{issuer}", "mailto:a@b" };
	static const char *const good[] = { "http://host", "https://host:8443/ca?x=1#y",
		"ldap://[::1]/cn=x", "HTTP://HOST", "a+b.c-d://x", "http://h/{{issuer}}{{shard}}" };
	struct world *w = *state;

	world_do(w, ASK("mount/write"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_refused(w, bad[i],
		    ASK("urls/write", .params = PARAMS("crl_distribution_points", bad[i])),
		    "invalid_value", "crl_distribution_points");
		world_refused(w, bad[i],
		    ASK("urls/write", .params = PARAMS("ocsp_servers", bad[i])), "invalid_value",
		    "ocsp_servers");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		world_do(w, ASK("urls/write", .params = PARAMS("issuing_certificates", good[i])));
}

/* ---- crl ---- */

static void
test_crl_config(void **state)
{
	struct world *w = *state;
	struct answer *a;

	world_do(w, ASK("mount/write"));
	assert_slice("default", data_text(world_do(w, ASK("crl/config/read")), "expiry"), "72h");
	a = world_do(w, ASK("crl/write", .params = PARAMS("expiry", "36h")));
	assert_false(a->rq.outcome.rotate); /* there is no CRL yet */
	assert_slice("written", data_text(world_do(w, ASK("crl/config/read")), "expiry"), "36h");
	assert_int_equal(pki(w)->crl_expiry, 36 * 3600);
	world_refused(w, "no span", ASK("crl/write", .params = PARAMS("expiry", "soon")),
	    "invalid_value", "expiry");
	world_refused(w, "too short", ASK("crl/write", .params = PARAMS("expiry", "59s")),
	    "out_of_range", "expiry");
	world_refused(w, "too long", ASK("crl/write", .params = PARAMS("expiry", "90000h")),
	    "out_of_range", "expiry");
	world_refused(w, "absent", ASK("crl/write"), "missing_field", "expiry");
}

static void
test_crl_config_rotates(void **state)
{
	struct world *w = *state;

	world_sample(w);
	assert_true(
	    world_do(w, ASK("crl/write", .params = PARAMS("expiry", "60s")))->rq.outcome.rotate);
}

/* ---- dry runs ---- */

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
		cmocka_unit_test_setup_teardown(test_mount_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mount_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_seal_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_written, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_delete, setup, teardown),
		cmocka_unit_test_setup_teardown(test_role_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls, setup, teardown),
		cmocka_unit_test_setup_teardown(test_urls_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_config_rotates, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dry_runs_change_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
