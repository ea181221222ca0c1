/* Where something listens, as settings have it. */
#ifndef CERTMILL_ADDRESS_H
#define CERTMILL_ADDRESS_H

#include "err.h"

#include <stdint.h>

#define ADDRESS_HOST_MAX 256

struct address {
	char host[ADDRESS_HOST_MAX];
	uint16_t port;
};

/* "host:port" or "[address]:port"; false when it is neither. */
bool address_split(const char *text, struct address *ret) MUST_USE;

#endif
