#include "metrics_internal.h"

#include "timespan.h"

/* clang-format off */
static const struct shown_metric table[] = {
#define METRIC(type_, name_, unit_, labels_, collect_, help_, ...) \
	{ .metric = { .name = "certmill_" name_, .type = METRIC_##type_, .unit = (unit_), .help = (help_) }, \
	  .labels = (labels_), .collect = (collect_), ##__VA_ARGS__ },
#include "metrics.def"
#undef METRIC
};
/* clang-format on */

#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

void
metrics_write(const struct watched *w, struct buf *out)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct scrape s = {
		.watched = w, .now = time_now_ms() / 1000, .now_us = time_monotonic_us()
	};

	if (w->shared != NULL) {
		const struct catalog *catalog = catalog_current(w->shared->catalog);

		inventory_take(catalog, w->shared->crl_book, s.now, &a, &s.have);
		catalog_release(catalog);
	}
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		metric_head(out, &table[i].metric);
		table[i].collect(&table[i], &s, out);
	}
	metric_end(out);
}

void
metrics_document(struct buf *out)
{
	buf_add_text(out,
	    "# Metrics of the worker\n\n"
	    "Made by `certmill-worker metrics` from the table that /metrics is written by; not edited by hand. What to watch, and how it is\n"
	    "switched on: [operations.md](operations.md).\n\n"
	    "| metric | type | labels | what it is |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < TABLE_COUNT; i++) {
		const struct metric *m = &table[i].metric;
		static const char *const suffixes[] = { "_total", "", "", "_info" };

		buf_printf(out, "| `%s%s` | %s | %s | %s |\n", m->name, suffixes[m->type],
		    metric_type_names[m->type], table[i].labels, m->help);
	}
}
