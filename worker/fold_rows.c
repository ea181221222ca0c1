#include "fold_internal.h"

#include "claim.h"
#include "op.h"

#include <inttypes.h>

#define ORDINALS_LEASED 1024 /* a lane takes that many at once (minter.c) */

static bool
skip(struct fold *f)
{
	f->progress.skipped++;
	return true;
}

/* ---- mounts ---- */

static struct fold_mount *
mount_of(struct fold *f, struct slice name, struct err *e)
{
	struct fold_mount *m = f->mounts;

	while (m != NULL && !slice_eq(m->name, name))
		m = m->next;
	if (m != NULL)
		return m;
	m = arena_alloc(&f->memory, sizeof(*m));
	m->serials = serial_source_new(f->spec->kek, name, e);
	if (m->serials == NULL)
		return NULL;
	m->name = arena_copy(&f->memory, name);
	m->next = f->mounts;
	f->mounts = m;
	return m;
}

void
fold_mounts_done(struct fold *f)
{
	for (struct fold_mount *m = f->mounts; m != NULL; m = m->next)
		serial_source_free(m->serials);
}

static MUST_USE bool
counter_put(
    struct fold *f, const struct fold_mount *m, const char *name, int64_t number, struct err *e)
{
	return number == 0 ||
	    fold_raise(&f->sink, redis_counter_key(&f->message, m->name, name), number, e);
}

bool
fold_counters(struct fold *f, struct err *e)
{
	for (const struct fold_mount *m = f->mounts; m != NULL; m = m->next) {
		uint64_t blocks = (m->ordinal + ORDINALS_LEASED - 1) / ORDINALS_LEASED;

		if (!counter_put(f, m, "issued", m->issued, e) ||
		    !counter_put(f, m, "revoked", m->revoked, e) ||
		    !counter_put(f, m, "serial", (int64_t)(blocks * ORDINALS_LEASED), e))
			return false;
	}
	return true;
}

/* ---- .certs ---- */

/* No later serial number is made of an ordinal that was used. */
static MUST_USE bool
ordinal_pass(struct fold_mount *mount, const struct certificate_record *c, struct err *e)
{
	uint64_t ordinal;

	if (c->serial.len != SERIAL_SIZE)
		return true;
	if (!serial_ordinal(mount->serials, c->serial.data, &ordinal, e))
		return false;
	if (ordinal > mount->ordinal)
		mount->ordinal = ordinal;
	return true;
}

/* When its claim was made: the record's own timestamp says. */
static int64_t
made_ms(const struct queue_message *m, const struct certificate_record *c)
{
	return m->timestamp_ms > 0 ? m->timestamp_ms : c->issued;
}

/* Its row, as long as it is kept, and its place in the index. */
static MUST_USE bool
certificate_put(struct fold *f, const struct fold_mount *mount, const struct queue_message *m,
    const struct certificate_record *c, struct err *e)
{
	int64_t expires_ms = claim_certificate_end_ms(
	    f->spec->settings, c->not_after, made_ms(m, c));

	if (expires_ms > f->now_ms &&
	    !fold_put(&f->sink, redis_cert_key(&f->message, c->mount, c->serial), m->value,
		expires_ms, e))
		return false;
	return c->not_after + CERTIFICATE_ROW_BUFFER_S <= f->now_ms / 1000 ||
	    fold_index_add(f, mount, c->serial, c->not_after, e);
}

/* The topic of "topic/partition/offset", or of what begins so. */
static const char *
first_part(struct fold *f, struct slice source)
{
	const uint8_t *slash = source.len == 0 ? NULL : memchr(source.data, '/', source.len);

	return slash == NULL
	    ? NULL
	    : arena_text(&f->message, slice_of(source.data, (size_t)(slash - source.data)));
}

/* It stands beside its claim, as long as the claim may. */
static MUST_USE bool
unstored_put(struct fold *f, const struct queue_message *m, const struct certificate_record *c,
    struct err *e)
{
	const char *topic = first_part(f, c->source);
	int64_t expires_ms = claim_end_ms(f->spec->settings, made_ms(m, c)) +
	    CLAIM_RECORD_BUFFER_MS;

	return topic == NULL || expires_ms <= f->now_ms ||
	    fold_put(&f->sink, claim_record_key(&f->message, topic, c->request), m->value,
		expires_ms, e);
}

bool
fold_certificate(struct fold *f, const struct queue_message *m, struct err *e)
{
	struct certificate_record c = { 0 };
	struct fold_mount *mount;
	struct err bad;
	uint64_t seen;

	if (m->value.data == NULL ||
	    !schema_decode(&certificate_record_schema, m->value, &f->message, &c, &seen, &bad))
		return skip(f);
	mount = mount_of(f, c.mount, e);
	if (mount == NULL || !ordinal_pass(mount, &c, e))
		return false;
	mount->issued++;
	if (c.no_store)
		return unstored_put(f, m, &c, e);
	return certificate_put(f, mount, m, &c, e);
}

/* ---- .state ---- */

/* certificate/MOUNT/SERIAL: `.certs` may have forgotten it. It is counted there. */
static MUST_USE bool
long_lived_put(struct fold *f, const struct queue_message *m, struct err *e)
{
	struct certificate_record c = { 0 };
	struct fold_mount *mount;
	struct err bad;
	uint64_t seen;

	if (m->value.data == NULL)
		return true;
	if (!schema_decode(&certificate_record_schema, m->value, &f->message, &c, &seen, &bad))
		return skip(f);
	mount = mount_of(f, c.mount, e);
	return mount != NULL && ordinal_pass(mount, &c, e) && certificate_put(f, mount, m, &c, e);
}

