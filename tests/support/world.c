#include "world_internal.h"

#include "claim.h"
#include "notation.h"
#include "timespan.h"

/* ---- the world ---- */

static void
world_renew_catalog(struct world *w)
{
	catalog_release(w->cx.catalog);
	w->cx.catalog = catalog_builder_version(w->builder);
}

struct world *
world_new(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = { 0 };

	assert_non_null(w);
	MUST(w->kek = secret_random(&e));
	MUST(w->builder = catalog_builder_new(w->kek, &e));
	w->settings.dedup_window = 3600;
	w->settings.replay_window = 600;
	w->cx = (struct context){ .settings = &w->settings,
		.arena = &w->arena,
		.now_ms = WORLD_NOW * 1000,
		.key_deadline_us = time_monotonic_us() + 60 * 1000000,
		.kek = w->kek,
		.crls = calloc(1, sizeof(struct crl_owner)),
		.crl_book = calloc(1, sizeof(struct crl_book)) };
	MUST(w->cx.minter = minter_new(w->kek, NULL, &e));
	MUST(w->cx.ca_sealer = sealer_new(w->kek, "ca key", &e));
	MUST(w->cx.fleet_key = fleet_key(w->kek, &e));
	world_renew_catalog(w);
	return w;
}

void
world_free(struct world *w)
{
	for (struct answer *a = w->answers; a != NULL; a = a->next) {
		buf_done(&a->bytes);
		if (a->rq.has_leaf)
			leaf_key_done(&a->rq.leaf);
	}
	for (size_t i = 0; i < w->key_count; i++)
		EVP_PKEY_free(w->keys[i]);
	catalog_release(w->cx.catalog);
	catalog_builder_free(w->builder);
	minter_free(w->cx.minter);
	sealer_free(w->cx.ca_sealer);
	EVP_PKEY_free(w->cx.fleet_key);
	arena_done(&w->cx.crls->arena);
	free(w->cx.crls);
	free(w->cx.crl_book);
	secret_free(w->kek);
	arena_done(&w->arena);
	free(w);
}

struct slice
world_encode(struct world *w, const struct schema *schema, const void *value)
{
	struct buf b SCOPED_BUF = { 0 };
	struct writer writer = { &b };

	buf_init(&b, (size_t)1 << 20);
	schema_encode(schema, value, &writer);
	assert_false(b.failed);
	return arena_copy(&w->arena, buf_slice(&b));
}

bool
world_state(struct world *w, const char *key, struct slice value, struct err *e)
{
	bool good = catalog_builder_put(w->builder, slice_text(key), value, w->offset++, e);

	world_renew_catalog(w);
	return good;
}

/* ---- asking ---- */

static struct slice
params_encode(struct world *w, const struct ask *ask)
{
	const char *const *params = ask->params;
	struct buf b SCOPED_BUF = { 0 };
	struct writer writer = { &b };
	size_t count = 0;

	while (params != NULL && params[count] != NULL)
		count++;
	buf_init(&b, (size_t)1 << 20);
	if (ask->notation != NULL)
		return arena_copy(&w->arena, notation_pack(&b, ask->notation));
	writer_map(&writer, count / 2);
	for (size_t i = 0; i < count; i++)
		writer_cstr(&writer, params[i]);
	return arena_copy(&w->arena, buf_slice(&b));
}

static struct answer *
answer_new(struct world *w, struct request_envelope envelope, const struct operation *op)
{
	struct answer *a = arena_alloc(&w->arena, sizeof(*a));

	assert_non_null(op);
	a->next = w->answers;
	w->answers = a;
	a->message = (struct queue_message){ .topic = "certmill.test",
		.offset = w->offset++,
		.timestamp_ms = WORLD_NOW * 1000 + 250 };
	a->rq = (struct request){ .message = &a->message,
		.kind = op->contract->topic,
		.source = slice_text(
		    arena_printf(&w->arena, "certmill.test/0/%lld", (long long)a->message.offset)),
		.envelope = envelope,
		.operation = op };
	a->rq.params = arena_alloc(&w->arena, op->contract->params->size);
	if (op->defaults != NULL)
		op->defaults(a->rq.params);
	buf_init_secret(&a->bytes, (size_t)4 << 20);
	return a;
}

