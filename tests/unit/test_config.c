#include "config.h"

#include "buf.h"
#include "scoped.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

struct sample {
	const char *address, *name;
	int64_t lanes, timeout, bytes;
	bool single;
};

/* clang-format off */
static const struct setting table[] = {
	SETTING(TEXT, sample, address, "redis.address", "here:1", 1, 40, "host:port"),
	SETTING(TEXT, sample, name,    "worker.a_name", NULL, 0, 10, "what it is called"),
	SETTING(INT,  sample, lanes,   "lanes.mint",    "1", -2, 64, "how many"),
	SETTING(SPAN, sample, timeout, "redis.timeout", "5s", 1, 60, "how long"),
	SETTING(SIZE, sample, bytes,   "kafka.bytes",   "4MiB", 1024, INT64_C(1) << 40, "how much"),
	SETTING(BOOL, sample, single,  "worker.single", "false", 0, 1, "whether"),
};
/* clang-format on */

#define ROWS (sizeof(table) / sizeof(table[0]))

struct fixture {
	char dir[64], path[80];
	struct buf passed; /* "key=value;" */
	struct sample settings;
	struct err e;
};

static int
setup(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	strcpy(f.dir, "/tmp/certmill-config-XXXXXX");
	assert_non_null(mkdtemp(f.dir));
	snprintf(f.path, sizeof(f.path), "%s/c.ini", f.dir);
	buf_init(&f.passed, 10000);
	*state = &f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	config_free(table, ROWS, &f->settings);
	config_free(table, ROWS, &f->settings);
	buf_done(&f->passed);
	unlink(f->path);
	return rmdir(f->dir);
}

static bool
take_passed(void *opaque, const char *key, const char *value, struct err *e)
{
	struct fixture *f = opaque;

	if (strcmp(key, "bad") == 0)
		return err_set(e, ERR_CONFIG, "no such thing");
	buf_printf(&f->passed, "%s=%s;", key, value);
	return true;
}

/* text NULL: no file */
static bool
load(struct fixture *f, const char *text)
{
	const struct config_source from = {
		.path = text == NULL ? NULL : f->path,
		.env_prefix = "CMTEST_",
		.pass_section = "kafka",
		.pass = take_passed,
		.opaque = f,
	};

	if (text != NULL) {
		FILE *file = fopen(f->path, "w");

		assert_non_null(file);
		assert_true(fputs(text, file) >= 0);
		assert_int_equal(fclose(file), 0);
	}
	config_free(table, ROWS, &f->settings);
	buf_clear(&f->passed);
	return config_load(&from, table, ROWS, &f->settings, &f->e);
}

static void
expect_loaded(struct fixture *f, const char *name, bool done)
{
	if (!done)
		fail_msg("%s: expected settings, came %s", name, f->e.msg);
}

static void
config_reads_file_and_defaults(void **state)
{
	struct fixture *f = *state;
	bool done = load(f,
	    "; comment\n# comment\n[worker]\na_name = some one \n\n[lanes]\n\tmint=-2\n"
	    "[kafka]\nbytes = 64KiB\nsecurity.protocol = SSL\nsasl.jaas.config=a=b;c ; a comment\n[redis]\ntimeout: 1m\n");

	expect_loaded(f, "file", done);
	assert_string_equal(f->settings.address, "here:1");
	assert_string_equal(f->settings.name, "some one");
	assert_int_equal(f->settings.lanes, -2);
	assert_int_equal(f->settings.timeout, 60);
	assert_int_equal(f->settings.bytes, 65536);
	assert_false(f->settings.single);
	assert_true(
	    slice_is(buf_slice(&f->passed), "security.protocol=SSL;sasl.jaas.config=a=b;c;"));
	expect_loaded(f, "defaults", load(f, "[worker]\na_name="));
	assert_string_equal(f->settings.name, "");
	assert_int_equal(f->settings.lanes, 1);
	assert_int_equal(f->settings.timeout, 5);
	assert_int_equal(f->settings.bytes, 4 << 20);
}

