/*
 * msgpack and JSON: what the command line prints, and the requests that are written by hand. Byte strings become base64
 * text; a msgpack extension, or a map whose keys are no texts, has no JSON and is refused.
 */
#ifndef CERTMILL_JSON_H
#define CERTMILL_JSON_H

#include "certmill.h"
#include "writer.h"

#include <jansson.h>

json_t *json_from_msgpack(struct slice object, struct err *e) MUST_USE; /* exactly one object */
/* False for what msgpack's writer here has no form for: a real number. */
bool json_to_msgpack(json_t *value, struct writer *w, struct err *e) MUST_USE;

/* {"id", "data" | "error", "warnings"}, and "replayed" where it is */
json_t *json_answer(const struct certmill_answer *a, struct err *e) MUST_USE;
/*
 * What -format=json prints, in the source document's form: the lease stands beside the data, out of which it is taken.
 * {"id", "lease_id", "renewable", "lease_duration", "data", "warnings"}, and "replayed" where it is
 */
json_t *json_reply(const struct certmill_answer *a, json_t *data);
/* The form of json_answer for what went wrong before there was an answer. */
json_t *json_failure(const char *id, const struct err *failed);
/* Prints one line, flushed; false when the output is closed or full. */
bool json_line(FILE *out, const json_t *value) MUST_USE;

static inline void
json_scoped(json_t **p)
{
	json_decref(*p);
}
#define SCOPED_JSON __attribute__((cleanup(json_scoped)))

#endif
