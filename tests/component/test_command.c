/* The commands whole, against a worker that this test plays: what goes onto the topics, what is printed, how they end. */
#include "mock_fixture.h"

#include "command.h"
#include "encode.h"
#include "fake_worker.h"
#include "scoped_openssl.h"
#include "seal.h"

#include <openssl/evp.h>
#include <unistd.h>

#define PKCS8 "-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n"
#define CERT  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

static EVP_PKEY *fleet;
static struct queue_reader *config; /* everything that was sent to .config */

static void
mount_list_write(struct writer *w)
{
	struct buf SCOPED_BUF x = { 0 };
	uint8_t raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(fleet, raw, &len) != 1)
		abort();
	buf_init(&x, 64);
	base64url_add(&x, slice_of(raw, len));
	writer_map(w, 2);
	writer_cstr(w, "mounts");
	writer_array(w, 0);
	writer_cstr(w, "seal_key");
	writer_map(w, 3);
	fake_pair(w, "kty", SLICE_LITERAL("OKP"));
	fake_pair(w, "crv", SLICE_LITERAL("X25519"));
	fake_pair(w, "x", buf_slice(&x));
}

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
		writer_map(data, 2);
		fake_pair(data, "certificate", SLICE_LITERAL("-----BEGIN\n"));
		fake_pair(data, "lease_id", SLICE_LITERAL("l1"));
	} else if (slice_is(rq->op, "ca/read")) {
		writer_map(data, 1);
		fake_pair(data, "certificate", SLICE_LITERAL("AQID"));
	} else {
		writer_map(data, 0);
	}
	return FAKE_OK;
}

/* ---- running a command ---- */

struct outcome {
	enum status status;
	char out[4096], err[4096];
};

static int
redirect(int fd, FILE *to)
{
	int saved = dup(fd);

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	dup2(fileno(to), fd);
	return saved;
}

static void
restore(int fd, int saved, FILE *from, char ret[static 4096])
{
	size_t n;

	fflush(fd == STDOUT_FILENO ? stdout : stderr);
	dup2(saved, fd);
	close(saved);
	rewind(from);
	n = fread(ret, 1, 4095, from);
	ret[n] = '\0';
}

typedef enum status command_fn(struct options *o);

/* The line's words are separated by spaces; %s of it is a path. */
static struct outcome
run(command_fn *command, const char *brokers, const char *line)
{
	static char *environment[] = { NULL };
	char *argv[16] = { NULL }, *copy = strdup(line), *at = NULL, option[100];
	SCOPED(FILE) out = tmpfile();
	SCOPED(FILE) err = tmpfile();
	struct options o;
	struct outcome outcome;
	struct err e = { 0 };
	int argc = 1, saved_out, saved_err;

	(void)snprintf(option, sizeof(option), "-brokers=%s", brokers);
	for (char *word = strtok_r(copy, " ", &at); word != NULL && argc < 14;
	     word = strtok_r(NULL, " ", &at))
		argv[argc++] = word;
	argv[argc++] = option;
	if (!options_read(argc, argv, environment, &o, &e))
		fail_msg("%s: %s", line, e.msg);
	o.prefix = "t";
	saved_out = redirect(STDOUT_FILENO, out);
	saved_err = redirect(STDERR_FILENO, err);
	outcome.status = command(&o);
	restore(STDOUT_FILENO, saved_out, out, outcome.out);
	restore(STDERR_FILENO, saved_err, err, outcome.err);
	options_done(&o);
	free(copy);
	return outcome;
}

