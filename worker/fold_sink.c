#include "fold_sink.h"

#include "encode.h"
#include "failpoint.h"
#include "scoped.h"
#include "timespan.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define LEASE_MS  "10000" /* what the others wait for when the one that folds has died */
#define RENEW_US  ((int64_t)2 * 1000 * 1000)
#define ROWS_MAX  2000
#define BYTES_MAX ((size_t)4 << 20) /* of rows in one transaction */
#define KEPT_MAX \
	((size_t)64 \
	    << 10) /* before they are sent: Redis takes them in, though EXEC is not there yet */
#define SCAN_COUNT "1000"

/* KEYS: cm:fold, cm:view; ARGV: token, lease, also a view that is ready? */
static const char take_source[] =
    "if redis.call('GET', KEYS[2]) == 'ready' and ARGV[3] == '0' then return {'READY'} end\n"
    "if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'BUSY'} end\n"
    "redis.call('SET', KEYS[2], 'folding')\n"
    "return {'OK'}\n";

/* KEYS: cm:fold, cm:view; ARGV: token */
static const char open_source[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'FENCED'} end\n"
    "redis.call('SET', KEYS[2], 'ready')\n"
    "redis.call('DEL', KEYS[1])\n"
    "return {'OK'}\n";

/* KEYS: cm:fold; ARGV: token */
static const char give_up_source[] =
    "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end\n"
    "return {'OK'}\n";

/* KEYS: cm:fold, a counter; ARGV: token, number */
static const char raise_source[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'FENCED'} end\n"
    "if tonumber(redis.call('GET', KEYS[2]) or '0') < tonumber(ARGV[2]) then redis.call('SET', KEYS[2], ARGV[2]) end\n"
    "return {'OK'}\n";

static const struct slice lock_key = SLICE_INIT("cm:fold"), view_key = SLICE_INIT("cm:view");

#define SCOPED_REPLY __attribute__((cleanup(store_reply_scoped))) struct store_reply *

bool
fold_sink_init(struct fold_sink *s, struct store *store, struct err *e)
{
	uint8_t random[16];

	*s = (struct fold_sink){ .store = store };
	s->take.source = take_source;
	s->open.source = open_source;
	s->give_up.source = give_up_source;
	s->raise.source = raise_source;
	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_openssl(e, "RAND_bytes");
	hex_text(slice_of(random, sizeof(random)), s->token);
	return true;
}

static MUST_USE bool
lock_lost(struct err *e)
{
	return err_set(
	    e, ERR_FENCED, "the lock of the fold is another's: it was held for too long");
}

/* The first item of a script's answer. */
static MUST_USE bool
reply_check(const struct store_reply *r, struct err *e)
{
	return slice_is(store_text(store_item(r, 0)), "OK") || lock_lost(e);
}

/* ---- transactions ---- */

/* The watch stands before the rows are made, and its token is read behind it: see write_await. */
static MUST_USE bool
watch_append(struct fold_sink *s, struct err *e)
{
	const struct slice watch[] = { SLICE_LITERAL("WATCH"), lock_key };
	const struct slice get[] = { SLICE_LITERAL("GET"), lock_key };

	return store_append(s->store, watch, 2, e) && store_append(s->store, get, 2, e);
}

static MUST_USE bool
watch_await(struct fold_sink *s, struct err *e)
{
	SCOPED_REPLY watched = store_next(s->store, e);
	SCOPED_REPLY token = watched == NULL ? NULL : store_next(s->store, e);

	return token != NULL && (slice_is(store_text(token), s->token) || lock_lost(e));
}

bool
fold_sink_take(struct fold_sink *s, bool anyway, bool *ret_taken, bool *ret_ready, struct err *e)
{
	const struct slice keys[] = { lock_key, view_key };
	const struct slice args[] = { slice_text(s->token), SLICE_LITERAL(LEASE_MS),
		anyway ? SLICE_LITERAL("1") : SLICE_LITERAL("0") };
	SCOPED_REPLY r = store_eval(s->store, &s->take, keys, 2, args, 3, e);
	struct slice status;

	if (r == NULL)
		return false;
	status = store_text(store_item(r, 0));
	*ret_taken = slice_is(status, "OK");
	*ret_ready = slice_is(status, "READY");
	s->renewed_us = time_monotonic_us();
	return !*ret_taken || (watch_append(s, e) && watch_await(s, e));
}

