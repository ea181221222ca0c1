/* The request envelope: what each kind of bad message is refused with, and what of it can still be answered. */
#include "envelope.h"
#include "notation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
test_whole(void **state)
{
	struct buf in SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e;

	(void)state;
	buf_init(&in, 4096);
	assert_true(request_decode(
	    notation_pack(&in,
		"{'v': 1, 'id': 'r-1', 'op': 'issue', 'mount': 'web', 'role': 'www', 'params': {'common_name': 'a'},"
		" 'ts': 1700000000000, 'deadline': 1700000001000, 'reply_to': 'certmill.responses.me',"
		" 'seal_to': {'kty': 'OKP'}, 'identity': {}, 'dry_run': true}"),
	    &a, &rq, &e));
	assert_int_equal(rq.v, 1);
	assert_true(slice_is(rq.id, "r-1"));
	assert_true(slice_is(rq.op, "issue"));
	assert_true(slice_is(rq.mount, "web"));
	assert_true(slice_is(rq.role, "www"));
	assert_int_equal(rq.params.len, 15);
	assert_int_equal(rq.ts, 1700000000000);
	assert_int_equal(rq.deadline, 1700000001000);
	assert_true(slice_is(rq.reply_to, "certmill.responses.me"));
	assert_int_equal(rq.seal_to.len, 9);
	assert_int_equal(rq.identity.len, 1);
	assert_true(rq.dry_run);
}

static void
test_defaults(void **state)
{
	struct buf in SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e;

	(void)state;
	buf_init(&in, 4096);
	assert_true(request_decode(
	    notation_pack(&in,
		"{'v': 1, 'id': 'r-1', 'op': 'ca/read', 'mount': nil, 'role': nil, 'params': nil,"
		" 'ts': nil, 'deadline': nil, 'reply_to': nil, 'seal_to': nil, 'identity': nil}"),
	    &a, &rq, &e));
	assert_true(slice_is(rq.mount, "pki"));
	assert_null(rq.role.data);
	assert_null(rq.params.data);
	assert_int_equal(rq.ts, SCHEMA_ABSENT);
	assert_int_equal(rq.deadline, SCHEMA_ABSENT);
	assert_null(rq.reply_to.data);
	assert_null(rq.seal_to.data);
	assert_null(rq.identity.data);
	assert_false(rq.dry_run);
}

static const struct {
	const char *in;
	enum err_code code;
	const char *field;
	const char *id, *op, *mount, *reply_to; /* NULL: not readable; mount NULL: the default */
} bad[] = {
	/* no id can be read */
	{ "", ERR_MALFORMED, "", NULL, NULL, NULL, NULL },
	{ "<c1>", ERR_MALFORMED, "", NULL, NULL, NULL, NULL },
	{ "<dd ff ff ff ff>", ERR_MALFORMED, "", NULL, NULL, NULL, NULL },
	{ "'hello'", ERR_MALFORMED, "", NULL, NULL, NULL, NULL },
	{ "[1, 2]", ERR_MALFORMED, "", NULL, NULL, NULL, NULL },
	{ "{}", ERR_MISSING_FIELD, "v", NULL, NULL, NULL, NULL },
	{ "{'v': 1, 'op': 'issue'}", ERR_MISSING_FIELD, "id", NULL, "issue", NULL, NULL },
	{ "{'v': 1, 'id': '', 'op': 'issue'}", ERR_OUT_OF_RANGE, "id", NULL, "issue", NULL, NULL },
	{ "{'v': 1, 'id': b'r', 'op': 'issue'}", ERR_WRONG_TYPE, "id", NULL, "issue", NULL, NULL },
	{ "{'v': 1, 'id': <a1 00>, 'op': 'issue'}", ERR_INVALID_VALUE, "id", NULL, "issue", NULL,
	    NULL },
	/* it can */
	{ "{'id': 'r', 'op': 'issue'}", ERR_MISSING_FIELD, "v", "r", "issue", NULL, NULL },
	{ "{'v': 1, 'id': 'r'}", ERR_MISSING_FIELD, "op", "r", NULL, NULL, NULL },
	{ "{'v': 2, 'id': 'r', 'op': 'issue'}", ERR_UNSUPPORTED_VERSION, "v", "r", "issue", NULL,
	    NULL },
	{ "{'v': 0, 'id': 'r', 'op': 'issue'}", ERR_UNSUPPORTED_VERSION, "v", "r", "issue", NULL,
	    NULL },
	{ "{'v': -1, 'id': 'r', 'op': 'issue'}", ERR_UNSUPPORTED_VERSION, "v", "r", "issue", NULL,
	    NULL },
	/* another version may have other fields: it is what is wrong */
	{ "{'new': 1, 'id': 'r', 'v': 2, 'op': 'issue'}", ERR_UNSUPPORTED_VERSION, "v", "r",
	    "issue", NULL, NULL },
	{ "{'v': true, 'id': 'r', 'op': 'issue'}", ERR_WRONG_TYPE, "v", "r", "issue", NULL, NULL },
	{ "{'nope': [1], 'v': 1, 'reply_to': 't', 'id': 'r', 'op': 'issue', 'mount': 'm'}",
	    ERR_UNKNOWN_FIELD, "nope", "r", "issue", "m", "t" },
	{ "{'v': 1, 'op': 7, 'id': 'r', 'mount': 'm'}", ERR_WRONG_TYPE, "op", "r", NULL, "m",
	    NULL },
	{ "{'v': 1, 'params': [], 'id': 'r', 'op': 'issue'}", ERR_WRONG_TYPE, "params", "r",
	    "issue", NULL, NULL },
	{ "{'v': 1, 'id': 'r', 'id': 's', 'op': 'issue'}", ERR_DUPLICATE_FIELD, "id", "r", "issue",
	    NULL, NULL },
	{ "{'v': 1, 'id': 'r', 'op': 'issue', 'op': 'sign'}", ERR_DUPLICATE_FIELD, "op", "r",
	    "issue", NULL, NULL },
	{ "{'v': 1, 'mount': '', 'id': 'r', 'op': 'issue'}", ERR_OUT_OF_RANGE, "mount", "r",
	    "issue", NULL, NULL },
	{ "{'v': 1, 'ts': -1, 'id': 'r', 'op': 'issue'}", ERR_OUT_OF_RANGE, "ts", "r", "issue",
	    NULL, NULL },
	{ "{'v': 1, 7: 8, 'id': 'r', 'op': 'issue'}", ERR_MALFORMED, "", "r", "issue", NULL, NULL },
	{ "{'v': 1, 'id': 'r', 'op': 'issue'} nil", ERR_MALFORMED, "", "r", "issue", NULL, NULL },
	/* cut short: what stood in front of the damage */
	{ "<84> 'id': 'r', 'op': 'issue', 'mount': 'm', 'params': <82 01>", ERR_MALFORMED, "", "r",
	    "issue", "m", NULL },
	{ "{'id': 'r', 'params': <dd ff ff ff ff>}", ERR_MALFORMED, "", "r", NULL, NULL, NULL },
	/* the envelope, params, and six more are eight */
	{ "{'id': 'r', 'params': {'x': [[[[[[[]]]]]]]}, 'op': 'issue'}", ERR_MALFORMED, "", "r",
	    NULL, NULL, NULL },
};

