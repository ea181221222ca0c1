/* A table that has every type, for the tests of the engine. */
#ifndef CERTMILL_SCHEMA_DEMO_H
#define CERTMILL_SCHEMA_DEMO_H

#include "notation.h"
#include "schema.h"

struct demo {
	struct slice text, bytes, map, secret;
	int64_t number, span;
	bool flag;
	struct slice_list list, pems, blobs, raws;
};

/* clang-format off */
static const struct field demo_fields[] = {
	FIELD(demo, text, TEXT, REQUIRED, 1, 8, "A text."),
	FIELD_NAMED(demo, text, "old_text", TEXT, OPTIONAL, 1, 8, FIELD_ALIAS, "An older name."),
	FIELD(demo, number, INT, OPTIONAL, -5, 100, "A number."),
	FIELD(demo, span, SPAN, OPTIONAL, 0, 7200, "A duration."),
	FIELD(demo, flag, BOOL, OPTIONAL, 0, 1, "A flag."),
	FIELD_NAMED(demo, flag, "old_flag", BOOL, OPTIONAL, 0, 1, FIELD_ALIAS, "An older name."),
	FIELD_NAMED(demo, bytes, "bytes", BYTES, OPTIONAL, 2, 4, FIELD_NULLABLE, "Bytes."),
	FIELD(demo, list, LIST, OPTIONAL, 0, 3, "A list."),
	FIELD_NAMED(demo, list, "old_list", LIST, OPTIONAL, 0, 3, FIELD_ALIAS, "An older name."),
	FIELD_NAMED(demo, pems, "pems", LIST, OPTIONAL, 0, 3, FIELD_LONG, "Long texts."),
	FIELD(demo, blobs, BLOBS, OPTIONAL, 0, 2, "Blobs."),
	FIELD(demo, map, MAP, OPTIONAL, 1, 12, "A map."),
	FIELD(demo, raws, RAWS, OPTIONAL, 0, 2, "Anything."),
	FIELD_NAMED(demo, secret, "secret", TEXT, OPTIONAL, 1, 8, FIELD_SECRET, "A secret."),
};
/* clang-format on */
static const struct schema demo_schema = SCHEMA("demo", demo, demo_fields);

static const struct demo demo_nothing = { .number = SCHEMA_ABSENT, .span = SCHEMA_ABSENT };

struct demo_fixture {
	struct buf in, out;
	struct arena arena;
	struct demo demo;
	uint64_t seen;
	struct err e;
};

static inline struct demo_fixture
demo_new(void)
{
	struct demo_fixture f = { .demo = demo_nothing };

	buf_init(&f.in, 1 << 20);
	buf_init(&f.out, 1 << 20);
	return f;
}

static inline void
demo_done(struct demo_fixture *f)
{
	buf_done(&f->in);
	buf_done(&f->out);
	arena_done(&f->arena);
}

static inline bool
demo_decode(struct demo_fixture *f, const struct schema *s, const char *text)
{
	return schema_decode(s, notation_pack(&f->in, text), &f->arena, &f->demo, &f->seen, &f->e);
}

#endif
