#include "log.h"

#include "scoped.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

/* Standard error goes into a file in memory while a case runs. */
struct capture {
	int kept, file;
	char text[200000];
};

static void
capture_begin(struct capture *c)
{
	fflush(stderr);
	c->kept = dup(STDERR_FILENO);
	c->file = memfd_create("log", 0);
	assert_true(c->kept >= 0 && c->file >= 0);
	/* as with a pipe, two writes do not meet at one place */
	assert_int_equal(fcntl(c->file, F_SETFL, O_APPEND), 0);
	assert_true(dup2(c->file, STDERR_FILENO) >= 0);
}

static void
capture_end(struct capture *c)
{
	ssize_t n;

	assert_true(dup2(c->kept, STDERR_FILENO) >= 0);
	n = pread(c->file, c->text, sizeof(c->text) - 1, 0);
	assert_true(n >= 0);
	c->text[n] = '\0';
	close(c->kept);
	close(c->file);
}

/* What follows the time of the one line that was written. */
static const char *
capture_line(struct capture *c)
{
	size_t len = strlen(c->text);

	assert_true(len > 25);
	assert_int_equal(c->text[len - 1], '\n');
	c->text[len - 1] = '\0';
	assert_null(strchr(c->text, '\n'));
	assert_int_equal(c->text[23], 'Z');
	return c->text + 25;
}

static void
log_line_has_its_form(void **state)
{
	struct capture c;
	unsigned year, rest[5], ms;
	int end = 0;

	(void)state;
	capture_begin(&c);
	log_event(LOG_INFO, "lane_started", LOG_T("lane", "mint-0"), LOG_N("partitions", -12),
	    LOG_S("topic", SLICE_LITERAL("certmill.issue")));
	capture_end(&c);
	assert_string_equal(
	    capture_line(&c), "info lane_started lane=mint-0 partitions=-12 topic=certmill.issue");
	assert_int_equal(sscanf(c.text, "%4u-%2u-%2uT%2u:%2u:%2u.%3uZ%n", &year, &rest[0], &rest[1],
			     &rest[2], &rest[3], &rest[4], &ms, &end),
	    7);
	assert_int_equal(end, 24);
	assert_true(year >= 2024);
}

