/*
 * Errors are values: a stable code for programs, the field that is to blame, one line for people. Who detects an error
 * writes the message and nobody above rewrites it. Functions that can fail return bool or a pointer and are MUST_USE.
 */
#ifndef CERTMILL_ERR_H
#define CERTMILL_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define MUST_USE                 __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

enum err_code {
	ERR_NONE,
#define ERR(name, wire, retry, help, advice) ERR_##name,
#include "err.def"
#undef ERR
	ERR_COUNT,
};

struct err {
	enum err_code code;
	char field[64]; /* the message field that is to blame, "" when none is */
	char msg[240];  /* one line, no secret in it */
};

/* Both always return false, so that a failing function can end with `return err_set(e, ...)`. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool err_field(struct err *e, enum err_code code, const char *field, const char *fmt, ...)
    PRINTF_LIKE(4, 5);

/* Names the field where the detector knew none; for who knows which parameter the bad bytes came in. */
bool err_in(struct err *e, const char *field);

/* Takes the oldest entry of OpenSSL's queue as the reason and empties the rest. `call` names the function that failed. */
bool err_openssl(struct err *e, const char *call);
/* errno's text; `what` says what was being done. */
bool err_errno(struct err *e, const char *what);

const char *err_name(enum err_code code);   /* wire name: "unknown_role" */
const char *err_help(enum err_code code);   /* the manual's line: what the cause is */
const char *err_advice(enum err_code code); /* and what to do */
bool err_can_retry(enum err_code code);     /* would the same request succeed later? */
enum err_code err_from_name(const char *name, size_t len); /* ERR_NONE when there is no such code */

#endif
