/* Durations and dates as messages and people write them. Seconds are int64_t everywhere; times are seconds since the epoch, UTC. */
#ifndef CERTMILL_TIMESPAN_H
#define CERTMILL_TIMESPAN_H

#include "slice.h"

#include "err.h"

#define TIMESPAN_MAX ((int64_t)100 * 366 * 86400) /* a longer one is refused as absurd */

/*
 * "72h", "30m", "10s", "1h30m", "90" (seconds), "" (0). Go's unit suffixes down to seconds (h, m, s) and d for days; no
 * sign, no fraction, no space. `field` goes into the error.
 */
bool timespan_parse(
    struct slice text, const char *field, int64_t *ret_seconds, struct err *e) MUST_USE;
/* RFC 3339 with Z or an offset: 2026-11-23T18:00:00Z */
bool time_parse_rfc3339(
    struct slice text, const char *field, int64_t *ret_time, struct err *e) MUST_USE;
/* Writes "2026-11-23T18:00:00Z" and a NUL into 32 bytes or more. */
void time_format_rfc3339(int64_t time, char ret_text[static 32]);

int64_t time_now_ms(void); /* wall clock, milliseconds since the epoch */
int64_t time_monotonic_us(void);

#endif
