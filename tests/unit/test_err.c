#include "err.h"

#include <openssl/err.h>
#include <openssl/evp.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
err_set_fills(void **state)
{
	struct err e;

	(void)state;
	memset(&e, 0xff, sizeof(e));
	assert_false(err_set(&e, ERR_STORE, "%d of %s", 3, "four"));
	assert_int_equal(e.code, ERR_STORE);
	assert_string_equal(e.field, "");
	assert_string_equal(e.msg, "3 of four");
	assert_false(err_field(&e, ERR_WRONG_TYPE, "params.ttl", "no %s", "text"));
	assert_int_equal(e.code, ERR_WRONG_TYPE);
	assert_string_equal(e.field, "params.ttl");
	assert_string_equal(e.msg, "no text");
}

/* What is quoted from a message becomes one line of UTF-8. */
static void
err_cleans_text(void **state)
{
	static const struct {
		const char *name, *given, *want;
	} cases[] = {
		{ "plain", "a b", "a b" },
		{ "line break", "a\r\nb", "a??b" },
		{ "terminal sequence", "\x1b[2J\x7f", "?[2J?" },
		{ "two bytes", "\xc3\xa9", "\xc3\xa9" },
		{ "three bytes", "\xe2\x82\xac", "\xe2\x82\xac" },
		{ "four bytes", "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80" },
		{ "C1 control", "\xc2\x9b", "??" },
		{ "lone continuation", "\x80x", "?x" },
		{ "cut off", "x\xe2\x82", "x??" },
		{ "two bytes too long", "\xc0\xaf", "??" },
		{ "three bytes too long", "\xe0\x80\xaf", "???" },
		{ "four bytes too long", "\xf0\x80\x80\xaf", "????" },
		{ "surrogate", "\xed\xa0\x80", "???" },
		{ "over the last", "\xf4\x90\x80\x80", "????" },
		{ "no lead byte", "\xff\xfe", "??" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;

		err_field(&e, ERR_MALFORMED, cases[i].given, "%s", cases[i].given);
		if (strcmp(e.msg, cases[i].want) != 0 || strcmp(e.field, cases[i].want) != 0)
			fail_msg("%s: expected \"%s\", came \"%s\" and \"%s\"", cases[i].name,
			    cases[i].want, e.msg, e.field);
	}
}

static void
err_cuts_at_a_character(void **state)
{
	char text[400] = "";
	struct err e;

	(void)state;
	for (size_t i = 0; i < 190; i++)
		strcat(text, "\xc3\xa9");
	err_field(&e, ERR_MALFORMED, text, "%s", text);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(strlen(e.field), sizeof(e.field) - 1);
	assert_string_equal(e.msg + sizeof(e.msg) - 4, "\xc3\xa9?");
	assert_string_equal(e.field + sizeof(e.field) - 4, "\xc3\xa9?");
}

static void
err_openssl_takes_oldest(void **state)
{
	struct err e;

	(void)state;
	ERR_clear_error();
	ERR_raise(ERR_LIB_EVP, EVP_R_INVALID_KEY);
	ERR_raise(ERR_LIB_X509, EVP_R_DECODE_ERROR);
	assert_false(err_openssl(&e, "EVP_Thing"));
	assert_int_equal(e.code, ERR_CRYPTO);
	assert_ptr_equal(strstr(e.msg, "EVP_Thing: error:"), e.msg);
	assert_non_null(strstr(e.msg, "invalid key"));
	assert_int_equal(ERR_peek_error(), 0);
	assert_false(err_openssl(&e, "EVP_Thing"));
	assert_string_equal(e.msg, "EVP_Thing: no reason given");
}

static void
err_errno_says_why(void **state)
{
	struct err e;

	(void)state;
	errno = ENOENT;
	assert_false(err_errno(&e, "open x"));
	assert_int_equal(e.code, ERR_SYSTEM);
	assert_string_equal(e.msg, "open x: No such file or directory");
}

/* Names are stable and there is no second one of any. */
static void
err_names(void **state)
{
	(void)state;
	assert_string_equal(err_name(ERR_UNKNOWN_ROLE), "unknown_role");
	assert_true(err_can_retry(ERR_STORE));
	assert_false(err_can_retry(ERR_MALFORMED));
	for (size_t i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		const char *name = err_name((enum err_code)i);

		if (err_from_name(name, strlen(name)) != (enum err_code)i)
			fail_msg("%s: code %zu does not come back from its name", name, i);
		assert_true(strlen(err_help((enum err_code)i)) > 0);
		assert_true(strlen(err_advice((enum err_code)i)) > 0);
	}
	assert_int_equal(err_from_name("unknown_rol", 11), ERR_NONE);
	assert_int_equal(err_from_name("none", 4), ERR_NONE);
	assert_int_equal(err_from_name("", 0), ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set_fills),
		cmocka_unit_test(err_cleans_text),
		cmocka_unit_test(err_cuts_at_a_character),
		cmocka_unit_test(err_openssl_takes_oldest),
		cmocka_unit_test(err_errno_says_why),
		cmocka_unit_test(err_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
