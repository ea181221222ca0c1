/* Parts of CSR intake. */
#ifndef CERTMILL_CSR_NAMES_H
#define CERTMILL_CSR_NAMES_H

#include "csr.h"
#include "der.h"

/* The first common name of a Name, as UTF-8. False when the Name does not parse. */
bool csr_read_subject(struct slice name, struct arena *a, struct slice *ret_common_name) MUST_USE;
/* The attributes ([0], content): extensionRequest's subjectAltName and basicConstraints. */
bool csr_read_attributes(
    struct slice attributes, struct arena *a, struct csr *ret, struct err *e) MUST_USE;

#endif
