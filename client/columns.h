/* Rows of cells, printed with each column as wide as its widest. Control characters are shown as \xNN, as in table.h. */
#ifndef CERTMILL_COLUMNS_H
#define CERTMILL_COLUMNS_H

#include "err.h"

#include <stdio.h>

struct columns {
	size_t columns;
	char **cells; /* the head first, row by row */
	size_t count, capacity;
};

void columns_init(struct columns *c, const char *const *head, size_t columns);
/* The next cell. */
void columns_add(struct columns *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
void columns_print(FILE *out, const struct columns *c);
void columns_done(struct columns *c);

static inline void
columns_scoped(struct columns *c)
{
	columns_done(c);
}
#define SCOPED_COLUMNS __attribute__((cleanup(columns_scoped)))

#endif
