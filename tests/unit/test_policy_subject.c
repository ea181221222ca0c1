/* The subject, usages, times and form of a certificate. */
#include "policy_check.h"

#define ANY "+allow_any_name "

/* clang-format off */
static const struct subject_case {
	const char *name, *role;
	const char *serial, *csr_serial; /* of the request and the CSR */
	const char *ids, *csr_ids;
	const char *code, *field, *says; /* code NULL: allowed */
	const char *came_serial, *came_ids;
} subjects[] = {
	{ "nothing", ANY, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "", "" },
	{ "no serialNumber is allowed", ANY, "x", NULL, NULL, NULL, "subject_not_allowed", "serial_number", "none of the role's 0", NULL, NULL },
	{ "one that is", ANY "allowed_serial_numbers=a*,b", "b", NULL, NULL, NULL, NULL, NULL, NULL, "b", "" },
	{ "one that matches", ANY "allowed_serial_numbers=a*,b", "a12", NULL, NULL, NULL, NULL, NULL, NULL, "a12", "" },
	{ "one that does not", ANY "allowed_serial_numbers=a*,b", "bb", NULL, NULL, NULL, "subject_not_allowed", "serial_number", "\"bb\"", NULL, NULL },
	{ "the CSR's", ANY "allowed_serial_numbers=*", NULL, "c", NULL, NULL, NULL, NULL, NULL, "c", "" },
	{ "the request's first", ANY "allowed_serial_numbers=*", "r", "c", NULL, NULL, NULL, NULL, NULL, "r", "" },
	{ "the CSR's is checked", ANY, NULL, "c", NULL, NULL, "subject_not_allowed", "csr", "\"c\"", NULL, NULL },
	{ "the CSR's is not looked at", ANY "serial_number_source=json", NULL, "c", NULL, NULL, NULL, NULL, NULL, "", "" },
	{ "no PrintableString", ANY "allowed_serial_numbers=*", "a_b", NULL, NULL, NULL, "invalid_value", "serial_number", "PrintableString", NULL, NULL },
	{ "a newline", ANY "allowed_serial_numbers=*", "a\nb", NULL, NULL, NULL, "invalid_value", "serial_number", "PrintableString", NULL, NULL },
	{ "65 characters", ANY "allowed_serial_numbers=*", NULL, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL, NULL, "invalid_value", "csr", "64", NULL, NULL },
	{ "no user id is allowed", ANY, NULL, NULL, "u", NULL, "subject_not_allowed", "user_ids", "none of the role's 0", NULL, NULL },
	{ "user ids, whatever their case", ANY "allowed_user_ids=alice,b*", NULL, NULL, "ALICE,Bob", NULL, NULL, NULL, NULL, "", "ALICE,Bob" },
	{ "one that is not", ANY "allowed_user_ids=alice,b*", NULL, NULL, "alice,carol", NULL, "subject_not_allowed", "user_ids", "carol", NULL, NULL },
	{ "the CSR's user ids", ANY "allowed_user_ids=*", NULL, NULL, NULL, "x,y", NULL, NULL, NULL, "", "x,y" },
	{ "the request's user ids first", ANY "allowed_user_ids=*", NULL, NULL, "r", "x,y", NULL, NULL, NULL, "", "r" },
	{ "the CSR's user ids are checked", ANY, NULL, NULL, NULL, "x", "subject_not_allowed", "csr", "\"x\"", NULL, NULL },
	{ "a user id with a tab", ANY "allowed_user_ids=*", NULL, NULL, "a\tb", NULL, "invalid_value", "user_ids", "control character", NULL, NULL },
	{ "an empty user id", ANY "allowed_user_ids=*", NULL, NULL, NULL, "", "invalid_value", "csr", "empty", NULL, NULL },
};

