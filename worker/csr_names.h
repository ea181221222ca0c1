/* Parts of CSR intake. */
#ifndef CERTMILL_CSR_NAMES_H
#define CERTMILL_CSR_NAMES_H

#include "csr.h"
#include "der.h"

/* What the subject says: common name, serial number, user ids. False when the Name does not parse. */
bool csr_read_subject(struct arena *a, struct csr *ret) MUST_USE;
/* What the attributes ([0], content) ask for in their extensionRequest. */
bool csr_read_attributes(
    struct slice attributes, struct arena *a, struct csr *ret, struct err *e) MUST_USE;

bool csr_utf8_valid(struct slice text); /* RFC 3629 */
bool csr_is_ascii(struct slice text);

#endif
