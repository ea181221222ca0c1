#include "monitor.h"

#include "endpoint.h"
#include "lag.h"
#include "log.h"
#include "metrics.h"
#include "scoped.h"
#include "timespan.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define ASK_EVERY_S 5
#define ENGINE_MS   2000

typedef struct store_reply store_reply;

struct monitor {
	struct settings settings; /* a copy, with shorter patience; it owns nothing */
	struct endpoint *endpoint;
	struct queue_probe *probe;
	struct store *store; /* NULL: none, or it broke */
	pthread_t thread;
	bool started;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t wake;
	struct watched watched;
	bool stop;
};

/* ---- the engines, asked ---- */

static void
kafka_ask(struct monitor *m, struct engines *ret)
{
	int64_t began = time_monotonic_us();

	ret->kafka.up = queue_ping(m->probe, ENGINE_MS, &ret->kafka.why);
	ret->kafka.asked_us = time_monotonic_us();
	ret->kafka.round_trip_us = ret->kafka.asked_us - began;
	ret->kafka.asked = true;
}

static void
lag_sum(struct monitor *m, struct engines *ret)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct lag lag;
	struct err e = { 0 };

	ret->lag_known = ret->kafka.up && lag_ask(&m->settings, m->probe, &a, &lag, &e);
	for (size_t i = 0; ret->lag_known && i < lag.count; i++)
		ret->lag[lag.rows[i].kind] += lag_of(&lag.rows[i]);
}

/* NULL: the connection is given up. */
static MUST_USE struct store_reply *
redis_say(struct monitor *m, const char *const *words, size_t count, struct err *e)
{
	struct slice argv[4];
	struct store_reply *r;

	if (m->store == NULL)
		m->store = store_open(&m->settings.store, e);
	if (m->store == NULL)
		return NULL;
	for (size_t i = 0; i < count; i++)
		argv[i] = slice_text(words[i]);
	r = store_command(m->store, argv, count, e);
	if (r == NULL) {
		store_close(m->store);
		m->store = NULL;
	}
	return r;
}

