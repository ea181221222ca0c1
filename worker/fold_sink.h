/* Where a fold writes: rows are gathered and go to Redis in one script a thousand, as long as the lock is held. Private to fold*.c. */
#ifndef CERTMILL_FOLD_SINK_H
#define CERTMILL_FOLD_SINK_H

#include "arena.h"
#include "store.h"

#define FOLD_TOKEN_SIZE 33
#define FOLD_ROWS_MAX   1000

enum fold_write {
	FOLD_SET = 'S',   /* number: when it expires, ms since the epoch; 0: never */
	FOLD_KEEP = 'K',  /* the same over a row that exists, which keeps its expiry */
	FOLD_INDEX = 'Z', /* number: the score */
	FOLD_STEP = 'O',  /* number: the step of a cm:own row */
	FOLD_RAISE = 'N', /* a counter: to number, unless it is over that */
	FOLD_DELETE = 'D',
};

struct fold_sink {
	struct store *store; /* borrowed */
	char token[FOLD_TOKEN_SIZE];
	struct store_script take, write, open, give_up;
	struct arena arena; /* of the rows that are gathered */
	struct slice *keys, *args;
	size_t count, bytes;
	int64_t renewed_us; /* when the lock was last prolonged */
};

bool fold_sink_init(struct fold_sink *s, struct store *store, struct err *e) MUST_USE;
void fold_sink_done(struct fold_sink *s);
/* Takes the lock and closes the view. *ret_taken false: `*ret_ready` says whether the view is whole, or somebody is at it. */
bool fold_sink_take(
    struct fold_sink *s, bool anyway, bool *ret_taken, bool *ret_ready, struct err *e) MUST_USE;
/* Key and value are copied. */
bool fold_sink_put(struct fold_sink *s, enum fold_write kind, struct slice key, struct slice value,
    int64_t number, struct err *e) MUST_USE;
/* Writes what is gathered; with nothing gathered it prolongs the lock when that is due. ERR_FENCED: it is another's. */
bool fold_sink_flush(struct fold_sink *s, struct err *e) MUST_USE;
/* Removes every row of the view but its state and the lock. */
bool fold_sink_clean(struct fold_sink *s, struct err *e) MUST_USE;
/* The view is ready, the lock free. */
bool fold_sink_open_view(struct fold_sink *s, struct err *e) MUST_USE;
/* The lock is free, and the view as it was: so that the next one need not wait for the expiry. Best effort. */
void fold_sink_give_up(struct fold_sink *s);

#endif
