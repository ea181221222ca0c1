/*
 * The answer to issue and sign: certificate, chain, private key. Runs for fresh decisions and for replays alike, so it is
 * made from the record and the leaf key alone: the same request gets the same answer.
 */
#include "op.h"

#include "encode.h"
#include "serial.h"

#include <assert.h>

#define LEAF_TEXT_MAX ((size_t)2 * 1024 * 1024)

/* Where a text stands in a buf that may still move. */
struct span {
	size_t start, end;
};

static struct slice
span_slice(const struct buf *b, struct span s)
{
	return slice_of(b->data + s.start, s.end - s.start);
}

bool
leaf_answer_read(struct context *cx, struct request *rq, struct certificate_record *record,
    struct leaf_answer *ret, struct err *e)
{
	uint64_t seen;

	*record = (struct certificate_record){ 0 };
	if (!schema_decode(&certificate_record_schema, rq->record, cx->arena, record, &seen, e))
		return false;
	*ret = (struct leaf_answer){ .expiration = record->not_after,
		.lease_id = SLICE_LITERAL("") };
	ret->serial = ret->serial_number = serial_text(cx->arena, record->serial, ':');
	/* from when it was issued, not from now: a replay says the same */
	ret->lease_duration = record->not_after - record->not_before - VALIDITY_BACKDATE;
	return true;
}

struct slice_list
chain_texts(struct arena *a, const struct issuer *issuer, enum answer_format format)
{
	struct slice_list list = { arena_array(a, 1 + issuer->chain.count, sizeof(struct slice)),
		1 + issuer->chain.count };

	if (format == FORMAT_DER) {
		list.items[0] = format_text(a, format, NULL, issuer->der);
		for (size_t i = 0; i < issuer->chain.count; i++)
			list.items[i + 1] = format_text(a, format, NULL, issuer->chain.items[i]);
		return list;
	}
	list.items[0] = issuer->pem;
	for (size_t i = 0; i < issuer->chain_pem.count; i++)
		list.items[i + 1] = issuer->chain_pem.items[i];
	return list;
}

static struct span
key_text_add(struct buf *text, const struct leaf_key *key, enum answer_format format)
{
	struct span s = { .start = text->len };

	if (format == FORMAT_DER)
		base64_add(text, buf_slice(&key->private_der));
	else
		pem_add(text, key_pem_label(key->type), buf_slice(&key->private_der));
	s.end = text->len;
	return s;
}

/* The private key's text: what stands in `private_key`, and where a bundle may take the clear PEM from. */
static MUST_USE bool
private_key_add(struct context *cx, const struct request *rq, enum answer_format format,
    struct buf *text, struct span *ret_answer, struct span *ret_clear, struct err *e)
{
	struct buf clear SCOPED_BUF = { 0 };
	struct seal_target target;

	if (!seal_target_read(rq, cx->arena, &target, e))
		return false;
	if (target.x.data == NULL) {
		*ret_answer = *ret_clear = key_text_add(text, &rq->leaf, format);
		return true;
	}
	buf_init_secret(&clear, LEAF_TEXT_MAX);
	key_text_add(&clear, &rq->leaf, format);
	ret_answer->start = text->len;
	if (!jwe_seal(target.x, target.kid, buf_slice(&clear), text, e))
		return false;
	ret_answer->end = text->len;
	return true;
}

/* One after the other: the private key where it is in clear, the certificate, its chain. */
static void
bundle_add(struct buf *text, struct span clear_key, struct slice der, struct slice_list chain)
{
	if (clear_key.end > clear_key.start && buf_reserve(text, clear_key.end - clear_key.start))
		buf_add_slice(text, span_slice(text, clear_key));
	pem_add(text, "CERTIFICATE", der);
	for (size_t i = 0; i < chain.count; i++)
		buf_add_slice(text, chain.items[i]);
}

static struct span
certificate_add(struct buf *text, enum answer_format format, struct span clear_key,
    struct slice der, struct slice_list chain)
{
	struct span s = { .start = text->len };

	switch (format) {
	case FORMAT_PEM:
		pem_add(text, "CERTIFICATE", der);
		break;
	case FORMAT_DER:
		base64_add(text, der);
		break;
	case FORMAT_PEM_BUNDLE:
		bundle_add(text, clear_key, der, chain);
		break;
	}
	s.end = text->len;
	return s;
}

static MUST_USE bool
leaf_write(struct context *cx, struct request *rq, struct slice der, struct leaf_answer *answer,
    struct writer *data, struct err *e)
{
	const struct leaf_params *params = rq->params;
	bool with_key = rq->operation->contract->makes_key && rq->has_leaf && !rq->key_withheld;
	struct buf text SCOPED_BUF = { 0 };
	struct span key = { 0 }, clear_key = { 0 }, certificate;
	enum answer_format format;

	if (!format_parse(params->format, &format, e))
		return false;
	buf_init_secret(&text, LEAF_TEXT_MAX);
	buf_reserve(&text, 4 * der.len + 4096); /* all of it, as a rule */
	if (with_key && !private_key_add(cx, rq, format, &text, &key, &clear_key, e))
		return false;
	certificate = certificate_add(&text, format, clear_key, der, answer->ca_chain);
	if (text.failed)
		return err_set(
		    e, ERR_ANSWER_TOO_LARGE, "the certificate and its chain are too large");
	answer->certificate = span_slice(&text, certificate);
	if (with_key) {
		answer->private_key = span_slice(&text, key);
		answer->private_key_type = slice_text(key_type_name(rq->leaf.type));
	}
	schema_encode(&leaf_answer_schema, answer, data);
	return true;
}

static void
leaf_warn(struct context *cx, struct request *rq)
{
	if (rq->operation->contract->makes_key && (rq->key_withheld || !rq->has_leaf))
		request_warn(cx, rq, "private_key_withheld",
		    "this is a replay, and the private key is not given out again");
}

bool
leaf_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct leaf_params *params = rq->params;
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	const struct catalog_issuer *issuer;
	struct certificate_record record;
	struct leaf_answer answer;
	enum answer_format format;

	if (mount == NULL || !leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	issuer = catalog_find_issuer(mount, rq->outcome.issuer);
	if (issuer == NULL)
		return err_set(e, ERR_NO_ISSUER, "the issuer that signed is not in the catalog");
	answer.ca_chain = chain_texts(cx->arena, issuer->issuer, format);
	answer.issuing_ca =
	    answer.ca_chain.items
		[0]; /* NOLINT(clang-analyzer-core.NullDereference): a chain has one at least */
	answer.lease_id = slice_text(arena_printf(cx->arena, "%.*s/%s/%.*s/%.*s",
	    SLICE_FMT(rq->envelope.mount), rq->operation->contract->name,
	    SLICE_FMT(rq->envelope.role), SLICE_FMT(serial_text(cx->arena, record.serial, '-'))));
	leaf_warn(cx, rq);
	return leaf_write(cx, rq, record.certificate, &answer, data, e);
}
