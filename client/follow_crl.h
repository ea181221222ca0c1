/*
 * A folder that holds the current CRLs: one .der and one .pem for each mount, issuer and shard (pki.ISSUER.0.pem), replaced
 * whole and never by an older one. What is no CRL, or not the one that its headers say, is reported and passed over. The
 * signature is not checked: whoever may write to the topic is believed; who uses a CRL verifies it against its issuer.
 */
#ifndef CERTMILL_FOLLOW_CRL_H
#define CERTMILL_FOLLOW_CRL_H

#include "queue.h"

struct crl_folder;

/* Makes the folder when it is absent, and locks it: two followers do not share one. */
struct crl_folder *crl_folder_open(const char *path, struct err *e) MUST_USE;
/* A record of `.crl`. A copy of the newest of each key is kept until crl_folder_write. */
void crl_folder_take(struct crl_folder *f, const struct queue_message *m);
/* Replaces the files of what came; *ret_changed is whether any was. ERR_SYSTEM when a file cannot be written. */
bool crl_folder_write(struct crl_folder *f, bool *ret_changed, struct err *e) MUST_USE;
void crl_folder_close(struct crl_folder *f); /* takes NULL */

/* The CRL's number. ERR_MALFORMED when the bytes are no CRL, or one that has none. */
bool crl_number_read(struct slice der, int64_t *ret, struct err *e) MUST_USE;
/* "pki/ISSUER/0" -> "pki.ISSUER.0"; false for a key that is no such name, or could leave the folder. */
bool crl_file_name(struct slice key, char ret[static 256]) MUST_USE;

#endif
