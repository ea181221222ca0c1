/* issue, and what it shares with sign: from a role to a signed certificate. The answer's texts are in leaf_answer.c. */
#include "crl_owner.h"
#include "identity.h"
#include "op.h"

#define SLOW_KEY_BITS 4096
#define LEAF_DER_MAX  65536 /* what a certificate_record takes */

/* The role's issuer: the mount's CA, or one by its id, which the mount has or had. */
static const struct catalog_issuer *
leaf_issuer(const struct catalog_mount *mount, const struct role_rules *rules, struct err *e)
{
	const struct catalog_issuer *issuer;
	struct slice ref = rules == NULL ? SLICE_LITERAL("default") : rules->role->issuer_ref;

	if (slice_is(ref, "default"))
		return mount_issuer(mount, e);
	issuer = catalog_find_issuer(mount, ref);
	if (issuer != NULL && catalog_issuer_serves(mount, issuer))
		return issuer;
	err_field(e, ERR_NO_ISSUER, "role",
	    "mount \"%.*s\" has no issuer \"%.*s\", which the role refers to",
	    SLICE_FMT(mount->name), SLICE_FMT(ref));
	return NULL;
}

/* What the role says of leases and of storing; without a role the mount's role_defaults do. */
static void
leaf_keeping(struct request *rq, const struct leaf *leaf)
{
	if (leaf->rules != NULL) {
		rq->no_lease = !leaf->rules->role->generate_lease;
		rq->outcome.no_store = leaf->rules->role->no_store;
	} else {
		rq->no_lease = slice_is(leaf->mount->state.role_defaults, ROLE_DEFAULTS_CURRENT);
	}
}

static MUST_USE bool
leaf_role(const struct request *rq, struct leaf *leaf, struct err *e)
{
	struct slice name = rq->envelope.role;
	const struct catalog_role *role;

	if (name.len == 0 && !rq->operation->contract->needs_role)
		return true;
	role = catalog_find_role(leaf->mount, name);
	if (role == NULL)
		return err_field(e, ERR_UNKNOWN_ROLE, "role", "mount \"%.*s\" has no role \"%.*s\"",
		    SLICE_FMT(leaf->mount->name), SLICE_FMT(name));
	leaf->rules = &role->rules;
	return true;
}

bool
leaf_has_room(const struct context *cx, const struct leaf *leaf, struct err *e)
{
	return cx->crl_book == NULL ||
	    crl_book_has_room(cx->crl_book, leaf->mount->name, leaf->issuer->id, e);
}

bool
leaf_find(struct context *cx, struct request *rq, struct leaf *ret, struct err *e)
{
	const struct leaf_params *params = rq->params;
	const struct catalog_issuer *issuer;
	enum answer_format format;
	bool pkcs8;

	if (!request_admit(cx, rq, &ret->mount, e))
		return false;
	if (mount_issuer(ret->mount, e) == NULL || !leaf_role(rq, ret, e))
		return false;
	issuer = leaf_issuer(ret->mount, ret->rules, e);
	if (issuer == NULL)
		return false;
	ret->issuer = issuer->issuer;
	if (!leaf_has_room(cx, ret, e))
		return false;
	leaf_keeping(rq, ret);
	return format_parse(params->format, &format, e) &&
	    key_format_parse(params->private_key_format, &pkcs8, e);
}

/* Nobody is known where the mount does not trust what senders say. */
static MUST_USE bool
leaf_identity(struct context *cx, const struct request *rq, const struct leaf *leaf,
    struct identity_body *body, const struct identity_body **ret, struct err *e)
{
	*ret = NULL;
	if (rq->envelope.identity.data == NULL || !leaf->mount->state.trust_identity)
		return true;
	*ret = body;
	return identity_read(rq->envelope.identity, cx->arena, body, e);
}

bool
leaf_allow(
    struct context *cx, struct request *rq, const struct csr *csr, struct leaf *leaf, struct err *e)
{
	struct identity_body body;
	struct policy_input in = { .rules = leaf->rules,
		.request = rq->params,
		.csr = csr,
		.mount_default_ttl = leaf->mount->state.default_ttl,
		.mount_max_ttl = leaf->mount->state.max_ttl,
		.issuer_not_before = leaf->issuer->not_before,
		.issuer_not_after = leaf->issuer->not_after,
		.outlive = OUTLIVE_REFUSE,
		.now = cx->now_ms / 1000 };
	bool verbatim = rq->operation->contract == &contracts[OP_SIGN_VERBATIM];

	if (verbatim)
		in.says_basic_constraints = schema_seen(rq->operation->contract->params, rq->seen,
		    "basic_constraints_valid_for_non_ca");
	if (!leaf_identity(cx, rq, leaf, &body, &in.identity, e))
		return false;
	if (verbatim ? !policy_decide_verbatim(&in, cx->arena, &leaf->template, e)
		     : !policy_decide(&in, cx->arena, &leaf->template, e))
		return false;
	outcome_take(cx, rq, &leaf->template);
	ca_warn_end(cx, rq, leaf->issuer->not_before, leaf->issuer->not_after);
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

/* Which key a request would make, as far as can be seen before it is decided. */
static bool
expected_key(const struct request *rq, const struct role_rules *rules, enum key_type *ret_type,
    int64_t *ret_bits)
{
	const struct leaf_params *params = rq->params;

	*ret_type = rules->key_type;
	*ret_bits = rules->role->key_bits;
	if (!rules->any_key)
		return true;
	*ret_bits = params->key_bits;
	return key_type_parse(params->key_type, ret_type) &&
	    (*ret_bits == SCHEMA_ABSENT || key_bits_valid(*ret_type, *ret_bits));
}

bool
issue_would_wait(const struct context *cx, const struct request *rq)
{
	const struct catalog_mount *mount = catalog_find_mount(cx->catalog, rq->envelope.mount);
	const struct catalog_role *role = mount == NULL
	    ? NULL
	    : catalog_find_role(mount, rq->envelope.role);
	enum key_type type;
	int64_t bits;

	if (role == NULL || !expected_key(rq, &role->rules, &type, &bits))
		return false;
	if (bits <= 0)
		bits = key_default_bits(type);
	return !keymaker_ready(minter_keys(cx->minter), type, bits);
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

/* A role may want private keys sealed. */
static MUST_USE bool
seal_wanted(const struct request *rq, const struct leaf *leaf, struct err *e)
{
	return !leaf->rules->role->require_seal_to || rq->envelope.seal_to.data != NULL ||
	    err_field(e, ERR_MISSING_FIELD, "seal_to",
		"the role lets no private key out unsealed: the request must have a seal_to");
}

bool
issue_decide(struct context *cx, struct request *rq, struct err *e)
{
	struct leaf leaf = { 0 };
	struct seal_target target;

	if (!leaf_find(cx, rq, &leaf, e) || !seal_wanted(rq, &leaf, e) ||
	    !leaf_allow(cx, rq, NULL, &leaf, e) ||
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
