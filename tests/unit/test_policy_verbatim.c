/* sign-verbatim: what a CSR asks for, and what it never gets. */
#include "policy_check.h"

/* whole Extensions */
#define KEY_USAGE SLICE_INIT("\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x05\xa0")
#define SKI       SLICE_INIT("\x30\x0d\x06\x03\x55\x1d\x0e\x04\x06\x04\x04\x01\x02\x03\x04")
#define AKI       SLICE_INIT("\x30\x0b\x06\x03\x55\x1d\x23\x04\x04\x30\x02\x80\x00")
#define CDP       SLICE_INIT("\x30\x09\x06\x03\x55\x1d\x1f\x04\x02\x30\x00")
#define FRESHEST  SLICE_INIT("\x30\x09\x06\x03\x55\x1d\x2e\x04\x02\x30\x00")
#define AIA       SLICE_INIT("\x30\x0e\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x01\x04\x02\x30\x00")
#define BASIC     SLICE_INIT("\x30\x0c\x06\x03\x55\x1d\x13\x04\x05\x30\x03\x01\x01\xff")
#define OWN       SLICE_INIT("\x30\x08\x06\x02\x2a\x03\x04\x02\x05\x00")

static const struct role_rules *
rules_of(const char *text, struct arena *a)
{
	struct role *role = arena_alloc(a, sizeof(*role));
	struct role_rules *rules = arena_alloc(a, sizeof(*rules));
	struct err e;

	role_of_text(a, text, role);
	assert_true(role_rules_make(role, a, rules, &e));
	return rules;
}

static struct policy_input
input(const struct leaf_params *request, const struct csr *csr)
{
	return (struct policy_input){ .request = request,
		.csr = csr,
		.mount_default_ttl = DAY,
		.mount_max_ttl = 2 * DAY,
		.issuer_not_after = NOW + 365 * DAY,
		.now = NOW };
}

static void
copies(void **state)
{
	SCOPED_ARENA struct arena a = { 0 };
	struct slice extensions[] = { KEY_USAGE, SKI, AKI, CDP, FRESHEST, AIA, BASIC, OWN };
	struct slice dns = SLICE_LITERAL("*.*.what ever");
	const struct csr csr = { .subject = SLICE_LITERAL("\x30\x00"),
		.common_name = SLICE_LITERAL("any\nthing"),
		.dns = { &dns, 1 },
		.extensions = { extensions, COUNT(extensions) },
		.key_usage = USAGE_DIGITAL_SIGNATURE,
		.asks_for_ca = true,
		.key_type = KEY_EC,
		.key_bits = 384 };
	const struct leaf_params request = { .common_name = SLICE_LITERAL("other"),
		.ttl = SCHEMA_ABSENT };
	const struct policy_input in = input(&request, &csr);
	struct template t;
	struct err e;

	(void)state;
	assert_true(policy_decide_verbatim(&in, &a, &t, &e));
	assert_true(slice_eq(t.subject, csr.subject));
	assert_false(t.is_ca || t.basic_constraints);
	assert_int_equal(t.extensions.count, 2);
	assert_true(slice_eq(t.extensions.items[0], extensions[0]));
	assert_true(slice_eq(t.extensions.items[1], extensions[7]));
	assert_int_equal(t.key_usage, USAGE_DIGITAL_SIGNATURE);
	assert_int_equal(t.key_type, KEY_EC);
	assert_int_equal(t.key_bits, 384);
	assert_string_equal(text_of(&a, &t.dns), "*.*.what ever");
	assert_true(has_warning(&t, "csr_extensions_ignored"));
	assert_true(has_warning(&t, "basic_constraints_ignored"));
	assert_true(has_warning(&t, "common_name_ignored"));
	assert_int_equal(t.warning_count, 3);
}

/* clang-format off */
static const struct {
	const char *name;
	const char *usages, *purposes, *oids; /* of the request; NULL: absent */
	bool csr_usage, csr_purposes;
	const char *code, *field;
	unsigned usage, ext;
	size_t oid_count;
	const char *warning;
	bool cut;
} usages[] = {
	{ "the default", NULL, NULL, NULL, false, false, NULL, NULL, USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, 0, 0, NULL, true },
	{ "asked for", "CRLSign", "ServerAuth", "1.2.3", false, false, NULL, NULL, USAGE_CRL_SIGN, PURPOSE_SERVER_AUTH, 1, NULL, false },
	{ "none", "", "", "", false, false, NULL, NULL, 0, 0, 0, NULL, false },
	{ "the CSR's go first", "CRLSign", "ServerAuth", "1.2.3", true, true, NULL, NULL, USAGE_KEY_CERT_SIGN, 0, 0, "cert_sign_without_ca", false },
	{ "the CSR's usages alone", NULL, "ServerAuth", NULL, true, false, NULL, NULL, USAGE_KEY_CERT_SIGN, PURPOSE_SERVER_AUTH, 0, "cert_sign_without_ca", false },
	{ "not for RSA", "KeyAgreement", NULL, NULL, false, false, NULL, NULL, USAGE_KEY_AGREEMENT, 0, 0, "key_usage_unusual", false },
	{ "no usage", "Sing", NULL, NULL, false, false, "invalid_value", "key_usage", 0, 0, 0, NULL, false },
	{ "no purpose", NULL, "Server", NULL, false, false, "invalid_value", "ext_key_usage", 0, 0, 0, NULL, false },
	{ "no OID", NULL, NULL, "4.3.2.1", false, false, "invalid_value", "ext_key_usage_oids", 0, 0, 0, NULL, false },
};
/* clang-format on */

