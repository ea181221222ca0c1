/* The worker's settings: defaults, what comes from where, derived names, and which topics an answer may go to. */
#include "key.h"
#include "settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
	char folder[64], path[96], secret[96];
	struct settings s;
	struct err e;
};

/* Nothing that the machine has set may come in. */
static void
environment_clear(void)
{
	static const char prefix[] = "CERTMILL_";

	for (char **at = environ; *at != NULL;) {
		char name[256];

		snprintf(name, sizeof(name), "%.*s", (int)strcspn(*at, "="), *at);
		if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || unsetenv(name) != 0)
			at++;
	}
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	environment_clear();
	strcpy(f->folder, "/tmp/certmill-settings-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->path, sizeof(f->path), "%s/worker.ini", f->folder);
	snprintf(f->secret, sizeof(f->secret), "%s/password", f->folder);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	settings_free(&f->s);
	(void)unlink(f->path);
	(void)unlink(f->secret);
	(void)rmdir(f->folder);
	free(f);
	environment_clear();
	return 0;
}

static void
file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
}

/* Loads the text as the file; the KEK's path is given. */
static bool
load(struct fixture *f, const char *text)
{
	settings_free(&f->s);
	f->e = (struct err){ 0 };
	file_write(f->path, text);
	assert_int_equal(setenv("CERTMILL_KEYS_KEK_FILE", "/the/kek", 1), 0);
	return settings_load(f->path, &f->s, &f->e);
}

static void
load_good(struct fixture *f, const char *text)
{
	if (!load(f, text))
		fail_msg("%s: %s", text, f->e.msg);
}

static void
test_defaults(void **state)
{
	struct fixture *f = *state;
	char host[256] = "";

	load_good(f, "");
	gethostname(host, sizeof(host) - 1);
	assert_string_equal(f->s.brokers, "127.0.0.1:9092");
	assert_string_equal(f->s.store.address, "127.0.0.1:6379");
	assert_string_equal(f->s.reply_allow, "certmill.responses*");
	assert_string_equal(f->s.slot, host);
	assert_string_equal(f->s.kek_file, "/the/kek");
	assert_int_equal(f->s.batch_max, 1000);
	assert_int_equal(f->s.batch_bytes, 4 << 20);
	assert_int_equal(f->s.batch_budget_ms, 1000);
	assert_int_equal(f->s.dedup_window, 3600);
	assert_int_equal(f->s.replay_window, 600);
	assert_true(f->s.leave_on_stop);
	assert_false(f->s.single);
	assert_false(f->s.dev);
	assert_false(f->s.queue.mock);
	for (int i = 0; i < LANE_KINDS; i++)
		assert_int_equal(f->s.lanes[i], 1);
	assert_null(f->s.store.sentinels);
	assert_null(f->s.store.tls);
	assert_null(f->s.store.user);
	assert_null(f->s.store.password);
	assert_int_equal(f->s.store.timeout_ms, 5000);
	assert_string_equal(f->s.queue.brokers, f->s.brokers);
	assert_string_equal(f->s.queue.client_id, host);
	assert_int_equal(f->s.queue.extra_count, 0);
}

