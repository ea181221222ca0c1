#include "rejects.h"

#include "columns.h"
#include "command.h"
#include "encode.h"
#include "json.h"
#include "scoped.h"
#include "show.h"
#include "table.h"
#include "tail.h"
#include "timespan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- a record ---- */

/* The worker's own headers stand in front of all others: the first of a name is the one. */
static struct slice
header_of(const struct queue_message *m, const char *name)
{
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(m); i++)
		if (queue_message_header(m, i, &h) && strcmp(h.name, name) == 0)
			return h.value;
	return SLICE_NONE;
}

void
reject_read(const struct queue_message *m, struct reject *ret)
{
	*ret = (struct reject){ .message = m,
		.reason = header_of(m, "reason"),
		.text = header_of(m, "message"),
		.topic = header_of(m, "topic"),
		.partition = header_of(m, "partition"),
		.offset = header_of(m, "offset"),
		.hashed = header_of(m, "value").data != NULL };
}

/* Digits alone, at most max; *text moves behind them. */
static MUST_USE bool
digits_read(const char **text, int64_t max, int64_t *ret)
{
	const char *at = *text;

	for (*ret = 0; *at >= '0' && *at <= '9'; at++) {
		*ret = *ret * 10 + (*at - '0');
		if (*ret > max)
			return false;
	}
	if (at == *text)
		return false;
	*text = at;
	return true;
}

bool
reject_place_parse(const char *word, int32_t *ret_partition, int64_t *ret_offset, struct err *e)
{
	const char *at = word;
	int64_t partition;

	if (digits_read(&at, INT32_MAX, &partition) && *at++ == '/' &&
	    digits_read(&at, INT64_MAX / 100, ret_offset) && *at == '\0') {
		*ret_partition = (int32_t)partition;
		return true;
	}
	return err_set(e, ERR_INVALID_VALUE,
	    "\"%.80s\" is no place: partition/offset, as `certmill rejects list` has them", word);
}

static bool
nothing(void *opaque, bool at_end, struct err *e)
{
	(void)at_end;
	(void)opaque;
	(void)e;
	return true;
}

bool
reject_find(
    struct options *o, struct tail *t, const char *word, struct queue_message **ret, struct err *e)
{
	int32_t partition;
	int64_t offset, until = time_monotonic_us() + o->timeout * 1000000;

	*ret = NULL;
	if (!reject_place_parse(word, &partition, &offset, e))
		return false;
	if (partition >= queue_reader_partitions(t->reader) || offset >= t->ends[partition])
		return err_set(e, ERR_NOT_FOUND, "%s holds nothing at %s", t->topic, word);
	if (!queue_reader_seek(t->reader, partition, offset, e))
		return false;
	while (queue_reader_passed(t->reader, partition) <= offset) {
		struct queue_message *m;

		if (time_monotonic_us() > until)
			return err_set(e, ERR_TIMEOUT, "%s was not read in time", t->topic);
		if (!queue_reader_poll(t->reader, 100, &m, e))
			return false;
		if (m != NULL && m->partition == partition && m->offset == offset) {
			*ret = m;
			return true;
		}
		queue_message_free(m);
	}
	return err_set(e, ERR_NOT_FOUND, "%s holds no message at %s", t->topic, word);
}

/* ---- list ---- */

struct list {
	struct columns table;
	bool json;
};

static void
json_put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort();
}

/* Bytes of a stranger: as text where they are UTF-8. */
static void
json_put_text(json_t *object, const char *name, struct slice text)
{
	json_t *value = text.data == NULL ? NULL : json_stringn((const char *)text.data, text.len);
	struct buf base64 SCOPED_BUF = { 0 };

	if (value == NULL && text.data != NULL) {
		buf_init(&base64, 2 * text.len + 16);
		base64_add(&base64, text);
		value = json_stringn((const char *)base64.data, base64.len);
	}
	if (value != NULL)
		json_put(object, name, value);
}

static json_t *
reject_json(const struct reject *r)
{
	const struct queue_message *m = r->message;
	json_t *object = json_object();
	char at[32];

	time_format_rfc3339(m->timestamp_ms / 1000, at);
	json_put(object, "at", json_sprintf("%" PRId32 "/%" PRId64, m->partition, m->offset));
	json_put(object, "time", json_string(at));
	json_put_text(object, "reason", r->reason);
	json_put_text(object, "message", r->text);
	json_put_text(object, "topic", r->topic);
	json_put_text(object, "partition", r->partition);
	json_put_text(object, "offset", r->offset);
	json_put_text(object, "key", m->key);
	json_put(object, "bytes", json_integer((json_int_t)m->value.len));
	json_put(object, "hashed", json_boolean(r->hashed));
	return object;
}

