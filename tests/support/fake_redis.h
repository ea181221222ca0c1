/* A server on loopback that gives the same answer, ready-made, to whatever it is sent, and counts its connections. */
#ifndef CERTMILL_TEST_FAKE_REDIS_H
#define CERTMILL_TEST_FAKE_REDIS_H

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct fake_redis {
	char address[32];
	const char *answer;
	int fd;
	atomic_int connections;
	pthread_t thread;
};

static inline void *
fake_redis_serve(void *opaque)
{
	struct fake_redis *f = opaque;
	char request[1024];
	int client;

	while ((client = accept(f->fd, NULL, NULL)) >= 0) {
		atomic_fetch_add(&f->connections, 1);
		while (recv(client, request, sizeof(request), 0) > 0)
			(void)send(client, f->answer, strlen(f->answer), MSG_NOSIGNAL);
		close(client);
	}
	return NULL;
}

/* answer NULL: nobody serves the port. */
static inline void
fake_redis_start(struct fake_redis *f, const char *answer)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	*f = (struct fake_redis){ .answer = answer };
	f->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(f->fd, (const struct sockaddr *)&at, size) != 0 ||
	    getsockname(f->fd, (struct sockaddr *)&at, &size) != 0)
		abort();
	snprintf(f->address, sizeof(f->address), "127.0.0.1:%d", ntohs(at.sin_port));
	if (answer != NULL &&
	    (listen(f->fd, 8) != 0 || pthread_create(&f->thread, NULL, fake_redis_serve, f) != 0))
		abort();
}

static inline void
fake_redis_stop(struct fake_redis *f)
{
	if (f->answer != NULL) {
		shutdown(f->fd, SHUT_RDWR);
		pthread_join(f->thread, NULL);
	}
	close(f->fd);
}

#endif
