#include "policy_check.h"

#define SUB "allowed_domains=example.com +allow_subdomains "

/* clang-format off */
#define DEFAULT_RSA (USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT)
#define DEFAULT_EC (USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT)
static const struct key_case {
	const char *name;
	const char *role;
	enum key_type csr_type;
	int64_t csr_bits; /* -1: issue, without a CSR */
	const char *code, *says;
	enum key_type type;
	int64_t bits;
	unsigned usage;
	const char *asked_type; /* by the request */
	int64_t asked_bits;
	const char *warning;
} keys[] = {
	{ "issue rsa", "", 0, -1, NULL, NULL, KEY_RSA, 2048, DEFAULT_RSA, NULL, 0, NULL },
	{ "issue rsa 4096", "key_bits=4096", 0, -1, NULL, NULL, KEY_RSA, 4096, DEFAULT_RSA, NULL, 0, NULL },
	{ "issue ec", "key_type=ec", 0, -1, NULL, NULL, KEY_EC, 256, DEFAULT_EC, NULL, 0, NULL },
	{ "issue ec 521", "key_type=ec key_bits=521", 0, -1, NULL, NULL, KEY_EC, 521, DEFAULT_EC, NULL, 0, NULL },
	{ "issue ed25519", "key_type=ed25519", 0, -1, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, NULL, 0, NULL },
	{ "issue, the role is from tomorrow", "key_type=mldsa", 0, -1, "role_invalid", "mldsa", 0, 0, 0, NULL, 0, NULL },
	{ "sign rsa", "", KEY_RSA, 2048, NULL, NULL, KEY_RSA, 2048, DEFAULT_RSA, NULL, 0, NULL },
	{ "sign a longer rsa", "", KEY_RSA, 3072, NULL, NULL, KEY_RSA, 3072, DEFAULT_RSA, NULL, 0, NULL },
	{ "sign an odd rsa", "", KEY_RSA, 2056, NULL, NULL, KEY_RSA, 2056, DEFAULT_RSA, NULL, 0, NULL },
	{ "sign a shorter rsa", "key_bits=4096", KEY_RSA, 3072, "key_not_allowed", "at least 4096 bits, the CSR's has 3072", 0, 0, 0, NULL, 0, NULL },
	{ "sign rsa 1024", "", KEY_RSA, 1024, "key_not_allowed", "at least 2048", 0, 0, 0, NULL, 0, NULL },
	{ "sign ec for rsa", "", KEY_EC, 256, "key_not_allowed", "type rsa, the CSR has one of type ec", 0, 0, 0, NULL, 0, NULL },
	{ "sign ed25519 for rsa", "", KEY_ED25519, 0, "key_not_allowed", "ed25519", 0, 0, 0, NULL, 0, NULL },
	{ "sign ec", "key_type=ec", KEY_EC, 256, NULL, NULL, KEY_EC, 256, DEFAULT_EC, NULL, 0, NULL },
	{ "sign a longer ec", "key_type=ec", KEY_EC, 384, NULL, NULL, KEY_EC, 384, DEFAULT_EC, NULL, 0, NULL },
	{ "sign a shorter ec", "key_type=ec", KEY_EC, 224, "key_not_allowed", "at least 256", 0, 0, 0, NULL, 0, NULL },
	{ "sign ec 224 where it is taken", "key_type=ec key_bits=224", KEY_EC, 224, NULL, NULL, KEY_EC, 224, DEFAULT_EC, NULL, 0, NULL },
	{ "sign rsa for ec", "key_type=ec", KEY_RSA, 2048, "key_not_allowed", "type ec", 0, 0, 0, NULL, 0, NULL },
	{ "sign ed25519", "key_type=ed25519", KEY_ED25519, 0, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, NULL, 0, NULL },
	{ "sign ec for ed25519", "key_type=ed25519", KEY_EC, 256, "key_not_allowed", "type ed25519", 0, 0, 0, NULL, 0, NULL },
	{ "sign rsa for any", "key_type=any", KEY_RSA, 2048, NULL, NULL, KEY_RSA, 2048, DEFAULT_RSA, NULL, 0, NULL },
	{ "sign ec 224 for any", "key_type=any", KEY_EC, 224, NULL, NULL, KEY_EC, 224, DEFAULT_EC, NULL, 0, NULL },
	{ "sign ed25519 for any", "key_type=any", KEY_ED25519, 0, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, NULL, 0, NULL },
	{ "sign rsa 1024 for any", "key_type=any", KEY_RSA, 1024, "key_not_allowed", "at least 2048", 0, 0, 0, NULL, 0, NULL },
	{ "any means any size", "key_type=any key_bits=4096", KEY_RSA, 2048, NULL, NULL, KEY_RSA, 2048, DEFAULT_RSA, NULL, 0, NULL },
	{ "sign ed25519, whatever the bits", "key_type=ed25519 key_bits=256", KEY_ED25519, 0, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, NULL, 0, NULL },
	{ "issue ed25519, whatever the bits", "key_type=ed25519 key_bits=256", 0, -1, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, NULL, 0, NULL },
	{ "issue any", "key_type=any", 0, -1, "missing_field", "which key", 0, 0, 0, NULL, 0, NULL },
	{ "issue any, ec", "key_type=any", 0, -1, NULL, NULL, KEY_EC, 256, DEFAULT_EC, "ec", 0, NULL },
	{ "issue any, ec 384", "key_type=any", 0, -1, NULL, NULL, KEY_EC, 384, DEFAULT_EC, "ec", 384, NULL },
	{ "issue any, rsa", "key_type=any", 0, -1, NULL, NULL, KEY_RSA, 2048, DEFAULT_RSA, "rsa", 0, NULL },
	{ "issue any, ed25519", "key_type=any", 0, -1, NULL, NULL, KEY_ED25519, 0, USAGE_DIGITAL_SIGNATURE, "ed25519", 0, NULL },
	{ "issue any, rsa 1", "key_type=any", 0, -1, "key_not_allowed", "no rsa keys of 1 bits", 0, 0, 0, "rsa", 1, NULL },
	{ "issue any, dsa", "key_type=any", 0, -1, "key_not_allowed", "\"dsa\" is none", 0, 0, 0, "dsa", 0, NULL },
	{ "issue any, any", "key_type=any", 0, -1, "key_not_allowed", "none of rsa, ec and ed25519", 0, 0, 0, "any", 0, NULL },
	{ "the role has chosen", "key_type=ec", 0, -1, NULL, NULL, KEY_EC, 256, DEFAULT_EC, "rsa", 4096, "key_choice_ignored" },
};
/* clang-format on */