static const struct {
	command_fn *command;
	const char *line;
	enum status status;
	const char *out, *err; /* the whole output; what stands in the error */
} cases[] = {
	/* clang-format off */
	{ command_mount, "mount pki", STATUS_OK, "Successfully mounted 'pki' at 'pki'!\n", "" },
	{ command_mount, "mount -path=inner/ pki", STATUS_OK, "Successfully mounted 'pki' at 'inner'!\n", "" },
	{ command_mount, "mount ssh", STATUS_FAILED, "", "only `pki` can be mounted" },
	{ command_write, "write pki/roles/web allow_subdomains=true", STATUS_OK, "Success! Data written to: pki/roles/web\n", "" },
	{ command_delete, "delete pki/roles/web", STATUS_OK, "Success! Deleted 'pki/roles/web'\n", "" },
	{ command_write, "write pki/issue/web common_name=a", STATUS_OK,
	    "Key          Value\nlease_id     l1\ncertificate  -----BEGIN\n", "" },
	{ command_write, "write -field=certificate pki/issue/web common_name=a", STATUS_OK, "-----BEGIN\n", "" },
	{ command_write, "write -field=nothing pki/issue/web common_name=a", STATUS_FAILED, "", "no field \"nothing\"" },
	{ command_write, "write -format=json -id=i1 pki/issue/web", STATUS_OK,
	    "{\n  \"id\": \"i1\",\n  \"data\": {\n    \"certificate\": \"-----BEGIN\\n\",\n    \"lease_id\": \"l1\"\n  },\n  \"warnings\": []\n}\n", "" },
	{ command_write, "write -format=xml pki/issue/web", STATUS_FAILED, "", "-format is table or json" },
	{ command_write, "write pki/issue/forbidden common_name=a", STATUS_REFUSED, "",
	    "Error: the role does not allow it (code name_not_allowed, field common_name)\n" },
	{ command_write, "write pki/issue/silent -timeout=1s", STATUS_UNANSWERED, "", "no answer to" },
	{ command_write, "write pki/nowhere a=b", STATUS_FAILED, "", "there is no path" },
	{ command_write, "write pki/issue/web novalue", STATUS_FAILED, "", "is no key=value" },
	{ command_write, "write", STATUS_FAILED, "", "usage: certmill write" },
	{ command_read, "read pki/ca", STATUS_OK, "\x01\x02\x03", "" },
	{ command_read, "read pki/ca/pem", STATUS_OK, "AQID", "" },
	{ command_read, "read pki/ca format=pem", STATUS_FAILED, "", "the path says format already" },
	{ command_list, "list pki/roles", STATUS_OK, "Keys\na\nb\nc\n", "" },
	{ command_list, "list pki/roles limit=2", STATUS_OK, "Keys\na\nb\n", "There are more: after=b" },
	{ command_list, "list pki/roles after=b", STATUS_OK, "Keys\nc\n", "" },
	{ command_list, "list -field=keys pki/roles", STATUS_OK, "a\nb\nc", "" },
	{ command_mounts, "mounts", STATUS_OK, "Path  Type  Default TTL  Max TTL  Description\n", "" },
	/* clang-format on */
};

static void
commands_do_as_they_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outcome o = run(cases[i].command, queue_mock_brokers(mock), cases[i].line);

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
	struct outcome o = run(command_mounts, "127.0.0.1:1", "mounts");

	(void)state;
	assert_int_equal(o.status, STATUS_NO_BROKER);
	assert_non_null(strstr(o.err, "127.0.0.1:1"));
}

/* ---- keys ---- */

