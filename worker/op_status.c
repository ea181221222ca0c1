/* status: how the fleet is, as one worker finds it in Kafka, in Redis, in the catalog and in the CRL book. */
#include "op.h"

#include "audit.h"
#include "encode.h"
#include "inventory.h"
#include "lag.h"
#include "scoped.h"

#include <inttypes.h>

#define ASK_MS     5000
#define STATUS_MAX ((size_t)4 * 1024 * 1024)
#define ROW_MAX    ((size_t)256 * 1024)

typedef struct store_reply store_reply;

/* ---- rows ---- */

static void
row_add(struct context *cx, struct slice_list *list, const struct schema *schema, const void *row)
{
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	if (list->items == NULL)
		list->items = arena_array(cx->arena, STATUS_ROWS_MAX, sizeof(struct slice));
	if (list->count == STATUS_ROWS_MAX)
		return;
	buf_init(&b, ROW_MAX);
	schema_encode(schema, row, &w);
	if (!b.failed)
		list->items[list->count++] = arena_copy(cx->arena, buf_slice(&b));
}

/* An engine that does not say is part of how the fleet is. */
static void
problem_add(struct context *cx, struct status_answer *s, const char *what, const struct err *e)
{
	if (s->problems.items == NULL)
		s->problems.items = arena_array(cx->arena, 16, sizeof(struct slice));
	if (s->problems.count < 16)
		s->problems.items[s->problems.count++] = slice_text(
		    arena_printf(cx->arena, "%s: %s", what, e->msg));
}

/* ---- Kafka ---- */

static void
partition_add(struct context *cx, struct status_answer *s, const struct lag_row *row)
{
	struct status_partition p = { .topic = slice_text(row->at.topic),
		.partition = row->at.partition,
		.committed = row->at.offset == QUEUE_NO_OFFSET ? SCHEMA_ABSENT : row->at.offset,
		.lag = lag_of(row),
		.audit_sequence = SCHEMA_ABSENT };
	struct buf hex SCOPED_BUF = { 0 };
	struct audit_head head;
	struct err bad;

	buf_init(&hex, 128);
	if (row->at.offset != QUEUE_NO_OFFSET && audit_head_read(row->at.metadata, &head, &bad) &&
	    head.sequence > 0) {
		hex_add(&hex, slice_of(head.hash, HASH_SIZE), 0);
		p.audit_sequence = head.sequence;
		p.audit_hash = buf_slice(&hex);
	}
	row_add(cx, &s->partitions, &status_partition_schema, &p);
}

static void
partitions_find(struct context *cx, struct status_answer *s)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct lag lag;
	struct err e = { 0 };

	if (!lag_ask(cx->settings, cx->probe, &a, &lag, &e)) {
		problem_add(cx, s, "partitions", &e);
		return;
	}
	for (size_t i = 0; i < lag.count; i++)
		partition_add(cx, s, &lag.rows[i]);
}

struct members {
	struct context *cx;
	struct status_answer *s;
	enum lane_kind kind;
};

static void
member_add(void *opaque, const struct queue_member *m)
{
	struct members *to = opaque;
	struct status_lane lane = { .kind = slice_text(lane_kind_names[to->kind]),
		.instance = slice_text(m->instance != NULL ? m->instance : m->client),
		.host = slice_text(m->host),
		.partitions = { arena_array(to->cx->arena, m->count, sizeof(struct slice)), 0 } };

	for (size_t i = 0; i < m->count && i < STATUS_ROWS_MAX; i++)
		lane.partitions.items[lane.partitions.count++] = slice_text(
		    arena_printf(to->cx->arena, "%s/%" PRId32, m->at[i].topic, m->at[i].partition));
	row_add(to->cx, &to->s->lanes, &status_lane_schema, &lane);
}

static void
lanes_find(struct context *cx, struct status_answer *s)
{
	for (int kind = 0; kind < LANE_KINDS; kind++) {
		struct members to = { cx, s, (enum lane_kind)kind };
		struct err e = { 0 };

		if (!queue_group_members(
			cx->probe, cx->settings->groups[kind], ASK_MS, member_add, &to, &e))
			problem_add(cx, s, lane_kind_names[kind], &e);
	}
}

static void
rejects_count(struct context *cx, struct status_answer *s)
{
	const char *topic = cx->settings->ledger_topics[LEDGER_REJECTS];
	struct queue_topic_info info = { 0 };
	struct err e = { 0 };
	bool good = queue_topic_info(cx->probe, topic, &info, &e);
	int64_t sum = 0, low = 0, high = 0;

	for (int32_t i = 0; good && i < info.partitions; i++) {
		good = queue_low_watermark(cx->probe, topic, i, &low, &e) &&
		    queue_high_watermark(cx->probe, topic, i, &high, &e);
		sum += good && high > low ? high - low : 0;
	}
	if (good)
		s->rejects = sum;
	else
		problem_add(cx, s, topic, &e);
}

/* ---- Redis ---- */

