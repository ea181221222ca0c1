/*
 * A CA's private key travels sealed: each private key in a PEM bundle is replaced by a compact JWE that only the fleet's
 * workers open (seal.h), on a line of its own. Everything else in the bundle stays as it is.
 */
#ifndef CERTMILL_SEAL_BUNDLE_H
#define CERTMILL_SEAL_BUNDLE_H

#include "certmill.h"
#include "envelope.h"

/* Does the text hold a private key in PEM? */
bool bundle_has_key(struct slice bundle);
/* The fleet's key from the answer to mount/list. ERR_SEAL_INVALID when there is none, or not one that we seal to. */
bool seal_key_read(
    struct slice mount_list, struct arena *a, struct jwk_body *ret, struct err *e) MUST_USE;
/* Appends the bundle to out (a secret buf) with its keys sealed. ERR_SEAL_INVALID for a key under a passphrase. */
bool bundle_seal(
    struct slice bundle, const struct jwk_body *fleet, struct buf *out, struct err *e) MUST_USE;
/* The whole of it: asks the fleet for its key. */
bool bundle_seal_for(struct certmill *c, struct slice bundle, int timeout_ms, struct buf *out,
    struct err *e) MUST_USE;

#endif
