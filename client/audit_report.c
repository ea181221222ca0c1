#include "audit.h"
#include "json.h"
#include "timespan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define BAR_US      ((int64_t)1000 * 1000)
#define LINE_US     ((int64_t)10 * 1000 * 1000)
#define DETAIL_SIZE 400

static const char *const names[] = {
#define V(name, text, help) [VIOLATION_##name] = text,
	VIOLATIONS(V)
#undef V
};

const char *
violation_name(enum violation kind)
{
	return names[kind];
}

int64_t
report_count(const struct report *r)
{
	int64_t count = 0;

	for (int i = 0; i < VIOLATION_KINDS; i++)
		count += r->found[i];
	return count;
}

const char *
report_place(struct audit *a, const struct audit_place *place)
{
	return arena_printf(&a->message, "%s/%" PRId32 "/%" PRId64, a->topics[place->topic].name,
	    place->partition, place->offset);
}

static void
bar_clear(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

static void
put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort();
}

static void
violation_json(struct audit *a, enum violation kind, const struct audit_place *place, int64_t at_ms,
    const char *detail)
{
	json_t *SCOPED_JSON line = json_object();
	json_t *text;
	char time[32];

	time_format_rfc3339(at_ms / 1000, time);
	put(line, "violation", json_string(names[kind]));
	put(line, "topic", json_string(a->topics[place->topic].name));
	put(line, "partition", json_integer(place->partition));
	put(line, "offset", json_integer(place->offset));
	put(line, "time", json_string(time));
	text = json_string(detail);
	put(line, "detail", text == NULL ? json_string("(no UTF-8)") : text);
	a->report.lost |= !json_line(stdout, line);
}

void
report_violation(struct audit *a, enum violation kind, const struct audit_place *place,
    int64_t at_ms, const char *fmt, ...)
{
	char detail[DETAIL_SIZE];
	va_list args;

	if (!audit_in_range(a, at_ms))
		return;
	a->report.found[kind]++;
	va_start(args, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, args);
	va_end(args);
	bar_clear();
	if (a->report.json)
		violation_json(a, kind, place, at_ms, detail);
	else
		printf("%s %s: %s\n", report_place(a, place), names[kind], detail);
}

void
report_note(struct audit *a, const char *fmt, ...)
{
	va_list args;

	(void)a;
	bar_clear();
	va_start(args, fmt);
	fputs("certmill: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
}

void
report_progress(struct audit *a)
{
	struct progress *p = &a->progress;
	bool bar = isatty(STDERR_FILENO);
	int64_t now = time_monotonic_us(), seconds = (now - p->began_us) / 1000000;
	int64_t total = p->total > p->records ? p->total : p->records;
	int64_t rate = p->records / (seconds > 0 ? seconds : 1);
	int64_t left = (total - p->records) / (rate > 0 ? rate : 1);

	if (now - p->said_us < (bar ? BAR_US : LINE_US))
		return;
	p->said_us = now;
	if (bar)
		fprintf(stderr, "\r[%-*.*s] ", BAR_WIDTH,
		    (int)(BAR_WIDTH * p->records / (total > 0 ? total : 1)),
		    "##############################");
	fprintf(stderr,
	    "%s: %" PRId64 " of %" PRId64 " records, %" PRId64 "/s, %" PRId64 " s left%s", p->topic,
	    p->records, total, rate, left, bar ? " \033[K" : "\n");
}

static bool
summary_json(struct audit *a)
{
	const struct report *r = &a->report;
	json_t *SCOPED_JSON line = json_object();
	json_t *kinds = json_object(), *checked = json_object();

	for (int i = 0; i < VIOLATION_KINDS; i++)
		if (r->found[i] > 0)
			put(kinds, names[i], json_integer(r->found[i]));
	put(checked, "requests", json_integer(r->requests));
	put(checked, "certificates", json_integer(r->certificates));
	put(checked, "revocations", json_integer(r->revocations));
	put(checked, "crls", json_integer(r->crls));
	put(checked, "audit_records", json_integer(r->audit_records));
	put(line, "violations", json_integer(report_count(r)));
	put(line, "kinds", kinds);
	put(line, "checked", checked);
	put(line, "unjudged", json_integer(r->unjudged));
	put(line, "records", json_integer(a->progress.records));
	put(line, "seconds", json_integer((time_monotonic_us() - a->progress.began_us) / 1000000));
	return json_line(stdout, line);
}

static void
summary_text(struct audit *a)
{
	const struct report *r = &a->report;
	int64_t found = report_count(r);

	if (found == 0)
		printf("no violation");
	else
		printf("%" PRId64 " violation%s", found, found == 1 ? "" : "s");
	printf(" in %" PRId64 " requests, %" PRId64 " certificates, %" PRId64
	       " revocations, %" PRId64 " CRLs, %" PRId64 " audit records",
	    r->requests, r->certificates, r->revocations, r->crls, r->audit_records);
	if (r->unjudged > 0)
		printf("; %" PRId64
		       " uses of configuration could not be judged: .state was compacted",
		    r->unjudged);
	putchar('\n');
}

bool
report_summary(struct audit *a)
{
	bar_clear();
	if (a->report.json)
		return summary_json(a) && !a->report.lost;
	summary_text(a);
	return fflush(stdout) == 0 && ferror(stdout) == 0;
}
