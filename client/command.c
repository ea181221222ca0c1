#include "command.h"

#include "answers.h"
#include "arguments.h"
#include "envelope.h"
#include "json.h"
#include "seal_bundle.h"
#include "show.h"

/* A request in the making, and what stays open while it is asked. */
struct session {
	struct options *o;
	struct certmill *client;
	struct route route;
	struct arguments args;
	struct buf params, seal_to; /* msgpack */
	int timeout_ms;
};

static void
session_init(struct session *s, struct options *o)
{
	*s = (struct session){ .o = o, .timeout_ms = (int)(o->timeout * 1000) };
	buf_init_secret(&s->params, REQUEST_MAX);
	buf_init(&s->seal_to, REQUEST_MAX);
}

static void
session_done(struct session *s)
{
	certmill_close(s->client);
	arguments_done(&s->args);
	buf_done(&s->params);
	buf_done(&s->seal_to);
}
#define SCOPED_SESSION __attribute__((cleanup(session_done)))

static MUST_USE bool
session_open(struct session *s, struct err *e)
{
	struct certmill_options options = options_client(s->o);

	s->client = certmill_open(&options, e);
	return s->client != NULL;
}

/* -seal-to: a JWK as JSON, given as it is or as @file. */
static MUST_USE bool
session_seal_to(struct session *s, struct err *e)
{
	struct buf SCOPED_BUF text = { 0 };
	struct writer w = { &s->seal_to };
	json_error_t where;
	json_t *SCOPED_JSON jwk = NULL;

	if (s->o->seal_to == NULL)
		return true;
	buf_init(&text, 8192);
	if (!argument_value(s->o->seal_to, stdin, &text, e))
		return false;
	jwk = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, &where);
	if (jwk == NULL || !json_is_object(jwk))
		return err_set(e, ERR_INVALID_VALUE, "-seal-to wants a JWK, a JSON object");
	if (json_object_get(jwk, "d") != NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "-seal-to wants the public JWK: this one holds the private key");
	return json_to_msgpack(jwk, &w, e);
}

static MUST_USE bool
session_ask(struct session *s, struct certmill_answer *ret, struct err *e)
{
	struct writer w = { &s->params };
	char id[CERTMILL_ID_SIZE];
	struct certmill_request rq = {
		.topic = s->route.topic,
		.id = s->o->id,
		.op = s->route.op,
		.mount = s->route.mount,
		.role = s->route.role,
		.seal_to = s->seal_to.len == 0 ? SLICE_NONE : buf_slice(&s->seal_to),
		.dry_run = s->o->dry_run,
	};

	buf_clear(&s->params);
	if (s->args.count > 0) {
		arguments_encode(&s->args, &w);
		if (s->params.failed)
			return err_set(
			    e, ERR_TOO_LARGE, "the request is over %d bytes", REQUEST_MAX);
		rq.params = buf_slice(&s->params);
	}
	return certmill_ask(s->client, &rq, id, e) &&
	    certmill_await(s->client, id, s->timeout_ms, ret, e);
}

static MUST_USE bool
argument_seal(struct session *s, struct argument *argument, struct err *e)
{
	struct buf sealed = { 0 };
	struct buf clear;

	buf_init_secret(&sealed, ARGUMENT_MAX);
	if (!bundle_seal_for(s->client, buf_slice(&argument->value), s->timeout_ms, &sealed, e)) {
		buf_done(&sealed);
		return false;
	}
	clear = argument->value;
	argument->value = sealed;
	buf_done(&clear);
	return true;
}

/* No topic ever holds a private key in clear: that of a CA is sealed, and nothing else has one to send. */
static MUST_USE bool
session_seal_keys(struct session *s, struct err *e)
{
	bool sets_ca = strcmp(s->route.op, "ca/set") == 0;

	for (size_t i = 0; i < s->args.count; i++) {
		struct argument *argument = &s->args.items[i];

		if (!bundle_has_key(buf_slice(&argument->value)))
			continue;
		if (!sets_ca || strcmp(argument->name, "pem_bundle") != 0)
			return err_field(e, ERR_KEY_IN_CLEAR, argument->name,
			    "%.60s holds a private key, which is not sent in clear",
			    argument->name);
		if (!argument_seal(s, argument, e))
			return false;
	}
	return true;
}

static enum status
session_run(struct session *s, const char *done)
{
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };
	enum status status;

	if (!session_open(s, &e) || !session_seal_keys(s, &e) || !session_ask(s, &answer, &e))
		return fail_with(&e);
	status = show_answer(s->o, &s->route, done, &answer);
	certmill_answer_done(&answer);
	return status;
}

static enum status
usage(const char *text)
{
	fprintf(stderr, "usage: certmill %s\n", text);
	return STATUS_FAILED;
}

/* The path and its key=value words, and what the path itself says. A value of its own wins over a word. */
static MUST_USE bool
session_read_path(struct session *s, enum verb verb, struct err *e)
{
	struct options *o = s->o;

	if (!show_check(o, e) || !route_find(verb, o->words[0], &o->arena, &s->route, e) ||
	    !session_seal_to(s, e) ||
	    !arguments_read(o->words + 1, o->word_count - 1, stdin, &s->args, e))
		return false;
	if (s->route.param == NULL)
		return true;
	if (arguments_find(&s->args, s->route.param) != NULL)
		return err_field(e, ERR_INVALID_VALUE, s->route.param, "the path says %s already",
		    s->route.param);
	arguments_add(&s->args, s->route.param, slice_text(s->route.value));
	return true;
}

