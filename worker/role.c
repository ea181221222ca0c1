#include "key.h"
#include "name.h"
#include "policy.h"
#include "timespan.h"

#define OBJECT_NAME_LENGTH 64

static bool
check_times(const struct role *role, struct err *e)
{
	const struct {
		const char *field;
		int64_t value;
	} times[] = { { "ttl", role->ttl }, { "max_ttl", role->max_ttl } };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (times[i].value < 0 || times[i].value > TIMESPAN_MAX)
			return err_field(e, ERR_ROLE_INVALID, times[i].field,
			    "%s %lld is negative or over 100 years", times[i].field,
			    (long long)times[i].value);
	if (role->max_ttl != 0 && role->ttl > role->max_ttl)
		return err_field(e, ERR_ROLE_INVALID, "ttl", "ttl %lld is over max_ttl %lld",
		    (long long)role->ttl, (long long)role->max_ttl);
	return true;
}

/* Fills in the bits of a type whose bits were not given. Ed25519 keys have one size: what was given means nothing. */
static bool
check_key(struct role *role, struct err *e)
{
	enum key_type type;

	if (!key_type_parse(role->key_type, &type))
		return err_field(e, ERR_ROLE_INVALID, "key_type",
		    "key_type \"%.*s\" is none of rsa, ec and ed25519", SLICE_FMT(role->key_type));
	if (role->key_bits == 0 || type == KEY_ED25519)
		role->key_bits = key_default_bits(type);
	if (!key_bits_valid(type, role->key_bits))
		return err_field(e, ERR_ROLE_INVALID, "key_bits",
		    "there are no %s keys of %lld bits", key_type_name(type),
		    (long long)role->key_bits);
	return true;
}

/*
 * A domain, an address, or either with '*' anywhere. IDN stays as it was written and is converted when names are compared.
 * More than the grammar is let through ('_' for one): such a domain allows names that enforce_hostnames refuses.
 */
static bool
check_domain(struct slice text, struct arena *scratch, struct err *e)
{
	static const char field[] = "allowed_domains";
	struct err reason;
	struct slice ascii, host = text;
	enum name_kind kind;

	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] == ' ')
			return err_field(e, ERR_ROLE_INVALID, field,
			    "%s " NAME_QUOTED " holds a space", field, NAME_FMT(text));
	if (!name_classify(text, field, &kind, &reason))
		return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
	if (kind == NAME_EMAIL) {
		const uint8_t *at = memchr(text.data, '@', text.len);

		host = slice_of(at + 1, text.len - (size_t)(at + 1 - text.data));
	}
	if (host.data[0] == '.')
		return err_field(e, ERR_ROLE_INVALID, field,
		    "%s " NAME_QUOTED " begins with a dot: write the domain alone", field,
		    NAME_FMT(text));
	if (!name_to_ascii(host, field, scratch, &ascii, &reason))
		return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
	return true;
}

static bool
check_domains(const struct role *role, struct err *e)
{
	SCOPED_ARENA struct arena scratch = { 0 };

	for (size_t i = 0; i < role->allowed_domains.count; i++)
		if (!check_domain(role->allowed_domains.items[i], &scratch, e))
			return false;
	return true;
}

bool
role_check(struct role *role, struct err *e)
{
	return check_times(role, e) && check_key(role, e) && check_domains(role, e);
}

unsigned
role_key_usage(const struct role *role)
{
	(void)role; /* the source document's roles have no key_usage: all get these */
	return USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT;
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
