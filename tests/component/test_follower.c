/* follower against librdkafka's mock broker: what is folded when the barrier lets go. */
#include "follower.h"
#include "mock_fixture.h"

#include <pthread.h>

struct tally {
	pthread_mutex_t lock;
	int folded, published; /* messages; those of them that `folded` was called behind */
	int64_t last[4];       /* offset of each partition */
	bool disorder;
};

static void
fold(void *opaque, const struct queue_message *m)
{
	struct tally *t = opaque;

	pthread_mutex_lock(&t->lock);
	if (m->offset != t->last[m->partition] + 1)
		t->disorder = true;
	t->last[m->partition] = m->offset;
	t->folded++;
	pthread_mutex_unlock(&t->lock);
}

static void
folded(void *opaque)
{
	struct tally *t = opaque;

	pthread_mutex_lock(&t->lock);
	t->published = t->folded;
	pthread_mutex_unlock(&t->lock);
}

static int
published(struct tally *t)
{
	int ret;

	pthread_mutex_lock(&t->lock);
	ret = t->published;
	pthread_mutex_unlock(&t->lock);
	return ret;
}

static void
tally_init(struct tally *t)
{
	*t = (struct tally){ .last = { -1, -1, -1, -1 } };
	pthread_mutex_init(&t->lock, NULL);
}

static struct queue_probe *
probe(void)
{
	struct err e = { .code = ERR_NONE };
	struct queue_probe *p = queue_probe_open(&options, &e);

	if (p == NULL)
		fail_msg("probe: %s", e.msg);
	return p;
}

static struct follower *
follow(const char *name, struct queue_probe *p, struct tally *t)
{
	const struct follower_spec spec = { .queue = &options,
		.probe = p,
		.topic = name,
		.fold = fold,
		.folded = folded,
		.opaque = t };
	struct err e = { .code = ERR_NONE };
	struct follower *f = follower_start(&spec, &e);

	if (f == NULL)
		fail_msg("follower: %s", e.msg);
	return f;
}

static void
barrier(struct follower *f)
{
	struct err e = { .code = ERR_NONE };

	if (!follower_barrier(f, 10000, &e))
		fail_msg("barrier: %s: %s", err_name(e.code), e.msg);
}

/* Whatever was produced before the barrier was asked for is folded and published behind it; over many rounds. */
static void
test_barrier(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_probe *watermarks = probe();
	struct follower *f;
	struct tally t;

	(void)state;
	tally_init(&t);
	topic("followed", 3);
	for (int i = 0; i < 2500; i++)
		produce(p, "followed", i % 2, L("k"), L("before"));
	flush(p);
	f = follow("followed", watermarks, &t);
	barrier(f);
	assert_int_equal(published(&t), 2500);
	for (int i = 1; i <= 30; i++) {
		produce(p, "followed", i % 3, L("k"), L("v"));
		flush(p);
		barrier(f);
		if (published(&t) != 2500 + i)
			fail_msg("round %d: want %d, got %d", i, 2500 + i, published(&t));
	}
	assert_false(t.disorder);
	follower_stop(f);
	queue_probe_close(watermarks);
	queue_producer_close(p);
}

static void
test_empty_topic(void **state)
{
	struct queue_probe *watermarks = probe();
	struct follower *f;
	struct tally t;

	(void)state;
	tally_init(&t);
	topic("silent", 2);
	f = follow("silent", watermarks, &t);
	barrier(f);
	assert_int_equal(t.folded, 0);
	follower_stop(f);
	queue_probe_close(watermarks);
}

static void
test_absent_topic(void **state)
{
	struct queue_probe *watermarks = probe();
	const struct follower_spec spec = {
		.queue = &options, .probe = watermarks, .topic = "no.such", .fold = fold
	};
	struct err e = { .code = ERR_NONE };

	(void)state;
	assert_null(follower_start(&spec, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	assert_string_equal(e.msg, "topic no.such does not exist");
	queue_probe_close(watermarks);
}

struct gate {
	pthread_mutex_t lock;
};

static void
fold_slowly(void *opaque, const struct queue_message *m)
{
	struct gate *gate = opaque;

	(void)m;
	pthread_mutex_lock(&gate->lock);
	pthread_mutex_unlock(&gate->lock);
}

/* A message that was read but is not folded yet does not open the barrier. */
static void
test_barrier_times_out(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_probe *watermarks = probe();
	struct gate gate = { PTHREAD_MUTEX_INITIALIZER };
	const struct follower_spec spec = { .queue = &options,
		.probe = watermarks,
		.topic = "slow",
		.fold = fold_slowly,
		.opaque = &gate };
	struct err e = { .code = ERR_NONE };
	struct follower *f;

	(void)state;
	topic("slow", 1);
	produce(p, "slow", 0, L("k"), L("v"));
	flush(p);
	pthread_mutex_lock(&gate.lock);
	f = follower_start(&spec, &e);
	assert_non_null(f);
	assert_false(follower_barrier(f, 300, &e));
	assert_int_equal(e.code, ERR_TIMEOUT);
	assert_string_equal(e.msg, "slow/0 was read up to 0 of 1 in time");
	pthread_mutex_unlock(&gate.lock);
	barrier(f);
	follower_stop(f);
	queue_probe_close(watermarks);
	queue_producer_close(p);
}

#define API_FETCH                 1
#define ERROR_TOPIC_AUTHORIZATION 29

/* The reader fails under the follower: it opens another and goes on behind what is folded. */
static void
test_reader_fails(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_probe *watermarks = probe();
	struct follower *f;
	struct tally t;

	(void)state;
	tally_init(&t);
	topic("broken", 1);
	for (int i = 0; i < 10; i++)
		produce(p, "broken", 0, L("k"), L("v"));
	flush(p);
	f = follow("broken", watermarks, &t);
	barrier(f);
	queue_mock_errors(mock, API_FETCH, ERROR_TOPIC_AUTHORIZATION, 1);
	for (int i = 0; i < 10; i++)
		produce(p, "broken", 0, L("k"), L("v"));
	flush(p);
	barrier(f);
	assert_int_equal(published(&t), 20);
	assert_false(t.disorder);
	follower_stop(f);
	queue_probe_close(watermarks);
	queue_producer_close(p);
}

static void
test_stop_at_once(void **state)
{
	struct queue_probe *watermarks = probe();
	struct tally t;

	(void)state;
	tally_init(&t);
	topic("short", 1);
	for (int i = 0; i < 5; i++)
		follower_stop(follow("short", watermarks, &t));
	follower_stop(NULL);
	queue_probe_close(watermarks);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_empty_topic),
		cmocka_unit_test(test_absent_topic),
		cmocka_unit_test(test_barrier_times_out),
		cmocka_unit_test(test_reader_fails),
		cmocka_unit_test(test_stop_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
