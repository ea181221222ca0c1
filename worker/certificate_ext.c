#include "certificate_ext.h"

#include "extension.h"
#include "subject.h"

bool
certificate_extensions_check(const struct template *t, struct err *e)
{
	struct extension x;

	for (size_t i = 0; i < t->extensions.count; i++)
		if (!extension_read(t->extensions.items[i], &x))
			return err_set(
			    e, ERR_INTERNAL, "extension %zu of the template does not parse", i + 1);
	return true;
}

/* Each writer puts the extension's value and says whether it is there, and whether it is critical. */
enum presence { ABSENT, PRESENT, CRITICAL };

static const struct slice oid_key_usage = DER_BYTES("\x55\x1d\x0f");

static bool
may_sign_certificates(const struct template *t)
{
	unsigned usage = t->key_usage;
	struct extension verbatim;

	if (extension_find(&t->extensions, oid_key_usage, &verbatim).data != NULL) {
		struct der_reader r = der_reader_of(verbatim.value);

		if (!der_read_named_bits(&r, &usage))
			return true; /* who knows */
	}
	return (usage & USAGE_KEY_CERT_SIGN) != 0;
}

/* An end entity whose key usage has keyCertSign must say that it is none: OpenSSL takes it for a CA otherwise. */
static enum presence
write_basic_constraints(struct der *d, const struct certificate_extensions *x)
{
	const struct template *t = x->template;
	const uint8_t *mark = der_mark(d);

	if (!t->is_ca && !t->basic_constraints && !may_sign_certificates(t))
		return ABSENT;
	if (t->is_ca && t->max_path_length >= 0)
		der_small(d, (uint64_t)t->max_path_length);
	if (t->is_ca)
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

/* RFC 3161 2.3: a time stamper's extension is critical. */
static enum presence
purposes_presence(const struct template *t)
{
	static const struct slice time_stamping = DER_BYTES("\x2b\x06\x01\x05\x05\x07\x03\x08");

	for (size_t i = 0; i < t->ext_key_usage_oids.count; i++)
		if (slice_eq(t->ext_key_usage_oids.items[i], time_stamping))
			return CRITICAL;
	return (t->ext_key_usage & PURPOSE_TIME_STAMPING) != 0 ? CRITICAL : PRESENT;
}

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
	return purposes_presence(t);
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

static void
write_other_names(struct der *d, const struct other_names *names)
{
	for (size_t i = names->count; i-- > 0;) {
		const uint8_t *mark = der_mark(d);

		der_tlv(d, DER_UTF8_STRING, names->items[i].value);
		der_wrap(d, mark, DER_CONTEXT_CONSTRUCTED(0));
		der_tlv(d, DER_OID, names->items[i].type_id);
		der_wrap(d, mark, NAME_OTHER);
	}
}

static enum presence
write_subject_alt_name(struct der *d, const struct certificate_extensions *x)
{
	const struct template *t = x->template;
	const uint8_t *mark = der_mark(d);

	if (t->dns.count + t->emails.count + t->ips.count + t->uris.count + t->others.count == 0)
		return ABSENT;
	write_other_names(d, &t->others);
	write_names(d, NAME_URI, &t->uris);
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

static enum presence
write_policies(struct der *d, const struct certificate_extensions *x)
{
	if (x->template->policies.data == NULL)
		return ABSENT;
	der_raw(d, x->template->policies);
	return PRESENT;
}

/* Who speaks in an extension that stands in the template's verbatim ones as well. */
enum precedence {
	VERBATIM, /* the verbatim one stands in the place of the one that would be made */
	OURS,     /* the verbatim one stands only where none is made */
	OURS_ALONE,
};

/* In the order of the certificate. */
/* clang-format off */
static const struct row {
	struct slice oid;
	enum presence (*write)(struct der *d, const struct certificate_extensions *x);
	enum precedence precedence;
	bool asked; /* of a CA, in a request */
} extensions[] = {
	{ DER_BYTES("\x55\x1d\x13"), write_basic_constraints, OURS_ALONE, true },
	{ DER_BYTES("\x55\x1d\x0f"), write_key_usage, VERBATIM, false },
	{ DER_BYTES("\x55\x1d\x25"), write_extended_key_usage, VERBATIM, false },
	{ DER_BYTES("\x55\x1d\x0e"), write_subject_key_id, OURS, false },
	{ DER_BYTES("\x55\x1d\x23"), write_authority_key_id, OURS, false },
	{ DER_BYTES("\x2b\x06\x01\x05\x05\x07\x01\x01"), write_authority_info_access, OURS, false },
	{ DER_BYTES("\x55\x1d\x11"), write_subject_alt_name, VERBATIM, true },
	{ DER_BYTES("\x55\x1d\x20"), write_policies, VERBATIM, false },
	{ DER_BYTES("\x55\x1d\x1f"), write_crl_distribution_points, OURS, false },
};
/* clang-format on */
#define EXTENSION_COUNT (sizeof(extensions) / sizeof(extensions[0]))

/* Those of kinds that the table has not. */
static void
write_further(struct der *d, const struct template *t)
{
	for (size_t i = t->extensions.count; i-- > 0;) {
		struct extension x;
		size_t k = 0;

		if (!extension_read(t->extensions.items[i], &x))
			continue;
		while (k < EXTENSION_COUNT && !slice_eq(extensions[k].oid, x.oid))
			k++;
		if (k == EXTENSION_COUNT)
			der_raw(d, t->extensions.items[i]);
	}
}

static void
write_extension(struct der *d, const struct row *row, const struct certificate_extensions *x)
{
	struct extension parts;
	struct slice verbatim = extension_find(&x->template->extensions, row->oid, &parts);
	const uint8_t *mark = der_mark(d);
	enum presence presence;

	if (verbatim.data != NULL && row->precedence == VERBATIM) {
		der_raw(d, verbatim);
		return;
	}
	presence = row->write(d, x);
	if (presence != ABSENT)
		extension_wrap(d, mark, row->oid, presence == CRITICAL);
	else if (row->precedence == OURS)
		der_raw(d, verbatim);
}

void
certificate_extensions_write(struct der *d, const struct certificate_extensions *x)
{
	const uint8_t *end = der_mark(d);

	write_further(d, x->template);
	for (size_t i = EXTENSION_COUNT; i-- > 0;)
		write_extension(d, &extensions[i], x);
	der_wrap(d, end, DER_SEQUENCE);
	der_wrap(d, end, DER_CONTEXT_CONSTRUCTED(3));
}

bool
certificate_extension_write(struct der *d, const struct template *t, struct slice oid)
{
	const struct certificate_extensions x = {
		.template = t,
		.subject_is_empty = subject_is_empty(t),
	};
	const uint8_t *end = der_mark(d);

	for (size_t i = 0; i < EXTENSION_COUNT; i++)
		if (slice_eq(extensions[i].oid, oid))
			write_extension(d, &extensions[i], &x);
	return der_mark(d) != end;
}

bool
certificate_extensions_ask(struct der *d, const struct template *t)
{
	struct template asked = *t;
	const struct certificate_extensions x = {
		.template = &asked,
		.subject_is_empty = subject_is_empty(t),
	};
	const uint8_t *end = der_mark(d);

	/* basicConstraints as they were asked for, and nothing that follows from usages */
	asked.is_ca = t->is_ca && t->basic_constraints;
	asked.key_usage = 0;
	asked.extensions = (struct slice_list){ 0 };
	for (size_t i = EXTENSION_COUNT; i-- > 0;)
		if (extensions[i].asked)
			write_extension(d, &extensions[i], &x);
	if (der_mark(d) == end)
		return false;
	der_wrap(d, end, DER_SEQUENCE);
	return true;
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
	size_t bound = 512 + x->subject_key_id.len + x->authority_key_id.len + t->policies.len;

	bound += list_bound(&t->dns) + list_bound(&t->emails) + list_bound(&t->ips) +
	    list_bound(&t->uris) + list_bound(&t->ext_key_usage_oids) + list_bound(&t->extensions);
	for (size_t i = 0; i < t->others.count; i++)
		bound += t->others.items[i].type_id.len + t->others.items[i].value.len +
		    ITEM_OVERHEAD;
	if (x->urls != NULL)
		bound += list_bound(&x->urls->issuing_certificates) +
		    list_bound(&x->urls->crl_distribution_points) +
		    list_bound(&x->urls->ocsp_servers);
	return bound;
}
