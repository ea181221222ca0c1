/*
 * Metrics: what is counted while the program works, and its text for Prometheus (OpenMetrics 1.0). A cell has one writer and
 * any number of readers, and neither ever waits: counting costs an addition in memory. What there is to count is the
 * program's own table.
 */
#ifndef CERTMILL_METRIC_H
#define CERTMILL_METRIC_H

#include "buf.h"

#include <stdatomic.h>

#define METRIC_BUCKETS_MAX 24

struct metric_cell {
	_Atomic int64_t value;
};

static inline int64_t
metric_get(const struct metric_cell *c)
{
	return atomic_load_explicit(&c->value, memory_order_relaxed);
}

static inline void
metric_set(struct metric_cell *c, int64_t value)
{
	atomic_store_explicit(&c->value, value, memory_order_relaxed);
}

/* By its one writer. */
static inline void
metric_add(struct metric_cell *c, int64_t more)
{
	metric_set(c, metric_get(c) + more);
}

/* Upper bounds of buckets, rising, in whole units of which `scale` make one of the metric's: 1000 for ms shown as seconds. */
struct metric_bounds {
	const int64_t *at;
	size_t
	    count; /* at most METRIC_BUCKETS_MAX - 1: what is over the last one has a bucket too */
	int64_t scale;
};

struct metric_histogram {
	struct metric_cell buckets[METRIC_BUCKETS_MAX], sum;
};

/* Histograms of several writers, added up by a reader. */
struct metric_totals {
	int64_t buckets[METRIC_BUCKETS_MAX], sum;
};

size_t metric_bucket(const struct metric_bounds *b, int64_t value);
void metric_observe(struct metric_histogram *h, const struct metric_bounds *b, int64_t value);
void metric_total(struct metric_totals *t, const struct metric_histogram *h);

/* ---- the text ---- */

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_INFO };

struct metric {
	const char
	    *name; /* without _total, _bucket and the like; ends with its unit, if it has one */
	enum metric_type type;
	const char *unit; /* "" for none */
	const char *help;
	const struct metric_bounds *bounds; /* of a histogram */
};

struct metric_label {
	const char *name;
	struct slice value; /* UTF-8 */
};

/* What stands above the samples of one metric. */
void metric_head(struct buf *out, const struct metric *m);
void metric_sample(struct buf *out, const struct metric *m, const struct metric_label *labels,
    size_t count, double value);
void metric_samples(struct buf *out, const struct metric *m, const struct metric_label *labels,
    size_t count, const struct metric_totals *t);
/* What has to stand at the end of all. */
void metric_end(struct buf *out);

extern const char *const metric_type_names[];

#endif
