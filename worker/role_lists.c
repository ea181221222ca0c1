/* The lists of a role: each item must mean something. */
#include "identity.h"
#include "oid.h"
#include "role.h"
#include "usage.h"

typedef bool item_check_fn(
    struct slice item, const char *field, struct arena *scratch, struct err *e);

/* ---- one item ---- */

static bool
bad_item(const char *field, struct slice item, const char *what, struct err *e)
{
	return err_field(
	    e, ERR_ROLE_INVALID, field, "%s " NAME_QUOTED " %s", field, NAME_FMT(item), what);
}

/* IDNA does not take '*', which a glob may have anywhere: the label that holds it must be ASCII, the rest is looked at alone. */
static bool
check_glob_labels(struct slice host, const char *field, struct arena *scratch, struct err *e)
{
	struct err reason;

	while (host.len > 0) {
		size_t len = 0;
		struct slice label, ascii;

		while (len < host.len && host.data[len] != '.')
			len++;
		label = slice_of(host.data, len);
		if (!name_is_ascii(label) && !name_to_ascii(label, field, scratch, &ascii, &reason))
			return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
		len += len < host.len;
		host = slice_of(host.data + len, host.len - len);
	}
	return true;
}

/*
 * A domain, an address, or either with '*' anywhere. IDN stays as it was written and is converted when names are compared.
 * More than the grammar is let through ('_' for one): such a domain allows names that enforce_hostnames refuses.
 */
static bool
check_domain(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	struct err reason;
	struct slice ascii, host = text;
	enum name_kind kind;

	if (text.len == 0) /* as check_pattern has it */
		return true;
	if (memchr(text.data, ' ', text.len) != NULL)
		return bad_item(field, text, "holds a space", e);
	if (!name_classify(text, field, &kind, &reason))
		return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
	if (kind == NAME_EMAIL) {
		const uint8_t *at = memchr(text.data, '@', text.len);

		host = slice_of(at + 1, text.len - (size_t)(at + 1 - text.data));
	}
	if (host.data[0] == '.')
		return bad_item(field, text, "begins with a dot: write the domain alone", e);
	if (memchr(host.data, '*', host.len) != NULL && !name_is_ascii(host))
		return check_glob_labels(host, field, scratch, e);
	if (!name_to_ascii(host, field, scratch, &ascii, &reason))
		return err_field(e, ERR_ROLE_INVALID, field, "%s", reason.msg);
	return true;
}

static bool
check_template(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	(void)scratch;
	if (text_has_control(text))
		return bad_item(field, text, "holds a control character", e);
	return template_valid(text) ||
	    bad_item(field, text, "holds a template that is none of identity.entity's", e);
}

static bool
check_domain_or_template(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	return template_is(text) ? check_template(text, field, scratch, e)
				 : check_domain(text, field, scratch, e);
}

/* A trailing comma leaves an empty item behind, which allows nothing; a list of nothing else forbids all. */
static bool
check_pattern(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	(void)scratch;
	return !text_has_control(text) || bad_item(field, text, "holds a control character", e);
}

static bool
check_text(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	(void)scratch;
	if (text_trim(text).len == 0)
		return err_field(e, ERR_ROLE_INVALID, field, "%s holds an empty text", field);
	return !text_has_control(text) || bad_item(field, text, "holds a control character", e);
}

static bool
check_cidr(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	struct cidr network;

	(void)scratch;
	return cidr_parse(text, &network) ||
	    bad_item(field, text, "is no network, as 10.0.0.0/8 is", e);
}

static bool
check_oid(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	(void)scratch;
	return oid_is_dotted(text_trim(text)) || bad_item(field, text, "is no OID", e);
}

static bool
check_other(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	struct other_rule rule;
	const char *fault = "";

	return other_rule_parse(text, scratch, &rule, &fault) || bad_item(field, text, fault, e);
}

struct slice
cn_validation(struct slice text)
{
	static const struct slice words[] = { SLICE_INIT("email"), SLICE_INIT("hostname"),
		SLICE_INIT("disabled") };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (name_equal(text, words[i]))
			return words[i];
	return SLICE_NONE;
}

static bool
check_cn_validation(struct slice text, const char *field, struct arena *scratch, struct err *e)
{
	(void)scratch;
	return cn_validation(text).data != NULL ||
	    bad_item(field, text, "is none of email, hostname and disabled", e);
}

static bool
check_items(const struct slice_list *list, const char *field, item_check_fn *check,
    struct arena *scratch, struct err *e)
{
	for (size_t i = 0; i < list->count; i++)
		if (!check(list->items[i], field, scratch, e))
			return false;
	return true;
}

/* ---- whole lists ---- */

