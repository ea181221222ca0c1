/* Facts come back in their order, whether they stood in memory or in the file, in one run or in many. */
#include "audit_facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fact
fact_of(uint32_t random)
{
	struct fact f = { .subject = (uint8_t)(1 + random % 3),
		.kind = (uint8_t)(random >> 8 & 3),
		.topic = (uint8_t)(random >> 10 & 1),
		.partition = (int32_t)(random >> 11 & 3),
		.offset = random >> 13 & 0xff,
		.number = (random >> 21 & 3) - 1 };

	memset(f.about, (int)(random >> 4 & 0xf), sizeof(f.about));
	return f;
}

/* The same order said another way. */
static int
order_by_hand(const struct fact *a, const struct fact *b)
{
	const int64_t left[] = { a->subject, a->about[0], a->kind, a->number, a->topic,
		a->partition, a->offset };
	const int64_t right[] = { b->subject, b->about[0], b->kind, b->number, b->topic,
		b->partition, b->offset };

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

/* count facts in memory for `room` of them; what goes in comes out, in order. */
static void
round_trip(size_t count, size_t room)
{
	struct facts *facts = facts_new(room * sizeof(struct fact));
	struct fact last = { 0 };
	const struct fact *f;
	uint32_t random = 1;
	int64_t in = 0, out = 0;
	struct err e;

	for (size_t i = 0; i < count; i++) {
		struct fact new = fact_of(random);

		new.other = (int64_t)i;
		in += new.other *(new.offset + 1);
		assert_true(facts_add(facts, &new, &e));
		random = random * 1664525 + 1013904223;
	}
	assert_int_equal(facts_count(facts), count);
	assert_true(facts_sort(facts, &e));
	for (size_t i = 0; i < count; i++) {
		assert_true(facts_next(facts, &f, &e));
		assert_non_null(f);
		assert_true(i == 0 || order_by_hand(&last, f) <= 0);
		out += f->other * (f->offset + 1);
		last = *f;
	}
	for (int i = 0; i < 2; i++) {
		assert_true(facts_next(facts, &f, &e));
		assert_null(f);
	}
	assert_true(in == out);
	facts_free(facts);
}

static void
test_order(void **state)
{
	static const struct {
		size_t count, room;
	} runs[] = { { 0, 100 }, { 1, 100 }, { 99, 100 }, { 100, 100 }, { 101, 100 }, { 5000, 100 },
		{ 100000, 64 }, { 100000, 1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++)
		round_trip(runs[i].count, runs[i].room);
}

static void
test_no_place_for_the_file(void **state)
{
	struct facts *facts = facts_new(0);
	struct fact f = fact_of(7);
	bool good = true;
	struct err e;

	(void)state;
	setenv("TMPDIR", "/nonexistent", 1);
	for (int i = 0; good && i < 1000; i++)
		good = facts_add(facts, &f, &e);
	unsetenv("TMPDIR");
	assert_false(good);
	assert_int_equal(e.code, ERR_SYSTEM);
	facts_free(facts);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_no_place_for_the_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
