/* The view's scripts against a real Redis: ownership, the step counter, claims, expiry, marks. */
#include "redis_fixture.h"
#include "timespan.h"
#include "view.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct redis_fixture redis;
static struct store *store;
static struct arena arena;

static struct slice
own_key(void)
{
	return SLICE_LITERAL("cm:own:t.issue:0");
}

static void
command(const char *words)
{
	struct slice argv[16];
	size_t argc = 0;
	struct err e;
	struct store_reply *r;
	char *copy = arena_text(&arena, slice_text(words)), *rest = NULL;

	for (char *word = strtok_r(copy, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest))
		argv[argc++] = slice_text(word);
	r = store_command(store, argv, argc, &e);
	if (r == NULL)
		fail_msg("%s: %s", words, e.msg);
	store_reply_free(r);
}

static struct slice
row(const char *key)
{
	const struct slice argv[] = { SLICE_LITERAL("GET"), slice_text(key) };
	struct err e;
	struct store_reply *r = store_command(store, argv, 2, &e);
	struct slice value = store_is_nil(r) ? SLICE_NONE : arena_copy(&arena, store_text(r));

	store_reply_free(r);
	return value;
}

static int64_t
milliseconds_left(const char *key)
{
	const struct slice argv[] = { SLICE_LITERAL("PTTL"), slice_text(key) };
	struct err e;
	struct store_reply *r = store_command(store, argv, 2, &e);
	int64_t left = store_integer(r);

	store_reply_free(r);
	return left;
}

static int
group_setup(void **state)
{
	(void)state;
	store = redis_fixture_start(&redis);
	return store == NULL ? -1 : 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	store_close(store);
	redis_fixture_stop(&redis);
	arena_done(&arena);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	command("FLUSHALL");
	command("SET cm:view ready");
	command("HSET cm:own:t.issue:0 step 0");
	return 0;
}

static struct view
taken_view(void)
{
	struct view v;
	struct view_owned owned;
	struct err e = { 0 };

	if (!view_init(&v, store, &e) || !view_take(&v, own_key(), 0, "", &arena, &owned, &e))
		fail_msg("the row was not taken: %s", e.msg);
	return v;
}

static enum err_code
advance(struct view *v, int64_t last, struct view_claim *claims, size_t count)
{
	const struct view_step step = { own_key(), last, SLICE_LITERAL("\x91\xa1x"), 30 };
	struct view_batch batch = {
		.steps = &step, .step_count = 1, .claims = claims, .claim_count = count
	};
	struct err e = { 0 };

	return view_advance(v, &batch, &arena, &e) ? ERR_NONE : e.code;
}

static void
test_take(void **state)
{
	static const struct {
		const char *what, *command;
		int64_t committed;
		const char *stamp;
		enum err_code expected;
	} cases[] = {
		{ "at the committed step", "PING", 0, "", ERR_NONE },
		{ "ahead of the committed step", "HSET cm:own:t.issue:0 step 9", 3, "", ERR_NONE },
		{ "behind the committed step", "HSET cm:own:t.issue:0 step 2", 3, "",
		    ERR_VIEW_LOST },
		{ "no row", "DEL cm:own:t.issue:0", 0, "", ERR_VIEW_LOST },
		{ "no view", "DEL cm:view", 0, "", ERR_VIEW_LOST },
		{ "being folded", "SET cm:view folding", 0, "", ERR_VIEW_FOLDING },
		{ "another's step", "HSET cm:own:t.issue:0 step 3 by aa", 3, "bb", ERR_VIEW_LOST },
		{ "nobody's step", "HSET cm:own:t.issue:0 step 3", 3, "bb", ERR_VIEW_LOST },
		{ "beyond another's step", "HSET cm:own:t.issue:0 step 9 by bb", 3, "bb",
		    ERR_VIEW_LOST },
		{ "the same step", "HSET cm:own:t.issue:0 step 3 by bb", 3, "bb", ERR_NONE },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view_owned owned;
		struct view v;
		struct err e = { 0 };

		setup(state);
		command(cases[i].command);
		assert_true(view_init(&v, store, &e));
		if (view_take(
			&v, own_key(), cases[i].committed, cases[i].stamp, &arena, &owned, &e))
			e.code = ERR_NONE;
		if (e.code != cases[i].expected)
			fail_msg("%s: expected %s, got %s", cases[i].what,
			    err_name(cases[i].expected), err_name(e.code));
	}
}

