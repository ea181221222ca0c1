/*
 * A growing byte buffer that demands its maximum at init. Errors stick: after one append would pass the maximum,
 * `failed` is set, later appends do nothing, and one check at the end is enough. Aborts when memory is gone.
 */
#ifndef CERTMILL_BUF_H
#define CERTMILL_BUF_H

#include "err.h"
#include "slice.h"

struct buf {
	uint8_t *data;
	size_t len, capacity, max;
	bool failed;
	bool secret; /* wiped before every free */
};

void buf_init(struct buf *b, size_t max);
void buf_init_secret(struct buf *b, size_t max);
void buf_done(struct buf *b); /* frees, wipes when secret; safe on a zeroed buf */
void buf_clear(
    struct buf *b); /* len = 0 and failed = false; keeps the memory (wiped when secret) */
uint8_t *buf_reserve(
    struct buf *b, size_t more); /* room for `more` bytes at data + len; NULL when over max */
void buf_add(struct buf *b, const void *data, size_t len);
void buf_add_slice(struct buf *b, struct slice s);
void buf_add_text(struct buf *b, const char *text);
void buf_add_byte(struct buf *b, uint8_t byte);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->data == NULL ? (const uint8_t *)"" : b->data, b->len);
}

static inline void
buf_scoped(struct buf *b)
{
	buf_done(b);
}

/* struct buf SCOPED_BUF(name): freed at the end of the block */
#define SCOPED_BUF __attribute__((cleanup(buf_scoped)))

#endif
