/* ca/sign: the certificate of a CA under the mount's own. */
#include "op.h"

static MUST_USE bool
signer_find(struct context *cx, struct request *rq, struct leaf *ret, struct err *e)
{
	const struct ca_params *params = rq->params;
	const struct catalog_issuer *issuer;
	enum answer_format format;

	if (!request_admit(cx, rq, &ret->mount, e))
		return false;
	issuer = mount_issuer(ret->mount, e);
	if (issuer == NULL)
		return false;
	ret->issuer = issuer->issuer;
	return leaf_has_room(cx, ret, e) && format_parse(params->format, &format, e);
}

static MUST_USE bool
ca_allow(
    struct context *cx, struct request *rq, const struct csr *csr, struct leaf *leaf, struct err *e)
{
	const struct policy_ca_input in = { .request = rq->params,
		.csr = csr,
		.mount_default_ttl = leaf->mount->state.default_ttl,
		.mount_max_ttl = leaf->mount->state.max_ttl,
		.issuer_not_before = leaf->issuer->not_before,
		.issuer_not_after = leaf->issuer->not_after,
		.issuer_path_length = leaf->issuer->max_path_length,
		.now = cx->now_ms / 1000 };

	if (!policy_decide_ca(&in, cx->arena, &leaf->template, e))
		return false;
	outcome_take(cx, rq, &leaf->template);
	ca_warn_end(cx, rq, leaf->issuer->not_before, leaf->issuer->not_after);
	return issuer_permits(leaf->issuer, &leaf->template, e);
}

bool
ca_sign_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct ca_params *params = rq->params;
	struct leaf leaf = { 0 };
	struct csr csr = { 0 };

	if (!signer_find(cx, rq, &leaf, e))
		return false;
	if (!csr_parse(params->csr, cx->arena, &csr, e) ||
	    !csr_verify(minter_verifier(cx->minter), &csr, e))
		return err_in(e, "csr");
	if (!ca_allow(cx, rq, &csr, &leaf, e))
		return false;
	if (rq->envelope.dry_run)
		return true;
	if (!leaf_sign(cx, rq, &leaf, csr.spki, e))
		return false;
	ca_keep_long(cx, rq);
	return true;
}