static void
test_stale_owner_is_refused(void **state)
{
	struct view old = taken_view(), young = taken_view();
	struct view_claim claim = { .key = SLICE_LITERAL("cm:req:t.issue:x"),
		.value = SLICE_LITERAL("stale") };

	(void)state;
	assert_int_equal(advance(&old, 0, &claim, 1), ERR_FENCED);
	assert_null(row("cm:req:t.issue:x").data);
	assert_int_equal(advance(&young, 0, &claim, 1), ERR_NONE);
	assert_true(slice_is(row("cm:req:t.issue:x"), "stale"));
}

static void
test_lost_step_is_noticed(void **state)
{
	struct view v = taken_view();
	struct view_claim claim = { .key = SLICE_LITERAL("k"), .value = SLICE_LITERAL("v") };

	(void)state;
	assert_int_equal(advance(&v, 0, NULL, 0), ERR_NONE);
	assert_int_equal(advance(&v, 1, NULL, 0), ERR_NONE);
	command("HSET cm:own:t.issue:0 step 1");
	assert_int_equal(advance(&v, 2, &claim, 1), ERR_VIEW_LOST);
	assert_null(row("k").data);
	command("DEL cm:own:t.issue:0");
	assert_int_equal(advance(&v, 2, &claim, 1), ERR_VIEW_LOST);
	command("SET cm:view folding");
	assert_int_equal(advance(&v, 2, &claim, 1), ERR_VIEW_FOLDING);
}

/* What the next owner finds when the committed offset has this step and stamp. */
static enum err_code
take(struct view *v, int64_t committed, const struct view *by)
{
	char stamp[VIEW_STAMP_SIZE];
	struct view_owned owned;
	struct err e = { 0 };

	view_stamp(by, stamp);
	if (!view_init(v, store, &e))
		fail_msg("%s", e.msg);
	return view_take(v, own_key(), committed, stamp, &arena, &owned, &e) ? ERR_NONE : e.code;
}

/* The last step, or the one before it, was committed: both are this Redis' own. */
static void
test_steps_are_told_apart(void **state)
{
	struct view first = taken_view(), second, third;

	(void)state;
	assert_int_equal(advance(&first, 0, NULL, 0), ERR_NONE);
	assert_int_equal(advance(&first, 1, NULL, 0), ERR_NONE);
	assert_int_equal(take(&second, 2, &first), ERR_NONE);
	assert_int_equal(take(&second, 1, &first), ERR_VIEW_LOST); /* it has heard of 2 since */
	assert_int_equal(take(&second, 2, &first), ERR_NONE);
	/* two attempts that were not committed */
	assert_int_equal(advance(&second, 2, NULL, 0), ERR_NONE);
	assert_int_equal(take(&third, 2, &first), ERR_NONE);
	assert_int_equal(advance(&third, 3, NULL, 0), ERR_NONE);
	assert_int_equal(take(&second, 2, &first), ERR_NONE);
	/* the second of them was, after all, and then one behind it */
	assert_int_equal(advance(&second, 4, NULL, 0), ERR_NONE);
	assert_int_equal(take(&third, 5, &second), ERR_NONE);
	assert_int_equal(take(&first, 4, &third), ERR_VIEW_LOST);
}

/* A cut-off primary: an attempt that was not committed brings it to the step that was committed with the other primary. */
static void
test_a_step_of_another_redis(void **state)
{
	struct view here = taken_view(), there = here, again;

	(void)state;
	assert_int_equal(advance(&here, 0, NULL, 0), ERR_NONE);
	memset(there.token, 'f', VIEW_TOKEN_SIZE - 1);
	assert_int_equal(take(&again, 1, &there), ERR_VIEW_LOST);
	assert_int_equal(take(&again, 1, &here), ERR_NONE);
}

/* What one who only looks finds when the committed offset has this step and stamp; by NULL: no stamp. */
static enum err_code
survey(struct view *v, int64_t committed, const struct view *by)
{
	struct view_committed at = { .own_key = own_key(), .step = committed };
	struct err e = { 0 };

	if (by != NULL)
		view_stamp(by, at.stamp);
	return view_survey(v, &at, 1, &arena, &e) ? ERR_NONE : e.code;
}

