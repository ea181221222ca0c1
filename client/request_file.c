/*
 * certmill request FILE: envelopes as the message reference has them, one JSON object a line, each sent to its operation's
 * topic; the answers come out in the order of the lines. Up to WINDOW requests of one topic are on their way at once. When a
 * line goes to another topic than the one before, the answers before it are awaited first, so that what an answered request
 * configured is in force for those behind it.
 */
#include "arguments.h"
#include "command.h"
#include "envelope.h"
#include "json.h"
#include "paths.h"
#include "scoped.h"
#include "seal_bundle.h"
#include "timespan.h"

#define WINDOW 256

struct batch {
	struct options *o;
	struct certmill *client;
	char ids[WINDOW][CERTMILL_ID_SIZE];
	size_t first, count; /* of ids, a ring */
	enum certmill_topic topic;
	enum status status; /* the worst one so far */
	bool ended;         /* the connection is gone */
};

/* 4 is worse than 3, and a line that is no request as bad as a refusal. */
static void
batch_worsen(struct batch *b, enum status status)
{
	if (status > b->status)
		b->status = status;
}

static void
batch_print(struct batch *b, const json_t *line)
{
	if (json_line(stdout, line))
		return;
	fprintf(stderr, "certmill: standard output does not take the answers\n");
	b->ended = true;
	batch_worsen(b, STATUS_FAILED);
}

static void
batch_fail(struct batch *b, const char *id, const struct err *e)
{
	json_t *SCOPED_JSON line = json_failure(id, e);

	batch_print(b, line);
	batch_worsen(b, status_of(e));
	b->ended = b->ended || e->code == ERR_QUEUE;
}

static void
batch_await_one(struct batch *b)
{
	const char *id = b->ids[b->first];
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };
	json_t *SCOPED_JSON line = NULL;

	b->first = (b->first + 1) % WINDOW;
	b->count--;
	if (!certmill_await(b->client, id, (int)(b->o->timeout * 1000), &answer, &e)) {
		batch_fail(b, id, &e);
		return;
	}
	if (!answer.ok)
		batch_worsen(b, STATUS_REFUSED);
	line = json_answer(&answer, &e);
	certmill_answer_done(&answer);
	if (line == NULL)
		batch_fail(b, id, &e);
	else
		batch_print(b, line);
}

static void
batch_await_all(struct batch *b)
{
	while (b->count > 0 && !b->ended)
		batch_await_one(b);
}

static const char *
text_of(const json_t *object, const char *name, const char *otherwise)
{
	const json_t *value = json_object_get(object, name);

	return json_is_string(value) ? json_string_value(value) : otherwise;
}

/* What the envelope needs and the line need not say. */
static void
envelope_complete(json_t *envelope)
{
	char id[CERTMILL_ID_SIZE];

	certmill_new_id(id);
	if (json_object_get(envelope, "v") == NULL &&
	    json_object_set_new(envelope, "v", json_integer(ENVELOPE_VERSION)) != 0)
		abort();
	if (json_object_get(envelope, "id") == NULL &&
	    json_object_set_new(envelope, "id", json_string(id)) != 0)
		abort();
	if (json_object_get(envelope, "ts") == NULL &&
	    json_object_set_new(envelope, "ts", json_integer(time_now_ms())) != 0)
		abort();
}

static MUST_USE bool
envelope_reply(struct batch *b, json_t *envelope, struct err *e)
{
	const char *reply = certmill_reply_topic(b->client);
	const char *wanted = text_of(envelope, "reply_to", NULL);

	if (wanted != NULL && strcmp(wanted, reply) != 0)
		return err_field(e, ERR_INVALID_VALUE, "reply_to",
		    "answers are read from %s: -reply-to names another topic", reply);
	if (b->o->reply_to != NULL &&
	    json_object_set_new(envelope, "reply_to", json_string(reply)) != 0)
		abort();
	return true;
}

