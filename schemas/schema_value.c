#include "schema_rows.h"
#include "timespan.h"

/* What a type is called when another came in its place. */
static const char *const wanted_names[] = {
	[FIELD_TEXT] = "text (str)",
	[FIELD_BYTES] = "bytes (bin)",
	[FIELD_INT] = "an integer",
	[FIELD_BOOL] = "true or false",
	[FIELD_SPAN] = "a duration (seconds, or text such as 72h)",
	[FIELD_LIST] = "an array of texts",
	[FIELD_BLOBS] = "an array of bytes (bin)",
	[FIELD_MAP] = "a map",
	[FIELD_RAWS] = "an array",
};
static const char *const came_names[] = {
	[CURSOR_NIL] = "nil",
	[CURSOR_BOOL] = "a bool",
	[CURSOR_INT] = "an integer",
	[CURSOR_FLOAT] = "a float",
	[CURSOR_TEXT] = "text",
	[CURSOR_BYTES] = "bytes",
	[CURSOR_ARRAY] = "an array",
	[CURSOR_MAP] = "a map",
	[CURSOR_EXT] = "an extension type",
	[CURSOR_END] = "nothing",
};

static bool
wrong_type(const struct field *f, enum cursor_type came, struct err *e)
{
	return err_field(e, ERR_WRONG_TYPE, f->name, "%s must be %s, not %s", f->name,
	    wanted_names[f->type], came_names[came]);
}

static bool
out_of_range(const struct field *f, const char *what, struct err *e)
{
	return err_field(e, ERR_OUT_OF_RANGE, f->name, "%s: %s must be %lld to %lld", f->name, what,
	    (long long)f->min, (long long)f->max);
}

static bool
in_range(const struct field *f, int64_t number)
{
	return number >= f->min && number <= f->max;
}

/* Text that a field's value, or an item of it, is made of. */
static bool
take_text(const struct field *f, struct cursor *c, struct slice *ret, struct err *e)
{
	enum cursor_type type = cursor_peek(c);

	if (type != CURSOR_TEXT)
		return wrong_type(f, type, e);
	if (!cursor_text(c, ret))
		return err_field(e, ERR_INVALID_VALUE, f->name,
		    "%s holds text that is not UTF-8, or a NUL", f->name);
	return true;
}

static bool
read_text(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	if (!take_text(f, c, &ret->slice, e))
		return false;
	return in_range(f, (int64_t)ret->slice.len) || out_of_range(f, "its length in bytes", e);
}

static bool
read_bytes(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	if (cursor_peek(c) != CURSOR_BYTES || !cursor_bytes(c, &ret->slice))
		return wrong_type(f, cursor_peek(c), e);
	return in_range(f, (int64_t)ret->slice.len) || out_of_range(f, "its length in bytes", e);
}

enum digits { DIGITS_NONE, DIGITS_TOO_MANY, DIGITS_OK };

static enum digits
parse_digits(struct slice text, int64_t *ret)
{
	bool negative = text.len > 0 && text.data[0] == '-', over = false;

	*ret = 0;
	if (text.len == negative)
		return DIGITS_NONE;
	for (size_t i = negative; i < text.len; i++) {
		int digit = text.data[i] - '0';

		if (digit < 0 || digit > 9)
			return DIGITS_NONE;
		over = over || __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, negative ? -digit : digit, ret);
	}
	return over ? DIGITS_TOO_MANY : DIGITS_OK;
}

static bool
read_int(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	struct slice text = SLICE_NONE;
	enum digits digits;

	if (cursor_peek(c) == CURSOR_INT)
		return (cursor_int(c, &ret->number) && in_range(f, ret->number)) ||
		    out_of_range(f, "it", e);
	if (!take_text(f, c, &text, e))
		return false;
	digits = parse_digits(text, &ret->number);
	if (digits == DIGITS_NONE)
		return wrong_type(f, CURSOR_TEXT, e);
	return (digits == DIGITS_OK && in_range(f, ret->number)) || out_of_range(f, "it", e);
}

static bool
read_span(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	struct slice text = SLICE_NONE;

	if (cursor_peek(c) == CURSOR_INT)
		return (cursor_int(c, &ret->number) && in_range(f, ret->number)) ||
		    out_of_range(f, "its seconds", e);
	if (!take_text(f, c, &text, e))
		return false;
	if (!timespan_parse(text, f->name, &ret->number, e))
		return false;
	return in_range(f, ret->number) || out_of_range(f, "its seconds", e);
}

/* Go's ParseBool, as the source document's server reads `allow_subdomains=true`. */
static bool
read_bool(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	static const char *const texts[2][6] = {
		{ "false", "0", "f", "F", "FALSE", "False" },
		{ "true", "1", "t", "T", "TRUE", "True" },
	};
	struct slice text = SLICE_NONE;

	if (cursor_peek(c) == CURSOR_BOOL)
		return cursor_bool(c, &ret->flag);
	if (!take_text(f, c, &text, e))
		return false;
	for (size_t i = 0; i < 2 * 6; i++)
		if (slice_is(text, texts[i % 2][i / 2])) {
			ret->flag = i % 2 == 1;
			return true;
		}
	return wrong_type(f, CURSOR_TEXT, e);
}

