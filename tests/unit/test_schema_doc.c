/* The two documents that a table makes, on a table with every type: what is expected is written out in full. */
#include "messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct demo {
	struct slice text, bytes, map;
	int64_t number, span, any;
	bool flag;
	struct slice_list list, pems, blobs, raws;
};

/* clang-format off */
static const struct field fields[] = {
	FIELD(demo, text, TEXT, REQUIRED, 1, 8, "A \"text\" with a | and a \\."),
	FIELD_NAMED(demo, text, "old_text", TEXT, OPTIONAL, 1, 8, FIELD_ALIAS, "An older name."),
	FIELD(demo, number, INT, REQUIRED, -5, 100, "A number."),
	FIELD(demo, any, INT, OPTIONAL, INT64_MIN + 1, INT64_MAX, "Any number."),
	FIELD(demo, span, SPAN, OPTIONAL, 0, 7200, "A duration."),
	FIELD(demo, flag, BOOL, OPTIONAL, 0, 1, "A flag."),
	FIELD_NAMED(demo, bytes, "bytes", BYTES, OPTIONAL, 32, 32, FIELD_NULLABLE, "Bytes."),
	FIELD_NAMED(demo, list, "list", LIST, OPTIONAL, 0, 3, FIELD_NULLABLE, "A list."),
	FIELD_NAMED(demo, pems, "pems", LIST, OPTIONAL, 1, 3, FIELD_LONG | FIELD_SECRET, "Long texts."),
	FIELD(demo, blobs, BLOBS, OPTIONAL, 0, 2, "Blobs."),
	FIELD(demo, map, MAP, OPTIONAL, 1, 12, "A map."),
	FIELD(demo, raws, RAWS, OPTIONAL, 0, 2, "Anything."),
};

static const char markdown[] =
	"### demo\n"
	"\n"
	"| field | type | need | limits | meaning |\n"
	"| --- | --- | --- | --- | --- |\n"
	"| `text` | text | required | 1 to 8 bytes | A \"text\" with a \\| and a \\. |\n"
	"| `old_text` | text | alias | 1 to 8 bytes | An older name. |\n"
	"| `number` | integer | required | -5 to 100 | A number. |\n"
	"| `any` | integer | optional |  | Any number. |\n"
	"| `span` | duration | optional | 0 to 7200 seconds | A duration. |\n"
	"| `flag` | bool | optional |  | A flag. |\n"
	"| `bytes` | bytes | optional | 32 bytes | Bytes. |\n"
	"| `list` | list of texts | optional | 0 to 3 items | A list. |\n"
	"| `pems` | list of texts | optional | 1 to 3 items | Long texts. Secret. |\n"
	"| `blobs` | list of bytes | optional | 0 to 2 items | Blobs. |\n"
	"| `map` | map | optional | 1 to 12 bytes | A map. |\n"
	"| `raws` | list | optional | 0 to 2 items | Anything. |\n";

/* closed: every form that is decoded */
static const char taken[] =
	"{\"title\":\"demo\",\"type\":\"object\",\"properties\":{"
	"\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8,\"pattern\":\"^[^\\\\x00]*$\",\"description\":\"A \\\"text\\\" with a | and a \\\\.\"},"
	"\"old_text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8,\"pattern\":\"^[^\\\\x00]*$\",\"deprecated\":true,\"description\":\"An older name.\"},"
	"\"number\":{\"type\":[\"integer\",\"string\"],\"pattern\":\"^-?[0-9]+$\",\"minimum\":-5,\"maximum\":100,\"description\":\"A number.\"},"
	"\"any\":{\"type\":[\"integer\",\"string\"],\"pattern\":\"^-?[0-9]+$\",\"minimum\":-9223372036854775807,\"maximum\":9223372036854775807,\"description\":\"Any number.\"},"
	"\"span\":{\"type\":[\"integer\",\"string\"],\"pattern\":\"^([0-9]+|([0-9]+[dhms])+)?$\",\"minimum\":0,\"maximum\":7200,\"description\":\"A duration.\"},"
	"\"flag\":{\"type\":[\"boolean\",\"string\"],\"pattern\":\"^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$\",\"description\":\"A flag.\"},"
	"\"bytes\":{\"type\":[\"string\",\"null\"],\"minLength\":44,\"maxLength\":44,\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]*={0,2}$\",\"description\":\"Bytes.\"},"
	"\"list\":{\"type\":[\"array\",\"string\",\"null\"],\"pattern\":\"^[^\\\\x00]*$\",\"maxItems\":3,\"items\":{\"type\":\"string\",\"maxLength\":1024,\"pattern\":\"^[^\\\\x00]*$\"},\"description\":\"A list.\"},"
	"\"pems\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"items\":{\"type\":\"string\",\"maxLength\":65536,\"pattern\":\"^[^\\\\x00]*$\"},\"description\":\"Long texts.\"},"
	"\"blobs\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":\"string\",\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]*={0,2}$\"},\"description\":\"Blobs.\"},"
	"\"map\":{\"type\":\"object\",\"description\":\"A map.\"},"
	"\"raws\":{\"type\":\"array\",\"maxItems\":2,\"description\":\"Anything.\"}"
	"},\"required\":[\"number\"],\"allOf\":[{\"anyOf\":[{\"required\":[\"text\"]},{\"required\":[\"old_text\"]}]}],"
	"\"additionalProperties\":false}";

