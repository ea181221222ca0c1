/* Which names a role allows. Pure functions. */
#ifndef CERTMILL_POLICY_NAMES_H
#define CERTMILL_POLICY_NAMES_H

#include "envelope.h"
#include "role.h"

/* Who asks, and under which role. */
struct asker {
	const struct role_rules *rules;
	const struct role *role;              /* rules->role, or one that differs in its flags */
	const struct identity_body *identity; /* NULL: unknown */
	struct arena *arena;
};

/* ERR_NAME_NOT_ALLOWED says which option of the role would allow the name; `field` is the parameter that it came in. */
bool name_allowed(
    const struct asker *asker, const struct name *name, const char *field, struct err *e) MUST_USE;

#endif
