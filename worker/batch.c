#include "lane_internal.h"

#include "failpoint.h"
#include "log.h"
#include "timespan.h"

#include <stdlib.h>
#include <unistd.h>

#define POLL_MAX         1024
#define KEY_DEADLINE_US  ((int64_t)45 * 1000 * 1000)
#define LINGER_MAX_US    ((int64_t)500 * 1000)
#define SUSPECT_PAUSE_US 10000
#define FRESH_MS         45000 /* an open transaction on .state is decided by then */
#define CONFIG_BATCH_MAX 64    /* looked at for one change and the copies of others */

static void
inbox_reserve(struct inbox *in, size_t more)
{
	if (in->count + more <= in->capacity)
		return;
	in->capacity = in->count + more;
	in->messages = realloc(in->messages, in->capacity * sizeof(*in->messages));
	if (in->messages == NULL)
		abort();
}

void
inbox_clear(struct inbox *in)
{
	for (size_t i = 0; i < in->count; i++)
		queue_message_free(in->messages[i]);
	free(in->messages);
	*in = (struct inbox){ 0 };
}

/*
 * A message of a partition that this lane does not own, or that it has already, is not its business: one poll can bring a
 * message twice when its partition was revoked and assigned again meanwhile.
 */
static bool
message_take(struct lane *lane, const struct queue_message *m)
{
	struct lane_partition *p = lane_find(lane, m->topic, m->partition);

	if (p == NULL || m->offset < p->fetched)
		return false;
	p->fetched = m->offset + 1;
	return true;
}

/* The group's identity is taken with the poll: one asked for at the commit may no longer be fenced. */
static MUST_USE bool
inbox_poll(struct lane *lane, int timeout_ms, struct err *e)
{
	struct queue_message *messages[POLL_MAX];
	size_t room = (size_t)lane->shared->settings->batch_max - lane->inbox.count, count;

	if (!queue_consumer_poll(
		lane->consumer, timeout_ms, messages, room < POLL_MAX ? room : POLL_MAX, &count, e))
		return false;
	inbox_reserve(&lane->inbox, count);
	for (size_t i = 0; i < count; i++) {
		if (message_take(lane, messages[i]))
			lane->inbox.messages[lane->inbox.count++] = messages[i];
		else
			queue_message_free(messages[i]);
	}
	queue_group_free(lane->group);
	lane->group = queue_group_snapshot(lane->consumer);
	return true;
}

/* Revocations are coalesced: a batch may wait up to ten times what its CRL costs for more to come. */
static MUST_USE bool
inbox_linger(struct lane *lane, struct err *e)
{
	int64_t cost = lane->crls == NULL ? 0 : 10 * crl_owner_cost_us(lane->crls);
	int64_t end = time_monotonic_us() + (cost < LINGER_MAX_US ? cost : LINGER_MAX_US);

	if (lane->inbox.count == 0 ||
	    settings_topic_kind(lane->shared->settings, lane->inbox.messages[0]->topic) !=
		TOPIC_REVOKE)
		return true;
	while (lane->inbox.count < (size_t)lane->shared->settings->batch_max) {
		int64_t left = (end - time_monotonic_us()) / 1000;

		if (left <= 0)
			break;
		if (!inbox_poll(lane, (int)left, e))
			return false;
	}
	return true;
}

bool
inbox_fill(struct lane *lane, int timeout_ms, struct err *e)
{
	if (lane->inbox.count >= (size_t)lane->shared->settings->batch_max)
		return true;
	return inbox_poll(lane, lane->inbox.count == 0 ? timeout_ms : 0, e) &&
	    inbox_linger(lane, e);
}

static void
batch_context(struct lane *lane, struct context *cx)
{
	*cx = (struct context){
		.settings = lane->shared->settings,
		.arena = &lane->arena,
		.store = lane->store,
		.minter = lane->minter,
		.ca_sealer = lane->ca_sealer,
		.fleet_key = lane->fleet_key,
		.kek = lane->shared->kek,
		.crls = lane->crls,
		.crl_book = lane->shared->crl_book,
		.worker = lane->worker,
		.probe = lane->shared->settings->queue.mock ? NULL : lane->shared->probe,
	};
}

static bool
same_id(const struct request *a, const struct request *b)
{
	return a->kind == b->kind && slice_eq(a->envelope.id, b->envelope.id);
}

