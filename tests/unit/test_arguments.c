#include "arguments.h"
#include "scoped.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "notation.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define WORDS_MAX    4

/* What each set of words becomes; standard input holds "piped\n". */
static const struct {
	const char *words[WORDS_MAX];
	const char *msgpack; /* notation.h; NULL: refused */
	enum err_code code;
	const char *message;
} cases[] = {
	/* clang-format off */
	{ { "a=b" },                        "{'a' 'b'}", ERR_NONE, NULL },
	{ { "a=" },                         "{'a' ''}", ERR_NONE, NULL },
	{ { "a=b=c" },                      "{'a' 'b=c'}", ERR_NONE, NULL },
	{ { "a=1", "b=true" },              "{'a' '1', 'b' 'true'}", ERR_NONE, NULL },
	{ { "a=1", "b=2", "a=3" },          "{'a' ['1' '3'], 'b' '2'}", ERR_NONE, NULL },
	{ { "a=1", "a=2", "a=3" },          "{'a' ['1' '2' '3']}", ERR_NONE, NULL },
	{ { "a=-" },                        "{'a' 'piped\n'}", ERR_NONE, NULL },
	{ { "a=-1" },                       "{'a' '-1'}", ERR_NONE, NULL },
	{ { "a=\\-" },                      "{'a' '-'}", ERR_NONE, NULL },
	{ { "a=\\@file" },                  "{'a' '@file'}", ERR_NONE, NULL },
	{ { "a=\\n" },                      "{'a' '\\n'}", ERR_NONE, NULL },
	{ { "no-equals" },                  NULL, ERR_INVALID_VALUE, "is no key=value" },
	{ { "=value" },                     NULL, ERR_INVALID_VALUE, "is no key=value" },
	{ { "-" },                          NULL, ERR_INVALID_VALUE, "is no key=value" },
	{ { "a=-", "b=-" },                 NULL, ERR_INVALID_VALUE, "standard input can be only one value" },
	{ { "a=@/nonexistent/file" },       NULL, ERR_SYSTEM, "/nonexistent/file" },
	{ { "a=@/" },                       NULL, ERR_SYSTEM, "/" },
	{ { "a=@/dev/zero" },               NULL, ERR_TOO_LARGE, "/dev/zero" },
	/* clang-format on */
};

static FILE *
input(void)
{
	FILE *in = tmpfile();

	assert_non_null(in);
	fputs("piped\n", in);
	rewind(in);
	return in;
}

static void
case_run(size_t number)
{
	struct arguments SCOPED_ARGUMENTS args = { 0 };
	struct buf SCOPED_BUF want = { 0 };
	struct buf SCOPED_BUF came = { 0 };
	SCOPED(FILE) in = input();
	struct writer w = { &came };
	char *words[WORDS_MAX];
	size_t count = 0;
	struct err e = { 0 };

	for (; count < WORDS_MAX && cases[number].words[count] != NULL; count++)
		words[count] = strdup(cases[number].words[count]);
	if (arguments_read(words, count, in, &args, &e) != (cases[number].msgpack != NULL))
		fail_msg("%s: %s", words[0],
		    cases[number].msgpack == NULL ? "expected a refusal" : e.msg);
	if (cases[number].msgpack == NULL &&
	    (e.code != cases[number].code || strstr(e.msg, cases[number].message) == NULL))
		fail_msg("%s: expected %s and \"%s\", came %s and \"%s\"", words[0],
		    err_name(cases[number].code), cases[number].message, err_name(e.code), e.msg);
	if (cases[number].msgpack != NULL) {
		buf_init(&want, 4096);
		buf_init(&came, 4096);
		arguments_encode(&args, &w);
		expect_bytes(
		    words[0], buf_slice(&came), notation_pack(&want, cases[number].msgpack));
	}
	for (size_t i = 0; i < count; i++)
		free(words[i]);
}

static void
words_become_a_map(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		case_run(i);
}

static void
a_file_is_read(void **state)
{
	struct arguments SCOPED_ARGUMENTS args = { 0 };
	char path[] = "/tmp/certmill-test-XXXXXX", word[64];
	char *words[] = { word };
	int fd = mkstemp(path);
	struct err e = { 0 };

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "two\nlines\n", 10), 10);
	close(fd);
	(void)snprintf(word, sizeof(word), "csr=@%s", path);
	if (!arguments_read(words, 1, stdin, &args, &e))
		fail_msg("%s", e.msg);
	unlink(path);
	expect_bytes(
	    "file", buf_slice(&arguments_find(&args, "csr")->value), SLICE_LITERAL("two\nlines\n"));
	assert_null(arguments_find(&args, "cs"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_a_map),
		cmocka_unit_test(a_file_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
