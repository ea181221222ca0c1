/* store against a real redis-server, a child of this process on a socket in a private folder. */
#include "redis_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

static struct redis_fixture redis;

#define LITERALS(...) \
	(const struct slice[]) \
	{ \
		__VA_ARGS__ \
	}

static int
setup(void **state)
{
	struct store *s = redis_fixture_start(&redis);

	(void)state;
	if (s == NULL)
		fail_msg("no Redis at %s", redis.address);
	store_close(s);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	redis_fixture_stop(&redis);
	return 0;
}

static struct store *
open_or_fail(void)
{
	struct store *s = redis_fixture_open(&redis);

	if (s == NULL)
		fail_msg("no Redis at %s", redis.address);
	return s;
}

static struct store_reply *
command(struct store *s, const struct slice *argv, size_t argc)
{
	struct err e = { .code = ERR_NONE };
	struct store_reply *r = store_command(s, argv, argc, &e);

	if (r == NULL)
		fail_msg("%.*s: %s", SLICE_FMT(argv[0]), e.msg);
	return r;
}

#define COMMAND(s, ...) \
	command(s, LITERALS(__VA_ARGS__), sizeof(LITERALS(__VA_ARGS__)) / sizeof(struct slice))
#define L(text) SLICE_LITERAL(text)

static void
assert_text(const struct store_reply *r, struct slice want)
{
	struct slice got = store_text(r);

	if (!slice_eq(got, want))
		fail_msg("want \"%.*s\", got \"%.*s\"", SLICE_FMT(want), SLICE_FMT(got));
}

static void
test_values(void **state)
{
	const struct slice binary = slice_of("a\0b\r\n\xff", 6);
	struct store *s = open_or_fail();
	struct store_reply *r;

	(void)state;
	r = COMMAND(s, L("SET"), L("bin"), binary);
	assert_text(r, L("OK"));
	store_reply_free(r);
	r = COMMAND(s, L("GET"), L("bin"));
	assert_text(r, binary);
	assert_false(store_is_nil(r));
	assert_int_equal(store_integer(r), 0);
	assert_int_equal(store_count(r), 0);
	store_reply_free(r);
	r = COMMAND(s, L("SET"), L("empty"), SLICE_NONE);
	store_reply_free(r);
	r = COMMAND(s, L("GET"), L("empty"));
	assert_non_null(store_text(r).data);
	assert_int_equal(store_text(r).len, 0);
	store_reply_free(r);
	r = COMMAND(s, L("GET"), L("absent"));
	assert_true(store_is_nil(r));
	assert_null(store_text(r).data);
	store_reply_free(r);
	r = COMMAND(s, L("INCRBY"), L("n"), L("9007199254740993"));
	assert_int_equal(store_integer(r), 9007199254740993);
	store_reply_free(r);
	r = COMMAND(s, L("MGET"), L("bin"), L("absent"), L("empty"));
	assert_int_equal(store_count(r), 3);
	assert_text(store_item(r, 0), binary);
	assert_true(store_is_nil(store_item(r, 1)));
	store_reply_free(r);
	assert_false(store_broken(s));
	store_close(s);
}

static void
test_pipeline(void **state)
{
	struct store *s = open_or_fail();
	struct err e = { .code = ERR_NONE };
	char text[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(text, sizeof(text), "%d", i);
		assert_true(store_append(s, LITERALS(L("ECHO"), slice_text(text)), 2, &e));
	}
	for (int i = 0; i < 1000; i++) {
		struct store_reply *r = store_next(s, &e);

		(void)snprintf(text, sizeof(text), "%d", i);
		assert_non_null(r);
		assert_text(r, slice_text(text));
		store_reply_free(r);
	}
	store_close(s);
}