static void
log_escapes_values(void **state)
{
	static const struct {
		const char *name;
		struct slice value;
		const char *want;
	} cases[] = {
		{ "plain", { (const uint8_t *)"a.b/c:1", 7 }, "v=a.b/c:1" },
		{ "empty", { (const uint8_t *)"", 0 }, "v=\"\"" },
		{ "absent", { NULL, 0 }, "v=-" },
		{ "a dash", { (const uint8_t *)"-", 1 }, "v=\"-\"" },
		{ "space", { (const uint8_t *)"a b", 3 }, "v=\"a b\"" },
		{ "quote", { (const uint8_t *)"a\"b", 3 }, "v=\"a\\\"b\"" },
		{ "backslash", { (const uint8_t *)"a\\b", 3 }, "v=\"a\\\\b\"" },
		{ "equals", { (const uint8_t *)"a=b", 3 }, "v=\"a=b\"" },
		{ "line break", { (const uint8_t *)"a\nb", 3 }, "v=\"a\\nb\"" },
		{ "return", { (const uint8_t *)"a\rb", 3 }, "v=\"a\\x0db\"" },
		{ "NUL", { (const uint8_t *)"a\0b", 3 }, "v=\"a\\x00b\"" },
		{ "escape", { (const uint8_t *)"\x1b[31m", 5 }, "v=\"\\x1b[31m\"" },
		{ "delete", { (const uint8_t *)"\x7f", 1 }, "v=\"\\x7f\"" },
		{ "beyond ASCII", { (const uint8_t *)"\xc3\xa9", 2 }, "v=\"\\xc3\\xa9\"" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct capture c;
		const char *came;

		capture_begin(&c);
		log_event(LOG_ERROR, "e", LOG_S("v", cases[i].value));
		capture_end(&c);
		came = capture_line(&c) + strlen("error e ");
		if (strcmp(came, cases[i].want) != 0)
			fail_msg("%s: expected %s, came %s", cases[i].name, cases[i].want, came);
	}
}

static void
log_bounds_lines(void **state)
{
	static char big[3000];
	struct capture c;
	const char *line;

	(void)state;
	memset(big, 'x', sizeof(big));
	capture_begin(&c);
	log_event(LOG_INFO, "e", LOG_S("v", slice_of(big, sizeof(big))), LOG_N("after", 1));
	capture_end(&c);
	line = capture_line(&c);
	assert_int_equal(strlen(line), strlen("info e v=\"\"... after=1") + 1024);
	assert_string_equal(line + strlen(line) - strlen("x\"... after=1"), "x\"... after=1");

	memset(big, '\n', sizeof(big));
	capture_begin(&c);
	log_event(LOG_INFO, "e", LOG_S("a", slice_of(big, 3000)), LOG_S("b", slice_of(big, 3000)),
	    LOG_S("c", slice_of(big, 3000)));
	capture_end(&c);
	assert_int_equal(strlen(c.text), 4096);
	capture_line(&c);
}

static void
log_names_errors(void **state)
{
	struct capture c;
	struct err e;

	(void)state;
	err_field(&e, ERR_STORE, "id", "no answer");
	capture_begin(&c);
	log_error(LOG_WARNING, "store_lost", &e, LOG_N("n", 1));
	capture_end(&c);
	assert_string_equal(
	    capture_line(&c), "warning store_lost n=1 error=store field=id message=\"no answer\"");
	err_set(&e, ERR_QUEUE, "down");
	capture_begin(&c);
	log_error(LOG_WARNING, "queue_lost", &e, LOG_N("n", 1));
	capture_end(&c);
	assert_string_equal(capture_line(&c), "warning queue_lost n=1 error=queue message=down");
}

static void
log_obeys_level(void **state)
{
	struct capture c;
	struct err e;
	enum log_level level = LOG_ERROR;

	(void)state;
	err_set(&e, ERR_QUEUE, "down");
	assert_true(log_level_parse("warning", &level));
	assert_int_equal(level, LOG_WARNING);
	assert_false(log_level_parse("loud", &level));
	assert_false(log_level_parse("", &level));
	log_set_level(level);
	capture_begin(&c);
	log_event(LOG_INFO, "silent", LOG_N("n", 1));
	log_error(LOG_DEBUG, "silent", &e, LOG_N("n", 1));
	log_event(LOG_WARNING, "heard", LOG_N("n", 1));
	capture_end(&c);
	log_set_level(LOG_INFO);
	assert_string_equal(capture_line(&c), "warning heard n=1");
}

#define THREADS 4
#define LINES   200

static void *
log_many(void *opaque)
{
	for (int i = 0; i < LINES; i++)
		log_event(LOG_INFO, "many", LOG_T("who", opaque),
		    LOG_T("text", "some more text to write"));
	return NULL;
}

static void
log_lines_stay_whole(void **state)
{
	static const char want[] = "info many who=thread text=\"some more text to write\"";
	struct capture c;
	pthread_t threads[THREADS];
	char name[] = "thread";
	int count = 0;

	(void)state;
	capture_begin(&c);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, log_many, name), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	capture_end(&c);
	for (char *line = strtok(c.text, "\n"); line != NULL; line = strtok(NULL, "\n"), count++)
		if (strlen(line) < 25 || strcmp(line + 25, want) != 0)
			fail_msg("line %d: expected %s, came %s", count, want, line);
	assert_int_equal(count, THREADS * LINES);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(log_line_has_its_form),
		cmocka_unit_test(log_escapes_values),
		cmocka_unit_test(log_bounds_lines),
		cmocka_unit_test(log_names_errors),
		cmocka_unit_test(log_obeys_level),
		cmocka_unit_test(log_lines_stay_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
