/* queue against librdkafka's mock broker: what messages carry, and where readers stand. */
#include "mock_fixture.h"

/* ---- messages ---- */

static const struct queue_header headers[] = {
	{ "correlation-id", { (const uint8_t *)"a\0b", 3 } },
	{ "null", { NULL, 0 } },
	{ "empty", { (const uint8_t *)"", 0 } },
	{ "correlation-id", { (const uint8_t *)"again", 5 } },
};

static const struct carried {
	const char *name;
	struct slice key, value;
	size_t header_count;
} carried[] = {
	{ "plain", { (const uint8_t *)"key", 3 }, { (const uint8_t *)"value", 5 }, 0 },
	{ "binary", { (const uint8_t *)"\0k", 2 }, { (const uint8_t *)"\xdd\xff\0\xff", 4 }, 4 },
	{ "tombstone", { (const uint8_t *)"key", 3 }, { NULL, 0 }, 0 },
	{ "empty value", { (const uint8_t *)"key", 3 }, { (const uint8_t *)"", 0 }, 1 },
	{ "no key", { NULL, 0 }, { (const uint8_t *)"value", 5 }, 2 },
	{ "empty key", { (const uint8_t *)"", 0 }, { (const uint8_t *)"value", 5 }, 3 },
	{ "null all", { NULL, 0 }, { NULL, 0 }, 0 },
};

static void
check_slice(const char *name, const char *what, struct slice got, struct slice want)
{
	if (got.data == NULL || want.data == NULL ? got.data != want.data : !slice_eq(got, want))
		fail_msg("%s: %s: want %s of %zu bytes, got %s of %zu", name, what,
		    want.data == NULL ? "null" : "data", want.len,
		    got.data == NULL ? "null" : "data", got.len);
}

static void
check_headers(const struct carried *c, const struct queue_message *m)
{
	struct queue_header got;
	size_t bytes = 0;

	if (queue_message_headers(m) != c->header_count)
		fail_msg("%s: want %zu headers, got %zu", c->name, c->header_count,
		    queue_message_headers(m));
	for (size_t i = 0; i < c->header_count; i++) {
		assert_true(queue_message_header(m, i, &got));
		assert_string_equal(got.name, headers[i].name);
		check_slice(c->name, got.name, got.value, headers[i].value);
		bytes += strlen(headers[i].name) + headers[i].value.len;
	}
	assert_false(queue_message_header(m, c->header_count, &got));
	assert_int_equal(queue_message_header_bytes(m), bytes);
}

static void
test_carried(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("carried", 3);
	for (size_t i = 0; i < COUNT(carried); i++) {
		const struct queue_record record = { .topic = "carried",
			.partition = 1,
			.key = carried[i].key,
			.value = carried[i].value,
			.headers = headers,
			.header_count = carried[i].header_count };

		assert_true(queue_produce(p, &record, &e));
	}
	flush(p);
	r = reader("carried", 1, QUEUE_FROM_START);
	assert_int_equal(queue_reader_partitions(r), 3);
	for (size_t i = 0; i < COUNT(carried); i++) {
		struct queue_message *m = next(r);

		assert_string_equal(m->topic, "carried");
		assert_int_equal(m->partition, 1);
		assert_int_equal(m->offset, i);
		check_slice(carried[i].name, "key", m->key, carried[i].key);
		check_slice(carried[i].name, "value", m->value, carried[i].value);
		check_headers(&carried[i], m);
		queue_message_free(m);
	}
	queue_reader_close(r);
	queue_producer_close(p);
}

/* Kafka's own test vectors of murmur2, as Java's partitioner uses them: the sign bit off, modulo the partitions. */
static const struct vector {
	const char *key;
	int32_t hash;
} vectors[] = {
	{ "21", -973932308 },
	{ "foobar", -790332482 },
	{ "a-little-bit-long-string", -985981536 },
	{ "a-little-bit-longer-string", -1486304829 },
	{ "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971 },
	{ "abc", 479470107 },
};

static void
test_partition_of(void **state)
{
	static const int32_t counts[] = { 1, 2, 7, 12, 50, 1000, INT32_MAX };

	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++)
		for (size_t j = 0; j < COUNT(counts); j++) {
			int32_t want = (vectors[i].hash & INT32_MAX) % counts[j];
			int32_t got = queue_partition_of(slice_text(vectors[i].key), counts[j]);

			if (got != want)
				fail_msg("%s of %d: want %d, got %d", vectors[i].key, counts[j],
				    want, got);
		}
}

