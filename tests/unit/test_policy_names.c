#include "policy_check.h"

#include <arpa/inet.h>

#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BUCHER \
	"b\xc3\xbc" \
	"cher"

/*
 * One row a decision. Lists are comma texts. Refused: code and field (and a part of the message). Allowed: code NULL, and
 * the SANs; a list that is NULL must be empty.
 */
struct policy_case {
	const char *name;
	const char *role;
	const char *cn, *alt, *ips;
	const char *display_name;
	const char *code, *field, *says;
	const char *dns, *emails, *ip;
	const char *warning; /* a code that must be among them; NULL: there is none */
};

/* clang-format off */
#define SUB "allowed_domains=example.com +allow_subdomains "
#define BARE "allowed_domains=example.com +allow_bare_domains "
#define ANY "+allow_any_name "
#define HOST "+enforce_hostnames "
#define ALLOW(dns_) .dns = (dns_)
#define DENY(says_) .code = "name_not_allowed", .field = "common_name", .says = (says_)
#define BAD(says_) .code = "invalid_value", .field = "common_name", .says = (says_)

static const struct policy_case common_names[] = {
	/* sub-domains */
	{ "below the domain", SUB, "foo.example.com", ALLOW("foo.example.com") },
	{ "far below", SUB, "a.b.c.example.com", ALLOW("a.b.c.example.com") },
	{ "case", SUB, "foo.EXAMPLE.COM", ALLOW("foo.EXAMPLE.COM") },
	{ "case of the domain", "allowed_domains=EXAMPLE.Com +allow_subdomains", "foo.example.com", ALLOW("foo.example.com") },
	{ "the second domain", "allowed_domains=foo.org,example.com +allow_subdomains", "foo.example.com", ALLOW("foo.example.com") },
	{ "the domain itself", SUB, "example.com", DENY("it would need allow_bare_domains") },
	{ "no dot before it", SUB, "xexample.com", DENY("it is no sub-domain of example.com") },
	{ "dot in front", SUB, ".example.com", BAD("empty label") },
	{ "another domain", SUB, "x.evil.org", DENY("common_name \"x.evil.org\" is not allowed by the role: it is no sub-domain of example.com") },
	{ "the domain in front", SUB, "example.com.evil.org", DENY("no sub-domain") },
	{ "several domains", "allowed_domains=a.com,b.com +allow_subdomains", "x.evil.org", DENY("none of its 2 allowed_domains") },
	{ "no domains", "+allow_subdomains", "x.evil.org", DENY("no allowed_domains and not allow_any_name") },
	{ "below, but no sub-domains", BARE, "foo.example.com", DENY("it would need allow_subdomains") },
	{ "another domain, bare", BARE, "x.evil.org", DENY("it is no match for example.com") },
	{ "another domain, both", BARE "+allow_subdomains", "x.evil.org", DENY("it is neither below nor example.com") },
	{ "no match of a glob", "allowed_domains=*.example.com +allow_glob_domains", "example.com", DENY("it is no match for *.example.com") },
	{ "neither bare nor sub", "allowed_domains=example.com", "example.com", DENY("it would need allow_bare_domains") },
	{ "neither bare nor sub, below", "allowed_domains=example.com", "a.example.com", DENY("it would need allow_subdomains") },
	{ "trailing dot", SUB, "foo.example.com.", DENY("no sub-domain") },
	{ "trailing dot, enforced", SUB HOST, "foo.example.com.", DENY("no sub-domain") },
	{ "trailing dot of both", "allowed_domains=example.com. +allow_subdomains", "foo.example.com.", ALLOW("foo.example.com.") },
	{ "an empty domain", "allowed_domains=, +allow_subdomains +allow_bare_domains", "example.com", DENY("") },
	{ "an empty domain, dot behind", "allowed_domains=, +allow_subdomains +allow_bare_domains", "example.com.", DENY("") },
	/* bare */
	{ "bare", BARE, "example.com", ALLOW("example.com") },
	{ "bare, case", BARE, "Example.COM", ALLOW("Example.COM") },
	{ "bare and its wildcard", BARE, "*.example.com", DENY("it would need allow_subdomains") },
	{ "a wildcard among the domains", "allowed_domains=*.example.com +allow_bare_domains", "*.example.com", ALLOW("*.example.com") },
	{ "what such a wildcard covers", "allowed_domains=*.example.com +allow_bare_domains", "foo.example.com", DENY("") },
	{ "below a wildcard domain", "allowed_domains=*.example.com +allow_subdomains", "foo.bar.example.com", DENY("") },
	{ "a wildcard below a wildcard domain", "allowed_domains=*.example.com +allow_subdomains", "*.example.com", DENY("") },
	{ "a partial wildcard among the domains", "allowed_domains=x*x.foo +allow_bare_domains", "x*x.foo", ALLOW("x*x.foo") },
	{ "no globs yet", "allowed_domains=x*x.foo +allow_bare_domains +allow_subdomains", "xerox.foo", DENY("") },
	/* wildcards */
	{ "wildcard", SUB, "*.example.com", ALLOW("*.example.com") },
	{ "wildcard below", SUB, "*.a.example.com", ALLOW("*.a.example.com") },
	{ "wildcard, enforced", SUB HOST, "*.example.com", ALLOW("*.example.com") },
	{ "wildcard, case", SUB, "*.EXAMPLE.com", ALLOW("*.EXAMPLE.com") },
	{ "wildcard over the domain", SUB, "*.com", DENY("no sub-domain") },
	{ "wildcard of nothing", SUB, "*", DENY("no sub-domain") },
	{ "wildcard within", SUB, "a.*.example.com", BAD("first label") },
	{ "two wildcards", SUB, "*.*.example.com", BAD("once") },
	{ "double wildcard", SUB, "**.example.com", BAD("once") },
	{ "f*o", SUB HOST, "f*o.example.com", ALLOW("f*o.example.com") },
	{ "foo*", SUB HOST, "foo*.example.com", ALLOW("foo*.example.com") },
	{ "*foo", SUB HOST, "*foo.example.com", ALLOW("*foo.example.com") },
	{ "f*-, enforced", SUB HOST, "f*-.example.com", DENY("enforce_hostnames") },
	{ "f*- is no host name", SUB, "f*-.example.com", .dns = NULL },
	{ "wildcard in an A-label", SUB HOST, "xn--*.example.com", DENY("enforce_hostnames") },
	{ "glued wildcard", SUB, "*example.com", DENY("no sub-domain") },
	{ "full width wildcard", SUB, "\xef\xbc\x8a.example.com", BAD("in disguise") },
	/* localhost */
	{ "localhost", SUB, "localhost", ALLOW("localhost") },
	{ "localdomain", "", "localdomain", ALLOW("localdomain") },
	{ "localhost, case", "", "LOCALHOST", ALLOW("LOCALHOST") },
	{ "localhost, not allowed", "-allow_localhost", "localhost", DENY("it would need allow_localhost") },
	{ "localhost with a dot", "", "localhost.", DENY("") },
	{ "below localhost", "", "foo.localhost", DENY("it would need allow_subdomains") },
	{ "below localhost, sub-domains", "+allow_subdomains", "foo.localhost", ALLOW("foo.localhost") },
	{ "below localdomain, sub-domains", "+allow_subdomains", "foo.localdomain", ALLOW("foo.localdomain") },
	{ "wildcard of localhost", "", "*.localhost", ALLOW("*.localhost") },
	{ "wildcard of localdomain", "", "*.localdomain", ALLOW("*.localdomain") },
	{ "wildcard of localhost, not allowed", "-allow_localhost +allow_subdomains", "*.localhost", DENY("allow_localhost") },
	{ "localhost as a domain", "-allow_localhost allowed_domains=localhost +allow_bare_domains", "localhost", ALLOW("localhost") },
	{ "user@localhost", "", "user@localhost", .emails = "user@localhost" },
	{ "notlocalhost", "+allow_subdomains", "notlocalhost", DENY("") },
	/* the hostname grammar */
	{ "'_', enforced", SUB HOST, "foo_bar.example.com", DENY("enforce_hostnames") },
	{ "'_' goes into no SAN", SUB, "foo_bar.example.com", .dns = NULL },
	{ "space, enforced", SUB HOST, "foo bar.example.com", DENY("enforce_hostnames") },
	{ "hyphen in front", SUB HOST, "-foo.example.com", DENY("enforce_hostnames") },
	{ "hyphen behind", SUB HOST, "foo-.example.com", DENY("enforce_hostnames") },
	{ "two hyphens within", SUB HOST, "f--oo.example.com", ALLOW("f--oo.example.com") },
	{ "empty label", SUB, "foo..example.com", BAD("empty label") },
	{ "63 octets", SUB HOST, A63 ".example.com", .dns = A63 ".example.com", .warning = "common_name_too_long" },
	{ "64 octets", SUB, "a" A63 ".example.com", BAD("64 octets") },
	{ "over 253 octets", SUB, A63 "." A63 "." A63 "." A63 ".example.com", BAD("267 octets") },
	{ "an address of four numbers", SUB HOST, "1.2.3.4", DENY("") },
	{ "NUL is kept out by its length", SUB, "foo.example.com\n", BAD("control character") },
	{ "DEL", SUB, "foo\x7f.example.com", BAD("control character") },
	/* IDN */
	{ "IDN below", SUB HOST, BUCHER ".example.com", ALLOW("xn--bcher-kva.example.com") },
	{ "IDN domain", "allowed_domains=" BUCHER ".de +allow_subdomains", "a." BUCHER ".de", ALLOW("a.xn--bcher-kva.de") },
	{ "IDN domain, case", "allowed_domains=" BUCHER ".de +allow_subdomains", "a.B\xc3\x9c" "CHER.DE", ALLOW("a.xn--bcher-kva.de") },
	{ "IDN domain, name in A-labels", "allowed_domains=" BUCHER ".de +allow_subdomains", "a.xn--bcher-kva.de", ALLOW("a.xn--bcher-kva.de") },
	{ "A-label domain, name in letters", "allowed_domains=xn--bcher-kva.de +allow_subdomains", "a." BUCHER ".de", ALLOW("a.xn--bcher-kva.de") },
	{ "IDN domain, bare", "allowed_domains=x.org," BUCHER ".de +allow_bare_domains", BUCHER ".de", ALLOW("xn--bcher-kva.de") },
	{ "IDN domain, wildcard", "allowed_domains=" BUCHER ".de +allow_subdomains", "*." BUCHER ".de", ALLOW("*.xn--bcher-kva.de") },
	{ "IDN domain, address", "allowed_domains=" BUCHER ".de +allow_bare_domains", "u@" BUCHER ".de", .emails = "u@xn--bcher-kva.de" },
	{ "IDN domain, another", "allowed_domains=" BUCHER ".de +allow_subdomains", "a.bucher.de", DENY("no sub-domain") },
	{ "a broken A-label", ANY, "xn--0000000000.de", BAD("IDNA") },
	{ "broken UTF-8", ANY, "b\xff.de", BAD("IDNA") },
	{ "ideographic full stop", SUB, "a\xe3\x80\x82" "example.com", ALLOW("a.example.com") },
	{ "full width '@'", SUB, "a\xef\xbc\xa0x.example.com", BAD("in disguise") },
	/* any name */
	{ "any", ANY, "anything.at.all", ALLOW("anything.at.all") },
	{ "any, enforced", ANY HOST, "anything.at.all", ALLOW("anything.at.all") },
	{ "Foo Bar", ANY, "Foo Bar", .dns = NULL },
	{ "Foo Bar, enforced", ANY HOST, "Foo Bar", DENY("enforce_hostnames") },
	{ "Foo Bar without any", SUB, "Foo Bar", DENY("") },
	{ "Foo B\xc3\xa4r", ANY, "Foo B\xc3\xa4r", .dns = NULL },
	{ "any, wildcard of nothing", ANY HOST, "*", .dns = NULL },
	{ "any, wildcard without a dot", ANY, "a*b", .dns = NULL },
	{ "any, wildcard", ANY HOST, "*.com", ALLOW("*.com") },
	{ "any, double wildcard", ANY, "**.x", BAD("once") },
	{ "any, '_'", ANY, "x_y.z", .dns = NULL },
	{ "any, '_', enforced", ANY HOST, "x_y.z", DENY("enforce_hostnames") },
	{ "any, IDN", ANY HOST, "\xc3\xa9.example", ALLOW("xn--9ca.example") },
	{ "any, four numbers", ANY, "1.2.3.4", ALLOW("1.2.3.4") },
	{ "any, control character", ANY, "a\x01" "b", BAD("control character") },
	{ "any, longer than RFC 5280 has it", ANY, "Foo Bar. Foo Bar. Foo Bar. Foo Bar. Foo Bar. Foo Bar. Foo Bar. Foo", .dns = NULL, .warning = "common_name_too_long" },
	/* e-mail */
	{ "address below", SUB, "user@foo.example.com", .emails = "user@foo.example.com" },
	{ "address below, case", SUB, "user@foo.EXAMPLE.com", .emails = "user@foo.EXAMPLE.com" },
	{ "address at the domain", SUB, "user@example.com", DENY("it would need allow_bare_domains") },
	{ "address at the domain, bare", BARE, "user@EXAMPLE.com", .emails = "user@EXAMPLE.com" },
	{ "address elsewhere", SUB, "user@example.org", DENY("no sub-domain") },
	{ "an address whose local part ends like a domain", SUB, "x.example.com@evil.org", DENY("no sub-domain") },
	{ "address as a domain", "allowed_domains=alice@example.com +allow_bare_domains", "alice@EXAMPLE.com", .emails = "alice@EXAMPLE.com" },
	{ "another address than the domain's", "allowed_domains=alice@example.com +allow_bare_domains", "bob@example.com", DENY("") },
	{ "host of an address as a domain", "allowed_domains=alice@example.com +allow_bare_domains", "example.com", DENY("") },
	{ "below an address", "allowed_domains=alice@example.com +allow_subdomains", "a.example.com", DENY("") },
	{ "two '@'", SUB, "a@b@example.com", BAD("one '@'") },
	{ "no local part", ANY, "@example.com", BAD("one '@'") },
	{ "no host", ANY, "user@", BAD("one '@'") },
	{ "wildcard address", SUB, "user@*.example.com", BAD("e-mail") },
	{ "wildcard in the local part", ANY, "*@example.com", BAD("e-mail") },
	{ "any address", ANY HOST, "user@anything", .emails = "user@anything" },
	{ "address, host with a space", ANY, "user@any thing", .emails = "user@any thing" },
	{ "address, host with a space, enforced", ANY HOST, "user@any thing", DENY("enforce_hostnames") },
	{ "address, IDN host", ANY HOST, "u@" BUCHER ".de", .emails = "u@xn--bcher-kva.de" },
	{ "address, local part not ASCII", ANY, "\xc3\xbc@example.com", BAD("must be ASCII") },
	{ "address, local part too long", ANY, "aa" A63 "@example.com", BAD("too long") },
	/* display name */
	{ "display name off", "", "host.example.net", .display_name = "host.example.net", DENY("it would need allow_token_displayname") },
	{ "display name", "+allow_token_displayname", "host.example.net", .display_name = "host.example.net", ALLOW("host.example.net") },
	{ "display name, case", "+allow_token_displayname", "HOST.example.net", .display_name = "host.example.net", ALLOW("HOST.example.net") },
	{ "display name, another", "+allow_token_displayname", "other.example.net", .display_name = "host.example.net", DENY("") },
	{ "display name unknown", "+allow_token_displayname", "host.example.net", DENY("") },
	{ "display name empty", "+allow_token_displayname", "host.example.net", .display_name = "", DENY("") },
	{ "below the display name", "+allow_token_displayname", "a.host.example.net", .display_name = "host.example.net", DENY("it would need allow_subdomains") },
	{ "below the display name, sub-domains", "+allow_token_displayname +allow_subdomains", "a.host.example.net", .display_name = "host.example.net", ALLOW("a.host.example.net") },
	{ "wildcard of the display name", "+allow_token_displayname", "*.host.example.net", .display_name = "host.example.net", DENY("") },
	{ "wildcard of the display name, sub-domains", "+allow_token_displayname +allow_subdomains", "*.host.example.net", .display_name = "host.example.net", ALLOW("*.host.example.net") },
	{ "address at a sub-domain of it", "+allow_token_displayname", "u@a.host.example.net", .display_name = "host.example.net", DENY("") },
	{ "display name is an address", "+allow_token_displayname +allow_subdomains", "alice@corp.example", .display_name = "alice@corp.example", .emails = "alice@corp.example" },
	{ "another address at its host", "+allow_token_displayname +allow_subdomains", "bob@corp.example", .display_name = "alice@corp.example", DENY("") },
	{ "an address below its host", "+allow_token_displayname +allow_subdomains", "bob@a.corp.example", .display_name = "alice@corp.example", .emails = "bob@a.corp.example" },
	{ "a host below its host", "+allow_token_displayname +allow_subdomains", "a.corp.example", .display_name = "alice@corp.example", DENY("") },
	{ "display name in words", "+allow_token_displayname", "Alice Smith", .display_name = "alice smith", .dns = NULL },
	{ "display name in words, enforced", "+allow_token_displayname" " " HOST, "Alice Smith", .display_name = "Alice Smith", DENY("enforce_hostnames") },
	/* absent */
	{ "no common name", ANY, NULL, .code = "missing_field", .field = "common_name", .says = "required" },
	{ "empty common name", ANY, "", .code = "missing_field", .field = "common_name", .says = "required" },
	{ "no common name, alt_names", ANY, NULL, "a.example", .code = "missing_field", .field = "common_name", .says = "required" },
};

