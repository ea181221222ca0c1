/*
 * Where each setting stands: "worker.ini:7", or the environment's variable. What the configuration engine finds wrong it
 * names with its source itself; this is for what shows only when all of them are known, or when a setting is used.
 */
#ifndef CERTMILL_CONFIG_ORIGIN_H
#define CERTMILL_CONFIG_ORIGIN_H

#include "err.h"

struct config_origin {
	char *name, *source;
};

/* Begins as { 0 }. */
struct config_origins {
	struct config_origin *list;
	size_t count;
};

void config_origin_set(
    struct config_origins *o, const char *name, const char *source); /* the later wins */
/* NULL: the default is in force. */
const char *config_origin_of(const struct config_origins *o, const char *name);
/* Puts where the setting stands that e->field names before the message. Leaves other errors as they are. Always false. */
bool config_origin_blame(const struct config_origins *o, struct err *e);
void config_origins_free(struct config_origins *o);

#endif
