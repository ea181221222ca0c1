/*
 * The load: this thread produces, another one reads the answers. A request's index stands in its id, so that an answer finds
 * its row without a search: a UUID of version 7 whose last 8 digits are the index, and the 15 before them the run's own.
 */
#include "bench.h"
#include "timespan.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define ID_SIZE  36
#define INDEX_AT 28

struct bench_loader {
	struct queue_reader *reader;
	struct queue_producer *producer;
};

/* A run: what both threads see. */
struct run {
	const struct bench_load *load;
	struct bench_loader *loader;
	char id[CERTMILL_ID_SIZE]; /* of the run: the first INDEX_AT characters of each id */
	atomic_llong *sent_us;     /* 0: not sent, or answered already */
	double *latency_ms;        /* of the answered ones, in the order of their answers */
	atomic_size_t sent, answered;
	atomic_bool produced, failed; /* all were sent; a thread has given up */
	int64_t last_us;              /* of the last answer */
	struct bench_result result;
	struct err reader_err;
};

struct bench_loader *
bench_loader_open(const struct queue_options *queue, const char *reply_topic, struct err *e)
{
	struct bench_loader *l = calloc(1, sizeof(*l));

	if (l == NULL)
		abort();
	l->reader = queue_reader_open(queue, reply_topic, -1, QUEUE_FROM_END, e);
	if (l->reader != NULL)
		l->producer = queue_producer_open(queue, NULL, e);
	if (l->producer != NULL)
		return l;
	bench_loader_close(l);
	return NULL;
}

void
bench_loader_close(struct bench_loader *l)
{
	if (l == NULL)
		return;
	if (l->producer != NULL)
		queue_producer_close(l->producer);
	if (l->reader != NULL)
		queue_reader_close(l->reader);
	free(l);
}

/* ---- the reader's thread ---- */

/* False: it is no answer to this run. */
static bool
index_of(const struct run *run, struct slice key, size_t *ret)
{
	size_t index = 0;

	if (key.len != ID_SIZE || memcmp(key.data, run->id, INDEX_AT) != 0)
		return false;
	for (size_t i = INDEX_AT; i < ID_SIZE; i++) {
		uint8_t c = key.data[i];
		bool digit = c >= '0' && c <= '9';

		if (!digit && !(c >= 'a' && c <= 'f'))
			return false;
		index = index << 4 | (size_t)(digit ? c - '0' : c - 'a' + 10);
	}
	*ret = index;
	return index < run->load->count;
}

static void
refusal_keep(struct run *run, struct slice raw, struct arena *a)
{
	struct error_body body = { 0 };
	struct err unread = { 0 };
	uint64_t seen;

	if (run->result.refused++ > 0)
		return;
	if (raw.data == NULL || !schema_decode(&error_schema, raw, a, &body, &seen, &unread))
		body.message = SLICE_LITERAL("an answer that cannot be read");
	(void)snprintf(run->result.refusal, sizeof(run->result.refusal), "%.*s (code %.*s)",
	    SLICE_FMT(body.message), SLICE_FMT(body.code));
}

static void
answer_take(struct run *run, const struct queue_message *m, struct arena *a)
{
	struct response_envelope answer = { 0 };
	struct err unread = { 0 };
	int64_t now = time_monotonic_us(), sent;
	uint64_t seen;
	size_t i;

	if (!index_of(run, m->key, &i))
		return;
	sent = atomic_exchange(&run->sent_us[i], 0);
	if (sent == 0)
		return;
	if (schema_decode(&response_schema, m->value, a, &answer, &seen, &unread) &&
	    slice_is(answer.status, "ok")) {
		run->result.good++;
		if (run->load->answered != NULL)
			run->load->answered(run->load->opaque, i, &answer);
	} else {
		refusal_keep(run, answer.error, a);
	}
	run->latency_ms[atomic_load(&run->answered)] = (double)(now - sent) / 1000;
	run->last_us = now;
	atomic_fetch_add(&run->answered, 1);
}

static bool
run_is_over(struct run *run)
{
	return atomic_load(&run->failed) ||
	    (atomic_load(&run->produced) && atomic_load(&run->answered) == atomic_load(&run->sent));
}

static void *
answers_read(void *opaque)
{
	struct run *run = opaque;
	struct arena SCOPED_ARENA a = { 0 };
	int64_t heard_us = time_monotonic_us();
	struct queue_message *m = NULL;
	size_t before;

	while (!run_is_over(run)) {
		if (!queue_reader_poll(run->loader->reader, 50, &m, &run->reader_err)) {
			atomic_store(&run->failed, true);
			return NULL;
		}
		before = atomic_load(&run->answered);
		if (m != NULL)
			answer_take(run, m, &a);
		queue_message_free(m);
		arena_reset(&a);
		if (before != atomic_load(&run->answered))
			heard_us = time_monotonic_us();
		else if (time_monotonic_us() - heard_us > run->load->timeout_ms * 1000)
			atomic_store(&run->failed, true);
	}
	return NULL;
}

