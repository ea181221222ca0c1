/* What of a worker can be seen from outside: its lanes' meters, what its lanes share, and what was last heard of the engines. */
#ifndef CERTMILL_WATCHED_H
#define CERTMILL_WATCHED_H

#include "lane.h"
#include "settings.h"

struct engine { /* Kafka or Redis */
	bool asked, up;
	int64_t asked_us; /* time_monotonic_us, when it was last asked */
	int64_t round_trip_us;
	struct err why; /* not up */
};

struct engines {
	struct engine kafka, redis;
	bool view_ready;                  /* while Redis is up */
	int64_t redis_bytes, redis_limit; /* -1: it does not say; a limit of 0: none */
	bool lag_known;
	int64_t lag[TOPIC_KINDS]; /* messages */
};

struct watched {
	const struct settings *settings;
	struct lane_shared *shared; /* NULL: the lanes do not run yet, or are being stopped */
	struct lane *const *lanes;
	size_t lane_count;
	bool stopping;
	int64_t started_ms; /* since the epoch */
	struct engines engines;
};

/* Both write a line for each reason why not, and return whether there was none. */
bool watched_ready(const struct watched *w, struct buf *out);
/* Does every lane give a sign of life? */
bool watched_lives(const struct watched *w, struct buf *out);

#endif
