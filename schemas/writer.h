/* Writes msgpack into a buf (msgpack-c packs). The shortest form of each number and length; a full buf sticks as `failed`. */
#ifndef CERTMILL_WRITER_H
#define CERTMILL_WRITER_H

#include "buf.h"

struct writer {
	struct buf *out;
};

void writer_nil(struct writer *w);
void writer_bool(struct writer *w, bool value);
void writer_int(struct writer *w, int64_t value);
void writer_text(struct writer *w, struct slice text);
void writer_cstr(struct writer *w, const char *text);
void writer_bytes(struct writer *w, struct slice bytes);
void writer_array(struct writer *w, size_t count);
void writer_map(struct writer *w, size_t pairs);
void writer_raw(struct writer *w, struct slice object); /* one object that is msgpack already */

#endif
