/* A command for the shell that is run when something has changed, and again, ever more seldom, until it succeeds. */
#ifndef CERTMILL_FOLLOW_HOOK_H
#define CERTMILL_FOLLOW_HOOK_H

#include <stdbool.h>
#include <stdint.h>

struct hook {
	const char *command; /* NULL: none */
	bool due;            /* the caller's to set */
	bool failed;         /* when it was last run */
	int64_t wait_us, not_before_us;
};

/* If it is due, and time. Waits for its end; says on standard error that it failed. */
void hook_run(struct hook *h);

#endif
