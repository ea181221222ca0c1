/* queue against a real broker: what a transaction shows, moves, hides and fences. */
#include "broker_fixture.h"
#include "follower.h"

#define METADATA "1 41 9 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* An input topic whose group stands at 0, with `count` messages in it, and an output topic. */
struct line {
	char in[64], out[64], id[64];
};

static void
line_make(struct line *l, int count)
{
	struct queue_position first[] = { { .offset = 0 } };
	struct queue_producer *p = producer(NULL);

	make_topic("in", 1, NULL, NULL, l->in);
	make_topic("out", 1, NULL, NULL, l->out);
	(void)snprintf(l->id, sizeof(l->id), "%s", unique("id"));
	first[0] = (struct queue_position){ l->in, 0, 0, "1 0 0" };
	commit_first(l->in, first, 1);
	for (int i = 0; i < count; i++)
		produce(p, l->in, 0, L("k"), L("v"));
	flush(p);
	queue_producer_close(p);
}

static void
begin(struct queue_producer *p)
{
	struct err e = { .code = ERR_NONE };

	if (!queue_begin(p, &e))
		fail_msg("begin: %s", e.msg);
}

static void
commit(struct queue_producer *p)
{
	struct err e = { .code = ERR_NONE };

	if (!queue_commit(p, &e))
		fail_msg("commit: %s", e.msg);
}

static struct err
send_offsets(
    struct queue_producer *p, const struct queue_group *g, const struct line *l, int64_t offset)
{
	const struct queue_position at[] = { { l->in, 0, offset, METADATA } };
	struct err e = { .code = ERR_NONE };

	assert_true(queue_send_offsets(p, g, at, 1, &e) == (e.code == ERR_NONE));
	return e;
}

static void
check(const char *what, const struct err *e, enum err_code want)
{
	if (e->code != want)
		fail_msg(
		    "%s: want %s, got %s (%s)", what, err_name(want), err_name(e->code), e->msg);
}

/* Takes `want` messages, and the group's identity as it stood with them. */
static struct queue_group *
take(struct queue_consumer *c, int want)
{
	int64_t offsets[64];

	assert_int_equal(poll_until(c, want, offsets), want);
	return queue_group_snapshot(c);
}

/* How many messages are; `want` of them are waited for, and two seconds for one too many. */
static int
visible(const char *name, int want)
{
	struct queue_reader *r = reader(name, -1, QUEUE_FROM_START);
	struct err e = { .code = ERR_NONE };
	int64_t high = high_watermark(name, 0), began = now_ms();
	int count = 0;

	while (
	    queue_reader_passed(r, 0) < high && now_ms() - began < (count < want ? 60000 : 2000)) {
		struct queue_message *m;

		if (!queue_reader_poll(r, 50, &m, &e))
			fail_msg("reader: %s", e.msg);
		count += m != NULL;
		queue_message_free(m);
	}
	queue_reader_close(r);
	return count;
}

/* Offset, metadata and messages move together; the next owner begins where they say. */
static void
test_commit(void **state)
{
	struct seen first = { 0 }, second = { 0 };
	struct queue_consumer *c;
	struct queue_producer *p;
	struct queue_group *g;
	struct line l;
	struct err e;

	(void)state;
	line_make(&l, 5);
	p = producer(l.id);
	c = consumer(l.in, l.in, &first);
	g = take(c, 5);
	assert_string_equal(first.at[0].metadata, "1 0 0");
	begin(p);
	produce(p, l.out, 0, L("k"), L("answer"));
	e = send_offsets(p, g, &l, 3);
	check("offsets", &e, ERR_NONE);
	assert_int_equal(visible(l.out, 0), 0);
	commit(p);
	assert_int_equal(visible(l.out, 1), 1);
	queue_group_free(g);
	queue_consumer_close(c, false);
	c = consumer(l.in, l.in, &second);
	g = take(c, 2);
	assert_int_equal(second.at[0].offset, 3);
	assert_string_equal(second.at[0].metadata, METADATA);
	queue_group_free(g);
	queue_consumer_close(c, true);
	queue_producer_close(p);
}

