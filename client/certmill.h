/*
 * libcertmill: ask a certmill fleet over Kafka, and await the answer.
 *
 *	struct certmill_answer answer = { 0 };
 *	struct certmill *c = certmill_open(&options, &e);
 *
 *	if (c == NULL || !certmill_ask(c, &request, id, &e) || !certmill_await(c, id, 30000, &answer, &e))
 *		...                             e.code and e.msg say why
 *	if (!answer.ok)
 *		...                             answer.code, .message and .field say why it was refused
 *	certmill_answer_done(&answer);
 *	certmill_close(c);
 *
 * Every request message gets exactly one answer. A request whose answer did not come may be sent again with the same id
 * and the same body: within the fleet's dedup window it is done once, and answered again (`replayed`). The same id with
 * another body is refused (request_id_conflict).
 *
 * A client reads its reply topic from the end that stood when it was opened, read_committed, so what it receives is
 * decided for good. It belongs to one thread. It does not check certificates: it hands over what the fleet answered.
 */
#ifndef CERTMILL_H
#define CERTMILL_H

#include "arena.h"
#include "err.h"
#include "queue.h"
#include "slice.h"

#define CERTMILL_ID_SIZE 65 /* an id has 1 to 64 bytes, and a NUL */

struct certmill;

/* Everything is borrowed until certmill_close. */
struct certmill_options {
	const char *brokers; /* host:port, or several with commas */
	const char *prefix;  /* of the topics; NULL: "certmill" */
	const char *
	    reply_topic; /* NULL: <prefix>.responses. Another one must exist and be on the fleet's allow-list */
	const char *client_id;             /* shows in the broker's logs; NULL: "certmill" */
	const struct queue_setting *extra; /* librdkafka's own settings: TLS, SASL, ... */
	size_t extra_count;
	bool mock; /* a `certmill-worker dev` inside this process; tests only */
};

/* Each kind has a topic of its own, so that Kafka's ACLs say who may do what. */
enum certmill_topic {
	CERTMILL_ISSUE,
	CERTMILL_SIGN,
	CERTMILL_REVOKE,
	CERTMILL_CONFIG,
	CERTMILL_QUERY,
	CERTMILL_TOPICS
};

struct certmill_request {
	enum certmill_topic topic;
	const char *id;      /* NULL: a new one. Give it to send the same request again */
	const char *op;      /* "issue" */
	const char *mount;   /* NULL: "pki" */
	const char *role;    /* NULL: the operation has none */
	struct slice params; /* a msgpack map; absent: none */
	struct slice
	    seal_to; /* a JWK as a msgpack map: the answer's private key is sealed to it; absent: it is not */
	struct slice
	    identity; /* a msgpack map: for whom it is asked, which a mount must trust; absent: not said */
	int64_t deadline_ms; /* since the epoch: not decided after it; 0: none */
	bool dry_run;        /* check and answer, do nothing */
};

struct certmill_warning {
	struct slice code, message;
};

/* Everything in it is borrowed until certmill_answer_done. Start with { 0 }. */
struct certmill_answer {
	bool ok;
	struct slice data; /* ok: a msgpack map */
	struct slice code, message,
	    field;      /* refused: why; field is absent where none is to blame */
	bool retryable; /* refused: the same request may succeed later */
	const struct certmill_warning *warnings;
	size_t warning_count;
	bool replayed; /* the answer of an earlier message with the same id */
	char id[CERTMILL_ID_SIZE];

	struct queue_message *message_; /* what the slices point into */
	struct arena arena_;
};

/* ERR_QUEUE within a few seconds when there is no broker, or no reply topic. */
struct certmill *certmill_open(const struct certmill_options *o, struct err *e) MUST_USE;
void certmill_close(
    struct certmill *c); /* takes NULL; what was not awaited may not have been sent */

/* Sends a request; any number may be on their way. ret_id is the id to await. */
bool certmill_ask(struct certmill *c, const struct certmill_request *rq,
    char ret_id[static CERTMILL_ID_SIZE], struct err *e) MUST_USE;
/*
 * The same with an envelope that was encoded already: a msgpack map as the message reference has it, whose id and mount are
 * repeated here for the message's key, and whose reply_to, if any, is this client's reply topic.
 */
bool certmill_ask_raw(struct certmill *c, enum certmill_topic topic, const char *id,
    const char *mount, struct slice envelope, struct err *e) MUST_USE;
/* ERR_TIMEOUT when it does not come in time: it may be awaited again, or the request sent again with its id. */
bool certmill_await(struct certmill *c, const char *id, int timeout_ms, struct certmill_answer *ret,
    struct err *e) MUST_USE;
void certmill_answer_done(struct certmill_answer *a); /* before certmill_close; safe on { 0 } */

/* A new request id: a UUID, version 7 (RFC 9562). */
void certmill_new_id(char ret[static CERTMILL_ID_SIZE]);
const char *certmill_reply_topic(const struct certmill *c);
const char *certmill_topic_name(enum certmill_topic topic); /* "issue" */

#endif
