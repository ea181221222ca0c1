/* A lane's functions by hand: how far a batch is gathered, and a claim that another has won. */
#include "lane_fixture.h"

#define LEAF "'params':{'common_name':'a.example.com'}"

static int
setup(void **state)
{
	*state = fleet_start();
	return 0;
}

static int
teardown(void **state)
{
	fleet_stop(*state);
	return 0;
}

static struct lane *
hand_lane(struct fleet *f, enum lane_kind kind)
{
	struct lane *lane = calloc(1, sizeof(*lane));
	struct err e = { 0 };

	assert_non_null(lane);
	lane->shared = &f->shared;
	lane->kind = kind;
	lane->replies = reply_topics_new(&f->s, f->shared.probe);
	for (int i = 0; i < TOPIC_KINDS; i++)
		lane->partition_counts[i] = 1;
	snprintf(lane->worker, sizeof(lane->worker), "test/hand");
	FLEET_MUST((lane->store = store_open(&f->s.store, &e)) != NULL &&
	    view_init(&lane->view, lane->store, &e));
	return lane;
}

static void
hand_done(struct lane *lane)
{
	inbox_clear(&lane->inbox);
	lane_drop_partitions(lane);
	reply_topics_free(lane->replies);
	store_close(lane->store);
	arena_done(&lane->arena);
	free(lane);
}

/* All messages of the topic, behind what stands in the inbox. */
static void
hand_read(struct fleet *f, struct lane *lane, struct queue_reader *r, int64_t high)
{
	struct inbox *in = &lane->inbox;
	struct err e = { 0 };

	in->messages = realloc(in->messages, (in->count + (size_t)high) * sizeof(*in->messages));
	while (queue_reader_passed(r, 0) < high) {
		struct queue_message *m = NULL;

		FLEET_MUST(queue_reader_poll(r, 100, &m, &e));
		if (m != NULL)
			in->messages[in->count++] = m;
	}
	in->capacity = in->count;
	(void)f;
}

struct gather {
	const char *name;
	const char *ids; /* a letter a message: a request with that id */
	int64_t careful_to, batch_bytes;
	size_t careful_size;
	size_t expected; /* messages of the first batch */
};

static void
gathers_nothing(struct lane *lane)
{
	struct batch b;
	struct err e = { 0 };

	FLEET_MUST(batch_gather(lane, &b, &e));
	assert_int_equal(b.part_count, 0);
	batch_done(&b);
	batch_suspect_done(lane);
}

/*
 * Nothing is gathered where a lane died while another lane of the process works where one did; and who has waited for that has
 * the next turn.
 */
static void
one_suspect_check(struct fleet *f, struct lane *lane)
{
	struct lane other = { .shared = &f->shared };

	f->shared.suspecting = &other;
	gathers_nothing(lane);
	assert_ptr_equal(f->shared.suspecting, &other);
	assert_ptr_equal(f->shared.suspects_next, lane);
	batch_suspect_done(&other);
	f->shared.suspects_next = &other;
	gathers_nothing(lane);
	assert_null(f->shared.suspecting);
	batch_suspect_leave(&other);
	assert_null(f->shared.suspects_next);
	f->shared.suspects_next = lane;
}

