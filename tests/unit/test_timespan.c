#include "timespan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct text_case {
	const char *text;
	enum err_code code;
	int64_t want;
};

static void
check(const char *what, const struct text_case *c, bool done, const struct err *e, int64_t came)
{
	enum err_code code = done ? ERR_NONE : e->code;

	if (code != c->code || (done && came != c->want))
		fail_msg("%s \"%s\": expected %s %lld, came %s %lld", what, c->text,
		    err_name(c->code), (long long)c->want, err_name(code), (long long)came);
	if (!done)
		assert_string_equal(e->field, "ttl");
}

static void
timespan_table(void **state)
{
	static const struct text_case cases[] = {
		{ "", ERR_NONE, 0 },
		{ "0", ERR_NONE, 0 },
		{ "90", ERR_NONE, 90 },
		{ "0090", ERR_NONE, 90 },
		{ "10s", ERR_NONE, 10 },
		{ "30m", ERR_NONE, 1800 },
		{ "72h", ERR_NONE, 259200 },
		{ "30d", ERR_NONE, 2592000 },
		{ "1h30m", ERR_NONE, 5400 },
		{ "1d2h3m4s", ERR_NONE, 93784 },
		{ "1m1h", ERR_NONE, 3660 },
		{ "1h1h", ERR_NONE, 7200 },
		{ "36600d", ERR_NONE, TIMESPAN_MAX },
		{ "3162240000", ERR_NONE, TIMESPAN_MAX },
		{ "3162240001", ERR_OUT_OF_RANGE, 0 },
		{ "36600d1s", ERR_OUT_OF_RANGE, 0 },
		{ "36600d0s", ERR_NONE, TIMESPAN_MAX },
		{ "9223372036854775807", ERR_OUT_OF_RANGE, 0 },
		{ "9223372036854775808", ERR_OUT_OF_RANGE, 0 },
		{ "18446744073709551617", ERR_OUT_OF_RANGE, 0 },
		{ "153722867280912931m", ERR_OUT_OF_RANGE, 0 },
		{ "5124095576030432h", ERR_OUT_OF_RANGE, 0 },
		{ "99999999999999999999999999999999999999d", ERR_OUT_OF_RANGE, 0 },
		{ "00000000000000000000000000000000000001d", ERR_NONE, 86400 },
		{ "99999999999999999999d1x", ERR_INVALID_VALUE, 0 },
		{ "h", ERR_INVALID_VALUE, 0 },
		{ "1h30", ERR_INVALID_VALUE, 0 },
		{ "-1h", ERR_INVALID_VALUE, 0 },
		{ "+1h", ERR_INVALID_VALUE, 0 },
		{ "1.5h", ERR_INVALID_VALUE, 0 },
		{ "1 h", ERR_INVALID_VALUE, 0 },
		{ " 1h", ERR_INVALID_VALUE, 0 },
		{ "1h ", ERR_INVALID_VALUE, 0 },
		{ "1ms", ERR_INVALID_VALUE, 0 },
		{ "1H", ERR_INVALID_VALUE, 0 },
		{ "1w", ERR_INVALID_VALUE, 0 },
		{ "1hh", ERR_INVALID_VALUE, 0 },
		{ "0x10", ERR_INVALID_VALUE, 0 },
		{ "\xd9\xa1", ERR_INVALID_VALUE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		int64_t came = -1;
		bool done = timespan_parse(slice_text(cases[i].text), "ttl", &came, &e);

		check("timespan", &cases[i], done, &e, came);
	}
}

/* A NUL is a character like any other. */
static void
timespan_takes_lengths(void **state)
{
	struct err e = { 0 };
	int64_t came = -1;

	(void)state;
	assert_false(timespan_parse(SLICE_LITERAL("1h\0"), "ttl", &came, &e));
	assert_true(timespan_parse(slice_of("1hx", 2), "ttl", &came, &e));
	assert_int_equal(came, 3600);
	assert_true(timespan_parse(SLICE_NONE, "ttl", &came, &e));
	assert_int_equal(came, 0);
}

static void
rfc3339_table(void **state)
{
	static const struct text_case cases[] = {
		{ "1970-01-01T00:00:00Z", ERR_NONE, 0 },
		{ "2026-11-23T18:00:00Z", ERR_NONE, 1795456800 },
		{ "2026-11-23T18:00:00+00:00", ERR_NONE, 1795456800 },
		{ "2026-11-23T19:30:00+01:30", ERR_NONE, 1795456800 },
		{ "2026-11-23T10:00:00-08:00", ERR_NONE, 1795456800 },
		{ "2026-11-23T18:00:00.999Z", ERR_NONE, 1795456800 },
		{ "1969-12-31T23:59:59Z", ERR_NONE, -1 },
		{ "2038-01-19T03:14:08Z", ERR_NONE, 2147483648 },
		{ "9999-12-31T23:59:59Z", ERR_NONE, 253402300799 },
		{ "2024-02-29T00:00:00Z", ERR_NONE, 1709164800 },
		{ "2000-02-29T00:00:00Z", ERR_NONE, 951782400 },
		{ "2026-02-29T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2100-02-29T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-04-31T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-00-01T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-13-01T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-00T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T24:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:60:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:60Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00.Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00+24:00", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00+00:60", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00+0100", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01T00:00:00Zx", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01 00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-1-01T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "-026-01-01T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "12026-01-01T00:00:00Z", ERR_INVALID_VALUE, 0 },
		{ "2026-01-01", ERR_INVALID_VALUE, 0 },
		{ "", ERR_INVALID_VALUE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		int64_t came = -1;
		bool done = time_parse_rfc3339(slice_text(cases[i].text), "ttl", &came, &e);

		check("time", &cases[i], done, &e, came);
	}
}

static void
rfc3339_formats(void **state)
{
	static const struct {
		int64_t time;
		const char *want;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1795456800, "2026-11-23T18:00:00Z" },
		{ -1, "1969-12-31T23:59:59Z" },
		{ 253402300799, "9999-12-31T23:59:59Z" },
		{ -59011459200, "0100-01-01T00:00:00Z" },
		{ 253402300800, "no time" },
		{ INT64_MAX, "no time" },
		{ INT64_MIN, "no time" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[32];

		time_format_rfc3339(cases[i].time, text);
		if (strcmp(text, cases[i].want) != 0)
			fail_msg("%lld: expected %s, came %s", (long long)cases[i].time,
			    cases[i].want, text);
	}
}

static void
clocks_run(void **state)
{
	int64_t us = time_monotonic_us(), ms = time_now_ms();

	(void)state;
	assert_true(ms > 1700000000000 && ms < 4102444800000);
	assert_true(us > 0);
	assert_true(time_monotonic_us() >= us);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timespan_table),
		cmocka_unit_test(timespan_takes_lengths),
		cmocka_unit_test(rfc3339_table),
		cmocka_unit_test(rfc3339_formats),
		cmocka_unit_test(clocks_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
