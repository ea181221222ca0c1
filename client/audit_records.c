/* Requests, rejects, and the ledger's certificates, revocations and configuration, cut down to facts. */
#include "audit.h"

#include "audit_book.h"
#include "audit_der.h"
#include "encode.h"
#include "states.h"

#include <inttypes.h>

struct fact
audit_fact(enum fact_subject about, enum fact_kind kind, const struct audit_place *by, int64_t at)
{
	return (struct fact){ .subject = (uint8_t)about,
		.kind = (uint8_t)kind,
		.topic = by->topic,
		.partition = by->partition,
		.offset = by->offset,
		.at = at };
}

void
audit_fact_source(struct fact *f, const struct audit_place *source)
{
	const uint64_t partition = (uint32_t)source->partition, offset = (uint64_t)source->offset;

	f->about[0] = source->topic;
	for (int i = 0; i < 4; i++)
		f->about[1 + i] = (uint8_t)(partition >> (24 - 8 * i));
	for (int i = 0; i < 8; i++)
		f->about[5 + i] = (uint8_t)(offset >> (56 - 8 * i));
}

struct audit_place
audit_source_of(const struct fact *f)
{
	uint32_t partition = 0;
	uint64_t offset = 0;

	for (int i = 0; i < 4; i++)
		partition = partition << 8 | f->about[1 + i];
	for (int i = 0; i < 8; i++)
		offset = offset << 8 | f->about[5 + i];
	return (struct audit_place){ f->about[0], (int32_t)partition, (int64_t)offset };
}

bool
audit_malformed(struct audit *a, const struct audit_place *place, int64_t at_ms, const char *why)
{
	report_violation(a, VIOLATION_MALFORMED, place, at_ms, "%s", why);
	return true;
}

struct slice
audit_header(const struct queue_message *m, const char *name)
{
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(m); i++)
		if (queue_message_header(m, i, &h) && strcmp(h.name, name) == 0)
			return h.value;
	return SLICE_NONE;
}

/* ---- requests and rejects ---- */

bool
audit_request_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset };
	struct fact f = audit_fact(ABOUT_REQUEST, FACT_REQUEST, &place, m->timestamp_ms);

	if (!audit_decided(a, &place))
		return true;
	a->report.requests += audit_in_range(a, m->timestamp_ms);
	audit_fact_source(&f, &place);
	if (audit_header(m, "kafka_replyPartition").data != NULL)
		f.flags = FACT_ANYWHERE;
	return facts_add(a->facts, &f, e);
}

bool
audit_reject_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset }, source;
	struct fact f = audit_fact(ABOUT_REQUEST, FACT_REJECT, &place, m->timestamp_ms);
	const char *text = arena_printf(&a->message, "%.*s/%.*s/%.*s",
	    SLICE_FMT(audit_header(m, "topic")), SLICE_FMT(audit_header(m, "partition")),
	    SLICE_FMT(audit_header(m, "offset")));

	if (!audit_source_parse(a, slice_text(text), &source))
		return audit_malformed(
		    a, &place, m->timestamp_ms, "its headers name no message of a request topic");
	audit_fact_source(&f, &source);
	return !audit_decided(a, &source) || facts_add(a->facts, &f, e);
}

/* ---- .certs ---- */

/* The content octets of serialNumber in a Certificate (RFC 5280 4.1). */
static bool
certificate_serial(struct slice der, struct slice *ret)
{
	struct element certificate, tbs, serial;

	if (!element_cut(&der, V_ASN1_SEQUENCE, &certificate) ||
	    !element_cut(&certificate.contents, V_ASN1_SEQUENCE, &tbs) ||
	    !element_cut(&tbs.contents, ELEMENT_ANY, &serial))
		return false;
	if (serial.tag == V_ASN1_CONTEXT_SPECIFIC && /* version */
	    !element_cut(&tbs.contents, ELEMENT_ANY, &serial))
		return false;
	*ret = serial.contents;
	return serial.tag == V_ASN1_INTEGER;
}

static MUST_USE bool
certificate_facts(struct audit *a, const struct audit_place *place,
    const struct certificate_record *r, const struct audit_place *source, struct err *e)
{
	const struct slice serial[] = { r->issuer, r->serial };
	const struct slice id[] = { slice_text(a->topics[source->topic].name), r->request };
	struct fact f = audit_fact(ABOUT_REQUEST, FACT_CERTIFICATE, place, r->issued);

	f.other = audit_serial_mark(a, r->serial);
	f.mark = audit_mark(a, r->certificate);
	audit_fact_source(&f, source);
	if (!facts_add(a->facts, &f, e))
		return false;
	f.subject = ABOUT_ID;
	audit_digest(a, id, 2, f.about);
	if (!facts_add(a->facts, &f, e))
		return false;
	f.subject = ABOUT_CERTIFICATE;
	f.ref = audit_home(a, AUDIT_TRAIL,
	    slice_text(arena_printf(
		&a->message, "%s/%" PRId32, a->topics[source->topic].name, source->partition)));
	audit_digest(a, serial, 2, f.about);
	return facts_add(a->facts, &f, e);
}

