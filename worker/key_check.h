/* The part of key_check that CSR intake runs by itself: csr_verify finds points off their curve on its way. */
#ifndef CERTMILL_KEY_CHECK_H
#define CERTMILL_KEY_CHECK_H

#include "key.h"
#include "spki.h"

bool key_check_rsa(const struct spki *k, struct err *e) MUST_USE;

#endif
