#include "lane_internal.h"

#include "failpoint.h"
#include "log.h"
#include "scoped.h"
#include "timespan.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define POLL_MS        100
#define SAID_AGAIN_US  ((int64_t)30 * 1000 * 1000)
#define PAUSE_FIRST_MS 100
#define PAUSE_MAX_MS   2000
#define DOUBLE_US      ((int64_t)600 * 1000 * 1000) /* a double takes the id again within this time */

static bool
lane_stopping(const struct lane *lane)
{
	return atomic_load(&lane->shared->stop);
}

/* ---- a session: everything that is opened together and closed together ---- */

static MUST_USE bool
partition_counts(struct lane *lane, struct err *e)
{
	const struct settings *s = lane->shared->settings;

	for (int kind = 0; kind < TOPIC_KINDS; kind++) {
		if (!queue_topic_count(lane->shared->probe, s->request_topics[kind],
			&lane->partition_counts[kind], e))
			return false;
	}
	return true;
}

static MUST_USE bool
session_crypto(struct lane *lane, struct err *e)
{
	const struct secret *kek = lane->shared->kek;

	lane->minter = minter_new(kek, lane->shared->key_pool, e);
	if (lane->minter == NULL)
		return false;
	lane->ca_sealer = sealer_new(kek, "ca key", e);
	if (lane->ca_sealer == NULL)
		return false;
	lane->replay_sealer = sealer_new(kek, "replay key", e);
	if (lane->replay_sealer == NULL)
		return false;
	lane->fleet_key = fleet_key(kek, e);
	return lane->fleet_key != NULL;
}

static MUST_USE bool
session_consumer(struct lane *lane, struct err *e)
{
	const struct settings *s = lane->shared->settings;
	const char *topics[TOPIC_KINDS];
	struct queue_consumer_spec spec = { .group = s->groups[lane->kind],
		.instance = lane->instance,
		.topics = topics,
		.assigned = lane_assigned,
		.revoked = lane_revoked,
		.opaque = lane };

	for (int kind = 0; kind < TOPIC_KINDS; kind++)
		if (settings_lane_of((enum topic_kind)kind) == lane->kind)
			topics[spec.topic_count++] = s->request_topics[kind];
	lane->consumer = queue_consumer_open(&s->queue, &spec, e);
	return lane->consumer != NULL;
}

/* The producer comes first: it decides the last transaction of this slot, before any committed offset is read. */
static MUST_USE bool
session_open(struct lane *lane, struct err *e)
{
	const struct settings *s = lane->shared->settings;

	lane->store = store_open(&s->store, e);
	if (lane->store == NULL || !view_init(&lane->view, lane->store, e) ||
	    !view_ready(&lane->view, e))
		return false;
	if (!partition_counts(lane, e) || !lane_survey(lane, e) || !session_crypto(lane, e))
		return false;
	lane->replies = reply_topics_new(s, lane->shared->probe);
	if (lane->kind == LANE_CONTROL)
		lane->crls = crl_owner_new(s, lane->shared->probe, lane->shared->crl_book);
	lane->producer = queue_producer_open(&s->queue, lane->transactional, e);
	if (lane->producer == NULL)
		return false;
	if (!queue_producer_warm(
		lane->producer, (const char *const *)s->ledger_topics, LEDGER_KINDS, e))
		return false;
	return session_consumer(lane, e);
}

/*
 * Was it an engine that ended the session, and not the message that was being worked at? Only then are the marks taken back:
 * a message that ends every session is as good as one that kills its worker, and the count of five holds for both.
 */
static bool
engines_ended(enum err_code code)
{
	return code == ERR_NONE || code == ERR_STORE || code == ERR_QUEUE || code == ERR_FENCED ||
	    code == ERR_SLOT_TAKEN || code == ERR_VIEW_LOST || code == ERR_VIEW_FOLDING ||
	    code == ERR_TIMEOUT || code == ERR_CONFIG;
}

static void
session_release(struct lane *lane)
{
	struct slice keys[LANE_PARTITIONS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < lane->partition_count; i++)
		if (lane->partitions[i].taken)
			keys[count++] = lane->partitions[i].own_key;
	if (lane->store == NULL || count == 0)
		return;
	lane->unreleased[0] = '\0';
	if (!view_release(&lane->view, lane->view.token, keys, count))
		memcpy(lane->unreleased, lane->view.token, sizeof(lane->unreleased));
}

