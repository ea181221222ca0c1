/* Prints an answer as it was asked for: a table, one JSON object, one field, or the bytes of a certificate or CRL. */
#ifndef CERTMILL_SHOW_H
#define CERTMILL_SHOW_H

#include "options.h"
#include "paths.h"

#include <jansson.h>

/*
 * An answer that is no refusal, and its data, which may be taken apart. `done` is what a person reads when the route shows
 * only that it was done, or when there is no data.
 */
enum status show_answer(const struct options *o, const struct route *r, const char *done,
    const struct certmill_answer *a, json_t *data);
/* The keys of a list; next is where more of them begin, NULL when there are none. */
enum status show_list(
    const struct options *o, const struct certmill_answer *a, json_t *keys, const char *next);
/* A refusal, on standard error, and as JSON on standard output where JSON was asked for. */
enum status show_refusal(const struct options *o, const struct certmill_answer *a);
/* -format is table or json, and is not both json and -field. */
bool show_check(const struct options *o, struct err *e) MUST_USE;

#endif
