/* Which server a store opens, and what is said when it finds none, by what each sentinel answers. */
#include "fake_redis.h"
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SENTINELS_MAX 3

static struct fake_redis primary, replica;
static char names_primary[96], names_replica[96];

static const char unknown[] = "*-1\r\n";
static const char refused[] = "-NOAUTH Authentication required.\r\n";
static const char nonsense[] = "+PONG\r\n";

static void
address_answer(const struct fake_redis *f, char *ret, size_t size)
{
	const char *port = strchr(f->address, ':') + 1;

	snprintf(ret, size, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%s\r\n", strlen(port), port);
}

static int
group_setup(void **state)
{
	(void)state;
	fake_redis_start(&primary, "*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n");
	fake_redis_start(
	    &replica, "*5\r\n$5\r\nslave\r\n$1\r\nx\r\n:1\r\n$9\r\nconnected\r\n:0\r\n");
	address_answer(&primary, names_primary, sizeof(names_primary));
	address_answer(&replica, names_replica, sizeof(names_replica));
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	fake_redis_stop(&primary);
	fake_redis_stop(&replica);
	return 0;
}

struct group {
	struct fake_redis at[SENTINELS_MAX];
	size_t count;
	struct sentinels *sentinels;
};

/* answers: NULL for a sentinel that is not there */
static void
group_start(struct group *g, const char *const *answers, size_t count)
{
	char addresses[128] = "";
	const struct sentinel_options o = { .addresses = addresses, .master = "certmill" };
	struct err e;

	g->count = count;
	for (size_t i = 0; i < count; i++) {
		fake_redis_start(&g->at[i], answers[i]);
		strcat(strcat(addresses, i > 0 ? ", " : ""), g->at[i].address);
	}
	g->sentinels = sentinels_new(&o, &e);
	assert_non_null(g->sentinels);
}

static void
group_stop(struct group *g)
{
	for (size_t i = 0; i < g->count; i++)
		fake_redis_stop(&g->at[i]);
	sentinels_free(g->sentinels);
}

static struct store *
open_by(const struct group *g, struct err *e)
{
	const struct store_options o = { .sentinels = g->sentinels, .timeout_ms = 5000 };

	return store_open(&o, e);
}

static void
test_who_is_found(void **state)
{
	const struct {
		const char *what, *answers[SENTINELS_MAX];
		size_t count;
		enum err_code expected; /* ERR_NONE: the primary */
		const char *names;
	} cases[] = {
		/* clang-format off */
		{ "one that knows", { names_primary }, 1, ERR_NONE, NULL },
		{ "the last of three", { NULL, unknown, names_primary }, 3, ERR_NONE, NULL },
		{ "one that is behind", { names_replica, names_primary }, 2, ERR_NONE, NULL },
		{ "one that refuses", { refused, names_primary }, 2, ERR_NONE, NULL },
		{ "one of another kind", { nonsense, names_primary }, 2, ERR_NONE, NULL },
		{ "all are behind", { names_replica, NULL, names_replica }, 3, ERR_STORE, "is a replica" },
		{ "none knows the name", { unknown, unknown }, 2, ERR_CONFIG, "redis.sentinel_master" },
		{ "it may be that another knows", { unknown, NULL }, 2, ERR_STORE, "redis.sentinel_master" },
		{ "all refuse", { refused, refused }, 2, ERR_CONFIG, "redis.sentinel_password_file" },
		{ "it may be that another does not", { refused, NULL }, 2, ERR_STORE, "redis.sentinels" },
		{ "nobody is there", { NULL, NULL }, 2, ERR_STORE, "redis.sentinels" },
		{ "of another kind, all", { nonsense }, 1, ERR_STORE, "redis.sentinels" },
		/* clang-format on */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct group g;
		struct err e = { 0 };
		struct store *s;

		group_start(&g, cases[i].answers, cases[i].count);
		s = open_by(&g, &e);
		if (e.code != cases[i].expected && s == NULL)
			fail_msg("%s: expected %s, got %s: %s", cases[i].what,
			    err_name(cases[i].expected), err_name(e.code), e.msg);
		if ((s != NULL) != (cases[i].expected == ERR_NONE))
			fail_msg("%s: a store was opened", cases[i].what);
		if (s != NULL)
			assert_string_equal(store_address(s), primary.address);
		else if (strstr(e.msg, cases[i].names) == NULL)
			fail_msg(
			    "%s: \"%s\" does not name %s", cases[i].what, e.msg, cases[i].names);
		store_close(s);
		group_stop(&g);
	}
}

static void
test_the_one_that_answered_is_asked_first(void **state)
{
	const char *const answers[] = { unknown, names_primary, names_primary };
	struct group g;
	struct err e;

	(void)state;
	group_start(&g, answers, 3);
	for (int i = 0; i < 3; i++) {
		struct store *s = open_by(&g, &e);

		assert_non_null(s);
		store_close(s);
	}
	assert_int_equal(atomic_load(&g.at[0].connections), 1);
	assert_int_equal(atomic_load(&g.at[1].connections), 3);
	assert_int_equal(atomic_load(&g.at[2].connections), 0);
	group_stop(&g);
}

/* Two of three are behind: their server is tried once. */
static void
test_a_server_is_tried_once(void **state)
{
	const char *const answers[] = { names_replica, names_replica, names_replica };
	int before = atomic_load(&replica.connections);
	struct group g;
	struct err e;

	(void)state;
	group_start(&g, answers, 3);
	assert_null(open_by(&g, &e));
	assert_int_equal(atomic_load(&replica.connections), before + 1);
	group_stop(&g);
}

static void
test_lists(void **state)
{
	static const char *const bad[] = { "", " , ", "a", "a:1,b", "a:0", "a:1,,:2", "/socket" };
	static const char *const good[] = { "a:1", "a:1,b:2", " a:1 ,\tb:2, ", "[::1]:26379" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct sentinel_options o = { .addresses = bad[i], .master = "m" };
		struct err e = { 0 };

		assert_null(sentinels_new(&o, &e));
		assert_int_equal(e.code, ERR_CONFIG);
		assert_string_equal(e.field, "redis.sentinels");
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const struct sentinel_options o = { .addresses = good[i], .master = "m" };
		struct err e = { 0 };
		struct sentinels *g = sentinels_new(&o, &e);

		if (g == NULL)
			fail_msg("\"%s\": %s", good[i], e.msg);
		sentinels_free(g);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_found),
		cmocka_unit_test(test_the_one_that_answered_is_asked_first),
		cmocka_unit_test(test_a_server_is_tried_once),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
