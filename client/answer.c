#include "answer.h"

#include "envelope.h"

static MUST_USE bool
answer_warnings(struct certmill_answer *a, const struct slice_list *raw, struct err *e)
{
	struct certmill_warning *warnings;
	struct warning_body body = { 0 };
	uint64_t seen;

	if (raw->count == 0)
		return true;
	warnings = arena_array(&a->arena_, raw->count, sizeof(*warnings));
	for (size_t i = 0; i < raw->count; i++) {
		if (!schema_decode(&warning_schema, raw->items[i], &a->arena_, &body, &seen, e))
			return false;
		warnings[i] = (struct certmill_warning){ body.code, body.message };
	}
	a->warnings = warnings;
	a->warning_count = raw->count;
	return true;
}

static MUST_USE bool
answer_body(struct certmill_answer *a, const struct response_envelope *r, struct err *e)
{
	static const uint8_t empty_map = 0x80;
	struct error_body body = { 0 };
	uint64_t seen;

	a->ok = slice_is(r->status, "ok");
	if (a->ok) {
		a->data = r->data.data == NULL ? slice_of(&empty_map, 1) : r->data;
		return true;
	}
	if (!slice_is(r->status, "error") || r->error.data == NULL)
		return err_field(
		    e, ERR_MALFORMED, "status", "an answer is neither ok nor an error");
	if (!schema_decode(&error_schema, r->error, &a->arena_, &body, &seen, e))
		return false;
	a->code = body.code;
	a->message = body.message;
	a->field = body.field;
	a->retryable = body.retryable;
	return true;
}

static bool
header_is_set(const struct queue_message *m, const char *name)
{
	struct queue_header h;

	for (size_t i = 0; i < queue_message_headers(m); i++)
		if (queue_message_header(m, i, &h) && strcmp(h.name, name) == 0)
			return slice_is(h.value, "1");
	return false;
}

bool
answer_read(struct certmill_answer *a, const char *id, struct err *e)
{
	struct response_envelope r = { 0 };
	uint64_t seen;

	memcpy(a->id, id, strlen(id) + 1);
	if (a->message_->value.data == NULL)
		return err_set(e, ERR_MALFORMED, "an answer has no payload");
	if (!schema_decode(&response_schema, a->message_->value, &a->arena_, &r, &seen, e))
		return false;
	if (!slice_is(r.id, id))
		return err_field(e, ERR_MALFORMED, "id", "an answer holds another id than its key");
	a->replayed = header_is_set(a->message_, "replayed");
	return answer_body(a, &r, e) && answer_warnings(a, &r.warnings, e);
}

void
certmill_answer_done(struct certmill_answer *a)
{
	queue_message_free(a->message_);
	arena_done(&a->arena_);
	*a = (struct certmill_answer){ 0 };
}
