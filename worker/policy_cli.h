/*
 * `certmill-worker policy`: the policy function on JSON lines, with no broker and no Redis. One object a line:
 *   {"id", "op", "role", "ca", "identity", "request"[, "role_defaults": "0.4"]}
 * and for each, one line {"id", "decision": "allow" | "deny" | "unsupported", "code", "field", "message", "template"}. Ops:
 * issue, sign and sign_verbatim (a CSR is given as fields), role_write, role_patch, hostname_match, glob. Defaults are today's
 * where the line does not say otherwise, identities are trusted, and times may be given as "now+2h". What certmill has no word
 * for is "unsupported", and the message says what it was.
 */
#ifndef CERTMILL_POLICY_CLI_H
#define CERTMILL_POLICY_CLI_H

#include <stdio.h>

/* Exit status: 0 when every line was a JSON object. */
int policy_main(FILE *in, FILE *out);

#endif
