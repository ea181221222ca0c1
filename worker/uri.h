/* URIs (RFC 3986), as RFC 5280 4.2.1.6 wants them in a SAN: absolute, ASCII, with a host where there is an authority. */
#ifndef CERTMILL_URI_H
#define CERTMILL_URI_H

#include "slice.h"

#define URI_MAX 1024

/* NULL, or what is wrong with it, in words. */
const char *uri_fault(struct slice uri);

#endif
