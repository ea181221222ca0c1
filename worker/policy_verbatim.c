/* sign-verbatim: what a CSR asks for, as it is. Never a CA certificate, and nothing that speaks for the issuer. */
#include "decision.h"

#include "extension.h"
#include "usage.h"

/*
 * Extensions that are the issuer's to write (2.5.29.14, .31, .35, .46 and id-pe 1): a CSR that brought them could point away
 * from its issuer, its CRL and its responder.
 */
static const struct slice issuers_own[] = {
	DER_BYTES("\x55\x1d\x0e"),
	DER_BYTES("\x55\x1d\x1f"),
	DER_BYTES("\x55\x1d\x23"),
	DER_BYTES("\x55\x1d\x2e"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x01\x01"),
};
static const struct slice ext_basic_constraints = DER_BYTES("\x55\x1d\x13");
static const struct slice ext_key_usage = DER_BYTES("\x55\x1d\x0f");

/* What is no extension is left out with them. */
static bool
is_issuers_own(struct slice whole)
{
	struct extension x;

	if (!extension_read(whole, &x))
		return true;
	for (size_t i = 0; i < sizeof(issuers_own) / sizeof(issuers_own[0]); i++)
		if (slice_eq(x.oid, issuers_own[i]))
			return true;
	return slice_eq(x.oid, ext_basic_constraints);
}

static bool
rule_copy(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;
	struct template *t = d->ret;
	size_t left_out = 0;

	(void)e;
	t->subject = csr->subject;
	t->common_name = csr->common_name;
	t->extensions.items = arena_array(d->arena, csr->extensions.count, sizeof(struct slice));
	for (size_t i = 0; i < csr->extensions.count; i++) {
		if (is_issuers_own(csr->extensions.items[i]))
			left_out++;
		else
			t->extensions.items[t->extensions.count++] = csr->extensions.items[i];
	}
	if (left_out > 0)
		decision_warn(d, "csr_extensions_ignored",
		    "%zu extensions of the CSR are the issuer's to write, and are not taken over",
		    left_out);
	if (csr->asks_for_ca)
		decision_warn(d, "basic_constraints_ignored",
		    "the CSR asks for a CA certificate: it gets one of an end entity");
	if (d->request->common_name.len > 0)
		decision_warn(d, "common_name_ignored",
		    "the request's common name is not used: the CSR's subject is");
	return true;
}

/* For the record and for whoever looks at the template: the certificate has them in the CSR's own extension. */
static bool
rule_copied_names(struct decision *d, struct err *e)
{
	const struct csr *csr = d->csr;
	struct template *t = d->ret;

	(void)e;
	t->dns = csr->dns;
	t->emails = csr->emails;
	t->ips = csr->ips;
	t->uris = csr->uris;
	t->others = csr->others;
	t->key_type = csr->key_type;
	t->key_bits = csr->key_bits;
	return true;
}

static MUST_USE bool
check_names(
    const struct slice_list *names, const char *field, unsigned (*bit)(struct slice), struct err *e)
{
	for (size_t i = 0; i < names->count; i++)
		if (bit(names->items[i]) == 0)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED " is no usage", field, NAME_FMT(names->items[i]));
	return true;
}

static MUST_USE bool
take_key_usage(struct decision *d, struct err *e)
{
	const struct slice_list *asked = &d->request->key_usage;
	struct template *t = d->ret;
	struct extension ignored;

	if (!check_names(asked, "key_usage", key_usage_bit, e))
		return false;
	if (extension_find(&t->extensions, ext_key_usage, &ignored).data != NULL ||
	    d->csr->key_usage != 0) {
		t->key_usage = d->csr->key_usage;
		return true;
	}
	t->key_usage = asked->items == NULL ? KEY_USAGE_USUAL : key_usage_bits(asked);
	decision_fit_key_usage(d, t->key_usage != KEY_USAGE_USUAL);
	return true;
}

/* The request's usages are for a CSR that asks for none. */
static bool
rule_verbatim_usage(struct decision *d, struct err *e)
{
	const struct leaf_params *rq = d->request;
	struct template *t = d->ret;
	struct slice bad;

	if (!take_key_usage(d, e) ||
	    !check_names(&rq->ext_key_usage, "ext_key_usage", ext_key_usage_bit, e))
		return false;
	ext_key_usage_oids(
	    &rq->ext_key_usage_oids, d->arena, &t->ext_key_usage, &t->ext_key_usage_oids, &bad);
	if (bad.data != NULL)
		return err_field(e, ERR_INVALID_VALUE, "ext_key_usage_oids",
		    "ext_key_usage_oids " NAME_QUOTED " is no OID", NAME_FMT(bad));
	t->ext_key_usage |= ext_key_usage_bits(&rq->ext_key_usage);
	if (d->csr->asks_for_purposes) {
		t->ext_key_usage = 0;
		t->ext_key_usage_oids = (struct slice_list){ NULL, 0 };
	}
	return true;
}

static bool
rule_verbatim_form(struct decision *d, struct err *e)
{
	const struct leaf_params *rq = d->request;
	struct template *t = d->ret;

	if (!decision_signature(rq->signature_bits, rq->use_pss, t, e))
		return false;
	t->signature_bits = policy_signature_bits(rq->signature_bits);
	decision_review(d);
	return true;
}

bool
policy_decide_verbatim(
    const struct policy_input *in, struct arena *a, struct template *ret, struct err *e)
{
	static const struct rule rules[] = {
		{ "copy", rule_copy },
		{ "key", rule_key },
		{ "usage", rule_verbatim_usage },
		{ "names", rule_copied_names },
		{ "validity", rule_validity },
		{ "form", rule_verbatim_form },
	};
	static const struct role nothing = { 0 };
	static const struct role_rules any = { .role = &nothing, .any_key = true };
	const struct role *role = in->rules == NULL ? &nothing : in->rules->role;
	struct decision d = { .rules = &any,
		.role = &nothing,
		.request = in->request,
		.csr = in->csr,
		.validity = decision_validity(in, role),
		.arena = a,
		.ret = ret };

	*ret = (struct template){ .max_path_length = -1,
		.basic_constraints = in->says_basic_constraints
		    ? in->request->basic_constraints_valid_for_non_ca
		    : role->basic_constraints_valid_for_non_ca };
	return decision_run(&d, rules, sizeof(rules) / sizeof(rules[0]), e);
}
