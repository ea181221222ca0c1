#include "policy_names.h"

#include "identity.h"

typedef bool match_fn(const struct asker *, const struct name *);

static bool
match_any(const struct asker *asker, const struct name *name)
{
	(void)name;
	return asker->role->allow_any_name;
}

/* A wildcard is reduced to what stands behind it, so "*.localhost" needs no allow_subdomains. */
static bool
match_localhost(const struct asker *asker, const struct name *name)
{
	const struct slice hosts[] = { SLICE_LITERAL("localhost"), SLICE_LITERAL("localdomain") };

	if (!asker->role->allow_localhost)
		return false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (name_equal(name->base, hosts[i]) ||
		    (asker->role->allow_subdomains && name_ends_with_label(name->base, hosts[i])))
			return true;
	return false;
}

/* The display name itself; with allow_subdomains also what is below it, or, for an address, below the host of an address. */
static bool
match_display_name(const struct asker *asker, const struct name *name)
{
	struct err ignored;
	struct slice text;
	struct name display;

	if (!asker->role->allow_token_displayname || asker->identity == NULL ||
	    asker->identity->display_name.len == 0)
		return false;
	text = asker->identity->display_name;
	if (name_equal(name->text, text))
		return true;
	if (!name_parse(text, "display_name", asker->arena, &display, &ignored))
		return false;
	if (name_equal(name->ascii, display.ascii))
		return true;
	if (!asker->role->allow_subdomains ||
	    (display.kind == NAME_EMAIL && name->kind != NAME_EMAIL))
		return false;
	return name_ends_with_label(name->base, display.host) ||
	    (name->wildcard && name_equal(name->base, display.host));
}

static bool
match_domains(const struct asker *asker, const struct name *name)
{
	const struct role *role = asker->role;
	const struct slice_list *templates = &asker->rules->templates;

	if (!role->allow_bare_domains && !role->allow_subdomains && !role->allow_glob_domains)
		return false;
	if (domain_set_allows(&asker->rules->domains, role, name))
		return true;
	for (size_t i = 0; i < templates->count; i++) {
		struct slice domain;

		if (template_fill(templates->items[i], asker->identity,
			role->allow_globs_in_identity_templates, asker->arena, &domain) &&
		    domain_allows(domain, role, name, asker->arena))
			return true;
	}
	return false;
}

/* The options of a role add up: one that is on and matches is enough. */
static bool
matches_any_option(const struct asker *asker, const struct name *name)
{
	static match_fn *const matches[] = { match_any, match_localhost, match_display_name,
		match_domains };

	for (size_t i = 0; i < sizeof(matches) / sizeof(matches[0]); i++)
		if (matches[i](asker, name))
			return true;
	return false;
}

/* The option, but allow_any_name, that alone would have made the difference. */
static const char *
missing_option(const struct asker *asker, const struct name *name)
{
	struct role role = *asker->role;
	const struct asker other = { asker->rules, &role, asker->identity, asker->arena };
	const struct {
		const char *option;
		bool *flag;
	} options[] = {
		{ "allow_localhost", &role.allow_localhost },
		{ "allow_token_displayname", &role.allow_token_displayname },
		{ "allow_bare_domains", &role.allow_bare_domains },
		{ "allow_subdomains", &role.allow_subdomains },
		{ "allow_glob_domains", &role.allow_glob_domains },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		bool makes_the_difference;

		if (*options[i].flag)
			continue;
		*options[i].flag = true;
		makes_the_difference = matches_any_option(&other, name);
		*options[i].flag = false;
		if (makes_the_difference)
			return options[i].option;
	}
	return NULL;
}

/* What a name is not to the role's only domain. */
static const char *
missing_relation(const struct role *role)
{
	if (role->allow_glob_domains || !role->allow_subdomains)
		return "no match for";
	return role->allow_bare_domains ? "neither below nor" : "no sub-domain of";
}

static bool
refuse(const struct asker *asker, const struct name *name, const char *field, struct err *e)
{
	const struct slice_list *domains = &asker->role->allowed_domains;
	const char *option = missing_option(asker, name);

	if (option != NULL)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED " is not allowed by the role: it would need %s", field,
		    NAME_FMT(name->text), option);
	if (domains->count == 0)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed by the role, which has no allowed_domains and not allow_any_name",
		    field, NAME_FMT(name->text));
	if (domains->count > 1)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed by the role: it matches none of its %zu allowed_domains",
		    field, NAME_FMT(name->text), domains->count);
	return err_field(e, ERR_NAME_NOT_ALLOWED, field,
	    "%s " NAME_QUOTED " is not allowed by the role: it is %s %.*s", field,
	    NAME_FMT(name->text), missing_relation(asker->role), SLICE_FMT(domains->items[0]));
}

bool
name_allowed(const struct asker *asker, const struct name *name, const char *field, struct err *e)
{
	if (name->wildcard && !asker->role->allow_wildcard_certificates)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed by the role, which has allow_wildcard_certificates off",
		    field, NAME_FMT(name->text));
	if (asker->role->enforce_hostnames && !name->valid_labels)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed by the role: it is no host name, and enforce_hostnames is on",
		    field, NAME_FMT(name->text));
	return matches_any_option(asker, name) || refuse(asker, name, field, e);
}
