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

	*record = (struct certificate_record){ .lease = SCHEMA_ABSENT };
	if (!schema_decode(&certificate_record_schema, rq->record, cx->arena, record, &seen, e))
		return false;
	*ret = (struct leaf_answer){ .expiration = record->not_after };
	ret->serial = ret->serial_number = serial_text(cx->arena, record->serial, ':');
	/* from when it was issued, not from now: a replay says the same */
	ret->lease_duration = record->lease != SCHEMA_ABSENT
	    ? record->lease
	    : record->not_after - record->not_before - VALIDITY_BACKDATE;
	return true;
}

const struct issuer *
answer_issuer(const struct context *cx, const struct request *rq, struct err *e)
{
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	const struct catalog_issuer *issuer;

	if (mount == NULL)
		return NULL;
	issuer = catalog_find_issuer(mount, rq->outcome.issuer);
	if (issuer != NULL)
		return issuer->issuer;
	err_set(e, ERR_NO_ISSUER, "the issuer that signed is not in the catalog");
	return NULL;
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

bool
leaf_write(struct context *cx, struct request *rq, struct slice format, const struct shown *shown,
    struct leaf_answer *answer, struct writer *data, struct err *e)
{
	bool leased = answer->lease_id.data != NULL;
	struct buf text SCOPED_BUF = { 0 };
	struct shown_texts texts;
	enum answer_format f;

	if (!format_parse(format, &f, e) || !shown_write(cx, rq, f, shown, &text, &texts, e))
		return false;
	answer->certificate = texts.object;
	answer->private_key = texts.private_key;
	answer->private_key_type = texts.private_key_type;
	schema_encode(leased ? &leaf_answer_schema : &leaf_answer_unleased_schema, answer, data);
	return true;
}

/* sign-verbatim may have no role */
static struct slice
leaf_lease(struct arena *a, const struct request *rq, struct slice serial)
{
	struct slice role = rq->envelope.role;
	const char *path = arena_printf(
	    a, "%s%s%.*s", rq->operation->contract->name, role.len > 0 ? "/" : "", SLICE_FMT(role));

	return lease_id_text(a, rq->envelope.mount, path, serial);
}

bool
leaf_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct leaf_params *params = rq->params;
	const struct issuer *issuer = answer_issuer(cx, rq, e);
	struct certificate_record record;
	struct leaf_answer answer;
	struct slice_list chain; /* one at least */
	enum answer_format format;
	struct shown shown = { .label = "CERTIFICATE", .key_format = params->private_key_format };

	if (issuer == NULL || !leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	chain = chain_texts(cx->arena, issuer, format);
	answer.issuing_ca = chain.items[0];
	answer.ca_chain = params->remove_roots_from_chain ? without_roots(cx->arena, issuer, chain)
							  : chain;
	if (record.lease != 0)
		answer.lease_id = leaf_lease(cx->arena, rq, record.serial);
	shown.der = record.certificate;
	shown.chain = answer.ca_chain;
	return leaf_write(cx, rq, params->format, &shown, &answer, data, e);
}
