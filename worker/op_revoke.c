/*
 * revoke and crl/rotate. The record of revocations is `.revoked`, which the lane's CRL owner has folded: a row in Redis only
 * says which certificate a serial number is.
 */
#include "op.h"

#include "crl_owner.h"
#include "encode.h"
#include "serial.h"
#include "timespan.h"

#define INVALIDITY_FIRST ((int64_t)-631152000) /* 1950-01-01 */

/* What is to be revoked. */
struct subject {
	struct slice serial;
	const struct issuer *issuer; /* NULL: not known yet */
	int64_t not_after;
};

/* ---- which certificate ---- */

/* As the INTEGER has it: no leading zero octet but before a high bit. */
static MUST_USE bool
serial_param(const struct revoke_params *p, struct arena *a, struct slice *ret, struct err *e)
{
	struct slice octets;
	uint8_t *content;

	if (!serial_parse(p->serial_number, "serial_number", a, &octets, e))
		return false;
	while (octets.len > 1 && octets.data[0] == 0)
		octets = slice_of(octets.data + 1, octets.len - 1);
	content = arena_alloc(a, octets.len + 1);
	memcpy(content + 1, octets.data, octets.len);
	*ret = slice_of(content + 1, octets.len);
	if ((octets.data[0] & 0x80) != 0)
		*ret = slice_of(content, octets.len + 1);
	return true;
}

/* One CERTIFICATE block and no other. */
static MUST_USE bool
certificate_block(struct slice pem, struct arena *a, struct slice *ret_der, struct err *e)
{
	struct slice rest = pem;
	struct slice label, other;
	struct err why = { 0 };

	if (!pem_next(&rest, a, &label, ret_der, &why) || !slice_is(label, "CERTIFICATE"))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "there is no certificate in PEM%s%s", why.code == ERR_NONE ? "" : ": ",
		    why.msg);
	if (pem_next(&rest, a, &label, &other, &why) || why.code != ERR_NONE)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "there is something behind the certificate");
	return true;
}

static MUST_USE bool
certificate_param(const struct revoke_params *p, struct arena *a, struct slice *ret_der,
    struct certificate_facts *ret, struct err *e)
{
	struct err why = { 0 };

	if (!certificate_block(p->certificate, a, ret_der, e))
		return false;
	if (!certificate_read(*ret_der, ret, &why))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate", "%s", why.msg);
	if (ret->serial.len == 0 || ret->serial.len > SERIAL_SIZE)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "the serial number has %zu octets", ret->serial.len);
	return true;
}

struct slice
revoke_lookup(const struct context *cx, const struct request *rq)
{
	const struct revoke_params *p = rq->params;
	struct certificate_facts facts;
	struct slice serial, der;
	struct err e = { 0 };

	if (p->serial_number.data != NULL) {
		if (!serial_param(p, cx->arena, &serial, &e))
			return SLICE_NONE;
		return redis_cert_key(cx->arena, rq->envelope.mount, serial);
	}
	if (p->certificate.data == NULL || !certificate_param(p, cx->arena, &der, &facts, &e))
		return SLICE_NONE;
	return redis_cert_key(cx->arena, rq->envelope.mount, facts.serial);
}

/* The issuer of the mount that signed it. */
static const struct issuer *
signer_of(
    const struct catalog_mount *mount, struct slice der, const struct certificate_facts *facts)
{
	struct err why = { 0 };

	for (size_t i = 0; i < mount->issuer_count; i++) {
		const struct issuer *issuer = mount->issuers[i]->issuer;

		if (slice_eq(issuer->subject, facts->issuer) &&
		    certificate_verify(der, issuer, &why))
			return issuer;
	}
	return NULL;
}

static bool
is_own_ca(const struct catalog_mount *mount, struct slice der)
{
	for (size_t i = 0; i < mount->issuer_count; i++)
		if (slice_eq(mount->issuers[i]->issuer->der, der))
			return true;
	return false;
}

