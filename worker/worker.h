/* The worker's commands (main.c has the table). Each returns an exit status: 0 done, 1 failed, 2 wrong usage. */
#ifndef CERTMILL_WORKER_H
#define CERTMILL_WORKER_H

#include "lane.h"
#include "monitor.h"

#include <signal.h>

struct worker_options {
	const char *config;       /* --config FILE; NULL: the environment alone */
	bool single;              /* --single */
	const char *folder;       /* of the commands that take one */
	const char *const *words; /* behind it, of the one command that takes some */
	size_t word_count;
};

int worker_run(const struct worker_options *o);
int worker_dev(const struct worker_options *o);
int worker_topics(const struct worker_options *o);
int worker_rebuild(const struct worker_options *o);
int worker_check_config(const struct worker_options *o);
int worker_health(const struct worker_options *o);
int worker_bootstrap_tls(const struct worker_options *o);

/* settings_load, worker.single from the option, the log level. */
bool worker_settings(const struct worker_options *o, struct settings *ret, struct err *e) MUST_USE;
/* The fleet's key-encryption key. NULL and a message that says where the setting stands. */
struct secret *worker_kek(const struct settings *s, struct err *e) MUST_USE;
/*
 * Runs lanes until SIGTERM or SIGINT, or until a lane has ended for good. The caller has blocked these signals (worker_block)
 * before any thread was started. The monitor (NULL: none) sees the lanes while they run.
 */
bool worker_serve(
    const struct settings *s, const struct secret *kek, struct monitor *m, struct err *e) MUST_USE;
void worker_block(sigset_t *ret);

/* ERR_CONFIG where a broker is there and does not let us in. */
bool worker_kafka_answers(struct queue_probe *probe, struct err *e) MUST_USE;
/* Do topics, Redis and key-encryption key keep the promises? */
bool worker_engines_keep(const struct settings *s, struct queue_probe *probe,
    const struct secret *kek, struct err *e) MUST_USE;

/* topics.c: what must stand before a lane may run, in the broker and in Redis. mock: the offsets have no metadata. */
bool topics_first_rows(const struct settings *s, struct queue_probe *probe, struct err *e) MUST_USE;

#endif