static void
gather_check(struct fleet *f, enum topic_kind kind, const struct gather *g)
{
	const char *topic = f->s.request_topics[kind];
	struct lane *lane = hand_lane(f, settings_lane_of(kind));
	int64_t first, high;
	struct queue_reader *r;
	struct slice own_key;
	struct batch b;
	struct err e = { 0 };

	FLEET_MUST(queue_high_watermark(f->shared.probe, topic, 0, &first, &e));
	for (const char *id = g->ids; *id != '\0'; id++)
		fleet_ask(f, kind, "{'v':1 'id':'%c' 'op':'%s' 'role':'web' " LEAF "}", *id,
		    topic_kind_names[kind]);
	high = first + (int64_t)strlen(g->ids);
	FLEET_MUST((r = queue_reader_open(&f->s.queue, topic, 0, QUEUE_FROM_START, &e)) != NULL);
	FLEET_MUST(queue_reader_seek(r, 0, first, &e));
	hand_read(f, lane, r, high);
	own_key = view_own_key(&f->arena, topic, 0);
	fleet_command(
	    f, arena_printf(&f->arena, "HSET %.*s token %s", SLICE_FMT(own_key), lane->view.token));
	lane->partitions[lane->partition_count++] = (struct lane_partition){ .kind = kind,
		.topic = topic,
		.own_key = own_key,
		.next = first,
		.careful_to = g->careful_to < 0 ? -1 : first + g->careful_to,
		.careful_size = g->careful_size };
	f->s.batch_bytes = g->batch_bytes;
	if (g->careful_size == 1)
		one_suspect_check(f, lane);
	FLEET_MUST(batch_gather(lane, &b, &e));
	if (b.count != g->expected)
		fail_msg("%s: expected %zu messages of %zu bytes, got %zu", g->name, g->expected,
		    lane->inbox.messages[0]->value.len, b.count);
	assert_int_equal(b.part_count, 1);
	assert_int_equal(b.parts[0].next, first + (int64_t)g->expected);
	assert_int_equal(lane->inbox.count, strlen(g->ids));
	batch_done(&b);
	assert_null(f->shared.suspects_next);
	batch_suspect_done(lane);
	hand_done(lane);
	queue_reader_close(r);
}

static void
test_gather(void **state)
{
	static const struct gather mint[] = {
		{ "all", "abcdefgh", -1, 1 << 20, 0, 8 },
		{ "an id again", "abcbd", -1, 1 << 20, 0, 3 },
		{ "an id again at once", "aab", -1, 1 << 20, 0, 1 },
		{ "bytes", "abcdefgh", -1, 150, 0, 3 }, /* of 61 bytes each */
		{ "bytes of less than one", "abc", -1, 1, 0, 1 },
		{ "a lane died at the first", "abc", 0, 1 << 20, 1, 1 },
		{ "a lane died at the second", "abc", 1, 1 << 20, 1, 1 },
		{ "a lane died at one of many", "abcdefgh", 7, 1 << 20, 3, 3 },
	};
	static const struct gather config = { "configuration", "abc", -1, 1 << 20, 0, 3 };
	struct fleet *f = *state;

	for (size_t i = 0; i < COUNT(mint); i++)
		gather_check(f, TOPIC_ISSUE, &mint[i]);
	gather_check(f, TOPIC_CONFIG, &config);
}

/* ---- a claim that another has won between the reading and the script ---- */

static void
hand_open(struct fleet *f, struct lane *lane, enum topic_kind kind)
{
	const char *const topics[] = { f->s.request_topics[kind],
		f->s.request_topics[TOPIC_REVOKE] };
	const struct queue_consumer_spec spec = { .group = f->s.groups[lane->kind],
		.topics = topics,
		.topic_count = kind == TOPIC_CONFIG ? 2 : 1, /* a control lane has both */
		.assigned = lane_assigned,
		.revoked = lane_revoked,
		.opaque = lane };
	struct err e = { 0 };

	FLEET_MUST((lane->minter = minter_new(f->kek, NULL, &e)) != NULL);
	FLEET_MUST((lane->replay_sealer = sealer_new(f->kek, "replay key", &e)) != NULL);
	FLEET_MUST((lane->producer = queue_producer_open(&f->s.queue, "hand", &e)) != NULL);
	FLEET_MUST((lane->consumer = queue_consumer_open(&f->s.queue, &spec, &e)) != NULL);
	if (lane->kind == LANE_CONTROL)
		lane->crls = crl_owner_new(&f->s, f->shared.probe, f->shared.crl_book);
}

static void
hand_fill(struct lane *lane, size_t count)
{
	struct err e = { 0 };

	for (int i = 0; i < 200 && lane->inbox.count < count; i++)
		FLEET_MUST(inbox_fill(lane, 100, &e));
	assert_int_equal(lane->inbox.count, count);
}

/* A batch of the first `count` messages, decided. */
static void
hand_decide(struct lane *lane, struct batch *b, size_t count)
{
	struct err e = { 0 };

	hand_fill(lane, count);
	FLEET_MUST(lane_take(lane, &e) && batch_gather(lane, b, &e));
	assert_int_equal(b->count, count);
	FLEET_MUST(batch_settle(lane, b, &e) && batch_decide(lane, b, &e));
}

