#include "worker.h"

#include "failpoint.h"
#include "fleet_record.h"
#include "log.h"
#include "redis_plan.h"
#include "topic_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PING_MS 5000
#define FRESH_MS \
	45000 /* a transaction that a dead worker left open on .state is decided by then: its timeout and the broker's next look */

bool
worker_settings(const struct worker_options *o, struct settings *ret, struct err *e)
{
	enum log_level level;

	if (!settings_load(o->config, ret, e))
		return false;
	if (!queue_options_check(&ret->queue, e)) {
		(void)config_origin_blame(&ret->origins, e);
		settings_free(ret);
		return false;
	}
	ret->single = ret->single || o->single;
	if (log_level_parse(ret->log_level, &level))
		log_set_level(level);
	return true;
}

struct secret *
worker_kek(const struct settings *s, struct err *e)
{
	struct err why;
	struct secret *kek = secret_load(s->kek_file, &why);

	if (kek == NULL) {
		(void)err_field(e, ERR_CONFIG, "keys.kek_file", "keys.kek_file: %s", why.msg);
		(void)config_origin_blame(&s->origins, e);
	}
	return kek;
}

void
worker_block(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
	pthread_sigmask(SIG_BLOCK, ret, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static bool
stop_signalled(int seconds)
{
	const struct timespec wait = { .tv_sec = seconds };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return sigtimedwait(&set, NULL, &wait) > 0;
}

/* ---- what the lanes share ---- */

static MUST_USE bool
shared_open(struct lane_shared *shared, struct err *e)
{
	const struct settings *s = shared->settings;
	const struct catalog_spec catalog = { &s->queue, shared->probe,
		s->ledger_topics[LEDGER_STATE], shared->kek };

	shared->catalog = catalog_folder_start(&catalog, e);
	if (shared->catalog == NULL)
		return false;
	shared->crl_book = crl_book_start(
	    &s->queue, shared->probe, s->ledger_topics[LEDGER_CRL], e);
	if (shared->crl_book == NULL)
		return false;
	if (s->key_pool_threads == 0)
		return true;
	shared->key_pool = key_pool_start((size_t)s->key_pool_threads, (size_t)s->key_pool_size, e);
	return shared->key_pool != NULL;
}

static void
shared_close(struct lane_shared *shared)
{
	key_pool_stop(shared->key_pool);
	crl_book_stop(shared->crl_book);
	catalog_folder_stop(shared->catalog);
	queue_probe_close(shared->probe);
}

static MUST_USE bool
partitions_are(
    struct queue_probe *probe, const char *topic, int64_t wanted, const char *why, struct err *e)
{
	struct queue_topic_info info;

	return queue_topic_info(probe, topic, &info, e) &&
	    (info.partitions == wanted ||
		err_set(e, ERR_CONFIG, "topic %s has %d partitions, it was made with %d: %s", topic,
		    (int)info.partitions, (int)wanted, why));
}

/* Partition counts are fixed when the topics are made: where a key's records stand depends on them. */
static MUST_USE bool
partitions_check(const struct settings *s, struct queue_probe *probe, struct catalog_folder *folder,
    struct err *e)
{
	const struct catalog *catalog = catalog_fresh(folder, FRESH_MS, e);
	int64_t recorded[TOPIC_KINDS];
	bool ok = true;

	if (catalog == NULL)
		return false;
	recorded[TOPIC_ISSUE] = catalog->topics.issue;
	recorded[TOPIC_SIGN] = catalog->topics.sign;
	recorded[TOPIC_REVOKE] = catalog->topics.revoke;
	recorded[TOPIC_CONFIG] = catalog->topics.config;
	recorded[TOPIC_QUERY] = catalog->topics.query;
	if (catalog->topics.v == 0)
		ok = err_set(e, ERR_CONFIG,
		    "%s does not hold the partition counts: run `certmill-worker topics`",
		    s->ledger_topics[LEDGER_STATE]);
	for (int i = 0; ok && i < TOPIC_KINDS; i++)
		ok = partitions_are(
		    probe, s->request_topics[i], recorded[i], "requests would lose their homes", e);
	/* these were made with as many */
	ok = ok &&
	    partitions_are(probe, s->ledger_topics[LEDGER_REVOKED], recorded[TOPIC_REVOKE],
		"a revocation and its end would stand on two of them", e) &&
	    partitions_are(probe, s->ledger_topics[LEDGER_AUDIT], recorded[TOPIC_REVOKE],
		"a chain would stand on two of them", e);
	catalog_release(catalog);
	return ok;
}

/* ---- lanes ---- */

struct lanes {
	struct lane **list;
	size_t count;
};

static MUST_USE bool
lanes_start(struct lane_shared *shared, struct lanes *l, struct err *e)
{
	const struct settings *s = shared->settings;
	size_t total = 0;

	for (int kind = 0; kind < LANE_KINDS; kind++)
		total += (size_t)s->lanes[kind];
	l->list = calloc(total + 1, sizeof(struct lane *));
	if (l->list == NULL)
		abort();
	for (int kind = 0; kind < LANE_KINDS; kind++)
		for (int i = 0; i < s->lanes[kind]; i++) {
			l->list[l->count] = lane_start(shared, (enum lane_kind)kind, i, e);
			if (l->list[l->count] == NULL)
				return false;
			l->count++;
		}
	return true;
}

static void
lanes_stop(struct lane_shared *shared, struct lanes *l)
{
	atomic_store(&shared->stop, true);
	for (size_t i = 0; i < l->count; i++)
		lane_join(l->list[i]);
	free(l->list);
}

static void
wait_for_end(struct lane_shared *shared)
{
	while (atomic_load(&shared->failed) == 0)
		if (stop_signalled(1)) {
			log_event(LOG_INFO, "stopping", LOG_T("reason", "signal"));
			return;
		}
}

bool
worker_serve(const struct settings *s, const struct secret *kek, struct monitor *m, struct err *e)
{
	struct lane_shared shared = { .settings = s, .kek = kek };
	struct lanes lanes = { 0 };
	bool ok;

	shared.probe = queue_probe_open(&s->queue, e);
	if (shared.probe == NULL)
		return false;
	ok = shared_open(&shared, e) &&
	    (s->dev || partitions_check(s, shared.probe, shared.catalog, e)) &&
	    lanes_start(&shared, &lanes, e);
	if (ok) {
		log_event(LOG_INFO, "worker_ready", LOG_T("version", CERTMILL_VERSION),
		    LOG_T("slot", s->slot), LOG_N("lanes", lanes.count));
		monitor_attach(m, &shared, lanes.list, lanes.count);
		wait_for_end(&shared);
		monitor_detach(m);
	}
	lanes_stop(&shared, &lanes);
	shared_close(&shared);
	if (ok && atomic_load(&shared.failed) > 0)
		return err_set(e, ERR_INTERNAL, "a lane has ended; see the log above");
	return ok;
}

/* ---- commands ---- */

bool
worker_kafka_answers(struct queue_probe *probe, struct err *e)
{
	return queue_ping(probe, PING_MS, e) || queue_blame(probe, e);
}

bool
worker_engines_keep(
    const struct settings *s, struct queue_probe *probe, const struct secret *kek, struct err *e)
{
	bool stands;

	return topic_plan_check(s, probe, e) && redis_check(s, e) &&
	    fleet_record_check(s, probe, kek, &stands, e);
}

/* For who keeps no catalog. */
static MUST_USE bool
partitions_keep(
    const struct settings *s, struct queue_probe *probe, const struct secret *kek, struct err *e)
{
	const struct catalog_spec spec = { &s->queue, probe, s->ledger_topics[LEDGER_STATE], kek };
	struct catalog_folder *folder = catalog_folder_start(&spec, e);
	bool ok = folder != NULL && partitions_check(s, probe, folder, e);

	catalog_folder_stop(folder);
	return ok;
}

static bool
engines_answer(
    const struct settings *s, struct queue_probe *probe, const struct secret *kek, struct err *e)
{
	if (!worker_kafka_answers(probe, e) || !redis_check(s, e))
		return false;
	(void)failpoint_hit("engines_answer");
	return worker_engines_keep(s, probe, kek, e);
}

static bool
engine_away(const struct err *e)
{
	return e->code == ERR_QUEUE || e->code == ERR_STORE || e->code == ERR_TIMEOUT;
}

/* Kafka and Redis may come up after the worker, and go while they are asked: it waits for them, and says so once. */
static MUST_USE bool
engines_wait(const struct settings *s, const struct secret *kek, bool *ret_stop, struct err *e)
{
	struct queue_probe *probe = queue_probe_open(&s->queue, e);
	bool said = false, ok;

	*ret_stop = false;
	if (probe == NULL)
		return false;
	while (!(ok = engines_answer(s, probe, kek, e)) && engine_away(e) && !*ret_stop) {
		if (!said)
			log_error(LOG_WARNING, "waiting", e, LOG_T("for", "Kafka and Redis"));
		said = true;
		*ret_stop = stop_signalled(1);
	}
	queue_probe_close(probe);
	return ok || *ret_stop;
}

static void
advice_log(const struct settings *s)
{
	char advice[REDIS_ADVICE_MAX];

	if (redis_advice(s, advice))
		log_event(LOG_WARNING, "redis_advice", LOG_T("message", advice));
}

static MUST_USE bool
run(const struct settings *s, const struct secret *kek, struct err *e)
{
	struct monitor *monitor = NULL;
	bool stop = false, ok;

	ok = monitor_start(s, &monitor, e) && engines_wait(s, kek, &stop, e);
	if (ok && !stop) {
		advice_log(s);
		ok = worker_serve(s, kek, monitor, e);
	}
	monitor_stop(monitor);
	return ok || config_origin_blame(&s->origins, e);
}

int
worker_run(const struct worker_options *o)
{
	struct settings s = { 0 };
	struct err e = { 0 };
	struct secret *kek = NULL;
	sigset_t blocked;
	bool ok = false;

	worker_block(&blocked);
	if (secret_init(&e) && worker_settings(o, &s, &e))
		kek = worker_kek(&s, &e);
	if (kek == NULL)
		log_error(LOG_ERROR, "start_refused", &e, LOG_T("command", "run"));
	else if (!(ok = run(&s, kek, &e)))
		log_error(LOG_ERROR, "worker_failed", &e, LOG_T("command", "run"));
	secret_free(kek);
	settings_free(&s);
	return ok ? 0 : 1;
}

static MUST_USE bool
promises_keep(const struct settings *s, const struct secret *kek, struct err *e)
{
	struct queue_probe *probe = queue_probe_open(&s->queue, e);
	bool ok = probe != NULL && worker_kafka_answers(probe, e) &&
	    worker_engines_keep(s, probe, kek, e) && partitions_keep(s, probe, kek, e);

	queue_probe_close(probe);
	return ok || config_origin_blame(&s->origins, e);
}

int
worker_check_config(const struct worker_options *o)
{
	struct settings s = { 0 };
	struct err e = { 0 };
	struct secret *kek = NULL;
	char advice[REDIS_ADVICE_MAX];
	bool ok = false;

	if (secret_init(&e) && worker_settings(o, &s, &e))
		kek = worker_kek(&s, &e);
	if (kek != NULL)
		ok = promises_keep(&s, kek, &e);
	if (ok && redis_advice(&s, advice))
		fprintf(stderr, "certmill-worker: warning: %s\n", advice);
	secret_free(kek);
	settings_free(&s);
	if (!ok) {
		fprintf(stderr, "certmill-worker: %s\n", e.msg);
		return 1;
	}
	printf("the configuration keeps every promise\n");
	return 0;
}
