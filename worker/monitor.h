/*
 * The monitor: serves /metrics, /livez and /readyz where metrics.listen says, and asks Kafka and Redis every few seconds how
 * they are. Two threads of its own, with connections of their own: no lane waits for it, and it waits for none.
 */
#ifndef CERTMILL_MONITOR_H
#define CERTMILL_MONITOR_H

#include "watched.h"

struct monitor;

/* *ret is NULL where metrics.listen is empty; the rest takes that. */
bool monitor_start(const struct settings *s, struct monitor **ret, struct err *e) MUST_USE;
/* From now on these are watched. Borrowed until monitor_detach. */
void monitor_attach(
    struct monitor *m, struct lane_shared *shared, struct lane *const *lanes, size_t count);
void monitor_detach(struct monitor *m);
void monitor_stop(struct monitor *m);

#endif
