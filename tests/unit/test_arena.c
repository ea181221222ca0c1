#include "arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Allocations of every size up to several blocks: zeroed, aligned, and none lies in another. */
static void
arena_allocates(void **state)
{
	static const size_t sizes[] = { 0, 1, 7, 8, 15, 16, 17, 100, 4096, 65536, 65537, 200000,
		3 };
	struct arena SCOPED_ARENA a = { 0 };

	(void)state;
	for (int round = 0; round < 3; round++) {
		uint8_t *got[130];

		for (size_t i = 0; i < 130; i++) {
			size_t size = sizes[i % 13];

			got[i] = arena_alloc(&a, size);
			assert_int_equal((uintptr_t)got[i] % _Alignof(max_align_t), 0);
			for (size_t k = 0; k < size; k++)
				if (got[i][k] != 0)
					fail_msg("round %d, allocation %zu: byte %zu is not zero",
					    round, i, k);
			memset(got[i], (int)i + 1, size);
		}
		for (size_t i = 0; i < 130; i++)
			for (size_t k = 0; k < sizes[i % 13]; k++)
				if (got[i][k] != i + 1)
					fail_msg("allocation %zu: byte %zu was overwritten", i, k);
		arena_reset(&a);
	}
}

static void
arena_copies(void **state)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct slice copy = arena_copy(&a, SLICE_LITERAL("ab\0cd"));

	(void)state;
	assert_int_equal(copy.len, 5);
	assert_memory_equal(copy.data, "ab\0cd\0", 6);
	assert_string_equal(arena_text(&a, SLICE_LITERAL("text")), "text");
	assert_string_equal(arena_text(&a, SLICE_NONE), "");
	assert_string_equal(arena_printf(&a, "%s/%d", "x", 7), "x/7");
	assert_non_null(arena_array(&a, 10, sizeof(uint64_t)));
}

static void
arena_empty_is_fine(void **state)
{
	struct arena a = { 0 };

	(void)state;
	arena_reset(&a);
	arena_done(&a);
	arena_done(&a);
	assert_null(a.head);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_allocates),
		cmocka_unit_test(arena_copies),
		cmocka_unit_test(arena_empty_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