static MUST_USE bool
view_find(struct context *cx, struct status_answer *s, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("GET"), SLICE_LITERAL("cm:view") };
	SCOPED(store_reply) r = store_command(cx->store, argv, 2, e);

	if (r == NULL)
		return false;
	if (store_text(r).data != NULL)
		s->view = arena_copy(cx->arena, store_text(r));
	return true;
}

static int64_t
counter_of(const struct store_reply *r)
{
	char digits[24] = "";

	if (store_text(r).data != NULL && store_text(r).len < sizeof(digits))
		memcpy(digits, store_text(r).data, store_text(r).len);
	return strtoll(digits, NULL, 10);
}

/* issued and revoked of each mount, one behind the other, in one round trip. */
static MUST_USE struct store_reply *
counters_ask(struct context *cx, size_t mounts, struct err *e)
{
	struct slice *argv = arena_array(cx->arena, 2 * mounts + 1, sizeof(*argv));

	argv[0] = SLICE_LITERAL("MGET");
	for (size_t i = 0; i < mounts; i++) {
		struct slice name = cx->catalog->mounts[i]->name;

		argv[2 * i + 1] = redis_counter_key(cx->arena, name, "issued");
		argv[2 * i + 2] = redis_counter_key(cx->arena, name, "revoked");
	}
	return store_command(cx->store, argv, 2 * mounts + 1, e);
}

static MUST_USE bool
mounts_find(struct context *cx, struct status_answer *s, struct err *e)
{
	size_t count = cx->catalog->mount_count < STATUS_ROWS_MAX ? cx->catalog->mount_count
								  : STATUS_ROWS_MAX;
	SCOPED(store_reply) r = count == 0 ? NULL : counters_ask(cx, count, e);

	if (count > 0 && (r == NULL || store_count(r) != 2 * count))
		return r != NULL && err_set(e, ERR_STORE, "Redis: MGET: another count");
	for (size_t i = 0; i < count; i++) {
		const struct catalog_mount *m = cx->catalog->mounts[i];
		struct status_mount row = { .mount = m->name,
			.issuer_not_after = SCHEMA_ABSENT,
			.roles = (int64_t)m->role_count,
			.issued = counter_of(store_item(r, 2 * i)),
			.revoked = counter_of(store_item(r, 2 * i + 1)) };

		if (catalog_mount_deleted(m))
			continue;
		if (m->issuer != NULL) {
			row.issuer = slice_text(m->issuer->issuer->id);
			row.issuer_not_after = m->issuer->issuer->not_after;
		}
		row_add(cx, &s->mounts, &status_mount_schema, &row);
	}
	return true;
}

/* ---- CRLs ---- */

static void
crls_find(struct context *cx, struct status_answer *s)
{
	struct inventory have;

	inventory_take(cx->catalog, cx->crl_book, cx->now_ms / 1000, cx->arena, &have);
	for (size_t i = 0; i < have.crl_count; i++) {
		const struct inventory_crl *c = &have.crls[i];
		const struct status_crl row = { .mount = c->mount,
			.issuer = c->issuer,
			.shard = c->shard,
			.number = c->entry.number,
			.this_update = c->entry.this_update,
			.next_update = c->entry.next_update,
			.due = c->due,
			.size = (int64_t)c->entry.size,
			.limit = (int64_t)CRL_DER_MAX };

		row_add(cx, &s->crls, &status_crl_schema, &row);
	}
}

/* ---- the operation ---- */

static MUST_USE bool
status_find(struct context *cx, struct slice *ret, struct err *e)
{
	struct status_answer s = { .worker = slice_text(cx->worker),
		.version = SLICE_LITERAL(CERTMILL_VERSION),
		.at = cx->now_ms / 1000,
		.rejects = SCHEMA_ABSENT };
	struct err embedded = { .msg = "the embedded broker keeps no groups" };
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	if (cx->store == NULL)
		return err_set(e, ERR_STORE, "Redis is not there");
	if (!view_find(cx, &s, e) || !mounts_find(cx, &s, e))
		return false;
	crls_find(cx, &s);
	if (cx->probe == NULL) {
		problem_add(cx, &s, "Kafka", &embedded);
	} else {
		lanes_find(cx, &s);
		partitions_find(cx, &s);
		rejects_count(cx, &s);
	}
	buf_init(&b, STATUS_MAX);
	schema_encode(&status_answer_schema, &s, &w);
	if (b.failed)
		return err_set(e, ERR_ANSWER_TOO_LARGE, "the fleet is too large for one answer");
	*ret = arena_copy(cx->arena, buf_slice(&b));
	return true;
}

/* Found once a batch: however many ask, the brokers are asked once. */
bool
status_decide(struct context *cx, struct request *rq, struct err *e)
{
	if (!request_admit(cx, rq, NULL, e) ||
	    (cx->status.data == NULL && !status_find(cx, &cx->status, e)))
		return false;
	rq->row = cx->status;
	return true;
}

bool
status_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	(void)cx;
	(void)e;
	writer_raw(data, rq->row);
	return true;
}