bool
audit_certificate_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset }, source;
	struct certificate_record r = { 0 };
	struct slice serial;
	struct err bad = { 0 };
	uint64_t seen;

	if (m->value.data == NULL ||
	    !schema_decode(&certificate_record_schema, m->value, &a->message, &r, &seen, &bad))
		return audit_malformed(a, &place, m->timestamp_ms, bad.msg);
	if (!audit_source_parse(a, r.source, &source))
		return audit_malformed(
		    a, &place, m->timestamp_ms, "its source is no message of a request topic");
	if (!audit_decided(a, &source))
		return true;
	r.issued = audit_time(r.issued);
	a->report.certificates += audit_in_range(a, r.issued);
	if (!certificate_serial(r.certificate, &serial) || !slice_eq(serial, r.serial))
		report_violation(a, VIOLATION_CERTIFICATE_DIFFERS, &place, r.issued,
		    "the certificate has another serial number than its record");
	return certificate_facts(a, &place, &r, &source, e);
}

/* ---- .revoked ---- */

/* "mount/serial" */
static bool
revoked_key_parse(struct slice key, uint8_t serial[static SERIAL_SIZE], struct slice *ret_mount,
    struct slice *ret_serial)
{
	const uint8_t *slash = key.len == 0 ? NULL : memrchr(key.data, '/', key.len);
	size_t len;

	if (slash == NULL)
		return false;
	*ret_mount = slice_of(key.data, (size_t)(slash - key.data));
	if (!hex_parse(
		slice_of(slash + 1, key.len - ret_mount->len - 1), serial, SERIAL_SIZE, &len))
		return false;
	*ret_serial = slice_of(serial, len);
	return true;
}

bool
audit_revoked_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset };
	struct fact f = audit_fact(ABOUT_REVOCATION, FACT_REVOKED, &place, m->timestamp_ms);
	struct revoked_record r = { .invalidity_date = SCHEMA_ABSENT };
	uint8_t octets[SERIAL_SIZE];
	struct slice mount, serial;
	struct err bad = { 0 };
	uint64_t seen;

	if (!revoked_key_parse(m->key, octets, &mount, &serial))
		return audit_malformed(a, &place, m->timestamp_ms, "its key is no mount/serial");
	f.number = m->offset;
	f.flags = m->value.data == NULL ? FACT_GONE : 0;
	if (f.flags == 0) {
		if (!schema_decode(&revoked_record_schema, m->value, &a->message, &r, &seen, &bad))
			return audit_malformed(a, &place, m->timestamp_ms, bad.msg);
		if (!slice_eq(r.mount, mount) || !slice_eq(r.serial, serial))
			return audit_malformed(
			    a, &place, m->timestamp_ms, "its key names another serial number");
		a->report.revocations++;
		f.at = audit_time(r.date) * 1000;
		f.other = r.not_after;
		f.ref = crl_book_ref(a->crls, r.mount, r.issuer);
	}
	audit_revocation_digest(a, mount, serial, f.about);
	return facts_add(a->revocations, &f, e);
}

/* ---- .state ---- */

bool
audit_state_take(struct audit *a, size_t topic, const struct queue_message *m, struct err *e)
{
	static const char issuer[] = "issuer/";
	struct audit_place place = { (uint8_t)topic, m->partition, m->offset };
	struct fact f = audit_fact(ABOUT_CONFIGURATION, FACT_STATE, &place, m->timestamp_ms);
	struct issuer_state state = { 0 };
	struct err bad = { 0 };
	uint64_t seen;

	audit_state_add(a, m->offset, m->timestamp_ms);
	if (m->key.data == NULL)
		return audit_malformed(a, &place, m->timestamp_ms, "it has no key");
	f.number = m->offset;
	f.flags = m->value.data == NULL ? FACT_GONE : 0;
	if (f.flags == 0 && m->key.len > sizeof(issuer) - 1 &&
	    memcmp(m->key.data, issuer, sizeof(issuer) - 1) == 0) {
		if (!schema_decode(
			&issuer_state_schema, m->value, &a->message, &state, &seen, &bad) ||
		    !crl_book_issuer(a->crls, state.certificate, &bad))
			return audit_malformed(a, &place, m->timestamp_ms, bad.msg);
	}
	audit_digest(a, &m->key, 1, f.about);
	return facts_add(a->facts, &f, e);
}
