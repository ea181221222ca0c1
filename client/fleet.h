/* The answer to `status`, for a person. */
#ifndef CERTMILL_FLEET_H
#define CERTMILL_FLEET_H

#include <jansson.h>
#include <stdio.h>

void fleet_print(FILE *out, const json_t *data);

#endif
