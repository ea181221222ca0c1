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

/* What TLS needs to know; a missing or wrong file is ERR_CONFIG and named by its setting. NULL: none. */
struct store_tls_options {
	const char *ca_file; /* PEM; NULL: the system's */
	const char *cert_file, *key_file;
	const char *
	    name; /* that each server's certificate must have; NULL: the host that was connected to */
};
/* All connections and threads share one. */
struct store_tls;
struct store_tls *store_tls_new(const struct store_tls_options *o, struct err *e) MUST_USE;
void store_tls_free(struct store_tls *tls);

/*
 * Sentinels that know a primary by a name. All threads share one; it keeps in mind which of them answered last. Beside this
 * there is no state: every store_open asks again.
 */
struct sentinel_options {
	const char *addresses; /* host:port, comma-separated */
	const char *master;
	const char *user, *password; /* of the sentinels; NULL: none */
};
struct sentinels;
struct sentinels *sentinels_new(const struct sentinel_options *o, struct err *e) MUST_USE;
void sentinels_free(struct sentinels *g);

struct store_options {
	const char *
	    address; /* host:port, or the path of a unix socket; not asked where there are sentinels */
	struct sentinels *sentinels; /* borrowed; NULL: none */
	const struct store_tls *tls; /* borrowed, for the sentinels too; NULL: in clear */
	const char *user;            /* NULL: none */
	const char *password;        /* NULL: none; never logged */
	const char
	    *password_setting; /* blamed when the login is refused; NULL: redis.password_file */
	int64_t db;
	int64_t timeout_ms; /* connect, and each answer */
};

/*
 * ERR_STORE: not now. ERR_CONFIG: a setting is wrong (a login, a name, a certificate); the message names it. A store that
 * the sentinels named has said of itself that it is a primary.
 */
struct store *store_open(const struct store_options *o, struct err *e) MUST_USE;
void store_close(struct store *s);
bool store_broken(const struct store *s);
const char *store_address(const struct store *s); /* of the server; borrowed */

/* One command and its reply. A reply that is a Redis error becomes ERR_STORE with Redis' text (ERR_CONFIG: a login is wanted). */
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