static bool
is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct slice
trim(struct slice s)
{
	while (s.len > 0 && is_space(s.data[0]))
		s = slice_of(s.data + 1, s.len - 1);
	while (s.len > 0 && is_space(s.data[s.len - 1]))
		s.len--;
	return s;
}

/* Cuts the next part that is not empty off a comma-separated text. */
static bool
next_part(struct slice *rest, struct slice *ret)
{
	while (rest->len > 0) {
		const uint8_t *comma = memchr(rest->data, ',', rest->len);
		size_t len = comma == NULL ? rest->len : (size_t)(comma - rest->data);
		size_t step = comma == NULL ? len : len + 1;

		*ret = trim(slice_of(rest->data, len));
		*rest = slice_of(rest->data + step, rest->len - step);
		if (ret->len > 0)
			return true;
	}
	return false;
}

/* Room for a list whose count is in range; an empty list is present, too. */
static bool
make_list(const struct field *f, size_t count, struct field_value *ret, struct err *e)
{
	if (!in_range(f, (int64_t)count))
		return out_of_range(f, "the number of its items", e);
	ret->list.items = arena_array(ret->arena, count > 0 ? count : 1, sizeof(*ret->list.items));
	ret->list.count = count;
	return true;
}

/* A text that is one item whatever commas it holds. */
static bool
is_json(const struct field *f, struct slice text)
{
	text = trim(text);
	return (f->flags & FIELD_JSON) != 0 && text.len > 0 &&
	    (text.data[0] == '[' || text.data[0] == '{');
}

static bool
read_parts(const struct field *f, struct slice text, struct field_value *ret, struct err *e)
{
	struct slice rest = text, part;
	size_t count = 0;

	if (is_json(f, text)) {
		if (!make_list(f, 1, ret, e))
			return false;
		ret->list.items[0] = trim(text);
		return true;
	}
	while (next_part(&rest, &part))
		count++;
	if (!make_list(f, count, ret, e))
		return false;
	rest = text;
	for (size_t i = 0; i < count && next_part(&rest, &ret->list.items[i]); i++)
		;
	return true;
}

static bool
begin_list(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	uint32_t count;

	if (cursor_peek(c) != CURSOR_ARRAY || !cursor_array(c, &count))
		return wrong_type(f, cursor_peek(c), e);
	return make_list(f, count, ret, e);
}

static bool
check_items(const struct field *f, const struct slice_list *list, struct err *e)
{
	for (size_t i = 0; i < list->count; i++)
		if ((int64_t)list->items[i].len > field_item_max(f))
			return err_field(e, ERR_OUT_OF_RANGE, f->name,
			    "%s: item %zu is over %lld bytes", f->name, i + 1,
			    (long long)field_item_max(f));
	return true;
}

static bool
read_list(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	struct slice text = SLICE_NONE;

	if (cursor_peek(c) == CURSOR_TEXT && (f->flags & FIELD_LONG) == 0)
		return take_text(f, c, &text, e) && read_parts(f, text, ret, e) &&
		    check_items(f, &ret->list, e);
	if (!begin_list(f, c, ret, e))
		return false;
	for (size_t i = 0; i < ret->list.count; i++)
		if (!take_text(f, c, &ret->list.items[i], e))
			return false;
	return check_items(f, &ret->list, e);
}

static bool
read_blobs(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	if (!begin_list(f, c, ret, e))
		return false;
	for (size_t i = 0; i < ret->list.count; i++)
		if (cursor_peek(c) != CURSOR_BYTES || !cursor_bytes(c, &ret->list.items[i]))
			return wrong_type(f, cursor_peek(c), e);
	return true;
}

static bool
read_map(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	if (cursor_peek(c) != CURSOR_MAP || !cursor_skip(c, &ret->slice))
		return wrong_type(f, cursor_peek(c), e);
	return in_range(f, (int64_t)ret->slice.len) || out_of_range(f, "its length in bytes", e);
}

static bool
read_raws(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	if (!begin_list(f, c, ret, e))
		return false;
	for (size_t i = 0; i < ret->list.count; i++)
		if (!cursor_skip(c, &ret->list.items[i]))
			return wrong_type(f, CURSOR_END, e);
	return true;
}

typedef bool reader_fn(const struct field *, struct cursor *, struct field_value *, struct err *);

static reader_fn *const readers[] = {
	[FIELD_TEXT] = read_text,
	[FIELD_BYTES] = read_bytes,
	[FIELD_INT] = read_int,
	[FIELD_BOOL] = read_bool,
	[FIELD_SPAN] = read_span,
	[FIELD_LIST] = read_list,
	[FIELD_BLOBS] = read_blobs,
	[FIELD_MAP] = read_map,
	[FIELD_RAWS] = read_raws,
};

bool
field_read(const struct field *f, struct cursor *c, struct field_value *ret, struct err *e)
{
	return readers[f->type](f, c, ret, e);
}