static void
hand_close(struct lane *lane)
{
	inbox_clear(&lane->inbox);
	queue_group_free(lane->group);
	queue_consumer_close(lane->consumer, false);
	queue_producer_close(lane->producer);
	crl_owner_free(lane->crls);
	minter_free(lane->minter);
	sealer_free(lane->replay_sealer);
	hand_done(lane);
}

/* Stands in Redis as if another message of the same id and body had been given this outcome. */
static void
other_claim(
    struct lane *lane, struct batch *b, const struct item *item, const struct item *outcome_of)
{
	struct request rq = item->rq;
	struct view_claim claim;
	struct err e = { 0 };

	rq.source = SLICE_LITERAL("certmill.issue/0/999");
	rq.outcome = outcome_of->rq.outcome;
	rq.record = outcome_of->rq.record;
	FLEET_MUST(claim_make(&b->cx, lane->replay_sealer, &rq, &claim, &e));
	for (size_t i = 0; i <= claim.write_count; i++) {
		const bool is_claim = i == claim.write_count;
		const struct slice argv[] = { SLICE_LITERAL("SET"),
			is_claim ? claim.key : claim.writes[i].key,
			is_claim ? claim.value : claim.writes[i].value };
		struct store_reply *r;

		if (!is_claim && claim.writes[i].kind != VIEW_SET)
			continue;
		FLEET_MUST((r = store_command(lane->store, argv, 3, &e)) != NULL);
		store_reply_free(r);
	}
}

static bool
is_marked(struct fleet *f)
{
	const struct slice argv[] = { SLICE_LITERAL("HGET"),
		SLICE_LITERAL("cm:own:certmill.issue:0"), SLICE_LITERAL("work") };
	struct err e = { 0 };
	struct store_reply *r;
	bool ret;

	FLEET_MUST((r = store_command(f->store, argv, 3, &e)) != NULL);
	ret = !store_is_nil(r);
	store_reply_free(r);
	return ret;
}

/* A worker that is killed while it waits for `.state` dies of no message: nothing is marked before the catalog is fresh. */
static void
test_no_mark_before_the_catalog_is_fresh(void **state)
{
	enum { API_LIST_OFFSETS = 2, TOPIC_AUTHORIZATION_FAILED = 29 };
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_MINT);
	struct batch b;
	struct err e = { 0 };

	fleet_issue(f, "stale");
	hand_open(f, lane, TOPIC_ISSUE);
	hand_fill(lane, 1);
	FLEET_MUST(lane_take(lane, &e));
	queue_mock_errors(f->mock, API_LIST_OFFSETS, TOPIC_AUTHORIZATION_FAILED, 1);
	assert_false(batch_gather(lane, &b, &e));
	batch_done(&b);
	assert_false(is_marked(f));
	FLEET_MUST(batch_gather(lane, &b, &e));
	assert_int_equal(b.count, 1);
	assert_true(is_marked(f));
	batch_done(&b);
	hand_close(lane);
}

/* A row is ahead of what was committed, and the coordinator does not say whether another has committed since. */
static void
test_no_guess_at_what_is_committed(void **state)
{
	enum { API_OFFSET_FETCH = 9, GROUP_AUTHORIZATION_FAILED = 30 };
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_MINT);
	struct err e = { 0 };

	fleet_issue(f, "ahead");
	hand_open(f, lane, TOPIC_ISSUE);
	hand_fill(lane, 1);
	fleet_command(f, "HSET cm:own:certmill.issue:0 step 9");
	queue_mock_errors(f->mock, API_OFFSET_FETCH, GROUP_AUTHORIZATION_FAILED, 1);
	assert_false(lane_take(lane, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	hand_close(lane);
}

/* One was allowed here and refused there, the other the other way round: the claim that stands says what is answered. */
static void
test_lost_claims(void **state)
{
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_MINT);
	const struct fleet_answer *a;
	int64_t certs;
	struct batch b;
	struct err e = { 0 };

	fleet_issue(f, "allowed");
	fleet_ask(f, TOPIC_ISSUE,
	    "{'v':1 'id':'refused' 'op':'issue' 'role':'web' 'params':{'common_name':'a.test'}}");
	hand_open(f, lane, TOPIC_ISSUE);
	hand_decide(lane, &b, 2);
	assert_true(item_ok(&b.items[0]));
	assert_false(item_ok(&b.items[1]));
	other_claim(lane, &b, &b.items[0], &b.items[1]);
	other_claim(lane, &b, &b.items[1], &b.items[0]);
	FLEET_MUST(batch_commit(lane, &b, &e));
	batch_done(&b);
	a = answer_expect(f, "allowed here", "allowed", "name_not_allowed");
	assert_true(slice_is(a->replayed, "1"));
	a = answer_expect(f, "refused here", "refused", NULL);
	assert_true(slice_is(a->replayed, "1"));
	FLEET_MUST(
	    queue_high_watermark(f->shared.probe, f->s.ledger_topics[LEDGER_CERTS], 0, &certs, &e));
	assert_int_equal(certs, 0);
	hand_close(lane);
}