static const struct usage_case {
	const char *name, *role;
	unsigned usage, purposes;
	size_t oids;
	const char *warning;
	bool cut; /* key_usage_not_for_key_type */
} usages[] = {
	{ "the default", "", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, NULL, true },
	{ "the default of a client", "-server_flag", USAGE_DIGITAL_SIGNATURE, PURPOSE_CLIENT_AUTH, 0, NULL, true },
	{ "the default of a client with an EC key", "key_type=ec -server_flag", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT, PURPOSE_CLIENT_AUTH, 0, NULL, true },
	{ "the default of a signer of code", "key_type=ec -server_flag -client_flag +code_signing_flag", USAGE_DIGITAL_SIGNATURE, PURPOSE_CODE_SIGNING, 0, NULL, true },
	{ "the default of an OCSP responder", "-server_flag -client_flag ext_key_usage=OCSPSigning", USAGE_DIGITAL_SIGNATURE, PURPOSE_OCSP_SIGNING, 0, NULL, true },
	{ "the default of a mail client", "-server_flag +email_protection_flag", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_CLIENT_AUTH | PURPOSE_EMAIL_PROTECTION, 0, NULL, true },
	{ "the default without purpose", "-server_flag -client_flag", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, 0, 0, NULL, true },
	{ "the default with a purpose that says nothing", "-server_flag ext_key_usage=IPSECUser", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_CLIENT_AUTH | PURPOSE_IPSEC_USER, 0, NULL, true },
	{ "the default with a purpose of one's own", "-server_flag ext_key_usage_oids=1.2.3", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_CLIENT_AUTH, 1, NULL, true },
	{ "a client's that were chosen", "-server_flag key_usage=DigitalSignature,KeyEncipherment", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_CLIENT_AUTH, 0, NULL, false },
	{ "the default in another order", "key_usage=KeyEncipherment,KeyAgreement,DigitalSignature", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, NULL, true },
	{ "none", "key_usage= -server_flag -client_flag", 0, 0, 0, NULL, false },
	{ "one, in any case", "key_usage=cONTENTcommitment -client_flag", USAGE_CONTENT_COMMITMENT, PURPOSE_SERVER_AUTH, 0, NULL, false },
	{ "not for RSA", "key_usage=KeyAgreement", USAGE_KEY_AGREEMENT, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, "key_usage_unusual", false },
	{ "all for EC", "key_type=ec key_usage=DigitalSignature,KeyAgreement", USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, NULL, false },
	{ "a CA's", "key_usage=CertSign", USAGE_KEY_CERT_SIGN, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, "cert_sign_without_ca", false },
	{ "what there is not, in a stored role", "key_usage=DigitialSignature,CRLSign ext_key_usage=Nonsense,OCSPSigning -server_flag -client_flag", USAGE_CRL_SIGN, PURPOSE_OCSP_SIGNING, 0, NULL, false },
	{ "purposes by name", "key_usage= -server_flag -client_flag ext_key_usage=any,CODESIGNING,ipsecUser", 0, PURPOSE_ANY | PURPOSE_CODE_SIGNING | PURPOSE_IPSEC_USER, 0, NULL, false },
	{ "purposes by OID", "key_usage= -server_flag ext_key_usage_oids=1.3.6.1.5.5.7.3.8,1.2.3,1.2.4,1.2.3", 0, PURPOSE_CLIENT_AUTH | PURPOSE_TIME_STAMPING, 2, NULL, false },
	{ "an OID that there is not", "key_usage= ext_key_usage_oids=4.3.2.1,1.2.4", 0, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 1, "oid_left_out", false },
	{ "a country of three letters", "key_usage= country=foo", 0, PURPOSE_SERVER_AUTH | PURPOSE_CLIENT_AUTH, 0, "subject_over_bounds", false },
};

