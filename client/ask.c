#include "certmill.h"

#include "answer.h"
#include "cursor.h"
#include "envelope.h"
#include "scoped.h"
#include "timespan.h"

#include <assert.h>
#include <openssl/rand.h>

#define PING_MS     3000
#define DELIVERY_MS 100 /* once an answer is overdue */
#define POLL_MS     250

/* A request that was sent, and its answer when that came before it was awaited. */
struct pending {
	struct pending *next;
	struct queue_message *message;
	char id[CERTMILL_ID_SIZE];
};

struct certmill {
	struct arena arena;
	struct queue_options queue;
	struct queue_probe *probe;
	struct queue_reader *reader;
	struct queue_producer *producer;
	const char *topics[CERTMILL_TOPICS];
	bool known[CERTMILL_TOPICS]; /* the topic exists */
	const char *reply;
	bool reply_is_default;
	struct pending *first, **last;
};

/* A request goes out at once: who asks waits for the answer. */
static const struct queue_setting at_once = { "linger.ms", "0" };

static const char *const topic_names[CERTMILL_TOPICS] = {
	[CERTMILL_ISSUE] = "issue",
	[CERTMILL_SIGN] = "sign",
	[CERTMILL_REVOKE] = "revoke",
	[CERTMILL_CONFIG] = "config",
	[CERTMILL_QUERY] = "query",
};

const char *
certmill_topic_name(enum certmill_topic topic)
{
	return topic_names[topic];
}

const char *
certmill_reply_topic(const struct certmill *c)
{
	return c->reply;
}

