/*
 * `certmill-worker topics`: makes the topics with their settings, records their partition counts, commits the groups' first
 * offsets, and writes the first rows of the view. Run again it changes nothing that stands. Where a partition has an audit
 * record but no committed offset (they expire), offset and chain head are restored from the last record.
 */
#include "worker.h"

#include "audit.h"
#include "fleet_record.h"
#include "redis_plan.h"
#include "sha256.h"
#include "timespan.h"
#include "topic_plan.h"
#include "view.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLD_TIMEOUT_US ((int64_t)600 * 1000 * 1000)
#define MEMBERS_GONE_US ((int64_t)20 * 1000 * 1000) /* twice the session timeout */

/* ---- topics ---- */

static MUST_USE bool
topics_create(const struct settings *s, struct queue_probe *probe, struct err *e)
{
	struct topic_plan plan[TOPIC_PLAN_COUNT];

	topic_plan_make(s, plan);
	for (size_t i = 0; i < TOPIC_PLAN_COUNT; i++) {
		const struct queue_topic_spec spec = { plan[i].name, plan[i].partitions,
			plan[i].replicas, plan[i].config, plan[i].config_count };
		bool created;

		if (!queue_topic_create(probe, &spec, &created, e))
			return false;
		printf("%-28s %s\n", plan[i].name, created ? "created" : "exists");
	}
	return topic_plan_check(s, probe, e);
}

static MUST_USE bool
produce_one(const struct settings *s, const char *topic, struct slice key, struct slice value,
    struct err *e)
{
	const struct queue_record r = {
		.topic = topic, .partition = -1, .key = key, .value = value
	};
	struct queue_producer *p = queue_producer_open(&s->queue, NULL, e);
	bool ok = p != NULL && queue_produce(p, &r, e) && queue_flush(p, 30000, e);

	queue_producer_close(p);
	return ok;
}

/* The catalog says whether the counts stand already; they are written once. */
static MUST_USE bool
record_partitions(
    const struct settings *s, struct queue_probe *probe, const struct secret *kek, struct err *e)
{
	const struct catalog_spec spec = { &s->queue, probe, s->ledger_topics[LEDGER_STATE], kek };
	struct topics_state counts = { .v = 1 };
	int64_t *const members[TOPIC_KINDS] = { &counts.issue, &counts.sign, &counts.revoke,
		&counts.config, &counts.query };
	struct catalog_folder *folder = catalog_folder_start(&spec, e);
	const struct catalog *catalog = folder == NULL ? NULL : catalog_fresh(folder, 60000, e);
	bool known = catalog != NULL && catalog->topics.v != 0, failed = catalog == NULL;
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, 1024);
	catalog_release(catalog);
	catalog_folder_stop(folder);
	if (failed || known)
		return !failed;
	for (int i = 0; i < TOPIC_KINDS; i++) {
		struct queue_topic_info info;

		if (!queue_topic_info(probe, s->request_topics[i], &info, e))
			return false;
		*members[i] = info.partitions;
	}
	schema_encode(&topics_state_schema, &counts, &w);
	return produce_one(
	    s, s->ledger_topics[LEDGER_STATE], SLICE_LITERAL("topics//"), buf_slice(&b), e);
}

/* ---- first offsets ---- */

/* Where an input partition stands, by its last audit record. */
struct last_record {
	bool found;
	int64_t next, sequence;
	uint8_t hash[HASH_SIZE];
};

struct partitions {
	struct queue_position *at; /* every partition of every request topic of one group */
	struct last_record *last;
	size_t count;
};

static MUST_USE bool
partitions_list(const struct settings *s, struct queue_probe *probe, enum lane_kind lane,
    struct arena *a, struct partitions *ret, struct err *e)
{
	if (!topic_plan_positions(s, probe, lane, a, &ret->at, &ret->count, e))
		return false;
	ret->last = arena_array(a, ret->count, sizeof(*ret->last));
	return true;
}

