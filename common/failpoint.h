/*
 * Failpoints: named places where a test build kills, stops or fails the process. Compiled out unless CERTMILL_FAILPOINTS.
 * CERTMILL_FAILPOINT="after_script=kill" (kill: SIGKILL to itself; stop: SIGSTOP; fail: failpoint_hit returns true; wait: the
 * thread sleeps for a second; kill@3: at the third pass). Several are separated by commas. "poison=kill" hits only where the
 * request's parameters hold "poison-pill", "poison_read=kill" where a message holds "unreadable-pill", before it is read.
 * skip_script=fail, skip_audit=fail and skip_barrier=fail leave out what that is, to measure what it costs.
 */
#ifndef CERTMILL_FAILPOINT_H
#define CERTMILL_FAILPOINT_H

#include "slice.h"

#include <stdbool.h>

#ifdef CERTMILL_FAILPOINTS
bool failpoint_hit(const char *name);
/* Hit where these bytes hold the pill. */
void failpoint_hit_by(const char *name, struct slice bytes, const char *pill);
#else
static inline bool
failpoint_hit(const char *name)
{
	(void)name;
	return false;
}

static inline void
failpoint_hit_by(const char *name, struct slice bytes, const char *pill)
{
	(void)name;
	(void)bytes;
	(void)pill;
}
#endif

#endif