/* ---- the producer's thread ---- */

static void
pause_us(int64_t us)
{
	const struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };

	(void)nanosleep(&t, NULL);
}

/* Until its time has come, and until there is room among those on their way. */
static void
turn_wait(struct run *run, size_t i, int64_t begin_us)
{
	int64_t due_us = begin_us;

	if (run->load->rate > 0)
		due_us += (int64_t)i * 1000000 / run->load->rate;
	for (int64_t now = time_monotonic_us(); now < due_us; now = time_monotonic_us())
		pause_us(due_us - now);
	while (i - atomic_load(&run->answered) >= (size_t)run->load->in_flight &&
	    !atomic_load(&run->failed))
		pause_us(200);
}

static MUST_USE bool
request_send(struct run *run, size_t i, uint8_t *bytes, struct err *e)
{
	const struct bench_load *load = run->load;
	const struct bench_shape *shape = &load->shapes->items[i % load->shapes->count];
	char id[ID_SIZE + 1];

	(void)snprintf(id, sizeof(id), "%.*s%08zx", INDEX_AT, run->id, i & 0xffffffff);
	memcpy(bytes, shape->bytes.data, shape->bytes.len);
	memcpy(bytes + shape->id_at, id, ID_SIZE);
	load->own(load->opaque, i, (char *)bytes + shape->own_at);
	struct queue_record record = {
		.topic = load->topic,
		.partition = -1,
		.key = load->key.data == NULL ? slice_of(id, ID_SIZE) : load->key,
		.value = slice_of(bytes, shape->bytes.len),
	};
	atomic_store(&run->sent_us[i], time_monotonic_us());
	if (!queue_produce(run->loader->producer, &record, e))
		return false;
	atomic_fetch_add(&run->sent, 1);
	return true;
}

static MUST_USE bool
requests_send(struct run *run, struct err *e)
{
	int64_t begin_us = time_monotonic_us();
	uint8_t *bytes = malloc(REQUEST_MAX);
	bool sent = true;

	if (bytes == NULL)
		abort();
	for (size_t i = 0; i < run->load->count && sent && !atomic_load(&run->failed); i++) {
		turn_wait(run, i, begin_us);
		sent = request_send(run, i, bytes, e);
	}
	free(bytes);
	sent = sent && queue_flush(run->loader->producer, (int)run->load->timeout_ms, e);
	if (!sent)
		atomic_store(&run->failed, true);
	atomic_store(&run->produced, true);
	return sent;
}

/* ---- a run ---- */

static int
double_order(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value at this part of a list that is sorted; 0 of an empty one. */
static double
percentile(const double *sorted, size_t count, double part)
{
	size_t at = (size_t)(part * (double)count);

	if (count == 0)
		return 0;
	return sorted[at < count ? at : count - 1];
}

static void
result_finish(struct run *run, int64_t begin_us)
{
	size_t answered = atomic_load(&run->answered);

	qsort(run->latency_ms, answered, sizeof(*run->latency_ms), double_order);
	run->result.unanswered = run->load->count - answered;
	run->result.seconds = answered == 0 ? 0 : (double)(run->last_us - begin_us) / 1e6;
	run->result.p50_ms = percentile(run->latency_ms, answered, 0.50);
	run->result.p99_ms = percentile(run->latency_ms, answered, 0.99);
	run->result.max_ms = percentile(run->latency_ms, answered, 1);
}

static MUST_USE bool
run_threads(struct run *run, struct err *e)
{
	pthread_t reader;
	bool sent;

	if (pthread_create(&reader, NULL, answers_read, run) != 0)
		return err_set(e, ERR_SYSTEM, "no thread can be started");
	sent = requests_send(run, e);
	pthread_join(reader, NULL);
	if (run->reader_err.code == ERR_NONE)
		return sent;
	*e = run->reader_err;
	return false;
}

bool
bench_loader_run(
    struct bench_loader *l, const struct bench_load *load, struct bench_result *ret, struct err *e)
{
	struct run run = { .load = load, .loader = l };
	int64_t begin_us;
	bool done;

	if (!queue_producer_warm(l->producer, &load->topic, 1, e))
		return false;
	certmill_new_id(run.id);
	run.sent_us = calloc(load->count + 1, sizeof(*run.sent_us));
	run.latency_ms = calloc(load->count + 1, sizeof(*run.latency_ms));
	if (run.sent_us == NULL || run.latency_ms == NULL)
		abort();
	begin_us = time_monotonic_us();
	done = run_threads(&run, e);
	if (done) {
		result_finish(&run, begin_us);
		*ret = run.result;
	}
	free(run.sent_us);
	free(run.latency_ms);
	return done;
}
