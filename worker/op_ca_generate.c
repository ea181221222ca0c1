/*
 * ca/generate/root and ca/generate/intermediate: the CA's key is made here. Of an intermediate it waits in `.state` for the
 * certificate that somebody signs, and ca/set brings.
 */
#include "op.h"

#include "ca_key.h"
#include "key_encode.h"
#include "scoped_openssl.h"

#define CA_DER_MAX 65536 /* what a certificate_record, or an outcome's csr, takes */

typedef struct issuer ca_issuer;
DEFINE_SCOPED(ca_issuer, issuer_free)
typedef struct signer ca_signer;
DEFINE_SCOPED(ca_signer, signer_free)

/* ---- the key ---- */

static bool
is_exported(struct slice exported)
{
	return slice_is(exported, "exported") || slice_is(exported, "external");
}

bool
ca_gives_key(const void *params)
{
	const struct ca_params *p = params;

	return is_exported(p->exported);
}

/* The private key of a CA is given out sealed, unless the mount takes and gives it in clear. */
static MUST_USE bool
export_check(const struct context *cx, const struct request *rq, const struct catalog_mount *mount,
    struct err *e)
{
	const struct ca_params *params = rq->params;
	struct seal_target target;

	if (!is_exported(params->exported) && !slice_is(params->exported, "internal"))
		return err_field(
		    e, ERR_INVALID_VALUE, "exported", "the key is internal, exported or external");
	if (!seal_target_read(rq, cx->arena, &target, e) || !seal_target_try(&target, e))
		return false;
	if (!is_exported(params->exported) || target.x.data != NULL ||
	    mount->state.allow_clear_keys)
		return true;
	return err_field(e, ERR_MISSING_FIELD, "seal_to",
	    "a CA's private key is given out sealed: seal_to must name the key to seal it to");
}

/* What policy allows. The key is not made yet. */
static MUST_USE bool
generate_decide(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct template *ret, struct err *e)
{
	const struct ca_params *params = rq->params;
	const struct policy_ca_input in = { .request = params,
		.mount_default_ttl = mount->state.default_ttl,
		.mount_max_ttl = mount->state.max_ttl,
		.now = cx->now_ms / 1000 };
	enum answer_format format;
	bool pkcs8;

	return export_check(cx, rq, mount, e) && format_parse(params->format, &format, e) &&
	    key_format_parse(params->private_key_format, &pkcs8, e) &&
	    policy_decide_ca(&in, cx->arena, ret, e) &&
	    slow_key_allowed(mount, ret->key_type, ret->key_bits, "key_bits", e);
}

static EVP_PKEY *
generate_key(struct context *cx, struct request *rq, const struct template *t, struct err *e)
{
	SCOPED(EVP_PKEY) key = key_generate(t->key_type, t->key_bits, cx->key_deadline_us, e);

	if (key == NULL)
		return NULL;
	if (!request_gives_key(rq))
		return TAKE(key);
	leaf_key_init(&rq->leaf);
	rq->has_leaf = true;
	if (!key_encode(key, t->key_type, t->key_bits, &rq->leaf, e))
		return NULL;
	return TAKE(key);
}

static MUST_USE bool
spki_of(EVP_PKEY *key, struct arena *a, struct slice *ret, struct err *e)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(key, &der);

	if (len <= 0)
		return err_openssl(e, "i2d_PUBKEY");
	*ret = arena_copy(a, slice_of(der, (size_t)len));
	OPENSSL_free(der);
	return true;
}

static struct signer *
template_signer(const struct template *t, EVP_PKEY *key, struct err *e)
{
	return signer_new_choice(key, (struct signer_choice){ t->signature_bits, t->use_pss }, e);
}

/* ---- ca/generate/root ---- */