/* A file with these contents; its name lasts until the next call. */
static const char *
file_with(const char *text)
{
	static char path[64];
	int fd;

	(void)snprintf(path, sizeof(path), "/tmp/certmill-file-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	return path;
}

static struct outcome
run_with_file(command_fn *command, const char *format, const char *text)
{
	const char *path = file_with(text);
	const char *placeholder = strstr(format, "FILE");
	char line[300];
	struct outcome o;

	(void)snprintf(line, sizeof(line), "%.*s%s%s", (int)(placeholder - format), format, path,
	    placeholder + 4);
	o = run(command, queue_mock_brokers(mock), line);
	unlink(path);
	return o;
}

static void
opens_to(struct slice text, const char *want)
{
	const uint8_t *end = memchr(text.data, '\n', text.len);
	struct buf SCOPED_BUF clear = { 0 };
	struct err e = { 0 };

	assert_non_null(end);
	buf_init_secret(&clear, 4096);
	if (!jwe_open(fleet, slice_of(text.data, (size_t)(end - text.data)), &clear, &e))
		fail_msg("the key does not open: %s", e.msg);
	assert_true(slice_is(buf_slice(&clear), want));
}

/* The key that was sent on .config since the last call: sealed, before the certificate. */
static void
expect_sealed_bundle(void)
{
	struct queue_message *m = NULL;
	const uint8_t *token;

	do {
		queue_message_free(m);
		m = next(config);
		if (memmem(m->value.data, m->value.len, "PRIVATE", 7) != NULL)
			fail_msg("a private key went onto the topic");
		token = memmem(m->value.data, m->value.len, "eyJ", 3);
	} while (token == NULL);
	opens_to(slice_of(token, m->value.len - (size_t)(token - m->value.data)), PKCS8);
	assert_non_null(memmem(m->value.data, m->value.len, CERT, strlen(CERT)));
	queue_message_free(m);
}

static void
a_cas_key_is_sealed(void **state)
{
	struct outcome o = run_with_file(
	    command_write, "write pki/config/ca pem_bundle=@FILE", PKCS8 CERT);

	(void)state;
	if (o.status != STATUS_OK)
		fail_msg("%d: %s", (int)o.status, o.err);
	assert_string_equal(o.out, "Success! Data written to: pki/config/ca\n");
	expect_sealed_bundle();
}

static void
no_other_key_is_sent(void **state)
{
	static const char *const lines[] = {
		"write pki/sign/web csr=@FILE",
		"write pki/config/ca bundle=@FILE",
		"write pki/config/urls issuing_certificates=@FILE",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct outcome o = run_with_file(command_write, lines[i], PKCS8 CERT);

		if (o.status != STATUS_FAILED || strstr(o.err, "not sent in clear") == NULL)
			fail_msg("%s: %d: %s", lines[i], (int)o.status, o.err);
	}
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
	    "{\"id\":\"1\",\"data\":{\"certificate\":\"-----BEGIN\\n\",\"lease_id\":\"l1\"},\"warnings\":[]}\n"
	    "{\"id\":\"2\",\"error\":{\"code\":\"name_not_allowed\",\"message\":\"the role does not allow it\","
	    "\"field\":\"common_name\",\"retryable\":false},\"warnings\":[]}\n"
	    "{\"id\":null,\"error\":{\"code\":\"malformed\",\"message\":\"line 4 is no JSON object\",\"retryable\":false}}\n"
	    "{\"id\":\"3\",\"error\":{\"code\":\"unknown_op\",\"message\":\"there is no operation \\\"no/such\\\" here, so no topic to "
	    "send it to\",\"field\":\"op\",\"retryable\":false}}\n"
	    "{\"id\":\"4\",\"data\":{},\"warnings\":[]}\n";
	struct outcome o = run_with_file(request_file, "request FILE", file);

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
	o = run_with_file(request_file, "request FILE", (const char *)file.data);
	assert_int_equal(o.status, STATUS_OK);
	at = o.out;
	for (int i = 0; i < 60; i++) {
		char line[64];

		(void)snprintf(
		    line, sizeof(line), "{\"id\":\"n%d\",\"data\":{},\"warnings\":[]}\n", i);
		if (strncmp(at, line, strlen(line)) != 0)
			fail_msg("expected %s, came %.60s", line, at);
		at += strlen(line);
	}
}

static void
a_key_in_a_file_is_sealed(void **state)
{
	struct outcome o = run_with_file(request_file, "request FILE",
	    "{\"op\": \"ca/set\", \"params\": {\"pem_bundle\": \"-----BEGIN PRIVATE KEY-----\\nCCCC\\n-----END PRIVATE KEY-----\\n"
	    "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"}}\n");

	(void)state;
	if (o.status != STATUS_OK)
		fail_msg("%d: %s%s", (int)o.status, o.out, o.err);
	expect_sealed_bundle();
}

#define KEY "-----BEGIN EC PRIVATE KEY-----\\nCCCC\\n-----END EC PRIVATE KEY-----\\n"

static void
a_key_anywhere_in_a_file_is_not_sent(void **state)
{
	static const char *const lines[] = {
		"{\"id\": \"k\", \"op\": \"sign\", \"params\": {\"csr\": \"" KEY "\"}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"pem_bundle\": [\"" KEY
		"\"]}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"pem_bundle\": {\"pem\": \"" KEY
		"\"}}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"" KEY "\": true}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": \"" KEY "\"}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"pem_bundle\": \"" KEY "\"}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"mount\": \"" KEY "\"}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct outcome o = run_with_file(request_file, "request FILE", lines[i]);

		if (o.status != STATUS_FAILED || strstr(o.out, "key_in_clear") == NULL)
			fail_msg("%s: %d: %s%s", lines[i], (int)o.status, o.out, o.err);
	}
}

static int
world(void **state)
{
	static const char *const topics[] = { "t.issue", "t.sign", "t.config", "t.query" };

	setup(state);
	for (size_t i = 0; i < COUNT(topics); i++)
		topic(topics[i], 2);
	topic("t.revoke", 2);
	topic("t.responses", 2);
	fleet = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	assert_non_null(fleet);
	config = reader("t.config", -1, QUEUE_FROM_END);
	fake_start(topics, COUNT(topics), decide);
	return 0;
}

static int
world_end(void **state)
{
	fake_stop();
	queue_reader_close(config);
	EVP_PKEY_free(fleet);
	return teardown(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_do_as_they_say),
		cmocka_unit_test(no_broker_has_its_own_status),
		cmocka_unit_test(a_cas_key_is_sealed),
		cmocka_unit_test(no_other_key_is_sent),
		cmocka_unit_test(a_file_is_answered_in_order),
		cmocka_unit_test(a_file_of_many_is_answered_in_order),
		cmocka_unit_test(a_key_in_a_file_is_sealed),
		cmocka_unit_test(a_key_anywhere_in_a_file_is_not_sent),
	};

	return cmocka_run_group_tests(tests, world, world_end);
}
