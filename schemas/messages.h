/* Every table there is, in the order of the manual: what generates documents, tests and schema files goes over this list. */
#ifndef CERTMILL_MESSAGES_H
#define CERTMILL_MESSAGES_H

#include "schema.h"

const struct schema *message_schema(size_t i); /* NULL behind the last */

#endif
