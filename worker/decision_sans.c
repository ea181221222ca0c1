/* Alternative names that are no host names: addresses, URIs, other names. */
#include "decision.h"

#include "glob.h"
#include "identity.h"
#include "uri.h"

#define OTHER_VALUE_MAX 1024

/* ---- addresses ---- */

static size_t
ip_count(const struct decision *d)
{
	return decision_csr_sans(d) ? d->csr->ips.count : d->request->ip_sans.count;
}

static MUST_USE bool
ip_in_networks(const struct role_rules *rules, const struct ip *ip)
{
	for (size_t i = 0; i < rules->network_count; i++)
		if (cidr_contains(&rules->networks[i], ip))
			return true;
	return rules->network_count == 0;
}

static void
ip_add(struct decision *d, const struct ip *ip)
{
	struct slice_list *ips = &d->ret->ips;
	struct slice octets = slice_of(ip->octets, ip->len);

	for (size_t i = 0; i < ips->count; i++)
		if (slice_eq(ips->items[i], octets))
			return;
	decision_add(d, ips, ip_count(d), arena_copy(d->arena, octets));
}

static MUST_USE bool
take_ip(
    struct decision *d, const struct ip *ip, const char *field, struct slice shown, struct err *e)
{
	if (!d->role->allow_ip_sans)
		return err_field(e, ERR_IP_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED " is not allowed: the role has allow_ip_sans off", field,
		    NAME_FMT(shown));
	if (!ip_in_networks(d->rules, ip))
		return err_field(e, ERR_IP_NOT_ALLOWED, field,
		    "%s " NAME_QUOTED
		    " is not allowed: it is in none of the role's allowed_ip_sans_cidr",
		    field, NAME_FMT(shown));
	ip_add(d, ip);
	return true;
}

static MUST_USE bool
csr_ips(struct decision *d, struct err *e)
{
	for (size_t i = 0; i < d->csr->ips.count; i++) {
		struct ip ip;
		char text[IP_TEXT_SIZE];

		if (!ip_of_octets(d->csr->ips.items[i], &ip))
			return err_field(e, ERR_INVALID_VALUE, "csr",
			    "the CSR holds an IP address of %zu octets", d->csr->ips.items[i].len);
		if (!take_ip(d, &ip, "csr", ip_text(&ip, text), e))
			return false;
	}
	return true;
}

bool
rule_ip_sans(struct decision *d, struct err *e)
{
	static const char field[] = "ip_sans";
	const struct slice_list *texts = &d->request->ip_sans;

	if (decision_csr_sans(d))
		return csr_ips(d, e);
	for (size_t i = 0; i < texts->count; i++) {
		struct slice text = text_trim(texts->items[i]);
		struct ip ip = { .len = 4 };

		if (text.len == 0)
			continue;
		if (d->role->allow_ip_sans && !ip_parse(text, &ip))
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s " NAME_QUOTED " is no IPv4 or IPv6 address", field, NAME_FMT(text));
		if (!take_ip(d, &ip, field, text, e))
			return false;
	}
	return true;
}

/* ---- URIs ---- */

static bool
uri_allowed(const struct decision *d, struct slice uri)
{
	const struct role *role = d->role;

	for (size_t i = 0; i < role->allowed_uri_sans.count; i++) {
		struct slice glob = role->allowed_uri_sans.items[i];

		if (role->allowed_uri_sans_template && template_is(glob) &&
		    !template_fill(glob, d->identity, role->allow_globs_in_identity_templates,
			d->arena, &glob))
			continue;
		if (glob.len > 0 && glob_match(glob, uri))
			return true;
	}
	return false;
}

static void
uri_add(struct decision *d, size_t room, struct slice uri)
{
	struct slice_list *uris = &d->ret->uris;

	for (size_t i = 0; i < uris->count; i++)
		if (slice_eq(uris->items[i], uri))
			return;
	decision_add(d, uris, room, uri);
}

bool
rule_uri_sans(struct decision *d, struct err *e)
{
	bool from_csr = decision_csr_sans(d);
	const char *field = from_csr ? "csr" : "uri_sans";
	const struct slice_list *uris = from_csr ? &d->csr->uris : &d->request->uri_sans;

	for (size_t i = 0; i < uris->count; i++) {
		struct slice uri = from_csr ? uris->items[i] : text_trim(uris->items[i]);
		const char *fault = uri_fault(uri);

		if (uri.len == 0 && !from_csr)
			continue;
		if (fault != NULL)
			return err_field(e, ERR_INVALID_VALUE, field,
			    "%s: " NAME_QUOTED " is no URI: %s", field, NAME_FMT(uri), fault);
		if (!uri_allowed(d, uri))
			return err_field(e, ERR_SAN_NOT_ALLOWED, field,
			    "%s: " NAME_QUOTED " matches none of the role's %zu allowed_uri_sans",
			    field, NAME_FMT(uri), d->role->allowed_uri_sans.count);
		uri_add(d, uris->count, uri);
	}
	return true;
}

/* ---- other names ---- */

static bool
other_allowed(const struct role_rules *rules, const struct other_name *name)
{
	for (size_t i = 0; i < rules->other_count; i++)
		if (slice_eq(rules->others[i].type_id, name->type_id) &&
		    glob_match(rules->others[i].glob, name->value))
			return true;
	return rules->any_other;
}

static void
other_add(struct decision *d, const struct other_name *name)
{
	struct other_names *others = &d->ret->others;

	for (size_t i = 0; i < others->count; i++)
		if (slice_eq(others->items[i].type_id, name->type_id) &&
		    slice_eq(others->items[i].value, name->value))
			return;
	others->items[others->count++] = *name;
}

static MUST_USE bool
take_other(struct decision *d, const struct other_name *name, const char *field, struct err *e)
{
	if (name->value.len == 0 || name->value.len > OTHER_VALUE_MAX ||
	    text_has_control(name->value))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "%s: the value of another name is empty, too long, or holds a control character",
		    field);
	if (!other_allowed(d->rules, name))
		return err_field(e, ERR_SAN_NOT_ALLOWED, field,
		    "%s: the other name " NAME_QUOTED
		    " matches none of the role's %zu allowed_other_sans",
		    field, NAME_FMT(name->value), d->role->allowed_other_sans.count);
	other_add(d, name);
	return true;
}

static MUST_USE bool
request_others(struct decision *d, struct err *e)
{
	static const char field[] = "other_sans";
	const struct slice_list *texts = &d->request->other_sans;

	for (size_t i = 0; i < texts->count; i++) {
		struct slice text = text_trim(texts->items[i]);
		struct other_rule parsed;
		const char *fault = "";

		if (text.len == 0)
			continue;
		if (!other_rule_parse(text, d->arena, &parsed, &fault) ||
		    parsed.type_id.data == NULL)
			return err_field(e, ERR_INVALID_VALUE, field, "%s " NAME_QUOTED " %s",
			    field, NAME_FMT(text), fault);
		if (!take_other(d, &(struct other_name){ parsed.type_id, parsed.glob }, field, e))
			return false;
	}
	return true;
}

/* Those of the request and those of the CSR together. */
bool
rule_other_sans(struct decision *d, struct err *e)
{
	size_t from_csr = decision_csr_sans(d) ? d->csr->others.count : 0;
	size_t room = from_csr + d->request->other_sans.count;

	if (room == 0)
		return true;
	d->ret->others.items = arena_array(d->arena, room, sizeof(struct other_name));
	for (size_t i = 0; i < from_csr; i++)
		if (!take_other(d, &d->csr->others.items[i], "csr", e))
			return false;
	return request_others(d, e);
}
