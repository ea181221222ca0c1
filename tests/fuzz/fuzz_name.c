/*
 * Names and the policy on them. A line each: flags (one byte), an allowed domain, a display name, the common name, then
 * alternative names. What is allowed is held against an own reading of the rules: no certificate may be good for a host
 * that the role's domains do not cover, whatever wildcards and IDNA do.
 */
#include "name.h"
#include "policy.h"

#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#define LINES_MAX 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool held)
{
	if (!held)
		abort();
}

static const char *
text_of(struct arena *a, struct slice s)
{
	return arena_text(a, s);
}

static bool
is_below(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	return d > 0 && n > d + 1 && name[n - d - 1] == '.' &&
	    strcasecmp(name + n - d, domain) == 0;
}

/* A name that the wildcard covers: is it below the domain? */
static bool
covers_only(struct arena *a, const char *wildcard, const char *domain)
{
	const char *star = strchr(wildcard, '*');

	return is_below(
	    arena_printf(a, "%.*sq7%s", (int)(star - wildcard), wildcard, star + 1), domain);
}

static bool
host_is_within(struct arena *a, const struct role *role, const char *host, const char *domain)
{
	if (strcasecmp(host, domain) == 0)
		return role->allow_bare_domains;
	if (!role->allow_subdomains)
		return false;
	return strchr(host, '*') != NULL ? covers_only(a, host, domain) : is_below(host, domain);
}

static bool
host_is_local(const struct role *role, const char *host)
{
	const char *base = strchr(host, '*') == NULL ? host : strchr(host, '.') + 1;

	if (!role->allow_localhost)
		return false;
	return strcasecmp(base, "localhost") == 0 || strcasecmp(base, "localdomain") == 0 ||
	    (role->allow_subdomains &&
		(is_below(base, "localhost") || is_below(base, "localdomain")));
}

static void
check_labels(const char *host)
{
	size_t label = 0;

	expect(host[0] != '\0' && strlen(host) <= NAME_HOST_MAX + 1);
	for (const char *c = host; *c != '\0'; c++) {
		expect(isalnum((unsigned char)*c) || *c == '-' || *c == '.' || *c == '*');
		label = *c == '.' ? 0 : label + 1;
		expect(label <= NAME_LABEL_MAX);
	}
	if (strchr(host, '*') != NULL)
		expect(strchr(host, '*') == strrchr(host, '*') &&
		    strchr(host, '*') < strchr(host, '.'));
}

static void
check_sans(const struct policy_input *in, struct arena *a, const struct template *t)
{
	const struct role *role = in->rules->role;
	struct name domain;
	struct err e;
	const char *allowed = "";

	if (role->allowed_domains.items[0].len > 0 &&
	    name_parse(role->allowed_domains.items[0], "allowed_domains", a, &domain, &e))
		allowed = text_of(a, domain.ascii);
	for (size_t i = 0; i < t->dns.count; i++) {
		const char *host = text_of(a, t->dns.items[i]);

		check_labels(host);
		expect(role->allow_any_name || role->allow_token_displayname ||
		    host_is_local(role, host) || host_is_within(a, role, host, allowed));
	}
	for (size_t i = 0; i < t->emails.count; i++) {
		const char *address = text_of(a, t->emails.items[i]);
		const char *host = strchr(address, '@');

		expect(name_is_ascii(t->emails.items[i]) && host != NULL &&
		    strchr(host + 1, '@') == NULL);
		expect(role->allow_any_name || role->allow_token_displayname ||
		    host_is_local(role, host + 1) || host_is_within(a, role, host + 1, allowed) ||
		    (role->allow_bare_domains && strcasecmp(address, allowed) == 0));
	}
}

static void
check_decision(struct arena *a, struct slice *lines, size_t count)
{
	unsigned flags = lines[0].len == 0 ? 0 : lines[0].data[0];
	struct role role = { .allow_subdomains = flags & 1,
		.allow_bare_domains = flags & 2,
		.allow_any_name = flags & 4,
		.enforce_hostnames = flags & 8,
		.allow_localhost = flags & 16,
		.allow_token_displayname = flags & 32,
		.allow_wildcard_certificates = true,
		.require_cn = true,
		.allowed_domains = { &lines[1], 1 },
		.key_type = SLICE_LITERAL("ec") };
	const struct leaf_params request = {
		.common_name = lines[3], .alt_names = { &lines[4], count - 4 }, .ttl = SCHEMA_ABSENT
	};
	const struct identity_body identity = { .display_name = lines[2] };
	struct role_rules rules;
	const struct policy_input in = { .rules = &rules,
		.request = &request,
		.identity = &identity,
		.mount_default_ttl = 60,
		.issuer_not_after = 1000,
		.now = 100 };
	struct template t;
	struct err e = { 0 };

	(void)!role_check(&role, a, &e);
	expect(role_rules_make(&role, a, &rules, &e));
	if (policy_decide(&in, a, &t, &e))
		check_sans(&in, a, &t);
	else
		expect(e.code != ERR_NONE && e.field[0] != '\0' && e.msg[0] != '\0');
}

/* What is in ASCII once stays what it is. */
static void
check_name(struct arena *a, struct slice text)
{
	struct name name, again;
	struct err e;

	if (!name_parse(text, "alt_names", a, &name, &e))
		return;
	expect(name_is_ascii(name.ascii) && name.host.len <= NAME_HOST_MAX + 1);
	expect(!name.hostname || name_is_hostname(name.host));
	expect(name_parse(name.ascii, "alt_names", a, &again, &e));
	expect(name_equal(name.ascii, again.ascii) && name.hostname == again.hostname &&
	    name.wildcard == again.wildcard && name.kind == again.kind);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct slice lines[LINES_MAX] = { { NULL, 0 } };
	size_t count = 0;

	while (count < LINES_MAX && size > 0) {
		const uint8_t *end = memchr(data, '\n', size);
		size_t len = end == NULL ? size : (size_t)(end - data);

		lines[count++] = slice_of(data, len);
		len += end != NULL;
		data += len;
		size -= len;
	}
	for (size_t i = 1; i < count; i++)
		check_name(&a, lines[i]);
	(void)name_of_object_valid(lines[1]);
	if (count >= 4)
		check_decision(&a, lines, count);
	return 0;
}
