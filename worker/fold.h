/*
 * The fold: Redis' view made again from the topics, while every lane waits. One process at a time does it, under a lock with
 * an expiry (cm:fold); each of its writes is refused once the lock is another's, so that one which stood still for too long
 * changes nothing. It may be killed at any moment: the view stays `folding`, and the next one begins from the start.
 *
 * It reads where the groups stand first, and only then asks how far the topics go: a transaction that commits in between, or
 * later, leaves a partition's step above its row's, and the lane that takes it finds the view lost again. So a fold may be
 * done twice, but what it leaves out is never believed.
 *
 * Not restored: the sealed private keys of leaves (cm:key), which stand in no topic. Replays then withhold them.
 */
#ifndef CERTMILL_FOLD_H
#define CERTMILL_FOLD_H

#include "secret.h"
#include "settings.h"

#include <stdatomic.h>

/* Where it stands: asked for by whoever waits for it. */
struct fold_progress {
	const char *topic;    /* that is being read; NULL: the old view is being removed */
	int64_t removed;      /* rows of the old view */
	int64_t records;      /* folded */
	int64_t skipped;      /* of them, that do not decode: no worker wrote them */
	int64_t done, total;  /* offsets: some hold a transaction's end, or what compaction took */
	int64_t seconds;      /* since it began */
	int64_t rate;         /* records a second, since it reads */
	int64_t seconds_left; /* when the offsets go on passing so fast */
};

struct fold_spec {
	const struct settings *settings;
	const struct secret *kek;
	struct queue_probe *probe;
	const atomic_bool *stop; /* ends it early; NULL: nothing does */
	bool anyway;             /* also a view that is ready */
	void (*progress)(
	    void *opaque, const struct fold_progress *p); /* about once a second; may be NULL */
	void *opaque;
};

/* FOLD_BUSY: another process is at it, wait. FOLD_NEEDLESS: the view is ready. */
enum fold_result { FOLD_DONE, FOLD_BUSY, FOLD_NEEDLESS };

/* Closes the view, and opens it when it is whole. ERR_STORE, ERR_QUEUE, ERR_TIMEOUT, ERR_FENCED (the lock was lost): begin again. */
bool view_fold(const struct fold_spec *spec, struct fold_progress *ret_end, enum fold_result *ret,
    struct err *e) MUST_USE;

#endif