void
certmill_new_id(char ret[static CERTMILL_ID_SIZE])
{
	uint64_t ms = (uint64_t)time_now_ms();
	uint8_t b[16];
	int n;

	if (RAND_bytes(b, sizeof(b)) != 1)
		abort();
	for (size_t i = 0; i < 6; i++)
		b[i] = (uint8_t)(ms >> (40 - 8 * i));
	b[6] = 0x70 | (b[6] & 0x0f);
	b[8] = 0x80 | (b[8] & 0x3f);
	n = snprintf(ret, CERTMILL_ID_SIZE,
	    "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	    b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	    b[15]);
	assert(n == 36);
	(void)n;
}

static MUST_USE bool
client_connect(struct certmill *c, struct err *e)
{
	struct queue_topic_info info;

	c->probe = queue_probe_open(&c->queue, e);
	if (c->probe == NULL || !queue_ping(c->probe, PING_MS, e))
		return false;
	if (!queue_topic_info(c->probe, c->reply, &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_QUEUE,
		    "there is no topic %s: has certmill-worker topics been run?", c->reply);
	c->reader = queue_reader_open(&c->queue, c->reply, -1, QUEUE_FROM_END, e);
	if (c->reader == NULL)
		return false;
	c->producer = queue_producer_open(&c->queue, NULL, e);
	return c->producer != NULL;
}

struct certmill *
certmill_open(const struct certmill_options *o, struct err *e)
{
	struct certmill *c = calloc(1, sizeof(*c));
	struct queue_setting *settings;
	const char *prefix = o->prefix == NULL ? "certmill" : o->prefix;

	if (c == NULL)
		abort();
	c->last = &c->first;
	settings = arena_array(&c->arena, o->extra_count + 1, sizeof(*settings));
	settings[0] = at_once; /* the caller's come later, and win */
	for (size_t i = 0; i < o->extra_count; i++)
		settings[i + 1] = o->extra[i];
	c->queue = (struct queue_options){
		.brokers = o->brokers,
		.client_id = o->client_id == NULL ? "certmill" : o->client_id,
		.extra = settings,
		.extra_count = o->extra_count + 1,
		.mock = o->mock,
	};
	for (size_t i = 0; i < CERTMILL_TOPICS; i++)
		c->topics[i] = arena_printf(&c->arena, "%s.%s", prefix, topic_names[i]);
	c->reply = arena_printf(&c->arena, "%s.responses", prefix);
	c->reply_is_default = o->reply_topic == NULL || strcmp(o->reply_topic, c->reply) == 0;
	if (!c->reply_is_default)
		c->reply = arena_text(&c->arena, slice_text(o->reply_topic));
	if (!client_connect(c, e)) {
		certmill_close(c);
		return NULL;
	}
	return c;
}

void
certmill_close(struct certmill *c)
{
	if (c == NULL)
		return;
	for (struct pending *p = c->first, *next; p != NULL; p = next) {
		next = p->next;
		queue_message_free(p->message);
		free(p);
	}
	if (c->producer != NULL)
		queue_producer_close(c->producer);
	if (c->reader != NULL)
		queue_reader_close(c->reader);
	if (c->probe != NULL)
		queue_probe_close(c->probe);
	arena_done(&c->arena);
	free(c);
}

/* That a topic does not exist would otherwise be found out when the message's timeout is over. */
static MUST_USE bool
topic_check(struct certmill *c, enum certmill_topic topic, struct err *e)
{
	struct queue_topic_info info;

	if (c->known[topic])
		return true;
	if (!queue_topic_info(c->probe, c->topics[topic], &info, e))
		return false;
	if (!info.exists)
		return err_set(e, ERR_QUEUE,
		    "there is no topic %s: has certmill-worker topics been run?", c->topics[topic]);
	c->known[topic] = queue_producer_warm(c->producer, &c->topics[topic], 1, e);
	return c->known[topic];
}

static void
pending_add(struct certmill *c, const char *id)
{
	struct pending *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort();
	memcpy(p->id, id, strlen(id) + 1);
	*c->last = p;
	c->last = &p->next;
}

/* As the worker reads it: nobody answers an id that cannot be read. */
static bool
is_text(const char *id)
{
	struct buf SCOPED_BUF bytes = { 0 };
	struct writer w = { &bytes };
	struct cursor c;
	struct slice text;

	buf_init(&bytes, REQUEST_ID_MAX + 8);
	writer_cstr(&w, id);
	c = cursor_of(buf_slice(&bytes));
	return cursor_text(&c, &text);
}

static MUST_USE bool
id_check(const char *id, struct err *e)
{
	size_t len = strlen(id);

	if (len == 0 || len > REQUEST_ID_MAX)
		return err_field(
		    e, ERR_OUT_OF_RANGE, "id", "an id has 1 to %d bytes", REQUEST_ID_MAX);
	if (!is_text(id))
		return err_field(e, ERR_INVALID_VALUE, "id", "an id is text in UTF-8");
	return true;
}

bool
certmill_ask_raw(struct certmill *c, enum certmill_topic topic, const char *id, const char *mount,
    struct slice envelope, struct err *e)
{
	bool by_mount = topic == CERTMILL_REVOKE || topic == CERTMILL_CONFIG;
	struct queue_record record = {
		.topic = c->topics[topic],
		.partition = -1,
		.key = slice_text(by_mount ? mount : id),
		.value = envelope,
	};

	if (!id_check(id, e) || !topic_check(c, topic, e))
		return false;
	if (envelope.len > REQUEST_MAX)
		return err_set(e, ERR_TOO_LARGE, "the request has %zu bytes, at most %d are taken",
		    envelope.len, REQUEST_MAX);
	if (!queue_produce(c->producer, &record, e))
		return false;
	pending_add(c, id);
	return true;
}

bool
certmill_ask(struct certmill *c, const struct certmill_request *rq,
    char ret_id[static CERTMILL_ID_SIZE], struct err *e)
{
	const char *mount = rq->mount == NULL ? "pki" : rq->mount;
	struct buf SCOPED_BUF bytes = { 0 };
	struct writer w = { &bytes };
	struct request_envelope envelope = {
		.v = ENVELOPE_VERSION,
		.op = slice_text(rq->op),
		.mount = slice_text(mount),
		.role = slice_text(rq->role),
		.params = rq->params,
		.ts = time_now_ms(),
		.deadline = rq->deadline_ms == 0 ? SCHEMA_ABSENT : rq->deadline_ms,
		.reply_to = c->reply_is_default ? SLICE_NONE : slice_text(c->reply),
		.seal_to = rq->seal_to,
		.identity = rq->identity,
		.dry_run = rq->dry_run,
	};

	buf_init_secret(&bytes, REQUEST_MAX);
	if (rq->id == NULL) {
		certmill_new_id(ret_id);
	} else if (!id_check(rq->id, e)) {
		return false;
	} else {
		memcpy(ret_id, rq->id, strlen(rq->id) + 1);
	}
	envelope.id = slice_text(ret_id);
	schema_encode(&request_schema, &envelope, &w);
	if (bytes.failed)
		return err_set(e, ERR_TOO_LARGE, "the request is over %d bytes", REQUEST_MAX);
	return certmill_ask_raw(c, rq->topic, ret_id, mount, buf_slice(&bytes), e);
}

/* Gives a message to the oldest request of its id that has no answer yet; the answers of others are passed over. */
static void
pending_take(struct certmill *c, struct queue_message *m)
{
	for (struct pending *p = c->first; p != NULL; p = p->next) {
		if (p->message == NULL && slice_is(m->key, p->id)) {
			p->message = m;
			return;
		}
	}
	queue_message_free(m);
}

static struct pending **
pending_find(struct certmill *c, const char *id)
{
	struct pending **at = &c->first;

	while (*at != NULL && strcmp((*at)->id, id) != 0)
		at = &(*at)->next;
	return at;
}

static struct queue_message *
pending_remove(struct certmill *c, struct pending **at)
{
	struct pending *p = *at;
	struct queue_message *m = p->message;

	*at = p->next;
	if (c->last == &p->next)
		c->last = at;
	free(p);
	return m;
}

/* Waits a while for a message of the reply topic, and looks what became of those that were sent. */
static MUST_USE bool
client_poll(struct certmill *c, int64_t left_ms, struct err *e)
{
	struct queue_message *m;

	if (!queue_reader_poll(c->reader, left_ms < POLL_MS ? (int)left_ms : POLL_MS, &m, e))
		return false;
	if (m != NULL)
		pending_take(c, m);
	return !queue_undelivered(c->producer, e);
}

/* Time is up. That Kafka has not taken the request is another matter than that nobody has answered it. */
static bool
client_give_up(struct certmill *c, const char *id, int timeout_ms, struct err *e)
{
	if (!queue_flush(c->producer, DELIVERY_MS, e))
		return false;
	return err_set(e, ERR_TIMEOUT, "no answer to %s came within %d ms", id, timeout_ms);
}

static MUST_USE bool
client_receive(
    struct certmill *c, const char *id, int timeout_ms, struct queue_message **ret, struct err *e)
{
	int64_t until = time_monotonic_us() + (int64_t)timeout_ms * 1000;
	int64_t left;

	for (;;) {
		struct pending **at = pending_find(c, id);

		if (*at == NULL)
			return err_field(e, ERR_INVALID_VALUE, "id",
			    "\"%s\" was not asked here, or was awaited already", id);
		if ((*at)->message != NULL) {
			*ret = pending_remove(c, at);
			return true;
		}
		left = (until - time_monotonic_us() + 999) / 1000;
		if (left <= 0)
			return client_give_up(c, id, timeout_ms, e);
		if (!client_poll(c, left, e))
			return false;
	}
}

bool
certmill_await(
    struct certmill *c, const char *id, int timeout_ms, struct certmill_answer *ret, struct err *e)
{
	struct certmill_answer a = { 0 };

	if (!client_receive(c, id, timeout_ms, &a.message_, e))
		return false;
	if (!answer_read(&a, id, e)) {
		certmill_answer_done(&a);
		return false;
	}
	*ret = a;
	return true;
}
