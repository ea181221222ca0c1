/*
 * For clang-tidy alone, included before each file but err.c: these never return true, which the analyzer, one file at a
 * time, cannot see.
 */
#include "err.h"

#define NEVER(call) \
	__extension__({ \
		bool never_ = call; \
		__builtin_assume(!never_); \
		never_; \
	})

#define err_set(...)     NEVER(err_set(__VA_ARGS__))
#define err_field(...)   NEVER(err_field(__VA_ARGS__))
#define err_openssl(...) NEVER(err_openssl(__VA_ARGS__))
#define err_errno(...)   NEVER(err_errno(__VA_ARGS__))
