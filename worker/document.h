/* The manual of the messages, docs/messages.md: made from the tables that decode, encode and dispatch them. */
#ifndef CERTMILL_DOCUMENT_H
#define CERTMILL_DOCUMENT_H

#include "buf.h"

void document_messages(struct buf *out);

#endif
