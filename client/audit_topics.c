/* The topics of a run: where they begin and end, and how each is read. */
#include "audit.h"

#include "timespan.h"

#include <inttypes.h>

#define POLL_MS     100
#define BUSY_CHECKS 4096

static const struct topic_row {
	const char *name;
	bool compacted; /* read from its start, whatever the range */
} rows[AUDIT_OWN] = {
	[AUDIT_ISSUE] = { "issue", false },
	[AUDIT_SIGN] = { "sign", false },
	[AUDIT_REVOKE] = { "revoke", false },
	[AUDIT_CONFIG] = { "config", false },
	[AUDIT_QUERY] = { "query", false },
	[AUDIT_CERTS] = { "certs", false },
	[AUDIT_REVOKED] = { "revoked", true },
	[AUDIT_STATE] = { "state", true },
	[AUDIT_CRL] = { "crl", true },
	[AUDIT_TRAIL] = { "audit", false },
	[AUDIT_REJECTS] = { "rejects", false },
	[AUDIT_RESPONSES] = { "responses", false },
};

/* ---- which there are ---- */

static MUST_USE bool
topic_find(struct audit *a, struct audit_topic *t, const char *name, bool *ret, struct err *e)
{
	struct queue_topic_info info;

	if (!queue_topic_info(a->probe, name, &info, e))
		return false;
	*ret = info.exists;
	if (!info.exists)
		return true;
	t->name = name;
	t->count = info.partitions;
	t->at = arena_array(&a->memory, (size_t)info.partitions, sizeof(*t->at));
	return true;
}

bool
audit_topics_begin(struct audit *a, struct err *e)
{
	for (size_t i = 0; i < AUDIT_OWN; i++) {
		const char *name = arena_printf(&a->memory, "%s.%s", a->o->prefix, rows[i].name);
		bool found;

		if (!topic_find(a, &a->topics[i], name, &found, e))
			return false;
		if (!found)
			return err_set(e, ERR_QUEUE,
			    "there is no topic %s: has certmill-worker topics been run?", name);
		if (!audit_topic_mark(a, i, e))
			return false;
	}
	a->topic_count = AUDIT_OWN;
	return true;
}

bool
audit_reply_topic(struct audit *a, struct slice name, size_t *ret, struct err *e)
{
	struct audit_topic *t = &a->topics[a->topic_count];
	bool found;

	for (*ret = AUDIT_RESPONSES; *ret < a->topic_count; ++*ret)
		if (slice_is(name, a->topics[*ret].name))
			return true;
	*ret = AUDIT_TOPICS_MAX;
	if (a->topic_count == AUDIT_TOPICS_MAX)
		return true;
	if (!topic_find(a, t, arena_text(&a->memory, name), &found, e))
		return false;
	*ret = a->topic_count++;
	if (found)
		return audit_topic_mark(a, *ret, e);
	report_note(
	    a, "there is no topic %.*s: what was answered there is not asked for", SLICE_FMT(name));
	t->name = arena_text(&a->memory, name);
	t->count = 0;
	return true;
}

/* ---- where they begin and end ---- */

static MUST_USE bool
partition_mark(struct audit *a, size_t topic, int32_t partition, struct err *e)
{
	struct audit_topic *t = &a->topics[topic];
	struct audit_partition *p = &t->at[partition];
	bool compacted = topic < AUDIT_OWN && rows[topic].compacted;

	p->first_ms = INT64_MAX;
	if (!queue_low_watermark(a->probe, t->name, partition, &p->low, e) ||
	    !queue_high_watermark(a->probe, t->name, partition, &p->to, e))
		return false;
	p->from = p->low;
	if (!compacted && a->range.since_ms != INT64_MIN &&
	    !queue_offset_since(
		a->probe, t->name, partition, a->range.since_ms - AUDIT_CLOCKS_MS, &p->from, e))
		return false;
	return true;
}

bool
audit_topic_mark(struct audit *a, size_t topic, struct err *e)
{
	struct audit_topic *t = &a->topics[topic];

	for (int32_t i = 0; i < t->count; i++) {
		struct audit_partition before = t->at[i];

		if (!partition_mark(a, topic, i, e))
			return false;
		a->progress.total += (t->at[i].to - t->at[i].from) - (before.to - before.from);
	}
	return true;
}

static bool
partition_reaches(const struct audit_partition *p, int64_t at_ms)
{
	return p->low == 0 || p->from > p->low ||
	    (p->first_ms != INT64_MAX && p->first_ms + AUDIT_CLOCKS_MS <= at_ms);
}

bool
audit_reaches(const struct audit *a, size_t topic, int32_t partition, int64_t at_ms)
{
	const struct audit_topic *t = &a->topics[topic];

	if (partition >= 0)
		return partition < t->count && partition_reaches(&t->at[partition], at_ms);
	for (int32_t i = 0; i < t->count; i++)
		if (!partition_reaches(&t->at[i], at_ms))
			return false;
	return t->count > 0;
}

