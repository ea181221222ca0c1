#include "name.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

/* clang-format off */
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A61 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HOST_253 A63 "." A63 "." A63 "." A61

static const struct {
	const char *name;
	bool hostname;
} hostnames[] = {
	{ "example.com", true }, { "EXAMPLE.com", true }, { "a", true }, { "1", true }, { "1.example.com", true },
	{ "localhost", true }, { "localhost.", true }, { "www.example.com.", true }, { "1.2.3.4", true },
	{ "a-b.c", true }, { "a--b.c", true }, { "xn--bcher-kva.de", true }, { HOST_253, true }, { HOST_253 ".", true },
	{ "*.example.com", true }, { "*.com", true }, { "*.example.com.", true }, { "*test.example.com", true },
	{ "test*.example.com", true }, { "te*st.example.com", true }, { "*1.a", true }, { "a*b.c", true }, { "a-b*c-d.e", true },
	{ "", false }, { ".", false }, { "..", false }, { ".a", false }, { "a..b", false }, { "a..", false },
	{ "-a.b", false }, { "a-.b", false }, { "-", false }, { "a_b.c", false }, { "a b.c", false }, { "a@b.c", false },
	{ "*", false }, { "*.", false }, { "*.*.b", false }, { "**.b", false }, { "a.*.b", false }, { "b.*", false },
	{ "*-a.b", false }, { "a-*.b", false }, { "-*.b", false }, { "a*", false }, { "*a*.b", false }, { "a*b", false },
	{ "xn--*.b", false }, { "xn--a*b.c", false }, { "XN--*.b", false }, { "b\xc3\xbc.de", false }, { "a.b\n", false },
	{ "a/b", false }, { "a:1", false }, { "a" A63 ".b", false }, { "a" HOST_253, false }, { "*." HOST_253, false },
	{ A63 ".example.com", true }, { "*" A63 ".b", false },
};

/* kind: 'd', 'e', or 0 when it is refused */
static const struct {
	struct slice text;
	char kind;
} classes[] = {
	{ { (const uint8_t *)"example.com", 11 }, 'd' }, { { (const uint8_t *)"Foo Bar", 7 }, 'd' },
	{ { (const uint8_t *)"b\xc3\xbc", 3 }, 'd' }, { { (const uint8_t *)"a@b", 3 }, 'e' },
	{ { (const uint8_t *)"a.b+c@example.com", 17 }, 'e' }, { { (const uint8_t *)"", 0 }, 0 },
	{ { (const uint8_t *)"@", 1 }, 0 }, { { (const uint8_t *)"a@", 2 }, 0 }, { { (const uint8_t *)"@a", 2 }, 0 },
	{ { (const uint8_t *)"a@b@c", 5 }, 0 }, { { (const uint8_t *)"a@@c", 4 }, 0 },
	{ { (const uint8_t *)"a\0b", 3 }, 0 }, { { (const uint8_t *)"good.com\0.evil", 14 }, 0 },
	{ { (const uint8_t *)"a\nb", 3 }, 0 }, { { (const uint8_t *)"a\rb", 3 }, 0 }, { { (const uint8_t *)"a\tb", 3 }, 0 },
	{ { (const uint8_t *)"a\x7f", 2 }, 0 }, { { (const uint8_t *)"a@b\x1b", 4 }, 0 },
};

