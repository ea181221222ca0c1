/* Every warning code that can stand in an answer: the one list, from which the manual is made. */
#ifndef CERTMILL_WARNINGS_H
#define CERTMILL_WARNINGS_H

#include <stdbool.h>
#include <stddef.h>

struct warning_row {
	const char *code, *help, *advice;
};

const struct warning_row *warning_at(size_t i); /* NULL behind the last */
bool warning_known(const char *code);

#endif
