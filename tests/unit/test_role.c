#include "policy.h"
#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

/* clang-format off */
static const struct {
	const char *name;
	const char *key_type;
	int64_t bits, ttl, max_ttl;
	const char *domain; /* NULL: none */
	int64_t stored_bits;
	const char *field, *says; /* field NULL: taken */
} cases[] = {
	{ "rsa, default", "rsa", 0, 0, 0, NULL, 2048, NULL, NULL },
	{ "rsa 3072", "rsa", 3072, 0, 0, NULL, 3072, NULL, NULL },
	{ "rsa 4096", "rsa", 4096, 0, 0, NULL, 4096, NULL, NULL },
	{ "rsa 8192", "rsa", 8192, 0, 0, NULL, 8192, NULL, NULL },
	{ "ec, default", "ec", 0, 0, 0, NULL, 256, NULL, NULL },
	{ "ec 224", "ec", 224, 0, 0, NULL, 224, NULL, NULL },
	{ "ec 384", "ec", 384, 0, 0, NULL, 384, NULL, NULL },
	{ "ec 521", "ec", 521, 0, 0, NULL, 521, NULL, NULL },
	{ "ed25519", "ed25519", 0, 0, 0, NULL, 0, NULL, NULL },
	{ "ed25519, bits mean nothing", "ed25519", 2048, 0, 0, NULL, 2048, NULL, NULL },
	{ "any, bits mean nothing", "any", 7, 0, 0, NULL, 7, NULL, NULL },
	{ "rsa 1024", "rsa", 1024, 0, 0, NULL, 0, "key_bits", "no rsa keys of 1024 bits" },
	{ "rsa 2560", "rsa", 2560, 0, 0, NULL, 0, "key_bits", "2560" },
	{ "rsa 1", "rsa", 1, 0, 0, NULL, 0, "key_bits", "" },
	{ "rsa, negative", "rsa", -2048, 0, 0, NULL, 0, "key_bits", "" },
	{ "rsa with ec's bits", "rsa", 256, 0, 0, NULL, 0, "key_bits", "" },
	{ "ec 512", "ec", 512, 0, 0, NULL, 0, "key_bits", "no ec keys of 512 bits" },
	{ "ec 192", "ec", 192, 0, 0, NULL, 0, "key_bits", "" },
	{ "ec with rsa's bits", "ec", 2048, 0, 0, NULL, 0, "key_bits", "" },
	{ "dsa", "dsa", 0, 0, 0, NULL, 0, "key_type", "\"dsa\" is none of" },
	{ "ed448", "ed448", 0, 0, 0, NULL, 0, "key_type", "" },
	{ "type in capitals", "RSA", 0, 0, 0, NULL, 0, "key_type", "" },
	{ "empty type", "", 0, 0, 0, NULL, 0, "key_type", "" },
	{ "ttl under max_ttl", "ec", 0, 5, 10, NULL, 256, NULL, NULL },
	{ "ttl is max_ttl", "ec", 0, 10, 10, NULL, 256, NULL, NULL },
	{ "ttl without max_ttl", "ec", 0, 5, 0, NULL, 256, NULL, NULL },
	{ "max_ttl without ttl", "ec", 0, 0, 5, NULL, 256, NULL, NULL },
	{ "ttl over max_ttl", "ec", 0, 10, 5, NULL, 0, "ttl", "over max_ttl 5" },
	{ "ttl negative", "ec", 0, -1, 5, NULL, 0, "ttl", "negative" },
	{ "max_ttl negative", "ec", 0, 0, -5, NULL, 0, "max_ttl", "negative" },
	{ "ttl over a century", "ec", 0, TIMESPAN_MAX + 1, 0, NULL, 0, "ttl", "100 years" },
	{ "max_ttl over a century", "ec", 0, 0, INT64_MAX, NULL, 0, "max_ttl", "100 years" },
	{ "domain", "ec", 0, 0, 0, "example.com", 256, NULL, NULL },
	{ "domain of one label", "ec", 0, 0, 0, "foo", 256, NULL, NULL },
	{ "domain with a dot behind", "ec", 0, 0, 0, "example.com.", 256, NULL, NULL },
	{ "domain with '_'", "ec", 0, 0, 0, "_tcp.example.com", 256, NULL, NULL },
	{ "IDN domain", "ec", 0, 0, 0, "b\xc3\xbc" "cher.de", 256, NULL, NULL },
	{ "glob", "ec", 0, 0, 0, "ftp*.example.com", 256, NULL, NULL },
	{ "two globs", "ec", 0, 0, 0, "*.*.foo", 256, NULL, NULL },
	{ "address", "ec", 0, 0, 0, "alice@example.com", 256, NULL, NULL },
	{ "empty domain", "ec", 0, 0, 0, "", 256, NULL, NULL },
	{ "a dot", "ec", 0, 0, 0, ".", 0, "allowed_domains", "begins with a dot" },
	{ "only dots", "ec", 0, 0, 0, "...", 0, "allowed_domains", "begins with a dot" },
	{ "dot in front", "ec", 0, 0, 0, ".example.com", 0, "allowed_domains", "write the domain alone" },
	{ "empty label", "ec", 0, 0, 0, "a..example.com", 0, "allowed_domains", "empty label" },
	{ "two dots behind", "ec", 0, 0, 0, "example.com..", 0, "allowed_domains", "empty label" },
	{ "newline", "ec", 0, 0, 0, "example.com\n", 0, "allowed_domains", "control character" },
	{ "space", "ec", 0, 0, 0, "example com", 0, "allowed_domains", "space" },
	{ "two '@'", "ec", 0, 0, 0, "a@b@c", 0, "allowed_domains", "'@'" },
	{ "'@' without a host", "ec", 0, 0, 0, "a@", 0, "allowed_domains", "'@'" },
	{ "address with a dot before the host", "ec", 0, 0, 0, "a@.b", 0, "allowed_domains", "begins with a dot" },
	{ "label too long", "ec", 0, 0, 0, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.de", 0, "allowed_domains", "64 octets" },
	{ "broken UTF-8", "ec", 0, 0, 0, "b\xff.de", 0, "allowed_domains", "IDNA" },
	{ "broken A-label", "ec", 0, 0, 0, "xn--0000000000.de", 0, "allowed_domains", "IDNA" },
};

static const struct {
	const char *name;
	bool valid;
} object_names[] = {
	{ "pki", true }, { "example-dot-com", true }, { "a.b_c-d", true }, { "A1", true }, { "_", true }, { "a", true }, { "1", true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", true },
	{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
	{ "", false }, { "-a", false }, { "a-", false }, { ".a", false }, { "a.", false }, { ".", false }, { "a/b", false }, { "a:b", false },
	{ "a b", false }, { "a\n", false }, { "a*", false }, { "b\xc3\xbc", false }, { "a{b}", false },
};
/* clang-format on */

static void
check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice domains[2] = { SLICE_LITERAL("first.org"),
			slice_text(cases[i].domain) };
		SCOPED_ARENA struct arena a = { 0 };
		struct role role;
		struct err e = { 0 };
		bool ok;

		role_defaults(&role);
		role.key_type = slice_text(cases[i].key_type);
		role.key_bits = cases[i].bits;
		role.ttl = cases[i].ttl;
		role.max_ttl = cases[i].max_ttl;
		if (cases[i].domain != NULL)
			role.allowed_domains = (struct slice_list){ domains, 2 };
		ok = role_check(&role, &a, &e);
		if (ok != (cases[i].field == NULL))
			fail_msg("%s: expected it to be %s, got: %s", cases[i].name,
			    ok ? "refused" : "taken", ok ? "taken" : e.msg);
		if (ok && role.key_bits != cases[i].stored_bits)
			fail_msg("%s: expected key_bits %lld, got %lld", cases[i].name,
			    (long long)cases[i].stored_bits, (long long)role.key_bits);
		if (!ok &&
		    (e.code != ERR_ROLE_INVALID || strcmp(e.field, cases[i].field) != 0 ||
			strstr(e.msg, cases[i].says) == NULL))
			fail_msg("%s: expected \"%s\" on %s, got %s on %s: %s", cases[i].name,
			    cases[i].says, cases[i].field, err_name(e.code), e.field, e.msg);
	}
}

static void
names_of_objects(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(object_names) / sizeof(object_names[0]); i++)
		if (name_of_object_valid(slice_text(object_names[i].name)) != object_names[i].valid)
			fail_msg(
			    "\"%s\": expected %d", object_names[i].name, object_names[i].valid);
	assert_false(name_of_object_valid(slice_of("a\0b", 3)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check),
		cmocka_unit_test(names_of_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
