#include "usage.h"

#include "name.h"
#include "oid.h"

static const char *const key_usages[KEY_USAGES] = { "DigitalSignature", "ContentCommitment",
	"KeyEncipherment", "DataEncipherment", "KeyAgreement", "CertSign", "CRLSign",
	"EncipherOnly", "DecipherOnly" };

static const char *const purposes[TEMPLATE_PURPOSES] = { "ServerAuth", "ClientAuth", "CodeSigning",
	"EmailProtection", "Any", "IPSECEndSystem", "IPSECTunnel", "IPSECUser", "TimeStamping",
	"OCSPSigning", "MicrosoftServerGatedCrypto", "NetscapeServerGatedCrypto",
	"MicrosoftCommercialCodeSigning", "MicrosoftKernelCodeSigning" };

static unsigned
bit_of(struct slice name, const char *const *names, size_t count)
{
	name = text_trim(name);
	for (size_t i = 0; i < count; i++)
		if (name_equal(name, slice_text(names[i])))
			return 1U << i;
	return 0;
}

unsigned
key_usage_bit(struct slice name)
{
	return bit_of(name, key_usages, KEY_USAGES);
}

unsigned
ext_key_usage_bit(struct slice name)
{
	return bit_of(name, purposes, TEMPLATE_PURPOSES);
}

unsigned
key_usage_bits(const struct slice_list *names)
{
	unsigned bits = 0;

	for (size_t i = 0; i < names->count; i++)
		bits |= key_usage_bit(names->items[i]);
	return bits;
}

unsigned
ext_key_usage_bits(const struct slice_list *names)
{
	unsigned bits = 0;

	for (size_t i = 0; i < names->count; i++)
		bits |= ext_key_usage_bit(names->items[i]);
	return bits;
}

static unsigned
purpose_bit(struct slice oid)
{
	for (size_t i = 0; i < TEMPLATE_PURPOSES; i++)
		if (slice_eq(oid, template_purposes[i]))
			return 1U << i;
	return 0;
}

static bool
list_has(const struct slice_list *list, struct slice item)
{
	for (size_t i = 0; i < list->count; i++)
		if (slice_eq(list->items[i], item))
			return true;
	return false;
}

void
ext_key_usage_oids(const struct slice_list *texts, struct arena *a, unsigned *bits,
    struct slice_list *ret, struct slice *ret_bad)
{
	*ret = (struct slice_list){ arena_array(a, texts->count, sizeof(struct slice)), 0 };
	*ret_bad = SLICE_NONE;
	for (size_t i = 0; i < texts->count; i++) {
		struct slice oid;
		unsigned bit;

		if (!oid_parse(text_trim(texts->items[i]), a, &oid)) {
			*ret_bad = texts->items[i];
			continue;
		}
		bit = purpose_bit(oid);
		*bits |= bit;
		if (bit == 0 && !list_has(ret, oid))
			ret->items[ret->count++] = oid;
	}
}

const char *
key_usage_name(size_t i)
{
	return i < KEY_USAGES ? key_usages[i] : NULL;
}

const char *
ext_key_usage_name(size_t i)
{
	return i < TEMPLATE_PURPOSES ? purposes[i] : NULL;
}

unsigned
key_usage_of_type(enum key_type type)
{
	const unsigned signs = USAGE_DIGITAL_SIGNATURE | USAGE_CONTENT_COMMITMENT |
	    USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN;

	switch (type) {
	case KEY_RSA:
		return signs | USAGE_KEY_ENCIPHERMENT | USAGE_DATA_ENCIPHERMENT;
	case KEY_EC:
		return signs | USAGE_KEY_AGREEMENT | USAGE_ENCIPHER_ONLY | USAGE_DECIPHER_ONLY;
	case KEY_ED25519:
		return signs;
	}
	return 0;
}

unsigned
key_usage_of_purposes(unsigned ext_key_usage)
{
	static const struct {
		unsigned purpose, usages;
	} consistent[] = {
		{ PURPOSE_SERVER_AUTH,
		    USAGE_DIGITAL_SIGNATURE | USAGE_KEY_ENCIPHERMENT | USAGE_KEY_AGREEMENT },
		{ PURPOSE_CLIENT_AUTH, USAGE_DIGITAL_SIGNATURE | USAGE_KEY_AGREEMENT },
		{ PURPOSE_CODE_SIGNING, USAGE_DIGITAL_SIGNATURE },
		{ PURPOSE_EMAIL_PROTECTION,
		    USAGE_DIGITAL_SIGNATURE | USAGE_CONTENT_COMMITMENT | USAGE_KEY_ENCIPHERMENT |
			USAGE_KEY_AGREEMENT },
		{ PURPOSE_TIME_STAMPING, USAGE_DIGITAL_SIGNATURE | USAGE_CONTENT_COMMITMENT },
		{ PURPOSE_OCSP_SIGNING, USAGE_DIGITAL_SIGNATURE | USAGE_CONTENT_COMMITMENT },
	};
	const unsigned all = (1U << KEY_USAGES) - 1;
	unsigned usages = 0;

	for (size_t i = 0; i < sizeof(consistent) / sizeof(consistent[0]); i++)
		if ((ext_key_usage & consistent[i].purpose) != 0) {
			usages |= consistent[i].usages;
			ext_key_usage &= ~consistent[i].purpose;
		}
	return usages == 0 || ext_key_usage != 0 ? all : usages;
}
