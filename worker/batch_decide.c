#include "lane_internal.h"

#include "failpoint.h"
#include "log.h"
#include "timespan.h"

#include <inttypes.h>

#define RESPONSE_MAX \
	((size_t)96 \
	    << 20) /* a CRL of 64 MiB as base64 text; the topic's own limit is judged below */
#define RECORD_OVERHEAD 1024 /* of a record batch around one message, beside key and headers */

/* An engine failed: not the request's fault, so not its answer. */
static bool
err_ends_session(const struct err *e)
{
	return e->code == ERR_STORE || e->code == ERR_QUEUE || e->code == ERR_VIEW_LOST ||
	    e->code == ERR_FENCED || e->code == ERR_VIEW_FOLDING;
}

static void
item_refuse(struct batch *b, struct item *item, const struct err *e)
{
	request_refuse(&b->cx, &item->rq, e);
	item->intake = INTAKE_REFUSED;
	item->rq.retryable = err_can_retry(e->code);
}

/* Five lanes died at this offset: the message is kept in .rejects and answered, unless it owns a claim. */
static void
item_quarantine(struct lane *lane, struct batch *b, struct item *item)
{
	if (b->before.deaths < VIEW_DEATHS_MAX || item->rq.own_claim || item->unread)
		return;
	batch_blame(lane, b, item);
	item->quarantined = item->rq.answerable && item->intake != INTAKE_REROUTED;
	if (item->quarantined)
		item_refuse(b, item, &item->reject);
	item->rq.retryable = true; /* it makes no claim: a resend is tried afresh */
}

static bool
deadline_passed(const struct batch *b, const struct request *rq)
{
	return rq->envelope.deadline != SCHEMA_ABSENT && rq->envelope.deadline < b->cx.now_ms;
}

/* All CRLs of the mount; of a CA that has expired only where it is the one that signs. */
static void
item_rotate(struct batch *b, const struct request *rq)
{
	const struct catalog_mount *m = catalog_find_mount(b->cx.catalog, rq->envelope.mount);
	const struct outcome *o = &rq->outcome;

	crl_owner_touch(b->cx.crls, rq->envelope.mount, o->issuer, o->crl_minimum);
	for (size_t i = 0; m != NULL && i < m->issuer_count; i++) {
		const struct issuer *issuer = m->issuers[i]->issuer;

		if (issuer->key != NULL && issuer->not_after >= b->cx.now_ms / 1000)
			crl_owner_touch(
			    b->cx.crls, m->name, slice_text(issuer->id), o->crl_minimum);
	}
}

/* Does the request's revocation, fresh or from its own claim, go on the CRL with this batch? */
static void
item_touch_crl(struct batch *b, const struct request *rq)
{
	const struct outcome *o = &rq->outcome;
	struct crl_entry entry = { o->serial, o->revoked_at, o->reason, o->invalidity_date,
		o->not_after };

	if (b->cx.crls == NULL || rq->kind != TOPIC_REVOKE)
		return;
	if (o->rotate)
		item_rotate(b, rq);
	else if (o->revoked_at != SCHEMA_ABSENT && !o->already)
		crl_owner_add(b->cx.crls, rq->envelope.mount, o->issuer, &entry);
	else
		return;
}

static MUST_USE bool
item_decide(struct batch *b, struct item *item, struct err *e)
{
	struct request *rq = &item->rq;
	struct err refusal = { 0 };

	if (!rq->own_claim && rq->reply_error.code != ERR_NONE) {
		refusal = rq->reply_error;
	} else if (!rq->own_claim && !rq->replay) {
		if (deadline_passed(b, rq))
			(void)err_field(&refusal, ERR_DEADLINE_EXCEEDED, "deadline",
			    "the deadline had passed by %" PRId64 " ms",
			    b->cx.now_ms - rq->envelope.deadline);
		else if (!rq->operation->decide(&b->cx, rq, &refusal) &&
		    err_ends_session(&refusal)) {
			*e = refusal;
			return false;
		}
	}
	if (refusal.code != ERR_NONE)
		item_refuse(b, item, &refusal);
	else if (item_ok(item) && !rq->replay && !rq->envelope.dry_run)
		item_touch_crl(b, rq);
	return true;
}

/* The batch ends before this item: what comes after it stays in the inbox. */
static void
batch_cut(struct batch *b, size_t at)
{
	while (b->count > at) {
		const struct request *rq = &b->items[--b->count].rq;

		for (size_t i = 0; i < b->part_count; i++)
			if (b->parts[i].partition->partition == rq->message->partition &&
			    b->parts[i].partition->kind == rq->kind)
				b->parts[i].next = rq->message->offset;
	}
}

/* A partition whose every message was cut is none of the batch. */
static void
batch_forget_parts(struct batch *b)
{
	size_t kept = 0;

	for (size_t i = 0; i < b->part_count; i++) {
		bool used = b->count == 0;

		for (size_t j = 0; j < b->count && !used; j++)
			used = b->items[j].rq.message->partition ==
				b->parts[i].partition->partition &&
			    b->items[j].rq.kind == b->parts[i].partition->kind;
		if (used)
			b->parts[kept++] = b->parts[i];
	}
	b->part_count = kept;
}

static bool
item_would_wait(const struct batch *b, const struct item *item)
{
	const struct operation *op = item->rq.operation;

	return item->intake == INTAKE_DECIDE && !item->rq.own_claim && !item->rq.replay &&
	    op->would_wait != NULL && op->would_wait(&b->cx, &item->rq);
}

