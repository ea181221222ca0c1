/*
 * The manuals in docs/ and the schemas in schemas/json: made from the tables that decode, encode, dispatch and refuse.
 */
#ifndef CERTMILL_DOCUMENT_H
#define CERTMILL_DOCUMENT_H

#include "buf.h"

void document_messages(struct buf *out); /* docs/messages.md */
void document_errors(struct buf *out);   /* docs/errors.md */
/* A file for each table and each operation's request and response. The folder is made if it is not there. */
bool document_schemas(const char *folder, struct err *e) MUST_USE;

#endif
