#include "lane_internal.h"

#include "encode.h"
#include "failpoint.h"
#include "serial.h"
#include "sha256.h"

#include <inttypes.h>
#include <stdlib.h>

#define REJECT_VALUE_MAX ((size_t)1024 * 1024)
#define REJECT_KEY_MAX   1024
#define AUDIT_RECORD_MAX ((size_t)512 * 1024)

static const char *
ledger(const struct lane *lane, enum ledger_kind kind)
{
	return lane->shared->settings->ledger_topics[kind];
}

static MUST_USE bool
publish_keyed(
    struct lane *lane, const char *topic, struct slice key, struct slice value, struct err *e)
{
	const struct queue_record r = {
		.topic = topic, .partition = -1, .key = key, .value = value
	};

	return queue_produce(lane->producer, &r, e);
}

static MUST_USE bool
publish_answer(struct lane *lane, const struct item *item, struct err *e)
{
	struct queue_header headers[HEADERS_KEPT_MAX + 2];
	size_t count = request_headers(&item->rq, headers);
	struct queue_record r = {
		.topic = (const char *)item->rq.reply_topic.data,
		.partition = item->rq.reply_partition,
		.key = item->rq.envelope.id,
		.value = buf_slice(&item->response),
		.headers = headers,
	};

	if (item->response.len == 0)
		return true;
	headers[count++] = (struct queue_header){ "source", item->rq.source };
	if (item_replays(item))
		headers[count++] = (struct queue_header){ "replayed", SLICE_LITERAL("1") };
	r.header_count = count;
	return queue_produce(lane->producer, &r, e);
}

#define REJECT_HEADERS_MAX (HEADERS_KEPT_MAX + 6)

/* Why, and where it stood; behind that the message's own headers, under names that cannot be taken for these. */
static size_t
reject_headers(
    struct arena *a, const struct item *item, struct queue_header ret[static REJECT_HEADERS_MAX])
{
	const struct queue_message *m = item->rq.message;
	const struct queue_header own[] = {
		{ "reason", slice_text(err_name(item->reject.code)) },
		{ "message", slice_text(item->reject.msg) },
		{ "topic", slice_text(m->topic) },
		{ "partition", slice_text(arena_printf(a, "%" PRId32, m->partition)) },
		{ "offset", slice_text(arena_printf(a, "%" PRId64, m->offset)) },
	};
	const size_t count = sizeof(own) / sizeof(own[0]);
	struct queue_header original[HEADERS_KEPT_MAX];
	size_t originals = item->unread ? 0 : request_headers(&item->rq, original);

	memcpy(ret, own, sizeof(own));
	for (size_t i = 0; i < originals; i++)
		ret[count + i] = (struct queue_header){
			arena_printf(a, "original.%s", original[i].name), original[i].value
		};
	return count + originals;
}

/* As received, but for configuration, which may hold secrets, and what compression had made small: their hash stands for them. */
static MUST_USE bool
publish_reject(struct lane *lane, struct batch *b, const struct item *item, struct err *e)
{
	const struct queue_message *m = item->rq.message;
	uint8_t hash[HASH_SIZE];
	struct queue_header headers[REJECT_HEADERS_MAX];
	struct queue_record r = { .topic = ledger(lane, LEDGER_REJECTS),
		.partition = -1,
		.key = m->key,
		.value = m->value,
		.headers = headers };

	if (item->intake != INTAKE_REJECTED && !item->quarantined)
		return true;
	r.header_count = reject_headers(b->cx.arena, item, headers);
	if (m->key.len > REJECT_KEY_MAX)
		r.key = SLICE_NONE;
	if (m->value.data != NULL &&
	    (item->rq.kind == TOPIC_CONFIG || m->value.len > REJECT_VALUE_MAX)) {
		sha256(m->value, hash);
		r.value = slice_of(hash, sizeof(hash));
		headers[r.header_count++] = (struct queue_header){ "value",
			SLICE_LITERAL("sha256") };
	}
	return queue_produce(lane->producer, &r, e);
}

static MUST_USE bool
publish_reroute(struct lane *lane, struct batch *b, const struct item *item, struct err *e)
{
	const struct queue_message *m = item->rq.message;
	size_t count = queue_message_headers(m), kept = 0;
	struct queue_header *headers = arena_array(b->cx.arena, count, sizeof(*headers));
	const struct queue_record r = { .topic = m->topic,
		.partition = request_home(&item->rq, lane->partition_counts[item->rq.kind]),
		.key = m->key,
		.value = m->value,
		.headers = headers,
		.header_count = count };

	while (kept < count && queue_message_header(m, kept, &headers[kept]))
		kept++;
	return queue_produce(lane->producer, &r, e);
}

