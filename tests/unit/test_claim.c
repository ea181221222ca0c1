/* Claims: what is kept of a decision, and what is made of it again. */
#include "claim.h"

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
	struct sealer *sealer; /* "replay key" */
};

static int
setup(void **state)
{
	struct claims *c = calloc(1, sizeof(*c));
	struct err e = { 0 };

	c->w = world_new();
	c->sealer = sealer_new(c->w->kek, "replay key", &e);
	if (c->sealer == NULL)
		return -1;
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

static struct answer *
issued(struct world *w, const char *role)
{
	struct answer *a = world_do(
	    w, ASK("issue", .role = role, .params = PARAMS("common_name", "a.example.com")));

	a->rq.reply_topic = SLICE_LITERAL("certmill.responses");
	request_hash(&a->rq);
	return a;
}

static struct view_claim
claim_of(struct claims *c, struct answer *a)
{
	struct view_claim claim;
	struct err e = { 0 };

	if (!claim_make(&c->w->cx, c->sealer, &a->rq, &claim, &e))
		fail_msg("claim: %s", e.msg);
	return claim;
}

static struct slice
written(const struct view_claim *claim, struct slice key)
{
	for (size_t i = 0; i < claim->write_count; i++)
		if (slice_eq(claim->writes[i].key, key))
			return claim->writes[i].value;
	return SLICE_NONE;
}

/* The same message read again, as the next owner of the partition reads it; or a resend from another source. */
static struct request
resent(const struct answer *a, const char *source)
{
	return (struct request){ .message = a->rq.message,
		.kind = a->rq.kind,
		.source = source == NULL ? a->rq.source : slice_text(source),
		.envelope = a->rq.envelope,
		.operation = a->rq.operation,
		.params = a->rq.params,
		.reply_topic = a->rq.reply_topic };
}

static void
settle(struct claims *c, struct request *rq, struct slice value)
{
	struct err e = { 0 };

	request_hash(rq);
	if (!claim_settle(&c->w->cx, rq, value, &e))
		fail_msg("settle: %s", e.msg);
}

/* Settled and restored, the answer is the first one, to the byte: certificate, key, and the key's kind. */
static void
test_comes_back_whole(void **state)
{
	static const struct {
		const char *role, *key_type;
	} cases[] = { { "c-rsa", "rsa" }, { "c-ec", "ec" }, { "c-ed", "ed25519" } };
	struct claims *c = *state;

	for (size_t i = 0; i < 3; i++) {
		struct answer *first;
		struct view_claim claim;
		struct request rq;
		struct claim_rows rows;
		struct response_envelope r = { 0 };
		struct buf out SCOPED_BUF = { 0 };
		struct err e = { 0 };
		uint64_t seen;

		world_do(c->w,
		    ASK("role/write", .role = cases[i].role,
			.params = PARAMS("allow_any_name", "true", "key_type", cases[i].key_type)));
		first = issued(c->w, cases[i].role);
		claim = claim_of(c, first);
		rq = resent(first, NULL);
		settle(c, &rq, claim.value);
		assert_true(rq.own_claim);
		assert_false(rq.replay);
		rows = claim_rows(&c->w->cx, &rq);
		assert_true(claim_restore(&c->w->cx, c->sealer, &rq,
		    written(&claim, rows.record_key), written(&claim, rows.leaf_key), &e));
		buf_init_secret(&out, (size_t)1 << 20);
		assert_true(response_encode(&c->w->cx, &rq, &out, &e));
		assert_true(
		    schema_decode(&response_schema, buf_slice(&out), &c->w->arena, &r, &seen, &e));
		if (!slice_eq(r.data, first->data))
			fail_msg("%s: comes back as another", cases[i].role);
		assert_true(slice_eq(rq.record, first->rq.record));
		leaf_key_done(&rq.leaf);
	}
}

static void
test_key_is_sealed(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct view_claim claim = claim_of(c, a);
	struct slice key = buf_slice(&a->rq.leaf.private_der);

	for (size_t i = 0; i < claim.write_count; i++) {
		struct slice value = claim.writes[i].value;

		if (value.data != NULL)
			assert_null(memmem(value.data, value.len, key.data + 8, 32));
	}
	assert_null(memmem(claim.value.data, claim.value.len, key.data + 8, 32));
	assert_non_null(
	    written(&claim, claim_leaf_key(&c->w->arena, a->message.topic, a->rq.envelope.id))
		.data);
}

/* A box of another request does not open, nor one that was changed. */
static void
test_key_of_another(void **state)
{
	struct claims *c = *state;
	struct answer *one = issued(c->w, "web"), *two = issued(c->w, "web");
	struct view_claim first = claim_of(c, one), second = claim_of(c, two);
	struct request rq = resent(one, NULL);
	struct claim_rows rows;
	struct err e = { 0 };

	settle(c, &rq, first.value);
	rows = claim_rows(&c->w->cx, &rq);
	assert_false(claim_restore(&c->w->cx, c->sealer, &rq, written(&first, rows.record_key),
	    written(&second, claim_leaf_key(&c->w->arena, two->message.topic, two->rq.envelope.id)),
	    &e));
	assert_false(rq.has_leaf);
}

static void
test_replays(void **state)
{
	static const struct {
		const char *name, *reply_topic;
		int64_t later;
		bool withheld;
	} cases[] = {
		{ "at once", "certmill.responses", 0, false },
		{ "at the end of the window", "certmill.responses", 600, false },
		{ "after the window", "certmill.responses", 601, true },
		{ "to another topic", "certmill.responses.b", 0, true },
	};
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct view_claim claim = claim_of(c, a);
	int64_t now = c->w->cx.now_ms;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request rq = resent(a, "certmill.issue/0/99");

		rq.reply_topic = slice_text(cases[i].reply_topic);
		c->w->cx.now_ms = now + cases[i].later * 1000;
		settle(c, &rq, claim.value);
		if (!rq.replay || rq.own_claim || rq.key_withheld != cases[i].withheld)
			fail_msg("%s: replay %d, withheld %d", cases[i].name, rq.replay,
			    rq.key_withheld);
		assert_int_equal(
		    claim_rows(&c->w->cx, &rq).leaf_key.data == NULL, cases[i].withheld);
	}
}

