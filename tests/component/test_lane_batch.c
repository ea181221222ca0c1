/* Batches: bad messages between good ones, ids that come again, and the bound of how many. */
#include "lane_fixture.h"

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

/* ---- what stands on a topic ---- */

struct record {
	struct slice value, reason, offset; /* the last two: headers of .rejects */
};

struct records {
	struct record *list;
	size_t count;
};

static struct records
records_read(struct fleet *f, enum ledger_kind kind)
{
	const char *topic = f->s.ledger_topics[kind];
	struct records ret = { 0 };
	struct queue_reader *r;
	int64_t high;
	struct err e = { 0 };

	FLEET_MUST(queue_high_watermark(f->shared.probe, topic, 0, &high, &e));
	ret.list = arena_array(&f->arena, (size_t)high, sizeof(*ret.list));
	FLEET_MUST((r = queue_reader_open(&f->s.queue, topic, 0, QUEUE_FROM_START, &e)) != NULL);
	while (queue_reader_passed(r, 0) < high) {
		struct queue_message *m = NULL;

		FLEET_MUST(queue_reader_poll(r, 100, &m, &e));
		if (m != NULL)
			ret.list[ret.count++] = (struct record){ fleet_keep(f, m->value),
				fleet_keep(f, message_header(m, "reason")),
				fleet_keep(f, message_header(m, "offset")) };
		queue_message_free(m);
	}
	queue_reader_close(r);
	return ret;
}

/* The chain of one partition: every offset once and in order, each record naming the one before. Returns the records. */
static size_t
audit_check(struct fleet *f, int64_t offsets, size_t entries_max)
{
	struct records all = records_read(f, LEDGER_AUDIT);
	uint8_t hash[HASH_SIZE] = { 0 };
	int64_t next = 0;
	struct err e = { 0 };
	uint64_t seen;

	for (size_t i = 0; i < all.count; i++) {
		struct audit_record r = { 0 };
		struct audit_entry entry = { 0 };
		unsigned size = HASH_SIZE;

		FLEET_MUST(schema_decode(
		    &audit_record_schema, all.list[i].value, &f->arena, &r, &seen, &e));
		assert_int_equal(r.sequence, i + 1);
		assert_true(slice_eq(r.previous, slice_of(hash, HASH_SIZE)));
		if (r.entries.count > entries_max)
			fail_msg("record %zu has %zu entries, at most %zu are one batch", i,
			    r.entries.count, entries_max);
		for (size_t j = 0; j < r.entries.count; j++) {
			static const uint8_t none[HASH_SIZE];

			FLEET_MUST(schema_decode(
			    &audit_entry_schema, r.entries.items[j], &f->arena, &entry, &seen, &e));
			assert_int_equal(entry.offset, next++);
			assert_memory_not_equal(entry.hash.data, none, HASH_SIZE);
		}
		EVP_Digest(
		    all.list[i].value.data, all.list[i].value.len, hash, &size, EVP_sha256(), NULL);
	}
	assert_int_equal(next, offsets);
	return all.count;
}

/* ---- bad messages between good ones ---- */

#define LEAF "'params':{'common_name':'a.example.com'}"

/* With an id: the answer's code, NULL is ok. Without: the reason in .rejects. */
static const struct bad {
	const char *name, *message, *id, *code;
} bad[] = {
	/* clang-format off */
	{ "no msgpack", "<c1>", NULL, "malformed" },
	{ "four thousand million items", "<dd ff ff ff ff>", NULL, "malformed" },
	{ "null payload", NULL, NULL, "malformed" },
	{ "an empty text", "''", NULL, "malformed" },
	{ "no id", "{'v':1 'op':'issue'}", NULL, "missing_field" },
	{ "cut short", "<84> 'v' 1 'id' 'cut'", "cut", "malformed" },
	{ "something behind", "{'v':1 'id':'behind' 'op':'issue' 'role':'web' " LEAF "} 1", "behind", "malformed" },
	{ "an id twice", "{'v':1 'id':'twice' 'id':'twice' 'op':'issue'}", "twice", "duplicate_field" },
	{ "unknown field", "{'v':1 'id':'field' 'op':'issue' 'nothing':1}", "field", "unknown_field" },
	{ "version 2", "{'v':2 'id':'v2' 'op':'issue'}", "v2", "unsupported_version" },
	{ "unknown op", "{'v':1 'id':'op' 'op':'nothing'}", "op", "unknown_op" },
	{ "wrong topic", "{'v':1 'id':'topic' 'op':'revoke'}", "topic", "wrong_topic" },
	{ "wrong type", "{'v':1 'id':'type' 'op':'issue' 'role':'web' 'params':{'common_name':[1]}}", "type", "wrong_type" },
	{ "deadline", "{'v':1 'id':'late' 'op':'issue' 'role':'web' 'deadline':1 " LEAF "}", "late", "deadline_exceeded" },
	{ "mount", "{'v':1 'id':'mount' 'op':'issue' 'role':'web' 'mount':'none' " LEAF "}", "mount", "unknown_mount" },
	{ "role", "{'v':1 'id':'role' 'op':'issue' 'role':'none' " LEAF "}", "role", "unknown_role" },
	{ "reply_to", "{'v':1 'id':'to' 'op':'issue' 'role':'web' 'reply_to':'certmill.state' " LEAF "}", "to", "reply_to_not_allowed" },
	{ "no reply_to", "{'v':1 'id':'no' 'op':'issue' 'role':'web' 'reply_to':'certmill.responses.no' " LEAF "}", "no", "reply_to_unknown" },
	{ "a name outside", "{'v':1 'id':'name' 'op':'issue' 'role':'web' 'params':{'common_name':'a.test'}}", "name", "name_not_allowed" },
	{ "dry run", "{'v':1 'id':'dry' 'op':'issue' 'role':'web' 'dry_run':true " LEAF "}", "dry", NULL },
	/* clang-format on */
};

