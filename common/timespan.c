#include "timespan.h"

#include <stdio.h>
#include <time.h>

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

/* Seconds in a unit; 0 for what is none. */
static int64_t
unit_seconds(uint8_t unit)
{
	switch (unit) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	default:
		return 0;
	}
}

static bool
timespan_refuse(const char *field, struct slice text, struct err *e)
{
	struct slice shown = slice_of(text.data, text.len < 32 ? text.len : 32);

	return err_field(e, ERR_INVALID_VALUE, field,
	    "\"%.*s\" is no time span: 3600, 72h, 30m, 1h30m", SLICE_FMT(shown));
}

/* Reads digits from *at on. What is over the maximum stops growing there: it is refused, whatever its unit. */
static int64_t
digits_read(struct slice text, size_t *at)
{
	int64_t number = 0;

	for (; *at < text.len && is_digit(text.data[*at]); ++*at)
		if (number <= TIMESPAN_MAX)
			number = number * 10 + (text.data[*at] - '0');
	return number;
}

bool
timespan_parse(struct slice text, const char *field, int64_t *ret_seconds, struct err *e)
{
	int64_t total = 0;
	bool over = false;

	for (size_t at = 0; at < text.len;) {
		size_t start = at;
		int64_t number = digits_read(text, &at);
		int64_t unit = at < text.len ? unit_seconds(text.data[at]) : start == 0;

		if (at == start || unit == 0)
			return timespan_refuse(field, text, e);
		at++;
		over = over || number > (TIMESPAN_MAX - total) / unit;
		if (!over)
			total += number * unit;
	}
	if (over)
		return err_field(e, ERR_OUT_OF_RANGE, field, "a time span over 100 years");
	*ret_seconds = total;
	return true;
}

/* Exactly count digits at *at. */
static bool
number_read(struct slice text, size_t *at, size_t count, int *ret)
{
	int number = 0;

	if (text.len - *at < count)
		return false;
	for (size_t i = 0; i < count; i++, ++*at) {
		if (!is_digit(text.data[*at]))
			return false;
		number = number * 10 + (text.data[*at] - '0');
	}
	*ret = number;
	return true;
}

static bool
char_read(struct slice text, size_t *at, char c)
{
	if (*at >= text.len || text.data[*at] != (uint8_t)c)
		return false;
	++*at;
	return true;
}

/* The fraction of a second is read over: nothing here is finer than seconds. */
static bool
fraction_skip(struct slice text, size_t *at)
{
	size_t start;

	if (!char_read(text, at, '.'))
		return true;
	start = *at;
	while (*at < text.len && is_digit(text.data[*at]))
		++*at;
	return *at > start;
}

static bool
offset_read(struct slice text, size_t *at, int *ret_seconds)
{
	int hours, minutes, sign = 1;

	if (char_read(text, at, 'Z'))
		return *ret_seconds = 0, true;
	if (char_read(text, at, '-'))
		sign = -1;
	else if (!char_read(text, at, '+'))
		return false;
	if (!number_read(text, at, 2, &hours) || !char_read(text, at, ':') ||
	    !number_read(text, at, 2, &minutes) || hours > 23 || minutes > 59)
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
date_in_range(const struct tm *tm)
{
	return tm->tm_mon >= 1 && tm->tm_mon <= 12 && tm->tm_mday >= 1 &&
	    tm->tm_mday <= month_days(tm->tm_year, tm->tm_mon) && tm->tm_hour <= 23 &&
	    tm->tm_min <= 59 && tm->tm_sec <= 59;
}

static bool
rfc3339_read(struct slice text, struct tm *tm, int *ret_offset)
{
	size_t at = 0;

	return number_read(text, &at, 4, &tm->tm_year) && char_read(text, &at, '-') &&
	    number_read(text, &at, 2, &tm->tm_mon) && char_read(text, &at, '-') &&
	    number_read(text, &at, 2, &tm->tm_mday) && char_read(text, &at, 'T') &&
	    number_read(text, &at, 2, &tm->tm_hour) && char_read(text, &at, ':') &&
	    number_read(text, &at, 2, &tm->tm_min) && char_read(text, &at, ':') &&
	    number_read(text, &at, 2, &tm->tm_sec) && fraction_skip(text, &at) &&
	    offset_read(text, &at, ret_offset) && at == text.len && date_in_range(tm);
}

bool
time_parse_rfc3339(struct slice text, const char *field, int64_t *ret_time, struct err *e)
{
	struct slice shown = slice_of(text.data, text.len < 40 ? text.len : 40);
	struct tm tm = { 0 };
	int offset = 0;

	if (!rfc3339_read(text, &tm, &offset))
		return err_field(e, ERR_INVALID_VALUE, field,
		    "\"%.*s\" is no time: 2026-11-23T18:00:00Z", SLICE_FMT(shown));
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	*ret_time = (int64_t)timegm(&tm) - offset;
	return true;
}

void
time_format_rfc3339(int64_t time, char ret_text[static 32])
{
	time_t t = (time_t)time;
	struct tm tm;

	/* the years that RFC 3339 has */
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 || tm.tm_year > 8099) {
		memcpy(ret_text, "no time", sizeof("no time"));
		return;
	}
	snprintf(ret_text, 32, "%04u-%02u-%02uT%02u:%02u:%02uZ",
	    (unsigned)(tm.tm_year + 1900) % 10000U, (unsigned)(tm.tm_mon + 1) % 100U,
	    (unsigned)tm.tm_mday % 100U, (unsigned)tm.tm_hour % 100U, (unsigned)tm.tm_min % 100U,
	    (unsigned)tm.tm_sec % 100U);
}

static struct timespec
clock_read(clockid_t clock)
{
	struct timespec now = { 0 };

	(void)clock_gettime(clock, &now);
	return now;
}

int64_t
time_now_ms(void)
{
	struct timespec now = clock_read(CLOCK_REALTIME);

	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
time_monotonic_us(void)
{
	struct timespec now = clock_read(CLOCK_MONOTONIC);

	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
