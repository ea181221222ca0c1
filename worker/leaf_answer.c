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

	*record = (struct certificate_record){ .lease = SCHEMA_ABSENT };
	if (!schema_decode(&certificate_record_schema, rq->record, cx->arena, record, &seen, e))
		return false;
	*ret = (struct leaf_answer){ .expiration = record->not_after,
		.lease_id = SLICE_LITERAL("") };
	ret->serial = ret->serial_number = serial_text(cx->arena, record->serial, ':');
	/* from when it was issued, not from now: a replay says the same */
	ret->lease_duration = record->lease != SCHEMA_ABSENT
	    ? record->lease
	    : record->not_after - record->not_before - VALIDITY_BACKDATE;
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
		buf_init_secret(&wrapped, LEAF_TEXT_MAX);
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
    struct buf *text, struct span *ret_answer, struct span *ret_clear, struct err *e)
{
	const struct leaf_params *params = rq->params;
	struct buf clear SCOPED_BUF = { 0 };
	struct seal_target target;
	bool pkcs8;

	if (!seal_target_read(rq, cx->arena, &target, e) ||
	    !key_format_parse(params->private_key_format, &pkcs8, e))
		return false;
	if (target.x.data == NULL) {
		*ret_answer = *ret_clear = key_text_add(text, &rq->leaf, format, pkcs8);
		if (pkcs8 && format == FORMAT_PEM_BUNDLE)
			*ret_clear = key_text_add(text, &rq->leaf, format, false);
		return true;
	}
	buf_init_secret(&clear, LEAF_TEXT_MAX);
	key_text_add(&clear, &rq->leaf, format, pkcs8);
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

static bool
is_self_signed(struct slice der)
{
	struct certificate_facts facts;
	struct err ignored;

	return certificate_read(der, &facts, &ignored) && slice_eq(facts.issuer, facts.subject);
}

/* The texts of chain_texts but those of roots. */
static struct slice_list
without_roots(struct arena *a, const struct issuer *issuer, struct slice_list texts)
{
	struct slice_list kept = { arena_array(a, texts.count, sizeof(struct slice)), 0 };

	for (size_t i = 0; i < texts.count; i++)
		if (!is_self_signed(i == 0 ? issuer->der : issuer->chain.items[i - 1]))
			kept.items[kept.count++] = texts.items[i];
	return kept;
}

/* "mount/op/role/serial"; sign-verbatim may have no role */
static struct slice
lease_id(struct arena *a, const struct request *rq, struct slice serial)
{
	struct slice role = rq->envelope.role;

	return slice_text(arena_printf(a, "%.*s/%s/%.*s%s%.*s", SLICE_FMT(rq->envelope.mount),
	    rq->operation->name, SLICE_FMT(role), role.len > 0 ? "/" : "",
	    SLICE_FMT(serial_text(a, serial, '-'))));
}

static MUST_USE bool
leaf_write(struct context *cx, struct request *rq, struct slice der, struct leaf_answer *answer,
    struct writer *data, struct err *e)
{
	const struct leaf_params *params = rq->params;
	bool with_key = rq->operation->makes_key && rq->has_leaf && !rq->key_withheld;
	bool leased = answer->lease_id.data != NULL;
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
	schema_encode(leased ? &leaf_answer_schema : &leaf_answer_unleased_schema, answer, data);
	return true;
}

static void
leaf_warn(struct context *cx, struct request *rq)
{
	if (rq->operation->makes_key && (rq->key_withheld || !rq->has_leaf))
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
	struct slice_list chain; /* one at least */
	enum answer_format format;

	if (mount == NULL || !leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	issuer = catalog_find_issuer(mount, rq->outcome.issuer);
	if (issuer == NULL)
		return err_set(e, ERR_NO_ISSUER, "the issuer that signed is not in the catalog");
	chain = chain_texts(cx->arena, issuer->issuer, format);
	answer.issuing_ca = chain.items[0];
	answer.ca_chain = params->remove_roots_from_chain
	    ? without_roots(cx->arena, issuer->issuer, chain)
	    : chain;
	answer.lease_id = record.lease == 0 ? SLICE_NONE : lease_id(cx->arena, rq, record.serial);
	leaf_warn(cx, rq);
	return leaf_write(cx, rq, record.certificate, &answer, data, e);
}