#define ALT(code_, says_) .code = (code_), .field = "alt_names", .says = (says_)
#define IPS(code_, says_) .code = (code_), .field = "ip_sans", .says = (says_)
#define M SUB, "m.example.com"
static const struct policy_case sans[] = {
	{ "two", M, "foo.example.com,bar.example.com", .dns = "m.example.com,foo.example.com,bar.example.com" },
	{ "blanks", M, " foo.example.com , bar.example.com ,", .dns = "m.example.com,foo.example.com,bar.example.com" },
	{ "nothing", M, "", .dns = "m.example.com" },
	{ "twice", M, "foo.example.com,foo.example.com", .dns = "m.example.com,foo.example.com" },
	{ "twice, case", M, "foo.example.com,FOO.example.com", .dns = "m.example.com,foo.example.com" },
	{ "the common name again", M, "M.example.com", .dns = "m.example.com" },
	{ "an address", M, "foo.example.com,bar@mail.example.com", .dns = "m.example.com,foo.example.com", .emails = "bar@mail.example.com" },
	{ "an address twice", M, "bar@mail.example.com,BAR@mail.example.com", .dns = "m.example.com", .emails = "bar@mail.example.com" },
	{ "one is bad", M, "foo.example.com,foo.other.org,bar.example.com", ALT("name_not_allowed", "alt_names \"foo.other.org\" is not allowed") },
	{ "a bad address", M, "bar@other.org", ALT("name_not_allowed", "no sub-domain of example.com") },
	{ "no host name", M, "foo_bar.example.com", ALT("invalid_value", "neither a host name nor an e-mail address") },
	{ "no host name, any", ANY, "m.example.com", "Foo Bar", ALT("invalid_value", "neither") },
	{ "no host name, enforced", SUB HOST, "m.example.com", "foo_bar.example.com", ALT("name_not_allowed", "enforce_hostnames") },
	{ "a lone wildcard", ANY, "m.example.com", "*", ALT("invalid_value", "neither") },
	{ "f*o", M, "f*o.example.com", .dns = "m.example.com,f*o.example.com" },
	{ "wildcard", M, "*.sub.example.com", .dns = "m.example.com,*.sub.example.com" },
	{ "wildcard within", M, "a.*.example.com", ALT("invalid_value", "first label") },
	{ "empty label", M, "a..b.example.com", ALT("invalid_value", "empty label") },
	{ "IDN", M, BUCHER ".example.com", .dns = "m.example.com,xn--bcher-kva.example.com" },
	{ "IDN and its A-label", M, BUCHER ".example.com,xn--bcher-kva.example.com", .dns = "m.example.com,xn--bcher-kva.example.com" },
	{ "IPv4 becomes a DNS name", ANY, "Root Cert", "1.2.3.4", .dns = "1.2.3.4", .warning = "ip_in_alt_names" },
	{ "IPv4 twice warns once", ANY, "Root Cert", "1.2.3.4,1.2.3.5,1.2.3.6,1.2.3.7,1.2.3.8,1.2.3.9,1.2.3.10,1.2.3.11,1.2.3.12,1.2.3.13",
	  .dns = "1.2.3.4,1.2.3.5,1.2.3.6,1.2.3.7,1.2.3.8,1.2.3.9,1.2.3.10,1.2.3.11,1.2.3.12,1.2.3.13", .warning = "ip_in_alt_names" },
	{ "IPv4 not allowed", M, "1.2.3.4", ALT("name_not_allowed", "") },
	{ "IPv6", ANY, "m.example.com", "::1", ALT("invalid_value", "addresses go into ip_sans") },
	{ "a URI", ANY, "m.example.com", "https://example.com", ALT("invalid_value", "neither") },
	{ "newline", M, "foo.example.com\n", ALT("invalid_value", "control character") },
	{ "the common name is refused first", SUB, "m.evil.org", "a..b", .code = "name_not_allowed", .field = "common_name", .says = "" },
	{ "IPs", M, NULL, "10.1.2.3,::1,2001:db8::ff", .dns = "m.example.com", .ip = "10.1.2.3,::1,2001:db8::ff" },
	{ "IPs, blanks", M, NULL, " 10.1.2.3 ,", .dns = "m.example.com", .ip = "10.1.2.3" },
	{ "IP twice", M, NULL, "10.1.2.3,10.1.2.3", .dns = "m.example.com", .ip = "10.1.2.3" },
	{ "IPv6 twice", M, NULL, "::1,0:0::1", .dns = "m.example.com", .ip = "::1" },
	{ "IPv4 in IPv6", M, NULL, "::ffff:10.1.2.3,10.1.2.3", .dns = "m.example.com", .ip = "10.1.2.3" },
	{ "IPs, none allowed", SUB "-allow_ip_sans", "m.example.com", NULL, "10.1.2.3", IPS("ip_not_allowed", "allow_ip_sans off") },
	{ "no IPs, none allowed", SUB "-allow_ip_sans", "m.example.com", NULL, "", .dns = "m.example.com" },
	{ "no IP", M, NULL, "10.1.2.3,example.com", IPS("invalid_value", "\"example.com\" is no IPv4 or IPv6 address") },
	{ "IP out of range", M, NULL, "10.1.2.256", IPS("invalid_value", "no IPv4") },
	{ "leading zeros", M, NULL, "010.1.2.3", IPS("invalid_value", "no IPv4") },
	{ "three numbers", M, NULL, "10.1.2", IPS("invalid_value", "no IPv4") },
	{ "a network", M, NULL, "10.0.0.0/8", IPS("invalid_value", "no IPv4") },
	{ "a zone", M, NULL, "fe80::1%eth0", IPS("invalid_value", "no IPv4") },
	{ "IPv6 in brackets", M, NULL, "[::1]", IPS("invalid_value", "no IPv4") },
	{ "a port", M, NULL, "10.1.2.3:443", IPS("invalid_value", "no IPv4") },
	{ "very long", M, NULL, "1111111111111111111111111111111111111111111111111111111111111111111111111", IPS("invalid_value", "no IPv4") },
};
/* clang-format on */

