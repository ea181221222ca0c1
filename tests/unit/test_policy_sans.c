/* Alternative names that are no host names, names from a CSR, and what a role's flags say about all names. */
#include "policy_check.h"

#define ANY "+allow_any_name "

/* clang-format off */
static const struct san_case {
	const char *name, *role;
	const char *cn, *uris, *others, *ips;
	bool exclude_cn;
	const char *code, *field, *says; /* code NULL: allowed */
	const char *dns, *came;          /* DNS names; URIs, or the values of other names */
	const char *warning;
} sans[] = {
	/* URIs */
	{ "no URI is allowed", ANY, "a.b", "http://x", NULL, NULL, false, "san_not_allowed", "uri_sans", "none of the role's 0", NULL, NULL, NULL },
	{ "a URI", ANY "allowed_uri_sans=http://x/*", "a.b", "http://x/y/z", NULL, NULL, false, NULL, NULL, NULL, "a.b", "http://x/y/z", NULL },
	{ "URIs, one twice", ANY "allowed_uri_sans=urn:*", "a.b", "urn:a, urn:b ,urn:a,", NULL, NULL, false, NULL, NULL, NULL, "a.b", "urn:a,urn:b", NULL },
	{ "case counts in URIs", ANY "allowed_uri_sans=urn:a*", "a.b", "urn:A", NULL, NULL, false, "san_not_allowed", "uri_sans", "urn:A", NULL, NULL, NULL },
	{ "one of two", ANY "allowed_uri_sans=urn:a,urn:b", "a.b", "urn:b,urn:c", NULL, NULL, false, "san_not_allowed", "uri_sans", "\"urn:c\" matches none of the role's 2", NULL, NULL, NULL },
	{ "no URI", ANY "allowed_uri_sans=*", "a.b", "nothing", NULL, NULL, false, "invalid_value", "uri_sans", "no scheme", NULL, NULL, NULL },
	{ "a URI with a newline", ANY "allowed_uri_sans=*", "a.b", "urn:a\nb", NULL, NULL, false, "invalid_value", "uri_sans", "character", NULL, NULL, NULL },
	{ "a template without an identity", ANY "allowed_uri_sans={{identity.entity.name}} +allowed_uri_sans_template", "a.b", "urn:x", NULL, NULL, false, "san_not_allowed", "uri_sans", "", NULL, NULL, NULL },
	/* other names */
	{ "no other name is allowed", ANY, "a.b", NULL, "1.2.3;utf8:x", NULL, false, "san_not_allowed", "other_sans", "none of the role's 0", NULL, NULL, NULL },
	{ "an other name", ANY "allowed_other_sans=1.2.3;utf8:x*", "a.b", NULL, "1.2.3;UTF8:xyz", NULL, false, NULL, NULL, NULL, "a.b", "xyz", NULL },
	{ "with UTF-8", ANY "allowed_other_sans=1.2.3;UTF-8:*", "a.b", NULL, "1.2.3;utf-8:f\xc3\xbcr", NULL, false, NULL, NULL, NULL, "a.b", "f\xc3\xbcr", NULL },
	{ "any other name", ANY "allowed_other_sans=*", "a.b", NULL, "1.2.3;utf8:x,1.2.4;utf8:y:z;w,1.2.3;utf8:x", NULL, false, NULL, NULL, NULL, "a.b", "x,y:z;w", NULL },
	{ "another OID", ANY "allowed_other_sans=1.2.3;utf8:*", "a.b", NULL, "1.2.4;utf8:x", NULL, false, "san_not_allowed", "other_sans", "", NULL, NULL, NULL },
	{ "another value", ANY "allowed_other_sans=1.2.3;utf8:a", "a.b", NULL, "1.2.3;utf8:A", NULL, false, "san_not_allowed", "other_sans", "\"A\"", NULL, NULL, NULL },
	{ "a role's OID that there is not", ANY "allowed_other_sans=4.3.2.1;utf8:*", "a.b", NULL, "4.3.2.1;utf8:x", NULL, false, "invalid_value", "other_sans", "no OID", NULL, NULL, NULL },
	{ "no semicolon", ANY "allowed_other_sans=*", "a.b", NULL, "foobar", NULL, false, "invalid_value", "other_sans", "semicolon", NULL, NULL, NULL },
	{ "no colon", ANY "allowed_other_sans=*", "a.b", NULL, "1.2.3;utf8", NULL, false, "invalid_value", "other_sans", "colon", NULL, NULL, NULL },
	{ "another type", ANY "allowed_other_sans=*", "a.b", NULL, "1.2.3;ia5:x", NULL, false, "invalid_value", "other_sans", "type", NULL, NULL, NULL },
	{ "no OID", ANY "allowed_other_sans=*", "a.b", NULL, "x;utf8:x", NULL, false, "invalid_value", "other_sans", "OID", NULL, NULL, NULL },
	{ "an empty value", ANY "allowed_other_sans=*", "a.b", NULL, "1.2.3;utf8:", NULL, false, "invalid_value", "other_sans", "empty", NULL, NULL, NULL },
	{ "a tab in a value", ANY "allowed_other_sans=*", "a.b", NULL, "1.2.3;utf8:a\tb", NULL, false, "invalid_value", "other_sans", "control character", NULL, NULL, NULL },
	/* addresses */
	{ "in a network", ANY "allowed_ip_sans_cidr=10.0.0.0/8,::/0", "a.b", NULL, NULL, "10.1.2.3,2001:db8::1", false, NULL, NULL, NULL, "a.b", "", NULL },
	{ "in no network", ANY "allowed_ip_sans_cidr=10.0.0.0/8,::/0", "a.b", NULL, NULL, "10.1.2.3,11.1.2.3", false, "ip_not_allowed", "ip_sans", "\"11.1.2.3\" is not allowed: it is in none", NULL, NULL, NULL },
	{ "in no network, in disguise", ANY "allowed_ip_sans_cidr=::/0", "a.b", NULL, NULL, "::ffff:11.1.2.3", false, "ip_not_allowed", "ip_sans", "", NULL, NULL, NULL },
	{ "none at all", ANY "-allow_ip_sans allowed_ip_sans_cidr=10.0.0.0/8", "a.b", NULL, NULL, "10.1.2.3", false, "ip_not_allowed", "ip_sans", "allow_ip_sans off", NULL, NULL, NULL },
	/* the common name among them */
	{ "left out", ANY, "a.b", NULL, NULL, NULL, true, NULL, NULL, NULL, "", "", NULL },
	{ "left out and checked", "", "a.b", NULL, NULL, NULL, true, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
	{ "unchecked", "cn_validations=disabled", "a.b", NULL, NULL, NULL, true, NULL, NULL, NULL, "", "", NULL },
	{ "unchecked, whatever it is", "cn_validations=disabled +enforce_hostnames", "x@y@*", NULL, NULL, NULL, true, NULL, NULL, NULL, "", "", NULL },
	{ "unchecked, but among the names", "cn_validations=disabled", "a.b", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
	{ "unchecked and no host", "cn_validations=disabled", "Foo Bar", NULL, NULL, NULL, false, NULL, NULL, NULL, "", "", NULL },
	{ "unchecked, two '@' among the names", "cn_validations=disabled", "x@y@z", NULL, NULL, NULL, false, "invalid_value", "common_name", "'@'", NULL, NULL, NULL },
	{ "unchecked, a newline", "cn_validations=disabled", "a\nb", NULL, NULL, NULL, true, "invalid_value", "common_name", "control character", NULL, NULL, NULL },
	{ "an address only", ANY "cn_validations=email", "a.b", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "no hostname", NULL, NULL, NULL },
	{ "a host only", ANY "cn_validations=hostname", "u@a.b", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "no email", NULL, NULL, NULL },
	{ "an address", ANY "cn_validations=email", "u@a.b", NULL, NULL, NULL, false, NULL, NULL, NULL, "", "", NULL },
	{ "none", "-require_cn", NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, "", "", "names_nobody" },
	{ "none but a URI", "-require_cn allowed_uri_sans=*", NULL, "urn:x", NULL, NULL, false, NULL, NULL, NULL, "", "urn:x", NULL },
	{ "none but a subject", "-require_cn ou=x", NULL, NULL, NULL, NULL, false, NULL, NULL, NULL, "", "", NULL },
	{ "none, and it is needed", ANY, NULL, NULL, NULL, NULL, false, "missing_field", "common_name", "", NULL, NULL, NULL },
	/* wildcards */
	{ "a wildcard", ANY, "*.b.c", NULL, NULL, NULL, false, NULL, NULL, NULL, "*.b.c", "", NULL },
	{ "no wildcard", ANY "-allow_wildcard_certificates", "*.b.c", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "allow_wildcard_certificates off", NULL, NULL, NULL },
	{ "no wildcard of any form", ANY "-allow_wildcard_certificates", "a*c.b.c", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
	{ "no wildcard is no matter", ANY "-allow_wildcard_certificates", "a.b.c", NULL, NULL, NULL, false, NULL, NULL, NULL, "a.b.c", "", NULL },
	/* globs */
	{ "a glob crosses dots", "allowed_domains=a*z.example +allow_glob_domains", "ab.c.dz.example", NULL, NULL, NULL, false, NULL, NULL, NULL, "ab.c.dz.example", "", NULL },
	{ "a glob and case", "allowed_domains=A*.Example +allow_glob_domains", "aB.eXAMPLE", NULL, NULL, NULL, false, NULL, NULL, NULL, "aB.eXAMPLE", "", NULL },
	{ "a glob and a mailbox", "allowed_domains=*@a.example +allow_glob_domains", "u@a.example", NULL, NULL, NULL, false, NULL, NULL, NULL, "", "", NULL },
	{ "a glob of hosts and a mailbox", "allowed_domains=a*.example +allow_glob_domains", "u@a1.example", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
	{ "a glob that is off", "allowed_domains=a*.example +allow_bare_domains +allow_subdomains", "a1.example", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "it would need allow_glob_domains", NULL, NULL, NULL },
	{ "no '*' is no glob", "allowed_domains=a.example +allow_glob_domains", "a.example", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
	{ "modes do not add up", "allowed_domains=foo.*.example +allow_glob_domains +allow_subdomains", "bar.foo.baz.example", NULL, NULL, NULL, false, "name_not_allowed", "common_name", "", NULL, NULL, NULL },
};

static const struct csr_case {
	const char *name, *role;
	const char *dns, *emails, *uris, *alt_names;
	const char *code, *says; /* all on csr */
	const char *came_dns, *came_emails, *warning;
} csrs[] = {
	{ "the CSR's", ANY, "a.b,c.d", "u@e.f", NULL, NULL, NULL, NULL, "x.y,a.b,c.d", "u@e.f", NULL },
	{ "the request's are not looked at", ANY, "a.b", NULL, NULL, "no_host..x", NULL, NULL, "x.y,a.b", "", "request_sans_ignored" },
	{ "they are checked", "allowed_domains=y +allow_subdomains", "a.b", NULL, NULL, NULL, "name_not_allowed", "a.b", NULL, NULL, NULL },
	{ "and addresses", "allowed_domains=y +allow_subdomains", NULL, "u@a.b", NULL, NULL, "name_not_allowed", "u@a.b", NULL, NULL, NULL },
	{ "and URIs", ANY, NULL, NULL, "urn:x", NULL, "san_not_allowed", "urn:x", NULL, NULL, NULL },
	{ "and URIs must be some", ANY "allowed_uri_sans=*", NULL, NULL, "x", NULL, "invalid_value", "no scheme", NULL, NULL, NULL },
	{ "a DNS name that is none", ANY, "a_b.c", NULL, NULL, NULL, "invalid_value", "neither a host name", NULL, NULL, NULL },
	{ "a DNS name that is an address", ANY, "u@a.b", NULL, NULL, NULL, "invalid_value", "no DNS name", NULL, NULL, NULL },
	{ "a DNS name that is not ASCII", ANY, "b\xc3\xbc" "cher.de", NULL, NULL, NULL, "invalid_value", "no DNS name", NULL, NULL, NULL },
	{ "an address that is none", ANY, NULL, "a.b", NULL, NULL, "invalid_value", "no e-mail address", NULL, NULL, NULL },
	{ "an empty name", ANY, "", NULL, NULL, NULL, "invalid_value", "empty", NULL, NULL, NULL },
	{ "a broken A-label", ANY, "xn--0000000000.de", NULL, NULL, NULL, "invalid_value", "IDNA", NULL, NULL, NULL },
	{ "a wildcard", ANY "-allow_wildcard_certificates", "*.b", NULL, NULL, NULL, "name_not_allowed", "wildcard", NULL, NULL, NULL },
};
/* clang-format on */

static const char *
text_of_others(struct arena *a, const struct other_names *others)
{
	const char *text = "";

	for (size_t i = 0; i < others->count; i++)
		text = arena_printf(
		    a, "%s%s%.*s", text, i == 0 ? "" : ",", SLICE_FMT(others->items[i].value));
	return text;
}

static void
check_refused_or(const char *name, bool ok, const char *code, const char *field, const char *says,
    const struct err *e)
{
	if (ok && code != NULL)
		fail_msg("%s: expected %s, and it was allowed", name, code);
	if (!ok && code == NULL)
		fail_msg("%s: expected it to be allowed, came %s on %s: %s", name,
		    err_name(e->code), e->field, e->msg);
	if (!ok)
		check_refusal(name, code, field, says, e);
}

static void
from_the_request(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(sans); i++) {
		const struct san_case *c = &sans[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = slice_text(c->cn),
			.uri_sans = list_of_text(&a, c->uris),
			.other_sans = list_of_text(&a, c->others),
			.ip_sans = list_of_text(&a, c->ips),
			.exclude_cn_from_sans = c->exclude_cn,
			.ttl = SCHEMA_ABSENT };
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = decide_as(
		    c->role, (struct policy_input){ .request = &request }, &a, &t, &e);
		const char *came;

		check_refused_or(c->name, ok, c->code, c->field, c->says, &e);
		if (!ok)
			continue;
		came = t.uris.count > 0 ? text_of(&a, &t.uris) : text_of_others(&a, &t.others);
		if (strcmp(text_of(&a, &t.dns), c->dns) != 0 || strcmp(came, c->came) != 0)
			fail_msg("%s: came %s and %s", c->name, text_of(&a, &t.dns), came);
		check_warnings(c->name, c->warning, &t);
	}
}

static void
from_the_csr(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(csrs); i++) {
		const struct csr_case *c = &csrs[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .alt_names = list_of_text(&a, c->alt_names),
			.ttl = SCHEMA_ABSENT };
		const struct csr csr = { .common_name = SLICE_LITERAL("x.y"),
			.dns = list_of_text(&a, c->dns),
			.emails = list_of_text(&a, c->emails),
			.uris = list_of_text(&a, c->uris),
			.key_type = KEY_RSA,
			.key_bits = 2048 };
		const struct policy_input in = { .request = &request, .csr = &csr };
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = decide_as(
		    arena_printf(&a, "%s +use_csr_sans +use_csr_common_name", c->role), in, &a, &t,
		    &e);

		check_refused_or(c->name, ok, c->code, "csr", c->says, &e);
		if (!ok)
			continue;
		if (strcmp(text_of(&a, &t.dns), c->came_dns) != 0 ||
		    strcmp(text_of(&a, &t.emails), c->came_emails) != 0)
			fail_msg("%s: came %s and %s", c->name, text_of(&a, &t.dns),
			    text_of(&a, &t.emails));
		check_warnings(c->name, c->warning, &t);
	}
}

/* Addresses of a CSR are octets; other names come from both sides. */
static void
csr_addresses_and_others(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 11, [15] = 1 };
	SCOPED_ARENA struct arena a = { 0 };
	struct slice ip = slice_of(mapped, sizeof(mapped));
	struct other_name other = { SLICE_LITERAL("\x2a\x03"), SLICE_LITERAL("from the csr") };
	const struct leaf_params request = { .other_sans = list_of_text(&a, "1.2.3;utf8:from here"),
		.ttl = SCHEMA_ABSENT };
	struct csr csr = { .common_name = SLICE_LITERAL("x.y"),
		.ips = { &ip, 1 },
		.others = { &other, 1 },
		.passed_over = true,
		.key_type = KEY_RSA,
		.key_bits = 2048 };
	const struct policy_input in = { .request = &request, .csr = &csr };
	struct template t;
	struct err e;

	(void)state;
#define ROLE ANY "+use_csr_sans +use_csr_common_name allowed_other_sans=1.2.3;utf8:from* "
	assert_false(decide_as(ROLE "allowed_ip_sans_cidr=10.0.0.0/8", in, &a, &t, &e));
	check_refusal("a network", "ip_not_allowed", "csr",
	    "\"11.0.0.1\" is not allowed: it is in none of", &e);
	assert_false(decide_as(ROLE "-allow_ip_sans", in, &a, &t, &e));
	check_refusal("no address", "ip_not_allowed", "csr", "allow_ip_sans", &e);
	assert_true(decide_as(ROLE "allowed_ip_sans_cidr=11.0.0.0/8", in, &a, &t, &e));
	assert_int_equal(t.ips.count, 1);
	assert_int_equal(t.ips.items[0].len, 4);
	assert_string_equal(text_of_others(&a, &t.others), "from the csr,from here");
	check_warnings("passed over", "csr_names_passed_over", &t);
	assert_false(decide_as(ANY "+use_csr_sans +use_csr_common_name", in, &a, &t, &e));
	check_refusal("no other name", "san_not_allowed", "csr", "", &e);
	/* not taken from the CSR: not looked at */
	assert_true(decide_as(
	    ANY "+use_csr_common_name -allow_ip_sans allowed_other_sans=*", in, &a, &t, &e));
	assert_string_equal(text_of_others(&a, &t.others), "from here");
	assert_int_equal(t.ips.count, 0);
	check_warnings("ignored", "csr_sans_ignored", &t);
	ip.len = 5;
	assert_false(decide_as(ROLE, in, &a, &t, &e));
	check_refusal("five octets", "invalid_value", "csr", "5 octets", &e);
}

/* A CSR has no table that would limit its names. */
static void
too_many(void **state)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct slice *items = arena_array(&a, 10000, sizeof(*items));
	const struct leaf_params request = { .ttl = SCHEMA_ABSENT };
	struct csr csr = { .common_name = SLICE_LITERAL("x.y"),
		.dns = { items, 1024 },
		.key_type = KEY_RSA,
		.key_bits = 2048 };
	const struct policy_input in = { .request = &request, .csr = &csr };
	struct template t;
	struct err e;

	(void)state;
	for (int i = 0; i < 10000; i++)
		items[i] = slice_text(arena_printf(&a, "n%d.example.com", i));
	assert_true(decide_as(ANY "+use_csr_sans +use_csr_common_name", in, &a, &t, &e));
	assert_int_equal(t.dns.count, 1025);
	csr.dns.count = 10000;
	assert_false(decide_as(ANY "+use_csr_sans +use_csr_common_name", in, &a, &t, &e));
	check_refusal("10,000 names", "out_of_range", "csr", "10000 alternative names", &e);
}

/* {{identity...}} of a role, filled in by who asks. */
static void
templates(void **state)
{
	static const struct {
		const char *role, *cn;
		bool allowed;
	} cases[] = {
		{ "allowed_domains={{identity.entity.name}} +allow_bare_domains", "host.example",
		    true },
		{ "allowed_domains={{identity.entity.name}} +allow_bare_domains", "other.example",
		    false },
		{ "allowed_domains={{identity.entity.name}} +allow_subdomains", "a.HOST.example",
		    true },
		{ "allowed_domains=a.b,{{identity.entity.name}} +allow_bare_domains", "a.b", true },
		{ "allowed_domains=*.{{identity.entity.name}} +allow_glob_domains",
		    "x.y.host.example", true },
		{ "allowed_domains={{identity.entity.id}} +allow_bare_domains", "host.example",
		    false },
		{ "allowed_domains={{identity.entity.id}} +allow_glob_domains", "x.evil", false },
		{ "allowed_domains={{identity.entity.id}} +allow_glob_domains +allow_globs_in_identity_templates",
		    "x.evil", true },
		{ "allowed_domains={{identity.entity.metadata.x}} +allow_glob_domains +allow_bare_domains",
		    "host.example", false },
	};
	const struct identity_body identity = { .entity_id = SLICE_LITERAL("*.evil"),
		.name = SLICE_LITERAL("host.example") };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = slice_text(cases[i].cn),
			.ttl = SCHEMA_ABSENT };
		const struct policy_input in = { .request = &request, .identity = &identity };
		const char *role = arena_printf(&a, "%s +allowed_domains_template", cases[i].role);
		struct template t;
		struct err e;

		if (decide_as(role, in, &a, &t, &e) != cases[i].allowed)
			fail_msg("%s under %s", cases[i].cn, role);
		/* the text itself, where the role does not say that it is a template */
		if (cases[i].allowed && strcmp(cases[i].cn, "a.b") != 0)
			assert_false(decide_as(cases[i].role, in, &a, &t, &e));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(from_the_request),
		cmocka_unit_test(from_the_csr),
		cmocka_unit_test(csr_addresses_and_others),
		cmocka_unit_test(too_many),
		cmocka_unit_test(templates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
