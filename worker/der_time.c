/*
 * Times, without the C library: gmtime_r takes a process-wide lock in glibc. The calendar is counted from the first of
 * March of the year 0, so that the leap day is the last of its year.
 */
#include "der.h"

#define DAY               86400
#define DAYS_TO_1970      719468 /* from 0000-03-01 */
#define DAYS_IN_400_YEARS 146097
#define TIME_MIN          (-62167219200) /* 0000-01-01T00:00:00Z */
#define TIME_MAX          253402300799   /* 9999-12-31T23:59:59Z */
#define UTC_TIME_MIN      (-631152000)   /* 1950-01-01T00:00:00Z */
#define UTC_TIME_MAX      2524607999     /* 2049-12-31T23:59:59Z */

struct civil {
	int64_t year;
	int64_t month, day; /* from 1 */
	int64_t hour, minute, second;
};

static int64_t
days_of(int64_t year, int64_t month, int64_t day)
{
	/* 400 years later, so that no division meets a negative number */
	int64_t y = month > 2 ? year + 400 : year + 399;
	int64_t from_march = (month + 9) % 12;

	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * from_march + 2) / 5 + day - 1 -
	    DAYS_TO_1970 - DAYS_IN_400_YEARS;
}

static struct civil
civil_of(int64_t time)
{
	int64_t days = (time - TIME_MIN) / DAY + TIME_MIN / DAY, second = time - days * DAY;
	int64_t shifted = days + DAYS_TO_1970 + DAYS_IN_400_YEARS;
	int64_t era = shifted / DAYS_IN_400_YEARS, in_era = shifted % DAYS_IN_400_YEARS;
	int64_t year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
	int64_t from_march = (5 * in_year + 2) / 153;
	struct civil c = {
		.day = in_year - (153 * from_march + 2) / 5 + 1,
		.month = from_march < 10 ? from_march + 3 : from_march - 9,
		.hour = second / 3600,
		.minute = second / 60 % 60,
		.second = second % 60,
	};

	c.year = year + (era - 1) * 400 + (c.month <= 2);
	return c;
}

/* Writes n digits and returns what stands behind them. */
static uint8_t *
digits(uint8_t *to, int64_t value, int n)
{
	for (int i = n; i-- > 0; value /= 10)
		to[i] = (uint8_t)('0' + value % 10);
	return to + n;
}

static void
time_write(struct der *d, int64_t time, bool generalized)
{
	uint8_t text[16], *at = text;
	struct civil c;

	if (time < TIME_MIN || time > TIME_MAX) {
		d->failed = true;
		return;
	}
	c = civil_of(time);
	at = generalized ? digits(at, c.year, 4) : digits(at, c.year % 100, 2);
	at = digits(at, c.month, 2);
	at = digits(at, c.day, 2);
	at = digits(at, c.hour, 2);
	at = digits(at, c.minute, 2);
	at = digits(at, c.second, 2);
	*at++ = 'Z';
	der_tlv(d, generalized ? DER_GENERALIZED_TIME : DER_UTC_TIME,
	    slice_of(text, (size_t)(at - text)));
}

void
der_time(struct der *d, int64_t time)
{
	time_write(d, time, time < UTC_TIME_MIN || time > UTC_TIME_MAX);
}

void
der_generalized_time(struct der *d, int64_t time)
{
	time_write(d, time, true);
}

static bool
read_digits(struct slice *text, int n, int64_t *ret)
{
	int64_t value = 0;

	if (text->len < (size_t)n)
		return false;
	for (int i = 0; i < n; i++) {
		uint8_t digit = text->data[i];

		if (digit < '0' || digit > '9')
			return false;
		value = value * 10 + (digit - '0');
	}
	*text = slice_of(text->data + n, text->len - (size_t)n);
	*ret = value;
	return true;
}

static bool
civil_valid(const struct civil *c)
{
	bool december = c->month == 12;
	int64_t next;

	if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59 ||
	    c->second > 59)
		return false;
	next = december ? days_of(c->year + 1, 1, 1) : days_of(c->year, c->month + 1, 1);
	return days_of(c->year, c->month, c->day) < next;
}

bool
der_read_time(struct der_reader *r, int64_t *ret)
{
	struct civil c;
	struct slice text;
	uint8_t tag;

	if (!der_read_any(r, &tag, &text, NULL))
		return false;
	if (tag == DER_UTC_TIME) {
		if (!read_digits(&text, 2, &c.year))
			return false;
		c.year += c.year < 50 ? 2000 : 1900;
	} else if (tag != DER_GENERALIZED_TIME || !read_digits(&text, 4, &c.year)) {
		return false;
	}
	if (!read_digits(&text, 2, &c.month) || !read_digits(&text, 2, &c.day) ||
	    !read_digits(&text, 2, &c.hour) || !read_digits(&text, 2, &c.minute) ||
	    !read_digits(&text, 2, &c.second) || !slice_is(text, "Z") || !civil_valid(&c))
		return false;
	*ret = days_of(c.year, c.month, c.day) * DAY + c.hour * 3600 + c.minute * 60 + c.second;
	return true;
}