/* "mount/serial": the key of .certs and .revoked */
static struct slice
serial_key(struct batch *b, struct slice mount, struct slice serial)
{
	return slice_text(arena_printf(b->cx.arena, "%.*s/%.*s", SLICE_FMT(mount),
	    SLICE_FMT(serial_text(b->cx.arena, serial, 0))));
}

/* An issuer's certificate and chain in PEM, for whoever trusts it. */
static MUST_USE bool
publish_ca(struct lane *lane, struct slice key, struct slice value, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct buf pem SCOPED_BUF;
	struct issuer_state issuer = { 0 };
	uint64_t seen;

	buf_init(&pem, (size_t)1 << 20);
	if (!schema_decode(&issuer_state_schema, value, &a, &issuer, &seen, e))
		return false;
	pem_add(&pem, "CERTIFICATE", issuer.certificate);
	for (size_t i = 0; i < issuer.chain.count; i++)
		pem_add(&pem, "CERTIFICATE", issuer.chain.items[i]);
	return publish_keyed(lane, ledger(lane, LEDGER_CA), key, buf_slice(&pem), e);
}

static MUST_USE bool
publish_changes(struct lane *lane, const struct item *item, struct err *e)
{
	static const char prefix[] = "issuer/";

	for (size_t i = 0; i < item->rq.outcome.changes.count; i++) {
		struct slice key, value;

		if (!change_decode(item->rq.outcome.changes.items[i], &key, &value))
			return err_set(e, ERR_INTERNAL, "a change of %.*s does not decode",
			    SLICE_FMT(item->rq.source));
		if (!publish_keyed(lane, ledger(lane, LEDGER_STATE), key, value, e))
			return false;
		if (value.data != NULL && key.len > sizeof(prefix) - 1 &&
		    memcmp(key.data, prefix, sizeof(prefix) - 1) == 0 &&
		    !publish_ca(lane,
			slice_of(key.data + sizeof(prefix) - 1, key.len - (sizeof(prefix) - 1)),
			value, e))
			return false;
	}
	return true;
}

/* The id is made of the source: published again, it is the same. */
static struct slice
rotate_id(struct batch *b, struct slice source)
{
	struct buf hex SCOPED_BUF;
	uint8_t hash[HASH_SIZE];

	buf_init(&hex, REQUEST_ID_MAX);
	sha256(source, hash);
	hex_add(&hex, slice_of(hash, HASH_SIZE / 2), 0);
	return arena_copy(b->cx.arena, buf_slice(&hex));
}

/* Configuration that changes a CRL asks the one writer of CRLs for it. */
static MUST_USE bool
publish_rotate(struct lane *lane, struct batch *b, const struct item *item, struct err *e)
{
	struct request_envelope rotate = {
		.v = ENVELOPE_VERSION,
		.op = SLICE_LITERAL("crl/rotate"),
		.mount = item->rq.envelope.mount,
		.ts = b->cx.now_ms,
		.deadline = SCHEMA_ABSENT,
	};
	struct buf out SCOPED_BUF;
	struct writer w = { &out };

	rotate.id = rotate_id(b, item->rq.source);
	buf_init(&out, 4096);
	schema_encode(&request_schema, &rotate, &w);
	return publish_keyed(lane, lane->shared->settings->request_topics[TOPIC_REVOKE],
	    rotate.mount, buf_slice(&out), e);
}

/* What a decision brought about: everything again when the claim was found, nothing when it is another message's. */
static MUST_USE bool
publish_effects(struct lane *lane, struct batch *b, struct item *item, struct err *e)
{
	const struct outcome *o = &item->rq.outcome;
	struct slice mount = item->rq.envelope.mount;

	if (!item_ok(item) || item->rq.replay || item->rq.envelope.dry_run)
		return true;
	if (item->rq.operation->signs &&
	    !publish_keyed(lane, ledger(lane, LEDGER_CERTS), serial_key(b, mount, o->serial),
		item->rq.record, e))
		return false;
	if (o->revoked_at != SCHEMA_ABSENT && !o->already &&
	    !publish_keyed(lane, ledger(lane, LEDGER_REVOKED), serial_key(b, mount, o->serial),
		record_revoked(&b->cx, &item->rq), e))
		return false;
	if (!publish_changes(lane, item, e))
		return false;
	return !o->rotate || item->rq.kind != TOPIC_CONFIG || publish_rotate(lane, b, item, e);
}