static void
key(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(keys); i++) {
		const struct key_case *c = &keys[i];
		SCOPED_ARENA struct arena a = { 0 };
		struct leaf_params request = { .common_name = SLICE_LITERAL("localhost"),
			.ttl = SCHEMA_ABSENT,
			.key_type = slice_text(c->asked_type),
			.key_bits = c->asked_bits };
		const struct csr csr = { .key_type = c->csr_type, .key_bits = c->csr_bits };
		const struct policy_input in = { .request = &request,
			.csr = c->csr_bits < 0 ? NULL : &csr };
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = decide_as(c->role, in, &a, &t, &e);

		if (ok != (c->code == NULL))
			fail_msg("%s: %s", c->name, ok ? "was allowed" : e.msg);
		if (!ok) {
			check_refusal(c->name, c->code,
			    c->csr_bits >= 0         ? "csr"
				: c->asked_bits != 0 ? "key_bits"
						     : "key_type",
			    c->says, &e);
			continue;
		}
		if (t.key_type != c->type || t.key_bits != c->bits || t.key_usage != c->usage)
			fail_msg("%s: came type %d, %lld bits, usage %#x", c->name, t.key_type,
			    (long long)t.key_bits, t.key_usage);
		assert_true(has_warning(&t, "key_usage_not_for_key_type"));
		check_warnings(c->name, c->warning, &t);
	}
}

