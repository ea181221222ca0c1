/*
 * Scoped cleanup. SCOPED(X509) crt = ...; is freed at the end of its block; hand it over with TAKE(crt). House rules:
 * initialise at the declaration, no goto in the same function, one SCOPED a line, never SCOPED what is borrowed.
 */
#ifndef CERTMILL_SCOPED_H
#define CERTMILL_SCOPED_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define SCOPED(type) __attribute__((cleanup(type##_scoped))) type *
#define TAKE(p) \
	__extension__({ \
		__typeof__(p) taken_ = (p); \
		(p) = NULL; \
		taken_; \
	})
/* For a typedef name whose free function takes NULL. */
#define DEFINE_SCOPED(type, free_fn) \
	static inline void type##_scoped(type **p) \
	{ \
		if (*p != NULL) \
			free_fn(*p); \
	}

static inline void
scoped_free(void *p)
{
	free(*(void **)p);
}
#define SCOPED_FREE __attribute__((cleanup(scoped_free)))

static inline void
scoped_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define SCOPED_FD __attribute__((cleanup(scoped_close)))

static inline void
FILE_scoped(FILE **f)
{
	if (*f != NULL)
		fclose(*f);
}

#endif
