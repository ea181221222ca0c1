#include "policy_names.h"

#include <stddef.h>

typedef bool match_fn(const struct asker *, const struct name *);
typedef bool domain_fn(const struct name *, struct slice domain);

static bool
match_any(const struct asker *asker, const struct name *name)
{
	(void)asker;
	(void)name;
	return true;
}

/* A wildcard is reduced to what stands behind it, so "*.localhost" needs no allow_subdomains. */
static bool
match_localhost(const struct asker *asker, const struct name *name)
{
	const struct slice hosts[] = { SLICE_LITERAL("localhost"), SLICE_LITERAL("localdomain") };

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
	SCOPED_ARENA struct arena scratch = { 0 };
	struct err ignored;
	struct name display;

	if (asker->display_name.len == 0)
		return false;
	if (name_equal(name->text, asker->display_name))
		return true;
	if (!name_parse(asker->display_name, "display_name", &scratch, &display, &ignored))
		return false;
	if (name_equal(name->ascii, display.ascii))
		return true;
	if (!asker->role->allow_subdomains ||
	    (display.kind == NAME_EMAIL && name->kind != NAME_EMAIL))
		return false;
	return name_ends_with_label(name->base, display.host) ||
	    (name->wildcard && name_equal(name->base, display.host));
}

/* The domain, or an address at it. An address, or a wildcard name, among the domains stands for itself. */
static bool
domain_is_bare(const struct name *name, struct slice domain)
{
	return name_equal(name->ascii, domain) ||
	    (name->kind == NAME_EMAIL && name_equal(name->host, domain));
}

static bool
domain_is_above(const struct name *name, struct slice domain)
{
	return name_ends_with_label(name->base, domain) ||
	    (name->wildcard && name_equal(name->base, domain));
}

/* The ASCII domains first: they are nearly all, and cost no conversion. An empty one matches nothing. */
static bool
match_domains(const struct asker *asker, const struct name *name, domain_fn *matches)
{
	const struct slice_list *domains = &asker->role->allowed_domains;
	struct err ignored;
	struct name domain;

	for (size_t i = 0; i < domains->count; i++)
		if (domains->items[i].len > 0 && matches(name, domains->items[i]))
			return true;
	for (size_t i = 0; i < domains->count; i++)
		if (!name_is_ascii(domains->items[i]) &&
		    name_parse(
			domains->items[i], "allowed_domains", asker->arena, &domain, &ignored) &&
		    matches(name, domain.ascii))
			return true;
	return false;
}

static bool
match_bare(const struct asker *asker, const struct name *name)
{
	return match_domains(asker, name, domain_is_bare);
}

static bool
match_subdomain(const struct asker *asker, const struct name *name)
{
	return match_domains(asker, name, domain_is_above);
}

/* clang-format off */
/* The options add up: one that is on and matches is enough. */
static const struct {
	const char *option;
	size_t offset; /* of its bool in struct role */
	match_fn *matches;
} options[] = {
	{ "allow_any_name",          offsetof(struct role, allow_any_name),          match_any },
	{ "allow_localhost",         offsetof(struct role, allow_localhost),         match_localhost },
	{ "allow_token_displayname", offsetof(struct role, allow_token_displayname), match_display_name },
	{ "allow_bare_domains",      offsetof(struct role, allow_bare_domains),      match_bare },
	{ "allow_subdomains",        offsetof(struct role, allow_subdomains),        match_subdomain },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))
/* clang-format on */

static bool *
option_of(struct role *role, size_t i)
{
	return (bool *)((char *)role + options[i].offset);
}

static bool
matches_any_option(const struct asker *asker, const struct name *name)
{
	struct role role = *asker->role;

	for (size_t i = 0; i < OPTIONS; i++)
		if (*option_of(&role, i) && options[i].matches(asker, name))
			return true;
	return false;
}

/* The option, but allow_any_name, that alone would have made the difference. */
static const char *
missing_option(const struct asker *asker, const struct name *name)
{
	for (size_t i = 1; i < OPTIONS; i++) {
		struct role role = *asker->role;
		struct asker other = *asker;

		*option_of(&role, i) = true;
		other.role = &role;
		if (matches_any_option(&other, name))
			return options[i].option;
	}
	return NULL;
}

static bool
refuse(const struct asker *asker, const struct name *name, const char *field, struct err *e)
{
	const struct role *role = asker->role;
	const struct slice_list *domains = &role->allowed_domains;
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
	    NAME_FMT(name->text),
	    role->allow_bare_domains ? "neither below nor" : "no sub-domain of",
	    SLICE_FMT(domains->items[0]));
}

bool
name_allowed(const struct asker *asker, const struct name *name, const char *field, struct err *e)
{
	if (asker->role->enforce_hostnames && !name->valid_labels)
		return err_field(e, ERR_NAME_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed by the role: it is no host name, and enforce_hostnames is on",
		    field, NAME_FMT(name->text));
	return matches_any_option(asker, name) || refuse(asker, name, field, e);
}
