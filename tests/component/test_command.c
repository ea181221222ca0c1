/* The commands whole, against a worker that this test plays: what is printed, and how they end. */
#include "mock_fixture.h"

#include "fake_worker.h"

#include "command_fixture.h"

#include <fcntl.h>
#include <stdlib.h>

/* Two pages of keys: a b, and c behind b. */
static void
page_write(const struct request_envelope *rq, struct writer *w)
{
	bool second = rq->params.data != NULL &&
	    memmem(rq->params.data, rq->params.len, "after", 5) != NULL;

	writer_map(w, second ? 1 : 2);
	writer_cstr(w, "keys");
	writer_array(w, second ? 1 : 2);
	writer_cstr(w, second ? "c" : "a");
	if (second)
		return;
	writer_cstr(w, "b");
	fake_pair(w, "next", SLICE_LITERAL("b"));
}

static void
issue_write(struct writer *w)
{
	writer_map(w, 4);
	fake_pair(w, "certificate", SLICE_LITERAL("-----BEGIN\n"));
	fake_pair(w, "lease_id", SLICE_LITERAL("pki/issue/web/5e-62"));
	writer_cstr(w, "lease_duration");
	writer_int(w, 259200);
	writer_cstr(w, "renewable");
	writer_bool(w, false);
}

static enum fake_answer
decide(const struct request_envelope *rq, struct writer *data)
{
	if (slice_is(rq->role, "forbidden"))
		return FAKE_REFUSED;
	if (slice_is(rq->role, "silent"))
		return FAKE_SILENT;
	if (slice_is(rq->op, "mount/list")) {
		mount_list_write(data);
	} else if (slice_is(rq->op, "role/list")) {
		page_write(rq, data);
	} else if (slice_is(rq->op, "issue")) {
		issue_write(data);
	} else if (slice_is(rq->op, "ca/read")) {
		writer_map(data, 1);
		fake_pair(data, "certificate", SLICE_LITERAL("AQID"));
	} else {
		writer_map(data, 0);
	}
	return slice_is(rq->role, "again") ? FAKE_REPLAYED : FAKE_OK;
}