static void
session_close(struct lane *lane, bool leave, enum err_code ended_by)
{
	if (engines_ended(ended_by))
		session_release(lane);
	batch_suspect_leave(lane); /* not before its mark is taken back */
	inbox_clear(&lane->inbox); /* first: the consumer waits for messages that are still held */
	queue_group_free(TAKE(lane->group));
	queue_consumer_close(TAKE(lane->consumer), leave);
	queue_producer_close(TAKE(lane->producer));
	lane_drop_partitions(lane);
	crl_owner_free(TAKE(lane->crls));
	reply_topics_free(TAKE(lane->replies));
	minter_free(TAKE(lane->minter));
	sealer_free(TAKE(lane->ca_sealer));
	sealer_free(TAKE(lane->replay_sealer));
	EVP_PKEY_free(TAKE(lane->fleet_key));
	store_close(TAKE(lane->store));
}

/* ---- a batch, from poll to commit ---- */

/* Where a batch's time went: for the metrics, and for whoever looks at one of them with worker.log_level = debug. */
static void
say_batch(struct lane *lane, const struct batch *b, const int64_t at[static PHASES + 1])
{
	for (int phase = 0; phase < PHASES; phase++)
		metric_add(&lane->meter.phases[phase], at[phase + 1] - at[phase]);
	log_event(LOG_DEBUG, "batch", LOG_T("lane", lane->name), LOG_N("requests", b->count),
	    LOG_N("catalog_us", at[1] - at[0]), LOG_N("claims_us", at[2] - at[1]),
	    LOG_N("decide_us", at[3] - at[2]), LOG_N("script_us", at[4] - at[3]),
	    LOG_N("transaction_us", at[5] - at[4]));
}

static MUST_USE bool
lane_batch(struct lane *lane, struct batch *b, struct err *e)
{
	int64_t at[PHASES + 1] = { b->began_us, b->fresh_us };

	(void)failpoint_hit("after_poll");
	if (b->count == 0 && !crl_owner_due(lane->crls, &b->cx))
		return true;
	if (!batch_settle(lane, b, e))
		return false;
	(void)failpoint_hit("after_claims");
	at[2] = time_monotonic_us();
	if (!batch_decide(lane, b, e))
		return false;
	(void)failpoint_hit("after_decide");
	at[3] = time_monotonic_us();
	if (!batch_commit(lane, b, e))
		return false;
	at[4] = b->scripted_us;
	at[5] = time_monotonic_us();
	say_batch(lane, b, at);
	return true;
}

static MUST_USE bool
lane_turn(struct lane *lane, struct err *e)
{
	struct batch b;
	bool done;

	if (!inbox_fill(lane, POLL_MS, e) || !lane_take(lane, e))
		return false;
	done = batch_gather(lane, &b, e);
	if (done && b.part_count > 0)
		done = lane_batch(lane, &b, e);
	batch_done(&b);
	if (done)
		batch_suspect_done(lane);
	return done;
}

static MUST_USE bool
lane_session(struct lane *lane, struct err *e)
{
	if (!session_open(lane, e))
		return false;
	for (bool ready = false; !lane_stopping(lane); ready = true) {
		if (!lane_turn(lane, e))
			return false;
		meter_beat(&lane->meter);
		metric_set(&lane->meter.ready, 1);
		if (!ready) /* not before: a session that fails at its first poll says only why */
			log_event(LOG_INFO, "lane_ready", LOG_T("lane", lane->name),
			    LOG_T("redis", store_address(lane->store)));
		lane->said.code = ERR_NONE;
		atomic_store(&lane->shared->view_lost, false);
	}
	return true;
}

/* ---- what a failed session means ---- */

static void
say_lost(struct lane *lane, const struct err *e)
{
	view_set_folding(&lane->view);
	if (!atomic_exchange(&lane->shared->view_lost, true))
		log_error(LOG_ERROR, "view_lost", e, LOG_T("lane", lane->name),
		    LOG_T("hint",
			"Redis has lost committed writes; nothing is signed until the view is folded from the topics"));
}

/* When it is new, not at each attempt; and now and then, as another may have taken its place. */
bool
lane_says(struct lane_said *last, enum err_code code)
{
	int64_t now = time_monotonic_us();

	if (last->code == code && now - last->us < SAID_AGAIN_US)
		return false;
	*last = (struct lane_said){ code, now };
	return true;
}

static void
say_failure(struct lane *lane, const struct err *e)
{
	if (e->code == ERR_VIEW_LOST) {
		say_lost(lane, e);
		return;
	}
	if (e->code == ERR_VIEW_FOLDING && atomic_load(&lane->shared->view_lost))
		return;
	if (lane_says(&lane->said, e->code))
		log_error(LOG_WARNING, "lane_stopped", e, LOG_T("lane", lane->name),
		    LOG_T("next", "a new session from the committed offsets"));
}

