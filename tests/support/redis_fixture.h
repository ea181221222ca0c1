/* A redis-server of a test's own: a child on a socket in a private folder, which does not outlive the test. */
#ifndef CERTMILL_TEST_REDIS_FIXTURE_H
#define CERTMILL_TEST_REDIS_FIXTURE_H

#include "store.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct redis_fixture {
	char folder[64], address[96];
	pid_t pid;
};

static inline void
redis_fixture_run(const struct redis_fixture *r)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chdir(r->folder) != 0 || freopen("log", "a", stdout) == NULL)
		_exit(1);
	execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", r->address, "--save",
	    "", NULL);
	_exit(1);
}

static inline void
redis_fixture_spawn(struct redis_fixture *r)
{
	r->pid = fork();
	if (r->pid == 0)
		redis_fixture_run(r);
}

/* Ends the server as a crash would; its folder stays, for another spawn. */
static inline void
redis_fixture_kill(struct redis_fixture *r)
{
	if (r->pid > 0) {
		kill(r->pid, SIGKILL);
		waitpid(r->pid, NULL, 0);
	}
	r->pid = 0;
}

/* NULL when it did not come up within five seconds. */
static inline struct store *
redis_fixture_open(const struct redis_fixture *r)
{
	const struct store_options o = { .address = r->address, .timeout_ms = 20000 };
	struct store *s = NULL;
	struct err e;

	for (int i = 0; i < 2400 && s == NULL; i++) {
		s = store_open(&o, &e);
		if (s == NULL)
			usleep(25000);
	}
	return s;
}

/* Folder, server and a connection; NULL when it did not come up. */
static inline struct store *
redis_fixture_start(struct redis_fixture *r)
{
	(void)snprintf(r->folder, sizeof(r->folder), "/tmp/certmill-redis-XXXXXX");
	if (mkdtemp(r->folder) == NULL)
		return NULL;
	(void)snprintf(r->address, sizeof(r->address), "%s/socket", r->folder);
	redis_fixture_spawn(r);
	return redis_fixture_open(r);
}

static inline void
redis_fixture_stop(struct redis_fixture *r)
{
	static const char *const files[] = { "log", "socket" };
	char path[128];

	redis_fixture_kill(r);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", r->folder, files[i]);
		(void)unlink(path);
	}
	(void)rmdir(r->folder);
}

#endif
