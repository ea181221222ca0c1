#include "role.h"

#include "key.h"
#include "policy.h"
#include "timespan.h"

#define OBJECT_NAME_LENGTH 64

static bool
check_spans(struct role *role, struct err *e)
{
	const struct {
		const char *field;
		int64_t value;
	} spans[] = { { "ttl", role->ttl }, { "max_ttl", role->max_ttl },
		{ "not_before_duration", role->not_before_duration } };

	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
		if (spans[i].value < 0 || spans[i].value > TIMESPAN_MAX)
			return err_field(e, ERR_ROLE_INVALID, spans[i].field,
			    "%s %lld is negative or over 100 years", spans[i].field,
			    (long long)spans[i].value);
	if (role->max_ttl != 0 && role->ttl > role->max_ttl)
		return err_field(e, ERR_ROLE_INVALID, "ttl", "ttl %lld is over max_ttl %lld",
		    (long long)role->ttl, (long long)role->max_ttl);
	if (role->not_before_duration == 0)
		role->not_before_duration = VALIDITY_BACKDATE;
	return true;
}

/* Fills in the bits of a type whose bits were not given. Where the type has one size, or none, what was given means nothing, and stays. */
static bool
check_key(struct role *role, struct err *e)
{
	enum key_type type;

	if (slice_is(role->key_type, "any"))
		return true;
	if (!key_type_parse(role->key_type, &type))
		return err_field(e, ERR_ROLE_INVALID, "key_type",
		    "key_type \"%.*s\" is none of rsa, ec, ed25519 and any",
		    SLICE_FMT(role->key_type));
	if (role->key_bits == 0)
		role->key_bits = key_default_bits(type);
	if (type != KEY_ED25519 && !key_bits_valid(type, role->key_bits))
		return err_field(e, ERR_ROLE_INVALID, "key_bits",
		    "there are no %s keys of %lld bits", key_type_name(type),
		    (long long)role->key_bits);
	return true;
}

/*
 * The issuer's key decides how it signs, and an RSA key alone leaves a choice. What a role for Ed25519 or any key says is not
 * kept, so that nobody reads it for an effect; what one for EC says is the wish of whoever counts in curves.
 */
static bool
check_signature(struct role *role, struct err *e)
{
	bool ec = slice_is(role->key_type, "ec");

	if (!ec && !slice_is(role->key_type, "rsa"))
		role->signature_bits = 0;
	else if (!ec && role->signature_bits == 0)
		role->signature_bits = 256;
	return ec || role->signature_bits == 0 || role->signature_bits == 256 ||
	    role->signature_bits == 384 || role->signature_bits == 512 ||
	    err_field(e, ERR_ROLE_INVALID, "signature_bits",
		"signature_bits %lld is none of 256, 384 and 512", (long long)role->signature_bits);
}

bool
bound_parse(struct slice text, bool after, enum bound *ret, int64_t *ret_limit)
{
	struct err ignored;

	*ret = BOUND_PERMIT;
	if (text.len == 0 || slice_is(text, "permit"))
		return true;
	*ret = BOUND_FORBID;
	if (slice_is(text, "forbid"))
		return true;
	*ret = BOUND_LIMITED;
	if (slice_is(text, after ? "ttl-limited" : "duration"))
		return true;
	*ret = BOUND_TIME;
	return after && time_parse_rfc3339(text, "not_after_bound", ret_limit, &ignored);
}

static bool
check_time(struct slice text, const char *field, int64_t *ret, struct err *e)
{
	struct err reason;

	if (text.len == 0)
		return true;
	if (!time_parse_rfc3339(text, field, ret, &reason))
		return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
	return true;
}

/* An end that is past may stand: such a role issues nothing. */
static bool
check_times(struct role *role, struct err *e)
{
	enum bound bound;
	int64_t begin = INT64_MIN, end = INT64_MAX, limit = INT64_MAX;

	if (!bound_parse(role->not_before_bound, false, &bound, NULL))
		return err_field(e, ERR_ROLE_INVALID, "not_before_bound",
		    "not_before_bound is none of permit, duration and forbid");
	if (!bound_parse(role->not_after_bound, true, &bound, &limit))
		return err_field(e, ERR_ROLE_INVALID, "not_after_bound",
		    "not_after_bound is none of permit, forbid, ttl-limited and an RFC 3339 time");
	if (!check_time(role->not_before, "not_before", &begin, e) ||
	    !check_time(role->not_after, "not_after", &end, e))
		return false;
	if (role->not_before.len > 0 && begin < VALIDITY_FIRST)
		return err_field(e, ERR_ROLE_INVALID, "not_before", "not_before is before 1950");
	if (end <= begin)
		return err_field(
		    e, ERR_ROLE_INVALID, "not_after", "not_after is not behind not_before");
	if (role->not_after.len > 0 && bound == BOUND_TIME && end > limit)
		return err_field(
		    e, ERR_ROLE_INVALID, "not_after", "not_after is beyond not_after_bound");
	return true;
}

static bool
check_words(struct role *role, struct err *e)
{
	if (!slice_is(role->serial_number_source, "json-csr") &&
	    !slice_is(role->serial_number_source, "json"))
		return err_field(e, ERR_ROLE_INVALID, "serial_number_source",
		    "serial_number_source is none of json-csr and json");
	if (!name_of_object_valid(role->issuer_ref))
		return err_field(e, ERR_ROLE_INVALID, "issuer_ref",
		    "issuer_ref is neither \"default\" nor an issuer's id");
	return true;
}

bool
role_drops_lease(const struct role *role)
{
	return role->no_store && role->generate_lease;
}

bool
role_check(struct role *role, struct arena *a, struct err *e)
{
	if (!check_spans(role, e) || !check_key(role, e) || !check_signature(role, e) ||
	    !check_times(role, e) || !check_words(role, e) || !role_check_lists(role, a, e))
		return false;
	role->generate_lease = role->generate_lease && !role->no_store;
	return true;
}

static bool
is_name_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	    c == '_';
}

bool
name_of_object_valid(struct slice name)
{
	if (name.len == 0 || name.len > OBJECT_NAME_LENGTH || !is_name_char(name.data[0]) ||
	    !is_name_char(name.data[name.len - 1]))
		return false;
	for (size_t i = 1; i + 1 < name.len; i++)
		if (!is_name_char(name.data[i]) && name.data[i] != '-' && name.data[i] != '.')
			return false;
	return true;
}
