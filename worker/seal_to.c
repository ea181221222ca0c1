/* seal_to: the X25519 key that a requester wants its private key sealed to. */
#include "op.h"

#include "encode.h"

#define X25519_SIZE 32

static bool
seal_invalid(struct err *e, const char *why)
{
	return err_field(e, ERR_SEAL_INVALID, "seal_to", "%s", why);
}

bool
seal_target_read(const struct request *rq, struct arena *a, struct seal_target *ret, struct err *e)
{
	struct jwk_body jwk = { 0 };
	struct buf x SCOPED_BUF = { 0 };
	struct err why = { 0 };
	uint64_t seen;

	*ret = (struct seal_target){ SLICE_NONE, SLICE_NONE };
	if (rq->envelope.seal_to.data == NULL)
		return true;
	if (!schema_decode(&jwk_schema, rq->envelope.seal_to, a, &jwk, &seen, &why))
		return seal_invalid(e, why.msg);
	if (!slice_is(jwk.kty, "OKP") || !slice_is(jwk.crv, "X25519"))
		return seal_invalid(e, "the key is not of kty OKP and crv X25519");
	buf_init(&x, X25519_SIZE);
	if (!base64url_parse(jwk.x, &x) || x.failed || x.len != X25519_SIZE)
		return seal_invalid(e, "x is not 32 octets in base64url");
	*ret = (struct seal_target){ arena_copy(a, buf_slice(&x)), jwk.kid };
	return true;
}

/* Seals nothing to it: the way to learn, before anything is signed, that it takes a key. */
bool
seal_target_try(const struct seal_target *t, struct err *e)
{
	struct buf token SCOPED_BUF = { 0 };
	struct err why = { 0 };

	if (t->x.data == NULL)
		return true;
	buf_init(&token, 4096);
	if (!jwe_seal(t->x, t->kid, SLICE_LITERAL(""), &token, &why) || token.failed)
		return seal_invalid(e, why.msg[0] != '\0' ? why.msg : "kid is too long");
	return true;
}
