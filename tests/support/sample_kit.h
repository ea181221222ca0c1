/* The sample world as the state of each test. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_SAMPLE_KIT_H
#define CERTMILL_TEST_SAMPLE_KIT_H

#include "world.h"

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

#endif
