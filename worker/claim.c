#include "claim.h"

#include "op.h"
#include "serial.h"
#include "sha256.h"

#define OUTCOME_MAX ((size_t)512 * 1024)
#define LEAF_MAX    ((size_t)32 * 1024)

static void
put_part(struct buf *b, struct slice part)
{
	const uint8_t length[4] = { (uint8_t)(part.len >> 24), (uint8_t)(part.len >> 16),
		(uint8_t)(part.len >> 8), (uint8_t)part.len };

	buf_add(b, length, sizeof(length));
	buf_add_slice(b, part);
}

void
request_hash(struct request *rq)
{
	static const uint8_t empty_map = 0x80;
	const struct request_envelope *env = &rq->envelope;
	struct buf body SCOPED_BUF;

	buf_init_secret(&body, 2 * (size_t)REQUEST_MAX); /* a pem_bundle may stand in it */
	put_part(&body, env->op);
	put_part(&body, env->mount);
	put_part(&body, env->role);
	put_part(&body, env->params.data == NULL ? slice_of(&empty_map, 1) : env->params);
	put_part(&body, env->seal_to);
	sha256(buf_slice(&body), rq->hash);
}

struct slice
claim_key(struct arena *a, const char *topic, struct slice id)
{
	return slice_text(arena_printf(a, "cm:req:%s:%.*s", topic, SLICE_FMT(id)));
}

struct slice
claim_leaf_key(struct arena *a, const char *topic, struct slice id)
{
	return slice_text(arena_printf(a, "cm:key:%s:%.*s", topic, SLICE_FMT(id)));
}

struct slice
claim_record_key(struct arena *a, const char *topic, struct slice id)
{
	return slice_text(arena_printf(a, "cm:rec:%s:%.*s", topic, SLICE_FMT(id)));
}

/* Where the record of the certificate that an outcome signed stands. */
static struct slice
signed_record_key(struct arena *a, const char *topic, struct slice id, struct slice mount,
    const struct outcome *outcome)
{
	return outcome->no_store ? claim_record_key(a, topic, id)
				 : redis_cert_key(a, mount, outcome->serial);
}

bool
change_decode(struct slice raw, struct slice *ret_key, struct slice *ret_value)
{
	struct cursor c = cursor_of(raw);
	uint32_t count;

	*ret_value = SLICE_NONE;
	if (!cursor_array(&c, &count) || count != 2 || !cursor_text(&c, ret_key))
		return false;
	return cursor_peek(&c) == CURSOR_NIL ? cursor_nil(&c) : cursor_bytes(&c, ret_value);
}

/* The audit keeps which records changed, not what they hold: an issuer's holds a sealed key. */
static struct slice_list
changes_without_values(struct arena *a, struct slice_list changes)
{
	struct slice_list keys = { arena_array(a, changes.count, sizeof(*keys.items)), 0 };

	for (size_t i = 0; i < changes.count; i++) {
		struct slice key, value;
		struct buf one SCOPED_BUF;
		struct writer w = { &one };

		buf_init(&one, 1024);
		if (!change_decode(changes.items[i], &key, &value))
			continue;
		writer_array(&w, 2);
		writer_text(&w, key);
		writer_nil(&w);
		keys.items[keys.count++] = arena_copy(a, buf_slice(&one));
	}
	return keys;
}

struct slice
outcome_encode(struct arena *a, const struct outcome *outcome, bool for_audit)
{
	struct outcome copy = *outcome;
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, OUTCOME_MAX);
	if (for_audit && copy.changes.items != NULL)
		copy.changes = changes_without_values(a, copy.changes);
	schema_encode(&outcome_schema, &copy, &w);
	return arena_copy(a, buf_slice(&b));
}

bool
outcome_decode(struct slice map, struct arena *a, struct outcome *ret, struct err *e)
{
	uint64_t seen;

	*ret = outcome_none;
	return schema_decode(&outcome_schema, map, a, ret, &seen, e);
}

bool
claim_settle(struct context *cx, struct request *rq, struct slice value, struct err *e)
{
	struct claim_record claim = { 0 };
	struct err bad;
	uint64_t seen;

	if (!schema_decode(&claim_record_schema, value, cx->arena, &claim, &seen, &bad))
		return err_set(e, ERR_STORE, "the claim of id %.*s does not decode: %s",
		    SLICE_FMT(rq->envelope.id), bad.msg);
	rq->own_claim = !claim.committed && slice_eq(claim.source, rq->source);
	if (!rq->own_claim && !slice_eq(claim.hash, slice_of(rq->hash, HASH_SIZE)))
		return err_field(e, ERR_REQUEST_ID_CONFLICT, "id",
		    "the id was used by %.*s with another body", SLICE_FMT(claim.source));
	rq->replay = !rq->own_claim;
	rq->key_withheld = rq->replay &&
	    (cx->now_ms - claim.at > cx->settings->replay_window * 1000 ||
		!slice_eq(claim.reply_to, rq->reply_topic));
	return outcome_decode(claim.outcome, cx->arena, &rq->outcome, e);
}

