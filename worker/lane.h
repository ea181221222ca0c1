/*
 * A lane: one thread with a consumer, a transactional producer and a Redis connection of its own. It polls a batch, decides
 * it, runs the script and commits one transaction. Whatever fails ends its session: both handles are closed, and a new
 * session starts from the committed offsets (crash only).
 */
#ifndef CERTMILL_LANE_H
#define CERTMILL_LANE_H

#include "crl_owner.h"
#include "key.h"
#include "meter.h"

#include <stdatomic.h>

struct lane;

/* What the lanes of a process share; immutable but for the flags. */
struct lane_shared {
	const struct settings *settings;
	const struct secret *kek;
	struct queue_probe *probe;
	struct catalog_folder *catalog;
	struct crl_book *crl_book;
	struct key_pool *key_pool;
	atomic_bool stop; /* finish the batch and leave */
	atomic_int
	    failed; /* lanes that ended for good, with an error that a restart of the lane does not mend */
	atomic_bool view_lost; /* said once in the log */
	/* works at a message where a lane died, alone in this process; NULL: none */
	_Atomic(const struct lane *) suspecting;
	_Atomic(const struct lane *) suspects_next; /* waits for that; NULL: none */
	struct fold_meter fold;
};

struct lane *lane_start(
    struct lane_shared *shared, enum lane_kind kind, int index, struct err *e) MUST_USE;
/* Both may be asked by any thread, until the lane is joined. */
const char *lane_name(const struct lane *lane); /* "mint-0" */
const struct lane_meter *lane_meter(const struct lane *lane);
void lane_join(struct lane *lane); /* waits for its end (set stop first) and frees it */

#endif
