#include "json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "notation.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
static const struct { const char *msgpack, *json; } values[] = { /* json NULL: refused */
	{ "nil", "null" },
	{ "true", "true" },
	{ "-5", "-5" },
	{ "9223372036854775807", "9223372036854775807" },
	{ "'text'", "\"text\"" },
	{ "b'\x01\x02\x03'", "\"AQID\"" },
	{ "[]", "[]" },
	{ "{}", "{}" },
	{ "{'b': 1, 'a': [true, nil, {'c': 'd'}]}", "{\"b\":1,\"a\":[true,null,{\"c\":\"d\"}]}" },
	{ "<ca 3f c0 00 00>", "1.5" },
	{ "<cb 3f f8 00 00 00 00 00 00>", "1.5" },
	{ "<cb 7f f8 00 00 00 00 00 00>", NULL },   /* not a number */
	{ "<ca 7f 80 00 00>", NULL },               /* infinite */
	{ "<d4 01 00>", NULL },                     /* an extension */
	{ "<81 01 02>", NULL },                     /* a key that is no text */
	{ "<a1 ff>", NULL },                        /* not UTF-8 */
	{ "<dd ff ff ff ff>", NULL },
	{ "<cf ff ff ff ff ff ff ff ff>", NULL },   /* over int64 */
	{ "1 2", NULL },                            /* bytes behind it */
	{ "", NULL },
	{ "[[[[[[[[[[1]]]]]]]]]]", NULL },          /* too deep */
};
/* clang-format on */

static void
msgpack_becomes_json(void **state)
{
	struct buf SCOPED_BUF bytes = { 0 };

	(void)state;
	buf_init(&bytes, 4096);
	for (size_t i = 0; i < COUNT(values); i++) {
		struct err e = { 0 };
		json_t *value = json_from_msgpack(notation_pack(&bytes, values[i].msgpack), &e);
		char *text = value == NULL ? NULL
					   : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

		if ((text == NULL) != (values[i].json == NULL) ||
		    (text != NULL && strcmp(text, values[i].json) != 0))
			fail_msg("%s: expected %s, came %s", values[i].msgpack,
			    values[i].json == NULL ? "a refusal" : values[i].json,
			    text == NULL ? "a refusal" : text);
		if (value == NULL && e.code != ERR_MALFORMED)
			fail_msg("%s: %s", values[i].msgpack, err_name(e.code));
		free(text);
		json_decref(value);
	}
}

static const struct {
	const char *json, *msgpack; /* msgpack NULL: refused */
} requests[] = {
	{ "{\"id\": \"x\", \"params\": {\"ttl\": 60, \"names\": [\"a\", \"b\"]}, \"dry_run\": false, \"n\": null}",
	    "{'id' 'x', 'params' {'ttl' 60, 'names' ['a' 'b']}, 'dry_run' false, 'n' nil}" },
	{ "[-1, 4294967296, \"\\u00fc\"]", "[-1 4294967296 '\xc3\xbc']" },
	{ "{\"a\": 1.5}", NULL },
};

static void
json_becomes_msgpack(void **state)
{
	struct buf SCOPED_BUF want = { 0 };
	struct buf SCOPED_BUF came = { 0 };
	struct writer w = { &came };

	(void)state;
	buf_init(&want, 4096);
	buf_init(&came, 4096);
	for (size_t i = 0; i < COUNT(requests); i++) {
		json_error_t where;
		json_t *value = json_loads(requests[i].json, 0, &where);
		struct err e = { 0 };

		buf_clear(&came);
		assert_non_null(value);
		if (json_to_msgpack(value, &w, &e) != (requests[i].msgpack != NULL))
			fail_msg("%s: %s", requests[i].json, e.msg);
		if (requests[i].msgpack != NULL)
			expect_bytes(requests[i].json, buf_slice(&came),
			    notation_pack(&want, requests[i].msgpack));
		json_decref(value);
	}
}

static void
expect_json(json_t *value, const char *want)
{
	char *text = json_dumps(value, JSON_COMPACT);

	assert_non_null(value);
	if (strcmp(text, want) != 0)
		fail_msg("expected\n%s\ncame\n%s", want, text);
	free(text);
	json_decref(value);
}

static void
answers_have_one_form(void **state)
{
	const struct certmill_warning warnings[] = { { SLICE_LITERAL("ttl_capped"),
	    SLICE_LITERAL("shorter than asked") } };
	struct certmill_answer ok = { .ok = true,
		.id = "i1",
		.data = SLICE_LITERAL("\x81\xa1k\xa1v"),
		.warnings = warnings,
		.warning_count = 1,
		.replayed = true };
	struct certmill_answer refused = { .id = "i2",
		.code = SLICE_LITERAL("unknown_role"),
		.message = SLICE_LITERAL("no such role"),
		.field = SLICE_LITERAL("role"),
		.retryable = true };
	struct certmill_answer broken = { .ok = true, .id = "i3", .data = SLICE_LITERAL("\xc1") };
	struct err e = { 0 }, failed = { 0 };

	(void)state;
	expect_json(json_answer(&ok, &e),
	    "{\"id\":\"i1\",\"data\":{\"k\":\"v\"},\"warnings\":[{\"code\":\"ttl_capped\",\"message\":\"shorter than asked\"}],"
	    "\"replayed\":true}");
	expect_json(json_answer(&refused, &e),
	    "{\"id\":\"i2\",\"error\":{\"code\":\"unknown_role\",\"message\":\"no such role\",\"field\":\"role\",\"retryable\":true},"
	    "\"warnings\":[]}");
	assert_null(json_answer(&broken, &e));
	(void)err_set(&failed, ERR_TIMEOUT, "too late");
	expect_json(json_failure("i4", &failed),
	    "{\"id\":\"i4\",\"error\":{\"code\":\"timeout\",\"message\":\"too late\",\"retryable\":true}}");
	expect_json(json_failure(NULL, &failed),
	    "{\"id\":null,\"error\":{\"code\":\"timeout\",\"message\":\"too late\",\"retryable\":true}}");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(msgpack_becomes_json),
		cmocka_unit_test(json_becomes_msgpack),
		cmocka_unit_test(answers_have_one_form),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
