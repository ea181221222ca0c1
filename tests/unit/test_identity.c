#include "identity.h"
#include "notation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IDENTITY \
	"{'entity_id': 'e1', 'name': 'nn', 'display_name': 'd', 'metadata': {'team': 'red', 'glob': '*.x', 'empty': ''}," \
	" 'aliases': {'acc': {'id': 'i1', 'name': 'bob', 'metadata': {'k': 'v'}, 'custom_metadata': {'a.b': 'dots'}}}}"

/* clang-format off */
static const struct {
	const char *text;
	const char *filled; /* NULL: it does not resolve */
	bool valid;         /* as a role's */
} templates[] = {
	{ "{{identity.entity.id}}", "e1", true },
	{ "{{identity.entity.name}}", "nn", true },
	{ "{{ identity.entity.name }}.x", "nn.x", true },
	{ "a.{{identity.entity.metadata.team}}.{{identity.entity.aliases.acc.name}}.b", "a.red.bob.b", true },
	{ "{{identity.entity.aliases.acc.id}}", "i1", true },
	{ "{{identity.entity.aliases.acc.metadata.k}}", "v", true },
	{ "{{identity.entity.aliases.acc.custom_metadata.a.b}}", "dots", true },
	{ "*.{{identity.entity.name}}", "*.nn", true }, /* the role's own '*' */
	{ "{{identity.entity.metadata.glob}}", NULL, true },
	{ "{{identity.entity.metadata.empty}}", NULL, true },
	{ "{{identity.entity.metadata.nobody}}", NULL, true },
	{ "{{identity.entity.aliases.other.name}}", NULL, true },
	{ "{{identity.entity.aliases.acc.metadata.nothing}}", NULL, true },
	{ "x{{identity.entity.name}}{{identity.entity.metadata.nobody}}", NULL, true },
	{ "{{identity.entity}}", NULL, false },
	{ "{{identity.entity.}}", NULL, false },
	{ "{{identity.entity.metadata.}}", NULL, false },
	{ "{{identity.entity.aliases.acc}}", NULL, false },
	{ "{{identity.entity.aliases..name}}", NULL, false },
	{ "{{identity.groups.names.x.id}}", NULL, false },
	{ "{{}}", NULL, false },
	{ "{{name}}", NULL, false },
	{ "no template", "no template", true },
	{ "{{identity.entity.name", "{{identity.entity.name", false },
	{ "identity.entity.name}}", "identity.entity.name}}", false },
	{ "{{identity.entity.name}} }}", "nn }}", false },
};

static const struct {
	const char *identity;
	enum err_code code;
	const char *field;
} identities[] = {
	{ "{}", ERR_NONE, "" },
	{ IDENTITY, ERR_NONE, "" },
	{ "{'metadata': nil, 'aliases': nil, 'entity_id': nil}", ERR_NONE, "" },
	{ "{'entity_id': 1}", ERR_WRONG_TYPE, "identity" },
	{ "{'metadata': []}", ERR_WRONG_TYPE, "identity" },
	{ "{'metadata': {'a': 1}}", ERR_WRONG_TYPE, "identity" },
	{ "{'metadata': {1: 'a'}}", ERR_WRONG_TYPE, "identity" },
	{ "{'aliases': ['a']}", ERR_WRONG_TYPE, "identity" },
	{ "{'aliases': {'a': 'b'}}", ERR_MALFORMED, "identity" },
	{ "{'aliases': {'a': {'name': 1}}}", ERR_WRONG_TYPE, "identity" },
	{ "{'aliases': {'a': {'metadata': {'k': nil}}}}", ERR_WRONG_TYPE, "identity" },
	{ "{'groups': []}", ERR_UNKNOWN_FIELD, "identity" },
	{ "{'aliases': {'a': {'mount': 'x'}}}", ERR_UNKNOWN_FIELD, "identity" },
};
/* clang-format on */

static void
reading(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]); i++) {
		struct arena a SCOPED_ARENA = { 0 };
		struct buf packed SCOPED_BUF;
		struct identity_body identity;
		struct err e = { 0 };

		buf_init(&packed, 4096);
		(void)!identity_read(
		    notation_pack(&packed, identities[i].identity), &a, &identity, &e);
		if (e.code != identities[i].code || strcmp(e.field, identities[i].field) != 0)
			fail_msg("%s: came %s of \"%s\": %s", identities[i].identity,
			    err_name(e.code), e.field, e.msg);
	}
}

static void
filling(void **state)
{
	struct buf packed SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct identity_body identity;
	struct err e;

	(void)state;
	buf_init(&packed, 4096);
	assert_true(identity_read(notation_pack(&packed, IDENTITY), &a, &identity, &e));
	for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++) {
		struct slice text = slice_text(templates[i].text), filled;
		bool ok = template_fill(text, &identity, false, &a, &filled);

		if (ok != (templates[i].filled != NULL))
			fail_msg("%s: %s", templates[i].text, ok ? "resolves" : "does not resolve");
		if (ok && !slice_is(filled, templates[i].filled))
			fail_msg("%s: became %.*s", templates[i].text, SLICE_FMT(filled));
		if (template_valid(text) != templates[i].valid)
			fail_msg("%s: is taken for what it is not", templates[i].text);
	}
}

static void
globs_and_strangers(void **state)
{
	const struct identity_body nobody = { .name = SLICE_LITERAL("nn") };
	const struct slice text = SLICE_LITERAL("{{identity.entity.metadata.glob}}");
	struct buf packed SCOPED_BUF;
	struct arena a SCOPED_ARENA = { 0 };
	struct identity_body identity;
	struct slice filled;
	struct err e;

	(void)state;
	buf_init(&packed, 4096);
	assert_true(identity_read(notation_pack(&packed, IDENTITY), &a, &identity, &e));
	assert_true(template_fill(text, &identity, true, &a, &filled));
	assert_true(slice_is(filled, "*.x"));
	/* without an entity the text stands for itself */
	assert_true(template_fill(text, &nobody, false, &a, &filled));
	assert_true(slice_eq(filled, text));
	assert_true(template_fill(text, NULL, false, &a, &filled));
	assert_true(slice_eq(filled, text));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading),
		cmocka_unit_test(filling),
		cmocka_unit_test(globs_and_strangers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
