#include "store.h"

#include "scoped.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/time.h>

struct store {
	redisContext *c;
	int64_t timeout_ms;
	const char **argv; /* what hiredis wants to be given, reused */
	size_t *argv_len;
	size_t argv_max;
	bool broken;
};

/* ---- errors ---- */

/* The connection is of no use any more. */
static bool
store_break(struct store *s, const char *what, struct err *e)
{
	s->broken = true;
	if (s->c == NULL)
		return err_set(e, ERR_STORE, "Redis: %s: out of memory", what);
	if (s->c->err == REDIS_ERR_IO && errno == EAGAIN)
		return err_set(e, ERR_STORE, "Redis: %s: no answer within %lld ms", what,
		    (long long)s->timeout_ms);
	return err_set(e, ERR_STORE, "Redis: %s: %s", what, s->c->errstr);
}

/* ---- life ---- */

static struct timeval
timeval_of(int64_t ms)
{
	return (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
}

/* "host:port" or "[address]:port"; false when it is neither. */
static MUST_USE bool
address_split(const char *address, char *ret_host, size_t size, int *ret_port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - address);
	char *end;
	long port;

	if (len == 0)
		return false;
	port = strtol(colon + 1, &end, 10);
	if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port < 1 || port > 65535)
		return false;
	if (address[0] == '[' && address[len - 1] == ']') {
		address++;
		len -= 2;
	}
	if (len == 0 || len >= size)
		return false;
	memcpy(ret_host, address, len);
	ret_host[len] = '\0';
	*ret_port = (int)port;
	return true;
}

bool
store_options_check(const struct store_options *o, struct err *e)
{
	char host[256];
	int port;

	return o->address[0] == '/' || address_split(o->address, host, sizeof(host), &port) ||
	    err_field(e, ERR_CONFIG, "redis.address",
		"redis.address: neither host:port nor a socket's absolute path");
}

static MUST_USE bool
store_connect(struct store *s, const struct store_options *o, struct err *e)
{
	struct timeval wait = timeval_of(o->timeout_ms);
	char host[256];
	int port;

	if (!store_options_check(o, e))
		return false;
	if (o->address[0] != '/' && address_split(o->address, host, sizeof(host), &port))
		s->c = redisConnectWithTimeout(host, port, wait);
	else
		s->c = redisConnectUnixWithTimeout(o->address, wait);
	if (s->c == NULL || s->c->err != 0)
		return store_break(s, o->address, e);
	if (redisSetTimeout(s->c, wait) != REDIS_OK)
		return store_break(s, "timeout", e);
	if (o->address[0] != '/' && redisEnableKeepAlive(s->c) != REDIS_OK)
		return store_break(s, "keep-alive", e);
	return true;
}

static MUST_USE bool
store_say(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	struct store_reply *reply = store_command(s, argv, argc, e);

	store_reply_free(reply);
	return reply != NULL;
}

static MUST_USE bool
store_greet(struct store *s, const struct store_options *o, struct err *e)
{
	struct slice auth[3] = { SLICE_LITERAL("AUTH") };
	struct slice select[2] = { SLICE_LITERAL("SELECT") };
	char db[24];
	size_t argc = 1;

	if (o->password != NULL) {
		if (o->user != NULL)
			auth[argc++] = slice_text(o->user);
		auth[argc++] = slice_text(o->password);
		if (!store_say(s, auth, argc, e))
			return false;
	}
	if (o->db == 0)
		return true;
	(void)snprintf(db, sizeof(db), "%lld", (long long)o->db);
	select[1] = slice_text(db);
	return store_say(s, select, 2, e);
}

struct store *
store_open(const struct store_options *o, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	s->timeout_ms = o->timeout_ms;
	if (store_connect(s, o, e) && store_greet(s, o, e))
		return s;
	store_close(s);
	return NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	if (s->c != NULL)
		redisFree(s->c);
	free(s->argv);
	free(s->argv_len);
	free(s);
}

bool
store_broken(const struct store *s)
{
	return s->broken;
}

/* ---- commands ---- */

static void
argv_reserve(struct store *s, size_t argc)
{
	if (argc <= s->argv_max)
		return;
	s->argv = reallocarray(s->argv, argc, sizeof(*s->argv));
	s->argv_len = reallocarray(s->argv_len, argc, sizeof(*s->argv_len));
	if (s->argv == NULL || s->argv_len == NULL)
		abort();
	s->argv_max = argc;
}

bool
store_append(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	if (s->broken)
		return err_set(e, ERR_STORE, "Redis: the connection was lost");
	argv_reserve(s, argc);
	for (size_t i = 0; i < argc; i++) {
		s->argv[i] = argv[i].data == NULL ? "" : (const char *)argv[i].data;
		s->argv_len[i] = argv[i].len;
	}
	if (redisAppendCommandArgv(s->c, (int)argc, s->argv, s->argv_len) != REDIS_OK)
		return store_break(s, "write", e);
	return true;
}

static const redisReply *
reply_of(const struct store_reply *r)
{
	return (const void *)r;
}

