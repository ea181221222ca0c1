#include "view.h"

#include "buf.h"
#include "cursor.h"
#include "encode.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

/* The first lines of a script whose first key is cm:view. */
#define NEEDS_A_READY_VIEW \
	"local view = redis.call('GET', KEYS[1])\n" \
	"if not view then return {'LOST', 'cm:view is absent'} end\n" \
	"if view ~= 'ready' then return {'FOLDING'} end\n"

/*
 * KEYS: cm:view, cm:own...; ARGV: token, committed step and its stamp ("": not known). The row's last step is (step, by), and
 * base the one that was last known to be committed: what Kafka has committed is one of these two, or Redis is not the one
 * that it was committed with. A lane that stood still may take the row when the step was committed behind its back: so (step, by)
 * stay until the next step. `worked` names its `work`: a version that writes only the latter leaves it behind.
 */
static const char take_source[] = NEEDS_A_READY_VIEW
    "local row = redis.call('HMGET', KEYS[2], 'step', 'batch', 'work', 'by', 'base', 'worked')\n"
    "if not row[1] then return {'LOST', KEYS[2] .. ' is absent, the committed step is ' .. ARGV[2]} end\n"
    "if tonumber(row[1]) < tonumber(ARGV[2]) then\n"
    "  return {'LOST', KEYS[2] .. ' is at step ' .. row[1] .. ', the committed step is ' .. ARGV[2]} end\n"
    "local base = ARGV[2] .. ' ' .. ARGV[3]\n"
    "if ARGV[3] ~= '' and base ~= row[5] and base ~= row[1] .. ' ' .. (row[4] or '') then\n"
    "  return {'LOST', KEYS[2] .. ' has not seen the committed step ' .. base} end\n"
    "redis.call('HSET', KEYS[2], 'token', ARGV[1], 'base', base)\n"
    "local worked = string.match(row[6] or '', '^' .. (row[3] or '') .. ':(%d+)$')\n"
    "return {'OK', row[1], row[2] or '', row[3] or '-1', worked or '-1'}\n";

/*
 * KEYS: cm:view, one cm:own a partition, the keys that get their expiry, then each claim's key followed by the keys of its
 * writes. ARGV: token, horizon, partitions, (last step, ids, to)..., expiries, (time)..., claims, (value, writes, (kind, value, number)...)...
 * Every check comes before the first write. A session goes on only when its last step was committed.
 */
static const char advance_source[] = NEEDS_A_READY_VIEW
    "local a, k = 0, 1\n"
    "local function arg() a = a + 1 return ARGV[a] end\n"
    "local function key() k = k + 1 return KEYS[k] end\n"
    "local token, horizon, n, steps = arg(), arg(), tonumber(arg()), {}\n"
    "local stamp = string.sub(token, 1, 16)\n"
    "for i = 1, n do\n"
    "  local own, last, ids, to = key(), tonumber(arg()), arg(), arg()\n"
    "  local row = redis.call('HMGET', own, 'token', 'step', 'by', 'base', 'scripted')\n"
    "  if not row[2] then return {'LOST', own .. ' is absent, the last step was ' .. last} end\n"
    "  if tonumber(row[2]) < last then return {'LOST', own .. ' is at step ' .. row[2] .. ', the last step was ' .. last} end\n"
    "  if row[1] ~= token then return {'FENCED', own} end\n"
    "  if tonumber(row[5] or '-1') > tonumber(to) then to = row[5] end\n"
    "  steps[i] = {own, last + 1, ids, to, row[3] == stamp and row[2] .. ' ' .. stamp or row[4] or ''}\n"
    "end\n"
    "for i, s in ipairs(steps) do redis.call('HSET', s[1], 'step', s[2], 'batch', s[3], 'scripted', s[4], 'by', stamp, 'base', s[5]) end\n"
    "for i = 1, tonumber(arg()) do redis.call('PEXPIREAT', key(), arg()) end\n"
    "local counts, indexes, out = {}, {}, {'OK'}\n"
    "for i = 1, tonumber(arg()) do\n"
    "  local claim, value, writes = key(), arg(), tonumber(arg())\n"
    "  local won = redis.call('SET', claim, value, 'NX')\n"
    "  if not won then out[#out + 1] = tostring(i) out[#out + 1] = redis.call('GET', claim) end\n"
    "  for j = 1, writes do\n"
    "    local kind, row, data, number = arg(), key(), arg(), arg()\n"
    "    if won then\n"
    "      if kind == 'S' then redis.call('SET', row, data)\n"
    "      elseif kind == 'A' then if redis.call('EXISTS', row) == 1 then redis.call('APPEND', row, data) end\n"
    "      elseif kind == 'D' then redis.call('DEL', row)\n"
    "      elseif kind == 'Z' then redis.call('ZADD', row, number, data) indexes[row] = true\n"
    "      else counts[row] = (counts[row] or 0) + tonumber(number) end\n"
    "    end\n"
    "  end\n"
    "end\n"
    "for row in pairs(indexes) do redis.call('ZREMRANGEBYSCORE', row, '-inf', horizon) end\n"
    "for row, number in pairs(counts) do redis.call('INCRBY', row, number) end\n"
    "return out\n";