/* What was aborted, by itself or by the next producer of the id, is not seen and moves nothing. */
static void
test_abort(void **state)
{
	struct queue_position at[] = { { .partition = 0 } };
	struct err e = { .code = ERR_NONE };
	struct seen seen = { 0 };
	struct queue_consumer *c;
	struct queue_producer *p;
	struct queue_group *g;
	struct line l;

	(void)state;
	line_make(&l, 2);
	at[0].topic = l.in;
	c = consumer(l.in, l.in, &seen);
	g = take(c, 2);
	p = producer(l.id);
	begin(p);
	produce(p, l.out, 0, L("k"), L("aborted"));
	(void)send_offsets(p, g, &l, 1);
	queue_abort(p);
	begin(p);
	produce(p, l.out, 0, L("k"), L("left behind"));
	e = send_offsets(p, g, &l, 2);
	check("offsets", &e, ERR_NONE);
	if (!queue_flush(p, 10000, &e))
		fail_msg("flush: %s", e.msg);
	queue_producer_close(p); /* as if killed: the transaction stays open */
	p = producer(l.id);
	assert_true(queue_group_offsets(probe, l.in, at, 1, QUEUE_COMMITTED_MS, &e));
	assert_int_equal(at[0].offset, 0);
	assert_int_equal(visible(l.out, 0), 0);
	begin(p);
	produce(p, l.out, 0, L("k"), L("good"));
	commit(p);
	assert_int_equal(visible(l.out, 1), 1);
	queue_group_free(g);
	queue_producer_close(p);
	queue_consumer_close(c, true);
}

/* The true high watermark stands above an open transaction, where no reader can go yet. */
static void
test_open_transaction(void **state)
{
	struct queue_producer *p;
	struct queue_reader *r;
	struct err e = { .code = ERR_NONE };
	struct line l;

	(void)state;
	line_make(&l, 0);
	p = producer(l.id);
	begin(p);
	produce(p, l.out, 0, L("k"), L("v"));
	if (!queue_flush(p, 10000, &e))
		fail_msg("flush: %s", e.msg);
	assert_int_equal(high_watermark(l.out, 0), 1);
	r = reader(l.out, -1, QUEUE_FROM_END);
	assert_int_equal(queue_reader_passed(r, 0), 0);
	commit(p);
	read_until(r, 0, 2, 1); /* the message, and the marker behind it */
	queue_reader_close(r);
	queue_producer_close(p);
}

/* Offsets of an open transaction are not answered before it is decided; here by its timeout. */
static void
test_offsets_wait(void **state)
{
	static const struct queue_setting quick[] = { { "transaction.timeout.ms", "3000" },
		{ "message.timeout.ms", "2000" }, { "socket.timeout.ms", "2500" } };
	struct queue_position at[] = { { .partition = 0 } };
	struct err e = { .code = ERR_NONE };
	struct seen seen = { 0 };
	struct queue_consumer *c;
	struct queue_producer *p;
	struct queue_group *g;
	int64_t start;
	struct line l;

	(void)state;
	line_make(&l, 1);
	at[0].topic = l.in;
	c = consumer(l.in, l.in, &seen);
	g = take(c, 1);
	options.extra = quick;
	options.extra_count = COUNT(quick);
	p = producer(l.id);
	options.extra_count = 0;
	begin(p);
	produce(p, l.out, 0, L("k"), L("v"));
	e = send_offsets(p, g, &l, 1);
	check("offsets", &e, ERR_NONE);
	start = now_ms();
	if (!queue_group_offsets(probe, l.in, at, 1, QUEUE_COMMITTED_MS, &e))
		fail_msg("offsets: %s", e.msg);
	assert_int_equal(at[0].offset, 0);
	if (now_ms() - start < 1500)
		fail_msg("answered after %lld ms, the transaction was still open",
		    (long long)(now_ms() - start));
	/* nobody else has the id: it was the broker that ended it */
	assert_false(queue_commit(p, &e));
	check("commit", &e, ERR_FENCED);
	queue_producer_close(p);
	queue_group_free(g);
	queue_consumer_close(c, true);
}

