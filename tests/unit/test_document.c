#include "document.h"

#include "contract.h"
#include "messages.h"
#include "warnings.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct manuals {
	struct buf messages, errors;
};

static void
manual_make(struct buf *manual, void (*make)(struct buf *out))
{
	buf_init(manual, (size_t)1 << 20);
	make(manual);
	buf_add_byte(manual, '\0');
	assert_false(manual->failed);
}

static int
make_manuals(void **state)
{
	static struct manuals manuals;

	manual_make(&manuals.messages, document_messages);
	manual_make(&manuals.errors, document_errors);
	*state = &manuals;
	return 0;
}

static int
drop_manuals(void **state)
{
	struct manuals *manuals = *state;

	buf_done(&manuals->messages);
	buf_done(&manuals->errors);
	return 0;
}

static const char *
messages_of(void **state)
{
	return (const char *)((const struct manuals *)*state)->messages.data;
}

static const char *
errors_of(void **state)
{
	return (const char *)((const struct manuals *)*state)->errors.data;
}

static size_t
count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
		count++;
	return count;
}

/* The line stands exactly once. */
static void
expect_line(const char *text, const char *line)
{
	char whole[1024];

	snprintf(whole, sizeof(whole), "\n%s", line);
	if (count_of(text, whole) != 1)
		fail_msg("\"%s\" should begin one line of the manual, and begins %zu", line,
		    count_of(text, whole));
}

static void
test_operations(void **state)
{
	char line[128];

	for (size_t i = 0; i < OP_COUNT; i++) {
		const struct contract *op = &contracts[i];

		snprintf(line, sizeof(line), "## %s\n\nOn `.%s`: ", op->name,
		    topic_kind_names[op->topic]);
		expect_line(messages_of(state), line);
		if (op->params->count > 0) {
			snprintf(line, sizeof(line), "### %s\n\n| field", op->params->name);
			expect_line(messages_of(state), line);
		}
		if (op->data != NULL) {
			snprintf(line, sizeof(line), "### %s\n\n| field", op->data->name);
			expect_line(messages_of(state), line);
		}
	}
}

/* No map of a request is left for the reader to guess. */
static void
test_request_tables(void **state)
{
	const struct schema *s;
	char line[128];

	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		if (strncmp(s->name, "request", strlen("request")) != 0)
			continue;
		snprintf(line, sizeof(line), "### %s\n\n| field", s->name);
		expect_line(messages_of(state), line);
	}
}

/* What would end a table's cell. */
static void
expect_cell(const char *text)
{
	if (text == NULL || text[0] == '\0' || strpbrk(text, "|\n") != NULL)
		fail_msg("no cell of a table: \"%s\"", text == NULL ? "(none)" : text);
}

/* Each code has one row: cause, whether to retry, what to do. */
static void
test_codes(void **state)
{
	const struct warning_row *w;
	char line[1000];

	for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
		enum err_code code = (enum err_code)i;

		expect_cell(err_help(code));
		expect_cell(err_advice(code));
		snprintf(line, sizeof(line), "| `%s` | %s | %s | %s |\n", err_name(code),
		    err_can_retry(code) ? "yes" : "no", err_help(code), err_advice(code));
		expect_line(errors_of(state), line);
	}
	for (size_t i = 0; (w = warning_at(i)) != NULL; i++) {
		expect_cell(w->help);
		expect_cell(w->advice);
		snprintf(line, sizeof(line), "| `%s` | %s | %s |\n", w->code, w->help, w->advice);
		expect_line(errors_of(state), line);
	}
}

/* Is there a heading that the forges give this anchor? */
static bool
anchor_exists(const char *text, const char *anchor, size_t len)
{
	for (const char *at = text; (at = strstr(at, "\n#")) != NULL;) {
		size_t same = 0;

		for (at += 1 + strspn(at + 1, "# "); *at != '\n' && *at != '\0'; at++) {
			if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
				continue;
			same = same < len && anchor[same] == tolower((unsigned char)*at) ? same + 1
											 : len + 1;
		}
		if (same == len)
			return true;
	}
	return false;
}

static void
test_links(void **state)
{
	const char *text = messages_of(state);
	size_t links = 0;

	for (const char *at = text; (at = strstr(at, "](#")) != NULL; links++) {
		size_t len = strcspn(at += 3, ")");

		if (!anchor_exists(text, at, len))
			fail_msg("the manual has a link to \"#%.*s\", and no such heading",
			    (int)len, at);
	}
	assert_true(links > 40);
}

/* The file that a schema's name stands for, read whole. */
static void
read_schema(const char *folder, const char *name, const char *kind, struct buf *ret)
{
	char path[256], *file = path + strlen(folder) + 1;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s%s.json", folder, name, kind);
	for (; *file != '\0'; file++)
		*file = *file == '/' ? '-' : *file;
	f = fopen(path, "r");
	if (f == NULL)
		fail_msg("there is no %s", path);
	buf_clear(ret);
	ret->len = fread(buf_reserve(ret, 1 << 20), 1, 1 << 20, f);
	buf_add_byte(ret, '\0');
	fclose(f);
	assert_int_equal(unlink(path), 0);
}

static void
expect_in(const struct buf *file, const char *what, const char *name)
{
	if (strstr((const char *)file->data, what) == NULL)
		fail_msg("the schema of \"%s\" does not have %s", name, what);
}

/* A file for each table, each operation and the envelopes; and no other, or the folder could not be removed. */
static void
test_schemas(void **state)
{
	char folder[] = "/tmp/certmill-schemas-XXXXXX", line[128];
	const struct schema *s;
	struct buf file SCOPED_BUF = { 0 };
	struct err e;

	(void)state;
	buf_init(&file, (size_t)2 << 20);
	assert_non_null(mkdtemp(folder));
	assert_true(document_schemas(folder, &e));
	for (size_t i = 0; i < OP_COUNT; i++) {
		const struct contract *op = &contracts[i];

		snprintf(line, sizeof(line), "\"const\": \"%s\"", op->name);
		read_schema(folder, op->name, ".request", &file);
		expect_in(&file, line, op->name);
		expect_in(&file, "\"$schema\": \"https://json-schema.org/draft/2020-12/schema\"",
		    op->name);
		read_schema(folder, op->name, ".response", &file);
		expect_in(&file, line, op->name);
	}
	for (size_t i = 0; (s = message_schema(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "\"title\": \"%s\"", s->name);
		read_schema(folder, s->name, "", &file);
		expect_in(&file, line, s->name);
	}
	assert_int_equal(rmdir(folder), 0);
	assert_false(document_schemas("/dev/null/schemas", &e));
	assert_int_equal(e.code, ERR_SYSTEM);
}

static void
test_warnings_known(void **state)
{
	(void)state;
	assert_true(warning_known("headers_dropped"));
	assert_false(warning_known("headers_drop"));
	for (size_t i = 1; warning_at(i) != NULL; i++)
		if (strcmp(warning_at(i - 1)->code, warning_at(i)->code) >= 0)
			fail_msg("\"%s\" should stand behind \"%s\"", warning_at(i - 1)->code,
			    warning_at(i)->code);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_operations),
		cmocka_unit_test(test_request_tables),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_schemas),
		cmocka_unit_test(test_warnings_known),
	};

	return cmocka_run_group_tests(tests, make_manuals, drop_manuals);
}
