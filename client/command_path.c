/* The verbs on the source document's paths. */
#include "command.h"

#include "json.h"
#include "session.h"
#include "show.h"

/* The path and its key=value words, and what the path itself says. A value of its own wins over a word. */
static MUST_USE bool
session_read_path(struct session *s, enum verb verb, struct err *e)
{
	struct options *o = s->o;

	if (!show_check(o, e) || !route_find(verb, o->words[0], &o->arena, &s->route, e) ||
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
path_command(struct options *o, enum verb verb, const struct done_text *done)
{
	struct session SCOPED_SESSION s = { 0 };
	struct err e = { 0 };
	const char *path;

	session_init(&s, o);
	if (!session_read_path(&s, verb, &e))
		return fail_with(&e);
	path = o->words[0] + strspn(o->words[0], "/");
	return session_run(&s, arena_printf(&o->arena, "%s%s%s", done->before, path, done->after));
}

enum status
command_read(struct options *o)
{
	static const struct done_text done = { "", ": nothing is set" };

	return path_command(o, VERB_READ, &done);
}

static const struct done_text written = { "Success! Data written to: ", "" };

enum status
command_write(struct options *o)
{
	return path_command(o, VERB_WRITE, &written);
}

enum status
command_patch(struct options *o)
{
	return path_command(o, VERB_PATCH, &written);
}

enum status
command_delete(struct options *o)
{
	static const struct done_text done = { "Success! Deleted '", "'" };

	return path_command(o, VERB_DELETE, &done);
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
	if (!session_read_path(&s, VERB_LIST, &e))
		return fail_with(&e);
	status = list_run(&s, &answer);
	certmill_answer_done(&answer);
	return status;
}
