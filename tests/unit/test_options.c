#include "options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARGS_MAX 10

struct line {
	struct options o;
	char *argv[ARGS_MAX];
	int argc;
	bool ok;
	struct err e;
};

/* Reads a line of words separated by spaces. */
static struct line
line_read(const char *text, char **environment)
{
	static char *none[] = { NULL };
	struct line l = { .argc = 1 };
	char *copy = strdup(text), *at = NULL;

	l.argv[0] = strdup("certmill");
	for (char *word = strtok_r(copy, " ", &at); word != NULL; word = strtok_r(NULL, " ", &at)) {
		assert_true(l.argc < ARGS_MAX);
		l.argv[l.argc++] = strdup(word);
	}
	free(copy);
	l.ok = options_read(l.argc, l.argv, environment == NULL ? none : environment, &l.o, &l.e);
	return l;
}

static void
line_done(struct line *l)
{
	options_done(&l->o);
	for (int i = 0; i < l->argc; i++)
		free(l->argv[i]);
}

static void
options_stand_anywhere(void **state)
{
	static const char *const lines[] = {
		"write -format=json -timeout=5s pki/issue/web common_name=a",
		"write pki/issue/web -format=json common_name=a -timeout=5s",
		"write pki/issue/web common_name=a --format=json --timeout=5s",
		"-timeout=5s write -format json pki/issue/web common_name=a",
		"-timeout 5s -format json write pki/issue/web common_name=a",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct line l = line_read(lines[i], NULL);

		if (!l.ok)
			fail_msg("%s: %s", lines[i], l.e.msg);
		assert_string_equal(l.o.command, "write");
		assert_string_equal(l.o.format, "json");
		assert_int_equal(l.o.timeout, 5);
		assert_int_equal(l.o.word_count, 2);
		assert_string_equal(l.o.words[0], "pki/issue/web");
		assert_string_equal(l.o.words[1], "common_name=a");
		line_done(&l);
	}
}

static void
defaults_hold(void **state)
{
	struct line l = line_read("request -", NULL);

	(void)state;
	assert_true(l.ok);
	assert_string_equal(l.o.brokers, "127.0.0.1:9092");
	assert_string_equal(l.o.prefix, "certmill");
	assert_int_equal(l.o.timeout, 30);
	assert_string_equal(l.o.format, "table");
	assert_int_equal(l.o.word_count, 1);
	assert_string_equal(l.o.words[0], "-");
	line_done(&l);
}

static void
the_environment_is_read(void **state)
{
	static char brokers[] = "CERTMILL_KAFKA_BROKERS=worker:1", own[] = "CERTMILL_BROKERS=own:1",
		    prefix[] = "CERTMILL_TOPICS_PREFIX=t",
		    ca[] = "CERTMILL_KAFKA_SSL_CA_LOCATION=/ca.pem",
		    other[] = "CERTMILL_REDIS_ADDRESS=x";
	char *worker[] = { brokers, prefix, ca, other, NULL };
	char *both[] = { own, brokers, NULL };
	struct line l = line_read(
	    "mounts -kafka debug=broker -kafka=security.protocol=ssl", worker);

	(void)state;
	assert_true(l.ok);
	assert_string_equal(l.o.brokers, "worker:1");
	assert_string_equal(l.o.prefix, "t");
	assert_int_equal(l.o.kafka_count, 3);
	assert_string_equal(l.o.kafka[0].name, "ssl.ca.location");
	assert_string_equal(l.o.kafka[0].value, "/ca.pem");
	assert_string_equal(l.o.kafka[1].name, "debug");
	assert_string_equal(l.o.kafka[1].value, "broker");
	assert_string_equal(l.o.kafka[2].name, "security.protocol");
	assert_string_equal(l.o.kafka[2].value, "ssl");
	line_done(&l);
	l = line_read("mounts", both);
	assert_string_equal(l.o.brokers, "own:1");
	line_done(&l);
	l = line_read("mounts -brokers=line:1", both);
	assert_string_equal(l.o.brokers, "line:1");
	line_done(&l);
}

static void
flags_and_numbers(void **state)
{
	struct line l = line_read("bench --json --count 500 --worker-pid=77", NULL);

	(void)state;
	assert_true(l.ok);
	assert_true(l.o.json);
	assert_int_equal(l.o.count, 500);
	assert_int_equal(l.o.worker_pid, 77);
	line_done(&l);
	l = line_read("follow crl -once=false", NULL);
	assert_true(l.ok);
	assert_false(l.o.once);
	assert_string_equal(l.o.words[0], "crl");
	line_done(&l);
}

static void
wrong_lines_are_refused(void **state)
{
	static const struct {
		const char *line, *words;
	} wrong[] = {
		{ "read -nope pki/ca", "there is no option -nope" },
		{ "read pki/ca -format", "-format wants a value" },
		{ "read pki/ca -once", "`certmill read` has no option -once" },
		{ "-once read pki/ca", "`certmill read` has no option -once" },
		{ "bench -count=many", "-count wants a number" },
		{ "bench -count=-5", "-count wants a number" },
		{ "bench -count=99999999999999999999", "-count wants a number" },
		{ "follow crl -once=maybe", "is true or false" },
		{ "read pki/ca -timeout=0s", "-timeout is a second or more" },
		{ "read pki/ca -timeout=soon", "is no time span" },
		{ "read pki/ca -kafka=x", "-kafka wants NAME=VALUE" },
		{ "read pki/ca -kafka==x", "-kafka wants NAME=VALUE" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct line l = line_read(wrong[i].line, NULL);

		if (l.ok)
			fail_msg("`%s` was taken", wrong[i].line);
		if (strstr(l.e.msg, wrong[i].words) == NULL)
			fail_msg("`%s`: expected \"%s\", came \"%s\"", wrong[i].line,
			    wrong[i].words, l.e.msg);
		line_done(&l);
	}
}

static void
statuses(void **state)
{
	static const struct {
		enum err_code code;
		enum status status;
	} cases[] = {
		{ ERR_TIMEOUT, STATUS_UNANSWERED },
		{ ERR_QUEUE, STATUS_NO_BROKER },
		{ ERR_INVALID_VALUE, STATUS_FAILED },
		{ ERR_SYSTEM, STATUS_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
		    status_of(&(struct err){ .code = cases[i].code }), cases[i].status);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(defaults_hold),
		cmocka_unit_test(the_environment_is_read),
		cmocka_unit_test(flags_and_numbers),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(statuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