static void
expect_text(const char *in, const char *what, struct slice came, const char *expected)
{
	if ((came.data == NULL) != (expected == NULL) ||
	    (expected != NULL && !slice_is(came, expected)))
		fail_msg("%s: %s: expected %s, came %.*s", in, what, expected, SLICE_FMT(came));
}

static void
test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf in SCOPED_BUF;
		struct arena a SCOPED_ARENA = { 0 };
		struct request_envelope rq;
		struct err e;

		buf_init(&in, 4096);
		if (request_decode(notation_pack(&in, bad[i].in), &a, &rq, &e))
			fail_msg("%s: taken", bad[i].in);
		if (e.code != bad[i].code || strcmp(e.field, bad[i].field) != 0)
			fail_msg("%s: expected %s of \"%s\", came %s of \"%s\": %s", bad[i].in,
			    err_name(bad[i].code), bad[i].field, err_name(e.code), e.field, e.msg);
		expect_text(bad[i].in, "id", rq.id, bad[i].id);
		expect_text(bad[i].in, "op", rq.op, bad[i].op);
		expect_text(
		    bad[i].in, "mount", rq.mount, bad[i].mount == NULL ? "pki" : bad[i].mount);
		expect_text(bad[i].in, "reply_to", rq.reply_to, bad[i].reply_to);
	}
}

static void
test_absent_payload(void **state)
{
	struct arena a SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e;

	(void)state;
	assert_false(request_decode(SLICE_NONE, &a, &rq, &e));
	assert_int_equal(e.code, ERR_MALFORMED);
	assert_null(rq.id.data);
}

static void
test_depth(void **state)
{
	struct buf in SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e;

	(void)state;
	buf_init(&in, 4096);
	assert_true(request_decode(
	    notation_pack(&in, "{'v': 1, 'id': 'r', 'op': 'x', 'params': {'x': [[[[[[1]]]]]]}}"),
	    &a, &rq, &e));
	assert_false(request_decode(
	    notation_pack(&in, "{'v': 1, 'id': 'r', 'op': 'x', 'params': {'x': [[[[[[[]]]]]]]}}"),
	    &a, &rq, &e));
	assert_non_null(strstr(e.msg, "deep"));
}

/* A request of exactly `size` bytes, filled up in params. */
static struct slice
request_of(struct buf *out, size_t size)
{
	static const char front[] = "\x84\xa1v\x01\xa2op\xa5issue\xa6params\x81\xa1x\xdb";
	static const char behind[] = "\xa2id\xa1r";
	size_t filling = size - (sizeof(front) - 1) - 4 - (sizeof(behind) - 1);
	const uint8_t length[4] = { (uint8_t)(filling >> 24), (uint8_t)(filling >> 16),
		(uint8_t)(filling >> 8), (uint8_t)filling };

	buf_clear(out);
	buf_add(out, front, sizeof(front) - 1);
	buf_add(out, length, sizeof(length));
	for (size_t i = 0; i < filling; i++)
		buf_add_byte(out, 'a');
	buf_add(out, behind, sizeof(behind) - 1);
	assert_int_equal(out->len, size);
	return buf_slice(out);
}

static void
test_size(void **state)
{
	struct buf in SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct request_envelope rq;
	struct err e;

	(void)state;
	buf_init(&in, REQUEST_MAX + 1);
	assert_true(request_decode(request_of(&in, REQUEST_MAX), &a, &rq, &e));
	assert_false(request_decode(request_of(&in, REQUEST_MAX + 1), &a, &rq, &e));
	assert_int_equal(e.code, ERR_TOO_LARGE);
	assert_true(slice_is(rq.id, "r"));
	assert_true(slice_is(rq.op, "issue"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_absent_payload),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
