#include "arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Under AddressSanitizer each allocation is a block of its own, so that it sees one byte too far and a use after reset. */
#if defined(__SANITIZE_ADDRESS__)
#define ARENA_BLOCK 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_BLOCK 0
#endif
#endif
#ifndef ARENA_BLOCK
#define ARENA_BLOCK ((size_t)64 * 1024)
#endif

struct arena_block {
	struct arena_block *next; /* older */
	size_t size, used;
	alignas(max_align_t) uint8_t data[];
};

static struct arena_block *
block_new(size_t size)
{
	struct arena_block *block;

	if (size > SIZE_MAX - sizeof(*block))
		abort();
	block = malloc(sizeof(*block) + size);
	if (block == NULL)
		abort();
	block->next = NULL;
	block->size = size;
	block->used = 0;
	return block;
}

static size_t
block_size(const struct arena *a)
{
	return ARENA_BLOCK == 0 || a->block == 0 ? ARENA_BLOCK : a->block;
}

/* Puts a block in use that has room for size. One made for a large allocation goes behind the head, which stays in use. */
static struct arena_block *
arena_grow(struct arena *a, size_t size)
{
	size_t usual = block_size(a);
	struct arena_block *block = block_new(size > usual ? size : usual);

	if (size > usual && a->head != NULL) {
		block->next = a->head->next;
		a->head->next = block;
	} else {
		block->next = a->head;
		a->head = block;
	}
	return block;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	size_t align = alignof(max_align_t);
	struct arena_block *block = a->head;
	size_t start;

	if (size > SIZE_MAX / 2)
		abort();
	start = block == NULL ? 0 : (block->used + align - 1) & ~(align - 1);
	if (block == NULL || start > block->size || size > block->size - start ||
	    ARENA_BLOCK == 0) {
		block = arena_grow(a, size);
		start = 0;
	}
	block->used = start + size;
	return memset(block->data + start, 0, size);
}

void *
arena_array(struct arena *a, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return arena_alloc(a, bytes);
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
	return slice_of(arena_text(a, s), s.len);
}

char *
arena_text(struct arena *a, struct slice s)
{
	char *text = arena_alloc(a, s.len + 1);

	if (s.len > 0)
		memcpy(text, s.data, s.len);
	return text;
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
	char text[256];
	va_list args, again;
	char *kept;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	assert(len >= 0);
	if ((size_t)len < sizeof(text)) {
		kept = arena_text(a, slice_of(text, (size_t)len));
	} else {
		kept = arena_alloc(a, (size_t)len + 1);
		vsnprintf(kept, (size_t)len + 1, fmt, again);
	}
	va_end(again);
	return kept;
}

void
arena_reset(struct arena *a)
{
	struct arena_block *kept = NULL;

	while (a->head != NULL) {
		struct arena_block *block = a->head;

		a->head = block->next;
		if (block->size == block_size(a) && ARENA_BLOCK > 0 && kept == NULL)
			kept = block;
		else
			free(block);
	}
	if (kept != NULL) {
		kept->next = NULL;
		kept->used = 0;
	}
	a->head = kept;
}

void
arena_done(struct arena *a)
{
	arena_reset(a);
	free(a->head);
	a->head = NULL;
}
