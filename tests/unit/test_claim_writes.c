/* The rows that a claim brings with it, by operation, and when they may go. */
#include "claim.h"
#include "op.h"
#include "world.h"

#include <stdlib.h>

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

struct claims {
	struct world *w;
	struct sealer *sealer;
};

static int
setup(void **state)
{
	struct claims *c = calloc(1, sizeof(*c));
	struct err e = { 0 };

	assert_non_null(c);
	c->w = world_new();
	c->sealer = sealer_new(c->w->kek, "replay key", &e);
	assert_non_null(c->sealer);
	world_sample(c->w);
	*state = c;
	return 0;
}

static int
teardown(void **state)
{
	struct claims *c = *state;

	sealer_free(c->sealer);
	world_free(c->w);
	free(c);
	return 0;
}

static struct view_claim
claim_of(struct claims *c, struct answer *a)
{
	struct view_claim claim = { 0 };
	struct err e = { 0 };

	a->rq.reply_topic = SLICE_LITERAL("certmill.responses");
	request_hash(&a->rq);
	if (!claim_make(&c->w->cx, c->sealer, &a->rq, &claim, &e))
		fail_msg("claim: %s", e.msg);
	return claim;
}

static struct answer *
issued(struct world *w)
{
	return world_do(
	    w, ASK("issue", .role = "web", .params = PARAMS("common_name", "a.example.com")));
}

/* The one write of that kind to the key; the test fails when there is none. */
static const struct view_write *
write_of(const struct view_claim *claim, int kind, struct slice key)
{
	for (size_t i = 0; i < claim->write_count; i++)
		if ((int)claim->writes[i].kind == kind && slice_eq(claim->writes[i].key, key))
			return &claim->writes[i];
	fail_msg("no write of kind %d to %.*s", kind, SLICE_FMT(key));
	return NULL;
}

static struct slice
joined(struct world *w, const char *first, struct slice second)
{
	return slice_text(arena_printf(&w->arena, "%s%.*s", first, SLICE_FMT(second)));
}

static void
test_issue(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w);
	struct view_claim claim = claim_of(c, a);
	const struct outcome *o = &a->rq.outcome;
	struct slice cert = redis_cert_key(&c->w->arena, SLICE_LITERAL("pki"), o->serial);
	struct slice hex = slice_of(
	    cert.data + strlen("cm:cert:pki:"), cert.len - strlen("cm:cert:pki:"));

	assert_true(slice_eq(claim.key, joined(c->w, "cm:req:certmill.test:", a->rq.envelope.id)));
	assert_null(claim.found.data);
	assert_int_equal(claim.write_count, 4);
	assert_true(slice_eq(write_of(&claim, VIEW_SET, cert)->value, a->rq.record));
	assert_true(
	    slice_eq(write_of(&claim, VIEW_INDEX, SLICE_LITERAL("cm:idx:pki"))->value, hex));
	assert_true(
	    write_of(&claim, VIEW_INDEX, SLICE_LITERAL("cm:idx:pki"))->number == o->not_after);
	assert_int_equal(write_of(&claim, VIEW_COUNT, SLICE_LITERAL("cm:n:pki:issued"))->number, 1);
	write_of(&claim, VIEW_SET, joined(c->w, "cm:key:certmill.test:", a->rq.envelope.id));
}

/* Neither row nor index by its serial number; its record stands beside the claim, and goes with it. */
static void
test_no_store(void **state)
{
	const struct settings s = { .dedup_window = 3600, .replay_window = 600 };
	struct claims *c = *state;
	struct view_expiry x[CLAIM_EXPIRIES_MAX];
	struct request again = { 0 };
	struct view_claim claim;
	struct answer *a;
	struct slice key;

	world_do(c->w,
	    ASK("role/write", .role = "web",
		.params = PARAMS("allow_any_name", "true", "key_type", "ec", "no_store", "true")));
	a = issued(c->w);
	claim = claim_of(c, a);
	key = joined(c->w, "cm:rec:certmill.test:", a->rq.envelope.id);
	assert_int_equal(claim.write_count, 3);
	assert_true(slice_eq(write_of(&claim, VIEW_SET, key)->value, a->rq.record));
	write_of(&claim, VIEW_COUNT, SLICE_LITERAL("cm:n:pki:issued"));
	write_of(&claim, VIEW_SET, joined(c->w, "cm:key:certmill.test:", a->rq.envelope.id));
	again = a->rq;
	assert_true(slice_eq(claim_rows(&c->w->cx, &again).record_key, key));
	assert_int_equal(claim_expiries(&s, &c->w->arena, a->rq.message->topic, a->rq.envelope.id,
			     &a->rq.outcome, SLICE_LITERAL("pki"), 1000, x),
	    3);
	assert_true(slice_eq(x[2].key, key));
	assert_true(x[2].at_ms == 3601000 + CLAIM_RECORD_BUFFER_MS);
}

