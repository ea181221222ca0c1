#include "op.h"

/* From the CSR to its signed certificate; whether a role's policy or none stands between is leaf_allow's. */
static MUST_USE bool
sign_csr(struct context *cx, struct request *rq, struct err *e)
{
	const struct leaf_params *params = rq->params;
	struct leaf leaf = { 0 };
	struct csr csr = { 0 };

	if (!leaf_find(cx, rq, &leaf, e))
		return false;
	if (!csr_parse(params->csr, cx->arena, &csr, e) ||
	    !csr_verify(minter_verifier(cx->minter), &csr, e))
		return err_in(e, "csr");
	if (!leaf_allow(cx, rq, &csr, &leaf, e))
		return false;
	return rq->envelope.dry_run || leaf_sign(cx, rq, &leaf, csr.spki, e);
}

bool
sign_decide(struct context *cx, struct request *rq, struct err *e)
{
	return sign_csr(cx, rq, e);
}

bool
sign_verbatim_decide(struct context *cx, struct request *rq, struct err *e)
{
	return sign_csr(cx, rq, e);
}
