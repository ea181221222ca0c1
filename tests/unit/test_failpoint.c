#include "failpoint.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef CERTMILL_FAILPOINTS

/* What becomes of a child that passes "here" four times: 'k'illed, 's'topped, or the passes that failed as bits. */
static int
outcome(const char *points)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		int failed = 0;

		setenv("CERTMILL_FAILPOINT", points, 1);
		for (int pass = 0; pass < 4; pass++) {
			failed |= failpoint_hit("here") << pass;
			if (failpoint_hit("there_too"))
				failed |= 64;
		}
		_exit(failed);
	}
	assert_int_equal(waitpid(child, &status, WUNTRACED), child);
	if (WIFSTOPPED(status)) {
		assert_int_equal(WSTOPSIG(status), SIGSTOP);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		return 's';
	}
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
		return 'k';
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
failpoint_acts(void **state)
{
	static const struct {
		const char *points;
		int want;
	} cases[] = {
		{ "", 0 },
		{ "elsewhere=kill", 0 },
		{ "here", 0 },
		{ "her=kill,heree=kill", 0 },
		{ "here=kill", 'k' },
		{ "here=stop", 's' },
		{ "here=fail", 15 },
		{ "here=fail@1", 1 },
		{ "here=fail@3", 4 },
		{ "here=fail@5", 0 },
		{ "here=kill@4", 'k' },
		{ "here=kill@5", 0 },
		{ "elsewhere=kill,here=fail@2", 2 },
		{ "here=fail@1,here=fail@2", 3 },
		{ "here=fail@1,here=kill@4", 'k' },
		{ "there_too=fail", 64 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int came = outcome(cases[i].points);

		if (came != cases[i].want)
			fail_msg(
			    "\"%s\": expected %d, came %d", cases[i].points, cases[i].want, came);
	}
}

static void
failpoint_is_silent_by_default(void **state)
{
	(void)state;
	unsetenv("CERTMILL_FAILPOINT");
	assert_false(failpoint_hit("here"));
}

#else

static void
failpoint_is_silent_by_default(void **state)
{
	(void)state;
	setenv("CERTMILL_FAILPOINT", "here=fail", 1);
	assert_false(failpoint_hit("here"));
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef CERTMILL_FAILPOINTS
		cmocka_unit_test(failpoint_acts),
#endif
		cmocka_unit_test(failpoint_is_silent_by_default),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
