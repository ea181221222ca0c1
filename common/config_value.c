#include "config_value.h"

#include "timespan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
member(const struct setting *row, void *settings)
{
	return (char *)settings + row->offset;
}

static bool
setting_refuse(const struct setting *row, const char *source, const char *value, const char *wants,
    struct err *e)
{
	return err_field(
	    e, ERR_CONFIG, row->name, "%s: %s = \"%.60s\": %s", source, row->name, value, wants);
}

static bool
int_parse(const char *value, int64_t *ret)
{
	char *end;
	long long number;

	/* strtoll would pass over white space */
	if (value[0] != '-' && (value[0] < '0' || value[0] > '9'))
		return false;
	errno = 0;
	number = strtoll(value, &end, 10);
	*ret = number;
	return errno == 0 && end[0] == '\0';
}

/* A number with KiB, MiB or GiB behind it, or nothing. */
static bool
size_parse(const char *value, int64_t *ret)
{
	static const char *const units[] = { "", "KiB", "MiB", "GiB" };
	size_t digits = strspn(value, "0123456789");
	int64_t number = 0;

	for (size_t i = 0; i < digits; i++)
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, value[i] - '0', &number))
			return false;
	for (size_t unit = 0; digits > 0 && unit < sizeof(units) / sizeof(units[0]); unit++)
		if (strcmp(value + digits, units[unit]) == 0)
			return !__builtin_mul_overflow(number, (int64_t)1 << (10 * unit), ret);
	return false;
}

static bool
bool_parse(const char *value, bool *ret)
{
	static const struct {
		const char *text;
		bool value;
	} texts[] = {
		{ "true", true },
		{ "false", false },
		{ "yes", true },
		{ "no", false },
		{ "on", true },
		{ "off", false },
		{ "1", true },
		{ "0", false },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (strcmp(value, texts[i].text) == 0) {
			*ret = texts[i].value;
			return true;
		}
	}
	return false;
}

static bool
text_store(
    const struct setting *row, const char *source, const char *value, void *settings, struct err *e)
{
	size_t len = strlen(value);
	char wants[80], *copy;

	if (len < (size_t)row->min || len > (size_t)row->max) {
		snprintf(wants, sizeof(wants), "%lld to %lld characters are wanted",
		    (long long)row->min, (long long)row->max);
		return setting_refuse(row, source, value, wants, e);
	}
	copy = strdup(value);
	if (copy == NULL)
		abort();
	setting_free(row, settings);
	*(char **)member(row, settings) = copy;
	return true;
}

/* How a number of this type is written. */
static void
number_format(const struct setting *row, int64_t number, char ret[static 32])
{
	snprintf(ret, 32, "%lld%s", (long long)number, row->type == SETTING_SPAN ? "s" : "");
}

static bool
number_store(const struct setting *row, const char *source, const char *value, int64_t number,
    void *settings, struct err *e)
{
	char min[32], max[32], wants[80];

	if (number < row->min || number > row->max) {
		number_format(row, row->min, min);
		number_format(row, row->max, max);
		snprintf(wants, sizeof(wants), "%s to %s is wanted", min, max);
		return setting_refuse(row, source, value, wants, e);
	}
	*(int64_t *)member(row, settings) = number;
	return true;
}

bool
setting_store(
    const struct setting *row, const char *source, const char *value, void *settings, struct err *e)
{
	struct err ignored;
	int64_t number;

	switch (row->type) {
	case SETTING_TEXT:
		return text_store(row, source, value, settings, e);
	case SETTING_BOOL:
		return bool_parse(value, member(row, settings)) ||
		    setting_refuse(row, source, value, "true or false is wanted", e);
	case SETTING_INT:
		if (!int_parse(value, &number))
			return setting_refuse(row, source, value, "a number is wanted", e);
		break;
	case SETTING_SIZE:
		if (!size_parse(value, &number))
			return setting_refuse(
			    row, source, value, "a size is wanted, such as 4096, 64KiB or 4MiB", e);
		break;
	case SETTING_SPAN:
		if (value[0] == '\0' ||
		    !timespan_parse(slice_text(value), row->name, &number, &ignored))
			return setting_refuse(row, source, value,
			    "a time span is wanted, such as 90, 10s, 30m or 72h", e);
		break;
	default:
		abort();
	}
	return number_store(row, source, value, number, settings, e);
}

void
setting_clear(const struct setting *row, void *settings)
{
	if (row->type == SETTING_TEXT)
		*(char **)member(row, settings) = NULL;
	else if (row->type == SETTING_BOOL)
		*(bool *)member(row, settings) = false;
	else
		*(int64_t *)member(row, settings) = 0;
}

void
setting_free(const struct setting *row, void *settings)
{
	if (row->type != SETTING_TEXT)
		return;
	free(*(char **)member(row, settings));
	setting_clear(row, settings);
}

/* ---- the manual ---- */

static void
range_print(const struct setting *row)
{
	static const char *const names[] = { "text", "number", "true or false", "time span",
		"size" };
	char min[32], max[32];

	number_format(row, row->min, min);
	number_format(row, row->max, max);
	if (row->type == SETTING_BOOL)
		printf("%s", names[row->type]);
	else
		printf("%s, %s to %s%s", names[row->type], min, max,
		    row->type == SETTING_TEXT ? " characters" : "");
}

void
config_document(const struct setting *table, size_t count)
{
	printf("| setting | value | default | what it is |\n| --- | --- | --- | --- |\n");
	for (size_t i = 0; i < count; i++) {
		printf("| `%s` | ", table[i].name);
		range_print(&table[i]);
		if (table[i].def == NULL)
			printf(" | required");
		else if (table[i].def[0] == '\0')
			printf(" | ");
		else
			printf(" | `%s`", table[i].def);
		printf(" | %s |\n", table[i].help);
	}
}

/* As comments of some 100 columns: the file's reader refuses a line of 200. */
static void
comment_print(const char *text)
{
	size_t column = 0;

	for (const char *word = text; *word != '\0';) {
		size_t len = strcspn(word, " ");

		if (column > 0 && column + len > 96) {
			printf("\n");
			column = 0;
		}
		printf("%s%.*s", column == 0 ? "; " : " ", (int)len, word);
		column += len + 1;
		word += len + strspn(word + len, " ");
	}
	printf("\n");
}

void
config_sample(const struct setting *table, size_t count)
{
	const char *section = "";

	for (size_t i = 0; i < count; i++) {
		const char *name = table[i].name, *key = strchr(name, '.') + 1;

		if (strncmp(name, section, (size_t)(key - name)) != 0)
			printf("\n[%.*s]\n", (int)(key - name - 1), name);
		section = name;
		comment_print(table[i].help);
		printf("; (");
		range_print(&table[i]);
		printf("%s)\n;%s =%s%s\n", table[i].def == NULL ? "; required" : "", key,
		    table[i].def == NULL || table[i].def[0] == '\0' ? "" : " ",
		    table[i].def == NULL ? "" : table[i].def);
	}
}
