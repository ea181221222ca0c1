/* CRLs, CAs, keys, the engines, the process. */
#include "metrics_internal.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define BOOK_MAX ((size_t)100000)
#define LATE_S   60

/* ---- what there is ---- */

/* "mount/issuer/shard", from the right: a mount's name may hold a slash. */
static bool
key_split(struct slice key, struct crl_line *ret)
{
	size_t shard = key.len, issuer;

	while (shard > 0 && key.data[shard - 1] != '/')
		shard--;
	issuer = shard == 0 ? 0 : shard - 1;
	while (issuer > 0 && key.data[issuer - 1] != '/')
		issuer--;
	if (issuer < 2)
		return false;
	ret->mount = slice_of(key.data, issuer - 1);
	ret->issuer = slice_of(key.data + issuer, shard - 1 - issuer);
	ret->shard = slice_of(key.data + shard, key.len - shard);
	return true;
}

/* Is there a CRL to be made for it? Not once the CA has expired and one was made after that. */
static bool
issuer_goes_on(const struct issuer *i, int64_t now, int64_t this_update)
{
	return i->key != NULL && (now <= i->not_after || this_update <= i->not_after);
}

static int
by_due(const void *a, const void *b)
{
	const struct crl_line *x = a, *y = b;

	return (x->due > y->due) - (x->due < y->due);
}

static int
by_end(const void *a, const void *b)
{
	const struct issuer_line *x = a, *y = b;

	return (x->not_after > y->not_after) - (x->not_after < y->not_after);
}

/* Returns how many issuers that live have a CRL. */
static size_t
crls_find(
    struct scrape *s, const struct catalog *catalog, const struct crl_book_line *book, size_t count)
{
	size_t covered = 0;

	for (size_t i = 0; i < count; i++) {
		struct crl_line line = { .entry = book[i].entry };
		const struct catalog_mount *m;
		const struct catalog_issuer *issuer;

		if (!key_split(book[i].key, &line))
			continue;
		m = catalog_find_mount(catalog, line.mount);
		issuer = m == NULL ? NULL : catalog_find_issuer(m, line.issuer);
		if (issuer == NULL ||
		    !issuer_goes_on(issuer->issuer, s->now, line.entry.this_update))
			continue;
		line.due = crl_due_at(line.entry.this_update, line.entry.next_update);
		covered += slice_is(line.shard, "0") && s->now <= issuer->issuer->not_after;
		s->crls[s->crl_count++] = line;
	}
	return covered;
}

/* Returns how many issuers live. */
static size_t
issuers_find(struct scrape *s, const struct catalog *catalog, struct arena *a)
{
	size_t living = 0;

	s->issuers = arena_array(a, catalog->mount_count, sizeof(*s->issuers));
	for (size_t i = 0; i < catalog->mount_count; i++) {
		const struct catalog_mount *m = catalog->mounts[i];

		for (size_t j = 0; j < m->issuer_count; j++)
			living += m->issuers[j]->issuer->key != NULL &&
			    s->now <= m->issuers[j]->issuer->not_after;
		if (catalog_mount_deleted(m))
			continue;
		s->mounts++;
		if (m->issuer != NULL)
			s->issuers[s->issuer_count++] = (struct issuer_line){ arena_copy(
										  a, m->name),
				arena_copy(a, slice_text(m->issuer->issuer->id)),
				m->issuer->issuer->not_after };
	}
	return living;
}

void
scrape_state(struct scrape *s, struct arena *a)
{
	const struct lane_shared *shared = s->watched->shared;
	const struct catalog *catalog = catalog_current(shared->catalog);
	size_t count = crl_book_list(shared->crl_book, a, NULL, 0) + 16, living, covered;
	struct crl_book_line *book;

	if (count > BOOK_MAX)
		count = BOOK_MAX;
	book = arena_array(a, count, sizeof(*book));
	s->crls = arena_array(a, count, sizeof(*s->crls));
	living = issuers_find(s, catalog, a);
	covered = crl_book_list(shared->crl_book, a, book, count);
	covered = crls_find(s, catalog, book, covered < count ? covered : count);
	s->missing_crls = living > covered ? living - covered : 0;
	qsort(s->crls, s->crl_count, sizeof(*s->crls), by_due);
	qsort(s->issuers, s->issuer_count, sizeof(*s->issuers), by_end);
	catalog_release(catalog);
}

/* ---- CRLs and CAs ---- */

static double
crl_shows(const struct shown_metric *m, const struct scrape *s, const struct crl_line *c)
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
	for (size_t i = 0; i < s->crl_count && i < METRICS_NAMED_MAX; i++) {
		const struct crl_line *c = &s->crls[i];
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
	size_t counts[] = { 0, 0, 0, s->missing_crls };

	if (s->watched->shared == NULL)
		return;
	for (size_t i = 0; i < s->crl_count; i++)
		if (s->now >= s->crls[i].entry.next_update)
			counts[2]++;
		else if (s->now > s->crls[i].due + LATE_S)
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
	for (size_t i = 0; i < s->issuer_count && i < METRICS_NAMED_MAX; i++) {
		const struct issuer_line *l = &s->issuers[i];
		const struct metric_label labels[] = { { "mount", l->mount },
			{ "issuer", l->issuer } };

		metric_sample(out, &m->metric, labels, 2, (double)(l->not_after - s->now));
	}
}

void
collect_mounts(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	if (s->watched->shared != NULL)
		metric_sample(out, &m->metric, NULL, 0, (double)s->mounts);
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

void
collect_memory(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	FILE *f = fopen("/proc/self/statm", "re");
	long pages;

	(void)s;
	if (f == NULL)
		return;
	if (fscanf(f, "%*d %ld", &pages) == 1)
		metric_sample(
		    out, &m->metric, NULL, 0, (double)pages * (double)sysconf(_SC_PAGESIZE));
	fclose(f);
}

void
collect_start(const struct shown_metric *m, const struct scrape *s, struct buf *out)
{
	metric_sample(out, &m->metric, NULL, 0, (double)s->watched->started_ms / 1e3);
}