/* Partition -1 goes where queue_partition_of says. */
static void
test_home(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;

	(void)state;
	topic("home", 5);
	for (size_t i = 0; i < COUNT(vectors); i++)
		produce(p, "home", -1, slice_text(vectors[i].key), L("x"));
	flush(p);
	r = reader("home", -1, QUEUE_FROM_START);
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct queue_message *m = next(r);

		if (m->partition != queue_partition_of(m->key, 5))
			fail_msg("%.*s is on %d, its home is %d", SLICE_FMT(m->key), m->partition,
			    queue_partition_of(m->key, 5));
		queue_message_free(m);
	}
	queue_reader_close(r);
	queue_producer_close(p);
}

/* A CRL of 60 MB arrives whole. */
static void
test_large(void **state)
{
	size_t len = 60000000;
	uint8_t SCOPED_FREE *data = malloc(len);
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;
	struct queue_message *m;
	uint32_t x = 1;

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
	topic("large", 1);
	produce(p, "large", 0, L("k"), slice_of(data, len));
	flush(p);
	r = reader("large", -1, QUEUE_FROM_START);
	m = next(r);
	assert_int_equal(m->value.len, len);
	assert_memory_equal(m->value.data, data, len);
	queue_message_free(m);
	queue_reader_close(r);
	queue_producer_close(p);
}

/* ---- readers ---- */

static void
test_reader_passed(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;
	struct queue_message *m;
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("passed", 2);
	for (int i = 0; i < 5; i++)
		produce(p, "passed", 1, L("k"), L("v"));
	flush(p);
	r = reader("passed", -1, QUEUE_FROM_START);
	assert_int_equal(queue_reader_passed(r, 0), 0);
	assert_int_equal(queue_reader_passed(r, 1), 0);
	read_until(r, 1, 5, 5);
	assert_int_equal(queue_reader_passed(r, 0), 0);
	assert_true(queue_reader_seek(r, 1, 3, &e));
	assert_int_equal(queue_reader_passed(r, 1), 3);
	m = next(r);
	assert_int_equal(m->offset, 3);
	assert_int_equal(m->partition, 1);
	queue_message_free(m);
	read_until(r, 1, 5, 1);
	queue_reader_close(r);
	queue_producer_close(p);
}

/* A seek right after the open, before anything was fetched: a follower that goes on does this. */
static void
test_reader_seek_at_once(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("seek", 2);
	for (int i = 0; i < 10; i++)
		produce(p, "seek", i % 2, L("k"), L("v"));
	flush(p);
	r = reader("seek", -1, QUEUE_FROM_START);
	assert_true(queue_reader_seek(r, 0, 4, &e));
	assert_true(queue_reader_seek(r, 1, 5, &e));
	read_until(r, 0, 5, 1);
	assert_int_equal(queue_reader_passed(r, 1), 5);
	queue_reader_close(r);
	queue_producer_close(p);
}

/* What is produced after the open is seen, however late the first poll is. */
static void
test_reader_from_end(void **state)
{
	struct queue_producer *p = producer(NULL);
	struct queue_reader *r;
	struct queue_message *m;

	(void)state;
	topic("end", 1);
	produce(p, "end", 0, L("k"), L("before"));
	flush(p);
	r = reader("end", -1, QUEUE_FROM_END);
	assert_int_equal(queue_reader_passed(r, 0), 1);
	produce(p, "end", 0, L("k"), L("after"));
	flush(p);
	m = next(r);
	assert_int_equal(m->offset, 1);
	check_slice("from end", "value", m->value, L("after"));
	queue_message_free(m);
	queue_reader_close(r);
	queue_producer_close(p);
}

static void
test_reader_absent(void **state)
{
	struct err e = { .code = ERR_NONE };

	(void)state;
	topic("narrow", 2);
	assert_null(queue_reader_open(&options, "no.such", -1, QUEUE_FROM_START, &e));
	assert_int_equal(e.code, ERR_QUEUE);
	assert_string_equal(e.msg, "topic no.such does not exist");
	assert_null(queue_reader_open(&options, "narrow", 2, QUEUE_FROM_START, &e));
	assert_string_equal(e.msg, "topic narrow has no partition 2");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carried),
		cmocka_unit_test(test_partition_of),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_reader_passed),
		cmocka_unit_test(test_reader_seek_at_once),
		cmocka_unit_test(test_reader_from_end),
		cmocka_unit_test(test_reader_absent),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
