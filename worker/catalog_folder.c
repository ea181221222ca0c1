/* Follows `.state` in a thread of its own and swaps in new versions of the catalog. */
#include "catalog_fact.h"
#include "log.h"
#include "scoped.h"

#include <pthread.h>
#include <stdlib.h>

struct catalog_folder {
	struct follower *follower;
	struct catalog_builder *builder; /* the follower's thread alone */
	pthread_mutex_t lock;
	const struct catalog *current; /* under the lock */
};

static void
folder_fold(void *opaque, const struct queue_message *m)
{
	struct catalog_folder *f = opaque;
	struct err e = { 0 };

	if (!catalog_builder_put(f->builder, m->key, m->value, m->offset, &e))
		log_error(LOG_ERROR, "state_record_skipped", &e, LOG_S("key", m->key),
		    LOG_N("offset", m->offset));
}

static void
folder_publish(void *opaque)
{
	struct catalog_folder *f = opaque;
	const struct catalog *next = catalog_builder_version(f->builder);
	const struct catalog *last;

	pthread_mutex_lock(&f->lock);
	last = f->current;
	f->current = next;
	pthread_mutex_unlock(&f->lock);
	catalog_release(last);
}

void
catalog_folder_stop(struct catalog_folder *f)
{
	if (f == NULL)
		return;
	follower_stop(f->follower);
	catalog_builder_free(f->builder);
	catalog_release(f->current);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

typedef struct catalog_folder catalog_folder;
DEFINE_SCOPED(catalog_folder, catalog_folder_stop)

struct catalog_folder *
catalog_folder_start(const struct catalog_spec *spec, struct err *e)
{
	SCOPED(catalog_folder) f = calloc(1, sizeof(*f));
	const struct follower_spec follow = { .queue = spec->queue,
		.probe = spec->probe,
		.topic = spec->topic,
		.fold = folder_fold,
		.folded = folder_publish,
		.opaque = f };

	if (f == NULL || pthread_mutex_init(&f->lock, NULL) != 0)
		abort();
	f->builder = catalog_builder_new(spec->kek, e);
	if (f->builder == NULL)
		return NULL;
	f->current = catalog_builder_version(f->builder);
	f->follower = follower_start(&follow, e);
	if (f->follower == NULL)
		return NULL;
	return TAKE(f);
}

const struct catalog *
catalog_current(struct catalog_folder *f)
{
	const struct catalog *c;

	pthread_mutex_lock(&f->lock);
	c = catalog_ref(f->current);
	pthread_mutex_unlock(&f->lock);
	return c;
}

const struct catalog *
catalog_fresh(struct catalog_folder *f, int timeout_ms, struct err *e)
{
	return follower_barrier(f->follower, timeout_ms, e) ? catalog_current(f) : NULL;
}