/*
 * What was decided of a batch so far. A change of configuration is in force for whatever comes behind it, so nothing else is
 * worked at in its batch: the rest of it are answers that were given before, and refusals of messages that cannot be read.
 */
struct decided {
	bool any, configuration;
};

static bool
item_stands_apart(const struct item *item, const struct decided *d)
{
	if (item->intake != INTAKE_DECIDE || item->rq.replay)
		return false;
	return item->rq.kind == TOPIC_CONFIG ? d->any : d->configuration;
}

static void
decided_add(struct decided *d, const struct item *item)
{
	if (item->intake != INTAKE_DECIDE || item->rq.replay)
		return;
	d->any = true;
	d->configuration |= item->rq.kind == TOPIC_CONFIG;
}

static MUST_USE bool
batch_decide_items(struct lane *lane, struct batch *b, struct err *e)
{
	int64_t end = time_monotonic_us() + lane->shared->settings->batch_budget_ms * 1000;
	struct decided decided = { 0 };

	for (size_t i = 0; i < b->count; i++) {
		struct item *item = &b->items[i];

		if (i > 0 &&
		    (time_monotonic_us() > end || item_would_wait(b, item) ||
			item_stands_apart(item, &decided))) {
			batch_cut(b, i);
			batch_forget_parts(b);
			break;
		}
		item_quarantine(lane, b, item);
		if (item->intake != INTAKE_DECIDE)
			continue;
		failpoint_hit_by("poison", item->rq.envelope.params, "poison-pill");
		decided_add(&decided, item);
		if (!item_decide(b, item, e))
			return false;
	}
	return true;
}

static size_t
answer_size(const struct item *item)
{
	struct queue_header headers[HEADERS_KEPT_MAX];
	size_t count = request_headers(&item->rq, headers), size;

	size = item->response.len + item->rq.envelope.id.len + item->rq.source.len +
	    RECORD_OVERHEAD;
	for (size_t i = 0; i < count; i++)
		size += strlen(headers[i].name) + headers[i].value.len;
	return size;
}

/* Could this answer be produced? Measured before anything is stored. */
static MUST_USE bool
answer_fits(struct lane *lane, const struct item *item, struct err *e)
{
	struct reply_topic topic;
	size_t size = answer_size(item);

	if (!reply_topics_find(lane->replies, item->rq.reply_topic, &topic, e))
		return false;
	if (size <= topic.max_bytes)
		return true;
	return err_set(e, ERR_ANSWER_TOO_LARGE, "the answer has %zu bytes, topic %.*s takes %zu",
	    size, SLICE_FMT(item->rq.reply_topic), topic.max_bytes);
}

/* It may hold the private key: a secret buffer, wiped when the batch is done. */
static MUST_USE bool
answer_encode(struct batch *b, struct item *item, struct err *e)
{
	buf_done(&item->response);
	if (item->rq.has_leaf)
		buf_init_secret(&item->response, RESPONSE_MAX);
	else
		buf_init(&item->response, RESPONSE_MAX);
	return response_encode(&b->cx, &item->rq, &item->response, e);
}

bool
batch_answer(struct lane *lane, struct batch *b, struct item *item, struct err *e)
{
	struct err small = { 0 };

	if (!item->rq.answerable || item->intake == INTAKE_REROUTED)
		return true;
	if (!answer_encode(b, item, e))
		return false;
	if (answer_fits(lane, item, &small))
		return true;
	if (small.code != ERR_ANSWER_TOO_LARGE) {
		*e = small;
		return false;
	}
	/* What stands already, in Redis or on the CRL that this batch publishes, is not taken back: only its answer moves. */
	item->rq.reply_topic = slice_text(lane->shared->settings->ledger_topics[LEDGER_RESPONSES]);
	item->rq.reply_partition = -1;
	if (item->rq.own_claim || item->rq.kind == TOPIC_REVOKE) {
		if (answer_fits(lane, item, &small))
			return true;
		if (small.code != ERR_ANSWER_TOO_LARGE) {
			*e = small;
			return false;
		}
	}
	item_refuse(b, item, &small);
	item->rq.retryable = true; /* nothing was done: no claim */
	return answer_encode(b, item, e);
}

static bool
outcome_changes_crl(const struct outcome *o)
{
	return o->rotate || (o->revoked_at != SCHEMA_ABSENT && !o->already);
}

/* Revocations and rotations name the CRL that this batch publishes. */
static void
batch_number_crls(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct request *rq = &b->items[i].rq;

		if (b->cx.crls != NULL && rq->kind == TOPIC_REVOKE && item_ok(&b->items[i]) &&
		    !rq->replay && !rq->envelope.dry_run && outcome_changes_crl(&rq->outcome))
			rq->crl_number = crl_owner_next_number(
			    b->cx.crls, rq->envelope.mount, rq->outcome.issuer);
	}
}

bool
batch_decide(struct lane *lane, struct batch *b, struct err *e)
{
	if (!batch_decide_items(lane, b, e))
		return false;
	batch_number_crls(b);
	if (b->cx.crls != NULL && !crl_owner_build(b->cx.crls, &b->cx, &b->crls, &b->crl_count, e))
		return false;
	if (b->crl_count > 0)
		batch_stand_for_crls(lane, b);
	for (size_t i = 0; i < b->count; i++)
		if (!batch_answer(lane, b, &b->items[i], e))
			return false;
	return true;
}
