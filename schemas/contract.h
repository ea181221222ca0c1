/*
 * The operations of the wire contract, a row each (contract.def): where one is sent, what it takes, what it answers, what it
 * is for. How it is done is the worker's (worker/operation.c), how a person asks for it the client's (client/paths.c).
 */
#ifndef CERTMILL_CONTRACT_H
#define CERTMILL_CONTRACT_H

#include "schema.h"

/* The request topics. Order matters: tables are indexed by it. */
enum topic_kind { TOPIC_ISSUE, TOPIC_SIGN, TOPIC_REVOKE, TOPIC_CONFIG, TOPIC_QUERY, TOPIC_KINDS };

enum op {
#define OPERATION(id, ...) OP_##id,
#include "contract.def"
#undef OPERATION
	OP_COUNT
};

struct contract {
	const char *name;
	enum topic_kind topic;
	const struct schema *params;
	const struct schema *data; /* of the answer; NULL: an empty map */
	bool needs_role;
	bool makes_key; /* the answer may hold a private key: takes seal_to */
	const char *help;
};

extern const struct contract contracts[OP_COUNT];
extern const char *const topic_kind_names[TOPIC_KINDS]; /* "issue", ... */

const struct contract *contract_find(struct slice name); /* NULL: there is none */

#endif
