#include "seal_bundle.h"

bool
bundle_seal_for(
    struct certmill *c, struct slice bundle, int timeout_ms, struct buf *out, struct err *e)
{
	struct certmill_request rq = { .topic = CERTMILL_QUERY, .op = "mount/list" };
	struct certmill_answer answer = { 0 };
	char id[CERTMILL_ID_SIZE];
	struct jwk_body fleet;
	bool done;

	if (!certmill_ask(c, &rq, id, e) || !certmill_await(c, id, timeout_ms, &answer, e))
		return false;
	if (!answer.ok)
		done = err_set(e, ERR_SEAL_INVALID,
		    "the fleet does not say which key to seal to: %.*s", SLICE_FMT(answer.message));
	else
		done = seal_key_read(answer.data, &answer.arena_, &fleet, e) &&
		    bundle_seal(bundle, &fleet, out, e);
	certmill_answer_done(&answer);
	return done;
}