/* A list goes on behind a comma. Indented keys are keys. */
static void
config_continues_lists(void **state)
{
	struct fixture *f = *state;

	expect_loaded(f, "list",
	    load(f,
		"[worker]\na_name=x\n[redis]\naddress = a:1,\n\n  # the second\n\tb:2,\n  c:3\ntimeout=2\n"));
	assert_string_equal(f->settings.address, "a:1,b:2,c:3");
	assert_int_equal(f->settings.timeout, 2);
	expect_loaded(f, "indented",
	    load(f, "  [worker]\n  a_name=x\n  single = yes\n[kafka]\n  a=1\n  b = 2,\n  3\n"));
	assert_string_equal(f->settings.name, "x");
	assert_true(f->settings.single);
	assert_true(slice_is(buf_slice(&f->passed), "a=1;b=2,3;"));
}

/* What a setting of each type takes. */
static void
config_value_table(void **state)
{
	static const struct {
		const char *key, *value;
		int64_t want;
		const char *problem; /* NULL: none */
	} cases[] = {
		{ "lanes.mint", "64", 64, NULL },
		{ "lanes.mint", "-1", -1, NULL },
		{ "lanes.mint", "65", 0, "-2 to 64 is wanted" },
		{ "lanes.mint", "-3", 0, "-2 to 64 is wanted" },
		{ "lanes.mint", "", 0, "a number is wanted" },
		{ "lanes.mint", "-", 0, "a number is wanted" },
		{ "lanes.mint", "+1", 0, "a number is wanted" },
		{ "lanes.mint", "1x", 0, "a number is wanted" },
		{ "lanes.mint", "1 2", 0, "a number is wanted" },
		{ "lanes.mint", "0x1", 0, "a number is wanted" },
		{ "lanes.mint", "9223372036854775808", 0, "a number is wanted" },
		{ "redis.timeout", "60", 60, NULL },
		{ "redis.timeout", "1m", 60, NULL },
		{ "redis.timeout", "61s", 0, "1s to 60s is wanted" },
		{ "redis.timeout", "0", 0, "1s to 60s is wanted" },
		{ "redis.timeout", "", 0, "a time span is wanted" },
		{ "redis.timeout", "1 m", 0, "a time span is wanted" },
		{ "kafka.bytes", "1024", 1024, NULL },
		{ "kafka.bytes", "3GiB", INT64_C(3) << 30, NULL },
		{ "kafka.bytes", "1023", 0, "1024 to 1099511627776 is wanted" },
		{ "kafka.bytes", "4MB", 0, "a size is wanted" },
		{ "kafka.bytes", "KiB", 0, "a size is wanted" },
		{ "kafka.bytes", "-1", 0, "a size is wanted" },
		{ "kafka.bytes", "9223372036854775807KiB", 0, "a size is wanted" },
		{ "kafka.bytes", "92233720368547758080", 0, "a size is wanted" },
		{ "worker.single", "true", 1, NULL },
		{ "worker.single", "on", 1, NULL },
		{ "worker.single", "1", 1, NULL },
		{ "worker.single", "no", 0, NULL },
		{ "worker.single", "TRUE", 0, "true or false is wanted" },
		{ "worker.single", "2", 0, "true or false is wanted" },
		{ "worker.a_name", "0123456789", 0, NULL },
		{ "worker.a_name", "0123456789a", 0, "0 to 10 characters are wanted" },
		{ "redis.address", "", 0, "1 to 40 characters are wanted" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *dot = strchr(cases[i].key, '.');
		char text[200], where[200];
		int64_t came;
		bool done;

		snprintf(text, sizeof(text), "[worker]\n%s[%.*s]\n%s = %s\n",
		    strcmp(dot, ".a_name") == 0 ? "" : "a_name = x\n", (int)(dot - cases[i].key),
		    cases[i].key, dot + 1, cases[i].value);
		done = load(f, text);
		if (done != (cases[i].problem == NULL))
			fail_msg("%s = %s: expected %s", cases[i].key, cases[i].value,
			    cases[i].problem == NULL ? "a value" : cases[i].problem);
		snprintf(where, sizeof(where), "%s:%d: %s = \"%s\": ", f->path,
		    strcmp(dot, ".a_name") == 0 ? 3 : 4, cases[i].key, cases[i].value);
		if (!done) {
			if (f->e.code != ERR_CONFIG || strstr(f->e.msg, where) != f->e.msg ||
			    strstr(f->e.msg, cases[i].problem) == NULL)
				fail_msg("expected \"%s%s\", came \"%s\"", where, cases[i].problem,
				    f->e.msg);
			assert_string_equal(f->e.field, cases[i].key);
			assert_null(f->settings.address);
			continue;
		}
		came = strcmp(dot, ".mint") == 0   ? f->settings.lanes
		    : strcmp(dot, ".timeout") == 0 ? f->settings.timeout
		    : strcmp(dot, ".bytes") == 0   ? f->settings.bytes
						   : f->settings.single;
		if (came != cases[i].want)
			fail_msg("%s = %s: expected %lld, came %lld", cases[i].key, cases[i].value,
			    (long long)cases[i].want, (long long)came);
	}
}

/* Every complaint about the file names it, and the line. */
static void
config_names_file_and_line(void **state)
{
	static const struct {
		const char *text;
		int line; /* 0: the file as a whole */
		const char *problem;
	} cases[] = {
		{ "[worker]\na_name = x\n[lanes]\nmynt = 1\n", 4,
		    "there is no setting \"lanes.mynt\"" },
		{ "[worker]\na_name = x\n[lane]\nmint = 1\n", 4,
		    "there is no setting \"lane.mint\"" },
		{ "a_name = x\n", 1, "there is no setting \".a_name\"" },
		{ "[worker]\na_name = x\na_name = x\n", 3, "stands twice" },
		{ "[worker]\na_name = x,\na_name = x\n", 3, "stands twice" },
		{ "[worker]\na_name = x\nlonely\n", 3, "neither [section]" },
		{ "[worker\na_name = x\n", 1, "neither [section]" },
		{ "[worker]\na_name = x\n\n[kafka]\n# c\nbad = 1\n", 6, "no such thing" },
		{ "[worker]\na_name = x\n[kafka]\na = 1\nbad = 1\na = 2", 5, "no such thing" },
		{ "[redis]\naddress = a\n", 0, "worker.a_name is required" },
		{ "", 0, "worker.a_name is required" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char where[100];

		snprintf(where, sizeof(where), "%s:%d: ", f->path, cases[i].line);
		if (load(f, cases[i].text))
			fail_msg("\"%s\": expected \"%s\"", cases[i].text, cases[i].problem);
		if (f->e.code != ERR_CONFIG ||
		    strstr(f->e.msg, cases[i].line == 0 ? f->path : where) == NULL ||
		    strstr(f->e.msg, cases[i].problem) == NULL)
			fail_msg("\"%s\": expected \"%s%s\", came \"%s\"", cases[i].text, where,
			    cases[i].problem, f->e.msg);
	}
}

/* inih cuts lines at 200 characters: here that is an error, never a shorter value. */
static void
config_cuts_no_line(void **state)
{
	struct fixture *f = *state;
	char text[800];
	int n = snprintf(text, sizeof(text), "[worker]\na_name=x\n[kafka]\n");

	for (size_t len = 150; len < 400; len += 7) {
		char want[500];
		bool done;

		snprintf(text + n, sizeof(text) - (size_t)n, "k=%0*d\n", (int)len, 7);
		snprintf(want, sizeof(want), "k=%0*d;", (int)len, 7);
		done = load(f, text);
		if (done && !slice_is(buf_slice(&f->passed), want))
			fail_msg("%zu characters: came shorter", len);
		if (!done && (len < 190 || strstr(f->e.msg, ":4: too long a line") == NULL))
			fail_msg("%zu characters: came %s", len, f->e.msg);
	}
}

static void
config_environment_wins(void **state)
{
	static const char text[] =
	    "[worker]\na_name = file\n[lanes]\nmint = 3\n[kafka]\nlinger.ms=1\n";
	struct fixture *f = *state;

	setenv("CMTEST_WORKER_A_NAME", "env", 1);
	setenv("CMTEST_LANES_MINT", "4", 1);
	setenv("CMTEST_KAFKA_SOCKET_NAGLE_DISABLE", "true", 1);
	setenv("CMTEST_KAFKA_BYTES", "2KiB", 1);
	setenv("CMTEST_KAFKA", "not of the section", 1);
	setenv("CMTEST_BIN", "of no section", 1);
	setenv("OTHER_LANES_MINT", "9", 1);
	expect_loaded(f, "environment over file", load(f, text));
	assert_string_equal(f->settings.name, "env");
	assert_int_equal(f->settings.lanes, 4);
	assert_int_equal(f->settings.bytes, 2048);
	assert_true(slice_is(buf_slice(&f->passed), "linger.ms=1;socket.nagle.disable=true;"));
	expect_loaded(f, "environment alone", load(f, NULL));
	assert_string_equal(f->settings.name, "env");
	unsetenv("CMTEST_WORKER_A_NAME");
	assert_false(load(f, NULL));
	assert_non_null(strstr(f->e.msg, "worker.a_name is required"));
	unsetenv("CMTEST_LANES_MINT");
	unsetenv("CMTEST_KAFKA_SOCKET_NAGLE_DISABLE");
	unsetenv("CMTEST_KAFKA_BYTES");
}

static void
config_names_variable(void **state)
{
	static const struct {
		const char *variable, *value, *problem;
	} cases[] = {
		{ "CMTEST_LANES_MINT", "many",
		    "CMTEST_LANES_MINT: lanes.mint = \"many\": a number is wanted" },
		{ "CMTEST_LANES_MYNT", "1", "CMTEST_LANES_MYNT: there is no such setting" },
		{ "CMTEST_KAFKA_BAD", "1", "CMTEST_KAFKA_BAD: no such thing" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		setenv(cases[i].variable, cases[i].value, 1);
		if (load(f, "[worker]\na_name = x\n") || f->e.code != ERR_CONFIG ||
		    strcmp(f->e.msg, cases[i].problem) != 0)
			fail_msg("%s: expected \"%s\", came \"%s\"", cases[i].variable,
			    cases[i].problem, f->e.msg);
		unsetenv(cases[i].variable);
	}
}

/* For what shows later: the last one that set it is to blame, and a default is nobody's. */
static void
config_keeps_origins(void **state)
{
	struct fixture *f = *state;
	struct config_origins origins = { 0 };
	const struct config_source from = {
		.path = f->path,
		.env_prefix = "CMTEST_",
		.pass_section = "kafka",
		.pass = take_passed,
		.opaque = f,
		.origins = &origins,
	};
	static const struct {
		const char *field, *want;
	} cases[] = {
		{ "worker.a_name", "CMTEST_WORKER_A_NAME: m" },
		{ "kafka.x.y", "CMTEST_KAFKA_X_Y: m" },
		{ "redis.timeout", "m" },
		{ "nothing", "m" },
	};
	char want[100];

	assert_true(load(f, "[worker]\na_name = x\n[lanes]\nmint = 2\n"));
	config_free(table, ROWS, &f->settings);
	setenv("CMTEST_WORKER_A_NAME", "y", 1);
	setenv("CMTEST_KAFKA_X_Y", "1", 1);
	assert_true(config_load(&from, table, ROWS, &f->settings, &f->e));
	unsetenv("CMTEST_WORKER_A_NAME");
	unsetenv("CMTEST_KAFKA_X_Y");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_false(err_field(&f->e, ERR_CONFIG, cases[i].field, "m"));
		assert_false(config_origin_blame(&origins, &f->e));
		assert_string_equal(f->e.msg, cases[i].want);
		assert_string_equal(f->e.field, cases[i].field);
	}
	snprintf(want, sizeof(want), "%s:4", f->path);
	assert_string_equal(config_origin_of(&origins, "lanes.mint"), want);
	assert_false(err_field(&f->e, ERR_STORE, "lanes.mint", "m"));
	assert_false(config_origin_blame(&origins, &f->e));
	assert_string_equal(f->e.msg, "m");
	config_origins_free(&origins);
	config_origins_free(&origins);
}

static void
config_needs_the_file(void **state)
{
	struct fixture *f = *state;
	struct config_source from = { .path = f->path, .env_prefix = "CMTEST_" };

	assert_false(config_load(&from, table, ROWS, &f->settings, &f->e));
	assert_non_null(strstr(f->e.msg, "c.ini: No such file or directory"));
	from.path = f->dir;
	assert_false(config_load(&from, table, ROWS, &f->settings, &f->e));
	assert_int_equal(f->e.code, ERR_CONFIG);
	assert_non_null(strstr(f->e.msg, f->dir));
}

/* What a function prints on standard output. */
static void
print_take(struct fixture *f, void (*print)(const struct setting *, size_t), char *ret, size_t size)
{
	int kept = dup(STDOUT_FILENO);
	FILE *file;

	fflush(stdout);
	assert_non_null(freopen(f->path, "w", stdout));
	print(table, ROWS);
	fflush(stdout);
	assert_true(dup2(kept, STDOUT_FILENO) >= 0);
	close(kept);
	file = fopen(f->path, "r");
	assert_non_null(file);
	ret[fread(ret, 1, size - 1, file)] = '\0';
	fclose(file);
}

/* As it stands, and with every semicolon before a setting taken away. */
static void
config_prints_a_sample(void **state)
{
	struct fixture *f = *state;
	char sample[2000];

	print_take(f, config_sample, sample, sizeof(sample));
	assert_non_null(strstr(
	    sample, "\n[redis]\n; host:port\n; (text, 1 to 40 characters)\n;address = here:1\n"));
	assert_non_null(strstr(sample, "; required)\n;a_name =\n"));
	assert_false(load(f, sample));
	assert_non_null(strstr(f->e.msg, "worker.a_name is required"));
	for (char *at = sample; (at = strstr(at, "\n;")) != NULL; at++)
		if (at[2] != ' ')
			at[1] = ' ';
	/* a section that comes again begins anew in the file, and a setting in it once */
	expect_loaded(f, "sample", load(f, sample));
	assert_string_equal(f->settings.address, "here:1");
	assert_string_equal(f->settings.name, "");
	assert_int_equal(f->settings.lanes, 1);
	assert_int_equal(f->settings.bytes, 4 << 20);
}

static void
config_prints_its_manual(void **state)
{
	static const char want[] =
	    "| setting | value | default | what it is |\n"
	    "| --- | --- | --- | --- |\n"
	    "| `redis.address` | text, 1 to 40 characters | `here:1` | host:port |\n"
	    "| `worker.a_name` | text, 0 to 10 characters | required | what it is called |\n"
	    "| `lanes.mint` | number, -2 to 64 | `1` | how many |\n"
	    "| `redis.timeout` | time span, 1s to 60s | `5s` | how long |\n"
	    "| `kafka.bytes` | size, 1024 to 1099511627776 | `4MiB` | how much |\n"
	    "| `worker.single` | true or false | `false` | whether |\n";
	struct fixture *f = *state;
	char came[2000];

	print_take(f, config_document, came, sizeof(came));
	assert_string_equal(came, want);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(config_reads_file_and_defaults),
		TEST(config_continues_lists),
		TEST(config_value_table),
		TEST(config_names_file_and_line),
		TEST(config_cuts_no_line),
		TEST(config_environment_wins),
		TEST(config_names_variable),
		TEST(config_keeps_origins),
		TEST(config_needs_the_file),
		TEST(config_prints_a_sample),
		TEST(config_prints_its_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
