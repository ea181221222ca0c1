#include "tls_maker.h"

#include "encode.h"
#include "ip.h"
#include "issuer.h"
#include "key_encode.h"
#include "ledger.h"
#include "name.h"
#include "scoped_openssl.h"
#include "signer.h"
#include "timespan.h"

#include <openssl/rand.h>

#define KEY_BITS    256
#define KEY_WAIT_US ((int64_t)30 * 1000 * 1000)
#define CLOCKS      300 /* seconds that the clocks of the fleet may differ */
#define CA_LIFE     ((int64_t)3650 * 86400)
#define PARTY_LIFE  ((int64_t)825 * 86400)
#define PEM_MAX     65536

struct tls_maker {
	int64_t now;
	struct issuer *issuer;
	struct signer *signer;
	struct tls_pair ca;
};

/* ---- who ---- */

static MUST_USE bool
party_name(struct slice text, struct slice *ret, struct err *e)
{
	if (text.len > NAME_LABEL_MAX || memchr(text.data, '.', text.len) != NULL ||
	    memchr(text.data, '*', text.len) != NULL || !name_is_hostname(text))
		return err_set(e, ERR_INVALID_VALUE,
		    NAME_QUOTED ": a name is of letters, digits and inner hyphens", NAME_FMT(text));
	*ret = text;
	return true;
}

static void
list_add(struct slice_list *list, struct slice item)
{
	list->items[list->count++] = item;
}

static MUST_USE bool
party_host(struct slice text, struct arena *a, struct tls_party *party, struct err *e)
{
	struct ip ip;

	if (ip_parse(text, &ip))
		list_add(&party->ips, arena_copy(a, slice_of(ip.octets, ip.len)));
	else if (text.len > 0 && text.len <= NAME_HOST_MAX && text.data[text.len - 1] != '.' &&
	    name_is_hostname(text))
		list_add(&party->dns, text);
	else
		return err_set(e, ERR_INVALID_VALUE,
		    NAME_QUOTED " of %.*s is neither a host name nor an IP address", NAME_FMT(text),
		    SLICE_FMT(party->name));
	return true;
}

bool
tls_party_parse(const char *text, struct arena *a, struct tls_party *ret, struct err *e)
{
	size_t len = strcspn(text, "="), room = strlen(text);
	const char *at = text + len;

	*ret = (struct tls_party){ .dns.items = arena_array(a, room + 1, sizeof(struct slice)),
		.ips.items = arena_array(a, room + 1, sizeof(struct slice)) };
	if (!party_name(slice_of(text, len), &ret->name, e))
		return false;
	while (*at != '\0') {
		len = strcspn(++at, ",");
		if (!party_host(slice_of(at, len), a, ret, e))
			return false;
		at += len;
	}
	return true;
}

/* ---- a key and its certificate ---- */

void
tls_pair_done(struct tls_pair *p)
{
	buf_done(&p->certificate);
	buf_done(&p->key);
}

static void
pair_write(struct tls_pair *ret, struct slice der, const struct leaf_key *key)
{
	struct buf pkcs8 SCOPED_BUF = { 0 };

	buf_init_secret(&pkcs8, PEM_MAX);
	key_pkcs8_add(key, &pkcs8);
	buf_init(&ret->certificate, PEM_MAX);
	buf_init_secret(&ret->key, PEM_MAX);
	pem_add(&ret->certificate, "CERTIFICATE", der);
	pem_add(&ret->key, "PRIVATE KEY", buf_slice(&pkcs8));
}

static MUST_USE bool
serial_make(uint8_t ret[static SERIAL_SIZE], struct err *e)
{
	if (RAND_bytes(ret, SERIAL_SIZE) != 1)
		return err_openssl(e, "RAND_bytes");
	ret[0] = (uint8_t)((ret[0] & 0x3f) | 0x40); /* positive, of full length */
	return true;
}

/* Signed by the maker's CA; the CA's own by its own key. */
static MUST_USE bool
pair_make(struct tls_maker *m, const struct template *t, EVP_PKEY *pkey, struct tls_pair *ret,
    struct err *e)
{
	uint8_t serial[SERIAL_SIZE];
	struct certificate_input in = { .template = t, .serial = slice_of(serial, sizeof(serial)) };
	struct buf der SCOPED_BUF = { 0 };
	struct leaf_key key;
	bool ok;

	buf_init(&der, CERTIFICATE_MAX);
	leaf_key_init(&key);
	ok = serial_make(serial, e) && key_encode(pkey, KEY_EC, KEY_BITS, &key, e);
	in.spki = buf_slice(&key.spki);
	if (m->issuer != NULL) {
		in.issuer_subject = m->issuer->subject;
		in.issuer_key_id = m->issuer->key_id;
	}
	ok = ok && certificate_build(&in, m->signer, &der, e);
	if (ok && m->issuer == NULL) {
		m->issuer = issuer_new(buf_slice(&der), NULL, 0, pkey, e);
		ok = m->issuer != NULL;
	}
	if (ok)
		pair_write(ret, buf_slice(&der), &key);
	leaf_key_done(&key);
	return ok;
}

static EVP_PKEY *
key_new(struct err *e)
{
	return key_generate(KEY_EC, KEY_BITS, time_monotonic_us() + KEY_WAIT_US, e);
}

/* ---- the CA ---- */

static MUST_USE bool
ca_make(struct tls_maker *m, struct err *e)
{
	const struct template t = { .common_name = SLICE_LITERAL("certmill fleet TLS"),
		.not_before = m->now - CLOCKS,
		.not_after = m->now + CA_LIFE,
		.key_usage = USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN,
		.is_ca = true };
	SCOPED(EVP_PKEY) key = key_new(e);

	if (key == NULL)
		return false;
	m->signer = signer_new(key, e);
	return m->signer != NULL && pair_make(m, &t, key, &m->ca, e);
}

struct tls_maker *
tls_maker_new(int64_t now, struct err *e)
{
	struct tls_maker *m = calloc(1, sizeof(*m));

	if (m == NULL)
		abort();
	m->now = now;
	if (ca_make(m, e))
		return m;
	tls_maker_free(m);
	return NULL;
}

void
tls_maker_free(struct tls_maker *m)
{
	if (m == NULL)
		return;
	tls_pair_done(&m->ca);
	signer_free(m->signer);
	issuer_free(m->issuer);
	free(m);
}

const struct tls_pair *
tls_maker_ca(const struct tls_maker *m)
{
	return &m->ca;
}

bool
tls_maker_make(
    struct tls_maker *m, const struct tls_party *party, struct tls_pair *ret, struct err *e)
{
	bool is_server = party->dns.count + party->ips.count > 0;
	const struct template t = { .common_name = party->name,
		.dns = party->dns,
		.ips = party->ips,
		.not_before = m->now - CLOCKS,
		.not_after = m->now + PARTY_LIFE,
		.key_usage = USAGE_DIGITAL_SIGNATURE,
		.ext_key_usage = PURPOSE_CLIENT_AUTH | (is_server ? PURPOSE_SERVER_AUTH : 0),
		.max_path_length = -1 };
	SCOPED(EVP_PKEY) key = key_new(e);

	return key != NULL && pair_make(m, &t, key, ret, e);
}
