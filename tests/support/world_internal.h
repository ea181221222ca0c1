/* What the parts of the test world share. */
#ifndef CERTMILL_TEST_WORLD_INTERNAL_H
#define CERTMILL_TEST_WORLD_INTERNAL_H

#include "crl_owner.h"
#include "world.h"

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
/* clang-format on */

#define MUST(expression) \
	do { \
		if (!(expression)) \
			fail_msg("%s: %s", #expression, e.msg); \
	} while (0)

/* In the place of the CRL owner and the CRL book. */
struct revoked {
	struct revoked *next;
	struct slice mount, issuer;
	struct crl_entry entry;
};

struct crl_owner {
	struct arena arena;
	struct revoked *list;
};

struct crl_book {
	struct slice key, der;
	int64_t number;
};

#endif
