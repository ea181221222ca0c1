#include "tail.h"

#include "scoped.h"
#include "timespan.h"

#include <stdlib.h>

#define PING_MS 3000
#define IDLE_MS 200
#define BUSY_MS \
	1000 /* what came is put to use at least this often, also when it does not stop coming */

void
tail_done(struct tail *t)
{
	if (t->reader != NULL)
		queue_reader_close(t->reader);
	if (t->probe != NULL)
		queue_probe_close(t->probe);
	free(t->ends);
}

bool
tail_open(struct tail *t, struct err *e)
{
	struct queue_topic_info info;

	t->queue = options_queue(t->o);
	t->probe = queue_probe_open(&t->queue, e);
	if (t->probe == NULL || !queue_ping(t->probe, PING_MS, e) ||
	    !queue_topic_info(t->probe, t->topic, &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_QUEUE,
		    "there is no topic %s: has certmill-worker topics been run?", t->topic);
	t->ends = calloc((size_t)info.partitions, sizeof(*t->ends));
	if (t->ends == NULL)
		abort();
	for (int32_t p = 0; p < info.partitions; p++)
		if (!queue_high_watermark(t->probe, t->topic, p, &t->ends[p], e))
			return false;
	t->reader = queue_reader_open(&t->queue, t->topic, -1, QUEUE_FROM_START, e);
	return t->reader != NULL;
}

static bool
tail_at_end(const struct tail *t)
{
	for (int32_t p = 0; p < queue_reader_partitions(t->reader); p++)
		if (queue_reader_passed(t->reader, p) < t->ends[p])
			return false;
	return true;
}

/* One message, or a short wait; *ret_idle: there is nothing more for now. */
static MUST_USE bool
tail_step(struct tail *t, const struct sink *sink, bool *ret_idle, struct err *e)
{
	struct queue_message *m = NULL;
	bool taken;

	if (!queue_reader_poll(t->reader, IDLE_MS, &m, e))
		return false;
	*ret_idle = m == NULL;
	taken = m == NULL || sink->take(sink->opaque, m, e);
	queue_message_free(m);
	return taken;
}

/* For ever. */
static MUST_USE bool
tail_on(struct tail *t, const struct sink *sink, struct err *e)
{
	int64_t idle_at = time_monotonic_us();
	bool idle;

	for (;;) {
		if (!tail_step(t, sink, &idle, e))
			return false;
		if (!idle && time_monotonic_us() - idle_at < BUSY_MS * 1000)
			continue;
		if (!sink->idle(sink->opaque, tail_at_end(t), e))
			return false;
		idle_at = time_monotonic_us();
	}
}

/* Until the end that stood at the start. */
bool
tail_once(struct tail *t, const struct sink *sink, struct err *e)
{
	int64_t until = time_monotonic_us() + t->o->timeout * 1000000;
	bool idle;

	while (!tail_at_end(t)) {
		if (time_monotonic_us() > until)
			return err_set(
			    e, ERR_TIMEOUT, "%s was not read to its end in time", t->topic);
		if (!tail_step(t, sink, &idle, e))
			return false;
	}
	return sink->idle(sink->opaque, true, e);
}

bool
tail_follow(struct options *o, const char *topic, const struct sink *sink, struct err *e)
{
	struct tail SCOPED_TAIL t = { .o = o, .topic = topic };

	return tail_open(&t, e) && (o->once ? tail_once(&t, sink, e) : tail_on(&t, sink, e));
}