/* The names that programs and ACLs are written against. */
static void
test_names(void **state)
{
	static const char *const requests[] = { "x.y.issue", "x.y.sign", "x.y.revoke", "x.y.config",
		"x.y.query" };
	static const char *const ledgers[] = { "x.y.certs", "x.y.revoked", "x.y.state", "x.y.crl",
		"x.y.ca", "x.y.audit", "x.y.rejects", "x.y.responses" };
	static const char *const groups[] = { "x.y-mint", "x.y-control", "x.y-query" };
	static const enum lane_kind lanes[] = { LANE_MINT, LANE_MINT, LANE_CONTROL, LANE_CONTROL,
		LANE_QUERY };
	struct fixture *f = *state;

	load_good(f, "[topics]\nprefix = x.y\n");
	assert_int_equal(COUNT(requests), TOPIC_KINDS);
	assert_int_equal(COUNT(ledgers), LEDGER_KINDS);
	assert_string_equal(f->s.reply_allow, "x.y.responses*");
	for (size_t i = 0; i < TOPIC_KINDS; i++) {
		assert_string_equal(f->s.request_topics[i], requests[i]);
		assert_int_equal(settings_topic_kind(&f->s, requests[i]), i);
		assert_int_equal(settings_lane_of((enum topic_kind)i), lanes[i]);
	}
	for (size_t i = 0; i < LEDGER_KINDS; i++) {
		assert_string_equal(f->s.ledger_topics[i], ledgers[i]);
		assert_int_equal(settings_topic_kind(&f->s, ledgers[i]), TOPIC_KINDS);
	}
	for (size_t i = 0; i < LANE_KINDS; i++)
		assert_string_equal(f->s.groups[i], groups[i]);
	assert_int_equal(settings_topic_kind(&f->s, ""), TOPIC_KINDS);
	assert_int_equal(settings_topic_kind(&f->s, "x.y.issue2"), TOPIC_KINDS);
}

/* worker.slot, then CERTMILL_SLOT, then the host's name. */
/* What the table allows, the pool takes. */
static void
test_largest_pool(void **state)
{
	struct fixture *f = *state;
	struct key_pool *p;

	load_good(f, "[keys]\npool_threads = 64\npool_size = 64\n");
	p = key_pool_start((size_t)f->s.key_pool_threads, (size_t)f->s.key_pool_size, &f->e);
	assert_non_null(p);
	key_pool_stop(p);
	assert_false(load(f, "[keys]\npool_size = 65\n"));
	assert_false(load(f, "[keys]\npool_threads = 65\n"));
}

static void
test_slot(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setenv("CERTMILL_SLOT", "ordinal-3", 1), 0);
	load_good(f, "");
	assert_string_equal(f->s.slot, "ordinal-3");
	assert_string_equal(f->s.queue.client_id, "ordinal-3");
	load_good(f, "[worker]\nslot = mine\n");
	assert_string_equal(f->s.slot, "mine");
	assert_int_equal(setenv("CERTMILL_WORKER_SLOT", "theirs", 1), 0);
	load_good(f, "[worker]\nslot = mine\n");
	assert_string_equal(f->s.slot, "theirs");
}

static void
test_environment_wins(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(setenv("CERTMILL_LANES_BATCH_MAX", "7", 1), 0);
	assert_int_equal(setenv("CERTMILL_WINDOWS_DEDUP", "2h", 1), 0);
	assert_int_equal(setenv("CERTMILL_KAFKA_SOCKET_TIMEOUT_MS", "4000", 1), 0);
	load_good(f, "[lanes]\nbatch_max = 9\n[windows]\ndedup = 3h\n");
	assert_int_equal(f->s.batch_max, 7);
	assert_int_equal(f->s.dedup_window, 7200);
	assert_int_equal(f->s.queue.extra_count, 1);
	assert_string_equal(f->s.queue.extra[0].name, "socket.timeout.ms");
	assert_string_equal(f->s.queue.extra[0].value, "4000");
}

