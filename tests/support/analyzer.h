/*
 * For clang-tidy alone, included before each file but err.c: these never return true, which the analyzer, one file at a
 * time, cannot see.
 */
#include "err.h"

#define ERR_NEVER(call) \
	__extension__({ \
		bool never_ = call; \
		__builtin_assume(!never_); \
		never_; \
	})

#define err_set(...)     ERR_NEVER(err_set(__VA_ARGS__))
#define err_field(...)   ERR_NEVER(err_field(__VA_ARGS__))
#define err_openssl(...) ERR_NEVER(err_openssl(__VA_ARGS__))
#define err_errno(...)   ERR_NEVER(err_errno(__VA_ARGS__))
