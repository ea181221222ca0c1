/*
 * Failpoints: named places where a test build kills, stops or fails the process. Compiled out unless CERTMILL_FAILPOINTS.
 * CERTMILL_FAILPOINT="after_script=kill" (kill: SIGKILL to itself; stop: SIGSTOP; fail: failpoint_hit returns true; wait: the
 * thread sleeps for a second; kill@3: at the third pass). Several are separated by commas. "poison=kill" hits only where the
 * request's common name holds "poison-pill" (see the lane). skip_script=fail, skip_audit=fail and skip_barrier=fail leave out
 * what that is, to measure what it costs.
 */
#ifndef CERTMILL_FAILPOINT_H
#define CERTMILL_FAILPOINT_H

#include <stdbool.h>

#ifdef CERTMILL_FAILPOINTS
bool failpoint_hit(const char *name);
#else
static inline bool
failpoint_hit(const char *name)
{
	(void)name;
	return false;
}
#endif

#endif
