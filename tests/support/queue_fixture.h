/*
 * What the tests of queue share: each call fails the test when it fails. `options` says where the broker is.
 */
#ifndef CERTMILL_QUEUE_FIXTURE_H
#define CERTMILL_QUEUE_FIXTURE_H

#include "queue.h"
#include "scoped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define L(text)      SLICE_LITERAL(text)

static struct queue_options options;

#define PATIENCE_MS 60000

/* The next message of a reader. */
static inline struct queue_message *
next(struct queue_reader *r)
{
	struct err e = { .code = ERR_NONE };
	struct queue_message *m = NULL;

	for (int i = 0; i < PATIENCE_MS / 50 && m == NULL; i++)
		if (!queue_reader_poll(r, 50, &m, &e))
			fail_msg("reader: %s", e.msg);
	if (m == NULL)
		fail_msg("no message came");
	return m;
}

static inline struct queue_reader *
reader(const char *name, int32_t partition, enum queue_from from)
{
	struct err e = { .code = ERR_NONE };
	struct queue_reader *r = queue_reader_open(&options, name, partition, from, &e);

	if (r == NULL)
		fail_msg("reader of %s: %s", name, e.msg);
	return r;
}

static inline struct queue_producer *
producer(const char *transactional_id)
{
	struct err e = { .code = ERR_NONE };
	struct queue_producer *p = queue_producer_open(&options, transactional_id, &e);

	if (p == NULL)
		fail_msg("producer: %s", e.msg);
	return p;
}

static inline void
produce(struct queue_producer *p, const char *name, int32_t partition, struct slice key,
    struct slice value)
{
	const struct queue_record r = {
		.topic = name, .partition = partition, .key = key, .value = value
	};
	struct err e = { .code = ERR_NONE };

	if (!queue_produce(p, &r, &e))
		fail_msg("produce: %s", e.msg);
}

static inline void
flush(struct queue_producer *p)
{
	struct err e = { .code = ERR_NONE };

	if (!queue_flush(p, 10000, &e))
		fail_msg("flush: %s", e.msg);
}

static inline void
read_until(struct queue_reader *r, int32_t partition, int64_t offset, int want)
{
	struct err e = { .code = ERR_NONE };
	int got = 0;

	for (int i = 0; i < PATIENCE_MS / 50 && queue_reader_passed(r, partition) < offset; i++) {
		struct queue_message *m;

		if (!queue_reader_poll(r, 50, &m, &e))
			fail_msg("reader: %s", e.msg);
		got += m != NULL;
		queue_message_free(m);
	}
	if (queue_reader_passed(r, partition) != offset || got != want)
		fail_msg("want %d messages up to %lld, got %d up to %lld", want, (long long)offset,
		    got, (long long)queue_reader_passed(r, partition));
}

/* ---- groups ---- */

struct seen {
	int assigned, revoked, count;
	struct queue_position at[4];
};

static inline bool
assigned(void *opaque, const struct queue_position *at, size_t count, struct err *e)
{
	struct seen *seen = opaque;

	(void)e;
	seen->assigned++;
	seen->count = (int)count;
	for (size_t i = 0; i < count && i < COUNT(seen->at); i++)
		seen->at[i] = at[i];
	return true;
}

static inline void
revoked(void *opaque, const char *name, int32_t partition)
{
	struct seen *seen = opaque;

	(void)name;
	(void)partition;
	seen->revoked++;
}

static inline struct queue_consumer *
consumer_as(const char *instance, const char *group, const char *name, struct seen *seen)
{
	const char *const topics[] = { name };
	const struct queue_consumer_spec spec = { .group = group,
		.instance = instance,
		.topics = topics,
		.topic_count = 1,
		.assigned = assigned,
		.revoked = revoked,
		.opaque = seen };
	struct err e = { .code = ERR_NONE };
	struct queue_consumer *c = queue_consumer_open(&options, &spec, &e);

	if (c == NULL)
		fail_msg("consumer: %s", e.msg);
	return c;
}

static inline struct queue_consumer *
consumer(const char *group, const char *name, struct seen *seen)
{
	return consumer_as("slot-1", group, name, seen);
}

static inline void
commit_first(const char *group, const struct queue_position *at, size_t count)
{
	struct err e = { .code = ERR_NONE };
	struct queue_probe *probe = queue_probe_open(&options, &e);

	if (probe == NULL || !queue_group_commit(probe, group, at, count, &e))
		fail_msg("first offsets: %s", e.msg);
	queue_probe_close(probe);
}

/* Polls until `want` messages have come, or for a minute. */
static inline int
poll_until(struct queue_consumer *c, int want, int64_t *offsets)
{
	struct queue_message *batch[64];
	struct err e = { .code = ERR_NONE };
	int got = 0;

	for (int i = 0; i < PATIENCE_MS / 100 && got < want; i++) {
		size_t count;

		if (!queue_consumer_poll(c, 100, batch, COUNT(batch), &count, &e))
			fail_msg("poll: %s", e.msg);
		for (size_t j = 0; j < count; j++) {
			offsets[got++] = batch[j]->offset;
			queue_message_free(batch[j]);
		}
	}
	return got;
}

/* Polls until the group's first assignment is there; no message may come. */
static inline void
join(struct queue_consumer *c, const struct seen *seen)
{
	struct queue_message *batch[1];
	struct err e = { .code = ERR_NONE };
	size_t count = 0;

	for (int i = 0; i < PATIENCE_MS / 50 && seen->assigned == 0; i++)
		if (!queue_consumer_poll(c, 50, batch, 1, &count, &e))
			fail_msg("poll: %s", e.msg);
	assert_int_equal(seen->assigned, 1);
	assert_int_equal(count, 0);
}

static inline void
expect_poll_failure(struct queue_consumer *c, enum err_code want, const char *text)
{
	struct queue_message *batch[8];
	struct err e = { .code = ERR_NONE };
	size_t count = 0;

	for (int i = 0; i < PATIENCE_MS / 100; i++) {
		if (queue_consumer_poll(c, 100, batch, COUNT(batch), &count, &e)) {
			assert_int_equal(count, 0);
			continue;
		}
		if (e.code != want || strstr(e.msg, text) == NULL)
			fail_msg("want %s \"%s\", got %s \"%s\"", err_name(want), text,
			    err_name(e.code), e.msg);
		return;
	}
	fail_msg("the poll does not fail: want \"%s\"", text);
}

#endif
