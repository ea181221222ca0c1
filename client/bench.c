#include "bench.h"

#include "answers.h"
#include "command.h"
#include "json.h"
#include "scoped.h"

#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#define SAMPLES      16
#define SAMPLE_EVERY 97

struct sample {
	struct buf certificate, key;
};

struct bench {
	struct options *o;
	const struct bench_key *key;
	enum bench_op op;
	struct bench_loader *loader;
	EVP_PKEY *ca;
	struct bench_shapes shapes;
	char *serials;       /* of what is to be revoked: BENCH_SERIAL_SIZE bytes each */
	size_t serials_used; /* by the runs before */
	struct sample samples[SAMPLES];
	size_t sample_count;
	/* what was measured */
	struct bench_result result;
	double worker_cpu_us, raw_us; /* of one request */
};

static void
bench_done(struct bench *b)
{
	bench_loader_close(b->loader);
	bench_shapes_done(&b->shapes);
	EVP_PKEY_free(b->ca);
	free(b->serials);
	for (size_t i = 0; i < b->sample_count; i++) {
		buf_done(&b->samples[i].certificate);
		buf_done(&b->samples[i].key);
	}
}
#define SCOPED_BENCH __attribute__((cleanup(bench_done)))

/* ---- what each request has of its own, and what its answer is good for ---- */

static void
own_name(void *opaque, size_t i, char *ret)
{
	char text[17];

	(void)opaque;
	(void)snprintf(text, sizeof(text), "%08zx", i);
	memcpy(ret, text, BENCH_NAME_SIZE);
}

static void
own_serial(void *opaque, size_t i, char *ret)
{
	const struct bench *b = opaque;

	memcpy(ret, b->serials + (b->serials_used + i) * BENCH_SERIAL_SIZE, BENCH_SERIAL_SIZE);
}

static void
sample_keep(void *opaque, size_t i, const struct response_envelope *answer)
{
	struct bench *b = opaque;
	struct arena SCOPED_ARENA a = { 0 };
	struct leaf_answer leaf = { 0 };
	struct err unread = { 0 };
	struct sample *sample;
	uint64_t seen;

	if (i % SAMPLE_EVERY != 0 || b->sample_count == SAMPLES)
		return;
	sample = &b->samples[b->sample_count++];
	buf_init(&sample->certificate, REQUEST_MAX);
	buf_init_secret(&sample->key, REQUEST_MAX);
	if (!schema_decode(&leaf_answer_schema, answer->data, &a, &leaf, &seen, &unread))
		return; /* an empty certificate does not verify */
	buf_add_slice(&sample->certificate, leaf.certificate);
	buf_add_slice(&sample->key, leaf.private_key);
}

static void
serial_keep(void *opaque, size_t i, const struct response_envelope *answer)
{
	struct bench *b = opaque;
	struct arena SCOPED_ARENA a = { 0 };
	struct leaf_answer leaf = { 0 };
	struct err unread = { 0 };
	uint64_t seen;

	if (schema_decode(&leaf_answer_schema, answer->data, &a, &leaf, &seen, &unread) &&
	    leaf.serial_number.len == BENCH_SERIAL_SIZE)
		memcpy(
		    b->serials + i * BENCH_SERIAL_SIZE, leaf.serial_number.data, BENCH_SERIAL_SIZE);
}

static MUST_USE bool
samples_check(struct bench *b, struct err *e)
{
	for (size_t i = 0; i < b->sample_count; i++) {
		const struct sample *s = &b->samples[i];

		if (!bench_certificate_check(buf_slice(&s->certificate),
			s->key.len == 0 ? SLICE_NONE : buf_slice(&s->key), b->ca, e))
			return false;
	}
	return true;
}

/* ---- the runs ---- */

static MUST_USE bool
load_run(struct bench *b, struct bench_load *load, enum bench_op op, struct bench_result *ret,
    struct err *e)
{
	load->topic = arena_printf(&b->o->arena, "%s.%s", b->o->prefix, bench_op_name(op));
	load->key = op == BENCH_REVOKE ? slice_text(b->o->mount) : SLICE_NONE;
	load->own = op == BENCH_REVOKE ? own_serial : own_name;
	load->shapes = &b->shapes;
	load->opaque = b;
	load->in_flight = b->o->in_flight;
	load->timeout_ms = b->o->timeout * 1000;
	return bench_loader_run(b->loader, load, ret, e);
}

static MUST_USE bool
result_is_good(const struct bench_result *r, const char *what, struct err *e)
{
	if (r->refused > 0)
		return err_set(e, ERR_INVALID_VALUE, "%s: %zu were refused, the first: %.150s",
		    what, r->refused, r->refusal);
	if (r->unanswered > 0)
		return err_set(e, ERR_TIMEOUT, "%s: %zu got no answer", what, r->unanswered);
	return true;
}

