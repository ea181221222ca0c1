/* The certificate of an input as OpenSSL's X509 API builds and signs it. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_X509_REFERENCE_H
#define CERTMILL_TEST_X509_REFERENCE_H

#include "certificate.h"
#include "template_reference.h"

#include <openssl/rsa.h>

DEFINE_SCOPED(CRL_DIST_POINTS, CRL_DIST_POINTS_free)
DEFINE_SCOPED(AUTHORITY_INFO_ACCESS, AUTHORITY_INFO_ACCESS_free)
DEFINE_SCOPED(EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
DEFINE_SCOPED(CERTIFICATEPOLICIES, CERTIFICATEPOLICIES_free)
DEFINE_SCOPED(ASN1_BIT_STRING, ASN1_BIT_STRING_free)

static inline void
add(X509 *x, int nid, void *value, bool critical)
{
	assert_int_equal(X509_add1_ext_i2d(x, nid, value, critical, X509V3_ADD_APPEND), 1);
}

static inline void
add_usages(X509 *x, const struct template *t)
{
	/* in the order of enum ext_key_usage */
	static const char *const oids[TEMPLATE_PURPOSES] = { "1.3.6.1.5.5.7.3.1",
		"1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.3", "1.3.6.1.5.5.7.3.4", "2.5.29.37.0",
		"1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.6", "1.3.6.1.5.5.7.3.7", "1.3.6.1.5.5.7.3.8",
		"1.3.6.1.5.5.7.3.9", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1",
		"1.3.6.1.4.1.311.2.1.22", "1.3.6.1.4.1.311.61.1.1" };
	SCOPED(EXTENDED_KEY_USAGE) purposes = sk_ASN1_OBJECT_new_null();
	SCOPED(ASN1_BIT_STRING) usage = ASN1_BIT_STRING_new();
	SCOPED(BASIC_CONSTRAINTS) basic = reference_basic_constraints(t);
	bool stamps = false;

	if (t->is_ca || t->basic_constraints || t->key_usage & USAGE_KEY_CERT_SIGN)
		add(x, NID_basic_constraints, basic, true);
	for (int bit = 0; bit < 9; bit++)
		if (t->key_usage & 1U << bit)
			ASN1_BIT_STRING_set_bit(usage, bit, 1);
	if (t->key_usage != 0)
		add(x, NID_key_usage, usage, true);
	for (size_t i = 0; i < TEMPLATE_PURPOSES; i++)
		if (t->ext_key_usage & 1U << i)
			sk_ASN1_OBJECT_push(purposes, OBJ_txt2obj(oids[i], 1));
	for (size_t i = 0; i < t->ext_key_usage_oids.count; i++)
		sk_ASN1_OBJECT_push(purposes, object(t->ext_key_usage_oids.items[i]));
	for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++)
		stamps |= OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i)) == NID_time_stamp;
	if (sk_ASN1_OBJECT_num(purposes) > 0)
		add(x, NID_ext_key_usage, purposes, stamps);
}

static inline void
add_key_ids(X509 *x, struct slice issuer_key_id)
{
	SCOPED(ASN1_OCTET_STRING) own = ASN1_OCTET_STRING_new();
	SCOPED(AUTHORITY_KEYID) authority = AUTHORITY_KEYID_new();
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len;

	assert_true(X509_pubkey_digest(x, EVP_sha1(), hash, &len));
	ASN1_OCTET_STRING_set(own, hash, (int)len);
	add(x, NID_subject_key_identifier, own, false);
	if (issuer_key_id.data == NULL)
		issuer_key_id = slice_of(hash, len);
	authority->keyid = string(V_ASN1_OCTET_STRING, issuer_key_id);
	add(x, NID_authority_key_identifier, authority, false);
}

static inline void
push_access(AUTHORITY_INFO_ACCESS *access, int method, const struct slice_list *urls)
{
	for (size_t i = 0; i < urls->count; i++) {
		ACCESS_DESCRIPTION *d = ACCESS_DESCRIPTION_new();

		d->method = OBJ_nid2obj(method);
		GENERAL_NAME_set0_value(
		    d->location, GEN_URI, string(V_ASN1_IA5STRING, urls->items[i]));
		sk_ACCESS_DESCRIPTION_push(access, d);
	}
}