/* An error of one command is its own: the next reply is still the next command's. */
static void
test_redis_error(void **state)
{
	struct store *s = open_or_fail();
	struct err e = { .code = ERR_NONE };
	struct store_reply *r;

	(void)state;
	store_reply_free(COMMAND(s, L("SET"), L("word"), L("x")));
	assert_true(store_append(s, LITERALS(L("INCR"), L("word")), 2, &e));
	assert_true(store_append(s, LITERALS(L("GET"), L("word")), 2, &e));
	assert_null(store_next(s, &e));
	assert_int_equal(e.code, ERR_STORE);
	assert_string_equal(e.msg, "Redis: ERR value is not an integer or out of range");
	assert_false(store_broken(s));
	r = store_next(s, &e);
	assert_text(r, L("x"));
	store_reply_free(r);
	store_close(s);
}

static const struct refusal {
	const char *name, *setting, *value, *back, *want;
} refusals[] = {
	/* clang-format off */
	{ "out of memory", "maxmemory", "1", "0", "Redis: OOM command not allowed when used memory > 'maxmemory'." },
	{ "too few replicas", "min-replicas-to-write", "1", "0", "Redis: NOREPLICAS Not enough good replicas to write." },
	/* clang-format on */
};

static void
test_refused_writes(void **state)
{
	struct store *s = open_or_fail();

	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *c = &refusals[i];
		struct err e = { .code = ERR_NONE };
		struct store_reply *r;

		store_reply_free(COMMAND(
		    s, L("CONFIG"), L("SET"), slice_text(c->setting), slice_text(c->value)));
		r = store_command(s, LITERALS(L("SET"), L("k"), L("v")), 3, &e);
		store_reply_free(
		    COMMAND(s, L("CONFIG"), L("SET"), slice_text(c->setting), slice_text(c->back)));
		if (r != NULL || e.code != ERR_STORE || strcmp(e.msg, c->want) != 0)
			fail_msg("%s: want \"%s\", got \"%s\"", c->name, c->want, e.msg);
	}
	store_close(s);
}

static void
eval_sum(struct store *s, struct store_script *script, int64_t want)
{
	const struct slice keys[] = { L("sum") };
	const struct slice args[] = { L("2"), L("40") };
	struct err e = { .code = ERR_NONE };
	struct store_reply *r = store_eval(s, script, keys, 1, args, 2, &e);

	if (r == NULL)
		fail_msg("eval: %s", e.msg);
	assert_int_equal(store_integer(r), want);
	store_reply_free(r);
}

static void
test_script(void **state)
{
	struct store_script script = {
		.source = "return redis.call('INCRBY', KEYS[1], ARGV[1] + ARGV[2])",
	};
	struct store *s = open_or_fail();
	struct store_reply *r;

	(void)state;
	store_reply_free(COMMAND(s, L("DEL"), L("sum")));
	eval_sum(s, &script, 42);
	/* Redis' own name for the script, so that EVALSHA finds it */
	r = COMMAND(s, L("SCRIPT"), L("EXISTS"), slice_text(script.sha1));
	assert_int_equal(store_integer(store_item(r, 0)), 1);
	store_reply_free(r);
	eval_sum(s, &script, 84);
	/* as after a restart: NOSCRIPT, loaded again, run once */
	store_reply_free(COMMAND(s, L("SCRIPT"), L("FLUSH")));
	eval_sum(s, &script, 126);
	eval_sum(s, &script, 168);
	store_close(s);
}

static void
test_script_error(void **state)
{
	struct store_script wrong = { .source = "this is no Lua" };
	struct store_script fails = { .source = "return redis.error_reply('FENCED not yours')" };
	struct store *s = open_or_fail();
	struct err e = { .code = ERR_NONE };

	(void)state;
	assert_null(store_eval(s, &wrong, NULL, 0, NULL, 0, &e));
	assert_int_equal(e.code, ERR_STORE);
	assert_non_null(strstr(e.msg, "Error compiling script"));
	assert_null(store_eval(s, &fails, NULL, 0, NULL, 0, &e));
	assert_string_equal(e.msg, "Redis: FENCED not yours");
	assert_false(store_broken(s));
	store_close(s);
}