/* A second producer of the id: the first cannot commit, and its messages are not seen. */
static void
test_fenced_producer(void **state)
{
	struct queue_producer *p, *twin;
	struct err e = { .code = ERR_NONE };
	struct line l;

	(void)state;
	line_make(&l, 0);
	p = producer(l.id);
	begin(p);
	produce(p, l.out, 0, L("k"), L("zombie"));
	if (!queue_flush(p, 10000, &e))
		fail_msg("flush: %s", e.msg);
	twin = producer(l.id);
	assert_false(queue_commit(p, &e));
	check("commit", &e, ERR_SLOT_TAKEN);
	queue_producer_close(p);
	begin(twin);
	produce(twin, l.out, 0, L("k"), L("twin"));
	commit(twin);
	assert_int_equal(visible(l.out, 1), 1);
	queue_producer_close(twin);
}

/* The partition has gone to another member: a commit in the name of the old generation is refused. */
static void
test_fenced_group(void **state)
{
	struct seen first = { 0 }, second = { 0 };
	struct queue_consumer *c, *other;
	struct queue_producer *p;
	struct queue_group *g;
	struct line l;
	struct err e;

	(void)state;
	line_make(&l, 1);
	c = consumer_as("slot-a", l.in, l.in, &first);
	g = take(c, 1);
	queue_consumer_close(c, true);
	other = consumer_as("slot-b", l.in, l.in, &second);
	queue_group_free(take(other, 1));
	p = producer(l.id);
	begin(p);
	produce(p, l.out, 0, L("k"), L("zombie"));
	e = send_offsets(p, g, &l, 1);
	if (e.code == ERR_NONE)
		fail_msg("the old generation commits");
	queue_abort(p);
	assert_int_equal(visible(l.out, 0), 0);
	queue_group_free(g);
	queue_producer_close(p);
	queue_consumer_close(other, true);
}

/* ---- the follower ---- */

static void
count_message(void *opaque, const struct queue_message *m)
{
	int *count = opaque;

	(void)m;
	__atomic_add_fetch(count, 1, __ATOMIC_SEQ_CST);
}

/* Commits and aborts in turn, and a barrier behind each: markers and hidden messages are passed too. */
static void
test_barrier(void **state)
{
	struct err e = { .code = ERR_NONE };
	int count = 0, want = 0;
	struct follower_spec spec = {
		.queue = &options, .probe = probe, .fold = count_message, .opaque = &count
	};
	struct queue_producer *p;
	struct follower *f;
	int64_t start, spent = 0;
	struct line l;

	(void)state;
	line_make(&l, 0);
	spec.topic = l.out;
	p = producer(l.id);
	f = follower_start(&spec, &e);
	assert_non_null(f);
	for (int i = 0; i < 40; i++) {
		begin(p);
		produce(p, l.out, 0, L("k"), L("v"));
		if (i % 3 == 2) {
			queue_abort(p);
		} else {
			commit(p);
			want++;
		}
		start = now_ms();
		if (!follower_barrier(f, 5000, &e))
			fail_msg("round %d: %s", i, e.msg);
		spent += now_ms() - start;
		if (__atomic_load_n(&count, __ATOMIC_SEQ_CST) != want)
			fail_msg("round %d: want %d, got %d", i, want, count);
	}
	print_message(
	    "             a barrier right behind a commit: %lld ms\n", (long long)spent / 40);
	start = now_ms();
	for (int i = 0; i < 100; i++)
		assert_true(follower_barrier(f, 5000, &e));
	print_message("             a barrier with nothing new: %lld us\n",
	    (long long)(now_ms() - start) * 10);
	follower_stop(f);
	queue_producer_close(p);
}

/* Back to back on one id: CONCURRENT_TRANSACTIONS is met at each, and waited for with small steps. */
static void
test_rate(void **state)
{
	enum { ROUNDS = 200 };
	struct queue_producer *p;
	int64_t start;
	struct line l;

	(void)state;
	line_make(&l, 0);
	p = producer(l.id);
	start = now_ms();
	for (int i = 0; i < ROUNDS; i++) {
		begin(p);
		for (int j = 0; j < 100; j++)
			produce(p, l.out, 0, L("k"), L("value"));
		commit(p);
	}
	start = now_ms() - start;
	print_message(
	    "             a transaction of 100 messages: %.1f ms\n", (double)start / ROUNDS);
	assert_int_equal(visible(l.out, ROUNDS * 100), ROUNDS * 100);
	queue_producer_close(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_commit),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_open_transaction),
		cmocka_unit_test(test_offsets_wait),
		cmocka_unit_test(test_fenced_producer),
		cmocka_unit_test(test_fenced_group),
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_rate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
