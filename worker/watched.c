#include "watched.h"

#include "timespan.h"

#include <inttypes.h>

/* Longer than anything that a lane waits for by itself: a fold of `.revoked` (2 min), a key (45 s), the catalog (45 s). */
#define ALIVE_US ((int64_t)300 * 1000 * 1000)
#define HEARD_US ((int64_t)60 * 1000 * 1000) /* older news of the engines are none */

static bool
engine_ready(const struct engine *engine, const char *name, struct buf *out)
{
	bool named = strncmp(engine->why.msg, name, strlen(name)) == 0;

	if (!engine->asked)
		buf_printf(out, "%s: not asked yet\n", name);
	else if (!engine->up)
		buf_printf(out, "%s%s%s\n", named ? "" : name, named ? "" : ": ", engine->why.msg);
	else if (time_monotonic_us() - engine->asked_us > HEARD_US)
		buf_printf(out, "%s: no news for a minute\n", name);
	else
		return true;
	return false;
}

static bool
lane_ready(const struct lane *lane, struct buf *out)
{
	const struct lane_meter *m = lane_meter(lane);
	enum err_code error = (enum err_code)metric_get(&m->error);

	if (metric_get(&m->ready) == 1)
		return true;
	if (metric_get(&m->error_ms) == 0)
		buf_printf(out, "lane %s: starts\n", lane_name(lane));
	else
		buf_printf(
		    out, "lane %s: %s: %s\n", lane_name(lane), err_name(error), err_help(error));
	return false;
}

static bool
fold_ready(const struct watched *w, struct buf *out)
{
	const struct fold_meter *f = &w->shared->fold;

	if (metric_get(&f->active) == 1)
		buf_printf(out,
		    "folding: %" PRId64 " of at most %" PRId64 " records, %" PRId64
		    " a second, %" PRId64 " s left\n",
		    metric_get(&f->records), metric_get(&f->total), metric_get(&f->rate),
		    metric_get(&f->seconds_left));
	else if (w->engines.redis.up && !w->engines.view_ready)
		buf_add_text(out, "folding: the view is not ready; a worker makes it whole\n");
	else
		return true;
	return false;
}

bool
watched_ready(const struct watched *w, struct buf *out)
{
	bool ready = engine_ready(&w->engines.kafka, "Kafka", out);

	ready = engine_ready(&w->engines.redis, "Redis", out) && ready;
	if (w->shared == NULL) {
		buf_add_text(out, w->stopping ? "stopping\n" : "starting\n");
		return false;
	}
	ready = fold_ready(w, out) && ready;
	for (size_t i = 0; i < w->lane_count; i++)
		ready = lane_ready(w->lanes[i], out) && ready;
	return ready;
}

bool
watched_lives(const struct watched *w, struct buf *out)
{
	int64_t now = time_monotonic_us();
	bool alive = true;

	for (size_t i = 0; w->shared != NULL && i < w->lane_count; i++) {
		int64_t beat = metric_get(&lane_meter(w->lanes[i])->beat_us);

		if (beat == 0 || now - beat < ALIVE_US)
			continue;
		alive = false;
		buf_printf(out, "lane %s: no sign of life for %" PRId64 " s\n",
		    lane_name(w->lanes[i]), (now - beat) / 1000000);
	}
	return alive;
}