/* A reply of any kind, a Redis error too; NULL when the connection failed. */
static MUST_USE struct store_reply *
reply_take(struct store *s, struct err *e)
{
	void *reply = NULL;

	if (s->broken)
		return err_set(e, ERR_STORE, "Redis: the connection was lost"), NULL;
	if (redisGetReply(s->c, &reply) != REDIS_OK || reply == NULL)
		return store_break(s, "read", e), NULL;
	return reply;
}

/* Redis' own text stands in the message; it starts with the kind: OOM, READONLY, LOADING, MASTERDOWN, WRONGTYPE. */
static MUST_USE struct store_reply *
reply_accept(struct store_reply *r, struct err *e)
{
	if (r == NULL || reply_of(r)->type != REDIS_REPLY_ERROR)
		return r;
	(void)err_set(e, ERR_STORE, "Redis: %.*s", (int)reply_of(r)->len, reply_of(r)->str);
	store_reply_free(r);
	return NULL;
}

struct store_reply *
store_next(struct store *s, struct err *e)
{
	return reply_accept(reply_take(s, e), e);
}

bool
store_push(struct store *s, struct err *e)
{
	int written = 0;

	if (s->broken)
		return err_set(e, ERR_STORE, "Redis: the connection was lost");
	while (written == 0)
		if (redisBufferWrite(s->c, &written) != REDIS_OK)
			return store_break(s, "write", e);
	return true;
}

struct store_reply *
store_command(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	if (!store_append(s, argv, argc, e))
		return NULL;
	return store_next(s, e);
}

/* ---- scripts ---- */

static MUST_USE bool
script_name(struct store_script *script, struct err *e)
{
	uint8_t digest[20];

	if (script->sha1[0] != '\0')
		return true;
	/* Redis names a script by this; nothing rests on its strength. */
	if (!EVP_Digest(script->source, strlen(script->source), digest, NULL, EVP_sha1(), NULL))
		return err_openssl(e, "EVP_Digest");
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(script->sha1 + 2 * i, 3, "%02x", digest[i]);
	return true;
}

static bool
reply_is_noscript(const struct store_reply *r)
{
	const redisReply *reply = reply_of(r);

	return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

static MUST_USE bool
script_load(struct store *s, const struct store_script *script, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("SCRIPT"), SLICE_LITERAL("LOAD"),
		slice_text(script->source) };

	return store_say(s, argv, 3, e);
}

static MUST_USE struct store_reply *
script_run(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	if (!store_append(s, argv, argc, e))
		return NULL;
	return reply_take(s, e);
}

struct store_reply *
store_eval(struct store *s, struct store_script *script, const struct slice *keys, size_t key_count,
    const struct slice *args, size_t arg_count, struct err *e)
{
	size_t argc = 3 + key_count + arg_count;
	struct slice SCOPED_FREE *argv = calloc(argc, sizeof(*argv));
	struct store_reply *reply;
	char count[24];

	if (argv == NULL)
		abort();
	if (!script_name(script, e))
		return NULL;
	(void)snprintf(count, sizeof(count), "%zu", key_count);
	argv[0] = SLICE_LITERAL("EVALSHA");
	argv[1] = slice_text(script->sha1);
	argv[2] = slice_text(count);
	if (key_count > 0)
		memcpy(argv + 3, keys, key_count * sizeof(*keys));
	if (arg_count > 0)
		memcpy(argv + 3 + key_count, args, arg_count * sizeof(*args));
	reply = script_run(s, argv, argc, e);
	if (reply != NULL && reply_is_noscript(reply)) { /* it has not run */
		store_reply_free(reply);
		if (!script_load(s, script, e))
			return NULL;
		reply = script_run(s, argv, argc, e);
	}
	return reply_accept(reply, e);
}

/* ---- replies ---- */

void
store_reply_free(struct store_reply *r)
{
	if (r != NULL)
		freeReplyObject(r);
}

bool
store_is_nil(const struct store_reply *r)
{
	return reply_of(r)->type == REDIS_REPLY_NIL;
}

int64_t
store_integer(const struct store_reply *r)
{
	return reply_of(r)->type == REDIS_REPLY_INTEGER ? reply_of(r)->integer : 0;
}

struct slice
store_text(const struct store_reply *r)
{
	const redisReply *reply = reply_of(r);

	if (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)
		return SLICE_NONE;
	return slice_of(reply->str, (size_t)reply->len);
}

size_t
store_count(const struct store_reply *r)
{
	return reply_of(r)->type == REDIS_REPLY_ARRAY ? reply_of(r)->elements : 0;
}

const struct store_reply *
store_item(const struct store_reply *r, size_t i)
{
	return (const void *)reply_of(r)->element[i];
}

struct slice
store_item_error(const struct store_reply *r, size_t i)
{
	const redisReply *item = reply_of(r)->element[i];

	return item->type == REDIS_REPLY_ERROR ? slice_of(item->str, (size_t)item->len)
					       : SLICE_NONE;
}