static void
answer_read(struct world *w, struct answer *a)
{
	struct response_envelope response = { 0 };
	struct error_body body = { 0 };
	uint64_t seen;
	struct err e = { 0 };

	MUST(
	    schema_decode(&response_schema, buf_slice(&a->bytes), &w->arena, &response, &seen, &e));
	assert_true(slice_eq(response.id, a->rq.envelope.id));
	a->ok = slice_is(response.status, "ok");
	assert_true(a->ok || slice_is(response.status, "error"));
	assert_int_equal(a->ok, response.data.data != NULL);
	assert_int_equal(a->ok, response.error.data == NULL);
	a->data = response.data;
	a->warnings = response.warnings;
	if (a->ok)
		return;
	MUST(schema_decode(&error_schema, response.error, &w->arena, &body, &seen, &e));
	a->code = body.code;
	a->field = body.field;
	a->text = body.message;
	a->retryable = body.retryable;
}

/* What a claim found later would say must be what is said now. */
static void
outcome_keep(struct world *w, struct answer *a)
{
	struct slice kept = outcome_encode(&w->arena, &a->rq.outcome, false);
	struct err e = { 0 };

	MUST(outcome_decode(kept, &w->arena, &a->rq.outcome, &e));
}

static void
publish_revocation(struct world *w, const struct request *rq)
{
	const struct outcome *o = &rq->outcome;
	struct slice key = redis_cert_key(&w->arena, rq->envelope.mount, o->serial);
	struct slice row = world_row(w, key);
	struct buf both SCOPED_BUF = { 0 };
	const struct crl_entry entry = { o->serial, o->revoked_at, o->reason, o->invalidity_date,
		o->not_after };

	crl_owner_add(w->cx.crls, rq->envelope.mount, o->issuer, &entry);
	if (row.data == NULL)
		return;
	buf_init(&both, (size_t)1 << 20);
	buf_add_slice(&both, row);
	buf_add_slice(&both, record_revoked(&w->cx, rq));
	world_set_row(w, key, buf_slice(&both));
}

static void
publish_changes(struct world *w, const struct outcome *o)
{
	struct err e = { 0 };

	for (size_t i = 0; i < o->changes.count; i++) {
		struct slice key, value;

		assert_true(change_decode(o->changes.items[i], &key, &value));
		MUST(catalog_builder_put(w->builder, key, value, w->offset++, &e));
	}
	world_renew_catalog(w);
}

/* Where the record of what was signed stands: by its serial number, or, if it is not stored, beside its claim. */
static struct slice
record_key(struct world *w, const struct request *rq)
{
	return rq->outcome.no_store
	    ? claim_record_key(&w->arena, rq->message->topic, rq->envelope.id)
	    : redis_cert_key(&w->arena, rq->envelope.mount, rq->outcome.serial);
}

static void
publish(struct world *w, const struct answer *a)
{
	const struct request *rq = &a->rq;

	if (!a->ok || rq->envelope.dry_run || !rq->operation->claims)
		return;
	if (rq->operation->signs)
		world_set_row(w, record_key(w, rq), rq->record);
	if (rq->outcome.revoked_at != SCHEMA_ABSENT && !rq->outcome.already)
		publish_revocation(w, rq);
	publish_changes(w, &rq->outcome);
}

/* Serial numbers without Redis. */
static void
lease(struct world *w, struct slice mount)
{
	struct err e = { 0 };

	if (catalog_find_mount(w->cx.catalog, mount) != NULL)
		MUST(minter_lease(w->cx.minter, mount, (uint64_t)w->offset, 1, &e));
}

static struct request_envelope
envelope_of(struct world *w, const struct ask *ask)
{
	const char *id = ask->id == NULL ? arena_printf(&w->arena, "id-%lld", (long long)w->offset)
					 : ask->id;

	return (struct request_envelope){ .v = ENVELOPE_VERSION,
		.id = slice_text(id),
		.op = slice_text(ask->op),
		.mount = slice_text(ask->mount == NULL ? "pki" : ask->mount),
		.role = slice_text(ask->role),
		.params = params_encode(w, ask),
		.ts = SCHEMA_ABSENT,
		.deadline = SCHEMA_ABSENT,
		.seal_to = ask->seal_to,
		.identity = ask->identity,
		.dry_run = ask->dry_run };
}

