/* What tests of revoke share: the sample world, and a certificate to revoke. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_REVOKE_KIT_H
#define CERTMILL_TEST_REVOKE_KIT_H

#include "sample_kit.h"
#include "scoped_openssl.h"

#define DAY   ((int64_t)86400)
#define ASKED (WORLD_NOW) /* the second in which the world's requests were sent */

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