static void
test_revoke(void **state)
{
	struct claims *c = *state;
	struct answer *leaf = issued(c->w);
	char *serial = arena_text(&c->w->arena, data_text(leaf, "serial"));
	struct answer *a = world_do(
	    c->w, ASK("revoke", .params = PARAMS("serial", serial, "reason", "superseded")));
	struct view_claim claim = claim_of(c, a);
	struct slice key = redis_cert_key(
	    &c->w->arena, SLICE_LITERAL("pki"), leaf->rq.outcome.serial);
	struct revoked_record r = { 0 };
	struct answer *again;
	struct err e = { 0 };
	uint64_t seen;

	assert_int_equal(claim.write_count, 2);
	if (!schema_decode(&revoked_record_schema, write_of(&claim, VIEW_APPEND, key)->value,
		&c->w->arena, &r, &seen, &e))
		fail_msg("revoked record: %s", e.msg);
	assert_true(slice_eq(r.serial, leaf->rq.outcome.serial));
	assert_int_equal(r.reason, 4);
	assert_int_equal(
	    write_of(&claim, VIEW_COUNT, SLICE_LITERAL("cm:n:pki:revoked"))->number, 1);
	/* a second request of its own finds it revoked: nothing is written twice */
	again = world_do(c->w, ASK("revoke", .params = PARAMS("serial", serial)));
	assert_true(again->rq.outcome.already);
	assert_int_equal(claim_of(c, again).write_count, 0);
}

static void
test_config(void **state)
{
	struct claims *c = *state;
	struct answer *a = world_do(c->w,
	    ASK("role/write", .role = "a-b",
		.params = PARAMS("key_type", "ec", "allow_any_name", "true")));
	struct view_claim claim = claim_of(c, a);
	struct slice key = SLICE_LITERAL("cm:cfg:pki:role:a-b");
	struct role role;
	struct err e = { 0 };
	uint64_t seen;

	assert_int_equal(claim.write_count, 1);
	role_defaults(&role);
	if (!schema_decode(&role_schema, write_of(&claim, VIEW_SET, key)->value, &c->w->arena,
		&role, &seen, &e))
		fail_msg("role: %s", e.msg);
	assert_true(role.allow_any_name);
	a = world_do(c->w, ASK("role/delete", .role = "a-b"));
	claim = claim_of(c, a);
	assert_int_equal(claim.write_count, 1);
	write_of(&claim, VIEW_DELETE, key);
}

/* A new root writes its certificate, the mount's record and its own: what the widest claim holds fits. */
static void
test_root(void **state)
{
	struct claims *c = *state;
	struct view_claim claim;
	struct answer *a;

	world_do(c->w, ASK("mount/write", .mount = "second"));
	a = world_do(c->w,
	    ASK("ca/generate/root", .mount = "second",
		.params = PARAMS("common_name", "Second", "key_type", "ec")));
	claim = claim_of(c, a);
	assert_int_equal(claim.write_count, 5);
	write_of(&claim, VIEW_SET,
	    redis_cert_key(&c->w->arena, SLICE_LITERAL("second"), a->rq.outcome.serial));
	write_of(&claim, VIEW_INDEX, SLICE_LITERAL("cm:idx:second"));
	write_of(&claim, VIEW_COUNT, SLICE_LITERAL("cm:n:second:issued"));
	write_of(&claim, VIEW_SET, SLICE_LITERAL("cm:cfg:second:mount:"));
	write_of(&claim, VIEW_SET, joined(c->w, "cm:cfg:second:issuer:", a->rq.outcome.issuer));
}

/* A refusal that stands is remembered, and brings nothing with it. */
static void
test_refusal(void **state)
{
	struct claims *c = *state;
	struct answer *a = world_refused(c->w, "outside",
	    ASK("issue", .role = "web", .params = PARAMS("common_name", "other.test")),
	    "name_not_allowed", "common_name");
	struct view_claim claim = claim_of(c, a);
	struct request again = { .message = a->rq.message,
		.envelope = a->rq.envelope,
		.operation = a->rq.operation,
		.source = SLICE_LITERAL("certmill.test/0/999"),
		.reply_topic = a->rq.reply_topic };
	struct err e = { 0 };

	assert_int_equal(claim.write_count, 0);
	request_hash(&again);
	assert_true(claim_settle(&c->w->cx, &again, claim.value, &e));
	assert_true(again.replay);
	assert_slice("code", again.outcome.code, "name_not_allowed");
	assert_null(claim_rows(&c->w->cx, &again).record_key.data);
	assert_null(claim_rows(&c->w->cx, &again).leaf_key.data);
}