/* The same id on two mounts' partitions at once: a CRL that was built for the one that lost is not published. */
static void
test_lost_rotation(void **state)
{
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_CONTROL);
	struct batch b;
	struct err e = { 0 };
	int64_t crls;

	fleet_ask(f, TOPIC_REVOKE, "{'v':1 'id':'turn' 'op':'crl/rotate' 'mount':'pki'}");
	hand_open(f, lane, TOPIC_REVOKE);
	hand_decide(lane, &b, 1);
	assert_true(item_ok(&b.items[0]));
	assert_int_equal(b.crl_count, 1);
	other_claim(lane, &b, &b.items[0], &b.items[0]);
	assert_false(batch_commit(lane, &b, &e));
	assert_int_equal(e.code, ERR_FENCED);
	batch_done(&b);
	FLEET_MUST(
	    queue_high_watermark(f->shared.probe, f->s.ledger_topics[LEDGER_CRL], 0, &crls, &e));
	assert_int_equal(crls, 0);
	hand_close(lane);
}

/* Nobody asked for the first CRL: it goes out with what comes, and whoever takes the home of its mount has to wait for that. */
static void
test_crl_beside_configuration(void **state)
{
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_CONTROL);
	struct batch b;
	struct err e = { 0 };

	fleet_ask(f, TOPIC_CONFIG,
	    "{'v':1 'id':'w' 'op':'role/write' 'mount':'pki' 'role':'new' 'params':{}}");
	hand_open(f, lane, TOPIC_CONFIG);
	hand_decide(lane, &b, 1);
	assert_true(item_ok(&b.items[0]));
	assert_int_equal(b.crl_count, 1);
	assert_int_equal(b.part_count, 2);
	assert_int_equal(b.parts[1].partition->kind, TOPIC_REVOKE);
	assert_int_equal(b.parts[1].next, b.parts[1].partition->next);
	FLEET_MUST(batch_commit(lane, &b, &e));
	assert_int_equal(b.parts[1].head.step, 1);
	batch_done(&b);
	hand_close(lane);
}

/* The claim was made long before it was committed; then another lane takes the partition. Its window begins with the commit. */
static void
test_expiry_after_a_late_commit(void **state)
{
	struct fleet *f = *state;
	struct lane *lane = hand_lane(f, LANE_MINT);
	struct lane_partition *p = &lane->partitions[0];
	int64_t now_ms = time_now_ms();
	struct batch b;
	struct err e = { 0 };

	fleet_issue(f, "late");
	hand_open(f, lane, TOPIC_ISSUE);
	hand_decide(lane, &b, 1);
	b.cx.now_ms -= (int64_t)24 * 3600 * 1000; /* the claim says so */
	FLEET_MUST(batch_commit(lane, &b, &e));
	batch_done(&b);
	p->taken = false;
	p->expiry_count = 0;
	FLEET_MUST(lane_take(lane, &e));
	assert_int_equal(p->expiry_count, 3);
	assert_true(p->expiries[0].at_ms >= claim_end_ms(&f->s, now_ms));
	hand_close(lane);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_gather, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_mark_before_the_catalog_is_fresh, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    test_no_guess_at_what_is_committed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_claims, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crl_beside_configuration, setup, teardown),
		cmocka_unit_test_setup_teardown(test_expiry_after_a_late_commit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