/* Certificates that can be revoked. */
static MUST_USE bool
serials_make(struct bench *b, struct err *e)
{
	struct bench_load load = { .answered = serial_keep,
		.count = (size_t)(b->o->warmup + b->o->count) };

	b->serials = calloc(load.count + 1, BENCH_SERIAL_SIZE);
	if (b->serials == NULL)
		abort();
	return bench_shapes_make(&b->shapes, BENCH_ISSUE, e) &&
	    load_run(b, &load, BENCH_ISSUE, &b->result, e) &&
	    result_is_good(&b->result, "issuing what is to be revoked", e);
}

/* Fields 14 and 15 of proc(5)'s stat: user and system time of all threads, in clock ticks. The name may hold anything. */
static MUST_USE bool
stat_ticks(char *text, double *ret)
{
	char *at = strrchr(text, ')'), *end;
	double ticks = 0;

	if (at == NULL || strlen(at) < 4)
		return false;
	at += 3; /* behind the third field, the state */
	for (int field = 4; field <= 15; field++, at = end) {
		long long value = strtoll(at, &end, 10);

		if (end == at)
			return false;
		ticks += field >= 14 ? (double)value : 0;
	}
	*ret = ticks;
	return true;
}

static MUST_USE bool
worker_cpu(const struct options *o, double *ret_us, struct err *e)
{
	char path[64], text[1024] = { 0 };
	double ticks;
	SCOPED(FILE) file = NULL;

	*ret_us = 0;
	if (o->worker_pid == 0)
		return true;
	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", o->worker_pid);
	file = fopen(path, "re");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL)
		return err_errno(e, path);
	if (!stat_ticks(text, &ticks))
		return err_set(e, ERR_SYSTEM, "%s has another form", path);
	*ret_us = ticks * 1e6 / (double)sysconf(_SC_CLK_TCK);
	return true;
}

/*
 * Waits until the worker rests, so that what it has made ready before a run (keys), and makes ready again behind it, counts
 * in full and once: at most one clock tick in a quarter of a second, or a minute is over.
 */
static MUST_USE bool
worker_cpu_at_rest(const struct options *o, double *ret_us, struct err *e)
{
	double before_us = -1e9;
	const double rest_us = 1e6 / (double)sysconf(_SC_CLK_TCK);

	if (!worker_cpu(o, ret_us, e))
		return false;
	for (int i = 0; i < 240 && o->worker_pid != 0 && *ret_us - before_us > rest_us; i++) {
		before_us = *ret_us;
		(void)usleep(250000);
		if (!worker_cpu(o, ret_us, e))
			return false;
	}
	return true;
}

static MUST_USE bool
bench_measure(struct bench *b, struct err *e)
{
	bool mints = b->op != BENCH_REVOKE;
	struct bench_load warmup = { .count = (size_t)b->o->warmup };
	struct bench_load load = { .count = (size_t)b->o->count,
		.rate = b->o->rate,
		.answered = mints ? sample_keep : NULL };
	double before_us, after_us;

	if (b->op == BENCH_REVOKE && !serials_make(b, e))
		return false;
	if (!bench_shapes_make(&b->shapes, b->op, e) ||
	    !load_run(b, &warmup, b->op, &b->result, e) ||
	    !result_is_good(&b->result, "the warm-up", e))
		return false;
	b->serials_used = warmup.count;
	if (!worker_cpu_at_rest(b->o, &before_us, e) || !load_run(b, &load, b->op, &b->result, e) ||
	    !worker_cpu_at_rest(b->o, &after_us, e))
		return false;
	b->worker_cpu_us = (after_us - before_us) / (double)load.count;
	return samples_check(b, e) && bench_raw_cost(b->op, b->key, b->ca, &b->raw_us, e);
}

/* ---- what is printed ---- */

static double
rounded(double value)
{
	return (double)(int64_t)(value * 1000 + 0.5) / 1000;
}

static double
rate_of(const struct bench_result *r)
{
	return r->seconds > 0 ? (double)(r->good + r->refused) / r->seconds : 0;
}

/* null: there is nothing to measure it by */
static json_t *
number_or_null(bool there, double value)
{
	return there ? json_real(rounded(value)) : json_null();
}

