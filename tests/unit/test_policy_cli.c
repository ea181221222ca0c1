#include "policy_cli.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

/* clang-format off */
#define ROLE "\"role\":{\"allowed_domains\":[\"example.com\"],\"allow_subdomains\":true,\"use_csr_sans\":false}"
#define ISSUE "{\"id\":\"1\",\"op\":\"issue\"," ROLE ",\"request\":{\"common_name\":"
#define SIGN "{\"id\":\"1\",\"op\":\"sign\"," ROLE ",\"request\":{\"common_name\":\"a.example.com\",\"csr\":"

/* Parts that the answer must hold; status is policy_main's. */
static const struct {
	const char *name;
	const char *line;
	int status;
	const char *parts[4];
} cases[] = {
	{ "allowed", ISSUE "\"a.example.com\",\"ip_sans\":\"10.1.2.3,::1\"}}", 0,
	  { "{\"id\":\"1\",\"decision\":\"allow\",\"template\":{\"cn\":\"a.example.com\",\"dns_sans\":[\"a.example.com\"]",
	    "\"ip_sans\":[\"10.1.2.3\",\"::1\"]", "\"key_usage\":[\"DigitalSignature\",\"KeyEncipherment\",\"KeyAgreement\"],\"ext_key_usage\":[\"ServerAuth\",\"ClientAuth\"]",
	    "\"ttl_seconds\":2764800,\"not_before_offset_seconds\":-30" } },
	{ "denied", ISSUE "\"a.evil.org\"}}", 0,
	  { "\"decision\":\"deny\",\"code\":\"name_not_allowed\",\"field\":\"common_name\"", "no sub-domain of example.com" } },
	{ "today's default is enforce_hostnames", ISSUE "\"a_b.example.com\"}}", 0, { "\"code\":\"name_not_allowed\"", "enforce_hostnames" } },
	{ "the source document's is not", "{\"op\":\"issue\",\"role_defaults\":\"0.4\"," ROLE ",\"request\":{\"common_name\":\"a_b.example.com\"}}", 0,
	  { "\"decision\":\"allow\"", "\"dns_sans\":[]" } },
	{ "display name", "{\"op\":\"issue\",\"role\":{\"allow_token_displayname\":true},\"identity\":{\"display_name\":\"h.example\"},\"request\":{\"common_name\":\"h.example\"}}", 0,
	  { "\"decision\":\"allow\"" } },
	{ "capped", "{\"op\":\"issue\",\"role\":{\"max_ttl\":\"1h\"},\"request\":{\"common_name\":\"localhost\",\"ttl\":\"2h\"}}", 0,
	  { "\"ttl_seconds\":3600", "\"warnings\":[\"ttl_capped_to_max_ttl\",\"key_usage_not_for_key_type\"]" } },
	{ "the CA ends first", "{\"op\":\"issue\",\"ca\":{\"not_after_in\":60},\"request\":{\"common_name\":\"localhost\",\"ttl\":61}}", 0,
	  { "\"code\":\"ttl_not_allowed\",\"field\":\"ttl\"" } },
	{ "the CA ends first, truncate", "{\"op\":\"issue\",\"ca\":{\"not_after_in\":60,\"leaf_not_after_behavior\":\"truncate\"},\"request\":{\"common_name\":\"localhost\",\"ttl\":61}}", 0,
	  { "\"ttl_seconds\":60" } },
	{ "the CA ended", "{\"op\":\"issue\",\"ca\":{\"not_after\":\"2001-01-01T00:00:00Z\"},\"request\":{\"common_name\":\"localhost\"}}", 0,
	  { "\"code\":\"ttl_not_allowed\"", "expired at 2001-01-01T00:00:00Z" } },
	{ "sign", SIGN "{\"cn\":\"x.example.com\",\"dns\":[\"y.org\"],\"key_type\":\"rsa\",\"key_bits\":3072}}}", 0,
	  { "\"cn\":\"x.example.com\"", "\"key_bits\":3072", "csr_sans_ignored" } },
	{ "sign, another key", SIGN "{\"key_type\":\"ec\",\"key_bits\":256}}}", 0, { "\"code\":\"key_not_allowed\",\"field\":\"csr\"" } },
	{ "sign, no CSR", SIGN "null}}", 0, { "\"code\":\"missing_field\",\"field\":\"csr\"" } },
	{ "sign, CSR SANs", "{\"op\":\"sign\",\"request\":{\"csr\":{\"cn\":\"localhost\",\"dns\":[\"y.org\"],\"key_type\":\"rsa\",\"key_bits\":2048}}}", 0,
	  { "\"code\":\"name_not_allowed\",\"field\":\"csr\"", "y.org" } },
	{ "sign, all that a CSR has", "{\"op\":\"sign\",\"role\":{\"allow_any_name\":true,\"allowed_uri_sans\":\"*\",\"allowed_other_sans\":\"*\",\"allowed_serial_numbers\":\"*\",\"allowed_user_ids\":\"*\"},"
	  "\"request\":{\"csr\":{\"cn\":\"a.b\",\"dns\":[\"c.d\"],\"emails\":[\"e@f\"],\"ips\":[\"::ffff:10.1.2.3\"],\"uris\":[\"urn:x:y\"],\"other\":[\"1.2.3;utf8:z\"],\"serial_number\":\"S1\",\"user_ids\":[\"u\"],\"key_type\":\"rsa\",\"key_bits\":2048}}}", 0,
	  { "\"dns_sans\":[\"a.b\",\"c.d\"],\"email_sans\":[\"e@f\"],\"ip_sans\":[\"10.1.2.3\"],\"uri_sans\":[\"urn:x:y\"]", "\"other_sans\":[\"1.2.3;UTF8:z\"]",
	    "\"subject_serial_number\":\"S1\",\"user_ids\":[\"u\"]" } },
	{ "sign, a CSR field of tomorrow", SIGN "{\"key_type\":\"rsa\",\"key_bits\":2048,\"dirs\":[]}}}", 0, { "\"decision\":\"unsupported\",\"message\":\"csr: dirs\"" } },
	{ "sign-verbatim", "{\"op\":\"sign_verbatim\",\"role\":{\"not_before_duration\":7200},\"request\":{\"ttl\":60,\"key_usage\":\"CertSign\",\"basic_constraints_valid_for_non_ca\":true,\"csr\":{\"cn\":\"*\",\"dns\":[\"_x\"],\"key_type\":\"ec\",\"key_bits\":256}}}", 0,
	  { "\"cn\":\"*\",\"dns_sans\":[\"_x\"]", "\"ttl_seconds\":60,\"not_before_offset_seconds\":-7200", "\"key_usage\":[\"CertSign\"]", "\"basic_constraints_present\":true,\"warnings\":[\"cert_sign_without_ca\"],\"lease\":false" } },
	{ "sign, no CSR SANs before", "{\"op\":\"sign\",\"role_defaults\":\"0.4\",\"request\":{\"common_name\":\"localhost\",\"csr\":{\"dns\":[\"y.org\"],\"key_type\":\"rsa\",\"key_bits\":2048}}}", 0,
	  { "\"decision\":\"allow\"", "\"dns_sans\":[\"localhost\"]" } },
	{ "globs", "{\"op\":\"issue\",\"role\":{\"allow_glob_domains\":true,\"allowed_domains\":\"a*.b\"},\"request\":{\"common_name\":\"a1.c.b\"}}", 0, { "\"decision\":\"allow\"" } },
	{ "a template", "{\"op\":\"issue\",\"role\":{\"allow_bare_domains\":true,\"allowed_domains\":\"{{identity.entity.aliases.x.metadata.host}}\",\"allowed_domains_template\":true},"
	  "\"identity\":{\"entity_id\":\"e\",\"aliases\":{\"x\":{\"metadata\":{\"host\":\"h.example\"}}}},\"request\":{\"common_name\":\"h.example\"}}", 0, { "\"decision\":\"allow\"" } },
	{ "an identity that is none", "{\"op\":\"issue\",\"identity\":{\"metadata\":{\"a\":1}},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"code\":\"wrong_type\",\"field\":\"identity\"" } },
	{ "a role field of tomorrow", "{\"op\":\"issue\",\"role\":{\"no_store_metadata\":true},\"request\":{\"common_name\":\"localhost\"}}", 0,
	  { "\"decision\":\"unsupported\",\"message\":\"role: no_store_metadata\"" } },
	{ "a role field of tomorrow without effect", "{\"op\":\"issue\",\"role\":{\"no_store_metadata\":false},\"request\":{\"common_name\":\"localhost\"}}", 0,
	  { "\"decision\":\"allow\"" } },
	{ "another issuer", "{\"op\":\"issue\",\"role\":{\"issuer_ref\":\"other\"},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"decision\":\"unsupported\",\"message\":\"role: issuer_ref\"" } },
	{ "a parameter of tomorrow", ISSUE "\"a.example.com\",\"cert_metadata\":\"x\"}}", 0, { "\"decision\":\"unsupported\",\"message\":\"request: cert_metadata\"" } },
	{ "PSS", "{\"op\":\"issue\",\"role\":{\"use_pss\":true,\"signature_bits\":384},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"signature_algorithm\":\"SHA384-RSAPSS\"" } },
	{ "an EC CA has no choice", "{\"op\":\"issue\",\"ca\":{\"key_type\":\"ec\",\"key_bits\":521},\"role\":{\"use_pss\":true,\"signature_bits\":384},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"signature_algorithm\":\"ECDSA-SHA512\"" } },
	{ "policies", "{\"op\":\"issue\",\"role\":{\"policy_identifiers\":\"1.2.3\"},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"policy_oids\":[\"1.2.3\"],\"certificate_policies_ext_value_b64\":\"MAYwBAYCKgM=\"" } },
	{ "times", "{\"op\":\"issue\",\"role\":{\"not_after_bound\":\"now+2h\"},\"request\":{\"common_name\":\"localhost\",\"not_after\":\"now+1h\",\"not_before\":\"now-10m\"}}", 0,
	  { "\"ttl_seconds\":3600,\"not_before_offset_seconds\":-600" } },
	{ "a patch", "{\"op\":\"role_patch\",\"role\":{\"key_usage\":[\"Nonsense\"],\"ou\":[\"a\"]},\"request\":{\"ou\":[\"b\"]}}", 0, { "\"decision\":\"allow\"", "\"ou\":[\"b\"]", "\"key_usage\":[\"Nonsense\"]" } },
	{ "a bad patch", "{\"op\":\"role_patch\",\"role\":{\"max_ttl\":10},\"request\":{\"ttl\":20}}", 0, { "\"code\":\"role_invalid\",\"field\":\"ttl\"" } },
	{ "a reference to nobody", "{\"op\":\"role_write\",\"role\":{\"issuer_ref\":\"x\"}}", 0, { "\"decision\":\"allow\"", "\"warnings\":[\"unknown_issuer_ref\"" } },
	{ "a lease without a store", "{\"op\":\"role_write\",\"role\":{\"no_store\":true,\"generate_lease\":true}}", 0, { "\"generate_lease\":false", "\"warnings\":[\"no_store_without_lease\"]" } },
	{ "an end that is past", "{\"op\":\"issue\",\"role\":{\"not_after\":\"1230-12-31T23:59:59Z\"},\"request\":{\"common_name\":\"localhost\"}}", 0, { "\"code\":\"ttl_not_allowed\",\"field\":\"not_after\"" } },
	{ "serial numbers by an empty pattern", "{\"op\":\"issue\",\"role\":{\"allowed_serial_numbers\":[\"\"]},\"request\":{\"common_name\":\"localhost\",\"serial_number\":\"1\"}}", 0, { "\"code\":\"subject_not_allowed\",\"field\":\"serial_number\"" } },
	{ "a word in capitals", "{\"op\":\"role_patch\",\"role\":{\"cn_validations\":\"email\"},\"request\":{\"cn_validations\":\"Disabled\"}}", 0, { "\"cn_validations\":[\"disabled\"]" } },
	{ "a usage that there is not", "{\"op\":\"role_write\",\"role\":{\"key_usage\":\"DigitialSignature\"}}", 0, { "\"code\":\"role_invalid\",\"field\":\"key_usage\"" } },
	{ "a glob", "{\"op\":\"glob\",\"request\":{\"pattern\":\"a*\",\"subject\":\"ab\"}}", 0, { "\"decision\":\"allow\"" } },
	{ "no glob of it", "{\"op\":\"glob\",\"request\":{\"pattern\":\"a*\",\"subject\":\"ba\"}}", 0, { "\"decision\":\"deny\"" } },
	{ "a wrong type", ISSUE "[]}}", 0, { "\"code\":\"wrong_type\",\"field\":\"common_name\"" } },
	{ "a NUL", ISSUE "\"a\\u0000.example.com\"}}", 0, { "\"code\":\"invalid_value\",\"field\":\"common_name\"" } },
	{ "a role", "{\"op\":\"role_write\",\"role\":{\"key_type\":\"ec\"}}", 0, { "\"decision\":\"allow\"", "\"key_bits\":256" } },
	{ "a bad role", "{\"op\":\"role_write\",\"role\":{\"key_type\":\"ec\",\"key_bits\":512}}", 0, { "\"code\":\"role_invalid\",\"field\":\"key_bits\"" } },
	{ "a host name", "{\"op\":\"hostname_match\",\"request\":{\"name\":\"a*.b\"}}", 0, { "\"decision\":\"allow\",\"template\":{\"matches\":true}" } },
	{ "no host name", "{\"op\":\"hostname_match\",\"request\":{\"name\":\"a b\"}}", 0, { "\"decision\":\"deny\"", "{\"matches\":false}" } },
	{ "no name at all", "{\"op\":\"hostname_match\"}", 0, { "\"decision\":\"deny\"" } },
	{ "an op of tomorrow", "{\"id\":[7],\"op\":\"acme\"}", 0, { "{\"id\":[7],\"decision\":\"unsupported\",\"message\":\"op: acme\"}" } },
	{ "no op", "{}", 0, { "\"decision\":\"unsupported\"" } },
	{ "no object", "[]", 1, { "\"code\":\"malformed\"" } },
	{ "no JSON", "{\"id\":", 1, { "\"code\":\"malformed\"" } },
	{ "twice the same", "{\"op\":\"issue\",\"op\":\"sign\"}", 1, { "\"code\":\"malformed\"", "duplicate" } },
};
/* clang-format on */

