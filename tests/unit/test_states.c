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
	const char *
	    out; /* what the kept role says otherwise than the defaults, by the fields' own names */
	enum err_code code;
	const char *field;
} roles[] = {
	{ "{}", "{}", ERR_NONE, "" },
	/* the quick start's */
	{ "{'allowed_base_domain': 'example.com', 'allow_subdomains': 'true', 'max_ttl': '72h'}",
	    "{'max_ttl': 259200, 'allowed_domains': ['example.com'], 'allow_subdomains': true}",
	    ERR_NONE, "" },
	{ "{'allowed_base_domain': ['a.b', 'c.d'], 'allow_base_domain': '1', 'ttl': 60, 'key_type': 'ec',"
	  " 'key_bits': '256', 'allow_localhost': 'f'}",
	    "{'ttl': 60, 'allow_localhost': false, 'allowed_domains': ['a.b', 'c.d'],"
	    " 'allow_bare_domains': true, 'key_type': 'ec', 'key_bits': 256}",
	    ERR_NONE, "" },
	{ "{'key_usage': 'CertSign, CRLSign', 'not_before_duration': '1h', 'ou': ['a, b', 'c']}",
	    "{'key_usage': ['CertSign', 'CRLSign'], 'not_before_duration': 3600, 'ou': ['a, b', 'c']}",
	    ERR_NONE, "" },
	{ "{'key_usage': '', 'cn_validations': []}", "{'key_usage': [], 'cn_validations': []}",
	    ERR_NONE, "" },
	{ "{'policy_identifiers': '1.2.3, 1.2.4'}", "{'policy_identifiers': ['1.2.3', '1.2.4']}",
	    ERR_NONE, "" },
	/* JSON is not taken apart at its commas */
	{ "{'policy_identifiers': ' [\"1.2.3\",\"1.2.4\"] '}",
	    "{'policy_identifiers': ['[\"1.2.3\",\"1.2.4\"]']}", ERR_NONE, "" },
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
	struct buf wanted SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct writer w = { &out }, w2 = { &wanted };
	struct role role, kept;
	uint64_t seen;
	struct err e = { .code = ERR_NONE };

	buf_init(&in, 4096);
	buf_init(&out, 4096);
	buf_init(&wanted, 4096);
	role_defaults(&role);
	role_defaults(&kept);
	(void)!schema_decode(&role_schema, notation_pack(&in, roles[i].in), &a, &role, &seen, &e);
	if (e.code != roles[i].code || strcmp(e.field, roles[i].field) != 0)
		fail_msg("%s: expected %s of \"%s\", came %s of \"%s\": %s", roles[i].in,
		    err_name(roles[i].code), roles[i].field, err_name(e.code), e.field, e.msg);
	if (roles[i].out == NULL)
		return;
	schema_encode(&role_schema, &role, &w);
	if (!schema_decode(&role_schema, notation_pack(&in, roles[i].out), &a, &kept, &seen, &e))
		fail_msg("%s: %s", roles[i].out, e.msg);
	schema_encode(&role_schema, &kept, &w2);
	assert_false(out.failed || wanted.failed);
	if (!slice_eq(buf_slice(&out), buf_slice(&wanted)))
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
