/*
 * One request of the command line: its words become the request, its answer what is printed. A session asks any number of
 * times (the pages of a list). No private key goes onto a topic in clear, in either direction, where it can be helped.
 */
#ifndef CERTMILL_SESSION_H
#define CERTMILL_SESSION_H

#include "arguments.h"
#include "options.h"
#include "paths.h"

#include <jansson.h>
#include <openssl/evp.h>

struct session {
	struct options *o;
	struct certmill *client;
	struct route route;
	struct arguments args;
	struct buf params, seal_to, identity; /* msgpack */
	EVP_PKEY *seal_key; /* made here: what the answer's private key is sealed to; NULL: none */
	int timeout_ms;
};

void session_init(struct session *s, struct options *o);
void session_done(struct session *s);
#define SCOPED_SESSION __attribute__((cleanup(session_done)))

/* The fleet, once route and args say what it is asked. Seals what goes there, and says what the answer is sealed to. */
bool session_open(struct session *s, struct err *e) MUST_USE;
bool session_ask(struct session *s, struct certmill_answer *ret, struct err *e) MUST_USE;
/* The whole of it. `done` is what a person reads where there is nothing else to print. */
enum status session_run(struct session *s, const char *done);

#endif
