/*
 * The lanes of a process die together. So they take turns at suspects: a death at one is not held against another. Who has had
 * its turn lets another go first that waits.
 */
#include "lane_internal.h"

bool
batch_is_suspect(struct lane *lane, size_t bound)
{
	const struct queue_message *m = bound == 1 ? lane->inbox.messages[0] : NULL;
	const struct lane_partition *p = m == NULL ? NULL : lane_find(lane, m->topic, m->partition);

	return p != NULL && m->offset <= p->careful_to && p->careful_size == 1;
}

bool
batch_suspect_begin(struct lane *lane)
{
	struct lane_shared *shared = lane->shared;
	const struct lane *next = atomic_load(&shared->suspects_next), *none = NULL;

	if (next != NULL && next != lane)
		return false;
	if (!atomic_compare_exchange_strong(&shared->suspecting, &none, lane)) {
		atomic_compare_exchange_strong(&shared->suspects_next, &next, lane);
		return false;
	}
	if (next == lane)
		atomic_store(&shared->suspects_next, NULL);
	return true;
}

void
batch_suspect_withdraw(struct lane *lane)
{
	if (atomic_load(&lane->shared->suspects_next) == lane)
		atomic_store(&lane->shared->suspects_next, NULL);
}

void
batch_suspect_done(struct lane *lane)
{
	if (atomic_load(&lane->shared->suspecting) == lane)
		atomic_store(&lane->shared->suspecting, NULL);
}

void
batch_suspect_leave(struct lane *lane)
{
	batch_suspect_withdraw(lane);
	batch_suspect_done(lane);
}
