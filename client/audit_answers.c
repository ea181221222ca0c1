/* Answers, cut down to facts: which message each answers, how, and which certificate or CRL it names. */
#include "audit.h"

#include "encode.h"
#include "envelope.h"
#include "message_limits.h"

/* What of an answer's data, or of its error, is looked at; the rest of it differs with the operation. */
struct named {
	struct slice serial, certificate, state, code;
	int64_t crl_number; /* 0: none */
};

/* One pair of the map. */
static MUST_USE bool
member_read(struct cursor *c, struct named *ret)
{
	const struct {
		const char *name;
		struct slice *ret;
	} texts[] = {
		{ "serial", &ret->serial },
		{ "certificate", &ret->certificate },
		{ "state", &ret->state },
		{ "code", &ret->code },
	};
	struct slice name, raw;

	if (!cursor_text(c, &name))
		return false;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (slice_is(name, texts[i].name) && cursor_peek(c) == CURSOR_TEXT)
			return cursor_text(c, texts[i].ret);
	if (slice_is(name, "crl_number") && cursor_peek(c) == CURSOR_INT)
		return cursor_int(c, &ret->crl_number);
	return cursor_skip(c, &raw);
}

static MUST_USE bool
map_read(struct slice map, struct named *ret)
{
	struct cursor c = cursor_of(map);
	uint32_t count;

	*ret = (struct named){ 0 };
	if (map.data == NULL)
		return true;
	if (!cursor_map(&c, &count))
		return false;
	while (count-- > 0)
		if (!member_read(&c, ret))
			return false;
	return true;
}

/* The mark of the certificate in any of the formats: base64 of the DER, or the first of that label in PEM. */
static uint32_t
certificate_mark(struct audit *a, struct slice text)
{
	struct buf SCOPED_BUF der = { 0 };
	struct slice label, body;
	struct err bad;
	bool good = false;

	buf_init(&der, ANSWER_MAX);
	if (text.len == 0 || text.data[0] != '-') {
		good = base64_parse(text, &der);
	} else {
		while (!good && pem_find(&text, &label, &body, &bad))
			good = slice_is(label, "CERTIFICATE") && pem_decode(body, &der);
	}
	return audit_mark(a, good ? buf_slice(&der) : slice_of("", 0));
}

static MUST_USE bool
certificate_names(struct audit *a, const struct named *named, struct fact *f)
{
	uint8_t serial[SERIAL_SIZE];
	size_t len;

	if (named->serial.data == NULL)
		return true;
	if (!hex_parse(named->serial, serial, sizeof(serial), &len))
		return false;
	f->other = audit_serial_mark(a, slice_of(serial, len));
	f->mark = certificate_mark(a, named->certificate);
	return true;
}

/* Only of what the request itself brought about: a query may name any certificate. */
static MUST_USE bool
answer_names(struct audit *a, const struct response_envelope *r, const struct audit_place *source,
    struct fact *f)
{
	bool refused = !slice_is(r->status, "ok");
	struct named named;

	if (!refused && source->topic == AUDIT_QUERY)
		return true;
	if (!map_read(refused ? r->error : r->data, &named))
		return false;
	if (refused) {
		f->flags |= FACT_REFUSED;
		f->mark = audit_mark(a, named.code);
	} else if (source->topic == AUDIT_REVOKE) {
		f->other = named.crl_number;
		f->mark = named.state.data == NULL ? 0 : audit_mark(a, named.state);
	} else {
		return certificate_names(a, &named, f);
	}
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
		f.flags |= FACT_REPLAYED;
	audit_fact_source(&f, &source);
	if (!facts_add(a->facts, &f, e))
		return false;
	return (f.flags & FACT_REPLAYED) == 0 || f.other == 0 || source.topic == AUDIT_REVOKE ||
	    replay_fact(a, &r, &source, f, e);
}