bool
other_rule_parse(struct slice text, struct arena *a, struct other_rule *ret, const char **ret_fault)
{
	const uint8_t *semicolon, *colon, *end;
	struct slice type;

	text = text_trim(text);
	semicolon = text.len == 0 ? NULL : memchr(text.data, ';', text.len);
	*ret_fault = "has no semicolon: it is OID;utf8:TEXT";
	if (semicolon == NULL)
		return false;
	end = text.data + text.len;
	colon = memchr(semicolon, ':', (size_t)(end - semicolon));
	*ret_fault = "has no colon: it is OID;utf8:TEXT";
	if (colon == NULL)
		return false;
	type = slice_of(semicolon + 1, (size_t)(colon - semicolon - 1));
	*ret_fault = "is of another type than utf8";
	if (!name_equal(type, SLICE_LITERAL("utf8")) && !name_equal(type, SLICE_LITERAL("utf-8")))
		return false;
	ret->glob = slice_of(colon + 1, (size_t)(end - colon - 1));
	*ret_fault = "begins with no OID";
	text.len = (size_t)(semicolon - text.data);
	if (!oid_parse(text, a, &ret->type_id))
		ret->type_id = SLICE_NONE;
	return ret->type_id.data != NULL || oid_is_dotted(text);
}

/* A lone '*' is the only shorthand. */
static bool
check_others(const struct role *role, struct arena *scratch, struct err *e)
{
	const struct slice_list *others = &role->allowed_other_sans;

	return (others->count == 1 && slice_is(others->items[0], "*")) ||
	    check_items(others, "allowed_other_sans", check_other, scratch, e);
}

/* An empty list is today's default, which is what it says. Words are kept in lower case. */
static bool
check_cn_validations(struct role *role, struct arena *a, struct err *e)
{
	static struct slice all[] = { SLICE_INIT("email"), SLICE_INIT("hostname") };
	const struct slice_list *said = &role->cn_validations;
	struct slice_list kept = { all, 2 };

	if (!check_items(said, "cn_validations", check_cn_validation, NULL, e))
		return false;
	if (said->count > 0)
		kept = (struct slice_list){ arena_array(a, said->count, sizeof(all[0])), 0 };
	for (size_t i = 0; i < said->count; i++) {
		struct slice word = cn_validation(said->items[i]);

		if (said->count > 1 && slice_is(word, "disabled"))
			return err_field(e, ERR_ROLE_INVALID, "cn_validations",
			    "cn_validations: disabled stands alone");
		for (size_t j = 0; j < kept.count; j++)
			if (slice_eq(word, kept.items[j]))
				return bad_item("cn_validations", word, "stands twice", e);
		kept.items[kept.count++] = word;
	}
	role->cn_validations = kept;
	return true;
}

static bool
check_subject(const struct role *role, struct err *e)
{
	const struct {
		const char *field;
		const struct slice_list *list;
	} lists[] = {
		{ "ou", &role->ou },
		{ "organization", &role->organization },
		{ "country", &role->country },
		{ "locality", &role->locality },
		{ "province", &role->province },
		{ "street_address", &role->street_address },
		{ "postal_code", &role->postal_code },
	};

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (!check_items(lists[i].list, lists[i].field, check_text, NULL, e))
			return false;
	return true;
}

bool
role_check_usages(const struct role *role, struct err *e)
{
	for (size_t i = 0; i < role->key_usage.count; i++)
		if (key_usage_bit(role->key_usage.items[i]) == 0)
			return bad_item(
			    "key_usage", role->key_usage.items[i], "is no key usage", e);
	for (size_t i = 0; i < role->ext_key_usage.count; i++)
		if (ext_key_usage_bit(role->ext_key_usage.items[i]) == 0)
			return bad_item("ext_key_usage", role->ext_key_usage.items[i],
			    "is no extended key usage with a name", e);
	return true;
}

bool
role_has_odd_oids(const struct role *role)
{
	struct arena scratch SCOPED_ARENA = { .block = 512 };
	struct slice content;

	for (size_t i = 0; i < role->ext_key_usage_oids.count; i++)
		if (!oid_parse(text_trim(role->ext_key_usage_oids.items[i]), &scratch, &content))
			return true;
	return false;
}

bool
role_check_lists(struct role *role, struct arena *a, struct err *e)
{
	item_check_fn *domain = role->allowed_domains_template ? check_domain_or_template
							       : check_domain;
	item_check_fn *uri = role->allowed_uri_sans_template ? check_template : check_pattern;
	struct slice policies;

	return check_items(&role->allowed_domains, "allowed_domains", domain, a, e) &&
	    check_items(&role->allowed_ip_sans_cidr, "allowed_ip_sans_cidr", check_cidr, a, e) &&
	    check_items(&role->allowed_uri_sans, "allowed_uri_sans", uri, a, e) &&
	    check_others(role, a, e) && check_cn_validations(role, a, e) &&
	    check_subject(role, e) &&
	    check_items(
		&role->allowed_serial_numbers, "allowed_serial_numbers", check_pattern, a, e) &&
	    check_items(&role->allowed_user_ids, "allowed_user_ids", check_pattern, a, e) &&
	    check_items(&role->ext_key_usage_oids, "ext_key_usage_oids", check_oid, a, e) &&
	    policies_encode(&role->policy_identifiers, a, &policies, e);
}
