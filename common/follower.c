#include "follower.h"

#include "scoped.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#define POLL_MS  50   /* how long a stop may wait */
#define AGAIN_MS 500  /* after the reader failed */
#define RUN_MAX  1000 /* messages before `folded` is called */

struct follower {
	struct follower_spec spec;
	pthread_t thread;
	int32_t partitions;
	struct queue_reader *reader; /* the thread's */
	pthread_mutex_t lock;        /* of what follows */
	pthread_cond_t moved;
	bool stop;
	int64_t *passed;    /* of each partition: everything below is folded */
	struct err trouble; /* why the reader failed, ERR_NONE while it does not */
};

/* For the condition, whose clock is the monotonic one. */
static struct timespec
deadline_in(int timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	return until;
}

/* ---- the thread ---- */

static bool
follower_stopped(struct follower *f)
{
	bool stop;

	pthread_mutex_lock(&f->lock);
	stop = f->stop;
	pthread_mutex_unlock(&f->lock);
	return stop;
}

/* Only this thread writes `passed`. */
static void
follower_publish(struct follower *f)
{
	pthread_mutex_lock(&f->lock);
	for (int32_t i = 0; i < f->partitions; i++) {
		int64_t passed = queue_reader_passed(f->reader, i);

		if (passed > f->passed[i])
			f->passed[i] = passed;
	}
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
}

/* Folds what is there, but not for ever. What was folded before the reader failed counts: it is not read again. */
static MUST_USE bool
follower_run(struct follower *f, struct err *e)
{
	struct queue_message *m;
	int timeout_ms = POLL_MS;
	int count = 0;
	bool ok = true;

	for (; count < RUN_MAX; count++) {
		ok = queue_reader_poll(f->reader, timeout_ms, &m, e);
		if (!ok || m == NULL)
			break;
		f->spec.fold(f->spec.opaque, m);
		queue_message_free(m);
		timeout_ms = 0;
	}
	if (count > 0 && f->spec.folded != NULL)
		f->spec.folded(f->spec.opaque);
	follower_publish(f);
	return ok;
}

static MUST_USE bool
follower_open(struct follower *f, struct err *e)
{
	f->reader = queue_reader_open(f->spec.queue, f->spec.topic, -1, QUEUE_FROM_START, e);
	if (f->reader == NULL)
		return false;
	if (f->partitions == 0)
		f->partitions = queue_reader_partitions(f->reader);
	if (f->partitions != queue_reader_partitions(f->reader))
		return err_set(e, ERR_QUEUE, "topic %s had %d partitions and has %d now",
		    f->spec.topic, f->partitions, queue_reader_partitions(f->reader));
	return true;
}

static void
follower_wait(struct follower *f)
{
	struct timespec until = deadline_in(AGAIN_MS);

	pthread_mutex_lock(&f->lock);
	while (!f->stop && pthread_cond_timedwait(&f->moved, &f->lock, &until) != ETIMEDOUT)
		;
	pthread_mutex_unlock(&f->lock);
}

/* Goes on behind what is folded already. */
static MUST_USE bool
follower_reopen(struct follower *f, struct err *e)
{
	queue_reader_close(f->reader);
	f->reader = NULL;
	if (!follower_open(f, e))
		return false;
	for (int32_t i = 0; i < f->partitions; i++)
		if (f->passed[i] > 0 && !queue_reader_seek(f->reader, i, f->passed[i], e))
			return false;
	return true;
}

static void
follower_note(struct follower *f, const struct err *e)
{
	pthread_mutex_lock(&f->lock);
	f->trouble = *e;
	pthread_mutex_unlock(&f->lock);
}

static void *
follower_main(void *opaque)
{
	const struct err none = { .code = ERR_NONE };
	struct follower *f = opaque;
	bool whole = true;
	struct err e;

	while (!follower_stopped(f)) {
		if (whole && follower_run(f, &e))
			continue;
		follower_note(f, &e);
		follower_wait(f);
		whole = follower_reopen(f, &e);
		if (whole)
			follower_note(f, &none);
	}
	return NULL;
}

/* ---- life ---- */

static void
follower_free(struct follower *f)
{
	queue_reader_close(f->reader);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->moved);
	free(f->passed);
	free(f);
}

struct follower *
follower_start(const struct follower_spec *spec, struct err *e)
{
	struct follower *f = calloc(1, sizeof(*f));
	pthread_condattr_t clock;

	if (f == NULL)
		abort();
	f->spec = *spec;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&f->moved, &clock);
	pthread_condattr_destroy(&clock);
	if (!follower_open(f, e))
		return follower_free(f), NULL;
	f->passed = calloc((size_t)f->partitions, sizeof(*f->passed));
	if (f->passed == NULL)
		abort();
	errno = pthread_create(&f->thread, NULL, follower_main, f);
	if (errno != 0) {
		(void)err_errno(e, "a follower's thread");
		return follower_free(f), NULL;
	}
	return f;
}

void
follower_stop(struct follower *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->moved);
	pthread_mutex_unlock(&f->lock);
	pthread_join(f->thread, NULL);
	follower_free(f);
}

/* ---- the barrier ---- */

static MUST_USE bool
partition_wait(struct follower *f, int32_t partition, int64_t high, const struct timespec *until,
    struct err *e)
{
	int64_t passed;
	struct err trouble;

	pthread_mutex_lock(&f->lock);
	while (f->passed[partition] < high &&
	    pthread_cond_timedwait(&f->moved, &f->lock, until) != ETIMEDOUT)
		;
	passed = f->passed[partition];
	trouble = f->trouble;
	pthread_mutex_unlock(&f->lock);
	if (passed >= high)
		return true;
	if (trouble.code != ERR_NONE) {
		*e = trouble;
		return false;
	}
	return err_set(e, ERR_TIMEOUT, "%s/%d was read up to %lld of %lld in time", f->spec.topic,
	    partition, (long long)passed, (long long)high);
}

/* Below what was read of the partition before it was asked for: then it was made anew, and what is folded is of another one. */
static MUST_USE bool
high_ask(struct follower *f, int32_t partition, int64_t *ret, struct err *e)
{
	int64_t passed;

	pthread_mutex_lock(&f->lock);
	passed = f->passed[partition];
	pthread_mutex_unlock(&f->lock);
	if (!queue_high_watermark(f->spec.probe, f->spec.topic, partition, ret, e))
		return false;
	return passed <= *ret ||
	    err_set(e, ERR_QUEUE,
		"%s/%d ends at %lld, and was read up to %lld: if it was made anew, start again what reads it",
		f->spec.topic, partition, (long long)*ret, (long long)passed);
}

bool
follower_barrier(struct follower *f, int timeout_ms, struct err *e)
{
	struct timespec until = deadline_in(timeout_ms);
	int64_t SCOPED_FREE *high = calloc((size_t)f->partitions, sizeof(*high));

	if (high == NULL)
		abort();
	/* all marks first: they must stand for one moment, that of the call */
	for (int32_t i = 0; i < f->partitions; i++)
		if (!high_ask(f, i, &high[i], e))
			return false;
	for (int32_t i = 0; i < f->partitions; i++)
		if (!partition_wait(f, i, high[i], &until, e))
			return false;
	return true;
}
