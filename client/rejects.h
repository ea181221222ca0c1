/* The messages of `.rejects`: what could not be answered, and what killed workers. */
#ifndef CERTMILL_REJECTS_H
#define CERTMILL_REJECTS_H

#include "options.h"

#include <jansson.h>

/* A record of `.rejects`, read; everything in it is borrowed from the message and the arena. */
struct reject {
	const struct queue_message *message;
	struct slice reason, text;
	struct slice topic, partition,
	    offset;  /* where the message stood; absent: another program wrote this */
	bool hashed; /* the value is the SHA-256 of what stood there */
};

void reject_read(const struct queue_message *m, struct reject *ret);
/* "partition/offset" of `.rejects`. ERR_INVALID_VALUE. */
bool reject_place_parse(
    const char *word, int32_t *ret_partition, int64_t *ret_offset, struct err *e) MUST_USE;
/* The record at that place. ERR_NOT_FOUND. To be freed with queue_message_free, before tail_done. */
struct tail;
bool reject_find(struct options *o, struct tail *t, const char *word, struct queue_message **ret,
    struct err *e) MUST_USE;

/* certmill rejects redrive */
enum status rejects_redrive(struct options *o);

#define ORIGINAL_PREFIX "original." /* of the names of the message's own headers */

#endif
