/* What tests of revoke share: the sample world, and a certificate to revoke. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_REVOKE_KIT_H
#define CERTMILL_TEST_REVOKE_KIT_H

#include "scoped_openssl.h"
#include "world.h"

#define DAY   ((int64_t)86400)
#define ASKED (WORLD_NOW) /* the second in which the world's requests were sent */

static inline int
setup(void **state)
{
	struct world *w = world_new();

	world_sample(w);
	*state = w;
	return 0;
}

static inline int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

static inline struct answer *
issued(struct world *w)
{
	return world_do(w,
	    ASK("issue", .role = "web",
		.params = PARAMS("common_name", "a.example.com", "ttl", "1h")));
}

static inline const char *
text_of(struct world *w, const struct answer *a, const char *name)
{
	return arena_text(&w->arena, data_text(a, name));
}

#endif
