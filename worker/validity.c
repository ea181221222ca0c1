#include "validity.h"

#include "schema.h"
#include "timespan.h"

static int64_t
or_else(int64_t a, int64_t b)
{
	return a != 0 ? a : b;
}

static bool
check_asked(int64_t asked, struct err *e)
{
	if (asked < 0)
		return err_field(
		    e, ERR_TTL_NOT_ALLOWED, "ttl", "ttl %lld is negative", (long long)asked);
	if (asked > TIMESPAN_MAX)
		return err_field(
		    e, ERR_TTL_NOT_ALLOWED, "ttl", "ttl %lld is over 100 years", (long long)asked);
	return true;
}

static bool
check_issuer(const struct validity_input *in, struct err *e)
{
	char time[32];

	if (in->now > in->issuer_not_after) {
		time_format_rfc3339(in->issuer_not_after, time);
		return err_set(
		    e, ERR_TTL_NOT_ALLOWED, "the CA expired at %s: it signs nothing more", time);
	}
	if (in->now < in->issuer_not_before) {
		time_format_rfc3339(in->issuer_not_before, time);
		return err_set(e, ERR_TTL_NOT_ALLOWED, "the CA is not valid before %s", time);
	}
	return true;
}

/* ---- the beginning ---- */

static bool
bad_begin(int64_t time, const char *what, struct err *e)
{
	char text[32];

	time_format_rfc3339(time, text);
	return err_field(e, ERR_TTL_NOT_ALLOWED, "not_before", "not_before %s %s", text, what);
}

/* What was said in so many words is refused where it does not fit; what the clock gave is moved. */
static bool
decide_begin(const struct validity_input *in, struct validity *v, struct err *e)
{
	int64_t backdated = in->now - or_else(in->not_before_duration, VALIDITY_BACKDATE);

	if (in->asked_begin && in->begin_forbidden)
		return err_field(e, ERR_TTL_NOT_ALLOWED, "not_before",
		    "the role lets no request say not_before (not_before_bound)");
	if (in->asked_begin && in->begin_limited && in->not_before < backdated)
		return bad_begin(in->not_before,
		    "is longer ago than the role's not_before_duration (not_before_bound)", e);
	if (in->begins) {
		if (in->not_before < VALIDITY_FIRST || in->not_before > VALIDITY_LAST)
			return bad_begin(in->not_before, "is before 1950 or after 9999", e);
		if (!in->self_signed && in->not_before < in->issuer_not_before)
			return bad_begin(in->not_before, "is before the CA begins", e);
		v->not_before = in->not_before;
		return true;
	}
	v->not_before = backdated;
	if (!in->self_signed && v->not_before < in->issuer_not_before)
		v->not_before = in->issuer_not_before;
	return true;
}

/* ---- the end ---- */

static bool
bad_end(const struct validity_input *in, int64_t time, const char *what, struct err *e)
{
	char text[32];

	time_format_rfc3339(time, text);
	return err_field(e, ERR_TTL_NOT_ALLOWED, in->ends ? "not_after" : "ttl",
	    "the certificate would end at %s, which %s", text, what);
}

/* Seconds from now where no time was said. */
static bool
decide_ttl(const struct validity_input *in, int64_t *ret, struct validity *v, struct err *e)
{
	int64_t asked = in->asked == SCHEMA_ABSENT ? 0 : in->asked;
	int64_t max = or_else(in->role_max_ttl, in->mount_max_ttl);

	if (!check_asked(asked, e))
		return false;
	*ret = or_else(asked, or_else(in->role_ttl, or_else(in->mount_default_ttl, max)));
	v->wanted = *ret;
	if (max > 0 && *ret > max)
		*ret = v->capped_to = max;
	if (in->ends || (*ret > 0 && *ret <= TIMESPAN_MAX))
		return true;
	return err_set(e, ERR_TTL_NOT_ALLOWED,
	    "neither request, role nor mount gives a usable lifetime (%lld seconds)",
	    (long long)*ret);
}

static bool
check_asked_end(const struct validity_input *in, int64_t ttl, struct err *e)
{
	if (in->asked_end && in->end_forbidden)
		return err_field(e, ERR_TTL_NOT_ALLOWED, "not_after",
		    "the role lets no request say not_after (not_after_bound)");
	if (in->ends && in->asked != 0 && in->asked != SCHEMA_ABSENT)
		return err_field(e, ERR_TTL_NOT_ALLOWED, "ttl",
		    "ttl and not_after exclude each other, and %s not_after",
		    in->asked_end ? "the request also says" : "the role says");
	if (in->asked_end && in->end_limited && in->not_after > in->now + ttl)
		return bad_end(
		    in, in->not_after, "is later than its ttl allows (not_after_bound)", e);
	if (in->ends && (in->not_after > VALIDITY_LAST || in->not_after <= in->now))
		return bad_end(in, in->not_after, "is past, or after the year 9999", e);
	return true;
}

static bool
fit_issuer(const struct validity_input *in, struct validity *v, struct err *e)
{
	char time[32];

	if (v->not_after <= in->issuer_not_after || in->outlive == OUTLIVE_PERMIT)
		return true;
	if (in->outlive == OUTLIVE_TRUNCATE) {
		v->not_after = in->issuer_not_after;
		v->truncated = true;
		return true;
	}
	time_format_rfc3339(in->issuer_not_after, time);
	return err_field(e, ERR_TTL_NOT_ALLOWED, in->ends ? "not_after" : "ttl",
	    "a certificate of %lld seconds would outlive the CA, which ends at %s: ask for a ttl of at most %lld",
	    (long long)(v->not_after - in->now), time, (long long)(in->issuer_not_after - in->now));
}

static bool
decide_end(const struct validity_input *in, struct validity *v, struct err *e)
{
	int64_t ttl;

	if (!decide_ttl(in, &ttl, v, e) || !check_asked_end(in, ttl, e))
		return false;
	v->not_after = in->now + ttl;
	if (in->ends) {
		v->not_after = in->not_after;
		v->capped_to = 0;
	}
	if (!in->self_signed && !fit_issuer(in, v, e))
		return false;
	if (in->end_bounded && v->not_after > in->end_bound)
		return bad_end(in, v->not_after, "is later than the role's not_after_bound", e);
	return true;
}

bool
validity_decide(const struct validity_input *in, struct validity *ret, struct err *e)
{
	*ret = (struct validity){ 0 };
	if (!in->self_signed && !check_issuer(in, e))
		return false;
	if (!decide_begin(in, ret, e) || !decide_end(in, ret, e))
		return false;
	return ret->not_after > ret->not_before ||
	    bad_begin(ret->not_before, "is not before the certificate ends", e);
}