/* Makes and signs the certificate. *ret_der is in the arena. */
static MUST_USE bool
root_sign(struct context *cx, const struct catalog_mount *mount, const struct template *template,
    EVP_PKEY *key, uint8_t serial[static SERIAL_SIZE], struct slice *ret_der, struct err *e)
{
	const struct certificate_urls urls = mount_urls(mount, SLICE_NONE, cx->arena);
	struct certificate_input in = {
		.template = template, .serial = slice_of(serial, SERIAL_SIZE), .urls = &urls
	};
	struct buf der SCOPED_BUF = { 0 };
	SCOPED(ca_signer) signer = NULL;

	if (!spki_of(key, cx->arena, &in.spki, e) ||
	    !minter_serial(cx->minter, cx->store, mount->name, serial, e))
		return false;
	signer = template_signer(template, key, e);
	buf_init(&der, CA_DER_MAX);
	if (signer == NULL || !certificate_build(&in, signer, &der, e))
		return false;
	if (der.failed)
		return err_set(e, ERR_TOO_LARGE, "the certificate is over %d bytes", CA_DER_MAX);
	*ret_der = arena_copy(cx->arena, buf_slice(&der));
	return true;
}

static MUST_USE bool
root_make(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    const struct template *template, struct err *e)
{
	SCOPED(EVP_PKEY) key = generate_key(cx, rq, template, e);
	SCOPED(ca_issuer) root = NULL;
	uint8_t serial[SERIAL_SIZE];
	struct slice der;

	if (key == NULL || !root_sign(cx, mount, template, key, serial, &der, e))
		return false;
	root = issuer_new(der, NULL, 0, key, e);
	if (root == NULL || !ca_store(cx, rq, mount, der, (struct slice_list){ 0 }, key, e))
		return false;
	record_certificate(cx, rq, root, slice_of(serial, sizeof(serial)), der,
	    template->not_before, template->not_after);
	rq->outcome.serial = arena_copy(cx->arena, slice_of(serial, sizeof(serial)));
	ca_keep_long(cx, rq);
	return true;
}

bool
ca_root_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	struct template template = { 0 };

	if (!request_admit(cx, rq, &mount, e))
		return false;
	if (mount->issuer != NULL)
		return err_field(e, ERR_ISSUER_EXISTS, "mount", "mount \"%.*s\" has a CA already",
		    SLICE_FMT(mount->name));
	if (!generate_decide(cx, rq, mount, &template, e))
		return false;
	outcome_take(cx, rq, &template);
	return rq->envelope.dry_run || root_make(cx, rq, mount, &template, e);
}

/* ---- ca/generate/intermediate ---- */

static MUST_USE bool
request_sign(struct context *cx, struct request *rq, const struct template *template, EVP_PKEY *key,
    struct slice spki, struct err *e)
{
	SCOPED(ca_signer) signer = template_signer(template, key, e);
	struct buf der SCOPED_BUF = { 0 };

	buf_init(&der, CA_DER_MAX);
	if (signer == NULL || !csr_build(template, spki, signer, &der, e))
		return false;
	if (der.failed)
		return err_set(e, ERR_TOO_LARGE, "the request is over %d bytes", CA_DER_MAX);
	rq->outcome.csr = arena_copy(cx->arena, buf_slice(&der));
	return true;
}

static MUST_USE bool
pending_make(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    const struct template *template, struct err *e)
{
	SCOPED(EVP_PKEY) key = generate_key(cx, rq, template, e);
	struct pending_state pending = { .v = 1, .created = request_time_ms(cx, rq) };
	struct slice spki;

	if (key == NULL || !spki_of(key, cx->arena, &spki, e) ||
	    !request_sign(cx, rq, template, key, spki, e))
		return false;
	pending.id = ca_id(cx->arena, spki);
	if (!ca_key_seal(cx->ca_sealer, mount->name, pending.id, key, cx->arena, &pending.key, e))
		return false;
	request_change(cx, rq, "pending", SLICE_NONE, &pending_state_schema, &pending);
	return true;
}

bool
ca_intermediate_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct catalog_mount *mount;
	struct template template = { 0 };

	if (!request_admit(cx, rq, &mount, e) || !generate_decide(cx, rq, mount, &template, e))
		return false;
	outcome_take(cx, rq, &template);
	rq->outcome.not_after = SCHEMA_ABSENT; /* whoever signs it says */
	if (mount->pending != NULL)
		request_warn(cx, rq, "pending_key_replaced",
		    "the key of an earlier request is gone: its certificate cannot be set any more");
	return rq->envelope.dry_run || pending_make(cx, rq, mount, &template, e);
}