static MUST_USE bool
queued_await(struct fold_sink *s, struct err *e)
{
	for (size_t i = 0; i < s->sent + 2; i++) { /* MULTI, the commands, PEXPIRE */
		SCOPED_REPLY r = store_next(s->store, e);

		if (r == NULL)
			return false;
	}
	return true;
}

static MUST_USE bool
exec_await(struct fold_sink *s, struct err *e)
{
	SCOPED_REPLY r = store_next(s->store, e);

	if (r == NULL)
		return false;
	if (store_is_nil(r))
		return lock_lost(e);
	for (size_t i = 0; i < store_count(r); i++) {
		struct slice error = store_item_error(r, i);

		if (error.data != NULL)
			return err_set(e, ERR_STORE, "Redis: %.*s", SLICE_FMT(error));
	}
	return true;
}

static MUST_USE bool
write_await(struct fold_sink *s, struct err *e)
{
	if (!s->pending)
		return true;
	s->pending = false;
	return queued_await(s, e) && exec_await(s, e) && watch_await(s, e);
}

static MUST_USE bool
write_begin(struct fold_sink *s, struct err *e)
{
	const struct slice multi[] = { SLICE_LITERAL("MULTI") };

	return s->rows > 0 || store_append(s->store, multi, 1, e);
}

bool
fold_sink_flush(struct fold_sink *s, struct err *e)
{
	const struct slice renew[] = { SLICE_LITERAL("PEXPIRE"), lock_key,
		SLICE_LITERAL(LEASE_MS) };
	const struct slice exec[] = { SLICE_LITERAL("EXEC") };

	if (s->rows == 0 && time_monotonic_us() - s->renewed_us < RENEW_US)
		return true;
	if (!write_begin(s, e) || !store_append(s->store, renew, 3, e) || !write_await(s, e) ||
	    !store_append(s->store, exec, 1, e) || !watch_append(s, e) || !store_push(s->store, e))
		return false;
	s->sent = s->commands;
	s->pending = true;
	s->rows = s->commands = s->bytes = s->kept = 0;
	s->renewed_us = time_monotonic_us();
	(void)failpoint_hit("fold_rows");
	return true;
}

bool
fold_sink_drain(struct fold_sink *s, struct err *e)
{
	return fold_sink_flush(s, e) && write_await(s, e);
}

/* ---- rows ---- */

/* One command that writes so many rows. */
static MUST_USE bool
rows_append(struct fold_sink *s, const struct slice *argv, size_t argc, size_t rows, struct err *e)
{
	size_t bytes = 0;

	if ((s->rows + rows > ROWS_MAX || s->bytes > BYTES_MAX) && !fold_sink_flush(s, e))
		return false;
	if (!write_begin(s, e) || !store_append(s->store, argv, argc, e))
		return false;
	for (size_t i = 0; i < argc; i++)
		bytes += argv[i].len;
	s->commands++;
	s->rows += rows;
	s->bytes += bytes;
	s->kept += bytes;
	if (s->kept < KEPT_MAX)
		return true;
	s->kept = 0;
	return store_push(s->store, e);
}

static MUST_USE bool
row_append(struct fold_sink *s, const struct slice *argv, size_t argc, struct err *e)
{
	return rows_append(s, argv, argc, 1, e);
}

struct number_text {
	char text[24];
};

static struct slice
number_slice(struct number_text *t, int64_t number)
{
	return slice_of(t->text, (size_t)snprintf(t->text, sizeof(t->text), "%" PRId64, number));
}

bool
fold_put(
    struct fold_sink *s, struct slice key, struct slice value, int64_t expires_ms, struct err *e)
{
	struct number_text at;
	const struct slice argv[] = { SLICE_LITERAL("SET"), key, value, SLICE_LITERAL("PXAT"),
		number_slice(&at, expires_ms) };

	return row_append(s, argv, expires_ms == 0 ? 3 : 5, e);
}

