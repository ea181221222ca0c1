/*
 * A bounded msgpack reader for untrusted bytes. Never allocates, never trusts a length: every count is checked against the
 * bytes that are left before it is believed, nesting is limited, and an error sticks (later reads fail with it).
 */
#ifndef CERTMILL_CURSOR_H
#define CERTMILL_CURSOR_H

#include "err.h"
#include "slice.h"

#define CURSOR_DEPTH_MAX 8

enum cursor_type {
	CURSOR_NIL,
	CURSOR_BOOL,
	CURSOR_INT,
	CURSOR_FLOAT,
	CURSOR_TEXT,
	CURSOR_BYTES,
	CURSOR_ARRAY,
	CURSOR_MAP,
	CURSOR_EXT,
	CURSOR_END, /* no byte left, or the byte c1, which nothing begins with */
};

struct cursor {
	const uint8_t *at, *end;
	unsigned depth; /* of the containers around `at`, where the reader counts them */
	bool failed;
	bool too_deep; /* why it failed */
};

struct cursor cursor_of(struct slice bytes);
enum cursor_type cursor_peek(const struct cursor *c);
/* Each reads one object of its type; false (and failed) when the next object is another, or is truncated. */
bool cursor_nil(struct cursor *c) MUST_USE;
bool cursor_bool(struct cursor *c, bool *ret) MUST_USE;
bool cursor_int(struct cursor *c, int64_t *ret) MUST_USE; /* any integer format that fits int64 */
bool cursor_text(
    struct cursor *c, struct slice *ret) MUST_USE; /* str: must be valid UTF-8 without NUL */
bool cursor_bytes(struct cursor *c, struct slice *ret) MUST_USE; /* bin */
bool cursor_array(
    struct cursor *c, uint32_t *ret_count) MUST_USE; /* count is at most the bytes left */
bool cursor_map(
    struct cursor *c, uint32_t *ret_count) MUST_USE; /* pairs; at most half the bytes left */
/*
 * Passes over one whole object, checking it, and returns its bytes. Depth over CURSOR_DEPTH_MAX fails. Texts inside are not
 * checked for UTF-8: who reads them does (cursor_text).
 */
bool cursor_skip(struct cursor *c, struct slice *ret_raw) MUST_USE;
bool cursor_at_end(const struct cursor *c);
/* Is it exactly one valid msgpack object, with nothing behind it? */
bool cursor_check(struct slice bytes) MUST_USE;

#endif