/* ascii NULL: refused, and says is in the message */
static const struct {
	const char *text, *ascii, *says;
} conversions[] = {
	{ "example.com", "example.com", NULL },
	{ "EXAMPLE.com.", "EXAMPLE.com.", NULL },
	{ "Foo Bar", "Foo Bar", NULL },
	{ "foo_bar", "foo_bar", NULL },
	{ "b\xc3\xbc" "cher.example.com", "xn--bcher-kva.example.com", NULL },
	{ "B\xc3\x9c" "CHER.Example.com", "xn--bcher-kva.example.com", NULL },
	{ "bu\xcc\x88" "cher.de", "xn--bcher-kva.de", NULL }, /* decomposed */
	{ "b\xc3\xbc" "cher.de.", "xn--bcher-kva.de.", NULL },
	{ "*.b\xc3\xbc" "cher.de", "*.xn--bcher-kva.de", NULL },
	{ "f*o.b\xc3\xbc" "cher.de", "f*o.xn--bcher-kva.de", NULL },
	{ "\xc3\xa9.example", "xn--9ca.example", NULL },
	{ "fa\xc3\x9f.de", "xn--fa-hia.de", NULL }, /* not transitional: no "fass.de" */
	{ "b\xc3\xbc" "cher\xe3\x80\x82" "de", "xn--bcher-kva.de", NULL }, /* ideographic full stop */
	{ "\xef\xbc\xa5xample.com", "example.com", NULL }, /* full width E */
	{ "da\xc9\xaa\xcb\x88\xc9\x9br\xc9\xa8s\xc9\xa8s", "xn--darss-rlc6gbn45g", NULL },
	{ "xn--bcher-kva.de", "xn--bcher-kva.de", NULL },
	{ "XN--BCHER-KVA.de", "XN--BCHER-KVA.de", NULL },
	{ "*.xn--bcher-kva.de", "*.xn--bcher-kva.de", NULL },
	{ A63 ".com", A63 ".com", NULL },
	{ HOST_253, HOST_253, NULL },
	{ HOST_253 ".", HOST_253 ".", NULL },
	{ "", NULL, "empty" },
	{ ".", NULL, "without a label" },
	{ "..", NULL, "empty label" },
	{ ".example.com", NULL, "empty label" },
	{ "a..b", NULL, "empty label" },
	{ "a" A63 ".com", NULL, "a label of 64 octets" },
	{ "a" HOST_253, NULL, "254 octets" },
	{ "b\xc3\xbc..de", NULL, "" },
	{ "\xef\xbc\x8a.example.com", NULL, "in disguise" }, /* full width '*' */
	{ "a\xef\xbc\xa0" "example.com", NULL, "in disguise" }, /* full width '@' */
	{ "b\xc3\xbc*.de", NULL, "out of place" },
	{ "a.*.b\xc3\xbc.de", NULL, "out of place" },
	{ "b\xff.de", NULL, "IDNA" }, /* no UTF-8 */
	{ "xn--\xc3\xbc.de", NULL, "IDNA" },
	{ "xn--a-.de", "xn--a-.de", NULL }, /* no host name: goes nowhere */
	{ "*.xn--0000000000.de", NULL, "IDNA" },
	{ "b\xc3\xbc.xn--0000000000.de", NULL, "IDNA" },
	{ "xn--0000000000.de", NULL, "IDNA" },
	{ "a\xef\xbf\xbd.de", NULL, "IDNA" }, /* replacement character */
};

static const struct {
	const char *name;
	bool ok, wildcard;
	const char *rest;
} wildcards[] = {
	{ "example.com", true, false, "example.com" }, { "*.example.com", true, true, "example.com" },
	{ "f*o.example.com", true, true, "example.com" }, { "*", true, true, "" }, { "a*b", true, true, "" },
	{ "a@b", true, false, "a@b" },
	{ "*.*.com", false, true, NULL }, { "**.com", false, true, NULL }, { "a.*.com", false, true, NULL },
	{ "a.*", false, true, NULL }, { "a@*.com", false, true, NULL }, { "*@a.com", false, true, NULL },
};

static const struct {
	const char *name, *domain;
	bool below;
} suffixes[] = {
	{ "a.example.com", "example.com", true }, { "A.EXAMPLE.com", "example.COM", true }, { "a.b.example.com", "example.com", true },
	{ "example.com", "example.com", false }, { "xexample.com", "example.com", false }, { ".example.com", "example.com", false },
	{ "a.example.com.", "example.com", false }, { "a.example.com.", "example.com.", true }, { "a.com", "", false },
	{ "com", "example.com", false }, { "", "", false }, { "a.example.com", ".example.com", false }, { "a.example.com", "com", true },
};

static const struct {
	const char *text;
	const char *ascii; /* NULL: refused */
	const char *host, *base;
	bool wildcard, valid_labels, hostname;
} names[] = {
	{ "example.com", "example.com", "example.com", "example.com", false, true, true },
	{ "*.example.com", "*.example.com", "*.example.com", "example.com", true, true, true },
	{ "f*-.example.com", "f*-.example.com", "f*-.example.com", "example.com", true, false, false },
	{ "*", "*", "*", "", true, true, false },
	{ "Foo Bar", "Foo Bar", "Foo Bar", "Foo Bar", false, false, false },
	{ "u@example.com", "u@example.com", "example.com", "example.com", false, true, true },
	{ "u@b\xc3\xbc" "cher.de", "u@xn--bcher-kva.de", "xn--bcher-kva.de", "xn--bcher-kva.de", false, true, true },
	{ "u@any thing", "u@any thing", "any thing", "any thing", false, false, false },
	{ "Foo B\xc3\xa4r", "xn--foo br-fua", "xn--foo br-fua", "xn--foo br-fua", false, false, false },
	{ "\xc3\xbc@example.com", NULL, NULL, NULL, false, false, false },
	{ "u@*.example.com", NULL, NULL, NULL, false, false, false },
	{ "u*@example.com", NULL, NULL, NULL, false, false, false },
	{ "u@a..b", NULL, NULL, NULL, false, false, false },
	{ "u@" HOST_253, NULL, NULL, NULL, false, false, false },
	{ "aa" A63 "@example.com", NULL, NULL, NULL, false, false, false },
	{ "a.*.b", NULL, NULL, NULL, false, false, false },
};
/* clang-format on */

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static void
hostname_grammar(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hostnames); i++)
		if (name_is_hostname(slice_text(hostnames[i].name)) != hostnames[i].hostname)
			fail_msg("\"%s\": expected it to be %s host name", hostnames[i].name,
			    hostnames[i].hostname ? "a" : "no");
}