static void
test_login(void **state)
{
	struct store_options o = { .address = redis.address,
		.user = "clerk",
		.password = "s3cret",
		.db = 3,
		.timeout_ms = 2000 };
	struct err e = { .code = ERR_NONE };
	struct store *s = open_or_fail();
	struct store_reply *r;

	(void)state;
	store_reply_free(COMMAND(
	    s, L("ACL"), L("SETUSER"), L("clerk"), L("on"), L(">s3cret"), L("~*"), L("+@all")));
	store_close(s);
	s = store_open(&o, &e);
	if (s == NULL)
		fail_msg("login: %s", e.msg);
	r = COMMAND(s, L("CLIENT"), L("INFO"));
	assert_non_null(strstr((const char *)store_text(r).data, " db=3 "));
	assert_non_null(strstr((const char *)store_text(r).data, " user=clerk "));
	store_reply_free(r);
	store_close(s);

	o.password = "guess";
	assert_null(store_open(&o, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_string_equal(e.field, "redis.password_file");
	assert_non_null(strstr(e.msg, "WRONGPASS"));
	assert_null(strstr(e.msg, "guess"));

	o.user = o.password = NULL;
	o.db = 99;
	assert_null(store_open(&o, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_string_equal(e.field, "redis.db");
	assert_non_null(strstr(e.msg, "99"));
}

static const struct bad_address {
	const char *address;
	enum err_code want;
} bad_addresses[] = {
	{ "localhost", ERR_CONFIG },
	{ ":6379", ERR_CONFIG },
	{ "localhost:", ERR_CONFIG },
	{ "localhost:http", ERR_CONFIG },
	{ "localhost:0", ERR_CONFIG },
	{ "localhost:65536", ERR_CONFIG },
	{ "localhost:1x", ERR_CONFIG },
	{ "[]:6379", ERR_CONFIG },
	{ "127.0.0.1:1", ERR_STORE },
	{ "[::1]:1", ERR_STORE },
	{ "/nowhere/redis.socket", ERR_STORE },
};

static void
test_bad_address(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_addresses) / sizeof(bad_addresses[0]); i++) {
		const struct bad_address *c = &bad_addresses[i];
		const struct store_options o = { .address = c->address, .timeout_ms = 500 };
		struct err e = { .code = ERR_NONE };
		struct store *s = store_open(&o, &e);

		if (s != NULL || e.code != c->want || e.msg[0] == '\0')
			fail_msg("%s: want %s, got %s (%s)", c->address, err_name(c->want),
			    s != NULL ? "a connection" : err_name(e.code), e.msg);
	}
}

static void
test_slow_answer(void **state)
{
	const struct store_options o = { .address = redis.address, .timeout_ms = 100 };
	struct err e = { .code = ERR_NONE };
	struct store *s = store_open(&o, &e);

	(void)state;
	assert_non_null(s);
	kill(redis.pid, SIGSTOP);
	assert_null(store_command(s, LITERALS(L("PING")), 1, &e));
	kill(redis.pid, SIGCONT);
	assert_int_equal(e.code, ERR_STORE);
	assert_string_equal(e.msg, "Redis: read: no answer within 100 ms");
	/* the late answer must not be taken for the next command's */
	assert_true(store_broken(s));
	assert_null(store_command(s, LITERALS(L("PING")), 1, &e));
	store_close(s);
}

static void
test_server_killed(void **state)
{
	struct store *s = open_or_fail();
	struct err e = { .code = ERR_NONE };

	(void)state;
	redis_fixture_kill(&redis);
	assert_false(store_broken(s));
	assert_null(store_command(s, LITERALS(L("PING")), 1, &e));
	assert_int_equal(e.code, ERR_STORE);
	assert_true(store_broken(s));
	assert_null(store_next(s, &e));
	assert_int_equal(e.code, ERR_STORE);
	store_close(s);
	redis_fixture_spawn(&redis);
	s = open_or_fail();
	store_reply_free(COMMAND(s, L("PING")));
	store_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_pipeline),
		cmocka_unit_test(test_redis_error),
		cmocka_unit_test(test_refused_writes),
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_script_error),
		cmocka_unit_test(test_login),
		cmocka_unit_test(test_bad_address),
		cmocka_unit_test(test_slow_answer),
		cmocka_unit_test(test_server_killed),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, setup, teardown);
}