/* A restart of the lane mends what an engine did; not a setting, nor a double that has taken this slot's name. */
static bool
failure_is_final(const struct lane *lane, const struct err *e)
{
	return e->code == ERR_CONFIG || e->code == ERR_SLOT_TAKEN || lane->shared->settings->dev;
}

/* Was it a double that fenced this lane? A broker that was away can make it look so, and a new session mends that. */
static bool
lane_is_doubled(struct lane *lane)
{
	const struct settings *s = lane->shared->settings;
	enum topic_kind kind = TOPIC_ISSUE;

	while (settings_lane_of(kind) != lane->kind)
		kind++;
	return lane->producer != NULL && lane->group != NULL &&
	    queue_producer_taken(lane->producer, lane->group, s->request_topics[kind]);
}

/*
 * What an earlier session of this lane asked of a broker that then stood still is done when the broker goes on, and takes the
 * id from the session of now. That happens once; a double, which opens its session anew as well, takes it again.
 */
static enum err_code
lane_fenced_by(struct lane *lane, enum err_code code)
{
	int64_t now = time_monotonic_us();
	bool again = lane->fenced_us != 0 && now - lane->fenced_us < DOUBLE_US;

	if (code == ERR_FENCED && lane_is_doubled(lane))
		code = ERR_SLOT_TAKEN;
	if (code != ERR_SLOT_TAKEN)
		return code;
	lane->fenced_us = now;
	return again ? ERR_SLOT_TAKEN : ERR_FENCED;
}

static void
lane_pause(const struct lane *lane, int ms)
{
	for (int left = ms; left > 0 && !lane_stopping(lane); left -= 50)
		usleep(50 * 1000);
}

/* One session, and what its end means. False: it was the lane's last. */
static bool
lane_serve(struct lane *lane, struct err *e)
{
	bool ended, final, leave;

	meter_beat(&lane->meter);
	ended = lane_session(lane, e);
	metric_set(&lane->meter.ready, 0);
	meter_beat(&lane->meter);
	if (!ended)
		e->code = lane_fenced_by(lane, e->code);
	final = !ended && failure_is_final(lane, e);
	if (!ended)
		meter_failed(&lane->meter, e->code);
	if (!ended && (!final || e->code == ERR_VIEW_LOST))
		say_failure(lane, e);
	leave = final ? e->code != ERR_SLOT_TAKEN /* the place is the double's */
		      : ended && lane->shared->settings->leave_on_stop;
	session_close(lane, leave, e->code);
	if (final) {
		log_error(LOG_ERROR, "lane_ended", e, LOG_T("lane", lane->name));
		atomic_fetch_add(&lane->shared->failed, 1);
	}
	return !ended && !final;
}

static void *
lane_main(void *opaque)
{
	struct lane *lane = opaque;
	int pause = PAUSE_FIRST_MS;

	while (!lane_stopping(lane)) {
		struct err e = { 0 };
		int64_t began = time_monotonic_us();

		if (!lane_serve(lane, &e))
			break;
		if ((e.code == ERR_VIEW_LOST || e.code == ERR_VIEW_FOLDING) && lane_mend(lane))
			continue;
		if (time_monotonic_us() - began > 10 * 1000000)
			pause = PAUSE_FIRST_MS;
		lane_pause(lane, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
	}
	arena_done(&lane->arena);
	log_event(LOG_INFO, "lane_left", LOG_T("lane", lane->name));
	return NULL;
}

struct lane *
lane_start(struct lane_shared *shared, enum lane_kind kind, int index, struct err *e)
{
	const struct settings *s = shared->settings;
	struct lane *lane = calloc(1, sizeof(*lane));
	int failed;

	if (lane == NULL)
		abort();
	lane->shared = shared;
	lane->kind = kind;
	snprintf(lane->name, sizeof(lane->name), "%s-%d", lane_kind_names[kind], index);
	snprintf(lane->instance, sizeof(lane->instance), "%s-%s", s->slot, lane->name);
	snprintf(lane->transactional, sizeof(lane->transactional), "%s-%s-%s", s->prefix, s->slot,
	    lane->name);
	snprintf(lane->worker, sizeof(lane->worker), "%s/%s", s->slot, lane->name);
	failed = pthread_create(&lane->thread, NULL, lane_main, lane);
	if (failed != 0) {
		free(lane);
		errno = failed;
		return err_errno(e, "pthread_create"), NULL;
	}
	return lane;
}

const char *
lane_name(const struct lane *lane)
{
	return lane->name;
}

const struct lane_meter *
lane_meter(const struct lane *lane)
{
	return &lane->meter;
}

void
lane_join(struct lane *lane)
{
	if (lane == NULL)
		return;
	pthread_join(lane->thread, NULL);
	free(lane);
}
