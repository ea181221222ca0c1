/*
 * Runs a line of the command line inside the test, against a worker that the test plays, and has what it printed. Included
 * behind mock_fixture.h and fake_worker.h.
 */
#ifndef CERTMILL_COMMAND_FIXTURE_H
#define CERTMILL_COMMAND_FIXTURE_H

#include "command.h"
#include "encode.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <unistd.h>

#define OUTPUT_MAX 65536

static EVP_PKEY *fleet;

/* The answer to mount/list. */
static inline void
mount_list_write(struct writer *w)
{
	struct buf SCOPED_BUF x = { 0 };
	uint8_t raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(fleet, raw, &len) != 1)
		abort();
	buf_init(&x, 64);
	base64url_add(&x, slice_of(raw, len));
	writer_map(w, 2);
	writer_cstr(w, "mounts");
	writer_array(w, 0);
	writer_cstr(w, "seal_key");
	writer_map(w, 3);
	fake_pair(w, "kty", SLICE_LITERAL("OKP"));
	fake_pair(w, "crv", SLICE_LITERAL("X25519"));
	fake_pair(w, "x", buf_slice(&x));
}

struct outcome {
	enum status status;
	char out[OUTPUT_MAX], err[OUTPUT_MAX];
};

static inline int
redirect(int fd, FILE *to)
{
	int saved = dup(fd);

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	dup2(fileno(to), fd);
	return saved;
}

static inline void
restore(int fd, int saved, FILE *from, char ret[static OUTPUT_MAX])
{
	size_t n;

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	dup2(saved, fd);
	close(saved);
	rewind(from);
	n = fread(ret, 1, OUTPUT_MAX - 1, from);
	ret[n] = '\0';
}

/* The line's words are separated by spaces. */
static inline enum status
line_run(const char *brokers, const char *line)
{
	static char *environment[] = { NULL };
	char *argv[16] = { NULL }, *copy = strdup(line), *at = NULL, option[100];
	struct options o;
	struct err e = { 0 };
	enum status status;
	int argc = 1;

	(void)snprintf(option, sizeof(option), "-brokers=%s", brokers);
	for (char *word = strtok_r(copy, " ", &at); word != NULL && argc < 14;
	     word = strtok_r(NULL, " ", &at))
		argv[argc++] = word;
	argv[argc++] = option;
	if (options_read(argc, argv, environment, &o, &e)) {
		o.prefix = "t";
		status = command_run(&o);
	} else {
		status = fail_with(&e);
	}
	options_done(&o);
	free(copy);
	return status;
}

static inline struct outcome
run_on(const char *brokers, const char *line)
{
	SCOPED(FILE) out = tmpfile();
	SCOPED(FILE) err = tmpfile();
	struct outcome outcome;
	int saved_out = redirect(STDOUT_FILENO, out), saved_err = redirect(STDERR_FILENO, err);

	outcome.status = line_run(brokers, line);
	restore(STDOUT_FILENO, saved_out, out, outcome.out);
	restore(STDERR_FILENO, saved_err, err, outcome.err);
	return outcome;
}

static inline struct outcome
run(const char *line)
{
	return run_on(queue_mock_brokers(mock), line);
}

/* A file with these contents; its name lasts until the next call. */
static inline const char *
file_with(const char *text)
{
	static char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/certmill-file-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static inline struct outcome
run_with_file(const char *format, const char *text)
{
	const char *path = file_with(text);
	const char *placeholder = strstr(format, "FILE");
	char line[300];
	struct outcome o;

	(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(placeholder - format), format, path,
	    placeholder + 4);
	o = run(line);
	unlink(path);
	return o;
}

static inline int
world(fake_fn *decide)
{
	static const char *const topics[] = { "t.issue", "t.sign", "t.revoke", "t.config",
		"t.query" };
	void *none = NULL;

	setup(&none);
	for (size_t i = 0; i < COUNT(topics); i++)
		topic(topics[i], 2);
	topic("t.responses", 2);
	fleet = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	assert_non_null(fleet);
	fake_start(topics, COUNT(topics), decide);
	return 0;
}

static inline int
world_end(void **state)
{
	fake_stop();
	EVP_PKEY_free(fleet);
	return teardown(state);
}

#endif
