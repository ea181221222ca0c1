/* CRLs, CAs, keys, the engines, the process. */
#include "metrics_internal.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define LATE_S 60

/* ---- CRLs and CAs ---- */

static double
crl_shows(const struct shown_metric *m, const struct scrape *s, const struct inventory_crl *c)
{
	switch (m->crl) {
	case CRL_AGE:
		return (double)(s->now - c->entry.this_update);
	case CRL_DUE:
		return (double)(c->due - s->now);
	case CRL_EXPIRES:
		return (double)(c->entry.next_update - s->now);
	case CRL_SIZE:
		break;
	}
	return (double)c->entry.size;
}

void
collect_crls(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < s->have.crl_count && i < METRICS_NAMED_MAX; i++) {
		const struct inventory_crl *c = &s->have.crls[i];
		const struct metric_label labels[] = { { "mount", c->mount },
			{ "issuer", c->issuer }, { "shard", c->shard } };

		metric_sample(out, &m->metric, labels, 3, crl_shows(m, s, c));
	}
}

void
collect_crl_limit(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	(void)s;
	metric_sample(out, &m->metric, NULL, 0, (double)CRL_DER_MAX);
}

void
collect_crl_states(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	static const char *const names[] = { "current", "late", "expired", "missing" };
	size_t counts[] = { 0, 0, 0, s->have.missing_crls };

	if (s->watched->shared == NULL)
		return;
	for (size_t i = 0; i < s->have.crl_count; i++)
		if (s->now >= s->have.crls[i].entry.next_update)
			counts[2]++;
		else if (s->now > s->have.crls[i].due + LATE_S)
			counts[1]++;
		else
			counts[0]++;
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		const struct metric_label label = { "state", slice_text(names[i]) };

		metric_sample(out, &m->metric, &label, 1, (double)counts[i]);
	}
}

void
collect_issuers(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	for (size_t i = 0; i < s->have.issuer_count && i < METRICS_NAMED_MAX; i++) {
		const struct inventory_issuer *l = &s->have.issuers[i];
		const struct metric_label labels[] = { { "mount", l->mount },
			{ "issuer", l->issuer } };

		metric_sample(out, &m->metric, labels, 2, (double)(l->not_after - s->now));
	}
}

void
collect_mounts(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (s->watched->shared != NULL)
		metric_sample(out, &m->metric, NULL, 0, (double)s->have.mounts);
}

/* ---- keys ---- */

static void
pool_write(const struct shown_metric *m, const struct scrape *s, bool capacity, struct buf *out)
{
	struct key_pool_shelf shelves[KEY_POOL_SHELVES];
	const struct lane_shared *shared = s->watched->shared;
	char bits[24];

	if (shared == NULL || shared->key_pool == NULL)
		return;
	key_pool_shelves(shared->key_pool, shelves);
	for (size_t i = 0; i < KEY_POOL_SHELVES; i++) {
		const struct key_pool_shelf *shelf = &shelves[i];
		struct metric_label label = { .name = "bits" };

		if (shelf->capacity == 0)
			continue;
		(void)snprintf(bits, sizeof(bits), "%lld", (long long)shelf->bits);
		label.value = slice_text(bits);
		metric_sample(out, &m->metric, &label, 1,
		    (double)(capacity ? shelf->capacity : shelf->count));
	}
}

void
collect_pool(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	pool_write(m, s, false, out);
}

void
collect_pool_capacity(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	pool_write(m, s, true, out);
}

/* ---- the engines ---- */

void
collect_engine(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	const struct engine *e = (const void *)((const char *)&s->watched->engines + m->engine);

	if (!e->asked || (m->engine_value == ENGINE_ROUND_TRIP && !e->up))
		return;
	metric_sample(out, &m->metric, NULL, 0,
	    m->engine_value == ENGINE_UP ? e->up : (double)e->round_trip_us / 1e6);
}

void
collect_redis_used(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (s->watched->engines.redis.up && s->watched->engines.redis_bytes >= 0)
		metric_sample(out, &m->metric, NULL, 0, (double)s->watched->engines.redis_bytes);
}

void
collect_redis_limit(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (s->watched->engines.redis.up && s->watched->engines.redis_limit > 0)
		metric_sample(out, &m->metric, NULL, 0, (double)s->watched->engines.redis_limit);
}

void
collect_view(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (s->watched->engines.redis.up)
		metric_sample(out, &m->metric, NULL, 0, s->watched->engines.view_ready);
}

void
collect_fold(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	const struct lane_shared *shared = s->watched->shared;

	if (shared != NULL)
		metric_sample(out, &m->metric, NULL, 0,
		    (double)metric_get((const void *)((const char *)&shared->fold + m->fold)));
}

/* ---- the process ---- */

void
collect_build(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	const struct metric_label labels[] = { { "version", SLICE_LITERAL(CERTMILL_VERSION) },
		{ "openssl", slice_text(OpenSSL_version(OPENSSL_VERSION_STRING)) },
		{ "librdkafka", slice_text(queue_version()) },
		{ "slot", slice_text(s->watched->settings->slot) } };

	metric_sample(out, &m->metric, labels, sizeof(labels) / sizeof(labels[0]), 1);
}

void
collect_cpu(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	struct timespec t = { 0 };

	(void)s;
	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	metric_sample(out, &m->metric, NULL, 0, (double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

/* The second number of statm, in pages. */
void
collect_memory(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	char line[128] = "", *resident;

	(void)s;
	if (f == NULL)
		return;
	if (fgets(line, sizeof(line), f) != NULL && (resident = strchr(line, ' ')) != NULL)
		metric_sample(out, &m->metric, NULL, 0,
		    (double)strtoll(resident, NULL, 10) * (double)sysconf(_SC_PAGESIZE));
	fclose(f);
}

void
collect_start(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	metric_sample(out, &m->metric, NULL, 0, (double)s->watched->started_ms / 1e3);
}
