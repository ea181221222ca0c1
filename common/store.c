#include "store_internal.h"

#include "buf.h"
#include "scoped.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <stdio.h>

#define OUT_MAX   ((size_t)1 << 30)
#define OUT_KEPT  ((size_t)1 << 20) /* memory that the next commands find */
#define READ_SIZE 16384

struct store {
	struct wire *wire;
	redisReader *reader;
	struct buf out; /* commands that were appended and not sent */
	char *address;
	const char *password_setting;
	bool broken;
};

/* ---- errors ---- */

static bool
lost(struct err *e)
{
	return err_set(e, ERR_STORE, "Redis: the connection was lost");
}

static bool
login_fail(const struct store *s, const char *why, struct err *e)
{
	struct err copy;

	/* why may stand in e */
	(void)err_set(&copy, ERR_CONFIG, "%s", why);
	return err_field(
	    e, ERR_CONFIG, s->password_setting, "%s: %s", s->password_setting, copy.msg);
}

/* ---- life ---- */

static MUST_USE bool
store_say(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	struct store_reply *reply = store_command(s, argv, argc, e);

	store_reply_free(reply);
	return reply != NULL;
}

/* Whatever Redis has against a login, it is the settings' fault; without an answer it may not have heard it. */
static MUST_USE bool
store_login(struct store *s, const struct store_options *o, struct err *e)
{
	struct slice auth[3] = { SLICE_LITERAL("AUTH") };
	size_t argc = 1;

	if (o->password == NULL)
		return true;
	if (o->user != NULL)
		auth[argc++] = slice_text(o->user);
	auth[argc++] = slice_text(o->password);
	return store_say(s, auth, argc, e) || (!s->broken && login_fail(s, e->msg, e));
}

static MUST_USE bool
store_select(struct store *s, int64_t db, struct err *e)
{
	struct slice select[2] = { SLICE_LITERAL("SELECT") };
	char text[24];

	if (db == 0)
		return true;
	(void)snprintf(text, sizeof(text), "%lld", (long long)db);
	select[1] = slice_text(text);
	if (store_say(s, select, 2, e))
		return true;
	if (strstr(e->msg, "DB index is out of range") == NULL)
		return false;
	return err_field(
	    e, ERR_CONFIG, "redis.db", "redis.db: Redis has no database %lld", (long long)db);
}

struct store *
store_open_at(const struct store_options *o, const char *address, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	bool greeted;

	if (s == NULL)
		abort();
	s->password_setting = o->password_setting != NULL ? o->password_setting
							  : "redis.password_file";
	s->reader = redisReaderCreate();
	s->address = strdup(address);
	if (s->reader == NULL || s->address == NULL)
		abort();
	s->wire = wire_open(address, o->tls, o->timeout_ms, e);
	buf_init_secret(&s->out, OUT_MAX); /* the login */
	greeted = s->wire != NULL && store_login(s, o, e) && store_select(s, o->db, e);
	buf_done(&s->out);
	buf_init(&s->out, OUT_MAX);
	if (greeted)
		return s;
	store_close(s);
	return NULL;
}

struct store *
store_open(const struct store_options *o, struct err *e)
{
	return o->sentinels != NULL ? store_open_primary(o, e) : store_open_at(o, o->address, e);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	wire_close(s->wire);
	redisReaderFree(s->reader);
	buf_done(&s->out);
	free(s->address);
	free(s);
}

bool
store_broken(const struct store *s)
{
	return s->broken;
}

const char *
store_address(const struct store *s)
{
	return s->address;
}

/* ---- commands ---- */

/* "$12\r\n" */
static void
out_count(struct buf *out, char kind, size_t count)
{
	char text[24], *at = text + sizeof(text);

	*--at = '\n';
	*--at = '\r';
	do
		*--at = (char)('0' + count % 10);
	while ((count /= 10) > 0);
	*--at = kind;
	buf_add(out, at, (size_t)(text + sizeof(text) - at));
}

bool
store_append(struct store *s, const struct slice *argv, size_t argc, struct err *e)
{
	if (s->broken)
		return lost(e);
	out_count(&s->out, '*', argc);
	for (size_t i = 0; i < argc; i++) {
		out_count(&s->out, '$', argv[i].len);
		buf_add_slice(&s->out, argv[i]);
		buf_add(&s->out, "\r\n", 2);
	}
	if (!s->out.failed)
		return true;
	s->broken = true;
	return err_set(e, ERR_STORE, "Redis: write: more than can be sent at once");
}

bool
store_push(struct store *s, struct err *e)
{
	if (s->broken)
		return lost(e);
	s->broken = !wire_write(s->wire, buf_slice(&s->out), e);
	if (s->out.capacity > OUT_KEPT) {
		buf_done(&s->out);
		buf_init(&s->out, OUT_MAX);
	}
	buf_clear(&s->out);
	return !s->broken;
}

static const redisReply *
reply_of(const struct store_reply *r)
{
	return (const void *)r;
}

static MUST_USE bool
reader_feed(struct store *s, struct err *e)
{
	uint8_t bytes[READ_SIZE];
	size_t len;

	if (!wire_read(s->wire, bytes, sizeof(bytes), &len, e))
		return false;
	return redisReaderFeed(s->reader, (const char *)bytes, len) == REDIS_OK ||
	    err_set(e, ERR_STORE, "Redis: read: %s", s->reader->errstr);
}

/* A reply of any kind, a Redis error too; NULL when the connection failed. */
static MUST_USE struct store_reply *
reply_take(struct store *s, struct err *e)
{
	void *reply = NULL;

	if (s->broken)
		return lost(e), NULL;
	if (s->out.len > 0 && !store_push(s, e))
		return NULL;
	while (!s->broken && reply == NULL) {
		if (redisReaderGetReply(s->reader, &reply) != REDIS_OK)
			s->broken = !err_set(e, ERR_STORE, "Redis: read: %s", s->reader->errstr);
		else if (reply == NULL)
			s->broken = !reader_feed(s, e);
	}
	return reply;
}

/* Redis' own text stands in the message; it starts with the kind: OOM, READONLY, LOADING, MASTERDOWN, WRONGTYPE. */
static MUST_USE struct store_reply *
reply_accept(const struct store *s, struct store_reply *r, struct err *e)
{
	if (r == NULL || reply_of(r)->type != REDIS_REPLY_ERROR)
		return r;
	(void)err_set(e, ERR_STORE, "Redis: %.*s", (int)reply_of(r)->len, reply_of(r)->str);
	if (strncmp(reply_of(r)->str, "NOAUTH", 6) == 0)
		(void)login_fail(s, e->msg, e);
	store_reply_free(r);
	return NULL;
}

struct store_reply *
store_next(struct store *s, struct err *e)
{
	return reply_accept(s, reply_take(s, e), e);
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
	return reply_accept(s, reply, e);
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
