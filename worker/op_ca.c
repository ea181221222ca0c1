/* The mount's CA: brought as a bundle, or made here. Its private key goes into `.state` sealed, and nowhere else. */
#include "op.h"

#include "ca_key.h"
#include "scoped_openssl.h"

#define CA_DER_MAX 65536 /* what a certificate_record takes */

typedef struct issuer ca_issuer;
DEFINE_SCOPED(ca_issuer, issuer_free)

/* ---- what both ways to a CA end with ---- */

static MUST_USE bool
issuer_absent(const struct catalog_mount *mount, struct err *e)
{
	if (mount->issuer == NULL)
		return true;
	return err_field(e, ERR_ISSUER_EXISTS, "mount", "mount \"%.*s\" has a CA already",
	    SLICE_FMT(mount->name));
}

/* The issuer's record and the mount's, which names it from now on. */
static MUST_USE bool
issuer_store(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    struct slice id, struct slice der, struct slice_list chain, EVP_PKEY *key, struct err *e)
{
	struct mount_state mount_state = mount->state;
	struct issuer_state state = { .v = 1,
		.id = id,
		.certificate = der,
		.chain = chain,
		.crl_shards = 1,
		.created = request_time_ms(cx, rq) };

	if (!ca_key_seal(cx->ca_sealer, mount->name, id, key, cx->arena, &state.key, e))
		return false;
	mount_state.issuer = id;
	request_change(cx, rq, "issuer", id, &issuer_state_schema, &state);
	request_change(cx, rq, "mount", SLICE_NONE, &mount_state_schema, &mount_state);
	rq->outcome.issuer = id;
	rq->outcome.rotate = !rq->envelope.dry_run; /* so that the first CRL comes */
	return true;
}

/* ---- ca/set ---- */

static MUST_USE bool
bundle_use(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    const struct bundle *b, struct err *e)
{
	char id_text[ISSUER_ID_SIZE];
	struct slice id;

	if (!b->key_was_sealed && !mount->state.allow_clear_keys)
		return err_field(e, ERR_KEY_IN_CLEAR, "pem_bundle",
		    "the private key is in clear: seal it to the fleet's key (mount/list)");
	issuer_id_of(b->certificate, id_text);
	id = arena_copy(cx->arena, slice_text(id_text));
	if (b->warning != NULL)
		request_warn(cx, rq, b->warning, "the CA certificate has no KeyUsage extension");
	if (mount->issuer != NULL && slice_is(id, mount->issuer->issuer->id)) {
		rq->outcome.issuer = id; /* again the same: nothing changes */
		return true;
	}
	return issuer_absent(mount, e) &&
	    issuer_store(cx, rq, mount, id, b->certificate, b->chain, b->key, e);
}

bool
ca_set_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct ca_set_params *params = rq->params;
	const struct catalog_mount *mount;
	struct bundle b = { 0 };
	bool good;

	if (!request_admit(cx, rq, &mount, e))
		return false;
	if (!bundle_parse(params->pem_bundle, cx->now_ms / 1000, cx->fleet_key, cx->arena, &b, e))
		return err_in(e, "pem_bundle");
	good = bundle_use(cx, rq, mount, &b, e);
	bundle_done(&b);
	return good;
}

/* ---- ca/generate/root ---- */

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
	struct signer *signer;
	bool good;

	if (!spki_of(key, cx->arena, &in.spki, e) ||
	    !minter_serial(cx->minter, cx->store, mount->name, serial, e))
		return false;
	signer = signer_new(key, e);
	if (signer == NULL)
		return false;
	buf_init(&der, CA_DER_MAX);
	good = certificate_build(&in, signer, &der, e);
	signer_free(signer);
	if (good && der.failed)
		return err_set(e, ERR_TOO_LARGE, "the certificate is over %d bytes", CA_DER_MAX);
	*ret_der = arena_copy(cx->arena, buf_slice(&der));
	return good;
}

static MUST_USE bool
root_make(struct context *cx, struct request *rq, const struct catalog_mount *mount,
    const struct template *template, struct err *e)
{
	SCOPED(EVP_PKEY)
	key = key_generate(template->key_type, template->key_bits, cx->key_deadline_us, e);
	SCOPED(ca_issuer) root = NULL;
	uint8_t serial[SERIAL_SIZE];
	struct slice der, id;

	if (key == NULL || !root_sign(cx, mount, template, key, serial, &der, e))
		return false;
	root = issuer_new(der, NULL, 0, key, e);
	if (root == NULL)
		return false;
	id = arena_copy(cx->arena, slice_text(root->id));
	if (!issuer_store(cx, rq, mount, id, der, (struct slice_list){ 0 }, key, e))
		return false;
	record_certificate(cx, rq, root, slice_of(serial, sizeof(serial)), der,
	    template->not_before, template->not_after);
	rq->outcome.serial = arena_copy(cx->arena, slice_of(serial, sizeof(serial)));
	return true;
}

static MUST_USE bool
exported_check(struct slice exported, struct err *e)
{
	if (exported.data == NULL || slice_is(exported, "internal"))
		return true;
	return err_field(e, ERR_INVALID_VALUE, "exported",
	    "the private key of a CA stays inside: only \"internal\" is known");
}

bool
ca_generate_decide(struct context *cx, struct request *rq, struct err *e)
{
	const struct ca_generate_params *params = rq->params;
	const struct catalog_mount *mount;
	struct policy_ca_input in = { .request = params, .now = cx->now_ms / 1000 };
	struct template template = { 0 };
	enum answer_format format;

	if (!request_admit(cx, rq, &mount, e) || !exported_check(params->exported, e) ||
	    !format_parse(params->format, &format, e) || !issuer_absent(mount, e))
		return false;
	in.mount_default_ttl = mount->state.default_ttl;
	in.mount_max_ttl = mount->state.max_ttl;
	if (!policy_decide_ca(&in, cx->arena, &template, e) ||
	    !slow_key_allowed(mount, template.key_type, template.key_bits, "key_bits", e))
		return false;
	for (size_t i = 0; i < template.warning_count; i++)
		request_warn(cx, rq, template.warnings[i].code, "%.*s",
		    SLICE_FMT(template.warnings[i].message));
	rq->outcome.not_after = template.not_after;
	return rq->envelope.dry_run || root_make(cx, rq, mount, &template, e);
}

bool
ca_generate_answer(struct context *cx, struct request *rq, struct writer *data, struct err *e)
{
	const struct ca_generate_params *params = rq->params;
	struct certificate_record record;
	struct leaf_answer answer;
	enum answer_format format;

	if (!leaf_answer_read(cx, rq, &record, &answer, e) ||
	    !format_parse(params->format, &format, e))
		return false;
	answer.certificate = format_text(cx->arena, format, "CERTIFICATE", record.certificate);
	answer.issuing_ca = answer.certificate; /* self-signed */
	schema_encode(&leaf_answer_schema, &answer, data);
	return true;
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