/*
 * KEYS: cm:view, cm:own...; ARGV: token, then the last offset and the number of messages of each. A row that was folded behind
 * the lane's back has no token: the lane has lost it, and not Redis.
 */
static const char work_source[] = NEEDS_A_READY_VIEW
    "for i = 2, #KEYS do\n"
    "  local row = redis.call('HMGET', KEYS[i], 'token', 'step')\n"
    "  if not row[2] then return {'LOST', KEYS[i] .. ' is absent'} end\n"
    "  if row[1] ~= ARGV[1] then return {'FENCED', KEYS[i]} end\n"
    "end\n"
    "for i = 2, #KEYS do\n"
    "  local to = ARGV[2 * i - 2]\n"
    "  redis.call('HSET', KEYS[i], 'marker', ARGV[1], 'work', to, 'worked', to .. ':' .. ARGV[2 * i - 1])\n"
    "end\n"
    "return {'OK'}\n";

/*
 * KEYS: cm:view, cm:own; ARGV: token, offset. Answers the attempts at this offset before this one, whether one of them has read
 * it, and whether a script ran for it: who writes `scripted` has read it as well. `unread` is there from the first marked attempt
 * until one has.
 */
static const char mark_source[] = NEEDS_A_READY_VIEW
    "local row = redis.call('HMGET', KEYS[2], 'token', 'mark', 'deaths', 'unread', 'scripted', 'step')\n"
    "if not row[6] then return {'LOST', KEYS[2] .. ' is absent'} end\n"
    "if row[1] ~= ARGV[1] then return {'FENCED', KEYS[2]} end\n"
    "local deaths = row[2] == ARGV[2] and tonumber(row[3]) or 0\n"
    "if row[2] ~= ARGV[2] then redis.call('HSET', KEYS[2], 'unread', ARGV[2]) row[4] = ARGV[2] end\n"
    "redis.call('HSET', KEYS[2], 'mark', ARGV[2], 'deaths', deaths + 1,\n"
    "  'marker', ARGV[1], 'work', ARGV[2], 'worked', ARGV[2] .. ':1')\n"
    "local scripted = tonumber(ARGV[2]) <= tonumber(row[5] or '-1')\n"
    "return {'OK', tostring(deaths), (scripted or row[4] ~= ARGV[2]) and '1' or '0', scripted and '1' or '0'}\n";

/* KEYS: cm:own; ARGV: token, offset. */
static const char mark_read_source[] =
    "local row = redis.call('HMGET', KEYS[1], 'token', 'unread')\n"
    "if row[1] ~= ARGV[1] then return {'FENCED', KEYS[1]} end\n"
    "if row[2] == ARGV[2] then redis.call('HDEL', KEYS[1], 'unread') end\n"
    "return {'OK'}\n";

/* KEYS: cm:own...; ARGV: token. What an earlier session marked and died of is not taken back. */
static const char release_source[] =
    "for i = 1, #KEYS do\n"
    "  local row = redis.call('HMGET', KEYS[i], 'token', 'deaths', 'mark', 'work', 'marker')\n"
    "  if row[1] == ARGV[1] and row[5] == ARGV[1] then\n"
    "    redis.call('HDEL', KEYS[i], 'work', 'worked')\n"
    "    if row[2] and tonumber(row[2]) > 0 and row[3] == row[4] then redis.call('HINCRBY', KEYS[i], 'deaths', -1) end\n"
    "  end\n"
    "end\n"
    "return {'OK'}\n";

