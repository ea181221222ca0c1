/* Certificate records, as `.certs` and a cm:cert row hold them, and the names of the rows. */
#include "op.h"

#include "encode.h"
#include "serial.h"

#include <assert.h>

#define RECORD_VERSION 1

struct slice
redis_cert_key(struct arena *a, struct slice mount, struct slice serial)
{
	return slice_text(arena_printf(
	    a, "cm:cert:%.*s:%.*s", SLICE_FMT(mount), SLICE_FMT(serial_text(a, serial, 0))));
}

struct slice
redis_index_key(struct arena *a, struct slice mount)
{
	return slice_text(arena_printf(a, "cm:idx:%.*s", SLICE_FMT(mount)));
}

struct slice
redis_counter_key(struct arena *a, struct slice mount, const char *counter)
{
	return slice_text(arena_printf(a, "cm:n:%.*s:%s", SLICE_FMT(mount), counter));
}

static struct slice
record_encode(struct arena *a, const struct schema *schema, const void *record, size_t max)
{
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	buf_init(&b, max);
	schema_encode(schema, record, &w);
	assert(!b.failed);
	return arena_copy(a, buf_slice(&b));
}

void
record_certificate(struct context *cx, struct request *rq, const struct issuer *issuer,
    struct slice serial, struct slice der, int64_t not_before, int64_t not_after)
{
	const struct certificate_record record = { .v = RECORD_VERSION,
		.serial = serial,
		.mount = rq->envelope.mount,
		.issuer = slice_text(issuer->id),
		.role = rq->envelope.role,
		.certificate = der,
		.not_before = not_before,
		.not_after = not_after,
		.issued = request_time_ms(cx, rq),
		.request = rq->envelope.id,
		.source = rq->source,
		.lease = rq->no_lease ? 0 : not_after - cx->now_ms / 1000,
		.no_store = rq->outcome.no_store };

	rq->record = record_encode(
	    cx->arena, &certificate_record_schema, &record, CERTIFICATE_MAX + 4096);
}

struct slice
record_revoked(struct context *cx, const struct request *rq)
{
	const struct outcome *o = &rq->outcome;
	const struct revoked_record record = { .v = RECORD_VERSION,
		.serial = o->serial,
		.mount = rq->envelope.mount,
		.issuer = o->issuer,
		.date = o->revoked_at,
		.reason = o->reason,
		.invalidity_date = o->invalidity_date,
		.not_after = o->not_after,
		.request = rq->envelope.id };

	return record_encode(cx->arena, &revoked_record_schema, &record, 4096);
}

struct slice
certificate_row_record(struct slice row)
{
	struct cursor c = cursor_of(row);
	struct slice record = SLICE_NONE;

	return cursor_skip(&c, &record) ? record : SLICE_NONE;
}

bool
certificate_row_read(struct slice row, struct arena *a, struct certificate_row *ret, struct err *e)
{
	struct cursor c = cursor_of(row);
	struct slice first, second;
	uint64_t seen;

	*ret = (struct certificate_row){ .certificate = { .lease = SCHEMA_ABSENT },
		.revoked = { .invalidity_date = SCHEMA_ABSENT } };
	if (!cursor_skip(&c, &first))
		return err_set(e, ERR_INTERNAL, "a certificate's row in Redis does not decode");
	if (!schema_decode(&certificate_record_schema, first, a, &ret->certificate, &seen, e))
		return false;
	if (cursor_at_end(&c))
		return true;
	ret->is_revoked = true;
	if (!cursor_skip(&c, &second) || !cursor_at_end(&c))
		return err_set(
		    e, ERR_INTERNAL, "a revoked certificate's row in Redis does not decode");
	return schema_decode(&revoked_record_schema, second, a, &ret->revoked, &seen, e);
}
