#include "document.h"

#include "contract.h"
#include "warnings.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int
make_manual(void **state)
{
	static struct buf manual;

	buf_init(&manual, (size_t)1 << 20);
	document_messages(&manual);
	if (manual.failed)
		return -1;
	buf_add_byte(&manual, '\0');
	*state = &manual;
	return 0;
}

static int
drop_manual(void **state)
{
	buf_done(*state);
	return 0;
}

static const char *
text_of(void **state)
{
	return (const char *)((const struct buf *)*state)->data;
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
	char whole[256];

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
		expect_line(text_of(state), line);
		if (op->params->count > 0) {
			snprintf(line, sizeof(line), "### %s\n\n| field", op->params->name);
			expect_line(text_of(state), line);
		}
		if (op->data != NULL) {
			snprintf(line, sizeof(line), "### %s\n\n| field", op->data->name);
			expect_line(text_of(state), line);
		}
	}
}

static void
test_codes(void **state)
{
	const struct warning_row *w;
	char line[128];

	for (int code = ERR_NONE + 1; code < ERR_COUNT; code++) {
		snprintf(line, sizeof(line), "| `%s` | %s | ", err_name((enum err_code)code),
		    err_can_retry((enum err_code)code) ? "yes" : "no");
		expect_line(text_of(state), line);
	}
	for (size_t i = 0; (w = warning_at(i)) != NULL; i++) {
		snprintf(line, sizeof(line), "| `%s` | %s |\n", w->code, w->help);
		expect_line(text_of(state), line);
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
	const char *text = text_of(state);
	size_t links = 0;

	for (const char *at = text; (at = strstr(at, "](#")) != NULL; links++) {
		size_t len = strcspn(at += 3, ")");

		if (!anchor_exists(text, at, len))
			fail_msg("the manual has a link to \"#%.*s\", and no such heading",
			    (int)len, at);
	}
	assert_true(links > 40);
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
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_warnings_known),
	};

	return cmocka_run_group_tests(tests, make_manual, drop_manual);
}