static void
bad_produce(struct fleet *f, const struct bad *b)
{
	if (b->message == NULL)
		fleet_produce(f, TOPIC_ISSUE, SLICE_NONE);
	else
		fleet_ask(f, TOPIC_ISSUE, "%s", b->message);
}

static void
rejects_check(struct fleet *f)
{
	struct records all = records_read(f, LEDGER_REJECTS);
	struct buf packed SCOPED_BUF;
	size_t at = 0;

	buf_init(&packed, 1 << 16);
	for (size_t i = 0; i < COUNT(bad); i++) {
		const struct record *r = &all.list[at];

		if (bad[i].id != NULL)
			continue;
		if (at++ == all.count)
			fail_msg("%s: not in .rejects", bad[i].name);
		if (!slice_is(r->reason, bad[i].code))
			fail_msg("%s: expected %s, got %.*s", bad[i].name, bad[i].code,
			    SLICE_FMT(r->reason));
		assert_true(slice_is(r->offset, arena_printf(&f->arena, "%zu", 2 * i + 1)));
		if (bad[i].message == NULL)
			assert_null(r->value.data);
		else
			assert_true(slice_eq(r->value, notation_pack(&packed, bad[i].message)));
	}
	assert_int_equal(at, all.count);
}

static void
test_bad_between_good(void **state)
{
	struct fleet *f = *state;

	for (size_t i = 0; i < COUNT(bad); i++) {
		fleet_issue(f, arena_printf(&f->arena, "good-%zu", i));
		bad_produce(f, &bad[i]);
	}
	fleet_issue(f, "last");
	lane_up(f, LANE_MINT);
	answer_expect(f, "the last", "last", NULL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		answer_expect(f, bad[i].name, arena_printf(&f->arena, "good-%zu", i), NULL);
		if (bad[i].id == NULL)
			continue;
		answer_expect(f, bad[i].name, bad[i].id, bad[i].code);
		assert_int_equal(answers_count(f, bad[i].id), 1);
	}
	assert_int_equal(atomic_load(&f->shared.failed), 0);
	lanes_down(f);
	rejects_check(f);
	audit_check(f, 2 * COUNT(bad) + 1, 1000);
	assert_int_equal(records_read(f, LEDGER_CERTS).count, COUNT(bad) + 1);
}

/* The same id again: in a batch of its own, answered from the claim; with another body a conflict. */
static void
test_resends(void **state)
{
	struct fleet *f = *state;
	const struct fleet_answer *first, *again;

	fleet_issue(f, "x");
	fleet_issue(f, "x");
	fleet_ask(f, TOPIC_ISSUE,
	    "{'v':1 'id':'x' 'op':'issue' 'role':'web' 'params':{'common_name':'b.example.com'}}");
	lane_up(f, LANE_MINT);
	first = answer_wait(f, "first", "x", 3);
	lanes_down(f);
	assert_true(slice_is(first->code, "request_id_conflict"));
	again = first->next;
	assert_true(again->ok);
	assert_true(slice_is(again->replayed, "1"));
	assert_true(slice_is(again->source, "certmill.issue/0/1"));
	assert_true(slice_eq(again->bytes, again->next->bytes));
	assert_null(again->next->replayed.data);
	assert_int_equal(records_read(f, LEDGER_CERTS).count, 1);
	assert_true(audit_check(f, 3, 1) == 3);
}

static void
test_batch_max(void **state)
{
	struct fleet *f = *state;

	f->s.batch_max = 3;
	for (size_t i = 0; i < 20; i++)
		fleet_issue(f, arena_printf(&f->arena, "many-%zu", i));
	lane_up(f, LANE_MINT);
	for (size_t i = 0; i < 20; i++)
		answer_expect(f, "batch_max", arena_printf(&f->arena, "many-%zu", i), NULL);
	lanes_down(f);
	assert_true(audit_check(f, 20, 3) >= 7);
}

static void
changes_ask(struct fleet *f, size_t count)
{
	for (size_t i = 0; i < count; i++)
		fleet_ask(f, TOPIC_CONFIG,
		    "{'v':1 'id':'change-%zu' 'op':'role/write' 'role':'role%zu' 'params':{'allow_any_name':true}}",
		    i, i);
}

/* A change of configuration goes alone; copies of what was changed go together, and beside one change. */
static void
test_configuration(void **state)
{
	struct fleet *f = *state;
	size_t batches;

	changes_ask(f, 6);
	changes_ask(f, 7);
	lane_up(f, LANE_CONTROL);
	for (size_t i = 0; i < 6; i++)
		(void)answer_wait(f, "a copy", arena_printf(&f->arena, "change-%zu", i), 2);
	answer_expect(f, "one change more", "change-6", NULL);
	lanes_down(f);
	batches = audit_check(f, 13, 7);
	if (batches < 7 ||
	    batches > 9) /* 7, or a few more when the messages come in little by little */
		fail_msg("13 messages with 7 changes took %zu batches", batches);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_bad_between_good, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_batch_max, setup, teardown),
		cmocka_unit_test_setup_teardown(test_configuration, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