static void
classify(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(classes); i++) {
		enum name_kind kind = NAME_DNS;
		struct err e = { 0 };
		bool ok = name_classify(classes[i].text, "alt_names", &kind, &e);
		char got = !ok ? 0 : kind == NAME_EMAIL ? 'e' : 'd';

		if (got != classes[i].kind)
			fail_msg("case %zu \"%.*s\": expected '%c', got '%c' (%s)", i,
			    SLICE_FMT(classes[i].text), classes[i].kind, got, e.msg);
		if (!ok) {
			assert_int_equal(e.code, ERR_INVALID_VALUE);
			assert_string_equal(e.field, "alt_names");
		}
	}
}

static void
to_ascii(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(conversions); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		struct slice got = SLICE_NONE;
		struct err e = { 0 };
		bool ok = name_to_ascii(
		    slice_text(conversions[i].text), "common_name", &a, &got, &e);

		if (conversions[i].ascii != NULL) {
			if (!ok || !slice_is(got, conversions[i].ascii))
				fail_msg("\"%s\": expected \"%s\", got \"%.*s\" (%s)",
				    conversions[i].text, conversions[i].ascii, SLICE_FMT(got),
				    e.msg);
			continue;
		}
		if (ok)
			fail_msg("\"%s\": expected a refusal, got \"%.*s\"", conversions[i].text,
			    SLICE_FMT(got));
		if (strstr(e.msg, conversions[i].says) == NULL || e.code != ERR_INVALID_VALUE ||
		    strcmp(e.field, "common_name") != 0)
			fail_msg("\"%s\": expected \"...%s...\", got %s on %s: %s",
			    conversions[i].text, conversions[i].says, err_name(e.code), e.field,
			    e.msg);
	}
}

static void
wildcard(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(wildcards); i++) {
		bool is = false;
		struct slice rest = SLICE_NONE;
		bool ok = name_wildcard(slice_text(wildcards[i].name), &is, &rest);

		if (ok != wildcards[i].ok || is != wildcards[i].wildcard ||
		    (ok && !slice_is(rest, wildcards[i].rest)))
			fail_msg("\"%s\": got ok %d, wildcard %d, rest \"%.*s\"", wildcards[i].name,
			    ok, is, SLICE_FMT(rest));
	}
}

static void
suffix(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(suffixes); i++)
		if (name_ends_with_label(slice_text(suffixes[i].name),
			slice_text(suffixes[i].domain)) != suffixes[i].below)
			fail_msg("\"%s\" below \"%s\": expected %d", suffixes[i].name,
			    suffixes[i].domain, suffixes[i].below);
}

static void
parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		SCOPED_ARENA struct arena a = { 0 };
		struct name n;
		struct err e = { 0 };
		bool ok = name_parse(slice_text(names[i].text), "alt_names", &a, &n, &e);

		if (ok != (names[i].ascii != NULL))
			fail_msg("\"%s\": got %s \"%.*s\" (%s)", names[i].text,
			    ok ? "a name" : "a refusal", SLICE_FMT(n.ascii), e.msg);
		if (!ok)
			continue;
		if (!slice_is(n.ascii, names[i].ascii) || !slice_is(n.host, names[i].host) ||
		    !slice_is(n.base, names[i].base))
			fail_msg("\"%s\": got ascii \"%.*s\", host \"%.*s\", base \"%.*s\"",
			    names[i].text, SLICE_FMT(n.ascii), SLICE_FMT(n.host),
			    SLICE_FMT(n.base));
		if (n.wildcard != names[i].wildcard || n.valid_labels != names[i].valid_labels ||
		    n.hostname != names[i].hostname)
			fail_msg("\"%s\": got wildcard %d, valid labels %d, hostname %d",
			    names[i].text, n.wildcard, n.valid_labels, n.hostname);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostname_grammar),
		cmocka_unit_test(classify),
		cmocka_unit_test(to_ascii),
		cmocka_unit_test(wildcard),
		cmocka_unit_test(suffix),
		cmocka_unit_test(parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
