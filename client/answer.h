/* What libcertmill keeps to itself: a response message becomes an answer. */
#ifndef CERTMILL_ANSWER_H
#define CERTMILL_ANSWER_H

#include "certmill.h"

/* Reads a->message_, which is the response to the request of that id. ERR_MALFORMED when it is none. */
bool answer_read(struct certmill_answer *a, const char *id, struct err *e) MUST_USE;

#endif