static void
extended_key_usage(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits < 16; bits++) {
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = SLICE_LITERAL("localhost"),
			.ttl = SCHEMA_ABSENT };
		const char *role = arena_printf(&a,
		    "%cserver_flag %cclient_flag %ccode_signing_flag %cemail_protection_flag",
		    bits & 1 ? '+' : '-', bits & 2 ? '+' : '-', bits & 4 ? '+' : '-',
		    bits & 8 ? '+' : '-');
		struct template t = { 0 };
		struct err e = { 0 };

		assert_true(
		    decide_as(role, (struct policy_input){ .request = &request }, &a, &t, &e));
		assert_int_equal(
		    t.ext_key_usage, bits); /* the flags are the first four bits, in their order */
	}
}

/* clang-format off */
static const struct csr_case {
	const char *name;
	const char *role;
	const char *csr_cn, *cn;
	bool asks_for_ca, sans;
	const char *code, *field, *says;
	const char *came; /* common name */
	const char *warning;
} csrs[] = {
	{ "the request's common name", SUB, "csr.example.com", "api.example.com", false, false, NULL, NULL, NULL, "api.example.com", NULL },
	{ "the CSR's", SUB "+use_csr_common_name", "csr.example.com", "api.example.com", false, false, NULL, NULL, NULL, "csr.example.com", "common_name_ignored" },
	{ "both have the same", SUB "+use_csr_common_name", "csr.example.com", "csr.example.com", false, false, NULL, NULL, NULL, "csr.example.com", NULL },
	{ "the CSR has none", SUB "+use_csr_common_name", NULL, "api.example.com", false, false, NULL, NULL, NULL, "api.example.com", NULL },
	{ "the CSR's is empty", SUB "+use_csr_common_name", "", "api.example.com", false, false, NULL, NULL, NULL, "api.example.com", NULL },
	{ "the request has none", SUB "+use_csr_common_name", "csr.example.com", NULL, false, false, NULL, NULL, NULL, "csr.example.com", NULL },
	{ "nobody has one", SUB "+use_csr_common_name", NULL, NULL, false, false, "missing_field", "common_name", "required", NULL, NULL },
	{ "only the CSR has one, and it is not taken", SUB, "csr.example.com", NULL, false, false, "missing_field", "common_name", "use_csr_common_name off", NULL, NULL },
	{ "the CSR's is refused", SUB "+use_csr_common_name", "csr.evil.org", "api.example.com", false, false, "name_not_allowed", "csr", "no sub-domain", NULL, NULL },
	{ "the CSR's does not matter", SUB, "csr.evil.org", "api.example.com", false, false, NULL, NULL, NULL, "api.example.com", NULL },
	{ "it asks for a CA", SUB, NULL, "api.example.com", true, false, NULL, NULL, NULL, "api.example.com", "basic_constraints_ignored" },
	{ "it has SANs", SUB, NULL, "api.example.com", false, true, NULL, NULL, NULL, "api.example.com", "csr_sans_ignored" },
};
/* clang-format on */

static void
csr_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(csrs); i++) {
		const struct csr_case *c = &csrs[i];
		SCOPED_ARENA struct arena a = { 0 };
		struct slice evil = SLICE_LITERAL("evil.org");
		const struct leaf_params request = { .common_name = slice_text(c->cn),
			.ttl = SCHEMA_ABSENT };
		const struct csr csr = { .common_name = slice_text(c->csr_cn),
			.dns = { &evil, c->sans ? 1 : 0 },
			.asks_for_ca = c->asks_for_ca,
			.key_type = KEY_RSA,
			.key_bits = 2048 };
		const struct policy_input in = { .request = &request, .csr = &csr };
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = decide_as(c->role, in, &a, &t, &e);

		if (ok != (c->code == NULL))
			fail_msg("%s: %s", c->name, ok ? "was allowed" : e.msg);
		if (!ok) {
			check_refusal(c->name, c->code, c->field, c->says, &e);
			continue;
		}
		if (!slice_is(t.common_name, c->came) || strcmp(text_of(&a, &t.dns), c->came) != 0)
			fail_msg("%s: expected %s, came %.*s with SANs %s", c->name, c->came,
			    SLICE_FMT(t.common_name), text_of(&a, &t.dns));
		assert_false(t.is_ca);
		check_warnings(c->name, c->warning, &t);
	}
}

