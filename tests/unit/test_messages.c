/* Every table by itself: is it well formed, does each field go out and come back, is each field's every fault refused? */
#include "messages.h"
#include "notation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ROOM ((size_t)64 << 20)
/* texts and bytes longer than this are not made to be refused */
#define LONGEST ((int64_t)1 << 20)

struct fixture {
	struct buf in, out;
	struct arena arena;
	void *record;
	uint64_t seen;
	struct err e;
	uint8_t *filler;
};

/* What a case does to one field; all others get a good value. */
enum fault { GOOD, ABSENT, SMALLEST, LARGEST, TOO_SMALL, TOO_LARGE, TWICE, OTHER_TYPE };

static bool
is_alias(const struct field *f)
{
	return (f->flags & FIELD_ALIAS) != 0;
}

static bool
is_list(const struct field *f)
{
	return f->type == FIELD_LIST || f->type == FIELD_BLOBS || f->type == FIELD_RAWS;
}

static bool
is_number(const struct field *f)
{
	return f->type == FIELD_INT || f->type == FIELD_SPAN;
}

static void
write_list(const struct field *f, size_t count, struct writer *w)
{
	writer_array(w, count);
	for (size_t i = 0; i < count; i++) {
		if (f->type == FIELD_LIST)
			writer_cstr(w, i % 2 == 0 ? "item" : "");
		else if (f->type == FIELD_BLOBS)
			writer_bytes(w, SLICE_LITERAL("\xff\x00"));
		else
			writer_int(w, (int64_t)i);
	}
}

/* A map of len bytes. */
static void
write_map(struct fixture *x, size_t len, struct writer *w)
{
	if (len < 3) {
		writer_map(w, 0);
		return;
	}
	writer_map(w, 1);
	writer_int(w, 1);
	if (len < 3 + 32)
		writer_text(w, slice_of(x->filler, len - 3));
	else if (len < 3 + 1 + 256)
		writer_text(w, slice_of(x->filler, len - 4));
	else
		writer_text(w, slice_of(x->filler, len - (len < 3 + 2 + 65536 ? 5 : 7)));
}

/* A value of the field's own type and the given size: number, length or count. */
static void
write_sized(struct fixture *x, const struct field *f, int64_t size, struct writer *w)
{
	struct slice filling = slice_of(x->filler, is_number(f) ? 0 : (size_t)size);

	switch (f->type) {
	case FIELD_TEXT:
		writer_text(w, filling);
		break;
	case FIELD_BYTES:
		writer_bytes(w, filling);
		break;
	case FIELD_INT:
	case FIELD_SPAN:
		writer_int(w, size);
		break;
	case FIELD_BOOL:
		writer_bool(w, size > 0);
		break;
	case FIELD_LIST:
	case FIELD_BLOBS:
	case FIELD_RAWS:
		write_list(f, filling.len, w);
		break;
	case FIELD_MAP:
		write_map(x, filling.len, w);
		break;
	}
}

static int64_t
good_size(const struct field *f)
{
	if (f->type == FIELD_BOOL || f->min > 3)
		return f->min;
	return f->max < 3 ? f->max : 3;
}

/* An object of no type that the field takes. Text for a number stands for people's typing, so it is no number. */
static const char *const others[] = { "nil", "true", "'no such thing'", "7", "b'x'", "[7]", "{}",
	"<ca 00 00 00 00>", "<d4 01 01>" };
#define OTHERS (sizeof(others) / sizeof(others[0]))

static bool
takes_other(const struct field *f, size_t other)
{
	static const char starts[] = "nt'7b[{<<";
	static const char *const takes[] = { [FIELD_TEXT] = "'",
		[FIELD_BYTES] = "b",
		[FIELD_INT] = "7",
		[FIELD_BOOL] = "t",
		[FIELD_SPAN] = "7",
		[FIELD_LIST] = "'",
		[FIELD_BLOBS] = "",
		[FIELD_MAP] = "{",
		[FIELD_RAWS] = "[" };

	if (starts[other] == 'n')
		return (f->flags & FIELD_NULLABLE) != 0;
	if (starts[other] == '\'' && (f->flags & FIELD_LONG) != 0)
		return false;
	return strchr(takes[f->type], starts[other]) != NULL;
}

static void
write_fault(
    struct fixture *x, const struct field *f, enum fault fault, size_t other, struct writer *w)
{
	int64_t size = fault == SMALLEST ? f->min
	    : fault == LARGEST           ? f->max
	    : fault == TOO_SMALL         ? f->min - 1
	    : fault == TOO_LARGE         ? f->max + 1
					 : good_size(f);
	const char *text = others[other];

	writer_cstr(w, f->name);
	if (fault == OTHER_TYPE)
		notation_value(&text, w);
	else
		write_sized(x, f, size, w);
}

