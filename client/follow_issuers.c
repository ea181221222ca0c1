#include "follow_issuers.h"

#include "arguments.h"
#include "encode.h"
#include "follower.h"
#include "scoped_openssl.h"
#include "states.h"

#include <openssl/err.h>
#include <pthread.h>

#define FILE_MAX    ((size_t)4 * 1024 * 1024)
#define ISSUERS_MAX 10000 /* of a topic that does not end well */
#define BARRIER_MS  10000

struct issuer_row {
	struct issuer_row *next;
	char id[ISSUER_ID_SIZE];
	X509 *certificate;
};

struct crl_issuers {
	bool from_file;
	struct follower *follower;
	pthread_mutex_t lock; /* of the rows, which are only ever added */
	struct issuer_row *rows;
	size_t count;
};

static struct issuer_row *
row_find(struct crl_issuers *s, struct slice id)
{
	struct issuer_row *row;

	pthread_mutex_lock(&s->lock);
	for (row = s->rows; row != NULL && !slice_is(id, row->id); row = row->next)
		;
	pthread_mutex_unlock(&s->lock);
	return row;
}

static MUST_USE bool
issuer_add(struct crl_issuers *s, struct slice der, struct err *e)
{
	const uint8_t *at = der.data;
	SCOPED(X509) certificate = d2i_X509(NULL, &at, (long)der.len);
	char id[ISSUER_ID_SIZE];
	struct issuer_row *row;

	if (certificate == NULL || at != der.data + der.len) {
		ERR_clear_error();
		return err_set(e, ERR_CERTIFICATE_INVALID, "a certificate does not parse");
	}
	issuer_id_of(der, id);
	if (row_find(s, slice_text(id)) != NULL)
		return true;
	if (s->count == ISSUERS_MAX)
		return err_set(e, ERR_TOO_LARGE, "there are more than %d CAs", ISSUERS_MAX);
	row = calloc(1, sizeof(*row));
	if (row == NULL)
		abort();
	memcpy(row->id, id, sizeof(id));
	row->certificate = TAKE(certificate);
	pthread_mutex_lock(&s->lock);
	row->next = s->rows;
	s->rows = row;
	s->count++;
	pthread_mutex_unlock(&s->lock);
	return true;
}

/* Every certificate of a text; other blocks are passed over. */
static MUST_USE bool
issuers_add(struct crl_issuers *s, struct slice text, struct err *e)
{
	struct arena SCOPED_ARENA a = { 0 };
	struct slice label, der;

	e->code = ERR_NONE;
	while (pem_next(&text, &a, &label, &der, e))
		if (slice_is(label, "CERTIFICATE") && !issuer_add(s, der, e))
			return false;
	return e->code == ERR_NONE;
}

static MUST_USE bool
file_read(struct crl_issuers *s, const char *path, struct err *e)
{
	struct buf SCOPED_BUF text = { 0 };

	buf_init(&text, FILE_MAX);
	if (!argument_file(path, &text, e) || !issuers_add(s, buf_slice(&text), e))
		return false;
	return s->rows != NULL ||
	    err_set(e, ERR_CERTIFICATE_INVALID, "%.150s holds no certificate", path);
}

struct crl_issuers *
crl_issuers_new(const char *file, struct err *e)
{
	struct crl_issuers *s = calloc(1, sizeof(*s));

	if (s == NULL)
		abort();
	pthread_mutex_init(&s->lock, NULL);
	s->from_file = file != NULL;
	if (file == NULL || file_read(s, file, e))
		return s;
	crl_issuers_free(s);
	return NULL;
}

void
crl_issuers_free(struct crl_issuers *s)
{
	if (s == NULL)
		return;
	crl_issuers_leave(s);
	for (struct issuer_row *row = s->rows, *next; row != NULL; row = next) {
		next = row->next;
		X509_free(row->certificate);
		free(row);
	}
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* What is no certificate is none of an issuer either: its CRLs are reported as those of an unknown one. */
static void
record_fold(void *opaque, const struct queue_message *m)
{
	struct err ignored;

	if (m->value.data != NULL && !issuers_add(opaque, m->value, &ignored))
		ERR_clear_error();
}

bool
crl_issuers_join(struct crl_issuers *s, const struct queue_options *queue,
    struct queue_probe *probe, const char *topic, struct err *e)
{
	const struct follower_spec spec = {
		.queue = queue, .probe = probe, .topic = topic, .fold = record_fold, .opaque = s
	};

	if (s->from_file)
		return true;
	s->follower = follower_start(&spec, e);
	return s->follower != NULL;
}

void
crl_issuers_leave(struct crl_issuers *s)
{
	follower_stop(TAKE(s->follower));
}

bool
crl_issuers_find(struct crl_issuers *s, struct slice id, const X509 **ret, struct err *e)
{
	const struct issuer_row *row = row_find(s, id);

	if (row == NULL && s->follower != NULL) {
		if (!follower_barrier(s->follower, BARRIER_MS, e)) {
			e->code = ERR_QUEUE;
			return false;
		}
		row = row_find(s, id);
	}
	*ret = row == NULL ? NULL : row->certificate;
	return true;
}

bool
crl_issuers_want(struct crl_issuers *s, struct slice id)
{
	return !s->from_file || row_find(s, id) != NULL;
}

bool
crl_issuers_wanted(const struct crl_issuers *s, size_t i, struct slice *ret_id)
{
	const struct issuer_row *row = s->from_file ? s->rows : NULL;

	while (row != NULL && i-- > 0)
		row = row->next;
	if (row == NULL)
		return false;
	*ret_id = slice_text(row->id);
	return true;
}
