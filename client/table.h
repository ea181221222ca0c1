/*
 * What a person sees: a table of keys and values in the source document's form. Control characters in a value are shown
 * as \xNN: an answer may hold what a stranger wrote into a certification request.
 */
#ifndef CERTMILL_TABLE_H
#define CERTMILL_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/* The data of an answer: `Key Value`, the lease first, lists with commas, PEM as it is. */
void table_print(FILE *out, json_t *data);
/* The mounts of mount/list. */
void table_mounts(FILE *out, const json_t *data);
/* On one line. */
void table_text(FILE *out, const char *text, size_t len);
/* A field of a row as text; empty when there is none. */
#define CELL_MAX 128
const char *table_cell(const json_t *row, const char *name, char ret[static CELL_MAX]);
/* One field, raw: a text as it is, a list one item a line. False when the data has no such field. */
bool table_field(FILE *out, const json_t *data, const char *name);

#endif