/* `dev` would otherwise write to the fleet that a shell is set up for */
static void
test_file_alone(void **state)
{
	struct fixture *f = *state;

	file_write(f->path,
	    "[kafka]\nbrokers = file:1\n[keys]\nkek_file = /file/kek\n[worker]\nslot = file\n");
	assert_int_equal(setenv("CERTMILL_KAFKA_BROKERS", "environment:1", 1), 0);
	assert_int_equal(setenv("CERTMILL_KAFKA_SECURITY_PROTOCOL", "ssl", 1), 0);
	assert_int_equal(setenv("CERTMILL_REDIS_ADDRESS", "environment:2", 1), 0);
	assert_int_equal(setenv("CERTMILL_KEYS_KEK_FILE", "/environment/kek", 1), 0);
	assert_int_equal(setenv("CERTMILL_NO_SUCH", "1", 1), 0);
	assert_int_equal(setenv("CERTMILL_LANES_MANY", "1", 1), 0);
	assert_int_equal(setenv("CERTMILL_SLOT", "environment", 1), 0);
	if (!settings_load_file(f->path, &f->s, &f->e))
		fail_msg("%s", f->e.msg);
	assert_string_equal(f->s.brokers, "file:1");
	assert_string_equal(f->s.store.address, "127.0.0.1:6379");
	assert_string_equal(f->s.kek_file, "/file/kek");
	assert_string_equal(f->s.slot, "file");
	assert_int_equal(f->s.kafka_count, 0);
	settings_free(&f->s);
	file_write(f->path, "");
	assert_false(settings_load_file(f->path, &f->s, &f->e));
	assert_string_equal(f->e.field, "keys.kek_file");
}

static void
test_kafka_passes(void **state)
{
	struct fixture *f = *state;

	load_good(f, "[kafka]\nbrokers = a:1,b:2\nsecurity.protocol = ssl\nlinger.ms = 3\n");
	assert_string_equal(f->s.queue.brokers, "a:1,b:2");
	assert_int_equal(f->s.queue.extra_count, 2);
	assert_string_equal(f->s.queue.extra[0].name, "security.protocol");
	assert_string_equal(f->s.queue.extra[0].value, "ssl");
	assert_string_equal(f->s.queue.extra[1].name, "linger.ms");
	assert_string_equal(f->s.queue.extra[1].value, "3");
}

static void
test_password(void **state)
{
	struct fixture *f = *state;
	char text[256];

	file_write(f->secret, "s3cret word\r\nsecond line");
	snprintf(text, sizeof(text), "[redis]\nuser = certmill\npassword_file = %s\n", f->secret);
	load_good(f, text);
	assert_string_equal(f->s.store.user, "certmill");
	assert_string_equal(f->s.store.password, "s3cret word");
	assert_int_equal(chmod(f->secret, 0666), 0);
	assert_false(load(f, text));
	assert_string_equal(f->e.field, "redis.password_file");
	assert_non_null(strstr(f->e.msg, "mode 666"));
	file_write(f->secret, "\n");
	assert_int_equal(chmod(f->secret, 0600), 0);
	assert_false(load(f, text));
	assert_non_null(strstr(f->e.msg, "no password"));
	snprintf(text, sizeof(text), "[redis]\npassword_file = %s/none\n", f->folder);
	assert_false(load(f, text));
	assert_int_equal(f->e.code, ERR_CONFIG);
	assert_non_null(strstr(f->e.msg, "redis.password_file"));
}

