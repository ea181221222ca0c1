/* Private keys on their way: no topic holds one in clear that could be sealed. A worker that this test plays keeps its part. */
#include "mock_fixture.h"

#include "fake_worker.h"

#include "command_fixture.h"

#define PKCS8 "-----BEGIN PRIVATE KEY-----\nCCCC\n-----END PRIVATE KEY-----\n"
#define CERT  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
/* any point of the curve: nobody has its private half */
#define OWN_JWK \
	"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"hSDwCYkwp1R0i33ctD73Wg2_Og0mOBr066SpjqqbTmo\"}"

static struct queue_reader *config,
    *answers; /* everything that was sent to .config, and answered */

/* ---- the worker: a private key in each answer, sealed where the request asks for it ---- */

static void
key_seal(const struct request_envelope *rq, struct buf *out)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct buf SCOPED_BUF x = { 0 };
	struct jwk_body jwk = { 0 };
	struct err e = { 0 };
	uint64_t seen;

	buf_init(&x, 64);
	if (!schema_decode(&jwk_schema, rq->seal_to, &a, &jwk, &seen, &e) ||
	    !base64url_parse(jwk.x, &x) ||
	    !jwe_seal(buf_slice(&x), SLICE_NONE, SLICE_LITERAL(PKCS8), out, &e))
		fake_fail("seal_to", &e);
}

/* To somebody else. */
static void
key_seal_wrong(struct buf *out)
{
	struct err e = { 0 };
	uint8_t raw[32];
	size_t len = sizeof(raw);

	if (EVP_PKEY_get_raw_public_key(fleet, raw, &len) != 1 ||
	    !jwe_seal(slice_of(raw, len), SLICE_NONE, SLICE_LITERAL(PKCS8), out, &e))
		fake_fail("the fleet's key", &e);
}

static enum fake_answer
decide(const struct request_envelope *rq, struct writer *data)
{
	struct buf SCOPED_BUF key = { 0 };

	if (slice_is(rq->op, "mount/list")) {
		mount_list_write(data);
		return FAKE_OK;
	}
	buf_init(&key, 4096);
	if (slice_is(rq->mount, "wrong"))
		key_seal_wrong(&key);
	else if (rq->seal_to.data != NULL && !slice_is(rq->mount, "careless"))
		key_seal(rq, &key);
	else
		buf_add_text(&key, PKCS8);
	writer_map(data, rq->dry_run ? 1 : 2);
	writer_cstr(data, "sealed");
	writer_bool(data, rq->seal_to.data != NULL);
	if (!rq->dry_run)
		fake_pair(data, "private_key", buf_slice(&key));
	return FAKE_OK;
}

/* ---- keys that come back ---- */

#define OPENED "Key          Value\nsealed       true\nprivate_key  " PKCS8
#define CLEAR  "Key          Value\nsealed       false\nprivate_key  " PKCS8

static const struct {
	const char *line;
	enum status status;
	const char *out; /* the whole output; NULL: a JWE stands in it */
	const char *err; /* what stands in the error */
	bool clear;      /* the answer's topic holds the key */
} cases[] = {
	/* clang-format off */
	{ "write pki/config/ca/generate/root/exported common_name=a", STATUS_OK, OPENED, "", false },
	{ "write pki/config/ca/generate/root/external common_name=a", STATUS_OK, OPENED, "", false },
	{ "write pki/config/ca/generate/intermediate/exported common_name=a", STATUS_OK, OPENED, "", false },
	{ "write pki/root/generate/exported common_name=a", STATUS_OK, OPENED, "", false },
	{ "write pki/intermediate/generate/exported common_name=a", STATUS_OK, OPENED, "", false },
	{ "write -field=private_key pki/root/generate/exported common_name=a", STATUS_OK, PKCS8, "", false },
	{ "write -dry-run pki/root/generate/exported common_name=a", STATUS_OK, "Key     Value\nsealed  true\n", "", false },
	{ "write pki/root/generate/internal common_name=a", STATUS_OK, CLEAR, "", true },
	{ "write pki/issue/web common_name=a", STATUS_OK, CLEAR, "", true },
	{ "write -seal pki/issue/web common_name=a", STATUS_OK, OPENED, "", false },
	{ "write -seal-to=" OWN_JWK " pki/issue/web common_name=a", STATUS_OK, NULL, "", false },
	{ "write -seal-to=" OWN_JWK " -id=i1 pki/root/generate/exported common_name=a", STATUS_OK, NULL, "", false },
	/* a second attempt could not open the answer to the first */
	{ "write -id=i2 pki/root/generate/exported common_name=a", STATUS_FAILED, "", "with -id, give -seal-to", false },
	{ "write -id=i3 -seal pki/issue/web common_name=a", STATUS_FAILED, "", "with -id, give -seal-to", false },
	{ "write -seal -seal-to=" OWN_JWK " pki/issue/web common_name=a", STATUS_FAILED, "", "give one of them", false },
	{ "write -seal-to={} pki/issue/web common_name=a -seal-to=7", STATUS_FAILED, "", "-seal-to wants a JSON object", false },
	{ "write -seal-to={\"d\":\"x\"} pki/issue/web common_name=a", STATUS_FAILED, "", "this one holds the private key", false },
	{ "write careless/root/generate/exported common_name=a", STATUS_OK, OPENED, "Warning: the private key came unsealed", true },
	{ "write wrong/root/generate/exported common_name=a", STATUS_FAILED, "", "certmill: ", false },
	/* clang-format on */
};