/* The whole message, with a fault in one row. */
static bool
decode_with(struct fixture *x, const struct schema *s, size_t row, enum fault fault, size_t other)
{
	struct writer w = { &x->in };
	struct buf pairs SCOPED_BUF;
	struct writer p = { &pairs };
	size_t count = 0;

	buf_init(&pairs, ROOM);
	for (size_t i = 0; i < s->count; i++) {
		if (is_alias(&s->fields[i]) && i != row)
			continue;
		/* an alias under test stands in the place of its row */
		if (i + 1 == row && is_alias(&s->fields[row]))
			continue;
		if (i == row && fault == ABSENT)
			continue;
		write_fault(x, &s->fields[i], i == row ? fault : GOOD, other, &p);
		count++;
		if (i == row && fault == TWICE) {
			write_fault(x, &s->fields[i], GOOD, 0, &p);
			count++;
		}
	}
	buf_clear(&x->in);
	writer_map(&w, count);
	buf_add_slice(&x->in, buf_slice(&pairs));
	assert_false(x->in.failed);
	arena_reset(&x->arena);
	x->record = arena_alloc(&x->arena, s->size);
	x->e = (struct err){ .code = ERR_NONE };
	return schema_decode(s, buf_slice(&x->in), &x->arena, x->record, &x->seen, &x->e);
}

static void
expect_refused(struct fixture *x, const struct schema *s, size_t row, enum fault fault,
    size_t other, enum err_code code)
{
	const char *name = s->fields[row].name;

	if (decode_with(x, s, row, fault, other))
		fail_msg("%s.%s: taken with fault %d (%s)", s->name, name, fault, others[other]);
	if (x->e.code != code || strcmp(x->e.field, name) != 0)
		fail_msg("%s.%s: fault %d (%s): expected %s, came %s of \"%s\": %s", s->name, name,
		    fault, others[other], err_name(code), err_name(x->e.code), x->e.field,
		    x->e.msg);
}

static void
expect_taken(struct fixture *x, const struct schema *s, size_t row, enum fault fault, size_t other)
{
	if (!decode_with(x, s, row, fault, other))
		fail_msg("%s.%s: refused with case %d (%s): %s", s->name, s->fields[row].name,
		    fault, others[other], x->e.msg);
}

static void
check_row_ranges(struct fixture *x, const struct schema *s, size_t row)
{
	const struct field *f = &s->fields[row];

	if (f->type == FIELD_BOOL)
		return;
	if (is_number(f) || f->max <= LONGEST)
		expect_taken(x, s, row, LARGEST, 0);
	if (is_number(f) ? f->max < INT64_MAX : f->max < LONGEST)
		expect_refused(x, s, row, TOO_LARGE, 0, ERR_OUT_OF_RANGE);
	if (f->type != FIELD_MAP)
		expect_taken(x, s, row, SMALLEST, 0);
	if (is_number(f) ? f->min > SCHEMA_ABSENT + 1 : f->min > 0 && f->type != FIELD_MAP)
		expect_refused(x, s, row, TOO_SMALL, 0, ERR_OUT_OF_RANGE);
	/* what stands for "absent" in memory is no number on the wire */
	if (is_number(f))
		assert_true(f->min > SCHEMA_ABSENT);
}

static void
check_row(struct fixture *x, const struct schema *s, size_t row)
{
	const struct field *f = &s->fields[row];

	expect_taken(x, s, row, GOOD, 0);
	expect_refused(x, s, row, TWICE, 0, ERR_DUPLICATE_FIELD);
	if (f->need == REQUIRED)
		expect_refused(x, s, row, ABSENT, 0, ERR_MISSING_FIELD);
	else if (!is_alias(f))
		expect_taken(x, s, row, ABSENT, 0);
	for (size_t other = 0; other < OTHERS; other++) {
		/* a duration may be text, only not that one */
		bool text = f->type == FIELD_SPAN && others[other][0] == '\'';

		if (!takes_other(f, other))
			expect_refused(x, s, row, OTHER_TYPE, other,
			    text ? ERR_INVALID_VALUE : ERR_WRONG_TYPE);
	}
	check_row_ranges(x, s, row);
}

static struct fixture
fixture_new(void)
{
	struct fixture x = { .filler = malloc(LONGEST + 1) };

	assert_non_null(x.filler);
	memset(x.filler, 'a', LONGEST + 1);
	buf_init(&x.in, ROOM);
	buf_init(&x.out, ROOM);
	return x;
}

static void
fixture_done(struct fixture *x)
{
	free(x->filler);
	buf_done(&x->in);
	buf_done(&x->out);
	arena_done(&x->arena);
}

static void
test_faults(void **state)
{
	struct fixture x = fixture_new();
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++)
		for (size_t row = 0; row < s->count; row++)
			check_row(&x, s, row);
	fixture_done(&x);
}

