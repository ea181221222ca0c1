/*
 * The source document's paths: a verb and a path ("write pki/roles/web") become a topic, an operation, its mount and role.
 * Nothing is checked here beyond the path's form: what it names is the fleet's to know.
 */
#ifndef CERTMILL_PATHS_H
#define CERTMILL_PATHS_H

#include "certmill.h"

#include <stdio.h>

enum verb { VERB_READ, VERB_WRITE, VERB_LIST, VERB_DELETE };

enum show {
	SHOW_DATA,    /* the answer's data, or that it was written when there is none */
	SHOW_SUCCESS, /* only that it was done */
	SHOW_PAGES,   /* a list: keys of all pages */
	SHOW_MOUNTS,  /* the table of mounts */
	SHOW_PEM,     /* one field of the answer as it is */
	SHOW_DER,     /* the same, decoded from base64 */
};

struct route {
	enum certmill_topic topic;
	enum show show;
	const char *op;
	const char *mount, *role;  /* in the arena; role NULL: none */
	const char *param, *value; /* a parameter that stands in the path; NULL: none */
	const char *field;         /* of SHOW_PEM and SHOW_DER */
};

/* ERR_INVALID_VALUE: there is no such path, or it has not this verb. */
bool route_find(
    enum verb verb, const char *path, struct arena *a, struct route *ret, struct err *e) MUST_USE;

/* The topic of an operation, for envelopes that were written by hand. */
bool route_topic(const char *op, enum certmill_topic *ret) MUST_USE;

void routes_print(FILE *out); /* for --help */

#endif
