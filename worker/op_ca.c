/* What the ways to a CA have in common, and ca/read. A CA's private key goes into `.state` sealed, and nowhere else. */
#include "op.h"

#include "ca_key.h"
#include "serial.h"
#include "timespan.h"
#include "topic_plan.h"

/*
 * When a CA's end is near: in 30 days, or in a tenth of its life if that is less, so that one of a day is not near its end
 * from the start.
 */
#define CA_END_NEAR_S ((int64_t)30 * 86400)

void
ca_warn_end(struct context *cx, struct request *rq, int64_t not_before, int64_t not_after)
{
	int64_t tenth = (not_after - not_before) / 10;
	int64_t near = tenth < CA_END_NEAR_S ? tenth : CA_END_NEAR_S;
	char end[32];

	if (not_after - cx->now_ms / 1000 > near)
		return;
	time_format_rfc3339(not_after, end);
	request_warn(cx, rq, "ca_expires_soon", "the CA expires at %s", end);
}

struct slice
ca_id(struct arena *a, struct slice der)
{
	char id[ISSUER_ID_SIZE];

	issuer_id_of(der, id);
	return arena_copy(a, slice_text(id));
}

bool
ca_store(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct slice der, struct slice_list chain, EVP_PKEY *key, struct err *e)
{
	struct mount_state mount_state = mount->state;
	struct issuer_state state = { .v = 1,
		.id = ca_id(cx->arena, der),
		.certificate = der,
		.chain = chain,
		.crl_shards = 1,
		.created = request_time_ms(cx, rq) };

	if (!ca_key_seal(cx->ca_sealer, mount->name, state.id, key, cx->arena, &state.key, e))
		return false;
	mount_state.issuer = state.id;
	request_change(cx, rq, "issuer", state.id, &issuer_state_schema, &state);
	request_change(cx, rq, "mount", SLICE_NONE, &mount_state_schema, &mount_state);
	rq->outcome.issuer = state.id;
	rq->outcome.rotate = !rq->envelope.dry_run; /* so that the first CRL comes */
	return true;
}

void
ca_keep_long(struct context *cx, struct request *rq)
{
	if (rq->outcome.not_after - cx->now_ms / 1000 > CERTS_KEPT_S)
		request_change_raw(cx, rq, "certificate",
		    serial_text(cx->arena, rq->outcome.serial, 0), rq->record);
}

/* ---- ca/read ---- */

bool
ca_read_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;

	return request_admit(cx, rq, &mount, e) && mount_issuer(mount, e) != NULL;
}

bool
ca_read_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct read_params *params = rq->params;
	const struct catalog_mount *mount = context_mount(cx, rq, e);
	const struct catalog_issuer *issuer = mount == NULL ? NULL : mount_issuer(mount, e);
	struct ca_read_answer answer;
	enum answer_format format;

	if (issuer == NULL || !format_parse(params->format, &format, e))
		return false;
	answer.ca_chain = chain_texts(cx->arena, issuer->issuer, format);
	answer.certificate = answer.ca_chain.items[0];
	schema_encode(&ca_read_answer_schema, &answer, data);
	return true;
}
