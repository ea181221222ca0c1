/* What the table of the metrics (metrics.c) and its collectors (metrics_lanes.c, metrics_state.c) share. */
#ifndef CERTMILL_METRICS_INTERNAL_H
#define CERTMILL_METRICS_INTERNAL_H

#include "inventory.h"
#include "metrics.h"

#include <stddef.h>

enum crl_value { CRL_AGE, CRL_DUE, CRL_EXPIRES, CRL_SIZE };
enum engine_value { ENGINE_UP, ENGINE_ROUND_TRIP };

struct scrape;
struct shown_metric;
typedef void collect_fn(const struct shown_metric *m, const struct scrape *s, struct buf *out);

struct shown_metric {
	struct metric metric;
	const char *labels;  /* for the manual */
	collect_fn *collect; /* writes the samples */
	/* which of the things that this collector can show */
	size_t cell;   /* offset in struct lane_meter */
	int64_t scale; /* of the cell */
	size_t fold;   /* offset in struct fold_meter */
	size_t engine; /* offset in struct engines */
	enum engine_value engine_value;
	enum crl_value crl;
};

/* What is the same for all samples of one answer. */
struct scrape {
	const struct watched *watched;
	int64_t now;    /* seconds since the epoch */
	int64_t now_us; /* time_monotonic_us */
	struct inventory have;
};

#define METRICS_NAMED_MAX 200 /* CRLs, and issuers, that have samples of their own */

/* clang-format off */
#define METRIC(type, name, unit, labels, collect, ...) collect_fn collect;
#include "metrics.def"
#undef METRIC
/* clang-format on */

#endif