/* The row may have gone on since the committed offset was read; it may not stand behind it, or have come to it by another way. */
static void
test_survey(void **state)
{
	struct view first = taken_view(), there = first, second;

	(void)state;
	memset(there.token, 'f', VIEW_TOKEN_SIZE - 1);
	assert_int_equal(survey(&first, 0, NULL), ERR_NONE);
	assert_int_equal(advance(&first, 0, NULL, 0), ERR_NONE);
	assert_int_equal(survey(&first, 1, &first), ERR_NONE);
	assert_int_equal(survey(&first, 1, NULL), ERR_NONE);
	assert_int_equal(survey(&first, 1, &there), ERR_VIEW_LOST);
	assert_int_equal(survey(&first, 2, &first), ERR_VIEW_LOST);
	/* it went on: 1 is the base of 2, and then 2 of 3 */
	assert_int_equal(advance(&first, 1, NULL, 0), ERR_NONE);
	assert_int_equal(survey(&first, 1, &first), ERR_NONE);
	assert_int_equal(survey(&first, 1, &there), ERR_VIEW_LOST);
	assert_int_equal(advance(&first, 2, NULL, 0), ERR_NONE);
	assert_int_equal(survey(&first, 1, &there), ERR_NONE);
	/* another owner, with what was committed by the one before */
	assert_int_equal(take(&second, 3, &first), ERR_NONE);
	assert_int_equal(survey(&first, 3, &first), ERR_NONE);
	assert_int_equal(survey(&first, 3, &there), ERR_VIEW_LOST);
	command("HDEL cm:own:t.issue:0 step");
	assert_int_equal(survey(&first, 0, NULL), ERR_VIEW_LOST);
	command("SET cm:view folding");
	assert_int_equal(survey(&first, 0, NULL), ERR_VIEW_FOLDING);
}

static void
test_only_the_winner_writes(void **state)
{
	struct view v = taken_view();
	struct view_claim claims[2] = {
		{ .key = SLICE_LITERAL("taken"),
		    .value = SLICE_LITERAL("mine"),
		    .write_count = 2,
		    .writes = (struct view_write[]){ { VIEW_SET, SLICE_LITERAL("loser"),
							 SLICE_LITERAL("1"), 0 },
			{ VIEW_COUNT, SLICE_LITERAL("count"), SLICE_NONE, 1 } } },
		{ .key = SLICE_LITERAL("free"),
		    .value = SLICE_LITERAL("mine"),
		    .write_count = 6,
		    .writes = (struct view_write[]){ { VIEW_SET, SLICE_LITERAL("set"),
							 SLICE_LITERAL("v"), 0 },
			{ VIEW_APPEND, SLICE_LITERAL("there"), SLICE_LITERAL("+more"), 0 },
			{ VIEW_APPEND, SLICE_LITERAL("absent"), SLICE_LITERAL("+more"), 0 },
			{ VIEW_DELETE, SLICE_LITERAL("old"), SLICE_NONE, 0 },
			{ VIEW_INDEX, SLICE_LITERAL("index"), SLICE_LITERAL("member"), 77 },
			{ VIEW_COUNT, SLICE_LITERAL("count"), SLICE_NONE, 5 } } },
	};

	(void)state;
	command("SET taken theirs");
	command("SET there some");
	command("SET old x");
	assert_int_equal(advance(&v, 0, claims, 2), ERR_NONE);
	assert_true(slice_is(claims[0].found, "theirs"));
	assert_null(claims[1].found.data);
	assert_null(row("loser").data);
	assert_true(slice_is(row("taken"), "theirs"));
	assert_true(slice_is(row("set"), "v"));
	assert_true(slice_is(row("there"), "some+more"));
	assert_null(row("absent").data);
	assert_null(row("old").data);
	assert_true(slice_is(row("count"), "5"));
}

