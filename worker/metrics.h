/* The text of /metrics, and its manual; metrics.def has the list. */
#ifndef CERTMILL_METRICS_H
#define CERTMILL_METRICS_H

#include "watched.h"

void metrics_write(const struct watched *w, struct buf *out);
void metrics_document(struct buf *out);

#endif