/* Ids of the batch, so that it ends before a second message with one of them: open addressing over item numbers + 1. */
struct id_set {
	uint32_t *slots;
	size_t mask;
};

static uint32_t
id_hash(struct slice id)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < id.len; i++)
		h = (h ^ id.data[i]) * 16777619u;
	return h;
}

static bool
id_set_add(struct id_set *set, const struct batch *b, size_t item)
{
	const struct request *rq = &b->items[item].rq;
	size_t at = id_hash(rq->envelope.id) & set->mask;

	for (; set->slots[at] != 0; at = (at + 1) & set->mask)
		if (same_id(&b->items[set->slots[at] - 1].rq, rq))
			return false;
	set->slots[at] = (uint32_t)item + 1;
	return true;
}

static struct id_set
id_set_new(struct arena *a, size_t items)
{
	size_t size = 16;

	while (size < 2 * items)
		size *= 2;
	return (struct id_set){ arena_array(a, size, sizeof(uint32_t)), size - 1 };
}

/*
 * How large may a batch be that has this message? What changes configuration is decided alone, but answers to copies of it go
 * beside; and few go together where a lane died.
 */
static size_t
batch_size_with(struct lane *lane, const struct queue_message *m, enum topic_kind kind)
{
	const struct lane_partition *p = lane_find(lane, m->topic, m->partition);
	size_t size = kind == TOPIC_CONFIG ? CONFIG_BATCH_MAX : SIZE_MAX;

	return p != NULL && m->offset <= p->careful_to && p->careful_size < size ? p->careful_size
										 : size;
}

static struct batch_part *
part_of(struct batch *b, struct lane_partition *p)
{
	for (size_t i = 0; i < b->part_count; i++)
		if (b->parts[i].partition == p)
			return &b->parts[i];
	b->parts[b->part_count] =
	    (struct batch_part){ .partition = p, .head = p->head, .next = p->next };
	return &b->parts[b->part_count++];
}

void
batch_stand_for_crls(struct lane *lane, struct batch *b)
{
	for (size_t i = 0; i < lane->partition_count; i++)
		if (lane->partitions[i].kind == TOPIC_REVOKE)
			(void)part_of(b, &lane->partitions[i]);
}

void
batch_blame(const struct lane *lane, const struct batch *b, struct item *item)
{
	(void)err_set(&item->reject, ERR_INTERNAL,
	    "%" PRId64 " workers died at this message; it is kept in %s", b->before.deaths,
	    lane->shared->settings->ledger_topics[LEDGER_REJECTS]);
	log_error(LOG_ERROR, "message_quarantined", &item->reject, LOG_T("lane", lane->name),
	    LOG_S("source", item->rq.source));
}

/*
 * Of a message that cannot be read nobody knows whom to answer. One that could be and kills even who is about to refuse it comes
 * to the same; but for what a script ran for, somebody may have been answered already.
 */
static bool
is_unreadable(const struct view_attempts *before)
{
	return (before->deaths >= VIEW_DEATHS_MAX && !before->was_read) ||
	    (before->deaths >= 2 * VIEW_DEATHS_MAX && !before->was_scripted);
}

static MUST_USE bool
item_read(
    struct lane *lane, struct batch *b, struct item *item, struct queue_message *m, struct err *e)
{
	item->rq.message = m;
	item->rq.kind = settings_topic_kind(lane->shared->settings, m->topic);
	if (m->timestamp_ms <= 0) /* the mock broker gives none */
		m->timestamp_ms = b->cx.now_ms;
	if (is_unreadable(&b->before)) {
		item->unread = true;
		item->intake = request_leave_unread(&b->cx, &item->rq);
		batch_blame(lane, b, item);
		return true;
	}
	m->is_bare = queue_message_headers(m) == 0;
	failpoint_hit_by("poison_read", m->value, "unreadable-pill");
	item->intake = request_read(
	    &b->cx, lane->partition_counts[item->rq.kind], &item->rq, &item->reject);
	if (b->is_suspect &&
	    !view_mark_read(
		&lane->view, lane_find(lane, m->topic, m->partition)->own_key, m->offset, e))
		return false;
	return request_find_reply(&b->cx, lane->replies, item->intake, &item->rq, e);
}