static const char *
text_of_ips(struct arena *a, const struct slice_list *list)
{
	struct slice_list texts = { arena_array(a, list->count + 1, sizeof(struct slice)), 0 };

	for (size_t i = 0; i < list->count; i++) {
		struct slice ip = list->items[i];
		char *text = arena_alloc(a, INET6_ADDRSTRLEN);

		assert_true(ip.len == 4 || ip.len == 16);
		inet_ntop(ip.len == 4 ? AF_INET : AF_INET6, ip.data, text, INET6_ADDRSTRLEN);
		texts.items[texts.count++] = slice_text(text);
	}
	return text_of(a, &texts);
}

static void
check_list(const struct policy_case *c, const char *what, const char *wanted, const char *came)
{
	if (strcmp(wanted == NULL ? "" : wanted, came) != 0)
		fail_msg("%s: %s: expected \"%s\", came \"%s\"", c->name, what,
		    wanted == NULL ? "" : wanted, came);
}

static void
check_allowed(const struct policy_case *c, struct arena *a, const struct template *t)
{
	check_list(c, "DNS SANs", c->dns, text_of(a, &t->dns));
	check_list(c, "e-mail SANs", c->emails, text_of(a, &t->emails));
	check_list(c, "IP SANs", c->ip, text_of_ips(a, &t->ips));
	if (!slice_is(t->common_name, c->cn))
		fail_msg("%s: the common name became \"%.*s\"", c->name, SLICE_FMT(t->common_name));
	check_warnings(c->name, c->warning, t);
	assert_false(t->is_ca);
	assert_int_equal(t->max_path_length, -1);
	assert_int_equal(t->not_before, NOW - 30);
	assert_int_equal(t->not_after, NOW + DAY);
}

