/*
 * The command line: a command, its words, and options that may stand before or after them, with one dash or two, as
 * `-name=value` or `-name value`. One table says what each option is and which commands take it.
 */
#ifndef CERTMILL_OPTIONS_H
#define CERTMILL_OPTIONS_H

#include "certmill.h"

#include <stdio.h>

/* Exit statuses. */
enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,     /* usage, or something here failed */
	STATUS_REFUSED = 2,    /* the fleet refused the request */
	STATUS_UNANSWERED = 3, /* no answer in time */
	STATUS_NO_BROKER = 4,  /* Kafka cannot be reached, or does not take the request */
	STATUS_VIOLATED = 5,   /* audit verify: a promise was broken, or could not be checked */
};

struct options {
	/* all commands */
	const char *brokers, *prefix, *reply_to;
	int64_t timeout; /* seconds */
	struct queue_setting *kafka;
	size_t kafka_count;
	bool help, version;
	/* requests */
	const char *format, *field, *id, *seal_to, *path, *identity, *display_name;
	const char *description, *default_lease_ttl, *max_lease_ttl;
	bool dry_run, seal;
	/* follow */
	const char *dir, *ca, *exec;
	bool once;
	/* audit */
	const char *since, *until;
	int64_t dedup_window; /* seconds */
	/* bench */
	const char *op, *key, *mount, *role;
	int64_t count, rate, warmup, in_flight, worker_pid;
	bool json;
	/* what is no option: the command and its words */
	const char *command;
	char **words;
	size_t word_count;

	struct arena arena;
};

/* Reads the environment, then the words of the command line; what it says wins. ERR_INVALID_VALUE, in words for people. */
bool options_read(
    int argc, char **argv, char **environment, struct options *ret, struct err *e) MUST_USE;
void options_done(struct options *o);
void options_print(
    FILE *out, const char *command); /* the options of a command, for --help; NULL: of all */

void options_each(void (*print)(const char *name, const char *for_commands, const char *help));

/* What every command needs. */
struct certmill_options options_client(const struct options *o);
struct queue_options options_queue(const struct options *o);
enum status status_of(const struct err *e);
/* Prints "certmill: ..." on standard error and returns its status. */
enum status fail_with(const struct err *e);

#endif
