/* Files of one folder that are only ever replaced whole: a reader sees the old one or the new one, whenever a writer dies. */
#ifndef CERTMILL_FOLLOW_FILES_H
#define CERTMILL_FOLLOW_FILES_H

#include "buf.h"

#define CRL_FILE_MAX  ((size_t)128 * 1024 * 1024) /* PEM of the largest message */
#define CRL_NAME_SIZE 256

/* False when it cannot be read, or not whole. */
bool crl_file_read(int dir, const char *name, const char *suffix, struct buf *out) MUST_USE;
bool crl_file_replace(
    int dir, const char *name, const char *suffix, struct slice bytes, struct err *e) MUST_USE;

/* A file that is made of others, one behind the other. */
struct crl_bundle {
	int dir, fd; /* fd -1: nothing was added */
};
bool crl_bundle_add(struct crl_bundle *b, const char *name, struct err *e) MUST_USE; /* NAME.pem */
bool crl_bundle_end(struct crl_bundle *b, struct err *e) MUST_USE; /* it stands as all.pem */
void crl_bundle_done(struct crl_bundle *b);

#define SCOPED_CRL_BUNDLE __attribute__((cleanup(crl_bundle_done)))

#endif