static void
check_names(const struct policy_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct policy_case *c = &cases[i];
		SCOPED_ARENA struct arena a = { 0 };
		const struct leaf_params request = { .common_name = slice_text(c->cn),
			.alt_names = list_of_text(&a, c->alt),
			.ip_sans = list_of_text(&a, c->ips),
			.ttl = SCHEMA_ABSENT };
		const struct identity_body identity = { .display_name = slice_text(
							    c->display_name) };
		const struct policy_input in = {
			.request = &request, .identity = &identity, .mount_max_ttl = 2 * DAY
		};
		struct template t = { 0 };
		struct err e = { 0 };

		if (decide_as(c->role, in, &a, &t, &e)) {
			if (c->code != NULL)
				fail_msg("%s: expected %s, and it was allowed", c->name, c->code);
			check_allowed(c, &a, &t);
			continue;
		}
		if (c->code == NULL)
			fail_msg("%s: expected it to be allowed, came %s on %s: %s", c->name,
			    err_name(e.code), e.field, e.msg);
		check_refusal(c->name, c->code, c->field, c->says, &e);
	}
}

static void
common_name(void **state)
{
	(void)state;
	check_names(common_names, COUNT(common_names));
}

static void
alternative_names(void **state)
{
	(void)state;
	check_names(sans, COUNT(sans));
}