/* Does the last message hold the key in clear? There is one if the request was sent. */
static bool
answer_is_clear(void)
{
	struct queue_message *m = next(answers);
	bool clear = memmem(m->value.data, m->value.len, "PRIVATE", 7) != NULL;

	queue_message_free(m);
	return clear;
}

static void
keys_come_back_sealed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct outcome o = run(cases[i].line);
		bool sent = cases[i].status == STATUS_OK || strstr(cases[i].line, "wrong") != NULL;

		if (o.status != cases[i].status)
			fail_msg("%s: %d: %s", cases[i].line, (int)o.status, o.err);
		if (cases[i].out == NULL ? strstr(o.out, "private_key  eyJ") == NULL
					 : strcmp(o.out, cases[i].out) != 0)
			fail_msg("%s: came\n%s", cases[i].line, o.out);
		if (strstr(o.err, cases[i].err) == NULL ||
		    (cases[i].err[0] == '\0' && o.err[0] != '\0'))
			fail_msg("%s: expected the error \"%s\", came \"%s\"", cases[i].line,
			    cases[i].err, o.err);
		if (sent && answer_is_clear() != cases[i].clear)
			fail_msg("%s: the key is %s on the topic", cases[i].line,
			    cases[i].clear ? "sealed" : "in clear");
	}
}

/* ---- keys that go there ---- */

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
	struct outcome o = run_with_file("write pki/config/ca pem_bundle=@FILE", PKCS8 CERT);

	(void)state;
	if (o.status != STATUS_OK)
		fail_msg("%d: %s", (int)o.status, o.err);
	assert_string_equal(o.out, "Success! Data written to: pki/config/ca\n");
	expect_sealed_bundle();
}

/* A certificate that was signed elsewhere, for a key that the workers have: there is nothing to seal. */
static void
a_certificate_alone_is_sent_as_it_is(void **state)
{
	struct outcome o = run_with_file("write pki/config/ca/set pem_bundle=@FILE", CERT);
	struct queue_message *m = next(config);

	(void)state;
	if (o.status != STATUS_OK)
		fail_msg("%d: %s", (int)o.status, o.err);
	assert_non_null(memmem(m->value.data, m->value.len, CERT, strlen(CERT)));
	assert_null(memmem(m->value.data, m->value.len, "eyJ", 3));
	queue_message_free(m);
}

static void
no_other_key_is_sent(void **state)
{
	static const char *const lines[] = {
		"write pki/sign/web csr=@FILE",
		"write pki/config/ca bundle=@FILE",
		"write pki/config/urls issuing_certificates=@FILE",
		"write pki/config/ca/sign csr=@FILE",
		"revoke pki/issue/web/5e-62 certificate=@FILE",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct outcome o = run_with_file(lines[i], PKCS8 CERT);

		if (o.status != STATUS_FAILED || strstr(o.err, "not sent in clear") == NULL)
			fail_msg("%s: %d: %s", lines[i], (int)o.status, o.err);
	}
}

static void
a_key_in_a_file_is_sealed(void **state)
{
	struct outcome o = run_with_file("request FILE",
	    "{\"op\": \"ca/set\", \"params\": {\"pem_bundle\": \"-----BEGIN PRIVATE KEY-----\\nCCCC\\n-----END PRIVATE KEY-----\\n"
	    "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----\\n\"}}\n");

	(void)state;
	if (o.status != STATUS_OK)
		fail_msg("%d: %s%s", (int)o.status, o.out, o.err);
	expect_sealed_bundle();
}

#define KEY_IN_JSON "-----BEGIN EC PRIVATE KEY-----\\nCCCC\\n-----END EC PRIVATE KEY-----\\n"

static void
a_key_anywhere_in_a_file_is_not_sent(void **state)
{
	/* clang-format off */
	static const char *const lines[] = {
		"{\"id\": \"k\", \"op\": \"sign\", \"params\": {\"csr\": \"" KEY_IN_JSON "\"}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"pem_bundle\": [\"" KEY_IN_JSON "\"]}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"pem_bundle\": {\"pem\": \"" KEY_IN_JSON "\"}}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": {\"" KEY_IN_JSON "\": true}}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"params\": \"" KEY_IN_JSON "\"}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"pem_bundle\": \"" KEY_IN_JSON "\"}\n",
		"{\"id\": \"k\", \"op\": \"ca/set\", \"mount\": \"" KEY_IN_JSON "\"}\n",
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct outcome o = run_with_file("request FILE", lines[i]);

		if (o.status != STATUS_FAILED || strstr(o.out, "key_in_clear") == NULL)
			fail_msg("%s: %d: %s%s", lines[i], (int)o.status, o.out, o.err);
	}
}

static int
begin(void **state)
{
	(void)state;
	world(decide);
	config = reader("t.config", -1, QUEUE_FROM_END);
	answers = reader("t.responses", -1, QUEUE_FROM_END);
	return 0;
}

static int
end(void **state)
{
	queue_reader_close(config);
	queue_reader_close(answers);
	return world_end(state);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_come_back_sealed),
		cmocka_unit_test(a_cas_key_is_sealed),
		cmocka_unit_test(a_certificate_alone_is_sent_as_it_is),
		cmocka_unit_test(no_other_key_is_sent),
		cmocka_unit_test(a_key_in_a_file_is_sealed),
		cmocka_unit_test(a_key_anywhere_in_a_file_is_not_sent),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
