#include "follow_hook.h"

#include "err.h"
#include "timespan.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGAIN_MIN_US ((int64_t)1000000) /* after it failed */
#define AGAIN_MAX_US ((int64_t)30000000)

static MUST_USE bool
exec_run(const char *command, struct err *e)
{
	char shell[] = "sh", flag[] = "-c", *text = strdup(command);
	char *argv[] = { shell, flag, text, NULL };
	int wait_status = -1, failure;
	pid_t pid;

	if (text == NULL)
		abort();
	failure = posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ);
	free(text);
	if (failure != 0) {
		errno = failure;
		return err_errno(e, "/bin/sh");
	}
	while (waitpid(pid, &wait_status, 0) < 0 && errno == EINTR)
		;
	if (wait_status == 0)
		return true;
	if (WIFEXITED(wait_status))
		return err_set(e, ERR_SYSTEM, "`%.150s` ended with status %d", command,
		    WEXITSTATUS(wait_status));
	return err_set(
	    e, ERR_SYSTEM, "`%.150s` was ended by signal %d", command, WTERMSIG(wait_status));
}

void
hook_run(struct hook *h)
{
	struct err e = { 0 };

	if (h->command == NULL || !h->due || time_monotonic_us() < h->not_before_us)
		return;
	h->failed = !exec_run(h->command, &e);
	h->due = h->failed;
	h->wait_us = !h->failed ? 0 : h->wait_us == 0 ? AGAIN_MIN_US : 2 * h->wait_us;
	if (h->wait_us > AGAIN_MAX_US)
		h->wait_us = AGAIN_MAX_US;
	h->not_before_us = time_monotonic_us() + h->wait_us;
	if (h->failed)
		fprintf(stderr, "certmill: %s\n", e.msg);
}