/* The numbers are validity's; here: that they arrive, and the warnings. */
static void
validity(void **state)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct leaf_params request = { .common_name = SLICE_LITERAL("localhost"), .ttl = 20000 };
	struct policy_input in = { .request = &request,
		.mount_default_ttl = 7200,
		.mount_max_ttl = 10800,
		.issuer_not_before = NOW - 10,
		.issuer_not_after = NOW + 5000 };
	struct template t;
	struct err e;

	(void)state;
	assert_true(decide_as("max_ttl=3600", in, &a, &t, &e));
	assert_int_equal(t.not_before, NOW - 10);
	assert_int_equal(t.not_after, NOW + 3600);
	check_warnings("capped", "ttl_capped_to_max_ttl", &t);
	assert_false(decide_as("", in, &a, &t, &e));
	check_refusal("outlives", "ttl_not_allowed", "ttl", "at most 5000", &e);
	request.ttl = 6000;
	in.outlive = OUTLIVE_TRUNCATE;
	assert_true(decide_as("", in, &a, &t, &e));
	assert_int_equal(t.not_after, NOW + 5000);
	check_warnings("truncated", "ttl_truncated_to_issuer", &t);
	request.ttl = -1;
	assert_false(decide_as("", in, &a, &t, &e));
	check_refusal("negative", "ttl_not_allowed", "ttl", "negative", &e);
}

/* clang-format off */
static const struct ca_case {
	const char *name;
	const char *cn, *alt, *ips;
	int64_t ttl;
	const char *key_type; /* NULL: absent */
	int64_t key_bits, path_length;
	const char *code, *field;
	enum key_type type;
	int64_t bits, lasts;
	const char *dns, *warning;
} cas[] = {
	{ "a root", "My Root", NULL, NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, NULL, NULL, KEY_RSA, 2048, DAY, NULL, NULL },
	{ "named by a host", "ca.example.com", NULL, NULL, SCHEMA_ABSENT, "rsa", 4096, 0, NULL, NULL, KEY_RSA, 4096, DAY, "ca.example.com", NULL },
	{ "with SANs", "My Root", "a.example.com,u@example.com", "10.1.2.3", SCHEMA_ABSENT, "ec", SCHEMA_ABSENT, 3, NULL, NULL, KEY_EC, 256, DAY, "a.example.com", NULL },
	{ "ec, 0 bits", "My Root", NULL, NULL, SCHEMA_ABSENT, "ec", 0, -1, NULL, NULL, KEY_EC, 256, DAY, NULL, NULL },
	{ "ec 384", "My Root", NULL, NULL, SCHEMA_ABSENT, "ec", 384, SCHEMA_ABSENT, NULL, NULL, KEY_EC, 384, DAY, NULL, NULL },
	{ "ed25519", "My Root", NULL, NULL, SCHEMA_ABSENT, "ed25519", SCHEMA_ABSENT, -1, NULL, NULL, KEY_ED25519, 0, DAY, NULL, NULL },
	{ "ttl", "My Root", NULL, NULL, 60, NULL, SCHEMA_ABSENT, -1, NULL, NULL, KEY_RSA, 2048, 60, NULL, NULL },
	{ "ttl over the mount's", "My Root", NULL, NULL, 20 * DAY, NULL, SCHEMA_ABSENT, -1, NULL, NULL, KEY_RSA, 2048, 10 * DAY, NULL, "ttl_capped_to_max_ttl" },
	{ "ttl negative", "My Root", NULL, NULL, -5, NULL, SCHEMA_ABSENT, -1, "ttl_not_allowed", "ttl", 0, 0, 0, NULL, NULL },
	{ "no common name", NULL, "a.example.com", NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, "missing_field", "common_name", 0, 0, 0, NULL, NULL },
	{ "a bad common name", "a..b", NULL, NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, "invalid_value", "common_name", 0, 0, 0, NULL, NULL },
	{ "a newline", "My\nRoot", NULL, NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, "invalid_value", "common_name", 0, 0, 0, NULL, NULL },
	{ "a bad name", "My Root", "a_b.example.com", NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, "invalid_value", "alt_names", 0, 0, 0, NULL, NULL },
	{ "a bad address", "My Root", NULL, "10.1", SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -1, "invalid_value", "ip_sans", 0, 0, 0, NULL, NULL },
	{ "a bad type", "My Root", NULL, NULL, SCHEMA_ABSENT, "dsa", SCHEMA_ABSENT, -1, "key_not_allowed", "key_type", 0, 0, 0, NULL, NULL },
	{ "bad bits", "My Root", NULL, NULL, SCHEMA_ABSENT, "ec", 2048, -1, "key_not_allowed", "key_bits", 0, 0, 0, NULL, NULL },
	{ "weak", "My Root", NULL, NULL, SCHEMA_ABSENT, "rsa", 1024, -1, "key_not_allowed", "key_bits", 0, 0, 0, NULL, NULL },
	{ "path length under -1", "My Root", NULL, NULL, SCHEMA_ABSENT, NULL, SCHEMA_ABSENT, -2, "invalid_value", "max_path_length", 0, 0, 0, NULL, NULL },
};
/* clang-format on */

