#include "fold_internal.h"

#include "audit.h"
#include "claim.h"
#include "failpoint.h"
#include "timespan.h"
#include "topic_plan.h"
#include "view.h"

#define POLL_MS    100
#define STILL_US   ((int64_t)60 * 1000 * 1000) /* without a record: the topic cannot be read */
#define SAY_US     ((int64_t)1000 * 1000)
#define OFFSETS_MS 3000 /* the lock lasts longer */
#define STAMPS_MS \
	((int64_t)600 * 1000) /* how far a record's timestamp may be from the worker's clock */
#define BUSY_CHECKS 4096

/* One partition that is read: from where, and how far. */
struct stretch {
	int64_t from, to;
};

struct topic_stretches {
	const char *topic;
	struct stretch *at;
	int32_t count;
	int64_t length; /* of all of them */
};

/* number * times / by, which together may be over 64 bits; 0 when by is not above 0. */
static int64_t
part(int64_t number, int64_t times, int64_t by)
{
	return by <= 0 ? 0 : (int64_t)((double)number * (double)times / (double)by);
}

static void
fold_time(struct fold *f, int64_t now)
{
	struct fold_progress *p = &f->progress;
	int64_t reading = f->reading_us == 0 ? 0 : now - f->reading_us;

	p->seconds = (now - f->began_us) / 1000000;
	p->rate = part(p->records, 1000000, reading);
	p->seconds_left = part(reading, p->total - p->done, p->done) / 1000000;
}

static void
fold_say(struct fold *f)
{
	int64_t now = time_monotonic_us();

	if (f->spec->progress == NULL || now - f->said_us < SAY_US)
		return;
	f->said_us = now;
	fold_time(f, now);
	f->spec->progress(f->spec->opaque, &f->progress);
}

static MUST_USE bool
fold_goes_on(const struct fold *f, struct err *e)
{
	if (f->spec->stop == NULL || !atomic_load(f->spec->stop))
		return true;
	return err_set(e, ERR_TIMEOUT, "the worker stops: the view is left folding");
}

/* ---- how far the topics go ---- */

/* Questions take their time while brokers come and go: the lock is kept meanwhile. */
static MUST_USE bool
fold_waits(struct fold *f, struct err *e)
{
	return fold_goes_on(f, e) && fold_sink_drain(&f->sink, e);
}

/* since_ms: 0 for the whole topic. */
static MUST_USE bool
stretches_ask(struct fold *f, enum ledger_kind kind, int64_t since_ms, struct topic_stretches *ret,
    struct err *e)
{
	struct queue_probe *probe = f->spec->probe;
	const char *topic = f->spec->settings->ledger_topics[kind];
	int32_t count;

	if (!queue_topic_count(probe, topic, &count, e))
		return false;
	*ret = (struct topic_stretches){ topic,
		arena_array(&f->memory, (size_t)count, sizeof(*ret->at)), count, 0 };
	for (int32_t i = 0; i < count; i++) {
		struct stretch *s = &ret->at[i];

		if (!fold_waits(f, e) || !queue_high_watermark(probe, topic, i, &s->to, e) ||
		    !fold_waits(f, e))
			return false;
		if (since_ms > 0 ? !queue_offset_since(probe, topic, i, since_ms, &s->from, e)
				 : !queue_low_watermark(probe, topic, i, &s->from, e))
			return false;
		ret->length += s->to > s->from ? s->to - s->from : 0;
	}
	f->progress.total += ret->length;
	return true;
}

/* ---- a topic, read ---- */

/* How many offsets of it are passed. */
static int64_t
stretches_passed(const struct topic_stretches *t, const struct queue_reader *r)
{
	int64_t sum = 0;

	for (int32_t i = 0; i < t->count; i++) {
		const struct stretch *s = &t->at[i];
		int64_t passed = s->from < s->to ? queue_reader_passed(r, i) : s->from;

		sum += (passed < s->to ? passed : s->to) - s->from;
	}
	return sum;
}

