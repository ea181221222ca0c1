/* What /readyz and /livez say of a worker, and why not. */
#include "lane_internal.h"
#include "timespan.h"
#include "watched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct fixture {
	struct lane lanes[2];
	struct lane *list[2];
	struct lane_shared shared;
	struct watched w;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct engine up = { .asked = true, .up = true, .asked_us = time_monotonic_us() };

	assert_non_null(f);
	for (size_t i = 0; i < 2; i++) {
		(void)snprintf(f->lanes[i].name, sizeof(f->lanes[i].name), "mint-%zu", i);
		metric_set(&f->lanes[i].meter.ready, 1);
		meter_beat(&f->lanes[i].meter);
		f->list[i] = &f->lanes[i];
	}
	f->w = (struct watched){ .shared = &f->shared,
		.lanes = f->list,
		.lane_count = 2,
		.engines = { .kafka = up, .redis = up, .view_ready = true } };
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	free(*state);
	return 0;
}

static void
says(bool (*is)(const struct watched *w, struct buf *out), const struct fixture *f, bool good,
    const char *expected)
{
	struct buf out SCOPED_BUF;

	buf_init(&out, 4096);
	assert_int_equal(is(&f->w, &out), good);
	buf_add_byte(&out, 0);
	assert_string_equal((const char *)out.data, expected);
}

static void
all_is_well(void **state)
{
	says(watched_ready, *state, true, "");
	says(watched_lives, *state, true, "");
}

static void
before_and_after_the_lanes(void **state)
{
	struct fixture *f = *state;

	f->w.shared = NULL;
	says(watched_ready, f, false, "starting\n");
	f->w.stopping = true;
	says(watched_ready, f, false, "stopping\n");
	says(watched_lives, f, true, "");
}

static void
engines_that_are_away(void **state)
{
	struct fixture *f = *state;

	f->w.engines.kafka.asked = false;
	f->w.engines.redis.up = false;
	(void)err_set(&f->w.engines.redis.why, ERR_STORE, "Redis: connection refused");
	says(watched_ready, f, false, "Kafka: not asked yet\nRedis: connection refused\n");
	f->w.engines.kafka.asked = true;
	f->w.engines.redis.up = true;
	f->w.engines.redis.asked_us -= (int64_t)61 * 1000 * 1000;
	says(watched_ready, f, false, "Redis: no news for a minute\n");
	says(watched_lives, f, true, "");
}

static void
lanes_that_stand(void **state)
{
	struct fixture *f = *state;
	struct buf out SCOPED_BUF;

	metric_set(&f->lanes[0].meter.ready, 0);
	says(watched_ready, f, false, "lane mint-0: starts\n");
	meter_failed(&f->lanes[0].meter, ERR_STORE);
	assert_int_equal(metric_get(&f->lanes[0].meter.failures[ERR_STORE]), 1);
	buf_init(&out, 1024);
	buf_printf(&out, "lane mint-0: store: %s\n", err_help(ERR_STORE));
	buf_add_byte(&out, 0);
	says(watched_ready, f, false, (const char *)out.data);
}

static void
a_fold_says_where_it_stands(void **state)
{
	struct fixture *f = *state;

	f->w.engines.view_ready = false;
	says(watched_ready, f, false, "folding: the view is not ready; a worker makes it whole\n");
	metric_set(&f->shared.fold.records, 1200);
	metric_set(&f->shared.fold.total, 5000);
	metric_set(&f->shared.fold.rate, 400);
	metric_set(&f->shared.fold.seconds_left, 9);
	metric_set(&f->shared.fold.active, 1);
	says(watched_ready, f, false,
	    "folding: 1200 of at most 5000 records, 400 a second, 9 s left\n");
}

static void
a_lane_without_a_sign_of_life(void **state)
{
	struct fixture *f = *state;
	int64_t now = time_monotonic_us();

	metric_set(&f->lanes[1].meter.beat_us, now - (int64_t)290 * 1000 * 1000);
	says(watched_lives, f, true, "");
	metric_set(&f->lanes[1].meter.beat_us, time_monotonic_us() - (int64_t)310050 * 1000);
	says(watched_lives, f, false, "lane mint-1: no sign of life for 310 s\n");
	metric_set(&f->lanes[1].meter.beat_us, 0); /* its thread has not begun */
	says(watched_lives, f, true, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_is_well, setup, teardown),
		cmocka_unit_test_setup_teardown(before_and_after_the_lanes, setup, teardown),
		cmocka_unit_test_setup_teardown(engines_that_are_away, setup, teardown),
		cmocka_unit_test_setup_teardown(lanes_that_stand, setup, teardown),
		cmocka_unit_test_setup_teardown(a_fold_says_where_it_stands, setup, teardown),
		cmocka_unit_test_setup_teardown(a_lane_without_a_sign_of_life, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
