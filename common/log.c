#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES  4096 /* PIPE_BUF: a line goes into a pipe in one piece */
#define VALUE_MAX_BYTES 1024

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

#define LEVEL_COUNT (sizeof(level_names) / sizeof(level_names[0]))

/* Written once, before threads start. */
static enum log_level log_level_now = LOG_INFO;

struct line {
	size_t len;
	char text[LINE_MAX_BYTES];
};

void
log_set_level(enum log_level level)
{
	log_level_now = level;
}

bool
log_level_parse(const char *text, enum log_level *ret)
{
	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* What does not fit is left out; one byte is kept for the newline. */
static void
line_add(struct line *l, const char *data, size_t len)
{
	size_t room = sizeof(l->text) - 1 - l->len;

	if (len > room)
		len = room;
	memcpy(l->text + l->len, data, len);
	l->len += len;
}

static void
line_text(struct line *l, const char *text)
{
	line_add(l, text, strlen(text));
}

static void
line_number(struct line *l, int64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)number);
	line_text(l, text);
}

static bool
is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static bool
value_is_plain(struct slice value)
{
	for (size_t i = 0; i < value.len; i++)
		if (!is_plain(value.data[i]))
			return false;
	return value.len > 0;
}

static void
line_escaped(struct line *l, uint8_t c)
{
	char text[8];

	if (c == '"' || c == '\\')
		snprintf(text, sizeof(text), "\\%c", c);
	else if (c == '\n')
		snprintf(text, sizeof(text), "\\n");
	else if (c < ' ' || c >= 0x7f)
		snprintf(text, sizeof(text), "\\x%02x", c);
	else
		snprintf(text, sizeof(text), "%c", c);
	line_text(l, text);
}

/* Nothing but printable ASCII reaches the line: no line break, no terminal sequence, no text that runs backwards. */
static void
line_value(struct line *l, struct slice value)
{
	size_t shown = value.len < VALUE_MAX_BYTES ? value.len : VALUE_MAX_BYTES;

	if (value.data == NULL) {
		line_text(l, "-");
		return;
	}
	if (value_is_plain(value) && shown == value.len && !slice_is(value, "-")) {
		line_add(l, (const char *)value.data, value.len);
		return;
	}
	line_text(l, "\"");
	for (size_t i = 0; i < shown; i++)
		line_escaped(l, value.data[i]);
	line_text(l, "\"");
	if (shown < value.len)
		line_text(l, "...");
}

static void
line_field(struct line *l, const char *key, struct slice value)
{
	line_text(l, " ");
	line_text(l, key);
	line_text(l, "=");
	line_value(l, value);
}

static void
line_fields(struct line *l, const struct log_field *fields, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct log_field *f = &fields[i];

		if (f->kind == LOG_INT) {
			line_text(l, " ");
			line_text(l, f->key);
			line_text(l, "=");
			line_number(l, f->number);
		} else {
			line_field(l, f->key, f->kind == LOG_TEXT ? slice_text(f->text) : f->slice);
		}
	}
}

static void
line_begin(struct line *l, enum log_level level, const char *event)
{
	struct timespec now = { 0 };
	struct tm tm = { 0 };
	char text[64], ms[16];

	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ms, sizeof(ms), ".%03uZ ", (unsigned)(now.tv_nsec / 1000000) % 1000U);
	l->len = 0;
	line_text(l, text);
	line_text(l, ms);
	line_text(l, level_names[level]);
	line_text(l, " ");
	line_text(l, event);
}

/* One write a line, so that the lines of threads do not run into each other. */
static void
line_end(struct line *l)
{
	const char *from = l->text;

	l->text[l->len++] = '\n';
	while (l->len > 0) {
		ssize_t n = write(STDERR_FILENO, from, l->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody reads: there is no one to tell */
		from += n;
		l->len -= (size_t)n;
	}
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count)
{
	struct line l;

	if (level < log_level_now)
		return;
	line_begin(&l, level, event);
	line_fields(&l, fields, count);
	line_end(&l);
}

void
log_write_err(enum log_level level, const char *event, const struct err *e,
    const struct log_field *fields, size_t count)
{
	struct line l;

	if (level < log_level_now)
		return;
	line_begin(&l, level, event);
	line_fields(&l, fields, count);
	line_field(&l, "error", slice_text(err_name(e->code)));
	if (e->field[0] != '\0')
		line_field(&l, "field", slice_text(e->field));
	line_field(&l, "message", slice_text(e->msg));
	line_end(&l);
}