static void
test_expiry_comes_with_the_next_batch(void **state)
{
	struct view v = taken_view();
	struct view_claim claim = { .key = SLICE_LITERAL("claim"), .value = SLICE_LITERAL("v") };
	const struct view_step step = { own_key(), 1, SLICE_LITERAL("\x90"), 30 };
	const struct view_expiry expiry = { SLICE_LITERAL("claim"), time_now_ms() + 60000 };
	struct view_batch next = {
		.steps = &step, .step_count = 1, .expiries = &expiry, .expiry_count = 1
	};
	struct err e = { 0 };
	int64_t left;

	(void)state;
	assert_int_equal(advance(&v, 0, &claim, 1), ERR_NONE);
	assert_int_equal(milliseconds_left("claim"), -1);
	assert_true(view_advance(&v, &next, &arena, &e));
	left = milliseconds_left("claim");
	if (left < 50000 || left > 60000)
		fail_msg("expected about 60000 ms left, got %lld", (long long)left);
}

static struct view_attempts
attempts(struct view *v, int64_t offset)
{
	struct view_attempts ret = { .deaths = -1 };
	struct err e = { 0 };

	if (!view_mark(v, own_key(), offset, &ret, &e))
		fail_msg("mark: %s", e.msg);
	return ret;
}

static int64_t
mark(struct view *v, int64_t offset)
{
	return attempts(v, offset).deaths;
}

static void
test_the_next_owner_learns_of_the_last_batch(void **state)
{
	const struct slice own = own_key();
	const struct view_working working = { own, 41, 3 };
	struct view v = taken_view();
	struct view_owned owned = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_true(view_work(&v, &working, 1, &arena, &e));
	assert_int_equal(advance(&v, 0, NULL, 0), ERR_NONE);
	assert_true(view_init(&v, store, &e) && view_take(&v, own, 0, "", &arena, &owned, &e));
	assert_int_equal(owned.step, 1);
	assert_int_equal(owned.worked_to, 41);
	assert_int_equal(owned.worked_count, 3);
	assert_int_equal(owned.batch.count, 1);
	assert_true(slice_is(owned.batch.items[0], "x"));
	assert_true(view_work(&v, &working, 1, &arena, &e));
	view_release(&v, v.token, &own, 1);
	assert_true(view_take(&v, own, 0, "", &arena, &owned, &e));
	assert_int_equal(owned.worked_to, -1);
	assert_int_equal(owned.worked_count, -1);
	assert_int_equal(mark(&v, 42), 0);
	assert_true(view_take(&v, own, 0, "", &arena, &owned, &e));
	assert_int_equal(owned.worked_to, 42);
	assert_int_equal(owned.worked_count, 1);
	command("HSET cm:own:t.issue:0 work 99"); /* by a version that does not count */
	assert_true(view_take(&v, own, 0, "", &arena, &owned, &e));
	assert_int_equal(owned.worked_count, -1);
}

/* A lane that was idle finds a view that was folded meanwhile: it is not the view that is lost. */
static void
test_marks_of_a_view_that_is_not_whole(void **state)
{
	static const struct {
		const char *what, *command;
		enum err_code expected;
	} cases[] = {
		{ "its own", "PING", ERR_NONE },
		{ "folded meanwhile", "HDEL cm:own:t.issue:0 token", ERR_FENCED },
		{ "another's", "HSET cm:own:t.issue:0 token 00", ERR_FENCED },
		{ "no row", "DEL cm:own:t.issue:0", ERR_VIEW_LOST },
		{ "being folded", "SET cm:view folding", ERR_VIEW_FOLDING },
		{ "no view", "DEL cm:view", ERR_VIEW_LOST },
	};
	const struct view_working working = { own_key(), 9, 3 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view_attempts before;
		struct err work = { 0 }, mark = { 0 };
		struct view v;

		setup(state);
		v = taken_view();
		command(cases[i].command);
		if (view_work(&v, &working, 1, &arena, &work) != (cases[i].expected == ERR_NONE) ||
		    work.code != cases[i].expected)
			fail_msg("%s: work: %s", cases[i].what, err_name(work.code));
		if (view_mark(&v, own_key(), 9, &before, &mark) !=
			(cases[i].expected == ERR_NONE) ||
		    mark.code != cases[i].expected)
			fail_msg("%s: mark: %s", cases[i].what, err_name(mark.code));
	}
}