static MUST_USE bool
message_fold(struct fold *f, struct queue_message *m, const struct topic_stretches *t,
    fold_record *fold, struct err *e)
{
	bool good = true;

	if (m->offset < t->at[m->partition].to) {
		good = fold(f, m, e);
		f->progress.records++;
	}
	queue_message_free(m);
	arena_reset(&f->message);
	return good;
}

/* A topic that is being read. */
struct reading {
	const struct topic_stretches *stretches;
	struct queue_reader *reader;
	int64_t before;   /* offsets of the topics before it */
	int64_t moved_us; /* when an offset was last passed */
};

/* Between messages: is the topic read? *ret_end says so. */
static MUST_USE bool
reading_pause(struct fold *f, struct reading *r, bool *ret_end, struct err *e)
{
	int64_t passed = stretches_passed(r->stretches, r->reader), now = time_monotonic_us();

	if (f->progress.done < r->before + passed)
		r->moved_us = now;
	f->progress.done = r->before + passed;
	fold_say(f);
	*ret_end = passed == r->stretches->length;
	if (*ret_end)
		return true;
	if (now - r->moved_us > STILL_US)
		return err_set(
		    e, ERR_TIMEOUT, "%s could not be read to its end", r->stretches->topic);
	return fold_sink_flush(&f->sink, e);
}

static MUST_USE bool
reading_fold(struct fold *f, struct reading *r, fold_record *fold, struct err *e)
{
	bool end = false;

	for (int64_t polls = 1; !end; polls++) {
		struct queue_message *m;

		if (!fold_goes_on(f, e) || !queue_reader_poll(r->reader, POLL_MS, &m, e) ||
		    (m != NULL && !message_fold(f, m, r->stretches, fold, e)))
			return false;
		if ((m == NULL || polls % BUSY_CHECKS == 0) && !reading_pause(f, r, &end, e))
			return false;
	}
	return true;
}

static MUST_USE bool
topic_fold(struct fold *f, const struct topic_stretches *t, fold_record *fold, struct err *e)
{
	struct reading r = {
		.stretches = t,
		.reader = queue_reader_open(
		    &f->spec->settings->queue, t->topic, -1, QUEUE_IN_BULK, e),
		.before = f->progress.done,
		.moved_us = time_monotonic_us(),
	};
	bool good = r.reader != NULL;

	f->progress.topic = t->topic;
	for (int32_t i = 0; good && i < t->count; i++)
		good = queue_reader_seek(r.reader, i, t->at[i].from, e);
	good = good && reading_fold(f, &r, fold, e);
	queue_reader_close(r.reader);
	return good;
}

/* Certificates before revocations, whose rows they must find. */
static MUST_USE bool
topics_fold(struct fold *f, struct err *e)
{
	const int64_t window_ms = claim_end_ms(f->spec->settings, STAMPS_MS);
	struct topic_stretches state, certs, revoked, audit;

	f->reading_us = time_monotonic_us();
	return stretches_ask(f, LEDGER_STATE, 0, &state, e) &&
	    stretches_ask(f, LEDGER_CERTS, 0, &certs, e) &&
	    stretches_ask(f, LEDGER_REVOKED, 0, &revoked, e) &&
	    stretches_ask(f, LEDGER_AUDIT, f->now_ms - window_ms, &audit, e) &&
	    topic_fold(f, &state, fold_state, e) && topic_fold(f, &certs, fold_certificate, e) &&
	    fold_index_end(f, e) && topic_fold(f, &revoked, fold_revoked, e) &&
	    fold_revoked_end(f, e) && topic_fold(f, &audit, fold_audit, e) && fold_counters(f, e);
}

/* ---- what stood there ---- */

static MUST_USE bool
view_remove(struct fold *f, struct err *e)
{
	struct slice cursor = SLICE_LITERAL("0");
	struct arena scans[2] = { { 0 }, { 0 } };
	bool good;

	for (int i = 0;; i = !i) { /* the cursor comes from the scan before */
		arena_reset(&scans[i]);
		good = fold_goes_on(f, e) &&
		    fold_sink_clean(&f->sink, &scans[i], &cursor, &f->progress.removed, e);
		if (!good || slice_is(cursor, "0"))
			break;
		fold_say(f);
	}
	arena_done(&scans[0]);
	arena_done(&scans[1]);
	return good;
}

