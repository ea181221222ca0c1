/* The parts of a fold: the procedure (fold.c), what each topic's records become (fold_rows.c, fold_index.c), the writing (fold_sink.c). */
#ifndef CERTMILL_FOLD_INTERNAL_H
#define CERTMILL_FOLD_INTERNAL_H

#include "fold.h"
#include "fold_sink.h"
#include "serial.h"

#define FOLD_LOOKUPS_MAX 500

struct fold_index; /* fold_index.c */

/* What is counted of one mount. */
struct fold_mount {
	struct slice name;
	struct serial_source *serials;
	int64_t issued, revoked;
	uint64_t ordinal; /* the highest that a serial number was made from */
	struct fold_mount *next;
};

/* A revocation whose certificate's row is not read yet; in the arena of them. */
struct fold_revocation {
	struct slice row_key, record;
};

struct fold {
	const struct fold_spec *spec;
	struct fold_sink sink;
	struct arena memory;  /* of the whole fold */
	struct arena message; /* of one message */
	struct arena lookups;
	struct fold_revocation *revocations;
	size_t revocation_count;
	struct fold_mount *mounts;
	struct fold_index *index;
	struct fold_progress progress;
	int64_t now_ms, began_us, reading_us, said_us;
};

/* A record of each topic becomes rows. One that does not decode is passed over: it was written by no worker. */
typedef bool fold_record(struct fold *f, const struct queue_message *m, struct err *e);
fold_record fold_state, fold_certificate, fold_revoked, fold_audit;
/* A certificate's place in its mount's index; and all that wait for theirs. */
bool fold_index_add(struct fold *f, const struct fold_mount *mount, struct slice serial,
    int64_t not_after, struct err *e) MUST_USE;
bool fold_index_end(struct fold *f, struct err *e) MUST_USE;
void fold_index_done(struct fold *f);
/* What waits at the end of `.revoked`. */
bool fold_revoked_end(struct fold *f, struct err *e) MUST_USE;
/* The mounts' counters, when all is read. */
bool fold_counters(struct fold *f, struct err *e) MUST_USE;
void fold_mounts_done(struct fold *f);

#endif
