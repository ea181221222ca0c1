/* What the tests of policy share: looking at refusals, warnings and lists. */
#ifndef CERTMILL_POLICY_CHECK_H
#define CERTMILL_POLICY_CHECK_H

#include "policy.h"

#include "role_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW          ((int64_t)1700000000)
#define DAY          ((int64_t)86400)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static inline const char *
text_of(struct arena *a, const struct slice_list *list)
{
	const char *text = "";

	for (size_t i = 0; i < list->count; i++)
		text = arena_printf(
		    a, "%s%s%.*s", text, i == 0 ? "" : ",", SLICE_FMT(list->items[i]));
	return text;
}

static inline void
check_refusal(
    const char *name, const char *code, const char *field, const char *says, const struct err *e)
{
	if (strcmp(err_name(e->code), code) != 0 || strcmp(e->field, field) != 0 ||
	    strstr(e->msg, says) == NULL)
		fail_msg("%s: expected %s on %s, \"...%s...\", came %s on %s: %s", name, code,
		    field, says, err_name(e->code), e->field, e->msg);
}

static inline void
check_warnings(const char *name, const char *wanted, const struct template *t)
{
	if (t->warning_count != (wanted != NULL))
		fail_msg("%s: expected %s, came %zu warnings: %s", name,
		    wanted == NULL ? "no warning" : wanted, t->warning_count,
		    t->warning_count == 0 ? "" : t->warnings[0].code);
	if (wanted != NULL && strcmp(t->warnings[0].code, wanted) != 0)
		fail_msg("%s: expected %s, came %s", name, wanted, t->warnings[0].code);
	for (size_t i = 0; i < t->warning_count; i++)
		assert_true(t->warnings[i].message.len > 0);
}

#endif
