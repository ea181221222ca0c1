/*
 * The worker's log: one line an event on standard error, `time level event key=value ...`, values quoted when they hold a
 * space, a quote or a control character (attackers write some of them). Only programs log; libraries return errors.
 */
#ifndef CERTMILL_LOG_H
#define CERTMILL_LOG_H

#include "err.h"
#include "slice.h"

#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

struct log_field {
	const char *key;
	enum { LOG_TEXT, LOG_SLICE, LOG_INT } kind;
	const char *text;
	struct slice slice;
	int64_t number;
};

#define LOG_T(k, v) ((struct log_field){ .key = (k), .kind = LOG_TEXT, .text = (v) })
#define LOG_S(k, v) ((struct log_field){ .key = (k), .kind = LOG_SLICE, .slice = (v) })
#define LOG_N(k, v) ((struct log_field){ .key = (k), .kind = LOG_INT, .number = (int64_t)(v) })
/* log_event(LOG_INFO, "lane_started", LOG_T("lane", name), LOG_N("partitions", n)) */
#define log_event(level, event, ...) \
	log_write(level, event, (const struct log_field[]){ __VA_ARGS__ }, \
	    sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))
/* the same with the error's code, field and message behind the given fields */
#define log_error(level, event, e, ...) \
	log_write_err(level, event, e, (const struct log_field[]){ __VA_ARGS__ }, \
	    sizeof((const struct log_field[]){ __VA_ARGS__ }) / sizeof(struct log_field))

void log_set_level(enum log_level level); /* before threads start */
bool log_level_parse(const char *text, enum log_level *ret) MUST_USE;
void log_write(
    enum log_level level, const char *event, const struct log_field *fields, size_t count);
void log_write_err(enum log_level level, const char *event, const struct err *e,
    const struct log_field *fields, size_t count);

#endif
