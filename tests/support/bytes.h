/* What unit tests compare: bytes, shown in hexadecimal when they differ. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_BYTES_H
#define CERTMILL_TEST_BYTES_H

#include "slice.h"

#include <stdio.h>

static inline void
bytes_show(const char *label, struct slice bytes)
{
	fprintf(stderr, "%s (%zu):", label, bytes.len);
	for (size_t i = 0; i < bytes.len; i++)
		fprintf(stderr, "%s%02x", i % 32 == 0 ? "\n  " : "", bytes.data[i]);
	fputc('\n', stderr);
}

static inline void
expect_bytes(const char *what, struct slice got, struct slice expected)
{
	if (slice_eq(got, expected))
		return;
	bytes_show("expected", expected);
	bytes_show("got", got);
	fail_msg("%s: the bytes differ", what);
}

#endif
