/* Answers, cut down to facts: which message each answers, and which certificate or CRL it names. */
#include "audit.h"

#include "encode.h"
#include "envelope.h"

/* What of an answer's data is looked at; the rest of it differs with the operation. */
struct named {
	struct slice serial;
	int64_t crl_number; /* 0: none */
};

/* One pair of the map. */
static MUST_USE bool
member_read(struct cursor *c, struct named *ret)
{
	struct slice name, raw;

	if (!cursor_text(c, &name))
		return false;
	if (slice_is(name, "serial") && cursor_peek(c) == CURSOR_TEXT)
		return cursor_text(c, &ret->serial);
	if (slice_is(name, "crl_number") && cursor_peek(c) == CURSOR_INT)
		return cursor_int(c, &ret->crl_number);
	return cursor_skip(c, &raw);
}

static MUST_USE bool
data_read(struct slice data, struct named *ret)
{
	struct cursor c = cursor_of(data);
	uint32_t count;

	*ret = (struct named){ SLICE_NONE, 0 };
	if (data.data == NULL)
		return true;
	if (!cursor_map(&c, &count))
		return false;
	while (count-- > 0)
		if (!member_read(&c, ret))
			return false;
	return true;
}

/* Only of what the request itself brought about: a query may name any certificate. */
static MUST_USE bool
answer_names(struct audit *a, const struct response_envelope *r, const struct audit_place *source,
    struct fact *f)
{
	uint8_t serial[SERIAL_SIZE];
	struct named named;
	size_t len;

	if (!slice_is(r->status, "ok") || source->topic == AUDIT_QUERY)
		return true;
	if (!data_read(r->data, &named))
		return false;
	if (source->topic == AUDIT_REVOKE) {
		f->other = named.crl_number;
		return true;
	}
	if (named.serial.data == NULL)
		return true;
	if (!hex_parse(named.serial, serial, sizeof(serial), &len))
		return false;
	f->other = audit_serial_mark(a, slice_of(serial, len));
	return true;
}

static MUST_USE bool
replay_fact(struct audit *a, const struct response_envelope *r, const struct audit_place *source,
    struct fact f, struct err *e)
{
	const struct slice id[] = { slice_text(a->topics[source->topic].name), r->id };

	f.subject = ABOUT_ID;
	audit_digest(a, id, 2, f.about);
	return facts_add(a->facts, &f, e);
}

bool
audit_answer_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset }, source;
	struct fact f = audit_fact(ABOUT_REQUEST, FACT_ANSWER, &place, m->timestamp_ms);
	struct response_envelope r = { 0 };
	struct err bad = { 0 };
	uint64_t seen;

	if (!audit_source_parse(a, audit_header(m, "source"), &source))
		return audit_malformed(
		    a, &place, m->timestamp_ms, "its source is no message of a request topic");
	if (!audit_decided(a, &source))
		return true;
	if (m->value.data == NULL ||
	    !schema_decode(&response_schema, m->value, &a->message, &r, &seen, &bad))
		return audit_malformed(a, &place, m->timestamp_ms, bad.msg);
	if (!answer_names(a, &r, &source, &f))
		return audit_malformed(a, &place, m->timestamp_ms, "its data does not decode");
	if (slice_is(audit_header(m, "replayed"), "1"))
		f.flags = FACT_REPLAYED;
	audit_fact_source(&f, &source);
	if (!facts_add(a->facts, &f, e))
		return false;
	return f.flags == 0 || f.other == 0 || source.topic == AUDIT_REVOKE ||
	    replay_fact(a, &r, &source, f, e);
}
