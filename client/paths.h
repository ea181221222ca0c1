/*
 * The source document's paths: a verb and a path ("write pki/roles/web") become an operation of the contract, its mount and
 * role. Nothing is checked here beyond the path's form: what it names is the fleet's to know.
 */
#ifndef CERTMILL_PATHS_H
#define CERTMILL_PATHS_H

#include "certmill.h"
#include "contract.h"

#include <stdio.h>

enum verb { VERB_READ, VERB_WRITE, VERB_PATCH, VERB_LIST, VERB_DELETE };

enum show {
	SHOW_DATA,    /* the answer's data, or that it was written when there is none */
	SHOW_SUCCESS, /* only that it was done */
	SHOW_PAGES,   /* a list: keys of all pages */
	SHOW_STATUS,  /* the tables of the fleet's state */
	SHOW_MOUNTS,  /* the table of mounts */
	SHOW_PEM,     /* one field of the answer as it is */
	SHOW_DER,     /* the same, decoded from base64 */
};

/* A part of a pattern that begins with ':' takes what stands in its place: the role, or the parameter of that name. */
struct path {
	enum verb verb;
	const char *pattern; /* behind the mount */
	enum op op;
	enum show show;
	const char *param, *value; /* a parameter that the path means; NULL: none */
	const char *field;         /* of SHOW_PEM and SHOW_DER */
};

struct route {
	const struct contract *contract;
	enum show show;
	const char *mount, *role;  /* in the arena; role NULL: none */
	const char *param, *value; /* a parameter that stands in the path; NULL: none */
	const char *field;         /* of SHOW_PEM and SHOW_DER */
};

/* ERR_INVALID_VALUE: there is no such path, or it has not this verb. */
bool route_find(
    enum verb verb, const char *path, struct arena *a, struct route *ret, struct err *e) MUST_USE;

/* How a path, mount included, stands to a row of the table, whatever the verb. */
enum path_match { PATH_ELSEWHERE, PATH_SAME, PATH_BELOW };
enum path_match path_match(const struct path *row, const char *path);
const struct path *path_at(size_t i); /* NULL behind the last */
const char *verb_name(enum verb verb);

enum certmill_topic contract_topic(const struct contract *c);

void routes_print(FILE *out); /* for --help */

#endif
