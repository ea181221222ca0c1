#include "meter.h"

#include "timespan.h"

static const int64_t batch_bounds[] = { 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000,
	10000 };
static const int64_t latency_bounds_ms[] = { 5, 10, 15, 20, 30, 50, 75, 100, 150, 250, 500, 1000,
	2500, 5000, 10000, 30000, 60000, 300000 };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct metric_bounds meter_batches = { batch_bounds, COUNT(batch_bounds), 1 };
const struct metric_bounds meter_latency = { latency_bounds_ms, COUNT(latency_bounds_ms), 1000 };
const char *const phase_names[PHASES] = { "catalog", "claims", "decide", "script", "transaction" };

_Static_assert(COUNT(batch_bounds) < METRIC_BUCKETS_MAX, "a bucket for each bound, and one above");
_Static_assert(
    COUNT(latency_bounds_ms) < METRIC_BUCKETS_MAX, "a bucket for each bound, and one above");

void
meter_beat(struct lane_meter *m)
{
	metric_set(&m->beat_us, time_monotonic_us());
}

void
meter_failed(struct lane_meter *m, enum err_code code)
{
	metric_set(&m->error, code);
	metric_set(&m->error_ms, time_now_ms());
	metric_add(&m->failures[code], 1);
}
