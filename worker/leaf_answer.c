/*
 * The answer to issue and sign: certificate, chain, private key. Runs for fresh decisions and for replays alike, so it is
 * made from the record and the leaf key alone: the same request gets the same answer.
 */
#include "op.h"

#include "serial.h"

bool
leaf_answer_read(struct context *cx, struct request *rq, struct certificate_record *record,
    struct leaf_answer *ret, struct err *e)
{
	uint64_t seen;

	*record = (struct certificate_record){ 0 };
	if (!schema_decode(&certificate_record_schema, rq->record, cx->arena, record, &seen, e))
		return false;
	*ret = (struct leaf_answer){ .expiration = record->not_after,
		.lease_duration = rq->outcome.lease };
	ret->serial = ret->serial_number = serial_text(cx->arena, record->serial, ':');
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

struct slice
lease_id_text(struct arena *a, struct slice mount, const char *path, struct slice serial)
{
	return slice_text(arena_printf(
	    a, "%.*s/%s/%.*s", SLICE_FMT(mount), path, SLICE_FMT(serial_text(a, serial, '-'))));
}

bool
leaf_write(struct context *cx, struct request *rq, struct slice format, struct slice der,
    struct slice_list bundle_chain, struct leaf_answer *answer, struct writer *data, struct err *e)
{
	const struct shown shown = { "CERTIFICATE", der, bundle_chain };
	struct buf text SCOPED_BUF = { 0 };
	struct shown_texts texts;
	enum answer_format f;

	if (!format_parse(format, &f, e) || !shown_write(cx, rq, f, &shown, &text, &texts, e))
		return false;
	answer->certificate = texts.object;
	answer->private_key = texts.private_key;
	answer->private_key_type = texts.private_key_type;
	schema_encode(&leaf_answer_schema, answer, data);
	return true;
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
	if (rq->outcome.lease != SCHEMA_ABSENT)
		answer.lease_id = lease_id_text(cx->arena, rq->envelope.mount,
		    arena_printf(cx->arena, "%s/%.*s", rq->operation->contract->name,
			SLICE_FMT(rq->envelope.role)),
		    record.serial);
	return leaf_write(
	    cx, rq, params->format, record.certificate, answer.ca_chain, &answer, data, e);
}
