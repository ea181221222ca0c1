/*
 * A small HTTP endpoint, for who watches the process: a fixed table of paths, GET and HEAD, one answer a connection. It runs
 * in a thread of its own. What a client may cost is bounded: connections, their memory and how long each may last. Plain text
 * without TLS or passwords: it belongs on loopback or in a network that operators guard.
 * The only module that includes microhttpd.h.
 */
#ifndef CERTMILL_ENDPOINT_H
#define CERTMILL_ENDPOINT_H

#include "buf.h"

#include <stdint.h>

#define ENDPOINT_ANSWER_MAX ((size_t)4 * 1024 * 1024)

struct endpoint_path {
	const char *path; /* "/metrics" */
	const char *type; /* Content-Type */
	/* Fills the body and returns the status. Called in the endpoint's thread; must not wait for anything. */
	unsigned (*answer)(void *opaque, struct buf *out);
};

struct endpoint_spec {
	const char *listen; /* "127.0.0.1:9100", "[::1]:9100"; a port alone: on loopback */
	const struct endpoint_path *paths;
	size_t path_count;
	void *opaque;
};

struct endpoint;
struct endpoint *endpoint_start(const struct endpoint_spec *spec, struct err *e) MUST_USE;
uint16_t endpoint_port(const struct endpoint *p); /* where it listens, also when 0 was asked for */
/* Cuts off clients that are at it for longer than they may: to be called every few seconds, from any thread. */
void endpoint_sweep(struct endpoint *p);
void endpoint_stop(struct endpoint *p); /* takes NULL */

/* Is this an address to listen on? ERR_CONFIG. */
bool endpoint_listen_valid(const char *listen, struct err *e) MUST_USE;
/* Asks the endpoint that listens there. *ret_status is HTTP's; out gets the body. ERR_SYSTEM, ERR_TIMEOUT, ERR_MALFORMED. */
bool endpoint_ask(const char *listen, const char *path, int timeout_ms, unsigned *ret_status,
    struct buf *out, struct err *e) MUST_USE;

#endif
