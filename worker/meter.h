/*
 * What a worker counts of itself while it works: a meter a lane, whose thread alone writes it, and the fold's, which the lane
 * that folds writes. Whoever shows them (metrics.h, monitor.h) reads them at any time; no lane ever waits for that.
 */
#ifndef CERTMILL_METER_H
#define CERTMILL_METER_H

#include "contract.h"
#include "metric.h"

/* Where a batch's time goes. */
enum phase { PHASE_CATALOG, PHASE_CLAIMS, PHASE_DECIDE, PHASE_SCRIPT, PHASE_TRANSACTION, PHASES };

#define METER_OPS (OP_COUNT + 1) /* the last one: the operation is unknown */

struct lane_meter {
	struct metric_cell ready;    /* 1: in a session that has polled */
	struct metric_cell beat_us;  /* time_monotonic_us of its last sign of life */
	struct metric_cell error;    /* enum err_code that ended its last session that failed */
	struct metric_cell error_ms; /* when, wall clock; 0: never */
	struct metric_cell failures[ERR_COUNT]; /* sessions, by what ended them */
	struct metric_cell committed, aborted;  /* transactions */
	struct metric_cell phases[PHASES];      /* us */
	struct metric_histogram batches;        /* requests in one */
	/* requests, once they are committed */
	struct metric_cell requests[METER_OPS][ERR_COUNT]; /* by outcome; ERR_NONE: ok */
	struct metric_cell replayed[METER_OPS];
	struct metric_cell rerouted;
	struct metric_cell rejected[ERR_COUNT];
	struct metric_histogram
	    latency[TOPIC_KINDS]; /* ms from the record's timestamp to the commit */
};

struct fold_meter {
	struct metric_cell active; /* 1: a lane of this worker folds the view */
	struct metric_cell records, total, rate, seconds_left;
};

extern const struct metric_bounds meter_batches, meter_latency;
extern const char *const phase_names[PHASES];

void meter_beat(struct lane_meter *m);
void meter_failed(struct lane_meter *m, enum err_code code);

#endif
