/*
 * Memory that lives as long as one batch (or one request): allocate freely, free all at once. Aborts when memory is gone:
 * inputs are bounded by their schema, and a worker that dies loses nothing. Never put an OpenSSL object or a secret here.
 */
#ifndef CERTMILL_ARENA_H
#define CERTMILL_ARENA_H

#include "slice.h"

struct arena {
	struct arena_block *head;
	size_t block; /* bytes it asks for at a time; 0: 64 KiB, which suits a batch */
};

void *arena_alloc(struct arena *a, size_t size);               /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t size); /* zeroed; aborts on overflow */
struct slice arena_copy(
    struct arena *a, struct slice s); /* NUL-terminated copy (the NUL is not counted) */
char *arena_text(struct arena *a, struct slice s); /* the same as a C string */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void arena_reset(struct arena *a); /* forgets everything; keeps the first block */
void arena_done(struct arena *a);  /* frees everything; safe on a zeroed arena */

static inline void
arena_scoped(struct arena *a)
{
	arena_done(a);
}
#define SCOPED_ARENA __attribute__((cleanup(arena_scoped)))

#endif
