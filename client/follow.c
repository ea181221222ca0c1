#include "follow_crl.h"
#include "follow_hook.h"

#include "command.h"
#include "encode.h"
#include "json.h"
#include "ledger.h"
#include "scoped.h"
#include "tail.h"
#include "timespan.h"

#include <unistd.h>

#define PING_MS 3000

/* ---- the CRLs ---- */

struct crl_sink {
	struct options *o;
	const char *topic, *ca_topic;
	struct crl_issuers *issuers;
	struct crl_folder *folder;
	struct hook hook;
	bool caught_up;
};

static bool
crl_take(void *opaque, const struct queue_message *m, struct err *e)
{
	struct crl_sink *s = opaque;

	return crl_folder_take(s->folder, m, e);
}

/* Caught up, the command runs once whether there was a change or not: an earlier run may have died before it. */
static bool
crl_idle(void *opaque, bool at_end, struct err *e)
{
	struct crl_sink *s = opaque;
	struct err incomplete = { 0 };
	bool changed;

	if (!crl_folder_write(s->folder, &changed, e))
		return false;
	s->hook.due |= changed;
	if (at_end && !s->caught_up) {
		s->caught_up = true;
		s->hook.due |= !s->o->once;
		if (!s->o->once &&
		    !crl_folder_is_whole(s->folder, time_now_ms() / 1000, &incomplete))
			(void)fail_with(&incomplete);
	}
	hook_run(&s->hook);
	return true;
}

/* One connection's life. */
static MUST_USE bool
crl_session(struct crl_sink *s, struct err *e)
{
	const struct sink sink = { crl_take, crl_idle, s };
	const struct queue_options queue = options_queue(s->o);
	struct queue_probe *probe = queue_probe_open(&queue, e);
	bool done = probe != NULL && queue_ping(probe, PING_MS, e) &&
	    crl_issuers_join(s->issuers, &queue, probe, s->ca_topic, e) &&
	    tail_follow(s->o, s->topic, &sink, e);

	crl_issuers_leave(s->issuers);
	if (probe != NULL)
		queue_probe_close(probe);
	return done;
}

/* Goes on when Kafka was away: what stands in the folder is not replaced by something older. */
static MUST_USE bool
crl_sessions(struct crl_sink *s, struct err *e)
{
	bool done;

	while (!(done = crl_session(s, e)) && !s->o->once && e->code == ERR_QUEUE) {
		(void)fail_with(e);
		(void)sleep(1);
	}
	return done && crl_folder_is_whole(s->folder, time_now_ms() / 1000, e);
}

static enum status
crl_follow(struct options *o)
{
	struct crl_sink s = { .o = o,
		.topic = arena_printf(&o->arena, "%s.crl", o->prefix),
		.ca_topic = arena_printf(&o->arena, "%s.ca", o->prefix),
		.hook.command = o->exec };
	struct err e = { 0 };
	bool done;

	if (o->dir == NULL) {
		fprintf(stderr,
		    "usage: certmill follow crl -dir FOLDER [-ca FILE] [-exec COMMAND] [-once]\n");
		return STATUS_FAILED;
	}
	s.issuers = crl_issuers_new(o->ca, &e);
	s.folder = s.issuers == NULL ? NULL : crl_folder_open(o->dir, s.issuers, &e);
	done = s.folder != NULL && crl_sessions(&s, &e);
	crl_folder_close(s.folder);
	crl_issuers_free(s.issuers);
	if (!done)
		return fail_with(&e);
	return s.hook.failed ? STATUS_FAILED : STATUS_OK;
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
certs_idle(void *opaque, bool at_end, struct err *e)
{
	(void)opaque;
	(void)at_end;
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