bool
fold_replace(struct fold_sink *s, struct slice key, struct slice value, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("SET"), key, value, SLICE_LITERAL("XX"),
		SLICE_LITERAL("KEEPTTL") };

	return row_append(s, argv, 5, e);
}

bool
fold_rank(struct fold_sink *s, struct slice key, const struct fold_member *members, size_t count,
    struct err *e)
{
	struct number_text scores[FOLD_MEMBERS_MAX];
	struct slice argv[2 + 2 * FOLD_MEMBERS_MAX] = { SLICE_LITERAL("ZADD"), key };

	for (size_t i = 0; i < count; i++) {
		argv[2 + 2 * i] = number_slice(&scores[i], members[i].score);
		argv[3 + 2 * i] = members[i].name;
	}
	return rows_append(s, argv, 2 + 2 * count, count, e);
}

/* base: what view_take wants of a row */
bool
fold_step(struct fold_sink *s, struct slice own_key, int64_t step, const char *stamp, struct err *e)
{
	char base[64];
	struct number_text t;
	const struct slice argv[] = { SLICE_LITERAL("HSET"), own_key, SLICE_LITERAL("step"),
		number_slice(&t, step), SLICE_LITERAL("base"),
		slice_of(
		    base, (size_t)snprintf(base, sizeof(base), "%" PRId64 " %s", step, stamp)) };

	return row_append(s, argv, 6, e);
}

bool
fold_remove(struct fold_sink *s, const struct slice *keys, size_t count, struct err *e)
{
	struct slice SCOPED_FREE *argv = calloc(count + 1, sizeof(*argv));

	if (argv == NULL)
		abort();
	argv[0] = SLICE_LITERAL("UNLINK");
	memcpy(argv + 1, keys, count * sizeof(*keys));
	return count == 0 || rows_append(s, argv, count + 1, count, e);
}

bool
fold_raise(struct fold_sink *s, struct slice key, int64_t number, struct err *e)
{
	struct number_text t;
	const struct slice keys[] = { lock_key, key };
	const struct slice args[] = { slice_text(s->token), number_slice(&t, number) };

	if (!fold_sink_drain(s, e))
		return false;
	SCOPED_REPLY r = store_eval(s->store, &s->raise, keys, 2, args, 2, e);
	return r != NULL && reply_check(r, e);
}

/* ---- the beginning and the end ---- */

bool
fold_sink_clean(
    struct fold_sink *s, struct arena *a, struct slice *cursor, int64_t *removed, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("SCAN"), *cursor, SLICE_LITERAL("MATCH"),
		SLICE_LITERAL("cm:*"), SLICE_LITERAL("COUNT"), SLICE_LITERAL(SCAN_COUNT) };
	SCOPED_REPLY r = store_command(s->store, argv, 6, e);
	const struct store_reply *found;
	struct slice *keys;
	size_t count = 0;

	if (r == NULL)
		return false;
	found = store_item(r, 1);
	keys = arena_array(a, store_count(found) + 1, sizeof(*keys));
	for (size_t i = 0; i < store_count(found); i++) {
		struct slice key = store_text(store_item(found, i));

		if (!slice_eq(key, lock_key) && !slice_eq(key, view_key))
			keys[count++] = key;
	}
	*removed += (int64_t)count;
	*cursor = arena_copy(a, store_text(store_item(r, 0)));
	return fold_remove(s, keys, count, e) && fold_sink_drain(s, e);
}

bool
fold_sink_open_view(struct fold_sink *s, struct err *e)
{
	const struct slice keys[] = { lock_key, view_key };
	const struct slice args[] = { slice_text(s->token) };

	if (!fold_sink_drain(s, e))
		return false;
	SCOPED_REPLY r = store_eval(s->store, &s->open, keys, 2, args, 1, e);
	return r != NULL && reply_check(r, e);
}

void
fold_sink_give_up(struct fold_sink *s)
{
	const struct slice args[] = { slice_text(s->token) };
	struct err ignored;

	/* what was appended and not sent would stand before it */
	if (s->rows == 0 && !s->pending && !store_broken(s->store))
		store_reply_free(
		    store_eval(s->store, &s->give_up, &lock_key, 1, args, 1, &ignored));
}
