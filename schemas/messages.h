/* Every table there is, in the order of the manual: what generates documents, tests and schema files goes over this list. */
#ifndef CERTMILL_MESSAGES_H
#define CERTMILL_MESSAGES_H

#include "schema.h"

const struct schema *message_schema(size_t i); /* NULL behind the last */
/* The table of what an answer has beside those of its data. NULL: nothing. */
const struct schema *message_beside(const struct schema *data);
/* The table of what a MAP holds, or each item of RAWS. NULL: no table says it. A copy of a schema counts as the schema. */
const struct schema *message_inner(const struct schema *s, const char *field);

#endif