static const struct time_case {
	const char *name, *role;
	int64_t ttl;
	const char *not_before, *not_after;
	const char *code, *field, *says;
	int64_t begins, lasts; /* from now */
	const char *warning;
} times[] = {
	{ "as ever", ANY, SCHEMA_ABSENT, NULL, NULL, NULL, NULL, NULL, -30, DAY, NULL },
	{ "blank times", ANY, SCHEMA_ABSENT, "", "", NULL, NULL, NULL, -30, DAY, NULL },
	{ "backdated", ANY "not_before_duration=7200", SCHEMA_ABSENT, NULL, NULL, NULL, NULL, NULL, -7200, DAY, NULL },
	{ "not backdated at all is 30 s", ANY "not_before_duration=0", SCHEMA_ABSENT, NULL, NULL, NULL, NULL, NULL, -30, DAY, NULL },
	/* NOW is 2023-11-14T22:13:20Z */
	{ "begins then", ANY, 60, "2023-11-14T22:00:00Z", NULL, NULL, NULL, NULL, -800, 60, NULL },
	{ "begins in the future", ANY, 3600, "2023-11-14T23:00:00+00:00", NULL, NULL, NULL, NULL, 2800, 3600, NULL },
	{ "ends then", ANY, SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", NULL, NULL, NULL, -30, 6400, NULL },
	{ "ends beyond max_ttl", ANY "max_ttl=60", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", NULL, NULL, NULL, -30, 6400, NULL },
	{ "ends at the end of time", ANY "not_after=9999-12-31T23:59:59Z", SCHEMA_ABSENT, NULL, NULL, "ttl_not_allowed", "not_after", "outlive the CA", 0, 0, NULL },
	{ "ttl and not_after", ANY, 60, NULL, "2023-11-15T00:00:00Z", "ttl_not_allowed", "ttl", "exclude each other, and the request", 0, 0, NULL },
	{ "ttl, and the role ends", ANY "not_after=2023-11-15T00:00:00Z", 60, NULL, NULL, "ttl_not_allowed", "ttl", "the role says", 0, 0, NULL },
	{ "the role's end goes first", ANY "not_after=2023-11-15T00:00:00Z", SCHEMA_ABSENT, NULL, "2023-11-16T00:00:00Z", NULL, NULL, NULL, -30, 6400, "request_time_ignored" },
	{ "the role's beginning goes first", ANY "not_before=2023-11-14T22:00:00Z", SCHEMA_ABSENT, "2023-11-14T21:00:00Z", NULL, NULL, NULL, NULL, -800, DAY, "request_time_ignored" },
	{ "ends before it begins", ANY, 60, "2023-11-14T23:00:00Z", NULL, "ttl_not_allowed", "not_before", "not before the certificate ends", 0, 0, NULL },
	{ "ended", ANY, SCHEMA_ABSENT, NULL, "2023-11-14T22:13:20Z", "ttl_not_allowed", "not_after", "past", 0, 0, NULL },
	{ "begins in 1900", ANY, SCHEMA_ABSENT, "1900-01-01T00:00:00Z", NULL, "ttl_not_allowed", "not_before", "1950", 0, 0, NULL },
	{ "begins before the CA", ANY, SCHEMA_ABSENT, "1969-12-31T23:59:59Z", NULL, "ttl_not_allowed", "not_before", "before the CA begins", 0, 0, NULL },
	{ "no time", ANY, SCHEMA_ABSENT, NULL, "tomorrow", "invalid_value", "not_after", "", 0, 0, NULL },
	{ "no time either", ANY, SCHEMA_ABSENT, "2023-02-30T00:00:00Z", NULL, "invalid_value", "not_before", "", 0, 0, NULL },
	{ "no zone", ANY, SCHEMA_ABSENT, "2023-11-14T22:00:00", NULL, "invalid_value", "not_before", "", 0, 0, NULL },
	{ "may not begin", ANY "not_before_bound=forbid", SCHEMA_ABSENT, "2023-11-14T22:00:00Z", NULL, "ttl_not_allowed", "not_before", "not_before_bound", 0, 0, NULL },
	{ "may not begin, and does not ask", ANY "not_before_bound=forbid", SCHEMA_ABSENT, NULL, NULL, NULL, NULL, NULL, -30, DAY, NULL },
	{ "may begin so long ago", ANY "not_before_bound=duration not_before_duration=800", SCHEMA_ABSENT, "2023-11-14T22:00:00Z", NULL, NULL, NULL, NULL, -800, DAY, NULL },
	{ "may not begin so long ago", ANY "not_before_bound=duration not_before_duration=799", SCHEMA_ABSENT, "2023-11-14T22:00:00Z", NULL, "ttl_not_allowed", "not_before", "longer ago", 0, 0, NULL },
	{ "may not end", ANY "not_after_bound=forbid", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", "ttl_not_allowed", "not_after", "not_after_bound", 0, 0, NULL },
	{ "may end within its ttl", ANY "not_after_bound=ttl-limited ttl=6400", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", NULL, NULL, NULL, -30, 6400, NULL },
	{ "may not end behind its ttl", ANY "not_after_bound=ttl-limited ttl=6399", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", "ttl_not_allowed", "not_after", "later than its ttl", 0, 0, NULL },
	{ "may end until then", ANY "not_after_bound=2023-11-15T00:00:00Z", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:00Z", NULL, NULL, NULL, -30, 6400, NULL },
	{ "may not end behind it", ANY "not_after_bound=2023-11-15T00:00:00Z", SCHEMA_ABSENT, NULL, "2023-11-15T00:00:01Z", "ttl_not_allowed", "not_after", "later than the role's", 0, 0, NULL },
	{ "nor by its ttl", ANY "not_after_bound=2023-11-15T00:00:00Z", 6401, NULL, NULL, "ttl_not_allowed", "ttl", "later than the role's", 0, 0, NULL },
	{ "nor by default", ANY "not_after_bound=2023-11-15T00:00:00Z", SCHEMA_ABSENT, NULL, NULL, "ttl_not_allowed", "ttl", "later than the role's", 0, 0, NULL },
};
/* clang-format on */

static void
serials_and_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(subjects); i++) {
		const struct subject_case *c = &subjects[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = SLICE_LITERAL("a.b"),
			.serial_number = slice_text(c->serial),
			.user_ids = list_of_text(&a, c->ids),
			.ttl = SCHEMA_ABSENT };
		const struct csr csr = { .serial_number = slice_text(c->csr_serial),
			.user_ids = list_of_text(&a, c->csr_ids),
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
		if (!slice_is(t.serial_number, c->came_serial) ||
		    strcmp(text_of(&a, &t.user_ids), c->came_ids) != 0)
			fail_msg("%s: came %.*s and %s", c->name, SLICE_FMT(t.serial_number),
			    text_of(&a, &t.user_ids));
	}
}

static void
attributes(void **state)
{
	SCOPED_ARENA struct arena a = { 0 };
	const struct leaf_params request = { .common_name = SLICE_LITERAL("a.b"),
		.ttl = SCHEMA_ABSENT };
	struct template t;
	struct err e;

	(void)state;
	assert_true(decide_as(ANY "ou=Z,E,Z,V organization=o country=DE,FR locality=l province=p "
				  "street_address=s,s,t postal_code=1",
	    (struct policy_input){ .request = &request }, &a, &t, &e));
	assert_string_equal(text_of(&a, &t.organizational_unit), "Z,E,V");
	assert_string_equal(text_of(&a, &t.organization), "o");
	assert_string_equal(text_of(&a, &t.country), "DE,FR");
	assert_string_equal(text_of(&a, &t.locality), "l");
	assert_string_equal(text_of(&a, &t.province), "p");
	assert_string_equal(text_of(&a, &t.street_address), "s,t");
	assert_string_equal(text_of(&a, &t.postal_code), "1");
	check_warnings("attributes", NULL, &t);
}

static void
usage(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(usages); i++) {
		const struct usage_case *c = &usages[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = SLICE_LITERAL("localhost"),
			.ttl = SCHEMA_ABSENT };
		struct template t = { 0 };
		struct err e = { 0 };

		if (!decide_as(c->role, (struct policy_input){ .request = &request }, &a, &t, &e))
			fail_msg("%s: %s", c->name, e.msg);
		if (t.key_usage != c->usage || t.ext_key_usage != c->purposes ||
		    t.ext_key_usage_oids.count != c->oids)
			fail_msg("%s: came %#x, %#x and %zu OIDs", c->name, t.key_usage,
			    t.ext_key_usage, t.ext_key_usage_oids.count);
		if (has_warning(&t, "key_usage_not_for_key_type") != c->cut)
			fail_msg(
			    "%s: the default usages %s cut", c->name, c->cut ? "are" : "are not");
		check_warnings(c->name, c->warning, &t);
	}
}

static void
beginnings_and_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		const struct time_case *c = &times[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = SLICE_LITERAL("a.b"),
			.ttl = c->ttl,
			.not_before = slice_text(c->not_before),
			.not_after = slice_text(c->not_after) };
		/* both ways must come to the same */
		const struct csr csr = { .key_type = KEY_RSA, .key_bits = 2048 };
		const struct policy_input ins[] = { { .request = &request },
			{ .request = &request, .csr = &csr } };

		for (size_t k = 0; k < COUNT(ins); k++) {
			struct template t = { 0 };
			struct err e = { 0 };
			bool ok = decide_as(c->role, ins[k], &a, &t, &e);

			if (ok != (c->code == NULL))
				fail_msg("%s: %s", c->name, ok ? "was allowed" : e.msg);
			if (!ok) {
				check_refusal(c->name, c->code, c->field, c->says, &e);
				continue;
			}
			if (t.not_before - NOW != c->begins || t.not_after - NOW != c->lasts)
				fail_msg("%s: came %lld to %lld", c->name,
				    (long long)(t.not_before - NOW),
				    (long long)(t.not_after - NOW));
			check_warnings(c->name, c->warning, &t);
		}
	}
}

static void
form(void **state)
{
	static const struct {
		const char *role;
		int64_t bits;
		bool pss, basic, policies;
	} cases[] = {
		{ "", 256, false, false, false },
		{ "signature_bits=384 +use_pss", 384, true, false, false },
		{ "signature_bits=512 +basic_constraints_valid_for_non_ca", 512, false, true,
		    false },
		{ "key_type=ec signature_bits=521 policy_identifiers=1.2.3", 512, false, false,
		    true },
		{ "key_type=ed25519 signature_bits=0", 256, false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = SLICE_LITERAL("localhost"),
			.ttl = SCHEMA_ABSENT };
		struct template t = { 0 };
		struct err e = { 0 };

		assert_true(decide_as(
		    cases[i].role, (struct policy_input){ .request = &request }, &a, &t, &e));
		if (t.signature_bits != cases[i].bits || t.use_pss != cases[i].pss ||
		    t.basic_constraints != cases[i].basic ||
		    (t.policies.data != NULL) != cases[i].policies)
			fail_msg("%s", cases[i].role);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(serials_and_ids),
		cmocka_unit_test(attributes),
		cmocka_unit_test(usage),
		cmocka_unit_test(beginnings_and_ends),
		cmocka_unit_test(form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
