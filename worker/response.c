#include "op.h"

/* What is mostly enough: a secret buffer that grows is copied and wiped. */
#define BODY_FIRST     4096
#define ENVELOPE_FIRST 512

/* Of a certificate until when it would be valid; of anything else nothing. */
static void
dry_run_write(const struct request *rq, struct writer *data)
{
	const struct dry_run_answer answer = {
		.expiration = rq->operation->signs ? rq->outcome.not_after : SCHEMA_ABSENT,
	};

	schema_encode(&dry_run_answer_schema, &answer, data);
}

static MUST_USE bool
data_write(struct context *cx, struct request *rq, struct buf *out, struct err *e)
{
	struct writer data = { out };

	if (rq->envelope.dry_run && rq->operation->claims)
		dry_run_write(rq, &data);
	else if (!rq->operation->answer(cx, rq, &data, e))
		return false;
	if (out->failed)
		return err_set(e, ERR_ANSWER_TOO_LARGE, "the answer is over %zu bytes", out->max);
	return true;
}

/* The refusal that the outcome holds, or the error that answering it ended with. */
static struct error_body
error_of(const struct request *rq, const struct err *failed)
{
	const struct outcome *o = &rq->outcome;
	struct error_body body = { .code = o->code, .message = o->message, .field = o->field };

	if (failed->code != ERR_NONE)
		body = (struct error_body){ .code = slice_text(err_name(failed->code)),
			.message = slice_text(failed->msg),
			.field = failed->field[0] == '\0' ? SLICE_NONE
							  : slice_text(failed->field) };
	body.retryable = err_can_retry(err_from_name((const char *)body.code.data, body.code.len));
	return body;
}

static void
error_write(const struct request *rq, const struct err *failed, struct buf *out)
{
	const struct error_body body = error_of(rq, failed);
	struct writer w = { out };

	buf_clear(out);
	schema_encode(&error_schema, &body, &w);
}

bool
response_encode(struct context *cx, struct request *rq, struct buf *out, struct err *e)
{
	struct response_envelope response = { .v = ENVELOPE_VERSION,
		.id = rq->envelope.id,
		.op = rq->envelope.op,
		.mount = rq->envelope.mount };
	struct buf body SCOPED_BUF = { 0 };
	struct writer w = { out };
	struct err failed = { 0 };
	bool ok;

	buf_init_secret(&body, out->max);
	buf_reserve(&body, out->max < BODY_FIRST ? 0 : BODY_FIRST);
	ok = rq->outcome.code.data == NULL && data_write(cx, rq, &body, &failed);
	if (ok)
		response.data = buf_slice(&body);
	else {
		error_write(rq, &failed, &body);
		response.error = buf_slice(&body);
	}
	if (body.failed)
		return err_set(e, ERR_ANSWER_TOO_LARGE, "the answer is over %zu bytes", out->max);
	response.status = ok ? SLICE_LITERAL("ok") : SLICE_LITERAL("error");
	response.warnings = rq->outcome.warnings;
	if (body.len + ENVELOPE_FIRST <= out->max)
		buf_reserve(out, body.len + ENVELOPE_FIRST);
	schema_encode(&response_schema, &response, &w);
	if (out->failed)
		return err_set(e, ERR_ANSWER_TOO_LARGE, "the answer is over %zu bytes", out->max);
	return true;
}