static int
run(const char *input, char **ret_output)
{
	char *copy = strdup(input);
	size_t size = 0;
	FILE *in = fmemopen(copy, strlen(copy), "r");
	FILE *out = open_memstream(ret_output, &size);
	int status;

	assert_non_null(in);
	assert_non_null(out);
	status = policy_main(in, out);
	fclose(in);
	fclose(out);
	free(copy);
	return status;
}

static void
one_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *output = NULL;
		int status = run(cases[i].line, &output);

		if (status != cases[i].status)
			fail_msg("%s: expected status %d, came %d", cases[i].name, cases[i].status,
			    status);
		if (output[0] == '\0' || strchr(output, '\n') != output + strlen(output) - 1)
			fail_msg("%s: expected one line, came: %s", cases[i].name, output);
		for (size_t n = 0; n < 4 && cases[i].parts[n] != NULL; n++)
			if (strstr(output, cases[i].parts[n]) == NULL)
				fail_msg("%s: expected %s in: %s", cases[i].name, cases[i].parts[n],
				    output);
		free(output);
	}
}

static void
many_lines(void **state)
{
	char *output = NULL;

	(void)state;
	assert_int_equal(run("{\"id\":1}\n\n  \nno\n{\"id\":2}", &output), 1);
	assert_string_equal(strtok(output, "\n"),
	    "{\"id\":1,\"decision\":\"unsupported\",\"message\":\"op: none\"}");
	assert_non_null(strstr(strtok(NULL, "\n"), "malformed"));
	assert_string_equal(
	    strtok(NULL, "\n"), "{\"id\":2,\"decision\":\"unsupported\",\"message\":\"op: none\"}");
	assert_null(strtok(NULL, "\n"));
	free(output);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line),
		cmocka_unit_test(many_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