static bool
outcome_ok(const struct outcome *o)
{
	return o->code.data == NULL;
}

struct claim_rows
claim_rows(struct context *cx, const struct request *rq)
{
	struct claim_rows rows = { SLICE_NONE, SLICE_NONE };
	const struct operation *op = rq->operation;

	if (op == NULL || !outcome_ok(&rq->outcome))
		return rows;
	if (op->signs)
		rows.record_key = signed_record_key(cx->arena, rq->message->topic, rq->envelope.id,
		    rq->envelope.mount, &rq->outcome);
	if (request_gives_key(rq) && !rq->key_withheld)
		rows.leaf_key = claim_leaf_key(cx->arena, rq->message->topic, rq->envelope.id);
	return rows;
}

/* A leaf key's row, sealed: its type in one octet, then its DER. */
static void
leaf_pack(const struct leaf_key *leaf, struct buf *out_secret)
{
	buf_add_byte(out_secret, (uint8_t)leaf->type);
	buf_add_slice(out_secret, buf_slice(&leaf->private_der));
}

static MUST_USE bool
leaf_restore(
    struct sealer *sealer, struct request *rq, struct slice aad, struct slice sealed, struct err *e)
{
	struct buf clear SCOPED_BUF;

	buf_init_secret(&clear, LEAF_MAX);
	if (!seal_open(sealer, aad, sealed, &clear, e))
		return false;
	if (clear.len < 2 || clear.data[0] > KEY_ED25519)
		return err_set(e, ERR_STORE, "the sealed key of id %.*s does not decode",
		    SLICE_FMT(rq->envelope.id));
	leaf_key_init(&rq->leaf);
	rq->has_leaf = true;
	rq->leaf.type = (enum key_type)clear.data[0];
	buf_add(&rq->leaf.private_der, clear.data + 1, clear.len - 1);
	return true;
}

bool
claim_restore(struct context *cx, struct sealer *replay_sealer, struct request *rq,
    struct slice record, struct slice leaf, struct err *e)
{
	const struct operation *op = rq->operation;

	if (op == NULL || !outcome_ok(&rq->outcome))
		return true;
	if (op->signs) {
		rq->record = certificate_row_record(record);
		if (rq->record.data == NULL)
			return err_set(e, ERR_VIEW_LOST,
			    "the claim of id %.*s stands, its certificate's row does not",
			    SLICE_FMT(rq->envelope.id));
	}
	if (!request_gives_key(rq) || rq->key_withheld)
		return true;
	if (leaf.data == NULL && rq->own_claim)
		return err_set(e, ERR_VIEW_LOST,
		    "the claim of id %.*s stands, its key's row does not",
		    SLICE_FMT(rq->envelope.id));
	rq->key_withheld = leaf.data == NULL;
	return rq->key_withheld ||
	    leaf_restore(replay_sealer, rq,
		claim_key(cx->arena, rq->message->topic, rq->envelope.id), leaf, e);
}

/* Of a certificate three, of its key one, of a revocation two: those of `.state`'s changes come on top. */
#define PLAIN_WRITES_MAX 6

static void
claim_write(
    struct view_claim *claim, int kind, struct slice key, struct slice value, int64_t number)
{
	claim->writes[claim->write_count++] = (struct view_write){ (unsigned)kind, key, value,
		number };
}

static void
write_certificate(struct context *cx, struct request *rq, struct view_claim *claim)
{
	struct slice mount = rq->envelope.mount;

	claim_write(claim, VIEW_SET,
	    signed_record_key(cx->arena, rq->message->topic, rq->envelope.id, mount, &rq->outcome),
	    rq->record, 0);
	if (!rq->outcome.no_store)
		claim_write(claim, VIEW_INDEX, redis_index_key(cx->arena, mount),
		    serial_text(cx->arena, rq->outcome.serial, 0), rq->outcome.not_after);
	claim_write(
	    claim, VIEW_COUNT, redis_counter_key(cx->arena, mount, "issued"), SLICE_NONE, 1);
}

/* The private key, sealed, for replays. */
static MUST_USE bool
write_leaf(struct context *cx, struct sealer *sealer, struct request *rq, struct view_claim *claim,
    struct err *e)
{
	struct buf sealed SCOPED_BUF = { 0 };
	struct buf clear SCOPED_BUF = { 0 };