static struct slice_list
given(struct arena *a, const char *text)
{
	struct slice_list list = list_of_text(a, text);

	if (text != NULL && *text == '\0')
		list.count = 0;
	return list;
}

static void
usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usages); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		const struct csr csr = { .common_name = SLICE_LITERAL("x"),
			.key_usage = usages[i].csr_usage ? USAGE_KEY_CERT_SIGN : 0,
			.asks_for_purposes = usages[i].csr_purposes,
			.key_type = KEY_RSA,
			.key_bits = 2048 };
		const struct leaf_params request = { .ttl = SCHEMA_ABSENT,
			.key_usage = given(&a, usages[i].usages),
			.ext_key_usage = given(&a, usages[i].purposes),
			.ext_key_usage_oids = given(&a, usages[i].oids) };
		const struct policy_input in = input(&request, &csr);
		struct template t = { 0 };
		struct err e = { 0 };
		bool ok = policy_decide_verbatim(&in, &a, &t, &e);

		if (ok != (usages[i].code == NULL))
			fail_msg("%s: %s", usages[i].name, ok ? "was allowed" : e.msg);
		if (!ok) {
			check_refusal(usages[i].name, usages[i].code, usages[i].field, "", &e);
			continue;
		}
		if (t.key_usage != usages[i].usage || t.ext_key_usage != usages[i].ext ||
		    t.ext_key_usage_oids.count != usages[i].oid_count ||
		    has_warning(&t, "key_usage_not_for_key_type") != usages[i].cut)
			fail_msg("%s: came %#x, %#x and %zu OIDs", usages[i].name, t.key_usage,
			    t.ext_key_usage, t.ext_key_usage_oids.count);
		check_warnings(usages[i].name, usages[i].warning, &t);
	}
}

/* Of a role count its times and basic_constraints_valid_for_non_ca, which the request may overrule. */
static void
role(void **state)
{
	SCOPED_ARENA struct arena a = { 0 };
	const struct csr csr = { .common_name = SLICE_LITERAL("not.allowed.at.all"),
		.key_type = KEY_RSA,
		.key_bits = 2048 };
	struct leaf_params request = { .ttl = SCHEMA_ABSENT };
	struct policy_input in = input(&request, &csr);
	struct template t;
	struct err e;

	(void)state;
	assert_true(policy_decide_verbatim(&in, &a, &t, &e));
	assert_int_equal(t.not_after, NOW + DAY);
	assert_int_equal(t.not_before, NOW - 30);
	in.rules = rules_of("ttl=100 max_ttl=200 not_before_duration=50 key_type=ed25519 ou=x "
			    "signature_bits=512 +use_pss +basic_constraints_valid_for_non_ca "
			    "not_after_bound=forbid key_usage=CRLSign policy_identifiers=1.2.3",
	    &a);
	assert_true(policy_decide_verbatim(&in, &a, &t, &e));
	assert_int_equal(t.not_after, NOW + 100);
	assert_int_equal(t.not_before, NOW - 50);
	assert_true(t.basic_constraints);
	assert_int_equal(t.organizational_unit.count, 0);
	assert_int_equal(t.signature_bits, 256);
	assert_false(t.use_pss);
	assert_null(t.policies.data);
	assert_int_equal(t.key_usage, USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT);
	in.says_basic_constraints = true;
	request.ttl = 1000;
	assert_true(policy_decide_verbatim(&in, &a, &t, &e));
	assert_false(t.basic_constraints);
	assert_int_equal(t.not_after, NOW + 200);
	assert_true(has_warning(&t, "ttl_capped_to_max_ttl"));
	request = (struct leaf_params){ .ttl = SCHEMA_ABSENT,
		.not_after = SLICE_LITERAL("2023-11-15T00:00:00Z"),
		.signature_bits = 384,
		.use_pss = true };
	assert_true(policy_decide_verbatim(&in, &a, &t, &e));
	assert_int_equal(t.not_after, NOW + 6400);
	assert_int_equal(t.signature_bits, 384);
	assert_true(t.use_pss);
	request.signature_bits = 1;
	assert_false(policy_decide_verbatim(&in, &a, &t, &e));
	check_refusal("signature_bits", "invalid_value", "signature_bits", "1 is none", &e);
}

static void
keys(void **state)
{
	static const struct {
		enum key_type type;
		int64_t bits;
		bool ok;
	} cases[] = { { KEY_RSA, 2048, true }, { KEY_RSA, 1024, false }, { KEY_RSA, 8192, true },
		{ KEY_EC, 224, true }, { KEY_EC, 521, true }, { KEY_ED25519, 0, true } };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		const struct csr csr = { .key_type = cases[i].type, .key_bits = cases[i].bits };
		const struct leaf_params request = { .ttl = SCHEMA_ABSENT };
		const struct policy_input in = input(&request, &csr);
		struct template t;
		struct err e;

		assert_true(policy_decide_verbatim(&in, &a, &t, &e) == cases[i].ok);
		if (cases[i].ok)
			assert_true(has_warning(&t, "names_nobody"));
		else
			check_refusal("key", "key_not_allowed", "csr", "at least 2048", &e);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(usage),
		cmocka_unit_test(role),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