static MUST_USE bool
find_by_certificate(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct subject *ret, struct err *e)
{
	struct certificate_facts facts;
	struct certificate_row row;
	struct slice der;

	if (!certificate_param(rq->params, cx->arena, &der, &facts, e))
		return false;
	if (is_own_ca(mount, der))
		return err_field(e, ERR_INVALID_VALUE, "certificate",
		    "this is the mount's CA: it is not revoked by itself");
	*ret = (struct subject){ facts.serial, signer_of(mount, der, &facts), facts.not_after };
	if (ret->issuer == NULL)
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "no CA of mount \"%.*s\" has signed it", SLICE_FMT(mount->name));
	if (rq->row.data == NULL)
		return true;
	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	if (!slice_eq(row.certificate.certificate, der))
		return err_field(e, ERR_CERTIFICATE_INVALID, "certificate",
		    "another certificate of that serial number is known");
	return true;
}

static bool
is_ca_serial(const struct catalog_mount *mount, struct slice serial)
{
	for (size_t i = 0; i < mount->issuer_count; i++)
		if (slice_eq(mount->issuers[i]->issuer->serial, serial))
			return true;
	return false;
}

/* Without a row: it may have been revoked by its certificate, of which no row was ever written. */
static bool
find_revoked(const struct context *cx, const struct catalog_mount *mount, struct subject *subject)
{
	struct crl_entry entry;

	for (size_t i = 0; i < mount->issuer_count; i++) {
		const struct issuer *issuer = mount->issuers[i]->issuer;

		if (!crl_owner_find(
			cx->crls, mount->name, slice_text(issuer->id), subject->serial, &entry))
			continue;
		subject->issuer = issuer;
		subject->not_after = entry.not_after;
		return true;
	}
	return false;
}

static MUST_USE bool
find_by_serial(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct subject *ret, struct err *e)
{
	const struct catalog_issuer *issuer;
	struct certificate_row row;

	if (!serial_param(rq->params, cx->arena, &ret->serial, e))
		return false;
	if (is_ca_serial(mount, ret->serial))
		return err_field(e, ERR_INVALID_VALUE, "serial_number",
		    "this is the mount's CA: it is not revoked by itself");
	if (rq->row.data == NULL) {
		if (find_revoked(cx, mount, ret))
			return true;
		return err_field(e, ERR_UNKNOWN_SERIAL, "serial_number",
		    "mount \"%.*s\" knows no certificate of that serial number",
		    SLICE_FMT(mount->name));
	}
	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	issuer = catalog_find_issuer(mount, row.certificate.issuer);
	if (issuer == NULL)
		return err_field(e, ERR_UNKNOWN_SERIAL, "serial_number",
		    "its issuer is not of mount \"%.*s\"", SLICE_FMT(mount->name));
	ret->issuer = issuer->issuer;
	ret->not_after = row.certificate.not_after;
	return true;
}

static MUST_USE bool
find_subject(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct subject *ret, struct err *e)
{
	const struct revoke_params *p = rq->params;

	if (p->serial_number.data == NULL && p->certificate.data == NULL)
		return err_field(e, ERR_MISSING_FIELD, "serial_number",
		    "serial_number or certificate is needed");
	if (p->serial_number.data != NULL && p->certificate.data != NULL)
		return err_field(e, ERR_INVALID_VALUE, "certificate",
		    "give serial_number or certificate, not both");
	if (p->certificate.data != NULL)
		return find_by_certificate(cx, rq, mount, ret, e);
	return find_by_serial(cx, rq, mount, ret, e);
}

/* ---- revoking it ---- */

struct grounds {
	int64_t reason, invalidity_date;
};

