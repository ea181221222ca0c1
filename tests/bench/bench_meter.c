/* What it costs to count a request, in a batch of 1000: thread CPU time, the least of ROUNDS. */
#include "lane_internal.h"

#include "contract.h"
#include "timespan.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS 50
#define TIMES  200
#define ITEMS  1000

static double
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int
main(void)
{
	static struct queue_message messages[ITEMS];
	struct lane *lane = calloc(1, sizeof(*lane));
	struct item *items = calloc(ITEMS, sizeof(*items));
	struct batch b = { .items = items, .count = ITEMS };
	double least = 1e18;

	if (lane == NULL || items == NULL)
		abort();
	for (size_t i = 0; i < ITEMS; i++) {
		messages[i].timestamp_ms = time_now_ms() - (int64_t)(i % 400);
		items[i].rq.message = &messages[i];
		items[i].rq.operation = operation_find(SLICE_LITERAL("issue"));
		if (i % 50 == 0) /* a refusal looks its code up */
			items[i].rq.outcome.code = SLICE_LITERAL("name_not_allowed");
	}
	for (int round = 0; round < ROUNDS; round++) {
		double began = cpu_ns(), took;

		for (int i = 0; i < TIMES; i++)
			batch_meter(lane, &b);
		took = (cpu_ns() - began) / TIMES / ITEMS;
		least = took < least ? took : least;
	}
	printf("%.1f ns a request; %lld counted\n", least,
	    (long long)metric_get(&lane->meter.requests[OP_ISSUE][ERR_NONE]));
	free(items);
	free(lane);
	return 0;
}
