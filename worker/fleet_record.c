#include "fleet_record.h"

#include "encode.h"
#include "follower.h"
#include "seal.h"

#include <openssl/evp.h>

#define READ_MS       45000 /* a transaction that a dead worker left open on .ca is decided by then */
#define PRODUCE_MS    30000
#define PUBLIC_SIZE   32
#define JWK_BYTES_MAX 1024

static const struct slice key = SLICE_INIT("fleet");

static void
record_fold(void *opaque, const struct queue_message *m)
{
	struct buf *record = opaque;

	if (!slice_eq(m->key, key))
		return;
	buf_clear(record);
	if (m->value.data != NULL)
		buf_add_slice(record, m->value);
}

/* The record that stands; empty when there is none. */
static MUST_USE bool
record_read(
    const struct settings *s, struct queue_probe *probe, struct buf *ret_record, struct err *e)
{
	const struct follower_spec spec = { .queue = &s->queue,
		.probe = probe,
		.topic = s->ledger_topics[LEDGER_CA],
		.fold = record_fold,
		.opaque = ret_record };
	struct follower *f = follower_start(&spec, e);
	bool ok = f != NULL && follower_barrier(f, READ_MS, e);

	follower_stop(f);
	return ok;
}

/* Does a JWK hold this public key? Whatever else stands in it. */
static bool
jwk_holds(struct slice jwk, EVP_PKEY *x25519)
{
	uint8_t raw[PUBLIC_SIZE];
	size_t len = sizeof(raw);
	struct buf x SCOPED_BUF;

	buf_init(&x, 2 * PUBLIC_SIZE);
	if (EVP_PKEY_get_raw_public_key(x25519, raw, &len) != 1)
		return false;
	base64url_add(&x, slice_of(raw, len));
	return jwk.len > 0 && memmem(jwk.data, jwk.len, x.data, x.len) != NULL;
}

static MUST_USE bool
record_check(const struct settings *s, struct queue_probe *probe, EVP_PKEY *ours, bool *ret_stands,
    struct err *e)
{
	struct buf record SCOPED_BUF;

	buf_init(&record, JWK_BYTES_MAX);
	if (!record_read(s, probe, &record, e))
		return false;
	*ret_stands = record.len > 0;
	if (*ret_stands && !jwk_holds(buf_slice(&record), ours))
		return err_field(e, ERR_CONFIG, "keys.kek_file",
		    "keys.kek_file is not the fleet's key-encryption key: \"fleet\" in %s is of another one",
		    s->ledger_topics[LEDGER_CA]);
	return true;
}

static MUST_USE bool
record_produce(const struct settings *s, EVP_PKEY *ours, struct err *e)
{
	struct queue_producer *p = queue_producer_open(&s->queue, NULL, e);
	struct buf jwk SCOPED_BUF;
	struct queue_record r = {
		.topic = s->ledger_topics[LEDGER_CA], .partition = -1, .key = key
	};
	bool ok;

	buf_init(&jwk, JWK_BYTES_MAX);
	jwk_add(&jwk, ours, true);
	r.value = buf_slice(&jwk);
	ok = p != NULL && queue_produce(p, &r, e) && queue_flush(p, PRODUCE_MS, e);
	queue_producer_close(p);
	return ok;
}

bool
fleet_record_check(const struct settings *s, struct queue_probe *probe, const struct secret *kek,
    bool *ret_stands, struct err *e)
{
	EVP_PKEY *ours = fleet_key(kek, e);
	bool ok = ours != NULL && record_check(s, probe, ours, ret_stands, e);

	EVP_PKEY_free(ours);
	return ok;
}

bool
fleet_record_publish(
    const struct settings *s, struct queue_probe *probe, const struct secret *kek, struct err *e)
{
	EVP_PKEY *ours = fleet_key(kek, e);
	bool stands = false;
	bool ok = ours != NULL && record_check(s, probe, ours, &stands, e) &&
	    (stands || record_produce(s, ours, e));

	EVP_PKEY_free(ours);
	return ok;
}
