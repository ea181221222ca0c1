#include "metric.h"

#include <stdio.h>

const char *const metric_type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_INFO] = "info",
};

/* What a sample's name has behind the metric's. */
static const char *const suffixes[] = {
	[METRIC_COUNTER] = "_total",
	[METRIC_GAUGE] = "",
	[METRIC_HISTOGRAM] = "_bucket",
	[METRIC_INFO] = "_info",
};

size_t
metric_bucket(const struct metric_bounds *b, int64_t value)
{
	size_t i = 0;

	while (i < b->count && value > b->at[i])
		i++;
	return i;
}

void
metric_observe(struct metric_histogram *h, const struct metric_bounds *b, int64_t value)
{
	metric_add(&h->buckets[metric_bucket(b, value)], 1);
	metric_add(&h->sum, value);
}

void
metric_total(struct metric_totals *t, const struct metric_histogram *h)
{
	for (size_t i = 0; i < METRIC_BUCKETS_MAX; i++)
		t->buckets[i] += metric_get(&h->buckets[i]);
	t->sum += metric_get(&h->sum);
}

/* ---- the text ---- */

static void
escaped_add(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '\n')
			buf_add_text(out, "\\n");
		else if (c == '\\' || c == '"')
			buf_printf(out, "\\%c", c);
		else
			buf_add_byte(out, c);
	}
}

void
metric_head(struct buf *out, const struct metric *m)
{
	buf_printf(out, "# TYPE %s %s\n", m->name, metric_type_names[m->type]);
	if (m->unit[0] != '\0')
		buf_printf(out, "# UNIT %s %s\n", m->name, m->unit);
	buf_printf(out, "# HELP %s ", m->name);
	escaped_add(out, slice_text(m->help));
	buf_add_byte(out, '\n');
}

static void
labels_add(struct buf *out, const struct metric_label *labels, size_t count, const char *bound)
{
	const char *before = "{";

	for (size_t i = 0; i < count; i++, before = ",") {
		buf_printf(out, "%s%s=\"", before, labels[i].name);
		escaped_add(out, labels[i].value);
		buf_add_byte(out, '"');
	}
	if (bound != NULL) {
		buf_printf(out, "%sle=\"%s\"", before, bound);
		before = ",";
	}
	if (*before == ',')
		buf_add_byte(out, '}');
}

static void
line_add(struct buf *out, const struct metric *m, const char *suffix,
    const struct metric_label *labels, size_t count, const char *bound, double value)
{
	buf_printf(out, "%s%s", m->name, suffix);
	labels_add(out, labels, count, bound);
	buf_printf(out, " %.15g\n", value);
}

void
metric_sample(struct buf *out, const struct metric *m, const struct metric_label *labels,
    size_t count, double value)
{
	line_add(out, m, suffixes[m->type], labels, count, NULL, value);
}

/* A whole number has a decimal point in this place, so that all programs write the same. */
static void
bound_text(const struct metric_bounds *b, size_t i, char ret[static 32])
{
	if (i == b->count)
		snprintf(ret, 32, "+Inf");
	else if (b->at[i] % b->scale == 0)
		snprintf(ret, 32, "%.1f", (double)b->at[i] / (double)b->scale);
	else
		snprintf(ret, 32, "%.15g", (double)b->at[i] / (double)b->scale);
}

void
metric_samples(struct buf *out, const struct metric *m, const struct metric_label *labels,
    size_t count, const struct metric_totals *t)
{
	const struct metric_bounds *b = m->bounds;
	int64_t seen = 0;
	char bound[32];

	for (size_t i = 0; i <= b->count; i++) {
		seen += t->buckets[i];
		bound_text(b, i, bound);
		line_add(out, m, suffixes[METRIC_HISTOGRAM], labels, count, bound, (double)seen);
	}
	line_add(out, m, "_count", labels, count, NULL, (double)seen);
	line_add(out, m, "_sum", labels, count, NULL, (double)t->sum / (double)b->scale);
}

void
metric_end(struct buf *out)
{
	buf_add_text(out, "# EOF\n");
}
