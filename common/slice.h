/* A borrowed run of bytes: never owned, not NUL-terminated. data == NULL means absent; "" is present and empty. */
#ifndef CERTMILL_SLICE_H
#define CERTMILL_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
	const uint8_t *data;
	size_t len;
};

/* A borrowed array of slices; items == NULL means absent, count 0 with items != NULL an empty list. */
struct slice_list {
	struct slice *items;
	size_t count;
};

#define SLICE_NONE          ((struct slice){ NULL, 0 })
#define SLICE_LITERAL(text) ((struct slice){ (const uint8_t *)("" text), sizeof(text) - 1 })
/* the same as an initialiser in a static table, where ISO C takes no compound literal */
/* clang-format off */
#define SLICE_INIT(text) { (const uint8_t *)("" text), sizeof(text) - 1 }
/* clang-format on */
/* for printf("%.*s") */
#define SLICE_FMT(s) (int)(s).len, (const char *)(s).data

static inline struct slice
slice_of(const void *data, size_t len)
{
	return (struct slice){ data, len };
}

static inline struct slice
slice_text(const char *text)
{
	return text == NULL ? SLICE_NONE : slice_of(text, strlen(text));
}

static inline bool
slice_eq(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool
slice_is(struct slice a, const char *text)
{
	return slice_eq(a, slice_text(text));
}

/* memcmp order, shorter first: what sorted tables use */
static inline int
slice_cmp(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n == 0 ? 0 : memcmp(a.data, b.data, n);

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
