/* A set of domains against the plain way of comparing: each with each. */
#include "domain_set.h"

#include "glob.h"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static const char *const domains[] = { "example.com", "Example.ORG", "a.example.com", "com",
	"*.wild.net", "ftp*.example.net", "x*x.foo", "*.*.foo", "user@mail.example.com",
	"mail.example.com", "b\303\274cher.de", "trailing.dot.", "localhost", "z", "", "*",
	"s.*.t.u", "xn--bcher-kva.example" };
static const char *const names[] = { "example.com", "EXAMPLE.com", "www.example.com",
	"a.b.example.com", "xexample.com", "example.com.", "*.example.com", "f*.example.com",
	"example.org", "a.example.org", "com", "a.com", "*.com", "*.wild.net", "a.wild.net",
	"b.a.wild.net", "ftp1.example.net", "ftp.a.example.net", "ftp*.example.net", "xyx.foo",
	"x*x.foo", "a.b.foo", "user@mail.example.com", "other@mail.example.com",
	"user@a.mail.example.com", "user@example.com", "xn--bcher-kva.de", "a.xn--bcher-kva.de",
	"B\303\234CHER.de", "trailing.dot.", "a.trailing.dot.", "trailing.dot", "localhost",
	"a.localhost", "z", "a.z", "*.z", "*", "s.q.r.t.u", "s.t.u", "b\303\274cher.example",
	"nothing.like.it" };

static bool
plainly(struct slice domain, const struct role *role, const struct name *n)
{
	if (role->allow_bare_domains &&
	    (name_equal(n->ascii, domain) ||
		(n->kind == NAME_EMAIL && name_equal(n->host, domain))))
		return true;
	if (role->allow_subdomains &&
	    (name_ends_with_label(n->base, domain) || (n->wildcard && name_equal(n->base, domain))))
		return true;
	return role->allow_glob_domains && memchr(domain.data, '*', domain.len) != NULL &&
	    glob_match_folded(domain, n->ascii);
}

static void
check(const struct slice *texts, size_t count, const struct role *role, const struct name *n)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct slice_list list = { arena_array(&a, count, sizeof(struct slice)), count };
	struct domain_set set;
	bool wanted = false;

	memcpy(list.items, texts, count * sizeof(*texts));
	domain_set_make(&list, &a, &set);
	for (size_t i = 0; i < count; i++) {
		struct slice ascii = texts[i];
		struct err e;

		if (!name_is_ascii(ascii))
			assert_true(name_to_ascii(ascii, "domain", &a, &ascii, &e));
		wanted = wanted || (ascii.len > 0 && plainly(ascii, role, n));
	}
	if (domain_set_allows(&set, role, n) != wanted)
		fail_msg("%.*s, %zu domains from %.*s: expected it to be %s", SLICE_FMT(n->text),
		    count, SLICE_FMT(texts[0]), wanted ? "allowed" : "refused");
	if (count == 1 && domain_allows(texts[0], role, n, &a) != wanted)
		fail_msg("%.*s, %.*s by itself", SLICE_FMT(n->text), SLICE_FMT(texts[0]));
}

/* Each domain alone, and all of them from each on, in all modes. */
static void
against_the_plain_way(void **state)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct slice texts[COUNT(domains)];

	(void)state;
	for (size_t i = 0; i < COUNT(domains); i++)
		texts[i] = slice_text(domains[i]);
	for (unsigned modes = 0; modes < 8; modes++) {
		const struct role role = { .allow_bare_domains = modes & 1,
			.allow_subdomains = modes & 2,
			.allow_glob_domains = modes & 4 };

		for (size_t n = 0; n < COUNT(names); n++) {
			struct name name;
			struct err e;

			if (!name_parse(slice_text(names[n]), "name", &a, &name, &e))
				fail_msg("%s: %s", names[n], e.msg);
			for (size_t i = 0; i < COUNT(domains); i++) {
				check(&texts[i], 1, &role, &name);
				check(&texts[i], COUNT(domains) - i, &role, &name);
			}
		}
	}
}

/* IDN and globs together; what has no ASCII form matches nothing and harms nothing. */
static void
odd_ones(void **state)
{
	static const struct {
		const char *domain, *name;
		bool allowed;
	} cases[] = {
		{ "*.b\303\274cher.de", "a.xn--bcher-kva.de", true },
		{ "*.b\303\274cher.de", "a.b\303\274cher.de", true },
		{ "f*.B\303\234CHER.de", "foo.b\303\274cher.de", true },
		{ "*\303\274cher.de", "b\303\274cher.de", false },
		{ "\xff", "xn--a", false },
	};
	const struct role role = { .allow_glob_domains = true, .allow_bare_domains = true };

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct slice text = slice_text(cases[i].domain);
		struct domain_set set;
		struct name name = { .kind = NAME_DNS };
		struct err e;

		domain_set_make(&(struct slice_list){ &text, 1 }, &a, &set);
		if (!name_parse(slice_text(cases[i].name), "name", &a, &name, &e))
			name.ascii = name.host = name.base = slice_text(cases[i].name);
		if (domain_set_allows(&set, &role, &name) != cases[i].allowed)
			fail_msg("%s under %s", cases[i].name, cases[i].domain);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(against_the_plain_way),
		cmocka_unit_test(odd_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
