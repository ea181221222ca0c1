/* Parameters as people and programs send them: other names, typed text, defaults. */
#include "notation.h"
#include "params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct fixture {
	struct buf in;
	struct arena arena;
	uint64_t seen;
	struct err e;
};

static bool
decode(struct fixture *f, const struct schema *s, const char *text, void *out)
{
	return schema_decode(s, notation_pack(&f->in, text), &f->arena, out, &f->seen, &f->e);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	buf_init(&f->in, 1 << 20);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	buf_done(&f->in);
	arena_done(&f->arena);
	free(f);
	return 0;
}

static void
expect_list(const struct slice_list *list, const char *first, const char *second)
{
	assert_int_equal(list->count, (first != NULL) + (second != NULL));
	if (first != NULL)
		assert_true(slice_is(list->items[0], first));
	if (second != NULL)
		assert_true(slice_is(list->items[1], second));
}

static void
test_leaf(void **state)
{
	struct leaf_params p;

	leaf_params_defaults(&p);
	assert_true(decode(*state, &issue_params_schema, "{}", &p));
	assert_null(p.common_name.data);
	assert_null(p.alt_names.items);
	assert_int_equal(p.ttl, SCHEMA_ABSENT);
	assert_true(slice_is(p.format, "pem"));
	assert_true(decode(*state, &issue_params_schema,
	    "{'common_name': 'a.b', 'alt_names': 'c.d, e@f', 'ip_sans': ['10.0.0.1'], 'ttl': '72h', 'format': 'der'}",
	    &p));
	assert_true(slice_is(p.common_name, "a.b"));
	expect_list(&p.alt_names, "c.d", "e@f");
	expect_list(&p.ip_sans, "10.0.0.1", NULL);
	assert_int_equal(p.ttl, 72 * 3600);
	assert_true(slice_is(p.format, "der"));
}

static void
test_csr_is_of_sign_alone(void **state)
{
	struct fixture *f = *state;
	struct leaf_params p;

	leaf_params_defaults(&p);
	assert_false(decode(f, &issue_params_schema, "{'csr': 'x'}", &p));
	assert_int_equal(f->e.code, ERR_UNKNOWN_FIELD);
	assert_false(decode(f, &sign_params_schema, "{'common_name': 'x'}", &p));
	assert_int_equal(f->e.code, ERR_MISSING_FIELD);
	assert_string_equal(f->e.field, "csr");
	assert_true(decode(f, &sign_params_schema, "{'csr': 'x'}", &p));
	assert_true(slice_is(p.csr, "x"));
}

static void
test_revoke_names(void **state)
{
	struct fixture *f = *state;
	struct revoke_params p = { .reason = SLICE_NONE };

	assert_true(decode(f, &revoke_params_schema, "{'serial': '01:02'}", &p));
	assert_true(slice_is(p.serial_number, "01:02"));
	assert_true(
	    decode(f, &revoke_params_schema, "{'serial': '01:02', 'serial_number': '01:02'}", &p));
	assert_false(
	    decode(f, &revoke_params_schema, "{'serial': '01:02', 'serial_number': '01:03'}", &p));
	assert_int_equal(f->e.code, ERR_DUPLICATE_FIELD);
	assert_string_equal(f->e.field, "serial_number");
}

static void
test_cert_read_names(void **state)
{
	struct fixture *f = *state;
	struct cert_read_params p;

	assert_true(decode(f, &cert_read_params_schema, "{'serial_number': 'crl'}", &p));
	assert_true(slice_is(p.serial, "crl"));
	assert_false(decode(f, &cert_read_params_schema, "{}", &p));
	assert_string_equal(f->e.field, "serial");
}

static void
test_mount(void **state)
{
	struct mount_params p;

	mount_params_defaults(&p);
	assert_true(decode(
	    *state, &mount_params_schema, "{'max_ttl': '87600h', 'allow_slow_keys': 'true'}", &p));
	assert_int_equal(p.default_ttl, SCHEMA_ABSENT);
	assert_int_equal(p.max_ttl, 87600 * 3600);
	assert_true(p.allow_slow_keys);
	assert_false(p.allow_clear_keys);
	assert_null(p.description.data);
}

static void
test_ca_generate(void **state)
{
	struct ca_params p;

	ca_params_defaults(&p);
	assert_true(decode(*state, &ca_root_params_schema, "{'common_name': 'Root'}", &p));
	assert_int_equal(p.ttl, SCHEMA_ABSENT);
	assert_int_equal(p.key_bits, SCHEMA_ABSENT);
	assert_int_equal(p.max_path_length, -1);
	assert_true(slice_is(p.key_type, "rsa"));
	assert_true(slice_is(p.format, "pem"));
	assert_true(slice_is(p.exported, "internal"));
	assert_true(decode(*state, &ca_root_params_schema,
	    "{'common_name': 'Root', 'key_bits': '384', 'key_type': 'ec', 'max_path_length': '-1', 'ttl': 60}",
	    &p));
	assert_int_equal(p.key_bits, 384);
	assert_int_equal(p.max_path_length, -1);
	assert_int_equal(p.ttl, 60);
}

/* "To remove the values, simply use a blank string": absent is unchanged, empty is cleared */
static void
test_urls(void **state)
{
	struct urls_params p = { .ocsp_servers = { NULL, 0 } };

	assert_true(decode(*state, &urls_params_schema,
	    "{'issuing_certificates': '', 'crl_distribution_points': 'http://a/crl,http://b/crl'}",
	    &p));
	assert_non_null(p.issuing_certificates.items);
	assert_int_equal(p.issuing_certificates.count, 0);
	expect_list(&p.crl_distribution_points, "http://a/crl", "http://b/crl");
	assert_null(p.ocsp_servers.items);
}

static void
test_page(void **state)
{
	struct page_params p;

	page_params_defaults(&p);
	assert_true(decode(*state, &page_params_schema, "{}", &p));
	assert_int_equal(p.limit, 100);
	assert_null(p.after.data);
	assert_true(decode(*state, &page_params_schema, "{'limit': '1000', 'after': 'x'}", &p));
	assert_int_equal(p.limit, 1000);
	assert_true(slice_is(p.after, "x"));
}

static void
test_read(void **state)
{
	struct read_params p;
	struct no_params none = { 0 };

	read_params_defaults(&p);
	assert_true(decode(*state, &read_params_schema, "{}", &p));
	assert_true(slice_is(p.format, "pem"));
	assert_true(decode(*state, &no_params_schema, "{}", &none));
	assert_false(decode(*state, &no_params_schema, "{'x': 1}", &none));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_leaf),
		TEST(test_csr_is_of_sign_alone),
		TEST(test_revoke_names),
		TEST(test_cert_read_names),
		TEST(test_mount),
		TEST(test_ca_generate),
		TEST(test_urls),
		TEST(test_page),
		TEST(test_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
