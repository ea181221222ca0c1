/* How far the groups of the lanes are behind the ends of the request topics. */
#ifndef CERTMILL_LAG_H
#define CERTMILL_LAG_H

#include "arena.h"
#include "settings.h"

struct lag_row { /* one partition */
	enum topic_kind kind;
	struct queue_position at; /* where the group stands; QUEUE_NO_OFFSET: nowhere */
	int64_t end;              /* high watermark */
};

struct lag {
	struct lag_row *rows; /* in the arena */
	size_t count;
};

bool lag_ask(const struct settings *s, struct queue_probe *probe, struct arena *a, struct lag *ret,
    struct err *e) MUST_USE;
/* Messages that wait. Where a transaction ends a partition, its marker counts as one that nobody reads. */
int64_t lag_of(const struct lag_row *row);

#endif
