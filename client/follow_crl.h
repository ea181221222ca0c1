/*
 * A folder that holds the current CRLs: one .der and one .pem for each mount, issuer and shard (pki.ISSUER.0.pem), and all.pem,
 * which holds every one of those that are wanted. Files are replaced whole, and never by an older CRL. A record is taken when
 * it is a CRL, has the number that its header says, and is signed by the issuer that its key names; anything else is reported
 * and passed over, whatever came before or after it.
 */
#ifndef CERTMILL_FOLLOW_CRL_H
#define CERTMILL_FOLLOW_CRL_H

#include "follow_issuers.h"

struct crl_folder;

/* Makes the folder when it is absent, and locks it: two followers do not share one. The issuers are borrowed. */
struct crl_folder *crl_folder_open(
    const char *path, struct crl_issuers *issuers, struct err *e) MUST_USE;
/*
 * A record of `.crl`. The newest of each key is kept until crl_folder_write. ERR_QUEUE: its issuer could not be asked for, and
 * the topic is to be read again.
 */
bool crl_folder_take(struct crl_folder *f, const struct queue_message *m, struct err *e) MUST_USE;
/* Replaces the files of what came; *ret_changed is whether any was. ERR_SYSTEM when a file cannot be written. */
bool crl_folder_write(struct crl_folder *f, bool *ret_changed, struct err *e) MUST_USE;
/* Does a CRL stand for each wanted issuer, and has none of them expired by now (seconds)? */
bool crl_folder_is_whole(const struct crl_folder *f, int64_t now, struct err *e) MUST_USE;
void crl_folder_close(struct crl_folder *f); /* takes NULL */

/* "pki/ISSUER/0" -> "pki.ISSUER.0"; false for a key that is no such name, or could leave the folder. */
bool crl_file_name(struct slice key, char ret[static 256]) MUST_USE;

#endif
