/*
 * Where a fold writes: rows go to Redis in transactions of two thousand, each under a watch of the lock, so that one whose
 * lock has become another's writes nothing. Redis works at one while the next is made, and has that at hand when it is
 * through. Private to fold*.c.
 */
#ifndef CERTMILL_FOLD_SINK_H
#define CERTMILL_FOLD_SINK_H

#include "arena.h"
#include "store.h"

#define FOLD_TOKEN_SIZE  33
#define FOLD_MEMBERS_MAX 250

struct fold_member {
	struct slice name;
	int64_t score;
};

struct fold_sink {
	struct store *store; /* borrowed */
	char token[FOLD_TOKEN_SIZE];
	struct store_script take, open, give_up, raise;
	size_t rows, commands, bytes; /* of the transaction in the making */
	size_t kept;                  /* of its bytes, that are not on the way to Redis yet */
	size_t sent;                  /* commands of the one that is not answered yet */
	bool pending;                 /* there is one */
	int64_t renewed_us;           /* when the lock was last prolonged */
};

bool fold_sink_init(struct fold_sink *s, struct store *store, struct err *e) MUST_USE;
/* Takes the lock and closes the view. *ret_taken false: `*ret_ready` says whether the view is whole, or somebody is at it. */
bool fold_sink_take(
    struct fold_sink *s, bool anyway, bool *ret_taken, bool *ret_ready, struct err *e) MUST_USE;

/* A row. What is given is copied. expires_ms: since the epoch; 0: never. */
bool fold_put(struct fold_sink *s, struct slice key, struct slice value, int64_t expires_ms,
    struct err *e) MUST_USE;
/* Another value for a row that exists and keeps its expiry. */
bool fold_replace(
    struct fold_sink *s, struct slice key, struct slice value, struct err *e) MUST_USE;
/* Members of a sorted set, up to FOLD_MEMBERS_MAX. */
bool fold_rank(struct fold_sink *s, struct slice key, const struct fold_member *members,
    size_t count, struct err *e) MUST_USE;
bool fold_step(struct fold_sink *s, struct slice own_key, int64_t step, const char *stamp,
    struct err *e) MUST_USE;
bool fold_remove(
    struct fold_sink *s, const struct slice *keys, size_t count, struct err *e) MUST_USE;
/* A counter: to number, unless it is over that. Waits for all before it. */
bool fold_raise(struct fold_sink *s, struct slice key, int64_t number, struct err *e) MUST_USE;

/* Sends what is gathered; whether it was taken is known with the next one. With nothing gathered it prolongs the lock when due. */
bool fold_sink_flush(struct fold_sink *s, struct err *e) MUST_USE;
/* The same, and waits: before anything else is asked of the store. ERR_FENCED: the lock is another's. */
bool fold_sink_drain(struct fold_sink *s, struct err *e) MUST_USE;
/* Removes some rows of the view, but not its state and the lock. *cursor: "0" to begin, and again when all are removed; in `a`. */
bool fold_sink_clean(struct fold_sink *s, struct arena *a, struct slice *cursor, int64_t *removed,
    struct err *e) MUST_USE;
/* The view is ready, the lock free. */
bool fold_sink_open_view(struct fold_sink *s, struct err *e) MUST_USE;
/* The lock is free, and the view as it was: so that the next one need not wait for the expiry. Best effort. */
void fold_sink_give_up(struct fold_sink *s);

#endif