/* A private key in pem_bundle is sealed, as `certmill write` does it; anywhere else it is not sent. */
static MUST_USE bool
envelope_seal(struct batch *b, json_t *envelope, const char *op, struct err *e)
{
	json_t *params = json_object_get(envelope, "params");
	struct buf SCOPED_BUF sealed = { 0 };
	const char *name;
	json_t *value;

	buf_init_secret(&sealed, ARGUMENT_MAX);
	json_object_foreach(params, name, value)
	{
		struct slice text = slice_text(
		    json_is_string(value) ? json_string_value(value) : NULL);

		if (text.data == NULL || !bundle_has_key(text))
			continue;
		if (strcmp(op, "ca/set") != 0 || strcmp(name, "pem_bundle") != 0)
			return err_field(e, ERR_KEY_IN_CLEAR, name,
			    "%.60s holds a private key, which is not sent in clear", name);
		if (!bundle_seal_for(b->client, text, (int)(b->o->timeout * 1000), &sealed, e))
			return false;
		if (json_string_setn(value, (const char *)sealed.data, sealed.len) != 0)
			abort();
	}
	return true;
}

static MUST_USE bool
envelope_send(struct batch *b, json_t *envelope, struct err *e)
{
	const char *op = text_of(envelope, "op", ""), *id = text_of(envelope, "id", "");
	struct buf SCOPED_BUF bytes = { 0 };
	struct writer w = { &bytes };
	const struct contract *contract = contract_find(slice_text(op));
	enum certmill_topic topic;

	if (contract == NULL)
		return err_field(e, ERR_UNKNOWN_OP, "op",
		    "there is no operation \"%.60s\" here, so no topic to send it to", op);
	topic = contract_topic(contract);
	if (topic != b->topic)
		batch_await_all(b);
	else if (b->count == WINDOW)
		batch_await_one(b);
	b->topic = topic;
	if (!envelope_reply(b, envelope, e) || !envelope_seal(b, envelope, op, e))
		return false;
	buf_init_secret(&bytes, REQUEST_MAX);
	if (!json_to_msgpack(envelope, &w, e))
		return false;
	if (bytes.failed)
		return err_set(e, ERR_TOO_LARGE, "the request is over %d bytes", REQUEST_MAX);
	/* in a list, beside params, in a name: where no key belongs it is refused, but only once it stands on the topic */
	if (bundle_has_key(buf_slice(&bytes)))
		return err_set(e, ERR_KEY_IN_CLEAR,
		    "the request holds a private key where none belongs, which is not sent in clear");
	return certmill_ask_raw(
	    b->client, topic, id, text_of(envelope, "mount", "pki"), buf_slice(&bytes), e);
}

/* What is wrong with a line is said in its place, behind the answers of the lines before it. */
static void
line_run(struct batch *b, const char *text, size_t len, size_t number)
{
	json_error_t where;
	struct err e = { 0 };
	json_t *SCOPED_JSON envelope = json_loadb(text, len, JSON_REJECT_DUPLICATES, &where);
	const char *id;

	if (envelope == NULL || !json_is_object(envelope)) {
		batch_await_all(b);
		(void)err_set(&e, ERR_MALFORMED, "line %zu is no JSON object", number);
		batch_fail(b, NULL, &e);
		return;
	}
	envelope_complete(envelope);
	id = text_of(envelope, "id", "");
	if (!envelope_send(b, envelope, &e)) {
		batch_await_all(b);
		batch_fail(b, id, &e);
		return;
	}
	(void)snprintf(b->ids[(b->first + b->count) % WINDOW], CERTMILL_ID_SIZE, "%s", id);
	b->count++;
}

static void
lines_run(struct batch *b, FILE *in)
{
	char *SCOPED_FREE line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;

	while (!b->ended && (len = getline(&line, &size, in)) >= 0) {
		number++;
		if (len > 0 && line[strspn(line, " \t\r\n")] != '\0')
			line_run(b, line, (size_t)len, number);
	}
	batch_await_all(b);
	if (line != NULL)
		explicit_bzero(line, size);
}

static enum status
stream_run(struct options *o, FILE *in)
{
	struct certmill_options options = options_client(o);
	struct batch b = { .o = o };
	struct err e = { 0 };

	b.client = certmill_open(&options, &e);
	if (b.client == NULL)
		return fail_with(&e);
	lines_run(&b, in);
	certmill_close(b.client);
	if (ferror(in)) {
		(void)err_errno(&e, "reading the requests");
		return fail_with(&e);
	}
	return b.status;
}

enum status
request_file(struct options *o)
{
	SCOPED(FILE) file = NULL;
	struct err e = { 0 };

	if (strcmp(o->words[0], "-") == 0)
		return stream_run(o, stdin);
	file = fopen(o->words[0], "re");
	if (file == NULL) {
		(void)err_errno(&e, o->words[0]);
		return fail_with(&e);
	}
	return stream_run(o, file);
}
