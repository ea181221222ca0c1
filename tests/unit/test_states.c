/* Roles as the source document writes them and as they are kept; records that a newer worker wrote. */
#include "notation.h"
#include "states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	const char *in;
	const char *out; /* the role as it is kept */
	enum err_code code;
	const char *field;
} roles[] = {
	{ "{}",
	    "{'ttl': 0, 'max_ttl': 0, 'allow_localhost': true, 'allow_bare_domains': false,"
	    " 'allow_token_displayname': false, 'allow_subdomains': false, 'allow_any_name': false,"
	    " 'enforce_hostnames': false, 'allow_ip_sans': true, 'server_flag': true, 'client_flag': true,"
	    " 'code_signing_flag': false, 'email_protection_flag': false, 'key_type': 'rsa', 'key_bits': 0,"
	    " 'use_csr_common_name': false}",
	    ERR_NONE, "" },
	/* the quick start's */
	{ "{'allowed_base_domain': 'example.com', 'allow_subdomains': 'true', 'max_ttl': '72h'}",
	    "{'ttl': 0, 'max_ttl': 259200, 'allow_localhost': true, 'allowed_domains': ['example.com'],"
	    " 'allow_bare_domains': false, 'allow_token_displayname': false, 'allow_subdomains': true,"
	    " 'allow_any_name': false, 'enforce_hostnames': false, 'allow_ip_sans': true, 'server_flag': true,"
	    " 'client_flag': true, 'code_signing_flag': false, 'email_protection_flag': false, 'key_type': 'rsa',"
	    " 'key_bits': 0, 'use_csr_common_name': false}",
	    ERR_NONE, "" },
	{ "{'allowed_base_domain': ['a.b', 'c.d'], 'allow_base_domain': '1', 'ttl': 60, 'key_type': 'ec',"
	  " 'key_bits': '256', 'allow_localhost': 'f'}",
	    "{'ttl': 60, 'max_ttl': 0, 'allow_localhost': false, 'allowed_domains': ['a.b', 'c.d'],"
	    " 'allow_bare_domains': true, 'allow_token_displayname': false, 'allow_subdomains': false,"
	    " 'allow_any_name': false, 'enforce_hostnames': false, 'allow_ip_sans': true, 'server_flag': true,"
	    " 'client_flag': true, 'code_signing_flag': false, 'email_protection_flag': false, 'key_type': 'ec',"
	    " 'key_bits': 256, 'use_csr_common_name': false}",
	    ERR_NONE, "" },
	{ "{'allowed_base_domain': 'a.b', 'allowed_domains': ['c.d']}", NULL, ERR_DUPLICATE_FIELD,
	    "allowed_domains" },
	{ "{'allow_bare_domains': true, 'allow_base_domain': false}", NULL, ERR_DUPLICATE_FIELD,
	    "allow_base_domain" },
	{ "{'max_ttl': '3 days'}", NULL, ERR_INVALID_VALUE, "max_ttl" },
	{ "{'ttl': -1}", NULL, ERR_OUT_OF_RANGE, "ttl" },
	{ "{'key_bits': 'many'}", NULL, ERR_WRONG_TYPE, "key_bits" },
	{ "{'allow_everything': true}", NULL, ERR_UNKNOWN_FIELD, "allow_everything" },
};

static void
check_role(size_t i)
{
	struct buf in SCOPED_BUF;
	struct buf out SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct writer w = { &out };
	struct role role;
	uint64_t seen;
	struct err e = { .code = ERR_NONE };

	buf_init(&in, 4096);
	buf_init(&out, 4096);
	role_defaults(&role);
	(void)!schema_decode(&role_schema, notation_pack(&in, roles[i].in), &a, &role, &seen, &e);
	if (e.code != roles[i].code || strcmp(e.field, roles[i].field) != 0)
		fail_msg("%s: expected %s of \"%s\", came %s of \"%s\": %s", roles[i].in,
		    err_name(roles[i].code), roles[i].field, err_name(e.code), e.field, e.msg);
	if (roles[i].out == NULL)
		return;
	schema_encode(&role_schema, &role, &w);
	if (!slice_eq(buf_slice(&out), notation_pack(&in, roles[i].out)))
		fail_msg("%s: is not kept as %s", roles[i].in, roles[i].out);
}

static void
test_roles(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		check_role(i);
}

/* What is signed under must be understood whole; what is only shown or written need not. */
static void
test_newer_records(void **state)
{
	static const struct schema *const closed[] = { &mount_state_schema, &issuer_state_schema,
		&role_schema };
	static const struct schema *const open[] = { &urls_state_schema, &crl_state_schema,
		&topics_state_schema };

	(void)state;
	for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++)
		assert_false(closed[i]->open);
	for (size_t i = 0; i < sizeof(open) / sizeof(open[0]); i++)
		assert_true(open[i]->open);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_newer_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
