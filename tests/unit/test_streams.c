/* The places of closed standard streams. */
#include "streams.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CLOSED(fd, mask) (((mask) >> (fd)&1) != 0)

/* In a child that has closed the streams of the mask. 0: all is well; else which check failed. */
static int
child(unsigned mask)
{
	int pair[2];
	char byte = 'x';

	for (int fd = 0; fd <= 2; fd++)
		if (CLOSED(fd, mask))
			close(fd);
	if (!streams_reserve())
		return 1;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || pair[0] <= 2 || pair[1] <= 2)
		return 2;
	if (CLOSED(0, mask) && (read(0, &byte, 1) != -1 || errno != EBADF))
		return 3;
	for (int fd = 1; fd <= 2; fd++)
		if (CLOSED(fd, mask) && (write(fd, &byte, 1) != -1 || errno != EBADF))
			return 4;
	return 0;
}

static void
no_socket_takes_their_places(void **state)
{
	(void)state;
	for (unsigned mask = 0; mask < 8; mask++) {
		int status;
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(child(mask));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status != 0)
			fail_msg("streams %u closed: check %d failed", mask, WEXITSTATUS(status));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_socket_takes_their_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
