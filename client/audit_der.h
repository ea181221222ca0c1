/* DER in place, element by element (X.690); what stands inside is the reader's to know. */
#ifndef CERTMILL_AUDIT_DER_H
#define CERTMILL_AUDIT_DER_H

#include "err.h"
#include "slice.h"

#include <openssl/asn1.h>

#define ELEMENT_ANY (-1)

struct element {
	int tag; /* of a context-specific one: V_ASN1_CONTEXT_SPECIFIC and its number */
	struct slice contents, whole;
};

/* Cuts the first element off *from. False: there is none, or its tag is another. */
bool element_cut(struct slice *from, int tag, struct element *ret) MUST_USE;

#endif
