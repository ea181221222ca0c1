#include "certificate_ext.h"

/* GeneralName (RFC 5280 4.2.1.6) */
#define NAME_RFC822     DER_CONTEXT(1)
#define NAME_DNS_NAME   DER_CONTEXT(2)
#define NAME_URI        DER_CONTEXT(6)
#define NAME_IP_ADDRESS DER_CONTEXT(7)

void
extension_wrap(struct der *d, const uint8_t *mark, struct slice oid, bool critical)
{
	der_wrap(d, mark, DER_OCTET_STRING);
	if (critical)
		der_bool_true(d);
	der_tlv(d, DER_OID, oid);
	der_wrap(d, mark, DER_SEQUENCE);
}

/* Each writer puts the extension's value and says whether it is there, and whether it is critical. */
enum presence { ABSENT, PRESENT, CRITICAL };

static enum presence
write_basic_constraints(struct der *d, const struct certificate_extensions *x)
{
	const uint8_t *mark = der_mark(d);

	if (!x->template->is_ca)
		return ABSENT;
	if (x->template->max_path_length >= 0)
		der_small(d, (uint64_t)x->template->max_path_length);
	der_bool_true(d);
	der_wrap(d, mark, DER_SEQUENCE);
	return CRITICAL;
}

static enum presence
write_key_usage(struct der *d, const struct certificate_extensions *x)
{
	if (x->template->key_usage == 0)
		return ABSENT;
	der_named_bits(d, x->template->key_usage);
	return CRITICAL;
}

/* RFC 5280 4.2.1.12 (id-kp 1 to 4), RFC 4945 5.1.3.12, RFC 5280 (id-kp 8, 9), and what Microsoft and Netscape had; as the bits. */
const struct slice template_purposes[TEMPLATE_PURPOSES] = {
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x01"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x02"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x03"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x04"),
	DER_BYTES("\x55\x1d\x25\x00"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x05"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x06"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x07"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x08"),
	DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x09"),
	DER_BYTES("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03"),
	DER_BYTES("\x60\x86\x48\x01\x86\xf8\x42\x04\x01"),
	DER_BYTES("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x16"),
	DER_BYTES("\x2b\x06\x01\x04\x01\x82\x37\x3d\x01\x01"),
};

static enum presence
write_extended_key_usage(struct der *d, const struct certificate_extensions *x)
{
	const struct template *t = x->template;
	const uint8_t *mark = der_mark(d);

	if (t->ext_key_usage == 0 && t->ext_key_usage_oids.count == 0)
		return ABSENT;
	for (size_t i = t->ext_key_usage_oids.count; i-- > 0;)
		der_tlv(d, DER_OID, t->ext_key_usage_oids.items[i]);
	for (size_t i = TEMPLATE_PURPOSES; i-- > 0;)
		if ((t->ext_key_usage & 1U << i) != 0)
			der_tlv(d, DER_OID, template_purposes[i]);
	der_wrap(d, mark, DER_SEQUENCE);
	return PRESENT;
}

static enum presence
write_subject_key_id(struct der *d, const struct certificate_extensions *x)
{
	der_tlv(d, DER_OCTET_STRING, x->subject_key_id);
	return PRESENT;
}

static enum presence
write_authority_key_id(struct der *d, const struct certificate_extensions *x)
{
	const uint8_t *mark = der_mark(d);

	der_tlv(d, DER_CONTEXT(0), x->authority_key_id);
	der_wrap(d, mark, DER_SEQUENCE);
	return PRESENT;
}

static void
write_access(struct der *d, const struct slice_list *urls, struct slice method)
{
	for (size_t i = urls->count; i-- > 0;) {
		const uint8_t *mark = der_mark(d);

		der_tlv(d, NAME_URI, urls->items[i]);
		der_tlv(d, DER_OID, method);
		der_wrap(d, mark, DER_SEQUENCE);
	}
}

static enum presence
write_authority_info_access(struct der *d, const struct certificate_extensions *x)
{
	/* RFC 5280 4.2.2.1: id-ad-ocsp, id-ad-caIssuers */
	static const struct slice ocsp = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x30\x01");
	static const struct slice issuers = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x30\x02");
	const struct certificate_urls *urls = x->urls;
	const uint8_t *mark = der_mark(d);

	if (urls == NULL || urls->ocsp_servers.count + urls->issuing_certificates.count == 0)
		return ABSENT;
	write_access(d, &urls->issuing_certificates, issuers);
	write_access(d, &urls->ocsp_servers, ocsp);
	der_wrap(d, mark, DER_SEQUENCE);
	return PRESENT;
}

