/*
 * A follower: one thread that reads a whole topic from its start, read_committed, and folds each message into something in
 * memory. Others wait on its barrier: until everything up to the high watermark that stood when they asked is folded.
 */
#ifndef CERTMILL_FOLLOWER_H
#define CERTMILL_FOLLOWER_H

#include "queue.h"

struct follower;

struct follower_spec {
	const struct queue_options *queue;
	struct queue_probe *probe; /* borrowed */
	const char *topic;
	/* Called in the follower's thread for each message, in order within a partition. Must not fail: what it cannot read it skips. */
	void (*fold)(void *opaque, const struct queue_message *m);
	/* Called after a run of messages, before the barrier is told of them: the place to publish a new version. */
	void (*folded)(void *opaque);
	void *opaque;
};

struct follower *follower_start(const struct follower_spec *spec, struct err *e) MUST_USE;
/* Asks the high watermarks of all partitions now and waits until the follower has passed them. ERR_TIMEOUT, ERR_QUEUE. */
bool follower_barrier(struct follower *f, int timeout_ms, struct err *e) MUST_USE;
void follower_stop(struct follower *f); /* joins the thread; takes NULL */

#endif
