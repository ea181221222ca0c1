#include "json.h"

#include "cursor.h"
#include "encode.h"
#include "scoped.h"

static json_t *value_read(struct cursor *c, struct err *e);

/* jansson answers NULL when memory is gone, or for text that is not UTF-8, which the cursor has checked. */
static json_t *
made(json_t *value)
{
	if (value == NULL)
		abort();
	return value;
}

static json_t *
text_read(struct slice text)
{
	return made(json_stringn((const char *)text.data, text.len));
}

static json_t *
bytes_read(struct slice bytes)
{
	struct buf SCOPED_BUF text = { 0 };

	buf_init(&text, bytes.len / 3 * 4 + 8);
	base64_add(&text, bytes);
	return text_read(buf_slice(&text));
}

/* 32 or 64 bits, big-endian, IEEE 754 */
static json_t *
float_read(struct slice raw)
{
	uint64_t bits = 0;
	uint32_t bits32;
	double number;
	float small;

	for (size_t i = 1; i < raw.len; i++)
		bits = bits << 8 | raw.data[i];
	if (raw.len == 5) {
		bits32 = (uint32_t)bits;
		memcpy(&small, &bits32, sizeof(small));
		number = (double)small;
	} else {
		memcpy(&number, &bits, sizeof(number));
	}
	return json_real(number); /* NULL: not a number, or infinite */
}

static json_t *
array_read(struct cursor *c, struct err *e)
{
	json_t *SCOPED_JSON array = made(json_array());
	uint32_t count;

	if (!cursor_array(c, &count))
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		json_t *item = value_read(c, e);

		if (item == NULL)
			return NULL;
		if (json_array_append_new(array, item) != 0)
			abort();
	}
	return TAKE(array);
}

static json_t *
map_read(struct cursor *c, struct err *e)
{
	json_t *SCOPED_JSON object = made(json_object());
	struct slice name;
	uint32_t count;

	if (!cursor_map(c, &count))
		return NULL;
	for (uint32_t i = 0; i < count; i++) {
		struct buf SCOPED_BUF key = { 0 };
		json_t *item;

		if (!cursor_text(c, &name))
			return NULL;
		buf_init(&key, name.len + 1);
		buf_add_slice(&key, name);
		buf_add_byte(&key, 0);
		item = value_read(c, e);
		if (item == NULL)
			return NULL;
		if (json_object_set_new(object, (const char *)key.data, item) != 0)
			abort();
	}
	return TAKE(object);
}

static json_t *
scalar_read(struct cursor *c, enum cursor_type type)
{
	struct slice s;
	int64_t number;
	bool flag;

	switch (type) {
	case CURSOR_NIL:
		return cursor_nil(c) ? made(json_null()) : NULL;
	case CURSOR_BOOL:
		return cursor_bool(c, &flag) ? made(json_boolean(flag)) : NULL;
	case CURSOR_INT:
		return cursor_int(c, &number) ? made(json_integer(number)) : NULL;
	case CURSOR_TEXT:
		return cursor_text(c, &s) ? text_read(s) : NULL;
	case CURSOR_BYTES:
		return cursor_bytes(c, &s) ? bytes_read(s) : NULL;
	case CURSOR_FLOAT:
		return cursor_skip(c, &s) ? float_read(s) : NULL;
	case CURSOR_ARRAY:
	case CURSOR_MAP:
	case CURSOR_EXT:
	case CURSOR_END:
		break;
	}
	return NULL;
}

static json_t *
value_read(struct cursor *c, struct err *e)
{
	enum cursor_type type = cursor_peek(c);

	if (type == CURSOR_ARRAY)
		return array_read(c, e);
	if (type == CURSOR_MAP)
		return map_read(c, e);
	return scalar_read(c, type);
}

json_t *
json_from_msgpack(struct slice object, struct err *e)
{
	struct cursor c = cursor_of(object);
	json_t *value = NULL;

	/* checks the depth, which the recursion rests on */
	if (cursor_check(object))
		value = value_read(&c, e);
	if (value == NULL)
		(void)err_set(
		    e, ERR_MALFORMED, "the answer holds what is no msgpack, or has no JSON");
	return value;
}

