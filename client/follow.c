#include "follow_crl.h"

#include "command.h"
#include "encode.h"
#include "json.h"
#include "ledger.h"
#include "scoped.h"
#include "tail.h"

#include <errno.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the CRLs ---- */

struct crl_sink {
	struct options *o;
	struct crl_folder *folder;
	bool command_failed;
};

static bool
crl_take(void *opaque, const struct queue_message *m, struct err *e)
{
	struct crl_sink *s = opaque;

	(void)e;
	crl_folder_take(s->folder, m);
	return true;
}

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

static bool
crl_idle(void *opaque, struct err *e)
{
	struct crl_sink *s = opaque;
	struct err failed = { 0 };
	bool changed;

	if (!crl_folder_write(s->folder, &changed, e))
		return false;
	if (!changed || s->o->exec == NULL || exec_run(s->o->exec, &failed))
		return true;
	fprintf(stderr, "certmill: %s\n", failed.msg);
	s->command_failed = true;
	return true;
}

/* Goes on when Kafka was away: what stands in the folder is not replaced by something older. */
static enum status
crl_follow(struct options *o)
{
	const char *topic = arena_printf(&o->arena, "%s.crl", o->prefix);
	struct crl_sink s = { .o = o };
	const struct sink sink = { crl_take, crl_idle, &s };
	struct err e = { 0 };
	bool done;

	if (o->dir == NULL) {
		fprintf(stderr, "usage: certmill follow crl -dir FOLDER [-exec COMMAND] [-once]\n");
		return STATUS_FAILED;
	}
	s.folder = crl_folder_open(o->dir, &e);
	if (s.folder == NULL)
		return fail_with(&e);
	while (!(done = tail_follow(o, topic, &sink, &e)) && !o->once && e.code == ERR_QUEUE) {
		(void)fail_with(&e);
		(void)sleep(1);
	}
	crl_folder_close(s.folder);
	if (!done)
		return fail_with(&e);
	return s.command_failed ? STATUS_FAILED : STATUS_OK;
}

/* ---- the certificates ---- */

static void
put(json_t *object, const char *name, json_t *value)
{
	if (json_object_set_new(object, name, value) != 0)
		abort();
}

static void
put_text(json_t *object, const char *name, struct slice text)
{
	if (text.data != NULL)
		put(object, name, json_stringn((const char *)text.data, text.len));
}

static json_t *
certificate_json(const struct certificate_record *r)
{
	json_t *object = json_object();
	struct buf SCOPED_BUF serial = { 0 };
	struct buf SCOPED_BUF pem = { 0 };

	buf_init(&serial, 3 * r->serial.len + 1);
	hex_add(&serial, r->serial, ':');
	buf_init(&pem, 2 * r->certificate.len + 256);
	pem_add(&pem, "CERTIFICATE", r->certificate);
	put_text(object, "mount", r->mount);
	put_text(object, "serial_number", buf_slice(&serial));
	put_text(object, "issuer", r->issuer);
	put_text(object, "role", r->role);
	put(object, "not_before", json_integer(r->not_before));
	put(object, "not_after", json_integer(r->not_after));
	put(object, "issued", json_integer(r->issued));
	put_text(object, "request", r->request);
	put_text(object, "source", r->source);
	put_text(object, "certificate", buf_slice(&pem));
	return object;
}

static bool
certs_take(void *opaque, const struct queue_message *m, struct err *e)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct certificate_record record = { 0 };
	json_t *SCOPED_JSON line = NULL;
	struct err unread = { 0 };
	uint64_t seen;

	(void)opaque;
	if (m->value.data != NULL &&
	    schema_decode(&certificate_record_schema, m->value, &a, &record, &seen, &unread))
		line = certificate_json(&record);
	else
		fprintf(stderr, "certmill: partition %d, offset %lld is passed over: %s\n",
		    (int)m->partition, (long long)m->offset, unread.msg);
	if (line != NULL && !json_line(stdout, line))
		return err_set(e, ERR_SYSTEM, "standard output does not take the lines");
	return true;
}

static bool
certs_idle(void *opaque, struct err *e)
{
	(void)opaque;
	(void)e;
	return true;
}

/* Ends when Kafka is away: it cannot know which lines were printed before. */
static enum status
certs_follow(struct options *o)
{
	const struct sink sink = { certs_take, certs_idle, NULL };
	struct err e = { 0 };

	return tail_follow(o, arena_printf(&o->arena, "%s.certs", o->prefix), &sink, &e)
	    ? STATUS_OK
	    : fail_with(&e);
}

enum status
follow(struct options *o)
{
	if (o->word_count == 1 && strcmp(o->words[0], "crl") == 0)
		return crl_follow(o);
	if (o->word_count == 1 && strcmp(o->words[0], "certs") == 0)
		return certs_follow(o);
	fprintf(stderr, "usage: certmill follow crl|certs [OPTION...]\n");
	return STATUS_FAILED;
}
