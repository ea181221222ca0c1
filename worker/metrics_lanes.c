/* What the lanes have counted. */
#include "metrics_internal.h"

#include <inttypes.h>
#include <stdio.h>

#define LABEL(name, text) \
	{ \
		(name), slice_text(text) \
	}

static void
sample(struct buf *out, const struct shown_metric *m, const char *label, const char *text,
    double value)
{
	const struct metric_label labels[] = { LABEL(label, text) };

	metric_sample(out, &m->metric, labels, 1, value);
}

static void
sample_two(struct buf *out, const struct shown_metric *m,
    const struct metric_label labels[static 2], double value)
{
	metric_sample(out, &m->metric, labels, 2, value);
}

static size_t
lane_count(const struct scrape *s)
{
	return s->watched->shared == NULL ? 0 : s->watched->lane_count;
}

static const char *
name_of(const struct scrape *s, size_t lane)
{
	return lane_name(s->watched->lanes[lane]);
}

static const struct lane_meter *
meter_of(const struct scrape *s, size_t lane)
{
	return lane_meter(s->watched->lanes[lane]);
}

/* The sum over all lanes of the cell at this offset. */
static int64_t
total_of(const struct scrape *s, size_t offset)
{
	int64_t sum = 0;

	for (size_t i = 0; i < lane_count(s); i++)
		sum += metric_get((const void *)((const char *)meter_of(s, i) + offset));
	return sum;
}

#define TOTAL(s, member) total_of(s, offsetof(struct lane_meter, member))

/* ---- a sample a lane ---- */

void
collect_lane_cell(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < lane_count(s); i++) {
		const struct metric_cell *c = (const void *)((const char *)meter_of(s, i) +
		    m->cell);

		sample(out, m, "lane", name_of(s, i), (double)metric_get(c) / (double)m->scale);
	}
}

void
collect_heartbeats(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < lane_count(s); i++) {
		int64_t beat = metric_get(&meter_of(s, i)->beat_us);
		int64_t age = beat == 0 || beat > s->now_us ? 0 : s->now_us - beat;

		sample(out, m, "lane", name_of(s, i), (double)age / 1e6);
	}
}

void
collect_failures(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < lane_count(s); i++)
		for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
			int64_t n = metric_get(&meter_of(s, i)->failures[code]);
			const struct metric_label labels[] = { LABEL("lane", name_of(s, i)),
				LABEL("error", err_name((enum err_code)code)) };

			if (n > 0)
				sample_two(out, m, labels, (double)n);
		}
}

void
collect_last_failures(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < lane_count(s); i++) {
		const struct lane_meter *meter = meter_of(s, i);
		int64_t at_ms = metric_get(&meter->error_ms);
		const struct metric_label labels[] = { LABEL("lane", name_of(s, i)),
			LABEL("error", err_name((enum err_code)metric_get(&meter->error))) };

		if (at_ms > 0)
			sample_two(out, m, labels, (double)at_ms / 1e3);
	}
}

void
collect_transactions(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < lane_count(s); i++) {
		const struct lane_meter *meter = meter_of(s, i);
		const struct metric_label committed[] = { LABEL("lane", name_of(s, i)),
			LABEL("outcome", "committed") };
		const struct metric_label aborted[] = { LABEL("lane", name_of(s, i)),
			LABEL("outcome", "aborted") };

		sample_two(out, m, committed, (double)metric_get(&meter->committed));
		sample_two(out, m, aborted, (double)metric_get(&meter->aborted));
	}
}

/* ---- a sample a kind of lane ---- */

static bool
has_kind(const struct scrape *s, int kind)
{
	return lane_count(s) > 0 && s->watched->settings->lanes[kind] > 0;
}

static bool
lane_is(const struct scrape *s, size_t lane, int kind)
{
	const char *prefix = lane_kind_names[kind];

	return strncmp(name_of(s, lane), prefix, strlen(prefix)) == 0;
}

void
collect_batches(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (int kind = 0; kind < LANE_KINDS; kind++) {
		const struct metric_label labels[] = { LABEL("kind", lane_kind_names[kind]) };
		struct metric_totals t = { 0 };

		for (size_t i = 0; i < lane_count(s); i++)
			if (lane_is(s, i, kind))
				metric_total(&t, &meter_of(s, i)->batches);
		if (has_kind(s, kind))
			metric_samples(out, &m->metric, labels, 1, &t);
	}
}

static int64_t
phase_us(const struct scrape *s, int kind, int phase)
{
	int64_t sum = 0;

	for (size_t i = 0; i < lane_count(s); i++)
		if (lane_is(s, i, kind))
			sum += metric_get(&meter_of(s, i)->phases[phase]);
	return sum;
}

void
collect_phases(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (int kind = 0; kind < LANE_KINDS; kind++)
		for (int phase = 0; phase < PHASES && has_kind(s, kind); phase++) {
			const struct metric_label labels[] = { LABEL("kind", lane_kind_names[kind]),
				LABEL("phase", phase_names[phase]) };

			sample_two(out, m, labels, (double)phase_us(s, kind, phase) / 1e6);
		}
}

/* ---- requests ---- */

static const char *
op_name(size_t op)
{
	return op < OP_COUNT ? contracts[op].name : "other";
}

static int
op_kind(size_t op)
{
	return op < OP_COUNT ? (int)settings_lane_of(contracts[op].topic) : LANE_KINDS;
}

/* Every operation that this worker serves has its `ok`, so that a rate can be asked before the first one; errors as they come. */
void
collect_requests(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t op = 0; op < METER_OPS; op++)
		for (size_t code = 0; code < ERR_COUNT; code++) {
			int64_t n = TOTAL(s, requests[op][code]);
			const struct metric_label labels[] = { LABEL("op", op_name(op)),
				LABEL("outcome",
				    code == ERR_NONE ? "ok" : err_name((enum err_code)code)) };

			if (n > 0 ||
			    (code == ERR_NONE && op < OP_COUNT && has_kind(s, op_kind(op))))
				sample_two(out, m, labels, (double)n);
		}
}

void
collect_replayed(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t op = 0; op < METER_OPS; op++) {
		int64_t n = TOTAL(s, replayed[op]);

		if (n > 0)
			sample(out, m, "op", op_name(op), (double)n);
	}
}

void
collect_rerouted(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (lane_count(s) > 0)
		metric_sample(out, &m->metric, NULL, 0, (double)TOTAL(s, rerouted));
}

void
collect_rejected(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		int64_t n = TOTAL(s, rejected[code]);

		if (n > 0 || (lane_count(s) > 0 && (code == ERR_MALFORMED || code == ERR_INTERNAL)))
			sample(out, m, "reason", err_name((enum err_code)code), (double)n);
	}
}

void
collect_latency(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (int kind = 0; kind < TOPIC_KINDS; kind++) {
		const struct metric_label labels[] = { LABEL("topic", topic_kind_names[kind]) };
		struct metric_totals t = { 0 };

		if (!has_kind(s, (int)settings_lane_of((enum topic_kind)kind)))
			continue;
		for (size_t i = 0; i < lane_count(s); i++)
			metric_total(&t, &meter_of(s, i)->latency[kind]);
		metric_samples(out, &m->metric, labels, 1, &t);
	}
}

void
collect_lag(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (int kind = 0; s->watched->engines.lag_known && kind < TOPIC_KINDS; kind++)
		sample(
		    out, m, "topic", topic_kind_names[kind], (double)s->watched->engines.lag[kind]);
}