static void
test_rows_that_are_gone(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct view_claim claim = claim_of(c, a);
	struct request own = resent(a, NULL), other = resent(a, "certmill.issue/0/99");
	struct slice record;
	struct err e = { 0 };

	settle(c, &own, claim.value);
	settle(c, &other, claim.value);
	record = written(&claim, claim_rows(&c->w->cx, &own).record_key);
	assert_false(claim_restore(&c->w->cx, c->sealer, &own, SLICE_NONE, SLICE_NONE, &e));
	assert_int_equal(e.code, ERR_VIEW_LOST);
	assert_false(claim_restore(&c->w->cx, c->sealer, &own, record, SLICE_NONE, &e));
	assert_int_equal(e.code, ERR_VIEW_LOST);
	assert_true(claim_restore(&c->w->cx, c->sealer, &other, record, SLICE_NONE, &e));
	assert_true(other.key_withheld);
}

static void
test_conflict(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct view_claim claim = claim_of(c, a);
	struct request rq = resent(a, "certmill.issue/0/99");
	struct err e = { 0 };

	rq.envelope.role = SLICE_LITERAL("other");
	request_hash(&rq);
	assert_false(claim_settle(&c->w->cx, &rq, claim.value, &e));
	assert_int_equal(e.code, ERR_REQUEST_ID_CONFLICT);
	assert_string_equal(e.field, "id");
}

/* The body is op, mount, role, params and seal_to; ts, deadline and reply_to are not. */
static void
test_hash(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct request rq = resent(a, NULL);
	uint8_t same[HASH_SIZE];

	rq.envelope.ts = 5;
	rq.envelope.deadline = 6;
	rq.envelope.reply_to = SLICE_LITERAL("x");
	request_hash(&rq);
	assert_memory_equal(rq.hash, a->rq.hash, HASH_SIZE);
	memcpy(same, rq.hash, HASH_SIZE);
	rq.envelope.seal_to = SLICE_LITERAL("\x80");
	request_hash(&rq);
	assert_memory_not_equal(rq.hash, same, HASH_SIZE);
	/* nothing can be moved from one part to the next */
	rq = resent(a, NULL);
	rq.envelope.mount = SLICE_LITERAL("pkiw");
	rq.envelope.role = SLICE_LITERAL("eb");
	request_hash(&rq);
	assert_memory_not_equal(rq.hash, same, HASH_SIZE);
}

static void
test_broken_claims(void **state)
{
	struct claims *c = *state;
	struct answer *a = issued(c->w, "web");
	struct view_claim claim = claim_of(c, a);

	for (size_t len = 0; len < claim.value.len; len++) {
		struct request rq = resent(a, NULL);
		struct err e = { 0 };

		request_hash(&rq);
		if (claim_settle(&c->w->cx, &rq, slice_of(claim.value.data, len), &e))
			fail_msg("%zu of %zu bytes are taken", len, claim.value.len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_comes_back_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_is_sealed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_key_of_another, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replays, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows_that_are_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_conflict, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_broken_claims, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
