/*
 * A role's allowed domains made ready for names: in ASCII and lower case, sorted, so that a name is looked up among them
 * and not held against each. Immutable once made.
 */
#ifndef CERTMILL_DOMAIN_SET_H
#define CERTMILL_DOMAIN_SET_H

#include "name.h"
#include "states.h"

struct domain_glob {
	struct slice pattern;
	struct slice tail; /* what stands behind its last '*' */
};

struct domain_set {
	struct slice *domains; /* sorted */
	size_t count;
	struct domain_glob *globs; /* those of them that hold a '*' */
	size_t glob_count;
};

/* A domain that cannot be written in ASCII, and an empty one, match nothing and are left out. */
void domain_set_make(const struct slice_list *texts, struct arena *a, struct domain_set *ret);
/* Under the role's allow_bare_domains, allow_subdomains and allow_glob_domains. */
bool domain_set_allows(
    const struct domain_set *set, const struct role *role, const struct name *name);
/* The same of one domain by itself, as it stands in the role or came out of a template. */
bool domain_allows(
    struct slice text, const struct role *role, const struct name *name, struct arena *a);

#endif
