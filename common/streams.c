#include "streams.h"

#include <fcntl.h>
#include <unistd.h>

bool
streams_reserve(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int wrong_way = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;

		/* those before it are open, so that it is the lowest that open can give */
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", wrong_way) != fd)
			return false;
	}
	return true;
}
