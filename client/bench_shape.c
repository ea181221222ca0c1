/* The messages of the load, encoded once; what differs between two of them is written over their placeholders. */
#include "bench.h"
#include "timespan.h"
#include "writer.h"

static const char *const op_names[] = {
	[BENCH_ISSUE] = "issue", [BENCH_SIGN] = "sign", [BENCH_REVOKE] = "revoke"
};

const char *
bench_op_name(enum bench_op op)
{
	return op_names[op];
}

static const char own_placeholder[] = "~~~~~~~~.bench.example.com";
static const char serial_placeholder[] =
    "~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~:~~";
static const char id_placeholder[] = "~~~~~~~~-~~~~-7~~~-8~~~-~~~~~~~~~~~~";

static void
params_write(enum bench_op op, struct slice csr, struct writer *w)
{
	writer_map(w, op == BENCH_SIGN ? 2 : 1);
	if (op == BENCH_SIGN) {
		writer_cstr(w, "csr");
		writer_text(w, csr);
	}
	writer_cstr(w, op == BENCH_REVOKE ? "serial_number" : "common_name");
	writer_cstr(w, op == BENCH_REVOKE ? serial_placeholder : own_placeholder);
}

static size_t
offset_of(const struct buf *bytes, const char *text)
{
	const uint8_t *at = memmem(bytes->data, bytes->len, text, strlen(text));

	return at == NULL ? 0 : (size_t)(at - bytes->data);
}

static void
shape_make(
    const struct bench_shapes *s, enum bench_op op, struct slice csr, struct bench_shape *ret)
{
	struct buf SCOPED_BUF params = { 0 };
	struct writer in = { &params }, out = { &ret->bytes };
	struct request_envelope envelope = {
		.v = ENVELOPE_VERSION,
		.id = slice_text(id_placeholder),
		.op = slice_text(op_names[op]),
		.mount = slice_text(s->mount),
		.role = op == BENCH_REVOKE ? SLICE_NONE : slice_text(s->role),
		.ts = time_now_ms(),
		.deadline = SCHEMA_ABSENT,
	};

	buf_init(&params, REQUEST_MAX);
	params_write(op, csr, &in);
	envelope.params = buf_slice(&params);
	buf_init(&ret->bytes, REQUEST_MAX);
	schema_encode(&request_schema, &envelope, &out);
	ret->id_at = offset_of(&ret->bytes, id_placeholder);
	ret->own_at = offset_of(
	    &ret->bytes, op == BENCH_REVOKE ? serial_placeholder : own_placeholder);
}

void
bench_shapes_done(struct bench_shapes *s)
{
	for (size_t i = 0; i < s->count; i++)
		buf_done(&s->items[i].bytes);
	s->count = 0;
}

bool
bench_shapes_make(struct bench_shapes *s, enum bench_op op, struct err *e)
{
	struct buf SCOPED_BUF csr = { 0 };

	bench_shapes_done(s);
	buf_init(&csr, 16384);
	if (op != BENCH_SIGN) {
		shape_make(s, op, SLICE_NONE, &s->items[s->count++]);
		return true;
	}
	while (s->count < BENCH_SHAPES) {
		buf_clear(&csr);
		if (!bench_csr_make(s->key, &csr, e))
			return false;
		shape_make(s, op, buf_slice(&csr), &s->items[s->count++]);
	}
	return true;
}
