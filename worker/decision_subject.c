/* The subject but for its common name, the times, and what RFC 5280 has to say about the whole. */
#include "decision.h"

#include "glob.h"
#include "subject.h"
#include "timespan.h"

#define USER_ID_MAX  256 /* octets */
#define USER_IDS_MAX 64
#define SERIAL_MAX   64

/* ---- serialNumber (2.5.4.5): a PrintableString of at most 64 (RFC 5280 A.1) ---- */

static bool
is_printable_string(struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (!(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') && !(c >= 'a' && c <= 'z') &&
		    (c == 0 || strchr(" '()+,-./:=?", c) == NULL))
			return false;
	}
	return true;
}

static bool
serial_allowed(const struct role *role, struct slice serial)
{
	for (size_t i = 0; i < role->allowed_serial_numbers.count; i++) {
		struct slice glob = role->allowed_serial_numbers.items[i];

		if (glob.len > 0 && glob_match(glob, serial))
			return true;
	}
	return false;
}

static MUST_USE bool
take_serial(struct decision *d, struct err *e)
{
	bool asked = d->request->serial_number.len > 0;
	bool from_csr = !asked && d->csr != NULL &&
	    slice_is(d->role->serial_number_source, "json-csr");
	struct slice serial = from_csr ? d->csr->serial_number : d->request->serial_number;
	const char *field = from_csr ? "csr" : "serial_number";

	if (serial.len == 0)
		return true;
	if (!is_printable_string(serial) || serial.len > SERIAL_MAX)
		return err_field(e, ERR_INVALID_VALUE, field,
		    "the serialNumber " NAME_QUOTED
		    " is no PrintableString of at most %d characters",
		    NAME_FMT(serial), SERIAL_MAX);
	if (!serial_allowed(d->role, serial))
		return err_field(e, ERR_SUBJECT_NOT_ALLOWED, field,
		    "the serialNumber " NAME_QUOTED
		    " matches none of the role's %zu allowed_serial_numbers",
		    NAME_FMT(serial), d->role->allowed_serial_numbers.count);
	d->ret->serial_number = serial;
	return true;
}

/* ---- user ids (0.9.2342.19200300.100.1.1) ---- */

static bool
user_id_allowed(const struct role *role, struct slice id)
{
	for (size_t i = 0; i < role->allowed_user_ids.count; i++) {
		struct slice glob = role->allowed_user_ids.items[i];

		if (glob.len > 0 && glob_match_folded(glob, id))
			return true;
	}
	return false;
}

static MUST_USE bool
take_user_id(struct decision *d, struct slice id, size_t room, const char *field, struct err *e)
{
	if (id.len == 0 || id.len > USER_ID_MAX || text_has_control(id))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "the user id " NAME_QUOTED " is empty, too long, or holds a control character",
		    NAME_FMT(id));
	if (!user_id_allowed(d->role, id))
		return err_field(e, ERR_SUBJECT_NOT_ALLOWED, field,
		    "the user id " NAME_QUOTED " matches none of the role's %zu allowed_user_ids",
		    NAME_FMT(id), d->role->allowed_user_ids.count);
	decision_add(d, &d->ret->user_ids, room, id);
	return true;
}

static MUST_USE bool
take_user_ids(struct decision *d, struct err *e)
{
	bool from_csr = d->request->user_ids.count == 0 && d->csr != NULL;
	const struct slice_list *ids = from_csr ? &d->csr->user_ids : &d->request->user_ids;

	if (ids->count > USER_IDS_MAX)
		return err_field(e, ERR_OUT_OF_RANGE, from_csr ? "csr" : "user_ids",
		    "%zu user ids, %d are allowed", ids->count, USER_IDS_MAX);
	for (size_t i = 0; i < ids->count; i++)
		if (!take_user_id(d, ids->items[i], ids->count, from_csr ? "csr" : "user_ids", e))
			return false;
	return true;
}

bool
rule_subject(struct decision *d, struct err *e)
{
	const struct subject_attributes *s = &d->rules->subject;
	struct template *t = d->ret;

	t->country = s->country;
	t->organization = s->organization;
	t->organizational_unit = s->organizational_unit;
	t->locality = s->locality;
	t->province = s->province;
	t->street_address = s->street_address;
	t->postal_code = s->postal_code;
	if (d->rules->subject_fault != NULL)
		decision_warn(d, "subject_over_bounds",
		    "the role gives a subject that RFC 5280 does not allow: %s",
		    d->rules->subject_fault);
	return take_serial(d, e) && take_user_ids(d, e);
}

/* ---- times ---- */

static MUST_USE bool
asked_time(struct slice text, const char *field, bool *ret_asked, int64_t *ret, struct err *e)
{
	*ret_asked = text.len > 0;
	return !*ret_asked || time_parse_rfc3339(text, field, ret, e);
}

/* A time that the role gives goes before the request's. */
static MUST_USE bool
take_times(struct decision *d, struct err *e)
{
	const struct role_rules *rules = d->rules;
	const struct leaf_params *rq = d->request;
	struct validity_input *v = &d->validity;

	if (!asked_time(rq->not_before, "not_before", &v->begins, &v->not_before, e) ||
	    !asked_time(rq->not_after, "not_after", &v->ends, &v->not_after, e))
		return false;
	if ((v->begins && rules->begins) || (v->ends && rules->ends))
		decision_warn(d, "request_time_ignored",
		    "the role says itself when its certificates begin or end");
	v->asked_begin = v->begins && !rules->begins;
	v->asked_end = v->ends && !rules->ends;
	if (rules->begins)
		v->not_before = rules->not_before;
	if (rules->ends)
		v->not_after = rules->not_after;
	v->begins |= rules->begins;
	v->ends |= rules->ends;
	v->begin_forbidden = rules->not_before_bound == BOUND_FORBID;
	v->begin_limited = rules->not_before_bound == BOUND_LIMITED;
	v->end_forbidden = rules->not_after_bound == BOUND_FORBID;
	v->end_limited = rules->not_after_bound == BOUND_LIMITED;
	v->end_bounded = rules->not_after_bound == BOUND_TIME;
	v->end_bound = rules->not_after_limit;
	return true;
}

bool
rule_validity(struct decision *d, struct err *e)
{
	struct validity v;

	if (!take_times(d, e) || !validity_decide(&d->validity, &v, e))
		return false;
	d->ret->not_before = v.not_before;
	d->ret->not_after = v.not_after;
	if (v.capped_to != 0)
		decision_warn(d, "ttl_capped_to_max_ttl",
		    "a ttl of %lld seconds is over the maximum: the certificate gets %lld",
		    (long long)v.wanted, (long long)v.capped_to);
	if (v.truncated)
		decision_warn(d, "ttl_truncated_to_issuer",
		    "the certificate ends with its CA, after %lld seconds",
		    (long long)(v.not_after - d->validity.now));
	return true;
}

/* ---- the whole ---- */

void
decision_review(struct decision *d)
{
	const struct template *t = d->ret;
	size_t names = t->dns.count + t->emails.count + t->ips.count + t->uris.count +
	    t->others.count;

	if (names == 0 && subject_is_empty(t))
		decision_warn(d, "names_nobody",
		    "the certificate names nobody: RFC 5280 wants a subject or an alternative name");
	if ((t->key_usage & USAGE_KEY_CERT_SIGN) != 0 && !t->is_ca)
		decision_warn(d, "cert_sign_without_ca",
		    "the certificate may sign certificates and is no CA's: RFC 5280 forbids that");
}
