/* What Redis must be, and what it had better be: judged by `run` and `check-config`, from what INFO says. */
#ifndef CERTMILL_REDIS_PLAN_H
#define CERTMILL_REDIS_PLAN_H

#include "settings.h"

#define REDIS_ADVICE_MAX 240

/* ERR_CONFIG: a setting, here or of Redis, breaks a promise. ERR_STORE: it cannot be used now. */
bool redis_check(const struct settings *s, struct err *e) MUST_USE;
/* What breaks no promise and is worth a warning. False: nothing, or it could not be asked. */
bool redis_advice(const struct settings *s, char ret[static REDIS_ADVICE_MAX]);

#endif