/* A message with every field, decoded and encoded, is the same bytes: fields stand in the table's order. */
static void
test_round_trip(void **state)
{
	struct fixture x = fixture_new();
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		struct writer w = { &x.out };

		buf_clear(&x.out);
		if (!decode_with(&x, s, SIZE_MAX - 1, GOOD, 0))
			fail_msg("%s: refused: %s", s->name, x.e.msg);
		schema_encode(s, x.record, &w);
		if (!slice_eq(buf_slice(&x.out), buf_slice(&x.in)))
			fail_msg("%s: comes back as other bytes", s->name);
	}
	fixture_done(&x);
}

/* Where a table's name has '/', the name of its seed has '-'. */
static const char *
seed_path(struct arena *a, const struct schema *s)
{
	char *name = arena_printf(a, "%s", s->name);

	for (char *c = name; *c != '\0'; c++)
		if (*c == '/')
			*c = '-';
	return arena_printf(a, SOURCE_DIR "/tests/fuzz/corpus/params/%s", name);
}

/* fuzz_params begins with every table: there is a seed of each, its first line is the table's name, and it is taken. */
static void
test_fuzz_seeds(void **state)
{
	struct fixture x = fixture_new();
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		const char *path = seed_path(&x.arena, s);
		void *record = arena_alloc(&x.arena, s->size);
		size_t head = strlen(s->name) + 1;
		FILE *file = fopen(path, "rb");
		uint8_t seed[65536];
		size_t len;

		if (file == NULL)
			fail_msg("%s: there is no seed %s", s->name, path);
		len = fread(seed, 1, sizeof(seed), file);
		fclose(file);
		if (len < head || memcmp(seed, s->name, head - 1) != 0 || seed[head - 1] != '\n')
			fail_msg("%s: its seed does not begin with its name", s->name);
		if (!schema_decode(
			s, slice_of(seed + head, len - head), &x.arena, record, &x.seen, &x.e))
			fail_msg("%s: its seed is refused: %s", s->name, x.e.msg);
	}
	fixture_done(&x);
}

static void
test_unknown_fields(void **state)
{
	struct fixture x = fixture_new();
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		void *record = arena_alloc(&x.arena, s->size);

		(void)!schema_decode(s, notation_pack(&x.in, "{'no_such_field': 1}"), &x.arena,
		    record, &x.seen, &x.e);
		if ((x.e.code == ERR_UNKNOWN_FIELD) == s->open)
			fail_msg("%s: is %s, and an unknown field gave %s", s->name,
			    s->open ? "open" : "closed", err_name(x.e.code));
		x.e.code = ERR_NONE;
	}
	fixture_done(&x);
}

static size_t
member_size(const struct field *f)
{
	if (f->type == FIELD_BOOL)
		return sizeof(bool);
	if (is_number(f))
		return sizeof(int64_t);
	return is_list(f) ? sizeof(struct slice_list) : sizeof(struct slice);
}

static void
check_form(const struct schema *s, size_t row)
{
	const struct field *f = &s->fields[row];
	const struct field *main_row = row > 0 ? &s->fields[row - 1] : NULL;

	if (f->offset + member_size(f) > s->size)
		fail_msg("%s.%s stands outside its struct", s->name, f->name);
	if (f->min > f->max)
		fail_msg("%s.%s: nothing is in its range", s->name, f->name);
	/* the manual has sentences */
	if (strlen(f->help) < 5 || strchr(".?", f->help[strlen(f->help) - 1]) == NULL)
		fail_msg("%s.%s: its help is no sentence: %s", s->name, f->name, f->help);
	if (is_alias(f) &&
	    (main_row == NULL || main_row->offset != f->offset || main_row->type != f->type ||
		main_row->min != f->min || main_row->max != f->max || f->need != OPTIONAL))
		fail_msg("%s.%s does not agree with the row before it", s->name, f->name);
	for (size_t i = 0; i < row; i++) {
		if (strcmp(s->fields[i].name, f->name) == 0)
			fail_msg("%s.%s has two rows", s->name, f->name);
		if (s->fields[i].offset == f->offset && !is_alias(f))
			fail_msg(
			    "%s.%s and %s are one member", s->name, f->name, s->fields[i].name);
	}
}

static void
test_forms(void **state)
{
	const struct schema *s;
	size_t i;

	(void)state;
	for (i = 0; (s = message_schema(i)) != NULL; i++) {
		assert_true(s->count <= 64);
		for (size_t row = 0; row < s->count; row++)
			check_form(s, row);
		for (size_t j = 0; j < i; j++)
			if (strcmp(message_schema(j)->name, s->name) == 0)
				fail_msg("two tables are called %s", s->name);
	}
	assert_true(i >= 40);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_fuzz_seeds),
		cmocka_unit_test(test_unknown_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