/*
 * KEYS: cm:view, cm:own...; ARGV: committed step and its stamp ("": not known) of each. The row may have gone on since these
 * were read: a base behind the step was committed after it.
 */
static const char survey_source[] = NEEDS_A_READY_VIEW
    "for i = 2, #KEYS do\n"
    "  local step, stamp = ARGV[2 * i - 3], ARGV[2 * i - 2]\n"
    "  local row = redis.call('HMGET', KEYS[i], 'step', 'by', 'base')\n"
    "  if not row[1] or tonumber(row[1]) < tonumber(step) then\n"
    "    return {'LOST', KEYS[i] .. ' is at step ' .. (row[1] or 'none') .. ', the committed step is ' .. step} end\n"
    "  local committed, base = step .. ' ' .. stamp, row[3] or ''\n"
    "  if stamp ~= '' and base ~= committed and row[1] .. ' ' .. (row[2] or '') ~= committed and\n"
    "     tonumber(string.match(base, '^%d+') or -1) <= tonumber(step) then\n"
    "    return {'LOST', KEYS[i] .. ' has not seen the committed step ' .. committed} end\n"
    "end\n"
    "return {'OK'}\n";

static const struct slice view_key = { (const uint8_t *)"cm:view", 7 };

bool
view_init(struct view *v, struct store *store, struct err *e)
{
	uint8_t random[16];

	*v = (struct view){ .store = store };
	v->take.source = take_source;
	v->advance.source = advance_source;
	v->work.source = work_source;
	v->mark.source = mark_source;
	v->mark_read.source = mark_read_source;
	v->release.source = release_source;
	v->survey.source = survey_source;
	if (RAND_bytes(random, sizeof(random)) != 1)
		return err_openssl(e, "RAND_bytes");
	hex_text(slice_of(random, sizeof(random)), v->token);
	return true;
}

void
view_stamp(const struct view *v, char ret[static VIEW_STAMP_SIZE])
{
	memcpy(ret, v->token, VIEW_STAMP_SIZE - 1);
	ret[VIEW_STAMP_SIZE - 1] = '\0';
}

struct slice
view_own_key(struct arena *a, const char *topic, int32_t partition)
{
	return slice_text(arena_printf(a, "cm:own:%s:%" PRId32, topic, partition));
}

static struct slice
number_text(struct arena *a, int64_t number)
{
	return slice_text(arena_printf(a, "%" PRId64, number));
}

static int64_t
text_number(struct slice text)
{
	char digits[24] = "";

	if (text.len < sizeof(digits))
		memcpy(digits, text.data, text.len);
	return strtoll(digits, NULL, 10);
}

/* The first item of every script's answer says how it ended. */
static MUST_USE bool
view_status(const struct store_reply *r, struct err *e)
{
	struct slice status = store_text(store_item(r, 0));
	struct slice detail = store_count(r) > 1 ? store_text(store_item(r, 1)) : SLICE_NONE;

	if (slice_is(status, "OK"))
		return true;
	if (slice_is(status, "LOST"))
		return err_set(e, ERR_VIEW_LOST, "%.*s", SLICE_FMT(detail));
	if (slice_is(status, "FOLDING"))
		return err_set(e, ERR_VIEW_FOLDING, "the view is being folded");
	return err_set(e, ERR_FENCED, "%.*s has another owner", SLICE_FMT(detail));
}

bool
view_ready(struct view *v, struct err *e)
{
	const struct slice argv[] = { SLICE_LITERAL("GET"), view_key };
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_command(
	    v->store, argv, 2, e);

	if (r == NULL)
		return false;
	if (store_is_nil(r))
		return err_set(e, ERR_VIEW_LOST, "cm:view is absent");
	if (!slice_is(store_text(r), "ready"))
		return err_set(e, ERR_VIEW_FOLDING, "the view is being folded");
	return true;
}

bool
view_survey(
    struct view *v, const struct view_committed *rows, size_t count, struct arena *a, struct err *e)
{
	struct slice *keys = arena_array(a, count + 1, sizeof(*keys));
	struct slice *args = arena_array(a, 2 * count + 1, sizeof(*args));

	keys[0] = view_key;
	for (size_t i = 0; i < count; i++) {
		keys[i + 1] = rows[i].own_key;
		args[2 * i] = number_text(a, rows[i].step);
		args[2 * i + 1] = slice_text(rows[i].stamp);
	}
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_eval(
	    v->store, &v->survey, keys, count + 1, args, 2 * count, e);
	return r != NULL && view_status(r, e);
}

