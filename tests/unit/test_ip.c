#include "ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* clang-format off */
static const struct {
	const char *text;
	size_t len; /* 0: no address */
	const char *octets;
} addresses[] = {
	{ "10.1.2.3", 4, "\x0a\x01\x02\x03" }, { "0.0.0.0", 4, "\0\0\0\0" }, { "255.255.255.255", 4, "\xff\xff\xff\xff" },
	{ "::1", 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01" }, { "2001:db8::", 16, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\0" },
	{ "::ffff:10.1.2.3", 4, "\x0a\x01\x02\x03" }, { "::ffff:a01:203", 4, "\x0a\x01\x02\x03" }, { "::10.1.2.3", 16, "\0\0\0\0\0\0\0\0\0\0\0\0\x0a\x01\x02\x03" },
	{ "", 0, "" }, { "10.1.2", 0, "" }, { "10.1.2.3.4", 0, "" }, { "256.1.1.1", 0, "" }, { "010.1.1.1", 0, "" }, { "0x0a.1.1.1", 0, "" }, { "10.1.2.3/8", 0, "" },
	{ "::g", 0, "" }, { ":::", 0, "" }, { "fe80::1%eth0", 0, "" }, { "[::1]", 0, "" }, { " 10.1.2.3", 0, "" }, { "10.1.2.3 ", 0, "" }, { "foobar", 0, "" },
	{ "1:2:3:4:5:6:7:8:9", 0, "" }, { "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 0, "" },
};

static const struct {
	const char *network;
	bool valid;
	const char *inside, *outside;
} networks[] = {
	{ "10.0.0.0/8", true, "10.255.1.1", "11.0.0.0" }, { "10.1.2.3/8", true, "10.9.9.9", "11.1.2.3" }, { "1.2.3.4/31", true, "1.2.3.5", "1.2.3.6" },
	{ "1.2.3.4/32", true, "1.2.3.4", "1.2.3.5" }, { "0.0.0.0/0", true, "200.1.1.1", "::1" }, { "128.0.0.0/1", true, "255.0.0.0", "127.255.255.255" },
	{ "::/0", true, "2001:db8::1", "10.1.2.3" }, { "2001:db8::/33", true, "2001:db8:7fff::1", "2001:db8:8000::1" }, { "::1/128", true, "::1", "::2" },
	/* what is mapped is IPv4, on both sides */
	{ "::ffff:10.0.0.0/104", true, "10.1.2.3", "11.1.2.3" }, { "10.0.0.0/8", true, "::ffff:10.1.2.3", "::ffff:11.1.2.3" }, { "::ffff:0:0/95", true, "::fffe:1:1", "10.1.2.3" },
	{ "10.0.0.1", false, NULL, NULL }, { "10.0.0.0/33", false, NULL, NULL }, { "::/129", false, NULL, NULL }, { "10.0.0.0/", false, NULL, NULL },
	{ "10.0.0.0/-1", false, NULL, NULL }, { "10.0.0.0/+8", false, NULL, NULL }, { "10.0.0.0/08", false, NULL, NULL }, { "10.0.0.0/8 ", false, NULL, NULL },
	{ "/8", false, NULL, NULL }, { "", false, NULL, NULL }, { "10.0.0/8", false, NULL, NULL }, { "10.0.0.0/255.0.0.0", false, NULL, NULL }, { "10.0.0.0/8/8", false, NULL, NULL },
	{ "a/8", false, NULL, NULL }, { "10.0.0.0/9999999999999", false, NULL, NULL },
};
/* clang-format on */

static void
parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct ip ip;
		bool ok = ip_parse(slice_text(addresses[i].text), &ip);

		if (ok != (addresses[i].len > 0))
			fail_msg("%s: %s an address", addresses[i].text, ok ? "is" : "is not");
		if (ok &&
		    (ip.len != addresses[i].len ||
			memcmp(ip.octets, addresses[i].octets, ip.len) != 0))
			fail_msg("%s has other octets", addresses[i].text);
	}
}

static struct ip
address(const char *text)
{
	struct ip ip;

	assert_true(ip_parse(slice_text(text), &ip));
	return ip;
}

static void
within(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++) {
		struct cidr network;
		struct ip inside, outside;

		if (cidr_parse(slice_text(networks[i].network), &network) != networks[i].valid)
			fail_msg("%s: taken for what it is not", networks[i].network);
		if (!networks[i].valid)
			continue;
		inside = address(networks[i].inside);
		outside = address(networks[i].outside);
		if (!cidr_contains(&network, &inside))
			fail_msg("%s is in %s", networks[i].inside, networks[i].network);
		if (cidr_contains(&network, &outside))
			fail_msg("%s is not in %s", networks[i].outside, networks[i].network);
	}
}

static void
octets(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1 };
	char text[IP_TEXT_SIZE];
	struct ip ip;

	(void)state;
	assert_true(ip_of_octets(slice_of(mapped, 16), &ip));
	assert_int_equal(ip.len, 4);
	assert_memory_equal(ip.octets, "\x0a\0\0\x01", 4);
	assert_true(slice_is(ip_text(&ip, text), "10.0.0.1"));
	assert_true(ip_parse(SLICE_LITERAL("2001:DB8:0:0::1"), &ip));
	assert_true(slice_is(ip_text(&ip, text), "2001:db8::1"));
	assert_true(ip_of_octets(slice_of(mapped, 4), &ip));
	for (size_t len = 0; len < 16; len++)
		assert_true(ip_of_octets(slice_of(mapped, len), &ip) == (len == 4));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse),
		cmocka_unit_test(within),
		cmocka_unit_test(octets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