static MUST_USE bool
publish_crl(struct lane *lane, struct batch *b, const struct crl_publication *crl, struct err *e)
{
	struct arena *a = b->cx.arena;
	struct buf hex SCOPED_BUF;
	const struct queue_header headers[] = {
		{ "number", slice_text(arena_printf(a, "%" PRId64, crl->number)) },
		{ "this_update", slice_text(arena_printf(a, "%" PRId64, crl->this_update)) },
		{ "next_update", slice_text(arena_printf(a, "%" PRId64, crl->next_update)) },
		{ "issuer", crl->issuer },
		{ "shard", SLICE_LITERAL("0") },
		{ "sha256", SLICE_NONE },
	};
	struct queue_header with_hash[sizeof(headers) / sizeof(headers[0])];
	struct queue_record r = { .topic = ledger(lane, LEDGER_CRL),
		.partition = -1,
		.key = crl->key,
		.value = crl->der,
		.headers = with_hash,
		.header_count = sizeof(headers) / sizeof(headers[0]) };

	buf_init(&hex, 128);
	hex_add(&hex, slice_of(crl->sha256, HASH_SIZE), 0);
	memcpy(with_hash, headers, sizeof(headers));
	with_hash[r.header_count - 1].value = buf_slice(&hex);
	if (!queue_produce(lane->producer, &r, e))
		return false;
	for (size_t i = 0; i < crl->tombstones.count; i++)
		if (!publish_keyed(lane, ledger(lane, LEDGER_REVOKED), crl->tombstones.items[i],
			SLICE_NONE, e))
			return false;
	return true;
}

static MUST_USE bool
publish_audit(struct lane *lane, struct batch *b, struct err *e)
{
	for (size_t i = 0; i < b->part_count; i++) {
		const struct batch_part *part = &b->parts[i];
		struct slice key = slice_text(arena_printf(b->cx.arena, "%s/%" PRId32,
		    part->partition->topic, part->partition->partition));

		for (size_t j = 0; j < part->record_count; j++)
			if (!publish_keyed(
				lane, ledger(lane, LEDGER_AUDIT), key, part->records[j], e))
				return false;
	}
	return true;
}

static const char *
item_result(const struct item *item)
{
	if (item->intake == INTAKE_REROUTED)
		return "rerouted";
	if (item->intake == INTAKE_REJECTED)
		return "rejected";
	if (item_replays(item))
		return "replayed";
	return "ok";
}

static struct slice
audit_entry_of(struct lane *lane, struct batch *b, struct item *item)
{
	struct request *rq = &item->rq;
	char refusal[64] = "";
	struct slice detail = SLICE_NONE;

	if (item->intake == INTAKE_REROUTED)
		detail = slice_text(arena_printf(b->cx.arena, "%s/%" PRId32, rq->message->topic,
		    request_home(rq, lane->partition_counts[rq->kind])));
	else if (item->intake == INTAKE_REJECTED)
		detail = slice_text(item->reject.msg);
	else if (rq->outcome.code.data != NULL) {
		detail = rq->outcome.message;
		snprintf(refusal, sizeof(refusal), "%.*s", SLICE_FMT(rq->outcome.code));
	}
	return audit_entry_encode(b->cx.arena, rq,
	    refusal[0] != '\0' && !item_replays(item) ? refusal : item_result(item), detail);
}

/* One stretch a partition, in the order of its offsets. */
static void
batch_audit(struct lane *lane, struct batch *b)
{
	const struct audit_stretch stretch = { slice_text(lane->worker), b->cx.now_ms,
		b->cx.catalog->offset };

	for (size_t i = 0; i < b->part_count; i++)
		b->parts[i].entries = arena_array(b->cx.arena, b->count, sizeof(struct slice));
	for (size_t i = 0; i < b->count; i++) {
		const struct request *rq = &b->items[i].rq;

		for (size_t j = 0; j < b->part_count; j++) {
			struct batch_part *part = &b->parts[j];

			if (part->partition->partition == rq->message->partition &&
			    part->partition->kind == rq->kind)
				part->entries[part->entry_count++] = audit_entry_of(
				    lane, b, &b->items[i]);
		}
	}
	for (size_t i = 0; i < b->part_count; i++)
		b->parts[i].records = audit_records(b->cx.arena, &stretch, &b->parts[i].head,
		    b->parts[i].entries, b->parts[i].entry_count, AUDIT_RECORD_MAX,
		    &b->parts[i].record_count);
}

static MUST_USE bool
publish_item(struct lane *lane, struct batch *b, struct item *item, struct err *e)
{
	if (item->intake == INTAKE_REROUTED)
		return publish_reroute(lane, b, item, e);
	return publish_effects(lane, b, item, e) && publish_reject(lane, b, item, e) &&
	    publish_answer(lane, item, e);
}

/*
 * The audit comes first: a partition that a transaction has not written to yet costs a round trip to the coordinator, and those
 * that are met within the first millisecond share it.
 */
bool
batch_publish(struct lane *lane, struct batch *b, struct err *e)
{
	if (!failpoint_hit("skip_audit"))
		batch_audit(lane, b);
	if (!publish_audit(lane, b, e))
		return false;
	for (size_t i = 0; i < b->count; i++)
		if (!publish_item(lane, b, &b->items[i], e))
			return false;
	for (size_t i = 0; i < b->crl_count; i++)
		if (!publish_crl(lane, b, &b->crls[i], e))
			return false;
	return true;
}
