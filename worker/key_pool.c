#include "key.h"

#include <openssl/rsa.h>

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SLOW_BITS 8192 /* takes 10-20 s: one is kept, not more */

struct shelf {
	int64_t bits;
	bool wanted; /* was asked for */
	size_t capacity;
	size_t count, making;
	EVP_PKEY *keys[KEY_POOL_KEYS_MAX];
};

#define SHELF_COUNT KEY_POOL_SHELVES

struct key_pool {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct shelf shelves[SHELF_COUNT];
	atomic_bool stop;
	pthread_t threads[KEY_POOL_THREADS_MAX];
	size_t thread_count;
};

/* The shelf that is emptiest for its size; NULL when all that are in use are full. */
static struct shelf *
shelf_to_fill(struct key_pool *p)
{
	struct shelf *best = NULL;

	for (size_t i = 0; i < SHELF_COUNT; i++) {
		struct shelf *s = &p->shelves[i];
		size_t have = s->count + s->making;

		if (!s->wanted || have >= s->capacity)
			continue;
		if (best == NULL ||
		    have * best->capacity < (best->count + best->making) * s->capacity)
			best = s;
	}
	return best;
}

static int
not_stopped(EVP_PKEY_CTX *ctx)
{
	const struct key_pool *p = EVP_PKEY_CTX_get_app_data(ctx);

	return !atomic_load(&p->stop);
}

/* NULL when the pool stops; the reason does not matter otherwise: the lane that needs the key makes it and reports. */
static EVP_PKEY *
generate(struct key_pool *p, int64_t bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *key = NULL;

	if (ctx == NULL)
		return NULL;
	if (EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits) > 0) {
		EVP_PKEY_CTX_set_app_data(ctx, p);
		EVP_PKEY_CTX_set_cb(ctx, not_stopped);
		if (EVP_PKEY_generate(ctx, &key) <= 0)
			key = NULL;
	}
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void *
fill(void *opaque)
{
	struct key_pool *p = opaque;

	pthread_mutex_lock(&p->lock);
	while (!atomic_load(&p->stop)) {
		struct shelf *s = shelf_to_fill(p);
		EVP_PKEY *key;

		if (s == NULL) {
			pthread_cond_wait(&p->work, &p->lock);
			continue;
		}
		s->making++;
		pthread_mutex_unlock(&p->lock);
		key = generate(p, s->bits);
		pthread_mutex_lock(&p->lock);
		s->making--;
		if (key != NULL)
			s->keys[s->count++] = key;
		else
			s->wanted = false; /* until it is asked for again */
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

struct key_pool *
key_pool_start(size_t threads, size_t keys_per_size, struct err *e)
{
	static const int64_t sizes[SHELF_COUNT] = { 2048, 3072, 4096, SLOW_BITS };
	struct key_pool *p = calloc(1, sizeof(*p));

	assert(keys_per_size > 0 && keys_per_size <= KEY_POOL_KEYS_MAX &&
	    threads <= KEY_POOL_THREADS_MAX);
	if (p == NULL || pthread_mutex_init(&p->lock, NULL) != 0 ||
	    pthread_cond_init(&p->work, NULL) != 0)
		abort();
	for (size_t i = 0; i < SHELF_COUNT; i++) {
		p->shelves[i].bits = sizes[i];
		p->shelves[i].capacity = sizes[i] == SLOW_BITS ? 1 : keys_per_size;
	}
	for (; p->thread_count < threads; p->thread_count++)
		if (pthread_create(&p->threads[p->thread_count], NULL, fill, p) != 0) {
			key_pool_stop(p);
			return err_set(
				   e, ERR_SYSTEM, "a thread for the key pool cannot be started"),
			       NULL;
		}
	return p;
}

void
key_pool_stop(struct key_pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_lock(&p->lock);
	atomic_store(&p->stop, true);
	pthread_cond_broadcast(&p->work);
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->thread_count; i++)
		pthread_join(p->threads[i], NULL);
	for (size_t i = 0; i < SHELF_COUNT; i++)
		for (size_t k = 0; k < p->shelves[i].count; k++)
			EVP_PKEY_free(p->shelves[i].keys[k]);
	pthread_cond_destroy(&p->work);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* Under the lock. NULL for a size that the pool does not keep. */
static struct shelf *
shelf_wanted(struct key_pool *p, int64_t bits)
{
	for (size_t i = 0; i < SHELF_COUNT; i++)
		if (p->shelves[i].bits == bits) {
			p->shelves[i].wanted = true;
			return &p->shelves[i];
		}
	return NULL;
}

EVP_PKEY *
key_pool_take(struct key_pool *p, int64_t bits)
{
	EVP_PKEY *key = NULL;
	struct shelf *s;

	pthread_mutex_lock(&p->lock);
	s = shelf_wanted(p, bits);
	if (s != NULL && s->count > 0)
		key = s->keys[--s->count];
	pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return key;
}

bool
key_pool_ready(struct key_pool *p, int64_t bits)
{
	struct shelf *s;
	bool ready;

	pthread_mutex_lock(&p->lock);
	s = shelf_wanted(p, bits);
	ready = s != NULL && s->count > 0;
	if (!ready)
		pthread_cond_signal(&p->work);
	pthread_mutex_unlock(&p->lock);
	return ready;
}

void
key_pool_shelves(struct key_pool *p, struct key_pool_shelf ret[static KEY_POOL_SHELVES])
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < SHELF_COUNT; i++) {
		const struct shelf *s = &p->shelves[i];

		ret[i] = (struct key_pool_shelf){ s->bits, s->count, s->wanted ? s->capacity : 0 };
	}
	pthread_mutex_unlock(&p->lock);
}