/* What a person reads when it was done: "Success! Data written to: pki/config/ca". */
struct done_text {
	const char *before, *after;
};

static enum status
path_command(
    struct options *o, enum verb verb, const struct done_text *done, const char *usage_text)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };
	const char *path;

	session_init(&s, o);
	if (o->word_count == 0)
		return usage(usage_text);
	if (!session_read_path(&s, verb, &e))
		return fail_with(&e);
	path = o->words[0] + strspn(o->words[0], "/");
	return session_run(&s, arena_printf(&o->arena, "%s%s%s", done->before, path, done->after));
}

enum status
command_read(struct options *o)
{
	static const struct done_text done = { "", ": nothing is set" };

	return path_command(o, VERB_READ, &done, "read PATH [KEY=VALUE...]");
}

enum status
command_write(struct options *o)
{
	static const struct done_text done = { "Success! Data written to: ", "" };

	return path_command(o, VERB_WRITE, &done, "write PATH [KEY=VALUE...]");
}

enum status
command_delete(struct options *o)
{
	static const struct done_text done = { "Success! Deleted '", "'" };

	return path_command(o, VERB_DELETE, &done, "delete PATH");
}

/* Another page's keys; *ret_next is where the next one begins, NULL on the last. */
static MUST_USE bool
page_add(struct session *s, const struct certmill_answer *answer, json_t *keys,
    const char **ret_next, struct err *e)
{
	json_t *SCOPED_JSON data = json_from_msgpack(answer->data, e);
	const json_t *next;
	json_t *page;

	if (data == NULL)
		return false;
	page = json_object_get(data, "keys");
	next = json_object_get(data, "next");
	if (!json_is_array(page))
		return err_field(e, ERR_MALFORMED, "keys", "the answer has no list of keys");
	*ret_next = json_is_string(next)
	    ? arena_text(&s->o->arena, slice_text(json_string_value(next)))
	    : NULL;
	if (json_array_extend(keys, page) != 0)
		abort();
	return true;
}

static void
after_set(struct arguments *args, const char *after)
{
	struct argument *argument = arguments_find(args, "after");

	if (argument == NULL) {
		arguments_add(args, "after", slice_text(after));
		return;
	}
	buf_clear(&argument->value);
	buf_add_text(&argument->value, after);
}

/* All pages, unless one was asked for: with after= or limit=, or with an -id, which names one request. */
static bool
wants_one_page(const struct session *s)
{
	return s->o->id != NULL || arguments_find(&s->args, "after") != NULL ||
	    arguments_find(&s->args, "limit") != NULL;
}

static enum status
list_run(struct session *s, struct certmill_answer *answer)
{
	json_t *SCOPED_JSON keys = json_array();
	bool one = wants_one_page(s);
	const char *next = NULL;
	struct err e = { 0 };

	if (!session_open(s, &e))
		return fail_with(&e);
	for (;;) {
		if (!session_ask(s, answer, &e))
			return fail_with(&e);
		if (!answer->ok)
			return show_refusal(s->o, answer);
		if (!page_add(s, answer, keys, &next, &e))
			return fail_with(&e);
		if (one || next == NULL)
			return show_list(s->o, answer, keys, next);
		after_set(&s->args, next);
		certmill_answer_done(answer);
	}
}

enum status
command_list(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct certmill_answer answer = { 0 };
	struct err e = { 0 };
	enum status status;

	session_init(&s, o);
	if (o->word_count == 0)
		return usage("list PATH [after=KEY] [limit=N]");
	if (!session_read_path(&s, VERB_LIST, &e))
		return fail_with(&e);
	status = list_run(&s, &answer);
	certmill_answer_done(&answer);
	return status;
}

/* pki/ and pki are the same mount. */
static const char *
mount_name(struct options *o, const char *path)
{
	size_t len = strlen(path);

	while (len > 0 && path[len - 1] == '/')
		len--;
	return arena_text(&o->arena, slice_of(path, len));
}

enum status
command_mount(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	if (o->word_count == 0)
		return usage("mount [-path=NAME] pki [KEY=VALUE...]");
	if (strcmp(o->words[0], "pki") != 0) {
		(void)err_set(
		    &e, ERR_INVALID_VALUE, "only `pki` can be mounted, not \"%.80s\"", o->words[0]);
		return fail_with(&e);
	}
	s.route =
	    (struct route){ .topic = CERTMILL_CONFIG, .op = "mount/write", .show = SHOW_SUCCESS };
	s.route.mount = mount_name(o, o->path == NULL ? "pki" : o->path);
	if (!show_check(o, &e) ||
	    !arguments_read(o->words + 1, o->word_count - 1, stdin, &s.args, &e))
		return fail_with(&e);
	return session_run(
	    &s, arena_printf(&o->arena, "Successfully mounted 'pki' at '%s'!", s.route.mount));
}

enum status
command_mounts(struct options *o)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };

	session_init(&s, o);
	if (o->word_count > 0)
		return usage("mounts");
	if (!show_check(o, &e))
		return fail_with(&e);
	s.route = (struct route){
		.topic = CERTMILL_QUERY, .op = "mount/list", .mount = "pki", .show = SHOW_MOUNTS
	};
	return session_run(&s, "");
}
