/* A lane and its Redis: it dies, forgets, is being folded, or names another owner; and messages that lanes died of. */
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

static void
expect_silence(struct fleet *f, const char *name, const char *id)
{
	for (int quiet = 0; quiet < 20; quiet++)
		answers_pump(f, 50);
	if (answers_count(f, id) != 0)
		fail_msg("%s: %s was answered", name, id);
}

/* Killed it ends the session; back without its rows, nothing is signed until they stand again. */
static void
test_redis_dies(void **state)
{
	struct fleet *f = *state;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before", "first", NULL);
	redis_fixture_kill(&f->redis);
	fleet_issue(f, "second");
	failed_wait(f, "killed", 1);
	lanes_down(f);
	expect_silence(f, "killed", "second");
	assert_false(atomic_load(&f->shared.view_lost));
	store_close(f->store);
	redis_fixture_spawn(&f->redis);
	assert_non_null(f->store = redis_fixture_open(&f->redis));
	lane_up(f, LANE_MINT);
	failed_wait(f, "empty", 2);
	lanes_down(f);
	expect_silence(f, "empty", "second");
	assert_true(atomic_load(&f->shared.view_lost));
	fleet_command(f, "DEL cm:view");
	fleet_first_rows(f);
	lane_up(f, LANE_MINT);
	answer_expect(f, "whole again", "second", NULL);
	assert_int_equal(atomic_load(&f->shared.failed), 2);
}

/* A row that went back while the lane worked: LOST is said to all lanes through cm:view. */
static void
test_redis_loses_a_step(void **state)
{
	struct fleet *f = *state;
	struct err e = { 0 };
	struct view v;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before", "first", NULL);
	fleet_issue(f, "second");
	answer_expect(f, "before", "second", NULL);
	fleet_command(f, "HSET cm:own:certmill.issue:0 step 0");
	fleet_issue(f, "third");
	failed_wait(f, "a step back", 1);
	expect_silence(f, "a step back", "third");
	assert_true(atomic_load(&f->shared.view_lost));
	assert_true(view_init(&v, f->store, &e));
	assert_false(view_ready(&v, &e));
	assert_int_equal(e.code, ERR_VIEW_FOLDING);
}

static void
test_folding(void **state)
{
	struct fleet *f = *state;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before", "first", NULL);
	fleet_command(f, "SET cm:view folding");
	fleet_issue(f, "second");
	failed_wait(f, "folding", 1);
	lanes_down(f);
	lane_up(f, LANE_MINT);
	failed_wait(f, "still folding", 2);
	lanes_down(f);
	expect_silence(f, "folding", "second");
	assert_false(atomic_load(&f->shared.view_lost));
	fleet_command(f, "SET cm:view ready");
	lane_up(f, LANE_MINT);
	answer_expect(f, "ready", "second", NULL);
}

/* Another lane has taken the row: this one signs nothing more. */
static void
test_fenced(void **state)
{
	struct fleet *f = *state;

	lane_up(f, LANE_MINT);
	fleet_issue(f, "first");
	answer_expect(f, "before", "first", NULL);
	fleet_command(f, "HSET cm:own:certmill.issue:0 token another");
	fleet_issue(f, "second");
	failed_wait(f, "fenced", 1);
	expect_silence(f, "fenced", "second");
	lanes_down(f);
	lane_up(f, LANE_MINT);
	answer_expect(f, "taken back", "second", NULL);
}

/*
 * Lanes have died at the messages up to offset `work`, `worked` of them (-1: not said), and the last `deaths` of the lanes at the
 * one of offset 0.
 */
static void
died_before(struct fleet *f, int work, int worked, int deaths)
{
	fleet_issue(f, "deadly");
	fleet_issue(f, "next");
	fleet_command(f,
	    arena_printf(&f->arena,
		"HSET cm:own:certmill.issue:0 work %d worked %d:%d mark 0 deaths %d", work, work,
		worked, deaths));
	lane_up(f, LANE_MINT);
	answer_expect(f, "the message behind it", "next", NULL);
}

static void
rejects_expect(struct fleet *f, int64_t expected)
{
	struct err e = { 0 };
	int64_t rejects;

	FLEET_MUST(queue_high_watermark(
	    f->shared.probe, f->s.ledger_topics[LEDGER_REJECTS], 0, &rejects, &e));
	assert_int_equal(rejects, expected);
}

static void
test_quarantine(void **state)
{
	struct fleet *f = *state;

	died_before(f, 1, -1, VIEW_DEATHS_MAX);
	answer_expect(f, "five deaths", "deadly", "internal");
	lanes_down(f);
	rejects_expect(f, 1);
}

/* The offsets behind it are no messages: those of transactions that were aborted. */
static void
test_quarantine_before_a_hole(void **state)
{
	struct fleet *f = *state;

	died_before(f, 1000, 1, VIEW_DEATHS_MAX);
	answer_expect(f, "alone in a hole", "deadly", "internal");
}

static void
expect_unread(struct fleet *f, int deaths)
{
	died_before(f, 1, -1, deaths);
	expect_silence(f, "left unread", "deadly");
	lanes_down(f);
	rejects_expect(f, 1);
}

/* They died reading it: nobody can say whom to answer. */
static void
test_quarantine_unread(void **state)
{
	fleet_command(*state, "HSET cm:own:certmill.issue:0 unread 0");
	expect_unread(*state, VIEW_DEATHS_MAX);
}

/* They could read it, and died refusing it as well. */
static void
test_quarantine_fails(void **state)
{
	expect_unread(*state, 2 * VIEW_DEATHS_MAX);
}

/* A script ran for it: it may own a claim, and is answered however many died. */
static void
test_no_silence_behind_a_script(void **state)
{
	struct fleet *f = *state;

	fleet_command(f, "HSET cm:own:certmill.issue:0 scripted 0");
	died_before(f, 1, -1, 2 * VIEW_DEATHS_MAX);
	answer_expect(f, "scripted", "deadly", "internal");
}

static void
test_no_quarantine_yet(void **state)
{
	struct fleet *f = *state;

	died_before(f, 1, -1, VIEW_DEATHS_MAX - 1);
	answer_expect(f, "four deaths", "deadly", NULL);
}

/* The last one died at 17 messages: two go together now, and nothing is held against the first. */
static void
test_no_quarantine_of_many(void **state)
{
	struct fleet *f = *state;

	died_before(f, 16, -1, VIEW_DEATHS_MAX);
	answer_expect(f, "not alone", "deadly", NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_redis_dies, setup, teardown),
		cmocka_unit_test_setup_teardown(test_redis_loses_a_step, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folding, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fenced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quarantine, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quarantine_before_a_hole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quarantine_unread, setup, teardown),
		cmocka_unit_test_setup_teardown(test_quarantine_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_silence_behind_a_script, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_quarantine_yet, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_quarantine_of_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