/* A name may hold a NUL: it must not end there for one and not for another. */
static void
nul_in_names(void **state)
{
	static const char evil[] = "foo.evil.org\0.example.com";
	SCOPED_ARENA struct arena a = { 0 };
	struct slice name = slice_of(evil, sizeof(evil) - 1);
	struct leaf_params request = { .common_name = name, .ttl = SCHEMA_ABSENT };
	const struct policy_input in = { .request = &request };
	struct template t;
	struct err e;

	(void)state;
	assert_false(decide_as(SUB ANY, in, &a, &t, &e));
	check_refusal("common name", "invalid_value", "common_name", "control character", &e);
	request.common_name = SLICE_LITERAL("a.example.com");
	request.alt_names = (struct slice_list){ &name, 1 };
	assert_false(decide_as(SUB ANY, in, &a, &t, &e));
	check_refusal("alt_names", "invalid_value", "alt_names", "octet 13", &e);
	name = slice_of("10.1.2.3\0", 9);
	request.alt_names = (struct slice_list){ NULL, 0 };
	request.ip_sans = (struct slice_list){ &name, 1 };
	assert_false(decide_as(SUB ANY, in, &a, &t, &e));
	check_refusal("ip_sans", "invalid_value", "ip_sans", "no IPv4", &e);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(common_name),
		cmocka_unit_test(alternative_names),
		cmocka_unit_test(nul_in_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
