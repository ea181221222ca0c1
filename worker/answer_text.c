/* What answers show in the format that was asked for: a certificate or a request, its chain, its private key. */
#include "op.h"

#include "encode.h"

#define TEXT_MAX ((size_t)2 * 1024 * 1024)

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
key_format_parse(struct slice text, bool *ret_pkcs8, struct err *e)
{
	*ret_pkcs8 = slice_is(text, "pkcs8");
	return *ret_pkcs8 || text.data == NULL || slice_is(text, "der") ||
	    err_field(e, ERR_INVALID_VALUE, "private_key_format",
		"the private key's format is der or pkcs8");
}

static struct span
key_text_add(struct buf *text, const struct leaf_key *key, enum answer_format format, bool pkcs8)
{
	struct buf wrapped SCOPED_BUF = { 0 };
	struct span s = { .start = text->len };
	struct slice der = buf_slice(&key->private_der);

	if (pkcs8) {
		buf_init_secret(&wrapped, TEXT_MAX);
		key_pkcs8_add(key, &wrapped);
		der = buf_slice(&wrapped);
	}
	if (format == FORMAT_DER)
		base64_add(text, der);
	else
		pem_add(text, pkcs8 ? "PRIVATE KEY" : key_pem_label(key->type), der);
	s.end = text->len;
	return s;
}

/*
 * The private key's text: what stands in `private_key`, and where a bundle may take the clear PEM from, which is always in
 * the type's own form.
 */
static MUST_USE bool
private_key_add(struct context *cx, const struct request *rq, enum answer_format format,
    struct slice key_format, struct buf *text, struct span *ret_answer, struct span *ret_clear,
    struct err *e)
{
	struct buf clear SCOPED_BUF = { 0 };
	struct seal_target target;
	bool pkcs8;

	if (!seal_target_read(rq, cx->arena, &target, e) ||
	    !key_format_parse(key_format, &pkcs8, e))
		return false;
	if (target.x.data == NULL) {
		*ret_answer = *ret_clear = key_text_add(text, &rq->leaf, format, pkcs8);
		if (pkcs8 && format == FORMAT_PEM_BUNDLE)
			*ret_clear = key_text_add(text, &rq->leaf, format, false);
		return true;
	}
	buf_init_secret(&clear, TEXT_MAX);
	key_text_add(&clear, &rq->leaf, format, pkcs8);
	ret_answer->start = text->len;
	if (!jwe_seal(target.x, target.kid, buf_slice(&clear), text, e))
		return false;
	ret_answer->end = text->len;
	return true;
}

/* One after the other: the private key where it is in clear, the object, its chain. */
static void
bundle_add(struct buf *text, struct span clear_key, const struct shown *shown)
{
	if (clear_key.end > clear_key.start && buf_reserve(text, clear_key.end - clear_key.start))
		buf_add_slice(text, span_slice(text, clear_key));
	pem_add(text, shown->label, shown->der);
	for (size_t i = 0; i < shown->chain.count; i++)
		buf_add_slice(text, shown->chain.items[i]);
}

static struct span
object_add(
    struct buf *text, enum answer_format format, struct span clear_key, const struct shown *shown)
{
	struct span s = { .start = text->len };

	switch (format) {
	case FORMAT_PEM:
		pem_add(text, shown->label, shown->der);
		break;
	case FORMAT_DER:
		base64_add(text, shown->der);
		break;
	case FORMAT_PEM_BUNDLE:
		bundle_add(text, clear_key, shown);
		break;
	}
	s.end = text->len;
	return s;
}

bool
shown_write(struct context *cx, struct request *rq, enum answer_format format,
    const struct shown *shown, struct buf *text, struct shown_texts *ret, struct err *e)
{
	bool gives = request_gives_key(rq), has = rq->has_leaf && !rq->key_withheld;
	struct span key = { 0 }, clear_key = { 0 }, object;

	*ret = (struct shown_texts){ 0 };
	if (gives && !has)
		request_warn(cx, rq, "private_key_withheld",
		    "this is a replay, and the private key is not given out again");
	buf_init_secret(text, TEXT_MAX);
	buf_reserve(text, 2 * shown->der.len + 512); /* all of it, but for an RSA key */
	if (gives && has &&
	    !private_key_add(cx, rq, format, shown->key_format, text, &key, &clear_key, e))
		return false;
	object = object_add(text, format, clear_key, shown);
	if (text->failed)
		return err_set(
		    e, ERR_ANSWER_TOO_LARGE, "the certificate and its chain are too large");
	ret->object = span_slice(text, object);
	if (gives && has) {
		ret->private_key = span_slice(text, key);
		ret->private_key_type = slice_text(key_type_name(rq->leaf.type));
	}
	return true;
}