static const struct {
	const char *line;
	enum status status;
	const char *out, *err; /* the whole output; what stands in the error */
} cases[] = {
	/* clang-format off */
	{ "mount pki", STATUS_OK, "Successfully mounted 'pki' at 'pki'!\n", "" },
	{ "mount -path=inner/ pki", STATUS_OK, "Successfully mounted 'pki' at 'inner'!\n", "" },
	{ "mount ssh", STATUS_FAILED, "", "only `pki` can be mounted" },
	{ "mount", STATUS_FAILED, "", "usage: certmill mount [OPTION...] pki [KEY=VALUE...]\n" },
	{ "mount -max-lease-ttl=1h pki max_ttl=2h", STATUS_FAILED, "", "max_ttl stands twice" },
	{ "mount-tune -max-lease-ttl=768h inner/", STATUS_OK, "Successfully tuned mount 'inner'!\n", "" },
	{ "mount-tune", STATUS_FAILED, "", "usage: certmill mount-tune" },
	{ "mount-tune -description=x inner", STATUS_FAILED, "", "has no option -description" },
	{ "unmount inner/", STATUS_OK, "Successfully unmounted 'inner'!\n", "" },
	{ "unmount inner outer", STATUS_FAILED, "", "usage: certmill unmount" },
	{ "mounts", STATUS_OK, "Path  Type  Default TTL  Max TTL  Description\n", "" },
	{ "mounts pki", STATUS_FAILED, "", "usage: certmill mounts" },
	{ "write pki/roles/web allow_subdomains=true", STATUS_OK, "Success! Data written to: pki/roles/web\n", "" },
	{ "patch pki/roles/web allow_subdomains=true", STATUS_OK, "Success! Data written to: pki/roles/web\n", "" },
	{ "delete pki/roles/web", STATUS_OK, "Success! Deleted 'pki/roles/web'\n", "" },
	{ "revoke pki/issue/web/5e-62", STATUS_OK, "Success! Revoked: pki/issue/web/5e-62\n", "" },
	{ "revoke pki/web/5e-62", STATUS_FAILED, "", "\"pki/web/5e-62\" is no lease id" },
	{ "revoke /issue/web/5e-62", STATUS_FAILED, "", "is no lease id" },
	{ "revoke pki/issue/web/5e-62 lease_id=x", STATUS_FAILED, "", "lease_id stands twice" },
	{ "write pki/issue/web common_name=a", STATUS_OK,
	    "Key              Value\nlease_id         pki/issue/web/5e-62\nlease_duration   259200\nlease_renewable  false\n"
	    "certificate      -----BEGIN\n", "" },
	{ "write -field=certificate pki/issue/web common_name=a", STATUS_OK, "-----BEGIN\n", "" },
	{ "write -field=lease_renewable pki/issue/web common_name=a", STATUS_OK, "false", "" },
	{ "write -field=nothing pki/issue/web common_name=a", STATUS_FAILED, "", "no field \"nothing\"" },
	/* the source document's form */
	{ "write -format=json -id=i1 pki/issue/web", STATUS_OK,
	    "{\n  \"id\": \"i1\",\n  \"lease_id\": \"pki/issue/web/5e-62\",\n  \"renewable\": false,\n  \"lease_duration\": 259200,\n"
	    "  \"data\": {\n    \"certificate\": \"-----BEGIN\\n\"\n  },\n  \"warnings\": []\n}\n", "" },
	{ "write -format=json -id=i2 pki/config/urls", STATUS_OK,
	    "{\n  \"id\": \"i2\",\n  \"lease_id\": \"\",\n  \"renewable\": false,\n  \"lease_duration\": 0,\n  \"data\": {},\n  \"warnings\": []\n}\n", "" },
	{ "read -format=json -id=i3 pki/roles/again", STATUS_OK,
	    "{\n  \"id\": \"i3\",\n  \"lease_id\": \"\",\n  \"renewable\": false,\n  \"lease_duration\": 0,\n  \"data\": {},\n  \"warnings\": [],\n"
	    "  \"replayed\": true\n}\n", "" },
	{ "write -format=json -id=i4 pki/issue/forbidden", STATUS_REFUSED,
	    "{\n  \"id\": \"i4\",\n  \"error\": {\n    \"code\": \"name_not_allowed\",\n    \"message\": \"the role does not allow it\",\n"
	    "    \"field\": \"common_name\",\n    \"retryable\": false\n  },\n  \"warnings\": []\n}\n", "Error: the role does not allow it" },
	{ "list -format=json -id=i5 pki/roles", STATUS_OK,
	    "{\n  \"id\": \"i5\",\n  \"lease_id\": \"\",\n  \"renewable\": false,\n  \"lease_duration\": 0,\n  \"data\": {\n    \"keys\": [\n"
	    "      \"a\",\n      \"b\"\n    ],\n    \"next\": \"b\"\n  },\n  \"warnings\": []\n}\n", "" },
	{ "write -format=xml pki/issue/web", STATUS_FAILED, "", "-format is table or json" },
	{ "write -format=json -field=a pki/issue/web", STATUS_FAILED, "", "give one of them" },
	{ "write pki/issue/forbidden common_name=a", STATUS_REFUSED, "",
	    "Error: the role does not allow it (code name_not_allowed, field common_name)\n" },
	{ "write pki/issue/silent -timeout=1s", STATUS_UNANSWERED, "", "no answer to" },
	{ "write pki/nowhere a=b", STATUS_FAILED, "", "there is no path" },
	{ "patch pki/issue/web a=b", STATUS_FAILED, "", "there is no `patch` on" },
	{ "write pki/issue/web novalue", STATUS_FAILED, "", "is no key=value" },
	{ "write", STATUS_FAILED, "", "usage: certmill write" },
	{ "read pki/ca", STATUS_OK, "\x01\x02\x03", "" },
	{ "read pki/ca/pem", STATUS_OK, "AQID", "" },
	{ "read pki/ca format=pem", STATUS_FAILED, "", "the path says format already" },
	{ "list pki/roles", STATUS_OK, "Keys\na\nb\nc\n", "" },
	{ "list pki/roles limit=2", STATUS_OK, "Keys\na\nb\n", "There are more: after=b" },
	{ "list pki/roles after=b", STATUS_OK, "Keys\nc\n", "" },
	{ "list -field=keys pki/roles", STATUS_OK, "a\nb\nc", "" },
	{ "explode", STATUS_FAILED, "", "there is no command \"explode\"" },
	{ "read -seal pki/roles/web", STATUS_FAILED, "", "`certmill read` has no option -seal" },
	/* clang-format on */
};

