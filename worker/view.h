/*
 * The view: what Redis holds for a lane. Every change goes through one script a batch that refuses another owner's token, a
 * view that is not ready, and a step counter that went back (Redis has lost writes). Not here: what the rows mean (claim.h).
 *
 * After a failover there may be two primaries for a while: the new one, which may lag, and the old one, cut off, which still
 * takes writes. Neither does harm:
 *  - an id has one home, a partition (of `.revoke` and `.config`: one for each mount), and what was decided there counts by its
 *    commit in Kafka, which one lane can make. A lane on the wrong Redis whose partition is another's already commits nothing;
 *  - the commit carries the step and the stamp of the session that made it. Who takes the partition next, on whichever Redis,
 *    wants that very step in its row. A counter alone would not do: attempts that were not committed raise the old primary's
 *    as commits raise the new one's;
 *  - a Redis that has not seen it is LOST, and folded from the topics before anything is decided on it;
 *  - what the script wrote may be lost before the commit. The lane looks at its rows again behind each commit: a Redis that was
 *    there by then is found out, and one that comes later is surveyed against the commit by whoever opens a connection to it;
 *  - serial numbers that both draw from one block differ in their random half.
 *  - who is asked whether a certificate is revoked looks whether what the revoking lane has committed is in the Redis that it
 *    reads.
 * So WAIT before a commit would buy nothing but fewer folds. What remains until the cut ends: who reads another partition's
 * rows (cert/read, revoke by serial) may not find what was issued on the other side, which is a refusal to be retried.
 * min-replicas-to-write bounds that time.
 */
#ifndef CERTMILL_VIEW_H
#define CERTMILL_VIEW_H

#include "arena.h"
#include "store.h"

#define VIEW_TOKEN_SIZE 33 /* 32 hex digits and a NUL */
#define VIEW_STAMP_SIZE 17 /* of a session, in its commits: 16 of its token's digits and a NUL */
#define VIEW_DEATHS_MAX 5  /* deaths at one offset before its message goes to .rejects */

struct view {
	struct store *store; /* borrowed */
	char token[VIEW_TOKEN_SIZE];
	struct store_script take, advance, work, mark, mark_read, release, survey;
};

/* What cm:own said when the partition was taken. */
struct view_owned {
	int64_t step;
	struct slice_list
	    batch; /* request ids of the last batch that ran the script; in the arena */
	int64_t
	    worked_to; /* last offset that a lane was working at; -1: none, or it stopped by its own decision */
	int64_t worked_count; /* so many messages up to there; -1: whoever wrote it did not say */
};

/* What is about to be worked at, of one partition. */
struct view_working {
	struct slice own_key;
	int64_t to;    /* offset of the last message */
	int64_t count; /* of the messages */
};

/* One write that belongs to a claim; done only when the claim is won. */
struct view_write {
	enum { VIEW_SET, VIEW_APPEND, VIEW_DELETE, VIEW_INDEX, VIEW_COUNT } kind;
	struct slice key;
	struct slice value; /* SET, APPEND (to a row that exists); INDEX: the member */
	int64_t number;     /* INDEX: the score; COUNT: the increment */
};

struct view_claim {
	struct slice key, value;
	struct view_write *writes; /* borrowed: in the batch's arena */
	size_t write_count;
	struct slice found; /* out: the row that was there already; absent: won */
};

struct view_step { /* one partition of the batch */
	struct slice own_key;
	int64_t last;     /* step that the lane last had */
	struct slice ids; /* msgpack array of the batch's claimed ids */
	int64_t to;       /* offset of its last message: up to it, messages may own claims */
};

struct view_expiry {
	struct slice key;
	int64_t at_ms;
};

/* A fresh random token for this session. The view borrows the store. */
bool view_init(struct view *v, struct store *store, struct err *e) MUST_USE;
/* ERR_VIEW_LOST when cm:view is absent, ERR_VIEW_FOLDING when it is not ready. */
bool view_ready(struct view *v, struct err *e) MUST_USE;
/* What the metadata of a partition's committed offset says. */
struct view_committed {
	struct slice own_key;
	int64_t step;
	char stamp[VIEW_STAMP_SIZE]; /* "": not known */
};
/* ERR_VIEW_LOST when one of the rows has not seen what was committed, whoever owns it. */
bool view_survey(struct view *v, const struct view_committed *rows, size_t count, struct arena *a,
    struct err *e) MUST_USE;
/* Takes the partition's row. committed, stamp: as in the committed offset's metadata; no stamp (""): the counter is believed. */
bool view_take(struct view *v, struct slice own_key, int64_t committed, const char *stamp,
    struct arena *a, struct view_owned *ret, struct err *e) MUST_USE;
/* Says what is about to be worked at, before a byte of it is read. */
bool view_work(struct view *v, const struct view_working *parts, size_t count, struct arena *a,
    struct err *e) MUST_USE;
/* Values of the keys, in order, in one round trip; absent slices for rows that are not there. */
bool view_read(struct view *v, const struct slice *keys, size_t key_count, struct arena *a,
    struct slice *ret, struct err *e) MUST_USE;
struct view_batch {
	int64_t
	    index_horizon; /* entries below this score leave the indexes that the batch touches */
	const struct view_step *steps;
	size_t step_count;
	const struct view_expiry *expiries;
	size_t expiry_count;
	struct view_claim *claims;
	size_t claim_count;
};
/* The script of DESIGN section 6. ERR_FENCED, ERR_VIEW_LOST, ERR_VIEW_FOLDING or ERR_STORE: nothing of it was done (but for a
 * STORE error, when that is not known). */
bool view_advance(
    struct view *v, struct view_batch *batch, struct arena *a, struct err *e) MUST_USE;
/* What became of the attempts at one offset. */
struct view_attempts {
	int64_t deaths;    /* that ended in one */
	bool was_read;     /* one got as far as view_mark_read */
	bool was_scripted; /* a script ran for it: it may own a claim */
};
/* Counts one more attempt at this offset before it is worked at; *ret are those before it. */
bool view_mark(struct view *v, struct slice own_key, int64_t offset, struct view_attempts *ret,
    struct err *e) MUST_USE;
/* The message that was marked, at this offset, could be read. */
bool view_mark_read(struct view *v, struct slice own_key, int64_t offset, struct err *e) MUST_USE;
/*
 * A stop by own decision of the session that had this token, the view's own or one whose connection was broken: takes back what
 * it marked, unless another has taken the row since. False: Redis could not be told.
 */
bool view_release(struct view *v, const char *token, const struct slice *own_keys, size_t count);
/* Redis has lost writes: nobody signs until the view is whole again. Best effort. */
void view_set_folding(struct view *v);

void view_stamp(const struct view *v, char ret[static VIEW_STAMP_SIZE]);
struct slice view_own_key(struct arena *a, const char *topic, int32_t partition);

#endif
