#include "lane_internal.h"

#include "failpoint.h"
#include "timespan.h"

#define IDS_MAX ((size_t)10000 * (REQUEST_ID_MAX + 2) + 16)

/* A fresh decision that the same id must find again. */
static bool
item_makes_claim(const struct item *item)
{
	const struct request *rq = &item->rq;

	if (rq->own_claim || rq->replay || rq->retryable || rq->envelope.dry_run ||
	    rq->operation == NULL || !rq->operation->claims)
		return false;
	return item->intake == INTAKE_DECIDE ||
	    (item->intake == INTAKE_REFUSED && rq->outcome.code.data != NULL);
}

static bool
item_in(const struct item *item, const struct lane_partition *p)
{
	return item->rq.message->partition == p->partition && item->rq.kind == p->kind;
}

/* Ids whose claims this batch makes or finds its own: the next batch gives them their expiry. */
static bool
item_expires(const struct item *item)
{
	return item->rq.own_claim || item->claim != NULL;
}

static struct slice
part_ids(struct batch *b, const struct lane_partition *p)
{
	struct buf out SCOPED_BUF;
	struct writer w = { &out };
	size_t count = 0;

	buf_init(&out, IDS_MAX);
	for (size_t i = 0; i < b->count; i++)
		count += item_expires(&b->items[i]) && item_in(&b->items[i], p);
	writer_array(&w, count);
	for (size_t i = 0; i < b->count; i++)
		if (item_expires(&b->items[i]) && item_in(&b->items[i], p))
			writer_text(&w, b->items[i].rq.envelope.id);
	return arena_copy(b->cx.arena, buf_slice(&out));
}

static MUST_USE bool
script_claims(struct lane *lane, struct batch *b, struct view_batch *v, struct err *e)
{
	v->claims = arena_array(b->cx.arena, b->count, sizeof(*v->claims));
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];

		if (!item_makes_claim(item))
			continue;
		item->claim = &v->claims[v->claim_count];
		if (!claim_make(
			&b->cx, lane->replay_sealer, &item->rq, &v->claims[v->claim_count++], e))
			return false;
	}
	return true;
}

static void
script_steps(const struct lane *lane, struct batch *b, struct view_batch *v)
{
	struct view_step *steps = arena_array(b->cx.arena, b->part_count, sizeof(*steps));
	struct view_expiry *expiries;
	size_t count = 0;

	for (size_t i = 0; i < b->part_count; i++) {
		const struct lane_partition *p = b->parts[i].partition;

		steps[i] = (struct view_step){ p->own_key, b->parts[i].head.step, part_ids(b, p),
			b->parts[i].next - 1 };
		b->parts[i].head.step++;
		view_stamp(&lane->view, b->parts[i].head.stamp);
		count += p->expiry_count;
	}
	expiries = arena_array(b->cx.arena, count, sizeof(*expiries));
	for (size_t i = 0; i < b->part_count; i++) {
		const struct lane_partition *p = b->parts[i].partition;

		for (size_t j = 0; j < p->expiry_count; j++)
			expiries[v->expiry_count++] = p->expiries[j];
	}
	v->steps = steps;
	v->step_count = b->part_count;
	v->expiries = expiries;
}

/* One script: ownership, claims, records, expiry of the batch before. */
static MUST_USE bool
batch_script(struct lane *lane, struct batch *b, struct err *e)
{
	struct view_batch v = { .index_horizon = b->cx.now_ms / 1000 - CERTIFICATE_ROW_BUFFER_S };

	if (failpoint_hit("skip_script"))
		return true;
	if (!script_claims(lane, b, &v, e))
		return false;
	script_steps(lane, b, &v);
	return view_advance(&lane->view, &v, b->cx.arena, e) && batch_settle_lost(lane, b, e);
}

/*
 * Between the script and the commit Redis may have lost what the script wrote, and nothing would ask for it until the next
 * batch: another lane would read that a certificate is not revoked.
 */
static MUST_USE bool
batch_stands(struct lane *lane, struct batch *b, struct err *e)
{
	struct view_committed *rows = arena_array(b->cx.arena, b->part_count, sizeof(*rows));

	if (failpoint_hit("skip_script"))
		return true;
	for (size_t i = 0; i < b->part_count; i++)
		rows[i] = audit_head_committed(&b->parts[i].head, b->parts[i].partition->own_key);
	return view_survey(&lane->view, rows, b->part_count, b->cx.arena, e);
}

static MUST_USE bool
send_offsets(struct lane *lane, struct batch *b, struct err *e)
{
	struct queue_position *at = arena_array(b->cx.arena, b->part_count, sizeof(*at));

	for (size_t i = 0; i < b->part_count; i++) {
		const struct batch_part *part = &b->parts[i];

		at[i] = (struct queue_position){ .topic = part->partition->topic,
			.partition = part->partition->partition,
			.offset = part->next };
		audit_head_write(&part->head, at[i].metadata);
	}
	return queue_send_offsets(lane->producer, lane->group, at, b->part_count, e);
}

static MUST_USE bool
batch_transaction(struct lane *lane, struct batch *b, struct err *e)
{
	if (!queue_begin(lane->producer, e))
		return false;
	(void)failpoint_hit("after_begin");
	if (!batch_publish(lane, b, e))
		return false;
	(void)failpoint_hit("after_produce");
	if (!send_offsets(lane, b, e))
		return false;
	(void)failpoint_hit("after_offsets");
	if (queue_consumer_lost(lane->consumer))
		return err_set(e, ERR_FENCED, "the assignment was lost");
	if (!queue_commit(lane->producer, e))
		return false;
	(void)failpoint_hit("after_commit");
	return true;
}

/* What the next batch must know of this one. */
static void
part_remember(struct lane *lane, struct batch *b, struct batch_part *part)
{
	struct lane_partition *p = part->partition;
	struct arena memory = { 0 };
	struct slice own_key = arena_copy(&memory, p->own_key);
	struct view_expiry *expiries = arena_array(
	    &memory, CLAIM_EXPIRIES_MAX * b->count, sizeof(*expiries));
	size_t count = 0;

	for (size_t i = 0; i < b->count; i++) {
		const struct request *rq = &b->items[i].rq;

		if (item_expires(&b->items[i]) && item_in(&b->items[i], p))
			count += claim_expiries(lane->shared->settings, &memory, p->topic,
			    rq->envelope.id, &rq->outcome, rq->envelope.mount, b->cx.now_ms,
			    expiries + count);
	}
	arena_done(&p->memory);
	p->memory = memory;
	p->own_key = own_key;
	p->expiries = expiries;
	p->expiry_count = count;
	p->next = part->next;
	p->head = part->head;
}

static void
inbox_consume(struct inbox *in, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_message_free(in->messages[i]);
	memmove(in->messages, in->messages + count,
	    (in->count - count) * sizeof(struct queue_message *));
	in->count -= count;
}

bool
batch_commit(struct lane *lane, struct batch *b, struct err *e)
{
	if (!batch_script(lane, b, e))
		return false;
	(void)failpoint_hit("after_script");
	b->scripted_us = time_monotonic_us();
	if (!batch_transaction(lane, b, e)) {
		metric_add(&lane->meter.aborted, 1);
		return false;
	}
	for (size_t i = 0; i < b->part_count; i++)
		part_remember(lane, b, &b->parts[i]);
	batch_meter(lane, b);
	if (b->count > 0)
		inbox_consume(&lane->inbox, b->count);
	return batch_stands(lane, b, e);
}
