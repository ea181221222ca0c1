#include "uri.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *uri;
	const char *fault; /* NULL: none */
} cases[] = {
	{ "http://example.com", NULL }, { "https://example.com/a?b=c#d", NULL }, { "spiffe://domain/users/x", NULL }, { "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6", NULL },
	{ "ldap://[2001:db8::7]/c=GB?objectClass?one", NULL }, { "mailto:a@b.c", NULL }, { "http://u:p@h:8080/", NULL }, { "x:/", NULL }, { "a+b-c.1:x", NULL },
	{ "http://example.com/%41%c3%bc", NULL }, { "http://h:/", NULL },
	{ "", "no scheme" }, { "example.com", "no scheme" }, { "/path", "no scheme" }, { "//host/path", "no scheme" }, { ":x", "no scheme" }, { "1x:y", "no scheme" },
	{ "a b:c", "no scheme" }, { "http:", "nothing behind" }, { "http:// example.com", "character" }, { "http://example.com/\n", "character" },
	{ "http://b\xc3\xbc" "cher.de/", "character" }, { "http://example.com/<x>", "character" }, { "http://example.com/\"", "character" }, { "http://e/\\", "character" },
	{ "http://e/%4", "two hexadecimal" }, { "http://e/%zz", "two hexadecimal" }, { "http://e/%", "two hexadecimal" }, { "http://", "no host" }, { "http:///x", "no host" },
	{ "http://:80/", "no host" }, { "http://u@/", "no host" }, { "http://h:8o/", "port" }, { "http://[::1", "no end" }, { "http://[]/", "no end" },
};
/* clang-format on */

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *fault = uri_fault(slice_text(cases[i].uri));

		if ((fault == NULL) != (cases[i].fault == NULL) ||
		    (fault != NULL && strstr(fault, cases[i].fault) == NULL))
			fail_msg("%s: expected %s, came %s", cases[i].uri,
			    cases[i].fault == NULL ? "no fault" : cases[i].fault,
			    fault == NULL ? "none" : fault);
	}
}

static void
length(void **state)
{
	uint8_t text[URI_MAX + 1];

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "urn:", 4);
	assert_null(uri_fault(slice_of(text, URI_MAX)));
	assert_non_null(uri_fault(slice_of(text, URI_MAX + 1)));
	assert_non_null(uri_fault(SLICE_LITERAL("urn:a\0b")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
