/* A batch that is committed is counted. */
#include "lane_internal.h"

#include "timespan.h"

static enum err_code
item_outcome(const struct item *item)
{
	struct slice text = item->rq.outcome.code;
	enum err_code code;

	if (text.data == NULL)
		return ERR_NONE;
	code = err_from_name((const char *)text.data, text.len);
	return code == ERR_NONE ? ERR_INTERNAL : code; /* a newer worker's, from its claim */
}

static void
item_count(struct lane_meter *m, const struct item *item)
{
	const struct operation *operation = item->rq.operation;
	size_t op = operation == NULL ? OP_COUNT : (size_t)(operation->contract - contracts);

	if (item->intake == INTAKE_REROUTED) {
		metric_add(&m->rerouted, 1);
		return;
	}
	if (item->intake == INTAKE_REJECTED || item->quarantined)
		metric_add(&m->rejected[item->reject.code], 1);
	if (item->intake == INTAKE_REJECTED)
		return;
	metric_add(&m->requests[op][item_outcome(item)], 1);
	if (item_replays(item))
		metric_add(&m->replayed[op], 1);
}

void
batch_meter(struct lane *lane, const struct batch *b)
{
	struct lane_meter *m = &lane->meter;
	int64_t now_ms = time_now_ms();

	metric_add(&m->committed, 1);
	if (b->count > 0)
		metric_observe(&m->batches, &meter_batches, (int64_t)b->count);
	for (size_t i = 0; i < b->count; i++) {
		const struct item *item = &b->items[i];
		int64_t took = now_ms - item->rq.message->timestamp_ms;

		item_count(m, item);
		metric_observe(&m->latency[item->rq.kind], &meter_latency, took > 0 ? took : 0);
	}
}
