/* The parts of a template as OpenSSL's own types: a Name, GeneralNames, BasicConstraints. Included behind cmocka.h. */
#ifndef CERTMILL_TEST_TEMPLATE_REFERENCE_H
#define CERTMILL_TEST_TEMPLATE_REFERENCE_H

#include "scoped_openssl.h"
#include "template.h"

static inline ASN1_STRING *
string(int type, struct slice value)
{
	ASN1_STRING *s = ASN1_STRING_type_new(type);

	assert_true(ASN1_STRING_set(s, value.data, (int)value.len));
	return s;
}

/* The content octets of an OID. */
static inline ASN1_OBJECT *
object(struct slice oid)
{
	uint8_t der[130] = { 0x06, (uint8_t)oid.len };
	const uint8_t *at = der;

	assert_true(oid.len < 0x80);
	memcpy(der + 2, oid.data, oid.len);
	return d2i_ASN1_OBJECT(NULL, &at, (long)oid.len + 2);
}

/* ---- the subject ---- */

static inline void
add_values(X509_NAME *name, int nid, const struct slice *values, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const uint8_t *text = values[i].data;
		int len = (int)values[i].len, type = V_ASN1_UTF8STRING;

		if ((nid == NID_countryName || nid == NID_serialNumber) &&
		    ASN1_PRINTABLE_type(text, len) == V_ASN1_PRINTABLESTRING)
			type = V_ASN1_PRINTABLESTRING;
		if (len > 0)
			assert_int_equal(
			    X509_NAME_add_entry_by_NID(name, nid, type, text, len, -1, 0), 1);
	}
}

static inline X509_NAME *
reference_name(const struct template *t)
{
	const struct {
		int nid;
		const struct slice *values;
		size_t count;
	} attributes[] = {
		{ NID_countryName, t->country.items, t->country.count },
		{ NID_stateOrProvinceName, t->province.items, t->province.count },
		{ NID_localityName, t->locality.items, t->locality.count },
		{ NID_postalCode, t->postal_code.items, t->postal_code.count },
		{ NID_streetAddress, t->street_address.items, t->street_address.count },
		{ NID_organizationName, t->organization.items, t->organization.count },
		{ NID_organizationalUnitName, t->organizational_unit.items,
		    t->organizational_unit.count },
		{ NID_commonName, &t->common_name, 1 },
		{ NID_serialNumber, &t->serial_number, 1 },
		{ NID_userId, t->user_ids.items, t->user_ids.count },
	};
	const uint8_t *at = t->subject.data;
	X509_NAME *name;

	if (at != NULL)
		return d2i_X509_NAME(NULL, &at, (long)t->subject.len);
	name = X509_NAME_new();
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		add_values(name, attributes[i].nid, attributes[i].values, attributes[i].count);
	return name;
}

/* ---- subjectAltName ---- */

static inline void
push_name(GENERAL_NAMES *names, int type, struct slice value)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	int asn1 = type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING;

	GENERAL_NAME_set0_value(name, type, string(asn1, value));
	assert_true(sk_GENERAL_NAME_push(names, name));
}

static inline void
push_names(GENERAL_NAMES *names, int type, const struct slice_list *values)
{
	for (size_t i = 0; i < values->count; i++)
		push_name(names, type, values->items[i]);
}

static inline void
push_other(GENERAL_NAMES *names, const struct other_name *other)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_TYPE *value = ASN1_TYPE_new();

	ASN1_TYPE_set(value, V_ASN1_UTF8STRING, string(V_ASN1_UTF8STRING, other->value));
	assert_int_equal(GENERAL_NAME_set0_othername(name, object(other->type_id), value), 1);
	assert_true(sk_GENERAL_NAME_push(names, name));
}

/* Perhaps empty. */
static inline GENERAL_NAMES *
reference_alt_names(const struct template *t)
{
	GENERAL_NAMES *names = GENERAL_NAMES_new();

	push_names(names, GEN_DNS, &t->dns);
	push_names(names, GEN_EMAIL, &t->emails);
	push_names(names, GEN_IPADD, &t->ips);
	push_names(names, GEN_URI, &t->uris);
	for (size_t i = 0; i < t->others.count; i++)
		push_other(names, &t->others.items[i]);
	return names;
}

static inline BASIC_CONSTRAINTS *
reference_basic_constraints(const struct template *t)
{
	BASIC_CONSTRAINTS *basic = BASIC_CONSTRAINTS_new();

	basic->ca = t->is_ca ? 0xff : 0;
	if (t->is_ca && t->max_path_length >= 0) {
		basic->pathlen = ASN1_INTEGER_new();
		ASN1_INTEGER_set_int64(basic->pathlen, t->max_path_length);
	}
	return basic;
}

#endif
