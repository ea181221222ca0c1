#include "buf.h"

#include <openssl/crypto.h>

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024 /* an answer is two to four of them */

void
buf_init(struct buf *b, size_t max)
{
	assert(max < SIZE_MAX / 2);
	*b = (struct buf){ .max = max };
}

void
buf_init_secret(struct buf *b, size_t max)
{
	buf_init(b, max);
	b->secret = true;
}

static void
buf_release(struct buf *b)
{
	if (b->secret && b->data != NULL)
		OPENSSL_cleanse(b->data, b->capacity);
	free(b->data);
}

void
buf_done(struct buf *b)
{
	buf_release(b);
	*b = (struct buf){ 0 };
}

void
buf_clear(struct buf *b)
{
	if (b->secret && b->data != NULL)
		OPENSSL_cleanse(b->data, b->len);
	b->len = 0;
	b->failed = false;
}

/* The memory has one byte more than the capacity, for the NUL that vsnprintf writes. */
static void
buf_grow(struct buf *b, size_t need)
{
	size_t capacity = b->capacity == 0 ? FIRST_CAPACITY : b->capacity;
	uint8_t *data;

	while (capacity < need)
		capacity *= 2;
	if (capacity > b->max)
		capacity = b->max;
	/* not realloc: it would leave a copy of a secret behind */
	data = malloc(capacity + 1);
	if (data == NULL)
		abort();
	if (b->len > 0)
		memcpy(data, b->data, b->len);
	buf_release(b);
	b->data = data;
	b->capacity = capacity;
}

uint8_t *
buf_reserve(struct buf *b, size_t more)
{
	if (b->failed)
		return NULL;
	if (more > b->max - b->len) {
		b->failed = true;
		return NULL;
	}
	if (b->data == NULL || more > b->capacity - b->len)
		buf_grow(b, b->len + more);
	return b->data + b->len;
}

void
buf_add(struct buf *b, const void *data, size_t len)
{
	uint8_t *to = buf_reserve(b, len);

	if (to == NULL || len == 0)
		return;
	memcpy(to, data, len);
	b->len += len;
}

void
buf_add_slice(struct buf *b, struct slice s)
{
	buf_add(b, s.data, s.len);
}

void
buf_add_text(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void
buf_add_byte(struct buf *b, uint8_t byte)
{
	buf_add(b, &byte, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	uint8_t *to;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	assert(len >= 0);
	to = buf_reserve(b, (size_t)len);
	if (to != NULL) {
		vsnprintf((char *)to, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}