static inline void
add_access(X509 *x, const struct certificate_urls *urls)
{
	SCOPED(AUTHORITY_INFO_ACCESS) access = AUTHORITY_INFO_ACCESS_new();

	push_access(access, NID_ad_OCSP, &urls->ocsp_servers);
	push_access(access, NID_ad_ca_issuers, &urls->issuing_certificates);
	if (sk_ACCESS_DESCRIPTION_num(access) > 0)
		add(x, NID_info_access, access, false);
}

static inline void
add_names(X509 *x, const struct template *t)
{
	SCOPED(GENERAL_NAMES) names = reference_alt_names(t);

	if (sk_GENERAL_NAME_num(names) > 0)
		add(x, NID_subject_alt_name, names,
		    X509_NAME_entry_count(X509_get_subject_name(x)) == 0);
}

static inline void
add_policies(X509 *x, struct slice value)
{
	const uint8_t *at = value.data;
	SCOPED(CERTIFICATEPOLICIES) policies = NULL;

	if (at == NULL)
		return;
	policies = d2i_CERTIFICATEPOLICIES(NULL, &at, (long)value.len);
	assert_non_null(policies);
	add(x, NID_certificate_policies, policies, false);
}

static inline void
add_distribution_points(X509 *x, const struct slice_list *urls)
{
	SCOPED(CRL_DIST_POINTS) points = CRL_DIST_POINTS_new();
	DIST_POINT *point = DIST_POINT_new();

	sk_DIST_POINT_push(points, point);
	point->distpoint = DIST_POINT_NAME_new();
	point->distpoint->type = 0;
	point->distpoint->name.fullname = GENERAL_NAMES_new();
	for (size_t i = 0; i < urls->count; i++)
		push_name(point->distpoint->name.fullname, GEN_URI, urls->items[i]);
	if (urls->count > 0)
		add(x, NID_crl_distribution_points, points, false);
}

static inline const EVP_MD *
reference_digest(EVP_PKEY *key, struct signer_choice choice)
{
	int64_t bits = EVP_PKEY_get_bits(key);

	if (EVP_PKEY_is_a(key, "ED25519"))
		return NULL;
	if (EVP_PKEY_is_a(key, "RSA"))
		bits = choice.bits;
	return bits == 384 ? EVP_sha384() : bits >= 512 ? EVP_sha512() : EVP_sha256();
}

static inline void
reference_sign(X509 *x, EVP_PKEY *key, struct signer_choice choice)
{
	SCOPED(EVP_MD_CTX) ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *rsa = NULL;

	assert_int_equal(
	    EVP_DigestSignInit(ctx, &rsa, reference_digest(key, choice), NULL, key), 1);
	if (choice.pss && EVP_PKEY_is_a(key, "RSA")) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(rsa, RSA_PKCS1_PSS_PADDING), 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(rsa, RSA_PSS_SALTLEN_DIGEST), 1);
	}
	assert_true(X509_sign_ctx(x, ctx) > 0);
}

static inline X509 *
x509_reference(
    const struct certificate_input *in, EVP_PKEY *issuer_key, struct signer_choice choice)
{
	const struct template *t = in->template;
	const uint8_t *at = in->spki.data;
	SCOPED(EVP_PKEY) subject_key = d2i_PUBKEY(NULL, &at, (long)in->spki.len);
	SCOPED(X509_NAME) subject = reference_name(t);
	SCOPED(BIGNUM) serial = BN_bin2bn(in->serial.data, (int)in->serial.len, NULL);
	X509 *x = X509_new();

	X509_set_version(x, X509_VERSION_3);
	BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(x));
	X509_set_subject_name(x, subject);
	if (in->issuer_subject.data == NULL) {
		X509_set_issuer_name(x, subject);
	} else {
		const uint8_t *name_at = in->issuer_subject.data;
		SCOPED(X509_NAME)
		issuer = d2i_X509_NAME(NULL, &name_at, (long)in->issuer_subject.len);

		X509_set_issuer_name(x, issuer);
	}
	ASN1_TIME_set(X509_getm_notBefore(x), (time_t)t->not_before);
	ASN1_TIME_set(X509_getm_notAfter(x), (time_t)t->not_after);
	X509_set_pubkey(x, subject_key);
	add_usages(x, t);
	add_key_ids(x, in->issuer_key_id);
	if (in->urls != NULL)
		add_access(x, in->urls);
	add_names(x, t);
	add_policies(x, t->policies);
	if (in->urls != NULL)
		add_distribution_points(x, &in->urls->crl_distribution_points);
	reference_sign(x, issuer_key, choice);
	return x;
}

#endif
