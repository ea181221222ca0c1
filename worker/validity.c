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

static bool
fit_issuer(const struct validity_input *in, struct validity *v, struct err *e)
{
	char time[32];

	if (v->not_before < in->issuer_not_before)
		v->not_before = in->issuer_not_before;
	if (v->not_after <= in->issuer_not_after || in->outlive == OUTLIVE_PERMIT)
		return true;
	if (in->outlive == OUTLIVE_TRUNCATE) {
		v->not_after = in->issuer_not_after;
		v->truncated = true;
		return true;
	}
	time_format_rfc3339(in->issuer_not_after, time);
	return err_field(e, ERR_TTL_NOT_ALLOWED, "ttl",
	    "a certificate of %lld seconds would outlive the CA, which ends at %s: ask for a ttl of at most %lld",
	    (long long)(v->not_after - in->now), time, (long long)(in->issuer_not_after - in->now));
}

bool
validity_decide(const struct validity_input *in, struct validity *ret, struct err *e)
{
	int64_t asked = in->asked == SCHEMA_ABSENT ? 0 : in->asked;
	int64_t max = or_else(in->role_max_ttl, in->mount_max_ttl);
	int64_t ttl;

	if (!check_asked(asked, e) || (!in->self_signed && !check_issuer(in, e)))
		return false;
	ttl = or_else(asked, or_else(in->role_ttl, or_else(in->mount_default_ttl, max)));
	*ret = (struct validity){ .wanted = ttl };
	if (max > 0 && ttl > max)
		ttl = ret->capped_to = max;
	if (ttl <= 0 || ttl > TIMESPAN_MAX)
		return err_set(e, ERR_TTL_NOT_ALLOWED,
		    "neither request, role nor mount gives a usable lifetime (%lld seconds)",
		    (long long)ttl);
	ret->not_before = in->now - VALIDITY_BACKDATE;
	ret->not_after = in->now + ttl;
	return in->self_signed || fit_issuer(in, ret, e);
}
