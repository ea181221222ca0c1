/*
 * Roles and what is held against them. A line each: flags (two bytes), then an allowed domain, a URI glob, an other name, a
 * network, a policy, an OID, times, a URI, a name and a serialNumber asked for; behind the last newline an identity, msgpack. A
 * role that was taken must work, a refusal must name a field, and nothing goes into a template that its own form refuses.
 */
#include "identity.h"
#include "policy.h"
#include "uri.h"

#include <stdlib.h>

#define LINES 11

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
expect(bool held)
{
	if (!held)
		abort();
}

static struct slice_list
one(struct arena *a, struct slice line)
{
	struct slice_list list = { arena_array(a, 1, sizeof(struct slice)), line.len > 0 };

	list.items[0] = line;
	return list;
}

static void
role_of_lines(struct arena *a, const struct slice *lines, struct role *ret)
{
	unsigned flags = lines[0].len < 2
	    ? 0
	    : (unsigned)lines[0].data[0] | (unsigned)lines[0].data[1] << 8;

	role_defaults(ret);
	ret->allow_bare_domains = flags & 1;
	ret->allow_subdomains = flags & 2;
	ret->allow_glob_domains = flags & 4;
	ret->allowed_domains_template = flags & 8;
	ret->allowed_uri_sans_template = flags & 16;
	ret->allow_globs_in_identity_templates = flags & 32;
	ret->enforce_hostnames = flags & 64;
	ret->allow_wildcard_certificates = flags & 256;
	ret->require_cn = flags & 512;
	ret->allowed_domains = one(a, lines[1]);
	ret->allowed_uri_sans = one(a, lines[2]);
	ret->allowed_other_sans = one(a, lines[3]);
	ret->allowed_ip_sans_cidr = one(a, lines[4]);
	ret->policy_identifiers = one(a, lines[5]);
	ret->ext_key_usage_oids = one(a, lines[6]);
	ret->not_after_bound = lines[7];
	ret->allowed_serial_numbers = one(a, lines[10]);
}

static void
check_template(const struct template *t, const struct role *role)
{
	for (size_t i = 0; i < t->uris.count; i++)
		expect(uri_fault(t->uris.items[i]) == NULL);
	for (size_t i = 0; i < t->dns.count; i++)
		expect(name_is_hostname(t->dns.items[i]) &&
		    (role->allow_wildcard_certificates ||
			memchr(t->dns.items[i].data, '*', t->dns.items[i].len) == NULL));
	expect(t->not_after > t->not_before);
	expect(t->policies.data == NULL || t->policies.data[0] == 0x30);
}

static void
check_role(struct arena *a, const struct slice *lines, struct slice rest)
{
	struct role role;
	struct role_rules rules;
	struct identity_body identity;
	struct err e = { 0 };
	const struct leaf_params request = { .common_name = lines[9],
		.uri_sans = one(a, lines[8]),
		.other_sans = one(a, lines[3]),
		.serial_number = lines[10],
		.not_after = lines[7],
		.ttl = SCHEMA_ABSENT };
	struct policy_input in = { .rules = &rules,
		.request = &request,
		.mount_default_ttl = 60,
		.issuer_not_after = 4000000000,
		.now = 1700000000 };
	struct template t;
	bool taken;

	role_of_lines(a, lines, &role);
	taken = role_check(&role, a, &e);
	if (!taken)
		expect(e.code == ERR_ROLE_INVALID && e.field[0] != '\0' && e.msg[0] != '\0');
	if (!role_rules_make(&role, a, &rules, &e)) {
		expect(!taken && e.code == ERR_ROLE_INVALID && e.field[0] != '\0');
		return;
	}
	if (identity_read(rest, a, &identity, &e))
		in.identity = &identity;
	if (policy_decide(&in, a, &t, &e))
		check_template(&t, &role);
	else
		expect(e.code != ERR_NONE && e.field[0] != '\0' && e.msg[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct slice lines[LINES];
	size_t count = 0;

	while (count < LINES) {
		const uint8_t *end = size == 0 ? NULL : memchr(data, '\n', size);
		size_t len = end == NULL ? size : (size_t)(end - data);

		lines[count++] = slice_of(size == 0 ? (const uint8_t *)"" : data, len);
		len += end != NULL;
		data += len;
		size -= len;
	}
	check_role(&a, lines, slice_of(size == 0 ? (const uint8_t *)"" : data, size));
	return 0;
}
