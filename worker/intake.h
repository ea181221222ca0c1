/*
 * Intake: a message becomes a request. What is wrong with it is found here, before anything is looked up: what cannot be
 * decoded, what stands on the wrong topic, whose answer has nowhere to go.
 */
#ifndef CERTMILL_INTAKE_H
#define CERTMILL_INTAKE_H

#include "operation.h"

#define HEADERS_KEPT_MAX      32
#define HEADER_BYTES_KEPT_MAX 8192

/* What a lane knows of reply topics: asked once, and again after a while. */
struct reply_topics;
struct reply_topics *reply_topics_new(const struct settings *s, struct queue_probe *probe);
void reply_topics_free(struct reply_topics *r);
struct reply_topic {
	int32_t partitions; /* 0: does not exist */
	size_t max_bytes;   /* max.message.bytes */
	bool is_fragile;    /* no transaction ends there while one of its brokers is away */
};
/* ERR_QUEUE when the broker does not say. */
bool reply_topics_find(
    struct reply_topics *r, struct slice name, struct reply_topic *ret, struct err *e) MUST_USE;

enum intake {
	INTAKE_DECIDE,   /* goes on */
	INTAKE_REFUSED,  /* rq->outcome is a refusal to answer */
	INTAKE_REJECTED, /* no id: .rejects; e says why */
	INTAKE_REROUTED, /* to its home, rq->... unchanged */
};

/*
 * Reads rq->message and asks nobody. partitions: of its topic, for its home. Everything is in cx->arena. Only checks that need
 * nothing but the message: the deadline is judged when it is decided.
 */
enum intake request_read(struct context *cx, int32_t partitions, struct request *rq, struct err *e);

/*
 * Where the answer of one that is decided or refused goes: reply_to, else Spring's header, else .responses. What is wrong with
 * that place is in rq->reply_error, and comes before what else the request was refused for; a claim of this very message
 * overrules it. Whatever is answered then goes to .responses. ERR_QUEUE when the broker does not say.
 */
bool request_find_reply(struct context *cx, struct reply_topics *replies, enum intake intake,
    struct request *rq, struct err *e) MUST_USE;

/* What kills whoever reads it: its place, and the hash of its bytes. */
enum intake request_leave_unread(struct context *cx, struct request *rq);

/* The home partition of a request, by its topic's rule. */
int32_t request_home(const struct request *rq, int32_t partitions);

/* The request's own headers that its answer carries. None when they are over the limits. */
size_t request_headers(const struct request *rq, struct queue_header ret[static HEADERS_KEPT_MAX]);
bool request_headers_dropped(const struct request *rq);

#endif
