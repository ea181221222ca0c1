#include "table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

typedef void print_fn(FILE *out, json_t *data);

static void
mounts_print(FILE *out, json_t *data)
{
	table_mounts(out, data);
}

static const struct {
	const char *name;
	print_fn *print;
	const char *json, *want;
} tables[] = {
	{ "the source document's sample", table_print,
	    "{\"certificate\": \"-----BEGIN CERTIFICATE-----\\nMIIE\\n-----END CERTIFICATE-----\\n\","
	    " \"issuing_ca\": \"-----BEGIN CERTIFICATE-----\\nMIID\\n-----END CERTIFICATE-----\\n\","
	    " \"private_key\": \"-----BEGIN RSA PRIVATE KEY-----\\nMIIE\\n-----END RSA PRIVATE KEY-----\\n\","
	    " \"serial_number\": \"5e:62\", \"serial\": \"5e:62\", \"lease_id\": \"pki/issue/web/5e-62\","
	    " \"lease_duration\": 259200, \"renewable\": false}",
	    "Key              Value\n"
	    "lease_id         pki/issue/web/5e-62\n"
	    "lease_duration   259200\n"
	    "lease_renewable  false\n"
	    "certificate      -----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n"
	    "issuing_ca       -----BEGIN CERTIFICATE-----\nMIID\n-----END CERTIFICATE-----\n"
	    "private_key      -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n"
	    "serial_number    5e:62\n" },
	{ "nothing", table_print, "{}", "Key  Value\n" },
	{ "a serial alone is shown", table_print, "{\"serial\": \"01\"}",
	    "Key     Value\nserial  01\n" },
	{ "lists", table_print,
	    "{\"a\": [\"x\", \"y\"], \"b\": [], \"c\": [1, true], \"d\": [\"1\\n2\\n\", \"3\\n\"]}",
	    "Key  Value\na    x,y\nb    \nc    1,true\nd    1\n2\n3\n" },
	{ "what is nested", table_print, "{\"a\": {\"b\": [1, null]}}",
	    "Key  Value\na    {\"b\":[1,null]}\n" },
	{ "control characters do not reach the terminal", table_print,
	    "{\"cn\": \"a\\u001b[2Jb\\u007f\\r\\u009bc\", \"umlaut\": \"\\u00fc\\ttab\"}",
	    "Key     Value\ncn      a\\x1b[2Jb\\x7f\\x0d\\xc2\x9b"
	    "c\numlaut  \xc3\xbc\ttab\n" },
	{ "mounts", mounts_print,
	    "{\"mounts\": [{\"mount\": \"pki\", \"default_ttl\": 2764800, \"max_ttl\": 2764800, \"description\": \"all\"},"
	    " {\"mount\": \"inner\", \"default_ttl\": 60, \"max_ttl\": 120}], \"seal_key\": {}}",
	    "Path    Type  Default TTL  Max TTL  Description\n"
	    "pki/    pki   2764800      2764800  all\n"
	    "inner/  pki   60           120      \n" },
	{ "a mount is a line", mounts_print,
	    "{\"mounts\": [{\"mount\": \"pki\", \"description\": \"a\\nroot/  pki\"}]}",
	    "Path  Type  Default TTL  Max TTL  Description\n"
	    "pki/  pki                         a\\x0aroot/  pki\n" },
	{ "no mounts", mounts_print, "{\"mounts\": []}",
	    "Path  Type  Default TTL  Max TTL  Description\n" },
};

static json_t *
json_of(const char *text)
{
	json_error_t where;
	json_t *value = json_loads(text, 0, &where);

	if (value == NULL)
		fail_msg("the test's JSON: %s", where.text);
	return value;
}

static void
tables_are_printed(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(tables); i++) {
		json_t *data = json_of(tables[i].json);
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);

		tables[i].print(out, data);
		fclose(out);
		if (strcmp(text, tables[i].want) != 0)
			fail_msg(
			    "%s: expected\n%s\ncame\n%s", tables[i].name, tables[i].want, text);
		free(text);
		json_decref(data);
	}
}

static const struct {
	const char *json, *field, *want; /* want NULL: there is no such field */
} fields[] = {
	{ "{\"a\": \"text\\n\"}", "a", "text\n" },
	{ "{\"a\": 5}", "a", "5" },
	{ "{\"a\": false}", "a", "false" },
	{ "{\"a\": [\"x\", \"y\"]}", "a", "x\ny" },
	{ "{\"a\": []}", "a", "" },
	{ "{\"a\": {\"b\": 1}}", "a", "{\"b\":1}" },
	{ "{\"a\": \"\\u001b\"}", "a", "\x1b" }, /* raw means raw */
	{ "{\"renewable\": false}", "lease_renewable", "false" },
	{ "{\"a\": 5}", "b", NULL },
	{ "{}", "lease_id", NULL },
};

static void
fields_are_raw(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fields); i++) {
		json_t *data = json_of(fields[i].json);
		char *text = NULL;
		size_t size;
		FILE *out = open_memstream(&text, &size);
		bool found = table_field(out, data, fields[i].field);

		fclose(out);
		if (found != (fields[i].want != NULL))
			fail_msg("%s of %s: %s", fields[i].field, fields[i].json,
			    found ? "found" : "not found");
		if (found && strcmp(text, fields[i].want) != 0)
			fail_msg("%s of %s: expected \"%s\", came \"%s\"", fields[i].field,
			    fields[i].json, fields[i].want, text);
		free(text);
		json_decref(data);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_printed),
		cmocka_unit_test(fields_are_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