/* The next owner gives the rows of the last batch their expiry from the claim alone: it must name the mount. */
static void
test_claim_names_its_mount(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w);
	struct view_claim claim = claim_of(c, a);
	struct claim_record record = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	if (!schema_decode(&claim_record_schema, claim.value, &c->w->arena, &record, &seen, &e))
		fail_msg("claim: %s", e.msg);
	assert_slice("mount", record.mount, "pki");
	assert_slice("reply_to", record.reply_to, "certmill.responses");
	assert_true(slice_eq(record.source, a->rq.source));
	assert_true(record.at == WORLD_NOW * 1000);
}

static void
expect_expiry(const char *name, const struct view_expiry *x, struct slice key, int64_t at_ms)
{
	if (!slice_eq(x->key, key) || x->at_ms != at_ms)
		fail_msg("%s: expected %.*s at %lld, got %.*s at %lld", name, SLICE_FMT(key),
		    (long long)at_ms, SLICE_FMT(x->key), (long long)x->at_ms);
}

static void
test_expiries(void **state)
{
	const struct settings s = {
		.dedup_window = 3600, .replay_window = 600, .clock_difference = 7
	};
	const struct slice id = SLICE_LITERAL("x-1"), mount = SLICE_LITERAL("pki");
	const struct outcome none = { .not_after = SCHEMA_ABSENT };
	const struct outcome cert = { .serial = SLICE_LITERAL("\x01\xab"), .not_after = 5000 };
	const struct outcome refused = { .serial = SLICE_LITERAL("\x01"),
		.code = SLICE_LITERAL("no_issuer"),
		.not_after = 5000 };
	struct claims *c = *state;
	struct arena *a = &c->w->arena;
	struct view_expiry x[CLAIM_EXPIRIES_MAX];

	assert_int_equal(claim_expiries(&s, a, "t.issue", id, &none, mount, 1000, x), 1);
	expect_expiry("claim", &x[0], SLICE_LITERAL("cm:req:t.issue:x-1"), 3608000);
	assert_int_equal(claim_expiries(&s, a, "t.issue", id, &refused, mount, 1000, x), 1);
	assert_int_equal(claim_expiries(&s, a, "t.issue", id, &cert, mount, 1000, x), 3);
	expect_expiry("claim", &x[0], SLICE_LITERAL("cm:req:t.issue:x-1"), 3608000);
	expect_expiry("leaf key", &x[1], SLICE_LITERAL("cm:key:t.issue:x-1"), 601000);
	/* a day past its end, so that a revocation of the last minute finds it */
	expect_expiry(
	    "certificate", &x[2], SLICE_LITERAL("cm:cert:pki:01ab"), (5000 + 86400) * 1000);
	/* a replay needs it as long as there is one, though it ended long ago */
	assert_int_equal(claim_expiries(&s, a, "t.issue", id, &cert, mount, 100000000, x), 3);
	expect_expiry("certificate that has ended", &x[2], SLICE_LITERAL("cm:cert:pki:01ab"),
	    103607000 + CLAIM_RECORD_BUFFER_MS);
}

/* A root that is given out and outlives `.certs`: its certificate's three rows, its key's, and three records of `.state`. */
static void
test_a_root_writes_most(void **state)
{
	struct claims *c = *state;
	struct view_claim claim;
	struct answer *a;

	world_do(c->w,
	    ASK("mount/write", .mount = "long",
		.params = PARAMS("max_ttl", "87600h", "allow_clear_keys", "true")));
	a = world_do(c->w,
	    ASK("ca/generate/root", .mount = "long",
		.params = PARAMS("common_name", "Long", "key_type", "ec", "ttl", "80000h",
		    "exported", "exported")));
	claim = claim_of(c, a);
	assert_int_equal(claim.write_count, 7);
	write_of(&claim, VIEW_SET,
	    redis_cert_key(&c->w->arena, SLICE_LITERAL("long"), a->rq.outcome.serial));
	write_of(&claim, VIEW_SET, SLICE_LITERAL("cm:cfg:long:mount:"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_issue, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_root_writes_most, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_store, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoke, setup, teardown),
		cmocka_unit_test_setup_teardown(test_config, setup, teardown),
		cmocka_unit_test_setup_teardown(test_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_claim_names_its_mount, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiries, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