/* cm:cfg:<mount>:<kind>:<name>, for operators and other programs. What belongs to no mount has none. */
bool
fold_state(struct fold *f, const struct queue_message *m, struct err *e)
{
	static const char long_lived[] = "certificate/";
	struct slice row;

	if (m->key.len > sizeof(long_lived) - 1 &&
	    memcmp(m->key.data, long_lived, sizeof(long_lived) - 1) == 0 &&
	    !long_lived_put(f, m, e))
		return false;
	if (!config_row_key(&f->message, m->key, &row))
		return true;
	return m->value.data == NULL ? fold_remove(&f->sink, &row, 1, e)
				     : fold_put(&f->sink, row, m->value, 0, e);
}

/* ---- .revoked ---- */

static MUST_USE bool
revocation_rows_read(struct fold *f, struct slice *argv, struct err *e)
{
	argv[0] = SLICE_LITERAL("MGET");
	for (size_t i = 0; i < f->revocation_count; i++)
		argv[i + 1] = f->revocations[i].row_key;
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *rows = store_command(
	    f->sink.store, argv, f->revocation_count + 1, e);
	if (rows == NULL)
		return false;
	for (size_t i = 0; i < f->revocation_count; i++) {
		struct slice certificate = certificate_row_record(store_text(store_item(rows, i)));
		struct buf row SCOPED_BUF = { 0 };

		if (certificate.data == NULL) /* expired, or one that was never stored */
			continue;
		buf_init(&row, certificate.len + f->revocations[i].record.len);
		buf_add_slice(&row, certificate);
		buf_add_slice(&row, f->revocations[i].record);
		if (!fold_replace(&f->sink, f->revocations[i].row_key, buf_slice(&row), e))
			return false;
	}
	return true;
}

bool
fold_revoked_end(struct fold *f, struct err *e)
{
	struct slice *argv = arena_array(&f->lookups, FOLD_LOOKUPS_MAX + 1, sizeof(*argv));

	if (f->revocation_count > 0 &&
	    (!fold_sink_drain(&f->sink, e) || !revocation_rows_read(f, argv, e)))
		return false;
	arena_reset(&f->lookups);
	f->revocation_count = 0;
	f->revocations = NULL;
	return true;
}

/* Revoked wins over issued: the certificates' rows stand already. An entry that has left the CRL left it after its expiry. */
bool
fold_revoked(struct fold *f, const struct queue_message *m, struct err *e)
{
	struct revoked_record r = { 0 };
	struct fold_mount *mount;
	struct err bad;
	uint64_t seen;

	if (m->value.data == NULL)
		return true;
	if (!schema_decode(&revoked_record_schema, m->value, &f->message, &r, &seen, &bad))
		return skip(f);
	mount = mount_of(f, r.mount, e);
	if (mount == NULL)
		return false;
	mount->revoked++;
	if (f->revocations == NULL)
		f->revocations = arena_array(
		    &f->lookups, FOLD_LOOKUPS_MAX, sizeof(*f->revocations));
	f->revocations[f->revocation_count++] = (struct fold_revocation){
		redis_cert_key(&f->lookups, r.mount, r.serial), arena_copy(&f->lookups, m->value)
	};
	return f->revocation_count < FOLD_LOOKUPS_MAX || fold_revoked_end(f, e);
}

/* ---- .audit ---- */

static struct slice
claim_of(struct fold *f, const struct audit_record *record, const struct audit_entry *entry,
    struct slice source)
{
	const struct claim_record claim = {
		.source = slice_text(
		    arena_printf(&f->message, "%.*s/%" PRId64, SLICE_FMT(source), entry->offset)),
		.hash = entry->hash,
		.mount = entry->mount,
		.reply_to = entry->reply_to,
		.at = record->at,
		.outcome = entry->outcome,
		.committed = true,
	};
	struct buf b SCOPED_BUF = { 0 };
	struct writer w = { &b };

	buf_init(&b, entry->outcome.len + 4096);
	schema_encode(&claim_record_schema, &claim, &w);
	return arena_copy(&f->message, buf_slice(&b));
}

static MUST_USE bool
entry_fold(struct fold *f, const struct audit_record *record, struct slice packed,
    struct slice source, struct err *e)
{
	struct audit_entry entry = { 0 };
	int64_t expires_ms = claim_end_ms(f->spec->settings, record->at);
	const char *topic = first_part(f, source);
	struct err bad;
	uint64_t seen;

	if (!schema_decode(&audit_entry_schema, packed, &f->message, &entry, &seen, &bad))
		return skip(f);
	if (topic == NULL || entry.outcome.data == NULL || entry.id.data == NULL ||
	    expires_ms <= f->now_ms)
		return true;
	return fold_put(&f->sink, claim_key(&f->message, topic, entry.id),
	    claim_of(f, record, &entry, source), expires_ms, e);
}

bool
fold_audit(struct fold *f, const struct queue_message *m, struct err *e)
{
	struct audit_record record = { 0 };
	struct err bad;
	uint64_t seen;

	if (m->value.data == NULL ||
	    !schema_decode(&audit_record_schema, m->value, &f->message, &record, &seen, &bad))
		return skip(f);
	for (size_t i = 0; i < record.entries.count; i++)
		if (!entry_fold(f, &record, record.entries.items[i], m->key, e))
			return false;
	return true;
}