/* How many messages of the inbox a batch may have: what can be said before they are read. */
static size_t
batch_bound(struct lane *lane)
{
	const struct settings *s = lane->shared->settings;
	size_t limit = lane->inbox.count, bytes = 0, count = 0;

	while (count < limit && bytes < (size_t)s->batch_bytes) {
		const struct queue_message *m = lane->inbox.messages[count];
		size_t size = batch_size_with(lane, m, settings_topic_kind(s, m->topic));

		if (count >= size)
			break;
		limit = size < limit ? size : limit;
		bytes += m->value.len;
		count++;
	}
	return count;
}

/* Says in Redis what is going to be read: who dies of it is not there to say so. */
static MUST_USE bool
batch_mark(struct lane *lane, struct batch *b, size_t bound, struct err *e)
{
	struct view_working parts[LANE_PARTITIONS_MAX];
	size_t count = 0;

	for (size_t i = bound; i-- > 0;) { /* the last of each partition comes first */
		const struct queue_message *m = lane->inbox.messages[i];
		const struct lane_partition *p = lane_find(lane, m->topic, m->partition);
		size_t at = 0;

		while (at < count && parts[at].own_key.data != p->own_key.data)
			at++;
		if (at == count)
			parts[count++] = (struct view_working){ p->own_key, m->offset, 0 };
		parts[at].count++;
	}
	if (b->is_suspect)
		return view_mark(&lane->view, parts[0].own_key, parts[0].to, &b->before, e);
	return view_work(&lane->view, parts, count, b->cx.arena, e);
}

/* Reads messages of the inbox until a bound is reached. They stay there until the batch is committed. */
static MUST_USE bool
batch_take(struct lane *lane, struct batch *b, size_t bound, struct err *e)
{
	struct id_set ids = id_set_new(b->cx.arena, bound);

	if (!batch_mark(lane, b, bound, e))
		return false;
	b->items = arena_array(b->cx.arena, bound, sizeof(*b->items));
	b->item_count = bound;
	for (; b->count < bound; b->count++) {
		struct item *item = &b->items[b->count];
		struct queue_message *m = lane->inbox.messages[b->count];

		if (!item_read(lane, b, item, m, e))
			return false;
		if (item->rq.answerable && !id_set_add(&ids, b, b->count))
			break;
		part_of(b, lane_find(lane, m->topic, m->partition))->next = m->offset + 1;
	}
	return true;
}

/* What is polled is decided by all that `.state` holds by now. Before the marks: it may take long, and no message is to blame. */
static MUST_USE bool
batch_freshen(struct lane *lane, struct batch *b, struct err *e)
{
	b->began_us = time_monotonic_us();
	b->cx.catalog = failpoint_hit("skip_barrier")
	    ? catalog_current(lane->shared->catalog)
	    : catalog_fresh(lane->shared->catalog, FRESH_MS, e);
	b->fresh_us = time_monotonic_us();
	b->cx.now_ms = time_now_ms();
	b->cx.key_deadline_us = b->fresh_us + KEY_DEADLINE_US;
	return b->cx.catalog != NULL;
}

bool
batch_gather(struct lane *lane, struct batch *b, struct err *e)
{
	size_t bound = batch_bound(lane);

	*b = (struct batch){ .is_suspect = batch_is_suspect(lane, bound) };
	arena_reset(&lane->arena);
	batch_context(lane, &b->cx);
	b->parts = arena_array(b->cx.arena, LANE_PARTITIONS_MAX, sizeof(*b->parts));
	if (!b->is_suspect)
		batch_suspect_withdraw(lane);
	else if (!batch_suspect_begin(lane)) {
		usleep(SUSPECT_PAUSE_US);
		return true;
	}
	if (bound == 0 && lane->crls != NULL)
		batch_stand_for_crls(
		    lane, b); /* which may be due though nobody asks for anything */
	if (bound == 0 && b->part_count == 0)
		return true;
	return batch_freshen(lane, b, e) && (bound == 0 || batch_take(lane, b, bound, e));
}

void
batch_done(struct batch *b)
{
	for (size_t i = 0; i < b->item_count; i++) {
		buf_done(&b->items[i].response);
		if (b->items[i].rq.has_leaf)
			leaf_key_done(&b->items[i].rq.leaf);
	}
	catalog_release(b->cx.catalog);
	b->cx.catalog = NULL;
}