static void
commands_do_as_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outcome o = run(cases[i].line);

		if (o.status != cases[i].status)
			fail_msg("%s: expected status %d, came %d: %s", cases[i].line,
			    (int)cases[i].status, (int)o.status, o.err);
		if (strcmp(o.out, cases[i].out) != 0)
			fail_msg("%s: expected\n%s\ncame\n%s", cases[i].line, cases[i].out, o.out);
		if (strstr(o.err, cases[i].err) == NULL ||
		    (cases[i].err[0] == '\0' && o.err[0] != '\0'))
			fail_msg("%s: expected the error \"%s\", came \"%s\"", cases[i].line,
			    cases[i].err, o.err);
	}
}

static void
no_broker_has_its_own_status(void **state)
{
	struct outcome o = run_on("127.0.0.1:1", "mounts");

	(void)state;
	assert_int_equal(o.status, STATUS_NO_BROKER);
	assert_non_null(strstr(o.err, "127.0.0.1:1"));
}

/* The terminal's side of a new pseudo-terminal, whose other side is *ret_other. */
static FILE *
terminal_open(int *ret_other)
{
	FILE *terminal;

	*ret_other = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(*ret_other >= 0);
	assert_int_equal(grantpt(*ret_other), 0);
	assert_int_equal(unlockpt(*ret_other), 0);
	terminal = fopen(ptsname(*ret_other), "r+e");
	assert_non_null(terminal);
	return terminal;
}

/* What came out at the other side of the terminal: at least this text, or what there is after a while. */
static void
expect_on_terminal(int other, const char *text)
{
	char seen[1024] = "";
	size_t len = 0;

	while (strstr(seen, text) == NULL) {
		ssize_t n = read(other, seen + len, sizeof(seen) - 1 - len);

		if (n <= 0)
			fail_msg("\"%s\" does not come on the terminal: %s", text, seen);
		len += (size_t)n;
		seen[len] = '\0';
	}
}

static enum status
run_on_terminal(const char *line, const char *more)
{
	int other;
	SCOPED(FILE) terminal = terminal_open(&other);
	int saved_out = redirect(STDOUT_FILENO, terminal);
	int saved_err = redirect(STDERR_FILENO, terminal);
	enum status status = line_run(queue_mock_brokers(mock), line);

	fflush(stdout);
	dup2(saved_out, STDOUT_FILENO);
	dup2(saved_err, STDERR_FILENO);
	close(saved_out);
	close(saved_err);
	expect_on_terminal(other, more);
	close(other);
	return status;
}

static void
der_is_not_for_a_terminal(void **state)
{
	(void)state;
	assert_int_equal(
	    run_on_terminal("read pki/ca", "that is DER, not for a terminal"), STATUS_FAILED);
	assert_int_equal(run_on_terminal("read pki/ca/pem", "AQID"), STATUS_OK);
}

/* ---- help ---- */

static void
expect_help(const char *line, const char *const *parts)
{
	struct outcome o = run(line);
	const char *at = o.out;

	assert_int_equal(o.status, STATUS_OK);
	for (; *parts != NULL; parts++) {
		at = strstr(at, *parts);
		if (at == NULL)
			fail_msg("%s: \"%s\" does not stand, or not in its place, in\n%s", line,
			    *parts, o.out);
	}
}

static void
help_says_what_there_is(void **state)
{
	static const char *const all[] = { "mount ", "mount-tune", "path-help", "-brokers",
		"write   MOUNT/config/ca ", "Exit status:", "  4  no broker", NULL };
	static const char *const tune[] = { "usage: certmill mount-tune [OPTION...] MOUNT",
		"-default-lease-ttl", "-brokers", "Keys:", "default_ttl (duration", NULL };

	(void)state;
	expect_help("help", all);
	expect_help("mount-tune -help", tune);
}