static MUST_USE bool
grounds_parse(const struct revoke_params *p, int64_t now, struct grounds *ret, struct err *e)
{
	*ret = (struct grounds){ 0, SCHEMA_ABSENT };
	if (!crl_reason_parse(p->reason, &ret->reason, e))
		return false;
	if (p->invalidity_date.data == NULL)
		return true;
	if (!time_parse_rfc3339(p->invalidity_date, "invalidity_date", &ret->invalidity_date, e))
		return false;
	if (ret->invalidity_date > now || ret->invalidity_date < INVALIDITY_FIRST)
		return err_field(e, ERR_INVALID_VALUE, "invalidity_date",
		    "the invalidity date is in the future, or before 1950");
	return true;
}

/* Was it on a CRL, or is there a record that it was, once it has left the CRL? */
static MUST_USE bool
revoked_before(struct context *cx, const struct request *rq, const struct catalog_mount *mount,
    const struct subject *subject, int64_t now, struct crl_entry *ret, bool *ret_found,
    struct err *e)
{
	struct certificate_row row;

	*ret_found = crl_owner_find(
	    cx->crls, mount->name, slice_text(subject->issuer->id), subject->serial, ret);
	if (*ret_found || rq->row.data == NULL || subject->not_after > now)
		return true;
	if (!certificate_row_read(rq->row, cx->arena, &row, e))
		return false;
	*ret_found = row.is_revoked;
	*ret = (struct crl_entry){ .date = row.revoked.date,
		.reason = row.revoked.reason,
		.invalidity_date = row.revoked.invalidity_date };
	return true;
}

static void
outcome_revoked(struct context *cx, struct request *rq, const struct subject *subject,
    const struct crl_entry *entry, bool already)
{
	struct outcome *o = &rq->outcome;

	o->issuer = slice_text(subject->issuer->id);
	o->serial = arena_copy(cx->arena, subject->serial);
	o->not_after = subject->not_after;
	o->revoked_at = entry->date;
	o->reason = entry->reason;
	o->invalidity_date = entry->invalidity_date;
	o->already = already;
}

bool
revoke_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	int64_t now = cx->now_ms / 1000;
	struct subject subject = { 0 };
	struct crl_entry entry;
	struct grounds grounds;
	bool already;

	if (!request_admit(cx, rq, &mount, e) || !grounds_parse(rq->params, now, &grounds, e) ||
	    !find_subject(cx, rq, mount, &subject, e) ||
	    !revoked_before(cx, rq, mount, &subject, now, &entry, &already, e))
		return false;
	if (!already && subject.not_after <= now)
		return err_set(e, ERR_CERTIFICATE_EXPIRED,
		    "the certificate has expired: there is nothing to revoke");
	if (rq->envelope.dry_run)
		return true;
	if (!already)
		entry = (struct crl_entry){ .date = request_time_ms(cx, rq) / 1000,
			.reason = grounds.reason,
			.invalidity_date = grounds.invalidity_date };
	outcome_revoked(cx, rq, &subject, &entry, already);
	return true;
}

bool
revoke_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct revoke_answer answer = { .revocation_time = rq->outcome.revoked_at,
		.revocation_time_rfc3339 = rfc3339_text(cx->arena, rq->outcome.revoked_at),
		.state = SLICE_LITERAL("revoked"),
		.crl_number = rq->crl_number > 0 ? rq->crl_number : SCHEMA_ABSENT };

	(void)e;
	schema_encode(&revoke_answer_schema, &answer, data);
	return true;
}

/* ---- crl/rotate ---- */

bool
crl_rotate_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	if (!request_admit(cx, rq, &mount, e) || mount_issuer(mount, e) == NULL)
		return false;
	rq->outcome.issuer = slice_text(mount->issuer->issuer->id);
	rq->outcome.rotate = !rq->envelope.dry_run;
	return true;
}

bool
crl_rotate_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct rotate_answer answer = { .success = true,
		.crl_number = rq->crl_number > 0 ? rq->crl_number : SCHEMA_ABSENT };

	(void)cx;
	(void)e;
	schema_encode(&rotate_answer_schema, &answer, data);
	return true;
}