bool
audit_is_whole(const struct audit *a, size_t topic)
{
	const struct audit_topic *t = &a->topics[topic];

	for (int32_t i = 0; i < t->count; i++)
		if (t->at[i].from != 0)
			return false;
	return true;
}

bool
audit_in_range(const struct audit *a, int64_t at_ms)
{
	return at_ms >= a->range.since_ms && at_ms < a->range.until_ms;
}

int64_t
audit_time(int64_t time)
{
	const int64_t limit = (int64_t)1 << 49;

	return time > limit ? limit : time < -limit ? -limit : time;
}

uint32_t
audit_home(const struct audit *a, size_t topic, struct slice key)
{
	return (uint32_t)queue_partition_of(key, a->topics[topic].count);
}

/* ---- how one is read ---- */

static bool
topic_is_empty(const struct audit_topic *t)
{
	for (int32_t i = 0; i < t->count; i++)
		if (t->at[i].from < t->at[i].to)
			return false;
	return true;
}

static bool
topic_is_read(const struct audit_topic *t, const struct queue_reader *r)
{
	for (int32_t i = 0; i < t->count; i++)
		if (t->at[i].from < t->at[i].to && queue_reader_passed(r, i) < t->at[i].to)
			return false;
	return true;
}

static MUST_USE bool
message_take(
    struct audit *a, size_t topic, struct queue_message *m, audit_take *take, struct err *e)
{
	struct audit_partition *p = &a->topics[topic].at[m->partition];
	bool good = true;

	m->timestamp_ms = audit_time(m->timestamp_ms);
	if (m->offset < p->to) {
		if (p->first_ms == INT64_MAX)
			p->first_ms = m->timestamp_ms;
		a->progress.records++;
		good = take(a, topic, m, e);
	}
	queue_message_free(m);
	arena_reset(&a->message);
	return good;
}

static MUST_USE bool
topic_poll(struct audit *a, size_t topic, struct queue_reader *r, audit_take *take, struct err *e)
{
	const struct audit_topic *t = &a->topics[topic];
	int64_t moved_us = time_monotonic_us();

	for (int64_t polls = 1;; polls++) {
		struct queue_message *m = NULL;
		bool came;

		if (!queue_reader_poll(r, POLL_MS, &m, e))
			return false;
		came = m != NULL;
		if (came && !message_take(a, topic, m, take, e))
			return false;
		if (came)
			moved_us = time_monotonic_us();
		if (came && polls % BUSY_CHECKS != 0)
			continue;
		report_progress(a);
		if (topic_is_read(t, r))
			return true;
		if (time_monotonic_us() - moved_us > a->o->timeout * 1000000)
			return err_set(e, ERR_TIMEOUT, "%s could not be read to its end", t->name);
	}
}

bool
audit_topic_read(struct audit *a, size_t topic, audit_take *take, struct err *e)
{
	const struct audit_topic *t = &a->topics[topic];
	struct queue_reader *r;
	bool good;

	a->progress.topic = t->name;
	if (topic_is_empty(t))
		return true;
	r = queue_reader_open(&a->queue, t->name, -1, QUEUE_IN_BULK, e);
	good = r != NULL;
	for (int32_t i = 0; good && i < t->count; i++)
		good = queue_reader_seek(r, i, t->at[i].from, e);
	good = good && topic_poll(a, topic, r, take, e);
	queue_reader_close(r);
	return good;
}

/* ---- places ---- */

static bool
number_parse(struct slice text, int64_t max, int64_t *ret)
{
	*ret = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9' || *ret > (max - 9) / 10)
			return false;
		*ret = *ret * 10 + (text.data[i] - '0');
	}
	return text.len > 0;
}

/* What stands behind the last '/'; *text keeps what stands before it. */
static bool
number_cut(struct slice *text, int64_t max, int64_t *ret)
{
	const uint8_t *slash = text->len == 0 ? NULL : memrchr(text->data, '/', text->len);
	size_t before;

	if (slash == NULL)
		return false;
	before = (size_t)(slash - text->data);
	if (!number_parse(slice_of(slash + 1, text->len - before - 1), max, ret))
		return false;
	text->len = before;
	return true;
}

bool
audit_partition_parse(const struct audit *a, struct slice text, struct audit_place *ret)
{
	int64_t partition;

	*ret = (struct audit_place){ 0 };
	if (!number_cut(&text, INT32_MAX, &partition))
		return false;
	ret->partition = (int32_t)partition;
	for (size_t i = 0; i < AUDIT_REQUESTS; i++) {
		ret->topic = (uint8_t)i;
		if (slice_is(text, a->topics[i].name))
			return ret->partition < a->topics[i].count;
	}
	return false;
}

bool
audit_source_parse(const struct audit *a, struct slice text, struct audit_place *ret)
{
	int64_t offset;

	if (!number_cut(&text, INT64_MAX, &offset) || !audit_partition_parse(a, text, ret))
		return false;
	ret->offset = offset;
	return true;
}