/* "used_memory:123\r\n" of INFO; -1: it is not there. */
static int64_t
info_number(struct slice info, const char *name)
{
	const char *at = memmem(info.data, info.len, name, strlen(name));
	int64_t n = 0;

	if (at == NULL)
		return -1;
	for (at += strlen(name);
	     at < (const char *)info.data + info.len && *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (*at - '0');
	return n;
}

static void
redis_memory(struct monitor *m, struct engines *ret)
{
	static const char *const info[] = { "INFO", "memory" };
	struct err e = { 0 };
	SCOPED(store_reply) r = redis_say(m, info, 2, &e);

	if (r == NULL || store_text(r).data == NULL)
		return; /* not every user may ask that */
	ret->redis_bytes = info_number(store_text(r), "used_memory:");
	ret->redis_limit = info_number(store_text(r), "maxmemory:");
}

static void
redis_ask(struct monitor *m, struct engines *ret)
{
	static const char *const view[] = { "GET", "cm:view" };
	bool connected = m->store != NULL;
	int64_t began = time_monotonic_us();
	SCOPED(store_reply) r = redis_say(m, view, 2, &ret->redis.why);

	if (r == NULL && connected) { /* it was restarted, perhaps */
		began = time_monotonic_us();
		r = redis_say(m, view, 2, &ret->redis.why);
	}
	ret->redis.up = r != NULL;
	ret->redis.asked_us = time_monotonic_us();
	ret->redis.round_trip_us = ret->redis.asked_us - began;
	ret->redis.asked = true;
	ret->redis_bytes = ret->redis_limit = -1;
	if (r == NULL)
		return;
	ret->view_ready = slice_is(store_text(r), "ready");
	redis_memory(m, ret);
}

static void
engines_ask(struct monitor *m)
{
	struct engines now = { 0 };

	kafka_ask(m, &now);
	redis_ask(m, &now);
	lag_sum(m, &now);
	pthread_mutex_lock(&m->lock);
	m->watched.engines = now;
	pthread_mutex_unlock(&m->lock);
}

/* False: the monitor stops. */
static bool
monitor_wait(struct monitor *m)
{
	struct timespec end;
	bool stop;

	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += ASK_EVERY_S;
	pthread_mutex_lock(&m->lock);
	if (!m->stop)
		(void)pthread_cond_timedwait(&m->wake, &m->lock, &end);
	stop = m->stop;
	pthread_mutex_unlock(&m->lock);
	return !stop;
}

static void *
monitor_main(void *opaque)
{
	struct monitor *m = opaque;

	do {
		engines_ask(m);
		endpoint_sweep(m->endpoint);
	} while (monitor_wait(m));
	return NULL;
}

/* ---- paths ---- */

static unsigned
metrics_answer(void *opaque, struct buf *out)
{
	struct monitor *m = opaque;

	pthread_mutex_lock(&m->lock);
	metrics_write(&m->watched, out);
	pthread_mutex_unlock(&m->lock);
	return 200;
}

static unsigned
yes_or_why(struct monitor *m, bool (*is)(const struct watched *w, struct buf *out), const char *yes,
    struct buf *out)
{
	bool good;

	pthread_mutex_lock(&m->lock);
	good = is(&m->watched, out);
	pthread_mutex_unlock(&m->lock);
	if (good)
		buf_add_text(out, yes);
	return good ? 200 : 503;
}

static unsigned
ready_answer(void *opaque, struct buf *out)
{
	return yes_or_why(opaque, watched_ready, "ready\n", out);
}

static unsigned
live_answer(void *opaque, struct buf *out)
{
	return yes_or_why(opaque, watched_lives, "alive\n", out);
}

static const struct endpoint_path paths[] = {
	{ "/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8",
	    metrics_answer },
	{ "/readyz", "text/plain; charset=utf-8", ready_answer },
	{ "/livez", "text/plain; charset=utf-8", live_answer },
};

/* ---- life ---- */

static MUST_USE bool
monitor_open(struct monitor *m, struct err *e)
{
	const struct endpoint_spec spec = { .listen = m->settings.metrics_listen,
		.paths = paths,
		.path_count = sizeof(paths) / sizeof(paths[0]),
		.opaque = m };

	m->probe = queue_probe_open(&m->settings.queue, e);
	if (m->probe == NULL)
		return false;
	m->endpoint = endpoint_start(&spec, e);
	if (m->endpoint == NULL)
		return false;
	m->started = pthread_create(&m->thread, NULL, monitor_main, m) == 0;
	return m->started || err_set(e, ERR_SYSTEM, "a thread for the metrics cannot be started");
}

bool
monitor_start(const struct settings *s, struct monitor **ret, struct err *e)
{
	struct monitor *m;

	*ret = NULL;
	if (s->metrics_listen[0] == '\0')
		return true;
	m = calloc(1, sizeof(*m));
	if (m == NULL || pthread_mutex_init(&m->lock, NULL) != 0 ||
	    pthread_cond_init(&m->wake, NULL) != 0)
		abort();
	m->settings = *s;
	if (m->settings.store.timeout_ms > ENGINE_MS)
		m->settings.store.timeout_ms = ENGINE_MS;
	m->watched.settings = &m->settings;
	m->watched.started_ms = time_now_ms();
	if (!monitor_open(m, e)) {
		monitor_stop(m);
		return false;
	}
	log_event(LOG_INFO, "metrics_served", LOG_T("listen", s->metrics_listen),
	    LOG_N("port", endpoint_port(m->endpoint)));
	*ret = m;
	return true;
}

void
monitor_attach(
    struct monitor *m, struct lane_shared *shared, struct lane *const *lanes, size_t count)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->watched.shared = shared;
	m->watched.lanes = lanes;
	m->watched.lane_count = count;
	pthread_mutex_unlock(&m->lock);
}

void
monitor_detach(struct monitor *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->watched.shared = NULL;
	m->watched.stopping = true;
	pthread_mutex_unlock(&m->lock);
}

void
monitor_stop(struct monitor *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_signal(&m->wake);
	pthread_mutex_unlock(&m->lock);
	if (m->started)
		pthread_join(m->thread, NULL);
	endpoint_stop(m->endpoint);
	queue_probe_close(m->probe);
	store_close(m->store);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
	free(m);
}