static void
paths_have_help(void **state)
{
	static const char *const issue[] = { "certmill write inner/issue/:role\n",
		"Makes a private key and a certificate for it.", "on the topic .issue", "-seal-to",
		"Parameters:", "    common_name (text", "The subject's common name",
		"Answer:", "    private_key (text)\n", NULL };
	static const char *const generate[] = {
		"certmill write pki/config/ca/generate/root/:exported\n", "    exported (text",
		"It stands in the path.", NULL
	};
	static const char *const ca[] = { "certmill read pki/ca\n",
		"Answers the bytes alone, as DER", "Paths below it:", "read   pki/ca/pem\n", NULL };
	static const char *const mount[] = { "Paths:\n", "write  pki/config/ca\n",
		"        Gives the mount its CA certificate and key.\n", "patch  pki/roles/:role\n",
		NULL };
	struct outcome o;

	(void)state;
	expect_help("path-help inner/issue/web", issue);
	expect_help("path-help pki/config/ca/generate/root/exported", generate);
	expect_help("path-help pki/ca", ca);
	expect_help("path-help pki", mount);
	expect_help("path-help /pki/", mount);
	o = run("path-help pki/ca");
	assert_null(strstr(o.out, "Parameters:")); /* the path says all there is */
	o = run("path-help pki/nowhere");
	assert_int_equal(o.status, STATUS_FAILED);
	assert_non_null(strstr(o.err, "there is no path pki/nowhere"));
}

/* ---- request files ---- */

static void
a_file_is_answered_in_order(void **state)
{
	static const char file[] =
	    "{\"id\": \"1\", \"op\": \"issue\", \"role\": \"web\"}\n"
	    "\n"
	    "{\"id\": \"2\", \"op\": \"issue\", \"role\": \"forbidden\"}\n"
	    "no JSON\n"
	    "{\"id\": \"3\", \"op\": \"no/such\"}\n"
	    "{\"id\": \"4\", \"op\": \"role/write\", \"role\": \"web\", \"params\": {}}\n";
	static const char want[] =
	    "{\"id\":\"1\",\"data\":{\"certificate\":\"-----BEGIN\\n\",\"lease_id\":\"pki/issue/web/5e-62\",\"lease_duration\":259200,"
	    "\"renewable\":false},\"warnings\":[]}\n"
	    "{\"id\":\"2\",\"error\":{\"code\":\"name_not_allowed\",\"message\":\"the role does not allow it\","
	    "\"field\":\"common_name\",\"retryable\":false},\"warnings\":[]}\n"
	    "{\"id\":null,\"error\":{\"code\":\"malformed\",\"message\":\"line 4 is no JSON object\",\"retryable\":false}}\n"
	    "{\"id\":\"3\",\"error\":{\"code\":\"unknown_op\",\"message\":\"there is no operation \\\"no/such\\\" here, so no topic to "
	    "send it to\",\"field\":\"op\",\"retryable\":false}}\n"
	    "{\"id\":\"4\",\"data\":{},\"warnings\":[]}\n";
	struct outcome o = run_with_file("request FILE", file);

	(void)state;
	if (strcmp(o.out, want) != 0)
		fail_msg("expected\n%s\ncame\n%s\n%s", want, o.out, o.err);
	assert_int_equal(o.status, STATUS_REFUSED);
}

static void
a_file_of_many_is_answered_in_order(void **state)
{
	struct buf SCOPED_BUF file = { 0 };
	struct outcome o;
	const char *at;

	(void)state;
	buf_init(&file, 65536);
	for (int i = 0; i < 600; i++)
		buf_printf(&file, "{\"id\":\"n%d\",\"op\":\"role/write\"}\n", i);
	buf_add_byte(&file, 0);
	o = run_with_file("request FILE", (const char *)file.data);
	assert_int_equal(o.status, STATUS_OK);
	at = o.out;
	for (int i = 0; i < 600; i++) {
		char line[64];

		(void)snprintf(
		    line, sizeof(line), "{\"id\":\"n%d\",\"data\":{},\"warnings\":[]}\n", i);
		if (strncmp(at, line, strlen(line)) != 0)
			fail_msg("expected %s, came %.60s", line, at);
		at += strlen(line);
	}
}

static int
begin(void **state)
{
	(void)state;
	return world(decide);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_do_as_they_say),
		cmocka_unit_test(no_broker_has_its_own_status),
		cmocka_unit_test(der_is_not_for_a_terminal),
		cmocka_unit_test(help_says_what_there_is),
		cmocka_unit_test(paths_have_help),
		cmocka_unit_test(a_file_is_answered_in_order),
		cmocka_unit_test(a_file_of_many_is_answered_in_order),
	};

	return cmocka_run_group_tests(tests, begin, world_end);
}
