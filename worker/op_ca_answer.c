/* The answers to ca/generate/root, ca/generate/intermediate and ca/sign. */
#include "op.h"

bool
ca_root_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct ca_params *params = rq->params;
	struct certificate_record record;
	struct leaf_answer answer;
	enum answer_format format;
	struct slice itself;
	struct shown shown = { .label = "CERTIFICATE", .key_format = params->private_key_format };

	if (!leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	itself = format_text(cx->arena, format, "CERTIFICATE", record.certificate);
	answer.issuing_ca = itself;
	answer.ca_chain = (struct slice_list){ &itself, 1 };
	answer.lease_id = SLICE_LITERAL(""); /* it is not revoked by itself */
	shown.der = record.certificate;
	return leaf_write(cx, rq, params->format, &shown, &answer, data, e);
}

bool
ca_intermediate_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct ca_params *params = rq->params;
	const struct shown shown = { .label = "CERTIFICATE REQUEST",
		.der = rq->outcome.csr,
		.key_format = params->private_key_format };
	struct buf text SCOPED_BUF = { 0 };
	struct shown_texts texts;
	struct csr_answer answer;
	enum answer_format format;

	if (!format_parse(params->format, &format, e) ||
	    !shown_write(cx, rq, format, &shown, &text, &texts, e))
		return false;
	answer = (struct csr_answer){ texts.object, texts.private_key, texts.private_key_type };
	schema_encode(&csr_answer_schema, &answer, data);
	return true;
}

/* The chain of the CA that was signed: its certificate, the issuer's, and those above. */
static struct slice_list
whole_chain(struct arena *a, struct slice first, struct slice_list above)
{
	struct slice_list whole = { arena_array(a, above.count + 1, sizeof(first)), 1 };

	whole.items[0] = first;
	for (size_t i = 0; i < above.count; i++)
		whole.items[whole.count++] = above.items[i];
	return whole;
}

bool
ca_sign_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct ca_params *params = rq->params;
	const struct issuer *issuer = answer_issuer(cx, rq, e);
	struct certificate_record record;
	struct leaf_answer answer;
	struct slice_list above;
	enum answer_format format;
	struct shown shown = { .label = "CERTIFICATE" };

	if (issuer == NULL || !leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	above = chain_texts(cx->arena, issuer, format);
	answer.issuing_ca = above.items[0];
	answer.ca_chain = whole_chain(
	    cx->arena, format_text(cx->arena, format, "CERTIFICATE", record.certificate), above);
	answer.lease_id = lease_id_text(
	    cx->arena, rq->envelope.mount, "config/ca/sign", record.serial);
	shown.der = record.certificate;
	shown.chain = above;
	return leaf_write(cx, rq, params->format, &shown, &answer, data, e);
}
