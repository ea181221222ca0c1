#include "writer.h"

#include <assert.h>
#include <msgpack/pack.h>

/* A full buf has already noted that it failed: msgpack-c need not know. */
static int
append(void *out, const char *data, size_t len)
{
	buf_add(out, data, len);
	return 0;
}

static msgpack_packer
packer_of(struct writer *w)
{
	msgpack_packer p;

	msgpack_packer_init(&p, w->out, append);
	return p;
}

void
writer_nil(struct writer *w)
{
	msgpack_packer p = packer_of(w);

	msgpack_pack_nil(&p);
}

void
writer_bool(struct writer *w, bool value)
{
	msgpack_packer p = packer_of(w);

	if (value)
		msgpack_pack_true(&p);
	else
		msgpack_pack_false(&p);
}

void
writer_int(struct writer *w, int64_t value)
{
	msgpack_packer p = packer_of(w);

	msgpack_pack_int64(&p, value);
}

void
writer_text(struct writer *w, struct slice text)
{
	msgpack_packer p = packer_of(w);

	assert(text.len <= UINT32_MAX);
	msgpack_pack_str(&p, text.len);
	buf_add_slice(w->out, text);
}

void
writer_cstr(struct writer *w, const char *text)
{
	writer_text(w, slice_text(text));
}

void
writer_bytes(struct writer *w, struct slice bytes)
{
	msgpack_packer p = packer_of(w);

	assert(bytes.len <= UINT32_MAX);
	msgpack_pack_bin(&p, bytes.len);
	buf_add_slice(w->out, bytes);
}

void
writer_array(struct writer *w, size_t count)
{
	msgpack_packer p = packer_of(w);

	assert(count <= UINT32_MAX);
	msgpack_pack_array(&p, count);
}

void
writer_map(struct writer *w, size_t pairs)
{
	msgpack_packer p = packer_of(w);

	assert(pairs <= UINT32_MAX);
	msgpack_pack_map(&p, pairs);
}

void
writer_raw(struct writer *w, struct slice object)
{
	assert(object.len > 0);
	buf_add_slice(w->out, object);
}
