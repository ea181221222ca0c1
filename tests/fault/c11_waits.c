/*
 * libfaketime knows the time-outs of pthread_cond_timedwait, and not those of C11's cnd_timedwait, which librdkafka waits with: with a
 * clock that is late they are all over, with one that is early they come later by as much. To be loaded before libfaketime.
 */
#include <errno.h>
#include <pthread.h>
#include <threads.h>

_Static_assert(sizeof(cnd_t) == sizeof(pthread_cond_t), "glibc's cnd_t is a pthread_cond_t");

int
cnd_timedwait(
    cnd_t *restrict condition, mtx_t *restrict mutex, const struct timespec *restrict until)
{
	int failed = pthread_cond_timedwait(
	    (pthread_cond_t *)(void *)condition, (pthread_mutex_t *)(void *)mutex, until);

	return failed == 0 ? thrd_success : failed == ETIMEDOUT ? thrd_timedout : thrd_error;
}