static void
last_read(struct partitions *p, const struct queue_message *m)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct audit_record record = { 0 };
	struct audit_entry entry = { 0 };
	struct err bad;
	uint64_t seen;

	for (size_t i = 0; i < p->count; i++) {
		if (!slice_is(m->key,
			arena_printf(&a, "%s/%" PRId32, p->at[i].topic, p->at[i].partition)))
			continue;
		if (!schema_decode(&audit_record_schema, m->value, &a, &record, &seen, &bad) ||
		    record.entries.count == 0 ||
		    !schema_decode(&audit_entry_schema,
			record.entries.items[record.entries.count - 1], &a, &entry, &seen, &bad))
			return;
		p->last[i] = (struct last_record){
			.found = true, .next = entry.offset + 1, .sequence = record.sequence
		};
		sha256(m->value, p->last[i].hash);
	}
}

static MUST_USE bool
audit_partition_read(const struct settings *s, struct queue_probe *probe, int32_t partition,
    struct partitions *p, struct err *e)
{
	const char *topic = s->ledger_topics[LEDGER_AUDIT];
	int64_t high, end = time_monotonic_us() + FOLD_TIMEOUT_US;
	struct queue_reader *reader;
	bool ok = true;

	if (!queue_high_watermark(probe, topic, partition, &high, e))
		return false;
	if (high == 0)
		return true;
	reader = queue_reader_open(&s->queue, topic, partition, QUEUE_FROM_START, e);
	if (reader == NULL)
		return false;
	while (ok && queue_reader_passed(reader, partition) < high) {
		struct queue_message *m = NULL;

		ok = queue_reader_poll(reader, 100, &m, e);
		if (m != NULL)
			last_read(p, m);
		queue_message_free(m);
		if (ok && time_monotonic_us() > end)
			ok = err_set(e, ERR_TIMEOUT, "%s could not be read", topic);
	}
	queue_reader_close(reader);
	return ok;
}

static MUST_USE bool
audit_read(const struct settings *s, struct queue_probe *probe, struct partitions *p, struct err *e)
{
	int32_t count;

	if (!queue_topic_count(probe, s->ledger_topics[LEDGER_AUDIT], &count, e))
		return false;
	for (int32_t i = 0; i < count; i++)
		if (!audit_partition_read(s, probe, i, p, e))
			return false;
	return true;
}

/* A worker that was killed keeps its place in the group until its session ends: the broker refuses offsets until then. */
static MUST_USE bool
first_commit(struct queue_probe *probe, const char *group, const struct queue_position *at,
    size_t count, struct err *e)
{
	int64_t end = time_monotonic_us() + MEMBERS_GONE_US;

	while (!queue_group_commit(probe, group, at, count, e)) {
		if (time_monotonic_us() > end)
			return false;
		usleep(500 * 1000);
	}
	return true;
}

static MUST_USE bool
offsets_commit(const struct settings *s, struct queue_probe *probe, enum lane_kind lane,
    struct partitions *p, bool *ret_restored, struct err *e)
{
	struct queue_position *first = calloc(p->count + 1, sizeof(*first));
	size_t missing = 0;
	bool ok;

	if (first == NULL)
		abort();
	for (size_t i = 0; i < p->count; i++)
		missing += p->at[i].offset == QUEUE_NO_OFFSET;
	ok = missing == 0 || audit_read(s, probe, p, e);
	missing = 0;
	for (size_t i = 0; ok && i < p->count; i++) {
		struct audit_head head = { .sequence = p->last[i].sequence };

		if (p->at[i].offset != QUEUE_NO_OFFSET)
			continue;
		memcpy(head.hash, p->last[i].hash, HASH_SIZE);
		p->at[i].offset = p->last[i].next;
		audit_head_write(&head, p->at[i].metadata);
		first[missing++] = p->at[i];
		*ret_restored |= p->last[i].found;
	}
	if (ok && missing > 0) {
		ok = first_commit(probe, s->groups[lane], first, missing, e);
		if (ok)
			printf("%-28s %zu first offsets\n", s->groups[lane], missing);
	}
	free(first);
	return ok;
}

/* ---- first rows of the view ---- */