	buf_init_secret(&clear, LEAF_MAX);
	leaf_pack(&rq->leaf, &clear);
	buf_init(&sealed, LEAF_MAX + SEAL_OVERHEAD);
	if (!seal_box(sealer, claim->key, buf_slice(&clear), &sealed, e))
		return false;
	claim_write(claim, VIEW_SET, claim_leaf_key(cx->arena, rq->message->topic, rq->envelope.id),
	    arena_copy(cx->arena, buf_slice(&sealed)), 0);
	return true;
}

static void
write_revocation(struct context *cx, struct request *rq, struct view_claim *claim)
{
	struct slice mount = rq->envelope.mount;

	claim_write(claim, VIEW_APPEND, redis_cert_key(cx->arena, mount, rq->outcome.serial),
	    record_revoked(cx, rq), 0);
	claim_write(
	    claim, VIEW_COUNT, redis_counter_key(cx->arena, mount, "revoked"), SLICE_NONE, 1);
}

bool
config_row_key(struct arena *a, struct slice state_key, struct slice *ret)
{
	const uint8_t *end = state_key.data + state_key.len;
	const uint8_t *slash = state_key.len == 0 ? NULL
						  : memchr(state_key.data, '/', state_key.len);
	const uint8_t *second = slash == NULL ? NULL
					      : memchr(slash + 1, '/', (size_t)(end - slash - 1));

	if (second == NULL || second == slash + 1)
		return false;
	*ret = slice_text(arena_printf(a, "cm:cfg:%.*s:%.*s:%.*s", (int)(second - slash - 1),
	    (const char *)slash + 1, (int)(slash - state_key.data), (const char *)state_key.data,
	    (int)(end - second - 1), (const char *)second + 1));
	return true;
}

static void
write_changes(struct context *cx, struct request *rq, struct view_claim *claim)
{
	for (size_t i = 0; i < rq->outcome.changes.count; i++) {
		struct slice key, value, row;

		if (change_decode(rq->outcome.changes.items[i], &key, &value) &&
		    config_row_key(cx->arena, key, &row))
			claim_write(
			    claim, value.data == NULL ? VIEW_DELETE : VIEW_SET, row, value, 0);
	}
}

static struct slice
claim_encode(struct context *cx, struct request *rq)
{
	struct claim_record claim = {
		.source = rq->source,
		.hash = slice_of(rq->hash, HASH_SIZE),
		.mount = rq->envelope.mount,
		.reply_to = rq->reply_topic,
		.at = cx->now_ms,
		.outcome = outcome_encode(cx->arena, &rq->outcome, false),
	};
	struct buf b SCOPED_BUF;
	struct writer w = { &b };

	buf_init(&b, OUTCOME_MAX + 4096);
	schema_encode(&claim_record_schema, &claim, &w);
	return arena_copy(cx->arena, buf_slice(&b));
}

bool
claim_make(struct context *cx, struct sealer *replay_sealer, struct request *rq,
    struct view_claim *ret, struct err *e)
{
	*ret = (struct view_claim){ .key = claim_key(
					cx->arena, rq->message->topic, rq->envelope.id),
		.value = claim_encode(cx, rq) };
	if (!outcome_ok(&rq->outcome))
		return true;
	ret->writes = arena_array(
	    cx->arena, PLAIN_WRITES_MAX + rq->outcome.changes.count, sizeof(*ret->writes));
	if (rq->operation->signs)
		write_certificate(cx, rq, ret);
	if (rq->has_leaf && !write_leaf(cx, replay_sealer, rq, ret, e))
		return false;
	if (rq->outcome.revoked_at != SCHEMA_ABSENT && !rq->outcome.already)
		write_revocation(cx, rq, ret);
	write_changes(cx, rq, ret);
	return true;
}

size_t
claim_expiries(const struct settings *s, struct arena *a, const char *topic, struct slice id,
    const struct outcome *outcome, struct slice mount, int64_t at_ms,
    struct view_expiry ret[static CLAIM_EXPIRIES_MAX])
{
	size_t count = 0;

	ret[count++] = (struct view_expiry){ claim_key(a, topic, id), claim_end_ms(s, at_ms) };
	if (!outcome_ok(outcome) || (outcome->serial.data == NULL && outcome->csr.data == NULL))
		return count;
	ret[count++] = (struct view_expiry){ claim_leaf_key(a, topic, id),
		at_ms + s->replay_window * 1000 };
	if (outcome->serial.data == NULL)
		return count;
	if (outcome->no_store)
		ret[count++] = (struct view_expiry){ claim_record_key(a, topic, id),
			claim_end_ms(s, at_ms) + CLAIM_RECORD_BUFFER_MS };
	else
		ret[count++] = (struct view_expiry){ redis_cert_key(a, mount, outcome->serial),
			claim_certificate_end_ms(s, outcome->not_after, at_ms) };
	return count;
}