static void
test_marks_count_deaths(void **state)
{
	const struct slice own = own_key();
	struct view v = taken_view();

	(void)state;
	for (int64_t died = 0; died < 5; died++) {
		assert_int_equal(mark(&v, 7), died);
		v = taken_view();
	}
	assert_int_equal(mark(&v, 7), 5);
	view_release(&v, v.token, &own, 1); /* a stop by its own decision is no death */
	assert_int_equal(mark(&v, 7), 5);
	assert_int_equal(mark(&v, 8), 0);
}

/* A session takes back what it has marked: not what the one before died of, nor what is another's by now. */
static void
test_release_takes_its_own_back(void **state)
{
	const struct slice own = own_key();
	const struct view_working working = { own, 9, 3 };
	struct view v = taken_view(), old;
	struct view_owned owned = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(mark(&v, 7), 0);
	v = taken_view();
	view_release(&v, v.token, &own, 1);
	assert_int_equal(mark(&v, 7), 1);
	assert_int_equal(mark(&v, 7), 2);
	/* by a later session, as the connection was broken */
	old = v;
	assert_true(view_init(&v, store, &e));
	view_release(&v, old.token, &own, 1);
	assert_true(view_take(&v, own, 0, "", &arena, &owned, &e));
	assert_int_equal(owned.worked_to, -1);
	assert_int_equal(mark(&v, 7), 2);
	view_release(&v, old.token, &own, 1);
	assert_int_equal(mark(&v, 7), 3);
	/* nor does it mark what it has lost */
	assert_false(view_work(&old, &working, 1, &arena, &e));
	assert_int_equal(e.code, ERR_FENCED);
}

static void
test_marks_tell_what_was_read(void **state)
{
	const struct slice own = own_key();
	const struct view_step less = { own, 1, SLICE_LITERAL("\x90"), 20 };
	struct view_batch fewer = { .steps = &less, .step_count = 1 };
	struct view v = taken_view(), late;
	struct err e = { 0 };

	(void)state;
	assert_false(attempts(&v, 7).was_read);
	assert_false(attempts(&v, 7).was_read);
	assert_true(view_mark_read(&v, own, 6, &e)); /* another message */
	assert_false(attempts(&v, 7).was_read);
	assert_true(view_mark_read(&v, own, 7, &e));
	assert_true(attempts(&v, 7).was_read);
	assert_false(attempts(&v, 7).was_scripted);
	late = v;
	v = taken_view();
	assert_true(attempts(&v, 7).was_read); /* whoever takes it next is told */
	assert_false(attempts(&v, 8).was_read);
	assert_false(view_mark_read(&late, own, 8, &e)); /* by who is no longer its owner */
	assert_int_equal(e.code, ERR_FENCED);
	assert_false(attempts(&v, 8).was_read);
	/* a script ran for those up to 30, whoever died later */
	assert_int_equal(advance(&v, 0, NULL, 0), ERR_NONE);
	assert_true(attempts(&v, 30).was_read && attempts(&v, 30).was_scripted);
	assert_false(attempts(&v, 31).was_read || attempts(&v, 31).was_scripted);
	/* it is not forgotten where the next one runs for fewer */
	assert_true(view_advance(&v, &fewer, &arena, &e));
	assert_true(attempts(&v, 30).was_scripted);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_take, setup),
		cmocka_unit_test_setup(test_stale_owner_is_refused, setup),
		cmocka_unit_test_setup(test_lost_step_is_noticed, setup),
		cmocka_unit_test_setup(test_steps_are_told_apart, setup),
		cmocka_unit_test_setup(test_a_step_of_another_redis, setup),
		cmocka_unit_test_setup(test_survey, setup),
		cmocka_unit_test_setup(test_only_the_winner_writes, setup),
		cmocka_unit_test_setup(test_expiry_comes_with_the_next_batch, setup),
		cmocka_unit_test_setup(test_the_next_owner_learns_of_the_last_batch, setup),
		cmocka_unit_test_setup(test_marks_of_a_view_that_is_not_whole, setup),
		cmocka_unit_test_setup(test_marks_count_deaths, setup),
		cmocka_unit_test_setup(test_release_takes_its_own_back, setup),
		cmocka_unit_test_setup(test_marks_tell_what_was_read, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