/* open: the one form that is encoded */
static const char written[] =
	"{\"title\":\"demo\",\"type\":\"object\",\"properties\":{"
	"\"text\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":8,\"pattern\":\"^[^\\\\x00]*$\",\"description\":\"A \\\"text\\\" with a | and a \\\\.\"},"
	"\"number\":{\"type\":\"integer\",\"minimum\":-5,\"maximum\":100,\"description\":\"A number.\"},"
	"\"any\":{\"type\":\"integer\",\"description\":\"Any number.\"},"
	"\"span\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":7200,\"description\":\"A duration.\"},"
	"\"flag\":{\"type\":\"boolean\",\"description\":\"A flag.\"},"
	"\"bytes\":{\"type\":\"string\",\"minLength\":44,\"maxLength\":44,\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]*={0,2}$\",\"description\":\"Bytes.\"},"
	"\"list\":{\"type\":\"array\",\"maxItems\":3,\"items\":{\"type\":\"string\",\"maxLength\":1024,\"pattern\":\"^[^\\\\x00]*$\"},\"description\":\"A list.\"},"
	"\"pems\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":3,\"items\":{\"type\":\"string\",\"maxLength\":65536,\"pattern\":\"^[^\\\\x00]*$\"},\"description\":\"Long texts.\"},"
	"\"blobs\":{\"type\":\"array\",\"maxItems\":2,\"items\":{\"type\":\"string\",\"contentEncoding\":\"base64\",\"pattern\":\"^[A-Za-z0-9+/]*={0,2}$\"},\"description\":\"Blobs.\"},"
	"\"map\":{\"type\":\"object\",\"description\":\"A map.\"},"
	"\"raws\":{\"type\":\"array\",\"maxItems\":2,\"description\":\"Anything.\"}"
	"},\"required\":[\"text\",\"number\"],\"additionalProperties\":true}";
/* clang-format on */

static const struct schema schema = SCHEMA("demo", demo, fields);
static const struct schema open_schema = SCHEMA_OPEN("demo", demo, fields);

static void
expect(void (*generate)(const struct schema *s, struct buf *out), const struct schema *s,
    const char *expected)
{
	struct buf out SCOPED_BUF;

	buf_init(&out, 1 << 20);
	generate(s, &out);
	buf_add_byte(&out, '\0');
	assert_string_equal((const char *)out.data, expected);
}

static void
test_markdown(void **state)
{
	static const struct schema empty = { .name = "none" };

	(void)state;
	expect(schema_markdown, &schema, markdown);
	expect(schema_markdown, &empty, "### none\n\nNo fields.\n");
}

static void
test_json(void **state)
{
	static const struct schema empty = { .name = "none", .open = true };

	(void)state;
	expect(schema_json, &schema, taken);
	expect(schema_json, &open_schema, written);
	expect(schema_json, &empty,
	    "{\"title\":\"none\",\"type\":\"object\","
	    "\"properties\":{},\"required\":[],\"additionalProperties\":true}");
}

/* An answer's rows say no limits: they were kept already. */
static void
test_text(void **state)
{
	struct schema open = schema;
	struct buf out SCOPED_BUF;

	(void)state;
	open.open = true;
	buf_init(&out, 4096);
	for (size_t i = 0; i < 4; i++)
		schema_text(&schema, i, &out);
	schema_text(&open, 0, &out);
	buf_add_byte(&out, '\0');
	assert_string_equal((const char *)out.data,
	    "    text (text, required, 1 to 8 bytes)\n        A \"text\" with a | and a \\.\n"
	    "    old_text (text, 1 to 8 bytes)\n        An older name.\n"
	    "    number (integer, required, -5 to 100)\n        A number.\n"
	    "    any (integer)\n        Any number.\n"
	    "    text (text)\n        A \"text\" with a | and a \\.\n");
}

/* No line is wider than a terminal, unless a word is. */
static void
check_width(const char *text)
{
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t len = strcspn(line, "\n");

		if (len > 79 && memchr(line + 8, ' ', len - 8) != NULL)
			fail_msg("a line of %zu: %.*s", len, (int)len, line);
	}
}

static void
test_text_is_broken(void **state)
{
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		for (size_t row = 0; row < s->count; row++) {
			struct buf out SCOPED_BUF;

			buf_init(&out, 1 << 16);
			schema_text(s, row, &out);
			buf_add_byte(&out, '\0');
			assert_false(out.failed);
			check_width((const char *)out.data);
		}
	}
}

/* Every table has its row for each field, and nothing is cut. */
static void
test_all(void **state)
{
	const struct schema *s;

	(void)state;
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		struct buf out SCOPED_BUF;
		size_t lines = 0;

		buf_init(&out, 1 << 20);
		schema_markdown(s, &out);
		for (size_t j = 0; j < out.len; j++)
			lines += out.data[j] == '\n';
		assert_int_equal(lines, s->count == 0 ? 3 : 4 + s->count);
		schema_json(s, &out);
		assert_false(out.failed);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_markdown),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_text_is_broken),
		cmocka_unit_test(test_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
