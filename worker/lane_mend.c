/* A view that is lost or folding: one lane of the fleet makes it whole, the others wait. */
#include "lane_internal.h"

#include "fold.h"
#include "log.h"
#include "timespan.h"

#define SAY_US ((int64_t)5 * 1000 * 1000)

struct mending {
	struct lane *lane;
	int64_t said_us;
	bool folds; /* it, and not another one */
};

static void
mending_say(void *opaque, const struct fold_progress *p)
{
	struct mending *m = opaque;
	struct fold_meter *meter = &m->lane->shared->fold;

	meter_beat(&m->lane->meter);
	metric_set(&meter->records, p->records);
	metric_set(&meter->total, p->total);
	metric_set(&meter->rate, p->rate);
	metric_set(&meter->seconds_left, p->seconds_left);
	metric_set(&meter->active, 1);
	m->folds = true;
	if (time_monotonic_us() - m->said_us < SAY_US)
		return;
	m->said_us = time_monotonic_us();
	log_event(LOG_INFO, "view_folding", LOG_T("lane", m->lane->name), LOG_T("topic", p->topic),
	    LOG_N("removed", p->removed), LOG_N("records", p->records), LOG_N("done", p->done),
	    LOG_N("total", p->total), LOG_N("rate", p->rate),
	    LOG_N("seconds_left", p->seconds_left));
}

bool
lane_mend(struct lane *lane)
{
	struct lane_shared *shared = lane->shared;
	struct mending m = { .lane = lane };
	const struct fold_spec spec = { .settings = shared->settings,
		.kek = shared->kek,
		.probe = shared->probe,
		.stop = &shared->stop,
		.progress = mending_say,
		.opaque = &m };
	struct fold_progress end = { 0 };
	enum fold_result result = FOLD_BUSY;
	struct err e = { 0 };
	bool done = view_fold(&spec, &end, &result, &e);

	if (m.folds)
		metric_set(&shared->fold.active, 0);
	if (!done) {
		if (lane_says(&lane->fold_said, e.code))
			log_error(LOG_WARNING, "fold_failed", &e, LOG_T("lane", lane->name),
			    LOG_T("next", "it is begun again"));
		return false;
	}
	lane->fold_said.code = ERR_NONE;
	if (result == FOLD_DONE)
		log_event(LOG_INFO, "view_whole", LOG_T("lane", lane->name),
		    LOG_N("records", end.records), LOG_N("skipped", end.skipped),
		    LOG_N("seconds", end.seconds));
	return result == FOLD_DONE;
}
