#include "issuer.h"

#include "certificate.h"
#include "constraints.h"
#include "encode.h"
#include "scoped_openssl.h"
#include "spki.h"

static struct slice
certificate_pem(struct arena *a, struct slice der)
{
	struct buf SCOPED_BUF text;

	buf_init(&text, 2 * der.len + 256);
	pem_add(&text, "CERTIFICATE", der);
	return arena_copy(a, buf_slice(&text));
}

static void
keep_chain(struct issuer *i, const struct slice *chain, size_t count)
{
	i->chain.items = arena_array(&i->memory, count + 1, sizeof(struct slice));
	i->chain_pem.items = arena_array(&i->memory, count + 1, sizeof(struct slice));
	i->chain.count = i->chain_pem.count = count;
	for (size_t k = 0; k < count; k++) {
		i->chain.items[k] = arena_copy(&i->memory, chain[k]);
		i->chain_pem.items[k] = certificate_pem(&i->memory, chain[k]);
	}
}

/* RFC 5280 4.2.1.2: what the certificate says of itself, or else method (1). */
static bool
keep_key_id(struct issuer *i, struct slice spki_der, struct err *e)
{
	const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(i->x509);
	uint8_t hash[SHA_DIGEST_LENGTH];
	struct spki spki;

	if (id != NULL) {
		i->key_id = arena_copy(&i->memory,
		    slice_of(ASN1_STRING_get0_data(id), (size_t)ASN1_STRING_length(id)));
		return true;
	}
	if (!spki_read(spki_der, &spki, e))
		return false;
	SHA1(spki.key.data, spki.key.len, hash);
	i->key_id = arena_copy(&i->memory, slice_of(hash, sizeof(hash)));
	return true;
}

static bool
keep_facts(struct issuer *i, struct err *e)
{
	struct certificate_facts facts;

	if (!certificate_read(i->der, &facts, e) || !keep_key_id(i, facts.spki, e))
		return false;
	i->subject = facts.subject;
	i->serial = facts.serial;
	i->not_before = facts.not_before;
	i->not_after = facts.not_after;
	return true;
}

static bool
issuer_open(struct issuer *i, EVP_PKEY *key, struct err *e)
{
	const uint8_t *at = i->der.data;

	i->x509 = d2i_X509(NULL, &at, (long)i->der.len);
	if (i->x509 == NULL) {
		err_openssl(e, "d2i_X509");
		return err_set(e, ERR_CA_INVALID, "the CA certificate does not parse");
	}
	if (at != i->der.data + i->der.len)
		return err_set(e, ERR_CA_INVALID, "there are bytes behind the CA certificate");
	if ((X509_get_extension_flags(i->x509) & (EXFLAG_CA | EXFLAG_INVALID)) != EXFLAG_CA)
		return err_set(e, ERR_CA_INVALID, "the certificate is no CA's (basicConstraints)");
	if (key == NULL)
		return keep_facts(i, e);
	if (X509_check_private_key(i->x509, key) != 1) {
		err_openssl(e, "X509_check_private_key");
		return err_set(e, ERR_CA_INVALID, "the private key is not the CA certificate's");
	}
	EVP_PKEY_up_ref(key);
	i->key = key;
	return keep_facts(i, e);
}

struct issuer *
issuer_new(
    struct slice der, const struct slice *chain, size_t chain_count, EVP_PKEY *key, struct err *e)
{
	struct issuer *i = calloc(1, sizeof(*i));

	if (i == NULL)
		abort();
	i->der = arena_copy(&i->memory, der);
	if (!issuer_open(i, key, e)) {
		issuer_free(i);
		return NULL;
	}
	issuer_id_of(i->der, i->id);
	i->pem = certificate_pem(&i->memory, i->der);
	keep_chain(i, chain, chain_count);
	if (!constraints_read(i->x509, &i->chain, &i->constraints, e)) {
		issuer_free(i);
		return NULL;
	}
	i->max_path_length = constraints_path_length(i->constraints);
	return i;
}

bool
issuer_permits(const struct issuer *i, const struct template *t, struct err *e)
{
	return i->constraints == NULL || constraints_permit(i->constraints, t, e);
}

void
issuer_free(struct issuer *i)
{
	if (i == NULL)
		return;
	constraints_free(i->constraints);
	EVP_PKEY_free(i->key);
	X509_free(i->x509);
	arena_done(&i->memory);
	free(i);
}
