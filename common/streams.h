/* Standard input, output and error. */
#ifndef CERTMILL_STREAMS_H
#define CERTMILL_STREAMS_H

#include <stdbool.h>

/*
 * Keeps the places of those that the caller has closed: a socket to Kafka or Redis would take them otherwise, and what is
 * printed or logged would go there. Reading or writing such a stream fails, as it did before. To be called before any file
 * is opened. False: errno says why.
 */
bool streams_reserve(void);

#endif
