/* Records of `.audit`, cut down to facts: what was decided, under what configuration, and what it brought about. */
#include "audit.h"

#include "audit_book.h"
#include "encode.h"

#include <inttypes.h>

#define USES_MAX 64 /* keys of one record that are told apart; more are told twice */

/* One entry, decoded, and where it stands. */
struct entry {
	struct audit_place place; /* of the record */
	struct audit_place source;
	const struct audit_record *record;
	struct audit_entry e;
	struct outcome outcome;
	bool decided;
};

/* The configuration that one record was decided under. */
struct uses {
	uint8_t about[USES_MAX][FACT_DIGEST_SIZE];
	size_t count;
};

static bool
entry_is_ok(const struct entry *n)
{
	return slice_is(n->e.result, "ok");
}

static bool
entry_revokes(const struct entry *n)
{
	return entry_is_ok(n) && n->outcome.serial.data != NULL &&
	    n->outcome.revoked_at != SCHEMA_ABSENT;
}

/* Whatever the operation's name: a serial number that was not revoked is one that was signed. */
static bool
entry_signs(const struct entry *n)
{
	return entry_is_ok(n) && n->outcome.serial.data != NULL &&
	    n->outcome.revoked_at == SCHEMA_ABSENT;
}

static MUST_USE bool
entry_decode(struct audit *a, struct slice raw, struct entry *n, struct err *bad)
{
	uint64_t seen;

	n->e = (struct audit_entry){ .timestamp = SCHEMA_ABSENT };
	n->outcome = outcome_none;
	if (!schema_decode(&audit_entry_schema, raw, &a->message, &n->e, &seen, bad))
		return false;
	n->e.timestamp = audit_time(n->e.timestamp);
	n->source.offset = n->e.offset;
	n->decided = audit_decided(a, &n->source);
	return n->e.outcome.data == NULL ||
	    schema_decode(&outcome_schema, n->e.outcome, &a->message, &n->outcome, &seen, bad);
}

/* ---- the request ---- */

/* Where it belongs. AUDIT_ANY: everywhere, or nobody could read where. */
static int32_t
entry_home(const struct audit *a, const struct entry *n)
{
	struct slice name = n->source.topic == AUDIT_REVOKE || n->source.topic == AUDIT_CONFIG
	    ? n->e.mount
	    : n->e.id;

	if (n->source.topic == AUDIT_QUERY || name.data == NULL)
		return AUDIT_ANY;
	return (int32_t)audit_home(a, n->source.topic, name);
}

/* A refusal may come before the message could be sent on: only what was done must have been at home. */
static bool
entry_is_astray(const struct audit *a, const struct entry *n, bool rerouted)
{
	int32_t home = entry_home(a, n);
	bool done = entry_is_ok(n) || slice_is(n->e.result, "replayed");

	return home != AUDIT_ANY && (rerouted || done) && rerouted == (home == n->source.partition);
}

/* Topic and partition of its answer. */
static MUST_USE bool
entry_reply(struct audit *a, const struct entry *n, uint32_t *ret, struct err *e)
{
	size_t topic = AUDIT_RESPONSES;
	uint32_t partition = 0;

	if (n->e.reply_to.data != NULL && !audit_reply_topic(a, n->e.reply_to, &topic, e))
		return false;
	if (topic < AUDIT_TOPICS_MAX && a->topics[topic].count > 0 && n->e.id.data != NULL)
		partition = audit_home(a, topic, n->e.id);
	*ret = (uint32_t)topic | partition << 8;
	return true;
}