static json_t *
bench_json(const struct bench *b)
{
	const struct bench_result *r = &b->result;
	bool cpu = b->o->worker_pid != 0, raw = b->raw_us > 0;
	json_t *object = json_pack(
	    "{s:s, s:s, s:I, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:I, s:I, s:I, s:I}",          /* */
	    "op", bench_op_name(b->op), "key", b->key->name, "count", (json_int_t)b->o->count, /* */
	    "rate_per_s", rounded(rate_of(r)), "p50_ms", rounded(r->p50_ms), "p99_ms",
	    rounded(r->p99_ms), "max_ms", rounded(r->max_ms), "worker_cpu_us",
	    number_or_null(cpu, b->worker_cpu_us), "raw_openssl_us", number_or_null(raw, b->raw_us),
	    "ratio", number_or_null(cpu && raw, raw ? b->worker_cpu_us / b->raw_us : 0),
	    "target_rate", (json_int_t)b->o->rate, "in_flight", (json_int_t)b->o->in_flight,
	    "refused", (json_int_t)r->refused, "unanswered", (json_int_t)r->unanswered);

	if (object == NULL)
		abort();
	return object;
}

static void
bench_table(const struct bench *b)
{
	const struct bench_result *r = &b->result;

	printf("%-22s%s, %s\n", "operation", bench_op_name(b->op), b->key->name);
	printf("%-22s%zu good, %zu refused, %zu without an answer\n", "answers", r->good,
	    r->refused, r->unanswered);
	printf("%-22s%.0f a second\n", "rate", rate_of(r));
	printf("%-22s50 %% %.1f ms, 99 %% %.1f ms, longest %.1f ms\n", "latency", r->p50_ms,
	    r->p99_ms, r->max_ms);
	if (b->o->worker_pid != 0)
		printf("%-22s%.1f us a request\n", "worker's CPU time", b->worker_cpu_us);
	if (b->raw_us > 0)
		printf("%-22s%.1f us a request\n", "OpenSSL alone", b->raw_us);
	if (b->o->worker_pid != 0 && b->raw_us > 0)
		printf("%-22s%.2f\n", "ratio", b->worker_cpu_us / b->raw_us);
}

static enum status
bench_report(const struct bench *b)
{
	json_t *SCOPED_JSON object = NULL;

	if (b->o->json) {
		object = bench_json(b);
		if (!json_line(stdout, object))
			return STATUS_FAILED;
	} else {
		bench_table(b);
	}
	if (b->result.refused > 0)
		fprintf(stderr, "Error: %zu were refused, the first: %s\n", b->result.refused,
		    b->result.refusal);
	if (b->result.unanswered > 0)
		return STATUS_UNANSWERED;
	return b->result.refused > 0 ? STATUS_REFUSED : STATUS_OK;
}

/* ---- the command ---- */

static MUST_USE bool
bench_read_options(struct bench *b, struct err *e)
{
	const struct options *o = b->o;

	for (b->op = BENCH_ISSUE; strcmp(bench_op_name(b->op), o->op) != 0; b->op++)
		if (b->op == BENCH_REVOKE)
			return err_set(e, ERR_INVALID_VALUE,
			    "-op is issue, sign or revoke, not \"%.40s\"", o->op);
	b->key = bench_key_find(o->key);
	if (b->key == NULL)
		return err_set(e, ERR_INVALID_VALUE,
		    "-key \"%.40s\" is none of those that certmill bench --help lists", o->key);
	if (o->count < 1 || o->in_flight < 1)
		return err_set(e, ERR_INVALID_VALUE,
		    "usage: certmill bench [OPTION...], with -count and -in-flight of at least 1");
	b->shapes.mount = o->mount;
	b->shapes.key = b->key;
	b->shapes.role = o->role == NULL ? arena_printf(&b->o->arena, "bench-%s", b->key->name)
					 : o->role;
	return true;
}

static MUST_USE bool
bench_open(struct bench *b, struct err *e)
{
	struct certmill_options options = options_client(b->o);
	struct queue_options queue = options_queue(b->o);
	struct certmill *client = certmill_open(&options, e);
	bool done;

	if (client == NULL)
		return false;
	done = bench_setup(client, b->o, b->key, b->shapes.role, &b->ca, e);
	certmill_close(client);
	if (done)
		b->loader = bench_loader_open(
		    &queue, arena_printf(&b->o->arena, "%s.responses", b->o->prefix), e);
	return b->loader != NULL;
}

enum status
bench(struct options *o)
{
	struct bench SCOPED_BENCH b = { .o = o };
	struct err e = { 0 };

	if (!bench_read_options(&b, &e) || !bench_open(&b, &e))
		return fail_with(&e);
	if (!bench_measure(&b, &e)) {
		enum status status = fail_with(&e);

		return b.result.refused > 0 ? STATUS_REFUSED : status;
	}
	return bench_report(&b);
}
