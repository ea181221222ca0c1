/*
 * When a certificate begins and ends. Pure: times come in, in seconds since the epoch. notAfter is inclusive (RFC 5280
 * 4.1.2.5), and is now + ttl, or the time that was asked for.
 */
#ifndef CERTMILL_VALIDITY_H
#define CERTMILL_VALIDITY_H

#include "err.h"

#include <stdint.h>

/* Clocks differ: what was issued now must already be valid for one that is slow. */
#define VALIDITY_BACKDATE 30
#define VALIDITY_FIRST    ((int64_t)-631152000) /* 1950-01-01T00:00:00Z: where UTCTime begins */
#define VALIDITY_LAST \
	((int64_t)253402300799) /* 9999-12-31T23:59:59Z: "no end" (RFC 5280 4.1.2.5) */

/* What happens to a certificate that would outlive its issuer. An expired issuer signs nothing in any case. */
enum outlive { OUTLIVE_REFUSE, OUTLIVE_TRUNCATE, OUTLIVE_PERMIT };

struct validity_input {
	int64_t asked;                               /* 0 or SCHEMA_ABSENT: not asked for */
	int64_t role_ttl, role_max_ttl;              /* 0: the mount's */
	int64_t mount_default_ttl, mount_max_ttl;    /* 0: none */
	int64_t issuer_not_before, issuer_not_after; /* self_signed: not read */
	bool self_signed;
	enum outlive outlive;
	int64_t now;
	int64_t not_before_duration; /* 0: VALIDITY_BACKDATE */
	/* Absolute times, where somebody says so; asked_*: the request, which the bounds are about. */
	bool begins, ends, asked_begin, asked_end;
	int64_t not_before, not_after;
	bool begin_forbidden, begin_limited; /* limited: not before now - not_before_duration */
	bool end_forbidden, end_limited;     /* limited: not behind now + ttl */
	bool end_bounded;                    /* by end_bound, however the end came about */
	int64_t end_bound;
};

struct validity {
	int64_t not_before, not_after;
	int64_t wanted;    /* seconds before any cap */
	int64_t capped_to; /* the maximum that cut it, 0: none did */
	bool truncated;    /* at the issuer's end */
};

/* ERR_TTL_NOT_ALLOWED, naming ttl, not_before or not_after where another value would have passed. */
bool validity_decide(const struct validity_input *in, struct validity *ret, struct err *e) MUST_USE;

#endif