static struct slice_list
ids_decode(struct arena *a, struct slice packed)
{
	struct cursor c = cursor_of(packed);
	struct slice_list ids = { 0 };
	uint32_t count;

	if (packed.len == 0 || !cursor_array(&c, &count))
		return ids;
	ids.items = arena_array(a, count, sizeof(*ids.items));
	while (ids.count < count && cursor_text(&c, &ids.items[ids.count]))
		ids.count++;
	return ids;
}

bool
view_take(struct view *v, struct slice own_key, int64_t committed, const char *stamp,
    struct arena *a, struct view_owned *ret, struct err *e)
{
	const struct slice keys[] = { view_key, own_key };
	const struct slice args[] = { slice_text(v->token), number_text(a, committed),
		slice_text(stamp) };
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_eval(
	    v->store, &v->take, keys, 2, args, 3, e);

	if (r == NULL || !view_status(r, e))
		return false;
	ret->step = text_number(store_text(store_item(r, 1)));
	ret->batch = ids_decode(a, arena_copy(a, store_text(store_item(r, 2))));
	ret->worked_to = text_number(store_text(store_item(r, 3)));
	ret->worked_count = text_number(store_text(store_item(r, 4)));
	return true;
}

bool
view_work(
    struct view *v, const struct view_working *parts, size_t count, struct arena *a, struct err *e)
{
	struct slice *keys = arena_array(a, count + 1, sizeof(*keys));
	struct slice *args = arena_array(a, 2 * count + 1, sizeof(*args));

	keys[0] = view_key;
	args[0] = slice_text(v->token);
	for (size_t i = 0; i < count; i++) {
		keys[i + 1] = parts[i].own_key;
		args[2 * i + 1] = number_text(a, parts[i].to);
		args[2 * i + 2] = number_text(a, parts[i].count);
	}
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_eval(
	    v->store, &v->work, keys, count + 1, args, 2 * count + 1, e);
	return r != NULL && view_status(r, e);
}

bool
view_read(struct view *v, const struct slice *keys, size_t key_count, struct arena *a,
    struct slice *ret, struct err *e)
{
	struct slice *argv = arena_array(a, key_count + 1, sizeof(*argv));

	if (key_count == 0)
		return true;
	argv[0] = SLICE_LITERAL("MGET");
	memcpy(argv + 1, keys, key_count * sizeof(*keys));
	if (!store_append(v->store, argv, key_count + 1, e))
		return false;
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_next(
	    v->store, e);
	if (r == NULL)
		return false;
	if (store_count(r) != key_count)
		return err_set(
		    e, ERR_STORE, "MGET answered %zu rows for %zu keys", store_count(r), key_count);
	for (size_t i = 0; i < key_count; i++) {
		const struct store_reply *item = store_item(r, i);

		ret[i] = store_is_nil(item) ? SLICE_NONE : arena_copy(a, store_text(item));
	}
	return true;
}

/* KEYS and ARGV of the script, in the order that it reads them. */
struct script_input {
	struct slice *keys, *args;
	size_t key_count, arg_count;
};

static void
put_key(struct script_input *in, struct slice key)
{
	in->keys[in->key_count++] = key;
}

static void
put_arg(struct script_input *in, struct slice arg)
{
	in->args[in->arg_count++] = arg.data == NULL ? SLICE_LITERAL("") : arg;
}

static void
put_claim(struct script_input *in, const struct view_claim *claim, struct arena *a)
{
	static const char kinds[] = { [VIEW_SET] = 'S',
		[VIEW_APPEND] = 'A',
		[VIEW_DELETE] = 'D',
		[VIEW_INDEX] = 'Z',
		[VIEW_COUNT] = 'I' };

	put_key(in, claim->key);
	put_arg(in, claim->value);
	put_arg(in, number_text(a, (int64_t)claim->write_count));
	for (size_t i = 0; i < claim->write_count; i++) {
		const struct view_write *w = &claim->writes[i];

		put_arg(in, slice_of(&kinds[w->kind], 1));
		put_key(in, w->key);
		put_arg(in, w->value);
		put_arg(in,
		    w->kind == VIEW_INDEX || w->kind == VIEW_COUNT ? number_text(a, w->number)
								   : SLICE_NONE);
	}
}

