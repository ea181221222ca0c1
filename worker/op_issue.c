/* issue, and what it shares with sign: from a role to a signed certificate. The answer's texts are in leaf_answer.c. */
#include "crl_owner.h"
#include "op.h"

#define SLOW_KEY_BITS 4096
#define LEAF_DER_MAX  65536 /* what a certificate_record takes */

bool
leaf_find(struct context *cx, struct request *rq, struct leaf *ret, struct err *e)
{
	const struct leaf_params *params = rq->params;
	const struct catalog_issuer *issuer;
	const struct catalog_role *role;
	enum answer_format format;

	if (!request_admit(cx, rq, &ret->mount, e))
		return false;
	issuer = mount_issuer(ret->mount, e);
	if (issuer == NULL)
		return false;
	ret->issuer = issuer->issuer;
	if (cx->crl_book != NULL &&
	    !crl_book_has_room(cx->crl_book, ret->mount->name, ret->issuer->id, e))
		return false;
	role = catalog_find_role(ret->mount, rq->envelope.role);
	if (role == NULL)
		return err_field(e, ERR_UNKNOWN_ROLE, "role", "mount \"%.*s\" has no role \"%.*s\"",
		    SLICE_FMT(ret->mount->name), SLICE_FMT(rq->envelope.role));
	ret->role = &role->role;
	return format_parse(params->format, &format, e);
}

bool
leaf_allow(
    struct context *cx, struct request *rq, const struct csr *csr, struct leaf *leaf, struct err *e)
{
	const struct policy_input in = { .role = leaf->role,
		.request = rq->params,
		.csr = csr,
		.display_name = SLICE_NONE,
		.mount_default_ttl = leaf->mount->state.default_ttl,
		.mount_max_ttl = leaf->mount->state.max_ttl,
		.issuer_not_before = leaf->issuer->not_before,
		.issuer_not_after = leaf->issuer->not_after,
		.outlive = OUTLIVE_REFUSE,
		.now = cx->now_ms / 1000 };

	if (!policy_decide(&in, cx->arena, &leaf->template, e))
		return false;
	for (size_t i = 0; i < leaf->template.warning_count; i++)
		request_warn(cx, rq, leaf->template.warnings[i].code, "%.*s",
		    SLICE_FMT(leaf->template.warnings[i].message));
	rq->outcome.not_after = leaf->template.not_after;
	return issuer_permits(leaf->issuer, &leaf->template, e);
}

bool
leaf_sign(struct context *cx, struct request *rq, const struct leaf *leaf, struct slice spki,
    struct err *e)
{
	const struct issuer *issuer = leaf->issuer;
	const struct certificate_urls urls = mount_urls(
	    leaf->mount, slice_text(issuer->id), cx->arena);
	struct buf der SCOPED_BUF = { 0 };
	uint8_t serial[SERIAL_SIZE];
	const struct certificate_input in = { .template = &leaf->template,
		.serial = slice_of(serial, sizeof(serial)),
		.spki = spki,
		.issuer_subject = issuer->subject,
		.issuer_key_id = issuer->key_id,
		.urls = &urls };
	const struct signer_choice choice = { leaf->template.signature_bits,
		leaf->template.use_pss };
	struct signer *signer = minter_signer(cx->minter, issuer, choice, e);

	if (signer == NULL || !minter_serial(cx->minter, cx->store, leaf->mount->name, serial, e))
		return false;
	buf_init(&der, LEAF_DER_MAX);
	if (!certificate_build(&in, signer, &der, e))
		return false;
	if (der.failed)
		return err_set(e, ERR_TOO_LARGE, "the certificate is over %d bytes", LEAF_DER_MAX);
	record_certificate(cx, rq, issuer, in.serial, buf_slice(&der), leaf->template.not_before,
	    leaf->template.not_after);
	rq->outcome.issuer = slice_text(issuer->id);
	rq->outcome.serial = arena_copy(cx->arena, in.serial);
	return true;
}

bool
slow_key_allowed(const struct catalog_mount *mount, enum key_type type, int64_t bits,
    const char *field, struct err *e)
{
	if (type != KEY_RSA || bits <= SLOW_KEY_BITS || mount->state.allow_slow_keys)
		return true;
	return err_field(e, ERR_SLOW_KEY, field,
	    "an RSA key of %lld bits needs allow_slow_keys of mount \"%.*s\"", (long long)bits,
	    SLICE_FMT(mount->name));
}

bool
issue_would_wait(const struct context *cx, const struct request *rq)
{
	const struct catalog_mount *mount = catalog_find_mount(cx->catalog, rq->envelope.mount);
	const struct catalog_role *role = mount == NULL
	    ? NULL
	    : catalog_find_role(mount, rq->envelope.role);
	enum key_type type;

	return role != NULL && key_type_parse(role->role.key_type, &type) &&
	    !keymaker_ready(minter_keys(cx->minter), type, role->role.key_bits);
}

static MUST_USE bool
leaf_make_key(
    struct context *cx, struct request *rq, const struct template *template, struct err *e)
{
	leaf_key_init(&rq->leaf);
	rq->has_leaf = true;
	return keymaker_make(minter_keys(cx->minter), template->key_type, template->key_bits,
	    cx->key_deadline_us, &rq->leaf, e);
}

bool
issue_decide(struct context *cx, struct request *rq, struct err *e)
{
	struct leaf leaf = { 0 };
	struct seal_target target;

	if (!leaf_find(cx, rq, &leaf, e) || !leaf_allow(cx, rq, NULL, &leaf, e) ||
	    !slow_key_allowed(
		leaf.mount, leaf.template.key_type, leaf.template.key_bits, "role", e))
		return false;
	if (!seal_target_read(rq, cx->arena, &target, e) || !seal_target_try(&target, e))
		return false;
	if (rq->envelope.dry_run)
		return true;
	return leaf_make_key(cx, rq, &leaf.template, e) &&
	    leaf_sign(cx, rq, &leaf, buf_slice(&rq->leaf.spki), e);
}