/* ---- where the groups stand ---- */

static MUST_USE bool
steps_put(struct fold *f, const struct queue_position *at, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		struct audit_head head = { 0 };

		if (at[i].offset == QUEUE_NO_OFFSET)
			return err_set(e, ERR_CONFIG,
			    "%s/%d has no committed offset: `certmill-worker topics` commits the first one",
			    at[i].topic, (int)at[i].partition);
		if (!audit_head_read(at[i].metadata, &head, e) ||
		    !fold_step(&f->sink, view_own_key(&f->message, at[i].topic, at[i].partition),
			head.step, head.stamp, e))
			return false;
	}
	return true;
}

/* Where a group stands behind its open transactions. These may last longer than the lock, so that it is asked in pieces. */
static MUST_USE bool
positions_ask(
    struct fold *f, const char *group, struct queue_position *at, size_t count, struct err *e)
{
	int64_t deadline = time_monotonic_us() + (int64_t)QUEUE_COMMITTED_MS * 1000;

	for (;;) {
		int64_t began = time_monotonic_us(), now;

		if (!fold_waits(f, e))
			return false;
		if (queue_group_offsets(f->spec->probe, group, at, count, OFFSETS_MS, e))
			return true;
		now = time_monotonic_us();
		if (now - began < (int64_t)(OFFSETS_MS - 100) * 1000 || now > deadline)
			return false; /* it was not undecided, or for too long */
	}
}

/* Everything between the lock and the open view. The steps are read before the topics' ends, and see fold.h. */
static MUST_USE bool
fold_run(struct fold *f, struct err *e)
{
	const struct settings *s = f->spec->settings;
	struct queue_position *at[LANE_KINDS];
	size_t count[LANE_KINDS];

	if (!view_remove(f, e))
		return false;
	for (int lane = 0; lane < LANE_KINDS; lane++)
		if (!fold_waits(f, e) ||
		    !topic_plan_positions(s, f->spec->probe, (enum lane_kind)lane, &f->memory,
			&at[lane], &count[lane], e) ||
		    !positions_ask(f, s->groups[lane], at[lane], count[lane], e))
			return false;
	(void)failpoint_hit("fold_begun");
	if (!topics_fold(f, e))
		return false;
	(void)failpoint_hit("fold_read");
	for (int lane = 0; lane < LANE_KINDS; lane++)
		if (!steps_put(f, at[lane], count[lane], e))
			return false;
	return fold_sink_open_view(&f->sink, e);
}

static MUST_USE bool
fold_locked(struct fold *f, enum fold_result *ret, struct err *e)
{
	bool taken, ready, good;

	if (!fold_sink_take(&f->sink, f->spec->anyway, &taken, &ready, e))
		return false;
	*ret = taken ? FOLD_DONE : ready ? FOLD_NEEDLESS : FOLD_BUSY;
	if (!taken)
		return true;
	good = fold_run(f, e);
	if (!good)
		fold_sink_give_up(&f->sink);
	return good;
}

bool
view_fold(const struct fold_spec *spec, struct fold_progress *ret_end, enum fold_result *ret,
    struct err *e)
{
	struct store *store = store_open(&spec->settings->store, e);
	struct fold f = { .spec = spec,
		.now_ms = time_now_ms(),
		.began_us = time_monotonic_us(),
		.said_us = time_monotonic_us() };
	bool good;

	if (store == NULL)
		return false;
	good = fold_sink_init(&f.sink, store, e) && fold_locked(&f, ret, e);
	fold_time(&f, time_monotonic_us());
	*ret_end = f.progress;
	fold_index_done(&f);
	fold_mounts_done(&f);
	arena_done(&f.memory);
	arena_done(&f.message);
	arena_done(&f.lookups);
	store_close(store);
	return good;
}
