/*
 * msgpack for people, so that a test's table can be read: {'id': 'x', 'n': -5, 'list': [true, nil], 'raw': b'bytes'}.
 * <c1 ff> is bytes as they are, wherever a value may stand: for what is broken on purpose. Commas, colons and spaces
 * separate and mean nothing else.
 */
#ifndef CERTMILL_NOTATION_H
#define CERTMILL_NOTATION_H

#include "writer.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static inline void notation_value(const char **at, struct writer *w);

static inline char
notation_next(const char **at)
{
	*at += strspn(*at, " ,:\n\t");
	return **at;
}

static inline size_t
notation_until(const char **at, char end, struct writer *w)
{
	size_t count = 0;

	for (; notation_next(at) != end; count++) {
		assert(**at != '\0');
		notation_value(at, w);
	}
	++*at;
	return count;
}

static inline void
notation_container(const char **at, struct writer *w)
{
	struct buf inner SCOPED_BUF;
	struct writer in = { &inner };
	bool map = *(*at)++ == '{';
	size_t count;

	buf_init(&inner, 1 << 24);
	count = notation_until(at, map ? '}' : ']', &in);
	if (map)
		writer_map(w, count / 2);
	else
		writer_array(w, count);
	buf_add_slice(w->out, buf_slice(&inner));
}

static inline struct slice
notation_quoted(const char **at)
{
	const char *end = strchr(*at + 1, '\'');
	struct slice text;

	assert(end != NULL);
	text = slice_of(*at + 1, (size_t)(end - *at - 1));
	*at = end + 1;
	return text;
}

static inline void
notation_hex(const char **at, struct writer *w)
{
	++*at;
	while (notation_next(at) != '>') {
		char *end;
		char digits[3] = { (*at)[0], (*at)[1], '\0' };

		buf_add_byte(w->out, (uint8_t)strtoul(digits, &end, 16));
		assert(end == digits + 2);
		*at += 2;
	}
	++*at;
}

static inline void
notation_word(const char **at, struct writer *w)
{
	size_t len = strcspn(*at, " ,:\n\t]}");
	struct slice word = slice_of(*at, len);

	*at += len;
	if (slice_is(word, "nil"))
		writer_nil(w);
	else if (slice_is(word, "true") || slice_is(word, "false"))
		writer_bool(w, slice_is(word, "true"));
	else
		writer_int(w, strtoll((const char *)word.data, NULL, 10));
}

static inline void
notation_value(const char **at, struct writer *w)
{
	char first = notation_next(at);

	if (first == '{' || first == '[') {
		notation_container(at, w);
	} else if (first == '\'') {
		writer_text(w, notation_quoted(at));
	} else if (first == 'b') {
		++*at;
		writer_bytes(w, notation_quoted(at));
	} else if (first == '<') {
		notation_hex(at, w);
	} else {
		notation_word(at, w);
	}
}

/* All values of the text, one behind the other. */
static inline struct slice
notation_pack(struct buf *out, const char *text)
{
	struct writer w = { out };

	buf_clear(out);
	while (notation_next(&text) != '\0')
		notation_value(&text, &w);
	assert(!out->failed);
	return buf_slice(out);
}

#endif