static void
ca(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cas); i++) {
		const struct ca_case *c = &cas[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct ca_params request = { .common_name = slice_text(c->cn),
			.alt_names = list_of_text(&a, c->alt),
			.ip_sans = list_of_text(&a, c->ips),
			.ttl = c->ttl,
			.key_type = slice_text(c->key_type),
			.key_bits = c->key_bits,
			.max_path_length = c->path_length };
		const struct policy_ca_input in = { .request = &request,
			.mount_default_ttl = DAY,
			.mount_max_ttl = 10 * DAY,
			.now = NOW };
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = policy_decide_ca(&in, &a, &t, &e);

		if (ok != (c->code == NULL))
			fail_msg("%s: %s", c->name, ok ? "was allowed" : e.msg);
		if (!ok) {
			check_refusal(c->name, c->code, c->field, "", &e);
			continue;
		}
		assert_true(t.is_ca);
		assert_int_equal(t.key_usage, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
		assert_int_equal(t.ext_key_usage, 0);
		assert_int_equal(t.not_before, NOW - 30);
		if (t.key_type != c->type || t.key_bits != c->bits ||
		    t.not_after - NOW != c->lasts ||
		    strcmp(text_of(&a, &t.dns), c->dns == NULL ? "" : c->dns) != 0)
			fail_msg("%s: came type %d, %lld bits, %lld seconds, SANs \"%s\"", c->name,
			    t.key_type, (long long)t.key_bits, (long long)(t.not_after - NOW),
			    text_of(&a, &t.dns));
		if (t.max_path_length != (c->path_length == SCHEMA_ABSENT ? -1 : c->path_length))
			fail_msg(
			    "%s: came path length %lld", c->name, (long long)t.max_path_length);
		assert_int_equal(t.ips.count, c->ips == NULL ? 0 : 1);
		check_warnings(c->name, c->warning, &t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key),
		cmocka_unit_test(extended_key_usage),
		cmocka_unit_test(csr_values),
		cmocka_unit_test(validity),
		cmocka_unit_test(ca),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
