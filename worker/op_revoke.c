/*
 * revoke and crl/rotate. The record of revocations is `.revoked`, which the lane's CRL owner has folded: a row in Redis only
 * says which certificate a serial number is.
 */
#include "op.h"

#include "crl_owner.h"
#include "timespan.h"

#define INVALIDITY_FIRST ((int64_t)-631152000) /* 1950-01-01 */
#define EXPIRED_WITHIN_S 2 /* what has no more time left than this is as good as expired */

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
    const struct revocable *subject, int64_t now, struct crl_entry *ret, bool *ret_found,
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
outcome_revoked(struct context *cx, struct request *rq, const struct revocable *subject,
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

/* Nothing is done, and that is no error: the CRL would drop it. */
static bool
leave_expired(struct context *cx, struct request *rq, const struct revocable *subject)
{
	char end[32];

	time_format_rfc3339(subject->not_after, end);
	request_warn(cx, rq, "certificate_expired",
	    "the certificate expired at %s: it is not put on the CRL", end);
	return true;
}

bool
revoke_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	int64_t now = cx->now_ms / 1000;
	struct revocable subject = { 0 };
	struct crl_entry entry;
	struct grounds grounds;
	bool already;

	if (!request_admit(cx, rq, &mount, e) || !grounds_parse(rq->params, now, &grounds, e) ||
	    !revocable_find(cx, rq, mount, &subject, e) ||
	    !revoked_before(cx, rq, mount, &subject, now, &entry, &already, e))
		return false;
	if (!already && subject.not_after < now + EXPIRED_WITHIN_S)
		return leave_expired(cx, rq, &subject);
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
	struct revoke_answer answer = { .revocation_time = rq->outcome.revoked_at,
		.state = SLICE_LITERAL("expired"),
		.crl_number = rq->crl_number > 0 ? rq->crl_number : SCHEMA_ABSENT };

	(void)e;
	if (rq->outcome.revoked_at != SCHEMA_ABSENT) {
		answer.state = SLICE_LITERAL("revoked");
		answer.revocation_time_rfc3339 = rfc3339_text(cx->arena, rq->outcome.revoked_at);
	}
	schema_encode(&revoke_answer_schema, &answer, data);
	return true;
}

/* ---- crl/rotate ---- */

bool
crl_rotate_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct crl_rotate_params *p = rq->params;
	const struct catalog_mount *mount;

	if (!request_admit(cx, rq, &mount, e) || mount_issuer(mount, e) == NULL)
		return false;
	rq->outcome.issuer = slice_text(mount->issuer->issuer->id);
	if (p->minimum_number > 0)
		rq->outcome.crl_minimum = p->minimum_number;
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