static bool
list_take(void *opaque, const struct queue_message *m, struct err *e)
{
	struct list *l = opaque;
	struct reject r;
	char at[32];

	reject_read(m, &r);
	if (l->json) {
		json_t *SCOPED_JSON line = reject_json(&r);

		return json_line(stdout, line) ||
		    err_set(e, ERR_SYSTEM, "standard output does not take the lines");
	}
	time_format_rfc3339(m->timestamp_ms / 1000, at);
	columns_add(&l->table, "%" PRId32 "/%" PRId64, m->partition, m->offset);
	columns_add(&l->table, "%s", at);
	columns_add(&l->table, "%.*s", SLICE_FMT(r.reason));
	columns_add(&l->table, "%.*s/%.*s/%.*s", SLICE_FMT(r.topic), SLICE_FMT(r.partition),
	    SLICE_FMT(r.offset));
	columns_add(&l->table, "%zu", m->value.len);
	columns_add(&l->table, "%.*s", SLICE_FMT(r.text));
	return true;
}

static enum status
list(struct options *o, struct tail *t)
{
	static const char *const head[] = { "At", "Time", "Reason", "Stood at", "Bytes",
		"Message" };
	struct list l = { .json = strcmp(o->format, "json") == 0 };
	const struct sink sink = { list_take, nothing, &l };
	struct err e = { 0 };
	bool read;

	columns_init(&l.table, head, COUNT(head));
	read = tail_once(t, &sink, &e);
	if (read && !l.json)
		columns_print(stdout, &l.table);
	columns_done(&l.table);
	return read ? STATUS_OK : fail_with(&e);
}

/* ---- show ---- */

/* What stood there, as a person reads it: the msgpack as JSON, or base64. */
static void
show_value(const struct reject *r, json_t *object)
{
	struct slice value = r->message->value;
	struct buf text SCOPED_BUF = { 0 };
	struct err unread = { 0 };
	json_t *body = r->hashed || value.data == NULL ? NULL : json_from_msgpack(value, &unread);

	if (body != NULL) {
		json_put(object, "value", body);
		return;
	}
	buf_init(&text, 2 * value.len + 16);
	if (r->hashed)
		hex_add(&text, value, 0);
	else
		base64_add(&text, value);
	json_put(object, r->hashed ? "value_sha256" : "value_base64",
	    json_stringn((const char *)buf_slice(&text).data, text.len));
}

static void
show_headers(const struct reject *r, json_t *object)
{
	const size_t prefix = sizeof(ORIGINAL_PREFIX) - 1;
	json_t *headers = json_object();
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(r->message); i++)
		if (queue_message_header(r->message, i, &h) &&
		    strncmp(h.name, ORIGINAL_PREFIX, prefix) == 0)
			json_put_text(headers, h.name + prefix, h.value);
	json_put(object, "headers", headers);
}

static enum status
show(struct options *o, struct tail *t, const char *word)
{
	struct queue_message *m = NULL;
	struct err e = { 0 };
	json_t *SCOPED_JSON object = NULL;
	struct reject r;

	if (!reject_find(o, t, word, &m, &e))
		return fail_with(&e);
	reject_read(m, &r);
	object = reject_json(&r);
	show_headers(&r, object);
	show_value(&r, object);
	queue_message_free(m);
	if (strcmp(o->format, "json") == 0)
		return json_line(stdout, object) ? STATUS_OK : STATUS_FAILED;
	table_print(stdout, object);
	return fflush(stdout) == 0 ? STATUS_OK : STATUS_FAILED;
}

/* ---- the command ---- */

static enum status
look(struct options *o)
{
	struct tail SCOPED_TAIL t = { .o = o,
		.topic = arena_printf(&o->arena, "%s.rejects", o->prefix) };
	struct err e = { 0 };
	enum status status = STATUS_OK;

	if (!tail_open(&t, &e))
		return fail_with(&e);
	if (strcmp(o->words[0], "list") == 0)
		return list(o, &t);
	for (size_t i = 1; i < o->word_count && status == STATUS_OK; i++)
		status = show(o, &t, o->words[i]);
	return status;
}

enum status
rejects(struct options *o)
{
	const char *what = o->words[0];
	struct err e = { 0 };

	if (!show_check(o, &e))
		return fail_with(&e);
	if ((strcmp(what, "list") == 0 && o->word_count == 1) ||
	    (strcmp(what, "show") == 0 && o->word_count > 1))
		return look(o);
	if (strcmp(what, "redrive") == 0 && o->word_count > 1)
		return rejects_redrive(o);
	fprintf(stderr,
	    "usage: certmill rejects list\n"
	    "       certmill rejects show PARTITION/OFFSET...\n"
	    "       certmill rejects redrive PARTITION/OFFSET...\n");
	return STATUS_FAILED;
}
