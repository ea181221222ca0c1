#include "fold_sink.h"

#include "timespan.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#define LEASE_MS    "30000"
#define RENEW_US    ((int64_t)5 * 1000 * 1000)
#define BYTES_MAX   ((size_t)4 << 20) /* of rows in one script */
#define SCAN_COUNT  "1000"
#define ARGS_OF_ROW 3

/* KEYS: cm:fold, cm:view; ARGV: token, lease, also a view that is ready? */
static const char take_source[] =
    "if redis.call('GET', KEYS[2]) == 'ready' and ARGV[3] == '0' then return {'READY'} end\n"
    "if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return {'BUSY'} end\n"
    "redis.call('SET', KEYS[2], 'folding')\n"
    "return {'OK'}\n";

/* KEYS: cm:fold, rows...; ARGV: token, lease, (kind, value, number)... */
static const char write_source[] =
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return {'FENCED'} end\n"
    "redis.call('PEXPIRE', KEYS[1], ARGV[2])\n"
    "for i = 2, #KEYS do\n"
    "  local key, at = KEYS[i], 3 * i - 3\n"
    "  local kind, value, number = ARGV[at], ARGV[at + 1], ARGV[at + 2]\n"
    "  if kind == 'S' then\n"
    "    if number == '0' then redis.call('SET', key, value) else redis.call('SET', key, value, 'PXAT', number) end\n"
    "  elseif kind == 'K' then redis.call('SET', key, value, 'XX', 'KEEPTTL')\n"
    "  elseif kind == 'Z' then redis.call('ZADD', key, number, value)\n"
    "  elseif kind == 'O' then redis.call('HSET', key, 'step', number)\n"
    "  elseif kind == 'N' then\n"
    "    if tonumber(redis.call('GET', key) or '0') < tonumber(number) then redis.call('SET', key, number) end\n"
    "  else redis.call('UNLINK', key) end\n"
    "end\n"
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

static const struct slice lock_key = SLICE_INIT("cm:fold"), view_key = SLICE_INIT("cm:view");

#define SCOPED_REPLY __attribute__((cleanup(store_reply_scoped))) struct store_reply *

bool
fold_sink_init(struct fold_sink *s, struct store *store, struct err *e)
{
	uint8_t random[16];

	*s = (struct fold_sink){ .store = store };
	s->take.source = take_source;
	s->write.source = write_source;
	s->open.source = open_source;
	s->give_up.source = give_up_source;
	s->keys = calloc(FOLD_ROWS_MAX + 1, sizeof(*s->keys));
	s->args = calloc(ARGS_OF_ROW * FOLD_ROWS_MAX + 2, sizeof(*s->args));
	if (s->keys == NULL || s->args == NULL)
		abort();
	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_openssl(e, "RAND_bytes");
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(s->token + 2 * i, 3, "%02x", random[i]);
	s->keys[0] = lock_key;
	s->args[0] = slice_text(s->token);
	s->args[1] = SLICE_LITERAL(LEASE_MS);
	return true;
}

void
fold_sink_done(struct fold_sink *s)
{
	free(s->keys);
	free(s->args);
	arena_done(&s->arena);
}

/* The first item of a script's answer. */
static struct slice
reply_status(const struct store_reply *r)
{
	return store_text(store_item(r, 0));
}

static MUST_USE bool
reply_check(const struct store_reply *r, struct err *e)
{
	if (slice_is(reply_status(r), "OK"))
		return true;
	return err_set(
	    e, ERR_FENCED, "the lock of the fold is another's: it was held for too long");
}

bool
fold_sink_take(struct fold_sink *s, bool anyway, bool *ret_taken, bool *ret_ready, struct err *e)
{
	const struct slice keys[] = { lock_key, view_key };
	const struct slice args[] = { slice_text(s->token), SLICE_LITERAL(LEASE_MS),
		anyway ? SLICE_LITERAL("1") : SLICE_LITERAL("0") };
	SCOPED_REPLY r = store_eval(s->store, &s->take, keys, 2, args, 3, e);

	if (r == NULL)
		return false;
	*ret_taken = slice_is(reply_status(r), "OK");
	*ret_ready = slice_is(reply_status(r), "READY");
	s->renewed_us = time_monotonic_us();
	return true;
}

bool
fold_sink_flush(struct fold_sink *s, struct err *e)
{
	if (s->count == 0 && time_monotonic_us() - s->renewed_us < RENEW_US)
		return true;
	SCOPED_REPLY r = store_eval(
	    s->store, &s->write, s->keys, s->count + 1, s->args, ARGS_OF_ROW * s->count + 2, e);

	if (r == NULL || !reply_check(r, e))
		return false;
	s->count = s->bytes = 0;
	arena_reset(&s->arena);
	s->renewed_us = time_monotonic_us();
	return true;
}

bool
fold_sink_put(struct fold_sink *s, enum fold_write kind, struct slice key, struct slice value,
    int64_t number, struct err *e)
{
	struct slice *args;

	if ((s->count == FOLD_ROWS_MAX || s->bytes > BYTES_MAX) && !fold_sink_flush(s, e))
		return false;
	args = s->args + 2 + ARGS_OF_ROW * s->count;
	args[0] = slice_text(arena_printf(&s->arena, "%c", kind));
	args[1] = value.data == NULL ? SLICE_LITERAL("") : arena_copy(&s->arena, value);
	args[2] = slice_text(arena_printf(&s->arena, "%" PRId64, number));
	s->keys[++s->count] = arena_copy(&s->arena, key);
	s->bytes += key.len + value.len;
	return true;
}

/* One step of the scan; *cursor is "0" behind the last. */
static MUST_USE bool
clean_some(struct fold_sink *s, struct arena *a, struct slice *cursor, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("SCAN"), *cursor, SLICE_LITERAL("MATCH"),
		SLICE_LITERAL("cm:*"), SLICE_LITERAL("COUNT"), SLICE_LITERAL(SCAN_COUNT) };
	SCOPED_REPLY r = store_command(s->store, argv, 6, e);
	const struct store_reply *rows;

	if (r == NULL)
		return false;
	rows = store_item(r, 1);
	for (size_t i = 0; i < store_count(rows); i++) {
		struct slice key = store_text(store_item(rows, i));

		if (slice_eq(key, lock_key) || slice_eq(key, view_key))
			continue;
		if (!fold_sink_put(s, FOLD_DELETE, key, SLICE_NONE, 0, e))
			return false;
	}
	*cursor = arena_copy(a, store_text(store_item(r, 0)));
	return fold_sink_flush(s, e);
}

bool
fold_sink_clean(struct fold_sink *s, struct err *e)
{
	struct arena a SCOPED_ARENA = { .block = 256 };
	struct slice cursor = SLICE_LITERAL("0");

	do {
		if (!clean_some(s, &a, &cursor, e))
			return false;
	} while (!slice_is(cursor, "0"));
	return true;
}

bool
fold_sink_open_view(struct fold_sink *s, struct err *e)
{
	const struct slice keys[] = { lock_key, view_key };

	if (!fold_sink_flush(s, e))
		return false;
	SCOPED_REPLY r = store_eval(s->store, &s->open, keys, 2, s->args, 1, e);
	return r != NULL && reply_check(r, e);
}

void
fold_sink_give_up(struct fold_sink *s)
{
	struct err ignored;

	if (!store_broken(s->store))
		store_reply_free(
		    store_eval(s->store, &s->give_up, &lock_key, 1, s->args, 1, &ignored));
}
