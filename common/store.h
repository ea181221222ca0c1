/*
 * Redis, as far as certmill needs it. The only module that includes hiredis.h. Always argv with lengths, never a format.
 * One store belongs to one thread; the program ignores SIGPIPE. After an error of the connection the store is broken:
 * store_broken, close, open again.
 */
#ifndef CERTMILL_STORE_H
#define CERTMILL_STORE_H

#include "err.h"
#include "slice.h"

#include <stdint.h>

struct store;
struct store_reply; /* a redisReply; what is read from it is borrowed until store_reply_free */

struct store_options {
	const char *address;  /* host:port, or the path of a unix socket */
	const char *user;     /* NULL: none */
	const char *password; /* NULL: none; never logged */
	int64_t db;
	int64_t timeout_ms; /* connect, and each answer */
};

/* What shows without a connection. ERR_CONFIG and the setting's name as the field. */
bool store_options_check(const struct store_options *o, struct err *e) MUST_USE;
struct store *store_open(const struct store_options *o, struct err *e) MUST_USE;
void store_close(struct store *s);
bool store_broken(const struct store *s);

/* One command and its reply. A reply that is a Redis error becomes ERR_STORE with Redis' text. */
struct store_reply *store_command(
    struct store *s, const struct slice *argv, size_t argc, struct err *e) MUST_USE;
/* Pipelining: append any number, then take as many replies, in order. */
bool store_append(struct store *s, const struct slice *argv, size_t argc, struct err *e) MUST_USE;
struct store_reply *store_next(struct store *s, struct err *e) MUST_USE;
bool store_push(struct store *s,
    struct err *e) MUST_USE; /* sends what was appended, without waiting for a reply */

struct store_script {
	const char *source;
	char sha1[41]; /* filled by the first store_eval; a script object belongs to one store */
};
/* EVALSHA, loading the script when Redis does not have it. */
struct store_reply *store_eval(struct store *s, struct store_script *script,
    const struct slice *keys, size_t key_count, const struct slice *args, size_t arg_count,
    struct err *e) MUST_USE;

void store_reply_free(struct store_reply *r); /* takes NULL */
bool store_is_nil(const struct store_reply *r);
/* Redis' own text, where an item of an array (of EXEC) is an error; absent otherwise. */
struct slice store_item_error(const struct store_reply *r, size_t i);
int64_t store_integer(const struct store_reply *r); /* 0 when it is none */
/* string or status; absent when it is neither */
struct slice store_text(const struct store_reply *r);
size_t store_count(const struct store_reply *r);                             /* items of an array */
const struct store_reply *store_item(const struct store_reply *r, size_t i); /* borrowed */

static inline void
store_reply_scoped(struct store_reply **r)
{
	store_reply_free(*r);
}

#endif
