#include "err.h"

#include <openssl/err.h>

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	const char *help, *advice;
	bool retry;
} codes[] = {
	[ERR_NONE] = { "none", "no error", "nothing", false },
#define ERR(name_, wire_, retry_, help_, advice_) \
	[ERR_##name_] = { (wire_), (help_), (advice_), (retry_) },
#include "err.def"
#undef ERR
};

/* How many bytes of UTF-8 make up a printable character at s: 0 when it is broken or a control character. */
static size_t
char_length(const unsigned char *s)
{
	size_t more = s[0] >= 0xf0 ? 3 : s[0] >= 0xe0 ? 2 : 1;
	uint32_t c;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	c = s[0] & (0x3fU >> more);
	for (size_t i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < 0xa0 || (more == 2 && c < 0x800) || (more == 3 && c < 0x10000) || c > 0x10ffff ||
	    (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return more + 1;
}

/*
 * Messages quote what strangers sent, and travel in answers and logs: one line of valid UTF-8, whatever was quoted and
 * wherever it was cut off.
 */
static void
text_clean(char *text)
{
	unsigned char *s = (unsigned char *)text;

	while (*s != '\0') {
		size_t n = char_length(s);

		if (n == 0)
			*s = '?';
		s += n == 0 ? 1 : n;
	}
}

static void
err_fill(struct err *e, enum err_code code, const char *field)
{
	assert(e != NULL && code > ERR_NONE && code < ERR_COUNT);
	e->code = code;
	snprintf(e->field, sizeof(e->field), "%s", field);
	text_clean(e->field);
}

bool
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list args;

	err_fill(e, code, "");
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	text_clean(e->msg);
	return false;
}

bool
err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
{
	va_list args;

	err_fill(e, code, field);
	va_start(args, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, args);
	va_end(args);
	text_clean(e->msg);
	return false;
}

bool
err_in(struct err *e, const char *field)
{
	if (e->field[0] == '\0')
		(void)snprintf(e->field, sizeof(e->field), "%s", field);
	return false;
}

bool
err_openssl(struct err *e, const char *call)
{
	unsigned long oldest = ERR_get_error();
	char reason[160] = "no reason given";

	if (oldest != 0)
		ERR_error_string_n(oldest, reason, sizeof(reason));
	ERR_clear_error();
	return err_set(e, ERR_CRYPTO, "%s: %s", call, reason);
}

bool
err_errno(struct err *e, const char *what)
{
	char text[128];

	/* GNU's: it may return a text of its own and leave the buffer alone */
	return err_set(e, ERR_SYSTEM, "%s: %s", what, strerror_r(errno, text, sizeof(text)));
}

const char *
err_name(enum err_code code)
{
	assert(code < ERR_COUNT);
	return codes[code].name;
}

const char *
err_help(enum err_code code)
{
	assert(code < ERR_COUNT);
	return codes[code].help;
}

const char *
err_advice(enum err_code code)
{
	assert(code < ERR_COUNT);
	return codes[code].advice;
}

bool
err_can_retry(enum err_code code)
{
	assert(code < ERR_COUNT);
	return codes[code].retry;
}

enum err_code
err_from_name(const char *name, size_t len)
{
	for (size_t i = ERR_NONE + 1; i < ERR_COUNT; i++)
		if (strlen(codes[i].name) == len && memcmp(codes[i].name, name, len) == 0)
			return (enum err_code)i;
	return ERR_NONE;
}
