/*
 * What a CA certificate, and those above it, demand of what is issued under them (RFC 5280 6.1): name constraints, path
 * length, extended key usages, and critical extensions that nobody here understands. Asked before anything is signed, so
 * that no certificate is made which its own chain refuses.
 *
 * Extended key usages nest as verifiers have it (RFC 5280 leaves it open): each purpose of a certificate stands in every CA
 * certificate above it that lists purposes, or anyExtendedKeyUsage does. But not OCSPSigning: with it a CA delegates its own
 * answers (RFC 6960 4.2.2.2), and CAs are forbidden to list it for themselves.
 *
 * Not asked: whether a certificate outlives its chain. That is policy's (validity.h).
 */
#ifndef CERTMILL_CONSTRAINTS_H
#define CERTMILL_CONSTRAINTS_H

#include "template.h"

#include <openssl/x509.h>

struct constraints;

/* *ret NULL: the chain constrains nothing. chain: DER, the nearest first. ERR_CA_INVALID when a part of it does not parse. */
bool constraints_read(
    X509 *issuer, const struct slice_list *chain, struct constraints **ret, struct err *e) MUST_USE;
void constraints_free(struct constraints *c);
/* How many CAs may follow; -1: no limit. c may be NULL. */
int64_t constraints_path_length(const struct constraints *c);
/* ERR_CA_CONSTRAINED */
bool constraints_permit(
    const struct constraints *c, const struct template *t, struct err *e) MUST_USE;

#endif
