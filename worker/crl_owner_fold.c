/* The fold of `.revoked` at assignment. */
#include "crl_owner_internal.h"
#include "encode.h"
#include "timespan.h"

#include <inttypes.h>

/* Below max.poll.interval.ms, past which the group goes on without the lane. */
#define FOLD_TIMEOUT_US ((int64_t)50 * 1000 * 1000)

/* A tombstone names mount and serial: the entry has left its CRL. */
static void
fold_tombstone(struct crl_owner *o, struct slice key)
{
	const uint8_t *slash = memchr(key.data, '/', key.len);
	struct slice mount;
	uint8_t serial[SERIAL_SIZE];
	size_t len;

	if (slash == NULL)
		return;
	mount = slice_of(key.data, (size_t)(slash - key.data));
	if (!hex_parse(slice_of(slash + 1, key.len - mount.len - 1), serial, sizeof(serial), &len))
		return;
	for (size_t i = 0; i < o->count; i++)
		if (slice_eq(o->sets[i]->mount, mount))
			crl_entries_remove(o->sets[i]->entries, slice_of(serial, len));
}

static MUST_USE bool
fold_message(struct crl_owner *o, struct arena *a, const struct queue_message *m, struct err *e)
{
	struct revoked_record r = { .invalidity_date = SCHEMA_ABSENT };
	struct crl_entry entry;
	struct err bad;
	uint64_t seen;

	if (m->key.data == NULL)
		return true;
	if (m->value.data == NULL) {
		fold_tombstone(o, m->key);
		return true;
	}
	if (!schema_decode(&revoked_record_schema, m->value, a, &r, &seen, &bad))
		return err_set(e, ERR_CONFIG,
		    "%s/%" PRId32 "/%" PRId64 " is no revocation record: %s", m->topic,
		    m->partition, m->offset, bad.msg);
	if (!crl_owner_has_mount(o, r.mount))
		return true;
	entry = (struct crl_entry){ r.serial, r.date, r.reason, r.invalidity_date, r.not_after };
	crl_entries_put(crl_set_get(o, r.mount, r.issuer)->entries, &entry);
	return true;
}

struct watermarks {
	int64_t *high;
	int32_t count;
};

static MUST_USE bool
watermarks_ask(
    struct crl_owner *o, struct arena *a, const char *topic, struct watermarks *ret, struct err *e)
{
	if (!queue_topic_count(o->probe, topic, &ret->count, e))
		return false;
	ret->high = arena_array(a, (size_t)ret->count, sizeof(*ret->high));
	for (int32_t i = 0; i < ret->count; i++)
		if (!queue_high_watermark(o->probe, topic, i, &ret->high[i], e))
			return false;
	return true;
}

static bool
watermarks_passed(const struct watermarks *w, const struct queue_reader *r)
{
	for (int32_t i = 0; i < w->count; i++)
		if (queue_reader_passed(r, i) < w->high[i])
			return false;
	return true;
}

static MUST_USE bool
fold_until(
    struct crl_owner *o, struct queue_reader *reader, const struct watermarks *w, struct err *e)
{
	int64_t end = time_monotonic_us() + FOLD_TIMEOUT_US;

	while (!watermarks_passed(w, reader)) {
		struct arena one SCOPED_ARENA = { 0 };
		struct queue_message *m = NULL;
		bool ok = queue_reader_poll(reader, 100, &m, e);

		if (ok && m != NULL)
			ok = fold_message(o, &one, m, e);
		queue_message_free(m);
		if (!ok)
			return false;
		if (time_monotonic_us() > end)
			return err_set(e, ERR_TIMEOUT,
			    "the revocations could not be folded in %d s",
			    (int)(FOLD_TIMEOUT_US / 1000000));
	}
	return true;
}

bool
crl_owner_fold(struct crl_owner *o, struct err *e)
{
	const char *topic = o->settings->ledger_topics[LEDGER_REVOKED];
	struct arena a SCOPED_ARENA = { 0 };
	struct watermarks w;
	struct queue_reader *reader;
	bool ok;

	if (!watermarks_ask(o, &a, topic, &w, e))
		return false;
	reader = queue_reader_open(&o->settings->queue, topic, -1, QUEUE_IN_BULK, e);
	if (reader == NULL)
		return false;
	ok = fold_until(o, reader, &w, e);
	queue_reader_close(reader);
	return ok;
}
