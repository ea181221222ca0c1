#include "lane_internal.h"

/* Which of the keys read belongs to which item. */
struct wanted {
	struct slice *keys;
	struct slice *values;
	struct item **items;
	size_t count;
};

static struct wanted
wanted_new(struct arena *a, size_t max)
{
	return (struct wanted){ arena_array(a, max, sizeof(struct slice)),
		arena_array(a, max, sizeof(struct slice)),
		arena_array(a, max, sizeof(struct item *)), 0 };
}

static void
want(struct wanted *w, struct item *item, struct slice key)
{
	w->keys[w->count] = key;
	w->items[w->count++] = item;
}

static bool
item_claims(const struct item *item)
{
	return item->intake == INTAKE_DECIDE && item->rq.operation->claims &&
	    !item->rq.envelope.dry_run;
}

/* A claim that stands overrules whatever else would be said of the request; a conflict is a refusal of its own. */
static MUST_USE bool
item_settle(struct batch *b, struct item *item, struct slice claim, struct err *e)
{
	struct err conflict = { 0 };

	if (claim_settle(&b->cx, &item->rq, claim, &conflict))
		return true;
	if (conflict.code != ERR_REQUEST_ID_CONFLICT) {
		*e = conflict;
		return false;
	}
	request_refuse(&b->cx, &item->rq, &conflict);
	item->intake = INTAKE_REFUSED;
	item->rq.retryable = true; /* it makes no claim: another one stands */
	return true;
}

static bool
item_settled(const struct item *item)
{
	return item->intake == INTAKE_DECIDE && (item->rq.own_claim || item->rq.replay);
}

/* The certificate and the sealed key of claims that were found. */
static MUST_USE bool
batch_restore(struct lane *lane, struct batch *b, struct item **items, size_t count, struct err *e)
{
	struct wanted w = wanted_new(b->cx.arena, 2 * count);
	size_t at = 0;

	for (size_t i = 0; i < count; i++) {
		struct claim_rows rows = claim_rows(&b->cx, &items[i]->rq);

		if (rows.record_key.data != NULL)
			want(&w, items[i], rows.record_key);
		if (rows.leaf_key.data != NULL)
			want(&w, items[i], rows.leaf_key);
	}
	if (w.count > 0 && !view_read(&lane->view, w.keys, w.count, b->cx.arena, w.values, e))
		return false;
	for (size_t i = 0; i < count; i++) {
		struct claim_rows rows = claim_rows(&b->cx, &items[i]->rq);
		struct slice record = rows.record_key.data != NULL ? w.values[at++] : SLICE_NONE;
		struct slice leaf = rows.leaf_key.data != NULL ? w.values[at++] : SLICE_NONE;

		if (!claim_restore(&b->cx, lane->replay_sealer, &items[i]->rq, record, leaf, e))
			return false;
	}
	return true;
}

static void
batch_wants(struct batch *b, struct wanted *claims, struct wanted *rows)
{
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];
		const struct operation *op = item->rq.operation;
		struct slice row;

		if (item_claims(item))
			want(claims, item,
			    claim_key(b->cx.arena, item->rq.message->topic, item->rq.envelope.id));
		if (item->intake != INTAKE_DECIDE || op->lookup == NULL)
			continue;
		row = op->lookup(&b->cx, &item->rq);
		if (row.data != NULL)
			want(rows, item, row);
	}
}

/* Claims and rows, in one round trip. */
static MUST_USE bool
batch_read(
    struct lane *lane, struct batch *b, struct wanted *claims, struct wanted *rows, struct err *e)
{
	struct slice *keys = arena_array(b->cx.arena, claims->count + rows->count, sizeof(*keys));
	struct slice *values = arena_array(
	    b->cx.arena, claims->count + rows->count, sizeof(*values));

	memcpy(keys, claims->keys, claims->count * sizeof(*keys));
	memcpy(keys + claims->count, rows->keys, rows->count * sizeof(*keys));
	if (!view_read(&lane->view, keys, claims->count + rows->count, b->cx.arena, values, e))
		return false;
	memcpy(claims->values, values, claims->count * sizeof(*values));
	memcpy(rows->values, values + claims->count, rows->count * sizeof(*values));
	return true;
}

/* Who queries a certificate is told of each revocation that was answered before. */
static MUST_USE bool
rows_are_fresh(struct lane *lane, const struct wanted *rows, struct err *e)
{
	bool homes[LANE_PARTITIONS_MAX] = { false };

	if (lane->kind != LANE_QUERY)
		return true;
	for (size_t i = 0; i < rows->count; i++)
		homes[queue_partition_of(rows->items[i]->rq.envelope.mount,
		    lane->partition_counts[TOPIC_REVOKE])] = true;
	return lane_sees_revocations(lane, homes, e);
}

bool
batch_settle(struct lane *lane, struct batch *b, struct err *e)
{
	struct wanted claims = wanted_new(b->cx.arena, b->count),
		      rows = wanted_new(b->cx.arena, b->count);
	struct item **found = arena_array(b->cx.arena, b->count, sizeof(struct item *));
	size_t found_count = 0;

	batch_wants(b, &claims, &rows);
	if (!batch_read(lane, b, &claims, &rows, e) || !rows_are_fresh(lane, &rows, e))
		return false;
	for (size_t i = 0; i < rows.count; i++)
		rows.items[i]->rq.row = rows.values[i];
	for (size_t i = 0; i < claims.count; i++) {
		if (claims.values[i].data == NULL)
			continue;
		if (!item_settle(b, claims.items[i], claims.values[i], e))
			return false;
		if (item_settled(claims.items[i]))
			found[found_count++] = claims.items[i];
	}
	return batch_restore(lane, b, found, found_count, e);
}

/* What was decided here is dropped: the claim that won says what the answer is. */
bool
batch_settle_lost(struct lane *lane, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];

		if (item->claim == NULL || item->claim->found.data == NULL)
			continue;
		/* The id was another mount's on another partition at the same time. The CRL is built, with what is not to be. */
		if (item->rq.crl_number > 0)
			return err_set(e, ERR_FENCED, "%.*s: another request has its id by now",
			    SLICE_FMT(item->rq.source));
		if (item->rq.has_leaf)
			leaf_key_done(&item->rq.leaf);
		item->rq.has_leaf = false;
		item->intake = INTAKE_DECIDE; /* a refusal is dropped as well */
		if (!item_settle(b, item, item->claim->found, e))
			return false;
		if (item_settled(item) && !batch_restore(lane, b, &item, 1, e))
			return false;
		if (!batch_answer(lane, b, item, e))
			return false;
		item->claim = NULL;
	}
	return true;
}