struct answer *
world_ask(struct world *w, const struct ask *ask)
{
	struct answer *a = answer_new(w, envelope_of(w, ask), operation_find(slice_text(ask->op)));
	struct request *rq = &a->rq;
	const struct operation *op = rq->operation;
	struct err e = { 0 };

	lease(w, rq->envelope.mount);
	if (!schema_decode(
		op->contract->params, rq->envelope.params, &w->arena, rq->params, &rq->seen, &e))
		request_refuse(&w->cx, rq, &e);
	else {
		if (op->lookup != NULL)
			rq->row = world_row(w, op->lookup(&w->cx, rq));
		if (!op->decide(&w->cx, rq, &e))
			request_refuse(&w->cx, rq, &e);
	}
	outcome_keep(w, a);
	MUST(response_encode(&w->cx, rq, &a->bytes, &e));
	answer_read(w, a);
	publish(w, a);
	return a;
}

struct answer *
world_do(struct world *w, const struct ask *ask)
{
	struct answer *a = world_ask(w, ask);

	if (!a->ok)
		fail_msg("%s: refused: %.*s (%.*s): %.*s", ask->op, SLICE_FMT(a->code),
		    SLICE_FMT(a->field), SLICE_FMT(a->text));
	return a;
}

struct answer *
world_refused(
    struct world *w, const char *name, const struct ask *ask, const char *code, const char *field)
{
	int64_t offset = w->cx.catalog->offset;
	struct answer *a = world_ask(w, ask);

	if (a->ok)
		fail_msg("%s: should be refused with %s, is done", name, code);
	if (!slice_is(a->code, code))
		fail_msg("%s: should be refused with %s, is with %.*s: %.*s", name, code,
		    SLICE_FMT(a->code), SLICE_FMT(a->text));
	if (!slice_eq(a->field, slice_text(field)))
		fail_msg("%s: should blame %s, blames \"%.*s\": %.*s", name,
		    field == NULL ? "nothing" : field, SLICE_FMT(a->field), SLICE_FMT(a->text));
	if (a->text.len == 0)
		fail_msg("%s: has no message", name);
	if (a->retryable != err_can_retry(err_from_name(code, strlen(code))))
		fail_msg("%s: retryable is %d", name, a->retryable);
	assert_int_equal(offset, w->cx.catalog->offset);
	return a;
}

struct answer *
world_replay(struct world *w, const struct answer *first, bool key_withheld)
{
	struct answer *a = answer_new(w, first->rq.envelope, first->rq.operation);
	struct request *rq = &a->rq;
	struct err e = { 0 };

	MUST(schema_decode(rq->operation->contract->params, rq->envelope.params, &w->arena,
	    rq->params, &rq->seen, &e));
	rq->replay = true;
	rq->key_withheld = key_withheld;
	MUST(outcome_decode(
	    outcome_encode(&w->arena, &first->rq.outcome, false), &w->arena, &rq->outcome, &e));
	if (rq->operation->signs)
		rq->record = world_row(w, record_key(w, rq));
	if (first->rq.has_leaf && !key_withheld) {
		leaf_key_init(&rq->leaf);
		rq->leaf.type = first->rq.leaf.type;
		rq->has_leaf = true;
		buf_add_slice(&rq->leaf.private_der, buf_slice(&first->rq.leaf.private_der));
	}
	MUST(response_encode(&w->cx, rq, &a->bytes, &e));
	answer_read(w, a);
	return a;
}

void
world_sample(struct world *w)
{
	world_do(
	    w, ASK("mount/write", .params = PARAMS("max_ttl", "87600h", "default_ttl", "768h")));
	world_do(w,
	    ASK("ca/generate/root",
		.params = PARAMS("common_name", "Sample Root", "key_type", "ec", "ttl", "87600h")));
	world_do(w,
	    ASK("role/write", .role = "web",
		.params = PARAMS("allowed_domains", "example.com", "allow_subdomains", "true",
		    "key_type", "ec", "max_ttl", "72h")));
}