/* A row that is missing where steps were committed is a loss, not a beginning: it is left to the fold. */
static MUST_USE bool
own_row_write(struct store *store, struct arena *a, const struct queue_position *at,
    bool had_records, bool *ret_lost, struct err *e)
{
	struct audit_head head = { 0 };
	struct slice key = view_own_key(a, at->topic, at->partition);
	const struct slice set[] = { SLICE_LITERAL("HSETNX"), key, SLICE_LITERAL("step"),
		SLICE_LITERAL("0") };
	const struct slice exists[] = { SLICE_LITERAL("HEXISTS"), key, SLICE_LITERAL("step") };
	struct store_reply *r;
	bool begins, stands;

	if (at->metadata[0] != '\0' && !audit_head_read(at->metadata, &head, e))
		return false;
	begins = head.step == 0 && !had_records;
	r = store_command(store, begins ? set : exists, begins ? 4 : 3, e);
	if (r == NULL)
		return false;
	stands = begins || store_integer(r) == 1;
	*ret_lost |= !stands;
	store_reply_free(r);
	return true;
}

static MUST_USE bool
rows_write(struct store *store, const struct partitions *p, bool *ret_lost, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };

	for (size_t i = 0; i < p->count; i++)
		if (!own_row_write(store, &a, &p->at[i], p->last[i].found, ret_lost, e))
			return false;
	return true;
}

/* What an offset that was restored says of the step is not what was committed: only a fold tells that Redis saw it. */
static MUST_USE bool
view_write(struct store *store, bool lost, bool restored, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("SET"), SLICE_LITERAL("cm:view"),
		restored ? SLICE_LITERAL("folding") : SLICE_LITERAL("ready"), SLICE_LITERAL("NX") };
	struct store_reply *r;

	if (lost && !restored)
		return err_set(e, ERR_VIEW_LOST,
		    "Redis holds less than was committed: the view must be folded from the topics");
	if (restored)
		printf("%-28s the workers fold it from the topics\n", "cm:view");
	r = store_command(store, argv, restored ? 3 : 4, e);
	store_reply_free(r);
	return r != NULL;
}

static MUST_USE bool
group_begin(const struct settings *s, struct queue_probe *probe, struct store *store,
    enum lane_kind lane, bool *ret_lost, bool *ret_restored, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct partitions p;

	return partitions_list(s, probe, lane, &a, &p, e) &&
	    queue_group_offsets(probe, s->groups[lane], p.at, p.count, QUEUE_COMMITTED_MS, e) &&
	    offsets_commit(s, probe, lane, &p, ret_restored, e) &&
	    rows_write(store, &p, ret_lost, e);
}

bool
topics_first_rows(const struct settings *s, struct queue_probe *probe, struct err *e)
{
	struct store *store = store_open(&s->store, e);
	bool lost = false, restored = false, ok = store != NULL;

	for (int lane = 0; ok && lane < LANE_KINDS; lane++)
		ok = group_begin(s, probe, store, (enum lane_kind)lane, &lost, &restored, e);
	ok = ok && view_write(store, lost, restored, e);
	store_close(store);
	return ok;
}

/* ---- the command ---- */

static MUST_USE bool
topics_make(const struct settings *s, struct err *e)
{
	struct secret *kek = worker_kek(s, e);
	struct queue_probe *probe = kek == NULL ? NULL : queue_probe_open(&s->queue, e);
	bool ok = probe != NULL && worker_kafka_answers(probe, e) && redis_check(s, e) &&
	    topics_create(s, probe, e) && fleet_record_publish(s, probe, kek, e) &&
	    record_partitions(s, probe, kek, e) && topics_first_rows(s, probe, e);

	queue_probe_close(probe);
	secret_free(kek);
	return ok || (kek != NULL && config_origin_blame(&s->origins, e));
}

int
worker_topics(const struct worker_options *o)
{
	struct settings s;
	struct err e = { 0 };

	if (!secret_init(&e) || !worker_settings(o, &s, &e)) {
		fprintf(stderr, "certmill-worker topics: %s\n", e.msg);
		return 1;
	}
	if (!topics_make(&s, &e)) {
		fprintf(stderr, "certmill-worker topics: %s\n", e.msg);
		settings_free(&s);
		return 1;
	}
	settings_free(&s);
	printf("ready\n");
	return 0;
}