static MUST_USE bool
object_write(json_t *value, struct writer *w, struct err *e)
{
	const char *name;
	json_t *item;

	writer_map(w, json_object_size(value));
	for (void *at = json_object_iter(value); at != NULL;
	     at = json_object_iter_next(value, at)) {
		name = json_object_iter_key(at);
		item = json_object_iter_value(at);
		writer_cstr(w, name);
		if (!json_to_msgpack(item, w, e))
			return false;
	}
	return true;
}

static MUST_USE bool
array_write(json_t *value, struct writer *w, struct err *e)
{
	writer_array(w, json_array_size(value));
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_to_msgpack(json_array_get(value, i), w, e))
			return false;
	return true;
}

bool
json_to_msgpack(json_t *value, struct writer *w, struct err *e)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return object_write(value, w, e);
	case JSON_ARRAY:
		return array_write(value, w, e);
	case JSON_STRING:
		writer_text(w, slice_of(json_string_value(value), json_string_length(value)));
		return true;
	case JSON_INTEGER:
		writer_int(w, json_integer_value(value));
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		writer_bool(w, json_is_true(value));
		return true;
	case JSON_NULL:
		writer_nil(w);
		return true;
	case JSON_REAL:
		break;
	}
	return err_set(e, ERR_WRONG_TYPE, "no request holds a number with a fraction");
}

static void
object_add(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, made(value)) != 0)
		abort();
}

static json_t *
warnings_json(const struct certmill_answer *a)
{
	json_t *array = made(json_array());

	for (size_t i = 0; i < a->warning_count; i++) {
		json_t *warning = made(json_object());

		object_add(warning, "code", text_read(a->warnings[i].code));
		object_add(warning, "message", text_read(a->warnings[i].message));
		if (json_array_append_new(array, warning) != 0)
			abort();
	}
	return array;
}

static json_t *
error_json(struct slice code, struct slice message, struct slice field, bool retryable)
{
	json_t *error = made(json_object());

	object_add(error, "code", text_read(code));
	object_add(error, "message", text_read(message));
	if (field.data != NULL && field.len > 0)
		object_add(error, "field", text_read(field));
	object_add(error, "retryable", json_boolean(retryable));
	return error;
}

json_t *
json_answer(const struct certmill_answer *a, struct err *e)
{
	json_t *SCOPED_JSON object = made(json_object());
	json_t *data;

	object_add(object, "id", json_string(a->id));
	if (a->ok) {
		data = json_from_msgpack(a->data, e);
		if (data == NULL)
			return NULL;
		object_add(object, "data", data);
	} else {
		object_add(
		    object, "error", error_json(a->code, a->message, a->field, a->retryable));
	}
	object_add(object, "warnings", warnings_json(a));
	if (a->replayed)
		object_add(object, "replayed", json_true());
	return TAKE(object);
}

static void
member_move(json_t *from, json_t *to, const char *name, json_t *absent)
{
	json_t *SCOPED_JSON otherwise = made(absent);
	json_t *value = json_object_get(from, name);

	if (json_object_set(to, name, value == NULL ? otherwise : value) != 0)
		abort();
	(void)json_object_del(from, name);
}

json_t *
json_reply(const struct certmill_answer *a, json_t *data)
{
	json_t *object = made(json_object());

	object_add(object, "id", json_string(a->id));
	member_move(data, object, "lease_id", json_string(""));
	member_move(data, object, "renewable", json_false());
	member_move(data, object, "lease_duration", json_integer(0));
	object_add(object, "data", json_incref(data));
	object_add(object, "warnings", warnings_json(a));
	if (a->replayed)
		object_add(object, "replayed", json_true());
	return object;
}

json_t *
json_failure(const char *id, const struct err *failed)
{
	json_t *object = made(json_object());

	object_add(object, "id", id == NULL ? json_null() : json_string(id));
	object_add(object, "error",
	    error_json(slice_text(err_name(failed->code)), slice_text(failed->msg),
		slice_text(failed->field), err_can_retry(failed->code)));
	return object;
}

bool
json_line(FILE *out, const json_t *value)
{
	if (json_dumpf(value, out, JSON_COMPACT | JSON_REAL_PRECISION(15)) != 0)
		return false;
	return fputc('\n', out) != EOF && fflush(out) == 0;
}
