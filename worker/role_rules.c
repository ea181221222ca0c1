/* From a role to its rules. */
#include "identity.h"
#include "key.h"
#include "name.h"
#include "oid.h"
#include "role.h"
#include "timespan.h"
#include "usage.h"

static MUST_USE bool
make_networks(struct role_rules *rules, struct arena *a, struct err *e)
{
	const struct slice_list *texts = &rules->role->allowed_ip_sans_cidr;

	rules->networks = arena_array(a, texts->count, sizeof(*rules->networks));
	for (size_t i = 0; i < texts->count; i++)
		if (!cidr_parse(texts->items[i], &rules->networks[rules->network_count++]))
			return err_field(e, ERR_ROLE_INVALID, "allowed_ip_sans_cidr",
			    "allowed_ip_sans_cidr " NAME_QUOTED " is no network",
			    NAME_FMT(texts->items[i]));
	return true;
}

static MUST_USE bool
make_others(struct role_rules *rules, struct arena *a, struct err *e)
{
	const struct slice_list *texts = &rules->role->allowed_other_sans;
	const char *fault = "";

	rules->any_other = texts->count == 1 && slice_is(texts->items[0], "*");
	if (rules->any_other)
		return true;
	rules->others = arena_array(a, texts->count, sizeof(*rules->others));
	for (size_t i = 0; i < texts->count; i++) {
		struct other_rule *rule = &rules->others[rules->other_count];

		if (!other_rule_parse(texts->items[i], a, rule, &fault))
			return err_field(e, ERR_ROLE_INVALID, "allowed_other_sans",
			    "allowed_other_sans " NAME_QUOTED " %s", NAME_FMT(texts->items[i]),
			    fault);
		rules->other_count += rule->type_id.data != NULL;
	}
	return true;
}

static void
make_domains(struct role_rules *rules, struct arena *a)
{
	const struct slice_list *all = &rules->role->allowed_domains;
	struct slice_list plain = { arena_array(a, all->count, sizeof(struct slice)), 0 };

	if (!rules->role->allowed_domains_template) {
		domain_set_make(all, a, &rules->domains);
		return;
	}
	rules->templates.items = arena_array(a, all->count, sizeof(struct slice));
	for (size_t i = 0; i < all->count; i++) {
		struct slice_list *list = template_is(all->items[i]) ? &rules->templates : &plain;

		list->items[list->count++] = all->items[i];
	}
	domain_set_make(&plain, a, &rules->domains);
}

static void
make_cn_validations(struct role_rules *rules)
{
	const struct slice_list *list = &rules->role->cn_validations;

	rules->allow_email = rules->allow_hostname = list->count == 0;
	for (size_t i = 0; i < list->count; i++) {
		struct slice word = cn_validation(list->items[i]);

		rules->allow_email |= slice_is(word, "email");
		rules->allow_hostname |= slice_is(word, "hostname");
		rules->unchecked_cn |= slice_is(word, "disabled");
	}
}

static struct slice_list
without_duplicates(const struct slice_list *list, struct arena *a)
{
	struct slice_list ret = { arena_array(a, list->count, sizeof(struct slice)), 0 };

	for (size_t i = 0; i < list->count; i++) {
		size_t j = 0;

		while (j < ret.count && !slice_eq(ret.items[j], list->items[i]))
			j++;
		if (j == ret.count)
			ret.items[ret.count++] = list->items[i];
	}
	return ret;
}

/* The subject is the role's, and so are the bounds of RFC 5280 A.1 that it is over. */
static void
make_subject(struct role_rules *rules, struct arena *a)
{
	const struct role *role = rules->role;
	struct subject_attributes *s = &rules->subject;
	const struct {
		const struct slice_list *from;
		struct slice_list *to;
		size_t least, most;
		const char *fault;
	} attributes[] = {
		{ &role->country, &s->country, 2, 2, "a country has two letters" },
		{ &role->organization, &s->organization, 1, 64,
		    "an organization has at most 64 characters" },
		{ &role->ou, &s->organizational_unit, 1, 64,
		    "an organizational unit has at most 64 characters" },
		{ &role->locality, &s->locality, 1, 128, "a locality has at most 128 characters" },
		{ &role->province, &s->province, 1, 128, "a province has at most 128 characters" },
		{ &role->street_address, &s->street_address, 1, 128,
		    "a street address has at most 128 characters" },
		{ &role->postal_code, &s->postal_code, 1, 40,
		    "a postal code has at most 40 characters" },
	};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		*attributes[i].to = without_duplicates(attributes[i].from, a);
		for (size_t j = 0; j < attributes[i].to->count; j++) {
			size_t n = text_characters(attributes[i].to->items[j]);

			if (n < attributes[i].least || n > attributes[i].most)
				rules->subject_fault = attributes[i].fault;
		}
	}
}

static void
make_usages(struct role_rules *rules, struct arena *a)
{
	const struct role *role = rules->role;
	struct slice bad;

	rules->key_usage = key_usage_bits(&role->key_usage);
	rules->default_key_usage = rules->key_usage == KEY_USAGE_USUAL;
	rules->ext_key_usage = ext_key_usage_bits(&role->ext_key_usage) |
	    (role->server_flag ? PURPOSE_SERVER_AUTH : 0U) |
	    (role->client_flag ? PURPOSE_CLIENT_AUTH : 0U) |
	    (role->code_signing_flag ? PURPOSE_CODE_SIGNING : 0U) |
	    (role->email_protection_flag ? PURPOSE_EMAIL_PROTECTION : 0U);
	ext_key_usage_oids(
	    &role->ext_key_usage_oids, a, &rules->ext_key_usage, &rules->ext_key_usage_oids, &bad);
	rules->odd_oids = bad.data != NULL;
}

static MUST_USE bool
make_key(struct role_rules *rules, struct err *e)
{
	rules->any_key = slice_is(rules->role->key_type, "any");
	if (rules->any_key || key_type_parse(rules->role->key_type, &rules->key_type))
		return true;
	return err_field(e, ERR_ROLE_INVALID, "key_type", "the role's key_type \"%.*s\" is unknown",
	    SLICE_FMT(rules->role->key_type));
}

static MUST_USE bool
make_times(struct role_rules *rules, struct err *e)
{
	const struct role *role = rules->role;

	rules->begins = role->not_before.len > 0;
	rules->ends = role->not_after.len > 0;
	if (!bound_parse(role->not_before_bound, false, &rules->not_before_bound, NULL))
		return err_field(
		    e, ERR_ROLE_INVALID, "not_before_bound", "not_before_bound is no bound");
	if (!bound_parse(
		role->not_after_bound, true, &rules->not_after_bound, &rules->not_after_limit))
		return err_field(
		    e, ERR_ROLE_INVALID, "not_after_bound", "not_after_bound is no bound");
	return (!rules->begins ||
		   time_parse_rfc3339(role->not_before, "not_before", &rules->not_before, e)) &&
	    (!rules->ends ||
		time_parse_rfc3339(role->not_after, "not_after", &rules->not_after, e));
}

bool
role_rules_make(const struct role *role, struct arena *a, struct role_rules *ret, struct err *e)
{
	*ret = (struct role_rules){ .role = role };
	make_domains(ret, a);
	make_cn_validations(ret);
	make_subject(ret, a);
	make_usages(ret, a);
	return make_key(ret, e) && make_networks(ret, a, e) && make_others(ret, a, e) &&
	    make_times(ret, e) && policies_encode(&role->policy_identifiers, a, &ret->policies, e);
}
