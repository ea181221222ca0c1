/* Which names a role allows. Pure functions. */
#ifndef CERTMILL_POLICY_NAMES_H
#define CERTMILL_POLICY_NAMES_H

#include "name.h"
#include "states.h"

/* Who asks, and under which role. */
struct asker {
	const struct role *role;
	struct slice display_name; /* absent: unknown */
	struct arena *arena;
};

/* ERR_NAME_NOT_ALLOWED says which option of the role would allow the name; `field` is the parameter that it came in. */
bool name_allowed(
    const struct asker *asker, const struct name *name, const char *field, struct err *e) MUST_USE;

#endif
