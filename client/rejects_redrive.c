/*
 * A message of `.rejects`, sent again: to the topic where it stood, with its key, its bytes and its own headers, and one that
 * names the reject, by which it is found when it is to be sent a second time. Two that do so at once may both send it; an id
 * that is answered twice within the dedup window still is one request.
 */
#include "rejects.h"

#include "contract.h"
#include "json.h"
#include "tail.h"
#include "timespan.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define REDRIVEN    "redriven" /* header: topic/partition/offset of the reject */
#define HEADERS_MAX 64
#define FLUSH_MS    30000
#define SLACK_MS    ((int64_t)600 * 1000) /* how far the brokers' clocks may differ */

struct redrive {
	struct options *o;
	const char *place; /* "certmill.rejects/0/3" */
	const char *topic; /* where it goes */
	char found[300];   /* where it stands already; "" nowhere */
};

/* Only to a request topic of this prefix, whatever the header says. */
static MUST_USE bool
target_check(struct redrive *r, const struct reject *reject, struct err *e)
{
	for (int kind = 0; kind < TOPIC_KINDS; kind++) {
		const char *name = arena_printf(
		    &r->o->arena, "%s.%s", r->o->prefix, topic_kind_names[kind]);

		if (!slice_is(reject->topic, name))
			continue;
		r->topic = name;
		if (!reject->hashed && kind != TOPIC_CONFIG)
			return true;
		return err_set(e, ERR_INVALID_VALUE,
		    "%s: only the hash of the message was kept, for what it may have held: send the request itself again",
		    r->place);
	}
	return err_set(e, ERR_INVALID_VALUE, "%s: it did not stand on a request topic of %s",
	    r->place, r->o->prefix);
}

/* ---- was it sent before? ---- */

static bool
redriven_take(void *opaque, const struct queue_message *m, struct err *e)
{
	struct redrive *r = opaque;
	struct queue_header h;

	(void)e;
	for (size_t i = 0; i < queue_message_headers(m); i++)
		if (queue_message_header(m, i, &h) && strcmp(h.name, REDRIVEN) == 0 &&
		    slice_is(h.value, r->place) && r->found[0] == '\0')
			(void)snprintf(r->found, sizeof(r->found), "%s/%" PRId32 "/%" PRId64,
			    m->topic, m->partition, m->offset);
	return true;
}

static bool
redriven_idle(void *opaque, bool at_end, struct err *e)
{
	(void)at_end;
	(void)opaque;
	(void)e;
	return true;
}

/* What the topic holds since the reject was written. */
static MUST_USE bool
redriven_find(struct redrive *r, int64_t since_ms, struct err *e)
{
	struct tail SCOPED_TAIL t = { .o = r->o, .topic = r->topic };
	const struct sink sink = { redriven_take, redriven_idle, r };

	if (!tail_open(&t, e))
		return false;
	for (int32_t p = 0; p < queue_reader_partitions(t.reader); p++) {
		int64_t from;

		if (!queue_offset_since(t.probe, r->topic, p, since_ms - SLACK_MS, &from, e) ||
		    !queue_reader_seek(t.reader, p, from, e))
			return false;
	}
	return tail_once(&t, &sink, e);
}

/* ---- sent ---- */

static size_t
headers_of(const struct redrive *r, const struct queue_message *m,
    struct queue_header ret[static HEADERS_MAX])
{
	const size_t prefix = sizeof(ORIGINAL_PREFIX) - 1;
	struct queue_header h;
	size_t count = 0;

	ret[count++] = (struct queue_header){ REDRIVEN, slice_text(r->place) };
	for (size_t i = 0; i < queue_message_headers(m) && count < HEADERS_MAX; i++)
		if (queue_message_header(m, i, &h) &&
		    strncmp(h.name, ORIGINAL_PREFIX, prefix) == 0 &&
		    strcmp(h.name + prefix, REDRIVEN) != 0)
			ret[count++] = (struct queue_header){ h.name + prefix, h.value };
	return count;
}

static MUST_USE bool
redrive_send(const struct redrive *r, const struct queue_message *m, struct err *e)
{
	const struct queue_options queue = options_queue(r->o);
	struct queue_producer *p = queue_producer_open(&queue, NULL, e);
	struct queue_header headers[HEADERS_MAX];
	const struct queue_record record = { .topic = r->topic,
		.partition = -1,
		.key = m->key,
		.value = m->value,
		.headers = headers,
		.header_count = headers_of(r, m, headers) };
	bool sent = p != NULL && queue_produce(p, &record, e) && queue_flush(p, FLUSH_MS, e);

	queue_producer_close(p);
	return sent;
}

static void
say(const struct redrive *r, bool sent)
{
	if (strcmp(r->o->format, "json") == 0) {
		json_t *SCOPED_JSON line = json_pack("{s:s, s:s, s:b}", "reject", r->place,
		    sent ? "sent_to" : "stands_at", sent ? r->topic : r->found, "sent", sent);

		if (line != NULL && json_line(stdout, line))
			return;
		abort();
	}
	if (sent)
		printf("%s: sent again to %s\n", r->place, r->topic);
	else
		printf("%s: was sent again before, and stands at %s\n", r->place, r->found);
	(void)fflush(stdout);
}

static MUST_USE bool
redrive_one(struct redrive *r, const struct queue_message *m, struct err *e)
{
	struct reject reject;

	reject_read(m, &reject);
	r->place = arena_printf(
	    &r->o->arena, "%s/%" PRId32 "/%" PRId64, m->topic, m->partition, m->offset);
	if (!target_check(r, &reject, e) || !redriven_find(r, m->timestamp_ms, e))
		return false;
	if (r->found[0] != '\0') {
		say(r, false);
		return true;
	}
	if (!redrive_send(r, m, e))
		return false;
	say(r, true);
	return true;
}

enum status
rejects_redrive(struct options *o)
{
	struct tail SCOPED_TAIL t = { .o = o,
		.topic = arena_printf(&o->arena, "%s.rejects", o->prefix) };
	struct err e = { 0 };

	if (!tail_open(&t, &e))
		return fail_with(&e);
	for (size_t i = 1; i < o->word_count; i++) {
		struct redrive r = { .o = o };
		struct queue_message *m = NULL;
		bool done = reject_find(o, &t, o->words[i], &m, &e) && redrive_one(&r, m, &e);

		queue_message_free(m);
		if (!done)
			return fail_with(&e);
	}
	return STATUS_OK;
}
