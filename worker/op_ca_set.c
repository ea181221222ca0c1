/* ca/set: the CA is brought as a bundle; or its certificate is, and its key is here. */
#include "op.h"

#include "ca_key.h"
#include "scoped_openssl.h"

#define KNOWN_KEYS_MAX 64

/* The keys that the mount has: first the one that waits for its certificate, then those of its CAs. All are borrowed but it. */
struct known {
	EVP_PKEY *pending; /* owned; NULL: none */
	EVP_PKEY *keys[KNOWN_KEYS_MAX];
	size_t count;
};

static void
known_done(struct known *k)
{
	EVP_PKEY_free(k->pending);
}
#define SCOPED_KNOWN __attribute__((cleanup(known_done)))

static MUST_USE bool
known_read(struct context *cx, const struct catalog_mount *mount, struct known *ret, struct err *e)
{
	if (mount->pending != NULL) {
		ret->pending = ca_key_open(
		    cx->ca_sealer, mount->name, mount->pending->id, mount->pending->key, e);
		if (ret->pending == NULL)
			return false;
		ret->keys[ret->count++] = ret->pending;
	}
	for (size_t i = 0; i < mount->issuer_count && ret->count < KNOWN_KEYS_MAX; i++)
		if (catalog_issuer_serves(mount, mount->issuers[i]) &&
		    mount->issuers[i]->issuer->key != NULL)
			ret->keys[ret->count++] = mount->issuers[i]->issuer->key;
	return true;
}

static bool
is_pending(const struct known *k, const struct bundle *b)
{
	return k->pending != NULL && EVP_PKEY_eq(k->pending, b->key) == 1;
}

/*
 * Two certificates of one name and key would be two issuers whose CRLs a client cannot tell apart: a revocation under one of
 * them would not be on the other's.
 */
static MUST_USE bool
twin_absent(
    const struct catalog_mount *mount, const struct bundle *b, struct slice id, struct err *e)
{
	struct certificate_facts facts;

	if (!certificate_read(b->certificate, &facts, e))
		return false;
	for (size_t i = 0; i < mount->issuer_count; i++) {
		const struct issuer *other = mount->issuers[i]->issuer;

		if (!slice_is(id, other->id) && slice_eq(other->subject, facts.subject) &&
		    EVP_PKEY_eq(X509_get0_pubkey(other->x509), b->key) == 1)
			return err_field(e, ERR_ISSUER_EXISTS, "pem_bundle",
			    "the mount had a CA of this name and key: make a new key for the new certificate");
	}
	return true;
}

static MUST_USE bool
place_free(const struct catalog_mount *mount, const struct ca_set_params *params, bool completes,
    struct err *e)
{
	if (mount->issuer == NULL || completes || params->replace)
		return true;
	return err_field(e, ERR_ISSUER_EXISTS, "mount",
	    "mount \"%.*s\" has another CA already: replace=true puts this one in its place",
	    SLICE_FMT(mount->name));
}

static MUST_USE bool
bundle_use(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    const struct known *known, const struct bundle *b, struct err *e)
{
	struct slice id = ca_id(cx->arena, b->certificate);
	bool completes = is_pending(known, b);

	if (b->key_was_brought && !b->key_was_sealed && !mount->state.allow_clear_keys)
		return err_field(e, ERR_KEY_IN_CLEAR, "pem_bundle",
		    "the private key is in clear: seal it to the fleet's key (mount/list)");
	if (b->warning != NULL)
		request_warn(cx, rq, b->warning, "%s", b->warning_says);
	ca_warn_end(cx, rq, b->not_before, b->not_after);
	if (mount->issuer != NULL && slice_is(id, mount->issuer->issuer->id)) {
		rq->outcome.issuer = id; /* again the same: nothing changes */
		return true;
	}
	if (!place_free(mount, rq->params, completes, e) || !twin_absent(mount, b, id, e) ||
	    !ca_store(cx, rq, mount, b->certificate, b->chain, b->key, e))
		return false;
	if (completes)
		request_change(cx, rq, "pending", SLICE_NONE, NULL, NULL);
	return true;
}

bool
ca_set_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct ca_set_params *params = rq->params;
	struct known SCOPED_KNOWN known = { 0 };
	const struct catalog_mount *mount;
	struct bundle b = { 0 };
	bool good;

	if (!request_admit(cx, rq, &mount, e) || !known_read(cx, mount, &known, e))
		return false;
	if (!bundle_parse(params->pem_bundle, cx->now_ms / 1000, cx->fleet_key,
		&(struct bundle_keys){ known.keys, known.count }, cx->arena, &b, e))
		return err_in(e, "pem_bundle");
	good = bundle_use(cx, rq, mount, &known, &b, e);
	bundle_done(&b);
	return good;
}
