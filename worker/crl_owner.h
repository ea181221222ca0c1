/*
 * The one writer of a mount's CRLs: the control lane that owns the mount's `.revoke` partition. At assignment it folds
 * `.revoked` (up to the high watermark asked for after the committed offset was returned) and takes the CRL numbers from `.crl`.
 * What a batch adds stands at once; a batch that fails takes the whole lane down, and the next assignment folds again.
 */
#ifndef CERTMILL_CRL_OWNER_H
#define CERTMILL_CRL_OWNER_H

#include "crl.h"
#include "operation.h"

/* The last record of each key of `.crl`, followed by the process; shared by its lanes. */
struct crl_book;
struct crl_book_entry {
	struct slice der; /* a copy in the caller's arena; absent when not asked for */
	size_t size;      /* of the DER */
	int64_t number, this_update, next_update;
	uint8_t sha256[HASH_SIZE]; /* of the value; the rest is of the headers */
};
struct crl_book *crl_book_start(const struct queue_options *queue, struct queue_probe *probe,
    const char *topic, struct err *e) MUST_USE;
/* Waits until what `.crl` holds now is in the book. */
bool crl_book_fresh(struct crl_book *b, int timeout_ms, struct err *e) MUST_USE;
/* key: "mount/issuer/shard". False: there is none. a NULL: without the DER. */
bool crl_book_find(
    struct crl_book *b, struct slice key, struct arena *a, struct crl_book_entry *ret);
/* The entries and their keys, without their DER, in the arena: at most max of them. Returns how many there are. */
struct crl_book_line {
	struct slice key;
	struct crl_book_entry entry;
};
size_t crl_book_list(struct crl_book *b, struct arena *a, struct crl_book_line *ret, size_t max);
/*
 * The highest number of any record of the key that the topic still had, 0 for none: the last record may be an older CRL that
 * somebody wrote again, and the numbers go on behind the true one.
 */
int64_t crl_book_highest(struct crl_book *b, struct slice key);
/* At 95 % of the largest message issuing stops; revoking never does. ERR_CRL_FULL. */
bool crl_book_has_room(
    struct crl_book *b, struct slice mount, const char *issuer, struct err *e) MUST_USE;
void crl_book_stop(struct crl_book *b);

/* When a CRL is made again: a third of its life before its nextUpdate. */
static inline int64_t
crl_due_at(int64_t this_update, int64_t next_update)
{
	return next_update - (next_update - this_update) / 3;
}

struct crl_owner;
struct crl_owner *crl_owner_new(
    const struct settings *s, struct queue_probe *probe, struct crl_book *book);
void crl_owner_free(struct crl_owner *o);
/* The `.revoke` partitions that this lane owns now. Folds `.revoked` when one was added. */
bool crl_owner_assign(struct crl_owner *o, const int32_t *partitions, size_t count,
    int32_t partition_count, struct err *e) MUST_USE;
/* Was it revoked? */
bool crl_owner_find(const struct crl_owner *o, struct slice mount, struct slice issuer,
    struct slice serial, struct crl_entry *ret);
/* A revocation of this batch; its CRL is to be published with it. */
void crl_owner_add(
    struct crl_owner *o, struct slice mount, struct slice issuer, const struct crl_entry *entry);
/* crl/rotate. The next number is minimum at least; SCHEMA_ABSENT: the one after the last. */
void crl_owner_touch(struct crl_owner *o, struct slice mount, struct slice issuer, int64_t minimum);
/* The number that the next CRL of this issuer will have. */
int64_t crl_owner_next_number(struct crl_owner *o, struct slice mount, struct slice issuer);

struct crl_publication {
	struct slice key, der; /* of `.crl` */
	int64_t number, this_update, next_update;
	struct slice issuer;
	uint8_t sha256[HASH_SIZE];
	struct slice_list tombstones; /* keys of `.revoked` whose entries left */
};
/* Builds what is touched, or due: CRLs near their nextUpdate, and keys whose last record is not this owner's. In cx->arena. */
bool crl_owner_build(struct crl_owner *o, struct context *cx, struct crl_publication **ret,
    size_t *ret_count, struct err *e) MUST_USE;
bool crl_owner_due(
    struct crl_owner *o, struct context *cx); /* is there something to publish without a request? */
int64_t crl_owner_cost_us(
    const struct crl_owner *o); /* of the last build: a batch may wait ten times this for more */

#endif
