/* What the table of the metrics (metrics.c) and its collectors (metrics_lanes.c, metrics_state.c) share. */
#ifndef CERTMILL_METRICS_INTERNAL_H
#define CERTMILL_METRICS_INTERNAL_H

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

/* A CRL that is still to be made again and again. */
struct crl_line {
	struct slice mount, issuer, shard;
	struct crl_book_entry entry;
	int64_t due; /* since the epoch */
};

struct issuer_line {
	struct slice mount, issuer;
	int64_t not_after;
};

/* What is the same for all samples of one answer. */
struct scrape {
	const struct watched *watched;
	int64_t now;    /* seconds since the epoch */
	int64_t now_us; /* time_monotonic_us */
	/* the most urgent first */
	struct crl_line *crls;
	size_t crl_count;
	struct issuer_line *issuers; /* that sign for a mount */
	size_t issuer_count;
	size_t missing_crls, mounts;
};

#define METRICS_NAMED_MAX 200 /* CRLs, and issuers, that have samples of their own */

/* metrics_state.c: fills crls, issuers and what is counted of them from the catalog and the CRL book. */
void scrape_state(struct scrape *s, struct arena *a);

/* clang-format off */
#define METRIC(type, name, unit, labels, collect, ...) collect_fn collect;
#include "metrics.def"
#undef METRIC
/* clang-format on */

#endif