/* One line that names what is wrong and where it stands: the file's line, or the variable. */
static void
test_refused_with_source(void **state)
{
	static const struct {
		const char *text;
		const char *variable, *value; /* the environment's, NULL: none */
		int line;                     /* 0: it is the variable's fault */
		const char *field;
	} cases[] = {
		{ "[worker]\nlog_level = loud\n", NULL, NULL, 2, "worker.log_level" },
		{ "[worker]\nslot = a b\n", NULL, NULL, 2, "worker.slot" },
		{ "[worker]\nslot = a\n", "CERTMILL_WORKER_SLOT", "a/b", 0, "worker.slot" },
		{ "", "CERTMILL_SLOT", "a b", 0, "worker.slot" },
		{ "\n[topics]\nprefix = x/y\n", NULL, NULL, 3, "topics.prefix" },
		{ "[lanes]\nmint=0\nquery=0\ncontrol=0\n", NULL, NULL, 2, "lanes.mint" },
		{ "[windows]\nreplay = 2h\n", NULL, NULL, 2, "windows.replay" },
		{ "[windows]\n\ndedup = 5m\n", NULL, NULL, 3, "windows.dedup" },
		{ "[windows]\nreplay = 2h\n", "CERTMILL_WINDOWS_REPLAY", "3h", 0,
		    "windows.replay" },
		{ "[redis]\naddress = here\n", NULL, NULL, 2, "redis.address" },
		{ "", "CERTMILL_REDIS_ADDRESS", "here:port", 0, "redis.address" },
		{ "[redis]\npassword_file = /nonexistent\n", NULL, NULL, 2, "redis.password_file" },
		{ "[lanes]\nmint = many\n", NULL, NULL, 2, "lanes.mint" },
		{ "", "CERTMILL_LANES_MINT", "many", 0, "lanes.mint" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char source[160];

		if (cases[i].variable != NULL)
			assert_int_equal(setenv(cases[i].variable, cases[i].value, 1), 0);
		if (load(f, cases[i].text))
			fail_msg("%s is taken", cases[i].text);
		if (cases[i].variable != NULL)
			assert_int_equal(unsetenv(cases[i].variable), 0);
		if (cases[i].line > 0)
			snprintf(source, sizeof(source), "%s:%d: ", f->path, cases[i].line);
		else
			snprintf(source, sizeof(source), "%s: ", cases[i].variable);
		assert_int_equal(f->e.code, ERR_CONFIG);
		assert_string_equal(f->e.field, cases[i].field);
		if (strncmp(f->e.msg, source, strlen(source)) != 0 ||
		    strstr(f->e.msg, cases[i].field) == NULL || strchr(f->e.msg, '\n') != NULL)
			fail_msg("%s: expected \"%s\" and %s, got \"%s\"", cases[i].text, source,
			    cases[i].field, f->e.msg);
	}
	assert_int_equal(unsetenv("CERTMILL_KEYS_KEK_FILE"), 0);
	assert_false(settings_load(f->path, &f->s, &f->e));
	assert_non_null(strstr(f->e.msg, f->path));
	assert_non_null(strstr(f->e.msg, "CERTMILL_KEYS_KEK_FILE"));
}

static void
test_refused(void **state)
{
	static const struct {
		const char *text, *names; /* what the message names */
	} cases[] = {
		{ "[lanes]\nbatch_max = 0\n", "lanes.batch_max" },
		{ "[lanes]\nbatch_max = 10001\n", "lanes.batch_max" },
		{ "[lanes]\nmint = many\n", "lanes.mint" },
		{ "[lanes]\nmint = 0\ncontrol = 0\nquery = 0\n", "serve nothing" },
		{ "[lanes]\nbatch_bytes = 100\n", "lanes.batch_bytes" },
		{ "[windows]\ndedup = 1s\n", "windows.dedup" },
		{ "[windows]\ndedup = 5m\n", "windows.replay" },
		{ "[worker]\nlog_level = loud\n", "worker.log_level" },
		{ "[worker]\nno_such = 1\n", "no_such" },
		{ "[topics]\nprefix =\n", "topics.prefix" },
		{ "[topics]\npartitions = 257\n", "topics.partitions" },
		{ "[redis]\ntimeout = 0s\n", "redis.timeout" },
		{ "[redis]\nsentinels = a:1\n", "redis.sentinel_master" },
		{ "[redis]\nsentinel_master = m\n", "redis.sentinels" },
		{ "[redis]\nsentinels = a\nsentinel_master = m\n", "redis.sentinels" },
		{ "[redis]\naddress = a:1\nsentinels = b:2\nsentinel_master = m\n",
		    "redis.address" },
		{ "[redis]\nsentinel_password_file = /none\nsentinels = b:2\nsentinel_master = m\n",
		    "redis.sentinel_password_file" },
		{ "[redis]\ntls_ca_file = /ca\n", "redis.tls" },
		{ "[redis]\ntls = true\ntls_ca_file = /none\n", "redis.tls_ca_file" },
		{ "[redis]\ntls = true\ntls_cert_file = /none\n", "redis.tls_key_file" },
		{ "[redis]\ntls = true\naddress = /socket\n", "redis.tls" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		if (load(f, cases[i].text))
			fail_msg("%s is taken", cases[i].text);
		if (f->e.code != ERR_CONFIG || strstr(f->e.msg, cases[i].names) == NULL)
			fail_msg("%s: expected config and %s, got %s: %s", cases[i].text,
			    cases[i].names, err_name(f->e.code), f->e.msg);
	}
	assert_int_equal(unsetenv("CERTMILL_KEYS_KEK_FILE"), 0);
	assert_false(settings_load(NULL, &f->s, &f->e));
	assert_string_equal(f->e.field, "keys.kek_file");
}

static void
test_reply_allow(void **state)
{
	static const struct {
		const char *allow; /* NULL: the default */
		struct slice topic;
		bool allowed;
	} cases[] = {
		/* clang-format off */
		{ NULL, SLICE_INIT("certmill.responses"), true },
		{ NULL, SLICE_INIT("certmill.responses.web"), true },
		{ NULL, SLICE_INIT("certmill.response"), false },
		{ NULL, SLICE_INIT("xcertmill.responses"), false },
		{ NULL, SLICE_INIT("certmill.issue"), false },
		{ NULL, SLICE_INIT(""), false },
		{ NULL, SLICE_INIT("certmill.responses/../x"), false },
		{ NULL, SLICE_INIT("certmill.responses\0x"), false },
		{ NULL, SLICE_INIT("certmill.responses x"), false },
		{ NULL, SLICE_INIT("certmill.responses\n"), false },
		{ NULL, SLICE_INIT("certmill.responses\xc3\xa4"), false },
		{ "a,b*", SLICE_INIT("a"), true },
		{ "a,b*", SLICE_INIT("ab"), false },
		{ "a,b*", SLICE_INIT("b"), true },
		{ "a,b*", SLICE_INIT("bcd"), true },
		{ "a,b*", SLICE_INIT("a,b"), false },
		{ "a,b*", SLICE_INIT("b*"), false },
		{ "a , b", SLICE_INIT("a"), true },
		{ "a , b", SLICE_INIT("b"), true },
		{ ",,", SLICE_INIT("a"), false },
		{ "a*b", SLICE_INIT("a*b"), false },
		{ "a*b", SLICE_INIT("axb"), false },
		/* an answer that stood here would be taken for a request or a record */
		{ "*", SLICE_INIT("anything"), true },
		{ "*", SLICE_INIT("certmill.responses"), true },
		{ "*", SLICE_INIT("certmill.issue"), false },
		{ "*", SLICE_INIT("certmill.query"), false },
		{ "*", SLICE_INIT("certmill.state"), false },
		{ "*", SLICE_INIT("certmill.rejects"), false },
		{ "certmill.certs", SLICE_INIT("certmill.certs"), false },
		/* clang-format on */
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[128];

		snprintf(text, sizeof(text), "[topics]\nreply_allow = %s\n",
		    cases[i].allow == NULL ? "" : cases[i].allow);
		load_good(f, cases[i].allow == NULL ? "" : text);
		if (settings_allow_reply(&f->s, cases[i].topic) != cases[i].allowed)
			fail_msg("%s: \"%.*s\" (case %zu): expected %s", f->s.reply_allow,
			    SLICE_FMT(cases[i].topic), i, cases[i].allowed ? "yes" : "no");
	}
}

/* Kafka's longest name */
static void
test_reply_length(void **state)
{
	struct fixture *f = *state;
	char name[251];

	memset(name, 'a', sizeof(name));
	load_good(f, "[topics]\nreply_allow = *\n");
	assert_true(settings_allow_reply(&f->s, slice_of(name, 249)));
	assert_false(settings_allow_reply(&f->s, slice_of(name, 250)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_largest_pool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slot, setup, teardown),
		cmocka_unit_test_setup_teardown(test_environment_wins, setup, teardown),
		cmocka_unit_test_setup_teardown(test_file_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kafka_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_password, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_with_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_allow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reply_length, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
