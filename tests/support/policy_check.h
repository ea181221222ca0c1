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

/* Those but key_usage_not_for_key_type, which every certificate of a role with the default key usages has. */
static inline void
check_warnings(const char *name, const char *wanted, const struct template *t)
{
	const char *came = NULL;
	size_t count = 0;

	for (size_t i = 0; i < t->warning_count; i++) {
		assert_true(t->warnings[i].message.len > 0);
		if (strcmp(t->warnings[i].code, "key_usage_not_for_key_type") == 0)
			continue;
		came = t->warnings[i].code;
		count++;
	}
	if (count != (wanted != NULL))
		fail_msg("%s: expected %s, came %zu warnings: %s", name,
		    wanted == NULL ? "no warning" : wanted, count, count == 0 ? "" : came);
	if (wanted != NULL && strcmp(came, wanted) != 0)
		fail_msg("%s: expected %s, came %s", name, wanted, came);
}

static inline bool
has_warning(const struct template *t, const char *code)
{
	for (size_t i = 0; i < t->warning_count; i++)
		if (strcmp(t->warnings[i].code, code) == 0)
			return true;
	return false;
}

/* A decision under that role; what `in` leaves out is a mount of a day and a CA of a year. */
static inline bool
decide_as(const char *role_text, struct policy_input in, struct arena *a, struct template *t,
    struct err *e)
{
	struct role *role = arena_alloc(a, sizeof(*role));
	struct role_rules *rules = arena_alloc(a, sizeof(*rules));

	role_of_text(a, role_text, role);
	in.rules = rules;
	if (in.now == 0)
		in.now = NOW;
	if (in.mount_default_ttl == 0)
		in.mount_default_ttl = DAY;
	if (in.issuer_not_after == 0)
		in.issuer_not_after = NOW + 365 * DAY;
	return role_rules_make(role, a, rules, e) && policy_decide(&in, a, t, e);
}

#endif
