#include "oid.h"

#include <openssl/objects.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *text;
	bool dotted, valid;
} cases[] = {
	{ "1.2", true, true }, { "0.0", true, true }, { "1.39", true, true }, { "2.999", true, true }, { "1.2.840.113549.1.1.1", true, true },
	{ "2.16.840.1.113883.3.4.5", true, true }, { "1.3.6.1.4.1.311.20.2.3", true, true }, { "1.2.0", true, true }, { "1.2.127.128.16383.16384", true, true },
	{ "2.5.4.9223372036854775807", true, true }, { "2.9223372036854775727", true, true },
	{ "3.1", true, false }, { "4.3.2.1", true, false }, { "1.40", true, false }, { "0.40", true, false },
	{ "", false, false }, { "1", false, false }, { ".", false, false }, { "1.", false, false }, { ".1", false, false }, { "1..2", false, false },
	{ "1.2.", false, false }, { "1.2.x", false, false }, { "1.2.-3", false, false }, { "1.2. 3", false, false }, { " 1.2", false, false }, { "1.02", false, false },
	{ "01.2", false, false }, { "1.2.9223372036854775808", false, false }, { "1.2.99999999999999999999999999", false, false }, { "a.b", false, false },
	{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32", true, true },
	{ "1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21.22.23.24.25.26.27.28.29.30.31.32.33", false, false },
};
/* clang-format on */

static void
check_encoding(const char *text, struct slice content)
{
	ASN1_OBJECT *object = OBJ_txt2obj(text, 1);

	if (object == NULL) /* OpenSSL takes no such numbers */
		return;
	if (!slice_eq(content, slice_of(OBJ_get0_data(object), OBJ_length(object))))
		fail_msg("%s is not encoded as OpenSSL has it", text);
	ASN1_OBJECT_free(object);
}

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct slice text = slice_text(cases[i].text), content;
		bool valid = oid_parse(text, &a, &content);

		if (valid != cases[i].valid || oid_is_dotted(text) != cases[i].dotted)
			fail_msg("\"%s\" is taken for what it is not", cases[i].text);
		if (!valid)
			continue;
		check_encoding(cases[i].text, content);
		if (!slice_eq(oid_text(content, &a), text))
			fail_msg("%s came back as %.*s", cases[i].text,
			    SLICE_FMT(oid_text(content, &a)));
	}
}

static void
broken_octets(void **state)
{
	struct arena a SCOPED_ARENA = { 0 };

	(void)state;
	assert_int_equal(oid_text(SLICE_LITERAL(""), &a).len, 0);
	assert_int_equal(oid_text(SLICE_LITERAL("\x2a\x80"), &a).len, 0);
	assert_int_equal(
	    oid_text(SLICE_LITERAL("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"), &a).len, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(broken_octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
