#include "glob.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *pattern, *subject;
	bool matches, folded;
} cases[] = {
	{ "", "", true, true }, { "", "a", false, false }, { "a", "", false, false }, { "a", "a", true, true }, { "a", "b", false, false },
	{ "a", "A", false, true }, { "*", "", true, true }, { "*", "anything at all", true, true }, { "**", "", true, true }, { "a*", "a", true, true },
	{ "a*", "abc", true, true }, { "a*", "ba", false, false }, { "*a", "a", true, true }, { "*a", "cba", true, true }, { "*a", "ab", false, false },
	{ "a*c", "ac", true, true }, { "a*c", "abbc", true, true }, { "a*c", "abbd", false, false }, { "a*c", "a", false, false },
	{ "a*b*c", "axxbyyc", true, true }, { "a*b*c", "axxcyyb", false, false }, { "*b*", "abc", true, true }, { "*b*", "ac", false, false },
	{ "*.example.com", "a.b.example.com", true, true }, { "*.example.com", ".example.com", true, true }, { "*.example.com", "example.com", false, false },
	{ "ftp*.example.com", "FTP1.Example.Com", false, true }, { "*ab", "aab", true, true }, { "*aab", "aaab", true, true }, { "ab*ab", "ab", false, false },
	{ "ab*ab", "abab", true, true }, { "a*a*a", "aa", false, false }, { "a*a*a", "aaa", true, true }, { "a?", "ab", false, false }, { "[a]", "a", false, false },
	{ "*ü*", "für", true, true }, { "a\\*", "a\\b", true, true }, { "*abc*bcd", "abcbcd", true, true }, { "*abc*bcd", "abcd", false, false },
};
/* clang-format on */

static void
table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct slice pattern = slice_text(cases[i].pattern);
		struct slice subject = slice_text(cases[i].subject);

		if (glob_match(pattern, subject) != cases[i].matches ||
		    glob_match_folded(pattern, subject) != cases[i].folded)
			fail_msg("\"%s\" on \"%s\"", cases[i].pattern, cases[i].subject);
	}
}

/* By the definition: the slow and plain way. */
static bool
matches_plainly(const char *p, const char *s)
{
	if (*p == '\0')
		return *s == '\0';
	if (*p == '*')
		return matches_plainly(p + 1, s) || (*s != '\0' && matches_plainly(p, s + 1));
	return *p == *s && matches_plainly(p + 1, s + 1);
}

static void
all_short_ones(void **state)
{
	char pattern[6] = "", subject[7] = "";

	(void)state;
	for (unsigned p = 0; p < 3 * 3 * 3 * 3 * 3; p++)
		for (unsigned s = 0; s < 64; s++) {
			for (unsigned i = 0, rest = p; i < 5; i++, rest /= 3)
				pattern[i] = "ab*"[rest % 3];
			for (unsigned i = 0; i < 6; i++)
				subject[i] = "ab"[s >> i & 1];
			if (glob_match(slice_text(pattern), slice_text(subject)) !=
			    matches_plainly(pattern, subject))
				fail_msg("\"%s\" on \"%s\"", pattern, subject);
		}
}

/* A pattern that makes naive matchers run for years. */
static void
many_stars(void **state)
{
	char pattern[202], subject[1001];

	(void)state;
	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[199] = 'b';
	pattern[200] = '*';
	pattern[201] = '\0';
	memset(subject, 'a', 1000);
	subject[1000] = '\0';
	assert_false(glob_match(slice_text(pattern), slice_text(subject)));
	subject[999] = 'b';
	assert_true(glob_match(slice_text(pattern), slice_text(subject)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(all_short_ones),
		cmocka_unit_test(many_stars),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
