#include "address.h"
#include "endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
splits(void **state)
{
	static const struct {
		const char *text, *host; /* host NULL: refused */
		uint16_t port;
	} rows[] = {
		{ "127.0.0.1:6379", "127.0.0.1", 6379 },
		{ "redis.example.com:1", "redis.example.com", 1 },
		{ "[::1]:65535", "::1", 65535 },
		{ "::1:80", "::1", 80 },
		{ "x:0", "x", 0 },
		{ "", NULL, 0 },
		{ ":80", NULL, 0 },
		{ "[]:80", NULL, 0 },
		{ "x:", NULL, 0 },
		{ "x:65536", NULL, 0 },
		{ "x:-1", NULL, 0 },
		{ "x:+1", NULL, 0 },
		{ "x: 1", NULL, 0 },
		{ "x:1x", NULL, 0 },
		{ "x:99999999999999999999", NULL, 0 },
		{ "6379", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct address at;
		bool good = address_split(rows[i].text, &at);

		if (good != (rows[i].host != NULL) ||
		    (good && (strcmp(at.host, rows[i].host) != 0 || at.port != rows[i].port)))
			fail_msg("\"%s\"", rows[i].text);
	}
}

static void
a_long_host_is_refused(void **state)
{
	char text[ADDRESS_HOST_MAX + 8];
	struct address at;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text + ADDRESS_HOST_MAX, ":1", 3);
	assert_false(address_split(text, &at));
	memcpy(text + ADDRESS_HOST_MAX - 1, ":1", 3);
	assert_true(address_split(text, &at));
}

static void
an_endpoint_listens_on_addresses(void **state)
{
	static const struct {
		const char *text;
		bool good;
	} rows[] = { { "127.0.0.1:9100", true }, { "9100", true }, { "[::1]:9100", true },
		{ "0.0.0.0:9100", true }, { "0", true }, { "99999", false }, { "123456", false },
		{ "localhost:9100", false }, { "127.0.0.1", false }, { "1.2.3:x", false },
		{ "999.0.0.1:9100", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = { 0 };

		if (endpoint_listen_valid(rows[i].text, &e) != rows[i].good)
			fail_msg("\"%s\": %s", rows[i].text, e.msg);
		assert_int_equal(e.code, rows[i].good ? ERR_NONE : ERR_CONFIG);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits),
		cmocka_unit_test(a_long_host_is_refused),
		cmocka_unit_test(an_endpoint_listens_on_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