static uint8_t
entry_flags(const struct entry *n)
{
	static const struct {
		const char *result;
		uint8_t flag;
	} rows[] = {
		{ "ok", 0 },
		{ "replayed", FACT_REPLAYED },
		{ "rerouted", FACT_REROUTED },
		{ "rejected", FACT_REJECTED },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (slice_is(n->e.result, rows[i].result))
			return rows[i].flag;
	return FACT_REFUSED;
}

static MUST_USE bool
request_facts(struct audit *a, const struct entry *n, struct err *e)
{
	struct fact f = audit_fact(ABOUT_REQUEST, FACT_ENTRY, &n->place, n->e.timestamp);
	bool rerouted = slice_is(n->e.result, "rerouted");

	audit_fact_source(&f, &n->source);
	f.flags = entry_flags(n);
	if ((f.flags & FACT_REFUSED) != 0)
		f.mark = audit_mark(a, n->e.result);
	if (entry_is_astray(a, n, rerouted))
		f.flags |= FACT_NOT_HOME;
	f.other = entry_signs(n) ? audit_serial_mark(a, n->outcome.serial) : 0;
	return entry_reply(a, n, &f.ref, e) && facts_add(a->facts, &f, e);
}

/* ---- what it brought about ---- */

static MUST_USE bool
certificate_facts(struct audit *a, const struct entry *n, struct err *e)
{
	const struct slice serial[] = { n->outcome.issuer, n->outcome.serial };
	const struct slice id[] = { slice_text(a->topics[n->source.topic].name), n->e.id };
	struct fact f = audit_fact(ABOUT_CERTIFICATE, FACT_ENTRY, &n->place, n->e.timestamp);
	struct buf SCOPED_BUF key = { 0 };

	buf_init(&key, 512);
	buf_add_slice(&key, n->e.mount);
	buf_add_byte(&key, '/');
	hex_add(&key, n->outcome.serial, 0);
	f.ref = audit_home(a, AUDIT_CERTS, buf_slice(&key));
	audit_digest(a, serial, 2, f.about);
	if (!facts_add(a->facts, &f, e))
		return false;
	f.subject = ABOUT_ID;
	f.ref = 0;
	f.number = n->record->at;
	f.other = audit_serial_mark(a, n->outcome.serial);
	audit_digest(a, id, 2, f.about);
	return facts_add(a->facts, &f, e);
}

static MUST_USE bool
revocation_facts(struct audit *a, const struct entry *n, struct err *e)
{
	struct fact f = audit_fact(ABOUT_REVOCATION, FACT_REVOCATION, &n->place, n->e.timestamp);
	struct fact subject = audit_fact(ABOUT_REQUEST, FACT_SUBJECT, &n->place, n->e.timestamp);

	audit_revocation_digest(a, n->e.mount, n->outcome.serial, f.about);
	f.flags = n->decided ? 0 : FACT_UNDECIDED;
	f.number = n->record->at;
	f.other = n->outcome.not_after;
	f.ref = crl_book_ref(a->crls, n->e.mount, n->outcome.issuer);
	if (!n->outcome.already && !facts_add(a->revocations, &f, e))
		return false;
	if (!n->decided)
		return true;
	audit_fact_source(&subject, &n->source);
	memcpy(&subject.number, f.about, sizeof(subject.number));
	memcpy(&subject.other, f.about + sizeof(subject.number), sizeof(subject.other));
	return facts_add(a->facts, &subject, e);
}

/* ---- the configuration ---- */

static MUST_USE bool
use_fact(struct audit *a, const struct entry *n, struct uses *uses, enum audit_use use,
    const char *key, struct err *e)
{
	struct fact f = audit_fact(ABOUT_CONFIGURATION, FACT_USE, &n->place, n->e.timestamp);
	struct slice name = slice_text(key);

	audit_digest(a, &name, 1, f.about);
	for (size_t i = 0; i < uses->count; i++)
		if (memcmp(uses->about[i], f.about, sizeof(f.about)) == 0)
			return true;
	if (uses->count < USES_MAX)
		memcpy(uses->about[uses->count++], f.about, sizeof(f.about));
	f.ref = (uint32_t)use;
	f.number = n->record->state_offset;
	f.other = n->e.offset;
	return facts_add(a->facts, &f, e);
}

/* Mount, issuer and role of a certificate; an issuer that the request itself makes was not there before. */
static MUST_USE bool
use_facts(
    struct audit *a, const struct entry *n, struct uses *uses, bool makes_issuer, struct err *e)
{
	bool has_role = n->e.role.len > 0 && n->source.topic <= AUDIT_SIGN;

	return use_fact(a, n, uses, AUDIT_USE_MOUNT,
		   arena_printf(&a->message, "mount/%.*s/", SLICE_FMT(n->e.mount)), e) &&
	    (makes_issuer ||
		use_fact(a, n, uses, AUDIT_USE_ISSUER,
		    arena_printf(&a->message, "issuer/%.*s/%.*s", SLICE_FMT(n->e.mount),
			SLICE_FMT(n->outcome.issuer)),
		    e)) &&
	    (!has_role ||
		use_fact(a, n, uses, AUDIT_USE_ROLE,
		    arena_printf(
			&a->message, "role/%.*s/%.*s", SLICE_FMT(n->e.mount), SLICE_FMT(n->e.role)),
		    e));
}

/* An array of key and nil. */
static MUST_USE bool
change_fact(
    struct audit *a, const struct entry *n, struct slice raw, bool *ret_issuer, struct err *e)
{
	struct fact f = audit_fact(ABOUT_CONFIGURATION, FACT_CHANGE, &n->place, n->e.timestamp);
	struct cursor c = cursor_of(raw);
	struct slice key, made;
	uint32_t count;

	if (!cursor_array(&c, &count) || count != 2 || !cursor_text(&c, &key))
		return audit_malformed(
		    a, &n->place, n->e.timestamp, "a change of configuration is no pair");
	made = slice_text(arena_printf(
	    &a->message, "issuer/%.*s/%.*s", SLICE_FMT(n->e.mount), SLICE_FMT(n->outcome.issuer)));
	*ret_issuer |= slice_eq(key, made);
	audit_digest(a, &key, 1, f.about);
	f.number = n->record->state_offset;
	return facts_add(a->facts, &f, e);
}

static MUST_USE bool
configuration_facts(struct audit *a, const struct entry *n, struct uses *uses, struct err *e)
{
	bool makes_issuer = false;

	for (size_t i = 0; entry_is_ok(n) && i < n->outcome.changes.count; i++)
		if (!change_fact(a, n, n->outcome.changes.items[i], &makes_issuer, e))
			return false;
	return !entry_signs(n) || use_facts(a, n, uses, makes_issuer, e);
}

/* ---- a record ---- */

static MUST_USE bool
entry_take(struct audit *a, struct entry *n, struct slice raw, struct uses *uses, struct err *e)
{
	struct err bad = { 0 };

	if (!entry_decode(a, raw, n, &bad))
		return audit_malformed(a, &n->place, n->record->at, bad.msg);
	if (entry_revokes(n) && !revocation_facts(a, n, e))
		return false;
	if (!n->decided)
		return true;
	return request_facts(a, n, e) && (!entry_signs(n) || certificate_facts(a, n, e)) &&
	    configuration_facts(a, n, uses, e);
}

bool
audit_record_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_record record = { 0 };
	struct entry n = { .place = { (uint8_t)topic, m->partition, m->offset },
		.record = &record };
	struct uses uses = { .count = 0 };
	int64_t newest_ms = INT64_MIN;
	struct err bad = { 0 };
	uint64_t seen;

	if (!audit_partition_parse(a, m->key, &n.source))
		return audit_malformed(
		    a, &n.place, m->timestamp_ms, "its key is no partition of a request topic");
	if (m->value.data == NULL ||
	    !schema_decode(&audit_record_schema, m->value, &a->message, &record, &seen, &bad))
		return audit_malformed(a, &n.place, m->timestamp_ms, bad.msg);
	record.at = audit_time(record.at);
	audit_chain_take(a, m, &n.source, &record);
	for (size_t i = 0; i < record.entries.count; i++) {
		if (!entry_take(a, &n, record.entries.items[i], &uses, e))
			return false;
		if (n.decided && n.e.timestamp > newest_ms)
			newest_ms = n.e.timestamp;
	}
	if (n.decided)
		audit_state_judge(a, &n.place, m->timestamp_ms, &n.source, &record, newest_ms);
	return true;
}