static struct script_input
advance_input(const struct view *v, const struct view_batch *b, struct arena *a)
{
	struct script_input in = { 0 };
	size_t keys = 1 + b->step_count + b->expiry_count + b->claim_count;
	size_t args = 5 + 3 * b->step_count + b->expiry_count + 2 * b->claim_count;

	for (size_t i = 0; i < b->claim_count; i++) {
		keys += b->claims[i].write_count;
		args += 3 * b->claims[i].write_count;
	}
	in.keys = arena_array(a, keys, sizeof(*in.keys));
	in.args = arena_array(a, args, sizeof(*in.args));
	put_key(&in, view_key);
	put_arg(&in, slice_text(v->token));
	put_arg(&in, number_text(a, b->index_horizon));
	put_arg(&in, number_text(a, (int64_t)b->step_count));
	for (size_t i = 0; i < b->step_count; i++) {
		put_key(&in, b->steps[i].own_key);
		put_arg(&in, number_text(a, b->steps[i].last));
		put_arg(&in, b->steps[i].ids);
		put_arg(&in, number_text(a, b->steps[i].to));
	}
	put_arg(&in, number_text(a, (int64_t)b->expiry_count));
	for (size_t i = 0; i < b->expiry_count; i++) {
		put_key(&in, b->expiries[i].key);
		put_arg(&in, number_text(a, b->expiries[i].at_ms));
	}
	put_arg(&in, number_text(a, (int64_t)b->claim_count));
	for (size_t i = 0; i < b->claim_count; i++)
		put_claim(&in, &b->claims[i], a);
	return in;
}

bool
view_advance(struct view *v, struct view_batch *b, struct arena *a, struct err *e)
{
	struct script_input in = advance_input(v, b, a);
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = store_eval(
	    v->store, &v->advance, in.keys, in.key_count, in.args, in.arg_count, e);

	if (r == NULL || !view_status(r, e))
		return false;
	for (size_t i = 1; i + 1 < store_count(r); i += 2) {
		int64_t claim = text_number(store_text(store_item(r, i)));

		if (claim < 1 || (size_t)claim > b->claim_count)
			return err_set(e, ERR_STORE, "the script named claim %" PRId64 " of %zu",
			    claim, b->claim_count);
		b->claims[claim - 1].found = arena_copy(a, store_text(store_item(r, i + 1)));
	}
	return true;
}

static struct store_reply *
mark_eval(struct view *v, struct store_script *script, const struct slice *keys, size_t key_count,
    int64_t offset, struct err *e)
{
	struct arena a SCOPED_ARENA = { 0 };
	const struct slice args[] = { slice_text(v->token), number_text(&a, offset) };

	return store_eval(v->store, script, keys, key_count, args, 2, e);
}

bool
view_mark(
    struct view *v, struct slice own_key, int64_t offset, struct view_attempts *ret, struct err *e)
{
	const struct slice keys[] = { view_key, own_key };
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = mark_eval(
	    v, &v->mark, keys, 2, offset, e);

	if (r == NULL || !view_status(r, e))
		return false;
	ret->deaths = text_number(store_text(store_item(r, 1)));
	ret->was_read = text_number(store_text(store_item(r, 2))) == 1;
	ret->was_scripted = text_number(store_text(store_item(r, 3))) == 1;
	return true;
}

bool
view_mark_read(struct view *v, struct slice own_key, int64_t offset, struct err *e)
{
	__attribute__((cleanup(store_reply_scoped))) struct store_reply *r = mark_eval(
	    v, &v->mark_read, &own_key, 1, offset, e);

	return r != NULL && view_status(r, e);
}

bool
view_release(struct view *v, const char *token, const struct slice *own_keys, size_t count)
{
	const struct slice arg = slice_text(token);
	struct store_reply *r;
	struct err ignored;

	if (count == 0)
		return true;
	if (store_broken(v->store))
		return false;
	r = store_eval(v->store, &v->release, own_keys, count, &arg, 1, &ignored);
	store_reply_free(r);
	return r != NULL;
}

void
view_set_folding(struct view *v)
{
	const struct slice argv[] = { SLICE_LITERAL("SET"), view_key, SLICE_LITERAL("folding") };
	struct err ignored;

	if (!store_broken(v->store))
		store_reply_free(store_command(v->store, argv, 3, &ignored));
}
