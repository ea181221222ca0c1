/* What the two ends of the endpoint share. */
#ifndef CERTMILL_ENDPOINT_INTERNAL_H
#define CERTMILL_ENDPOINT_INTERNAL_H

#include "endpoint.h"

struct addrinfo;

/* ERR_CONFIG. To be freed with freeaddrinfo. */
bool endpoint_resolve(const char *listen, struct addrinfo **ret, struct err *e) MUST_USE;

#endif