static void
write_names(struct der *d, uint8_t tag, const struct slice_list *names)
{
	for (size_t i = names->count; i-- > 0;)
		der_tlv(d, tag, names->items[i]);
}

static enum presence
write_subject_alt_name(struct der *d, const struct certificate_extensions *x)
{
	const struct template *t = x->template;
	const uint8_t *mark = der_mark(d);

	if (t->dns.count + t->emails.count + t->ips.count == 0)
		return ABSENT;
	write_names(d, NAME_IP_ADDRESS, &t->ips);
	write_names(d, NAME_RFC822, &t->emails);
	write_names(d, NAME_DNS_NAME, &t->dns);
	der_wrap(d, mark, DER_SEQUENCE);
	return x->subject_is_empty ? CRITICAL : PRESENT;
}

void
distribution_point_name_write(struct der *d, const struct slice *uris, size_t count)
{
	const uint8_t *mark = der_mark(d);

	for (size_t i = count; i-- > 0;)
		der_tlv(d, NAME_URI, uris[i]);
	der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(0));
	der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(0));
}

static enum presence
write_crl_distribution_points(struct der *d, const struct certificate_extensions *x)
{
	const uint8_t *mark = der_mark(d);

	if (x->urls == NULL || x->urls->crl_distribution_points.count == 0)
		return ABSENT;
	distribution_point_name_write(
	    d, x->urls->crl_distribution_points.items, x->urls->crl_distribution_points.count);
	der_wrap(d, mark, DER_SEQUENCE);
	der_wrap(d, mark, DER_SEQUENCE);
	return PRESENT;
}

/* In the order of the certificate. */
/* clang-format off */
static const struct {
	struct slice oid;
	enum presence (*write)(struct der *d, const struct certificate_extensions *x);
} extensions[] = {
	{ DER_BYTES("\x55\x1d\x13"), write_basic_constraints },
	{ DER_BYTES("\x55\x1d\x0f"), write_key_usage },
	{ DER_BYTES("\x55\x1d\x25"), write_extended_key_usage },
	{ DER_BYTES("\x55\x1d\x0e"), write_subject_key_id },
	{ DER_BYTES("\x55\x1d\x23"), write_authority_key_id },
	{ DER_BYTES("\x2b\x06\x01\x05\x05\x07\x01\x01"), write_authority_info_access },
	{ DER_BYTES("\x55\x1d\x11"), write_subject_alt_name },
	{ DER_BYTES("\x55\x1d\x1f"), write_crl_distribution_points },
};
/* clang-format on */

void
certificate_extensions_write(struct der *d, const struct certificate_extensions *x)
{
	const uint8_t *end = der_mark(d);

	for (size_t i = sizeof(extensions) / sizeof(extensions[0]); i-- > 0;) {
		const uint8_t *mark = der_mark(d);
		enum presence presence = extensions[i].write(d, x);

		if (presence != ABSENT)
			extension_wrap(d, mark, extensions[i].oid, presence == CRITICAL);
	}
	der_wrap(d, end, DER_SEQUENCE);
	der_wrap(d, end, DER_CONTEXT_CONSTRUCTED(3));
}

#define ITEM_OVERHEAD 24 /* headers of a name or an access description, with its method */

static size_t
list_bound(const struct slice_list *l)
{
	size_t bound = 0;

	for (size_t i = 0; i < l->count; i++)
		bound += l->items[i].len + ITEM_OVERHEAD;
	return bound;
}

size_t
certificate_extensions_bound(const struct certificate_extensions *x)
{
	const struct template *t = x->template;
	size_t bound = 512 + x->subject_key_id.len + x->authority_key_id.len;

	bound += list_bound(&t->dns) + list_bound(&t->emails) + list_bound(&t->ips) +
	    list_bound(&t->ext_key_usage_oids);
	if (x->urls != NULL)
		bound += list_bound(&x->urls->issuing_certificates) +
		    list_bound(&x->urls->crl_distribution_points) +
		    list_bound(&x->urls->ocsp_servers);
	return bound;
}
